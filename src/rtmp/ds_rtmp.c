
/*
 * ds_rtmp.c: publishes over RTMP or RTMPS: the handshake, the commands,
 * messages cut into chunks.  What is written in one tick leaves in one
 * send().  Knows nothing of what the messages of a stream hold.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "rtmp/ds_amf.h"
#include "rtmp/ds_auth.h"
#include "rtmp/ds_rtmp.h"
#include "net/ds_sock.h"


#define DS_RTMP_CONNECT    10000    /* ms */
#define DS_RTMP_WRITE      5000
#define DS_RTMP_CLOSE      300

#define DS_RTMP_PORT       1935
#define DS_RTMPS_PORT      443
#define DS_RTMP_VERSION    3
#define DS_RTMP_HANDSHAKE  1536

/*
 * nginx-rtmp takes up to 10 MiB, but has a buffer of this size for each of
 * the chunk streams of a session: most messages fit.  What others take is not
 * known: they get what they get from everybody.
 */
#define DS_RTMP_OUT_CHUNK   65536
#define DS_RTMP_PUSH_CHUNK  4096

/* connects of one session: two that are refused for a user, some redirects */
#define DS_RTMP_TRIES      6

/* capsEx of Enhanced RTMP: a session that is to be made anew is */
#define DS_RTMP_CAPS_RECONNECT  1

/* reads of one call: a server that floods us must not keep us */
#define DS_RTMP_READS      16

#define DS_RTMP_CONTROL_STREAM  2   /* chunk streams */
#define DS_RTMP_COMMAND_STREAM  3
#define DS_RTMP_AUDIO_STREAM    4
#define DS_RTMP_DATA_STREAM     5
#define DS_RTMP_VIDEO_STREAM    6

#define DS_RTMP_PING       6        /* events of a user control message */
#define DS_RTMP_PONG       7

/* transactions; the server answers to these numbers */
#define DS_RTMP_TX_CONNECT    1
#define DS_RTMP_TX_RELEASE    2
#define DS_RTMP_TX_FCPUBLISH  3
#define DS_RTMP_TX_CREATE     4
#define DS_RTMP_TX_PUBLISH    5
#define DS_RTMP_TX_UNPUBLISH  6
#define DS_RTMP_TX_DELETE     7


typedef struct {
    int              dns;
    int              refused;
    int              rejected;
    int              lost;
} ds_rtmp_codes_t;


struct ds_rtmp_s {
    const ds_rtmp_codes_t  *codes;

    ds_sock_t       *sock;
    char            *name;
    bool             live;          /* published */
    int64_t          deadline;      /* of all connects, monotonic ms */
    const char      *user;          /* conf's, while it connects */
    const char      *home;          /* conf's, whom the user is for */
    bool             push;
    bool             again;         /* refused, and it can be tried again: */
    char            *url;           /* there */
    char             auth[DS_AUTH_LEN];     /* with this, "": nothing */
    bool             asked;         /* for another session */

    ds_chunk_in_t    in;
    uint32_t         acked;         /* of sock->received, told the server */
    uint32_t         window;        /* 0: wants no acknowledgements */
    bool             ping;          /* to be answered */
    uint32_t         ping_time;
    int              waiting;       /* the transaction that is waited for */
    bool             answered;
    uint32_t         stream;        /* the server's number of ours */

    ds_chunk_out_t   msg;           /* being written */
    uint32_t         left;          /* of it */
    uint32_t         chunk_left;    /* of its chunk */
    uint32_t         chunk;         /* bytes of one */
};


