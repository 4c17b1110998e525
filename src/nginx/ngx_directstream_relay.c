
/*
 * ngx_directstream_relay.c: the relay worker: what makes it different from
 * the other workers, its one timer and its two descriptors, and when it may
 * leave.  On a reload it goes on with the streams it owns; on a quit it stops
 * them.
 */

#include "ngx_directstream.h"

#include <ngx_event.h>

#include <sched.h>
#include <sys/eventfd.h>


#define NGX_DIRECTSTREAM_TICK      200     /* ms */
#define NGX_DIRECTSTREAM_PAUSE     20      /* ms between two passes */
#define NGX_DIRECTSTREAM_CREATE    5000    /* ms after a failed start */
#define NGX_DIRECTSTREAM_HOLD      2000    /* ms after a reload, at most */
#define NGX_DIRECTSTREAM_HANDOVER  500     /* the same, to another zone */
#define NGX_DIRECTSTREAM_LEFT      200     /* ms after a worker has left */
#define NGX_DIRECTSTREAM_QUIT      1000    /* ms for streams to stop in */


typedef struct {
    ngx_directstream_conf_t *dcf;
    ngx_directstream_runs_t  runs;

    ngx_event_t              timer;
    ngx_connection_t         dummy;         /* the timer's, for its log */
    ngx_connection_t        *wake;          /* what other processes write */
    ngx_connection_t        *news;          /* what the engine writes */
    int                      news_fd;

    ngx_msec_t               last;          /* pass */
    ngx_msec_t               create;        /* no start of it all before */
    ngx_msec_t               held;          /* no stream before */
    ngx_msec_t               quit;          /* when the quit began */

    unsigned                 quitting:1;
    unsigned                 hold:1;        /* older workers may accept */
    unsigned                 named:1;       /* the process has its title */
    unsigned                 leaving:1;     /* exiting was seen */
    unsigned                 expired:1;     /* worker_shutdown_timeout */
    unsigned                 left:1;
} ngx_directstream_relay_t;


static void ngx_directstream_relay_spread(ngx_log_t *log);
static ngx_int_t ngx_directstream_relay_open(ngx_directstream_relay_t *relay);
static ngx_connection_t *ngx_directstream_relay_watch(int fd);
static void ngx_directstream_relay_unwatch(ngx_connection_t **cp);
static void ngx_directstream_relay_listening(ngx_cycle_t *cycle);
static void ngx_directstream_relay_event(ngx_event_t *ev);
static void ngx_directstream_relay_timer(ngx_event_t *ev);
static void ngx_directstream_relay_schedule(ngx_directstream_relay_t *relay,
    ngx_msec_t delay);
static void ngx_directstream_relay_pass(ngx_directstream_relay_t *relay);
static ngx_uint_t ngx_directstream_relay_held(ngx_directstream_relay_t *relay);
static ngx_uint_t ngx_directstream_relay_newest(
    ngx_directstream_relay_t *relay);
static void ngx_directstream_relay_exiting(ngx_directstream_relay_t *relay,
    ngx_uint_t newest);
static void ngx_directstream_relay_leave(ngx_directstream_relay_t *relay);
static void ngx_directstream_relay_create(ngx_directstream_relay_t *relay);
static void ngx_directstream_relay_log(ngx_directstream_relay_t *relay);
static void ngx_directstream_relay_title(ngx_directstream_relay_t *relay);
static void ngx_directstream_relay_wakeup(void *data);


static ngx_directstream_relay_t   ngx_directstream_relay;

/* the processors that the master may use */
static cpu_set_t                  ngx_directstream_relay_cpus;
static ngx_uint_t                 ngx_directstream_relay_cpus_known;


ngx_int_t
ngx_directstream_relay_prepare(ngx_log_t *log)
{
    ngx_directstream_relay_cpus_known =
             (sched_getaffinity(0, sizeof(cpu_set_t),
                                &ngx_directstream_relay_cpus) == 0);

    return ngx_directstream_wake_open(log);
}


/* context: any thread of the engine */

static void
ngx_directstream_relay_wakeup(void *data)
{
    int  *fd = data;

    ngx_directstream_signal(*fd);
}


