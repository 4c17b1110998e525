
/*
 * ngx_directstream_history.c: what has been, for the API: a stream's runs,
 * and who changed what.  Both are in the store alone, so that a list of them
 * is a task of a thread.
 */

#include "ngx_directstream_http.h"


/* how a run ends, and what is done, as the store has it */

#define NGX_DIRECTSTREAM_ENDS  "running stopped finished failed crashed"

#define NGX_DIRECTSTREAM_WHATS                                               \
    "create change delete start stop restart output_start output_stop "      \
    "output_restart skip previous refresh prefetch prefetch_off "            \
    "youtube_check youtube_revive youtube_rollover queue play queue_move "   \
    "queue_remove restart_all restart_outdated delete_cached drain "         \
    "drain_off balance"


typedef struct ngx_directstream_past_s  ngx_directstream_past_t;

struct ngx_directstream_past_s {
    ngx_directstream_task_t  task;
    ngx_uint_t               changes;       /* else runs */
    ds_history_t             which;
    uint32_t                 total;
    uint32_t                 offset;
    uint32_t                 limit;
    size_t                   n;             /* rows read */
    union {
        ds_run_row_t         runs[1];       /* "limit" of either */
        ds_change_t          changes[1];
    } rows;
};


static ngx_int_t ngx_directstream_past_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ngx_uint_t changes, size_t size);
static const char *ngx_directstream_past_args(ngx_http_request_t *r,
    ngx_uint_t changes, ds_history_t *which);
static int ngx_directstream_past_read(ngx_directstream_task_t *t,
    ds_store_t *db);
static ngx_int_t ngx_directstream_past_listed(ngx_http_request_t *r,
    ngx_directstream_task_t *t);


#define ngx_directstream_of_past(key, field)                                 \
    ngx_directstream_member(key, NUMBER, ngx_directstream_past_t, field)

#define ngx_directstream_of_run(key, kind, field)                            \
    ngx_directstream_member(key, kind, ds_run_row_t, field)

#define ngx_directstream_of_change(key, kind, field)                         \
    ngx_directstream_member(key, kind, ds_change_t, field)


