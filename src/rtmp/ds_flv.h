
/*
 * ds_flv.h: what FLV, and RTMP with it, makes of H.264 and AAC: the bodies of
 * tags, which are those of RTMP's messages.  A packet is prepared once,
 * whoever it is sent to; the rest writes one message each, and blocks and
 * fails as ds_rtmp.h says.
 */

#ifndef DS_FLV_H_INCLUDED_
#define DS_FLV_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "rtmp/ds_rtmp.h"


/*
 * Makes "par", of H.264 or AAC, have the header that a tag has: avcC of Annex
 * B.  *annexb: the packets of such an H.264 are to be prepared as Annex B; it
 * is left alone for AAC.  0, DS_ENOMEM, or DS_ESOURCE_INVALID: there is no
 * header, "par" is as it was.
 */
int ds_flv_prepare_header(AVCodecParameters *par, bool *annexb,
    ds_error_t *err);

/*
 * Makes the packet's data what a tag has: NAL units behind their lengths, AAC
 * without ADTS.  "video": else it is AAC.  0, DS_ENOMEM, or
 * DS_ESOURCE_INVALID: it cannot be written, to nobody.
 */
int ds_flv_prepare(AVPacket *pkt, bool video, bool annexb, ds_error_t *err);


/* onMetaData, of a prepared video, its frames a second (0: unknown), audio */
int ds_flv_write_meta(ds_rtmp_t *r, uint32_t timestamp,
    const AVCodecParameters *video, double rate,
    const AVCodecParameters *audio, ds_error_t *err);

/* a prepared header */
int ds_flv_write_header(ds_rtmp_t *r, uint32_t timestamp,
    const AVCodecParameters *par, ds_error_t *err);

/* a prepared packet; "shown" (video): ms between its DTS and its PTS */
int ds_flv_write(ds_rtmp_t *r, uint32_t timestamp, uint32_t shown,
    const AVPacket *pkt, bool video, ds_error_t *err);


#endif /* DS_FLV_H_INCLUDED_ */
