
/*
 * ds_demux.c: libavformat over ds_http.  libav turns many read errors into
 * an end of file, so the error that stopped the bytes is kept here and wins
 * over what libav says.  Knows nothing of tracks.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavutil/avstring.h>
#include <libavutil/opt.h>

#include "media/ds_aes.h"
#include "media/ds_codec.h"
#include "media/ds_demux.h"
#include "base/ds_url.h"


#define DS_DEMUX_BUFFER    (32 * 1024)
#define DS_DEMUX_PROBE     (2 * 1024 * 1024)
#define DS_DEMUX_FORMAT    (512 * 1024)        /* to tell the format */
#define DS_DEMUX_RADIO     (16 * 1024)
#define DS_DEMUX_ANALYZE   (4 * AV_TIME_BASE)
#define DS_DEMUX_STREAMS   128
#define DS_DEMUX_PACKET    (16 * 1024 * 1024)
#define DS_DEMUX_BAD       64                  /* packets in a row */
#define DS_DEMUX_MARGIN    60000               /* ms, before a URL expires */

#define DS_DEMUX_FORMATS                                                      \
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,mpegts,aac,mp3,hls"


typedef struct {
    const AVClass  *class;              /* comes first; see ds_demux_location */
    const char     *location;
    const char     *type;
    ds_demux_t     *source;
    ds_http_t      *http;
    ds_aes_t       *aes;                /* NULL: it is not encrypted */
    bool            main;               /* the URL itself */
    bool            begun;              /* some of it was read */
    int64_t         base;               /* offset of libav's byte 0 */
    int64_t         end;                /* -1: to the end of the resource */
} ds_io_t;


static AVIOContext *ds_demux_io(ds_demux_t *s, const ds_http_req_t *req,
    int64_t end, ds_error_t *err);
static void ds_demux_io_free(AVIOContext **pb);
static const char *ds_demux_type(ds_http_t *h);
static void *ds_demux_io_child(void *pb, void *prev);
static int ds_demux_io_read(void *data, uint8_t *buf, int n);
static void ds_demux_list(ds_demux_t *s, const char *url, const char *p,
    size_t len);
static int ds_demux_io_bytes(void *data, uint8_t *buf, int n);
static int64_t ds_demux_io_seek(void *data, int64_t offset, int whence);
static int ds_demux_nested(AVFormatContext *ctx, AVIOContext **pb,
    const char *url, int flags, AVDictionary **options);
static int ds_demux_nested_open(ds_demux_t *s, AVIOContext **pb,
    const char *url, AVDictionary *options);
static void ds_demux_no_key(ds_demux_t *s);
static bool ds_demux_broken(ds_demux_t *s);
static int ds_demux_renew(void *data, ds_http_req_t *req, ds_error_t *err);
static int ds_demux_nested_close(AVFormatContext *ctx, AVIOContext *pb);
static int ds_demux_interrupted(void *data);
static void ds_demux_fault(void *data, const ds_error_t *err,
    int64_t offset, int64_t wait);
static int ds_demux_probe(ds_demux_t *s, ds_error_t *err);
static bool ds_demux_is_hls(ds_demux_t *s);
static bool ds_demux_complete(AVFormatContext *ctx);
static int ds_demux_failed(ds_demux_t *s, const char *call, int rc,
    ds_error_t *err);


/*
 * What libav asks of its own protocols: where it comes from, to which what a
 * list names is relative, and its type.
 */

static const AVOption  ds_demux_location[] = {
    { "mime_type", NULL, offsetof(ds_io_t, type), AV_OPT_TYPE_STRING,
      { .str = NULL }, 0, 0, 0, NULL },
    { "location", NULL, offsetof(ds_io_t, location), AV_OPT_TYPE_STRING,
      { .str = NULL }, 0, 0, 0, NULL },
    { NULL, NULL, 0, 0, { .str = NULL }, 0, 0, 0, NULL }
};

static const AVClass  ds_demux_io_class = {
    .class_name = "ds_demux_io",
    .item_name = av_default_item_name,
    .option = ds_demux_location,
    .version = LIBAVUTIL_VERSION_INT
};

