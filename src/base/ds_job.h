
/*
 * ds_job.h: a job: a thread that does one thing to its end, or until it is
 * told to end.  It is a part of what it works for, zeroed before it is
 * started, and has one owner, from whose thread all of this is called, but
 * for ds_job_cancel() while it is known to be there.
 */

#ifndef DS_JOB_H_INCLUDED_
#define DS_JOB_H_INCLUDED_


#include "base/ds_engine.h"


typedef struct ds_job_s  ds_job_t;

typedef void (*ds_job_pt)(void *data);


struct ds_job_s {
    ds_cancel_t    cancel;      /* valid from the start to the end */

    /* ds_job.c's */
    ds_job_pt      run;
    ds_job_pt      free;
    void          *data;
    ds_t          *ds;
    ds_job_t      *next;
    pthread_t      thread;
    bool           started;
    atomic_bool    done;
};


/*
 * Calls run(data) in a thread named "name" (15 bytes).  0 or DS_EINTERNAL,
 * out of threads or descriptors: then it is as if there had been no call.
 * Once it has ended, and ds_job_end() was called, it may be started again.
 */
int ds_job_start(ds_job_t *job, const char *name, ds_job_pt run, void *data);

/*
 * The same for what the engine's owner has started: he is woken when it has
 * ended, and ds_destroy() cancels it, waits for it, and calls free(data),
 * which calls ds_job_end().
 */
int ds_job_start_owned(ds_job_t *job, ds_t *ds, const char *name,
    ds_job_pt run, ds_job_pt free, void *data);

/* asks it to end, does not wait; nothing to one that was not started */
void ds_job_cancel(ds_job_t *job);

/* true when run() has returned, or there was none: what it wrote is there */
bool ds_job_done(ds_job_t *job);

/* waits until it is done, which takes no time when it is; frees its own */
void ds_job_end(ds_job_t *job);


#endif /* DS_JOB_H_INCLUDED_ */
