
/*
 * The engine's own push: over TLS and without, to a far end that is right,
 * has a wrong certificate, refuses, stops to read, goes and comes back.
 */

#define _GNU_SOURCE

#include <libavcodec/avcodec.h>

#include "air/ds_push.h"
#include "base/ds_engine.h"
#include "header.h"
#include "rtmp_peer.h"
#include "server.h"
#include "tap.h"
#include "tls_front.h"


enum { VIDEO = 0, AUDIO = 1 };

#define FRAME  40000
#define GOP    25


static char                dir[] = "/tmp/ds-push-XXXXXX";
static AVCodecParameters  *header[2];
static ds_sent_t          *sent;
static int64_t             slowest;         /* us, of a ds_sent_put() */
static int64_t             frame;           /* the next */
static char                record[2048];    /* all of the log */


static ds_t *
engine(const char *trusted)
{
    char         path[256];
    ds_t        *ds;
    ds_conf_t    conf;
    ds_error_t   err;

    static const char *const  command[] = { "/bin/false", NULL };

    (void) snprintf(path, sizeof(path), "%s/%s", dir, trusted);

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = command;
    conf.resolve_extractors = "none";
    conf.resolve_timeout = 1000;
    conf.push_certificate = path;
    conf.push_buffer = 32 << 20;

    ds = ds_create(&conf, &err);
    if (ds == NULL) {
        abort();
    }

    sent = ds_sent_create(ds);
    if (sent == NULL) {
        abort();
    }

    record[0] = '\0';
    frame = 0;
    slowest = 0;

    return ds;
}


static void
engine_end(ds_t *ds)
{
    ds_sent_free(&sent);
    ds_destroy(&ds);
}


static ds_push_t *
push_to(ds_t *ds, const char *url)
{
    ds_error_t   err;
    ds_outlet_t  o;

    memset(&o, 0, sizeof(ds_outlet_t));
    (void) snprintf(o.name, sizeof(o.name), "main");
    (void) snprintf(o.url, sizeof(o.url), "%s", url);
    o.engine = true;

    return ds_push_create(ds, "lofi", &o, &(ds_term_t) { NULL, 0 }, sent,
                          &err);
}


static int
warnings(ds_t *ds, const char *word)
{
    int          n;
    ds_record_t  r;

    n = 0;

    while (ds_poll(ds, &r)) {
        n += r.level == DS_LOG_WARN && strstr(r.text, word) != NULL;
        strncat(record, r.text, sizeof(record) - strlen(record) - 2);
        strcat(record, "\n");
    }

    return n;
}


static void
put_packet(ds_push_t *push, int track, int64_t dts, int flags, size_t size,
    const uint8_t *side, size_t side_size)
{
    int64_t      t;
    AVPacket    *pkt;
    ds_error_t   err;

    pkt = av_packet_alloc();
    (void) av_new_packet(pkt, size);
    memset(pkt->data, 0, size);
    pkt->data[2] = (size - 4) >> 8;
    pkt->data[3] = size - 4;
    pkt->stream_index = track;
    pkt->pts = pkt->dts = dts;
    pkt->flags = flags;

    if (side != NULL) {
        memcpy(av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                       side_size), side, side_size);
    }

    t = ds_monotonic_us();

    if (ds_sent_put(sent, pkt, &err) != DS_OK) {
        abort();
    }

    ds_push_wake(push);
    t = ds_monotonic_us() - t;

    if (t > slowest) {
        slowest = t;
    }
}


/* "n" frames with sound beside each; a key frame each second */

static void
put_frames(ds_push_t *push, int n, size_t size)
{
    ds_error_t  err;

    if (frame == 0
        && ds_sent_heads(sent, header[VIDEO], 25, header[AUDIO], &err) != DS_OK)
    {
        abort();
    }

    for ( /* void */ ; n > 0; n--, frame++) {
        put_packet(push, VIDEO, frame * FRAME,
                   frame % GOP == 0 ? AV_PKT_FLAG_KEY : 0, size, NULL, 0);
        put_packet(push, AUDIO, frame * FRAME + 5000, AV_PKT_FLAG_KEY, 100,
                   NULL, 0);
    }
}


/* the status, when it says that much was sent, or an error */

static ds_push_status_t
wait_status(ds_push_t *push, uint64_t bytes, int code, int64_t ms)
{
    int64_t           deadline;
    ds_push_status_t  st;

    deadline = ds_monotonic() + ms;

    do {
        (void) usleep(5000);
        ds_push_status(push, &st);
    } while ((bytes == 0 || st.bytes < bytes)
             && (code == 0 || st.error.code != code)
             && ds_monotonic() < deadline);

    return st;
}


