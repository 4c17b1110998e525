
/*
 * The modes of a stream: what was sent is kept and sent again, what is fetched
 * is played, without the source; what cannot be kept plays all the same.
 */

#include <sys/syscall.h>

#include "stream.h"


static char  cache_path[96];
static char  store_path[96];


/* a disk that is stuck: what is written to the cache waits */

static atomic_bool  stuck;
static atomic_int   waits;


static void
disk(int fd)
{
    char     name[64], path[256];
    ssize_t  n;

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    n = readlink(name, path, sizeof(path) - 1);

    if (n <= 0 || !atomic_load(&stuck)) {
        return;
    }

    path[n] = '\0';

    if (strncmp(path, cache_path, strlen(cache_path)) == 0) {
        (void) atomic_fetch_add(&waits, 1);

        while (atomic_load(&stuck)) {
            usleep(1000);
        }
    }
}


ssize_t
pwrite(int fd, const void *buf, size_t n, off_t offset)
{
    disk(fd);

    return syscall(SYS_pwrite64, fd, buf, n, offset);
}


int
fsync(int fd)
{
    disk(fd);

    return (int) syscall(SYS_fsync, fd);
}


static ds_t *
modes_engine(uint64_t max)
{
    ds_t        *e;
    ds_conf_t    conf;
    ds_error_t   err;

    static const char *const  none[] = { "/nonexistent", NULL };

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = none;
    conf.resolve_extractors = "";
    conf.resolve_timeout = 1000;
    conf.source_timeout = 2000;
    conf.buffer_time = 10000;
    conf.buffer_size = 64 << 20;
    conf.cache_path = cache_path;
    conf.cache_max_size = max;
    conf.store_path = store_path;

    (void) ds_store_migrate(store_path, -1, &err);

    e = ds_create(&conf, &err);
    if (e == NULL) {
        (void) printf("# %s\n", err.message);
        abort();
    }

    return e;
}


static ds_stream_t *
modes_start_at(const char *list, ds_mode_e mode, bool loop,
    const ds_progress_t *resume)
{
    ds_def_t      def;
    ds_error_t    err;
    ds_stream_t  *s;

    static const ds_profile_t  profile = DS_PROFILE_DEFAULT;

    rtmp_await(&server);

    memset(&def, 0, sizeof(def));
    (void) strcpy(def.name, "test");
    (void) snprintf(def.playlist, sizeof(def.playlist), "%s",
                    server_url(list));
    def.mode = mode;
    (void) snprintf(def.publish, sizeof(def.publish), "%s", server.url);
    def.loop = loop;
    def.profile = profile;

    s = ds_stream_start(ds, &def, "0123", resume, NULL, 0, &err);
    if (s == NULL) {
        abort();
    }

    watch(s);

    return s;
}


static ds_stream_t *
modes_start(const char *list, ds_mode_e mode, bool loop)
{
    return modes_start_at(list, mode, loop, NULL);
}


/* the number that a command prints */

static long long
number(const char *fmt, ...)
{
    char        command[512];
    FILE       *f;
    va_list     args;
    long long   n;

    va_start(args, fmt);
    (void) vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);

    f = popen(command, "r");

    if (f == NULL || fscanf(f, "%lld", &n) != 1) {
        n = -1;
    }

    (void) pclose(f);

    return n;
}


static long long
kept(void)
{
    return number("ls %s | grep -c '\\.0$'", cache_path);
}


/* the disk is not waited for, so that may be a moment later */

static void
is_kept(long long n, const char *what)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    while (kept() != n && ds_monotonic() < end) {
        usleep(10000);
    }

    is_int(kept(), n, "%s", what);
}


static long long
requests(void)
{
    return number("grep -c 'GET /[a-z]*\\.mp4' %s", server_log);
}


static void
fresh(uint64_t max)
{
    ds_destroy(&ds);
    run("rm -rf %s %s*", cache_path, store_path);
    run(": > %s", server_log);
    ds = modes_engine(max);
}


static bool
is_keeping(const ds_status_t *st, int64_t arg)
{
    return st->keeping == (arg != 0) && st->has_item;
}


static bool
from_cache(const ds_status_t *st, int64_t arg)
{
    return st->has_item && st->item_from_cache == (arg != 0);
}


static bool
has_kept(const ds_status_t *st, int64_t arg)
{
    (void) st;

    return kept() >= arg;
}


