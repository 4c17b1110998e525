
/*
 * Publishing over RTMP to a server of our own that is scripted, in a thread:
 * one that takes the stream, and those that close, stall and lie.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "ds_amf.h"
#include "ds_output.h"
#include "ds_rtmp.h"
#include "server.h"
#include "tap.h"


#define HANDSHAKE  1536
#define MESSAGES   64
#define STEPS      (1 << 20)


typedef enum {
    TAKE,
    TAKE_CLOSE,                         /* hears the first message, closes */
    TAKE_STALL,                         /* reads nothing of the stream */
    TAKE_TALK,                          /* pings, in pieces, and listens */
    TAKE_GARBAGE,
    TAKE_ERROR,                         /* an error when it is published */
    CLOSE_ACCEPT,
    CLOSE_HANDSHAKE,
    STALL_HANDSHAKE,
    VERSION,
    CLOSE_CONNECT,
    STALL_CONNECT,
    ERROR_CONNECT,
    GARBAGE,
    HUGE_LENGTH,
    NO_CHUNKS,                          /* chunks of no bytes */
    UNKNOWN_STREAM,                     /* a chunk that continues nothing */
    MANY_STREAMS,
    NO_STREAM,                          /* createStream: a negative number */
    CLOSE_PUBLISH,
    STALL_PUBLISH,
    BAD_NAME
} mode_e;


typedef struct {
    uint8_t          type;
    uint32_t         timestamp;
    uint32_t         stream;
    uint32_t         len;
    uint32_t         sum;
    uint8_t          head[512];         /* as much as fits */
} message_t;


typedef struct {
    bool             known, extended;
    uint8_t          type;
    uint32_t         timestamp, stream, len, got;
    uint8_t         *body;
} in_stream_t;


typedef struct {
    mode_e           mode;
    int              listening, fd;
    char             url[64];
    pthread_t        thread;

    uint32_t         chunk;
    in_stream_t      in[64];
    message_t        msg;

    /* to be read when the thread has ended */
    message_t        got[MESSAGES];
    int              ngot;
    char             app[64], tc_url[64], publish[128], type[16];
    int              unpublished, deleted, pongs, acks;
} peer_t;


static ds_cancel_t  cancel;
static uint8_t      data[1 << 20];


static uint32_t
sum(const uint8_t *p, size_t n)
{
    uint32_t  s;

    s = 1;

    while (n-- != 0) {
        s = s * 31 + *p++;
    }

    return s;
}


static bool
get(peer_t *p, void *buf, size_t n)
{
    ssize_t   rc;
    uint8_t  *b = buf;

    while (n != 0) {
        rc = recv(p->fd, b, n, 0);
        if (rc <= 0) {
            return false;
        }

        b += rc;
        n -= rc;
    }

    return true;
}


static bool
put(peer_t *p, const void *buf, size_t n)
{
    return send(p->fd, buf, n, MSG_NOSIGNAL) == (ssize_t) n;
}


static uint32_t
be(const uint8_t *p, int n)
{
    uint32_t  v;

    for (v = 0; n != 0; n--) {
        v = v << 8 | *p++;
    }

    return v;
}


/* a chunk's header and body; 1: a message is complete */

static int
get_chunk(peer_t *p)
{
    uint8_t       h[16];
    uint32_t      n;
    in_stream_t  *s;

    if (!get(p, h, 1)) {
        return -1;
    }

    s = &p->in[h[0] & 0x3f];

    if ((h[0] & 0x3f) < 2 || (h[0] >> 6 != 0 && h[0] >> 6 != 3)
        || (h[0] >> 6 == 3) != (s->got != 0))
    {
        return -1;
    }

    if (h[0] >> 6 == 0) {
        if (!get(p, h, 11)) {
            return -1;
        }

        s->timestamp = be(h, 3);
        s->extended = s->timestamp == 0xffffff;
        s->len = be(h + 3, 3);
        s->type = h[6];
        s->stream = h[7];
        s->body = realloc(s->body, s->len + 1);
    }

    if (s->extended) {
        if (!get(p, h, 4)
            || (s->got != 0 && be(h, 4) != s->timestamp))
        {
            return -1;
        }

        s->timestamp = be(h, 4);
    }

    n = s->len - s->got < p->chunk ? s->len - s->got : p->chunk;

    if (!get(p, s->body + s->got, n)) {
        return -1;
    }

    s->got += n;

    if (s->got < s->len) {
        return 0;
    }

    s->got = 0;

    memset(&p->msg, 0, sizeof(p->msg));
    p->msg.type = s->type;
    p->msg.timestamp = s->timestamp;
    p->msg.stream = s->stream;
    p->msg.len = s->len;
    p->msg.sum = sum(s->body, s->len);
    memcpy(p->msg.head, s->body,
           s->len < sizeof(p->msg.head) ? s->len : sizeof(p->msg.head));

    if (s->type == DS_RTMP_CHUNK_SIZE) {
        p->chunk = be(s->body, 4);
    }

    return 1;
}


