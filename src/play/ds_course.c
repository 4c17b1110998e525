
/*
 * ds_course.c: what is due by the schedule becomes an entry of the agenda,
 * asleep until its time; which item of its list that is, what fits before a
 * hard start, and where a slot is in its list.  Which slot is due
 * ds_schedule.c decides.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/ds_course.h"


/* ms: after an item that has failed */
#define DS_COURSE_RETRY_MIN   1000
#define DS_COURSE_RETRY_MAX   10000

/* ms: a gap before a hard start that is worth a filler */
#define DS_FILLER_MIN         1000

/* ms: what is cut at a slot's end may leave the air so much before it */
#define DS_COURSE_EDGE        500

/* ms: what is left of an item when what follows is looked at */
#define DS_FILLER_LEAD        60000


static uint32_t ds_course_hash(const char *label);
static ds_airing_t ds_course_after(const ds_course_t *c,
    const ds_course_view_t *v);
static void ds_course_check(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first);
static void ds_course_drop(ds_agenda_t *agenda, ds_course_item_t *it);
static void ds_course_want(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first, bool sleeps);
static bool ds_course_add(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first, bool sleeps);
static bool ds_course_choose(ds_course_t *c, const ds_course_view_t *v,
    const ds_airing_t *a, bool first, uint32_t *index, int64_t *from,
    bool *over);
static bool ds_course_join(ds_course_list_t *l, bool loops, int64_t elapsed,
    uint32_t *index, int64_t *from);
static void ds_course_fit(ds_course_list_t *l, int64_t gap, uint32_t *index);
static int64_t ds_course_gap(ds_course_t *c, const ds_course_view_t *v);
static bool ds_course_filler(ds_course_t *c, const ds_course_view_t *v,
    ds_airing_t *a);
static bool ds_course_follows(ds_course_t *c, const ds_course_view_t *v,
    int64_t *duration);
static void ds_course_moved(ds_course_t *c, ds_agenda_t *agenda,
    ds_course_item_t *it, ds_course_list_t *l, ds_playlist_t *fresh);


ds_course_t *
ds_course_create(const char *schedule, const char *cursors, ds_error_t *err)
{
    int                  i, used;
    unsigned             hash;
    long long            start;
    ds_course_t         *c;
    ds_rundown_t        *rd;
    unsigned long long   first, next;

    rd = ds_rundown_create(schedule, err);
    c = rd == NULL ? NULL : calloc(1, sizeof(ds_course_t));

    if (c == NULL) {
        if (rd != NULL) {
            (void) ds_fail(err, DS_ENOMEM, "no memory for a schedule");
            ds_rundown_free(&rd);
        }

        return NULL;
    }

    c->rd = rd;
    c->item.key = DS_AGENDA_NONE;
    c->ahead.key = DS_AGENDA_NONE;
    c->seen.slot = -1;

    for (i = 0; i < (int) rd->conf.n; i++) {
        c->lists[i].hash = ds_course_hash(rd->conf.slots[i].label);
    }

    /* "hash start first next", one line a slot */

    while (sscanf(cursors, "%x %llx %llx %llx%n", &hash,
                  (unsigned long long *) &start, &first, &next, &used) == 4)
    {
        for (i = 0; i < (int) rd->conf.n; i++) {
            if (c->lists[i].hash == hash) {
                c->lists[i].start = start;
                c->lists[i].first = first;
                c->lists[i].next = next;
            }
        }

        cursors += used;
    }

    return c;
}


static uint32_t
ds_course_hash(const char *label)
{
    uint32_t  hash;

    /* FNV-1a */

    for (hash = 0x811c9dc5; *label != '\0'; label++) {
        hash = (hash ^ (uint8_t) *label) * 0x01000193;
    }

    return hash;
}


void
ds_course_free(ds_course_t **pc)
{
    int           i;
    ds_course_t  *c;

    c = *pc;
    if (c == NULL) {
        return;
    }

    *pc = NULL;

    for (i = 0; i < DS_SLOTS; i++) {
        ds_playlist_free(&c->lists[i].list);
    }

    ds_rundown_free(&c->rd);
    free(c);
}


