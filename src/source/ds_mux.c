
/*
 * ds_mux.c: a file of the cache, written by libavformat through a bounded
 * buffer.  libav makes one error of many, so the one that stopped the bytes
 * is kept here.
 *
 * One that was left unfinished is gone on with at its last whole key frame
 * (the tags are those of Adobe's FLV specification, E.4): the muxer begins
 * anew, its headers are compared with those that are there.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavformat/avformat.h>
#include <libavutil/intfloat.h>
#include <libavutil/intreadwrite.h>

#include "base/ds_item.h"
#include "media/ds_compat.h"
#include "source/ds_mux.h"


#define DS_MUX_BUFFER  (64 * 1024)

/* of FLV: the file's header, a tag's, and the size behind each of them */
#define DS_MUX_FILE    9
#define DS_MUX_TAG     11
#define DS_MUX_BEHIND  4

/* bytes; "duration" is the first property of the metadata */
#define DS_MUX_HEAD    128

/* bytes at the end of a frame by which it is known again */
#define DS_MUX_SAME    64

/* ms; what all of it will have is told, and believed, from so much of it */
#define DS_MUX_TOLD    1000
#define DS_MUX_SURE    10000


/* the last whole key frame of an unfinished file; ms */

typedef struct {
    int64_t           video;            /* its DTS, 0: there is none */
    int64_t           audio;            /* of the last frame before, or -1 */
    int64_t           pos;              /* of its tag */
    int64_t           end;              /* of its data */
} ds_mux_left_t;


struct ds_mux_s {
    ds_keep_t        *keep;
    char             *path;
    int               fd;
    int64_t           pos;
    int64_t           size;
    int64_t           duration;         /* ms, -1: unknown */
    int64_t           last;             /* ms, DTS of the last packet */
    int64_t           end;              /* ms, PTS of where all ends */
    ds_mux_left_t     left;
    int64_t           shift;            /* ms, see DS_MUX_SHIFT */
    bool              resuming;         /* until that frame has come again */
    AVFormatContext  *ctx;
    AVPacket         *pkt;
    ds_error_t        error;            /* the first one, code 0: none */
};


static char *ds_mux_path(ds_keep_t *keep);
static void ds_mux_scan(int fd, ds_mux_left_t *left);
static int ds_mux_begin(ds_mux_t *m, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err);
static int ds_mux_track(ds_mux_t *m, const AVCodecParameters *par);
static bool ds_mux_goes_on(ds_mux_t *m, const AVPacket *pkt, int64_t dts);
static int ds_mux_finish(ds_mux_t *m, ds_error_t *err);
static int ds_mux_io_write(void *data, ds_avio_data_t *buf, int n);
static int ds_mux_compare(ds_mux_t *m, const uint8_t *buf, int n);
static int64_t ds_mux_io_seek(void *data, int64_t offset, int whence);
static int ds_mux_failed(ds_mux_t *m, const char *call, int rc,
    ds_error_t *err);
static void ds_mux_free(ds_mux_t *m);


int64_t
ds_mux_left(ds_keep_t *keep)
{
    int            fd;
    char          *path;
    ds_mux_left_t  left;

    path = ds_mux_path(keep);
    fd = path == NULL ? -1 : open(path, O_RDONLY|O_CLOEXEC);
    free(path);

    if (fd == -1) {
        return 0;
    }

    ds_mux_scan(fd, &left);
    (void) close(fd);

    return left.video > DS_MUX_SHIFT ? left.video : 0;
}


static char *
ds_mux_path(ds_keep_t *keep)
{
    return ds_sprintf("%s/0", ds_keep_path(keep));
}


