
/*
 * ds_ahead.c: what a stream fetches into the cache before it is due: the item
 * after the next one, and, when it was asked for, all of the list, each one
 * item at a time in a thread of its own.  Knows nothing of the air.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "play/ds_ahead.h"
#include "source/ds_shelf.h"


/* the one that nobody waits for makes room for others */
#define DS_AHEAD_NICE  10


struct ds_ahead_s {
    pthread_t          thread;
    ds_cancel_t        cancel;
    ds_entry_t         entry;
    ds_profile_t       profile;
    ds_link_conf_t   conf;
    ds_shelf_t         shelf;           /* what is found stays, it is pinned */
    uint32_t           index;
    bool               modest;          /* for ds_stream_prefetch() */

    ds_error_t         err;             /* before "done" is set */
    atomic_bool        done;
};


static bool ds_ahead_wanted(ds_stream_t *s, uint32_t *index);
static void ds_ahead_warm(ds_stream_t *s);
static bool ds_ahead_warm_next(ds_stream_t *s, uint32_t *index);
static void ds_ahead_warmed(ds_stream_t *s);
static ds_ahead_t *ds_ahead_start(ds_stream_t *s, uint32_t index,
    bool modest);
static void *ds_ahead_thread(void *data);
static bool ds_ahead_running(ds_ahead_t *a);
static void ds_ahead_free(ds_ahead_t **pa);


void
ds_ahead_step(ds_stream_t *s)
{
    uint32_t  index;

    if (s->ds->cache == NULL) {
        return;
    }

    if (ds_ahead_wanted(s, &index)
        && (s->ahead == NULL || s->ahead->index != index))
    {
        if (ds_ahead_running(s->ahead)) {
            ds_cancel_set(&s->ahead->cancel);

        } else {
            ds_ahead_free(&s->ahead);
            s->ahead = ds_ahead_start(s, index, false);
        }
    }

    if (!ds_ahead_running(s->warmer)) {
        ds_ahead_warmed(s);
    }

    ds_ahead_warm(s);
}


/* in mode download, the item after the next one once that one is there */

static bool
ds_ahead_wanted(ds_stream_t *s, uint32_t *index)
{
    bool  wanted;

    if (s->next == NULL || s->next_index == DS_NO_ITEM
        || !ds_source_ready(s->next))
    {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);

    wanted = s->status.mode == DS_MODE_DOWNLOAD
             && ds_playlist_peek(s->list, s->loop, index)
             && *index != s->next_index
             && (s->cur == NULL || *index != s->cur_index);

    (void) pthread_mutex_unlock(&s->lock);

    return wanted;
}


/* the next of all items, unless one is being fetched */

static void
ds_ahead_warm(ds_stream_t *s)
{
    bool      on;
    uint32_t  index;

    (void) pthread_mutex_lock(&s->lock);
    on = s->prefetch;
    (void) pthread_mutex_unlock(&s->lock);

    if (!on) {
        if (s->warmer != NULL) {
            ds_cancel_set(&s->warmer->cancel);
        }

        s->warm.active = false;
        return;
    }

    if (s->warmer != NULL) {
        return;
    }

    if (!s->warm.active) {
        memset(&s->warm, 0, sizeof(ds_prefetch_status_t));
        s->warm.active = true;
    }

    if (ds_ahead_warm_next(s, &index)) {
        s->warmer = ds_ahead_start(s, index, true);
    }
}


/* false: it is not known yet, or there is none, then the wish is fulfilled */

static bool
ds_ahead_warm_next(ds_stream_t *s, uint32_t *index)
{
    bool  found;

    (void) pthread_mutex_lock(&s->lock);

    s->warm.total = ds_playlist_count(s->list);
    found = s->warm.done < s->warm.total;
    *index = s->warm.done;

    if (!found && ds_playlist_is_complete(s->list)) {
        s->prefetch = false;
        s->warm.active = false;
    }

    (void) pthread_mutex_unlock(&s->lock);

    return found;
}


