
/*
 * ds_fetch: an item is fetched whole, by ds_http or by the resolver, goes on
 * where it stopped, and never counts as whole before it is.
 */

#define _GNU_SOURCE

#include <sys/stat.h>

#include "source/ds_fetch.h"
#include "media/ds_input.h"
#include "server.h"
#include "tap.h"


static char                 path[64];
static char                 stub_dir[64];
static ds_conf_t            conf;
static ds_cancel_t          cancel;
static ds_cache_t          *cache;
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
    ds_fetch_conf_t  fc;

    memset(&e, 0, sizeof(e));
    e.url = (char *) url;
    e.audio_url = (char *) audio;
    e.plain = plain;
    e.duration = -1;

    memset(&k, 0, sizeof(k));
    (void) ds_cache_key(k.key, "it", "download");
    k.duration = -1;

    ds_error_clear(&err);
    memset(&progress, 0, sizeof(progress));

    keep = ds_cache_begin(cache, &k, &err);
    if (keep == NULL) {
        return err.code;
    }

    fc.conf = &conf;
    fc.entry = &e;
    fc.keep = keep;
    fc.cancel = &cancel;
    fc.progress = &progress;

    rc = ds_fetch(&fc, &err);

    if (rc == DS_OK) {
        return ds_keep_commit(&keep, &cancel, &err);
    }

    ds_keep_abort(&keep, ds_fetch_resumable(rc));

    return rc;
}


/* what is kept is "a", and "b" */

static bool
is_kept(const char *a, const char *b)
{
    char          command[512], key[DS_KEY_LEN + 1];
    bool          same;
    ds_kept_t     k;

    (void) ds_cache_key(key, "it", "download");

    if (ds_cache_get(cache, key, &cancel, &k, &err) != DS_OK) {
        return false;
    }

    (void) snprintf(command, sizeof(command),
                    "cd %s && cmp -s %s %s/%s.0 && "
                    "{ test -z '%s' || cmp -s '%s' %s/%s.1; }", server_dir, a,
                    path, key, b, b, path, key);
    same = system(command) == 0 && k.files == (*b == '\0' ? 1 : 2);

    ds_cache_release(cache, key);
    ds_cache_forget(cache, key);

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


static void
test_plain(void)
{
    int         connections;
    canceler_t  c;

    is_int(fetch(server_url("v.mp4"), NULL, true), 0, "a file: %s",
           err.message);
    ok(atomic_load(&progress.bytes) == atomic_load(&progress.total)
       && progress.bytes > 100000, "its progress");
    ok(is_kept("v.mp4", ""), "it is that file");

    is_int(fetch(server_url("v.video.mp4"), server_url("v.audio.m4a"), true),
           0, "two files");
    ok(is_kept("v.video.mp4", "v.audio.m4a"), "they are these");

    is_int(fetch(server_url("v.mp4?maxrange=0&cut=150000"), NULL, true) < 0,
           1, "a source that ends early: %s", err.message);

    canceler_start(&c, &cancel);
    is_int(fetch(server_url("v.mp4?drip=400000"), NULL, true), DS_ECANCELED,
           "a canceled one");
    ok(canceler_end(&c) < 1000, "ends at once");
    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);
    ok(left() > 0, "what came of it is left: %lld bytes", left());

    is_int(fetch(server_url("v.mp4?go=on"), NULL, true), 0, "it goes on");
    ok(is_kept("v.mp4", ""), "to the same file");
    (void) server_requests("go=on", 1, &connections);
    run("grep -q 'go=on bytes=[1-9]' %s", server_log);

    canceler_start(&c, &cancel);
    (void) fetch(server_url("v.mp4?drip=400000"), NULL, true);
    (void) canceler_end(&c);
    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);
    is_int(fetch(server_url("other.mp4"), NULL, true), 0,
           "another file by that name");
    ok(is_kept("other.mp4", ""), "is fetched from its beginning");

    is_int(fetch(server_url("none.mp4"), NULL, true), DS_ESOURCE_NOT_FOUND,
           "no such file");
    is_int(left(), 0, "leaves nothing");

    conf.cache_max_size = 100000;
    is_int(fetch(server_url("v.mp4"), NULL, true), DS_ECACHE_FULL,
           "larger than the cache");
    is_int(left(), 0, "leaves nothing");
    conf.cache_max_size = 100000000;
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

    (void) ds_cache_key(key, "it", "download");
    is_int(ds_cache_get(cache, key, &cancel, &k, &err), 0, "are one file");

    memset(&m, 0, sizeof(m));
    m.nurls = 1;
    m.duration = -1;
    m.urls[0].local = true;
    m.urls[0].url = ds_cache_path(cache, key, 0);

    in = ds_input_open(&conf, &m, &cancel, &err);
    ok(in != NULL && llabs(ds_input_duration(in) - 4000) < 200,
       "that can be read, of %d ms",
       in == NULL ? -1 : (int) ds_input_duration(in));
    ds_input_close(&in);

    free(m.urls[0].url);
    ds_cache_release(cache, key);
    ds_cache_forget(cache, key);

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
    char        json[512];
    int64_t     t;
    canceler_t  c;

    static const char  url[] = "https://www.youtube.com/watch?v=one";

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\"]",
                    server_url("v.mp4"));
    stub(json);
    is_int(fetch(url, NULL, false), 0, "the resolver: %s", err.message);
    ok(is_kept("v.mp4", ""), "one file");

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\", \"%s\"], "
                    "\"duration\": 4", server_url("v.video.mp4"),
                    server_url("v.audio.m4a"));
    stub(json);
    is_int(fetch(url, NULL, false), 0, "video and audio: %s", err.message);
    ok(is_kept("v.video.mp4", "v.audio.m4a"), "two files");

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\"], \"download\": "
                    "{\"die\": 50000, \"rate\": 10000000, \"for\": 1}",
                    server_url("v.mp4"));
    stub(json);
    is_int(fetch(url, NULL, false), DS_ERESOLVER_FAILED, "it dies: %s",
           err.message);
    ok(left() >= 50000, "what it has written is left");
    is_int(fetch(url, NULL, false), 0, "another goes on");
    ok(is_kept("v.mp4", ""), "to the whole file");

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\"], \"download\": "
                    "{\"hang\": 50000, \"rate\": 10000000}",
                    server_url("v.mp4"));
    stub(json);
    t = ds_monotonic();
    is_int(fetch(url, NULL, false), DS_ERESOLVER_TIMEOUT, "it hangs: %s",
           err.message);
    ok(ds_monotonic() - t < 6000, "but not for ever: %d ms",
       (int) (ds_monotonic() - t));

    (void) snprintf(json, sizeof(json), "\"urls\": [\"%s\"], \"download\": "
                    "{\"rate\": 100000}", server_url("v.mp4"));
    stub(json);
    canceler_start(&c, &cancel);
    is_int(fetch(url, NULL, false), DS_ECANCELED, "canceled");
    ok(canceler_end(&c) < 1000, "at once");
    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);

    conf.cache_max_size = 100000;
    is_int(fetch(url, NULL, false), DS_ECACHE_FULL, "larger than the cache");
    conf.cache_max_size = 100000000;
    is_int(left(), 0, "leaves nothing");

    stub("\"fault\": {\"mode\": \"error\", \"error\": \"private\"}");
    is_int(fetch(url, NULL, false), DS_EITEM_PRIVATE, "a private item");
    is_int(left(), 0, "leaves nothing");
}


