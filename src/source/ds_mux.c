
/*
 * ds_mux.c: a file of the cache, written by libavformat through a bounded
 * buffer.  libav makes one error of many, so the one that stopped the bytes
 * is kept here.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "base/ds_item.h"
#include "source/ds_mux.h"


#define DS_MUX_BUFFER  (256 * 1024)


struct ds_mux_s {
    ds_keep_t        *keep;
    int               fd;
    int64_t           pos;
    int64_t           size;
    AVFormatContext  *ctx;
    AVPacket         *pkt;
    ds_error_t        error;            /* the first one, code 0: none */
};


static int ds_mux_begin(ds_mux_t *m, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err);
static int ds_mux_track(ds_mux_t *m, const AVCodecParameters *par);
static int ds_mux_io_write(void *data, uint8_t *buf, int n);
static int64_t ds_mux_io_seek(void *data, int64_t offset, int whence);
static int ds_mux_failed(ds_mux_t *m, const char *call, int rc,
    ds_error_t *err);
static void ds_mux_free(ds_mux_t *m);


ds_mux_t *
ds_mux_open(ds_keep_t *keep, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err)
{
    char      *path;
    ds_mux_t  *m;

    m = calloc(1, sizeof(ds_mux_t));
    if (m == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    m->keep = keep;
    m->fd = -1;

    path = ds_sprintf("%s/0", ds_keep_path(keep));

    if (path != NULL) {
        m->fd = open(path, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600);
    }

    free(path);

    if (m->fd == -1) {
        (void) ds_fail(err, DS_ECACHE_FAILED, "open() failed: %s",
                       strerror(errno));
        ds_mux_free(m);
        return NULL;
    }

    if (ds_mux_begin(m, video, audio, err) != DS_OK) {
        ds_mux_free(m);
        return NULL;
    }

    return m;
}


static int
ds_mux_begin(ds_mux_t *m, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err)
{
    int       rc;
    uint8_t  *buf;

    m->pkt = av_packet_alloc();
    rc = avformat_alloc_output_context2(&m->ctx, NULL, "flv", NULL);

    if (m->pkt == NULL || rc < 0 || ds_mux_track(m, video) != DS_OK
        || ds_mux_track(m, audio) != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for a muxer");
    }

    buf = av_malloc(DS_MUX_BUFFER);
    if (buf == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_malloc() failed");
    }

    m->ctx->pb = avio_alloc_context(buf, DS_MUX_BUFFER, 1, m, NULL,
                                    ds_mux_io_write, ds_mux_io_seek);
    if (m->ctx->pb == NULL) {
        av_free(buf);
        return ds_fail(err, DS_ENOMEM, "avio_alloc_context() failed");
    }

    /* the buffer is what bounds the writes, not the packets */
    m->ctx->flags |= AVFMT_FLAG_CUSTOM_IO;
    m->ctx->flush_packets = 0;

    rc = avformat_write_header(m->ctx, NULL);

    if (rc < 0) {
        return ds_mux_failed(m, "avformat_write_header()", rc, err);
    }


    return DS_OK;
}


static int
ds_mux_track(ds_mux_t *m, const AVCodecParameters *par)
{
    AVStream  *st;

    st = avformat_new_stream(m->ctx, NULL);

    if (st == NULL || avcodec_parameters_copy(st->codecpar, par) < 0) {
        return DS_ENOMEM;
    }

    /* a tag of another container's is refused */
    st->codecpar->codec_tag = 0;

    return DS_OK;
}


int
ds_mux_write(ds_mux_t *m, const AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    rc = av_packet_ref(m->pkt, pkt);
    if (rc < 0) {
        return ds_fail(err, DS_ENOMEM, "av_packet_ref() failed");
    }

    av_packet_rescale_ts(m->pkt, AV_TIME_BASE_Q,
                         m->ctx->streams[pkt->stream_index]->time_base);

    rc = av_write_frame(m->ctx, m->pkt);
    av_packet_unref(m->pkt);

    if (rc < 0 || m->error.code != DS_OK) {
        return ds_mux_failed(m, "av_write_frame()", rc, err);
    }

    return DS_OK;
}


int
ds_mux_close(ds_mux_t **pm, ds_error_t *err)
{
    int        rc;
    ds_mux_t  *m;

    m = *pm;
    *pm = NULL;

    rc = av_write_trailer(m->ctx);

    if (rc < 0 || m->error.code != DS_OK) {
        rc = ds_mux_failed(m, "av_write_trailer()", rc, err);
    }

    ds_mux_free(m);

    return rc;
}


static void
ds_mux_free(ds_mux_t *m)
{
    if (m->ctx != NULL) {
        if (m->ctx->pb != NULL) {
            av_freep(&m->ctx->pb->buffer);
            avio_context_free(&m->ctx->pb);
        }

        avformat_free_context(m->ctx);
    }

    if (m->fd != -1) {
        (void) close(m->fd);
    }

    av_packet_free(&m->pkt);
    free(m);
}


static int
ds_mux_io_write(void *data, uint8_t *buf, int n)
{
    int        done;
    ssize_t    rc;
    ds_mux_t  *m = data;

    if (m->error.code != DS_OK) {
        return AVERROR(EIO);
    }

    if (m->pos + n > m->size) {
        m->size = m->pos + n;

        if (ds_keep_grown(m->keep, m->size, &m->error) != DS_OK) {
            return AVERROR(EIO);
        }
    }

    for (done = 0; done < n; done += rc) {
        rc = pwrite(m->fd, buf + done, n - done, m->pos + done);

        if (rc <= 0) {
            (void) ds_fail(&m->error, errno == ENOSPC || errno == EDQUOT
                           ? DS_ECACHE_FULL : DS_ECACHE_FAILED,
                           "pwrite() failed: %s", strerror(errno));
            return AVERROR(EIO);
        }
    }

    m->pos += n;

    return n;
}


static int64_t
ds_mux_io_seek(void *data, int64_t offset, int whence)
{
    ds_mux_t  *m = data;

    switch (whence & ~AVSEEK_FORCE) {

    case AVSEEK_SIZE:
        return m->size;

    case SEEK_SET:
        break;

    case SEEK_CUR:
        offset += m->pos;
        break;

    case SEEK_END:
        offset += m->size;
        break;

    default:
        return AVERROR(EINVAL);
    }

    m->pos = offset;

    return offset;
}


static int
ds_mux_failed(ds_mux_t *m, const char *call, int rc, ds_error_t *err)
{
    char  text[AV_ERROR_MAX_STRING_SIZE];

    if (m->error.code != DS_OK) {
        if (err != NULL) {
            *err = m->error;
        }

        return m->error.code;
    }

    if (rc == AVERROR(ENOMEM)) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    (void) av_strerror(rc, text, sizeof(text));

    return ds_fail(err, DS_ECACHE_FAILED, "%s failed: %s", call, text);
}
