
/*
 * ngx_directstream_conf_stream.c: parses the "stream" blocks, and what they
 * inherit from the "directstream" block.  Each value is checked where it is
 * read; what depends on the rest of the block is checked at its end, in
 * ngx_directstream_conf.c.
 */

#include "ngx_directstream.h"


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
 * playlist URL | id; required
 * shuffle on | off; default off
 * loop on | off; default on
 * context: stream
 *
 * publish URL | none; no default
 * slate file; default a picture made of the stream's name
 * source_proxy URL | off; default off
 * source_bind address | off; default off
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
ngx_directstream_stream_field(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t                       *value;
    ds_error_t                       err;
    ngx_directstream_stream_conf_t  *s;
    const ngx_directstream_field_t  *f;

    s = dcf->stream;
    f = ngx_directstream_field_find((char *) cmd->name.data);
    value = cf->args->elts;

    if (s->set & f->set) {
        return "is duplicate";
    }

    s->set |= f->set;

    if (f->kind > NGX_DIRECTSTREAM_SLATE) {

        if (ngx_directstream_field_text(f, &s->def, &value[1]) == NGX_OK) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be %s",
                           &value[1], &cmd->name, f->accepted);
        return NGX_CONF_ERROR;
    }

    if (f->kind == NGX_DIRECTSTREAM_SLATE
        && ngx_directstream_conf_file(cf, &value[1], 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (value[1].len >= f->size) {
        return "is too long";
    }

    /* whether files are allowed is known at the end of the block */

    if (ngx_directstream_field_check(f, (char *) value[1].data, 1, &err)
        != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    ngx_memcpy((u_char *) &s->def + f->offset, value[1].data, value[1].len);
    ngx_directstream_field_off(f, &s->def);

    return NGX_CONF_OK;
}


/*
 * playlist_refresh off | time [jitter=number%]; default 15m jitter=10%
 * context: directstream, stream
 */

char *
ngx_directstream_stream_refresh(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    char                            *rv;
    ngx_str_t                       *value, jitter;
    const ngx_directstream_field_t  *f;

    rv = ngx_directstream_stream_field(cf, cmd, conf);

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2) {
        dcf->stream->def.refresh_jitter = DS_JITTER_DEFAULT;
        return NGX_CONF_OK;
    }

    jitter = value[2];
    f = ngx_directstream_field_find("playlist_refresh_jitter");

    if (jitter.len > sizeof("jitter=") - 1
        && ngx_strncmp(jitter.data, "jitter=", sizeof("jitter=") - 1) == 0
        && jitter.data[jitter.len - 1] == '%')
    {
        jitter.data += sizeof("jitter=") - 1;
        jitter.len -= sizeof("jitter=%") - 1;

        if (ngx_directstream_field_text(f, &dcf->stream->def, &jitter)
            == NGX_OK)
        {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of \"%V\", it must be "
                       "\"jitter=\" and a number of per cent, from \"0%%\" "
                       "to \"100%%\"", &value[2], &cmd->name);

    return NGX_CONF_ERROR;
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

    ds_def_t    *def;
    ngx_str_t   *value;
    ds_error_t   err;

    if (dcf->stream->set & NGX_DIRECTSTREAM_SET_PUSH) {
        return "is duplicate";
    }

    dcf->stream->set |= NGX_DIRECTSTREAM_SET_PUSH;

    def = &dcf->stream->def;
    value = cf->args->elts;

    if (value[1].len > DS_URL_LEN) {
        return "is too long";
    }

    ngx_memcpy(def->push, value[1].data, value[1].len);
    def->push_engine = ngx_directstream_push_tls(def->push);

    if (cf->args->nelts == 3) {

        if (ngx_strcmp(value[2].data, "via=engine") == 0) {
            def->push_engine = 1;

        } else if (ngx_strcmp(value[2].data, "via=rtmp") == 0) {
            def->push_engine = 0;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter of \"%V\", it must be "
                               "\"via=rtmp\" or \"via=engine\"", &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_directstream_check_push(def, &err) != DS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
