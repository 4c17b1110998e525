
/*
 * ngx_directstream_write.c: durable changes, the request's side.  A write
 * goes to the store in a thread, one at a time for each worker, and is
 * answered when the store has it.  It belongs to itself: a client that goes
 * away does not take it along.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_STALE     5000    /* ms that a write may wait */
#define NGX_DIRECTSTREAM_HOLD      60000   /* ms, keeps a worker from leaving */


typedef struct {
    ngx_queue_t                queue;
    ngx_thread_task_t          task;
    ngx_http_request_t        *request;     /* NULL: the client went away */
    ngx_pool_cleanup_t        *cln;         /* of the request */
    ngx_directstream_change_t  change;
    ds_stored_t                stored;
    u_char                     path[NGX_MAX_PATH];
    ngx_msec_t                 since;
    ngx_event_t                hold;
    ngx_connection_t           dummy;       /* the timer's, for its log */

    /* the thread's result */
    int                        rc;
    ds_error_t                 err;
} ngx_directstream_write_t;


static ngx_int_t ngx_directstream_write_refuse(ngx_http_request_t *r,
    ngx_directstream_change_t *change, ngx_int_t rc);
static void ngx_directstream_write_next(void);
static void ngx_directstream_write_thread(void *data, ngx_log_t *log);
static int ngx_directstream_write_store(ngx_directstream_write_t *w);
static void ngx_directstream_write_done(ngx_event_t *ev);
static void ngx_directstream_write_end(ngx_directstream_write_t *w);
static ngx_int_t ngx_directstream_write_answer(ngx_http_request_t *r,
    ngx_directstream_write_t *w);
static void ngx_directstream_write_hold(ngx_event_t *ev);
static void ngx_directstream_write_cleanup(void *data);


/* of this process; the first of the queue is the thread's */

static ngx_queue_t  ngx_directstream_writes;
static ds_store_t  *ngx_directstream_write_db;


ngx_int_t
ngx_directstream_write(ngx_http_request_t *r,
    ngx_directstream_change_t *change)
{
    ngx_int_t                  rc;
    ngx_uint_t                 first;
    ngx_pool_cleanup_t        *cln;
    ngx_directstream_conf_t   *dcf;
    ngx_directstream_write_t  *w;

    dcf = ngx_directstream_get_conf();

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w = ngx_calloc(sizeof(ngx_directstream_write_t), r->connection->log);
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_directstream_change_mark(dcf, change);

    if (rc != NGX_OK) {
        ngx_free(w);
        return ngx_directstream_write_refuse(r, change, rc);
    }

    w->request = r;
    w->cln = cln;
    w->change = *change;
    w->since = ngx_current_msec;

    ngx_directstream_change_stored(change, &w->stored);
    ngx_directstream_state_db(dcf, w->path);

    w->task.ctx = w;
    w->task.handler = ngx_directstream_write_thread;
    w->task.event.handler = ngx_directstream_write_done;
    w->task.event.data = w;
    w->task.event.log = ngx_cycle->log;

    /* a worker that shuts down waits for its timers */

    w->dummy.fd = (ngx_socket_t) -1;
    w->hold.handler = ngx_directstream_write_hold;
    w->hold.data = &w->dummy;
    w->hold.log = ngx_cycle->log;
    ngx_add_timer(&w->hold, NGX_DIRECTSTREAM_HOLD);

    cln->handler = ngx_directstream_write_cleanup;
    cln->data = w;

    if (ngx_directstream_writes.next == NULL) {
        ngx_queue_init(&ngx_directstream_writes);
    }

    first = ngx_queue_empty(&ngx_directstream_writes);
    ngx_queue_insert_tail(&ngx_directstream_writes, &w->queue);

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    if (first) {
        ngx_directstream_write_next();
    }

    return NGX_DONE;
}


static ngx_int_t
ngx_directstream_write_refuse(ngx_http_request_t *r,
    ngx_directstream_change_t *change, ngx_int_t rc)
{
    const char               *name;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();
    name = change->def.name;

    switch (rc) {

    case NGX_DECLINED:
        return ngx_directstream_admin_missing(r, name);

    case NGX_ABORT:
        return ngx_directstream_problem(r, 409, "static_stream", NULL,
                               "stream \"%s\" is defined in the "
                               "configuration file, change it there", name);

    case NGX_DONE:
        return ngx_directstream_problem(r, 409, "stream_exists", NULL,
                               "there is a stream \"%s\" already", name);

    case NGX_BUSY:
        return ngx_directstream_problem(r, 409, "stream_busy", NULL,
                               "another change of stream \"%s\" is under "
                               "way, try again", name);
    }

    return ngx_directstream_problem(r, 507, "zone_full", NULL,
                               "the zone \"%V\" is full, a larger one is set "
                               "by the \"zone\" directive", &dcf->zone_name);
}


/* hands the first of the queue to a thread */

