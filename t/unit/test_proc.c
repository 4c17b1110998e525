
/*
 * test_proc.c: a child process ends in bounded time whatever it does, and
 * leaves neither a process nor a descriptor behind.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ds_proc.h"
#include "tap.h"


#define TEST_LINE   65536
#define TEST_TOTAL  (1024 * 1024)


static void test_lines(void);
static void test_argv(void);
static void test_environment(void);
static void test_missing(void);
static void test_stderr(void);
static void test_overflow(void);
static void test_timeout(void);
static void test_grandchild(void);
static void test_closed(void);
static void test_cancel(void);
static void test_exit(void);
static void test_stolen(void);
static void *test_cancel_thread(void *data);
static void test_bounded(const char *script, int64_t timeout, int want,
    int64_t min, int64_t max, const char *name);
static ds_proc_t *test_sh(const char *script, int64_t timeout,
    ds_error_t *err);
static int test_files(void);
static bool test_running(pid_t pid);


static ds_cancel_t  test_token;


int
main(void)
{
    int  files;

    if (ds_cancel_init(&test_token) != DS_OK) {
        return 2;
    }

    files = test_files();

    test_lines();
    test_argv();
    test_environment();
    test_missing();
    test_stderr();
    test_overflow();
    test_timeout();
    test_grandchild();
    test_closed();
    test_cancel();
    test_exit();
    test_stolen();

    errno = 0;
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no child left");
    is_int(test_files(), files, "no descriptor left");

    ds_cancel_free(&test_token);

    return done_testing();
}


static int
test_files(void)
{
    DIR  *dir;
    int   n;

    n = 0;
    dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        return -1;
    }

    while (readdir(dir) != NULL) {
        n++;
    }

    (void) closedir(dir);

    return n;
}


static ds_proc_t *
test_sh(const char *script, int64_t timeout, ds_error_t *err)
{
    const char  *argv[] = { "/bin/sh", "-c", script, NULL };

    return ds_proc_start(argv, NULL, timeout, &test_token, err);
}


static void
test_lines(void)
{
    int          i;
    char        *line;
    ds_proc_t   *p;
    ds_error_t   err;

    p = test_sh("printf 'one\\n\\nthree\\nlast'; exit 3", 10000, &err);
    ok(p != NULL, "a child is started");

    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "one", "a line");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "", "an empty line");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "three", "a third");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "last",
           "one without a newline");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "the end");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "is the end");
    is_int(ds_proc_end(p), 3, "the exit code");
    is_int(ds_proc_end(p), 3, "twice");

    ds_proc_free(&p);
    ok(p == NULL, "freed");
    ds_proc_free(&p);

    p = test_sh("i=0; while [ $i -lt 5000 ]; do echo line$i; i=$((i+1)); done",
                20000, &err);

    for (i = 0; (line = ds_proc_line(p, 100, TEST_TOTAL, &err)) != NULL; i++) {
        if (atoi(line + 4) != i) {
            break;
        }
    }

    is_int(i, 5000, "many lines");
    ds_proc_free(&p);

    p = test_sh("head -c 60000 /dev/zero | tr '\\0' x; echo; echo y", 10000,
                &err);
    line = ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err);
    is_int(line == NULL ? -1 : (long) strlen(line), 60000, "a long line");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "y", "and the next");
    ds_proc_free(&p);
}


static void
test_argv(void)
{
    ds_proc_t   *p;
    ds_error_t   err;
    const char  *argv[] = {
        "/usr/bin/printf", "%s\\n", "a b", "$(id)", "; id", "", "--", NULL
    };

    p = ds_proc_start(argv, NULL, 10000, &test_token, &err);

    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "a b", "no shell");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "$(id)", "at all");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "; id", "reads");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "", "the");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "--", "arguments");

    ds_proc_free(&p);
}


static void
test_environment(void)
{
    int          fd;
    char        *line;
    sigset_t     set, old;
    ds_proc_t   *p;
    ds_error_t   err;

    const char  *env[] = { "/usr/bin/env", NULL };

    (void) setenv("http_proxy", "http://127.0.0.1:1/", 1);
    p = ds_proc_start(env, NULL, 10000, &test_token, &err);
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "PATH=/usr/bin:/bin",
           "the environment:");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "HOME=/nonexistent",
           "HOME");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "LANG=C.UTF-8",
           "LANG");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "YTDLP_NO_PLUGINS=1",
           "YTDLP_NO_PLUGINS");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL, "nothing else");
    ds_proc_free(&p);

    /*
     * Inheritable on purpose, and signals blocked and ignored.  The shell
     * reads by itself: it blocks signals for a moment when it starts a child.
     */

    fd = open("/dev/null", O_RDONLY);
    (void) sigfillset(&set);
    (void) pthread_sigmask(SIG_SETMASK, &set, &old);
    (void) signal(SIGPIPE, SIG_IGN);

    p = test_sh("cd /proc/$$/fd; echo *; cat; readlink /proc/$$/fd/0;"
                "while read -r l; do case $l in SigBlk*|SigIgn*) echo \"$l\";;"
                " esac; done < /proc/$$/status;"
                "[ \"$(cut -d' ' -f5 /proc/$$/stat)\" = $$ ] && echo leader",
                10000, &err);

    line = ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err);
    ok(line != NULL && strncmp(line, "0 1 2", 5) == 0
       && strpbrk(line, "456789") == NULL, "descriptors: %s",
       line == NULL ? "" : line);
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "/dev/null",
           "stdin is empty");
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err),
           "SigBlk:\t0000000000000000", "no signal is blocked");

    /* 32 and 33 are glibc's own, which make ignores and nobody can reset */
    line = ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err);
    ok(line != NULL && strncmp(line, "SigIgn:\t", 8) == 0
       && (strtoull(line + 8, NULL, 16) & ~0x180000000ULL) == 0,
       "nor ignored: %s", line == NULL ? "" : line);

    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "leader",
           "a process group of its own");
    ds_proc_free(&p);

    (void) signal(SIGPIPE, SIG_DFL);
    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) close(fd);
}


