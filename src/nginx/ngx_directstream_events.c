
/*
 * ngx_directstream_events.c: GET events: the clients of this process that
 * are told what happens.  One timer looks at the zone for all of them, what
 * is news is rendered once and shared.  A client that does not take it in
 * time is closed, it connects again and is told everything.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_EVENTS_TICK    250            /* ms */
#define NGX_DIRECTSTREAM_EVENTS_SOON    20             /* ms, a new client */
#define NGX_DIRECTSTREAM_EVENTS_SIZE    (256 * 1024)   /* bytes not taken */
#define NGX_DIRECTSTREAM_EVENTS_LATE    10000          /* ms */

#define NGX_DIRECTSTREAM_FEED_ENTRIES   32
#define NGX_DIRECTSTREAM_FEED_PROGRESS  2000   /* ms */
#define NGX_DIRECTSTREAM_FEED_PING      15000  /* ms */


/* a stream that has been told of */

typedef struct ngx_directstream_told_s  ngx_directstream_told_t;

struct ngx_directstream_told_s {
    ngx_directstream_told_t *next;          /* in the order of names */
    char                     name[DS_NAME_LEN + 1];
    uint32_t                 hash;          /* of all but its counters */
};


/* what was told so far; it begins with zeroes and the log's last entry */

typedef struct {
    ngx_directstream_told_t *told;
    uint64_t                 logged;
    ngx_msec_t               progress;      /* next time */
    ngx_msec_t               ping;
} ngx_directstream_feed_t;


/* a look at all streams, to tell what is news of them */

typedef struct {
    ngx_directstream_json_t  *w;
    ngx_uint_t                progress;     /* is due */
    ngx_uint_t                relay;        /* is alive */
    ngx_directstream_told_t **link;         /* of those told of, the next */
} ngx_directstream_tell_t;


/* what clients are being sent, as long as one of them is */

typedef struct {
    ngx_uint_t               refs;
    size_t                   size;
    u_char                   data[1];
} ngx_directstream_text_t;


typedef struct {
    ngx_queue_t              queue;
    ngx_http_request_t      *request;
    ngx_directstream_token_t *token;        /* whose streams, NULL: all */
    uint64_t                 since;         /* entry of the log it has */
    ngx_chain_t             *busy;          /* not taken yet */
    ngx_chain_t             *free;
    size_t                   left;          /* of it, at the last look */
    size_t                   room;          /* more is too much */
    ngx_msec_t               late;          /* if nothing is taken before */
    unsigned                 fresh:1;       /* nothing was sent */
    unsigned                 over:1;        /* the last of it was sent */
} ngx_directstream_client_t;


typedef struct {
    ngx_queue_t              clients;
    ngx_directstream_feed_t  feed;
    ngx_event_t              timer;
    ngx_connection_t         dummy;         /* the timer's, for its log */
    unsigned                 init:1;
} ngx_directstream_events_t;


/* one look's texts: the news, and all there is for new clients */

typedef struct {
    ngx_pool_t              *pool;
    ngx_directstream_text_t *news;
    ngx_directstream_text_t *all;
    ngx_directstream_text_t *log;           /* after "since" */
    uint64_t                 since;
} ngx_directstream_look_t;


static ngx_int_t ngx_directstream_events_since(ngx_http_request_t *r,
    uint64_t *since);
