
/*
 * ds_encode.c: libavcodec's encoders, set up as live servers want it: a
 * closed GOP of two seconds, a bounded bitrate, headers apart.
 */

#include <string.h>

#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>

#include "media/ds_encode.h"
#include "base/ds_item.h"
#include "base/ds_limits.h"


/* more cost delay and quality, and gain little */
#define DS_ENCODE_THREADS  4


static const char *const  ds_encode_presets[DS_ENCODE_PRESETS + 1] = {
    "veryfast", "superfast", "ultrafast", "ultrafast"
};


static int ds_encode_alloc(ds_encode_t *e, const char *name,
    ds_error_t *err);
static int ds_encode_open(ds_encode_t *e, ds_error_t *err);
static int ds_encode_packet(ds_encode_t *e, ds_error_t *err);
static int ds_encode_failed(ds_encode_t *e, int rc, ds_error_t *err);


const char *
ds_encode_preset(int preset)
{
    return ds_encode_presets[preset];
}


int
ds_encode_open_video(ds_encode_t *e, const ds_profile_t *p, int preset,
    ds_error_t *err)
{
    int              rc;
    ds_limits_t      limits;
    AVCodecContext  *ctx;

    rc = ds_encode_alloc(e, "libx264", err);
    if (rc != DS_OK) {
        return rc;
    }

    ds_limits(&limits);

    ctx = e->ctx;
    ctx->width = p->width;
    ctx->height = p->height;
    ctx->pix_fmt = AV_PIX_FMT_YUV420P;
    ctx->sample_aspect_ratio = (AVRational) { 1, 1 };
    ctx->time_base = (AVRational) { 1, p->rate };
    ctx->framerate = (AVRational) { p->rate, 1 };
    ctx->gop_size = p->rate * DS_ENCODE_GOP;
    ctx->keyint_min = ctx->gop_size;
    ctx->bit_rate = p->video_bitrate;
    ctx->rc_max_rate = p->video_bitrate;
    ctx->rc_buffer_size = p->video_bitrate > INT32_MAX / 2
                          ? INT32_MAX : 2 * p->video_bitrate;
    ctx->thread_count = limits.cpus > DS_ENCODE_THREADS ? DS_ENCODE_THREADS
                                                        : limits.cpus;
    ctx->color_range = AVCOL_RANGE_MPEG;

    if (p->height >= 720) {
        ctx->colorspace = AVCOL_SPC_BT709;
        ctx->color_primaries = AVCOL_PRI_BT709;
        ctx->color_trc = AVCOL_TRC_BT709;

    } else {
        ctx->colorspace = AVCOL_SPC_SMPTE170M;
        ctx->color_primaries = AVCOL_PRI_SMPTE170M;
        ctx->color_trc = AVCOL_TRC_SMPTE170M;
    }

    ctx->flags |= AV_CODEC_FLAG_CLOSED_GOP;

    (void) av_opt_set(ctx->priv_data, "preset", ds_encode_presets[preset], 0);
    (void) av_opt_set(ctx->priv_data, "profile", "high", 0);
    (void) av_opt_set(ctx->priv_data, "x264-params", "scenecut=0", 0);
    /* captions of a picture that is shown twice would be, too */
    (void) av_opt_set(ctx->priv_data, "a53cc", "0", 0);

    if (preset == DS_ENCODE_LOOP) {
        ctx->bit_rate = 0;
        ctx->thread_count = 1;
        (void) av_opt_set(ctx->priv_data, "crf", "23", 0);
        (void) av_opt_set(ctx->priv_data, "tune", "stillimage", 0);

        /* "ultrafast" would make it Baseline, and items are not */
        (void) av_opt_set(ctx->priv_data, "x264-params",
                          "scenecut=0:cabac=1:8x8dct=1", 0);
    }

    e->track = DS_VIDEO;
    e->frame = 1000000 / p->rate;

    return ds_encode_open(e, err);
}


