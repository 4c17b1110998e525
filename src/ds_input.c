
/*
 * ds_input.c: one item's video and audio, chosen from one or two sources,
 * merged by DTS.  A short queue a track puts packets
 * into order that a file interleaves loosely.  Knows no network.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/bsf.h>

#include "ds_input.h"
#include "ds_demux.h"


#define DS_INPUT_HELD      512                  /* packets of a track */
#define DS_INPUT_BYTES     (8 * 1024 * 1024)
#define DS_INPUT_SPAN      3000000              /* us */
#define DS_INPUT_JUMP      10000000             /* us, no gap but a new clock */
#define DS_INPUT_TIME      (INT64_C(1) << 52)   /* us, nonsense beyond */
#define DS_INPUT_BAD       64


typedef struct {
    ds_demux_t        *source;
    AVStream           *stream;
    AVCodecParameters  *par;
    AVBSFContext       *bsf;            /* ADTS to raw AAC, or NULL */
    int64_t             frame;          /* us, when a packet has no duration */
    int64_t             last;           /* DTS, us */
    int64_t             next;           /* where the next is expected, us */
    bool                started;
    unsigned            bad;            /* packets in a row */

    AVPacket           *queue[DS_INPUT_HELD];
    unsigned            head;
    unsigned            n;
    size_t              bytes;
} ds_track_t;


struct ds_input_s {
    ds_demux_t         sources[2];
    unsigned            nsources;
    ds_track_t          tracks[2];
    int64_t             duration;       /* ms */
    ds_error_t          error;          /* what ended a source */
};


/* the second URL is opened beside the first, in a thread of its own */

typedef struct {
    ds_demux_t          *source;
    const ds_conf_t      *conf;
    const ds_media_url_t *url;
    ds_cancel_t          *cancel;
    ds_error_t            error;
    int                   rc;
} ds_opening_t;


static int ds_input_open_sources(ds_input_t *in, const ds_conf_t *conf,
    const ds_media_t *media, ds_cancel_t *cancel, ds_error_t *err);
static void *ds_input_opening(void *data);
static int ds_input_choose(ds_input_t *in, int track, ds_error_t *err);
static int ds_input_incomplete(ds_input_t *in, ds_error_t *err);
static int ds_input_pick(ds_input_t *in, ds_demux_t *s, int track);
static int ds_input_prepare_audio(ds_input_t *in, ds_error_t *err);
static int ds_input_seek_track(ds_track_t *t, int64_t us);
static int64_t ds_input_frame(ds_track_t *t);
static int64_t ds_input_length(ds_input_t *in, const ds_media_t *media);
static bool ds_input_full(ds_track_t *t);
static ds_demux_t *ds_input_wants(ds_input_t *in);
static int ds_input_step(ds_input_t *in, ds_demux_t *s);
static int ds_input_push(ds_track_t *t, AVPacket *pkt, ds_error_t *err);
static int ds_input_filter(ds_track_t *t, AVPacket *pkt, ds_error_t *err);
static void ds_input_stamp(ds_track_t *t, AVPacket *pkt);


ds_input_t *
ds_input_open(const ds_conf_t *conf, const ds_media_t *media,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int          i;
    unsigned     k;
    ds_input_t  *in;

    in = calloc(1, sizeof(ds_input_t));
    if (in == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        return NULL;
    }

    in->nsources = (media->nurls == 2) ? 2 : 1;

    if (ds_input_open_sources(in, conf, media, cancel, err) != DS_OK) {
        goto failed;
    }

    for (i = 0; i < 2; i++) {
        in->tracks[i].source = &in->sources[i * (in->nsources - 1)];

        if (ds_input_choose(in, i, err) != DS_OK) {
            goto failed;
        }
    }

    if (ds_input_incomplete(in, err) != DS_OK) {
        goto failed;
    }

    for (i = 0; i < (int) in->nsources; i++) {
        for (k = 0; k < in->sources[i].ctx->nb_streams; k++) {
            in->sources[i].ctx->streams[k]->discard = AVDISCARD_ALL;
        }
    }

    for (i = 0; i < 2; i++) {
        if (in->tracks[i].stream != NULL) {
            in->tracks[i].stream->discard = AVDISCARD_DEFAULT;
        }
    }

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
    const ds_media_t *media, ds_cancel_t *cancel, ds_error_t *err)
{
    bool           threaded;
    unsigned       i;
    ds_opening_t   o[2];
    unsigned long  tid;

    memset(o, 0, sizeof(o));

    for (i = 0; i < 2; i++) {
        o[i].source = &in->sources[i];
        o[i].conf = conf;
        o[i].url = &media->urls[i];
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
            if (err != NULL) {
                *err = o[i].error;
            }

            return o[i].rc;
        }
    }

    return DS_OK;
}


