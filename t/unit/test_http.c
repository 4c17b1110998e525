
/*
 * ds_http: bytes at offsets, requests as they should be, each fault its own
 * error, cancel from every wait, no leaks.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "net/ds_http.h"
#include "server.h"
#include "tap.h"


#define SIZE  (3 * 1024 * 1024 + 777)


static ds_conf_t       conf;
static ds_cancel_t     cancel;
static unsigned char  *data;


static void
make_files(void)
{
    FILE      *f;
    char       path[256];
    uint32_t   x;
    size_t     i;

    data = malloc(SIZE);
    x = 1;

    for (i = 0; i < SIZE; i++) {
        x = x * 1664525 + 1013904223;
        data[i] = x >> 24;
    }

    (void) snprintf(path, sizeof(path), "%s/a.bin", server_dir);
    f = fopen(path, "w");
    (void) fwrite(data, 1, SIZE, f);
    (void) fclose(f);

    (void) snprintf(path, sizeof(path), "%s/list.m3u", server_dir);
    f = fopen(path, "w");
    (void) fputs("#EXTM3U\nhttp://127.0.0.1/a.mp4\n", f);
    (void) fclose(f);

    (void) snprintf(path, sizeof(path), "%s/empty.bin", server_dir);
    f = fopen(path, "w");
    (void) fclose(f);
}


/* reads to the end in pieces; the count, or an error; checks the bytes */

static int64_t
slurp(ds_http_t *h, size_t piece, ds_error_t *err)
{
    char     buf[65536];
    bool     same;
    ssize_t  n;
    int64_t  at, total;

    total = 0;
    same = true;

    for ( ;; ) {
        at = ds_http_tell(h);
        n = ds_http_read(h, buf, piece, err);

        if (n <= 0) {
            break;
        }

        if (at + n > SIZE || memcmp(buf, data + at, n) != 0) {
            same = false;
        }

        total += n;
    }

    ok(same, "bytes are those of the file");

    return (n < 0) ? n : total;
}


static ds_http_t *
open_url(const char *url, size_t chunk, ds_error_t *err)
{
    ds_http_req_t  req;

    memset(&req, 0, sizeof(req));
    req.url = url;
    req.chunk = chunk;
    ds_error_clear(err);

    return ds_http_open(&conf, &req, &cancel, err);
}


/* opens and reads all; the error, or 0 */

static int
outcome(const char *url, size_t chunk, ds_error_t *err)
{
    int64_t     n;
    char        buf[32768];
    ds_http_t  *h;

    h = open_url(url, chunk, err);

    if (h == NULL) {
        return err->code;
    }

    do {
        n = ds_http_read(h, buf, sizeof(buf), err);
    } while (n > 0);

    ds_http_close(&h);

    return n;
}


static void
test_reading(void)
{
    int            n, c;
    char           buf[100];
    ssize_t        got;
    ds_http_t     *h;
    ds_error_t     err;

    h = open_url(server_url("a.bin?t=plain"), 0, &err);
    ok(h != NULL, "opened: %s", err.message);
    is_int(ds_http_size(h), SIZE, "size");
    ok(ds_http_seekable(h), "seekable");
    is_int(slurp(h, 30000, &err), SIZE, "all bytes");
    is_int(ds_http_read(h, buf, 1, &err), 0, "the end stays the end");

    is_int(ds_http_seek(h, SIZE - 50), DS_OK, "seek back");
    is_int(slurp(h, 30, &err), 50, "the last bytes");
    is_int(ds_http_seek(h, -1), DS_ESOURCE_FAILED, "no offset before 0");
    is_int(ds_http_seek(h, SIZE + 10), DS_OK, "beyond the end");
    is_int(ds_http_read(h, buf, 1, &err), 0, "is the end");
    ds_http_close(&h);
    ok(h == NULL, "closed");

    h = open_url(server_url("a.bin?t=chunk"), 500000, &err);
    is_int(slurp(h, 65536, &err), SIZE, "in ranges");
    ds_http_close(&h);

    n = server_requests("t=chunk", 7, &c);
    is_int(n, (SIZE + 499999) / 500000, "as many requests as ranges");
    is_int(c, 1, "on one connection");

    h = open_url(server_url("a.bin?t=skip"), 0, &err);
    got = ds_http_read(h, buf, sizeof(buf), &err);
    (void) ds_http_seek(h, got + 150000);
    is_int(ds_http_read(h, buf, sizeof(buf), &err), 100, "short seek");
    ok(memcmp(buf, data + got + 150000, 100) == 0, "right bytes");
    is_int(ds_http_tell(h), got + 150100, "tell");
    is_int(slurp(h, 65536, &err), SIZE - got - 150100, "and all the rest");
    ds_http_close(&h);
    is_int(server_requests("t=skip", 1, &c), 1, "needed no request");

    is_int(outcome(server_url("empty.bin"), 0, &err), 0, "an empty file");
    is_int(outcome(server_url("a.bin?nolength=1&norange=1"), 0, &err), 0,
           "no length at all");
}


