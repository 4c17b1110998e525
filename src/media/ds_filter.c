
/*
 * ds_filter.c: libavfilter graphs with one input and one output.  Knows no
 * codecs and no output times: the rate of frames is its caller's.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/mem.h>

#include "media/ds_filter.h"


#define DS_FILTER_TIME   ((AVRational) { 1, 1000000 })

/* of a picture's width to its height, or the other way */
#define DS_FILTER_RATIO  10000


static int ds_filter_create(ds_filter_t *f, const AVFrame *frame,
    const char *spec);
static int ds_filter_source(ds_filter_t *f, const AVFrame *frame);
static int ds_filter_link(ds_filter_t *f, const char *spec);
static const char *ds_filter_turn(const int32_t *matrix, bool *sideways);
static const char *ds_filter_matrix(const AVFrame *frame);
static int ds_filter_failed(int rc, ds_error_t *err);


int
ds_filter_open(ds_filter_t *f, const AVFrame *frame, const char *spec,
    ds_error_t *err)
{
    int  rc;

    ds_filter_close(f);

    rc = ds_filter_create(f, frame, spec);

    if (rc < 0) {
        ds_filter_close(f);
        return ds_filter_failed(rc, err);
    }

    return DS_OK;
}


static int
ds_filter_create(ds_filter_t *f, const AVFrame *frame, const char *spec)
{
    int  rc;

    f->graph = avfilter_graph_alloc();
    if (f->graph == NULL) {
        return AVERROR(ENOMEM);
    }

    f->graph->nb_threads = 1;

    rc = ds_filter_source(f, frame);

    if (rc >= 0) {
        rc = avfilter_graph_create_filter(&f->sink,
                                  avfilter_get_by_name(frame->width != 0
                                                       ? "buffersink"
                                                       : "abuffersink"),
                                  "out", NULL, NULL, f->graph);
    }

    if (rc >= 0) {
        rc = ds_filter_link(f, spec);
    }

    if (rc >= 0) {
        rc = avfilter_graph_config(f->graph, NULL);
    }

    return rc;
}


static int
ds_filter_source(ds_filter_t *f, const AVFrame *frame)
{
    int                     rc;
    AVBufferSrcParameters  *par;

    f->format = frame->format;
    f->width = frame->width;
    f->height = frame->height;
    f->aspect = frame->sample_aspect_ratio;
    f->sample_rate = frame->sample_rate;

    rc = av_channel_layout_copy(&f->layout, &frame->ch_layout);
    if (rc < 0) {
        return rc;
    }

    f->src = avfilter_graph_alloc_filter(f->graph,
                                  avfilter_get_by_name(frame->width != 0
                                                       ? "buffer"
                                                       : "abuffer"), "in");
    par = av_buffersrc_parameters_alloc();

    if (f->src == NULL || par == NULL) {
        av_free(par);
        return AVERROR(ENOMEM);
    }

    par->format = frame->format;
    par->time_base = DS_FILTER_TIME;
    par->width = frame->width;
    par->height = frame->height;
    par->sample_aspect_ratio = frame->sample_aspect_ratio;
    par->sample_rate = frame->sample_rate;
    par->ch_layout = f->layout;

    rc = av_buffersrc_parameters_set(f->src, par);
    av_free(par);

    return rc < 0 ? rc : avfilter_init_str(f->src, NULL);
}


static int
ds_filter_link(ds_filter_t *f, const char *spec)
{
    int             rc;
    AVFilterInOut  *in, *out;

    in = NULL;
    out = NULL;

    rc = avfilter_graph_parse2(f->graph, spec, &in, &out);

    if (rc >= 0) {
        rc = avfilter_link(f->src, 0, in->filter_ctx, in->pad_idx);
    }

    if (rc >= 0) {
        rc = avfilter_link(out->filter_ctx, out->pad_idx, f->sink, 0);
    }

    avfilter_inout_free(&in);
    avfilter_inout_free(&out);

    return rc;
}


bool
ds_filter_fits(const ds_filter_t *f, const AVFrame *frame)
{
    return f->graph != NULL && f->format == frame->format
           && f->width == frame->width && f->height == frame->height
           && av_cmp_q(f->aspect, frame->sample_aspect_ratio) == 0
           && f->sample_rate == frame->sample_rate
           && av_channel_layout_compare(&f->layout, &frame->ch_layout) == 0;
}


