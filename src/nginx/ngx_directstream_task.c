
/*
 * ngx_directstream_task.c: what a request wants of the store, done in a thread,
 * one at a time for each worker, and answered when the store has answered.  A
 * task belongs to itself: a client that goes away does not take it along.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_STALE     5000    /* ms that a task may wait */
#define NGX_DIRECTSTREAM_HOLD      60000   /* ms, keeps a worker from leaving */


static void ngx_directstream_task_next(void);
static void ngx_directstream_task_thread(void *data, ngx_log_t *log);
static void ngx_directstream_task_done(ngx_event_t *ev);
static void ngx_directstream_task_end(ngx_directstream_task_t *t);
static void ngx_directstream_task_hold(ngx_event_t *ev);
static void ngx_directstream_task_cleanup(void *data);


/* of this process; the first of the queue is the thread's */

static ngx_queue_t  ngx_directstream_tasks;
static ds_store_t  *ngx_directstream_task_db;


void *
ngx_directstream_task_create(ngx_http_request_t *r, size_t size)
{
    ngx_pool_cleanup_t       *cln;
    ngx_directstream_task_t  *t;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    t = ngx_calloc(size, r->connection->log);
    if (t == NULL) {
        return NULL;
    }

    t->request = r;
    t->cln = cln;

    return t;
}


ngx_int_t
ngx_directstream_task_post(ngx_directstream_task_t *t)
{
    ngx_uint_t           first;
    ngx_http_request_t  *r;

    r = t->request;

    t->since = ngx_current_msec;
    t->cluster = &ngx_directstream_get_conf()->cluster;
    ngx_directstream_state_db(ngx_directstream_get_conf(), t->path);

    t->task.ctx = t;
    t->task.handler = ngx_directstream_task_thread;
    t->task.event.handler = ngx_directstream_task_done;
    t->task.event.data = t;
    t->task.event.log = ngx_cycle->log;

    /* a worker that shuts down waits for its timers */

    t->dummy.fd = (ngx_socket_t) -1;
    t->hold.handler = ngx_directstream_task_hold;
    t->hold.data = &t->dummy;
    t->hold.log = ngx_cycle->log;
    ngx_add_timer(&t->hold, NGX_DIRECTSTREAM_HOLD);

    t->cln->handler = ngx_directstream_task_cleanup;
    t->cln->data = t;

    if (ngx_directstream_tasks.next == NULL) {
        ngx_queue_init(&ngx_directstream_tasks);
    }

    first = ngx_queue_empty(&ngx_directstream_tasks);
    ngx_queue_insert_tail(&ngx_directstream_tasks, &t->queue);

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    if (first) {
        ngx_directstream_task_next();
    }

    return NGX_DONE;
}


/* hands the first of the queue to a thread */

static void
ngx_directstream_task_next(void)
{
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_task_t  *t;

    dcf = ngx_directstream_get_conf();

    while (!ngx_queue_empty(&ngx_directstream_tasks)) {

        t = ngx_queue_data(ngx_queue_head(&ngx_directstream_tasks),
                           ngx_directstream_task_t, queue);

        ngx_memzero(&t->err, sizeof(ds_error_t));

        if (ngx_current_msec - t->since > NGX_DIRECTSTREAM_STALE) {

            /* those before it have waited for the same lock in vain */

            t->rc = DS_ESTORE_BUSY;
            (void) ngx_cpystrn((u_char *) t->err.message,
                               (u_char *) "the store is locked",
                               DS_MESSAGE_LEN);

        } else if (ngx_thread_task_post(dcf->pool, &t->task) == NGX_OK) {
            return;

        } else {
            t->rc = DS_EINTERNAL;
            (void) ngx_cpystrn((u_char *) t->err.message,
                               (u_char *) "there is no thread for it",
                               DS_MESSAGE_LEN);
        }

        ngx_queue_remove(&t->queue);
        ngx_directstream_task_end(t);
    }
}


/* context: a thread of the pool; the only one that has the store */

