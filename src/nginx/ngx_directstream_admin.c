
/*
 * ngx_directstream_admin.c: the admin location: finds the resource, checks
 * the method and the right to write, and reads the zone.  What changes a
 * stream is a durable write (ngx_directstream_write.c), which comes back here
 * for the answer.
 */

#include "ngx_directstream_http.h"

/* made from openapi.json by the config script */
#include "ngx_directstream_openapi.h"


#define NGX_DIRECTSTREAM_BODY_MAX  (64 * 1024)


typedef enum {
    NGX_DIRECTSTREAM_OP_NONE = 0,
    NGX_DIRECTSTREAM_OP_PAGE,
    NGX_DIRECTSTREAM_OP_STREAMS,
    NGX_DIRECTSTREAM_OP_STREAM,
    NGX_DIRECTSTREAM_OP_CONTROL,
    NGX_DIRECTSTREAM_OP_ITEMS,
    NGX_DIRECTSTREAM_OP_RESOLVE,
    NGX_DIRECTSTREAM_OP_OPENAPI,
    NGX_DIRECTSTREAM_OP_EVENTS,
    NGX_DIRECTSTREAM_OP_SNAPSHOT,
    NGX_DIRECTSTREAM_OP_CACHE,
    NGX_DIRECTSTREAM_OP_KEPT
} ngx_directstream_op_e;


static const struct {
    ngx_uint_t   methods;
    ngx_str_t    allow;
} ngx_directstream_ops[] = {
    { 0, ngx_null_string },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_POST,
      ngx_string("GET, HEAD, POST") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_PATCH|NGX_HTTP_DELETE,
      ngx_string("GET, HEAD, PATCH, DELETE") },
    { NGX_HTTP_POST, ngx_string("POST") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_POST, ngx_string("POST") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_GET|NGX_HTTP_HEAD, ngx_string("GET, HEAD") },
    { NGX_HTTP_DELETE, ngx_string("DELETE") }
};


static const struct {
    const char                *name;
    ngx_uint_t                 durable;
    ngx_directstream_change_e  op;
    ngx_directstream_step_e    step;        /* of those that are not */
} ngx_directstream_actions[] = {
    { "start", 1, NGX_DIRECTSTREAM_START, 0 },
    { "stop", 1, NGX_DIRECTSTREAM_STOP, 0 },
    { "restart", 1, NGX_DIRECTSTREAM_RESTART, 0 },
    { "skip", 0, 0, NGX_DIRECTSTREAM_SKIP },
    { "previous", 0, 0, NGX_DIRECTSTREAM_PREVIOUS },
    { "prefetch", 0, 0, NGX_DIRECTSTREAM_PREFETCH },
    { NULL, 0, 0, 0 }
};


static ngx_int_t ngx_directstream_admin_refuse(ngx_http_request_t *r,
    ngx_uint_t status, const char *code, const char *detail);
