
/*
 * ds_still.c: a picture of what is on air: the last key frame, decoded,
 * scaled and made a JPEG by a thread that lives as long as that takes.  What
 * it decodes has been sent to it by somebody: sizes are bounded.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "air/ds_still.h"
#include "base/ds_item.h"
#include "base/ds_job.h"
#include "media/ds_filter.h"


/* pixels of a frame that is decoded, 4 bytes each at most */
#define DS_STILL_PIXELS  (4096 * 4096)

/* a pixel is not so many times as wide as high, or as high as wide */
#define DS_STILL_ASPECT  4

/* bytes of a JPEG; a larger one is made again, worse */
#define DS_STILL_SIZE    (128 * 1024)


struct ds_still_s {
    ds_job_t             job;

    /* constant */
    ds_unit_t           *key;
    unsigned             width;

    /* the job's until it is done, then the owner's */
    AVPacket            *jpeg;          /* NULL: "err" is why */
    ds_error_t           err;
};


static void ds_still_run(void *data);
static int ds_still_decode(const ds_unit_t *key, AVFrame *frame);
static AVCodecContext *ds_still_decoder(const AVCodecParameters *par);
static void ds_still_size(const AVFrame *frame, int max, int *width,
    int *height);
static bool ds_still_scale(AVFrame *frame, int width, int height);
static AVPacket *ds_still_encode(AVFrame *frame, int quality);
static void ds_still_destroy(void *data);