static void
ngx_directstream_task_thread(void *data, ngx_log_t *log)
{
    ngx_directstream_task_t *t = data;

    (void) log;

    if (ngx_directstream_task_db == NULL) {
        ngx_directstream_task_db = ds_store_open((char *) t->path, true,
                                                 &t->err);
        t->rc = (ngx_directstream_task_db != NULL)
                ? ds_store_join(ngx_directstream_task_db, t->cluster, &t->err)
                : t->err.code;

        if (t->rc != DS_OK) {
            ds_store_close(&ngx_directstream_task_db);
            return;
        }
    }

    t->rc = t->run(t, ngx_directstream_task_db);

    switch (t->rc) {

    case DS_OK:
    case DS_ESTORE_EXISTS:
    case DS_ESTORE_NOT_FOUND:
    case DS_ESTORE_BUSY:
    case DS_ESTORE_FULL:
    case DS_EITEM_UNAVAILABLE:
    case DS_EQUEUE_FULL:
    case DS_EQUEUE_KEY:
    case DS_ECLUSTER_LOST:
    case DS_ECLUSTER_UNKNOWN:
    case DS_ECLUSTER_DENIED:
    case DS_ECLUSTER_REFUSED:
    case DS_ECLUSTER_CONFLICT:
        break;

    default:
        /* what is wrong may be with this handle alone */
        ds_store_close(&ngx_directstream_task_db);
    }
}


static void
ngx_directstream_task_done(ngx_event_t *ev)
{
    ngx_directstream_task_t  *t;

    t = ev->data;

    ngx_queue_remove(&t->queue);
    ngx_directstream_task_next();

    ngx_directstream_task_end(t);
}


static void
ngx_directstream_task_end(ngx_directstream_task_t *t)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (t->hold.timer_set) {
        ngx_del_timer(&t->hold);
    }

    if (t->end != NULL) {
        t->end(t);
    }

    r = t->request;

    if (r != NULL) {
        c = r->connection;
        t->cln->handler = NULL;

        ngx_http_set_log_request(c->log, r);

        rc = t->answer(r, t);

        ngx_http_finalize_request(r, rc);
        ngx_http_run_posted_requests(c);
    }

    ngx_free(t);
}


ngx_int_t
ngx_directstream_task_failed(ngx_http_request_t *r,
    ngx_directstream_task_t *t, const char *what)
{
    ngx_uint_t  status;

    switch (t->rc) {

    case DS_ESTORE_FULL:
        status = 507;
        break;

    case DS_ESTORE_READONLY:
    case DS_ESTORE_BUSY:
    case DS_ESTORE_CORRUPT:
    case DS_ESTORE_VERSION:
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        break;

    case DS_ECLUSTER_LOST:
    case DS_ECLUSTER_UNKNOWN:
    case DS_ECLUSTER_DENIED:
    case DS_ECLUSTER_REFUSED:
    case DS_ECLUSTER_CONFLICT:
        status = NGX_HTTP_SERVICE_UNAVAILABLE;

        if (ngx_directstream_header(r, "Retry-After", "5") == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        /* nobody can say that nothing was changed */

        if (t->rc == DS_ECLUSTER_UNKNOWN) {
            return ngx_directstream_problem(r, status, ds_error_code(t->rc),
                                            NULL, "%s", t->err.message);
        }

        break;

    default:
        status = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_problem(r, status, ds_error_code(t->rc), NULL,
                                    "%s: %s", what, t->err.message);
}


/* the pool's threads have ended by now; the last to close empties the WAL */

void
ngx_directstream_task_exit(ngx_cycle_t *cycle)
{
    (void) cycle;

    ds_store_close(&ngx_directstream_task_db);
}


static void
ngx_directstream_task_hold(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_DIRECTSTREAM_HOLD);
}


static void
ngx_directstream_task_cleanup(void *data)
{
    ngx_directstream_task_t *t = data;

    t->request = NULL;
}