static bool
get_message(peer_t *p)
{
    int  rc;

    do {
        rc = get_chunk(p);
    } while (rc == 0);

    return rc == 1;
}


/* waits for a command; "in" is behind its transaction */

static bool
get_command(peer_t *p, const char *want, double *tx, ds_amf_in_t *in)
{
    char  name[32];

    while (get_message(p)) {
        in->pos = p->msg.head;
        in->end = p->msg.head + p->msg.len;

        if (p->msg.type == DS_RTMP_COMMAND
            && ds_amf_get_string(in, name, sizeof(name))
            && strcmp(name, want) == 0)
        {
            return ds_amf_get_number(in, tx);
        }
    }

    return false;
}


/* a message in chunks of 128 bytes at most */

static bool
put_message(peer_t *p, uint8_t type, const uint8_t *body, size_t n)
{
    uint8_t         head[DS_CHUNK_HEADER];
    size_t          part;
    ds_chunk_out_t  msg = { type, 3, 0, 0, n };

    if (!put(p, head, ds_chunk_first(head, &msg))) {
        return false;
    }

    for ( ;; ) {
        part = n < 128 ? n : 128;

        if (!put(p, body, part)) {
            return false;
        }

        body += part;
        n -= part;

        if (n == 0) {
            return true;
        }

        if (!put(p, head, ds_chunk_next(head, &msg))) {
            return false;
        }
    }
}


static bool
put_answer(peer_t *p, const char *name, double tx, double number,
    const char *level, const char *code)
{
    uint8_t       body[512];
    ds_amf_out_t  out = { body, body + sizeof(body), false };

    ds_amf_string(&out, name);
    ds_amf_number(&out, tx);
    ds_amf_null(&out);

    if (level == NULL) {
        ds_amf_number(&out, number);

    } else {
        ds_amf_object(&out);
        ds_amf_field(&out, "level", level);
        ds_amf_field(&out, "description", "something that is rather long, so "
                     "that the message takes more than one chunk of 128 bytes "
                     "and has to be put together");
        ds_amf_field(&out, "code", code);
        ds_amf_end(&out);
    }

    return put_message(p, DS_RTMP_COMMAND, body, out.pos - body);
}


static void
until_closed(peer_t *p)
{
    struct pollfd  pfd = { p->fd, POLLRDHUP, 0 };

    (void) poll(&pfd, 1, 20000);
}


static bool
serve_handshake(peer_t *p)
{
    int      i;
    uint8_t  c[1 + HANDSHAKE], s[1 + HANDSHAKE], c2[HANDSHAKE];

    if (p->mode == CLOSE_ACCEPT || !get(p, c, sizeof(c)) || c[0] != 3) {
        return false;
    }

    for (i = 0; i <= HANDSHAKE; i++) {
        s[i] = i * 7;
    }

    s[0] = p->mode == VERSION ? 'H' : 3;

    if (p->mode == CLOSE_HANDSHAKE || p->mode == STALL_HANDSHAKE) {
        (void) put(p, s, 700);

        if (p->mode == STALL_HANDSHAKE) {
            until_closed(p);
        }

        return false;
    }

    return put(p, s, sizeof(s)) && get(p, c2, sizeof(c2))
           && memcmp(c2, s + 1, HANDSHAKE) == 0
           && put(p, c + 1, HANDSHAKE);
}


