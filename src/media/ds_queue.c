
/*
 * ds_queue.c: a bounded queue of packets between a source and its stream.
 * Knows nothing of where packets come from or go to.
 */

#include <stdlib.h>

#include "media/ds_queue.h"


/* what a packet costs beside its data */
#define DS_PACKET_OVERHEAD  256


struct ds_queue_s {
    pthread_mutex_t  lock;
    pthread_cond_t   room;

    /* lock */
    ds_fifo_t        fifo[2];
    bool             full;      /* until half emptied */
    bool             finished;
    bool             canceled;
    int64_t          max_time;
    size_t           max_bytes; /* constant */
};


static bool ds_queue_over(ds_queue_t *q, int part);
static int64_t ds_queue_held(ds_queue_t *q);


ds_queue_t *
ds_queue_create(size_t max_bytes, int64_t max_time)
{
    ds_queue_t  *q;

    q = calloc(1, sizeof(ds_queue_t));
    if (q == NULL) {
        return NULL;
    }

    (void) pthread_mutex_init(&q->lock, NULL);
    (void) pthread_cond_init(&q->room, NULL);

    q->max_bytes = max_bytes;
    q->max_time = max_time;

    return q;
}


void
ds_queue_free(ds_queue_t **pq)
{
    ds_queue_t  *q;

    q = *pq;
    if (q == NULL) {
        return;
    }

    *pq = NULL;

    ds_fifo_clear(&q->fifo[0]);
    ds_fifo_clear(&q->fifo[1]);

    (void) pthread_cond_destroy(&q->room);
    (void) pthread_mutex_destroy(&q->lock);

    free(q);
}


int
ds_queue_put(ds_queue_t *q, AVPacket *pkt)
{
    int        rc;
    AVPacket  *p;

    p = ds_packet_moved(pkt);
    if (p == NULL) {
        return DS_ENOMEM;
    }

    (void) pthread_mutex_lock(&q->lock);

    while (q->full && !q->canceled) {
        (void) pthread_cond_wait(&q->room, &q->lock);
    }

    if (q->canceled) {
        rc = DS_ECANCELED;

    } else {
        rc = ds_fifo_put(&q->fifo[p->stream_index], p);
    }

    if (rc == DS_OK) {
        q->full = ds_queue_over(q, 1);
        p = NULL;
    }

    (void) pthread_mutex_unlock(&q->lock);

    av_packet_free(&p);

    return rc;
}


void
ds_queue_widen(ds_queue_t *q, int64_t max_time)
{
    (void) pthread_mutex_lock(&q->lock);

    if (max_time > q->max_time) {
        q->max_time = max_time;
        q->full = ds_queue_over(q, 1);
        (void) pthread_cond_signal(&q->room);
    }

    (void) pthread_mutex_unlock(&q->lock);
}


void
ds_queue_finish(ds_queue_t *q)
{
    (void) pthread_mutex_lock(&q->lock);
    q->finished = true;
    (void) pthread_mutex_unlock(&q->lock);
}


void
ds_queue_cancel(ds_queue_t *q)
{
    (void) pthread_mutex_lock(&q->lock);
    q->canceled = true;
    (void) pthread_cond_signal(&q->room);
    (void) pthread_mutex_unlock(&q->lock);
}


AVPacket *
ds_queue_take(ds_queue_t *q, int track)
{
    AVPacket  *pkt;

    (void) pthread_mutex_lock(&q->lock);

    pkt = ds_fifo_take(&q->fifo[track]);

    if (q->full && !ds_queue_over(q, 2)) {
        q->full = false;
        (void) pthread_cond_signal(&q->room);
    }

    (void) pthread_mutex_unlock(&q->lock);

    return pkt;
}


/* more is held than this part of the bounds */

static bool
ds_queue_over(ds_queue_t *q, int part)
{
    size_t  n, bytes;

    n = q->fifo[0].n + q->fifo[1].n;
    bytes = q->fifo[0].bytes + q->fifo[1].bytes + n * DS_PACKET_OVERHEAD;

    return bytes > q->max_bytes / part
           || ds_queue_held(q) > q->max_time / part;
}


/* us of the longer track */

static int64_t
ds_queue_held(ds_queue_t *q)
{
    int64_t  v, a;

    v = ds_fifo_time(&q->fifo[0]);
    a = ds_fifo_time(&q->fifo[1]);

    return v > a ? v : a;
}


bool
ds_queue_ended(ds_queue_t *q)
{
    bool  ended;

    (void) pthread_mutex_lock(&q->lock);
    ended = q->finished;
    (void) pthread_mutex_unlock(&q->lock);

    return ended;
}


bool
ds_queue_empty(ds_queue_t *q)
{
    bool  empty;

    (void) pthread_mutex_lock(&q->lock);
    empty = q->fifo[0].n == 0 && q->fifo[1].n == 0;
    (void) pthread_mutex_unlock(&q->lock);

    return empty;
}


bool
ds_queue_full(ds_queue_t *q)
{
    bool  full;

    (void) pthread_mutex_lock(&q->lock);
    full = q->full;
    (void) pthread_mutex_unlock(&q->lock);

    return full;
}


int64_t
ds_queue_time(ds_queue_t *q)
{
    int64_t  held;

    (void) pthread_mutex_lock(&q->lock);
    held = ds_queue_held(q);
    (void) pthread_mutex_unlock(&q->lock);

    return held;
}
