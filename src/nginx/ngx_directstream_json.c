
/*
 * ngx_directstream_json.c: writes JSON into a chain of buffers, an object at
 * a time by a table of its members.  Whatever a string holds, valid JSON and
 * valid UTF-8 come out: bytes that are not UTF-8 become U+FFFD.
 */

#include "ngx_directstream_json.h"


#define NGX_DIRECTSTREAM_JSON_BUF    8192
#define NGX_DIRECTSTREAM_JSON_PRINT  1024


static void ngx_directstream_json_before(ngx_directstream_json_t *w);
static void ngx_directstream_json_choose(ngx_directstream_json_t *w,
    const char *key);
static void ngx_directstream_json_value(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base);
static void ngx_directstream_json_name(ngx_directstream_json_t *w,
    ngx_directstream_json_e kind, int64_t n);
static void ngx_directstream_json_time(ngx_directstream_json_t *w,
    int64_t ms);


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

    if (w->muted) {
        return;
    }

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


void
ngx_directstream_json_print(ngx_directstream_json_t *w, const char *fmt, ...)
{
    u_char   text[NGX_DIRECTSTREAM_JSON_PRINT], *p;
    va_list  args;

    va_start(args, fmt);
    p = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    ngx_directstream_json_raw(w, (char *) text, p - text);
}


static void
ngx_directstream_json_before(ngx_directstream_json_t *w)
{
    if (w->muted) {
        return;
    }

    if (w->comma) {
        ngx_directstream_json_raw(w, ",", 1);
    }

    w->comma = 1;
}


void
ngx_directstream_json_open(ngx_directstream_json_t *w, char c)
{
    w->depth++;

    if (w->muted) {
        return;
    }

    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, &c, 1);

    w->comma = 0;
}


void
ngx_directstream_json_close(ngx_directstream_json_t *w, char c)
{
    if (w->muted == w->depth) {
        w->muted = 0;
    }

    w->depth--;

    if (w->muted) {
        return;
    }

    ngx_directstream_json_raw(w, &c, 1);

    w->comma = 1;
}


void
ngx_directstream_json_key(ngx_directstream_json_t *w, const char *key)
{
    if (w->fields != NULL) {
        ngx_directstream_json_choose(w, key);
    }

    if (w->muted) {
        return;
    }

    ngx_directstream_json_before(w);
    ngx_directstream_json_raw(w, "\"", 1);
    ngx_directstream_json_raw(w, key, strlen(key));
    ngx_directstream_json_raw(w, "\":", 2);

    w->comma = 0;
}


/* of members, and of members of these, but not deeper */

static void
ngx_directstream_json_choose(ngx_directstream_json_t *w, const char *key)
{
    u_char                     *dot;
    size_t                      len, n;
    ngx_uint_t                  i, inner, wanted;
    ngx_directstream_wanted_t  *f;

    inner = (w->depth == w->within + 1);

    if ((!inner && w->depth != w->within)
        || (inner && w->muted == w->within))
    {
        return;
    }

    wanted = 0;
    f = w->fields->elts;

    for (i = 0; i < w->fields->nelts; i++) {

        dot = ngx_strlchr(f[i].name.data, f[i].name.data + f[i].name.len, '.');
        len = (dot != NULL) ? (size_t) (dot - f[i].name.data) : f[i].name.len;
        n = strlen(inner ? w->outer : key);

        if (n != len
            || ngx_memcmp(f[i].name.data, inner ? w->outer : key, n) != 0)
        {
            continue;
        }

        if (!inner || dot == NULL) {
            wanted = 1;
            f[i].seen |= (dot == NULL);

        } else if (strlen(key) == f[i].name.len - len - 1
                   && ngx_memcmp(dot + 1, key, strlen(key)) == 0)
        {
            wanted = 1;
            f[i].seen = 1;
        }
    }

    w->muted = wanted ? 0 : w->depth;

    if (!inner) {
        w->outer = key;
    }
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
    ngx_directstream_json_before(w);
    ngx_directstream_json_print(w, "%L", n);
}


void
ngx_directstream_json_bool(ngx_directstream_json_t *w, ngx_uint_t b)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_print(w, b ? "true" : "false");
}


void
ngx_directstream_json_null(ngx_directstream_json_t *w)
{
    ngx_directstream_json_before(w);
    ngx_directstream_json_print(w, "null");
}


void
ngx_directstream_json_seconds(ngx_directstream_json_t *w, int64_t ms)
{
    if (ms < 0) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_directstream_json_before(w);
    ngx_directstream_json_print(w, "%L.%03L", ms / 1000, ms % 1000);
}


