
/*
 * ds_reader: whatever happens to a source, the packets that come are those
 * that would have come without; each refusal has its own answer and its own
 * code when there is none; a broadcast goes on at its edge.
 */

#define _GNU_SOURCE

#include <sys/stat.h>

#include "net/ds_hold.h"
#include "net/ds_http.h"
#include "net/ds_refusal.h"
#include "resolve/ds_resolver.h"
#include "source/ds_link.h"
#include "source/ds_reader.h"
#include "server.h"
#include "tap.h"


#define SECONDS  "12"
#define PACKETS  2048
#define WATCH    "https://www.youtube.com/watch?v="


typedef struct {
    int            track;
    int            size;
    int64_t        dts;
    int64_t        pts;
} packet_t;


typedef struct {
    int            rc;
    ds_error_t     err;
    int            n;
    int            disorder;
    int            headers;         /* packets with one of their own */
    int            bare;            /* key frames after such, without */
    ds_counters_t  counters;
    packet_t       packets[PACKETS];
} seq_t;


static ds_t        *ds;
static ds_cancel_t  cancel;
static seq_t        whole, got;


static void
make(const char *arguments, const char *file)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -y"
                    " -f lavfi -i testsrc=size=320x180:rate=25:duration="
                    SECONDS " -f lavfi -i sine=frequency=440:duration="
                    SECONDS " -c:v libx264 -preset veryfast -pix_fmt yuv420p"
                    " -g 50 -c:a aac -ac 2 %s %s </dev/null", server_dir,
                    arguments, file);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", file);
    }
}


static void
remux(const char *from, const char *arguments, const char *file)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -y -i %s -c copy %s %s"
                    " </dev/null", server_dir, from, arguments, file);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", file);
    }
}


static void
make_media(void)
{
    make("-movflags +faststart", "a.mp4");
    remux("a.mp4", "-movflags frag_keyframe+empty_moov", "frag.mp4");
    remux("a.mp4", "", "a.mkv");
    remux("a.mp4", "", "a.ts");
    remux("a.mp4", "", "a.flv");
    remux("a.mp4", "-flvflags add_keyframe_index", "index.flv");
    remux("a.mp4", "-an -movflags +faststart", "v.mp4");
    remux("a.mp4", "-vn -movflags +faststart", "a.m4a");
    remux("a.mp4", "-f hls -hls_time 2 -hls_list_size 0", "a.m3u8");
    remux("a.mp4", "-f hls -hls_time 2 -hls_list_size 0"
          " -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4"
          " -hls_segment_filename 'f%d.m4s'", "f.m3u8");
    make("-s 160x90 -g 10 -movflags +faststart", "small.mp4");
    make("-c:v libvpx -deadline realtime -cpu-used 8 -f matroska", "vp8.mkv");
}


static void
read_all(const ds_entry_t *e, seq_t *s)
{
    int64_t            last[2];
    AVPacket          *pkt;
    packet_t          *p;
    ds_reader_t       *r;
    ds_link_conf_t   conf;

    memset(s, 0, sizeof(seq_t));
    memset(&conf, 0, sizeof(conf));

    conf.ds = ds;
    conf.stream = "test";
    conf.entry = e;
    conf.counters = &s->counters;
    conf.cancel = &cancel;

    r = ds_reader_open(&conf, &s->err);

    if (r == NULL) {
        s->rc = s->err.code;
        return;
    }

    pkt = av_packet_alloc();
    last[0] = last[1] = INT64_MIN;

    while ((s->rc = ds_reader_read(r, pkt, &s->err)) == 1) {

        if (s->n < PACKETS) {
            p = &s->packets[s->n++];
            p->track = pkt->stream_index;
            p->size = pkt->size;
            p->dts = pkt->dts;
            p->pts = pkt->pts;
        }

        s->disorder += pkt->dts <= last[pkt->stream_index];
        last[pkt->stream_index] = pkt->dts;

        if (av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, NULL)
            != NULL)
        {
            s->headers++;

        } else if (s->headers != 0 && pkt->stream_index == DS_VIDEO) {
            s->bare += (pkt->flags & AV_PKT_FLAG_KEY) != 0;
        }

        av_packet_unref(pkt);
    }

    av_packet_free(&pkt);
    ds_reader_close(&r);
}


