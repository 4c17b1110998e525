
/*
 * ds_pick.c: which item is next, and having it ready in time.  Knows nothing
 * of what is on air but how long it will last.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_fault.h"
#include "base/ds_item.h"
#include "play/ds_lister.h"
#include "play/ds_pick.h"


/* ms: the next item is prepared when so much, or less, is left of this one */
#define DS_LEAD          90000

/* the same of one that is prepared beside a next one in trouble or queued */
#define DS_SPARE_LEAD    20000

/* ms between two attempts of an item that is waited for, growing */
#define DS_RETRY_MIN     250
#define DS_RETRY_MAX     10000

/* so many before another item that can be opened says anything about it */
#define DS_HOLD_TRIES    2

/* ms at the end of all, for items whose sites are down while others answer */
#define DS_OWED_MAX      3600000

/* ms: a spare item that is ready lets the one before it have so much time */
#define DS_SPARE_GRACE   500
#define DS_SPARE_RETRY   5000

/* ms: what is left of an item that broke off is not worth an attempt */
#define DS_REST          2000

/* ms: what is on air may need so long to see that its site is back */
#define DS_SITE_BACK     6000

/* ms: it has broken off at the same place */
#define DS_BROKEN_SAME   1000

#define DS_PASS_MIN      1000
#define DS_PASS_MAX      30000

/* shuffled: choose among the list's first page, or what 3 s brought */
#define DS_SHUFFLE_ITEMS 100
#define DS_SHUFFLE_WAIT  3000


static void ds_pick_prepare_spare(ds_stream_t *s);
static bool ds_pick_near(ds_stream_t *s, int64_t lead);
static bool ds_pick_beside(ds_stream_t *s);
static bool ds_pick_idle(ds_stream_t *s);
static bool ds_pick_stale(ds_stream_t *s);
static bool ds_pick_spare_wanted(ds_stream_t *s);
static int64_t ds_pick_start_at(ds_stream_t *s, const ds_entry_t *e);
static bool ds_pick_crashed(ds_stream_t *s, uint32_t index, ds_entry_t *e);
static ds_source_t *ds_pick_start(ds_stream_t *s, uint32_t index,
    ds_entry_t *e, int64_t at);
static ds_pick_e ds_pick_choose(ds_stream_t *s, bool spare, uint32_t *index,
    ds_entry_t *e);
static void ds_pick_pass(ds_stream_t *s);
static void ds_pick_owed(ds_stream_t *s);
static void ds_pick_adopt_first(ds_stream_t *s);
static bool ds_pick_given_up(ds_stream_t *s, ds_source_t **src,
    uint32_t index);
static bool ds_pick_refused(ds_stream_t *s, uint32_t index,
    const ds_error_t *err);
static void ds_pick_promote(ds_stream_t *s);
static void ds_pick_return(ds_stream_t *s, ds_source_t **src,
    uint32_t index);
static bool ds_pick_alive(ds_stream_t *s, bool *same);
static bool ds_pick_again(ds_stream_t *s, int64_t at);
static ds_fault_e ds_pick_fault(ds_stream_t *s, uint32_t index, int code);
static void ds_pick_hold(ds_stream_t *s, uint32_t index,
    const ds_error_t *err, bool aired, int64_t at);
static bool ds_pick_proved(ds_stream_t *s);
static void ds_pick_pass_over(ds_stream_t *s, uint32_t index,
    const ds_error_t *err, int64_t at);
static void ds_pick_give_up(ds_stream_t *s, uint32_t index,
    const ds_error_t *err, bool aired);
static void ds_pick_failed(ds_stream_t *s, uint32_t index,
    const ds_error_t *err);
