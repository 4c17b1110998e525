
/*
 * ds_input.c: one item's video and audio, chosen from one or two sources,
 * merged by DTS.  A short queue a track (ds_track.c) puts packets into order
 * that a file interleaves loosely.  Knows no network.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "media/ds_input.h"
#include "media/ds_track.h"


#define DS_INPUT_HEIGHT  1080           /* larger pictures come last */


struct ds_input_s {
    ds_demux_t         sources[2];
    unsigned           nsources;
    ds_track_t         tracks[2];
    int64_t            start;           /* us, the item's first time stamp */
    int64_t            duration;        /* ms */
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
static int ds_input_pick(ds_input_t *in, ds_demux_t *s, int track);
static int ds_input_rank(const AVStream *st, int track);
static int64_t ds_input_bitrate(AVFormatContext *ctx, int stream);
static bool ds_input_related(AVFormatContext *ctx, int a, int b);
static int ds_input_prepare_audio(ds_input_t *in, ds_error_t *err);
static void ds_input_discard(ds_input_t *in);
static void ds_input_origin(ds_input_t *in);
static int64_t ds_input_length(ds_input_t *in, const ds_media_t *media);
static ds_demux_t *ds_input_wants(ds_input_t *in);
static int ds_input_step(ds_input_t *in, ds_demux_t *s);
static void ds_input_flush(ds_input_t *in);


ds_input_t *
ds_input_open(const ds_conf_t *conf, const ds_media_t *media,
    const ds_http_hooks_t *hooks, ds_cancel_t *cancel, ds_error_t *err)
{
    ds_input_t  *in;

    in = calloc(1, sizeof(ds_input_t));
    if (in == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        return NULL;
    }

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

    if (in->tracks[DS_AUDIO].stream != NULL
        && ds_input_prepare_audio(in, err) != DS_OK)
    {
        goto failed;
    }

    in->duration = ds_input_length(in, media);

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
        stream = ds_input_pick(in, t->source, i);

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


/*
 * libav's best stream, but one that can be copied is better.  Of the variants
 * of a list it is the largest picture that is not too large, and the sound
 * that goes with it.
 */

static int
ds_input_pick(ds_input_t *in, ds_demux_t *s, int track)
{
    int               i, best, rank, first, video;
    AVStream         *st;
    AVFormatContext  *ctx;
    enum AVMediaType  type;

    ctx = s->ctx;
    type = (track == DS_VIDEO) ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
    video = -1;

    if (track == DS_AUDIO && in->nsources == 1
        && in->tracks[DS_VIDEO].stream != NULL)
    {
        video = in->tracks[DS_VIDEO].stream->index;
    }

    best = av_find_best_stream(ctx, type, -1, video, NULL, 0);
    first = best < 0 ? -1 : ds_input_rank(ctx->streams[best], track);

    if (first < 0) {
        best = -1;
    }

    for (i = 0; i < (int) ctx->nb_streams; i++) {
        st = ctx->streams[i];

        if (st->codecpar->codec_type != type
            || (video >= 0 && !ds_input_related(ctx, video, i)))
        {
            continue;
        }

        rank = ds_input_rank(st, track);

        if (rank > first
            || (rank >= 0 && rank == first && ctx->nb_programs > 1
                && ds_input_bitrate(ctx, i) > ds_input_bitrate(ctx, best)))
        {
            best = i;
            first = rank;
        }
    }

    return best;
}


/* -1: not at all */

static int
ds_input_rank(const AVStream *st, int track)
{
    int                       rank;
    enum AVCodecID            codec;
    const AVCodecParameters  *par;

    par = st->codecpar;
    codec = (track == DS_VIDEO) ? AV_CODEC_ID_H264 : AV_CODEC_ID_AAC;

    if (st->disposition & AV_DISPOSITION_ATTACHED_PIC) {
        return -1;
    }

    rank = (par->codec_id == codec) ? 2 : 0;

    if (track == DS_VIDEO && par->height <= DS_INPUT_HEIGHT) {
        rank++;
    }

    return rank;
}


/* of the variants that a stream belongs to */

static int64_t
ds_input_bitrate(AVFormatContext *ctx, int stream)
{
    int64_t             rate, best;
    AVProgram          *p;
    AVDictionaryEntry  *e;

    best = 0;

    for (p = NULL; (p = av_find_program_from_stream(ctx, p, stream)) != NULL; )
    {
        e = av_dict_get(p->metadata, "variant_bitrate", NULL, 0);
        rate = (e == NULL) ? 0 : strtoll(e->value, NULL, 10);
        best = (rate > best) ? rate : best;
    }

    return best;
}


/* both are of one program, or at least one of them is of none */

static bool
ds_input_related(AVFormatContext *ctx, int a, int b)
{
    unsigned    i;
    AVProgram  *p;

    if (av_find_program_from_stream(ctx, NULL, a) == NULL
        || av_find_program_from_stream(ctx, NULL, b) == NULL)
    {
        return true;
    }

    for (p = NULL; (p = av_find_program_from_stream(ctx, p, a)) != NULL; ) {
        for (i = 0; i < p->nb_stream_indexes; i++) {
            if (p->stream_index[i] == (unsigned) b) {
                return true;
            }
        }
    }

    return false;
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


/* AAC without a header of its own has one before each frame: ADTS */

static int
ds_input_prepare_audio(ds_input_t *in, ds_error_t *err)
{
    ds_track_t  *t;

    t = &in->tracks[DS_AUDIO];

    if (t->par->codec_id != AV_CODEC_ID_AAC || t->par->extradata_size > 0) {
        return DS_OK;
    }

    if (ds_track_filter(t, err) != DS_OK) {
        return DS_EINTERNAL;
    }

    /* the first frame tells */

    while (t->par->extradata_size == 0 && t->source->rc == 1
           && !ds_track_full(&in->tracks[DS_VIDEO]))
    {
        if (ds_input_step(in, t->source) < 0) {
            return ds_fail(err, in->error.code, "%s", in->error.message);
        }
    }

    return DS_OK;
}


static int64_t
ds_input_length(ds_input_t *in, const ds_media_t *media)
{
    int64_t           ms;
    unsigned          i;
    AVStream         *st;
    AVFormatContext  *ctx;

    static const AVRational  unit = { 1, 1000 };

    ctx = in->sources[0].ctx;

    if (ctx->duration > 0
        && ctx->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE)
    {
        return ctx->duration / (AV_TIME_BASE / 1000);
    }

    ms = media->duration > 0 ? media->duration : -1;

    /* it is not always summed up before the streams have been looked into */

    for (i = 0; i < ctx->nb_streams && ctx->duration == AV_NOPTS_VALUE
                && ctx->flags & AVFMT_FLAG_NOPARSE; i++)
    {
        st = ctx->streams[i];

        if (st->duration > 0) {
            ms = FFMAX(ms, av_rescale_q(st->duration, st->time_base, unit));
        }
    }

    return ms;
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

    if (!ds_demux_seek(v->source, v->stream->index, ms * 1000 + in->start,
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

        t->started = false;
        t->shift = -in->start;
        t->source->rc = 1;
        ds_error_clear(&t->source->error);
    }
}


bool
ds_input_jumped(ds_input_t *in)
{
    return in->tracks[DS_VIDEO].shift != -in->start
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
           && in->sources[0].nhead != 0;
}


bool
ds_input_anew(ds_input_t *in)
{
    return in->sources[0].anew || in->sources[1].anew;
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
    return in->start;
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

        if (t->stream != NULL && t->source->rc < 0 && t->queue.n == 0
            && (!in->draining || best == NULL || best->source != t->source))
        {
            return ds_fail(err, in->error.code, "%s", in->error.message);
        }
    }

    if (best == NULL) {
        return 0;
    }

    first = ds_fifo_take(&best->queue);

    av_packet_unref(pkt);
    av_packet_move_ref(pkt, first);
    av_packet_free(&first);

    return 1;
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
        ds_demux_close(&in->sources[i]);
    }

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
    AVPacket    *pkt;
    ds_error_t   error;

    pkt = av_packet_alloc();

    if (pkt == NULL) {
        rc = ds_fail(&error, DS_ENOMEM, "no memory");

    } else {
        rc = ds_demux_read(s, pkt, &error);
    }

    for (i = 0; rc == 1 && i < 2; i++) {
        if (in->tracks[i].source == s && in->tracks[i].stream != NULL
            && in->tracks[i].stream->index == pkt->stream_index)
        {
            pkt->stream_index = i;
            rc = ds_track_put(&in->tracks[i], &in->tracks[!i], pkt, &error);
            pkt = NULL;
            break;
        }
    }

    av_packet_free(&pkt);

    s->rc = rc;

    if (rc < 0) {
        in->error = error;
    }

    return rc;
}
