
/*
 * ds_stream.c: a stream as its owner sees it: definition, wishes, status,
 * and the two threads that make it: one lists the playlist, one plays it
 * (ds_player.c).
 */

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "air/ds_still.h"
#include "play/ds_player.h"


static int ds_stream_copy(ds_stream_t *s, const ds_def_t *def,
    const char *token);
static void ds_stream_destroy(void *data);


ds_stream_t *
ds_stream_start(ds_t *ds, const ds_def_t *def, const char *token,
    const ds_progress_t *resume, const ds_turn_t *crashed, size_t ncrashed,
    ds_error_t *err)
{
    ds_stream_t  *s;

    ds_error_clear(err);

    s = calloc(1, sizeof(ds_stream_t));
    if (s == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    s->ds = ds;
    s->bell.fd = -1;
    s->shuffle = def->shuffle;
    s->loop = def->loop;
    s->refresh = def->playlist_refresh;
    s->refresh_jitter = def->refresh_jitter;
    s->status.mode = def->mode;
    s->status.state = DS_RESOLVING;
    s->status.since = ds_now();

    (void) pthread_mutex_init(&s->lock, NULL);

    if (getrandom(&s->seed, sizeof(s->seed), 0) != sizeof(s->seed)) {
        s->seed = (uint64_t) ds_monotonic_us();
    }

    if (ds_stream_copy(s, def, token) != DS_OK) {
        goto failed;
    }

    if (resume != NULL && resume->valid) {
        s->resume = *resume;
        s->seed = s->resume.seed;
    }

    if (ds_bell_init(&s->bell) != DS_OK) {
        goto failed;
    }

    if (ncrashed != 0) {
        memcpy(s->crashed, crashed, ncrashed * sizeof(ds_turn_t));
        s->ncrashed = ncrashed;
        (void) ds_fail(&s->err, DS_EITEM_CRASHED, DS_CRASHED_TEXT,
                       (unsigned) crashed[ncrashed - 1].index);
    }

    s->sent = ds_sent_create(ds);
    s->list = ds_playlist_create(s->shuffle, s->seed);
    s->agenda = ds_agenda_create();
    s->queued_key = DS_AGENDA_NONE;

    if (s->sent == NULL || s->list == NULL || s->agenda == NULL) {
        goto failed;
    }

    if (s->resume.valid) {
        ds_playlist_resume(s->list, &s->resume);
    }

    if (ds_job_start_owned(&s->job, ds, "ds-stream", ds_player_run,
                           ds_stream_destroy, s)
        == DS_OK)
    {
        return s;
    }

failed:

    (void) ds_fail(err, DS_ENOMEM, "stream could not be started");
    ds_stream_destroy(s);

    return NULL;
}


static int
ds_stream_copy(ds_stream_t *s, const ds_def_t *def, const char *token)
{
    if (ds_copy(&s->name, def->name) != DS_OK
        || ds_copy(&s->playlist, def->playlist) != DS_OK
        || ds_copy(&s->publish, def->publish) != DS_OK
        || ds_copy(&s->token, token) != DS_OK
        || ds_copy(&s->push, def->push[0] == '\0' ? NULL : def->push) != DS_OK
        || ds_copy(&s->slate, def->slate[0] == '\0' ? NULL : def->slate)
           != DS_OK
        || ds_copy(&s->proxy, def->source_proxy) != DS_OK
        || ds_copy(&s->bind, def->source_bind) != DS_OK)
    {
        return DS_ENOMEM;
    }

    s->profile = def->profile;
    s->max_item = def->max_item_duration;
    s->push_engine = def->push_engine;

    s->settings = s->ds->conf;
    s->settings.source_proxy = s->proxy;
    s->settings.source_bind = s->bind;

    s->source.ds = s->ds;
    s->source.settings = &s->settings;
    s->source.stream = s->name;
    s->source.playlist = s->playlist;
    s->source.profile = &s->profile;
    s->source.counters = &s->counters;
    s->source.bell = &s->bell;

    s->target.publish = strcmp(s->publish, "none") == 0 ? NULL : s->publish;
    s->target.name = s->name;
    s->target.token = s->token;
    s->target.push = s->push_engine ? NULL : s->push;
    s->target.engine_push = s->push_engine ? s->push : NULL;
    s->target.term = ds_fence_term(s->ds->conf.fence);

    return DS_OK;
}


void
ds_stream_stop(ds_stream_t *s)
{
    ds_job_cancel(&s->job);
}


bool
ds_stream_done(ds_stream_t *s)
{
    return ds_job_done(&s->job);
}


void
ds_stream_free(ds_stream_t **ps)
{
    if (*ps != NULL) {
        ds_stream_stop(*ps);
        ds_stream_destroy(*ps);
        *ps = NULL;
    }
}


static void
ds_stream_destroy(void *data)
{
    ds_past_t    *past;
    ds_stream_t  *s = data;

    ds_job_end(&s->job);
    ds_playlist_free(&s->list);

    while ((past = s->past) != NULL) {
        s->past = past->next;
        free(past);
    }

    ds_agenda_free(&s->agenda);
    ds_playlist_free(&s->fresh);
    ds_sent_free(&s->sent);
    ds_bell_free(&s->bell);

    (void) pthread_mutex_destroy(&s->lock);

    free(s->name);
    free(s->playlist);
    free(s->publish);
    free(s->push);
    free(s->slate);
    free(s->proxy);
    free(s->bind);
    free(s->token);
    free(s);
}


void
ds_stream_skip(ds_stream_t *s)
{
    (void) pthread_mutex_lock(&s->lock);
    s->skips++;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_previous(ds_stream_t *s)
{
    (void) pthread_mutex_lock(&s->lock);
    s->previous++;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_refresh(ds_stream_t *s)
{
    (void) pthread_mutex_lock(&s->lock);
    s->refresh_wish = true;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_set_refresh(ds_stream_t *s, uint32_t refresh, uint32_t jitter)
{
    (void) pthread_mutex_lock(&s->lock);
    s->refresh = refresh;
    s->refresh_jitter = jitter;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_set_loop(ds_stream_t *s, bool loop)
{
    (void) pthread_mutex_lock(&s->lock);
    s->loop = loop;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_set_mode(ds_stream_t *s, ds_mode_e mode)
{
    (void) pthread_mutex_lock(&s->lock);
    s->status.mode = mode;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_prefetch(ds_stream_t *s, bool on)
{
    (void) pthread_mutex_lock(&s->lock);
    s->prefetch = on;
    (void) pthread_mutex_unlock(&s->lock);
}


void
ds_stream_status(ds_stream_t *s, ds_status_t *status)
{
    (void) pthread_mutex_lock(&s->lock);
    *status = s->status;
    (void) pthread_mutex_unlock(&s->lock);
}


bool
ds_stream_queue_change(ds_stream_t *s, ds_queued_t *q, uint64_t *stamp)
{
    bool  changed;

    (void) pthread_mutex_lock(&s->lock);
    changed = ds_agenda_change(s->agenda, q, stamp);
    (void) pthread_mutex_unlock(&s->lock);

    return changed;
}


int
ds_stream_queue_set(ds_stream_t *s, const ds_queued_t *entries, size_t n,
    uint64_t stamp)
{
    int  rc;

    (void) pthread_mutex_lock(&s->lock);
    rc = ds_agenda_set(s->agenda, entries, n, stamp);
    (void) pthread_mutex_unlock(&s->lock);

    return rc;
}


ds_still_t *
ds_stream_still(ds_stream_t *s, unsigned width, ds_error_t *err)
{
    bool  on_air;

    (void) pthread_mutex_lock(&s->lock);

    on_air = (s->status.connected || s->status.push.connected)
             && (s->status.state == DS_LIVE || s->status.slate);

    (void) pthread_mutex_unlock(&s->lock);

    if (!on_air) {
        (void) ds_fail(err, DS_ENO_VIDEO, "nothing is on air");
        return NULL;
    }

    return ds_still_create(s->ds, s->sent, width, err);
}


bool
ds_stream_aired(ds_stream_t *s, ds_aired_t *aired)
{
    ds_past_t  *past;

    (void) pthread_mutex_lock(&s->lock);

    past = s->past;

    if (past != NULL) {
        s->past = past->next;
        s->npast--;
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (past == NULL) {
        return false;
    }

    *aired = past->aired;
    free(past);

    return true;
}


size_t
ds_stream_items(ds_stream_t *s, ds_listed_t *items, size_t n)
{
    size_t  taken;

    (void) pthread_mutex_lock(&s->lock);
    taken = ds_playlist_take(s->list, items, n);
    (void) pthread_mutex_unlock(&s->lock);

    return taken;
}


void
ds_stream_items_again(ds_stream_t *s, uint32_t index)
{
    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_retake(s->list, index);
    (void) pthread_mutex_unlock(&s->lock);
}
