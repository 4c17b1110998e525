
/*
 * ngx_directstream_conf.c: parses the "directstream" block.  Every value is
 * checked where it is read, with the sentence that says what is accepted;
 * what depends on directives that may follow is checked at the block's end.
 */

#include "ngx_directstream.h"


/* an argument that is one number */

typedef struct {
    const char              *directive;     /* NULL: the end */
    size_t                   offset;        /* of an int64_t */
    const char              *what;          /* "time", "size", "number" */
    int64_t                  min;
    int64_t                  max;
    int64_t                  initial;
    const char              *accepted;      /* "it must be …" */
} ngx_directstream_range_t;


static char *ngx_directstream_block_end(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf);
static char *ngx_directstream_streams_end(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf);
static void ngx_directstream_settings(ngx_directstream_conf_t *dcf);
static uint64_t ngx_directstream_words(uint64_t digest,
    const char *const *words);
static char *ngx_directstream_zone_add(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf);


#define ngx_directstream_in(field)  offsetof(ngx_directstream_conf_t, field)

static const char  *ngx_directstream_resolver[] = { "/usr/bin/yt-dlp", NULL };


/* items looked at ahead of their turn, and looks an hour */
#define NGX_DIRECTSTREAM_PREFLIGHT  5
#define NGX_DIRECTSTREAM_BUDGET     60


static ngx_int_t ngx_directstream_env_end(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf);


static const ngx_directstream_range_t  ngx_directstream_ranges[] = {
    { "resolve_timeout", ngx_directstream_in(resolve_timeout), "time",
      100, 3600 * 1000, 60000, "from 100ms to 1h" },

    { "source_timeout", ngx_directstream_in(source_timeout), "time",
      100, 3600 * 1000, 15000, "from 100ms to 1h" },

    { "buffer", ngx_directstream_in(buffer_time), "time",
      1000, 120 * 1000, 4000, "from 1s to 120s" },

    { "buffer", ngx_directstream_in(buffer_size), "size",
      256 * 1024, 256 * 1024 * 1024, 4 * 1024 * 1024, "from 256k to 256m" },

    { "encodes", ngx_directstream_in(encodes), "number",
      1, 1024, 0, "from 1 to 1024, or \"auto\"" },

    { "history", ngx_directstream_in(history), "time",
      0, (int64_t) 3650 * 86400 * 1000, (int64_t) 90 * 86400 * 1000,
      "from 1s to 3650d, or 0: for ever" },

    { "playlist_max_items", ngx_directstream_in(max_items), "number",
      1, 100000, 50000, "from 1 to 100000" },

    { "push_buffer", ngx_directstream_in(push_buffer), "size",
      1024 * 1024, (int64_t) 1 << 40, 0, "from 1m to 1024g" },

    { "cache_max_size", ngx_directstream_in(cache_max_size), "size",
      1024 * 1024, NGX_MAX_OFF_T_VALUE, (int64_t) 10 << 30,
      "1048576 bytes or more, as in \"10g\"" },

    { "cache_min_free", ngx_directstream_in(cache_min_free), "size",
      0, NGX_MAX_OFF_T_VALUE, (int64_t) 1 << 30,
      "0 bytes or more, as in \"10g\"" },

    { NULL, 0, NULL, 0, 0, 0, NULL }
};


char *
ngx_directstream_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    char        *rv;
    ngx_conf_t   save;

    if (dcf->present) {
        return "is duplicate";
    }

    dcf->present = 1;

    save = *cf;
    cf->cmd_type = NGX_DIRECTSTREAM_CONF;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_directstream_block_end(cf, dcf);
}


