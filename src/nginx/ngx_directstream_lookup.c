
/*
 * ngx_directstream_lookup.c: lookups, "resolve and play nothing".  An admin
 * worker puts a job in the zone and polls it; the relay worker does it.  A
 * job whose client no longer polls is canceled and collected.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_JOB_LOST  5000    /* ms without a poll */


/* the lookups of this process, beside the jobs they belong to */

typedef struct {
    uint64_t      id;
    ds_lookup_t  *lookup;
} ngx_directstream_job_run_t;


static ngx_directstream_job_run_t
    ngx_directstream_job_runs[NGX_DIRECTSTREAM_LOOKUPS];


static ngx_directstream_job_t *ngx_directstream_job_find(
    ngx_directstream_conf_t *dcf, uint64_t id);
static void ngx_directstream_job_free(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static void ngx_directstream_job_collect(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static void ngx_directstream_job_begin(ngx_directstream_conf_t *dcf, ds_t *ds,
    ngx_uint_t n);
static void ngx_directstream_job_step(ngx_directstream_conf_t *dcf,
    ngx_uint_t n);


ngx_int_t
ngx_directstream_job_start(ngx_directstream_conf_t *dcf, const char *playlist,
    ngx_uint_t limit, uint64_t *id)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_directstream_job_t  *job;

    rc = NGX_BUSY;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (i = 0; i < NGX_DIRECTSTREAM_LOOKUPS; i++) {
        job = &dcf->sh->jobs[i];

        if (job->state != NGX_DIRECTSTREAM_JOB_FREE) {
            continue;
        }

        /* what a killed process left */
        ngx_directstream_items_clear(dcf, &job->items);

        ngx_memzero(&job->status, sizeof(ds_lookup_status_t));
        (void) ngx_cpystrn((u_char *) job->playlist, (u_char *) playlist,
                           sizeof(job->playlist));

        job->id = ++dcf->sh->serial;
        job->limit = limit;
        job->seen = ngx_current_msec;
        job->owner = 0;
        job->canceled = 0;
        ngx_memory_barrier();
        job->state = NGX_DIRECTSTREAM_JOB_WANTED;

        *id = job->id;
        rc = NGX_OK;
        break;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


static ngx_directstream_job_t *
ngx_directstream_job_find(ngx_directstream_conf_t *dcf, uint64_t id)
{
    ngx_uint_t               i;
    ngx_directstream_job_t  *job;

    for (i = 0; i < NGX_DIRECTSTREAM_LOOKUPS; i++) {
        job = &dcf->sh->jobs[i];

        if (job->state != NGX_DIRECTSTREAM_JOB_FREE && job->id == id) {
            return job;
        }
    }

    return NULL;
}


static void
ngx_directstream_job_free(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    job->state = NGX_DIRECTSTREAM_JOB_FREE;
    ngx_memory_barrier();

    ngx_directstream_items_clear(dcf, &job->items);
}


ngx_int_t
ngx_directstream_job_poll(ngx_directstream_conf_t *dcf, uint64_t id,
    ds_lookup_status_t *status, ds_item_t *items, ngx_uint_t *n)
{
    ngx_int_t                rc;
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job = ngx_directstream_job_find(dcf, id);

    if (job == NULL) {
        rc = NGX_ERROR;

    } else if (job->state != NGX_DIRECTSTREAM_JOB_DONE) {
        job->seen = ngx_current_msec;
        rc = NGX_AGAIN;

    } else {
        *status = job->status;

        if (job->items.truncated) {
            status->complete = 0;
        }

        *n = ngx_directstream_items_get(&job->items, 0, items, *n);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


void
ngx_directstream_job_end(ngx_directstream_conf_t *dcf, uint64_t id)
{
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job = ngx_directstream_job_find(dcf, id);

    if (job != NULL) {

        if (job->state == NGX_DIRECTSTREAM_JOB_RUNNING) {
            job->canceled = 1;

        } else {
            ngx_directstream_job_free(dcf, job);
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


void
ngx_directstream_jobs_pass(ngx_directstream_conf_t *dcf, ds_t *ds,
    ngx_uint_t serve)
{
    ngx_uint_t               i;
    ngx_directstream_job_t  *job;

    for (i = 0; i < NGX_DIRECTSTREAM_LOOKUPS; i++) {

        if (ngx_directstream_job_runs[i].lookup != NULL) {
            ngx_directstream_job_step(dcf, i);
            continue;
        }

        if (!serve) {
            continue;
        }

        job = &dcf->sh->jobs[i];

        ngx_shmtx_lock(&dcf->shpool->mutex);
        ngx_directstream_job_collect(dcf, job);
        ngx_shmtx_unlock(&dcf->shpool->mutex);

        if (job->state == NGX_DIRECTSTREAM_JOB_WANTED) {
            ngx_directstream_job_begin(dcf, ds, i);
        }
    }
}


/* a job that this process does not do */

static void
ngx_directstream_job_collect(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    if (job->state == NGX_DIRECTSTREAM_JOB_FREE) {
        return;
    }

    if (job->state == NGX_DIRECTSTREAM_JOB_RUNNING) {

        if (job->owner != ngx_pid
            && kill(job->owner, 0) == 0)
        {
            return;
        }

        /* its relay worker died */

        ngx_directstream_items_clear(dcf, &job->items);
        job->state = job->canceled ? NGX_DIRECTSTREAM_JOB_FREE
                                   : NGX_DIRECTSTREAM_JOB_WANTED;
    }

    if (job->state != NGX_DIRECTSTREAM_JOB_FREE
        && (ngx_msec_int_t) (ngx_current_msec - job->seen)
           > NGX_DIRECTSTREAM_JOB_LOST)
    {
        ngx_directstream_job_free(dcf, job);
    }
}


static void
ngx_directstream_job_begin(ngx_directstream_conf_t *dcf, ds_t *ds,
    ngx_uint_t n)
{
    char                         playlist[DS_URL_LEN + 1];
    uint32_t                     limit;
    uint64_t                     id;
    ds_error_t                   err;
    ds_lookup_t                 *lookup;
    ngx_directstream_job_t      *job;
    ngx_directstream_job_run_t  *run;

    job = &dcf->sh->jobs[n];
    run = &ngx_directstream_job_runs[n];

    ngx_shmtx_lock(&dcf->shpool->mutex);

    if (job->state != NGX_DIRECTSTREAM_JOB_WANTED) {
        ngx_shmtx_unlock(&dcf->shpool->mutex);
        return;
    }

    (void) ngx_cpystrn((u_char *) playlist, (u_char *) job->playlist,
                       sizeof(playlist));
    limit = job->limit;
    id = job->id;
    job->owner = ngx_pid;
    job->state = NGX_DIRECTSTREAM_JOB_RUNNING;

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_memzero(&err, sizeof(ds_error_t));

    lookup = ds_lookup_start(ds, playlist, limit, &err);

    if (lookup != NULL) {
        run->lookup = lookup;
        run->id = id;
        return;
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job->status.error = err;
    job->status.done = 1;
    job->state = NGX_DIRECTSTREAM_JOB_DONE;

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/*
 * Moves what is news to the zone.  The status is read before the items, so
 * that nothing is missing when it says done.
 */

static void
ngx_directstream_job_step(ngx_directstream_conf_t *dcf, ngx_uint_t n)
{
    size_t                       i, k;
    ds_item_t                    items[NGX_DIRECTSTREAM_BATCH];
    ngx_uint_t                   canceled;
    ds_lookup_status_t           status;
    ngx_directstream_job_t      *job;
    ngx_directstream_job_run_t  *run;

    job = &dcf->sh->jobs[n];
    run = &ngx_directstream_job_runs[n];

    ds_lookup_status(run->lookup, &status);

    do {
        k = ds_lookup_items(run->lookup, items, NGX_DIRECTSTREAM_BATCH);

        ngx_shmtx_lock(&dcf->shpool->mutex);

        for (i = 0; i < k; i++) {
            if (items[i].index < NGX_DIRECTSTREAM_LOOKUP_MAX) {
                ngx_directstream_items_put(dcf, &job->items, &items[i]);
            }
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);

    } while (k == NGX_DIRECTSTREAM_BATCH);

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job->status = status;

    canceled = job->canceled
               || (ngx_msec_int_t) (ngx_current_msec - job->seen)
                  > NGX_DIRECTSTREAM_JOB_LOST;

    if (status.done) {
        job->owner = 0;

        if (canceled) {
            ngx_directstream_job_free(dcf, job);

        } else {
            job->state = NGX_DIRECTSTREAM_JOB_DONE;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (status.done) {
        ds_lookup_free(&run->lookup);

    } else if (canceled) {
        ds_lookup_cancel(run->lookup);
    }
}


ngx_uint_t
ngx_directstream_jobs_running(void)
{
    ngx_uint_t  i, n;

    n = 0;

    for (i = 0; i < NGX_DIRECTSTREAM_LOOKUPS; i++) {
        n += (ngx_directstream_job_runs[i].lookup != NULL);
    }

    return n;
}
