
/*
 * Weeks on air in seconds: thousands of unlike items over one timeline and
 * the real tags, which are looked at where the network would be: this file
 * has the functions of ds_rtmp.h itself.  An item's middle passes without
 * packets, its ends have all of them.
 */

#include <stdlib.h>
#include <string.h>

#include "air/ds_output.h"
#include "air/ds_timeline.h"
#include "base/ds_engine.h"
#include "rtmp/ds_rtmp.h"
#include "header.h"
#include "tap.h"


enum { VIDEO = 0, AUDIO = 1 };

#define DAY      (INT64_C(86400) * 1000000)
#define ENDS     1500000                /* us of packets at an item's ends */
#define NONE     INT64_MIN


struct ds_rtmp_s {
    uint8_t         type;
    uint32_t        timestamp;
    uint32_t        len;
    uint32_t        got;
    uint8_t         body[16384];
};


typedef struct {
    int64_t         start;              /* us, its first video PTS */
    int64_t         frames;
    int             num, den;           /* frames a second */
    int             rate;               /* sound */
    int             reorder;            /* frames */
    int64_t         audio_start;        /* us after the video's */
    int64_t         audio_more;         /* us longer than it */
    int             size;               /* which picture size */
} item_t;


static ds_t         engine;
static ds_sent_t   *sent;
static ds_cursor_t  cursor;
static ds_rtmp_t    wire;
static ds_cancel_t  cancel;

/* ms, with what is above 32 bits, of each track's last message; and what it
 * is of: us of the item */
static int64_t      last[2], pts[2], source[2];
static int64_t      now[2];             /* of the packet that is written */
static int64_t      messages, backward, wraps, metadata, headers, wrong;
static int          fresh;              /* headers a session begins with */
static int64_t      worst;              /* us, audio against video */


ds_rtmp_t *
ds_rtmp_publish(const ds_rtmp_conf_t *conf, ds_cancel_t *c, ds_error_t *err)
{
    (void) conf;
    (void) c;
    (void) err;

    memset(&wire, 0, sizeof(wire));
    fresh = 2;

    return &wire;
}


int
ds_rtmp_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp, uint32_t len,
    ds_error_t *err)
{
    if (r->got != r->len || len > sizeof(r->body)) {
        return ds_fail(err, DS_EINTERNAL, "a message within another");
    }

    r->type = type;
    r->timestamp = timestamp;
    r->len = len;
    r->got = 0;

    return DS_OK;
}


/* a whole message: serial arithmetic, as a receiver does it */

static void
arrived(const ds_rtmp_t *r)
{
    int      track;
    int32_t  step;

    messages++;

    if (r->type == DS_RTMP_DATA) {
        metadata++;
        return;
    }

    track = r->type == DS_RTMP_VIDEO ? VIDEO : AUDIO;

    if (last[track] == NONE) {
        last[track] = (int64_t) r->timestamp - 1;
    }

    step = r->timestamp - (uint32_t) last[track];

    if (r->body[1] == 0) {
        /* a codec header has the time stamp of what follows */
        headers++;

        if (fresh > 0) {
            fresh--;

        } else {
            wrong += step < 0;
        }

        return;
    }

    backward += step <= 0;
    wraps += last[track] >= 0 && (uint32_t) last[track] > r->timestamp;

    last[track] += step;
    pts[track] = last[track];

    if (track == VIDEO) {
        pts[VIDEO] += (int32_t) ((uint32_t) r->body[2] << 24
                                 | r->body[3] << 16 | r->body[4] << 8) >> 8;
    }

    source[track] = now[track];
}


int
ds_rtmp_write(ds_rtmp_t *r, const uint8_t *data, size_t n, ds_error_t *err)
{
    if (n > r->len - r->got) {
        return ds_fail(err, DS_EINTERNAL, "too much of a message");
    }

    memcpy(r->body + r->got, data, n);
    r->got += n;

    if (r->got == r->len) {
        arrived(r);
    }

    return DS_OK;
}


bool
ds_rtmp_full(const ds_rtmp_t *r)
{
    (void) r;

    return false;
}


bool
ds_rtmp_asked(const ds_rtmp_t *r)
{
    (void) r;

    return false;
}


