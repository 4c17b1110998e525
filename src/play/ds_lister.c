
/*
 * ds_lister.c: the thread that reads a stream's playlist, when it is read
 * again, and whether the answer is believed.  The first time an item can be
 * used as soon as its line has come, unless the store knows the list already;
 * later the whole answer takes the place of what was known, item by item.
 */

#include <string.h>
#include <sys/random.h>

#include "base/ds_crash.h"
#include "base/ds_fault.h"
#include "play/ds_agenda.h"
#include "play/ds_ahead.h"
#include "play/ds_lister.h"
#include "resolve/ds_resolver.h"


/* ms: after a first listing that has failed */
#define DS_LIST_RETRY_MIN  1000
#define DS_LIST_RETRY_MAX  60000

/* ms: after an answer that is not believed, or cut; at most the interval */
#define DS_LIST_AGAIN_MIN  60000
#define DS_LIST_AGAIN_MAX  (15 * 60 * 1000)

/* ms: a list that is so new is not read again at the end of a pass */
#define DS_LIST_NEW        60000

/* ms: a stream that knows its list goes on air before it reads it */
#define DS_LIST_AIR        10000

/* a stream that does not loop gives a list up that says no so many times */
#define DS_LIST_TRIES      3


static void ds_lister_begin(ds_stream_t *s);
static void ds_lister_run(void *data);
static bool ds_lister_entry(void *data, ds_entry_t *e);
static void ds_lister_load(ds_stream_t *s);
static bool ds_lister_stored(void *data, const ds_listed_t *item);
static bool ds_lister_due(ds_stream_t *s);
static int64_t ds_lister_next(uint32_t refresh, uint32_t jitter);
static bool ds_lister_loaded(ds_stream_t *s);
static bool ds_lister_first(ds_stream_t *s);
static bool ds_lister_failed(ds_stream_t *s, const ds_error_t *err);
static void ds_lister_answer(ds_stream_t *s);
static bool ds_lister_believed(ds_stream_t *s, ds_playlist_t *fresh,
    ds_error_t *err);
static void ds_lister_kept(ds_stream_t *s, const ds_error_t *err);
static int ds_lister_merge(ds_stream_t *s, ds_playlist_t **fresh,
    ds_diff_t *diff);
static void ds_lister_accepted(ds_stream_t *s, const ds_diff_t *diff);


void
ds_lister_start(ds_stream_t *s)
{
    s->list_stored = s->resume.valid && s->ds->conf.store_path != NULL;

    (void) pthread_mutex_lock(&s->lock);
    s->list_refresh = s->refresh;
    (void) pthread_mutex_unlock(&s->lock);

    ds_lister_begin(s);
}


/* without a thread it is as if it had failed at once */

static void
ds_lister_begin(ds_stream_t *s)
{
    bool  known;

    s->list_at = 0;
    s->list_capped = false;
    s->listing = true;
    ds_error_clear(&s->list_err);

    (void) pthread_mutex_lock(&s->lock);
    known = ds_playlist_is_complete(s->list);
    s->status.list.refreshing = known;
    (void) pthread_mutex_unlock(&s->lock);

    if (!known) {
        s->list_started = ds_monotonic();
    }

    if (known || s->list_stored) {
        s->fresh = ds_playlist_create(s->shuffle, s->seed);

        if (s->fresh == NULL) {
            (void) ds_fail(&s->list_err, DS_ENOMEM, "no memory for a list");
            return;
        }
    }

    if (ds_job_start(&s->lister, "ds-list", ds_lister_run, s) != DS_OK) {
        (void) ds_fail(&s->list_err, DS_ENOMEM, "pthread_create() failed");
    }
}


/* context: lister's thread */

static void
ds_lister_run(void *data)
{
    ds_stream_t *s = data;

    ds_crash_stream(s->name);

    if (s->list_stored) {
        ds_lister_load(s);
        return;
    }

    (void) ds_resolver_list(s->ds, &s->settings, s->playlist, &s->lister.cancel,
                            ds_lister_entry, s, &s->list_err);
}


/* context: lister's thread */

