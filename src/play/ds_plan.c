
/*
 * ds_plan.c: plays the copies of what decides through.  Its own is only what
 * the world does for who plays: an item is ready at once, and lasts as long as
 * its list says.
 */

#include <stdlib.h>
#include <string.h>

#include "play/ds_plan.h"


/* decisions that may follow from each other at one time */
#define DS_PLAN_SETTLE  (2 * DS_SLOTS)


static int ds_plan_instant(ds_plan_t *p);
static void ds_plan_decide(ds_plan_t *p);
static void ds_plan_due(ds_plan_t *p);
static void ds_plan_step(ds_plan_t *p);
static bool ds_plan_air(ds_plan_t *p, int *rc);
static void ds_plan_over(ds_plan_t *p, uint32_t head);
static int ds_plan_queued(ds_plan_t *p, uint32_t key);
static int ds_plan_slot(ds_plan_t *p, uint32_t key, int64_t from);
static void ds_plan_told(ds_plan_t *p, const ds_course_begun_t *b,
    ds_why_e why, int64_t late, const ds_airing_t *on);
static int ds_plan_listed(ds_plan_t *p);
static bool ds_plan_pick(ds_plan_t *p, uint32_t *index);
static int ds_plan_begin(ds_plan_t *p, ds_why_e why, int slot, uint32_t item,
    int64_t late, int64_t from, int64_t duration, int64_t until);
static int64_t ds_plan_length(ds_plan_t *p, int slot, uint32_t index);
static int64_t ds_plan_mean(ds_plan_t *p, int slot);
static int64_t ds_plan_next(const ds_plan_t *p);
static void ds_plan_conflict(ds_plan_t *p, ds_conflict_e kind, int slot,
    int64_t start, int by, int64_t ms);


int
ds_plan_run(ds_plan_t *p, ds_cancel_t *cancel)
{
    int       rc;
    uint32_t  i;

    p->own_end = p->end;
    p->conflicts = calloc(DS_PLAN_CONFLICTS, sizeof(ds_conflict_t));

    if (p->conflicts == NULL) {
        return DS_ENOMEM;
    }

    for (i = 0; p->course != NULL && i < p->course->rd->conf.n; i++) {

        if (ds_schedule_past(&p->course->rd->conf, i, p->now)) {
            ds_plan_conflict(p, DS_CONFLICT_NEVER, (int) i, 0, -1, 0);

        } else if (p->course->lists[i].list == NULL) {
            ds_plan_conflict(p, DS_CONFLICT_EMPTY, (int) i, 0, -1, 0);
        }
    }

    for ( ;; ) {
        rc = ds_plan_instant(p);

        if (rc != DS_OK || p->truncated || p->now >= p->until) {
            break;
        }

        if (cancel != NULL && ds_cancel_is_set(cancel)) {
            return DS_ECANCELED;
        }

        p->now = ds_plan_next(p);
    }

    if (p->n != 0 && !p->truncated) {
        p->entries[p->n - 1].end = p->busy ? p->end : p->now;
    }

    return rc;
}


void
ds_plan_clear(ds_plan_t *p)
{
    ds_course_free(&p->course);
    ds_agenda_free(&p->agenda);
    ds_playlist_free(&p->base);
    free(p->entries);
    free(p->conflicts);
    memset(p, 0, sizeof(ds_plan_t));
}


/* all that happens at one time */

static int
ds_plan_instant(ds_plan_t *p)
{
    int  rc;

    rc = DS_OK;

    do {
        ds_plan_decide(p);
    } while (p->now < p->until && !p->truncated && ds_plan_air(p, &rc));

    return rc;
}


/* until nothing follows from it any more, as it does from tick to tick */

static void
ds_plan_decide(ds_plan_t *p)
{
    int            i;
    uint32_t       key;
    ds_airing_t    due, on;
    ds_course_t   *c;

    c = p->course;

    if (c == NULL) {
        return;
    }

    for (i = 0; i < DS_PLAN_SETTLE; i++) {
        due = c->rd->due;
        on = c->rd->on;
        key = c->item.key;

        ds_plan_due(p);
        ds_plan_step(p);

        if (key == c->item.key && due.slot == c->rd->due.slot
            && due.start == c->rd->due.start && on.slot == c->rd->on.slot
            && on.start == c->rd->on.start)
        {
            return;
        }
    }
}


