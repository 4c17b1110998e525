
/*
 * ds_playlist.c: a stream's items and the order they are played in.  Knows
 * no thread, no network, no media.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "play/ds_playlist.h"


#define DS_NONE  UINT32_MAX


typedef struct {
    ds_entry_t        entry;
    ds_item_state_e   state;
    int               code;
    char             *reason;       /* NULL: none */
    uint32_t          pass;         /* chosen in this pass; shuffle */
    uint32_t          next_dirty;   /* DS_NONE: the last one */
    int64_t           at;           /* ms, where the rest of it begins */
    int64_t           checked;      /* Unix ms, 0: never */
    uint32_t          checked_pass;
    ds_verdict_e      verdict;
    int               verdict_code;
    bool              dirty;
    bool              over;         /* is passed over */
    bool              owed;         /* has its turn out of turn */
} ds_slot_t;


struct ds_playlist_s {
    ds_slot_t        *slots;
    uint32_t          count;
    uint32_t          size;
    uint32_t          playable;
    uint32_t          owed;

    bool              shuffle;
    bool              complete;
    uint64_t          seed;
    uint32_t          pass;         /* from 1 */
    uint32_t          aired;        /* items on air in this pass */
    uint32_t          place;        /* last chosen, DS_NONE: none in the pass */
    uint32_t          last;         /* last on air */
    uint32_t          jump;         /* chosen by ds_playlist_goto() */
    bool              again;        /* by ds_playlist_again() */

    uint32_t          resume;       /* DS_NONE: nothing to resume */
    char              resume_id[DS_ID_LEN];
    bool              resume_over;  /* after it */
    uint32_t          floor_pass;   /* in it, keys up to "floor" were chosen */
    uint64_t          floor;

    uint32_t          first_dirty;
    uint32_t          last_dirty;
};


static ds_pick_e ds_playlist_pick_next(ds_playlist_t *pl, uint32_t *index);
static ds_pick_e ds_playlist_pick_shuffled(ds_playlist_t *pl,
    uint32_t *index);
static bool ds_playlist_pick_owed(ds_playlist_t *pl, uint32_t *index);
static bool ds_playlist_fit(const ds_slot_t *s);
static void ds_playlist_set_owed(ds_playlist_t *pl, ds_slot_t *s, bool owed);
static uint32_t ds_playlist_after(ds_playlist_t *pl, uint32_t index);
static bool ds_playlist_find_resume(ds_playlist_t *pl);
static bool ds_playlist_is(ds_playlist_t *pl, uint32_t i, uint32_t index,
    const char *id);
static uint64_t ds_playlist_key(ds_playlist_t *pl, uint32_t index);
static void ds_playlist_dirty(ds_playlist_t *pl, uint32_t index);


ds_playlist_t *
ds_playlist_create(bool shuffle, uint64_t seed)
{
    ds_playlist_t  *pl;

    pl = calloc(1, sizeof(ds_playlist_t));
    if (pl == NULL) {
        return NULL;
    }

    pl->shuffle = shuffle;
    pl->seed = seed;
    pl->pass = 1;
    pl->place = DS_NONE;
    pl->last = DS_NONE;
    pl->jump = DS_NONE;
    pl->resume = DS_NONE;
    pl->first_dirty = DS_NONE;
    pl->last_dirty = DS_NONE;

    return pl;
}


void
ds_playlist_free(ds_playlist_t **ppl)
{
    uint32_t        i;
    ds_playlist_t  *pl;

    pl = *ppl;
    if (pl == NULL) {
        return;
    }

    *ppl = NULL;

    for (i = 0; i < pl->count; i++) {
        ds_entry_free(&pl->slots[i].entry);
        free(pl->slots[i].reason);
    }

    free(pl->slots);
    free(pl);
}


int
ds_playlist_add(ds_playlist_t *pl, ds_entry_t *e)
{
    uint32_t    size;
    ds_slot_t  *slots, *s;

    if (pl->count == pl->size) {
        size = pl->size == 0 ? 64 : pl->size * 2;

        slots = realloc(pl->slots, size * sizeof(ds_slot_t));
        if (slots == NULL) {
            return DS_ENOMEM;
        }

        pl->slots = slots;
        pl->size = size;
    }

    s = &pl->slots[pl->count];

    memset(s, 0, sizeof(ds_slot_t));

    s->entry = *e;
    s->state = DS_ITEM_PENDING;

    pl->count++;

    if (e->code != DS_OK) {
        ds_playlist_set_state(pl, pl->count - 1, DS_ITEM_SKIPPED, e->code,
                              e->reason);
    } else {
        pl->playable++;
        ds_playlist_dirty(pl, pl->count - 1);
    }

    return DS_OK;
}


