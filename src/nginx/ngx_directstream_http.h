
/*
 * ngx_directstream_http.h: what the files of the HTTP side share: a request's
 * context, the ways it is read and answered, and what each file has for those
 * above it.
 */

#ifndef NGX_DIRECTSTREAM_HTTP_H_INCLUDED_
#define NGX_DIRECTSTREAM_HTTP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_directstream_json.h"


/* what a token may do: each role what those before it may, too */

typedef enum {
    NGX_DIRECTSTREAM_READ = 0,              /* is all there is */
    NGX_DIRECTSTREAM_VIEWER,                /* reads */
    NGX_DIRECTSTREAM_OPERATOR,              /* what is on air, and what next */
    NGX_DIRECTSTREAM_ADMIN
} ngx_directstream_role_e;


typedef struct {
    const char              *name;
    ngx_uint_t               role;
    ngx_array_t              hashes;        /* of 32 bytes each, SHA-256 */
    ngx_array_t             *streams;       /* of ngx_str_t, which may end
                                               with "*"; NULL: all */
    const char              *patterns;      /* the same in JSON, NULL: all */
} ngx_directstream_token_t;


typedef struct {
    ngx_flag_t               write;
    ngx_array_t             *tokens;        /* NULL: none is asked for */
    ngx_str_t                prefix;        /* the admin location's name */
    ngx_array_t             *hosts;         /* of ngx_str_t; NULL: none */
    ngx_array_t             *names;         /* of the server, as its own */
    ngx_http_core_loc_conf_t *clcf;         /* of the admin location itself */
} ngx_directstream_loc_conf_t;


typedef struct ngx_directstream_ctx_s  ngx_directstream_ctx_t;

/*
 * The request is counted for a handler.  What it returns goes to
 * ngx_http_finalize_request(), unless it is NGX_DONE: then it will finalize
 * the request itself.
 */
typedef ngx_int_t (*ngx_directstream_handler_pt)(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);


struct ngx_directstream_ctx_s {
    /* the admin request */
    ngx_str_t                base;          /* the URI before "api/1/" */
    char                     name[DS_NAME_LEN + 1];     /* or a key */
    char                     entry[DS_NAME_LEN + 1];    /* of it */
    ngx_uint_t               action;        /* which of the handler's */
    ngx_directstream_token_t *token;        /* NULL: there are none here */
    ngx_uint_t               offset;
    ngx_uint_t               limit;

    /* the body, whole, with a NUL after it; "too_large": none of it */
    ngx_directstream_handler_pt  handler;
    ngx_directstream_handler_pt  then;      /* the resource's */
    size_t                   max;
    ngx_str_t                body;
    unsigned                 too_large:1;

    unsigned                 many:1;        /* the job is not of this one
                                               alone */
    unsigned                 shared:1;      /* it is about what nodes share */

    /* the lookup, picture or plan being waited for */
    ngx_directstream_handler_pt  poll;
    uint64_t                 job;
    ds_plan_conf_t           plan;
    ngx_msec_t               end;
    ngx_event_t              timer;

    ds_command_t             command;       /* for the owner of the stream */
    ngx_directstream_handler_pt  done;      /* answers when it has that */

    void                    *client;        /* of events */
};


extern ngx_module_t  ngx_http_directstream_module;


#define ngx_directstream_get_conf()                                          \
    ((ngx_directstream_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,           \
                                              ngx_directstream_module))


/*
 * Reads a body of at most "max" bytes into memory, then calls the handler.
 * Returns what a content handler returns.
 */
ngx_int_t ngx_directstream_body_read(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, size_t max,
    ngx_directstream_handler_pt handler);

/*
 * Which part of a list is asked for: "offset" and "limit" of the context, the
 * latter "limit" where nothing is said.
 * NGX_OK; NGX_DECLINED: it is wrong, as has been answered; else an error.
 */
ngx_int_t ngx_directstream_args(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_uint_t limit);


/*
 * An argument of the query, as it was before it was escaped, ended by a NUL
 * that its length does not count.  NGX_DECLINED: there is none; NGX_ERROR.
 */
ngx_int_t ngx_directstream_arg_text(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);


/* is it one of the words, between which there is a space? */
ngx_uint_t ngx_directstream_among(const char *words, const ngx_str_t *value);


/*
 * One that is a time as this API writes it, RFC 3339 in UTC, to the second or
 * finer, in Unix ms.  NGX_DECLINED: there is none; NGX_ERROR: it is none.
 */
ngx_int_t ngx_directstream_arg_time(ngx_http_request_t *r, const char *name,
    int64_t *ms);

/*
 * Has "poll" called until it returns something else than NGX_AGAIN, for the
 * job of the context, which ends with the request
 */
ngx_int_t ngx_directstream_ask(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_handler_pt poll);

/* that there is nobody to answer */
ngx_int_t ngx_directstream_ask_down(ngx_http_request_t *r);


/*
 * That a request is sent again (draft-ietf-httpapi-idempotency-key-header):
 * its key, "": none, and what it asks for: "what" and its body.  NGX_DECLINED:
 * the header is wrong, as has been answered.
 */

