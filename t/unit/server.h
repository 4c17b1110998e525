
/*
 * server.h: starts t/tools/media-server for a test program, reads its log,
 * and counts what a test must not leak.
 */

#ifndef SERVER_H_INCLUDED_
#define SERVER_H_INCLUDED_


#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/ds_core.h"


static char   server_dir[] = "/tmp/ds-unit-XXXXXX";
static char   server_log[64];
static char   server_control[64];
static int    server_port;
static pid_t  server_pid;


__attribute__((unused))
static bool
server_start(void)
{
    int          i;
    FILE        *f;
    char         file[64];
    const char  *tools;

    tools = getenv("DS_TOOLS");

    if (mkdtemp(server_dir) == NULL) {
        return false;
    }

    (void) snprintf(file, sizeof(file), "%s/.port", server_dir);
    (void) snprintf(server_log, sizeof(server_log), "%s/.log", server_dir);
    (void) snprintf(server_control, sizeof(server_control), "%s/.control",
                    server_dir);

    (void) fflush(stdout);
    server_pid = fork();

    if (server_pid == 0) {
        char  path[256];

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (freopen("/dev/null", "w", stdout) == NULL) {
            _exit(127);
        }

        (void) snprintf(path, sizeof(path), "%s/media-server",
                        tools == NULL ? "t/tools" : tools);
        (void) execl(path, path, "--root", server_dir, "--port", "0",
                     "--port-file", file, "--log", server_log, "--control",
                     server_control, (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 500 && server_port == 0; i++) {
        (void) usleep(20000);

        f = fopen(file, "r");
        if (f != NULL) {
            if (fscanf(f, "%d", &server_port) != 1) {
                server_port = 0;
            }
            (void) fclose(f);
        }
    }

    return server_port != 0;
}


__attribute__((unused))
static void
server_end(void)
{
    char  command[128];

    if (server_pid > 0) {
        (void) kill(server_pid, SIGTERM);
        (void) waitpid(server_pid, NULL, 0);
    }

    (void) snprintf(command, sizeof(command), "rm -rf %s", server_dir);

    if (system(command) != 0) {
        (void) printf("# %s is left\n", server_dir);
    }
}


/* faults for paths with "word" in them, instead of all before; NULL: none */

__attribute__((unused))
static void
server_fault(const char *word, const char *query)
{
    FILE  *f;

    f = fopen(server_control, "w");

    if (f != NULL) {
        if (word != NULL) {
            (void) fprintf(f, "%s %s\n", word, query);
        }

        (void) fclose(f);
    }
}


/* the URL of a file; in turns one of four static buffers */

__attribute__((unused))
static const char *
server_url(const char *name)
{
    static char          url[4][512];
    static unsigned      n;

    n = (n + 1) % 4;
    (void) snprintf(url[n], sizeof(url[n]), "http://127.0.0.1:%d/%s",
                    server_port, name);

    return url[n];
}


/*
 * Requests in the log that contain "word", on how many connections.  The
 * server writes a line after the client has its answer, so "want" of them
 * are waited for.
 */

__attribute__((unused))
static int
server_requests(const char *word, int want, int *connections)
{
    int      n, last, pid;
    FILE    *f;
    char     line[1024];
    int64_t  deadline;

    deadline = ds_monotonic() + 2000;

    do {
        n = 0;
        last = 0;
        *connections = 0;

        f = fopen(server_log, "r");

        while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
            if (strstr(line, word) != NULL
                && sscanf(line, "%*s %*s %d", &pid) == 1)
            {
                n++;
                *connections += (pid != last);
                last = pid;
            }
        }

        if (f != NULL) {
            (void) fclose(f);
        }

    } while (n < want && ds_monotonic() < deadline && usleep(10000) == 0);

    return n;
}


/* entries of /proc/self/fd or /proc/self/task */

__attribute__((unused))
static int
count_entries(const char *path)
{
    int   n;
    DIR  *dir;

    n = 0;
    dir = opendir(path);

    while (dir != NULL && readdir(dir) != NULL) {
        n++;
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    return n;
}


/* sets a cancel token after 200 ms, remembers when */

typedef struct {
    ds_cancel_t   *cancel;
    int64_t        at;
    pthread_t      thread;
} canceler_t;


__attribute__((unused))
static void *
canceler_run(void *data)
{
    canceler_t  *c = data;

    (void) usleep(200000);
    c->at = ds_monotonic();
    ds_cancel_set(c->cancel);

    return NULL;
}


__attribute__((unused))
static void
canceler_start(canceler_t *c, ds_cancel_t *cancel)
{
    c->cancel = cancel;
    (void) pthread_create(&c->thread, NULL, canceler_run, c);
}


/* ms since the token was set */

__attribute__((unused))
static int64_t
canceler_end(canceler_t *c)
{
    int64_t  now;

    now = ds_monotonic();
    (void) pthread_join(c->thread, NULL);

    return now - c->at;
}


#endif /* SERVER_H_INCLUDED_ */
