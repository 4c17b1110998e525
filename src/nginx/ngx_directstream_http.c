
/*
 * ngx_directstream_http.c: the HTTP module: its location directives and the
 * way answers are sent.  What the locations do is in their own files.
 */

#include "ngx_directstream_http.h"


static void *ngx_directstream_create_loc_conf(ngx_conf_t *cf);
static char *ngx_directstream_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_directstream_admin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_directstream_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void ngx_directstream_wait_cleanup(void *data);
static void ngx_directstream_seen(ngx_conf_t *cf, ngx_command_t *cmd);


static ngx_command_t  ngx_http_directstream_commands[] = {

    { ngx_string("directstream_admin"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_directstream_admin,
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

    return dlcf;
}


/* what an "if" in the location inherits */

static char *
ngx_directstream_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_directstream_loc_conf_t *prev = parent;
    ngx_directstream_loc_conf_t *conf = child;

    (void) cf;

    ngx_conf_merge_value(conf->write, prev->write, 0);

    if (conf->clcf != NULL) {
        /* bodies are bounded here, and answered with a problem document */
        conf->clcf->client_max_body_size = 0;

    } else {
        conf->prefix = prev->prefix;
    }

    return NGX_CONF_OK;
}


/* directstream_admin [write=on|off]; default none; context: location */

static char *
ngx_directstream_admin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_loc_conf_t *dlcf = conf;

    ngx_str_t                 *value;
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

    if (cf->args->nelts == 2) {

        if (ngx_strcmp(value[1].data, "write=on") == 0) {
            dlcf->write = 1;

        } else if (ngx_strcmp(value[1].data, "write=off") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", it must "
                               "be \"write=on\" or \"write=off\"",
                               &value[1], &cmd->name);
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
}


ngx_int_t
ngx_directstream_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_directstream_json_t *w)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *h;

    if (w->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    r->headers_out.status = status;
    r->headers_out.content_length_n = w->size;

    if (status == NGX_HTTP_NO_CONTENT) {
        r->header_only = 1;
        return ngx_http_send_header(r);
    }

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
ngx_directstream_wait(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_event_handler_pt poll)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_directstream_wait_cleanup;
    cln->data = ctx;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->timer.handler = poll;
    ctx->timer.data = r;
    ctx->timer.log = r->connection->log;

    ngx_add_timer(&ctx->timer, NGX_DIRECTSTREAM_POLL);

    return NGX_DONE;
}


static void
ngx_directstream_wait_cleanup(void *data)
{
    ngx_directstream_ctx_t *ctx = data;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
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
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 409, "Conflict" },
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
    ngx_directstream_json_key(&w, "type");
    ngx_directstream_json_string(&w, "about:blank", 64);
    ngx_directstream_json_key(&w, "title");
    ngx_directstream_json_string(&w, title, 64);
    ngx_directstream_json_key(&w, "status");
    ngx_directstream_json_integer(&w, status);
    ngx_directstream_json_key(&w, "detail");
    ngx_directstream_json_string(&w, (char *) detail, sizeof(detail));
    ngx_directstream_json_key(&w, "code");
    ngx_directstream_json_string(&w, code, 64);

    if (field != NULL && field[0] != '\0') {
        ngx_directstream_json_key(&w, "field");
        ngx_directstream_json_string(&w, field, 64);
    }

    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, status, &w);
}