static void
test_missing(void)
{
    ds_error_t   err;
    const char  *missing[] = { "/nonexistent/yt-dlp", NULL };
    const char  *not_exec[] = { "/etc/passwd", NULL };
    const char  *dir[] = { "/tmp/", NULL };
    const char  *bare[] = { "sh", NULL };
    const char  *none[] = { NULL };

    ok(ds_proc_start(missing, NULL, 1000, &test_token, &err)
       == NULL, "missing");
    is_int(err.code, DS_ERESOLVER_MISSING, "%s", err.message);
    ok(ds_proc_start(not_exec, NULL, 1000, &test_token, &err)
       == NULL,
       "not executable");
    is_int(err.code, DS_ERESOLVER_MISSING, "%s", err.message);
    ok(ds_proc_start(dir, NULL, 1000, &test_token, &err)
       == NULL, "a directory");
    is_int(err.code, DS_ERESOLVER_MISSING, "%s", err.message);
    ok(ds_proc_start(bare, NULL, 1000, &test_token, &err)
       == NULL, "not a path");
    is_int(err.code, DS_ERESOLVER_MISSING, "%s", err.message);
    ok(ds_proc_start(none, NULL, 1000, &test_token, &err)
       == NULL, "nothing");
    is_int(err.code, DS_ERESOLVER_MISSING, "%s", err.message);
}


static void
test_stderr(void)
{
    ds_proc_t   *p;
    ds_error_t   err;
    const char  *text;

    p = test_sh("echo out; echo one >&2; echo two >&2; exit 1", 10000, &err);
    while (ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) != NULL) {
        /* void */
    }

    is_int(ds_proc_end(p), 1, "a child that complains");
    is_str(ds_proc_stderr(p), "one\ntwo\n", "is heard");
    ds_proc_free(&p);

    p = test_sh("i=0; while [ $i -lt 9000 ]; do echo \"secret$i\" >&2;"
                "i=$((i+1)); done; echo done; echo end >&2", 20000, &err);
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "done",
           "stderr is drained while stdout is waited for");
    (void) ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err);
    (void) ds_proc_end(p);
    text = ds_proc_stderr(p);
    ok(strlen(text) <= 8192 && strlen(text) > 8000, "its end is kept: %zu",
       strlen(text));
    ok(strncmp(text, "secret", 6) == 0, "from a line's beginning on");
    is_str(text + strlen(text) - 4, "end\n", "up to its end");
    ds_proc_free(&p);
}


static void
test_overflow(void)
{
    ds_proc_t   *p;
    ds_error_t   err;

    p = test_sh("cat /dev/zero | tr '\\0' x", 10000, &err);
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL, "no line");
    is_int(err.code, DS_ERESOLVER_OVERFLOW, "%s", err.message);
    ds_proc_free(&p);

    p = test_sh("printf '0123456789\\n'", 10000, &err);
    ok(ds_proc_line(p, 9, TEST_TOTAL, &err) == NULL, "a whole line too long");
    is_int(err.code, DS_ERESOLVER_OVERFLOW, "%s", err.message);
    ds_proc_free(&p);

    p = test_sh("yes", 10000, &err);
    while (ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) != NULL) {
        /* void */
    }

    is_int(err.code, DS_ERESOLVER_OVERFLOW, "%s", err.message);
    ds_proc_free(&p);
}


/* reads to the end and ends: which error, and how long it took */

static void
test_bounded(const char *script, int64_t timeout, int want, int64_t min,
    int64_t max, const char *name)
{
    int64_t      start;
    ds_proc_t   *p;
    ds_error_t   err;

    start = ds_monotonic();
    p = test_sh(script, timeout, &err);

    if (p == NULL) {
        ok(false, "%s", name);
        return;
    }

    while (ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) != NULL) {
        /* void */
    }

    is_int(err.code, want, "%s", name);
    ds_proc_free(&p);

    start = ds_monotonic() - start;
    ok(start >= min && start <= max, "in %lld ms", (long long) start);
}


