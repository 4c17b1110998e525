
/*
 * ds_cache.c: the cache's directory: what may be in it, and finding it again.
 * Knows nothing of media.
 *
 * KEY.0 and KEY.1 are whole files; KEY.part is a directory that somebody is
 * writing to, who holds a lock on the file "lock" in it, or has written to.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/mem.h>
#include <libavutil/murmur3.h>

#include "source/ds_cache_in.h"


#define DS_CACHE_BLOCK  (256 * 1024)

/* ms: an unfinished download that nobody has gone on with */
#define DS_CACHE_STALE  (7 * 86400 * (int64_t) 1000)


struct ds_pin_s {
    ds_pin_t          *next;
    char               key[DS_KEY_LEN + 1];
    unsigned           count;
};


static int ds_cache_clean(ds_cache_t *cache, ds_error_t *err);
static void ds_cache_clean_one(ds_cache_t *cache, const char *name);
static void ds_cache_unlink(const char *path, const char *key);
static int ds_cache_pin(ds_cache_t *cache, const char *key);
static int ds_cache_check(ds_cache_t *cache, const ds_kept_t *kept,
    ds_cancel_t *cancel, ds_error_t *err);
static void ds_cache_hex(char *dst, const uint8_t *hash);


ds_cache_t *
ds_cache_open(const ds_conf_t *conf, ds_error_t *err)
{
    ds_cache_t  *cache;

    ds_error_clear(err);

    cache = calloc(1, sizeof(ds_cache_t));
    if (cache == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    cache->conf = conf;
    (void) pthread_mutex_init(&cache->lock, NULL);

    cache->path = strdup(conf->cache_path);
    if (cache->path == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "strdup() failed");
        goto failed;
    }

    if (mkdir(cache->path, 0700) == -1 && errno != EEXIST) {
        (void) ds_cache_failed("mkdir()", cache->path, err);
        goto failed;
    }

    cache->store = ds_store_open(conf->store_path, false, err);

    if (cache->store == NULL || ds_cache_clean(cache, err) != DS_OK) {
        goto failed;
    }

    return cache;

failed:

    ds_cache_close(&cache);

    return NULL;
}


void
ds_cache_close(ds_cache_t **pcache)
{
    ds_pin_t    *pin;
    ds_cache_t  *cache;

    cache = *pcache;
    if (cache == NULL) {
        return;
    }

    *pcache = NULL;

    while ((pin = cache->pins) != NULL) {
        cache->pins = pin->next;
        free(pin);
    }

    ds_store_close(&cache->store);
    (void) pthread_mutex_destroy(&cache->lock);
    free(cache->path);
    free(cache);
}


int
ds_cache_key(char *key, const char *id, const char *form)
{
    uint8_t             hash[16];
    struct AVMurMur3   *m;

    m = av_murmur3_alloc();
    if (m == NULL) {
        return DS_ENOMEM;
    }

    av_murmur3_init(m);
    av_murmur3_update(m, (const uint8_t *) id, strlen(id) + 1);
    av_murmur3_update(m, (const uint8_t *) form, strlen(form));
    av_murmur3_final(m, hash);
    av_free(m);

    ds_cache_hex(key, hash);

    return DS_OK;
}


static void
ds_cache_hex(char *dst, const uint8_t *hash)
{
    int  i;

    for (i = 0; i < 16; i++) {
        (void) snprintf(dst + 2 * i, 3, "%02x", hash[i]);
    }
}


/* what a process that died has left */

static int
ds_cache_clean(ds_cache_t *cache, ds_error_t *err)
{
    DIR            *d;
    struct dirent  *e;

    d = opendir(cache->path);
    if (d == NULL) {
        return ds_cache_failed("opendir()", cache->path, err);
    }

    while ((e = readdir(d)) != NULL) {
        ds_cache_clean_one(cache, e->d_name);
    }

    (void) closedir(d);

    return DS_OK;
}


