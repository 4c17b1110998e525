
/*
 * ds_decode.c: libavcodec's decoders for media nobody vouches for: bounded
 * in size, faults skipped until there are too many.
 */

#include <string.h>

#include "base/ds_limits.h"
#include "media/ds_compat.h"
#include "media/ds_decode.h"


/* 8192x4320 and a little */
#define DS_DECODE_PIXELS   (36 * 1024 * 1024)

/* of one frame; and a second, or a small file would be hours of sound */
#define DS_DECODE_SAMPLES  (256 * 1024)
#define DS_DECODE_RATE     4000

/* packets in a row, a few seconds of video */
#define DS_DECODE_BAD      250


static int ds_decode_codec(ds_decode_t *d, const AVCodecParameters *par,
    ds_error_t *err);
static const AVCodec *ds_decode_find(enum AVCodecID id);
static int ds_decode_run(ds_decode_t *d, const AVPacket *pkt,
    ds_error_t *err);
static int ds_decode_put(ds_decode_t *d, const AVPacket *pkt,
    ds_error_t *err);
static int ds_decode_get(ds_decode_t *d, ds_error_t *err);
static int ds_decode_pass(ds_decode_t *d, ds_error_t *err);
static int ds_decode_take(ds_decode_t *d, ds_error_t *err);
static int ds_decode_bad(ds_decode_t *d, int rc, ds_error_t *err);


int
ds_decode_open(ds_decode_t *d, const AVCodecParameters *par,
    const ds_decode_ops_t *ops, void *data, ds_error_t *err)
{
    memset(d, 0, sizeof(ds_decode_t));

    d->ops = ops;
    d->data = data;
    d->frame = av_frame_alloc();
    d->out = av_frame_alloc();

    if (d->frame == NULL || d->out == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
    }

    return par == NULL ? DS_OK : ds_decode_codec(d, par, err);
}


static int
ds_decode_codec(ds_decode_t *d, const AVCodecParameters *par, ds_error_t *err)
{
    int              rc;
    ds_limits_t      limits;
    const AVCodec   *codec;
    AVCodecContext  *ctx;

    codec = ds_decode_find(par->codec_id);
    if (codec == NULL) {
        return ds_fail(err, DS_EENCODE_FAILED, "no decoder for %s",
                       avcodec_get_name(par->codec_id));
    }

    ctx = avcodec_alloc_context3(codec);
    d->ctx = ctx;

    if (ctx == NULL || avcodec_parameters_to_context(ctx, par) < 0) {
        return ds_fail(err, DS_ENOMEM, "avcodec_alloc_context3() failed");
    }

    ctx->pkt_timebase = (AVRational) { 1, 1000000 };
    ctx->max_pixels = DS_DECODE_PIXELS;
    ctx->max_samples = DS_DECODE_SAMPLES;
    ctx->thread_count = 1;

    if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
        ds_limits(&limits);
        ctx->thread_count = limits.cpus > 1 ? 2 : 1;
    }

    rc = avcodec_open2(ctx, codec, NULL);
    if (rc < 0) {
        return ds_fail(err, rc == AVERROR(ENOMEM) ? DS_ENOMEM
                                                  : DS_EENCODE_FAILED,
                       "%s decoder: %s", codec->name, av_err2str(rc));
    }

    return DS_OK;
}


int
ds_decode_renew(ds_decode_t *d, const AVCodecParameters *par, ds_error_t *err)
{
    int  rc;

    rc = d->ctx == NULL ? DS_OK : ds_decode_run(d, NULL, err);

    if (rc != DS_OK) {
        return rc;
    }

    avcodec_free_context(&d->ctx);
    d->bad = 0;

    return ds_decode_codec(d, par, err);
}


/* libavcodec's own AV1 decoder needs hardware */

static const AVCodec *
ds_decode_find(enum AVCodecID id)
{
    const AVCodec  *codec;

    codec = NULL;

    if (id == AV_CODEC_ID_AV1) {
        codec = avcodec_find_decoder_by_name("libdav1d");
    }

    return codec != NULL ? codec : avcodec_find_decoder(id);
}


int
ds_decode_packet(ds_decode_t *d, const AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    rc = ds_decode_run(d, pkt, err);

    if (rc == DS_OK && pkt == NULL && d->frames == 0) {
        rc = ds_fail(err, DS_EENCODE_FAILED,
                     "no frame of the %s could be decoded",
                     av_get_media_type_string(d->ctx->codec_type));
    }

    return rc;
}