static int64_t
free_time(ds_push_t **push)
{
    int64_t  t;

    t = ds_monotonic();
    ds_push_free(push);

    return ds_monotonic() - t;
}


static int
peer_port(const peer_t *p)
{
    return atoi(strrchr(p->url, ':') + 1);
}


static void
test_good(const char *host)
{
    ds_t              *ds;
    peer_t             p;
    ds_push_t         *push;
    tls_front_t        f;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_start(&p, TAKE);
    tls_start(&f, peer_port(&p), host, dir, "good.pem");

    push = push_to(ds, f.url);
    put_frames(push, 20, 1000);
    st = wait_status(push, 20 * 1100, 0, 5000);

    ok(st.name[0] != '\0' && st.connected, "good: connected to %s", host);
    is_int(st.bytes, 20 * 1100, "good: all is sent");
    is_int(st.dropped, 0, "good: nothing is dropped");
    is_int(st.error.code, 0, "good: no error %s", st.error.message);
    ok(free_time(&push) < 400, "good: ends");

    peer_end(&p);
    tls_end(&f);

    is_str(f.name, strcmp(host, "localhost") == 0 ? host : "", "good: SNI");
    ok(f.version >= TLS1_2_VERSION, "good: TLS 1.2 or newer");
    is_str(p.app, "live", "good: the application");
    ok(strncmp(p.tc_url, f.url, strlen(f.url) - 8) == 0
       && strlen(p.tc_url) == strlen(f.url) - 8, "good: tcUrl %s", p.tc_url);
    is_str(p.publish, "KEY?a=b", "good: the key");
    is_int(p.ngot, 3 + 40, "good: metadata, headers and packets");
    ok(p.got[1].head[1] == 0 && p.got[3].head[0] == 0x17
       && p.got[3].head[1] == 1, "good: from a key frame");
    is_int(p.got[42].timestamp, 19 * 40 + 5, "good: the last time stamp");
    is_int(p.chunk, 4096, "good: chunks that any server takes");
    is_int(p.unpublished, 1, "good: says goodbye");

    (void) warnings(ds, "");
    ok(strstr(record, "pushing, url: \"rtmps://") != NULL
       && strstr(record, "KEY") == NULL, "good: the log has no key");

    engine_end(ds);
}


/* what "push" says of a far end that does not take it */

static void
check_failure(ds_t *ds, const char *url, int code, const char *message)
{
    ds_push_t         *push;
    ds_push_status_t   st;

    push = push_to(ds, url);
    put_frames(push, 5, 100);
    st = wait_status(push, 0, code, 5000);

    is_int(st.error.code, code, "failure: %s: %s", ds_error_code(code),
           st.error.message);
    ok(strstr(st.error.message, message) != NULL
       && strstr(st.error.message, "KEY") == NULL, "failure: says \"%s\"",
       message);
    ok(!st.connected && st.bytes == 0, "failure: not connected");
    ok(free_time(&push) < 200, "failure: ends at once");

    is_int(warnings(ds, ds_error_code(code)), 1, "failure: is logged once");
    ok(strstr(record, "KEY") == NULL, "failure: the log has no key");
}


