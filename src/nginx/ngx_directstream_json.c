
/*
 * ngx_directstream_json.c: writes JSON into a chain of buffers.  Whatever a
 * string holds, valid JSON and valid UTF-8 come out: bytes that are not
 * UTF-8 become U+FFFD.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_JSON_BUF  8192


static void ngx_directstream_json_before(ngx_directstream_json_t *w);


void
ngx_directstream_json_init(ngx_directstream_json_t *w, ngx_pool_t *pool)
{
    ngx_memzero(w, sizeof(ngx_directstream_json_t));

    w->pool = pool;
    w->last = &w->out;
}


void
ngx_directstream_json_raw(ngx_directstream_json_t *w, const char *data,
    size_t len)
{
    size_t        n;
    ngx_chain_t  *cl;

    while (len > 0 && !w->failed) {

        if (w->buf == NULL || w->buf->last == w->buf->end) {

            cl = ngx_alloc_chain_link(w->pool);
            if (cl == NULL) {
                w->failed = 1;
                return;
            }

            cl->buf = ngx_create_temp_buf(w->pool, NGX_DIRECTSTREAM_JSON_BUF);
            if (cl->buf == NULL) {
                w->failed = 1;
                return;
            }

            cl->next = NULL;
            *w->last = cl;
            w->last = &cl->next;
            w->buf = cl->buf;
        }

        n = ngx_min(len, (size_t) (w->buf->end - w->buf->last));

        w->buf->last = ngx_cpymem(w->buf->last, data, n);
        w->size += n;
        data += n;
        len -= n;
    }
}


static void
ngx_directstream_json_before(ngx_directstream_json_t *w)
{
    if (w->comma) {
        ngx_directstream_json_raw(w, ",", 1);
    }

    w->comma = 1;
}


void
ngx_directstream_json_open(ngx_directstream_json_t *w, char c)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, &c, 1);

    w->comma = 0;
}


void
ngx_directstream_json_close(ngx_directstream_json_t *w, char c)
{
    ngx_directstream_json_raw(w, &c, 1);

    w->comma = 1;
}


void
ngx_directstream_json_key(ngx_directstream_json_t *w, const char *key)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, "\"", 1);
    ngx_directstream_json_raw(w, key, strlen(key));
    ngx_directstream_json_raw(w, "\":", 2);

    w->comma = 0;
}


void
ngx_directstream_json_string(ngx_directstream_json_t *w, const char *value,
    size_t max)
{
    u_char         esc[8];
    size_t         n;
    const u_char  *p, *run, *last;

    p = (const u_char *) value;
    last = p + strnlen(value, max);

    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, "\"", 1);

    while (p < last) {

        for (run = p; p < last && *p >= 0x20 && *p < 0x7f && *p != '"'
                      && *p != '\\'; p++)
        {
            /* void */
        }

        if (p != run) {
            ngx_directstream_json_raw(w, (const char *) run, p - run);
            continue;
        }

        if (*p == '"' || *p == '\\') {
            esc[0] = '\\';
            esc[1] = *p++;
            ngx_directstream_json_raw(w, (char *) esc, 2);
            continue;
        }

        if (*p < 0x20 || *p == 0x7f) {
            n = ngx_sprintf(esc, "\\u%04Xd", (int) *p++) - esc;
            ngx_directstream_json_raw(w, (char *) esc, n);
            continue;
        }

        n = ds_utf8_len(p, last - p);

        if (n == 0) {
            ngx_directstream_json_raw(w, "\xef\xbf\xbd", 3);
            p++;
            continue;
        }

        ngx_directstream_json_raw(w, (const char *) p, n);
        p += n;
    }

    ngx_directstream_json_raw(w, "\"", 1);
}


void
ngx_directstream_json_integer(ngx_directstream_json_t *w, int64_t n)
{
    u_char  buf[NGX_INT64_LEN + 1];

    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, (char *) buf,
                              ngx_sprintf(buf, "%L", n) - buf);
}


void
ngx_directstream_json_bool(ngx_directstream_json_t *w, ngx_uint_t b)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, b ? "true" : "false", b ? 4 : 5);
}


void
ngx_directstream_json_null(ngx_directstream_json_t *w)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, "null", 4);
}


void
ngx_directstream_json_seconds(ngx_directstream_json_t *w, int64_t ms)
{
    u_char  buf[NGX_INT64_LEN + 8];

    if (ms < 0) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, (char *) buf,
                              ngx_sprintf(buf, "%L.%03L", ms / 1000, ms % 1000)
                              - buf);
}


void
ngx_directstream_json_time(ngx_directstream_json_t *w, int64_t ms)
{
    u_char    buf[sizeof("1970-09-28T12:00:00.000Z") + 8];
    ngx_tm_t  tm;

    if (ms <= 0) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_gmtime((time_t) (ms / 1000), &tm);

    (void) ngx_snprintf(buf, sizeof(buf),
                        "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ%Z",
                        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                        tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                        (int) (ms % 1000));

    ngx_directstream_json_string(w, (char *) buf, sizeof(buf));
}
