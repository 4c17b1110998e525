
/*
 * ds_stream.c: a stream as its owner sees it: definition, wishes, status,
 * and the two threads that make it: one lists the playlist, one plays it
 * (ds_player.c).
 */

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "air/ds_still.h"
#include "base/ds_url.h"
#include "play/ds_player.h"


static int ds_stream_copy(ds_stream_t *s, const ds_def_t *def,
    const char *token);
static bool ds_stream_rtmp(const ds_def_t *def, ds_outlet_t *o);
static int ds_stream_join(ds_stream_t *s, const ds_youtube_conf_t *youtube,
    const char *outputs);
static void ds_stream_shown(const char *outputs, ds_outlet_t *found);
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
    s->slotted_key = DS_AGENDA_NONE;
    s->slot_late = -1;

    if (ds_stream_join(s, &def->youtube, def->outputs) != DS_OK) {
        goto failed;
    }

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
    ds_outlet_t  o;

    if (ds_copy(&s->name, def->name) != DS_OK
        || ds_copy(&s->playlist, def->playlist) != DS_OK
        || ds_copy(&s->publish, def->publish) != DS_OK
        || ds_copy(&s->token, token) != DS_OK
        || ds_copy(&s->push, ds_stream_rtmp(def, &o) ? o.url : NULL) != DS_OK
        || ds_copy(&s->schedule,
                   def->schedule[0] == '\0' ? NULL : def->schedule) != DS_OK
        || ds_copy(&s->slate, def->slate[0] == '\0' ? NULL : def->slate)
           != DS_OK
        || ds_copy(&s->proxy, def->source_proxy) != DS_OK
        || ds_copy(&s->bind, def->source_bind) != DS_OK)
    {
        return DS_ENOMEM;
    }

    s->profile = def->profile;
    s->max_item = def->max_item_duration;
    memcpy(s->outputs, def->outputs, sizeof(s->outputs));
    s->outputs_new = true;

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
    s->target.push = s->push;
    s->target.term = ds_fence_term(s->ds->conf.fence);

    return DS_OK;
}


/* the output that nginx-rtmp makes */

static bool
ds_stream_rtmp(const ds_def_t *def, ds_outlet_t *o)
{
    size_t  pos;

    for (pos = 0; ds_outlet_next(def->outputs, &pos, o); /* void */) {
        if (!o->engine && !o->stopped) {
            return true;
        }
    }

    return false;
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
    ds_youtube_leave(&s->channel);
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
    free(s->schedule);
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


int
ds_stream_set_schedule(ds_stream_t *s, const char *schedule)
{
    char  *copy;

    if (ds_copy(&copy, schedule) != DS_OK) {
        return DS_ENOMEM;
    }

    (void) pthread_mutex_lock(&s->lock);
    free(s->schedule);
    s->schedule = copy;
    (void) pthread_mutex_unlock(&s->lock);

    return DS_OK;
}


void
ds_stream_set_outputs(ds_stream_t *s, const char *outputs)
{
    ds_outlet_t  before, now;

    ds_stream_shown(s->outputs, &before);
    ds_stream_shown(outputs, &now);

    (void) pthread_mutex_lock(&s->lock);
    ds_text(s->outputs, sizeof(s->outputs), outputs);
    s->outputs_new = true;
    (void) pthread_mutex_unlock(&s->lock);

    if (strcmp(before.name, now.name) != 0
        || strcmp(before.url, now.url) != 0)
    {
        (void) ds_stream_join(s, &s->youtube, outputs);
    }
}


void
ds_stream_restart_output(ds_stream_t *s, const char *name)
{
    (void) pthread_mutex_lock(&s->lock);

    if (s->nrestarts < DS_OUTLETS) {
        ds_text(s->restarts[s->nrestarts++], DS_OUTLET_NAME_LEN + 1, name);
    }

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


/* without memory it goes on as it is */

void
ds_stream_set_youtube(ds_stream_t *s, const ds_youtube_conf_t *youtube)
{
    (void) ds_stream_join(s, youtube, s->outputs);
}


/* in place of what was looked after before, whose totals go on */

static int
ds_stream_join(ds_stream_t *s, const ds_youtube_conf_t *youtube,
    const char *outputs)
{
    int                   rc;
    ds_outlet_t           o;
    ds_youtube_totals_t   totals;

    ds_stream_shown(outputs, &o);

    (void) pthread_mutex_lock(&s->lock);

    totals = s->status.youtube.totals;
    rc = ds_youtube_join(s->ds, s->name, o.name[0] != '\0' ? o.url : NULL,
                         youtube, &totals, &s->channel);

    if (rc == DS_OK) {
        s->youtube = *youtube;
        memcpy(s->shown, o.name, sizeof(s->shown));
        memset(&s->status.youtube, 0, sizeof(ds_youtube_status_t));
        s->status.youtube.totals = totals;
    }

    (void) pthread_mutex_unlock(&s->lock);

    return rc;
}


/*
 * The output that YouTube shows: the first one by the engine, of those to
 * YouTube if there are any; without a name: there is none.
 */

static void
ds_stream_shown(const char *outputs, ds_outlet_t *found)
{
    size_t       pos;
    ds_url_t     u;
    ds_outlet_t  o;

    memset(found, 0, sizeof(ds_outlet_t));

    for (pos = 0; ds_outlet_next(outputs, &pos, &o); /* void */) {

        if (!o.engine || o.stopped) {
            continue;
        }

        if (found->name[0] == '\0') {
            *found = o;
        }

        if (ds_url_parse(&u, o.url, NULL) == DS_OK && ds_url_is_youtube(&u)) {
            *found = o;
            return;
        }
    }
}


void
ds_stream_youtube(ds_stream_t *s, ds_youtube_wish_e wish)
{
    ds_youtube_wish(s->channel, wish);
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

    on_air = s->status.heard
             && (s->status.state == DS_LIVE || s->status.slate);

    (void) pthread_mutex_unlock(&s->lock);

    if (!on_air) {
        (void) ds_fail(err, DS_ENO_VIDEO, "nothing is on air");
        return NULL;
    }

    return ds_still_create(s->ds, s->sent, width, err);
}


bool
ds_stream_aired(ds_stream_t *s, ds_aired_t *aired, uint64_t stamp)
{
    ds_past_t  *past;

    (void) pthread_mutex_lock(&s->lock);

    past = s->past;

    if (past != NULL && stamp != UINT64_MAX
        && (past->stamp == 0 || past->stamp > stamp + 1))
    {
        past = NULL;
    }

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
