
/*
 * ds_sock.c: a connection that libcurl makes, with its DNS and TLS, and that
 * is waited for together with a cancel token.  Knows nothing of what is sent
 * over it.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ds_sock.h"


/* ms without an acknowledgement, where there is a lease */
#define DS_SOCK_LIMIT  5000


static int ds_sock_setup(ds_sock_t *s, const char *url,
    const char *certificate);
static curl_socket_t ds_sock_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *address);
static int ds_sock_limit(void *data, curl_socket_t fd, curlsocktype purpose);
static int ds_sock_close(void *data, curl_socket_t fd);
static int ds_sock_run(ds_sock_t *s, CURLcode *code, ds_error_t *err);
static int ds_sock_failed(ds_sock_t *s, CURLcode code, bool secure, int dns,
    ds_error_t *err);
static int ds_sock_resize(ds_sock_t *s, size_t size);
static int ds_sock_wait(ds_sock_t *s, short events, ds_error_t *err);
static int ds_sock_pass(ds_sock_t *s, ds_error_t *err);


ds_sock_t *
ds_sock_create(ds_cancel_t *cancel)
{
    ds_sock_t  *s;

    s = calloc(1, sizeof(ds_sock_t));
    if (s == NULL) {
        return NULL;
    }

    s->fd = -1;
    s->cancel = cancel;
    s->multi = curl_multi_init();
    s->easy = curl_easy_init();

    if (s->multi == NULL || s->easy == NULL
        || ds_sock_resize(s, DS_SOCK_BUFFER) != DS_OK)
    {
        ds_sock_free(&s);
    }

    return s;
}


void
ds_sock_free(ds_sock_t **ps)
{
    ds_sock_t  *s;

    s = *ps;
    if (s == NULL) {
        return;
    }

    *ps = NULL;

    if (s->multi != NULL && s->easy != NULL) {
        (void) curl_multi_remove_handle(s->multi, s->easy);
    }

    curl_easy_cleanup(s->easy);
    (void) curl_multi_cleanup(s->multi);
    free(s->buf);
    free(s);
}


int
ds_sock_connect(ds_sock_t *s, const ds_url_t *u, int port, bool secure,
    const char *certificate, int dns, ds_error_t *err)
{
    int        rc;
    bool       ip6;
    char      *url;
    CURLcode   code;

    s->doing = "connect()";

    rc = ds_sock_pass(s, err);
    if (rc != DS_OK) {
        return rc;
    }

    /* libcurl would speak HTTP if it were asked for more than to connect */

    ip6 = strchr(u->host, ':') != NULL;

    url = ds_sprintf("%s://%s%s%s:%d", secure ? "https" : "http",
                     ip6 ? "[" : "", u->host, ip6 ? "]" : "",
                     u->port != -1 ? u->port : port);

    rc = url == NULL ? DS_ENOMEM : ds_sock_setup(s, url, certificate);
    free(url);

    if (rc != DS_OK
        || curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for a connection");
    }

    code = CURLE_OK;
    rc = ds_sock_run(s, &code, err);

    if (rc != DS_OK || code != CURLE_OK) {
        return rc != DS_OK ? rc : ds_sock_failed(s, code, secure, dns, err);
    }

    (void) curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &s->fd);

    return DS_OK;
}


static int
ds_sock_setup(ds_sock_t *s, const char *url, const char *certificate)
{
    int      rc;
    char    *path;
    CURL    *e;
    int64_t  left;

    e = s->easy;
    path = NULL;

    /* 0 would be libcurl's own time */

    left = s->deadline - ds_monotonic();
    left = left < 1 ? 1 : left;

    rc = curl_easy_setopt(e, CURLOPT_URL, url);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    rc |= curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long) left);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, ds_sock_open);
    rc |= curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    rc |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, ds_sock_close);
    rc |= curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, s);
    rc |= curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->why);
    rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);

    /* a cancel must not wait for getaddrinfo() */
    rc |= curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);

    if (s->term.fence != NULL) {
        rc |= curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, ds_sock_limit);
    }

    /* what is sent shall not wait for the answer to what was sent before */
    rc |= curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);

    rc |= curl_easy_setopt(e, CURLOPT_SSLVERSION,
                           (long) CURL_SSLVERSION_TLSv1_2);
    rc |= curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);

    if (certificate != NULL) {
        rc |= curl_easy_setopt(e, CURLOPT_CAINFO, certificate);
        rc |= curl_easy_setopt(e, CURLOPT_CAPATH, NULL);

    } else if (curl_easy_getinfo(e, CURLINFO_CAPATH, &path) == CURLE_OK
               && path != NULL)
    {
        /* of the directory only what is needed is read */
        rc |= curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
    }

    return rc == 0 ? DS_OK : DS_ENOMEM;
}


