
/*
 * ngx_directstream_job.c: what a worker asks for and a relay worker does: a
 * lookup, "resolve and play nothing", which may be a check, the picture of a
 * stream, or its plan.  Jobs are linked in the zone and polled.  A lookup
 * belongs to one client, and is done by the newest relay worker; a picture is
 * made by the one that runs the stream, for all who ask within a second; a plan
 * is made by that one for one client, or by the newest if the stream does not
 * run.  A job nobody polls is collected.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_JOB_LOST     5000          /* ms without a poll */
#define NGX_DIRECTSTREAM_STILL_FRESH  1000          /* ms */
#define NGX_DIRECTSTREAM_STILL_WIDTH  640
#define NGX_DIRECTSTREAM_STILL_MAX    (256 * 1024)  /* bytes */
#define NGX_DIRECTSTREAM_PLAN_MAX     (1024 * 1024) /* the same */


static ngx_int_t ngx_directstream_job_ask(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_kind_e kind, const char *subject,
    const ds_def_t *def, ngx_uint_t limit, ngx_uint_t depth,
    const ds_plan_conf_t *plan, uint64_t *id);
static ngx_int_t ngx_directstream_job_served(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_kind_e kind, const char *subject);
static ngx_directstream_job_t *ngx_directstream_job_get(
    ngx_directstream_conf_t *dcf, ngx_directstream_job_kind_e kind,
    const char *subject);
static ngx_int_t ngx_directstream_job_define(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job, const ds_def_t *def);
static ngx_directstream_job_t *ngx_directstream_job_find(
    ngx_directstream_conf_t *dcf, uint64_t id);
static ngx_int_t ngx_directstream_job_copy(ngx_directstream_job_t *job,
    ngx_pool_t *pool, ngx_directstream_answer_t *answer);
static ngx_uint_t ngx_directstream_job_lost(ngx_directstream_job_t *job);
static void ngx_directstream_jobs_take(ngx_directstream_runs_t *runs,
    ngx_uint_t serve);
