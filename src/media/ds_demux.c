
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
#include "media/ds_format.h"
#include "media/ds_pmt.h"
#include "base/ds_url.h"


#define DS_DEMUX_BUFFER    (32 * 1024)
#define DS_DEMUX_HEAD      (256 * 1024)        /* kept while it is opened */
#define DS_DEMUX_TURNS     2                   /* between two places */
#define DS_DEMUX_REWINDS   2
#define DS_DEMUX_PROBE     (2 * 1024 * 1024)
#define DS_DEMUX_RADIO     (16 * 1024)         /* to tell the format */
#define DS_DEMUX_ANALYZE   (4 * AV_TIME_BASE)
#define DS_DEMUX_STREAMS   128
#define DS_DEMUX_PACKET    (16 * 1024 * 1024)
#define DS_DEMUX_BAD       64                  /* packets in a row */
#define DS_DEMUX_MARGIN    60000               /* ms, before a URL expires */


/* what libav had read, but not taken, when it went to the other place */

typedef struct {
    uint8_t        *bytes;              /* up to the next read; NULL: none */
    size_t          n;
    size_t          given;              /* of these, again */
} ds_rest_t;


/*
 * While a URL is opened what is read from its beginning on is kept, with the
 * request for it, so that a look at its end costs that one request more and
 * not a third one for the beginning.
 */

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

    uint8_t        *head;               /* from byte 0 on, NULL: not kept */
    size_t          len;                /* of the head */
    int64_t         at;                 /* the next read, while it is kept */
    ds_http_t      *far;                /* from behind the head, or at the
                                           other place, NULL: none */
    ds_rest_t       rest;               /* of "http" */
    ds_rest_t       far_rest;
    AVIOContext    *pb;                 /* libav's end of it */
    int64_t         left;               /* where reading went on elsewhere */
    unsigned        turns;              /* back to there */
    bool            alone;              /* there is to be no other place */

    ds_pmt_t       *pmt;                /* NULL: not to be watched */
    uint8_t        *held;               /* read, but not given out yet */
    size_t          nheld;
    size_t          given;              /* of these */
    bool            cut;                /* before them, for libav */
} ds_io_t;


static AVIOContext *ds_demux_io(ds_demux_t *s, const ds_http_req_t *req,
    int64_t end, ds_error_t *err);
static void ds_demux_io_free(AVIOContext **pb);
static const char *ds_demux_type(ds_http_t *h);
static void *ds_demux_io_child(void *pb, void *prev);
static int ds_demux_io_read(void *data, uint8_t *buf, int n);
static int ds_demux_io_plain(void *data, uint8_t *buf, int n);
static size_t ds_demux_bare(uint8_t *buf, size_t len);
static void ds_demux_list(ds_demux_t *s, const char *url, const char *p,
    size_t len);
