
/*
 * test_resolve.c: each way in which resolving can go wrong has its own code,
 * with yt-dlp-stub in yt-dlp's place.  Run from the top of the source tree.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/ds_http.h"
#include "resolve/ds_resolve.h"
#include "net/ds_http.h"
#include "resolve/ds_resolve.h"
#include "tap.h"


#define TEST_STUB  "t/tools/yt-dlp-stub"
#define TEST_WATCH  "https://www.youtube.com/watch?v="


typedef struct {
    uint64_t     n;
    uint64_t     enough;
    int64_t      first;             /* when the first entry came */
    ds_entry_t   e[8];
} test_list_t;


static void test_list(void);
static void test_list_codes(void);
static void test_list_long(void);
static void test_list_faults(void);
static void test_list_text(void);
static void test_item(void);
static void test_item_errors(void);
static void test_item_faults(void);
static void test_first(void);
static void test_argv(void);
static void test_own(void);
static void test_cancel(void);
static void test_command(const char *program, int want, const char *name);
static int test_run(test_list_t *l, const char *playlist);
static int test_get(const char *id, ds_media_t *m);
static void test_free(test_list_t *l);
static bool test_entry(void *data, ds_entry_t *e);
static void *test_cancel_thread(void *data);
static void test_write(const char *name, const char *text);
static void test_remove(void);
static int test_files(void);


static char         test_dir[] = "/tmp/test_resolve.XXXXXX";
static ds_cancel_t  test_token;
static ds_error_t   test_err;
static ds_conf_t    test_conf;

static const char  *test_stub[] = { TEST_STUB, "--stub-dir", test_dir, NULL };


/* gives way to the real one where that is linked in: the text of a file */

__attribute__((weak)) int
ds_http_get(const ds_conf_t *conf, const char *url, size_t max,
    ds_cancel_t *cancel, char **text, char **base, ds_error_t *err)
{
    FILE    *f;
    size_t   n;

    (void) conf;
    (void) cancel;

    f = fopen(url + 7, "r");
    if (f == NULL) {
        return ds_fail(err, DS_ESOURCE_NOT_FOUND, "no such file");
    }

    *text = malloc(max + 1);
    *base = strdup(url);

    if (*text == NULL || *base == NULL) {
        (void) fclose(f);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    n = fread(*text, 1, max, f);
    (*text)[n] = '\0';
    (void) fclose(f);

    return DS_OK;
}


int
main(void)
{
    int  files;

    if (mkdtemp(test_dir) == NULL || ds_cancel_init(&test_token) != DS_OK) {
        return 2;
    }

    test_conf.resolve_command = test_stub;
    test_conf.resolve_extractors = "youtube,youtube:tab";
    test_conf.resolve_timeout = 20000;
    test_conf.source_timeout = 1000;
    test_conf.media_root = test_dir;

    files = test_files();

    test_list();
    test_list_codes();
    test_list_long();
    test_list_faults();
    test_list_text();
    test_item();
    test_item_errors();
    test_item_faults();
    test_first();
    test_argv();
    test_own();
    test_cancel();

    errno = 0;
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no child left");
    is_int(test_files(), files, "no descriptor left");

    ds_cancel_free(&test_token);
    test_remove();

    return done_testing();
}


static bool
test_entry(void *data, ds_entry_t *e)
{
    test_list_t  *l = data;

    if (l->n == 0) {
        l->first = ds_monotonic();
    }

    if (l->n < 8) {
        l->e[l->n] = *e;

    } else {
        ds_entry_free(e);
    }

    l->n++;

    return l->n != l->enough;
}


static int
test_run(test_list_t *l, const char *playlist)
{
    uint64_t  enough;

    enough = l->enough;
    memset(l, 0, sizeof(test_list_t));
    l->enough = enough;

    return ds_resolve_list(&test_conf, playlist, &test_token, test_entry, l,
                           &test_err);
}


static void
test_free(test_list_t *l)
{
    size_t  i;

    for (i = 0; i < 8; i++) {
        ds_entry_free(&l->e[i]);
    }
}


static int
test_get(const char *id, ds_media_t *m)
{
    int         rc;
    char        url[256];
    ds_entry_t  e;

    (void) snprintf(url, sizeof(url), TEST_WATCH "%s", id);

    memset(&e, 0, sizeof(e));
    e.url = url;
    e.duration = -1;

    rc = ds_resolve_item(&test_conf, &e, &test_token, m, &test_err);

    if (rc != test_err.code) {
        ok(false, "the error's code is what is returned");
    }

    return rc;
}


static void
test_write(const char *name, const char *text)
{
    char   path[256];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", test_dir, name);

    f = fopen(path, "w");
    if (f != NULL) {
        (void) fputs(text, f);
        (void) fclose(f);
    }
}


static void
test_remove(void)
{
    DIR            *dir;
    char            path[600];
    struct dirent  *de;

    dir = opendir(test_dir);
    if (dir == NULL) {
        return;
    }

    while ((de = readdir(dir)) != NULL) {
        (void) snprintf(path, sizeof(path), "%s/%s", test_dir, de->d_name);
        (void) unlink(path);
    }

    (void) closedir(dir);
    (void) rmdir(test_dir);
}


static int
test_files(void)
{
    DIR  *dir;
    int   n;

    n = 0;
    dir = opendir("/proc/self/fd");

    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }

    (void) closedir(dir);

    return n;
}