/*
 * Nothing here fails: nginx does not start a worker again whose start was
 * refused.  What may lack is asked for from the timer, until it is there.
 */

void
ngx_directstream_relay_init(ngx_cycle_t *cycle, ngx_directstream_conf_t *dcf)
{
    ngx_event_t               *ev;
    ngx_directstream_relay_t  *relay;

    relay = &ngx_directstream_relay;

    relay->dcf = dcf;
    relay->news_fd = -1;
    relay->held = ngx_current_msec;

    if (ngx_process == NGX_PROCESS_WORKER) {
        ngx_directstream_relay_listening(cycle);
        ngx_directstream_relay_spread(cycle->log);

        ngx_shmtx_lock(&dcf->shpool->mutex);

        /* the first one of this configuration */

        if (dcf->reload && dcf->sh->relay_generation < dcf->generation) {
            relay->hold = 1;
            relay->held += (dcf->old_zone != NULL)
                           ? NGX_DIRECTSTREAM_HANDOVER : NGX_DIRECTSTREAM_HOLD;
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);
    }

    /* nginx's own handler would reap the engine's children before it does */

    if (signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "signal(SIGCHLD) failed");
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "directstream " DS_VERSION " starts, generation %uL, "
                  "build %s", dcf->generation, ngx_directstream_build());

    ngx_directstream_runs_init(&relay->runs, dcf, cycle->log);

    relay->dummy.fd = (ngx_socket_t) -1;

    ev = &relay->timer;
    ev->handler = ngx_directstream_relay_timer;
    ev->data = &relay->dummy;
    ev->log = cycle->log;

    ngx_add_timer(ev, 1);
}


/* "worker_cpu_affinity" has given this worker one processor, for all streams */

static void
ngx_directstream_relay_spread(ngx_log_t *log)
{
    if (ngx_directstream_relay_cpus_known
        && sched_setaffinity(0, sizeof(cpu_set_t),
                             &ngx_directstream_relay_cpus)
           == -1)
    {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "sched_setaffinity() failed");
    }
}


/* what the process needs of the system; what it has got it keeps */

static ngx_int_t
ngx_directstream_relay_open(ngx_directstream_relay_t *relay)
{
    if (ngx_directstream_owner_open(relay->dcf, ngx_cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    if (relay->news_fd == -1) {
        relay->news_fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    }

    if (relay->news_fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, ngx_errno,
                      "eventfd() failed");
        return NGX_ERROR;
    }

    /* without edges the descriptors would never be quiet, the timer serves */

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {
        return NGX_OK;
    }

    if (relay->wake == NULL) {
        relay->wake = ngx_directstream_relay_watch(
                                             ngx_directstream_wake_handle());
    }

    if (relay->news == NULL) {
        relay->news = ngx_directstream_relay_watch(relay->news_fd);
    }

    return (relay->wake != NULL && relay->news != NULL) ? NGX_OK : NGX_ERROR;
}


/* no connection may land here; the sockets stay open in other workers */

static void
ngx_directstream_relay_listening(ngx_cycle_t *cycle)
{
    ngx_uint_t        i, j;
    ngx_listening_t  *ls;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        /* nginx-rtmp copies a listening socket along with its connection */

        for (j = 0; j < i; j++) {
            if (ls[i].connection == ls[j].connection) {
                ls[i].connection = NULL;
                break;
            }
        }
    }

    ngx_directstream_relay_refuse(cycle);
    ngx_close_listening_sockets(cycle);

    ngx_use_accept_mutex = 0;
    ngx_accept_mutex_held = 0;
    ngx_use_exclusive_accept = 0;
}


