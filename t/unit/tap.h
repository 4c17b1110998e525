
/*
 * tap.h: the Test Anything Protocol for C programs: checks, a count, a plan
 * at the end.  For use from the main thread of one program.
 */

#ifndef TAP_H_INCLUDED_
#define TAP_H_INCLUDED_


#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static int  tap_count;
static int  tap_failed;


__attribute__((format(printf, 2, 3), unused))
static bool
ok(bool good, const char *fmt, ...)
{
    va_list  args;

    tap_count++;
    tap_failed += !good;

    (void) printf("%sok %d - ", good ? "" : "not ", tap_count);

    va_start(args, fmt);
    (void) vprintf(fmt, args);
    va_end(args);

    (void) printf("\n");
    (void) fflush(stdout);

    return good;
}


__attribute__((format(printf, 3, 4), unused))
static bool
is_int(long long got, long long want, const char *fmt, ...)
{
    char     name[512];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    if (ok(got == want, "%s", name)) {
        return true;
    }

    (void) printf("#   got: %lld\n#  want: %lld\n", got, want);

    return false;
}


__attribute__((format(printf, 3, 4), unused))
static bool
is_str(const char *got, const char *want, const char *fmt, ...)
{
    char     name[512];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    if (ok(got != NULL && strcmp(got, want) == 0, "%s", name)) {
        return true;
    }

    (void) printf("#   got: \"%s\"\n#  want: \"%s\"\n",
                  got == NULL ? "(null)" : got, want);

    return false;
}


#define done_testing()                                                        \
    (void) printf("1..%d\n", tap_count);                                      \
    return tap_failed != 0


#endif /* TAP_H_INCLUDED_ */
