
/*
 * stream.h: a whole stream without nginx: lists of files, played to an RTMP
 * server that is libavformat's own, in a thread of the test program.
 */

#ifndef STREAM_H_INCLUDED_
#define STREAM_H_INCLUDED_


#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include <stdlib.h>

#include "server.h"
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
    atomic_llong     first_at;          /* monotonic ms, of a session */
    atomic_llong     last_at;
    atomic_llong     max_gap;           /* ms, between arrivals */
    atomic_int       not_key;           /* video headers at other frames */
} server_t;


static char      dir[] = "/tmp/ds-stream-XXXXXX";
static ds_t     *ds;
static server_t  server;


static int
rtmp_interrupt(void *data)
{
    server_t  *s = data;

    return atomic_load(&s->quit) || atomic_load(&s->drop);
}


static void
rtmp_packet(server_t *s, AVFormatContext *ctx, AVPacket *pkt,
    int64_t last[2])
{
    int               track;
    int64_t           step, end, now, gap;
    enum AVMediaType  type;

    type = ctx->streams[pkt->stream_index]->codecpar->codec_type;

    /* metadata of a time other than 0 is a packet as well */

    if (type != AVMEDIA_TYPE_VIDEO && type != AVMEDIA_TYPE_AUDIO) {
        return;
    }

    now = ds_monotonic();
    gap = now - atomic_load(&s->last_at);

    if (atomic_load(&s->first_at) == 0) {
        atomic_store(&s->first_at, now);

    } else if (gap > atomic_load(&s->max_gap)) {
        atomic_store(&s->max_gap, gap);
    }

    atomic_store(&s->last_at, now);

    track = type == AVMEDIA_TYPE_AUDIO;

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
        atomic_fetch_add(&s->not_key,
                         track == 0 && !(pkt->flags & AV_PKT_FLAG_KEY));
    }

    last[track] = pkt->dts;
    end = pkt->pts;

    if (end > atomic_load(&s->end[track])) {
        atomic_store(&s->end[track], end);
    }

    atomic_fetch_add(&s->packets[track], 1);
}


static void *
rtmp_thread(void *data)
{
    int64_t           last[2];
    AVPacket         *pkt;
    AVDictionary     *opts;
    AVFormatContext  *ctx;
    server_t         *s = data;

    pkt = av_packet_alloc();

    while (!atomic_load(&s->quit)) {
        ctx = avformat_alloc_context();
        ctx->interrupt_callback.callback = rtmp_interrupt;
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
        atomic_store(&s->first_at, 0);
        atomic_store(&s->max_gap, 0);
        atomic_store(&s->end[0], 0);
        atomic_store(&s->end[1], 0);

        while (av_read_frame(ctx, pkt) >= 0) {
            rtmp_packet(s, ctx, pkt, last);
            av_packet_unref(pkt);
        }

        avformat_close_input(&ctx);
        atomic_store(&s->drop, false);
    }

    av_packet_free(&pkt);

    return NULL;
}


static void
rtmp_start(server_t *s)
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

    if (pthread_create(&s->thread, NULL, rtmp_thread, s) != 0) {
        abort();
    }
}


__attribute__((unused))
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


__attribute__((unused))
static void
make_clip(const char *name, const char *size, int seconds, const char *opts)
{
    run("ffmpeg -v error -y -f lavfi -i testsrc=size=%s:rate=25 -f lavfi "
        "-i sine=frequency=300:sample_rate=44100 -t %d -c:v libx264 "
        "-preset ultrafast -pix_fmt yuv420p -g 25 %s -c:a aac -ac 2 "
        "%s/%s </dev/null", size, seconds, opts, dir, name);
}


__attribute__((unused))
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
rtmp_await(server_t *s)
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


/*
 * What the stream went through: its status at each of the engine's wakeups,
 * taken by the thread that has just changed it, so that what passes is seen
 * however late the test's own thread looks.
 */

static struct {
    pthread_mutex_t  lock;
    ds_stream_t     *stream;            /* NULL: none */
    ds_status_t     *seen;
    size_t           n;
    size_t           at;                /* the last that was waited for */
} watched = { .lock = PTHREAD_MUTEX_INITIALIZER };


static void
watch(ds_stream_t *s)
{
    (void) pthread_mutex_lock(&watched.lock);

    watched.stream = s;
    watched.n = 0;
    watched.at = 0;

    (void) pthread_mutex_unlock(&watched.lock);
}