static void
ds_cache_clean_one(ds_cache_t *cache, const char *name)
{
    int          fd;
    char        *path, *part, key[DS_KEY_LEN + 1];
    int64_t      changed;
    uint64_t     size;
    ds_kept_t    kept;
    ds_error_t   err;
    const char  *suffix;

    /* what is not named as ours is an operator's, who may miss it */

    if (!ds_cache_name(name, key, &suffix)) {
        return;
    }

    path = ds_sprintf("%s/%s", cache->path, name);
    part = ds_sprintf("%s/%s.part", cache->path, key);

    if (path == NULL || part == NULL) {
        goto done;
    }

    /* whoever holds the lock may be between the file and the index */

    fd = ds_keep_lock(part, &err);

    if (fd == -1 && err.code == DS_ECACHE_BUSY) {
        goto done;
    }

    if (strcmp(suffix, "part") == 0) {
        ds_keep_stat(path, &size, &changed);

        if (fd != -1 && ds_now() - changed > DS_CACHE_STALE) {
            ds_keep_remove(cache, path);
        }

    } else if (strcmp(suffix, "0") != 0 && strcmp(suffix, "1") != 0) {
        ds_keep_remove_all(path);

    } else if (ds_store_get_kept(cache->store, key, &kept, &err)
               == DS_ESTORE_NOT_FOUND)
    {
        (void) unlink(path);
    }

    if (fd != -1) {
        (void) close(fd);
    }

done:

    free(path);
    free(part);
}


bool
ds_cache_name(const char *name, char *key, const char **suffix)
{
    if (strspn(name, "0123456789abcdef") != DS_KEY_LEN
        || name[DS_KEY_LEN] != '.')
    {
        return false;
    }

    memcpy(key, name, DS_KEY_LEN);
    key[DS_KEY_LEN] = '\0';
    *suffix = name + DS_KEY_LEN + 1;

    return true;
}


int
ds_cache_get(ds_cache_t *cache, const char *key, ds_cancel_t *cancel,
    ds_kept_t *kept, ds_error_t *err)
{
    int  rc;

    if (ds_cache_pin(cache, key) != DS_OK) {
        return ds_fail(err, DS_ENOMEM, "calloc() failed");
    }

    rc = ds_store_get_kept(cache->store, key, kept, err);

    if (rc == DS_ESTORE_NOT_FOUND) {
        rc = ds_fail(err, DS_ECACHE_MISSING, "nothing is kept under it");
    }

    if (rc == DS_OK) {
        rc = ds_cache_check(cache, kept, cancel, err);

        if (rc == DS_ECACHE_MISSING) {
            (void) ds_cache_remove(cache, key, NULL);
        }
    }

    if (rc == DS_OK) {
        (void) ds_store_use_kept(cache->store, key, NULL);

    } else {
        ds_cache_release(cache, key);
    }

    return rc;
}


static int
ds_cache_pin(ds_cache_t *cache, const char *key)
{
    ds_pin_t  *pin;

    (void) pthread_mutex_lock(&cache->lock);

    for (pin = cache->pins; pin != NULL; pin = pin->next) {
        if (strcmp(pin->key, key) == 0) {
            break;
        }
    }

    if (pin == NULL) {
        pin = calloc(1, sizeof(ds_pin_t));

        if (pin != NULL) {
            ds_text(pin->key, sizeof(pin->key), key);
            pin->next = cache->pins;
            cache->pins = pin;
        }
    }

    if (pin != NULL) {
        pin->count++;
    }

    (void) pthread_mutex_unlock(&cache->lock);

    return pin == NULL ? DS_ENOMEM : DS_OK;
}


void
ds_cache_release(ds_cache_t *cache, const char *key)
{
    ds_pin_t  *pin, **link;

    (void) pthread_mutex_lock(&cache->lock);

    for (link = &cache->pins; *link != NULL; link = &(*link)->next) {
        pin = *link;

        if (strcmp(pin->key, key) == 0) {
            if (--pin->count == 0) {
                *link = pin->next;
                free(pin);
            }

            break;
        }
    }

    (void) pthread_mutex_unlock(&cache->lock);
}


bool
ds_cache_is_pinned(ds_cache_t *cache, const char *key)
{
    ds_pin_t  *pin;

    for (pin = cache->pins; pin != NULL; pin = pin->next) {
        if (strcmp(pin->key, key) == 0) {
            return true;
        }
    }

    return false;
}


