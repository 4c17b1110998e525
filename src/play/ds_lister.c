
/*
 * ds_lister.c: the thread that lists a stream's playlist, and what is done
 * when it fails.  An item can be used as soon as its line has come.
 */

#include <string.h>

#include "base/ds_crash.h"
#include "base/ds_fault.h"
#include "play/ds_lister.h"
#include "resolve/ds_resolver.h"


#define DS_LIST_RETRY_MIN  1000
#define DS_LIST_RETRY_MAX  60000

/* items of a playlist, if nothing else is said */
#define DS_LIST_MAX        50000

/* a stream that does not loop gives a list up that says no so many times */
#define DS_LIST_TRIES      3


static void ds_lister_run(void *data);
static bool ds_lister_entry(void *data, ds_entry_t *e);
static bool ds_lister_failed(ds_stream_t *s, const ds_error_t *err);


void
ds_lister_start(ds_stream_t *s)
{
    s->list_at = 0;
    s->list_started = ds_monotonic();
    ds_error_clear(&s->list_err);

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

    (void) ds_resolver_list(s->ds, s->playlist, &s->lister.cancel,
                            ds_lister_entry, s, &s->list_err);
}


/* context: lister's thread */

static bool
ds_lister_entry(void *data, ds_entry_t *e)
{
    int           rc;
    uint32_t      index, max;
    ds_stream_t  *s = data;

    max = s->ds->conf.max_items == 0 ? DS_LIST_MAX : s->ds->conf.max_items;

    (void) pthread_mutex_lock(&s->lock);
    index = ds_playlist_count(s->list);
    rc = index < max ? ds_playlist_add(s->list, e) : DS_EPLAYLIST_FORMAT;
    (void) pthread_mutex_unlock(&s->lock);

    if (rc == DS_EPLAYLIST_FORMAT) {
        ds_log(s->ds, DS_LOG_WARN, s->name,
               "playlist is cut at %u items, it has more", (unsigned) max);
    }

    if (rc == DS_OK && e->code != DS_OK) {
        ds_log(s->ds, DS_LOG_INFO, s->name, "item %u is skipped: %s: %s",
               (unsigned) index, ds_error_code(e->code), e->reason);
    }

    if (rc != DS_OK) {
        ds_entry_free(e);
        return false;
    }

    return true;
}


bool
ds_lister_check(ds_stream_t *s)
{
    uint32_t    count;
    ds_error_t  err;

    if (s->list_at != 0) {
        if (ds_monotonic() >= s->list_at) {
            ds_lister_start(s);
        }

        return true;
    }

    if (!ds_job_done(&s->lister)) {
        return true;
    }

    (void) pthread_mutex_lock(&s->lock);

    if (ds_playlist_is_complete(s->list)) {
        (void) pthread_mutex_unlock(&s->lock);
        return true;
    }

    err = s->list_err;
    count = ds_playlist_count(s->list);

    if (count != 0) {
        ds_playlist_complete(s->list);
    }

    (void) pthread_mutex_unlock(&s->lock);

    ds_job_end(&s->lister);

    if (err.code == DS_OK && count != 0) {
        s->list_tries = 0;
        s->list_cut = false;
        ds_log(s->ds, DS_LOG_NOTICE, s->name, "playlist has %u items",
               (unsigned) count);
        return true;
    }

    if (err.code == DS_OK) {
        (void) ds_fail(&err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    return ds_lister_failed(s, &err);
}


static bool
ds_lister_failed(ds_stream_t *s, const ds_error_t *err)
{
    bool      loop, complete;
    int64_t   wait;
    uint32_t  count;

    s->err = *err;

    (void) pthread_mutex_lock(&s->lock);
    loop = s->loop;
    complete = ds_playlist_is_complete(s->list);
    count = ds_playlist_count(s->list);
    (void) pthread_mutex_unlock(&s->lock);

    if (complete) {
        s->list_cut = true;
        ds_log(s->ds, DS_LOG_WARN, s->name,
               "playlist could not be read to its end: %s: %s, "
               "going on with %u items", ds_error_code(err->code),
               err->message, (unsigned) count);
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


void
ds_lister_again(ds_stream_t *s, int64_t wait)
{
    ds_playlist_t  *list, *old;

    list = ds_playlist_create(s->shuffle, s->seed);
    if (list == NULL) {
        return;
    }

    ds_job_end(&s->lister);

    (void) pthread_mutex_lock(&s->lock);
    old = s->list;
    s->list = list;
    (void) pthread_mutex_unlock(&s->lock);

    ds_playlist_free(&old);

    s->nhistory = 0;
    s->holding = false;
    s->away = false;
    s->broken = false;
    s->check_index = DS_NO_ITEM;
    s->list_at = ds_monotonic() + wait;
}
