
/*
 * ds_video.h: a video track, encoded into the profile: decoded, filtered,
 * brought to the profile's rate, encoded as fast as it must be.  Used by one
 * thread.
 */

#ifndef DS_VIDEO_H_INCLUDED_
#define DS_VIDEO_H_INCLUDED_


#include "media/ds_merge.h"

#include <libavcodec/avcodec.h>


typedef struct ds_video_s  ds_video_t;


typedef struct {
    const ds_profile_t        *profile;     /* copied */
    const AVCodecParameters   *par;         /* NULL: "picture" */
    const AVFrame             *picture;     /* as it will be encoded, copied;
                                               NULL: a plain one */
    const int32_t             *matrix;      /* 9 numbers, or NULL; copied */
    ds_merge_t                *out;         /* borrowed */
    ds_cancel_t               *cancel;
    double                     speed;       /* to be kept, 1: real time */
    int                        preset;      /* see ds_encode.h, the first */
} ds_video_conf_t;


/* how encoding keeps up */

typedef struct {
    double    speed;                    /* of the last GOP, 1: real time */
    int       preset;                   /* see ds_encode_preset() */
    bool      slow;                     /* too slow with the fastest, too */
} ds_pace_t;


ds_video_t *ds_video_create(const ds_video_conf_t *conf, ds_error_t *err);

/* of what is encoded first; the caller's, NULL without memory */
AVCodecParameters *ds_video_codecpar(const ds_video_t *v);

/* us, where the output begins; before the first packet */
void ds_video_set_origin(ds_video_t *v, int64_t us);

/* encodes a packet's frames, borrowed; NULL: those the decoder has left */
int ds_video_packet(ds_video_t *v, const AVPacket *pkt, ds_error_t *err);

/*
 * From now on packets are of another codec, or have another header; also where
 * there was none to begin with.
 */
int ds_video_renew(ds_video_t *v, const AVCodecParameters *par,
    ds_error_t *err);

/* before the first packet: the header comes with each key frame */
void ds_video_announce(ds_video_t *v);

/* the picture stands still until "us", a plain one if there was none */
int ds_video_until(ds_video_t *v, int64_t us, ds_error_t *err);

/* no frame of the packets could be decoded */
bool ds_video_dark(const ds_video_t *v);

/* us, presentation end of all there is */
int64_t ds_video_end(ds_video_t *v);

/* the latest picture, the caller's; NULL: none yet, or without memory */
AVFrame *ds_video_picture(const ds_video_t *v);

/* encodes what the encoder has left; nothing may follow */
int ds_video_finish(ds_video_t *v, ds_error_t *err);

/*
 * The time between the two is the item's work, and what speed is measured
 * by: not waiting for others.
 */
void ds_video_work(ds_video_t *v);
void ds_video_rest(ds_video_t *v);

const ds_pace_t *ds_video_pace(ds_video_t *v);

void ds_video_free(ds_video_t **v);


/*
 * A picture in yuv420p without colour, its luma is "luma"; both edges are
 * even.  NULL without memory.
 */
AVFrame *ds_video_plain(int width, int height, int luma);


#endif /* DS_VIDEO_H_INCLUDED_ */
