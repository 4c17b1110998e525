
/*
 * ngx_directstream_run.c: makes the streams of this process what the zone
 * wants.  Nothing is queued: each pass compares.  A stream is run only while
 * this process holds the kernel's lock on the stream's byte of owners.lock,
 * which no death, reload or upgrade can leave behind.  The engine is never
 * called with the zone's lock held.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_PROGRESS  5000    /* ms between two records */
#define NGX_DIRECTSTREAM_STEPS     64      /* skips passed on at a time */
#define NGX_DIRECTSTREAM_LEAVE     300     /* ms for runs to come to an end */
#define NGX_DIRECTSTREAM_LOOK      5       /* ms between two looks at them */
#define NGX_DIRECTSTREAM_RETRY     5000    /* ms after a failed start */
#define NGX_DIRECTSTREAM_HOOK      5000    /* ms for on_publish to come in */
#define NGX_DIRECTSTREAM_STALL     1000    /* ms that the store may take */
#define NGX_DIRECTSTREAM_RENEW     5000    /* ms for a restart, of many */
#define NGX_DIRECTSTREAM_SINGLE    1000    /* ms for a stream to begin in */

#define NGX_DIRECTSTREAM_NOTHING   ((ngx_uint_t) -1)

/* what a pass takes of items, and ms that it may last with them */
#define NGX_DIRECTSTREAM_ITEMS     2000
#define NGX_DIRECTSTREAM_ITEMS_MS  50


struct ngx_directstream_run_s {
    ngx_directstream_run_t  *next;
    ds_stream_t             *stream;        /* NULL: not yet, or no more */
    char                     name[DS_NAME_LEN + 1];
    uint64_t                 epoch;
    uint64_t                 skip;          /* requests passed on */
    uint64_t                 previous;
    ds_run_t                *rec;           /* what is recorded of it */
    ngx_msec_t               asked;         /* when it began, or ended */
    ds_error_t               hook;          /* there is no on_publish */
    ngx_msec_t               connected;     /* since when, 0: it is not */
    ds_progress_t            known;         /* by the zone, when it began */
    ngx_uint_t               repeat;        /* the first item to record again */
    uint32_t                 trimmed;       /* the list's length in the store */
    uint64_t                 prefetch;
    uint64_t                 refresh;
    uint64_t                 outputs;       /* changes of them */
    ngx_directstream_again_t again[DS_OUTLETS];
    uint32_t                 interval;      /* between two readings, ms */
    uint32_t                 jitter;
    uint64_t                 schedule;      /* of its text, a digest */
    uint64_t                 wishes[DS_YOUTUBE_ROLLOVER + 1];
    ds_youtube_conf_t        youtube;
    ds_mode_e                mode;
    unsigned                 loop:1;
    unsigned                 stopping:1;
    unsigned                 ending:1;      /* its end is being recorded */
    unsigned                 unread:1;      /* the queue has changed */
    unsigned                 moving:1;      /* to another node, when its item
                                               is over */
    unsigned                 dark:1;        /* there was none */
    uint64_t                 items;         /* aired, when that began */
    uint64_t                 queue_changes; /* that are known of */
    uint32_t                 queued;        /* entries in the store */
    ngx_msec_t               told;          /* when it was told last */
};


/* what a run has to know of the zone in one pass */

typedef struct {
    ngx_uint_t               wanted;
    ngx_uint_t               loop;
    uint64_t                 skip;
    uint64_t                 previous;
    uint64_t                 prefetch;
    uint64_t                 queue_changes;
    uint64_t                 refresh;
    uint64_t                 outputs;
    uint32_t                 interval;
    uint32_t                 jitter;
    uint64_t                 wishes[DS_YOUTUBE_ROLLOVER + 1];
    ds_youtube_conf_t        youtube;
    ngx_uint_t               prefetching;
    uint64_t                 schedule;
    ds_mode_e                mode;
} ngx_directstream_want_t;


