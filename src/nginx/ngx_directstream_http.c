
/*
 * ngx_directstream_http.c: how a request is read and answered: a small body
 * in memory, arguments, headers, JSON, and what went wrong as a problem
 * document.  Knows no resource.
 */

#include "ngx_directstream_http.h"

#include <ngx_md5.h>

#include <sys/random.h>


#define NGX_DIRECTSTREAM_LIST_MAX  1000    /* entries of a part */


static void ngx_directstream_body_begin(ngx_http_request_t *r);
static void ngx_directstream_body_more(ngx_http_request_t *r);
static void ngx_directstream_body_take(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_arg(ngx_http_request_t *r,
    const char *name, ngx_uint_t min, ngx_uint_t max, ngx_uint_t *value);


/*
 * Not by nginx's own buffering: that would write a body to a file, and answer
 * one without a length that is too large by itself, with a page.
 */

ngx_int_t
ngx_directstream_body_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, size_t max,
    ngx_directstream_handler_pt handler)
{
    ngx_int_t  rc;

    ctx->max = max;
    ctx->handler = handler;

    ctx->body.data = ngx_pcalloc(r->pool, max + 1);
    if (ctx->body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

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

        ngx_directstream_body_take(r, ctx);

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

    rc = ctx->handler(r, ctx);

    if (rc != NGX_DONE) {
        ngx_http_finalize_request(r, rc);
    }
}


/* copies what has arrived to the context, and gives the buffers back */

static void
ngx_directstream_body_take(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    size_t        len;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return;
    }

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (!ngx_buf_in_memory(b)) {
            continue;
        }

        len = b->last - b->pos;

        if (len > ctx->max - ctx->body.len) {
            ctx->too_large = 1;

        } else {
            ngx_memcpy(ctx->body.data + ctx->body.len, b->pos, len);
            ctx->body.len += len;
        }

        b->pos = b->last;
    }

    r->request_body->bufs = NULL;
}