static void
ds_ahead_warmed(ds_stream_t *s)
{
    int         code;
    ds_error_t  err;

    if (s->warmer == NULL) {
        return;
    }

    err = s->warmer->err;
    code = err.code;
    ds_ahead_free(&s->warmer);

    if (code == DS_ECANCELED) {
        return;
    }

    if (code != DS_OK) {
        s->warm.failed++;

        ds_log(s->ds, DS_LOG_INFO, s->name, "item %u is not fetched: %s: %s",
               (unsigned) s->warm.done, ds_error_code(code), err.message);
    }

    s->warm.done++;

    if (code == DS_ECACHE_FULL) {

        /* as far as the bound allows */

        (void) pthread_mutex_lock(&s->lock);
        s->prefetch = false;
        (void) pthread_mutex_unlock(&s->lock);

        s->warm.active = false;
    }
}


static ds_ahead_t *
ds_ahead_start(ds_stream_t *s, uint32_t index, bool modest)
{
    int          rc;
    ds_ahead_t  *a;

    a = calloc(1, sizeof(ds_ahead_t));
    if (a == NULL) {
        return NULL;
    }

    a->index = index;
    a->modest = modest;
    a->profile = s->profile;
    a->cancel.fd = -1;

    (void) pthread_mutex_lock(&s->lock);
    rc = ds_playlist_entry(s->list, index, &a->entry);
    (void) pthread_mutex_unlock(&s->lock);

    a->conf.ds = s->ds;
    a->conf.stream = s->name;
    a->conf.entry = &a->entry;
    a->conf.cancel = &a->cancel;

    if (rc == DS_OK && ds_cancel_init(&a->cancel) == DS_OK
        && ds_thread_start(&a->thread, "ds-ahead", ds_ahead_thread, a)
           == DS_OK)
    {
        return a;
    }

    ds_cancel_free(&a->cancel);
    ds_entry_free(&a->entry);
    free(a);

    return NULL;
}


/* context: its own thread */

static void *
ds_ahead_thread(void *data)
{
    int          rc;
    ds_ahead_t  *a = data;

    if (a->modest) {
        (void) !nice(DS_AHEAD_NICE);
    }

    ds_shelf_init(&a->shelf, &a->conf, &a->profile);

    rc = ds_shelf_find(&a->shelf, &a->err);

    if (rc == DS_ECACHE_MISSING) {
        rc = ds_shelf_fetch(&a->shelf, a->modest, &a->err);
    }

    if (rc == DS_OK) {
        ds_error_clear(&a->err);
    }

    atomic_store(&a->done, true);

    return NULL;
}


bool
ds_ahead_fetching(ds_stream_t *s, ds_fetching_t *f)
{
    ds_ahead_t  *a;

    a = ds_ahead_running(s->ahead) ? s->ahead : s->warmer;

    if (a == NULL || !ds_shelf_fetching(&a->shelf, f)) {
        return false;
    }

    f->index = a->index;

    return true;
}


void
ds_ahead_end(ds_stream_t *s)
{
    if (s->ahead != NULL) {
        ds_cancel_set(&s->ahead->cancel);
    }

    if (s->warmer != NULL) {
        ds_cancel_set(&s->warmer->cancel);
    }

    ds_ahead_free(&s->ahead);
    ds_ahead_free(&s->warmer);
}


static bool
ds_ahead_running(ds_ahead_t *a)
{
    return a != NULL && !atomic_load(&a->done);
}


static void
ds_ahead_free(ds_ahead_t **pa)
{
    ds_ahead_t  *a;

    a = *pa;
    if (a == NULL) {
        return;
    }

    *pa = NULL;

    (void) pthread_join(a->thread, NULL);

    ds_shelf_free(&a->shelf);
    ds_cancel_free(&a->cancel);
    ds_entry_free(&a->entry);
    free(a);
}
