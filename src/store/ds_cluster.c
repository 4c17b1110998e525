
/*
 * ds_cluster.c: the two threads of a node that shares its streams: one keeps
 * the lease and does what ds_member.c decides, one watches what the others do.
 * The watch is a hint only: what counts is read.
 */

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "base/ds_job.h"
#include "store/ds_etcd.h"
#include "store/ds_member.h"
#include "store/ds_share.h"


/* ms between two looks when there is nothing to do */
#define DS_CLUSTER_LOOK     100

/* ms of one request to etcd, with all its endpoints: less than the lease has */
#define DS_CLUSTER_TRY      900
#define DS_CLUSTER_MOST     1800

/* ms of one request to another node, when there is no etcd */
#define DS_CLUSTER_ASK      500L

/* ms between two readings of what is stored of streams */
#define DS_CLUSTER_STREAMS  30000


typedef struct ds_news_s  ds_news_t;

struct ds_news_s {
    ds_news_t          *next;
    int64_t             revision;       /* at which it had changed */
    bool                command;        /* there may be one for the owner */
    char                name[DS_NAME_LEN + 1];
};


struct ds_cluster_s {
    /* constant */
    ds_t               *ds;
    ds_cluster_conf_t   conf;           /* strings are malloc()ed */
    ds_etcd_conf_t      etcd_conf;
    ds_fence_t         *fence;
    ds_cancel_t         cancel;
    ds_bell_t           bell;           /* there is news for the keeper */

    ds_job_t            keeper;
    ds_job_t            watcher;

    pthread_mutex_t     lock;
    ds_member_t        *m;              /* lock */
    ds_news_t          *news;           /* lock */
    ds_error_t          error;          /* lock */
    uint64_t            requests;       /* lock */
    bool                again;          /* lock; all streams are read now */

    /* the keeper's */
    ds_etcd_t          *etcd;
    ds_member_act_t     act;
    ds_etcd_found_t     streams[DS_SHARE_NEWS]; /* keys, as read last */
    int64_t             streams_at;     /* when, boot ms; 0: never */
    bool                away;           /* etcd; it was told */
    bool                held;           /* a lease; it was told */
    bool                joined;         /* the same */
};


static int ds_cluster_copy(ds_cluster_t *c, const ds_cluster_conf_t *conf);
static void ds_cluster_destroy(ds_cluster_t *c);
static void ds_cluster_keep(void *data);
static void ds_cluster_do(ds_cluster_t *c, int64_t asked);
static void ds_cluster_tell(ds_cluster_t *c, int64_t now);
static void ds_cluster_failed(ds_cluster_t *c, const ds_error_t *err);
static int ds_cluster_join(ds_cluster_t *c, ds_error_t *err, bool *joined);
static int ds_cluster_put_node(ds_cluster_t *c, ds_error_t *err);
static char *ds_cluster_record(ds_cluster_t *c);
static int ds_cluster_claim(ds_cluster_t *c, int64_t *epoch, ds_error_t *err);
static int ds_cluster_release(ds_cluster_t *c, ds_error_t *err);
static int ds_cluster_batch(ds_cluster_t *c, bool claim,
    ds_etcd_found_t *found, ds_error_t *err);
static int ds_cluster_read(ds_cluster_t *c, int64_t asked, ds_error_t *err);
static int ds_cluster_take(ds_cluster_t *c, const ds_etcd_found_t *nodes,
    const ds_etcd_found_t *owners, int64_t asked);
static void ds_cluster_parse(const ds_etcd_kv_t *kv, const char *name,
    ds_member_node_t *node);
static int ds_cluster_streams(ds_cluster_t *c, ds_error_t *err);
static int ds_cluster_table(ds_cluster_t *c, size_t table, ds_error_t *err);
static void ds_cluster_news(ds_cluster_t *c, const char *name,
    int64_t revision, bool command);
static bool ds_cluster_ask_all(ds_cluster_t *c);
static bool ds_cluster_ask(ds_cluster_t *c, const char *url);
static size_t ds_cluster_lost(char *data, size_t size, size_t n, void *to);
static void ds_cluster_watch(void *data);
static void ds_cluster_event(ds_cluster_t *c, const char *key,
    int64_t revision);
static char *ds_cluster_key(const ds_cluster_t *c, const char *kind,
    const char *name);


