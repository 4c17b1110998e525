
/*
 * ds_interlude.c: when and how what is queued comes on air.  One entry is
 * prepared at a time, the head, in time for the end of what is on air, or at
 * once when it is to interrupt that.  Knows nothing of packets.
 */

#include <string.h>

#include "base/ds_item.h"
#include "base/ds_url.h"
#include "play/ds_interlude.h"
#include "play/ds_pick.h"
#include "play/ds_programme.h"


/* ms before the head's turn when the store is told, who may still lose it */
#define DS_INTERLUDE_SOON  1000


static bool ds_interlude_get(ds_stream_t *s, uint32_t key, ds_queued_t *q);
static void ds_interlude_ahead(ds_stream_t *s, uint32_t head);
static void ds_interlude_start(ds_stream_t *s, const ds_queued_t *q);
static int ds_interlude_open(ds_stream_t *s, const ds_queued_t *q,
    uint32_t key, ds_source_t **src, ds_error_t *err);
static int ds_interlude_entry(ds_stream_t *s, const ds_queued_t *q,
    uint32_t key, ds_entry_t *e, ds_error_t *err);
static int ds_interlude_entry_url(const ds_queued_t *q, ds_entry_t *e);
static bool ds_interlude_soon(ds_stream_t *s);
static bool ds_interlude_trouble(ds_stream_t *s);
static void ds_interlude_give_up(ds_stream_t *s, uint32_t key,
    ds_item_state_e state, const ds_error_t *err);
static bool ds_interlude_listing(ds_stream_t *s, const ds_queued_t *q);


