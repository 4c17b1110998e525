
/*
 * ngx_directstream_render.c: the API's objects as JSON, made from copies of
 * what the zone holds, never with its lock held.  No token and no stream key
 * gets past here.
 */

#include "ngx_directstream_http.h"


typedef struct {
    ngx_directstream_json_t         *w;
    const ngx_directstream_page_t   *page;
    ngx_uint_t                       total;
    ngx_uint_t                       count;     /* of this page */
    ngx_uint_t                       more;      /* after it */
    char                             last[DS_NAME_LEN + 1];     /* of it */
} ngx_directstream_seen_t;


static void ngx_directstream_render_each(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_render_field(ngx_directstream_json_t *w,
    ds_def_t *def, const ngx_directstream_field_t *f);
static void ngx_directstream_render_stale(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_held(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_outdated(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_position(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_playing(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_next(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_url(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_push(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_pushes(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_output(ngx_directstream_json_t *w,
    const ngx_directstream_info_t *info, const ds_outlet_t *o);
static void ngx_directstream_render_outlet(ngx_directstream_json_t *w,
    const ds_outlet_t *o);
static void ngx_directstream_render_outlets(ngx_directstream_json_t *w,
    const ds_def_t *def);
static void ngx_directstream_render_youtube(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_watch(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_fetching(ngx_directstream_json_t *w,
    const void *base);
static void ngx_directstream_render_age(ngx_directstream_json_t *w,
    const void *base);


#define ngx_directstream_of_info(key, kind, field)                           \
    ngx_directstream_member(key, kind, ngx_directstream_info_t, field)

#define ngx_directstream_of_status(key, kind, field)                         \
    ngx_directstream_of_info(key, kind, status.field)


static const ngx_directstream_member_t  ngx_directstream_playing[] = {
    ngx_directstream_of_status("index", INDEX, item.index),
    ngx_directstream_of_status("id", TEXT, item.id),
    ngx_directstream_of_status("title", TEXT, item.title),
    ngx_directstream_of_status("duration", SECONDS, item.duration),
    ngx_directstream_of_status("position", SECONDS, position),
    ngx_directstream_of_status("from_cache", BOOL, item_from_cache),
    ngx_directstream_of_status("decision", DECISION, decision),
    ngx_directstream_of_status("reason", TEXT, decision_reason),
    ngx_directstream_of_status("queue_id", WORD, queue_id),
    ngx_directstream_of_status("queued_by", WORD, queued_by),
    ngx_directstream_of_status("slot", WORD, slots.label),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_slots[] = {
    ngx_directstream_of_status("slot", WORD, slots.label),
    ngx_directstream_of_status("start", TIME, slots.start),
    ngx_directstream_of_status("until", TIME, slots.until),
    ngx_directstream_of_status("late", SECONDS, slots.late),
    ngx_directstream_of_status("due", WORD, slots.due),
    ngx_directstream_of_status("due_at", TIME, slots.due_start),
    ngx_directstream_of_status("due_late", BOOL, slots.due_late),
    ngx_directstream_of_status("next", WORD, slots.next),
    ngx_directstream_of_status("next_at", TIME, slots.next_start),
    ngx_directstream_of_status("started", NUMBER, slots.started),
    ngx_directstream_of_status("missed", NUMBER, slots.missed),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_next[] = {
    ngx_directstream_of_status("index", INDEX, next.index),
    ngx_directstream_of_status("id", TEXT, next.id),
    ngx_directstream_of_status("title", TEXT, next.title),
    ngx_directstream_of_status("duration", SECONDS, next.duration),
    ngx_directstream_of_status("ready", BOOL, next_ready),
    ngx_directstream_of_status("from_cache", BOOL, next_from_cache),
    ngx_directstream_of_status("decision", DECISION, next_decision),
    ngx_directstream_of_status("reason", TEXT, next_reason),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_playlist[] = {
    ngx_directstream_of_status("count", NUMBER, count),
    ngx_directstream_of_status("complete", BOOL, complete),
    ngx_directstream_of_status("truncated", BOOL, list.truncated),
    ngx_directstream_of_status("refreshed_at", TIME, list.refreshed_at),
    ngx_directstream_member_call("age", ngx_directstream_render_age),
    ngx_directstream_of_status("refreshing", BOOL, list.refreshing),
    ngx_directstream_of_status("added", NUMBER, list.added),
    ngx_directstream_of_status("removed", NUMBER, list.removed),
    ngx_directstream_of_status("moved", NUMBER, list.moved),
    ngx_directstream_of_status("changed", NUMBER, list.changed),
    ngx_directstream_of_status("pending", ERROR, list.pending),
    ngx_directstream_of_status("played", NUMBER, played),
    ngx_directstream_of_status("failed", NUMBER, failed),
    ngx_directstream_of_status("skipped", NUMBER, skipped),
    ngx_directstream_of_status("items_copied", NUMBER, copied),
    ngx_directstream_of_status("items_encoded", NUMBER, encoded),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_queue[] = {
    ngx_directstream_of_info("length", NUMBER, queued),
    ngx_directstream_of_info("revision", NUMBER, queue_changes),
    ngx_directstream_of_status("started", NUMBER, queue_started),
    ngx_directstream_of_status("failed", NUMBER, queue_failed),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_output[] = {
    ngx_directstream_member_call("url", ngx_directstream_render_url),
    ngx_directstream_of_status("connected", BOOL, connected),
    ngx_directstream_of_status("bytes", NUMBER, bytes),
    ngx_directstream_of_status("reconnects", NUMBER, reconnects),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_push[] = {
    ngx_directstream_member("since", TIME, ds_push_status_t, since),
    ngx_directstream_member("connected", BOOL, ds_push_status_t, connected),
    ngx_directstream_member("bytes", NUMBER, ds_push_status_t, bytes),
    ngx_directstream_member("reconnects", NUMBER, ds_push_status_t,
                            reconnects),
    ngx_directstream_member("dropped", NUMBER, ds_push_status_t, dropped),
    ngx_directstream_member("waiting", NUMBER, ds_push_status_t, waiting),
    ngx_directstream_member("error", ERROR, ds_push_status_t, error),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_broadcast[] = {
    ngx_directstream_of_status("state", YOUTUBE, youtube.state),
    ngx_directstream_of_status("since", TIME, youtube.since),
    ngx_directstream_of_status("checked_at", TIME, youtube.checked),
    ngx_directstream_of_status("broadcast", WORD, youtube.broadcast),
    ngx_directstream_member_call("url", ngx_directstream_render_watch),
    ngx_directstream_of_status("title", WORD, youtube.title),
    ngx_directstream_of_status("started_at", TIME, youtube.started),
    ngx_directstream_of_status("rollover_at", TIME, youtube.rollover),
    ngx_directstream_of_status("stream_status", WORD, youtube.stream),
    ngx_directstream_of_status("health", WORD, youtube.health),
    ngx_directstream_of_status("issue", WORD, youtube.issue),
    ngx_directstream_of_status("issues", NUMBER, youtube.issues),
    ngx_directstream_of_status("would_revive", WORD, youtube.revive),
    ngx_directstream_of_status("would_rollover", WORD, youtube.replace),
    ngx_directstream_of_status("dark_ms", NUMBER, youtube.totals.dark),
    ngx_directstream_of_status("made", NUMBER, youtube.totals.made),
    ngx_directstream_of_status("revived", NUMBER, youtube.totals.revived),
    ngx_directstream_of_status("replaced", NUMBER, youtube.totals.replaced),
    ngx_directstream_of_status("quota_used", NUMBER, youtube.quota),
    ngx_directstream_of_status("error", ERROR, youtube.error),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_cache[] = {
    ngx_directstream_of_status("hits", NUMBER, counts.cache_hits),
    ngx_directstream_of_status("misses", NUMBER, counts.cache_misses),
    ngx_directstream_of_status("keeping", BOOL, keeping),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_prefetch[] = {
    ngx_directstream_of_status("active", BOOL, prefetch.active),
    ngx_directstream_of_status("done", NUMBER, prefetch.done),
    ngx_directstream_of_status("failed", NUMBER, prefetch.failed),
    ngx_directstream_of_status("total", NUMBER, prefetch.total),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_status[] = {
    ngx_directstream_of_status("state", STATE, state),
    ngx_directstream_of_status("since", TIME, since),
    ngx_directstream_member_call("stale", ngx_directstream_render_stale),
    ngx_directstream_member_call("outdated", ngx_directstream_render_outdated),
    ngx_directstream_member_call("item", ngx_directstream_render_playing),
    ngx_directstream_member_call("next", ngx_directstream_render_next),
    ngx_directstream_member_object("playlist", ngx_directstream_playlist),
    ngx_directstream_member_object("queue", ngx_directstream_queue),
    ngx_directstream_member_object("schedule", ngx_directstream_slots),
    ngx_directstream_member_object("output", ngx_directstream_output),
    ngx_directstream_member_call("push", ngx_directstream_render_push),
    ngx_directstream_member_call("outputs", ngx_directstream_render_pushes),
    ngx_directstream_member_call("youtube", ngx_directstream_render_youtube),
    ngx_directstream_member_object("cache", ngx_directstream_cache),
    ngx_directstream_member_call("fetching",
                                 ngx_directstream_render_fetching),
    ngx_directstream_member_object("prefetch", ngx_directstream_prefetch),
    ngx_directstream_of_status("slate_on_air", BOOL, slate),
    ngx_directstream_of_status("bytes_in", NUMBER, counts.bytes_in),
    ngx_directstream_of_status("buffer_ms", NUMBER, buffer),
    ngx_directstream_of_status("dead_air_ms", NUMBER, dead_air),
    ngx_directstream_of_status("lateness_ms", NUMBER, lateness),
    ngx_directstream_of_status("error", ERROR, error),
    ngx_directstream_of_info("owner_pid", COUNT, owner),
    ngx_directstream_member_call("held_by", ngx_directstream_render_held),
    ngx_directstream_of_info("node", WORD, cluster.node),
    ngx_directstream_of_info("epoch", COUNT, cluster.epoch),
    ngx_directstream_member_end
};

/* of it what always changes on air */

static const ngx_directstream_member_t  ngx_directstream_progress[] = {
    ngx_directstream_of_info("name", TEXT, def.name),
    ngx_directstream_member_call("position",
                                 ngx_directstream_render_position),
    ngx_directstream_of_status("bytes", NUMBER, bytes),
    ngx_directstream_of_status("buffer_ms", NUMBER, buffer),
    ngx_directstream_of_status("dead_air_ms", NUMBER, dead_air),
    ngx_directstream_member_call("fetching",
                                 ngx_directstream_render_fetching),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_fetching[] = {
    ngx_directstream_member("index", INDEX, ds_fetching_t, index),
    ngx_directstream_member("bytes", NUMBER, ds_fetching_t, bytes),
    ngx_directstream_member("total", COUNT, ds_fetching_t, total),
    ngx_directstream_member("speed", NUMBER, ds_fetching_t, speed),
    ngx_directstream_member("eta", SECONDS, ds_fetching_t, left),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_item[] = {
    ngx_directstream_member("index", NUMBER, ds_item_t, index),
    ngx_directstream_member("id", TEXT, ds_item_t, id),
    ngx_directstream_member("title", TEXT, ds_item_t, title),
    ngx_directstream_member("duration", SECONDS, ds_item_t, duration),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_verdict[] = {
    ngx_directstream_member("verdict", VERDICT, ds_item_t, verdict),
    ngx_directstream_member("code", CODE, ds_item_t, verdict_code),
    ngx_directstream_member("checked_at", TIME, ds_item_t, checked),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_item_state[] = {
    ngx_directstream_member("state", ITEM_STATE, ds_item_t, state),
    ngx_directstream_member_object("preflight", ngx_directstream_verdict),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_item_fault[] = {
    ngx_directstream_member("code", CODE, ds_item_t, code),
    ngx_directstream_member("reason", WORD, ds_item_t, reason),
    ngx_directstream_member_end
};

/* what was opened; what the list itself refuses has no verdict */

static const ngx_directstream_member_t  ngx_directstream_check_item[] = {
    ngx_directstream_member("verdict", VERDICT, ds_item_t, verdict),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_relay[] = {
    ngx_directstream_member("pid", COUNT, ngx_directstream_whole_t, pid),
    ngx_directstream_member("alive", BOOL, ngx_directstream_whole_t, alive),
    ngx_directstream_member("generation", NUMBER, ngx_directstream_whole_t,
                            generation),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_memory[] = {
    ngx_directstream_member("size", NUMBER, ngx_directstream_whole_t, size),
    ngx_directstream_member("free", NUMBER, ngx_directstream_whole_t, free),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_canary[] = {
    ngx_directstream_member("enabled", BOOL, ngx_directstream_whole_t,
                            resolver.canary),
    ngx_directstream_member("checked_at", TIME, ngx_directstream_whole_t,
                            resolver.canary_at),
    ngx_directstream_member("error", ERROR, ngx_directstream_whole_t,
                            resolver.canary_error),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_resolving[] = {
    ngx_directstream_member("fallback", BOOL, ngx_directstream_whole_t,
                            resolver.fallback),
    ngx_directstream_member("since", TIME, ngx_directstream_whole_t,
                            resolver.since),
    ngx_directstream_member("error", ERROR, ngx_directstream_whole_t,
                            resolver.error),
    ngx_directstream_member_object("canary", ngx_directstream_canary),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_whole[] = {
    ngx_directstream_member_object("relay", ngx_directstream_relay),
    ngx_directstream_member_object("resolver", ngx_directstream_resolving),
    ngx_directstream_member_object("zone", ngx_directstream_memory),
    ngx_directstream_member_end
};


void
ngx_directstream_render_list(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, const ngx_directstream_page_t *page)
{
    ngx_array_t              *fields;
    ngx_directstream_seen_t   seen;
    ngx_directstream_whole_t  whole;

    ngx_memzero(&seen, sizeof(ngx_directstream_seen_t));

    seen.w = w;
    seen.page = page;

    /* they are of the streams alone */

    fields = w->fields;
    w->fields = NULL;

    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "streams");
    ngx_directstream_json_open(w, '[');

    w->fields = fields;
    w->within = w->depth + 1;

    if (ngx_directstream_zone_each(dcf, w->pool, ngx_directstream_render_each,
                                   &seen)
        != NGX_OK)
    {
        w->failed = 1;
    }

    ngx_directstream_json_close(w, ']');

    w->fields = NULL;

    ngx_directstream_json_key(w, "total");
    ngx_directstream_json_integer(w, seen.total);
    ngx_directstream_json_key(w, "next");

    if (seen.more) {
        ngx_directstream_json_string(w, seen.last, DS_NAME_LEN);

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_zone_whole(dcf, &whole);
    ngx_directstream_json_members(w, ngx_directstream_whole, &whole);

    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_render_each(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_seen_t *seen = data;

    const ngx_directstream_page_t  *page;

    page = seen->page;

    if (!(page->states & (1 << info->status.state))
        || !ngx_directstream_token_sees(page->token, info->def.name))
    {
        return;
    }

    seen->total++;

    if (ngx_strcmp(info->def.name, page->after) <= 0) {
        return;
    }

    if (page->limit != 0 && seen->count == page->limit) {
        seen->more = 1;
        return;
    }

    seen->count++;
    ngx_memcpy(seen->last, info->def.name, sizeof(seen->last));

    ngx_directstream_render_stream(seen->w, info);
}


void
ngx_directstream_render_stream(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info)
{
    const ngx_directstream_field_t  *f;

    ngx_directstream_json_open(w, '{');

    for (f = ngx_directstream_fields; f->name != NULL; f++) {

        if (f->kind == NGX_DIRECTSTREAM_SCHEDULE) {
            /* it is a resource of its own */
            continue;
        }

        if (f->kind == NGX_DIRECTSTREAM_OUTPUTS) {
            ngx_directstream_render_outlets(w, &info->def);
            continue;
        }

        ngx_directstream_json_key(w, f->name);
        ngx_directstream_render_field(w, &info->def, f);
    }

    ngx_directstream_json_key(w, "static");
    ngx_directstream_json_bool(w, info->fixed);
    ngx_directstream_json_key(w, "running");
    ngx_directstream_json_bool(w, info->running);

    ngx_directstream_json_key(w, "status");
    ngx_directstream_json_object(w, ngx_directstream_status, info);

    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_render_field(ngx_directstream_json_t *w, ds_def_t *def,
    const ngx_directstream_field_t *f)
{
    char     text[DS_PLAYLIST_LEN + 1];
    int64_t  n;

    if (f->kind <= NGX_DIRECTSTREAM_SIZE && f->kind != NGX_DIRECTSTREAM_FLAG) {
        ngx_directstream_field_show(f, def, text);

        if (text[0] != '\0') {
            ngx_directstream_json_string(w, text, sizeof(text));

        } else {
            ngx_directstream_json_null(w);
        }

        return;
    }

    n = ngx_directstream_field_get(f, def);

    if (f->kind == NGX_DIRECTSTREAM_FLAG) {
        ngx_directstream_json_bool(w, n != 0);

    } else if (f->kind == NGX_DIRECTSTREAM_TIME) {
        ngx_directstream_json_seconds(w, n);

    } else {
        ngx_directstream_json_integer(w, n);
    }
}


ngx_uint_t
ngx_directstream_stale(const ngx_directstream_info_t *info)
{
    return (info->owner != 0)
           ? !ngx_directstream_alive(info->owner, info->seen)
           : !ngx_directstream_relay_alive(ngx_directstream_get_conf());
}


static void
ngx_directstream_render_stale(ngx_directstream_json_t *w, const void *base)
{
    ngx_directstream_json_bool(w, ngx_directstream_stale(base));
}


/* by a process of another nginx */

static void
ngx_directstream_render_held(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    if (info->status.state == DS_HELD && info->owner != 0) {
        ngx_directstream_json_integer(w, info->owner);

    } else {
        ngx_directstream_json_null(w);
    }
}


static void
ngx_directstream_render_outdated(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_directstream_json_bool(w, info->outdated);
}


void
ngx_directstream_render_progress(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info)
{
    ngx_directstream_json_members(w, ngx_directstream_progress, info);
}


static void
ngx_directstream_render_position(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_directstream_json_seconds(w, info->status.has_item
                                     ? info->status.position : -1);
}


static void
ngx_directstream_render_playing(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_directstream_json_object(w, ngx_directstream_playing,
                                 info->status.has_item ? base : NULL);
}


static void
ngx_directstream_render_next(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_directstream_json_object(w, ngx_directstream_next,
                                 info->status.has_next ? base : NULL);
}


static void
ngx_directstream_render_url(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    char         url[DS_URL_LEN + DS_NAME_LEN + 2];
    ds_outlet_t  o;

    if (ngx_strcmp(info->def.publish, "none") == 0
        && ngx_directstream_outputs_first(info->def.outputs, &o))
    {
        ds_redact_url(url, sizeof(url), o.url);
        ngx_directstream_json_string(w, url, sizeof(url));
        return;
    }

    (void) ngx_snprintf((u_char *) url, sizeof(url), "%s/%s%Z",
                        info->def.publish, info->def.name);

    ngx_directstream_json_string(w, url, sizeof(url));
}


/* the first output; what nginx-rtmp pushes it does not tell */

static void
ngx_directstream_render_push(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ds_outlet_t  o;

    if (ngx_directstream_outputs_first(info->def.outputs, &o) && o.engine) {
        ngx_directstream_render_output(w, info, &o);

    } else {
        ngx_directstream_json_null(w);
    }
}


static void
ngx_directstream_render_pushes(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    size_t       pos;
    ds_outlet_t  o;

    ngx_directstream_json_open(w, '[');

    for (pos = 0; ds_outlet_next(info->def.outputs, &pos, &o); /* void */) {
        ngx_directstream_render_output(w, info, &o);
    }

    ngx_directstream_json_close(w, ']');
}


static void
ngx_directstream_render_output(ngx_directstream_json_t *w,
    const ngx_directstream_info_t *info, const ds_outlet_t *o)
{
    const char              *state;
    ds_push_status_t         none;
    const ds_push_status_t  *st;

    st = ngx_directstream_outputs_status(&info->status, o->name);

    if (o->stopped || !info->running) {
        state = "stopped";

    } else if (!o->engine) {
        state = "unknown";

    } else if (st == NULL || (!st->connected && st->error.code == DS_OK)) {
        state = "connecting";

    } else {
        state = st->connected ? "up" : "down";
    }

    if (st == NULL) {
        ngx_memzero(&none, sizeof(ds_push_status_t));
        st = &none;
    }

    ngx_directstream_json_open(w, '{');
    ngx_directstream_render_outlet(w, o);
    ngx_directstream_json_text(w, "state", state, 16);
    ngx_directstream_json_members(w, ngx_directstream_push, st);
    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_render_outlet(ngx_directstream_json_t *w,
    const ds_outlet_t *o)
{
    char  url[DS_URL_LEN + 1];

    ds_redact_url(url, sizeof(url), o->url);

    ngx_directstream_json_text(w, "name", o->name, sizeof(o->name));
    ngx_directstream_json_text(w, "url", url, sizeof(url));
    ngx_directstream_json_text(w, "role", o->backup ? "backup" : "primary",
                               16);
    ngx_directstream_json_text(w, "via", o->engine ? "engine" : "rtmp", 16);
}


/* "push" and "push_via" are the first one's */

static void
ngx_directstream_render_outlets(ngx_directstream_json_t *w,
    const ds_def_t *def)
{
    char         url[DS_URL_LEN + 1];
    size_t       pos;
    ds_outlet_t  o;

    ngx_directstream_json_key(w, "outputs");
    ngx_directstream_json_open(w, '[');

    for (pos = 0; ds_outlet_next(def->outputs, &pos, &o); /* void */) {
        ngx_directstream_json_open(w, '{');
        ngx_directstream_render_outlet(w, &o);
        ngx_directstream_json_key(w, "stopped");
        ngx_directstream_json_bool(w, o.stopped);
        ngx_directstream_json_close(w, '}');
    }

    ngx_directstream_json_close(w, ']');

    if (!ngx_directstream_outputs_first(def->outputs, &o)) {
        ngx_directstream_json_key(w, "push");
        ngx_directstream_json_null(w);
        ngx_directstream_json_key(w, "push_via");
        ngx_directstream_json_null(w);
        return;
    }

    ds_redact_url(url, sizeof(url), o.url);

    ngx_directstream_json_text(w, "push", url, sizeof(url));
    ngx_directstream_json_text(w, "push_via", o.engine ? "engine" : "rtmp",
                               16);
}


static void
ngx_directstream_render_youtube(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_directstream_json_object(w, ngx_directstream_broadcast,
                                 info->status.youtube.enabled ? base : NULL);
}


static void
ngx_directstream_render_watch(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    char  url[sizeof("https://www.youtube.com/watch?v=") + DS_YOUTUBE_ID];

    if (info->status.youtube.broadcast[0] == '\0') {
        ngx_directstream_json_null(w);
        return;
    }

    (void) ngx_snprintf((u_char *) url, sizeof(url),
                        "https://www.youtube.com/watch?v=%s%Z",
                        info->status.youtube.broadcast);
    ngx_directstream_json_string(w, url, sizeof(url));
}


static void
ngx_directstream_render_age(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    int64_t  age;

    age = ngx_directstream_now() - info->status.list.refreshed_at;

    /* a clock may be set back */

    ngx_directstream_json_seconds(w, info->status.list.refreshed_at == 0
                                     ? -1 : ngx_max(age, 0));
}


static void
ngx_directstream_render_fetching(ngx_directstream_json_t *w, const void *base)
{
    const ngx_directstream_info_t  *info = base;

    ngx_uint_t            i;
    const ds_fetching_t  *f;

    ngx_directstream_json_open(w, '[');

    for (i = 0; i < DS_FETCHES; i++) {
        f = &info->status.fetching[i];

        if (f->active) {
            ngx_directstream_json_object(w, ngx_directstream_fetching, f);
        }
    }

    ngx_directstream_json_close(w, ']');
}


/* an item of a playlist; of a lookup without its state */

void
ngx_directstream_render_item(ngx_directstream_json_t *w, ds_item_t *item,
    ngx_uint_t state)
{
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_members(w, ngx_directstream_item, item);

    if (state) {
        ngx_directstream_json_members(w, ngx_directstream_item_state, item);
    }

    ngx_directstream_json_members(w, ngx_directstream_item_fault, item);
    ngx_directstream_json_close(w, '}');
}


void
ngx_directstream_render_checked(ngx_directstream_json_t *w, ds_item_t *item)
{
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_members(w, ngx_directstream_item, item);
    ngx_directstream_json_members(w, ngx_directstream_check_item, item);
    ngx_directstream_json_members(w, ngx_directstream_item_fault, item);
    ngx_directstream_json_close(w, '}');
}
