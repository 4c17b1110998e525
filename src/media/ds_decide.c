
/*
 * ds_decide.c: copy or encode, track by track, and the words for it.  Knows
 * what containers and codec headers tell, nothing of packets.
 */

#include <stdio.h>
#include <string.h>

#include <libavutil/display.h>

#include "media/ds_codec.h"
#include "media/ds_compat.h"
#include "media/ds_decide.h"


static int ds_decide_copy(AVCodecParameters *const par[2], ds_error_t *err);
static void ds_decide_video(const ds_profile_t *profile, ds_input_t *in,
    AVCodecParameters *par, ds_plan_t *plan);
static void ds_decide_audio(const ds_profile_t *profile,
    const AVCodecParameters *par, ds_plan_t *plan);
static bool ds_decide_oblong(AVRational aspect);
static bool ds_decide_turned(const AVStream *st);
static int64_t ds_decide_index(const AVStream *st);
static int ds_decide_text_video(const ds_profile_t *profile,
    const AVCodecParameters *par, const ds_plan_t *plan, char *p, size_t size);


int
ds_decide(const ds_profile_t *profile, ds_input_t *in,
    AVCodecParameters *const par[2], ds_plan_t *plan, ds_error_t *err)
{
    const AVStream  *st;

    memset(plan, 0, sizeof(ds_plan_t));

    st = ds_input_stream(in, DS_VIDEO);
    plan->interval = st != NULL ? ds_decide_index(st) : -1;

    if (profile->video == DS_VIDEO_COPY) {
        return ds_decide_copy(par, err);
    }

    if (profile->video == DS_VIDEO_ENCODE) {
        plan->encode[DS_VIDEO] = true;
        plan->encode[DS_AUDIO] = true;
        return DS_OK;
    }

    ds_decide_video(profile, in, par[DS_VIDEO], plan);
    ds_decide_audio(profile, par[DS_AUDIO], plan);

    if (!plan->encode[DS_VIDEO] && plan->interval > 0) {
        (void) ds_decide_interval(profile, plan, plan->interval);
    }

    return DS_OK;
}


static int
ds_decide_copy(AVCodecParameters *const par[2], ds_error_t *err)
{
    int  rc;

    if (par[DS_VIDEO] == NULL) {
        return ds_fail(err, DS_ENO_VIDEO, "source has no video");
    }

    if (par[DS_AUDIO] == NULL) {
        return ds_fail(err, DS_ENO_AUDIO, "source has no audio");
    }

    rc = ds_codec_check_video(par[DS_VIDEO], err);

    return rc != DS_OK ? rc : ds_codec_check_audio(par[DS_AUDIO], err);
}


static void
ds_decide_video(const ds_profile_t *profile, ds_input_t *in,
    AVCodecParameters *par, ds_plan_t *plan)
{
    char            *why;
    const AVStream  *st;

    plan->encode[DS_VIDEO] = true;

    if (par == NULL || par->codec_id != AV_CODEC_ID_H264) {
        return;
    }

    st = ds_input_stream(in, DS_VIDEO);
    why = plan->why[DS_VIDEO];

    if (ds_codec_check_video(par, NULL) != DS_OK
        || (par->format != AV_PIX_FMT_NONE
            && par->format != AV_PIX_FMT_YUV420P
            && par->format != AV_PIX_FMT_YUVJ420P))
    {
        (void) snprintf(why, 64, "not 8 bit 4:2:0");

    } else if (ds_decide_oblong(par->sample_aspect_ratio)
               || (st != NULL && ds_decide_oblong(st->sample_aspect_ratio)))
    {
        (void) snprintf(why, 64, "pixels not square");

    } else if (par->field_order > AV_FIELD_PROGRESSIVE) {
        (void) snprintf(why, 64, "interlaced");

    } else if (st != NULL && ds_decide_turned(st)) {
        (void) snprintf(why, 64, "turned");

    } else if (par->width == (int) profile->width
               && par->height == (int) profile->height)
    {
        plan->encode[DS_VIDEO] = false;
    }
}


static void
ds_decide_audio(const ds_profile_t *profile, const AVCodecParameters *par,
    ds_plan_t *plan)
{
    char  *why;

    plan->encode[DS_AUDIO] = true;

    if (par == NULL || par->codec_id != AV_CODEC_ID_AAC) {
        return;
    }

    why = plan->why[DS_AUDIO];

    if (ds_codec_check_audio(par, NULL) != DS_OK
        || par->extradata[0] >> 3 != 2
        || (par->profile != FF_PROFILE_AAC_LOW
            && par->profile != FF_PROFILE_UNKNOWN))
    {
        (void) snprintf(why, 64, "not LC");

    } else if (par->ch_layout.nb_channels != 2) {
        (void) snprintf(why, 64, "%d channels", par->ch_layout.nb_channels);

    } else if (par->sample_rate == (int) profile->sample_rate) {
        plan->encode[DS_AUDIO] = false;
    }
}


