
/*
 * ds_http.h: reads a resource over http or https (libcurl), or a file below
 * media_root, as bytes at an offset.  Used by one thread at a time.  Blocks;
 * every call ends soon after "cancel" is set or the timeout has passed.
 */

#ifndef DS_HTTP_H_INCLUDED_
#define DS_HTTP_H_INCLUDED_


#include <sys/types.h>

#include "ds_core.h"


typedef struct ds_http_s  ds_http_t;


typedef struct {
    const char      *url;
    const char      *headers;   /* "Name: value\n" lines, NULL: none */
    size_t           chunk;     /* largest range of one request, 0: no limit */
    int64_t          offset;    /* of the first read */
} ds_http_req_t;


/*
 * Opens and waits for the response's head, so that the status is known.
 * Redirects are followed, to http and https alone, each address checked
 * against conf->source_rules when it is connected to.  "conf" and "cancel"
 * must outlive the result; "req" is copied.  NULL: "err" is a DS_ESOURCE_…,
 * DS_ECANCELED, DS_ENOMEM.
 */
ds_http_t *ds_http_open(const ds_conf_t *conf, const ds_http_req_t *req,
    ds_cancel_t *cancel, ds_error_t *err);

/*
 * Reads at least one byte and at most "n"; 0 at the end; a negative DS_E…
 * otherwise (DS_ESOURCE_CUT when the end came before the announced length).
 */
ssize_t ds_http_read(ds_http_t *h, void *buf, size_t n, ds_error_t *err);

/* the next read is from "offset"; 0, or DS_ESOURCE_FAILED: cannot seek */
int ds_http_seek(ds_http_t *h, int64_t offset);

int64_t ds_http_tell(ds_http_t *h);
int64_t ds_http_size(ds_http_t *h);         /* -1: unknown */
bool ds_http_seekable(ds_http_t *h);

void ds_http_close(ds_http_t **h);

/*
 * Reads a whole small text into malloc()ed, NUL-terminated memory, at most
 * "max" bytes (more: DS_EPLAYLIST_FORMAT).  The caller frees *text.
 */
int ds_http_get(const ds_conf_t *conf, const char *url, size_t max,
    ds_cancel_t *cancel, char **text, ds_error_t *err);

/* process-wide; called once by ds_create() before any thread */
int ds_http_init(ds_error_t *err);


#endif /* DS_HTTP_H_INCLUDED_ */