void
ngx_directstream_relay_refuse(ngx_cycle_t *cycle)
{
    u_char               path[sizeof("/nginx-rtmp.") + NGX_INT_T_LEN], *p;
    size_t               len, n;
    ngx_uint_t           i;
    ngx_listening_t     *ls;
    struct sockaddr_un  *sun;

    len = ngx_sprintf(path, "/nginx-rtmp.%i", (ngx_int_t) ngx_process_slot)
          - path;

    ls = cycle->listening.elts;

    for (i = 0; i < cycle->listening.nelts; i++) {

        if (ls[i].sockaddr->sa_family != AF_UNIX) {
            continue;
        }

        sun = (struct sockaddr_un *) ls[i].sockaddr;
        p = (u_char *) sun->sun_path;
        n = strnlen(sun->sun_path, sizeof(sun->sun_path));

        /*
         * With nginx-rtmp loaded after this module the relay worker has none:
         * it looks for a listening socket to copy, and all are closed by then.
         */

        if (n > len && n < sizeof(sun->sun_path)
            && ngx_memcmp(p + n - len, path, len) == 0
            && ngx_delete_file(p) == NGX_FILE_ERROR)
        {
            ngx_log_error(NGX_LOG_ERR, cycle->log, ngx_errno,
                          ngx_delete_file_n " \"%s\" failed", p);
        }
    }
}


static ngx_connection_t *
ngx_directstream_relay_watch(int fd)
{
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, ngx_cycle->log);
    if (c == NULL) {
        return NULL;
    }

    c->read->handler = ngx_directstream_relay_event;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NULL;
    }

    return c;
}


static void
ngx_directstream_relay_unwatch(ngx_connection_t **cp)
{
    ngx_connection_t  *c;

    c = *cp;

    if (c == NULL) {
        return;
    }

    *cp = NULL;

    /*
     * The description is shared with other processes, so a close() alone
     * would leave it in this process's epoll.  The descriptor itself stays
     * open until the process ends: the engine's threads write to one.
     */

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;
}


static void
ngx_directstream_relay_event(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_directstream_relay_t  *relay;

    c = ev->data;
    relay = &ngx_directstream_relay;

    if (c->close) {
        relay->expired = 1;
    }

    if (ngx_current_msec - relay->last < NGX_DIRECTSTREAM_PAUSE) {
        ngx_directstream_relay_schedule(relay, NGX_DIRECTSTREAM_PAUSE);
        return;
    }

    ngx_directstream_relay_timer(&relay->timer);
}


static void
ngx_directstream_relay_timer(ngx_event_t *ev)
{
    ngx_directstream_relay_t  *relay;

    (void) ev;

    relay = &ngx_directstream_relay;

    if (relay->left) {
        return;
    }

    ngx_directstream_relay_pass(relay);

    if (!relay->left) {
        ngx_directstream_relay_schedule(relay, NGX_DIRECTSTREAM_TICK);
    }
}


/* ngx_add_timer() leaves a timer alone that is less than 300 ms off */

static void
ngx_directstream_relay_schedule(ngx_directstream_relay_t *relay,
    ngx_msec_t delay)
{
    if (relay->timer.timer_set) {
        ngx_del_timer(&relay->timer);
    }

    ngx_add_timer(&relay->timer, delay);
}


static void
ngx_directstream_relay_pass(ngx_directstream_relay_t *relay)
{
    ngx_uint_t  newest, serve;

    relay->last = ngx_current_msec;

    ngx_directstream_relay_title(relay);

    if (relay->runs.ds == NULL && !ngx_exiting) {
        ngx_directstream_relay_create(relay);
    }

    newest = ngx_directstream_relay_newest(relay);

    if (ngx_exiting) {
        ngx_directstream_relay_exiting(relay, newest);
    }

    if (relay->runs.ds != NULL) {
        serve = newest && !ngx_exiting;

        ngx_directstream_relay_log(relay);

        ngx_directstream_cluster_pass(&relay->runs, newest,
                                      relay->quitting);

        ngx_directstream_runs_pass(&relay->runs,
                                   relay->quitting || relay->expired);

        if (serve) {
            ngx_directstream_crash_take(relay->dcf, ngx_cycle->log);
            ngx_directstream_runs_settle(&relay->runs);

            if (!ngx_directstream_relay_held(relay)) {
                ngx_directstream_runs_renew(&relay->runs);
                ngx_directstream_runs_start(&relay->runs);
            }
        }

        ngx_directstream_jobs_pass(&relay->runs, serve);

        ngx_directstream_relay_log(relay);
    }

    if (!ngx_exiting) {
        return;
    }

    if ((relay->runs.runs == NULL
         && ngx_directstream_cluster_left(&relay->runs)
         && (relay->quitting || !ngx_directstream_jobs_running(relay->dcf)))
        || (relay->quitting
            && ngx_current_msec - relay->quit > NGX_DIRECTSTREAM_QUIT))
    {
        ngx_directstream_relay_leave(relay);
    }
}


