
/*
 * ngx_directstream_nodes.c: the API's nodes: what the zone knows of them, and
 * what is asked of this one.
 */

#include "ngx_directstream_http.h"


typedef struct {
    char                      node[DS_NAME_LEN + 1];
    ds_cluster_status_t       status;
    ngx_uint_t                n;
    ds_cluster_node_t         nodes[NGX_DIRECTSTREAM_NODES];
} ngx_directstream_nodes_t;


static ngx_int_t ngx_directstream_nodes_none(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_nodes_show(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_directstream_nodes_render(ngx_directstream_json_t *w,
    const void *base);


#define ngx_directstream_of_node(key, kind)                                  \
    ngx_directstream_member(#key, kind, ds_cluster_node_t, key)

#define ngx_directstream_of_cluster(key, kind, field)                        \
    ngx_directstream_member(key, kind, ngx_directstream_nodes_t, field)


static const ngx_directstream_member_t  ngx_directstream_node_members[] = {
    ngx_directstream_of_node(name, TEXT),
    ngx_directstream_of_node(self, BOOL),
    ngx_directstream_of_node(url, WORD),
    ngx_directstream_of_node(draining, BOOL),
    ngx_directstream_of_node(weight, NUMBER),
    ngx_directstream_of_node(max_streams, COUNT),
    ngx_directstream_of_node(owned, NUMBER),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_nodes_members[] = {
    ngx_directstream_of_cluster("node", TEXT, node),
    ngx_directstream_of_cluster("joined", BOOL, status.joined),
    ngx_directstream_of_cluster("quorum", BOOL, status.quorum),
    ngx_directstream_of_cluster("failsafe", BOOL, status.failsafe),
    ngx_directstream_of_cluster("draining", BOOL, status.draining),
    ngx_directstream_of_cluster("lease_left", SECONDS, status.left),
    ngx_directstream_of_cluster("takeovers", NUMBER, status.takeovers),
    ngx_directstream_of_cluster("deadline_stops", NUMBER, status.stops),
    ngx_directstream_of_cluster("error", ERROR, status.error),
    ngx_directstream_member_call("nodes", ngx_directstream_nodes_render),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_nodes_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    (void) ctx;

    return ngx_directstream_nodes_show(r, NGX_HTTP_OK);
}


static ngx_int_t
ngx_directstream_nodes_none(ngx_http_request_t *r)
{
    return ngx_directstream_problem(r, 404, "not_found", NULL,
                                    "this nginx is of no cluster, the "
                                    "directive \"cluster\" makes it one's");
}


static ngx_int_t
ngx_directstream_nodes_show(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_directstream_sh_t     *sh;
    ngx_directstream_conf_t   *dcf;
    ngx_directstream_json_t    w;
    ngx_directstream_nodes_t  *nodes;

    dcf = ngx_directstream_get_conf();

    if (dcf->cluster.endpoints == NULL) {
        return ngx_directstream_nodes_none(r);
    }

    nodes = ngx_pcalloc(r->pool, sizeof(ngx_directstream_nodes_t));
    if (nodes == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_cpystrn((u_char *) nodes->node, (u_char *) dcf->cluster.node,
                       sizeof(nodes->node));
    sh = dcf->sh;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    nodes->status = sh->cluster;
    nodes->n = sh->nnodes;
    ngx_memcpy(nodes->nodes, sh->nodes, sizeof(nodes->nodes));

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_object(&w, ngx_directstream_nodes_members, nodes);
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, status, &w);
}


static void
ngx_directstream_nodes_render(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_nodes_t  *nodes = base;

    ngx_uint_t  i;

    ngx_directstream_json_open(w, '[');

    for (i = 0; i < nodes->n; i++) {
        ngx_directstream_json_object(w, ngx_directstream_node_members,
                                     &nodes->nodes[i]);
    }

    ngx_directstream_json_close(w, ']');
}


ngx_int_t
ngx_directstream_nodes_drain(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                  on;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    if (dcf->cluster.endpoints == NULL) {
        return ngx_directstream_nodes_none(r);
    }

    on = 1;

    if (ngx_directstream_flag_parse(&ctx->body, "on", &on, &m) != NGX_OK) {
        return ngx_directstream_mistaken(r, &m);
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);
    dcf->sh->drain = on;
    dcf->sh->cluster.draining = on;
    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_wake();
    ngx_directstream_task_note(r, on ? "drain" : "drain_off", "");

    return ngx_directstream_nodes_show(r, NGX_HTTP_ACCEPTED);
}


ngx_int_t
ngx_directstream_nodes_balance(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    if (dcf->cluster.endpoints == NULL) {
        return ngx_directstream_nodes_none(r);
    }

    if (ngx_directstream_flag_parse(&ctx->body, NULL, NULL, &m) != NGX_OK) {
        return ngx_directstream_mistaken(r, &m);
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);
    dcf->sh->balance++;
    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_wake();
    ngx_directstream_task_note(r, "balance", "");

    return ngx_directstream_nodes_show(r, NGX_HTTP_ACCEPTED);
}


/*
 * Another node has lost etcd, and asks whether this one has.  It is answered
 * by any worker, also while the relay worker is away.
 */

ngx_int_t
ngx_directstream_nodes_lost(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                lost;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_json_t   w;

    (void) ctx;

    dcf = ngx_directstream_get_conf();

    if (dcf->cluster.endpoints == NULL) {
        return ngx_directstream_nodes_none(r);
    }

    lost = ds_cluster_asked(&dcf->sh->fence,
                            (int64_t) dcf->cluster.ttl * 1000);

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "lost");
    ngx_directstream_json_bool(&w, lost);
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
