
/*
 * ds_http.c: bytes of a resource over http or https (libcurl), or of a file
 * below media_root.  The reader pulls: the network is read when the buffer
 * is empty and only then, so a slow reader slows the sender by TCP alone.
 * When bytes stop it waits and asks again at the same byte, or asks for
 * another URL.  Knows nothing of media, and of where URLs come from.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/ds_url.h"
#include "base/ds_utf.h"
#include "net/ds_access.h"
#include "net/ds_http.h"
#include "net/ds_inflate.h"
#include "net/ds_refusal.h"


/* a list is read in so many times the source_timeout, or not at all */
#define DS_HTTP_GET_TIMES  3

#define DS_HTTP_RECEIVE    (32 * 1024)
#define DS_HTTP_CONNECT    10000            /* ms */
#define DS_HTTP_KEEP       4L               /* connections without a request */
#define DS_HTTP_REDIRECTS  20               /* as browsers do */
#define DS_HTTP_CIRCLE     10               /* to be looked for from then on */
#define DS_HTTP_BUFFER     DS_HTTP_RECEIVE
#define DS_HTTP_SKIP       (256 * 1024)     /* read on rather than seek */
#define DS_HTTP_TAG        128              /* a longer ETag is none */
#define DS_HTTP_HEAD       (256 * 1024)     /* response heads of a request */

#define DS_HTTP_AGENT      "Mozilla/5.0 (compatible; ngx_directstream)"

#define DS_HTTP_WAIT_MIN  200               /* ms */
#define DS_HTTP_WAIT_MAX  5000
#define DS_HTTP_HOLDS     3                 /* 429 in a row */
#define DS_HTTP_DAY       86400             /* s */
#define DS_HTTP_PROGRESS  (16 * 1024)       /* bytes that make a new start */


struct ds_http_s {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    char               *url;
    char               *at;                 /* behind redirects */
    char               *next;               /* where the answer leads to */
    char               *mark;               /* it has led to this before */
    char               *host;               /* for messages, and holds */
    char               *origin;             /* see ds_http_req_t */
    char               *fields;
    struct curl_slist  *headers;            /* of "fields", what is sent */
    struct curl_slist  *aliases;            /* of "HTTP/1.0 200 OK" */
    ds_inflate_t       *inflate;            /* NULL: the body is as it is */
    ds_http_pool_t     *own;                /* NULL: it is somebody else's */
    CURLM              *multi;              /* the pool's */
    CURL               *easy;
    size_t              chunk;
    int64_t             end;                /* 0: all is asked for */
    int                 fd;                 /* a file's, else -1 */

    int64_t             want;               /* offset of the next read */
    int64_t             have;               /* offset of buf[head] */
    int64_t             asked;              /* where the request begins */
    int64_t             last;               /* and ends, 0: nowhere */
    int64_t             size;               /* -1: unknown */

    /* of the URL, see ds_http_req_t */
    int64_t             resolved_at;
    int64_t             available_at;
    int64_t             expires_at;
    int64_t             renew_at;
    const ds_http_hooks_t  *hooks;

    /* faults in a row */
    int64_t             broken;             /* ms, when bytes ended, 0: never */
    int64_t             resumed;            /* where the last fault was */
    unsigned            resumes;
    unsigned            holds;              /* 429 */

    /* what the resource is known by, "": nothing */
    char                etag[DS_HTTP_TAG];
    char                modified[DS_HTTP_TAG];

    /* the response being received */
    int64_t             first;              /* Content-Range, -1: none */
    int64_t             stop;               /* offset of its end, -1: unknown */
    int64_t             total;              /* -1: unknown */
    char                new_etag[DS_HTTP_TAG];
    char                type[DS_HTTP_TAG];  /* Content-Type */
    char                new_modified[DS_HTTP_TAG];
    size_t              head_size;
    long                status;
    unsigned            hops;               /* redirects followed */
    unsigned            denied;             /* addresses refused by a rule */
    unsigned            tried;              /* addresses connected to */

    size_t              head;
    size_t              tail;

    unsigned            ranges:1;           /* ask for ranges */
    unsigned            seekable:1;
    unsigned            patient:1;
    unsigned            known:1;            /* it was answered once */
    unsigned            served:1;           /* bytes came from this URL */
    unsigned            changed:1;          /* it is another resource now */
    unsigned            running:1;
    unsigned            ended:1;            /* and it is still "running" */
    unsigned            paused:1;
    unsigned            answered:1;         /* the final head is here */
    unsigned            redirected:1;
    unsigned            coded:1;            /* says that it is compressed */
    unsigned            begun:1;            /* a byte of the body has come */
    unsigned            bound:1;            /* read from a certain address */

    CURLcode            code;               /* how it ended */
    ds_error_t          error;              /* the transfer's, or the last */
    char                text[CURL_ERROR_SIZE];
    unsigned char       buf[DS_HTTP_BUFFER];
};


/*
 * A session of TLS is of no use to another thread: libcurl before 8.11 would
 * have two of them write to it.
 */

struct ds_http_pool_s {
    CURLM   *multi;
    CURLSH  *share;
};


static ds_http_t *ds_http_new(const ds_conf_t *conf, const ds_http_req_t *req,
    bool ranges, ds_cancel_t *cancel, ds_error_t *err);
static int ds_http_location(ds_http_t *h, const char *url, bool *file,
    ds_error_t *err);
static bool ds_http_proxied(const ds_http_t *h);
static int ds_http_way(ds_http_t *h);
static int ds_http_aim(ds_http_t *h, const char *url);
static int ds_http_send(ds_http_t *h);
static int ds_http_moved(ds_http_t *h);
static int ds_http_follow(ds_http_t *h);
static int ds_http_target(ds_http_t *h, const ds_http_req_t *req,
    bool *file, ds_error_t *err);
static int ds_http_setup(ds_http_t *h, ds_http_pool_t *pool);
static int ds_http_format(ds_error_t *err);
static int ds_http_start(ds_http_t *h);
static void ds_http_stop(ds_http_t *h);
static int ds_http_pump(ds_http_t *h);
static void ds_http_ended(ds_http_t *h);
static int ds_http_finish(ds_http_t *h);
static size_t ds_http_take(ds_http_t *h, void *buf, size_t n);
static size_t ds_http_unpack(ds_http_t *h, void *buf, size_t n);
static int ds_http_begin(ds_http_t *h, const uint8_t *p, size_t n);
static int ds_http_error(ds_http_t *h, ds_error_t *err);
static size_t ds_http_on_body(char *p, size_t size, size_t n, void *data);
static curl_socket_t ds_http_on_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);

