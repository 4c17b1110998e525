
/*
 * ds_source.c: the thread that brings one item: from the cache or fetched into
 * it (ds_shelf), or resolved, and opened (ds_reader), copied or encoded
 * (ds_convert), read ahead.  Knows nothing of the output or of
 * other items.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_crash.h"
#include "base/ds_gate.h"
#include "base/ds_job.h"
#include "source/ds_convert.h"
#include "source/ds_shelf.h"
#include "source/ds_source.h"


/* us: with so much in the queue an item may go on air */
#define DS_READY_TIME  500000

/* us: what is read of an item before its turn is near */
#define DS_AHEAD_TIME  1000000


struct ds_source_s {
    ds_t              *ds;
    char               stream[DS_NAME_LEN + 1];
    char              *playlist;        /* NULL: "entry" is to be resolved */
    ds_entry_t         entry;
    ds_profile_t       profile;
    ds_link_conf_t   conf;
    ds_mode_e          mode;
    bool               check;
    ds_turn_t          turn;
    ds_shelf_t         shelf;

    ds_job_t           job;
    ds_queue_t        *queue;
    ds_bell_t         *bell;
    bool               rung;            /* the thread's */

    /* written by the thread before "begun" is set, constant from then on */
    ds_reader_t       *reader;
    ds_convert_t      *convert;
    int64_t            duration;
    bool               endless;
    int64_t            origin_pts;
    int64_t            origin_dts;

    ds_error_t         err;             /* before "failed" is set */
    int64_t            end[2];          /* before the queue is finished */

    atomic_bool        opened;
    atomic_bool        begun;
    atomic_bool        failed;
};


static void ds_source_run(void *data);
static int ds_source_open(ds_source_t *s);
static int ds_source_judge(ds_source_t *s);
static int ds_source_begin(ds_source_t *s);
static bool ds_source_keeps(ds_source_t *s);
static int ds_source_read(ds_source_t *s);
static void ds_source_ring(ds_source_t *s);
static void ds_source_destroy(ds_source_t *s);


