
/*
 * ds_output.c: publishes H.264 and AAC: libavformat's FLV muxer makes tags of
 * the packets, ds_rtmp.c sends them.  Knows nothing of items: it gets one
 * timeline and writes it.
 */

#define _GNU_SOURCE

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>

#include "media/ds_codec.h"
#include "net/ds_sock.h"
#include "rtmp/ds_flv.h"
#include "base/ds_item.h"
#include "air/ds_output.h"
#include "base/ds_url.h"


/*
 * The muxer fills in the sizes of headers and metadata afterwards, which has
 * to happen before they leave this buffer
 */
#define DS_OUTPUT_BUFFER  (2 * DS_CODEC_HEADER + 8192)

/* ms */
#define DS_LOOKUP_TIME    5000

/*
 * ms: nginx-rtmp passes time stamps on through 2^32 for ever, and so may the
 * others that count modulo 2^32.  A reader of libavformat's counts on from
 * the first one it saw, for 2^32 ms (49.7 days), then they go back for it.
 * So a session ends 3 days before, or later when nobody asks; the time stamps
 * of the next one go on where they were.
 */
#define DS_SESSION_TIME   ((INT64_C(1) << 32) - (INT64_C(1) << 28))


#if LIBAVFORMAT_VERSION_MAJOR >= 61
typedef const uint8_t  ds_output_byte_t;
#else
typedef uint8_t        ds_output_byte_t;
#endif


struct ds_output_s {
    AVFormatContext  *ctx;
    ds_rtmp_t        *rtmp;
    ds_flv_t          flv;
    ds_error_t        err;              /* why ds_output_tags() failed */
    int64_t           first;            /* ms, DTS; -1: none was sent */
    int64_t           last[2];          /* ms, the last DTS of each track */
};