static int ds_http_headers(ds_http_t *h, const char *url);
static bool ds_http_sent(const char *line, bool own);
static int ds_http_cookies(ds_http_t *h, const char *cookies);
static int ds_http_condition(ds_http_t *h);
static size_t ds_http_on_header(char *p, size_t size, size_t n, void *data);
static const char *ds_http_field(ds_http_t *h, const char *name);
static void ds_http_fields(ds_http_t *h);
static int64_t ds_http_length(ds_http_t *h);
static int ds_http_answer(ds_http_t *h);
static int ds_http_coding(ds_http_t *h);
static int ds_http_whole(ds_http_t *h);
static int ds_http_partial(ds_http_t *h);
static bool ds_http_guess(ds_http_t *h, int64_t length);
static int ds_http_status(ds_http_t *h);
static int ds_http_refused(ds_http_t *h);
static void ds_http_tag(char *dst, const char *value);
static bool ds_http_same(ds_http_t *h);
static int ds_http_know(ds_http_t *h);
static int ds_http_changed(ds_http_t *h, const char *what);
static int ds_http_failed(ds_http_t *h, CURLcode code);

static bool ds_http_again(ds_http_t *h);
static bool ds_http_transient(ds_http_t *h);
static bool ds_http_held(ds_http_t *h);
static void ds_http_refresh(ds_http_t *h);
static int ds_http_renew(ds_http_t *h, ds_error_t *err);


int
ds_http_init(ds_error_t *err)
{
    CURLcode  code;

    code = curl_global_init(CURL_GLOBAL_DEFAULT);

    if (code != CURLE_OK) {
        return ds_fail(err, DS_EINTERNAL, "curl_global_init() failed: %s",
                       curl_easy_strerror(code));
    }

    return DS_OK;
}


ds_http_pool_t *
ds_http_pool_create(void)
{
    ds_http_pool_t  *pool;

    pool = calloc(1, sizeof(ds_http_pool_t));
    if (pool == NULL) {
        return NULL;
    }

    pool->multi = curl_multi_init();
    pool->share = curl_share_init();

    if (pool->multi == NULL || pool->share == NULL
        || curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, DS_HTTP_KEEP)
           != CURLM_OK
        || curl_share_setopt(pool->share, CURLSHOPT_SHARE,
                             CURL_LOCK_DATA_SSL_SESSION)
           != CURLSHE_OK)
    {
        ds_http_pool_free(&pool);
    }

    return pool;
}


void
ds_http_pool_free(ds_http_pool_t **pool)
{
    if (*pool != NULL) {
        (void) curl_multi_cleanup((*pool)->multi);
        (void) curl_share_cleanup((*pool)->share);
        free(*pool);
        *pool = NULL;
    }
}


ds_http_t *
ds_http_open(const ds_conf_t *conf, const ds_http_req_t *req,
    ds_cancel_t *cancel, ds_error_t *err)
{
    return ds_http_new(conf, req, true, cancel, err);
}


static ds_http_t *
ds_http_new(const ds_conf_t *conf, const ds_http_req_t *req, bool ranges,
    ds_cancel_t *cancel, ds_error_t *err)
{
    bool             file;
    ds_http_t       *h;
    ds_http_pool_t  *pool;

    h = malloc(sizeof(ds_http_t));
    if (h == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        return NULL;
    }

    /* the buffer's pages stay untouched until they are used */
    memset(h, 0, offsetof(ds_http_t, buf));

    file = false;

    h->conf = conf;
    h->cancel = cancel;
    h->hooks = req->hooks;
    h->chunk = req->chunk;
    h->end = req->end;
    h->want = req->offset;
    h->ranges = ranges;
    h->patient = req->patient;
    h->fd = -1;
    h->size = -1;

    pool = req->pool;

    if (pool == NULL) {
        pool = h->own = ds_http_pool_create();
    }

    h->easy = curl_easy_init();

    if (pool == NULL || h->easy == NULL || ds_http_setup(h, pool) != DS_OK) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        goto failed;
    }

    if (req->local) {
        h->fd = ds_access_kept(req->url, &h->size, err);
        if (h->fd == -1) {
            goto failed;
        }

        h->seekable = 1;

        return h;
    }

    if (ds_http_target(h, req, &file, err) != DS_OK) {
        goto failed;
    }

    if (file) {
        h->fd = ds_access_file(conf, req->url, &h->size, err);
        if (h->fd == -1) {
            goto failed;
        }

        h->seekable = 1;

        return h;
    }

    do {
        if (ds_http_start(h) == DS_OK) {
            (void) ds_http_pump(h);
        }
    } while (h->error.code != DS_OK && !h->answered
             && (h->patient || h->error.code == DS_ESOURCE_RATE_LIMITED)
             && ds_http_again(h));

    /* what broke after the head is the first read's to mend or to report */

    if (h->error.code != DS_OK && !h->answered) {
        (void) ds_http_error(h, err);
        goto failed;
    }

    return h;

failed:

    ds_http_close(&h);

    return NULL;
}


static int
ds_http_target(ds_http_t *h, const ds_http_req_t *req, bool *file,
    ds_error_t *err)
{
    int    rc;
    char  *url, *origin, *fields;
    long   family;

    rc = ds_http_location(h, req->url, file, err);
    if (rc != DS_OK) {
        return rc;
    }

    /* it is the proxy's to choose, or the address's that is read from */

    family = ds_http_proxied(h) ? CURL_IPRESOLVE_WHATEVER
             : req->family == 4 ? CURL_IPRESOLVE_V4
             : req->family == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_WHATEVER;

    if (h->bound) {
        family = strchr(h->conf->source_bind, ':') == NULL
                 ? CURL_IPRESOLVE_V4 : CURL_IPRESOLVE_V6;
    }

    url = strdup(req->url);
    origin = NULL;
    (void) ds_url_ascii(&origin, req->origin == NULL ? req->url : req->origin);
    fields = strdup(req->headers == NULL ? "" : req->headers);

    if (url == NULL || origin == NULL || fields == NULL
        || ds_http_cookies(h, req->cookies) != DS_OK
        || curl_easy_setopt(h->easy, CURLOPT_IPRESOLVE, family) != CURLE_OK)
    {
        free(url);
        free(origin);
        free(fields);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    free(h->url);
    free(h->origin);
    free(h->fields);

    h->url = url;
    h->origin = origin;
    h->fields = fields;
    h->resolved_at = req->resolved_at;
    h->available_at = req->available_at;
    h->expires_at = req->expires_at;
    h->renew_at = req->renew_at;
    h->served = 0;

    return DS_OK;
}


/* which kind of URL it is, and the host that messages name */

static int
ds_http_location(ds_http_t *h, const char *url, bool *file, ds_error_t *err)
{
    int     rc;
    char   *scheme, *host;
    CURLU  *u;

    rc = DS_OK;
    scheme = NULL;
    host = NULL;

    u = curl_url();

    if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
        != CURLUE_OK
        || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    {
        rc = ds_fail(err, u == NULL ? DS_ENOMEM : DS_ESOURCE_DENIED,
                     "source is not a valid URL");
        goto done;
    }

    *file = (strcmp(scheme, "file") == 0);

    if (!*file && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
    {
        rc = ds_fail(err, DS_ESOURCE_DENIED,
                     "scheme \"%.32s\" of a source is not allowed%s%s", scheme,
                     h->host == NULL ? "" : ", redirected by ",
                     h->host == NULL ? "" : h->host);
        goto done;
    }

    (void) curl_url_get(u, CURLUPART_HOST, &host, 0);

    free(h->host);
    h->host = strdup((host == NULL) ? "localhost" : host);

    if (h->host == NULL) {
        rc = ds_fail(err, DS_ENOMEM, "no memory");
    }

done:

    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);

    return rc;
}


static int
ds_http_setup(ds_http_t *h, ds_http_pool_t *pool)
{
    int    rc;
    long   timeout;
    char  *path;
    CURL  *e;

    e = h->easy;
    path = NULL;

    timeout = h->conf->source_timeout;
    if (timeout > DS_HTTP_CONNECT) {
        timeout = DS_HTTP_CONNECT;
    }

    h->multi = pool->multi;

    rc = 0;
    rc |= curl_easy_setopt(e, CURLOPT_PRIVATE, h);
    rc |= curl_easy_setopt(e, CURLOPT_SHARE, pool->share);
    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(e, CURLOPT_COOKIEFILE, "");

    /* as old servers of radio stations begin */
    h->aliases = curl_slist_append(NULL, "ICY 200 OK");
    rc |= (h->aliases == NULL)
          || curl_easy_setopt(e, CURLOPT_HTTP200ALIASES, h->aliases);
    rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, DS_HTTP_AGENT);

    /* HTTP/2 would buffer a whole window for a paused reader */
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);

    rc |= ds_http_way(h);
    rc |= curl_easy_setopt(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long) DS_HTTP_RECEIVE);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, timeout);

    /* a bundle is read whole for each connection, of a directory what is
       needed */

    if (curl_easy_getinfo(e, CURLINFO_CAPATH, &path) == CURLE_OK
        && path != NULL)
    {
        rc |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    }

    /* a cancel must not wait for getaddrinfo() */
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);

    rc |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->text);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ds_http_on_body);
    rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, ds_http_on_header);
    rc |= curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, ds_http_on_socket);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, h);

    return (rc == 0) ? DS_OK : DS_ENOMEM;
}