ds_source_t *
ds_source_start(const ds_source_conf_t *sc, ds_entry_t *e, int64_t start,
    ds_error_t *err)
{
    int64_t           time;
    ds_source_t      *s;
    const ds_conf_t  *conf;

    conf = &sc->ds->conf;
    time = (int64_t) conf->buffer_time * 1000;

    s = calloc(1, sizeof(ds_source_t));
    if (s == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    s->ds = sc->ds;
    s->profile = *sc->profile;
    s->mode = sc->mode;
    s->bell = sc->bell;
    s->check = sc->check;
    s->turn = sc->turn;
    ds_text(s->stream, sizeof(s->stream), sc->stream);

    s->conf.ds = sc->ds;
    s->conf.settings = sc->settings;
    s->conf.stream = s->stream;
    s->conf.start = start;
    s->conf.copies = s->profile.video == DS_VIDEO_COPY;
    s->conf.counters = sc->counters;
    s->conf.behind = sc->check;
    s->conf.cancel = &s->job.cancel;

    s->queue = ds_queue_create(conf->buffer_size,
                               time < DS_AHEAD_TIME ? time : DS_AHEAD_TIME);
    if (s->queue == NULL) {
        goto failed;
    }

    if (e == NULL) {
        s->playlist = strdup(sc->playlist);
        if (s->playlist == NULL) {
            goto failed;
        }

        s->conf.playlist = s->playlist;
    }

    if (e != NULL) {
        s->entry = *e;
        s->conf.entry = &s->entry;
    }

    if (ds_job_start(&s->job, "ds-source", ds_source_run, s) != DS_OK) {
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

static void
ds_source_run(void *data)
{
    int          rc;
    ds_source_t *s = data;

    ds_crash_stream(s->stream);
    ds_crash_item(&s->turn);

    rc = s->check ? ds_source_judge(s) : ds_source_begin(s);

    if (rc == DS_OK && !s->check) {
        rc = ds_source_read(s);
        ds_convert_end(s->convert);
    }

    if (rc != DS_OK) {
        if (s->err.code == DS_OK) {
            (void) ds_fail(&s->err, rc, "malloc() failed");
        }

        atomic_store(&s->failed, true);
    }

    ds_queue_finish(s->queue);
    ds_source_ring(s);

    ds_shelf_end(&s->shelf, rc == DS_OK);

    /* codecs, and what was sent of the item before, leave holes in the heap */

    ds_trim(s->conf.ds);
}


/* context: source's thread */

static int
ds_source_open(ds_source_t *s)
{
    int          rc;
    ds_shelf_t  *shelf;

    shelf = &s->shelf;

    if (s->mode != DS_MODE_DIRECT) {
        ds_shelf_init(shelf, &s->conf, &s->profile);
    }

    rc = ds_shelf_find(shelf, &s->err);

    if (shelf->cache != NULL && s->conf.counters != NULL) {
        (void) atomic_fetch_add(shelf->found ? &s->conf.counters->cache_hits
                                             : &s->conf.counters->cache_misses,
                                1);
    }

    if (!shelf->found && s->mode == DS_MODE_DOWNLOAD) {
        rc = ds_shelf_fetch(shelf, false, &s->err);

        if (rc != DS_OK && !ds_shelf_optional(rc)) {
            ds_count_fault(s->conf.counters, rc);
            return rc;
        }

        if (rc != DS_OK) {
            ds_log(s->ds, DS_LOG_INFO, s->stream,
                   "item is not fetched, it plays direct: %s: %s",
                   ds_error_code(rc), s->err.message);
        }
    }

    if (shelf->found) {
        s->conf.kept = &shelf->media;
        s->reader = ds_reader_open(&s->conf, &s->err);

        if (s->reader != NULL || ds_cancel_is_set(&s->job.cancel)) {
            return s->reader == NULL ? s->err.code : DS_OK;
        }

        ds_log(s->ds, DS_LOG_WARN, s->stream,
               "what is kept cannot be read: %s: %s",
               ds_error_code(s->err.code), s->err.message);

        ds_shelf_drop(shelf);
        s->conf.kept = NULL;
    }

    ds_error_clear(&s->err);

    s->reader = ds_reader_open(&s->conf, &s->err);

    return s->reader == NULL ? s->err.code : DS_OK;
}


/* context: source's thread; can it be opened, and is it what can be sent */

static int
ds_source_judge(ds_source_t *s)
{
    char           reason[DS_MESSAGE_LEN];
    ds_decision_e  decision;

    if (s->mode != DS_MODE_DIRECT) {
        ds_shelf_init(&s->shelf, &s->conf, &s->profile);

        if (ds_shelf_has(&s->shelf)) {
            return DS_OK;
        }
    }

    s->reader = ds_reader_open(&s->conf, &s->err);

    if (s->reader == NULL
        || ds_convert_judge(&s->profile, s->reader, &decision, reason,
                            &s->err) != DS_OK)
    {
        return s->err.code;
    }

    atomic_store(&s->opened, true);

    return DS_OK;
}


/* context: source's thread */

static int
ds_source_begin(ds_source_t *s)
{
    int                rc;
    char               reason[DS_MESSAGE_LEN];
    const ds_media_t  *m;

    rc = ds_source_open(s);
    if (rc != DS_OK) {
        return rc;
    }

    if (s->shelf.found && s->shelf.form == DS_SHELF_SENT) {
        /* it is what the profile asks for */
        s->profile.video = DS_VIDEO_COPY;
    }

    atomic_store(&s->opened, true);

    m = ds_reader_media(s->reader);
    s->duration = ds_input_duration(ds_reader_input(s->reader));
    s->endless = m->live || !ds_input_ends(ds_reader_input(s->reader));

    s->convert = ds_convert_create(&s->conf, &s->profile, s->reader,
                                   DS_CONVERT_SPEED, &s->err);
    if (s->convert == NULL) {
        return s->err.code;
    }

    (void) ds_convert_decision(s->convert, reason);

    if (ds_source_keeps(s)) {
        ds_shelf_begin(&s->shelf, ds_convert_codecpar(s->convert, DS_VIDEO),
                       ds_convert_codecpar(s->convert, DS_AUDIO),
                       s->duration);
    }

    ds_log(s->ds, DS_LOG_NOTICE, s->stream, "item decision: \"%s\", id: \"%s\"",
           reason, m->id == NULL ? "" : m->id);

    return DS_OK;
}


/* in hybrid, and what cannot be fetched whole in mode download */

static bool
ds_source_keeps(ds_source_t *s)
{
    bool  sent;

    sent = s->shelf.found && s->shelf.form == DS_SHELF_SENT;

    return (s->mode == DS_MODE_HYBRID || !s->shelf.found) && !sent
           && s->conf.start == 0 && !s->endless;
}


/* context: source's thread */

static int
ds_source_read(ds_source_t *s)
{
    int        rc;
    bool       begun;
    int64_t    end, ends[2];
    AVPacket  *pkt;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(&s->err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    begun = false;
    ends[DS_VIDEO] = ends[DS_AUDIO] = INT64_MIN / 4;

    while ((rc = ds_convert_read(s->convert, pkt, &s->err)) == 1) {

        if (pkt->stream_index == DS_VIDEO) {

            if (!begun) {
                if (!(pkt->flags & AV_PKT_FLAG_KEY)) {
                    av_packet_unref(pkt);
                    continue;
                }

                begun = true;
                s->origin_pts = pkt->pts;
                s->origin_dts = pkt->dts;
                atomic_store(&s->begun, true);
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

        ds_shelf_write(&s->shelf, pkt);

        rc = ds_queue_put(s->queue, pkt);
        if (rc != DS_OK) {
            (void) ds_fail(&s->err, rc, "item was canceled");
            break;
        }

        if (!s->rung && ds_source_ready(s)) {
            s->rung = true;
            ds_source_ring(s);
        }
    }

    av_packet_free(&pkt);

    if (rc == DS_OK && !begun) {
        rc = ds_fail(&s->err, DS_ESOURCE_INVALID, "no video key frame found");
    }

    memcpy(s->end, ends, sizeof(ends));

    return rc;
}


/* context: source's thread */

static void
ds_source_ring(ds_source_t *s)
{
    if (s->bell != NULL) {
        ds_bell_ring(s->bell);
    }
}


bool
ds_source_ready(ds_source_t *s)
{
    return atomic_load(&s->begun)
           && (ds_queue_time(s->queue) >= DS_READY_TIME
               || ds_queue_full(s->queue) || ds_queue_ended(s->queue));
}


void
ds_source_urge(ds_source_t *s)
{
    ds_gate_urge(s->ds->encoders, &s->job.cancel);
}


void
ds_source_widen(ds_source_t *s)
{
    ds_queue_widen(s->queue, (int64_t) s->ds->conf.buffer_time * 1000);
}


bool
ds_source_opened(ds_source_t *s)
{
    return atomic_load(&s->opened);
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
    return ds_convert_codecpar(s->convert, track);
}


double
ds_source_rate(ds_source_t *s)
{
    return ds_convert_rate(s->convert);
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
    return ds_reader_start(s->reader) == 0 ? 0 : s->origin_pts / 1000;
}


int64_t
ds_source_duration(ds_source_t *s)
{
    return s->duration;
}


bool
ds_source_endless(ds_source_t *s)
{
    return s->endless;
}


const ds_media_t *
ds_source_media(ds_source_t *s)
{
    return ds_reader_media(s->reader);
}


int
ds_source_trouble(ds_source_t *s)
{
    return ds_reader_trouble(s->reader);
}


ds_decision_e
ds_source_decision(ds_source_t *s, char *reason)
{
    return ds_convert_decision(s->convert, reason);
}


bool
ds_source_from_cache(ds_source_t *s)
{
    return s->shelf.found;
}


void
ds_source_origin_url(ds_source_t *s, char *url)
{
    const ds_media_t  *m;

    m = ds_reader_media(s->reader);

    if (s->shelf.found) {
        ds_text(url, DS_MESSAGE_LEN, s->shelf.kept[s->shelf.form].origin);

    } else {
        ds_redact_url(url, DS_MESSAGE_LEN, m->nurls == 0 ? ""
                                                         : m->urls[0].url);
    }
}


bool
ds_source_keeping(ds_source_t *s)
{
    return atomic_load(&s->shelf.keeping);
}


bool
ds_source_fetching(ds_source_t *s, ds_fetching_t *f)
{
    return ds_shelf_fetching(&s->shelf, f);
}


const ds_turn_t *
ds_source_turn(ds_source_t *s)
{
    return &s->turn;
}


void
ds_source_cancel(ds_source_t *s)
{
    ds_job_cancel(&s->job);
    ds_queue_cancel(s->queue);
}


bool
ds_source_ended(ds_source_t *s)
{
    return ds_job_done(&s->job);
}


void
ds_source_free(ds_source_t **ps)
{
    if (*ps != NULL) {
        ds_source_cancel(*ps);
        ds_source_destroy(*ps);
        *ps = NULL;
    }
}


static void
ds_source_destroy(ds_source_t *s)
{
    ds_job_end(&s->job);
    ds_convert_free(&s->convert);
    ds_reader_close(&s->reader);
    ds_shelf_free(&s->shelf);
    ds_entry_free(&s->entry);
    ds_queue_free(&s->queue);
    free(s->playlist);
    free(s);
}
