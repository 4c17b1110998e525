
/*
 * Publishing over RTMP to a scripted server: one that takes the stream, and
 * those that close, stall and lie.
 */

#define _GNU_SOURCE

#include <netinet/in.h>
#include <sys/socket.h>

#include <libavutil/base64.h>
#include <libavutil/md5.h>

#include "air/ds_output.h"
#include "base/ds_engine.h"
#include "rtmp/ds_auth.h"
#include "rtmp/ds_flv.h"
#include "header.h"
#include "rtmp_peer.h"
#include "server.h"
#include "tap.h"


#define STEPS  (1 << 20)


static ds_t         engine;
static ds_cancel_t  cancel;
static uint8_t      data[1 << 20];


static ds_rtmp_t *
publish_to(const char *url, const char *name, ds_cancel_t *c, ds_error_t *err)
{
    ds_rtmp_conf_t  conf = { .url = url, .name = name };

    return ds_rtmp_publish(&conf, c, err);
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

    r = publish_to(p.url, "name?ds_token=0123", &cancel, &err);
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
is_number(const message_t *m, const char *name, double want)
{
    double          n;
    ds_amf_in_t     in;
    const uint8_t  *p;

    n = -1;
    p = memmem(m->head, m->len, name, strlen(name));

    if (p != NULL) {
        in = (ds_amf_in_t) { p + strlen(name), m->head + m->len };
        (void) ds_amf_get_number(&in, &n);
    }

    ok(n == want, "output: %s is %g", name, n);
}


/* what came of test_output() */

static void
is_output(const peer_t *p, const uint8_t *avcc, size_t len)
{
    is_str(p->publish, "lofi?ds_token=0123&ds_push=127.0.0.1:1935",
           "output: the name");
    is_int(p->ngot, 3 + 12 + 4, "output: messages");
    is_int(p->got[0].type, DS_RTMP_DATA, "output: metadata");
    ok(memcmp(p->got[0].head, "\2\0\x0d@setDataFrame\2\0\x0aonMetaData", 29)
       == 0, "output: @setDataFrame");
    is_number(&p->got[0], "framerate", 25);
    is_number(&p->got[0], "audiosamplerate", 44100);
    is_number(&p->got[0], "audiochannels", 2);
    ok(memmem(p->got[0].head, p->got[0].len, "stereo\1\1", 8) != NULL,
       "output: stereo");
    is_int(p->got[16].type, DS_RTMP_DATA, "output: metadata of new sound");
    is_number(&p->got[16], "audiosamplerate", 48000);
    is_number(&p->got[16], "audiochannels", 1);
    ok(memmem(p->got[16].head, p->got[16].len, "stereo\1\0", 8) != NULL,
       "output: that is mono");
    ok(p->got[17].type == DS_RTMP_AUDIO
       && memcmp(p->got[17].head, "\xaf\0\x11\x88", 4) == 0,
       "output: and its header");
    ok(p->got[1].type == DS_RTMP_VIDEO
       && memcmp(p->got[1].head, "\x17\0\0\0\0", 5) == 0
       && memcmp(p->got[1].head + 5, avcc, len) == 0,
       "output: the AVC header");
    ok(p->got[2].type == DS_RTMP_AUDIO
       && memcmp(p->got[2].head, "\xaf\0\x12\x10", 4) == 0,
       "output: the AAC header");
    is_int(p->got[3].timestamp, 0xffff00, "output: the first time stamp");
    ok(memcmp(p->got[3].head, "\x17\1\0\0\x50", 5) == 0,
       "output: the composition time");
    is_int(p->got[7].len, 500005, "output: a large frame");
    ok(p->got[11].head[1] == 0 && p->got[11].head[8] == 0x0e,
       "output: the next AVC header, of Annex B");
    ok(memcmp(p->got[14].head, "\x17\0\0\0\0", 5) == 0
       && memcmp(p->got[14].head + 5, avcc, len) == 0,
       "output: a packet's own AVC header comes before its item's");
    is_int(p->got[18].timestamp, 0xffff00 + 11 * 40,
           "output: a time stamp beyond 24 bits");
}


static void
test_output(void)
{
    int                 i, rc;
    peer_t              p;
    AVPacket           *pkt;
    ds_sent_t          *sent;
    ds_error_t          err;
    ds_cursor_t         cursor;
    ds_target_t         target;
    ds_output_t        *out;
    AVCodecParameters  *v, *a;

    static const uint8_t  avcc[] = "\x01\x42\xc0\x0d\xff\xe1\x00\x04"
                                   "\x67\x42\xc0\x0d\x01\x00\x02\x68\xce";
    static const uint8_t  annexb[] = "\0\0\0\1\x67\x42\xc0\x0e"
                                     "\0\0\0\1\x68\xcf";

    v = make_header(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264, avcc,
                    sizeof(avcc) - 1);
    a = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, "\x12\x10", 2);
    sent = ds_sent_create(&engine);
    ds_cursor_open(&cursor, sent);

    v->width = 320;
    v->height = 180;
    a->sample_rate = 44100;
    av_channel_layout_default(&a->ch_layout, 2);

    peer_start(&p, TAKE);

    memset(&target, 0, sizeof(target));
    target.publish = p.url;
    target.name = "lofi";
    target.token = "0123";
    target.push = "rtmp://127.0.0.1/live2/KEY";

    out = ds_output_open(&target, &cancel, &err);
    ok(out != NULL, "output: open");
    rc = ds_sent_heads(sent, v, 25, a, &err);
    is_int(rc, 0, "output: headers");

    for (i = 0; i < 12 && rc == DS_OK; i++) {
        pkt = av_packet_alloc();
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

        /* an item goes on with another header than it began with */

        if (i == 10) {
            memcpy(av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                           sizeof(avcc) - 1),
                   avcc, sizeof(avcc) - 1);
        }

        if (i == 11) {
            memcpy(av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, 2),
                   "\x11\x88", 2);
        }

        if (i == 8 || i == 10) {
            rc = ds_sent_heads(sent, v, 25, a, &err);
        }

        if (rc == DS_OK) {
            rc = ds_sent_put(sent, pkt, &err);
        }
    }

    is_int(rc, 0, "output: put %s", err.message);
    is_int(ds_output_send(out, &cursor, &err), 0, "output: send");
    ds_output_close(&out);
    ds_cursor_close(&cursor);
    ds_sent_free(&sent);
    peer_end(&p);

    is_output(&p, avcc, sizeof(avcc) - 1);
    is_int(engine.held, 0, "output: nothing is held");

    avcodec_parameters_free(&v);
    avcodec_parameters_free(&a);
}


