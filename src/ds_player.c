
/*
 * ds_player.c: a stream's own thread: keeps an item on air and the next one
 * ready, and decides what happens when either fails.  Time stamps, packets
 * and RTMP are ds_air.c's; the network is the sources'.
 */

#include <stdlib.h>
#include <string.h>

#include "ds_input.h"
#include "ds_player.h"


/* ms between two looks at the state of things, on air and before */
#define DS_TICK_LIVE     (DS_AIR_TICK / 1000)
#define DS_TICK_START    10

/* ms: the next item is prepared when so much, or less, is left of this one */
#define DS_LEAD          90000

/* ms: an item that was on air for so long has not failed at once */
#define DS_ITEM_LASTED   5000

/* failures in a row that are followed by the next item at once */
#define DS_FREE_FAILS    3

#define DS_RETRY_MIN     250
#define DS_RETRY_MAX     30000
#define DS_PASS_MIN      1000
#define DS_PASS_MAX      60000

/* shuffled: choose among the list's first page, or what 3 s brought */
#define DS_SHUFFLE_ITEMS 100
#define DS_SHUFFLE_WAIT  3000


static void ds_player_step(ds_stream_t *s);
static void ds_player_wishes(ds_stream_t *s);
static void ds_player_back(ds_stream_t *s);
static void ds_player_drop_next(ds_stream_t *s, const char *reason);
static void ds_player_prepare(ds_stream_t *s);
static bool ds_player_wants_next(ds_stream_t *s);
static int64_t ds_player_start_at(ds_stream_t *s, const ds_entry_t *e);
static ds_pick_e ds_player_pick(ds_stream_t *s, ds_entry_t *e);
static void ds_player_pass(ds_stream_t *s);
static void ds_player_check_next(ds_stream_t *s);
static void ds_player_adopt_first(ds_stream_t *s);
static void ds_player_failed(ds_stream_t *s, uint32_t index,
    const ds_error_t *err);
static void ds_player_set_next(ds_stream_t *s, ds_item_state_e state,
    const ds_error_t *err);
static void ds_player_starved(ds_stream_t *s);
static void ds_player_air(ds_stream_t *s);
static void ds_player_over(ds_stream_t *s);
static bool ds_player_switch(ds_stream_t *s);
static void ds_player_end_source(ds_stream_t *s, ds_source_t **src);
static void ds_player_reap(ds_stream_t *s);
static void ds_player_finish(ds_stream_t *s);
static void ds_player_set_item(ds_stream_t *s, uint32_t index,
    ds_item_state_e state, const ds_error_t *err);


void *
ds_player_thread(void *data)
{
    int64_t      now, tick, at;
    ds_stream_t *s = data;

    s->air = ds_air_create(s->ds, &s->target, &s->cancel);

    if (s->air != NULL) {
        ds_lister_start(s);
        at = ds_monotonic();

        while (!ds_cancel_is_set(&s->cancel) && !s->finished) {
            ds_player_step(s);

            tick = s->cur == NULL && s->next != NULL ? DS_TICK_START
                                                     : DS_TICK_LIVE;
            now = ds_monotonic();
            at += tick;

            if (at < now) {
                at = now;
            }

            (void) ds_cancel_wait(&s->cancel, at - now);
        }
    }

    ds_player_finish(s);

    return NULL;
}


static void
ds_player_step(ds_stream_t *s)
{
    if (!ds_lister_check(s)) {
        s->finished = true;
    }

    ds_player_wishes(s);
    ds_player_check_next(s);
    ds_player_prepare(s);
    ds_player_air(s);
    ds_player_reap(s);
    ds_report(s);
}


/* what the operator asked for; what is on air stays until it can be done */

