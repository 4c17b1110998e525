
/*
 * ngx_directstream_snapshot.c: GET snapshot.jpg: asks for the picture in the
 * zone and polls for it without blocking the worker.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_SNAPSHOT_TIME  3000   /* ms */


static void ngx_directstream_snapshot_poll(ngx_event_t *ev);
static ngx_int_t ngx_directstream_snapshot_look(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_int_t rc);
static ngx_int_t ngx_directstream_snapshot_none(ngx_http_request_t *r,
    const char *why);
static ngx_int_t ngx_directstream_snapshot_send(ngx_http_request_t *r,
    ngx_str_t *picture);


ngx_int_t
ngx_directstream_snapshot(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->end = ngx_current_msec + NGX_DIRECTSTREAM_SNAPSHOT_TIME;

    rc = ngx_directstream_job_ask(ngx_directstream_get_conf(),
                                  NGX_DIRECTSTREAM_JOB_STILL, ctx->name, 0,
                                  &ctx->job);

    rc = ngx_directstream_snapshot_look(r, ctx, rc);

    if (rc != NGX_AGAIN) {
        return rc;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_directstream_module);

    rc = ngx_directstream_wait(r, ctx, ngx_directstream_snapshot_poll);

    if (rc == NGX_DONE) {
        r->main->count++;
    }

    return rc;
}


static void
ngx_directstream_snapshot_poll(ngx_event_t *ev)
{
    ngx_int_t                rc;
    ngx_connection_t        *c;
    ngx_http_request_t      *r;
    ngx_directstream_ctx_t  *ctx;

    r = ev->data;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    rc = ngx_directstream_snapshot_look(r, ctx, NGX_OK);

    if (rc == NGX_AGAIN
        && (ngx_msec_int_t) (ngx_current_msec - ctx->end) < 0)
    {
        ngx_add_timer(ev, NGX_DIRECTSTREAM_POLL);
        return;
    }

    if (rc == NGX_AGAIN) {
        rc = ngx_directstream_snapshot_none(r, "it took too long");
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* "rc" is what asking for it came to; NGX_AGAIN: it is being made */

static ngx_int_t
ngx_directstream_snapshot_look(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_int_t rc)
{
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_answer_t   answer;

    dcf = ngx_directstream_get_conf();

    if (rc == NGX_OK) {
        rc = ngx_directstream_job_poll(dcf, ctx->job, r->pool, &answer);
    }

    switch (rc) {

    case NGX_OK:

        if (answer.picture.len == 0) {
            return ngx_directstream_snapshot_none(r,
                                                answer.status.error.message);
        }

        return ngx_directstream_snapshot_send(r, &answer.picture);

    case NGX_ERROR:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    case NGX_BUSY:
        return ngx_directstream_snapshot_none(r, "the zone is full");

    case NGX_DECLINED:
        return ngx_directstream_admin_missing(r, ctx->name);

    case NGX_ABORT:

        if (!ngx_directstream_relay_alive(dcf)) {
            return ngx_directstream_problem(r, 503, "relay_down", NULL,
                                            "the relay worker does not run");
        }

        return ngx_directstream_snapshot_none(r, "nothing is on air");
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_directstream_snapshot_none(ngx_http_request_t *r, const char *why)
{
    return ngx_directstream_problem(r, 503, "snapshot_unavailable", NULL,
                                    "there is no picture: %s", why);
}


static ngx_int_t
ngx_directstream_snapshot_send(ngx_http_request_t *r, ngx_str_t *picture)
{
    ngx_directstream_json_t  w;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_raw(&w, (char *) picture->data, picture->len);

    ngx_str_set(&r->headers_out.content_type, "image/jpeg");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
