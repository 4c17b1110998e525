
/*
 * ngx_directstream_shared.c: where nodes share their streams, what a request is
 * about is first read from what they share: a thread makes the store's copy
 * anew, and the zone follows that.  When it cannot be had, a read is answered
 * with what was known, and says so; a write is refused.
 */

#include "ngx_directstream_http.h"


/* what the zone has, before it is asked for */

typedef struct {
    char                      name[DS_NAME_LEN + 1];
    int64_t                   revision;
} ngx_directstream_seen_t;

typedef struct {
    ngx_directstream_task_t   task;
    ngx_directstream_handler_pt handler;
    char                      name[DS_NAME_LEN + 1];    /* "": all */

    ngx_directstream_seen_t  *seen;         /* in the order of names */
    ngx_uint_t                nseen;

    /* the thread's: what the zone has otherwise, and what is no more */
    ngx_directstream_found_t *found;
    size_t                    n;
    size_t                    size;
    ngx_uint_t                at;           /* of "seen" */
    int64_t                   revision;     /* of all that */
    int                       rc;
} ngx_directstream_shared_t;


static ngx_int_t ngx_directstream_shared_see(ngx_directstream_shared_t *s);
static int ngx_directstream_shared_run(ngx_directstream_task_t *t,
    ds_store_t *db);
static void ngx_directstream_shared_each(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);
static void ngx_directstream_shared_add(ngx_directstream_shared_t *s,
    const char *name, const ds_stored_t *def, const ds_progress_t *progress);
static void ngx_directstream_shared_end(ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_shared_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t);


ngx_int_t
ngx_directstream_shared(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_directstream_handler_pt handler)
{
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_shared_t  *s;

    dcf = ngx_directstream_get_conf();

    /* who makes one is told by the store whether there is one */

    if (dcf->cluster.endpoints == NULL || !ctx->shared
        || (ctx->name[0] == '\0' && r->method == NGX_HTTP_POST))
    {
        return handler(r, ctx);
    }

    s = ngx_directstream_task_create(r, sizeof(ngx_directstream_shared_t));
    if (s == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->handler = handler;
    ngx_memcpy(s->name, ctx->name, sizeof(s->name));

    if (ngx_directstream_shared_see(s) != NGX_OK) {
        ngx_free(s);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->task.run = ngx_directstream_shared_run;
    s->task.end = ngx_directstream_shared_end;
    s->task.answer = ngx_directstream_shared_answer;

    return ngx_directstream_task_post(&s->task);
}


static ngx_int_t
ngx_directstream_shared_see(ngx_directstream_shared_t *s)
{
    ngx_uint_t                n;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_node_t  *node;

    dcf = ngx_directstream_get_conf();
    n = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (node = dcf->sh->streams; node != NULL; node = node->next) {
        n++;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    s->seen = ngx_alloc((n + 1) * sizeof(ngx_directstream_seen_t),
                        ngx_cycle->log);
    if (s->seen == NULL) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (node = dcf->sh->streams;
         node != NULL && s->nseen < n;
         node = node->next)
    {
        if (s->name[0] != '\0'
            && ngx_strcmp(s->name, node->info.def.name) != 0)
        {
            continue;
        }

        ngx_memcpy(s->seen[s->nseen].name, node->info.def.name,
                   DS_NAME_LEN + 1);
        s->seen[s->nseen++].revision = node->info.revision;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return NGX_OK;
}


/* context: a thread of the pool */

static int
ngx_directstream_shared_run(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_shared_t *s = (ngx_directstream_shared_t *) t;

    int             rc;
    ds_stored_t     def;
    ds_progress_t   progress;

    rc = ds_store_refresh(db, s->name[0] != '\0' ? s->name : NULL, &t->err);

    if (rc != DS_OK) {
        return rc;
    }

    s->revision = ds_store_revision(db);

    if (s->name[0] == '\0') {
        rc = ds_store_each(db, ngx_directstream_shared_each, s, &t->err);

    } else {
        rc = ds_store_get(db, s->name, &def, &t->err);

        if (rc == DS_OK) {
            rc = ds_store_get_progress(db, s->name, &progress, &t->err);
        }

        if (rc == DS_OK) {
            ngx_directstream_shared_each(s, &def, &progress);

        } else if (rc == DS_ESTORE_NOT_FOUND) {
            rc = DS_OK;
        }
    }

    while (rc == DS_OK && s->at < s->nseen) {
        ngx_directstream_shared_add(s, s->seen[s->at++].name, NULL, NULL);
    }

    return (rc == DS_OK) ? s->rc : rc;
}


/* in the order of names, as what was seen is */

static void
ngx_directstream_shared_each(void *data, const ds_stored_t *def,
    const ds_progress_t *progress)
{
    ngx_directstream_shared_t *s = data;

    ngx_int_t  rc;

    while (s->at < s->nseen) {
        rc = ngx_strcmp(s->seen[s->at].name, def->def.name);

        if (rc > 0) {
            break;
        }

        if (rc == 0) {
            if (s->seen[s->at++].revision == def->revision) {
                return;
            }

            break;
        }

        ngx_directstream_shared_add(s, s->seen[s->at++].name, NULL, NULL);
    }

    ngx_directstream_shared_add(s, def->def.name, def, progress);
}


static void
ngx_directstream_shared_add(ngx_directstream_shared_t *s, const char *name,
    const ds_stored_t *def, const ds_progress_t *progress)
{
    size_t                     size;
    ngx_directstream_found_t  *f;

    if (s->n == s->size) {
        size = (s->size == 0) ? 1 : s->size * 2;
        f = realloc(s->found, size * sizeof(ngx_directstream_found_t));

        if (f == NULL) {
            s->rc = DS_ENOMEM;
            return;
        }

        s->found = f;
        s->size = size;
    }

    f = &s->found[s->n++];
    ngx_memzero(f, sizeof(ngx_directstream_found_t));
    (void) ngx_cpystrn((u_char *) f->stored.def.name, (u_char *) name,
                       DS_NAME_LEN + 1);

    if (def != NULL) {
        f->there = 1;
        f->stored = *def;
        f->progress = *progress;
    }
}


/* whether or not anybody waits for the answer */

static void
ngx_directstream_shared_end(ngx_directstream_task_t *t)
{
    ngx_directstream_shared_t *s = (ngx_directstream_shared_t *) t;

    size_t                    i;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();

    for (i = 0; t->rc == DS_OK && i < s->n; i++) {
        ngx_directstream_change_adopt(dcf, &s->found[i], s->revision);
    }

    if (t->rc == DS_OK && s->n != 0) {
        ngx_directstream_wake();
    }

    free(s->found);
    ngx_free(s->seen);
}


static ngx_int_t
ngx_directstream_shared_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_shared_t *s = (ngx_directstream_shared_t *) t;

    ngx_int_t                rc;
    ngx_directstream_ctx_t  *ctx;

    if (t->rc != DS_OK) {

        if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
            return ngx_directstream_task_failed(r, t, "nothing was changed");
        }

        if (ngx_directstream_header(r, "Directstream-Stale",
                                    ds_error_code(t->rc))
            == NULL)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    /* one that will finalize the request has to find it counted */
    r->main->count++;

    rc = s->handler(r, ctx);

    if (rc != NGX_DONE) {
        r->main->count--;
    }

    return rc;
}
