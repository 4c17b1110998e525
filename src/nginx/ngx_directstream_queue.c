
/*
 * ngx_directstream_queue.c: the API's queue of a stream.  It is the store's:
 * a task reads and writes it there, for streams that run and that do not, and
 * wakes the relay worker, which looks for itself what has changed.
 */

#include "ngx_directstream_http.h"



typedef enum {
    NGX_DIRECTSTREAM_QUEUE_LIST = 0,
    NGX_DIRECTSTREAM_QUEUE_ADD,
    NGX_DIRECTSTREAM_QUEUE_MOVE,
    NGX_DIRECTSTREAM_QUEUE_REMOVE
} ngx_directstream_queue_e;


typedef struct {
    ngx_directstream_task_t  task;
    ngx_directstream_queue_e op;
    ds_stored_t              stored;        /* the stream */
    ds_queued_t              q;
    char                     before[DS_QUEUE_ID_LEN + 1];
    ngx_directstream_key_t   key;
    uint32_t                 waiting;
    ds_command_t             command;       /* to the owner, where it is
                                               another node; else none */
    ngx_uint_t               far;           /* this node has not the stream */
    ngx_uint_t               on_air;        /* so says the one that has it */
} ngx_directstream_queue_t;


/* what has been read, in the pool of who asked */

typedef struct {
    ngx_directstream_task_t  task;
    char                     name[DS_NAME_LEN + 1];
    ds_queued_t             *rows;          /* malloc()ed */
    size_t                   n;
} ngx_directstream_queue_list_t;


static ngx_directstream_queue_t *ngx_directstream_queue_create(
    ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_directstream_queue_e op, ngx_int_t *rc);
static int ngx_directstream_queue_read(ngx_directstream_task_t *task,
    ds_store_t *db);
static void ngx_directstream_queue_free(ngx_directstream_task_t *task);
static ngx_int_t ngx_directstream_queue_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *task);
static int ngx_directstream_queue_run(ngx_directstream_task_t *task,
    ds_store_t *db);
static int ngx_directstream_queue_store(ngx_directstream_queue_t *t,
    ds_store_t *db);
