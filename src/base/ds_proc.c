
/*
 * ds_proc.c: one child process.  Owns its pid, its pipes and its process
 * group; must not know what the child prints.
 *
 * The child's end is taken from its pidfd, never from the end of its pipes:
 * a grandchild may hold those for ever.  The group is killed before its
 * leader is reaped, while the number still cannot belong to anybody else.
 *
 * posix_spawn() has no place for PR_SET_PDEATHSIG, and a program that sets it
 * for another one does not see a parent that is dead by then.  vfork() copies
 * as little of a large process as it does.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ds_proc.h"


#define DS_PROC_BUFFER  4096            /* stdout, to begin with */
#define DS_PROC_STDERR  8192
#define DS_PROC_GRACE   2000            /* ms to exit after the last line */
#define DS_PROC_TERM    500             /* ms from TERM to KILL */


struct ds_proc_s {
    pid_t           pid;                /* 0: reaped */
    int             pidfd;              /* readable when it has exited */
    int             status;             /* exit code or minus a signal */
    int             out;                /* -1: closed */
    int             err;
    bool            exited;             /* or is about to */
    bool            eof;                /* stdout has been read to its end */

    int64_t         timeout;
    int64_t         deadline;           /* CLOCK_MONOTONIC, ms */
    ds_cancel_t    *cancel;

    char           *buf;                /* start … scan … end … size */
    size_t          size;
    size_t          start;
    size_t          scan;
    size_t          end;
    size_t          total;

    size_t          nstderr;
    bool            cut;                /* its beginning is lost */
    char            stderr_text[DS_PROC_STDERR + 1];
};


/* both ends of the pipes, and what is the child's 0, 1, 2 */

typedef struct {
    int             out[2];
    int             err[2];
    int             status[2];          /* closed by exec, or says errno */
    int             null;
} ds_proc_fds_t;


static int ds_proc_open(ds_proc_fds_t *fds);
static void ds_proc_close(int *fd);
static const char **ds_proc_environment(const char *const *env);
static pid_t ds_proc_fork(const ds_proc_fds_t *fds, const char *const *argv,
    const char *const *env);
static void ds_proc_child(const ds_proc_fds_t *fds, const char *const *argv,
    const char *const *env, pid_t parent);
static void ds_proc_clean(void);
static int ds_proc_started(ds_proc_t *p, int status, const char *program,
    ds_error_t *err);
static int ds_proc_poll(ds_proc_t *p, ds_error_t *err);
static int ds_proc_read(ds_proc_t *p, size_t max_total, ds_error_t *err);
static char *ds_proc_take(ds_proc_t *p);
static void ds_proc_drain(ds_proc_t *p);
static bool ds_proc_wait(ds_proc_t *p, int64_t ms, bool cancelable);
static void ds_proc_reap(ds_proc_t *p);


static const char *const  ds_proc_env[] = {
    "PATH=/usr/bin:/bin",
    "HOME=/nonexistent",
    "LANG=C.UTF-8",
    "YTDLP_NO_PLUGINS=1",
    NULL
};


ds_proc_t *
ds_proc_start(const char *const *argv, const char *const *env,
    int64_t timeout, ds_cancel_t *cancel, ds_error_t *err)
{
    int             e, rc;
    ds_proc_t      *p;
    const char    **full;
    ds_proc_fds_t   fds;

    /* a name without "/" would be looked for in the current directory */

    if (argv[0] == NULL || strchr(argv[0], '/') == NULL) {
        (void) ds_fail(err, DS_ERESOLVER_MISSING,
                       "\"%s\" is not the path of a program",
                       argv[0] == NULL ? "" : argv[0]);
        return NULL;
    }

    p = calloc(1, sizeof(ds_proc_t));
    full = ds_proc_environment(env);

    if (p == NULL || full == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for a process");
        free(p);
        free(full);
        return NULL;
    }

    p->pidfd = -1;
    p->out = -1;
    p->err = -1;
    p->timeout = timeout;
    p->deadline = ds_monotonic() + timeout;
    p->cancel = cancel;

    p->size = DS_PROC_BUFFER;
    p->buf = malloc(p->size);

    if (p->buf == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for a process");
        goto failed;
    }

    if (ds_proc_open(&fds) != DS_OK) {
        (void) ds_fail(err, DS_EINTERNAL, "pipe2() failed: %s",
                       strerror(errno));
        goto failed;
    }

    p->pid = ds_proc_fork(&fds, argv, full);
    e = errno;

    ds_proc_close(&fds.null);
    ds_proc_close(&fds.out[1]);
    ds_proc_close(&fds.err[1]);
    ds_proc_close(&fds.status[1]);

    p->out = fds.out[0];
    p->err = fds.err[0];

    if (p->pid == -1) {
        p->pid = 0;
        rc = ds_fail(err, DS_EINTERNAL, "vfork() failed: %s", strerror(e));

    } else {
        rc = ds_proc_started(p, fds.status[0], argv[0], err);
    }

    ds_proc_close(&fds.status[0]);

    if (rc == DS_OK) {
        free(full);
        return p;
    }

failed:

    free(full);
    ds_proc_free(&p);

    return NULL;
}


