
/*
 * ds_agenda.c: the entries of a stream's queue.  The store's order and its
 * own changes meet here: what the store has not been told of yet is kept
 * against what the store says.  Knows no thread, no source.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "play/ds_agenda.h"


/* ms that the store may take to know that an entry goes on air */
#define DS_AGENDA_HOLD  800

/* ms: the rest of an item that is worth going on with, but of a short one */
#define DS_ITEM_RETURN  1000


typedef struct ds_agenda_entry_s  ds_agenda_entry_t;

struct ds_agenda_entry_s {
    ds_agenda_entry_t  *next;           /* in order */
    ds_queued_t         q;
    uint32_t            key;
    uint64_t            changed;        /* stamp, 0: the store knows it all */
    int64_t             duration;
    ds_item_state_e     state;          /* what is told of it as an item */
    int                 code;
    char                reason[DS_MESSAGE_LEN];
    int64_t             held;           /* since when, ms; 0: it is not */
    bool                taken;          /* nobody takes it back */
    bool                spent;          /* over, but for its last moments */
    bool                sleeps;
    bool                before;         /* of the schedule: before the others */
};


struct ds_agenda_s {
    ds_agenda_entry_t  *first;
    uint64_t            stamp;
    uint32_t            serial;         /* of keys */
};


static ds_agenda_entry_t *ds_agenda_find(ds_agenda_t *a, uint32_t key);
static ds_agenda_entry_t **ds_agenda_link(ds_agenda_entry_t **link,
    const char *id);
static ds_agenda_entry_t *ds_agenda_new(ds_agenda_t *a,
    const ds_queued_t *q);
static void ds_agenda_touch(ds_agenda_t *a, ds_agenda_entry_t *e);
static void ds_agenda_first(ds_agenda_t *a, ds_agenda_entry_t *e);
static void ds_agenda_remove(ds_agenda_t *a, ds_agenda_entry_t *e);
static void ds_agenda_take(ds_agenda_entry_t *e, const ds_queued_t *q,
    uint64_t stamp);


bool
ds_agenda_is_key(uint32_t index)
{
    return index >= DS_AGENDA_KEY && index != DS_AGENDA_NONE;
}


ds_agenda_t *
ds_agenda_create(void)
{
    return calloc(1, sizeof(ds_agenda_t));
}


void
ds_agenda_free(ds_agenda_t **pa)
{
    ds_agenda_t        *a;
    ds_agenda_entry_t  *e;

    a = *pa;
    if (a == NULL) {
        return;
    }

    *pa = NULL;

    while ((e = a->first) != NULL) {
        a->first = e->next;
        free(e);
    }

    free(a);
}


bool
ds_agenda_change(ds_agenda_t *a, ds_queued_t *q, uint64_t *stamp)
{
    ds_agenda_entry_t  *e, *oldest;

    oldest = NULL;

    for (e = a->first; e != NULL; e = e->next) {
        if (e->changed > *stamp
            && (oldest == NULL || e->changed < oldest->changed))
        {
            oldest = e;
        }
    }

    if (oldest == NULL) {
        return false;
    }

    *q = oldest->q;
    *stamp = oldest->changed;

    if (oldest->held != 0) {
        q->state = DS_QUEUED_ON_AIR;

    } else if (oldest->spent) {
        q->state = DS_QUEUED_OVER;
    }

    return true;
}


/* all that may lack memory comes first */

int
ds_agenda_set(ds_agenda_t *a, const ds_queued_t *q, size_t n, uint64_t stamp)
{
    size_t               i;
    ds_agenda_entry_t   *e, *fresh, *old, **last, **link;

    fresh = NULL;

    for (i = n; i > 0; i--) {
        if (*ds_agenda_link(&a->first, q[i - 1].id) != NULL) {
            continue;
        }

        e = ds_agenda_new(a, &q[i - 1]);

        if (e == NULL) {
            while ((e = fresh) != NULL) {
                fresh = e->next;
                free(e);
            }

            return DS_ENOMEM;
        }

        e->next = fresh;
        fresh = e;
    }

    old = a->first;
    a->first = NULL;
    last = &a->first;

    /* the order of the store, with the entries that were known or are new */

    for (i = 0; i < n; i++) {
        link = ds_agenda_link(&old, q[i].id);
        e = *link;

        if (e != NULL) {
            *link = e->next;
            ds_agenda_take(e, &q[i], stamp);

        } else {
            e = fresh;
            fresh = e->next;
        }

        e->next = NULL;
        *last = e;
        last = &e->next;
    }

    /* those it has not: what it was not told of yet, or what cannot go */

    while ((e = old) != NULL) {
        old = e->next;

        if (e->changed <= stamp && !e->taken
            && e->q.state != DS_QUEUED_ON_AIR
            && e->q.kind != DS_QUEUED_SLOT)
        {
            free(e);
            continue;
        }

        e->changed = e->changed <= stamp ? 0 : e->changed;
        e->next = NULL;

        if (e->q.state == DS_QUEUED_WAITING && e->held == 0) {
            ds_agenda_first(a, e);

        } else {
            e->next = a->first;
            a->first = e;
        }
    }

    for (last = &a->first; (e = *last) != NULL; /* void */ ) {
        if (e->q.state == DS_QUEUED_OVER && e->changed == 0) {
            *last = e->next;
            free(e);

        } else {
            last = &e->next;
        }
    }

    return DS_OK;
}