static void
test_list(void)
{
    test_list_t  l;

    memset(&l, 0, sizeof(l));

    test_write("PLnormal00.json", "{\"entries\": [{\"id\": \"aaaaaaaaaa1\","
               "\"title\": \"One\", \"duration\": 12, \"urls\": ["
               "\"http://127.0.0.1:1/1.mp4\"]}, {\"id\": \"-aaaaaaaaa2\","
               "\"title\": \"Two\", \"duration\": 3.5}]}");

    is_int(test_run(&l, "https://www.youtube.com/playlist?list=PLnormal00"),
           DS_OK, "a playlist");
    is_int(l.n, 2, "two entries");
    is_str(l.e[0].id, "aaaaaaaaaa1", "id");
    is_str(l.e[0].title, "One", "title");
    is_str(l.e[0].url, TEST_WATCH "aaaaaaaaaa1", "url");
    is_int(l.e[0].duration, 12000, "duration");
    ok(!l.e[0].plain && l.e[0].code == DS_OK, "to be resolved");
    is_int(l.e[1].duration, 3500, "another duration");
    test_free(&l);

    is_int(test_run(&l, "PLnormal00"), DS_OK, "by its id alone");
    is_int(l.n, 2, "two entries");
    test_free(&l);

    l.enough = 1;
    is_int(test_run(&l, "PLnormal00"), DS_OK, "ended by the callback");
    is_int(l.n, 1, "after one");
    test_free(&l);
    l.enough = 0;

    is_int(test_run(&l, TEST_WATCH "abc"), DS_OK, "a video");
    is_int(l.n, 1, "is a list of one");
    ok(!l.e[0].plain && l.e[0].url != NULL, "to be resolved");
    test_free(&l);

    is_int(test_run(&l, "http://h/a.mp4?x=1"), DS_OK, "a media file");
    is_int(l.n, 1, "too");
    ok(l.e[0].plain, "without the resolver");
    is_str(l.e[0].title, "a.mp4", "under its name");
    test_free(&l);

    is_int(test_run(&l, "--exec=id"), DS_EPLAYLIST_INVALID,
           "an option is no playlist");
    is_int(test_run(&l, "http://h/#__youtubedl_smuggle=%7B%7D"),
           DS_EPLAYLIST_INVALID, "nor is a smuggled fragment");
}