static void
test_seeking(void)
{
    int          i, bad;
    char         buf[5000];
    int64_t      at;
    size_t       n;
    ssize_t      rc;
    ds_http_t   *h;
    ds_error_t   err;

    h = open_url(server_url("a.bin"), 300000, &err);
    bad = 0;

    for (i = 0; i < 60; i++) {
        at = rand() % SIZE;
        (void) ds_http_seek(h, at);

        n = rand() % (int) sizeof(buf) + 1;
        rc = ds_http_read(h, buf, n, &err);

        bad += rc <= 0 || memcmp(buf, data + at, rc) != 0;
    }

    is_int(bad, 0, "seeks all over the file");
    ds_http_close(&h);

    h = open_url(server_url("a.bin?norange=1"), 0, &err);
    ok(h != NULL && !ds_http_seekable(h), "no ranges: not seekable");
    (void) ds_http_read(h, buf, 10, &err);
    is_int(ds_http_seek(h, 0), DS_ESOURCE_FAILED, "no way back");
    is_int(ds_http_seek(h, 1000000), DS_OK, "forward");
    rc = ds_http_read(h, buf, 100, &err);
    ok(rc > 0 && memcmp(buf, data + 1000000, rc) == 0, "by reading on");
    ds_http_close(&h);
}


static void
test_faults(void)
{
    int          i, c;
    bool         secret;
    ds_error_t   err;

    static const struct {
        const char  *query;
        size_t       chunk;
        int          want;
    } faults[] = {
        { "status=401", 0, DS_ESOURCE_FORBIDDEN },
        { "status=403", 0, DS_ESOURCE_FORBIDDEN },
        { "status=404", 0, DS_ESOURCE_NOT_FOUND },
        { "status=410", 0, DS_ESOURCE_NOT_FOUND },
        { "status=429", 0, DS_ESOURCE_RATE_LIMITED },
        { "status=500", 0, DS_ESOURCE_HTTP },
        { "status=204", 0, DS_ESOURCE_HTTP },
        { "status=304", 0, DS_ESOURCE_HTTP },
        { "cut=1000000", 0, DS_ESOURCE_CUT },
        { "cut=1000000", 700000, DS_ESOURCE_CUT },
        { "cut=1000000&norange=1", 0, DS_ESOURCE_CUT },
        { "drop=800000", 0, DS_OK },
        { "gate=1000000", 0, DS_ESOURCE_GATED },
        { "stall=1000000", 0, DS_ESOURCE_STALLED },
        { "stall=1000000", 500000, DS_ESOURCE_STALLED },
        { "hang=1", 0, DS_ESOURCE_TIMEOUT },
        { "latency=100", 1000000, DS_OK },
        { "length=5000", 0, DS_ESOURCE_CUT },
        { "maxrange=500000", 500000, DS_OK },
        { "maxrange=500000", 500001, DS_ESOURCE_FORBIDDEN },
        { "maxrange=500000", 0, DS_ESOURCE_FORBIDDEN },
        { "until=99999999999", 0, DS_ESOURCE_FORBIDDEN },
        { "until=1000", 0, DS_OK },
        { "expire=1000", 0, DS_ESOURCE_FORBIDDEN },
        { "redirect=/a.bin", 0, DS_OK },
        { "redirect=/a.bin?redirect%3D/a.bin", 600000, DS_OK },
        { "redirect=file:///etc/passwd", 0, DS_ESOURCE_DENIED },
        { "redirect=ftp://127.0.0.1/", 0, DS_ESOURCE_DENIED },
        { "html=1", 0, DS_OK },
    };

    secret = false;
    conf.source_timeout = 300;

    for (i = 0; i < (int) (sizeof(faults) / sizeof(faults[0])); i++) {
        char  name[256];

        (void) snprintf(name, sizeof(name), "a.bin?sig=SECRET&%s",
                        faults[i].query);

        is_int(outcome(server_url(name), faults[i].chunk, &err),
               faults[i].want, "%s, chunk %zu: %s", faults[i].query,
               faults[i].chunk, err.message);

        secret |= strstr(err.message, "SECRET") != NULL
                  || strstr(err.message, faults[i].query) != NULL;

        if (faults[i].want != DS_OK) {
            ok(strstr(err.message, "127.0.0.1") != NULL, "names the host");
        }
    }

    ok(!secret, "no message shows a query");

    conf.source_timeout = 1000;

    (void) outcome(server_url("a.bin?t=drop&drop=1500000"), 0, &err);
    is_int(server_requests("t=drop", 3, &c), 3, "resumed where it broke");
}


