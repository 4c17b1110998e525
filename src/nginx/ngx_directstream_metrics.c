
/*
 * ngx_directstream_metrics.c: what the zone knows of all streams as text for
 * Prometheus, or as OpenMetrics where the client prefers that.  A family's
 * lines must stand together, so a small sample of each stream is taken first.
 * It asks nobody: it answers while the relay worker is dead, too.
 */

#include "ngx_directstream_http.h"


/* of an output by the engine, besides what is in the totals */

typedef struct {
    int64_t                    shown;
    int64_t                    connected;
    int64_t                    waiting;     /* bytes */
} ngx_directstream_push_t;


/* of one stream; what there is none of is -1 */

typedef struct {
    char                       name[DS_NAME_LEN + 1];
    ds_state_e                 state;
    int64_t                    running;
    int64_t                    owned;
    int64_t                    outdated;
    int64_t                    items;
    int64_t                    queued;
    int64_t                    late;        /* ms, of the last slot */
    int64_t                    position;    /* ms */
    int64_t                    age;         /* ms, of the list */
    int64_t                    pending;
    int64_t                    buffer;      /* ms */
    int64_t                    lateness;    /* ms */
    int64_t                    slate;
    int64_t                    connected;
    int64_t                    youtube_live;
    int64_t                    fetched;     /* bytes */
    int64_t                    fetching;    /* bytes in all */
    int64_t                    speed;       /* bytes a second */
    ngx_directstream_totals_t  totals;
    ngx_directstream_push_t    push[DS_OUTLETS];    /* with totals.pushed */
} ngx_directstream_sample_t;


typedef enum {
    NGX_DIRECTSTREAM_VALUE = 0,
    NGX_DIRECTSTREAM_MSEC,              /* shown in seconds */
    NGX_DIRECTSTREAM_STATE,             /* one line a state, one of them 1 */
    NGX_DIRECTSTREAM_CODES,             /* one line a code that was seen */
    NGX_DIRECTSTREAM_PUSH,              /* one line an output: of its push */
    NGX_DIRECTSTREAM_PUSHED,            /* the same: of its totals */
    NGX_DIRECTSTREAM_BUILD,             /* says what this is */
    NGX_DIRECTSTREAM_WHOLE,             /* of no stream */
    NGX_DIRECTSTREAM_COUNTS             /* one line a state, how many */
} ngx_directstream_metric_e;


typedef struct {
    const char                *name;
    ngx_uint_t                 counter;     /* else a gauge */
    ngx_directstream_metric_e  kind;
    size_t                     offset;      /* in the sample, or the metrics */
    const char                *help;
} ngx_directstream_family_t;


typedef struct {
    ngx_directstream_json_t    w;           /* its chain alone */
    ngx_uint_t                 open;        /* OpenMetrics */
    ngx_directstream_token_t  *token;       /* whose streams, NULL: all */
    ngx_array_t               *samples;
    ngx_directstream_whole_t   whole;
    uint64_t                   alive;
} ngx_directstream_metrics_t;


static ngx_uint_t ngx_directstream_metrics_open(ngx_http_request_t *r);
static void ngx_directstream_metrics_accept(u_char *p, u_char *last,
    ngx_uint_t *open, ngx_uint_t *text);
