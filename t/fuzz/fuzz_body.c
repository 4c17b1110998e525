
/*
 * Bodies of the API, the part of nginx's side that reads what anybody may
 * send.  The few functions of nginx that it needs are here, as nginx itself
 * is not linked.
 */

#include "ngx_directstream_http.h"

#include <ngx_md5.h>

#include <stdio.h>

#include "fuzz.h"


volatile ngx_time_t    *ngx_cached_time;

static ngx_cycle_t      no_cycle;
volatile ngx_cycle_t   *ngx_cycle = &no_cycle;


void *
ngx_alloc(size_t size, ngx_log_t *log)
{
    (void) log;

    return malloc(size);
}


int64_t
ngx_directstream_now(void)
{
    return ds_now();
}


u_char *
ngx_cpystrn(u_char *dst, u_char *src, size_t n)
{
    if (n == 0) {
        return dst;
    }

    while (--n != 0) {
        *dst = *src;

        if (*dst == '\0') {
            return dst;
        }

        dst++;
        src++;
    }

    *dst = '\0';

    return dst;
}


/* the arguments are left out: what is tested is what was understood */

u_char *
ngx_vslprintf(u_char *buf, u_char *last, const char *fmt, va_list args)
{
    (void) args;

    while (buf < last && *fmt != '\0') {
        *buf++ = *fmt++;
    }

    return buf;
}


u_char *
ngx_snprintf(u_char *buf, size_t max, const char *fmt, ...)
{
    va_list   args;
    u_char   *p;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, buf + max - 1, fmt, args);
    va_end(args);

    *p = '\0';

    return p;
}


u_char *
ngx_sprintf(u_char *buf, const char *fmt, ...)
{
    va_list   args;
    u_char   *p;

    va_start(args, fmt);
    p = ngx_vslprintf(buf, (u_char *) UINTPTR_MAX, fmt, args);
    va_end(args);

    return p;
}


ngx_int_t
ngx_atoi(u_char *line, size_t n)
{
    ngx_int_t  value;

    if (n == 0 || n > 18) {
        return NGX_ERROR;
    }

    for (value = 0; n != 0; n--, line++) {
        if (*line < '0' || *line > '9') {
            return NGX_ERROR;
        }

        value = value * 10 + (*line - '0');
    }

    return value;
}


/* for nginx.conf alone */

ngx_int_t
ngx_parse_time(ngx_str_t *line, ngx_uint_t is_sec)
{
    (void) line;
    (void) is_sec;

    abort();
}


ngx_int_t
ngx_strncasecmp(u_char *s1, u_char *s2, size_t n)
{
    return strncasecmp((char *) s1, (char *) s2, n);
}


/* for ETags, which no body has */

void
ngx_md5_init(ngx_md5_t *ctx)
{
    (void) ctx;

    abort();
}


void
ngx_md5_update(ngx_md5_t *ctx, const void *data, size_t size)
{
    (void) ctx;
    (void) data;
    (void) size;

    abort();
}


void
ngx_md5_final(u_char result[16], ngx_md5_t *ctx)
{
    (void) result;
    (void) ctx;

    abort();
}


u_char *
ngx_hex_dump(u_char *dst, u_char *src, size_t len)
{
    (void) dst;
    (void) src;
    (void) len;

    abort();
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                         before[DS_QUEUE_ID_LEN + 1];
    ds_def_t                     def;
    ngx_int_t                    rc;
    ngx_str_t                    body, shown;
    ngx_uint_t                   set, start, limit;
    ds_queued_t                  q;
    ngx_directstream_conf_t      dcf;
    ngx_directstream_mistake_t   m;

    if (size == 0) {
        return 0;
    }

    ngx_memzero(&dcf, sizeof(ngx_directstream_conf_t));
    ngx_memzero(&def, sizeof(ds_def_t));
    ngx_memzero(&q, sizeof(ds_queued_t));
    ngx_memzero(&m, sizeof(ngx_directstream_mistake_t));
    (void) strcpy(dcf.base.def.publish, "rtmp://127.0.0.1/live");

    body.data = (u_char *) fuzz_string(data + 1, size - 1);
    body.len = size - 1;

    ngx_str_set(&shown, "{\"static\":false,\"push\":null,\"outputs\":[]}");

    switch (data[0] % 6) {

    case 2:
        rc = ngx_directstream_lookup_parse(&dcf, &body, &def, &limit, &m);
        break;

    case 3:
    case 4:
        rc = ngx_directstream_queue_parse(&dcf, &body, data[0] % 6 == 4, &q,
                                          &m);
        break;

    case 5:
        rc = ngx_directstream_before_parse(&body, before, &m);
        break;

    default:
        rc = ngx_directstream_def_parse(&dcf, &body,
                                        data[0] % 6 ? &shown : NULL, &def,
                                        &set, &start, &m);

        /* what was taken would have been taken from the configuration too */

        if (rc == NGX_OK
            && ((def.name[0] != '\0' && ds_check_name(def.name, NULL) != 0)
                || (def.playlist[0] != '\0'
                    && ds_check_playlist(def.playlist, false, NULL) != 0)))
        {
            abort();
        }
    }

    if (rc != NGX_OK && (m.code == NULL || m.detail[0] == '\0')) {
        abort();
    }

    free(body.data);

    return 0;
}