static void
ds_player_wishes(ds_stream_t *s)
{
    bool  skip, previous;

    if (s->cutting || s->next_index == DS_NO_ITEM) {
        /* one after the other */
        return;
    }

    (void) pthread_mutex_lock(&s->lock);

    previous = s->previous != 0;
    skip = !previous && s->skips != 0;

    if (previous) {
        s->previous--;

    } else if (skip) {
        s->skips--;
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (previous) {
        ds_player_back(s);

    } else if (skip) {
        if (s->cur != NULL) {
            s->cutting = true;

        } else if (s->next != NULL) {
            ds_player_drop_next(s, "skipped by request");
            s->skipped++;
        }
    }
}


static void
ds_player_back(ds_stream_t *s)
{
    uint32_t  index;

    if (s->nhistory != 0) {
        index = s->history[--s->nhistory];

    } else if (s->cur != NULL) {
        index = s->cur_index;

    } else {
        return;
    }

    if (s->next != NULL) {
        ds_player_drop_next(s, NULL);
    }

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_goto(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);

    s->cutting = s->cur != NULL;
    s->going_back = s->cutting;
    s->retry_at = 0;
}


/* "reason" NULL: it will have its turn again */

static void
ds_player_drop_next(ds_stream_t *s, const char *reason)
{
    ds_error_t  err;

    (void) ds_fail(&err, DS_OK, "%s", reason == NULL ? "" : reason);

    ds_player_set_next(s, reason == NULL ? DS_ITEM_PENDING : DS_ITEM_SKIPPED,
                       &err);
    ds_player_end_source(s, &s->next);
}


static void
ds_player_prepare(ds_stream_t *s)
{
    ds_pick_e    pick;
    ds_entry_t   e;
    ds_source_t *src;

    if (s->next != NULL || s->finished || ds_monotonic() < s->retry_at
        || !ds_player_wants_next(s))
    {
        return;
    }

    if (!s->first_tried) {
        s->first_tried = true;

        if (!s->shuffle && !s->resume.valid
            && ds_resolve_has_first(s->playlist))
        {
            s->next_index = DS_NO_ITEM;
            s->next = ds_source_start(&s->source, NULL, 0, &s->err);
            return;
        }
    }

    pick = ds_player_pick(s, &e);

    s->at_end = false;

    if (pick == DS_PICK_WAIT) {
        return;
    }

    if (pick == DS_PICK_PASS) {
        ds_player_pass(s);
        return;
    }

    src = ds_source_start(&s->source, &e, ds_player_start_at(s, &e), &s->err);

    if (src == NULL) {
        ds_entry_free(&e);
        ds_player_set_next(s, DS_ITEM_FAILED, &s->err);
        ds_player_failed(s, s->next_index, &s->err);
        return;
    }

    s->next = src;
    ds_player_set_next(s, DS_ITEM_NEXT, NULL);
}


/* ms: the item that was on air when the stream ended goes on from there */

static int64_t
ds_player_start_at(ds_stream_t *s, const ds_entry_t *e)
{
    char     id[DS_ID_LEN];
    int64_t  at;

    if (!s->resume.valid) {
        return 0;
    }

    s->resume.valid = false;

    ds_text(id, sizeof(id), e->id);

    at = strcmp(id, s->resume.id) == 0
         && (id[0] != '\0' || s->next_index == s->resume.index)
         ? s->resume.position : 0;

    if (at != 0) {
        ds_log(s->ds, DS_LOG_NOTICE, s->name, "going on with item %u at %lld s",
               (unsigned) s->next_index, (long long) at / 1000);
    }

    return at;
}


static bool
ds_player_wants_next(ds_stream_t *s)
{
    int64_t  duration;

    if (s->cur == NULL || s->cutting || s->starved > DS_SILENCE_LIVE
        || ds_queue_ended(ds_source_queue(s->cur)))
    {
        return true;
    }

    duration = ds_source_duration(s->cur);

    return duration == -1
           || duration - ds_air_position(s->air) <= DS_LEAD
           || ds_air_silence(s->air) > DS_SILENCE_LIVE;
}


/* fills "e" and s->next_index */

static ds_pick_e
ds_player_pick(ds_stream_t *s, ds_entry_t *e)
{
    ds_pick_e  pick;

    (void) pthread_mutex_lock(&s->lock);

    if (s->shuffle && !ds_playlist_is_complete(s->list)
        && ds_playlist_count(s->list) < DS_SHUFFLE_ITEMS
        && ds_monotonic() - s->list_started < DS_SHUFFLE_WAIT)
    {
        pick = DS_PICK_WAIT;

    } else {
        pick = ds_playlist_pick(s->list, &s->next_index);
    }

    if (pick == DS_PICK_ITEM
        && ds_playlist_entry(s->list, s->next_index, e) != DS_OK)
    {
        pick = DS_PICK_WAIT;
    }

    (void) pthread_mutex_unlock(&s->lock);

    return pick;
}


/* the pass is over: the next one, or the end */

static void
ds_player_pass(ds_stream_t *s)
{
    bool      loop, better, wait_cut;
    int64_t   wait;
    uint32_t  playable;

    (void) pthread_mutex_lock(&s->lock);

    loop = s->loop;
    wait_cut = loop && s->list_cut && s->cur != NULL;
    playable = ds_playlist_playable(s->list);
    better = loop && !wait_cut && playable != 0
             && ds_playlist_rewind(s->list);

    (void) pthread_mutex_unlock(&s->lock);

    if (better) {
        s->bad_passes = 0;

        if (s->list_cut) {
            ds_lister_again(s, 0);
        }

        return;
    }

    if (loop && s->cur != NULL) {
        /* it goes on; what is to follow is looked for again */
        s->retry_at = ds_monotonic() + DS_PASS_MIN;
        return;
    }

    if (playable == 0) {
        (void) ds_fail(&s->err, DS_EPLAYLIST_UNPLAYABLE,
                       "no item of the playlist can be played");
    }

    if (!loop) {
        s->at_end = true;

        if (s->cur == NULL) {
            s->finished = true;

            if (!s->aired) {
                ds_log(s->ds, DS_LOG_ERR, s->name,
                       "no item could be played, the last error: %s: %s",
                       ds_error_code(s->err.code), s->err.message);
            }
        }

        return;
    }

    s->bad_passes++;

    wait = ds_backoff(s->bad_passes, DS_PASS_MIN, DS_PASS_MAX);
    s->retry_at = ds_monotonic() + wait;

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "no item could be played: %s: %s, trying again in %lld ms",
           ds_error_code(s->err.code), s->err.message, (long long) wait);

    /* perhaps by then it names something that can be played */
    ds_lister_again(s, wait);
}


