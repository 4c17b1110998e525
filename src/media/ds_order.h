
/*
 * ds_order.h: when pictures of H.264 are shown, where the container says only
 * when they are decoded, or nothing at all.  Used by one thread.
 */

#ifndef DS_ORDER_H_INCLUDED_
#define DS_ORDER_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


typedef struct ds_order_s  ds_order_t;


/* "par" is copied; NULL without memory */
ds_order_t *ds_order_create(const AVCodecParameters *par);

/*
 * The PTS of the next packet, whose dts is set, at "frame" a picture, all in
 * the same unit; AV_NOPTS_VALUE: it cannot be told.
 */
int64_t ds_order_pts(ds_order_t *o, const AVPacket *pkt, int64_t frame);

void ds_order_free(ds_order_t **o);


#endif /* DS_ORDER_H_INCLUDED_ */
