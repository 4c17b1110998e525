
/*
 * ds_picture_file.c: an operator's image or clip as a slate: read, decoded and
 * fitted into the form as an item is, and encoded into a loop.  The file is
 * read once.
 */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <libavfilter/buffersrc.h>

#include "air/ds_picture.h"
#include "base/ds_item.h"
#include "media/ds_compat.h"
#include "media/ds_decode.h"
#include "media/ds_filter.h"
#include "media/ds_input.h"


typedef struct {
    ds_decode_t        dec;
    ds_filter_t        filter;
    int64_t            last;            /* us, PTS of the last frame */
} ds_clip_track_t;


typedef struct {
    ds_input_t        *in;
    ds_clip_track_t    track[2];
    ds_loop_t         *loop;
    AVFrame           *first;           /* picture, for a still */
    AVFrame           *frame;
    AVPacket          *pkt;
    bool               over;            /* no more fits, or goes with it */
} ds_clip_t;


static int ds_clip_open(ds_clip_t *c, const ds_conf_t *conf, const char *path,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_clip_read(ds_clip_t *c, ds_error_t *err);
static int ds_clip_decode(ds_clip_t *c, int track, const AVPacket *pkt,
    ds_error_t *err);
static int ds_clip_graph(ds_clip_t *c, int track, ds_error_t *err);
static int ds_clip_drain(ds_clip_t *c, int track, ds_error_t *err);
static bool ds_clip_full(ds_clip_t *c, int track);
static void ds_clip_close(ds_clip_t *c);


ds_loop_t *
ds_picture_file(const ds_conf_t *conf, const char *path,
    const ds_form_t *form, ds_cancel_t *cancel, ds_error_t *err)
{
    int         rc;
    ds_clip_t   c;
    ds_loop_t  *l;

    memset(&c, 0, sizeof(ds_clip_t));

    l = NULL;
    c.loop = ds_loop_create(form, cancel, err);

    rc = c.loop == NULL ? err->code
                        : ds_clip_open(&c, conf, path, cancel, err);

    if (rc == DS_OK) {
        rc = ds_clip_read(&c, err);
    }

    if (rc == DS_OK && c.loop->sent[DS_VIDEO] < form->rate) {
        l = ds_picture_still(c.first, form, cancel, err);

    } else if (rc == DS_OK && ds_loop_close(c.loop, err) == DS_OK) {
        l = c.loop;
        c.loop = NULL;
    }

    if (l == NULL && ds_cancel_is_set(cancel)) {
        (void) ds_fail(err, DS_ECANCELED, "canceled");
    }

    ds_clip_close(&c);

    return l;
}


static int
ds_clip_open(ds_clip_t *c, const ds_conf_t *conf, const char *path,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int                       i;
    ds_media_t                m;
    ds_error_t                why;
    struct stat               st;
    const AVCodecParameters  *par;

    /* nothing that may block, or never ends */

    if (stat(path, &st) == -1 || !S_ISREG(st.st_mode)) {
        return ds_fail(err, DS_ESLATE_INVALID, "there is no such file");
    }

    c->frame = av_frame_alloc();
    c->pkt = av_packet_alloc();

    if (c->frame == NULL || c->pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    memset(&m, 0, sizeof(ds_media_t));
    m.duration = -1;
    m.nurls = 1;
    m.urls[0].local = true;
    m.urls[0].url = (char *) path;

    c->in = ds_input_open(conf, &m, NULL, cancel, &why);
    if (c->in == NULL) {
        return ds_fail(err, DS_ESLATE_INVALID, "it cannot be read: %s",
                       why.message);
    }

    if (ds_input_codecpar(c->in, DS_VIDEO) == NULL) {
        return ds_fail(err, DS_ESLATE_INVALID, "it has no picture");
    }

    for (i = 0; i < 2; i++) {
        par = ds_input_codecpar(c->in, i);

        if (par != NULL
            && ds_decode_open(&c->track[i].dec, par, &why) != DS_OK)
        {
            return ds_fail(err, DS_ESLATE_INVALID, "its %s cannot be decoded",
                           i == DS_VIDEO ? "picture" : "sound");
        }
    }

    return DS_OK;
}


static int
ds_clip_read(ds_clip_t *c, ds_error_t *err)
{
    int         i, rc;
    ds_error_t  end;

    rc = DS_OK;

    /* what is damaged is left out, and what it ends with is its end */

    while (rc == DS_OK && !ds_clip_full(c, DS_VIDEO)
           && ds_input_read(c->in, c->pkt, &end) == 1)
    {
        rc = ds_clip_decode(c, c->pkt->stream_index, c->pkt, err);
        av_packet_unref(c->pkt);
    }

    for (i = 0; i < 2 && rc == DS_OK; i++) {
        if (c->track[i].dec.ctx != NULL) {
            rc = ds_clip_decode(c, i, NULL, err);
        }
    }

    if (rc == DS_OK && c->first == NULL) {
        rc = ds_fail(err, DS_ESLATE_INVALID, "it has no picture that can be "
                     "decoded");
    }

    return rc;
}


/* "pkt" NULL: the end */

static int
ds_clip_decode(ds_clip_t *c, int track, const AVPacket *pkt, ds_error_t *err)
{
    int               rc;
    ds_clip_track_t  *t;

    t = &c->track[track];

    rc = ds_decode_put(&t->dec, pkt, err);

    while (rc == DS_OK && (rc = ds_decode_get(&t->dec, c->frame, err)) == 1) {

        c->frame->pict_type = AV_PICTURE_TYPE_NONE;
        t->last = c->frame->pts;

        rc = t->filter.graph == NULL ? ds_clip_graph(c, track, err) : DS_OK;

        if (rc == DS_OK && !ds_filter_fits(&t->filter, c->frame)) {
            c->over = true;
            av_frame_unref(c->frame);
            return DS_OK;
        }

        if (rc == DS_OK) {
            rc = ds_filter_put(&t->filter, c->frame, err);
        }

        if (rc == DS_OK) {
            rc = ds_clip_drain(c, track, err);
        }
    }

    if (rc == DS_OK && pkt == NULL && t->filter.graph != NULL) {

        /* the last picture is shown, too */

        rc = av_buffersrc_close(t->filter.src, t->last
                                + 1000000 / c->loop->form.rate, 0);
        rc = rc < 0 ? DS_EENCODE_FAILED : ds_clip_drain(c, track, err);
    }

    return rc == DS_OK || rc == DS_ENOMEM || rc == DS_ECANCELED
           ? rc : ds_fail(err, DS_ESLATE_INVALID, "it cannot be converted");
}


static int
ds_clip_graph(ds_clip_t *c, int track, ds_error_t *err)
{
    int               n;
    char              spec[1024];
    ds_picture_t      to;
    const ds_form_t  *form;

    form = &c->loop->form;

    if (track == DS_VIDEO) {
        to.width = form->width;
        to.height = form->height;
        to.matrix = ds_stream_matrix(ds_input_stream(c->in, DS_VIDEO));
        to.interlaced = ds_frame_is_interlaced(c->frame);

        n = snprintf(spec, sizeof(spec), "fps=%d:start_time=0,", form->rate);
        ds_filter_video(spec + n, sizeof(spec) - n, c->frame, &to);

    } else {
        (void) snprintf(spec, sizeof(spec),
            "aresample=%d:async=1:first_pts=0,"
            "aformat=sample_fmts=fltp:sample_rates=%d:channel_layouts=%s,"
            "asetnsamples=n=%u:p=1", form->sample_rate, form->sample_rate,
            form->channels == 1 ? "mono" : "stereo", c->loop->frame);
    }

    return ds_filter_open(&c->track[track].filter, c->frame, spec, err);
}


static int
ds_clip_drain(ds_clip_t *c, int track, ds_error_t *err)
{
    int  rc;

    while ((rc = ds_filter_get(&c->track[track].filter, c->frame, err)) == 1) {

        if (track == DS_VIDEO && c->first == NULL) {
            c->first = av_frame_clone(c->frame);
        }

        rc = ds_clip_full(c, track) ? DS_OK
             : ds_loop_put(c->loop, track, c->frame, err);

        av_frame_unref(c->frame);

        if (rc != DS_OK) {
            break;
        }
    }

    return rc;
}


static bool
ds_clip_full(ds_clip_t *c, int track)
{
    ds_loop_t  *l;

    l = c->loop;

    return c->over || ds_loop_full(l)
           || (track == DS_AUDIO
               && l->sent[DS_AUDIO] * l->frame
                  >= (int64_t) DS_LOOP_TIME * l->form.sample_rate);
}


static void
ds_clip_close(ds_clip_t *c)
{
    int  i;

    for (i = 0; i < 2; i++) {
        ds_filter_close(&c->track[i].filter);
        ds_decode_close(&c->track[i].dec);
    }

    ds_input_close(&c->in);
    av_frame_free(&c->first);
    av_frame_free(&c->frame);
    av_packet_free(&c->pkt);
    ds_loop_free(&c->loop);
}
