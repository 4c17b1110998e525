
/* ds_meter.c: silence, slate and lateness in figures. */

#include "air/ds_meter.h"


/* ms: a longer silence is dead air */
#define DS_MAX_SILENCE   250

/* ms: the clock is set anew; in all until that is too often; and forgotten */
#define DS_METER_LATE    200
#define DS_METER_BEHIND  1000
#define DS_METER_CALM    10000


static void ds_meter_lag(ds_meter_t *m, int64_t now, int64_t late);
static void ds_meter_turn(ds_meter_t *m, int64_t now);


void
ds_meter_item(ds_meter_t *m)
{
    m->item_gap = 0;
    m->item_slate = 0;
    m->item_time = 0;
    m->item_bytes = 0;
    m->behind = 0;
}


void
ds_meter_sent(ds_meter_t *m, int64_t now, bool slate, size_t bytes,
    int64_t late)
{
    int64_t  *worst, since;

    since = m->sent_at == 0 ? 0 : now - m->sent_at;

    if (slate && m->slate) {
        m->dead += since;
        m->item_slate += since;

    } else if (since > DS_MAX_SILENCE) {
        m->dead += since;

        if (m->item_bytes == 0) {
            m->item_gap += since;
        }
    }

    m->sent_at = now;
    m->slate = slate;

    if (slate) {
        m->behind = 0;

    } else {
        m->item_at = now;
        m->item_bytes += bytes;
        ds_meter_lag(m, now, late);
    }

    ds_meter_turn(m, now);

    worst = &m->late[m->second % DS_METER_TIME];

    if (late > *worst) {
        *worst = late;
    }
}


/* forgets the seconds that are too long ago */

static void
ds_meter_turn(ds_meter_t *m, int64_t now)
{
    now /= 1000;

    if (m->second < now - DS_METER_TIME) {
        m->second = now - DS_METER_TIME;
    }

    while (m->second < now) {
        m->late[++m->second % DS_METER_TIME] = 0;
    }
}


/* one long delay may be ours; many of them are the source's */

static void
ds_meter_lag(ds_meter_t *m, int64_t now, int64_t late)
{
    if (late < DS_METER_LATE) {
        return;
    }

    if (now - m->behind_at > DS_METER_CALM) {
        m->behind = 0;
    }

    m->behind += late < 2 * DS_METER_LATE ? late : 2 * DS_METER_LATE;
    m->behind_at = now;
}


bool
ds_meter_slow(const ds_meter_t *m)
{
    return m->behind > DS_METER_BEHIND;
}


int64_t
ds_meter_silence(const ds_meter_t *m, int64_t now)
{
    return m->sent_at == 0 ? -1 : now - m->sent_at;
}


int64_t
ds_meter_missing(const ds_meter_t *m, int64_t now)
{
    return m->item_at == 0 ? -1 : now - m->item_at;
}


int64_t
ds_meter_dead(const ds_meter_t *m, int64_t now)
{
    int64_t  silence;

    silence = ds_meter_silence(m, now);

    return m->dead + (silence > DS_MAX_SILENCE ? silence : 0);
}


int64_t
ds_meter_late(ds_meter_t *m, int64_t now)
{
    int      i;
    int64_t  worst;

    ds_meter_turn(m, now);

    worst = 0;

    for (i = 0; i < DS_METER_TIME; i++) {
        if (m->late[i] > worst) {
            worst = m->late[i];
        }
    }

    return worst;
}


void
ds_meter_aired(const ds_meter_t *m, ds_aired_t *a)
{
    a->gap = m->item_gap;
    a->slate = m->item_slate;
    a->aired = m->item_time / 1000;
    a->bytes = m->item_bytes;
}