static void
read_plain(const char *video, const char *audio, seq_t *s)
{
    char        url[2][512];
    ds_entry_t  e;

    memset(&e, 0, sizeof(e));
    e.plain = true;
    e.duration = -1;
    e.url = strcpy(url[0], server_url(video));
    e.audio_url = audio == NULL ? NULL : strcpy(url[1], server_url(audio));

    read_all(&e, s);
}


/*
 * What the resolver gives for the item: "calls" are lists of paths at the
 * server; "more" are further fields.  Each test has an item of its own.
 */

static void
read_resolved(const char *calls, const char *more, seq_t *s)
{
    char             id[16], file[128], url[128];
    FILE            *f;
    ds_entry_t       e;
    const char      *p;
    static unsigned  n;

    (void) snprintf(id, sizeof(id), "item%07u", n++);
    (void) snprintf(file, sizeof(file), "%s/%s.json", server_dir, id);

    f = fopen(file, "w");
    (void) fprintf(f, "{\"entries\": [{\"id\": \"%s\", %s \"calls\": ", id,
                   more);

    for (p = calls; *p != '\0'; p++) {
        if (*p == '@') {
            (void) fprintf(f, "http://127.0.0.1:%d/", server_port);
        } else {
            (void) fputc(*p, f);
        }
    }

    (void) fputs("}]}", f);
    (void) fclose(f);

    (void) snprintf(url, sizeof(url), WATCH "%s", id);

    memset(&e, 0, sizeof(e));
    e.duration = -1;
    e.url = url;

    read_all(&e, s);
}


static void
same(const char *name)
{
    int  i, n;

    n = whole.n < got.n ? whole.n : got.n;

    for (i = 0; i < n; i++) {
        if (memcmp(&whole.packets[i], &got.packets[i], sizeof(packet_t)) != 0)
        {
            break;
        }
    }

    is_int(got.rc, 0, "%s: read to the end: %s", name, got.err.message);

    if (!ok(i == whole.n && i == got.n, "%s: all packets and no other", name))
    {
        (void) printf("# %d of %d, the first that differs is %d\n", got.n,
                      whole.n, i);

        if (i < n) {
            (void) printf("# track %d dts %lld pts %lld size %d, not "
                          "track %d dts %lld pts %lld size %d\n",
                          got.packets[i].track,
                          (long long) got.packets[i].dts,
                          (long long) got.packets[i].pts,
                          got.packets[i].size, whole.packets[i].track,
                          (long long) whole.packets[i].dts,
                          (long long) whole.packets[i].pts,
                          whole.packets[i].size);
        }
    }
}


static unsigned
faults(seq_t *s, int code)
{
    return atomic_load(&s->counters.faults[code - DS_ENOMEM]);
}


static unsigned
all_faults(seq_t *s)
{
    int       i;
    unsigned  n;

    n = 0;

    for (i = 0; i < DS_NERRORS; i++) {
        n += atomic_load(&s->counters.faults[i]);
    }

    return n;
}


/* at the byte: one container is as good as another */

static void
test_byte(void)
{
    int  i;

    static const struct {
        const char  *query;
        int          code;
        unsigned     n;         /* 0: some */
    } list[] = {
        { "drop=100000", DS_ESOURCE_CUT, 0 },
        { "drop=200000&status=503&skip=1&first=2", DS_ESOURCE_HTTP, 2 },
        { "drop=200000&status=500&skip=1&first=1", DS_ESOURCE_HTTP, 1 },
        { "drop=200000&hang=1&skip=1&first=1", DS_ESOURCE_TIMEOUT, 1 },
        { "drop=200000&status=429&retry=1&skip=1&first=1",
          DS_ESOURCE_RATE_LIMITED, 1 },
        { "stall=150000&first=1", DS_ESOURCE_STALLED, 1 },
        { "cut=150000&first=2", DS_ESOURCE_CUT, 2 },
        { "cut=150000&etag=none", DS_ESOURCE_CUT, 0 },
    };

    read_plain("a.mp4", NULL, &whole);
    is_int(whole.rc, 0, "a file: %s", whole.err.message);
    ok(whole.n > 700 && whole.disorder == 0, "%d packets", whole.n);
    is_int(all_faults(&whole), 0, "no fault");

    for (i = 0; i < (int) (sizeof(list) / sizeof(list[0])); i++) {
        char  name[128];

        (void) snprintf(name, sizeof(name), "a.mp4?%s", list[i].query);
        read_plain(name, NULL, &got);

        if (i == 7) {
            is_int(got.rc, DS_ESOURCE_CUT, "one that stays is an error");
            ok(got.n > 100, "after %d packets", got.n);
            continue;
        }

        same(list[i].query);

        if (list[i].n != 0) {
            is_int(faults(&got, list[i].code), list[i].n, "counted");
        } else {
            ok(faults(&got, list[i].code) > 0, "counted");
        }
    }

    read_plain("v.mp4", "a.m4a", &whole);
    read_plain("v.mp4?drop=100000", "a.m4a?drop=50000", &got);
    same("two URLs");
}


