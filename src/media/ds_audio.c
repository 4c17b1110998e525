
/*
 * ds_audio.c: an audio track on its way through decoder, resampler and
 * encoder.  Output samples are numbered from the origin: what is missing is
 * silence, what comes twice is left out, so there is no drift.
 */

#include <stdlib.h>

#include <libavutil/audio_fifo.h>
#include <libavutil/channel_layout.h>

#include "media/ds_audio.h"
#include "media/ds_decode.h"
#include "media/ds_encode.h"


/* us: silence for so long, more is a new clock */
#define DS_AUDIO_GAP     10000000

/* us: time stamps are as inexact as containers round them */
#define DS_AUDIO_JITTER  30000

#define DS_AUDIO_CHUNK   4096           /* samples of silence at a time */


struct ds_audio_s {
    ds_profile_t   profile;
    uint32_t       channels;
    ds_cancel_t   *cancel;

    ds_decode_t    dec;
    ds_encode_t    enc;
    AVAudioFifo   *fifo;
    AVFrame       *silence;
    bool           packets;             /* has something to decode */

    int64_t        next;                /* samples; the first not encoded */
};


static int ds_audio_alloc(ds_audio_t *a, ds_error_t *err);
static AVFrame *ds_audio_frame(ds_audio_t *a, int samples);
static int ds_audio_decoded(void *data, AVFrame *f, ds_error_t *err);
static void ds_audio_spec(void *data, const AVFrame *f, char *spec,
    size_t size);
static int ds_audio_place(void *data, AVFrame *frame, ds_error_t *err);
static int ds_audio_write(ds_audio_t *a, AVFrame *frame, int skip,
    ds_error_t *err);
static int ds_audio_reach(ds_audio_t *a, int64_t at, ds_error_t *err);
static int ds_audio_pad(ds_audio_t *a, int64_t n, ds_error_t *err);
static int ds_audio_encode(ds_audio_t *a, int least, ds_error_t *err);
static int64_t ds_audio_samples(ds_audio_t *a, int64_t us);
static int64_t ds_audio_position(ds_audio_t *a);


static const ds_decode_ops_t  ds_audio_ops = {
    ds_audio_decoded, ds_audio_spec, ds_audio_place
};