/* the one being prepared: has it failed, which item is it */

static void
ds_player_check_next(ds_stream_t *s)
{
    ds_error_t  err;

    if (s->next == NULL) {
        return;
    }

    if (s->next_index == DS_NO_ITEM) {

        if (ds_source_failed(s->next, &err) && !ds_source_ready(s->next)) {
            /* the list will tell more about this item, and of others */
            ds_log(s->ds, DS_LOG_INFO, s->name,
                   "first item could not be resolved beside the list: %s: %s",
                   ds_error_code(err.code), err.message);
            s->next_index = 0;
            ds_player_end_source(s, &s->next);
            return;
        }

        ds_player_adopt_first(s);

        return;
    }

    if (ds_source_failed(s->next, &err) && !ds_source_ready(s->next)) {
        ds_player_set_next(s, DS_ITEM_FAILED, &err);
        ds_player_failed(s, s->next_index, &err);
        ds_player_end_source(s, &s->next);
    }
}


/* the source that was started beside the list gets its place in it */

static void
ds_player_adopt_first(ds_stream_t *s)
{
    bool              same;
    uint32_t          index;
    ds_entry_t        e;
    const ds_media_t *m;

    if (!ds_source_ready(s->next)) {
        return;
    }

    m = ds_source_media(s->next);
    same = false;

    (void) pthread_mutex_lock(&s->lock);

    if (ds_playlist_count(s->list) == 0) {
        if (s->list_at == 0 && !atomic_load(&s->list_done)) {
            (void) pthread_mutex_unlock(&s->lock);
            return;
        }

    } else if (ds_playlist_entry(s->list, 0, &e) == DS_OK) {
        same = e.code == DS_OK
               && (e.id == NULL || m->id == NULL || strcmp(e.id, m->id) == 0);
        ds_entry_free(&e);
    }

    if (same) {
        ds_playlist_goto(s->list, 0);
        (void) ds_playlist_pick(s->list, &index);
        ds_playlist_set_info(s->list, 0, m->title, m->duration);
        ds_playlist_set_state(s->list, 0, DS_ITEM_NEXT, DS_OK, NULL);
    }

    (void) pthread_mutex_unlock(&s->lock);

    s->next_index = 0;

    if (!same) {
        ds_player_end_source(s, &s->next);
    }
}