ds_cluster_t *
ds_cluster_create(ds_t *ds, const ds_cluster_conf_t *conf, ds_error_t *err)
{
    ds_cluster_t      *c;
    ds_member_conf_t   member;

    ds_error_clear(err);

    c = calloc(1, sizeof(ds_cluster_t));
    if (c == NULL || ds_cancel_init(&c->cancel) != DS_OK) {
        free(c);
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    c->ds = ds;
    c->fence = ds->conf.fence;
    c->bell.fd = -1;
    (void) pthread_mutex_init(&c->lock, NULL);

    if (ds_bell_init(&c->bell) != DS_OK || ds_cluster_copy(c, conf) != DS_OK) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        ds_cluster_destroy(c);
        return NULL;
    }

    memset(&member, 0, sizeof(member));

    member.node = c->conf.node;
    member.url = c->conf.url;
    member.ttl = (int64_t) conf->ttl * 1000;
    member.max_streams = conf->max_streams;
    member.weight = conf->weight;
    member.failsafe = conf->failsafe;
    member.fence = c->fence;

    c->m = ds_member_create(&member);
    c->etcd = ds_etcd_create(&c->etcd_conf, &c->cancel, err);

    if (c->m == NULL || c->etcd == NULL
        || ds_job_start(&c->keeper, "ds-cluster", ds_cluster_keep, c) != DS_OK
        || ds_job_start(&c->watcher, "ds-watch", ds_cluster_watch, c)
           != DS_OK)
    {
        if (err->code == DS_OK) {
            (void) ds_fail(err, DS_ENOMEM, "node could not be started");
        }

        ds_cluster_destroy(c);
        return NULL;
    }

    return c;
}


static int
ds_cluster_copy(ds_cluster_t *c, const ds_cluster_conf_t *conf)
{
    size_t       i;
    ds_etcd_conf_t *e = &c->etcd_conf;

    const char **const  to[] = {
        &c->conf.endpoints, &c->conf.prefix, &c->conf.node, &c->conf.url,
        &c->conf.ca, &c->conf.cert, &c->conf.key, &c->conf.user,
        &c->conf.password
    };
    const char *const   from[] = {
        conf->endpoints, conf->prefix, conf->node, conf->url, conf->ca,
        conf->cert, conf->key, conf->user, conf->password
    };

    for (i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
        if (ds_copy((char **) to[i], from[i]) != DS_OK) {
            return DS_ENOMEM;
        }
    }

    c->conf.ttl = conf->ttl;

    e->endpoints = c->conf.endpoints;
    e->ca = c->conf.ca;
    e->cert = c->conf.cert;
    e->key = c->conf.key;
    e->user = c->conf.user;
    e->password = c->conf.password;
    e->timeout = DS_CLUSTER_TRY;
    e->most = DS_CLUSTER_MOST;

    return DS_OK;
}


void
ds_cluster_free(ds_cluster_t **pc)
{
    if (*pc != NULL) {
        ds_cluster_destroy(*pc);
        *pc = NULL;
    }
}


static void
ds_cluster_destroy(ds_cluster_t *c)
{
    size_t      i;
    ds_news_t  *news;

    ds_cancel_set(&c->cancel);
    ds_job_cancel(&c->keeper);
    ds_job_cancel(&c->watcher);
    ds_job_end(&c->keeper);
    ds_job_end(&c->watcher);

    while ((news = c->news) != NULL) {
        c->news = news->next;
        free(news);
    }

    for (i = 0; i < DS_SHARE_NEWS; i++) {
        ds_etcd_found_free(&c->streams[i]);
    }

    ds_etcd_free(&c->etcd);
    ds_member_free(&c->m);
    ds_bell_free(&c->bell);
    ds_cancel_free(&c->cancel);
    (void) pthread_mutex_destroy(&c->lock);

    free((char *) c->conf.endpoints);
    free((char *) c->conf.prefix);
    free((char *) c->conf.node);
    free((char *) c->conf.url);
    free((char *) c->conf.ca);
    free((char *) c->conf.cert);
    free((char *) c->conf.key);
    free((char *) c->conf.user);
    free((char *) c->conf.password);
    free(c);
}


/* context: keeper's thread */

