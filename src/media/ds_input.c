
/*
 * ds_input.c: one item's video and audio, chosen from one or two sources,
 * merged by DTS.  A short queue a track (ds_track.c) puts packets into order
 * that a file interleaves loosely.  Knows no network.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/avstring.h>

#include "media/ds_choose.h"
#include "media/ds_input.h"
#include "media/ds_params.h"
#include "media/ds_track.h"


#define DS_INPUT_WAIT    5000           /* ms, for what comes late */
#define DS_INPUT_LIVE    1000           /* ms, the same of a broadcast */
#define DS_INPUT_GAP     250000         /* us, in both tracks: a jump */
#define DS_INPUT_PENDING 16             /* packets of a new stream */


struct ds_input_s {
    ds_demux_t         sources[2];
    unsigned           nsources;
    bool               copies;          /* what can be copied comes first */
    ds_track_t         tracks[2];
    int                from[2];         /* streams that came after a choice */
    ds_fifo_t          pending[2];      /* of what may replace a stream */
    AVPacket          *spare;           /* empty, for the next; may be NULL */
    int64_t            start;           /* us, the item's first time stamp */
    int64_t            until;           /* us, to where it has come */
    int64_t            closed;          /* us, of gaps in both tracks */
    int64_t            duration;        /* ms */
    int64_t            told;            /* us, what the container says, or -1 */
    bool               draining;        /* it has ended with "error" */
    ds_error_t         error;           /* what ended a source */
};


/* the second URL is opened beside the first, in a thread of its own */

typedef struct {
    ds_demux_t             *source;
    const ds_conf_t        *conf;
    const ds_media_url_t   *url;
    const ds_http_hooks_t  *hooks;
    ds_cancel_t            *cancel;
    ds_error_t              error;
    int                     rc;
} ds_opening_t;


static int ds_input_open_sources(ds_input_t *in, const ds_conf_t *conf,
    const ds_media_t *media, const ds_http_hooks_t *hooks,
    ds_cancel_t *cancel, ds_error_t *err);
static void *ds_input_opening(void *data);
static int ds_input_choose(ds_input_t *in, ds_error_t *err);
static int ds_input_incomplete(ds_input_t *in, ds_error_t *err);
static int ds_input_pick(ds_input_t *in, int track, int from);
static int ds_input_prepare(ds_input_t *in, ds_error_t *err);
static int ds_input_awaited(ds_input_t *in);
static void ds_input_discard(ds_input_t *in);
static void ds_input_origin(ds_input_t *in);
static int64_t ds_input_length(ds_input_t *in, const ds_media_t *media);
static ds_demux_t *ds_input_wants(ds_input_t *in);
static void ds_input_close_gap(ds_input_t *in, ds_track_t *t);
static int ds_input_step(ds_input_t *in, ds_demux_t *s);
static int ds_input_anew(ds_input_t *in, ds_demux_t *s, ds_error_t *err);
static int ds_input_new(ds_input_t *in, ds_demux_t *s, AVPacket *pkt,
    ds_error_t *err);
static bool ds_input_replaced(ds_input_t *in, int track, int stream);
static int ds_input_adopt(ds_input_t *in, int track, int stream,
    ds_error_t *err);
static void ds_input_flush(ds_input_t *in);


ds_input_t *
ds_input_open(const ds_conf_t *conf, const ds_media_t *media, bool copies,
    const ds_http_hooks_t *hooks, ds_cancel_t *cancel, ds_error_t *err)
{
    ds_input_t  *in;

    in = calloc(1, sizeof(ds_input_t));
    if (in == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        return NULL;
    }

    in->copies = copies;
    in->until = AV_NOPTS_VALUE;
    in->nsources = (media->nurls == 2) ? 2 : 1;
    in->tracks[DS_VIDEO].source = &in->sources[0];
    in->tracks[DS_AUDIO].source = &in->sources[in->nsources - 1];

    if (ds_input_open_sources(in, conf, media, hooks, cancel, err) != DS_OK
        || ds_input_choose(in, err) != DS_OK
        || ds_input_incomplete(in, err) != DS_OK)
    {
        goto failed;
    }

    ds_input_discard(in);
    ds_input_origin(in);

    in->duration = ds_input_length(in, media);

    if (ds_input_prepare(in, err) != DS_OK) {
        goto failed;
    }

    return in;

failed:

    ds_input_close(&in);

    return NULL;
}