static int ds_demux_io_held(ds_io_t *io, uint8_t *buf, int n);
static int ds_demux_io_watch(ds_io_t *io, uint8_t *buf, int n);
static void ds_demux_io_drop(ds_io_t *io);
static ssize_t ds_demux_io_bytes(ds_io_t *io, uint8_t *buf, int n);
static int ds_demux_io_far(ds_io_t *io);
static int ds_demux_io_settle(ds_io_t *io);
static int ds_demux_io_move(ds_io_t *io, int64_t offset);
static void ds_demux_io_second(ds_io_t *io, int64_t offset);
static bool ds_demux_io_turn(ds_io_t *io, int64_t offset);
static ssize_t ds_demux_io_keep(ds_io_t *io, const uint8_t *buf, ssize_t n);
static bool ds_demux_brief(ds_demux_t *s);
static int64_t ds_demux_io_tell(ds_io_t *io);
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
static int ds_demux_context(ds_demux_t *s, ds_error_t *err);
static int ds_demux_probe(ds_demux_t *s, ds_error_t *err);
static int ds_demux_anew(ds_demux_t *s, ds_error_t *err);
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
    int       rc;
    ds_io_t  *io;

    memset(s, 0, sizeof(ds_demux_t));

    s->conf = conf;
    s->cancel = cancel;
    s->rc = 1;
    s->url = strdup(u->url);
    s->headers = (u->headers == NULL) ? NULL : strdup(u->headers);
    s->cookies = (u->cookies == NULL) ? NULL : strdup(u->cookies);

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

    s->ctx = avformat_alloc_context();
    s->pool = ds_http_pool_create();

    if (s->ctx == NULL || s->pool == NULL || s->url == NULL
        || (u->headers != NULL && s->headers == NULL)
        || (u->cookies != NULL && s->cookies == NULL))
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    s->req.url = s->url;
    s->req.headers = s->headers;
    s->req.cookies = s->cookies;
    s->req.chunk = u->chunk;
    s->req.local = u->local;
    s->req.family = u->family;
    s->req.resolved_at = u->resolved_at;
    s->req.available_at = u->available_at;
    s->req.expires_at = u->expires_at;
    s->req.renew_at = ds_demux_renew_at(u);
    s->req.hooks = (hooks == NULL) ? NULL : &s->own;
    s->req.pool = s->pool;

    s->pb = ds_demux_io(s, &s->req, -1, err);
    if (s->pb == NULL) {
        return (err == NULL) ? DS_ESOURCE_FAILED : err->code;
    }

    io = s->pb->opaque;
    io->pmt = calloc(1, sizeof(ds_pmt_t));

    if (io->pmt == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    /* a host may have wanted to be waited for */
    s->active = ds_monotonic();
    s->deadline = s->active + 3 * (int64_t) conf->source_timeout;
    s->seekable = (s->pb->seekable != 0);

    s->brief = u->brief;

    /* what is kept, or the operator's own, refers to nothing else */
    s->local = u->local;

    rc = ds_demux_context(s, err);

    return rc != DS_OK ? rc : ds_demux_probe(s, err);
}


static int
ds_demux_context(ds_demux_t *s, ds_error_t *err)
{
    AVFormatContext  *ctx;

    ctx = s->ctx;

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
    ctx->max_analyze_duration = DS_DEMUX_ANALYZE;
    ctx->max_streams = DS_DEMUX_STREAMS;

    ctx->format_whitelist = s->local ? NULL : av_strdup(ds_format_names());
    ctx->protocol_whitelist = av_strdup(s->conf->media_root != NULL
                                        ? "http,https,file" : "http,https");

    if ((ctx->format_whitelist == NULL && !s->local)
        || ctx->protocol_whitelist == NULL)
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return DS_OK;
}


static int
ds_demux_probe(ds_demux_t *s, ds_error_t *err)
{
    int                   rc;
    bool                  mov, radio;
    ds_io_t              *io;
    AVDictionary         *options;
    const AVInputFormat  *format;

    rc = 0;

    /* seconds of a radio station's sound are not to go by for its format */

    io = s->pb->opaque;
    radio = (strncasecmp(io->type, "audio/", 6) == 0);

    format = s->format != NULL
             ? s->format
             : ds_format_probe(s->pb, s->url, radio ? DS_DEMUX_RADIO : 0,
                               s->local, &rc, err);

    if (rc < 0) {
        return ds_demux_failed(s, "av_probe_input_buffer2()", rc, err);
    }

    if (format == NULL) {
        return DS_ESOURCE_INVALID;
    }

    s->format = format;
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

    rc = avformat_open_input(&s->ctx, s->url, format, &options);
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
    s->live = ds_demux_listed(s) && s->ctx->duration <= 0;

    return DS_OK;
}


bool
ds_demux_listed(const ds_demux_t *s)
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

            s->torn = (pkt->flags & AV_PKT_FLAG_CORRUPT) != 0;

            /* of fragments it says only that a new clock is behind the old */

            if (ds_demux_listed(s)) {
                pkt->flags &= ~AV_PKT_FLAG_DISCARD;
            }

            return 1;
        }

        if (rc != AVERROR_INVALIDDATA && rc != AVERROR(EAGAIN)) {
            break;
        }
    }

    /* some demuxers take a packet that is cut for an error of the bytes */

    if (rc == AVERROR(EIO) && s->pb->eof_reached && ds_demux_sized(s)
        && !ds_demux_listed(s))
    {
        rc = AVERROR_EOF;
    }

    if (rc == AVERROR_EOF && s->error.code == DS_OK
        && !ds_cancel_is_set(s->cancel))
    {
        return ((ds_io_t *) s->pb->opaque)->cut ? ds_demux_anew(s, err) : 0;
    }

    return ds_demux_failed(s, "av_read_frame()", rc, err);
}


