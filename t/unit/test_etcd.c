
/*
 * The client of etcd, against a real one, and against what is none: keys,
 * pages, transactions, leases, watches, TLS, passwords; answers that are cut,
 * drip, lie or never come.  A write nobody has answered is never said not to
 * have happened.
 */

#define _GNU_SOURCE

#include <netinet/tcp.h>

#include <curl/curl.h>

#include "tap.h"
#include "store/ds_etcd.h"
#include "etcd.h"
#include "tls_front.h"


static char  dir[] = "/tmp/ds-etcd-XXXXXX";


static ds_etcd_t *
client(const char *urls, unsigned timeout, unsigned most)
{
    ds_etcd_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.endpoints = urls;
    conf.timeout = timeout;
    conf.most = most;

    return ds_etcd_create(&conf, NULL, NULL);
}


static int
put(ds_etcd_t *e, const char *key, const char *value)
{
    return ds_etcd_put(e, key, value, strlen(value), 0, NULL, NULL);
}


static int
get(ds_etcd_t *e, const char *key, ds_etcd_found_t *found)
{
    ds_etcd_ask_t  ask;

    memset(&ask, 0, sizeof(ask));
    ask.key = key;

    return ds_etcd_range(e, &ask, found, NULL);
}


static void
test_keys(ds_etcd_t *e)
{
    int              i;
    char             key[32];
    int64_t          revision;
    ds_error_t       err;
    ds_etcd_ask_t    ask;
    ds_etcd_found_t  found;

    static const char  bytes[] = "a\0b\xff\n";

    is_int(get(e, "/t/none", &found), DS_OK, "nothing is no error");
    is_int(found.n, 0, "nothing was found");
    ok(found.revision > 0, "at a revision");
    ds_etcd_found_free(&found);

    is_int(ds_etcd_put(e, "/t/bytes", bytes, 5, 0, &revision, NULL), DS_OK,
           "bytes are put");
    is_int(get(e, "/t/bytes", &found), DS_OK, "and read");
    ok(found.n == 1 && found.kvs[0].len == 5
       && memcmp(found.kvs[0].value, bytes, 5) == 0, "as they were");
    ok(found.n == 1 && found.kvs[0].modified == revision
       && found.kvs[0].created == revision && found.kvs[0].version == 1,
       "with their revisions");
    ds_etcd_found_free(&found);

    for (i = 0; i < 150; i++) {
        (void) snprintf(key, sizeof(key), "/t/page/%03d", i);
        (void) put(e, key, "x");
    }

    memset(&ask, 0, sizeof(ask));
    ask.key = "/t/page/";
    ask.prefix = true;

    is_int(ds_etcd_range(e, &ask, &found, &err), DS_OK, "a prefix is read");
    is_int(found.n, 150, "all pages of it");
    is_int(found.count, 150, "which are counted");
    is_str(found.n == 150 ? found.kvs[149].key : "", "/t/page/149",
           "in their order");
    ds_etcd_found_free(&found);

    ask.limit = 70;
    ask.keys_only = true;
    ask.serializable = true;
    is_int(ds_etcd_range(e, &ask, &found, &err), DS_OK, "some of them");
    is_int(found.n, 70, "as many as are wanted");
    is_int(found.count, 150, "of all there are");
    ok(found.n == 70 && found.kvs[69].len == 0, "without values");
    ds_etcd_found_free(&found);

    is_int(ds_etcd_delete(e, "/t/page/", true, &err), DS_OK, "all are gone");
    ask.limit = 0;
    is_int(ds_etcd_range(e, &ask, &found, &err), DS_OK, "none is left");
    is_int(found.n, 0, "not one");
    ds_etcd_found_free(&found);

    ask.revision = revision + 100;
    is_int(ds_etcd_range(e, &ask, &found, &err), DS_OK, "a time before");
    is_int(found.n, 100, "has what there was then");
    ds_etcd_found_free(&found);
}


