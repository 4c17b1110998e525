
/*
 * ds_fetch: an item is fetched whole, goes on where it stopped, and never
 * counts as whole before it is.
 */

#define _GNU_SOURCE

#include <sys/stat.h>

#include "base/ds_engine.h"
#include "media/ds_input.h"
#include "source/ds_fetch.h"
#include "server.h"
#include "tap.h"


static char                 path[64];
static char                 stub_dir[64];
static ds_t                *ds;
static ds_conf_t            conf;
static ds_cancel_t          cancel;
static const char          *name = "it";
static ds_store_t          *store;
static atomic_bool          over;
static ds_fetch_progress_t  progress;
static ds_error_t           err;


static void
run(const char *fmt, ...)
{
    char     command[2048];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);

    if (system(command) != 0) {
        ok(false, "%s", command);
    }
}


/* one attempt; whatever is left of an earlier one is gone on with */

static int
fetch(const char *url, const char *audio, bool plain)
{
    int              rc;
    ds_kept_t        k;
    ds_keep_t       *keep;
    ds_entry_t       e;
    ds_link_conf_t   lc;

    memset(&e, 0, sizeof(e));
    e.url = (char *) url;
    e.audio_url = (char *) audio;
    e.plain = plain;
    e.duration = -1;

    memset(&k, 0, sizeof(k));
    (void) ds_cache_key(k.key, name, "download");
    k.duration = -1;
    k.files = 1;

    ds_error_clear(&err);
    memset(&progress, 0, sizeof(progress));

    keep = ds_cache_begin(ds->cache, &k, &err);
    if (keep == NULL) {
        return err.code;
    }

    memset(&lc, 0, sizeof(lc));
    lc.ds = ds;
    lc.stream = "test";
    lc.entry = &e;
    lc.cancel = &cancel;

    rc = ds_fetch(&lc, keep, &progress, &err);

    if (rc == DS_OK) {
        return ds_keep_commit(&keep, &cancel, &err);
    }

    ds_keep_abort(&keep, ds_fetch_resumable(rc));

    return rc;
}


/*
 * What is kept has the packets of "video", and of "audio" but for what is
 * there to be skipped (those of TS are framed in another way); it is copied
 * to "ref", or is the same as that.
 */

static bool
is_kept(const char *video, const char *audio, const char *ref)
{
    char          command[1024], key[DS_KEY_LEN + 1];
    bool          same;
    ds_kept_t     k;

    (void) ds_cache_key(key, name, "download");

    if (ds_cache_get(ds->cache, key, &cancel, &k, &err) != DS_OK) {
        return false;
    }

    (void) snprintf(command, sizeof(command),
                    "cd %s && f=%s/%s.0 && { test '%s' = v.ts || { "
                    "p() { ffprobe -v error -select_streams $2 "
                    "-show_entries packet=size -of csv=p=0 $1 "
                    "| tr -cs '0-9' ' '; } && "
                    "test \"$(p %s v)\" = \"$(p $f v)\" && "
                    "a=$(p %s a) && b=$(p $f a) && "
                    "test $((${#a} - ${#b})) -lt 12 && "
                    "case $a in *\"$b\"*) ;; *) false ;; esac; }; } && "
                    "if test -f '%s'; then cmp $f %s; else cp $f '%s'; fi",
                    server_dir, path, key, video, video, audio, ref, ref,
                    ref);
    same = system(command) == 0 && k.files == 1
           && (k.duration == -1 || llabs(k.duration - 8000) < 500);

    ds_cache_release(ds->cache, key);
    ds_cache_forget(ds->cache, key);

    return same;
}


static long long
left(void)
{
    FILE       *f;
    char        command[256];
    long long   n;

    (void) snprintf(command, sizeof(command), "find %s -type f -not -name "
                    "lock -printf '%%s\\n' | awk '{n += $1} END "
                    "{print n + 0}'", path);
    f = popen(command, "r");

    if (f == NULL || fscanf(f, "%lld", &n) != 1) {
        n = -1;
    }

    (void) pclose(f);

    return n;
}


/* a fetch that is canceled once "bytes" have been written */

static void *
cancel_thread(void *data)
{
    uint64_t  bytes = *(uint64_t *) data;

    while (atomic_load(&progress.bytes) < bytes && !atomic_load(&over)) {
        (void) usleep(1000);
    }

    ds_cancel_set(&cancel);

    return NULL;
}


static int
fetch_part(const char *url, uint64_t bytes)
{
    int        rc;
    pthread_t  thread;

    atomic_store(&over, false);
    atomic_store(&progress.bytes, 0);
    (void) pthread_create(&thread, NULL, cancel_thread, &bytes);
    rc = fetch(url, NULL, true);
    atomic_store(&over, true);
    (void) pthread_join(thread, NULL);

    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);

    return rc;
}