static void
test_failures(void)
{
    int          i;
    char         url[128];
    ds_t        *ds;
    peer_t       p;
    tls_front_t  f;

    static const struct {
        const char  *trusted, *shown, *host, *message;
    } tls[] = {
        { "good.pem", "other.pem", "localhost", "self-signed certificate" },
        { "both.pem", "other.pem", "localhost", "no alternative" },
        { "both.pem", "other.pem", "127.0.0.1", "no alternative" },
        { "none.pem", "good.pem", "localhost", "none.pem" },
        { "bad.pem", "good.pem", "localhost", "bad.pem" },
    };

    static const struct {
        mode_e       mode;
        const char  *message;
    } rejected[] = {
        { BAD_NAME, "publish failed: NetStream.Publish.BadName" },
        { ERROR_CONNECT, "NetConnection.Connect.Rejected" },
        { CLOSE_ACCEPT, "handshake failed" },
    };

    for (i = 0; i < 5; i++) {
        ds = engine(tls[i].trusted);
        tls_start(&f, 1, tls[i].host, dir, tls[i].shown);
        check_failure(ds, f.url, DS_EPUSH_TLS, tls[i].message);
        (void) shutdown(f.listening, SHUT_RDWR);
        tls_end(&f);
        engine_end(ds);
    }

    ds = engine("both.pem");

    for (i = 0; i < 3; i++) {
        peer_start(&p, rejected[i].mode);
        (void) snprintf(url, sizeof(url), "%s/KEY", p.url);
        check_failure(ds, url, i < 2 ? DS_EPUSH_REJECTED : DS_EPUSH_REFUSED,
                      rejected[i].message);
        peer_end(&p);
    }

    /* it speaks no TLS */

    peer_start(&p, CLOSE_ACCEPT);
    (void) snprintf(url, sizeof(url), "rtmps://127.0.0.1:%d/live/KEY",
                    peer_port(&p));
    check_failure(ds, url, DS_EPUSH_TLS, "TLS handshake failed");
    peer_end(&p);

    peer_listen(&p, TAKE, 1);
    (void) close(p.listening);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);
    check_failure(ds, url, DS_EPUSH_REFUSED, "Connection refused");

    check_failure(ds, "rtmps://no.such.host.invalid/live/KEY", DS_EPUSH_DNS,
                  "no.such.host.invalid");

    engine_end(ds);
}


/* the first video frame a peer got, and whether sound came before */

static const message_t *
first_frame(const peer_t *p, bool *sound)
{
    int  i;

    *sound = false;

    for (i = 0; i < p->ngot; i++) {
        if (p->got[i].head[1] == 0 || p->got[i].type == DS_RTMP_DATA) {
            continue;
        }

        if (p->got[i].type == DS_RTMP_VIDEO) {
            return &p->got[i];
        }

        *sound = true;
    }

    return NULL;
}


static void
test_reconnect(void)
{
    bool               sound;
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    ds_push_t         *push;
    const message_t   *m;
    ds_push_status_t   st;

    static const uint8_t  annexb[] = "\0\0\0\1\x67\x42\xc0\x0e"
                                     "\0\0\0\1\x68\xcf";

    ds = engine("both.pem");
    peer_start(&p, TAKE_CLOSE);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    put_frames(push, 10, 1000);
    st = wait_status(push, 0, DS_EPUSH_LOST, 5000);
    is_int(st.error.code, DS_EPUSH_LOST, "reconnect: lost %s",
           st.error.message);

    /* the header changes while there is nobody, and not at a key frame */

    put_packet(push, VIDEO, frame++ * FRAME, 0, 1000, annexb,
               sizeof(annexb) - 1);
    put_frames(push, 20, 1000);

    peer_again(&p, TAKE);
    st = wait_status(push, st.bytes + 6 * 1100, 0, 5000);

    ok(st.connected, "reconnect: connected again");
    is_int(st.reconnects, 1, "reconnect: is counted");
    is_int(st.dropped, 0, "reconnect: the queue was not full");
    ds_push_free(&push);
    peer_end(&p);

    m = first_frame(&p, &sound);
    ok(m != NULL && m->head[0] == 0x17 && m->timestamp == 0 && !sound,
       "reconnect: begins at the key frame, with 0");
    ok(p.got[1].type == DS_RTMP_VIDEO && p.got[1].head[1] == 0
       && p.got[1].head[8] == 0x0e, "reconnect: with the header then in force");
    is_int(p.got[1].timestamp, 0, "reconnect: and its time stamp");

    is_int(warnings(ds, "push_lost"), 1, "reconnect: the loss is in the log");
    engine_end(ds);
}


/* a title reaches the log without what a terminal would obey */

static void
test_log(void)
{
    ds_t         *ds;
    ds_record_t   r;

    ds = engine("both.pem");

    while (ds_poll(ds, &r)) { /* void */ }

    ds_log(ds, DS_LOG_INFO, "lofi", "%s", "a\n\xc2\x9b" "31m\xe2\x80\xae"
           "b\xe2\x81\xa7\xc3\xa4\xe2\x82\xac");

    ok(ds_poll(ds, &r), "log: a record");
    is_str(r.text, "a???31m???b???\xc3\xa4\xe2\x82\xac", "log: is plain");
    engine_end(ds);
}


/* nobody there for 100 s: the last 20 s are kept */