/* an item cannot be played, or no further */

static void
ds_player_failed(ds_stream_t *s, uint32_t index, const ds_error_t *err)
{
    ds_item_t  item;

    s->err = *err;
    s->failed++;
    s->fails++;

    ds_count_failure(&s->counters, err->code);

    if (s->fails > DS_FREE_FAILS) {
        s->retry_at = ds_monotonic()
                      + ds_backoff(s->fails - DS_FREE_FAILS, DS_RETRY_MIN,
                                   DS_RETRY_MAX);
    }

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_item(s->list, index, &item);
    (void) pthread_mutex_unlock(&s->lock);

    ds_log(s->ds, DS_LOG_ERR, s->name,
           "item %u failed: %s: %s, id: \"%s\", title: \"%s\"",
           (unsigned) index, ds_error_code(err->code), err->message, item.id,
           item.title);
}


static void
ds_player_air(ds_stream_t *s)
{
    ds_error_t  err;

    if (s->cur == NULL) {
        /* without an item it still connects */
        (void) ds_player_switch(s);
    }

    if (s->cutting && (s->next == NULL ? s->at_end
                                       : ds_source_ready(s->next)))
    {
        ds_air_cut(s->air);
    }

    for ( ;; ) {
        ds_error_clear(&err);

        switch (ds_air_tick(s->air, &err)) {

        case DS_AIR_OVER:
            ds_player_over(s);

            if (ds_player_switch(s)) {
                continue;
            }

            break;

        case DS_AIR_DOWN:
            if (err.code != DS_OK && err.code != DS_ECANCELED) {
                if (!s->down || err.code != s->err.code) {
                    ds_log(s->ds, DS_LOG_WARN, s->name,
                           "output is down, trying again: %s: %s",
                           ds_error_code(err.code), err.message);
                }

                s->err = err;
            }

            s->down = true;
            break;

        case DS_AIR_SENT:
            s->down = false;
            s->aired = true;
            break;

        case DS_AIR_STARVED:
            ds_player_starved(s);
            break;

        default:
            break;
        }

        return;
    }
}


/*
 * An item whose source is too slow makes room for one that is ready, even if
 * it never stops for as long as source_timeout.
 */

static void
ds_player_starved(ds_stream_t *s)
{
    s->starved += DS_TICK_LIVE;

    if (s->starved > ds_conf(s->ds)->source_timeout && s->next != NULL
        && s->next_index != DS_NO_ITEM && ds_source_ready(s->next))
    {
        ds_player_over(s);
        (void) ds_player_switch(s);
    }
}


/* the item on air has ended: by itself, by request, or by a fault */

static void
ds_player_over(ds_stream_t *s)
{
    bool        failed;
    ds_error_t  err;

    failed = ds_source_failed(s->cur, &err);

    if (!failed && s->starved > ds_conf(s->ds)->source_timeout) {
        failed = true;
        (void) ds_fail(&err, DS_ESOURCE_STALLED,
                       "source is too slow, it was waited for %lld ms",
                       (long long) s->starved);
    }

    if (s->cutting) {
        (void) ds_fail(&err, DS_OK, "skipped by request");
        ds_player_set_item(s, s->cur_index, DS_ITEM_SKIPPED, &err);
        s->skipped++;

    } else if (failed) {
        if (ds_monotonic() - s->cur_started > DS_ITEM_LASTED) {
            s->fails = 0;
        }

        ds_player_set_item(s, s->cur_index, DS_ITEM_FAILED, &err);
        ds_player_failed(s, s->cur_index, &err);

    } else {
        ds_player_set_item(s, s->cur_index, DS_ITEM_PLAYED, NULL);
        s->played++;
        s->fails = 0;
    }

    if (!s->going_back) {
        if (s->nhistory == DS_HISTORY) {
            memmove(s->history, s->history + 1,
                    (DS_HISTORY - 1) * sizeof(uint32_t));
            s->nhistory--;
        }

        s->history[s->nhistory++] = s->cur_index;
    }

    s->cutting = false;
    s->going_back = false;

    ds_air_item(s->air, NULL);
    ds_player_end_source(s, &s->cur);
}


