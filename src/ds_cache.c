
/*
 * ds_cache.c: the cache's directory: what may be in it, for how long, and how
 * something gets into it.  Knows nothing of media.
 *
 * KEY.0 and KEY.1 are whole files; KEY.part is a directory that somebody is
 * writing to, who holds a lock on the file "lock" in it, or has written to.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <dirent.h>
#include <unistd.h>

#include <libavutil/mem.h>
#include <libavutil/murmur3.h>

#include "ds_cache.h"


#define DS_CACHE_BLOCK  (256 * 1024)

/* rows of the index that are looked at together to find one to remove */
#define DS_CACHE_ROWS   16

/* s: an unfinished download that nobody has gone on with */
#define DS_CACHE_STALE  (7 * 86400)


typedef struct ds_pin_s  ds_pin_t;

struct ds_pin_s {
    ds_pin_t          *next;
    char               key[DS_KEY_LEN + 1];
    unsigned           count;
};


struct ds_cache_s {
    const ds_conf_t   *conf;
    ds_store_t        *store;
    char              *path;

    pthread_mutex_t    lock;
    /* under the lock */
    ds_pin_t          *pins;
    ds_keep_t         *keeps;
};


struct ds_keep_s {
    ds_keep_t         *next;
    ds_cache_t        *cache;
    ds_kept_t          kept;
    char              *path;            /* KEY.part */
    int                fd;              /* of the lock */
    uint64_t           size;            /* under the cache's lock */
};


static int ds_cache_clean(ds_cache_t *cache, ds_error_t *err);
static void ds_cache_clean_one(ds_cache_t *cache, int dir, const char *name);
static void ds_cache_remove(ds_cache_t *cache, const char *key);
static int ds_cache_room(ds_cache_t *cache, ds_keep_t *keep, ds_error_t *err);
static int ds_cache_evict(ds_cache_t *cache, ds_error_t *err);
static bool ds_cache_is_pinned(ds_cache_t *cache, const char *key);
static int ds_cache_pin(ds_cache_t *cache, const char *key);
static int ds_cache_check(ds_cache_t *cache, const ds_kept_t *kept,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_cache_sum(const char *path, char *sum, uint64_t *size,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_cache_lock(const char *path, ds_error_t *err);
static int ds_cache_move(ds_keep_t *keep, ds_cancel_t *cancel,
    ds_error_t *err);
static int ds_cache_sync(const char *path, ds_error_t *err);
static int ds_cache_failed(const char *call, const char *path,
    ds_error_t *err);
static void ds_cache_remove_all(const char *path);
static int ds_cache_remove_each(const char *path, const struct stat *st,
    int type, struct FTW *ftw);
static void ds_keep_free(ds_keep_t *keep);
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


void
ds_cache_key(char *key, const char *id, const char *form)
{
    uint8_t             hash[16];
    struct AVMurMur3   *m;

    *key = '\0';

    m = av_murmur3_alloc();
    if (m == NULL) {
        return;
    }

    av_murmur3_init(m);
    av_murmur3_update(m, (const uint8_t *) id, strlen(id) + 1);
    av_murmur3_update(m, (const uint8_t *) form, strlen(form));
    av_murmur3_final(m, hash);
    av_free(m);

    ds_cache_hex(key, hash);
}


static void
ds_cache_hex(char *dst, const uint8_t *hash)
{
    int  i;

    for (i = 0; i < 16; i++) {
        (void) snprintf(dst + 2 * i, 3, "%02x", hash[i]);
    }
}


/* what a process that died has left, and what somebody else has put there */

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
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) {
            ds_cache_clean_one(cache, dirfd(d), e->d_name);
        }
    }

    (void) closedir(d);

    return DS_OK;
}


