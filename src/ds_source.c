
/*
 * ds_source.c: the thread that brings one item: resolve, open, read ahead.
 * Knows nothing of the output or of other items.
 */

#include <stdlib.h>
#include <string.h>

#include "ds_input.h"
#include "ds_source.h"


/* us: with so much in the queue an item may go on air */
#define DS_READY_TIME  500000

/* what resolvers call "available at" is whole seconds; one spare */
#define DS_AVAILABLE_SLACK  500


struct ds_source_s {
    ds_t              *ds;
    char               stream[DS_NAME_LEN + 1];
    char              *playlist;        /* NULL: "entry" is to be resolved */
    ds_entry_t         entry;
    int64_t            start;           /* ms; 0 when it cannot be sought in */

    pthread_t          thread;
    ds_cancel_t        cancel;
    ds_queue_t        *queue;

    /* written by the thread before "opened" is set, constant from then on */
    ds_media_t         media;
    AVCodecParameters *par[2];
    int64_t            duration;
    int64_t            origin_pts;
    int64_t            origin_dts;

    ds_error_t         err;             /* before "failed" is set */
    int64_t            end[2];          /* before the queue is finished */

    atomic_bool        opened;
    atomic_bool        failed;
    atomic_bool        ended;
};


static void *ds_source_thread(void *data);
static int ds_source_resolve(ds_source_t *s);
static int ds_source_read(ds_source_t *s, ds_input_t *in);
static int ds_source_begin(ds_source_t *s, ds_input_t *in);
static void ds_source_destroy(ds_source_t *s);


