
/*
 * ds_codec.h: what the headers of codecs say, and which can be copied to RTMP
 * as they are.  Pure, any thread.
 */

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

/*
 * True when an H.264's avcC box says that there are no interlaced pictures
 * (7.3.2.1.1: frame_mbs_only_flag); false: there may be, or it is broken.
 */
bool ds_codec_progressive(const AVCodecParameters *par);


/* gives AAC the sample rate and the channels that its header names, if any */
void ds_codec_sound(AVCodecParameters *par);

/* a packet of silence, of AAC with this header; the most it takes, bytes */
#define DS_CODEC_SILENCE  32

/*
 * Writes one; how long it is, bytes, 0: of such a header it cannot be made.
 * It has whatever length such packets have.
 */
size_t ds_codec_silence(const AVCodecParameters *par, uint8_t *buf);


#endif /* DS_CODEC_H_INCLUDED_ */