static void
test_list_codes(void)
{
    size_t       i;
    test_list_t  l;

    static const int  want[] = {
        DS_EITEM_PRIVATE, DS_EITEM_UNAVAILABLE, DS_EITEM_UPCOMING,
        DS_OK, DS_EITEM_RESTRICTED, DS_EITEM_UNAVAILABLE, DS_OK,
        DS_ESOURCE_DENIED
    };

    memset(&l, 0, sizeof(l));

    test_write("PLmarks000.json", "{\"entries\": ["
               "{\"id\": \"1\", \"title\": \"[Private video]\"},"
               "{\"id\": \"2\", \"title\": \"[Deleted video]\"},"
               "{\"id\": \"3\", \"live_status\": \"is_upcoming\"},"
               "{\"id\": \"4\", \"live_status\": \"is_live\"},"
               "{\"id\": \"5\", \"availability\": \"subscriber_only\"},"
               "{\"id\": \"6\", \"channel\": null, \"view_count\": null},"
               "{\"id\": \"7\", \"duration\": 5},"
               "{\"id\": \"8\", \"url\": \"file:///etc/passwd\"}]}");

    is_int(test_run(&l, "PLmarks000"), DS_OK, "entries that will not play");
    is_int(l.n, 8, "are listed");

    for (i = 0; i < 8; i++) {
        is_int(l.e[i].code, want[i], "entry %zu: %s", i,
               l.e[i].reason != NULL ? l.e[i].reason : "no reason");
    }

    test_free(&l);

    test_write("PLprivate0.json", "{\"repeat\": {\"count\": 5, \"id\": "
               "\"p%d\", \"title\": \"[Private video]\"}}");
    is_int(test_run(&l, "PLprivate0"), DS_OK, "all private: a list");
    ok(l.n == 5 && l.e[4].code == DS_EITEM_PRIVATE, "of private entries");
    test_free(&l);
}


static void
test_list_long(void)
{
    int64_t      start;
    test_list_t  l;

    memset(&l, 0, sizeof(l));

    test_write("PLlong5000.json", "{\"latency\": 0.02, \"repeat\": {\"count\":"
               "5000, \"id\": \"Lab%08d\", \"title\": \"Video %d\","
               "\"duration\": 12, \"urls\": [\"http://127.0.0.1:1/v.mp4\","
               "\"http://127.0.0.1:1/a.m4a\"]}}");

    start = ds_monotonic();
    is_int(test_run(&l, "PLlong5000"), DS_OK, "a long playlist");
    is_int(l.n, 5000, "5,000 entries");
    is_str(l.e[7].id, "Lab00000008", "in order");
    ok(l.first - start < (ds_monotonic() - start) / 2,
       "the first one is given early: after %lld of %lld ms",
       (long long) (l.first - start), (long long) (ds_monotonic() - start));
    test_free(&l);

    l.enough = 3;
    start = ds_monotonic();
    is_int(test_run(&l, "PLlong5000"), DS_OK, "three of them");
    ok(ds_monotonic() - start < 700, "without waiting for the rest");
    test_free(&l);
}