static void
ds_cache_clean_one(ds_cache_t *cache, int dir, const char *name)
{
    int          fd;
    char        *path, key[DS_KEY_LEN + 1];
    size_t       len;
    ds_kept_t    kept;
    ds_error_t   err;
    struct stat  st;

    len = strspn(name, "0123456789abcdef");

    /* not ours: an operator's, who may miss it */

    if (len != DS_KEY_LEN || name[len] != '.') {
        return;
    }

    memcpy(key, name, len);
    key[len] = '\0';

    path = ds_sprintf("%s/%s", cache->path, name);
    if (path == NULL) {
        return;
    }

    if (strcmp(name + len, ".part") == 0) {
        fd = ds_cache_lock(path, &err);

        if (fd != -1) {
            if (fstatat(dir, name, &st, 0) == -1
                || ds_now() / 1000 - st.st_mtime > DS_CACHE_STALE)
            {
                ds_cache_remove_all(path);
            }

            (void) close(fd);
        }

    } else if (ds_store_get_kept(cache->store, key, &kept, &err)
               == DS_ESTORE_NOT_FOUND)
    {
        (void) unlink(path);
    }

    free(path);
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
            ds_cache_remove(cache, key);
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


/* who reads the files now has them open, and reads on */

static void
ds_cache_remove(ds_cache_t *cache, const char *key)
{
    char      *path;
    unsigned   i;

    (void) ds_store_delete_kept(cache->store, key, NULL);

    for (i = 0; i < 2; i++) {
        path = ds_cache_path(cache, key, i);

        if (path != NULL) {
            (void) unlink(path);
            free(path);
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
        goto failed;
    }

    if (mkdir(keep->path, 0700) == -1 && errno != EEXIST) {
        (void) ds_cache_failed("mkdir()", keep->path, err);
        goto failed;
    }

    keep->fd = ds_cache_lock(keep->path, err);
    if (keep->fd == -1) {
        goto failed;
    }

    (void) pthread_mutex_lock(&cache->lock);
    keep->next = cache->keeps;
    cache->keeps = keep;
    (void) pthread_mutex_unlock(&cache->lock);

    return keep;

failed:

    ds_keep_free(keep);

    return NULL;
}


/*
 * The descriptor of a locked KEY.part, -1: DS_ECACHE_BUSY, DS_ECACHE_FAILED.
 * The lock goes with the process, or when the descriptor is closed.
 */

static int
ds_cache_lock(const char *path, ds_error_t *err)
{
    int    fd;
    char  *file;

    file = ds_sprintf("%s/lock", path);
    if (file == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        return -1;
    }

    fd = open(file, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1) {
        (void) ds_cache_failed("open()", file, err);

    } else if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        (void) ds_fail(err, DS_ECACHE_BUSY, "it is being written");
        (void) close(fd);
        fd = -1;
    }

    free(file);

    return fd;
}


const char *
ds_keep_path(ds_keep_t *keep)
{
    return keep->path;
}


int
ds_keep_grown(ds_keep_t *keep, uint64_t size, ds_error_t *err)
{
    int  rc;

    (void) pthread_mutex_lock(&keep->cache->lock);

    keep->size = size;
    rc = ds_cache_room(keep->cache, keep, err);

    (void) pthread_mutex_unlock(&keep->cache->lock);

    return rc;
}


/* removes what is needed, and no more, for all that is kept and written */

static int
ds_cache_room(ds_cache_t *cache, ds_keep_t *keep, ds_error_t *err)
{
    int              rc;
    uint32_t         count;
    uint64_t         size, free_size;
    ds_keep_t       *k;
    struct statvfs   fs;

    if (keep->size > cache->conf->cache_max_size) {
        return ds_fail(err, DS_ECACHE_FULL, "it is larger than the cache");
    }

    for ( ;; ) {
        rc = ds_store_count_kept(cache->store, &count, &size, err);
        if (rc != DS_OK) {
            return rc;
        }

        for (k = cache->keeps; k != NULL; k = k->next) {
            size += k->size;
        }

        if (statvfs(cache->path, &fs) == -1) {
            return ds_cache_failed("statvfs()", cache->path, err);
        }

        free_size = (uint64_t) fs.f_bavail * fs.f_frsize;

        if (size <= cache->conf->cache_max_size
            && free_size >= cache->conf->cache_min_free)
        {
            return DS_OK;
        }

        rc = ds_cache_evict(cache, err);
        if (rc != DS_OK) {
            return rc;
        }
    }
}


/* context: under the lock */

static int
ds_cache_evict(ds_cache_t *cache, ds_error_t *err)
{
    int        rc;
    size_t     i, n;
    uint32_t   offset;
    ds_kept_t  rows[DS_CACHE_ROWS];

    for (offset = 0; /* void */ ; offset += DS_CACHE_ROWS) {
        n = DS_CACHE_ROWS;

        rc = ds_store_list_kept(cache->store, offset, rows, &n, err);
        if (rc != DS_OK) {
            return rc;
        }

        for (i = 0; i < n; i++) {
            if (!ds_cache_is_pinned(cache, rows[i].key)) {
                ds_cache_remove(cache, rows[i].key);
                return DS_OK;
            }
        }

        if (n < DS_CACHE_ROWS) {
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

    rc = ds_cache_move(keep, cancel, err);

    if (rc == DS_OK) {
        keep->kept.kept = keep->kept.used = ds_now();
        keep->kept.uses = 0;

        rc = ds_store_put_kept(keep->cache->store, &keep->kept, err);
    }

    if (rc != DS_OK) {
        ds_cache_remove(keep->cache, keep->kept.key);
    }

    ds_keep_abort(pkeep, false);

    return rc;
}


static int
ds_cache_move(ds_keep_t *keep, ds_cancel_t *cancel, ds_error_t *err)
{
    int        rc;
    char      *from, *to;
    uint64_t   size;
    unsigned   i;

    keep->kept.size = 0;

    for (i = 0; i < keep->kept.files && i < 2; i++) {
        from = ds_sprintf("%s/%u", keep->path, i);
        to = ds_cache_path(keep->cache, keep->kept.key, i);

        if (from == NULL || to == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "malloc() failed");

        } else {
            rc = ds_cache_sum(from, keep->kept.sum[i], &size, cancel, err);

            if (rc == DS_OK) {
                rc = ds_cache_sync(from, err);
            }

            if (rc == DS_OK && rename(from, to) == -1) {
                rc = ds_cache_failed("rename()", to, err);
            }
        }

        free(from);
        free(to);

        if (rc != DS_OK) {
            return rc;
        }

        keep->kept.size += size;
    }

    return DS_OK;
}


static int
ds_cache_sync(const char *path, ds_error_t *err)
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

    (void) pthread_mutex_lock(&keep->cache->lock);

    for (link = &keep->cache->keeps; *link != keep; link = &(*link)->next) {
        /* void */
    }

    *link = keep->next;

    (void) pthread_mutex_unlock(&keep->cache->lock);

    if (!resume) {
        ds_cache_remove_all(keep->path);
    }

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
ds_cache_remove_all(const char *path)
{
    (void) nftw(path, ds_cache_remove_each, 8, FTW_DEPTH|FTW_PHYS);
}


static int
ds_cache_remove_each(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;

    (void) remove(path);

    return 0;
}


static int
ds_cache_failed(const char *call, const char *path, ds_error_t *err)
{
    int  error;

    error = errno;

    return ds_fail(err, error == ENOSPC || error == EDQUOT
                   ? DS_ECACHE_FULL : DS_ECACHE_FAILED,
                   "%s failed: %s, path: \"%s\"", call, strerror(error), path);
}
