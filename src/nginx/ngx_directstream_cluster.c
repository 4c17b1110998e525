
/*
 * ngx_directstream_cluster.c: this node among others.  Whose a stream is comes
 * from the engine to the zone, where all relay workers of the node obey it;
 * what is wanted here, and what runs here, goes to the engine.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_CLUSTER_RETRY  5000    /* ms after a failed start */


typedef struct {
    char        name[DS_NAME_LEN + 1];
    bool        wanted;
    bool        running;
    ds_owner_t  owner;
} ngx_directstream_share_t;


static void ngx_directstream_cluster_create(ngx_directstream_runs_t *runs);
static void ngx_directstream_cluster_share(ngx_directstream_runs_t *runs);
static ngx_uint_t ngx_directstream_cluster_collect(
    ngx_directstream_runs_t *runs, ngx_directstream_share_t **shares);
static void ngx_directstream_cluster_take(ngx_directstream_runs_t *runs,
    ngx_directstream_node_t *node, ds_owner_t *owner);
static void ngx_directstream_cluster_nodes(ngx_directstream_runs_t *runs);
static void ngx_directstream_cluster_peers(ngx_directstream_runs_t *runs,
    ds_cluster_node_t *nodes, ngx_uint_t n);
static void ngx_directstream_cluster_peer(ngx_directstream_runs_t *runs,
    ds_cluster_node_t *node, ds_cluster_node_t *list, ngx_uint_t n,
    const char *what);
static void ngx_directstream_cluster_tell(ngx_directstream_runs_t *runs,
    ds_cluster_status_t *status);


void
ngx_directstream_cluster_pass(ngx_directstream_runs_t *runs,
    ngx_uint_t newest, ngx_uint_t leave)
{
    uint64_t    balance;
    ngx_uint_t  drain;

    if (runs->dcf->cluster.endpoints == NULL) {
        return;
    }

    if (!newest) {
        ds_cluster_free(&runs->cluster);
        return;
    }

    if (runs->cluster == NULL) {

        if (!leave) {
            ngx_directstream_cluster_create(runs);
        }

        if (runs->cluster == NULL) {
            return;
        }
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);
    drain = runs->dcf->sh->drain;
    balance = runs->dcf->sh->balance;
    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    ds_cluster_drain(runs->cluster, drain || leave, leave);

    if (balance != runs->balanced) {
        runs->balanced = balance;
        ds_cluster_balance(runs->cluster);
    }

    ngx_directstream_cluster_share(runs);
    ngx_directstream_cluster_nodes(runs);
}


static void
ngx_directstream_cluster_create(ngx_directstream_runs_t *runs)
{
    ds_error_t  err;

    if (runs->cluster_at != 0
        && (ngx_msec_int_t) (ngx_current_msec - runs->cluster_at) < 0)
    {
        return;
    }

    runs->cluster_at = ngx_current_msec + NGX_DIRECTSTREAM_CLUSTER_RETRY;
    runs->balanced = runs->dcf->sh->balance;
    runs->cluster = ds_cluster_create(runs->ds, &runs->dcf->cluster, &err);

    if (runs->cluster == NULL) {
        ngx_log_error(NGX_LOG_ERR, runs->log, 0,
                      "directstream: ds_cluster_create() failed: %s, next try "
                      "in %d s", err.message,
                      NGX_DIRECTSTREAM_CLUSTER_RETRY / 1000);
    }
}


ngx_uint_t
ngx_directstream_cluster_left(ngx_directstream_runs_t *runs)
{
    return runs->cluster == NULL || ds_cluster_left(runs->cluster);
}


/* the engine is not called with the zone's lock held */

