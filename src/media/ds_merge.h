
/*
 * ds_merge.h: packets of two tracks that come from encoders, with delays of
 * their own, put into DTS order.  Bounded.  Used by one thread.
 */

#ifndef DS_MERGE_H_INCLUDED_
#define DS_MERGE_H_INCLUDED_


#include "media/ds_fifo.h"


typedef struct {
    ds_fifo_t    fifo[2];
    bool         ended[2];              /* no more will come of a track */
} ds_merge_t;


/* puts a packet of track pkt->stream_index, moved; 0 or DS_ENOMEM */
int ds_merge_put(ds_merge_t *m, AVPacket *pkt);

/*
 * The next packet in DTS order, moved to "pkt"; false: the order is not
 * certain before more is put or a track has ended.  When very much is held it
 * goes on without certainty; each track stays in order.
 */
bool ds_merge_take(ds_merge_t *m, AVPacket *pkt);

void ds_merge_clear(ds_merge_t *m);


#endif /* DS_MERGE_H_INCLUDED_ */