static void
test_plain(void)
{
    is_int(fetch(server_url("v.mp4"), NULL, true), 0, "a file: %s",
           err.message);
    ok(atomic_load(&progress.bytes) == atomic_load(&progress.total)
       && progress.bytes > 100000, "its progress");
    ok(is_kept("v.mp4", "v.mp4", "v.flv"), "it is that file");

    is_int(fetch(server_url("v.video.mp4"), server_url("v.audio.m4a"), true),
           0, "two files");
    ok(is_kept("v.video.mp4", "v.audio.m4a", "two.flv"), "they are these");

    is_int(fetch(server_url("none.mp4"), NULL, true), DS_ESOURCE_NOT_FOUND,
           "no such file");
    is_int(left(), 0, "leaves nothing");

    is_int(fetch(server_url("v.webm"), NULL, true), DS_ECODEC_VIDEO,
           "what cannot be copied");
    is_int(left(), 0, "leaves nothing");
}


static void
test_resume(void)
{
    int        i;
    long long  n;
    char       key[DS_KEY_LEN + 1];

    static const char *const  media[] = { "v.mp4", "v.ts", "v.mkv" };

    for (i = 0; i < 3; i++) {
        char  url[256], file[32], ref[32];

        (void) snprintf(ref, sizeof(ref), "%s.flv", media[i]);
        is_int(fetch(server_url(media[i]), NULL, true), 0, "%s: whole",
               media[i]);
        ok(is_kept(media[i], media[i], ref), "%s: it is kept", media[i]);

        (void) snprintf(file, sizeof(file), "%s?stall=1500000", media[i]);
        (void) snprintf(url, sizeof(url), "%s", server_url(file));
        is_int(fetch_part(url, 1000000), DS_ECANCELED, "%s: canceled",
               media[i]);
        n = left();
        ok(n > 900000, "%s: what came of it is left: %lld bytes", media[i], n);

        (void) snprintf(url, sizeof(url), "%s", server_url(media[i]));
        is_int(fetch(url, NULL, true), 0, "%s: it goes on: %s", media[i],
               err.message);
        ok(is_kept(media[i], media[i], ref), "%s: to the same file", media[i]);
    }

    (void) fetch_part(server_url("v.mp4?stall=1500000"), 1000000);

    is_int(fetch(server_url("other.mp4"), NULL, true), DS_ECACHE_MISSING,
           "another item by that name: %s", err.message);
    is_int(left(), 0, "leaves nothing");

    (void) fetch_part(server_url("v.mp4?stall=1500000"), 1000000);

    is_int(fetch(server_url("headers.mp4"), NULL, true), DS_ECACHE_MISSING,
           "one with other headers: %s", err.message);
    is_int(left(), 0, "leaves nothing");

    /* whatever a crash leaves of a file */

    (void) ds_cache_key(key, name, "download");

    for (i = 0; i < 8; i++) {
        (void) fetch_part(server_url("v.mp4?stall=1500000"), 1000000);
        run("truncate -s %d %s/%s.part/0", i * i * 20000, path, key);

        is_int(fetch(server_url("v.mp4"), NULL, true), 0,
               "torn at %d: %s", i * i * 20000, err.message);
        ok(is_kept("v.mp4", "v.mp4", "v.flv"), "to the same file");
    }
}


/* an outage costs what it hides, not what is there */

static void
test_outage(void)
{
    long long  n;

    (void) fetch_part(server_url("v.mp4?stall=1500000"), 1000000);
    n = left();

    is_int(fetch("http://127.0.0.1:1/v.mp4", NULL, true), DS_ESOURCE_REFUSED,
           "the server is down");
    ok(n > 900000 && left() == n, "all is left: %lld bytes", left());

    is_int(fetch(server_url("v.mp4"), NULL, true), 0, "it goes on");
    ok(is_kept("v.mp4", "v.mp4", "v.flv"), "to the same file");
}


/* one that is too large takes the place of no other one */

static void
test_large(void)
{
    uint32_t  n;
    uint64_t  size;

    is_int(fetch(server_url("v.mp4"), NULL, true), 0, "one is kept");

    ds->conf.cache_max_size = 10000000;
    name = "large";

    is_int(fetch(server_url("long.mp4"), NULL, true), DS_ECACHE_FULL,
           "one that is larger: %s", err.message);
    ok(atomic_load(&progress.bytes) < 5000000,
       "is given up early: %d bytes", (int) progress.bytes);

    ds->conf.cache_max_size = 100000000;
    name = "it";

    is_int(ds_store_count_kept(store, &n, &size, &err), 0, "the index");
    is_int(n, 1, "it removes nothing");
    ok(is_kept("v.mp4", "v.mp4", "v.flv"), "the other one is there");
    is_int(left(), 0, "and nothing else");
}