static void
ds_mux_scan(int fd, ds_mux_left_t *left)
{
    FILE     *f;
    int       type;
    int64_t   pos, size, ms, audio;
    uint8_t   tag[DS_MUX_TAG + 2];

    memset(left, 0, sizeof(ds_mux_left_t));
    audio = -1;
    pos = DS_MUX_FILE + DS_MUX_BEHIND;

    fd = dup(fd);
    f = fd == -1 ? NULL : fdopen(fd, "r");

    if (f == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return;
    }

    while (fseeko(f, pos, SEEK_SET) == 0
           && fread(tag, 1, sizeof(tag), f) == sizeof(tag))
    {
        type = tag[0];
        size = tag[1] << 16 | tag[2] << 8 | tag[3];
        ms = (int64_t) tag[7] << 24 | tag[4] << 16 | tag[5] << 8 | tag[6];

        /* its last byte is there when what is behind it is */

        if (fseeko(f, pos + DS_MUX_TAG + size + DS_MUX_BEHIND - 1, SEEK_SET)
            != 0
            || fgetc(f) == EOF)
        {
            break;
        }

        if (type == 9 && tag[DS_MUX_TAG] == 0x17 && tag[DS_MUX_TAG + 1] == 1
            && ms > 0)
        {
            left->video = ms;
            left->audio = audio;
            left->pos = pos;
            left->end = pos + DS_MUX_TAG + size;

        } else if (type == 8 && tag[DS_MUX_TAG + 1] == 1) {
            audio = ms;
        }

        pos += DS_MUX_TAG + size + DS_MUX_BEHIND;
    }

    (void) fclose(f);
}