static void
test_real(void)
{
    static const char *const  command[] = { "/usr/bin/yt-dlp", NULL };

    if (access(command[0], X_OK) != 0) {
        ok(true, "no yt-dlp # SKIP");
        return;
    }

    conf.resolve_command = command;
    conf.resolve_extractors = "generic";

    is_int(fetch(server_url("v.mp4"), NULL, false), 0, "yt-dlp: %s",
           err.message);
    ok(is_kept("v.mp4", ""), "one file");
    ok(progress.bytes == progress.total && progress.bytes > 100000,
       "its progress");

    is_int(fetch(server_url("v.mpd"), NULL, false), 0, "yt-dlp, two: %s",
           err.message);
    ok(is_kept("v.video.mp4", "v.audio.m4a"), "two files");

    is_int(fetch(server_url("v.m3u8"), NULL, false), 0, "yt-dlp, segments: "
           "%s", err.message);
    ok(is_kept("all.ts", ""), "one file of them");
}


static void
make_media(void)
{
    run("cd %s && ffmpeg -v error -f lavfi -i testsrc=size=640x360:rate=25"
        ":duration=4 -f lavfi -i sine=frequency=440:duration=4 -c:v libx264 "
        "-b:v 500k -preset veryfast -pix_fmt yuv420p -g 25 -c:a aac -b:a 128k "
        "-movflags +faststart v.mp4 </dev/null && "
        "ffmpeg -v error -i v.mp4 -c copy -an v.video.mp4 </dev/null && "
        "ffmpeg -v error -i v.mp4 -c copy -vn v.audio.m4a </dev/null && "
        "ffmpeg -v error -i v.mp4 -c copy -f hls -hls_time 1 "
        "-hls_list_size 0 v.m3u8 </dev/null && cat v?.ts > all.ts && "
        "cat v.audio.m4a v.mp4 > other.mp4", server_dir);

    run("cat > %s/v.mpd <<'E'\n"
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" "
        "mediaPresentationDuration=\"PT4S\" minBufferTime=\"PT2S\" "
        "profiles=\"urn:mpeg:dash:profile:isoff-on-demand:2011\"><Period>"
        "<AdaptationSet mimeType=\"video/mp4\"><Representation id=\"137\" "
        "codecs=\"avc1.4d401e\" width=\"640\" height=\"360\" "
        "bandwidth=\"60000\"><BaseURL>%s</BaseURL></Representation>"
        "</AdaptationSet><AdaptationSet mimeType=\"audio/mp4\">"
        "<Representation id=\"140\" codecs=\"mp4a.40.2\" "
        "bandwidth=\"128000\"><BaseURL>%s</BaseURL></Representation>"
        "</AdaptationSet></Period></MPD>\nE\n", server_dir,
        server_url("v.video.mp4"), server_url("v.audio.m4a"));
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
    conf.resolve_timeout = 1500;
    conf.source_timeout = 1000;
    conf.cache_path = path;
    conf.store_path = store_path;
    conf.cache_max_size = 100000000;

    av_log_set_level(AV_LOG_QUIET);
    (void) ds_http_init(&err);
    (void) ds_store_migrate(store_path, -1, &err);
    cache = ds_cache_open(&conf, &err);

    make_media();
    test_plain();
    test_segments();
    test_stub();

    conf.resolve_timeout = 30000;
    test_real();

    ds_cache_close(&cache);
    ds_cancel_free(&cancel);
    server_end();

    return done_testing();
}
