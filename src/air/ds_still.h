
/*
 * ds_still.h: the last key frame on air, kept for whoever asks for a picture
 * of it (ds_still_start() in ds.h).
 */

#ifndef DS_STILL_H_INCLUDED_
#define DS_STILL_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


typedef struct ds_keyframe_s  ds_keyframe_t;


ds_keyframe_t *ds_keyframe_create(void);    /* NULL without memory */

/* when no thread puts any more; sets *k to NULL */
void ds_keyframe_free(ds_keyframe_t **k);

/*
 * A video packet is on air.  Of a key frame a reference is kept, until the
 * next one; others are ignored.  "par", copied, is given when it is not that
 * of the key frame before, else NULL.  One thread; "k" may be NULL.  Without
 * memory the old one is kept.
 */
void ds_keyframe_put(ds_keyframe_t *k, const AVPacket *pkt,
    const AVCodecParameters *par);


#endif /* DS_STILL_H_INCLUDED_ */