static int
ds_input_open_sources(ds_input_t *in, const ds_conf_t *conf,
    const ds_media_t *media, const ds_http_hooks_t *hooks,
    ds_cancel_t *cancel, ds_error_t *err)
{
    bool          threaded;
    unsigned      i;
    pthread_t     tid;
    ds_opening_t  o[2];

    memset(o, 0, sizeof(o));

    for (i = 0; i < 2; i++) {
        o[i].source = &in->sources[i];
        o[i].conf = conf;
        o[i].url = &media->urls[i];
        o[i].hooks = (hooks == NULL) ? NULL : &hooks[i];
        o[i].cancel = cancel;
    }

    threaded = in->nsources == 2
               && ds_thread_start(&tid, "ds-open", ds_input_opening, &o[1])
                  == DS_OK;

    (void) ds_input_opening(&o[0]);

    if (threaded) {
        (void) pthread_join(tid, NULL);

    } else if (in->nsources == 2) {
        (void) ds_input_opening(&o[1]);
    }

    for (i = 0; i < in->nsources; i++) {
        if (o[i].rc != DS_OK) {
            return ds_fail(err, o[i].error.code, "%s", o[i].error.message);
        }
    }

    return DS_OK;
}


static void *
ds_input_opening(void *data)
{
    ds_opening_t  *o = data;

    o->rc = ds_demux_open(o->source, o->conf, o->url, o->hooks,
                          o->cancel, &o->error);

    return NULL;
}


static int
ds_input_choose(ds_input_t *in, ds_error_t *err)
{
    int          i, stream;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];
        stream = ds_input_pick(in, i, 0);

        if (stream >= 0
            && ds_track_set(t, t->source, stream, err) != DS_OK)
        {
            return DS_ENOMEM;
        }
    }

    return DS_OK;
}


/* what is missing may be so because the bytes ended early */

static int
ds_input_incomplete(ds_input_t *in, ds_error_t *err)
{
    unsigned     i;
    ds_track_t  *v, *a;

    v = &in->tracks[DS_VIDEO];
    a = &in->tracks[DS_AUDIO];

    for (i = 0; i < in->nsources; i++) {
        if (in->sources[i].error.code != DS_OK
            && (v->stream == NULL || a->stream == NULL
                || v->par->width <= 0))
        {
            return ds_fail(err, in->sources[i].error.code, "%s",
                           in->sources[i].error.message);
        }
    }

    if (v->stream == NULL && a->stream == NULL) {
        return ds_fail(err, DS_ENO_VIDEO, "source has neither video nor audio");
    }

    return DS_OK;
}


static int
ds_input_pick(ds_input_t *in, int track, int from)
{
    int          video;
    ds_track_t  *v;

    v = &in->tracks[DS_VIDEO];
    video = track == DS_AUDIO && in->nsources == 1 && v->stream != NULL
            ? v->stream->index : -1;

    return ds_choose(in->tracks[track].source->ctx, track, video, from,
                     in->copies);
}


static void
ds_input_discard(ds_input_t *in)
{
    unsigned  i, k;

    for (i = 0; i < in->nsources; i++) {
        for (k = 0; k < in->sources[i].ctx->nb_streams; k++) {
            in->sources[i].ctx->streams[k]->discard = AVDISCARD_ALL;
        }
    }

    for (i = 0; i < 2; i++) {
        in->from[i] = in->tracks[i].source->ctx->nb_streams;

        if (in->tracks[i].stream != NULL) {
            in->tracks[i].stream->discard = AVDISCARD_DEFAULT;
        }
    }
}


/* times are those from the item's start, whatever its clock began with */

static void
ds_input_origin(ds_input_t *in)
{
    AVFormatContext  *ctx;

    ctx = in->sources[0].ctx;

    if (ctx->start_time != AV_NOPTS_VALUE) {
        in->start = ctx->start_time;
    }

    in->tracks[DS_VIDEO].shift = -in->start;
    in->tracks[DS_AUDIO].shift = -in->start;
}