ds_audio_t *
ds_audio_create(const ds_profile_t *profile, uint32_t channels,
    const AVCodecParameters *par, ds_merge_t *out, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int          rc;
    ds_audio_t  *a;

    a = calloc(1, sizeof(ds_audio_t));
    if (a == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    a->profile = *profile;
    a->channels = channels;
    a->cancel = cancel;
    a->enc.out = out;

    rc = ds_decode_open(&a->dec, par, &ds_audio_ops, a, err);

    if (rc == DS_OK) {
        rc = ds_encode_open_audio(&a->enc, &a->profile, channels, err);
    }

    if (rc == DS_OK) {
        rc = ds_audio_alloc(a, err);
    }

    if (rc != DS_OK) {
        ds_audio_free(&a);
    }

    return a;
}


static int
ds_audio_alloc(ds_audio_t *a, ds_error_t *err)
{
    a->fifo = av_audio_fifo_alloc(AV_SAMPLE_FMT_FLTP, a->channels,
                                  DS_AUDIO_CHUNK);
    a->silence = ds_audio_frame(a, DS_AUDIO_CHUNK);

    if (a->fifo == NULL || a->silence == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
    }

    (void) av_samples_set_silence(a->silence->extended_data, 0,
                                  DS_AUDIO_CHUNK, a->channels,
                                  AV_SAMPLE_FMT_FLTP);

    return DS_OK;
}


static AVFrame *
ds_audio_frame(ds_audio_t *a, int samples)
{
    AVFrame  *f;

    f = av_frame_alloc();
    if (f == NULL) {
        return NULL;
    }

    f->format = AV_SAMPLE_FMT_FLTP;
    f->sample_rate = a->profile.sample_rate;
    f->nb_samples = samples;
    av_channel_layout_default(&f->ch_layout, a->channels);

    if (av_frame_get_buffer(f, 0) < 0) {
        av_frame_free(&f);
    }

    return f;
}


AVCodecParameters *
ds_audio_codecpar(const ds_audio_t *a)
{
    return ds_encode_codecpar(&a->enc);
}


void
ds_audio_set_origin(ds_audio_t *a, int64_t us)
{
    a->enc.origin = us;
}


int
ds_audio_packet(ds_audio_t *a, const AVPacket *pkt, ds_error_t *err)
{
    a->packets |= (a->dec.ctx != NULL && pkt != NULL);

    return a->packets ? ds_decode_packet(&a->dec, pkt, err) : DS_OK;
}


int
ds_audio_renew(ds_audio_t *a, const AVCodecParameters *par, ds_error_t *err)
{
    return ds_decode_renew(&a->dec, par, err);
}


void
ds_audio_announce(ds_audio_t *a)
{
    a->enc.renew = true;
}


bool
ds_audio_mute(const ds_audio_t *a)
{
    return a->dec.frames == 0;
}


static int
ds_audio_decoded(void *data, AVFrame *f, ds_error_t *err)
{
    int          n;
    ds_audio_t  *a = data;

    if (ds_cancel_is_set(a->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC) {
        n = f->ch_layout.nb_channels;
        av_channel_layout_uninit(&f->ch_layout);
        av_channel_layout_default(&f->ch_layout, n);
    }

    return 1;
}


static void
ds_audio_spec(void *data, const AVFrame *f, char *spec, size_t size)
{
    ds_audio_t  *a = data;

    (void) f;

    ds_filter_audio(spec, size, a->profile.sample_rate, a->channels);
}


/* puts samples where they belong */

static int
ds_audio_place(void *data, AVFrame *frame, ds_error_t *err)
{
    int          rc;
    int64_t      at, position, jitter;
    ds_audio_t  *a = data;

    position = ds_audio_position(a);

    if (frame->pts == AV_NOPTS_VALUE) {
        return ds_audio_write(a, frame, 0, err);
    }

    at = ds_audio_samples(a, frame->pts - a->enc.origin);
    jitter = position == 0 ? 0 : ds_audio_samples(a, DS_AUDIO_JITTER);

    if (at - position > jitter) {
        rc = ds_audio_reach(a, at, err);
        if (rc != DS_OK) {
            return rc;
        }

    } else if (position - at > jitter) {
        return position - at >= frame->nb_samples
               ? DS_OK : ds_audio_write(a, frame, position - at, err);
    }

    return ds_audio_write(a, frame, 0, err);
}


static int
ds_audio_write(ds_audio_t *a, AVFrame *frame, int skip, ds_error_t *err)
{
    int        n;
    void      *data[2];
    uint32_t   i;

    n = frame->nb_samples - skip;

    for (i = 0; i < a->channels; i++) {
        data[i] = frame->extended_data[i] + skip * sizeof(float);
    }

    if (av_audio_fifo_write(a->fifo, data, n) < n) {
        return ds_fail(err, DS_ENOMEM, "av_audio_fifo_write() failed");
    }

    return ds_audio_encode(a, a->enc.ctx->frame_size, err);
}


/* goes on with sample "at", later than all there are */

static int
ds_audio_reach(ds_audio_t *a, int64_t at, ds_error_t *err)
{
    int      rc;
    int64_t  n;

    n = at - ds_audio_position(a);

    if (n <= ds_audio_samples(a, DS_AUDIO_GAP)) {
        return ds_audio_pad(a, n, err);
    }

    rc = ds_audio_encode(a, 1, err);
    a->next = at;

    return rc;
}


static int
ds_audio_pad(ds_audio_t *a, int64_t n, ds_error_t *err)
{
    int  rc, part;

    while (n > 0) {
        part = n > DS_AUDIO_CHUNK ? DS_AUDIO_CHUNK : n;
        n -= part;

        rc = ds_audio_write(a, a->silence, DS_AUDIO_CHUNK - part, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    return DS_OK;
}


/* encodes while there are "least" samples; a short frame ends in silence */

static int
ds_audio_encode(ds_audio_t *a, int least, ds_error_t *err)
{
    int       rc, n, size;
    AVFrame  *f;

    size = a->enc.ctx->frame_size;

    while (av_audio_fifo_size(a->fifo) >= least) {

        f = ds_audio_frame(a, size);
        if (f == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
        }

        n = av_audio_fifo_read(a->fifo, (void **) f->extended_data, size);

        if (n < size) {
            (void) av_samples_set_silence(f->extended_data, n, size - n,
                                          a->channels, AV_SAMPLE_FMT_FLTP);
        }

        f->pts = a->next;
        a->next += n;

        rc = ds_encode_put(&a->enc, f, err);
        av_frame_free(&f);

        if (rc != DS_OK) {
            return rc;
        }
    }

    return DS_OK;
}


int
ds_audio_until(ds_audio_t *a, int64_t us, ds_error_t *err)
{
    return ds_audio_reach(a, ds_audio_samples(a, us - a->enc.origin), err);
}


int64_t
ds_audio_end(ds_audio_t *a)
{
    return a->enc.origin
           + av_rescale(ds_audio_position(a), 1000000, a->profile.sample_rate);
}


int
ds_audio_finish(ds_audio_t *a, ds_error_t *err)
{
    int  rc;

    rc = ds_audio_encode(a, 1, err);

    return rc == DS_OK ? ds_encode_put(&a->enc, NULL, err) : rc;
}


static int64_t
ds_audio_samples(ds_audio_t *a, int64_t us)
{
    return av_rescale(us, a->profile.sample_rate, 1000000);
}


/* where the next sample will be, from the origin */

static int64_t
ds_audio_position(ds_audio_t *a)
{
    return a->next + av_audio_fifo_size(a->fifo);
}


void
ds_audio_free(ds_audio_t **pa)
{
    ds_audio_t  *a;

    a = *pa;
    if (a == NULL) {
        return;
    }

    *pa = NULL;

    ds_decode_close(&a->dec);
    ds_encode_close(&a->enc);

    if (a->fifo != NULL) {
        av_audio_fifo_free(a->fifo);
    }

    av_frame_free(&a->silence);
    free(a);
}