static void
serve_garbage(peer_t *p)
{
    int       i;
    uint8_t   b[4096];
    unsigned  seed;

    /* a message of this type with this length */
    static const uint8_t  huge[] = { 3, 0, 0, 0, 0xff, 0xff, 0xff, 20,
                                     0, 0, 0, 0 };
    static const uint8_t  none[] = { 2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0,
                                     0, 0, 0, 0 };

    switch (p->mode) {

    case HUGE_LENGTH:
        (void) put(p, huge, sizeof(huge));
        break;

    case NO_CHUNKS:
        (void) put(p, none, sizeof(none));
        break;

    case UNKNOWN_STREAM:
        (void) put(p, "\xc7", 1);
        break;

    case MANY_STREAMS:
        for (i = 2; i < 60; i++) {
            memcpy(b, huge, sizeof(huge));
            b[0] = i;
            b[4] = 0;
            (void) put(p, b, sizeof(huge) + 100);
        }
        break;

    default:
        seed = 1;

        for (i = 0; i < (int) sizeof(b); i++) {
            b[i] = 0xc0 | rand_r(&seed);
        }

        (void) put(p, b, sizeof(b));
    }

    until_closed(p);
}


static bool
serve_commands(peer_t *p)
{
    char         name[160];
    double       tx;
    ds_amf_in_t  in;

    if (!get_command(p, "connect", &tx, &in)) {
        return false;
    }

    (void) ds_amf_get_field(&in, "app", p->app, sizeof(p->app));
    (void) ds_amf_get_field(&in, "tcUrl", p->tc_url, sizeof(p->tc_url));

    switch (p->mode) {

    case CLOSE_CONNECT:
        return false;

    case STALL_CONNECT:
        until_closed(p);
        return false;

    case ERROR_CONNECT:
        (void) put_answer(p, "_error", tx, 0, "error",
                          "NetConnection.Connect.Rejected");
        return false;

    case GARBAGE:
    case HUGE_LENGTH:
    case NO_CHUNKS:
    case UNKNOWN_STREAM:
    case MANY_STREAMS:
        serve_garbage(p);
        return false;

    default:
        break;
    }

    /* the error is about another command */

    if (!put_answer(p, "_result", tx, 0, "status",
                    "NetConnection.Connect.Success")
        || !get_command(p, "releaseStream", &tx, &in)
        || !put_answer(p, "_error", tx, 0, "error", "NetConnection.Call")
        || !get_command(p, "createStream", &tx, &in)
        || !put_answer(p, "_result", tx, p->mode == NO_STREAM ? -1 : 9, NULL,
                       NULL)
        || !get_command(p, "publish", &tx, &in)
        || p->msg.stream != 9
        || !ds_amf_skip(&in)
        || !ds_amf_get_string(&in, p->publish, sizeof(p->publish))
        || !ds_amf_get_string(&in, p->type, sizeof(p->type)))
    {
        return false;
    }

    switch (p->mode) {

    case CLOSE_PUBLISH:
        return false;

    case STALL_PUBLISH:
        until_closed(p);
        return false;

    case BAD_NAME:
        (void) snprintf(name, sizeof(name), "NetStream.Publish.BadName %s",
                        p->publish);
        (void) put_answer(p, "onStatus", 0, 0, "error", name);
        return false;

    default:
        return put_answer(p, "onStatus", 0, 0, "status",
                          "NetStream.Publish.Start");
    }
}


/* pings among the pieces of another message, with chunks of 16 bytes */

static void
serve_talk(peer_t *p)
{
    int      i;
    uint8_t  b[64];

    static const uint8_t  window[] = { 0, 0, 4, 0 };
    static const uint8_t  chunk[] = { 0, 0, 0, 16 };
    static const uint8_t  ping[] = { 2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0,
                                     0, 6, 1, 2, 3, 4 };

    (void) put_message(p, DS_RTMP_WINDOW, window, 4);
    (void) put_message(p, DS_RTMP_CHUNK_SIZE, chunk, 4);

    memset(b, 0, sizeof(b));

    for (i = 0; i < 40; i++) {
        /* on chunk stream 64 + 6 + 256: data of 40 bytes, as 16, 16, 8 */

        memcpy(b, "\x01\x06\x01\0\0\0\0\0\x28\x12\0\0\0\0", 14);
        (void) put(p, b, 14 + 5);
        usleep(1000);
        (void) put(p, b + 14, 16 - 5);
        (void) put(p, ping, sizeof(ping));
        (void) put(p, "\xc1\x06\x01" "0123456789abcdef", 19);
        (void) put(p, "\xc1\x06\x01" "01234567", 11);
    }
}