void
ds_playlist_complete(ds_playlist_t *pl)
{
    pl->complete = true;
}


bool
ds_playlist_is_complete(ds_playlist_t *pl)
{
    return pl->complete;
}


uint32_t
ds_playlist_count(ds_playlist_t *pl)
{
    return pl->count;
}


uint32_t
ds_playlist_playable(ds_playlist_t *pl)
{
    return pl->playable;
}


ds_pick_e
ds_playlist_pick(ds_playlist_t *pl, uint32_t *index)
{
    bool       back;
    ds_pick_e  rc;

    if (pl->resume != DS_NONE && !ds_playlist_find_resume(pl)) {
        return DS_PICK_WAIT;
    }

    back = false;

    if (pl->jump != DS_NONE) {
        *index = pl->jump;
        pl->jump = DS_NONE;
        back = pl->again && pl->place != DS_NONE && *index < pl->place;
        rc = DS_PICK_ITEM;

    } else if (ds_playlist_pick_owed(pl, index)) {
        /* the place stays what it is */
        return DS_PICK_ITEM;

    } else if (pl->shuffle) {
        rc = ds_playlist_pick_shuffled(pl, index);

    } else {
        rc = ds_playlist_pick_next(pl, index);
    }

    if (rc == DS_PICK_ITEM) {
        pl->place = back ? pl->place : *index;
        pl->slots[*index].pass = pl->pass;
    }

    return rc;
}


bool
ds_playlist_peek(ds_playlist_t *pl, bool loop, uint32_t *index)
{
    uint32_t   place;
    ds_pick_e  rc;

    if (pl->resume != DS_NONE) {
        return false;
    }

    if (pl->jump != DS_NONE) {
        *index = pl->jump;
        return true;
    }

    if (ds_playlist_pick_owed(pl, index)) {
        return true;
    }

    if (pl->shuffle) {
        return ds_playlist_pick_shuffled(pl, index) == DS_PICK_ITEM;
    }

    rc = ds_playlist_pick_next(pl, index);

    if (rc == DS_PICK_PASS && loop) {
        place = pl->place;
        pl->place = DS_NONE;
        rc = ds_playlist_pick_next(pl, index);
        pl->place = place;
    }

    return rc == DS_PICK_ITEM;
}


static bool
ds_playlist_fit(const ds_slot_t *s)
{
    return s->entry.code == DS_OK && !s->over;
}


static bool
ds_playlist_pick_owed(ds_playlist_t *pl, uint32_t *index)
{
    uint32_t  i;

    for (i = 0; pl->owed != 0 && i < pl->count; i++) {
        if (pl->slots[i].owed && !pl->slots[i].over
            && pl->slots[i].state == DS_ITEM_PENDING)
        {
            *index = i;
            pl->slots[i].pass = pl->pass;
            return true;
        }
    }

    return false;
}


static ds_pick_e
ds_playlist_pick_next(ds_playlist_t *pl, uint32_t *index)
{
    uint32_t  i;

    i = pl->place == DS_NONE ? 0 : pl->place + 1;

    for ( /* void */ ; i < pl->count; i++) {
        if (ds_playlist_fit(&pl->slots[i])) {
            *index = i;
            return DS_PICK_ITEM;
        }
    }

    return pl->complete ? DS_PICK_PASS : DS_PICK_WAIT;
}


/*
 * The permutation is the order of the items' keys, so it needs no table and
 * takes in what the list still adds.
 */