static void
ds_plan_due(ds_plan_t *p)
{
    int            i;
    bool           begun;
    int64_t        next[DS_SLOTS];
    ds_airing_t    missed;
    ds_course_t   *c;
    ds_rundown_t  *rd;

    c = p->course;
    rd = c->rd;
    begun = rd->mark != 0;

    ds_rundown_watch(rd, p->now);
    memcpy(next, rd->next, sizeof(next));

    if (ds_course_due(c, p->now, &missed)) {
        ds_plan_conflict(p, DS_CONFLICT_MISSED, missed.slot, missed.start,
                         rd->due.slot, 0);
    }

    if (!begun || rd->due.slot == -1) {
        return;
    }

    for (i = 0; i < (int) rd->conf.n; i++) {
        if (rd->conf.slots[i].kind == DS_SLOT_AT && i != rd->due.slot
            && next[i] <= p->now && next[i] == rd->due.start)
        {
            ds_plan_conflict(p, DS_CONFLICT_OVERLAP, i, next[i],
                             rd->due.slot, 0);
        }
    }
}


static void
ds_plan_step(ds_plan_t *p)
{
    int64_t           gap;
    ds_airing_t       due;
    ds_course_t      *c;
    ds_rundown_t     *rd;
    ds_course_view_t  v;

    c = p->course;
    rd = c->rd;
    due = rd->due;

    v.now = p->now;
    v.mono = p->now;
    v.agenda = p->agenda;
    v.base = p->base;
    v.loop = p->loop;
    v.next = p->next;
    v.next_duration = p->next_duration;
    v.busy = p->busy;
    v.left = p->busy ? p->end - p->now : 0;

    ds_course_step(c, &v);

    /* what was to be joined may be over by now */

    gap = p->now - due.start;

    if (due.slot != -1 && rd->due.slot == -1 && !(due.missed && gap > 0)) {
        ds_plan_conflict(p, DS_CONFLICT_EMPTY, due.slot, due.start, -1, 0);
    }
}


/* false: nothing changes by now */

static bool
ds_plan_air(ds_plan_t *p, int *rc)
{
    bool                cuts;
    uint32_t            head;
    const ds_queued_t  *q;

    head = ds_agenda_head(p->agenda);
    q = ds_agenda_get(p->agenda, head);
    cuts = p->busy && q != NULL && q->now;

    if (p->busy && p->now < p->end && !cuts) {
        return false;
    }

    if (p->busy) {
        ds_plan_over(p, cuts && p->now < p->end ? head : DS_AGENDA_NONE);
    }

    if (head != DS_AGENDA_NONE) {
        *rc = ds_plan_queued(p, head);

    } else {
        *rc = ds_plan_listed(p);
    }

    return *rc == DS_OK && p->busy;
}


/* what is on air has ended, or is cut for "head" */

static void
ds_plan_over(ds_plan_t *p, uint32_t head)
{
    bool              returns;
    int64_t           position;
    ds_item_t         item;
    ds_plan_entry_t  *e;

    e = &p->entries[p->n - 1];
    e->end = p->now;
    e->cut = p->now < p->own_end;
    position = p->from + p->now - p->began;

    returns = head != DS_AGENDA_NONE && p->cur != DS_NO_ITEM
              && ds_agenda_returns(p->agenda, head, p->cur, p->end - p->now,
                                   position);

    if (returns && ds_agenda_is_key(p->cur)) {
        ds_agenda_interrupt(p->agenda, p->cur, position);

    } else if (returns) {
        ds_playlist_item(p->base, p->cur, &item);
        ds_agenda_return(p->agenda, &item, position);

    } else if (ds_agenda_is_key(p->cur)) {
        ds_agenda_end(p->agenda, p->cur);
    }

    p->busy = false;
}


static int
ds_plan_queued(ds_plan_t *p, uint32_t key)
{
    int64_t      from, duration;
    uint32_t     index;
    ds_item_t    item;
    ds_queued_t  q;

    q = *ds_agenda_get(p->agenda, key);
    from = q.position > q.from ? q.position : q.from;

    ds_agenda_begin(p->agenda, key);

    if (q.kind == DS_QUEUED_SLOT) {
        return ds_plan_slot(p, key, from);
    }

    ds_agenda_item(p->agenda, key, &item);
    duration = item.duration;
    index = DS_NO_ITEM;

    if (q.kind != DS_QUEUED_URL) {
        index = ds_playlist_find(p->base, q.index, q.item);

        if (index == DS_NO_ITEM) {
            /* it is not in the list any more: it fails */
            ds_agenda_end(p->agenda, key);
            p->busy = false;
            return ds_plan_listed(p);
        }

        duration = ds_plan_length(p, -1, index);
    }

    if (duration <= 0) {
        p->guessed = true;
        duration = ds_plan_mean(p, -1);
    }

    p->cur = key;

    if (q.kind == DS_QUEUED_RETURN || q.kind == DS_QUEUED_GO_TO) {
        p->cur = index;
        ds_agenda_end(p->agenda, key);
    }

    if (q.kind == DS_QUEUED_GO_TO) {
        p->next = DS_NO_ITEM;
        ds_playlist_goto(p->base, index);
        (void) ds_playlist_pick(p->base, &index);
    }

    return ds_plan_begin(p, q.kind == DS_QUEUED_URL
                            || q.kind == DS_QUEUED_ITEM ? DS_WHY_QUEUE
                                                        : DS_WHY_LIST,
                         -1, p->cur, -1, from, duration, q.until);
}


