
/*
 * ds_merge.c: two lists of packets, taken from in DTS order.  Knows nothing
 * of codecs.
 */

#include <stdlib.h>

#include "media/ds_merge.h"


/*
 * What encoders hold back is below a second; a track that is behind by more
 * than five is filled by who encodes it.
 */
#define DS_MERGE_PACKETS  1024
#define DS_MERGE_BYTES    (64 * 1024 * 1024)


struct ds_held_s {
    AVPacket    *pkt;
    ds_held_t   *next;
};


static bool ds_merge_certain(ds_merge_t *m, int track);


int
ds_merge_put(ds_merge_t *m, AVPacket *pkt)
{
    int         track;
    ds_held_t  *h;

    track = pkt->stream_index;

    h = malloc(sizeof(ds_held_t));
    if (h == NULL) {
        return DS_ENOMEM;
    }

    h->next = NULL;
    h->pkt = av_packet_alloc();

    if (h->pkt == NULL) {
        free(h);
        return DS_ENOMEM;
    }

    av_packet_move_ref(h->pkt, pkt);

    if (m->first[track] == NULL) {
        m->first[track] = h;

    } else {
        m->last[track]->next = h;
    }

    m->last[track] = h;
    m->n[track]++;
    m->bytes += h->pkt->size;

    return DS_OK;
}


AVPacket *
ds_merge_pop(ds_merge_t *m, int track)
{
    AVPacket   *pkt;
    ds_held_t  *h;

    h = m->first[track];
    if (h == NULL) {
        return NULL;
    }

    pkt = h->pkt;

    m->first[track] = h->next;
    m->n[track]--;
    m->bytes -= pkt->size;

    free(h);

    return pkt;
}


AVPacket *
ds_merge_take(ds_merge_t *m)
{
    int         track;
    ds_held_t  *v, *a;

    v = m->first[0];
    a = m->first[1];

    if (v == NULL && a == NULL) {
        return NULL;
    }

    if (v != NULL && a != NULL) {
        return ds_merge_pop(m, a->pkt->dts < v->pkt->dts);
    }

    track = (v == NULL);

    return ds_merge_certain(m, track) ? ds_merge_pop(m, track) : NULL;
}


/* of the only track that has packets */

static bool
ds_merge_certain(ds_merge_t *m, int track)
{
    return m->ended[!track] || m->n[track] > DS_MERGE_PACKETS
           || m->bytes > DS_MERGE_BYTES;
}


void
ds_merge_clear(ds_merge_t *m)
{
    int        i;
    AVPacket  *pkt;

    for (i = 0; i < 2; i++) {
        while ((pkt = ds_merge_pop(m, i)) != NULL) {
            av_packet_free(&pkt);
        }
    }
}
