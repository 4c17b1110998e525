
/*
 * ds_programme.c: the schedule of a stream that plays: the lists of its slots
 * are read in time, and what ds_course.c makes of them comes to the air as what
 * is queued does.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_crash.h"
#include "play/ds_pick.h"
#include "play/ds_programme.h"
#include "resolve/ds_resolver.h"


/* ms: a list that is so new is not read again for its slot */
#define DS_SLOT_LIST_NEW    60000

/* ms before a slot is prepared: its list is read again */
#define DS_SLOT_LIST_LEAD   30000

/* ms: after a reading that has failed */
#define DS_SLOT_RETRY_MIN   1000
#define DS_SLOT_RETRY_MAX   60000

/* ms before a start that cuts when the air is told of it */
#define DS_SLOT_SOON        500


typedef struct {
    int64_t         read;           /* monotonic ms */
    int64_t         retry;          /* not before, monotonic ms */
    unsigned        tries;          /* in vain */
} ds_slot_list_t;


struct ds_programme_s {
    ds_course_t    *course;         /* changed under the stream's lock */
    ds_slot_list_t  lists[DS_SLOTS];

    ds_job_t        job;            /* reads a list */
    int             reading;        /* whose, -1: none */
    char            playlist[DS_URL_LEN + 1];
    ds_playlist_t  *fresh;          /* the job's until it is done, */
    ds_error_t      err;            /* as are these */
    uint32_t        most;           /* items, 0: any number */
    bool            full;           /* there is no memory for all */

    bool            late;           /* it has been said */
    ds_slots_t      slots;          /* of the status */
};


static bool ds_programme_adopt(ds_stream_t *s);
static void ds_programme_read(ds_stream_t *s, int64_t now);
static void ds_programme_run(void *data);
static bool ds_programme_add(void *data, ds_entry_t *e);
static void ds_programme_listed(ds_stream_t *s);
static void ds_programme_late(ds_stream_t *s, int64_t now);
static void ds_programme_missed(ds_stream_t *s, const ds_airing_t *a);
static void ds_programme_cut(ds_stream_t *s, int64_t now);
static void ds_programme_free(ds_stream_t *s);


void
ds_programme_step(ds_stream_t *s)
{
    bool               missed, anew;
    ds_airing_t        lost, was;
    ds_course_t       *c;
    ds_rundown_t      *rd;
    ds_programme_t    *p;
    ds_course_view_t   v;

    s->slot_cuts = 0;
    ds_air_until(s->air, 0);

    if (!ds_programme_adopt(s)) {
        return;
    }

    p = s->programme;
    c = p->course;
    rd = c->rd;
    v.now = ds_now();
    v.mono = ds_monotonic();

    (void) pthread_mutex_lock(&s->lock);

    was = c->seen;
    missed = ds_course_due(c, v.now, &lost);
    anew = was.slot != c->seen.slot || was.start != c->seen.start;

    (void) pthread_mutex_unlock(&s->lock);

    p->late = p->late && !anew;

    if (missed) {
        ds_programme_missed(s, &lost);
    }

    ds_programme_read(s, v.now);
    ds_programme_late(s, v.now);

    s->slot_awaited = rd->due.slot != -1 && rd->due.missed
                      && s->copied + s->encoded == 0 && c->fails == 0
                      && p->lists[rd->due.slot].tries == 0
                      && v.mono - s->list_started
                         < s->ds->conf.source_timeout;

    v.agenda = s->agenda;
    v.base = s->list;
    v.next = s->next == NULL ? DS_NO_ITEM : s->next_index;
    v.next_duration = s->next == NULL || !ds_source_ready(s->next)
                      ? -1 : ds_source_duration(s->next);
    v.busy = s->cur != NULL;
    v.left = s->cur == NULL ? 0 : ds_pick_left(s);

    (void) pthread_mutex_lock(&s->lock);

    v.loop = s->loop;
    ds_course_step(c, &v);

    (void) pthread_mutex_unlock(&s->lock);

    ds_programme_cut(s, v.now);
}


/*
 * What is about to be cut for something that is ready is sent up to the very
 * time, and not, as else, up to a tick beyond it.
 */

