
/*
 * ds_pick.c: which item is next, and having it ready in time.  Knows nothing
 * of what is on air but how long it will last.
 */

#include <string.h>

#include "base/ds_item.h"
#include "play/ds_lister.h"
#include "play/ds_pick.h"


/* ms: the next item is prepared when so much, or less, is left of this one */
#define DS_LEAD          90000

/* the same of one that is prepared beside a next one in trouble */
#define DS_SPARE_LEAD    20000

/* failures in a row that are followed by the next item at once */
#define DS_FREE_FAILS    3

#define DS_RETRY_MIN     250
#define DS_RETRY_MAX     30000
#define DS_PASS_MIN      1000
#define DS_PASS_MAX      30000

/* shuffled: choose among the list's first page, or what 3 s brought */
#define DS_SHUFFLE_ITEMS 100
#define DS_SHUFFLE_WAIT  3000


static void ds_pick_prepare_spare(ds_stream_t *s);
static bool ds_pick_near(ds_stream_t *s, int64_t lead);
static bool ds_pick_wanted(ds_stream_t *s);
static bool ds_pick_stale(ds_stream_t *s);
static bool ds_pick_spare_wanted(ds_stream_t *s);
static int64_t ds_pick_start_at(ds_stream_t *s, const ds_entry_t *e);
static bool ds_pick_crashed(ds_stream_t *s, uint32_t index, ds_entry_t *e);
static ds_source_t *ds_pick_start(ds_stream_t *s, uint32_t index,
    ds_entry_t *e, int64_t at);
static ds_pick_e ds_pick_item(ds_stream_t *s, uint32_t *index,
    ds_entry_t *e);
static void ds_pick_pass(ds_stream_t *s);
static void ds_pick_adopt_first(ds_stream_t *s);
static bool ds_pick_given_up(ds_stream_t *s, ds_source_t **src,
    uint32_t index);
static void ds_pick_promote(ds_stream_t *s);
static void ds_pick_set_state(ds_stream_t *s, uint32_t index,
    ds_item_state_e state, const ds_error_t *err);


void
ds_pick_prepare(ds_stream_t *s)
{
    ds_pick_e   pick;
    ds_entry_t  e;

    (void) pthread_mutex_lock(&s->lock);
    s->source.mode = s->status.mode;
    (void) pthread_mutex_unlock(&s->lock);

    if (s->finished || ds_monotonic() < s->retry_at) {
        return;
    }

    if (s->next != NULL) {
        if (ds_pick_near(s, 2 * (int64_t) s->ds->conf.buffer_time)) {
            ds_source_widen(s->next);
        }

        if (ds_pick_stale(s)) {
            ds_pick_drop(s, NULL);

            (void) pthread_mutex_lock(&s->lock);
            ds_playlist_goto(s->list, s->next_index);
            (void) pthread_mutex_unlock(&s->lock);

            return;
        }

        ds_pick_prepare_spare(s);
        return;
    }

    if (!ds_pick_wanted(s)) {
        return;
    }

    s->next_at = ds_monotonic();

    if (!s->first_tried) {
        s->first_tried = true;

        /* what is kept is known by what the list says of it */

        if ((s->source.mode == DS_MODE_DIRECT || s->ds->cache == NULL)
            && !s->shuffle && !s->resume.valid && s->ncrashed == 0
            && ds_resolve_has_first(s->playlist))
        {
            s->next_index = DS_NO_ITEM;

            (void) pthread_mutex_lock(&s->lock);
            ds_playlist_turn(s->list, 0, &s->source.turn);
            (void) pthread_mutex_unlock(&s->lock);

            s->next = ds_source_start(&s->source, NULL, 0, &s->err);
            return;
        }
    }

    pick = ds_pick_item(s, &s->next_index, &e);

    s->at_end = false;

    if (pick == DS_PICK_WAIT) {
        return;
    }

    if (pick == DS_PICK_PASS) {
        ds_pick_pass(s);
        return;
    }

    if (!ds_pick_crashed(s, s->next_index, &e)) {
        s->next = ds_pick_start(s, s->next_index, &e,
                                ds_pick_start_at(s, &e));
    }
}


