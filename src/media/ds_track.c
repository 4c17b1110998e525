
/*
 * ds_track.c: a track's packets and their times.  Sources miss stamps, jump
 * and start their clocks anew; behind this file a track's DTS increases and
 * the tracks are in step.  Knows no network.
 */

#include <stdlib.h>
#include <string.h>

#include "media/ds_track.h"


#define DS_TRACK_HELD    512                /* packets */
#define DS_TRACK_BYTES   (8 * 1024 * 1024)
#define DS_TRACK_SPAN    3000000            /* us */
#define DS_TRACK_JUMP    10000000           /* us, no gap but a new clock */
#define DS_TRACK_BACK    1000000            /* us, the same, backward */
#define DS_TRACK_TIME    (INT64_C(1) << 52) /* us, nonsense beyond */
#define DS_TRACK_BAD     64


static int64_t ds_track_frame(ds_track_t *t);
static int ds_track_strip(ds_track_t *t, AVPacket *pkt, ds_error_t *err);
static bool ds_track_stamp(ds_track_t *t, const ds_track_t *other,
    AVPacket *pkt);
static void ds_track_complete(ds_track_t *t, AVPacket *pkt);
static void ds_track_clock(ds_track_t *t, const ds_track_t *other,
    int64_t dts);
static bool ds_track_continues(const ds_track_t *t, int64_t dts);


int
ds_track_set(ds_track_t *t, ds_demux_t *s, int index, ds_error_t *err)
{
    t->stream = s->ctx->streams[index];
    t->par = avcodec_parameters_alloc();

    if (t->par == NULL
        || avcodec_parameters_copy(t->par, t->stream->codecpar) < 0)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    t->par->codec_tag = 0;
    t->frame = ds_track_frame(t);

    return DS_OK;
}


static int64_t
ds_track_frame(ds_track_t *t)
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


int
ds_track_filter(ds_track_t *t, ds_error_t *err)
{
    const AVBitStreamFilter  *filter;

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

    return DS_OK;
}


int
ds_track_put(ds_track_t *t, const ds_track_t *other, AVPacket *pkt,
    ds_error_t *err)
{
    int   i, rc;
    bool  audio;

    i = pkt->stream_index;
    audio = (t->par->codec_type == AVMEDIA_TYPE_AUDIO);

    if (audio && (pkt->flags & AV_PKT_FLAG_DISCARD)) {
        av_packet_free(&pkt);
        return 1;
    }

    if (t->bsf != NULL) {
        rc = ds_track_strip(t, pkt, err);

        if (rc != DS_OK) {
            av_packet_free(&pkt);
            return rc;
        }
    }

    /* the other track's reader has to stop before the queue overflows */

    if (pkt->size == 0 || t->queue.n == DS_TRACK_HELD
        || !ds_track_stamp(t, other, pkt))
    {
        av_packet_free(&pkt);
        return 1;
    }

    pkt->stream_index = i;

    if (ds_fifo_put(&t->queue, pkt) != DS_OK) {
        av_packet_free(&pkt);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return 1;
}


static int
ds_track_strip(ds_track_t *t, AVPacket *pkt, ds_error_t *err)
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

        if (++t->bad == DS_TRACK_BAD) {
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


/*
 * Microseconds; what is missing is filled in, DTS of a track increases.
 * False: the packet is one too many.
 */

static bool
ds_track_stamp(ds_track_t *t, const ds_track_t *other, AVPacket *pkt)
{
    int64_t  duration;

    av_packet_rescale_ts(pkt, t->stream->time_base, (AVRational) {1, 1000000});
    pkt->time_base = (AVRational) {1, 1000000};

    duration = pkt->duration;

    ds_track_complete(t, pkt);
    ds_track_clock(t, other, pkt->dts);

    pkt->dts += t->shift;
    pkt->pts += t->shift;

    if (t->started && pkt->dts <= t->last) {

        /* sound that a new clock brings twice; a picture may be needed */

        if (t->par->codec_type == AVMEDIA_TYPE_AUDIO
            && pkt->dts + pkt->duration <= t->last)
        {
            return false;
        }

        pkt->dts = t->last + 1;
    }

    if (pkt->pts < pkt->dts) {
        pkt->pts = pkt->dts;
    }

    t->started = true;
    t->last = pkt->dts;
    t->next = pkt->dts + pkt->duration;
    t->until = t->next;

    if (duration > pkt->duration && duration < DS_TRACK_TIME) {
        t->until = pkt->dts + duration;
    }

    return true;
}


static void
ds_track_complete(ds_track_t *t, AVPacket *pkt)
{
    if (pkt->duration <= 0 || pkt->duration > DS_TRACK_JUMP) {
        pkt->duration = t->frame;
    }

    if (pkt->dts > DS_TRACK_TIME || pkt->dts < -DS_TRACK_TIME) {
        pkt->dts = AV_NOPTS_VALUE;
    }

    if (pkt->pts > DS_TRACK_TIME || pkt->pts < -DS_TRACK_TIME) {
        pkt->pts = AV_NOPTS_VALUE;
    }

    if (pkt->dts == AV_NOPTS_VALUE) {

        if (pkt->pts != AV_NOPTS_VALUE
            && (!t->started || t->par->codec_type == AVMEDIA_TYPE_AUDIO))
        {
            pkt->dts = pkt->pts - (int64_t) t->par->video_delay * t->frame;

        } else {
            pkt->dts = t->started ? t->next - t->shift : 0;
        }
    }

    if (pkt->pts == AV_NOPTS_VALUE || pkt->pts - pkt->dts > DS_TRACK_JUMP) {
        pkt->pts = pkt->dts;
    }
}


/*
 * A clock that jumps goes on where the item has come to.  Both tracks jump,
 * but not at the same packet: the second one to do so takes over what the
 * first one was shifted by, so that they stay in step.
 */

static void
ds_track_clock(ds_track_t *t, const ds_track_t *other, int64_t dts)
{
    int64_t  at;

    if (!t->started) {
        t->shift = other->started ? other->shift : t->shift;
        return;
    }

    if (ds_track_continues(t, dts + t->shift)) {
        return;
    }

    /* a packet that stands for long, or next to the other track's: no jump */

    at = dts + t->shift;

    if (at > t->next
        && (at <= t->until + DS_TRACK_JUMP
            || (other->started && other->shift == t->shift
                && at <= other->next + DS_TRACK_JUMP)))
    {
        return;
    }

    if (other->started && other->shift != t->shift
        && ds_track_continues(t, dts + other->shift))
    {
        t->shift = other->shift;
        return;
    }

    at = t->next;

    if (other->started && other->next > at
        && other->next < at + DS_TRACK_JUMP)
    {
        at = other->next;
    }

    t->shift = at - dts;
}


static bool
ds_track_continues(const ds_track_t *t, int64_t dts)
{
    return dts - t->next <= DS_TRACK_JUMP && dts - t->next >= -DS_TRACK_BACK;
}


bool
ds_track_full(const ds_track_t *t)
{
    const ds_fifo_t  *q;

    q = &t->queue;

    return q->n != 0
           && (q->n == DS_TRACK_HELD || q->bytes > DS_TRACK_BYTES
               || ds_fifo_at(q, q->n - 1)->dts - ds_fifo_at(q, 0)->dts
                  > DS_TRACK_SPAN);
}


void
ds_track_free(ds_track_t *t)
{
    ds_fifo_clear(&t->queue);
    avcodec_parameters_free(&t->par);
    av_bsf_free(&t->bsf);
}