static void
test_time(void)
{
    bool               sound;
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    ds_push_t         *push;
    const message_t   *m;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_start(&p, CLOSE_ACCEPT);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    (void) wait_status(push, 0, DS_EPUSH_REFUSED, 5000);
    put_frames(push, 2500, 100);

    /* whole seconds: groups of 25 pictures with their sound */
    ds_push_status(push, &st);
    is_int(st.dropped % 50, 0, "time: whole groups are dropped");
    ok(st.dropped >= 3950 && st.dropped <= 4050, "time: 80 s of 100: %d",
       (int) st.dropped);

    peer_again(&p, TAKE);
    st = wait_status(push, (5000 - st.dropped) * 100, 0, 5000);
    is_int(st.bytes, (5000 - st.dropped) * 100, "time: the rest is sent");
    ds_push_free(&push);
    peer_end(&p);

    m = first_frame(&p, &sound);
    ok(m != NULL && m->head[0] == 0x17 && !sound && m->timestamp == 0,
       "time: from a key frame");
    is_int(warnings(ds, "packets are dropped"), 1, "time: is said once");
    engine_end(ds);
}


/* all streams together have too much: the last second is kept */

static void
test_all(void)
{
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    size_t             before;
    ds_push_t         *push;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_listen(&p, TAKE, 1);
    (void) close(p.listening);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    put_frames(push, 500, 100);
    ds_push_status(push, &st);
    is_int(st.dropped, 0, "all: 20 s are kept");
    before = ds->held;
    is_int(st.waiting, before, "all: and told of");

    atomic_fetch_add(&ds->held, 32 << 20);
    put_frames(push, 55, 100);
    atomic_fetch_sub(&ds->held, 32 << 20);

    ds_push_status(push, &st);
    ok(st.dropped >= 1000 && st.dropped <= 1110, "all: no more than 1 s: %d",
       (int) st.dropped);
    ok(ds->held < before / 10, "all: %zu bytes, of %zu", (size_t) ds->held,
       before);
    is_int(st.waiting, ds->held, "all: and told of");

    ds_push_free(&push);
    is_int(ds->held, 0, "all: nothing is kept for nobody");
    engine_end(ds);
}


/* a target that is gone, and a group of pictures too long to be kept */

static void
test_beside(void)
{
    int                i, last;
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    ds_unit_t         *u;
    ds_push_t         *push;
    ds_cursor_t        cursor;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_listen(&p, TAKE, 1);
    (void) close(p.listening);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    ds_cursor_open(&cursor, sent);
    put_frames(push, 1, 100);
    frame = 1;
    last = 0;

    /* the reader is a packet behind the last one */

    for (i = 1; i < 800; i++) {
        put_packet(push, VIDEO, i * FRAME, 0, 60000, NULL, 0);

        u = ds_cursor_get(&cursor);
        last = u != NULL ? (int) (u->pkt->dts / FRAME) : last;

        if (u != NULL) {
            ds_cursor_pass(&cursor, &u, true);
        }
    }

    ds_push_status(push, &st);
    ok(st.dropped > 500, "beside: one is too slow: %d", (int) st.dropped);
    ds_cursor_counts(&cursor, &st);
    is_int(st.dropped, 0, "beside: the other one loses nothing");
    ok(last >= 797, "beside: and has come to frame %d", last);

    ds_cursor_close(&cursor);
    ds_push_free(&push);
    is_int(ds->held, 0, "beside: nothing is kept for nobody");
    engine_end(ds);
}


/* 47 days: the session is renewed at a key frame, nothing is lost */

static void
test_renewal(void)
{
    bool               sound;
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    ds_push_t         *push;
    const message_t   *m;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_start(&p, TAKE);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    put_frames(push, 5, 1000);
    (void) wait_status(push, 5 * 1100, 0, 5000);

    frame = INT64_C(47) * 86400 * GOP;
    put_frames(push, 30, 1000);

    peer_again(&p, TAKE);
    st = wait_status(push, 35 * 1100, 0, 5000);
    is_int(st.bytes, 35 * 1100, "renewal: all is sent");
    is_int(st.reconnects, 1, "renewal: over two sessions");
    is_int(st.error.code, 0, "renewal: without an error");
    ds_push_free(&push);
    peer_end(&p);

    m = first_frame(&p, &sound);
    ok(m != NULL && m->head[0] == 0x17 && !sound
       && m->timestamp == 0, "renewal: at a key frame, from 0 again");
    engine_end(ds);
}


/* a peer that stops to read: bytes are bounded, and nobody waits */