static bool
ds_http_proxied(const ds_http_t *h)
{
    return h->conf->source_proxy != NULL && *h->conf->source_proxy != '\0';
}


/* no variable of the environment is asked for a proxy */

static int
ds_http_way(ds_http_t *h)
{
    int    rc;
    char  *from;

    rc = curl_easy_setopt(h->easy, CURLOPT_PROXY,
                          ds_http_proxied(h) ? h->conf->source_proxy : "");
    rc |= curl_easy_setopt(h->easy, CURLOPT_NOPROXY, "");
    rc |= curl_easy_setopt(h->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

    h->bound = h->conf->source_bind != NULL && *h->conf->source_bind != '\0';

    if (h->bound) {
        from = ds_sprintf("host!%s", h->conf->source_bind);
        rc |= (from == NULL)
              || curl_easy_setopt(h->easy, CURLOPT_INTERFACE, from);
        free(from);
    }

    return rc;
}


ssize_t
ds_http_read(ds_http_t *h, void *buf, size_t n, ds_error_t *err)
{
    size_t   taken;
    ssize_t  rc;

    if (h->fd != -1) {
        rc = pread(h->fd, buf, n, h->want);

        if (rc == -1) {
            return ds_fail(err, DS_ESOURCE_FAILED, "pread() failed: %s",
                           strerror(errno));
        }

        h->want += rc;

        return rc;
    }

    for ( ;; ) {
        taken = ds_http_take(h, buf, n);
        if (taken > 0) {
            return taken;
        }

        if (h->error.code != DS_OK && !ds_http_again(h)) {
            return ds_http_error(h, err);
        }

        if (h->size >= 0 && h->want >= h->size) {
            return 0;
        }

        if (h->inflate != NULL && !h->running) {

            /* nothing can go on in the middle of it */

            return ds_inflate_ended(h->inflate)
                   ? 0 : ds_fail(err, DS_ESOURCE_CUT,
                                 "ended within what is compressed, host: "
                                 "\"%s\"", h->host);
        }

        if (h->running || ds_http_start(h) == DS_OK) {
            (void) ds_http_pump(h);
        }
    }
}


int
ds_http_seek(ds_http_t *h, int64_t offset)
{
    if (offset < 0) {
        return DS_ESOURCE_FAILED;
    }

    if (h->fd == -1 && !h->seekable && offset < h->have) {
        return DS_ESOURCE_FAILED;
    }

    h->want = offset;

    return DS_OK;
}


int
ds_http_rewind(ds_http_t *h, int64_t offset)
{
    if (h->inflate != NULL) {
        return DS_ESOURCE_FAILED;
    }

    h->ranges = 0;
    h->want = offset;

    return DS_OK;
}


bool
ds_http_near(ds_http_t *h, int64_t offset)
{
    int64_t  skip, buffered;

    if (h->fd != -1) {
        return true;
    }

    skip = offset - h->have;
    buffered = (int64_t) (h->tail - h->head);

    return skip >= 0
           && (skip <= buffered
               || (h->running && skip <= buffered + DS_HTTP_SKIP
                   && (h->stop < 0 || offset < h->stop)));
}


int64_t
ds_http_tell(ds_http_t *h)
{
    return h->want;
}


int64_t
ds_http_size(ds_http_t *h)
{
    return h->size;
}


bool
ds_http_seekable(ds_http_t *h)
{
    return h->seekable;
}


const char *
ds_http_type(ds_http_t *h)
{
    return h->type;
}


const char *
ds_http_url(ds_http_t *h)
{
    return h->at != NULL ? h->at : h->url != NULL ? h->url : "";
}


void
ds_http_close(ds_http_t **hp)
{
    ds_http_t  *h;

    h = *hp;
    *hp = NULL;

    if (h == NULL) {
        return;
    }

    if (h->fd != -1) {
        (void) close(h->fd);
    }

    ds_http_stop(h);

    curl_easy_cleanup(h->easy);
    ds_http_pool_free(&h->own);
    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->aliases);
    ds_inflate_free(&h->inflate);

    free(h->url);
    free(h->at);
    free(h->next);
    free(h->mark);
    free(h->host);
    free(h->origin);
    free(h->fields);
    free(h);
}