static void
ds_cluster_keep(void *data)
{
    ds_cluster_t *c = data;

    int64_t     now;
    ds_error_t  err;

    while (!ds_cancel_is_set(&c->cancel)) {
        now = ds_boottime();

        (void) pthread_mutex_lock(&c->lock);

        if (ds_fence_look(c->fence)) {
            ds_member_doubt(c->m);
        }

        ds_member_next(c->m, now, &c->act);

        c->requests += c->act.op != DS_MEMBER_NOTHING;

        if (c->again) {
            c->again = false;
            c->streams_at = 0;
        }

        (void) pthread_mutex_unlock(&c->lock);

        ds_cluster_tell(c, now);

        if (c->act.op != DS_MEMBER_NOTHING) {
            ds_cluster_do(c, now);
            continue;
        }

        if (c->joined && (c->streams_at == 0
                          || now - c->streams_at >= DS_CLUSTER_STREAMS)
            && ds_cluster_streams(c, &err) != DS_OK)
        {
            ds_cluster_failed(c, &err);
        }

        ds_bell_wait(&c->bell, &c->cancel, DS_CLUSTER_LOOK);
    }
}


/* context: keeper's thread */

static void
ds_cluster_do(ds_cluster_t *c, int64_t asked)
{
    int               rc;
    bool              yes;
    int64_t           number;
    unsigned          ttl;
    ds_error_t        err;
    ds_member_act_t  *act = &c->act;

    ds_error_clear(&err);

    yes = false;
    number = 0;
    ttl = c->conf.ttl;

    switch (act->op) {
    case DS_MEMBER_GRANT:
        rc = ds_etcd_grant(c->etcd, &ttl, &number, &err);
        break;
    case DS_MEMBER_JOIN:
        rc = ds_cluster_join(c, &err, &yes);
        break;
    case DS_MEMBER_TELL:
        rc = ds_cluster_put_node(c, &err);
        break;
    case DS_MEMBER_RENEW:
        rc = ds_etcd_keepalive(c->etcd, act->lease, &ttl, &err);
        break;
    case DS_MEMBER_READ:
        rc = ds_cluster_read(c, asked, &err);
        break;
    case DS_MEMBER_CLAIM:
        rc = ds_cluster_claim(c, &number, &err);
        break;
    case DS_MEMBER_RELEASE:
        rc = ds_cluster_release(c, &err);
        break;
    case DS_MEMBER_ASK:
        yes = ds_cluster_ask_all(c);
        rc = DS_OK;
        break;
    default:
        rc = ds_etcd_revoke(c->etcd, act->lease, &err);
        break;
    }

    (void) pthread_mutex_lock(&c->lock);

    if (rc == DS_ESTORE_NOT_FOUND) {
        ds_member_renewed(c->m, asked, false);

    } else if (rc != DS_OK && rc != DS_ECLUSTER_CONFLICT) {
        ds_member_failed(c->m, act, ds_boottime());

    } else {
        switch (act->op) {
        case DS_MEMBER_GRANT:
            ds_member_granted(c->m, asked, number, (int64_t) ttl * 1000);
            break;
        case DS_MEMBER_JOIN:
            ds_member_joined(c->m, ds_boottime(), yes);
            break;
        case DS_MEMBER_TELL:
            ds_member_told(c->m);
            break;
        case DS_MEMBER_RENEW:
            ds_member_renewed(c->m, asked, true);
            break;
        case DS_MEMBER_CLAIM:
            ds_member_claimed(c->m, act, number);
            break;
        case DS_MEMBER_RELEASE:
            ds_member_released(c->m, act, rc == DS_OK);
            break;
        case DS_MEMBER_ASK:
            ds_member_answered(c->m, asked, yes);
            break;
        case DS_MEMBER_LEAVE:
            ds_member_left(c->m);
            break;
        default:
            break;
        }
    }

    (void) pthread_mutex_unlock(&c->lock);

    ds_cluster_failed(c, &err);

    /* what this changes is the owner's to do */
    ds_wakeup(c->ds);
}


/* context: keeper's thread; the last error, of what is not for the rules */

static void
ds_cluster_failed(ds_cluster_t *c, const ds_error_t *err)
{
    if (err->code == DS_OK || err->code == DS_ECANCELED
        || err->code == DS_ECLUSTER_CONFLICT)
    {
        return;
    }

    (void) pthread_mutex_lock(&c->lock);
    c->error = *err;
    c->error.at = ds_now();
    (void) pthread_mutex_unlock(&c->lock);
}


/* context: keeper's thread; what an operator is to see in the log */

