
/*
 * ds_flv.h: takes an FLV file as it is written, byte by byte, and sends its
 * tags as RTMP messages.  Used by one thread; blocks as ds_rtmp.h says.
 */

#ifndef DS_FLV_H_INCLUDED_
#define DS_FLV_H_INCLUDED_


#include "rtmp/ds_rtmp.h"


typedef enum {
    DS_FLV_FILE = 0,            /* the file's header */
    DS_FLV_TAG,                 /* a tag's header */
    DS_FLV_BODY,
    DS_FLV_END                  /* the size of the tag, once more */
} ds_flv_state_e;


typedef struct {
    ds_rtmp_t       *rtmp;      /* borrowed */
    uint32_t         timestamp; /* of the tags that come: RTMP has 32 bits of
                                   it, a tag has 31; set by the user */
    ds_flv_state_e   state;
    uint8_t          head[13];  /* what is read of a header */
    size_t           head_len;
    uint32_t         size;      /* of the tag's body */
    uint32_t         left;      /* of it */
} ds_flv_t;                     /* zeroed, but for "rtmp", at the start */


/*
 * 0, DS_EINTERNAL when this is no FLV, or what ds_rtmp_write() returns; after
 * an error nothing may be written any more.
 */
int ds_flv_write(ds_flv_t *flv, const uint8_t *p, size_t n, ds_error_t *err);


#endif /* DS_FLV_H_INCLUDED_ */