/* a port that takes connections and answers none of their handshakes */

static int
blackhole(int fds[8])
{
    int                 i;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    (void) bind(fds[0], (struct sockaddr *) &sin, len);
    (void) listen(fds[0], 0);
    (void) getsockname(fds[0], (struct sockaddr *) &sin, &len);

    for (i = 1; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM|SOCK_NONBLOCK, 0);
        (void) connect(fds[i], (struct sockaddr *) &sin, len);
    }

    (void) usleep(100000);

    return ntohs(sin.sin_port);
}


static void
test_cancel(void)
{
    int          i, fds[8];
    char         url[128];
    int64_t      ms;
    canceler_t   c;
    ds_error_t   err;

    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/", blackhole(fds));

    {
        static const char *const  names[] = {
            NULL, "a.bin?hang=1", "a.bin?stall=100000", "a.bin?latency=5000",
            "a.bin?drip=1000", "a.bin?cut=100000"
        };

        for (i = 0; i < 6; i++) {
            canceler_start(&c, &cancel);
            is_int(outcome(names[i] == NULL ? url : server_url(names[i]), 0,
                           &err),
                   DS_ECANCELED, "%s is canceled",
                   names[i] == NULL ? "connect()" : names[i]);
            ms = canceler_end(&c);
            ok(ms < 300, "in %lld ms", (long long) ms);

            ds_cancel_free(&cancel);
            (void) ds_cancel_init(&cancel);
        }
    }

    is_int(outcome(url, 0, &err), DS_ESOURCE_TIMEOUT, "connect(): %s",
           err.message);

    for (i = 0; i < 8; i++) {
        (void) close(fds[i]);
    }

    is_int(outcome(url, 0, &err), DS_ESOURCE_REFUSED, "closed: %s",
           err.message);
    is_int(outcome("http://no-such-host.invalid/", 0, &err), DS_ESOURCE_DNS,
           "name: %s", err.message);

    (void) snprintf(url, sizeof(url), "https://127.0.0.1:%d/", server_port);
    is_int(outcome(url, 0, &err), DS_ESOURCE_TLS, "tls: %s", err.message);

    is_int(outcome("gopher://127.0.0.1/", 0, &err), DS_ESOURCE_DENIED,
           "scheme: %s", err.message);
    is_int(outcome("not a url", 0, &err), DS_ESOURCE_DENIED,
           "URL: %s", err.message);
}


static void
test_rules(void)
{
    int         i;
    char        url[128];
    ds_conf_t   saved;
    ds_error_t  err;

    static const ds_source_rule_t  rules[] = {
        { 4, 32, true, { 127, 0, 0, 2 } },
        { 4, 7, false, { 126, 0, 0, 0 } },
        { 6, 128, false,
          { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 } }
    };

    static const char *const  hosts[] = {
        "127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::1]", "[::]",
        "localhost", "2130706433"
    };

    saved = conf;
    conf.source_rules = rules;
    conf.nsource_rules = 3;

    for (i = 0; i < 7; i++) {
        (void) snprintf(url, sizeof(url), "http://%s:%d/a.bin", hosts[i],
                        server_port);
        is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "%s is denied",
               hosts[i]);
    }

    (void) snprintf(url, sizeof(url), "http://127.0.0.2:%d/a.bin",
                    server_port);
    is_int(outcome(url, 0, &err), DS_ESOURCE_REFUSED, "first match wins");

    conf = saved;

    (void) snprintf(url, sizeof(url), "http://[::ffff:127.0.0.1]:%d/a.bin",
                    server_port);
    is_int(outcome(url, 0, &err), DS_OK, "no rules: all is allowed");
}


