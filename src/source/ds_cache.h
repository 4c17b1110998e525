
/*
 * ds_cache.h: the media that is kept on the disk, shared by all streams: files
 * below cache_path, bounded in size, known by an index in the store.  What the
 * index names is whole: a file gets there by a rename, after its last byte is
 * on the disk.  Any thread; blocks on the disk.
 */

#ifndef DS_CACHE_H_INCLUDED_
#define DS_CACHE_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_cache_s  ds_cache_t;
typedef struct ds_keep_s   ds_keep_t;       /* what is being written */


/*
 * Opens conf->cache_path, which is made if it is not there, and removes what
 * the index does not know but unfinished downloads, which go on.  NULL:
 * DS_ECACHE_FAILED, DS_ESTORE_…, DS_ENOMEM.  conf must outlive it.
 */
ds_cache_t *ds_cache_open(const ds_conf_t *conf, ds_error_t *err);
void ds_cache_close(ds_cache_t **cache);

/* "key" of DS_KEY_LEN + 1: of one item in one form; 0 or DS_ENOMEM */
int ds_cache_key(char *key, const char *id, const char *form);

/*
 * Finds what is kept and reads it through once, as a damaged file must not go
 * on air: that is removed, and missing.  On DS_OK it is pinned: it will not be
 * removed to make room before ds_cache_release().  DS_ECACHE_MISSING,
 * DS_ECANCELED, DS_ESTORE_….
 */
int ds_cache_get(ds_cache_t *cache, const char *key, ds_cancel_t *cancel,
    ds_kept_t *kept, ds_error_t *err);
void ds_cache_release(ds_cache_t *cache, const char *key);

/* the index has it, which may not be true a moment later */
bool ds_cache_has(ds_cache_t *cache, const char *key);

/* removes it: it cannot be read after all */
void ds_cache_forget(ds_cache_t *cache, const char *key);

/* malloc()ed path of a kept file, 0 or 1; NULL without memory */
char *ds_cache_path(ds_cache_t *cache, const char *key, unsigned file);

/*
 * Begins to write what "kept" (copied) names by key, form, id, title, origin
 * and duration, in one file.  NULL: DS_ECACHE_BUSY when it is being
 * written elsewhere, in this process or another, or is kept by now;
 * DS_ECACHE_FULL, DS_ECACHE_FAILED, DS_ESTORE_….
 */
ds_keep_t *ds_cache_begin(ds_cache_t *cache, const ds_kept_t *kept,
    ds_error_t *err);

/* the directory for its file, "0" in it; borrowed */
const char *ds_keep_path(ds_keep_t *keep);

/* ms, known by now; -1: not known, which changes nothing */
void ds_keep_set(ds_keep_t *keep, int64_t duration);

/*
 * The writer is about to have "size" bytes, and in the end some "total" (0:
 * unknown): makes room by removing what has been unused for longest.
 * DS_ECACHE_FULL: there is none, or will be none, the writer must not go on.
 */
int ds_keep_grown(ds_keep_t *keep, uint64_t size, uint64_t total,
    ds_error_t *err);

/* the error of a call that has set errno */
int ds_cache_failed(const char *call, const char *path, ds_error_t *err);

/* it is worth no other one: nothing is removed to make room for it */
void ds_keep_modest(ds_keep_t *keep);

/* all is written: it is kept from now on; frees in any case */
int ds_keep_commit(ds_keep_t **keep, ds_cancel_t *cancel, ds_error_t *err);

/* "resume": what is written stays for a later ds_cache_begin() */
void ds_keep_abort(ds_keep_t **keep, bool resume);


#endif /* DS_CACHE_H_INCLUDED_ */
