
/*
 * ngx_directstream_conf_stream.c: parses the "stream" blocks, and what they
 * inherit from the "directstream" block.  Each value is checked where it is
 * read; what depends on the rest of the block is checked at its end, in
 * ngx_directstream_conf.c.
 */

#include "ngx_directstream.h"


static ngx_int_t ngx_directstream_stream_param(
    ngx_directstream_stream_conf_t *s, ngx_str_t *value, ds_outlet_t *o);
static ngx_int_t ngx_directstream_stream_key(ngx_conf_t *cf, ngx_str_t *path,
    ds_outlet_t *o);


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

    if (rv == NGX_CONF_OK
        && ngx_directstream_outputs_finish(s->def.outputs, s->via, &err)
           != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"push\" of stream \"%s\": %s",
                           s->def.name, err.message);
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
 * youtube off | watch | revive; default off
 * youtube_rollover off | time; default off
 * youtube_title text; default that of the broadcast before
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
 * push [name=NAME] URL [via=rtmp | via=engine] [role=primary | role=backup]
 *     [key_file=FILE]; default none; context: stream
 *
 * What is wrong with it is not shown: it may be the key.
 */

char *
ngx_directstream_stream_push(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t                       *value, url, file;
    ngx_uint_t                       i, rtmp;
    ds_error_t                       err;
    ds_outlet_t                      o;
    ngx_directstream_stream_conf_t  *s;

    s = dcf->stream;
    value = cf->args->elts;

    ngx_memzero(&o, sizeof(ds_outlet_t));
    ngx_str_null(&url);
    ngx_str_null(&file);
    rtmp = 0;

    if (s->pushes == DS_OUTLETS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "too many \"%V\" directives, a stream has at most "
                           "%d outputs", &cmd->name, DS_OUTLETS);
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "key_file=", 9) == 0
            && value[i].len > 9)
        {
            file.data = value[i].data + 9;
            file.len = value[i].len - 9;

        } else if (ngx_strcmp(value[i].data, "via=rtmp") == 0) {
            rtmp = 1;
            s->via |= (ngx_uint_t) 1 << s->pushes;

        } else if (ngx_directstream_stream_param(s, &value[i], &o) == NGX_OK) {
            continue;

        } else if (url.len == 0 && ngx_strlchr(value[i].data, value[i].data
                                               + value[i].len, ':') != NULL)
        {
            url = value[i];

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter of \"%V\", it must be "
                               "\"name=NAME\", \"via=rtmp\", "
                               "\"via=engine\", \"role=primary\", "
                               "\"role=backup\" or \"key_file=FILE\" "
                               "beside a URL", &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    if (url.len > DS_URL_LEN) {
        return "is too long";
    }

    ngx_memcpy(o.url, url.data, url.len);

    if (file.len != 0 && ngx_directstream_stream_key(cf, &file, &o) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (o.name[0] == '\0') {
        ngx_directstream_outputs_name(s->def.outputs, &o);
    }

    if (ds_check_push(o.url, 0, &err) != DS_OK
        || (rtmp && !o.engine
            && ngx_directstream_outputs_rtmp_ok(&o, &err) != DS_OK)
        || ds_check_outlet(o.name, &err) != DS_OK
        || ds_outlet_add(s->def.outputs, &o, &err) != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &cmd->name, err.message);
        return NGX_CONF_ERROR;
    }

    s->set |= NGX_DIRECTSTREAM_SET_OUTPUTS;
    s->pushes++;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_directstream_stream_param(ngx_directstream_stream_conf_t *s,
    ngx_str_t *value, ds_outlet_t *o)
{
    if (ngx_strcmp(value->data, "via=engine") == 0) {
        o->engine = 1;
        s->via |= (ngx_uint_t) 1 << s->pushes;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "role=primary") == 0
        || ngx_strcmp(value->data, "role=backup") == 0)
    {
        o->backup = (value->data[5] == 'b');
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "name=", 5) == 0) {
        /* one that is too long is none */
        (void) ngx_cpystrn((u_char *) o->name, value->len - 5
                                               <= DS_OUTLET_NAME_LEN
                                               ? value->data + 5
                                               : (u_char *) "..",
                           sizeof(o->name));

        if (value->len == 5) {
            (void) ngx_cpystrn((u_char *) o->name, (u_char *) ".",
                               sizeof(o->name));
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* the first line of the file, read with the rights of who reads nginx.conf */

static ngx_int_t
ngx_directstream_stream_key(ngx_conf_t *cf, ngx_str_t *path, ds_outlet_t *o)
{
    u_char           *p, *last, key[DS_URL_LEN];
    size_t            len;
    ssize_t           n;
    const char       *call;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_directstream_conf_read(path, key, sizeof(key), &fi, &call);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "invalid \"key_file\": \"%V\" cannot be read, %s "
                           "failed", path, call);
        return NGX_ERROR;
    }

    if (ngx_file_access(&fi) & 077) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "\"%V\" holds a key and others may read it, its "
                           "mode should be 0600", path);
    }

    last = key + n;

    while (last > key && (last[-1] == '\n' || last[-1] == '\r'
                          || last[-1] == ' '))
    {
        last--;
    }

    len = strlen(o->url);

    for (p = key; p < last && *p > ' ' && *p != 0x7f; p++) {
        /* void */
    }

    if (p != last || last == key || len + 1 + (last - key) > DS_URL_LEN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"key_file\": \"%V\" must have one line, "
                           "the key, without blanks", path);
        return NGX_ERROR;
    }

    p = ngx_sprintf((u_char *) o->url + len, "%s%*s",
                    (len != 0 && o->url[len - 1] == '/') ? "" : "/",
                    (size_t) (last - key), key);
    *p = '\0';

    ngx_explicit_memzero(key, sizeof(key));

    return NGX_OK;
}
