
/*
 * ngx_directstream_admin.c: the HTTP module: its location directives, and the
 * resources of the admin location: finds the one that is asked for, checks
 * the method and the right to write, and calls its handler.
 */

#include "ngx_directstream_http.h"

/* made from openapi.json by the config script */
#include "ngx_directstream_openapi.h"


#define NGX_DIRECTSTREAM_BODY_MAX  (64 * 1024)


typedef struct {
    const char                  *path;      /* "*": a name or a key, then
                                               what is of it */
    ngx_uint_t                   role;      /* who may change it; viewers
                                               read */
    ngx_uint_t                   whole;     /* of no stream: not for tokens
                                               of some */
    ngx_uint_t                   action;    /* for the handler */
    ngx_directstream_handler_pt  get;
    ngx_directstream_handler_pt  post;
    ngx_directstream_handler_pt  patch;
    ngx_directstream_handler_pt  delete;
    ngx_directstream_handler_pt  put;
    const char                  *args;      /* in the query, of GET or the only
                                               method */
} ngx_directstream_route_t;

typedef struct {
    ngx_uint_t                   method;
    const char                  *name;
    ngx_directstream_handler_pt  handler;
} ngx_directstream_allowed_t;

#define NGX_DIRECTSTREAM_METHODS   6


static void *ngx_directstream_create_loc_conf(ngx_conf_t *cf);
static char *ngx_directstream_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_directstream_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_directstream_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_directstream_seen(ngx_conf_t *cf, ngx_command_t *cmd);