static ds_output_t *ds_output_create(const ds_rtmp_conf_t *conf,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_output_muxer(ds_output_t *out, ds_error_t *err);
static int ds_output_tags(void *data, ds_output_byte_t *buf, int size);
static int ds_output_failed(ds_output_t *out, int rc, const char *what,
    ds_error_t *err);
static int ds_output_push_address(const char *push, char *buf, size_t size,
    ds_cancel_t *cancel, ds_error_t *err);
static char *ds_output_name(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err);
static int ds_output_header(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio);
static int ds_output_change(ds_output_t *out, AVPacket *pkt,
    const AVCodecParameters *par, ds_error_t *err);


ds_output_t *
ds_output_open(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char            *name;
    ds_output_t     *out;
    ds_rtmp_conf_t   conf;

    ds_error_clear(err);

    name = ds_output_name(target, cancel, err);
    if (name == NULL) {
        return NULL;
    }

    conf = (ds_rtmp_conf_t) { .url = target->publish, .name = name };
    out = ds_output_create(&conf, cancel, err);

    free(name);

    return out;
}


ds_output_t *
ds_output_push(const char *url, const char *certificate, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int              len;
    char            *app;
    ds_url_t         u;
    ds_output_t     *out;
    ds_rtmp_conf_t   conf;

    ds_error_clear(err);

    if (ds_url_parse(&u, url, err) != DS_OK) {
        return NULL;
    }

    /* the key is the last part of the path, with its arguments */

    for (len = u.path_len; len > 0 && u.path[len - 1] != '/'; len--) {
        /* void */
    }

    app = ds_sprintf("%.*s", (int) (u.path - url) + len - (len != 0), url);
    if (app == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        return NULL;
    }

    conf = (ds_rtmp_conf_t) { app, u.path + len, certificate, true };
    out = ds_output_create(&conf, cancel, err);

    free(app);

    return out;
}


static ds_output_t *
ds_output_create(const ds_rtmp_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err)
{
    ds_output_t  *out;

    out = calloc(1, sizeof(ds_output_t));
    if (out == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    out->first = out->last[0] = out->last[1] = -1;

    if (ds_output_muxer(out, err) == DS_OK) {
        out->rtmp = ds_rtmp_publish(conf, cancel, err);
        out->flv.rtmp = out->rtmp;
    }

    if (out->rtmp == NULL) {
        ds_output_close(&out);
    }

    return out;
}


static int
ds_output_muxer(ds_output_t *out, ds_error_t *err)
{
    int       rc;
    uint8_t  *buf;

    rc = avformat_alloc_output_context2(&out->ctx, NULL, "flv", NULL);
    if (rc < 0) {
        return ds_fail(err, DS_ENOMEM,
                       "avformat_alloc_output_context2() failed");
    }

    buf = av_malloc(DS_OUTPUT_BUFFER);
    if (buf == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_malloc() failed");
    }

    out->ctx->pb = avio_alloc_context(buf, DS_OUTPUT_BUFFER, 1, out, NULL,
                                      ds_output_tags, NULL);
    if (out->ctx->pb == NULL) {
        av_free(buf);
        return ds_fail(err, DS_ENOMEM, "avio_alloc_context() failed");
    }

    out->ctx->flush_packets = 0;
    out->ctx->flags |= AVFMT_FLAG_CUSTOM_IO;

    return DS_OK;
}


static int
ds_output_tags(void *data, ds_output_byte_t *buf, int size)
{
    ds_output_t  *out = data;

    if (ds_flv_write(&out->flv, buf, size, &out->err) != DS_OK) {
        return AVERROR(EIO);
    }

    return size;
}


int
ds_output_begin(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err)
{
    int  rc;

    rc = ds_output_header(out, video, audio);

    /*
     * The headers wait for the first packet, as they have its time stamp;
     * from there on each packet's tags leave at once, so that a header never
     * straddles the buffer's end.
     */

    out->ctx->flush_packets = 1;

    return rc < 0 ? ds_output_failed(out, rc, "avformat_write_header()", err)
                  : ds_output_flush(out, err);
}


/* the stream's name with what on_publish wants to see, malloc()ed */

static char *
ds_output_name(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char        *name, address[INET_ADDRSTRLEN + 16];
    const char  *sep;

    address[0] = '\0';
    sep = "";

    if (target->push != NULL) {
        if (ds_output_push_address(target->push, address, sizeof(address),
                                   cancel, err)
            != DS_OK)
        {
            return NULL;
        }

        sep = "&ds_push=";
    }

    name = ds_sprintf("%s?ds_token=%s%s%s", target->name, target->token, sep,
                      address);
    if (name == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    return name;
}


/*
 * nginx-rtmp wants an address where a redirect says "push", and a name looked
 * up once may be stale by now: so look it up at each connect.
 */

static int
ds_output_push_address(const char *push, char *buf, size_t size,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int       rc;
    char      addr[INET_ADDRSTRLEN];
    ds_url_t  u;

    rc = ds_url_parse(&u, push, err);

    if (rc == DS_OK) {
        rc = ds_sock_lookup(&u, addr, DS_LOOKUP_TIME, cancel, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    (void) snprintf(buf, size, "%s:%d", addr, u.port == -1 ? 1935 : u.port);

    return DS_OK;
}


static int
ds_output_header(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio)
{
    int                       i, rc;
    AVStream                 *st;
    AVDictionary             *opts;
    const AVCodecParameters  *par[2];

    par[0] = video;
    par[1] = audio;

    for (i = 0; i < 2; i++) {
        st = avformat_new_stream(out->ctx, NULL);
        if (st == NULL) {
            return AVERROR(ENOMEM);
        }

        rc = avcodec_parameters_copy(st->codecpar, par[i]);
        if (rc < 0) {
            return rc;
        }

        st->codecpar->codec_tag = 0;
        st->time_base = (AVRational) { 1, 1000 };
    }

    opts = NULL;
    (void) av_dict_set(&opts, "flvflags", "no_duration_filesize", 0);

    rc = avformat_write_header(out->ctx, &opts);
    av_dict_free(&opts);

    return rc;
}


int
ds_output_write(ds_output_t *out, AVPacket *pkt,
    const AVCodecParameters *extradata, ds_error_t *err)
{
    int       rc, track;
    size_t    size;
    int64_t   dts, pts, was_dts, was_pts;

    track = pkt->stream_index;

    /* one that a file has in its midst, which nobody has checked */

    if (av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size) != NULL
        && size > DS_CODEC_HEADER)
    {
        av_packet_free_side_data(pkt);
    }

    if (extradata != NULL) {
        rc = ds_output_change(out, pkt, extradata, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    was_dts = pkt->dts;
    was_pts = pkt->pts;

    dts = pkt->dts / 1000;
    pts = pkt->pts / 1000;

    if (dts <= out->last[track]) {
        dts = out->last[track] + 1;
    }

    if (pts < dts) {
        pts = dts;
    }

    if (out->first == -1) {
        out->first = dts;
    }

    out->last[track] = dts;
    out->flv.timestamp = dts;

    pkt->dts = dts;
    pkt->pts = pts;
    pkt->duration = 0;
    pkt->time_base = (AVRational) { 1, 1000 };

    rc = av_write_frame(out->ctx, pkt);

    pkt->dts = was_dts;
    pkt->pts = was_pts;

    if (rc < 0) {
        return ds_output_failed(out, rc, "av_write_frame()", err);
    }

    return DS_OK;
}


/*
 * The muxer makes a header of the side data.  Players, and nginx-rtmp, know
 * the picture's size from the metadata, which it makes anew when told to.
 */

static int
ds_output_change(ds_output_t *out, AVPacket *pkt, const AVCodecParameters *par,
    ds_error_t *err)
{
    uint8_t            *side;
    AVCodecParameters  *old;

    /* a header of the packet's own is newer than its item's */

    side = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, NULL);

    if (side == NULL && par->extradata_size > 0) {
        side = av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                       par->extradata_size);
        if (side == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_packet_new_side_data() failed");
        }

        memcpy(side, par->extradata, par->extradata_size);
    }

    old = out->ctx->streams[pkt->stream_index]->codecpar;

    if (old->width != par->width || old->height != par->height
        || old->sample_rate != par->sample_rate)
    {
        old->width = par->width;
        old->height = par->height;
        old->sample_rate = par->sample_rate;
        old->bit_rate = par->bit_rate;

        out->ctx->event_flags |= AVFMT_EVENT_FLAG_METADATA_UPDATED;
    }

    return DS_OK;
}


bool
ds_output_worn(const ds_output_t *out)
{
    return out->first != -1
           && out->last[DS_VIDEO] - out->first > DS_SESSION_TIME;
}


int
ds_output_flush(ds_output_t *out, ds_error_t *err)
{
    return ds_rtmp_flush(out->rtmp, err);
}


void
ds_output_close(ds_output_t **pout)
{
    ds_output_t  *out;

    out = *pout;
    if (out == NULL) {
        return;
    }

    *pout = NULL;

    ds_rtmp_close(&out->rtmp);

    if (out->ctx != NULL && out->ctx->pb != NULL) {
        av_freep(&out->ctx->pb->buffer);
        avio_context_free(&out->ctx->pb);
    }

    avformat_free_context(out->ctx);
    free(out);
}


static int
ds_output_failed(ds_output_t *out, int rc, const char *what, ds_error_t *err)
{
    char  buf[AV_ERROR_MAX_STRING_SIZE];

    if (out->err.code != DS_OK) {
        if (err != NULL) {
            *err = out->err;
        }

        return out->err.code;
    }

    (void) av_strerror(rc, buf, sizeof(buf));

    return ds_fail(err, ds_rtmp_lost(out->rtmp), "%s failed: %s", what, buf);
}
