
/*
 * ds_proc.h: one child process: argv (never a shell), its own process group,
 * a clean environment, /dev/null as stdin, bounded output, a deadline.
 * A process is used by one thread, which must live as long as the child
 * (PR_SET_PDEATHSIG kills the child with the thread that started it).
 */

#ifndef DS_PROC_H_INCLUDED_
#define DS_PROC_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_proc_s  ds_proc_t;


/*
 * "env" are NAME=VALUE, NULL-terminated, beside or instead of those that every
 * child has; NULL: none.  NULL: "err" is DS_ERESOLVER_MISSING (exec failed),
 * DS_EINTERNAL, DS_ENOMEM.
 */
ds_proc_t *ds_proc_start(const char *const *argv, const char *const *env,
    int64_t timeout, ds_cancel_t *cancel, ds_error_t *err);

/*
 * The next line of stdout, without its newline, valid until the next call;
 * NULL at the end, then "err" is clear, or on an error: DS_ERESOLVER_TIMEOUT,
 * DS_ERESOLVER_OVERFLOW (a line over "max_line" bytes, or "max_total" in
 * all), DS_ECANCELED.  stderr is drained meanwhile: its last 8 KiB are kept.
 */
char *ds_proc_line(ds_proc_t *p, size_t max_line, size_t max_total,
    ds_error_t *err);

/* the deadline is as far away again as it was at the start */
void ds_proc_renew(ds_proc_t *p);

/*
 * Ends the process if it runs (TERM to its group, KILL after 500 ms), reaps
 * it, kills what is left of its group.  After the last line it first has two
 * seconds to exit by itself.  Returns its exit code, or minus the signal
 * that ended it (0 if somebody else has reaped it).
 */
int ds_proc_end(ds_proc_t *p);

const char *ds_proc_stderr(ds_proc_t *p);   /* valid until ds_proc_free() */

void ds_proc_free(ds_proc_t **p);           /* ends it first */


#endif /* DS_PROC_H_INCLUDED_ */
