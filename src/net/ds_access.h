
/* ds_access.h: what sources may be read.  Any thread, does not block. */

#ifndef DS_ACCESS_H_INCLUDED_
#define DS_ACCESS_H_INCLUDED_


#include <sys/socket.h>

#include "base/ds_core.h"


/*
 * Whether conf->source_rules allow to connect to this address; an address
 * of IPv4 within IPv6 is one of IPv4, the unspecified one is the local host.
 */
bool ds_access_address(const ds_conf_t *conf, const struct sockaddr *sa);

/* the same of a host that is an address; of a name nothing is known yet */
bool ds_access_host(const ds_conf_t *conf, const char *host);

/*
 * Opens the regular file that a file: URL names below conf->media_root.
 * Returns its descriptor (the caller closes it) and its size; -1: "err" is
 * DS_ESOURCE_DENIED, …_NOT_FOUND, …_FORBIDDEN, …_FAILED, DS_ENOMEM.
 */
int ds_access_file(const ds_conf_t *conf, const char *url, int64_t *size,
    ds_error_t *err);

/*
 * The same of a file of the cache, by its path, which is ours: it comes from
 * no list and no URL.
 */
int ds_access_kept(const char *path, int64_t *size, ds_error_t *err);


#endif /* DS_ACCESS_H_INCLUDED_ */
