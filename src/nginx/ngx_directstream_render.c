
/*
 * ngx_directstream_render.c: the API's objects as JSON, made from copies of
 * what the zone holds, never with its lock held.  No token and no stream key
 * gets past here.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_INFOS  8      /* copied at a time */


static void ngx_directstream_render_def(ngx_directstream_json_t *w,
    ds_def_t *def);
static void ngx_directstream_render_status(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info, ngx_uint_t stale);
static void ngx_directstream_render_playing(ngx_directstream_json_t *w,
    ds_status_t *st);
static void ngx_directstream_render_counters(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info);
static void ngx_directstream_render_cache(ngx_directstream_json_t *w,
    ds_status_t *st);
static void ngx_directstream_render_field(ngx_directstream_json_t *w,
    ds_def_t *def, const ngx_directstream_field_t *f);
static void ngx_directstream_render_decision(ngx_directstream_json_t *w,
    ds_decision_e decision, const char *reason);
static void ngx_directstream_render_push(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info);
static void ngx_directstream_render_text(ngx_directstream_json_t *w,
    const char *key, const char *value, size_t max);


void
ngx_directstream_render_list(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf)
{
    char                      name[DS_NAME_LEN + 1];
    size_t                    size, free;
    uint64_t                  generation;
    ngx_pid_t                 pid;
    ngx_msec_t                seen;
    ngx_uint_t                i, n;
    ngx_directstream_info_t  *info;

    info = ngx_palloc(w->pool, NGX_DIRECTSTREAM_INFOS
                               * sizeof(ngx_directstream_info_t));
    if (info == NULL) {
        w->failed = 1;
        return;
    }

    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "streams");
    ngx_directstream_json_open(w, '[');

    name[0] = '\0';

    do {
        n = ngx_directstream_zone_list(dcf, name, info,
                                       NGX_DIRECTSTREAM_INFOS);

        for (i = 0; i < n; i++) {
            ngx_directstream_render_stream(w, dcf, &info[i]);
        }

        if (n != 0) {
            ngx_memcpy(name, info[n - 1].def.name, sizeof(name));
        }

    } while (n == NGX_DIRECTSTREAM_INFOS);

    ngx_directstream_json_close(w, ']');

    ngx_shmtx_lock(&dcf->shpool->mutex);

    pid = dcf->sh->relay;
    seen = dcf->sh->heartbeat;
    generation = dcf->sh->relay_generation;
    size = dcf->shpool->end - dcf->shpool->start;
    free = dcf->shpool->pfree * ngx_pagesize;

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    ngx_directstream_json_key(w, "relay");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "pid");

    if (pid > 0) {
        ngx_directstream_json_integer(w, pid);

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_json_key(w, "alive");
    ngx_directstream_json_bool(w, ngx_directstream_alive(pid, seen));
    ngx_directstream_json_key(w, "generation");
    ngx_directstream_json_integer(w, generation);
    ngx_directstream_json_close(w, '}');

    ngx_directstream_json_key(w, "zone");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "size");
    ngx_directstream_json_integer(w, size);
    ngx_directstream_json_key(w, "free");
    ngx_directstream_json_integer(w, free);
    ngx_directstream_json_close(w, '}');

    ngx_directstream_json_close(w, '}');
}


void
ngx_directstream_render_stream(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info)
{
    ngx_directstream_json_open(w, '{');

    ngx_directstream_render_def(w, &info->def);

    ngx_directstream_json_key(w, "static");
    ngx_directstream_json_bool(w, info->fixed);
    ngx_directstream_json_key(w, "running");
    ngx_directstream_json_bool(w, info->running);

    ngx_directstream_json_key(w, "status");
    ngx_directstream_render_status(w, info,
                                   ngx_directstream_stale(dcf, info));

    ngx_directstream_json_close(w, '}');
}


