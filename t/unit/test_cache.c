
/*
 * The cache: what is kept is found whole or not at all, whoever is killed
 * where, and there is never more of it than there may be.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "source/ds_cache.h"
#include "tap.h"


#define KIB  1024


static char         dir[] = "/tmp/ds-cache-XXXXXX";
static char         path[64];
static char         store_path[64];
static ds_conf_t    conf;
static ds_cancel_t  cancel;


static void
name(ds_kept_t *k, const char *id)
{
    memset(k, 0, sizeof(ds_kept_t));

    (void) snprintf(k->id, sizeof(k->id), "%s", id);
    (void) snprintf(k->form, sizeof(k->form), "download");
    (void) ds_cache_key(k->key, k->id, k->form);
    k->files = 1;
    k->duration = 1000;
}


/* appends "size" bytes to what is being written */

static int
grow(ds_keep_t *keep, size_t size, size_t all)
{
    int         fd, rc;
    char        file[256], block[KIB];
    size_t      i;
    ds_error_t  err;

    rc = ds_keep_grown(keep, all, 0, &err);
    if (rc != 0) {
        return rc;
    }

    (void) snprintf(file, sizeof(file), "%s/0", ds_keep_path(keep));

    fd = open(file, O_WRONLY|O_CREAT|O_APPEND, 0600);
    memset(block, 'a', sizeof(block));

    for (i = 0; i < size && rc == 0; i += sizeof(block)) {
        if (write(fd, block, sizeof(block)) != sizeof(block)) {
            rc = -errno;
        }
    }

    (void) close(fd);

    return rc;
}


static int
keep(ds_cache_t *cache, const char *id, size_t size)
{
    int         rc;
    ds_kept_t   k;
    ds_keep_t  *w;
    ds_error_t  err;

    name(&k, id);

    w = ds_cache_begin(cache, &k, &err);
    if (w == NULL) {
        return err.code;
    }

    rc = grow(w, size, size);

    if (rc != 0) {
        ds_keep_abort(&w, false);
        return rc;
    }

    rc = ds_keep_commit(&w, &cancel, &err);
    (void) usleep(2000);

    return rc;
}


/* looks it up, and lets it go at once */

static int
find(ds_cache_t *cache, const char *id)
{
    int         rc;
    ds_kept_t   k;
    ds_error_t  err;

    name(&k, id);
    rc = ds_cache_get(cache, k.key, &cancel, &k, &err);

    if (rc == 0) {
        ds_cache_release(cache, k.key);
        (void) usleep(2000);
    }

    return rc;
}


static long long
sh(const char *fmt, ...)
{
    FILE       *f;
    char        command[512];
    va_list     args;
    long long   n;

    va_start(args, fmt);
    (void) vsnprintf(command, sizeof(command), fmt, args);
    va_end(args);

    n = -1;
    f = popen(command, "r");

    if (f != NULL) {
        if (fscanf(f, "%lld", &n) != 1) {
            n = -1;
        }
        (void) pclose(f);
    }

    return n;
}


static long long
bytes(void)
{
    return sh("find %s -type f -printf '%%s\\n' | awk '{n += $1} "
              "END {print n + 0}'", path);
}


static ds_cache_t *
cache_open(uint64_t max)
{
    ds_cache_t  *cache;
    ds_error_t   err;

    conf.cache_max_size = max;

    cache = ds_cache_open(&conf, &err);

    if (cache == NULL) {
        ok(false, "cache is opened: %s", err.message);
        exit(1);
    }

    return cache;
}


/* nothing of what was before */

static ds_cache_t *
cache_fresh(uint64_t max)
{
    ds_error_t  err;

    (void) sh("rm -rf %s %s*; echo 0", path, store_path);
    (void) ds_store_migrate(store_path, -1, &err);

    return cache_open(max);
}


/* what "a" is kept in, again as its second file, as older versions did it */

static void
test_two_files(ds_cache_t *cache)
{
    int          fd;
    char        *first, *second;
    ds_kept_t    k;
    ds_error_t   err;
    ds_store_t  *store;

    name(&k, "a");
    store = ds_store_open(store_path, false, &err);
    first = ds_cache_path(cache, k.key, 0);
    second = ds_cache_path(cache, k.key, 1);

    (void) sh("cp %s %s; echo 0", first, second);

    is_int(ds_store_get_kept(store, k.key, &k, &err), 0, "of one file");
    k.files = 2;
    k.size = 20 * KIB;
    memcpy(k.sum[1], k.sum[0], sizeof(k.sum[1]));
    is_int(ds_store_put_kept(store, &k, &err), 0, "of two files");
    is_int(find(cache, "a"), 0, "found");

    fd = open(second, O_WRONLY);
    ok(fd != -1 && pwrite(fd, "x", 1, 2 * KIB) == 1, "a byte of the second");
    (void) close(fd);
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "is found, too");
    is_int(bytes(), 0, "both are removed");
    is_int(keep(cache, "a", 10 * KIB), 0, "and kept anew");

    ds_store_close(&store);
    free(first);
    free(second);
}


