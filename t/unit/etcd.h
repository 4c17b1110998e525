
/*
 * etcd.h: starts an etcd for a test program, on loopback, and ends it with
 * the program.
 */

#ifndef ETCD_H_INCLUDED_
#define ETCD_H_INCLUDED_


#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>


typedef struct {
    char    dir[64];
    char    url[64];
    char    peer[64];
    char    pem[128];               /* certificate and key; "": no TLS */
    int     port;
    pid_t   pid;
} etcd_t;


__attribute__((unused))
static int
etcd_port(void)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    (void) bind(fd, (struct sockaddr *) &sin, len);
    (void) getsockname(fd, (struct sockaddr *) &sin, &len);
    (void) close(fd);

    return ntohs(sin.sin_port);
}


__attribute__((unused))
static bool
etcd_answers(etcd_t *e)
{
    char  command[512];

    (void) snprintf(command, sizeof(command), "curl -sfk -m 1 -X POST -d '{}' "
                    "%s/v3/maintenance/status >/dev/null 2>&1", e->url);

    return system(command) == 0;
}


/* goes on with what is in its directory; false: it does not come */

__attribute__((unused))
static bool
etcd_start(etcd_t *e)
{
    int   i, fd;
    char  cluster[96], cert[160], key[160];

    (void) snprintf(cluster, sizeof(cluster), "default=%s", e->peer);
    (void) snprintf(cert, sizeof(cert), "--cert-file=%s", e->pem);
    (void) snprintf(key, sizeof(key), "--key-file=%s", e->pem);
    (void) fflush(stdout);

    e->pid = fork();

    if (e->pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open("/dev/null", O_RDWR);
        (void) dup2(fd, STDOUT_FILENO);
        (void) dup2(fd, STDERR_FILENO);

        (void) execlp("etcd", "etcd", "--data-dir", e->dir,
                      "--listen-client-urls", e->url,
                      "--advertise-client-urls", e->url,
                      "--listen-peer-urls", e->peer,
                      "--initial-advertise-peer-urls", e->peer,
                      "--initial-cluster", cluster,
                      e->pem[0] != '\0' ? cert : NULL, key, (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 200; i++) {
        if (etcd_answers(e)) {
            return true;
        }

        (void) usleep(50000);
    }

    return false;
}


__attribute__((unused))
static bool
etcd_make(etcd_t *e, const char *dir, const char *name, const char *pem)
{
    (void) snprintf(e->dir, sizeof(e->dir), "%s/%s", dir, name);
    (void) snprintf(e->pem, sizeof(e->pem), "%s", pem);
    e->port = etcd_port();
    (void) snprintf(e->url, sizeof(e->url), "%s://127.0.0.1:%d",
                    pem[0] != '\0' ? "https" : "http", e->port);
    (void) snprintf(e->peer, sizeof(e->peer), "http://127.0.0.1:%d",
                    etcd_port());

    return etcd_start(e);
}


__attribute__((unused))
static void
etcd_stop(etcd_t *e)
{
    if (e->pid > 0) {
        (void) kill(e->pid, SIGKILL);
        (void) waitpid(e->pid, NULL, 0);
        e->pid = 0;
    }
}


__attribute__((unused))
static bool
etcd_there(void)
{
    return system("etcd --version >/dev/null 2>&1") == 0;
}


#endif /* ETCD_H_INCLUDED_ */
