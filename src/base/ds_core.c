
/*
 * ds_core.c: errors, cancellation, time and text, for every file of the
 * engine.  Knows no libav, no libcurl, no JSON, no stream.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/ds_core.h"
#include "base/ds_crash.h"


/* libav's probing and libcurl's TLS need room; the kernel gives it lazily */
#define DS_STACK_SIZE  (1024 * 1024)


static bool ds_counted(int code);


static const char *const  ds_codes[] = {
#define DS_ERROR(name, code)  code,
    DS_ERRORS(DS_ERROR)
#undef DS_ERROR
};


const char *
ds_error_code(int code)
{
    if (code < DS_ENOMEM || code >= DS_ELAST) {
        return code == DS_OK ? "" : "internal";
    }

    return ds_codes[code - DS_ENOMEM];
}


int
ds_error_from_code(const char *code)
{
    int  i;

    for (i = DS_ENOMEM; i < DS_ELAST; i++) {
        if (strcmp(code, ds_codes[i - DS_ENOMEM]) == 0) {
            return i;
        }
    }

    return DS_OK;
}


const char *
ds_state_name(ds_state_e state)
{
    static const char *const  names[] = {
        "stopped", "resolving", "starting", "live", "stalled", "finished",
        "failed", "held"
    };

    return (unsigned) state <= DS_HELD ? names[state] : "unknown";
}


const char *
ds_item_state_name(ds_item_state_e state)
{
    static const char *const  names[] = {
        "pending", "next", "playing", "played", "skipped", "failed"
    };

    return (unsigned) state <= DS_ITEM_FAILED ? names[state] : "unknown";
}


const char *
ds_verdict_name(ds_verdict_e verdict)
{
    static const char *const  names[] = { "", "ok", "risk", "bad" };

    return (unsigned) verdict <= DS_VERDICT_BAD ? names[verdict] : "";
}


const char *
ds_outcome_name(ds_outcome_e outcome)
{
    static const char *const  names[] = { "plays", "losses", "dark" };

    return (unsigned) outcome <= DS_OUTCOME_DARK ? names[outcome]
                                                 : "unknown";
}


const char *
ds_decision_name(ds_decision_e decision)
{
    static const char *const  names[] = { "none", "copy", "encode" };

    return (unsigned) decision <= DS_DECISION_ENCODE ? names[decision]
                                                     : "unknown";
}


const char *
ds_video_name(ds_video_e video)
{
    static const char *const  names[] = { "copy", "auto", "encode" };

    return (unsigned) video <= DS_VIDEO_ENCODE ? names[video] : "unknown";
}


const char *
ds_mode_name(ds_mode_e mode)
{
    static const char *const  names[] = { "direct", "download", "hybrid" };

    return (unsigned) mode <= DS_MODE_HYBRID ? names[mode] : "unknown";
}


const char *
ds_youtube_name(ds_youtube_e youtube)
{
    static const char *const  names[] = { "off", "watch", "revive" };

    return (unsigned) youtube <= DS_YOUTUBE_REVIVE ? names[youtube]
                                                   : "unknown";
}


const char *
ds_youtube_state_name(ds_youtube_state_e state)
{
    static const char *const  names[] = {
        "unknown", "waiting_ingest", "healthy", "dark", "reviving",
        "rolling_over", "error"
    };

    return (unsigned) state <= DS_YOUTUBE_ERROR ? names[state] : "unknown";
}


int
ds_fail(ds_error_t *err, int code, const char *fmt, ...)
{
    char     buf[DS_MESSAGE_LEN * 2];
    va_list  args;

    if (err == NULL) {
        return code;
    }

    va_start(args, fmt);
    (void) vsnprintf(buf, sizeof(buf), fmt, args);
    va_end(args);

    err->code = code;
    err->at = ds_now();
    ds_text(err->message, sizeof(err->message), buf);

    return code;
}


void
ds_error_clear(ds_error_t *err)
{
    if (err != NULL) {
        err->code = DS_OK;
        err->at = 0;
        err->message[0] = '\0';
    }
}


int
ds_cancel_init(ds_cancel_t *c)
{
    atomic_init(&c->set, false);

    c->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return c->fd == -1 ? DS_EINTERNAL : DS_OK;
}


void
ds_cancel_set(ds_cancel_t *c)
{
    ssize_t   n;
    uint64_t  one;

    atomic_store(&c->set, true);

    one = 1;
    n = write(c->fd, &one, sizeof(one));
    (void) n;
}


bool
ds_cancel_is_set(ds_cancel_t *c)
{
    return atomic_load_explicit(&c->set, memory_order_relaxed);
}


void
ds_cancel_free(ds_cancel_t *c)
{
    if (c->fd != -1) {
        (void) close(c->fd);
        c->fd = -1;
    }
}


bool
ds_cancel_wait(ds_cancel_t *c, int64_t ms)
{
    int64_t        left, end;
    struct pollfd  pfd;

    end = ds_monotonic() + ms;

    for ( ;; ) {
        if (ds_cancel_is_set(c)) {
            return true;
        }

        left = end - ds_monotonic();
        if (left <= 0) {
            return false;
        }

        pfd.fd = c->fd;
        pfd.events = POLLIN;

        (void) poll(&pfd, 1, left > 60000 ? 60000 : (int) left);
    }
}