/* at the time: the server has another resource, or no ranges */

static void
test_time(void)
{
    int  i, k;

    static const char *const  files[] = {
        "a.mp4", "frag.mp4", "a.mkv", "a.ts", "a.flv", "index.flv"
    };

    static const char *const  queries[] = {
        "drop=60000&etag=x&skip=4", "cut=240000&norange=1&first=1"
    };

    for (i = 0; i < (int) (sizeof(files) / sizeof(files[0])); i++) {

        read_plain(files[i], NULL, &whole);
        ok(whole.rc == 0 && whole.n > 700, "%s: %d packets: %s", files[i],
           whole.n, whole.err.message);

        for (k = 0; k < 2; k++) {
            char  name[128];

            (void) snprintf(name, sizeof(name), "%s?%s", files[i],
                            queries[k]);
            read_plain(name, NULL, &got);
            same(name);
            ok(faults(&got, DS_ESOURCE_CUT) > 0, "counted");
        }
    }

    read_plain("v.mp4", "a.m4a", &whole);
    read_plain("v.mp4?drop=60000&etag=x&skip=2", "a.m4a", &got);
    same("video of two URLs");
    read_plain("v.mp4", "a.m4a?drop=40000&etag=x&skip=2", &got);
    same("audio of two URLs");
}


static void
test_list(void)
{
    int  i;

    static const struct {
        const char  *list;
        const char  *word;
        const char  *query;
    } cases[] = {
        { "a.m3u8", "a3.ts", "status=503&first=2" },
        { "a.m3u8", "a4.ts", "drop=20000" },
        { "a.m3u8", "a4.ts", "cut=20000&first=1&norange=1" },
        { "a.m3u8", "a4.ts", "stall=20000&first=1" },
        { "a.m3u8", "a5.ts", "status=400&first=1" },
        { "f.m3u8", "f4.m4s", "cut=20000&first=1&norange=1" },
        { "f.m3u8", "f3.m4s", "status=400&first=1" },
    };

    for (i = 0; i < (int) (sizeof(cases) / sizeof(cases[0])); i++) {
        char  name[64];

        server_fault(NULL, NULL);
        read_plain(cases[i].list, NULL, &whole);
        ok(whole.rc == 0 && whole.n > 700, "%s: %d packets", cases[i].list,
           whole.n);

        server_fault(cases[i].word, cases[i].query);
        (void) snprintf(name, sizeof(name), "%s %s", cases[i].word,
                        cases[i].query);
        read_plain(cases[i].list, NULL, &got);
        same(name);
        ok(all_faults(&got) > 0, "counted");

        {
            char  path[128];

            (void) snprintf(path, sizeof(path), "%s/.requests", server_dir);
            (void) unlink(path);
        }
    }

    server_fault(NULL, NULL);
}