int
ds_http_get(const ds_conf_t *conf, const char *url, size_t max,
    ds_cancel_t *cancel, char **text, char **base, ds_error_t *err)
{
    char           *p, *buf;
    size_t          size, len;
    int64_t         end;
    ssize_t         n;
    ds_http_t      *h;
    ds_http_req_t   req;

    /* a byte now and then does not make it last for ever */

    end = ds_monotonic() + DS_HTTP_GET_TIMES * (int64_t) conf->source_timeout;

    memset(&req, 0, sizeof(req));
    req.url = url;

    h = ds_http_new(conf, &req, false, cancel, err);
    if (h == NULL) {
        return ds_http_format(err);
    }

    buf = NULL;
    size = 0;
    len = 0;

    do {
        if (len + 1 >= size) {
            size = (size == 0) ? 16 * 1024 : size * 2;
            p = realloc(buf, size);
            if (p == NULL) {
                n = ds_fail(err, DS_ENOMEM, "no memory");
                break;
            }
            buf = p;
        }

        n = ds_http_read(h, buf + len, size - len - 1, err);

        if (n > 0) {
            len += n;
        }

        if (n > 0 && ds_monotonic() > end) {
            n = ds_fail(err, DS_ESOURCE_TIMEOUT,
                        "list was not read in %u ms, host: \"%s\"",
                        DS_HTTP_GET_TIMES * conf->source_timeout, h->host);
            break;
        }

        if (len > max) {
            n = ds_fail(err, DS_EPLAYLIST_FORMAT,
                        "list is larger than %zu bytes, host: \"%s\"", max,
                        h->host);
        }
    } while (n > 0);

    if (n == 0 && ds_utf16(&buf, &len) != DS_OK) {
        n = ds_fail(err, DS_ENOMEM, "no memory");
    }

    if (n == 0 && memchr(buf, '\0', len) != NULL) {
        n = ds_fail(err, DS_EPLAYLIST_FORMAT,
                    "list is not text, host: \"%s\"", h->host);
    }

    *base = strdup(ds_http_url(h));

    if (n == 0 && *base == NULL) {
        n = ds_fail(err, DS_ENOMEM, "no memory");
    }

    ds_http_close(&h);

    if (n < 0) {
        free(*base);
        free(buf);
        return ds_http_format(err);
    }

    buf[len] = '\0';
    *text = buf;

    return DS_OK;
}


/* of a list, what is not understood is its format */

static int
ds_http_format(ds_error_t *err)
{
    if (err->code == DS_ESOURCE_INVALID) {
        err->code = DS_EPLAYLIST_FORMAT;
    }

    return err->code;
}


/* asks for what follows h->want, at most one chunk of it */

static int
ds_http_start(ds_http_t *h)
{
    int      n, rc;
    char     range[64];
    int64_t  last;

    ds_http_stop(h);
    ds_http_refresh(h);

    n = snprintf(range, sizeof(range), "%lld-", (long long) h->want);
    last = h->end > h->want ? h->end - 1 : INT64_MAX;

    if (h->chunk != 0 && last - h->want >= (int64_t) h->chunk) {
        last = h->want + (int64_t) h->chunk - 1;
    }

    if (last != INT64_MAX) {
        if (h->size > 0 && last >= h->size) {
            last = h->size - 1;
        }

        (void) snprintf(range + n, sizeof(range) - n, "%lld",
                        (long long) last);
    }

    if (curl_easy_setopt(h->easy, CURLOPT_RANGE, h->ranges ? range : NULL)
        != CURLE_OK)
    {
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    if (h->hooks != NULL && h->hooks->jar != NULL
        && ds_jar_load(h->hooks->jar, h->easy) != DS_OK)
    {
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    h->hops = 0;
    free(h->mark);
    h->mark = NULL;

    h->asked = h->ranges ? h->want : 0;
    h->last = h->ranges && last != INT64_MAX ? last + 1 : 0;
    h->have = h->asked;

    rc = ds_http_aim(h, h->url);

    return rc == DS_OK ? ds_http_send(h) : rc;
}


/* what is asked next, of this URL or of one that it leads to */

static int
ds_http_aim(ds_http_t *h, const char *url)
{
    int    rc;
    bool   file;
    char  *at;

    rc = ds_http_location(h, url, &file, &h->error);
    if (rc != DS_OK) {
        return rc;
    }

    /* what the proxy connects to is not seen here, but where it says so */

    if (ds_http_proxied(h) && !ds_access_host(h->conf, h->host)) {
        return ds_fail(&h->error, DS_ESOURCE_DENIED,
                       "address of the source is not allowed, host: \"%s\"",
                       h->host);
    }

    if (ds_url_ascii(&at, url) != DS_OK
        || ds_http_headers(h, at) != DS_OK
        || curl_easy_setopt(h->easy, CURLOPT_URL, at) != CURLE_OK
        || curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers)
           != CURLE_OK)
    {
        free(at);
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    free(h->at);
    h->at = at;

    return DS_OK;
}


static int
ds_http_send(ds_http_t *h)
{
    if (h->hooks != NULL && h->hooks->hold != NULL
        && ds_hold_wait(h->hooks->hold, h->host, h->cancel))
    {
        return ds_fail(&h->error, DS_ECANCELED, "canceled");
    }

    h->stop = -1;
    h->answered = 0;
    h->redirected = 0;
    h->coded = 0;
    h->begun = 0;
    h->head_size = 0;
    ds_inflate_free(&h->inflate);
    h->denied = 0;
    h->tried = 0;
    h->ended = 0;
    h->text[0] = '\0';

    if (curl_multi_add_handle(h->multi, h->easy) != CURLM_OK) {
        return ds_fail(&h->error, DS_EINTERNAL,
                       "curl_multi_add_handle() failed");
    }

    h->running = 1;

    return DS_OK;
}


/* ends the transfer, drops what is buffered */

static void
ds_http_stop(ds_http_t *h)
{
    if (h->running) {
        (void) curl_multi_remove_handle(h->multi, h->easy);
        h->running = 0;
    }

    h->paused = 0;
    h->head = 0;
    h->tail = 0;
}


/* runs the transfer until there is a head, a byte, its end or an error */

static int
ds_http_pump(ds_http_t *h)
{
    int                 n, rc;
    int64_t             now, deadline;
    CURLMcode           code;
    unsigned            answered;
    struct curl_waitfd  wait;

    answered = h->answered;
    deadline = ds_monotonic() + h->conf->source_timeout;

    wait.fd = h->cancel->fd;
    wait.events = CURL_WAIT_POLLIN;

    if (h->paused) {
        h->paused = 0;
        (void) curl_easy_pause(h->easy, CURLPAUSE_CONT);
    }

    for ( ;; ) {
        if (ds_cancel_is_set(h->cancel)) {
            ds_http_stop(h);
            return ds_fail(&h->error, DS_ECANCELED, "canceled");
        }

        code = curl_multi_perform(h->multi, &n);

        if (code != CURLM_OK) {
            ds_http_stop(h);
            return ds_fail(&h->error, DS_ESOURCE_FAILED,
                           "curl_multi_perform() failed: %s, host: \"%s\"",
                           curl_multi_strerror(code), h->host);
        }

        ds_http_ended(h);

        if (h->ended) {
            rc = ds_http_finish(h);

            if (rc != DS_OK || !h->running) {
                return rc;
            }
        }

        if (h->tail > h->head || h->answered != answered) {
            return DS_OK;
        }

        now = ds_monotonic();

        if (now >= deadline) {
            ds_http_stop(h);

            if (!h->answered) {
                return ds_fail(&h->error, DS_ESOURCE_TIMEOUT,
                               "no answer in %u ms, host: \"%s\"",
                               h->conf->source_timeout, h->host);
            }

            return ds_fail(&h->error, DS_ESOURCE_STALLED,
                           "no byte in %u ms at offset %lld, host: \"%s\"",
                           h->conf->source_timeout, (long long) h->have,
                           h->host);
        }

        (void) curl_multi_poll(h->multi, &wait, 1, (int) (deadline - now),
                               NULL);
    }
}


/* which transfers of the pool are over; those of others are told of it */

static void
ds_http_ended(ds_http_t *h)
{
    int         n;
    char       *p;
    CURLMsg    *msg;
    ds_http_t  *who;

    while ((msg = curl_multi_info_read(h->multi, &n)) != NULL) {

        p = NULL;
        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &p);

        who = (ds_http_t *) p;
        who->ended = 1;
        who->code = msg->data.result;
    }
}


/* the transfer is over; what it brought stays buffered */

static int
ds_http_finish(ds_http_t *h)
{
    int64_t   end;
    CURLcode  code;

    code = h->code;

    (void) curl_multi_remove_handle(h->multi, h->easy);
    h->running = 0;

    if (h->hooks != NULL && h->hooks->jar != NULL) {
        ds_jar_save(h->hooks->jar, h->easy);
    }

    if (h->error.code != DS_OK) {
        return h->error.code;
    }

    if (h->redirected) {
        return ds_http_follow(h);
    }

    if (code != CURLE_OK) {
        return ds_http_failed(h, code);
    }

    if (!h->answered) {
        return ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "no usable answer, host: \"%s\"", h->host);
    }

    if (h->inflate != NULL) {
        return DS_OK;
    }

    end = h->have + (int64_t) (h->tail - h->head);

    if (h->stop < 0 && h->size < 0) {
        h->size = end;
    }

    if (h->stop >= 0 ? end < h->stop : end < h->size) {
        return ds_fail(&h->error, DS_ESOURCE_CUT,
                       "ended at offset %lld of %lld, host: \"%s\"",
                       (long long) end,
                       (long long) (h->stop >= 0 ? h->stop : h->size),
                       h->host);
    }

    return DS_OK;
}