#define NGX_DIRECTSTREAM_KEY_MAX  255

typedef struct {
    char                     key[NGX_DIRECTSTREAM_KEY_MAX + 1];
    char                     sum[33];
} ngx_directstream_key_t;

ngx_int_t ngx_directstream_key(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *what, ngx_directstream_key_t *k);


/*
 * The value of the request's header "name", which is in lower case: the first
 * one, or with "after" the one after that; NULL: there is none.
 */
ngx_str_t *ngx_directstream_header_in(ngx_http_request_t *r,
    const char *name, const ngx_str_t *after);

/* a header of the answer; NULL: no memory */
ngx_table_elt_t *ngx_directstream_header(ngx_http_request_t *r,
    const char *key, const char *value);

/* the header "ETag" of a stream's definition; NGX_OK or NGX_ERROR */
ngx_int_t ngx_directstream_etag(ngx_http_request_t *r,
    const ngx_directstream_info_t *info);

/* a random one, of DS_QUEUE_ID_LEN; NGX_OK or NGX_ERROR */
ngx_int_t ngx_directstream_id(char *id);

/* the header "Location": "tail" below the admin location */
ngx_int_t ngx_directstream_location(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *tail, const char *name);

/* answers; what they return goes to ngx_http_finalize_request() */

ngx_int_t ngx_directstream_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_directstream_json_t *w);
ngx_int_t ngx_directstream_send_empty(ngx_http_request_t *r,
    ngx_uint_t status);
ngx_int_t ngx_directstream_problem(ngx_http_request_t *r, ngx_uint_t status,
    const char *code, const char *field, const char *fmt, ...);
ngx_int_t ngx_directstream_missing(ngx_http_request_t *r, const char *name);


/*
 * What a body of the API says.  On an error nothing is filled in but the
 * error: its code, the field's name (maybe "") and the sentence.
 */

typedef struct {
    const char              *code;
    char                     field[64];
    char                     detail[DS_MESSAGE_LEN];
} ngx_directstream_mistake_t;

/* the answer to it */
ngx_int_t ngx_directstream_mistaken(ngx_http_request_t *r,
    const ngx_directstream_mistake_t *m);

/*
 * "set" tells which fields were given.  Of a PATCH "shown" is what GET shows
 * of the stream now, of which members may come back; else it is NULL
 */
ngx_int_t ngx_directstream_def_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, const ngx_str_t *shown, ds_def_t *def, ngx_uint_t *set,
    ngx_uint_t *start, ngx_directstream_mistake_t *m);

/*
 * One flag, "name", left alone when there is no body, or nothing in it; NULL:
 * no field at all, then "on" is not used
 */
ngx_int_t ngx_directstream_flag_parse(ngx_str_t *body, const char *name,
    ngx_uint_t *on, ngx_directstream_mistake_t *m);

/* the playlist alone */
ngx_int_t ngx_directstream_lookup_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, ds_def_t *def, ngx_uint_t *limit,
    ngx_directstream_mistake_t *m);

/*
 * What is to be checked: a stream, of which "def" has the name, or a playlist,
 * then "def" is what else a stream of the block would be
 */
ngx_int_t ngx_directstream_check_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, ds_def_t *def, ngx_uint_t *depth,
    ngx_directstream_mistake_t *m);

/* what is to be queued, or with "play" where the list is to go on from */
ngx_int_t ngx_directstream_queue_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, ngx_uint_t play, ds_queued_t *q,
    ngx_directstream_mistake_t *m);

/*
 * "text" has room for DS_SCHEDULE_LEN + 1, and the schedule that there was;
 * "": no slots
 */
ngx_int_t ngx_directstream_schedule_parse(ngx_directstream_conf_t *dcf,
    ngx_str_t *body, char *text, ngx_directstream_mistake_t *m);

/* "before" has room for an id; "": the end */
ngx_int_t ngx_directstream_before_parse(ngx_str_t *body, char *before,
    ngx_directstream_mistake_t *m);


/*
 * Tokens.  check() finds the request's one; NGX_DECLINED: it has none, as
 * "why" says, and is answered 401; NGX_ERROR.  sees(): is the stream one of
 * the token's?  NULL: there are no tokens.
 */
char *ngx_directstream_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_directstream_token_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char **why);
ngx_uint_t ngx_directstream_token_sees(const ngx_directstream_token_t *token,
    const char *stream);
const char *ngx_directstream_role_name(ngx_uint_t role);


/* objects of the API */

void ngx_directstream_render_stream(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info);

/* is what is known of it old, as nobody lives who could say it anew? */
ngx_uint_t ngx_directstream_stale(const ngx_directstream_info_t *info);

/* which streams of a list; those that the token sees */

typedef struct {
    const ngx_directstream_token_t *token;
    const char              *after;         /* names that follow it */
    ngx_uint_t               limit;         /* 0: all */
    ngx_uint_t               states;        /* bits, 1 << state */
} ngx_directstream_page_t;

void ngx_directstream_render_list(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, const ngx_directstream_page_t *page);
void ngx_directstream_render_checked(ngx_directstream_json_t *w,
    ds_item_t *item);