static void
test_refused(void)
{
    int  i;

    static const struct {
        const char  *name;
        const char  *calls;
        const char  *more;
        int          rc;
        int          code;
        unsigned     faults;
        unsigned     resolves;
    } list[] = {
        { "gated once",
          "[[\"@a.mp4?gate=200000&c=1\"],[\"@a.mp4?c=2\"]]", "",
          0, DS_ESOURCE_GATED, 1, 2 },
        { "gated on fresh URLs", "[[\"@a.mp4?gate=200000&c=3\"]]", "",
          DS_ESOURCE_GATED, DS_ESOURCE_GATED, 2, 2 },
        { "gated, in ranges",
          "[[\"@a.mp4?gate=200000&c=4\"],[\"@a.mp4?c=5\"]]",
          "\"chunk\": 100000,", 0, DS_ESOURCE_GATED, 1, 2 },
        { "about to expire", "[[\"@a.mp4?c=6\"],[\"@a.mp4?c=7\"]]",
          "\"chunk\": 100000, \"expires_in\": 30,",
          0, DS_ESOURCE_EXPIRED, 0, 2 },
        { "expired", "[[\"@a.mp4?status=403&c=8\"],[\"@a.mp4?c=9\"]]",
          "\"expires_in\": 30,", 0, DS_ESOURCE_EXPIRED, 1, 2 },
        { "expired, and no better", "[[\"@a.mp4?status=403&c=10\"]]",
          "\"expires_in\": 30,",
          DS_ESOURCE_EXPIRED, DS_ESOURCE_EXPIRED, 2, 2 },
        { "gone", "[[\"@a.mp4?drop=200000&status=410&skip=1&c=11\"],"
          "[\"@a.mp4?c=12\"]]", "", 0, DS_ESOURCE_GATED, 1, 2 },
        { "too early", "[[\"@a.mp4?status=403&first=2&c=13\"]]", "",
          0, DS_ESOURCE_TOO_EARLY, 2, 1 },
        { "never available", "[[\"@a.mp4?status=403&c=14\"]]", "",
          DS_ESOURCE_FORBIDDEN, DS_ESOURCE_TOO_EARLY, 4, 2 },
        { "of another family", "[[\"@a.mp4?status=403&ip=2001:db8::1\"]]", "",
          DS_ESOURCE_ADDRESS, DS_ESOURCE_ADDRESS, 2, 1 },
        { "behind a NAT", "[[\"@a.mp4?status=403&ip=198.51.100.1\"]]", "",
          DS_ESOURCE_FORBIDDEN, DS_ESOURCE_ADDRESS, 0, 2 },
    };

    read_plain("a.mp4", NULL, &whole);

    for (i = 0; i < (int) (sizeof(list) / sizeof(list[0])); i++) {
        read_resolved(list[i].calls, list[i].more, &got);

        if (list[i].rc == 0) {
            same(list[i].name);
        } else {
            is_int(got.rc, list[i].rc, "%s: %s: %s", list[i].name,
                   ds_error_code(got.rc), got.err.message);
        }

        is_int(faults(&got, list[i].code), list[i].faults, "counted");
        is_int(atomic_load(&got.counters.resolves), list[i].resolves,
               "calls of the resolver");
    }

    read_plain("v.mp4", "a.m4a", &whole);
    read_resolved("[[\"@v.mp4?c=1\",\"@a.m4a?c=1\"],"
                  "[\"@v.mp4?c=2\",\"@a.m4a?c=2\"]]",
                  "\"chunk\": 50000, \"expires_in\": 30,", &got);
    same("two URLs about to expire");
    is_int(atomic_load(&got.counters.resolves), 2, "one call serves both");

    read_plain("a.mp4?gate=200000", NULL, &got);
    is_int(got.rc, DS_ESOURCE_GATED, "a plain file has no other URL: %s",
           got.err.message);
    read_plain("a.mp4?status=403", NULL, &got);
    is_int(got.rc, DS_ESOURCE_FORBIDDEN, "nor is it waited for");
}


/* the item is another file than before */

static void
test_changed(void)
{
    read_resolved("[[\"@a.mp4?gate=200000&c=20\"],[\"@frag.mp4?c=21\"]]", "",
                  &got);
    is_int(got.rc, 0, "another file: %s", got.err.message);
    is_int(got.disorder, 0, "in order");
    is_int(got.headers, 0, "the same headers");

    read_resolved("[[\"@a.mp4?gate=200000&c=22\"],[\"@small.mp4?c=23\"]]", "",
                  &got);
    is_int(got.rc, 0, "another size: %s", got.err.message);
    is_int(got.disorder, 0, "in order");
    ok(got.headers > 1, "its header is told, %d times", got.headers);
    is_int(got.bare, 0, "with every key frame");

    read_resolved("[[\"@a.mp4?gate=200000&c=24\"],[\"@vp8.mkv?c=25\"]]", "",
                  &got);
    is_int(got.rc, DS_ESOURCE_INVALID, "another codec: %s", got.err.message);
    ok(got.n > 100, "after what was read");
}


/* a list that grows by a segment each 300 ms, of which four are named */

