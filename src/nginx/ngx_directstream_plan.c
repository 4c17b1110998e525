
/*
 * ngx_directstream_plan.c: what a stream would air, by its schedule or by one
 * that is only asked about; as JSON, and as XMLTV for guides of programmes.
 * The relay worker makes the plan.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_PLAN_SPAN  86400000    /* ms, unless told */

/* of a guide: programmes, and ms unless told */
#define NGX_DIRECTSTREAM_GUIDE_MAX   2000
#define NGX_DIRECTSTREAM_GUIDE_SPAN  (2 * 86400000)


static ngx_int_t ngx_directstream_plan_args(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, int64_t span);
static ngx_int_t ngx_directstream_guide_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static void ngx_directstream_guide_programme(ngx_directstream_json_t *w,
    const char *stream, const ds_planned_t *e);
static void ngx_directstream_guide_time(ngx_directstream_json_t *w,
    const char *name, int64_t ms, int32_t zone);
static void ngx_directstream_guide_text(ngx_directstream_json_t *w,
    const char *text);
static ngx_int_t ngx_directstream_plan_ask(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const ds_def_t *def,
    ngx_directstream_handler_pt poll);
static ngx_int_t ngx_directstream_plan_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, ds_plan_answer_t *plan);
static ngx_int_t ngx_directstream_plan_json(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx);
static void ngx_directstream_plan_why(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_plan_item(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_plan_kind(ngx_directstream_json_t *w,
    const void *base);


#define ngx_directstream_of_planned(key, kind, field)                        \
    ngx_directstream_member(key, kind, ds_planned_t, field)

#define ngx_directstream_of_conflict(key, kind, field)                       \
    ngx_directstream_member(key, kind, ds_conflict_t, field)


static const ngx_directstream_member_t  ngx_directstream_planned[] = {
    ngx_directstream_of_planned("start", TIME, start),
    ngx_directstream_of_planned("end", TIME, end),
    ngx_directstream_member_call("why", ngx_directstream_plan_why),
    ngx_directstream_of_planned("slot", WORD, slot),
    ngx_directstream_of_planned("late", SECONDS, late),
    ngx_directstream_of_planned("from", SECONDS, from),
    ngx_directstream_of_planned("cut", BOOL, cut),
    ngx_directstream_of_planned("estimated", BOOL, guessed),
    ngx_directstream_member_call("item", ngx_directstream_plan_item),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_planned_item[] = {
    ngx_directstream_of_planned("index", INDEX, index),
    ngx_directstream_of_planned("id", WORD, id),
    ngx_directstream_of_planned("title", WORD, title),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_conflict[] = {
    ngx_directstream_member_call("kind", ngx_directstream_plan_kind),
    ngx_directstream_of_conflict("slot", TEXT, slot),
    ngx_directstream_of_conflict("start", TIME, start),
    ngx_directstream_of_conflict("by", WORD, by),
    ngx_directstream_of_conflict("seconds", SECONDS, ms),
    ngx_directstream_member_end
};


ngx_int_t
ngx_directstream_plan_get(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_directstream_info_t  info;

    rc = ngx_directstream_plan_args(r, ctx, NGX_DIRECTSTREAM_PLAN_SPAN);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    return ngx_directstream_plan_ask(r, ctx, &info.def,
                                     ngx_directstream_plan_json);
}


ngx_int_t
ngx_directstream_guide(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                rc;
    ngx_directstream_info_t  info;

    rc = ngx_directstream_plan_args(r, ctx, NGX_DIRECTSTREAM_GUIDE_SPAN);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ctx->plan.offset = 0;
    ctx->plan.limit = NGX_DIRECTSTREAM_GUIDE_MAX;

    if (ngx_directstream_zone_get(ngx_directstream_get_conf(), ctx->name,
                                  &info)
        != NGX_OK)
    {
        return ngx_directstream_missing(r, ctx->name);
    }

    return ngx_directstream_plan_ask(r, ctx, &info.def,
                                     ngx_directstream_guide_poll);
}


/* nothing of it is kept */

ngx_int_t
ngx_directstream_plan_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    ngx_int_t                   rc;
    ngx_directstream_info_t     info;
    ngx_directstream_conf_t    *dcf;
    ngx_directstream_mistake_t  m;

    dcf = ngx_directstream_get_conf();

    rc = ngx_directstream_plan_args(r, ctx, NGX_DIRECTSTREAM_PLAN_SPAN);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    if (ngx_directstream_zone_get(dcf, ctx->name, &info) != NGX_OK) {
        return ngx_directstream_missing(r, ctx->name);
    }

    if (ngx_directstream_schedule_parse(dcf, &ctx->body, info.def.schedule,
                                        &m)
        != NGX_OK)
    {
        return ngx_directstream_problem(r, 400, m.code, m.field, "%s",
                                        m.detail);
    }

    return ngx_directstream_plan_ask(r, ctx, &info.def,
                                     ngx_directstream_plan_json);
}


/* NGX_DECLINED: it is wrong, as has been answered */

static ngx_int_t
ngx_directstream_plan_args(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    int64_t span)
{
    int64_t          now;
    ngx_int_t        rc;
    const char      *field, *what;
    ds_plan_conf_t  *plan;

    rc = ngx_directstream_args(r, ctx, 100);
    if (rc != NGX_OK) {
        return rc;
    }

    plan = &ctx->plan;
    now = ngx_directstream_now();
    field = NULL;
    what = "it must be a time in UTC, as \"2026-11-28T14:00:00Z\"";

    plan->offset = (uint32_t) ctx->offset;
    plan->limit = (uint32_t) ctx->limit;
    plan->from = now;

    if (ngx_directstream_arg_time(r, "from", &plan->from) == NGX_ERROR) {
        field = "from";
    }

    plan->until = ngx_max(now, plan->from) + span;

    if (ngx_directstream_arg_time(r, "until", &plan->until) == NGX_ERROR) {
        field = "until";

    } else if (field == NULL && plan->until <= ngx_max(now, plan->from)) {
        field = "until";
        what = "it must be after \"from\", and in the future";

    } else if (field == NULL && plan->until > now + DS_PLAN_AHEAD) {
        field = "until";
        what = "a plan has the next 8 days";
    }

    if (field == NULL) {
        return NGX_OK;
    }

    rc = ngx_directstream_problem(r, 400, "invalid_field", field, "%s", what);

    return (rc == NGX_OK) ? NGX_DECLINED : rc;
}


static ngx_int_t
ngx_directstream_plan_ask(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    const ds_def_t *def, ngx_directstream_handler_pt poll)
{
    ngx_int_t  rc;

    rc = ngx_directstream_job_plan(ngx_directstream_get_conf(), def,
                                   &ctx->plan, &ctx->job);

    if (rc == NGX_ABORT) {
        return ngx_directstream_ask_down(r);
    }

    if (rc == NGX_DECLINED) {
        return ngx_directstream_missing(r, ctx->name);
    }

    if (rc != NGX_OK) {
        return ngx_directstream_problem(r, 503, "busy", NULL,
                                        "%d plans are being made, try again "
                                        "later", NGX_DIRECTSTREAM_LOOKUPS);
    }

    return ngx_directstream_ask(r, ctx, poll);
}


/*
 * NGX_OK: there is one, in the request's pool; NGX_DECLINED: why there is none
 * has been answered; else what "poll" returns
 */

static ngx_int_t
ngx_directstream_plan_poll(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx,
    ds_plan_answer_t *plan)
{
    u_char                     *p;
    ngx_int_t                   rc;
    ds_error_t                 *err;
    ngx_directstream_answer_t   answer;

    rc = ngx_directstream_job_poll(ngx_directstream_get_conf(), ctx->job,
                                   r->pool, &answer);

    if (rc == NGX_AGAIN) {
        return rc;
    }

    if (rc != NGX_OK) {
        rc = (rc == NGX_ERROR) ? NGX_HTTP_INTERNAL_SERVER_ERROR
             : (rc == NGX_DECLINED) ? ngx_directstream_missing(r, ctx->name)
                                    : ngx_directstream_ask_down(r);

        return (rc == NGX_OK) ? NGX_DECLINED : rc;
    }

    if (answer.data.len == 0) {
        err = &answer.status.error;

        rc = ngx_directstream_problem(r, (err->code == DS_OK
                                          || err->code == DS_ENOMEM)
                                         ? 503 : NGX_HTTP_BAD_GATEWAY,
                                      (err->code == DS_OK)
                                      ? "busy" : ds_error_code(err->code),
                                      NULL, "%s", err->message);

        return (rc == NGX_OK) ? NGX_DECLINED : rc;
    }

    /* as it was packed there */

    p = answer.data.data;
    ngx_memcpy(plan, p, sizeof(ds_plan_answer_t));
    p += sizeof(ds_plan_answer_t);
    plan->entries = (ds_planned_t *) p;
    p += plan->n * sizeof(ds_planned_t);
    plan->conflicts = (ds_conflict_t *) p;

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_plan_json(ngx_http_request_t *r, ngx_directstream_ctx_t *ctx)
{
    uint32_t                 i;
    ngx_int_t                rc;
    ds_plan_answer_t         plan;
    ngx_directstream_json_t  w;

    rc = ngx_directstream_plan_poll(r, ctx, &plan);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ngx_directstream_json_init(&w, r->pool);
    ngx_directstream_json_open(&w, '{');
    ngx_directstream_json_key(&w, "total");
    ngx_directstream_json_integer(&w, plan.count);
    ngx_directstream_json_key(&w, "offset");
    ngx_directstream_json_integer(&w, ctx->offset);
    ngx_directstream_json_key(&w, "truncated");
    ngx_directstream_json_bool(&w, plan.truncated);
    ngx_directstream_json_key(&w, "entries");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < plan.n; i++) {
        ngx_directstream_json_object(&w, ngx_directstream_planned,
                                     &plan.entries[i]);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_key(&w, "conflicts");
    ngx_directstream_json_open(&w, '[');

    for (i = 0; i < plan.nconflicts; i++) {
        ngx_directstream_json_object(&w, ngx_directstream_conflict,
                                     &plan.conflicts[i]);
    }

    ngx_directstream_json_close(&w, ']');
    ngx_directstream_json_close(&w, '}');
    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static void
ngx_directstream_plan_why(ngx_directstream_json_t *w, const void *base)
{
    const ds_planned_t *e = base;

    ngx_directstream_json_string(w, ds_why_name(e->why), 16);
}


static void
ngx_directstream_plan_item(ngx_directstream_json_t *w, const void *base)
{
    const ds_planned_t *e = base;

    ngx_directstream_json_object(w, ngx_directstream_planned_item,
                                 (e->why == DS_WHY_SLATE) ? NULL : base);
}


static void
ngx_directstream_plan_kind(ngx_directstream_json_t *w, const void *base)
{
    const ds_conflict_t *c = base;

    ngx_directstream_json_string(w, ds_conflict_name(c->kind), 16);
}


static ngx_int_t
ngx_directstream_guide_poll(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    uint32_t                 i;
    ngx_int_t                rc;
    ds_planned_t            *e;
    ds_plan_answer_t         plan;
    ngx_directstream_json_t  w;

    rc = ngx_directstream_plan_poll(r, ctx, &plan);
    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : rc;
    }

    ngx_directstream_json_init(&w, r->pool);

    /* a name has no character that XML means anything by */

    ngx_directstream_json_print(&w, "<?xml version=\"1.0\" "
                                "encoding=\"UTF-8\"?>\n"
                                "<!DOCTYPE tv SYSTEM \"xmltv.dtd\">\n"
                                "<tv generator-info-name=\"directstream\">\n"
                                "  <channel id=\"%s.directstream\">\n"
                                "    <display-name>%s</display-name>\n"
                                "  </channel>\n", ctx->name, ctx->name);

    for (i = 0; i < plan.n; i++) {
        e = &plan.entries[i];

        if (e->why != DS_WHY_SLATE && e->end / 1000 > e->start / 1000) {
            ngx_directstream_guide_programme(&w, ctx->name, e);
        }
    }

    ngx_directstream_json_print(&w, "</tv>\n");

    ngx_str_set(&r->headers_out.content_type, "application/xml");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static void
ngx_directstream_guide_programme(ngx_directstream_json_t *w,
    const char *stream, const ds_planned_t *e)
{
    ngx_directstream_json_print(w, "  <programme");
    ngx_directstream_guide_time(w, "start", e->start, e->start_zone);
    ngx_directstream_guide_time(w, "stop", e->end, e->end_zone);
    ngx_directstream_json_print(w, " channel=\"%s.directstream\">\n"
                                "    <title>", stream);

    ngx_directstream_guide_text(w, (e->title[0] != '\0') ? e->title
                                   : (e->id[0] != '\0') ? e->id : stream);

    ngx_directstream_json_print(w, "</title>\n  </programme>\n");
}


/* local time and how far it is from UTC */

static void
ngx_directstream_guide_time(ngx_directstream_json_t *w, const char *name,
    int64_t ms, int32_t zone)
{
    int32_t   minutes;
    ngx_tm_t  tm;

    ngx_gmtime((time_t) (ms / 1000) + zone, &tm);
    minutes = ngx_abs(zone) / 60;

    ngx_directstream_json_print(w, " %s=\"%04d%02d%02d%02d%02d%02d "
                                "%c%02d%02d\"", name, tm.ngx_tm_year,
                                tm.ngx_tm_mon, tm.ngx_tm_mday,
                                tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                                (zone < 0) ? '-' : '+', minutes / 60,
                                minutes % 60);
}


/* what XML has no character for is left out */

static void
ngx_directstream_guide_text(ngx_directstream_json_t *w, const char *text)
{
    size_t       n;
    u_char      *p, *last, *start;
    uint32_t     ch;
    const char  *escape;

    p = (u_char *) text;
    last = p + strlen(text);

    while (p < last) {
        start = p;

        if (*p < 0x80) {
            ch = *p++;

        } else {
            ch = ngx_utf8_decode(&p, last - p);

            if (ch > 0x10ffff || ch == 0xfffe || ch == 0xffff) {
                p = (p > start) ? p : start + 1;
                continue;
            }
        }

        escape = (ch == '<') ? "&lt;" : (ch == '>') ? "&gt;"
                 : (ch == '&') ? "&amp;" : NULL;

        if (escape != NULL) {
            ngx_directstream_json_raw(w, escape, strlen(escape));

        } else if (ch >= 0x20 && ch != 0x7f) {
            n = p - start;
            ngx_directstream_json_raw(w, (char *) start, n);
        }
    }
}
