
/*
 * ngx_directstream_start.c: starts the streams that should run and that nobody
 * else runs: takes the kernel's lock on one, then the place in the zone, then
 * begins a run in the store and in the engine.
 */

#include "ngx_directstream_run.h"


#define NGX_DIRECTSTREAM_RETRY  5000    /* ms after a failed start */


static ngx_int_t ngx_directstream_run_next(ngx_directstream_runs_t *runs,
    char *name, ngx_directstream_info_t *info);
static ngx_uint_t ngx_directstream_run_mine(ngx_directstream_runs_t *runs,
    const char *name);
static void ngx_directstream_run_start(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info);
static ngx_int_t ngx_directstream_run_claim(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info, char *token);
static void ngx_directstream_run_failed(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info, ds_error_t *err);
static void ngx_directstream_run_held(ngx_directstream_runs_t *runs,
    const char *name, ngx_pid_t holder);


void
ngx_directstream_runs_start(ngx_directstream_runs_t *runs)
{
    char                      name[DS_NAME_LEN + 1];
    ngx_directstream_info_t   info;

    name[0] = '\0';

    while (ngx_directstream_run_next(runs, name, &info) == NGX_OK) {

        if (!ngx_directstream_run_mine(runs, name)) {
            ngx_directstream_run_start(runs, &info);
        }
    }
}


/* the next stream after "name" that should run; "name" becomes its name */

static ngx_int_t
ngx_directstream_run_next(ngx_directstream_runs_t *runs, char *name,
    ngx_directstream_info_t *info)
{
    ngx_int_t                 rc;
    ngx_directstream_info_t  *in;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    for (node = runs->dcf->sh->streams; node != NULL; node = node->next) {
        in = &node->info;

        if (ngx_strcmp(in->def.name, name) <= 0
            || !in->running
            || in->done == in->epoch
            || in->owner == ngx_pid
            || (in->retry != 0
                && (ngx_msec_int_t) (ngx_current_msec - in->retry) < 0))
        {
            continue;
        }

        *info = *in;
        (void) ngx_cpystrn((u_char *) name, (u_char *) in->def.name,
                           DS_NAME_LEN + 1);
        rc = NGX_OK;
        break;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    return rc;
}


static ngx_uint_t
ngx_directstream_run_mine(ngx_directstream_runs_t *runs, const char *name)
{
    ngx_queue_t             *q;
    ngx_directstream_run_t  *run;

    for (q = ngx_queue_head(&runs->runs);
         q != ngx_queue_sentinel(&runs->runs);
         q = ngx_queue_next(q))
    {
        run = ngx_queue_data(q, ngx_directstream_run_t, queue);

        if (ngx_strcmp(run->name, name) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_directstream_run_start(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info)
{
    char                     token[DS_TOKEN_LEN + 1];
    int64_t                  id;
    ngx_pid_t                holder;
    ds_error_t               err;
    ds_status_t              status;
    ds_progress_t            progress;
    ngx_directstream_run_t  *run;

    if (ngx_directstream_owner_lock(runs, info->def.name, F_WRLCK, &holder)
        != NGX_OK)
    {
        ngx_directstream_run_held(runs, info->def.name, holder);
        return;
    }

    ngx_memzero(&err, sizeof(ds_error_t));

    run = ngx_calloc(sizeof(ngx_directstream_run_t), runs->log);

    if (run == NULL
        || ngx_directstream_owner_token(token, runs->log) != NGX_OK
        || ngx_directstream_run_claim(runs, info, token) != NGX_OK)
    {
        goto failed;
    }

    /* what came to its end begins anew, the rest goes on */

    id = ngx_directstream_record_begin(&runs->record, info->def.name,
                                       &progress);

    if (progress.state == DS_FINISHED || progress.state == DS_FAILED) {
        progress.valid = 0;
    }

    run->stream = ds_stream_start(runs->ds, &info->def, token, &progress,
                                  &err);

    if (run->stream == NULL) {
        ngx_directstream_run_failed(runs, info, &err);
        goto failed;
    }

    ngx_memcpy(run->name, info->def.name, sizeof(run->name));
    run->id = id;
    run->lost = runs->record.lost;
    run->epoch = info->epoch;
    run->skip = info->skip;
    run->previous = info->previous;
    run->loop = info->def.loop;
    run->mode = info->def.mode;
    run->prefetch = info->prefetch;

    ngx_queue_insert_tail(&runs->runs, &run->queue);

    ngx_directstream_run_report(runs, run, &status);

    return;

failed:

    if (run != NULL) {
        ngx_free(run);
    }

    (void) ngx_directstream_owner_lock(runs, info->def.name, F_UNLCK, NULL);
}


/*
 * Makes this process the owner in the zone, with the token that a publisher
 * has to show, and takes what is wanted now.
 */

static ngx_int_t
ngx_directstream_run_claim(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info, char *token)
{
    ngx_int_t                 rc;
    ngx_directstream_info_t  *in;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_zone_find(runs->dcf->sh, info->def.name);

    if (node == NULL || !node->info.running
        || node->info.done == node->info.epoch)
    {
        goto done;
    }

    in = &node->info;

    ngx_directstream_totals_add(&in->before, &in->status);

    ngx_memzero(&in->status, sizeof(ds_status_t));
    in->status.state = DS_RESOLVING;
    in->status.since = ngx_directstream_now();

    ngx_directstream_items_clear(runs->dcf, &node->items);
    ngx_directstream_still_clear(runs->dcf, &node->still);
    ngx_directstream_journal_note(runs->dcf, node);

    ngx_memcpy(in->token, token, sizeof(in->token));
    in->seen = ngx_current_msec;
    in->retry = 0;
    in->owner = ngx_pid;

    *info = *in;
    rc = NGX_OK;

done:

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    return rc;
}


static void
ngx_directstream_run_failed(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info, ds_error_t *err)
{
    ngx_directstream_node_t  *node;

    ngx_log_error(NGX_LOG_ERR, runs->log, 0,
                  "directstream \"%s\": ds_stream_start() failed: %s, "
                  "next try in %d s", info->def.name, err->message,
                  NGX_DIRECTSTREAM_RETRY / 1000);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, info->def.name);

    if (node != NULL) {
        node->info.status.state = DS_FAILED;
        node->info.status.error = *err;
        node->info.status.error.at = ngx_directstream_now();
        node->info.retry = ngx_current_msec + NGX_DIRECTSTREAM_RETRY;
        ngx_memzero(node->info.token, sizeof(node->info.token));
        node->info.owner = 0;
        ngx_directstream_journal_note(runs->dcf, node);
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
}


/* somebody else runs it: another relay worker, or another nginx */

static void
ngx_directstream_run_held(ngx_directstream_runs_t *runs, const char *name,
    ngx_pid_t holder)
{
    ngx_uint_t                news;
    ngx_directstream_node_t  *node;

    if (holder <= 0) {
        return;
    }

    news = 0;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_zone_find(runs->dcf->sh, name);

    if (node != NULL && node->info.owner != holder) {
        node->info.owner = holder;
        news = 1;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    if (news) {
        ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                      "directstream \"%s\": waiting for process %P, which "
                      "runs it", name, holder);
    }
}
