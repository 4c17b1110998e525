
/*
 * ngx_directstream_resolve.c: POST resolve: puts a lookup in the zone, polls
 * for its end without blocking the worker, answers.  A client that goes away
 * takes its lookup along.
 */

#include "ngx_directstream_http.h"


static ngx_int_t ngx_directstream_resolve_start(ngx_http_request_t *r,
    ngx_str_t *body);
static void ngx_directstream_resolve_poll(ngx_event_t *ev);
static ngx_int_t ngx_directstream_resolve_down(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_resolve_answer(ngx_http_request_t *r,
    ngx_directstream_answer_t *answer);
static void ngx_directstream_resolve_cleanup(void *data);


void
ngx_directstream_resolve_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t  rc;

    rc = ngx_directstream_resolve_start(r, body);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


static ngx_int_t
ngx_directstream_resolve_start(ngx_http_request_t *r, ngx_str_t *body)
{
    char                        playlist[DS_URL_LEN + 1];
    ngx_int_t                   rc;
    ngx_pool_cleanup_t         *cln;
    ngx_directstream_ctx_t     *ctx;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();
    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    ctx->limit = 100;

    if (ngx_directstream_lookup_parse(dcf, body, playlist, &ctx->limit, &m)
        != NGX_OK)
    {
        return ngx_directstream_problem(r, 400, m.code, m.field, "%s",
                                        m.detail);
    }

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_directstream_job_ask(dcf, NGX_DIRECTSTREAM_JOB_LOOKUP, playlist,
                                  ctx->limit, &ctx->job);
    if (rc == NGX_ABORT) {
        return ngx_directstream_resolve_down(r);
    }

    if (rc != NGX_OK) {
        return ngx_directstream_problem(r, 503, "busy", NULL,
                                        "%d lookups are under way, try again "
                                        "later", NGX_DIRECTSTREAM_LOOKUPS);
    }

    cln->handler = ngx_directstream_resolve_cleanup;
    cln->data = ctx;

    return ngx_directstream_wait(r, ctx, ngx_directstream_resolve_poll);
}


static void
ngx_directstream_resolve_poll(ngx_event_t *ev)
{
    ngx_int_t                   rc;
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_directstream_ctx_t     *ctx;
    ngx_directstream_answer_t   answer;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    rc = ngx_directstream_job_poll(ngx_directstream_get_conf(), ctx->job,
                                   r->pool, &answer);

    if (rc == NGX_AGAIN) {
        ngx_add_timer(ev, NGX_DIRECTSTREAM_POLL);
        return;
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_resolve_answer(r, &answer);

    } else if (rc == NGX_ERROR) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_directstream_resolve_down(r);
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static ngx_int_t
ngx_directstream_resolve_down(ngx_http_request_t *r)
{
    return ngx_directstream_problem(r, 503, "relay_down", NULL,
                                    "the relay worker does not run");
}


static ngx_int_t
ngx_directstream_resolve_answer(ngx_http_request_t *r,
    ngx_directstream_answer_t *answer)
{
    ngx_uint_t               i;
    ds_lookup_status_t      *status;
    ngx_directstream_json_t  w;

    status = &answer->status;

    if (answer->nitems == 0 && status->error.code != DS_OK) {
        return ngx_directstream_problem(r, NGX_HTTP_BAD_GATEWAY,
                                        ds_error_code(status->error.code),
                                        NULL, "%s", status->error.message);
    }

    ngx_directstream_json_init(&w, r->pool);

    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "count");
    ngx_directstream_json_integer(&w, status->count);
    ngx_directstream_json_key(&w, "complete");
    ngx_directstream_json_bool(&w, status->complete);
    ngx_directstream_json_key(&w, "error");
    ngx_directstream_render_error(&w, &status->error);
    ngx_directstream_json_key(&w, "items");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < answer->nitems; i++) {
        ngx_directstream_render_item(&w, &answer->items[i], 0);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static void
ngx_directstream_resolve_cleanup(void *data)
{
    ngx_directstream_ctx_t *ctx = data;

    ngx_directstream_job_end(ngx_directstream_get_conf(), ctx->job);
}
