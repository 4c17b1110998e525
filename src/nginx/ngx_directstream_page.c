
/*
 * ngx_directstream_page.c: the dashboard: the files of src/dashboard, and
 * index.html filled in: whether this location may write, and a table of the
 * streams for browsers without scripts.  Titles and messages come from
 * strangers: no text gets into the page unescaped.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_INFOS  8      /* copied at a time */


typedef struct {
    ngx_str_t                 name;
    ngx_str_t                 type;
    ngx_str_t                 etag;
    ngx_str_t                 text;
} ngx_directstream_file_t;

/* made from src/dashboard by the config script */
#include "ngx_directstream_page.h"

#define NGX_DIRECTSTREAM_FILES                                               \
    (sizeof(ngx_directstream_files) / sizeof(ngx_directstream_files[0]))


typedef void (*ngx_directstream_mark_pt)(ngx_directstream_json_t *w,
    ngx_http_request_t *r);


static ngx_int_t ngx_directstream_page_slash(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_page_headers(ngx_http_request_t *r,
    const ngx_directstream_file_t *file);
static ngx_table_elt_t *ngx_directstream_page_header(ngx_http_request_t *r,
    const ngx_str_t *key, const ngx_str_t *value);
static ngx_int_t ngx_directstream_page_index(ngx_http_request_t *r,
    const ngx_directstream_file_t *file);
static ngx_int_t ngx_directstream_page_file(ngx_http_request_t *r,
    const ngx_directstream_file_t *file);
static void ngx_directstream_page_write(ngx_directstream_json_t *w,
    ngx_http_request_t *r);
static void ngx_directstream_page_streams(ngx_directstream_json_t *w,
    ngx_http_request_t *r);
static void ngx_directstream_page_row(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info);
static void ngx_directstream_page_time(ngx_directstream_json_t *w,
    int64_t ms);
static void ngx_directstream_page_text(ngx_directstream_json_t *w,
    const char *value, size_t max);

#define ngx_directstream_page_html(w, s)                                     \
    ngx_directstream_json_raw(w, s, sizeof(s) - 1)


/* what index.html leaves open */

static const struct {
    ngx_str_t                 name;
    ngx_directstream_mark_pt  handler;
} ngx_directstream_marks[] = {
    { ngx_string("{{write}}"), ngx_directstream_page_write },
    { ngx_string("{{streams}}"), ngx_directstream_page_streams }
};

#define NGX_DIRECTSTREAM_MARKS                                               \
    (sizeof(ngx_directstream_marks) / sizeof(ngx_directstream_marks[0]))


ngx_int_t
ngx_directstream_page_find(u_char *name, size_t len, ngx_uint_t *n)
{
    ngx_uint_t        i;
    const ngx_str_t  *file;

    static ngx_str_t  index = ngx_string("index.html");

    if (len == 0) {
        name = index.data;
        len = index.len;
    }

    for (i = 0; i < NGX_DIRECTSTREAM_FILES; i++) {
        file = &ngx_directstream_files[i].name;

        if (file->len == len && ngx_memcmp(file->data, name, len) == 0) {
            *n = i;
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


ngx_int_t
ngx_directstream_page(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    const ngx_str_t                *base;
    const ngx_directstream_file_t  *file;

    file = &ngx_directstream_files[ctx->file];
    base = &ctx->base;

    /* the page's addresses are relative to it */

    if (base->len == 0 || base->data[base->len - 1] != '/') {
        return ngx_directstream_page_slash(r, ctx);
    }

    if (ngx_directstream_page_headers(r, file) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.content_type = file->type;
    r->headers_out.content_type_len = file->type.len;
    ngx_str_set(&r->headers_out.charset, "utf-8");

    if (file->etag.len == 0) {
        return ngx_directstream_page_index(r, file);
    }

    return ngx_directstream_page_file(r, file);
}


static ngx_int_t
ngx_directstream_page_slash(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    u_char           *p;
    size_t            len;
    ngx_str_t         location;
    ngx_table_elt_t  *h;

    static const ngx_str_t  key = ngx_string("Location");

    len = ctx->base.len
          + 2 * ngx_escape_uri(NULL, ctx->base.data, ctx->base.len,
                               NGX_ESCAPE_URI);

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_escape_uri(p, ctx->base.data, ctx->base.len, NGX_ESCAPE_URI);
    p[len] = '/';

    location.data = p;
    location.len = len + 1;

    h = ngx_directstream_page_header(r, &key, &location);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.location = h;

    return NGX_HTTP_MOVED_PERMANENTLY;
}


static ngx_int_t
ngx_directstream_page_headers(ngx_http_request_t *r,
    const ngx_directstream_file_t *file)
{
    ngx_uint_t  i;

    static const struct {
        ngx_str_t  key;
        ngx_str_t  value;
    } headers[] = {
        { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
        { ngx_string("Content-Security-Policy"),
          ngx_string("default-src 'none'; script-src 'self'; "
                     "style-src 'self'; img-src 'self'; connect-src 'self'; "
                     "base-uri 'none'; form-action 'none'; "
                     "frame-ancestors 'none'") }
    };

    static const ngx_str_t  etag = ngx_string("ETag");
    static const ngx_str_t  cache = ngx_string("Cache-Control");
    static const ngx_str_t  no_cache = ngx_string("no-cache");

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        if (ngx_directstream_page_header(r, &headers[i].key,
                                         &headers[i].value)
            == NULL)
        {
            return NGX_ERROR;
        }
    }

    if (file->etag.len == 0) {
        return NGX_OK;
    }

    r->headers_out.etag = ngx_directstream_page_header(r, &etag, &file->etag);

    if (r->headers_out.etag == NULL
        || ngx_directstream_page_header(r, &cache, &no_cache) == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_directstream_page_header(ngx_http_request_t *r, const ngx_str_t *key,
    const ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
    h->key = *key;
    h->value = *value;

    return h;
}


static ngx_int_t
ngx_directstream_page_file(ngx_http_request_t *r,
    const ngx_directstream_file_t *file)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = file->text.len;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->pos = file->text.data;
    b->last = file->text.data + file->text.len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static ngx_int_t
ngx_directstream_page_index(ngx_http_request_t *r,
    const ngx_directstream_file_t *file)
{
    u_char                   *p, *last, *mark;
    ngx_uint_t                i;
    ngx_directstream_json_t   w;

    ngx_directstream_json_init(&w, r->pool);

    p = file->text.data;
    last = p + file->text.len;

    for (i = 0; i < NGX_DIRECTSTREAM_MARKS; i++) {

        /* each is there once, in this order */

        mark = ngx_strnstr(p, (char *) ngx_directstream_marks[i].name.data,
                           last - p);
        if (mark == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ngx_directstream_json_raw(&w, (char *) p, mark - p);
        ngx_directstream_marks[i].handler(&w, r);

        p = mark + ngx_directstream_marks[i].name.len;
    }

    ngx_directstream_json_raw(&w, (char *) p, last - p);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static void
ngx_directstream_page_write(ngx_directstream_json_t *w, ngx_http_request_t *r)
{
    ngx_directstream_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    if (dlcf->write) {
        ngx_directstream_page_html(w, "on");

    } else {
        ngx_directstream_page_html(w, "off");
    }
}


static void
ngx_directstream_page_streams(ngx_directstream_json_t *w,
    ngx_http_request_t *r)
{
    char                      name[DS_NAME_LEN + 1];
    ngx_uint_t                i, n;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_info_t  *info;

    dcf = ngx_directstream_get_conf();

    info = ngx_palloc(r->pool, NGX_DIRECTSTREAM_INFOS
                               * sizeof(ngx_directstream_info_t));
    if (info == NULL) {
        w->failed = 1;
        return;
    }

    name[0] = '\0';

    do {
        n = ngx_directstream_zone_list(dcf, name, info,
                                       NGX_DIRECTSTREAM_INFOS);

        for (i = 0; i < n; i++) {
            ngx_directstream_page_row(w, dcf, &info[i]);
        }

        if (n != 0) {
            ngx_memcpy(name, info[n - 1].def.name, sizeof(name));
        }

    } while (n == NGX_DIRECTSTREAM_INFOS);
}


static void
ngx_directstream_page_row(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info)
{
    ds_status_t  *st;

    st = &info->status;

    ngx_directstream_page_html(w, "<tr><th scope=\"row\">");
    ngx_directstream_page_text(w, info->def.name, sizeof(info->def.name));
    ngx_directstream_page_html(w, "</th><td>");
    ngx_directstream_page_text(w, ds_state_name(st->state), 32);

    if (ngx_directstream_stale(dcf, info)) {
        ngx_directstream_page_html(w, ", as last known");
    }

    ngx_directstream_page_html(w, "</td><td><bdi>");

    if (st->has_item) {
        ngx_directstream_page_text(w, st->item.title[0] != '\0'
                                      ? st->item.title : st->item.id,
                                   DS_TITLE_LEN);
    }

    ngx_directstream_page_html(w, "</bdi>");

    if (st->slate) {
        ngx_directstream_page_html(w, " (the slate is on air)");
    }

    ngx_directstream_page_html(w, "</td><td>");

    if (st->has_item) {
        ngx_directstream_page_time(w, st->position);

        if (st->item.duration >= 0) {
            ngx_directstream_page_html(w, " of ");
            ngx_directstream_page_time(w, st->item.duration);
        }
    }

    ngx_directstream_page_html(w, "</td><td><bdi>");

    if (st->error.code != 0) {
        ngx_directstream_page_text(w, st->error.message, DS_MESSAGE_LEN);
        ngx_directstream_page_html(w, "</bdi> <code>");
        ngx_directstream_page_text(w, ds_error_code(st->error.code), 64);
        ngx_directstream_page_html(w, "</code>");

    } else {
        ngx_directstream_page_html(w, "</bdi>");
    }

    ngx_directstream_page_html(w, "</td></tr>\n");
}


static void
ngx_directstream_page_time(ngx_directstream_json_t *w, int64_t ms)
{
    u_char    buf[NGX_INT64_LEN + sizeof(":00:00")], *p;
    uint64_t  s;

    s = ngx_max(ms, 0) / 1000;

    p = (s >= 3600)
        ? ngx_sprintf(buf, "%uL:%02uL:%02uL", s / 3600, s / 60 % 60, s % 60)
        : ngx_sprintf(buf, "%uL:%02uL", s / 60, s % 60);

    ngx_directstream_json_raw(w, (char *) buf, p - buf);
}


/* as it is where that can do no harm, in valid UTF-8 */

static void
ngx_directstream_page_text(ngx_directstream_json_t *w, const char *value,
    size_t max)
{
    size_t         n;
    ngx_uint_t     i;
    const u_char  *p, *last;

    static const struct {
        u_char     c;
        ngx_str_t  text;
    } escapes[] = {
        { '&', ngx_string("&amp;") },
        { '<', ngx_string("&lt;") },
        { '>', ngx_string("&gt;") },
        { '"', ngx_string("&quot;") },
        { '\'', ngx_string("&#39;") }
    };

    p = (const u_char *) value;
    last = p + strnlen(value, max);

    while (p < last) {

        n = ds_utf8_len(p, last - p);

        if (n == 0) {
            ngx_directstream_page_html(w, "\xef\xbf\xbd");
            p++;
            continue;
        }

        if (*p < 0x20 || *p == 0x7f) {
            ngx_directstream_page_html(w, " ");
            p++;
            continue;
        }

        for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
            if (*p == escapes[i].c) {
                break;
            }
        }

        if (i < sizeof(escapes) / sizeof(escapes[0])) {
            ngx_directstream_json_raw(w, (char *) escapes[i].text.data,
                                      escapes[i].text.len);

        } else {
            ngx_directstream_json_raw(w, (const char *) p, n);
        }

        p += n;
    }
}