static void
test_txn(ds_etcd_t *e)
{
    char              *big;
    int64_t            revision;
    ds_error_t         err;
    ds_etcd_op_t       ops[2], get_op;
    ds_etcd_txn_t      txn;
    ds_etcd_found_t    found;
    ds_etcd_compare_t  compare;

    memset(ops, 0, sizeof(ops));
    memset(&get_op, 0, sizeof(get_op));
    memset(&txn, 0, sizeof(txn));
    memset(&compare, 0, sizeof(compare));

    compare.key = "/t/txn";
    txn.compares = &compare;
    txn.ncompares = 1;
    ops[0].key = "/t/txn";
    ops[0].value = "1";
    ops[0].len = 1;
    ops[1].kind = DS_ETCD_GET;
    ops[1].key = "/t/txn";
    txn.then = ops;
    txn.nthen = 2;
    get_op = ops[1];
    txn.otherwise = &get_op;
    txn.notherwise = 1;

    is_int(ds_etcd_txn(e, &txn, &found, &err), DS_OK, "made where none was");
    ok(found.n == 1 && strcmp(found.kvs[0].value, "1") == 0, "and read in it");
    revision = found.revision;
    ds_etcd_found_free(&found);

    ops[0].value = "2";
    is_int(ds_etcd_txn(e, &txn, &found, &err), DS_ECLUSTER_CONFLICT,
           "not where one is");
    ok(found.n == 1 && strcmp(found.kvs[0].value, "1") == 0,
       "what there is instead is told");
    ds_etcd_found_free(&found);

    compare.target = DS_ETCD_MODIFIED;
    compare.number = revision;
    is_int(ds_etcd_txn(e, &txn, &found, &err), DS_OK, "of a revision");
    ds_etcd_found_free(&found);
    is_int(ds_etcd_txn(e, &txn, NULL, &err), DS_ECLUSTER_CONFLICT,
           "once alone");

    compare.target = DS_ETCD_VALUE;
    compare.value = "2";
    is_int(ds_etcd_txn(e, &txn, NULL, &err), DS_OK, "of a value");

    compare.target = DS_ETCD_VERSION;
    compare.result = DS_ETCD_GREATER;
    compare.number = 2;
    is_int(ds_etcd_txn(e, &txn, NULL, &err), DS_OK, "of a version");

    big = malloc(2 * 1024 * 1024);
    memset(big, 'x', 2 * 1024 * 1024);
    is_int(ds_etcd_put(e, "/t/big", big, 2 * 1024 * 1024, 0, NULL, &err),
           DS_ECLUSTER_REFUSED, "too large: %s", err.message);
    free(big);
}


static void
test_leases(ds_etcd_t *e)
{
    unsigned         ttl;
    int64_t          lease;
    ds_error_t       err;
    ds_etcd_found_t  found;

    ttl = 5;
    is_int(ds_etcd_grant(e, &ttl, &lease, &err), DS_OK, "a lease");
    ok(ttl == 5 && lease > 0, "of 5 s");
    is_int(ds_etcd_put(e, "/t/lease", "x", 1, lease, NULL, &err), DS_OK,
           "a key under it");
    is_int(get(e, "/t/lease", &found), DS_OK, "is read");
    ok(found.n == 1 && found.kvs[0].lease == lease, "with it");
    ds_etcd_found_free(&found);

    ttl = 0;
    is_int(ds_etcd_keepalive(e, lease, &ttl, &err), DS_OK, "renewed");
    is_int(ttl, 5, "for 5 s");
    is_int(ds_etcd_timetolive(e, lease, &ttl, &err), DS_OK, "it lives");

    is_int(ds_etcd_revoke(e, lease, &err), DS_OK, "revoked");
    is_int(get(e, "/t/lease", &found), DS_OK, "its key");
    is_int(found.n, 0, "is gone");
    ds_etcd_found_free(&found);

    is_int(ds_etcd_revoke(e, lease, &err), DS_OK, "twice is no error");
    is_int(ds_etcd_keepalive(e, lease, &ttl, &err), DS_ESTORE_NOT_FOUND,
           "it is not renewed any more");
    is_int(ds_etcd_timetolive(e, lease, &ttl, &err), DS_ESTORE_NOT_FOUND,
           "and does not live");
    is_int(ds_etcd_put(e, "/t/lease", "x", 1, lease, NULL, &err),
           DS_ESTORE_NOT_FOUND, "no key under it");
}


static void
compact(const char *url, int64_t revision)
{
    char  command[256];

    (void) snprintf(command, sizeof(command), "curl -sf -m 2 -X POST -d "
                    "'{\"revision\":\"%lld\",\"physical\":true}' "
                    "%s/v3/kv/compaction >/dev/null",
                    (long long) revision, url);
    ok(system(command) == 0, "compacted");
}