/* the head of an answer that leads elsewhere; its body is of no use */

static int
ds_http_moved(ds_http_t *h)
{
    int      rc;
    int64_t  length;

    free(h->next);
    rc = ds_url_join(&h->next, h->at, ds_http_field(h, "Location"));

    if (rc == DS_ENOMEM) {
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    h->redirected = 1;

    /* what is short is read, as the connection may be of use again */

    length = ds_http_length(h);

    return length >= 0 && length <= DS_HTTP_BUFFER ? DS_OK : DS_ESOURCE_CUT;
}


static int
ds_http_follow(ds_http_t *h)
{
    int    rc;
    bool   circle;
    char  *url;

    h->tail = 0;
    h->head = 0;

    url = h->next;
    h->next = NULL;

    if (url == NULL) {
        return ds_fail(&h->error, DS_ESOURCE_HTTP,
                       "redirected to what is no URL, host: \"%s\"", h->host);
    }

    if (strncasecmp(url, "file:", 5) == 0) {
        rc = ds_fail(&h->error, DS_ESOURCE_DENIED,
                     "redirected to a file, host: \"%s\"", h->host);
        goto done;
    }

    /* see 416 */

    if (!h->ranges
        && curl_easy_setopt(h->easy, CURLOPT_RANGE, NULL) != CURLE_OK)
    {
        rc = ds_fail(&h->error, DS_ENOMEM, "no memory");
        goto done;
    }

    h->hops++;

    circle = (h->mark != NULL && strcmp(h->mark, url) == 0);

    if (circle || h->hops > DS_HTTP_REDIRECTS) {
        rc = ds_fail(&h->error, DS_ESOURCE_HTTP,
                     circle ? "redirected in a circle, host: \"%s\""
                            : "redirected too often, host: \"%s\"", h->host);
        goto done;
    }

    if (h->hops == DS_HTTP_CIRCLE) {
        h->mark = strdup(url);
    }

    rc = ds_http_aim(h, url);

    if (rc == DS_OK) {
        rc = ds_http_send(h);
    }

done:

    free(url);

    return rc;
}


/* copies from the buffer what is at h->want; decides if that means a seek */

static size_t
ds_http_take(ds_http_t *h, void *buf, size_t n)
{
    size_t   buffered;
    int64_t  skip;

    if (h->inflate != NULL) {
        return ds_http_unpack(h, buf, n);
    }

    buffered = h->tail - h->head;
    skip = h->want - h->have;

    if (skip < 0 || (h->seekable && !ds_http_near(h, h->want))) {
        ds_http_stop(h);
        h->have = h->want;
        return 0;
    }

    if (skip > 0) {
        if (skip > (int64_t) buffered) {
            skip = buffered;
        }

        h->head += skip;
        h->have += skip;
        buffered -= skip;
    }

    if (h->have != h->want || buffered == 0) {
        return 0;
    }

    if (n > buffered) {
        n = buffered;
    }

    memcpy(buf, h->buf + h->head, n);

    h->head += n;
    h->have += n;
    h->want += n;

    h->broken = 0;
    h->holds = 0;

    return n;
}


/* the same of a body that is compressed: offsets are those unpacked */

static size_t
ds_http_unpack(ds_http_t *h, void *buf, size_t n)
{
    int     rc;
    bool    skip;
    size_t  in, out;

    while (h->tail > h->head || ds_inflate_more(h->inflate)) {

        skip = (h->have < h->want);

        in = h->tail - h->head;
        out = (skip && h->want - h->have < (int64_t) n)
              ? (size_t) (h->want - h->have) : n;

        rc = ds_inflate(h->inflate, h->buf + h->head, &in, buf, &out);

        h->head += in;
        h->have += (int64_t) out;

        if (rc != DS_OK) {
            h->tail = h->head;

            /* there is nothing to go on from */
            h->changed = 1;
            (void) ds_fail(&h->error, rc, "compressed body is broken, host: "
                           "\"%s\"", h->host);
            return 0;
        }

        if (out > 0 && !skip) {
            h->want = h->have;
            h->broken = 0;
            return out;
        }
    }

    return 0;
}


static int
ds_http_error(ds_http_t *h, ds_error_t *err)
{
    if (err != NULL) {
        *err = h->error;
    }

    return h->error.code;
}


static size_t
ds_http_on_body(char *p, size_t size, size_t n, void *data)
{
    size_t      len;
    int64_t     end;
    ds_http_t  *h = data;

    n *= size;

    if (h->redirected) {
        return n;
    }

    if (!h->begun && h->status != 416
        && ds_http_begin(h, (uint8_t *) p, n) != DS_OK)
    {
        return 0;
    }

    /* the body of an error, or more than the head promised */

    end = h->have + (int64_t) (h->tail - h->head);
    len = n;

    if (h->status == 416) {
        len = 0;

    } else if (h->stop >= 0 && (int64_t) len > h->stop - end) {
        len = h->stop - end;
    }

    if (h->head == h->tail) {
        h->head = 0;
        h->tail = 0;
    }

    if (len > DS_HTTP_BUFFER - h->tail) {
        h->paused = 1;
        return CURL_WRITEFUNC_PAUSE;
    }

    memcpy(h->buf + h->tail, p, len);
    h->tail += len;
    h->served |= (len != 0);

    return n;
}


/*
 * Whether the body is compressed is told by its first bytes: servers say it of
 * what is not, and say nothing of what is.
 */

static int
ds_http_begin(ds_http_t *h, const uint8_t *p, size_t n)
{
    bool         packed;
    const char  *coding;

    h->begun = 1;

    if (h->asked != 0) {
        return DS_OK;
    }

    coding = ds_http_field(h, "Content-Encoding");
    packed = ds_inflate_is(p, n, h->coded);

    if (!packed && (!h->coded || strcasecmp(coding, "deflate") != 0)) {
        return DS_OK;
    }

    h->inflate = ds_inflate_create(!packed);
    if (h->inflate == NULL) {
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    h->stop = -1;
    h->size = -1;
    h->seekable = 0;

    return DS_OK;
}


static curl_socket_t
ds_http_on_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ds_http_t  *h = data;

    (void) purpose;

    /* a proxy is the operator's own */

    if (!ds_http_proxied(h) && !ds_access_address(h->conf, &address->addr)) {
        h->denied++;
        return CURL_SOCKET_BAD;
    }

    h->tried++;

    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}


/* those that are sent to this URL */

static int
ds_http_headers(ds_http_t *h, const char *url)
{
    bool                own;
    char               *line;
    size_t              len;
    const char         *p, *cookie;
    struct curl_slist  *list;

    curl_slist_free_all(h->headers);

    h->headers = curl_slist_append(NULL, "Accept-Encoding: identity");

    if (h->headers == NULL) {
        return DS_ENOMEM;
    }

    own = ds_url_same_origin(h->origin, url);
    list = h->headers;
    cookie = NULL;

    for (p = h->fields; *p != '\0' && list != NULL; p += len) {

        len = strcspn(p, "\r\n");

        if (len == 0 || memchr(p, ':', len) == NULL || !ds_http_sent(p, own)) {
            len += (p[len] != '\0');
            continue;
        }

        line = strndup(p, len);
        if (line == NULL) {
            return DS_ENOMEM;
        }

        if (strncasecmp(line, "Cookie:", 7) == 0) {

            /* one header for them and those of the jar */

            cookie = line + 7 + strspn(line + 7, " ");

            if (curl_easy_setopt(h->easy, CURLOPT_COOKIE, cookie) != CURLE_OK)
            {
                list = NULL;
            }

        } else {
            list = curl_slist_append(h->headers, line);
        }

        free(line);
    }

    if (cookie == NULL) {
        (void) curl_easy_setopt(h->easy, CURLOPT_COOKIE, NULL);
    }

    if (list == NULL) {
        return DS_ENOMEM;
    }

    return h->etag[0] == '\0' ? DS_OK : ds_http_condition(h);
}


/* whether a header may be another's, and go to a host that is not its own */

static bool
ds_http_sent(const char *line, bool own)
{
    size_t  i;

    /* the request's own, of the connection, and what would change it */

    static const char *const  ours[] = {
        "Accept-Encoding:", "Accept-Ranges:", "Connection:", "Content-",
        "Expect:", "Host:", "HTTP2-Settings:", "If-", "Keep-Alive:", "Proxy-",
        "Range:", "TE:", "Trailer:", "Transfer-Encoding:", "Upgrade:", "Via:"
    };

    static const char *const  anywhere[] = {
        "Accept:", "Accept-Language:", "DNT:", "Origin:", "Referer:",
        "Sec-Fetch-", "User-Agent:", "X-Requested-With:"
    };

    for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (strncasecmp(line, ours[i], strlen(ours[i])) == 0) {
            return false;
        }
    }

    for (i = 0; i < sizeof(anywhere) / sizeof(anywhere[0]) && !own; i++) {
        own = (strncasecmp(line, anywhere[i], strlen(anywhere[i])) == 0);
    }

    return own;
}