static int
ds_plan_slot(ds_plan_t *p, uint32_t key, int64_t from)
{
    int                      rc;
    int64_t                  late;
    ds_airing_t              on;
    ds_why_e                 why;
    ds_course_t             *c;
    ds_course_item_t         it;
    ds_course_begun_t        b;
    const ds_timeslot_t     *slot;
    const ds_course_item_t  *known;

    c = p->course;
    known = ds_course_item(c, key);
    on = c->rd->on;
    p->cur = key;

    if (known != NULL) {
        it = *known;
    }

    if (known == NULL || !ds_course_began(c, key, p->now, from, &b)) {
        ds_agenda_end(p->agenda, key);
        return ds_plan_listed(p);
    }

    slot = &c->rd->conf.slots[b.slot];
    why = slot->kind == DS_SLOT_AT ? DS_WHY_SLOT
          : slot->kind == DS_SLOT_EVERY ? DS_WHY_EVERY : DS_WHY_FILLER;
    late = -1;

    if (b.first && !b.again) {
        late = p->now > b.airing.start ? p->now - b.airing.start : 0;
    }

    if (b.first && slot->start == DS_START_HARD && !b.airing.missed) {
        p->guessed = false;
    }

    rc = ds_plan_begin(p, why, b.slot, it.index, late, from,
                       ds_plan_length(p, b.slot, it.index), b.until);

    ds_plan_told(p, &b, why, late, &on);

    return rc;
}


/* what is worth to be known about what has begun when "on" was on air */

static void
ds_plan_told(ds_plan_t *p, const ds_course_begun_t *b, ds_why_e why,
    int64_t late, const ds_airing_t *on)
{
    int      next;
    int64_t  cut;

    if (why == DS_WHY_FILLER
        && (p->n < 2 || p->entries[p->n - 2].why != DS_WHY_FILLER))
    {
        cut = ds_rundown_cut(p->course->rd, p->now, &next);
        ds_plan_conflict(p, DS_CONFLICT_FILLER, next, cut, b->slot,
                         cut - p->now);
    }

    if (why != DS_WHY_SLOT || !b->first) {
        return;
    }

    if (late > DS_MISSED) {
        ds_plan_conflict(p, DS_CONFLICT_LATE, b->slot, b->airing.start, -1,
                         late);
    }

    if (on->slot != -1
        && (on->slot != b->slot || on->start != b->airing.start)
        && p->now < on->until)
    {
        ds_plan_conflict(p, DS_CONFLICT_CUT, on->slot, on->start, b->slot,
                         on->until == DS_NEVER ? 0 : on->until - p->now);
    }
}


/* of the stream's own list, or the slate */

static int
ds_plan_listed(ds_plan_t *p)
{
    int64_t           at;
    uint32_t          index;
    ds_plan_entry_t  *e;

    if (ds_plan_pick(p, &index)) {
        at = ds_playlist_at(p->base, index);
        ds_playlist_set_state(p->base, index, DS_ITEM_PLAYING, DS_OK, NULL);
        p->cur = index;

        return ds_plan_begin(p, DS_WHY_LIST, -1, index, -1, at,
                             ds_plan_length(p, -1, index), 0);
    }

    e = p->n == 0 ? NULL : &p->entries[p->n - 1];

    return e != NULL && e->why == DS_WHY_SLATE
           ? DS_OK : ds_plan_add(p, DS_WHY_SLATE, -1, DS_NO_ITEM, -1);
}


static bool
ds_plan_pick(ds_plan_t *p, uint32_t *index)
{
    ds_pick_e  rc;

    *index = p->next;

    if (*index != DS_NO_ITEM) {
        p->next = DS_NO_ITEM;
        return true;
    }

    rc = ds_playlist_pick(p->base, index);

    if (rc == DS_PICK_PASS && p->loop && ds_playlist_rewind(p->base)) {
        rc = ds_playlist_pick(p->base, index);
    }

    return rc == DS_PICK_ITEM;
}


