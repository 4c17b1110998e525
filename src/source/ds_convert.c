
/*
 * ds_convert.c: an item's packets on their way to the air: copied as they
 * come, or a track through its encoder and both in order again.  Knows no
 * codecs' insides.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ds_engine.h"
#include "media/ds_audio.h"
#include "media/ds_codec.h"
#include "media/ds_compat.h"
#include "media/ds_decide.h"
#include "media/ds_encode.h"
#include "media/ds_params.h"
#include "media/ds_video.h"
#include "source/ds_convert.h"


/* what is on air goes first */
#define DS_CONVERT_NICE     5

/* us: a track so far behind the other is not late but has a hole */
#define DS_CONVERT_LAG      5000000

/* us: a track that begins so much later than the other one is encoded */
#define DS_CONVERT_LATE     1000000
#define DS_CONVERT_HIDDEN   500000

/* us: audio that outlasts the video by less is cut on air */
#define DS_CONVERT_TAIL     50000

/* us: no packet for so long is a hole; so much of an item is not missed */
#define DS_CONVERT_HOLE     500000
#define DS_CONVERT_LOST     1000000

/* bounds of what is read before it is decided */
#define DS_CONVERT_PACKETS  2048
#define DS_CONVERT_SPAN     10000000    /* us */


struct ds_convert_s {
    const ds_link_conf_t  *conf;
    const ds_profile_t      *profile;
    ds_reader_t             *reader;

    AVCodecParameters       *in[2];     /* at first; NULL: no such track */
    AVCodecParameters       *now[2];    /* the same, as of the last packet */
    AVCodecParameters       *out[2];    /* of "in"; NULL: the same, copied */
    double                   rate;      /* frames a second, as it was read */
    ds_plan_t                plan;
    double                   speed;

    ds_merge_t               head;      /* read before it was decided */
    ds_merge_t               merge;
    ds_video_t              *video;     /* NULL: copied */
    ds_audio_t              *audio;     /* NULL: copied */
    bool                     place;     /* in the gate of encoders */
    bool                     begun;     /* "in" and "out" are constant */
    bool                     ended;     /* all is in "merge" */

    int                      rc;        /* what the reader ended with */
    ds_error_t               error;

    int64_t                  first[2];  /* us, PTS; video's of a key frame */
    int64_t                  shown;     /* us, PTS; of the first picture that
                                           is, in a list of edits */
    bool                     keyed;     /* a key frame has come */
    int64_t                  key;       /* us, PTS of the latest */
    int64_t                  end[2];    /* us, of a copied track */
    int64_t                  last[2];   /* us, DTS of what was given out */

    int64_t                  begin[2];  /* us, of what was read */
    int64_t                  until[2];  /* us, the same */
    int64_t                  holes[2];  /* us, in between */
    char                     lost[64];  /* what is missing, in words */
    ds_pace_t                pace;      /* as it was last told */

    pthread_mutex_t          lock;
    char                     reason[DS_MESSAGE_LEN];    /* lock */
};


static int ds_convert_prepare(ds_convert_t *c, ds_error_t *err);
static int ds_convert_params(ds_convert_t *c, ds_error_t *err);
static int ds_convert_read_head(ds_convert_t *c, bool measure,
    ds_error_t *err);
static void ds_convert_late(ds_convert_t *c, int track);
static void ds_convert_hidden(ds_convert_t *c);
static void ds_convert_told(ds_convert_t *c, int64_t end);
static void ds_convert_first(ds_convert_t *c, const AVPacket *pkt);
static bool ds_convert_known(ds_convert_t *c, bool measure, int64_t span);
static int ds_convert_place(ds_convert_t *c, ds_error_t *err);
static int ds_convert_open(ds_convert_t *c, ds_error_t *err);
static int ds_convert_open_codecs(ds_convert_t *c, ds_error_t *err);
static int ds_convert_open_video(ds_convert_t *c, ds_error_t *err);
static int ds_convert_open_audio(ds_convert_t *c, ds_error_t *err);
static int64_t ds_convert_origin(ds_convert_t *c);
static int ds_convert_take(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);
static int ds_convert_next(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);
static int ds_convert_pull(ds_convert_t *c, AVPacket *pkt);
static void ds_convert_count(ds_convert_t *c, const AVPacket *pkt);
static void ds_convert_whole(ds_convert_t *c);
static int ds_convert_change(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);
static int ds_convert_decide(ds_convert_t *c, const AVPacket *pkt,
    ds_error_t *err);