static void *
broadcaster(void *data)
{
    int   i, k;
    FILE *f;
    char  path[128], temp[136];

    (void) snprintf(path, sizeof(path), "%s/live.m3u8", server_dir);
    (void) snprintf(temp, sizeof(temp), "%s.new", path);

    for (i = 0; i <= 6; i++) {
        f = fopen(temp, "w");
        (void) fprintf(f, "#EXTM3U\n#EXT-X-VERSION:3\n"
                       "#EXT-X-TARGETDURATION:1\n"
                       "#EXT-X-MEDIA-SEQUENCE:%d\n", i > 3 ? i - 3 : 0);

        for (k = i > 3 ? i - 3 : 0; k <= i && k < 6; k++) {
            (void) fprintf(f, "#EXTINF:1.0,\na%d.ts\n", k);
        }

        if (i == 6) {
            (void) fprintf(f, "#EXT-X-ENDLIST\n");
        }

        (void) fclose(f);
        (void) rename(temp, path);

        if (i == 2) {
            (void) pthread_barrier_wait(data);
        }

        if (i >= 2) {
            (void) usleep(500000);
        }
    }

    return NULL;
}


static void
broadcast(const char *word, const char *query)
{
    pthread_t          thread;
    pthread_barrier_t  barrier;

    server_fault(word, query);

    (void) pthread_barrier_init(&barrier, NULL, 2);
    (void) pthread_create(&thread, NULL, broadcaster, &barrier);
    (void) pthread_barrier_wait(&barrier);

    read_resolved("[[\"@live.m3u8\"]]", "\"live_status\": \"is_live\","
                  "\"protocol\": \"m3u8_native\",", &got);

    (void) pthread_join(thread, NULL);
    (void) pthread_barrier_destroy(&barrier);
    server_fault(NULL, NULL);
}


static void
test_live(void)
{
    int      i;
    int64_t  most, last;

    broadcast(NULL, NULL);
    is_int(got.rc, 0, "a broadcast: %s", got.err.message);
    ok(got.n > 700 && got.disorder == 0, "%d packets", got.n);

    broadcast("a4.ts", "status=404");
    is_int(got.rc, 0, "without a segment: %s", got.err.message);
    ok(got.n > 500 && got.disorder == 0, "%d packets", got.n);

    broadcast("live.m3u8", "status=400&skip=1&first=1");
    is_int(got.rc, 0, "opened again: %s", got.err.message);
    ok(got.n > 500 && got.n <= 818 && got.disorder == 0,
       "%d packets, none twice", got.n);
    ok(all_faults(&got) > 0, "counted");

    most = 0;
    last = got.packets[0].dts;

    for (i = 0; i < got.n; i++) {
        if (got.packets[i].dts - last > most) {
            most = got.packets[i].dts - last;
        }

        last = got.packets[i].dts;
    }

    ok(most < 200000, "goes on where it was: %lld us", (long long) most);
}


static void *
turn_thread(void *data)
{
    ds_error_t  err;

    if (ds_resolver_enter(ds, WATCH "turn", &cancel, &err) == DS_OK) {
        *(int64_t *) data = ds_monotonic();
        ds_resolver_leave(ds, WATCH "turn", DS_OK);
    }

    return NULL;
}


/* who waits for a place when its host is held waits for that, too */

static void
test_turns(void)
{
    int64_t      held, turn;
    pthread_t    tid;
    ds_gate_t   *places;
    ds_hold_t   *hold;
    ds_error_t   err;

    places = ds->resolvers;
    hold = ds->resolver_hold;
    ds->resolvers = ds_gate_create(1);
    ds->resolver_hold = ds_hold_create(500, 500);
    turn = 0;

    is_int(ds_resolver_enter(ds, WATCH "first", &cancel, &err), 0,
           "the one place");
    (void) pthread_create(&tid, NULL, turn_thread, &turn);
    (void) usleep(100000);

    held = ds_monotonic();
    ds_resolver_leave(ds, WATCH "first", DS_ERESOLVER_RATE_LIMITED);
    (void) pthread_join(tid, NULL);

    ok(turn - held >= 490, "the next one asks nothing for a while: %lld ms",
       (long long) (turn - held));

    ds_gate_free(&ds->resolvers);
    ds_hold_free(&ds->resolver_hold);
    ds->resolvers = places;
    ds->resolver_hold = hold;
}


/* what is renewed in good time is not waited for */