static void
ds_programme_cut(ds_stream_t *s, int64_t now)
{
    int           slot;
    bool          ready;
    int64_t       at;
    ds_course_t  *c;

    c = s->programme->course;
    at = ds_rundown_cut(c->rd, now, &slot);

    ready = at > now && at - now <= DS_SLOT_SOON
            && ((c->ahead.key != DS_AGENDA_NONE && c->ahead.slot == slot
                 && s->slotted != NULL && s->slotted_key == c->ahead.key
                 && ds_source_ready(s->slotted))
                || (c->item.key != DS_AGENDA_NONE && c->item.slot == slot
                    && s->queued != NULL && s->queued_key == c->item.key
                    && ds_source_ready(s->queued)));

    if (ready) {
        s->slot_cuts = ds_monotonic_us() + (at - now) * 1000;
        ds_air_until(s->air, s->slot_cuts);
    }
}


/*
 * A new schedule takes the place of the old one, when that reads no list any
 * more.  False: there is none, or not yet.
 */

static bool
ds_programme_adopt(ds_stream_t *s)
{
    bool             anew, reads;
    char            *text, cursors[DS_CURSORS_LEN];
    ds_error_t       err;
    ds_slots_t       slots;
    ds_course_t     *c;
    ds_programme_t  *p;

    p = s->programme;
    reads = p != NULL && p->reading != -1 && !ds_job_done(&p->job);

    (void) pthread_mutex_lock(&s->lock);

    anew = s->schedule != NULL;
    text = reads ? NULL : s->schedule;

    if (text != NULL) {
        s->schedule = NULL;
        slots = s->status.slots;
        memcpy(cursors, p == NULL ? s->resume.slots
                                  : s->status.progress.slots,
               sizeof(cursors));
    }

    (void) pthread_mutex_unlock(&s->lock);

    if (anew && reads) {
        /* it may sit in a call that cannot be interrupted */
        ds_job_cancel(&p->job);
        s->slot_awaited = false;
        return false;
    }

    if (text == NULL) {
        return p != NULL;
    }

    c = NULL;
    p = NULL;

    if (text[0] != '\0') {
        c = ds_course_create(text, cursors, &err);
        p = c == NULL ? NULL : calloc(1, sizeof(ds_programme_t));

        if (p == NULL) {
            if (c != NULL) {
                (void) ds_fail(&err, DS_ENOMEM, "no memory for a schedule");
            }

            ds_log(s->ds, DS_LOG_ERR, s->name,
                   "schedule cannot be followed: %s: %s",
                   ds_error_code(err.code), err.message);
            ds_course_free(&c);
            free(text);
            s->err = err;

            return s->programme != NULL;
        }

        p->course = c;
        p->slots = slots;
        p->reading = -1;
    }

    free(text);
    ds_programme_free(s);

    (void) pthread_mutex_lock(&s->lock);
    s->programme = p;
    (void) pthread_mutex_unlock(&s->lock);

    s->scheduled = p != NULL;
    s->slot_awaited = false;

    return p != NULL;
}


/* one list at a time: that of the slot that is due first, or was never read */

static void
ds_programme_read(ds_stream_t *s, int64_t now)
{
    int              i, best;
    int64_t          mono, at, soonest;
    ds_rundown_t    *rd;
    ds_slot_list_t  *l;
    ds_programme_t  *p;

    p = s->programme;
    rd = p->course->rd;

    if (p->reading != -1) {
        if (!ds_job_done(&p->job)) {
            return;
        }

        ds_job_end(&p->job);
        ds_programme_listed(s);
    }

    mono = ds_monotonic();
    soonest = DS_NEVER;
    best = -1;

    for (i = 0; i < (int) rd->conf.n; i++) {
        l = &p->lists[i];

        if (mono < l->retry) {
            continue;
        }

        /* what is due, or was, comes first; then the filler, with no time */

        at = rd->due.slot == i ? 0 : rd->next[i];

        if (p->course->lists[i].list != NULL
            && (mono - l->read < rd->conf.prepare + DS_SLOT_LIST_NEW
                || at == 0
                || at == DS_NEVER
                || at - now > rd->conf.prepare + DS_SLOT_LIST_LEAD
                || rd->conf.slots[i].kind == DS_SLOT_EVERY))
        {
            continue;
        }

        if (best == -1 || at < soonest) {
            best = i;
            soonest = at;
        }
    }

    if (best == -1) {
        return;
    }

    p->full = false;
    p->most = s->ds->conf.playlist_max_items;
    ds_error_clear(&p->err);
    memcpy(p->playlist, rd->conf.slots[best].playlist, sizeof(p->playlist));
    p->fresh = ds_playlist_create(false, 0);

    if (p->fresh != NULL
        && ds_job_start(&p->job, "ds-list", ds_programme_run, s) == DS_OK)
    {
        p->reading = best;
        return;
    }

    p->reading = best;
    p->full = true;
    ds_programme_listed(s);
}


