
/*
 * rtmp_peer.h: an RTMP server for a test program, in a thread of it, that
 * does what its mode says with one connection, and keeps what it was told.
 */

#ifndef RTMP_PEER_H_INCLUDED_
#define RTMP_PEER_H_INCLUDED_


#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rtmp/ds_amf.h"
#include "rtmp/ds_chunk.h"


#define HANDSHAKE  1536
#define MESSAGES   64


typedef enum {
    TAKE,
    TAKE_CLOSE,                         /* hears the first message, closes */
    TAKE_STALL,                         /* reads nothing of the stream */
    TAKE_SLOW,                          /* reads it, little at a time */
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
    BAD_NAME,
    AUTH,                               /* wants a user: takes the third */
    AUTH_FAILED,                        /* takes none */
    REDIRECT                            /* to p->to, once */
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
    char             app[512], tc_url[512], publish[128], type[16];
    char             apps[4][512];      /* of each connect */
    char             to[128];
    int              connects;
    bool             again;             /* another connect is waited for */
    int              unpublished, deleted, pongs, acks;
} peer_t;


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


static void
take_slowly(peer_t *p)
{
    char  buf[16384];

    do {
        usleep(30000);
    } while (recv(p->fd, buf, sizeof(buf), 0) > 0);
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


/* a connect is refused with what would be taken; false: it is taken */

static bool
refused(peer_t *p, double tx)
{
    int           n;
    uint8_t       body[512];
    ds_amf_out_t  out = { body, body + sizeof(body), false };

    static const char *const  said[] = {
        "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ",
        "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth"
        "&user=us%20er&salt=NaCl&challenge=CHAL&opaque=OPQ",
        "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed"
        "&opaque=KEY"
    };

    n = p->connects++;
    (void) snprintf(p->apps[n & 3], sizeof(p->apps[0]), "%s", p->app);
    p->again = (p->mode == AUTH && n < 2) || (p->mode == AUTH_FAILED && n < 2)
               || (p->mode == REDIRECT && n < 1);

    if (!p->again && p->mode != AUTH_FAILED) {
        return false;
    }

    ds_amf_string(&out, "_error");
    ds_amf_number(&out, tx);
    ds_amf_null(&out);
    ds_amf_object(&out);
    ds_amf_field(&out, "level", "error");
    ds_amf_field(&out, "code", "NetConnection.Connect.Rejected");

    if (p->mode == REDIRECT) {
        ds_amf_name(&out, "ex");
        ds_amf_object(&out);
        ds_amf_name(&out, "code");
        ds_amf_number(&out, 302);
        ds_amf_field(&out, "redirect", p->to);
        ds_amf_end(&out);

    } else {
        ds_amf_field(&out, "description", said[n]);
    }

    ds_amf_end(&out);

    (void) put_message(p, DS_RTMP_COMMAND, body, out.pos - body);

    return true;
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

    case AUTH:
    case AUTH_FAILED:
    case REDIRECT:
        if (refused(p, tx)) {
            return false;
        }

        break;

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

again:

    p->again = false;
    p->chunk = 128;
    p->fd = accept(p->listening, NULL, NULL);

    i = 1;
    (void) setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &i, sizeof(i));

    if (p->fd != -1 && serve_handshake(p) && serve_commands(p)) {

        switch (p->mode) {

        case TAKE_STALL:
            until_closed(p);
            break;

        case TAKE_SLOW:
            take_slowly(p);
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

    memset(p->in, 0, sizeof(p->in));

    if (p->again) {
        goto again;
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


__attribute__((unused))
static void
peer_go(peer_t *p)
{
    if (pthread_create(&p->thread, NULL, serve, p) != 0) {
        abort();
    }
}


__attribute__((unused))
static void
peer_start(peer_t *p, mode_e mode)
{
    peer_listen(p, mode, 8);
    peer_go(p);
}


/* takes one more connection, when the one before is over */

__attribute__((unused))
static void
peer_again(peer_t *p, mode_e mode)
{
    (void) pthread_join(p->thread, NULL);

    p->mode = mode;
    p->chunk = 128;
    p->ngot = 0;

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


#endif /* RTMP_PEER_H_INCLUDED_ */
