
/*
 * ds_track.c: a track's packets and their times.  Sources miss stamps, jump
 * and start their clocks anew; behind this file a track's DTS increases and
 * the tracks are in step.  Knows no network.
 */

#include <stdlib.h>
#include <string.h>

#include <libavutil/intreadwrite.h>

#include "media/ds_codec.h"
#include "media/ds_params.h"
#include "media/ds_track.h"


#define DS_TRACK_HELD    512                /* packets */
#define DS_TRACK_BYTES   (8 * 1024 * 1024)
#define DS_TRACK_SPAN    3000000            /* us */
#define DS_TRACK_JUMP    10000000           /* us, no gap but a new clock */
#define DS_TRACK_BACK    400000             /* us, the same, backward */
#define DS_TRACK_TIME    (INT64_C(1) << 52) /* us, nonsense beyond */
#define DS_TRACK_RAW     32                 /* frames of AAC */
#define DS_TRACK_KEYLESS 250                /* frames, then any will do */
#define DS_TRACK_MOST    2048               /* packets, at the beginning */
#define DS_TRACK_LATE    30000000           /* us, the same */


static int ds_track_moved(ds_track_t *t, ds_error_t *err);
static int64_t ds_track_frame(ds_track_t *t);
static bool ds_track_adts(const ds_track_t *t, const AVPacket *pkt);
static int ds_track_strip(ds_track_t *t, AVPacket *pkt, ds_error_t *err);
static int ds_track_filter(ds_track_t *t, ds_error_t *err);
static int ds_track_header(ds_track_t *t, AVPacket *pkt);
static bool ds_track_needs(const ds_track_t *t);
static int ds_track_raw(ds_track_t *t, const AVPacket *pkt);
static int ds_track_say(ds_track_t *t, AVPacket *pkt);
static bool ds_track_stamp(ds_track_t *t, const ds_track_t *other,
    AVPacket *pkt);
static void ds_track_complete(ds_track_t *t, AVPacket *pkt);
static void ds_track_order(ds_track_t *t, AVPacket *pkt, bool follows);
static void ds_track_clock(ds_track_t *t, const ds_track_t *other,
    int64_t dts);
static bool ds_track_continues(const ds_track_t *t, int64_t dts);
static bool ds_track_holds(const ds_track_t *t, size_t packets,
    int64_t us);


