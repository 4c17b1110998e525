
/*
 * ds_cache.c: the cache's directory: what may be in it, finding it again, and
 * how something gets into it: room is made for it, it is written aside, and it
 * is renamed when it is whole.  Knows nothing of media.
 *
 * KEY.0 is a whole file, and with one KEY.1 where audio was fetched apart by
 * an older version; KEY.part is a directory that somebody is writing file "0"
 * to, who holds a lock on the file "lock" in it, or has written to.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <libavutil/mem.h>
#include <libavutil/murmur3.h>
#include <openssl/evp.h>

#include "base/ds_engine.h"
#include "source/ds_cache.h"


#define DS_CACHE_BLOCK  (256 * 1024)

/* ms: an unfinished download that nobody has gone on with */
#define DS_CACHE_STALE  (7 * 86400 * (int64_t) 1000)


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


struct ds_pin_s {
    ds_pin_t          *next;
    char               key[DS_KEY_LEN + 1];
    unsigned           count;
};


/* bytes that room is made for at a time: it costs a look at all there is */
#define DS_KEEP_STEP  (4 * 1024 * 1024)

/* and how many of these are in the cache at least */
#define DS_KEEP_STEPS 64

/* rows of the index that are looked at together to find one to remove */
#define DS_KEEP_ROWS  16

/* how often a directory may vanish before its lock is held */
#define DS_KEEP_TRIES 8


struct ds_keep_s {
    ds_keep_t         *next;
    ds_cache_t        *cache;
    ds_kept_t          kept;
    char              *path;            /* KEY.part */
    int                fd;              /* of the lock */
    bool               modest;
    /* under the cache's lock */
    uint64_t           size;            /* written */
    uint64_t           reserved;
};


/* what is there, kept and unfinished */

typedef struct {
    uint64_t           size;            /* of all, with what is reserved */
    uint64_t           reserved;        /* of it, not written yet */
    int64_t            changed;         /* ms, of "idle" */
    char              *idle;            /* the oldest that nobody writes to */
} ds_keep_use_t;


static int ds_cache_clean(ds_cache_t *cache, ds_error_t *err);
static void ds_cache_clean_one(ds_cache_t *cache, const char *name);
static void ds_cache_unlink(const char *path, const char *key);
static int ds_cache_pin(ds_cache_t *cache, const char *key);
static int ds_cache_check(ds_cache_t *cache, const ds_kept_t *kept,
    ds_cancel_t *cancel, ds_error_t *err);
static void ds_cache_hex(char *dst, const uint8_t *hash);
static int ds_keep_open(ds_keep_t *keep, ds_error_t *err);
static int ds_keep_room(ds_keep_t *keep, ds_error_t *err);
static int ds_keep_use(ds_cache_t *cache, ds_keep_use_t *use,
    ds_error_t *err);
static void ds_keep_use_part(ds_cache_t *cache, ds_keep_use_t *use,
    const char *name);
static int ds_keep_evict(ds_cache_t *cache, const ds_keep_use_t *use,
    ds_error_t *err);
static int ds_keep_oldest(ds_cache_t *cache, ds_kept_t *kept,
    ds_error_t *err);
static int ds_keep_move(ds_keep_t *keep, ds_cancel_t *cancel,
    ds_error_t *err);
static int ds_keep_sync(const char *path, ds_error_t *err);
static int ds_keep_remove_each(const char *path, const struct stat *st,
    int type, struct FTW *ftw);
static void ds_keep_free(ds_keep_t *keep);
static bool ds_cache_is_pinned(ds_cache_t *cache, const char *key);
static int ds_cache_remove(ds_store_t *store, const char *path,
    const char *key, ds_error_t *err);
static int ds_cache_sum(const char *path, char *sum, uint64_t *size,
    ds_cancel_t *cancel, ds_error_t *err);
static bool ds_cache_name(const char *name, char *key, const char **suffix);
static int ds_keep_lock(const char *path, ds_error_t *err);
static void ds_keep_stat(const char *path, uint64_t *size, int64_t *changed);
static void ds_keep_remove(ds_cache_t *cache, const char *path);
static void ds_keep_remove_all(const char *path);


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
    int           rc;
    uint8_t       hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX   *ctx;

    /* whoever writes lists must not find two items of one key */

    ctx = EVP_MD_CTX_new();

    rc = ctx != NULL
         && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1
         && EVP_DigestUpdate(ctx, id, strlen(id) + 1) == 1
         && EVP_DigestUpdate(ctx, form, strlen(form)) == 1
         && EVP_DigestFinal_ex(ctx, hash, NULL) == 1;

    EVP_MD_CTX_free(ctx);

    if (!rc) {
        return DS_ENOMEM;
    }

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


