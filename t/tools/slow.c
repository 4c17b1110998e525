
/*
 * slow.c: preloaded, it makes CLOCK_BOOTTIME of a process run at a fifth of
 * its speed: what is to end in time ends too late.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <stdint.h>
#include <time.h>


static int64_t  begin;


__attribute__((constructor))
static void
start(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);
    begin = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int      rc;
    int64_t  ns;

    static int  (*real)(clockid_t, struct timespec *);

    if (real == NULL) {
        real = (int (*)(clockid_t, struct timespec *))
               dlsym(RTLD_NEXT, "clock_gettime");
    }

    if (id != CLOCK_BOOTTIME || begin == 0) {
        return real(id, ts);
    }

    rc = real(CLOCK_MONOTONIC, ts);

    ns = ts->tv_sec * INT64_C(1000000000) + ts->tv_nsec;
    ns = begin + (ns - begin) / 5;
    ts->tv_sec = ns / 1000000000;
    ts->tv_nsec = ns % 1000000000;

    return rc;
}
