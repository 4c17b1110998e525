
/*
 * ds_ahead.c: what a stream fetches into the cache before it is due: the item
 * after the next one, and, when it was asked for, all of the list, each one
 * item at a time in a thread of its own.  Knows nothing of the air.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ds_crash.h"
#include "play/ds_ahead.h"
#include "source/ds_shelf.h"


/* the one that nobody waits for makes room for others */
#define DS_AHEAD_NICE  10


struct ds_ahead_s {
    ds_job_t           job;
    ds_entry_t         entry;
    ds_shelf_t         shelf;           /* what is found stays, it is pinned */
    uint32_t           index;
    const char        *stream;
    ds_turn_t          turn;
    bool               crashed;         /* it is left alone */
    bool               modest;          /* for ds_stream_prefetch() */
    ds_error_t         err;             /* the job's until it is done */
};


static bool ds_ahead_wanted(ds_stream_t *s, uint32_t *index);
static void ds_ahead_warm(ds_stream_t *s);
static void ds_ahead_warmed(ds_stream_t *s);
static ds_ahead_t *ds_ahead_start(ds_stream_t *s, uint32_t index,
    bool modest);
static void ds_ahead_run(void *data);
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
        if (s->ahead != NULL && !ds_job_done(&s->ahead->job)) {
            ds_job_cancel(&s->ahead->job);

        } else {
            ds_ahead_free(&s->ahead);
            s->ahead = ds_ahead_start(s, index, false);
        }
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
    bool  on, more;

    if (s->warmer != NULL && ds_job_done(&s->warmer->job)) {
        ds_ahead_warmed(s);
    }

    more = false;

    (void) pthread_mutex_lock(&s->lock);

    if (s->prefetch && s->warmer == NULL) {
        if (!s->warm.active) {
            memset(&s->warm, 0, sizeof(ds_prefetch_status_t));
        }

        s->warm.total = ds_playlist_count(s->list);
        more = s->warm.done < s->warm.total;

        /* else the wish is fulfilled */
        s->prefetch = more || !ds_playlist_is_complete(s->list);
        s->warm.active = s->prefetch;
    }

    on = s->prefetch;

    (void) pthread_mutex_unlock(&s->lock);

    if (more) {
        s->warmer = ds_ahead_start(s, s->warm.done, true);
    }

    if (!on) {
        s->warm.active = false;

        if (s->warmer != NULL) {
            ds_job_cancel(&s->warmer->job);
        }
    }
}


static void
ds_ahead_warmed(ds_stream_t *s)
{
    int         code;
    ds_error_t  err;

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
    }
}


static ds_ahead_t *
ds_ahead_start(ds_stream_t *s, uint32_t index, bool modest)
{
    int             rc;
    ds_ahead_t     *a;
    ds_link_conf_t  conf;

    a = calloc(1, sizeof(ds_ahead_t));
    if (a == NULL) {
        return NULL;
    }

    a->index = index;
    a->modest = modest;
    a->stream = s->name;

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_turn(s->list, index, &a->turn);
    rc = ds_playlist_entry(s->list, index, &a->entry);
    (void) pthread_mutex_unlock(&s->lock);

    a->crashed = ds_turn_crashed(&a->turn, s->crashed, s->ncrashed);

    memset(&conf, 0, sizeof(ds_link_conf_t));

    conf.ds = s->ds;
    conf.settings = &s->settings;
    conf.stream = s->name;
    conf.entry = &a->entry;
    conf.copies = s->profile.video == DS_VIDEO_COPY;
    conf.cancel = &a->job.cancel;

    ds_shelf_init(&a->shelf, &conf, &s->profile);

    if (rc != DS_OK
        || ds_job_start(&a->job, "ds-ahead", ds_ahead_run, a) != DS_OK)
    {
        ds_ahead_free(&a);
    }

    return a;
}


/* context: its own thread */

static void
ds_ahead_run(void *data)
{
    int          rc;
    ds_ahead_t  *a = data;

    ds_crash_stream(a->stream);
    ds_crash_item(&a->turn);

    if (a->modest) {
        (void) !nice(DS_AHEAD_NICE);
    }

    if (a->crashed) {
        (void) ds_fail(&a->err, DS_EITEM_CRASHED, DS_CRASHED_TEXT,
                       (unsigned) a->index);
        return;
    }

    rc = ds_shelf_find(&a->shelf, &a->err);

    if (rc == DS_ECACHE_MISSING) {
        rc = ds_shelf_fetch(&a->shelf, a->modest, &a->err);
    }

    if (rc == DS_OK) {
        ds_error_clear(&a->err);
    }
}


bool
ds_ahead_fetching(ds_stream_t *s, ds_fetching_t *f)
{
    ds_ahead_t  *a;

    a = s->ahead != NULL && !ds_job_done(&s->ahead->job) ? s->ahead
                                                         : s->warmer;

    if (a == NULL || a->index == DS_NO_ITEM
        || !ds_shelf_fetching(&a->shelf, f))
    {
        return false;
    }

    f->index = a->index;

    return true;
}


size_t
ds_ahead_indices(ds_stream_t *s, uint32_t **indices)
{
    size_t  n;

    n = 0;

    if (s->ahead != NULL) {
        indices[n++] = &s->ahead->index;
    }

    if (s->warmer != NULL) {
        indices[n++] = &s->warmer->index;
    }

    return n;
}


void
ds_ahead_end(ds_stream_t *s)
{
    if (s->ahead != NULL) {
        ds_job_cancel(&s->ahead->job);
    }

    if (s->warmer != NULL) {
        ds_job_cancel(&s->warmer->job);
    }

    ds_ahead_free(&s->ahead);
    ds_ahead_free(&s->warmer);
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

    ds_job_end(&a->job);
    ds_shelf_free(&a->shelf);
    ds_entry_free(&a->entry);
    free(a);
}