static bool
ds_lister_entry(void *data, ds_entry_t *e)
{
    int             rc;
    uint32_t        index;
    ds_stream_t    *s = data;
    ds_playlist_t  *list;

    (void) pthread_mutex_lock(&s->lock);

    list = s->fresh != NULL ? s->fresh : s->list;
    index = ds_playlist_count(list);

    s->list_capped = s->ds->conf.playlist_max_items != 0
                     && index >= s->ds->conf.playlist_max_items;

    rc = s->list_capped ? DS_OK : ds_playlist_add(list, e);

    (void) pthread_mutex_unlock(&s->lock);

    if (rc != DS_OK) {
        (void) ds_fail(&s->list_no_memory, DS_ENOMEM, "no memory for a list");
    }

    if (rc != DS_OK || s->list_capped) {
        ds_entry_free(e);
        return false;
    }

    if (s->fresh == NULL && e->code != DS_OK) {
        ds_log(s->ds, DS_LOG_INFO, s->name, "item %u is skipped: %s: %s",
               (unsigned) index, ds_error_code(e->code), e->reason);
    }

    return true;
}


/* context: lister's thread */

static void
ds_lister_load(ds_stream_t *s)
{
    ds_store_t  *store;

    store = ds_store_open(s->ds->conf.store_path, false, &s->list_err);

    if (store != NULL) {
        (void) ds_store_each_item(store, s->name, ds_lister_stored, s,
                                  &s->list_err);
        ds_store_close(&store);
    }
}


/* context: lister's thread */

static bool
ds_lister_stored(void *data, const ds_listed_t *item)
{
    ds_stream_t *s = data;

    if (ds_cancel_is_set(&s->lister.cancel)) {
        return false;
    }

    if (ds_playlist_restore(s->fresh, item) != DS_OK) {
        (void) ds_fail(&s->list_no_memory, DS_ENOMEM, "no memory for a list");
        return false;
    }

    return true;
}


