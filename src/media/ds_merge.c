
/*
 * ds_merge.c: two FIFOs of packets, taken from in DTS order.  Knows nothing
 * of codecs.
 */

#include "media/ds_merge.h"


/*
 * What encoders hold back is below a second; a track that is behind by more
 * than five is filled by who encodes it.
 */
#define DS_MERGE_PACKETS  1024
#define DS_MERGE_BYTES    (64 * 1024 * 1024)


static bool ds_merge_certain(ds_merge_t *m, int track);


int
ds_merge_put(ds_merge_t *m, AVPacket *pkt)
{
    AVPacket  *p;

    p = ds_packet_moved(pkt);

    if (p == NULL || ds_fifo_put(&m->fifo[p->stream_index], p) != DS_OK) {
        av_packet_free(&p);
        return DS_ENOMEM;
    }

    return DS_OK;
}


bool
ds_merge_take(ds_merge_t *m, AVPacket *pkt)
{
    int        track;
    AVPacket  *v, *a, *p;

    v = ds_fifo_at(&m->fifo[0], 0);
    a = ds_fifo_at(&m->fifo[1], 0);

    if (v != NULL && a != NULL) {
        track = a->dts < v->dts;

    } else {
        track = (v == NULL);

        if (!ds_merge_certain(m, track)) {
            return false;
        }
    }

    p = ds_fifo_take(&m->fifo[track]);
    if (p == NULL) {
        return false;
    }

    av_packet_unref(pkt);
    av_packet_move_ref(pkt, p);
    av_packet_free(&p);

    return true;
}


/* of the only track that has packets */

static bool
ds_merge_certain(ds_merge_t *m, int track)
{
    return m->ended[!track] || m->fifo[track].n > DS_MERGE_PACKETS
           || m->fifo[track].bytes > DS_MERGE_BYTES;
}


void
ds_merge_clear(ds_merge_t *m)
{
    ds_fifo_clear(&m->fifo[0]);
    ds_fifo_clear(&m->fifo[1]);
}
