
/*
 * tap.h: what the unit tests print: the Test Anything Protocol.  Include it
 * in the one file of a test program; end main() with
 * "return done_testing();".  Not for use by several threads at once.
 */

#ifndef TAP_H_INCLUDED_
#define TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>


static int  tap_planned;
static int  tap_run;
static int  tap_failed;


static bool tap_vok(bool cond, const char *file, int line, const char *fmt,
    va_list args);
static bool tap_ok(bool cond, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
static bool tap_str(const char *got, const char *want, const char *file,
    int line, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static bool tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));


/* optional; without it done_testing() prints the plan */
#define plan(n)  tap_plan(n)

#define ok(cond, ...)         tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...)                                                \
    tap_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                \
    tap_int((got), (want), __FILE__, __LINE__, __VA_ARGS__)


static inline void
tap_plan(int n)
{
    tap_planned = n;
    printf("1..%d\n", n);
    fflush(stdout);
}


static bool
tap_vok(bool cond, const char *file, int line, const char *fmt, va_list args)
{
    tap_run++;

    printf("%sok %d - ", cond ? "" : "not ", tap_run);
    vprintf(fmt, args);
    printf("\n");

    if (!cond) {
        tap_failed++;
        printf("#   at %s line %d\n", file, line);
    }

    fflush(stdout);

    return cond;
}


static inline bool
tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) tap_vok(cond, file, line, fmt, args);
    va_end(args);

    return cond;
}


/* NULL equals NULL alone */

static inline bool
tap_str(const char *got, const char *want, const char *file, int line,
    const char *fmt, ...)
{
    bool     same;
    va_list  args;

    same = (got == NULL || want == NULL) ? got == want
                                         : strcmp(got, want) == 0;

    va_start(args, fmt);
    (void) tap_vok(same, file, line, fmt, args);
    va_end(args);

    if (!same) {
        printf("#   got:  %s\n#   want: %s\n", got == NULL ? "(null)" : got,
               want == NULL ? "(null)" : want);
        fflush(stdout);
    }

    return same;
}


static inline bool
tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) tap_vok(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#   got:  %lld\n#   want: %lld\n", got, want);
        fflush(stdout);
    }

    return got == want;
}


static inline int
done_testing(void)
{
    if (tap_planned == 0) {
        printf("1..%d\n", tap_run);

    } else if (tap_planned != tap_run) {
        printf("# planned %d, run %d\n", tap_planned, tap_run);
        tap_failed++;
    }

    if (tap_failed) {
        printf("# %d failed\n", tap_failed);
    }

    return tap_failed == 0 ? 0 : 1;
}


#endif /* TAP_H_INCLUDED_ */