int
ds_rtmp_flush(ds_rtmp_t *r, ds_error_t *err)
{
    (void) r;
    (void) err;

    return DS_OK;
}


void
ds_rtmp_close(ds_rtmp_t **r)
{
    *r = NULL;
}


static int64_t
video_time(const item_t *item, int64_t n)
{
    return item->start + n * item->den * 1000000 / item->num;
}


static int64_t
audio_time(const item_t *item, int64_t n)
{
    return item->start + item->audio_start + n * 1024 * 1000000 / item->rate;
}


/* maps and writes a packet of no real content; false: it has no place */

static bool
send(ds_timeline_t *t, ds_output_t *out, int track, ds_stamp_t *st, bool first)
{
    bool         was_sent;
    AVPacket    *pkt;
    ds_error_t   err;

    static const uint8_t  data[] = { 0, 0, 0, 4, 0x65, 0, 0, 0 };

    if (!ds_timeline_map(t, track, st)) {
        return false;
    }

    pkt = av_packet_alloc();

    if (av_new_packet(pkt, sizeof(data)) < 0) {
        abort();
    }

    memcpy(pkt->data, data, sizeof(data));
    pkt->stream_index = track;
    pkt->flags = track == AUDIO || first ? AV_PKT_FLAG_KEY : 0;
    pkt->pts = st->pts;
    pkt->dts = st->dts;

    was_sent = ds_sent_put(sent, pkt, &err) == DS_OK
               && ds_output_send(out, &cursor, &err) == DS_OK;

    wrong += !was_sent;

    ds_timeline_sent(t, track, st);

    return was_sent;
}


/* the n-th frame in the order of decoding, of groups "I P b b" of a kind */

static int64_t
shown(const item_t *item, int64_t n)
{
    int64_t  k;

    if (item->reorder == 0 || n == 0) {
        return n;
    }

    k = (n - 1) % 3;

    return k == 0 ? (n + 2 < item->frames ? n + 2 : n) : n - 1;
}


static bool
in_middle(const item_t *item, int64_t at)
{
    at -= item->start;

    return at > ENDS && at < video_time(item, item->frames) - item->start
                             - ENDS;
}


static int64_t
skip_middle(const item_t *item, int64_t (*time)(const item_t *, int64_t),
    int64_t n)
{
    int64_t  end;

    if (!in_middle(item, time(item, n))) {
        return n;
    }

    /* to the first one behind it */
    end = video_time(item, item->frames) - ENDS;
    n += (end - time(item, n)) / (time(item, 2000) - time(item, 1000)) * 1000;

    while (in_middle(item, time(item, n))) {
        n++;
    }

    /* groups stay whole */
    return time == video_time ? n + (3 - (n - 1) % 3) % 3 : n;
}


static void
play(ds_timeline_t *t, ds_output_t *out, const item_t *item,
    AVCodecParameters *const par[2])
{
    bool        first = true;
    int64_t     v, a, end, dts, drift, delay;
    ds_stamp_t  st;

    delay = video_time(item, item->reorder) - item->start;
    end = video_time(item, item->frames);

    ds_timeline_item(t, item->start, item->start - delay);
    wrong += ds_sent_heads(sent, par[VIDEO], 25, par[AUDIO], NULL);

    for (v = 0, a = 0; v < item->frames; /* void */) {
        dts = video_time(item, v) - delay;

        /* sound that is due before; what goes beyond the picture is cut */

        while (audio_time(item, a) <= dts + delay
               && audio_time(item, a) < end + item->audio_more
               && audio_time(item, a) < end - 512 * 1000000 / item->rate
               && !first)
        {
            st.pts = st.dts = now[AUDIO] = audio_time(item, a);
            st.duration = 1024 * 1000000 / item->rate;

            (void) send(t, out, AUDIO, &st, false);
            a = skip_middle(item, audio_time, a + 1);
        }

        st.pts = now[VIDEO] = video_time(item, shown(item, v));
        st.dts = dts;
        st.duration = (int64_t) item->den * 1000000 / item->num;

        (void) send(t, out, VIDEO, &st, first);
        first = false;

        v = skip_middle(item, video_time, v + 1);
    }

    /* the sound's way from its source to the wire, and the picture's */

    drift = llabs((pts[AUDIO] * 1000 - source[AUDIO])
                  - (pts[VIDEO] * 1000 - source[VIDEO]));

    if (drift > worst) {
        worst = drift;
    }
}