static void
test_ahead(void)
{
    int             i;
    char            file[256], url[96];
    FILE           *f;
    int64_t         began, took;
    ds_entry_t      e;
    ds_link_t       l;
    ds_error_t      err;
    ds_http_req_t   req;
    ds_link_conf_t  conf;

    (void) snprintf(file, sizeof(file), "%s/ahead00000001.json", server_dir);
    f = fopen(file, "w");
    (void) fprintf(f, "{\"entries\": [{\"id\": \"ahead00000001\", "
                   "\"latency\": 0.8, \"expires_in\": 100, \"calls\": "
                   "[[\"http://127.0.0.1:%d/a.mp4?n=1\"], "
                   "[\"http://127.0.0.1:%d/a.mp4?n=2\"]]}]}",
                   server_port, server_port);
    (void) fclose(f);

    memset(&e, 0, sizeof(e));
    memset(&l, 0, sizeof(l));
    memset(&conf, 0, sizeof(conf));

    (void) snprintf(url, sizeof(url), WATCH "ahead00000001");
    e.url = url;
    e.duration = -1;
    conf.ds = ds;
    conf.stream = "ahead";
    conf.entry = &e;
    conf.cancel = &cancel;
    l.conf = &conf;

    is_int(ds_link_open(&l, &err), 0, "ahead: resolved: %s", err.message);

    memset(&req, 0, sizeof(req));
    req.resolved_at = l.media.urls[0].resolved_at;
    took = 0;

    for (i = 0; i < 200; i++) {
        ds_error_clear(&err);
        req.url = NULL;
        began = ds_monotonic();

        if (ds_link_renew(&l, 0, 1000, &req, &err) != 0) {
            break;
        }

        took += ds_monotonic() - began;

        if (req.url != NULL) {
            break;
        }

        (void) usleep(20000);
    }

    ok(i > 10 && req.url != NULL && strstr(req.url, "n=2") != NULL,
       "ahead: there are new URLs after %d looks", i);
    ok(took < 400, "ahead: which nobody waited for: %d ms", (int) took);

    /* a refusal waits, for what is on its way already */

    l.renewed = 0;
    ds_error_clear(&err);
    req.resolved_at = l.media.urls[0].resolved_at;
    is_int(ds_link_renew(&l, 0, 1000, &req, &err), 0, "ahead: begun again");
    ok(req.url == NULL && l.job.started, "ahead: beside the reading");
    (void) ds_fail(&err, DS_ESOURCE_EXPIRED, "expired");
    is_int(ds_link_renew(&l, 0, 1000, &req, &err), 0, "ahead: waited for");
    ok(req.url != NULL && !l.job.started, "ahead: and taken");

    /* what is on its way when the item ends is not waited for */

    l.renewed = 0;
    ds_error_clear(&err);
    req.resolved_at = l.media.urls[0].resolved_at;
    (void) ds_link_renew(&l, 0, 1000, &req, &err);
    began = ds_monotonic();
    ds_link_close(&l);
    ok(ds_monotonic() - began < 600, "ahead: closed at once");
}


static void
test_hold(void)
{
    int64_t     began;
    ds_hold_t  *hold;

    hold = ds_hold_create(100, 300);

    is_int(ds_hold_left(hold, "a"), 0, "a host is free");
    is_int(ds_hold_add(hold, "a", 0), 100, "held for the least time");
    is_int(ds_hold_add(hold, "a", 0), 0, "once");
    ok(ds_hold_left(hold, "a") > 50, "left alone");
    is_int(ds_hold_left(hold, "b"), 0, "another one is not");

    began = ds_monotonic();
    ok(!ds_hold_wait(hold, "a", &cancel), "waited for");
    ok(ds_monotonic() - began >= 90, "as long as it takes");

    is_int(ds_hold_add(hold, "a", 0), 200, "then twice as long");
    (void) ds_hold_wait(hold, "a", &cancel);
    is_int(ds_hold_add(hold, "a", 100000), 300, "never longer than that");
    ds_hold_clear(hold, "a");
    ok(ds_hold_left(hold, "a") > 0, "an old answer frees no host");
    (void) ds_hold_wait(hold, "a", &cancel);
    ds_hold_clear(hold, "a");
    is_int(ds_hold_add(hold, "a", 0), 100, "a new one does");

    ds_hold_free(&hold);
    ok(hold == NULL, "freed");
}


