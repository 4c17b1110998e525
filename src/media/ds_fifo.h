
/*
 * ds_fifo.h: a FIFO of packets that knows its bytes and its time.  Grows as
 * it must; whoever puts keeps to bounds.  Zeroed: an empty one.  Used by one
 * thread at a time.
 */

#ifndef DS_FIFO_H_INCLUDED_
#define DS_FIFO_H_INCLUDED_


#include <libavcodec/packet.h>

#include "base/ds_core.h"


typedef struct {
    AVPacket       **ring;
    size_t           size;      /* a power of two */
    size_t           head;
    size_t           n;         /* packets held */
    size_t           bytes;     /* of their data */
    int64_t          end;       /* of the newest packet put, as its times */
} ds_fifo_t;


/* takes "pkt" over; DS_ENOMEM: it stays the caller's */
int ds_fifo_put(ds_fifo_t *f, AVPacket *pkt);

/* the i-th from the oldest, borrowed; NULL: there are not so many */
AVPacket *ds_fifo_at(const ds_fifo_t *f, size_t i);

/* the oldest, the caller's; NULL: none */
AVPacket *ds_fifo_take(ds_fifo_t *f);

/* from the oldest packet's DTS to the end of the newest; 0: empty */
int64_t ds_fifo_time(const ds_fifo_t *f);

/* frees all; it may be used again */
void ds_fifo_clear(ds_fifo_t *f);


/* a packet of its own with what "pkt" has, moved; NULL without memory */
AVPacket *ds_packet_moved(AVPacket *pkt);


#endif /* DS_FIFO_H_INCLUDED_ */