ds_still_t *
ds_still_create(ds_t *ds, ds_sent_t *sent, unsigned width, ds_error_t *err)
{
    ds_still_t  *still;

    ds_error_clear(err);

    still = calloc(1, sizeof(ds_still_t));
    if (still == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    still->width = width;
    still->key = ds_sent_key(sent);

    if (still->key == NULL) {
        (void) ds_fail(err, DS_ENO_VIDEO, "nothing is on air");
        ds_still_destroy(still);
        return NULL;
    }

    if (ds_job_start_owned(&still->job, ds, "ds-still", ds_still_run,
                           ds_still_destroy, still)
        != DS_OK)
    {
        (void) ds_fail(err, DS_EINTERNAL, "picture could not be started");
        ds_still_destroy(still);
        return NULL;
    }

    return still;
}


bool
ds_still_done(ds_still_t *still, const uint8_t **data, size_t *size,
    ds_error_t *err)
{
    if (!ds_job_done(&still->job)) {
        return false;
    }

    *data = still->jpeg != NULL ? still->jpeg->data : NULL;
    *size = still->jpeg != NULL ? (size_t) still->jpeg->size : 0;

    if (err != NULL) {
        *err = still->err;
    }

    return true;
}


void
ds_still_free(ds_still_t **pstill)
{
    if (*pstill != NULL) {
        ds_still_destroy(*pstill);
        *pstill = NULL;
    }
}


/*
 * context: job's thread; a frame is decoded in less time than it would take to
 * ask whether it was canceled
 */

static void
ds_still_run(void *data)
{
    int          width, height, quality;
    AVFrame     *frame;
    ds_still_t  *still = data;

    frame = av_frame_alloc();

    if (frame == NULL) {
        (void) ds_fail(&still->err, DS_ENOMEM, "av_frame_alloc() failed");
        goto done;
    }

    if (ds_still_decode(still->key, frame) < 0) {
        (void) ds_fail(&still->err, DS_EENCODE_FAILED,
                       "the key frame on air cannot be decoded");
        goto done;
    }

    ds_still_size(frame, (int) still->width, &width, &height);

    if (!ds_still_scale(frame, width, height)) {
        (void) ds_fail(&still->err, DS_EENCODE_FAILED,
                       "the picture cannot be scaled");
        goto done;
    }

    for (quality = 4; quality <= 31; quality += 9) {
        av_packet_free(&still->jpeg);

        still->jpeg = ds_still_encode(frame, quality);

        if (still->jpeg == NULL) {
            (void) ds_fail(&still->err, DS_EENCODE_FAILED,
                           "the picture cannot be made a JPEG");
            break;
        }

        if (still->jpeg->size <= DS_STILL_SIZE) {
            break;
        }
    }

done:

    av_frame_free(&frame);
}


static int
ds_still_decode(const ds_unit_t *key, AVFrame *frame)
{
    int              rc;
    AVCodecContext  *ctx;

    ctx = ds_still_decoder(key->heads->par[DS_VIDEO]);
    if (ctx == NULL) {
        return AVERROR_DECODER_NOT_FOUND;
    }

    rc = avcodec_send_packet(ctx, key->pkt);

    if (rc >= 0) {
        rc = avcodec_send_packet(ctx, NULL);
    }

    if (rc >= 0) {
        rc = avcodec_receive_frame(ctx, frame);
    }

    avcodec_free_context(&ctx);

    return rc;
}


static AVCodecContext *
ds_still_decoder(const AVCodecParameters *par)
{
    const AVCodec   *codec;
    AVCodecContext  *ctx;

    codec = avcodec_find_decoder(par->codec_id);
    if (codec == NULL) {
        return NULL;
    }

    ctx = avcodec_alloc_context3(codec);
    if (ctx == NULL) {
        return NULL;
    }

    if (avcodec_parameters_to_context(ctx, par) < 0) {
        avcodec_free_context(&ctx);
        return NULL;
    }

    ctx->thread_count = 1;
    ctx->max_pixels = DS_STILL_PIXELS;

    /* there is one frame to be had, whatever it waits for */

    ctx->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    ctx->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;

    if (avcodec_open2(ctx, codec, NULL) < 0) {
        avcodec_free_context(&ctx);
        return NULL;
    }

    return ctx;
}


/* square pixels, "max" of them across and at most twice as many down */

static void
ds_still_size(const AVFrame *frame, int max, int *width, int *height)
{
    double      w, h, scale;
    AVRational  sar;

    sar = frame->sample_aspect_ratio;

    w = frame->width;
    h = frame->height;

    if (sar.num > 0 && sar.den > 0
        && sar.num / sar.den < DS_STILL_ASPECT
        && sar.den / sar.num < DS_STILL_ASPECT)
    {
        w = w * sar.num / sar.den;
    }

    scale = w > max ? max / w : 1;

    if (h * scale > 2 * max) {
        scale = 2 * max / h;
    }

    *width = FFMAX(2, (int) (w * scale + 0.5) & ~1);
    *height = FFMAX(2, (int) (h * scale + 0.5) & ~1);
}


/* replaces the frame */

static bool
ds_still_scale(AVFrame *frame, int width, int height)
{
    bool         done;
    char         spec[128];
    ds_filter_t  filter;

    memset(&filter, 0, sizeof(filter));

    (void) snprintf(spec, sizeof(spec),
                    "scale=%d:%d:flags=area,format=yuvj420p", width, height);

    done = ds_filter_open(&filter, frame, spec, NULL) == DS_OK
           && ds_filter_put(&filter, frame, NULL) == DS_OK
           && ds_filter_put(&filter, NULL, NULL) == DS_OK
           && ds_filter_get(&filter, frame, NULL) == 1;

    ds_filter_close(&filter);

    return done;
}


static AVPacket *
ds_still_encode(AVFrame *frame, int quality)
{
    int              rc;
    AVPacket        *pkt;
    const AVCodec   *codec;
    AVCodecContext  *ctx;

    codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
    ctx = codec != NULL ? avcodec_alloc_context3(codec) : NULL;
    pkt = av_packet_alloc();

    if (ctx == NULL || pkt == NULL) {
        goto failed;
    }

    ctx->width = frame->width;
    ctx->height = frame->height;
    ctx->pix_fmt = frame->format;
    ctx->color_range = AVCOL_RANGE_JPEG;
    ctx->time_base = (AVRational) { 1, 25 };
    ctx->thread_count = 1;
    ctx->flags |= AV_CODEC_FLAG_QSCALE;
    ctx->global_quality = quality * FF_QP2LAMBDA;

    frame->quality = ctx->global_quality;
    frame->pict_type = AV_PICTURE_TYPE_NONE;
    frame->pts = 0;

    rc = avcodec_open2(ctx, codec, NULL);

    if (rc >= 0) {
        rc = avcodec_send_frame(ctx, frame);
    }

    if (rc < 0 || avcodec_receive_packet(ctx, pkt) < 0) {
        goto failed;
    }

    avcodec_free_context(&ctx);

    return pkt;

failed:

    avcodec_free_context(&ctx);
    av_packet_free(&pkt);

    return NULL;
}


static void
ds_still_destroy(void *data)
{
    ds_still_t  *still = data;

    ds_job_end(&still->job);
    ds_unit_unref(&still->key);
    av_packet_free(&still->jpeg);
    free(still);
}