static void
ds_cluster_tell(ds_cluster_t *c, int64_t now)
{
    bool        away, held, left, joined;
    ds_error_t  err;

    (void) pthread_mutex_lock(&c->lock);
    away = !ds_member_quorum(c->m, now);
    held = ds_member_lease(c->m) != 0;
    left = ds_member_self(c->m)->draining;
    joined = ds_member_joined_at(c->m) != 0;
    err = c->error;
    (void) pthread_mutex_unlock(&c->lock);

    /* at the start nothing was asked yet */

    if (away != c->away && (!away || err.code != DS_OK)) {
        c->away = away;
        ds_log(c->ds, away ? DS_LOG_ERR : DS_LOG_NOTICE, NULL,
               away ? "cluster: etcd does not answer: %s: %s"
                    : "cluster: etcd answers", ds_error_code(err.code),
               err.message);
    }

    if (held != c->held) {
        c->held = held;

        if (!held) {
            ds_log(c->ds, left ? DS_LOG_NOTICE : DS_LOG_WARN, NULL,
                   left ? "cluster: node \"%s\" has left"
                        : "cluster: node \"%s\" has no lease, its streams "
                          "are stopped", c->conf.node);
        }
    }

    if (joined != c->joined) {
        c->joined = joined;

        if (joined) {
            ds_log(c->ds, DS_LOG_NOTICE, NULL,
                   "cluster: node \"%s\" has joined", c->conf.node);
        }
    }
}


/* context: keeper's thread; *joined: not of another lease */

static int
ds_cluster_join(ds_cluster_t *c, ds_error_t *err, bool *joined)
{
    int                rc;
    char              *key, *record;
    ds_etcd_op_t       put, get;
    ds_etcd_txn_t      txn;
    ds_etcd_found_t    found;
    ds_etcd_compare_t  none;

    memset(&put, 0, sizeof(put));
    memset(&get, 0, sizeof(get));
    memset(&txn, 0, sizeof(txn));
    memset(&none, 0, sizeof(none));
    memset(&found, 0, sizeof(found));

    key = ds_cluster_key(c, DS_CLUSTER_NODE, c->conf.node);
    record = ds_cluster_record(c);

    rc = DS_ENOMEM;

    if (key != NULL && record != NULL) {
        none.key = key;

        put.key = key;
        put.value = record;
        put.len = strlen(record);
        put.lease = c->act.lease;

        get.kind = DS_ETCD_GET;
        get.key = key;

        txn.compares = &none;
        txn.ncompares = 1;
        txn.then = &put;
        txn.nthen = 1;
        txn.otherwise = &get;
        txn.notherwise = 1;

        rc = ds_etcd_txn(c->etcd, &txn, &found, err);

        *joined = rc == DS_OK
                  || (rc == DS_ECLUSTER_CONFLICT && found.n == 1
                      && found.kvs[0].lease == c->act.lease);

        if (rc == DS_OK || rc == DS_ECLUSTER_CONFLICT) {
            ds_etcd_found_free(&found);
        }

        if (rc == DS_ECLUSTER_CONFLICT && !*joined) {
            (void) ds_fail(err, DS_ECLUSTER_REFUSED, "another nginx is node "
                           "\"%s\", waiting for it", c->conf.node);
        }
    }

    free(key);
    free(record);

    return rc;
}


static int
ds_cluster_put_node(ds_cluster_t *c, ds_error_t *err)
{
    int    rc;
    char  *key, *record;

    key = ds_cluster_key(c, DS_CLUSTER_NODE, c->conf.node);
    record = ds_cluster_record(c);

    rc = key == NULL || record == NULL ? DS_ENOMEM
         : ds_etcd_put(c->etcd, key, record, strlen(record), c->act.lease,
                       NULL, err);

    free(key);
    free(record);

    return rc;
}


/* what others know of this node, malloc()ed; NULL: no memory */

static char *
ds_cluster_record(ds_cluster_t *c)
{
    char              *text;
    cJSON             *json;
    ds_member_node_t   self;

    (void) pthread_mutex_lock(&c->lock);
    self = *ds_member_self(c->m);
    (void) pthread_mutex_unlock(&c->lock);

    json = cJSON_CreateObject();

    text = cJSON_AddStringToObject(json, "url", self.url) == NULL
           || cJSON_AddNumberToObject(json, "max_streams", self.max_streams)
              == NULL
           || cJSON_AddNumberToObject(json, "weight", self.weight) == NULL
           || cJSON_AddBoolToObject(json, "draining", self.draining) == NULL
           || cJSON_AddNumberToObject(json, "balance", self.balance) == NULL
           ? NULL : cJSON_PrintUnformatted(json);

    cJSON_Delete(json);

    return text;
}