static void ds_pick_release(ds_stream_t *s, uint32_t index);
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
        if (s->cur == NULL || s->cutting || s->expired) {
            ds_source_urge(s->next);
        }

        if (ds_pick_near(s, 2 * (int64_t) s->ds->conf.buffer_time)) {
            ds_source_widen(s->next);
        }

        if (ds_pick_stale(s)) {
            ds_pick_drop(s, NULL);

            (void) pthread_mutex_lock(&s->lock);
            ds_playlist_again(s->list, s->next_index);
            (void) pthread_mutex_unlock(&s->lock);

            return;
        }

        ds_pick_prepare_spare(s);
        return;
    }

    if (!(s->queue_first ? ds_pick_beside(s) : ds_pick_wanted(s))) {
        return;
    }

    s->next_at = ds_monotonic();
    s->next_ready = 0;

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

    pick = ds_pick_choose(s, false, &s->next_index, &e);

    s->at_end = false;

    if (pick == DS_PICK_WAIT) {
        return;
    }

    if (pick == DS_PICK_PASS) {
        ds_pick_pass(s);
        return;
    }

    if (!ds_pick_crashed(s, s->next_index, &e)) {
        s->next_start = ds_pick_start_at(s, &e);
        s->next = ds_pick_start(s, s->next_index, &e, s->next_start);
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

    pick = ds_pick_choose(s, true, &index, &e);

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
    s->spare_ready = 0;
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
        || now < s->spare_retry
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

    left = ds_pick_left(s);

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

    if (a != NULL) {
        ds_playlist_item(s->list, index, &a->item);
        a->item.state = DS_ITEM_FAILED;
        a->item.code = err.code;
        ds_text(a->item.reason, sizeof(a->item.reason), err.message);
        a->started = a->ended = ds_now();
    }

    (void) pthread_mutex_unlock(&s->lock);

    ds_pick_failed(s, index, &err);

    return true;
}


ds_aired_t *
ds_pick_record(ds_stream_t *s)
{
    ds_past_t  *past, **p;

    past = s->npast == DS_RECORDS ? NULL : calloc(1, sizeof(ds_past_t));

    if (past == NULL) {

        /* the oldest one is lost */

        past = s->past;
        if (past == NULL) {
            return NULL;
        }

        s->past = past->next;
        s->npast--;
        memset(past, 0, sizeof(ds_past_t));
    }

    past->aired.late = -1;

    for (p = &s->past; *p != NULL; p = &(*p)->next) { /* void */ }

    *p = past;
    s->npast++;

    return &past->aired;
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
        ds_pick_failed(s, index, &s->err);
        return NULL;
    }

    ds_pick_set_state(s, index, DS_ITEM_NEXT,
                      s->holding && s->held == index ? &s->held_err : NULL);

    return src;
}


/*
 * ms: the item that was on air when the stream ended goes on from there, and
 * so does one that an outage has broken off.
 */

