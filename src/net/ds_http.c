
/*
 * ds_http.c: bytes of a resource over http or https (libcurl), or of a file
 * below media_root.  The reader pulls: the network is read when the buffer
 * is empty and only then, so a slow reader slows the sender by TCP alone.
 * Knows nothing of media.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ds_access.h"
#include "net/ds_http_head.h"


#define DS_HTTP_RECEIVE    (32 * 1024)
#define DS_HTTP_CONNECT    10000            /* ms */
#define DS_HTTP_REDIRECTS  5

#define DS_HTTP_AGENT      "Mozilla/5.0 (compatible; ngx_directstream)"


static ds_http_t *ds_http_new(const ds_conf_t *conf, const ds_http_req_t *req,
    bool ranges, ds_cancel_t *cancel, ds_error_t *err);
static int ds_http_location(ds_http_t *h, const char *url, bool *file,
    ds_error_t *err);
static int ds_http_setup(ds_http_t *h);
static int ds_http_start(ds_http_t *h);
static void ds_http_stop(ds_http_t *h);
static int ds_http_pump(ds_http_t *h);
static int ds_http_finish(ds_http_t *h, CURLcode code);
static size_t ds_http_take(ds_http_t *h, void *buf, size_t n);
static int ds_http_error(ds_http_t *h, ds_error_t *err);
static size_t ds_http_on_body(char *p, size_t size, size_t n, void *data);
static curl_socket_t ds_http_on_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);


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
    bool        file;
    ds_http_t  *h;

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
    h->want = req->offset;
    h->ranges = ranges;
    h->patient = req->patient;
    h->fd = -1;
    h->size = -1;

    h->multi = curl_multi_init();
    h->easy = curl_easy_init();

    if (h->multi == NULL || h->easy == NULL || ds_http_setup(h) != DS_OK) {
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


int
ds_http_target(ds_http_t *h, const ds_http_req_t *req, bool *file,
    ds_error_t *err)
{
    int    rc;
    char  *url;
    long   family;

    rc = ds_http_location(h, req->url, file, err);
    if (rc != DS_OK) {
        return rc;
    }

    family = req->family == 4 ? CURL_IPRESOLVE_V4
             : req->family == 6 ? CURL_IPRESOLVE_V6 : CURL_IPRESOLVE_WHATEVER;

    url = strdup(req->url);

    if (url == NULL || ds_http_headers(h, req->headers) != DS_OK
        || curl_easy_setopt(h->easy, CURLOPT_URL, url) != CURLE_OK
        || curl_easy_setopt(h->easy, CURLOPT_IPRESOLVE, family) != CURLE_OK)
    {
        free(url);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    free(h->url);

    h->url = url;
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
    char   *scheme, *host;
    CURLU  *u;

    scheme = NULL;
    host = NULL;

    u = curl_url();
    if (u == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    if (curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
        != CURLUE_OK
        || curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
    {
        curl_url_cleanup(u);
        return ds_fail(err, DS_ESOURCE_DENIED, "source is not a valid URL");
    }

    *file = (strcmp(scheme, "file") == 0);

    if (!*file && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
    {
        (void) ds_fail(err, DS_ESOURCE_DENIED,
                       "scheme \"%.32s\" of a source is not allowed", scheme);
        goto denied;
    }

    (void) curl_url_get(u, CURLUPART_HOST, &host, 0);

    free(h->host);
    h->host = strdup((host == NULL) ? "localhost" : host);

    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(u);

    if (h->host == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    return DS_OK;

denied:

    curl_free(scheme);
    curl_url_cleanup(u);

    return DS_ESOURCE_DENIED;
}


static int
ds_http_setup(ds_http_t *h)
{
    int    rc;
    long   timeout;
    CURL  *e;

    e = h->easy;

    timeout = h->conf->source_timeout;
    if (timeout > DS_HTTP_CONNECT) {
        timeout = DS_HTTP_CONNECT;
    }

    rc = 0;
    rc |= curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 2L);

    rc |= curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_MAXREDIRS, (long) DS_HTTP_REDIRECTS);
    rc |= curl_easy_setopt(e, CURLOPT_USERAGENT, DS_HTTP_AGENT);

    /* HTTP/2 would buffer a whole window for a paused reader */
    rc |= curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);

    rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(e, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long) DS_HTTP_RECEIVE);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, timeout);

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
    (void) curl_multi_cleanup(h->multi);
    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->conditional);

    free(h->url);
    free(h->host);
    free(h);
}


