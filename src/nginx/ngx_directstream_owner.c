
/*
 * ngx_directstream_owner.c: who may publish a stream: the process that has the
 * kernel's lock on the stream's byte of owners.lock, which no death, reload or
 * upgrade can leave behind; and the token that it shows.
 */

#include "ngx_directstream.h"

#include <ngx_sha1.h>

#include <sys/random.h>


#define NGX_DIRECTSTREAM_NONCE   16    /* bytes, of the proof as well */
#define NGX_DIRECTSTREAM_SECRET  32


typedef struct {
    int                      fd;            /* -1: none */
    char                     path[NGX_MAX_PATH];
} ngx_directstream_before_t;


static ngx_int_t ngx_directstream_owner_fcntl(ngx_directstream_conf_t *dcf,
    int fd, struct flock *lock, ngx_pid_t *holder);


static void ngx_directstream_owner_place(const char *name, short type,
    struct flock *fl);
static ngx_int_t ngx_directstream_owner_mac(ngx_directstream_conf_t *dcf,
    const char *name, ngx_pid_t pid, const u_char *nonce, u_char *mac,
    ngx_log_t *log);
static ngx_int_t ngx_directstream_owner_secret(ngx_directstream_conf_t *dcf,
    u_char *key, ngx_log_t *log);


static int  ngx_directstream_locks = -1;

/* files of locks that were used before "state_path" was changed */

static ngx_directstream_before_t  ngx_directstream_before[] = {
    { -1, "" }, { -1, "" }, { -1, "" }
};

#define NGX_DIRECTSTREAM_BEFORE                                              \
    (sizeof(ngx_directstream_before) / sizeof(ngx_directstream_before[0]))


