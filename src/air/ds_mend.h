
/*
 * ds_mend.h: one track of an item stops while the other goes on: what is to
 * be sent in its place, and when.  Pure arithmetic in microseconds, used by
 * one thread.
 *
 * Sound that is missing for 250 ms is made up for by silence, a picture that
 * is missing for 500 ms by its last key frame, twice a second: servers and
 * players need both tracks to go on.  What lacks in both of them is no hole
 * but a jump of the item's clock, and not of interest here.
 */

#ifndef DS_MEND_H_INCLUDED_
#define DS_MEND_H_INCLUDED_


#include "air/ds_timeline.h"


typedef struct {
    bool       begun;           /* a picture was sent */
    bool       filling[2];      /* what was sent last of a track is not the
                                   item's; of video a key frame is next */
    int64_t    filled[2];       /* us, until somebody sets it to 0 */
    int64_t    frame;           /* us, of sound */
    int64_t    until;           /* there are pictures up to here */
    int64_t    jump;            /* and from here, behind the last hole */
} ds_mend_t;


/* an item begins, or goes on; its packets of sound last "frame" us */
void ds_mend_begin(ds_mend_t *m, int64_t frame);

/*
 * The track that has a hole before its next packet, and in "fill" the times
 * of what is to be sent of it; -1: none.  "stamp": the next packets, mapped;
 * have[i] false: there is none of that track now.
 */
int ds_mend_hole(const ds_mend_t *m, const ds_timeline_t *t,
    const bool have[2], const ds_stamp_t stamp[2], ds_stamp_t *fill);

/* true when the item's own packet has no place: what was sent covers it */
bool ds_mend_covered(const ds_mend_t *m, const ds_timeline_t *t, int track,
    const ds_stamp_t *stamp, bool key);

/* a packet was sent: "fill", or the item's own */
void ds_mend_sent(ds_mend_t *m, const ds_timeline_t *t, int track,
    const ds_stamp_t *stamp, bool fill);


#endif /* DS_MEND_H_INCLUDED_ */