static const AVClass  ds_demux_pb_class = {
    .class_name = "ds_demux_pb",
    .item_name = av_default_item_name,
    .version = LIBAVUTIL_VERSION_INT,
    .child_next = ds_demux_io_child
};


int
ds_demux_open(ds_demux_t *s, const ds_conf_t *conf, const ds_media_url_t *u,
    const ds_http_hooks_t *hooks, ds_cancel_t *cancel, ds_error_t *err)
{
    ds_http_req_t     req;
    AVFormatContext  *ctx;

    memset(s, 0, sizeof(ds_demux_t));

    s->conf = conf;
    s->cancel = cancel;
    s->chunk = u->chunk;
    s->resolved_at = u->resolved_at;
    s->rc = 1;
    s->url = strdup(u->url);
    s->headers = (u->headers == NULL) ? NULL : strdup(u->headers);

    if (hooks != NULL) {
        s->hooks = hooks;
        s->nested = *hooks;
        s->nested.renew = NULL;
        s->own = *hooks;
        s->own.data = s;
        s->own.renew = ds_demux_renew;
        s->own.fault = (hooks->fault == NULL) ? NULL : ds_demux_fault;
    }

    /* a trickle of bytes keeps no one waiting for ever */
    s->active = ds_monotonic();
    s->deadline = s->active + 3 * (int64_t) conf->source_timeout;

    ctx = avformat_alloc_context();
    s->ctx = ctx;

    if (ctx == NULL || s->url == NULL
        || (u->headers != NULL && s->headers == NULL))
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    memset(&req, 0, sizeof(req));
    req.url = s->url;
    req.headers = s->headers;
    req.cookies = u->cookies;
    req.chunk = s->chunk;
    req.local = u->local;
    req.family = u->family;
    req.resolved_at = u->resolved_at;
    req.available_at = u->available_at;
    req.expires_at = u->expires_at;
    req.renew_at = ds_demux_renew_at(u);
    req.hooks = (hooks == NULL) ? NULL : &s->own;

    s->pb = ds_demux_io(s, &req, -1, err);
    if (s->pb == NULL) {
        return (err == NULL) ? DS_ESOURCE_FAILED : err->code;
    }

    /* a host may have wanted to be waited for */
    s->active = ds_monotonic();
    s->deadline = s->active + 3 * (int64_t) conf->source_timeout;
    s->seekable = (s->pb->seekable != 0);

    ctx->pb = s->pb;
    ctx->opaque = s;
    ctx->io_open = ds_demux_nested;
    ctx->io_close2 = ds_demux_nested_close;
    ctx->interrupt_callback.callback = ds_demux_interrupted;
    ctx->interrupt_callback.opaque = s;

    /* an index is for seeking: do not visit the end of the file for it */
    ctx->flags |= AVFMT_FLAG_CUSTOM_IO|AVFMT_FLAG_IGNIDX;
    ctx->skip_estimate_duration_from_pts = 1;

    ctx->probesize = DS_DEMUX_PROBE;
    ctx->format_probesize = DS_DEMUX_FORMAT;

    /* of a radio station so much would be seconds */

    if (strncasecmp(((ds_io_t *) s->pb->opaque)->type, "audio/", 6) == 0) {
        ctx->format_probesize = DS_DEMUX_RADIO;
    }

    ctx->max_analyze_duration = DS_DEMUX_ANALYZE;
    ctx->max_streams = DS_DEMUX_STREAMS;

    /* what is kept, or the operator's own, refers to nothing else */
    s->local = u->local;
    ctx->format_whitelist = u->local ? NULL : av_strdup(DS_DEMUX_FORMATS);
    ctx->protocol_whitelist = av_strdup(conf->media_root != NULL
                                        ? "http,https,file" : "http,https");

    if ((ctx->format_whitelist == NULL && !u->local)
        || ctx->protocol_whitelist == NULL)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return ds_demux_probe(s, err);
}