static ngx_int_t ngx_directstream_admin_handler(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_admin_refuse(ngx_http_request_t *r,
    ngx_uint_t status, const char *code, const char *detail);
static ngx_int_t ngx_directstream_admin_known(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route);
static const ngx_directstream_route_t *ngx_directstream_admin_route(
    ngx_http_request_t *r, ngx_directstream_ctx_t *ctx);
static ngx_uint_t ngx_directstream_admin_match(ngx_directstream_ctx_t *ctx,
    const char *path, u_char *p, u_char *last);
static ngx_int_t ngx_directstream_admin_method(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route,
    ngx_directstream_handler_pt *handler);
static ngx_int_t ngx_directstream_admin_args(ngx_http_request_t *r,
    const ngx_directstream_route_t *route);
static ngx_int_t ngx_directstream_admin_rights(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route);
static ngx_int_t ngx_directstream_admin_check(ngx_http_request_t *r);
static ngx_uint_t ngx_directstream_admin_json(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_admin_body(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_admin_versions(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_admin_root(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_uint_t ngx_directstream_admin_methods(
    const ngx_directstream_route_t *route,
    ngx_directstream_allowed_t *allowed);
static ngx_int_t ngx_directstream_admin_openapi(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);


/* what is below "api/" and "api/1/" */

static const ngx_directstream_route_t  ngx_directstream_routes[] = {

    { "", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_admin_root, NULL, NULL,
      NULL, NULL, NULL },

    { "streams", NGX_DIRECTSTREAM_ADMIN, 0, 0, ngx_directstream_streams_list,
      ngx_directstream_streams_create, NULL, NULL, NULL,
      "state fields after limit" },

    { "streams/*", NGX_DIRECTSTREAM_ADMIN, 0, NGX_DIRECTSTREAM_DELETE,
      ngx_directstream_streams_get, NULL, ngx_directstream_streams_patch,
      ngx_directstream_streams_change, NULL, "fields" },

    { "streams/*/items", NGX_DIRECTSTREAM_READ, 0, 0,
      ngx_directstream_streams_items, NULL, NULL, NULL, NULL, "offset limit" },

    { "streams/*/snapshot.jpg", NGX_DIRECTSTREAM_READ, 0, 0,
      ngx_directstream_snapshot, NULL, NULL, NULL, NULL, NULL },

    { "streams/*/start", NGX_DIRECTSTREAM_OPERATOR, 0, NGX_DIRECTSTREAM_START,
      NULL, ngx_directstream_streams_change, NULL, NULL, NULL, NULL },

    { "streams/*/stop", NGX_DIRECTSTREAM_OPERATOR, 0, NGX_DIRECTSTREAM_STOP,
      NULL, ngx_directstream_streams_change, NULL, NULL, NULL, NULL },

    { "streams/*/restart", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_RESTART, NULL, ngx_directstream_streams_change, NULL,
      NULL, NULL, NULL },

    { "streams/*/skip", NGX_DIRECTSTREAM_OPERATOR, 0, NGX_DIRECTSTREAM_SKIP,
      NULL, ngx_directstream_streams_step, NULL, NULL, NULL, NULL },

    { "streams/*/previous", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_PREVIOUS, NULL, ngx_directstream_streams_step, NULL,
      NULL, NULL, NULL },

    { "streams/*/outputs/*/start", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_OUTPUT_START, NULL, ngx_directstream_streams_output,
      NULL, NULL, NULL, NULL },

    { "streams/*/outputs/*/stop", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_OUTPUT_STOP, NULL, ngx_directstream_streams_output,
      NULL, NULL, NULL, NULL },

    { "streams/*/outputs/*/restart", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_RESTART, NULL, ngx_directstream_streams_output, NULL,
      NULL, NULL, NULL },

    { "streams/*/queue", NGX_DIRECTSTREAM_OPERATOR, 0, 0,
      ngx_directstream_queue_list, ngx_directstream_queue_add, NULL, NULL,
      NULL, NULL },

    { "streams/*/queue/*", NGX_DIRECTSTREAM_OPERATOR, 0, 0, NULL, NULL,
      ngx_directstream_queue_move, ngx_directstream_queue_delete, NULL, NULL },

    { "streams/*/schedule", NGX_DIRECTSTREAM_OPERATOR, 0, 0,
      ngx_directstream_schedule_get, NULL, NULL, NULL,
      ngx_directstream_streams_schedule, NULL },

    { "streams/*/plan", NGX_DIRECTSTREAM_READ, 0, 0,
      ngx_directstream_plan_get, NULL, NULL, NULL, NULL,
      "from until offset limit" },

    { "streams/*/plan/check", NGX_DIRECTSTREAM_OPERATOR, 0, 0, NULL,
      ngx_directstream_plan_check, NULL, NULL, NULL,
      "from until offset limit" },

    { "streams/*/guide.xml", NGX_DIRECTSTREAM_READ, 0, 0,
      ngx_directstream_guide, NULL, NULL, NULL, NULL, "from until" },

    { "streams/*/play", NGX_DIRECTSTREAM_OPERATOR, 0, 1, NULL,
      ngx_directstream_queue_add, NULL, NULL, NULL, NULL },

    { "streams/*/refresh", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_REFRESH, NULL, ngx_directstream_streams_step, NULL,
      NULL, NULL, NULL },

    { "streams/*/prefetch", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_PREFETCH, NULL, ngx_directstream_streams_step, NULL,
      NULL, NULL, NULL },

    { "restart", NGX_DIRECTSTREAM_ADMIN, 1, 0, NULL,
      ngx_directstream_streams_renew, NULL, NULL, NULL, NULL },

    { "streams/*/youtube/check", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_YOUTUBE_CHECK, NULL, ngx_directstream_youtube, NULL,
      NULL, NULL, NULL },

    { "streams/*/youtube/revive", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_YOUTUBE_REVIVE, NULL, ngx_directstream_youtube, NULL,
      NULL, NULL, NULL },

    { "streams/*/youtube/rollover", NGX_DIRECTSTREAM_OPERATOR, 0,
      NGX_DIRECTSTREAM_YOUTUBE_ROLLOVER, NULL, ngx_directstream_youtube, NULL,
      NULL, NULL, NULL },

    { "resolve", NGX_DIRECTSTREAM_OPERATOR, 0, 0, NULL,
      ngx_directstream_resolve, NULL, NULL, NULL, NULL },

    { "nodes", NGX_DIRECTSTREAM_READ, 1, 0, ngx_directstream_nodes_list, NULL,
      NULL, NULL, NULL, NULL },

    { "nodes/balance", NGX_DIRECTSTREAM_OPERATOR, 1, 0, NULL,
      ngx_directstream_nodes_balance, NULL, NULL, NULL, NULL },

    { "node/drain", NGX_DIRECTSTREAM_ADMIN, 1, 0, NULL,
      ngx_directstream_nodes_drain, NULL, NULL, NULL, NULL },

    { "node/lost", NGX_DIRECTSTREAM_OPERATOR, 1, 0, NULL,
      ngx_directstream_nodes_lost, NULL, NULL, NULL, NULL },

    { "openapi.json", NGX_DIRECTSTREAM_READ, 0, 0,
      ngx_directstream_admin_openapi, NULL, NULL, NULL, NULL, NULL },

    { "check", NGX_DIRECTSTREAM_OPERATOR, 0, 0, NULL, ngx_directstream_check,
      NULL, NULL, NULL, NULL },

    { "events", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_events, NULL,
      NULL, NULL, NULL, "since" },

    { "runs", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_runs_list, NULL,
      NULL, NULL, NULL, "stream state since until offset limit" },

    { "changes", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_changes_list,
      NULL, NULL, NULL, NULL, "stream what who since until offset limit" },

    { "cache", NGX_DIRECTSTREAM_READ, 1, 0, ngx_directstream_cache_list, NULL,
      NULL, NULL, NULL, "offset limit" },

    { "cache/*", NGX_DIRECTSTREAM_ADMIN, 1, 0, NULL, NULL, NULL,
      ngx_directstream_cache_delete, NULL, NULL },

    { NULL, NGX_DIRECTSTREAM_READ, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL }
};

static const ngx_directstream_route_t  ngx_directstream_api_route =
    { "", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_admin_versions,
      NULL, NULL, NULL, NULL, NULL };

static const ngx_directstream_route_t  ngx_directstream_page_route =
    { "", NGX_DIRECTSTREAM_READ, 0, 0, ngx_directstream_page, NULL, NULL,
      NULL, NULL, NULL };


static ngx_command_t  ngx_http_directstream_commands[] = {

    { ngx_string("directstream_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_directstream_admin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("directstream_token"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE23
                        |NGX_CONF_TAKE4,
      ngx_directstream_token,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("directstream_on_publish"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_directstream_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_directstream_on_publish_handler },

    { ngx_string("directstream_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_directstream_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_directstream_metrics_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_directstream_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_directstream_create_loc_conf,      /* create location configuration */
    ngx_directstream_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_directstream_module = {
    NGX_MODULE_V1,
    &ngx_http_directstream_module_ctx,     /* module context */
    ngx_http_directstream_commands,        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_directstream_task_exit,            /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_directstream_create_loc_conf(ngx_conf_t *cf)
{
    ngx_directstream_loc_conf_t  *dlcf;

    dlcf = ngx_pcalloc(cf->pool, sizeof(ngx_directstream_loc_conf_t));
    if (dlcf == NULL) {
        return NULL;
    }

    dlcf->write = NGX_CONF_UNSET;
    dlcf->tokens = NGX_CONF_UNSET_PTR;

    return dlcf;
}


/* what an "if" in the location inherits */

static char *
ngx_directstream_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_directstream_loc_conf_t *prev = parent;
    ngx_directstream_loc_conf_t *conf = child;

    void                      *names;
    ngx_array_t               *all;
    ngx_http_core_srv_conf_t  *cscf;

    ngx_conf_merge_value(conf->write, prev->write, 0);
    ngx_conf_merge_ptr_value(conf->tokens, prev->tokens, NULL);

    if (conf->clcf != NULL) {
        /* bodies are bounded here, and answered with a problem document */
        conf->clcf->client_max_body_size = 0;

        /* nginx's own list is gone when the configuration has been read */

        cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
        all = &cscf->server_names;

        conf->names = ngx_array_create(cf->pool, all->nelts + 1, all->size);
        if (conf->names == NULL) {
            return NGX_CONF_ERROR;
        }

        names = ngx_array_push_n(conf->names, all->nelts);
        ngx_memcpy(names, all->elts, all->nelts * all->size);

    } else {
        conf->prefix = prev->prefix;
        conf->hosts = prev->hosts;
        conf->names = prev->names;
    }

    return NGX_CONF_OK;
}


/* directstream_admin [write=on|off] [host=NAME ...]; context: location */

static char *
ngx_directstream_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_loc_conf_t *dlcf = conf;

    ngx_str_t                 *value, *host;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    if (dlcf->clcf != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->named || clcf->noname
#if (NGX_PCRE)
        || clcf->regex != NULL
#endif
       )
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must be in a location given by a prefix "
                           "or exactly, not by a regular expression or a "
                           "name", &cmd->name);
        return NGX_CONF_ERROR;
    }

    dlcf->write = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "write=on") == 0) {
            dlcf->write = 1;

        } else if (ngx_strcmp(value[i].data, "write=off") == 0) {
            dlcf->write = 0;

        } else if (value[i].len > 5
                   && ngx_strncmp(value[i].data, "host=", 5) == 0)
        {
            if (dlcf->hosts == NULL) {
                dlcf->hosts = ngx_array_create(cf->pool, 2,
                                               sizeof(ngx_str_t));
            }

            host = (dlcf->hosts != NULL) ? ngx_array_push(dlcf->hosts) : NULL;
            if (host == NULL) {
                return NGX_CONF_ERROR;
            }

            host->data = value[i].data + 5;
            host->len = value[i].len - 5;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", it must "
                               "be \"write=on\", \"write=off\" or "
                               "\"host=NAME\"", &value[i], &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    dlcf->clcf = clcf;
    dlcf->prefix = clcf->name;

    clcf->handler = ngx_directstream_admin_handler;

    /* without the slash: a redirect to the dashboard */

    if (clcf->name.data[clcf->name.len - 1] == '/') {
        clcf->auto_redirect = 1;
    }

    ngx_directstream_seen(cf, cmd);

    return NGX_CONF_OK;
}


/*
 * directstream_on_publish; default none; context: location
 * directstream_metrics; default none; context: location
 */

static char *
ngx_directstream_handler(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    (void) conf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == (ngx_http_handler_pt) cmd->post) {
        return "is duplicate";
    }

    clcf->handler = (ngx_http_handler_pt) cmd->post;

    ngx_directstream_seen(cf, cmd);

    return NGX_CONF_OK;
}


/* for the message when there is no directstream block */

static void
ngx_directstream_seen(ngx_conf_t *cf, ngx_command_t *cmd)
{
    ngx_directstream_conf_t  *dcf;

    dcf = (ngx_directstream_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                   ngx_directstream_module);

    if (dcf->http_directive.len == 0) {
        dcf->http_directive = cmd->name;
        dcf->http_file = cf->conf_file->file.name.data;
        dcf->http_line = cf->conf_file->line;
    }

    if (ngx_strcmp(cmd->name.data, "directstream_on_publish") == 0) {
        dcf->on_publish = 1;
    }
}


static ngx_int_t
ngx_directstream_admin_handler(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    const char                      *code, *why;
    ngx_directstream_ctx_t          *ctx;
    ngx_directstream_handler_pt      handler;
    const ngx_directstream_route_t  *route;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_directstream_ctx_t));
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_set_ctx(r, ctx, ngx_http_directstream_module);
    route = NULL;

    /* no guessing at types, and nothing of it in pages of others */

    if (ngx_directstream_header(r, "X-Content-Type-Options", "nosniff") == NULL
        || ngx_directstream_header(r, "Cross-Origin-Resource-Policy",
                                   "same-origin")
           == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    code = ngx_directstream_guard(r, &why);

    if (code != NULL) {
        rc = ngx_directstream_admin_refuse(r, 403, code, why);

    } else {
        route = ngx_directstream_admin_route(r, ctx);
        rc = ngx_directstream_admin_known(r, ctx, route);
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_admin_method(r, ctx, route, &handler);
    }

    if (rc != NGX_OK) {
        /* the answer is made, or the request is over */
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (r->method & (NGX_HTTP_POST|NGX_HTTP_PUT|NGX_HTTP_PATCH)) {
        ctx->then = handler;
        return ngx_directstream_body_read(r, ctx, NGX_DIRECTSTREAM_BODY_MAX,
                                          ngx_directstream_admin_body);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    /* it may be over before the call returns */
    r->main->count++;

    rc = ngx_directstream_shared(r, ctx, handler);

    if (rc != NGX_DONE) {
        r->main->count--;
    }

    return rc;
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


/* who asks is known, and what is asked for is there for him */

static ngx_int_t
ngx_directstream_admin_known(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route)
{
    ngx_int_t    rc;
    const char  *why;

    /* the page has nothing of any stream, and asks for a token itself */

    if (route != &ngx_directstream_page_route) {

        rc = ngx_directstream_token_check(r, ctx, &why);

        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED)
                   ? ngx_directstream_admin_refuse(r, 401, "unauthorized", why)
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (route == NULL) {
        return ngx_directstream_admin_refuse(r, 404, "not_found",
                               (r->uri.data[r->uri.len - 1] == '/')
                               ? "there is no such resource, none has a slash "
                                 "at its end"
                               : "there is no such resource");
    }

    /* what a token does not see is not there */

    if (ngx_strncmp(route->path, "streams/", 8) == 0
        && !ngx_directstream_token_sees(ctx->token, ctx->name))
    {
        return ngx_directstream_admin_refuse(r, 404, "stream_not_found",
                                             "there is no such stream");
    }

    return NGX_OK;
}


/* NULL: there is no such resource */

static const ngx_directstream_route_t *
ngx_directstream_admin_route(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    u_char                          *p, *last;
    size_t                           len;
    ngx_directstream_loc_conf_t     *dlcf;
    const ngx_directstream_route_t  *route;

    static const char  api[] = "api/1/";

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    p = r->uri.data + ngx_min(dlcf->prefix.len, r->uri.len);
    last = r->uri.data + r->uri.len;

    if (p < last && *p == '/') {
        p++;

    } else if (p < last && p[-1] != '/') {
        /* the location's name goes on: it is another one */
        return NULL;
    }

    ctx->base.data = r->uri.data;
    ctx->base.len = p - r->uri.data;

    /* the roots, with the slash at their end or without */

    len = last - p;

    if ((len == 3 || len == 4) && ngx_strncmp(p, api, len) == 0) {
        return &ngx_directstream_api_route;
    }

    if (len == sizeof(api) - 2 && ngx_strncmp(p, api, len) == 0) {
        return &ngx_directstream_routes[0];
    }

    if (len < sizeof(api) - 1
        || ngx_strncmp(p, api, sizeof(api) - 1) != 0)
    {
        return (ngx_directstream_page_find(p, len, &ctx->action) == NGX_OK)
               ? &ngx_directstream_page_route : NULL;
    }

    for (route = ngx_directstream_routes; route->path != NULL; route++) {

        if (ngx_directstream_admin_match(ctx, route->path,
                                         p + sizeof(api) - 1, last))
        {
            ctx->action = route->action;
            ctx->shared = (ngx_strncmp(route->path, "streams", 7) == 0);
            return route;
        }
    }

    return NULL;
}


/*
 * A name that is empty within a path, or longer than any stream's, is the
 * name of none.
 */

static ngx_uint_t
ngx_directstream_admin_match(ngx_directstream_ctx_t *ctx, const char *path,
    u_char *p, u_char *last)
{
    char    *dst;
    u_char  *end;
    size_t   len;

    dst = ctx->name;

    for ( /* void */ ; *path != '\0'; path++) {

        if (*path != '*') {

            if (p == last || *p++ != (u_char) *path) {
                return 0;
            }

            continue;
        }

        end = ngx_strlchr(p, last, '/');

        if (end == NULL) {
            end = last;
        }

        len = end - p;

        if (len == 0 && end == last) {
            return 0;
        }

        ngx_memzero(dst, DS_NAME_LEN + 1);

        if (len <= DS_NAME_LEN && memchr(p, '\0', len) == NULL) {
            ngx_memcpy(dst, p, len);
        }

        dst = ctx->entry;
        p = end;
    }

    return p == last;
}


/* NGX_DECLINED: the answer is made */

static ngx_int_t
ngx_directstream_admin_method(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route,
    ngx_directstream_handler_pt *handler)
{
    u_char                      *p, *allow;
    ngx_int_t                    rc;
    ngx_uint_t                   i, n;
    ngx_directstream_allowed_t   allowed[NGX_DIRECTSTREAM_METHODS];

    n = ngx_directstream_admin_methods(route, allowed);

    for (i = 0; i < n; i++) {
        if (r->method == allowed[i].method) {
            *handler = allowed[i].handler;
            rc = ngx_directstream_admin_rights(r, ctx, route);

            return (rc == NGX_OK) ? ngx_directstream_admin_args(r, route) : rc;
        }
    }

    allow = ngx_pnalloc(r->pool, sizeof("GET, HEAD, POST, PUT, PATCH, "
                                        "DELETE, OPTIONS"));
    if (allow == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (p = allow, i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s, ", allowed[i].name);
    }

    (void) ngx_sprintf(p, "OPTIONS%Z");

    if (ngx_directstream_header(r, "Allow", (char *) allow) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_OPTIONS) {
        return ngx_directstream_admin_refuse(r, 405, "method_not_allowed",
                               "the resource does not have this method");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc == NGX_OK) {
        rc = ngx_directstream_send_empty(r, NGX_HTTP_NO_CONTENT);
    }

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


/*
 * One that nobody reads is a mistake: a list would be whole, and not the part
 * that was meant.
 */

static ngx_int_t
ngx_directstream_admin_args(ngx_http_request_t *r,
    const ngx_directstream_route_t *route)
{
    u_char      *p, *end, *last;
    ngx_int_t    rc;
    ngx_str_t    name;
    const char  *known;

    if (route == &ngx_directstream_page_route) {
        return NGX_OK;
    }

    known = route->args != NULL
            && ((r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
                || route->get == NULL)
            ? route->args : "";
    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {

        end = ngx_strlchr(p, last, '&');
        end = (end == NULL) ? last : end;

        name.data = p;
        p = ngx_strlchr(p, end, '=');
        name.len = ((p == NULL) ? end : p) - name.data;

        if (name.len == 0 || ngx_directstream_among(known, &name)) {
            continue;
        }

        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        rc = ngx_directstream_problem(r, 400, "unknown_field", "",
                               "the argument \"%V\" is not known; known: %s",
                               &name, (*known != '\0') ? known : "none");

        return (rc == NGX_OK) ? NGX_DECLINED : rc;
    }

    return NGX_OK;
}


/* those that the resource has; returns how many */

static ngx_uint_t
ngx_directstream_admin_methods(const ngx_directstream_route_t *route,
    ngx_directstream_allowed_t *allowed)
{
    ngx_uint_t  i, n;

    const ngx_directstream_allowed_t  all[NGX_DIRECTSTREAM_METHODS] = {
        { NGX_HTTP_GET, "GET", route->get },
        { NGX_HTTP_HEAD, "HEAD", route->get },
        { NGX_HTTP_POST, "POST", route->post },
        { NGX_HTTP_PUT, "PUT", route->put },
        { NGX_HTTP_PATCH, "PATCH", route->patch },
        { NGX_HTTP_DELETE, "DELETE", route->delete }
    };

    for (n = 0, i = 0; i < NGX_DIRECTSTREAM_METHODS; i++) {
        if (all[i].handler != NULL) {
            allowed[n++] = all[i];
        }
    }

    return n;
}


static ngx_int_t
ngx_directstream_admin_rights(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ngx_directstream_route_t *route)
{
    ngx_uint_t  role;

    if (ctx->token == NULL) {
        return ngx_directstream_admin_check(r);
    }

    if (route->whole && ctx->token->streams != NULL) {
        return ngx_directstream_admin_refuse(r, 403, "stream_denied",
                               "this is of all streams, and the token is for "
                               "some of them");
    }

    role = (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
           ? NGX_DIRECTSTREAM_VIEWER : route->role;

    if (ctx->token->role >= role) {
        return ngx_directstream_admin_check(r);
    }

    return ngx_directstream_admin_refuse(r, 403, "role_denied",
                               (role == NGX_DIRECTSTREAM_ADMIN)
                               ? "the token must have the role \"admin\""
                               : "the token must have the role \"operator\" "
                                 "or \"admin\"");
}


static ngx_int_t
ngx_directstream_admin_check(ngx_http_request_t *r)
{
    ngx_directstream_loc_conf_t  *dlcf;

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
    ngx_str_t  *value, *type;

    static ngx_str_t  json = ngx_string("application/json");
    static ngx_str_t  patch = ngx_string("application/merge-patch+json");

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;
    type = &json;

    /* what a PATCH does is what RFC 7396 says */

    if (r->method == NGX_HTTP_PATCH
        && value->len >= patch.len
        && ngx_strncasecmp(value->data, patch.data, patch.len) == 0)
    {
        type = &patch;
    }

    len = type->len;

    if (value->len < len || ngx_strncasecmp(value->data, type->data, len) != 0)
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
ngx_directstream_admin_body(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    return ctx->too_large
           ? ngx_directstream_problem(r, 413, "too_large", NULL,
                               "a body may have at most 65536 bytes")
           : ngx_directstream_shared(r, ctx, ctx->then);
}


static ngx_int_t
ngx_directstream_admin_versions(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_json_t  w;

    (void) ctx;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_print(&w, "{\"versions\":[1],\"version\":\"%s\","
                                "\"build\":\"%s\",\"nginx\":\"%s\"}\n",
                                DS_VERSION, ngx_directstream_build(),
                                NGINX_VERSION);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_directstream_admin_root(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                       i, n;
    ngx_directstream_json_t          w;
    ngx_directstream_conf_t         *dcf;
    ngx_directstream_token_t        *token;
    ngx_directstream_allowed_t       allowed[NGX_DIRECTSTREAM_METHODS];
    ngx_directstream_loc_conf_t     *dlcf;
    const ngx_directstream_route_t  *route;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);
    dcf = ngx_directstream_get_conf();
    token = ctx->token;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_text(&w, "version", DS_VERSION, 64);
    ngx_directstream_json_key(&w, "write");
    ngx_directstream_json_bool(&w, dlcf->write);
    ngx_directstream_json_text(&w, "role",
                               ngx_directstream_role_name((token != NULL)
                                                  ? token->role
                                                  : NGX_DIRECTSTREAM_ADMIN),
                               16);
    ngx_directstream_json_key(&w, "token");

    if (token != NULL) {
        ngx_directstream_json_string(&w, token->name, DS_NAME_LEN);

    } else {
        ngx_directstream_json_null(&w);
    }

    ngx_directstream_json_key(&w, "node");

    if (dcf->cluster.endpoints != NULL) {
        ngx_directstream_json_string(&w, dcf->cluster.node, DS_NAME_LEN);

    } else {
        ngx_directstream_json_null(&w);
    }

    ngx_directstream_json_key(&w, "streams");
    ngx_directstream_json_print(&w, "%s", (token != NULL
                                           && token->patterns != NULL)
                                          ? token->patterns : "null");
    w.comma = 1;
    ngx_directstream_json_key(&w, "resources");
    ngx_directstream_json_open(&w, '[');

    for (route = ngx_directstream_routes; route->path != NULL; route++) {

        ngx_directstream_json_open(&w, '{');
        ngx_directstream_json_text(&w, "path", route->path, 64);
        ngx_directstream_json_key(&w, "methods");
        ngx_directstream_json_open(&w, '[');

        n = ngx_directstream_admin_methods(route, allowed);

        for (i = 0; i < n; i++) {
            ngx_directstream_json_string(&w, allowed[i].name, 64);
        }

        ngx_directstream_json_close(&w, ']');

        if (route->role != NGX_DIRECTSTREAM_READ) {
            ngx_directstream_json_text(&w, "role",
                                       ngx_directstream_role_name(route->role),
                                       16);
        }

        ngx_directstream_json_close(&w, '}');
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_directstream_admin_openapi(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_json_t  w;

    (void) ctx;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_raw(&w, ngx_directstream_openapi,
                              sizeof(ngx_directstream_openapi) - 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