static void
test_watch(ds_etcd_t *e, etcd_t *etcd)
{
    int               i, rc;
    char              value[16];
    int64_t           revision;
    ds_error_t        err;
    ds_etcd_found_t   found;
    ds_etcd_event_t   event;
    ds_etcd_watch_t  *w;

    (void) get(e, "/t/w/a", &found);
    revision = found.revision + 1;
    ds_etcd_found_free(&found);

    (void) put(e, "/t/w/a", "1");
    (void) put(e, "/t/other", "1");
    (void) put(e, "/t/w/b", "2");
    (void) ds_etcd_delete(e, "/t/w/a", false, NULL);

    w = ds_etcd_watch_open(e, "/t/w/", true, revision, &err);
    ok(w != NULL, "a watch");

    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "of what was");
    is_str(event.kv.key, "/t/w/a", "the first");
    ok(!event.deleted && strcmp(event.kv.value, "1") == 0, "a put");
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "the next");
    is_str(event.kv.key, "/t/w/b", "of the prefix alone");
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "the last");
    ok(event.deleted && strcmp(event.kv.key, "/t/w/a") == 0, "a delete");
    is_int(ds_etcd_watch_next(w, 50, &event, &err), 0, "no more");
    ok(ds_etcd_watch_fd(w) != -1, "which can be waited for");

    (void) put(e, "/t/w/c", "3");
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "what comes");

    /* etcd dies and comes back: nothing is left out, nothing twice */

    etcd_stop(etcd);

    for (i = 0; i < 20; i++) {
        rc = ds_etcd_watch_next(w, 100, &event, &err);

        if (rc == DS_ECLUSTER_LOST) {
            break;
        }
    }

    is_int(rc, DS_ECLUSTER_LOST, "lost: %s", err.message);
    ok(etcd_start(etcd), "etcd is back");

    for (i = 0; i < 3; i++) {
        (void) snprintf(value, sizeof(value), "%d", i);
        is_int(put(e, "/t/w/d", value), DS_OK, "written %d", i);
    }

    for (i = 0; i < 3; i++) {
        do {
            rc = ds_etcd_watch_next(w, 3000, &event, &err);
        } while (rc == DS_ECLUSTER_LOST);

        (void) snprintf(value, sizeof(value), "%d", i);
        ok(rc == 1 && strcmp(event.kv.value, value) == 0, "told %d", i);
    }

    is_int(ds_etcd_watch_next(w, 50, &event, &err), 0, "once each");
    revision = event.revision;
    ds_etcd_watch_close(&w);

    compact(etcd->url, revision);
    w = ds_etcd_watch_open(e, "/t/w/", true, 2, &err);
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), DS_ECLUSTER_COMPACTED,
           "compacted: %s", err.message);
    ds_etcd_watch_close(&w);
}


static void
test_endpoints(etcd_t *etcd)
{
    char              urls[256];
    ds_error_t        err;
    ds_etcd_t        *e;
    ds_cancel_t       cancel;
    ds_etcd_conf_t    conf;
    ds_etcd_found_t   found;

    (void) snprintf(urls, sizeof(urls), "http://127.0.0.1:%d,%s", etcd_port(),
                    etcd->url);
    e = client(urls, 0, 0);
    is_int(put(e, "/t/turn", "1"), DS_OK, "the second endpoint is taken");
    is_str(ds_etcd_endpoint(e), etcd->url, "and stays");
    ds_etcd_free(&e);

    (void) snprintf(urls, sizeof(urls), "http://127.0.0.1:%d", etcd_port());
    e = client(urls, 0, 0);
    is_int(ds_etcd_put(e, "/t/x", "1", 1, 0, NULL, &err), DS_ECLUSTER_LOST,
           "nobody is there: %s", err.message);
    ds_etcd_free(&e);

    e = client(" ", 0, 0);
    ok(e == NULL, "no endpoint");

    (void) ds_cancel_init(&cancel);
    memset(&conf, 0, sizeof(conf));
    conf.endpoints = etcd->url;
    e = ds_etcd_create(&conf, &cancel, NULL);
    ds_cancel_set(&cancel);
    is_int(get(e, "/t/x", &found), DS_ECANCELED, "canceled");
    ds_etcd_free(&e);
    ds_cancel_free(&cancel);
}


/* what is no etcd: each connection is answered as "mode" says */

typedef struct {
    int          fd;
    int          port;
    atomic_int   mode;
    int          to;                /* port of an etcd; 0: none */
    atomic_int   asked;             /* whole requests */
    pthread_t    thread;
} bad_t;

enum {
    BAD_SILENT = 0, BAD_DRIP, BAD_CLOSE, BAD_CUT, BAD_JSON, BAD_HTML, BAD_TYPES,
    BAD_BASE64, BAD_ENDLESS, BAD_BUSY, BAD_LESSOR, BAD_END,
    BAD_PASS, BAD_LOST              /* the answer to one write is */
};


static void
bad_answer(bad_t *b, int c)
{
    int          mode;
    char         head[256];
    const char  *body;

    static char  filler[65536];

    static const char *const  bodies[BAD_END] = {
        [BAD_JSON] = "{\"header\":{\"rev",
        [BAD_TYPES] = "{\"header\":[],\"kvs\":{\"a\":[1]},\"succeeded\":7}",
        [BAD_BASE64] = "{\"kvs\":[{\"key\":\"%%%\",\"value\":7}]}",
        [BAD_HTML] = "<html>502</html>",
        [BAD_BUSY] = "{\"error\":\"etcdserver: request timed out\",\"message\""
                     ":\"etcdserver: request timed out\",\"code\":14}",
        [BAD_LESSOR] = "{\"error\":\"not a primary lessor\",\"message\":"
                       "\"not a primary lessor\",\"code\":2}"
    };

    mode = b->mode;
    body = bodies[mode];

    if (body != NULL) {
        (void) snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n"
                        "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                        mode == BAD_HTML ? "502 Bad Gateway"
                        : mode >= BAD_BUSY ? "503 X" : "200 OK",
                        strlen(body));
        (void) !write(c, head, strlen(head));
        (void) !write(c, body, strlen(body));
        return;
    }

    switch (mode) {

    case BAD_SILENT:
        (void) !read(c, filler, sizeof(filler));
        break;

    case BAD_DRIP:
        (void) !write(c, "HTTP/1.1 200 OK\r\n\r\n", 19);

        while (send(c, "{", 1, MSG_NOSIGNAL) > 0) {
            (void) usleep(10000);
        }
        break;

    case BAD_CUT:
        (void) !write(c, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
                      "{\"header\":{}", 53);
        break;

    case BAD_ENDLESS:
        (void) !write(c, "HTTP/1.1 200 OK\r\n\r\n", 19);
        memset(filler, ' ', sizeof(filler));

        while (send(c, filler, sizeof(filler), MSG_NOSIGNAL) > 0) {
            /* void */
        }
        break;
    }
}


