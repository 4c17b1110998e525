
/*
 * ds_cache_in.h: what the two files of the cache share: ds_cache.c, what is
 * kept, and ds_keep.c, what is on its way there.
 */

#ifndef DS_CACHE_IN_H_INCLUDED_
#define DS_CACHE_IN_H_INCLUDED_


#include "source/ds_cache.h"


typedef struct ds_pin_s  ds_pin_t;


struct ds_cache_s {
    const ds_conf_t   *conf;
    ds_store_t        *store;
    char              *path;
    atomic_uint        removed;         /* makes names of their own */

    pthread_mutex_t    lock;
    /* under the lock */
    ds_pin_t          *pins;
    ds_keep_t         *keeps;
};


/* context: under the lock */
bool ds_cache_is_pinned(ds_cache_t *cache, const char *key);

/* what is kept under a key, if anything is */
int ds_cache_remove(ds_cache_t *cache, const char *key, ds_error_t *err);

/* the checksum, of DS_KEY_LEN + 1, and the size of a file */
int ds_cache_sum(const char *path, char *sum, uint64_t *size,
    ds_cancel_t *cancel, ds_error_t *err);

/* true when "name" is KEY.SUFFIX: "key" and the suffix */
bool ds_cache_name(const char *name, char *key, const char **suffix);

/*
 * The descriptor of a locked KEY.part, -1: DS_ECACHE_BUSY, DS_ECACHE_FAILED,
 * DS_ECACHE_MISSING: there is none.  The lock goes with the process, or when
 * the descriptor is closed.
 */
int ds_keep_lock(const char *path, ds_error_t *err);

/* size and last change of what is in a KEY.part, or was */
void ds_keep_stat(const char *path, uint64_t *size, int64_t *changed);

/* a KEY.part whose lock the caller holds: others may begin a new one at once */
void ds_keep_remove(ds_cache_t *cache, const char *path);
void ds_keep_remove_all(const char *path);

/* the error of a call that has set errno */
int ds_cache_failed(const char *call, const char *path, ds_error_t *err);


#endif /* DS_CACHE_IN_H_INCLUDED_ */
