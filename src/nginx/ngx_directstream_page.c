
/*
 * ngx_directstream_page.c: the dashboard: the files of src/dashboard, and
 * index.html filled in: a table of the streams for browsers without scripts.
 * Titles and messages come from strangers: no text gets into the page
 * unescaped.
 */

#include "ngx_directstream_http.h"


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


static ngx_int_t ngx_directstream_page_headers(ngx_http_request_t *r,
    const ngx_directstream_file_t *file);
static u_char *ngx_directstream_page_until(ngx_directstream_json_t *w,
    u_char *p, u_char *last, const char *mark);
static void ngx_directstream_page_row(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_page_time(ngx_directstream_json_t *w,
    int64_t ms);
static void ngx_directstream_page_text(ngx_directstream_json_t *w,
    const char *value, size_t max);


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
    u_char                         *p, *last;
    ngx_str_t                      *base;
    ngx_directstream_json_t         w;
    ngx_directstream_loc_conf_t    *dlcf;
    const ngx_directstream_file_t  *file;

    file = &ngx_directstream_files[ctx->action];
    base = &ctx->base;

    /* the page's addresses are relative to it */

    if (base->len == 0 || base->data[base->len - 1] != '/') {
        return (ngx_directstream_location(r, ctx, "/", "") == NGX_OK)
               ? NGX_HTTP_MOVED_PERMANENTLY : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_directstream_page_headers(r, file) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_directstream_json_init(&w, r->pool);

    p = file->text.data;
    last = p + file->text.len;

    if (file->etag.len == 0) {
        dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

        p = ngx_directstream_page_until(&w, p, last, "{{streams}}");

        /* to who has shown no token yet it tells of none of them */

        if (dlcf->tokens == NULL
            && ngx_directstream_zone_each(ngx_directstream_get_conf(), r->pool,
                                          ngx_directstream_page_row, &w)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p = ngx_directstream_page_until(&w, p, last, "{{version}}");
        ngx_directstream_json_print(&w, "%s, build %s", DS_VERSION,
                                    ngx_directstream_build());
    }

    ngx_directstream_json_raw(&w, (char *) p, last - p);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


/* writes what is before the mark; returns what follows it */

static u_char *
ngx_directstream_page_until(ngx_directstream_json_t *w, u_char *p,
    u_char *last, const char *mark)
{
    u_char  *end;

    end = ngx_strnstr(p, (char *) mark, last - p);

    if (end == NULL) {
        w->failed = 1;
        return last;
    }

    ngx_directstream_json_raw(w, (char *) p, end - p);

    return end + strlen(mark);
}


static ngx_int_t
ngx_directstream_page_headers(ngx_http_request_t *r,
    const ngx_directstream_file_t *file)
{
    if (ngx_directstream_header(r, "Referrer-Policy", "no-referrer") == NULL
        || ngx_directstream_header(r, "Content-Security-Policy",
                     "default-src 'none'; script-src 'self'; "
                     "style-src 'self'; img-src 'self' blob:; "
                     "connect-src 'self'; "
                     "base-uri 'none'; form-action 'none'; "
                     "frame-ancestors 'none'")
           == NULL)
    {
        return NGX_ERROR;
    }

    r->headers_out.content_type = file->type;
    r->headers_out.content_type_len = file->type.len;
    ngx_str_set(&r->headers_out.charset, "utf-8");

    if (file->etag.len == 0) {
        return NGX_OK;
    }

    r->headers_out.etag = ngx_directstream_header(r, "ETag",
                                                  (char *) file->etag.data);

    if (r->headers_out.etag == NULL
        || ngx_directstream_header(r, "Cache-Control", "no-cache") == NULL)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_directstream_page_row(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_json_t *w = data;

    ds_status_t  *st;

    st = &info->status;

    /* of names and codes no character needs an escape */

    ngx_directstream_json_print(w, "<tr><th scope=\"row\">%s</th><td>%s%s"
                                "</td><td><bdi>", info->def.name,
                                ds_state_name(st->state),
                                ngx_directstream_stale(info)
                                ? ", as last known" : "");

    if (st->has_item) {
        ngx_directstream_page_text(w, st->item.title[0] != '\0'
                                      ? st->item.title : st->item.id,
                                   DS_TITLE_LEN);
    }

    ngx_directstream_json_print(w, "</bdi>%s</td><td>",
                                st->slate ? " (the slate is on air)" : "");

    if (st->has_item) {
        ngx_directstream_page_time(w, st->position);

        if (st->item.duration >= 0) {
            ngx_directstream_json_print(w, " of ");
            ngx_directstream_page_time(w, st->item.duration);
        }
    }

    ngx_directstream_json_print(w, "</td><td><bdi>");

    if (st->error.code != 0) {
        ngx_directstream_page_text(w, st->error.message, DS_MESSAGE_LEN);
        ngx_directstream_json_print(w, "</bdi> <code>%s</code></td></tr>\n",
                                    ds_error_code(st->error.code));

    } else {
        ngx_directstream_json_print(w, "</bdi></td></tr>\n");
    }
}


static void
ngx_directstream_page_time(ngx_directstream_json_t *w, int64_t ms)
{
    uint64_t  s;

    s = ngx_max(ms, 0) / 1000;

    if (s >= 3600) {
        ngx_directstream_json_print(w, "%uL:%02uL:%02uL", s / 3600,
                                    s / 60 % 60, s % 60);

    } else {
        ngx_directstream_json_print(w, "%uL:%02uL", s / 60, s % 60);
    }
}


/* as it is where that can do no harm, in valid UTF-8 */

static void
ngx_directstream_page_text(ngx_directstream_json_t *w, const char *value,
    size_t max)
{
    size_t         n;
    const char    *text;
    const u_char  *p, *last;

    p = (const u_char *) value;
    last = p + strnlen(value, max);

    while (p < last) {

        n = ds_utf8_len(p, last - p);

        switch (*p) {

        case '&':
            text = "&amp;";
            break;

        case '<':
            text = "&lt;";
            break;

        case '>':
            text = "&gt;";
            break;

        case '"':
            text = "&quot;";
            break;

        case '\'':
            text = "&#39;";
            break;

        default:
            text = (n == 0) ? "\xef\xbf\xbd"
                   : (*p < 0x20 || *p == 0x7f) ? " " : NULL;
        }

        if (text != NULL) {
            ngx_directstream_json_raw(w, text, strlen(text));

        } else {
            ngx_directstream_json_raw(w, (const char *) p, n);
        }

        p += ngx_max(n, 1);
    }
}