static void
test_kept(void)
{
    int          fd;
    char        *file;
    ds_kept_t    k;
    ds_keep_t   *w;
    ds_error_t   err;
    ds_cache_t  *cache;
    struct stat  st;

    cache = cache_fresh(1000 * KIB);

    is_int(find(cache, "a"), DS_ECACHE_MISSING, "nothing is kept");

    name(&k, "a");
    w = ds_cache_begin(cache, &k, &err);
    ok(w != NULL, "it is begun");
    ok(ds_cache_begin(cache, &k, &err) == NULL
       && err.code == DS_ECACHE_BUSY, "by one at a time");
    is_int(grow(w, 100 * KIB, 100 * KIB), 0, "a part");
    is_int(grow(w, 50 * KIB, 150 * KIB), 0, "another");
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "not before it is whole");
    is_int(ds_keep_commit(&w, &cancel, &err), 0, "whole");
    ok(w == NULL, "and let go");

    is_int(ds_cache_get(cache, k.key, &cancel, &k, &err), 0, "found");
    is_int(k.size, 150 * KIB, "its size");
    is_int(k.duration, 1000, "its duration");
    file = ds_cache_path(cache, k.key, 0);
    ok(stat(file, &st) == 0 && st.st_size == 150 * KIB, "its file");
    ds_cache_release(cache, k.key);

    ok(ds_cache_begin(cache, &k, &err) == NULL
       && err.code == DS_ECACHE_BUSY, "what is kept is not written again");
    is_int(sh("ls %s | wc -l", path), 1, "nothing else is there");

    ds_cache_close(&cache);
    cache = cache_open(1000 * KIB);
    is_int(find(cache, "a"), 0, "it survives");

    fd = open(file, O_WRONLY);
    ok(fd != -1 && pwrite(fd, "x", 1, 20 * KIB) == 1, "one byte is changed");
    (void) close(fd);
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "the damage is found");
    is_int(bytes(), 0, "and removed");
    is_int(keep(cache, "a", 10 * KIB), 0, "it is kept anew");

    test_two_files(cache);

    (void) sh("rm %s/*; echo 0", path);
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "gone by another hand");
    is_int(keep(cache, "a", 10 * KIB), 0, "kept anew");
    (void) sh("truncate -s 5K %s/*.0; echo 0", path);
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "cut");

    free(file);
    ds_cache_close(&cache);
}


static void
test_bound(void)
{
    int          i;
    char         id[16];
    bool         good;
    ds_kept_t    k;
    ds_keep_t   *w, *v;
    ds_error_t   err;
    ds_cache_t  *cache;

    cache = cache_fresh(100 * KIB);

    is_int(keep(cache, "a", 40 * KIB), 0, "a");
    is_int(keep(cache, "b", 40 * KIB), 0, "b");
    is_int(find(cache, "a"), 0, "a is used");
    is_int(keep(cache, "c", 40 * KIB), 0, "c");
    is_int(find(cache, "b"), DS_ECACHE_MISSING, "b was unused for longest");
    is_int(find(cache, "a"), 0, "a is still there");

    name(&k, "a");
    is_int(ds_cache_get(cache, k.key, &cancel, &k, &err), 0, "a on air");
    is_int(find(cache, "c"), 0, "c is used after a");
    is_int(keep(cache, "d", 40 * KIB), 0, "d");
    is_int(find(cache, "a"), 0, "what is on air stays");
    is_int(find(cache, "c"), DS_ECACHE_MISSING, "and c goes");
    is_int(keep(cache, "e", 70 * KIB), DS_ECACHE_FULL, "no room beside it");
    is_int(find(cache, "a"), 0, "it is there");
    ds_cache_release(cache, k.key);
    is_int(keep(cache, "e", 70 * KIB), 0, "there is room without it");

    is_int(keep(cache, "f", 101 * KIB), DS_ECACHE_FULL,
           "larger than the cache");
    is_int(find(cache, "e"), 0, "for that nothing is removed");

    /* two at a time have no more room than one */

    name(&k, "g");
    w = ds_cache_begin(cache, &k, &err);
    name(&k, "h");
    v = ds_cache_begin(cache, &k, &err);
    is_int(grow(w, 60 * KIB, 60 * KIB), 0, "one");
    is_int(grow(v, 60 * KIB, 60 * KIB), DS_ECACHE_FULL, "another");
    ds_keep_abort(&v, false);
    ds_keep_abort(&w, true);
    is_int(bytes(), 60 * KIB, "an unfinished one stays");

    is_int(keep(cache, "i", 50 * KIB), 0, "and makes room in its turn");
    is_int(bytes(), 50 * KIB, "it is gone");

    good = true;

    for (i = 0; i < 200; i++) {
        (void) snprintf(id, sizeof(id), "n%d", i);
        good &= keep(cache, id, (1 + i * 7 % 40) * KIB) == 0;
        good &= bytes() <= 100 * KIB;
    }

    ok(good, "never more than there may be");

    conf.cache_min_free = (uint64_t) 1 << 60;
    is_int(keep(cache, "z", KIB), DS_ECACHE_FULL, "a disk without room");
    is_int(bytes(), 0, "all was tried for it");
    conf.cache_min_free = 0;

    ds_cache_close(&cache);
}