void
ds_course_cursors(const ds_course_t *c, char *text)
{
    size_t                   n;
    uint32_t                 i;
    const ds_course_list_t  *l;

    n = 0;

    for (i = 0; i < c->rd->conf.n; i++) {
        l = &c->lists[i];

        if (l->start != 0 && n < DS_CURSORS_LEN - 64) {
            n += (size_t) snprintf(text + n, DS_CURSORS_LEN - n,
                                   "%x %llx %llx %llx\n", (unsigned) l->hash,
                                   (unsigned long long) l->start,
                                   (unsigned long long) l->first,
                                   (unsigned long long) l->next);
        }
    }

    text[n] = '\0';
}


void
ds_course_copy(ds_course_t *to, const ds_course_t *from)
{
    uint32_t  i;

    ds_rundown_copy(to->rd, from->rd);

    for (i = 0; i < from->rd->conf.n; i++) {
        to->lists[i].first = from->lists[i].first;
        to->lists[i].start = from->lists[i].start;
        to->lists[i].next = from->lists[i].next;
    }

    to->played = from->played;
    to->seen = from->seen;
}


bool
ds_course_due(ds_course_t *c, int64_t now, ds_airing_t *missed)
{
    bool          was;
    ds_airing_t  *due;

    ds_rundown_step(c->rd, now);

    due = &c->rd->due;

    if (due->slot == c->seen.slot && due->start == c->seen.start) {
        return false;
    }

    was = c->seen.slot != -1;
    *missed = c->seen;

    c->seen = *due;
    c->retry = 0;
    c->fails = 0;

    return was;
}


void
ds_course_step(ds_course_t *c, const ds_course_view_t *v)
{
    bool           first;
    ds_airing_t    a;
    ds_rundown_t  *rd;

    rd = c->rd;
    first = true;

    /* what was prepared is what is due now; then the next one, asleep */

    if (rd->due.slot != -1 && c->ahead.key != DS_AGENDA_NONE
        && c->ahead.slot == rd->due.slot && c->ahead.start == rd->due.start)
    {
        ds_course_drop(v->agenda, &c->item);
        c->item = c->ahead;
        c->ahead.key = DS_AGENDA_NONE;
    }

    a = ds_rundown_coming(rd, v->now, rd->conf.prepare);
    ds_course_check(c, v, &c->ahead, &a, true);

    if (a.slot != -1) {
        ds_course_want(c, v, &c->ahead, &a, true, true);
    }

    /* one after the other: an ident, the filler, what is due, what is on */

    if (rd->due.slot != -1) {
        a = rd->due;

        if (rd->ident.slot != -1 && rd->ident.start >= a.start
            && v->now < a.deadline)
        {
            a = rd->ident;
        }

    } else if (rd->ident.slot != -1) {
        a = rd->ident;

    } else if (!ds_course_filler(c, v, &a)) {
        a = ds_course_after(c, v);
        first = false;
    }

    ds_course_check(c, v, &c->item, &a, first);

    if (a.slot != -1) {
        ds_course_want(c, v, &c->item, &a, first, false);
    }
}


/* what follows the item on air: of a slot that ends with it nothing does */

static ds_airing_t
ds_course_after(const ds_course_t *c, const ds_course_view_t *v)
{
    const ds_airing_t  *on;

    on = &c->rd->on;

    if (on->slot == -1 || on->until == DS_NEVER || !v->busy || v->left == -1
        || v->now + v->left + DS_COURSE_EDGE < on->until)
    {
        return *on;
    }

    return ds_rundown_beneath(c->rd, on->until);
}


/* an entry that is over, or of something else, is none */

