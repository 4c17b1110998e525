
/*
 * ds.c: the engine object: its configuration, its log, and what it runs.
 * Relay threads reach the world above only through here: a record in the
 * log and a wakeup.  Knows no libav but its process-wide switches.
 */

#define _GNU_SOURCE

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "air/ds_loop.h"
#include "base/ds_crash.h"
#include "base/ds_job.h"
#include "base/ds_limits.h"
#include "net/ds_hold.h"
#include "net/ds_http.h"
#include "play/ds_canary.h"
#include "source/ds_cache.h"
#include "source/ds_scribe.h"
#include "youtube/ds_youtube.h"


/*
 * Resolvers at a time, for each processor and in all, for they mostly wait for
 * the network; and what one takes, and what an encode does, in MiB: a quarter
 * of the memory is the one's at the most, half of it the other's.
 */
#define DS_RESOLVERS      4
#define DS_RESOLVERS_MOST 16
#define DS_RESOLVER_SIZE  96
#define DS_ENCODE_SIZE    128

/* bytes, of what pushes hold back over all streams */
#define DS_HELD_MOST      (256 << 20)

/* ms, how long a host is left alone that was asked too often */
#define DS_RESOLVER_HOLD_MIN  10000
#define DS_RESOLVER_HOLD_MAX  600000
#define DS_SOURCE_HOLD_MIN    1000
#define DS_SOURCE_HOLD_MAX    60000

/* nginx's master sends KILL about a second after TERM */
#define DS_DESTROY_TIME   800


static int ds_copy_list(const char *const **to, const char *const *from);
static void ds_free_list(const char *const *list);
static void ds_set_limits(ds_t *ds);
static int ds_copy_conf(ds_t *ds, const ds_conf_t *conf);
static void ds_open_cache(ds_t *ds);
static void ds_free(ds_t *ds);