static int
ds_http_cookies(ds_http_t *h, const char *cookies)
{
    char      *line;
    size_t     len;
    CURLcode   rc;

    rc = CURLE_OK;

    for ( /* void */ ; cookies != NULL && *cookies != '\0' && rc == CURLE_OK;
         cookies += len + (cookies[len] == '\n'))
    {
        len = strcspn(cookies, "\n");

        line = strndup(cookies, len);
        if (line == NULL) {
            return DS_ENOMEM;
        }

        rc = curl_easy_setopt(h->easy, CURLOPT_COOKIELIST, line);
        free(line);
    }

    return rc == CURLE_OUT_OF_MEMORY ? DS_ENOMEM : DS_OK;
}


/* with it a server that has another resource now sends all of that */

static int
ds_http_condition(ds_http_t *h)
{
    char  line[DS_HTTP_TAG + 16];

    (void) snprintf(line, sizeof(line), "If-Range: %s", h->etag);

    return curl_slist_append(h->headers, line) == NULL ? DS_ENOMEM : DS_OK;
}


/* fills the response's fields at the end of its head, or h->error */

static size_t
ds_http_on_header(char *p, size_t size, size_t n, void *data)
{
    ds_http_t  *h = data;

    n *= size;
    h->head_size += n;

    if (h->head_size > DS_HTTP_HEAD) {
        (void) ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "response head is too large, host: \"%s\"", h->host);
        return 0;
    }

    /* after the head: a trailer of a chunked body */

    if (h->answered || (p[0] != '\r' && p[0] != '\n')) {
        return n;
    }

    return (ds_http_answer(h) == DS_OK) ? n : 0;
}


/* of the response being received, "": it has none */

static const char *
ds_http_field(ds_http_t *h, const char *name)
{
    struct curl_header  *field;

    return curl_easy_header(h->easy, name, 0, CURLH_HEADER, -1, &field)
           == CURLHE_OK ? field->value : "";
}


