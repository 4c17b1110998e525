
/*
 * ngx_directstream_feed.c: what there is to tell of streams as server-sent
 * events: compares the zone with what was told before, and renders what is
 * news.  Knows no clients.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_FEED_BATCH     8      /* streams copied at a time */
#define NGX_DIRECTSTREAM_FEED_ENTRIES   32
#define NGX_DIRECTSTREAM_FEED_PROGRESS  2000   /* ms */
#define NGX_DIRECTSTREAM_FEED_PING      15000  /* ms */


/* a stream that has been told of */

struct ngx_directstream_told_s {
    ngx_directstream_told_t *next;          /* in the order of names */
    char                     name[DS_NAME_LEN + 1];
    uint32_t                 hash;          /* of all but its counters */
};


static ngx_uint_t ngx_directstream_feed_due(ngx_msec_t *at, ngx_msec_t every);
static ngx_directstream_told_t **ngx_directstream_feed_look(
    ngx_directstream_json_t *w, ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info, ngx_uint_t relay,
    ngx_directstream_told_t **link);
static void ngx_directstream_feed_gone(ngx_directstream_json_t *w,
    ngx_directstream_told_t **link, const char *name);
static uint32_t ngx_directstream_feed_hash(ngx_directstream_info_t *info,
    ngx_uint_t relay);
static void ngx_directstream_feed_stream(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info);
static void ngx_directstream_feed_progress(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info);
static void ngx_directstream_feed_entry(ngx_directstream_json_t *w,
    ngx_directstream_entry_t *entry);
static void ngx_directstream_feed_begin(ngx_directstream_json_t *w,
    const char *event);
static void ngx_directstream_feed_text(ngx_directstream_json_t *w,
    const char *key, const char *value, size_t max);
static void ngx_directstream_feed_end(ngx_directstream_json_t *w);


void
ngx_directstream_feed_news(ngx_directstream_feed_t *feed,
    ngx_directstream_json_t *w, ngx_directstream_conf_t *dcf)
{
    char                       name[DS_NAME_LEN + 1];
    ngx_uint_t                 i, n, progress, relay;
    ngx_directstream_info_t   *info;
    ngx_directstream_told_t  **link;

    info = ngx_palloc(w->pool, NGX_DIRECTSTREAM_FEED_BATCH
                               * sizeof(ngx_directstream_info_t));
    if (info == NULL) {
        w->failed = 1;
        return;
    }

    progress = ngx_directstream_feed_due(&feed->progress,
                                         NGX_DIRECTSTREAM_FEED_PROGRESS);
    relay = ngx_directstream_relay_alive(dcf);
    link = &feed->told;
    name[0] = '\0';

    do {
        n = ngx_directstream_zone_list(dcf, name, info,
                                       NGX_DIRECTSTREAM_FEED_BATCH);

        for (i = 0; i < n; i++) {
            link = ngx_directstream_feed_look(w, dcf, &info[i], relay, link);

            if (progress) {
                ngx_directstream_feed_progress(w, &info[i]);
            }
        }

        if (n != 0) {
            ngx_memcpy(name, info[n - 1].def.name, sizeof(name));
        }

    } while (n == NGX_DIRECTSTREAM_FEED_BATCH);

    ngx_directstream_feed_gone(w, link, NULL);

    feed->logged = ngx_directstream_feed_log(w, dcf, feed->logged);

    if (ngx_directstream_feed_due(&feed->ping, NGX_DIRECTSTREAM_FEED_PING)) {
        ngx_directstream_json_raw(w, ": ping\n\n", 8);
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


/* both lists are in the order of names; returns where the next one goes */

static ngx_directstream_told_t **
ngx_directstream_feed_look(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info,
    ngx_uint_t relay, ngx_directstream_told_t **link)
{
    uint32_t                  hash;
    ngx_directstream_told_t  *told;

    ngx_directstream_feed_gone(w, link, info->def.name);

    told = *link;
    hash = ngx_directstream_feed_hash(info, relay);

    if (told != NULL && ngx_strcmp(told->name, info->def.name) == 0) {

        if (told->hash != hash) {
            told->hash = hash;
            ngx_directstream_feed_stream(w, dcf, info);
        }

        return &told->next;
    }

    told = ngx_alloc(sizeof(ngx_directstream_told_t), ngx_cycle->log);
    if (told == NULL) {
        /* a later look tells of it */
        return link;
    }

    ngx_memcpy(told->name, info->def.name, sizeof(told->name));
    told->hash = hash;
    told->next = *link;
    *link = told;

    ngx_directstream_feed_stream(w, dcf, info);

    return &told->next;
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
        ngx_directstream_feed_text(w, "name", told->name, DS_NAME_LEN);
        ngx_directstream_feed_end(w);

        ngx_free(told);
    }
}


void
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
    key.prefetching = 0;
    key.retry = 0;

    st = &key.status;

    st->position = 0;
    st->bytes = 0;
    st->buffer = 0;
    st->dead_air = 0;
    st->lateness = 0;
    st->push.bytes = 0;
    st->push.dropped = 0;

    for (i = 0; i < DS_FETCHES; i++) {
        st->fetching[i].bytes = 0;
        st->fetching[i].speed = 0;
        st->fetching[i].left = 0;
    }

    ngx_memzero(&st->counts, sizeof(ds_counts_t));
    ngx_memzero(&st->progress, sizeof(ds_progress_t));

    return ngx_murmur_hash2((u_char *) &key, sizeof(key));
}