ngx_uint_t
ngx_directstream_stale(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info)
{
    return (info->owner != 0)
           ? !ngx_directstream_alive(info->owner, info->seen)
           : !ngx_directstream_relay_alive(dcf);
}


static void
ngx_directstream_render_def(ngx_directstream_json_t *w,
    ds_def_t *def)
{
    const ngx_directstream_field_t  *f;

    for (f = ngx_directstream_fields; f->name != NULL; f++) {
        ngx_directstream_json_key(w, f->name);
        ngx_directstream_render_field(w, def, f);
    }
}


static void
ngx_directstream_render_field(ngx_directstream_json_t *w, ds_def_t *def,
    const ngx_directstream_field_t *f)
{
    char     text[DS_URL_LEN + 1];
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


static void
ngx_directstream_render_status(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info, ngx_uint_t stale)
{
    ds_status_t  *st;

    st = &info->status;

    ngx_directstream_json_open(w, '{');

    ngx_directstream_render_text(w, "state", ds_state_name(st->state), 32);
    ngx_directstream_json_key(w, "since");
    ngx_directstream_json_time(w, st->since);
    ngx_directstream_json_key(w, "stale");
    ngx_directstream_json_bool(w, stale);

    ngx_directstream_render_playing(w, st);
    ngx_directstream_render_counters(w, info);
    ngx_directstream_render_cache(w, st);

    ngx_directstream_json_key(w, "slate_on_air");
    ngx_directstream_json_bool(w, st->slate);
    ngx_directstream_json_key(w, "bytes_in");
    ngx_directstream_json_integer(w, st->counts.bytes_in);
    ngx_directstream_json_key(w, "buffer_ms");
    ngx_directstream_json_integer(w, st->buffer);
    ngx_directstream_json_key(w, "dead_air_ms");
    ngx_directstream_json_integer(w, st->dead_air);
    ngx_directstream_json_key(w, "lateness_ms");
    ngx_directstream_json_integer(w, st->lateness);

    ngx_directstream_json_key(w, "error");
    ngx_directstream_render_error(w, &st->error);

    ngx_directstream_json_key(w, "owner_pid");

    if (info->owner > 0) {
        ngx_directstream_json_integer(w, info->owner);

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_render_playing(ngx_directstream_json_t *w, ds_status_t *st)
{
    ngx_directstream_json_key(w, "item");

    if (st->has_item) {
        ngx_directstream_json_open(w, '{');
        ngx_directstream_json_key(w, "index");
        ngx_directstream_json_integer(w, st->item.index);
        ngx_directstream_render_text(w, "id", st->item.id, DS_ID_LEN);
        ngx_directstream_render_text(w, "title", st->item.title,
                                     DS_TITLE_LEN);
        ngx_directstream_json_key(w, "duration");
        ngx_directstream_json_seconds(w, st->item.duration);
        ngx_directstream_json_key(w, "position");
        ngx_directstream_json_seconds(w, st->position);
        ngx_directstream_json_key(w, "from_cache");
        ngx_directstream_json_bool(w, st->item_from_cache);
        ngx_directstream_render_decision(w, st->decision,
                                         st->decision_reason);
        ngx_directstream_json_close(w, '}');

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_json_key(w, "next");

    if (st->has_next) {
        ngx_directstream_json_open(w, '{');
        ngx_directstream_json_key(w, "index");
        ngx_directstream_json_integer(w, st->next.index);
        ngx_directstream_render_text(w, "id", st->next.id, DS_ID_LEN);
        ngx_directstream_render_text(w, "title", st->next.title,
                                     DS_TITLE_LEN);
        ngx_directstream_json_key(w, "duration");
        ngx_directstream_json_seconds(w, st->next.duration);
        ngx_directstream_json_key(w, "ready");
        ngx_directstream_json_bool(w, st->next_ready);
        ngx_directstream_json_key(w, "from_cache");
        ngx_directstream_json_bool(w, st->next_from_cache);
        ngx_directstream_render_decision(w, st->next_decision,
                                         st->next_reason);
        ngx_directstream_json_close(w, '}');

    } else {
        ngx_directstream_json_null(w);
    }
}


static void
ngx_directstream_render_decision(ngx_directstream_json_t *w,
    ds_decision_e decision, const char *reason)
{
    ngx_directstream_render_text(w, "decision", ds_decision_name(decision),
                                 32);
    ngx_directstream_render_text(w, "reason", reason, DS_MESSAGE_LEN);
}


static void
ngx_directstream_render_counters(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info)
{
    char          url[DS_URL_LEN + DS_NAME_LEN + 2];
    ds_status_t  *st;

    st = &info->status;

    ngx_directstream_json_key(w, "playlist");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "count");
    ngx_directstream_json_integer(w, st->count);
    ngx_directstream_json_key(w, "complete");
    ngx_directstream_json_bool(w, st->complete);
    ngx_directstream_json_key(w, "played");
    ngx_directstream_json_integer(w, st->played);
    ngx_directstream_json_key(w, "failed");
    ngx_directstream_json_integer(w, st->failed);
    ngx_directstream_json_key(w, "skipped");
    ngx_directstream_json_integer(w, st->skipped);
    ngx_directstream_json_key(w, "items_copied");
    ngx_directstream_json_integer(w, st->copied);
    ngx_directstream_json_key(w, "items_encoded");
    ngx_directstream_json_integer(w, st->encoded);
    ngx_directstream_json_close(w, '}');

    (void) ngx_snprintf((u_char *) url, sizeof(url), "%s/%s%Z",
                        info->def.publish, info->def.name);

    ngx_directstream_json_key(w, "output");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_render_text(w, "url", url, sizeof(url));
    ngx_directstream_json_key(w, "connected");
    ngx_directstream_json_bool(w, st->connected);
    ngx_directstream_json_key(w, "bytes");
    ngx_directstream_json_integer(w, st->bytes);
    ngx_directstream_json_key(w, "reconnects");
    ngx_directstream_json_integer(w, st->reconnects);
    ngx_directstream_json_close(w, '}');

    ngx_directstream_json_key(w, "push");
    ngx_directstream_render_push(w, info);
}


static void
ngx_directstream_render_cache(ngx_directstream_json_t *w, ds_status_t *st)
{
    ngx_directstream_json_key(w, "cache");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "hits");
    ngx_directstream_json_integer(w, st->counts.cache_hits);
    ngx_directstream_json_key(w, "misses");
    ngx_directstream_json_integer(w, st->counts.cache_misses);
    ngx_directstream_json_key(w, "keeping");
    ngx_directstream_json_bool(w, st->keeping);
    ngx_directstream_json_close(w, '}');

    ngx_directstream_render_fetching(w, st);

    ngx_directstream_json_key(w, "prefetch");
    ngx_directstream_json_open(w, '{');
    ngx_directstream_json_key(w, "active");
    ngx_directstream_json_bool(w, st->prefetch.active);
    ngx_directstream_json_key(w, "done");
    ngx_directstream_json_integer(w, st->prefetch.done);
    ngx_directstream_json_key(w, "failed");
    ngx_directstream_json_integer(w, st->prefetch.failed);
    ngx_directstream_json_key(w, "total");
    ngx_directstream_json_integer(w, st->prefetch.total);
    ngx_directstream_json_close(w, '}');
}


void
ngx_directstream_render_fetching(ngx_directstream_json_t *w, ds_status_t *st)
{
    ngx_uint_t      i;
    ds_fetching_t  *f;

    ngx_directstream_json_key(w, "fetching");
    ngx_directstream_json_open(w, '[');

    for (i = 0; i < DS_FETCHES; i++) {
        f = &st->fetching[i];

        if (!f->active) {
            continue;
        }

        ngx_directstream_json_open(w, '{');
        ngx_directstream_json_key(w, "index");
        ngx_directstream_json_integer(w, f->index);
        ngx_directstream_json_key(w, "bytes");
        ngx_directstream_json_integer(w, f->bytes);
        ngx_directstream_json_key(w, "total");

        if (f->total != 0) {
            ngx_directstream_json_integer(w, f->total);

        } else {
            ngx_directstream_json_null(w);
        }

        ngx_directstream_json_key(w, "speed");
        ngx_directstream_json_integer(w, f->speed);
        ngx_directstream_json_key(w, "eta");
        ngx_directstream_json_seconds(w, f->left);
        ngx_directstream_json_close(w, '}');
    }

    ngx_directstream_json_close(w, ']');
}


/* what nginx-rtmp pushes it does not tell */

static void
ngx_directstream_render_push(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info)
{
    char               url[DS_URL_LEN + 1];
    ds_push_status_t  *push;

    if (info->def.push[0] == '\0' || !info->def.push_engine) {
        ngx_directstream_json_null(w);
        return;
    }

    push = &info->status.push;
    ds_redact_url(url, sizeof(url), info->def.push);

    ngx_directstream_json_open(w, '{');
    ngx_directstream_render_text(w, "url", url, sizeof(url));
    ngx_directstream_render_text(w, "via", "engine", 16);
    ngx_directstream_json_key(w, "connected");
    ngx_directstream_json_bool(w, push->connected);
    ngx_directstream_json_key(w, "bytes");
    ngx_directstream_json_integer(w, push->bytes);
    ngx_directstream_json_key(w, "reconnects");
    ngx_directstream_json_integer(w, push->reconnects);
    ngx_directstream_json_key(w, "dropped");
    ngx_directstream_json_integer(w, push->dropped);
    ngx_directstream_json_key(w, "error");
    ngx_directstream_render_error(w, &push->error);
    ngx_directstream_json_close(w, '}');
}


/* an item of a playlist; of a lookup without its state */

void
ngx_directstream_render_item(ngx_directstream_json_t *w, ds_item_t *item,
    ngx_uint_t state)
{
    ngx_directstream_json_open(w, '{');

    ngx_directstream_json_key(w, "index");
    ngx_directstream_json_integer(w, item->index);
    ngx_directstream_render_text(w, "id", item->id, DS_ID_LEN);
    ngx_directstream_render_text(w, "title", item->title, DS_TITLE_LEN);
    ngx_directstream_json_key(w, "duration");
    ngx_directstream_json_seconds(w, item->duration);

    if (state) {
        ngx_directstream_render_text(w, "state",
                                     ds_item_state_name(item->state), 32);
    }

    ngx_directstream_json_key(w, "code");

    if (item->code != 0) {
        ngx_directstream_json_string(w, ds_error_code(item->code), 64);

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_json_key(w, "reason");

    if (item->reason[0] != '\0') {
        ngx_directstream_json_string(w, item->reason, DS_MESSAGE_LEN);

    } else {
        ngx_directstream_json_null(w);
    }

    ngx_directstream_json_close(w, '}');
}


void
ngx_directstream_render_error(ngx_directstream_json_t *w, ds_error_t *err)
{
    if (err->code == 0) {
        ngx_directstream_json_null(w);
        return;
    }

    ngx_directstream_json_open(w, '{');
    ngx_directstream_render_text(w, "code", ds_error_code(err->code), 64);
    ngx_directstream_render_text(w, "message", err->message, DS_MESSAGE_LEN);
    ngx_directstream_json_key(w, "at");
    ngx_directstream_json_time(w, err->at);
    ngx_directstream_json_close(w, '}');
}


static void
ngx_directstream_render_text(ngx_directstream_json_t *w, const char *key,
    const char *value, size_t max)
{
    ngx_directstream_json_key(w, key);
    ngx_directstream_json_string(w, value, max);
}
