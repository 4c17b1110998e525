
/*
 * convert.h: media made by ffmpeg, converted, and what comes out decoded as
 * a player does and measured.  For test programs of one file.
 */

#ifndef CONVERT_H_INCLUDED_
#define CONVERT_H_INCLUDED_


#include <math.h>
#include <stdlib.h>

#include <libavcodec/avcodec.h>

#include "source/ds_convert.h"
#include "tap.h"


#define MS     1000


static char          dir[] = "/tmp/ds-convert-XXXXXX";
static ds_t         *ds;
static ds_cancel_t   cancel;
static ds_profile_t  profile;


typedef struct {
    int                 rc;
    ds_error_t          err;
    ds_decision_e       decision;
    char                reason[DS_MESSAGE_LEN];
    char                last[DS_MESSAGE_LEN];   /* reason at the end */
    AVCodecParameters  *par[2];
    int                 packets[2];
    int                 frames[2];
    int                 keys;
    int                 gops;           /* key frames not 2 s apart */
    int                 headers;        /* with a header of their own */
    int                 disorder;
    int                 errors;         /* of the decoders */
    int                 size;           /* frames of another size */
    int                 steps;          /* video frames not a frame apart */
    int64_t             first[2];       /* of decoded frames */
    int64_t             end[2];
    int64_t             white;          /* PTS of the first white picture */
    int64_t             loud;           /* and of the first loud sample */
    int64_t             took;           /* ms */
} result_t;


typedef struct {
    AVCodecContext     *ctx[2];
    AVFrame            *frame;
    int64_t             pts;
    result_t           *r;
} sink_t;


static void
make(const char *video, const char *audio, const char *arguments,
    const char *file)
{
    char  command[2048];

    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -y -f lavfi -i \"%s\" -f lavfi "
                    "-i \"%s\" %s %s </dev/null >&2", dir, video, audio,
                    arguments, file);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", file);
    }
}


static void
sink_picture(sink_t *s, const AVFrame *f)
{
    int64_t    pts;
    result_t  *r;

    r = s->r;
    pts = f->pts;

    if (f->width != (int) profile.width || f->height != (int) profile.height
        || f->format != AV_PIX_FMT_YUV420P)
    {
        r->size++;
    }

    if (r->frames[DS_VIDEO] != 0
        && llabs(pts - s->pts - 1000000 / profile.rate) > 2)
    {
        r->steps++;
    }

    if (r->white == INT64_MIN
        && f->data[0][f->linesize[0] * (f->height / 2) + f->width / 2] > 180)
    {
        r->white = pts;
    }

    s->pts = pts;
}


static void
sink_sound(sink_t *s, const AVFrame *f)
{
    int           i;
    const float  *p;

    p = (const float *) f->extended_data[0];

    for (i = 0; i < f->nb_samples && s->r->loud == INT64_MIN; i++) {
        if (fabsf(p[i]) > 0.2) {
            s->r->loud = f->pts + (int64_t) i * 1000000 / f->sample_rate;
        }
    }
}


/* as a player does: "pkt" NULL ends */

static void
sink_packet(sink_t *s, int track, AVPacket *pkt)
{
    int        rc;
    result_t  *r;

    r = s->r;

    if (avcodec_send_packet(s->ctx[track], pkt) < 0) {
        r->errors++;
    }

    while ((rc = avcodec_receive_frame(s->ctx[track], s->frame)) == 0) {

        if (track == DS_VIDEO) {
            sink_picture(s, s->frame);

        } else {
            sink_sound(s, s->frame);
        }

        if (r->frames[track]++ == 0) {
            r->first[track] = s->frame->pts;
        }
    }

    if (rc != AVERROR(EAGAIN) && rc != AVERROR_EOF) {
        r->errors++;
    }
}