static void
test_refusal(void)
{
    int  i;

    static const struct {
        const char  *url;
        int64_t      resolved, available, expires;
        bool         served;
        const char  *local;
        int          code;
    } list[] = {
        { "http://h/", 0, 0, 0, false, "", DS_ESOURCE_FORBIDDEN },
        { "http://h/", 0, 0, 0, true, "", DS_ESOURCE_GATED },
        { "http://h/", -5, 0, 0, false, "", DS_ESOURCE_TOO_EARLY },
        { "http://h/", -15, 0, 0, false, "", DS_ESOURCE_FORBIDDEN },
        { "http://h/", -15, -2, 0, false, "", DS_ESOURCE_TOO_EARLY },
        { "http://h/", -15, 5, 0, false, "", DS_ESOURCE_TOO_EARLY },
        { "http://h/", -99, 0, 30, true, "", DS_ESOURCE_EXPIRED },
        { "http://h/", -99, 0, 300, true, "", DS_ESOURCE_GATED },
        { "http://h/?ip=192.0.2.1", 0, 0, 0, false, "10.0.0.1",
          DS_ESOURCE_FORBIDDEN },
        { "http://h/?ip=192.0.2.1", 0, 0, 0, false, "172.31.0.1",
          DS_ESOURCE_FORBIDDEN },
        { "http://h/?ip=192.0.2.1", 0, 0, 0, false, "100.127.0.1",
          DS_ESOURCE_FORBIDDEN },
        { "http://h/?ip=192.0.2.1", 0, 0, 0, false, "192.0.2.1",
          DS_ESOURCE_FORBIDDEN },
        { "http://h/?ip=192.0.2.1", 0, 0, 0, false, "192.0.2.2",
          DS_ESOURCE_ADDRESS },
        { "http://h/?a=1&ip=2001%3Adb8%3A%3a1&b=2", 0, 0, 0, false,
          "2001:db8::1", DS_ESOURCE_FORBIDDEN },
        { "http://h/?ip=2001:db8::1", 0, 0, 0, false, "2001:db8::2",
          DS_ESOURCE_ADDRESS },
        { "http://h/?ip=2001:db8::1", 0, 0, 0, false, "fd00::2",
          DS_ESOURCE_FORBIDDEN },
        { "http://h/ip/192.0.2.1/x", 0, 0, 0, false, "2001:db8::2",
          DS_ESOURCE_ADDRESS },
        { "http://h/?ip=nonsense", 0, 0, 0, false, "192.0.2.2",
          DS_ESOURCE_FORBIDDEN },
    };

    for (i = 0; i < (int) (sizeof(list) / sizeof(list[0])); i++) {
        ds_refusal_t  r;

        r.url = list[i].url;
        r.now = 1000000000;
        r.resolved_at = list[i].resolved == 0
                        ? 0 : r.now + list[i].resolved * 1000;
        r.available_at = list[i].available == 0
                         ? 0 : r.now + list[i].available * 1000;
        r.expires_at = list[i].expires == 0
                       ? 0 : r.now + list[i].expires * 1000;
        r.served = list[i].served;
        r.local = list[i].local;

        is_int(ds_refusal(&r), list[i].code, "refusal %d: %s", i,
               ds_error_code(list[i].code));
    }
}


static void
quiet(void *data)
{
    (void) data;
}


int
main(void)
{
    int           fds;
    ds_conf_t     conf;
    ds_error_t    err;
    ds_record_t   record;
    const char   *stub[4];

    if (!server_start() || ds_cancel_init(&cancel) != DS_OK) {
        (void) printf("Bail out! no media-server\n");
        return 1;
    }

    make_media();

    stub[0] = getenv("DS_STUB") != NULL ? getenv("DS_STUB")
                                        : "t/tools/yt-dlp-stub";
    stub[1] = "--stub-dir";
    stub[2] = server_dir;
    stub[3] = NULL;

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = stub;
    conf.resolve_extractors = "youtube";
    conf.resolve_timeout = 20000;
    conf.source_timeout = 800;
    conf.wakeup = quiet;

    ds = ds_create(&conf, &err);

    if (!ok(ds != NULL, "engine")) {
        return done_testing();
    }

    read_plain("a.mp4", NULL, &whole);
    fds = count_entries("/proc/self/fd");

    test_refusal();
    test_hold();
    test_turns();
    test_ahead();
    test_byte();
    test_time();
    test_list();
    test_refused();
    test_changed();
    test_live();

    while (ds_poll(ds, &record)) {
        if (strstr(record.text, "?") != NULL) {
            ok(false, "a record shows a query: %s", record.text);
        }
    }

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");

    ds_destroy(&ds);
    ds_cancel_free(&cancel);
    server_end();

    return done_testing();
}
