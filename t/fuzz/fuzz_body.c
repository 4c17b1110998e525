
/*
 * Bodies of the API, the part of nginx's side that reads what anybody may
 * send.  The few functions of nginx that it needs are here, as nginx itself
 * is not linked.
 */

#include "ngx_directstream_http.h"

#include <stdio.h>

#include "fuzz.h"


volatile ngx_time_t  *ngx_cached_time;


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


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                         playlist[DS_URL_LEN + 1];
    ngx_int_t                    rc;
    ngx_str_t                    body;
    ngx_uint_t                   set, start, limit;
    ngx_directstream_def_t       def;
    ngx_directstream_conf_t      dcf;
    ngx_directstream_mistake_t   m;

    if (size == 0) {
        return 0;
    }

    ngx_memzero(&dcf, sizeof(ngx_directstream_conf_t));
    ngx_memzero(&def, sizeof(ngx_directstream_def_t));
    ngx_memzero(&m, sizeof(ngx_directstream_mistake_t));
    (void) strcpy(dcf.base.def.publish, "rtmp://127.0.0.1/live");

    body.data = (u_char *) fuzz_string(data + 1, size - 1);
    body.len = size - 1;

    if (data[0] % 3 == 2) {
        rc = ngx_directstream_lookup_parse(&dcf, &body, playlist, &limit, &m);

    } else {
        rc = ngx_directstream_def_parse(&dcf, &body, data[0] % 3, &def, &set,
                                        &start, &m);

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
