
/*
 * ds_sock.h: a TCP connection, plain or with TLS 1.2 or newer (libcurl), with
 * a send buffer, a deadline and a cancel token.  Used by one thread, which it
 * blocks no longer than these say.
 */

#ifndef DS_SOCK_H_INCLUDED_
#define DS_SOCK_H_INCLUDED_


#include <sys/types.h>

#include <curl/curl.h>

#include "base/ds_core.h"
#include "base/ds_fence.h"
#include "base/ds_url.h"


/* three ticks' worth at 4 Mbit/s; touched as far as it is needed */
#define DS_SOCK_BUFFER  131072


typedef struct {
    CURLM           *multi;
    CURL            *easy;
    int              fd;            /* libcurl's, -1: not connected */
    ds_cancel_t     *cancel;
    char            *address;       /* see ds_sock_lookup(), else NULL */
    int64_t          deadline;      /* monotonic ms, set by the user */
    int64_t          stuck;         /* the same, ms; not 0: the deadline of
                                       what is sent is so long after the last
                                       byte that was taken */
    bool             nowait;        /* see ds_sock_append(); the same */
    ds_term_t        term;          /* the same: until when it may send; then
                                       it is broken, and what was sent and is
                                       still in the kernel is thrown away */
    const char      *doing;         /* the same, for messages */
    int              lost;          /* the code of a failure, the same */
    bool             broken;        /* there was one */
    bool             connected;     /* a socket that was closed */
    bool             dry;           /* all was received that had come */

    uint32_t         received;      /* bytes, modulo 2^32 */
    size_t           len;           /* in the buffer, not sent */
    size_t           size;          /* of it */
    uint8_t         *buf;
    char             why[CURL_ERROR_SIZE];
} ds_sock_t;


/* NULL: no memory; "cancel" must outlive the result */
ds_sock_t *ds_sock_create(ds_cancel_t *cancel);

/* ends the connection, at once; sets *s to NULL */
void ds_sock_free(ds_sock_t **s);

/*
 * To "port" where the URL has none; each address of the host is tried.  With
 * "secure" over TLS: the host's certificate must be its own and signed by one
 * of those in the PEM file "certificate"; NULL: by one the system trusts.
 * 0, "dns" when the host is not found, s->lost, DS_EPUSH_TLS, DS_ECANCELED,
 * DS_ENOMEM.
 */
int ds_sock_connect(ds_sock_t *s, const ds_url_t *u, int port, bool secure,
    const char *certificate, int dns, ds_error_t *err);

/*
 * The host's first IPv4 address as text, or its first IPv6 address when there
 * is no other, INET6_ADDRSTRLEN bytes, without a connection; blocks for
 * "timeout" ms at most.  0, DS_EPUSH_DNS, DS_ECANCELED, DS_ENOMEM.
 */
int ds_sock_lookup(const ds_url_t *u, char *address, int64_t timeout,
    ds_cancel_t *cancel, ds_error_t *err);

/* The following fail with s->lost or DS_ECANCELED; s->broken is set then. */

/*
 * To the buffer, whose content is sent when it is full.  With "nowait", which
 * is for connections without TLS, neither this nor ds_sock_drain() waits: what
 * the other end does not take stays in the buffer, which grows: so look at
 * ds_sock_full() before.
 */
int ds_sock_append(ds_sock_t *s, const uint8_t *data, size_t n,
    ds_error_t *err);

/* sends the whole buffer; with "nowait" what is taken of it */
int ds_sock_drain(ds_sock_t *s, ds_error_t *err);

/* the other end does not take what is sent */
bool ds_sock_full(const ds_sock_t *s);

/* until there is something to read */
int ds_sock_await(ds_sock_t *s, ds_error_t *err);

/* what is there, at most "n" bytes, without waiting; 0: nothing now */
ssize_t ds_sock_recv(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err);

/* waits for "n" bytes */
int ds_sock_recv_all(ds_sock_t *s, uint8_t *buf, size_t n, ds_error_t *err);

/* fails: "doing failed: why" */
int ds_sock_lost(ds_sock_t *s, const char *why, ds_error_t *err);


#endif /* DS_SOCK_H_INCLUDED_ */