/*
 * While the next item is in trouble the one after it is prepared as well: the
 * one that is ready goes on air, and the other one has its turn when it is.
 */

static void
ds_pick_prepare_spare(ds_stream_t *s)
{
    uint32_t    index;
    ds_pick_e   pick;
    ds_entry_t  e;

    if (!ds_pick_spare_wanted(s)) {
        return;
    }

    pick = ds_pick_item(s, &index, &e);

    if (pick == DS_PICK_PASS) {
        (void) pthread_mutex_lock(&s->lock);

        if (s->loop && ds_playlist_aired(s->list)) {
            (void) ds_playlist_rewind(s->list);
        }

        (void) pthread_mutex_unlock(&s->lock);

        ds_lister_pass(s);
    }

    if (pick != DS_PICK_ITEM) {
        return;
    }

    if (index == s->next_index) {
        ds_entry_free(&e);
        return;
    }

    if (ds_pick_crashed(s, index, &e)) {
        return;
    }

    s->spare_at = ds_monotonic();
    s->spare_index = index;
    s->spare = ds_pick_start(s, index, &e, 0);

    if (s->spare != NULL) {
        ds_log(s->ds, DS_LOG_WARN, s->name,
               "item %u is not ready, preparing item %u beside it",
               (unsigned) s->next_index, (unsigned) index);
    }
}


