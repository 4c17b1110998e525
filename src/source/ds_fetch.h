
/*
 * ds_fetch.h: reads one item, as fast as it comes, into a file of the cache
 * before it plays.  Used by one thread.  Blocks; ends soon after "cancel" is
 * set.
 */

#ifndef DS_FETCH_H_INCLUDED_
#define DS_FETCH_H_INCLUDED_


#include "source/ds_cache.h"
#include "source/ds_link.h"


/* written by the fetching thread, read by any */

typedef struct {
    _Atomic uint64_t  bytes;            /* written */
    _Atomic uint64_t  total;            /* of the whole file, 0: unknown */
    _Atomic uint64_t  speed;            /* bytes a second */
    _Atomic int64_t   left;             /* ms, -1: unknown */
} ds_fetch_progress_t;


/*
 * Goes on with what is in the directory of "keep", if anything is.  All of
 * "conf" but the entry, the cancel token and the log's names is ignored.
 * DS_OK: the file is whole, ds_keep_commit() is due.  Else DS_ECANCELED,
 * DS_ECACHE_…, DS_EITEM_…, DS_ERESOLVER_…, DS_ESOURCE_…, DS_ENOMEM;
 * DS_ECODEC_… when it is not H.264 and AAC, DS_EITEM_LIVE when it has no known
 * end; DS_ECACHE_MISSING: what was there is of another item, begin anew.
 */
int ds_fetch(const ds_link_conf_t *conf, ds_keep_t *keep,
    ds_fetch_progress_t *progress, ds_error_t *err);

/* after this error of ds_fetch() another one may go on where it stopped */
bool ds_fetch_resumable(int code);


#endif /* DS_FETCH_H_INCLUDED_ */