static void
ds_course_check(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first)
{
    ds_course_list_t   *l;
    const ds_queued_t  *q;

    if (it->key == DS_AGENDA_NONE) {
        return;
    }

    q = ds_agenda_get(v->agenda, it->key);

    if (q != NULL && q->state == DS_QUEUED_OVER) {
        /* it has not been on air: the next one, not at once */
        l = &c->lists[it->slot];
        l->next = it->index + 1 < ds_playlist_count(l->list)
                  ? ds_playlist_key(l->list, it->index + 1) : 0;
        c->retry = v->mono + ds_backoff(++c->fails, DS_COURSE_RETRY_MIN,
                                        DS_COURSE_RETRY_MAX);
        it->key = DS_AGENDA_NONE;
        return;
    }

    if (q != NULL && q->state == DS_QUEUED_WAITING
        && a->slot == it->slot && a->start == it->start && first == it->first)
    {
        return;
    }

    ds_course_drop(v->agenda, it);
}


static void
ds_course_drop(ds_agenda_t *agenda, ds_course_item_t *it)
{
    if (it->key != DS_AGENDA_NONE) {
        ds_agenda_end(agenda, it->key);
        it->key = DS_AGENDA_NONE;
    }
}


/* there is an entry of it, and it is awake as far as it should be */

static void
ds_course_want(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first, bool sleeps)
{
    bool                  cuts;
    const ds_timeslot_t  *slot;

    if (it->key == DS_AGENDA_NONE
        && !ds_course_add(c, v, it, a, first, sleeps))
    {
        return;
    }

    if (sleeps || it->key == DS_AGENDA_NONE) {
        return;
    }

    slot = &c->rd->conf.slots[a->slot];
    cuts = first && slot->kind != DS_SLOT_FILLER
           && (v->now >= a->deadline || a->missed);

    ds_agenda_slot_wake(v->agenda, it->key, cuts,
                        cuts || slot->start == DS_START_HARD);
}


/* false: not yet, or there is nothing more of it to play */

static bool
ds_course_add(ds_course_t *c, const ds_course_view_t *v,
    ds_course_item_t *it, const ds_airing_t *a, bool first, bool sleeps)
{
    bool         over;
    int64_t      from;
    uint32_t     index;
    ds_item_t    item;
    ds_queued_t  q;

    if (v->mono < c->retry) {
        return false;
    }

    over = false;

    if (!ds_course_choose(c, v, a, first, &index, &from, &over)) {

        if (over && first && !sleeps) {
            ds_rundown_drop(c->rd, c->rd->conf.slots[a->slot].kind
                                   == DS_SLOT_EVERY);
            c->seen.slot = -1;

        } else if (over && !sleeps && a->slot == c->rd->on.slot) {
            ds_rundown_over(c->rd, v->now);
            c->played = 0;
        }

        return false;
    }

    memset(&q, 0, sizeof(ds_queued_t));
    ds_playlist_item(c->lists[a->slot].list, index, &item);

    q.kind = DS_QUEUED_SLOT;
    q.index = DS_NO_INDEX;
    q.from = from;
    q.at = v->now;
    memcpy(q.item, item.id, sizeof(q.item));
    memcpy(q.title, item.title, sizeof(q.title));

    it->slot = a->slot;
    it->start = a->start;
    it->first = first;
    it->index = index;
    it->key = ds_agenda_slot_add(v->agenda, &q, sleeps);

    return true;
}


/* false: not yet, or "over": there is nothing more to play */

static bool
ds_course_choose(ds_course_t *c, const ds_course_view_t *v,
    const ds_airing_t *a, bool first, uint32_t *index, int64_t *from,
    bool *over)
{
    bool                  loops;
    uint32_t              i, n;
    ds_course_list_t     *l;
    const ds_timeslot_t  *slot;

    slot = &c->rd->conf.slots[a->slot];
    l = &c->lists[a->slot];
    *from = 0;

    if (l->list == NULL) {
        return false;
    }

    n = ds_playlist_count(l->list);
    loops = slot->until != 0 || slot->count != 0 || slot->kind != DS_SLOT_AT;
    *index = 0;

    if (!first && l->next == 0 && !loops) {
        *over = true;
        return false;
    }

    if (!first || !slot->restart || l->start == a->start) {
        *index = ds_playlist_of_key(l->list, first && l->start == a->start
                                             ? l->first : l->next);
        *index = *index == DS_NO_ITEM ? 0 : *index;
    }

    if (first && a->missed && slot->join
        && !ds_course_join(l, loops, v->now - a->start, index, from))
    {
        *over = true;
        return false;
    }

    if (slot->kind == DS_SLOT_FILLER) {
        ds_course_fit(l, ds_course_gap(c, v), index);
    }

    /* what cannot be played, as the list says, is passed over */

    for (i = 0; i < n; i++) {
        if (ds_playlist_is_listed(l->list, *index)) {
            return true;
        }

        *from = 0;

        if (++*index == n) {
            *index = 0;

            if (!loops) {
                break;
            }
        }
    }

    *over = true;

    return false;
}


