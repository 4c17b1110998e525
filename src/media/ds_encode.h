
/*
 * ds_encode.h: frames of one track into packets of a stream's profile:
 * H.264 by libx264, AAC by libavcodec.  Used by one thread.
 */

#ifndef DS_ENCODE_H_INCLUDED_
#define DS_ENCODE_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "media/ds_merge.h"


/* presets, each faster than the one before */
#define DS_ENCODE_PRESETS   3

/*
 * The preset of what is sent over and over: the fastest, one thread, no
 * B-frames, no delay; only as many bits as it needs.
 */
#define DS_ENCODE_LOOP      DS_ENCODE_PRESETS

/* seconds between key frames */
#define DS_ENCODE_GOP       2


typedef struct {
    AVCodecContext       *ctx;
    AVPacket             *pkt;
    int                   track;
    int64_t               origin;       /* us, where a frame's pts 0 is */
    int64_t               frame;        /* us, a packet without duration */
    ds_merge_t           *out;          /* borrowed */
    bool                  renew;        /* key frames carry their header */
} ds_encode_t;


/*
 * "preset": 0 to DS_ENCODE_PRESETS - 1, or DS_ENCODE_LOOP; frames' pts count
 * frames
 */
int ds_encode_open_video(ds_encode_t *e, const ds_profile_t *p, int preset,
    ds_error_t *err);

/* frames of ctx->frame_size samples, their pts count samples */
int ds_encode_open_audio(ds_encode_t *e, const ds_profile_t *p,
    uint32_t channels, ds_error_t *err);

/* of the packets; the caller's, NULL without memory */
AVCodecParameters *ds_encode_codecpar(const ds_encode_t *e);

/* "veryfast" */
const char *ds_encode_preset(int preset);

/* a frame, borrowed; NULL: the end.  Packets go to "out" */
int ds_encode_put(ds_encode_t *e, const AVFrame *frame, ds_error_t *err);

/* frees the encoder; "out", "origin" stay for another one */
void ds_encode_close(ds_encode_t *e);


#endif /* DS_ENCODE_H_INCLUDED_ */
