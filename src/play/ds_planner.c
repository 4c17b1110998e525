
/*
 * ds_planner.c: a plan for who asks: copies of what a stream plays from, and
 * the lists that nobody has read yet, are played through in a thread.
 */

#include <stdlib.h>
#include <string.h>

#include "play/ds_plan.h"
#include "play/ds_programme.h"
#include "resolve/ds_resolver.h"


struct ds_planner_s {
    ds_job_t             job;

    /* constant */
    ds_t                *ds;
    char                *playlist;      /* NULL: it is known */
    bool                 shuffle;
    char                *proxy;
    char                *bind;
    ds_conf_t            settings;      /* the engine's, with these two */
    ds_plan_conf_t       conf;

    /* the job's until it is done */
    ds_plan_t            plan;
    ds_item_t            onair;
    ds_playlist_t       *fresh;
    ds_plan_answer_t     answer;
};


static const char *const  ds_whys[] = {
    "list", "queue", "slot", "every", "filler", "slate"
};

static const char *const  ds_conflicts[] = {
    "late", "missed", "overlap", "cut", "filler", "empty", "never"
};


static int ds_planner_copy(ds_planner_t *p, ds_stream_t *s,
    const ds_def_t *def, ds_error_t *err);
static int ds_planner_take(ds_planner_t *p, ds_stream_t *s);
static int ds_planner_onair(ds_planner_t *p, ds_stream_t *s);
static void ds_planner_run(void *data);
static int ds_planner_lists(ds_planner_t *p);
static ds_playlist_t *ds_planner_read(ds_planner_t *p, const char *playlist,
    bool shuffle, ds_error_t *err);
static bool ds_planner_entry(void *data, ds_entry_t *e);
static int ds_planner_tell(ds_planner_t *p);
static void ds_planner_text(ds_planner_t *p, const ds_plan_entry_t *e,
    ds_planned_t *to);
static void ds_planner_destroy(void *data);


const char *
ds_why_name(ds_why_e why)
{
    return ds_whys[why];
}


const char *
ds_conflict_name(ds_conflict_e conflict)
{
    return ds_conflicts[conflict];
}