static void ngx_directstream_queue_end(ngx_directstream_task_t *task);
static int ngx_directstream_queue_air(ngx_directstream_queue_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_queue_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *task);
static ngx_int_t ngx_directstream_queue_aired(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_queue_refuse(ngx_http_request_t *r,
    ngx_directstream_queue_t *t);
static void ngx_directstream_queue_render(ngx_directstream_json_t *w,
    const ds_queued_t *q, ngx_directstream_info_t *info);
static void ngx_directstream_queue_until(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_queue_url(ngx_directstream_json_t *w,
    const void *base);
static ngx_uint_t ngx_directstream_queue_on_air(
    ngx_directstream_info_t *info, const char *id);


#define ngx_directstream_of_queued(key, kind, field)                         \
    ngx_directstream_member(key, kind, ds_queued_t, field)


static const ngx_directstream_member_t  ngx_directstream_queued[] = {
    ngx_directstream_of_queued("id", TEXT, id),
    ngx_directstream_member_call("url", ngx_directstream_queue_url),
    ngx_directstream_of_queued("index", INDEX, index),
    ngx_directstream_of_queued("item", WORD, item),
    ngx_directstream_of_queued("title", WORD, title),
    ngx_directstream_of_queued("from", SECONDS, from),
    ngx_directstream_member_call("until", ngx_directstream_queue_until),
    ngx_directstream_of_queued("now", BOOL, now),
    ngx_directstream_of_queued("position", SECONDS, position),
    ngx_directstream_of_queued("queued_by", WORD, by),
    ngx_directstream_of_queued("queued_at", TIME, at),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_queue_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_info_t         info;
    ngx_directstream_queue_list_t  *l;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    l = ngx_directstream_task_create(r,
                                     sizeof(ngx_directstream_queue_list_t));
    if (l == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(l->name, info.def.name, sizeof(l->name));

    l->task.run = ngx_directstream_queue_read;
    l->task.end = ngx_directstream_queue_free;
    l->task.answer = ngx_directstream_queue_listed;

    return ngx_directstream_task_post(&l->task);
}


/* context: a thread of the pool */

static int
ngx_directstream_queue_read(ngx_directstream_task_t *task, ds_store_t *db)
{
    ngx_directstream_queue_list_t *l = (ngx_directstream_queue_list_t *) task;

    return ds_store_queue_list(db, l->name, &l->rows, &l->n, &task->err);
}


/* of a client that has gone away, too */

static void
ngx_directstream_queue_free(ngx_directstream_task_t *task)
{
    ngx_directstream_queue_list_t *l = (ngx_directstream_queue_list_t *) task;

    if (task->request == NULL) {
        free(l->rows);
        l->rows = NULL;
    }
}


static ngx_int_t
ngx_directstream_queue_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *task)
{
    ngx_directstream_queue_list_t *l = (ngx_directstream_queue_list_t *) task;

    size_t                    i;
    ngx_directstream_info_t   info;
    ngx_directstream_json_t   w;

    if (task->rc != DS_OK) {
        return ngx_directstream_task_failed(r, task, "the queue was not read");
    }

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), l->name, &info)
        != NGX_OK)
    {
        free(l->rows);
        return ngx_directstream_missing(r, l->name);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "max");
    ngx_directstream_json_integer(&w, DS_QUEUE_MAX);
    ngx_directstream_json_key(&w, "revision");
    ngx_directstream_json_integer(&w, info.queue_changes);
    ngx_directstream_json_key(&w, "entries");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < l->n; i++) {
        ngx_directstream_queue_render(&w, &l->rows[i], &info);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    free(l->rows);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


ngx_int_t
ngx_directstream_queue_add(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_directstream_queue_t    *t;
    ngx_directstream_mistake_t   m;

    t = ngx_directstream_queue_create(r, ctx, NGX_DIRECTSTREAM_QUEUE_ADD,
                                      &rc);
    if (t == NULL) {
        return rc;
    }

    if (ngx_directstream_queue_parse(ngx_directstream_get_conf(), &ctx->body,
                                     ctx->action, &t->q, &m)
        != NGX_OK)
    {
        ngx_free(t);
        return ngx_directstream_mistaken(r, &m);
    }

    rc = ngx_directstream_key(r, ctx, ctx->action ? "play" : "queue", &t->key);

    if (rc != NGX_OK) {
        ngx_free(t);
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ngx_directstream_id(t->q.id) != NGX_OK) {
        ngx_free(t);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(t->task.change.fields, t->q.id, sizeof(t->q.id));
    (void) ngx_snprintf((u_char *) t->q.by, DS_BY_LEN, "%s%s%s%Z",
                        t->task.change.who, t->task.change.who[0] ? "@" : "",
                        t->task.change.address);
    t->q.at = ngx_directstream_now();
    t->q.far = t->far;

    return ngx_directstream_task_post(&t->task);
}


ngx_int_t
ngx_directstream_queue_move(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                    rc;
    ngx_directstream_queue_t    *t;
    ngx_directstream_mistake_t   m;

    t = ngx_directstream_queue_create(r, ctx, NGX_DIRECTSTREAM_QUEUE_MOVE,
                                      &rc);
    if (t == NULL) {
        return rc;
    }

    if (ngx_directstream_before_parse(&ctx->body, t->before, &m) != NGX_OK) {
        ngx_free(t);
        return ngx_directstream_mistaken(r, &m);
    }

    return ngx_directstream_task_post(&t->task);
}


ngx_int_t
ngx_directstream_queue_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_directstream_queue_t  *t;

    t = ngx_directstream_queue_create(r, ctx, NGX_DIRECTSTREAM_QUEUE_REMOVE,
                                      &rc);

    return (t != NULL) ? ngx_directstream_task_post(&t->task) : rc;
}


/* NULL: it was answered, and "rc" is what the answer returned */

static ngx_directstream_queue_t *
ngx_directstream_queue_create(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_queue_e op, ngx_int_t *rc)
{
    size_t                     len;
    ngx_directstream_info_t    info;
    ngx_directstream_queue_t  *t;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        *rc = ngx_directstream_missing(r, ctx->name);
        return NULL;
    }

    if (op != NGX_DIRECTSTREAM_QUEUE_ADD
        && ngx_directstream_queue_on_air(&info, ctx->entry))
    {
        *rc = ngx_directstream_queue_aired(r);
        return NULL;
    }

    t = ngx_directstream_task_create(r, sizeof(ngx_directstream_queue_t));
    if (t == NULL) {
        *rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NULL;
    }

    t->op = op;

    /* its owner is told; nobody waits for that: it finds it anyway */

    if (ngx_directstream_command_to(ctx->name, "queue", "", &t->command)
        == NGX_OK)
    {
        t->command.id[0] = '\0';

    } else {
        t->command.epoch = 0;
    }

    t->far = !ngx_directstream_cluster_ours(ngx_directstream_get_conf(),
                                            &info);

    t->stored.def = info.def;
    t->stored.is_static = info.fixed;
    t->stored.running = info.running;

    /* a longer one is none of ours */

    len = strlen(ctx->entry);

    if (len <= DS_QUEUE_ID_LEN) {
        ngx_memcpy(t->q.id, ctx->entry, len);
    }

    ngx_directstream_task_change(&t->task, r,
                                 (op == NGX_DIRECTSTREAM_QUEUE_MOVE)
                                 ? "queue_move"
                                 : (op == NGX_DIRECTSTREAM_QUEUE_REMOVE)
                                 ? "queue_remove"
                                 : ctx->action ? "play" : "queue",
                                 info.def.name);
    ngx_memcpy(t->task.change.fields, t->q.id, sizeof(t->q.id));

    t->task.run = ngx_directstream_queue_run;
    t->task.end = ngx_directstream_queue_end;
    t->task.answer = ngx_directstream_queue_answer;

    return t;
}


