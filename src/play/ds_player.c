
/*
 * ds_player.c: a stream's own thread: keeps an item on air, and decides what
 * happens when it ends or fails.  The next one is ds_pick.c's; time stamps,
 * packets, slate and RTMP are ds_air.c's; the network is the sources'.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_crash.h"
#include "base/ds_item.h"
#include "base/ds_url.h"
#include "play/ds_ahead.h"
#include "play/ds_interlude.h"
#include "play/ds_lister.h"
#include "play/ds_pick.h"
#include "play/ds_player.h"
#include "play/ds_preflight.h"
#include "play/ds_programme.h"
#include "play/ds_report.h"


/* ms between two looks at the state of things */
#define DS_TICK          (DS_AIR_TICK / 1000)

/*
 * A slate is made after so many ms without a first item, or when so little of
 * the one on air is left, us: in a third of that it is there
 */
#define DS_DARK_SOON     500
#define DS_DARK_REST     1000000

/* ms: an item that was on air for so long has not failed at once */
#define DS_ITEM_LASTED   5000

/* ms: what is left of an item is not waited for longer than so */
#define DS_ITEM_REST     500
#define DS_ITEM_WAIT     200

/* ms of an item that were not sent are worth a word, and a tenth of it more */
#define DS_ITEM_UNSENT   500

/* ms on air for which one ms of waiting for the source is forgiven */
#define DS_FORGIVE       10


static void ds_player_step(ds_stream_t *s);
static bool ds_player_dark(ds_stream_t *s);
static void ds_player_wishes(ds_stream_t *s);
static void ds_player_back(ds_stream_t *s);
static void ds_player_starved(ds_stream_t *s);
static void ds_player_air(ds_stream_t *s);
static void ds_player_cut(ds_stream_t *s);
static void ds_player_over(ds_stream_t *s, const ds_error_t *why);
static bool ds_player_lacks(ds_stream_t *s, ds_error_t *err);
static void ds_player_interrupted(ds_stream_t *s);
static void ds_player_record(ds_stream_t *s);
static void ds_player_remember(ds_stream_t *s);
static bool ds_player_switch(ds_stream_t *s);
static void ds_player_outputs(ds_stream_t *s);
static bool ds_player_take(ds_stream_t *s);
static void ds_player_label(ds_stream_t *s, char *label, size_t size);
static void ds_player_form(ds_stream_t *s, ds_source_t *src);
static void ds_player_reap(ds_stream_t *s);
static void ds_player_finish(ds_stream_t *s);


void
ds_player_run(void *data)
{
    int64_t      now, at;
    ds_stream_t *s = data;

    ds_crash_stream(s->name);

    s->standby = ds_slate_create(s->ds, s->name, s->slate);
    s->air = ds_air_create(s->ds, &s->target, s->sent, s->standby,
                           &s->bell);

    if (s->standby != NULL) {
        ds_player_form(s, NULL);
    }

    if (s->air != NULL) {
        ds_lister_start(s);
        at = ds_monotonic();

        while (!ds_cancel_is_set(&s->job.cancel) && !s->finished) {
            ds_player_step(s);

            now = ds_monotonic();
            at += DS_TICK;

            if (at < now) {
                at = now;

            } else if (at > now + DS_TICK) {
                /* the bell has rung before */
                at = now + DS_TICK;
            }

            if (s->slot_cuts != 0 && s->slot_cuts / 1000 < at) {
                /* not a tick later */
                at = s->slot_cuts / 1000 > now ? s->slot_cuts / 1000 : now;
            }

            ds_bell_wait(&s->bell, &s->job.cancel, at - now);
        }
    }

    ds_player_finish(s);
}