/* what is asked of an etcd, and what that answers */

static void
bad_pass(bad_t *b, int c, char *buf, size_t n)
{
    int      fd;
    bool     lost;
    char    *p;
    ssize_t  got;

    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(b->to);

    lost = b->mode == BAD_LOST && strstr(buf, "request_put") != NULL;

    /* one answer, and the connection is closed */

    p = strstr(buf, "HTTP/1.1");
    p[7] = '0';

    fd = socket(AF_INET, SOCK_STREAM, 0);

    if (connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0
        && write(fd, buf, n) == (ssize_t) n)
    {
        while ((got = read(fd, buf, n)) > 0) {
            if (!lost) {
                (void) !write(c, buf, (size_t) got);
            }
        }
    }

    if (lost) {
        b->mode = BAD_PASS;
    }

    (void) close(fd);
}


static void *
bad_run(void *data)
{
    int      c;
    char     buf[65536], *p;
    bad_t   *b = data;
    size_t   n, want;
    ssize_t  got;

    while ((c = accept(b->fd, NULL, NULL)) != -1) {
        n = 0;
        want = SIZE_MAX;

        while (n < want && n < sizeof(buf) - 1
               && (got = read(c, buf + n, sizeof(buf) - 1 - n)) > 0)
        {
            n += (size_t) got;
            buf[n] = '\0';
            p = strstr(buf, "\r\n\r\n");

            if (p != NULL) {
                want = (size_t) (p + 4 - buf);
                p = strcasestr(buf, "content-length:");
                want += p != NULL ? strtoul(p + 15, NULL, 10) : 0;
            }
        }

        if (n >= want) {
            b->asked++;

            if (b->mode > BAD_END) {
                bad_pass(b, c, buf, n);

            } else {
                bad_answer(b, c);
            }
        }

        (void) close(c);
    }

    return NULL;
}


static void
bad_start(bad_t *b, int to)
{
    socklen_t  len;

    struct sockaddr_in  sin;

    memset(b, 0, sizeof(bad_t));
    b->to = to;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);
    b->fd = socket(AF_INET, SOCK_STREAM, 0);
    (void) bind(b->fd, (struct sockaddr *) &sin, len);
    (void) listen(b->fd, 16);
    (void) getsockname(b->fd, (struct sockaddr *) &sin, &len);
    b->port = ntohs(sin.sin_port);
    (void) pthread_create(&b->thread, NULL, bad_run, b);
}


static void
bad_stop(bad_t *b)
{
    (void) shutdown(b->fd, SHUT_RDWR);
    (void) pthread_join(b->thread, NULL);
    (void) close(b->fd);
}


static void
test_bad(etcd_t *etcd)
{
    int              mode;
    char             url[64], both[160];
    bad_t            b;
    ds_etcd_t       *e, *two;
    ds_error_t       err;
    unsigned         ttl;
    int64_t          lease;
    ds_etcd_event_t  event;
    ds_etcd_found_t  found;
    ds_etcd_watch_t *w;

    bad_start(&b, 0);

    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d", b.port);
    (void) snprintf(both, sizeof(both), "%s,%s", url, etcd->url);

    for (mode = 0; mode < BAD_END; mode++) {
        b.mode = mode;
        e = client(url, 300, 300);
        b.asked = 0;

        is_int(get(e, "/t/x", &found),
               mode == BAD_BASE64 || mode == BAD_TYPES
               ? DS_ECLUSTER_REFUSED : DS_ECLUSTER_LOST,
               "bad answer %d: a read", mode);

        b.asked = 0;
        ttl = ds_etcd_put(e, "/t/x", "1", 1, 0, NULL, &err);

        if (mode == BAD_TYPES || mode == BAD_BASE64) {
            /* "succeeded" is no true */
            is_int((int) ttl, DS_ECLUSTER_CONFLICT,
                   "bad answer %d: a write", mode);

        } else {
            is_int((int) ttl, mode == BAD_LESSOR ? DS_ECLUSTER_LOST
                                                 : DS_ECLUSTER_UNKNOWN,
                   "bad answer %d: a write, %s", mode, err.message);
        }

        is_int(b.asked, 1, "bad answer %d: sent once", mode);
        ds_etcd_free(&e);
    }

    /* with a good one beside it: what may be sent twice is */

    b.mode = BAD_CLOSE;
    two = client(both, 500, 1500);
    is_int(get(two, "/t/x", &found), DS_OK, "a read goes on");
    ds_etcd_found_free(&found);
    ds_etcd_free(&two);

    two = client(both, 500, 1500);
    ttl = 5;
    is_int(ds_etcd_grant(two, &ttl, &lease, &err), DS_OK, "so does a lease");
    ds_etcd_free(&two);

    two = client(both, 500, 1500);
    is_int(put(two, "/t/once", "1"), DS_ECLUSTER_UNKNOWN, "a write does not");
    is_int(get(two, "/t/once", &found), DS_OK, "it is looked at");
    is_int(found.n, 0, "by who wants to know");
    ds_etcd_found_free(&found);

    w = ds_etcd_watch_open(two, "/t/bad", false, 0, &err);
    (void) put(two, "/t/bad", "0");
    is_int(ds_etcd_watch_next(w, 300, &event, &err), 0, "a watch");
    (void) put(two, "/t/bad", "1");
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "goes on as well");
    ds_etcd_watch_close(&w);
    ds_etcd_free(&two);

    bad_stop(&b);
}