static void
ngx_directstream_write_next(void)
{
    ngx_directstream_conf_t   *dcf;
    ngx_directstream_write_t  *w;

    dcf = ngx_directstream_get_conf();

    while (!ngx_queue_empty(&ngx_directstream_writes)) {

        w = ngx_queue_data(ngx_queue_head(&ngx_directstream_writes),
                           ngx_directstream_write_t, queue);

        ngx_memzero(&w->err, sizeof(ds_error_t));

        if (ngx_current_msec - w->since > NGX_DIRECTSTREAM_STALE) {

            /* those before it have waited for the same lock in vain */

            w->rc = DS_ESTORE_BUSY;
            (void) ngx_cpystrn((u_char *) w->err.message,
                               (u_char *) "the store is locked",
                               DS_MESSAGE_LEN);

        } else if (ngx_thread_task_post(dcf->pool, &w->task) == NGX_OK) {
            return;

        } else {
            w->rc = DS_EINTERNAL;
            (void) ngx_cpystrn((u_char *) w->err.message,
                               (u_char *) "there is no thread for it",
                               DS_MESSAGE_LEN);
        }

        ngx_queue_remove(&w->queue);
        ngx_directstream_write_end(w);
    }
}


/* context: a thread of the pool; the only one that has the store */

static void
ngx_directstream_write_thread(void *data, ngx_log_t *log)
{
    ngx_directstream_write_t *w = data;

    (void) log;

    if (ngx_directstream_write_db == NULL) {
        ngx_directstream_write_db = ds_store_open((char *) w->path, true,
                                                  &w->err);
        if (ngx_directstream_write_db == NULL) {
            w->rc = w->err.code;
            return;
        }
    }

    w->rc = ngx_directstream_write_store(w);

    switch (w->rc) {

    case DS_OK:
    case DS_ESTORE_EXISTS:
    case DS_ESTORE_BUSY:
    case DS_ESTORE_FULL:
        break;

    default:
        /* what is wrong may be with this handle alone */
        ds_store_close(&ngx_directstream_write_db);
    }
}


/* context: a thread of the pool */

static int
ngx_directstream_write_store(ngx_directstream_write_t *w)
{
    int          rc;
    ds_store_t  *db;

    db = ngx_directstream_write_db;

    switch (w->change.op) {

    case NGX_DIRECTSTREAM_CREATE:
        return ds_store_create(db, &w->stored, &w->err);

    case NGX_DIRECTSTREAM_PATCH:
        return ds_store_put(db, &w->stored, &w->err);

    case NGX_DIRECTSTREAM_DELETE:
        return ds_store_delete(db, w->stored.name, &w->err);

    default:
        rc = ds_store_set_running(db, w->stored.name, w->stored.running,
                                  &w->err);

        /* one of the file, which the store could not be told of */

        if (rc == DS_ESTORE_NOT_FOUND) {
            rc = ds_store_put(db, &w->stored, &w->err);
        }

        return rc;
    }
}


static void
ngx_directstream_write_done(ngx_event_t *ev)
{
    ngx_directstream_write_t  *w;

    w = ev->data;

    ngx_queue_remove(&w->queue);
    ngx_directstream_write_next();

    ngx_directstream_write_end(w);
}


static void
ngx_directstream_write_end(ngx_directstream_write_t *w)
{
    ngx_int_t                 rc;
    ngx_uint_t                level;
    ngx_connection_t         *c;
    ngx_http_request_t       *r;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();

    if (w->hold.timer_set) {
        ngx_del_timer(&w->hold);
    }

    if (w->rc == DS_OK) {
        ngx_directstream_change_apply(dcf, &w->change);
        ngx_directstream_wake();

    } else {
        ngx_directstream_change_undo(dcf, &w->change);

        level = (w->rc == DS_ESTORE_EXISTS) ? NGX_LOG_INFO : NGX_LOG_ERR;

        ngx_log_error(level, ngx_cycle->log, 0,
                      "directstream \"%s\": a change was not stored: %s: %s",
                      w->stored.name, ds_error_code(w->rc), w->err.message);
    }

    r = w->request;

    if (r != NULL) {
        c = r->connection;
        w->cln->handler = NULL;

        ngx_http_set_log_request(c->log, r);

        rc = ngx_directstream_write_answer(r, w);

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    ngx_free(w);
}


static ngx_int_t
ngx_directstream_write_answer(ngx_http_request_t *r,
    ngx_directstream_write_t *w)
{
    ngx_uint_t  status;

    switch (w->rc) {

    case DS_OK:
        return ngx_directstream_admin_changed(r, &w->change);

    case DS_ESTORE_EXISTS:
        return ngx_directstream_write_refuse(r, &w->change, NGX_DONE);

    case DS_ESTORE_FULL:
        status = 507;
        break;

    case DS_ESTORE_READONLY:
    case DS_ESTORE_BUSY:
    case DS_ESTORE_CORRUPT:
    case DS_ESTORE_VERSION:
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        break;

    default:
        status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_problem(r, status, ds_error_code(w->rc), NULL,
                                    "nothing was changed: %s",
                                    w->err.message);
}


/* the pool's threads have ended by now; the last to close empties the WAL */

void
ngx_directstream_write_exit(ngx_cycle_t *cycle)
{
    (void) cycle;

    ds_store_close(&ngx_directstream_write_db);
}


static void
ngx_directstream_write_hold(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_DIRECTSTREAM_HOLD);
}


static void
ngx_directstream_write_cleanup(void *data)
{
    ngx_directstream_write_t *w = data;

    w->request = NULL;
}