int
ds_bell_init(ds_bell_t *b)
{
    b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    return b->fd == -1 ? DS_EINTERNAL : DS_OK;
}


void
ds_bell_ring(ds_bell_t *b)
{
    uint64_t  one;

    one = 1;
    (void) !write(b->fd, &one, sizeof(one));
}


void
ds_bell_free(ds_bell_t *b)
{
    if (b->fd != -1) {
        (void) close(b->fd);
        b->fd = -1;
    }
}


void
ds_bell_wait(ds_bell_t *b, ds_cancel_t *c, int64_t ms)
{
    uint64_t       n;
    struct pollfd  pfd[2];

    pfd[0].fd = b->fd;
    pfd[0].events = POLLIN;
    pfd[1].fd = c->fd;
    pfd[1].events = POLLIN;

    if (poll(pfd, 2, ms) > 0 && pfd[0].revents != 0) {
        (void) !read(b->fd, &n, sizeof(n));
    }
}


int64_t
ds_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


int64_t
ds_monotonic(void)
{
    return ds_monotonic_us() / 1000;
}


int64_t
ds_monotonic_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


size_t
ds_utf8_len(const uint8_t *p, size_t n)
{
    size_t         len, i;
    unsigned long  c;

    if (p[0] < 0x80) {
        return 1;

    } else if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
        c = p[0] & 0x1f;

    } else if ((p[0] & 0xf0) == 0xe0) {
        len = 3;
        c = p[0] & 0x0f;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
        c = p[0] & 0x07;

    } else {
        return 0;
    }

    if (len > n) {
        return 0;
    }

    for (i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }

        c = (c << 6) | (p[i] & 0x3f);
    }

    if ((len == 3 && (c < 0x800 || (c >= 0xd800 && c <= 0xdfff)))
        || (len == 4 && (c < 0x10000 || c > 0x10ffff)))
    {
        return 0;
    }

    return len;
}


void
ds_text(char *dst, size_t size, const char *src)
{
    size_t                len, left;
    const unsigned char  *p;

    if (size == 0) {
        return;
    }

    p = (const unsigned char *) (src == NULL ? "" : src);
    left = strlen((const char *) p);
    size--;

    while (left != 0) {
        len = ds_utf8_len(p, left);

        if (size < (len == 0 ? 1 : len)) {
            break;
        }

        if (len == 0 || *p < 0x20 || *p == 0x7f) {
            *dst++ = '?';
            size--;
            p++;
            left--;
            continue;
        }

        memcpy(dst, p, len);
        dst += len;
        size -= len;
        p += len;
        left -= len;
    }

    *dst = '\0';
}


int
ds_copy(char **dst, const char *src)
{
    *dst = src == NULL ? NULL : strdup(src);

    return *dst == NULL && src != NULL ? DS_ENOMEM : DS_OK;
}


char *
ds_sprintf(const char *fmt, ...)
{
    int      rc;
    char    *s;
    va_list  args;

    va_start(args, fmt);
    rc = vasprintf(&s, fmt, args);
    va_end(args);

    return rc == -1 ? NULL : s;
}


void
ds_wipe(char **secret)
{
    if (*secret != NULL) {
        explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
    }
}


int
ds_thread_start(pthread_t *tid, const char *name,
    void *(*start)(void *), void *data)
{
    int             rc;
    sigset_t        set, old;
    pthread_attr_t  attr;

    if (pthread_attr_init(&attr) != 0) {
        return DS_EINTERNAL;
    }

    (void) pthread_attr_setstacksize(&attr, DS_STACK_SIZE);

    /* a thread inherits the mask of the one that starts it */

    sigfillset(&set);
    ds_crash_signals(&set);

    (void) pthread_sigmask(SIG_BLOCK, &set, &old);

    rc = pthread_create(tid, &attr, start, data);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    if (rc != 0) {
        return DS_EINTERNAL;
    }

    (void) pthread_setname_np(*tid, name);

    return DS_OK;
}


void
ds_count_fault(ds_counters_t *c, int code)
{
    if (c != NULL && ds_counted(code)) {
        (void) atomic_fetch_add(&c->faults[code - DS_ENOMEM], 1);
    }
}


void
ds_count_failure(ds_counters_t *c, int code)
{
    if (c != NULL && ds_counted(code)) {
        (void) atomic_fetch_add(&c->failures[code - DS_ENOMEM], 1);
    }
}


static bool
ds_counted(int code)
{
    return code >= DS_ENOMEM && code < DS_ELAST && code != DS_ECANCELED;
}


void
ds_counters_get(ds_counters_t *c, ds_counts_t *counts)
{
    int  i;

    counts->bytes_in = atomic_load(&c->bytes_in);
    counts->cache_hits = atomic_load(&c->cache_hits);
    counts->cache_misses = atomic_load(&c->cache_misses);
    counts->resolves = atomic_load(&c->resolves);
    counts->resolve_time = atomic_load(&c->resolve_time);

    for (i = 0; i < DS_NERRORS; i++) {
        counts->faults[i] = atomic_load(&c->faults[i]);
        counts->failures[i] = atomic_load(&c->failures[i]);
    }
}


int64_t
ds_backoff(unsigned n, int64_t min, int64_t max)
{
    int64_t  wait;

    wait = min << (n < 1 ? 0 : n > 16 ? 15 : n - 1);

    return wait > max ? max : wait;
}
