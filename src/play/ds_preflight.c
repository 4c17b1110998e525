
/*
 * ds_preflight.c: one item at a time is opened and judged, and closed: those
 * that are to come; those that were passed over, once a pass; and, while one
 * is waited for, others: can they be opened, it is not the network.  Knows
 * nothing of the air; what is to go on air comes first.
 */

#include <string.h>

#include "base/ds_fault.h"
#include "net/ds_hold.h"
#include "play/ds_pick.h"
#include "play/ds_preflight.h"
#include "resolve/ds_resolver.h"


/* looks an hour, when nothing else is said */
#define DS_LOOKS          60
#define DS_HOUR           3600000

/* ms between two looks; the same while sites fail */
#define DS_LOOK_WAIT      200
#define DS_LOOK_MIN       1000
#define DS_LOOK_MAX       10000

/* what was passed over is looked for so far ahead, in items that were not */
#define DS_LOOK_FAR       8

/* items looked through for one to look at */
#define DS_LOOK_ITEMS     256


static bool ds_preflight_choose(ds_stream_t *s, uint32_t *index,
    ds_entry_t *e);
static bool ds_preflight_wanted(ds_stream_t *s, uint32_t index);
static bool ds_preflight_afford(ds_t *ds, bool take);
static void ds_preflight_done(ds_stream_t *s);
static void ds_preflight_told(ds_stream_t *s, uint32_t index, bool answered,
    const ds_error_t *err);


void
ds_preflight_step(ds_stream_t *s)
{
    ds_entry_t        e;
    ds_error_t        err;
    ds_source_conf_t  conf;

    if (s->check != NULL) {
        if (!ds_source_ended(s->check)) {
            return;
        }

        ds_preflight_done(s);
    }

    /* what is next comes first; one witness is enough */

    if (ds_monotonic() < s->check_at || (s->holding && s->witness != 0)
        || (!s->holding && s->next != NULL && !ds_source_ready(s->next)))
    {
        return;
    }

    s->check_at = ds_monotonic() + DS_LOOK_WAIT;

    if (!ds_preflight_choose(s, &s->check_index, &e)) {
        return;
    }

    conf = s->source;
    conf.counters = NULL;
    conf.check = true;

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_turn(s->list, s->check_index, &conf.turn);
    (void) pthread_mutex_unlock(&s->lock);

    if (ds_turn_crashed(&conf.turn, s->crashed, s->ncrashed)) {
        (void) pthread_mutex_lock(&s->lock);
        ds_playlist_set_verdict(s->list, s->check_index, DS_VERDICT_BAD,
                                DS_EITEM_CRASHED);
        (void) pthread_mutex_unlock(&s->lock);

        ds_entry_free(&e);
        return;
    }

    s->check = ds_source_start(&conf, &e, 0, &err);

    if (s->check == NULL) {
        ds_entry_free(&e);
    }
}


/*
 * Fills "e".  The first of what is to come; of what was passed over, which a
 * pass may be too short for, the one that was looked at the longest ago.
 */

static bool
ds_preflight_choose(ds_stream_t *s, uint32_t *index, ds_entry_t *e)
{
    bool      found, free, afford;
    size_t    i, n, from, ahead;
    int64_t   checked, oldest;
    uint32_t  one, coming[DS_LOOK_ITEMS];

    found = false;
    oldest = INT64_MAX;
    afford = s->holding || ds_preflight_afford(s->ds, false);
    ahead = s->ds->conf.preflight;
    n = ahead > DS_LOOK_FAR ? ahead : DS_LOOK_FAR;

    (void) pthread_mutex_lock(&s->lock);

    /* the witness may be any one; each time another, if they fail */

    n = ds_playlist_coming(s->list, s->loop || s->holding,
                           s->holding ? DS_LOOK_ITEMS : n, coming,
                           DS_LOOK_ITEMS);
    from = s->holding ? s->check_fails : 0;

    for (i = 0; i < n; i++) {
        one = coming[(from + i) % n];

        if (!ds_playlist_passed_over(s->list, one) && !s->holding) {
            if (ahead == 0) {
                continue;
            }

            ahead--;
        }

        if (!ds_preflight_wanted(s, one)) {
            continue;
        }

        checked = ds_playlist_passed_over(s->list, one)
                  && !ds_playlist_is_owed(s->list, one)
                  ? ds_playlist_checked(s->list, one) : -1;

        if (checked < oldest
            && (checked != -1 || afford
                || ds_playlist_is_owed(s->list, one)))
        {
            *index = one;
            oldest = checked;
            found = true;
        }

        if (oldest == -1) {
            break;
        }
    }

    found = found && ds_playlist_entry(s->list, *index, e) == DS_OK;

    /* who is waited for, and what costs no resolver, is not in the budget */

    free = found && (s->holding || ds_playlist_is_owed(s->list, *index)
                     || (oldest != -1 && e->plain));

    (void) pthread_mutex_unlock(&s->lock);

    if (found && (!ds_resolver_free(s->ds, e)
                  || (!free && !ds_preflight_afford(s->ds, true))))
    {
        ds_entry_free(e);
        return false;
    }

    return found;
}