/* context: a job's thread */

static void
ds_programme_run(void *data)
{
    ds_stream_t *s = data;

    ds_programme_t  *p;

    p = s->programme;

    ds_crash_stream(s->name);

    (void) ds_resolver_list(s->ds, &s->settings, p->playlist, &p->job.cancel,
                            ds_programme_add, p, &p->err);
}


/* context: a job's thread; nobody else sees the list yet */

static bool
ds_programme_add(void *data, ds_entry_t *e)
{
    ds_programme_t *p = data;

    if (p->most != 0 && ds_playlist_count(p->fresh) >= p->most) {
        ds_entry_free(e);
        return false;
    }

    if (ds_playlist_add(p->fresh, e) != DS_OK) {
        p->full = true;
        ds_entry_free(e);
        return false;
    }

    return true;
}


/* an answer that is an error, or empty, changes nothing */

static void
ds_programme_listed(ds_stream_t *s)
{
    int                   which;
    int64_t               mono;
    ds_playlist_t        *fresh;
    ds_slot_list_t       *l;
    ds_programme_t       *p;
    const ds_timeslot_t  *slot;

    p = s->programme;
    which = p->reading;
    l = &p->lists[which];
    slot = &p->course->rd->conf.slots[which];
    p->reading = -1;
    fresh = p->fresh;
    p->fresh = NULL;
    mono = ds_monotonic();

    if (p->full) {
        (void) ds_fail(&p->err, DS_ENOMEM, "no memory for a list");
    }

    if (p->err.code == DS_OK && ds_playlist_count(fresh) == 0) {
        (void) ds_fail(&p->err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    if (p->err.code == DS_OK) {
        ds_playlist_complete(fresh);

        (void) pthread_mutex_lock(&s->lock);
        ds_course_list(p->course, s->agenda, which, fresh);
        (void) pthread_mutex_unlock(&s->lock);

        l->read = mono;
        l->tries = 0;
        return;
    }

    ds_playlist_free(&fresh);

    l->retry = mono + ds_backoff(++l->tries, DS_SLOT_RETRY_MIN,
                                 DS_SLOT_RETRY_MAX);
    s->err = p->err;
    ds_count_fault(&s->counters, p->err.code);

    ds_log(s->ds, p->course->lists[which].list == NULL ? DS_LOG_ERR
                                                       : DS_LOG_WARN, s->name,
           "playlist of slot \"%s\" failed: %s: %s", slot->label,
           ds_error_code(p->err.code), p->err.message);
}


/* what should be on air, and is not */

static void
ds_programme_late(ds_stream_t *s, int64_t now)
{
    ds_airing_t     *due;
    ds_programme_t  *p;

    p = s->programme;
    due = &p->course->rd->due;

    if (due->slot == -1 || p->late || due->deadline == DS_NEVER
        || now - due->deadline < DS_MISSED || s->slot_awaited)
    {
        return;
    }

    p->late = true;

    ds_log(s->ds, DS_LOG_WARN, s->name,
           "slot \"%s\" is late, its item is not ready",
           p->course->rd->conf.slots[due->slot].label);
}


/* it did not come on air before its end, or before another one */

static void
ds_programme_missed(ds_stream_t *s, const ds_airing_t *a)
{
    ds_programme_t  *p;

    p = s->programme;
    p->slots.missed++;
    p->slots.last_late = -1;
    memcpy(p->slots.last, p->course->rd->conf.slots[a->slot].label,
           DS_SLOT_LEN);

    ds_log(s->ds, DS_LOG_ERR, s->name, "slot \"%s\" has not come on air",
           p->slots.last);
}


int
ds_programme_entry(ds_stream_t *s, uint32_t key, ds_entry_t *e)
{
    const ds_course_item_t  *it;

    it = s->programme == NULL ? NULL
         : ds_course_item(s->programme->course, key);

    return it == NULL ? DS_ECANCELED
           : ds_playlist_entry(s->programme->course->lists[it->slot].list,
                               it->index, e);
}


void
ds_programme_began(ds_stream_t *s, uint32_t key, int64_t from)
{
    bool                  known;
    int64_t               now;
    ds_airing_t          *a;
    ds_programme_t       *p;
    ds_course_begun_t     b;
    const ds_timeslot_t  *slot;

    p = s->programme;

    if (p == NULL) {
        return;
    }

    now = ds_now();

    (void) pthread_mutex_lock(&s->lock);
    known = ds_course_began(p->course, key, now, from, &b);
    (void) pthread_mutex_unlock(&s->lock);

    if (!known) {
        return;
    }

    a = &b.airing;
    slot = &p->course->rd->conf.slots[b.slot];
    memcpy(s->slot, slot->label, sizeof(s->slot));

    if (b.until != 0) {
        s->cur_until = b.until;
    }

    if (!b.first) {
        return;
    }

    /* one that goes on after a stop was in time, or said that it was not */

    if (!b.again) {
        s->slot_late = now - a->start < 0 ? 0 : now - a->start;
        p->slots.started++;
        p->slots.last_late = s->slot_late;
        memcpy(p->slots.last, slot->label, DS_SLOT_LEN);

        ds_log(s->ds, DS_LOG_NOTICE, s->name,
               "slot \"%s\" is on air, %lld ms after its time",
               slot->label, (long long) s->slot_late);
    }

    p->slots.start = a->start;
    p->slots.until = a->until == DS_NEVER ? 0 : a->until;
    p->slots.late = s->slot_late < 0 ? 0 : s->slot_late;
}


void
ds_programme_status(ds_stream_t *s, ds_status_t *st)
{
    int              i;
    ds_slots_t      *t;
    ds_rundown_t    *rd;
    ds_programme_t  *p;

    p = s->programme;

    if (p == NULL) {
        memset(&st->slots, 0, offsetof(ds_slots_t, started));

        if (st->progress.slots[0] == '\0') {
            memcpy(st->progress.slots, s->resume.slots, DS_CURSORS_LEN);
        }

        return;
    }

    rd = p->course->rd;
    t = &p->slots;

    memcpy(t->label, s->cur == NULL ? "" : s->slot,
           s->cur == NULL ? 1 : DS_SLOT_LEN);
    t->due[0] = '\0';
    t->due_start = 0;
    t->due_late = false;

    if (rd->due.slot != -1) {
        memcpy(t->due, rd->conf.slots[rd->due.slot].label, DS_SLOT_LEN);
        t->due_start = rd->due.start;
        t->due_late = p->late;
    }

    t->next[0] = '\0';
    t->next_start = DS_NEVER;

    for (i = 0; i < (int) rd->conf.n; i++) {
        if (rd->conf.slots[i].kind == DS_SLOT_AT
            && rd->next[i] <= t->next_start && rd->next[i] != DS_NEVER)
        {
            t->next_start = rd->next[i];
            memcpy(t->next, rd->conf.slots[i].label, DS_SLOT_LEN);
        }
    }

    if (t->next[0] == '\0') {
        t->next_start = 0;
    }

    st->slots = *t;

    ds_course_cursors(p->course, st->progress.slots);
}


int
ds_programme_copy(ds_stream_t *s, ds_course_t *c)
{
    uint32_t         i, k;
    ds_course_t     *from;
    ds_playlist_t   *list;

    from = s->programme == NULL ? NULL : s->programme->course;

    if (from == NULL) {
        return DS_OK;
    }

    for (i = 0; i < c->rd->conf.n; i++) {
        for (k = 0; k < from->rd->conf.n; k++) {
            list = from->lists[k].list;

            if (list == NULL || c->lists[i].list != NULL
                || strcmp(from->rd->conf.slots[k].playlist,
                          c->rd->conf.slots[i].playlist) != 0)
            {
                continue;
            }

            c->lists[i].list = ds_playlist_copy(list);

            if (c->lists[i].list == NULL) {
                return DS_ENOMEM;
            }
        }
    }

    /* read from one text, and zeroed before */

    if (memcmp(&c->rd->conf, &from->rd->conf, sizeof(ds_schedule_t)) == 0) {
        ds_course_copy(c, from);
    }

    return DS_OK;
}


void
ds_programme_cancel(ds_stream_t *s)
{
    if (s->programme != NULL && s->programme->reading != -1) {
        ds_job_cancel(&s->programme->job);
    }
}


void
ds_programme_end(ds_stream_t *s)
{
    ds_programme_cancel(s);
    ds_programme_free(s);
}


static void
ds_programme_free(ds_stream_t *s)
{
    ds_programme_t  *p;

    p = s->programme;

    if (p == NULL) {
        return;
    }

    if (p->reading != -1) {
        ds_job_cancel(&p->job);
        ds_job_end(&p->job);
    }

    (void) pthread_mutex_lock(&s->lock);
    ds_course_clear(p->course, s->agenda);
    s->programme = NULL;
    (void) pthread_mutex_unlock(&s->lock);

    ds_course_free(&p->course);
    ds_playlist_free(&p->fresh);
    free(p);
}