static char *
ngx_directstream_block_end(ngx_conf_t *cf, ngx_directstream_conf_t *dcf)
{
    u_char     *p;
    ngx_str_t   path;

    const ngx_directstream_range_t  *r;

    if (dcf->state_path.len == 0) {
        ngx_str_set(&path, "/var/lib/nginx/directstream");
        dcf->state_path = path;
    }

    if (dcf->cache_path.len == 0) {
        path.len = dcf->state_path.len + sizeof("/cache") - 1;

        p = ngx_pnalloc(cf->pool, path.len + 1);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_sprintf(p, "%V/cache%Z", &dcf->state_path);
        path.data = p;
        dcf->cache_path = path;
    }

    if (dcf->resolve_command == NULL) {
        dcf->resolve_command = ngx_directstream_resolver;
    }

    if (!dcf->cluster_lost_set) {
        dcf->cluster.failsafe = 1;

    } else if (dcf->cluster.endpoints == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"cluster_lost\" needs \"cluster\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_directstream_env_end(cf, dcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (!dcf->preflight_set) {
        dcf->preflight = NGX_DIRECTSTREAM_PREFLIGHT;
        dcf->preflight_budget = NGX_DIRECTSTREAM_BUDGET;
    }

    if (dcf->resolve_extractors.len == 0) {
        ngx_str_set(&dcf->resolve_extractors,
                    "youtube,youtube:tab,youtube:playlist,youtubeytbe");
    }

    for (r = ngx_directstream_ranges; r->directive != NULL; r++) {
        if (!(dcf->given & (1 << (r - ngx_directstream_ranges)))) {
            *(int64_t *) ((char *) dcf + r->offset) = r->initial;
        }
    }

    if (dcf->zone_name.len == 0) {
        ngx_str_set(&dcf->zone_name, "directstream");
        dcf->zone_size = 16 * 1024 * 1024;
    }

#if (NGX_THREADS)

    dcf->pool = ngx_thread_pool_add(cf, NULL);
    if (dcf->pool == NULL) {
        return NGX_CONF_ERROR;
    }

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"directstream\" needs an nginx that was configured "
                       "--with-threads");
    return NGX_CONF_ERROR;

#endif

    if (ngx_directstream_streams_end(cf, dcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_directstream_settings(dcf);

    return ngx_directstream_zone_add(cf, dcf);
}


/* all that a relay worker makes its engine with, and its logs */

static void
ngx_directstream_settings(ngx_directstream_conf_t *dcf)
{
    uint64_t    digest;
    ngx_uint_t  i;

    const ngx_str_t *const  texts[] = {
        &dcf->cache_path, &dcf->resolve_extractors, &dcf->media_root,
        &dcf->push_certificate, &dcf->canary, &dcf->youtube_credentials,
        &dcf->youtube_api
    };

    const char *const  cluster[] = {
        dcf->cluster.endpoints, dcf->cluster.prefix, dcf->cluster.node,
        dcf->cluster.url, dcf->cluster.ca, dcf->cluster.cert,
        dcf->cluster.key, dcf->cluster.user, dcf->cluster.password
    };

    digest = NGX_DIRECTSTREAM_DIGEST;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        digest = ngx_directstream_digest(digest, texts[i]->data,
                                         texts[i]->len);
        digest = ngx_directstream_digest(digest, "", 1);
    }

    for (i = 0; i < sizeof(cluster) / sizeof(cluster[0]); i++) {
        if (cluster[i] != NULL) {
            digest = ngx_directstream_digest(digest, cluster[i],
                                             strlen(cluster[i]) + 1);
        }

        digest = ngx_directstream_digest(digest, "", 1);
    }

    digest = ngx_directstream_digest(digest, &dcf->cluster.ttl,
                                     sizeof(unsigned));
    digest = ngx_directstream_digest(digest, &dcf->cluster.max_streams,
                                     sizeof(uint32_t));
    digest = ngx_directstream_digest(digest, &dcf->cluster.weight,
                                     sizeof(uint32_t));
    digest = ngx_directstream_digest(digest, &dcf->cluster.failsafe,
                                     sizeof(bool));
    digest = ngx_directstream_digest(digest, &dcf->canary_every,
                                     sizeof(dcf->canary_every));
    digest = ngx_directstream_digest(digest, &dcf->preflight,
                                     sizeof(dcf->preflight));
    digest = ngx_directstream_digest(digest, &dcf->preflight_budget,
                                     sizeof(dcf->preflight_budget));

    digest = ngx_directstream_words(digest, dcf->resolve_command);
    digest = ngx_directstream_words(digest, dcf->resolve_fallback);
    digest = ngx_directstream_words(digest, dcf->resolve_env.nelts
                                            ? dcf->resolve_env.elts : NULL);

    for (i = 0; ngx_directstream_ranges[i].directive != NULL; i++) {
        digest = ngx_directstream_digest(digest,
                           (char *) dcf + ngx_directstream_ranges[i].offset,
                           sizeof(int64_t));
    }

    digest = ngx_directstream_digest(digest, &dcf->youtube_interval,
                                     sizeof(int64_t));

    digest = ngx_directstream_digest(digest, dcf->source_rules.elts,
                                     dcf->source_rules.nelts
                                     * sizeof(ds_source_rule_t));

    dcf->settings = ngx_directstream_log_digest(dcf, digest);
}


