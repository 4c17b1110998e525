
/*
 * ds_loop.h: a short piece of media in memory, as H.264 and AAC packets that
 * can be sent over and over: video without B-frames, a key frame first.
 * Made by one thread; constant once it is closed.
 */

#ifndef DS_LOOP_H_INCLUDED_
#define DS_LOOP_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


/* limits of a loop */
#define DS_LOOP_TIME   60               /* s */
#define DS_LOOP_BYTES  (16 << 20)


typedef struct {
    int                 width;          /* pixels, even */
    int                 height;
    int                 rate;           /* frames a second */
    int                 video_bitrate;  /* bit/s, at most */
    int                 sample_rate;
    int                 channels;       /* 1 or 2 */
    int                 audio_bitrate;  /* bit/s */
} ds_form_t;


typedef struct {
    ds_form_t           form;
    AVCodecParameters  *par[2];         /* DS_VIDEO, DS_AUDIO */
    AVPacket          **pkt[2];         /* times are not set */
    unsigned            n[2];
    unsigned            frame;          /* samples of an audio packet */
    size_t              bytes;

    /* while it is made */
    ds_cancel_t        *cancel;         /* borrowed */
    AVCodecContext     *enc[2];
    int64_t             sent[2];        /* frames, given to the encoder */
} ds_loop_t;


/*
 * Begins one; NULL: DS_EENCODE_FAILED, DS_ENOMEM.  Once "cancel" is set the
 * calls below fail with DS_ECANCELED.
 */
ds_loop_t *ds_loop_create(const ds_form_t *form, ds_cancel_t *cancel,
    ds_error_t *err);

/*
 * The next frame of a track: video as yuv420p of the form's size, audio as
 * fltp of the form's rate and channels, "frame" samples; its times and its
 * picture type are overwritten.  Video: a frame lasts 1/rate s.
 */
int ds_loop_put(ds_loop_t *l, int track, AVFrame *frame, ds_error_t *err);

/* true when no more video may be put */
bool ds_loop_full(ds_loop_t *l);

/* ends it: silence is added where there is no sound */
int ds_loop_close(ds_loop_t *l, ds_error_t *err);

void ds_loop_free(ds_loop_t **l);


/* a black picture as ds_loop_put() wants it; NULL without memory */
AVFrame *ds_loop_picture(const ds_form_t *form);


#endif /* DS_LOOP_H_INCLUDED_ */