static int
ds_cluster_claim(ds_cluster_t *c, int64_t *epoch, ds_error_t *err)
{
    int              rc;
    ds_etcd_found_t  found;

    memset(&found, 0, sizeof(found));

    rc = ds_cluster_batch(c, true, &found, err);

    if (rc == DS_OK) {
        *epoch = found.revision;
    }

    if (rc == DS_OK || rc == DS_ECLUSTER_CONFLICT) {
        ds_etcd_found_free(&found);
    }

    return rc;
}


static int
ds_cluster_release(ds_cluster_t *c, ds_error_t *err)
{
    return ds_cluster_batch(c, false, NULL, err);
}


/* context: keeper's thread; owner keys are made or deleted, all or none */

static int
ds_cluster_batch(ds_cluster_t *c, bool claim, ds_etcd_found_t *found,
    ds_error_t *err)
{
    int                 rc;
    size_t              i, n;
    ds_etcd_op_t        ops[DS_MEMBER_BATCH];
    ds_etcd_txn_t       txn;
    ds_etcd_compare_t   is[DS_MEMBER_BATCH];
    char               *keys[DS_MEMBER_BATCH];

    memset(ops, 0, sizeof(ops));
    memset(is, 0, sizeof(is));
    memset(&txn, 0, sizeof(txn));

    n = c->act.n;
    rc = DS_OK;

    for (i = 0; i < n; i++) {
        keys[i] = ds_cluster_key(c, DS_CLUSTER_OWNER, c->act.streams[i]);
        rc = keys[i] == NULL ? DS_ENOMEM : rc;

        is[i].key = keys[i];
        is[i].number = claim ? 0 : c->act.epochs[i];

        ops[i].kind = claim ? DS_ETCD_PUT : DS_ETCD_DELETE;
        ops[i].key = keys[i];

        if (claim) {
            ops[i].value = c->conf.node;
            ops[i].len = strlen(c->conf.node);
            ops[i].lease = c->act.lease;
        }
    }

    txn.compares = is;
    txn.ncompares = n;
    txn.then = ops;
    txn.nthen = n;

    if (rc == DS_OK) {
        rc = ds_etcd_txn(c->etcd, &txn, found, err);
    }

    for (i = 0; i < n; i++) {
        free(keys[i]);
    }

    return rc;
}


/* context: keeper's thread; nodes and owners, at one revision */

static int
ds_cluster_read(ds_cluster_t *c, int64_t asked, ds_error_t *err)
{
    int              rc;
    char            *key;
    ds_etcd_ask_t    ask;
    ds_etcd_found_t  nodes, owners;

    memset(&ask, 0, sizeof(ask));

    key = ds_cluster_key(c, DS_CLUSTER_NODE, "");
    if (key == NULL) {
        return DS_ENOMEM;
    }

    ask.key = key;
    ask.prefix = true;

    rc = ds_etcd_range(c->etcd, &ask, &nodes, err);
    free(key);

    if (rc != DS_OK) {
        return rc;
    }

    key = ds_cluster_key(c, DS_CLUSTER_OWNER, "");
    ask.key = key;
    ask.revision = nodes.revision;

    rc = key == NULL ? DS_ENOMEM
         : ds_etcd_range(c->etcd, &ask, &owners, err);
    free(key);

    if (rc == DS_OK) {
        rc = ds_cluster_take(c, &nodes, &owners, asked);
        ds_etcd_found_free(&owners);
    }

    ds_etcd_found_free(&nodes);

    return rc;
}


static int
ds_cluster_take(ds_cluster_t *c, const ds_etcd_found_t *nodes,
    const ds_etcd_found_t *owners, int64_t asked)
{
    int                  rc;
    size_t               i, skip;
    ds_member_node_t     node;
    const ds_etcd_kv_t  *kv;

    (void) pthread_mutex_lock(&c->lock);

    ds_member_read(c->m);

    rc = DS_OK;
    skip = strlen(c->conf.prefix) + strlen(DS_CLUSTER_NODE);

    for (i = 0; rc == DS_OK && i < nodes->n; i++) {
        kv = &nodes->kvs[i];
        ds_cluster_parse(kv, kv->key + skip, &node);
        rc = ds_member_read_node(c->m, &node);
    }

    skip = strlen(c->conf.prefix) + strlen(DS_CLUSTER_OWNER);

    for (i = 0; rc == DS_OK && i < owners->n; i++) {
        kv = &owners->kvs[i];
        rc = ds_member_read_owner(c->m, kv->key + skip, kv->value, kv->lease,
                                  kv->created);
    }

    if (rc == DS_OK) {
        ds_member_read_end(c->m, asked, ds_boottime());
    }

    (void) pthread_mutex_unlock(&c->lock);

    return rc;
}


