
/* ds_codec.h: what can be copied to RTMP as it is.  Pure, any thread. */

#ifndef DS_CODEC_H_INCLUDED_
#define DS_CODEC_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


/* the longest codec header that is copied, bytes; usual are 2 to 100 */
#define DS_CODEC_HEADER  16384


/*
 * H.264, 8 bit 4:2:0, with its parameter sets: 0 (an unknown par->profile is
 * then set); else DS_ECODEC_VIDEO, the message names what it is.
 */
int ds_codec_check_video(AVCodecParameters *par, ds_error_t *err);

/* AAC, LC or HE, with its AudioSpecificConfig: 0, else DS_ECODEC_AUDIO */
int ds_codec_check_audio(const AVCodecParameters *par, ds_error_t *err);


#endif /* DS_CODEC_H_INCLUDED_ */