static int
ds_demux_probe(ds_demux_t *s, ds_error_t *err)
{
    int            rc;
    bool           mov;
    AVDictionary  *options;

    options = NULL;

    /*
     * The hls demuxer must not take our AVIOContext for libav's own; how
     * long a list may stay without news is ds_demux_interrupted()'s to say.
     */

    if (av_dict_set(&options, "http_persistent", "0", 0) < 0
        || av_dict_set(&options, "http_multiple", "0", 0) < 0
        || av_dict_set(&options, "max_reload", "100000", 0) < 0

        /* a segment is what its bytes are, whatever its name */
        || av_dict_set(&options, "extension_picky", "0", 0) < 0
        || av_dict_set(&options, "allowed_extensions", "ALL", 0) < 0
        || av_dict_set(&options, "allowed_segment_extensions", "ALL", 0) < 0)
    {
        av_dict_free(&options);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rc = avformat_open_input(&s->ctx, s->url, NULL, &options);
    av_dict_free(&options);

    if (rc < 0) {
        return ds_demux_failed(s, "avformat_open_input()", rc, err);
    }

    mov = av_match_name("mov", s->ctx->iformat->name);

    if (mov && ds_demux_complete(s->ctx)) {

        /* all that a parser could tell is in the container */
        s->ctx->flags |= AVFMT_FLAG_NOPARSE|AVFMT_FLAG_NOFILLIN;

    } else {
        if (!mov) {
            s->pb->seekable = 0;
        }

        rc = avformat_find_stream_info(s->ctx, NULL);

        if (rc < 0) {
            return ds_demux_failed(s, "avformat_find_stream_info()", rc,
                                    err);
        }
    }

    if (ds_cancel_is_set(s->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    s->deadline = 0;
    s->live = ds_demux_is_hls(s) && s->ctx->duration <= 0;

    return DS_OK;
}


static bool
ds_demux_is_hls(ds_demux_t *s)
{
    return s->ctx->iformat != NULL && av_match_name("hls",
                                                    s->ctx->iformat->name);
}


static bool
ds_demux_complete(AVFormatContext *ctx)
{
    unsigned                  i;
    const AVCodecParameters  *par;

    for (i = 0; i < ctx->nb_streams; i++) {
        par = ctx->streams[i]->codecpar;

        if (par->codec_type != AVMEDIA_TYPE_VIDEO
            && par->codec_type != AVMEDIA_TYPE_AUDIO)
        {
            continue;
        }

        if (par->codec_id == AV_CODEC_ID_NONE
            || (par->codec_type == AVMEDIA_TYPE_VIDEO && par->width <= 0)
            || (par->codec_id == AV_CODEC_ID_H264
                && !ds_codec_progressive(par))
            || (par->codec_id == AV_CODEC_ID_AAC
                && (par->sample_rate <= 0 || par->extradata_size == 0)))
        {
            return false;
        }
    }

    return ctx->nb_streams != 0;
}


int
ds_demux_read(ds_demux_t *s, AVPacket *pkt, ds_error_t *err)
{
    int       rc;
    unsigned  bad;

    ds_error_clear(&s->refused);

    for (bad = 0; bad < DS_DEMUX_BAD; bad++) {
        s->active = ds_monotonic();

        rc = av_read_frame(s->ctx, pkt);

        if (ds_cancel_is_set(s->cancel)) {
            av_packet_unref(pkt);
            break;
        }

        if (rc == 0) {

            /* the piece that came before the bytes ended */

            if (s->error.code != DS_OK
                && ((pkt->flags & AV_PKT_FLAG_CORRUPT) || ds_demux_broken(s)))
            {
                av_packet_unref(pkt);
                rc = AVERROR(EIO);
                break;
            }

            if (pkt->size > DS_DEMUX_PACKET) {
                av_packet_unref(pkt);
                return ds_fail(err, DS_ESOURCE_INVALID,
                               "packet is larger than %d bytes",
                               DS_DEMUX_PACKET);
            }

            return 1;
        }

        if (rc != AVERROR_INVALIDDATA && rc != AVERROR(EAGAIN)) {
            break;
        }
    }

    if (rc == AVERROR_EOF && s->error.code == DS_OK
        && !ds_cancel_is_set(s->cancel))
    {
        return 0;
    }

    return ds_demux_failed(s, "av_read_frame()", rc, err);
}


bool
ds_demux_moved(const ds_demux_t *s, const ds_demux_t *again)
{
    size_t  n;

    n = (s->nhead < again->nhead) ? s->nhead : again->nhead;

    return n != 0 && memcmp(s->head, again->head, n) != 0;
}


bool
ds_demux_seek(ds_demux_t *s, int stream, int64_t us, bool any)
{
    int  rc, flags, seekable;

    flags = AVSEEK_FLAG_BACKWARD;
    seekable = s->pb->seekable;

    if (ds_demux_is_hls(s)) {

        /* of segments of MP4, whose streams have its tags, none would come */

        if (s->ctx->streams[stream]->codecpar->codec_tag > 0xff) {
            return false;
        }

        /* segments would be searched for a key frame after "us" */

        flags |= any ? AVSEEK_FLAG_ANY : 0;

    } else if (!s->seekable) {
        return false;

    } else {
        s->pb->seekable = AVIO_SEEKABLE_NORMAL;
    }

    s->active = ds_monotonic();

    /* the demuxer of mov would take up an index in mid-file */

    if (!av_match_name("mov", s->ctx->iformat->name)) {
        s->ctx->flags &= ~AVFMT_FLAG_IGNIDX;
    }

    rc = av_seek_frame(s->ctx, stream,
                       av_rescale_q(us, (AVRational) {1, 1000000},
                                    s->ctx->streams[stream]->time_base),
                       flags);

    s->pb->seekable = seekable;

    return rc >= 0;
}


int64_t
ds_demux_renew_at(const ds_media_url_t *u)
{
    int64_t  at, most;

    if (u->expires_at == 0 || u->resolved_at == 0) {
        return 0;
    }

    at = u->expires_at - DS_DEMUX_MARGIN;
    most = u->resolved_at + (u->expires_at - u->resolved_at) / 5 * 4;

    return (most < at) ? most : at;
}


static void
ds_demux_fault(void *data, const ds_error_t *err, int64_t offset,
    int64_t wait)
{
    ds_demux_t  *s = data;

    s->hooks->fault(s->hooks->data, err, offset, wait);
}


/* what is refused while it is opened is for those above to think about */

static int
ds_demux_renew(void *data, ds_http_req_t *req, ds_error_t *err)
{
    ds_demux_t  *s = data;

    if (s->hooks->renew == NULL || s->deadline != 0) {
        return (err->code == DS_OK) ? DS_ESOURCE_FAILED : err->code;
    }

    return s->hooks->renew(s->hooks->data, req, err);
}


void
ds_demux_close(ds_demux_t *s)
{
    avformat_close_input(&s->ctx);

    if (s->pb != NULL) {
        ds_demux_io_free(&s->pb);
    }

    free(s->url);
    free(s->headers);

    s->url = NULL;
    s->headers = NULL;
}


/* the reason of a libav error, ours before libav's; never 0 */

static int
ds_demux_failed(ds_demux_t *s, const char *call, int rc, ds_error_t *err)
{
    char  text[AV_ERROR_MAX_STRING_SIZE];

    if (ds_cancel_is_set(s->cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    if (s->error.code != DS_OK) {
        return ds_fail(err, s->error.code, "%s", s->error.message);
    }

    if (rc == AVERROR(ENOMEM)) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    (void) av_strerror(rc, text, sizeof(text));

    /* bytes that came after what broke have cleared the reason */

    if (s->deadline == 0 && rc == AVERROR_EXIT) {
        return ds_fail(err, DS_ESOURCE_STALLED, "nothing new in a live list");
    }

    if (s->deadline == 0 && rc == AVERROR(EIO)) {
        return ds_fail(err, DS_ESOURCE_FAILED, "%s failed: %s", call, text);
    }

    return ds_fail(err, DS_ESOURCE_INVALID, "not media: %s failed: %s", call,
                   text);
}


static int
ds_demux_interrupted(void *data)
{
    ds_demux_t  *s = data;

    if (ds_cancel_is_set(s->cancel) || s->nokey || s->anew
        || ds_demux_broken(s))
    {
        return 1;
    }

    /* a list that is read again and again without news brings bytes too */

    if (ds_monotonic() - s->active > 2 * (int64_t) s->conf->source_timeout) {
        if (s->error.code == DS_OK) {
            (void) ds_fail(&s->error, DS_ESOURCE_STALLED,
                           "nothing new in a live list");
        }

        return 1;
    }

    return 0;
}


static AVIOContext *
ds_demux_io(ds_demux_t *s, const ds_http_req_t *req, int64_t end,
    ds_error_t *err)
{
    ds_io_t        *io;
    AVIOContext    *pb;
    unsigned char  *buf;

    io = malloc(sizeof(ds_io_t));
    buf = av_malloc(DS_DEMUX_BUFFER);

    if (io == NULL || buf == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        goto failed;
    }

    io->class = &ds_demux_io_class;
    io->source = s;
    io->aes = NULL;
    io->begun = false;
    io->main = (s->pb == NULL && s->ctx->pb == NULL);
    io->base = req->offset;
    io->end = end;

    io->http = ds_http_open(s->conf, req, s->cancel, err);
    if (io->http == NULL) {
        goto failed;
    }

    pb = avio_alloc_context(buf, DS_DEMUX_BUFFER, 0, io, ds_demux_io_read,
                            NULL, ds_demux_io_seek);
    if (pb == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        ds_http_close(&io->http);
        goto failed;
    }

    io->location = ds_http_url(io->http);
    io->type = ds_demux_type(io->http);
    pb->av_class = &ds_demux_pb_class;
    pb->seekable = ds_http_seekable(io->http) ? AVIO_SEEKABLE_NORMAL : 0;

    return pb;

failed:

    av_free(buf);
    free(io);

    return NULL;
}


static void
ds_demux_io_free(AVIOContext **pb)
{
    ds_io_t  *io;

    io = (*pb)->opaque;
    ds_http_close(&io->http);
    ds_aes_free(&io->aes);
    free(io);

    av_freep(&(*pb)->buffer);
    avio_context_free(pb);
}


/*
 * A radio station's bytes begin in the midst of a frame: its type says at once
 * what it is.  All else is told by its bytes, also a list without a name.
 */

static const char *
ds_demux_type(ds_http_t *h)
{
    const char  *type;

    type = ds_http_type(h);

    return !ds_http_seekable(h) && ds_http_size(h) < 0
           && strncasecmp(type, "audio/", 6) == 0
           ? type : "application/vnd.apple.mpegurl";
}


static void *
ds_demux_io_child(void *pb, void *prev)
{
    ds_io_t  *io;

    if (prev != NULL) {
        return NULL;
    }

    io = ((AVIOContext *) pb)->opaque;
    io->location = ds_http_url(io->http);
    io->type = ds_demux_type(io->http);

    return io;
}


static int
ds_demux_io_read(void *data, uint8_t *buf, int n)
{
    ds_io_t  *io = data;

    return io->aes == NULL
           ? ds_demux_io_bytes(io, buf, n)
           : ds_aes_read(io->aes, buf, n, ds_demux_io_bytes, io);
}


static int
ds_demux_io_bytes(void *data, uint8_t *buf, int n)
{
    int64_t       left;
    ssize_t       rc;
    ds_io_t      *io = data;
    ds_demux_t  *s;

    s = io->source;

    if (s->anew) {
        return AVERROR_EXIT;
    }

    if (io->end >= 0) {
        left = io->end - ds_http_tell(io->http);

        if (left <= 0) {
            return AVERROR_EOF;
        }

        n = (n > left) ? (int) left : n;
    }

    if (s->deadline != 0 && ds_monotonic() > s->deadline) {
        if (s->error.code == DS_OK) {
            (void) ds_fail(&s->error, DS_ESOURCE_TIMEOUT,
                           "too slow to be opened in %u ms",
                           3 * s->conf->source_timeout);
        }

        return AVERROR(EIO);
    }

    rc = ds_http_read(io->http, buf, n, &s->error);

    if (rc < 0) {
        return (rc == DS_ECANCELED) ? AVERROR_EXIT : AVERROR(EIO);
    }

    if (rc == 0) {
        return AVERROR_EOF;
    }

    if (!io->begun) {
        io->begun = true;
        ds_demux_list(s, io->location, (char *) buf, (size_t) rc);

        if (s->anew) {
            return AVERROR_EXIT;
        }
    }

    if (io->main && s->nhead < DS_DEMUX_HEAD && !ds_http_seekable(io->http)
        && ds_http_size(io->http) < 0)
    {
        left = DS_DEMUX_HEAD - (int64_t) s->nhead;
        left = (left < rc) ? left : rc;

        memcpy(s->head + s->nhead, buf, (size_t) left);
        s->nhead += (size_t) left;
    }

    /* bytes of another segment: the demuxer went on after an error */

    ds_error_clear(&s->error);
    s->bytes += rc;

    return rc;
}


/*
 * A packager that was started again numbers its segments from 0: libav would
 * wait for the number that is next.
 */

static void
ds_demux_list(ds_demux_t *s, const char *url, const char *p, size_t len)
{
    size_t       i, n;
    int64_t      first, left;
    uint32_t     id;
    const char  *tag;

    static const char  sequence[] = "#EXT-X-MEDIA-SEQUENCE:";
    static const char  segment[] = "#EXTINF:";

    if (len < 7 || strncmp(p, "#EXTM3U", 7) != 0) {
        return;
    }

    tag = memmem(p, len, sequence, sizeof(sequence) - 1);
    first = 0;

    if (tag != NULL) {
        left = (int64_t) len - (tag - p) - (int64_t) sizeof(sequence) + 1;
        tag += sizeof(sequence) - 1;

        for ( /* void */ ; left > 0 && *tag >= '0' && *tag <= '9'
              && first < INT32_MAX; left--, tag++)
        {
            first = first * 10 + (*tag - '0');
        }
    }

    for (n = 0, tag = p;
         (tag = memmem(tag, len - (size_t) (tag - p), segment,
                       sizeof(segment) - 1)) != NULL;
         tag++)
    {
        n++;
    }

    if (n == 0) {
        return;
    }

    for (id = 5381; *url != '\0'; url++) {
        id = id * 33 + (unsigned char) *url;
    }

    for (i = 0; i < DS_DEMUX_LISTS - 1; i++) {
        if (s->lists[i] == id || s->lists[i] == 0) {
            break;
        }
    }

    /* all that it has is older than what it had */

    if (s->live && s->lists[i] == id && first + (int64_t) n <= s->sequence[i])
    {
        s->anew = true;
        (void) ds_fail(&s->error, DS_ESOURCE_STALLED,
                       "live list has begun anew, at number %lld after %lld",
                       (long long) first, (long long) s->sequence[i]);
    }

    s->lists[i] = id;
    s->sequence[i] = first;
}


static int64_t
ds_demux_io_seek(void *data, int64_t offset, int whence)
{
    int64_t   size;
    ds_io_t  *io = data;

    size = (io->end >= 0) ? io->end : ds_http_size(io->http);

    if (size >= 0) {
        size -= io->base;
    }

    switch (whence & ~AVSEEK_FORCE) {

    case AVSEEK_SIZE:
        return (size < 0) ? AVERROR(ENOSYS) : size;

    case SEEK_SET:
        break;

    case SEEK_CUR:
        offset += ds_http_tell(io->http) - io->base;
        break;

    case SEEK_END:
        if (size < 0) {
            return AVERROR(ENOSYS);
        }

        offset += size;
        break;

    default:
        return AVERROR(EINVAL);
    }

    if (offset < 0 || offset > INT64_MAX - io->base) {
        return AVERROR(EINVAL);
    }

    if (ds_http_seek(io->http, io->base + offset) != DS_OK) {
        return AVERROR(ESPIPE);
    }

    return offset;
}


/*
 * The demuxer of lists would go on with the next segment.  That is right for
 * one that is not there, and for a broadcast.
 */

static bool
ds_demux_broken(ds_demux_t *s)
{
    return s->deadline == 0 && !s->live && s->error.code != DS_OK
           && s->error.code != DS_ESOURCE_NOT_FOUND;
}


/* what a list refers to: variants, keys, segments */

static int
ds_demux_nested(AVFormatContext *ctx, AVIOContext **pb, const char *url,
    int flags, AVDictionary **options)
{
    int                 rc;
    bool                encrypted;
    ds_io_t            *io;
    ds_demux_t         *s;
    AVDictionary       *dict;
    AVDictionaryEntry  *key, *iv;

    s = ctx->opaque;
    dict = (options == NULL) ? NULL : *options;

    if (flags & AVIO_FLAG_WRITE || s->local) {
        return AVERROR(EACCES);
    }

    if (ds_demux_broken(s)) {
        return AVERROR_EXIT;
    }

    encrypted = av_strstart(url, "crypto+", &url)
                || av_strstart(url, "crypto:", &url);

    if (encrypted && s->refused.code != DS_OK) {

        /* libav goes on with a key that it has not got */

        ds_demux_no_key(s);
        return AVERROR_EXIT;
    }

    rc = ds_demux_nested_open(s, pb, url, dict);

    if (!encrypted) {
        ds_error_clear(&s->refused);
    }

    if (rc != 0) {
        if (!encrypted) {
            s->refused = s->error;
            ds_redact_url(s->missed, sizeof(s->missed), url);
        }

        return rc;
    }

    if (encrypted) {
        io = (*pb)->opaque;

        key = av_dict_get(dict, "key", NULL, 0);
        iv = av_dict_get(dict, "iv", NULL, 0);

        io->aes = ds_aes_create(key == NULL ? "" : key->value,
                                iv == NULL ? "" : iv->value);

        (*pb)->seekable = 0;
        (*pb)->seek = NULL;

        if (io->aes == NULL) {
            ds_demux_io_free(pb);
            return AVERROR(ENOMEM);
        }
    }

    return 0;
}


static void
ds_demux_no_key(ds_demux_t *s)
{
    (void) ds_fail(&s->error, s->refused.code, "key \"%s\" of the list: %s",
                   s->missed, s->refused.message);

    s->nokey = true;
}


static int
ds_demux_nested_open(ds_demux_t *s, AVIOContext **pb, const char *url,
    AVDictionary *options)
{
    int64_t             end;
    ds_http_req_t       req;
    AVDictionaryEntry  *e;

    /* a remote list has no business with local files */

    if (strncasecmp(url, "file:", 5) == 0
        && strncasecmp(s->url, "file:", 5) != 0)
    {
        (void) ds_fail(&s->error, DS_ESOURCE_DENIED,
                       "remote list refers to a local file");
        return AVERROR(EACCES);
    }

    memset(&req, 0, sizeof(req));
    req.url = url;
    req.headers = s->headers;
    req.origin = s->url;
    req.chunk = s->chunk;
    req.patient = (s->deadline == 0);
    req.resolved_at = s->resolved_at;
    req.expires_at = ds_url_expires(url);
    req.hooks = (s->hooks == NULL) ? NULL : &s->nested;
    end = -1;

    if (strncasecmp(url, "http", 4) == 0) {
        e = av_dict_get(options, "offset", NULL, 0);
        req.offset = (e == NULL) ? 0 : strtoll(e->value, NULL, 10);

        e = av_dict_get(options, "end_offset", NULL, 0);
        end = (e == NULL) ? -1 : strtoll(e->value, NULL, 10);

        if (req.offset < 0) {
            return AVERROR_INVALIDDATA;
        }
    }

    *pb = ds_demux_io(s, &req, end, &s->error);

    if (*pb == NULL) {
        return (s->error.code == DS_ECANCELED) ? AVERROR_EXIT : AVERROR(EIO);
    }

    return 0;
}


static int
ds_demux_nested_close(AVFormatContext *ctx, AVIOContext *pb)
{
    (void) ctx;

    if (pb != NULL) {
        ds_demux_io_free(&pb);
    }

    return 0;
}