static item_t
make_item(unsigned *seed)
{
    int     n;
    item_t  item;

    static const struct {
        int  num, den;
    } rates[] = { { 25, 1 }, { 30, 1 }, { 30000, 1001 } };

    n = rand_r(seed) % 3;

    item.num = rates[n].num;
    item.den = rates[n].den;
    item.rate = rand_r(seed) % 2 ? 44100 : 48000;
    item.reorder = rand_r(seed) % 2 ? 2 : 0;
    item.start = rand_r(seed) % 4 * 1333333;
    item.frames = 60 * 25 + rand_r(seed) % (40 * 60 * 25);
    item.audio_start = (rand_r(seed) % 5 - 2) * 13000;
    item.audio_more = (rand_r(seed) % 9 - 4) * 90000;
    item.size = rand_r(seed) % 2;

    return item;
}


int
main(void)
{
    int                 i, items, sizes, size, sessions;
    int64_t             began;
    char                at[16];
    item_t              item;
    unsigned            seed;
    ds_error_t          err;
    ds_output_t        *out;
    ds_target_t         target = { .publish = "rtmp://h/live",
                                   .name = "lofi", .token = "0" };
    ds_timeline_t       t;
    AVCodecParameters  *par[2], *video[2];

    static const int64_t  days[] = { 1, 30, 51 };

    for (i = 0; i < 2; i++) {
        video[i] = make_header(AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_H264,
                               i == 0 ? "\x01\x42\xc0\x0d\xff\xe1\x00\x04"
                                        "\x67\x42\xc0\x0d\x01\x00\x02\x68\xce"
                                      : "\x01\x42\xc0\x0e\xff\xe1\x00\x04"
                                        "\x67\x42\xc0\x0e\x01\x00\x02\x68\xce",
                               17);
        video[i]->width = 640 << i;
        video[i]->height = 360 << i;
    }

    par[AUDIO] = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, "\x12\x10",
                             2);
    par[AUDIO]->sample_rate = 44100;

    ds_timeline_init(&t);
    last[VIDEO] = last[AUDIO] = NONE;
    out = ds_output_open(&target, &cancel, &err);
    ok(out != NULL, "begins");
    sent = ds_sent_create(&engine);
    ds_cursor_open(&cursor, sent);

    seed = 1;
    items = sizes = size = 0;
    sessions = 1;
    began = 0;

    for (i = 0; i < 3; i++) {
        (void) snprintf(at, sizeof(at), "%d days", (int) days[i]);

        while (ds_timeline_end(&t) < days[i] * DAY) {
            if (ds_output_worn(out)) {
                ds_output_close(&out);
                out = ds_output_open(&target, &cancel, &err);
                sessions++;
                began = last[VIDEO];
            }

            item = make_item(&seed);
            par[VIDEO] = video[item.size];
            sizes += items != 0 && last[VIDEO] != began && item.size != size;
            size = item.size;
            play(&t, out, &item, par);
            items++;
        }

        is_int(backward, 0, "%s: no backward time stamp", at);
        is_int(wrong, 0, "%s: every packet is written", at);
        ok(worst < 20000, "%s: sound and picture within %d us", at,
           (int) worst);
        ok(llabs(last[VIDEO] - ds_timeline_end(&t) / 1000) < 200,
           "%s: %d items, %lld messages, at %lld ms", at, items,
           (long long) messages, (long long) last[VIDEO]);
        is_int(wraps, i < 2 ? 0 : 2, "%s: each track's 32 bits of it", at);
    }

    is_int(sessions, 2, "there was another session");
    ok(began > INT64_C(46) * 86400000 && began < INT64_C(1) << 32,
       "before one is over 2^32 ms long: at %lld", (long long) began);

    is_int(metadata, sessions + sizes, "metadata is new whenever the size is");
    is_int(headers, 2 * sessions + sizes,
           "and the header whenever it is another");

    ds_output_close(&out);
    ds_cursor_close(&cursor);
    ds_sent_free(&sent);
    avcodec_parameters_free(&video[0]);
    avcodec_parameters_free(&video[1]);
    avcodec_parameters_free(&par[AUDIO]);

    return done_testing();
}