/* what the store says of an entry that is known */

static void
ds_agenda_take(ds_agenda_entry_t *e, const ds_queued_t *q, uint64_t stamp)
{
    if (e->changed > stamp) {
        /* it is told of next time */
        return;
    }

    e->changed = 0;
    e->q.place = q->place;

    if (e->q.state == DS_QUEUED_WAITING && e->held == 0) {
        e->q.now = q->now;
    }
}


uint64_t
ds_agenda_stamp(ds_agenda_t *a)
{
    return a->stamp;
}


uint32_t
ds_agenda_head(ds_agenda_t *a)
{
    uint32_t            key;
    ds_agenda_entry_t  *e;

    key = DS_AGENDA_NONE;

    for (e = a->first; e != NULL; e = e->next) {

        if (e->q.state != DS_QUEUED_WAITING || e->sleeps) {
            continue;
        }

        if (e->before) {
            return e->key;
        }

        /* what is queued comes before the rest of the schedule */

        if (key == DS_AGENDA_NONE
            || ds_agenda_get(a, key)->kind == DS_QUEUED_SLOT)
        {
            key = e->key;
        }
    }

    return key;
}


uint32_t
ds_agenda_waiting(ds_agenda_t *a)
{
    uint32_t            n;
    ds_agenda_entry_t  *e;

    n = 0;

    for (e = a->first; e != NULL; e = e->next) {
        n += e->q.state == DS_QUEUED_WAITING && e->q.kind != DS_QUEUED_SLOT;
    }

    return n;
}


const ds_queued_t *
ds_agenda_get(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    return e == NULL ? NULL : &e->q;
}


void
ds_agenda_item(ds_agenda_t *a, uint32_t key, ds_item_t *item)
{
    ds_agenda_entry_t  *e;

    memset(item, 0, sizeof(ds_item_t));
    item->index = DS_NO_INDEX;
    item->duration = -1;

    e = ds_agenda_find(a, key);
    if (e == NULL) {
        return;
    }

    item->index = e->q.kind == DS_QUEUED_URL ? DS_NO_INDEX : e->q.index;
    item->duration = e->duration;
    item->state = e->state;
    item->code = e->code;
    memcpy(item->reason, e->reason, sizeof(item->reason));

    ds_text(item->id, sizeof(item->id), e->q.item);
    ds_text(item->title, sizeof(item->title), e->q.title);

    if (item->title[0] == '\0' && e->q.kind == DS_QUEUED_URL) {
        ds_redact_playlist(item->title, sizeof(item->title), e->q.url);
    }
}


void
ds_agenda_set_info(ds_agenda_t *a, uint32_t key, const char *id,
    const char *title, int64_t duration)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);
    if (e == NULL) {
        return;
    }

    if (id != NULL && e->q.item[0] == '\0') {
        ds_text(e->q.item, sizeof(e->q.item), id);
    }

    if (title != NULL && e->q.title[0] == '\0') {
        ds_text(e->q.title, sizeof(e->q.title), title);
    }

    e->duration = duration;
}


void
ds_agenda_set_state(ds_agenda_t *a, uint32_t key, ds_item_state_e state,
    int code, const char *reason)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    if (e != NULL) {
        e->state = state;
        e->code = code;
        ds_text(e->reason, sizeof(e->reason), reason);
    }
}


bool
ds_agenda_hold(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);
    if (e == NULL) {
        return false;
    }

    if (e->held == 0) {
        e->held = ds_monotonic();
        ds_agenda_touch(a, e);
    }

    /* the store has none of the schedule's */

    e->taken = e->taken || e->changed == 0
               || ds_monotonic() - e->held >= DS_AGENDA_HOLD;

    return e->taken;
}