/* NULL is another list than one without words */

static uint64_t
ngx_directstream_words(uint64_t digest, const char *const *words)
{
    if (words == NULL) {
        return ngx_directstream_digest(digest, "", 1);
    }

    for ( /* void */ ; *words != NULL; words++) {
        digest = ngx_directstream_digest(digest, *words, strlen(*words) + 1);
    }

    return ngx_directstream_digest(digest, "\n", 1);
}


static char *
ngx_directstream_streams_end(ngx_conf_t *cf, ngx_directstream_conf_t *dcf)
{
    ngx_uint_t                        i;
    ds_error_t                        err;
    ngx_directstream_stream_conf_t   *s, **sp;

    sp = dcf->streams.elts;

    for (i = 0; i < dcf->streams.nelts; i++) {
        s = sp[i];

        if (ds_check_playlist(s->def.playlist, dcf->media_root.len != 0, &err)
            != DS_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid \"playlist\" of stream \"%s\": %s in %s:%ui",
                          s->def.name, err.message, s->file, s->line);
            return NGX_CONF_ERROR;
        }

        (void) ngx_directstream_field_copy(&s->def, &dcf->base.def, ~s->set);

        if (s->def.publish[0] == '\0') {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "stream \"%s\" has no \"publish\", and the "
                          "\"directstream\" block has no default for it "
                          "in %s:%ui", s->def.name, s->file, s->line);
            return NGX_CONF_ERROR;
        }

        if (ngx_directstream_check_publish(&s->def, &err) != DS_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid \"publish\" of stream \"%s\": %s in "
                          "%s:%ui", s->def.name, err.message, s->file,
                          s->line);
            return NGX_CONF_ERROR;
        }

        /* what is inherited is for those that it can be for */

        if ((s->set & NGX_DIRECTSTREAM_SET_YOUTUBE)
            && ngx_directstream_check_youtube(dcf, &s->def, &err) != DS_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid \"youtube\" of stream \"%s\": %s in "
                          "%s:%ui", s->def.name, err.message, s->file,
                          s->line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_directstream_zone_add(ngx_conf_t *cf, ngx_directstream_conf_t *dcf)
{
    size_t  need;

    /* a stream's items take as much again, at the very least */

    need = 2 * ngx_align(sizeof(ngx_directstream_node_t), ngx_pagesize)
           * dcf->streams.nelts
           + ngx_align(sizeof(ngx_directstream_sh_t), ngx_pagesize);

    if (need > (size_t) dcf->zone_size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" of %z bytes is too small for %ui "
                           "streams, %uz bytes are needed at least",
                           &dcf->zone_name, dcf->zone_size,
                           dcf->streams.nelts, need);
        return NGX_CONF_ERROR;
    }

    /*
     * The tag belongs to the nginx binary, not to this module: so that the
     * zone is found again after a reload that loads another build of it.
     */

    dcf->shm_zone = ngx_shared_memory_add(cf, &dcf->zone_name,
                                          dcf->zone_size, &ngx_core_module);
    if (dcf->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    dcf->shm_zone->init = ngx_directstream_state_init;
    dcf->shm_zone->data = dcf;

    /* streams are handed over, as at an upgrade of nginx itself */

    if (ngx_directstream_zone_changed(dcf)) {

        if (ngx_process == NGX_PROCESS_SINGLE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"zone\" and \"state_path\" cannot be changed "
                               "on reload without a master process");
            return NGX_CONF_ERROR;
        }

        dcf->shm_zone->noreuse = 1;
    }

    return NGX_CONF_OK;
}


/* zone name:size; default directstream:16m; context: directstream */

