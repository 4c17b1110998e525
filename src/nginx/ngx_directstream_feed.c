
/*
 * ngx_directstream_feed.c: what there is to tell of streams as server-sent
 * events: compares the zone with what was told before, and renders what is
 * news.  Knows no clients.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_FEED_ENTRIES   32
#define NGX_DIRECTSTREAM_FEED_PROGRESS  2000   /* ms */
#define NGX_DIRECTSTREAM_FEED_PING      15000  /* ms */


/* a stream that has been told of */

struct ngx_directstream_told_s {
    ngx_directstream_told_t *next;          /* in the order of names */
    char                     name[DS_NAME_LEN + 1];
    uint32_t                 hash;          /* of all but its counters */
};


/* a look at all streams, to tell what is news of them */

typedef struct {
    ngx_directstream_json_t  *w;
    ngx_uint_t                progress;     /* is due */
    ngx_uint_t                relay;        /* is alive */
    ngx_directstream_told_t **link;         /* of those told of, the next */
} ngx_directstream_tell_t;


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


/* of an entry of the log */

static const ngx_directstream_member_t  ngx_directstream_entry[] = {
    ngx_directstream_member("id", NUMBER, ngx_directstream_entry_t, id),
    ngx_directstream_member("at", TIME, ngx_directstream_entry_t, at),
    ngx_directstream_member("stream", TEXT, ngx_directstream_entry_t, stream),
    ngx_directstream_member_end
};

static const ngx_directstream_member_t  ngx_directstream_entry_item[] = {
    ngx_directstream_member("index", NUMBER, ngx_directstream_entry_t, index),
    ngx_directstream_member("id", TEXT, ngx_directstream_entry_t, item),
    ngx_directstream_member("title", TEXT, ngx_directstream_entry_t, title),
    ngx_directstream_member_end
};


void
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
    static const char  *types[] = { "state", "item", "error", "output" };

    ngx_directstream_json_print(w, "id: %uL\n", entry->id);

    ngx_directstream_feed_begin(w, "log");
    ngx_directstream_json_members(w, ngx_directstream_entry, entry);
    ngx_directstream_json_text(w, "type", types[entry->type], 16);

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_STATE) {
        ngx_directstream_json_text(w, "state", ds_state_name(entry->state),
                                   32);
    }

    if (entry->type == NGX_DIRECTSTREAM_ENTRY_ERROR) {
        ngx_directstream_json_text(w, "code", ds_error_code(entry->code), 64);
    }

    ngx_directstream_json_text(w, "message", entry->message,
                               sizeof(entry->message));

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
