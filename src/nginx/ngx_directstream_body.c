
/*
 * ngx_directstream_body.c: reads a small request body into memory, never to
 * a file, whatever client_body_* says; also one without a length is cut at
 * the bound.
 */

#include "ngx_directstream_http.h"


static void ngx_directstream_body_begin(ngx_http_request_t *r);
static void ngx_directstream_body_more(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_body_take(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_body_append(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, u_char *data, size_t len);


ngx_int_t
ngx_directstream_body_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, size_t max,
    ngx_directstream_body_pt handler)
{
    ngx_int_t  rc;

    ctx->max = max;
    ctx->handler = handler;

    ngx_http_set_ctx(r, ctx, ngx_http_directstream_module);

    r->request_body_no_buffering = 1;

    rc = ngx_http_read_client_request_body(r, ngx_directstream_body_begin);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_directstream_body_begin(ngx_http_request_t *r)
{
    r->read_event_handler = ngx_directstream_body_more;

    ngx_directstream_body_more(r);
}


static void
ngx_directstream_body_more(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    for ( ;; ) {

        if (ngx_directstream_body_take(r, ctx) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (ctx->too_large || !r->reading_body) {
            break;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        if (rc == NGX_AGAIN && r->request_body->bufs == NULL) {
            return;
        }
    }

    r->read_event_handler = ngx_http_block_reading;

    ctx->handler(r, ctx->too_large ? NULL : &ctx->body);
}


/* moves what has arrived to the context, and gives the buffers back */

static ngx_int_t
ngx_directstream_body_take(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    size_t        len;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_in_memory(b)) {
            continue;
        }

        len = b->last - b->pos;

        if (len > ctx->max - ctx->body.len) {
            ctx->too_large = 1;

        } else if (ngx_directstream_body_append(r, ctx, b->pos, len)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        b->pos = b->last;
    }

    r->request_body->bufs = NULL;

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_body_append(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, u_char *data, size_t len)
{
    if (ctx->body.data == NULL) {
        ctx->body.data = ngx_pnalloc(r->pool, ctx->max + 1);
        if (ctx->body.data == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memcpy(ctx->body.data + ctx->body.len, data, len);

    ctx->body.len += len;
    ctx->body.data[ctx->body.len] = '\0';

    return NGX_OK;
}