char *
ngx_directstream_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    u_char     *p;
    ngx_str_t  *value, s;

    if (dcf->zone_name.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    p = (u_char *) ngx_strchr(value[1].data, ':');

    if (p == NULL || p == value[1].data) {
        goto invalid;
    }

    s.data = p + 1;
    s.len = value[1].data + value[1].len - s.data;

    dcf->zone_size = ngx_parse_size(&s);

    if (dcf->zone_size < (ssize_t) (64 * ngx_pagesize)) {
        goto invalid;
    }

    dcf->zone_name.data = value[1].data;
    dcf->zone_name.len = p - value[1].data;

    return NGX_CONF_OK;

invalid:

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid zone \"%V\", it must be name:size, "
                       "of %uz bytes at least, as in \"directstream:16m\"",
                       &value[1], 64 * ngx_pagesize);

    return NGX_CONF_ERROR;
}


/*
 * state_path path; default /var/lib/nginx/directstream
 * cache_path path; default the state_path's "cache"
 * media_root path; default none
 * context: directstream
 */

char *
ngx_directstream_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *field, *value;

    field = (ngx_str_t *) (p + cmd->offset);

    if (field->data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len >= NGX_MAX_PATH - 64) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"%V\", it must name a "
                           "directory", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *field = value[1];

    if (ngx_conf_full_name(cf->cycle, field, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * resolve_command program [argument ...]; default /usr/bin/yt-dlp; a second one
 * is asked when the first one is broken; context: directstream
 */

char *
ngx_directstream_command(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t    *value;
    ngx_uint_t    i;
    const char  **argv;

    if (dcf->resolve_fallback) {
        return "is there twice already";
    }

    value = cf->args->elts;

    if (value[1].data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid program \"%V\" in \"resolve_command\", "
                           "it must be an absolute path", &value[1]);
        return NGX_CONF_ERROR;
    }

    argv = ngx_pcalloc(cf->pool, cf->args->nelts * sizeof(char *));
    if (argv == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        argv[i - 1] = (char *) value[i].data;
    }

    if (dcf->resolve_command == NULL) {
        dcf->resolve_command = argv;
    } else {
        dcf->resolve_fallback = argv;
    }

    return NGX_CONF_OK;
}


/*
 * resolve_path path ...; directories before /usr/bin and /bin; default none
 * context: directstream
 */

char *
ngx_directstream_resolve_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    u_char      *p;
    size_t       len;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (dcf->resolve_path.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    len = sizeof("PATH=/usr/bin:/bin");

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0 || value[i].data[0] != '/'
            || ngx_strchr(value[i].data, ':') != NULL)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid path \"%V\" in \"resolve_path\", it "
                               "must be an absolute one of a directory, "
                               "without \":\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        len += value[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    dcf->resolve_path.data = p;
    dcf->resolve_path.len = len - 1;

    p = ngx_cpymem(p, "PATH=", 5);

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
        *p++ = ':';
    }

    (void) ngx_cpymem(p, "/usr/bin:/bin", sizeof("/usr/bin:/bin"));

    return NGX_CONF_OK;
}


/*
 * resolve_env name[=value]; without a value nginx's own; default none
 * context: directstream
 */