void
ds_interlude_step(ds_stream_t *s)
{
    bool         waits;
    uint32_t     head;
    ds_error_t   err;
    ds_queued_t  q;

    (void) pthread_mutex_lock(&s->lock);

    head = ds_agenda_head(s->agenda);
    waits = ds_interlude_get(s, head, &q);

    if (s->queued != NULL && (s->queued_key != head || s->going_back)) {
        ds_agenda_release(s->agenda, s->queued_key);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (s->queued != NULL && s->queued_key != head) {
        ds_pick_end(s, &s->queued);
    }

    ds_interlude_ahead(s, head);

    if (s->queued == NULL) {
        s->queued_key = head;

        if (waits && !s->finished && (q.now || ds_pick_wanted(s))) {
            ds_interlude_start(s, &q);
        }

    } else if (ds_source_failed(s->queued, &err)
               && !ds_source_ready(s->queued))
    {
        ds_interlude_drop(s, DS_ITEM_FAILED, &err);

    } else if (ds_interlude_soon(s)) {
        (void) ds_interlude_ready(s);
    }

    if (s->queued != NULL
        && (q.now || s->cur == NULL || s->cutting || s->expired))
    {
        ds_source_urge(s->queued);
    }

    if (s->slotted != NULL) {
        ds_source_urge(s->slotted);
    }

    s->queue_first = head != DS_AGENDA_NONE && !s->going_back
                     && (s->queued != NULL ? !ds_interlude_trouble(s)
                                           : ds_interlude_listing(s, &q));

    s->queue_first |= s->slot_awaited && s->queued == NULL;
}


/* context: s->lock is held; a copy of the entry, false: there is none */

static bool
ds_interlude_get(ds_stream_t *s, uint32_t key, ds_queued_t *q)
{
    const ds_queued_t  *p;

    p = ds_agenda_get(s->agenda, key);

    if (p == NULL) {
        memset(q, 0, sizeof(ds_queued_t));
        return false;
    }

    *q = *p;

    return true;
}


/* what sleeps is prepared, and is the head's when it is awake and its turn */

static void
ds_interlude_ahead(ds_stream_t *s, uint32_t head)
{
    int          rc;
    bool         waits;
    uint32_t     key;
    ds_error_t   err;
    ds_queued_t  q;

    if (s->slotted != NULL && s->slotted_key == head && s->queued == NULL) {
        s->queued = s->slotted;
        s->queued_key = head;
        s->queued_at = ds_monotonic();
        s->slotted = NULL;
        return;
    }

    (void) pthread_mutex_lock(&s->lock);

    key = s->slotted_key;
    waits = s->slotted != NULL && ds_interlude_get(s, key, &q)
            && q.state == DS_QUEUED_WAITING;

    /* what is prepared may be awake, and not the head yet; or it is over */

    if (!waits) {
        key = ds_agenda_asleep(s->agenda);
        waits = ds_interlude_get(s, key, &q);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (s->slotted != NULL && s->slotted_key != key) {
        ds_pick_end(s, &s->slotted);
    }

    if (!waits) {
        return;
    }

    if (s->slotted == NULL) {
        s->slotted_key = key;

        rc = ds_interlude_open(s, &q, key, &s->slotted, &err);

        if (rc == DS_OK || rc == DS_ECANCELED) {
            return;
        }

    } else if (!ds_source_failed(s->slotted, &err)
               || ds_source_ready(s->slotted))
    {
        return;

    } else {
        ds_pick_end(s, &s->slotted);
    }

    ds_interlude_give_up(s, key, DS_ITEM_FAILED, &err);
}


static void
ds_interlude_start(ds_stream_t *s, const ds_queued_t *q)
{
    int         rc;
    ds_error_t  err;

    s->queued_at = ds_monotonic();

    rc = ds_interlude_open(s, q, s->queued_key, &s->queued, &err);

    if (rc != DS_OK && rc != DS_ECANCELED) {
        ds_interlude_drop(s, DS_ITEM_FAILED, &err);
    }
}


/* DS_ECANCELED: not yet */

static int
ds_interlude_open(ds_stream_t *s, const ds_queued_t *q, uint32_t key,
    ds_source_t **src, ds_error_t *err)
{
    int         rc;
    ds_entry_t  e;

    rc = ds_interlude_entry(s, q, key, &e, err);

    if (rc == DS_ECANCELED) {
        /* the list may still bring it */
        return rc;
    }

    /* a turn of its own: in no list, and in no pass */

    memset(&s->source.turn, 0, sizeof(ds_turn_t));
    s->source.turn.index = DS_NO_INDEX;
    memcpy(s->source.turn.id, q->id, sizeof(q->id));

    if (rc == DS_OK && q->kind == DS_QUEUED_SLOT) {
        ds_text(s->source.turn.id, sizeof(s->source.turn.id),
                e.id != NULL ? e.id : e.url);
    }

    if (rc == DS_OK
        && ds_turn_crashed(&s->source.turn, s->crashed, s->ncrashed))
    {
        ds_entry_free(&e);
        rc = ds_fail(err, DS_EITEM_CRASHED, "it took the relay worker "
                     "down, and is not tried again");
    }

    if (rc == DS_OK) {
        *src = ds_source_start(&s->source, &e,
                               q->position > q->from ? q->position : q->from,
                               err);
        if (*src != NULL) {
            return DS_OK;
        }

        ds_entry_free(&e);
        rc = err->code;
    }

    return rc;
}


static int
ds_interlude_entry(ds_stream_t *s, const ds_queued_t *q, uint32_t key,
    ds_entry_t *e, ds_error_t *err)
{
    int       rc;
    bool      complete;
    uint32_t  index;

    if (q->kind == DS_QUEUED_URL) {
        rc = ds_interlude_entry_url(q, e);

    } else if (q->kind == DS_QUEUED_SLOT) {
        rc = ds_programme_entry(s, key, e);

    } else {
        (void) pthread_mutex_lock(&s->lock);

        complete = s->list_over || ds_playlist_is_complete(s->list);
        index = ds_playlist_find(s->list, q->index, q->item);

        rc = index != UINT32_MAX ? ds_playlist_entry(s->list, index, e)
             : complete ? DS_EITEM_UNAVAILABLE : DS_ECANCELED;

        (void) pthread_mutex_unlock(&s->lock);

        if (rc == DS_EITEM_UNAVAILABLE) {
            return ds_fail(err, rc, "it is not in the list any more");
        }

        s->queued_index = index;
    }

    return rc != DS_ENOMEM ? rc : ds_fail(err, rc, "no memory for an item");
}


static int
ds_interlude_entry_url(const ds_queued_t *q, ds_entry_t *e)
{
    ds_ref_e  kind;

    memset(e, 0, sizeof(ds_entry_t));
    e->duration = -1;

    kind = ds_url_kind(q->url);
    e->plain = kind == DS_REF_MEDIA || kind == DS_REF_LIST;

    if (ds_copy(&e->url, q->url) != DS_OK
        || ds_copy(&e->title, q->title[0] == '\0' ? NULL : q->title) != DS_OK)
    {
        ds_entry_free(e);
        return DS_ENOMEM;
    }

    return DS_OK;
}


/* what is on air is about to end, if anything is */

static bool
ds_interlude_soon(ds_stream_t *s)
{
    int64_t      left;
    ds_queue_t  *queue;

    if (s->cur == NULL || s->cutting || s->expired) {
        return true;
    }

    left = ds_pick_left(s);
    queue = ds_source_queue(s->cur);

    return (left != -1 && left <= DS_INTERLUDE_SOON)
           || (ds_queue_ended(queue)
               && ds_queue_time(queue) <= DS_INTERLUDE_SOON * 1000);
}


/* it takes so long that the list goes on meanwhile */

static bool
ds_interlude_trouble(ds_stream_t *s)
{
    return ds_monotonic() - s->queued_at >= s->ds->conf.source_timeout
           && !ds_source_ready(s->queued);
}


/* at the start: its list has to come first, which does not take long */

static bool
ds_interlude_listing(ds_stream_t *s, const ds_queued_t *q)
{
    return q->kind != DS_QUEUED_URL && q->kind != DS_QUEUED_SLOT
           && s->copied + s->encoded == 0
           && ds_monotonic() - s->list_started < s->ds->conf.source_timeout;
}


bool
ds_interlude_prepared(ds_stream_t *s)
{
    return s->queued != NULL && !s->going_back && ds_source_ready(s->queued);
}


bool
ds_interlude_ready(ds_stream_t *s)
{
    bool  ready;

    if (!ds_interlude_prepared(s)) {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);
    ready = ds_agenda_hold(s->agenda, s->queued_key);
    (void) pthread_mutex_unlock(&s->lock);

    return ready;
}


bool
ds_interlude_interrupts(ds_stream_t *s)
{
    bool                now;
    const ds_queued_t  *q;

    if (!ds_interlude_prepared(s)) {
        return false;
    }

    (void) pthread_mutex_lock(&s->lock);

    q = ds_agenda_get(s->agenda, s->queued_key);
    now = q != NULL && q->now && ds_agenda_hold(s->agenda, s->queued_key);

    (void) pthread_mutex_unlock(&s->lock);

    return now;
}


bool
ds_interlude_resumes(ds_stream_t *s)
{
    bool     resumes;
    int64_t  left, position;

    left = ds_pick_left(s);
    position = ds_air_position(s->air);

    (void) pthread_mutex_lock(&s->lock);
    resumes = ds_agenda_returns(s->agenda, s->queued_key, s->cur_index, left,
                                position);
    (void) pthread_mutex_unlock(&s->lock);

    return resumes;
}


ds_source_t *
ds_interlude_take(ds_stream_t *s)
{
    int64_t             from;
    uint32_t            index;
    ds_queued_e         kind;
    ds_source_t        *src;
    const ds_media_t   *m;
    const ds_queued_t  *q;

    src = s->queued;
    s->queued = NULL;
    s->queue_first = false;

    m = ds_source_media(src);

    (void) pthread_mutex_lock(&s->lock);

    ds_agenda_begin(s->agenda, s->queued_key);
    ds_agenda_set_info(s->agenda, s->queued_key, m->id, m->title,
                       m->duration != -1 ? m->duration
                                         : ds_source_duration(src));

    q = ds_agenda_get(s->agenda, s->queued_key);
    kind = q->kind;
    from = q->position > q->from ? q->position : q->from;

    s->cur_index = s->queued_key;
    s->cur_until = q->until;

    if (kind != DS_QUEUED_RETURN && kind != DS_QUEUED_SLOT) {
        s->queue_started++;
        memcpy(s->queue_id, q->id, sizeof(s->queue_id));
        memcpy(s->queued_by, q->by, sizeof(s->queued_by));
    }

    s->returned = kind == DS_QUEUED_RETURN;

    if (kind == DS_QUEUED_RETURN || kind == DS_QUEUED_GO_TO) {
        s->cur_index = s->queued_index;
        ds_agenda_end(s->agenda, s->queued_key);
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (kind == DS_QUEUED_SLOT) {
        ds_programme_began(s, s->cur_index, from);
    }

    if (kind == DS_QUEUED_GO_TO) {

        while (s->next != NULL) {
            ds_pick_drop(s, NULL);
        }

        (void) pthread_mutex_lock(&s->lock);
        ds_playlist_goto(s->list, s->cur_index);
        (void) ds_playlist_pick(s->list, &index);
        (void) pthread_mutex_unlock(&s->lock);

        s->resume.valid = false;
        s->at_end = false;
        s->retry_at = 0;
    }

    return src;
}


void
ds_interlude_over(ds_stream_t *s)
{
    (void) pthread_mutex_lock(&s->lock);
    ds_agenda_end(s->agenda, s->cur_index);
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_interlude_return(ds_stream_t *s, int64_t position)
{
    ds_item_t  item;

    (void) pthread_mutex_lock(&s->lock);

    if (ds_agenda_is_key(s->cur_index)) {
        ds_agenda_interrupt(s->agenda, s->cur_index, position);

    } else {
        ds_playlist_item(s->list, s->cur_index, &item);
        ds_agenda_return(s->agenda, &item, position);
    }

    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_interlude_drop(ds_stream_t *s, ds_item_state_e state,
    const ds_error_t *err)
{
    ds_interlude_give_up(s, s->queued_key, state, err);

    if (s->queued != NULL) {
        ds_pick_end(s, &s->queued);
    }
}


static void
ds_interlude_give_up(ds_stream_t *s, uint32_t key, ds_item_state_e state,
    const ds_error_t *err)
{
    char                id[DS_QUEUE_ID_LEN + 1], title[DS_TITLE_LEN];
    ds_aired_t         *a;
    const ds_queued_t  *q;

    (void) pthread_mutex_lock(&s->lock);

    a = ds_pick_record(s);
    ds_agenda_item(s->agenda, key, &a->item);
    q = ds_agenda_get(s->agenda, key);

    if (q != NULL) {
        if (q->kind != DS_QUEUED_SLOT) {
            memcpy(a->queue_id, q->id, sizeof(a->queue_id));
        }

        memcpy(a->queued_by, q->by, sizeof(a->queued_by));
        ds_redact_url(a->url, sizeof(a->url), q->url);
        ds_agenda_end(s->agenda, key);
    }

    a->late = -1;
    a->item.state = state;
    a->item.code = err->code;
    ds_text(a->item.reason, sizeof(a->item.reason), err->message);
    a->started = a->ended = ds_now();

    memcpy(id, a->queue_id, sizeof(id));
    memcpy(title, a->item.title, sizeof(title));

    (void) pthread_mutex_unlock(&s->lock);

    if (state == DS_ITEM_FAILED) {
        s->queue_failed += id[0] != '\0';
        s->failed++;
        s->err = *err;
        ds_count_failure(&s->counters, err->code);

        ds_log(s->ds, DS_LOG_ERR, s->name,
               "%s item failed: %s: %s, queue id: %s, title: \"%s\"",
               id[0] != '\0' ? "queued" : "slot's",
               ds_error_code(err->code), err->message, id, title);
    }
}
