
/*
 * ngx_directstream_publish.c: answers nginx-rtmp's on_publish.  A name that
 * is managed here may be published by our relay only, which shows the token
 * of its start; a stream with a push target gets the redirect that makes
 * nginx-rtmp push.  The relay gives the target's address, since nginx-rtmp
 * looks no name up.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_FORM_MAX  (16 * 1024)


typedef struct {
    ngx_str_t    call;
    ngx_str_t    app;
    ngx_str_t    name;
    ngx_str_t    addr;
    ngx_str_t    token;
    ngx_str_t    push;
} ngx_directstream_form_t;


static ngx_int_t ngx_directstream_on_publish_body(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_on_publish_judge(ngx_http_request_t *r,
    ngx_directstream_form_t *form);
static ngx_int_t ngx_directstream_on_publish_form(ngx_http_request_t *r,
    ngx_str_t *body, ngx_directstream_form_t *form);
static ngx_uint_t ngx_directstream_on_publish_app(const char *publish,
    ngx_str_t *app);
static ngx_uint_t ngx_directstream_on_publish_token(const char *want,
    ngx_str_t *token);
static void ngx_directstream_on_publish_addr(ngx_str_t *addr);
static ngx_int_t ngx_directstream_on_publish_redirect(ngx_http_request_t *r,
    ngx_directstream_info_t *info, const char *url,
    ngx_directstream_form_t *form);


ngx_int_t
ngx_directstream_on_publish_handler(ngx_http_request_t *r)
{
    ngx_directstream_ctx_t  *ctx;

    if (r->method != NGX_HTTP_POST) {

        /* the arguments of a GET, the token among them, end up in logs */

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "directstream: on_publish needs \"notify_method post\" "
                      "in the rtmp block");

        return NGX_HTTP_NOT_ALLOWED;
    }

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_directstream_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_body_read(r, ctx, NGX_DIRECTSTREAM_FORM_MAX,
                                      ngx_directstream_on_publish_body);
}


static ngx_int_t
ngx_directstream_on_publish_body(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_form_t  form;

    if (ctx->too_large) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    if (ngx_directstream_on_publish_form(r, &ctx->body, &form) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (form.call.len != sizeof("publish") - 1
        || ngx_strncmp(form.call.data, "publish", form.call.len) != 0)
    {
        return ngx_directstream_send_empty(r, NGX_HTTP_OK);
    }

    return ngx_directstream_on_publish_judge(r, &form);
}


static ngx_int_t
ngx_directstream_on_publish_judge(ngx_http_request_t *r,
    ngx_directstream_form_t *form)
{
    char                     name[DS_NAME_LEN + 1];
    ds_outlet_t              o;
    ngx_directstream_info_t  info;

    if (form->name.len == 0 || form->name.len > DS_NAME_LEN) {
        return ngx_directstream_send_empty(r, NGX_HTTP_OK);
    }

    ngx_memcpy(name, form->name.data, form->name.len);
    name[form->name.len] = '\0';

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), name, &info)
        != NGX_OK
        || !ngx_directstream_on_publish_app(info.def.publish, &form->app))
    {
        /* not ours to judge */
        return ngx_directstream_send_empty(r, NGX_HTTP_OK);
    }

    /* of an upgrade both nginx accept, and either may be asked */

    if (!ngx_directstream_on_publish_token(info.token, &form->token)
        && (info.token[0] != '\0'
            || !ngx_directstream_owner_check(ngx_directstream_get_conf(), name,
                                             &form->token,
                                             r->connection->log)))
    {

        ngx_directstream_on_publish_addr(&form->addr);

        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "directstream \"%s\": publisher %V refused, it is not "
                      "the relay", info.def.name, &form->addr);

        return ngx_directstream_send_empty(r, NGX_HTTP_FORBIDDEN);
    }

    ngx_directstream_zone_hooked(ngx_directstream_get_conf(), name);

    if (form->push.len != 0
        && ngx_directstream_outputs_rtmp(info.def.outputs, &o))
    {
        return ngx_directstream_on_publish_redirect(r, &info, o.url, form);
    }

    return ngx_directstream_send_empty(r, NGX_HTTP_OK);
}