static bool
is_warm(const ds_status_t *st, int64_t arg)
{
    return !st->prefetch.active && (int64_t) st->prefetch.done >= arg;
}


static bool
is_live_in(const ds_status_t *st, int64_t arg)
{
    return st->state == DS_LIVE && st->mode == (ds_mode_e) arg;
}


static void
test_direct(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    s = modes_start("two.json", DS_MODE_DIRECT, false);
    ok(await(s, in_state, DS_FINISHED, &st), "direct: finished");
    is_int(st.played, 2, "direct: all played");
    is_int(number("find %s -type f | wc -l", cache_path), 0,
           "direct: nothing is written");
    ok(st.counts.cache_hits == 0 && st.counts.cache_misses == 0,
       "direct: nor looked for");
    finish(&s);
}


static void
test_hybrid(void)
{
    long long     first;
    ds_aired_t    aired;
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    s = modes_start("three.json", DS_MODE_HYBRID, true);
    ok(await(s, on_item, 0, &st) && !st.item_from_cache,
       "hybrid: the first pass is not from the cache");
    ok(await(s, has_played, 3, &st), "hybrid: a pass");
    ok(await(s, has_kept, 3, &st), "hybrid: all is kept");
    first = requests();
    is_int(first, 3, "hybrid: each was read once");
    ok(await(s, from_cache, 1, &st), "hybrid: the second is from the cache");
    ok(await(s, has_played, 6, &st), "hybrid: the second pass");
    is_int(requests(), first, "hybrid: the source was not asked");
    is_int(st.failed, 0, "hybrid: nothing failed");
    ok(st.counts.cache_hits >= 3 && st.counts.cache_misses == 3,
       "hybrid: hits and misses");
    is_int(st.dead_air, 0, "hybrid: no dead air");

    for (first = 0; ds_stream_aired(s, &aired, UINT64_MAX); first++) {
        ok(aired.from_cache == (first >= 3)
           && llabs(aired.aired - 2000) < 100,
           "hybrid: item %lld: %lld ms%s, %s", first,
           (long long) aired.aired, aired.from_cache ? ", kept" : "",
           aired.url);
    }

    finish(&s);
    is_int(atomic_load(&server.backward), 0, "hybrid: no backward stamp");
    ok(atomic_load(&server.max_step[0]) <= 41, "hybrid: video steps: %d ms",
       (int) atomic_load(&server.max_step[0]));
    ok(atomic_load(&server.max_step[1]) <= 25, "hybrid: audio steps: %d ms",
       (int) atomic_load(&server.max_step[1]));
    ok(atomic_load(&server.max_gap) < 200, "hybrid: no gap: %d ms",
       (int) atomic_load(&server.max_gap));

    /* with the source gone, by another run of the engine */

    ds_destroy(&ds);
    run("mkdir -p %s/away && mv %s/*.mp4 %s/away", server_dir, server_dir,
        server_dir);
    ds = modes_engine(100000000);
    s = modes_start("three.json", DS_MODE_HYBRID, false);
    ok(await(s, in_state, DS_FINISHED, &st), "hybrid: without the source");
    is_int(st.played, 3, "hybrid: all played");
    finish(&s);
    run("mv %s/away/*.mp4 %s", server_dir, server_dir);
}


/* the air goes on without a disk that does not, and so does the end */

static void
test_stuck(void)
{
    int64_t       began;
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    atomic_store(&stuck, true);
    s = modes_start("three.json", DS_MODE_HYBRID, true);
    ok(await(s, has_played, 7, &st), "stuck: two passes and more");
    ok(atomic_load(&waits) >= 3, "stuck: the disk was asked");
    ok(st.dead_air < 500, "stuck: it is not waited for: %d ms",
       (int) st.dead_air);
    is_int(st.failed, 0, "stuck: nothing failed");
    is_int(kept(), 0, "stuck: nothing is kept");

    began = ds_monotonic();
    finish(&s);
    ok(ds_monotonic() - began < 2000, "stuck: the stream ends");

    atomic_store(&stuck, false);
    is_kept(3, "stuck: what was whole is kept then");
}


/* what is kept is gone on with in its middle */