static ds_pick_e
ds_playlist_pick_shuffled(ds_playlist_t *pl, uint32_t *index)
{
    uint32_t  i, best, last;
    uint64_t  key, best_key;

    best = DS_NONE;
    last = DS_NONE;
    best_key = 0;

    for (i = 0; i < pl->count; i++) {
        if (!ds_playlist_fit(&pl->slots[i])
            || pl->slots[i].pass == pl->pass)
        {
            continue;
        }

        if (i == pl->last) {
            last = i;
            continue;
        }

        key = ds_playlist_key(pl, i);

        if (pl->pass == pl->floor_pass && key <= pl->floor) {
            continue;
        }

        if (best == DS_NONE || key < best_key) {
            best = i;
            best_key = key;
        }
    }

    /* the one on air, when the rest of this pass has failed, or it is alone */

    if (best == DS_NONE && pl->complete) {
        best = last;
    }

    if (best == DS_NONE) {
        return pl->complete ? DS_PICK_PASS : DS_PICK_WAIT;
    }

    *index = best;

    return DS_PICK_ITEM;
}


/* false: the list may still bring it */

static bool
ds_playlist_find_resume(ds_playlist_t *pl)
{
    uint32_t  found;

    if (!pl->complete
        && (pl->resume >= pl->count
            || !ds_playlist_is(pl, pl->resume, pl->resume, pl->resume_id)))
    {
        return false;
    }

    found = ds_playlist_find(pl, pl->resume, pl->resume_id);

    pl->resume = DS_NONE;

    if (found == DS_NONE) {
        return true;
    }

    pl->floor_pass = pl->pass;
    pl->floor = ds_playlist_key(pl, found);

    if (pl->resume_over || pl->slots[found].entry.code != DS_OK) {
        pl->place = found;
        pl->slots[found].pass = pl->pass;

    } else {
        pl->jump = found;
        pl->again = false;
    }

    return true;
}


uint32_t
ds_playlist_find(ds_playlist_t *pl, uint32_t index, const char *id)
{
    uint32_t  i;

    if (index < pl->count && ds_playlist_is(pl, index, index, id)) {
        return index;
    }

    for (i = 0; i < pl->count; i++) {
        if (ds_playlist_is(pl, i, index, id)) {
            return i;
        }
    }

    return DS_NONE;
}


static bool
ds_playlist_is(ds_playlist_t *pl, uint32_t i, uint32_t index, const char *id)
{
    char  text[DS_ID_LEN];

    if (id[0] == '\0') {
        return i == index;
    }

    ds_text(text, sizeof(text), pl->slots[i].entry.id);

    return strcmp(text, id) == 0;
}


void
ds_playlist_resume(ds_playlist_t *pl, const ds_progress_t *progress)
{
    pl->seed = progress->seed;
    pl->pass = progress->pass == 0 ? 1 : progress->pass;
    pl->resume = progress->index;
    pl->resume_over = progress->position == DS_ITEM_OVER;

    memcpy(pl->resume_id, progress->id, sizeof(pl->resume_id));
}


uint32_t
ds_playlist_pass(ds_playlist_t *pl)
{
    return pl->pass;
}


/* splitmix64's finalizer over seed, pass and index */

static uint64_t
ds_playlist_key(ds_playlist_t *pl, uint32_t index)
{
    uint64_t  z;

    z = pl->seed + (((uint64_t) pl->pass << 32) + index + 1)
                   * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;

    return z ^ (z >> 31);
}


bool
ds_playlist_aired(ds_playlist_t *pl)
{
    return pl->aired != 0;
}


bool
ds_playlist_rewind(ds_playlist_t *pl)
{
    bool      aired;
    uint32_t  i;

    aired = pl->aired != 0;

    for (i = 0; i < pl->count; i++) {
        ds_playlist_set_owed(pl, &pl->slots[i], false);

        if (!aired) {
            pl->slots[i].over = false;
        }
    }

    pl->pass++;
    pl->aired = 0;
    pl->place = DS_NONE;

    return aired;
}


void
ds_playlist_pass_over(ds_playlist_t *pl, uint32_t index, bool owed,
    int64_t at)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    s->over = true;
    ds_playlist_set_owed(pl, s, owed);
    s->at = owed ? at : 0;
}


void
ds_playlist_clear(ds_playlist_t *pl, uint32_t index)
{
    uint32_t  i;

    pl->slots[index].over = false;
    ds_playlist_set_state(pl, index, DS_ITEM_PENDING, DS_OK, NULL);

    for (i = 0; pl->slots[index].owed && i < pl->count; i++) {
        if (pl->slots[i].owed && ds_playlist_same_site(pl, i, index)) {
            pl->slots[i].over = false;
        }
    }
}


