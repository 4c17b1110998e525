
/*
 * ngx_directstream_conf_stream.c: parses the "stream" blocks.  Each value is
 * checked where it is read; what depends on the rest of the "directstream"
 * block is checked at its end, in ngx_directstream_conf.c.
 */

#include "ngx_directstream.h"


static char *ngx_directstream_flag(ngx_conf_t *cf, ngx_uint_t *flag);


/* stream name { ... }; context: directstream */

char *
ngx_directstream_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_uint_t                       i;
    ngx_conf_t                       save;
    ds_error_t                       err;
    ngx_directstream_stream_conf_t  *s, **sp;

    value = cf->args->elts;

    if (ds_check_name((char *) value[1].data, &err) != DS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a stream: %s", &value[1],
                           err.message);
        return NGX_CONF_ERROR;
    }

    sp = dcf->streams.elts;

    for (i = 0; i < dcf->streams.nelts; i++) {
        if (ngx_strcmp(sp[i]->def.name, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate stream \"%V\"", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    s = ngx_pcalloc(cf->pool, sizeof(ngx_directstream_stream_conf_t));
    sp = ngx_array_push(&dcf->streams);
    if (s == NULL || sp == NULL) {
        return NGX_CONF_ERROR;
    }

    *sp = s;

    ngx_memcpy(s->def.name, value[1].data, value[1].len);
    s->def.loop = 1;
    s->file = cf->conf_file->file.name.data;
    s->line = cf->conf_file->line;

    dcf->stream = s;

    save = *cf;
    cf->cmd_type = NGX_DIRECTSTREAM_STREAM_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv == NGX_CONF_OK && !(s->set & NGX_DIRECTSTREAM_SET_PLAYLIST)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "stream \"%s\" has no \"playlist\"", s->def.name);
        return NGX_CONF_ERROR;
    }

    return rv;
}


int
ngx_directstream_check_push(const char *url, ds_error_t *err)
{
    int          rc;
    const char  *p;

    rc = ds_check_push(url, err);

    if (rc != DS_OK) {
        return rc;
    }

    p = strchr(url + sizeof("rtmp://") - 1, '/');

    if (p != NULL && strlen(p) > NGX_DIRECTSTREAM_PUSH_PATH) {
        (void) ngx_snprintf((u_char *) err->message, DS_MESSAGE_LEN,
                            "application and key must have at most %d bytes, "
                            "nginx-rtmp cuts them%Z",
                            NGX_DIRECTSTREAM_PUSH_PATH);
        return DS_EPLAYLIST_INVALID;
    }

    return DS_OK;
}


/*
 * playlist URL | id; required
 * publish URL; default that of the directstream block
 * push URL; default none
 * context: stream
 */

char *
ngx_directstream_stream_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    int                              rc;
    char                            *dst;
    ngx_str_t                       *value;
    ds_error_t                       err;
    ngx_directstream_stream_conf_t  *s;

    s = dcf->stream;

    if (s->set & cmd->offset) {
        return "is duplicate";
    }

    s->set |= cmd->offset;

    value = cf->args->elts;

    if (value[1].len > DS_URL_LEN) {
        return "is too long";
    }

    switch (cmd->offset) {

    case NGX_DIRECTSTREAM_SET_PLAYLIST:
        dst = s->def.playlist;

        /* whether files are allowed is known at the end of the block */
        rc = ds_check_playlist((char *) value[1].data, 1, &err);
        break;

    case NGX_DIRECTSTREAM_SET_PUBLISH:
        dst = s->def.publish;
        rc = ds_check_publish((char *) value[1].data, &err);
        break;

    default: /* NGX_DIRECTSTREAM_SET_PUSH */
        dst = s->def.push;
        rc = ngx_directstream_check_push((char *) value[1].data, &err);
    }

    if (rc != DS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(dst, value[1].data, value[1].len);

    return NGX_CONF_OK;
}


/* mode direct; default direct; context: stream */

char *
ngx_directstream_stream_mode(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t  *value;

    if (dcf->stream->set & NGX_DIRECTSTREAM_SET_MODE) {
        return "is duplicate";
    }

    dcf->stream->set |= NGX_DIRECTSTREAM_SET_MODE;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "direct") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid mode \"%V\", only \"direct\" is accepted",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * shuffle on | off; default off
 * loop on | off; default on
 * context: stream
 */

char *
ngx_directstream_stream_flag(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_uint_t                       flag;
    ngx_directstream_stream_conf_t  *s;

    s = dcf->stream;

    if (s->set & cmd->offset) {
        return "is duplicate";
    }

    s->set |= cmd->offset;

    if (ngx_directstream_flag(cf, &flag) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (cmd->offset == NGX_DIRECTSTREAM_SET_SHUFFLE) {
        s->def.shuffle = flag;

    } else {
        s->def.loop = flag;
    }

    return NGX_CONF_OK;
}


static char *
ngx_directstream_flag(ngx_conf_t *cf, ngx_uint_t *flag)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        *flag = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        *flag = 0;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must be \"on\" "
                       "or \"off\"", &value[1], &value[0]);

    return NGX_CONF_ERROR;
}