void ngx_directstream_render_item(ngx_directstream_json_t *w,
    ds_item_t *item, ngx_uint_t state);

/* the members of what always changes on air */
void ngx_directstream_render_progress(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info);


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

    /*
     * What is changed, see ngx_directstream_task_change(): it is recorded in
     * the same transaction, and told when that has happened.
     */
    ds_change_t              change;

    int                      rc;
    ds_error_t               err;
    int64_t                  revision;      /* of what nodes share, made by a
                                               change */

    /* private to ngx_directstream_task.c */
    ngx_queue_t              queue;
    ngx_thread_task_t        task;
    ngx_http_request_t      *request;       /* NULL: the client went away */
    ngx_pool_cleanup_t      *cln;           /* of the request */
    u_char                   path[NGX_MAX_PATH];
    const ds_cluster_conf_t *cluster;
    ngx_msec_t               since;
    ngx_event_t              hold;
    ngx_connection_t         dummy;         /* the timer's, for its log */
};

void *ngx_directstream_task_create(ngx_http_request_t *r, size_t size);

/*
 * Says what the task changes, "" in "name": of no stream; who asked is taken
 * from the request.  fields() adds those of a definition's "set".
 */
void ngx_directstream_task_change(ngx_directstream_task_t *t,
    ngx_http_request_t *r, const char *what, const char *name);
void ngx_directstream_task_fields(ngx_directstream_task_t *t, ngx_uint_t set);

/*
 * Records and tells a change that has happened, of which the store knows
 * nothing else; nobody waits for it.
 */
void ngx_directstream_task_note(ngx_http_request_t *r, const char *what,
    const char *name);

/* NGX_DONE: it will finalize the request, which it has not counted */
ngx_int_t ngx_directstream_task_post(ngx_directstream_task_t *t);

/* the answer to an error of the store */
ngx_int_t ngx_directstream_task_failed(ngx_http_request_t *r,
    ngx_directstream_task_t *t, const char *what);

/* closes the store of this process */
void ngx_directstream_task_exit(ngx_cycle_t *cycle);


/* has "poll" called until it returns something else than NGX_AGAIN */
ngx_int_t ngx_directstream_ask(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_handler_pt poll);

/* the same once more, of a request that was counted for it */
void ngx_directstream_ask_again(ngx_directstream_ctx_t *ctx);


/*
 * What only the node can do that has the stream, where that is another one.
 * to() fills in what it is told: NGX_OK; NGX_DECLINED: it is for this node, or
 * the stream does not run; NGX_BUSY: no node has it now, but wants it;
 * NGX_ERROR.  send() asks for it, and has the context's "done" answer, unless
 * it returns NGX_DECLINED.  wait() is for the answer of a task that has put
 * the context's command into the store.
 */
ngx_int_t ngx_directstream_command_to(const char *name, const char *what,
    const char *output, ds_command_t *command);
ngx_int_t ngx_directstream_command_send(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char *what, const char *output);
ngx_int_t ngx_directstream_command_wait(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);


/* "handler", when what the nodes share of the streams was read */
ngx_int_t ngx_directstream_shared(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_directstream_handler_pt handler);


/* handlers of the admin location's resources */

ngx_int_t ngx_directstream_streams_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_get(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_items(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_create(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_patch(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_schedule(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* "action": an ngx_directstream_change_e, or an ngx_directstream_step_e */
ngx_int_t ngx_directstream_streams_change(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_output(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_streams_step(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* "action": an ngx_directstream_step_e */
ngx_int_t ngx_directstream_youtube(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* "action": 0, or 1: go to */
ngx_int_t ngx_directstream_queue_add(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_queue_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_queue_move(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_queue_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

ngx_int_t ngx_directstream_schedule_get(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_plan_get(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_guide(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_plan_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_schedule_show(ngx_http_request_t *r,
    const char *name);

/* those whose settings have changed, or all */
ngx_int_t ngx_directstream_streams_renew(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/* the cluster's */
ngx_int_t ngx_directstream_nodes_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_nodes_balance(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_nodes_drain(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_nodes_lost(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

ngx_int_t ngx_directstream_cache_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_cache_delete(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_runs_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_changes_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_resolve(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_snapshot(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
ngx_int_t ngx_directstream_events(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);

/*
 * Who may ask at all, by what a browser says of the page that asks: NULL, or
 * the code of the refusal and in "why" its sentence.
 */
const char *ngx_directstream_guard(ngx_http_request_t *r, const char **why);

/*
 * The dashboard.  find() tells the number of a file by its name, "" being the
 * page itself, as the action; NGX_DECLINED: there is none.
 */
ngx_int_t ngx_directstream_page_find(u_char *name, size_t len, ngx_uint_t *n);
ngx_int_t ngx_directstream_page(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);


/* content handlers of the other locations */
ngx_int_t ngx_directstream_on_publish_handler(ngx_http_request_t *r);
ngx_int_t ngx_directstream_metrics_handler(ngx_http_request_t *r);


#endif /* NGX_DIRECTSTREAM_HTTP_H_INCLUDED_ */