ds_mux_t *
ds_mux_open(ds_keep_t *keep, const AVCodecParameters *video,
    const AVCodecParameters *audio, int64_t duration, int64_t from,
    ds_error_t *err)
{
    ds_mux_t  *m;

    m = calloc(1, sizeof(ds_mux_t));
    if (m == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    m->keep = keep;
    m->duration = duration;
    m->fd = -1;
    m->path = ds_mux_path(keep);

    if (m->path == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        goto failed;
    }

    m->fd = open(m->path, O_RDWR|O_CREAT|O_CLOEXEC|(from == 0 ? O_TRUNC : 0),
                 0600);
    if (m->fd == -1) {
        (void) ds_cache_failed("open()", m->path, err);
        goto failed;
    }

    if (from != 0) {
        ds_mux_scan(m->fd, &m->left);
        m->size = m->left.pos;
        m->resuming = true;
    }

    ds_keep_set(keep, duration);

    if (ds_mux_begin(m, video, audio, err) != DS_OK) {
        goto failed;
    }

    return m;

failed:

    ds_mux_free(m);

    return NULL;
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

    if (m->resuming) {
        avio_flush(m->ctx->pb);

        if (m->error.code != DS_OK || m->left.video == 0
            || avio_seek(m->ctx->pb, m->left.pos, SEEK_SET) < 0)
        {
            return ds_fail(err, DS_ECACHE_MISSING, "it has other headers now");
        }
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
    int      rc;
    int64_t  dts, end;

    dts = av_rescale_q(pkt->dts, AV_TIME_BASE_Q,
                       m->ctx->streams[pkt->stream_index]->time_base);

    if (m->resuming && !ds_mux_goes_on(m, pkt, dts)) {
        return pkt->stream_index == DS_VIDEO && dts > m->left.video
               ? ds_fail(err, DS_ECACHE_MISSING, "it is another item now")
               : DS_OK;
    }

    dts += m->shift;

    if (m->left.video != 0 && pkt->stream_index == DS_AUDIO
        && dts <= m->left.audio)
    {
        return DS_OK;
    }

    rc = av_packet_ref(m->pkt, pkt);
    if (rc < 0) {
        return ds_fail(err, DS_ENOMEM, "av_packet_ref() failed");
    }

    av_packet_rescale_ts(m->pkt, AV_TIME_BASE_Q,
                         m->ctx->streams[pkt->stream_index]->time_base);

    m->pkt->pts += m->shift;
    m->pkt->dts += m->shift;

    end = m->pkt->pts + m->pkt->duration;
    m->end = end > m->end ? end : m->end;

    rc = av_write_frame(m->ctx, m->pkt);
    av_packet_unref(m->pkt);

    if (rc < 0 || m->error.code != DS_OK) {
        return ds_mux_failed(m, "av_write_frame()", rc, err);
    }

    m->last = dts;

    return DS_OK;
}


/*
 * True for the frame at which the file is gone on with; it is told by its
 * bytes, as libavformat has shifted what begins before 0.
 */

static bool
ds_mux_goes_on(ds_mux_t *m, const AVPacket *pkt, int64_t dts)
{
    size_t    n;
    uint8_t   there[DS_MUX_SAME];

    n = pkt->size < DS_MUX_SAME ? pkt->size : DS_MUX_SAME;

    if (pkt->stream_index != DS_VIDEO || !(pkt->flags & AV_PKT_FLAG_KEY)
        || dts > m->left.video || dts < m->left.video - DS_MUX_SHIFT
        || m->left.end - m->left.pos < (int64_t) n
        || pread(m->fd, there, n, m->left.end - n) != (ssize_t) n
        || memcmp(there, pkt->data + pkt->size - n, n) != 0)
    {
        return false;
    }

    m->shift = m->left.video - dts;
    m->resuming = false;

    return true;
}


uint64_t
ds_mux_size(ds_mux_t *m)
{
    return avio_tell(m->ctx->pb);
}


uint64_t
ds_mux_total(ds_mux_t *m)
{
    return m->duration <= 0 || m->last < DS_MUX_TOLD
           ? 0 : (uint64_t) ((double) ds_mux_size(m) / m->last * m->duration);
}


int
ds_mux_close(ds_mux_t **pm, bool whole, ds_error_t *err)
{
    int        rc;
    ds_mux_t  *m;

    m = *pm;
    *pm = NULL;
    rc = DS_OK;

    if (whole && m->resuming) {
        rc = ds_fail(err, DS_ECACHE_MISSING, "it is shorter now");

    } else if (whole) {
        rc = av_write_trailer(m->ctx);

        if (rc < 0 || m->error.code != DS_OK) {
            rc = ds_mux_failed(m, "av_write_trailer()", rc, err);

        } else if (m->left.video != 0) {
            rc = ds_mux_finish(m, err);
        }

    } else {
        avio_flush(m->ctx->pb);
    }

    ds_mux_free(m);

    return rc;
}


/*
 * One that was gone on with: what was behind goes, and its duration, which the
 * muxer has counted from where it began, is told anew.
 */

static int
ds_mux_finish(ds_mux_t *m, ds_error_t *err)
{
    char       *p;
    uint8_t     head[DS_MUX_HEAD], value[8];
    ssize_t     n;

    static const char  name[] = "duration";

    n = pread(m->fd, head, sizeof(head), 0);
    p = n < 0 ? NULL : memmem(head, n, name, sizeof(name) - 1);

    /* behind the name is the type of a number */

    AV_WB64(value, av_double2int(m->end / 1000.0));

    if (ftruncate(m->fd, m->size) == -1
        || (p != NULL
            && pwrite(m->fd, value, 8, p - (char *) head + sizeof(name)) != 8))
    {
        return ds_cache_failed("pwrite()", m->path, err);
    }

    return DS_OK;
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
    free(m->path);
    free(m);
}


static int
ds_mux_io_write(void *data, ds_avio_data_t *buf, int n)
{
    int        done;
    ssize_t    rc;
    ds_mux_t  *m = data;

    if (m->error.code != DS_OK) {
        return AVERROR(EIO);
    }

    if (m->resuming && m->pos < m->left.pos) {
        return ds_mux_compare(m, buf, n);
    }

    if (m->pos + n > m->size) {
        m->size = m->pos + n;

        if (ds_keep_grown(m->keep, m->size, m->last < DS_MUX_SURE
                          ? 0 : ds_mux_total(m), &m->error)
            != DS_OK)
        {
            return AVERROR(EIO);
        }
    }

    for (done = 0; done < n; done += rc) {
        rc = pwrite(m->fd, buf + done, n - done, m->pos + done);

        if (rc <= 0) {
            (void) ds_cache_failed("pwrite()", m->path, &m->error);
            return AVERROR(EIO);
        }
    }

    m->pos += n;

    return n;
}


/* the headers that are there, but for what an end fills in */

static int
ds_mux_compare(ds_mux_t *m, const uint8_t *buf, int n)
{
    uint8_t  *there;

    there = malloc(n);

    if (there == NULL || m->pos + n > m->left.pos
        || pread(m->fd, there, n, m->pos) != n || memcmp(there, buf, n) != 0)
    {
        (void) ds_fail(&m->error, DS_ECACHE_MISSING,
                       "it has other headers now");
    }

    free(there);
    m->pos += n;

    return m->error.code == DS_OK ? n : AVERROR(EIO);
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