static void
ngx_directstream_cluster_share(ngx_directstream_runs_t *runs)
{
    ngx_uint_t                 i, n;
    ngx_directstream_node_t   *node;
    ngx_directstream_share_t  *shares;

    n = ngx_directstream_cluster_collect(runs, &shares);

    for (i = 0; i < n; i++) {
        ds_cluster_stream(runs->cluster, shares[i].name, shares[i].wanted,
                          shares[i].running, &shares[i].owner);
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    for (i = 0, node = runs->dcf->sh->streams;
         i < n && node != NULL;
         node = node->next)
    {
        while (i < n && ngx_strcmp(shares[i].name, node->info.def.name) < 0) {
            i++;
        }

        if (i < n && ngx_strcmp(shares[i].name, node->info.def.name) == 0) {
            ngx_directstream_cluster_take(runs, node, &shares[i].owner);
        }
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    ngx_free(shares);
}


/* in the order of names; none without memory */

static ngx_uint_t
ngx_directstream_cluster_collect(ngx_directstream_runs_t *runs,
    ngx_directstream_share_t **shares)
{
    ngx_uint_t                 n;
    ngx_directstream_node_t   *node;
    ngx_directstream_share_t  *s;

    n = 0;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    for (node = runs->dcf->sh->streams; node != NULL; node = node->next) {
        n++;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    /* those that come in between have their turn in the next pass */

    s = ngx_calloc((n + 1) * sizeof(ngx_directstream_share_t), runs->log);
    *shares = s;

    if (s == NULL) {
        return 0;
    }

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    for (node = runs->dcf->sh->streams;
         node != NULL && n != 0;
         node = node->next, s++, n--)
    {
        ngx_memcpy(s->name, node->info.def.name, sizeof(s->name));
        s->wanted = node->info.running && !node->info.reserved;
        s->running = node->info.owner != 0
                     && node->info.status.state != DS_HELD;
    }

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    return s - *shares;
}


/* with the lock held; what other nodes have is "held" here */

static void
ngx_directstream_cluster_take(ngx_directstream_runs_t *runs,
    ngx_directstream_node_t *node, ds_owner_t *owner)
{
    char                      message[DS_MESSAGE_LEN];
    ds_state_e                state;
    ngx_directstream_info_t  *info;

    info = &node->info;

    if (info->cluster.epoch != owner->epoch && owner->epoch != 0) {
        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "node \"%s\" has it, epoch %L%Z", owner->node,
                            owner->epoch);
        ngx_directstream_journal_cluster(runs->dcf, info->def.name, message);

        ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                      "directstream \"%s\": node \"%s\" has it, epoch %L",
                      info->def.name, owner->node, owner->epoch);
    }

    info->cluster = *owner;

    if (info->owner != 0) {
        return;
    }

    state = info->status.state;

    if (info->running && owner->whose == DS_WHOSE_OTHERS
        && owner->epoch != 0)
    {
        state = DS_HELD;
        info->seen = ngx_current_msec;

    } else if (state == DS_HELD) {
        state = DS_STOPPED;
    }

    if (state != info->status.state) {
        info->status.state = state;
        info->status.since = ngx_directstream_now();
        ngx_directstream_journal_note(runs->dcf, node);
    }
}


static void
ngx_directstream_cluster_nodes(ngx_directstream_runs_t *runs)
{
    ngx_uint_t              n;
    ds_cluster_node_t      *nodes;
    ds_cluster_status_t     status;
    ngx_directstream_sh_t  *sh;

    nodes = ngx_alloc(NGX_DIRECTSTREAM_NODES * sizeof(ds_cluster_node_t),
                      runs->log);
    if (nodes == NULL) {
        return;
    }

    ds_cluster_status(runs->cluster, &status);

    for (n = 0; n < NGX_DIRECTSTREAM_NODES; n++) {
        if (!ds_cluster_node(runs->cluster, n, &nodes[n])) {
            break;
        }
    }

    sh = runs->dcf->sh;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    ngx_directstream_cluster_peers(runs, nodes, n);
    ngx_directstream_cluster_tell(runs, &status);

    ngx_memcpy(sh->nodes, nodes, n * sizeof(ds_cluster_node_t));
    sh->nnodes = n;
    sh->cluster = status;

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    ngx_free(nodes);
}


/* with the lock held; who was not known before is no news */

static void
ngx_directstream_cluster_peers(ngx_directstream_runs_t *runs,
    ds_cluster_node_t *nodes, ngx_uint_t n)
{
    ngx_uint_t              i;
    ngx_directstream_sh_t  *sh;

    sh = runs->dcf->sh;

    if (sh->nnodes == 0 || n == 0) {
        return;
    }

    for (i = 0; i < n; i++) {
        ngx_directstream_cluster_peer(runs, &nodes[i], sh->nodes, sh->nnodes,
                                      "has joined");
    }

    for (i = 0; i < sh->nnodes; i++) {
        ngx_directstream_cluster_peer(runs, &sh->nodes[i], nodes, n,
                                      "is there no more");
    }
}


/* another node that is not in the list */

static void
ngx_directstream_cluster_peer(ngx_directstream_runs_t *runs,
    ds_cluster_node_t *node, ds_cluster_node_t *list, ngx_uint_t n,
    const char *what)
{
    char        message[DS_MESSAGE_LEN];
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(list[i].name, node->name) == 0) {
            return;
        }
    }

    if (ngx_strcmp(node->name, runs->dcf->cluster.node) == 0) {
        return;
    }

    (void) ngx_snprintf((u_char *) message, sizeof(message),
                        "node \"%s\" %s%Z", node->name, what);
    ngx_directstream_journal_cluster(runs->dcf, "", message);
}