ds_t *
ds_create(const ds_conf_t *conf, ds_error_t *err)
{
    ds_t  *ds;

    ds_error_clear(err);

    ds = calloc(1, sizeof(ds_t));
    if (ds == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    ds->last = &ds->first;

    ds->conf.encodes = conf->encodes;
    ds->conf.push_buffer = conf->push_buffer;
    ds->conf.history = conf->history;

    (void) pthread_mutex_init(&ds->lock, NULL);

    ds_set_limits(ds);

    ds->resolver_hold = ds_hold_create(DS_RESOLVER_HOLD_MIN,
                                       DS_RESOLVER_HOLD_MAX);
    ds->source_hold = ds_hold_create(DS_SOURCE_HOLD_MIN, DS_SOURCE_HOLD_MAX);
    ds->loops = ds_loops_create();

    if (ds->resolvers == NULL || ds->encoders == NULL
        || ds->resolver_hold == NULL || ds->source_hold == NULL
        || ds->loops == NULL
        || ds_copy_conf(ds, conf) != DS_OK)
    {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        ds_free(ds);
        return NULL;
    }

    if (ds_http_init(err) != DS_OK) {
        ds_free(ds);
        return NULL;
    }

    /*
     * Each thread would get a heap of its own and keep what it freed: a
     * stream's packets are allocated by one thread and freed by another.
     * What is small would be kept apart, until the next picture is freed puts
     * all of it together again: each time that is more than it saves.
     */
    (void) mallopt(M_ARENA_MAX, 2);
    (void) mallopt(M_MXFAST, 0);
    (void) mallopt(M_TRIM_THRESHOLD, 256 * 1024);

    /* libav's messages carry URLs with their secrets */
    av_log_set_level(AV_LOG_QUIET);
    (void) avformat_network_init();

    ds_crash_watch(conf->crash);
    ds_open_cache(ds);

    if (ds_youtube_start(ds, err) != DS_OK) {
        ds_free(ds);
        return NULL;
    }

    if (ds_canary_start(ds) != DS_OK) {
        (void) ds_fail(err, DS_ENOMEM, "canary could not be started");
        ds_destroy(&ds);
        return NULL;
    }

    return ds;
}


/* what may go on at a time, by what there is for it */

static void
ds_set_limits(ds_t *ds)
{
    unsigned     resolvers, encodes, most;
    uint64_t     mib;
    ds_limits_t  l;

    ds_limits(&l);

    resolvers = DS_RESOLVERS * l.cpus;
    encodes = l.cpus;
    ds->held_most = ds->conf.push_buffer != 0 ? ds->conf.push_buffer
                  : DS_HELD_MOST;

    if (l.memory != 0) {
        mib = l.memory >> 20;

        most = mib / 4 / DS_RESOLVER_SIZE;
        resolvers = most < resolvers ? most : resolvers;

        most = mib / 2 / DS_ENCODE_SIZE;
        encodes = most < encodes ? most : encodes;

        if (ds->conf.push_buffer == 0 && l.memory / 4 < ds->held_most) {
            ds->held_most = l.memory / 4;
        }
    }

    resolvers = resolvers > DS_RESOLVERS_MOST ? DS_RESOLVERS_MOST
              : resolvers < 1 ? 1 : resolvers;

    encodes = ds->conf.encodes != 0 ? ds->conf.encodes
            : encodes < 1 ? 1 : encodes;

    ds->resolvers = ds_gate_create(resolvers);
    ds->encoders = ds_gate_create(encodes);

    ds_log(ds, DS_LOG_NOTICE, NULL,
           "%u resolvers and %u encodes at a time, processors: %u, "
           "limit of memory: %llu MiB", resolvers, encodes, l.cpus,
           (unsigned long long) l.memory >> 20);
}


/* without it the streams go on: everything plays direct */

static void
ds_open_cache(ds_t *ds)
{
    ds_error_t  err;

    if (ds->conf.cache_path == NULL) {
        return;
    }

    ds->cache = ds_cache_open(&ds->conf, &err);

    if (ds->cache == NULL) {
        ds_log(ds, DS_LOG_ERR, NULL, "nothing is kept: %s: %s",
               ds_error_code(err.code), err.message);
    }
}


static int
ds_copy_conf(ds_t *ds, const ds_conf_t *conf)
{
    ds_conf_t          *c;
    ds_source_rule_t   *rules;

    c = &ds->conf;
    *c = *conf;

    /* what is not copied yet is not ours to free */
    c->resolve_command = NULL;
    c->resolve_fallback = NULL;
    c->resolve_env = NULL;
    c->resolve_extractors = NULL;
    c->source_proxy = NULL;
    c->source_bind = NULL;
    c->media_root = NULL;
    c->canary = NULL;
    c->push_certificate = NULL;
    c->youtube_credentials = NULL;
    c->youtube_api = NULL;
    c->cache_path = NULL;
    c->store_path = NULL;
    c->source_rules = NULL;

    if (ds_copy_list(&c->resolve_command, conf->resolve_command)
        || ds_copy_list(&c->resolve_fallback, conf->resolve_fallback)
        || ds_copy_list(&c->resolve_env, conf->resolve_env))
    {
        return DS_ENOMEM;
    }

    if (conf->nsource_rules != 0) {
        rules = calloc(conf->nsource_rules, sizeof(ds_source_rule_t));
        if (rules == NULL) {
            return DS_ENOMEM;
        }

        memcpy(rules, conf->source_rules,
               conf->nsource_rules * sizeof(ds_source_rule_t));
        c->source_rules = rules;
    }

    if (ds_copy((char **) &c->resolve_extractors, conf->resolve_extractors)
        || ds_copy((char **) &c->source_proxy, conf->source_proxy)
        || ds_copy((char **) &c->source_bind, conf->source_bind)
        || ds_copy((char **) &c->media_root, conf->media_root)
        || ds_copy((char **) &c->canary, conf->canary)
        || ds_copy((char **) &c->push_certificate, conf->push_certificate)
        || ds_copy((char **) &c->youtube_credentials,
                   conf->youtube_credentials)
        || ds_copy((char **) &c->youtube_api, conf->youtube_api)
        || ds_copy((char **) &c->cache_path, conf->cache_path)
        || ds_copy((char **) &c->store_path, conf->store_path))
    {
        return DS_ENOMEM;
    }

    return DS_OK;
}


/* NULL stays NULL; what is copied is freed with the configuration */

static int
ds_copy_list(const char *const **to, const char *const *from)
{
    char    **list;
    size_t    i, n;

    if (from == NULL) {
        return DS_OK;
    }

    for (n = 0; from[n] != NULL; n++) { /* void */ }

    list = calloc(n + 1, sizeof(char *));
    if (list == NULL) {
        return DS_ENOMEM;
    }

    *to = (const char *const *) list;

    for (i = 0; i < n; i++) {
        list[i] = strdup(from[i]);
        if (list[i] == NULL) {
            return DS_ENOMEM;
        }
    }

    return DS_OK;
}


static void
ds_free_list(const char *const *list)
{
    size_t  i;

    for (i = 0; list != NULL && list[i] != NULL; i++) {
        free((void *) list[i]);
    }

    free((void *) list);
}


void
ds_destroy(ds_t **pds)
{
    int64_t    end;
    ds_t      *ds;
    ds_job_t  *job;

    ds = *pds;
    if (ds == NULL) {
        return;
    }

    *pds = NULL;
    end = ds_monotonic() + DS_DESTROY_TIME;

    atomic_store(&ds->trim_at, INT64_MAX);

    for (job = ds->jobs; job != NULL; job = job->next) {
        ds_job_cancel(job);
    }

    while ((job = ds->jobs) != NULL) {

        while (!ds_job_done(job)) {
            if (ds_monotonic() >= end) {
                /*
                 * A thread may sit in a call that cannot be interrupted,
                 * such as getaddrinfo(): the process is about to exit, leave
                 * it what it uses.
                 */
                return;
            }

            (void) usleep(2000);
        }

        job->free(job->data);
    }

    if (!ds_scribes_end(ds, end)) {
        return;
    }

    ds_free(ds);
}


static void
ds_free(ds_t *ds)
{
    const ds_conf_t  *c;

    c = &ds->conf;

    ds_cache_close(&ds->cache);

    ds_free_list(c->resolve_command);
    ds_free_list(c->resolve_fallback);
    ds_free_list(c->resolve_env);
    free((void *) c->resolve_extractors);
    free((void *) c->source_proxy);
    free((void *) c->source_bind);
    free((void *) c->media_root);
    free((void *) c->canary);
    free((void *) c->push_certificate);
    free((void *) c->youtube_credentials);
    free((void *) c->youtube_api);
    free((void *) c->cache_path);
    free((void *) c->store_path);
    free((void *) c->source_rules);

    ds_log_free(ds);
    ds_gate_free(&ds->resolvers);
    ds_gate_free(&ds->encoders);
    ds_hold_free(&ds->resolver_hold);
    ds_hold_free(&ds->source_hold);
    ds_loops_free(&ds->loops);

    (void) pthread_mutex_destroy(&ds->lock);

    free(ds);
}