/* malloc()ed, its strings are borrowed; the last one of a name counts */

static const char **
ds_proc_environment(const char *const *env)
{
    size_t        i, k, n, len;
    const char  **full;

    static const char *const  none[] = { NULL };

    env = (env == NULL) ? none : env;

    for (n = 0; env[n] != NULL; n++) { /* void */ }

    full = calloc(n + sizeof(ds_proc_env) / sizeof(char *), sizeof(char *));
    if (full == NULL) {
        return NULL;
    }

    n = 0;

    for (i = 0; ds_proc_env[i] != NULL; i++) {
        full[n++] = ds_proc_env[i];
    }

    for (i = 0; env[i] != NULL; i++) {
        len = strcspn(env[i], "=") + 1;

        for (k = 0; k < n && strncmp(full[k], env[i], len) != 0; k++) {
            /* void */
        }

        full[k] = env[i];
        n += (k == n);
    }

    return full;
}


static int
ds_proc_open(ds_proc_fds_t *fds)
{
    int  e;

    memset(fds, -1, sizeof(ds_proc_fds_t));

    fds->null = open("/dev/null", O_RDONLY|O_CLOEXEC);

    if (fds->null != -1
        && pipe2(fds->out, O_CLOEXEC) == 0
        && pipe2(fds->err, O_CLOEXEC) == 0
        && pipe2(fds->status, O_CLOEXEC) == 0
        && fcntl(fds->out[0], F_SETFL, O_NONBLOCK) == 0
        && fcntl(fds->err[0], F_SETFL, O_NONBLOCK) == 0)
    {
        return DS_OK;
    }

    e = errno;

    ds_proc_close(&fds->null);
    ds_proc_close(&fds->out[0]);
    ds_proc_close(&fds->out[1]);
    ds_proc_close(&fds->err[0]);
    ds_proc_close(&fds->err[1]);
    ds_proc_close(&fds->status[0]);
    ds_proc_close(&fds->status[1]);

    errno = e;

    return DS_EINTERNAL;
}


static void
ds_proc_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


/*
 * Signals are blocked meanwhile, or the parent's handlers could run in the
 * child.
 */

static pid_t
ds_proc_fork(const ds_proc_fds_t *fds, const char *const *argv,
    const char *const *env)
{
    int       e;
    pid_t     pid, parent;
    sigset_t  all, old;

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    parent = getpid();
    pid = vfork();

    if (pid == 0) {
        ds_proc_child(fds, argv, env, parent);
    }

    e = errno;
    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = e;

    return pid;
}


/*
 * context: the child, in the memory of the thread that waits for it:
 * async-signal-safe calls alone, and nothing of its parent's is changed
 */

static void
ds_proc_child(const ds_proc_fds_t *fds, const char *const *argv,
    const char *const *env, pid_t parent)
{
    int  status, in, out, err, error;

    /* a parent without 0, 1 and 2 gets them as the ends of its pipes */

    status = fcntl(fds->status[1], F_DUPFD_CLOEXEC, 3);
    in = fcntl(fds->null, F_DUPFD_CLOEXEC, 3);
    out = fcntl(fds->out[1], F_DUPFD_CLOEXEC, 3);
    err = fcntl(fds->err[1], F_DUPFD_CLOEXEC, 3);

    if (dup2(in, STDIN_FILENO) == -1
        || dup2(out, STDOUT_FILENO) == -1
        || dup2(err, STDERR_FILENO) == -1
        || setpgid(0, 0) == -1
        || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
    {
        error = -errno;

    } else if (getppid() != parent) {

        /* one that is dead already sends no signal any more */
        _exit(127);

    } else {
        ds_proc_clean();

        (void) execve(argv[0], (char *const *) argv,
                      (char *const *) env);
        error = errno;
    }

    (void) !write(status, &error, sizeof(error));
    _exit(127);
}


/* no handler, no mask, no descriptor: those at exec, to tell of its failure */

static void
ds_proc_clean(void)
{
    int               n;
    sigset_t          none;
    struct sigaction  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = SIG_DFL;

    for (n = 1; n < NSIG; n++) {
        (void) sigaction(n, &sa, NULL);
    }

    (void) sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);

    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
        return;
    }

    /* a kernel before 5.11 */

    for (n = 3; n < 65536; n++) {
        (void) fcntl(n, F_SETFD, FD_CLOEXEC);
    }
}


