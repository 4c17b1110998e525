
/*
 * ds_queue.c: a bounded queue of packets between a source and its stream.
 * Knows nothing of where packets come from or go to.
 */

#include <stdlib.h>

#include "media/ds_queue.h"


#define DS_TRACKS  2

/* what a packet costs beside its data */
#define DS_PACKET_OVERHEAD  256


typedef struct {
    AVPacket       **ring;
    size_t           size;      /* a power of two */
    size_t           head;
    size_t           count;
    int64_t          end;       /* us, of the newest packet put */
} ds_fifo_t;


struct ds_queue_s {
    pthread_mutex_t  lock;
    pthread_cond_t   room;

    /* lock */
    ds_fifo_t        fifo[DS_TRACKS];
    size_t           bytes;
    bool             full;      /* until half emptied */
    bool             finished;
    bool             canceled;

    size_t           max_bytes;
    int64_t          max_time;
};


static int ds_fifo_put(ds_fifo_t *f, AVPacket *pkt);
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
    int          i;
    AVPacket    *pkt;
    ds_queue_t  *q;

    q = *pq;
    if (q == NULL) {
        return;
    }

    *pq = NULL;

    for (i = 0; i < DS_TRACKS; i++) {
        while ((pkt = ds_queue_take(q, i)) != NULL) {
            av_packet_free(&pkt);
        }

        free(q->fifo[i].ring);
    }

    (void) pthread_cond_destroy(&q->room);
    (void) pthread_mutex_destroy(&q->lock);

    free(q);
}


static int
ds_fifo_put(ds_fifo_t *f, AVPacket *pkt)
{
    size_t      i, size;
    AVPacket  **ring;

    if (f->count == f->size) {
        size = f->size == 0 ? 64 : f->size * 2;

        ring = malloc(size * sizeof(AVPacket *));
        if (ring == NULL) {
            return DS_ENOMEM;
        }

        for (i = 0; i < f->count; i++) {
            ring[i] = f->ring[(f->head + i) & (f->size - 1)];
        }

        free(f->ring);

        f->ring = ring;
        f->size = size;
        f->head = 0;
    }

    f->ring[(f->head + f->count++) & (f->size - 1)] = pkt;
    f->end = pkt->dts + pkt->duration;

    return DS_OK;
}


int
ds_queue_put(ds_queue_t *q, AVPacket *pkt)
{
    int        rc;
    AVPacket  *p;

    p = av_packet_alloc();
    if (p == NULL) {
        return DS_ENOMEM;
    }

    av_packet_move_ref(p, pkt);

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
        q->bytes += p->size + DS_PACKET_OVERHEAD;
        q->full = q->bytes >= q->max_bytes || ds_queue_held(q) >= q->max_time;
        p = NULL;
    }

    (void) pthread_mutex_unlock(&q->lock);

    av_packet_free(&p);

    return rc;
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
    AVPacket   *pkt;
    ds_fifo_t  *f;

    (void) pthread_mutex_lock(&q->lock);

    pkt = NULL;
    f = &q->fifo[track];

    if (f->count != 0) {
        pkt = f->ring[f->head];
        f->head = (f->head + 1) & (f->size - 1);
        f->count--;

        q->bytes -= pkt->size + DS_PACKET_OVERHEAD;

        if (q->full && q->bytes <= q->max_bytes / 2
            && ds_queue_held(q) <= q->max_time / 2)
        {
            q->full = false;
            (void) pthread_cond_signal(&q->room);
        }
    }

    (void) pthread_mutex_unlock(&q->lock);

    return pkt;
}


/* us from the oldest packet to the end of the newest, of the longer track */

static int64_t
ds_queue_held(ds_queue_t *q)
{
    int         i;
    int64_t     t, held;
    ds_fifo_t  *f;

    held = 0;

    for (i = 0; i < DS_TRACKS; i++) {
        f = &q->fifo[i];

        if (f->count != 0) {
            t = f->end - f->ring[f->head]->dts;
            if (t > held) {
                held = t;
            }
        }
    }

    return held;
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
    empty = q->fifo[0].count == 0 && q->fifo[1].count == 0;
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


size_t
ds_queue_bytes(ds_queue_t *q)
{
    size_t  bytes;

    (void) pthread_mutex_lock(&q->lock);
    bytes = q->bytes;
    (void) pthread_mutex_unlock(&q->lock);

    return bytes;
}
