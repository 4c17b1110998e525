
/*
 * ngx_directstream_module.c: the core module: the directives of the
 * "directstream" block and the hooks of nginx's life.  The relay worker is
 * one more worker, whose index is the configured number of workers; which
 * process does what is decided here and nowhere else.
 */

#include "ngx_directstream.h"

#include <ngx_event.h>


static void *ngx_directstream_create_conf(ngx_cycle_t *cycle);
static char *ngx_directstream_init_conf(ngx_cycle_t *cycle, void *conf);
static ngx_int_t ngx_directstream_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_directstream_init_process(ngx_cycle_t *cycle);
static void ngx_directstream_worker_init(ngx_cycle_t *cycle,
    ngx_directstream_conf_t *dcf);
static void ngx_directstream_worker_leaves(ngx_event_t *ev);
static void ngx_directstream_exit_process(ngx_cycle_t *cycle);


static ngx_command_t  ngx_directstream_commands[] = {

    { ngx_string("directstream"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS,
      ngx_directstream_block,
      0,
      0,
      NULL },

    /* shared memory: name:size */
    { ngx_string("zone"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_zone,
      0,
      0,
      NULL },

    /* directory of what outlives a process */
    { ngx_string("state_path"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_path,
      0,
      offsetof(ngx_directstream_conf_t, state_path),
      NULL },

    /* the etcd that several nodes share their streams through */
    { ngx_string("cluster"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_2MORE,
      ngx_directstream_cluster,
      0,
      0,
      NULL },

    /* what becomes of the streams when it does not answer */
    { ngx_string("cluster_lost"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_cluster_lost,
      0,
      0,
      NULL },

    /* directory of the media that is kept, and its bounds */
    { ngx_string("cache_path"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_path,
      0,
      offsetof(ngx_directstream_conf_t, cache_path),
      NULL },

    { ngx_string("cache_max_size"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    { ngx_string("cache_min_free"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* the resolver's program and its first arguments */
    { ngx_string("resolve_command"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_directstream_command,
      0,
      0,
      NULL },

    /* what the resolver finds in its environment */
    { ngx_string("resolve_env"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_resolve_env,
      0,
      0,
      NULL },

    { ngx_string("resolve_path"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_directstream_resolve_path,
      0,
      0,
      NULL },

    /* what is tried now and then to see whether the resolver works */
    { ngx_string("resolver_canary"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE12,
      ngx_directstream_resolver_canary,
      0,
      0,
      NULL },

    /* the account that broadcasts are looked after in */
    { ngx_string("youtube_credentials"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE12,
      ngx_directstream_youtube_credentials,
      0,
      0,
      NULL },

    { ngx_string("youtube_api"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_youtube_api,
      0,
      0,
      NULL },

    /* items that are looked at ahead of their turn */
    { ngx_string("preflight"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE12,
      ngx_directstream_preflight,
      0,
      0,
      NULL },

    /* extractors that the resolver may use */
    { ngx_string("resolve_extractors"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_directstream_extractors,
      0,
      0,
      NULL },

    /* bound of one call of the resolver */
    { ngx_string("resolve_timeout"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* bound of a source's silence */
    { ngx_string("source_timeout"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* read-ahead of one item: time, size */
    { ngx_string("buffer"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE2,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* addresses that sources may be read from; the first match wins */
    { ngx_string("allow_source"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_source,
      0,
      0,
      NULL },

    { ngx_string("deny_source"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_source,
      0,
      0,
      NULL },

    /* directory below which file: URLs are allowed */
    { ngx_string("media_root"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_path,
      0,
      offsetof(ngx_directstream_conf_t, media_root),
      NULL },

    /* bound of a list */
    { ngx_string("playlist_max_items"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* how many items are encoded at one time */
    { ngx_string("encodes"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    { ngx_string("history"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* how many items of one list there may be */
    { ngx_string("playlist_max_items"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    { ngx_string("push_buffer"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_range,
      0,
      0,
      NULL },

    /* whom a push over TLS trusts */
    { ngx_string("push_trusted_certificate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_certificate,
      0,
      0,
      NULL },

    /* a line an item that was on air: path, format */
    { ngx_string("directstream_log"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE12,
      ngx_directstream_log,
      0,
      0,
      NULL },

    { ngx_string("directstream_log_format"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_2MORE,
      ngx_directstream_log_format,
      0,
      0,
      NULL },

    { ngx_string("stream"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_directstream_stream,
      0,
      0,
      NULL },

    { ngx_string("playlist"),
      NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("shuffle"),
      NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("loop"),
      NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    /* where the stream is pushed to, and by whom */
    { ngx_string("push"),
      NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_1MORE,
      ngx_directstream_stream_push,
      0,
      0,
      NULL },

    /* what streams inherit from the "directstream" block */

    { ngx_string("publish"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    /* what is on air when nothing else is */
    { ngx_string("slate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("source_proxy"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("source_bind"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("mode"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("video"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("video_size"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("video_rate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("video_bitrate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("audio_bitrate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("audio_rate"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("max_keyframe_interval"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    /* how often the list is read again */
    { ngx_string("playlist_refresh"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE12,
      ngx_directstream_stream_refresh,
      0,
      0,
      NULL },

    { ngx_string("schedule"),
      NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF|NGX_CONF_BLOCK|NGX_CONF_ANY,
      ngx_directstream_schedule,
      0,
      0,
      NULL },

    /* what is done about the broadcast that shows the push */
    { ngx_string("youtube"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("youtube_rollover"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("youtube_title"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

    { ngx_string("max_item_duration"),
      NGX_DIRECTSTREAM_CONF|NGX_DIRECTSTREAM_STREAM_CONF|NGX_DIRECT_CONF
                           |NGX_CONF_TAKE1,
      ngx_directstream_stream_field,
      0,
      0,
      NULL },

      ngx_null_command
};


static ngx_core_module_t  ngx_directstream_module_ctx = {
    ngx_string("directstream"),
    ngx_directstream_create_conf,
    ngx_directstream_init_conf
};


ngx_module_t  ngx_directstream_module = {
    NGX_MODULE_V1,
    &ngx_directstream_module_ctx,          /* module context */
    ngx_directstream_commands,             /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_directstream_init_module,          /* init module */
    ngx_directstream_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_directstream_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_directstream_create_conf(ngx_cycle_t *cycle)
{
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_pcalloc(cycle->pool, sizeof(ngx_directstream_conf_t));
    if (dcf == NULL) {
        return NULL;
    }

    dcf->cycle = cycle;
    dcf->worker = NGX_ERROR;

    dcf->stream = &dcf->base;
    dcf->base.def.loop = 1;
    dcf->base.def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    dcf->base.def.playlist_refresh = DS_REFRESH_DEFAULT;
    dcf->base.def.refresh_jitter = DS_JITTER_DEFAULT;

    if (ngx_array_init(&dcf->resolve_env, cycle->pool, 4, sizeof(char *))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&dcf->source_rules, cycle->pool, 4,
                       sizeof(ds_source_rule_t))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&dcf->streams, cycle->pool, 4,
                       sizeof(ngx_directstream_stream_conf_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return dcf;
}


/* the block may follow the http block, so this is known at the end only */

static char *
ngx_directstream_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_directstream_conf_t  *dcf = conf;

    ngx_uint_t                        i;
    ds_outlet_t                       o;
    ngx_directstream_stream_conf_t  **sp;

    if (!dcf->present && dcf->http_directive.len) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%V\" directive requires a \"directstream\" block "
                      "in the main context in %s:%ui",
                      &dcf->http_directive, dcf->http_file, dcf->http_line);
        return NGX_CONF_ERROR;
    }

    /* which may be another nginx's, so it is no error */

    sp = dcf->streams.elts;

    for (i = 0; i < dcf->streams.nelts && !dcf->on_publish; i++) {

        if (ngx_directstream_outputs_rtmp(sp[i]->def.outputs, &o)) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "no \"directstream_on_publish\" location is there, "
                          "without which nginx-rtmp does not push stream "
                          "\"%s\" in %s:%ui", sp[i]->def.name,
                          sp[i]->file, sp[i]->line);
            break;
        }
    }

    if (ngx_dump_config && dcf->present
        && ngx_directstream_dump(cycle, dcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_directstream_init_module(ngx_cycle_t *cycle)
{
    ngx_core_conf_t          *ccf;
    ngx_directstream_conf_t  *dcf;

    dcf = (ngx_directstream_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                                   ngx_directstream_module);
    if (!dcf->present || ngx_test_config) {
        return NGX_OK;
    }

    if (ngx_directstream_relay_prepare(cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    dcf->reload = !ngx_is_init_cycle(cycle->old_cycle);
    dcf->sh->workers = ccf->worker_processes;

    if (ccf->master) {
        /* the master reads the number of workers after this hook */
        dcf->worker = ccf->worker_processes;
        ccf->worker_processes++;
    }

    if (dcf->old_zone != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "directstream: the zone \"%V\" is a new one, streams are "
                      "handed over", &dcf->zone_name);

        ngx_directstream_zone_replace(dcf);
    }

    ngx_directstream_zone_merge(dcf, cycle->log);
    ngx_directstream_state_sync(dcf, cycle);

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_init_process(ngx_cycle_t *cycle)
{
    ngx_directstream_conf_t  *dcf;

    dcf = (ngx_directstream_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                                   ngx_directstream_module);
    if (!dcf->present) {
        return NGX_OK;
    }

    if (ngx_process == NGX_PROCESS_SINGLE
        || (ngx_process == NGX_PROCESS_WORKER
            && (ngx_int_t) ngx_worker == dcf->worker))
    {
        ngx_directstream_relay_init(cycle, dcf);
        return NGX_OK;
    }

    if (ngx_process == NGX_PROCESS_WORKER) {
        ngx_directstream_worker_init(cycle, dcf);
    }

    return NGX_OK;
}


/*
 * The relay's worker is none to whoever counts workers, as nginx-rtmp does,
 * which pushes a stream from one to all others.  An idle connection is told
 * when the process begins to leave: no hook is.
 */

static void
ngx_directstream_worker_init(ngx_cycle_t *cycle, ngx_directstream_conf_t *dcf)
{
    ngx_core_conf_t   *ccf;
    ngx_connection_t  *c;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    ccf->worker_processes = dcf->worker;

    c = ngx_get_connection(ngx_directstream_wake_handle(), cycle->log);

    if (c != NULL) {
        c->idle = 1;
        c->data = dcf;
        c->read->handler = ngx_directstream_worker_leaves;
    }
}


/*
 * The process listens no more.  Whoever counts in it counts the new workers
 * and this one; and the socket of its own must not be there either, as
 * nginx-rtmp does not survive a push that is refused.
 */

static void
ngx_directstream_worker_leaves(ngx_event_t *ev)
{
    ngx_core_conf_t          *ccf;
    ngx_connection_t         *c;
    ngx_directstream_conf_t  *dcf;

    c = ev->data;
    dcf = c->data;

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    ngx_directstream_relay_refuse(dcf->cycle);

    ccf = (ngx_core_conf_t *) ngx_get_conf(dcf->cycle->conf_ctx,
                                           ngx_core_module);

    ngx_shmtx_lock(&dcf->shpool->mutex);

    ccf->worker_processes = dcf->sh->workers + 1;
    dcf->sh->left = ngx_max(dcf->sh->left, dcf->generation);

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_wake();
}


static void
ngx_directstream_exit_process(ngx_cycle_t *cycle)
{
    ngx_directstream_conf_t  *dcf;

    dcf = (ngx_directstream_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                                   ngx_directstream_module);
    if (!dcf->present) {
        return;
    }

    ngx_directstream_relay_exit(cycle);

    if (ngx_exiting) {
        /* nobody else may be left to tell older relay workers of a quit */

        ngx_shmtx_lock(&dcf->shpool->mutex);

        if (dcf->sh->generation == dcf->generation) {
            dcf->sh->quit = dcf->generation;
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);
    }
}
