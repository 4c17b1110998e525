
/*
 * ds_dns.c: a lookup in a thread of its own, which is left to itself when it
 * takes too long: what it uses belongs to whichever of the two ends last.
 */

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "net/ds_dns.h"


typedef struct {
    char              *host;
    char              *port;            /* NULL: none */
    struct addrinfo    hints;

    int                rc;              /* before "done" is set */
    struct addrinfo   *res;             /* the same */
    ds_cancel_t        done;
    atomic_int         users;           /* the thread and the one who waits */
} ds_dns_t;


static ds_dns_t *ds_dns_create(const char *host, const char *port,
    const struct addrinfo *hints);
static void *ds_dns_thread(void *data);
static bool ds_dns_wait(ds_dns_t *d, int64_t deadline, ds_cancel_t *cancel);
static void ds_dns_release(ds_dns_t *d);


int
ds_dns_lookup(const char *host, const char *port, int family,
    int64_t deadline, ds_cancel_t *cancel, struct addrinfo **res, int code,
    ds_error_t *err)
{
    int              rc;
    ds_dns_t        *d;
    pthread_t        tid;
    struct addrinfo  hints;

    *res = NULL;

    memset(&hints, 0, sizeof(hints));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = family;
    hints.ai_flags = AI_NUMERICHOST;

    if (getaddrinfo(host, port, &hints, res) == 0) {
        return DS_OK;
    }

    hints.ai_flags = 0;

    d = ds_dns_create(host, port, &hints);
    if (d == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    if (ds_thread_start(&tid, "ds-dns", ds_dns_thread, d) != DS_OK) {
        ds_dns_release(d);
        ds_dns_release(d);
        return ds_fail(err, DS_ENOMEM, "pthread_create() failed");
    }

    (void) pthread_detach(tid);

    if (ds_dns_wait(d, deadline, cancel)) {
        rc = d->rc == 0 ? DS_OK
             : ds_fail(err, code, "getaddrinfo() failed: %s, host: \"%s\"",
                       gai_strerror(d->rc), host);
        *res = d->res;
        d->res = NULL;

    } else if (ds_cancel_is_set(cancel)) {
        rc = ds_fail(err, DS_ECANCELED, "canceled");

    } else {
        rc = ds_fail(err, code, "getaddrinfo() failed: timed out, "
                     "host: \"%s\"", host);
    }

    ds_dns_release(d);

    return rc;
}


static ds_dns_t *
ds_dns_create(const char *host, const char *port,
    const struct addrinfo *hints)
{
    ds_dns_t  *d;

    d = calloc(1, sizeof(ds_dns_t));
    if (d == NULL) {
        return NULL;
    }

    d->hints = *hints;
    d->host = strdup(host);
    d->port = port == NULL ? NULL : strdup(port);
    atomic_init(&d->users, 2);

    if (ds_cancel_init(&d->done) != DS_OK || d->host == NULL
        || (port != NULL && d->port == NULL))
    {
        atomic_store(&d->users, 1);
        ds_dns_release(d);
        return NULL;
    }

    return d;
}


static void *
ds_dns_thread(void *data)
{
    ds_dns_t  *d = data;

    d->rc = getaddrinfo(d->host, d->port, &d->hints, &d->res);

    ds_cancel_set(&d->done);
    ds_dns_release(d);

    return NULL;
}


static bool
ds_dns_wait(ds_dns_t *d, int64_t deadline, ds_cancel_t *cancel)
{
    int64_t        left;
    struct pollfd  pfd[2];

    for ( ;; ) {
        if (atomic_load(&d->done.set)) {
            return true;
        }

        left = deadline - ds_monotonic();

        if (left <= 0 || ds_cancel_is_set(cancel)) {
            return false;
        }

        pfd[0].fd = d->done.fd;
        pfd[0].events = POLLIN;
        pfd[1].fd = cancel->fd;
        pfd[1].events = POLLIN;

        (void) poll(pfd, 2, left > 1000 ? 1000 : (int) left);
    }
}


static void
ds_dns_release(ds_dns_t *d)
{
    if (atomic_fetch_sub(&d->users, 1) != 1) {
        return;
    }

    if (d->res != NULL) {
        freeaddrinfo(d->res);
    }

    ds_cancel_free(&d->done);
    free(d->host);
    free(d->port);
    free(d);
}
