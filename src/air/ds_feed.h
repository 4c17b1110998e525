
/*
 * ds_feed.h: the packets of the item that is to be on air, put aside while
 * its source gives nothing.  Used by the stream's thread alone.
 */

#ifndef DS_FEED_H_INCLUDED_
#define DS_FEED_H_INCLUDED_


#include "source/ds_source.h"


typedef struct {
    ds_source_t  *src;                  /* borrowed; NULL: no item */
    AVPacket     *held[2];              /* next of each track, taken back */
    unsigned      stalls;               /* how often it was put aside */
    int64_t       origin;               /* us into the item, where it went on,
                                           from where it had begun */
} ds_feed_t;


/* another item, or none */
void ds_feed_item(ds_feed_t *f, ds_source_t *src);

/* takes back what was taken and not sent; the next packet of its track */
void ds_feed_return(ds_feed_t *f, int track, AVPacket *pkt);

/* puts the item aside; what was taken and not sent is taken back */
void ds_feed_aside(ds_feed_t *f, AVPacket *pkt[2]);

/*
 * True when the item can be on air.  One that was put aside needs its next
 * key frame, before which all is dropped, and enough to last for a while.
 */
bool ds_feed_ready(ds_feed_t *f);

/* begins, or goes on: the times of its first key frame from here */
void ds_feed_begin(ds_feed_t *f, int64_t *pts, int64_t *dts);

/* the next packet of a track; the caller owns it; NULL: none now */
AVPacket *ds_feed_take(ds_feed_t *f, int track);

/* true when nothing of it is left, and nothing will come */
bool ds_feed_drained(ds_feed_t *f);

/*
 * True when a packet lies beyond the end of the other track, by little: the
 * two end together.  After a video packet that does no other can be sent.
 */
bool ds_feed_beyond(ds_feed_t *f, int track, const AVPacket *pkt);


#endif /* DS_FEED_H_INCLUDED_ */