static void
test_segments(void)
{
    ds_kept_t    k;
    ds_media_t   m;
    ds_input_t  *in;
    char         key[DS_KEY_LEN + 1];

    is_int(fetch(server_url("v.m3u8"), NULL, true), 0, "segments: %s",
           err.message);

    (void) ds_cache_key(key, name, "download");
    is_int(ds_cache_get(ds->cache, key, &cancel, &k, &err), 0, "are one file");

    memset(&m, 0, sizeof(m));
    m.nurls = 1;
    m.duration = -1;
    m.urls[0].local = true;
    m.urls[0].url = ds_cache_path(ds->cache, key, 0);

    in = ds_input_open(&conf, &m, false, NULL, &cancel, &err);
    ok(in != NULL && llabs(ds_input_duration(in) - 8000) < 200,
       "that can be read, of %d ms",
       in == NULL ? -1 : (int) ds_input_duration(in));
    ds_input_close(&in);

    free(m.urls[0].url);
    ds_cache_release(ds->cache, key);
    ds_cache_forget(ds->cache, key);

    run("cd %s && grep -v ENDLIST v.m3u8 > live.m3u8", server_dir);
    is_int(fetch(server_url("live.m3u8"), NULL, true), DS_EITEM_LIVE,
           "a broadcast is not fetched");
    is_int(left(), 0, "leaves nothing");
}


static void
stub(const char *json)
{
    char   file[128];
    FILE  *f;

    (void) snprintf(file, sizeof(file), "%s/list.json", stub_dir);
    f = fopen(file, "w");
    (void) fprintf(f, "{\"entries\": [{\"id\": \"one\", %s}]}", json);
    (void) fclose(f);
    (void) snprintf(file, sizeof(file), "%s/calls.log", stub_dir);
    (void) unlink(file);
}


static void
test_stub(void)
{
    char  json[512];

    static const char  url[] = "https://www.youtube.com/watch?v=one";

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\"]",
                    server_url("v.mp4"));
    stub(json);
    is_int(fetch(url, NULL, false), 0, "the resolver: %s", err.message);
    ok(is_kept("v.mp4", "v.mp4", "v.flv"), "one URL");

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\", \"%s\"], "
                    "\"duration\": 8", server_url("v.video.mp4"),
                    server_url("v.audio.m4a"));
    stub(json);
    is_int(fetch(url, NULL, false), 0, "video and audio: %s", err.message);
    ok(is_kept("v.video.mp4", "v.audio.m4a", "two.flv"), "two URLs");

    stub("\"fault\": {\"mode\": \"error\", \"error\": \"private\"}");
    is_int(fetch(url, NULL, false), DS_EITEM_PRIVATE, "a private item");
    is_int(left(), 0, "leaves nothing");
}


static void
make_media(void)
{
    run("cd %s && m() { ffmpeg -v error -f lavfi -i $1:rate=25 "
        "-f lavfi -i sine=frequency=440 -t 8 -c:v libx264 -b:v 2M "
        "-preset veryfast -threads 1 -pix_fmt yuv420p -g 25 -c:a aac "
        "-b:a 128k -movflags +faststart $2 </dev/null; } && "
        "m testsrc2=size=640x360 v.mp4 && m mandelbrot=size=640x360 other.mp4 "
        "&& m testsrc2=size=320x180 headers.mp4 && "
        "c() { ffmpeg -v error \"$@\" </dev/null; } && "
        "c -i v.mp4 -c copy v.ts && c -i v.mp4 -c copy v.mkv && "
        "c -i v.mp4 -c copy -an v.video.mp4 && "
        "c -i v.mp4 -c copy -vn v.audio.m4a && "
        "c -i v.mp4 -c:v libvpx -deadline realtime -cpu-used 8 -an -t 2 "
        "v.webm && c -stream_loop 9 -i v.mp4 -c copy long.mp4 && "
        "c -i v.mp4 -c copy -f hls -hls_time 1 -hls_list_size 0 v.m3u8",
        server_dir);
}


int
main(void)
{
    char         store_path[64], tool[256];
    const char  *command[4], *tools;

    if (!server_start() || ds_cancel_init(&cancel) != 0) {
        return 1;
    }

    tools = getenv("DS_TOOLS");
    (void) snprintf(tool, sizeof(tool), "%s%s/yt-dlp-stub",
                    tools == NULL ? "./" : "",
                    tools == NULL ? "t/tools" : tools);
    (void) snprintf(path, sizeof(path), "%s/.cache", server_dir);
    (void) snprintf(stub_dir, sizeof(stub_dir), "%s/.stub", server_dir);
    (void) snprintf(store_path, sizeof(store_path), "%s/.state.db",
                    server_dir);
    run("mkdir %s", stub_dir);

    command[0] = tool;
    command[1] = "--stub-dir";
    command[2] = stub_dir;
    command[3] = NULL;

    conf.resolve_command = command;
    conf.resolve_extractors = "";
    conf.resolve_timeout = 5000;
    conf.source_timeout = 1000;
    conf.cache_path = path;
    conf.store_path = store_path;
    conf.cache_max_size = 100000000;

    av_log_set_level(AV_LOG_QUIET);
    (void) ds_store_migrate(store_path, -1, &err);
    store = ds_store_open(store_path, false, &err);
    ds = ds_create(&conf, &err);

    make_media();
    test_plain();
    test_resume();
    test_outage();
    test_large();
    test_segments();
    test_stub();

    ds_destroy(&ds);
    ds_store_close(&store);
    ds_cancel_free(&cancel);
    server_end();

    return done_testing();
}
