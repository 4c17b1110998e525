
/*
 * ds_decode.h: packets of one track into frames.  Broken packets are left
 * out.  Used by one thread.
 */

#ifndef DS_DECODE_H_INCLUDED_
#define DS_DECODE_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


typedef struct {
    AVCodecContext  *ctx;
    unsigned         bad;               /* packets in a row without a frame */
    uint64_t         frames;
    int64_t          next;              /* us, where the next is expected */
} ds_decode_t;


/* "par" is copied; packets' times are in us.  0, DS_EENCODE_FAILED, … */
int ds_decode_open(ds_decode_t *d, const AVCodecParameters *par,
    ds_error_t *err);

/*
 * Puts a packet (borrowed; NULL: the end), after ds_decode_get() has said 0.
 * 0; DS_EENCODE_FAILED: too many in a row are broken; DS_ENOMEM.
 */
int ds_decode_put(ds_decode_t *d, const AVPacket *pkt, ds_error_t *err);

/* 1: a frame, frame->pts is set, in us; 0: none now; DS_E… */
int ds_decode_get(ds_decode_t *d, AVFrame *frame, ds_error_t *err);

void ds_decode_close(ds_decode_t *d);


#endif /* DS_DECODE_H_INCLUDED_ */