static ngx_uint_t ngx_directstream_metrics_quality(u_char *p, u_char *last);
static void ngx_directstream_metrics_take(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_metrics_sample(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info);
static void ngx_directstream_metrics_push(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info, ngx_uint_t owned);
static void ngx_directstream_metrics_outputs(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s);
static void ngx_directstream_metrics_fetch(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info, ngx_uint_t owned);
static void ngx_directstream_metrics_family(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f);
static void ngx_directstream_metrics_stream(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s);
static void ngx_directstream_metrics_codes(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s);
static void ngx_directstream_metrics_counts(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f);
static void ngx_directstream_metrics_head(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f);


#define ngx_directstream_of(field)                                           \
    offsetof(ngx_directstream_sample_t, field)

#define ngx_directstream_of_all(field)                                       \
    offsetof(ngx_directstream_metrics_t, field)

static const ngx_directstream_family_t  ngx_directstream_families[] = {

    { "build_info", 0, NGX_DIRECTSTREAM_BUILD, 0,
      "1; the module's version and build, and nginx's." },

    { "relay_up", 0, NGX_DIRECTSTREAM_WHOLE, ngx_directstream_of_all(alive),
      "1 when the relay worker is alive." },

    { "relay_restarts_total", 1, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.restarts),
      "Relay workers that took the place of a dead one." },

    { "zone_size_bytes", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.size),
      "Size of the shared memory zone." },

    { "zone_free_bytes", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.free),
      "Whole pages of the zone that are free." },

    { "cluster_has_quorum", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.quorum),
      "1 when etcd answers this node." },

    { "cluster_failsafe", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.failsafe),
      "1 while streams go on without etcd." },

    { "cluster_lease_left_seconds", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.left),
      "Whole seconds that this node may publish without a renewal." },

    { "cluster_owned", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.owned),
      "Streams that this node owns." },

    { "cluster_draining", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.draining),
      "1 when this node gives its streams up." },

    { "cluster_takeovers_total", 1, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.takeovers),
      "Streams taken that were another node's." },

    { "cluster_deadline_stops_total", 1, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.deadlines),
      "Leases that came to their end with all streams stopped." },

    { "cache_size_bytes", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.kept),
      "Media kept in the cache." },

    { "cache_entries", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.entries),
      "Items kept in the cache." },

    { "resolver_fallback", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.fallback),
      "1 while the second resolve_command is used." },

    { "resolver_canary_up", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.canary_up),
      "1 when the canary was resolved and read the last time." },

    { "resolver_canary_timestamp_seconds", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.canary_at),
      "When the canary was tried the last time." },

    { "youtube_quota_used", 0, NGX_DIRECTSTREAM_WHOLE,
      ngx_directstream_of_all(whole.youtube_quota),
      "Units of the YouTube API's quota used today." },

    { "streams", 0, NGX_DIRECTSTREAM_COUNTS, 0,
      "Streams in each state." },

    { "stream_state", 0, NGX_DIRECTSTREAM_STATE, 0,
      "1 for the state the stream is in, as last known." },

    { "stream_running", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(running),
      "1 when the stream is wanted to run." },

    { "stream_owned", 0, NGX_DIRECTSTREAM_VALUE, ngx_directstream_of(owned),
      "1 when a living relay worker runs the stream." },

    { "stream_outdated", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(outdated),
      "1 when the stream runs with settings of before a reload." },

    { "playlist_items", 0, NGX_DIRECTSTREAM_VALUE, ngx_directstream_of(items),
      "Items of the playlist known so far." },

    { "queue_length", 0, NGX_DIRECTSTREAM_VALUE, ngx_directstream_of(queued),
      "Entries of the queue that wait." },

    { "slot_late_seconds", 0, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(late),
      "How late the last slot of the schedule began." },

    { "slots_started_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.slots_started),
      "Slots of the schedule that came on air." },

    { "slots_missed_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.slots_missed),
      "Slots of the schedule that never came on air." },

    { "queue_started_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.queue_started),
      "Entries of the queue that came on air." },

    { "queue_failed_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.queue_failed),
      "Entries of the queue that failed before they were on air." },
    { "playlist_age_seconds", 0, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(age),
      "Time since the playlist was read." },

    { "playlist_pending", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(pending),
      "1 while the last answer for the playlist is not taken." },

    { "playlist_items_added_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.added),
      "Items that came into the playlist when it was read again." },

    { "playlist_items_removed_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.removed),
      "Items that were gone from it then." },

    { "item_position_seconds", 0, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(position),
      "Position in the item on air." },

    { "items_played_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.played),
      "Items played." },

    { "items_skipped_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.skipped),
      "Items skipped." },

    { "items_failed_total", 1, NGX_DIRECTSTREAM_CODES,
      ngx_directstream_of(totals.failures),
      "Items failed, by the code of the error." },

    { "items_copied_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.copied),
      "Items that went on air as they are." },

    { "items_encoded_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.encoded),
      "Items that went on air encoded." },

    { "received_bytes_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.received),
      "Bytes read from sources." },

    { "sent_bytes_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.sent),
      "Bytes of media sent to the publish application." },

    { "buffer_seconds", 0, NGX_DIRECTSTREAM_MSEC, ngx_directstream_of(buffer),
      "Media ready to be sent." },

    { "dead_air_seconds_total", 1, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(totals.dead_air),
      "Time of slate and of silence." },

    { "slate_on_air", 0, NGX_DIRECTSTREAM_VALUE, ngx_directstream_of(slate),
      "1 while the slate is on air." },

    { "lateness_seconds", 0, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(lateness),
      "The most a packet was late, of the last 10 s." },

    { "output_connected", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(connected),
      "1 when the publish application is connected." },

    { "output_reconnects_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.reconnects),
      "Connections to the publish application after a lost one." },

    { "push_connected", 0, NGX_DIRECTSTREAM_PUSH,
      offsetof(ngx_directstream_push_t, connected),
      "1 when the output, a push by the engine, is connected." },

    { "push_waiting_bytes", 0, NGX_DIRECTSTREAM_PUSH,
      offsetof(ngx_directstream_push_t, waiting),
      "Bytes that wait for the output." },

    { "push_reconnects_total", 1, NGX_DIRECTSTREAM_PUSHED,
      offsetof(ngx_directstream_pushed_t, reconnects),
      "Connections of the output after a lost one." },

    { "push_sent_bytes_total", 1, NGX_DIRECTSTREAM_PUSHED,
      offsetof(ngx_directstream_pushed_t, sent),
      "Bytes sent to the output." },

    { "push_dropped_packets_total", 1, NGX_DIRECTSTREAM_PUSHED,
      offsetof(ngx_directstream_pushed_t, dropped),
      "Packets the output dropped, too many waiting for it." },

    { "youtube_live", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(youtube_live),
      "1 when YouTube shows the push in a broadcast that is live." },

    { "youtube_dark_seconds_total", 1, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(totals.youtube_dark),
      "Time without one while the push was up." },

    { "youtube_broadcasts_made_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.youtube_made),
      "Broadcasts made." },

    { "resolves_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.resolves),
      "Resolver calls for items." },

    { "resolve_seconds_total", 1, NGX_DIRECTSTREAM_MSEC,
      ngx_directstream_of(totals.resolve_time),
      "Time of these calls." },

    { "cache_hits_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.cache_hits),
      "Items played from the cache." },

    { "cache_misses_total", 1, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(totals.cache_misses),
      "Items looked for in the cache in vain." },

    { "fetched_bytes", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(fetched),
      "What there is of the items being fetched whole." },

    { "fetch_size_bytes", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(fetching),
      "What these items are in all, where it is known." },

    { "fetch_speed_bytes", 0, NGX_DIRECTSTREAM_VALUE,
      ngx_directstream_of(speed),
      "Bytes a second at which they come." },

    { "faults_total", 1, NGX_DIRECTSTREAM_CODES,
      ngx_directstream_of(totals.faults),
      "Faults of sources and the resolver, mended or not, by code." },

    { NULL, 0, 0, 0, NULL }
};