ngx_int_t
ngx_directstream_args(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_uint_t limit)
{
    ngx_int_t  rc;

    ctx->offset = 0;
    ctx->limit = limit;

    if (ngx_directstream_arg(r, "offset", 0, 0x7fffffff, &ctx->offset)
        != NGX_OK)
    {
        rc = ngx_directstream_problem(r, 400, "invalid_field", "offset",
                               "it must be a whole number, 0 or more");

    } else if (ngx_directstream_arg(r, "limit", 1, NGX_DIRECTSTREAM_LIST_MAX,
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
ngx_directstream_arg(ngx_http_request_t *r, const char *name, ngx_uint_t min,
    ngx_uint_t max, ngx_uint_t *value)
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
ngx_directstream_arg_text(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    u_char     *src, *dst;
    ngx_str_t   arg;

    if (ngx_http_arg(r, (u_char *) name, strlen(name), &arg) != NGX_OK) {
        return NGX_DECLINED;
    }

    value->data = ngx_pnalloc(r->pool, arg.len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    src = arg.data;
    dst = value->data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    *dst = '\0';
    value->len = dst - value->data;

    return NGX_OK;
}


ngx_uint_t
ngx_directstream_among(const char *words, const ngx_str_t *value)
{
    size_t       len;
    const char  *end;

    for (end = words; *end != '\0'; words = end + 1) {

        end = strchr(words, ' ');
        end = (end != NULL) ? end : words + strlen(words);
        len = end - words;

        if (len != 0 && len == value->len
            && ngx_memcmp(words, value->data, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_directstream_arg_time(ngx_http_request_t *r, const char *name,
    int64_t *ms)
{
    int         n, end, more;
    time_t      t;
    ngx_int_t   rc;
    ngx_str_t   value;
    struct tm   tm, back;

    rc = ngx_directstream_arg_text(r, name, &value);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_memzero(&tm, sizeof(struct tm));
    end = 0;
    more = 0;

    n = sscanf((char *) value.data, "%4d-%2d-%2dT%2d:%2d:%2d%n.%3d%n",
               &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
               &tm.tm_sec, &end, &more, &end);

    if (n < 6 || ngx_strcmp(value.data + end, "Z") != 0) {
        return NGX_ERROR;
    }

    tm.tm_year -= 1900;
    tm.tm_mon--;

    back = tm;
    t = timegm(&back);

    /* a thirtieth of February is no day */

    if (back.tm_mday != tm.tm_mday || back.tm_mon != tm.tm_mon
        || back.tm_hour != tm.tm_hour || back.tm_min != tm.tm_min
        || back.tm_sec != tm.tm_sec)
    {
        return NGX_ERROR;
    }

    *ms = (int64_t) t * 1000 + (n == 7 ? more : 0);

    return NGX_OK;
}


/* what the request says beside the key must be the same the next time */

ngx_int_t
ngx_directstream_key(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    const char *what, ngx_directstream_key_t *k)
{
    u_char      digest[16];
    ngx_int_t   rc;
    ngx_md5_t   md5;
    ngx_str_t  *value;

    static const char  name[] = "idempotency-key";

    ngx_memzero(k, sizeof(ngx_directstream_key_t));

    value = ngx_directstream_header_in(r, name, NULL);

    if (value == NULL) {
        return NGX_OK;
    }

    if (value->len == 0 || value->len > NGX_DIRECTSTREAM_KEY_MAX
        || ngx_directstream_header_in(r, name, value) != NULL)
    {
        rc = ngx_directstream_problem(r, 400, "invalid_field",
                               "Idempotency-Key", "it must have from 1 to %d "
                               "characters, and not stand twice",
                               NGX_DIRECTSTREAM_KEY_MAX);

        return (rc == NGX_OK) ? NGX_DECLINED : rc;
    }

    ngx_memcpy(k->key, value->data, value->len);

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, what, strlen(what));
    ngx_md5_update(&md5, ctx->body.data, ctx->body.len);
    ngx_md5_final(digest, &md5);

    (void) ngx_hex_dump((u_char *) k->sum, digest, sizeof(digest));

    return NGX_OK;
}


ngx_str_t *
ngx_directstream_header_in(ngx_http_request_t *r, const char *name,
    const ngx_str_t *after)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = strlen(name);

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len != len
                || ngx_strncmp(h[i].lowcase_key, name, len) != 0)
            {
                continue;
            }

            if (after == NULL) {
                return &h[i].value;
            }

            if (after == &h[i].value) {
                after = NULL;
            }
        }
    }

    return NULL;
}


ngx_table_elt_t *
ngx_directstream_header(ngx_http_request_t *r, const char *key,
    const char *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key.data = (u_char *) key;
    h->key.len = strlen(key);
    h->value.data = (u_char *) value;
    h->value.len = strlen(value);

    return h;
}


ngx_int_t
ngx_directstream_etag(ngx_http_request_t *r,
    const ngx_directstream_info_t *info)
{
    u_char  *tag;

    tag = ngx_pnalloc(r->pool, NGX_DIRECTSTREAM_TAG + 1);
    if (tag == NULL) {
        return NGX_ERROR;
    }

    ngx_directstream_field_tag(ngx_directstream_get_conf(), &info->def,
                               info->revision, tag);

    return ngx_directstream_header(r, "ETag", (char *) tag) != NULL
           ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_directstream_location(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    const char *tail, const char *name)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t  *base;

    base = &ctx->base;

    len = base->len
          + 2 * ngx_escape_uri(NULL, base->data, base->len, NGX_ESCAPE_URI);

    p = ngx_pnalloc(r->pool, len + strlen(tail) + strlen(name) + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = (u_char *) ngx_escape_uri(p, base->data, base->len,
                                     NGX_ESCAPE_URI);
    (void) ngx_sprintf(last, "%s%s%Z", tail, name);

    r->headers_out.location = ngx_directstream_header(r, "Location",
                                                      (char *) p);

    return (r->headers_out.location != NULL) ? NGX_OK : NGX_ERROR;
}


ngx_int_t
ngx_directstream_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_directstream_json_t *w)
{
    ngx_int_t  rc;

    if (w->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* what has a tag has said how it is cached */

    if (r->headers_out.etag == NULL) {

        /* a condition is for the handler, before it does anything */
        r->disable_not_modified = 1;

        if (ngx_directstream_header(r, "Cache-Control", "no-store") == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = w->size;

    if (r->headers_out.content_type.len == 0) {
        ngx_str_set(&r->headers_out.content_type, "application/json");
        r->headers_out.content_type_len = r->headers_out.content_type.len;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    w->buf->last_buf = (r == r->main);
    w->buf->last_in_chain = 1;

    return ngx_http_output_filter(r, w->out);
}


ngx_int_t
ngx_directstream_send_empty(ngx_http_request_t *r, ngx_uint_t status)
{
    if (ngx_directstream_header(r, "Cache-Control", "no-store") == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->disable_not_modified = 1;
    r->headers_out.status = status;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_directstream_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *field, const char *fmt, ...)
{
    u_char                    detail[1024], *p;
    va_list                   args;
    const char               *title;
    ngx_uint_t                i;
    ngx_directstream_json_t   w;

    static const struct {
        ngx_uint_t   status;
        const char  *title;
    } titles[] = {
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 500, "Internal Server Error" },
        { 502, "Bad Gateway" },
        { 503, "Service Unavailable" },
        { 507, "Insufficient Storage" }
    };

    va_start(args, fmt);
    p = ngx_vslprintf(detail, detail + sizeof(detail) - 1, fmt, args);
    va_end(args);

    *p = '\0';

    title = "Error";

    for (i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (titles[i].status == status) {
            title = titles[i].title;
        }
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "directstream: request refused, code \"%s\"", code);

    ngx_directstream_json_init(&w, r->pool);

    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_text(&w, "type", "about:blank", 64);
    ngx_directstream_json_text(&w, "title", title, 64);
    ngx_directstream_json_key(&w, "status");
    ngx_directstream_json_integer(&w, status);
    ngx_directstream_json_text(&w, "detail", (char *) detail, sizeof(detail));
    ngx_directstream_json_text(&w, "code", code, 64);

    if (field != NULL && field[0] != '\0') {
        ngx_directstream_json_text(&w, "field", field, 64);
    }

    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, status, &w);
}


/* no memory is nobody's mistake */

ngx_int_t
ngx_directstream_mistaken(ngx_http_request_t *r,
    const ngx_directstream_mistake_t *m)
{
    return ngx_directstream_problem(r, ngx_strcmp(m->code, "no_memory") == 0
                                       ? 500 : 400, m->code, m->field, "%s",
                                    m->detail);
}


ngx_int_t
ngx_directstream_missing(ngx_http_request_t *r, const char *name)
{
    return ngx_directstream_problem(r, 404, "stream_not_found", NULL,
                                    "there is no stream \"%s\"", name);
}


ngx_int_t
ngx_directstream_id(char *id)
{
    u_char  bytes[DS_QUEUE_ID_LEN / 2];

    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "getrandom() failed");
        return NGX_ERROR;
    }

    (void) ngx_hex_dump((u_char *) id, bytes, sizeof(bytes));

    return NGX_OK;
}