/*
 * What begins late, or has its headers with its packets, is read on for: some
 * seconds, and as long as what comes meanwhile can be held.
 */

static int
ds_input_prepare(ds_input_t *in, ds_error_t *err)
{
    int          i;
    int64_t      until;
    ds_track_t  *t;

    until = ds_monotonic() + (ds_input_ends(in) ? DS_INPUT_WAIT
                                                : DS_INPUT_LIVE);

    while ((i = ds_input_awaited(in)) >= 0 && ds_monotonic() < until) {
        if (ds_input_step(in, in->tracks[i].source) < 0
            && in->tracks[!i].queue.n == 0)
        {
            return ds_fail(err, in->error.code, "%s", in->error.message);
        }
    }

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        /* announced, but there is none */

        if (t->stream != NULL && t->source->rc == 0 && t->queue.n == 0
            && !ds_params_known(t->par))
        {
            t->stream = NULL;
            avcodec_parameters_free(&t->par);
        }
    }

    if (in->tracks[DS_VIDEO].stream == NULL
        && in->tracks[DS_AUDIO].stream == NULL)
    {
        return ds_fail(err, DS_ENO_VIDEO, "source has neither video nor audio");
    }

    /* so that it can begin without it */

    t = &in->tracks[DS_AUDIO];

    if (t->stream != NULL && t->source->rc == 1
        && t->par->codec_id == AV_CODEC_ID_AAC && !ds_params_known(t->par)
        && ds_params_guess(t->par) != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    ds_track_settle(&in->tracks[DS_VIDEO]);
    ds_track_settle(&in->tracks[DS_AUDIO]);

    return DS_OK;
}


/* the track that is still to be known, -1: none */

static int
ds_input_awaited(ds_input_t *in)
{
    int          i;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->source->rc != 1 || !ds_track_patient(&in->tracks[!i])) {
            continue;
        }

        if (t->stream == NULL
            ? (t->source->ctx->ctx_flags & AVFMTCTX_NOHEADER) != 0
              || (in->copies && t->source->format->flags & AVFMT_TS_DISCONT)
            : (t->par->codec_id == AV_CODEC_ID_H264
               || t->par->codec_id == AV_CODEC_ID_AAC)
              && !ds_params_known(t->par))
        {
            return i;
        }
    }

    return -1;
}


/* ms, of the container or, where it says nothing, of who listed the item */

static int64_t
ds_input_length(ds_input_t *in, const ds_media_t *media)
{
    unsigned          i;
    AVStream         *st;
    AVFormatContext  *ctx;

    ctx = in->sources[0].ctx;
    in->told = -1;

    if (ctx->duration > 0
        && ctx->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE)
    {
        in->told = ctx->duration;

        /* of Matroska it is the time of the last packet */

        if (av_match_name("matroska", ctx->iformat->name)
            && ctx->start_time > 0 && ctx->start_time < ctx->duration)
        {
            in->told -= ctx->start_time;
        }
    }

    /* of a file of AVI that was cut libav tells what is left */

    for (i = 0; i < ctx->nb_streams && av_match_name("avi",
                                                     ctx->iformat->name); i++)
    {
        st = ctx->streams[i];

        in->told = FFMAX(in->told, av_rescale_q(st->nb_frames, st->time_base,
                                                AV_TIME_BASE_Q));
    }

    /* it is not always summed up before the streams have been looked into */

    for (i = 0; i < ctx->nb_streams && ctx->duration == AV_NOPTS_VALUE
                && ctx->flags & AVFMT_FLAG_NOPARSE; i++)
    {
        st = ctx->streams[i];

        if (st->duration > 0) {
            in->told = FFMAX(in->told, av_rescale_q(st->duration,
                                                    st->time_base,
                                                    AV_TIME_BASE_Q));
        }
    }

    return in->told > 0 ? in->told / (AV_TIME_BASE / 1000)
                        : media->duration > 0 ? media->duration : -1;
}