/* NAL units and AAC frames, from and to the forms they come in */

static void
test_flv(void)
{
    int                 i, rc;
    bool                annexb;
    AVPacket           *pkt;
    ds_error_t          err;
    AVCodecParameters  *par;

    static const struct {
        bool         video;
        const char  *in;
        int          len;
        const char  *out;               /* NULL: cannot be written */
        int          out_len;
    } c[] = {
        { true, "\0\0\0\1\x09\xf0\0\0\1\x65\1\0\0\3\2\0\0\0\1\x41\7\0", 22,
          "\0\0\0\2\x09\xf0\0\0\0\6\x65\1\0\0\3\2\0\0\0\2\x41\7", 22 },
        { true, "\0\0\0\0\1\x65\1\0\0\1\0\0\1", 13,
          "\0\0\0\2\x65\1", 6 },
        { true, "\0\0\0\2\x65\1\0\0\0\1\x41", 11,
          "\0\0\0\2\x65\1\0\0\0\1\x41", 11 },
        { true, "\0\0\0\2\x65", 5, NULL, 0 },
        { true, "\x65\1\2\3\4\5", 6, NULL, 0 },
        { true, "\0\0\1", 3, NULL, 0 },
        { true, "", 0, NULL, 0 },
        { false, "\x21\x10", 2, "\x21\x10", 2 },
        { false, "\xff\xf1\x50\x80\x01\x3f\xfc\x21\x10", 9,
          "\x21\x10", 2 },
        { false, "\xff\xf0\x50\x80\x01\x7f\xfc\0\0\x21\x10", 11,
          "\x21\x10", 2 },
        { false, "\xff\xf1\x50\x80\x02\x3f\xfc\x21\x10", 9, NULL, 0 },
        { false, "\xff\xf1\x50\x80\x00\xff\xfc", 7, NULL, 0 },
        { false, "\xff\xf1", 2, NULL, 0 },
        { false, "", 0, NULL, 0 },
    };

    static const uint8_t  sets[] = "\0\0\0\1\x67\x64\0\x1f\xac\0\0\1\x68\xee"
                                   "\0\0\1\x06\5\0\0\0\1\x68\xef\0";
    static const uint8_t  avcc[] = "\x01\x64\0\x1f\xff\xe1\0\5"
                                   "\x67\x64\0\x1f\xac\2\0\2\x68\xee\0\2\x68"
                                   "\xef\xfd\xf8\xf8\0";

    for (i = 0; i < (int) (sizeof(c) / sizeof(c[0])); i++) {
        pkt = av_packet_alloc();
        (void) av_new_packet(pkt, c[i].len);
        memcpy(pkt->data, c[i].in, c[i].len);

        rc = ds_flv_prepare(pkt, c[i].video, true, &err);

        is_int(rc, c[i].out == NULL ? DS_ESOURCE_INVALID : DS_OK,
               "flv: packet %d", i);
        ok(c[i].out == NULL
           || (pkt->size == c[i].out_len
               && memcmp(pkt->data, c[i].out, pkt->size) == 0),
           "flv: and what is in it");

        av_packet_free(&pkt);
    }

    /* every beginning of it, in memory of its own */

    for (i = 0; i < (int) sizeof(sets); i++) {
        par = make_header(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264, sets, i);
        rc = ds_flv_prepare_header(par, &annexb, &err);

        if (rc != (i < 8 ? DS_ESOURCE_INVALID : DS_OK)) {
            break;
        }

        if (i < (int) sizeof(sets) - 1) {
            avcodec_parameters_free(&par);
        }
    }

    is_int(i, sizeof(sets), "flv: a header with and without its end");
    ok(annexb && par->extradata_size == sizeof(avcc) - 1
       && memcmp(par->extradata, avcc, sizeof(avcc) - 1) == 0,
       "flv: avcC of Annex B");

    ok(ds_flv_prepare_header(par, &annexb, &err) == DS_OK && !annexb
       && memcmp(par->extradata, avcc, sizeof(avcc) - 1) == 0,
       "flv: avcC of avcC");

    avcodec_parameters_free(&par);
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

    r = publish_to(p.url, "name", &cancel, &err);

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


static ds_rtmp_t *
push_to(const char *url, const char *user, ds_error_t *err)
{
    ds_rtmp_conf_t  conf = { .url = url, .name = "KEY", .user = user,
                             .push = true };

    ds_error_clear(err);

    return ds_rtmp_publish(&conf, &cancel, err);
}


/* the sum that the server would make, in base64 */

static void
sum_of(const char *text, char *out)
{
    uint8_t  md5[16];

    av_md5_sum(md5, (const uint8_t *) text, strlen(text));
    (void) av_base64_encode(out, AV_BASE64_SIZE(16), md5, 16);
}


static void
test_auth(void)
{
    char         text[512], sum[AV_BASE64_SIZE(16)], ours[16];
    char         want[512];
    peer_t       p;
    ds_error_t   err;
    ds_rtmp_t   *r;

    peer_start(&p, AUTH);
    r = push_to(p.url, "us%20er:pa:ss%40", &err);
    ok(r != NULL, "auth: is taken: %s", err.message);
    ds_rtmp_close(&r);
    peer_end(&p);

    is_int(p.connects, 3, "auth: the third time");
    is_str(p.apps[0], "live", "auth: at first without");
    is_str(p.apps[1], "live?authmod=adobe&user=us%20er",
           "auth: then with a name");

    ours[0] = '\0';
    (void) sscanf(p.apps[2], "live?authmod=adobe&user=us%%20er&challenge=%8s",
                  ours);
    sum_of("us erNaClpa:ss@", sum);
    (void) snprintf(text, sizeof(text), "%sOPQ%s", sum, ours);
    sum_of(text, sum);
    (void) snprintf(want, sizeof(want), "live?authmod=adobe&user=us%%20er"
                    "&challenge=%s&response=%s&opaque=OPQ", ours, sum);
    is_str(p.apps[2], want, "auth: then with the response");
    ok(strstr(p.tc_url, want) != NULL, "auth: in the tcUrl as well");
    ok(strstr(p.apps[2], "ss") == NULL, "auth: never the password");

    peer_start(&p, AUTH_FAILED);
    r = push_to(p.url, "user:pass", &err);
    ok(r == NULL, "auth: is not taken");
    peer_end(&p);
    is_int(p.connects, 3, "auth: is not tried again");
    is_int(err.code, DS_EPUSH_REJECTED, "auth: rejected");
    ok(strstr(err.message, "does not take this user") != NULL
       && strstr(err.message, "pass\"") == NULL
       && strstr(err.message, "KEY") == NULL, "auth: says %s", err.message);

    peer_start(&p, AUTH);
    r = push_to(p.url, NULL, &err);
    ok(r == NULL && strstr(err.message, "wants a user") != NULL,
       "auth: none is given: %s", err.message);
    (void) shutdown(p.listening, SHUT_RDWR);
    peer_end(&p);
    is_int(p.connects, 1, "auth: and not asked twice");
}


/* what is behind a name without a colon is not the password */

static void
test_auth_alone(void)
{
    char        *user, params[DS_AUTH_LEN];
    ds_error_t   err;

    static const char  said[] = "authmod=adobe ?reason=needauth&user=u"
                                "&salt=s&challenge=c";

    user = strdup("u");

    ok(ds_auth_answer(said, user, params, DS_EPUSH_REJECTED, &err),
       "auth: no password: %s", err.message);
    ok(strncmp(params, "authmod=adobe&user=u&challenge=", 31) == 0,
       "auth: is answered: %s", params);

    free(user);
}


static void
test_redirect(void)
{
    peer_t       p, q;
    ds_error_t   err;
    ds_rtmp_t   *r;

    peer_start(&q, TAKE);
    peer_listen(&p, REDIRECT, 8);
    (void) snprintf(p.to, sizeof(p.to), "%s/else?a=b", q.url);
    p.to[strlen(q.url) - 4] = 'L';
    peer_go(&p);
    r = push_to(p.url, NULL, &err);
    ok(r != NULL, "redirect: followed: %s", err.message);
    ds_rtmp_close(&r);
    (void) shutdown(p.listening, SHUT_RDWR);
    peer_end(&p);
    peer_end(&q);
    is_str(q.app, "Live/else?a=b", "redirect: to its application");
    is_str(q.publish, "KEY", "redirect: with our key");

    peer_listen(&p, REDIRECT, 8);
    (void) snprintf(p.to, sizeof(p.to), "http://127.0.0.1/live");
    peer_go(&p);
    r = push_to(p.url, NULL, &err);
    ok(r == NULL && err.code == DS_EPUSH_REJECTED, "redirect: not RTMP: %s",
       err.message);
    (void) shutdown(p.listening, SHUT_RDWR);
    peer_end(&p);

    peer_listen(&p, REDIRECT, 8);
    (void) snprintf(p.to, sizeof(p.to), "%s", p.url);
    peer_go(&p);
    r = publish_to(p.url, "KEY", &cancel, &err);
    ok(r == NULL && err.code == DS_EOUTPUT_REJECTED,
       "redirect: of pushes alone: %s", err.message);
    (void) shutdown(p.listening, SHUT_RDWR);
    peer_end(&p);
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
        r = publish_to(p.url, "name?ds_token=0123", &cancel, &err);

        ok(r == NULL && ds_monotonic() - t < 2000, "refusals: %s",
           c[i].message);
        is_int(err.code, i < 2 ? DS_EOUTPUT_REFUSED : DS_EOUTPUT_REJECTED,
               "refusals: is %s", i < 2 ? "as if nobody were there"
                                        : "rejected");
        ok(strncmp(err.message, c[i].message, strlen(c[i].message)) == 0
           && strstr(err.message, "0123") == NULL,
           "refusals: \"%s\"", err.message);

        peer_end(&p);
    }

    peer_listen(&p, TAKE, 1);
    (void) close(p.listening);

    r = publish_to(p.url, "name", &cancel, &err);
    ok(r == NULL, "refusals: nobody listens");
    is_int(err.code, DS_EOUTPUT_REFUSED, "refusals: is refused");
    is_str(err.message, "connect() failed: Connection refused",
           "refusals: why");

    r = publish_to("rtmp://no.such.host.invalid/live", "name", &cancel, &err);
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

        r = publish_to(p.url, "name", &cancel, &err);
        t = send_until(r, 100, &err);
        is_int(err.code, code[i], "lost: %s", err.message);
        ok(t < 1000, "lost: and it is seen at once");

        ds_rtmp_close(&r);
        peer_end(&p);
    }

    peer_start(&p, TAKE_STALL);
    ds_error_clear(&err);

    r = publish_to(p.url, "name", &cancel, &err);
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
    r = publish_to(p.url, "name", &cancel, &err);
    shrink(&p);

    (void) send_message(r, DS_RTMP_VIDEO, 0, 100000, &err);

    t = ds_monotonic();
    ds_rtmp_close(&r);
    t = ds_monotonic() - t;
    ok(t >= 290 && t < 450, "lost: a close takes %d ms", (int) t);
    peer_end(&p);
}