bool
ds_lister_check(ds_stream_t *s)
{
    bool  known;

    if (!s->listing) {
        if (ds_lister_due(s)) {
            ds_lister_begin(s);
        }

        return true;
    }

    if (!ds_job_done(&s->lister)) {
        return true;
    }

    ds_job_end(&s->lister);

    s->listing = false;

    /* the callback's own trouble, of which its caller knows nothing */

    if (s->list_no_memory.code != DS_OK) {
        s->list_err = s->list_no_memory;
        ds_error_clear(&s->list_no_memory);
    }

    if (s->list_stored) {
        return ds_lister_loaded(s);
    }

    (void) pthread_mutex_lock(&s->lock);
    s->status.list.refreshing = false;
    known = ds_playlist_is_complete(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (!known) {
        return ds_lister_first(s);
    }

    ds_lister_answer(s);

    return true;
}


/* by request, or because it is time */

static bool
ds_lister_due(ds_stream_t *s)
{
    bool      wish, known;
    int64_t   now;
    uint32_t  refresh, jitter;

    (void) pthread_mutex_lock(&s->lock);

    wish = s->refresh_wish;
    s->refresh_wish = false;
    refresh = s->refresh;
    jitter = s->refresh_jitter;
    known = ds_playlist_is_complete(s->list);

    (void) pthread_mutex_unlock(&s->lock);

    if (refresh != s->list_refresh) {
        s->list_refresh = refresh;

        if (known && s->list_kept == 0 && s->list_read != 0) {
            s->list_at = ds_lister_next(refresh, jitter);
        }
    }

    if (wish) {
        return true;
    }

    now = ds_monotonic();

    if (s->list_at == 0 || now < s->list_at) {
        return false;
    }

    return !known || s->list_read != 0 || s->list_kept != 0
           || s->aired || s->fails != 0 || s->bad_passes != 0
           || now - s->list_started >= DS_LIST_AIR;
}


/* monotonic ms, 0: never; streams of one start do not stay together */

static int64_t
ds_lister_next(uint32_t refresh, uint32_t jitter)
{
    int64_t   span;
    uint32_t  n;

    if (refresh == 0) {
        return 0;
    }

    if (getrandom(&n, sizeof(n), 0) != sizeof(n)) {
        n = (uint32_t) ds_monotonic_us();
    }

    span = (int64_t) refresh * jitter / 100;

    return ds_monotonic() + refresh - span + n % (uint32_t) (2 * span + 1);
}


/* what the store has is the list, until it has been read anew */

static bool
ds_lister_loaded(ds_stream_t *s)
{
    bool            known;
    uint32_t        count;
    ds_playlist_t  *list;

    known = false;
    list = s->fresh;

    s->fresh = NULL;
    s->list_stored = false;

    if (s->list_err.code == DS_OK && list != NULL) {
        ds_playlist_resume(list, &s->resume);
        known = ds_playlist_resumes(list);
    }

    if (!known) {
        if (s->list_err.code != DS_OK) {
            ds_log(s->ds, DS_LOG_WARN, s->name,
                   "playlist's items cannot be had from the store: %s: %s",
                   ds_error_code(s->list_err.code), s->list_err.message);
        }

        ds_playlist_free(&list);
        ds_lister_begin(s);

        return true;
    }

    ds_playlist_complete(list);
    count = ds_playlist_count(list);

    (void) pthread_mutex_lock(&s->lock);
    s->fresh = s->list;
    s->list = list;
    (void) pthread_mutex_unlock(&s->lock);

    ds_playlist_free(&s->fresh);

    s->list_at = ds_monotonic();

    ds_log(s->ds, DS_LOG_NOTICE, s->name, "playlist has %u items, as stored",
           (unsigned) count);

    return true;
}


/* the first reading, which has filled the list itself */

static bool
ds_lister_first(ds_stream_t *s)
{
    uint32_t    count;
    ds_diff_t   diff;
    ds_error_t  err;

    err = s->list_err;

    (void) pthread_mutex_lock(&s->lock);

    count = ds_playlist_count(s->list);

    if (count != 0) {
        ds_playlist_complete(s->list);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (err.code == DS_OK && count == 0) {
        (void) ds_fail(&err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    if (err.code != DS_OK) {
        return ds_lister_failed(s, &err);
    }

    ds_log(s->ds, DS_LOG_NOTICE, s->name, "playlist has %u items",
           (unsigned) count);

    memset(&diff, 0, sizeof(ds_diff_t));
    ds_lister_accepted(s, &diff);

    return true;
}


static bool
ds_lister_failed(ds_stream_t *s, const ds_error_t *err)
{
    bool     loop, complete;
    int64_t  wait;

    s->err = *err;

    (void) pthread_mutex_lock(&s->lock);
    loop = s->loop;
    complete = ds_playlist_is_complete(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (complete) {
        s->list_tries = 0;
        s->list_cut = true;
        ds_lister_kept(s, err);
        return true;
    }

    s->list_tries++;

    /* an outage is waited for */

    if (!loop && s->list_tries >= DS_LIST_TRIES
        && ds_fault(err->code, false) == DS_FAULT_ITEM)
    {
        ds_log(s->ds, DS_LOG_ERR, s->name, "playlist failed: %s: %s",
               ds_error_code(err->code), err->message);
        return false;
    }

    wait = ds_backoff(s->list_tries, DS_LIST_RETRY_MIN, DS_LIST_RETRY_MAX);

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "playlist failed: %s: %s, trying again in %lld ms",
           ds_error_code(err->code), err->message, (long long) wait);

    s->list_at = ds_monotonic() + wait;

    return true;
}


/* a later reading: the answer is taken, or what was known stays */

static void
ds_lister_answer(ds_stream_t *s)
{
    bool            believed;
    ds_diff_t       diff;
    ds_error_t      err;
    ds_playlist_t  *fresh;

    err = s->list_err;
    fresh = s->fresh;
    s->fresh = NULL;

    believed = fresh != NULL && ds_lister_believed(s, fresh, &err);

    /* of a list that was cut, more is better */

    if (believed
        || (s->list_cut && fresh != NULL
            && ds_playlist_count(fresh) > ds_playlist_count(s->list)))
    {
        if (ds_lister_merge(s, &fresh, &diff) != DS_OK) {
            believed = false;
            (void) ds_fail(&err, DS_ENOMEM, "no memory for a list");
        }
    }

    ds_playlist_free(&fresh);

    if (believed) {
        ds_lister_accepted(s, &diff);

    } else {
        ds_lister_kept(s, &err);
    }
}


/*
 * A list that is empty, or less than half as long, is rather a fault of who
 * gave it; but it is not one that gives the same answer twice.
 */

static bool
ds_lister_believed(ds_stream_t *s, ds_playlist_t *fresh, ds_error_t *err)
{
    bool      again;
    uint32_t  count, known;
    uint64_t  print, have;

    count = ds_playlist_count(fresh);
    print = ds_playlist_print(fresh);

    (void) pthread_mutex_lock(&s->lock);
    known = ds_playlist_count(s->list);
    have = ds_playlist_print(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (err->code == DS_OK && count == 0) {
        (void) ds_fail(err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    if (err->code == DS_OK && count < known / 2 + known % 2) {
        (void) ds_fail(err, DS_EPLAYLIST_SHORT,
                       "playlist has %u items, it had %u", (unsigned) count,
                       (unsigned) known);
    }

    if (err->code == DS_OK) {
        return true;
    }

    if (err->code != DS_EPLAYLIST_EMPTY && err->code != DS_EPLAYLIST_SHORT) {
        return false;
    }

    again = print == have || (s->list_doubted && print == s->list_seen);

    s->list_doubted = true;
    s->list_seen = print;

    return again;
}


/* what was known stays, whatever has come; status says why, and since when */

static void
ds_lister_kept(ds_stream_t *s, const ds_error_t *err)
{
    bool         news;
    int64_t      wait, least, most;
    uint32_t     count;
    ds_error_t  *pending;

    if (err->code != DS_EPLAYLIST_EMPTY && err->code != DS_EPLAYLIST_SHORT) {
        s->list_doubted = false;
    }

    (void) pthread_mutex_lock(&s->lock);

    count = ds_playlist_count(s->list);
    pending = &s->status.list.pending;
    news = pending->code != err->code;

    pending->at = pending->code == DS_OK ? err->at : pending->at;
    pending->code = err->code;
    memcpy(pending->message, err->message, sizeof(err->message));

    (void) pthread_mutex_unlock(&s->lock);

    ds_count_fault(&s->counters, err->code);

    most = s->list_refresh == 0 ? DS_LIST_AGAIN_MAX : s->list_refresh;
    least = most < DS_LIST_AGAIN_MIN ? most : DS_LIST_AGAIN_MIN;
    wait = ds_backoff(++s->list_kept, least, most);

    /* nothing else is left to be played */

    if (s->list_tries != 0) {
        wait = ds_backoff(++s->list_tries, DS_LIST_RETRY_MIN,
                          DS_LIST_RETRY_MAX);
    }

    /* who does not want it read again gets it whole, but no more */

    s->list_at = s->list_refresh == 0 && !s->list_cut
                 ? 0 : ds_monotonic() + wait;

    if (news) {
        ds_log(s->ds, DS_LOG_WARN, s->name,
               "%s: %s: %s, going on with %u items",
               s->list_cut ? "playlist could not be read to its end"
                           : "playlist that was read again is not taken",
               ds_error_code(err->code), err->message, (unsigned) count);
    }
}


static int
ds_lister_merge(ds_stream_t *s, ds_playlist_t **fresh, ds_diff_t *diff)
{
    int           rc;
    size_t        nheld, nnamed;
    unsigned      i, n;
    uint32_t     *held[4], *named[DS_HISTORY + DS_AHEADS + 5];
    ds_status_t  *st;

    nheld = 0;

    if (s->cur != NULL) {
        held[nheld++] = &s->cur_index;
    }

    if (s->next != NULL) {
        held[nheld++] = &s->next_index;
    }

    if (s->spare != NULL) {
        held[nheld++] = &s->spare_index;
    }

    if (s->queued != NULL) {
        held[nheld++] = &s->queued_index;
    }

    for (nnamed = 0; nnamed < s->nhistory; nnamed++) {
        named[nnamed] = &s->history[nnamed];
    }

    nnamed += ds_ahead_indices(s, named + nnamed);

    named[nnamed++] = &s->held;
    named[nnamed++] = &s->away_index;
    named[nnamed++] = &s->broken_index;
    named[nnamed++] = &s->check_index;
    named[nnamed++] = &s->overtaken_by;

    (void) pthread_mutex_lock(&s->lock);

    rc = ds_playlist_merge(s->list, fresh, held, nheld, named, nnamed, diff);

    /* whoever takes the items is not told of them by what was */

    st = &s->status;
    st->count = ds_playlist_count(s->list);

    if (s->cur != NULL && st->has_item && !ds_agenda_is_key(s->cur_index)) {
        ds_playlist_item(s->list, s->cur_index, &st->item);
    }

    if (s->next != NULL && st->has_next && s->queued == NULL
        && s->next_index != DS_NO_ITEM)
    {
        ds_playlist_item(s->list, s->next_index, &st->next);
    }

    (void) pthread_mutex_unlock(&s->lock);

    n = 0;

    for (i = 0; i < s->nhistory; i++) {
        if (s->history[i] != DS_NO_ITEM) {
            s->history[n++] = s->history[i];
        }
    }

    s->nhistory = n;

    /* what is gone is neither waited for nor a witness */

    s->holding = s->holding && s->held != DS_NO_ITEM;
    s->away = s->away && s->away_index != DS_NO_ITEM;
    s->broken = s->broken && s->broken_index != DS_NO_ITEM;
    s->overtaken = s->overtaken_by != DS_NO_ITEM ? s->overtaken : 0;

    return rc;
}


static void
ds_lister_accepted(ds_stream_t *s, const ds_diff_t *diff)
{
    bool               changed;
    uint32_t           count, refresh, jitter;
    ds_list_status_t  *st;

    changed = diff->added != 0 || diff->removed != 0 || diff->moved != 0
              || diff->changed != 0;

    s->list_tries = 0;
    s->list_kept = 0;
    s->list_cut = false;
    s->list_doubted = false;
    s->list_read = ds_monotonic();

    (void) pthread_mutex_lock(&s->lock);

    st = &s->status.list;

    st->refreshed_at = ds_now();
    st->added = diff->added;
    st->removed = diff->removed;
    st->moved = diff->moved;
    st->changed = diff->changed;
    st->added_total += diff->added;
    st->removed_total += diff->removed;
    st->changes += changed;
    st->truncated = s->list_capped;
    s->status.complete = !s->list_capped;
    ds_error_clear(&st->pending);

    /* who believes that it is complete takes the count for all there are */

    count = ds_playlist_count(s->list);
    s->status.count = count;
    refresh = s->refresh;
    jitter = s->refresh_jitter;

    (void) pthread_mutex_unlock(&s->lock);

    s->list_refresh = refresh;
    s->list_at = ds_lister_next(refresh, jitter);

    if (s->list_capped) {
        ds_log(s->ds, DS_LOG_WARN, s->name,
               "playlist is cut at %u items, see \"playlist_max_items\"",
               (unsigned) count);
    }

    if (changed) {
        ds_log(s->ds, DS_LOG_NOTICE, s->name,
               "playlist has changed, %u items, added: %u, removed: %u, "
               "moved: %u, changed: %u", (unsigned) count,
               (unsigned) diff->added, (unsigned) diff->removed,
               (unsigned) diff->moved, (unsigned) diff->changed);
    }
}


void
ds_lister_pass(ds_stream_t *s)
{
    int64_t   now, age;
    uint32_t  pass;

    (void) pthread_mutex_lock(&s->lock);
    pass = ds_playlist_pass(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (pass == s->list_pass || s->list_refresh == 0) {
        return;
    }

    s->list_pass = pass;

    now = ds_monotonic();
    age = s->list_refresh < DS_LIST_NEW ? s->list_refresh : DS_LIST_NEW;

    /* with trouble of its own it is read when that is waited for */

    if (s->list_kept == 0 && now - s->list_read >= age) {
        s->list_at = now;
    }
}


bool
ds_lister_rest(ds_stream_t *s)
{
    if (!s->list_cut) {
        return false;
    }

    if (s->list_tries == 0) {
        s->list_tries = 1;
        ds_lister_again(s, ds_monotonic());
    }

    return s->listing || s->list_tries <= DS_LIST_TRIES
           || ds_fault(s->list_err.code, false) != DS_FAULT_ITEM;
}


void
ds_lister_again(ds_stream_t *s, int64_t at)
{
    if (s->list_at == 0 || s->list_at > at) {
        s->list_at = at;
    }
}