int
ds_input_seek(ds_input_t *in, int64_t ms, ds_error_t *err)
{
    AVPacket    *first;
    ds_track_t  *v, *a;

    v = &in->tracks[DS_VIDEO];
    a = &in->tracks[DS_AUDIO];

    if (v->stream == NULL) {
        v = a;
    }

    if (v->stream == NULL
        || !ds_demux_seek(v->source, v->stream->index, ms * 1000 + in->start,
                       false))
    {
        return ds_fail(err, DS_ESOURCE_FAILED, "source cannot be sought in");
    }

    ds_input_flush(in);

    if (a->source == v->source || a->stream == NULL) {
        return DS_OK;
    }

    /* the audio's own source goes to where the video's has come to */

    while (v->queue.n == 0 && v->source->rc == 1) {
        (void) ds_input_step(in, v->source);
    }

    first = ds_fifo_at(&v->queue, 0);

    if (first != NULL) {
        (void) ds_demux_seek(a->source, a->stream->index,
                             first->pts - v->shift, false);
    }

    return DS_OK;
}


bool
ds_input_resume(ds_input_t *in, int64_t us)
{
    int          i;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->stream == NULL
            || (i == DS_AUDIO && in->nsources == 1
                && in->tracks[DS_VIDEO].stream != NULL))
        {
            continue;
        }

        if (!ds_demux_seek(t->source, t->stream->index, us + in->start, true))
        {
            return false;
        }
    }

    ds_input_flush(in);

    return true;
}


/* what was read before a seek */

static void
ds_input_flush(ds_input_t *in)
{
    int          i;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        ds_fifo_clear(&t->queue);
        ds_fifo_clear(&in->pending[i]);

        t->started = false;
        t->shift = -in->start;
        t->source->rc = 1;
        ds_error_clear(&t->source->error);
    }

    in->until = AV_NOPTS_VALUE;
    in->closed = 0;
}


bool
ds_input_jumped(ds_input_t *in)
{
    return in->closed != 0 || in->tracks[DS_VIDEO].shift != -in->start
           || in->tracks[DS_AUDIO].shift != -in->start;
}


bool
ds_input_live(ds_input_t *in)
{
    return in->sources[0].live || in->sources[1].live;
}


bool
ds_input_endless(ds_input_t *in)
{
    /* once it has ended its size is known */

    return in->nsources == 1 && ds_input_duration(in) == -1
           && in->sources[0].nbegin != 0;
}


bool
ds_input_renumbered(ds_input_t *in)
{
    return in->sources[0].restarted || in->sources[1].restarted;
}


bool
ds_input_moved(ds_input_t *in, ds_input_t *again)
{
    return in->nsources == 1 && again->nsources == 1
           && ds_demux_moved(&in->sources[0], &again->sources[0]);
}


bool
ds_input_ends(ds_input_t *in)
{
    unsigned  i;

    for (i = 0; i < in->nsources; i++) {
        if (avio_size(in->sources[i].pb) < 0) {
            return !ds_input_live(in) && ds_input_duration(in) != -1;
        }
    }

    return !ds_input_live(in);
}


const AVStream *
ds_input_stream(ds_input_t *in, int track)
{
    return in->tracks[track].stream;
}


const AVCodecParameters *
ds_input_codecpar(ds_input_t *in, int track)
{
    return in->tracks[track].par;
}


int64_t
ds_input_duration(ds_input_t *in)
{
    return in->duration;
}


int64_t
ds_input_start(ds_input_t *in)
{
    return in->start + in->closed;
}


int64_t
ds_input_told(ds_input_t *in)
{
    return in->told;
}


bool
ds_input_listed(ds_input_t *in)
{
    return ds_demux_listed(&in->sources[0]);
}


bool
ds_input_guessed(ds_input_t *in)
{
    const char  *name;

    name = in->sources[0].ctx->iformat->name;

    return (av_match_name("mp3", name) || av_match_name("flv", name))
           && !in->sources[0].torn && ds_demux_sized(&in->sources[0]);
}


int64_t
ds_input_closed(ds_input_t *in)
{
    int64_t      jumped;
    ds_track_t  *t;

    t = &in->tracks[in->tracks[DS_VIDEO].stream == NULL];
    jumped = -in->start - t->shift;

    return in->closed + FFMAX(jumped, 0);
}