static void
serve_stream(peer_t *p)
{
    char         name[32];
    ds_amf_in_t  in;

    while (get_message(p)) {

        if (p->msg.type == DS_RTMP_COMMAND) {
            in.pos = p->msg.head;
            in.end = p->msg.head + p->msg.len;
            (void) ds_amf_get_string(&in, name, sizeof(name));

            p->unpublished += strcmp(name, "FCUnpublish") == 0;
            p->deleted += strcmp(name, "deleteStream") == 0;

        } else if (p->msg.type == DS_RTMP_USER) {
            p->pongs += memcmp(p->msg.head, "\0\x07\1\2\3\4", 6) == 0;

        } else if (p->msg.type == DS_RTMP_ACK) {
            p->acks++;

        } else if (p->ngot < MESSAGES) {
            p->got[p->ngot++] = p->msg;
        }

        if (p->mode == TAKE_CLOSE) {
            return;
        }
    }
}


static void *
serve(void *arg)
{
    int      i;
    peer_t  *p = arg;

    p->fd = accept(p->listening, NULL, NULL);

    i = 1;
    (void) setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &i, sizeof(i));

    if (p->fd != -1 && serve_handshake(p) && serve_commands(p)) {

        switch (p->mode) {

        case TAKE_STALL:
            until_closed(p);
            break;

        case TAKE_GARBAGE:
            usleep(50000);
            serve_garbage(p);
            break;

        case TAKE_ERROR:
            usleep(50000);
            (void) put_answer(p, "onStatus", 0, 0, "error",
                              "NetStream.Publish.Denied");
            until_closed(p);
            break;

        case TAKE_TALK:
            serve_talk(p);
            /* fall through */

        default:
            serve_stream(p);
        }
    }

    if (p->fd != -1) {
        (void) close(p->fd);
    }

    for (i = 0; i < 64; i++) {
        free(p->in[i].body);
    }

    return NULL;
}


