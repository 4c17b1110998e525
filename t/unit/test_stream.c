
/*
 * A whole stream without nginx: a list of files, played to an RTMP server
 * that is libavformat's own, in a thread of this program.
 */

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include <stdlib.h>

#include "ds_core.h"
#include "tap.h"


#define DEADLINE  20000


typedef struct {
    char             url[128];
    pthread_t        thread;
    atomic_bool      quit;
    atomic_bool      drop;              /* close the session on us */

    atomic_int       sessions;
    atomic_int       packets[2];
    atomic_int       headers;           /* codec headers after the first */
    atomic_int       backward;
    atomic_llong     end[2];            /* ms */
    atomic_llong     max_step[2];
} server_t;


static char      dir[] = "/tmp/ds-stream-XXXXXX";
static ds_t     *ds;
static server_t  server;


static int
server_interrupt(void *data)
{
    server_t  *s = data;

    return atomic_load(&s->quit) || atomic_load(&s->drop);
}


static void
server_packet(server_t *s, AVFormatContext *ctx, AVPacket *pkt,
    int64_t last[2])
{
    int               track;
    int64_t           step, end;
    enum AVMediaType  type;

    type = ctx->streams[pkt->stream_index]->codecpar->codec_type;
    track = type == AVMEDIA_TYPE_AUDIO;

    /* metadata of a time other than 0 is a packet as well */

    if (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO) {
        return;
    }

    if (last[track] != -1) {
        step = pkt->dts - last[track];

        if (step <= 0) {
            atomic_fetch_add(&s->backward, 1);
        }

        if (step > atomic_load(&s->max_step[track])) {
            atomic_store(&s->max_step[track], step);
        }
    }

    if (av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, NULL)) {
        atomic_fetch_add(&s->headers, 1);
    }

    last[track] = pkt->dts;
    end = pkt->pts;

    if (end > atomic_load(&s->end[track])) {
        atomic_store(&s->end[track], end);
    }

    atomic_fetch_add(&s->packets[track], 1);
}


static void *
server_thread(void *data)
{
    int64_t           last[2];
    AVPacket         *pkt;
    AVDictionary     *opts;
    AVFormatContext  *ctx;
    server_t         *s = data;

    pkt = av_packet_alloc();

    while (!atomic_load(&s->quit)) {
        ctx = avformat_alloc_context();
        ctx->interrupt_callback.callback = server_interrupt;
        ctx->interrupt_callback.opaque = s;

        opts = NULL;
        av_dict_set(&opts, "listen", "1", 0);

        if (avformat_open_input(&ctx, s->url, av_find_input_format("flv"),
                                &opts)
            < 0)
        {
            av_dict_free(&opts);
            atomic_store(&s->drop, false);
            continue;
        }

        av_dict_free(&opts);
        atomic_fetch_add(&s->sessions, 1);
        last[0] = last[1] = -1;

        while (av_read_frame(ctx, pkt) >= 0) {
            server_packet(s, ctx, pkt, last);
            av_packet_unref(pkt);
        }

        avformat_close_input(&ctx);
        atomic_store(&s->drop, false);
    }

    av_packet_free(&pkt);

    return NULL;
}


static void
server_start(server_t *s)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd == -1 || bind(fd, (struct sockaddr *) &sin, len) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    (void) close(fd);

    (void) snprintf(s->url, sizeof(s->url), "rtmp://127.0.0.1:%d/live",
                    ntohs(sin.sin_port));

    if (pthread_create(&s->thread, NULL, server_thread, s) != 0) {
        abort();
    }
}


static void
run(const char *fmt, ...)
{
    char     cmd[2048];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(cmd, sizeof(cmd), fmt, args);
    va_end(args);

    if (system(cmd) != 0) {
        (void) fprintf(stderr, "failed: %s\n", cmd);
        exit(1);
    }
}