static void ngx_directstream_job_clear(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static ngx_directstream_job_t *ngx_directstream_job_next(
    ngx_directstream_conf_t *dcf, uint64_t id);
static void *ngx_directstream_job_begin(ngx_directstream_runs_t *runs,
    ngx_directstream_job_t *job);
static ngx_uint_t ngx_directstream_job_found(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static ngx_uint_t ngx_directstream_job_drawn(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static ngx_uint_t ngx_directstream_job_planned(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job);
static u_char *ngx_directstream_job_room(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job, size_t size, size_t most);
static ngx_uint_t ngx_directstream_job_mine(ngx_directstream_runs_t *runs,
    ngx_directstream_job_t *job, ngx_uint_t serve);


/* whether the process of an id that is ours is an earlier one is not known */

static ngx_uint_t  ngx_directstream_jobs_begun;


ngx_int_t
ngx_directstream_job_lookup(ngx_directstream_conf_t *dcf, const ds_def_t *def,
    ngx_uint_t limit, ngx_uint_t depth, uint64_t *id)
{
    return ngx_directstream_job_ask(dcf, NGX_DIRECTSTREAM_JOB_LOOKUP, "", def,
                                    limit, depth, NULL, id);
}


ngx_int_t
ngx_directstream_job_still(ngx_directstream_conf_t *dcf, const char *stream,
    uint64_t *id)
{
    return ngx_directstream_job_ask(dcf, NGX_DIRECTSTREAM_JOB_STILL, stream,
                                    NULL, 0, 0, NULL, id);
}


ngx_int_t
ngx_directstream_job_plan(ngx_directstream_conf_t *dcf, const ds_def_t *def,
    const ds_plan_conf_t *plan, uint64_t *id)
{
    return ngx_directstream_job_ask(dcf, NGX_DIRECTSTREAM_JOB_PLAN, def->name,
                                    def, 0, 0, plan, id);
}


static ngx_int_t
ngx_directstream_job_ask(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_kind_e kind, const char *subject,
    const ds_def_t *def, ngx_uint_t limit, ngx_uint_t depth,
    const ds_plan_conf_t *plan, uint64_t *id)
{
    ngx_int_t                rc;
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    rc = ngx_directstream_job_served(dcf, kind, subject);

    if (rc == NGX_OK) {
        job = ngx_directstream_job_get(dcf, kind, subject);

        if (job != NULL
            && ngx_directstream_job_define(dcf, job, def) == NGX_OK)
        {
            job->limit = limit;
            job->depth = depth;

            if (plan != NULL) {
                job->plan = *plan;
            }

            job->seen = ngx_current_msec;
            *id = job->id;

        } else {
            rc = NGX_BUSY;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_wake();

    return rc;
}


/* is there somebody who would do it? */

static ngx_int_t
ngx_directstream_job_served(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_kind_e kind, const char *subject)
{
    ngx_uint_t                alive;
    ngx_directstream_node_t  *node;

    alive = 0;

    if (kind != NGX_DIRECTSTREAM_JOB_STILL) {
        alive = ngx_directstream_alive(dcf->sh->relay, dcf->sh->heartbeat);
    }

    if (kind != NGX_DIRECTSTREAM_JOB_LOOKUP && !alive) {
        node = ngx_directstream_zone_find(dcf->sh, subject);

        if (node == NULL) {
            return NGX_DECLINED;
        }

        alive = ngx_directstream_alive(node->info.owner, node->info.seen);
    }

    return alive ? NGX_OK : NGX_ABORT;
}


/* a new one, or what somebody else has asked for; NULL: there is no room */

static ngx_directstream_job_t *
ngx_directstream_job_get(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_kind_e kind, const char *subject)
{
    size_t                   len;
    ngx_uint_t               n;
    ngx_directstream_job_t  *job;

    n = 0;

    for (job = dcf->sh->jobs; job != NULL; job = job->next) {

        if (job->kind != kind) {
            continue;
        }

        if (kind != NGX_DIRECTSTREAM_JOB_STILL) {
            n += (!job->canceled
                  || job->state == NGX_DIRECTSTREAM_JOB_RUNNING);
            continue;
        }

        if (ngx_strcmp(job->subject, subject) != 0) {
            continue;
        }

        /* the clock of the process that made it may be ahead of ours */

        if (job->state == NGX_DIRECTSTREAM_JOB_DONE
            && (ngx_msec_int_t) (ngx_current_msec - job->at)
               >= NGX_DIRECTSTREAM_STILL_FRESH)
        {
            job->state = NGX_DIRECTSTREAM_JOB_WANTED;
        }

        return job;
    }

    if (n >= NGX_DIRECTSTREAM_LOOKUPS) {
        return NULL;
    }

    len = strlen(subject) + 1;

    job = ngx_slab_calloc_locked(dcf->shpool,
                                 offsetof(ngx_directstream_job_t, subject)
                                 + len);
    if (job == NULL) {
        return NULL;
    }

    ngx_memcpy(job->subject, subject, len);
    job->kind = kind;
    job->id = ++dcf->sh->serial;

    job->next = dcf->sh->jobs;
    ngx_memory_barrier();
    dcf->sh->jobs = job;

    return job;
}


/* without room for it nobody does it, and it is collected */

static ngx_int_t
ngx_directstream_job_define(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job, const ds_def_t *def)
{
    ds_def_t  *copy;

    if (def == NULL) {
        return NGX_OK;
    }

    copy = ngx_slab_alloc_locked(dcf->shpool, sizeof(ds_def_t));

    if (copy == NULL) {
        job->canceled = 1;
        return NGX_ERROR;
    }

    *copy = *def;
    ngx_memory_barrier();
    job->def = copy;

    return NGX_OK;
}


static ngx_directstream_job_t *
ngx_directstream_job_find(ngx_directstream_conf_t *dcf, uint64_t id)
{
    ngx_directstream_job_t  *job;

    for (job = dcf->sh->jobs; job != NULL && job->id != id; job = job->next) {
        /* void */
    }

    return job;
}


ngx_int_t
ngx_directstream_job_poll(ngx_directstream_conf_t *dcf, uint64_t id,
    ngx_pool_t *pool, ngx_directstream_answer_t *answer)
{
    ngx_int_t                rc;
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job = ngx_directstream_job_find(dcf, id);

    if (job == NULL) {
        rc = NGX_ABORT;

    } else if (job->state == NGX_DIRECTSTREAM_JOB_DONE) {
        rc = ngx_directstream_job_copy(job, pool, answer);

    } else {
        job->seen = ngx_current_msec;
        rc = ngx_directstream_job_served(dcf, job->kind, job->subject);
        rc = (rc == NGX_OK) ? NGX_AGAIN : rc;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


static ngx_int_t
ngx_directstream_job_copy(ngx_directstream_job_t *job, ngx_pool_t *pool,
    ngx_directstream_answer_t *answer)
{
    size_t  n;

    n = ngx_min(job->items.count, job->limit);

    answer->status = job->status;
    answer->data.len = (job->data != NULL) ? job->size : 0;
    answer->data.data = ngx_palloc(pool, answer->data.len + 1);
    answer->items = ngx_palloc(pool, (n + 1) * sizeof(ds_item_t));

    if (answer->data.data == NULL || answer->items == NULL) {
        return NGX_ERROR;
    }

    if (job->items.truncated && job->depth == 0) {
        answer->status.complete = 0;
    }

    answer->nitems = ngx_directstream_items_get(&job->items, 0, answer->items,
                                                n);

    if (job->data != NULL) {
        ngx_memcpy(answer->data.data, job->data, job->size);
    }

    return NGX_OK;
}


void
ngx_directstream_job_end(ngx_directstream_conf_t *dcf, uint64_t id)
{
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    job = ngx_directstream_job_find(dcf, id);

    if (job != NULL) {
        job->canceled = 1;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


static ngx_uint_t
ngx_directstream_job_lost(ngx_directstream_job_t *job)
{
    return job->canceled
           || (ngx_msec_int_t) (ngx_current_msec - job->seen)
              > NGX_DIRECTSTREAM_JOB_LOST;
}


void
ngx_directstream_jobs_pass(ngx_directstream_runs_t *runs, ngx_uint_t serve)
{
    uint64_t                  id;
    ngx_uint_t                done;
    ngx_directstream_job_t   *job;
    ngx_directstream_conf_t  *dcf;

    dcf = runs->dcf;
    id = (uint64_t) -1;

    ngx_directstream_jobs_take(runs, serve);

    /* nobody else frees or changes what this process does */

    for ( ;; ) {
        job = ngx_directstream_job_next(dcf, id);

        if (job == NULL) {
            return;
        }

        id = job->id;

        if (job->task == NULL) {
            job->task = ngx_directstream_job_begin(runs, job);
            done = (job->task == NULL);

        } else {
            done = (job->kind == NGX_DIRECTSTREAM_JOB_LOOKUP)
                   ? ngx_directstream_job_found(dcf, job)
                   : (job->kind == NGX_DIRECTSTREAM_JOB_STILL)
                   ? ngx_directstream_job_drawn(dcf, job)
                   : ngx_directstream_job_planned(dcf, job);
        }

        if (done) {
            job->at = ngx_current_msec;
            ngx_memory_barrier();
            job->state = NGX_DIRECTSTREAM_JOB_DONE;
        }
    }
}


/* collects, and takes what this process can do; "serve": also lookups */

static void
ngx_directstream_jobs_take(ngx_directstream_runs_t *runs, ngx_uint_t serve)
{
    ngx_directstream_job_t   *job, **link;
    ngx_directstream_conf_t  *dcf;

    dcf = runs->dcf;
    link = &dcf->sh->jobs;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    while ((job = *link) != NULL) {

        if (job->state == NGX_DIRECTSTREAM_JOB_RUNNING
            && (job->owner == ngx_pid ? !ngx_directstream_jobs_begun
                                      : kill(job->owner, 0) == -1))
        {
            /* its relay worker died */
            ngx_directstream_job_clear(dcf, job);
            job->state = NGX_DIRECTSTREAM_JOB_WANTED;
        }

        if (job->state != NGX_DIRECTSTREAM_JOB_RUNNING
            && ngx_directstream_job_lost(job))
        {
            *link = job->next;
            ngx_memory_barrier();
            ngx_directstream_job_clear(dcf, job);

            if (job->def != NULL) {
                ngx_slab_free_locked(dcf->shpool, job->def);
            }

            ngx_slab_free_locked(dcf->shpool, job);
            continue;
        }

        if (job->state == NGX_DIRECTSTREAM_JOB_WANTED
            && ngx_directstream_job_mine(runs, job, serve))
        {
            job->task = NULL;
            job->owner = ngx_pid;
            ngx_memory_barrier();
            job->state = NGX_DIRECTSTREAM_JOB_RUNNING;
        }

        link = &job->next;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_jobs_begun = 1;
}


/* can this process do it?  The lock is held */

static ngx_uint_t
ngx_directstream_job_mine(ngx_directstream_runs_t *runs,
    ngx_directstream_job_t *job, ngx_uint_t serve)
{
    ngx_directstream_node_t  *node;

    if (job->kind != NGX_DIRECTSTREAM_JOB_LOOKUP
        && ngx_directstream_runs_stream(runs, job->subject) != NULL)
    {
        return 1;
    }

    if (job->kind == NGX_DIRECTSTREAM_JOB_STILL || !serve) {
        return 0;
    }

    /* a plan of what another one runs is that one's */

    node = (job->kind == NGX_DIRECTSTREAM_JOB_PLAN)
           ? ngx_directstream_zone_find(runs->dcf->sh, job->subject) : NULL;

    return node == NULL || node->info.owner == ngx_pid
           || !ngx_directstream_alive(node->info.owner, node->info.seen);
}


/* without what was found, with the lock held */

static void
ngx_directstream_job_clear(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    u_char  *data;

    data = job->data;
    job->data = NULL;
    ngx_memory_barrier();

    if (data != NULL) {
        ngx_slab_free_locked(dcf->shpool, data);
    }

    ngx_directstream_items_clear(dcf, &job->items);
}


/* the newest that this process does and that is older than "id" */

static ngx_directstream_job_t *
ngx_directstream_job_next(ngx_directstream_conf_t *dcf, uint64_t id)
{
    ngx_directstream_job_t  *job;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (job = dcf->sh->jobs; job != NULL; job = job->next) {
        if (job->id < id
            && job->state == NGX_DIRECTSTREAM_JOB_RUNNING
            && job->owner == ngx_pid)
        {
            break;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return job;
}


/* NULL: it cannot be done, the status says why */

static void *
ngx_directstream_job_begin(ngx_directstream_runs_t *runs,
    ngx_directstream_job_t *job)
{
    ds_error_t   *err;
    ds_stream_t  *stream;

    err = &job->status.error;

    if (job->kind == NGX_DIRECTSTREAM_JOB_LOOKUP) {
        return ds_lookup_start(runs->ds, job->def,
                               job->depth != 0 ? UINT32_MAX : job->limit,
                               job->depth, err);
    }

    if (job->kind == NGX_DIRECTSTREAM_JOB_PLAN) {
        return ds_plan_start(runs->ds,
                             ngx_directstream_runs_stream(runs, job->subject),
                             job->def, &job->plan, err);
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);
    ngx_directstream_job_clear(runs->dcf, job);
    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    /* taken a moment ago, when it was there */
    stream = ngx_directstream_runs_stream(runs, job->subject);

    return ds_stream_still(stream, NGX_DIRECTSTREAM_STILL_WIDTH, err);
}


/*
 * Moves what is news to the zone.  The status is read before the items, so
 * that nothing is missing when it says done.
 */

static ngx_uint_t
ngx_directstream_job_found(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    size_t        i, n;
    ds_item_t     items[NGX_DIRECTSTREAM_BATCH];
    ds_lookup_t  *lookup;

    lookup = job->task;

    ds_lookup_status(lookup, &job->status);

    do {
        n = ds_lookup_items(lookup, items, NGX_DIRECTSTREAM_BATCH);

        ngx_shmtx_lock(&dcf->shpool->mutex);

        for (i = 0; i < n; i++) {
            ngx_directstream_items_put(dcf, &job->items, &items[i]);
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);

    } while (n == NGX_DIRECTSTREAM_BATCH);

    if (job->status.done) {
        ds_lookup_free(&lookup);
        return 1;
    }

    if (ngx_directstream_job_lost(job)) {
        ds_lookup_cancel(lookup);
    }

    return 0;
}


static ngx_uint_t
ngx_directstream_job_drawn(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    size_t          size;
    u_char         *copy;
    ds_still_t     *still;
    const uint8_t  *data;

    still = job->task;

    if (!ds_still_done(still, &data, &size, &job->status.error)) {
        return 0;
    }

    if (data != NULL) {
        copy = ngx_directstream_job_room(dcf, job, size,
                                         NGX_DIRECTSTREAM_STILL_MAX);

        if (copy != NULL) {
            ngx_memcpy(copy, data, size);
            ngx_memory_barrier();
            job->data = copy;
        }
    }

    ds_still_free(&still);

    return 1;
}


static ngx_uint_t
ngx_directstream_job_planned(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job)
{
    size_t                   entries, conflicts;
    u_char                  *copy, *p;
    ds_planner_t            *planner;
    const ds_plan_answer_t  *a;

    planner = job->task;
    a = ds_plan_done(planner);

    if (a == NULL) {
        if (ngx_directstream_job_lost(job)) {
            ds_plan_cancel(planner);
        }

        return 0;
    }

    job->status.error = a->error;

    if (a->error.code == DS_OK) {
        entries = a->n * sizeof(ds_planned_t);
        conflicts = a->nconflicts * sizeof(ds_conflict_t);

        copy = ngx_directstream_job_room(dcf, job, sizeof(ds_plan_answer_t)
                                                   + entries + conflicts,
                                         NGX_DIRECTSTREAM_PLAN_MAX);

        if (copy != NULL) {
            p = ngx_cpymem(copy, a, sizeof(ds_plan_answer_t));
            p = ngx_cpymem(p, a->entries, entries);
            ngx_memcpy(p, a->conflicts, conflicts);
            ngx_memory_barrier();
            job->data = copy;
        }
    }

    ds_plan_free(&planner);

    return 1;
}


/*
 * What is answered leaves an eighth of the zone to streams and their items.
 * NULL: there is no room, as the status says.
 */

static u_char *
ngx_directstream_job_room(ngx_directstream_conf_t *dcf,
    ngx_directstream_job_t *job, size_t size, size_t most)
{
    size_t            kept;
    u_char           *room;
    ngx_slab_pool_t  *shpool;

    shpool = dcf->shpool;
    kept = (shpool->end - shpool->start) / 8;
    room = NULL;

    ngx_shmtx_lock(&shpool->mutex);

    if (size <= most && size + kept <= shpool->pfree * ngx_pagesize) {
        room = ngx_slab_alloc_locked(shpool, size);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    if (room == NULL) {
        (void) ngx_snprintf((u_char *) job->status.error.message,
                            DS_MESSAGE_LEN, "no room for it in zone "
                            "\"%V\"%Z", &dcf->zone_name);
        return NULL;
    }

    job->size = size;

    return room;
}


ngx_uint_t
ngx_directstream_jobs_running(ngx_directstream_conf_t *dcf)
{
    return ngx_directstream_job_next(dcf, (uint64_t) -1) != NULL;
}
