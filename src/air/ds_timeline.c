
/*
 * ds_timeline.c: maps items onto one output timeline.  Knows no libav, no
 * clock, no thread.
 */

#include "air/ds_timeline.h"


enum { DS_VIDEO = 0, DS_AUDIO = 1 };


/* of two packets of a track; FLV's unit */
#define DS_MIN_STEP  1000

/* what is longer is a fault in the item, or of no use; 16 frames are legal */
#define DS_MAX_REORDER  500000

/* audio may outlast an item's video by this much before it is waited for */
#define DS_AUDIO_TAIL  100000


/* sound that is moved so far against its picture is not noticed */
#define DS_MAX_SHIFT  18000


static bool ds_timeline_map_audio(ds_timeline_t *t, ds_stamp_t *stamp);


void
ds_timeline_init(ds_timeline_t *t)
{
    *t = (ds_timeline_t) { 0 };
}


void
ds_timeline_anew(ds_timeline_t *t)
{
    t->anew = true;
}


void
ds_timeline_item(ds_timeline_t *t, int64_t pts, int64_t dts)
{
    int64_t  delay, most;

    delay = pts > dts ? pts - dts : 0;
    most = delay < DS_MAX_REORDER ? delay : DS_MAX_REORDER;

    if (t->anew || most > t->reorder) {
        t->reorder = most;
    }

    t->anew = false;

    if (!t->started) {
        /* the first DTS of the session is 0 */
        t->started = true;
        t->base = t->reorder;
        t->end[DS_VIDEO] = t->base;
        t->end[DS_AUDIO] = t->base;
        t->last[DS_VIDEO] = -DS_MIN_STEP;
        t->last[DS_AUDIO] = -DS_MIN_STEP;

    } else {
        t->base = ds_timeline_end(t);
    }

    t->origin = pts;
    t->shift = t->reorder - delay;
    t->audio_shift = 0;
    t->audio_started = false;
}


bool
ds_timeline_map(ds_timeline_t *t, int track, ds_stamp_t *stamp)
{
    stamp->pts += t->base - t->origin;
    stamp->dts += t->base - t->origin;

    if (track == DS_AUDIO) {
        return ds_timeline_map_audio(t, stamp);
    }

    if (stamp->pts < t->base) {
        return false;
    }

    stamp->dts -= t->shift;

    if (stamp->dts < t->last[DS_VIDEO] + DS_MIN_STEP) {
        stamp->dts = t->last[DS_VIDEO] + DS_MIN_STEP;
    }

    if (stamp->pts < stamp->dts) {
        stamp->pts = stamp->dts;
    }

    return true;
}


static bool
ds_timeline_map_audio(ds_timeline_t *t, ds_stamp_t *stamp)
{
    int64_t  gap;

    if (!t->audio_started) {
        gap = stamp->pts - t->end[DS_AUDIO];

        if (gap < -stamp->duration / 2) {
            return false;
        }

        t->audio_shift = gap > stamp->duration ? 0
                         : gap > DS_MAX_SHIFT ? -DS_MAX_SHIFT : -gap;
        t->audio_started = true;
    }

    stamp->pts += t->audio_shift;

    if (stamp->pts < t->last[DS_AUDIO] + DS_MIN_STEP) {
        stamp->pts = t->last[DS_AUDIO] + DS_MIN_STEP;
    }

    stamp->dts = stamp->pts;

    return true;
}


void
ds_timeline_sent(ds_timeline_t *t, int track, const ds_stamp_t *stamp)
{
    t->last[track] = stamp->dts;

    if (stamp->pts + stamp->duration > t->end[track]) {
        t->end[track] = stamp->pts + stamp->duration;
    }
}


void
ds_timeline_cut(ds_timeline_t *t)
{
    int64_t  end;

    end = t->last[DS_VIDEO] + t->reorder + DS_MIN_STEP;

    if (end < t->end[DS_AUDIO]) {
        end = t->end[DS_AUDIO];
    }

    if (end < t->end[DS_VIDEO]) {
        t->end[DS_VIDEO] = end;
    }
}


int64_t
ds_timeline_hole(const ds_timeline_t *t)
{
    int64_t  hole;

    hole = ds_timeline_end(t) - t->end[DS_AUDIO];

    return hole > 0 ? hole : 0;
}


int64_t
ds_timeline_end(const ds_timeline_t *t)
{
    if (t->end[DS_AUDIO] - t->end[DS_VIDEO] > DS_AUDIO_TAIL) {
        return t->end[DS_AUDIO];
    }

    return t->end[DS_VIDEO];
}