static int ds_convert_midst(ds_convert_t *c, int track, int64_t us,
    ds_error_t *err);
static void ds_convert_watch(ds_convert_t *c, const AVPacket *pkt);
static int ds_convert_encode(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);
static int ds_convert_feed(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);
static int ds_convert_fill(ds_convert_t *c, int track, int64_t us,
    ds_error_t *err);
static int ds_convert_finish(ds_convert_t *c, ds_error_t *err);
static int ds_convert_without(ds_convert_t *c, int track, int rc);
static void ds_convert_tell_pace(ds_convert_t *c);
static void ds_convert_describe(ds_convert_t *c);
static void ds_convert_release(ds_convert_t *c);


ds_convert_t *
ds_convert_create(const ds_link_conf_t *conf, const ds_profile_t *profile,
    ds_reader_t *r, double speed, ds_error_t *err)
{
    ds_convert_t  *c;

    c = calloc(1, sizeof(ds_convert_t));
    if (c == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    (void) pthread_mutex_init(&c->lock, NULL);

    c->conf = conf;
    c->profile = profile;
    c->reader = r;
    c->speed = speed;
    c->rc = 1;
    c->first[DS_VIDEO] = AV_NOPTS_VALUE;
    c->first[DS_AUDIO] = AV_NOPTS_VALUE;
    c->shown = AV_NOPTS_VALUE;
    c->key = AV_NOPTS_VALUE;
    c->last[DS_VIDEO] = c->last[DS_AUDIO] = INT64_MIN;
    c->until[DS_VIDEO] = c->until[DS_AUDIO] = AV_NOPTS_VALUE;

    if (ds_convert_prepare(c, err) != DS_OK) {
        ds_convert_free(&c);
    }

    return c;
}


int
ds_convert_judge(const ds_profile_t *profile, ds_reader_t *r,
    ds_decision_e *decision, char *reason, ds_error_t *err)
{
    int            i, rc;
    ds_convert_t  *c;

    c = calloc(1, sizeof(ds_convert_t));
    if (c == NULL) {
        return ds_fail(err, DS_ENOMEM, "calloc() failed");
    }

    c->reader = r;

    rc = ds_convert_params(c, err);

    if (rc == DS_OK) {
        rc = ds_decide(profile, ds_reader_input(r), c->in, &c->plan, err);
    }

    if (rc == DS_OK) {
        ds_decide_text(profile, c->in, &c->plan, reason);
        *decision = c->plan.encode[DS_VIDEO] || c->plan.encode[DS_AUDIO]
                    ? DS_DECISION_ENCODE : DS_DECISION_COPY;
    }

    for (i = 0; i < 2; i++) {
        avcodec_parameters_free(&c->in[i]);
    }

    free(c);

    return rc;
}


static int
ds_convert_prepare(ds_convert_t *c, ds_error_t *err)
{
    int         rc;
    bool        measure;
    ds_plan_t  *plan;

    plan = &c->plan;

    rc = ds_convert_params(c, err);

    if (rc == DS_OK) {
        rc = ds_decide(c->profile, ds_reader_input(c->reader), c->in, plan,
                       err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    measure = c->profile->video == DS_VIDEO_AUTO && !plan->encode[DS_VIDEO]
              && c->profile->max_keyframe_interval != 0 && plan->interval < 0;

    if (c->profile->video != DS_VIDEO_COPY) {
        rc = ds_convert_read_head(c, measure, err);
        if (rc != DS_OK) {
            return rc;
        }

        ds_convert_hidden(c);
        ds_convert_late(c, DS_VIDEO);
        ds_convert_late(c, DS_AUDIO);
    }

    if (plan->encode[DS_VIDEO] || plan->encode[DS_AUDIO]) {
        rc = ds_convert_open(c, err);
    }

    ds_convert_describe(c);
    c->begun = true;

    return rc;
}


static int
ds_convert_params(ds_convert_t *c, ds_error_t *err)
{
    int                       i;
    const AVStream           *st;
    const AVCodecParameters  *par;

    st = ds_input_stream(ds_reader_input(c->reader), DS_VIDEO);

    if (st != NULL && st->avg_frame_rate.den > 0) {
        c->rate = av_q2d(st->avg_frame_rate);
    }

    for (i = 0; i < 2; i++) {
        par = ds_input_codecpar(ds_reader_input(c->reader), i);

        if (par == NULL) {
            continue;
        }

        c->in[i] = avcodec_parameters_alloc();
        c->now[i] = avcodec_parameters_alloc();

        if (c->in[i] == NULL || avcodec_parameters_copy(c->in[i], par) < 0
            || c->now[i] == NULL
            || avcodec_parameters_copy(c->now[i], par) < 0)
        {
            return ds_fail(err, DS_ENOMEM,
                           "avcodec_parameters_copy() failed");
        }
    }

    return DS_OK;
}


/*
 * Reads on until it is known where the tracks begin and, with "measure", how
 * far apart key frames are.
 */

static int
ds_convert_read_head(ds_convert_t *c, bool measure, ds_error_t *err)
{
    int        rc;
    int64_t    start, last;
    AVPacket  *pkt;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    start = last = AV_NOPTS_VALUE;
    rc = DS_OK;

    while (!ds_convert_known(c, measure, last - start)) {

        c->rc = ds_convert_pull(c, pkt);
        if (c->rc != 1) {
            break;
        }

        last = pkt->dts;

        if (start == AV_NOPTS_VALUE) {
            start = last;
        }

        ds_convert_first(c, pkt);

        ds_convert_watch(c, pkt);

        rc = ds_merge_put(&c->head, pkt);
        if (rc != DS_OK) {
            (void) ds_fail(err, rc, "malloc() failed");
            break;
        }
    }

    av_packet_free(&pkt);

    c->head.ended[DS_VIDEO] = true;
    c->head.ended[DS_AUDIO] = true;

    if (c->rc < 0 && c->head.fifo[DS_VIDEO].n + c->head.fifo[DS_AUDIO].n == 0) {
        *err = c->error;
        return c->rc;
    }

    /* the interval that has not ended yet may be too long already */

    if (measure && rc == DS_OK) {
        if (c->plan.interval < 0 && c->key != AV_NOPTS_VALUE) {
            (void) ds_decide_interval(c->profile, &c->plan, last - c->key);

        } else {
            (void) ds_decide_interval(c->profile, &c->plan, c->plan.interval);
        }
    }

    return rc;
}


/* what is copied would leave a hole until it begins */

static void
ds_convert_late(ds_convert_t *c, int track)
{
    int64_t  late;

    if (c->plan.encode[track] || c->first[!track] == AV_NOPTS_VALUE
        || ds_input_live(ds_reader_input(c->reader)))
    {
        return;
    }

    late = c->first[track] == AV_NOPTS_VALUE
           ? DS_CONVERT_SPAN : c->first[track] - c->first[!track];

    if (late < DS_CONVERT_LATE) {
        return;
    }

    c->plan.encode[track] = true;
    (void) snprintf(c->plan.why[track], sizeof(c->plan.why[track]),
                    "%.1f s late", late / 1e6);
}


/* a copy would begin with what was cut away */

static void
ds_convert_hidden(ds_convert_t *c)
{
    int64_t  hidden;

    if (c->plan.encode[DS_VIDEO] || c->first[DS_VIDEO] == AV_NOPTS_VALUE) {
        return;
    }

    hidden = c->shown == AV_NOPTS_VALUE
             ? DS_CONVERT_SPAN : c->shown - c->first[DS_VIDEO];

    if (hidden < DS_CONVERT_HIDDEN) {
        return;
    }

    c->plan.encode[DS_VIDEO] = true;
    c->first[DS_VIDEO] = c->shown;
    (void) snprintf(c->plan.why[DS_VIDEO], sizeof(c->plan.why[DS_VIDEO]),
                    "%.1f s hidden", hidden / 1e6);
}


/* decoded are pictures from a key frame on, shown those an edit list has */

static void
ds_convert_first(ds_convert_t *c, const AVPacket *pkt)
{
    int  hidden;

    if (pkt->stream_index == DS_VIDEO && !c->keyed) {
        if (!(pkt->flags & AV_PKT_FLAG_KEY)) {
            return;
        }

        c->keyed = true;
    }

    if (pkt->stream_index == DS_VIDEO && c->shown == AV_NOPTS_VALUE
        && !(pkt->flags & AV_PKT_FLAG_DISCARD))
    {
        c->shown = pkt->pts;
    }

    hidden = pkt->stream_index == DS_VIDEO && c->plan.encode[DS_VIDEO]
             ? AV_PKT_FLAG_DISCARD : 0;

    if (c->first[pkt->stream_index] == AV_NOPTS_VALUE
        && !(pkt->flags & hidden))
    {
        c->first[pkt->stream_index] = pkt->pts;
    }
}


static bool
ds_convert_known(ds_convert_t *c, bool measure, int64_t span)
{
    int64_t           most;
    const ds_fifo_t  *v, *a;

    most = (int64_t) c->profile->max_keyframe_interval * 1000 + 1000000;

    v = &c->head.fifo[DS_VIDEO];
    a = &c->head.fifo[DS_AUDIO];

    if (v->n > DS_CONVERT_PACKETS || a->n > DS_CONVERT_PACKETS
        || v->bytes + a->bytes > c->conf->ds->conf.buffer_size
        || span > (measure && most > DS_CONVERT_SPAN ? most : DS_CONVERT_SPAN))
    {
        return true;
    }

    if ((c->in[DS_VIDEO] != NULL && c->shown == AV_NOPTS_VALUE)
        || (c->in[DS_AUDIO] != NULL && c->first[DS_AUDIO] == AV_NOPTS_VALUE))
    {
        return false;
    }

    return !measure || c->plan.interval >= 0 || span > most;
}


/*
 * At most conf.encodes items are encoded at a time, one of a stream: a
 * stream's next item waits for its current one, however long that takes,
 * or it would hold, idle behind its full queue, what another stream needs
 * for what is on air.  Else a place is waited for source_timeout.
 */

static int
ds_convert_place(ds_convert_t *c, ds_error_t *err)
{
    int    rc;
    ds_t  *ds;

    ds = c->conf->ds;

    rc = ds_gate_enter(ds->encoders, c->conf->stream,
                       ds->conf.source_timeout, c->conf->cancel);

    if (rc == DS_EENCODE_LIMIT) {
        return ds_fail(err, rc, "%u items are being encoded, which is the"
                       " limit", ds_gate_places(ds->encoders));
    }

    if (rc != DS_OK) {
        return ds_fail(err, rc, "no place for an encoder: %s",
                       ds_error_code(rc));
    }

    c->place = true;

    return DS_OK;
}


static int
ds_convert_open(ds_convert_t *c, ds_error_t *err)
{
    int      rc;
    int64_t  origin;

    rc = ds_convert_open_codecs(c, err);

    if (rc != DS_OK) {
        return rc;
    }

    origin = ds_convert_origin(c);
    c->end[DS_VIDEO] = origin;
    c->end[DS_AUDIO] = origin;

    if (c->video != NULL) {
        ds_video_set_origin(c->video, origin);
    }

    if (c->audio != NULL) {
        ds_audio_set_origin(c->audio, origin);
    }

    return DS_OK;
}


/* those of what is to be encoded and is not yet */

static int
ds_convert_open_codecs(ds_convert_t *c, ds_error_t *err)
{
    int  rc;

    rc = DS_OK;

    if (c->plan.encode[DS_VIDEO] && c->video == NULL) {
        rc = ds_convert_place(c, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    /* threads inherit it, those of codecs too; it is no matter if it fails */

    (void) setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid),
                       DS_CONVERT_NICE);

    if (c->plan.encode[DS_VIDEO] && c->video == NULL) {
        rc = ds_convert_open_video(c, err);
    }

    if (rc == DS_OK && c->plan.encode[DS_AUDIO] && c->audio == NULL) {
        rc = ds_convert_open_audio(c, err);
    }

    return rc;
}


static int
ds_convert_open_video(ds_convert_t *c, ds_error_t *err)
{
    const AVStream   *st;
    ds_video_conf_t   vc;

    memset(&vc, 0, sizeof(vc));

    vc.profile = c->profile;
    vc.par = c->now[DS_VIDEO];
    vc.out = &c->merge;
    vc.cancel = c->conf->cancel;
    vc.speed = c->speed;

    st = ds_input_stream(ds_reader_input(c->reader), DS_VIDEO);

    if (st != NULL) {
        vc.matrix = ds_stream_matrix(st);
    }

    c->video = ds_video_create(&vc, err);
    if (c->video == NULL) {
        return err->code;
    }

    if (c->begun) {
        return DS_OK;
    }

    c->out[DS_VIDEO] = ds_video_codecpar(c->video);
    if (c->out[DS_VIDEO] == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_alloc() failed");
    }

    /* fills in the profile */

    return ds_codec_check_video(c->out[DS_VIDEO], err);
}


static int
ds_convert_open_audio(ds_convert_t *c, ds_error_t *err)
{
    c->audio = ds_audio_create(c->profile, 2, c->now[DS_AUDIO], &c->merge,
                               c->conf->cancel, err);
    if (c->audio == NULL) {
        return err->code;
    }

    if (c->begun) {
        return DS_OK;
    }

    c->out[DS_AUDIO] = ds_audio_codecpar(c->audio);
    if (c->out[DS_AUDIO] == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_alloc() failed");
    }

    return DS_OK;
}


/*
 * Where what is encoded begins: with the video; with the audio when that
 * begins more than a frame earlier and the video can be made to.
 */

static int64_t
ds_convert_origin(ds_convert_t *c)
{
    int64_t  v, a;

    v = c->first[DS_VIDEO];
    a = c->first[DS_AUDIO];

    if (v == AV_NOPTS_VALUE) {
        return a == AV_NOPTS_VALUE ? 0 : a;
    }

    if (c->video == NULL || a == AV_NOPTS_VALUE
        || v - a < 1000000 / c->profile->rate)
    {
        return v;
    }

    return v - a > DS_CONVERT_SPAN ? v - DS_CONVERT_SPAN : a;
}


const AVCodecParameters *
ds_convert_codecpar(ds_convert_t *c, int track)
{
    return c->out[track] != NULL ? c->out[track] : c->in[track];
}


double
ds_convert_rate(const ds_convert_t *c)
{
    return c->plan.encode[DS_VIDEO] ? c->profile->rate : c->rate;
}


int
ds_convert_read(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    int       rc;
    int64_t  *last;

    while ((rc = ds_convert_take(c, pkt, err)) == 1) {

        last = &c->last[pkt->stream_index];

        if (pkt->dts > *last) {
            *last = pkt->dts;
            break;
        }

        /* an encoder that takes over begins a little earlier */

        if (pkt->stream_index == DS_VIDEO) {
            pkt->dts = ++*last;
            pkt->pts = pkt->pts < pkt->dts ? pkt->dts : pkt->pts;
            break;
        }

        av_packet_unref(pkt);
    }

    return rc;
}


static int
ds_convert_take(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    if (c->plan.encode[DS_VIDEO] || c->plan.encode[DS_AUDIO]) {
        return ds_convert_encode(c, pkt, err);
    }

    rc = ds_convert_next(c, pkt, err);

    if (rc != 1) {
        return rc;
    }

    rc = ds_convert_change(c, pkt, err);

    if (rc != DS_OK) {
        av_packet_unref(pkt);
        return rc;
    }

    if (c->plan.encode[DS_VIDEO] || c->plan.encode[DS_AUDIO]) {

        /* from here on */

        rc = ds_convert_feed(c, pkt, err);
        av_packet_unref(pkt);

        return rc != DS_OK ? rc : ds_convert_encode(c, pkt, err);
    }

    ds_convert_watch(c, pkt);

    return 1;
}


/*
 * The item has other codecs or another header from this packet on.  What was
 * encoded still is; what was copied is as long as it fits.
 */

static int
ds_convert_change(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    int                       rc, track;
    const AVCodecParameters  *par;

    par = ds_params_of(pkt);
    track = pkt->stream_index;

    if (par == NULL) {
        return DS_OK;
    }

    if (c->now[track] != NULL && ds_params_same(c->now[track], par)) {
        ds_params_detach(pkt);
        return DS_OK;
    }

    if (c->now[track] == NULL) {
        c->now[track] = avcodec_parameters_alloc();
    }

    if (c->now[track] == NULL
        || avcodec_parameters_copy(c->now[track], par) < 0)
    {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_copy() failed");
    }

    ds_params_detach(pkt);

    if (track == DS_VIDEO && c->video != NULL) {
        rc = ds_video_renew(c->video, c->now[track], err);

    } else if (track == DS_AUDIO && c->audio != NULL) {
        rc = ds_audio_renew(c->audio, c->now[track], err);

    } else {
        rc = ds_convert_decide(c, pkt, err);
    }

    ds_convert_describe(c);

    return rc;
}


/* of a track that was copied so far */

static int
ds_convert_decide(ds_convert_t *c, const AVPacket *pkt, ds_error_t *err)
{
    int        rc, track;
    ds_plan_t  plan;

    track = pkt->stream_index;

    rc = ds_decide(c->profile, ds_reader_input(c->reader), c->now, &plan, err);

    if (rc != DS_OK || !plan.encode[track]) {
        return rc;
    }

    c->plan.encode[track] = true;
    memcpy(c->plan.why[track], plan.why[track], sizeof(plan.why[track]));

    ds_log(c->conf->ds, DS_LOG_NOTICE, c->conf->stream,
           "%s is encoded from %.1f s on, as it changes there",
           track == DS_VIDEO ? "video" : "audio", pkt->pts / 1e6);

    return ds_convert_midst(c, track, pkt->pts, err);
}


/* encodes a track from "us" on */

static int
ds_convert_midst(ds_convert_t *c, int track, int64_t us, ds_error_t *err)
{
    int  rc;

    rc = ds_convert_open_codecs(c, err);

    if (rc != DS_OK) {
        return rc;
    }

    c->end[track] = us;

    if (track == DS_VIDEO) {
        ds_video_set_origin(c->video, us);
        ds_video_announce(c->video);

    } else {
        ds_audio_set_origin(c->audio, us);
        ds_audio_announce(c->audio);
    }

    return DS_OK;
}


/* what is in the head comes first */

static int
ds_convert_next(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    if (ds_merge_take(&c->head, pkt)) {
        return 1;
    }

    if (c->rc == 1) {
        c->rc = ds_convert_pull(c, pkt);
    }

    if (c->rc < 0 && err != NULL) {
        *err = c->error;
    }

    return c->rc;
}


static int
ds_convert_pull(ds_convert_t *c, AVPacket *pkt)
{
    int  rc;

    rc = ds_reader_read(c->reader, pkt, &c->error);

    if (rc == 1) {
        ds_convert_count(c, pkt);

    } else if (rc == 0) {
        ds_convert_whole(c);
        rc = c->error.code;
    }

    return rc;
}


static void
ds_convert_count(ds_convert_t *c, const AVPacket *pkt)
{
    int      track;
    int64_t  end;

    track = pkt->stream_index;
    end = pkt->pts + pkt->duration;

    if (track == DS_VIDEO && c->profile->video != DS_VIDEO_COPY
        && (pkt->flags & AV_PKT_FLAG_DISCARD))
    {
        return;
    }

    if (c->until[track] == AV_NOPTS_VALUE) {
        c->begin[track] = pkt->pts;

    } else if (pkt->dts - c->until[track] > DS_CONVERT_HOLE) {
        c->holes[track] += pkt->dts - c->until[track];
    }

    if (c->until[track] == AV_NOPTS_VALUE || end > c->until[track]) {
        c->until[track] = end;
    }
}


/* the item has ended: was it all of it, and had it all of its tracks? */

static void
ds_convert_whole(ds_convert_t *c)
{
    int      i;
    int64_t  begin, end, lost;

    i = c->until[DS_VIDEO] == AV_NOPTS_VALUE ? DS_AUDIO : DS_VIDEO;
    begin = c->begin[i];
    end = c->until[i];

    if (end == AV_NOPTS_VALUE) {
        return;
    }

    if (c->until[!i] != AV_NOPTS_VALUE) {
        begin = c->begin[!i] < begin ? c->begin[!i] : begin;
        end = c->until[!i] > end ? c->until[!i] : end;
    }

    for (i = 0; i < 2; i++) {
        if (c->until[i] == AV_NOPTS_VALUE) {
            continue;
        }

        lost = c->holes[i] + c->begin[i] - begin + end - c->until[i];

        if (lost > DS_CONVERT_LOST && lost > (end - begin) / 10) {
            (void) snprintf(c->lost, sizeof(c->lost),
                            "; %.1f s without %s", lost / 1e6,
                            i == DS_VIDEO ? "picture" : "sound");

            ds_log(c->conf->ds, DS_LOG_WARN, c->conf->stream,
                   "item has %.1f of %.1f s without %s", lost / 1e6,
                   (end - begin) / 1e6, i == DS_VIDEO ? "picture" : "sound");

            ds_convert_describe(c);
        }
    }

    ds_convert_told(c, end);
}


/* it was to be longer */

static void
ds_convert_told(ds_convert_t *c, int64_t end)
{
    int64_t      told, lost, cut;
    ds_input_t  *in;

    in = ds_reader_input(c->reader);
    told = ds_input_told(in);
    lost = told - end;
    cut = lost - ds_input_closed(in);

    if (cut > DS_CONVERT_HOLE && cut > told / 10 && !ds_input_guessed(in)) {
        (void) ds_fail(&c->error, DS_ESOURCE_CUT, "ends at %.1f of %.1f s",
                       (told - cut) / 1e6, told / 1e6);
        return;
    }

    /* what an outdated header says, or segments that are not there */

    cut = ds_input_listed(in) ? lost : cut;

    if (cut > DS_CONVERT_LOST && cut > told / 10) {
        (void) snprintf(c->lost, sizeof(c->lost), "; %.1f of %.1f s missing",
                        cut / 1e6, told / 1e6);

        ds_log(c->conf->ds, DS_LOG_WARN, c->conf->stream,
               "item has %.1f of %.1f s less than it says", cut / 1e6,
               told / 1e6);

        ds_convert_describe(c);
    }
}


/* a copied video's key frames; the head's have been seen already */

static void
ds_convert_watch(ds_convert_t *c, const AVPacket *pkt)
{
    int64_t  interval;

    if (pkt->stream_index != DS_VIDEO || !(pkt->flags & AV_PKT_FLAG_KEY)
        || (c->key != AV_NOPTS_VALUE && pkt->pts <= c->key))
    {
        return;
    }

    interval = c->key == AV_NOPTS_VALUE ? -1 : pkt->pts - c->key;
    c->key = pkt->pts;

    if (interval > c->plan.interval) {
        c->plan.interval = interval;
        ds_convert_describe(c);
    }
}


static int
ds_convert_encode(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    for ( ;; ) {
        if (ds_merge_take(&c->merge, pkt)) {
            return 1;
        }

        rc = ds_convert_next(c, pkt, err);

        if (c->ended || rc == DS_ECANCELED) {
            return rc;
        }

        if (rc == 1) {
            rc = ds_convert_change(c, pkt, err);

            if (rc == DS_OK) {
                rc = ds_convert_feed(c, pkt, err);
            }

            av_packet_unref(pkt);

        } else {
            rc = ds_convert_finish(c, err);

            /* a source that failed is the cause of what is missing */

            if (rc != DS_OK && rc != DS_ECANCELED && c->rc < 0) {
                *err = c->error;
                rc = c->rc;
            }
        }

        if (rc != DS_OK) {
            ds_convert_release(c);
            return rc;
        }
    }
}


static int
ds_convert_feed(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    int      rc, track;
    int64_t  dts;

    if (c->video != NULL) {
        ds_video_work(c->video);
    }

    track = pkt->stream_index;
    dts = pkt->dts;

    if (track == DS_VIDEO && c->video != NULL) {
        rc = ds_video_packet(c->video, pkt, err);

    } else if (track == DS_AUDIO && c->audio != NULL) {
        rc = ds_audio_packet(c->audio, pkt, err);

    } else {
        ds_convert_watch(c, pkt);

        if (pkt->pts + pkt->duration > c->end[track]) {
            c->end[track] = pkt->pts + pkt->duration;
        }

        rc = ds_merge_put(&c->merge, pkt);
        if (rc != DS_OK) {
            (void) ds_fail(err, rc, "malloc() failed");
        }
    }

    if (rc == DS_OK) {
        rc = ds_convert_fill(c, !track, dts, err);
    }

    if (c->video != NULL) {
        ds_video_rest(c->video);
        ds_convert_tell_pace(c);
    }

    return rc;
}


/* the other track has come to "us": this one is not, or has a hole */

static int
ds_convert_fill(ds_convert_t *c, int track, int64_t us, ds_error_t *err)
{
    if (c->now[track] != NULL) {
        us -= DS_CONVERT_LAG;
    }

    if (track == DS_VIDEO) {
        return c->video == NULL ? DS_OK : ds_video_until(c->video, us, err);
    }

    return c->audio == NULL ? DS_OK : ds_audio_until(c->audio, us, err);
}


/* the item is over: takes what codecs have left, both tracks end together */

static int
ds_convert_finish(ds_convert_t *c, ds_error_t *err)
{
    int      rc;
    int64_t  end;

    rc = DS_OK;

    if (c->video != NULL) {
        ds_video_work(c->video);

        rc = ds_video_packet(c->video, NULL, err);
        rc = ds_convert_without(c, DS_VIDEO, rc);
        c->end[DS_VIDEO] = ds_video_end(c->video);
    }

    if (rc == DS_OK && c->audio != NULL) {
        rc = ds_audio_packet(c->audio, NULL, err);
        rc = ds_convert_without(c, DS_AUDIO, rc);
        c->end[DS_AUDIO] = ds_audio_end(c->audio);
    }

    end = c->end[c->end[DS_AUDIO] > c->end[DS_VIDEO]];

    if (rc == DS_OK && c->audio != NULL) {
        rc = ds_audio_until(c->audio, end, err);

        if (rc == DS_OK) {
            rc = ds_audio_finish(c->audio, err);
        }
    }

    if (rc == DS_OK && c->video != NULL) {
        if (end - c->end[DS_VIDEO] > DS_CONVERT_TAIL) {
            rc = ds_video_until(c->video, end, err);
        }

        if (rc == DS_OK) {
            rc = ds_video_finish(c->video, err);
        }
    }

    ds_convert_release(c);

    c->merge.ended[DS_VIDEO] = true;
    c->merge.ended[DS_AUDIO] = true;
    c->ended = true;

    return rc;
}


/* nothing of a track could be decoded, which the other one can do without */

static int
ds_convert_without(ds_convert_t *c, int track, int rc)
{
    bool  none;

    none = track == DS_VIDEO ? c->audio == NULL || !ds_audio_mute(c->audio)
                             : c->video == NULL || !ds_video_dark(c->video);

    if (rc != DS_EENCODE_FAILED || !none || c->until[!track] == AV_NOPTS_VALUE
        || !(track == DS_VIDEO ? ds_video_dark(c->video)
                               : ds_audio_mute(c->audio)))
    {
        return rc;
    }

    (void) snprintf(c->lost, sizeof(c->lost), "; nothing of the %s could be "
                    "decoded", track == DS_VIDEO ? "video" : "audio");

    ds_log(c->conf->ds, DS_LOG_WARN, c->conf->stream, "item plays without "
           "its %s: no frame could be decoded",
           track == DS_VIDEO ? "video" : "audio");

    ds_convert_describe(c);

    return DS_OK;
}


/* each is said once */

static void
ds_convert_tell_pace(ds_convert_t *c)
{
    const ds_pace_t  *p;

    p = ds_video_pace(c->video);

    if (p->preset != c->pace.preset) {
        ds_log(c->conf->ds, DS_LOG_WARN, c->conf->stream,
               "encoding is too slow, speed: %.2f, preset is \"%s\" now",
               p->speed, ds_encode_preset(p->preset));

    } else if (p->slow && !c->pace.slow) {
        ds_log(c->conf->ds, DS_LOG_WARN, c->conf->stream,
               "encoding cannot keep real time, speed: %.2f", p->speed);

    } else {
        return;
    }

    c->pace = *p;
    ds_convert_describe(c);
}


static void
ds_convert_describe(ds_convert_t *c)
{
    size_t  n;
    char    text[DS_MESSAGE_LEN];

    ds_decide_text(c->profile, c->now, &c->plan, text);
    n = strlen(text);

    if (c->pace.slow) {
        (void) snprintf(text + n, sizeof(text) - n,
                        "; cannot keep real time (%.2f)", c->pace.speed);

    } else if (c->pace.preset != 0) {
        (void) snprintf(text + n, sizeof(text) - n, "; preset %s to keep up",
                        ds_encode_preset(c->pace.preset));
    }

    n = strlen(text);
    (void) snprintf(text + n, sizeof(text) - n, "%s", c->lost);

    (void) pthread_mutex_lock(&c->lock);
    memcpy(c->reason, text, sizeof(text));
    (void) pthread_mutex_unlock(&c->lock);
}


ds_decision_e
ds_convert_decision(ds_convert_t *c, char *reason)
{
    (void) pthread_mutex_lock(&c->lock);
    memcpy(reason, c->reason, DS_MESSAGE_LEN);
    (void) pthread_mutex_unlock(&c->lock);

    return c->plan.encode[DS_VIDEO] || c->plan.encode[DS_AUDIO]
           ? DS_DECISION_ENCODE : DS_DECISION_COPY;
}


static void
ds_convert_release(ds_convert_t *c)
{
    ds_video_free(&c->video);
    ds_audio_free(&c->audio);

    if (c->place) {
        c->place = false;
        ds_gate_leave(c->conf->ds->encoders, c->conf->stream);
    }
}


void
ds_convert_end(ds_convert_t *c)
{
    ds_convert_release(c);
    ds_merge_clear(&c->head);
    ds_merge_clear(&c->merge);
}


void
ds_convert_free(ds_convert_t **pc)
{
    int            i;
    ds_convert_t  *c;

    c = *pc;
    if (c == NULL) {
        return;
    }

    *pc = NULL;

    ds_convert_end(c);

    for (i = 0; i < 2; i++) {
        avcodec_parameters_free(&c->in[i]);
        avcodec_parameters_free(&c->now[i]);
        avcodec_parameters_free(&c->out[i]);
    }

    (void) pthread_mutex_destroy(&c->lock);
    free(c);
}
