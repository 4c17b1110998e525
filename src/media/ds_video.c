
/*
 * ds_video.c: a video track on its way through decoder, filter and encoder.
 * Output frames are numbered from the origin, so whatever the item's rate is,
 * and however slow encoding was, there is no drift.
 */

#include <stdlib.h>
#include <string.h>

#include "media/ds_compat.h"
#include "media/ds_decode.h"
#include "media/ds_encode.h"
#include "media/ds_video.h"


/* us: the picture stands still for so long, more is a new clock */
#define DS_VIDEO_GAP   10000000

/* frames; when so many came without a key frame, any will do */
#define DS_VIDEO_KEYLESS  250

/* of the plain picture: a dark grey */
#define DS_VIDEO_GREY  0x20


struct ds_video_s {
    ds_profile_t   profile;
    ds_cancel_t   *cancel;

    ds_decode_t    dec;
    ds_encode_t    enc;
    AVFrame       *still;               /* shown from "next" on */
    bool           key;                 /* a key frame has come */
    unsigned       waited;              /* packets for it */
    bool           interlaced;
    bool           turned;
    int32_t        matrix[9];

    bool           started;             /* there is a picture */
    bool           fresh;               /* which has not been encoded yet */
    int64_t        next;                /* frames; the first not encoded yet */
    int64_t        end;                 /* us from the origin */

    double         limit;
    ds_pace_t      pace;
    int64_t        busy;                /* us of work, of this GOP */
    int64_t        working;             /* since, monotonic us */
    int64_t        count;               /* frames of this GOP */
};


static int ds_video_stand(ds_video_t *v, const AVFrame *picture,
    ds_error_t *err);
static int ds_video_decoded(void *data, AVFrame *frame, ds_error_t *err);
static void ds_video_spec(void *data, const AVFrame *frame, char *spec,
    size_t size);
static int ds_video_show(void *data, AVFrame *frame, ds_error_t *err);
static int ds_video_fill(ds_video_t *v, int64_t n, ds_error_t *err);
static int ds_video_check_pace(ds_video_t *v, ds_error_t *err);
static int64_t ds_video_place(ds_video_t *v, int64_t us);
static int64_t ds_video_slot(ds_video_t *v, int64_t us);


static const ds_decode_ops_t  ds_video_ops = {
    ds_video_decoded, ds_video_spec, ds_video_show
};