char *
ngx_directstream_resolve_env(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    u_char      *p;
    size_t       n;
    char        *own, **env;
    ngx_str_t   *value;

    value = (ngx_str_t *) cf->args->elts + 1;

    n = strspn((char *) value->data, "abcdefghijklmnopqrstuvwxyz"
               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

    if (n == 0 || (value->data[n] != '=' && n != value->len)
        || (value->data[0] >= '0' && value->data[0] <= '9'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable \"%V\" in \"resolve_env\", it "
                           "must be \"NAME\" or \"NAME=value\", of letters, "
                           "digits and \"_\"", value);
        return NGX_CONF_ERROR;
    }

    if (n == value->len) {
        own = getenv((char *) value->data);

        if (own == NULL) {
            /* as nginx's "env": what is not there is not passed on */
            return NGX_CONF_OK;
        }

        p = ngx_pnalloc(cf->pool, n + 1 + ngx_strlen(own) + 1);
        if (p == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_sprintf(p, "%V=%s%Z", value, own);

    } else {
        p = value->data;
    }

    env = ngx_array_push(&dcf->resolve_env);
    if (env == NULL) {
        return NGX_CONF_ERROR;
    }

    *env = (char *) p;

    return NGX_CONF_OK;
}


/* the path is a variable as well; the last one is NULL */

static ngx_int_t
ngx_directstream_env_end(ngx_conf_t *cf, ngx_directstream_conf_t *dcf)
{
    char  **env;

    if (dcf->resolve_path.len == 0 && dcf->resolve_env.nelts == 0) {
        return NGX_OK;
    }

    if (dcf->resolve_path.len) {
        env = ngx_array_push(&dcf->resolve_env);
        if (env == NULL) {
            return NGX_ERROR;
        }

        *env = (char *) dcf->resolve_path.data;
    }

    env = ngx_array_push(&dcf->resolve_env);
    if (env == NULL) {
        return NGX_ERROR;
    }

    *env = NULL;

    return NGX_OK;
}


/*
 * preflight number [budget=number/h] | off; default 5 budget=60/h
 * context: directstream
 */

char *
ngx_directstream_preflight(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    u_char     *p;
    ngx_int_t   n, budget;
    ngx_str_t  *value;

    if (dcf->preflight_set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    dcf->preflight_set = 1;
    dcf->preflight_budget = NGX_DIRECTSTREAM_BUDGET;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        dcf->preflight = 0;
        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n < 1 || n > 100) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"preflight\", it must "
                           "be from 1 to 100, or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    dcf->preflight = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    p = value[2].data + value[2].len;

    budget = value[2].len > sizeof("budget=/h") - 1
             && ngx_strncmp(value[2].data, "budget=", 7) == 0
             && ngx_strcmp(p - 2, "/h") == 0
             ? ngx_atoi(value[2].data + 7, value[2].len - 9) : NGX_ERROR;

    if (budget < 1 || budget > 100000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"preflight\", it "
                           "must be \"budget=number/h\", from 1 to 100000",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    dcf->preflight_budget = budget;

    return NGX_CONF_OK;
}


/*
 * resolver_canary URL [every=time]; default none, 1h
 * context: directstream
 */

char *
ngx_directstream_resolver_canary(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t   *value, every;
    ds_error_t   err;

    if (dcf->canary.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    dcf->canary_every = 3600 * 1000;

    if (ngx_strstr(value[1].data, "://") == NULL
        || ds_check_playlist((char *) value[1].data, false, &err) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URL \"%V\" in \"resolver_canary\", it "
                           "must be an http or https one of an item",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    dcf->canary = value[1];

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    ngx_str_null(&every);

    if (ngx_strncmp(value[2].data, "every=", 6) == 0) {
        every.data = value[2].data + 6;
        every.len = value[2].len - 6;
        dcf->canary_every = ngx_parse_time(&every, 0);
    }

    if (every.len == 0 || dcf->canary_every < 1000
        || dcf->canary_every > (int64_t) 7 * 24 * 3600 * 1000)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"resolver_canary\", "
                           "it must be \"every=time\", from 1s to 7d",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * resolve_extractors name ...;
 * default youtube,youtube:tab,youtube:playlist,youtubeytbe;
 * context: directstream
 */

char *
ngx_directstream_extractors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    size_t       len;
    u_char      *p;
    ngx_str_t   *value;
    ngx_uint_t   i;

    if (dcf->resolve_extractors.len) {
        return "is duplicate";
    }

    value = cf->args->elts;
    len = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0
            || value[i].data[0] == '-'
            || strspn((char *) value[i].data,
                          "abcdefghijklmnopqrstuvwxyz"
                          "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:,.*+-")
               != value[i].len)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid extractor \"%V\", names are made of "
                               "letters, digits, and \"_:,.*+-\"", &value[i]);
            return NGX_CONF_ERROR;
        }

        len += value[i].len + 1;
    }

    p = ngx_pnalloc(cf->pool, len);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    dcf->resolve_extractors.data = p;
    dcf->resolve_extractors.len = len - 1;

    for (i = 1; i < cf->args->nelts; i++) {
        p = ngx_cpymem(p, value[i].data, value[i].len);
        *p++ = ',';
    }

    *(p - 1) = '\0';

    return NGX_CONF_OK;
}


/*
 * resolve_timeout time; default 60s
 * source_timeout time; default 15s
 * buffer time size; default 4s 4m
 * encodes number | auto; default auto
 * playlist_max_items number; default 50000
 * push_buffer size; default 256m, or less
 * cache_max_size size; default 10g
 * cache_min_free size; default 1g
 * context: directstream
 */

char *
ngx_directstream_range(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    int64_t      n;
    ngx_str_t   *value;
    ngx_uint_t   bit;

    const ngx_directstream_range_t  *r;

    value = cf->args->elts;

    for (r = ngx_directstream_ranges; r->directive != NULL; r++) {

        if (ngx_strcmp(cmd->name.data, r->directive) != 0) {
            continue;
        }

        value++;
        bit = 1 << (r - ngx_directstream_ranges);

        if (dcf->given & bit) {
            return "is duplicate";
        }

        switch (r->what[0]) {

        case 't':
            n = ngx_parse_time(value, 0);
            break;

        case 's':
            n = ngx_parse_offset(value);
            break;

        default:
            n = ngx_atoi(value->data, value->len);
        }

        if (r->initial == 0 && ngx_strcmp(value->data, "auto") == 0) {
            n = 0;

        } else if (n < r->min || n > r->max) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid %s \"%V\" in \"%V\", it must be %s",
                               r->what, value, &cmd->name, r->accepted);
            return NGX_CONF_ERROR;
        }

        *(int64_t *) ((char *) dcf + r->offset) = n;
        dcf->given |= bit;
    }

    return NGX_CONF_OK;
}