static void
test_timeout(void)
{
    test_bounded("echo x; exec sleep 30", 200, DS_ERESOLVER_TIMEOUT, 200, 900,
                 "a hang");
    test_bounded("trap '' TERM; echo x; while :; do sleep 1; done", 200,
                 DS_ERESOLVER_TIMEOUT, 700, 2000, "one that ignores TERM");
    test_bounded("while :; do printf x; sleep 0.05; done", 300,
                 DS_ERESOLVER_TIMEOUT, 300, 1200, "a drip");
    test_bounded("yes noise >&2", 200, DS_ERESOLVER_TIMEOUT, 200, 1200,
                 "endless stderr");
}


/* a zombie does not run; whether one is reaped is its adopter's business */

static bool
test_running(pid_t pid)
{
    char   path[64], state;
    FILE  *f;

    (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);

    f = fopen(path, "r");
    if (f == NULL) {
        return false;
    }

    state = 'Z';
    (void) !fscanf(f, "%*d (%*[^)]) %c", &state);
    (void) fclose(f);

    return state != 'Z';
}


static void
test_grandchild(void)
{
    int          i;
    char        *line;
    pid_t        pid;
    int64_t      start;
    ds_proc_t   *p;
    ds_error_t   err;

    start = ds_monotonic();
    p = test_sh("sleep 30 & echo $!; exit 4", 10000, &err);
    line = ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err);
    pid = (line == NULL) ? 0 : atoi(line);

    ok(pid > 0, "a grandchild holds the pipes");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "the child's exit is the end all the same");
    is_int(ds_proc_end(p), 4, "its code");
    ok(ds_monotonic() - start < 2000, "soon");
    ds_proc_free(&p);

    for (i = 0; i < 100 && test_running(pid); i++) {
        (void) usleep(10000);
    }

    ok(i < 100, "the grandchild is gone");
}


static void
test_closed(void)
{
    int          status;
    int64_t      start;
    ds_proc_t   *p;
    ds_error_t   err;

    start = ds_monotonic();
    p = test_sh("echo x; exec >&-; exec sleep 30", 10000, &err);
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "x", "a line");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "stdout closed, still running");
    status = ds_proc_end(p);
    is_int(status, -SIGTERM, "ended");
    start = ds_monotonic() - start;
    ok(start < 3500, "in %lld ms", (long long) start);
    ds_proc_free(&p);

    start = ds_monotonic();
    p = test_sh("exec >&- 2>&-; sleep 0.3; exit 5", 10000, &err);
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL, "both closed");
    is_int(ds_proc_end(p), 5, "a slow exit is waited for");
    ds_proc_free(&p);
}


static void *
test_cancel_thread(void *data)
{
    (void) usleep(100000);
    *(int64_t *) data = ds_monotonic();
    ds_cancel_set(&test_token);

    return NULL;
}


static void
test_cancel(void)
{
    int64_t      at, start;
    pthread_t    tid;
    ds_proc_t   *p;
    ds_error_t   err;

    at = 0;
    p = test_sh("exec sleep 30", 10000, &err);

    if (pthread_create(&tid, NULL, test_cancel_thread, &at) != 0) {
        ok(false, "pthread_create()");
        return;
    }

    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL, "canceled");
    is_int(err.code, DS_ECANCELED, "is told so");
    ds_proc_free(&p);
    start = ds_monotonic();
    (void) pthread_join(tid, NULL);
    ok(start - at < 200, "ended within %lld ms", (long long) (start - at));

    start = ds_monotonic();
    p = test_sh("exec >&-; exec sleep 30", 10000, &err);
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL, "from the start");
    is_int(err.code, DS_ECANCELED, "is told so");
    ds_proc_free(&p);
    ok(ds_monotonic() - start < 500, "at once");

    ds_cancel_free(&test_token);
    (void) ds_cancel_init(&test_token);
}


static void
test_exit(void)
{
    ds_proc_t   *p;
    ds_error_t   err;

    p = test_sh("kill -KILL $$", 10000, &err);
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "nothing printed");
    is_int(ds_proc_end(p), -SIGKILL, "minus the signal");
    ds_proc_free(&p);

    p = test_sh("exec sleep 30", 10000, &err);
    is_int(ds_proc_end(p), -SIGTERM, "ended early");
    ds_proc_free(&p);
}


/* nginx reaps every child in its SIGCHLD handler */

static void
test_stolen(void)
{
    int64_t      start;
    ds_proc_t   *p;
    ds_error_t   err;

    (void) signal(SIGCHLD, SIG_IGN);

    start = ds_monotonic();
    p = test_sh("echo x; exit 7", 10000, &err);
    is_str(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err), "x", "a line");
    ok(ds_proc_line(p, TEST_LINE, TEST_TOTAL, &err) == NULL && err.code == 0,
       "the end");
    is_int(ds_proc_end(p), 0, "a code that somebody else has taken");
    ok(ds_monotonic() - start < 1500, "does not hang");
    ds_proc_free(&p);

    (void) signal(SIGCHLD, SIG_DFL);
}
