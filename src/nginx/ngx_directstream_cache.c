
/*
 * ngx_directstream_cache.c: what is kept of the media, for the API: the index
 * is in the store, so both the list and a removal are tasks of a thread.
 */

#include "ngx_directstream_http.h"


typedef struct {
    ngx_directstream_task_t  task;
    ngx_uint_t               offset;
    ngx_uint_t               limit;
    size_t                   n;             /* entries read */
    uint32_t                 count;         /* of all */
    uint64_t                 size;
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
static void ngx_directstream_cache_entry(ngx_directstream_json_t *w,
    ds_kept_t *kept);
static int ngx_directstream_cache_remove(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_cache_deleted(ngx_http_request_t *r,
    ngx_directstream_task_t *t);


ngx_int_t
ngx_directstream_cache_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_directstream_cache_list_t  *l;

    rc = ngx_directstream_list_page(r, ctx);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    l = ngx_directstream_task_create(r,
                                     sizeof(ngx_directstream_cache_list_t)
                                     + (ctx->limit - 1) * sizeof(ds_kept_t));
    if (l == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    l->offset = ctx->offset;
    l->limit = ctx->limit;

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

    return ds_store_list_kept(db, (uint32_t) l->offset, l->kept, &l->n,
                              &t->err);
}


static ngx_int_t
ngx_directstream_cache_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_cache_list_t *l = (ngx_directstream_cache_list_t *) t;

    size_t                    i;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_json_t   w;

    if (t->rc != DS_OK) {
        return ngx_directstream_task_failed(r, t, "the index was not read");
    }

    dcf = ngx_directstream_get_conf();

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "max_size");
    ngx_directstream_json_integer(&w, dcf->cache_max_size);
    ngx_directstream_json_key(&w, "min_free");
    ngx_directstream_json_integer(&w, dcf->cache_min_free);
    ngx_directstream_json_key(&w, "size");
    ngx_directstream_json_integer(&w, l->size);
    ngx_directstream_json_key(&w, "count");
    ngx_directstream_json_integer(&w, l->count);
    ngx_directstream_json_key(&w, "offset");
    ngx_directstream_json_integer(&w, l->offset);
    ngx_directstream_json_key(&w, "limit");
    ngx_directstream_json_integer(&w, l->limit);
    ngx_directstream_json_key(&w, "entries");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < l->n; i++) {
        ngx_directstream_cache_entry(&w, &l->kept[i]);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static void
ngx_directstream_cache_entry(ngx_directstream_json_t *w, ds_kept_t *kept)
{
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "key");
    ngx_directstream_json_string(w, kept->key, sizeof(kept->key));
    ngx_directstream_json_key(w, "id");
    ngx_directstream_json_string(w, kept->id, sizeof(kept->id));
    ngx_directstream_json_key(w, "title");
    ngx_directstream_json_string(w, kept->title, sizeof(kept->title));
    ngx_directstream_json_key(w, "origin");
    ngx_directstream_json_string(w, kept->origin, sizeof(kept->origin));
    ngx_directstream_json_key(w, "form");
    ngx_directstream_json_string(w, kept->form, sizeof(kept->form));
    ngx_directstream_json_key(w, "files");
    ngx_directstream_json_integer(w, kept->files);
    ngx_directstream_json_key(w, "size");
    ngx_directstream_json_integer(w, kept->size);
    ngx_directstream_json_key(w, "duration");
    ngx_directstream_json_seconds(w, kept->duration);
    ngx_directstream_json_key(w, "kept");
    ngx_directstream_json_time(w, kept->kept);
    ngx_directstream_json_key(w, "used");
    ngx_directstream_json_time(w, kept->used);
    ngx_directstream_json_key(w, "uses");
    ngx_directstream_json_integer(w, kept->uses);
    ngx_directstream_json_close(w, '}');
}


ngx_int_t
ngx_directstream_cache_delete(ngx_http_request_t *r, const char *key)
{
    ngx_directstream_cache_delete_t  *d;

    d = ngx_directstream_task_create(r,
                                     sizeof(ngx_directstream_cache_delete_t));
    if (d == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_cpystrn((u_char *) d->key, (u_char *) key, sizeof(d->key));
    d->path = (char *) ngx_directstream_get_conf()->cache_path.data;

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

    ngx_directstream_json_t  w;

    switch (t->rc) {

    case DS_OK:
        ngx_directstream_json_init(&w, r->pool);
        return ngx_directstream_send(r, NGX_HTTP_NO_CONTENT, &w);

    case DS_ESTORE_NOT_FOUND:
        return ngx_directstream_problem(r, NGX_HTTP_NOT_FOUND,
                               ds_error_code(DS_ECACHE_MISSING), NULL,
                               "nothing is kept under \"%s\"", d->key);
    }

    return ngx_directstream_task_failed(r, t, "nothing was removed");
}