static void
make_clip(const char *name, const char *size, int seconds, const char *opts)
{
    run("ffmpeg -v error -y -f lavfi -i testsrc=size=%s:rate=25 -f lavfi "
        "-i sine=frequency=300:sample_rate=44100 -t %d -c:v libx264 "
        "-preset ultrafast -pix_fmt yuv420p -g 25 %s -c:a aac -ac 2 "
        "%s/%s </dev/null", size, seconds, opts, dir, name);
}


static void
make_list(const char *name, const char *json)
{
    char   path[256];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "w");
    if (f == NULL) {
        abort();
    }

    (void) fputs(json, f);
    (void) fclose(f);
}


/* the server takes one session at a time, and listens for each anew */

static void
server_await(server_t *s)
{
    int      i, port;
    char     line[256], want[16];
    bool     found;
    FILE    *f;

    port = atoi(strrchr(s->url, ':') + 1);
    (void) snprintf(want, sizeof(want), ":%04X ", (unsigned) port);
    found = false;

    for (i = 0; i < 1000 && !found; i++) {
        f = fopen("/proc/net/tcp", "r");

        while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
            found = strstr(line, want) != NULL
                    && strstr(line, " 00000000:0000 0A ") != NULL;
        }

        if (f != NULL) {
            (void) fclose(f);
        }

        if (!found) {
            usleep(10000);
        }
    }
}


static ds_stream_t *
start_at(const char *list, bool loop, const ds_progress_t *resume)
{
    char          playlist[256];
    ds_def_t      def;
    ds_error_t    err;
    ds_stream_t  *s;

    (void) snprintf(playlist, sizeof(playlist), "file://%s/%s", dir, list);

    server_await(&server);

    memset(&def, 0, sizeof(def));
    def.name = "test";
    def.playlist = playlist;
    def.publish = server.url;
    def.token = "0123";
    def.loop = loop;
    def.resume = resume;

    s = ds_stream_start(ds, &def, &err);
    if (s == NULL) {
        (void) printf("# %s\n", err.message);
        abort();
    }

    return s;
}


static ds_stream_t *
start(const char *list, bool loop)
{
    return start_at(list, loop, NULL);
}


static void
drain_log(void)
{
    ds_record_t  r;

    while (ds_poll(ds, &r)) {
        (void) printf("# [%d] %s: %s\n", r.level, r.stream, r.text);
    }
}


/* waits until cond() holds for the status, false: the deadline has passed */

typedef bool (*cond_pt)(const ds_status_t *st, int64_t arg);

static bool
await(ds_stream_t *s, cond_pt cond, int64_t arg, ds_status_t *st)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    do {
        ds_stream_status(s, st);
        drain_log();

        if (cond(st, arg)) {
            return true;
        }

        usleep(10000);

    } while (ds_monotonic() < end);

    return false;
}


static bool
in_state(const ds_status_t *st, int64_t arg)
{
    return st->state == (ds_state_e) arg;
}


static bool
on_item(const ds_status_t *st, int64_t arg)
{
    return st->has_item && st->item.index == (uint32_t) arg
           && st->state == DS_LIVE;
}


static bool
has_played(const ds_status_t *st, int64_t arg)
{
    return (int64_t) st->played >= arg;
}


static bool
has_error(const ds_status_t *st, int64_t arg)
{
    return st->error.code == (int) arg;
}


static bool
has_reconnected(const ds_status_t *st, int64_t arg)
{
    return st->reconnects >= (uint32_t) arg && st->state == DS_LIVE;
}


static bool
next_is_ready(const ds_status_t *st, int64_t arg)
{
    (void) arg;

    return st->has_next && st->next_ready;
}