static void
ngx_directstream_json_time(ngx_directstream_json_t *w, int64_t ms)
{
    u_char  buf[sizeof("1970-09-28T12:00:00.000Z") + 8];

    if (ms <= 0) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_directstream_json_string(w, (char *) buf,
                                 ngx_directstream_time_utc(buf, ms) - buf);
}


void
ngx_directstream_json_text(ngx_directstream_json_t *w, const char *key,
    const char *value, size_t max)
{
    ngx_directstream_json_key(w, key);
    ngx_directstream_json_string(w, value, max);
}


void
ngx_directstream_json_object(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base)
{
    if (base == NULL) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_members(w, m, base);
    ngx_directstream_json_close(w, '}');
}


void
ngx_directstream_json_members(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base)
{
    for ( /* void */ ; m->key != NULL; m++) {
        ngx_directstream_json_key(w, m->key);
        ngx_directstream_json_value(w, m, base);
    }
}


static void
ngx_directstream_json_value(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base)
{
    int64_t      n;
    const void  *p;

    static const ngx_directstream_member_t  error[] = {
        ngx_directstream_member("code", CODE, ds_error_t, code),
        ngx_directstream_member("message", TEXT, ds_error_t, message),
        ngx_directstream_member("at", TIME, ds_error_t, at),
        ngx_directstream_member_end
    };

    p = (const u_char *) base + m->offset;

    switch (m->kind) {

    case NGX_DIRECTSTREAM_JSON_TEXT:
        ngx_directstream_json_string(w, p, m->size);
        return;

    case NGX_DIRECTSTREAM_JSON_WORD:
        if (*(const char *) p != '\0') {
            ngx_directstream_json_string(w, p, m->size);

        } else {
            ngx_directstream_json_null(w);
        }

        return;

    case NGX_DIRECTSTREAM_JSON_BOOL:
        ngx_directstream_json_bool(w, *(const bool *) p);
        return;

    case NGX_DIRECTSTREAM_JSON_ERROR:
        ngx_directstream_json_object(w, error, ((const ds_error_t *) p)->code
                                               != 0 ? p : NULL);
        return;

    case NGX_DIRECTSTREAM_JSON_OBJECT:
        ngx_directstream_json_object(w, m->members, base);
        return;

    case NGX_DIRECTSTREAM_JSON_CALL:
        m->call(w, base);
        return;

    default:
        if (m->size == sizeof(int64_t)) {
            n = *(const int64_t *) p;

        } else if (m->kind == NGX_DIRECTSTREAM_JSON_CODE) {
            n = *(const int *) p;

        } else {
            n = *(const uint32_t *) p;
        }

        ngx_directstream_json_name(w, m->kind, n);
    }
}


/* what is a number in memory */

static void
ngx_directstream_json_name(ngx_directstream_json_t *w,
    ngx_directstream_json_e kind, int64_t n)
{
    const char  *name;

    switch (kind) {

    case NGX_DIRECTSTREAM_JSON_INDEX:
        if (n != DS_NO_INDEX) {
            ngx_directstream_json_integer(w, n);
            return;
        }

        name = NULL;
        break;

    case NGX_DIRECTSTREAM_JSON_SECONDS:
        ngx_directstream_json_seconds(w, n);
        return;

    case NGX_DIRECTSTREAM_JSON_TIME:
        ngx_directstream_json_time(w, n);
        return;

    case NGX_DIRECTSTREAM_JSON_STATE:
        name = ds_state_name((ds_state_e) n);
        break;

    case NGX_DIRECTSTREAM_JSON_YOUTUBE:
        name = ds_youtube_state_name((ds_youtube_state_e) n);
        break;

    case NGX_DIRECTSTREAM_JSON_ITEM_STATE:
        name = ds_item_state_name((ds_item_state_e) n);
        break;

    case NGX_DIRECTSTREAM_JSON_VERDICT:
        name = (n != 0) ? ds_verdict_name((ds_verdict_e) n) : NULL;
        break;

    case NGX_DIRECTSTREAM_JSON_DECISION:
        name = ds_decision_name((ds_decision_e) n);
        break;

    case NGX_DIRECTSTREAM_JSON_OUTCOME:
        name = ds_outcome_name((ds_outcome_e) n);
        break;

    case NGX_DIRECTSTREAM_JSON_CODE:
        name = (n != 0) ? ds_error_code((int) n) : NULL;
        break;

    default: /* NUMBER, COUNT */
        if (n != 0 || kind == NGX_DIRECTSTREAM_JSON_NUMBER) {
            ngx_directstream_json_integer(w, n);
            return;
        }

        name = NULL;
    }

    if (name != NULL) {
        ngx_directstream_json_string(w, name, NGX_MAX_INT32_VALUE);

    } else {
        ngx_directstream_json_null(w);
    }
}