static void
ds_player_step(ds_stream_t *s)
{
    if (!s->list_over && !ds_lister_check(s)) {
        s->list_over = true;
    }

    if (s->list_over && s->cur == NULL && s->queued_key == DS_AGENDA_NONE
        && !s->scheduled)
    {
        s->finished = true;
    }

    if (s->standby != NULL) {
        ds_slate_check(s->standby, ds_player_dark(s));
    }

    ds_player_outputs(s);
    ds_player_wishes(s);
    ds_pick_check(s);
    ds_programme_step(s);
    ds_interlude_step(s);
    ds_pick_prepare(s);
    ds_preflight_step(s);
    ds_ahead_step(s);
    ds_player_air(s);
    ds_player_reap(s);
    ds_report(s);
}


/* there may be nothing to send before a slate could be made */

static bool
ds_player_dark(ds_stream_t *s)
{
    ds_queue_t  *q;

    if (s->cur == NULL) {
        return s->aired || ds_monotonic() - s->list_started >= DS_DARK_SOON;
    }

    q = ds_source_queue(s->cur);

    return ds_queue_time(q) < DS_DARK_REST
           && !(ds_queue_ended(q) && s->next != NULL
                && ds_source_ready(s->next));
}


static void
ds_player_outputs(ds_stream_t *s)
{
    bool      anew;
    char      outputs[DS_OUTLETS_LEN + 1];
    char      restarts[DS_OUTLETS][DS_OUTLET_NAME_LEN + 1];
    unsigned  n;

    (void) pthread_mutex_lock(&s->lock);

    anew = s->outputs_new;
    n = s->nrestarts;

    if (anew) {
        memcpy(outputs, s->outputs, sizeof(outputs));
    }

    memcpy(restarts, s->restarts, n * sizeof(restarts[0]));
    s->outputs_new = false;
    s->nrestarts = 0;

    (void) pthread_mutex_unlock(&s->lock);

    if (anew) {
        ds_air_outputs(s->air, outputs);
    }

    while (n != 0) {
        ds_air_restart(s->air, restarts[--n]);
    }
}


/* what the operator asked for; what is on air stays until it can be done */

