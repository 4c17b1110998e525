
/*
 * ds_sock.c: a non-blocking socket that is waited for together with a cancel
 * token.  Knows nothing of what is sent over it.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/ds_dns.h"
#include "net/ds_sock.h"


static int ds_sock_connect_to(ds_sock_t *s, const struct addrinfo *ai,
    ds_error_t *err);
static ssize_t ds_sock_send(ds_sock_t *s, const uint8_t *data, size_t n,
    short *events, ds_error_t *err);
static int ds_sock_wait(ds_sock_t *s, short events, ds_error_t *err);


ds_sock_t *
ds_sock_create(ds_cancel_t *cancel)
{
    ds_sock_t  *s;

    s = malloc(sizeof(ds_sock_t));
    if (s == NULL) {
        return NULL;
    }

    /* the buffer's pages stay untouched */
    memset(s, 0, offsetof(ds_sock_t, buf));

    s->fd = -1;
    s->cancel = cancel;

    return s;
}


void
ds_sock_free(ds_sock_t **ps)
{
    ds_sock_t  *s;

    /* what a stuck server did not take shall not stay in the kernel */
    static const struct linger  now = { 1, 0 };

    s = *ps;
    if (s == NULL) {
        return;
    }

    *ps = NULL;

    ds_tls_free(&s->tls, !s->broken);

    if (s->fd != -1) {
        if (s->broken) {
            (void) setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        }

        (void) close(s->fd);
    }

    free(s);
}


int
ds_sock_connect(ds_sock_t *s, const ds_url_t *u, const char *port, int dns,
    ds_error_t *err)
{
    int               rc, left;
    char              buf[16];
    int64_t           deadline;
    struct addrinfo  *res, *ai;

    s->doing = "connect()";

    if (u->port != -1) {
        (void) snprintf(buf, sizeof(buf), "%d", u->port);
        port = buf;
    }

    rc = ds_dns_lookup(u->host, port, AF_UNSPEC, s->deadline, s->cancel, &res,
                       dns, err);
    if (rc != DS_OK) {
        return rc;
    }

    for (left = 0, ai = res; ai != NULL; ai = ai->ai_next) {
        left++;
    }

    /* one that does not answer leaves time for the others */

    deadline = s->deadline;
    rc = s->lost;

    for (ai = res; ai != NULL && rc == s->lost; ai = ai->ai_next) {
        s->deadline = deadline - (deadline - ds_monotonic()) * (left - 1)
                                 / left;
        rc = ds_sock_connect_to(s, ai, err);
        left--;
    }

    s->deadline = deadline;

    freeaddrinfo(res);

    return rc;
}


static int
ds_sock_connect_to(ds_sock_t *s, const struct addrinfo *ai, ds_error_t *err)
{
    int        rc, on, error;
    socklen_t  len;

    if (s->fd != -1) {
        (void) close(s->fd);
    }

    s->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
                   0);
    if (s->fd == -1) {
        return ds_sock_lost(s, strerror(errno), err);
    }

    /* what is sent shall not wait for the answer to what was sent before */
    on = 1;
    (void) setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));

    error = connect(s->fd, ai->ai_addr, ai->ai_addrlen) == -1 ? errno : 0;

    if (error == EINPROGRESS) {
        rc = ds_sock_wait(s, POLLOUT, err);
        if (rc != DS_OK) {
            return rc;
        }

        len = sizeof(error);

        if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1) {
            error = errno;
        }
    }

    if (error != 0) {
        return ds_sock_lost(s, strerror(error), err);
    }

    s->broken = false;

    return DS_OK;
}


int
ds_sock_secure(ds_sock_t *s, const char *host, const char *certificate,
    ds_error_t *err)
{
    int  rc;

    s->doing = "TLS handshake";
    s->lost = DS_EPUSH_TLS;

    s->tls = ds_tls_create(s->fd, host, certificate, err);
    if (s->tls == NULL) {
        s->broken = true;
        return err == NULL ? DS_EPUSH_TLS : err->code;
    }

    for ( ;; ) {
        rc = ds_tls_handshake(s->tls, err);

        if (rc <= 0) {
            s->broken = rc != DS_OK;
            return rc;
        }

        rc = ds_sock_wait(s, rc, err);
        if (rc != DS_OK) {
            return rc;
        }
    }
}