static void
test_once(void)
{
    size_t         i, n;
    int64_t        drift;
    ds_item_t      items[8];
    ds_status_t    st;
    ds_stream_t   *s;

    s = start("three.json", false);

    ok(await(s, in_state, DS_LIVE, &st), "three items: live");
    ok(await(s, in_state, DS_FINISHED, &st), "three items: finished");

    is_int(st.played, 3, "three items: all played");
    is_int(st.failed, 0, "three items: none failed");
    is_int(st.error.code, 0, "three items: no error");
    ok(st.bytes > 10000, "three items: bytes were sent");
    is_int(st.dead_air, 0, "three items: no dead air");

    n = ds_stream_items(s, items, 8);
    is_int(n, 3, "three items are told of");

    for (i = 0; i < n; i++) {
        is_int(items[i].state, DS_ITEM_PLAYED, "item %d is played", (int) i);
    }

    ok(ds_stream_done(s) || (usleep(500000), ds_stream_done(s)),
       "a finished stream is done");
    ds_stream_free(&s);

    is_int(atomic_load(&server.backward), 0, "no backward time stamp");
    is_int(atomic_load(&server.max_step[0]), 40,
           "video steps by one frame, over all changes");
    ok(atomic_load(&server.max_step[1]) <= 25,
       "audio steps by one frame, over all changes: %d ms",
       (int) atomic_load(&server.max_step[1]));

    drift = llabs(atomic_load(&server.end[0]) - atomic_load(&server.end[1]));
    ok(drift <= 50, "audio and video end together: %d ms", (int) drift);

    ok(atomic_load(&server.headers) >= 2, "each size has its header");
    ok(atomic_load(&server.end[0]) >= 5900, "six seconds of video came: %d",
       (int) atomic_load(&server.end[0]));
}


static void
test_control(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("three.json", true);

    ok(await(s, on_item, 0, &st), "control: the first item is on air");
    ds_stream_skip(s);
    ok(await(s, on_item, 1, &st), "control: skip");
    is_int(st.skipped, 1, "control: it is counted");
    ds_stream_previous(s);
    ok(await(s, on_item, 0, &st), "control: previous");
    ds_stream_skip(s);
    ds_stream_skip(s);
    ok(await(s, on_item, 2, &st), "control: two skips");
    ok(await(s, next_is_ready, 0, &st), "control: the next is made ready");
    is_int(st.next.index, 0, "control: it is the first again");

    atomic_store(&server.drop, true);
    ok(await(s, has_reconnected, 1, &st), "control: publishes again");
    ok(await(s, has_played, 2, &st), "control: goes on after that");

    ds_stream_set_loop(s, false);
    ok(await(s, in_state, DS_FINISHED, &st), "control: loop off ends it");

    ds_stream_free(&s);

    is_int(atomic_load(&server.backward), 0, "control: no backward stamp");
}


/* an item with one key frame, and the session lost in the middle of it */

static void
test_lost(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("lost.json", false);
    ok(await(s, in_state, DS_LIVE, &st), "lost: live");

    while (st.position < 1500) {
        usleep(20000);
        ds_stream_status(s, &st);
    }

    is_int(st.item.index, 0, "lost: in the middle of an item");
    atomic_store(&server.drop, true);

    ok(await(s, has_reconnected, 1, &st), "lost: publishes again");
    ok(await(s, in_state, DS_FINISHED, &st), "lost: and goes on to the end");
    is_int(st.played, 2, "lost: with both items");
    ds_stream_free(&s);
}


static void
test_resume(void)
{
    ds_status_t    st;
    ds_stream_t   *s;
    ds_progress_t  p;

    s = start("three.json", true);
    ok(await(s, on_item, 1, &st), "resume: the second item is on air");

    while (st.position < 1200) {
        usleep(20000);
        ds_stream_status(s, &st);
    }

    ds_stream_free(&s);

    p = st.progress;
    ok(p.valid && p.index == 1 && p.position >= 1200, "resume: a place");

    s = start_at("three.json", false, &p);
    ok(await(s, in_state, DS_LIVE, &st), "resume: live");
    is_int(st.item.index, 1, "resume: the same item");
    ok(st.position >= 1000, "resume: at its place: %d ms",
       (int) st.position);
    ok(await(s, in_state, DS_FINISHED, &st), "resume: on to the end");
    is_int(st.played, 2, "resume: two items were left");
    ok(st.progress.state == DS_FINISHED, "resume: the end is known");
    ds_stream_free(&s);

    is_int(atomic_load(&server.backward), 0, "resume: no backward stamp");
}


