
/*
 * ngx_directstream_ask.c: what only a relay worker can answer: POST resolve,
 * POST check, GET snapshot.jpg and plans.  The question is put in the zone,
 * which is looked at every now and then without blocking the worker.  A client
 * that goes away takes its lookup along.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_ASK_POLL   50     /* ms */
#define NGX_DIRECTSTREAM_ASK_STILL  3000   /* ms */


static void ngx_directstream_ask_timer(ngx_event_t *ev);
static void ngx_directstream_ask_cleanup(void *data);
static ngx_int_t ngx_directstream_look(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ds_def_t *def, ngx_uint_t depth,
    ngx_directstream_handler_pt poll);
static ngx_int_t ngx_directstream_look_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_answer_t *answer);
static ngx_int_t ngx_directstream_check_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_resolve_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_snapshot_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_snapshot_failed(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_int_t rc);
static ngx_uint_t ngx_directstream_snapshot_held(ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_snapshot_none(ngx_http_request_t *r,
    const char *why);


static const ngx_directstream_member_t  ngx_directstream_lookup[] = {
    ngx_directstream_member("count", NUMBER, ds_lookup_status_t, count),
    ngx_directstream_member("complete", BOOL, ds_lookup_status_t, complete),
    ngx_directstream_member("error", ERROR, ds_lookup_status_t, error),
    ngx_directstream_member_end
};


static const ngx_directstream_member_t  ngx_directstream_checked[] = {
    ngx_directstream_member("outcome", OUTCOME, ds_lookup_status_t, outcome),
    ngx_directstream_member("count", NUMBER, ds_lookup_status_t, count),
    ngx_directstream_member("complete", BOOL, ds_lookup_status_t, complete),
    ngx_directstream_member("unplayable", NUMBER, ds_lookup_status_t,
                            unplayable),
    ngx_directstream_member("opened", NUMBER, ds_lookup_status_t, opened),
    ngx_directstream_member("ok", NUMBER, ds_lookup_status_t, ok),
    ngx_directstream_member("risk", NUMBER, ds_lookup_status_t, risk),
    ngx_directstream_member("bad", NUMBER, ds_lookup_status_t, bad),
    ngx_directstream_member("encoded", NUMBER, ds_lookup_status_t, encoded),
    ngx_directstream_member("error", ERROR, ds_lookup_status_t, error),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_ask(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_directstream_handler_pt poll)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_directstream_ask_cleanup;
    cln->data = ctx;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->poll = poll;

    ctx->timer.handler = ngx_directstream_ask_timer;
    ctx->timer.data = r;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, NGX_DIRECTSTREAM_ASK_POLL);

    return NGX_DONE;
}


void
ngx_directstream_ask_again(ngx_directstream_ctx_t *ctx)
{
    ngx_add_timer(&ctx->timer, NGX_DIRECTSTREAM_ASK_POLL);
}


static void
ngx_directstream_ask_timer(ngx_event_t *ev)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_directstream_ctx_t  *ctx;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    rc = ctx->poll(r, ctx);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, NGX_DIRECTSTREAM_ASK_POLL);
        return;
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
ngx_directstream_ask_cleanup(void *data)
{
    ngx_directstream_ctx_t *ctx = data;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (!ctx->many) {
        ngx_directstream_job_end(ngx_directstream_get_conf(), ctx->job);
    }
}


ngx_int_t
ngx_directstream_ask_down(ngx_http_request_t *r)
{
    return ngx_directstream_problem(r, 503, "relay_down", NULL,
                                    "the relay worker does not run");
}


ngx_int_t
ngx_directstream_resolve(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ds_def_t                    def;
    ngx_directstream_mistake_t  m;

    ctx->limit = 100;
    def = ngx_directstream_get_conf()->base.def;

    if (ngx_directstream_lookup_parse(ngx_directstream_get_conf(), &ctx->body,
                                      &def, &ctx->limit, &m)
        != NGX_OK)
    {
        return ngx_directstream_mistaken(r, &m);
    }

    return ngx_directstream_look(r, ctx, &def, 0,
                                 ngx_directstream_resolve_poll);
}


/* of a stream that is defined, or of a playlist and the block's defaults */

ngx_int_t
ngx_directstream_check(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                  depth;
    ds_def_t                    def;
    ngx_directstream_info_t     info;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();
    depth = DS_CHECK_DEFAULT;

    if (ngx_directstream_check_parse(dcf, &ctx->body, &def, &depth, &m)
        != NGX_OK)
    {
        return ngx_directstream_mistaken(r, &m);
    }

    if (def.name[0] != '\0') {

        if (!ngx_directstream_token_sees(ctx->token, def.name)
            || ngx_directstream_zone_get(dcf, def.name, &info) != NGX_OK)
        {
            return ngx_directstream_missing(r, def.name);
        }

        def = info.def;
    }

    ctx->limit = NGX_DIRECTSTREAM_LOOKUP_MAX;

    return ngx_directstream_look(r, ctx, &def, depth,
                                 ngx_directstream_check_poll);
}