/* where it would be by now; false: over */

static bool
ds_course_join(ds_course_list_t *l, bool loops, int64_t elapsed,
    uint32_t *index, int64_t *from)
{
    int64_t   all, duration;
    uint32_t  n, i;

    n = ds_playlist_count(l->list);
    all = 0;

    for (i = 0; i < n; i++) {
        if (ds_playlist_is_listed(l->list, i)) {
            duration = ds_playlist_duration(l->list, i);

            if (duration <= 0) {
                all = 0;
                break;
            }

            all += duration;
        }
    }

    if (all != 0 && loops) {
        elapsed %= all;
    }

    for (i = 0; i < n; i++) {

        if (ds_playlist_is_listed(l->list, *index)) {
            duration = ds_playlist_duration(l->list, *index);

            if (duration <= 0) {
                /* nobody knows */
                return true;
            }

            if (elapsed < duration) {
                *from = elapsed;
                return true;
            }

            elapsed -= duration;
        }

        if (++*index == n) {
            *index = 0;

            if (!loops) {
                return false;
            }
        }
    }

    return true;
}


/* the first from there on that fits, or whatever is there */

static void
ds_course_fit(ds_course_list_t *l, int64_t gap, uint32_t *index)
{
    int64_t   duration;
    uint32_t  i, n, at;

    n = ds_playlist_count(l->list);

    for (i = 0; i < n; i++) {
        at = (*index + i) % n;
        duration = ds_playlist_duration(l->list, at);

        if (ds_playlist_is_listed(l->list, at)
            && duration > 0 && duration <= gap)
        {
            *index = at;
            return;
        }
    }
}


/* ms from the end of what is on air to a cut, -1: not known, or none */

static int64_t
ds_course_gap(ds_course_t *c, const ds_course_view_t *v)
{
    int      slot;
    int64_t  cut, left;

    cut = ds_rundown_cut(c->rd, v->now, &slot);
    left = v->busy ? v->left : 0;

    return cut == DS_NEVER || left == -1 || left > DS_FILLER_LEAD
           ? -1 : cut - v->now - left;
}


/* is what would follow too long for what is left before a hard start? */

static bool
ds_course_filler(ds_course_t *c, const ds_course_view_t *v, ds_airing_t *a)
{
    int            i, n;
    int64_t        gap, duration;
    ds_rundown_t  *rd;

    rd = c->rd;
    n = (int) rd->conf.n;

    for (i = 0; i < n && rd->conf.slots[i].kind != DS_SLOT_FILLER; i++) {
        /* void */
    }

    gap = i == n ? -1 : ds_course_gap(c, v);

    if (gap < DS_FILLER_MIN || !v->busy
        || !ds_course_follows(c, v, &duration) || duration <= gap)
    {
        return false;
    }

    a->slot = i;
    a->start = 0;
    a->until = DS_NEVER;
    a->deadline = DS_NEVER;
    a->missed = false;

    return true;
}


/* how long is what would be next, without the filler?  false: not known */

