
/*
 * ds_programme.c: what is due by the schedule becomes an entry of the agenda,
 * prepared ahead, and woken when it is its time: from there on it comes to the
 * air as what is queued does.  Which slot is due ds_schedule.c decides.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_crash.h"
#include "play/ds_pick.h"
#include "play/ds_programme.h"
#include "play/ds_schedule.h"
#include "resolve/ds_resolver.h"


/* ms: a list that is so new is not read again for its slot */
#define DS_SLOT_LIST_NEW    60000

/* ms before a slot is prepared: its list is read again */
#define DS_SLOT_LIST_LEAD   30000

/* ms: after a reading, or an item, that has failed */
#define DS_SLOT_RETRY_MIN   1000
#define DS_SLOT_RETRY_MAX   60000

/* ms before a start that cuts when the air is told of it */
#define DS_SLOT_SOON        500

/* ms: a gap before a hard start that is worth a filler */
#define DS_FILLER_MIN       1000

/* ms: what is left of an item when what follows is looked at */
#define DS_FILLER_LEAD      60000


typedef struct {
    ds_playlist_t  *list;           /* NULL: not read yet */
    int64_t         read;           /* monotonic ms */
    int64_t         retry;          /* not before, monotonic ms */
    unsigned        tries;          /* in vain */
    uint32_t        hash;           /* of the slot's label */
    uint64_t        first;          /* key of the item it began with, at: */
    int64_t         start;
    uint64_t        next;           /* of the one that is next, 0: the first */
} ds_slot_list_t;


/* an entry of the agenda */

typedef struct {
    uint32_t        key;            /* DS_AGENDA_NONE: there is none */
    int             slot;
    int64_t         start;          /* of the airing */
    bool            first;          /* item of it */
    uint32_t        index;          /* in the slot's list */
} ds_slot_item_t;


struct ds_programme_s {
    ds_rundown_t   *rd;
    ds_slot_list_t  lists[DS_SLOTS];

    ds_job_t        job;            /* reads a list */
    int             reading;        /* whose, -1: none */
    char            playlist[DS_URL_LEN + 1];
    ds_playlist_t  *fresh;          /* the job's until it is done, */
    ds_error_t      err;            /* as are these */
    uint32_t        most;           /* items, 0: any number */
    bool            full;           /* there is no memory for all */

    ds_slot_item_t  item;           /* due, or to follow */
    ds_slot_item_t  ahead;          /* asleep */
    uint32_t        played;         /* items of what is on */
    unsigned        fails;          /* items in a row */
    int64_t         retry;          /* monotonic ms */
    ds_airing_t     seen;           /* what is due, as it was seen last */
    bool            late;           /* it has been said */
    ds_slots_t      slots;          /* of the status */
};


static bool ds_programme_adopt(ds_stream_t *s);
static void ds_programme_cursors(ds_programme_t *p, const char *text);
static uint32_t ds_programme_hash(const char *label);
static void ds_programme_read(ds_stream_t *s, int64_t now);
static void ds_programme_run(void *data);
static bool ds_programme_add(void *data, ds_entry_t *e);
static void ds_programme_listed(ds_stream_t *s);
static void ds_programme_moved(ds_stream_t *s, ds_slot_item_t *it,
    ds_slot_list_t *l, ds_playlist_t *fresh);
static void ds_programme_due(ds_stream_t *s, int64_t now);
static void ds_programme_missed(ds_stream_t *s, const ds_airing_t *a);
static void ds_programme_check(ds_stream_t *s, ds_slot_item_t *it,
    const ds_airing_t *a, bool first);
static void ds_programme_want(ds_stream_t *s, ds_slot_item_t *it,
    const ds_airing_t *a, bool first, bool sleeps, int64_t now);
static bool ds_programme_choose(ds_stream_t *s, const ds_airing_t *a,
    bool first, int64_t now, uint32_t *index, int64_t *from, bool *over);
static bool ds_programme_join(ds_slot_list_t *l, bool loops, int64_t elapsed,
    uint32_t *index, int64_t *from);
static void ds_programme_cut(ds_stream_t *s, int64_t now);
static void ds_programme_fit(ds_slot_list_t *l, int64_t gap,
    uint32_t *index);
