
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

#include "ds_cache.h"
#include "ds_engine.h"
#include "ds_http.h"
#include "ds_url.h"


#define DS_MAX_RECORDS    256

/* resolvers at a time, for each CPU; they mostly wait for the network */
#define DS_RESOLVERS      4

/* ms between two looks for a place */
#define DS_PLACE_WAIT     20

/* ms, how long a host is left alone that was asked too often */
#define DS_RESOLVER_HOLD_MIN  10000
#define DS_RESOLVER_HOLD_MAX  600000
#define DS_SOURCE_HOLD_MIN    1000
#define DS_SOURCE_HOLD_MAX    60000

/* nginx's master sends KILL about a second after TERM */
#define DS_DESTROY_TIME   800


typedef struct ds_node_s  ds_node_t;

struct ds_node_s {
    ds_record_t            record;
    ds_node_t             *next;
};


/* a stream that encodes */

typedef struct ds_encoder_s  ds_encoder_t;

struct ds_encoder_s {
    const char            *stream;
    ds_encoder_t          *next;
};


struct ds_s {
    ds_conf_t              conf;        /* constant, deep copy */
    char                 **argv;
    ds_source_rule_t      *rules;
    char                  *extractors;
    char                  *media_root;
    char                  *push_certificate;
    char                  *cache_path;
    char                  *store_path;
    ds_cache_t            *cache;       /* NULL: none */

    ds_task_t             *tasks;       /* owner's thread */

    int                    max_resolvers;
    atomic_int             resolvers;
    ds_hold_t             *resolver_hold;
    ds_hold_t             *source_hold;

    unsigned               max_encoders;

    pthread_mutex_t        lock;
    ds_encoder_t          *encoders;    /* lock */
    unsigned               nencoders;   /* lock */
    ds_node_t             *first;       /* lock */
    ds_node_t            **last;        /* lock */
    unsigned               nrecords;    /* lock */
    unsigned               dropped;     /* lock */
};


static int ds_copy_conf(ds_t *ds, const ds_conf_t *conf);
static void ds_open_cache(ds_t *ds);
static void ds_free(ds_t *ds);
static bool ds_encoder_take(ds_t *ds, ds_encoder_t *e, bool *own);
static void ds_resolver_host(char *host, size_t size, const char *url);