static void
test_list_faults(void)
{
    size_t       i;
    char         text[400];
    test_list_t  l;

    static const struct {
        const char  *fault;
        int          want;
        uint64_t     n;
    } t[] = {
        { "\"garbage\"", DS_ERESOLVER_OUTPUT, 0 },
        { "\"truncated\"", DS_ERESOLVER_OUTPUT, 0 },
        { "\"silent\"", DS_EPLAYLIST_EMPTY, 0 },
        { "\"empty\"", DS_EPLAYLIST_EMPTY, 0 },
        { "\"outdated\"", DS_ERESOLVER_OUTDATED, 0 },
        { "\"long_line\"", DS_ERESOLVER_OVERFLOW, 0 },
        { "\"signal\"", DS_ERESOLVER_FAILED, 0 },
        { "\"fork\"", DS_EPLAYLIST_EMPTY, 0 },
        { "{\"mode\": \"close\", \"after\": 2}", DS_ERESOLVER_FAILED, 2 },
        { "{\"mode\": \"garbage\", \"after\": 1}", DS_ERESOLVER_OUTPUT, 1 },
        { "{\"mode\": \"exit\", \"code\": 7}", DS_ERESOLVER_FAILED, 0 },
        { "{\"mode\": \"exit\", \"code\": 3, \"after\": 2}",
          DS_ERESOLVER_FAILED, 2 },
        { "{\"mode\": \"error\", \"error\": \"missing\"}",
          DS_EPLAYLIST_UNAVAILABLE, 0 },
        { "{\"mode\": \"error\", \"error\": \"private_list\"}",
          DS_EPLAYLIST_UNAVAILABLE, 0 },
        { "{\"mode\": \"error\", \"error\": \"deleted\"}",
          DS_EPLAYLIST_UNAVAILABLE, 0 },
        { "{\"mode\": \"error\", \"error\": \"deleted\", \"after\": 2}",
          DS_OK, 2 },
        { "{\"mode\": \"error\", \"error\": \"429\", \"after\": 2}",
          DS_ERESOLVER_RATE_LIMITED, 2 },
        { "{\"mode\": \"exit\", \"after\": 2, \"stderr\": \"ERROR: "
          "[youtube:tab] PLx: Unable to download API page: HTTP Error 403: "
          "Forbidden\"}", DS_EPLAYLIST_UNAVAILABLE, 2 },
        { "{\"mode\": \"exit\", \"after\": 2, \"stderr\": \"ERROR: "
          "[youtube:tab] PLx: Unable to download API page: HTTP Error 404\\n"
          "ERROR: [youtube] v2: Private video\"}",
          DS_EPLAYLIST_UNAVAILABLE, 2 },
        { "{\"mode\": \"exit\", \"code\": 0, \"after\": 2, \"stderr\": "
          "\"WARNING: [youtube:tab] Incomplete data received. Giving up "
          "after 3 retries\"}", DS_ERESOLVER_NETWORK, 2 },
        { "{\"mode\": \"exit\", \"code\": 0, \"after\": 2, \"stderr\": "
          "\"WARNING: [youtube:tab] Incomplete data received. Retrying "
          "(1/3)...\"}", DS_OK, 2 },
        { "{\"mode\": \"exit\", \"code\": 0, \"after\": 1}",
          DS_EPLAYLIST_SHORT, 1 },
        { "{\"mode\": \"error\", \"error\": \"bot\"}",
          DS_ERESOLVER_RATE_LIMITED, 0 },
        { "{\"mode\": \"error\", \"error\": \"dns\"}",
          DS_ERESOLVER_NETWORK, 0 },
        { "{\"mode\": \"error\", \"error\": \"unsupported\"}",
          DS_ERESOLVER_UNSUPPORTED, 0 },
        { "{\"mode\": \"error\", \"error\": \"500\"}",
          DS_ERESOLVER_FAILED, 0 }
    };

    memset(&l, 0, sizeof(l));

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"repeat\": {\"count\": 3, "
                        "\"id\": \"v%%d\", \"duration\": 1}, \"list\": %s}",
                        t[i].fault);
        test_write("PLfault000.json", text);

        is_int(test_run(&l, "PLfault000"), t[i].want, "%s: %s", t[i].fault,
               test_err.message);
        is_int(test_err.code, t[i].want, "the same code in the error");
        is_int(l.n, (long long) t[i].n, "entries before it");
        test_free(&l);
    }

    is_int(test_run(&l, "PLnothere0"), DS_EPLAYLIST_UNAVAILABLE, "%s",
           test_err.message);

    test_conf.resolve_timeout = 400;

    test_write("PLfault000.json", "{\"list\": \"hang\"}");
    is_int(test_run(&l, "PLfault000"), DS_ERESOLVER_TIMEOUT, "a hang");
    test_write("PLfault000.json", "{\"list\": \"stubborn\"}");
    is_int(test_run(&l, "PLfault000"), DS_ERESOLVER_TIMEOUT,
           "a hang that ignores TERM");
    test_write("PLfault000.json", "{\"list\": \"drip\"}");
    is_int(test_run(&l, "PLfault000"), DS_ERESOLVER_TIMEOUT, "a drip");
    test_write("PLfault000.json", "{\"list\": \"noise\"}");
    is_int(test_run(&l, "PLfault000"), DS_ERESOLVER_TIMEOUT, "noise");

    test_conf.resolve_timeout = 20000;

    test_command("/nonexistent/yt-dlp", DS_ERESOLVER_MISSING, "missing");
    test_command("/etc/passwd", DS_ERESOLVER_MISSING, "not executable");
    test_command("/bin/false", DS_ERESOLVER_FAILED, "/bin/false");
}