static void
post(etcd_t *etcd, const char *path, const char *body, const char *ca)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command), "T=$(curl -s --cacert '%s' -d "
                    "'{\"name\":\"root\",\"password\":\"secret\"}' "
                    "%s/v3/auth/authenticate | "
                    "sed -n 's/.*\"token\":\"\\([^\"]*\\)\".*/\\1/p'); "
                    "curl -s -o /dev/null -m 2 --cacert '%s' "
                    "-H \"Authorization: $T\" -d '%s' %s/v3/%s",
                    ca, etcd->url, ca, body, etcd->url, path);
    (void) !system(command);
}


static void
test_tls(void)
{
    char             pem[128];
    etcd_t           etcd;
    ds_etcd_t       *e;
    ds_error_t       err;
    ds_etcd_conf_t   conf;
    ds_etcd_event_t  event;
    ds_etcd_watch_t *w;

    (void) tls_start;
    (void) tls_end;
    (void) tls_certificate(dir, "etcd.pem", "IP:127.0.0.1");
    (void) snprintf(pem, sizeof(pem), "%s/etcd.pem", dir);
    ok(etcd_make(&etcd, dir, "tls", pem), "etcd with TLS");

    memset(&conf, 0, sizeof(conf));
    conf.endpoints = etcd.url;
    e = ds_etcd_create(&conf, NULL, &err);
    is_int(ds_etcd_put(e, "/t/x", "1", 1, 0, NULL, &err), DS_ECLUSTER_LOST,
           "not trusted: %s", err.message);
    ds_etcd_free(&e);

    conf.ca = pem;
    e = ds_etcd_create(&conf, NULL, &err);
    is_int(put(e, "/t/x", "1"), DS_OK, "trusted");

    post(&etcd, "auth/user/add", "{\"name\":\"root\",\"password\":\"secret\"}",
         pem);
    post(&etcd, "auth/user/grant", "{\"user\":\"root\",\"role\":\"root\"}",
         pem);
    post(&etcd, "auth/enable", "{}", pem);

    is_int(ds_etcd_put(e, "/t/x", "1", 1, 0, NULL, &err), DS_ECLUSTER_DENIED,
           "without a name: %s", err.message);
    ds_etcd_free(&e);

    conf.user = "root";
    conf.password = "wrong";
    e = ds_etcd_create(&conf, NULL, &err);
    is_int(ds_etcd_put(e, "/t/x", "1", 1, 0, NULL, &err), DS_ECLUSTER_DENIED,
           "a wrong password: %s", err.message);
    ds_etcd_free(&e);

    conf.password = "secret";
    e = ds_etcd_create(&conf, NULL, &err);
    is_int(put(e, "/t/x", "2"), DS_OK, "the right one");

    /* tokens die with a member */

    etcd_stop(&etcd);
    ok(etcd_start(&etcd), "it comes back");
    is_int(put(e, "/t/x", "3"), DS_OK, "a token is renewed");

    w = ds_etcd_watch_open(e, "/t/", true, 1, &err);
    is_int(ds_etcd_watch_next(w, 3000, &event, &err), 1, "a watch with it");
    ds_etcd_watch_close(&w);
    ds_etcd_free(&e);
    etcd_stop(&etcd);
}


typedef struct {
    ds_store_t  *store;
    int          first;
    int          failed;
} adder_t;


