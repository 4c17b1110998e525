
/*
 * ngx_directstream_streams.c: the API's streams: they are read from the zone.
 * A durable change marks the stream, a task writes to the store, and the zone
 * follows what that says.
 */

#include "ngx_directstream_http.h"


typedef struct {
    ngx_directstream_task_t    task;
    ngx_directstream_change_t  change;
    ngx_directstream_key_t     key;
    ngx_uint_t                 again;       /* is it a request sent again? */
    ngx_uint_t                 known;       /* so said the store alone */
    ds_command_t               command;     /* to the owner, where it is
                                               another node; else none */
} ngx_directstream_write_t;


static const char *const  ngx_directstream_streams_what[] = {
    "create", "change", "delete", "start", "stop", "restart",
    "output_start", "output_stop"
};


static ngx_int_t ngx_directstream_streams_states(ngx_http_request_t *r,
    ngx_uint_t *states);
static ngx_int_t ngx_directstream_streams_fields(ngx_http_request_t *r,
    ngx_directstream_json_t *w);
static ngx_int_t ngx_directstream_streams_show(ngx_http_request_t *r,
    const char *name, ngx_uint_t status);
static ngx_int_t ngx_directstream_streams_accepted(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static ngx_int_t ngx_directstream_streams_shown(ngx_http_request_t *r,
    ngx_directstream_info_t *info, ngx_str_t *text);
static ngx_int_t ngx_directstream_streams_write(ngx_http_request_t *r,
    ngx_directstream_change_t *change, const ngx_directstream_key_t *key);
static ngx_int_t ngx_directstream_streams_output_there(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_change_t *change);
static ngx_int_t ngx_directstream_streams_refuse(ngx_http_request_t *r,
    ngx_directstream_change_t *change, ngx_int_t rc);
static int ngx_directstream_streams_run(ngx_directstream_task_t *t,
    ds_store_t *db);
static int ngx_directstream_streams_exists(ngx_directstream_write_t *w,
    ds_store_t *db);
static void ngx_directstream_streams_end(ngx_directstream_task_t *t);
static ngx_int_t ngx_directstream_streams_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t);


ngx_int_t
ngx_directstream_streams_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_str_t                after;
    ngx_directstream_json_t  w;
    ngx_directstream_page_t  page;

    ngx_directstream_json_init(&w, r->pool);

    rc = ngx_directstream_args(r, ctx, 0);

    if (rc == NGX_OK) {
        rc = ngx_directstream_streams_states(r, &page.states);
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_streams_fields(r, &w);
    }

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    rc = ngx_directstream_arg_text(r, "after", &after);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    page.after = (rc == NGX_OK) ? (char *) after.data : "";
    page.limit = ctx->limit;
    page.token = ctx->token;

    ngx_directstream_render_list(&w, ngx_directstream_get_conf(), &page);
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


/* "state=live,stalled"; without it all of them */

static ngx_int_t
ngx_directstream_streams_states(ngx_http_request_t *r, ngx_uint_t *states)
{
    u_char      *p, *end, *last;
    ngx_int_t    rc;
    ngx_str_t    arg;
    ngx_uint_t   state;
    const char  *name;

    *states = ~(ngx_uint_t) 0;

    rc = ngx_directstream_arg_text(r, "state", &arg);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    *states = 0;
    last = arg.data + arg.len;

    for (p = arg.data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        end = (end == NULL) ? last : end;

        for (state = DS_STOPPED; state <= DS_HELD; state++) {
            name = ds_state_name((int) state);

            if (strlen(name) == (size_t) (end - p)
                && ngx_memcmp(p, name, end - p) == 0)
            {
                break;
            }
        }

        if (state > DS_HELD) {
            rc = ngx_directstream_problem(r, 400, "invalid_field", "state",
                                          "it must be states, with commas "
                                          "between them");

            return (rc == NGX_OK) ? NGX_DECLINED : rc;
        }

        *states |= 1 << state;
    }

    return NGX_OK;
}


/* a stream of zeroes has all members that any stream has */

