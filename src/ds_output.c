
/*
 * ds_output.c: publishes over RTMP through libavformat.  Knows nothing of
 * items: it gets one timeline and writes it.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavformat/avformat.h>

#include "ds_output.h"
#include "ds_url.h"


#define DS_CONNECT_TIME  10000
#define DS_WRITE_TIME    5000
#define DS_CLOSE_TIME    300



struct ds_output_s {
    AVFormatContext  *ctx;
    ds_cancel_t      *cancel;
    int64_t           deadline;         /* monotonic ms */
    int64_t           last[2];          /* ms, the last DTS of each track */
};


static int ds_output_interrupt(void *data);
static int ds_output_failed(ds_output_t *out, int rc, const char *what,
    ds_error_t *err);
static int ds_output_push_address(const char *push, char *buf, size_t size,
    ds_error_t *err);
static char *ds_output_url(const ds_target_t *target, ds_error_t *err);
static int ds_output_header(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio);


ds_output_t *
ds_output_open(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int           rc;
    char         *url;
    ds_output_t  *out;

    ds_error_clear(err);

    url = ds_output_url(target, err);
    if (url == NULL) {
        return NULL;
    }

    out = calloc(1, sizeof(ds_output_t));
    if (out == NULL) {
        free(url);
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    out->cancel = cancel;
    out->deadline = ds_monotonic() + DS_CONNECT_TIME;
    out->last[0] = out->last[1] = -1;

    rc = avformat_alloc_output_context2(&out->ctx, NULL, "flv", NULL);
    if (rc < 0) {
        (void) ds_fail(err, DS_ENOMEM,
                       "avformat_alloc_output_context2() failed");
        goto failed;
    }

    out->ctx->interrupt_callback.callback = ds_output_interrupt;
    out->ctx->interrupt_callback.opaque = out;
    out->ctx->flush_packets = 0;

    rc = avio_open2(&out->ctx->pb, url, AVIO_FLAG_WRITE,
                    &out->ctx->interrupt_callback, NULL);
    if (rc < 0) {
        if (rc == AVERROR(ECONNREFUSED) || rc == AVERROR(EHOSTUNREACH)
            || rc == AVERROR(ENETUNREACH))
        {
            (void) ds_fail(err, DS_EOUTPUT_REFUSED, "connect() failed: %s",
                           strerror(-rc));
        } else {
            (void) ds_output_failed(out, rc, "publish", err);

            if (err->code == DS_EOUTPUT_LOST) {
                err->code = DS_EOUTPUT_REJECTED;
            }
        }

        goto failed;
    }

    free(url);

    return out;

failed:

    free(url);
    ds_output_close(&out);

    return NULL;
}


int
ds_output_begin(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err)
{
    int  rc;

    out->deadline = ds_monotonic() + DS_WRITE_TIME;

    rc = ds_output_header(out, video, audio);

    return rc < 0 ? ds_output_failed(out, rc, "avformat_write_header()", err)
                  : DS_OK;
}


/* the publish URL with what on_publish wants to see, malloc()ed */

static char *
ds_output_url(const ds_target_t *target, ds_error_t *err)
{
    char        *url, address[INET6_ADDRSTRLEN + 16];
    const char  *sep;

    address[0] = '\0';
    sep = "";

    if (target->push != NULL) {
        if (ds_output_push_address(target->push, address, sizeof(address),
                                   err)
            != DS_OK)
        {
            return NULL;
        }

        sep = "&ds_push=";
    }

    url = ds_sprintf("%s/%s?ds_token=%s%s%s", target->publish, target->name,
                     target->token, sep, address);
    if (url == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    return url;
}


/*
 * nginx-rtmp wants an address where a redirect says "push", and a name looked
 * up once may be stale by now: so look it up at each connect.
 */

static int
ds_output_push_address(const char *push, char *buf, size_t size,
    ds_error_t *err)
{
    int               rc, port;
    char              addr[INET6_ADDRSTRLEN];
    ds_url_t          u;
    struct addrinfo   hints, *res;

    rc = ds_url_parse(&u, push, err);
    if (rc != DS_OK) {
        return rc;
    }

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = AF_INET;

    rc = getaddrinfo(u.host, NULL, &hints, &res);
    if (rc != 0) {
        return ds_fail(err, DS_EPUSH_DNS, "getaddrinfo() failed: %s, "
                       "host: \"%s\"", gai_strerror(rc), u.host);
    }

    rc = getnameinfo(res->ai_addr, res->ai_addrlen, addr, sizeof(addr),
                     NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(res);

    if (rc != 0) {
        return ds_fail(err, DS_EPUSH_DNS, "getnameinfo() failed: %s",
                       gai_strerror(rc));
    }

    port = u.port == -1 ? 1935 : u.port;

    (void) snprintf(buf, size, "%s:%d", addr, port);

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
    int64_t   dts, pts;
    uint8_t  *side;

    track = pkt->stream_index;

    if (extradata != NULL && extradata->extradata_size > 0) {
        side = av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                       extradata->extradata_size);
        if (side == NULL) {
            return ds_fail(err, DS_ENOMEM, "av_packet_new_side_data() failed");
        }

        memcpy(side, extradata->extradata, extradata->extradata_size);
    }

    dts = pkt->dts / 1000;
    pts = pkt->pts / 1000;

    if (dts <= out->last[track]) {
        dts = out->last[track] + 1;
    }

    if (pts < dts) {
        pts = dts;
    }

    out->last[track] = dts;
    out->deadline = ds_monotonic() + DS_WRITE_TIME;

    pkt->dts = dts;
    pkt->pts = pts;
    pkt->duration = 0;
    pkt->time_base = (AVRational) { 1, 1000 };

    rc = av_write_frame(out->ctx, pkt);
    if (rc < 0) {
        return ds_output_failed(out, rc, "av_write_frame()", err);
    }

    return DS_OK;
}


int
ds_output_flush(ds_output_t *out, ds_error_t *err)
{
    AVIOContext  *pb;

    pb = out->ctx->pb;
    out->deadline = ds_monotonic() + DS_WRITE_TIME;

    avio_flush(pb);

    if (pb->error < 0) {
        return ds_output_failed(out, pb->error, "send()", err);
    }

    return DS_OK;
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

    if (out->ctx != NULL) {
        /* it says goodbye, to a server that may not listen */
        out->deadline = ds_monotonic() + DS_CLOSE_TIME;

        if (out->ctx->pb != NULL) {
            (void) avio_close(out->ctx->pb);
            out->ctx->pb = NULL;
        }

        avformat_free_context(out->ctx);
    }

    free(out);
}


static int
ds_output_interrupt(void *data)
{
    ds_output_t  *out = data;

    return ds_cancel_is_set(out->cancel) || ds_monotonic() >= out->deadline;
}


static int
ds_output_failed(ds_output_t *out, int rc, const char *what, ds_error_t *err)
{
    char  buf[AV_ERROR_MAX_STRING_SIZE];

    if (ds_cancel_is_set(out->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    if (ds_monotonic() >= out->deadline) {
        return ds_fail(err, DS_EOUTPUT_LOST, "%s failed: timed out", what);
    }

    if (rc == AVERROR_EOF || rc == AVERROR(EIO)) {
        return ds_fail(err, DS_EOUTPUT_LOST,
                       "%s failed: connection closed by server", what);
    }

    (void) av_strerror(rc, buf, sizeof(buf));

    return ds_fail(err, DS_EOUTPUT_LOST, "%s failed: %s", what, buf);
}
