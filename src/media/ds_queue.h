
/*
 * ds_queue.h: the packets read ahead of one item: one FIFO for each track,
 * bounded together in bytes and in time.  One thread puts (the source's),
 * one takes (the stream's).
 */

#ifndef DS_QUEUE_H_INCLUDED_
#define DS_QUEUE_H_INCLUDED_


#include "media/ds_fifo.h"


typedef struct ds_queue_s  ds_queue_t;


/* bounds: bytes, and microseconds of media; NULL without memory */
ds_queue_t *ds_queue_create(size_t max_bytes, int64_t max_time);

/* after both threads are done with it; sets *q to NULL */
void ds_queue_free(ds_queue_t **q);

/*
 * Puts a packet of track pkt->stream_index with dts and duration in
 * microseconds; its content is moved.  Waits while the queue is full, until
 * it has been half emptied: so a reader wakes seldom and reads much.
 * 0, DS_ECANCELED after ds_queue_cancel(), DS_ENOMEM.
 */
int ds_queue_put(ds_queue_t *q, AVPacket *pkt);

/* from now on it holds so many microseconds, not less than before */
void ds_queue_widen(ds_queue_t *q, int64_t max_time);

/* nothing more will be put; from then on ds_queue_ended() is true */
void ds_queue_finish(ds_queue_t *q);

void ds_queue_cancel(ds_queue_t *q);        /* any thread */

/* the oldest packet of a track, NULL: none now; the caller owns it */
AVPacket *ds_queue_take(ds_queue_t *q, int track);

bool ds_queue_ended(ds_queue_t *q);         /* finished; may hold packets */
bool ds_queue_empty(ds_queue_t *q);
bool ds_queue_full(ds_queue_t *q);

int64_t ds_queue_time(ds_queue_t *q);       /* us of media held */


#endif /* DS_QUEUE_H_INCLUDED_ */
