
/*
 * ngx_directstream_http.h: what the files of the HTTP side share: the JSON
 * writer, the body reader, the definition's parser, and the answers.
 */

#ifndef NGX_DIRECTSTREAM_HTTP_H_INCLUDED_
#define NGX_DIRECTSTREAM_HTTP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_directstream.h"


typedef struct {
    ngx_flag_t               write;
    ngx_str_t                prefix;        /* the admin location's name */
    ngx_http_core_loc_conf_t *clcf;         /* of the admin location itself */
} ngx_directstream_loc_conf_t;


/* a body is given whole, without NUL; NULL when it was too large */

typedef void (*ngx_directstream_body_pt)(ngx_http_request_t *r,
    ngx_str_t *body);


typedef struct {
    /* the admin request */
    ngx_uint_t               op;
    ngx_uint_t               action;
    char                     name[DS_NAME_LEN + 1];
    char                     key[DS_KEY_LEN + 1];
    ngx_uint_t               offset;
    ngx_uint_t               limit;
    ngx_uint_t               file;          /* of the dashboard */
    ngx_str_t                base;          /* the URI before "api/1/" */

    /* the body being read */
    ngx_directstream_body_pt handler;
    size_t                   max;
    ngx_str_t                body;
    unsigned                 too_large:1;
    unsigned                 waiting:1;     /* a lookup is under way */

    /* the lookup or picture being waited for */
    uint64_t                 job;
    ngx_msec_t               end;
    ngx_event_t              timer;

    void                    *client;        /* of events */
} ngx_directstream_ctx_t;


extern ngx_module_t  ngx_http_directstream_module;


#define ngx_directstream_get_conf()                                          \
    ((ngx_directstream_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,           \
                                              ngx_directstream_module))


/*
 * The JSON writer.  Commas are its own business; memory is the request's.
 * A lack of memory is remembered and shows when the answer is sent.
 */

typedef struct {
    ngx_pool_t              *pool;
    ngx_chain_t             *out;
    ngx_chain_t            **last;
    ngx_buf_t               *buf;
    off_t                    size;
    unsigned                 comma:1;
    unsigned                 failed:1;
} ngx_directstream_json_t;

void ngx_directstream_json_init(ngx_directstream_json_t *w,
    ngx_pool_t *pool);
void ngx_directstream_json_raw(ngx_directstream_json_t *w, const char *data,
    size_t len);
void ngx_directstream_json_open(ngx_directstream_json_t *w, char c);
void ngx_directstream_json_close(ngx_directstream_json_t *w, char c);
void ngx_directstream_json_key(ngx_directstream_json_t *w, const char *key);
void ngx_directstream_json_string(ngx_directstream_json_t *w,
    const char *value, size_t max);
void ngx_directstream_json_integer(ngx_directstream_json_t *w, int64_t n);
void ngx_directstream_json_bool(ngx_directstream_json_t *w, ngx_uint_t b);
void ngx_directstream_json_null(ngx_directstream_json_t *w);

/* milliseconds as seconds; negative: null */
void ngx_directstream_json_seconds(ngx_directstream_json_t *w, int64_t ms);
/* Unix milliseconds as RFC 3339; 0: null */
void ngx_directstream_json_time(ngx_directstream_json_t *w, int64_t ms);


/* objects of the API */

void ngx_directstream_render_stream(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info);

/* is what is known of it old, as nobody lives who could say it anew? */
ngx_uint_t ngx_directstream_stale(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info);

void ngx_directstream_render_list(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf);
void ngx_directstream_render_item(ngx_directstream_json_t *w,
    ds_item_t *item, ngx_uint_t state);
void ngx_directstream_render_fetching(ngx_directstream_json_t *w,
    ds_status_t *st);
void ngx_directstream_render_error(ngx_directstream_json_t *w,
    ds_error_t *err);


/* answers; what they return goes to ngx_http_finalize_request() */

ngx_int_t ngx_directstream_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_directstream_json_t *w);
ngx_int_t ngx_directstream_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *field, const char *fmt, ...);


/*
 * Server-sent events.  A feed is what was told so far; it begins with zeroes
 * and the id of the log's last entry.
 */

typedef struct ngx_directstream_told_s  ngx_directstream_told_t;

typedef struct {
    ngx_directstream_told_t *told;
    uint64_t                 logged;
    ngx_msec_t               progress;      /* next time */
    ngx_msec_t               ping;
} ngx_directstream_feed_t;

/* writes what is news since the last call */
void ngx_directstream_feed_news(ngx_directstream_feed_t *feed,
    ngx_directstream_json_t *w, ngx_directstream_conf_t *dcf);
void ngx_directstream_feed_clear(ngx_directstream_feed_t *feed);

/* what a new client is told: all streams */
void ngx_directstream_feed_all(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf);

/* entries of the log after "since"; returns the last one's id */
uint64_t ngx_directstream_feed_log(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, uint64_t since);


/*
 * Reads a body of at most "max" bytes into memory, then calls the handler,
 * which finalizes the request.  Returns what a content handler returns.
 */