static void
test_resume(void)
{
    ds_status_t    st;
    ds_stream_t   *s;
    ds_progress_t  resume;

    fresh(100000000);
    s = modes_start("d.json", DS_MODE_HYBRID, false);
    ok(await(s, has_kept, 1, &st), "resume: an item is kept");
    finish(&s);

    memset(&resume, 0, sizeof(resume));
    resume.valid = true;
    resume.position = 4000;

    s = modes_start_at("d.json", DS_MODE_HYBRID, true, &resume);
    ok(await(s, from_cache, 1, &st), "resume: from the cache");
    ok(st.position >= 3000 && st.position < 5000, "resume: at %d ms",
       (int) st.position);
    finish(&s);
    is_int(requests(), 1, "resume: without the source");
}


/* what is skipped, or breaks, is not kept */

static void
test_partly(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    s = modes_start("long.json", DS_MODE_HYBRID, false);
    ok(await(s, on_item, 0, &st), "partly: on air");
    ok(await(s, is_keeping, 1, &st), "partly: it is being kept");
    ds_stream_skip(s);
    ok(await(s, in_state, DS_FINISHED, &st), "partly: finished");
    is_int(st.skipped, 1, "partly: one is skipped");
    finish(&s);
    is_kept(1, "partly: the other is kept");

    fresh(100000000);
    s = modes_start("cut.json", DS_MODE_HYBRID, false);
    ok(await(s, in_state, DS_FINISHED, &st), "partly: a broken one");
    finish(&s);
    is_int(kept(), 1, "partly: what is broken is not kept");

    fresh(20000);
    s = modes_start("two.json", DS_MODE_HYBRID, false);
    ok(await(s, in_state, DS_FINISHED, &st), "partly: a cache too small");
    is_int(st.played, 2, "partly: all played");
    is_int(st.dead_air, 0, "partly: no dead air");
    finish(&s);
    ok(number("find %s -type f -printf '%%s\\n' | awk '{n += $1} END "
              "{print n + 0}'", cache_path) <= 20000, "partly: the bound");
}


static void
test_download(void)
{
    int64_t       began;
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    s = modes_start("three.json", DS_MODE_DOWNLOAD, false);
    ok(await(s, in_state, DS_LIVE, &st), "download: live");
    ok(st.item_from_cache, "download: from the cache");
    ok(await(s, has_kept, 3, &st) && st.played == 0,
       "download: the next two while the first is on air");
    ok(await(s, in_state, DS_FINISHED, &st), "download: finished");
    is_int(st.played, 3, "download: all played");
    is_int(st.dead_air, 0, "download: no dead air");
    is_int(requests(), 3, "download: each was read once");
    finish(&s);
    is_int(atomic_load(&server.backward), 0, "download: no backward stamp");

    began = ds_monotonic();
    server_fault("a.mp4", "latency=5000");
    s = modes_start("slow.json", DS_MODE_DOWNLOAD, false);
    ok(await(s, in_state, DS_LIVE, &st), "download: the second start");
    ok(ds_monotonic() - began < 1500, "download: is immediate: %d ms",
       (int) (ds_monotonic() - began));
    finish(&s);
    server_fault(NULL, NULL);

    fresh(100000000);
    s = modes_start("hls.json", DS_MODE_DOWNLOAD, false);
    ok(await(s, in_state, DS_FINISHED, &st), "download: segments");
    is_int(st.played, 2, "download: played");
    is_int(st.dead_air, 0, "download: without a gap");
    is_int(kept(), 2, "download: kept");
    finish(&s);

    fresh(20000);
    s = modes_start("two.json", DS_MODE_DOWNLOAD, false);
    ok(await(s, in_state, DS_FINISHED, &st), "download: a cache too small");
    is_int(st.played, 2, "download: all played, direct");
    finish(&s);

    /* a directory that cannot be written to: a file is in its place */

    fresh(100000000);
    ds_destroy(&ds);
    run("rm -rf %s && touch %s", cache_path, cache_path);
    ds = modes_engine(100000000);
    s = modes_start("two.json", DS_MODE_DOWNLOAD, false);
    ok(await(s, in_state, DS_FINISHED, &st), "download: without a cache");
    is_int(st.played, 2, "download: all played");
    finish(&s);
    run("rm %s", cache_path);
}