uint64_t
ds_input_bytes(ds_input_t *in)
{
    return in->sources[0].bytes + in->sources[1].bytes;
}


int
ds_input_read(ds_input_t *in, AVPacket *pkt, ds_error_t *err)
{
    int          i;
    AVPacket    *first;
    ds_track_t  *t, *best;
    ds_demux_t  *s;

    while ((s = ds_input_wants(in)) != NULL) {
        (void) ds_input_step(in, s);
    }

    best = NULL;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];
        first = ds_fifo_at(&t->queue, 0);

        if (first != NULL
            && (best == NULL || first->dts < ds_fifo_at(&best->queue, 0)->dts))
        {
            best = t;
        }
    }

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        /* what is left of the other track may be out of order */

        if (t->now != NULL && t->source->rc < 0 && t->queue.n == 0
            && (!in->draining || best == NULL || best->source != t->source))
        {
            return ds_fail(err, in->error.code, "%s", in->error.message);
        }
    }

    if (best == NULL) {
        return 0;
    }

    ds_input_close_gap(in, best);

    first = ds_fifo_take(&best->queue);

    first->dts -= in->closed;
    first->pts -= in->closed;

    av_packet_unref(pkt);
    av_packet_move_ref(pkt, first);

    av_packet_free(&in->spare);
    in->spare = first;

    return 1;
}


/*
 * What has nothing to be seen nor heard is a jump of the clock; the first
 * packet of both tracks is known here.  A picture alone may stand still.
 */

static void
ds_input_close_gap(ds_input_t *in, ds_track_t *t)
{
    int64_t      dts, end;
    AVPacket    *pkt;
    ds_track_t  *v, *a;

    v = &in->tracks[DS_VIDEO];
    a = &in->tracks[DS_AUDIO];
    pkt = ds_fifo_at(&t->queue, 0);

    dts = pkt->dts;
    end = pkt->pts + (pkt->duration > DS_INPUT_GAP ? t->frame
                                                   : pkt->duration);

    if (in->until != AV_NOPTS_VALUE && v->queue.n != 0 && a->queue.n != 0
        && dts - in->until > DS_INPUT_GAP)
    {
        in->closed += dts - in->until;
    }

    if (in->until == AV_NOPTS_VALUE || end > in->until) {
        in->until = end;
    }
}


void
ds_input_drain(ds_input_t *in)
{
    in->draining = true;
}


void
ds_input_close(ds_input_t **inp)
{
    int          i;
    ds_input_t  *in;

    in = *inp;
    *inp = NULL;

    if (in == NULL) {
        return;
    }

    for (i = 0; i < 2; i++) {
        ds_track_free(&in->tracks[i]);
        ds_fifo_clear(&in->pending[i]);
        ds_demux_close(&in->sources[i]);
    }

    av_packet_free(&in->spare);
    free(in);
}


/* the source to read from before the order is certain; NULL: none */

static ds_demux_t *
ds_input_wants(ds_input_t *in)
{
    int          i;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->stream != NULL && t->queue.n == 0 && t->source->rc == 1
            && !ds_track_full(&in->tracks[!i]))
        {
            return t->source;
        }
    }

    return NULL;
}


/* reads one packet of a source into its track's queue; s->rc changes */

static int
ds_input_step(ds_input_t *in, ds_demux_t *s)
{
    int          i, rc;
    unsigned     anew;
    AVPacket    *pkt;
    ds_error_t   error;

    anew = s->anew;
    pkt = in->spare != NULL ? in->spare : av_packet_alloc();
    in->spare = NULL;

    if (pkt == NULL) {
        rc = ds_fail(&error, DS_ENOMEM, "no memory");

    } else {
        rc = ds_demux_read(s, pkt, &error);
    }

    /* its streams are gone, whether there are others now or not */

    for (i = 0; s->anew != anew && i < 2; i++) {
        if (in->tracks[i].source == s) {
            in->tracks[i].stream = NULL;
            ds_fifo_clear(&in->pending[i]);
        }
    }

    for (i = 0; rc == 1 && i < 2; i++) {
        if (in->tracks[i].source == s && in->tracks[i].stream != NULL
            && in->tracks[i].stream->index == pkt->stream_index)
        {
            ds_fifo_clear(&in->pending[i]);

            pkt->stream_index = i;
            rc = ds_track_put(&in->tracks[i], &in->tracks[!i], pkt, &error);
            pkt = NULL;
            break;
        }
    }

    if (rc == DS_DEMUX_ANEW) {
        rc = ds_input_anew(in, s, &error);

    } else if (rc == 1 && pkt != NULL) {
        rc = ds_input_new(in, s, pkt, &error);
        pkt = NULL;
    }

    av_packet_free(&pkt);

    s->rc = rc;

    if (rc < 0) {
        in->error = error;
    }

    return rc;
}