static const ngx_directstream_member_t  ngx_directstream_past[] = {
    ngx_directstream_of_past("total", total),
    ngx_directstream_of_past("offset", offset),
    ngx_directstream_of_past("limit", limit),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_run[] = {
    ngx_directstream_of_run("id", NUMBER, id),
    ngx_directstream_of_run("stream", TEXT, name),
    ngx_directstream_of_run("started", TIME, started),
    ngx_directstream_of_run("ended", TIME, ended),
    ngx_directstream_of_run("state", WORD, state),
    ngx_directstream_of_run("code", WORD, code),
    ngx_directstream_of_run("message", WORD, message),
    ngx_directstream_of_run("played", NUMBER, played),
    ngx_directstream_of_run("failed", NUMBER, failed),
    ngx_directstream_of_run("skipped", NUMBER, skipped),
    ngx_directstream_of_run("dead_air_ms", NUMBER, dead_air),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_changed[] = {
    ngx_directstream_of_change("id", NUMBER, id),
    ngx_directstream_of_change("at", TIME, at),
    ngx_directstream_of_change("stream", WORD, name),
    ngx_directstream_of_change("what", TEXT, what),
    ngx_directstream_of_change("fields", WORD, fields),
    ngx_directstream_of_change("who", WORD, who),
    ngx_directstream_of_change("address", TEXT, address),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_runs_list(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    return ngx_directstream_past_list(r, ctx, 0, sizeof(ds_run_row_t));
}


ngx_int_t
ngx_directstream_changes_list(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    return ngx_directstream_past_list(r, ctx, 1, sizeof(ds_change_t));
}


static ngx_int_t
ngx_directstream_past_list(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ngx_uint_t changes, size_t size)
{
    ngx_int_t                 rc;
    const char               *field;
    ds_history_t              which;
    ngx_directstream_past_t  *past;

    rc = ngx_directstream_args(r, ctx, 100);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    field = ngx_directstream_past_args(r, changes, &which);

    if (field != NULL) {
        return ngx_directstream_problem(r, 400, "invalid_field", field,
                               (ngx_strcmp(field, "since") == 0
                                || ngx_strcmp(field, "until") == 0)
                               ? "it must be a time in UTC, as "
                                 "\"2026-11-28T14:00:00Z\""
                               : (ngx_strcmp(field, "state") == 0)
                               ? "it must be one of " NGX_DIRECTSTREAM_ENDS
                               : (ngx_strcmp(field, "what") == 0)
                               ? "it must be one of " NGX_DIRECTSTREAM_WHATS
                               : "it is longer than any is");
    }

    past = ngx_directstream_task_create(r, sizeof(ngx_directstream_past_t)
                                           + ctx->limit * size);
    if (past == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    past->changes = changes;
    past->offset = (uint32_t) ctx->offset;
    past->limit = (uint32_t) ctx->limit;
    past->which = which;

    if (ctx->token != NULL) {
        past->which.streams = ctx->token->patterns;
    }

    past->task.run = ngx_directstream_past_read;
    past->task.answer = ngx_directstream_past_listed;

    return ngx_directstream_task_post(&past->task);
}


/* NULL: all is well, else the argument that is wrong */

static const char *
ngx_directstream_past_args(ngx_http_request_t *r, ngx_uint_t changes,
    ds_history_t *which)
{
    size_t      i;
    ngx_str_t   arg;
    ngx_int_t   rc;

    const struct {
        const char  *name;
        char        *text;
        size_t       size;
        int64_t     *time;
    } args[] = {
        { "stream", which->name, sizeof(which->name), NULL },
        { changes ? "what" : "state", which->what, sizeof(which->what), NULL },
        { changes ? "who" : "", which->who, sizeof(which->who), NULL },
        { "since", NULL, 0, &which->since },
        { "until", NULL, 0, &which->until }
    };

    ngx_memzero(which, sizeof(ds_history_t));

    for (i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
        rc = (args[i].name[0] == '\0') ? NGX_DECLINED
             : (args[i].time != NULL)
             ? ngx_directstream_arg_time(r, args[i].name, args[i].time)
             : ngx_directstream_arg_text(r, args[i].name, &arg);

        if (rc == NGX_DECLINED) {
            continue;
        }

        if (rc == NGX_ERROR) {
            return args[i].name;
        }

        if (args[i].time != NULL) {
            continue;
        }

        if (arg.len >= args[i].size
            || (args[i].text == which->what
                && !ngx_directstream_among(changes ? NGX_DIRECTSTREAM_WHATS
                                           : NGX_DIRECTSTREAM_ENDS, &arg)))
        {
            return args[i].name;
        }

        ngx_memcpy(args[i].text, arg.data, arg.len);
    }

    return NULL;
}


/* context: a thread of the pool */

static int
ngx_directstream_past_read(ngx_directstream_task_t *t, ds_store_t *db)
{
    ngx_directstream_past_t *past = (ngx_directstream_past_t *) t;

    past->n = past->limit;

    return past->changes
           ? ds_store_list_changes(db, &past->which, past->offset,
                                   past->rows.changes, &past->n, &past->total,
                                   &t->err)
           : ds_store_list_runs(db, &past->which, past->offset,
                                past->rows.runs, &past->n, &past->total,
                                &t->err);
}


static ngx_int_t
ngx_directstream_past_listed(ngx_http_request_t *r, ngx_directstream_task_t *t)
{
    ngx_directstream_past_t *past = (ngx_directstream_past_t *) t;

    size_t                   i;
    ngx_directstream_json_t  w;

    if (t->rc != DS_OK) {
        return ngx_directstream_task_failed(r, t, "the history was not read");
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_members(&w, ngx_directstream_past, past);
    ngx_directstream_json_key(&w, past->changes ? "changes" : "runs");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < past->n; i++) {

        if (past->changes) {
            ngx_directstream_json_object(&w, ngx_directstream_changed,
                                         &past->rows.changes[i]);
        } else {
            ngx_directstream_json_object(&w, ngx_directstream_run,
                                         &past->rows.runs[i]);
        }
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}
