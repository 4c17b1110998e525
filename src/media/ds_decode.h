
/*
 * ds_decode.h: packets of one track into frames, and through a graph of
 * filters, which is made anew when their format changes.  Broken packets are
 * left out.  Used by one thread.
 */

#ifndef DS_DECODE_H_INCLUDED_
#define DS_DECODE_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "media/ds_filter.h"


/* called with ds_decode_open()'s "data", from ds_decode_packet() */

typedef struct {
    /*
     * A frame of the decoder: its pts is set, its duration too, see
     * ds_compat.h; both in us.  1: to be filtered; 0: not needed; DS_E…
     */
    int   (*decoded)(void *data, AVFrame *frame, ds_error_t *err);

    /* writes the description of the graph for frames like this one */
    void  (*spec)(void *data, const AVFrame *frame, char *spec, size_t size);

    /* a frame of the graph, which may be moved; 0 or DS_E… */
    int   (*filtered)(void *data, AVFrame *frame, ds_error_t *err);
} ds_decode_ops_t;


typedef struct {
    AVCodecContext         *ctx;
    unsigned                bad;        /* packets in a row without a frame */
    uint64_t                frames;
    int64_t                 next;       /* us, where the next is expected */

    ds_filter_t             filter;
    AVFrame                *frame;      /* of the decoder */
    AVFrame                *out;        /* of the graph */
    const ds_decode_ops_t  *ops;
    void                   *data;
} ds_decode_t;


/*
 * "par" is copied, NULL: there is nothing to be decoded before
 * ds_decode_renew(); "ops" and "data" borrowed; packets' times are in us.
 * 0, DS_EENCODE_FAILED, DS_ENOMEM.  ds_decode_close() is due in any case.
 */
int ds_decode_open(ds_decode_t *d, const AVCodecParameters *par,
    const ds_decode_ops_t *ops, void *data, ds_error_t *err);

/*
 * Decodes and filters a packet (borrowed; NULL: the end).  0;
 * DS_EENCODE_FAILED: too many in a row are broken, or at the end there was no
 * frame; DS_ENOMEM; what "ops" say.
 */
int ds_decode_packet(ds_decode_t *d, const AVPacket *pkt, ds_error_t *err);

/*
 * From now on packets are of another codec, or have another header: what the
 * decoder has left comes first.  As ds_decode_open().
 */
int ds_decode_renew(ds_decode_t *d, const AVCodecParameters *par,
    ds_error_t *err);

/* the graph gives what it has left, the next frame has a new one */
int ds_decode_drain(ds_decode_t *d, ds_error_t *err);

void ds_decode_close(ds_decode_t *d);


#endif /* DS_DECODE_H_INCLUDED_ */
