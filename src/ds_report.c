
/*
 * ds_report.c: what a stream's status says, gathered by its own thread.
 */

#include <string.h>

#include "ds_input.h"
#include "ds_player.h"


static ds_state_e ds_report_state(ds_stream_t *s);


void
ds_report(ds_stream_t *s)
{
    bool          changed;
    ds_state_e    state;
    ds_status_t  *st;

    state = ds_report_state(s);

    (void) pthread_mutex_lock(&s->lock);

    st = &s->status;

    changed = st->state != state;

    if (changed) {
        st->state = state;
        st->since = ds_now();
    }

    st->has_item = s->cur != NULL;

    if (st->has_item) {
        ds_playlist_item(s->list, s->cur_index, &st->item);
        st->position = ds_air_position(s->air);
        st->decision = s->decision;
        st->progress.valid = true;
        st->progress.index = s->cur_index;
        st->progress.position = st->position;
        st->progress.pass = ds_playlist_pass(s->list);
        st->progress.at = ds_now();
        memcpy(st->progress.id, st->item.id, sizeof(st->progress.id));
        memcpy(st->decision_reason, s->reason, sizeof(s->reason));
        st->buffer = ds_queue_time(ds_source_queue(s->cur)) / 1000;

    } else {
        st->decision = DS_DECISION_NONE;
        st->decision_reason[0] = '\0';
        st->buffer = 0;
    }

    st->progress.state = state;
    st->progress.seed = s->seed;

    st->has_next = s->next != NULL && s->next_index != DS_NO_ITEM;

    if (st->has_next) {
        ds_playlist_item(s->list, s->next_index, &st->next);
        st->next_ready = ds_source_ready(s->next);
    }

    st->count = ds_playlist_count(s->list);
    st->complete = ds_playlist_is_complete(s->list);
    st->played = s->played;
    st->failed = s->failed;
    st->skipped = s->skipped;
    st->connected = ds_air_connected(s->air);
    st->bytes = ds_air_bytes(s->air);
    st->reconnects = ds_air_reconnects(s->air);
    st->dead_air = ds_air_dead(s->air);
    ds_air_push_status(s->air, &st->push);
    st->error = s->err;
    ds_counters_get(&s->counters, &st->counts);

    (void) pthread_mutex_unlock(&s->lock);

    if (changed) {
        ds_log(s->ds, DS_LOG_NOTICE, s->name, "state is \"%s\"",
               ds_state_name(state));
    }
}


static ds_state_e
ds_report_state(ds_stream_t *s)
{
    int64_t  silence;

    if (s->finished) {
        return s->aired ? DS_FINISHED : DS_FAILED;
    }

    if (ds_cancel_is_set(&s->cancel)) {
        return DS_STOPPED;
    }

    silence = ds_air_silence(s->air);

    if (silence != -1) {
        return silence <= DS_SILENCE_LIVE ? DS_LIVE : DS_STALLED;
    }

    if (s->down || s->fails != 0 || s->list_tries != 0 || s->bad_passes != 0) {
        return DS_STALLED;
    }

    return s->next == NULL || s->next_index == DS_NO_ITEM ? DS_RESOLVING
                                                          : DS_STARTING;
}