/* all streams are others: 1 or DS_E… */

static int
ds_input_anew(ds_input_t *in, ds_demux_t *s, ds_error_t *err)
{
    int          i, stream;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->source != s) {
            continue;
        }

        stream = ds_input_pick(in, i, 0);

        if (stream >= 0 && ds_track_set(t, s, stream, err) != DS_OK) {
            return DS_ENOMEM;
        }
    }

    ds_input_discard(in);

    return 1;
}


/*
 * A packet (taken) of a stream that was not there at first: the programme has
 * other streams from here on, or a track begins late.  1 or DS_E…
 */

static int
ds_input_new(ds_input_t *in, ds_demux_t *s, AVPacket *pkt, ds_error_t *err)
{
    int        track, stream;
    AVStream  *st;

    stream = pkt->stream_index;
    st = s->ctx->streams[stream];

    track = st->codecpar->codec_type == AVMEDIA_TYPE_VIDEO ? DS_VIDEO
            : DS_AUDIO;

    /* some were read before it was known that they are not wanted */

    if (st->discard == AVDISCARD_ALL || in->tracks[track].source != s
        || !ds_choose_may(st, track))
    {
        st->discard = AVDISCARD_ALL;
        av_packet_free(&pkt);
        return 1;
    }

    if (ds_fifo_put(&in->pending[track], pkt) != DS_OK) {
        av_packet_free(&pkt);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return ds_input_replaced(in, track, stream)
           ? ds_input_adopt(in, track, stream, err) : 1;
}


/* the track's own stream is none of the programme any more, or silent */

static bool
ds_input_replaced(ds_input_t *in, int track, int stream)
{
    AVStream         *own;
    AVFormatContext  *ctx;

    ctx = in->tracks[track].source->ctx;
    own = in->tracks[track].stream;

    return own == NULL || in->pending[track].n >= DS_INPUT_PENDING
           || (av_find_program_from_stream(ctx, NULL, stream) != NULL
               && av_find_program_from_stream(ctx, NULL, own->index) == NULL);
}


/* of the new streams the best one becomes the track's, or one of before */

static int
ds_input_adopt(ds_input_t *in, int track, int stream, ds_error_t *err)
{
    int          i, rc, best;
    AVPacket    *pkt;
    ds_demux_t  *s;
    ds_track_t  *t;

    t = &in->tracks[track];
    s = t->source;
    best = stream;

    if (stream >= in->from[track]) {
        best = ds_input_pick(in, track, in->from[track]);
        best = best < 0 ? stream : best;
    }

    if (ds_track_set(t, s, best, err) != DS_OK) {
        return err->code;
    }

    for (i = in->from[track]; i < (int) s->ctx->nb_streams; i++) {
        if (s->ctx->streams[i]->codecpar->codec_type
            == t->stream->codecpar->codec_type)
        {
            s->ctx->streams[i]->discard = AVDISCARD_ALL;
        }
    }

    in->from[track] = s->ctx->nb_streams;
    t->stream->discard = AVDISCARD_DEFAULT;
    t->unproved = true;
    rc = 1;

    while (rc == 1 && (pkt = ds_fifo_take(&in->pending[track])) != NULL) {
        if (pkt->stream_index == best) {
            pkt->stream_index = track;
            rc = ds_track_put(t, &in->tracks[!track], pkt, err);

        } else {
            av_packet_free(&pkt);
        }
    }

    return rc;
}
