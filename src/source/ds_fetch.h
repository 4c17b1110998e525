
/*
 * ds_fetch.h: fetches one item whole into the cache before it plays: by the
 * resolver, which then also reads the media, or by ds_http.  Used by one
 * thread.  Blocks; ends soon after "cancel" is set.
 */

#ifndef DS_FETCH_H_INCLUDED_
#define DS_FETCH_H_INCLUDED_


#include "source/ds_cache.h"
#include "resolve/ds_resolve.h"


/* written by the fetching thread, read by any */

typedef struct {
    _Atomic uint64_t  bytes;
    _Atomic uint64_t  total;            /* 0: unknown */
    _Atomic uint64_t  speed;            /* bytes a second */
    _Atomic int64_t   left;             /* ms, -1: unknown */
} ds_fetch_progress_t;


typedef struct {
    const ds_conf_t      *conf;
    const ds_entry_t     *entry;
    ds_keep_t            *keep;
    ds_cancel_t          *cancel;
    ds_fetch_progress_t  *progress;
} ds_fetch_conf_t;


/*
 * Goes on with what is in the directory of "keep", if anything is.  DS_OK: all
 * files are in it, ds_keep_commit() is due.  Else DS_ECANCELED, DS_ECACHE_…,
 * DS_EITEM_…, DS_ERESOLVER_…, DS_ESOURCE_…, DS_ENOMEM, or DS_ECODEC_… when
 * a list of segments holds what cannot be written as one file.
 */
int ds_fetch(const ds_fetch_conf_t *fc, ds_error_t *err);

/* after this error of ds_fetch() another one may go on where it stopped */
bool ds_fetch_resumable(int code);


/* Shared by ds_fetch*.c. */

/* the resolver reads the media (ds_fetch_child.c) */
int ds_fetch_child(const ds_fetch_conf_t *fc, ds_error_t *err);

/* "bytes" of "total" are there, measured over the last seconds */
typedef struct {
    int64_t    at;                      /* monotonic ms, 0: not begun */
    uint64_t   bytes;
} ds_fetch_rate_t;

void ds_fetch_progress(const ds_fetch_conf_t *fc, ds_fetch_rate_t *rate,
    uint64_t bytes, uint64_t total);


#endif /* DS_FETCH_H_INCLUDED_ */