void
ngx_directstream_feed_all(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf)
{
    char                      name[DS_NAME_LEN + 1];
    ngx_directstream_info_t   info;

    static const char  retry[] = "retry: 2000\n\n";

    ngx_directstream_json_raw(w, retry, sizeof(retry) - 1);

    name[0] = '\0';

    while (ngx_directstream_zone_next(dcf, name, &info) == NGX_OK) {
        ngx_directstream_feed_stream(w, dcf, &info);
        ngx_memcpy(name, info.def.name, sizeof(name));
    }
}


static void
ngx_directstream_feed_stream(ngx_directstream_json_t *w,
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info)
{
    static const char  head[] = "event: stream\ndata: ";

    ngx_directstream_json_raw(w, head, sizeof(head) - 1);
    w->comma = 0;
    ngx_directstream_render_stream(w, dcf, info);
    ngx_directstream_json_raw(w, "\n\n", 2);
}


static void
ngx_directstream_feed_progress(ngx_directstream_json_t *w,
    ngx_directstream_info_t *info)
{
    ds_status_t  *st;

    st = &info->status;

    if (!st->connected || (st->state != DS_LIVE && !st->slate)) {
        return;
    }

    ngx_directstream_feed_begin(w, "progress");
    ngx_directstream_feed_text(w, "name", info->def.name, DS_NAME_LEN);
    ngx_directstream_json_key(w, "position");
    ngx_directstream_json_seconds(w, st->has_item ? st->position : -1);
    ngx_directstream_json_key(w, "bytes");
    ngx_directstream_json_integer(w, st->bytes);
    ngx_directstream_json_key(w, "buffer_ms");
    ngx_directstream_json_integer(w, st->buffer);
    ngx_directstream_json_key(w, "dead_air_ms");
    ngx_directstream_json_integer(w, st->dead_air);
    ngx_directstream_render_fetching(w, st);
    ngx_directstream_feed_end(w);
}


uint64_t
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
    u_char  id[sizeof("id: \n") + NGX_INT64_LEN];

    static const char  *types[] = { "state", "item", "error", "output" };

    ngx_directstream_json_raw(w, (char *) id,
                              ngx_sprintf(id, "id: %uL\n", entry->id) - id);

    ngx_directstream_feed_begin(w, "log");
    ngx_directstream_json_key(w, "id");
    ngx_directstream_json_integer(w, entry->id);
    ngx_directstream_json_key(w, "at");
    ngx_directstream_json_time(w, entry->at);
    ngx_directstream_feed_text(w, "stream", entry->stream, DS_NAME_LEN);
    ngx_directstream_feed_text(w, "type", types[entry->type], 16);

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_STATE) {
        ngx_directstream_feed_text(w, "state", ds_state_name(entry->state),
                                   32);
    }

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_ERROR) {
        ngx_directstream_feed_text(w, "code", ds_error_code(entry->code), 64);
    }

    ngx_directstream_feed_text(w, "message", entry->message,
                               sizeof(entry->message));

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_ITEM) {
        ngx_directstream_json_key(w, "item");
        ngx_directstream_json_open(w, '{');
        ngx_directstream_json_key(w, "index");
        ngx_directstream_json_integer(w, entry->index);
        ngx_directstream_feed_text(w, "id", entry->item,
                                   sizeof(entry->item));
        ngx_directstream_feed_text(w, "title", entry->title,
                                   sizeof(entry->title));
        ngx_directstream_json_close(w, '}');
    }

    ngx_directstream_feed_end(w);
}


static void
ngx_directstream_feed_begin(ngx_directstream_json_t *w, const char *event)
{
    ngx_directstream_json_raw(w, "event: ", 7);
    ngx_directstream_json_raw(w, event, strlen(event));
    ngx_directstream_json_raw(w, "\ndata: ", 7);

    w->comma = 0;
    ngx_directstream_json_open(w, '{');
}


static void
ngx_directstream_feed_text(ngx_directstream_json_t *w, const char *key,
    const char *value, size_t max)
{
    ngx_directstream_json_key(w, key);
    ngx_directstream_json_string(w, value, max);
}


/* a string in JSON has no line end in it, so that the blank line ends it */

static void
ngx_directstream_feed_end(ngx_directstream_json_t *w)
{
    ngx_directstream_json_close(w, '}');
    ngx_directstream_json_raw(w, "\n\n", 2);
}