bool
ds_playlist_passed_over(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].over;
}


bool
ds_playlist_is_owed(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].owed;
}


uint32_t
ds_playlist_owed(ds_playlist_t *pl)
{
    return pl->owed;
}


uint32_t
ds_playlist_drop_owed(ds_playlist_t *pl)
{
    uint32_t    i, n;
    ds_slot_t  *s;

    n = pl->owed;

    for (i = 0; i < pl->count; i++) {
        s = &pl->slots[i];

        if (s->owed) {
            ds_playlist_set_owed(pl, s, false);
            s->state = DS_ITEM_FAILED;
            ds_playlist_dirty(pl, i);
        }
    }

    return n;
}


int64_t
ds_playlist_at(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].owed ? pl->slots[index].at : 0;
}


static void
ds_playlist_set_owed(ds_playlist_t *pl, ds_slot_t *s, bool owed)
{
    if (s->owed != owed) {
        s->owed = owed;
        pl->owed += owed ? 1 : -1;
    }
}


void
ds_playlist_put_back(ds_playlist_t *pl, uint32_t index)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    if (!pl->shuffle && !s->owed && pl->place != DS_NONE
        && index <= pl->place)
    {
        pl->place = index == 0 ? DS_NONE : index - 1;
    }

    if (s->state == DS_ITEM_NEXT) {
        ds_playlist_set_state(pl, index, DS_ITEM_PENDING, DS_OK, NULL);
    }
}


size_t
ds_playlist_coming(ds_playlist_t *pl, bool loop, size_t n, uint32_t *indexes,
    size_t size)
{
    size_t    k, fit;
    uint32_t  i, at;

    k = 0;
    fit = 0;

    for (i = 0; pl->owed != 0 && i < pl->count && k < size; i++) {
        if (pl->slots[i].owed && pl->slots[i].state == DS_ITEM_PENDING) {
            indexes[k++] = i;
        }
    }

    at = pl->place;

    for (i = 0; i < pl->count && k < size && fit < n; i++) {
        at = ds_playlist_after(pl, at);

        if (at == DS_NONE && loop && !pl->shuffle && pl->complete) {
            at = ds_playlist_after(pl, DS_NONE);
        }

        if (at == DS_NONE) {
            break;
        }

        if (pl->slots[at].entry.code != DS_OK || pl->slots[at].owed) {
            continue;
        }

        fit += !pl->slots[at].over;
        indexes[k++] = at;
    }

    return k;
}


/* the one after "index" in this pass, DS_NONE: the first */

static uint32_t
ds_playlist_after(ds_playlist_t *pl, uint32_t index)
{
    uint32_t  i, best;
    uint64_t  key, from, best_key;

    if (!pl->shuffle) {
        i = index == DS_NONE ? 0 : index + 1;
        return i < pl->count ? i : DS_NONE;
    }

    best = DS_NONE;
    best_key = 0;
    from = index == DS_NONE ? 0 : ds_playlist_key(pl, index);

    for (i = 0; i < pl->count; i++) {
        key = ds_playlist_key(pl, i);

        if (key > from && (best == DS_NONE || key < best_key)) {
            best = i;
            best_key = key;
        }
    }

    return best;
}


bool
ds_playlist_resolved(ds_playlist_t *pl, uint32_t index)
{
    return !pl->slots[index].entry.plain;
}


void
ds_playlist_set_verdict(ds_playlist_t *pl, uint32_t index,
    ds_verdict_e verdict, int code)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    s->verdict = verdict;
    s->verdict_code = code;
    s->checked = ds_now();
    s->checked_pass = pl->pass;

    ds_playlist_dirty(pl, index);
}


bool
ds_playlist_is_checked(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].checked_pass == pl->pass;
}


int64_t
ds_playlist_checked(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].checked;
}


/* scheme, host and port, as they are written */

bool
ds_playlist_same_site(ds_playlist_t *pl, uint32_t a, uint32_t b)
{
    size_t       n;
    const char  *p, *q, *end;

    p = pl->slots[a].entry.url;
    q = pl->slots[b].entry.url;

    if (p == NULL || q == NULL || (end = strstr(p, "://")) == NULL) {
        return false;
    }

    n = (size_t) (end - p) + 3;
    n += strcspn(p + n, "/?#");

    return strncasecmp(p, q, n) == 0 && strchr("/?#", q[n]) != NULL;
}