static void *
ds_input_opening(void *data)
{
    ds_opening_t  *o = data;

    o->rc = ds_demux_open(o->source, o->conf, o->url, o->cancel, &o->error);

    return NULL;
}


static int
ds_input_choose(ds_input_t *in, int track, ds_error_t *err)
{
    int          i;
    ds_track_t  *t;

    t = &in->tracks[track];

    i = ds_input_pick(in, t->source, track);

    if (i < 0) {
        return DS_OK;
    }

    t->stream = t->source->ctx->streams[i];

    t->par = avcodec_parameters_alloc();

    if (t->par == NULL
        || avcodec_parameters_copy(t->par, t->stream->codecpar) < 0)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    t->par->codec_tag = 0;
    t->frame = ds_input_frame(t);

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
            if (err != NULL) {
                *err = in->sources[i].error;
            }

            return in->sources[i].error.code;
        }
    }

    if (v->stream == NULL && a->stream == NULL) {
        return ds_fail(err, DS_ENO_VIDEO, "source has neither video nor audio");
    }

    return DS_OK;
}


/* libav's best stream, but one that can be copied is better */

static int
ds_input_pick(ds_input_t *in, ds_demux_t *s, int track)
{
    int                 i, best, related;
    AVStream           *st;
    enum AVCodecID      codec;
    enum AVMediaType    type;

    type = (track == DS_VIDEO) ? AVMEDIA_TYPE_VIDEO : AVMEDIA_TYPE_AUDIO;
    codec = (track == DS_VIDEO) ? AV_CODEC_ID_H264 : AV_CODEC_ID_AAC;
    related = -1;

    if (track == DS_AUDIO && in->nsources == 1
        && in->tracks[DS_VIDEO].stream != NULL)
    {
        related = in->tracks[DS_VIDEO].stream->index;
    }

    best = av_find_best_stream(s->ctx, type, -1, related, NULL, 0);

    if (best >= 0) {
        st = s->ctx->streams[best];

        if (st->disposition & AV_DISPOSITION_ATTACHED_PIC) {
            best = -1;

        } else if (st->codecpar->codec_id == codec) {
            return best;
        }
    }

    for (i = 0; i < (int) s->ctx->nb_streams; i++) {
        st = s->ctx->streams[i];

        if (st->codecpar->codec_type != type
            || (st->disposition & AV_DISPOSITION_ATTACHED_PIC))
        {
            continue;
        }

        if (st->codecpar->codec_id == codec) {
            return i;
        }

        if (best < 0) {
            best = i;
        }
    }

    return best;
}


/* AAC without a header of its own has one before each frame: ADTS */

static int
ds_input_prepare_audio(ds_input_t *in, ds_error_t *err)
{
    ds_track_t               *t;
    const AVBitStreamFilter  *filter;

    t = &in->tracks[DS_AUDIO];

    if (t->par->codec_id != AV_CODEC_ID_AAC || t->par->extradata_size > 0) {
        return DS_OK;
    }

    filter = av_bsf_get_by_name("aac_adtstoasc");

    if (filter == NULL || av_bsf_alloc(filter, &t->bsf) < 0) {
        return ds_fail(err, DS_EINTERNAL, "no aac_adtstoasc filter");
    }

    t->bsf->time_base_in = t->stream->time_base;

    if (avcodec_parameters_copy(t->bsf->par_in, t->stream->codecpar) < 0
        || av_bsf_init(t->bsf) < 0)
    {
        return ds_fail(err, DS_EINTERNAL, "aac_adtstoasc failed");
    }

    /* the first frame tells */

    while (t->par->extradata_size == 0 && t->source->rc == 1
           && !ds_input_full(&in->tracks[DS_VIDEO]))
    {
        if (ds_input_step(in, t->source) < 0) {
            if (err != NULL) {
                *err = in->error;
            }

            return in->error.code;
        }
    }

    return DS_OK;
}


