
/*
 * ds_http.h: reads a resource over http or https (libcurl), or a file below
 * media_root, as bytes at an offset.  A connection that breaks is taken up
 * again at the byte.  Used by one thread at a time.  Blocks; every call ends
 * soon after "cancel" is set, or when no byte has come for three times the
 * source_timeout.
 */

#ifndef DS_HTTP_H_INCLUDED_
#define DS_HTTP_H_INCLUDED_


#include <sys/types.h>

#include "net/ds_hold.h"
#include "net/ds_jar.h"


typedef struct ds_http_s        ds_http_t;
typedef struct ds_http_req_s    ds_http_req_t;
typedef struct ds_http_hooks_s  ds_http_hooks_t;
typedef struct ds_http_pool_s   ds_http_pool_t;


struct ds_http_req_s {
    const char      *url;

    /*
     * "Name: value\n" lines, NULL: none.  Those that are a request's own are
     * left out (Host, Range, …); what may be a secret (all but the browser's,
     * its language and the page it comes from) goes to the origin of "origin"
     * alone, NULL: that of "url".  "cookies": lines of Netscape's form.
     */
    const char      *headers;
    const char      *origin;
    const char      *cookies;

    size_t           chunk;     /* largest range of one request, 0: no limit */
    int64_t          offset;    /* of the first read */
    int64_t          end;       /* what is behind it is not asked for; 0: all */
    bool             local;     /* "url" is the path of a file of the cache */
    int              family;    /* IP version to connect over, 0: either */
    bool             patient;   /* the first request is tried again, too */

    /* what is known of the URL, Unix ms, 0: nothing; see ds_refusal.h */
    int64_t          resolved_at;
    int64_t          available_at;
    int64_t          expires_at;
    int64_t          renew_at;  /* to be renewed from then on */

    const ds_http_hooks_t  *hooks;      /* NULL: none; borrowed */
    ds_http_pool_t         *pool;       /* NULL: its own; borrowed */
};


/* what the reader of bytes asks of those above; called by its thread */

struct ds_http_hooks_s {
    void        *data;
    ds_hold_t   *hold;          /* of hosts that answer 429, NULL: none */
    ds_jar_t    *jar;           /* cookies of the item, NULL: none */

    /* a fault that is going to be mended in "wait" ms, by going on at
       "offset"; NULL: nobody listens */
    void       (*fault)(void *data, const ds_error_t *err, int64_t offset,
                        int64_t wait);

    /*
     * The URL is refused (ds_refusal_is(err->code)), or is to be renewed in
     * good time (err->code is DS_OK).  DS_OK: "req" has where the same
     * resource is read from now on, borrowed until the next call; with url
     * NULL it is not known yet, and asked for again.  Else "err" says why
     * not.  NULL: never.
     */
    int        (*renew)(void *data, ds_http_req_t *req, ds_error_t *err);
};


/*
 * Connections, names and TLS sessions that are kept for what is opened next;
 * of one thread at a time.  NULL without memory.  It is freed, and set to
 * NULL, after all that was opened with it.
 */
ds_http_pool_t *ds_http_pool_create(void);
void ds_http_pool_free(ds_http_pool_t **pool);

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
 * otherwise: DS_ESOURCE_CUT when the end came before the announced length,
 * or when what is there now is another resource than before.
 */
ssize_t ds_http_read(ds_http_t *h, void *buf, size_t n, ds_error_t *err);

/* the next read is from "offset"; 0, or DS_ESOURCE_FAILED: cannot seek */
int ds_http_seek(ds_http_t *h, int64_t offset);

/*
 * The same where there are no ranges: from the first byte again, what comes
 * before "offset" is thrown away.
 */
int ds_http_rewind(ds_http_t *h, int64_t offset);

/* bytes from "offset" on need no other request */
bool ds_http_near(ds_http_t *h, int64_t offset);

int64_t ds_http_tell(ds_http_t *h);
int64_t ds_http_size(ds_http_t *h);         /* -1: unknown */
bool ds_http_seekable(ds_http_t *h);

/* its Content-Type, "": it has none; borrowed, changes with each answer */
const char *ds_http_type(ds_http_t *h);

/* where it comes from, behind all redirects; borrowed until the next call */
const char *ds_http_url(ds_http_t *h);

void ds_http_close(ds_http_t **h);

/*
 * Reads a whole small text into malloc()ed, NUL-terminated memory, at most
 * "max" bytes (more: DS_EPLAYLIST_FORMAT).  The caller frees *text, and
 * *base: the URL behind all redirects, to which those in the text are
 * relative.
 */
int ds_http_get(const ds_conf_t *conf, const char *url, size_t max,
    ds_cancel_t *cancel, char **text, char **base, ds_error_t *err);

/* process-wide; called once by ds_create() before any thread */
int ds_http_init(ds_error_t *err);


#endif /* DS_HTTP_H_INCLUDED_ */
