
/*
 * ds_fifo.c: a ring of packets, twice as large whenever it is full.  Knows no
 * bounds and no threads.
 */

#include <stdlib.h>
#include <string.h>

#include "media/ds_fifo.h"


#define DS_FIFO_SIZE  64


int
ds_fifo_put(ds_fifo_t *f, AVPacket *pkt)
{
    size_t      i, size;
    AVPacket  **ring;

    if (f->n == f->size) {
        size = f->size == 0 ? DS_FIFO_SIZE : f->size * 2;

        ring = malloc(size * sizeof(AVPacket *));
        if (ring == NULL) {
            return DS_ENOMEM;
        }

        for (i = 0; i < f->n; i++) {
            ring[i] = ds_fifo_at(f, i);
        }

        free(f->ring);

        f->ring = ring;
        f->size = size;
        f->head = 0;
    }

    f->ring[(f->head + f->n++) & (f->size - 1)] = pkt;
    f->bytes += pkt->size;
    f->end = pkt->dts + pkt->duration;

    return DS_OK;
}


AVPacket *
ds_fifo_at(const ds_fifo_t *f, size_t i)
{
    return i < f->n ? f->ring[(f->head + i) & (f->size - 1)] : NULL;
}


AVPacket *
ds_fifo_take(ds_fifo_t *f)
{
    AVPacket  *pkt;

    pkt = ds_fifo_at(f, 0);

    if (pkt != NULL) {
        f->head = (f->head + 1) & (f->size - 1);
        f->n--;
        f->bytes -= pkt->size;
    }

    return pkt;
}


int64_t
ds_fifo_time(const ds_fifo_t *f)
{
    return f->n == 0 ? 0 : f->end - ds_fifo_at(f, 0)->dts;
}


void
ds_fifo_clear(ds_fifo_t *f)
{
    AVPacket  *pkt;

    while ((pkt = ds_fifo_take(f)) != NULL) {
        av_packet_free(&pkt);
    }

    free(f->ring);
    memset(f, 0, sizeof(ds_fifo_t));
}


AVPacket *
ds_packet_moved(AVPacket *pkt)
{
    AVPacket  *p;

    p = av_packet_alloc();

    if (p != NULL) {
        av_packet_move_ref(p, pkt);
    }

    return p;
}