/* minus an errno is one of before execve() */

static int
ds_proc_started(ds_proc_t *p, int status, const char *program,
    ds_error_t *err)
{
    int      error;
    ssize_t  n;

    do {
        n = read(status, &error, sizeof(error));
    } while (n == -1 && errno == EINTR);

    if (n == (ssize_t) sizeof(error)) {
        p->exited = true;
        return ds_fail(err, error > 0 ? DS_ERESOLVER_MISSING : DS_EINTERNAL,
                       "execve() failed: %s, program: \"%s\"",
                       strerror(abs(error)), program);
    }

    p->pidfd = pidfd_open(p->pid, 0);

    /* somebody else has reaped it already */
    p->exited = p->pidfd == -1 && errno == ESRCH;

    return p->pidfd != -1 || p->exited ? DS_OK
           : ds_fail(err, DS_EINTERNAL, "pidfd_open() failed: %s",
                     strerror(errno));
}


char *
ds_proc_line(ds_proc_t *p, size_t max_line, size_t max_total, ds_error_t *err)
{
    char  *line;

    ds_error_clear(err);

    for ( ;; ) {
        if (ds_cancel_is_set(p->cancel)) {
            (void) ds_fail(err, DS_ECANCELED, "canceled");
            return NULL;
        }

        line = ds_proc_take(p);

        if (line != NULL ? strlen(line) > max_line
                         : p->end - p->start > max_line)
        {
            (void) ds_fail(err, DS_ERESOLVER_OVERFLOW,
                           "a line of the output is longer than %zu bytes",
                           max_line);
            return NULL;
        }

        if (line != NULL) {
            return line;
        }

        if (p->eof) {
            return NULL;
        }

        if (ds_proc_poll(p, err) != DS_OK
            || ds_proc_read(p, max_total, err) != DS_OK)
        {
            return NULL;
        }
    }
}


/* the next whole line of the buffer, or what is left at the end */

static char *
ds_proc_take(ds_proc_t *p)
{
    char  *line, *nl;

    nl = memchr(p->buf + p->scan, '\n', p->end - p->scan);

    if (nl == NULL) {
        p->scan = p->end;

        if (!p->eof || p->start == p->end) {
            return NULL;
        }

        /* ds_proc_read() leaves room for a byte */

        nl = p->buf + p->end;
        p->end++;
    }

    line = p->buf + p->start;
    *nl = '\0';

    p->start = (size_t) (nl + 1 - p->buf);
    p->scan = p->start;

    return line;
}


/* waits for something to read; sees to the deadline and to the cancel */