static bool
ds_pick_spare_wanted(ds_stream_t *s)
{
    int64_t   now, left;
    uint32_t  playable;

    now = ds_monotonic();

    if (s->spare != NULL || s->next_index == DS_NO_ITEM
        || now - s->next_at < s->ds->conf.source_timeout
        || ds_source_ready(s->next))
    {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);
    playable = ds_playlist_playable(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (playable < 2) {
        return false;
    }

    if (s->cur == NULL || s->cutting
        || ds_meter_missing(ds_air_meter(s->air), now) > DS_SILENCE_LIVE)
    {
        return true;
    }

    /* what has been opened may only wait for the encoder */

    left = ds_source_duration(s->cur) - ds_air_position(s->air);

    return !ds_source_opened(s->next)
           && (ds_queue_ended(ds_source_queue(s->cur))
               || (left >= 0 && left <= DS_SPARE_LEAD));
}


/* takes over "e" when it is true: the item has failed, and has its record */

static bool
ds_pick_crashed(ds_stream_t *s, uint32_t index, ds_entry_t *e)
{
    bool         crashed;
    ds_turn_t    turn;
    ds_aired_t  *a;
    ds_error_t   err;

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_turn(s->list, index, &turn);
    (void) pthread_mutex_unlock(&s->lock);

    crashed = ds_turn_crashed(&turn, s->crashed, s->ncrashed);

    if (!crashed) {
        return false;
    }

    ds_entry_free(e);
    s->resume.valid = false;

    (void) ds_fail(&err, DS_EITEM_CRASHED, DS_CRASHED_TEXT, (unsigned) index);
    ds_pick_set_state(s, index, DS_ITEM_FAILED, &err);

    (void) pthread_mutex_lock(&s->lock);

    a = ds_pick_record(s);
    ds_playlist_item(s->list, index, &a->item);
    a->item.state = DS_ITEM_FAILED;
    a->item.code = err.code;
    ds_text(a->item.reason, sizeof(a->item.reason), err.message);
    a->started = a->ended = ds_now();

    (void) pthread_mutex_unlock(&s->lock);

    ds_pick_failed(s, index, &err);

    return true;
}


ds_aired_t *
ds_pick_record(ds_stream_t *s)
{
    ds_aired_t  *a;

    a = &s->records[s->record++ % DS_RECORDS];
    memset(a, 0, sizeof(ds_aired_t));

    if (s->nrecords < DS_RECORDS) {
        s->nrecords++;
    }

    return a;
}


/* takes over "e"; NULL: the item has failed */

static ds_source_t *
ds_pick_start(ds_stream_t *s, uint32_t index, ds_entry_t *e, int64_t at)
{
    ds_source_t  *src;

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_turn(s->list, index, &s->source.turn);
    (void) pthread_mutex_unlock(&s->lock);

    src = ds_source_start(&s->source, e, at, &s->err);

    if (src == NULL) {
        ds_entry_free(e);
        ds_pick_set_state(s, index, DS_ITEM_FAILED, &s->err);
        ds_pick_failed(s, index, &s->err);
        return NULL;
    }

    ds_pick_set_state(s, index, DS_ITEM_NEXT, NULL);

    return src;
}


/* ms: the item that was on air when the stream ended goes on from there */

static int64_t
ds_pick_start_at(ds_stream_t *s, const ds_entry_t *e)
{
    bool      same;
    char      id[DS_ID_LEN];
    int64_t   at;
    uint64_t  key;

    if (!s->resume.valid) {
        return 0;
    }

    s->resume.valid = false;

    ds_text(id, sizeof(id), e->id);

    (void) pthread_mutex_lock(&s->lock);
    key = ds_playlist_key(s->list, s->next_index);
    (void) pthread_mutex_unlock(&s->lock);

    same = s->resume.key != 0
           ? key == s->resume.key
           : strcmp(id, s->resume.id) == 0
             && (id[0] != '\0' || s->next_index == s->resume.index);

    at = same ? s->resume.position : 0;

    if (at != 0) {
        ds_log(s->ds, DS_LOG_NOTICE, s->name, "going on with item %u at %lld s",
               (unsigned) s->next_index, (long long) at / 1000);
    }

    return at;
}


/*
 * Fetching takes the longer, the longer an item is.  Beside what has no end
 * nothing waits, least of all the same once more, until it is in trouble.
 */

static bool
ds_pick_wanted(ds_stream_t *s)
{
    return ds_pick_near(s, DS_LEAD)
           || (!ds_source_endless(s->cur)
               && (s->source.mode == DS_MODE_DOWNLOAD
                   || ds_source_duration(s->cur) == -1));
}


/* the trouble is over, and what was opened for it would be old some day */

static bool
ds_pick_stale(ds_stream_t *s)
{
    return s->spare == NULL && ds_source_ready(s->next)
           && ds_source_endless(s->next) && !ds_pick_wanted(s);
}


/* what is on air is over in "lead" ms, or it is in trouble; or nothing is */

static bool
ds_pick_near(ds_stream_t *s, int64_t lead)
{
    int64_t      duration;
    ds_meter_t  *m;

    if (s->cur == NULL || s->cutting || s->starved > DS_SILENCE_LIVE
        || ds_queue_ended(ds_source_queue(s->cur)))
    {
        return true;
    }

    m = ds_air_meter(s->air);
    duration = ds_source_duration(s->cur);

    return (duration != -1 && duration - ds_air_position(s->air) <= lead)
           || (s->max_item != 0
               && s->max_item - m->item_time / 1000 <= lead)
           || ds_meter_missing(m, ds_monotonic()) > DS_SILENCE_LIVE;
}


/* fills "e" and *index */

static ds_pick_e
ds_pick_item(ds_stream_t *s, uint32_t *index, ds_entry_t *e)
{
    ds_pick_e  pick;

    (void) pthread_mutex_lock(&s->lock);

    if (s->shuffle && !ds_playlist_is_complete(s->list)
        && ds_playlist_count(s->list) < DS_SHUFFLE_ITEMS
        && ds_monotonic() - s->list_started < DS_SHUFFLE_WAIT)
    {
        pick = DS_PICK_WAIT;

    } else {
        pick = ds_playlist_pick(s->list, index);
    }

    if (pick == DS_PICK_ITEM
        && ds_playlist_entry(s->list, *index, e) != DS_OK)
    {
        pick = DS_PICK_WAIT;
    }

    (void) pthread_mutex_unlock(&s->lock);

    return pick;
}


/* the pass is over: the next one, or the end */

static void
ds_pick_pass(ds_stream_t *s)
{
    bool      loop, better;
    int64_t   wait;
    uint32_t  playable;

    ds_lister_pass(s);

    (void) pthread_mutex_lock(&s->lock);

    loop = s->loop;
    playable = ds_playlist_playable(s->list);
    better = loop && playable != 0 && ds_playlist_rewind(s->list);

    (void) pthread_mutex_unlock(&s->lock);

    if (better) {
        s->bad_passes = 0;
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
    ds_lister_again(s, s->retry_at);
}


/* the one being prepared: has it failed, which item is it */

void
ds_pick_check(ds_stream_t *s)
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
            ds_pick_end(s, &s->next);
            return;
        }

        ds_pick_adopt_first(s);

        return;
    }

    if (s->spare != NULL) {
        (void) ds_pick_given_up(s, &s->spare, s->spare_index);
    }

    if (ds_pick_given_up(s, &s->next, s->next_index)) {
        ds_pick_promote(s);
    }
}


