
/*
 * What a server of media answers, head and body, over a real connection: the
 * first byte of an input says where reading begins.  A second request is not
 * waited for.
 */

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ds_engine.h"
#include "net/ds_http.h"
#include "fuzz.h"


/* of a body that is packed */
#define FUZZ_READ  (256 * 1024)


static ds_conf_t        conf;
static ds_cancel_t      cancel;
static char             url[64];
static int              listener = -1;
static pthread_mutex_t  lock = PTHREAD_MUTEX_INITIALIZER;
static const uint8_t   *answer;
static size_t           answer_size;


/* one answer for all requests of an input; each ends its connection */

static void *
fuzz_head_serve(void *data)
{
    int      fd;
    char     buf[4096];
    ssize_t  n;

    (void) data;

    for ( ;; ) {
        fd = accept(listener, NULL, NULL);

        if (fd == -1) {
            continue;
        }

        n = recv(fd, buf, sizeof(buf), 0);

        if (n > 0) {
            (void) pthread_mutex_lock(&lock);
            (void) send(fd, answer, answer_size, MSG_NOSIGNAL);
            (void) pthread_mutex_unlock(&lock);
        }

        (void) shutdown(fd, SHUT_WR);
        (void) close(fd);
    }

    return NULL;
}


static void
fuzz_head_init(void)
{
    pthread_t            thread;
    socklen_t            len;
    ds_error_t           err;
    struct sockaddr_in   sin;

    memset(&conf, 0, sizeof(conf));
    conf.source_timeout = 200;
    conf.media_root = "/nonexistent";

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sin);

    listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener == -1
        || bind(listener, (struct sockaddr *) &sin, len) != 0
        || listen(listener, 16) != 0
        || getsockname(listener, (struct sockaddr *) &sin, &len) != 0
        || pthread_create(&thread, NULL, fuzz_head_serve, NULL) != 0
        || ds_http_init(&err) != DS_OK)
    {
        abort();
    }

    (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/a.mp4",
                    ntohs(sin.sin_port));
}


static void
fuzz_head_fault(void *data, const ds_error_t *err, int64_t offset,
    int64_t wait)
{
    (void) data;
    (void) err;
    (void) offset;
    (void) wait;

    ds_cancel_set(&cancel);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char             buf[4096];
    size_t           total;
    ssize_t          n;
    ds_http_t       *h;
    ds_error_t       err;
    ds_http_req_t    req;
    ds_http_hooks_t  hooks;

    if (size == 0) {
        return 0;
    }

    if (listener == -1) {
        fuzz_head_init();
    }

    if (ds_cancel_init(&cancel) != DS_OK) {
        return 0;
    }

    (void) pthread_mutex_lock(&lock);
    answer = data + 1;
    answer_size = size - 1;
    (void) pthread_mutex_unlock(&lock);

    memset(&hooks, 0, sizeof(hooks));
    hooks.fault = fuzz_head_fault;

    memset(&req, 0, sizeof(req));
    req.url = url;
    req.offset = data[0] & 0x7f;
    req.chunk = (data[0] & 0x80) ? 64 : 0;
    req.hooks = &hooks;

    h = ds_http_open(&conf, &req, &cancel, &err);

    if (h != NULL) {
        (void) ds_http_type(h);

        for (total = 0; total < FUZZ_READ; total += n) {
            n = ds_http_read(h, buf, sizeof(buf), &err);

            if (n <= 0) {
                break;
            }
        }

        if (ds_http_size(h) < -1 || ds_http_tell(h) < req.offset) {
            abort();
        }
    }

    ds_http_close(&h);

    (void) pthread_mutex_lock(&lock);
    answer_size = 0;
    (void) pthread_mutex_unlock(&lock);

    ds_cancel_free(&cancel);

    return 0;
}
