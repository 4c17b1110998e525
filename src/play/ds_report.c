
/*
 * ds_report.c: what a stream's status says, gathered by its own thread.
 */

#include <string.h>

#include "base/ds_item.h"
#include "play/ds_ahead.h"
#include "play/ds_pick.h"
#include "play/ds_programme.h"
#include "play/ds_report.h"


static void ds_report_progress(ds_stream_t *s, ds_status_t *st);
static void ds_report_youtube(ds_stream_t *s, ds_status_t *st);
static void ds_report_next(ds_stream_t *s, ds_status_t *st);
static void ds_report_onair(ds_stream_t *s, ds_onair_t *o);
static bool ds_report_queue(ds_stream_t *s, ds_status_t *st);
static ds_state_e ds_report_state(ds_stream_t *s);


void
ds_report(ds_stream_t *s)
{
    bool          changed, slate, shown, told;
    int64_t       now;
    ds_state_e    state;
    ds_meter_t   *m;
    ds_status_t  *st;

    state = ds_report_state(s);
    m = ds_air_meter(s->air);
    now = ds_monotonic();

    if (s->cur != NULL) {
        /* an encode that takes a faster preset says so */
        s->decision = ds_source_decision(s->cur, s->reason);
    }

    (void) pthread_mutex_lock(&s->lock);

    st = &s->status;

    changed = st->state != state;

    if (changed) {
        st->state = state;
        st->since = ds_now();
    }

    st->has_item = s->cur != NULL;

    if (st->has_item) {
        ds_pick_item(s, s->cur_index, &st->item);
        st->position = ds_air_position(s->air);
        st->decision = s->decision;
        ds_report_progress(s, st);
        memcpy(st->decision_reason, s->reason, sizeof(s->reason));
        st->buffer = ds_queue_time(ds_source_queue(s->cur)) / 1000;
        st->item_from_cache = ds_source_from_cache(s->cur);

    } else {
        st->item_from_cache = false;
        st->decision = DS_DECISION_NONE;
        st->decision_reason[0] = '\0';
        st->buffer = 0;
    }

    st->progress.state = state;
    st->progress.seed = s->seed;
    ds_report_next(s, st);

    ds_report_onair(s, &s->onair);
    told = ds_report_queue(s, st);
    ds_programme_status(s, st);

    st->count = ds_playlist_count(s->list);
    st->complete = ds_playlist_is_complete(s->list) && !s->list_cut
                   && !st->list.truncated;
    st->played = s->played;
    st->failed = s->failed;
    st->skipped = s->skipped;
    ds_air_status(s->air, st);

    slate = ds_air_on_slate(s->air) && st->heard;
    shown = st->slate != slate;
    st->slate = slate;

    st->dead_air = ds_meter_dead(m, now);
    st->lateness = ds_meter_late(m, now);
    st->copied = s->copied;
    st->encoded = s->encoded;
    st->error = s->err;
    ds_counters_get(&s->counters, &st->counts);

    ds_report_youtube(s, st);

    (void) pthread_mutex_unlock(&s->lock);

    if (!told) {
        ds_wakeup(s->ds);
    }

    if (changed) {
        ds_log(s->ds, DS_LOG_NOTICE, s->name, "state is \"%s\"",
               ds_state_name(state));
    }

    if (shown) {
        ds_log(s->ds, DS_LOG_INFO, s->name, "slate is %s",
               slate ? "on air" : "off air");
    }
}


/* context: s->lock is held */

static void
ds_report_onair(ds_stream_t *s, ds_onair_t *o)
{
    o->busy = s->cur != NULL;
    o->at = ds_now();
    o->next = 0;

    if (s->next != NULL && s->next_index != DS_NO_ITEM && !s->going_back) {
        o->next = ds_playlist_key(s->list, s->next_index);
        o->next_duration = ds_source_ready(s->next)
                           ? ds_source_duration(s->next) : -1;
    }

    if (o->busy) {
        o->entry = ds_agenda_is_key(s->cur_index) ? s->cur_index
                                                  : DS_AGENDA_NONE;
        o->key = o->entry == DS_AGENDA_NONE
                 ? ds_playlist_key(s->list, s->cur_index) : 0;
        o->began = s->cur_at;
        o->position = ds_air_position(s->air);
        o->left = ds_pick_left(s);
        o->late = s->slot_late;
        memcpy(o->slot, s->slot, sizeof(o->slot));
    }
}


/* context: s->lock is held; false: it has changed */