static void
peer_listen(peer_t *p, mode_e mode, int backlog)
{
    int                 small;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(p, 0, sizeof(peer_t));
    p->mode = mode;
    p->chunk = 128;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    small = 4096;

    p->listening = socket(AF_INET, SOCK_STREAM, 0);

    if (p->listening == -1
        || setsockopt(p->listening, SOL_SOCKET, SO_RCVBUF, &small,
                      sizeof(small)) == -1
        || bind(p->listening, (struct sockaddr *) &sin, len) == -1
        || listen(p->listening, backlog) == -1
        || getsockname(p->listening, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    (void) snprintf(p->url, sizeof(p->url), "rtmp://127.0.0.1:%d/live",
                    ntohs(sin.sin_port));
}


static void
peer_start(peer_t *p, mode_e mode)
{
    peer_listen(p, mode, 8);

    if (pthread_create(&p->thread, NULL, serve, p) != 0) {
        abort();
    }
}


static void
peer_end(peer_t *p)
{
    (void) pthread_join(p->thread, NULL);
    (void) close(p->listening);
}


static int
send_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp, uint32_t len,
    ds_error_t *err)
{
    int       rc;
    uint32_t  n;

    rc = ds_rtmp_message(r, type, timestamp, len, err);

    /* in odd parts */

    for (n = 0; rc == DS_OK && n < len; n += 30011) {
        rc = ds_rtmp_write(r, data + n, len - n < 30011 ? len - n : 30011,
                           err);
    }

    return rc;
}


static void
test_messages(void)
{
    int          i;
    peer_t       p;
    ds_error_t   err;
    ds_rtmp_t   *r;

    static const struct {
        uint8_t   type;
        uint32_t  timestamp, len;
    } sent[] = {
        { DS_RTMP_DATA,  0,          50 },
        { DS_RTMP_VIDEO, 40,         1 },
        { DS_RTMP_AUDIO, 41,         65536 },
        { DS_RTMP_VIDEO, 80,         65537 },
        { DS_RTMP_VIDEO, 0xfffffe,   700000 },
        { DS_RTMP_AUDIO, 0xffffff,   131072 },
        { DS_RTMP_VIDEO, 0x1000005,  300000 },
        { DS_RTMP_AUDIO, 0x1000006,  10 },
        { DS_RTMP_VIDEO, 0xfffffff0, 200000 },
    };
    int  n = sizeof(sent) / sizeof(sent[0]);

    peer_start(&p, TAKE);
    ds_error_clear(&err);

    r = ds_rtmp_publish(p.url, "name?ds_token=0123", &cancel, &err);
    ok(r != NULL, "messages: published %s", err.message);

    for (i = 0; r != NULL && i < n; i++) {
        is_int(send_message(r, sent[i].type, sent[i].timestamp, sent[i].len,
                            &err), 0, "messages: %u bytes", sent[i].len);
    }

    is_int(ds_rtmp_flush(r, &err), 0, "messages: flushed");

    /* what was not flushed goes with the goodbye */
    (void) send_message(r, DS_RTMP_AUDIO, 7, 7, &err);
    ds_rtmp_close(&r);
    ok(r == NULL, "messages: closed");
    peer_end(&p);

    is_str(p.app, "live", "messages: the application");
    is_str(p.tc_url, p.url, "messages: tcUrl");
    is_str(p.publish, "name?ds_token=0123", "messages: the name");
    is_str(p.type, "live", "messages: the type");
    is_int(p.unpublished, 1, "messages: FCUnpublish");
    is_int(p.deleted, 1, "messages: deleteStream");
    is_int(p.ngot, n + 1, "messages: all have come");

    for (i = 0; i < n && i < p.ngot; i++) {
        ok(p.got[i].type == sent[i].type
           && p.got[i].timestamp == sent[i].timestamp
           && p.got[i].len == sent[i].len
           && p.got[i].stream == 9
           && p.got[i].sum == sum(data, sent[i].len),
           "messages: %u bytes at %u are the same", sent[i].len,
           sent[i].timestamp);
    }
}


static void
test_output(void)
{
    int                 i, rc;
    peer_t              p;
    AVPacket           *pkt;
    ds_error_t          err;
    ds_target_t         target;
    ds_output_t        *out;
    AVCodecParameters  *v, *a;

    static const uint8_t  avcc[] = "\x01\x42\xc0\x0d\xff\xe1\x00\x04"
                                   "\x67\x42\xc0\x0d\x01\x00\x02\x68\xce";
    static const uint8_t  annexb[] = "\0\0\0\1\x67\x42\xc0\x0e"
                                     "\0\0\0\1\x68\xcf";

    v = avcodec_parameters_alloc();
    a = avcodec_parameters_alloc();
    pkt = av_packet_alloc();

    v->codec_type = AVMEDIA_TYPE_VIDEO;
    v->codec_id = AV_CODEC_ID_H264;
    v->width = 320;
    v->height = 180;
    v->extradata = av_mallocz(sizeof(avcc) + AV_INPUT_BUFFER_PADDING_SIZE);
    v->extradata_size = sizeof(avcc) - 1;
    memcpy(v->extradata, avcc, v->extradata_size);

    a->codec_type = AVMEDIA_TYPE_AUDIO;
    a->codec_id = AV_CODEC_ID_AAC;
    a->sample_rate = 44100;
    a->extradata = av_mallocz(2 + AV_INPUT_BUFFER_PADDING_SIZE);
    a->extradata_size = 2;
    memcpy(a->extradata, "\x12\x10", 2);

    peer_start(&p, TAKE);

    memset(&target, 0, sizeof(target));
    target.publish = p.url;
    target.name = "lofi";
    target.token = "0123";
    target.push = "rtmp://127.0.0.1/live2/KEY";

    out = ds_output_open(&target, &cancel, &err);
    ok(out != NULL, "output: open");
    rc = ds_output_begin(out, v, a, &err);
    is_int(rc, 0, "output: begin");

    for (i = 0; i < 12 && rc == DS_OK; i++) {
        (void) av_new_packet(pkt, i == 4 ? 500000 : 100);
        memset(pkt->data, 0, pkt->size);
        pkt->data[2] = pkt->size >> 8;
        pkt->data[3] = pkt->size - 4;
        pkt->stream_index = i & 1;
        pkt->flags = AV_PKT_FLAG_KEY;

        /* the 24 bits are left behind between two packets */
        pkt->dts = (0xffff00 + (int64_t) i * 40) * 1000;
        pkt->pts = pkt->dts + 80000;

        if (i == 8) {
            v->extradata_size = sizeof(annexb) - 1;
            memcpy(v->extradata, annexb, v->extradata_size);
        }

        rc = ds_output_write(out, pkt, i == 8 ? v : NULL, &err);
        av_packet_unref(pkt);
    }

    is_int(rc, 0, "output: write %s", err.message);
    is_int(ds_output_flush(out, &err), 0, "output: flush");
    ds_output_close(&out);
    peer_end(&p);

    is_str(p.publish, "lofi?ds_token=0123&ds_push=127.0.0.1:1935",
           "output: the name");
    is_int(p.ngot, 3 + 12 + 1, "output: messages");
    is_int(p.got[0].type, DS_RTMP_DATA, "output: metadata");
    ok(memcmp(p.got[0].head, "\2\0\x0d@setDataFrame\2\0\x0aonMetaData", 29)
       == 0, "output: @setDataFrame");
    ok(p.got[1].type == DS_RTMP_VIDEO
       && memcmp(p.got[1].head, "\x17\0\0\0\0", 5) == 0
       && memcmp(p.got[1].head + 5, avcc, sizeof(avcc) - 1) == 0,
       "output: the AVC header");
    ok(p.got[2].type == DS_RTMP_AUDIO
       && memcmp(p.got[2].head, "\xaf\0\x12\x10", 4) == 0,
       "output: the AAC header");
    is_int(p.got[3].timestamp, 0xffff00, "output: the first time stamp");
    ok(memcmp(p.got[3].head, "\x17\1\0\0\x50", 5) == 0,
       "output: the composition time");
    is_int(p.got[7].len, 500005, "output: a large frame");
    ok(p.got[11].head[1] == 0 && p.got[11].head[8] == 0x0e,
       "output: the next AVC header, of Annex B");
    is_int(p.got[15].timestamp, 0xffff00 + 11 * 40,
           "output: a time stamp beyond 24 bits");

    av_packet_free(&pkt);
    avcodec_parameters_free(&v);
    avcodec_parameters_free(&a);
}


static void
test_talk(void)
{
    int          i;
    peer_t       p;
    ds_error_t   err;
    ds_rtmp_t   *r;

    peer_start(&p, TAKE_TALK);
    ds_error_clear(&err);

    r = ds_rtmp_publish(p.url, "name", &cancel, &err);

    for (i = 0; i < 100 && err.code == DS_OK; i++) {
        (void) send_message(r, DS_RTMP_VIDEO, i, 100, &err);
        (void) ds_rtmp_flush(r, &err);
        usleep(2000);
    }

    is_int(err.code, 0, "talk: a server that talks %s", err.message);
    ds_rtmp_close(&r);
    peer_end(&p);

    ok(p.pongs >= 5 && p.pongs <= 40, "talk: pings are answered: %d",
       p.pongs);
    ok(p.acks >= 2 && p.acks <= 12, "talk: bytes are acknowledged: %d",
       p.acks);
    is_int(p.ngot, 64, "talk: the stream comes meanwhile");
}


static void
test_refusals(void)
{
    int          i;
    peer_t       p;
    int64_t      t;
    ds_error_t   err;
    ds_rtmp_t   *r;

    static const struct {
        mode_e       mode;
        const char  *message;
    } c[] = {
        { CLOSE_ACCEPT, "handshake failed: " },
        { CLOSE_HANDSHAKE, "handshake failed: connection closed by server" },
        { VERSION, "handshake failed: not an RTMP server" },
        { CLOSE_CONNECT, "RTMP connect failed: connection closed by server" },
        { ERROR_CONNECT,
          "RTMP connect failed: NetConnection.Connect.Rejected" },
        { GARBAGE, "RTMP connect failed: not RTMP" },
        { HUGE_LENGTH, "RTMP connect failed: not RTMP" },
        { NO_CHUNKS, "RTMP connect failed: not RTMP" },
        { UNKNOWN_STREAM, "RTMP connect failed: not RTMP" },
        { MANY_STREAMS, "RTMP connect failed: not RTMP" },
        { NO_STREAM, "publish failed: no stream was created" },
        { CLOSE_PUBLISH, "publish failed: connection closed by server" },
        { BAD_NAME, "publish failed: NetStream.Publish.BadName" },
    };

    for (i = 0; i < (int) (sizeof(c) / sizeof(c[0])); i++) {
        peer_start(&p, c[i].mode);
        ds_error_clear(&err);

        t = ds_monotonic();
        r = ds_rtmp_publish(p.url, "name?ds_token=0123", &cancel, &err);

        ok(r == NULL && ds_monotonic() - t < 2000, "refusals: %s",
           c[i].message);
        is_int(err.code, DS_EOUTPUT_REJECTED, "refusals: is rejected");
        ok(strncmp(err.message, c[i].message, strlen(c[i].message)) == 0
           && strstr(err.message, "0123") == NULL,
           "refusals: \"%s\"", err.message);

        peer_end(&p);
    }

    peer_listen(&p, TAKE, 1);
    (void) close(p.listening);

    r = ds_rtmp_publish(p.url, "name", &cancel, &err);
    ok(r == NULL, "refusals: nobody listens");
    is_int(err.code, DS_EOUTPUT_REFUSED, "refusals: is refused");
    is_str(err.message, "connect() failed: Connection refused",
           "refusals: why");

    r = ds_rtmp_publish("rtmp://no.such.host.invalid/live", "name", &cancel,
                        &err);
    ok(r == NULL, "refusals: no such host");
    is_int(err.code, DS_EOUTPUT_REFUSED, "refusals: is refused");
}


/* makes the kernel take little for a peer that does not read */

static void
shrink(peer_t *p)
{
    int                 fd, small;
    socklen_t           len;
    struct sockaddr_in  sin, to;

    len = sizeof(sin);
    (void) getsockname(p->listening, (struct sockaddr *) &sin, &len);
    small = 4096;

    for (fd = 0; fd < 64; fd++) {
        len = sizeof(to);

        if (getpeername(fd, (struct sockaddr *) &to, &len) == 0
            && to.sin_port == sin.sin_port)
        {
            (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small,
                              sizeof(small));
        }
    }
}


/* writes until something happens; the ms this took */

static int64_t
send_until(ds_rtmp_t *r, size_t n, ds_error_t *err)
{
    int      i;
    int64_t  t;

    t = ds_monotonic();

    for (i = 0; i < STEPS && err->code == DS_OK; i++) {
        t = ds_monotonic();

        if (send_message(r, DS_RTMP_VIDEO, i, n, err) == DS_OK) {
            (void) ds_rtmp_flush(r, err);
        }

        if (n < 1000) {
            usleep(1000);
        }
    }

    return ds_monotonic() - t;
}


static void
test_lost(void)
{
    int          i;
    peer_t       p;
    int64_t      t;
    ds_error_t   err;
    ds_rtmp_t   *r;

    static const mode_e  mode[] = { TAKE_CLOSE, TAKE_GARBAGE, TAKE_ERROR };
    static const int     code[] = { DS_EOUTPUT_LOST, DS_EOUTPUT_LOST,
                                    DS_EOUTPUT_REJECTED };

    for (i = 0; i < 3; i++) {
        peer_start(&p, mode[i]);
        ds_error_clear(&err);

        r = ds_rtmp_publish(p.url, "name", &cancel, &err);
        t = send_until(r, 100, &err);
        is_int(err.code, code[i], "lost: %s", err.message);
        ok(t < 1000, "lost: and it is seen at once");

        ds_rtmp_close(&r);
        peer_end(&p);
    }

    peer_start(&p, TAKE_STALL);
    ds_error_clear(&err);

    r = ds_rtmp_publish(p.url, "name", &cancel, &err);
    t = send_until(r, 100000, &err);
    is_int(err.code, DS_EOUTPUT_LOST, "lost: a server that does not read");
    is_str(err.message, "send() failed: timed out", "lost: why");
    ok(t >= 4900 && t < 6000, "lost: after %d ms", (int) t);

    t = ds_monotonic();
    ds_rtmp_close(&r);
    ok(ds_monotonic() - t < 100, "lost: it is not waited for again");
    peer_end(&p);

    /* blocked, but not known to be lost: the goodbye must not wait long */

    peer_start(&p, TAKE_STALL);
    ds_error_clear(&err);
    r = ds_rtmp_publish(p.url, "name", &cancel, &err);
    shrink(&p);

    for (i = 0; i < 3; i++) {
        (void) send_message(r, DS_RTMP_VIDEO, i, 80000, &err);
    }

    t = ds_monotonic();
    ds_rtmp_close(&r);
    t = ds_monotonic() - t;
    ok(t >= 290 && t < 450, "lost: a close takes %d ms", (int) t);
    peer_end(&p);
}


static void
test_cancel(void)
{
    int           i, fd[4];
    peer_t        p;
    int64_t       t;
    ds_error_t    err;
    ds_rtmp_t    *r;
    ds_cancel_t   c;
    canceler_t    killer;

    static const mode_e  mode[] = { STALL_HANDSHAKE, STALL_CONNECT,
                                    STALL_PUBLISH, TAKE_STALL };

    for (i = 0; i < 4; i++) {
        peer_start(&p, mode[i]);
        ds_error_clear(&err);
        (void) ds_cancel_init(&c);
        canceler_start(&killer, &c);

        r = ds_rtmp_publish(p.url, "name", &c, &err);
        ok((r != NULL) == (mode[i] == TAKE_STALL), "cancel: state %d", i);

        if (r != NULL) {
            (void) send_until(r, 100000, &err);
        }

        ds_rtmp_close(&r);
        t = canceler_end(&killer);

        is_int(err.code, DS_ECANCELED, "cancel: is canceled");
        ok(t < 100, "cancel: in %d ms", (int) t);

        peer_end(&p);
        ds_cancel_free(&c);
    }

    /* a full queue: the kernel does not answer */

    peer_listen(&p, TAKE, 0);

    for (i = 0; i < 4; i++) {
        struct sockaddr_in  sin;
        socklen_t           len = sizeof(sin);

        (void) getsockname(p.listening, (struct sockaddr *) &sin, &len);
        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void) connect(fd[i], (struct sockaddr *) &sin, len);
    }

    ds_error_clear(&err);
    (void) ds_cancel_init(&c);
    canceler_start(&killer, &c);

    r = ds_rtmp_publish(p.url, "name", &c, &err);
    t = canceler_end(&killer);
    ok(r == NULL, "cancel: connect()");
    is_int(err.code, DS_ECANCELED, "cancel: is canceled");
    ok(t >= 0 && t < 100, "cancel: in %d ms", (int) t);

    ds_cancel_free(&c);
    (void) close(p.listening);

    for (i = 0; i < 4; i++) {
        (void) close(fd[i]);
    }
}