static void
test_prefetch(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    fresh(100000000);
    s = modes_start("many.json", DS_MODE_HYBRID, true);
    ok(await(s, in_state, DS_LIVE, &st), "prefetch: live");
    ds_stream_prefetch(s, true);
    ok(await(s, is_warm, 4, &st), "prefetch: it ends: %u of %u",
       (unsigned) st.prefetch.done, (unsigned) st.prefetch.total);
    is_int(st.prefetch.failed, 0, "prefetch: none failed");
    ok(kept() >= 4, "prefetch: all is kept: %lld", kept());
    finish(&s);

    fresh(150000);
    s = modes_start("many.json", DS_MODE_DIRECT, true);
    ok(await(s, in_state, DS_LIVE, &st), "prefetch: live");
    ds_stream_prefetch(s, true);
    ok(await(s, is_warm, 1, &st), "prefetch: up to the bound");
    ok(st.prefetch.failed == 1 && kept() >= 1 && kept() < 4,
       "prefetch: %lld are kept", kept());
    finish(&s);
}


/* through every pair of modes, at each change of items */

static void
test_changes(void)
{
    int           i;
    ds_status_t   st;
    ds_stream_t  *s;

    static const ds_mode_e  modes[] = {
        DS_MODE_HYBRID, DS_MODE_DIRECT, DS_MODE_DOWNLOAD, DS_MODE_DIRECT,
        DS_MODE_HYBRID, DS_MODE_DOWNLOAD, DS_MODE_HYBRID
    };

    fresh(100000000);
    s = modes_start("three.json", DS_MODE_DIRECT, true);

    for (i = 0; i < 7; i++) {
        ok(await(s, has_played, i + 1, &st), "changes: item %d", i);
        ds_stream_set_mode(s, modes[i]);
        ok(await(s, is_live_in, modes[i], &st), "changes: to %s",
           ds_mode_name(modes[i]));
    }

    ok(await(s, has_played, 9, &st), "changes: nine items");
    is_int(st.failed, 0, "changes: none failed");
    is_int(st.dead_air, 0, "changes: no dead air");
    finish(&s);

    is_int(atomic_load(&server.backward), 0, "changes: no backward stamp");
    ok(atomic_load(&server.max_gap) < 200, "changes: no gap: %d ms",
       (int) atomic_load(&server.max_gap));
}


int
main(void)
{
    unsigned  i;
    char      list[512];

    static const struct {
        const char  *name;
        const char  *json;
    } lists[] = {
        { "three.json", "[\"a.mp4\", \"b.mp4\", \"c.mp4\"]" },
        { "many.json", "[\"a.mp4\", \"b.mp4\", \"c.mp4\", \"d.mp4\"]" },
        { "two.json", "[\"a.mp4\", \"b.mp4\"]" },
        { "long.json", "[\"d.mp4?drip=60000\", \"a.mp4\"]" },
        { "cut.json", "[\"d.mp4?cut=90000\", \"a.mp4\"]" },
        { "d.json", "[\"d.mp4\"]" },
        { "slow.json", "[\"a.mp4?sig=5\"]" },
        { "hls.json", "[\"a.m3u8\", \"b.m3u8\"]" },
    };

    if (mkdtemp(dir) == NULL || !server_start()) {
        abort();
    }

    (void) snprintf(cache_path, sizeof(cache_path), "%s/cache", dir);
    (void) snprintf(store_path, sizeof(store_path), "%s/state.db", dir);

    make_clip("a.mp4", "320x180", 2, "-bf 0 -movflags +faststart");
    make_clip("b.mp4", "640x360", 2, "-bf 2 -movflags +faststart");
    make_clip("c.mp4", "320x180", 2, "-bf 3 -movflags +faststart");
    make_clip("d.mp4", "320x180", 6, "-bf 2 -movflags +faststart");
    run("cd %s && for i in a b; do ffmpeg -v error -i $i.mp4 -c copy -f hls "
        "-hls_time 1 -hls_list_size 0 $i.m3u8 </dev/null; done", dir);

    for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        (void) snprintf(list, sizeof(list), "%s", lists[i].json);
        make_list(lists[i].name, list);
    }

    run("mv %s/* %s", dir, server_dir);

    ds = modes_engine(100000000);
    rtmp_start(&server);

    test_direct();
    test_hybrid();
    test_stuck();
    test_resume();
    test_partly();
    test_download();
    test_prefetch();
    test_changes();

    ds_destroy(&ds);

    atomic_store(&server.quit, true);
    (void) pthread_join(server.thread, NULL);

    run("rm -rf %s", dir);
    server_end();

    return done_testing();
}