static void
test_stall(void)
{
    bool               sound;
    char               url[128];
    ds_t              *ds;
    peer_t             p;
    int64_t            t;
    ds_push_t         *push;
    const message_t   *m;
    ds_push_status_t   st;

    ds = engine("both.pem");
    peer_start(&p, TAKE_STALL);
    (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

    push = push_to(ds, url);
    put_frames(push, 1, 60000);
    (void) wait_status(push, 60000, 0, 5000);

    slowest = 0;
    t = ds_monotonic();
    put_frames(push, 999, 60000);
    t = ds_monotonic() - t;

    ds_push_status(push, &st);
    ok(slowest < 100000, "stall: the putter waits %d us at most",
       (int) slowest);
    ok(st.connected && t < 4000, "stall: not known to be lost, after %d ms",
       (int) t);
    ok(st.dropped > 2 * (1000 - 16777216 / 60000 - 150),
       "stall: no more than 16 MiB are kept: %d dropped", (int) st.dropped);

    st = wait_status(push, 0, DS_EPUSH_LOST, 8000);
    is_str(st.error.message, "send() failed: timed out", "stall: it is seen");

    peer_again(&p, TAKE);
    st = wait_status(push, st.bytes + 10000000, 0, 5000);
    ok(st.connected && st.reconnects == 1, "stall: connected again");
    ok(free_time(&push) < 400, "stall: ends");
    peer_end(&p);

    m = first_frame(&p, &sound);
    ok(m != NULL && m->head[0] == 0x17 && !sound,
       "stall: goes on from a key frame");
    is_int(warnings(ds, "packets are dropped"), 1, "stall: is said once");
    engine_end(ds);
}


static void
test_cancel(void)
{
    int          i;
    char         url[128];
    ds_t        *ds;
    peer_t       p;
    int64_t      t;
    ds_push_t   *push;

    static const mode_e  mode[] = { STALL_HANDSHAKE, STALL_CONNECT,
                                    STALL_PUBLISH, TAKE_STALL };

    ds = engine("both.pem");

    for (i = 0; i < 8; i++) {
        peer_start(&p, mode[i / 2]);
        (void) snprintf(url, sizeof(url), "%s/KEY", p.url);

        push = push_to(ds, url);
        frame = 0;
        put_frames(push, 200, 60000);

        /* once in its midst, once at any time */
        (void) usleep(i % 2 == 0 ? 150000 : 3000 * i);

        t = free_time(&push);
        ok(t < 400, "cancel: in %d ms, state %d", (int) t, i);
        (void) shutdown(p.listening, SHUT_RDWR);
        peer_end(&p);
    }

    /* a server that says nothing to our hello */

    peer_listen(&p, TAKE, 8);
    (void) snprintf(url, sizeof(url), "rtmps://localhost:%d/live/KEY",
                    peer_port(&p));
    push = push_to(ds, url);
    (void) usleep(150000);
    t = free_time(&push);
    ok(t < 100, "cancel: a TLS handshake, in %d ms", (int) t);
    (void) close(p.listening);

    push = push_to(ds, url);
    (void) wait_status(push, 0, DS_EPUSH_REFUSED, 5000);
    t = free_time(&push);
    ok(t < 100, "cancel: a wait, in %d ms", (int) t);

    engine_end(ds);
}


int
main(void)
{
    int   fds;
    char  command[512];

    if (mkdtemp(dir) == NULL
        || !tls_certificate(dir, "good.pem", "DNS:localhost,IP:127.0.0.1")
        || !tls_certificate(dir, "other.pem", "DNS:other.example"))
    {
        abort();
    }

    (void) snprintf(command, sizeof(command), "cd %s && cat good.pem other.pem "
                    "> both.pem && echo nothing > bad.pem", dir);
    if (system(command) != 0) {
        abort();
    }

    header[VIDEO] = make_header(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264,
                                "\x01\x42\xc0\x0d\xff\xe1\x00\x04"
                                "\x67\x42\xc0\x0d\x01\x00\x02\x68\xce", 17);
    header[VIDEO]->width = 320;
    header[VIDEO]->height = 180;
    header[AUDIO] = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC,
                                "\x12\x10", 2);
    header[AUDIO]->sample_rate = 44100;

    fds = count_entries("/proc/self/fd");

    test_good("localhost");
    test_good("127.0.0.1");
    test_failures();
    test_reconnect();
    test_log();
    test_time();
    test_all();
    test_beside();
    test_renewal();
    test_stall();
    test_cancel();

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");

    avcodec_parameters_free(&header[VIDEO]);
    avcodec_parameters_free(&header[AUDIO]);

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0) {
        (void) printf("# %s is left\n", dir);
    }

    return done_testing();
}