/* every length of a good answer, and noise, each in memory of its own */

static void
test_noise(void)
{
    int             i, n, rc;
    char            text[16];
    double          number;
    uint8_t         body[512], *copy;
    unsigned        seed;
    ds_amf_in_t     in;
    ds_amf_out_t    out = { body, body + sizeof(body), false };
    ds_message_t    msg;
    ds_chunk_in_t   chunks;
    const uint8_t  *p;

    ds_amf_object(&out);
    ds_amf_field(&out, "level", "status");
    ds_amf_field(&out, "code", "a.b");
    ds_amf_end(&out);
    n = out.pos - body;

    for (i = 0; i <= n; i++) {
        copy = malloc(i + 1);
        memcpy(copy, body, i);
        in.pos = copy;
        in.end = copy + i;
        (void) ds_amf_get_field(&in, "code", text, sizeof(text));
        rc = ds_amf_skip(&in);
        free(copy);

        if (rc != (i == n)) {
            break;
        }
    }

    is_int(i, n + 1, "noise: an object is whole or it is not one");
    is_str(text, "a.b", "noise: and has its field");

    seed = 7;

    for (i = 0; i < 3000; i++) {
        n = rand_r(&seed) % 200;
        copy = malloc(n + 1);

        for (rc = 0; rc < n; rc++) {
            copy[rc] = rand_r(&seed) & ((i & 1) ? 0x1f : 0xff);
        }

        in.pos = copy;
        in.end = copy + n;
        (void) ds_amf_get_field(&in, "code", text, sizeof(text));
        (void) ds_amf_get_string(&in, text, sizeof(text));
        (void) ds_amf_get_number(&in, &number);
        (void) ds_amf_skip(&in);

        ds_chunk_init(&chunks);
        p = copy;

        do {
            rc = ds_chunk_read(&chunks, &p, copy + n, &msg);
            if (rc == 1) {
                number += sum(msg.body, msg.len);
            }
        } while (rc == 1);

        ds_chunk_free(&chunks);
        free(copy);
    }

    ok(true, "noise: is survived");
}


int
main(void)
{
    int       fds;
    size_t    i;
    unsigned  seed;

    (void) ds_cancel_init(&cancel);
    seed = 3;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = rand_r(&seed);
    }

    fds = count_entries("/proc/self/fd");

    test_messages();
    test_output();
    test_talk();
    test_refusals();
    test_lost();
    test_cancel();
    test_noise();

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");

    ds_cancel_free(&cancel);

    return done_testing();
}
