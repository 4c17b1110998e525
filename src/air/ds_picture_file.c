
/*
 * ds_picture_file.c: an operator's image or clip as a slate: decoded, fitted
 * into the form by libavfilter, encoded.  The file is read once.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavformat/avformat.h>

#include "base/ds_item.h"
#include "air/ds_picture.h"


/* pixels of a picture that is decoded */
#define DS_MAX_PIXELS  (INT64_C(64) << 20)


typedef struct {
    int               index;            /* of the file's stream, -1: none */
    AVCodecContext   *dec;
    AVFilterGraph    *graph;
    AVFilterContext  *src;
    AVFilterContext  *sink;
    int64_t           last;             /* PTS of the last frame */
} ds_clip_track_t;


typedef struct {
    AVFormatContext  *ctx;
    ds_clip_track_t   track[2];
    ds_loop_t        *loop;
    AVFrame          *first;            /* picture, for a still */
    AVFrame          *frame;
    AVPacket         *pkt;
    atomic_bool      *cancel;
} ds_clip_t;


static int ds_clip_open(ds_clip_t *c, const char *path, ds_error_t *err);
static int ds_clip_track(ds_clip_t *c, int track, const ds_form_t *form,
    ds_error_t *err);
static int ds_clip_decoder(ds_clip_track_t *t, const AVStream *st);
static int ds_clip_graph(ds_clip_t *c, int track, const ds_form_t *form);
static int ds_clip_source(ds_clip_t *c, ds_clip_track_t *t, int track);
static int ds_clip_read(ds_clip_t *c, ds_error_t *err);
static int ds_clip_decode(ds_clip_t *c, int track, AVPacket *pkt,
    ds_error_t *err);
static int64_t ds_clip_step(ds_clip_t *c, const AVStream *st);
static int ds_clip_drain(ds_clip_t *c, int track, ds_error_t *err);
static bool ds_clip_full(ds_clip_t *c, int track);
static int ds_clip_interrupt(void *data);
static void ds_clip_close(ds_clip_t *c);


ds_loop_t *
ds_picture_file(const char *path, const ds_form_t *form, atomic_bool *cancel,
    ds_error_t *err)
{
    int         rc;
    ds_clip_t   c;
    ds_loop_t  *l;

    memset(&c, 0, sizeof(ds_clip_t));

    c.cancel = cancel;
    c.track[DS_VIDEO].index = -1;
    c.track[DS_AUDIO].index = -1;
    c.loop = ds_loop_create(form, cancel, err);

    rc = c.loop == NULL ? err->code : ds_clip_open(&c, path, err);

    if (rc == DS_OK) {
        rc = ds_clip_track(&c, DS_VIDEO, form, err);
    }

    if (rc == DS_OK) {
        rc = ds_clip_track(&c, DS_AUDIO, form, err);
    }

    if (rc == DS_OK) {
        rc = ds_clip_read(&c, err);
    }

    if (rc == DS_OK && c.loop->sent[DS_VIDEO] < form->rate) {
        l = ds_picture_still(c.first, form, cancel, err);

    } else if (rc == DS_OK && ds_loop_close(c.loop, err) == DS_OK) {
        l = c.loop;
        c.loop = NULL;

    } else {
        l = NULL;
    }

    if (l == NULL && atomic_load(cancel)) {
        (void) ds_fail(err, DS_ECANCELED, "canceled");
    }

    ds_clip_close(&c);

    return l;
}


