
/* ds_mend.c: looks for holes in one track of two. */

#include "air/ds_mend.h"


enum { DS_VIDEO = 0, DS_AUDIO = 1 };


/* us: what is shorter is no hole */
#define DS_MEND_SOUND    250000
#define DS_MEND_PICTURE  500000

/* us: a key frame that is sent again is shown at least */
#define DS_MEND_SHOWN    40000


static bool ds_mend_sound(const ds_mend_t *m, const ds_timeline_t *t,
    const bool have[2], const ds_stamp_t stamp[2]);
static bool ds_mend_picture(const ds_mend_t *m, const ds_timeline_t *t,
    const bool have[2], const ds_stamp_t stamp[2]);
static int64_t ds_mend_from(const ds_mend_t *m, const ds_timeline_t *t);
static int64_t ds_mend_shown(const ds_timeline_t *t, const ds_stamp_t *stamp);


void
ds_mend_begin(ds_mend_t *m, int64_t frame)
{
    m->begun = false;
    m->filling[DS_VIDEO] = false;
    m->filling[DS_AUDIO] = false;
    m->frame = frame;
    m->jump = 0;
}


int
ds_mend_hole(const ds_mend_t *m, const ds_timeline_t *t, const bool have[2],
    const ds_stamp_t stamp[2], ds_stamp_t *fill)
{
    if (ds_mend_sound(m, t, have, stamp)) {
        fill->pts = fill->dts = ds_mend_from(m, t);
        fill->duration = m->frame;

        return DS_AUDIO;
    }

    if (ds_mend_picture(m, t, have, stamp)) {
        fill->pts = stamp[DS_AUDIO].dts;
        fill->dts = fill->pts - t->reorder;
        fill->duration = DS_MEND_SHOWN;

        if (fill->dts <= t->last[DS_VIDEO]) {
            fill->dts = fill->pts;
        }

        return DS_VIDEO;
    }

    return -1;
}


static bool
ds_mend_sound(const ds_mend_t *m, const ds_timeline_t *t, const bool have[2],
    const ds_stamp_t stamp[2])
{
    int64_t  least;

    least = m->filling[DS_AUDIO] ? m->frame : DS_MEND_SOUND;

    if (!have[DS_VIDEO]) {

        /* the last picture was sent, and stands for its time */

        return m->begun && m->filling[DS_AUDIO] && !have[DS_AUDIO]
               && m->until - ds_mend_from(m, t) >= least;
    }

    if (m->begun
        && stamp[DS_VIDEO].dts + t->reorder - m->until > DS_MEND_PICTURE)
    {
        return false;
    }

    return (have[DS_AUDIO] ? stamp[DS_AUDIO].pts
                           : ds_mend_shown(t, &stamp[DS_VIDEO]))
           - ds_mend_from(m, t) >= least;
}


/* where sound is missing: not where there was no picture either */

static int64_t
ds_mend_from(const ds_mend_t *m, const ds_timeline_t *t)
{
    return t->end[DS_AUDIO] > m->jump ? t->end[DS_AUDIO] : m->jump;
}


static bool
ds_mend_picture(const ds_mend_t *m, const ds_timeline_t *t,
    const bool have[2], const ds_stamp_t stamp[2])
{
    int64_t  sound;

    sound = stamp[DS_AUDIO].dts;

    return m->begun && have[DS_AUDIO]
           && sound - t->end[DS_AUDIO] <= DS_MEND_SOUND
           && sound - m->until > DS_MEND_PICTURE
           && (!have[DS_VIDEO]
               || stamp[DS_VIDEO].dts > sound + DS_MEND_SHOWN);
}


/*
 * Up to where there are pictures with one of this DTS: each is shown so much
 * after it, or later, when others come before it that have a later DTS.
 */

static int64_t
ds_mend_shown(const ds_timeline_t *t, const ds_stamp_t *stamp)
{
    return stamp->dts + t->reorder + stamp->duration;
}


bool
ds_mend_covered(const ds_mend_t *m, const ds_timeline_t *t, int track,
    const ds_stamp_t *stamp, bool key)
{
    if (!m->filling[track]) {
        return false;
    }

    return track == DS_VIDEO ? !key
           : stamp->pts < t->end[DS_AUDIO] - stamp->duration / 2;
}


void
ds_mend_sent(ds_mend_t *m, const ds_timeline_t *t, int track,
    const ds_stamp_t *stamp, bool fill)
{
    m->filling[track] = fill;

    if (track == DS_AUDIO) {
        m->filled[DS_AUDIO] += fill ? stamp->duration : 0;

        if (!fill && stamp->duration > 0) {
            m->frame = stamp->duration;
        }

        return;
    }

    if (!fill && m->begun
        && stamp->dts + t->reorder - m->until > DS_MEND_PICTURE)
    {
        m->jump = stamp->dts + t->reorder;
    }

    m->filled[DS_VIDEO] += fill ? stamp->pts - m->until : 0;
    m->until = fill ? stamp->pts + stamp->duration : ds_mend_shown(t, stamp);
    m->begun = true;
}