int
ds_sock_append(ds_sock_t *s, const uint8_t *data, size_t n, ds_error_t *err)
{
    int     rc;
    size_t  part;

    while (n != 0) {

        if (s->len == DS_SOCK_BUFFER) {
            rc = ds_sock_drain(s, err);
            if (rc != DS_OK) {
                return rc;
            }
        }

        part = DS_SOCK_BUFFER - s->len;

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


int
ds_sock_drain(ds_sock_t *s, ds_error_t *err)
{
    int       rc;
    short     events;
    size_t    sent;
    ssize_t   n;

    sent = 0;

    while (sent < s->len) {
        n = ds_sock_send(s, s->buf + sent, s->len - sent, &events, err);

        if (n < 0) {
            return n;
        }

        sent += n;

        if (n != 0) {
            continue;
        }

        rc = ds_sock_wait(s, events, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    s->len = 0;

    return DS_OK;
}


/* how much was sent; 0: first wait for the events */

static ssize_t
ds_sock_send(ds_sock_t *s, const uint8_t *data, size_t n, short *events,
    ds_error_t *err)
{
    ssize_t      rc;
    const char  *why;

    if (s->tls != NULL) {
        rc = ds_tls_send(s->tls, data, n, events, &why);
        return rc < 0 ? ds_sock_lost(s, why, err) : rc;
    }

    do {
        rc = send(s->fd, data, n, MSG_NOSIGNAL);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1 && errno == EAGAIN) {
        *events = POLLOUT;
        return 0;
    }

    return rc == -1 ? ds_sock_lost(s, strerror(errno), err) : rc;
}


int
ds_sock_await(ds_sock_t *s, ds_error_t *err)
{
    return ds_sock_wait(s, POLLIN, err);
}


ssize_t
ds_sock_recv(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err)
{
    short        events;
    ssize_t      rc;
    const char  *why;

    if (s->tls != NULL) {
        rc = ds_tls_recv(s->tls, buf, n, &events, &why);
        if (rc < 0) {
            return ds_sock_lost(s, why, err);
        }

        s->received += rc;

        return rc;
    }

    do {
        rc = recv(s->fd, buf, n, 0);
    } while (rc == -1 && errno == EINTR);

    if (rc == -1) {
        return errno == EAGAIN ? 0 : ds_sock_lost(s, strerror(errno), err);
    }

    if (rc == 0) {
        return ds_sock_lost(s, "connection closed by server", err);
    }

    s->received += rc;

    return rc;
}


int
ds_sock_recv_all(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err)
{
    int      rc;
    ssize_t  got;

    while (n != 0) {
        rc = ds_sock_wait(s, POLLIN, err);
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
    int64_t        left;
    struct pollfd  pfd[2];

    for ( ;; ) {
        if (ds_cancel_is_set(s->cancel)) {
            s->broken = true;
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        left = s->deadline - ds_monotonic();

        if (left <= 0) {
            return ds_sock_lost(s, "timed out", err);
        }

        if (events == POLLIN && s->tls != NULL && ds_tls_pending(s->tls)) {
            return DS_OK;
        }

        pfd[0].fd = s->fd;
        pfd[0].events = events;
        pfd[1].fd = s->cancel->fd;
        pfd[1].events = POLLIN;

        if (poll(pfd, 2, left) > 0 && pfd[0].revents != 0) {
            return DS_OK;
        }
    }
}


int
ds_sock_lost(ds_sock_t *s, const char *why, ds_error_t *err)
{
    s->broken = true;

    return ds_fail(err, s->lost, "%s failed: %s", s->doing, why);
}