/* context: a thread of the pool */

static int
ngx_directstream_queue_run(ngx_directstream_task_t *task, ds_store_t *db)
{
    ngx_directstream_queue_t *t = (ngx_directstream_queue_t *) task;

    int  rc;

    rc = (t->op != NGX_DIRECTSTREAM_QUEUE_ADD && t->command.epoch != 0)
         ? ngx_directstream_queue_air(t, db) : DS_OK;

    if (rc == DS_OK) {
        rc = ngx_directstream_queue_store(t, db);
    }

    if (rc == DS_OK && t->command.epoch != 0) {
        rc = ds_store_command_put(db, t->stored.def.name, &t->command,
                                  &task->err);
    }

    if (rc == DS_OK) {

        /* sent again it changes nothing */

        if (ngx_strcmp(task->change.fields, t->q.id) != 0) {
            task->change.what[0] = '\0';
        }

        /* for the zone; that it is not known is not an error of the change */
        (void) ds_store_queue_count(db, t->stored.def.name, &t->waiting,
                                    &task->err);
    }

    return rc;
}


/* context: the same; what another node has on air is left alone */

static int
ngx_directstream_queue_air(ngx_directstream_queue_t *t, ds_store_t *db)
{
    int           rc;
    size_t        i, n;
    ds_error_t   *err;
    ds_queued_t  *rows;

    err = &t->task.err;
    rc = ds_store_refresh(db, t->stored.def.name, err);

    if (rc == DS_OK) {
        rc = ds_store_queue_list(db, t->stored.def.name, &rows, &n, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    t->on_air = 0;

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(rows[i].id, t->q.id) == 0) {
            t->on_air = (rows[i].state == DS_QUEUED_ON_AIR);
        }
    }

    free(rows);

    return t->on_air ? DS_ESTORE_EXISTS : DS_OK;
}


/* context: the same */