/*
 * After a reload the RTMP workers that are about to leave still accept for a
 * moment, and a stream published to one of them would not be found by those
 * who come later.
 */

static ngx_uint_t
ngx_directstream_relay_held(ngx_directstream_relay_t *relay)
{
    uint64_t                  left;
    ngx_directstream_conf_t  *dcf;

    dcf = relay->dcf;

    if (relay->hold) {
        ngx_shmtx_lock(&dcf->shpool->mutex);
        left = dcf->sh->left;
        ngx_shmtx_unlock(&dcf->shpool->mutex);

        /* the others are told at the same time */

        if (left != 0 && left + 1 >= dcf->generation) {
            relay->hold = 0;
            relay->held = ngx_current_msec + NGX_DIRECTSTREAM_LEFT;
        }
    }

    return (ngx_msec_int_t) (ngx_current_msec - relay->held) < 0;
}


/* is this the relay worker of the newest configuration?  It says so, too */

static ngx_uint_t
ngx_directstream_relay_newest(ngx_directstream_relay_t *relay)
{
    ngx_uint_t                newest, often;
    ngx_directstream_sh_t    *sh;
    ngx_directstream_conf_t  *dcf;

    dcf = relay->dcf;
    sh = dcf->sh;
    often = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    newest = (sh->generation == dcf->generation
              || ngx_process == NGX_PROCESS_SINGLE);

    if (newest && relay->runs.ds != NULL) {

        /* after a quit that was taken back, as an upgrade's can be */

        if (!ngx_exiting && sh->quit == dcf->generation) {
            sh->quit = 0;
        }

        if (sh->relay != ngx_pid
            && sh->relay_generation == dcf->generation)
        {
            ngx_directstream_crash_died(sh);
            often = ngx_directstream_crash_often(sh);
        }

        sh->relay = ngx_pid;
        sh->relay_generation = dcf->generation;
        sh->heartbeat = ngx_current_msec;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (often) {
        relay->runs.single = 1;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "directstream: three relay workers died within a "
                      "minute, streams are started one by one");
    }

    return newest;
}


static void
ngx_directstream_relay_exiting(ngx_directstream_relay_t *relay,
    ngx_uint_t newest)
{
    ngx_uint_t                quit;
    ngx_directstream_conf_t  *dcf;

    if (relay->quitting) {
        return;
    }

    dcf = relay->dcf;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    if (newest) {
        dcf->sh->quit = dcf->generation;
    }

    quit = (dcf->sh->quit == dcf->sh->generation);

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (quit) {
        relay->quitting = 1;
        relay->quit = ngx_current_msec;

        if (newest) {
            /* older relay workers wait for this */
            ngx_directstream_wake();
        }
    }
}


/* with nothing left in the timers nginx ends the process */

static void
ngx_directstream_relay_leave(ngx_directstream_relay_t *relay)
{
    relay->left = 1;

    if (relay->timer.timer_set) {
        ngx_del_timer(&relay->timer);
    }

    ngx_directstream_relay_unwatch(&relay->wake);
    ngx_directstream_relay_unwatch(&relay->news);
}


void
ngx_directstream_relay_exit(ngx_cycle_t *cycle)
{
    ngx_directstream_relay_t  *relay;

    (void) cycle;

    relay = &ngx_directstream_relay;

    if (relay->dcf == NULL) {
        return;
    }

    ngx_directstream_relay_leave(relay);

    if (relay->runs.ds != NULL) {
        ngx_directstream_relay_log(relay);
        ngx_directstream_runs_leave(&relay->runs);
        ds_cluster_free(&relay->runs.cluster);
        ds_destroy(&relay->runs.ds);
    }
}


