
/*
 * ngx_directstream_guard.c: keeps web pages of others off the admin location.
 * A page can have its own name resolved to this machine's address, and then
 * asks as if it came from here: so the host that is asked for must be a known
 * one.  And what changes something must not be asked for by another site.
 */

#include "ngx_directstream_http.h"


static ngx_uint_t ngx_directstream_guard_host(ngx_http_request_t *r,
    ngx_str_t *host);
static ngx_uint_t ngx_directstream_guard_named(ngx_http_request_t *r,
    ngx_str_t *host);
static ngx_uint_t ngx_directstream_guard_match(ngx_http_request_t *r,
    ngx_http_server_name_t *name, ngx_str_t *host);
static ngx_uint_t ngx_directstream_guard_site(ngx_http_request_t *r);


#define ngx_directstream_guard_is(value, text)                               \
    ((value)->len == sizeof(text) - 1                                        \
     && ngx_strncasecmp((value)->data, (u_char *) text, sizeof(text) - 1) == 0)


const char *
ngx_directstream_guard(ngx_http_request_t *r, const char **why)
{
    if (!ngx_directstream_guard_host(r, &r->headers_in.server)) {
        *why = "the request's host is not known here; it is an address, "
               "\"localhost\", a name of \"server_name\", or one that "
               "\"directstream_admin host=NAME\" names";
        return "host_denied";
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD|NGX_HTTP_OPTIONS))
        && !ngx_directstream_guard_site(r))
    {
        *why = "a page of another site may not change anything";
        return "cross_site";
    }

    return NULL;
}


/* an address is what no name server can have answered with */

static ngx_uint_t
ngx_directstream_guard_host(ngx_http_request_t *r, ngx_str_t *host)
{
    return host->len == 0
           || host->data[0] == '['
           || ngx_inet_addr(host->data, host->len) != INADDR_NONE
           || ngx_directstream_guard_is(host, "localhost")
           || ngx_directstream_guard_named(r, host);
}


static ngx_uint_t
ngx_directstream_guard_named(ngx_http_request_t *r, ngx_str_t *host)
{
    ngx_str_t                    *names;
    ngx_uint_t                    i;
    ngx_http_server_name_t       *sn;
    ngx_directstream_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    if (dlcf->hosts != NULL) {
        names = dlcf->hosts->elts;

        for (i = 0; i < dlcf->hosts->nelts; i++) {
            if ((names[i].len == 1 && names[i].data[0] == '*')
                || (names[i].len == host->len
                    && ngx_strncasecmp(names[i].data, host->data, host->len)
                       == 0))
            {
                return 1;
            }
        }
    }

    sn = dlcf->names->elts;

    for (i = 0; i < dlcf->names->nelts; i++) {
        if (ngx_directstream_guard_match(r, &sn[i], host)) {
            return 1;
        }
    }

    return 0;
}


/* "example.org", ".example.org", "*.example.org", "www.example.*", "~..." */

static ngx_uint_t
ngx_directstream_guard_match(ngx_http_request_t *r,
    ngx_http_server_name_t *name, ngx_str_t *host)
{
    u_char  *p;
    size_t   len;

#if (NGX_PCRE)

    if (name->regex != NULL) {
        return ngx_http_regex_exec(r, name->regex, host) == NGX_OK;
    }

#else

    (void) r;

#endif

    p = name->name.data;
    len = name->name.len;

    if (len > 1 && p[0] == '*') {
        p++;
        len--;

    } else if (len > 1 && p[0] == '.'
               && host->len == len - 1
               && ngx_strncasecmp(p + 1, host->data, host->len) == 0)
    {
        return 1;
    }

    if (len > 1 && p[0] == '.') {
        return host->len > len
               && ngx_strncasecmp(host->data + host->len - len, p, len) == 0;
    }

    if (len > 2 && p[len - 1] == '*') {
        return host->len > len - 1
               && ngx_strncasecmp(host->data, p, len - 1) == 0;
    }

    return len != 0 && host->len == len
           && ngx_strncasecmp(host->data, p, len) == 0;
}


/*
 * Browsers say which site a request comes from (Fetch Metadata), where they
 * trust the connection, or else its origin (RFC 6454); others say nothing.
 */

static ngx_uint_t
ngx_directstream_guard_site(ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t  *site, *origin, host;

    site = ngx_directstream_header_in(r, "sec-fetch-site", NULL);

    if (site != NULL) {
        return ngx_directstream_guard_is(site, "same-origin")
               || ngx_directstream_guard_is(site, "none");
    }

    origin = ngx_directstream_header_in(r, "origin", NULL);

    if (origin == NULL) {
        return 1;
    }

    last = origin->data + origin->len;
    p = ngx_strlcasestrn(origin->data, last, (u_char *) "://", 3 - 1);

    if (p == NULL) {
        return 0;
    }

    host.data = p + 3;
    host.len = last - host.data;

    if (r->headers_in.host != NULL
        && r->headers_in.host->value.len == host.len
        && ngx_strncasecmp(r->headers_in.host->value.data, host.data, host.len)
           == 0)
    {
        return 1;
    }

    /* a proxy may have asked for another host than the browser did */

    p = ngx_strlchr(host.data, last, ':');

    if (p != NULL) {
        host.len = p - host.data;
    }

    return ngx_directstream_guard_named(r, &host);
}