void
ds_playlist_goto(ds_playlist_t *pl, uint32_t index)
{
    if (index < pl->count) {
        pl->jump = index;
        pl->again = false;
        pl->resume = DS_NONE;
    }
}


void
ds_playlist_again(ds_playlist_t *pl, uint32_t index)
{
    ds_playlist_goto(pl, index);
    pl->again = true;
}


int
ds_playlist_entry(ds_playlist_t *pl, uint32_t index, ds_entry_t *e)
{
    return ds_entry_copy(e, &pl->slots[index].entry);
}


void
ds_playlist_item(ds_playlist_t *pl, uint32_t index, ds_item_t *item)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    item->index = index;
    item->state = s->state;
    item->code = s->code;
    item->duration = s->entry.duration;
    item->verdict = s->verdict;
    item->verdict_code = s->verdict_code;
    item->checked = s->checked;

    ds_text(item->id, sizeof(item->id), s->entry.id);
    ds_text(item->title, sizeof(item->title), s->entry.title);
    ds_text(item->reason, sizeof(item->reason), s->reason);
}


void
ds_playlist_turn(ds_playlist_t *pl, uint32_t index, ds_turn_t *turn)
{
    memset(turn, 0, sizeof(ds_turn_t));

    turn->index = index;
    turn->pass = pl->pass;

    if (index < pl->count) {
        ds_text(turn->id, sizeof(turn->id), pl->slots[index].entry.id);
    }
}


/* passes are counted from 1 again when a list is read anew */

bool
ds_turn_crashed(const ds_turn_t *turn, const ds_turn_t *crashed, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (crashed[i].pass < turn->pass) {
            continue;
        }

        if (crashed[i].id[0] == '\0' || turn->id[0] == '\0'
            ? crashed[i].index == turn->index
            : strcmp(crashed[i].id, turn->id) == 0)
        {
            return true;
        }
    }

    return false;
}


void
ds_playlist_set_state(ds_playlist_t *pl, uint32_t index,
    ds_item_state_e state, int code, const char *reason)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    if (state == DS_ITEM_PLAYING) {
        pl->aired++;
        pl->last = index;
        ds_playlist_set_owed(pl, s, false);

    } else if (state == DS_ITEM_PENDING) {
        /* its turn is still to come */
        s->pass = 0;

    } else if (state != DS_ITEM_NEXT) {
        /* it has had it */
        ds_playlist_set_owed(pl, s, false);
    }

    s->state = state;
    s->code = code;

    free(s->reason);
    s->reason = (reason == NULL || *reason == '\0') ? NULL : strdup(reason);

    ds_playlist_dirty(pl, index);
}


void
ds_playlist_set_info(ds_playlist_t *pl, uint32_t index, const char *title,
    int64_t duration)
{
    char        *p;
    ds_entry_t  *e;

    e = &pl->slots[index].entry;

    if (title != NULL && e->title == NULL) {
        p = strdup(title);
        if (p != NULL) {
            e->title = p;
            ds_playlist_dirty(pl, index);
        }
    }

    if (duration >= 0 && e->duration < 0) {
        e->duration = duration;
        ds_playlist_dirty(pl, index);
    }
}


static void
ds_playlist_dirty(ds_playlist_t *pl, uint32_t index)
{
    ds_slot_t  *s;

    s = &pl->slots[index];

    if (s->dirty) {
        return;
    }

    s->dirty = true;
    s->next_dirty = DS_NONE;

    if (pl->first_dirty == DS_NONE) {
        pl->first_dirty = index;
    } else {
        pl->slots[pl->last_dirty].next_dirty = index;
    }

    pl->last_dirty = index;
}


size_t
ds_playlist_take(ds_playlist_t *pl, ds_item_t *items, size_t n)
{
    size_t      i;
    uint32_t    index;
    ds_slot_t  *s;

    for (i = 0; i < n && pl->first_dirty != DS_NONE; i++) {
        index = pl->first_dirty;
        s = &pl->slots[index];

        pl->first_dirty = s->next_dirty;
        s->dirty = false;

        ds_playlist_item(pl, index, &items[i]);
    }

    return i;
}