static void
ds_http_fields(ds_http_t *h)
{
    long long    first, last, total;
    const char  *value;

    h->first = -1;
    h->stop = -1;
    h->total = -1;

    ds_http_tag(h->type, ds_http_field(h, "Content-Type"));
    ds_http_tag(h->new_etag, ds_http_field(h, "ETag"));
    ds_http_tag(h->new_modified, ds_http_field(h, "Last-Modified"));

    /* a weak one does not promise the same bytes */

    if (h->new_etag[0] != '"') {
        h->new_etag[0] = '\0';
    }

    value = ds_http_field(h, "Content-Range");
    value += strspn(value, " \t");
    value += strspn(value, "bytesBYTES");
    value += strspn(value, " \t=:");

    if (sscanf(value, "%18lld-%18lld/%18lld", &first, &last, &total) == 3
        && last < total)
    {
        h->total = total;

    } else if (sscanf(value, "*/%18lld", &total) == 1 && total >= 0) {
        h->total = total;
        return;

    } else if (sscanf(value, "%18lld-%18lld/*", &first, &last) != 2) {
        return;
    }

    if (first >= 0 && last >= first) {
        h->first = first;
        h->stop = last + 1;
    }
}


/* Content-Length, -1: none */

static int64_t
ds_http_length(ds_http_t *h)
{
    long long  n;

    return ds_http_field(h, "Transfer-Encoding")[0] == '\0'
           && sscanf(ds_http_field(h, "Content-Length"), "%18lld", &n) == 1
           && n >= 0 ? n : -1;
}


/* the end of a response head */

static int
ds_http_answer(ds_http_t *h)
{
    (void) curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->status);

    if (h->status < 200) {
        return DS_OK;
    }

    ds_http_fields(h);

    if (h->status < 400 && h->status >= 300
        && ds_http_field(h, "Location")[0] != '\0')
    {
        return ds_http_moved(h);
    }

    if (h->status == 206) {
        return ds_http_coding(h) == DS_OK ? ds_http_partial(h) : h->error.code;
    }

    if (h->status == 416 && h->asked == 0 && h->ranges && h->total != 0) {

        /* it wants to be asked for all of it */

        h->ranges = 0;
        free(h->next);
        h->next = strdup(h->at);
        h->redirected = 1;

        return DS_ESOURCE_CUT;
    }

    if (h->status == 416 && h->total >= 0 && h->asked >= h->total) {

        if (h->size > h->total) {
            h->changed = 1;
            return ds_fail(&h->error, DS_ESOURCE_CUT,
                           "ends at offset %lld of %lld, host: \"%s\"",
                           (long long) h->total, (long long) h->size,
                           h->host);
        }

        h->size = h->total;
        h->stop = h->asked;
        h->seekable = 1;
        h->answered = 1;

        return DS_OK;
    }

    if (h->status != 200) {
        return ds_http_status(h);
    }

    return ds_http_coding(h) == DS_OK ? ds_http_whole(h) : h->error.code;
}


/* what is not to be unpacked is named; the rest is seen by its bytes */

static int
ds_http_coding(ds_http_t *h)
{
    size_t       i;
    const char  *coding;

    static const char *const  none[] = {
        "", "identity", "none", "binary", "utf-8", "aws-chunked"
    };
    static const char *const  known[] = { "gzip", "x-gzip", "deflate" };

    coding = ds_http_field(h, "Content-Encoding");

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        if (strcasecmp(coding, none[i]) == 0) {
            return DS_OK;
        }
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasecmp(coding, known[i]) == 0) {
            h->coded = 1;
            return DS_OK;
        }
    }

    return ds_fail(&h->error, DS_ESOURCE_INVALID,
                   "Content-Encoding \"%.40s\" is not understood, host: \"%s\"",
                   coding, h->host);
}


/* all of the resource, from its first byte */

static int
ds_http_whole(ds_http_t *h)
{
    h->stop = h->coded ? -1 : ds_http_length(h);

    if (h->known && (!ds_http_same(h)
                     || (h->size >= 0 && h->stop >= 0 && h->stop != h->size)))
    {
        return ds_http_changed(h, "source changed while it was read");
    }

    if (h->asked > DS_HTTP_SKIP) {
        return ds_http_changed(h, "server ignores ranges");
    }

    h->have = 0;
    h->size = h->stop;
    h->seekable = 0;

    return ds_http_know(h);
}


static int
ds_http_partial(ds_http_t *h)
{
    int64_t  length;

    length = ds_http_length(h);

    /* all of it, whatever else it may say */

    if (h->asked == 0 && (h->coded || (h->first == -1 && h->last == 0))) {
        return ds_http_whole(h);
    }

    if (h->first == -1 && !ds_http_guess(h, length)) {
        return ds_http_changed(h, "server does not say which range it sends");
    }

    /* an end without a total is worth what the length says; to the end of the
       resource, as that was asked for */

    if (h->total == -1 && h->last == 0) {
        h->stop = (length < 0) ? -1 : h->first + length;
        h->total = h->stop;
    }

    if (h->first != h->asked) {
        return ds_http_changed(h, "server sends another range than was asked "
                               "for");
    }

    if (h->known && (!ds_http_same(h)
                     || (h->size >= 0 && h->total >= 0
                         && h->total != h->size)))
    {
        return ds_http_changed(h, "source changed while it was read");
    }

    if (h->total >= 0) {
        h->size = h->total;
    }

    h->seekable = 1;

    return ds_http_know(h);
}


/* without a Content-Range: the length tells, if it is the one asked for */

static bool
ds_http_guess(ds_http_t *h, int64_t length)
{
    if (length <= 0
        || (length != h->last - h->asked && length != h->size - h->asked))
    {
        return false;
    }

    h->first = h->asked;
    h->stop = h->first + length;

    return true;
}


/* the resource can be told from another one from now on */

static int
ds_http_know(ds_http_t *h)
{
    h->answered = 1;
    h->known = 1;

    if (h->modified[0] == '\0') {
        memcpy(h->modified, h->new_modified, sizeof(h->modified));
    }

    if (h->etag[0] == '\0' && h->new_etag[0] != '\0') {
        memcpy(h->etag, h->new_etag, sizeof(h->etag));
    }

    if (h->hooks != NULL && h->hooks->hold != NULL) {
        ds_hold_clear(h->hooks->hold, h->host);
    }

    return DS_OK;
}


static bool
ds_http_same(ds_http_t *h)
{
    if (h->etag[0] != '\0' && h->new_etag[0] != '\0') {
        return strcmp(h->etag, h->new_etag) == 0;
    }

    if (h->modified[0] != '\0' && h->new_modified[0] != '\0') {
        return strcmp(h->modified, h->new_modified) == 0;
    }

    return true;
}


static int
ds_http_changed(ds_http_t *h, const char *what)
{
    h->changed = 1;

    return ds_fail(&h->error, DS_ESOURCE_CUT, "%s, host: \"%s\"", what,
                   h->host);
}


/* a value that does not fit is none */

static void
ds_http_tag(char *dst, const char *value)
{
    (void) snprintf(dst, DS_HTTP_TAG, "%s",
                    strlen(value) < DS_HTTP_TAG ? value : "");
}