/* what is found after a process died at each point of writing */

static void
test_killed(void)
{
    int          status;
    pid_t        pid;
    ds_kept_t    k;
    ds_keep_t   *w;
    ds_error_t   err;
    ds_cache_t  *cache;

    cache = cache_fresh(1000 * KIB);
    is_int(keep(cache, "old", 10 * KIB), 0, "something is kept");
    ds_cache_close(&cache);
    name(&k, "a");

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        cache = cache_open(1000 * KIB);
        w = ds_cache_begin(cache, &k, &err);
        (void) grow(w, 100 * KIB, 100 * KIB);
        (void) kill(getpid(), SIGKILL);
    }

    (void) waitpid(pid, &status, 0);
    ok(WIFSIGNALED(status), "killed in mid-write");

    cache = cache_open(1000 * KIB);
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "half of it is nothing");
    is_int(find(cache, "old"), 0, "what was kept is kept");
    w = ds_cache_begin(cache, &k, &err);
    ok(w != NULL, "it may be gone on with");
    is_int(sh("stat -c %%s %s/0", ds_keep_path(w)), 100 * KIB,
           "from where it was");
    is_int(grow(w, 100 * KIB, 200 * KIB), 0, "it grows");
    is_int(ds_keep_commit(&w, &cancel, &err), 0, "it is whole");
    ds_cache_close(&cache);

    /* renamed, and not in the index; a strange name; an operator's file */

    (void) sh("cd %s && cp %s.0 00000000000000000000000000000000.0 && "
              "mkdir 00000000000000000000000000000000.1-2 && "
              "touch 00000000000000000000000000000000.1-2/0 notes; echo 0",
              path, k.key);

    cache = cache_open(1000 * KIB);
    is_int(sh("ls %s | grep -c ^0000", path), 0, "what no one knows is gone");
    is_int(sh("ls %s | grep -c notes", path), 1, "but not what is not ours");
    is_int(find(cache, "a"), 0, "what is kept stays");

    name(&k, "b");
    w = ds_cache_begin(cache, &k, &err);
    (void) grow(w, KIB, KIB);
    ds_keep_abort(&w, true);
    ds_cache_close(&cache);
    (void) sh("touch -d '8 days ago' %s/%s.part/*; echo 0", path, k.key);
    cache = cache_open(1000 * KIB);
    is_int(sh("ls %s | grep -c part", path), 0, "old unfinished ones go");
    ds_cache_close(&cache);
}


/* a child writes what is named by each byte, and says when it holds it */

static void
test_processes(void)
{
    int          in[2], out[2];
    char         c;
    pid_t        pid;
    ds_kept_t    k;
    ds_keep_t   *w;
    ds_error_t   err;
    ds_cache_t  *cache;

    cache = cache_fresh(1000 * KIB);
    ds_cache_close(&cache);
    name(&k, "a");

    if (pipe(in) == -1 || pipe(out) == -1) {
        ok(false, "pipe()");
        return;
    }

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        cache = cache_open(1000 * KIB);
        w = ds_cache_begin(cache, &k, &err);
        (void) grow(w, 10 * KIB, 10 * KIB);
        (void) !write(out[1], "x", 1);
        (void) !read(in[0], &c, 1);
        (void) ds_keep_commit(&w, &cancel, &err);
        _exit(0);
    }

    (void) !read(out[0], &c, 1);
    cache = cache_open(1000 * KIB);
    ok(ds_cache_begin(cache, &k, &err) == NULL
       && err.code == DS_ECACHE_BUSY, "another process writes it");

    is_int(sh("ls %s | grep -c part", path), 1, "it is left alone");

    (void) !write(in[1], "x", 1);
    (void) waitpid(pid, NULL, 0);
    is_int(find(cache, "a"), 0, "what it kept is found here");

    (void) close(in[0]);
    (void) close(in[1]);
    (void) close(out[0]);
    (void) close(out[1]);
    ds_cache_close(&cache);
}