static ds_store_t *
store_open(etcd_t *etcd, const char *name)
{
    char                path[96];
    ds_error_t          err;
    ds_store_t         *store;
    ds_cluster_conf_t   conf;

    memset(&conf, 0, sizeof(conf));
    conf.endpoints = etcd->url;
    conf.prefix = "/ds/";
    conf.node = name;

    (void) snprintf(path, sizeof(path), "%s/%s.db", dir, name);
    (void) ds_store_migrate(path, -1, &err);

    store = ds_store_open(path, true, &err);

    if (store == NULL || ds_store_join(store, &conf, &err) != DS_OK) {
        printf("# %s\n", err.message);
        return NULL;
    }

    return store;
}


static void
stored(ds_stored_t *s, const char *name)
{
    memset(s, 0, sizeof(ds_stored_t));
    (void) snprintf(s->def.name, sizeof(s->def.name), "%s", name);
    (void) snprintf(s->def.playlist, sizeof(s->def.playlist),
                    "https://example.com/\"%s\"\xc3\xa9.m3u", name);
    s->def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    s->def.playlist_refresh = DS_REFRESH_DEFAULT;
    s->def.refresh_jitter = DS_JITTER_DEFAULT;
    s->def.loop = true;
}


static void
entry(ds_queued_t *q, int i)
{
    memset(q, 0, sizeof(ds_queued_t));
    (void) snprintf(q->id, sizeof(q->id), "%04x", i);
    (void) snprintf(q->url, sizeof(q->url), "https://example.com/%d.mp4", i);
    q->place = INT64_MAX;
    q->at = ds_now();
}


static void *
adder_run(void *data)
{
    int          i, rc;
    adder_t     *a = data;
    ds_queued_t  q;

    for (i = 0; i < 20; i++) {
        do {
            entry(&q, a->first + i);
            rc = ds_store_queue_add(a->store, "lofi", &q, NULL, NULL, NULL);
        } while (rc == DS_ECLUSTER_CONFLICT);

        a->failed += rc != DS_OK;
    }

    return NULL;
}


static void
test_share_definitions(ds_store_t *a, ds_store_t *b)
{
    ds_error_t   err;
    ds_stored_t  def, got;

    stored(&def, "lofi");
    is_int(ds_store_create(a, &def, &err), DS_OK, "made on one: %s",
           err.message);
    is_int(ds_store_get(b, "lofi", &got, &err), DS_ESTORE_NOT_FOUND,
           "a copy is made when it is asked for");
    is_int(ds_store_refresh(b, "lofi", &err), DS_OK, "which it is: %s",
           err.message);
    is_int(ds_store_get(b, "lofi", &got, &err), DS_OK, "read on the other");
    is_str(got.def.playlist, def.def.playlist, "as it was written");
    ok(got.def.loop && !got.running && got.revision != 0
       && got.def.profile.width == 1280, "all of it");
    is_int(ds_store_create(b, &def, &err), DS_ESTORE_EXISTS, "made once");

    /* a change says what it was made of */

    def = got;
    def.def.shuffle = true;
    is_int(ds_store_put(b, &def, &err), DS_OK, "changed on the other");
    is_int(ds_store_put(a, &def, &err), DS_ECLUSTER_CONFLICT,
           "who has not seen that changes nothing: %s", err.message);
    is_int(ds_store_refresh(a, NULL, &err), DS_OK, "all are looked at");
    is_int(ds_store_get(a, "lofi", &got, &err), DS_OK, "here as well");
    ok(got.def.shuffle && got.revision > def.revision, "with the change");

    is_int(ds_store_set_running(a, "lofi", true, &err), DS_OK, "a wish");
    is_int(ds_store_refresh(b, "lofi", &err), DS_OK, "is told");
    (void) ds_store_get(b, "lofi", &got, &err);
    ok(got.running, "to the other");

}


/* both add to one queue at a time */

static void
test_share_queue(ds_store_t *a, ds_store_t *b)
{
    size_t        n, i;
    adder_t       adders[2];
    pthread_t     threads[2];
    ds_error_t    err;
    ds_queued_t   q, *rows;

    for (i = 0; i < 2; i++) {
        adders[i].store = i == 0 ? a : b;
        adders[i].first = (int) i * 100;
        adders[i].failed = 0;
        (void) pthread_create(&threads[i], NULL, adder_run, &adders[i]);
    }

    for (i = 0; i < 2; i++) {
        (void) pthread_join(threads[i], NULL);
        is_int(adders[i].failed, 0, "all were added by %d", (int) i);
    }

    is_int(ds_store_refresh(a, "lofi", &err), DS_OK, "the queue");
    is_int(ds_store_queue_list(a, "lofi", &rows, &n, &err), DS_OK, "is read");
    is_int(n, 40, "it has what both have added");

    for (i = 1; i < n; i++) {
        if (rows[i].place <= rows[i - 1].place) {
            break;
        }
    }

    is_int(i, n, "each at a place of its own");
    free(rows);

    entry(&q, 900);
    is_int(ds_store_queue_add(a, "lofi", &q, "key", "sum", &err), DS_OK,
           "under a key");
    entry(&q, 901);
    is_int(ds_store_queue_add(b, "lofi", &q, "key", "sum", &err), DS_OK,
           "and again, on the other");
    is_str(q.id, "0384", "is done once");

}