ds_video_t *
ds_video_create(const ds_video_conf_t *conf, ds_error_t *err)
{
    int          rc;
    ds_video_t  *v;

    v = calloc(1, sizeof(ds_video_t));
    if (v == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    v->profile = *conf->profile;
    v->cancel = conf->cancel;
    v->limit = conf->speed;
    v->pace.preset = conf->preset;
    v->enc.out = conf->out;

    if (conf->matrix != NULL) {
        v->turned = true;
        memcpy(v->matrix, conf->matrix, sizeof(v->matrix));
    }

    if (conf->par != NULL) {
        v->interlaced = conf->par->field_order > AV_FIELD_PROGRESSIVE;
    }

    rc = ds_decode_open(&v->dec, conf->par, &ds_video_ops, v, err);

    if (rc == DS_OK && conf->par == NULL) {
        rc = ds_video_stand(v, conf->picture, err);
    }

    if (rc == DS_OK) {
        rc = ds_encode_open_video(&v->enc, &v->profile, conf->preset, err);
    }

    if (rc != DS_OK) {
        ds_video_free(&v);
    }

    return v;
}


/* instead of a track */

static int
ds_video_stand(ds_video_t *v, const AVFrame *picture, ds_error_t *err)
{
    v->still = picture != NULL ? av_frame_clone(picture)
               : ds_video_plain(v->profile.width, v->profile.height,
                                DS_VIDEO_GREY);
    if (v->still == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_frame_get_buffer() failed");
    }

    v->started = true;
    v->fresh = true;

    return DS_OK;
}


AVFrame *
ds_video_plain(int width, int height, int luma)
{
    int       i;
    size_t    size;
    AVFrame  *f;

    f = av_frame_alloc();
    if (f == NULL) {
        return NULL;
    }

    f->format = AV_PIX_FMT_YUV420P;
    f->width = width;
    f->height = height;
    f->sample_aspect_ratio = (AVRational) { 1, 1 };

    if (av_frame_get_buffer(f, 0) < 0) {
        av_frame_free(&f);
        return NULL;
    }

    for (i = 0; i < 3; i++) {
        size = (size_t) f->linesize[i] * (i == 0 ? height : height / 2);
        memset(f->data[i], i == 0 ? luma : 0x80, size);
    }

    return f;
}


AVCodecParameters *
ds_video_codecpar(const ds_video_t *v)
{
    return ds_encode_codecpar(&v->enc);
}


AVFrame *
ds_video_picture(const ds_video_t *v)
{
    return v->started ? av_frame_clone(v->still) : NULL;
}


void
ds_video_set_origin(ds_video_t *v, int64_t us)
{
    v->enc.origin = us;
}


int
ds_video_packet(ds_video_t *v, const AVPacket *pkt, ds_error_t *err)
{
    if (v->dec.ctx == NULL) {
        return DS_OK;
    }

    /* what comes before it cannot be decoded */

    if (pkt != NULL && !v->key) {
        if (!(pkt->flags & AV_PKT_FLAG_KEY)) {
            if (++v->waited < DS_VIDEO_KEYLESS) {
                return DS_OK;
            }

            v->dec.ctx->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
            v->dec.ctx->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
        }

        v->key = true;
    }

    return ds_decode_packet(&v->dec, pkt, err);
}


static int
ds_video_decoded(void *data, AVFrame *frame, ds_error_t *err)
{
    int          rc;
    int64_t      us;
    ds_video_t  *v = data;

    if (ds_cancel_is_set(v->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    us = frame->pts - v->enc.origin;

    if (us + ds_frame_duration(frame) > v->end) {
        v->end = us + ds_frame_duration(frame);
    }

    if (ds_frame_is_interlaced(frame) && !v->interlaced) {
        v->interlaced = true;
        rc = ds_decode_drain(&v->dec, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    /* of a source with more frames a second those not shown cost nothing */

    return v->interlaced || !v->started || ds_video_place(v, us) > v->next;
}


static void
ds_video_spec(void *data, const AVFrame *frame, char *spec, size_t size)
{
    ds_video_t    *v = data;
    ds_picture_t   to;

    to.width = v->profile.width;
    to.height = v->profile.height;
    to.matrix = v->turned ? v->matrix : NULL;
    to.interlaced = v->interlaced;

    ds_filter_video(spec, size, frame, &to);
}


/* what comes out of the graph is shown until the next comes */

static int
ds_video_show(void *data, AVFrame *frame, ds_error_t *err)
{
    int          rc;
    int64_t      n;
    ds_video_t  *v = data;

    n = ds_video_place(v, frame->pts - v->enc.origin);

    if (n < 0 || (v->started && n <= v->next)) {
        return DS_OK;
    }

    if (v->started) {
        rc = ds_video_fill(v, n, err);
        if (rc != DS_OK) {
            return rc;
        }

    } else if (n > DS_VIDEO_GAP / 1000000 * v->profile.rate) {
        v->next = n;
    }

    if (v->still == NULL) {
        v->still = av_frame_alloc();

        if (v->still == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
        }
    }

    v->started = true;
    v->fresh = true;

    av_frame_unref(v->still);
    av_frame_move_ref(v->still, frame);

    return DS_OK;
}


/* encodes the still picture until frame "n" comes */

static int
ds_video_fill(ds_video_t *v, int64_t n, ds_error_t *err)
{
    int   rc;
    bool  jump;

    jump = n - v->next > DS_VIDEO_GAP / 1000000 * v->profile.rate;

    while (v->next < n) {

        if (ds_cancel_is_set(v->cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        if (++v->count > v->profile.rate * DS_ENCODE_GOP) {
            rc = ds_video_check_pace(v, err);
            if (rc != DS_OK) {
                return rc;
            }
        }

        v->fresh = false;
        v->still->pts = v->next++;
        v->still->pict_type = AV_PICTURE_TYPE_NONE;

        rc = ds_encode_put(&v->enc, v->still, err);
        if (rc != DS_OK) {
            return rc;
        }

        if (jump) {
            v->next = n;
        }
    }

    return DS_OK;
}


/* a GOP is full: is encoding fast enough, and what can be done about it */

static int
ds_video_check_pace(ds_video_t *v, ds_error_t *err)
{
    int      rc;
    int64_t  now;

    now = ds_monotonic_us();

    v->busy += now - v->working;
    v->pace.speed = DS_ENCODE_GOP * 1e6 / (v->busy > 0 ? v->busy : 1);
    v->pace.slow = false;

    v->busy = 0;
    v->working = now;
    v->count = 1;

    if (v->pace.speed >= v->limit) {
        return DS_OK;
    }

    if (v->pace.preset == DS_ENCODE_PRESETS - 1) {
        v->pace.slow = true;
        return DS_OK;
    }

    rc = ds_encode_put(&v->enc, NULL, err);

    if (rc == DS_OK) {
        ds_encode_close(&v->enc);
        rc = ds_encode_open_video(&v->enc, &v->profile, ++v->pace.preset, err);
    }

    /* a session that begins later knows the first header only */
    v->enc.renew = true;

    return rc;
}


int
ds_video_renew(ds_video_t *v, const AVCodecParameters *par, ds_error_t *err)
{
    v->key = false;
    v->waited = 0;
    v->interlaced = par->field_order > AV_FIELD_PROGRESSIVE;

    return ds_decode_renew(&v->dec, par, err);
}


void
ds_video_announce(ds_video_t *v)
{
    v->enc.renew = true;
}


int
ds_video_until(ds_video_t *v, int64_t us, ds_error_t *err)
{
    us -= v->enc.origin;

    /* nothing could be decoded so far */

    if (!v->started && us > 0 && ds_video_stand(v, NULL, err) != DS_OK) {
        return DS_ENOMEM;
    }

    if (us > v->end) {
        v->end = us;
    }

    return ds_video_fill(v, ds_video_slot(v, us), err);
}


int64_t
ds_video_end(ds_video_t *v)
{
    return v->enc.origin + v->end;
}


bool
ds_video_dark(const ds_video_t *v)
{
    return v->dec.frames == 0;
}


int
ds_video_finish(ds_video_t *v, ds_error_t *err)
{
    int      rc;
    int64_t  n;

    if (!v->started) {
        return DS_OK;
    }

    /* the last frame is shown, be it never so short */

    n = ds_video_slot(v, v->end);
    rc = ds_video_fill(v, n <= v->next && v->fresh ? v->next + 1 : n, err);

    return rc == DS_OK ? ds_encode_put(&v->enc, NULL, err) : rc;
}


/*
 * The frame as which a picture of "us" is shown.  Of several the first one is,
 * so that one a little before its time is too early for it, but for what
 * containers round.
 */

static int64_t
ds_video_place(ds_video_t *v, int64_t us)
{
    return av_rescale_rnd(us * v->profile.rate + 250000, 1, 1000000,
                          AV_ROUND_DOWN);
}


/* the number of the frame shown at "us" from the origin */

static int64_t
ds_video_slot(ds_video_t *v, int64_t us)
{
    return av_rescale(us, v->profile.rate, 1000000);
}


void
ds_video_work(ds_video_t *v)
{
    v->working = ds_monotonic_us();
}


void
ds_video_rest(ds_video_t *v)
{
    v->busy += ds_monotonic_us() - v->working;
}


const ds_pace_t *
ds_video_pace(ds_video_t *v)
{
    return &v->pace;
}


void
ds_video_free(ds_video_t **pv)
{
    ds_video_t  *v;

    v = *pv;
    if (v == NULL) {
        return;
    }

    *pv = NULL;

    ds_decode_close(&v->dec);
    ds_encode_close(&v->enc);
    av_frame_free(&v->still);
    free(v);
}