ds_planner_t *
ds_plan_start(ds_t *ds, ds_stream_t *s, const ds_def_t *def,
    const ds_plan_conf_t *conf, ds_error_t *err)
{
    ds_planner_t  *p;

    ds_error_clear(err);

    p = calloc(1, sizeof(ds_planner_t));
    if (p == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    p->ds = ds;
    p->conf = *conf;
    p->shuffle = def->shuffle;
    p->proxy = strdup(def->source_proxy);
    p->bind = strdup(def->source_bind);
    p->settings = ds->conf;
    p->settings.source_proxy = p->proxy;
    p->settings.source_bind = p->bind;

    p->plan.loop = def->loop;
    p->plan.max_item = def->max_item_duration;
    p->plan.next = DS_NO_ITEM;
    p->plan.now = ds_now();
    p->plan.until = conf->until;

    if (p->proxy == NULL || p->bind == NULL
        || ds_planner_copy(p, s, def, err) != DS_OK
        || ds_job_start_owned(&p->job, ds, "ds-plan", ds_planner_run,
                              ds_planner_destroy, p)
           != DS_OK)
    {
        if (err->code == DS_OK) {
            (void) ds_fail(err, DS_ENOMEM, "a plan could not be begun");
        }

        ds_planner_destroy(p);
        return NULL;
    }

    return p;
}


/* what there is to play from, as it is now */

static int
ds_planner_copy(ds_planner_t *p, ds_stream_t *s, const ds_def_t *def,
    ds_error_t *err)
{
    int   rc;
    char  cursors[DS_CURSORS_LEN];

    cursors[0] = '\0';

    if (s != NULL) {
        (void) pthread_mutex_lock(&s->lock);
        memcpy(cursors, s->status.progress.slots, sizeof(cursors));
        (void) pthread_mutex_unlock(&s->lock);
    }

    if (def->schedule[0] != '\0') {
        p->plan.course = ds_course_create(def->schedule, cursors, err);

        if (p->plan.course == NULL) {
            return err->code;
        }
    }

    if (s == NULL) {
        p->playlist = strdup(def->playlist);
        p->plan.agenda = ds_agenda_create();
        rc = p->playlist == NULL || p->plan.agenda == NULL ? DS_ENOMEM
                                                           : DS_OK;

    } else {
        (void) pthread_mutex_lock(&s->lock);
        rc = ds_planner_take(p, s);
        (void) pthread_mutex_unlock(&s->lock);
    }

    return rc == DS_OK ? rc : ds_fail(err, rc, "no memory for a plan");
}


/* context: s->lock is held */

static int
ds_planner_take(ds_planner_t *p, ds_stream_t *s)
{
    int  rc;

    p->plan.agenda = ds_agenda_copy(s->agenda);
    p->plan.base = ds_playlist_copy(s->list);

    if (p->plan.agenda == NULL || p->plan.base == NULL) {
        return DS_ENOMEM;
    }

    ds_playlist_complete(p->plan.base);

    rc = p->plan.course == NULL ? DS_OK
         : ds_programme_copy(s, p->plan.course);

    return rc == DS_OK ? ds_planner_onair(p, s) : rc;
}


/* context: s->lock is held */

static int
ds_planner_onair(ds_planner_t *p, ds_stream_t *s)
{
    int                 slot;
    uint32_t            i;
    ds_why_e            why;
    ds_plan_t          *plan;
    ds_onair_t         *o;
    ds_schedule_t      *conf;
    const ds_queued_t  *q;

    o = &s->onair;
    plan = &p->plan;

    /* the list may have changed since then */

    plan->next = o->next == 0 ? DS_NO_ITEM
                              : ds_playlist_of_key(plan->base, o->next);
    plan->next_duration = o->next_duration;

    if (!o->busy) {
        return DS_OK;
    }

    p->onair = s->status.item;

    q = ds_agenda_get(plan->agenda, o->entry);
    why = q != NULL && q->kind != DS_QUEUED_SLOT ? DS_WHY_QUEUE : DS_WHY_LIST;
    slot = -1;

    for (i = 0; plan->course != NULL && o->slot[0] != '\0'
                && i < plan->course->rd->conf.n; i++)
    {
        conf = &plan->course->rd->conf;

        if (strcmp(conf->slots[i].label, o->slot) == 0) {
            slot = (int) i;
            why = conf->slots[i].kind == DS_SLOT_AT ? DS_WHY_SLOT
                  : conf->slots[i].kind == DS_SLOT_EVERY ? DS_WHY_EVERY
                                                         : DS_WHY_FILLER;
        }
    }

    plan->busy = true;
    plan->cur = o->entry != DS_AGENDA_NONE ? o->entry
                : ds_playlist_of_key(plan->base, o->key);
    plan->began = o->began;
    plan->from = o->position - (o->at - o->began);
    plan->from = plan->from < 0 ? 0 : plan->from;

    if (o->left == -1) {
        plan->guessed = true;
    }

    plan->end = o->left == -1 ? o->at + DS_PLAN_GUESS : o->at + o->left;

    if (plan->max_item != 0 && plan->end > plan->began + plan->max_item) {
        plan->end = plan->began + plan->max_item;
    }

    return ds_plan_add(plan, why, slot, DS_PLAN_ONAIR, o->late);
}


/* context: planner's thread */

static void
ds_planner_run(void *data)
{
    int                rc;
    int64_t            began;
    ds_error_t        *err;
    ds_planner_t      *p = data;

    err = &p->answer.error;
    ds_error_clear(err);

    rc = ds_planner_lists(p);

    if (rc == DS_OK) {
        began = ds_monotonic_us();
        rc = ds_plan_run(&p->plan, &p->job.cancel);
        p->answer.took = ds_monotonic_us() - began;
    }

    if (rc == DS_OK) {
        rc = ds_planner_tell(p);
    }

    if (rc != DS_OK && err->code == DS_OK) {
        (void) ds_fail(err, rc, rc == DS_ENOMEM ? "no memory for a plan"
                                                : "it was given up");
    }
}


/* context: planner's thread; what cannot be read is a slot without items */

static int
ds_planner_lists(ds_planner_t *p)
{
    uint32_t       i, k;
    ds_error_t     err;
    ds_course_t   *c;
    ds_schedule_t *conf;

    if (p->playlist != NULL) {
        p->plan.base = ds_planner_read(p, p->playlist, p->shuffle,
                                       &p->answer.error);
        if (p->plan.base == NULL) {
            return p->answer.error.code;
        }
    }

    c = p->plan.course;

    for (i = 0; c != NULL && i < c->rd->conf.n; i++) {
        conf = &c->rd->conf;

        for (k = 0; k < i && c->lists[i].list == NULL; k++) {
            if (c->lists[k].list != NULL
                && strcmp(conf->slots[k].playlist, conf->slots[i].playlist)
                   == 0)
            {
                c->lists[i].list = ds_playlist_copy(c->lists[k].list);
            }
        }

        if (c->lists[i].list == NULL) {
            c->lists[i].list = ds_planner_read(p, conf->slots[i].playlist,
                                               false, &err);

            if (c->lists[i].list == NULL
                && (err.code == DS_ENOMEM || err.code == DS_ECANCELED))
            {
                p->answer.error = err;
                return err.code;
            }
        }
    }

    return DS_OK;
}


/* context: planner's thread; NULL: "err" says why */

static ds_playlist_t *
ds_planner_read(ds_planner_t *p, const char *playlist, bool shuffle,
    ds_error_t *err)
{
    int             rc;
    ds_playlist_t  *list;

    ds_error_clear(err);
    p->fresh = ds_playlist_create(shuffle, 0);

    if (p->fresh == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for a list");
        return NULL;
    }

    rc = ds_resolver_list(p->ds, &p->settings, playlist, &p->job.cancel,
                          ds_planner_entry, p, err);
    list = p->fresh;
    p->fresh = NULL;

    /* what there is of it is an answer */

    if ((rc == DS_OK || rc == DS_EPLAYLIST_SHORT)
        && ds_playlist_count(list) != 0)
    {
        ds_error_clear(err);
        ds_playlist_complete(list);
        return list;
    }

    ds_playlist_free(&list);

    if (rc == DS_OK) {
        (void) ds_fail(err, DS_EPLAYLIST_EMPTY, "playlist has no items");
    }

    return NULL;
}


/* context: planner's thread */

static bool
ds_planner_entry(void *data, ds_entry_t *e)
{
    uint32_t       most;
    ds_planner_t  *p = data;

    most = p->ds->conf.playlist_max_items;

    if ((most != 0 && ds_playlist_count(p->fresh) >= most)
        || ds_playlist_add(p->fresh, e) != DS_OK)
    {
        ds_entry_free(e);
        return false;
    }

    return true;
}


/* context: planner's thread; the part that is asked for, with its texts */

static int
ds_planner_tell(ds_planner_t *p)
{
    uint32_t           i, size;
    ds_plan_t         *plan;
    ds_plan_entry_t   *e;
    ds_plan_answer_t  *a;

    a = &p->answer;
    plan = &p->plan;
    size = p->conf.limit < plan->n ? p->conf.limit : plan->n;
    a->entries = calloc((size_t) size + 1, sizeof(ds_planned_t));

    if (a->entries == NULL) {
        return DS_ENOMEM;
    }

    for (i = 0; i < plan->n; i++) {
        e = &plan->entries[i];

        if (e->end <= p->conf.from || e->start >= p->conf.until) {
            continue;
        }

        if (a->count >= p->conf.offset && a->n < size) {
            ds_planner_text(p, e, &a->entries[a->n++]);
        }

        a->count++;
    }

    a->truncated = plan->truncated;
    a->conflicts = plan->conflicts;

    /* those of before are left out; those of no time concern all */

    for (i = 0; i < plan->nconflicts; i++) {
        if (plan->conflicts[i].start == 0
            || (plan->conflicts[i].start >= p->conf.from
                && plan->conflicts[i].start < p->conf.until))
        {
            a->conflicts[a->nconflicts++] = plan->conflicts[i];
        }
    }

    return DS_OK;
}


/* context: planner's thread */

static void
ds_planner_text(ds_planner_t *p, const ds_plan_entry_t *e, ds_planned_t *to)
{
    ds_item_t     item;
    ds_course_t  *c;

    c = p->plan.course;

    to->start = e->start;
    to->end = e->end;
    to->from = e->from;
    to->late = e->late;
    to->why = e->why;
    to->cut = e->cut;
    to->guessed = e->guessed;
    to->index = DS_NO_INDEX;

    if (c != NULL) {
        to->start_zone = ds_zone_offset(c->rd->zone, e->start / 1000);
        to->end_zone = ds_zone_offset(c->rd->zone, e->end / 1000);
    }

    if (e->slot != -1) {
        memcpy(to->slot, c->rd->conf.slots[e->slot].label, DS_SLOT_LEN);
    }

    if (e->item == DS_NO_ITEM) {
        return;
    }

    if (e->item == DS_PLAN_ONAIR) {
        item = p->onair;

    } else if (ds_agenda_is_key(e->item)) {
        ds_agenda_item(p->plan.agenda, e->item, &item);

    } else {
        ds_playlist_item(e->slot == -1 ? p->plan.base
                                       : c->lists[e->slot].list, e->item,
                         &item);
    }

    to->index = item.index;
    memcpy(to->id, item.id, sizeof(to->id));
    memcpy(to->title, item.title, sizeof(to->title));
}


const ds_plan_answer_t *
ds_plan_done(ds_planner_t *p)
{
    return ds_job_done(&p->job) ? &p->answer : NULL;
}


void
ds_plan_cancel(ds_planner_t *p)
{
    ds_job_cancel(&p->job);
}


void
ds_plan_free(ds_planner_t **pp)
{
    ds_planner_t  *p;

    p = *pp;
    if (p == NULL) {
        return;
    }

    *pp = NULL;

    ds_plan_cancel(p);
    ds_planner_destroy(p);
}


static void
ds_planner_destroy(void *data)
{
    ds_planner_t  *p = data;

    ds_job_end(&p->job);
    ds_plan_clear(&p->plan);
    free(p->answer.entries);
    free(p->playlist);
    free(p->proxy);
    free(p->bind);
    free(p);
}