int
ds_http_get(const ds_conf_t *conf, const char *url, size_t max,
    ds_cancel_t *cancel, char **text, ds_error_t *err)
{
    char           *p, *buf;
    size_t          size, len;
    ssize_t         n;
    ds_http_t      *h;
    ds_http_req_t   req;

    memset(&req, 0, sizeof(req));
    req.url = url;

    h = ds_http_new(conf, &req, false, cancel, err);
    if (h == NULL) {
        return (err == NULL) ? DS_ESOURCE_FAILED : err->code;
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

        if (len > max) {
            n = ds_fail(err, DS_EPLAYLIST_FORMAT,
                        "list is larger than %zu bytes, host: \"%s\"", max,
                        h->host);
        }
    } while (n > 0);

    if (n == 0 && memchr(buf, '\0', len) != NULL) {
        n = ds_fail(err, DS_EPLAYLIST_FORMAT,
                    "list is not text, host: \"%s\"", h->host);
    }

    ds_http_close(&h);

    if (n < 0) {
        free(buf);
        return n;
    }

    buf[len] = '\0';
    *text = buf;

    return DS_OK;
}


/* asks for what follows h->want, at most one chunk of it */

static int
ds_http_start(ds_http_t *h)
{
    int      n;
    char     range[64];
    int64_t  last;

    ds_http_stop(h);
    ds_http_refresh(h);

    if (h->hooks != NULL && h->hooks->hold != NULL
        && ds_hold_wait(h->hooks->hold, h->host, h->cancel))
    {
        return ds_fail(&h->error, DS_ECANCELED, "canceled");
    }

    n = snprintf(range, sizeof(range), "%lld-", (long long) h->want);

    if (h->chunk != 0) {
        last = h->want + (int64_t) h->chunk - 1;

        if (h->size > 0 && last >= h->size) {
            last = h->size - 1;
        }

        (void) snprintf(range + n, sizeof(range) - n, "%lld",
                        (long long) last);
    }

    if ((h->ranges
         && curl_easy_setopt(h->easy, CURLOPT_RANGE, range) != CURLE_OK)
        || curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER,
                            h->etag[0] != '\0' ? h->conditional : h->headers)
           != CURLE_OK)
    {
        return ds_fail(&h->error, DS_ENOMEM, "no memory");
    }

    h->asked = h->ranges ? h->want : 0;
    h->have = h->asked;
    h->stop = -1;
    h->answered = 0;
    h->redirected = 0;
    h->head_size = 0;
    h->denied = 0;
    h->tried = 0;
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
    int                 n;
    int64_t             now, deadline;
    CURLMsg            *msg;
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

        if (n == 0) {
            msg = curl_multi_info_read(h->multi, &n);

            return ds_http_finish(h, (msg == NULL) ? CURLE_FAILED_INIT
                                                   : msg->data.result);
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


/* the transfer is over; what it brought stays buffered */

static int
ds_http_finish(ds_http_t *h, CURLcode code)
{
    int64_t  end;

    (void) curl_multi_remove_handle(h->multi, h->easy);
    h->running = 0;

    if (h->error.code != DS_OK) {
        return h->error.code;
    }

    if (code != CURLE_OK) {
        return ds_http_failed(h, code);
    }

    if (!h->answered) {
        return ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "no usable answer, host: \"%s\"", h->host);
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


/* copies from the buffer what is at h->want; decides if that means a seek */

static size_t
ds_http_take(ds_http_t *h, void *buf, size_t n)
{
    size_t   buffered;
    int64_t  skip;

    buffered = h->tail - h->head;
    skip = h->want - h->have;

    if (skip < 0
        || (h->seekable && skip > (int64_t) buffered
            && (!h->running || skip > (int64_t) buffered + DS_HTTP_SKIP
                || (h->stop >= 0 && h->want >= h->stop))))
    {
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


static curl_socket_t
ds_http_on_socket(void *data, curlsocktype purpose,
    struct curl_sockaddr *address)
{
    ds_http_t  *h = data;

    (void) purpose;

    if (!ds_access_address(h->conf, &address->addr)) {
        h->denied++;
        return CURL_SOCKET_BAD;
    }

    h->tried++;

    return socket(address->family, address->socktype | SOCK_CLOEXEC,
                  address->protocol);
}