ngx_int_t ngx_directstream_body_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, size_t max,
    ngx_directstream_body_pt handler);


/*
 * What a body of the API says.  On an error nothing is filled in but the
 * error: its code, the field's name (maybe "") and the sentence.
 */

typedef struct {
    const char              *code;
    char                     field[64];
    char                     detail[DS_MESSAGE_LEN];
} ngx_directstream_mistake_t;

/* "set" tells which fields were given; of a PATCH when "patch" */
ngx_int_t ngx_directstream_def_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, ngx_uint_t patch, ds_def_t *def,
    ngx_uint_t *set, ngx_uint_t *start, ngx_directstream_mistake_t *m);

/* of a prefetch, which may have none */
ngx_int_t ngx_directstream_prefetch_parse(ngx_str_t *body, ngx_uint_t *on,
    ngx_directstream_mistake_t *m);

ngx_int_t ngx_directstream_lookup_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, char *playlist, ngx_uint_t *limit,
    ngx_directstream_mistake_t *m);


#define NGX_DIRECTSTREAM_POLL  50      /* ms */

/*
 * Has "poll" called in a while, with the request in ev->data, unless the
 * client goes away before: it polls on, by the same timer, or finalizes the
 * request, which the caller counts.  NGX_DONE, or an HTTP status.
 */
ngx_int_t ngx_directstream_wait(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_event_handler_pt poll);


ngx_int_t ngx_directstream_admin_handler(ngx_http_request_t *r);
ngx_int_t ngx_directstream_on_publish_handler(ngx_http_request_t *r);
ngx_int_t ngx_directstream_metrics_handler(ngx_http_request_t *r);

/*
 * Work on the store, which blocks and so is done in a thread.  A task is the
 * first member of what its file makes of it; create() allocates "size" zeroed
 * bytes, or returns NULL.  Once posted it frees itself.
 */

typedef struct ngx_directstream_task_s  ngx_directstream_task_t;

struct ngx_directstream_task_s {

    /* context: a thread of the pool; what it returns becomes "rc" */
    int                    (*run)(ngx_directstream_task_t *t, ds_store_t *db);

    /* afterwards, in any case; NULL: nothing to do */
    void                   (*end)(ngx_directstream_task_t *t);

    /* when the client is still there */
    ngx_int_t              (*answer)(ngx_http_request_t *r,
                                     ngx_directstream_task_t *t);

    int                      rc;
    ds_error_t               err;

    /* private to ngx_directstream_task.c */
    ngx_queue_t              queue;
    ngx_thread_task_t        task;
    ngx_http_request_t      *request;       /* NULL: the client went away */
    ngx_pool_cleanup_t      *cln;           /* of the request */
    u_char                   path[NGX_MAX_PATH];
    ngx_msec_t               since;
    ngx_event_t              hold;
    ngx_connection_t         dummy;         /* the timer's, for its log */
};

void *ngx_directstream_task_create(ngx_http_request_t *r, size_t size);

/* NGX_DONE: it will finalize the request, which it has not counted */
ngx_int_t ngx_directstream_task_post(ngx_directstream_task_t *t);

/* the answer to an error of the store */
ngx_int_t ngx_directstream_task_failed(ngx_http_request_t *r,
    ngx_directstream_task_t *t, const char *what);

/* closes the store of this process */
void ngx_directstream_task_exit(ngx_cycle_t *cycle);

/*
 * A durable change: an answer when it cannot be begun, else NGX_DONE: it will
 * finalize the request, which it has not counted.
 */
ngx_int_t ngx_directstream_write(ngx_http_request_t *r,
    ngx_directstream_change_t *change);

/* the cache's index, and what is kept under a key; as a change */
ngx_int_t ngx_directstream_cache_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_cache_delete(ngx_http_request_t *r,
    const char *key);

/* answers */
ngx_int_t ngx_directstream_admin_changed(ngx_http_request_t *r,
    ngx_directstream_change_t *change);
ngx_int_t ngx_directstream_admin_missing(ngx_http_request_t *r,
    const char *name);

/*
 * Which part of a list is asked for: "offset" and "limit" of the context.
 * NGX_OK; NGX_DECLINED: it is wrong, as has been answered; else an error.
 */
ngx_int_t ngx_directstream_list_page(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* content handlers */
ngx_int_t ngx_directstream_list_items(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_events(ngx_http_request_t *r);
ngx_int_t ngx_directstream_snapshot(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* the handler of a resolve request's body */
void ngx_directstream_resolve_body(ngx_http_request_t *r, ngx_str_t *body);


/*
 * The dashboard.  find() tells the number of a file by its name, "" being the
 * page itself; NGX_DECLINED: there is none.
 */
ngx_int_t ngx_directstream_page_find(u_char *name, size_t len, ngx_uint_t *n);
ngx_int_t ngx_directstream_page(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);


#endif /* NGX_DIRECTSTREAM_HTTP_H_INCLUDED_ */