static int
ds_proc_poll(ds_proc_t *p, ds_error_t *err)
{
    int            rc;
    int64_t        left;
    struct pollfd  pfd[4];

    for ( ;; ) {
        left = p->deadline - ds_monotonic();

        if (left <= 0) {
            return ds_fail(err, DS_ERESOLVER_TIMEOUT,
                           "the resolver was not done within %lld ms",
                           (long long) p->timeout);
        }

        pfd[0] = (struct pollfd) { p->cancel->fd, POLLIN, 0 };
        pfd[1] = (struct pollfd) { p->out, POLLIN, 0 };
        pfd[2] = (struct pollfd) { p->err, POLLIN, 0 };
        pfd[3] = (struct pollfd) { p->pidfd, POLLIN, 0 };

        rc = poll(pfd, 4, p->exited ? 0 : left > INT_MAX ? INT_MAX : left);

        if (ds_cancel_is_set(p->cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        if (rc == -1 && errno != EINTR) {
            return ds_fail(err, DS_EINTERNAL, "poll() failed: %s",
                           strerror(errno));
        }

        if (rc > 0 && pfd[2].revents) {
            ds_proc_drain(p);
        }

        p->exited |= rc > 0 && pfd[3].revents != 0;

        if (p->exited || (rc > 0 && pfd[1].revents)) {
            return DS_OK;
        }
    }
}


static int
ds_proc_read(ds_proc_t *p, size_t max_total, ds_error_t *err)
{
    char     *buf;
    ssize_t   n;

    if (p->eof) {
        return DS_OK;
    }

    if (p->start != 0) {
        memmove(p->buf, p->buf + p->start, p->end - p->start);
        p->end -= p->start;
        p->scan -= p->start;
        p->start = 0;
    }

    /* one byte is for the NUL of a last line without a newline */

    if (p->size - p->end < DS_PROC_BUFFER / 2) {
        buf = realloc(p->buf, p->size * 2);

        if (buf == NULL) {
            return ds_fail(err, DS_ENOMEM, "no memory for a line");
        }

        p->buf = buf;
        p->size *= 2;
    }

    do {
        n = read(p->out, p->buf + p->end, p->size - p->end - 1);
    } while (n == -1 && errno == EINTR);

    if (n == -1 && errno == EAGAIN) {

        /* a grandchild has it, who is not waited for */

        p->eof = p->exited;
        return DS_OK;
    }

    if (n <= 0) {
        p->eof = true;
        return DS_OK;
    }

    p->end += (size_t) n;
    p->total += (size_t) n;

    if (p->total > max_total) {
        return ds_fail(err, DS_ERESOLVER_OVERFLOW,
                       "the output is longer than %zu bytes", max_total);
    }

    return DS_OK;
}


/*
 * Reads what is there of stderr and keeps its end.  Bounded, as the child
 * may write faster than we read.
 */

static void
ds_proc_drain(ds_proc_t *p)
{
    char      buf[4096];
    size_t    cut;
    ssize_t   n;
    unsigned  i;

    for (i = 0; i < 16 && p->err != -1; i++) {
        n = read(p->err, buf, sizeof(buf));

        if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }

        if (n <= 0) {
            ds_proc_close(&p->err);
            return;
        }

        if (p->nstderr + (size_t) n > DS_PROC_STDERR) {
            cut = p->nstderr + (size_t) n - DS_PROC_STDERR;
            memmove(p->stderr_text, p->stderr_text + cut, p->nstderr - cut);
            p->nstderr -= cut;
            p->cut = true;
        }

        memcpy(p->stderr_text + p->nstderr, buf, (size_t) n);
        p->nstderr += (size_t) n;
    }
}


void
ds_proc_renew(ds_proc_t *p)
{
    p->deadline = ds_monotonic() + p->timeout;
}


int
ds_proc_end(ds_proc_t *p)
{
    if (p->pid == 0) {
        return p->status;
    }

    /* after the last line a child is allowed to exit in peace */

    if (!ds_proc_wait(p, p->eof ? DS_PROC_GRACE : 0, true)) {
        (void) kill(-p->pid, SIGTERM);
        (void) ds_proc_wait(p, DS_PROC_TERM, false);
    }

    ds_proc_drain(p);

    /* also grandchildren that have outlived a child that is a zombie now */

    (void) kill(-p->pid, SIGKILL);

    ds_proc_reap(p);

    return p->status;
}


/* false: "ms" have passed, or cancel has been set, and the child still runs */

static bool
ds_proc_wait(ds_proc_t *p, int64_t ms, bool cancelable)
{
    int            rc;
    int64_t        end, left;
    struct pollfd  pfd[3];

    end = ds_monotonic() + ms;

    if (cancelable && end > p->deadline) {
        end = p->deadline;
    }

    for ( ;; ) {
        left = end - ds_monotonic();

        pfd[0] = (struct pollfd) { p->pidfd, POLLIN, 0 };
        pfd[1] = (struct pollfd) { p->err, POLLIN, 0 };
        pfd[2] = (struct pollfd) { cancelable ? p->cancel->fd : -1, POLLIN, 0 };

        rc = poll(pfd, 3, p->exited || left < 0 ? 0 : (int) left);

        p->exited |= rc > 0 && pfd[0].revents != 0;

        if (p->exited) {
            return true;
        }

        if (rc > 0 && pfd[1].revents) {
            ds_proc_drain(p);
        }

        if (left <= 0 || (cancelable && ds_cancel_is_set(p->cancel))) {
            return false;
        }
    }
}


static void
ds_proc_reap(ds_proc_t *p)
{
    int    status;
    pid_t  pid;

    do {
        pid = waitpid(p->pid, &status, 0);
    } while (pid == -1 && errno == EINTR);

    if (pid == -1) {
        p->status = 0;

    } else if (WIFSIGNALED(status)) {
        p->status = -WTERMSIG(status);

    } else {
        p->status = WEXITSTATUS(status);
    }

    p->pid = 0;
}


const char *
ds_proc_stderr(ds_proc_t *p)
{
    char  *nl;

    p->stderr_text[p->nstderr] = '\0';

    if (!p->cut) {
        return p->stderr_text;
    }

    /* what is left of a line may be the middle of a secret */

    nl = strchr(p->stderr_text, '\n');

    return (nl == NULL) ? "" : nl + 1;
}


void
ds_proc_free(ds_proc_t **p)
{
    if (*p == NULL) {
        return;
    }

    (void) ds_proc_end(*p);

    ds_proc_close(&(*p)->pidfd);
    ds_proc_close(&(*p)->out);
    ds_proc_close(&(*p)->err);

    free((*p)->buf);
    free(*p);
    *p = NULL;
}
