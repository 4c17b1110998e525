
/*
 * ds_core.h: what every file of the engine shares: errors, cancellation,
 * time, small string helpers.  Knows no libav, no libcurl, no cJSON.
 *
 * The locks of the engine and their order are in src/README.md.
 */

#ifndef DS_CORE_H_INCLUDED_
#define DS_CORE_H_INCLUDED_


#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>

#include "ds.h"


/*
 * Fills "err" (may be NULL) and returns "code", so that a failing function
 * ends with: return ds_fail(err, DS_E…, "connect() failed: %s", …).
 * The message is cut to DS_MESSAGE_LEN, control characters and invalid
 * UTF-8 become '?'.  Any thread.
 */
int ds_fail(ds_error_t *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void ds_error_clear(ds_error_t *err);


/*
 * A cancel token: set once by any thread, seen by all.  "fd" becomes and
 * stays readable when it is set, so that a poll() can wait for it.
 */

typedef struct {
    atomic_bool    set;
    int            fd;          /* eventfd, close-on-exec */
} ds_cancel_t;

int ds_cancel_init(ds_cancel_t *c);         /* 0 or DS_EINTERNAL */
void ds_cancel_set(ds_cancel_t *c);         /* also async-signal-safe */
bool ds_cancel_is_set(ds_cancel_t *c);
void ds_cancel_free(ds_cancel_t *c);

/* sleeps for "ms" or until canceled; true when canceled */
bool ds_cancel_wait(ds_cancel_t *c, int64_t ms);


/* a bell: one thread sleeps, any other one can wake it, not to no purpose */

typedef struct {
    int            fd;          /* eventfd, close-on-exec; -1: none */
} ds_bell_t;

int ds_bell_init(ds_bell_t *b);             /* 0 or DS_EINTERNAL */
void ds_bell_ring(ds_bell_t *b);            /* any thread, does not block */
void ds_bell_free(ds_bell_t *b);

/*
 * Sleeps for "ms", or until "c" is canceled or the bell rings; not at all if
 * it has rung since the last time.
 */
void ds_bell_wait(ds_bell_t *b, ds_cancel_t *c, int64_t ms);


int64_t ds_now(void);                       /* Unix ms */
int64_t ds_monotonic(void);                 /* ms, CLOCK_MONOTONIC */
int64_t ds_monotonic_us(void);              /* us, CLOCK_MONOTONIC */

/*
 * Copies "src" (NULL is "") to "dst" of "size" bytes as valid UTF-8 on one
 * line: cut at a character, control characters and bad bytes become '?'.
 */
void ds_text(char *dst, size_t size, const char *src);

/* ms to wait after the "n"-th failure in a row, from 1 */
int64_t ds_backoff(unsigned n, int64_t min, int64_t max);

/* malloc()s a copy of "src", of NULL that is NULL; 0 or DS_ENOMEM */
int ds_copy(char **dst, const char *src);

/* malloc()ed printf; NULL without memory; the caller frees */
char *ds_sprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* overwrites and frees a secret, of NULL nothing; *secret is NULL then */
void ds_wipe(char **secret);


/*
 * Starts a thread with every signal blocked but those of a crash, named "name"
 * (15 bytes), with a small stack.  0 or DS_EINTERNAL.
 */
int ds_thread_start(pthread_t *tid, const char *name,
    void *(*start)(void *), void *data);


/* what a stream counts, from all of its threads; see ds_counts_t */

typedef struct {
    _Atomic uint64_t  bytes_in;
    _Atomic uint64_t  cache_hits;
    _Atomic uint64_t  cache_misses;
    _Atomic uint64_t  resolves;
    _Atomic uint64_t  resolve_time;
    _Atomic uint32_t  faults[DS_NERRORS];
    _Atomic uint32_t  failures[DS_NERRORS];
} ds_counters_t;

/* "code" is DS_E…; 0 and DS_ECANCELED are not counted; "c" may be NULL */
void ds_count_fault(ds_counters_t *c, int code);
void ds_count_failure(ds_counters_t *c, int code);

/* a copy, for the status */
void ds_counters_get(ds_counters_t *c, ds_counts_t *counts);


#endif /* DS_CORE_H_INCLUDED_ */