int
ds_encode_open_audio(ds_encode_t *e, const ds_profile_t *p, uint32_t channels,
    ds_error_t *err)
{
    int              rc;
    AVCodecContext  *ctx;

    rc = ds_encode_alloc(e, "aac", err);
    if (rc != DS_OK) {
        return rc;
    }

    ctx = e->ctx;
    ctx->sample_fmt = AV_SAMPLE_FMT_FLTP;
    ctx->sample_rate = p->sample_rate;
    ctx->time_base = (AVRational) { 1, p->sample_rate };
    ctx->bit_rate = p->audio_bitrate;
    ctx->profile = FF_PROFILE_AAC_LOW;
    ctx->thread_count = 1;

    av_channel_layout_default(&ctx->ch_layout, channels);

    e->track = DS_AUDIO;
    e->frame = INT64_C(1024) * 1000000 / p->sample_rate;

    return ds_encode_open(e, err);
}


static int
ds_encode_alloc(ds_encode_t *e, const char *name, ds_error_t *err)
{
    const AVCodec  *codec;

    codec = avcodec_find_encoder_by_name(name);
    if (codec == NULL) {
        return ds_fail(err, DS_EENCODE_FAILED, "libavcodec has no encoder "
                       "\"%s\"", name);
    }

    e->ctx = avcodec_alloc_context3(codec);
    e->pkt = av_packet_alloc();

    if (e->ctx == NULL || e->pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_alloc_context3() failed");
    }

    return DS_OK;
}


static int
ds_encode_open(ds_encode_t *e, ds_error_t *err)
{
    int  rc;

    e->ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    rc = avcodec_open2(e->ctx, NULL, NULL);

    return rc < 0 ? ds_encode_failed(e, rc, err) : DS_OK;
}


AVCodecParameters *
ds_encode_codecpar(const ds_encode_t *e)
{
    AVCodecParameters  *par;

    par = avcodec_parameters_alloc();

    if (par != NULL && avcodec_parameters_from_context(par, e->ctx) < 0) {
        avcodec_parameters_free(&par);
    }

    return par;
}


int
ds_encode_put(ds_encode_t *e, const AVFrame *frame, ds_error_t *err)
{
    int  rc;

    rc = avcodec_send_frame(e->ctx, frame);

    if (rc < 0) {
        return ds_encode_failed(e, rc, err);
    }

    for ( ;; ) {
        rc = avcodec_receive_packet(e->ctx, e->pkt);

        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
            return DS_OK;
        }

        if (rc < 0) {
            return ds_encode_failed(e, rc, err);
        }

        rc = ds_encode_packet(e, err);
        if (rc != DS_OK) {
            return rc;
        }
    }
}


static int
ds_encode_packet(ds_encode_t *e, ds_error_t *err)
{
    AVPacket  *pkt;
    uint8_t   *side;

    pkt = e->pkt;

    av_packet_rescale_ts(pkt, e->ctx->time_base, (AVRational) { 1, 1000000 });
    pkt->time_base = (AVRational) { 1, 1000000 };

    pkt->pts += e->origin;
    pkt->dts += e->origin;
    pkt->stream_index = e->track;

    if (pkt->duration <= 0) {
        pkt->duration = e->frame;
    }

    if (e->renew && (pkt->flags & AV_PKT_FLAG_KEY)) {
        side = av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                       e->ctx->extradata_size);
        if (side == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_packet_new_side_data() failed");
        }

        memcpy(side, e->ctx->extradata, e->ctx->extradata_size);
    }

    if (ds_merge_put(e->out, pkt) != DS_OK) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    return DS_OK;
}


static int
ds_encode_failed(ds_encode_t *e, int rc, ds_error_t *err)
{
    return ds_fail(err, rc == AVERROR(ENOMEM) ? DS_ENOMEM : DS_EENCODE_FAILED,
                   "encoder \"%s\": %s",
                   e->track == DS_VIDEO ? "libx264" : "aac", av_err2str(rc));
}


void
ds_encode_close(ds_encode_t *e)
{
    avcodec_free_context(&e->ctx);
    av_packet_free(&e->pkt);
}
