
/*
 * ngx_directstream_task.c: what a request wants of the store, done in a thread,
 * one at a time for each worker, and answered when the store has answered.  A
 * task belongs to itself: a client that goes away does not take it along.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_STALE     5000    /* ms that a task may wait */
#define NGX_DIRECTSTREAM_HOLD      60000   /* ms, keeps a worker from leaving */
#define NGX_DIRECTSTREAM_RACES     20      /* with other nodes, one after
                                              another */


static void ngx_directstream_task_text(char *dst, size_t size,
    const ngx_str_t *text);
static void ngx_directstream_task_add(ngx_directstream_task_t *t);
static int ngx_directstream_task_nothing(ngx_directstream_task_t *t,
    ds_store_t *db);
static int ngx_directstream_task_run(ngx_directstream_task_t *t,
    ds_store_t *db);
static void ngx_directstream_task_told(ngx_directstream_task_t *t);
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


void
ngx_directstream_task_change(ngx_directstream_task_t *t,
    ngx_http_request_t *r, const char *what, const char *name)
{
    ngx_str_t                who;
    ds_change_t             *change;
    ngx_directstream_ctx_t  *ctx;

    change = &t->change;
    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    if (ctx->token != NULL) {
        who.data = (u_char *) ctx->token->name;
        who.len = strlen(ctx->token->name);

    } else {
        (void) ngx_http_auth_basic_user(r);
        who = r->headers_in.user;
    }

    (void) ngx_cpystrn((u_char *) change->what, (u_char *) what,
                       sizeof(change->what));
    (void) ngx_cpystrn((u_char *) change->name, (u_char *) name,
                       sizeof(change->name));
    ngx_directstream_task_text(change->who, sizeof(change->who),
                               &who);
    ngx_directstream_task_text(change->address, sizeof(change->address),
                               &r->connection->addr_text);
}


/* what a client calls itself goes to the error log: one line of it */

static void
ngx_directstream_task_text(char *dst, size_t size, const ngx_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len && i < size - 1; i++) {
        dst[i] = (text->data[i] > 0x20 && text->data[i] < 0x7f)
                 ? text->data[i] : '?';
    }

    dst[i] = '\0';
}


void
ngx_directstream_task_fields(ngx_directstream_task_t *t, ngx_uint_t set)
{
    size_t                           len;
    ds_change_t                     *change;
    const ngx_directstream_field_t  *f;

    change = &t->change;

    for (f = ngx_directstream_fields; f->name != NULL; f++) {

        len = strlen(change->fields);

        if (f->set & set) {
            (void) ngx_snprintf((u_char *) change->fields + len,
                                sizeof(change->fields) - len, "%s%s%Z",
                                len ? " " : "", f->name);
            change->fields[sizeof(change->fields) - 1] = '\0';
        }
    }
}


void
ngx_directstream_task_note(ngx_http_request_t *r, const char *what,
    const char *name)
{
    ngx_directstream_task_t  *t;

    t = ngx_calloc(sizeof(ngx_directstream_task_t), r->connection->log);
    if (t == NULL) {
        return;
    }

    ngx_directstream_task_change(t, r, what, name);
    t->run = ngx_directstream_task_nothing;

    ngx_directstream_task_add(t);
}


static int
ngx_directstream_task_nothing(ngx_directstream_task_t *t, ds_store_t *db)
{
    (void) t;
    (void) db;

    return DS_OK;
}


ngx_int_t
ngx_directstream_task_post(ngx_directstream_task_t *t)
{
    ngx_http_request_t  *r;

    r = t->request;

    t->cln->handler = ngx_directstream_task_cleanup;
    t->cln->data = t;

    if (!r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    ngx_directstream_task_add(t);

    return NGX_DONE;
}


static void
ngx_directstream_task_add(ngx_directstream_task_t *t)
{
    ngx_uint_t  first;

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

    if (ngx_directstream_tasks.next == NULL) {
        ngx_queue_init(&ngx_directstream_tasks);
    }

    first = ngx_queue_empty(&ngx_directstream_tasks);
    ngx_queue_insert_tail(&ngx_directstream_tasks, &t->queue);

    if (first) {
        ngx_directstream_task_next();
    }
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

    t->rc = (t->change.what[0] == '\0')
            ? t->run(t, ngx_directstream_task_db)
            : ngx_directstream_task_run(t, ngx_directstream_task_db);

    switch (t->rc) {

    case DS_OK:
    case DS_ESTORE_EXISTS:
    case DS_ESTORE_NOT_FOUND:
    case DS_ESTORE_BUSY:
    case DS_ESTORE_FULL:
    case DS_EITEM_UNAVAILABLE:
    case DS_EQUEUE_FULL:
    case DS_EQUEUE_KEY:
    case DS_EQUEUE_ON_AIR:
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


/* context: the same; with the record of the change, or not at all */

static int
ngx_directstream_task_run(ngx_directstream_task_t *t, ds_store_t *db)
{
    int         rc;
    ngx_uint_t  tries;

    for (tries = 1; /* void */ ; tries++) {
        rc = ds_store_begin(db, &t->err);

        if (rc == DS_OK) {
            rc = t->run(t, db);
        }

        if (rc == DS_OK && t->change.what[0] != '\0') {
            rc = ds_store_put_change(db, &t->change, &t->err);
        }

        if (rc != DS_OK) {
            ds_store_rollback(db);
            return rc;
        }

        rc = ds_store_commit(db, &t->err);
        t->revision = ds_store_revision(db);

        /* what all nodes can see has happened; the copy here is made anew */

        if (rc != DS_OK && t->revision != 0) {
            return DS_OK;
        }

        if (rc != DS_ECLUSTER_CONFLICT || tries == NGX_DIRECTSTREAM_RACES) {
            return rc;
        }

        /* another node was faster, but will not be for ever */

        ngx_msleep(1 + ngx_random() % (2 * tries));
    }
}


/* one line, and one event */

static void
ngx_directstream_task_told(ngx_directstream_task_t *t)
{
    char          text[DS_MESSAGE_LEN];
    u_char       *p;
    ds_change_t  *change;

    change = &t->change;

    p = ngx_snprintf((u_char *) text, sizeof(text) - 1, "%s by %s%s%s%s%s",
                     change->what, change->who,
                     change->who[0] != '\0' ? " from " : "", change->address,
                     change->fields[0] != '\0' ? ": " : "", change->fields);
    *p = '\0';

    if (t->rc == DS_OK || t->run == ngx_directstream_task_nothing) {
        ngx_directstream_journal_change(ngx_directstream_get_conf(),
                                        change->name, text);
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "directstream \"%s\": %s", change->name, text);
    }

    if (t->rc != DS_OK && t->run == ngx_directstream_task_nothing) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "directstream \"%s\": this was not recorded: %s: %s",
                      change->name, ds_error_code(t->rc), t->err.message);
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

    if (t->change.what[0] != '\0') {
        ngx_directstream_task_told(t);
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