/* a programme has other codecs from here on: they are looked for again */

static int
ds_demux_anew(ds_demux_t *s, ds_error_t *err)
{
    int       rc;
    ds_io_t  *io;

    io = s->pb->opaque;
    io->cut = false;

    s->anew++;
    avformat_close_input(&s->ctx);

    s->pb->buf_ptr = s->pb->buffer;
    s->pb->buf_end = s->pb->buffer;
    s->pb->eof_reached = 0;
    s->pb->error = 0;

    s->active = ds_monotonic();
    s->deadline = s->active + 3 * (int64_t) s->conf->source_timeout;

    s->ctx = avformat_alloc_context();
    if (s->ctx == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rc = ds_demux_context(s, err);

    if (rc == DS_OK) {
        rc = ds_demux_probe(s, err);
    }

    s->deadline = 0;

    return rc == DS_OK ? DS_DEMUX_ANEW : rc;
}


bool
ds_demux_moved(const ds_demux_t *s, const ds_demux_t *again)
{
    size_t  n;

    n = (s->nbegin < again->nbegin) ? s->nbegin : again->nbegin;

    return n != 0 && memcmp(s->begin, again->begin, n) != 0;
}


bool
ds_demux_sized(const ds_demux_t *s)
{
    return ds_http_size(((ds_io_t *) s->pb->opaque)->http) >= 0;
}


bool
ds_demux_seek(ds_demux_t *s, int stream, int64_t us, bool any)
{
    int  rc, flags, seekable;

    flags = AVSEEK_FLAG_BACKWARD;
    seekable = s->pb->seekable;

    if (ds_demux_listed(s)) {

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
    s->brief = false;

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

    ds_http_pool_free(&s->pool);

    free(s->url);
    free(s->headers);
    free(s->cookies);

    s->url = NULL;
    s->headers = NULL;
    s->cookies = NULL;
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

    if (ds_cancel_is_set(s->cancel) || s->nokey || s->restarted
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

    io = calloc(1, sizeof(ds_io_t));
    buf = av_malloc(DS_DEMUX_BUFFER);

    if (io == NULL || buf == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        goto failed;
    }

    io->class = &ds_demux_io_class;
    io->source = s;
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

    io->pb = pb;
    io->alone = !io->main;
    io->location = ds_http_url(io->http);
    io->type = ds_demux_type(io->http);
    pb->av_class = &ds_demux_pb_class;
    pb->seekable = ds_http_seekable(io->http) ? AVIO_SEEKABLE_NORMAL : 0;

    if (s->pb == NULL && pb->seekable && !req->local) {
        /* without memory it is asked for again */
        io->head = malloc(DS_DEMUX_HEAD);
    }

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
    ds_http_close(&io->far);
    ds_http_close(&io->http);
    ds_aes_free(&io->aes);
    free(io->head);
    free(io->rest.bytes);
    free(io->far_rest.bytes);
    free(io->pmt);
    free(io->held);
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
           ? ds_demux_io_plain(io, buf, n)
           : ds_aes_read(io->aes, buf, n, ds_demux_io_plain, io);
}


static int
ds_demux_io_plain(void *data, uint8_t *buf, int n)
{
    int64_t       left;
    ssize_t       rc;
    ds_io_t      *io = data;
    ds_demux_t  *s;

    s = io->source;

    if (s->restarted) {
        return AVERROR_EXIT;
    }

    if (io->nheld != 0) {
        return ds_demux_io_held(io, buf, n);
    }

    if (io->end >= 0) {
        left = io->end - ds_demux_io_tell(io);

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

    rc = ds_demux_io_bytes(io, buf, n);

    if (rc < 0) {
        return (rc == DS_ECANCELED) ? AVERROR_EXIT : AVERROR(EIO);
    }

    if (rc == 0) {
        return AVERROR_EOF;
    }

    if (!io->begun) {
        io->begun = true;
        rc -= ds_demux_bare(buf, (size_t) rc);
        ds_demux_list(s, io->location, (char *) buf, (size_t) rc);

        if (s->restarted) {
            return AVERROR_EXIT;
        }
    }

    if (io->main && s->nbegin < DS_DEMUX_BEGIN && !ds_http_seekable(io->http)
        && ds_http_size(io->http) < 0)
    {
        left = DS_DEMUX_BEGIN - (int64_t) s->nbegin;
        left = (left < rc) ? left : rc;

        memcpy(s->begin + s->nbegin, buf, (size_t) left);
        s->nbegin += (size_t) left;
    }

    /* bytes of another segment: the demuxer went on after an error */

    ds_error_clear(&s->error);
    s->bytes += rc;

    return io->pmt == NULL ? rc : ds_demux_io_watch(io, buf, rc);
}


/* what comes after a cut is for the next AVFormatContext */

static int
ds_demux_io_held(ds_io_t *io, uint8_t *buf, int n)
{
    size_t  left;

    if (io->cut) {
        return AVERROR_EOF;
    }

    left = io->nheld - io->given;
    n = (size_t) n < left ? n : (int) left;

    memcpy(buf, io->held + io->given, n);
    io->given += n;

    if (io->given == io->nheld) {
        ds_demux_io_drop(io);
    }

    return ds_demux_io_watch(io, buf, n);
}


/*
 * Bytes that libav gets now: those before a stream has another codec.  The
 * others are held, and libav sees an end.
 */

static int
ds_demux_io_watch(ds_io_t *io, uint8_t *buf, int n)
{
    size_t      before, rest, left;
    uint8_t    *held;
    ptrdiff_t   at;

    if (!ds_pmt_changes(io->pmt, buf, n, &at)) {
        return n;
    }

    before = at < 0 ? -at : 0;
    rest = at < 0 ? n : n - at;
    left = io->nheld - io->given;

    held = malloc(before + rest + left);

    if (held == NULL) {
        return AVERROR(ENOMEM);
    }

    memcpy(held, io->pmt->part, before);
    memcpy(held + before, buf + n - rest, rest);

    if (left != 0) {
        memcpy(held + before + rest, io->held + io->given, left);
    }

    ds_demux_io_drop(io);
    ds_pmt_reset(io->pmt);

    io->held = held;
    io->nheld = before + rest + left;
    io->cut = true;

    return n - (int) rest > 0 ? n - (int) rest : AVERROR_EOF;
}


static void
ds_demux_io_drop(ds_io_t *io)
{
    free(io->held);
    io->held = NULL;
    io->nheld = 0;
    io->given = 0;
    io->cut = false;
}


static ssize_t
ds_demux_io_bytes(ds_io_t *io, uint8_t *buf, int n)
{
    int          rc;
    size_t       left;
    ssize_t      got;
    ds_demux_t  *s;

    s = io->source;

    if (io->head != NULL && io->at < (int64_t) io->len) {
        left = io->len - io->at;
        n = (size_t) n > left ? (int) left : n;
        memcpy(buf, io->head + io->at, n);
        io->at += n;

        return n;
    }

    if (io->head != NULL) {
        rc = s->deadline == 0 || io->len == DS_DEMUX_HEAD
             ? ds_demux_io_settle(io) : ds_demux_io_far(io);

        if (rc != DS_OK) {
            return rc;
        }
    }

    if (io->rest.given < io->rest.n) {
        left = io->rest.n - io->rest.given;
        n = (size_t) n > left ? (int) left : n;
        memcpy(buf, io->rest.bytes + io->rest.given, n);
        io->rest.given += n;

        return n;
    }

    if (io->head == NULL) {
        return ds_http_read(io->http, buf, n, &s->error);
    }

    if (io->at > (int64_t) io->len) {
        got = ds_http_read(io->far, buf, n, &s->error);
        io->at += got > 0 ? got : 0;

        return got;
    }

    return ds_demux_io_keep(io, buf, ds_http_read(io->http, buf,
                                  FFMIN((size_t) n, DS_DEMUX_HEAD - io->len),
                                  &s->error));
}


/* what is read from the head's end on is of the head */

static ssize_t
ds_demux_io_keep(ds_io_t *io, const uint8_t *buf, ssize_t n)
{
    if (n > 0) {
        memcpy(io->head + io->len, buf, n);
        io->len += n;
        io->at += n;
    }

    return n;
}


/* behind the head: another request, which is not for what is near */

static int
ds_demux_io_far(ds_io_t *io)
{
    ds_demux_t    *s;
    ds_http_req_t  req;

    s = io->source;

    if (io->at == (int64_t) io->len) {
        return DS_OK;
    }

    if (io->at < (int64_t) io->len + DS_DEMUX_HEAD) {
        return ds_demux_io_settle(io);
    }

    if (io->far != NULL) {
        return ds_http_seek(io->far, io->at);
    }

    req = s->req;
    req.offset = io->at;
    io->far = ds_http_open(s->conf, &req, s->cancel, &s->error);

    return io->far == NULL ? s->error.code : DS_OK;
}


/* it is opened, or was looked at enough: one request goes on */

static int
ds_demux_io_settle(ds_io_t *io)
{
    if (io->far != NULL && io->at != (int64_t) io->len) {
        FFSWAP(ds_http_t *, io->http, io->far);
    }

    ds_http_close(&io->far);
    free(io->head);
    io->head = NULL;

    return ds_http_seek(io->http, io->at);
}


/*
 * Tracks that lie far apart in a file are read at two places, by two requests
 * that go on; with one each change of the track would be another request.
 */

static int
ds_demux_io_move(ds_io_t *io, int64_t offset)
{
    int64_t      back;
    ds_demux_t  *s;

    s = io->source;

    if (ds_http_seekable(io->http) && !ds_http_near(io->http, offset)) {

        /* to look about while it is opened is no alternating */

        if (io->far == NULL && !io->alone && s->deadline == 0) {
            back = offset - io->left;
            io->left = ds_http_tell(io->http);

            if (back > -DS_DEMUX_BUFFER && back < DS_DEMUX_HEAD
                && ++io->turns == DS_DEMUX_TURNS)
            {
                ds_demux_io_second(io, offset);
            }
        }

        if (io->far != NULL && ds_demux_io_turn(io, offset)) {
            return DS_OK;
        }
    }

    io->rest.n = io->rest.given = 0;

    if (ds_http_seek(io->http, offset) == DS_OK) {
        return DS_OK;
    }

    /* a movie's table may come last, and where it is read leads back twice */

    return io->main && s->ctx->iformat != NULL
           && av_match_name("mov", s->ctx->iformat->name)
           && s->rewound++ < DS_DEMUX_REWINDS
           ? ds_http_rewind(io->http, offset) : DS_ESOURCE_FAILED;
}


/* a server that gives only one, or another resource, is not asked again */

static void
ds_demux_io_second(ds_io_t *io, int64_t offset)
{
    ds_demux_t    *s;
    ds_error_t     err;
    ds_http_req_t  req;

    s = io->source;

    io->alone = true;
    io->rest.bytes = malloc(DS_DEMUX_BUFFER);
    io->far_rest.bytes = malloc(DS_DEMUX_BUFFER);

    if (io->rest.bytes == NULL || io->far_rest.bytes == NULL) {
        return;
    }

    req = s->req;
    req.offset = offset;
    req.patient = false;
    io->far = ds_http_open(s->conf, &req, s->cancel, &err);

    if (io->far != NULL
        && ds_http_size(io->far) != ds_http_size(io->http))
    {
        ds_http_close(&io->far);
    }
}


/* to the other place; true: what libav had left there begins with "offset" */

static bool
ds_demux_io_turn(ds_io_t *io, int64_t offset)
{
    size_t      n, again;
    int64_t     back;
    ds_rest_t  *r;

    r = &io->rest;
    again = r->n - r->given;
    n = io->pb->buf_end - io->pb->buf_ptr;

    if (io->nheld != 0 || n > DS_DEMUX_BUFFER - again) {
        /* what is held would be between them and the next read */
        r->n = 0;

    } else {
        memmove(r->bytes + n, r->bytes + r->given, again);
        memcpy(r->bytes, io->pb->buf_ptr, n);
        r->n = n + again;
    }

    r->given = r->n;

    FFSWAP(ds_http_t *, io->http, io->far);
    FFSWAP(ds_rest_t, io->rest, io->far_rest);

    back = ds_http_tell(io->http) - offset;

    if (back <= 0 || back > (int64_t) r->n) {
        return false;
    }

    r->given = r->n - (size_t) back;

    return true;
}


/*
 * An index of fragments that does not reach to the file's end makes the
 * demuxer look what is there; without a size it does not.
 */

static bool
ds_demux_brief(ds_demux_t *s)
{
    return s->brief && s->ctx->iformat != NULL
           && av_match_name("mov", s->ctx->iformat->name);
}


static int64_t
ds_demux_io_tell(ds_io_t *io)
{
    return io->head != NULL ? io->at
           : ds_http_tell(io->http) - (int64_t) (io->rest.n - io->rest.given);
}


/* bytes before a list that libav does not know: a mark, blank lines */

static size_t
ds_demux_bare(uint8_t *buf, size_t len)
{
    size_t  n;

    n = len > 3 && memcmp(buf, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

    while (n < len && strchr(" \t\r\n", buf[n]) != NULL && buf[n] != '\0') {
        n++;
    }

    if (len - n < 7 || memcmp(buf + n, "#EXTM3U", 7) != 0) {
        return 0;
    }

    memmove(buf, buf + n, len - n);

    return n;
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
        s->restarted = true;
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

    if (ds_demux_brief(io->source)) {
        size = -1;

    } else if (size >= 0) {
        size -= io->base;
    }

    switch (whence & ~AVSEEK_FORCE) {

    case AVSEEK_SIZE:
        return (size < 0) ? AVERROR(ENOSYS) : size;

    case SEEK_SET:
        break;

    case SEEK_CUR:
        offset += ds_demux_io_tell(io) - io->base
                  - (int64_t) (io->nheld - io->given);
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

    if (io->head != NULL) {
        io->at = offset;

    } else if (ds_demux_io_move(io, io->base + offset) != DS_OK) {
        return AVERROR(ESPIPE);
    }

    ds_demux_io_drop(io);

    if (io->pmt != NULL) {
        ds_pmt_reset(io->pmt);
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
    char               *whole;
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

    /* blanks, and letters that are not ASCII, are escaped */

    if (ds_url_join(&whole, s->url, url) == DS_ENOMEM) {
        return AVERROR(ENOMEM);
    }

    memset(&req, 0, sizeof(req));
    req.url = whole == NULL ? url : whole;
    req.headers = s->headers;
    req.origin = s->url;
    req.chunk = s->req.chunk;
    req.patient = (s->deadline == 0);
    req.resolved_at = s->req.resolved_at;
    req.expires_at = ds_url_expires(url);
    req.hooks = (s->hooks == NULL) ? NULL : &s->nested;
    req.pool = s->pool;
    end = -1;

    if (strncasecmp(url, "http", 4) == 0) {
        e = av_dict_get(options, "offset", NULL, 0);
        req.offset = (e == NULL) ? 0 : strtoll(e->value, NULL, 10);

        e = av_dict_get(options, "end_offset", NULL, 0);
        end = (e == NULL) ? -1 : strtoll(e->value, NULL, 10);

        if (req.offset < 0) {
            free(whole);
            return AVERROR_INVALIDDATA;
        }

        req.end = (end < 0) ? 0 : end;
    }

    *pb = ds_demux_io(s, &req, end, &s->error);
    free(whole);

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