ds_t *
ds_create(const ds_conf_t *conf, ds_error_t *err)
{
    long   n;
    ds_t  *ds;

    ds_error_clear(err);

    ds = calloc(1, sizeof(ds_t));
    if (ds == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    ds->last = &ds->first;

    n = sysconf(_SC_NPROCESSORS_ONLN);
    n = n < 1 ? 1 : n;

    ds->max_resolvers = DS_RESOLVERS * (int) n;
    ds->max_encoders = conf->encodes != 0 ? conf->encodes : n;

    (void) pthread_mutex_init(&ds->lock, NULL);

    ds->resolver_hold = ds_hold_create(DS_RESOLVER_HOLD_MIN,
                                       DS_RESOLVER_HOLD_MAX);
    ds->source_hold = ds_hold_create(DS_SOURCE_HOLD_MIN, DS_SOURCE_HOLD_MAX);

    if (ds->resolver_hold == NULL || ds->source_hold == NULL
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
     */
    (void) mallopt(M_ARENA_MAX, 2);
    (void) mallopt(M_TRIM_THRESHOLD, 256 * 1024);

    /* libav's messages carry URLs with their secrets */
    av_log_set_level(AV_LOG_QUIET);
    (void) avformat_network_init();

    ds_open_cache(ds);

    return ds;
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
    size_t  i, n;

    ds->conf = *conf;

    for (n = 0; conf->resolve_command[n] != NULL; n++) { /* void */ }

    ds->argv = calloc(n + 1, sizeof(char *));
    if (ds->argv == NULL) {
        return DS_ENOMEM;
    }

    ds->conf.resolve_command = (const char *const *) ds->argv;

    for (i = 0; i < n; i++) {
        ds->argv[i] = strdup(conf->resolve_command[i]);
        if (ds->argv[i] == NULL) {
            return DS_ENOMEM;
        }
    }

    ds->extractors = strdup(conf->resolve_extractors);
    if (ds->extractors == NULL) {
        return DS_ENOMEM;
    }

    ds->conf.resolve_extractors = ds->extractors;

    if (conf->media_root != NULL) {
        ds->media_root = strdup(conf->media_root);
        if (ds->media_root == NULL) {
            return DS_ENOMEM;
        }

        ds->conf.media_root = ds->media_root;
    }

    if (conf->push_certificate != NULL) {
        ds->push_certificate = strdup(conf->push_certificate);
        if (ds->push_certificate == NULL) {
            return DS_ENOMEM;
        }

        ds->conf.push_certificate = ds->push_certificate;
    }

    if (conf->cache_path != NULL) {
        ds->cache_path = strdup(conf->cache_path);
        ds->store_path = strdup(conf->store_path);

        if (ds->cache_path == NULL || ds->store_path == NULL) {
            return DS_ENOMEM;
        }

        ds->conf.cache_path = ds->cache_path;
        ds->conf.store_path = ds->store_path;
    }

    if (conf->nsource_rules != 0) {
        ds->rules = calloc(conf->nsource_rules, sizeof(ds_source_rule_t));
        if (ds->rules == NULL) {
            return DS_ENOMEM;
        }

        memcpy(ds->rules, conf->source_rules,
               conf->nsource_rules * sizeof(ds_source_rule_t));
        ds->conf.source_rules = ds->rules;
    }

    return DS_OK;
}


void
ds_destroy(ds_t **pds)
{
    int64_t     end;
    ds_t       *ds;
    ds_task_t  *t;

    ds = *pds;
    if (ds == NULL) {
        return;
    }

    *pds = NULL;
    end = ds_monotonic() + DS_DESTROY_TIME;

    for (t = ds->tasks; t != NULL; t = t->next) {
        t->cancel(t);
    }

    while ((t = ds->tasks) != NULL) {

        while (!t->done(t)) {
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

        ds->tasks = t->next;
        t->free(t);
    }

    ds_free(ds);
}


static void
ds_free(ds_t *ds)
{
    size_t      i;
    ds_node_t  *node;

    while ((node = ds->first) != NULL) {
        ds->first = node->next;
        free(node);
    }

    if (ds->argv != NULL) {
        for (i = 0; ds->argv[i] != NULL; i++) {
            free(ds->argv[i]);
        }
    }

    free(ds->argv);
    free(ds->extractors);
    free(ds->media_root);
    free(ds->push_certificate);
    ds_cache_close(&ds->cache);
    free(ds->cache_path);
    free(ds->store_path);
    free(ds->rules);

    ds_hold_free(&ds->resolver_hold);
    ds_hold_free(&ds->source_hold);

    (void) pthread_mutex_destroy(&ds->lock);

    free(ds);
}


int
ds_resolver_enter(ds_t *ds, const char *url, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char  host[DS_URL_LEN];

    ds_resolver_host(host, sizeof(host), url);

    for ( ;; ) {
        if (ds_hold_wait(ds->resolver_hold, host, cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        if (atomic_fetch_add(&ds->resolvers, 1) < ds->max_resolvers) {
            return DS_OK;
        }

        atomic_fetch_sub(&ds->resolvers, 1);

        if (ds_cancel_wait(cancel, DS_PLACE_WAIT)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }
    }
}


void
ds_resolver_leave(ds_t *ds, const char *url, int rc)
{
    char     host[DS_URL_LEN];
    int64_t  wait;

    atomic_fetch_sub(&ds->resolvers, 1);

    ds_resolver_host(host, sizeof(host), url);

    if (rc == DS_OK) {
        ds_hold_clear(ds->resolver_hold, host);
        return;
    }

    if (rc != DS_ERESOLVER_RATE_LIMITED) {
        return;
    }

    wait = ds_hold_add(ds->resolver_hold, host, 0);

    if (wait != 0) {
        ds_log(ds, DS_LOG_WARN, NULL,
               "resolver is asked nothing for %lld s: %s, host: \"%s\"",
               (long long) wait / 1000, ds_error_code(rc), host);
    }
}


/* what shares a limit: a site has many names, a playlist's id none at all */

static void
ds_resolver_host(char *host, size_t size, const char *url)
{
    ds_url_t  u;

    if (ds_url_parse(&u, url, NULL) != DS_OK || ds_url_is_youtube(&u)) {
        ds_text(host, size, "youtube.com");
        return;
    }

    ds_text(host, size, u.host);
}


ds_hold_t *
ds_source_hold(ds_t *ds)
{
    return ds->source_hold;
}


int
ds_encoder_enter(ds_t *ds, const char *stream, ds_cancel_t *cancel,
    ds_error_t *err)
{
    bool           own;
    int64_t        since;
    ds_encoder_t  *e;

    e = malloc(sizeof(ds_encoder_t));
    if (e == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    e->stream = stream;
    since = ds_monotonic();

    while (!ds_encoder_take(ds, e, &own)) {

        if (own) {
            since = ds_monotonic();
        }

        if (ds_monotonic() - since >= ds->conf.source_timeout) {
            free(e);
            return ds_fail(err, DS_EENCODE_LIMIT, "%u items are being encoded,"
                           " which is the limit", ds->max_encoders);
        }

        if (ds_cancel_wait(cancel, DS_PLACE_WAIT)) {
            free(e);
            return ds_fail(err, DS_ECANCELED, "canceled");
        }
    }

    return DS_OK;
}


/* "*own": the stream has a place, the only one it may have */

static bool
ds_encoder_take(ds_t *ds, ds_encoder_t *e, bool *own)
{
    bool           taken;
    ds_encoder_t  *p;

    (void) pthread_mutex_lock(&ds->lock);

    for (p = ds->encoders; p != NULL; p = p->next) {
        if (strcmp(p->stream, e->stream) == 0) {
            break;
        }
    }

    *own = p != NULL;
    taken = p == NULL && ds->nencoders < ds->max_encoders;

    if (taken) {
        e->next = ds->encoders;
        ds->encoders = e;
        ds->nencoders++;
    }

    (void) pthread_mutex_unlock(&ds->lock);

    return taken;
}


void
ds_encoder_leave(ds_t *ds, const char *stream)
{
    ds_encoder_t  *e, **p;

    (void) pthread_mutex_lock(&ds->lock);

    for (p = &ds->encoders; strcmp((*p)->stream, stream) != 0;
         p = &(*p)->next)
    {
        /* void */
    }

    e = *p;
    *p = e->next;
    ds->nencoders--;

    (void) pthread_mutex_unlock(&ds->lock);

    free(e);
}


const ds_conf_t *
ds_conf(ds_t *ds)
{
    return &ds->conf;
}


ds_cache_t *
ds_cache(ds_t *ds)
{
    return ds->cache;
}


void
ds_wakeup(ds_t *ds)
{
    if (ds->conf.wakeup != NULL) {
        ds->conf.wakeup(ds->conf.wakeup_data);
    }
}


void
ds_task_add(ds_t *ds, ds_task_t *task)
{
    task->next = ds->tasks;
    ds->tasks = task;
}


void
ds_task_remove(ds_t *ds, ds_task_t *task)
{
    ds_task_t  **t;

    for (t = &ds->tasks; *t != NULL; t = &(*t)->next) {
        if (*t == task) {
            *t = task->next;
            return;
        }
    }
}


void
ds_log(ds_t *ds, int level, const char *stream, const char *fmt, ...)
{
    va_list     args;
    ds_node_t  *node;
    char        text[DS_RECORD_LEN];

    node = malloc(sizeof(ds_node_t));
    if (node == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    node->next = NULL;
    node->record.level = level;
    ds_text(node->record.stream, sizeof(node->record.stream), stream);
    ds_text(node->record.text, sizeof(node->record.text), text);

    (void) pthread_mutex_lock(&ds->lock);

    if (ds->nrecords == DS_MAX_RECORDS) {
        ds->dropped++;
        (void) pthread_mutex_unlock(&ds->lock);
        free(node);
        return;
    }

    *ds->last = node;
    ds->last = &node->next;
    ds->nrecords++;

    (void) pthread_mutex_unlock(&ds->lock);

    ds_wakeup(ds);
}


bool
ds_poll(ds_t *ds, ds_record_t *record)
{
    unsigned    dropped;
    ds_node_t  *node;

    (void) pthread_mutex_lock(&ds->lock);

    dropped = 0;
    node = ds->first;

    if (node != NULL) {
        ds->first = node->next;
        ds->nrecords--;

        if (ds->first == NULL) {
            ds->last = &ds->first;
        }

    } else {
        dropped = ds->dropped;
        ds->dropped = 0;
    }

    (void) pthread_mutex_unlock(&ds->lock);

    if (node != NULL) {
        *record = node->record;
        free(node);
        return true;
    }

    if (dropped != 0) {
        record->level = DS_LOG_WARN;
        record->stream[0] = '\0';
        (void) snprintf(record->text, sizeof(record->text),
                        "%u log records dropped", dropped);
        return true;
    }

    return false;
}