/* what the owner is asked to do is done once, by it alone, or by nobody */

static void
test_share_commands(ds_store_t *a, ds_store_t *b, ds_etcd_t *e)
{
    size_t           n, i;
    int64_t          epoch;
    ds_error_t       err;
    ds_command_t     c, got[4];
    ds_etcd_found_t  found;

    is_int(put(e, "/ds/owner/lofi", "a"), DS_OK, "an owner");
    (void) get(e, "/ds/owner/lofi", &found);
    epoch = found.kvs[0].created;
    ds_etcd_found_free(&found);

    memset(&c, 0, sizeof(c));
    c.epoch = epoch;

    for (i = 0; i < 6; i++) {
        (void) snprintf(c.id, sizeof(c.id), "%d", (int) i);
        (void) snprintf(c.what, sizeof(c.what), "what%d", (int) i);
        is_int(ds_store_command_put(b, "lofi", &c, &err), DS_OK,
               "command %d, on the other node", (int) i);
    }

    is_int(ds_store_command_drop(b, "lofi", "1", &err), DS_OK,
           "one is taken back");
    is_int(ds_store_command_put(b, "none", &c, &err), DS_ESTORE_NOT_FOUND,
           "none to a stream that is not there");

    n = 4;
    is_int(ds_store_command_take(a, "lofi", epoch, got, &n, &err), DS_OK,
           "the owner takes them");
    is_int(n, 4, "those it has room for");
    is_str(got[0].what, "what0", "in their order");
    is_str(got[1].what, "what2", "without the one taken back");

    is_int(ds_store_refresh(b, "lofi", &err), DS_OK, "the other one looks");
    is_int(ds_store_command_find(b, "lofi", "0", &err), DS_ESTORE_NOT_FOUND,
           "one is taken");
    is_int(ds_store_command_drop(b, "lofi", "0", &err), DS_ESTORE_NOT_FOUND,
           "and not to be taken back");
    is_int(ds_store_command_find(b, "lofi", "5", &err), DS_OK,
           "another one is not");

    n = 4;
    is_int(ds_store_command_take(a, "lofi", epoch, got, &n, &err), DS_OK,
           "taken");
    is_int(n, 1, "the last");

    /* for one that was the owner; and a hint, which is given once */

    c.epoch = epoch - 1;
    is_int(ds_store_command_put(b, "lofi", &c, &err), DS_OK, "late");

    c.epoch = epoch;
    c.id[0] = '\0';
    is_int(ds_store_command_put(b, "lofi", &c, &err), DS_OK, "a hint");
    is_int(ds_store_command_put(b, "lofi", &c, &err), DS_OK, "again");

    n = 4;
    is_int(ds_store_command_take(a, "lofi", epoch, got, &n, &err), DS_OK,
           "taken");
    is_int(n, 1, "the hint, once, and not what came late");

    n = 4;
    is_int(ds_store_command_take(a, "lofi", epoch, got, &n, &err), DS_OK,
           "nothing is left");
    is_int(n, 0, "of either");
}


/* the owner alone says where it is */

static void
test_share_owner(ds_store_t *a, ds_store_t *b, ds_etcd_t *e)
{
    size_t           n;
    int64_t          epoch;
    ds_error_t       err;
    ds_queued_t      q, *rows;
    ds_progress_t    progress;
    ds_etcd_found_t  found;

    is_int(put(e, "/ds/owner/lofi", "a"), DS_OK, "an owner");
    (void) get(e, "/ds/owner/lofi", &found);
    epoch = found.kvs[0].created;
    ds_etcd_found_free(&found);

    memset(&progress, 0, sizeof(progress));
    progress.valid = true;
    progress.state = DS_LIVE;
    progress.index = 7;

    (void) ds_store_begin(a, &err);
    ds_store_own(a, "lofi", epoch);
    is_int(ds_store_put_progress(a, "lofi", 0, &progress, &err), DS_OK,
           "where it is");
    is_int(ds_store_commit(a, &err), DS_OK, "is written by the owner: %s",
           err.message);

    progress.index = 3;
    (void) ds_store_begin(b, &err);
    ds_store_own(b, "lofi", epoch - 1);
    (void) ds_store_put_progress(b, "lofi", 0, &progress, &err);
    is_int(ds_store_commit(b, &err), DS_OK, "another one may say so");
    is_int(ds_store_refresh(b, "lofi", &err), DS_OK, "but");
    (void) ds_store_get_progress(b, "lofi", &progress, &err);
    is_int(progress.index, 7, "nobody hears it");

    entry(&q, 900);
    q.state = DS_QUEUED_OVER;
    (void) ds_store_begin(b, &err);
    ds_store_own(b, "lofi", epoch - 1);
    (void) ds_store_queue_put(b, "lofi", 0, &q, &err);
    is_int(ds_store_commit(b, &err), DS_OK, "so with the queue");
    is_int(ds_store_refresh(b, "lofi", &err), DS_OK, "which");
    (void) ds_store_queue_list(b, "lofi", &rows, &n, &err);
    is_int(n, 41, "stays as it was");
    free(rows);

}