static int64_t
ds_pick_start_at(ds_stream_t *s, const ds_entry_t *e)
{
    bool      same;
    char      id[DS_ID_LEN];
    int64_t   at;
    uint64_t  key;

    if (s->holding && s->held == s->next_index) {
        return s->held_at;
    }

    if (!s->resume.valid) {
        (void) pthread_mutex_lock(&s->lock);
        at = ds_playlist_at(s->list, s->next_index);
        (void) pthread_mutex_unlock(&s->lock);

        return at;
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

    at = same && s->resume.position != DS_ITEM_OVER ? s->resume.position : 0;

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

bool
ds_pick_wanted(ds_stream_t *s)
{
    if (s->refused) {

        if (!ds_pick_idle(s)) {
            return false;
        }

        s->refused = false;
    }

    return ds_pick_near(s, DS_LEAD)
           || (!ds_source_endless(s->cur)
               && (s->source.mode == DS_MODE_DOWNLOAD
                   || ds_source_duration(s->cur) == -1));
}


/* what is queued is ready, and may be removed when it is too late for this */

static bool
ds_pick_beside(ds_stream_t *s)
{
    return s->cur != NULL && s->queued != NULL && ds_source_ready(s->queued)
           && ds_pick_near(s, DS_SPARE_LEAD) && ds_pick_wanted(s);
}


/* nothing is read for what is on air, or it is in trouble */

static bool
ds_pick_idle(ds_stream_t *s)
{
    return s->cur == NULL || s->cutting || s->starved > DS_SILENCE_LIVE
           || ds_queue_ended(ds_source_queue(s->cur));
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
    int64_t      left;
    ds_meter_t  *m;

    if (ds_pick_idle(s)) {
        return true;
    }

    m = ds_air_meter(s->air);

    left = ds_pick_left(s);

    return (left != -1 && left <= lead)
           || (s->max_item != 0
               && s->max_item - m->item_time / 1000 <= lead)
           || ds_meter_missing(m, ds_monotonic()) > DS_SILENCE_LIVE;
}


int64_t
ds_pick_left(ds_stream_t *s)
{
    int64_t  end, left;

    end = ds_source_duration(s->cur);

    if (s->cur_until != 0 && (end == -1 || s->cur_until < end)) {
        end = s->cur_until;
    }

    left = end - ds_air_position(s->air);

    return end == -1 ? -1 : left < 0 ? 0 : left;
}


/* fills "e" and *index */

static ds_pick_e
ds_pick_choose(ds_stream_t *s, bool spare, uint32_t *index, ds_entry_t *e)
{
    ds_pick_e  pick;

    (void) pthread_mutex_lock(&s->lock);

    if (s->holding && !spare) {
        *index = s->held;
        ds_playlist_choose(s->list, *index, s->held_pass);
        pick = DS_PICK_ITEM;

    } else if (s->shuffle && !ds_playlist_is_complete(s->list)
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
    uint32_t  playable, owed;

    ds_lister_pass(s);

    (void) pthread_mutex_lock(&s->lock);

    loop = s->loop;
    playable = ds_playlist_playable(s->list);
    owed = ds_playlist_owed(s->list);
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

    if (!loop && owed != 0) {
        ds_pick_owed(s);
        return;
    }

    s->owed_since = 0;

    if (!loop && ds_lister_rest(s)) {
        s->retry_at = ds_monotonic() + DS_PASS_MIN;
        return;
    }

    if (playable == 0) {
        (void) ds_fail(&s->err, DS_EPLAYLIST_UNPLAYABLE,
                       "no item of the playlist can be played");
    }

    if (!loop) {
        s->at_end = true;
        s->going_back = false;

        if (s->cur == NULL && s->queued_key == DS_AGENDA_NONE
            && !s->scheduled)
        {
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


/* an outage is no end: sites are asked again, while others answer an hour */

static void
ds_pick_owed(ds_stream_t *s)
{
    int64_t  now;

    now = ds_monotonic();
    s->retry_at = now + DS_PASS_MIN;

    if (s->cur != NULL || s->owed_since == 0) {
        s->owed_since = now;
        return;
    }

    if (now - s->owed_since >= DS_OWED_MAX) {
        (void) pthread_mutex_lock(&s->lock);
        s->failed += ds_playlist_drop_owed(s->list);
        (void) pthread_mutex_unlock(&s->lock);

        ds_log(s->ds, DS_LOG_ERR, s->name,
               "items whose sites do not answer are given up");
    }
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

    if (s->spare != NULL
        && !ds_pick_given_up(s, &s->spare, s->spare_index)
        && s->spare_ready == 0 && ds_source_ready(s->spare))
    {
        s->spare_ready = ds_monotonic();
    }

    if (ds_pick_given_up(s, &s->next, s->next_index)) {
        if (s->holding && s->spare != NULL && s->spare_ready == 0) {
            /* it has the same trouble */
            ds_pick_return(s, &s->spare, s->spare_index);
        }

        ds_pick_promote(s);

    } else if (s->next_ready == 0 && ds_source_ready(s->next)) {
        s->next_ready = ds_monotonic();
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

    if (src == &s->next && ds_pick_refused(s, index, &err)) {
        ds_pick_end(s, src);
        return true;
    }

    if (src == &s->spare && ds_pick_fault(s, index, err.code) != DS_FAULT_ITEM)
    {
        /* it is not its turn yet */
        s->spare_retry = ds_monotonic() + DS_SPARE_RETRY;
        ds_pick_return(s, src, index);
        return true;
    }

    ds_pick_failed(s, index, &err);
    ds_pick_end(s, src);

    return true;
}


/*
 * Some sources allow one connection at a time: that of the item on air.  The
 * next one is looked at again when that has been read.
 */

static bool
ds_pick_refused(ds_stream_t *s, uint32_t index, const ds_error_t *err)
{
    bool  same;

    switch (err->code) {

    case DS_ESOURCE_CUT:
    case DS_ESOURCE_FAILED:
    case DS_ESOURCE_FORBIDDEN:
    case DS_ESOURCE_HTTP:
    case DS_ESOURCE_RATE_LIMITED:
    case DS_ESOURCE_REFUSED:
        break;

    default:
        return false;
    }

    if (ds_pick_idle(s) || ds_source_from_cache(s->cur)
        || ds_agenda_is_key(index) || ds_agenda_is_key(s->cur_index))
    {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);

    same = ds_playlist_same_site(s->list, index, s->cur_index);

    if (same) {
        ds_playlist_again(s->list, index);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (!same) {
        return false;
    }

    s->refused = true;

    ds_pick_set_state(s, index, DS_ITEM_PENDING, NULL);

    ds_log(s->ds, DS_LOG_INFO, s->name,
           "item %u is refused while another one is read: %s: %s, it will be "
           "tried again then", (unsigned) index, ds_error_code(err->code),
           err->message);

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

    if (s->spare == NULL || s->spare_ready == 0
        || ds_monotonic() - s->spare_ready < DS_SPARE_GRACE)
    {
        return false;
    }

    src = s->next;
    index = s->next_index;
    at = s->next_at;

    ds_pick_promote(s);

    s->spare = src;
    s->spare_index = index;
    s->spare_at = at;
    s->spare_ready = 0;

    return true;
}


ds_source_t *
ds_pick_take(ds_stream_t *s)
{
    ds_source_t  *src;

    src = s->next;
    ds_source_widen(src);
    ds_pick_release(s, s->next_index);

    /* what is kept says nothing of a site */

    s->overtaken = s->spare != NULL && s->spare_at < s->next_at
                   && !ds_source_from_cache(src)
                   ? ds_monotonic() : 0;
    s->overtaken_by = s->next_index;

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
        s->next_ready = s->spare_ready;
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


/* the next one, or the spare one: it has its turn again later */

static void
ds_pick_return(ds_stream_t *s, ds_source_t **src, uint32_t index)
{
    if (*src == NULL) {
        return;
    }

    ds_pick_end(s, src);

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_put_back(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);
}


/* an item that has not been on air cannot be played */

static void
ds_pick_failed(ds_stream_t *s, uint32_t index, const ds_error_t *err)
{
    if (ds_pick_fault(s, index, err->code) == DS_FAULT_ITEM) {
        ds_pick_give_up(s, index, err, false);

    } else {
        ds_pick_hold(s, index, err, false, 0);
    }
}


/*
 * If what is next is alive it goes on air, and the rest of what broke off
 * comes when its site answers; else there is nothing better to wait for.
 */

void
ds_pick_broken(ds_stream_t *s, const ds_error_t *err, int64_t at)
{
    bool        same, alive, again;
    int64_t     duration;
    uint32_t    index;
    ds_fault_e  fault;

    index = s->cur_index;
    duration = ds_source_duration(s->cur);
    alive = ds_pick_alive(s, &same);
    fault = ds_pick_fault(s, index, err->code);

    again = ds_pick_again(s, at);

    s->broken = true;
    s->broken_index = index;
    s->broken_at = at;

    if (fault == DS_FAULT_ITEM || again
        || (alive && (same || fault == DS_FAULT_RESOLVER))
        || (duration != -1 && duration - at < DS_REST))
    {
        ds_pick_give_up(s, index, err, true);
        return;
    }

    if (alive) {
        ds_pick_pass_over(s, index, err, at);
        return;
    }

    ds_pick_return(s, &s->spare, s->spare_index);

    if (s->next != NULL && s->next_index != DS_NO_ITEM) {
        ds_pick_return(s, &s->next, s->next_index);
    }

    ds_pick_hold(s, index, err, true, at);
}


/*
 * The next one is there whatever has become of the site of the one on air, or
 * that one breaks off for the second time.
 */

bool
ds_pick_alternative(ds_stream_t *s)
{
    bool  same;

    return ds_pick_alive(s, &same)
           || ds_pick_again(s, ds_air_position(s->air));
}


/* its site has answered, and it breaks off where it did before */

static bool
ds_pick_again(ds_stream_t *s, int64_t at)
{
    return s->broken && s->broken_index == s->cur_index
           && llabs(at - s->broken_at) < DS_BROKEN_SAME;
}


/*
 * "same": the next one is of the site of the one on air, and was ready since,
 * for so long that this one is tried again as well.
 */

static bool
ds_pick_alive(ds_stream_t *s, bool *same)
{
    bool     one;
    int64_t  now, silence;

    *same = false;

    if (!ds_pick_ready(s)) {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);
    one = !ds_agenda_is_key(s->cur_index)
          && ds_playlist_same_site(s->list, s->cur_index, s->next_index);
    (void) pthread_mutex_unlock(&s->lock);

    now = ds_monotonic();
    silence = ds_meter_missing(ds_air_meter(s->air), now);

    *same = one && s->next_ready > now - silence
            && now - s->next_ready >= DS_SITE_BACK
            && !ds_source_from_cache(s->next);

    return !one || *same || ds_source_from_cache(s->next)
           || ds_queue_ended(ds_source_queue(s->next));
}


static ds_fault_e
ds_pick_fault(ds_stream_t *s, uint32_t index, int code)
{
    bool  resolved;

    /* what is queued is not waited for */

    if (ds_agenda_is_key(index)) {
        return DS_FAULT_ITEM;
    }

    (void) pthread_mutex_lock(&s->lock);
    resolved = ds_playlist_resolved(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);

    return ds_fault(code, resolved);
}


/*
 * The site's, the resolver's or our own fault: the same item is tried again,
 * until it plays, or until another one could be opened and it still cannot.
 */

static void
ds_pick_hold(ds_stream_t *s, uint32_t index, const ds_error_t *err,
    bool aired, int64_t at)
{
    bool        down;
    int64_t     wait;
    ds_fault_e  fault;

    fault = ds_pick_fault(s, index, err->code);
    s->err = *err;
    s->fails++;

    (void) pthread_mutex_lock(&s->lock);

    if (s->holding && s->held != index) {
        ds_playlist_put_back(s->list, s->held);
        s->holding = false;
    }

    if (!s->holding) {
        s->holding = true;
        s->held = index;
        s->held_pass = ds_playlist_chosen(s->list, index);
        s->held_at = ds_playlist_at(s->list, index);
        s->tries = 0;

        /* what has come back did so because its site had answered */

        s->witness = ds_playlist_is_owed(s->list, index) ? s->next_at : 0;
        s->witness_same = true;

        if (s->witness == 0 && s->overtaken > s->next_at) {
            s->witness = s->overtaken;
            s->witness_same = ds_playlist_same_site(s->list, index,
                                                    s->overtaken_by);
        }
    }

    down = s->away && fault == DS_FAULT_SITE
           && ds_playlist_same_site(s->list, index, s->away_index);

    (void) pthread_mutex_unlock(&s->lock);

    s->held_err = *err;
    s->held_at = aired ? at : s->held_at;
    s->tries++;

    if (down || ds_pick_proved(s)) {
        if (!down && s->witness_same && fault != DS_FAULT_SELF) {
            ds_pick_give_up(s, index, err, aired);

        } else {
            s->away = fault == DS_FAULT_SITE;
            s->away_index = index;
            ds_pick_pass_over(s, index, err, s->held_at);
        }

        return;
    }

    wait = ds_backoff(s->tries, DS_RETRY_MIN, DS_RETRY_MAX);
    s->retry_at = ds_monotonic() + wait;

    if (aired) {
        ds_pick_set_item(s, index, DS_ITEM_PENDING, err);
    } else {
        ds_pick_set_state(s, index, DS_ITEM_PENDING, err);
    }

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "item %u is waited for, fault: %s, trying again in %lld ms: %s: %s",
           (unsigned) index, ds_fault_name(fault), (long long) wait,
           ds_error_code(err->code), err->message);
}


/* another one could be opened, and what began or went on then has failed */

static bool
ds_pick_proved(ds_stream_t *s)
{
    int64_t  from;

    if (s->witness == 0) {
        return false;
    }

    from = s->next_at > s->witness ? s->next_at : s->witness;

    return (s->tries >= DS_HOLD_TRIES && from == s->next_at)
           || ds_monotonic() - from >= s->ds->conf.source_timeout;
}


/* others answer: they go on, and it comes when its site does */

static void
ds_pick_pass_over(ds_stream_t *s, uint32_t index, const ds_error_t *err,
    int64_t at)
{
    s->err = *err;
    s->retry_at = 0;

    ds_pick_release(s, index);
    ds_pick_set_item(s, index, DS_ITEM_PENDING, err);

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_pass_over(s->list, index, true, at);
    (void) pthread_mutex_unlock(&s->lock);

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "item %u is passed over until its site answers: %s: %s",
           (unsigned) index, ds_error_code(err->code), err->message);
}


/* it is not played in this pass */

static void
ds_pick_give_up(ds_stream_t *s, uint32_t index, const ds_error_t *err,
    bool aired)
{
    ds_item_t  item;

    s->err = *err;
    s->failed++;
    s->fails++;
    s->retry_at = 0;

    ds_count_failure(&s->counters, err->code);
    ds_pick_release(s, index);

    if (aired) {
        ds_pick_set_item(s, index, DS_ITEM_FAILED, err);
    } else {
        ds_pick_set_state(s, index, DS_ITEM_FAILED, err);
    }

    (void) pthread_mutex_lock(&s->lock);

    if (!aired) {

        /* one that has crashed has its turn in the next pass */

        if (err->code != DS_EITEM_CRASHED) {
            ds_playlist_pass_over(s->list, index, false, 0);
        }

        ds_playlist_set_verdict(s->list, index, DS_VERDICT_BAD, err->code);
    }

    ds_pick_item(s, index, &item);

    (void) pthread_mutex_unlock(&s->lock);

    ds_log(s->ds, DS_LOG_ERR, s->name,
           "item %u failed: %s: %s, id: \"%s\", title: \"%s\"",
           (unsigned) item.index, ds_error_code(err->code), err->message,
           item.id, item.title);
}


/* context: s->lock is held */

void
ds_pick_item(ds_stream_t *s, uint32_t index, ds_item_t *item)
{
    if (ds_agenda_is_key(index)) {
        ds_agenda_item(s->agenda, index, item);

    } else {
        ds_playlist_item(s->list, index, item);
    }
}


static void
ds_pick_release(ds_stream_t *s, uint32_t index)
{
    if (s->holding && s->held == index) {
        s->holding = false;
    }
}


void
ds_pick_answered(ds_stream_t *s, uint32_t index)
{
    (void) pthread_mutex_lock(&s->lock);

    if (s->away && ds_playlist_same_site(s->list, index, s->away_index)) {
        s->away = false;
    }

    if (s->holding && s->witness == 0) {
        s->witness = ds_monotonic();
        s->witness_same = ds_playlist_same_site(s->list, index, s->held);
        s->retry_at = 0;
    }

    (void) pthread_mutex_unlock(&s->lock);
}


/* "reason" NULL: it will have its turn again */

void
ds_pick_drop(ds_stream_t *s, const char *reason)
{
    ds_error_t  err;

    (void) ds_fail(&err, DS_OK, "%s", reason == NULL ? "" : reason);

    if (s->next == NULL) {
        /* it is waited for */
        s->holding = false;
        s->retry_at = 0;
        ds_pick_set_state(s, s->held, DS_ITEM_SKIPPED, &err);
        return;
    }

    ds_pick_release(s, s->next_index);
    ds_pick_set_state(s, s->next_index,
                      reason == NULL ? DS_ITEM_PENDING : DS_ITEM_SKIPPED,
                      &err);
    ds_pick_end(s, &s->next);
    ds_pick_promote(s);
}


/* and where it was to begin, when it was to go on */

void
ds_pick_put_back(ds_stream_t *s)
{
    uint32_t   index;
    ds_item_t  item;

    if (s->next == NULL) {
        return;
    }

    index = s->next_index;

    if (index == DS_NO_ITEM) {
        ds_pick_end(s, &s->next);
        s->next_index = 0;
        return;
    }

    if (s->next_start != 0) {
        s->resume.valid = true;
        s->resume.index = index;
        s->resume.position = s->next_start;

        (void) pthread_mutex_lock(&s->lock);
        ds_playlist_item(s->list, index, &item);
        s->resume.key = ds_playlist_key(s->list, index);
        (void) pthread_mutex_unlock(&s->lock);

        memcpy(s->resume.id, item.id, sizeof(s->resume.id));
    }

    while (s->next != NULL) {
        ds_pick_drop(s, NULL);
    }

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_goto(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);
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
    int          code;
    const char  *reason;

    code = err == NULL ? 0 : err->code;
    reason = err == NULL ? NULL : err->message;

    (void) pthread_mutex_lock(&s->lock);

    if (ds_agenda_is_key(index)) {
        ds_agenda_set_state(s->agenda, index, state, code, reason);

    } else {
        ds_playlist_set_state(s->list, index, state, code, reason);
    }

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