static void
test_command(const char *program, int want, const char *name)
{
    test_list_t  l;
    const char  *argv[] = { program, NULL };

    memset(&l, 0, sizeof(l));

    test_conf.resolve_command = argv;
    is_int(test_run(&l, "PLnormal00"), want, "%s: %s", name,
           test_err.message);
    test_conf.resolve_command = test_stub;
    test_free(&l);
}


static void
test_list_text(void)
{
    char         url[300];
    test_list_t  l;
    const char  *argv[] = {
        "/bin/sh", "-c",
        "exec yes '{\"id\":\"a\",\"url\":\"http://h/aaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "\"}'", "sh", NULL
    };

    memset(&l, 0, sizeof(l));

    test_write("l.m3u", "#EXTM3U\n#EXTINF:3,One\na.mp4\n#EXTINF:4,Two\n"
               "http://h/b.mp4\n");
    (void) snprintf(url, sizeof(url), "file://%s/l.m3u", test_dir);
    is_int(test_run(&l, url), DS_OK, "an M3U list: %s", test_err.message);
    is_int(l.n, 2, "two entries");
    ok(l.e[1].plain, "without the resolver");
    test_free(&l);

    test_write("l.json", "[\"http://h/a.mp4\"]");
    (void) snprintf(url, sizeof(url), "file://%s/l.json", test_dir);
    is_int(test_run(&l, url), DS_OK, "a JSON list");
    test_free(&l);

    test_write("l.m3u", "<html>");
    (void) snprintf(url, sizeof(url), "file://%s/l.m3u", test_dir);
    is_int(test_run(&l, url), DS_EPLAYLIST_FORMAT, "no list");

    (void) snprintf(url, sizeof(url), "file://%s/none.m3u", test_dir);
    is_int(test_run(&l, url), DS_ESOURCE_NOT_FOUND, "no file");

    test_conf.media_root = NULL;
    is_int(test_run(&l, url), DS_EPLAYLIST_INVALID, "no media root");
    test_conf.media_root = test_dir;

    test_conf.resolve_command = argv;
    is_int(test_run(&l, "PLnormal00"), DS_ERESOLVER_OVERFLOW, "endless: %s",
           test_err.message);
    ok(l.n > 1000, "after many entries");
    test_conf.resolve_command = test_stub;
    test_free(&l);
}


