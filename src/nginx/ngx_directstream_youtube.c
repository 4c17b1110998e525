
/*
 * ngx_directstream_youtube.c: the account that broadcasts are looked after in:
 * its directives, and what the API may ask of a stream's broadcast.  The
 * credentials are read once, by who reads nginx.conf, and shown to nobody.
 */

#include "ngx_directstream_http.h"


/* bytes, of the file of credentials */
#define NGX_DIRECTSTREAM_CREDENTIALS  16384

/* ms; 50 streams of one account use less than 3,000 units a day with it */
#define NGX_DIRECTSTREAM_INTERVAL     45000


static const char *ngx_directstream_youtube_read(ngx_conf_t *cf,
    ngx_str_t *path, ngx_str_t *text, ngx_err_t *err);


/*
 * youtube_credentials file [interval=time]; default none, 45s
 * context: directstream
 */

char *
ngx_directstream_youtube_credentials(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_err_t    err;
    ngx_str_t   *value, interval;
    ds_error_t   fault;
    const char  *why;

    if (dcf->youtube_credentials.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    err = 0;

    /* relative to nginx.conf, as the keys of certificates are */

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    why = ngx_directstream_youtube_read(cf, &value[1],
                                        &dcf->youtube_credentials, &err);

    if (why == NULL
        && ds_check_youtube((char *) dcf->youtube_credentials.data, &fault)
           != DS_OK)
    {
        why = fault.message;
    }

    if (why != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                           "invalid file in \"%V\", %s: \"%V\"", &cmd->name,
                           why, &value[1]);
        return NGX_CONF_ERROR;
    }

    dcf->youtube_interval = NGX_DIRECTSTREAM_INTERVAL;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    ngx_str_null(&interval);

    if (ngx_strncmp(value[2].data, "interval=", 9) == 0) {
        interval.data = value[2].data + 9;
        interval.len = value[2].len - 9;
        dcf->youtube_interval = ngx_parse_time(&interval, 0);
    }

    if (interval.len == 0 || dcf->youtube_interval < 1000
        || dcf->youtube_interval > 600 * 1000)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", it must be "
                           "\"interval=time\", from 1s to 10m", &value[2],
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the whole file; NULL: it is read, else what is wrong with it */

static const char *
ngx_directstream_youtube_read(ngx_conf_t *cf, ngx_str_t *path,
    ngx_str_t *text, ngx_err_t *err)
{
    ssize_t           n;
    const char       *call;
    ngx_file_info_t   fi;

    text->data = ngx_pcalloc(cf->pool, NGX_DIRECTSTREAM_CREDENTIALS + 1);
    if (text->data == NULL) {
        return "there is no memory for it";
    }

    n = ngx_directstream_conf_read(path, text->data,
                                   NGX_DIRECTSTREAM_CREDENTIALS + 1, &fi,
                                   &call);

    if (n == -1) {
        *err = ngx_errno;
        return (*err == NGX_EISDIR) ? "it is no file" : "it cannot be read";
    }

    if (!ngx_is_file(&fi)) {
        return "it is no file";
    }

    if (fi.st_mode & 077) {
        return "it must be its owner's alone, with mode 0600";
    }

    if (n == 0 || n > NGX_DIRECTSTREAM_CREDENTIALS) {
        return "it is empty, or too large";
    }

    text->len = n;

    return NULL;
}


/* youtube_api URL; default Google's; context: directstream */

char *
ngx_directstream_youtube_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t   *value;
    ds_error_t   err;

    if (dcf->youtube_api.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strstr(value[1].data, "://") == NULL
        || ngx_strchr(value[1].data, '?') != NULL
        || value[1].data[value[1].len - 1] == '/'
        || ds_check_playlist((char *) value[1].data, false, &err) != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\" in \"%V\", it must be an http "
                           "or https one without a query and a \"/\" at its "
                           "end", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    dcf->youtube_api = value[1];

    return NGX_CONF_OK;
}


/* POST streams/NAME/youtube/check, revive, rollover */

ngx_int_t
ngx_directstream_youtube(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                  dry;
    const char                 *would;
    ds_youtube_status_t        *st;
    ngx_directstream_json_t     w;
    ngx_directstream_info_t    *info;
    ngx_directstream_mistake_t  m;

    dry = 0;

    if (ngx_directstream_flag_parse(&ctx->body, "dry_run", &dry, &m)
        != NGX_OK)
    {
        return ngx_directstream_mistaken(r, &m);
    }

    info = ngx_palloc(r->pool, sizeof(ngx_directstream_info_t));
    if (info == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name, info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    st = &info->status.youtube;

    /* what another node looks after, it knows */

    if (info->status.state == DS_HELD) {

        if (info->def.youtube.mode == DS_YOUTUBE_OFF) {
            return ngx_directstream_problem(r, NGX_HTTP_CONFLICT,
                                            "youtube_off", NULL,
                                            "\"youtube\" is off for the "
                                            "stream");
        }

        return dry ? ngx_directstream_problem(r, NGX_HTTP_CONFLICT,
                                              "not_owner", NULL,
                                              "node \"%s\" has the stream, "
                                              "only there it is known what "
                                              "would be done",
                                              info->cluster.node)
                   : ngx_directstream_streams_step(r, ctx);
    }

    if (!st->enabled) {
        return ngx_directstream_problem(r, NGX_HTTP_CONFLICT, "youtube_off",
                                        NULL, "\"youtube\" is off for the "
                                        "stream, or it does not run");
    }

    if (!dry) {
        return ngx_directstream_streams_step(r, ctx);
    }

    would = ctx->action == NGX_DIRECTSTREAM_YOUTUBE_CHECK
            ? "the account is looked at now, nothing else is done"
            : ctx->action == NGX_DIRECTSTREAM_YOUTUBE_REVIVE ? st->revive
            : st->replace;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "dry_run");
    ngx_directstream_json_bool(&w, 1);
    ngx_directstream_json_text(&w, "would", *would != '\0' ? would
                               : "nothing is known yet, check first",
                               DS_MESSAGE_LEN);
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