ds_source_t *
ds_source_start(ds_t *ds, const char *stream, ds_entry_t *e,
    const char *playlist, int64_t start, ds_error_t *err)
{
    ds_source_t      *s;
    const ds_conf_t  *conf;

    conf = ds_conf(ds);

    s = calloc(1, sizeof(ds_source_t));
    if (s == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    s->ds = ds;
    s->cancel.fd = -1;
    s->start = start;
    ds_text(s->stream, sizeof(s->stream), stream);

    s->queue = ds_queue_create(conf->buffer_size,
                               (int64_t) conf->buffer_time * 1000);
    if (s->queue == NULL) {
        goto failed;
    }

    if (e == NULL) {
        s->playlist = strdup(playlist);
        if (s->playlist == NULL) {
            goto failed;
        }
    }

    if (ds_cancel_init(&s->cancel) != DS_OK) {
        goto failed;
    }

    if (e != NULL) {
        s->entry = *e;
    }

    if (ds_thread_start(&s->thread, "ds-source", ds_source_thread, s)
        != DS_OK)
    {
        memset(&s->entry, 0, sizeof(ds_entry_t));
        goto failed;
    }

    return s;

failed:

    (void) ds_fail(err, DS_ENOMEM, "source could not be started");
    ds_source_destroy(s);

    return NULL;
}


/* context: source's thread */

static void *
ds_source_thread(void *data)
{
    int          rc;
    ds_input_t  *in;
    ds_source_t *s = data;

    in = NULL;

    rc = ds_source_resolve(s);

    if (rc == DS_OK) {
        in = ds_input_open(ds_conf(s->ds), &s->media, &s->cancel, &s->err);

        rc = in == NULL ? s->err.code : ds_source_read(s, in);
    }

    if (rc != DS_OK) {
        if (s->err.code == DS_OK) {
            (void) ds_fail(&s->err, rc, "malloc() failed");
        }

        atomic_store(&s->failed, true);
    }

    ds_queue_finish(s->queue);
    ds_input_close(&in);

    atomic_store(&s->ended, true);

    return NULL;
}


/* context: source's thread */

static int
ds_source_resolve(ds_source_t *s)
{
    int      rc;
    int64_t  at, wait;
    unsigned i;

    rc = ds_resolver_enter(s->ds, &s->cancel, &s->err);

    if (rc != DS_OK) {
        return rc;
    }

    if (s->playlist != NULL) {
        rc = ds_resolve_first(ds_conf(s->ds), s->playlist, &s->cancel,
                              &s->media, &s->err);
    } else {
        rc = ds_resolve_item(ds_conf(s->ds), &s->entry, &s->cancel,
                             &s->media, &s->err);
    }

    ds_resolver_leave(s->ds);

    if (rc != DS_OK) {
        return rc;
    }

    at = 0;

    for (i = 0; i < s->media.nurls; i++) {
        if (s->media.urls[i].available_at > at) {
            at = s->media.urls[i].available_at;
        }
    }

    wait = at == 0 ? 0 : at + DS_AVAILABLE_SLACK - ds_now();

    if (wait > 0) {
        ds_log(s->ds, DS_LOG_INFO, s->stream,
               "media will be available in %lld ms, id: \"%s\"",
               (long long) wait, s->media.id == NULL ? "" : s->media.id);

        if (wait > ds_conf(s->ds)->resolve_timeout) {
            return ds_fail(&s->err, DS_ESOURCE_FORBIDDEN,
                           "media is not available for another %lld s",
                           (long long) wait / 1000);
        }

        if (ds_cancel_wait(&s->cancel, wait)) {
            return ds_fail(&s->err, DS_ECANCELED, "canceled");
        }
    }

    return DS_OK;
}


/* context: source's thread */

static int
ds_source_begin(ds_source_t *s, ds_input_t *in)
{
    int         i;
    ds_error_t  err;

    for (i = 0; i < 2; i++) {
        s->par[i] = avcodec_parameters_alloc();

        if (s->par[i] == NULL
            || avcodec_parameters_copy(s->par[i], ds_input_codecpar(in, i))
               < 0)
        {
            return ds_fail(&s->err, DS_ENOMEM,
                           "avcodec_parameters_copy() failed");
        }
    }

    s->duration = ds_input_duration(in);

    if (s->start != 0) {
        ds_error_clear(&err);

        if (ds_input_seek(in, s->start, &err) != DS_OK) {
            s->start = 0;
        }
    }

    return DS_OK;
}


/* context: source's thread */

static int
ds_source_read(ds_source_t *s, ds_input_t *in)
{
    int        rc;
    bool       begun;
    int64_t    end, ends[2];
    AVPacket  *pkt;

    rc = ds_source_begin(s, in);
    if (rc != DS_OK) {
        return rc;
    }

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(&s->err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    begun = false;
    ends[DS_VIDEO] = ends[DS_AUDIO] = INT64_MIN / 4;

    while ((rc = ds_input_read(in, pkt, &s->err)) == 1) {

        if (pkt->stream_index == DS_VIDEO) {

            if (!begun) {
                if (!(pkt->flags & AV_PKT_FLAG_KEY)) {
                    av_packet_unref(pkt);
                    continue;
                }

                begun = true;
                s->origin_pts = pkt->pts;
                s->origin_dts = pkt->dts;
                atomic_store(&s->opened, true);
            }

        } else if (!begun && ds_queue_full(s->queue)) {
            /* audio far ahead of the first key frame will not be sent */
            av_packet_unref(pkt);
            continue;
        }

        end = pkt->pts + pkt->duration;

        if (end > ends[pkt->stream_index]) {
            ends[pkt->stream_index] = end;
        }

        rc = ds_queue_put(s->queue, pkt);
        if (rc != DS_OK) {
            (void) ds_fail(&s->err, rc, "item was canceled");
            break;
        }
    }

    av_packet_free(&pkt);

    if (rc == DS_OK && !begun) {
        rc = ds_fail(&s->err, DS_ESOURCE_INVALID, "no video key frame found");
    }

    memcpy(s->end, ends, sizeof(ends));

    return rc;
}


bool
ds_source_ready(ds_source_t *s)
{
    return atomic_load(&s->opened)
           && (ds_queue_time(s->queue) >= DS_READY_TIME
               || ds_queue_full(s->queue) || ds_queue_ended(s->queue));
}


bool
ds_source_failed(ds_source_t *s, ds_error_t *err)
{
    if (!atomic_load(&s->failed)) {
        return false;
    }

    *err = s->err;

    return true;
}


bool
ds_source_drained(ds_source_t *s)
{
    return ds_queue_ended(s->queue) && ds_queue_empty(s->queue);
}


ds_queue_t *
ds_source_queue(ds_source_t *s)
{
    return s->queue;
}


const AVCodecParameters *
ds_source_codecpar(ds_source_t *s, int track)
{
    return s->par[track];
}


void
ds_source_origin(ds_source_t *s, int64_t *pts, int64_t *dts)
{
    *pts = s->origin_pts;
    *dts = s->origin_dts;
}


bool
ds_source_ends(ds_source_t *s, int64_t *video, int64_t *audio)
{
    if (!ds_queue_ended(s->queue)) {
        return false;
    }

    *video = s->end[DS_VIDEO];
    *audio = s->end[DS_AUDIO];

    return true;
}


int64_t
ds_source_offset(ds_source_t *s)
{
    return s->start == 0 ? 0 : s->origin_pts / 1000;
}


int64_t
ds_source_duration(ds_source_t *s)
{
    return s->duration;
}


const ds_media_t *
ds_source_media(ds_source_t *s)
{
    return &s->media;
}


void
ds_source_cancel(ds_source_t *s)
{
    ds_cancel_set(&s->cancel);
    ds_queue_cancel(s->queue);
}


bool
ds_source_ended(ds_source_t *s)
{
    return atomic_load(&s->ended);
}


void
ds_source_free(ds_source_t **ps)
{
    ds_source_t  *s;

    s = *ps;
    if (s == NULL) {
        return;
    }

    *ps = NULL;

    ds_source_cancel(s);
    (void) pthread_join(s->thread, NULL);

    ds_source_destroy(s);
}


static void
ds_source_destroy(ds_source_t *s)
{
    avcodec_parameters_free(&s->par[0]);
    avcodec_parameters_free(&s->par[1]);
    ds_media_free(&s->media);
    ds_entry_free(&s->entry);
    ds_queue_free(&s->queue);
    ds_cancel_free(&s->cancel);
    free(s->playlist);
    free(s);
}