static void
test_share_outage(ds_store_t *a, ds_store_t *b, etcd_t *etcd)
{
    size_t          n;
    ds_error_t      err;
    ds_queued_t    *rows;
    ds_stored_t     def, got;
    ds_progress_t   progress;

    etcd_stop(etcd);
    stored(&def, "late");
    is_int(ds_store_create(a, &def, &err), DS_ECLUSTER_LOST, "etcd is gone: %s",
           err.message);
    is_int(ds_store_refresh(a, "lofi", &err), DS_ECLUSTER_LOST, "it is said");
    is_int(ds_store_get(a, "lofi", &got, &err), DS_OK, "what was known is");
    is_int(ds_store_get(a, "late", &got, &err), DS_ESTORE_NOT_FOUND,
           "what was refused is not");
    ok(etcd_start(etcd), "it is back");

    is_int(ds_store_create(a, &def, &err), DS_OK, "now it is made");
    is_int(ds_store_delete(a, "lofi", &err), DS_OK, "deleted");
    is_int(ds_store_refresh(b, NULL, &err), DS_OK, "which all hear");
    is_int(ds_store_get(b, "lofi", &got, &err), DS_ESTORE_NOT_FOUND, "gone");
    is_int(ds_store_get(b, "late", &got, &err), DS_OK, "the new one is there");

    stored(&def, "lofi");
    is_int(ds_store_create(b, &def, &err), DS_OK, "made again");
    is_int(ds_store_refresh(a, NULL, &err), DS_OK, "elsewhere");
    (void) ds_store_queue_list(a, "lofi", &rows, &n, &err);
    is_int(n, 0, "with nothing of the one before");
    (void) ds_store_get_progress(a, "lofi", &progress, &err);
    ok(!progress.valid, "not where it was either");
    free(rows);
}


/* the answer to a write is lost: it is looked for, with its revision */

static void
test_share_unknown(etcd_t *etcd, ds_etcd_t *e)
{
    bad_t            b;
    etcd_t           via;
    ds_error_t       err;
    ds_store_t      *store;
    ds_stored_t      def, got;
    ds_etcd_found_t  found;

    bad_start(&b, etcd->port);
    via = *etcd;
    (void) snprintf(via.url, sizeof(via.url), "http://127.0.0.1:%d", b.port);
    store = store_open(&via, "unsure");

    b.mode = BAD_LOST;
    stored(&def, "unsure");
    is_int(ds_store_create(store, &def, &err), DS_OK, "an answer is lost");
    is_int(b.mode, BAD_PASS, "that to the write");

    is_int(get(e, "/ds/stream/unsure", &found), DS_OK, "it is there");
    is_int(found.n, 1, "in etcd");
    is_int(ds_store_revision(store), found.kvs[0].modified, "as of when");
    ds_etcd_found_free(&found);

    is_int(ds_store_get(store, "unsure", &got, &err), DS_OK, "and here");
    is_int(got.revision, ds_store_revision(store), "of that revision");
    is_int(ds_store_put(store, &got, &err), DS_OK, "which it still has");

    ds_store_close(&store);
    bad_stop(&b);
}


static void
test_share(etcd_t *etcd, ds_etcd_t *e)
{
    ds_store_t  *a, *b;

    a = store_open(etcd, "a");
    b = store_open(etcd, "b");

    if (!ok(a != NULL && b != NULL, "two stores")) {
        return;
    }

    test_share_definitions(a, b);
    test_share_queue(a, b);
    test_share_commands(a, b, e);
    test_share_owner(a, b, e);
    test_share_outage(a, b, etcd);
    test_share_unknown(etcd, e);

    ds_store_close(&a);
    ds_store_close(&b);
}


int
main(void)
{
    char        command[64];
    etcd_t      etcd;
    ds_etcd_t  *e;

    if (!etcd_there()) {
        printf("1..0 # SKIP etcd is not installed\n");
        return 0;
    }

    (void) signal(SIGPIPE, SIG_IGN);
    (void) curl_global_init(CURL_GLOBAL_DEFAULT);

    if (mkdtemp(dir) == NULL || !etcd_make(&etcd, dir, "one", "")) {
        ok(false, "etcd does not start");
        return done_testing();
    }

    e = client(etcd.url, 0, 0);

    test_keys(e);
    test_txn(e);
    test_leases(e);
    test_watch(e, &etcd);
    test_endpoints(&etcd);
    test_bad(&etcd);
    test_share(&etcd, e);
    ds_etcd_free(&e);
    etcd_stop(&etcd);

    test_tls();

    curl_global_cleanup();

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    (void) !system(command);

    return done_testing();
}