static ngx_int_t ngx_directstream_admin_route(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_uint_t ngx_directstream_admin_tail(ngx_directstream_ctx_t *ctx,
    u_char *p, u_char *last);
static ngx_int_t ngx_directstream_admin_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_uint_t ngx_directstream_admin_json(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_admin_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_admin_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static void ngx_directstream_admin_body(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_directstream_admin_create(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_directstream_admin_location(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *name);
static ngx_int_t ngx_directstream_admin_patch(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_directstream_admin_control(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_directstream_admin_step(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_directstream_admin_stream(ngx_http_request_t *r,
    const char *name, ngx_uint_t status);


ngx_int_t
ngx_directstream_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                rc;
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_directstream_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_directstream_admin_route(r, ctx);

    if (rc == NGX_OK) {
        rc = ngx_directstream_admin_check(r, ctx);
    }

    if (rc != NGX_OK) {
        /* the answer is made, or the request is over */
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (r->method == NGX_HTTP_POST || r->method == NGX_HTTP_PATCH) {
        return ngx_directstream_body_read(r, ctx, NGX_DIRECTSTREAM_BODY_MAX,
                                          ngx_directstream_admin_body);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (r->method == NGX_HTTP_DELETE) {
        return ngx_directstream_admin_delete(r, ctx);
    }

    return ngx_directstream_admin_read(r, ctx);
}


/*
 * An answer made while a request is only being judged: its body, which
 * nobody wants, is read and thrown away by nginx.
 */

static ngx_int_t
ngx_directstream_admin_refuse(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *detail)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_directstream_problem(r, status, code, NULL, "%s", detail);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_directstream_admin_route(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    u_char                       *p, *last;
    ngx_directstream_loc_conf_t  *dlcf;

    static const char  api[] = "api/1/";

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    p = r->uri.data + ngx_min(dlcf->prefix.len, r->uri.len);
    last = r->uri.data + r->uri.len;

    if (p < last && *p == '/') {
        p++;
    }

    ctx->base.data = r->uri.data;
    ctx->base.len = p - r->uri.data;

    if ((size_t) (last - p) > sizeof(api) - 1
        && ngx_strncmp(p, api, sizeof(api) - 1) == 0)
    {
        ctx->op = ngx_directstream_admin_tail(ctx, p + sizeof(api) - 1, last);

    } else if (ngx_directstream_page_find(p, last - p, &ctx->file) == NGX_OK)
    {
        ctx->op = NGX_DIRECTSTREAM_OP_PAGE;
    }

    if (ctx->op == NGX_DIRECTSTREAM_OP_NONE) {
        return ngx_directstream_admin_refuse(r, 404, "not_found",
                                             "there is no such resource");
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_directstream_admin_tail(ngx_directstream_ctx_t *ctx, u_char *p,
    u_char *last)
{
    u_char       *slash;
    size_t        len;
    ngx_uint_t    i;

    static ngx_str_t  streams = ngx_string("streams");
    static ngx_str_t  resolve = ngx_string("resolve");
    static ngx_str_t  openapi = ngx_string("openapi.json");
    static ngx_str_t  events = ngx_string("events");
    static ngx_str_t  snapshot = ngx_string("snapshot.jpg");
    static ngx_str_t  cache = ngx_string("cache");

#define ngx_directstream_is(s, p, len)                                       \
    ((s)->len == (len) && ngx_memcmp((s)->data, p, len) == 0)

    len = last - p;

    if (ngx_directstream_is(&streams, p, len)) {
        return NGX_DIRECTSTREAM_OP_STREAMS;
    }

    if (ngx_directstream_is(&resolve, p, len)) {
        return NGX_DIRECTSTREAM_OP_RESOLVE;
    }

    if (ngx_directstream_is(&openapi, p, len)) {
        return NGX_DIRECTSTREAM_OP_OPENAPI;
    }

    if (ngx_directstream_is(&events, p, len)) {
        return NGX_DIRECTSTREAM_OP_EVENTS;
    }

    if (ngx_directstream_is(&cache, p, len)) {
        return NGX_DIRECTSTREAM_OP_CACHE;
    }

    if (len == cache.len + 1 + DS_KEY_LEN
        && ngx_memcmp(p, cache.data, cache.len) == 0
        && p[cache.len] == '/')
    {
        ngx_memcpy(ctx->key, last - DS_KEY_LEN, DS_KEY_LEN);
        return NGX_DIRECTSTREAM_OP_KEPT;
    }

    if (len <= streams.len + 1
        || ngx_memcmp(p, streams.data, streams.len) != 0
        || p[streams.len] != '/')
    {
        return NGX_DIRECTSTREAM_OP_NONE;
    }

    p += streams.len + 1;

    slash = ngx_strlchr(p, last, '/');
    len = ((slash != NULL) ? slash : last) - p;

    /* an empty name, or a longer one than any stream has, is none */

    if (len == 0 || len > DS_NAME_LEN || memchr(p, '\0', len) != NULL) {
        len = 0;
    }

    ngx_memcpy(ctx->name, p, len);

    if (slash == NULL) {
        return NGX_DIRECTSTREAM_OP_STREAM;
    }

    p = slash + 1;
    len = last - p;

    if (len == sizeof("items") - 1 && ngx_memcmp(p, "items", len) == 0) {
        return NGX_DIRECTSTREAM_OP_ITEMS;
    }

    if (ngx_directstream_is(&snapshot, p, len)) {
        return NGX_DIRECTSTREAM_OP_SNAPSHOT;
    }

    for (i = 0; ngx_directstream_actions[i].name != NULL; i++) {
        if (len == strlen(ngx_directstream_actions[i].name)
            && ngx_memcmp(p, ngx_directstream_actions[i].name, len) == 0)
        {
            ctx->action = i;
            return NGX_DIRECTSTREAM_OP_CONTROL;
        }
    }

    return NGX_DIRECTSTREAM_OP_NONE;
}


static ngx_int_t
ngx_directstream_admin_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_table_elt_t              *h;
    ngx_directstream_loc_conf_t  *dlcf;

    if (!(r->method & ngx_directstream_ops[ctx->op].methods)) {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->hash = 1;
        ngx_str_set(&h->key, "Allow");
        h->value = ngx_directstream_ops[ctx->op].allow;

        return ngx_directstream_admin_refuse(r, 405, "method_not_allowed",
                               "the resource does not have this method");
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return NGX_OK;
    }

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    if (!dlcf->write) {
        return ngx_directstream_admin_refuse(r, 403, "read_only",
                               "this location is read-only; it is not with "
                               "\"directstream_admin write=on\"");
    }

    if (r->method == NGX_HTTP_DELETE) {
        return NGX_OK;
    }

    if (!ngx_directstream_admin_json(r)) {
        return ngx_directstream_admin_refuse(r, 415, "unsupported_media_type",
                               "the request must have the header "
                               "\"Content-Type: application/json\"");
    }

    if (r->headers_in.content_length_n > NGX_DIRECTSTREAM_BODY_MAX) {
        return ngx_directstream_admin_refuse(r, 413, "too_large",
                               "a body may have at most 65536 bytes");
    }

    return NGX_OK;
}


/* a web page's form cannot send this type, so it cannot forge a write */

static ngx_uint_t
ngx_directstream_admin_json(ngx_http_request_t *r)
{
    u_char     *p;
    size_t      len;
    ngx_str_t  *value;

    static const char  type[] = "application/json";

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;
    len = sizeof(type) - 1;

    if (value->len < len
        || ngx_strncasecmp(value->data, (u_char *) type, len) != 0)
    {
        return 0;
    }

    p = value->data + len;

    while (p < value->data + value->len && (*p == ' ' || *p == '\t')) {
        p++;
    }

    return p == value->data + value->len || *p == ';';
}


static ngx_int_t
ngx_directstream_admin_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_directstream_json_t  w;

    switch (ctx->op) {

    case NGX_DIRECTSTREAM_OP_PAGE:
        return ngx_directstream_page(r, ctx);

    case NGX_DIRECTSTREAM_OP_STREAM:
        return ngx_directstream_admin_stream(r, ctx->name, NGX_HTTP_OK);

    case NGX_DIRECTSTREAM_OP_ITEMS:
        return ngx_directstream_list_items(r, ctx);

    case NGX_DIRECTSTREAM_OP_CACHE:
        /* it may be over before the call returns */
        r->main->count++;

        rc = ngx_directstream_cache_list(r, ctx);

        if (rc != NGX_DONE) {
            r->main->count--;
        }

        return rc;

    case NGX_DIRECTSTREAM_OP_EVENTS:
        return ngx_directstream_events(r);

    case NGX_DIRECTSTREAM_OP_SNAPSHOT:
        return ngx_directstream_snapshot(r, ctx);

    case NGX_DIRECTSTREAM_OP_STREAMS:
        ngx_directstream_json_init(&w, r->pool);
        ngx_directstream_render_list(&w, ngx_directstream_get_conf());
        ngx_directstream_json_raw(&w, "\n", 1);
        break;

    default: /* NGX_DIRECTSTREAM_OP_OPENAPI */
        ngx_directstream_json_init(&w, r->pool);
        ngx_directstream_json_raw(&w, ngx_directstream_openapi,
                                  sizeof(ngx_directstream_openapi) - 1);
    }

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_directstream_admin_stream(ngx_http_request_t *r, const char *name,
    ngx_uint_t status)
{
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_info_t   info;
    ngx_directstream_json_t   w;

    dcf = ngx_directstream_get_conf();

    if (ngx_directstream_zone_get(dcf, name, &info) != NGX_OK) {
        return ngx_directstream_admin_missing(r, name);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_render_stream(&w, dcf, &info);
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, status, &w);
}


ngx_int_t
ngx_directstream_admin_missing(ngx_http_request_t *r, const char *name)
{
    return ngx_directstream_problem(r, 404, "stream_not_found", NULL,
                                    "there is no stream \"%s\"", name);
}


static ngx_int_t
ngx_directstream_admin_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_directstream_change_t  change;

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_DELETE;
    ngx_memcpy(change.def.name, ctx->name, sizeof(ctx->name));

    /* it may be over before the call returns */
    r->main->count++;

    rc = (ctx->op == NGX_DIRECTSTREAM_OP_KEPT)
         ? ngx_directstream_cache_delete(r, ctx->key)
         : ngx_directstream_write(r, &change);

    if (rc != NGX_DONE) {
        r->main->count--;
    }

    return rc;
}


static void
ngx_directstream_admin_body(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_int_t                rc;
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    if (body == NULL) {
        rc = ngx_directstream_problem(r, 413, "too_large", NULL,
                               "a body may have at most 65536 bytes");

    } else if (ctx->op == NGX_DIRECTSTREAM_OP_RESOLVE) {
        ngx_directstream_resolve_body(r, body);
        return;

    } else if (ctx->op == NGX_DIRECTSTREAM_OP_CONTROL) {
        rc = ngx_directstream_admin_control(r, ctx, body);

    } else if (r->method == NGX_HTTP_PATCH) {
        rc = ngx_directstream_admin_patch(r, ctx, body);

    } else {
        rc = ngx_directstream_admin_create(r, body);
    }

    if (rc == NGX_DONE) {
        /* a write is under way, and holds the request */
        return;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_directstream_admin_create(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_CREATE;

    if (ngx_directstream_def_parse(ngx_directstream_get_conf(), body, 0,
                                   &change.def, &change.set, &change.running,
                                   &m)
        != NGX_OK)
    {
        return ngx_directstream_problem(r, 400, m.code, m.field, "%s",
                                        m.detail);
    }

    return ngx_directstream_write(r, &change);
}


/* the answer to a change that is done */

ngx_int_t
ngx_directstream_admin_changed(ngx_http_request_t *r,
    ngx_directstream_change_t *change)
{
    ngx_uint_t               status;
    ngx_directstream_ctx_t  *ctx;
    ngx_directstream_json_t  w;

    switch (change->op) {

    case NGX_DIRECTSTREAM_CREATE:
        ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

        if (ngx_directstream_admin_location(r, ctx, change->def.name)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        status = NGX_HTTP_CREATED;
        break;

    case NGX_DIRECTSTREAM_PATCH:
        status = NGX_HTTP_OK;
        break;

    case NGX_DIRECTSTREAM_DELETE:
        ngx_directstream_json_init(&w, r->pool);
        return ngx_directstream_send(r, NGX_HTTP_NO_CONTENT, &w);

    default:
        status = NGX_HTTP_ACCEPTED;
    }

    return ngx_directstream_admin_stream(r, change->def.name, status);
}


static ngx_int_t
ngx_directstream_admin_location(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *name)
{
    u_char           *p;
    size_t            len;
    ngx_table_elt_t  *h;

    static const char  streams[] = "api/1/streams/";

    len = ctx->base.len
          + 2 * ngx_escape_uri(NULL, ctx->base.data, ctx->base.len,
                               NGX_ESCAPE_URI)
          + sizeof(streams) + DS_NAME_LEN;

    p = ngx_pnalloc(r->pool, len);
    h = ngx_list_push(&r->headers_out.headers);
    if (p == NULL || h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Location");
    h->value.data = p;

    p = (u_char *) ngx_escape_uri(p, ctx->base.data, ctx->base.len,
                                  NGX_ESCAPE_URI);
    p = ngx_sprintf(p, "%s%s", streams, name);

    h->value.len = p - h->value.data;
    r->headers_out.location = h;

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_admin_patch(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body)
{
    ngx_uint_t                  start;
    ngx_directstream_info_t     info;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_PATCH;
    ngx_memcpy(change.def.name, ctx->name, sizeof(ctx->name));

    /* of another nobody wants to hear about the body */

    if (ngx_directstream_zone_get(dcf, ctx->name, &info) == NGX_OK
        && !info.fixed)
    {
        change.def = info.def;

        if (ngx_directstream_def_parse(dcf, body, 1, &change.def, &change.set,
                                       &start, &m)
            != NGX_OK)
        {
            return ngx_directstream_problem(r, 400, m.code, m.field, "%s",
                                            m.detail);
        }
    }

    return ngx_directstream_write(r, &change);
}


static ngx_int_t
ngx_directstream_admin_control(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body)
{
    ngx_directstream_change_t  change;

    if (!ngx_directstream_actions[ctx->action].durable) {
        return ngx_directstream_admin_step(r, ctx, body);
    }

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = ngx_directstream_actions[ctx->action].op;
    change.running = (change.op != NGX_DIRECTSTREAM_STOP);
    ngx_memcpy(change.def.name, ctx->name, sizeof(ctx->name));

    return ngx_directstream_write(r, &change);
}


static ngx_int_t
ngx_directstream_admin_step(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_str_t *body)
{
    ngx_uint_t                  on;
    ngx_directstream_step_e     step;
    ngx_directstream_mistake_t  m;

    step = ngx_directstream_actions[ctx->action].step;

    if (step == NGX_DIRECTSTREAM_PREFETCH) {

        if (ngx_directstream_prefetch_parse(body, &on, &m) != NGX_OK) {
            return ngx_directstream_problem(r, 400, m.code, m.field, "%s",
                                            m.detail);
        }

        if (!on) {
            step = NGX_DIRECTSTREAM_PREFETCH_OFF;
        }
    }

    if (ngx_directstream_zone_step(ngx_directstream_get_conf(), ctx->name,
                                   step)
        != NGX_OK)
    {
        return ngx_directstream_admin_missing(r, ctx->name);
    }

    ngx_directstream_wake();

    return ngx_directstream_admin_stream(r, ctx->name, NGX_HTTP_ACCEPTED);
}
