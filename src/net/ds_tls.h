
/*
 * ds_tls.h: the client's side of TLS 1.2 or newer over a non-blocking socket
 * of somebody else's, who waits where this cannot go on.  Used by one thread,
 * which has SIGPIPE blocked; never blocks.
 */

#ifndef DS_TLS_H_INCLUDED_
#define DS_TLS_H_INCLUDED_


#include <sys/types.h>

#include "base/ds_core.h"


typedef struct ds_tls_s  ds_tls_t;


/*
 * A session with "host", a name or an address, whose certificate must be its
 * own and signed by one of those in the PEM file "certificate"; NULL: by one
 * the system trusts.  "fd" is borrowed.  NULL: DS_ENOMEM, DS_EPUSH_TLS.
 */
ds_tls_t *ds_tls_create(int fd, const char *host, const char *certificate,
    ds_error_t *err);

/*
 * 0 when it is done, the poll() events to wait for before it is called again,
 * or DS_EPUSH_TLS.
 */
int ds_tls_handshake(ds_tls_t *tls, ds_error_t *err);

/*
 * As send() and recv(): how much, or 0 with the poll() events to wait for in
 * *events, before a call with the same bytes; -1: it failed, *why says how
 * until the next call.
 */
ssize_t ds_tls_send(ds_tls_t *tls, const void *data, size_t n, short *events,
    const char **why);
ssize_t ds_tls_recv(ds_tls_t *tls, void *buf, size_t n, short *events,
    const char **why);

/* there is something to receive which poll() does not see */
bool ds_tls_pending(ds_tls_t *tls);

/* "goodbye": says so to the other side; sets *tls to NULL */
void ds_tls_free(ds_tls_t **tls, bool goodbye);


#endif /* DS_TLS_H_INCLUDED_ */