static void ds_programme_drop(ds_stream_t *s, ds_slot_item_t *it);
static int64_t ds_programme_gap(ds_stream_t *s, int64_t now);
static bool ds_programme_filler(ds_stream_t *s, int64_t now,
    ds_airing_t *a);
static void ds_programme_free(ds_stream_t *s);


void
ds_programme_step(ds_stream_t *s)
{
    int64_t          now;
    ds_airing_t      a;
    ds_rundown_t    *rd;
    ds_programme_t  *p;

    s->slot_cuts = 0;
    ds_air_until(s->air, 0);

    if (!ds_programme_adopt(s)) {
        return;
    }

    p = s->programme;
    rd = p->rd;
    now = ds_now();

    ds_rundown_step(rd, now);
    ds_programme_read(s, now);
    ds_programme_due(s, now);

    /* what was prepared is what is due now; then the next one, asleep */

    if (rd->due.slot != -1 && p->ahead.key != DS_AGENDA_NONE
        && p->ahead.slot == rd->due.slot && p->ahead.start == rd->due.start)
    {
        ds_programme_drop(s, &p->item);
        p->item = p->ahead;
        p->ahead.key = DS_AGENDA_NONE;
    }

    a = ds_rundown_coming(rd, now, rd->conf.prepare);
    ds_programme_check(s, &p->ahead, &a, true);

    if (a.slot != -1) {
        ds_programme_want(s, &p->ahead, &a, true, true, now);
    }

    /* one after the other: an ident, the filler, what is due, what is on */

    if (rd->due.slot != -1) {
        a = rd->due;

        if (rd->ident.slot != -1 && rd->ident.start >= a.start
            && now < a.deadline)
        {
            a = rd->ident;
        }

    } else if (rd->ident.slot != -1) {
        a = rd->ident;

    } else if (!ds_programme_filler(s, now, &a)) {
        a = rd->on;
    }

    ds_programme_check(s, &p->item, &a,
                       a.slot != rd->on.slot || a.start != rd->on.start);

    s->slot_awaited = rd->due.slot != -1 && rd->due.missed
                      && s->copied + s->encoded == 0 && p->fails == 0
                      && p->lists[rd->due.slot].tries == 0
                      && ds_monotonic() - s->list_started
                         < s->ds->conf.source_timeout;

    if (a.slot != -1) {
        ds_programme_want(s, &p->item, &a,
                          a.slot != rd->on.slot || a.start != rd->on.start,
                          false, now);
    }

    ds_programme_cut(s, now);
}


/*
 * What is about to be cut for something that is ready is sent up to the very
 * time, and not, as else, up to a tick beyond it.
 */

static void
ds_programme_cut(ds_stream_t *s, int64_t now)
{
    int              slot;
    bool             ready;
    int64_t          at;
    ds_programme_t  *p;

    p = s->programme;
    at = ds_rundown_cut(p->rd, now, &slot);

    ready = at > now && at - now <= DS_SLOT_SOON
            && ((p->ahead.key != DS_AGENDA_NONE && p->ahead.slot == slot
                 && s->slotted != NULL && s->slotted_key == p->ahead.key
                 && ds_source_ready(s->slotted))
                || (p->item.key != DS_AGENDA_NONE && p->item.slot == slot
                    && s->queued != NULL && s->queued_key == p->item.key
                    && ds_source_ready(s->queued)));

    if (ready) {
        s->slot_cuts = ds_monotonic_us() + (at - now) * 1000;
        ds_air_until(s->air, s->slot_cuts);
    }
}


/*
 * A new schedule takes the place of the old one, when that reads no list any
 * more.  False: there is none, or not yet.
 */

