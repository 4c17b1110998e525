
/*
 * ds_loop.c: encodes a loop with libx264 and libavcodec's AAC encoder, which
 * are freed as soon as it is made.
 */

#include <stdlib.h>
#include <string.h>

#include <libavutil/samplefmt.h>

#include "base/ds_item.h"
#include "air/ds_loop.h"


/* s: key frames of a loop are so far apart */
#define DS_LOOP_GOP  2

/* the level of black, and of no colour */
#define DS_BLACK     16
#define DS_GRAY      128


static int ds_loop_open_video(ds_loop_t *l, ds_error_t *err);
static int ds_loop_open_audio(ds_loop_t *l, ds_error_t *err);
static int ds_loop_open(ds_loop_t *l, int track, const AVCodec *codec,
    AVDictionary **opts, ds_error_t *err);
static int ds_loop_encode(ds_loop_t *l, int track, AVFrame *frame,
    ds_error_t *err);
static int ds_loop_keep(ds_loop_t *l, int track, AVPacket *pkt);
static int ds_loop_silence(ds_loop_t *l, ds_error_t *err);


ds_loop_t *
ds_loop_create(const ds_form_t *form, ds_cancel_t *cancel, ds_error_t *err)
{
    ds_loop_t  *l;

    l = calloc(1, sizeof(ds_loop_t));
    if (l == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    l->form = *form;
    l->cancel = cancel;

    if (ds_loop_open_video(l, err) != DS_OK
        || ds_loop_open_audio(l, err) != DS_OK)
    {
        ds_loop_free(&l);
    }

    return l;
}


static int
ds_loop_open_video(ds_loop_t *l, ds_error_t *err)
{
    int                rc;
    AVDictionary      *opts;
    const AVCodec     *codec;
    AVCodecContext    *enc;
    const ds_form_t   *f;

    codec = avcodec_find_encoder_by_name("libx264");

    enc = avcodec_alloc_context3(codec);
    if (enc == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_alloc_context3() failed");
    }

    f = &l->form;
    l->enc[DS_VIDEO] = enc;

    enc->width = f->width;
    enc->height = f->height;
    enc->pix_fmt = AV_PIX_FMT_YUV420P;
    enc->time_base = (AVRational) { 1, f->rate };
    enc->framerate = (AVRational) { f->rate, 1 };
    enc->gop_size = DS_LOOP_GOP * f->rate;
    enc->max_b_frames = 0;
    enc->rc_max_rate = f->video_bitrate;
    enc->rc_buffer_size = f->video_bitrate;
    enc->flags |= AV_CODEC_FLAG_CLOSED_GOP;

    opts = NULL;
    (void) av_dict_set(&opts, "preset", "ultrafast", 0);
    (void) av_dict_set(&opts, "tune", "stillimage", 0);
    (void) av_dict_set(&opts, "crf", "23", 0);

    rc = ds_loop_open(l, DS_VIDEO, codec, &opts, err);
    av_dict_free(&opts);

    return rc;
}


static int
ds_loop_open_audio(ds_loop_t *l, ds_error_t *err)
{
    const AVCodec    *codec;
    AVCodecContext   *enc;
    const ds_form_t  *f;

    codec = avcodec_find_encoder(AV_CODEC_ID_AAC);

    enc = avcodec_alloc_context3(codec);
    if (enc == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_alloc_context3() failed");
    }

    f = &l->form;
    l->enc[DS_AUDIO] = enc;

    enc->sample_fmt = AV_SAMPLE_FMT_FLTP;
    enc->sample_rate = f->sample_rate;
    enc->bit_rate = f->audio_bitrate;
    enc->time_base = (AVRational) { 1, f->sample_rate };
    av_channel_layout_default(&enc->ch_layout, f->channels);

    return ds_loop_open(l, DS_AUDIO, codec, NULL, err);
}


static int
ds_loop_open(ds_loop_t *l, int track, const AVCodec *codec,
    AVDictionary **opts, ds_error_t *err)
{
    int              rc;
    AVCodecContext  *enc;

    enc = l->enc[track];
    enc->thread_count = 1;
    enc->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    if (codec == NULL || avcodec_open2(enc, codec, opts) < 0) {
        return ds_fail(err, DS_EENCODE_FAILED, "%s",
                       track == DS_VIDEO ? "libx264 cannot be opened"
                                         : "AAC encoder cannot be opened");
    }

    if (track == DS_AUDIO) {
        l->frame = enc->frame_size;
    }

    l->par[track] = avcodec_parameters_alloc();
    if (l->par[track] == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_alloc() failed");
    }

    rc = avcodec_parameters_from_context(l->par[track], enc);

    return rc < 0 ? ds_fail(err, DS_ENOMEM,
                            "avcodec_parameters_from_context() failed")
                  : DS_OK;
}


AVFrame *
ds_loop_picture(const ds_form_t *form)
{
    int       i, h;
    AVFrame  *frame;

    frame = av_frame_alloc();
    if (frame == NULL) {
        return NULL;
    }

    frame->format = AV_PIX_FMT_YUV420P;
    frame->width = form->width;
    frame->height = form->height;

    if (av_frame_get_buffer(frame, 0) < 0) {
        av_frame_free(&frame);
        return NULL;
    }

    for (i = 0; i < 3; i++) {
        h = i == 0 ? frame->height : frame->height / 2;
        memset(frame->data[i], i == 0 ? DS_BLACK : DS_GRAY,
               (size_t) frame->linesize[i] * h);
    }

    return frame;
}


int
ds_loop_put(ds_loop_t *l, int track, AVFrame *frame, ds_error_t *err)
{
    int64_t  n;

    n = l->sent[track]++;

    frame->pts = track == DS_VIDEO ? n : n * l->frame;
    frame->pict_type = AV_PICTURE_TYPE_NONE;

    return ds_loop_encode(l, track, frame, err);
}


bool
ds_loop_full(ds_loop_t *l)
{
    return l->bytes >= DS_LOOP_BYTES
           || l->sent[DS_VIDEO] >= DS_LOOP_TIME * l->form.rate;
}


/* "frame" NULL: the last packets */

static int
ds_loop_encode(ds_loop_t *l, int track, AVFrame *frame, ds_error_t *err)
{
    int        rc;
    AVPacket  *pkt;

    if (ds_cancel_is_set(l->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    rc = avcodec_send_frame(l->enc[track], frame);

    while (rc >= 0) {
        pkt = av_packet_alloc();
        if (pkt == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
        }

        rc = avcodec_receive_packet(l->enc[track], pkt);

        if (rc >= 0 && ds_loop_keep(l, track, pkt) == DS_OK) {
            continue;
        }

        av_packet_free(&pkt);

        if (rc >= 0) {
            return ds_fail(err, DS_ENOMEM, "realloc() failed");
        }
    }

    if (rc != AVERROR(EAGAIN) && rc != AVERROR_EOF) {
        return ds_fail(err, DS_EENCODE_FAILED, "slate cannot be encoded");
    }

    return DS_OK;
}


/* takes "pkt" over */

static int
ds_loop_keep(ds_loop_t *l, int track, AVPacket *pkt)
{
    unsigned    n;
    AVPacket  **pkts;

    if (pkt->pts < 0) {
        /* what primes a decoder, and is not heard */
        av_packet_free(&pkt);
        return DS_OK;
    }

    n = l->n[track];

    if ((n & (n - 1)) == 0) {
        pkts = realloc(l->pkt[track], (n == 0 ? 1 : 2 * n)
                                      * sizeof(AVPacket *));
        if (pkts == NULL) {
            return DS_ENOMEM;
        }

        l->pkt[track] = pkts;
    }

    pkt->stream_index = track;
    l->bytes += pkt->size;
    l->pkt[track][l->n[track]++] = pkt;

    return DS_OK;
}


int
ds_loop_close(ds_loop_t *l, ds_error_t *err)
{
    int  i, rc;

    rc = ds_loop_silence(l, err);

    for (i = 0; i < 2 && rc == DS_OK; i++) {
        rc = ds_loop_encode(l, i, NULL, err);
    }

    avcodec_free_context(&l->enc[DS_VIDEO]);
    avcodec_free_context(&l->enc[DS_AUDIO]);

    if (rc == DS_OK && (l->n[DS_VIDEO] == 0 || l->n[DS_AUDIO] == 0)) {
        rc = ds_fail(err, DS_EENCODE_FAILED, "slate has no picture");
    }

    return rc;
}


/* one packet of sound more than the pictures last: none is ever missing */

static int
ds_loop_silence(ds_loop_t *l, ds_error_t *err)
{
    int       rc;
    int64_t   need;
    AVFrame  *frame;

    need = l->sent[DS_VIDEO] * l->form.sample_rate
           / ((int64_t) l->form.rate * l->frame) + 3;

    frame = av_frame_alloc();
    if (frame == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
    }

    frame->format = AV_SAMPLE_FMT_FLTP;
    frame->sample_rate = l->form.sample_rate;
    frame->nb_samples = l->frame;
    av_channel_layout_default(&frame->ch_layout, l->form.channels);

    rc = av_frame_get_buffer(frame, 0) < 0
         ? ds_fail(err, DS_ENOMEM, "av_frame_get_buffer() failed")
         : DS_OK;

    if (rc == DS_OK) {
        (void) av_samples_set_silence(frame->extended_data, 0, l->frame,
                                      l->form.channels, frame->format);
    }

    while (rc == DS_OK && l->sent[DS_AUDIO] < need) {
        rc = ds_loop_put(l, DS_AUDIO, frame, err);
    }

    av_frame_free(&frame);

    return rc;
}


void
ds_loop_free(ds_loop_t **pl)
{
    int         i;
    unsigned    n;
    ds_loop_t  *l;

    l = *pl;
    if (l == NULL) {
        return;
    }

    *pl = NULL;

    for (i = 0; i < 2; i++) {
        for (n = 0; n < l->n[i]; n++) {
            av_packet_free(&l->pkt[i][n]);
        }

        free(l->pkt[i]);
        avcodec_parameters_free(&l->par[i]);
        avcodec_free_context(&l->enc[i]);
    }

    free(l);
}
