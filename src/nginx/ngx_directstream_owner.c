
/*
 * ngx_directstream_owner.c: who may run a stream: the process that holds the
 * kernel's lock on the stream's byte of owners.lock, and shows the token of
 * its start when it publishes.
 */

#include "ngx_directstream.h"

#include <sys/random.h>


ngx_int_t
ngx_directstream_owner_open(ngx_directstream_runs_t *runs)
{
    u_char  path[NGX_MAX_PATH];

    (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/owners.lock%Z",
                        &runs->dcf->state_path);

    /* never to be opened again here: a close() drops a process's locks */

    runs->lock_fd = open((char *) path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);

    if (runs->lock_fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, runs->log, ngx_errno,
                      "open(\"%s\") failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* one byte of the file stands for one name: its FNV-1a hash, 62 bits of it */

ngx_int_t
ngx_directstream_owner_lock(ngx_directstream_runs_t *runs, const char *name,
    short type, ngx_pid_t *holder)
{
    uint64_t       hash;
    const char    *p;
    ngx_err_t      err;
    struct flock   fl;

    hash = 0xcbf29ce484222325ULL;

    for (p = name; *p; p++) {
        hash ^= (u_char) *p;
        hash *= 0x100000001b3ULL;
    }

    ngx_memzero(&fl, sizeof(struct flock));
    fl.l_type = type;
    fl.l_whence = SEEK_SET;
    fl.l_start = (off_t) (hash & 0x3fffffffffffffffULL);
    fl.l_len = 1;

    if (holder != NULL) {
        *holder = 0;
    }

    if (fcntl(runs->lock_fd, F_SETLK, &fl) == 0) {
        return NGX_OK;
    }

    err = ngx_errno;

    if (err != NGX_EAGAIN && err != NGX_EACCES) {
        ngx_log_error(NGX_LOG_ALERT, runs->log, err,
                      "fcntl(F_SETLK) of \"%V/owners.lock\" failed",
                      &runs->dcf->state_path);
        return NGX_ERROR;
    }

    if (holder != NULL
        && fcntl(runs->lock_fd, F_GETLK, &fl) == 0
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