static bool
ds_decide_oblong(AVRational aspect)
{
    return aspect.num > 0 && aspect.den > 0 && aspect.num != aspect.den;
}


static bool
ds_decide_turned(const AVStream *st)
{
    const int32_t  *m;

    m = ds_stream_matrix(st);

    return m != NULL
           && (m[0] <= 0 || m[4] <= 0 || m[1] != 0 || m[3] != 0);
}


/*
 * Between key frames, and from the last one to the end.  An index that does
 * not have every frame is no help: those it lacks may be key frames.
 */

static int64_t
ds_decide_index(const AVStream *st)
{
    int                  i, n;
    int64_t              key, longest;
    const AVIndexEntry  *e;
    AVStream            *s = (AVStream *) st;

    n = avformat_index_get_entries_count(st);

    if (n < 2 || n < st->nb_frames || st->nb_frames <= 0) {
        return -1;
    }

    key = AV_NOPTS_VALUE;
    longest = 0;

    for (i = 0; i < n; i++) {
        e = avformat_index_get_entry(s, i);

        if (!(e->flags & AVINDEX_KEYFRAME) && i != n - 1) {
            continue;
        }

        if (key != AV_NOPTS_VALUE && e->timestamp - key > longest) {
            longest = e->timestamp - key;
        }

        key = e->timestamp;
    }

    return av_rescale_q(longest, st->time_base, (AVRational) { 1, 1000000 });
}


bool
ds_decide_interval(const ds_profile_t *profile, ds_plan_t *plan,
    int64_t interval)
{
    int64_t  max;

    max = (int64_t) profile->max_keyframe_interval * 1000;

    if (profile->video != DS_VIDEO_AUTO || max == 0 || interval <= max) {
        return false;
    }

    plan->encode[DS_VIDEO] = true;
    (void) snprintf(plan->why[DS_VIDEO], sizeof(plan->why[DS_VIDEO]),
                    "key frames %.1f s apart", interval / 1e6);

    return true;
}


void
ds_decide_text(const ds_profile_t *profile, AVCodecParameters *const par[2],
    const ds_plan_t *plan, char *text)
{
    int                       n;
    int64_t                   max;
    const char               *why;
    const AVCodecParameters  *a;

    a = par[DS_AUDIO];

    n = ds_decide_text_video(profile, par[DS_VIDEO], plan, text,
                             DS_MESSAGE_LEN);

    if (!plan->encode[DS_AUDIO]) {
        n += snprintf(text + n, DS_MESSAGE_LEN - n, ", AAC %d Hz, %d channels",
                      a->sample_rate, a->ch_layout.nb_channels);

        if (plan->encode[DS_VIDEO]) {
            n += snprintf(text + n, DS_MESSAGE_LEN - n, " copied");
        }

    } else if (a == NULL) {
        n += snprintf(text + n, DS_MESSAGE_LEN - n,
                      ", no audio: silence, AAC %u Hz", profile->sample_rate);

    } else {
        why = plan->why[DS_AUDIO];
        n += snprintf(text + n, DS_MESSAGE_LEN - n,
                      ", audio %s %d Hz%s%s%s to AAC %u Hz, 2 channels",
                      avcodec_get_name(a->codec_id), a->sample_rate,
                      *why ? " (" : "", why, *why ? ")" : "",
                      profile->sample_rate);
    }

    max = profile->max_keyframe_interval != 0
          ? (int64_t) profile->max_keyframe_interval * 1000
          : DS_KEYFRAME_INTERVAL;

    if (!plan->encode[DS_VIDEO] && plan->interval > max) {
        (void) snprintf(text + n, DS_MESSAGE_LEN - n,
                        "; key frames up to %.1f s apart",
                        plan->interval / 1e6);
    }
}


static int
ds_decide_text_video(const ds_profile_t *profile,
    const AVCodecParameters *par, const ds_plan_t *plan, char *p, size_t size)
{
    const char  *why;

    if (!plan->encode[DS_VIDEO]) {
        return snprintf(p, size, "%s: H.264 %dx%d%s",
                        plan->encode[DS_AUDIO] ? "encode" : "copy",
                        par->width, par->height,
                        plan->encode[DS_AUDIO] ? " copied" : "");
    }

    if (par == NULL) {
        return snprintf(p, size, "encode: no video: a picture, H.264 %ux%u",
                        profile->width, profile->height);
    }

    why = plan->why[DS_VIDEO];

    return snprintf(p, size, "encode: video %s %dx%d%s%s%s to H.264 %ux%u",
                    avcodec_get_name(par->codec_id), par->width, par->height,
                    *why ? " (" : "", why, *why ? ")" : "",
                    profile->width, profile->height);
}