static int64_t
ds_input_frame(ds_track_t *t)
{
    int         samples;
    int64_t     frame;
    AVRational  rate;

    frame = 0;

    if (t->par->codec_type == AVMEDIA_TYPE_AUDIO) {
        samples = (t->par->frame_size > 0) ? t->par->frame_size : 1024;

        if (t->par->sample_rate > 0) {
            frame = (int64_t) samples * 1000000 / t->par->sample_rate;
        }

    } else {
        rate = t->stream->avg_frame_rate;

        if (rate.num <= 0 || rate.den <= 0) {
            rate = t->stream->r_frame_rate;
        }

        if (rate.num > 0 && rate.den > 0) {
            frame = av_rescale(1000000, rate.den, rate.num);
        }
    }

    return (frame >= 1000 && frame <= 1000000) ? frame : 40000;
}


static int64_t
ds_input_length(ds_input_t *in, const ds_media_t *media)
{
    AVFormatContext  *ctx;

    ctx = in->sources[0].ctx;

    if (ctx->duration > 0
        && ctx->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE)
    {
        return ctx->duration / (AV_TIME_BASE / 1000);
    }

    return (media->duration > 0) ? media->duration : -1;
}


int
ds_input_seek(ds_input_t *in, int64_t ms, ds_error_t *err)
{
    ds_track_t  *v, *a;

    v = &in->tracks[DS_VIDEO];
    a = &in->tracks[DS_AUDIO];

    if (v->stream == NULL) {
        v = a;
    }

    if (!v->source->pb->seekable || v->n != 0 || a->n != 0
        || ds_input_seek_track(v, ms * 1000) < 0)
    {
        return ds_fail(err, DS_ESOURCE_FAILED, "source cannot be sought in");
    }

    if (a->source == v->source || a->stream == NULL) {
        return DS_OK;
    }

    /* the audio's own source goes to where the video's has come to */

    while (v->n == 0 && v->source->rc == 1) {
        (void) ds_input_step(in, v->source);
    }

    if (v->n != 0) {
        (void) ds_input_seek_track(a, v->queue[v->head]->pts);
    }

    return DS_OK;
}


static int
ds_input_seek_track(ds_track_t *t, int64_t us)
{
    return av_seek_frame(t->source->ctx, t->stream->index,
                         av_rescale_q(us, (AVRational) {1, 1000000},
                                      t->stream->time_base),
                         AVSEEK_FLAG_BACKWARD);
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


uint64_t
ds_input_bytes(ds_input_t *in)
{
    return in->sources[0].bytes + in->sources[1].bytes;
}


int
ds_input_read(ds_input_t *in, AVPacket *pkt, ds_error_t *err)
{
    int           i;
    AVPacket     *first;
    ds_track_t   *t, *best;
    ds_demux_t  *s;

    while ((s = ds_input_wants(in)) != NULL) {
        (void) ds_input_step(in, s);
    }

    best = NULL;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->n != 0
            && (best == NULL
                || t->queue[t->head]->dts < best->queue[best->head]->dts))
        {
            best = t;
        }
    }

    /* a source that failed ends the item once its packets are used up */

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->stream != NULL && t->source->rc < 0 && t->n == 0
            && (best == NULL || best->source != t->source))
        {
            if (err != NULL) {
                *err = in->error;
            }

            return in->error.code;
        }
    }

    if (best == NULL) {
        return 0;
    }

    first = best->queue[best->head];
    best->head = (best->head + 1) % DS_INPUT_HELD;
    best->n--;
    best->bytes -= first->size;

    av_packet_unref(pkt);
    av_packet_move_ref(pkt, first);
    av_packet_free(&first);

    return 1;
}


void
ds_input_close(ds_input_t **inp)
{
    int          i;
    ds_input_t  *in;
    ds_track_t  *t;

    in = *inp;
    *inp = NULL;

    if (in == NULL) {
        return;
    }

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        while (t->n != 0) {
            t->n--;
            av_packet_free(&t->queue[t->head]);
            t->head = (t->head + 1) % DS_INPUT_HELD;
        }

        avcodec_parameters_free(&t->par);
        av_bsf_free(&t->bsf);

        ds_demux_close(&in->sources[i]);
    }

    free(in);
}


static bool
ds_input_full(ds_track_t *t)
{
    unsigned  last;

    if (t->n == 0) {
        return false;
    }

    last = (t->head + t->n - 1) % DS_INPUT_HELD;

    return t->n == DS_INPUT_HELD || t->bytes > DS_INPUT_BYTES
           || t->queue[last]->dts - t->queue[t->head]->dts > DS_INPUT_SPAN;
}


/* the source to read from before the order is certain; NULL: none */