/* with the lock held; at the start etcd was not asked yet */

static void
ngx_directstream_cluster_tell(ngx_directstream_runs_t *runs,
    ds_cluster_status_t *status)
{
    ngx_uint_t                  i;
    const ds_cluster_status_t  *was = &runs->cluster_told;
    const ngx_uint_t            away = !status->quorum
                                       && (runs->cluster_away
                                           || status->error.code != DS_OK);

    const struct {
        ngx_uint_t              happened;
        const char             *message;
    } news[] = {
        { away && !runs->cluster_away, "etcd does not answer" },
        { !away && runs->cluster_away, "etcd answers again" },
        { status->failsafe && !was->failsafe,
          "no node has etcd, all go on as they are" },
        { !status->failsafe && was->failsafe, "that all go on is over" },
        { status->stops > was->stops,
          "this node's lease is over, its streams are stopped" },
        { status->joined && !was->joined, "this node has joined" },
        { !status->joined && was->joined, "this node has left" },
        { status->draining && !was->draining,
          "this node gives its streams up" },
        { !status->draining && was->draining,
          "this node takes streams again" },
    };

    for (i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
        if (news[i].happened) {
            ngx_directstream_journal_cluster(runs->dcf, "", news[i].message);
        }
    }

    runs->cluster_told = *status;
    runs->cluster_away = away;
}


/* the next one that the zone has not as it is; NGX_DECLINED: there is none */

ngx_int_t
ngx_directstream_cluster_changed(ngx_directstream_runs_t *runs)
{
    bool                      command;
    ngx_uint_t                known;
    ngx_directstream_node_t  *node;

    while (runs->cluster != NULL
           && ds_cluster_changed(runs->cluster, runs->changed,
                                 &runs->revision, &command))
    {
        ngx_shmtx_lock(&runs->dcf->shpool->mutex);

        node = ngx_directstream_zone_find(runs->dcf->sh, runs->changed);
        known = (node != NULL && !command
                 && node->info.revision >= runs->revision);

        ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

        if (!known && ds_check_name(runs->changed, NULL) == DS_OK) {
            return NGX_OK;
        }
    }

    runs->changed[0] = '\0';

    return NGX_DECLINED;
}


/* it becomes what the nodes share */

void
ngx_directstream_cluster_adopt(ngx_directstream_runs_t *runs,
    ds_settled_t *settled)
{
    size_t                     i;
    ngx_directstream_found_t  *found;

    /* nobody else does what was taken */

    for (i = 0; i < settled->ncommands; i++) {
        ngx_log_error(NGX_LOG_NOTICE, runs->log, 0,
                      "directstream \"%s\": %s%s%s, asked for on another node",
                      settled->name, settled->commands[i].what,
                      settled->commands[i].output[0] != '\0' ? " " : "",
                      settled->commands[i].output);

        ngx_directstream_change_command(runs->dcf, settled->name,
                                        &settled->commands[i]);
    }

    found = ngx_calloc(sizeof(ngx_directstream_found_t), runs->log);

    if (found == NULL) {
        return;
    }

    found->there = settled->found;
    found->stored = settled->stored;
    found->progress = settled->progress;

    (void) ngx_cpystrn((u_char *) found->stored.def.name,
                       (u_char *) settled->name, DS_NAME_LEN + 1);

    ngx_directstream_change_adopt(runs->dcf, found,
                                  settled->found ? settled->stored.revision
                                                 : runs->revision);
    ngx_free(found);
}


int64_t
ngx_directstream_cluster_epoch(ngx_directstream_runs_t *runs,
    const char *name)
{
    int64_t                   epoch;
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&runs->dcf->shpool->mutex);

    node = ngx_directstream_zone_find(runs->dcf->sh, name);
    epoch = (node != NULL && node->info.cluster.whose != DS_WHOSE_OTHERS)
            ? node->info.cluster.epoch : 0;

    ngx_shmtx_unlock(&runs->dcf->shpool->mutex);

    return epoch;
}


ngx_uint_t
ngx_directstream_cluster_ours(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info)
{
    return dcf->cluster.endpoints == NULL
           || info->cluster.whose != DS_WHOSE_OTHERS;
}


ngx_uint_t
ngx_directstream_cluster_starts(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info)
{
    return dcf->cluster.endpoints == NULL
           || info->cluster.whose == DS_WHOSE_OURS;
}


ngx_uint_t
ngx_directstream_cluster_keeps(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info)
{
    return dcf->cluster.endpoints == NULL
           || info->cluster.whose == DS_WHOSE_OURS
           || info->cluster.whose == DS_WHOSE_MOVING;
}