static bool
ds_programme_adopt(ds_stream_t *s)
{
    int              i;
    bool             anew, reads;
    char            *text, cursors[DS_CURSORS_LEN];
    ds_error_t       err;
    ds_slots_t       slots;
    ds_rundown_t    *rd;
    ds_programme_t  *p;

    p = s->programme;
    reads = p != NULL && p->reading != -1 && !ds_job_done(&p->job);

    (void) pthread_mutex_lock(&s->lock);

    anew = s->schedule != NULL;
    text = reads ? NULL : s->schedule;

    if (text != NULL) {
        s->schedule = NULL;
        slots = s->status.slots;
        memcpy(cursors, p == NULL ? s->resume.slots
                                  : s->status.progress.slots,
               sizeof(cursors));
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (anew && reads) {
        /* it may sit in a call that cannot be interrupted */
        ds_job_cancel(&p->job);
        s->slot_awaited = false;
        return false;
    }

    if (text == NULL) {
        return p != NULL;
    }

    rd = NULL;
    p = NULL;

    if (text[0] != '\0') {
        rd = ds_rundown_create(text, &err);
        p = rd == NULL ? NULL : calloc(1, sizeof(ds_programme_t));

        if (p == NULL) {
            if (rd != NULL) {
                (void) ds_fail(&err, DS_ENOMEM, "no memory for a schedule");
            }

            ds_log(s->ds, DS_LOG_ERR, s->name,
                   "schedule cannot be followed: %s: %s",
                   ds_error_code(err.code), err.message);
            ds_rundown_free(&rd);
            free(text);
            s->err = err;

            return s->programme != NULL;
        }
    }

    free(text);
    ds_programme_free(s);

    s->programme = p;
    s->scheduled = p != NULL;
    s->slot_awaited = false;

    if (p == NULL) {
        return false;
    }

    p->rd = rd;
    p->slots = slots;
    p->reading = -1;
    p->item.key = DS_AGENDA_NONE;
    p->ahead.key = DS_AGENDA_NONE;
    p->seen.slot = -1;

    for (i = 0; i < (int) rd->conf.n; i++) {
        p->lists[i].hash = ds_programme_hash(rd->conf.slots[i].label);
    }

    ds_programme_cursors(p, cursors);

    return true;
}


static uint32_t
ds_programme_hash(const char *label)
{
    uint32_t  hash;

    /* FNV-1a */

    for (hash = 0x811c9dc5; *label != '\0'; label++) {
        hash = (hash ^ (uint8_t) *label) * 0x01000193;
    }

    return hash;
}


/* "hash start first next", one line a slot */

static void
ds_programme_cursors(ds_programme_t *p, const char *text)
{
    int                 i, used;
    unsigned            hash;
    long long           start;
    unsigned long long  first, next;

    while (sscanf(text, "%x %llx %llx %llx%n", &hash,
                  (unsigned long long *) &start, &first, &next, &used) == 4)
    {
        for (i = 0; i < (int) p->rd->conf.n; i++) {
            if (p->lists[i].hash == hash) {
                p->lists[i].start = start;
                p->lists[i].first = first;
                p->lists[i].next = next;
            }
        }

        text += used;
    }
}


/* one list at a time: that of the slot that is due first, or was never read */

static void
ds_programme_read(ds_stream_t *s, int64_t now)
{
    int              i, best;
    int64_t          mono, at, soonest;
    ds_rundown_t    *rd;
    ds_slot_list_t  *l;
    ds_programme_t  *p;

    p = s->programme;
    rd = p->rd;

    if (p->reading != -1) {
        if (!ds_job_done(&p->job)) {
            return;
        }

        ds_job_end(&p->job);
        ds_programme_listed(s);
    }

    mono = ds_monotonic();
    soonest = DS_NEVER;
    best = -1;

    for (i = 0; i < (int) rd->conf.n; i++) {
        l = &p->lists[i];

        if (mono < l->retry) {
            continue;
        }

        /* what is due, or was, comes first; then the filler, with no time */

        at = rd->due.slot == i ? 0 : rd->next[i];

        if (l->list != NULL
            && (mono - l->read < rd->conf.prepare + DS_SLOT_LIST_NEW
                || at == 0
                || at == DS_NEVER
                || at - now > rd->conf.prepare + DS_SLOT_LIST_LEAD
                || rd->conf.slots[i].kind == DS_SLOT_EVERY))
        {
            continue;
        }

        if (best == -1 || at < soonest) {
            best = i;
            soonest = at;
        }
    }

    if (best == -1) {
        return;
    }

    p->full = false;
    p->most = s->ds->conf.playlist_max_items;
    ds_error_clear(&p->err);
    memcpy(p->playlist, rd->conf.slots[best].playlist, sizeof(p->playlist));
    p->fresh = ds_playlist_create(false, 0);

    if (p->fresh != NULL
        && ds_job_start(&p->job, "ds-list", ds_programme_run, s) == DS_OK)
    {
        p->reading = best;
        return;
    }

    ds_playlist_free(&p->fresh);
    p->lists[best].retry = mono + DS_SLOT_RETRY_MAX;
}


/* context: a job's thread */

static void
ds_programme_run(void *data)
{
    ds_stream_t *s = data;

    ds_programme_t  *p;

    p = s->programme;

    ds_crash_stream(s->name);

    (void) ds_resolver_list(s->ds, &s->settings, p->playlist, &p->job.cancel,
                            ds_programme_add, p, &p->err);
}


/* context: a job's thread; nobody else sees the list yet */

static bool
ds_programme_add(void *data, ds_entry_t *e)
{
    ds_programme_t *p = data;

    if (p->most != 0 && ds_playlist_count(p->fresh) >= p->most) {
        ds_entry_free(e);
        return false;
    }

    if (ds_playlist_add(p->fresh, e) != DS_OK) {
        p->full = true;
        ds_entry_free(e);
        return false;
    }

    return true;
}


/* an answer that is an error, or empty, changes nothing */

static void
ds_programme_listed(ds_stream_t *s)
{
    int64_t             mono;
    ds_playlist_t      *fresh;
    ds_slot_list_t     *l;
    ds_programme_t     *p;
    const ds_timeslot_t *slot;

    p = s->programme;
    l = &p->lists[p->reading];
    slot = &p->rd->conf.slots[p->reading];
    p->reading = -1;
    fresh = p->fresh;
    p->fresh = NULL;
    mono = ds_monotonic();

    if (p->full) {
        (void) ds_fail(&p->err, DS_ENOMEM, "no memory for a list");
    }

    if (p->err.code == DS_OK && ds_playlist_count(fresh) == 0) {
        (void) ds_fail(&p->err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    if (p->err.code == DS_OK) {
        ds_playlist_complete(fresh);
        ds_programme_moved(s, &p->item, l, fresh);
        ds_programme_moved(s, &p->ahead, l, fresh);
        ds_playlist_free(&l->list);
        l->list = fresh;
        l->read = mono;
        l->tries = 0;
        return;
    }

    ds_playlist_free(&fresh);

    l->retry = mono + ds_backoff(++l->tries, DS_SLOT_RETRY_MIN,
                                 DS_SLOT_RETRY_MAX);
    s->err = p->err;
    ds_count_fault(&s->counters, p->err.code);

    ds_log(s->ds, l->list == NULL ? DS_LOG_ERR : DS_LOG_WARN, s->name,
           "playlist of slot \"%s\" failed: %s: %s", slot->label,
           ds_error_code(p->err.code), p->err.message);
}


/* what is prepared is where the new list has it, or is no more */

static void
ds_programme_moved(ds_stream_t *s, ds_slot_item_t *it, ds_slot_list_t *l,
    ds_playlist_t *fresh)
{
    uint32_t  i, n;
    uint64_t  key;

    if (it->key == DS_AGENDA_NONE || &s->programme->lists[it->slot] != l) {
        return;
    }

    key = ds_playlist_key(l->list, it->index);
    n = ds_playlist_count(fresh);

    for (i = 0; i < n; i++) {
        if (ds_playlist_key(fresh, i) == key) {
            it->index = i;
            return;
        }
    }

    ds_programme_drop(s, it);
}


/* what became due since the last time, and what did not come in time */

static void
ds_programme_due(ds_stream_t *s, int64_t now)
{
    ds_airing_t          due;
    ds_programme_t      *p;
    const ds_timeslot_t *slot;

    p = s->programme;
    due = p->rd->due;

    if (due.slot != p->seen.slot || due.start != p->seen.start) {

        if (p->seen.slot != -1) {
            ds_programme_missed(s, &p->seen);
        }

        p->seen = due;
        p->late = false;
        p->retry = 0;
        p->fails = 0;
    }

    if (due.slot == -1 || p->late || due.deadline == DS_NEVER
        || now - due.deadline < DS_MISSED || s->slot_awaited)
    {
        return;
    }

    p->late = true;
    slot = &p->rd->conf.slots[due.slot];

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "slot \"%s\" is late, its item is not ready", slot->label);
}


/* it did not come on air before its end, or before another one */

static void
ds_programme_missed(ds_stream_t *s, const ds_airing_t *a)
{
    ds_programme_t  *p;

    p = s->programme;
    p->slots.missed++;
    p->slots.last_late = -1;
    memcpy(p->slots.last, p->rd->conf.slots[a->slot].label, DS_SLOT_LEN);

    ds_log(s->ds, DS_LOG_ERR, s->name, "slot \"%s\" has not come on air",
           p->slots.last);
}


/* an entry that is over, or of something else, is none */

static void
ds_programme_check(ds_stream_t *s, ds_slot_item_t *it, const ds_airing_t *a,
    bool first)
{
    bool                 failed, waits;
    const ds_queued_t   *q;
    ds_programme_t      *p;

    p = s->programme;

    if (it->key == DS_AGENDA_NONE) {
        return;
    }

    (void) pthread_mutex_lock(&s->lock);
    q = ds_agenda_get(s->agenda, it->key);
    waits = q != NULL && q->state == DS_QUEUED_WAITING;
    failed = q != NULL && q->state == DS_QUEUED_OVER;
    (void) pthread_mutex_unlock(&s->lock);

    if (failed) {
        /* it has not been on air: the next one, not at once */
        p->lists[it->slot].next = it->index + 1
                                  < ds_playlist_count(p->lists[it->slot].list)
                                  ? ds_playlist_key(p->lists[it->slot].list,
                                                    it->index + 1) : 0;
        p->retry = ds_monotonic() + ds_backoff(++p->fails, DS_SLOT_RETRY_MIN,
                                               DS_SLOT_RETRY_MAX / 6);
        it->key = DS_AGENDA_NONE;
        return;
    }

    if (waits && a->slot == it->slot && a->start == it->start
        && first == it->first)
    {
        return;
    }

    ds_programme_drop(s, it);
}


static void
ds_programme_drop(ds_stream_t *s, ds_slot_item_t *it)
{
    if (it->key != DS_AGENDA_NONE) {
        (void) pthread_mutex_lock(&s->lock);
        ds_agenda_end(s->agenda, it->key);
        (void) pthread_mutex_unlock(&s->lock);
        it->key = DS_AGENDA_NONE;
    }
}


/* there is an entry of it, and it is awake as far as it should be */

static void
ds_programme_want(ds_stream_t *s, ds_slot_item_t *it, const ds_airing_t *a,
    bool first, bool sleeps, int64_t now)
{
    bool                 over, cuts;
    int64_t              from;
    uint32_t             index;
    ds_item_t            item;
    ds_queued_t          q;
    ds_programme_t      *p;
    const ds_timeslot_t *slot;

    p = s->programme;
    slot = &p->rd->conf.slots[a->slot];
    over = false;

    if (it->key == DS_AGENDA_NONE) {

        if (ds_monotonic() < p->retry) {
            return;
        }

        if (!ds_programme_choose(s, a, first, now, &index, &from, &over)) {

            if (over && first && !sleeps) {
                ds_rundown_drop(p->rd, slot->kind == DS_SLOT_EVERY);
                p->seen.slot = -1;

            } else if (over && !sleeps) {
                ds_rundown_over(p->rd, now);
                p->played = 0;
            }

            return;
        }

        memset(&q, 0, sizeof(ds_queued_t));
        ds_playlist_item(p->lists[a->slot].list, index, &item);

        q.kind = DS_QUEUED_SLOT;
        q.index = DS_NO_INDEX;
        q.from = from;
        q.at = now;
        memcpy(q.item, item.id, sizeof(q.item));
        memcpy(q.title, item.title, sizeof(q.title));

        it->slot = a->slot;
        it->start = a->start;
        it->first = first;
        it->index = index;

        (void) pthread_mutex_lock(&s->lock);
        it->key = ds_agenda_slot_add(s->agenda, &q, sleeps);
        (void) pthread_mutex_unlock(&s->lock);
    }

    if (sleeps || it->key == DS_AGENDA_NONE) {
        return;
    }

    cuts = first && slot->kind != DS_SLOT_FILLER
           && (now >= a->deadline || a->missed);

    (void) pthread_mutex_lock(&s->lock);
    ds_agenda_slot_wake(s->agenda, it->key, cuts,
                        cuts || slot->start == DS_START_HARD);
    (void) pthread_mutex_unlock(&s->lock);
}


/* false: not yet, or "over": there is nothing more to play */

static bool
ds_programme_choose(ds_stream_t *s, const ds_airing_t *a, bool first,
    int64_t now, uint32_t *index, int64_t *from, bool *over)
{
    bool                 loops;
    uint32_t             i, n;
    ds_item_t            item;
    ds_slot_list_t      *l;
    const ds_timeslot_t *slot;

    slot = &s->programme->rd->conf.slots[a->slot];
    l = &s->programme->lists[a->slot];
    *from = 0;

    if (l->list == NULL) {
        return false;
    }

    n = ds_playlist_count(l->list);
    loops = slot->until != 0 || slot->count != 0 || slot->kind != DS_SLOT_AT;
    *index = 0;

    if (!first && l->next == 0 && !loops) {
        *over = true;
        return false;
    }

    if (!first || !slot->restart || l->start == a->start) {
        for (i = 0; i < n; i++) {
            if (ds_playlist_key(l->list, i)
                == (first && l->start == a->start ? l->first : l->next))
            {
                *index = i;
                break;
            }
        }
    }

    if (first && a->missed && slot->join
        && !ds_programme_join(l, loops, now - a->start, index, from))
    {
        *over = true;
        return false;
    }

    if (slot->kind == DS_SLOT_FILLER) {
        ds_programme_fit(l, ds_programme_gap(s, now), index);
    }

    /* what cannot be played, as the list says, is passed over */

    for (i = 0; i < n; i++) {
        ds_playlist_item(l->list, *index, &item);

        if (item.code == DS_OK) {
            return true;
        }

        *from = 0;

        if (++*index == n) {
            *index = 0;

            if (!loops) {
                break;
            }
        }
    }

    *over = true;

    return false;
}


/* where it would be by now; false: over */

static bool
ds_programme_join(ds_slot_list_t *l, bool loops, int64_t elapsed,
    uint32_t *index, int64_t *from)
{
    int64_t    all;
    uint32_t   n, i;
    ds_item_t  item;

    n = ds_playlist_count(l->list);
    all = 0;

    for (i = 0; i < n; i++) {
        ds_playlist_item(l->list, i, &item);

        if (item.code == DS_OK) {
            if (item.duration <= 0) {
                all = 0;
                break;
            }

            all += item.duration;
        }
    }

    if (all != 0 && loops) {
        elapsed %= all;
    }

    for (i = 0; i < n; i++) {
        ds_playlist_item(l->list, *index, &item);

        if (item.code == DS_OK) {

            if (item.duration <= 0) {
                /* nobody knows */
                return true;
            }

            if (elapsed < item.duration) {
                *from = elapsed;
                return true;
            }

            elapsed -= item.duration;
        }

        if (++*index == n) {
            *index = 0;

            if (!loops) {
                return false;
            }
        }
    }

    return true;
}


/* the first from there on that fits, or whatever is there */

static void
ds_programme_fit(ds_slot_list_t *l, int64_t gap, uint32_t *index)
{
    uint32_t   i, n, at;
    ds_item_t  item;

    n = ds_playlist_count(l->list);

    for (i = 0; i < n; i++) {
        at = (*index + i) % n;
        ds_playlist_item(l->list, at, &item);

        if (item.code == DS_OK && item.duration > 0 && item.duration <= gap) {
            *index = at;
            return;
        }
    }
}


/* ms from the end of what is on air to a cut, -1: not known, or none */

static int64_t
ds_programme_gap(ds_stream_t *s, int64_t now)
{
    int      slot;
    int64_t  cut, left;

    cut = ds_rundown_cut(s->programme->rd, now, &slot);
    left = s->cur == NULL ? 0 : ds_pick_left(s);

    return cut == DS_NEVER || left == -1 || left > DS_FILLER_LEAD
           ? -1 : cut - now - left;
}


/* is what would follow too long for what is left before a hard start? */

static bool
ds_programme_filler(ds_stream_t *s, int64_t now, ds_airing_t *a)
{
    int              i, n;
    bool             known, over;
    int64_t          gap, from;
    uint32_t         index;
    ds_item_t        item;
    ds_rundown_t    *rd;
    ds_programme_t  *p;

    p = s->programme;
    rd = p->rd;
    n = (int) rd->conf.n;

    for (i = 0; i < n && rd->conf.slots[i].kind != DS_SLOT_FILLER; i++) {
        /* void */
    }

    gap = i == n ? -1 : ds_programme_gap(s, now);

    if (gap < DS_FILLER_MIN || s->cur == NULL) {
        return false;
    }

    if (rd->on.slot != -1) {
        known = ds_programme_choose(s, &rd->on, false, now, &index, &from,
                                    &over);
        if (known) {
            ds_playlist_item(p->lists[rd->on.slot].list, index, &item);
        }

    } else {
        (void) pthread_mutex_lock(&s->lock);

        index = s->next_index;
        known = s->next != NULL && index != DS_NO_ITEM;
        known = known || ds_playlist_peek(s->list, s->loop, &index);

        if (known) {
            ds_playlist_item(s->list, index, &item);
        }

        (void) pthread_mutex_unlock(&s->lock);

        if (known && item.duration == -1 && s->next != NULL
            && index == s->next_index)
        {
            item.duration = ds_source_duration(s->next);
        }
    }

    if (!known || item.duration <= gap) {
        return false;
    }

    a->slot = i;
    a->start = 0;
    a->until = DS_NEVER;
    a->deadline = DS_NEVER;
    a->missed = false;

    return true;
}


int
ds_programme_entry(ds_stream_t *s, uint32_t key, ds_entry_t *e)
{
    ds_slot_item_t  *it;
    ds_programme_t  *p;

    p = s->programme;
    it = p == NULL ? NULL : p->item.key == key ? &p->item
         : p->ahead.key == key ? &p->ahead : NULL;

    if (it == NULL || p->lists[it->slot].list == NULL
        || it->index >= ds_playlist_count(p->lists[it->slot].list))
    {
        return DS_ECANCELED;
    }

    return ds_playlist_entry(p->lists[it->slot].list, it->index, e);
}


void
ds_programme_began(ds_stream_t *s, uint32_t key, int64_t from)
{
    bool                 first;
    int64_t              now;
    ds_rundown_t        *rd;
    ds_airing_t          a;
    ds_slot_list_t      *l;
    ds_programme_t      *p;
    const ds_timeslot_t *slot;

    p = s->programme;

    if (p == NULL || p->item.key != key) {
        return;
    }

    rd = p->rd;
    now = ds_now();
    slot = &rd->conf.slots[p->item.slot];
    l = &p->lists[p->item.slot];
    first = p->item.first && slot->kind != DS_SLOT_FILLER;
    a = slot->kind == DS_SLOT_EVERY ? rd->ident : first ? rd->due : rd->on;

    memcpy(s->slot, slot->label, sizeof(s->slot));

    if (first) {

        /* one that goes on after a stop was in time, or said that it was not */

        if (!(a.missed && l->start == a.start)) {
            s->slot_late = now - a.start < 0 ? 0 : now - a.start;
            p->slots.started++;
            p->slots.last_late = s->slot_late;
            memcpy(p->slots.last, slot->label, DS_SLOT_LEN);

            ds_log(s->ds, DS_LOG_NOTICE, s->name,
                   "slot \"%s\" is on air, %lld ms after its time",
                   slot->label, (long long) s->slot_late);
        }

        p->slots.start = a.start;
        p->slots.until = a.until == DS_NEVER ? 0 : a.until;
        p->slots.late = s->slot_late < 0 ? 0 : s->slot_late;

        if (l->start != a.start) {
            l->start = a.start;
            l->first = ds_playlist_key(l->list, p->item.index);
        }
    }

    l->next = p->item.index + 1 < ds_playlist_count(l->list)
              ? ds_playlist_key(l->list, p->item.index + 1) : 0;

    p->item.key = DS_AGENDA_NONE;
    p->fails = 0;

    if (slot->kind == DS_SLOT_EVERY) {
        ds_rundown_drop(rd, true);
        return;
    }

    if (slot->kind == DS_SLOT_FILLER) {
        return;
    }

    if (first) {
        ds_rundown_began(rd);
        p->seen.slot = -1;
        p->played = 0;
    }

    if (slot->start == DS_START_HARD && a.until != DS_NEVER) {
        s->cur_until = from + (a.until > now ? a.until - now : 1);
    }

    if (++p->played == slot->count) {
        ds_rundown_over(rd, now);
        p->played = 0;
    }
}


void
ds_programme_status(ds_stream_t *s, ds_status_t *st)
{
    int              i;
    size_t           n;
    ds_slots_t      *t;
    ds_rundown_t    *rd;
    ds_programme_t  *p;
    ds_slot_list_t  *l;

    p = s->programme;

    if (p == NULL) {
        memset(&st->slots, 0, offsetof(ds_slots_t, started));

        if (st->progress.slots[0] == '\0') {
            memcpy(st->progress.slots, s->resume.slots, DS_CURSORS_LEN);
        }

        return;
    }

    rd = p->rd;
    t = &p->slots;

    memcpy(t->label, s->cur == NULL ? "" : s->slot,
           s->cur == NULL ? 1 : DS_SLOT_LEN);
    t->due[0] = '\0';
    t->due_start = 0;
    t->due_late = false;

    if (rd->due.slot != -1) {
        memcpy(t->due, rd->conf.slots[rd->due.slot].label, DS_SLOT_LEN);
        t->due_start = rd->due.start;
        t->due_late = p->late;
    }

    t->next[0] = '\0';
    t->next_start = DS_NEVER;

    for (i = 0; i < (int) rd->conf.n; i++) {
        if (rd->conf.slots[i].kind == DS_SLOT_AT
            && rd->next[i] <= t->next_start && rd->next[i] != DS_NEVER)
        {
            t->next_start = rd->next[i];
            memcpy(t->next, rd->conf.slots[i].label, DS_SLOT_LEN);
        }
    }

    if (t->next[0] == '\0') {
        t->next_start = 0;
    }

    st->slots = *t;

    n = 0;

    for (i = 0; i < (int) rd->conf.n; i++) {
        l = &p->lists[i];

        if (l->start != 0 && n < DS_CURSORS_LEN - 64) {
            n += (size_t) snprintf(st->progress.slots + n, DS_CURSORS_LEN - n,
                                   "%x %llx %llx %llx\n", (unsigned) l->hash,
                                   (unsigned long long) l->start,
                                   (unsigned long long) l->first,
                                   (unsigned long long) l->next);
        }
    }

    st->progress.slots[n] = '\0';
}


void
ds_programme_cancel(ds_stream_t *s)
{
    if (s->programme != NULL && s->programme->reading != -1) {
        ds_job_cancel(&s->programme->job);
    }
}


void
ds_programme_end(ds_stream_t *s)
{
    ds_programme_cancel(s);
    ds_programme_free(s);
}


static void
ds_programme_free(ds_stream_t *s)
{
    int              i;
    ds_programme_t  *p;

    p = s->programme;

    if (p == NULL) {
        return;
    }

    if (p->reading != -1) {
        ds_job_cancel(&p->job);
        ds_job_end(&p->job);
    }

    ds_programme_drop(s, &p->item);
    ds_programme_drop(s, &p->ahead);

    for (i = 0; i < DS_SLOTS; i++) {
        ds_playlist_free(&p->lists[i].list);
    }

    ds_playlist_free(&p->fresh);
    ds_rundown_free(&p->rd);
    free(p);
    s->programme = NULL;
}