static void
sink_open(sink_t *s, result_t *r)
{
    int  i;

    s->r = r;
    s->frame = av_frame_alloc();

    for (i = 0; i < 2; i++) {
        s->ctx[i] = avcodec_alloc_context3(
                                 avcodec_find_decoder(r->par[i]->codec_id));
        (void) avcodec_parameters_to_context(s->ctx[i], r->par[i]);
        s->ctx[i]->pkt_timebase = (AVRational) { 1, 1000000 };
        s->ctx[i]->err_recognition = AV_EF_EXPLODE | AV_EF_CRCCHECK;
        s->ctx[i]->thread_count = 1;

        if (avcodec_open2(s->ctx[i], NULL, NULL) < 0) {
            r->errors++;
        }
    }
}


static void
sink_close(sink_t *s)
{
    int  i;

    for (i = 0; i < 2; i++) {
        sink_packet(s, i, NULL);
        avcodec_free_context(&s->ctx[i]);
    }

    av_frame_free(&s->frame);
}


static void
drain(ds_convert_t *c, result_t *r)
{
    int        i;
    sink_t     s;
    int64_t    key, all, own[2];
    AVPacket  *pkt;

    memset(&s, 0, sizeof(s));
    sink_open(&s, r);

    pkt = av_packet_alloc();
    key = AV_NOPTS_VALUE;
    all = own[0] = own[1] = INT64_MIN;

    while ((r->rc = ds_convert_read(c, pkt, &r->err)) == 1) {
        i = pkt->stream_index;

        r->packets[i]++;
        r->disorder += pkt->dts < all || pkt->dts <= own[i]
                       || pkt->pts < pkt->dts || pkt->duration <= 0
                       || pkt->size <= 0;
        all = own[i] = pkt->dts;

        if (pkt->pts + pkt->duration > r->end[i]) {
            r->end[i] = pkt->pts + pkt->duration;
        }

        if (i == DS_VIDEO && (pkt->flags & AV_PKT_FLAG_KEY)) {
            r->keys++;
            r->gops += key != AV_NOPTS_VALUE
                       && llabs(pkt->pts - key - 2000000) > 2;
            key = pkt->pts;
        }

        r->headers += av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                              NULL) != NULL;
        sink_packet(&s, i, pkt);
        av_packet_unref(pkt);
    }

    av_packet_free(&pkt);
    sink_close(&s);
}


static void
convert_as(const char *stream, const char *file, const char *audio,
    double speed, result_t *r)
{
    int                i;
    char               url[2][256];
    int64_t            start;
    ds_entry_t         e;
    ds_reader_t       *reader;
    ds_convert_t      *c;
    ds_link_conf_t   rc;

    memset(r, 0, sizeof(result_t));
    r->white = r->loud = INT64_MIN;
    r->end[0] = r->end[1] = INT64_MIN / 4;
    start = ds_monotonic();

    (void) snprintf(url[0], 256, "file://%s/%s", dir, file);
    (void) snprintf(url[1], 256, "file://%s/%s", dir,
                    audio != NULL ? audio : "");

    memset(&e, 0, sizeof(e));
    e.url = url[0];
    e.audio_url = audio != NULL ? url[1] : NULL;
    e.plain = true;
    e.duration = -1;

    memset(&rc, 0, sizeof(rc));
    rc.ds = ds;
    rc.stream = stream;
    rc.entry = &e;
    rc.cancel = &cancel;

    reader = ds_reader_open(&rc, &r->err);
    if (reader == NULL) {
        r->rc = r->err.code;
        return;
    }

    c = ds_convert_create(&rc, &profile, reader, speed, &r->err);

    if (c == NULL) {
        r->rc = r->err.code;

    } else {
        r->decision = ds_convert_decision(c, r->reason);

        for (i = 0; i < 2; i++) {
            r->par[i] = avcodec_parameters_alloc();
            (void) avcodec_parameters_copy(r->par[i],
                                           ds_convert_codecpar(c, i));
        }

        drain(c, r);
        (void) ds_convert_decision(c, r->last);
    }

    ds_convert_free(&c);
    ds_reader_close(&reader);

    r->took = ds_monotonic() - start;
}


static void
convert(const char *file, const char *audio, result_t *r)
{
    convert_as("test", file, audio, 0, r);
}


static void
result_free(result_t *r)
{
    avcodec_parameters_free(&r->par[0]);
    avcodec_parameters_free(&r->par[1]);
}


#endif /* CONVERT_H_INCLUDED_ */