static int
ngx_directstream_queue_store(ngx_directstream_queue_t *t, ds_store_t *db)
{
    int          rc;
    int64_t      place;
    const char  *name;
    ds_error_t  *err;

    name = t->stored.def.name;
    err = &t->task.err;

    switch (t->op) {

    case NGX_DIRECTSTREAM_QUEUE_MOVE:
        return ds_store_queue_move(db, name, t->q.id, t->stored.running,
                                   t->before[0] == '\0' ? NULL : t->before,
                                   err);

    case NGX_DIRECTSTREAM_QUEUE_REMOVE:
        return ds_store_queue_remove(db, name, t->q.id, t->stored.running,
                                     err);

    default:
        break;
    }

    /* it may be tried again: the place that is asked for is kept */

    place = t->q.place;

    rc = ds_store_queue_add(db, name, &t->q,
                            t->key.key[0] == '\0' ? NULL : t->key.key,
                            t->key.sum, err);
    t->q.place = place;

    if (rc != DS_ESTORE_NOT_FOUND || !t->stored.is_static) {
        return rc;
    }

    /* one of the file, which the store could not be told of */

    rc = ds_store_put(db, &t->stored, err);

    if (rc == DS_OK) {
        rc = ds_store_queue_add(db, name, &t->q,
                                t->key.key[0] == '\0' ? NULL : t->key.key,
                                t->key.sum, err);
        t->q.place = place;
    }

    return rc;
}


/* whether or not anybody waits for the answer */

static void
ngx_directstream_queue_end(ngx_directstream_task_t *task)
{
    ngx_directstream_queue_t *t = (ngx_directstream_queue_t *) task;

    char         url[DS_TITLE_LEN];
    u_char       message[DS_TITLE_LEN + DS_BY_LEN + 32];
    const char  *what, *title;

    if (task->rc != DS_OK) {
        return;
    }

    what = (t->op == NGX_DIRECTSTREAM_QUEUE_MOVE) ? "moved"
           : (t->op == NGX_DIRECTSTREAM_QUEUE_REMOVE) ? "removed"
           : (t->q.kind == DS_QUEUED_GO_TO) ? "go to" : "queued";

    title = t->q.id;

    if (t->q.title[0] != '\0') {
        title = t->q.title;

    } else if (t->q.url[0] != '\0') {
        ds_redact_playlist(url, sizeof(url), t->q.url);
        title = url;
    }

    /* what is cut later on is cut off the title */

    (void) ngx_snprintf(message, sizeof(message), "%s%s%s%s: %s%Z", what,
                        t->q.now ? ", now" : "",
                        t->q.by[0] != '\0' ? ", by " : "", t->q.by, title);

    ngx_directstream_journal_queue(ngx_directstream_get_conf(),
                                   t->stored.def.name, t->waiting,
                                   (char *) message);
    ngx_directstream_wake();
}


static ngx_int_t
ngx_directstream_queue_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *task)
{
    ngx_directstream_queue_t *t = (ngx_directstream_queue_t *) task;

    ngx_uint_t                status;
    ngx_directstream_info_t   info;
    ngx_directstream_json_t   w;

    if (task->rc != DS_OK) {
        return ngx_directstream_queue_refuse(r, t);
    }

    if (t->op == NGX_DIRECTSTREAM_QUEUE_REMOVE) {
        return ngx_directstream_send_empty(r, NGX_HTTP_NO_CONTENT);
    }

    ngx_directstream_json_init(&w, r->pool);

    if (t->op == NGX_DIRECTSTREAM_QUEUE_MOVE) {
        status = NGX_HTTP_OK;

        ngx_directstream_json_open(&w, '{');
        ngx_directstream_json_text(&w, "id", t->q.id, sizeof(t->q.id));
        ngx_directstream_json_key(&w, "before");

        if (t->before[0] != '\0') {
            ngx_directstream_json_string(&w, t->before, sizeof(t->before));

        } else {
            ngx_directstream_json_null(&w);
        }

        ngx_directstream_json_close(&w, '}');

    } else {
        status = NGX_HTTP_ACCEPTED;

        if (ngx_directstream_zone_get(ngx_directstream_get_conf(),
                                      t->stored.def.name, &info)
            != NGX_OK)
        {
            return ngx_directstream_missing(r, t->stored.def.name);
        }

        ngx_directstream_queue_render(&w, &t->q, &info);
    }

    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, status, &w);
}


