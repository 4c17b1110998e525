
/*
 * ngx_directstream_cache.c: what is kept of the media, for the API: the index
 * is in the store, so both the list and a removal are tasks of a thread.
 */

#include "ngx_directstream_http.h"


typedef struct {
    ngx_directstream_task_t  task;
    uint64_t                 max_size;
    uint64_t                 min_free;
    uint64_t                 size;
    uint32_t                 count;         /* of all */
    uint32_t                 offset;
    uint32_t                 limit;
    size_t                   n;             /* entries read */
    ds_kept_t                kept[1];       /* "limit" of them */
} ngx_directstream_cache_list_t;


typedef struct {
    ngx_directstream_task_t  task;
    char                     key[DS_KEY_LEN + 1];
    char                    *path;          /* the configuration's */
} ngx_directstream_cache_delete_t;


static int ngx_directstream_cache_read(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_cache_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *t);
static int ngx_directstream_cache_remove(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_cache_deleted(ngx_http_request_t *r,
    ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_cache_missing(ngx_http_request_t *r,
    const char *key);


#define ngx_directstream_of_list(key, field)                                 \
    ngx_directstream_member(key, NUMBER, ngx_directstream_cache_list_t, field)

#define ngx_directstream_of_kept(key, kind)                                  \
    ngx_directstream_member(#key, kind, ds_kept_t, key)


static const ngx_directstream_member_t  ngx_directstream_listed[] = {
    ngx_directstream_of_list("max_size", max_size),
    ngx_directstream_of_list("min_free", min_free),
    ngx_directstream_of_list("size", size),
    ngx_directstream_of_list("count", count),
    ngx_directstream_of_list("offset", offset),
    ngx_directstream_of_list("limit", limit),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_kept[] = {
    ngx_directstream_of_kept(key, TEXT),
    ngx_directstream_of_kept(id, TEXT),
    ngx_directstream_of_kept(title, TEXT),
    ngx_directstream_of_kept(origin, TEXT),
    ngx_directstream_of_kept(form, TEXT),
    ngx_directstream_of_kept(files, NUMBER),
    ngx_directstream_of_kept(size, NUMBER),
    ngx_directstream_of_kept(duration, SECONDS),
    ngx_directstream_of_kept(kept, TIME),
    ngx_directstream_of_kept(used, TIME),
    ngx_directstream_of_kept(uses, NUMBER),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_cache_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_directstream_conf_t        *dcf;
    ngx_directstream_cache_list_t  *l;

    rc = ngx_directstream_args(r, ctx, 100);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    l = ngx_directstream_task_create(r,
                                     sizeof(ngx_directstream_cache_list_t)
                                     + (ctx->limit - 1) * sizeof(ds_kept_t));
    if (l == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    dcf = ngx_directstream_get_conf();

    l->max_size = dcf->cache_max_size;
    l->min_free = dcf->cache_min_free;
    l->offset = (uint32_t) ctx->offset;
    l->limit = (uint32_t) ctx->limit;

    l->task.run = ngx_directstream_cache_read;
    l->task.answer = ngx_directstream_cache_listed;

    return ngx_directstream_task_post(&l->task);
}


/* context: a thread of the pool */

static int
ngx_directstream_cache_read(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_cache_list_t *l = (ngx_directstream_cache_list_t *) t;

    int  rc;

    rc = ds_store_count_kept(db, &l->count, &l->size, &t->err);

    if (rc != DS_OK) {
        return rc;
    }

    l->n = l->limit;

    return ds_store_list_kept(db, l->offset, l->kept, &l->n, &t->err);
}


static ngx_int_t
ngx_directstream_cache_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_cache_list_t *l = (ngx_directstream_cache_list_t *) t;

    size_t                   i;
    ngx_directstream_json_t  w;

    if (t->rc != DS_OK) {
        return ngx_directstream_task_failed(r, t, "the index was not read");
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_members(&w, ngx_directstream_listed, l);
    ngx_directstream_json_key(&w, "entries");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < l->n; i++) {
        ngx_directstream_json_object(&w, ngx_directstream_kept, &l->kept[i]);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


ngx_int_t
ngx_directstream_cache_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_cache_delete_t  *d;

    if (strlen(ctx->name) != DS_KEY_LEN) {
        return ngx_directstream_cache_missing(r, ctx->name);
    }

    d = ngx_directstream_task_create(r,
                                     sizeof(ngx_directstream_cache_delete_t));
    if (d == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_cpystrn((u_char *) d->key, (u_char *) ctx->name,
                       sizeof(d->key));
    d->path = (char *) ngx_directstream_get_conf()->cache_path.data;

    ngx_directstream_task_change(&d->task, r, "delete_cached", "");
    ngx_memcpy(d->task.change.fields, d->key, sizeof(d->key));

    d->task.run = ngx_directstream_cache_remove;
    d->task.answer = ngx_directstream_cache_deleted;

    return ngx_directstream_task_post(&d->task);
}


/* context: a thread of the pool */

static int
ngx_directstream_cache_remove(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_cache_delete_t *d = (ngx_directstream_cache_delete_t *) t;

    return ds_cache_delete(db, d->path, d->key, &t->err);
}


static ngx_int_t
ngx_directstream_cache_deleted(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_cache_delete_t *d = (ngx_directstream_cache_delete_t *) t;

    switch (t->rc) {

    case DS_OK:
        return ngx_directstream_send_empty(r, NGX_HTTP_NO_CONTENT);

    case DS_ESTORE_NOT_FOUND:
        return ngx_directstream_cache_missing(r, d->key);
    }

    return ngx_directstream_task_failed(r, t, "nothing was removed");
}


static ngx_int_t
ngx_directstream_cache_missing(ngx_http_request_t *r, const char *key)
{
    return ngx_directstream_problem(r, NGX_HTTP_NOT_FOUND,
                               ds_error_code(DS_ECACHE_MISSING), NULL,
                               "nothing is kept under \"%s\"", key);
}