static int
ds_clip_open(ds_clip_t *c, const char *path, ds_error_t *err)
{
    int           rc;
    char         *url, buf[AV_ERROR_MAX_STRING_SIZE];
    struct stat   st;
    AVDictionary *opts;

    /* nothing that may block, or never ends */

    if (stat(path, &st) == -1 || !S_ISREG(st.st_mode)) {
        return ds_fail(err, DS_ESLATE_INVALID, "there is no such file");
    }

    c->frame = av_frame_alloc();
    c->pkt = av_packet_alloc();
    c->ctx = avformat_alloc_context();
    url = ds_sprintf("file:%s", path);

    if (c->frame == NULL || c->pkt == NULL || c->ctx == NULL || url == NULL) {
        free(url);
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    c->ctx->interrupt_callback.callback = ds_clip_interrupt;
    c->ctx->interrupt_callback.opaque = c;

    opts = NULL;
    (void) av_dict_set(&opts, "protocol_whitelist", "file", 0);

    rc = avformat_open_input(&c->ctx, url, NULL, &opts);

    av_dict_free(&opts);
    free(url);

    if (rc >= 0) {
        rc = avformat_find_stream_info(c->ctx, NULL);
    }

    if (rc < 0) {
        (void) av_strerror(rc, buf, sizeof(buf));
        return ds_fail(err, DS_ESLATE_INVALID, "it cannot be read: %s", buf);
    }

    return DS_OK;
}


static int
ds_clip_track(ds_clip_t *c, int track, const ds_form_t *form, ds_error_t *err)
{
    int               n;
    ds_clip_track_t  *t;

    t = &c->track[track];

    n = av_find_best_stream(c->ctx, track == DS_VIDEO ? AVMEDIA_TYPE_VIDEO
                                                      : AVMEDIA_TYPE_AUDIO,
                            -1, -1, NULL, 0);

    if (n < 0 && track == DS_AUDIO) {
        return DS_OK;
    }

    if (n < 0) {
        return ds_fail(err, DS_ESLATE_INVALID, "it has no picture");
    }

    if (ds_clip_decoder(t, c->ctx->streams[n]) < 0) {
        return ds_fail(err, DS_ESLATE_INVALID, "its %s cannot be decoded",
                       track == DS_VIDEO ? "picture" : "sound");
    }

    t->index = n;

    if (ds_clip_graph(c, track, form) < 0) {
        return ds_fail(err, DS_ESLATE_INVALID, "its %s cannot be converted",
                       track == DS_VIDEO ? "picture" : "sound");
    }

    return DS_OK;
}


static int
ds_clip_decoder(ds_clip_track_t *t, const AVStream *st)
{
    const AVCodec  *codec;

    codec = avcodec_find_decoder(st->codecpar->codec_id);
    if (codec == NULL) {
        return AVERROR_DECODER_NOT_FOUND;
    }

    t->dec = avcodec_alloc_context3(codec);
    if (t->dec == NULL) {
        return AVERROR(ENOMEM);
    }

    if (avcodec_parameters_to_context(t->dec, st->codecpar) < 0) {
        return AVERROR(ENOMEM);
    }

    t->dec->pkt_timebase = st->time_base;
    t->dec->thread_count = 1;
    t->dec->max_pixels = DS_MAX_PIXELS;

    return avcodec_open2(t->dec, codec, NULL);
}


static int
ds_clip_graph(ds_clip_t *c, int track, const ds_form_t *form)
{
    int               rc;
    char              desc[512];
    AVFilterInOut    *in, *out;
    ds_clip_track_t  *t;

    t = &c->track[track];

    if (track == DS_VIDEO) {
        (void) snprintf(desc, sizeof(desc),
            "fps=%d:start_time=0,scale=iw*sar:ih,"
            "scale=%d:%d:force_original_aspect_ratio=decrease"
            ":force_divisible_by=2,pad=%d:%d:-1:-1,setsar=1,format=yuv420p",
            form->rate, form->width, form->height, form->width,
            form->height);

    } else {
        (void) snprintf(desc, sizeof(desc),
            "aresample=%d:async=1:first_pts=0,"
            "aformat=sample_fmts=fltp:sample_rates=%d:channel_layouts=%s,"
            "asetnsamples=n=%u:p=1", form->sample_rate, form->sample_rate,
            form->channels == 1 ? "mono" : "stereo", c->loop->frame);
    }

    t->graph = avfilter_graph_alloc();
    if (t->graph == NULL) {
        return AVERROR(ENOMEM);
    }

    t->graph->nb_threads = 1;

    rc = ds_clip_source(c, t, track);
    if (rc < 0) {
        return rc;
    }

    in = avfilter_inout_alloc();
    out = avfilter_inout_alloc();

    if (in != NULL && out != NULL) {
        out->name = av_strdup("in");
        out->filter_ctx = t->src;
        in->name = av_strdup("out");
        in->filter_ctx = t->sink;

        rc = avfilter_graph_parse_ptr(t->graph, desc, &in, &out, NULL);

    } else {
        rc = AVERROR(ENOMEM);
    }

    avfilter_inout_free(&in);
    avfilter_inout_free(&out);

    return rc < 0 ? rc : avfilter_graph_config(t->graph, NULL);
}


/* both ends of a graph */

static int
ds_clip_source(ds_clip_t *c, ds_clip_track_t *t, int track)
{
    int                       rc;
    const char               *in, *out;
    AVBufferSrcParameters    *par;
    const AVCodecParameters  *cp;

    in = track == DS_VIDEO ? "buffer" : "abuffer";
    out = track == DS_VIDEO ? "buffersink" : "abuffersink";
    cp = c->ctx->streams[t->index]->codecpar;

    t->src = avfilter_graph_alloc_filter(t->graph, avfilter_get_by_name(in),
                                         "in");
    par = av_buffersrc_parameters_alloc();

    if (t->src == NULL || par == NULL) {
        av_free(par);
        return AVERROR(ENOMEM);
    }

    par->format = track == DS_VIDEO ? (int) t->dec->pix_fmt
                                    : (int) t->dec->sample_fmt;
    par->time_base = c->ctx->streams[t->index]->time_base;
    par->width = t->dec->width;
    par->height = t->dec->height;
    par->sample_aspect_ratio = cp->sample_aspect_ratio;
    par->sample_rate = t->dec->sample_rate;

    rc = av_channel_layout_copy(&par->ch_layout, &t->dec->ch_layout);

    if (rc >= 0) {
        rc = av_buffersrc_parameters_set(t->src, par);
    }

    av_channel_layout_uninit(&par->ch_layout);
    av_free(par);

    if (rc >= 0) {
        rc = avfilter_init_str(t->src, NULL);
    }

    if (rc >= 0) {
        rc = avfilter_graph_create_filter(&t->sink, avfilter_get_by_name(out),
                                          "out", NULL, NULL, t->graph);
    }

    return rc;
}


static int
ds_clip_read(ds_clip_t *c, ds_error_t *err)
{
    int  i, rc;

    rc = DS_OK;

    while (rc == DS_OK && !ds_clip_full(c, DS_VIDEO)
           && av_read_frame(c->ctx, c->pkt) >= 0)
    {
        for (i = 0; i < 2 && rc == DS_OK; i++) {
            if (c->pkt->stream_index == c->track[i].index) {
                rc = ds_clip_decode(c, i, c->pkt, err);
            }
        }

        av_packet_unref(c->pkt);

        if (atomic_load(c->cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }
    }

    for (i = 0; i < 2 && rc == DS_OK; i++) {
        if (c->track[i].index != -1) {
            rc = ds_clip_decode(c, i, NULL, err);
        }
    }

    if (rc == DS_OK && c->first == NULL) {
        rc = ds_fail(err, DS_ESLATE_INVALID, "it has no picture that can be "
                     "decoded");
    }

    return rc;
}


/* "pkt" NULL: the end.  What is damaged is left out. */

static int
ds_clip_decode(ds_clip_t *c, int track, AVPacket *pkt, ds_error_t *err)
{
    int64_t           start;
    AVStream         *st;
    ds_clip_track_t  *t;

    t = &c->track[track];
    st = c->ctx->streams[t->index];
    start = c->ctx->start_time == AV_NOPTS_VALUE ? 0
            : av_rescale_q(c->ctx->start_time, AV_TIME_BASE_Q, st->time_base);

    (void) avcodec_send_packet(t->dec, pkt);

    while (avcodec_receive_frame(t->dec, c->frame) >= 0) {

        if (c->frame->best_effort_timestamp != AV_NOPTS_VALUE) {
            c->frame->pts = c->frame->best_effort_timestamp - start;
        }

        t->last = c->frame->pts;
        c->frame->pict_type = AV_PICTURE_TYPE_NONE;

        if (av_buffersrc_add_frame(t->src, c->frame) < 0) {
            av_frame_unref(c->frame);
            return ds_fail(err, DS_ESLATE_INVALID, "it cannot be converted");
        }

        if (ds_clip_drain(c, track, err) != DS_OK) {
            return err->code;
        }
    }

    if (pkt != NULL) {
        return DS_OK;
    }

    /* the last picture is shown, too */

    if (av_buffersrc_close(t->src, t->last + ds_clip_step(c, st), 0) < 0) {
        return ds_fail(err, DS_ESLATE_INVALID, "it cannot be converted");
    }

    return ds_clip_drain(c, track, err);
}


/* a picture of the loop, in the units of "st" */

static int64_t
ds_clip_step(ds_clip_t *c, const AVStream *st)
{
    return av_rescale_q(1, (AVRational) { 1, c->loop->form.rate },
                        st->time_base);
}


static int
ds_clip_drain(ds_clip_t *c, int track, ds_error_t *err)
{
    int  rc;

    rc = DS_OK;

    while (rc == DS_OK && !atomic_load(c->cancel)
           && av_buffersink_get_frame(c->track[track].sink, c->frame) >= 0)
    {
        if (track == DS_VIDEO && c->first == NULL) {
            c->first = av_frame_clone(c->frame);
        }

        if (!ds_clip_full(c, track)) {
            rc = ds_loop_put(c->loop, track, c->frame, err);
        }

        av_frame_unref(c->frame);
    }

    return rc;
}


static bool
ds_clip_full(ds_clip_t *c, int track)
{
    ds_loop_t  *l;

    l = c->loop;

    return ds_loop_full(l)
           || (track == DS_AUDIO
               && l->sent[DS_AUDIO] * l->frame
                  >= (int64_t) DS_LOOP_TIME * l->form.sample_rate);
}


static int
ds_clip_interrupt(void *data)
{
    ds_clip_t  *c = data;

    return atomic_load(c->cancel);
}


static void
ds_clip_close(ds_clip_t *c)
{
    int  i;

    for (i = 0; i < 2; i++) {
        avfilter_graph_free(&c->track[i].graph);
        avcodec_free_context(&c->track[i].dec);
    }

    avformat_close_input(&c->ctx);
    av_frame_free(&c->first);
    av_frame_free(&c->frame);
    av_packet_free(&c->pkt);
    ds_loop_free(&c->loop);
}