ngx_int_t
ngx_directstream_owner_open(ngx_directstream_conf_t *dcf, ngx_log_t *log)
{
    u_char  path[NGX_MAX_PATH];

    if (ngx_directstream_locks != -1) {
        return NGX_OK;
    }

    (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/owners.lock%Z",
                        &dcf->state_path);

    /* never to be opened again here: a close() drops a process's locks */

    ngx_directstream_locks = open((char *) path,
                                  O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (ngx_directstream_locks == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "open(\"%s\") failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/*
 * A descriptor of the master's that all workers inherit: the lock on a stream
 * is each process's own.  A file is closed when nobody has a lock on it.
 */

ngx_int_t
ngx_directstream_owner_before(const char *path, ngx_log_t *log)
{
    ngx_uint_t                  i, place;
    struct flock                fl;
    ngx_directstream_before_t  *b;

    place = 0;

    for (i = 0; i < NGX_DIRECTSTREAM_BEFORE; i++) {
        b = &ngx_directstream_before[i];

        if (b->fd != -1) {

            if (ngx_strcmp(b->path, path) == 0) {
                return NGX_OK;
            }

            ngx_memzero(&fl, sizeof(struct flock));
            fl.l_type = F_WRLCK;
            fl.l_whence = SEEK_SET;

            if (fcntl(b->fd, F_GETLK, &fl) == 0 && fl.l_type == F_UNLCK) {
                (void) close(b->fd);
                b->fd = -1;
            }
        }

        if (b->fd == -1) {
            place = i;
        }
    }

    b = &ngx_directstream_before[place];

    if (b->fd != -1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"state_path\" was changed too often, try again when "
                      "all streams are handed over");
        return NGX_ERROR;
    }

    (void) ngx_snprintf((u_char *) b->path, NGX_MAX_PATH, "%s/owners.lock%Z",
                        path);

    b->fd = open(b->path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);

    if (b->fd == -1 && ngx_errno != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "open(\"%s\") failed", b->path);
        return NGX_ERROR;
    }

    (void) ngx_cpystrn((u_char *) b->path, (u_char *) path, NGX_MAX_PATH);

    return (b->fd != -1) ? NGX_OK : NGX_DECLINED;
}


/* one byte of the file stands for one name: its FNV-1a hash, 62 bits of it */

static void
ngx_directstream_owner_place(const char *name, short type, struct flock *fl)
{
    uint64_t  hash;

    hash = ngx_directstream_digest(NGX_DIRECTSTREAM_DIGEST, name,
                                   strlen(name));

    ngx_memzero(fl, sizeof(struct flock));

    fl->l_type = type;
    fl->l_whence = SEEK_SET;
    fl->l_start = (off_t) (hash & 0x3fffffffffffffffULL);
    fl->l_len = 1;
}


ngx_int_t
ngx_directstream_owner_lock(ngx_directstream_conf_t *dcf, const char *name,
    short type, ngx_pid_t *holder)
{
    ngx_int_t      rc;
    ngx_uint_t     i;
    struct flock   fl;

    ngx_directstream_owner_place(name, type, &fl);

    if (holder != NULL) {
        *holder = 0;
    }

    rc = NGX_OK;

    for (i = 0; rc == NGX_OK && i < NGX_DIRECTSTREAM_BEFORE; i++) {
        rc = ngx_directstream_owner_fcntl(dcf, ngx_directstream_before[i].fd,
                                          &fl, holder);
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_owner_fcntl(dcf, ngx_directstream_locks, &fl,
                                          holder);
    }

    if (rc == NGX_OK || type == F_UNLCK) {
        return rc;
    }

    /* all of them or none */

    fl.l_type = F_UNLCK;

    for (i = 0; i < NGX_DIRECTSTREAM_BEFORE; i++) {
        (void) ngx_directstream_owner_fcntl(dcf,
                                            ngx_directstream_before[i].fd,
                                            &fl, NULL);
    }

    return rc;
}


static ngx_int_t
ngx_directstream_owner_fcntl(ngx_directstream_conf_t *dcf, int fd,
    struct flock *lock, ngx_pid_t *holder)
{
    ngx_err_t     err;
    struct flock  fl;

    fl = *lock;

    if (fd == -1 || fcntl(fd, F_SETLK, &fl) == 0) {
        return NGX_OK;
    }

    err = ngx_errno;

    if (err != NGX_EAGAIN && err != NGX_EACCES) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, err,
                      "fcntl(F_SETLK) of \"%V/owners.lock\" failed",
                      &dcf->state_path);
        return NGX_ERROR;
    }

    if (holder != NULL
        && fcntl(fd, F_GETLK, &fl) == 0
        && fl.l_type != F_UNLCK)
    {
        *holder = fl.l_pid;
    }

    return NGX_DECLINED;
}


ngx_pid_t
ngx_directstream_owner_holder(ngx_directstream_conf_t *dcf, const char *name)
{
    struct flock  fl;

    if (ngx_directstream_owner_open(dcf, ngx_cycle->log) != NGX_OK) {
        return 0;
    }

    ngx_directstream_owner_place(name, F_WRLCK, &fl);

    return (fcntl(ngx_directstream_locks, F_GETLK, &fl) == 0
            && fl.l_type != F_UNLCK) ? fl.l_pid : 0;
}


/* a random number, and a proof that it is of a process of this state_path */

ngx_int_t
ngx_directstream_owner_token(ngx_directstream_conf_t *dcf, const char *name,
    char *token, ngx_log_t *log)
{
    u_char  *p, bytes[NGX_DIRECTSTREAM_NONCE], mac[20];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "getrandom() failed");
        return NGX_ERROR;
    }

    ngx_memzero(token, DS_TOKEN_LEN + 1);
    p = ngx_hex_dump((u_char *) token, bytes, sizeof(bytes));

    if (ngx_directstream_owner_mac(dcf, name, ngx_pid, (u_char *) token, mac,
                                   log)
        == NGX_OK)
    {
        (void) ngx_hex_dump(p, mac, NGX_DIRECTSTREAM_NONCE);
    }

    return NGX_OK;
}