static void
test_item(void)
{
    int64_t     now;
    ds_entry_t  e;
    ds_media_t  m;

    test_write("PLitems000.json", "{\"entries\": ["
               "{\"id\": \"one00000000\", \"title\": \"One\", \"duration\": 4,"
               "\"urls\": [\"http://127.0.0.1:1/1.mp4\"], \"expires_in\": 60,"
               "\"available_in\": 3, \"chunk\": 1000},"
               "{\"id\": \"two00000000\", \"urls\": ["
               "\"https://r1.googlevideo.com/v\", \"http://127.0.0.1:1/a\"]},"
               "{\"id\": \"hls00000000\", \"protocol\": \"m3u8_native\","
               "\"urls\": [\"http://127.0.0.1:1/x.m3u8\"]},"
               "{\"id\": \"dash0000000\", \"protocol\": \"http_dash_segments\""
               ", \"urls\": [\"http://127.0.0.1:1/x\"], \"extra\":"
               "{\"fragment_base_url\": \"http://h/\"}},"
               "{\"id\": \"evil0000000\", \"protocol\": \"https\","
               "\"urls\": [\"file:///etc/passwd\"]},"
               "{\"id\": \"live0000000\", \"live_status\": \"is_live\","
               "\"urls\": [\"http://127.0.0.1:1/x.m3u8\"]},"
               "{\"id\": \"dead0000000\", \"live_status\": \"is_live\","
               "\"protocol\": \"http_dash_segments\", \"extra\":"
               "{\"fragment_base_url\": \"http://h/\"},"
               "\"urls\": [\"http://127.0.0.1:1/x\"]},"
               "{\"id\": \"none0000000\"}]}");

    now = ds_now();
    is_int(test_get("one00000000", &m), DS_OK, "an item: %s",
           test_err.message);
    is_int(m.nurls, 1, "one URL");
    ok(strncmp(m.urls[0].url, "http://127.0.0.1:1/1.mp4?expire=", 32) == 0,
       "the URL");
    ok(m.urls[0].expires_at > now + 50000
       && m.urls[0].expires_at < now + 90000, "expires");
    ok(m.urls[0].available_at > now && m.urls[0].available_at < now + 30000,
       "available");
    is_int(m.urls[0].chunk, 1000, "chunk");
    is_str(m.title, "One", "title");
    is_int(m.duration, 4000, "duration");
    ok(m.urls[0].headers != NULL
       && strstr(m.urls[0].headers, "User-Agent: stub/1.0\n") != NULL,
       "headers");
    ds_media_free(&m);

    is_int(test_get("two00000000", &m), DS_OK, "two URLs");
    is_int(m.nurls, 2, "are two");
    is_int(m.urls[0].chunk, 10485760, "the chunk of the host");
    is_str(m.urls[1].url, "http://127.0.0.1:1/a", "audio");
    ds_media_free(&m);

    is_int(test_get("hls00000000", &m), DS_OK, "HLS");
    ds_media_free(&m);
    is_int(test_get("dash0000000", &m), DS_EITEM_FORMAT, "DASH segments");
    is_int(test_get("evil0000000", &m), DS_ESOURCE_DENIED, "a file");
    is_int(test_get("live0000000", &m), DS_OK, "live");
    ok(m.live, "is known to be");
    ok(m.urls[0].resolved_at >= now, "and when it was resolved");
    ds_media_free(&m);
    is_int(test_get("dead0000000", &m), DS_EITEM_LIVE,
           "live, and nothing to read: %s", test_err.message);
    is_int(test_get("none0000000", &m), DS_EITEM_FORMAT, "no format");
    is_int(test_get("nobodyknows", &m), DS_EITEM_UNAVAILABLE, "unknown");

    memset(&e, 0, sizeof(e));
    e.url = (char *) "http://h/v?expire=1700000000";
    e.audio_url = (char *) "http://h/a";
    e.plain = true;
    e.duration = 5;

    is_int(ds_resolve_item(&test_conf, &e, &test_token, &m, NULL), DS_OK,
           "a plain entry");
    is_int(m.nurls, 2, "its URLs");
    is_int(m.urls[0].expires_at, 1700000000000LL, "their end");
    is_int(m.duration, 5, "its duration");
    ds_media_free(&m);

    e.code = DS_EITEM_PRIVATE;
    is_int(ds_resolve_item(&test_conf, &e, &test_token, &m, &test_err),
           DS_EITEM_PRIVATE, "one that is known not to play");
}