static bool
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
            ds_cache_forget(cache, key);
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


bool
ds_cache_has(ds_cache_t *cache, const char *key)
{
    ds_kept_t  kept;

    return ds_store_get_kept(cache->store, key, &kept, NULL) == DS_OK;
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


static bool
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

static int
ds_cache_remove(ds_store_t *store, const char *path, const char *key,
    ds_error_t *err)
{
    int  rc;

    rc = ds_store_delete_kept(store, key, err);

    if (rc == DS_OK) {
        ds_cache_unlink(path, key);
    }

    return rc;
}


void
ds_cache_forget(ds_cache_t *cache, const char *key)
{
    (void) ds_cache_remove(cache->store, cache->path, key, NULL);
}


int
ds_cache_delete(ds_store_t *store, const char *path, const char *key,
    ds_error_t *err)
{
    int        rc;
    ds_kept_t  kept;

    rc = ds_store_get_kept(store, key, &kept, err);

    return rc == DS_OK ? ds_cache_remove(store, path, key, err) : rc;
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


static int
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


ds_keep_t *
ds_cache_begin(ds_cache_t *cache, const ds_kept_t *kept, ds_error_t *err)
{
    ds_keep_t  *keep;

    keep = calloc(1, sizeof(ds_keep_t));
    if (keep == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    keep->cache = cache;
    keep->kept = *kept;
    keep->fd = -1;

    keep->path = ds_sprintf("%s/%s.part", cache->path, kept->key);

    if (keep->path == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        ds_keep_free(keep);
        return NULL;
    }

    if (ds_keep_open(keep, err) != DS_OK) {
        ds_keep_free(keep);
        return NULL;
    }

    (void) pthread_mutex_lock(&cache->lock);

    keep->next = cache->keeps;
    cache->keeps = keep;

    (void) pthread_mutex_unlock(&cache->lock);

    return keep;
}


static int
ds_keep_open(ds_keep_t *keep, ds_error_t *err)
{
    int        i;
    ds_kept_t  kept;

    for (i = 0; i < DS_KEEP_TRIES; i++) {
        if (mkdir(keep->path, 0700) == -1 && errno != EEXIST) {
            return ds_cache_failed("mkdir()", keep->path, err);
        }

        keep->fd = ds_keep_lock(keep->path, err);

        if (keep->fd != -1) {
            break;
        }

        if (err->code != DS_ECACHE_MISSING) {
            return err->code;
        }
    }

    if (keep->fd == -1) {
        return err->code;
    }

    /* the index is written to under the lock: this cannot change */

    switch (ds_store_get_kept(keep->cache->store, keep->kept.key, &kept,
                              err))
    {
    case DS_ESTORE_NOT_FOUND:
        ds_error_clear(err);
        return DS_OK;

    case DS_OK:
        ds_keep_remove(keep->cache, keep->path);
        return ds_fail(err, DS_ECACHE_BUSY, "it has just been kept");

    default:
        return err->code;
    }
}


static int
ds_keep_lock(const char *path, ds_error_t *err)
{
    int          fd;
    char        *file;
    struct stat  st, now;

    file = ds_sprintf("%s/lock", path);
    if (file == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        return -1;
    }

    fd = open(file, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1) {
        if (errno == ENOENT) {
            (void) ds_fail(err, DS_ECACHE_MISSING, "nothing is written");

        } else {
            (void) ds_cache_failed("open()", file, err);
        }

        free(file);

        return -1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        (void) ds_fail(err, DS_ECACHE_BUSY, "it is being written");

    } else if (fstat(fd, &st) == 0 && stat(file, &now) == 0
               && st.st_ino == now.st_ino)
    {
        free(file);
        return fd;

    } else {
        /* who held it has removed the directory meanwhile */
        (void) ds_fail(err, DS_ECACHE_MISSING, "it is written no more");
    }

    (void) close(fd);
    free(file);

    return -1;
}


const char *
ds_keep_path(ds_keep_t *keep)
{
    return keep->path;
}


void
ds_keep_set(ds_keep_t *keep, int64_t duration)
{
    if (duration != -1) {
        keep->kept.duration = duration;
    }
}


void
ds_keep_modest(ds_keep_t *keep)
{
    keep->modest = true;
}


int
ds_keep_grown(ds_keep_t *keep, uint64_t size, uint64_t total,
    ds_error_t *err)
{
    int          rc;
    uint64_t     max, step, before, had;
    ds_cache_t  *cache;

    cache = keep->cache;
    max = cache->conf->cache_max_size;

    /* the total is a guess: a bitrate may fall by a fifth */

    if (size > max || total - total / 5 > max) {
        return ds_fail(err, DS_ECACHE_FULL, "it is larger than the cache");
    }

    rc = DS_OK;

    (void) pthread_mutex_lock(&cache->lock);

    had = keep->size;
    keep->size = size;

    if (size > keep->reserved) {
        before = keep->reserved;

        step = max / DS_KEEP_STEPS;
        if (step > DS_KEEP_STEP) {
            step = DS_KEEP_STEP;
        }

        keep->reserved = max - size < step ? max : size + step;

        rc = ds_keep_room(keep, err);

        if (rc != DS_OK) {
            keep->reserved = before;
            keep->size = had;
        }
    }

    (void) pthread_mutex_unlock(&cache->lock);

    return rc;
}


/* context: under the lock; removes what is needed, and no more */

static int
ds_keep_room(ds_keep_t *keep, ds_error_t *err)
{
    int              rc;
    uint64_t         left;
    ds_cache_t      *cache;
    struct statvfs   fs;
    ds_keep_use_t    use;

    cache = keep->cache;

    for ( ;; ) {
        rc = ds_keep_use(cache, &use, err);
        if (rc != DS_OK) {
            return rc;
        }

        if (statvfs(cache->path, &fs) == -1) {
            free(use.idle);
            return ds_cache_failed("statvfs()", cache->path, err);
        }

        left = (uint64_t) fs.f_bavail * fs.f_frsize;

        if (use.size <= cache->conf->cache_max_size
            && left >= use.reserved
            && left - use.reserved >= cache->conf->cache_min_free)
        {
            free(use.idle);
            return DS_OK;
        }

        rc = keep->modest ? ds_fail(err, DS_ECACHE_FULL, "the cache is full")
                          : ds_keep_evict(cache, &use, err);
        free(use.idle);

        if (rc != DS_OK) {
            return rc;
        }
    }
}


/* context: under the lock */

static int
ds_keep_use(ds_cache_t *cache, ds_keep_use_t *use, ds_error_t *err)
{
    int             rc;
    DIR            *d;
    uint32_t        count;
    ds_keep_t      *k;
    struct dirent  *e;

    memset(use, 0, sizeof(ds_keep_use_t));

    rc = ds_store_count_kept(cache->store, &count, &use->size, err);
    if (rc != DS_OK) {
        return rc;
    }

    for (k = cache->keeps; k != NULL; k = k->next) {
        use->size += k->reserved;
        use->reserved += k->reserved - k->size;
    }

    d = opendir(cache->path);
    if (d == NULL) {
        return ds_cache_failed("opendir()", cache->path, err);
    }

    while ((e = readdir(d)) != NULL) {
        ds_keep_use_part(cache, use, e->d_name);
    }

    (void) closedir(d);

    return DS_OK;
}


/* what others write, and what was given up and may be gone on with */

static void
ds_keep_use_part(ds_cache_t *cache, ds_keep_use_t *use, const char *name)
{
    int          fd;
    char        *path, key[DS_KEY_LEN + 1];
    int64_t      changed;
    uint64_t     size;
    ds_keep_t   *k;
    ds_error_t   err;
    const char  *suffix;

    if (!ds_cache_name(name, key, &suffix) || strcmp(suffix, "part") != 0) {
        return;
    }

    for (k = cache->keeps; k != NULL; k = k->next) {
        if (strcmp(k->kept.key, key) == 0) {
            return;
        }
    }

    path = ds_sprintf("%s/%s", cache->path, name);
    if (path == NULL) {
        return;
    }

    ds_keep_stat(path, &size, &changed);
    use->size += size;

    if (use->idle == NULL || changed < use->changed) {
        fd = ds_keep_lock(path, &err);

        if (fd != -1) {
            (void) close(fd);
            free(use->idle);
            use->idle = path;
            use->changed = changed;
            return;
        }
    }

    free(path);
}


/* context: under the lock; what was used, or gone on with, longest ago */

static int
ds_keep_evict(ds_cache_t *cache, const ds_keep_use_t *use, ds_error_t *err)
{
    int        fd, rc;
    ds_kept_t  kept;

    rc = ds_keep_oldest(cache, &kept, err);

    if (use->idle == NULL || (rc == DS_OK && kept.used <= use->changed)) {
        return rc != DS_OK ? rc : ds_cache_remove(cache->store, cache->path,
                                                  kept.key, err);
    }

    fd = ds_keep_lock(use->idle, err);

    if (fd != -1) {
        ds_keep_remove(cache, use->idle);
        (void) close(fd);
    }

    return DS_OK;
}


static int
ds_keep_oldest(ds_cache_t *cache, ds_kept_t *kept, ds_error_t *err)
{
    int        rc;
    size_t     i, n;
    uint32_t   offset;
    ds_kept_t  rows[DS_KEEP_ROWS];

    for (offset = 0; /* void */ ; offset += DS_KEEP_ROWS) {
        n = DS_KEEP_ROWS;

        rc = ds_store_list_kept(cache->store, offset, rows, &n, err);
        if (rc != DS_OK) {
            return rc;
        }

        for (i = 0; i < n; i++) {
            if (!ds_cache_is_pinned(cache, rows[i].key)) {
                *kept = rows[i];
                return DS_OK;
            }
        }

        if (n < DS_KEEP_ROWS) {
            return ds_fail(err, DS_ECACHE_FULL, "the cache is full");
        }
    }
}


int
ds_keep_commit(ds_keep_t **pkeep, ds_cancel_t *cancel, ds_error_t *err)
{
    int         rc;
    ds_keep_t  *keep;

    keep = *pkeep;

    rc = ds_keep_move(keep, cancel, err);

    if (rc == DS_OK) {
        keep->kept.kept = keep->kept.used = ds_now();
        keep->kept.uses = 0;

        rc = ds_store_put_kept(keep->cache->store, &keep->kept, err);
    }

    if (rc != DS_OK) {
        ds_cache_forget(keep->cache, keep->kept.key);
    }

    ds_keep_abort(pkeep, false);

    return rc;
}


/* nothing is kept under the key yet: see ds_keep_open() */

static int
ds_keep_move(ds_keep_t *keep, ds_cancel_t *cancel, ds_error_t *err)
{
    int    rc;
    char  *from, *to;

    from = ds_sprintf("%s/0", keep->path);
    to = ds_cache_path(keep->cache, keep->kept.key, 0);

    rc = from == NULL || to == NULL
         ? ds_fail(err, DS_ENOMEM, "malloc() failed")
         : ds_keep_sync(from, err);

    if (rc == DS_OK) {
        rc = ds_cache_sum(from, keep->kept.sum[0], &keep->kept.size, cancel,
                          err);
    }

    if (rc == DS_OK) {
        rc = ds_keep_grown(keep, keep->kept.size, 0, err);
    }

    if (rc == DS_OK && rename(from, to) == -1) {
        rc = ds_cache_failed("rename()", to, err);
    }

    if (rc == DS_OK) {
        rc = ds_keep_sync(keep->cache->path, err);
    }

    free(from);
    free(to);

    return rc;
}


static int
ds_keep_sync(const char *path, ds_error_t *err)
{
    int  fd, rc;

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return ds_cache_failed("open()", path, err);
    }

    rc = fsync(fd) == -1 ? ds_cache_failed("fsync()", path, err) : DS_OK;
    (void) close(fd);

    return rc;
}


void
ds_keep_abort(ds_keep_t **pkeep, bool resume)
{
    ds_keep_t  *keep, **link;

    keep = *pkeep;
    if (keep == NULL) {
        return;
    }

    *pkeep = NULL;

    if (!resume) {
        ds_keep_remove(keep->cache, keep->path);
    }

    (void) pthread_mutex_lock(&keep->cache->lock);

    for (link = &keep->cache->keeps; *link != keep; link = &(*link)->next) {
        /* void */
    }

    *link = keep->next;

    (void) pthread_mutex_unlock(&keep->cache->lock);

    ds_keep_free(keep);
}


static void
ds_keep_free(ds_keep_t *keep)
{
    if (keep->fd != -1) {
        (void) close(keep->fd);
    }

    free(keep->path);
    free(keep);
}


static void
ds_keep_stat(const char *path, uint64_t *size, int64_t *changed)
{
    DIR            *d;
    struct stat     st;
    struct dirent  *e;

    *size = 0;
    *changed = 0;

    d = opendir(path);
    if (d == NULL) {
        return;
    }

    while ((e = readdir(d)) != NULL) {
        if (fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1
            || !S_ISREG(st.st_mode))
        {
            continue;
        }

        *size += st.st_size;

        if (st.st_mtime * (int64_t) 1000 > *changed) {
            *changed = st.st_mtime * (int64_t) 1000;
        }
    }

    (void) closedir(d);
}


/* who wants to write it anew finds none, not one that is being removed */

static void
ds_keep_remove(ds_cache_t *cache, const char *path)
{
    char      *aside;
    unsigned   n;

    n = atomic_fetch_add(&cache->removed, 1);

    aside = ds_sprintf("%.*s.%d-%u", (int) (strlen(path) - sizeof("part")),
                       path, (int) getpid(), n);

    if (aside != NULL && rename(path, aside) == 0) {
        ds_keep_remove_all(aside);
    }

    free(aside);
}


static void
ds_keep_remove_all(const char *path)
{
    (void) nftw(path, ds_keep_remove_each, 8, FTW_DEPTH|FTW_PHYS);
}


static int
ds_keep_remove_each(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;

    (void) remove(path);

    return 0;
}