static ngx_int_t
ngx_directstream_look(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    const ds_def_t *def, ngx_uint_t depth, ngx_directstream_handler_pt poll)
{
    ngx_int_t            rc;

    rc = ngx_directstream_job_lookup(ngx_directstream_get_conf(), def,
                                     ctx->limit, depth, &ctx->job);

    if (rc == NGX_ABORT) {
        return ngx_directstream_ask_down(r);
    }

    if (rc != NGX_OK) {
        return ngx_directstream_problem(r, 503, "busy", NULL,
                                        "%d lookups are under way, try again "
                                        "later", NGX_DIRECTSTREAM_LOOKUPS);
    }

    return ngx_directstream_ask(r, ctx, poll);
}


/*
 * NGX_OK: there is an answer; NGX_DECLINED: why there is none has been
 * answered; else what "poll" returns
 */

static ngx_int_t
ngx_directstream_look_poll(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_directstream_answer_t *answer)
{
    ngx_int_t  rc;

    rc = ngx_directstream_job_poll(ngx_directstream_get_conf(), ctx->job,
                                   r->pool, answer);

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        return rc;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_directstream_ask_down(r);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_directstream_check_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_directstream_json_t     w;
    ngx_directstream_answer_t   answer;

    rc = ngx_directstream_look_poll(r, ctx, &answer);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_members(&w, ngx_directstream_checked,
                                  &answer.status);
    ngx_directstream_json_key(&w, "items");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < answer.nitems; i++) {
        ngx_directstream_render_checked(&w, &answer.items[i]);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_directstream_resolve_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ds_error_t                 *err;
    ngx_directstream_json_t     w;
    ngx_directstream_answer_t   answer;

    rc = ngx_directstream_look_poll(r, ctx, &answer);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    err = &answer.status.error;

    if (answer.nitems == 0 && err->code != DS_OK) {
        return ngx_directstream_problem(r, NGX_HTTP_BAD_GATEWAY,
                                        ds_error_code(err->code), NULL, "%s",
                                        err->message);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_members(&w, ngx_directstream_lookup,
                                  &answer.status);
    ngx_directstream_json_key(&w, "items");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < answer.nitems; i++) {
        ngx_directstream_render_item(&w, &answer.items[i], 0);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


ngx_int_t
ngx_directstream_snapshot(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->end = ngx_current_msec + NGX_DIRECTSTREAM_ASK_STILL;
    ctx->many = 1;

    rc = ngx_directstream_job_still(ngx_directstream_get_conf(), ctx->name,
                                    &ctx->job);

    rc = (rc == NGX_OK) ? ngx_directstream_snapshot_poll(r, ctx)
                        : ngx_directstream_snapshot_failed(r, ctx, rc);

    return (rc == NGX_AGAIN)
           ? ngx_directstream_ask(r, ctx, ngx_directstream_snapshot_poll)
           : rc;
}


static ngx_int_t
ngx_directstream_snapshot_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_str_t                  *picture;
    ngx_directstream_json_t     w;
    ngx_directstream_answer_t   answer;

    rc = ngx_directstream_job_poll(ngx_directstream_get_conf(), ctx->job,
                                   r->pool, &answer);

    if (rc != NGX_OK) {
        return ngx_directstream_snapshot_failed(r, ctx, rc);
    }

    picture = &answer.data;

    if (picture->len == 0) {
        return ngx_directstream_snapshot_none(r, answer.status.error.message);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_raw(&w, (char *) picture->data, picture->len);

    ngx_str_set(&r->headers_out.content_type, "image/jpeg");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


/* what asking for it, or looking for it, came to; NGX_AGAIN: wait on */

static ngx_int_t
ngx_directstream_snapshot_failed(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_int_t rc)
{
    switch (rc) {

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case NGX_BUSY:
        return ngx_directstream_snapshot_none(r, "the zone is full");

    case NGX_DECLINED:
        return ngx_directstream_missing(r, ctx->name);

    case NGX_ABORT:
        return !ngx_directstream_relay_alive(ngx_directstream_get_conf())
               ? ngx_directstream_ask_down(r)
               : ngx_directstream_snapshot_none(r,
                                         ngx_directstream_snapshot_held(ctx)
                                         ? "another node has the stream"
                                         : "nothing is on air");
    }

    return ((ngx_msec_int_t) (ngx_current_msec - ctx->end) < 0)
           ? NGX_AGAIN
           : ngx_directstream_snapshot_none(r, "it took too long");
}


static ngx_uint_t
ngx_directstream_snapshot_held(ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_info_t  info;

    return ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                     &info)
           == NGX_OK
           && info.status.state == DS_HELD;
}


static ngx_int_t
ngx_directstream_snapshot_none(ngx_http_request_t *r, const char *why)
{
    return ngx_directstream_problem(r, 503, "snapshot_unavailable", NULL,
                                    "there is no picture: %s", why);
}