static bool
ds_report_queue(ds_stream_t *s, ds_status_t *st)
{
    bool        told;
    ds_past_t  *past;

    memcpy(st->queue_id, s->queue_id, sizeof(st->queue_id));
    memcpy(st->queued_by, s->queued_by, sizeof(st->queued_by));

    if (st->has_item || !ds_cancel_is_set(&s->job.cancel)) {
        /* of one that is stopped where it was is still to be recorded */
        st->queue_position = st->has_item && ds_agenda_is_key(s->cur_index)
                             ? st->position : -1;
    }

    st->queued = ds_agenda_waiting(s->agenda);
    told = st->queue_stamp == ds_agenda_stamp(s->agenda);
    st->queue_stamp = ds_agenda_stamp(s->agenda);

    for (past = s->past; past != NULL; past = past->next) {
        past->stamp = past->stamp != 0 ? past->stamp : st->queue_stamp + 1;
    }

    st->queue_started = s->queue_started;
    st->queue_failed = s->queue_failed;

    return told;
}


/* context: s->lock is held */

static void
ds_report_youtube(ds_stream_t *s, ds_status_t *st)
{
    int   i;
    bool  up;

    if (s->channel == NULL) {
        return;
    }

    up = false;

    for (i = 0; i < DS_OUTLETS; i++) {
        up |= st->outputs[i].connected
              && strcmp(st->outputs[i].name, s->shown) == 0;
    }

    ds_youtube_tell(s->channel, up, st->has_item ? st->item.title : "");
    ds_youtube_status(s->channel, &st->youtube);
}


/*
 * Where the list is.  While something else is on air its last item is over:
 * one that was interrupted is queued to go on.
 *
 * context: s->lock is held
 */

static void
ds_report_progress(ds_stream_t *s, ds_status_t *st)
{
    ds_progress_t  *p;

    p = &st->progress;
    p->at = ds_now();

    if (ds_agenda_is_key(s->cur_index)) {
        p->position = DS_ITEM_OVER;
        return;
    }

    p->valid = true;
    p->index = ds_playlist_place(s->list, s->cur_index);
    p->key = ds_playlist_key(s->list, s->cur_index);
    p->position = st->position;
    p->pass = ds_playlist_pass(s->list);
    memcpy(p->id, st->item.id, sizeof(p->id));
}


/* context: s->lock is held */

static void
ds_report_next(ds_stream_t *s, ds_status_t *st)
{
    uint32_t      index;
    ds_source_t  *next;

    next = s->queued != NULL ? s->queued : s->next;
    index = s->queued != NULL ? s->queued_key : s->next_index;

    st->has_next = next != NULL && index != DS_NO_ITEM;
    st->next_ready = st->has_next && ds_source_ready(next);
    st->next_decision = DS_DECISION_NONE;
    st->next_reason[0] = '\0';

    st->next.index = DS_NO_INDEX;

    if (st->has_next) {
        ds_pick_item(s, index, &st->next);
    }

    st->next_from_cache = false;

    if (st->next_ready) {
        st->next_decision = ds_source_decision(next, st->next_reason);
        st->next_from_cache = ds_source_from_cache(next);
    }

    st->keeping = (s->cur != NULL && ds_source_keeping(s->cur))
                  || (next != NULL && ds_source_keeping(next));

    memset(st->fetching, 0, sizeof(st->fetching));

    if (next != NULL && ds_source_fetching(next, &st->fetching[0])) {
        st->fetching[0].index = st->next.index;
    }

    (void) ds_ahead_fetching(s, &st->fetching[1]);
    st->prefetch = s->warm;
}


static ds_state_e
ds_report_state(ds_stream_t *s)
{
    int64_t  missing;

    if (s->finished) {
        return s->aired ? DS_FINISHED : DS_FAILED;
    }

    if (ds_cancel_is_set(&s->job.cancel)) {
        return DS_STOPPED;
    }

    missing = ds_meter_missing(ds_air_meter(s->air), ds_monotonic());

    if (missing != -1) {
        return missing <= DS_SILENCE_LIVE ? DS_LIVE : DS_STALLED;
    }

    if (s->down || s->fails != 0 || s->list_tries != 0 || s->bad_passes != 0) {
        return DS_STALLED;
    }

    return s->cur == NULL && s->queued == NULL
           && (s->next == NULL || s->next_index == DS_NO_ITEM)
           ? DS_RESOLVING : DS_STARTING;
}
