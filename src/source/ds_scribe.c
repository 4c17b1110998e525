
/*
 * ds_scribe.c: a thread between the air and the disk, with a bounded queue of
 * packets.  It is the engine's when its item has ended: who sends the next one
 * does not wait for it.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ds_crash.h"
#include "base/ds_job.h"
#include "media/ds_fifo.h"
#include "source/ds_mux.h"
#include "source/ds_scribe.h"


/* bytes that may wait for the disk */
#define DS_SCRIBE_MOST  (8 * 1024 * 1024)


struct ds_scribe_s {
    ds_job_t            job;
    ds_scribe_t        *next;           /* of the engine's list; its lock */

    /* constant */
    ds_t               *ds;
    char                stream[DS_NAME_LEN + 1];
    ds_kept_t           kept;
    AVCodecParameters  *video;
    AVCodecParameters  *audio;
    int64_t             duration;

    pthread_mutex_t     lock;
    pthread_cond_t      more;
    /* under the lock */
    ds_fifo_t           fifo;
    bool                ended;          /* nothing more will be put */
    bool                whole;          /* and nothing is missing */
    bool                failed;         /* it has given up */
    bool                slow;           /* as the disk is too slow */
};


static void ds_scribe_run(void *data);
static int ds_scribe_write(ds_scribe_t *s, ds_keep_t **keep,
    ds_error_t *err);
static bool ds_scribe_take(ds_scribe_t *s, AVPacket **pkt);
static void ds_scribe_fail(ds_scribe_t *s);
static bool ds_scribe_late(ds_t *ds);
static void ds_scribe_free(ds_scribe_t *s);


ds_scribe_t *
ds_scribe_start(ds_t *ds, const char *stream, const ds_kept_t *kept,
    const AVCodecParameters *video, const AVCodecParameters *audio,
    int64_t duration)
{
    ds_scribe_t  *s;

    if (ds_scribe_late(ds)) {
        ds_log(ds, DS_LOG_INFO, stream, "item is not kept: the disk of the "
               "cache is still waited for, id: \"%s\"", kept->id);
        return NULL;
    }

    s = calloc(1, sizeof(ds_scribe_t));
    if (s == NULL) {
        return NULL;
    }

    (void) pthread_mutex_init(&s->lock, NULL);
    (void) pthread_cond_init(&s->more, NULL);

    s->ds = ds;
    s->kept = *kept;
    s->duration = duration;
    ds_text(s->stream, sizeof(s->stream), stream);

    s->video = avcodec_parameters_alloc();
    s->audio = avcodec_parameters_alloc();

    if (s->video == NULL || s->audio == NULL
        || avcodec_parameters_copy(s->video, video) < 0
        || avcodec_parameters_copy(s->audio, audio) < 0
        || ds_job_start(&s->job, "ds-keep", ds_scribe_run, s) != DS_OK)
    {
        ds_log(ds, DS_LOG_WARN, stream, "item is not kept: no memory, or no "
               "thread, id: \"%s\"", kept->id);
        ds_scribe_free(s);
        return NULL;
    }

    (void) pthread_mutex_lock(&ds->lock);
    s->next = ds->scribes;
    ds->scribes = s;
    (void) pthread_mutex_unlock(&ds->lock);

    return s;
}


/*
 * Frees those that are done.  True: one has given up and is still in a call;
 * the next ones would only wait behind it.
 */

static bool
ds_scribe_late(ds_t *ds)
{
    bool          late;
    ds_scribe_t  *s, *done, **p;

    late = false;
    done = NULL;

    (void) pthread_mutex_lock(&ds->lock);

    for (p = &ds->scribes; (s = *p) != NULL; /* void */ ) {

        (void) pthread_mutex_lock(&s->lock);

        if (s->ended && ds_job_done(&s->job)) {
            *p = s->next;
            s->next = done;
            done = s;

        } else {
            late |= s->slow && !ds_job_done(&s->job);
            p = &s->next;
        }

        (void) pthread_mutex_unlock(&s->lock);
    }

    (void) pthread_mutex_unlock(&ds->lock);

    while ((s = done) != NULL) {
        done = s->next;
        ds_job_end(&s->job);
        ds_scribe_free(s);
    }

    return late;
}


bool
ds_scribe_put(ds_scribe_t *s, const AVPacket *pkt)
{
    bool       slow, taken, failed;
    AVPacket  *copy;

    copy = av_packet_clone(pkt);

    (void) pthread_mutex_lock(&s->lock);

    failed = s->failed;
    slow = !failed && s->fifo.bytes + pkt->size > DS_SCRIBE_MOST;
    taken = !failed && !slow && copy != NULL
            && ds_fifo_put(&s->fifo, copy) == DS_OK;

    if (!taken) {
        ds_scribe_fail(s);
        s->slow |= slow;
    }

    (void) pthread_cond_signal(&s->more);
    (void) pthread_mutex_unlock(&s->lock);

    if (!taken) {
        av_packet_free(&copy);
    }

    if (!taken && !failed) {
        ds_log(s->ds, DS_LOG_WARN, s->stream, "item is not kept: %s, "
               "id: \"%s\"", slow ? "the disk of the cache is too slow"
                                  : "no memory", s->kept.id);
    }

    return taken;
}