/* what is slow is not stuck; and one who does not wait for it is told so */

static void
test_slow(void)
{
    peer_t          p;
    int64_t         t;
    ds_rtmp_t      *r;
    ds_error_t      err;
    ds_rtmp_conf_t  conf = { .url = p.url, .name = "name", .nowait = true };

    peer_start(&p, TAKE_SLOW);
    ds_error_clear(&err);
    r = publish_to(p.url, "name", &cancel, &err);
    shrink(&p);

    t = ds_monotonic();
    is_int(send_message(r, DS_RTMP_VIDEO, 0, sizeof(data), &err), 0,
           "slow: all of a message is sent %s", err.message);
    t = ds_monotonic() - t;
    ok(t > 5100, "slow: in %d ms, longer than nothing may be taken", (int) t);
    ds_rtmp_close(&r);
    peer_end(&p);

    peer_start(&p, TAKE_STALL);
    r = ds_rtmp_publish(&conf, &cancel, &err);
    shrink(&p);

    t = ds_monotonic();
    ok(!ds_rtmp_full(r), "slow: there is room");
    is_int(send_message(r, DS_RTMP_VIDEO, 0, sizeof(data), &err), 0,
           "slow: a message is kept");
    is_int(ds_rtmp_flush(r, &err), 0, "slow: what can be is flushed");
    ok(ds_rtmp_full(r), "slow: there is no room");
    t = ds_monotonic() - t;
    ok(t < 500, "slow: it is not waited for: %d ms", (int) t);
    ds_rtmp_close(&r);
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

        r = publish_to(p.url, "name", &c, &err);
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

    r = publish_to(p.url, "name", &c, &err);
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
    test_flv();
    test_talk();
    test_auth();
    test_auth_alone();
    test_redirect();
    test_refusals();
    test_lost();
    test_slow();
    test_cancel();
    test_noise();

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");

    ds_cancel_free(&cancel);

    return done_testing();
}