int
ds_track_set(ds_track_t *t, ds_demux_t *s, int index, ds_error_t *err)
{
    t->stream = s->ctx->streams[index];

    if (t->now == NULL) {
        t->now = avcodec_parameters_alloc();
    }

    if (t->par == NULL && !t->settled) {
        t->par = avcodec_parameters_alloc();
    }

    if (t->now == NULL || (t->par == NULL && !t->settled)
        || ds_track_moved(t, err) != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return DS_OK;
}


/* it is another stream, or the stream has another codec */

static int
ds_track_moved(ds_track_t *t, ds_error_t *err)
{
    if (avcodec_parameters_copy(t->now, t->stream->codecpar) < 0) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    t->now->codec_tag = 0;
    t->codec = t->now->codec_id;
    t->known = ds_params_known(t->now);
    t->unproved = t->begun;
    t->moved = true;
    t->waited = 0;
    t->frame = ds_track_frame(t);
    av_bsf_free(&t->bsf);
    ds_order_free(&t->order);

    if (!t->settled && avcodec_parameters_copy(t->par, t->now) < 0) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return DS_OK;
}


void
ds_track_settle(ds_track_t *t)
{
    t->begun = true;
    t->settled = true;
    t->moved = false;
}


static int64_t
ds_track_frame(ds_track_t *t)
{
    int         samples;
    int64_t     frame;
    AVRational  rate, other;

    frame = 0;

    if (t->now->codec_type == AVMEDIA_TYPE_AUDIO) {
        samples = (t->now->frame_size > 0) ? t->now->frame_size : 1024;

        if (t->now->sample_rate > 0) {
            frame = (int64_t) samples * 1000000 / t->now->sample_rate;
        }

    } else {
        rate = t->stream->avg_frame_rate;
        other = t->stream->r_frame_rate;

        /* AVI has ticks of half a frame, fields are half of one: the slower */

        if (rate.num <= 0 || rate.den <= 0
            || (other.num > 0 && other.den > 0 && av_cmp_q(other, rate) < 0))
        {
            rate = other;
        }

        if (rate.num > 0 && rate.den > 0) {
            frame = av_rescale(1000000, rate.den, rate.num);
        }
    }

    return (frame >= 1000 && frame <= 1000000) ? frame : 40000;
}


int
ds_track_put(ds_track_t *t, const ds_track_t *other, AVPacket *pkt,
    ds_error_t *err)
{
    int  i, rc;

    i = pkt->stream_index;
    rc = DS_OK;

    if (t->stream->codecpar->codec_id != t->codec) {
        rc = ds_track_moved(t, err);
    }

    if (t->now->codec_type == AVMEDIA_TYPE_AUDIO
        && (pkt->flags & AV_PKT_FLAG_DISCARD))
    {
        av_packet_free(&pkt);
        return 1;
    }

    if (rc == DS_OK && ds_track_adts(t, pkt)) {
        rc = ds_track_strip(t, pkt, err);
    }

    if (rc == DS_OK && pkt->size > 0) {
        rc = ds_track_header(t, pkt);

        if (rc == DS_ENOMEM) {
            (void) ds_fail(err, rc, "no memory");
        }
    }

    if (rc < 0) {
        av_packet_free(&pkt);
        return rc;
    }

    /* the other track's reader has to stop before the queue overflows */

    if (rc == 0 || t->queue.n == DS_TRACK_MOST
        || !ds_track_stamp(t, other, pkt))
    {
        t->unsaid |= (ds_params_of(pkt) != NULL);
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


/* AAC with a header before each frame, whatever the container says */

static bool
ds_track_adts(const ds_track_t *t, const AVPacket *pkt)
{
    const uint8_t  *p;

    p = pkt->data;

    return t->codec == AV_CODEC_ID_AAC && pkt->size > 7 && p[0] == 0xff
           && (p[1] & 0xf6) == 0xf0
           && ((p[3] & 3) << 11 | p[4] << 3 | p[5] >> 5) == pkt->size;
}


static int
ds_track_strip(ds_track_t *t, AVPacket *pkt, ds_error_t *err)
{
    int       rc;
    uint32_t  adts;

    /* profile, rate, channels: another one has another header */

    adts = AV_RB32(pkt->data) & 0xfdc0;

    if (t->bsf == NULL || t->adts != adts) {
        av_bsf_free(&t->bsf);
        t->adts = adts;

        if (ds_track_filter(t, err) != DS_OK) {
            return DS_EINTERNAL;
        }
    }

    rc = av_bsf_send_packet(t->bsf, pkt);

    if (rc == 0) {
        rc = av_bsf_receive_packet(t->bsf, pkt);
    }

    if (rc == AVERROR(ENOMEM)) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    if (rc < 0) {
        av_packet_unref(pkt);
    }

    return DS_OK;
}


static int
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


/*
 * What the packet says of its codec.  1; 0: it is of no use, as its header is
 * still to come, or a key frame of what the track has become; DS_ENOMEM.
 */

static int
ds_track_header(ds_track_t *t, AVPacket *pkt)
{
    int             rc;
    bool            key, video;
    size_t          size;
    const uint8_t  *data;

    video = (t->now->codec_type == AVMEDIA_TYPE_VIDEO);
    key = !video || (pkt->flags & AV_PKT_FLAG_KEY);
    rc = 0;

    data = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (data != NULL && size > 0 && size <= DS_CODEC_HEADER
        && (size != (size_t) t->now->extradata_size
            || memcmp(data, t->now->extradata, size) != 0))
    {
        rc = ds_params_set_header(t->now, data, size) == DS_OK
             ? 1 : DS_ENOMEM;
    }

    if (rc == 0 && t->codec == AV_CODEC_ID_H264 && key) {
        rc = ds_params_sets(t->now, pkt);

    } else if (rc == 0 && t->codec == AV_CODEC_ID_AAC && !t->known) {
        rc = ds_track_raw(t, pkt);
    }

    if (rc < 0) {
        return rc;
    }

    /* containers say little of a stream that has just come */

    if (rc == 1 || (key && (t->unproved || !t->known)
                    && (t->known || !ds_track_needs(t))))
    {
        (void) ds_params_probe(t->now, pkt);
        t->known = ds_params_known(t->now);
        t->unproved = false;
        t->frame = ds_track_frame(t);
    }

    if ((!t->known && ds_track_needs(t))
        || (t->moved && t->settled && !key
            && t->waited++ < DS_TRACK_KEYLESS))
    {
        return 0;
    }

    if (rc == 1 || t->moved || t->unsaid) {
        t->moved = false;
        return ds_track_say(t, pkt);
    }

    return 1;
}


/* nothing can be made of its packets without a header */

static bool
ds_track_needs(const ds_track_t *t)
{
    return t->codec == AV_CODEC_ID_H264 || t->codec == AV_CODEC_ID_AAC;
}


/* AAC whose header was lost: what most have, if frames decode with it */

static int
ds_track_raw(ds_track_t *t, const AVPacket *pkt)
{
    if (++t->waited < DS_TRACK_RAW) {
        return 0;
    }

    if (ds_params_guess(t->now) != DS_OK) {
        return DS_ENOMEM;
    }

    if (ds_params_probe(t->now, pkt)) {
        return 1;
    }

    av_freep(&t->now->extradata);
    t->now->extradata_size = 0;

    return 0;
}


/* others learn it with the packet, unless nobody has been told another thing */

static int
ds_track_say(ds_track_t *t, AVPacket *pkt)
{
    uint8_t                  *side;
    const AVCodecParameters  *before;

    if (!t->settled && !t->started) {
        return avcodec_parameters_copy(t->par, t->now) < 0 ? DS_ENOMEM : 1;
    }

    before = t->said != NULL ? t->said : t->par;

    if (!t->unsaid && before != NULL && ds_params_same(before, t->now)) {
        return 1;
    }

    t->unsaid = false;

    if (before != NULL && before->codec_id == t->codec
        && t->now->extradata_size > 0)
    {
        side = av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                       t->now->extradata_size);
        if (side == NULL) {
            return DS_ENOMEM;
        }

        memcpy(side, t->now->extradata, t->now->extradata_size);
    }

    if (t->said == NULL) {
        t->said = avcodec_parameters_alloc();
    }

    if (t->said == NULL || avcodec_parameters_copy(t->said, t->now) < 0
        || ds_params_attach(pkt, t->now) != DS_OK)
    {
        return DS_ENOMEM;
    }

    return 1;
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

        if (t->now->codec_type == AVMEDIA_TYPE_AUDIO
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
    bool  made;

    if (pkt->duration <= 0 || pkt->duration > DS_TRACK_JUMP) {
        pkt->duration = t->frame;
    }

    if (pkt->dts > DS_TRACK_TIME || pkt->dts < -DS_TRACK_TIME) {
        pkt->dts = AV_NOPTS_VALUE;
    }

    if (pkt->pts > DS_TRACK_TIME || pkt->pts < -DS_TRACK_TIME) {
        pkt->pts = AV_NOPTS_VALUE;
    }

    made = (pkt->dts == AV_NOPTS_VALUE);

    if (made) {

        if (pkt->pts != AV_NOPTS_VALUE
            && (!t->started || t->now->codec_type == AVMEDIA_TYPE_AUDIO))
        {
            pkt->dts = pkt->pts - (int64_t) t->now->video_delay * t->frame;

        } else {
            pkt->dts = t->started ? t->next - t->shift : 0;
        }
    }

    if (pkt->pts == AV_NOPTS_VALUE && t->now->video_delay > 0) {
        ds_track_order(t, pkt, made && t->started);
    }

    if (pkt->pts == AV_NOPTS_VALUE || pkt->pts - pkt->dts > DS_TRACK_JUMP) {
        pkt->pts = pkt->dts;
    }
}


/* without memory pictures are shown in the order of their packets */

static void
ds_track_order(ds_track_t *t, AVPacket *pkt, bool follows)
{
    int64_t  delay;

    if (t->codec != AV_CODEC_ID_H264) {
        return;
    }

    if (t->order == NULL) {
        t->order = ds_order_create(t->now);
    }

    if (t->order == NULL) {
        return;
    }

    /*
     * The first picture is shown at the time of its packet, as others do; a
     * packet whose time follows from the one before is early already.
     */

    delay = (int64_t) t->now->video_delay * t->frame;

    if (!follows) {
        pkt->dts -= delay;
    }

    pkt->pts = ds_order_pts(t->order, pkt, t->frame);
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
    return ds_track_holds(t, DS_TRACK_HELD, DS_TRACK_SPAN);
}


bool
ds_track_patient(const ds_track_t *t)
{
    return !ds_track_holds(t, DS_TRACK_MOST, DS_TRACK_LATE);
}


static bool
ds_track_holds(const ds_track_t *t, size_t packets, int64_t us)
{
    const ds_fifo_t  *q;

    q = &t->queue;

    return q->n != 0
           && (q->n >= packets || q->bytes > DS_TRACK_BYTES
               || ds_fifo_at(q, q->n - 1)->dts - ds_fifo_at(q, 0)->dts > us);
}


void
ds_track_free(ds_track_t *t)
{
    ds_fifo_clear(&t->queue);
    avcodec_parameters_free(&t->par);
    avcodec_parameters_free(&t->now);
    avcodec_parameters_free(&t->said);
    av_bsf_free(&t->bsf);
    ds_order_free(&t->order);
}
