
/*
 * ngx_directstream_write.c: durable changes, the request's side: the stream is
 * marked, a task writes to the store, and the zone follows what that says.
 */

#include "ngx_directstream_http.h"


typedef struct {
    ngx_directstream_task_t    task;
    ngx_directstream_change_t  change;
    ds_stored_t                stored;
} ngx_directstream_write_t;


static ngx_int_t ngx_directstream_write_refuse(ngx_http_request_t *r,
    ngx_directstream_change_t *change, ngx_int_t rc);
static int ngx_directstream_write_run(ngx_directstream_task_t *t,
    ds_store_t *db);
static void ngx_directstream_write_end(ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_write_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t);


ngx_int_t
ngx_directstream_write(ngx_http_request_t *r,
    ngx_directstream_change_t *change)
{
    ngx_int_t                  rc;
    ngx_directstream_write_t  *w;

    w = ngx_directstream_task_create(r, sizeof(ngx_directstream_write_t));
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_directstream_change_mark(ngx_directstream_get_conf(), change);

    if (rc != NGX_OK) {
        ngx_free(w);
        return ngx_directstream_write_refuse(r, change, rc);
    }

    w->change = *change;
    ngx_directstream_change_stored(change, &w->stored);

    w->task.run = ngx_directstream_write_run;
    w->task.end = ngx_directstream_write_end;
    w->task.answer = ngx_directstream_write_answer;

    return ngx_directstream_task_post(&w->task);
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


/* context: a thread of the pool */

static int
ngx_directstream_write_run(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    int  rc;

    switch (w->change.op) {

    case NGX_DIRECTSTREAM_CREATE:
        return ds_store_create(db, &w->stored, &t->err);

    case NGX_DIRECTSTREAM_PATCH:
        return ds_store_put(db, &w->stored, &t->err);

    case NGX_DIRECTSTREAM_DELETE:
        return ds_store_delete(db, w->stored.def.name, &t->err);

    default:
        rc = ds_store_set_running(db, w->stored.def.name, w->stored.running,
                                  &t->err);

        /* one of the file, which the store could not be told of */

        if (rc == DS_ESTORE_NOT_FOUND) {
            rc = ds_store_put(db, &w->stored, &t->err);
        }

        return rc;
    }
}


/* whether or not anybody waits for the answer */

static void
ngx_directstream_write_end(ngx_directstream_task_t *t)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    ngx_uint_t                level;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();

    if (t->rc == DS_OK) {
        ngx_directstream_change_apply(dcf, &w->change);
        ngx_directstream_wake();
        return;
    }

    ngx_directstream_change_undo(dcf, &w->change);

    level = (t->rc == DS_ESTORE_EXISTS) ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "directstream \"%s\": a change was not stored: %s: %s",
                  w->stored.def.name, ds_error_code(t->rc), t->err.message);
}


static ngx_int_t
ngx_directstream_write_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    switch (t->rc) {

    case DS_OK:
        return ngx_directstream_admin_changed(r, &w->change);

    case DS_ESTORE_EXISTS:
        return ngx_directstream_write_refuse(r, &w->change, NGX_DONE);
    }

    return ngx_directstream_task_failed(r, t, "nothing was changed");
}