ngx_uint_t
ngx_directstream_owner_check(ngx_directstream_conf_t *dcf, const char *name,
    ngx_str_t *token, ngx_log_t *log)
{
    u_char     mac[20], hex[2 * NGX_DIRECTSTREAM_NONCE];
    ngx_pid_t  holder;

    if (token->len != 2 * sizeof(hex)) {
        return 0;
    }

    holder = ngx_directstream_owner_holder(dcf, name);

    if (holder <= 0
        || ngx_directstream_owner_mac(dcf, name, holder, token->data, mac,
                                      log)
           != NGX_OK)
    {
        return 0;
    }

    (void) ngx_hex_dump(hex, mac, NGX_DIRECTSTREAM_NONCE);

    return ngx_directstream_owner_same(hex, token->data + sizeof(hex),
                                       sizeof(hex));
}


ngx_uint_t
ngx_directstream_owner_same(const u_char *a, const u_char *b, size_t len)
{
    size_t           i;
    volatile u_char  diff;

    diff = 0;

    for (i = 0; i < len; i++) {
        diff |= a[i] ^ b[i];
    }

    return diff == 0;
}


/* HMAC-SHA1 (RFC 2104) of the name, the process and the number */

static ngx_int_t
ngx_directstream_owner_mac(ngx_directstream_conf_t *dcf, const char *name,
    ngx_pid_t pid, const u_char *nonce, u_char *mac, ngx_log_t *log)
{
    u_char       key[64], text[DS_NAME_LEN + NGX_INT64_LEN + 3];
    u_char      *last;
    ngx_sha1_t   sha1;
    ngx_uint_t   i, outer;

    ngx_memzero(key, sizeof(key));

    if (ngx_directstream_owner_secret(dcf, key, log) != NGX_OK) {
        return NGX_ERROR;
    }

    last = ngx_snprintf(text, sizeof(text), "%s %P ", name, pid);

    for (outer = 0; outer < 2; outer++) {

        for (i = 0; i < sizeof(key); i++) {
            key[i] ^= outer ? (0x36 ^ 0x5c) : 0x36;
        }

        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, key, sizeof(key));

        if (outer) {
            ngx_sha1_update(&sha1, mac, 20);

        } else {
            ngx_sha1_update(&sha1, text, last - text);
            ngx_sha1_update(&sha1, nonce, 2 * NGX_DIRECTSTREAM_NONCE);
        }

        ngx_sha1_final(mac, &sha1);
    }

    return NGX_OK;
}


/* known to who may read the state_path; who needs it first makes it, whole */

static ngx_int_t
ngx_directstream_owner_secret(ngx_directstream_conf_t *dcf, u_char *key,
    ngx_log_t *log)
{
    int        fd;
    u_char     path[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    ssize_t    n;
    ngx_err_t  err;

    (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/secret%Z", &dcf->state_path);
    (void) ngx_snprintf(temp, NGX_MAX_PATH, "%V/secret.%P%Z",
                        &dcf->state_path, ngx_pid);

    fd = open((char *) path, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1 && ngx_errno == NGX_ENOENT) {
        fd = open((char *) temp, O_RDWR|O_CREAT|O_TRUNC|O_CLOEXEC|O_NOFOLLOW,
                  0600);

        if (fd != -1
            && getrandom(key, NGX_DIRECTSTREAM_SECRET, 0)
               == NGX_DIRECTSTREAM_SECRET
            && write(fd, key, NGX_DIRECTSTREAM_SECRET)
               == NGX_DIRECTSTREAM_SECRET)
        {
            if (link((char *) temp, (char *) path) == -1
                && ngx_errno != NGX_EEXIST)
            {
                ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                              "link(\"%s\", \"%s\") failed", temp, path);
            }
        }

        if (fd != -1) {
            (void) close(fd);
            (void) unlink((char *) temp);
            fd = open((char *) path, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);
        }
    }

    err = ngx_errno;
    n = (fd != -1) ? read(fd, key, NGX_DIRECTSTREAM_SECRET) : -1;

    if (fd != -1) {
        (void) close(fd);
    }

    if (n == NGX_DIRECTSTREAM_SECRET) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_WARN, log, (fd == -1) ? err : 0,
                  "\"%s\" cannot be read: another nginx with this "
                  "\"state_path\" does not know our publishers", path);

    return NGX_ERROR;
}
