
/*
 * ngx_directstream_owner.c: who may publish a stream: the process that has the
 * kernel's lock on the stream's byte of owners.lock, which no death, reload or
 * upgrade can leave behind; and the token that it shows.
 */

#include "ngx_directstream.h"

#include <sys/random.h>


typedef struct {
    int                      fd;            /* -1: none */
    char                     path[NGX_MAX_PATH];
} ngx_directstream_before_t;


static ngx_int_t ngx_directstream_owner_fcntl(ngx_directstream_conf_t *dcf,
    int fd, struct flock *lock, ngx_pid_t *holder);


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

ngx_int_t
ngx_directstream_owner_lock(ngx_directstream_conf_t *dcf, const char *name,
    short type, ngx_pid_t *holder)
{
    uint64_t       hash;
    ngx_int_t      rc;
    ngx_uint_t     i;
    struct flock   fl;

    hash = ngx_directstream_digest(NGX_DIRECTSTREAM_DIGEST, name,
                                   strlen(name));

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = type;
    fl.l_whence = SEEK_SET;
    fl.l_start = (off_t) (hash & 0x3fffffffffffffffULL);
    fl.l_len = 1;

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


ngx_int_t
ngx_directstream_owner_token(char *token, ngx_log_t *log)
{
    u_char  bytes[16];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno, "getrandom() failed");
        return NGX_ERROR;
    }

    ngx_memzero(token, DS_TOKEN_LEN + 1);
    (void) ngx_hex_dump((u_char *) token, bytes, sizeof(bytes));

    return NGX_OK;
}