int
ds_filter_put(ds_filter_t *f, AVFrame *frame, ds_error_t *err)
{
    int  rc;

    rc = av_buffersrc_add_frame(f->src, frame);

    if (frame != NULL) {
        av_frame_unref(frame);
    }

    return rc < 0 ? ds_filter_failed(rc, err) : DS_OK;
}


int
ds_filter_get(ds_filter_t *f, AVFrame *frame, ds_error_t *err)
{
    int  rc;

    rc = av_buffersink_get_frame(f->sink, frame);

    if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) {
        return 0;
    }

    if (rc < 0) {
        return ds_filter_failed(rc, err);
    }

    if (frame->pts != AV_NOPTS_VALUE) {
        frame->pts = av_rescale_q(frame->pts,
                                  av_buffersink_get_time_base(f->sink),
                                  DS_FILTER_TIME);
    }

    return 1;
}


void
ds_filter_close(ds_filter_t *f)
{
    avfilter_graph_free(&f->graph);
    av_channel_layout_uninit(&f->layout);
}


static int
ds_filter_failed(int rc, ds_error_t *err)
{
    return ds_fail(err, rc == AVERROR(ENOMEM) ? DS_ENOMEM : DS_EENCODE_FAILED,
                   "filter failed: %s", av_err2str(rc));
}


void
ds_filter_video(char *spec, size_t size, const AVFrame *frame,
    const ds_picture_t *to)
{
    int          w, h;
    bool         sideways;
    double       ratio;
    const char  *turn;

    turn = ds_filter_turn(to->matrix, &sideways);

    ratio = (double) frame->width / frame->height;

    if (frame->sample_aspect_ratio.num > 0
        && frame->sample_aspect_ratio.den > 0)
    {
        ratio *= av_q2d(frame->sample_aspect_ratio);
    }

    if (sideways) {
        ratio = 1 / ratio;
    }

    ratio = av_clipd(ratio, 1.0 / DS_FILTER_RATIO, DS_FILTER_RATIO);

    /* the largest that fits, even; at least 2 for a picture like a thread */

    w = to->width;
    h = (int) lrint(w / ratio / 2) * 2;

    if (h > to->height) {
        h = to->height;
        w = (int) lrint(h * ratio / 2) * 2;
    }

    w = w < 2 ? 2 : w > to->width ? to->width : w;
    h = h < 2 ? 2 : h;

    (void) snprintf(spec, size, "%s%sscale=%d:%d:flags=bicubic"
                    ":in_color_matrix=%s:out_color_matrix=%s:out_range=tv,"
                    "format=yuv420p,pad=%d:%d:(ow-iw)/2:(oh-ih)/2,setsar=1",
                    to->interlaced ? "yadif=deint=interlaced," : "", turn,
                    w, h, ds_filter_matrix(frame),
                    to->height >= 720 ? "bt709" : "smpte170m",
                    to->width, to->height);
}


/* the eight ways a display matrix can turn and mirror a picture */

static const char *
ds_filter_turn(const int32_t *matrix, bool *sideways)
{
    double  theta;

    *sideways = false;

    if (matrix == NULL) {
        return "";
    }

    theta = av_display_rotation_get(matrix);

    if (isnan(theta)) {
        return "";
    }

    theta = -theta;
    theta -= 360 * floor(theta / 360 + 0.9 / 360);

    if (fabs(theta - 90) < 1) {
        *sideways = true;
        return matrix[3] > 0 ? "transpose=cclock_flip," : "transpose=clock,";
    }

    if (fabs(theta - 270) < 1) {
        *sideways = true;
        return matrix[3] < 0 ? "transpose=clock_flip," : "transpose=cclock,";
    }

    if (fabs(theta - 180) < 1) {
        return matrix[4] < 0 ? "hflip,vflip," : "hflip,";
    }

    return matrix[4] < 0 ? "vflip," : "";
}


/* what most pictures without a word of it are */

static const char *
ds_filter_matrix(const AVFrame *frame)
{
    switch (frame->colorspace) {

    case AVCOL_SPC_BT709:
        return "bt709";

    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return "bt2020";

    case AVCOL_SPC_UNSPECIFIED:
        return frame->height >= 720 ? "bt709" : "smpte170m";

    default:
        return "smpte170m";
    }
}


void
ds_filter_audio(char *spec, size_t size, uint32_t sample_rate,
    uint32_t channels)
{
    (void) snprintf(spec, size, "aresample=%u,"
                    "aformat=sample_fmts=fltp:channel_layouts=%s",
                    (unsigned) sample_rate,
                    channels == 1 ? "mono" : "stereo");
}