static bool
ds_course_follows(ds_course_t *c, const ds_course_view_t *v,
    int64_t *duration)
{
    bool           over;
    int64_t        from;
    uint32_t       index;
    ds_airing_t    a;

    a = ds_course_after(c, v);

    if (a.slot != -1) {
        if (!ds_course_choose(c, v, &a, false, &index, &from, &over)) {
            return false;
        }

        *duration = ds_playlist_duration(c->lists[a.slot].list, index);

        return true;
    }

    index = v->next;

    if (index == DS_NO_ITEM && !ds_playlist_peek(v->base, v->loop, &index)) {
        return false;
    }

    *duration = ds_playlist_duration(v->base, index);

    if (*duration == -1 && index == v->next) {
        *duration = v->next_duration;
    }

    return true;
}


const ds_course_item_t *
ds_course_item(const ds_course_t *c, uint32_t key)
{
    const ds_course_item_t  *it;

    it = c->item.key == key ? &c->item : c->ahead.key == key ? &c->ahead
                                                             : NULL;

    if (it == NULL || c->lists[it->slot].list == NULL
        || it->index >= ds_playlist_count(c->lists[it->slot].list))
    {
        return NULL;
    }

    return it;
}


bool
ds_course_began(ds_course_t *c, uint32_t key, int64_t now, int64_t from,
    ds_course_begun_t *b)
{
    ds_airing_t          *a;
    ds_rundown_t         *rd;
    ds_course_list_t     *l;
    const ds_timeslot_t  *slot;

    if (c->item.key != key) {
        return false;
    }

    memset(b, 0, sizeof(ds_course_begun_t));

    rd = c->rd;
    a = &b->airing;
    b->slot = c->item.slot;
    slot = &rd->conf.slots[b->slot];
    l = &c->lists[b->slot];
    b->first = c->item.first && slot->kind != DS_SLOT_FILLER;

    if (!b->first && slot->kind == DS_SLOT_AT && rd->on.slot != b->slot) {
        /* it was cut a moment before its end */
        ds_rundown_over(rd, rd->on.until);
        c->played = 0;
    }

    *a = slot->kind == DS_SLOT_EVERY ? rd->ident : b->first ? rd->due : rd->on;

    if (b->first) {
        b->again = a->missed && l->start == a->start;

        if (l->start != a->start) {
            l->start = a->start;
            l->first = ds_playlist_key(l->list, c->item.index);
        }
    }

    l->next = c->item.index + 1 < ds_playlist_count(l->list)
              ? ds_playlist_key(l->list, c->item.index + 1) : 0;

    c->item.key = DS_AGENDA_NONE;
    c->fails = 0;

    if (slot->kind == DS_SLOT_EVERY) {
        ds_rundown_drop(rd, true);
        return true;
    }

    if (slot->kind == DS_SLOT_FILLER) {
        return true;
    }

    if (b->first) {
        ds_rundown_began(rd);
        c->seen.slot = -1;
        c->played = 0;
    }

    if (slot->start == DS_START_HARD && a->until != DS_NEVER) {
        b->until = from + (a->until > now ? a->until - now : 1);
    }

    if (++c->played == slot->count) {
        ds_rundown_over(rd, now);
        c->played = 0;
    }

    return true;
}


void
ds_course_list(ds_course_t *c, ds_agenda_t *agenda, int slot,
    ds_playlist_t *list)
{
    ds_course_list_t  *l;

    l = &c->lists[slot];

    ds_course_moved(c, agenda, &c->item, l, list);
    ds_course_moved(c, agenda, &c->ahead, l, list);
    ds_playlist_free(&l->list);
    l->list = list;
}


/* what is prepared is where the new list has it, or is no more */

static void
ds_course_moved(ds_course_t *c, ds_agenda_t *agenda, ds_course_item_t *it,
    ds_course_list_t *l, ds_playlist_t *fresh)
{
    uint32_t  index;

    if (it->key == DS_AGENDA_NONE || &c->lists[it->slot] != l) {
        return;
    }

    index = ds_playlist_of_key(fresh, ds_playlist_key(l->list, it->index));

    if (index == DS_NO_ITEM) {
        ds_course_drop(agenda, it);
        return;
    }

    it->index = index;
}


void
ds_course_clear(ds_course_t *c, ds_agenda_t *agenda)
{
    ds_course_drop(agenda, &c->item);
    ds_course_drop(agenda, &c->ahead);
}
