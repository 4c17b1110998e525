
/*
 * ds_dns.h: getaddrinfo() that can be canceled and has a deadline, which the
 * system's own has not.
 */

#ifndef DS_DNS_H_INCLUDED_
#define DS_DNS_H_INCLUDED_


#include <netdb.h>

#include "base/ds_core.h"


/*
 * Looks a host up for stream sockets; "family" is AF_UNSPEC, AF_INET or
 * AF_INET6, "port" may be NULL.  Any thread; blocks until "deadline"
 * (monotonic ms) at most.  0 and *res, for freeaddrinfo(); else "code" with
 * the reason in "err", or DS_ECANCELED.
 */
int ds_dns_lookup(const char *host, const char *port, int family,
    int64_t deadline, ds_cancel_t *cancel, struct addrinfo **res, int code,
    ds_error_t *err);


#endif /* DS_DNS_H_INCLUDED_ */
