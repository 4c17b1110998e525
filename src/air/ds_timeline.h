
/*
 * ds_timeline.h: one output timeline out of many items.  Pure arithmetic in
 * microseconds, used by one thread.
 *
 * Presentation is continuous: an item begins where the one before ended, its
 * video key frame first.  DTS of a track strictly increases; every item's
 * video DTS runs the same distance ahead of its presentation (the largest
 * reordering delay seen of late, 500 ms at most), or the DTS would step at a
 * change between items with and without B-frames.  An item's audio is moved
 * by 18 ms at most, so that audio frames follow each other with a hole of
 * some ms or none.
 */

#ifndef DS_TIMELINE_H_INCLUDED_
#define DS_TIMELINE_H_INCLUDED_


#include "base/ds_core.h"


#define DS_TIMELINE_TRACKS  2           /* DS_VIDEO, DS_AUDIO */


typedef struct {
    int64_t    base;                    /* output time of the item's origin */
    int64_t    origin;                  /* item's time of its first key frame */
    int64_t    reorder;                 /* largest PTS - DTS of a first frame */
    bool       anew;                    /* not of those before the next item */
    int64_t    shift;                   /* this item's video DTS, earlier by */
    int64_t    audio_shift;             /* this item's audio, later by */
    bool       audio_started;           /* audio_shift is set */
    bool       started;
    int64_t    end[DS_TIMELINE_TRACKS]; /* presentation end of what was sent */
    int64_t    last[DS_TIMELINE_TRACKS];/* DTS of the last packet sent */
} ds_timeline_t;


typedef struct {
    int64_t    pts;
    int64_t    dts;
    int64_t    duration;
} ds_stamp_t;


void ds_timeline_init(ds_timeline_t *t);

/* a step of the DTS is not noticed at the next item: what was, is forgotten */
void ds_timeline_anew(ds_timeline_t *t);

/* begins an item; "pts" and "dts" are those of its first video key frame */
void ds_timeline_item(ds_timeline_t *t, int64_t pts, int64_t dts);

/*
 * Maps a packet's times onto the output; false: the packet has no place
 * there (priming, or frames from before the first key frame) and is to be
 * dropped.  Packets of a track come in DTS order.
 */
bool ds_timeline_map(ds_timeline_t *t, int track, ds_stamp_t *stamp);

/* a mapped packet has been sent */
void ds_timeline_sent(ds_timeline_t *t, int track, const ds_stamp_t *stamp);

/*
 * What is on air ends here, whatever of it was sent: its last picture is
 * shown as long as its sound lasts, and not as long as it was meant to be.
 */
void ds_timeline_cut(ds_timeline_t *t);

/* us of sound that are missing before what would begin now */
int64_t ds_timeline_hole(const ds_timeline_t *t);

/* the presentation end of all that was sent */
int64_t ds_timeline_end(const ds_timeline_t *t);


#endif /* DS_TIMELINE_H_INCLUDED_ */