static int ds_rtmp_open(ds_rtmp_t *r, const ds_rtmp_conf_t *conf,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_rtmp_anew(ds_rtmp_t *r, ds_cancel_t *cancel, ds_error_t *err);
static bool ds_rtmp_answerable(ds_rtmp_t *r, const ds_amf_in_t *amf,
    ds_error_t *err);
static bool ds_rtmp_same_server(const char *a, const char *b);
static bool ds_rtmp_redirected(ds_rtmp_t *r, const ds_amf_in_t *amf);
static int ds_rtmp_connect(ds_rtmp_t *r, const ds_rtmp_conf_t *conf,
    ds_error_t *err);
static int ds_rtmp_handshake(ds_rtmp_t *r, ds_error_t *err);
static int ds_rtmp_session(ds_rtmp_t *r, const ds_rtmp_conf_t *conf,
    const ds_url_t *u, ds_error_t *err);
static int ds_rtmp_command(ds_rtmp_t *r, int transaction, const char *name,
    uint32_t stream, const char *arg, ds_error_t *err);
static int ds_rtmp_send_amf(ds_rtmp_t *r, const uint8_t *body,
    const ds_amf_out_t *amf, uint32_t stream, ds_error_t *err);
static int ds_rtmp_await(ds_rtmp_t *r, int transaction, ds_error_t *err);

static int ds_rtmp_begin(ds_rtmp_t *r, const ds_chunk_out_t *msg,
    ds_error_t *err);
static int ds_rtmp_control(ds_rtmp_t *r, uint8_t type, const uint8_t *body,
    uint32_t len, ds_error_t *err);
static int ds_rtmp_reply(ds_rtmp_t *r, ds_error_t *err);

static int ds_rtmp_hear(ds_rtmp_t *r, ds_error_t *err);
static int ds_rtmp_handle(ds_rtmp_t *r, const ds_message_t *msg,
    ds_error_t *err);
static int ds_rtmp_answer(ds_rtmp_t *r, const ds_message_t *msg,
    ds_error_t *err);
static int ds_rtmp_status(ds_rtmp_t *r, ds_amf_in_t *amf, ds_error_t *err);
static int ds_rtmp_refused(ds_rtmp_t *r, const ds_amf_in_t *amf,
    ds_error_t *err);


static const ds_rtmp_codes_t  ds_rtmp_output = {
    DS_EOUTPUT_REFUSED, DS_EOUTPUT_REFUSED, DS_EOUTPUT_REJECTED,
    DS_EOUTPUT_LOST
};

static const ds_rtmp_codes_t  ds_rtmp_push = {
    DS_EPUSH_DNS, DS_EPUSH_REFUSED, DS_EPUSH_REJECTED, DS_EPUSH_LOST
};


ds_rtmp_t *
ds_rtmp_publish(const ds_rtmp_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err)
{
    ds_rtmp_t  *r;

    r = calloc(1, sizeof(ds_rtmp_t));
    if (r == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    ds_chunk_init(&r->in);

    r->codes = conf->push ? &ds_rtmp_push : &ds_rtmp_output;
    r->name = strdup(conf->name);
    r->url = strdup(conf->url);
    r->user = conf->user;
    r->home = conf->url;
    r->push = conf->push;
    r->deadline = ds_monotonic() + DS_RTMP_CONNECT;

    if (r->name == NULL || r->url == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");

    } else if (ds_rtmp_open(r, conf, cancel, err) == DS_OK) {
        r->user = NULL;
        r->home = NULL;
        r->live = true;
        r->sock->doing = "send()";
        r->sock->lost = r->codes->lost;
        r->sock->stuck = DS_RTMP_WRITE;
        r->sock->nowait = conf->nowait;

        return r;
    }

    ds_rtmp_close(&r);

    return NULL;
}


/* as often as the server says what is to be done otherwise */

static int
ds_rtmp_open(ds_rtmp_t *r, const ds_rtmp_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int       rc;
    unsigned  tries;

    tries = 0;

    do {
        r->again = false;
        rc = ds_rtmp_anew(r, cancel, err);

        if (rc == DS_OK) {
            rc = ds_rtmp_connect(r, conf, err);
        }
    } while (rc != DS_OK && r->again && ++tries < DS_RTMP_TRIES);

    return rc;
}


/* nothing is known of the connection before */

static int
ds_rtmp_anew(ds_rtmp_t *r, ds_cancel_t *cancel, ds_error_t *err)
{
    ds_sock_free(&r->sock);
    ds_chunk_free(&r->in);
    ds_chunk_init(&r->in);

    r->chunk = 128;
    r->acked = 0;
    r->window = 0;
    r->ping = false;
    r->left = 0;

    r->sock = ds_sock_create(cancel);

    return r->sock != NULL ? DS_OK
           : ds_fail(err, DS_ENOMEM, "malloc() failed");
}


static int
ds_rtmp_connect(ds_rtmp_t *r, const ds_rtmp_conf_t *conf, ds_error_t *err)
{
    int       rc;
    bool      secure;
    ds_url_t  u;

    rc = ds_url_parse(&u, r->url, err);
    if (rc != DS_OK) {
        return rc;
    }

    secure = strcmp(u.scheme, "rtmps") == 0;

    r->sock->term = conf->term;
    r->sock->deadline = r->deadline;
    r->sock->lost = r->codes->refused;

    rc = ds_sock_connect(r->sock, &u, secure ? DS_RTMPS_PORT : DS_RTMP_PORT,
                         secure, conf->certificate, r->codes->dns, err);

    if (rc == DS_OK) {
        rc = ds_rtmp_handshake(r, err);
    }

    return rc != DS_OK ? rc : ds_rtmp_session(r, conf, &u, err);
}


/* the plain one: the server's bytes are echoed, the echo of ours is unread */

static int
ds_rtmp_handshake(ds_rtmp_t *r, ds_error_t *err)
{
    int       rc;
    uint8_t   hello[1 + DS_RTMP_HANDSHAKE];

    r->sock->doing = "handshake";

    memset(hello, 0, sizeof(hello));
    hello[0] = DS_RTMP_VERSION;

    /* it is there to tell connections apart: no secret */
    (void) !getrandom(hello + 9, sizeof(hello) - 9, GRND_NONBLOCK);

    rc = ds_sock_append(r->sock, hello, sizeof(hello), err);

    if (rc == DS_OK) {
        rc = ds_sock_drain(r->sock, err);
    }

    if (rc == DS_OK) {
        rc = ds_sock_recv_all(r->sock, hello, sizeof(hello), err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    /* until then nobody was there */

    r->sock->lost = r->codes->rejected;

    if (hello[0] != DS_RTMP_VERSION) {
        return ds_sock_lost(r->sock, "not an RTMP server", err);
    }

    rc = ds_sock_append(r->sock, hello + 1, DS_RTMP_HANDSHAKE, err);

    if (rc == DS_OK) {
        rc = ds_sock_drain(r->sock, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    return ds_sock_recv_all(r->sock, hello, DS_RTMP_HANDSHAKE, err);
}


static int
ds_rtmp_session(ds_rtmp_t *r, const ds_rtmp_conf_t *conf, const ds_url_t *u,
    ds_error_t *err)
{
    int           rc;
    char         *url, *app;
    uint32_t      chunk;
    uint8_t       size[4], body[2 * (DS_URL_LEN + DS_AUTH_LEN) + 256];
    ds_amf_out_t  amf = { body, body + sizeof(body), false };

    r->sock->doing = "RTMP connect";

    url = ds_sprintf("%s%s%s", r->url, r->auth[0] == '\0' ? ""
                     : u->query != NULL ? "&" : "?", r->auth);
    if (url == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    app = url + (u->path - r->url) + (u->path_len != 0);

    ds_amf_string(&amf, "connect");
    ds_amf_number(&amf, DS_RTMP_TX_CONNECT);
    ds_amf_object(&amf);
    ds_amf_field(&amf, "app", app);
    ds_amf_field(&amf, "type", "nonprivate");
    ds_amf_field(&amf, "flashVer", "FMLE/3.0 (compatible; directstream)");
    ds_amf_field(&amf, "tcUrl", url);

    if (conf->push) {
        /* who does not know it passes over it */
        ds_amf_name(&amf, "capsEx");
        ds_amf_number(&amf, DS_RTMP_CAPS_RECONNECT);
    }

    ds_amf_end(&amf);
    free(url);

    chunk = conf->push ? DS_RTMP_PUSH_CHUNK : DS_RTMP_OUT_CHUNK;
    (void) ds_chunk_put(size, chunk, 4);

    rc = ds_rtmp_control(r, DS_RTMP_CHUNK_SIZE, size, 4, err);
    r->chunk = chunk;

    if (rc == DS_OK) {
        rc = ds_rtmp_send_amf(r, body, &amf, 0, err);
    }

    if (rc == DS_OK) {
        rc = ds_rtmp_await(r, DS_RTMP_TX_CONNECT, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    r->sock->doing = "publish";

    /* servers without these two answer with an error, which means nothing */

    if ((rc = ds_rtmp_command(r, DS_RTMP_TX_RELEASE, "releaseStream", 0,
                              r->name, err)) != DS_OK
        || (rc = ds_rtmp_command(r, DS_RTMP_TX_FCPUBLISH, "FCPublish", 0,
                                 r->name, err)) != DS_OK
        || (rc = ds_rtmp_command(r, DS_RTMP_TX_CREATE, "createStream", 0,
                                 NULL, err)) != DS_OK
        || (rc = ds_rtmp_await(r, DS_RTMP_TX_CREATE, err)) != DS_OK
        || (rc = ds_rtmp_command(r, DS_RTMP_TX_PUBLISH, "publish", r->stream,
                                 r->name, err)) != DS_OK)
    {
        return rc;
    }

    return ds_rtmp_await(r, DS_RTMP_TX_PUBLISH, err);
}


/* a command without an object; "arg" may be NULL */

static int
ds_rtmp_command(ds_rtmp_t *r, int transaction, const char *name,
    uint32_t stream, const char *arg, ds_error_t *err)
{
    uint8_t       body[2 * DS_URL_LEN];
    ds_amf_out_t  amf = { body, body + sizeof(body), false };

    ds_amf_string(&amf, name);
    ds_amf_number(&amf, transaction);
    ds_amf_null(&amf);

    if (transaction == DS_RTMP_TX_DELETE) {
        ds_amf_number(&amf, r->stream);
    }

    if (arg != NULL) {
        ds_amf_string(&amf, arg);
    }

    if (transaction == DS_RTMP_TX_PUBLISH) {
        ds_amf_string(&amf, "live");
    }

    return ds_rtmp_send_amf(r, body, &amf, stream, err);
}


static int
ds_rtmp_send_amf(ds_rtmp_t *r, const uint8_t *body, const ds_amf_out_t *amf,
    uint32_t stream, ds_error_t *err)
{
    int             rc;
    ds_chunk_out_t  msg;

    if (amf->full) {
        return ds_fail(err, DS_EINTERNAL, "%s failed: too long a name",
                       r->sock->doing);
    }

    msg.type = DS_RTMP_COMMAND;
    msg.chunk_stream = DS_RTMP_COMMAND_STREAM;
    msg.stream = stream;
    msg.timestamp = 0;
    msg.len = amf->pos - body;

    rc = ds_rtmp_begin(r, &msg, err);

    return rc != DS_OK ? rc : ds_rtmp_write(r, body, msg.len, err);
}


/* sends what is written, and waits for the answer */

static int
ds_rtmp_await(ds_rtmp_t *r, int transaction, ds_error_t *err)
{
    int  rc;

    r->waiting = transaction;
    r->answered = false;

    for ( ;; ) {
        rc = ds_sock_drain(r->sock, err);
        if (rc != DS_OK || r->answered) {
            return rc;
        }

        rc = ds_sock_await(r->sock, err);

        if (rc == DS_OK) {
            rc = ds_rtmp_hear(r, err);
        }

        if (rc == DS_OK) {
            rc = ds_rtmp_reply(r, err);
        }

        if (rc != DS_OK) {
            return rc;
        }
    }
}


int
ds_rtmp_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp, uint32_t len,
    ds_error_t *err)
{
    ds_chunk_out_t  msg;

    msg.type = type;
    msg.chunk_stream = type == DS_RTMP_AUDIO ? DS_RTMP_AUDIO_STREAM
                       : type == DS_RTMP_VIDEO ? DS_RTMP_VIDEO_STREAM
                                               : DS_RTMP_DATA_STREAM;
    msg.stream = r->stream;
    msg.timestamp = timestamp;
    msg.len = len;

    return ds_rtmp_begin(r, &msg, err);
}


static int
ds_rtmp_begin(ds_rtmp_t *r, const ds_chunk_out_t *msg, ds_error_t *err)
{
    uint8_t  head[DS_CHUNK_HEADER];

    if (r->left != 0 || msg->len > 0xffffff) {
        r->sock->broken = true;
        return ds_fail(err, DS_EINTERNAL, "%s failed: a message of %u bytes, "
                       "%u left of the last", r->sock->doing, msg->len,
                       r->left);
    }

    r->msg = *msg;
    r->left = msg->len;
    r->chunk_left = r->chunk;

    return ds_sock_append(r->sock, head, ds_chunk_first(head, msg), err);
}


int
ds_rtmp_write(ds_rtmp_t *r, const uint8_t *data, size_t n, ds_error_t *err)
{
    int      rc;
    size_t   part;
    uint8_t  head[DS_CHUNK_HEADER];

    if (n > r->left) {
        r->sock->broken = true;
        return ds_fail(err, DS_EINTERNAL, "%s failed: %zu bytes, %u left of "
                       "the message", r->sock->doing, n, r->left);
    }

    while (n != 0) {

        if (r->chunk_left == 0) {
            rc = ds_sock_append(r->sock, head, ds_chunk_next(head, &r->msg),
                                err);
            if (rc != DS_OK) {
                return rc;
            }

            r->chunk_left = r->chunk;
        }

        part = n < r->chunk_left ? n : r->chunk_left;

        rc = ds_sock_append(r->sock, data, part, err);
        if (rc != DS_OK) {
            return rc;
        }

        data += part;
        n -= part;
        r->left -= part;
        r->chunk_left -= part;
    }

    return DS_OK;
}


static int
ds_rtmp_control(ds_rtmp_t *r, uint8_t type, const uint8_t *body, uint32_t len,
    ds_error_t *err)
{
    int             rc;
    ds_chunk_out_t  msg;

    msg.type = type;
    msg.chunk_stream = DS_RTMP_CONTROL_STREAM;
    msg.stream = 0;
    msg.timestamp = 0;
    msg.len = len;

    rc = ds_rtmp_begin(r, &msg, err);

    return rc != DS_OK ? rc : ds_rtmp_write(r, body, len, err);
}


/* what the server wants to hear, where no message is half written */

static int
ds_rtmp_reply(ds_rtmp_t *r, ds_error_t *err)
{
    int      rc;
    uint8_t  body[6];

    if (r->ping) {
        r->ping = false;

        body[0] = 0;
        body[1] = DS_RTMP_PONG;
        (void) ds_chunk_put(body + 2, r->ping_time, 4);

        rc = ds_rtmp_control(r, DS_RTMP_USER, body, 6, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    if (r->window != 0 && r->sock->received - r->acked >= r->window) {
        r->acked = r->sock->received;
        (void) ds_chunk_put(body, r->sock->received, 4);

        return ds_rtmp_control(r, DS_RTMP_ACK, body, 4, err);
    }

    return DS_OK;
}


bool
ds_rtmp_full(const ds_rtmp_t *r)
{
    return ds_sock_full(r->sock);
}


int
ds_rtmp_flush(ds_rtmp_t *r, ds_error_t *err)
{
    int  rc;

    rc = ds_rtmp_hear(r, err);

    if (rc == DS_OK && r->left == 0) {
        rc = ds_rtmp_reply(r, err);
    }

    return rc != DS_OK ? rc : ds_sock_drain(r->sock, err);
}


/* takes what the server has said so far; does not block */

static int
ds_rtmp_hear(ds_rtmp_t *r, ds_error_t *err)
{
    int             rc;
    ssize_t         n;
    uint8_t         buf[4096];
    unsigned        i;
    ds_message_t    msg;
    const uint8_t  *p;

    for (i = 0; i < DS_RTMP_READS; i++) {
        n = ds_sock_recv(r->sock, buf, sizeof(buf), err);
        if (n < 0) {
            return n;
        }

        if (n == 0) {
            break;
        }

        p = buf;

        while ((rc = ds_chunk_read(&r->in, &p, buf + n, &msg)) == 1) {
            rc = ds_rtmp_handle(r, &msg, err);
            if (rc != DS_OK) {
                r->sock->broken = true;
                return rc;
            }
        }

        if (rc == DS_ENOMEM) {
            r->sock->broken = true;
            return ds_fail(err, rc, "realloc() failed");
        }

        if (rc != DS_OK) {
            return ds_sock_lost(r->sock, "not RTMP", err);
        }
    }

    return DS_OK;
}


static int
ds_rtmp_handle(ds_rtmp_t *r, const ds_message_t *msg, ds_error_t *err)
{
    switch (msg->type) {

    case DS_RTMP_USER:
        if (msg->len >= 6 && msg->body[0] == 0
            && msg->body[1] == DS_RTMP_PING)
        {
            r->ping = true;
            r->ping_time = ds_chunk_be(msg->body + 2, 4);
        }

        return DS_OK;

    case DS_RTMP_WINDOW:
        if (msg->len >= 4) {
            r->window = ds_chunk_be(msg->body, 4);
        }

        return DS_OK;

    case DS_RTMP_COMMAND:
    case DS_RTMP_COMMAND3:
        return ds_rtmp_answer(r, msg, err);

    default:
        return DS_OK;
    }
}


static int
ds_rtmp_answer(ds_rtmp_t *r, const ds_message_t *msg, ds_error_t *err)
{
    char         name[16];
    double       transaction, stream;
    ds_amf_in_t  amf;

    amf.pos = msg->body;
    amf.end = msg->body + msg->len;

    /* AMF3's form of a command is AMF0 behind a byte */

    if (msg->type == DS_RTMP_COMMAND3 && msg->len != 0) {
        amf.pos++;
    }

    if (!ds_amf_get_string(&amf, name, sizeof(name))
        || !ds_amf_get_number(&amf, &transaction))
    {
        return DS_OK;
    }

    if (strcmp(name, "onStatus") == 0) {
        return ds_rtmp_status(r, &amf, err);
    }

    if (r->answered || transaction != r->waiting) {
        return DS_OK;
    }

    if (strcmp(name, "_error") == 0) {
        return ds_amf_skip(&amf) ? ds_rtmp_refused(r, &amf, err)
                                 : ds_rtmp_refused(r, NULL, err);
    }

    if (strcmp(name, "_result") != 0) {
        return DS_OK;
    }

    if (r->waiting == DS_RTMP_TX_CREATE) {
        if (!ds_amf_skip(&amf) || !ds_amf_get_number(&amf, &stream)
            || !(stream >= 0 && stream <= UINT32_MAX))
        {
            return ds_sock_lost(r->sock, "no stream was created", err);
        }

        r->stream = stream;
    }

    /* only onStatus tells that the stream may come */

    r->answered = r->waiting != DS_RTMP_TX_PUBLISH;

    return DS_OK;
}


static int
ds_rtmp_status(ds_rtmp_t *r, ds_amf_in_t *amf, ds_error_t *err)
{
    char  level[16], code[64];

    if (!ds_amf_skip(amf)) {
        return DS_OK;
    }

    (void) ds_amf_get_field(amf, "level", level, sizeof(level));
    (void) ds_amf_get_field(amf, "code", code, sizeof(code));

    if (strcmp(level, "error") == 0) {
        return ds_rtmp_refused(r, amf, err);
    }

    if (strcmp(code, "NetConnection.Connect.ReconnectRequest") == 0) {
        r->asked = true;
    }

    if (r->waiting == DS_RTMP_TX_PUBLISH
        && strcmp(code, "NetStream.Publish.Start") == 0)
    {
        r->answered = true;
    }

    return DS_OK;
}


/* "amf", which may be NULL: before the object that says why */

static int
ds_rtmp_refused(ds_rtmp_t *r, const ds_amf_in_t *amf, ds_error_t *err)
{
    char        code[64];
    ds_error_t  why;

    code[0] = '\0';

    if (amf != NULL) {
        (void) ds_amf_get_field(amf, "code", code, sizeof(code));

        if (r->push && r->waiting == DS_RTMP_TX_CONNECT) {
            r->again = ds_rtmp_answerable(r, amf, &why);

            if (why.code != DS_OK) {
                return ds_fail(err, why.code, "%s", why.message);
            }
        }
    }

    /* the server may say anything, the stream's key among it */

    code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.")]
        = '\0';

    return ds_fail(err, r->codes->rejected, "%s failed: %s", r->sock->doing,
                   strncmp(code, "Net", 3) == 0 ? code : "refused by server");
}


/* why a connect is refused may say how it would not be */

static bool
ds_rtmp_answerable(ds_rtmp_t *r, const ds_amf_in_t *amf, ds_error_t *err)
{
    bool  home;
    char  said[DS_AUTH_LEN];

    (void) ds_amf_get_field(amf, "description", said, sizeof(said));

    home = ds_rtmp_same_server(r->home, r->url);

    if (ds_auth_answer(said, home ? r->user : NULL, r->auth,
                       r->codes->rejected, err))
    {
        return true;
    }

    if (err->code != DS_OK && !home && r->user != NULL) {
        (void) ds_fail(err, err->code, "RTMP connect failed: redirected to a "
                       "server that wants a user and a password; those of "
                       "the URL are for the first one only");
    }

    return err->code == DS_OK && ds_rtmp_redirected(r, amf);
}


/* whether who may be told a response there may be told it here */

static bool
ds_rtmp_same_server(const char *a, const char *b)
{
    int       port;
    ds_url_t  u, v;

    if (ds_url_parse(&u, a, NULL) != DS_OK || ds_url_parse(&v, b, NULL) != DS_OK
        || strcmp(u.scheme, v.scheme) != 0 || strcasecmp(u.host, v.host) != 0)
    {
        return false;
    }

    port = strcmp(u.scheme, "rtmps") == 0 ? DS_RTMPS_PORT : DS_RTMP_PORT;

    return (u.port == -1 ? port : u.port) == (v.port == -1 ? port : v.port);
}


/*
 * { ex: { code: 302, redirect: URL } }; nothing secret goes in the clear, nor
 * a user's response to another server
 */

static bool
ds_rtmp_redirected(ds_rtmp_t *r, const ds_amf_in_t *amf)
{
    char         *url, to[DS_URL_LEN + 1];
    double        code;
    ds_url_t      u;
    ds_amf_in_t   ex, value;

    if (!ds_amf_find(amf, "ex", &ex) || !ds_amf_find(&ex, "code", &value)
        || !ds_amf_get_number(&value, &code) || code != 302
        || !ds_amf_get_field(&ex, "redirect", to, sizeof(to))
        || ds_url_parse(&u, to, NULL) != DS_OK
        || u.userinfo || u.fragment != NULL || u.path_len < 2
        || (strcmp(u.scheme, "rtmps") != 0
            && (strcmp(u.scheme, "rtmp") != 0
                || strncasecmp(r->url, "rtmps", 5) == 0)))
    {
        return false;
    }

    url = strdup(to);
    if (url == NULL) {
        return false;
    }

    free(r->url);
    r->url = url;
    r->auth[0] = '\0';

    return true;
}


bool
ds_rtmp_asked(const ds_rtmp_t *r)
{
    return r->asked;
}


void
ds_rtmp_close(ds_rtmp_t **pr)
{
    ds_rtmp_t  *r;

    r = *pr;
    if (r == NULL) {
        return;
    }

    *pr = NULL;

    if (r->live && !r->sock->broken && r->left == 0) {
        r->sock->stuck = 0;
        r->sock->nowait = false;
        r->sock->deadline = ds_monotonic() + DS_RTMP_CLOSE;

        /* with what was not flushed; a server that does not listen is left */

        if (ds_rtmp_command(r, DS_RTMP_TX_UNPUBLISH, "FCUnpublish", 0,
                            r->name, NULL) == DS_OK
            && ds_rtmp_command(r, DS_RTMP_TX_DELETE, "deleteStream", 0, NULL,
                               NULL) == DS_OK)
        {
            (void) ds_sock_drain(r->sock, NULL);
        }
    }

    ds_sock_free(&r->sock);
    ds_chunk_free(&r->in);
    free(r->url);
    free(r->name);
    free(r);
}