static void
ds_cluster_parse(const ds_etcd_kv_t *kv, const char *name,
    ds_member_node_t *node)
{
    cJSON        *json;
    double        weight, most, balance;

    memset(node, 0, sizeof(ds_member_node_t));
    ds_text(node->name, sizeof(node->name), name);

    node->lease = kv->lease;
    node->weight = 1;

    json = cJSON_ParseWithLength(kv->value, kv->len);

    weight = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "weight"));
    most = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "max_streams"));

    balance = cJSON_GetNumberValue(cJSON_GetObjectItem(json, "balance"));

    if (balance >= 0 && balance <= UINT32_MAX) {
        node->balance = (uint32_t) balance;
    }

    if (weight >= 1 && weight <= 1000) {
        node->weight = (uint32_t) weight;
    }

    if (most >= 1 && most <= UINT32_MAX) {
        node->max_streams = (uint32_t) most;
    }

    node->draining = cJSON_IsTrue(cJSON_GetObjectItem(json, "draining"));
    ds_text(node->url, sizeof(node->url),
            cJSON_GetStringValue(cJSON_GetObjectItem(json, "url")));

    cJSON_Delete(json);
}


/* context: keeper's thread; what of streams is other than it was? */

static int
ds_cluster_streams(ds_cluster_t *c, ds_error_t *err)
{
    int     rc;
    size_t  i;

    c->streams_at = ds_boottime();

    for (rc = DS_OK, i = 0; rc == DS_OK && i < DS_SHARE_NEWS; i++) {
        rc = ds_cluster_table(c, i, err);
    }

    return rc;
}


static int
ds_cluster_table(ds_cluster_t *c, size_t table, ds_error_t *err)
{
    int                  rc, order;
    bool                 command;
    char                *key;
    size_t               i, j, skip;
    ds_etcd_ask_t        ask;
    ds_etcd_found_t      found, *last;
    const ds_etcd_kv_t  *was, *is;

    memset(&ask, 0, sizeof(ask));

    key = ds_sprintf("%s%s/", c->conf.prefix, ds_share_news(table, &command));
    if (key == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    ask.key = key;
    ask.prefix = true;
    ask.keys_only = true;
    skip = strlen(key);

    rc = ds_etcd_range(c->etcd, &ask, &found, err);
    free(key);

    if (rc != DS_OK) {
        return rc;
    }

    last = &c->streams[table];

    for (i = 0, j = 0; i < last->n || j < found.n; ) {
        was = i < last->n ? &last->kvs[i] : NULL;
        is = j < found.n ? &found.kvs[j] : NULL;

        order = was == NULL ? 1 : is == NULL ? -1 : strcmp(was->key, is->key);

        if (order != 0 || was->modified != is->modified) {
            ds_cluster_news(c, (order < 0 ? was : is)->key + skip,
                            found.revision, command);
        }

        i += order <= 0;
        j += order >= 0;
    }

    ds_etcd_found_free(last);
    *last = found;

    return DS_OK;
}


/* once each; without memory all are read again */

static void
ds_cluster_news(ds_cluster_t *c, const char *name, int64_t revision,
    bool command)
{
    ds_news_t  *news, **link;

    (void) pthread_mutex_lock(&c->lock);

    link = &c->news;

    while ((news = *link) != NULL && strcmp(news->name, name) != 0) {
        link = &news->next;
    }

    if (news == NULL) {
        news = calloc(1, sizeof(ds_news_t));

        if (news != NULL) {
            ds_text(news->name, sizeof(news->name), name);
            *link = news;

        } else {
            c->again = true;
        }
    }

    if (news != NULL) {
        news->revision = revision;
        news->command = news->command || command;
    }

    (void) pthread_mutex_unlock(&c->lock);

    ds_wakeup(c->ds);
}


/* context: keeper's thread */

static bool
ds_cluster_ask_all(ds_cluster_t *c)
{
    bool               all, self;
    size_t             i;
    uint32_t           owned;
    ds_member_node_t   node;

    all = true;

    for (i = 0; all; i++) {
        const ds_member_node_t  *n;

        (void) pthread_mutex_lock(&c->lock);

        all = ds_member_read_at(c->m) != 0;
        n = ds_member_node(c->m, i, &owned);

        if (n != NULL) {
            node = *n;
        }

        (void) pthread_mutex_unlock(&c->lock);

        if (n == NULL || !all) {
            break;
        }

        self = strcmp(node.name, c->conf.node) == 0;

        all = self || (node.url[0] != '\0'
                       && ds_cluster_ask(c, node.url));
    }

    return all;
}


/* context: keeper's thread; true: it says that it has no etcd, either */

static bool
ds_cluster_ask(ds_cluster_t *c, const char *url)
{
    int                 rc;
    bool                lost;
    char               *where;
    CURL               *e;
    long                status;
    struct curl_slist  *head;

    lost = false;
    status = 0;

    e = curl_easy_init();
    where = ds_sprintf("%sapi/1/node/lost", url);
    head = curl_slist_append(NULL, "Content-Type: application/json");

    if (e != NULL && where != NULL && head != NULL) {
        rc = curl_easy_setopt(e, CURLOPT_URL, where);
        rc |= curl_easy_setopt(e, CURLOPT_HTTPHEADER, head);
        rc |= curl_easy_setopt(e, CURLOPT_POSTFIELDS, "{}");
        rc |= curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, DS_CLUSTER_ASK);
        rc |= curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
        rc |= curl_easy_setopt(e, CURLOPT_PROXY, "");
        rc |= curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ds_cluster_lost);
        rc |= curl_easy_setopt(e, CURLOPT_WRITEDATA, &lost);

        if (c->conf.ca != NULL) {
            rc |= curl_easy_setopt(e, CURLOPT_CAINFO, c->conf.ca);
        }

        if (c->conf.cert != NULL) {
            rc |= curl_easy_setopt(e, CURLOPT_SSLCERT, c->conf.cert);
            rc |= curl_easy_setopt(e, CURLOPT_SSLKEY, c->conf.key);
        }

        if (rc != CURLE_OK || curl_easy_perform(e) != CURLE_OK
            || curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status)
               != CURLE_OK)
        {
            status = 0;
        }
    }

    curl_slist_free_all(head);
    curl_easy_cleanup(e);
    free(where);

    return status == 200 && lost;
}