/* from the index first: what it names is there */

int
ds_cache_remove(ds_cache_t *cache, const char *key, ds_error_t *err)
{
    int  rc;

    rc = ds_store_delete_kept(cache->store, key, err);

    if (rc == DS_OK) {
        ds_cache_unlink(cache->path, key);
    }

    return rc;
}


void
ds_cache_forget(ds_cache_t *cache, const char *key)
{
    (void) ds_cache_remove(cache, key, NULL);
}


int
ds_cache_delete(ds_store_t *store, const char *path, const char *key,
    ds_error_t *err)
{
    int        rc;
    ds_kept_t  kept;

    rc = ds_store_get_kept(store, key, &kept, err);

    if (rc == DS_OK) {
        rc = ds_store_delete_kept(store, key, err);
    }

    if (rc == DS_OK) {
        ds_cache_unlink(path, key);
    }

    return rc;
}


/* who reads the files now has them open, and reads on */

static void
ds_cache_unlink(const char *path, const char *key)
{
    char      *file;
    unsigned   i;

    for (i = 0; i < 2; i++) {
        file = ds_sprintf("%s/%s.%u", path, key, i);

        if (file != NULL) {
            (void) unlink(file);
            free(file);
        }
    }
}


char *
ds_cache_path(ds_cache_t *cache, const char *key, unsigned file)
{
    return ds_sprintf("%s/%s.%u", cache->path, key, file);
}


static int
ds_cache_check(ds_cache_t *cache, const ds_kept_t *kept, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int        rc;
    char      *path, sum[DS_KEY_LEN + 1];
    uint64_t   size, all;
    unsigned   i;

    all = 0;

    for (i = 0; i < kept->files && i < 2; i++) {
        path = ds_cache_path(cache, kept->key, i);
        if (path == NULL) {
            return ds_fail(err, DS_ENOMEM, "malloc() failed");
        }

        rc = ds_cache_sum(path, sum, &size, cancel, err);
        free(path);

        if (rc == DS_ECANCELED || rc == DS_ENOMEM) {
            return rc;
        }

        if (rc != DS_OK || strcmp(sum, kept->sum[i]) != 0) {
            return ds_fail(err, DS_ECACHE_MISSING, rc == DS_OK
                           ? "what was kept is damaged"
                           : "what was kept is gone");
        }

        all += size;
    }

    return all == kept->size
           ? DS_OK : ds_fail(err, DS_ECACHE_MISSING,
                             "what was kept is of another size");
}


int
ds_cache_sum(const char *path, char *sum, uint64_t *size, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int                fd, rc;
    ssize_t            n;
    uint8_t           *buf, hash[16];
    struct AVMurMur3  *m;

    *size = 0;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return ds_cache_failed("open()", path, err);
    }

    rc = DS_OK;
    n = 0;
    buf = malloc(DS_CACHE_BLOCK);
    m = av_murmur3_alloc();

    if (buf == NULL || m == NULL) {
        rc = ds_fail(err, DS_ENOMEM, "malloc() failed");

    } else {
        av_murmur3_init(m);
        (void) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    }

    while (rc == DS_OK && (n = read(fd, buf, DS_CACHE_BLOCK)) > 0) {
        av_murmur3_update(m, buf, n);
        *size += n;

        if (ds_cancel_is_set(cancel)) {
            rc = ds_fail(err, DS_ECANCELED, "canceled");
        }
    }

    if (rc == DS_OK && n == -1) {
        rc = ds_cache_failed("read()", path, err);
    }

    if (rc == DS_OK) {
        av_murmur3_final(m, hash);
        ds_cache_hex(sum, hash);
    }

    av_free(m);
    free(buf);
    (void) close(fd);

    return rc;
}


int
ds_cache_failed(const char *call, const char *path, ds_error_t *err)
{
    int  error;

    error = errno;

    return ds_fail(err, error == ENOSPC || error == EDQUOT
                   ? DS_ECACHE_FULL : DS_ECACHE_FAILED,
                   "%s failed: %s, path: \"%s\"", call, strerror(error), path);
}