static ds_demux_t *
ds_input_wants(ds_input_t *in)
{
    int          i;
    ds_track_t  *t;

    for (i = 0; i < 2; i++) {
        t = &in->tracks[i];

        if (t->stream != NULL && t->n == 0 && t->source->rc == 1
            && !ds_input_full(&in->tracks[!i]))
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
            rc = ds_input_push(&in->tracks[i], pkt, &error);
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


/* takes "pkt"; 1 or a DS_E… */

static int
ds_input_push(ds_track_t *t, AVPacket *pkt, ds_error_t *err)
{
    int  i, rc;

    i = pkt->stream_index;

    if (i == DS_AUDIO && (pkt->flags & AV_PKT_FLAG_DISCARD)) {
        av_packet_free(&pkt);
        return 1;
    }

    if (t->bsf != NULL) {
        rc = ds_input_filter(t, pkt, err);

        if (rc != DS_OK || pkt->size == 0) {
            av_packet_free(&pkt);
            return (rc != DS_OK) ? rc : 1;
        }
    }

    /* the other track's reader has to stop before the queue overflows */

    if (pkt->size == 0 || t->n == DS_INPUT_HELD) {
        av_packet_free(&pkt);
        return 1;
    }

    pkt->stream_index = i;
    ds_input_stamp(t, pkt);

    t->queue[(t->head + t->n) % DS_INPUT_HELD] = pkt;
    t->n++;
    t->bytes += pkt->size;

    return 1;
}


/* removes the ADTS header; a bad packet becomes an empty one */

static int
ds_input_filter(ds_track_t *t, AVPacket *pkt, ds_error_t *err)
{
    int             rc;
    size_t          size;
    const uint8_t  *data;

    rc = av_bsf_send_packet(t->bsf, pkt);

    if (rc == 0) {
        rc = av_bsf_receive_packet(t->bsf, pkt);
    }

    if (rc < 0) {
        av_packet_unref(pkt);

        if (++t->bad == DS_INPUT_BAD) {
            return ds_fail(err, DS_ESOURCE_INVALID, "aac frames are broken");
        }

        return DS_OK;
    }

    t->bad = 0;

    if (t->par->extradata_size != 0) {
        return DS_OK;
    }

    data = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (data == NULL || size == 0 || size > 4096) {
        return DS_OK;
    }

    t->par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);

    if (t->par->extradata == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    memcpy(t->par->extradata, data, size);
    t->par->extradata_size = size;

    return DS_OK;
}


/* microseconds; what is missing is filled in, DTS of a track increases */

static void
ds_input_stamp(ds_track_t *t, AVPacket *pkt)
{
    int64_t       jump;
    ds_demux_t  *s;

    s = t->source;

    av_packet_rescale_ts(pkt, t->stream->time_base, (AVRational) {1, 1000000});
    pkt->time_base = (AVRational) {1, 1000000};

    if (pkt->duration <= 0 || pkt->duration > DS_INPUT_JUMP) {
        pkt->duration = t->frame;
    }

    if (pkt->dts > DS_INPUT_TIME || pkt->dts < -DS_INPUT_TIME) {
        pkt->dts = AV_NOPTS_VALUE;
    }

    if (pkt->pts > DS_INPUT_TIME || pkt->pts < -DS_INPUT_TIME) {
        pkt->pts = AV_NOPTS_VALUE;
    }

    if (pkt->dts == AV_NOPTS_VALUE) {
        pkt->dts = t->started ? t->next - s->shift
                   : (pkt->pts != AV_NOPTS_VALUE) ? pkt->pts : 0;
    }

    if (pkt->pts == AV_NOPTS_VALUE || pkt->pts - pkt->dts > DS_INPUT_JUMP) {
        pkt->pts = pkt->dts;
    }

    /* lists of segments start their clock anew where an advert was cut in */

    jump = t->started ? pkt->dts + s->shift - t->next : 0;

    if ((s->ctx->iformat->flags & AVFMT_TS_DISCONT)
        && (jump > DS_INPUT_JUMP || jump < -DS_INPUT_JUMP))
    {
        s->shift -= jump;
    }

    pkt->dts += s->shift;
    pkt->pts += s->shift;

    if (t->started && pkt->dts <= t->last) {
        pkt->dts = t->last + 1;
    }

    if (pkt->pts < pkt->dts) {
        pkt->pts = pkt->dts;
    }

    t->started = true;
    t->last = pkt->dts;
    t->next = pkt->dts + pkt->duration;
}