static ngx_int_t ngx_directstream_events_header(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_events_join(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, uint64_t since);
static void ngx_directstream_events_leave(void *data);
static void ngx_directstream_events_schedule(ngx_msec_t delay);
static void ngx_directstream_events_tick(ngx_event_t *ev);
static void ngx_directstream_events_tell(ngx_directstream_look_t *look,
    ngx_directstream_client_t *client);
static ngx_int_t ngx_directstream_events_first(ngx_directstream_look_t *look,
    ngx_directstream_client_t *client);
static void ngx_directstream_events_end(ngx_directstream_client_t *client);
static ngx_int_t ngx_directstream_events_send(
    ngx_directstream_client_t *client, ngx_directstream_text_t *text);
static ngx_directstream_text_t *ngx_directstream_events_seen(
    ngx_directstream_client_t *client, ngx_directstream_text_t *text);
static ngx_uint_t ngx_directstream_events_sees(
    ngx_directstream_token_t *token, u_char *p, u_char *last);
static void ngx_directstream_events_write(ngx_http_request_t *r);
static ngx_int_t ngx_directstream_events_flush(
    ngx_directstream_client_t *client, ngx_chain_t *out);
static void ngx_directstream_events_taken(ngx_directstream_client_t *client);
static ngx_directstream_text_t *ngx_directstream_events_text(
    ngx_directstream_json_t *w);
static void ngx_directstream_events_unref(ngx_directstream_text_t *text);
static void ngx_directstream_feed_news(ngx_directstream_feed_t *feed,
    ngx_directstream_json_t *w, ngx_directstream_conf_t *dcf);
static void ngx_directstream_feed_clear(ngx_directstream_feed_t *feed);
static void ngx_directstream_feed_all(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf);
static uint64_t ngx_directstream_feed_log(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, uint64_t since);
static ngx_uint_t ngx_directstream_feed_due(ngx_msec_t *at, ngx_msec_t every);
static void ngx_directstream_feed_look(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_feed_gone(ngx_directstream_json_t *w,
    ngx_directstream_told_t **link, const char *name);
static uint32_t ngx_directstream_feed_hash(ngx_directstream_info_t *info,
    ngx_uint_t relay);
static void ngx_directstream_feed_stream(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_feed_entry(ngx_directstream_json_t *w,
    ngx_directstream_entry_t *entry);
static void ngx_directstream_feed_begin(ngx_directstream_json_t *w,
    const char *event);
static void ngx_directstream_feed_end(ngx_directstream_json_t *w);


static ngx_directstream_events_t  ngx_directstream_event;


/* of an entry of the log */

static const ngx_directstream_member_t  ngx_directstream_entry[] = {
    ngx_directstream_member("id", NUMBER, ngx_directstream_entry_t, id),
    ngx_directstream_member("at", TIME, ngx_directstream_entry_t, at),
    ngx_directstream_member("stream", TEXT, ngx_directstream_entry_t, stream),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_entry_list[] = {
    ngx_directstream_member("added", NUMBER, ngx_directstream_entry_t, added),
    ngx_directstream_member("removed", NUMBER, ngx_directstream_entry_t,
                            removed),
    ngx_directstream_member("moved", NUMBER, ngx_directstream_entry_t, moved),
    ngx_directstream_member("changed", NUMBER, ngx_directstream_entry_t,
                            changed),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_entry_item[] = {
    ngx_directstream_member("index", INDEX, ngx_directstream_entry_t, index),
    ngx_directstream_member("id", TEXT, ngx_directstream_entry_t, item),
    ngx_directstream_member("title", TEXT, ngx_directstream_entry_t, title),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_events(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    uint64_t   since;
    ngx_int_t  rc;

    since = ngx_directstream_journal_last(ngx_directstream_get_conf());

    if (ngx_directstream_events_since(r, &since) != NGX_OK) {
        return ngx_directstream_problem(r, 400, "invalid_field", "since",
                               "it must be a whole number, 0 or more");
    }

    rc = ngx_directstream_events_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_directstream_events_join(r, ctx, since);
}


/* a client that connects again has the same URL, and says more */

static ngx_int_t
ngx_directstream_events_since(ngx_http_request_t *r, uint64_t *since)
{
    off_t       n;
    ngx_str_t   arg, *value;

    if (ngx_http_arg(r, (u_char *) "since", 5, &arg) == NGX_OK) {

        n = ngx_atoof(arg.data, arg.len);
        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        *since = n;
    }

    value = ngx_directstream_header_in(r, "last-event-id", NULL);

    if (value != NULL) {
        n = ngx_atoof(value->data, value->len);

        if (n != NGX_ERROR) {
            *since = n;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_events_header(ngx_http_request_t *r)
{
    r->disable_not_modified = 1;

    if (ngx_directstream_header(r, "Cache-Control", "no-store") == NULL
        || ngx_directstream_header(r, "X-Accel-Buffering", "no") == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

#if (NGX_HTTP_GZIP)
    /* an answer to that question, whatever gzip_types says */
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_http_send_header(r);
}


static ngx_int_t
ngx_directstream_events_join(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, uint64_t since)
{
    ngx_event_t                *ev;
    ngx_pool_cleanup_t         *cln;
    ngx_directstream_client_t  *client;

    client = ngx_pcalloc(r->pool, sizeof(ngx_directstream_client_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (client == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_directstream_events_write;

    if (r->connection->read->ready) {
        ngx_post_event(r->connection->read, &ngx_posted_events);

    } else if (ngx_handle_read_event(r->connection->read, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ev = &ngx_directstream_event.timer;

    if (!ngx_directstream_event.init) {
        ngx_directstream_event.init = 1;
        ngx_directstream_event.dummy.fd = (ngx_socket_t) -1;
        ngx_queue_init(&ngx_directstream_event.clients);

        ev->handler = ngx_directstream_events_tick;
        ev->data = &ngx_directstream_event.dummy;
        ev->log = ngx_cycle->log;
    }

    if (ngx_queue_empty(&ngx_directstream_event.clients)) {
        ngx_directstream_event.feed.logged =
                   ngx_directstream_journal_last(ngx_directstream_get_conf());
    }

    client->request = r;
    client->token = ctx->token;
    client->since = since;
    client->fresh = 1;

    ctx->client = client;

    cln->handler = ngx_directstream_events_leave;
    cln->data = client;

    ngx_queue_insert_tail(&ngx_directstream_event.clients, &client->queue);
    ngx_directstream_events_schedule(NGX_DIRECTSTREAM_EVENTS_SOON);

    return NGX_DONE;
}


static void
ngx_directstream_events_leave(void *data)
{
    ngx_chain_t                *cl;
    ngx_directstream_client_t  *client = data;

    for (cl = client->busy; cl != NULL; cl = cl->next) {
        ngx_directstream_events_unref(
                                 (ngx_directstream_text_t *) cl->buf->start);
    }

    ngx_queue_remove(&client->queue);
}


/* ngx_add_timer() leaves a timer alone that is less than 300 ms off */

static void
ngx_directstream_events_schedule(ngx_msec_t delay)
{
    ngx_event_t  *ev;

    ev = &ngx_directstream_event.timer;

    if (ev->timer_set) {

        if ((ngx_msec_int_t) (ev->timer.key - ngx_current_msec)
            <= (ngx_msec_int_t) delay)
        {
            return;
        }

        ngx_del_timer(ev);
    }

    ngx_add_timer(ev, delay);
}


/*
 * While a client is told, it or others may leave: each is moved before, and
 * the first one left is next.
 */

static void
ngx_directstream_events_tick(ngx_event_t *ev)
{
    ngx_queue_t                 done, *q, *clients;
    ngx_directstream_look_t     look;
    ngx_directstream_json_t     w;
    ngx_directstream_client_t  *client;

    clients = &ngx_directstream_event.clients;

    ngx_memzero(&look, sizeof(ngx_directstream_look_t));

    look.pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, ev->log);

    if (look.pool == NULL) {
        ngx_directstream_events_schedule(NGX_DIRECTSTREAM_EVENTS_TICK);
        return;
    }

    if (!ngx_queue_empty(clients) && !ngx_exiting) {
        ngx_directstream_json_init(&w, look.pool);
        ngx_directstream_feed_news(&ngx_directstream_event.feed, &w,
                                   ngx_directstream_get_conf());
        look.news = ngx_directstream_events_text(&w);

        if (w.failed || (look.news == NULL && w.size != 0)) {
            /* the next look tells everything again */
            ngx_directstream_feed_clear(&ngx_directstream_event.feed);
        }
    }

    ngx_queue_init(&done);

    while (!ngx_queue_empty(clients)) {
        q = ngx_queue_head(clients);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&done, q);

        client = ngx_queue_data(q, ngx_directstream_client_t, queue);

        if (ngx_exiting) {
            ngx_directstream_events_end(client);

        } else {
            ngx_directstream_events_tell(&look, client);
        }
    }

    if (ngx_queue_empty(&done)) {
        ngx_directstream_feed_clear(&ngx_directstream_event.feed);

    } else {
        ngx_queue_add(clients, &done);
        ngx_directstream_events_schedule(NGX_DIRECTSTREAM_EVENTS_TICK);
    }

    ngx_directstream_events_unref(look.news);
    ngx_directstream_events_unref(look.all);
    ngx_directstream_events_unref(look.log);

    ngx_destroy_pool(look.pool);
}


static void
ngx_directstream_events_tell(ngx_directstream_look_t *look,
    ngx_directstream_client_t *client)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    if (client->fresh) {
        rc = ngx_directstream_events_first(look, client);

    } else {
        rc = ngx_directstream_events_send(client, look->news);
    }

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
        ngx_http_run_posted_requests(c);
    }
}


/* those that come back at one time often have seen the same of the log */

static ngx_int_t
ngx_directstream_events_first(ngx_directstream_look_t *look,
    ngx_directstream_client_t *client)
{
    ngx_directstream_conf_t  *dcf;
    ngx_directstream_json_t   w;

    dcf = ngx_directstream_get_conf();

    if (look->all == NULL) {
        ngx_directstream_json_init(&w, look->pool);
        ngx_directstream_feed_all(&w, dcf);
        look->all = ngx_directstream_events_text(&w);

        if (look->all == NULL) {
            return NGX_ERROR;
        }
    }

    if (look->log == NULL || look->since != client->since) {
        ngx_directstream_events_unref(look->log);

        ngx_directstream_json_init(&w, look->pool);
        (void) ngx_directstream_feed_log(&w, dcf, client->since);
        look->log = ngx_directstream_events_text(&w);
        look->since = client->since;
    }

    client->fresh = 0;
    client->room = NGX_DIRECTSTREAM_EVENTS_SIZE + look->all->size
                   + (look->log != NULL ? look->log->size : 0);

    if (ngx_directstream_events_send(client, look->all) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_directstream_events_send(client, look->log);
}


/*
 * The process is to exit, and waits for nobody: nor for a connection that
 * lingers because its client sent more.
 */

static void
ngx_directstream_events_end(ngx_directstream_client_t *client)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = client->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    r->keepalive = 0;

    rc = (client->busy == NULL && !client->over)
         ? ngx_http_send_special(r, NGX_HTTP_LAST) : NGX_ERROR;

    client->over = 1;

    ngx_http_finalize_request(r, (rc == NGX_OK) ? NGX_OK : NGX_ERROR);
    ngx_http_run_posted_requests(c);
}


/* "text" NULL: no news, but a client may be late; NGX_ERROR: close it */

static ngx_int_t
ngx_directstream_events_send(ngx_directstream_client_t *client,
    ngx_directstream_text_t *text)
{
    size_t         size;
    ngx_buf_t     *b;
    ngx_chain_t   *cl, **last;

    size = 0;

    for (last = &client->busy; *last != NULL; last = &(*last)->next) {
        size += ngx_buf_size((*last)->buf);
    }

    if (size == 0 || size < client->left) {
        client->late = ngx_current_msec + NGX_DIRECTSTREAM_EVENTS_LATE;
    }

    client->left = size;

    if (size > client->room
        || (ngx_msec_int_t) (ngx_current_msec - client->late) > 0)
    {
        ngx_log_error(NGX_LOG_INFO, client->request->connection->log, 0,
                      "directstream: client of events is too slow, "
                      "%uz bytes not taken", size);
        return NGX_ERROR;
    }

    if (text == NULL) {
        return NGX_OK;
    }

    cl = ngx_chain_get_free_buf(client->request->pool, &client->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    text = ngx_directstream_events_seen(client, text);

    if (text == NULL || text->size == 0) {
        cl->next = client->free;
        client->free = cl;

        ngx_directstream_events_unref(text);

        return (text == NULL) ? NGX_ERROR : NGX_OK;
    }

    b = cl->buf;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = (u_char *) text;
    b->pos = text->data;
    b->last = text->data + text->size;
    b->memory = 1;
    b->flush = 1;

    *last = cl;

    client->left += text->size;

    return ngx_directstream_events_flush(client, cl);
}


/*
 * What the client may see of it, a reference of its own.  Each event is a
 * block that ends with a blank line, and has the stream's name in it before
 * any text of strangers: names need no escapes.
 */

static ngx_directstream_text_t *
ngx_directstream_events_seen(ngx_directstream_client_t *client,
    ngx_directstream_text_t *text)
{
    u_char                   *p, *end, *last;
    ngx_directstream_text_t  *seen;

    if (client->token == NULL || client->token->streams == NULL) {
        text->refs++;
        return text;
    }

    seen = ngx_alloc(sizeof(ngx_directstream_text_t) + text->size,
                     ngx_cycle->log);
    if (seen == NULL) {
        return NULL;
    }

    seen->refs = 1;
    seen->size = 0;

    last = text->data + text->size;

    for (p = text->data; p < last; p = end) {

        end = ngx_strnstr(p, "\n\n", last - p);
        end = (end == NULL) ? last : end + 2;

        if (ngx_directstream_events_sees(client->token, p, end)) {
            ngx_memcpy(seen->data + seen->size, p, end - p);
            seen->size += end - p;
        }
    }

    return seen;
}


/* what has no name, a comment or when to try again, is for everybody */

static ngx_uint_t
ngx_directstream_events_sees(ngx_directstream_token_t *token, u_char *p,
    u_char *last)
{
    char     name[DS_NAME_LEN + 1];
    u_char  *end;

    end = ngx_strnstr(p, "event: log\n", last - p);

    p = ngx_strnstr(p, (end != NULL) ? "\"stream\":\"" : "\"name\":\"",
                    last - p);
    if (p == NULL) {
        return 1;
    }

    p += (end != NULL) ? sizeof("\"stream\":\"") - 1
                       : sizeof("\"name\":\"") - 1;

    end = ngx_strlchr(p, last, '"');

    if (end == NULL || end - p > DS_NAME_LEN) {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) name, p, end - p + 1);

    return ngx_directstream_token_sees(token, name);
}


static void
ngx_directstream_events_write(ngx_http_request_t *r)
{
    ngx_directstream_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_directstream_module);

    if (ngx_directstream_events_flush(ctx->client, NULL) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_ERROR);
    }
}


static ngx_int_t
ngx_directstream_events_flush(ngx_directstream_client_t *client,
    ngx_chain_t *out)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = client->request;
    c = r->connection;

    if (ngx_http_output_filter(r, out) == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_directstream_events_taken(client);

    if (client->busy == NULL || c->write->delayed) {
        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    return ngx_handle_write_event(c->write, clcf->send_lowat);
}


static void
ngx_directstream_events_taken(ngx_directstream_client_t *client)
{
    ngx_chain_t  *cl;

    while (client->busy != NULL && ngx_buf_size(client->busy->buf) == 0) {
        cl = client->busy;
        client->busy = cl->next;

        ngx_directstream_events_unref(
                                 (ngx_directstream_text_t *) cl->buf->start);

        cl->next = client->free;
        client->free = cl;
    }
}


/* NULL: there is none */

static ngx_directstream_text_t *
ngx_directstream_events_text(ngx_directstream_json_t *w)
{
    u_char                   *p;
    ngx_chain_t              *cl;
    ngx_directstream_text_t  *text;

    if (w->failed || w->size == 0) {
        return NULL;
    }

    text = ngx_alloc(sizeof(ngx_directstream_text_t) + w->size,
                     ngx_cycle->log);
    if (text == NULL) {
        return NULL;
    }

    text->refs = 1;
    text->size = w->size;
    p = text->data;

    for (cl = w->out; cl != NULL; cl = cl->next) {
        p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
    }

    return text;
}


static void
ngx_directstream_events_unref(ngx_directstream_text_t *text)
{
    if (text != NULL && --text->refs == 0) {
        ngx_free(text);
    }
}


/* writes what is news since the last call */

static void
ngx_directstream_feed_news(ngx_directstream_feed_t *feed,
    ngx_directstream_json_t *w, ngx_directstream_conf_t *dcf)
{
    ngx_directstream_tell_t  tell;

    tell.w = w;
    tell.relay = ngx_directstream_relay_alive(dcf);
    tell.link = &feed->told;
    tell.progress = ngx_directstream_feed_due(&feed->progress,
                                              NGX_DIRECTSTREAM_FEED_PROGRESS);

    if (ngx_directstream_zone_each(dcf, w->pool, ngx_directstream_feed_look,
                                   &tell)
        != NGX_OK)
    {
        w->failed = 1;
        return;
    }

    ngx_directstream_feed_gone(w, tell.link, NULL);

    feed->logged = ngx_directstream_feed_log(w, dcf, feed->logged);

    if (ngx_directstream_feed_due(&feed->ping, NGX_DIRECTSTREAM_FEED_PING)) {
        ngx_directstream_json_print(w, ": ping\n\n");
    }
}


static ngx_uint_t
ngx_directstream_feed_due(ngx_msec_t *at, ngx_msec_t every)
{
    if ((ngx_msec_int_t) (ngx_current_msec - *at) < 0) {
        return 0;
    }

    *at = ngx_current_msec + every;

    return 1;
}


/* both lists are in the order of names */

static void
ngx_directstream_feed_look(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_tell_t *tell = data;

    uint32_t                  hash;
    ds_status_t              *st;
    ngx_directstream_told_t  *told;

    ngx_directstream_feed_gone(tell->w, tell->link, info->def.name);

    told = *tell->link;
    hash = ngx_directstream_feed_hash(info, tell->relay);

    if (told == NULL || ngx_strcmp(told->name, info->def.name) != 0) {

        told = ngx_alloc(sizeof(ngx_directstream_told_t), ngx_cycle->log);

        if (told != NULL) {
            ngx_memcpy(told->name, info->def.name, sizeof(told->name));
            told->hash = ~hash;
            told->next = *tell->link;
            *tell->link = told;
        }
    }

    if (told != NULL) {
        tell->link = &told->next;

        if (told->hash != hash) {
            told->hash = hash;
            ngx_directstream_feed_stream(tell->w, info);
        }
    }

    st = &info->status;

    if (tell->progress && st->connected
        && (st->state == DS_LIVE || st->slate))
    {
        ngx_directstream_feed_begin(tell->w, "progress");
        ngx_directstream_render_progress(tell->w, info);
        ngx_directstream_feed_end(tell->w);
    }
}


/* those from "link" on that come before "name", or all */

static void
ngx_directstream_feed_gone(ngx_directstream_json_t *w,
    ngx_directstream_told_t **link, const char *name)
{
    ngx_directstream_told_t  *told;

    while (*link != NULL
           && (name == NULL || ngx_strcmp((*link)->name, name) < 0))
    {
        told = *link;
        *link = told->next;

        ngx_directstream_feed_begin(w, "removed");
        ngx_directstream_json_text(w, "name", told->name, DS_NAME_LEN);
        ngx_directstream_feed_end(w);

        ngx_free(told);
    }
}


static void
ngx_directstream_feed_clear(ngx_directstream_feed_t *feed)
{
    ngx_directstream_told_t  *told;

    while (feed->told != NULL) {
        told = feed->told;
        feed->told = told->next;
        ngx_free(told);
    }
}


/*
 * Of what is shown of a stream, but for what always changes on air; "relay"
 * tells whether the relay worker lives.
 */

static uint32_t
ngx_directstream_feed_hash(ngx_directstream_info_t *info, ngx_uint_t relay)
{
    ngx_uint_t                i;
    ds_status_t              *st;
    ngx_directstream_info_t   key;

    key = *info;

    /* instead of when it was seen last: whether it is stale */

    key.seen = (info->owner != 0)
               ? ngx_directstream_alive(info->owner, info->seen) : relay;
    key.writer = 0;
    key.skip = 0;
    key.previous = 0;
    key.prefetch = 0;
    key.refresh = 0;
    key.prefetching = 0;
    key.retry = 0;

    st = &key.status;

    st->position = 0;
    st->bytes = 0;
    st->buffer = 0;
    st->dead_air = 0;
    st->lateness = 0;
    st->queue_position = 0;
    for (i = 0; i < DS_OUTLETS; i++) {
        st->outputs[i].bytes = 0;
        st->outputs[i].dropped = 0;
        st->outputs[i].waiting = 0;
    }

    for (i = 0; i < DS_FETCHES; i++) {
        st->fetching[i].bytes = 0;
        st->fetching[i].speed = 0;
        st->fetching[i].left = 0;
    }

    ngx_memzero(&st->counts, sizeof(ds_counts_t));
    ngx_memzero(&st->progress, sizeof(ds_progress_t));

    return ngx_murmur_hash2((u_char *) &key, sizeof(key));
}


/* what a new client is told: all streams */

static void
ngx_directstream_feed_all(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf)
{
    ngx_directstream_json_print(w, "retry: 2000\n\n");

    if (ngx_directstream_zone_each(dcf, w->pool, ngx_directstream_feed_stream,
                                   w)
        != NGX_OK)
    {
        w->failed = 1;
    }
}


static void
ngx_directstream_feed_stream(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_json_t *w = data;

    ngx_directstream_json_print(w, "event: stream\ndata: ");
    w->comma = 0;
    ngx_directstream_render_stream(w, info);
    ngx_directstream_json_print(w, "\n\n");
}


/* entries of the log after "since"; returns the last one's id */

static uint64_t
ngx_directstream_feed_log(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, uint64_t since)
{
    ngx_uint_t                 i, n;
    ngx_directstream_entry_t   entries[NGX_DIRECTSTREAM_FEED_ENTRIES];

    do {
        n = ngx_directstream_journal_get(dcf, since, entries,
                                     NGX_DIRECTSTREAM_FEED_ENTRIES);

        for (i = 0; i < n; i++) {
            ngx_directstream_feed_entry(w, &entries[i]);
            since = entries[i].id;
        }

    } while (n == NGX_DIRECTSTREAM_FEED_ENTRIES);

    return since;
}


static void
ngx_directstream_feed_entry(ngx_directstream_json_t *w,
    ngx_directstream_entry_t *entry)
{
    static const char  *types[] = { "state", "item", "error", "output",
                                    "change", "queue", "list_changed",
                                    "slot", "youtube", "resolver",
                                    "cluster" };

    ngx_directstream_json_print(w, "id: %uL\n", entry->id);

    ngx_directstream_feed_begin(w, "log");
    ngx_directstream_json_members(w, ngx_directstream_entry, entry);
    ngx_directstream_json_text(w, "type", types[entry->type], 16);

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_STATE) {
        ngx_directstream_json_text(w, "state", ds_state_name(entry->state),
                                   32);
    }

    if (entry->code != DS_OK) {
        ngx_directstream_json_text(w, "code", ds_error_code(entry->code), 64);
    }

    ngx_directstream_json_text(w, "message", entry->message,
                               sizeof(entry->message));

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_LIST) {
        ngx_directstream_json_members(w, ngx_directstream_entry_list, entry);
    }

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_ITEM) {
        ngx_directstream_json_key(w, "item");
        ngx_directstream_json_object(w, ngx_directstream_entry_item, entry);
    }

    ngx_directstream_feed_end(w);
}


static void
ngx_directstream_feed_begin(ngx_directstream_json_t *w, const char *event)
{
    ngx_directstream_json_print(w, "event: %s\ndata: ", event);

    w->comma = 0;
    ngx_directstream_json_open(w, '{');
}


/* a string in JSON has no line end in it, so that the blank line ends it */

static void
ngx_directstream_feed_end(ngx_directstream_json_t *w)
{
    ngx_directstream_json_close(w, '}');
    ngx_directstream_json_raw(w, "\n\n", 2);
}