static ngx_int_t
ngx_directstream_queue_refuse(ngx_http_request_t *r,
    ngx_directstream_queue_t *t)
{
    ngx_directstream_task_t  *task;

    task = &t->task;

    if (t->on_air) {
        return ngx_directstream_queue_aired(r);
    }

    switch (task->rc) {

    case DS_ESTORE_NOT_FOUND:
        if (t->op == NGX_DIRECTSTREAM_QUEUE_ADD) {
            return ngx_directstream_missing(r, t->stored.def.name);
        }

        return ngx_directstream_problem(r, 404, "queue_entry_not_found", NULL,
                               "there is no such entry in the queue");

    case DS_EITEM_UNAVAILABLE:
        if (t->op == NGX_DIRECTSTREAM_QUEUE_MOVE) {
            return ngx_directstream_problem(r, 400, "invalid_field", "before",
                               "%s", task->err.message);
        }

        return ngx_directstream_problem(r, 400, "item_not_found",
                               t->q.item[0] != '\0' ? "id" : "index", "%s",
                               task->err.message);

    case DS_EQUEUE_FULL:
    case DS_EQUEUE_KEY:
    case DS_EQUEUE_ON_AIR:
        return ngx_directstream_problem(r, 409, ds_error_code(task->rc), NULL,
                               "%s", task->err.message);
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "directstream \"%s\": a change of the queue was not stored: "
                  "%s: %s", t->stored.def.name, ds_error_code(task->rc),
                  task->err.message);

    return ngx_directstream_task_failed(r, task, "nothing was changed");
}


static ngx_int_t
ngx_directstream_queue_aired(ngx_http_request_t *r)
{
    return ngx_directstream_problem(r, 409, "queue_on_air", NULL,
                               "the entry is on air; POST to \"skip\" of the "
                               "stream ends it");
}


/* what the store says of the air is behind: the zone knows of what is ours */

static ngx_uint_t
ngx_directstream_queue_on_air(ngx_directstream_info_t *info, const char *id)
{
    return id[0] != '\0' && info->status.has_item
           && ngx_strcmp(info->status.queue_id, id) == 0;
}


static void
ngx_directstream_queue_render(ngx_directstream_json_t *w,
    const ds_queued_t *q, ngx_directstream_info_t *info)
{
    static const char  *kinds[] = { "url", "item", "go_to", "return" };

    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_text(w, "kind", kinds[ngx_min(q->kind, 3)], 16);
    ngx_directstream_json_text(w, "state", q->state == DS_QUEUED_OVER ? "over"
                               : ngx_directstream_queue_on_air(info, q->id)
                                 || (info->status.state == DS_HELD
                                     && q->state == DS_QUEUED_ON_AIR)
                               ? "on_air" : "waiting", 16);
    ngx_directstream_json_text(w, "then", q->resume ? "resume" : "continue",
                               16);
    ngx_directstream_json_members(w, ngx_directstream_queued, q);
    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_queue_until(ngx_directstream_json_t *w, const void *base)
{
    const ds_queued_t  *q = base;

    ngx_directstream_json_seconds(w, q->until != 0 ? q->until : -1);
}


/* its query may be a secret */

static void
ngx_directstream_queue_url(ngx_directstream_json_t *w, const void *base)
{
    const ds_queued_t  *q = base;

    char  url[DS_URL_LEN + 1];

    if (q->kind != DS_QUEUED_URL) {
        ngx_directstream_json_null(w);
        return;
    }

    ds_redact_playlist(url, sizeof(url), q->url);
    ngx_directstream_json_string(w, url, sizeof(url));
}