/* puts the next item on air if it is ready */

static bool
ds_player_switch(ds_stream_t *s)
{
    ds_item_t          item;
    const ds_media_t  *m;

    if (s->next == NULL || s->next_index == DS_NO_ITEM
        || !ds_source_ready(s->next))
    {
        return false;
    }

    s->cur = s->next;
    s->cur_index = s->next_index;
    s->cur_started = ds_monotonic();
    s->starved = 0;
    s->next = NULL;

    m = ds_source_media(s->cur);

    (void) pthread_mutex_lock(&s->lock);

    ds_playlist_set_info(s->list, s->cur_index, m->title,
                         m->duration != -1 ? m->duration
                                           : ds_source_duration(s->cur));
    ds_playlist_set_state(s->list, s->cur_index, DS_ITEM_PLAYING, DS_OK,
                          NULL);
    ds_playlist_item(s->list, s->cur_index, &item);

    (void) pthread_mutex_unlock(&s->lock);

    ds_air_item(s->air, s->cur);
    s->decision = ds_source_decision(s->cur, s->reason);

    ds_log(s->ds, DS_LOG_NOTICE, s->name,
           "item %u on air, %s, id: \"%s\", title: \"%s\"",
           (unsigned) s->cur_index, s->reason, item.id, item.title);

    return true;
}


/* tells a source to end, and waits for it elsewhere */

static void
ds_player_end_source(ds_stream_t *s, ds_source_t **src)
{
    unsigned  i;

    ds_source_cancel(*src);

    for (i = 0; i < DS_ENDING; i++) {
        if (s->ending[i] == NULL) {
            s->ending[i] = *src;
            *src = NULL;
            return;
        }
    }

    ds_source_free(src);
}


static void
ds_player_reap(ds_stream_t *s)
{
    unsigned  i;

    for (i = 0; i < DS_ENDING; i++) {
        if (s->ending[i] != NULL && ds_source_ended(s->ending[i])) {
            ds_source_free(&s->ending[i]);
        }
    }
}


/* a list of one item may have it on air and next, then it is on air */

static void
ds_player_set_next(ds_stream_t *s, ds_item_state_e state,
    const ds_error_t *err)
{
    if (s->cur == NULL || s->cur_index != s->next_index) {
        ds_player_set_item(s, s->next_index, state, err);
    }
}


static void
ds_player_set_item(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err)
{
    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_set_state(s->list, index, state, err == NULL ? 0 : err->code,
                          err == NULL ? NULL : err->message);
    (void) pthread_mutex_unlock(&s->lock);
}


static void
ds_player_finish(ds_stream_t *s)
{
    unsigned  i;

    if (s->air == NULL) {
        s->finished = true;
        (void) ds_fail(&s->err, DS_ENOMEM, "malloc() failed");

        (void) pthread_mutex_lock(&s->lock);
        s->status.state = DS_FAILED;
        s->status.error = s->err;
        (void) pthread_mutex_unlock(&s->lock);

        atomic_store(&s->done, true);
        ds_wakeup(s->ds);
        return;
    }

    ds_cancel_set(&s->list_cancel);

    if (s->cur != NULL) {
        ds_source_cancel(s->cur);
    }

    if (s->next != NULL) {
        ds_source_cancel(s->next);
    }

    ds_air_item(s->air, NULL);

    ds_source_free(&s->cur);
    ds_source_free(&s->next);

    for (i = 0; i < DS_ENDING; i++) {
        ds_source_free(&s->ending[i]);
    }

    ds_lister_end(s);

    ds_report(s);
    ds_air_free(&s->air);

    (void) pthread_mutex_lock(&s->lock);
    s->status.connected = false;
    (void) pthread_mutex_unlock(&s->lock);

    atomic_store(&s->done, true);
    ds_wakeup(s->ds);
}