static void
test_faults(void)
{
    int64_t       t;
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("faults.json", false);

    ok(await(s, in_state, DS_FINISHED, &st), "faults: played to the end");
    is_int(st.played, 1, "faults: the good one is played");
    is_int(st.failed, 3, "faults: the others are not");
    ds_stream_free(&s);

    s = start("bad.json", false);
    ok(await(s, in_state, DS_FAILED, &st), "only bad items: failed");
    is_str(ds_error_code(st.error.code), "source_not_found",
           "only bad items: why");
    ds_stream_free(&s);

    s = start("bad.json", true);
    ok(await(s, has_error, DS_ESOURCE_NOT_FOUND, &st),
       "only bad items, looping: an error");
    ok(await(s, in_state, DS_STALLED, &st),
       "only bad items, looping: stalled");
    usleep(700000);
    ds_stream_status(s, &st);
    ok(st.failed <= 4, "only bad items, looping: does not spin: %d",
       (int) st.failed);
    ds_stream_free(&s);

    s = start("missing.json", true);
    ok(await(s, in_state, DS_STALLED, &st), "no list, looping: stalled");
    is_str(ds_error_code(st.error.code), "source_not_found",
           "no list, looping: why");

    t = ds_monotonic();
    ds_stream_free(&s);
    ok(ds_monotonic() - t < 500, "a stalled stream ends at once");

    s = start("three.json", true);
    ok(await(s, in_state, DS_LIVE, &st), "live");
    t = ds_monotonic();
    ds_stream_stop(s);

    while (!ds_stream_done(s) && ds_monotonic() - t < DEADLINE) {
        usleep(1000);
    }

    ok(ds_monotonic() - t < 1500, "a live stream stops at once: %d ms",
       (int) (ds_monotonic() - t));
    ds_stream_status(s, &st);
    is_int(st.state, DS_STOPPED, "and is stopped");
    ds_stream_free(&s);

    s = start("three.json", true);
    usleep(200000);
    t = ds_monotonic();
    ds_destroy(&ds);
    ok(ds_monotonic() - t < 1200, "the engine ends with a stream in it");
    ok(ds == NULL, "and is gone");
}


int
main(void)
{
    ds_conf_t          conf;
    ds_error_t         err;
    static const char *argv[] = { "/bin/false", NULL };

    if (mkdtemp(dir) == NULL) {
        abort();
    }

    make_clip("a.mp4", "320x180", 2, "-bf 0");
    make_clip("b.mp4", "640x360", 2, "-bf 2");
    make_clip("c.mp4", "320x180", 2, "-bf 3");
    run("head -c 3000 %s/a.mp4 > %s/short.mp4", dir, dir);
    run("head -c 100000 /dev/urandom > %s/noise.mp4", dir);

    make_clip("d.mp4", "320x180", 6, "-g 1000");

    make_list("lost.json", "[\"d.mp4\", \"a.mp4\"]");
    make_list("three.json", "[\"a.mp4\", \"b.mp4\", {\"url\": \"c.mp4\", "
              "\"title\": \"the third\", \"duration\": 2}]");
    make_list("faults.json", "[\"gone.mp4\", \"noise.mp4\", \"short.mp4\", "
              "\"a.mp4\"]");
    make_list("bad.json", "{\"items\": [\"gone1.mp4\", \"gone2.mp4\"]}");

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = argv;
    conf.resolve_extractors = "youtube";
    conf.resolve_timeout = 10000;
    conf.source_timeout = 5000;
    conf.buffer_time = 4000;
    conf.buffer_size = 4 << 20;
    conf.media_root = dir;

    ds = ds_create(&conf, &err);
    if (ds == NULL) {
        (void) printf("Bail out! %s\n", err.message);
        return 1;
    }

    server_start(&server);

    test_once();
    test_control();
    test_resume();
    test_lost();
    test_faults();

    atomic_store(&server.quit, true);
    (void) pthread_join(server.thread, NULL);

    run("rm -rf %s", dir);

    return done_testing();
}
