
/*
 * ngx_directstream_schedule.c: the API's schedule of a stream: a part of its
 * definition, with a resource and a form of its own.
 */

#include "ngx_directstream_http.h"


static ngx_int_t ngx_directstream_schedule_render(ngx_directstream_json_t *w,
    const ds_def_t *def);
static void ngx_directstream_schedule_slot(ngx_directstream_json_t *w,
    const ds_timeslot_t *slot);


ngx_int_t
ngx_directstream_schedule_get(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx)
{
    return ngx_directstream_schedule_show(r, ctx->name);
}


ngx_int_t
ngx_directstream_schedule_show(ngx_http_request_t *r, const char *name)
{
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

    if (ngx_directstream_schedule_render(&w, &info.def) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_directstream_json_raw(&w, "\n", 1);

    return ngx_directstream_send(r, NGX_HTTP_OK, &w);
}


static ngx_int_t
ngx_directstream_schedule_render(ngx_directstream_json_t *w,
    const ds_def_t *def)
{
    uint32_t        i;
    ds_error_t      err;
    ds_schedule_t  *s;

    s = ngx_alloc(sizeof(ds_schedule_t), ngx_cycle->log);
    if (s == NULL) {
        return NGX_ERROR;
    }

    if (ds_schedule_read(def->schedule, s, &err) != DS_OK) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "directstream \"%s\": schedule: %s", def->name,
                      err.message);
        ngx_free(s);
        return NGX_ERROR;
    }

    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_text(w, "timezone", s->timezone,
                               sizeof(s->timezone));
    ngx_directstream_json_key(w, "prepare");
    ngx_directstream_json_seconds(w, s->prepare);
    ngx_directstream_json_key(w, "slots");
    ngx_directstream_json_open(w, '[');

    for (i = 0; i < s->n; i++) {
        ngx_directstream_schedule_slot(w, &s->slots[i]);
    }

    ngx_directstream_json_close(w, ']');
    ngx_directstream_json_close(w, '}');

    ngx_free(s);

    return NGX_OK;
}


static void
ngx_directstream_schedule_slot(ngx_directstream_json_t *w,
    const ds_timeslot_t *slot)
{
    char  text[DS_URL_LEN + 1];

    ngx_directstream_json_open(w, '{');

    if (slot->kind == DS_SLOT_AT) {
        ngx_directstream_json_text(w, "at", slot->label,
                                   sizeof(slot->label));

    } else if (slot->kind == DS_SLOT_EVERY) {
        ngx_directstream_json_key(w, "every");
        ngx_directstream_json_seconds(w, slot->every);

    } else {
        ngx_directstream_json_key(w, "filler");
        ngx_directstream_json_bool(w, 1);
    }

    ds_redact_playlist(text, sizeof(text), slot->playlist);
    ngx_directstream_json_text(w, "playlist", text, sizeof(text));

    if (slot->kind != DS_SLOT_FILLER) {
        ngx_directstream_json_text(w, "start", ds_start_name(slot->start), 8);

        if (slot->start == DS_START_SOFT) {
            ngx_directstream_json_key(w, "late");
            ngx_directstream_json_seconds(w, slot->late);
        }
    }

    if (slot->until != 0) {
        ds_slot_clock(text, slot->until);
        ngx_directstream_json_text(w, "until", text, DS_SLOT_LEN);
    }

    if (slot->count != 0) {
        ngx_directstream_json_key(w, "count");
        ngx_directstream_json_integer(w, slot->count);
    }

    ngx_directstream_json_text(w, "cursor", slot->restart ? "restart"
                                                          : "continue", 16);

    if (slot->kind == DS_SLOT_AT) {
        ngx_directstream_json_key(w, "join");
        ngx_directstream_json_bool(w, slot->join);
    }

    ngx_directstream_json_close(w, '}');
}