static int
ds_http_status(ds_http_t *h)
{
    int  rc;

    switch (h->status) {

    case 401:
    case 403:
        rc = ds_http_refused(h);
        break;

    case 410:
        rc = (h->served || h->known) ? ds_http_refused(h)
                                     : DS_ESOURCE_NOT_FOUND;
        break;

    case 404:
        rc = DS_ESOURCE_NOT_FOUND;
        break;

    case 429:
        rc = DS_ESOURCE_RATE_LIMITED;
        break;

    default:
        rc = DS_ESOURCE_HTTP;
    }

    return ds_fail(&h->error, rc, "HTTP status %ld, host: \"%s\"", h->status,
                   h->host);
}


static int
ds_http_refused(ds_http_t *h)
{
    char          *local;
    ds_refusal_t   r;

    local = NULL;
    (void) curl_easy_getinfo(h->easy, CURLINFO_LOCAL_IP, &local);

    r.url = h->url;
    r.now = ds_now();
    r.resolved_at = h->resolved_at;
    r.available_at = h->available_at;
    r.expires_at = h->expires_at;
    r.served = h->served;
    r.local = (local == NULL) ? "" : local;

    return ds_refusal(&r);
}


/* turns libcurl's error into ours */

static int
ds_http_failed(ds_http_t *h, CURLcode code)
{
    int          rc;
    const char  *text;

    text = (h->text[0] != '\0') ? h->text : curl_easy_strerror(code);

    switch (code) {

    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        rc = DS_ESOURCE_DNS;
        break;

    case CURLE_INTERFACE_FAILED:
        return ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "\"source_bind\" cannot be used: %s, host: \"%s\"",
                       text, h->host);

    case CURLE_PROXY:
        return ds_fail(&h->error, DS_ESOURCE_REFUSED,
                       "\"source_proxy\" refused: %s, host: \"%s\"", text,
                       h->host);

    case CURLE_COULDNT_CONNECT:
        if (h->denied > 0 && h->tried == 0) {
            return ds_fail(&h->error, DS_ESOURCE_DENIED,
                           "address of the source is not allowed, "
                           "host: \"%s\"", h->host);
        }

        rc = DS_ESOURCE_REFUSED;
        break;

    case CURLE_OPERATION_TIMEDOUT:
        rc = DS_ESOURCE_TIMEOUT;
        break;

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        rc = DS_ESOURCE_TLS;
        break;

    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        /* without an answer there was nothing to be cut */
        rc = h->status == 0 ? DS_ESOURCE_FAILED : DS_ESOURCE_CUT;
        break;

    case CURLE_OUT_OF_MEMORY:
        return ds_fail(&h->error, DS_ENOMEM, "no memory");

    default:
        rc = DS_ESOURCE_FAILED;
        text = curl_easy_strerror(code);
    }

    return ds_fail(&h->error, rc, "%s, host: \"%s\"", text, h->host);
}


static bool
ds_http_again(ds_http_t *h)
{
    int64_t  now, wait;

    /* without ranges there is no going on at a byte */

    if (h->changed || (h->known && !h->seekable)) {
        return false;
    }

    if (ds_refusal_is(h->error.code)) {
        return ds_http_renew(h, &h->error) == DS_OK;
    }

    if (h->error.code == DS_ESOURCE_RATE_LIMITED) {
        return ds_http_held(h);
    }

    if (!ds_http_transient(h)) {
        return false;
    }

    if (llabs(h->have - h->resumed) > DS_HTTP_PROGRESS) {
        h->resumes = 0;
    }

    now = ds_monotonic();
    wait = h->resumes == 0 ? 0 : ds_backoff(h->resumes, DS_HTTP_WAIT_MIN,
                                            DS_HTTP_WAIT_MAX);

    if (h->broken == 0) {
        h->broken = now;

        if (h->error.code == DS_ESOURCE_TIMEOUT
            || h->error.code == DS_ESOURCE_STALLED)
        {
            h->broken -= h->conf->source_timeout;
        }
    }

    if (now + wait - h->broken >= 3 * (int64_t) h->conf->source_timeout) {
        return false;
    }

    if (h->hooks != NULL && h->hooks->fault != NULL) {
        h->hooks->fault(h->hooks->data, &h->error, h->want, wait);
    }

    if (wait > 0 && ds_cancel_wait(h->cancel, wait)) {
        (void) ds_fail(&h->error, DS_ECANCELED, "canceled");
        return false;
    }

    h->resumes++;
    h->resumed = h->have;
    ds_error_clear(&h->error);

    return true;
}


/* errors that another attempt may not see */

static bool
ds_http_transient(ds_http_t *h)
{
    switch (h->error.code) {

    case DS_ESOURCE_CUT:
    case DS_ESOURCE_REFUSED:
    case DS_ESOURCE_DNS:
    case DS_ESOURCE_TLS:
    case DS_ESOURCE_TIMEOUT:
    case DS_ESOURCE_STALLED:
        return true;

    case DS_ESOURCE_HTTP:
        return h->status == 500 || h->status == 502 || h->status == 503
               || h->status == 504;

    default:
        return false;
    }
}


/* the host is left alone by all; the wait itself is before the request */

static bool
ds_http_held(ds_http_t *h)
{
    int64_t     wait;
    curl_off_t  after;

    if (h->hooks == NULL || h->hooks->hold == NULL
        || h->holds == DS_HTTP_HOLDS)
    {
        return false;
    }

    h->holds++;
    h->broken = 0;

    after = 0;
    (void) curl_easy_getinfo(h->easy, CURLINFO_RETRY_AFTER, &after);

    after = after < 0 ? 0 : after > DS_HTTP_DAY ? DS_HTTP_DAY : after;

    wait = ds_hold_add(h->hooks->hold, h->host, after * 1000);

    if (h->hooks->fault != NULL) {
        h->hooks->fault(h->hooks->data, &h->error, h->want, wait);
    }

    ds_error_clear(&h->error);

    return true;
}


static void
ds_http_refresh(ds_http_t *h)
{
    ds_error_t  err;

    if (h->renew_at == 0 || !h->known || ds_now() < h->renew_at) {
        return;
    }

    ds_error_clear(&err);

    /* the old one may still serve; if not, its refusal is the next thing */

    h->renew_at = 0;
    (void) ds_http_renew(h, &err);
}


static int
ds_http_renew(ds_http_t *h, ds_error_t *err)
{
    int            rc;
    bool           file;
    ds_http_req_t  req;

    if (h->hooks == NULL || h->hooks->renew == NULL) {
        return err->code != DS_OK ? err->code : DS_ESOURCE_FAILED;
    }

    memset(&req, 0, sizeof(req));
    req.resolved_at = h->resolved_at;

    rc = h->hooks->renew(h->hooks->data, &req, err);

    if (rc == DS_OK && req.url == NULL) {
        /* with the next range */
        h->renew_at = ds_now();
        return DS_OK;
    }

    if (rc == DS_OK) {
        rc = ds_http_target(h, &req, &file, err);

        if (rc == DS_OK && file) {
            rc = ds_fail(err, DS_ESOURCE_DENIED, "source became a file");
        }
    }

    if (rc == DS_OK) {
        h->broken = 0;
        ds_error_clear(err);
    }

    return rc;
}
