
/*
 * ds_filter.h: frames of one track through a libavfilter graph made for
 * their format; times are in us on the way in.  Used by one thread.
 */

#ifndef DS_FILTER_H_INCLUDED_
#define DS_FILTER_H_INCLUDED_


#include <libavfilter/avfilter.h>
#include <libavutil/frame.h>

#include "base/ds_core.h"


typedef struct {
    AVFilterGraph    *graph;            /* NULL: none */
    AVFilterContext  *src;
    AVFilterContext  *sink;

    /* what it was made for */
    int               format;
    int               width;
    int               height;
    AVRational        aspect;
    int               sample_rate;
    AVChannelLayout   layout;
} ds_filter_t;


/* makes a graph for frames like "f", as "spec" says */
int ds_filter_open(ds_filter_t *f, const AVFrame *frame, const char *spec,
    ds_error_t *err);

/* true when there is a graph, and the frame has the format it was made for */
bool ds_filter_fits(const ds_filter_t *f, const AVFrame *frame);

/* a frame, moved, even on an error; NULL: the end */
int ds_filter_put(ds_filter_t *f, AVFrame *frame, ds_error_t *err);

/* 1: a frame, its pts in "*us"; 0: none now; DS_E… */
int ds_filter_get(ds_filter_t *f, AVFrame *frame, ds_error_t *err);

void ds_filter_close(ds_filter_t *f);


/*
 * The graphs' descriptions, written to "spec".  Video: deinterlaced, turned
 * as "matrix" (9 numbers of a display matrix, or NULL) says, scaled into
 * "width" x "height" with bars, square pixels, yuv420p.
 */

typedef struct {
    int              width;
    int              height;
    const int32_t   *matrix;
    bool             interlaced;
} ds_picture_t;

void ds_filter_video(char *spec, size_t size, const AVFrame *frame,
    const ds_picture_t *to);

/* audio: float, "sample_rate", 1 or 2 "channels" */
void ds_filter_audio(char *spec, size_t size, uint32_t sample_rate,
    uint32_t channels);


#endif /* DS_FILTER_H_INCLUDED_ */