static int
ds_decode_run(ds_decode_t *d, const AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    rc = ds_decode_put(d, pkt, err);

    while (rc == DS_OK) {
        rc = ds_decode_get(d, err);
        if (rc != 1) {
            break;
        }

        rc = ds_decode_pass(d, err);
        av_frame_unref(d->frame);
    }

    return rc == DS_OK && pkt == NULL ? ds_decode_drain(d, err) : rc;
}


static int
ds_decode_put(ds_decode_t *d, const AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    rc = avcodec_send_packet(d->ctx, pkt);

    if (pkt != NULL) {
        d->bad++;
    }

    if (rc < 0 && rc != AVERROR_EOF) {
        return ds_decode_bad(d, rc, err);
    }

    return DS_OK;
}


static int
ds_decode_bad(ds_decode_t *d, int rc, ds_error_t *err)
{
    if (rc == AVERROR(ENOMEM)) {
        return ds_fail(err, DS_ENOMEM, "%s decoder: no memory",
                       d->ctx->codec->name);
    }

    if (d->bad >= DS_DECODE_BAD) {
        return ds_fail(err, DS_EENCODE_FAILED,
                       "%s decoder: %u packets in a row are broken: %s",
                       d->ctx->codec->name, d->bad, av_err2str(rc));
    }

    return DS_OK;
}


/* 1: a frame; 0: none now */

static int
ds_decode_get(ds_decode_t *d, ds_error_t *err)
{
    int       rc;
    int64_t   duration;
    AVFrame  *frame;

    frame = d->frame;

    /* one fault for each packet put, and some for those it delayed */

    rc = avcodec_receive_frame(d->ctx, frame);

    if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
        return 0;
    }

    if (rc < 0) {
        return ds_decode_bad(d, rc, err);
    }

    if (frame->nb_samples > 0 && frame->sample_rate < DS_DECODE_RATE) {
        return ds_fail(err, DS_EENCODE_FAILED, "%s decoder: %d samples a "
                       "second", d->ctx->codec->name, frame->sample_rate);
    }

    d->bad = 0;
    d->frames++;

    duration = ds_frame_duration(frame) > 0 ? ds_frame_duration(frame) : 0;

    if (frame->nb_samples > 0) {
        duration = av_rescale(frame->nb_samples, 1000000, frame->sample_rate);
    }

    frame->pts = frame->best_effort_timestamp;

    if (frame->pts == AV_NOPTS_VALUE) {
        frame->pts = d->next;
    }

    ds_frame_duration(frame) = duration;
    d->next = frame->pts + duration;

    return 1;
}


/* the decoder's frame */

static int
ds_decode_pass(ds_decode_t *d, ds_error_t *err)
{
    int   rc;
    char  spec[512];

    rc = d->ops->decoded(d->data, d->frame, err);

    if (rc != 1) {
        return rc;
    }

    if (!ds_filter_fits(&d->filter, d->frame)) {
        rc = ds_decode_drain(d, err);

        if (rc == DS_OK) {
            d->ops->spec(d->data, d->frame, spec, sizeof(spec));
            rc = ds_filter_open(&d->filter, d->frame, spec, err);
        }

        if (rc != DS_OK) {
            return rc;
        }
    }

    rc = ds_filter_put(&d->filter, d->frame, err);

    return rc == DS_OK ? ds_decode_take(d, err) : rc;
}


static int
ds_decode_take(ds_decode_t *d, ds_error_t *err)
{
    int  rc;

    while ((rc = ds_filter_get(&d->filter, d->out, err)) == 1) {
        rc = d->ops->filtered(d->data, d->out, err);
        av_frame_unref(d->out);

        if (rc != DS_OK) {
            break;
        }
    }

    return rc;
}


int
ds_decode_drain(ds_decode_t *d, ds_error_t *err)
{
    int  rc;

    if (d->filter.graph == NULL) {
        return DS_OK;
    }

    rc = ds_filter_put(&d->filter, NULL, err);

    if (rc == DS_OK) {
        rc = ds_decode_take(d, err);
    }

    ds_filter_close(&d->filter);

    return rc;
}


void
ds_decode_close(ds_decode_t *d)
{
    avcodec_free_context(&d->ctx);
    ds_filter_close(&d->filter);
    av_frame_free(&d->frame);
    av_frame_free(&d->out);
}