/*
 * allow_source address | CIDR | all; default none
 * deny_source address | CIDR | all; default none
 * context: directstream
 */

char *
ngx_directstream_source(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_int_t          rc;
    ngx_str_t         *value;
    ngx_uint_t         i, n;
    ngx_cidr_t         cidr;
    ds_source_rule_t  *rule;

    value = cf->args->elts;

    ngx_memzero(&cidr, sizeof(ngx_cidr_t));

    n = (ngx_strcmp(value[1].data, "all") == 0) ? 2 : 1;

    if (n == 1) {
        rc = ngx_ptocidr(&value[1], &cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"%V\", it must "
                               "be an address, a CIDR block or \"all\"",
                               &value[1], &cmd->name);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[1]);
        }
    }

    rule = ngx_array_push_n(&dcf->source_rules, n);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(rule, n * sizeof(ds_source_rule_t));

    for (i = 0; i < n; i++) {
        rule[i].allow = (cmd->name.data[0] == 'a');
        rule[i].family = (i == 0) ? 4 : 6;
    }

    if (cidr.family == AF_INET) {
        ngx_memcpy(rule->addr, &cidr.u.in.addr, 4);

        /* the mask is contiguous, and in network byte order */
        rule->prefix = __builtin_popcount(cidr.u.in.mask);
    }

#if (NGX_HAVE_INET6)

    if (cidr.family == AF_INET6) {
        rule->family = 6;
        ngx_memcpy(rule->addr, &cidr.u.in6.addr, 16);

        for (i = 0; i < 16; i++) {
            rule->prefix += __builtin_popcount(cidr.u.in6.mask.s6_addr[i]);
        }
    }

#endif

    return NGX_CONF_OK;
}


/*
 * push_trusted_certificate file; default the system's certificates;
 * context: directstream
 */

char *
ngx_directstream_certificate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t  *value;

    if (dcf->push_certificate.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    /* relative to nginx.conf, as all certificates are */

    if (ngx_directstream_conf_file(cf, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    dcf->push_certificate = value[1];

    return NGX_CONF_OK;
}


ngx_int_t
ngx_directstream_conf_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t conf_prefix)
{
    char              c;
    ssize_t           n;
    ngx_str_t        *name;
    const char       *call;
    ngx_file_info_t   fi;

    name = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, path, conf_prefix) != NGX_OK) {
        return NGX_ERROR;
    }

    n = ngx_directstream_conf_read(path, &c, 1, &fi, &call);

    if (n == 1) {
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, (n == -1) ? ngx_errno : 0,
                       "invalid file in \"%V\", it must be one that can be "
                       "read and is not empty: \"%V\"", name, path);

    return NGX_ERROR;
}


ssize_t
ngx_directstream_conf_read(ngx_str_t *path, void *buf, size_t size,
    ngx_file_info_t *fi, const char **call)
{
    int        fd;
    ssize_t    n;
    ngx_err_t  err;

    /* a read refuses a directory; a FIFO must not hold up nginx */

    *call = ngx_open_file_n;
    fd = open((char *) path->data, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    *call = ngx_read_fd_n;
    n = ngx_fd_info(fd, fi) == NGX_FILE_ERROR ? -1 : read(fd, buf, size);
    err = ngx_errno;

    (void) close(fd);
    ngx_set_errno(err);

    return n;
}