static void ngx_directstream_run_want(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_want_t *want);
static uint64_t ngx_directstream_run_digest(const ds_def_t *def);
static void ngx_directstream_run_schedule(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static void ngx_directstream_run_steer(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_want_t *want);
static ngx_uint_t ngx_directstream_run_behind(ngx_directstream_run_t *run);
static void ngx_directstream_run_outputs(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static ngx_uint_t ngx_directstream_run_moved(ngx_directstream_run_t *run,
    ngx_directstream_info_t *info);
static void ngx_directstream_run_hook(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_info_t *info,
    ds_status_t *status);
static void ngx_directstream_run_record(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status, ngx_uint_t due);
static void ngx_directstream_run_queue(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status, ngx_uint_t due);
static ngx_uint_t ngx_directstream_run_queued(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static void ngx_directstream_run_changes(ngx_directstream_run_t *run,
    ds_status_t *status);
static void ngx_directstream_run_last(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status);
static void ngx_directstream_run_items(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static ngx_uint_t ngx_directstream_run_take(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static uint64_t ngx_directstream_run_clock(void);
static void ngx_directstream_run_aired(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, uint64_t stamp);
static void ngx_directstream_run_end(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static ngx_int_t ngx_directstream_run_wait(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_uint_t wanted);
static void ngx_directstream_run_free(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run);
static void ngx_directstream_run_cache(ngx_directstream_runs_t *runs);
static void ngx_directstream_runs_halt(ngx_directstream_runs_t *runs);
static void ngx_directstream_run_off(ds_status_t *status);
static ngx_directstream_node_t *ngx_directstream_run_node(
    ngx_directstream_runs_t *runs, const char *name);
static void ngx_directstream_run_report(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status);
static ngx_int_t ngx_directstream_run_next(ngx_directstream_runs_t *runs,
    char *name, ngx_directstream_info_t *info);
static void ngx_directstream_runs_released(ngx_directstream_runs_t *runs);
static ngx_uint_t ngx_directstream_runs_renewing(
    ngx_directstream_runs_t *runs);
static ngx_uint_t ngx_directstream_runs_begin(ngx_directstream_runs_t *runs);
static ngx_directstream_run_t *ngx_directstream_runs_find(
    ngx_directstream_runs_t *runs, const char *name);
static void ngx_directstream_run_start(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info);
static ngx_int_t ngx_directstream_run_go(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_progress_t *progress);
static ngx_int_t ngx_directstream_run_claim(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info, char *token);
static void ngx_directstream_run_failed(ngx_directstream_runs_t *runs,
    const char *name, ds_error_t *err);
static void ngx_directstream_run_held(ngx_directstream_runs_t *runs,
    const char *name, ngx_pid_t holder);


void
ngx_directstream_runs_init(ngx_directstream_runs_t *runs,
    ngx_directstream_conf_t *dcf, ngx_log_t *log)
{
    ngx_pid_t                 owner;
    ngx_directstream_node_t  *node;

    ngx_memzero(runs, sizeof(ngx_directstream_runs_t));

    runs->dcf = dcf;
    runs->log = log;

    /* those that died with a stream, one of which may have had our id */

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (node = dcf->sh->streams; node != NULL; node = node->next) {
        owner = node->info.owner;

        if (owner == 0
            || (owner != ngx_pid
                && (kill(owner, 0) == 0 || ngx_errno != NGX_ESRCH)))
        {
            continue;
        }

        node->info.owner = 0;
        ngx_memzero(node->info.token, sizeof(node->info.token));

        if (!node->info.running) {
            node->info.status.state = DS_STOPPED;
            node->info.status.since = ngx_directstream_now();
            ngx_directstream_run_off(&node->info.status);
            ngx_directstream_journal_note(dcf, node);
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


void
ngx_directstream_runs_pass(ngx_directstream_runs_t *runs, ngx_uint_t stop)
{
    ngx_uint_t                due;
    ds_status_t               status;
    ngx_directstream_run_t   *run, **link;
    ngx_directstream_want_t   want;

    due = (ngx_msec_int_t) (ngx_current_msec - runs->progress) >= 0;

    if (due) {
        runs->progress = ngx_current_msec + NGX_DIRECTSTREAM_PROGRESS;
    }

    runs->items = NGX_DIRECTSTREAM_ITEMS;
    runs->deadline = ngx_directstream_run_clock()
                     + NGX_DIRECTSTREAM_ITEMS_MS * 1000;

    link = &runs->runs;

    while ((run = *link) != NULL) {

        ngx_directstream_run_want(runs, run, &want);

        if (run->stream == NULL) {
            if (ngx_directstream_run_wait(runs, run, want.wanted && !stop)
                == NGX_DONE)
            {
                *link = run->next;
                ngx_free(run);
                continue;
            }

            link = &run->next;
            continue;
        }

        if (!ds_stream_done(run->stream)) {
            (void) ngx_directstream_run_queued(runs, run);
        }

        if (!want.wanted || stop) {

            if (!run->stopping) {
                run->stopping = 1;
                ds_stream_stop(run->stream);
            }

        } else {
            ngx_directstream_run_steer(runs, run, &want);

            if (run->schedule != want.schedule) {
                ngx_directstream_run_schedule(runs, run);
            }
        }

        if (ds_stream_done(run->stream)) {
            ngx_directstream_run_end(runs, run);

        } else {
            ngx_directstream_run_report(runs, run, &status);
            ngx_directstream_run_queue(runs, run, &status, due);
            ngx_directstream_run_record(runs, run, &status, due);
        }

        link = &run->next;
    }

    if (due) {
        ngx_directstream_run_cache(runs);
    }
}


/* for metrics, which must not wait for a disk */

static void
ngx_directstream_run_cache(ngx_directstream_runs_t *runs)
{
    uint32_t              count;
    uint64_t              size;
    ds_resolver_status_t  resolver;

    ds_resolver_status(runs->ds, &resolver);

    ngx_directstream_journal_resolver(runs->dcf, &resolver);

    ds_recorder_kept(runs->recorder, &count, &size);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    runs->dcf->sh->cache_count = count;
    runs->dcf->sh->cache_size = size;

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
}


static void
ngx_directstream_run_want(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_want_t *want)
{
    ngx_directstream_node_t  *node;

    ngx_memzero(want, sizeof(ngx_directstream_want_t));

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_zone_find(runs->dcf->sh, run->name);

    if (node != NULL) {
        want->wanted = node->info.running && node->info.epoch == run->epoch
                       && ngx_directstream_cluster_keeps(runs->dcf,
                                                         &node->info)
                       && !ngx_directstream_run_moved(run, &node->info);
        want->loop = node->info.def.loop;
        want->skip = node->info.skip;
        want->previous = node->info.previous;
        want->prefetch = node->info.prefetch;
        want->queue_changes = node->info.queue_changes;
        want->refresh = node->info.refresh;
        want->interval = node->info.def.playlist_refresh;
        want->jitter = node->info.def.refresh_jitter;
        want->prefetching = node->info.prefetching;
        want->mode = node->info.def.mode;
        want->schedule = ngx_directstream_run_digest(&node->info.def);
        want->outputs = node->info.outputs;
        want->youtube = node->info.def.youtube;
        ngx_memcpy(want->wishes, node->info.youtube, sizeof(want->wishes));
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
}


/* another node is to have it: is the item over that was on air then? */

static ngx_uint_t
ngx_directstream_run_moved(ngx_directstream_run_t *run,
    ngx_directstream_info_t *info)
{
    if (info->cluster.whose != DS_WHOSE_MOVING) {
        run->moving = 0;
        return 0;
    }

    if (!run->moving) {
        run->moving = 1;
        run->items = info->status.copied + info->status.encoded;
        run->dark = !info->status.has_item;
    }

    return run->dark
           || run->items != info->status.copied + info->status.encoded;
}


static uint64_t
ngx_directstream_run_digest(const ds_def_t *def)
{
    return ngx_directstream_digest(NGX_DIRECTSTREAM_DIGEST, def->schedule,
                                   strlen(def->schedule));
}


/* without memory it is tried again in the next pass */

static void
ngx_directstream_run_schedule(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    ngx_directstream_info_t  *info;

    info = ngx_alloc(sizeof(ngx_directstream_info_t), runs->log);

    if (info != NULL
        && ngx_directstream_zone_get(runs->dcf, run->name, info) == NGX_OK
        && ds_stream_set_schedule(run->stream, info->def.schedule) == DS_OK)
    {
        run->schedule = ngx_directstream_run_digest(&info->def);
    }

    ngx_free(info);
}


static void
ngx_directstream_run_steer(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_want_t *want)
{
    ngx_uint_t  n;

    if (run->queue_changes != want->queue_changes) {
        run->queue_changes = want->queue_changes;
        run->unread = 1;
    }

    if (run->loop != want->loop) {
        run->loop = want->loop;
        ds_stream_set_loop(run->stream, want->loop);
    }

    if (run->mode != want->mode) {
        run->mode = want->mode;
        ds_stream_set_mode(run->stream, want->mode);
    }

    if (run->outputs != want->outputs) {
        ngx_directstream_run_outputs(runs, run);
    }

    if (run->prefetch != want->prefetch) {
        run->prefetch = want->prefetch;
        ds_stream_prefetch(run->stream, want->prefetching);
    }

    if (run->interval != want->interval || run->jitter != want->jitter) {
        run->interval = want->interval;
        run->jitter = want->jitter;
        ds_stream_set_refresh(run->stream, want->interval, want->jitter);
    }

    if (run->refresh != want->refresh) {
        run->refresh = want->refresh;
        ds_stream_refresh(run->stream);
    }

    if (ngx_memcmp(&run->youtube, &want->youtube, sizeof(run->youtube)) != 0) {
        run->youtube = want->youtube;
        ds_stream_set_youtube(run->stream, &want->youtube);
    }

    for (n = DS_YOUTUBE_CHECK; n <= DS_YOUTUBE_ROLLOVER; n++) {

        if (run->wishes[n] != want->wishes[n]) {
            run->wishes[n] = want->wishes[n];
            ds_stream_youtube(run->stream, (ds_youtube_wish_e) n);
        }
    }

    if (ngx_directstream_run_behind(run)) {
        return;
    }

    for (n = 0; run->skip < want->skip && n < NGX_DIRECTSTREAM_STEPS; n++) {
        run->skip++;
        ds_stream_skip(run->stream);
    }

    for (n = 0;
         run->previous < want->previous && n < NGX_DIRECTSTREAM_STEPS;
         n++)
    {
        run->previous++;
        ds_stream_previous(run->stream);
    }
}


/* what was queued before a skip is to be known first, if the store answers */

static ngx_uint_t
ngx_directstream_run_behind(ngx_directstream_run_t *run)
{
    if (ds_run_queueing(run->rec)) {
        return ngx_current_msec - run->told <= NGX_DIRECTSTREAM_STALL;
    }

    return run->unread;
}


/* the node of a stream this process owns, with the lock held */

static ngx_directstream_node_t *
ngx_directstream_run_node(ngx_directstream_runs_t *runs, const char *name)
{
    ngx_directstream_node_t  *node;

    node = ngx_directstream_zone_find(runs->dcf->sh, name);

    if (node == NULL || node->info.owner != ngx_pid) {
        return NULL;
    }

    return node;
}


static void
ngx_directstream_run_report(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status)
{
    ngx_directstream_node_t  *node;

    ds_stream_status(run->stream, status);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, run->name);

    if (node != NULL) {
        ngx_directstream_run_hook(runs, run, &node->info, status);
        node->info.status = *status;
        node->info.queued = status->queued;
        node->info.seen = ngx_current_msec;

        if (status->complete || status->list.truncated) {
            ngx_directstream_items_trim(runs->dcf, &node->items,
                                        status->count);
        }

        ngx_directstream_journal_note(runs->dcf, node);
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    /* after it: how many there are it knows of those taken before only */

    ngx_directstream_run_items(runs, run);
}


/* those that are the same go on */

static void
ngx_directstream_run_outputs(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    ngx_uint_t                 i;
    ngx_directstream_info_t   *info;
    ngx_directstream_again_t  *was, *is;

    info = ngx_alloc(sizeof(ngx_directstream_info_t), runs->log);

    if (info == NULL
        || ngx_directstream_zone_get(runs->dcf, run->name, info) != NGX_OK)
    {
        /* the next pass sees it again */
        ngx_free(info);
        return;
    }

    ds_stream_set_outputs(run->stream, info->def.outputs);

    for (i = 0; i < DS_OUTLETS; i++) {
        was = &run->again[i];
        is = &info->again[i];

        if (is->count != was->count && is->name[0] != '\0') {
            ds_stream_restart_output(run->stream, is->name);
        }

        *was = *is;
    }

    run->outputs = info->outputs;

    ngx_free(info);
}


/*
 * nginx-rtmp pushes what on_publish has been answered for, and says nothing
 * when it was told of none.
 */

static void
ngx_directstream_run_hook(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_directstream_info_t *info,
    ds_status_t *status)
{
    ds_outlet_t  o;

    if (!status->connected) {
        run->connected = 0;

    } else if (run->connected == 0) {
        run->connected = ngx_max(ngx_current_msec, 1);
    }

    if (info->hooked
        || !ngx_directstream_outputs_rtmp(info->def.outputs, &o))
    {
        run->hook.code = DS_OK;

    } else if (run->connected != 0
               && ngx_current_msec - run->connected > NGX_DIRECTSTREAM_HOOK
               && run->hook.code == DS_OK)
    {
        run->hook.code = DS_EPUSH_HOOK;
        run->hook.at = ngx_directstream_now();
        (void) ngx_cpystrn((u_char *) run->hook.message, (u_char *)
                           "nothing is pushed: the rtmp application has no "
                           "\"on_publish\" that names a "
                           "\"directstream_on_publish\" location",
                           DS_MESSAGE_LEN);

        ngx_log_error(NGX_LOG_WARN, runs->log, 0, "directstream \"%s\": %s",
                      run->name, run->hook.message);
    }

    if (run->hook.code != DS_OK && run->hook.at >= status->error.at) {
        status->error = run->hook;
    }
}


/* when it is "due" where it is; and always what there was no room for */

static void
ngx_directstream_run_record(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status, ngx_uint_t due)
{
    if (due) {
        if (status->progress.valid) {
            ds_run_progress(run->rec, &status->progress);
        }

        if (ds_run_missed(run->rec)) {
            run->repeat = 0;
        }
    }

    if (run->repeat != NGX_DIRECTSTREAM_NOTHING && ds_run_room(run->rec)) {
        ds_stream_items_again(run->stream, (uint32_t) run->repeat);
        run->repeat = NGX_DIRECTSTREAM_NOTHING;
        run->trimmed = 0;
    }

    if (due
        && (status->complete || status->list.truncated)
        && status->count != run->trimmed
        && ds_run_trim(run->rec, status->count))
    {
        run->trimmed = status->count;
    }
}


/*
 * The queue: what has become of it goes to the store together with where the
 * list is; then it is read, also when others have changed it, and every few
 * seconds, as one of them may have died before it said so.  The as-run log is
 * written when the store has it, or does not answer.
 */

static void
ngx_directstream_run_queue(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status, ngx_uint_t due)
{
    uint64_t     stamp;
    ngx_uint_t   changed;
    ds_queued_t  q;

    if (ds_run_queueing(run->rec)) {

        if (ngx_current_msec - run->told > NGX_DIRECTSTREAM_STALL) {
            ngx_directstream_run_aired(runs, run, UINT64_MAX);
        }

        return;
    }

    stamp = 0;
    changed = ds_stream_queue_change(run->stream, &q, &stamp)
              && stamp <= status->queue_stamp;

    if (!changed) {
        ngx_directstream_run_aired(runs, run, status->queue_stamp);
    }

    if (changed || run->unread || due) {
        run->unread = 0;
        run->told = ngx_current_msec;
        ngx_directstream_run_changes(run, status);
    }
}


/* a lack of memory costs a pass */

static void
ngx_directstream_run_changes(ngx_directstream_run_t *run,
    ds_status_t *status)
{
    size_t        n, size;
    uint64_t      stamp, next;
    ds_queued_t  *q, *changes;

    n = 0;
    size = 0;
    stamp = 0;
    changes = NULL;

    for ( ;; ) {

        if (n == size) {
            size = (size == 0) ? 4 : size * 2;
            q = realloc(changes, size * sizeof(ds_queued_t));

            if (q == NULL) {
                run->unread = 1;
                break;
            }

            changes = q;
        }

        next = stamp;

        if (!ds_stream_queue_change(run->stream, &changes[n], &next)
            || next > status->queue_stamp)
        {
            break;
        }

        stamp = next;
        n++;
    }

    if (!ds_run_queue(run->rec, changes, n, stamp, status)) {
        run->unread = 1;
    }

    free(changes);
}


/* what the store has of it goes to the engine; has anything come? */

static ngx_uint_t
ngx_directstream_run_queued(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    size_t                    n;
    uint64_t                  stamp;
    ds_queued_t              *entries;
    ngx_directstream_node_t  *node;

    if (!ds_run_queued(run->rec, &entries, &n, &stamp)) {
        return 0;
    }

    if (ds_stream_queue_set(run->stream, entries, n, stamp) != DS_OK) {
        run->unread = 1;
    }

    free(entries);

    run->queued = n;

    if (stamp == 0) {
        return 1;
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, run->name);

    if (node != NULL) {
        run->queue_changes = ++node->info.queue_changes;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    return 1;
}


/*
 * A list of 50,000 comes in more than one pass: the heart must go on beating,
 * and no stream waits for another's list.
 */

static void
ngx_directstream_run_items(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    ngx_uint_t  n;

    do {
        n = ngx_directstream_run_take(runs, run);
        runs->items -= ngx_min(n, runs->items);

    } while (n == NGX_DIRECTSTREAM_BATCH
             && runs->items != 0
             && ngx_directstream_run_clock() < runs->deadline);

    if (n == NGX_DIRECTSTREAM_BATCH) {
        ngx_directstream_wake();
    }
}


/* returns how many there were, of a batch at most */

static ngx_uint_t
ngx_directstream_run_take(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    size_t                    i, n, m;
    ds_listed_t               items[NGX_DIRECTSTREAM_BATCH];
    ngx_directstream_node_t  *node;

    n = ds_stream_items(run->stream, items, NGX_DIRECTSTREAM_BATCH);

    if (n == 0) {
        return 0;
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, run->name);

    for (i = 0; node != NULL && i < n; i++) {
        ngx_directstream_items_put(runs->dcf, &node->items, &items[i].item);
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    /* what came from the store is there, in runs as long as they are */

    for (i = 0; i < n; i = m) {

        for (m = i; m < n && items[m].stored == items[i].stored; m++) {
            /* void */
        }

        if (items[i].stored) {
            continue;
        }

        if (!ds_run_items(run->rec, &items[i], m - i)) {
            run->repeat = ngx_min(run->repeat, items[i].item.index);
        }
    }

    ds_listed_free(items, n);

    return n;
}


static uint64_t
ngx_directstream_run_clock(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


static void
ngx_directstream_run_aired(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, uint64_t stamp)
{
    ds_aired_t  aired;

    while (ds_stream_aired(run->stream, &aired, stamp)) {
        ngx_directstream_log_write(runs->dcf, run->name, &aired);
    }
}


/*
 * No thread of it runs any more: the last status.  The lock is let go when the
 * end is on record, so that the next owner goes on from there.
 */

static void
ngx_directstream_run_end(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    ds_status_t               status;
    ngx_directstream_info_t  *info;
    ngx_directstream_node_t  *node;

    (void) ngx_directstream_run_queued(runs, run);
    ngx_directstream_run_report(runs, run, &status);
    ngx_directstream_run_last(runs, run, &status);
    ngx_directstream_run_aired(runs, run, UINT64_MAX);

    ds_stream_free(&run->stream);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, run->name);

    if (node != NULL) {
        info = &node->info;

        if (!run->stopping) {
            info->done = run->epoch;

        } else {
            info->status.state = DS_STOPPED;
            info->status.since = ngx_directstream_now();
        }

        ngx_directstream_run_off(&info->status);
        info->queued = run->queued;
        ngx_memzero(info->token, sizeof(info->token));
        ngx_directstream_journal_note(runs->dcf, node);
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
}


/* before its stream, and after it; NGX_DONE: there is nothing left of it */

static ngx_int_t
ngx_directstream_run_wait(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ngx_uint_t wanted)
{
    int            code;
    ds_status_t    status;
    ds_progress_t  progress;

    if (!run->ending) {

        if (wanted) {
            if (!ds_run_begun(run->rec, &progress, &code)) {

                if (ngx_current_msec - run->asked < NGX_DIRECTSTREAM_STALL) {
                    return NGX_AGAIN;
                }

                code = DS_ESTORE_BUSY;
            }

            /* the zone knows it as well, unless another nginx had the stream */

            if (ngx_directstream_run_go(runs, run,
                                        code == DS_OK ? &progress : &run->known)
                == NGX_OK)
            {
                return NGX_OK;
            }
        }

        ngx_memzero(&status, sizeof(ds_status_t));
        run->stopping = 1;
        ngx_directstream_run_last(runs, run, &status);
    }

    if (!ds_run_ended(run->rec)
        && ngx_current_msec - run->asked < NGX_DIRECTSTREAM_STALL)
    {
        return NGX_AGAIN;
    }

    ngx_directstream_run_free(runs, run);

    return NGX_DONE;
}


static void
ngx_directstream_run_free(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run)
{
    ngx_directstream_node_t  *node;

    ds_run_free(&run->rec);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, run->name);

    if (node != NULL) {

        if (node->info.status.state == DS_RESOLVING) {
            /* it was not begun */
            node->info.status.state = DS_STOPPED;
            node->info.status.since = ngx_directstream_now();
            ngx_directstream_journal_note(runs->dcf, node);
        }

        ngx_memzero(node->info.token, sizeof(node->info.token));
        node->info.owner = 0;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    (void) ngx_directstream_owner_lock(runs->dcf, run->name, F_UNLCK, NULL);

    /* another relay worker may be waiting for it */
    ngx_directstream_wake();
}


/* of what is not run nothing is on air */

static void
ngx_directstream_run_off(ds_status_t *status)
{
    ngx_uint_t  i;

    status->has_item = 0;
    status->has_next = 0;
    status->queue_id[0] = '\0';
    status->queue_position = -1;
    ngx_memzero(&status->slots, offsetof(ds_slots_t, started));
    status->slate = 0;
    status->list.refreshing = 0;
    status->connected = 0;
    status->heard = 0;

    for (i = 0; i < DS_OUTLETS; i++) {
        status->outputs[i].connected = 0;
    }

    status->youtube.enabled = 0;
    status->buffer = 0;
    status->lateness = 0;
}


/* what is asked to be recorded last */

static void
ngx_directstream_run_last(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status)
{
    ds_status_t  st;

    st = *status;

    /* what has ended by itself begins anew, also when that was asked for */

    if (run->stopping && st.state != DS_FINISHED && st.state != DS_FAILED) {
        st.state = DS_STOPPED;
    }

    /* what has ended by itself has ended, wherever it was */

    st.progress.valid = st.progress.valid || !run->stopping;
    st.progress.state = st.state;
    st.progress.at = ngx_directstream_now();

    if (run->stream != NULL) {

        if (ds_run_missed(run->rec)) {
            run->repeat = 0;
        }

        if (run->repeat != NGX_DIRECTSTREAM_NOTHING) {
            ds_stream_items_again(run->stream, (uint32_t) run->repeat);
            run->repeat = NGX_DIRECTSTREAM_NOTHING;
        }

        while (ngx_directstream_run_take(runs, run) == NGX_DIRECTSTREAM_BATCH)
        {
            /* void */
        }

        ngx_directstream_run_changes(run, &st);
    }

    ds_run_end(run->rec, &st);

    run->ending = 1;
    run->asked = ngx_current_msec;
}


void
ngx_directstream_runs_leave(ngx_directstream_runs_t *runs)
{
    ds_status_t              status;
    ngx_directstream_run_t  *run;

    ngx_directstream_runs_halt(runs);

    for (run = runs->runs; run != NULL; run = run->next) {

        if (run->ending) {
            continue;
        }

        ngx_memzero(&status, sizeof(ds_status_t));

        if (run->stream != NULL) {
            ngx_directstream_run_report(runs, run, &status);
        }

        ngx_directstream_run_last(runs, run, &status);

        if (run->stream != NULL) {
            ngx_directstream_run_aired(runs, run, UINT64_MAX);
        }
    }
}


/* what is on air is on record only when it is over */

static void
ngx_directstream_runs_halt(ngx_directstream_runs_t *runs)
{
    ngx_uint_t               ms;
    ngx_directstream_run_t  *run;

    for (run = runs->runs; run != NULL; run = run->next) {
        run->stopping = 1;

        if (run->stream != NULL) {
            ds_stream_stop(run->stream);
        }
    }

    ms = 0;

    for (run = runs->runs; run != NULL; run = run->next) {
        while (run->stream != NULL && !ds_stream_done(run->stream)
               && ms < NGX_DIRECTSTREAM_LEAVE) {
            ngx_msleep(NGX_DIRECTSTREAM_LOOK);
            ms += NGX_DIRECTSTREAM_LOOK;
        }
    }
}


/*
 * Starts the streams that should run and that nobody else runs: takes the
 * kernel's lock on one, then the place in the zone, then begins a run in the
 * store and in the engine.
 */

void
ngx_directstream_runs_start(ngx_directstream_runs_t *runs)
{
    char                      name[DS_NAME_LEN + 1];
    ngx_directstream_info_t   info;

    name[0] = '\0';
    ngx_directstream_runs_released(runs);

    if (runs->single && ngx_directstream_runs_begin(runs)) {
        return;
    }

    while (ngx_directstream_run_next(runs, name, &info) == NGX_OK) {

        if (ngx_directstream_runs_find(runs, name) != NULL) {
            continue;
        }

        ngx_directstream_run_start(runs, &info);
        runs->started = ngx_current_msec;

        if (runs->single && ngx_directstream_runs_begin(runs)) {
            return;
        }
    }

    runs->single = 0;
}


void
ngx_directstream_runs_renew(ngx_directstream_runs_t *runs)
{
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    if (ngx_directstream_runs_renewing(runs)) {
        goto done;
    }

    runs->renewing[0] = '\0';

    for (node = runs->dcf->sh->streams; node != NULL; node = node->next) {

        if (!node->info.renew) {
            continue;
        }

        node->info.renew = 0;

        if (node->info.running && node->info.owner != 0) {
            node->info.epoch = ++runs->dcf->sh->serial;
            node->info.retry = 0;

            ngx_memcpy(runs->renewing, node->info.def.name,
                       sizeof(runs->renewing));
            runs->renewed = ngx_current_msec;
            break;
        }
    }

done:

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
}


/* is the last one still on its way?  With the lock held */

static ngx_uint_t
ngx_directstream_runs_renewing(ngx_directstream_runs_t *runs)
{
    ds_state_e                state;
    ngx_directstream_run_t   *run;
    ngx_directstream_node_t  *node;

    if (runs->renewing[0] == '\0'
        || ngx_current_msec - runs->renewed > NGX_DIRECTSTREAM_RENEW)
    {
        return 0;
    }

    node = ngx_directstream_zone_find(runs->dcf->sh, runs->renewing);

    if (node == NULL || !node->info.running) {
        return 0;
    }

    run = ngx_directstream_runs_find(runs, runs->renewing);

    if (run != NULL) {
        state = node->info.status.state;

        return run->epoch != node->info.epoch || run->stream == NULL
               || state == DS_RESOLVING || state == DS_STARTING;
    }

    return node->info.done != node->info.epoch;
}


/* is the one that was started last still about to go on air? */

static ngx_uint_t
ngx_directstream_runs_begin(ngx_directstream_runs_t *runs)
{
    ds_status_t  status;

    if (runs->runs == NULL
        || ngx_current_msec - runs->started > NGX_DIRECTSTREAM_SINGLE)
    {
        return 0;
    }

    if (runs->runs->stream == NULL) {
        return !runs->runs->ending;
    }

    ds_stream_status(runs->runs->stream, &status);

    return status.state == DS_RESOLVING || status.state == DS_STARTING;
}


/* what another nginx had, and nobody wants here, when it has let go */

static void
ngx_directstream_runs_released(ngx_directstream_runs_t *runs)
{
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    for (node = runs->dcf->sh->streams; node != NULL; node = node->next) {

        if (node->info.status.state != DS_HELD || node->info.running) {
            continue;
        }

        node->info.seen = ngx_current_msec;

        if (ngx_directstream_owner_holder(runs->dcf, node->info.def.name)
            == 0)
        {
            node->info.owner = 0;
            node->info.status.state = DS_STOPPED;
            node->info.status.since = ngx_directstream_now();
            ngx_directstream_journal_note(runs->dcf, node);
        }
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);
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
            || !ngx_directstream_cluster_starts(runs->dcf, in)
            || in->done == in->epoch
            || in->owner == ngx_pid
            || (in->status.state != DS_HELD
                && ngx_directstream_alive(in->owner, in->seen))
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


ds_stream_t *
ngx_directstream_runs_stream(ngx_directstream_runs_t *runs, const char *name)
{
    ngx_directstream_run_t  *run;

    run = ngx_directstream_runs_find(runs, name);

    return (run != NULL) ? run->stream : NULL;
}


static ngx_directstream_run_t *
ngx_directstream_runs_find(ngx_directstream_runs_t *runs, const char *name)
{
    ngx_directstream_run_t  *run;

    for (run = runs->runs; run != NULL; run = run->next) {
        if (ngx_strcmp(run->name, name) == 0) {
            return run;
        }
    }

    return NULL;
}


void
ngx_directstream_runs_settle(ngx_directstream_runs_t *runs)
{
    char          name[DS_NAME_LEN + 1];
    ngx_pid_t     writer;
    ds_settled_t  settled;

    if (ds_recorder_answer(runs->recorder, &settled)) {

        if (runs->writer == 0) {
            ngx_directstream_cluster_adopt(runs, &settled);
            runs->changed[0] = '\0';

        } else if (runs->writer == NGX_DIRECTSTREAM_NOBODY) {
            ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                          "directstream \"%s\": was not known here, the "
                          "stream is now what the store has", settled.name);

        } else {
            ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                          "directstream \"%s\": process %P died in a change, "
                          "the stream is now what the store has",
                          settled.name, runs->writer);
        }

        if (runs->writer != 0) {
            ngx_directstream_change_settle(runs->dcf, settled.name,
                                           runs->writer,
                                           settled.found ? &settled.stored
                                                         : NULL,
                                           settled.found && settled.anew);
        }
    }

    name[0] = '\0';

    if (ngx_directstream_change_dead(runs->dcf, name, &writer) == NGX_OK
        && ds_recorder_ask(runs->recorder, name, 0))
    {
        runs->writer = writer;
        return;
    }

    if ((runs->changed[0] != '\0'
         || ngx_directstream_cluster_changed(runs) == NGX_OK)
        && ds_recorder_ask(runs->recorder, runs->changed,
                           ngx_directstream_cluster_epoch(runs,
                                                          runs->changed)))
    {
        runs->writer = 0;
    }
}


static void
ngx_directstream_run_start(ngx_directstream_runs_t *runs,
    ngx_directstream_info_t *info)
{
    char                     token[DS_TOKEN_LEN + 1];
    ngx_pid_t                holder;
    ds_error_t               err;
    ds_progress_t            known;
    ngx_directstream_run_t  *run;

    if (ngx_directstream_owner_lock(runs->dcf, info->def.name, F_WRLCK,
                                    &holder)
        != NGX_OK)
    {
        ngx_directstream_run_held(runs, info->def.name, holder);
        return;
    }

    known = info->status.progress;
    run = ngx_calloc(sizeof(ngx_directstream_run_t), runs->log);

    if (run == NULL
        || ngx_directstream_owner_token(runs->dcf, info->def.name, token,
                                        runs->log) != NGX_OK
        || ngx_directstream_run_claim(runs, info, token) != NGX_OK)
    {
        goto failed;
    }

    run->rec = ds_run_begin(runs->recorder, info->def.name,
                            info->cluster.epoch);

    if (run->rec == NULL) {
        ngx_memzero(&err, sizeof(ds_error_t));
        err.code = DS_ENOMEM;
        (void) ngx_cpystrn((u_char *) err.message,
                           (u_char *) "ds_run_begin() failed",
                           DS_MESSAGE_LEN);
        ngx_directstream_run_failed(runs, info->def.name, &err);
        goto failed;
    }

    ngx_memcpy(run->name, info->def.name, sizeof(run->name));
    run->known = known;
    run->asked = ngx_current_msec;
    run->repeat = NGX_DIRECTSTREAM_NOTHING;
    run->epoch = info->epoch;

    run->next = runs->runs;
    runs->runs = run;

    return;

failed:

    if (run != NULL) {
        ngx_free(run);
    }

    (void) ngx_directstream_owner_lock(runs->dcf, info->def.name, F_UNLCK,
                                       NULL);
}


/* it is known from where it goes on; NGX_DECLINED: it does not */

static ngx_int_t
ngx_directstream_run_go(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_progress_t *progress)
{
    ds_error_t                err;
    ds_status_t               status;
    ngx_directstream_info_t  *info;

    info = ngx_alloc(sizeof(ngx_directstream_info_t), runs->log);

    if (info == NULL
        || ngx_directstream_zone_get(runs->dcf, run->name, info) != NGX_OK)
    {
        ngx_free(info);
        return NGX_DECLINED;
    }

    /* what came to its end begins anew, the rest goes on */

    if (progress->state == DS_FINISHED || progress->state == DS_FAILED) {
        progress->valid = 0;
    }

    run->stream = ds_stream_start(runs->ds, &info->def, info->token, progress,
                                  info->crashed,
                                  ngx_directstream_crash_count(info), &err);

    if (run->stream == NULL) {
        ngx_free(info);
        ngx_directstream_run_failed(runs, run->name, &err);
        return NGX_DECLINED;
    }

    run->skip = info->skip;
    run->previous = info->previous;
    run->loop = info->def.loop;
    run->mode = info->def.mode;
    run->prefetch = info->prefetch;
    run->queue_changes = info->queue_changes;
    run->refresh = info->refresh;
    run->interval = info->def.playlist_refresh;
    run->jitter = info->def.refresh_jitter;
    run->schedule = ngx_directstream_run_digest(&info->def);
    run->outputs = info->outputs;
    ngx_memcpy(run->again, info->again, sizeof(run->again));
    run->youtube = info->def.youtube;
    ngx_memcpy(run->wishes, info->youtube, sizeof(run->wishes));

    ngx_free(info);

    /* before an item of the list can be there */

    run->unread = !ngx_directstream_run_queued(runs, run);

    ngx_directstream_run_report(runs, run, &status);

    return NGX_OK;
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
        || !ngx_directstream_cluster_starts(runs->dcf, &node->info)
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
    ngx_directstream_journal_note(runs->dcf, node);

    ngx_memcpy(in->token, token, sizeof(in->token));
    in->seen = ngx_current_msec;
    in->settings = ngx_directstream_zone_settings(runs->dcf->settings,
                                                  &in->def);
    in->renew = 0;
    in->hooked = 0;
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
    const char *name, ds_error_t *err)
{
    ngx_directstream_node_t  *node;

    ngx_log_error(NGX_LOG_ERR, runs->log, 0,
                  "directstream \"%s\": ds_stream_start() failed: %s, "
                  "next try in %d s", name, err->message,
                  NGX_DIRECTSTREAM_RETRY / 1000);

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_run_node(runs, name);

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
        node->info.settings = 0;
        node->info.status.state = DS_HELD;
        node->info.status.since = ngx_directstream_now();
        ngx_directstream_journal_note(runs->dcf, node);
        news = 1;
    }

    if (node != NULL && node->info.status.state == DS_HELD) {
        node->info.seen = ngx_current_msec;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    if (news) {
        ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                      "directstream \"%s\": waiting for process %P, which "
                      "runs it", name, holder);
    }
}
