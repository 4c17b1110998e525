
/*
 * ngx_directstream_list.c: lists of the API, a part at a time, and the items
 * of a stream as one of them.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_LIST_MAX  1000    /* entries of a part */


static ngx_int_t ngx_directstream_list_arg(ngx_http_request_t *r,
    const char *name, ngx_uint_t min, ngx_uint_t max, ngx_uint_t *value);


ngx_int_t
ngx_directstream_list_page(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t  rc;

    ctx->offset = 0;
    ctx->limit = 100;

    if (ngx_directstream_list_arg(r, "offset", 0, 0x7fffffff, &ctx->offset)
        != NGX_OK)
    {
        rc = ngx_directstream_problem(r, 400, "invalid_field", "offset",
                               "it must be a whole number, 0 or more");

    } else if (ngx_directstream_list_arg(r, "limit", 1,
                                         NGX_DIRECTSTREAM_LIST_MAX,
                                         &ctx->limit)
               != NGX_OK)
    {
        rc = ngx_directstream_problem(r, 400, "invalid_field", "limit",
                               "it must be a whole number from 1 to %d",
                               NGX_DIRECTSTREAM_LIST_MAX);

    } else {
        return NGX_OK;
    }

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_directstream_list_arg(ngx_http_request_t *r, const char *name,
    ngx_uint_t min, ngx_uint_t max, ngx_uint_t *value)
{
    ngx_int_t  n;
    ngx_str_t  arg;

    if (ngx_http_arg(r, (u_char *) name, strlen(name), &arg) != NGX_OK) {
        return NGX_OK;
    }

    n = ngx_atoi(arg.data, arg.len);

    if (n == NGX_ERROR || (ngx_uint_t) n < min || (ngx_uint_t) n > max) {
        return NGX_ERROR;
    }

    *value = n;

    return NGX_OK;
}


ngx_int_t
ngx_directstream_list_items(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ds_item_t                *items;
    ngx_int_t                 rc;
    ngx_uint_t                i, n, total, truncated;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_json_t   w;
    ngx_directstream_node_t  *node;

    rc = ngx_directstream_list_page(r, ctx);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    items = ngx_palloc(r->pool, ctx->limit * sizeof(ds_item_t));
    if (items == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    dcf = ngx_directstream_get_conf();

    n = 0;
    total = 0;
    truncated = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, ctx->name);

    if (node != NULL) {
        total = ngx_max(node->items.count, node->info.status.count);
        truncated = node->items.truncated;
        n = ngx_directstream_items_get(&node->items, ctx->offset, items,
                                       ctx->limit);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (node == NULL) {
        return ngx_directstream_admin_missing(r, ctx->name);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "total");
    ngx_directstream_json_integer(&w, total);
    ngx_directstream_json_key(&w, "offset");
    ngx_directstream_json_integer(&w, ctx->offset);
    ngx_directstream_json_key(&w, "truncated");
    ngx_directstream_json_bool(&w, truncated);
    ngx_directstream_json_key(&w, "items");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < n; i++) {
        ngx_directstream_render_item(&w, &items[i], 1);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