/* context: s->lock is held */

static bool
ds_preflight_wanted(ds_stream_t *s, uint32_t index)
{
    bool  over, owed;

    if ((s->cur != NULL && index == s->cur_index)
        || (s->next != NULL && index == s->next_index)
        || (s->spare != NULL && index == s->spare_index)
        || (s->holding && index == s->held))
    {
        return false;
    }

    over = ds_playlist_passed_over(s->list, index);
    owed = ds_playlist_is_owed(s->list, index);

    if (s->holding) {
        return !over || owed;
    }

    if (owed) {
        return over;
    }

    return !ds_playlist_is_checked(s->list, index);
}


/*
 * So many at once as are looked ahead, the rest of an hour's spread over it,
 * so that no hour has more; of all streams together.
 */

static bool
ds_preflight_afford(ds_t *ds, bool take)
{
    int64_t   now, at, from, step;
    unsigned  ahead, budget;

    ahead = ds->conf.preflight == 0 ? 1 : ds->conf.preflight;
    budget = ds->conf.preflight_budget == 0 ? DS_LOOKS
                                            : ds->conf.preflight_budget;
    ahead = ahead > budget ? budget : ahead;
    step = DS_HOUR / (budget - ahead + 1);

    now = ds_monotonic();
    at = atomic_load(&ds->look_at);

    do {
        from = at > now - (ahead - 1) * step ? at : now - (ahead - 1) * step;

        if (from > now) {
            return false;
        }

    } while (take
             && !atomic_compare_exchange_weak(&ds->look_at, &at, from + step));

    return true;
}


static void
ds_preflight_done(ds_stream_t *s)
{
    bool        answered;
    ds_error_t  err;

    if (!ds_source_failed(s->check, &err)) {
        ds_error_clear(&err);
    }

    /* what is kept is well, but says nothing of a site */
    answered = ds_source_opened(s->check);

    ds_source_free(&s->check);

    if (s->check_index != DS_NO_ITEM && err.code != DS_ECANCELED) {
        ds_preflight_told(s, s->check_index, answered, &err);
    }
}


static void
ds_preflight_told(ds_stream_t *s, uint32_t index, bool answered,
    const ds_error_t *err)
{
    bool          over, busy;
    ds_item_t     item;
    ds_verdict_e  verdict;

    (void) pthread_mutex_lock(&s->lock);

    verdict = ds_verdict(err->code, ds_playlist_resolved(s->list, index));
    ds_playlist_set_verdict(s->list, index, verdict, err->code);
    ds_playlist_item(s->list, index, &item);

    over = ds_playlist_passed_over(s->list, index);
    busy = (s->cur != NULL && s->cur_index == index)
           || (s->next != NULL && s->next_index == index)
           || (s->spare != NULL && s->spare_index == index);

    if (verdict == DS_VERDICT_OK && over) {
        ds_playlist_clear(s->list, index);

    } else if (verdict == DS_VERDICT_BAD && !busy) {
        ds_playlist_pass_over(s->list, index, false, 0);
        ds_playlist_set_state(s->list, index, DS_ITEM_SKIPPED, err->code,
                              err->message);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (verdict == DS_VERDICT_RISK
        || (s->holding && verdict == DS_VERDICT_OK && !answered))
    {
        /* another one may say more */
        s->check_fails++;
        s->check_at = ds_monotonic() + ds_backoff(s->check_fails, DS_LOOK_MIN,
                                                  DS_LOOK_MAX);
    } else {
        s->check_fails = 0;
    }

    if (answered) {
        ds_pick_answered(s, index);
    }

    if (verdict == DS_VERDICT_OK ? over : !over) {
        ds_log(s->ds, verdict == DS_VERDICT_BAD ? DS_LOG_WARN : DS_LOG_INFO,
               s->name, "item %u looked at ahead, %s: %s: %s, id: \"%s\", "
               "title: \"%s\"", (unsigned) index, ds_verdict_name(verdict),
               ds_error_code(err->code), err->message, item.id, item.title);
    }
}


void
ds_preflight_end(ds_stream_t *s)
{
    ds_source_free(&s->check);
}