static void
test_files(void)
{
    char        url[256], root[128], out[256];
    ds_http_t  *h;
    ds_error_t  err;

    (void) snprintf(root, sizeof(root), "%s/sub", server_dir);
    (void) mkdir(root, 0700);
    (void) snprintf(out, sizeof(out), "%s/a.bin", root);
    (void) snprintf(url, sizeof(url), "%s/a.bin", server_dir);
    (void) !link(url, out);
    (void) snprintf(out, sizeof(out), "%s/escape", root);
    (void) !symlink("../list.m3u", out);

    (void) snprintf(url, sizeof(url), "file://%s/a.bin", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "no media_root");

    conf.media_root = root;

    h = open_url(url, 0, &err);
    ok(h != NULL, "a file is opened: %s", err.message);
    is_int(ds_http_size(h), SIZE, "its size");
    is_int(slurp(h, 65536, &err), SIZE, "its bytes");
    (void) ds_http_seek(h, 100);
    is_int(slurp(h, 65536, &err), SIZE - 100, "from an offset");
    ds_http_close(&h);

    (void) snprintf(url, sizeof(url), "file://%s/none", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_NOT_FOUND, "%s", err.message);
    (void) snprintf(url, sizeof(url), "file://%s/escape", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "symlink out");
    (void) snprintf(url, sizeof(url), "file://%s/%%2e%%2e/a.bin", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "dots");
    (void) snprintf(url, sizeof(url), "file://%s-b/a.bin", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "a prefix of the name");
    (void) snprintf(url, sizeof(url), "file://%s/", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "a directory");
    (void) snprintf(url, sizeof(url), "file://%s/a.bin%%00x", root);
    is_int(outcome(url, 0, &err), DS_ESOURCE_DENIED, "a NUL");
    is_int(outcome("file:///etc/passwd", 0, &err), DS_ESOURCE_DENIED, "else");
    is_int(outcome("file:///etc/none", 0, &err), DS_ESOURCE_DENIED,
           "nor is it told what exists");

    conf.media_root = NULL;
}


static int
get(const char *path, size_t max, char **text, ds_error_t *err)
{
    int    rc;
    char  *base;

    rc = ds_http_get(&conf, server_url(path), max, &cancel, text, &base, err);

    if (rc == DS_OK) {
        ok(strcmp(base, server_url("list.m3u")) == 0
           || strcmp(base, server_url("empty.bin")) == 0, "at %s", base);
        free(base);
    }

    return rc;
}


static void
test_get(void)
{
    char        *text;
    ds_error_t   err;

    text = NULL;
    is_int(get("list.m3u", 1000, &text, &err), DS_OK, "a list is read");
    is_str(text, "#EXTM3U\nhttp://127.0.0.1/a.mp4\n", "as it is");
    free(text);

    is_int(get("a/b?redirect=/list.m3u", 1000, &text, &err), DS_OK,
           "a list that is elsewhere");
    free(text);

    is_int(get("list.m3u", 10, &text, &err), DS_EPLAYLIST_FORMAT,
           "too large: %s", err.message);
    is_int(get("a.bin", 10000000, &text, &err), DS_EPLAYLIST_FORMAT,
           "not text: %s", err.message);
    is_int(get("none", 1000, &text, &err), DS_ESOURCE_NOT_FOUND,
           "missing: %s", err.message);

    is_int(get("empty.bin", 1000, &text, &err), DS_OK, "an empty one");
    is_str(text, "", "is empty");
    free(text);
}


/* one slow reader: the server must feel it */

static void
test_backpressure(void)
{
    int         c;
    char        buf[1000];
    ds_http_t  *h;
    ds_error_t  err;

    h = open_url(server_url("a.bin?t=slow"), 0, &err);
    (void) ds_http_read(h, buf, sizeof(buf), &err);
    (void) usleep(conf.source_timeout * 1000 + 200000);
    is_int(slurp(h, 60000, &err), SIZE - 1000,
           "a pause longer than the timeout does no harm: %s", err.message);
    ds_http_close(&h);

    is_int(server_requests("t=slow", 1, &c), 1, "in one request");
}


static void *
no_work(void *data)
{
    return data;
}


int
main(void)
{
    int         fds, threads, i;
    pthread_t   tid;
    ds_error_t  err;

    conf.source_timeout = 1000;

    if (!server_start()) {
        (void) printf("Bail out! no media-server\n");
        return 1;
    }

    make_files();

    is_int(ds_http_init(&err), DS_OK, "init");
    is_int(ds_cancel_init(&cancel), DS_OK, "token");

    (void) outcome(server_url("a.bin"), 0, &err);
    /* TSan starts a thread of its own with the first of ours */
    if (pthread_create(&tid, NULL, no_work, NULL) == 0) {
        (void) pthread_join(tid, NULL);
    }

    fds = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");

    test_reading();
    test_seeking();
    test_faults();
    test_cancel();
    test_rules();
    test_files();
    test_get();
    test_backpressure();

    for (i = 0; i < 100 && count_entries("/proc/self/task") > threads; i++) {
        (void) usleep(20000);
    }

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");
    is_int(count_entries("/proc/self/task"), threads, "no thread is left");

    ds_cancel_free(&cancel);
    server_end();
    free(data);

    done_testing();
}
