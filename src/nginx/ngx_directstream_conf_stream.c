
/*
 * ngx_directstream_conf_stream.c: parses the "stream" blocks, and what they
 * inherit from the "directstream" block.  Each value is checked where it is
 * read; what depends on the rest of the block is checked at its end, in
 * ngx_directstream_conf.c.
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
    dcf->stream = &dcf->base;

    if (rv == NGX_CONF_OK && !(s->set & NGX_DIRECTSTREAM_SET_PLAYLIST)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "stream \"%s\" has no \"playlist\"", s->def.name);
        return NGX_CONF_ERROR;
    }

    return rv;
}


/*
 * playlist URL | id; required; context: stream
 * publish URL; default none; context: directstream, stream
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

    if (cmd->offset == NGX_DIRECTSTREAM_SET_PLAYLIST) {
        dst = s->def.playlist;

        /* whether files are allowed is known at the end of the block */
        rc = ds_check_playlist((char *) value[1].data, 1, &err);

    } else {
        dst = s->def.publish;
        rc = ds_check_publish((char *) value[1].data, &err);
    }

    if (rc != DS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(dst, value[1].data, value[1].len);

    return NGX_CONF_OK;
}


/*
 * push URL [via=rtmp | via=engine]; default none; context: stream
 *
 * What is wrong with it is not shown: it may be the key.
 */

char *
ngx_directstream_stream_push(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t                       *value;
    ds_error_t                       err;
    ngx_directstream_stream_conf_t  *s;

    s = dcf->stream;

    if (s->set & NGX_DIRECTSTREAM_SET_PUSH) {
        return "is duplicate";
    }

    s->set |= NGX_DIRECTSTREAM_SET_PUSH;

    value = cf->args->elts;

    if (value[1].len > DS_URL_LEN) {
        return "is too long";
    }

    s->def.push_engine = ngx_directstream_push_tls((char *) value[1].data);

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "via=engine") == 0) {
            s->def.push_engine = 1;

        } else if (ngx_strcmp(value[2].data, "via=rtmp") == 0) {
            s->def.push_engine = 0;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter of \"push\", it must be "
                               "\"via=rtmp\" or \"via=engine\"");
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_directstream_check_push((char *) value[1].data,
                                    s->def.push_engine, &err)
        != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"push\": %s",
                           err.message);
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(s->def.push, value[1].data, value[1].len);

    return NGX_CONF_OK;
}


/*
 * slate file; default a picture made of the stream's name;
 * context: directstream, stream
 */

char *
ngx_directstream_stream_slate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t                       *value;
    ngx_directstream_stream_conf_t  *s;

    s = dcf->stream;

    if (s->set & NGX_DIRECTSTREAM_SET_SLATE) {
        return "is duplicate";
    }

    s->set |= NGX_DIRECTSTREAM_SET_SLATE;

    value = cf->args->elts;

    if (ngx_directstream_conf_file(cf, &value[1], 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (value[1].len > DS_URL_LEN) {
        return "is too long";
    }

    ngx_memcpy(s->def.slate, value[1].data, value[1].len);

    return NGX_CONF_OK;
}


/*
 * mode direct | download | hybrid; default direct
 * video copy | auto | encode; default copy
 * video_size WIDTHxHEIGHT; default 1280x720
 * video_rate number; default 30
 * video_bitrate rate; default 3000k
 * audio_bitrate rate; default 128k
 * audio_rate 44100 | 48000; default 44100
 * max_keyframe_interval off | time; default off
 * max_item_duration off | time; default off
 * context: directstream, stream
 */

char *
ngx_directstream_stream_setting(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t                         *value;
    ngx_directstream_stream_conf_t    *s;
    const ngx_directstream_setting_t  *setting;

    s = dcf->stream;
    setting = ngx_directstream_setting_find((char *) cmd->name.data);

    if (s->set & setting->set) {
        return "is duplicate";
    }

    s->set |= setting->set;

    value = cf->args->elts;

    if (ngx_directstream_setting_text(setting, &s->def, &value[1])
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be %s",
                           &value[1], &cmd->name, setting->accepted);
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