static ngx_int_t
ngx_directstream_streams_fields(ngx_http_request_t *r,
    ngx_directstream_json_t *w)
{
    u_char                     *p, *end, *last;
    ngx_int_t                   rc;
    ngx_str_t                   arg;
    ngx_uint_t                  i;
    ngx_directstream_info_t     none;
    ngx_directstream_json_t     dry;
    ngx_directstream_wanted_t  *f;

    rc = ngx_directstream_arg_text(r, "fields", &arg);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    w->within = 1;
    w->fields = ngx_array_create(r->pool, 8,
                                 sizeof(ngx_directstream_wanted_t));
    if (w->fields == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    last = arg.data + arg.len;

    for (p = arg.data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        end = (end == NULL) ? last : end;

        f = ngx_array_push(w->fields);
        if (f == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        f->name.data = p;
        f->name.len = end - p;
        f->seen = 0;
    }

    ngx_memzero(&none, sizeof(ngx_directstream_info_t));

    ngx_directstream_json_init(&dry, r->pool);

    dry.within = w->within;
    dry.fields = w->fields;

    ngx_directstream_render_stream(&dry, &none);

    f = w->fields->elts;

    for (i = 0; i < w->fields->nelts; i++) {

        if (!f[i].seen) {
            rc = ngx_directstream_problem(r, 400, "invalid_field", "fields",
                                          "\"%V\" is no field of a stream",
                                          &f[i].name);

            return (rc == NGX_OK) ? NGX_DECLINED : rc;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_directstream_streams_get(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    return ngx_directstream_streams_show(r, ctx->name, NGX_HTTP_OK);
}


static ngx_int_t
ngx_directstream_streams_show(ngx_http_request_t *r, const char *name,
    ngx_uint_t status)
{
    ngx_int_t                 rc;
    ngx_directstream_info_t   info;
    ngx_directstream_json_t   w;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), name, &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, name);
    }

    if (ngx_directstream_etag(r, &info) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_directstream_json_init(&w, r->pool);

    if (status == NGX_HTTP_OK && r->method != NGX_HTTP_PATCH) {

        rc = ngx_directstream_streams_fields(r, &w);
        if (rc != NGX_OK) {
            return (rc == NGX_DECLINED) ? NGX_OK : rc;
        }
    }

    ngx_directstream_render_stream(&w, &info);
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, status, &w);
}


static ngx_int_t
ngx_directstream_streams_accepted(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    return ngx_directstream_streams_show(r, ctx->name, NGX_HTTP_ACCEPTED);
}


ngx_int_t
ngx_directstream_streams_items(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ds_item_t                *items;
    ngx_int_t                 rc;
    ngx_uint_t                i, n, total, truncated;
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_json_t   w;
    ngx_directstream_node_t  *node;

    rc = ngx_directstream_args(r, ctx, 100);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    items = ngx_palloc(r->pool, ctx->limit * sizeof(ds_item_t));
    if (items == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    dcf = ngx_directstream_get_conf();

    n = 0;
    total = 0;
    truncated = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, ctx->name);

    if (node != NULL) {
        total = ngx_max(node->items.count, node->info.status.count);
        truncated = node->items.truncated;
        n = ngx_directstream_items_get(&node->items, ctx->offset, items,
                                       ctx->limit);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (node == NULL) {
        return ngx_directstream_missing(r, ctx->name);
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "total");
    ngx_directstream_json_integer(&w, total);
    ngx_directstream_json_key(&w, "offset");
    ngx_directstream_json_integer(&w, ctx->offset);
    ngx_directstream_json_key(&w, "truncated");
    ngx_directstream_json_bool(&w, truncated);
    ngx_directstream_json_key(&w, "items");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < n; i++) {
        ngx_directstream_render_item(&w, &items[i], 1);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


ngx_int_t
ngx_directstream_streams_create(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_uint_t                  start;
    ngx_directstream_key_t      key;
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_CREATE;

    if (ngx_directstream_def_parse(ngx_directstream_get_conf(), &ctx->body,
                                   NULL, &change.stored.def, &change.set,
                                   &start, &m)
        != NGX_OK)
    {
        return ngx_directstream_mistaken(r, &m);
    }

    if (!ngx_directstream_token_sees(ctx->token, change.stored.def.name)) {
        return ngx_directstream_problem(r, 403, "stream_denied", "name",
                                        "the token is not for a stream of "
                                        "this name");
    }

    rc = ngx_directstream_key(r, ctx, "create", &key);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    change.stored.running = start;

    return ngx_directstream_streams_write(r, &change, &key);
}


ngx_int_t
ngx_directstream_streams_patch(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_str_t                   shown;
    ngx_uint_t                  start;
    ngx_directstream_info_t     info;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_PATCH;
    ngx_memcpy(change.stored.def.name, ctx->name, sizeof(ctx->name));

    /* of another nobody wants to hear about the body */

    if (ngx_directstream_zone_get(dcf, ctx->name, &info) == NGX_OK
        && !info.fixed)
    {
        change.stored.def = info.def;

        if (ngx_directstream_streams_shown(r, &info, &shown) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (ngx_directstream_def_parse(dcf, &ctx->body, &shown,
                                       &change.stored.def, &change.set,
                                       &start, &m)
            != NGX_OK)
        {
            return ngx_directstream_mistaken(r, &m);
        }
    }

    return ngx_directstream_streams_write(r, &change, NULL);
}


/* the stream as GET would answer it, in one piece */

static ngx_int_t
ngx_directstream_streams_shown(ngx_http_request_t *r,
    ngx_directstream_info_t *info, ngx_str_t *text)
{
    u_char                   *p;
    ngx_chain_t              *cl;
    ngx_directstream_json_t   w;

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_render_stream(&w, info);

    text->len = (size_t) w.size;
    text->data = w.failed ? NULL : ngx_pnalloc(r->pool, text->len);

    if (text->data == NULL) {
        return NGX_ERROR;
    }

    for (p = text->data, cl = w.out; cl != NULL; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return NGX_OK;
}


ngx_int_t
ngx_directstream_streams_schedule(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_info_t     info;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = NGX_DIRECTSTREAM_PATCH;
    change.set = NGX_DIRECTSTREAM_SET_SCHEDULE;
    ngx_memcpy(change.stored.def.name, ctx->name, sizeof(ctx->name));

    if (ngx_directstream_zone_get(dcf, ctx->name, &info) == NGX_OK
        && !info.fixed)
    {
        change.stored.def = info.def;

        if (ngx_directstream_schedule_parse(dcf, &ctx->body,
                                            change.stored.def.schedule, &m)
            != NGX_OK)
        {
            return ngx_directstream_mistaken(r, &m);
        }
    }

    return ngx_directstream_streams_write(r, &change, NULL);
}


ngx_int_t
ngx_directstream_streams_change(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    if (ngx_directstream_flag_parse(&ctx->body, NULL, NULL, &m) != NGX_OK) {
        return ngx_directstream_mistaken(r, &m);
    }

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = ctx->action;
    change.stored.running = (change.op == NGX_DIRECTSTREAM_START
                             || change.op == NGX_DIRECTSTREAM_RESTART);
    ngx_memcpy(change.stored.def.name, ctx->name, sizeof(ctx->name));

    return ngx_directstream_streams_write(r, &change, NULL);
}


ngx_int_t
ngx_directstream_streams_output(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_directstream_change_t   change;
    ngx_directstream_mistake_t  m;

    if (ngx_directstream_flag_parse(&ctx->body, NULL, NULL, &m) != NGX_OK) {
        return ngx_directstream_mistaken(r, &m);
    }

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));

    change.op = ctx->action;
    ngx_memcpy(change.stored.def.name, ctx->name, sizeof(ctx->name));

    /* one that is too long is the name of none */

    (void) ngx_cpystrn((u_char *) change.output,
                       (u_char *) (strlen(ctx->entry) <= DS_OUTLET_NAME_LEN
                                   ? ctx->entry : "."),
                       sizeof(change.output));

    if (change.op != NGX_DIRECTSTREAM_RESTART) {
        return ngx_directstream_streams_write(r, &change, NULL);
    }

    rc = ngx_directstream_streams_output_there(r, ctx, &change);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    rc = ngx_directstream_zone_again(ngx_directstream_get_conf(), ctx->name,
                                     change.output);

    if (rc != NGX_OK) {
        return ngx_directstream_streams_refuse(r, &change, rc);
    }

    ngx_directstream_wake();
    ngx_directstream_task_note(r, "output_restart", ctx->name);

    return ngx_directstream_streams_show(r, ctx->name, NGX_HTTP_ACCEPTED);
}


/* another node has it; NGX_DECLINED: this one */

static ngx_int_t
ngx_directstream_streams_output_there(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_change_t *change)
{
    ds_outlet_t              o;
    ngx_directstream_info_t  info;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    ctx->done = ngx_directstream_streams_accepted;

    return ds_outlet_find(info.def.outputs, change->output, &o)
           ? ngx_directstream_command_send(r, ctx, "output_restart",
                                           change->output)
           : NGX_DECLINED;
}


ngx_int_t
ngx_directstream_streams_step(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_uint_t                  on;
    const char                 *field;
    ngx_directstream_step_e     step;
    ngx_directstream_mistake_t  m;

    step = ctx->action;
    on = 1;

    /* those of YouTube have read theirs */

    if (step <= NGX_DIRECTSTREAM_PREFETCH) {

        field = (step == NGX_DIRECTSTREAM_PREFETCH) ? "on" : NULL;

        if (ngx_directstream_flag_parse(&ctx->body, field, &on, &m)
            != NGX_OK)
        {
            return ngx_directstream_mistaken(r, &m);
        }

        if (!on) {
            step = NGX_DIRECTSTREAM_PREFETCH_OFF;
        }
    }

    ctx->done = ngx_directstream_streams_accepted;

    rc = ngx_directstream_command_send(r, ctx,
                                       ngx_directstream_zone_step_name(step),
                                       "");
    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (ngx_directstream_zone_step(ngx_directstream_get_conf(), ctx->name,
                                   step)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    ngx_directstream_wake();
    ngx_directstream_task_note(r, ngx_directstream_zone_step_name(step),
                               ctx->name);

    return ngx_directstream_streams_show(r, ctx->name, NGX_HTTP_ACCEPTED);
}


ngx_int_t
ngx_directstream_streams_renew(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_uint_t                  all, n;
    ngx_directstream_json_t     w;
    ngx_directstream_mistake_t  m;

    all = 0;

    if (ngx_directstream_flag_parse(&ctx->body, "all", &all, &m) != NGX_OK) {
        return ngx_directstream_mistaken(r, &m);
    }

    n = ngx_directstream_zone_renew(ngx_directstream_get_conf(), all);
    ngx_directstream_wake();
    ngx_directstream_task_note(r, all ? "restart_all" : "restart_outdated",
                               "");

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "restarting");
    ngx_directstream_json_integer(&w, n);
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_ACCEPTED, &w);
}


/* an answer when it cannot be begun, else NGX_DONE */

static ngx_int_t
ngx_directstream_streams_write(ngx_http_request_t *r,
    ngx_directstream_change_t *change, const ngx_directstream_key_t *key)
{
    ngx_int_t                  rc;
    ngx_directstream_write_t  *w;

    w = ngx_directstream_task_create(r, sizeof(ngx_directstream_write_t));
    if (w == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    change->match = ngx_directstream_header_in(r, "if-match", NULL);

    rc = ngx_directstream_change_mark(ngx_directstream_get_conf(), change);

    if (key != NULL) {
        w->key = *key;
    }

    if (rc == NGX_DONE && w->key.key[0] != '\0') {
        w->again = 1;
        rc = NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_free(w);
        return ngx_directstream_streams_refuse(r, change, rc);
    }

    w->change = *change;

    if ((change->op != NGX_DIRECTSTREAM_START
         && change->op != NGX_DIRECTSTREAM_RESTART)
        || ngx_directstream_command_to(change->stored.def.name,
                                    ngx_directstream_streams_what[change->op],
                                       "", &w->command)
           != NGX_OK)
    {
        w->command.epoch = 0;
    }

    w->task.run = ngx_directstream_streams_run;
    w->task.end = ngx_directstream_streams_end;
    w->task.answer = ngx_directstream_streams_answer;

    if (w->again) {
        return ngx_directstream_task_post(&w->task);
    }

    ngx_directstream_task_change(&w->task, r,
                                 ngx_directstream_streams_what[change->op],
                                 change->stored.def.name);
    ngx_directstream_task_fields(&w->task, change->output[0] == '\0'
                                           ? change->set
                                           : NGX_DIRECTSTREAM_SET_OUTPUTS);

    return ngx_directstream_task_post(&w->task);
}


static ngx_int_t
ngx_directstream_streams_refuse(ngx_http_request_t *r,
    ngx_directstream_change_t *change, ngx_int_t rc)
{
    const char               *name;
    ngx_directstream_conf_t  *dcf;

    dcf = ngx_directstream_get_conf();
    name = change->stored.def.name;

    switch (rc) {

    case NGX_DECLINED:
        return ngx_directstream_missing(r, name);

    case NGX_DIRECTSTREAM_NO_OUTPUT:
        return ngx_directstream_problem(r, 404, "output_not_found", NULL,
                               "stream \"%s\" has no output \"%s\"", name,
                               change->output);

    case NGX_ABORT:
        return ngx_directstream_problem(r, 409, "static_stream", NULL,
                               "stream \"%s\" is defined in the "
                               "configuration file, change it there", name);

    case NGX_DONE:
        return ngx_directstream_problem(r, 409, "stream_exists", NULL,
                               "there is a stream \"%s\" already", name);

    case NGX_AGAIN:
        return ngx_directstream_problem(r, 412, "precondition_failed", NULL,
                               "stream \"%s\" is another than \"If-Match\" "
                               "says, read it again", name);

    case NGX_BUSY:
        if (ngx_directstream_header(r, "Retry-After", "1") == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_directstream_problem(r, 409, "stream_busy", NULL,
                               "another change of stream \"%s\" is under "
                               "way, try again", name);
    }

    return ngx_directstream_problem(r, 507, "zone_full", NULL,
                               "the zone \"%V\" is full, a larger one is set "
                               "by the \"zone\" directive", &dcf->zone_name);
}


/* context: a thread of the pool */

static int
ngx_directstream_streams_run(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    int           rc;
    char          id[DS_QUEUE_ID_LEN + 1];
    ds_stored_t  *stored;

    stored = &w->change.stored;

    if (w->again) {
        return ds_store_key_find(db, stored->def.name, w->key.key, w->key.sum,
                                 ngx_directstream_now(), id, &t->err);
    }

    switch (w->change.op) {

    case NGX_DIRECTSTREAM_CREATE:
        rc = ds_store_create(db, stored, &t->err);

        if (rc == DS_OK && w->key.key[0] != '\0') {
            rc = ds_store_key_put(db, stored->def.name, w->key.key,
                                  w->key.sum, ngx_directstream_now(), "",
                                  &t->err);
        }

        /* another nginx has made it: the zone gets what there is */

        return (rc == DS_ESTORE_EXISTS)
               ? ngx_directstream_streams_exists(w, db) : rc;

    case NGX_DIRECTSTREAM_PATCH:
    case NGX_DIRECTSTREAM_OUTPUT_START:
    case NGX_DIRECTSTREAM_OUTPUT_STOP:
        return ds_store_put(db, stored, &t->err);

    case NGX_DIRECTSTREAM_DELETE:
        rc = w->change.unknown
             ? ds_store_get(db, stored->def.name, stored, &t->err) : DS_OK;

        return (rc == DS_OK) ? ds_store_delete(db, stored->def.name, &t->err)
                             : rc;

    default:
        rc = ds_store_set_running(db, stored->def.name, stored->running,
                                  &t->err);

        /* one of the file, which the store could not be told of */

        if (rc == DS_ESTORE_NOT_FOUND) {
            rc = ds_store_put(db, stored, &t->err);
        }

        return (rc == DS_OK && w->command.epoch != 0)
               ? ds_store_command_put(db, stored->def.name, &w->command,
                                      &t->err)
               : rc;
    }
}


/* context: the same; what there is, and whether this very request made it */

static int
ngx_directstream_streams_exists(ngx_directstream_write_t *w, ds_store_t *db)
{
    int           rc;
    char          id[DS_QUEUE_ID_LEN + 1];
    ds_error_t    err;
    ds_stored_t  *stored;

    stored = &w->change.stored;

    rc = ds_store_refresh(db, stored->def.name, &err);

    if (rc == DS_OK) {
        rc = ds_store_get(db, stored->def.name, stored, &err);
    }

    if (rc != DS_OK) {
        w->task.err = err;
        return rc;
    }

    if (w->key.key[0] == '\0'
        || ds_store_key_find(db, stored->def.name, w->key.key, w->key.sum,
                             ngx_directstream_now(), id, &err)
           != DS_OK)
    {
        return DS_ESTORE_EXISTS;
    }

    /* nothing is changed */

    w->known = 1;
    w->task.change.what[0] = '\0';

    return DS_OK;
}


/* whether or not anybody waits for the answer */

static void
ngx_directstream_streams_end(ngx_directstream_task_t *t)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    ngx_uint_t                level;
    ngx_directstream_conf_t  *dcf;

    if (w->again) {
        return;
    }

    dcf = ngx_directstream_get_conf();

    if (t->rc == DS_OK && !w->known) {
        w->change.stored.revision = t->revision;
        ngx_directstream_change_apply(dcf, &w->change);
        ngx_directstream_wake();
        return;
    }

    if (t->rc == DS_ESTORE_EXISTS || w->known) {
        ngx_directstream_change_settle(dcf, w->change.stored.def.name,
                                       ngx_pid, &w->change.stored, 0);
        ngx_directstream_wake();

    } else {
        ngx_directstream_change_undo(dcf, &w->change);
    }

    if (t->rc == DS_OK) {
        return;
    }

    level = (t->rc == DS_ESTORE_EXISTS || t->rc == DS_ESTORE_NOT_FOUND
             || t->rc == DS_ECLUSTER_CONFLICT)
            ? NGX_LOG_INFO : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "directstream \"%s\": a change was not stored: %s: %s",
                  w->change.stored.def.name, ds_error_code(t->rc),
                  t->err.message);
}


static ngx_int_t
ngx_directstream_streams_answer(ngx_http_request_t *r,
    ngx_directstream_task_t *t)
{
    ngx_directstream_write_t *w = (ngx_directstream_write_t *) t;

    const char              *name;
    ngx_directstream_ctx_t  *ctx;

    if (t->rc == DS_ESTORE_EXISTS
        || (w->again && t->rc == DS_ESTORE_NOT_FOUND))
    {
        return ngx_directstream_streams_refuse(r, &w->change, NGX_DONE);
    }

    if (t->rc == DS_ECLUSTER_CONFLICT) {
        return ngx_directstream_streams_refuse(r, &w->change, NGX_BUSY);
    }

    if (t->rc == DS_EQUEUE_KEY) {
        return ngx_directstream_problem(r, 409, ds_error_code(t->rc), NULL,
                                        "%s", t->err.message);
    }

    name = w->change.stored.def.name;

    if (w->change.unknown && t->rc == DS_ESTORE_NOT_FOUND) {
        return ngx_directstream_missing(r, name);
    }

    if (t->rc != DS_OK) {
        return ngx_directstream_task_failed(r, t, "nothing was changed");
    }

    switch (w->change.op) {

    case NGX_DIRECTSTREAM_CREATE:
        ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

        if (ngx_directstream_location(r, ctx, "api/1/streams/", name)
            != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_directstream_streams_show(r, name, NGX_HTTP_CREATED);

    case NGX_DIRECTSTREAM_PATCH:
        return (w->change.set == NGX_DIRECTSTREAM_SET_SCHEDULE)
               ? ngx_directstream_schedule_show(r, name)
               : ngx_directstream_streams_show(r, name, NGX_HTTP_OK);

    case NGX_DIRECTSTREAM_DELETE:
        return ngx_directstream_send_empty(r, NGX_HTTP_NO_CONTENT);

    default:
        break;
    }

    if (w->command.epoch == 0) {
        return ngx_directstream_streams_show(r, name, NGX_HTTP_ACCEPTED);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);
    ctx->command = w->command;
    ctx->done = ngx_directstream_streams_accepted;

    return ngx_directstream_command_wait(r, ctx);
}
