
/*
 * ngx_directstream_dump.c: adds to what nginx -T writes how the "directstream"
 * block was understood, as one comment: directstream-check reads it, and so has
 * no second idea of includes, defaults and what streams inherit.
 */

#include "ngx_directstream.h"
#include "ngx_directstream_json.h"


/* what directstream-check looks for */
#define NGX_DIRECTSTREAM_DUMP  "# directstream-check: "


static void ngx_directstream_dump_list(ngx_directstream_json_t *w,
    const char *key, const char *const *list);
static void ngx_directstream_dump_rules(ngx_directstream_json_t *w,
    const ngx_array_t *rules);
static void ngx_directstream_dump_user(ngx_directstream_json_t *w,
    ngx_cycle_t *cycle);
static void ngx_directstream_dump_stream(ngx_directstream_json_t *w,
    const ds_def_t *def);
static ngx_int_t ngx_directstream_dump_add(ngx_cycle_t *cycle,
    ngx_directstream_json_t *w);


static const ngx_directstream_member_t  ngx_directstream_dumped[] = {
    ngx_directstream_member("resolve_timeout", NUMBER,
                            ngx_directstream_conf_t, resolve_timeout),
    ngx_directstream_member("source_timeout", NUMBER,
                            ngx_directstream_conf_t, source_timeout),
    ngx_directstream_member("buffer_time", NUMBER, ngx_directstream_conf_t,
                            buffer_time),
    ngx_directstream_member("buffer_size", NUMBER, ngx_directstream_conf_t,
                            buffer_size),
    ngx_directstream_member("max_items", NUMBER, ngx_directstream_conf_t,
                            max_items),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_dumped_def[] = {
    ngx_directstream_member("name", TEXT, ds_def_t, name),
    ngx_directstream_member("playlist", TEXT, ds_def_t, playlist),
    ngx_directstream_member("source_proxy", TEXT, ds_def_t, source_proxy),
    ngx_directstream_member("source_bind", TEXT, ds_def_t, source_bind),
    ngx_directstream_member("video", NUMBER, ds_def_t, profile.video),
    ngx_directstream_member("width", NUMBER, ds_def_t, profile.width),
    ngx_directstream_member("height", NUMBER, ds_def_t, profile.height),
    ngx_directstream_member("rate", NUMBER, ds_def_t, profile.rate),
    ngx_directstream_member("video_bitrate", NUMBER, ds_def_t,
                            profile.video_bitrate),
    ngx_directstream_member("audio_bitrate", NUMBER, ds_def_t,
                            profile.audio_bitrate),
    ngx_directstream_member("sample_rate", NUMBER, ds_def_t,
                            profile.sample_rate),
    ngx_directstream_member("max_keyframe_interval", NUMBER, ds_def_t,
                            profile.max_keyframe_interval),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_dump(ngx_cycle_t *cycle, ngx_directstream_conf_t *dcf)
{
    u_char                            store[NGX_MAX_PATH];
    ngx_uint_t                        i;
    ngx_directstream_json_t           w;
    ngx_directstream_stream_conf_t  **sp;

    ngx_directstream_state_db(dcf, store);

    ngx_directstream_json_init(&w, cycle->pool);
    ngx_directstream_json_raw(&w, NGX_DIRECTSTREAM_DUMP,
                              sizeof(NGX_DIRECTSTREAM_DUMP) - 1);
    ngx_directstream_json_open(&w, '{');

    ngx_directstream_dump_user(&w, cycle);
    ngx_directstream_json_text(&w, "store", (char *) store, NGX_MAX_PATH);
    ngx_directstream_json_text(&w, "resolve_extractors",
                               (char *) dcf->resolve_extractors.data,
                               dcf->resolve_extractors.len);

    if (dcf->media_root.len) {
        ngx_directstream_json_text(&w, "media_root",
                                   (char *) dcf->media_root.data,
                                   dcf->media_root.len);
    }

    ngx_directstream_json_members(&w, ngx_directstream_dumped, dcf);
    ngx_directstream_dump_list(&w, "resolve_command", dcf->resolve_command);
    ngx_directstream_dump_list(&w, "resolve_fallback", dcf->resolve_fallback);
    ngx_directstream_dump_list(&w, "resolve_env",
                               dcf->resolve_env.nelts ? dcf->resolve_env.elts
                                                      : NULL);
    ngx_directstream_dump_rules(&w, &dcf->source_rules);

    /* the first is what a playlist of no stream is judged by */

    ngx_directstream_json_key(&w, "streams");
    ngx_directstream_json_open(&w, '[');
    ngx_directstream_dump_stream(&w, &dcf->base.def);

    sp = dcf->streams.elts;

    for (i = 0; i < dcf->streams.nelts; i++) {
        ngx_directstream_dump_stream(&w, &sp[i]->def);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_dump_add(cycle, &w);
}


static void
ngx_directstream_dump_list(ngx_directstream_json_t *w, const char *key,
    const char *const *list)
{
    if (list == NULL) {
        return;
    }

    ngx_directstream_json_key(w, key);
    ngx_directstream_json_open(w, '[');

    for ( /* void */ ; *list != NULL; list++) {
        ngx_directstream_json_string(w, *list, strlen(*list));
    }

    ngx_directstream_json_close(w, ']');
}


/* as an array of [ allow, family, prefix, address ], which is hexadecimal */

static void
ngx_directstream_dump_rules(ngx_directstream_json_t *w,
    const ngx_array_t *rules)
{
    u_char                   *last, hex[2 * 16];
    ngx_uint_t                i;
    const ds_source_rule_t   *rule;

    rule = rules->elts;

    ngx_directstream_json_key(w, "source_rules");
    ngx_directstream_json_open(w, '[');

    for (i = 0; i < rules->nelts; i++) {
        last = ngx_hex_dump(hex, (u_char *) rule[i].addr, 16);

        ngx_directstream_json_open(w, '[');
        ngx_directstream_json_integer(w, rule[i].allow);
        ngx_directstream_json_integer(w, rule[i].family);
        ngx_directstream_json_integer(w, rule[i].prefix);
        ngx_directstream_json_string(w, (char *) hex, last - hex);
        ngx_directstream_json_close(w, ']');
    }

    ngx_directstream_json_close(w, ']');
}


/* whom the workers run as, when root starts them */

static void
ngx_directstream_dump_user(ngx_directstream_json_t *w, ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() != 0 || ccf->username == NULL) {
        return;
    }

    ngx_directstream_json_text(w, "user", ccf->username,
                               strlen(ccf->username));
    ngx_directstream_json_key(w, "uid");
    ngx_directstream_json_integer(w, (int64_t) ccf->user);
    ngx_directstream_json_key(w, "gid");
    ngx_directstream_json_integer(w, (int64_t) ccf->group);
}


static void
ngx_directstream_dump_stream(ngx_directstream_json_t *w, const ds_def_t *def)
{
    ngx_directstream_json_object(w, ngx_directstream_dumped_def, def);
}


static ngx_int_t
ngx_directstream_dump_add(ngx_cycle_t *cycle, ngx_directstream_json_t *w)
{
    ngx_buf_t        *b;
    ngx_chain_t      *cl;
    ngx_conf_dump_t  *cd;

    if (w->failed) {
        return NGX_ERROR;
    }

    b = ngx_create_temp_buf(cycle->pool, w->size);
    cd = ngx_array_push(&cycle->config_dump);

    if (b == NULL || cd == NULL) {
        return NGX_ERROR;
    }

    for (cl = w->out; cl != NULL; cl = cl->next) {
        b->last = ngx_cpymem(b->last, cl->buf->pos,
                             cl->buf->last - cl->buf->pos);
    }

    cd->buffer = b;
    ngx_str_set(&cd->name, "of directstream, as understood");

    return NGX_OK;
}