ngx_int_t
ngx_directstream_metrics_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    const char                       *why;
    ngx_directstream_ctx_t            ctx;
    ngx_directstream_conf_t          *dcf;
    ngx_directstream_metrics_t        m;
    const ngx_directstream_family_t  *f;

    ngx_memzero(&ctx, sizeof(ngx_directstream_ctx_t));

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_directstream_token_check(r, &ctx, &why);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED)
               ? ngx_directstream_problem(r, 401, "unauthorized", NULL, "%s",
                                          why)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {

        if (ngx_directstream_header(r, "Allow", "GET, HEAD") == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        return ngx_directstream_problem(r, NGX_HTTP_NOT_ALLOWED,
                                        "method_not_allowed", NULL,
                                        "metrics can be read only");
    }

    dcf = ngx_directstream_get_conf();

    ngx_directstream_json_init(&m.w, r->pool);
    m.token = ctx.token;
    m.open = ngx_directstream_metrics_open(r);
    m.samples = ngx_array_create(r->pool, 64,
                                 sizeof(ngx_directstream_sample_t));

    if (m.samples == NULL
        || ngx_directstream_zone_each(dcf, r->pool,
                                      ngx_directstream_metrics_take, &m)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_directstream_zone_whole(dcf, &m.whole);
    m.alive = m.whole.alive;

    for (f = ngx_directstream_families; f->name != NULL; f++) {
        ngx_directstream_metrics_head(&m, f);
        ngx_directstream_metrics_family(&m, f);
    }

    if (m.open) {
        ngx_directstream_json_print(&m.w, "# EOF\n");
        ngx_str_set(&r->headers_out.content_type,
                    "application/openmetrics-text; version=1.0.0; "
                    "charset=utf-8");
        r->headers_out.content_type_len =
                                  sizeof("application/openmetrics-text") - 1;

    } else {
        ngx_str_set(&r->headers_out.content_type,
                    "text/plain; version=0.0.4; charset=utf-8");
        r->headers_out.content_type_len = sizeof("text/plain") - 1;
    }

    return ngx_directstream_send(r, NGX_HTTP_OK, &m.w);
}


/* OpenMetrics is for those who name it, and like it no less than the other */

static ngx_uint_t
ngx_directstream_metrics_open(ngx_http_request_t *r)
{
    u_char      *p, *last, *comma;
    ngx_str_t   *value;
    ngx_uint_t   open, text;

    open = 0;
    text = 0;
    value = NULL;

    while ((value = ngx_directstream_header_in(r, "accept", value)) != NULL) {

        last = value->data + value->len;

        for (p = value->data; p < last; p = comma + 1) {

            comma = ngx_strlchr(p, last, ',');
            if (comma == NULL) {
                comma = last;
            }

            ngx_directstream_metrics_accept(p, comma, &open, &text);
        }
    }

    return open != 0 && open >= text;
}


static void
ngx_directstream_metrics_accept(u_char *p, u_char *last, ngx_uint_t *open,
    ngx_uint_t *text)
{
    u_char      *end;
    size_t       len;
    ngx_uint_t   q, *best;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    for (end = p; end < last && *end != ';' && *end != ' '; end++) {
        /* void */
    }

    len = end - p;

    if (len == sizeof("application/openmetrics-text") - 1
        && ngx_strncasecmp(p, (u_char *) "application/openmetrics-text", len)
           == 0)
    {
        best = open;

    } else if (len == sizeof("text/plain") - 1
               && ngx_strncasecmp(p, (u_char *) "text/plain", len) == 0)
    {
        best = text;

    } else {
        return;
    }

    q = ngx_directstream_metrics_quality(end, last);
    *best = ngx_max(*best, q);
}


/* of a media range, by its parameters, in thousandths */

static ngx_uint_t
ngx_directstream_metrics_quality(u_char *p, u_char *last)
{
    u_char     *end;
    ngx_int_t   q;

    while (p < last) {

        if (*p++ != ';') {
            continue;
        }

        while (p < last && *p == ' ') {
            p++;
        }

        if (last - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=') {
            continue;
        }

        for (p += 2, end = p;
             end < last && (*end == '.' || (*end >= '0' && *end <= '9'));
             end++)
        {
            /* void */
        }

        q = ngx_atofp(p, end - p, 3);

        return (q == NGX_ERROR) ? 1000 : q;
    }

    return 1000;
}


static void
ngx_directstream_metrics_take(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_metrics_t *m = data;

    ngx_directstream_sample_t  *s;

    if (!ngx_directstream_token_sees(m->token, info->def.name)) {
        return;
    }

    s = ngx_array_push(m->samples);

    if (s != NULL) {
        ngx_directstream_metrics_sample(s, info);

    } else {
        m->w.failed = 1;
    }
}


/* what only a living owner can say is not repeated after its death */

static void
ngx_directstream_metrics_sample(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info)
{
    ngx_uint_t    owned;
    ds_status_t  *st;

    st = &info->status;
    owned = ngx_directstream_alive(info->owner, info->seen);

    ngx_memcpy(s->name, info->def.name, sizeof(s->name));

    s->state = st->state;
    s->running = info->running;
    s->owned = owned;
    s->outdated = owned && info->outdated;
    s->items = st->count;
    s->queued = info->queued;
    s->late = -1;

    if (owned && st->slots.due_late) {
        s->late = ngx_directstream_now() - st->slots.due_start;

    } else if (st->slots.started != 0 && st->slots.last_late >= 0) {
        s->late = st->slots.last_late;
    }

    s->position = (owned && st->has_item) ? st->position : -1;
    s->age = (owned && st->list.refreshed_at != 0)
             ? ngx_directstream_now() - st->list.refreshed_at : -1;
    s->pending = owned && st->list.pending.code != DS_OK;
    s->buffer = owned ? st->buffer : 0;
    s->lateness = owned ? st->lateness : 0;
    s->slate = owned && st->slate;
    s->connected = owned && st->connected;

    ngx_directstream_metrics_fetch(s, info, owned);

    s->totals = info->before;
    ngx_directstream_totals_add(&s->totals, st);

    s->youtube_live = !st->youtube.enabled ? -1
                      : owned && st->youtube.broadcast[0] != '\0'
                        && st->youtube.state != DS_YOUTUBE_ERROR;

    if (!st->youtube.enabled) {
        s->totals.youtube_dark = (uint64_t) -1;
        s->totals.youtube_made = (uint64_t) -1;
    }

    ngx_directstream_metrics_push(s, info, owned);
}


/* those that are defined, also while they are stopped or nobody runs them */

static void
ngx_directstream_metrics_push(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info, ngx_uint_t owned)
{
    ngx_uint_t               i;
    ds_outlet_t              o;
    ngx_directstream_push_t *push;
    const ds_push_status_t  *st;

    for (i = 0; i < DS_OUTLETS; i++) {
        push = &s->push[i];
        push->shown = s->totals.pushed[i].name[0] != '\0'
                      && ds_outlet_find(info->def.outputs,
                                        s->totals.pushed[i].name, &o)
                      && o.engine;

        st = ngx_directstream_outputs_status(&info->status,
                                             s->totals.pushed[i].name);

        push->connected = owned && st != NULL && st->connected;
        push->waiting = (owned && st != NULL) ? (int64_t) st->waiting : 0;
    }
}


static void
ngx_directstream_metrics_fetch(ngx_directstream_sample_t *s,
    ngx_directstream_info_t *info, ngx_uint_t owned)
{
    ngx_uint_t      i;
    ds_fetching_t  *f;

    s->fetched = 0;
    s->fetching = 0;
    s->speed = 0;

    for (i = 0; owned && i < DS_FETCHES; i++) {
        f = &info->status.fetching[i];

        if (!f->active) {
            continue;
        }

        s->fetched += f->bytes;
        s->speed += f->speed;

        /* of one that is not known all of them are not */

        s->fetching = (f->total == 0 || s->fetching < 0)
                      ? -1 : s->fetching + (int64_t) f->total;
    }
}


static void
ngx_directstream_metrics_family(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f)
{
    ngx_uint_t                  i;
    ngx_directstream_sample_t  *s;

    if (f->kind == NGX_DIRECTSTREAM_WHOLE
        && *(uint64_t *) ((u_char *) m + f->offset) == (uint64_t) -1)
    {
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_WHOLE) {
        ngx_directstream_json_print(&m->w, "directstream_%s %uL\n", f->name,
                                    *(uint64_t *) ((u_char *) m + f->offset));
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_BUILD) {
        ngx_directstream_json_print(&m->w, "directstream_%s{version=\"%s\","
                                    "nginx=\"%s\",build=\"%s\"} 1\n",
                                    f->name, DS_VERSION, NGINX_VERSION,
                                    ngx_directstream_build());
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_COUNTS) {
        ngx_directstream_metrics_counts(m, f);
        return;
    }

    s = m->samples->elts;

    for (i = 0; i < m->samples->nelts; i++) {
        ngx_directstream_metrics_stream(m, f, &s[i]);
    }
}


static void
ngx_directstream_metrics_counts(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f)
{
    ngx_uint_t                  i, state, count[DS_HELD + 1];
    ngx_directstream_sample_t  *s;

    ngx_memzero(count, sizeof(count));

    s = m->samples->elts;

    for (i = 0; i < m->samples->nelts; i++) {
        count[s[i].state]++;
    }

    for (state = DS_STOPPED; state <= DS_HELD; state++) {
        ngx_directstream_json_print(&m->w, "directstream_%s{state=\"%s\"} "
                                    "%ui\n", f->name, ds_state_name(state),
                                    count[state]);
    }
}


/* no value of a label needs an escape: names are [A-Za-z0-9._-] */

static void
ngx_directstream_metrics_stream(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s)
{
    int64_t     value;
    ngx_uint_t  state;

    if (f->kind == NGX_DIRECTSTREAM_CODES) {
        ngx_directstream_metrics_codes(m, f, s);
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_PUSH || f->kind == NGX_DIRECTSTREAM_PUSHED)
    {
        ngx_directstream_metrics_outputs(m, f, s);
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_STATE) {
        for (state = DS_STOPPED; state <= DS_HELD; state++) {
            ngx_directstream_json_print(&m->w, "directstream_%s{stream=\"%s\","
                                        "state=\"%s\"} %d\n", f->name,
                                        s->name, ds_state_name(state),
                                        s->state == state);
        }

        return;
    }

    value = *(int64_t *) ((u_char *) s + f->offset);

    if (value < 0) {
        return;
    }

    if (f->kind == NGX_DIRECTSTREAM_MSEC) {
        ngx_directstream_json_print(&m->w, "directstream_%s{stream=\"%s\"} "
                                    "%L.%03L\n", f->name, s->name,
                                    value / 1000, value % 1000);

    } else {
        ngx_directstream_json_print(&m->w, "directstream_%s{stream=\"%s\"} "
                                    "%L\n", f->name, s->name, value);
    }
}


static void
ngx_directstream_metrics_outputs(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s)
{
    u_char      *p;
    ngx_uint_t   i;

    for (i = 0; i < DS_OUTLETS; i++) {

        if (!s->push[i].shown) {
            continue;
        }

        p = (f->kind == NGX_DIRECTSTREAM_PUSH) ? (u_char *) &s->push[i]
                                         : (u_char *) &s->totals.pushed[i];

        ngx_directstream_json_print(&m->w, "directstream_%s{stream=\"%s\","
                                    "output=\"%s\"} %uL\n", f->name, s->name,
                                    s->totals.pushed[i].name,
                                    *(uint64_t *) (p + f->offset));
    }
}


static void
ngx_directstream_metrics_codes(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f, ngx_directstream_sample_t *s)
{
    uint64_t    *count;
    ngx_uint_t   i;

    count = (uint64_t *) ((u_char *) s + f->offset);

    for (i = 0; i < DS_NERRORS; i++) {

        if (count[i] == 0) {
            continue;
        }

        ngx_directstream_json_print(&m->w, "directstream_%s{stream=\"%s\","
                                    "code=\"%s\"} %uL\n", f->name, s->name,
                                    ds_error_code(DS_ENOMEM + (int) i),
                                    count[i]);
    }
}


/* a counter's family has no suffix in OpenMetrics, its lines do */

static void
ngx_directstream_metrics_head(ngx_directstream_metrics_t *m,
    const ngx_directstream_family_t *f)
{
    size_t  len;

    len = strlen(f->name);

    if (m->open && f->counter) {
        len -= sizeof("_total") - 1;
    }

    ngx_directstream_json_print(&m->w, "# HELP directstream_%*s %s\n"
                                "# TYPE directstream_%*s %s\n",
                                len, f->name, f->help, len, f->name,
                                f->counter ? "counter" : "gauge");
}