static bool
ds_pick_given_up(ds_stream_t *s, ds_source_t **src, uint32_t index)
{
    bool        listed;
    ds_error_t  err;

    (void) pthread_mutex_lock(&s->lock);
    listed = ds_playlist_is_listed(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);

    if (!listed) {
        ds_log(s->ds, DS_LOG_INFO, s->name,
               "item that was to be next is not in the playlist any more");
        ds_pick_end(s, src);

        return true;
    }

    if (!ds_source_failed(*src, &err) || ds_source_ready(*src)) {
        return false;
    }

    ds_pick_set_state(s, index, DS_ITEM_FAILED, &err);
    ds_pick_failed(s, index, &err);
    ds_pick_end(s, src);

    return true;
}


bool
ds_pick_ready(ds_stream_t *s)
{
    int64_t       at;
    uint32_t      index;
    ds_source_t  *src;

    if (s->next == NULL || s->next_index == DS_NO_ITEM) {
        return false;
    }

    if (ds_source_ready(s->next)) {
        return true;
    }

    if (s->spare == NULL || !ds_source_ready(s->spare)) {
        return false;
    }

    src = s->next;
    index = s->next_index;
    at = s->next_at;

    ds_pick_promote(s);

    s->spare = src;
    s->spare_index = index;
    s->spare_at = at;

    return true;
}


ds_source_t *
ds_pick_take(ds_stream_t *s)
{
    ds_source_t  *src;

    src = s->next;
    ds_source_widen(src);
    ds_pick_promote(s);

    return src;
}


/* the next one is gone: the spare one, if any, is next */

static void
ds_pick_promote(ds_stream_t *s)
{
    s->next = s->spare;

    if (s->spare != NULL) {
        s->next_index = s->spare_index;
        s->next_at = s->spare_at;
        s->spare = NULL;
    }
}


/* the source that was started beside the list gets its place in it */

static void
ds_pick_adopt_first(ds_stream_t *s)
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
        if (s->list_at == 0 && !ds_job_done(&s->lister)) {
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
        ds_pick_end(s, &s->next);
    }
}


/* an item cannot be played, or no further */

void
ds_pick_failed(ds_stream_t *s, uint32_t index, const ds_error_t *err)
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


/* "reason" NULL: it will have its turn again */

void
ds_pick_drop(ds_stream_t *s, const char *reason)
{
    ds_error_t  err;

    (void) ds_fail(&err, DS_OK, "%s", reason == NULL ? "" : reason);

    ds_pick_set_state(s, s->next_index,
                      reason == NULL ? DS_ITEM_PENDING : DS_ITEM_SKIPPED,
                      &err);
    ds_pick_end(s, &s->next);
    ds_pick_promote(s);
}


/* a list of one item may have it on air and next, then it is on air */

static void
ds_pick_set_state(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err)
{
    if (s->cur == NULL || s->cur_index != index) {
        ds_pick_set_item(s, index, state, err);
    }
}


void
ds_pick_set_item(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err)
{
    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_set_state(s->list, index, state, err == NULL ? 0 : err->code,
                          err == NULL ? NULL : err->message);
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_pick_end(ds_stream_t *s, ds_source_t **src)
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