/*
 * nginx-rtmp puts its own fields before the publisher's arguments, so of
 * fields with the same name the first counts.
 */

static ngx_int_t
ngx_directstream_on_publish_form(ngx_http_request_t *r, ngx_str_t *body,
    ngx_directstream_form_t *form)
{
    u_char      *src, *dst;
    ngx_int_t    rc;
    ngx_str_t    args, *value;
    ngx_uint_t   i;

    static const char *const  names[] = {
        "call", "app", "name", "addr", "ds_token", "ds_push"
    };

    ngx_str_t  *const values[] = {
        &form->call, &form->app, &form->name, &form->addr, &form->token,
        &form->push
    };

    ngx_memzero(form, sizeof(ngx_directstream_form_t));

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        value = values[i];

        /* a form is written as arguments are */

        args = r->args;
        r->args = *body;
        rc = ngx_http_arg(r, (u_char *) names[i], strlen(names[i]), value);
        r->args = args;

        if (rc != NGX_OK) {
            continue;
        }

        src = value->data;

        dst = ngx_pnalloc(r->pool, value->len + 1);
        if (dst == NULL) {
            return NGX_ERROR;
        }

        value->data = dst;
        ngx_unescape_uri(&dst, &src, value->len, 0);
        value->len = dst - value->data;
    }

    return NGX_OK;
}


/* "rtmp://host[:port]/app": is this the application? */

static ngx_uint_t
ngx_directstream_on_publish_app(const char *publish, ngx_str_t *app)
{
    size_t       len;
    const char  *p;

    p = strstr(publish, "://");
    p = (p != NULL) ? strchr(p + 3, '/') : NULL;

    if (p == NULL) {
        return 0;
    }

    p++;
    len = strlen(p);

    while (len > 0 && p[len - 1] == '/') {
        len--;
    }

    return app->len == len && ngx_memcmp(app->data, p, len) == 0;
}


static ngx_uint_t
ngx_directstream_on_publish_token(const char *want, ngx_str_t *token)
{
    size_t  len;

    len = strlen(want);

    return len != 0 && token->len == len
           && ngx_directstream_owner_same((u_char *) want, token->data, len);
}


/* what goes to the log is an address, or nothing */

static void
ngx_directstream_on_publish_addr(ngx_str_t *addr)
{
    size_t  i;

    for (i = 0; i < addr->len; i++) {
        if (addr->len > NGX_SOCKADDR_STRLEN
            || strchr("0123456789abcdefABCDEF.:[]", addr->data[i]) == NULL)
        {
            addr->len = 0;
        }
    }

    if (addr->len == 0) {
        ngx_str_set(addr, "of unknown address");
    }
}


/* the target with its host replaced by the address the relay has found */

static ngx_int_t
ngx_directstream_on_publish_redirect(ngx_http_request_t *r,
    ngx_directstream_info_t *info, const char *url,
    ngx_directstream_form_t *form)
{
    u_char      *p, text[NGX_SOCKADDR_STRLEN];
    size_t       len;
    ngx_addr_t   addr;
    const char  *path;

    ngx_memzero(&addr, sizeof(ngx_addr_t));

    path = strchr(url + sizeof("rtmp://") - 1, '/');

    if (path == NULL
        || ngx_parse_addr_port(r->pool, &addr, form->push.data,
                               form->push.len)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "directstream \"%s\": no push, the relay gave an "
                      "invalid address", info->def.name);

        return ngx_directstream_send_empty(r, NGX_HTTP_OK);
    }

    if (ngx_inet_get_port(addr.sockaddr) == 0) {
        ngx_inet_set_port(addr.sockaddr, 1935);
    }

    len = ngx_sock_ntop(addr.sockaddr, addr.socklen, text,
                        NGX_SOCKADDR_STRLEN, 1);

    p = ngx_pnalloc(r->pool, sizeof("rtmp://") + len + strlen(path));
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_sprintf(p, "rtmp://%*s%s%Z", len, text, path);

    if (ngx_directstream_header(r, "Location", (char *) p) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_directstream_send_empty(r, NGX_HTTP_MOVED_TEMPORARILY);
}
