
/*
 * ds_job.c: threads with a token to cancel them, and the list of those that
 * the engine must have ended when it is destroyed.
 */

#include "base/ds_crash.h"
#include "base/ds_job.h"


static void *ds_job_thread(void *data);


int
ds_job_start(ds_job_t *job, const char *name, ds_job_pt run, void *data)
{
    return ds_job_start_owned(job, NULL, name, run, NULL, data);
}


int
ds_job_start_owned(ds_job_t *job, ds_t *ds, const char *name, ds_job_pt run,
    ds_job_pt free, void *data)
{
    if (ds_cancel_init(&job->cancel) != DS_OK) {
        return DS_EINTERNAL;
    }

    job->ds = ds;
    job->run = run;
    job->free = free;
    job->data = data;
    atomic_store(&job->done, false);

    if (ds_thread_start(&job->thread, name, ds_job_thread, job) != DS_OK) {
        ds_cancel_free(&job->cancel);
        return DS_EINTERNAL;
    }

    job->started = true;

    if (ds != NULL) {
        job->next = ds->jobs;
        ds->jobs = job;
    }

    return DS_OK;
}


/* context: the job's thread */

static void *
ds_job_thread(void *data)
{
    ds_job_t *job = data;

    char  stack[DS_CRASH_STACK];

    ds_crash_enter(stack);
    job->run(job->data);
    ds_crash_leave();

    atomic_store(&job->done, true);

    if (job->ds != NULL) {
        ds_wakeup(job->ds);
    }

    return NULL;
}


void
ds_job_cancel(ds_job_t *job)
{
    if (job->started) {
        ds_cancel_set(&job->cancel);
    }
}


bool
ds_job_done(ds_job_t *job)
{
    return !job->started || atomic_load(&job->done);
}


void
ds_job_end(ds_job_t *job)
{
    ds_job_t  **p;

    if (!job->started) {
        return;
    }

    if (job->ds != NULL) {
        for (p = &job->ds->jobs; *p != job; p = &(*p)->next) { /* void */ }

        *p = job->next;
    }

    (void) pthread_join(job->thread, NULL);
    ds_cancel_free(&job->cancel);

    job->started = false;
}