/* the answer is short: it comes as a whole */

static size_t
ds_cluster_lost(char *data, size_t size, size_t n, void *to)
{
    bool   *lost = to;
    cJSON  *json;

    json = cJSON_ParseWithLength(data, size * n);
    *lost |= cJSON_IsTrue(cJSON_GetObjectItem(json, "lost"));
    cJSON_Delete(json);

    return size * n;
}


/* context: watcher's thread */

static void
ds_cluster_watch(void *data)
{
    ds_cluster_t *c = data;

    int               rc;
    ds_etcd_t        *etcd;
    ds_error_t        err;
    ds_etcd_event_t   event;
    ds_etcd_watch_t  *watch;

    etcd = NULL;
    watch = NULL;

    while (!ds_cancel_is_set(&c->cancel)) {

        if (etcd == NULL) {
            etcd = ds_etcd_create(&c->etcd_conf, &c->cancel, &err);
        }

        if (etcd != NULL && watch == NULL) {
            watch = ds_etcd_watch_open(etcd, c->conf.prefix, true, 0, &err);
        }

        if (watch == NULL) {
            (void) ds_cancel_wait(&c->cancel, DS_CLUSTER_TRY);
            continue;
        }

        rc = ds_etcd_watch_next(watch, DS_CLUSTER_TRY, &event, &err);

        if (rc == 1) {
            if (!event.progress) {
                ds_cluster_event(c, event.kv.key, event.revision);
            }

        } else if (rc == DS_ECLUSTER_LOST) {
            (void) ds_cancel_wait(&c->cancel, DS_CLUSTER_LOOK);

        } else if (rc != DS_OK) {
            ds_etcd_watch_close(&watch);

            (void) pthread_mutex_lock(&c->lock);
            ds_member_hint(c->m);
            c->again = true;
            (void) pthread_mutex_unlock(&c->lock);

            (void) ds_cancel_wait(&c->cancel, DS_CLUSTER_TRY);
        }
    }

    ds_etcd_watch_close(&watch);
    ds_etcd_free(&etcd);
}


/* context: watcher's thread */

static void
ds_cluster_event(ds_cluster_t *c, const char *key, int64_t revision)
{
    bool         command;
    size_t       i, len;
    const char  *table;

    key += strlen(c->conf.prefix);

    for (i = 0; (table = ds_share_news(i, &command)) != NULL; i++) {
        len = strlen(table);

        if (strncmp(key, table, len) == 0 && key[len] == '/') {
            ds_cluster_news(c, key + len + 1, revision, command);
            return;
        }
    }

    if (strncmp(key, DS_CLUSTER_OWNER, strlen(DS_CLUSTER_OWNER)) == 0
        || strncmp(key, DS_CLUSTER_NODE, strlen(DS_CLUSTER_NODE)) == 0)
    {
        (void) pthread_mutex_lock(&c->lock);
        ds_member_hint(c->m);
        (void) pthread_mutex_unlock(&c->lock);

        ds_bell_ring(&c->bell);
    }
}


