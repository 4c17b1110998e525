
/*
 * tls_front.h: takes one TLS connection in a thread and passes its bytes on
 * to a plain one, as stunnel does; makes the certificates for it.
 */

#ifndef TLS_FRONT_H_INCLUDED_
#define TLS_FRONT_H_INCLUDED_


#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>


typedef struct {
    int          listening;
    int          port;              /* the plain one */
    char         url[64];
    char         name[128];         /* SNI, "" when there was none */
    int          version;           /* of TLS */
    SSL_CTX     *ctx;
    pthread_t    thread;
} tls_front_t;


/* "names": subjectAltName; writes dir/file, both certificate and key */

static bool
tls_certificate(const char *dir, const char *file, const char *names)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command), "cd %s && openssl req -x509 "
                    "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                    "-days 2 -subj /CN=test -addext subjectAltName=%s "
                    "-keyout %s.key -out %s.crt 2>/dev/null "
                    "&& cat %s.crt %s.key > %s", dir, names, file, file, file,
                    file, file);

    return system(command) == 0;
}


/* until one side is at its end */

static void
tls_pass(SSL *ssl, int tls, int fd)
{
    int            n;
    char           buf[16384];
    struct pollfd  pfd[2] = { { tls, POLLIN, 0 }, { fd, POLLIN, 0 } };

    for ( ;; ) {
        if (SSL_pending(ssl) == 0) {
            (void) poll(pfd, 2, 20000);

        } else {
            pfd[0].revents = POLLIN;
            pfd[1].revents = 0;
        }

        if (pfd[0].revents != 0) {
            n = SSL_read(ssl, buf, sizeof(buf));
            if (n <= 0 || send(fd, buf, n, MSG_NOSIGNAL) != n) {
                return;
            }
        }

        if (pfd[1].revents != 0) {
            n = recv(fd, buf, sizeof(buf), 0);
            if (n <= 0 || SSL_write(ssl, buf, n) != n) {
                return;
            }
        }

        if (pfd[0].revents == 0 && pfd[1].revents == 0) {
            return;
        }
    }
}


static void *
tls_serve(void *data)
{
    int                 tls, fd;
    SSL                *ssl;
    const char         *name;
    tls_front_t        *f = data;
    struct sockaddr_in  sin = { .sin_family = AF_INET };

    tls = accept(f->listening, NULL, NULL);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ssl = SSL_new(f->ctx);
    (void) SSL_set_fd(ssl, tls);

    if (SSL_accept(ssl) == 1) {
        name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        (void) snprintf(f->name, sizeof(f->name), "%s",
                        name == NULL ? "" : name);
        f->version = SSL_version(ssl);

        sin.sin_port = htons(f->port);
        sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

        if (connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0) {
            tls_pass(ssl, tls, fd);
        }
    }

    SSL_free(ssl);
    (void) close(fd);
    (void) close(tls);

    return NULL;
}


/* in front of "port", for connections to "host", with dir/file */

static void
tls_start(tls_front_t *f, int port, const char *host, const char *dir,
    const char *file)
{
    char                path[256];
    socklen_t           len;
    struct sockaddr_in  sin = { .sin_family = AF_INET };

    (void) signal(SIGPIPE, SIG_IGN);

    memset(f, 0, sizeof(tls_front_t));
    f->port = port;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, file);
    f->ctx = SSL_CTX_new(TLS_server_method());

    len = sizeof(sin);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listening = socket(AF_INET, SOCK_STREAM, 0);

    if (SSL_CTX_use_certificate_file(f->ctx, path, SSL_FILETYPE_PEM) != 1
        || SSL_CTX_use_PrivateKey_file(f->ctx, path, SSL_FILETYPE_PEM) != 1
        || bind(f->listening, (struct sockaddr *) &sin, len) == -1
        || listen(f->listening, 8) == -1
        || getsockname(f->listening, (struct sockaddr *) &sin, &len) == -1)
    {
        abort();
    }

    (void) snprintf(f->url, sizeof(f->url), "rtmps://%s:%d/live/KEY?a=b", host,
                    ntohs(sin.sin_port));

    if (pthread_create(&f->thread, NULL, tls_serve, f) != 0) {
        abort();
    }
}


static void
tls_end(tls_front_t *f)
{
    (void) pthread_join(f->thread, NULL);
    (void) close(f->listening);
    SSL_CTX_free(f->ctx);
}


#endif /* TLS_FRONT_H_INCLUDED_ */