void
ds_agenda_release(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    if (e != NULL && e->held != 0 && e->q.state == DS_QUEUED_WAITING) {
        e->held = 0;
        e->taken = false;
        ds_agenda_touch(a, e);
    }
}


void
ds_agenda_begin(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    if (e != NULL) {
        e->q.state = DS_QUEUED_ON_AIR;
        e->q.now = false;
        e->held = 0;
        e->taken = false;
        e->state = DS_ITEM_PLAYING;
        ds_agenda_touch(a, e);
    }

    for (e = a->first; e != NULL; e = e->next) {
        if (e->q.now && e->q.kind != DS_QUEUED_SLOT) {
            e->q.now = false;
            ds_agenda_touch(a, e);
        }
    }
}


void
ds_agenda_spend(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    if (e != NULL && e->q.state == DS_QUEUED_ON_AIR && !e->spent) {
        e->spent = true;
        ds_agenda_touch(a, e);
    }
}


void
ds_agenda_end(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);
    if (e == NULL) {
        return;
    }

    e->q.state = DS_QUEUED_OVER;
    e->held = 0;
    e->taken = false;
    ds_agenda_touch(a, e);
}


void
ds_agenda_interrupt(ds_agenda_t *a, uint32_t key, int64_t position)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);
    if (e == NULL) {
        return;
    }

    e->q.state = DS_QUEUED_WAITING;
    e->q.now = false;
    e->spent = false;
    e->q.position = position;
    e->q.place = 0;
    ds_agenda_touch(a, e);

    ds_agenda_remove(a, e);
    ds_agenda_first(a, e);
}


uint32_t
ds_agenda_slot_add(ds_agenda_t *a, const ds_queued_t *q, bool sleeps)
{
    ds_agenda_entry_t  *e, **link;

    /* the store has none of them: what is over goes here */

    for (link = &a->first; (e = *link) != NULL; /* void */ ) {
        if (e->q.kind == DS_QUEUED_SLOT && e->q.state == DS_QUEUED_OVER) {
            *link = e->next;
            free(e);

        } else {
            link = &e->next;
        }
    }

    e = ds_agenda_new(a, q);
    if (e == NULL) {
        return DS_AGENDA_NONE;
    }

    (void) snprintf(e->q.id, sizeof(e->q.id), "slot-%08x", (unsigned) e->key);

    e->sleeps = sleeps;
    *link = e;

    return e->key;
}


void
ds_agenda_slot_wake(ds_agenda_t *a, uint32_t key, bool now, bool first)
{
    ds_agenda_entry_t  *e;

    e = ds_agenda_find(a, key);

    if (e != NULL && e->q.state == DS_QUEUED_WAITING) {
        e->sleeps = false;
        e->before = first;
        e->q.now = now;
    }
}


uint32_t
ds_agenda_asleep(ds_agenda_t *a)
{
    ds_agenda_entry_t  *e;

    for (e = a->first; e != NULL; e = e->next) {
        if (e->sleeps && e->q.state == DS_QUEUED_WAITING) {
            return e->key;
        }
    }

    return DS_AGENDA_NONE;
}


void
ds_agenda_return(ds_agenda_t *a, const ds_item_t *item, int64_t position)
{
    uint64_t            id;
    ds_queued_t         q;
    ds_agenda_entry_t  *e;

    memset(&q, 0, sizeof(ds_queued_t));

    if (getrandom(&id, sizeof(id), 0) != sizeof(id)) {
        id = (uint64_t) ds_monotonic_us();
    }

    (void) snprintf(q.id, sizeof(q.id), "%016llx", (unsigned long long) id);

    q.kind = DS_QUEUED_RETURN;
    q.index = item->index;
    q.position = position;
    q.at = ds_now();
    memcpy(q.item, item->id, sizeof(q.item));
    memcpy(q.title, item->title, sizeof(q.title));

    e = ds_agenda_new(a, &q);

    if (e != NULL) {
        ds_agenda_touch(a, e);
        ds_agenda_first(a, e);
    }
}