static void
test_item_errors(void)
{
    size_t      i;
    char        text[300];
    ds_media_t  m;

    static const struct {
        const char  *error;
        int          want;
    } t[] = {
        { "private", DS_EITEM_PRIVATE },
        { "deleted", DS_EITEM_UNAVAILABLE },
        { "country", DS_EITEM_UNAVAILABLE },
        { "upcoming", DS_EITEM_UPCOMING },
        { "premiere", DS_EITEM_UPCOMING },
        { "age", DS_EITEM_RESTRICTED },
        { "members", DS_EITEM_RESTRICTED },
        { "bot", DS_ERESOLVER_RATE_LIMITED },
        { "429", DS_ERESOLVER_RATE_LIMITED },
        { "format", DS_EITEM_FORMAT },
        { "noformats", DS_EITEM_FORMAT },
        { "dns", DS_ERESOLVER_NETWORK },
        { "refused", DS_ERESOLVER_NETWORK },
        { "timeout", DS_ERESOLVER_NETWORK },
        { "unsupported", DS_ERESOLVER_UNSUPPORTED },
        { "500", DS_ERESOLVER_FAILED }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"entries\": [{\"id\": "
                        "\"err00000000\", \"fault\": {\"mode\": \"error\", "
                        "\"error\": \"%s\"}}]}", t[i].error);
        test_write("PLerror000.json", text);

        is_int(test_get("err00000000", &m), t[i].want, "%s: %s", t[i].error,
               test_err.message);
        ok(strchr(test_err.message, '=') == NULL, "no query in the message");
    }
}


static void
test_item_faults(void)
{
    size_t      i;
    char        text[300];
    ds_media_t  m;

    static const struct {
        const char  *fault;
        int          want;
    } t[] = {
        { "garbage", DS_ERESOLVER_OUTPUT },
        { "truncated", DS_ERESOLVER_OUTPUT },
        { "silent", DS_ERESOLVER_OUTPUT },
        { "fork", DS_ERESOLVER_OUTPUT },
        { "exit", DS_ERESOLVER_FAILED },
        { "signal", DS_ERESOLVER_FAILED },
        { "close", DS_ERESOLVER_FAILED },
        { "long_line", DS_ERESOLVER_OVERFLOW },
        { "hang", DS_ERESOLVER_TIMEOUT },
        { "drip", DS_ERESOLVER_TIMEOUT }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        (void) snprintf(text, sizeof(text), "{\"entries\": [{\"id\": "
                        "\"flt00000000\", \"fault\": \"%s\"}]}", t[i].fault);
        test_write("PLerror000.json", text);

        if (t[i].want == DS_ERESOLVER_TIMEOUT) {
            test_conf.resolve_timeout = 400;
        }

        is_int(test_get("flt00000000", &m), t[i].want, "%s: %s", t[i].fault,
               test_err.message);
        test_conf.resolve_timeout = 20000;
    }
}


static void
test_first(void)
{
    ds_media_t  m;

    ok(ds_resolve_has_first("PLnormal00"), "a playlist has a first item");
    ok(!ds_resolve_has_first(TEST_WATCH "a"), "a video needs no list");
    ok(!ds_resolve_has_first("http://h/a.m3u"), "nor has a text list one");

    is_int(ds_resolve_first(&test_conf, "PLnormal00", &test_token, &m,
                            &test_err), DS_OK, "first: %s", test_err.message);
    is_str(m.id, "aaaaaaaaaa1", "is the first");
    ds_media_free(&m);

    test_write("PLerror000.json", "{\"entries\": []}");
    is_int(ds_resolve_first(&test_conf, "PLerror000", &test_token, &m,
                            &test_err), DS_EPLAYLIST_EMPTY, "of nothing");
    is_int(ds_resolve_first(&test_conf, "PLnothere0", &test_token, &m,
                            &test_err), DS_EPLAYLIST_UNAVAILABLE, "missing");
    is_int(ds_resolve_first(&test_conf, "--exec=id", &test_token, &m,
                            &test_err), DS_EPLAYLIST_INVALID, "injected");
}