/* malloc()ed; NULL: no memory */

static char *
ds_cluster_key(const ds_cluster_t *c, const char *kind, const char *name)
{
    return ds_sprintf("%s%s%s", c->conf.prefix, kind, name);
}


void
ds_cluster_stream(ds_cluster_t *c, const char *name, bool wanted,
    bool running, ds_owner_t *owner)
{
    (void) pthread_mutex_lock(&c->lock);

    /* without memory it is not claimed, but the next time */
    (void) ds_member_stream(c->m, name, wanted, running);
    ds_member_owner(c->m, name, owner);

    (void) pthread_mutex_unlock(&c->lock);
}


void
ds_cluster_drain(ds_cluster_t *c, bool drain, bool leave)
{
    (void) pthread_mutex_lock(&c->lock);
    ds_member_drain(c->m, drain, leave);
    (void) pthread_mutex_unlock(&c->lock);

    ds_bell_ring(&c->bell);
}


bool
ds_cluster_left(ds_cluster_t *c)
{
    bool  left;

    (void) pthread_mutex_lock(&c->lock);
    left = ds_member_lease(c->m) == 0;
    (void) pthread_mutex_unlock(&c->lock);

    return left;
}


void
ds_cluster_balance(ds_cluster_t *c)
{
    (void) pthread_mutex_lock(&c->lock);
    ds_member_balance(c->m);
    (void) pthread_mutex_unlock(&c->lock);
}


bool
ds_cluster_changed(ds_cluster_t *c, char name[DS_NAME_LEN + 1],
    int64_t *revision, bool *command)
{
    ds_news_t  *news;

    (void) pthread_mutex_lock(&c->lock);

    news = c->news;

    if (news != NULL) {
        c->news = news->next;
    }

    (void) pthread_mutex_unlock(&c->lock);

    if (news == NULL) {
        return false;
    }

    *revision = news->revision;
    *command = news->command;
    memcpy(name, news->name, sizeof(news->name));
    free(news);

    return true;
}


void
ds_cluster_status(ds_cluster_t *c, ds_cluster_status_t *status)
{
    size_t                   i;
    int64_t                  now;
    uint32_t                 owned;
    const ds_member_node_t  *node;

    memset(status, 0, sizeof(ds_cluster_status_t));
    now = ds_boottime();

    (void) pthread_mutex_lock(&c->lock);

    status->quorum = ds_member_quorum(c->m, now);
    status->failsafe = ds_member_failsafe(c->m, now);
    status->joined = ds_member_joined_at(c->m) != 0;
    status->draining = ds_member_self(c->m)->draining;
    status->left = ds_member_lease(c->m) == 0 ? 0
                   : ds_member_deadline(c->m) - now;
    status->left = status->left < 0 ? 0 : status->left;
    status->requests = c->requests;
    status->error = c->error;
    ds_member_counts(c->m, &status->takeovers, &status->stops);

    for (i = 0; (node = ds_member_node(c->m, i, &owned)) != NULL; i++) {
        if (strcmp(node->name, c->conf.node) == 0) {
            status->owned = owned;
        }
    }

    (void) pthread_mutex_unlock(&c->lock);
}


bool
ds_cluster_node(ds_cluster_t *c, size_t i, ds_cluster_node_t *node)
{
    uint32_t                 owned;
    const ds_member_node_t  *n;

    memset(node, 0, sizeof(ds_cluster_node_t));

    (void) pthread_mutex_lock(&c->lock);

    n = ds_member_node(c->m, i, &owned);

    if (n != NULL) {
        memcpy(node->name, n->name, sizeof(node->name));
        memcpy(node->url, n->url, sizeof(node->url));
        node->max_streams = n->max_streams;
        node->weight = n->weight;
        node->draining = n->draining;
        node->owned = owned;
        node->self = strcmp(n->name, c->conf.node) == 0;
    }

    (void) pthread_mutex_unlock(&c->lock);

    return n != NULL;
}


bool
ds_cluster_asked(ds_fence_t *fence, int64_t ttl)
{
    return ds_fence_asked(fence, ds_boottime(), ttl);
}