typedef struct {
    ds_cache_t  *cache;
    unsigned     n;
    int          odd;
} worker_t;


/* more keys than there is room for, wanted by all at once */

static void *
worker(void *data)
{
    int         i, rc;
    char        id[8];
    worker_t   *w = data;

    for (i = 0; i < 60; i++) {
        (void) snprintf(id, sizeof(id), "w%u", (w->n + i * 3) % 12);

        rc = find(w->cache, id);
        if (rc == DS_ECACHE_MISSING) {
            rc = keep(w->cache, id, 20 * KIB);
        }

        w->odd += rc != 0 && rc != DS_ECACHE_BUSY && rc != DS_ECACHE_FULL;
    }

    return NULL;
}


static void
test_threads(void)
{
    int          i, odd;
    worker_t     w[4];
    pthread_t    t[4];
    ds_cache_t  *cache;

    cache = cache_fresh(100 * KIB);
    odd = 0;

    for (i = 0; i < 4; i++) {
        w[i].cache = cache;
        w[i].n = i;
        w[i].odd = 0;
        (void) pthread_create(&t[i], NULL, worker, &w[i]);
    }

    for (i = 0; i < 4; i++) {
        (void) pthread_join(t[i], NULL);
        odd += w[i].odd;
    }

    is_int(odd, 0, "several threads");
    ok(bytes() <= 100 * KIB, "keep the bound");
    ds_cache_close(&cache);
}


static void
test_disk(void)
{
    int            status;
    pid_t          pid;
    uid_t          uid;
    ds_kept_t      k;
    ds_error_t     err;
    ds_store_t    *store;
    ds_cache_t    *cache;
    struct rlimit  limit;

    cache = cache_fresh(1000 * KIB);
    is_int(keep(cache, "a", 10 * KIB), 0, "something is kept");
    ds_cache_close(&cache);

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        cache = cache_open(1000 * KIB);
        (void) signal(SIGXFSZ, SIG_IGN);
        limit.rlim_cur = limit.rlim_max = 200 * KIB;
        (void) setrlimit(RLIMIT_FSIZE, &limit);
        _exit(keep(cache, "b", 300 * KIB) == -EFBIG ? 0 : 1);
    }

    (void) waitpid(pid, &status, 0);
    is_int(status, 0, "a write that fails");
    is_int(bytes(), 10 * KIB, "leaves nothing");

    uid = geteuid() == 0 ? 65534 : geteuid();
    (void) sh("chmod 755 %s; chown -R %u %s; chmod 500 %s; echo 0", dir,
              (unsigned) uid, dir, path);

    (void) fflush(stdout);
    pid = fork();

    if (pid == 0) {
        if (geteuid() == 0 && setuid(uid) == -1) {
            _exit(2);
        }

        cache = cache_open(1000 * KIB);
        _exit(find(cache, "a") == 0
              && keep(cache, "b", KIB) == DS_ECACHE_FAILED ? 0 : 1);
    }

    (void) waitpid(pid, &status, 0);
    is_int(status, 0, "a directory that cannot be written to is read");
    (void) sh("chmod 700 %s; echo 0", path);
    cache = cache_open(1000 * KIB);

    store = ds_store_open(store_path, true, &err);
    name(&k, "a");
    is_int(ds_cache_delete(store, path, k.key, &err), 0, "removed by request");
    is_int(ds_cache_delete(store, path, k.key, &err), DS_ESTORE_NOT_FOUND,
           "once");
    is_int(find(cache, "a"), DS_ECACHE_MISSING, "it is gone");
    is_int(bytes(), 0, "with its file");
    ds_store_close(&store);

    is_int(keep(cache, "a", 10 * KIB), 0, "kept again");
    ds_cancel_set(&cancel);
    is_int(find(cache, "a"), DS_ECANCELED, "a canceled look");
    ds_cache_close(&cache);

    conf.cache_path = "/proc/nothing/here";
    ok(ds_cache_open(&conf, &err) == NULL && err.code == DS_ECACHE_FAILED,
       "no place for it");
}


int
main(void)
{
    char  command[128];

    if (mkdtemp(dir) == NULL || ds_cancel_init(&cancel) != 0) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "%s/cache", dir);
    (void) snprintf(store_path, sizeof(store_path), "%s/state.db", dir);
    conf.cache_path = path;
    conf.store_path = store_path;

    test_kept();
    test_bound();
    test_killed();
    test_processes();
    test_threads();
    test_disk();

    ds_cancel_free(&cancel);

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    if (system(command) != 0) {
        (void) printf("# %s is left\n", dir);
    }

    return done_testing();
}