static int
ds_plan_begin(ds_plan_t *p, ds_why_e why, int slot, uint32_t item,
    int64_t late, int64_t from, int64_t duration, int64_t until)
{
    p->busy = true;
    p->from = from;
    p->began = p->now;

    p->own_end = p->now + (duration > from ? duration - from : 1);
    p->end = p->own_end;

    if (until != 0 && p->end > p->now + until - from) {
        p->end = p->now + (until > from ? until - from : 1);
    }

    if (p->max_item != 0 && p->end > p->now + p->max_item) {
        p->end = p->now + p->max_item;
    }

    return ds_plan_add(p, why, slot, item, late);
}


int
ds_plan_add(ds_plan_t *p, ds_why_e why, int slot, uint32_t item,
    int64_t late)
{
    uint32_t          size;
    ds_plan_entry_t  *e;

    if (p->n != 0 && p->entries[p->n - 1].end == 0) {
        p->entries[p->n - 1].end = p->now;
    }

    if (p->n == DS_PLAN_MAX) {
        p->truncated = true;
        return DS_OK;
    }

    if (p->n == p->size) {
        size = p->size == 0 ? 256 : p->size * 2;
        e = realloc(p->entries, size * sizeof(ds_plan_entry_t));

        if (e == NULL) {
            return DS_ENOMEM;
        }

        p->entries = e;
        p->size = size;
    }

    e = &p->entries[p->n++];
    memset(e, 0, sizeof(ds_plan_entry_t));

    e->start = p->busy ? p->began : p->now;
    e->from = p->busy ? p->from : 0;
    e->late = late;
    e->why = why;
    e->slot = slot;
    e->item = item;
    e->guessed = p->guessed;

    return DS_OK;
}


/* ms of an item of a slot's list, or with -1 of the base */

static int64_t
ds_plan_length(ds_plan_t *p, int slot, uint32_t index)
{
    int64_t         duration;
    ds_playlist_t  *list;

    list = slot == -1 ? p->base : p->course->lists[slot].list;
    duration = ds_playlist_duration(list, index);

    if (duration > 0) {
        return duration;
    }

    p->guessed = true;

    return ds_plan_mean(p, slot);
}


/* ms, of the items of which it is known */

static int64_t
ds_plan_mean(ds_plan_t *p, int slot)
{
    int64_t         duration, sum, *mean;
    uint32_t        i, n, known;
    ds_playlist_t  *list;

    mean = &p->mean[slot + 1];

    if (*mean != 0) {
        return *mean;
    }

    list = slot == -1 ? p->base : p->course->lists[slot].list;
    n = ds_playlist_count(list);
    sum = 0;
    known = 0;

    for (i = 0; i < n; i++) {
        duration = ds_playlist_duration(list, i);

        if (duration > 0) {
            sum += duration;
            known++;
        }
    }

    *mean = known == 0 ? DS_PLAN_GUESS : sum / known;

    return *mean;
}


/* when there is something to decide again */

static int64_t
ds_plan_next(const ds_plan_t *p)
{
    int64_t              t, at;
    uint32_t             i;
    const ds_rundown_t  *rd;

    t = p->until;

    if (p->busy && p->end < t) {
        t = p->end;
    }

    if (p->course == NULL) {
        return t;
    }

    rd = p->course->rd;

#define ds_plan_at(x)                                                         \
    if ((x) > p->now && (x) < t) {                                            \
        t = (x);                                                              \
    }

    ds_plan_at(rd->soonest);

    if (rd->due.slot != -1) {
        ds_plan_at(rd->due.deadline);
        ds_plan_at(rd->due.until);
    }

    if (rd->on.slot != -1) {
        ds_plan_at(rd->on.until);
    }

    for (i = 0; i < rd->conf.n; i++) {
        at = rd->next[i] == DS_NEVER ? DS_NEVER
             : rd->next[i] - rd->conf.prepare;
        ds_plan_at(at);
    }

#undef ds_plan_at

    return t;
}


static void
ds_plan_conflict(ds_plan_t *p, ds_conflict_e kind, int slot, int64_t start,
    int by, int64_t ms)
{
    ds_conflict_t  *c;

    if (slot == -1 || p->nconflicts == DS_PLAN_CONFLICTS) {
        return;
    }

    c = &p->conflicts[p->nconflicts++];

    c->kind = kind;
    c->start = start;
    c->ms = ms;
    memcpy(c->slot, p->course->rd->conf.slots[slot].label, DS_SLOT_LEN);

    if (by != -1) {
        memcpy(c->by, p->course->rd->conf.slots[by].label, DS_SLOT_LEN);
    }
}
