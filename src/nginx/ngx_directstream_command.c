
/*
 * ngx_directstream_command.c: what only the node that has a stream can do, and
 * is asked for at another one.  It is put beside the stream's definition, where
 * the owner takes it; who asked is answered when that has happened.  What is
 * not taken in time is taken back, so that it is known that nothing was done.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_COMMAND_WAIT  3000    /* ms */


typedef struct {
    ngx_directstream_task_t  task;
    char                     name[DS_NAME_LEN + 1];
    ds_command_t             command;
} ngx_directstream_command_t;


static ngx_int_t ngx_directstream_command_post(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *what,
    int (*run)(ngx_directstream_task_t *t, ds_store_t *db),
    ngx_int_t (*answer)(ngx_http_request_t *r, ngx_directstream_task_t *t));
static int ngx_directstream_command_put(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_command_sent(ngx_http_request_t *r,
    ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_command_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static int ngx_directstream_command_look(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_command_looked(ngx_http_request_t *r,
    ngx_directstream_task_t *t);
static int ngx_directstream_command_drop(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_command_dropped(ngx_http_request_t *r,
    ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_command_again(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_command_taken(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_command_unknown(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_command_later(ngx_http_request_t *r);


ngx_int_t
ngx_directstream_command_to(const char *name, const char *what,
    const char *output, ds_command_t *command)
{
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_info_t   info;

    ngx_memzero(command, sizeof(ds_command_t));
    dcf = ngx_directstream_get_conf();

    if (dcf->cluster.endpoints == NULL
        || ngx_directstream_zone_get(dcf, name, &info) != NGX_OK
        || !info.running
        || ngx_directstream_cluster_ours(dcf, &info))
    {
        return NGX_DECLINED;
    }

    command->epoch = info.cluster.epoch;
    (void) ngx_cpystrn((u_char *) command->what, (u_char *) what,
                       sizeof(command->what));
    (void) ngx_cpystrn((u_char *) command->output, (u_char *) output,
                       sizeof(command->output));

    if (command->epoch == 0) {
        return NGX_BUSY;
    }

    return ngx_directstream_id(command->id);
}


ngx_int_t
ngx_directstream_command_send(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *what, const char *output)
{
    ngx_int_t  rc;

    rc = ngx_directstream_command_to(ctx->name, what, output, &ctx->command);

    switch (rc) {

    case NGX_OK:
        return ngx_directstream_command_post(r, ctx, what,
                                             ngx_directstream_command_put,
                                             ngx_directstream_command_sent);
    case NGX_BUSY:
        if (ngx_directstream_command_later(r) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_directstream_problem(r, 503, "owner_unreachable", NULL,
                               "no node has stream \"%s\" at the moment, "
                               "nothing was done, try again", ctx->name);
    case NGX_DECLINED:
        return rc;
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* "what" NULL: it is no change */

static ngx_int_t
ngx_directstream_command_post(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *what,
    int (*run)(ngx_directstream_task_t *t, ds_store_t *db),
    ngx_int_t (*answer)(ngx_http_request_t *r, ngx_directstream_task_t *t))
{
    ngx_directstream_command_t  *c;

    c = ngx_directstream_task_create(r, sizeof(ngx_directstream_command_t));
    if (c == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(c->name, ctx->name, sizeof(c->name));
    c->command = ctx->command;

    if (what != NULL) {
        ngx_directstream_task_change(&c->task, r, what, ctx->name);
    }

    c->task.run = run;
    c->task.answer = answer;

    return ngx_directstream_task_post(&c->task);
}


/* context: a thread of the pool */

static int
ngx_directstream_command_put(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_command_t *c = (ngx_directstream_command_t *) t;

    return ds_store_command_put(db, c->name, &c->command, &t->err);
}


static ngx_int_t
ngx_directstream_command_sent(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    if (t->rc == DS_ESTORE_NOT_FOUND) {
        return ngx_directstream_missing(r, ctx->name);
    }

    return (t->rc == DS_OK)
           ? ngx_directstream_command_wait(r, ctx)
           : ngx_directstream_task_failed(r, t, "nothing was done");
}


ngx_int_t
ngx_directstream_command_wait(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->end = ngx_current_msec + NGX_DIRECTSTREAM_COMMAND_WAIT;

    /* who calls finalizes the request with what this returns */
    r->main->count++;

    rc = ngx_directstream_ask(r, ctx, ngx_directstream_command_poll);

    if (rc != NGX_DONE) {
        r->main->count--;
    }

    return rc;
}


/* for the timer, that finalizes the request with what this returns */

static ngx_int_t
ngx_directstream_command_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    r->main->count++;

    rc = ((ngx_msec_int_t) (ngx_current_msec - ctx->end) < 0)
         ? ngx_directstream_command_post(r, ctx, NULL,
                                         ngx_directstream_command_look,
                                         ngx_directstream_command_looked)
         : ngx_directstream_command_post(r, ctx, NULL,
                                         ngx_directstream_command_drop,
                                         ngx_directstream_command_dropped);

    if (rc != NGX_DONE) {
        r->main->count--;
    }

    return rc;
}


/* context: a thread of the pool */

static int
ngx_directstream_command_look(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_command_t *c = (ngx_directstream_command_t *) t;

    int  rc;

    rc = ds_store_refresh(db, c->name, &t->err);

    return (rc == DS_OK) ? ds_store_command_find(db, c->name, c->command.id,
                                                 &t->err)
                         : rc;
}


/* what cannot be read now may be read the next time */

static ngx_int_t
ngx_directstream_command_looked(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    return (t->rc == DS_ESTORE_NOT_FOUND)
           ? ngx_directstream_command_taken(r, ctx)
           : ngx_directstream_command_again(r, ctx);
}


/* context: a thread of the pool */

static int
ngx_directstream_command_drop(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_command_t *c = (ngx_directstream_command_t *) t;

    return ds_store_command_drop(db, c->name, c->command.id, &t->err);
}


static ngx_int_t
ngx_directstream_command_dropped(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_ctx_t   *ctx;
    ngx_directstream_info_t   info;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    switch (t->rc) {

    case DS_ESTORE_NOT_FOUND:
        return ngx_directstream_command_taken(r, ctx);

    case DS_ECLUSTER_CONFLICT:
        return ngx_directstream_command_again(r, ctx);

    case DS_OK:
        break;

    default:
        return ngx_directstream_command_unknown(r);
    }

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    if (ngx_directstream_command_later(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_problem(r, 503, "owner_unreachable", NULL,
                               "node \"%s\" has stream \"%s\", and does not "
                               "answer; nothing was done, try again",
                               info.cluster.node, ctx->name);
}


/* for who finalizes the request with what this returns */

static ngx_int_t
ngx_directstream_command_again(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    r->main->count++;
    ngx_directstream_ask_again(ctx);

    return NGX_DONE;
}


/* a new owner drops what was for another one */

static ngx_int_t
ngx_directstream_command_taken(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_info_t  info;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    return (info.cluster.epoch != 0
            && info.cluster.epoch != ctx->command.epoch)
           ? ngx_directstream_command_unknown(r)
           : ctx->done(r, ctx);
}


static ngx_int_t
ngx_directstream_command_unknown(ngx_http_request_t *r)
{
    if (ngx_directstream_command_later(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_problem(r, 503, "cluster_unknown", NULL,
                                    "it is not known whether the node that "
                                    "had the stream has done it");
}


static ngx_int_t
ngx_directstream_command_later(ngx_http_request_t *r)
{
    return (ngx_directstream_header(r, "Retry-After", "5") != NULL)
           ? NGX_OK : NGX_ERROR;
}