/* what the child gets: ours, the command's own arguments, guards, the URL */

static void
test_argv(void)
{
    char         path[300], line[4096], *p, *url;
    FILE        *f;
    ds_media_t   m;

    (void) snprintf(path, sizeof(path), "%s/calls.log", test_dir);
    (void) unlink(path);

    (void) test_get("-aaaaaaaaa2", &m);

    f = fopen(path, "r");
    p = (f == NULL) ? NULL : fgets(line, sizeof(line), f);
    ok(p != NULL, "the call is logged");

    if (f != NULL) {
        (void) fclose(f);
    }

    if (p == NULL) {
        return;
    }

    p = strstr(line, ",\"--stub-dir\",\"");
    ok(p != NULL && strstr(line, "\"argv\":[\"--no-cache-dir\",") != NULL
       && strstr(line, "\"--socket-timeout\"") < p
       && strstr(line, "youtube:skip=") != NULL
       && strstr(line, "youtube:skip=") < p,
       "the command's own arguments come after ours");
    ok(p != NULL && strstr(p, "\",\"--ignore-config\",") != NULL
       && strstr(p, "\",\"--simulate\",") != NULL,
       "then what keeps it from downloading");
    ok(strstr(line, "\"--ies\",\"youtube,youtube:tab\"") != NULL,
       "the extractors");
    url = strstr(line, "\"--\",\"" TEST_WATCH "-aaaaaaaaa2\"]");
    ok(url != NULL && strchr(url, ']') == url + strlen(url)
       - strlen(strchr(url, ']')), "the URL is last, after --");
}


/* an interpreter before it; arguments that replace ours; an environment */

static void
test_own(void)
{
    char         path[300], line[4096], *p;
    FILE        *f;
    ds_media_t   m;
    const char  *env[] = { "DS_TEST=1", "LANG=C", NULL };
    const char  *argv[] = { "/usr/bin/perl", TEST_STUB, "--stub-dir", test_dir,
                            "--extractor-args", "youtube:player_client=tv",
                            NULL };

    (void) snprintf(path, sizeof(path), "%s/calls.log", test_dir);
    (void) unlink(path);

    test_conf.resolve_command = argv;
    test_conf.resolve_env = env;
    (void) test_get("-aaaaaaaaa2", &m);
    test_conf.resolve_command = test_stub;
    test_conf.resolve_env = NULL;

    f = fopen(path, "r");
    p = (f == NULL) ? NULL : fgets(line, sizeof(line), f);
    ok(p != NULL && strstr(line, "youtube:skip=") == NULL,
       "own: our extractor arguments are left out");
    ok(p != NULL && strstr(line, "youtube:player_client=tv") != NULL,
       "own: his are there");

    if (f != NULL) {
        (void) fclose(f);
    }
}


static void *
test_cancel_thread(void *data)
{
    (void) usleep(300000);
    *(int64_t *) data = ds_monotonic();
    ds_cancel_set(&test_token);

    return NULL;
}


static void
test_cancel(void)
{
    int64_t      at, end;
    pthread_t    tid;
    test_list_t  l;

    memset(&l, 0, sizeof(l));
    at = 0;
    test_write("PLfault000.json", "{\"list\": \"hang\"}");

    if (pthread_create(&tid, NULL, test_cancel_thread, &at) != 0) {
        ok(false, "pthread_create()");
        return;
    }

    is_int(test_run(&l, "PLfault000"), DS_ECANCELED, "canceled in mid-call");
    end = ds_monotonic();
    (void) pthread_join(tid, NULL);
    ok(end - at < 200, "within %lld ms", (long long) (end - at));

    is_int(test_run(&l, "PLnormal00"), DS_ECANCELED, "and before a call");
}