static curl_socket_t
ds_sock_open(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
    ds_sock_t              *s = data;
    const void             *ip;
    const struct sockaddr  *sa;

    (void) purpose;

    if (s->address == NULL) {
        return socket(address->family, address->socktype | SOCK_CLOEXEC,
                      address->protocol);
    }

    sa = &address->addr;
    ip = sa->sa_family == AF_INET
         ? (const void *) &((const struct sockaddr_in *) sa)->sin_addr
         : (const void *) &((const struct sockaddr_in6 *) sa)->sin6_addr;

    /* an IPv4 address rather than the other, which not all can reach */

    if (s->address[0] == '\0'
        || (sa->sa_family == AF_INET && strchr(s->address, ':') != NULL))
    {
        (void) inet_ntop(sa->sa_family, ip, s->address, INET6_ADDRSTRLEN);
    }

    return CURL_SOCKET_BAD;
}


/* what waits in the kernel waits no longer than a lease lasts */

static int
ds_sock_limit(void *data, curl_socket_t fd, curlsocktype purpose)
{
    static const unsigned  limit = DS_SOCK_LIMIT;

    (void) data;
    (void) purpose;

    (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit,
                      sizeof(limit));

    return CURL_SOCKOPT_OK;
}


static int
ds_sock_close(void *data, curl_socket_t fd)
{
    socklen_t                len;
    ds_sock_t               *s = data;
    struct sockaddr_storage  peer;

    /* what a stuck server did not take shall not stay in the kernel */
    static const struct linger  now = { 1, 0 };

    len = sizeof(peer);
    s->connected |= getpeername(fd, (struct sockaddr *) &peer, &len) == 0;

    if (s->broken) {
        (void) setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }

    return close(fd);
}


/* until libcurl is done, whose deadline is ours, or "cancel" is set */

static int
ds_sock_run(ds_sock_t *s, CURLcode *code, ds_error_t *err)
{
    int                 n;
    CURLMsg            *msg;
    CURLMcode           rc;
    struct curl_waitfd  wait;

    wait.fd = s->cancel->fd;
    wait.events = CURL_WAIT_POLLIN;

    for ( ;; ) {
        if (ds_cancel_is_set(s->cancel)) {
            s->broken = true;
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        rc = curl_multi_perform(s->multi, &n);

        if (rc == CURLM_OK && n != 0) {
            rc = curl_multi_poll(s->multi, &wait, 1, 1000, NULL);
        }

        if (rc != CURLM_OK) {
            return ds_sock_lost(s, curl_multi_strerror(rc), err);
        }

        msg = curl_multi_info_read(s->multi, &n);

        if (msg != NULL) {
            *code = msg->data.result;
            return DS_OK;
        }
    }
}


/* how far it came tells what the error means */

static int
ds_sock_failed(ds_sock_t *s, CURLcode code, bool secure, int dns,
    ds_error_t *err)
{
    long         error;
    curl_off_t   found;
    const char  *why;

    error = 0;
    found = 0;

    (void) curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &error);
    (void) curl_easy_getinfo(s->easy, CURLINFO_NAMELOOKUP_TIME_T, &found);

    why = s->why[0] != '\0' ? s->why : curl_easy_strerror(code);

    if (code == CURLE_OUT_OF_MEMORY) {
        return ds_fail(err, DS_ENOMEM, "no memory for a connection");
    }

    if (found == 0) {
        s->doing = "getaddrinfo()";
        s->lost = dns;

    } else if (code == CURLE_OPERATION_TIMEDOUT
               ? s->connected : secure && code != CURLE_COULDNT_CONNECT)
    {
        s->doing = "TLS handshake";
        s->lost = DS_EPUSH_TLS;

    } else if (error != 0) {
        why = strerror(error);
    }

    return ds_sock_lost(s, why, err);
}