/* context: s->lock is held */

static void
ds_scribe_fail(ds_scribe_t *s)
{
    s->failed = true;
    ds_fifo_clear(&s->fifo);
}


/* "s" is the engine's, which may free it as soon as the lock is left */

void
ds_scribe_end(ds_scribe_t **ps, bool whole)
{
    ds_t         *ds;
    ds_scribe_t  *s;

    s = *ps;
    if (s == NULL) {
        return;
    }

    *ps = NULL;
    ds = s->ds;

    (void) pthread_mutex_lock(&ds->lock);
    (void) pthread_mutex_lock(&s->lock);

    if (!whole) {
        ds_job_cancel(&s->job);
        ds_fifo_clear(&s->fifo);
    }

    s->whole = whole;
    s->ended = true;

    (void) pthread_cond_signal(&s->more);
    (void) pthread_mutex_unlock(&s->lock);
    (void) pthread_mutex_unlock(&ds->lock);
}


/* context: scribe's thread */

static void
ds_scribe_run(void *data)
{
    int           rc;
    ds_keep_t    *keep;
    ds_error_t    err;
    ds_scribe_t  *s = data;

    ds_crash_stream(s->stream);
    ds_error_clear(&err);

    keep = ds_cache_begin(s->ds->cache, &s->kept, &err);
    rc = keep == NULL ? err.code : ds_scribe_write(s, &keep, &err);

    ds_keep_abort(&keep, false);

    (void) pthread_mutex_lock(&s->lock);
    ds_scribe_fail(s);
    (void) pthread_mutex_unlock(&s->lock);

    if (rc == DS_OK) {
        ds_log(s->ds, DS_LOG_INFO, s->stream, "item is kept, id: \"%s\"",
               s->kept.id);

    } else if (rc != DS_ECANCELED && rc != DS_ECACHE_BUSY) {
        ds_log(s->ds, DS_LOG_INFO, s->stream,
               "item is not kept: %s: %s, id: \"%s\"", ds_error_code(rc),
               err.message, s->kept.id);
    }
}


/* context: scribe's thread; DS_ECANCELED: it is not to be kept any more */

static int
ds_scribe_write(ds_scribe_t *s, ds_keep_t **keep, ds_error_t *err)
{
    int        rc;
    bool       whole;
    ds_mux_t  *mux;
    AVPacket  *pkt;

    mux = ds_mux_open(*keep, s->video, s->audio, s->duration, 0, err);
    if (mux == NULL) {
        return err->code;
    }

    rc = DS_OK;

    while (rc == DS_OK && ds_scribe_take(s, &pkt)) {
        rc = ds_mux_write(mux, pkt, err);
        av_packet_free(&pkt);
    }

    (void) pthread_mutex_lock(&s->lock);
    whole = rc == DS_OK && s->whole && !s->failed;
    (void) pthread_mutex_unlock(&s->lock);

    if (!whole) {
        (void) ds_mux_close(&mux, false, NULL);
        return rc == DS_OK ? ds_fail(err, DS_ECANCELED, "canceled") : rc;
    }

    rc = ds_mux_close(&mux, true, err);

    return rc == DS_OK ? ds_keep_commit(keep, &s->job.cancel, err) : rc;
}


/* context: scribe's thread; false: there is no other one */

static bool
ds_scribe_take(ds_scribe_t *s, AVPacket **pkt)
{
    (void) pthread_mutex_lock(&s->lock);

    while (s->fifo.n == 0 && !s->ended && !s->failed) {
        (void) pthread_cond_wait(&s->more, &s->lock);
    }

    *pkt = ds_fifo_take(&s->fifo);

    (void) pthread_mutex_unlock(&s->lock);

    return *pkt != NULL;
}


bool
ds_scribes_end(ds_t *ds, int64_t end)
{
    ds_scribe_t  *s;

    (void) pthread_mutex_lock(&ds->lock);

    for (s = ds->scribes; s != NULL; s = s->next) {
        ds_job_cancel(&s->job);
    }

    (void) pthread_mutex_unlock(&ds->lock);

    while (ds->scribes != NULL) {
        (void) ds_scribe_late(ds);

        if (ds->scribes != NULL && ds_monotonic() >= end) {
            return false;
        }

        (void) usleep(2000);
    }

    return true;
}


static void
ds_scribe_free(ds_scribe_t *s)
{
    ds_fifo_clear(&s->fifo);
    avcodec_parameters_free(&s->video);
    avcodec_parameters_free(&s->audio);

    (void) pthread_cond_destroy(&s->more);
    (void) pthread_mutex_destroy(&s->lock);

    free(s);
}