static void
ngx_directstream_relay_create(ngx_directstream_relay_t *relay)
{
    u_char                    store[NGX_MAX_PATH];
    ds_conf_t                 conf;
    ds_error_t                err;
    ngx_directstream_conf_t  *dcf;

    if (relay->create != 0
        && (ngx_msec_int_t) (ngx_current_msec - relay->create) < 0)
    {
        return;
    }

    dcf = relay->dcf;
    relay->create = ngx_current_msec + NGX_DIRECTSTREAM_CREATE;

    if (ngx_directstream_relay_open(relay) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "directstream: the relay worker cannot start, next try "
                      "in %d s", NGX_DIRECTSTREAM_CREATE / 1000);
        return;
    }

    ngx_memzero(&conf, sizeof(ds_conf_t));
    ngx_directstream_state_db(dcf, store);

    conf.resolve_command = dcf->resolve_command;
    conf.resolve_fallback = dcf->resolve_fallback;
    conf.resolve_env = dcf->resolve_env.nelts ? dcf->resolve_env.elts : NULL;
    conf.canary = dcf->canary.len ? (char *) dcf->canary.data : NULL;
    conf.canary_every = dcf->canary_every;
    conf.preflight = dcf->preflight;
    conf.preflight_budget = dcf->preflight_budget;
    conf.resolve_extractors = (char *) dcf->resolve_extractors.data;
    conf.resolve_timeout = dcf->resolve_timeout;
    conf.source_timeout = dcf->source_timeout;
    conf.buffer_time = dcf->buffer_time;
    conf.buffer_size = dcf->buffer_size;
    conf.source_rules = dcf->source_rules.elts;
    conf.nsource_rules = dcf->source_rules.nelts;
    conf.media_root = dcf->media_root.len ? (char *) dcf->media_root.data
                                          : NULL;
    conf.source_proxy = dcf->base.def.source_proxy;
    conf.source_bind = dcf->base.def.source_bind;
    conf.push_buffer = (size_t) dcf->push_buffer;
    conf.history = dcf->history;
    conf.encodes = dcf->encodes;
    conf.playlist_max_items = (uint32_t) dcf->max_items;
    conf.push_certificate = dcf->push_certificate.len
                            ? (char *) dcf->push_certificate.data : NULL;
    conf.cache_path = (char *) dcf->cache_path.data;
    conf.cache_max_size = dcf->cache_max_size;
    conf.cache_min_free = dcf->cache_min_free;
    conf.store_path = (char *) store;
    conf.youtube_credentials = dcf->youtube_credentials.len
                               ? (char *) dcf->youtube_credentials.data : NULL;
    conf.youtube_api = dcf->youtube_api.len ? (char *) dcf->youtube_api.data
                                            : NULL;
    conf.youtube_interval = dcf->youtube_interval;
    conf.crash = ngx_directstream_crash_place(dcf);
    conf.fence = dcf->cluster.endpoints != NULL ? &dcf->sh->fence
                                                : NULL;
    conf.wakeup = ngx_directstream_relay_wakeup;
    conf.wakeup_data = &relay->news_fd;

    relay->runs.ds = ds_create(&conf, &err);

    if (relay->runs.ds != NULL) {
        relay->runs.recorder = ds_recorder_create(relay->runs.ds,
                                                  &dcf->cluster, &err);

        if (relay->runs.recorder == NULL) {
            ds_destroy(&relay->runs.ds);
        }
    }

    if (relay->runs.ds == NULL) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "directstream: ds_create() failed: %s, next try in %d s",
                      err.message, NGX_DIRECTSTREAM_CREATE / 1000);
    }
}


static void
ngx_directstream_relay_log(ngx_directstream_relay_t *relay)
{
    ngx_log_t    *log;
    ngx_uint_t    n;
    ds_record_t   record;

    log = ngx_cycle->log;

    for (n = 0; n < 1000 && ds_poll(relay->runs.ds, &record); n++) {

        if (record.stream[0] == '\0') {
            ngx_log_error((ngx_uint_t) record.level, log, 0,
                          "directstream: %s", record.text);
            continue;
        }

        ngx_log_error((ngx_uint_t) record.level, log, 0,
                      "directstream \"%s\": %s", record.stream, record.text);
    }
}


/* nginx names its workers after init_process, and again when they exit */

static void
ngx_directstream_relay_title(ngx_directstream_relay_t *relay)
{
    if (ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    if (!relay->named) {
        relay->named = 1;
        ngx_setproctitle("directstream relay process");
    }

    if (ngx_exiting && !relay->leaving) {
        relay->leaving = 1;
        ngx_setproctitle("directstream relay process is shutting down");
    }
}