static void
watch_wakeup(void *data)
{
    ds_status_t  *seen;

    (void) data;
    (void) pthread_mutex_lock(&watched.lock);

    if (watched.stream != NULL) {
        seen = realloc(watched.seen, (watched.n + 1) * sizeof(ds_status_t));
        if (seen == NULL) {
            abort();
        }

        watched.seen = seen;
        ds_stream_status(watched.stream, &seen[watched.n++]);
    }

    (void) pthread_mutex_unlock(&watched.lock);
}


__attribute__((unused))
static ds_stream_t *
start_at(const char *list, bool loop, const ds_progress_t *resume,
    int64_t max_item)
{
    char          playlist[256];
    ds_def_t      def;
    ds_error_t    err;
    ds_stream_t  *s;

    static const ds_profile_t  profile = DS_PROFILE_DEFAULT;

    (void) snprintf(playlist, sizeof(playlist), "file://%s/%s", dir, list);

    rtmp_await(&server);

    memset(&def, 0, sizeof(def));
    (void) strcpy(def.name, "test");
    (void) snprintf(def.playlist, sizeof(def.playlist), "%s", playlist);
    (void) snprintf(def.publish, sizeof(def.publish), "%s", server.url);
    def.loop = loop;
    def.profile = profile;
    def.max_item_duration = max_item;

    s = ds_stream_start(ds, &def, "0123", resume, NULL, 0, &err);
    if (s == NULL) {
        (void) printf("# %s\n", err.message);
        abort();
    }

    watch(s);

    return s;
}


__attribute__((unused))
static ds_stream_t *
start(const char *list, bool loop)
{
    return start_at(list, loop, NULL, 0);
}


static void
drain_log(void)
{
    ds_record_t  r;

    while (ds_poll(ds, &r)) {
        (void) printf("# [%d] %s: %s\n", r.level, r.stream, r.text);
    }
}


/*
 * Waits until cond() holds for a status the stream has had since the one
 * that was waited for before; false: the deadline has passed.
 */

typedef bool (*cond_pt)(const ds_status_t *st, int64_t arg);

__attribute__((unused))
static bool
await(ds_stream_t *s, cond_pt cond, int64_t arg, ds_status_t *st)
{
    bool     found;
    size_t   i;
    int64_t  end;

    (void) s;
    end = ds_monotonic() + DEADLINE;
    i = watched.at;

    do {
        watch_wakeup(NULL);

        (void) pthread_mutex_lock(&watched.lock);

        for (found = false; i < watched.n && !found; i++) {
            *st = watched.seen[i];
            found = cond(st, arg);
        }

        watched.at = found ? i - 1 : watched.at;

        (void) pthread_mutex_unlock(&watched.lock);

        drain_log();

        if (found) {
            return true;
        }

        usleep(10000);

    } while (ds_monotonic() < end);

    return false;
}


/* stops, joins, frees */

__attribute__((unused))
static void
finish(ds_stream_t **s)
{
    watch(NULL);
    ds_stream_free(s);
}


__attribute__((unused))
static bool
in_state(const ds_status_t *st, int64_t arg)
{
    return st->state == (ds_state_e) arg;
}


__attribute__((unused))
static bool
on_item(const ds_status_t *st, int64_t arg)
{
    return st->has_item && st->item.index == (uint32_t) arg
           && st->state == DS_LIVE;
}


__attribute__((unused))
static bool
has_played(const ds_status_t *st, int64_t arg)
{
    return (int64_t) st->played >= arg;
}


__attribute__((unused))
static bool
has_error(const ds_status_t *st, int64_t arg)
{
    return st->error.code == (int) arg;
}


__attribute__((unused))
static bool
has_reconnected(const ds_status_t *st, int64_t arg)
{
    return st->reconnects >= (uint32_t) arg && st->state == DS_LIVE;
}


__attribute__((unused))
static bool
on_slate(const ds_status_t *st, int64_t arg)
{
    return st->slate == (arg != 0);
}


__attribute__((unused))
static bool
next_is_ready(const ds_status_t *st, int64_t arg)
{
    (void) arg;

    return st->has_next && st->next_ready;
}


__attribute__((unused))
static ds_t *
engine(int buffer_time)
{
    ds_t              *e;
    ds_conf_t          conf;
    ds_error_t         err;
    static const char *argv[] = { "/bin/false", NULL };

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = argv;
    conf.resolve_extractors = "youtube";
    conf.resolve_timeout = 10000;
    conf.source_timeout = 5000;
    conf.buffer_time = buffer_time;
    conf.buffer_size = 4 << 20;
    conf.media_root = dir;
    conf.wakeup = watch_wakeup;

    e = ds_create(&conf, &err);
    if (e == NULL) {
        (void) printf("Bail out! %s\n", err.message);
        exit(1);
    }

    return e;
}


#endif /* STREAM_H_INCLUDED_ */