bool
ds_agenda_returns(ds_agenda_t *a, uint32_t head, uint32_t cur, int64_t left,
    int64_t position)
{
    bool                returns;
    const ds_queued_t  *q, *was;

    q = ds_agenda_get(a, head);
    returns = q != NULL && q->resume && q->kind != DS_QUEUED_GO_TO;

    /* what was queued is not lost for a slot, but waits */

    if (q != NULL && q->kind == DS_QUEUED_SLOT) {
        was = ds_agenda_is_key(cur) ? ds_agenda_get(a, cur) : NULL;
        returns = was != NULL && was->kind != DS_QUEUED_SLOT;
    }

    return returns && ds_agenda_worth(left, position);
}


bool
ds_agenda_worth(int64_t left, int64_t position)
{
    return left == -1 || left >= DS_ITEM_RETURN || left >= position;
}


ds_agenda_t *
ds_agenda_copy(ds_agenda_t *a)
{
    ds_agenda_t        *copy;
    ds_agenda_entry_t  *e, *to, **last;

    copy = ds_agenda_create();
    if (copy == NULL) {
        return NULL;
    }

    *copy = *a;
    copy->first = NULL;
    last = &copy->first;

    for (e = a->first; e != NULL; e = e->next) {

        if (e->q.kind == DS_QUEUED_SLOT && e->q.state == DS_QUEUED_WAITING) {
            continue;
        }

        to = malloc(sizeof(ds_agenda_entry_t));

        if (to == NULL) {
            ds_agenda_free(&copy);
            return NULL;
        }

        *to = *e;
        to->next = NULL;
        *last = to;
        last = &to->next;
    }

    return copy;
}


uint32_t
ds_agenda_next(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    if (key == DS_AGENDA_NONE) {
        return a->first == NULL ? DS_AGENDA_NONE : a->first->key;
    }

    e = ds_agenda_find(a, key);

    return e == NULL || e->next == NULL ? DS_AGENDA_NONE : e->next->key;
}


void
ds_agenda_forget(ds_agenda_t *a, const ds_item_t *item)
{
    ds_agenda_entry_t  *e;

    for (e = a->first; e != NULL; e = e->next) {
        if (e->q.kind == DS_QUEUED_RETURN && e->q.state == DS_QUEUED_WAITING
            && strcmp(e->q.item, item->id) == 0
            && (item->id[0] != '\0' || e->q.index == item->index))
        {
            ds_agenda_end(a, e->key);
        }
    }
}


static ds_agenda_entry_t *
ds_agenda_find(ds_agenda_t *a, uint32_t key)
{
    ds_agenda_entry_t  *e;

    for (e = a->first; e != NULL && e->key != key; e = e->next) { /* void */ }

    return e;
}


/* where an entry is linked, or the end */

static ds_agenda_entry_t **
ds_agenda_link(ds_agenda_entry_t **link, const char *id)
{
    while (*link != NULL && strcmp((*link)->q.id, id) != 0) {
        link = &(*link)->next;
    }

    return link;
}


static ds_agenda_entry_t *
ds_agenda_new(ds_agenda_t *a, const ds_queued_t *q)
{
    ds_agenda_entry_t  *e;

    e = calloc(1, sizeof(ds_agenda_entry_t));
    if (e == NULL) {
        return NULL;
    }

    e->q = *q;
    e->duration = -1;
    e->state = DS_ITEM_NEXT;

    do {
        e->key = DS_AGENDA_KEY | (a->serial++ & (DS_AGENDA_KEY - 1));
    } while (e->key == DS_AGENDA_NONE || ds_agenda_find(a, e->key) != NULL);

    /* of a run before this one: it goes on from there, if it waits at all */

    if (e->q.state == DS_QUEUED_ON_AIR) {
        e->q.state = DS_QUEUED_WAITING;
        e->q.place = 0;
        ds_agenda_touch(a, e);
    }

    return e;
}


static void
ds_agenda_touch(ds_agenda_t *a, ds_agenda_entry_t *e)
{
    if (e->q.kind != DS_QUEUED_SLOT) {
        e->changed = ++a->stamp;
    }
}


static void
ds_agenda_remove(ds_agenda_t *a, ds_agenda_entry_t *e)
{
    *ds_agenda_link(&a->first, e->q.id) = e->next;
}


/* before those that wait, but for those that interrupt or are taken */

static void
ds_agenda_first(ds_agenda_t *a, ds_agenda_entry_t *e)
{
    ds_agenda_entry_t  **link;

    for (link = &a->first;
         *link != NULL
         && ((*link)->q.state != DS_QUEUED_WAITING || (*link)->q.now
             || (*link)->held != 0);
         link = &(*link)->next)
    { /* void */ }

    e->next = *link;
    *link = e;
}
