
/*
 * ngx_directstream_snapshot.c: GET snapshot.jpg: asks for the picture in the
 * zone and polls for it without blocking the worker.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_SNAPSHOT_TIME  3000   /* ms */


static void ngx_directstream_snapshot_poll(ngx_event_t *ev);
static ngx_int_t ngx_directstream_snapshot_look(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_snapshot_none(ngx_http_request_t *r,
    const char *why);
static ngx_int_t ngx_directstream_snapshot_send(ngx_http_request_t *r,
    u_char *data, size_t size);


ngx_int_t
ngx_directstream_snapshot(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->end = ngx_current_msec + NGX_DIRECTSTREAM_SNAPSHOT_TIME;

    rc = ngx_directstream_snapshot_look(r, ctx);

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

    rc = ngx_directstream_snapshot_look(r, ctx);

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


/* NGX_AGAIN: it is being made */

static ngx_int_t
ngx_directstream_snapshot_look(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    size_t                    size;
    u_char                   *data;
    ngx_int_t                 rc;
    ds_error_t                err;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();

    data = NULL;
    size = 0;

    for ( ;; ) {
        rc = ngx_directstream_still_get(dcf, ctx->name, data, &size, &err);

        if (rc != NGX_BUSY) {
            break;
        }

        data = ngx_palloc(r->pool, size);
        if (data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    switch (rc) {

    case NGX_OK:
        return ngx_directstream_snapshot_send(r, data, size);

    case NGX_ERROR:
        return ngx_directstream_snapshot_none(r, err.message);

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
ngx_directstream_snapshot_send(ngx_http_request_t *r, u_char *data,
    size_t size)
{
    ngx_directstream_json_t  w;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_raw(&w, (char *) data, size);

    ngx_str_set(&r->headers_out.content_type, "image/jpeg");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