static void
ds_player_wishes(ds_stream_t *s)
{
    bool        skip, previous;
    ds_error_t  err;

    if (s->cutting || s->interrupted || s->next_index == DS_NO_ITEM) {
        /* one after the other */
        return;
    }

    (void) pthread_mutex_lock(&s->lock);

    previous = s->previous != 0;
    skip = !previous && s->skips != 0;

    if (previous) {
        s->previous--;

    } else if (skip) {
        s->skips--;
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (previous) {
        ds_player_back(s);

    } else if (skip) {
        if (s->cur != NULL) {
            s->cutting = true;

        } else if (s->queued != NULL) {
            (void) ds_fail(&err, DS_OK, "skipped by request");
            ds_interlude_drop(s, DS_ITEM_SKIPPED, &err);
            s->skipped++;

        } else if (s->next != NULL || s->holding) {
            ds_pick_drop(s, "skipped by request");
            s->skipped++;
        }
    }
}


static void
ds_player_back(ds_stream_t *s)
{
    uint32_t   index;
    ds_item_t  item;

    if (s->nhistory != 0) {
        index = s->history[--s->nhistory];

    } else if (s->cur != NULL && !ds_agenda_is_key(s->cur_index)) {
        index = s->cur_index;

    } else {
        return;
    }

    while (s->next != NULL) {
        ds_pick_drop(s, NULL);
    }

    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_goto(s->list, index);
    ds_playlist_item(s->list, index, &item);
    ds_agenda_forget(s->agenda, &item);
    (void) pthread_mutex_unlock(&s->lock);

    s->holding = false;
    s->cutting = s->cur != NULL;
    s->going_back = true;
    s->retry_at = 0;
}


static void
ds_player_air(ds_stream_t *s)
{
    ds_error_t  err;

    if (s->cur == NULL) {
        /* without an item it still connects */
        (void) ds_player_switch(s);
    }

    if (s->cur != NULL) {
        ds_player_cut(s);

        if (ds_agenda_is_key(s->cur_index)
            && !ds_agenda_worth(ds_pick_left(s), ds_air_position(s->air)))
        {
            (void) pthread_mutex_lock(&s->lock);
            ds_agenda_spend(s->agenda, s->cur_index);
            (void) pthread_mutex_unlock(&s->lock);
        }
    }

    for ( ;; ) {
        ds_error_clear(&err);

        switch (ds_air_tick(s->air, &err)) {

        case DS_AIR_OVER:
            ds_player_over(s, &err);

            if (ds_player_switch(s)) {
                continue;
            }

            break;

        case DS_AIR_DOWN:
            s->down = true;
            break;

        case DS_AIR_SENT:
            s->down = false;
            s->aired = true;

            if (s->starved > 0) {
                s->starved -= DS_TICK / DS_FORGIVE;
            }

            break;

        case DS_AIR_SLATE:
            s->down = false;

            if (s->cur != NULL) {
                ds_player_starved(s);
            }

            break;

        case DS_AIR_STARVED:
            ds_player_starved(s);
            break;

        default:
            break;
        }

        break;
    }

    if (ds_air_error(s->air, &err)) {
        s->err = err;
    }
}


/* ends the item on air, as soon as what follows is ready */

static void
ds_player_cut(ds_stream_t *s)
{
    bool  follows;

    if ((s->max_item != 0
         && ds_air_meter(s->air)->item_time / 1000 >= s->max_item)
        || (s->cur_until != 0 && ds_air_position(s->air) >= s->cur_until))
    {
        s->expired = true;
    }

    if (!s->cutting && !s->expired && ds_interlude_interrupts(s)) {
        s->interrupted = true;
    }

    if (s->interrupted) {
        ds_air_cut(s->air);
        return;
    }

    if (s->cutting || s->expired) {
        follows = s->queue_first ? ds_interlude_ready(s)
                  : s->next == NULL ? s->at_end : ds_pick_ready(s);

        if (follows) {
            ds_air_cut(s->air);
        }
    }
}


/*
 * An item whose source is too slow makes room for one that is ready, even if
 * it never stops for as long as source_timeout; so does one that was on air
 * but for its last moments.
 */

static void
ds_player_starved(ds_stream_t *s)
{
    int64_t  duration, left, missing;

    s->starved += DS_TICK;

    duration = ds_source_duration(s->cur);
    left = duration - ds_air_position(s->air);
    missing = ds_meter_missing(ds_air_meter(s->air), ds_monotonic());

    if ((s->starved > s->ds->conf.source_timeout
         && (ds_interlude_ready(s) || ds_pick_alternative(s)))
        || (duration != -1 && llabs(left) < DS_ITEM_REST
            && missing > DS_ITEM_WAIT
            && (ds_interlude_ready(s) || ds_pick_ready(s))))
    {
        ds_player_over(s, NULL);
        (void) ds_player_switch(s);
    }
}


/*
 * The item on air has ended: by itself, by request, or by a fault.  "why":
 * what the air has against it, may be NULL.
 */

static void
ds_player_over(ds_stream_t *s, const ds_error_t *why)
{
    int         trouble;
    bool        failed;
    ds_error_t  err;

    failed = ds_source_failed(s->cur, &err);

    if (why != NULL && why->code != DS_OK) {
        failed = true;
        err = *why;
    }

    if (!failed && s->starved > s->ds->conf.source_timeout) {
        failed = true;
        trouble = ds_source_trouble(s->cur);
        (void) ds_fail(&err, trouble != DS_OK ? trouble : DS_ESOURCE_STALLED,
                       "source was too slow, it was waited for %lld ms",
                       (long long) s->starved);
    }

    if (s->cutting) {
        (void) ds_fail(&err, DS_OK, "skipped by request");
        ds_pick_set_item(s, s->cur_index, DS_ITEM_SKIPPED, &err);
        s->skipped++;

    } else if (s->interrupted) {
        ds_player_interrupted(s);

    } else if (s->expired) {
        ds_error_clear(&err);

        if (s->cur_until == 0 || ds_air_position(s->air) < s->cur_until) {
            (void) ds_fail(&err, DS_OK,
                           "cut at its max_item_duration of %lld s",
                           (long long) s->max_item / 1000);
        }

        ds_pick_set_item(s, s->cur_index, DS_ITEM_PLAYED, &err);
        s->played++;
        s->fails = 0;

    } else if (failed) {
        if (ds_monotonic() - s->cur_started > DS_ITEM_LASTED) {
            s->fails = 0;
        }

        ds_pick_broken(s, &err, ds_air_position(s->air));

    } else if (ds_player_lacks(s, &err)) {
        ds_pick_set_item(s, s->cur_index, DS_ITEM_FAILED, &err);
        ds_count_failure(&s->counters, err.code);
        s->err = err;
        s->failed++;
        s->fails = 0;

    } else {
        ds_pick_set_item(s, s->cur_index, DS_ITEM_PLAYED, NULL);
        s->played++;
        s->fails = 0;
    }

    ds_player_record(s);

    ds_player_remember(s);

    if (ds_agenda_is_key(s->cur_index) && !s->returning) {
        ds_interlude_over(s);
    }

    s->cutting = false;
    s->expired = false;
    s->interrupted = false;
    s->returning = false;

    ds_air_item(s->air, NULL);
    ds_crash_item(NULL);
    ds_pick_end(s, &s->cur);
}


/*
 * A source that stalled makes room for the slate, and goes on at its next key
 * frame.  An item of which a tenth is missing so was not played.
 */

static bool
ds_player_lacks(ds_stream_t *s, ds_error_t *err)
{
    bool     lacks;
    char     label[32];
    int64_t  unsent, all;

    unsent = ds_air_unsent(s->air);

    if (unsent < DS_ITEM_UNSENT || ds_source_endless(s->cur)) {
        return false;
    }

    all = unsent + ds_air_meter(s->air)->item_time / 1000;
    lacks = unsent > all / 10;

    ds_player_label(s, label, sizeof(label));

    (void) ds_fail(err, DS_ESOURCE_STALLED,
                   "%.1f of %.1f s were not sent, its source had stalled",
                   unsent / 1e3, all / 1e3);

    ds_log(s->ds, lacks ? DS_LOG_ERR : DS_LOG_WARN, s->name, "%s%s: %s", label,
           lacks ? " failed: source_stalled" : "", err->message);

    return lacks;
}


/* by what was queued: it goes on afterwards, if that is wanted */

static void
ds_player_interrupted(ds_stream_t *s)
{
    ds_error_t  err;

    s->returning = ds_interlude_resumes(s);

    (void) ds_fail(&err, DS_OK, s->returning
                   ? "interrupted by what was queued or scheduled, it goes on "
                     "afterwards"
                   : "interrupted by what was queued or scheduled");
    ds_pick_set_item(s, s->cur_index, DS_ITEM_SKIPPED, &err);

    if (s->returning) {
        ds_interlude_return(s, ds_air_position(s->air));

    } else {
        s->skipped++;
    }
}


/* for "previous": the items of the list */

static void
ds_player_remember(ds_stream_t *s)
{
    if (s->going_back || ds_agenda_is_key(s->cur_index)) {
        return;
    }

    if (s->nhistory != 0 && s->history[s->nhistory - 1] == s->cur_index
        && s->returned)
    {
        /* it was there before it was interrupted */
        return;
    }

    if (s->nhistory == DS_HISTORY) {
        memmove(s->history, s->history + 1,
                (DS_HISTORY - 1) * sizeof(uint32_t));
        s->nhistory--;
    }

    s->history[s->nhistory++] = s->cur_index;
}


/* what has been on air, for who asks later */

static void
ds_player_record(ds_stream_t *s)
{
    char         label[32];
    ds_aired_t  *a, said;

    (void) pthread_mutex_lock(&s->lock);

    a = ds_pick_record(s);

    if (a == NULL) {
        (void) pthread_mutex_unlock(&s->lock);
        ds_log(s->ds, DS_LOG_ERR, s->name,
               "what item %u was is not on record: no memory",
               (unsigned) s->cur_index);
        return;
    }

    ds_pick_item(s, s->cur_index, &a->item);
    ds_meter_aired(ds_air_meter(s->air), a);

    if (a->item.state == DS_ITEM_PLAYING) {
        a->item.state = DS_ITEM_SKIPPED;
        ds_text(a->item.reason, sizeof(a->item.reason), "stream was stopped");
    }

    memcpy(a->queue_id, s->queue_id, sizeof(s->queue_id));
    memcpy(a->queued_by, s->queued_by, sizeof(s->queued_by));
    memcpy(a->slot, s->slot, sizeof(s->slot));
    a->late = s->slot_late;

    ds_source_origin_url(s->cur, a->url);
    a->from_cache = ds_source_from_cache(s->cur);

    a->started = s->cur_at;
    a->ended = ds_now();
    a->position = ds_source_offset(s->cur);
    a->decision = s->decision;
    memcpy(a->decision_reason, s->reason, sizeof(s->reason));

    /* from then on it is whoever's who asks */

    said = *a;

    (void) pthread_mutex_unlock(&s->lock);

    ds_player_label(s, label, sizeof(label));

    ds_log(s->ds, DS_LOG_INFO, s->name,
           "%s is over, %s, sent: %lld ms, %llu bytes, "
           "silence before: %lld ms, slate: %lld ms, id: \"%s\"",
           label, ds_item_state_name(said.item.state),
           (long long) said.aired, (unsigned long long) said.bytes,
           (long long) said.gap, (long long) said.slate, said.item.id);
}


/* for the log */

static void
ds_player_label(ds_stream_t *s, char *label, size_t size)
{
    if (ds_agenda_is_key(s->cur_index)) {
        (void) snprintf(label, size, s->slot[0] != '\0' ? "slot's item%s"
                                                        : "queued item %s",
                        s->queue_id);

    } else {
        (void) snprintf(label, size, "item %u", (unsigned) s->cur_index);
    }
}


/* puts the next item on air if it is ready */

static bool
ds_player_switch(ds_stream_t *s)
{
    char       label[32];
    ds_item_t  item;

    if (!ds_player_take(s)) {
        return false;
    }

    s->cur_started = ds_monotonic();
    s->cur_at = ds_now();
    s->starved = 0;

    (void) pthread_mutex_lock(&s->lock);
    ds_pick_item(s, s->cur_index, &item);
    (void) pthread_mutex_unlock(&s->lock);

    ds_crash_item(ds_source_turn(s->cur));
    ds_air_item(s->air, s->cur);
    s->decision = ds_source_decision(s->cur, s->reason);

    if (s->decision == DS_DECISION_ENCODE) {
        s->encoded++;

    } else {
        s->copied++;
    }

    if (s->standby != NULL && s->profile.video == DS_VIDEO_COPY) {
        ds_player_form(s, s->cur);
    }

    ds_player_label(s, label, sizeof(label));

    ds_log(s->ds, DS_LOG_NOTICE, s->name,
           "%s on air, %s, id: \"%s\", title: \"%s\"", label, s->reason,
           item.id, item.title);

    if (ds_agenda_is_key(s->cur_index) && !ds_pick_wanted(s)) {
        /* what the list has is not due for long */
        ds_pick_put_back(s);
    }

    return true;
}


/* what is queued comes first, and at the start is waited for */

static bool
ds_player_take(ds_stream_t *s)
{
    bool               queued;
    const ds_media_t  *m;

    queued = ds_interlude_ready(s);

    if (!queued
        && (ds_interlude_prepared(s)
            || (s->queue_first && s->copied + s->encoded == 0)
            || !ds_pick_ready(s)))
    {
        return false;
    }

    s->cur_until = 0;
    s->returned = false;
    s->queue_id[0] = '\0';
    s->queued_by[0] = '\0';
    s->slot[0] = '\0';
    s->slot_late = -1;

    if (queued) {
        s->cur = ds_interlude_take(s);

    } else {
        s->going_back = false;
        s->cur_index = s->next_index;
        s->cur = ds_pick_take(s);
    }

    if (ds_agenda_is_key(s->cur_index)) {
        return true;
    }

    m = ds_source_media(s->cur);

    (void) pthread_mutex_lock(&s->lock);

    ds_playlist_set_info(s->list, s->cur_index, m->title,
                         m->duration != -1 ? m->duration
                                           : ds_source_duration(s->cur));
    ds_playlist_set_state(s->list, s->cur_index, DS_ITEM_PLAYING, DS_OK,
                          NULL);

    (void) pthread_mutex_unlock(&s->lock);

    return true;
}


/* the slate looks like "src", or like the profile */

static void
ds_player_form(ds_stream_t *s, ds_source_t *src)
{
    ds_form_t                 form;
    const AVCodecParameters  *video, *audio;

    form.profile = s->profile;
    form.channels = 2;

    if (src != NULL) {
        video = ds_source_codecpar(src, DS_VIDEO);
        audio = ds_source_codecpar(src, DS_AUDIO);

        form.profile.width = video->width;
        form.profile.height = video->height;
        form.profile.sample_rate = audio->sample_rate;
        form.channels = audio->ch_layout.nb_channels == 1 ? 1 : 2;
    }

    ds_slate_want(s->standby, &form);
}


static void
ds_player_reap(ds_stream_t *s)
{
    unsigned  i;

    for (i = 0; i < DS_ENDING; i++) {
        if (s->ending[i] != NULL && ds_source_ended(s->ending[i])) {
            ds_source_free(&s->ending[i]);
        }
    }
}


static void
ds_player_finish(ds_stream_t *s)
{
    unsigned  i;

    if (s->air == NULL) {
        ds_slate_free(&s->standby);
        s->finished = true;
        (void) ds_fail(&s->err, DS_ENOMEM, "malloc() failed");

        (void) pthread_mutex_lock(&s->lock);
        s->status.state = DS_FAILED;
        s->status.error = s->err;
        (void) pthread_mutex_unlock(&s->lock);

        return;
    }

    ds_job_cancel(&s->lister);

    if (s->cur != NULL) {
        ds_player_record(s);
        ds_source_cancel(s->cur);
    }

    if (s->next != NULL) {
        ds_source_cancel(s->next);
    }

    if (s->queued != NULL) {
        ds_source_cancel(s->queued);
    }

    if (s->slotted != NULL) {
        ds_source_cancel(s->slotted);
    }

    ds_programme_cancel(s);

    if (s->check != NULL) {
        ds_source_cancel(s->check);
    }

    if (s->spare != NULL) {
        ds_source_cancel(s->spare);
    }

    ds_air_item(s->air, NULL);
    ds_air_stop(s->air);

    ds_source_free(&s->cur);
    ds_source_free(&s->next);
    ds_source_free(&s->spare);
    ds_source_free(&s->queued);
    ds_source_free(&s->slotted);

    for (i = 0; i < DS_ENDING; i++) {
        ds_source_free(&s->ending[i]);
    }

    ds_programme_end(s);
    ds_preflight_end(s);
    ds_ahead_end(s);
    ds_job_end(&s->lister);

    ds_report(s);
    ds_air_free(&s->air);
    ds_slate_free(&s->standby);

    ds_trim(s->ds);

    (void) pthread_mutex_lock(&s->lock);
    s->status.connected = false;
    s->status.heard = false;

    for (i = 0; i < DS_OUTLETS; i++) {
        s->status.outputs[i].connected = false;
    }

    (void) pthread_mutex_unlock(&s->lock);
}
