
/*
 * ds_link.h: the URLs of one item, kept usable: resolved, waited for until
 * they are available, resolved anew when they are refused.  One thread.
 * Blocks; ends soon after "cancel" is set.
 */

#ifndef DS_LINK_H_INCLUDED_
#define DS_LINK_H_INCLUDED_


#include "base/ds_item.h"
#include "base/ds_job.h"
#include "net/ds_http.h"


/* all borrowed, they outlive the link */

typedef struct {
    ds_t              *ds;
    const ds_conf_t   *settings;        /* the engine's, with the stream's own
                                           way to its sources; NULL: without */
    const char        *stream;          /* name for log records */
    const ds_entry_t  *entry;           /* NULL: the first item of "playlist" */
    const char        *playlist;
    const ds_media_t  *kept;            /* what to read, NULL: resolve it */
    int64_t            start;           /* ms into the item, where to begin */
    bool               copies;          /* nothing can be encoded */
    ds_counters_t     *counters;        /* NULL: none */
    bool               behind;          /* others ask a resolver before it */
    ds_cancel_t       *cancel;
} ds_link_conf_t;


typedef struct {
    const ds_link_conf_t    *conf;      /* borrowed */
    ds_media_t               media;     /* what the last resolving told */
    int64_t                  renewed;   /* ms, when that was asked for again,
                                           0: never */
    int64_t                  excused;   /* ms spent on waiting for others */
    uint64_t                 bytes;     /* of the item, when it was */
    unsigned                 early;     /* refusals in a row, too early */
    bool                     gated;     /* refused after a first part */
    bool                     asked;     /* the resolver, for what is no media
                                           by its name */
    bool                     other;     /* the other resolver was asked */

    ds_job_t                 job;       /* resolves beside the reading */
    ds_media_t               fresh;     /* the job's until it is done */
    ds_error_t               fresh_err;
} ds_link_t;


/* resolves and waits; "l" is zeroed but for "conf"; 0 or a DS_E… */
int ds_link_open(ds_link_t *l, ds_error_t *err);

/*
 * After an error, when "bytes" of the item have been read: DS_OK when the
 * URLs, the same or new ones, are worth another attempt; else "err" says why
 * not, its code may be a better one.
 */
int ds_link_mend(ds_link_t *l, uint64_t bytes, ds_error_t *err);

/*
 * For ds_http_hooks_t.renew, of URL "i"; "req" has the old resolved_at.  What
 * is renewed in good time is resolved in a thread of its own.
 */
int ds_link_renew(ds_link_t *l, unsigned i, uint64_t bytes,
    ds_http_req_t *req, ds_error_t *err);

void ds_link_close(ds_link_t *l);


#endif /* DS_LINK_H_INCLUDED_ */