int
ds_sock_lookup(const ds_url_t *u, char *address, int64_t timeout,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int         rc;
    ds_sock_t  *s;

    s = ds_sock_create(cancel);
    if (s == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    s->deadline = ds_monotonic() + timeout;
    s->lost = DS_EPUSH_DNS;
    s->address = address;
    address[0] = '\0';

    rc = ds_sock_connect(s, u, 80, false, NULL, DS_EPUSH_DNS, err);
    ds_sock_free(&s);

    if (address[0] != '\0' && rc == DS_EPUSH_DNS) {
        ds_error_clear(err);
        return DS_OK;
    }

    return rc;
}


int
ds_sock_append(ds_sock_t *s, const uint8_t *data, size_t n, ds_error_t *err)
{
    int     rc;
    size_t  part;

    if (s->len == 0 && s->stuck != 0) {
        s->deadline = ds_monotonic() + s->stuck;
    }

    while (n != 0) {

        if (s->len == s->size) {
            rc = ds_sock_drain(s, err);
            if (rc != DS_OK) {
                return rc;
            }

            if (s->len == s->size && ds_sock_resize(s, 2 * s->size) != DS_OK) {
                s->broken = true;
                return ds_fail(err, DS_ENOMEM, "realloc() failed");
            }
        }

        part = s->size - s->len;

        if (part > n) {
            part = n;
        }

        memcpy(s->buf + s->len, data, part);
        s->len += part;
        data += part;
        n -= part;
    }

    return DS_OK;
}


static int
ds_sock_resize(ds_sock_t *s, size_t size)
{
    uint8_t  *buf;

    buf = realloc(s->buf, size);
    if (buf == NULL) {
        return DS_ENOMEM;
    }

    s->buf = buf;
    s->size = size;

    return DS_OK;
}


int
ds_sock_drain(ds_sock_t *s, ds_error_t *err)
{
    int       rc;
    size_t    n, sent;
    CURLcode  code;

    sent = 0;

    while (sent < s->len) {
        rc = ds_sock_pass(s, err);
        if (rc != DS_OK) {
            return rc;
        }

        s->why[0] = '\0';
        code = curl_easy_send(s->easy, s->buf + sent, s->len - sent, &n);

        if (code == CURLE_OK) {
            sent += n;

            if (s->stuck != 0) {
                s->deadline = ds_monotonic() + s->stuck;
            }

            continue;
        }

        if (code != CURLE_AGAIN) {
            return ds_sock_lost(s, s->why[0] != '\0' ? s->why
                                   : curl_easy_strerror(code), err);
        }

        if (s->nowait && ds_monotonic() < s->deadline) {
            break;
        }

        rc = ds_sock_wait(s, POLLOUT, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    s->len -= sent;
    memmove(s->buf, s->buf + sent, s->len);

    if (s->len == 0 && s->size > DS_SOCK_BUFFER) {
        (void) ds_sock_resize(s, DS_SOCK_BUFFER);
    }

    return DS_OK;
}


bool
ds_sock_full(const ds_sock_t *s)
{
    return s->len >= DS_SOCK_BUFFER;
}


int
ds_sock_await(ds_sock_t *s, ds_error_t *err)
{
    /* TLS may hold what poll() does not see */

    return s->dry ? ds_sock_wait(s, POLLIN, err) : DS_OK;
}


ssize_t
ds_sock_recv(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err)
{
    int       rc;
    size_t    got;
    CURLcode  code;

    rc = ds_sock_pass(s, err);
    if (rc != DS_OK) {
        return rc;
    }

    s->why[0] = '\0';
    code = curl_easy_recv(s->easy, buf, n, &got);

    s->dry = code == CURLE_AGAIN;

    if (s->dry) {
        return 0;
    }

    if (code != CURLE_OK || got == 0) {
        return ds_sock_lost(s, code == CURLE_OK ? "connection closed by server"
                               : s->why[0] != '\0' ? s->why
                               : curl_easy_strerror(code), err);
    }

    s->received += got;

    return got;
}


int
ds_sock_recv_all(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err)
{
    int      rc;
    ssize_t  got;

    while (n != 0) {
        rc = ds_sock_await(s, err);
        if (rc != DS_OK) {
            return rc;
        }

        got = ds_sock_recv(s, buf, n, err);
        if (got < 0) {
            return got;
        }

        buf += got;
        n -= got;
    }

    return DS_OK;
}


/* until the socket is ready, "cancel" is set, or the deadline has passed */

static int
ds_sock_wait(ds_sock_t *s, short events, ds_error_t *err)
{
    int            rc;
    int64_t        left, term;
    struct pollfd  pfd[2];

    for ( ;; ) {
        rc = ds_sock_pass(s, err);
        if (rc != DS_OK) {
            return rc;
        }

        if (ds_cancel_is_set(s->cancel)) {
            s->broken = true;
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        left = s->deadline - ds_monotonic();

        if (left <= 0) {
            return ds_sock_lost(s, "timed out", err);
        }

        term = ds_fence_left(&s->term);
        left = term < left ? term : left;

        pfd[0].fd = s->fd;
        pfd[0].events = events;
        pfd[1].fd = s->cancel->fd;
        pfd[1].events = POLLIN;

        if (poll(pfd, 2, left) > 0 && pfd[0].revents != 0) {
            return DS_OK;
        }
    }
}


/* the lease is over: what the kernel still has must not be sent, either */

static int
ds_sock_pass(ds_sock_t *s, ds_error_t *err)
{
    if (ds_fence_pass(&s->term, s->cancel)) {
        return DS_OK;
    }

    if (s->fd != -1) {
        (void) shutdown(s->fd, SHUT_RDWR);
    }

    s->broken = true;

    return ds_cancel_is_set(s->cancel)
           ? ds_fail(err, DS_ECANCELED, "canceled")
           : ds_fail(err, s->lost, "the node's lease is over");
}


int
ds_sock_lost(ds_sock_t *s, const char *why, ds_error_t *err)
{
    s->broken = true;

    return ds_fail(err, s->lost, "%s failed: %s", s->doing, why);
}
