
/*
 * ds_playlist.c: a stream's items and the order they are played in.  An item
 * is known by a key made of its id, or of its URL where it has none, so that
 * it is the same one wherever a newer list has it.  Knows no thread, no
 * network, no media.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_url.h"
#include "play/ds_playlist.h"


#define DS_NONE  DS_NO_ITEM


typedef struct {
    ds_entry_t        entry;
    uint64_t          key;
    uint32_t          copies;       /* of the first of equal ones: so many */
    ds_item_state_e   state;
    int               code;
    char             *reason;       /* NULL: none */
    uint32_t          pass;         /* chosen in this pass */
    uint32_t          late_pass;    /* it came into this pass, shuffled */
    uint64_t          late;         /* behind this key */
    uint32_t          next_dirty;   /* DS_NONE: the last one */
    int64_t           at;           /* ms, where the rest of it begins */
    int64_t           checked;      /* Unix ms, 0: never */
    uint32_t          checked_pass;
    ds_verdict_e      verdict;
    int               verdict_code;
    bool              dirty;
    bool              over;         /* is passed over */
    bool              owed;         /* has its turn out of turn */
    bool              stored;       /* the store has it as it is */
    bool              begun;        /* restored, and not over then */
} ds_slot_t;


/* an item's place in a shuffled pass */

typedef struct {
    uint64_t          rank;
    uint32_t          index;
} ds_rank_t;


struct ds_playlist_s {
    ds_slot_t        *slots;        /* listed, then those that are held */
    uint32_t          count;
    uint32_t          held;
    uint32_t          size;
    uint32_t          playable;
    uint32_t          owed;
    uint32_t         *table;        /* of slots, by key; "mask" + 1 places */
    uint32_t          mask;

    bool              shuffle;
    bool              complete;
    bool              copied;       /* no item comes, goes or changes */
    ds_rank_t        *order;        /* of a copy: those of "order_pass" */
    uint32_t          order_pass;   /* 0: there are none */
    uint32_t          order_at;     /* what is before has had its turn */
    uint64_t          seed;
    uint32_t          pass;         /* from 1 */
    uint32_t          aired;        /* items on air in this pass */
    uint32_t          place;        /* last chosen, DS_NONE: none in the pass */
    uint32_t          spot;         /* of the last on air; as "place" */
    uint32_t          spot_pass;    /* in which it was */
    uint32_t          last;         /* last on air */
    uint32_t          jump;         /* chosen by ds_playlist_goto() */
    bool              again;        /* by ds_playlist_again() */

    uint32_t          resume;       /* DS_NONE: nothing to resume */
    uint64_t          resume_key;   /* 0: not known */
    char              resume_id[DS_ID_LEN];
    bool              resume_over;  /* after it */
    uint32_t          floor_pass;   /* in it, keys up to "floor" were chosen */
    uint64_t          floor;

    uint32_t          first_dirty;
    uint32_t          last_dirty;
};


/* a list and the one that takes its place, while they are compared */

typedef struct {
    uint32_t         *old;          /* of each new one, DS_NONE: it is new */
    uint32_t         *to;           /* of each old one, DS_NONE: it is gone */
    uint32_t         *tails;
    ds_slot_t        *slots;
} ds_merge_t;


static int ds_playlist_grow(ds_playlist_t *pl);
static void ds_playlist_index(ds_playlist_t *pl, uint32_t index);
static uint32_t ds_playlist_by_key(ds_playlist_t *pl, uint64_t key);
static int ds_playlist_name(const ds_entry_t *e, uint64_t *key);
static uint64_t ds_playlist_mix(uint64_t z);
static void ds_playlist_free_slot(ds_slot_t *s);
static ds_pick_e ds_playlist_pick_next(ds_playlist_t *pl, uint32_t *index);
static ds_pick_e ds_playlist_pick_shuffled(ds_playlist_t *pl,
    uint32_t *index);
static bool ds_playlist_order(ds_playlist_t *pl);
static int ds_playlist_order_compare(const void *a, const void *b);
static ds_pick_e ds_playlist_pick_ordered(ds_playlist_t *pl,
    uint32_t *index);
static bool ds_playlist_pick_owed(ds_playlist_t *pl, uint32_t *index);
static bool ds_playlist_fit(const ds_slot_t *s);
static void ds_playlist_set_owed(ds_playlist_t *pl, ds_slot_t *s, bool owed);
static uint32_t ds_playlist_after(ds_playlist_t *pl, uint32_t index);
static bool ds_playlist_find_resume(ds_playlist_t *pl);
static bool ds_playlist_is(ds_playlist_t *pl, uint32_t i, uint32_t index,
    const char *id);
static uint64_t ds_playlist_rank(ds_playlist_t *pl, uint32_t index);
static uint64_t ds_playlist_ranked(ds_playlist_t *pl, uint32_t index,
    uint64_t salt);
static uint64_t ds_playlist_salt(ds_playlist_t *pl);
static uint64_t ds_playlist_reached(ds_playlist_t *pl);
static void ds_playlist_compare(ds_playlist_t *pl, ds_playlist_t *fresh,
    ds_merge_t *m, ds_diff_t *diff);
static uint32_t ds_playlist_in_order(ds_merge_t *m, uint32_t count);
static uint32_t ds_playlist_anchor(ds_playlist_t *pl, ds_merge_t *m);
static void ds_playlist_move(ds_playlist_t *pl, ds_playlist_t *fresh,
    ds_merge_t *m, ds_diff_t *diff);
static void ds_playlist_renew(ds_slot_t *s, ds_slot_t *from,
    ds_diff_t *diff);
static bool ds_playlist_take_text(char **text, char **from);
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
    pl->spot = DS_NONE;
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

    for (i = 0; i < pl->count + pl->held; i++) {
        ds_playlist_free_slot(&pl->slots[i]);
    }

    free(pl->slots);
    free(pl->table);
    free(pl->order);
    free(pl);
}


ds_playlist_t *
ds_playlist_copy(const ds_playlist_t *pl)
{
    bool            failed;
    uint32_t        i, n;
    ds_entry_t     *e;
    ds_slot_t      *s;
    ds_playlist_t  *copy;

    n = pl->count + pl->held;
    copy = malloc(sizeof(ds_playlist_t));

    if (copy == NULL) {
        return NULL;
    }

    *copy = *pl;
    copy->size = n;
    copy->copied = true;
    copy->order = NULL;
    copy->order_pass = 0;
    copy->slots = malloc((n + 1) * sizeof(ds_slot_t));
    copy->table = malloc(((size_t) pl->mask + 1) * sizeof(uint32_t));

    if (copy->slots == NULL || copy->table == NULL) {
        free(copy->slots);
        free(copy->table);
        free(copy);
        return NULL;
    }

    if (pl->table != NULL) {
        memcpy(copy->table, pl->table,
               ((size_t) pl->mask + 1) * sizeof(uint32_t));
    } else {
        copy->table[0] = DS_NONE;
    }

    failed = false;

    for (i = 0; i < n; i++) {
        s = &copy->slots[i];
        *s = pl->slots[i];
        s->reason = NULL;
        e = &s->entry;
        e->url = NULL;
        e->audio_url = NULL;
        e->headers = NULL;
        e->id = NULL;
        e->title = NULL;

        failed |= ds_copy(&e->id, pl->slots[i].entry.id) != DS_OK
                  || ds_copy(&e->title, pl->slots[i].entry.title) != DS_OK;
    }

    if (failed) {
        ds_playlist_free(&copy);
    }

    return copy;
}


static void
ds_playlist_free_slot(ds_slot_t *s)
{
    ds_entry_free(&s->entry);
    free(s->reason);
}


int
ds_playlist_add(ds_playlist_t *pl, ds_entry_t *e)
{
    int         rc;
    uint32_t    first;
    uint64_t    key;
    ds_slot_t  *s;

    rc = ds_playlist_name(e, &key);

    if (rc == DS_OK && pl->count + pl->held >= pl->size) {
        rc = ds_playlist_grow(pl);
    }

    if (rc != DS_OK) {
        return rc;
    }

    /* what is listed twice is two items: the n-th is the n-th of them */

    first = ds_playlist_by_key(pl, key);

    if (first != DS_NONE) {
        key = ds_playlist_mix(key + ++pl->slots[first].copies);
    }

    s = &pl->slots[pl->count];

    /* none are held by a list that still grows */

    memset(s, 0, sizeof(ds_slot_t));

    s->entry = *e;
    s->key = key;
    s->state = DS_ITEM_PENDING;

    ds_playlist_index(pl, pl->count);
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


/* twice the room, and a table that is half empty at the most */

static int
ds_playlist_grow(ds_playlist_t *pl)
{
    uint32_t    i, size, *table;
    ds_slot_t  *slots;

    size = pl->size == 0 ? 64 : pl->size * 2;

    slots = realloc(pl->slots, size * sizeof(ds_slot_t));
    if (slots == NULL) {
        return DS_ENOMEM;
    }

    pl->slots = slots;

    table = malloc(2 * size * sizeof(uint32_t));
    if (table == NULL) {
        return DS_ENOMEM;
    }

    free(pl->table);

    pl->table = table;
    pl->mask = 2 * size - 1;
    pl->size = size;

    memset(table, 0xff, 2 * size * sizeof(uint32_t));

    for (i = 0; i < pl->count; i++) {
        ds_playlist_index(pl, i);
    }

    return DS_OK;
}


static void
ds_playlist_index(ds_playlist_t *pl, uint32_t index)
{
    uint32_t  i;

    i = (uint32_t) pl->slots[index].key & pl->mask;

    while (pl->table[i] != DS_NONE) {
        i = (i + 1) & pl->mask;
    }

    pl->table[i] = index;
}


/* DS_NONE: it is not listed */

static uint32_t
ds_playlist_by_key(ds_playlist_t *pl, uint64_t key)
{
    uint32_t  i;

    if (pl->table == NULL) {
        return DS_NONE;
    }

    for (i = (uint32_t) key & pl->mask;
         pl->table[i] != DS_NONE;
         i = (i + 1) & pl->mask)
    {
        if (pl->slots[pl->table[i]].key == key) {
            return pl->table[i];
        }
    }

    return DS_NONE;
}


/* FNV-1a of what an item is called, never 0 */

static int
ds_playlist_name(const ds_entry_t *e, uint64_t *key)
{
    char        *url;
    uint64_t     hash;
    const char  *p;

    url = NULL;
    p = e->id;

    if (p == NULL || *p == '\0') {
        /* each time that it is asked for it may be signed anew */

        if (e->url != NULL) {
            url = ds_url_unsigned(e->url);

            if (url == NULL) {
                return DS_ENOMEM;
            }
        }

        p = url != NULL ? url : e->title != NULL ? e->title : "";
    }

    for (hash = 0xcbf29ce484222325u; *p != '\0'; p++) {
        hash = (hash ^ (unsigned char) *p) * 0x100000001b3u;
    }

    free(url);

    *key = ds_playlist_mix(hash);

    if (*key == 0) {
        *key = 1;
    }

    return DS_OK;
}


/* splitmix64's finalizer */

static uint64_t
ds_playlist_mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;

    return z ^ (z >> 31);
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
        pl->spot = *index;
        pl->spot_pass = pl->pass;
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


uint32_t
ds_playlist_chosen(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].pass;
}


void
ds_playlist_choose(ds_playlist_t *pl, uint32_t index, uint32_t pass)
{
    pl->slots[index].pass = pass;
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
        pl->pass++;
        rc = ds_playlist_pick_next(pl, index);
        pl->pass--;
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


/* what has been chosen in this pass may stand behind it after a change */

static ds_pick_e
ds_playlist_pick_next(ds_playlist_t *pl, uint32_t *index)
{
    uint32_t  i;

    i = pl->place == DS_NONE ? 0 : pl->place + 1;

    for ( /* void */ ; i < pl->count; i++) {
        if (ds_playlist_fit(&pl->slots[i]) && pl->slots[i].pass < pl->pass) {
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
    uint64_t  key, best_key, salt;

    if (pl->copied && ds_playlist_order(pl)) {
        return ds_playlist_pick_ordered(pl, index);
    }

    best = DS_NONE;
    last = DS_NONE;
    best_key = 0;
    salt = ds_playlist_salt(pl);

    for (i = 0; i < pl->count; i++) {
        if (!ds_playlist_fit(&pl->slots[i])
            || pl->slots[i].pass >= pl->pass)
        {
            continue;
        }

        if (i == pl->last) {
            last = i;
            continue;
        }

        key = ds_playlist_ranked(pl, i, salt);

        if (pl->pass == pl->floor_pass && key <= pl->floor
            && pl->slots[i].late_pass != pl->pass)
        {
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


/* a pass of a copy is sorted once; false: no memory */

static bool
ds_playlist_order(ds_playlist_t *pl)
{
    uint32_t  i;
    uint64_t  salt;

    if (pl->order_pass == pl->pass) {
        return true;
    }

    if (pl->order == NULL) {
        pl->order = malloc(((size_t) pl->count + 1) * sizeof(ds_rank_t));

        if (pl->order == NULL) {
            return false;
        }
    }

    salt = ds_playlist_salt(pl);

    for (i = 0; i < pl->count; i++) {
        pl->order[i].rank = ds_playlist_ranked(pl, i, salt);
        pl->order[i].index = i;
    }

    qsort(pl->order, pl->count, sizeof(ds_rank_t), ds_playlist_order_compare);

    pl->order_pass = pl->pass;
    pl->order_at = 0;

    return true;
}


static int
ds_playlist_order_compare(const void *a, const void *b)
{
    const ds_rank_t  *x, *y;

    x = a;
    y = b;

    return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1)
                              : (x->index < y->index ? -1 : 1);
}


/* what ds_playlist_pick_shuffled() finds */

static ds_pick_e
ds_playlist_pick_ordered(ds_playlist_t *pl, uint32_t *index)
{
    uint32_t    i, at, last;
    ds_slot_t  *s;

    last = DS_NONE;

    for (i = pl->order_at; i < pl->count; i++) {
        at = pl->order[i].index;
        s = &pl->slots[at];

        if (!ds_playlist_fit(s) || s->pass >= pl->pass) {
            pl->order_at += i == pl->order_at;
            continue;
        }

        if (at == pl->last) {
            last = at;
            continue;
        }

        if (pl->pass != pl->floor_pass || pl->order[i].rank > pl->floor
            || s->late_pass == pl->pass)
        {
            *index = at;
            return DS_PICK_ITEM;
        }
    }

    if (last == DS_NONE || !pl->complete) {
        return pl->complete ? DS_PICK_PASS : DS_PICK_WAIT;
    }

    *index = last;

    return DS_PICK_ITEM;
}


/* false: the list may still bring it */

static bool
ds_playlist_find_resume(ds_playlist_t *pl)
{
    bool      marked;
    uint32_t  i, found;

    if (pl->resume_key != 0) {
        found = ds_playlist_by_key(pl, pl->resume_key);

    } else if (pl->complete
               || (pl->resume < pl->count
                   && ds_playlist_is(pl, pl->resume, pl->resume,
                                     pl->resume_id)))
    {
        found = ds_playlist_find(pl, pl->resume, pl->resume_id);

    } else {
        found = DS_NONE;
    }

    if (found == DS_NONE && !pl->complete) {
        return false;
    }

    /* it is gone: from its place on */

    if (found == DS_NONE || pl->slots[found].entry.code != DS_OK) {

        if (pl->resume < pl->count) {
            pl->place = pl->resume == 0 ? DS_NONE : pl->resume - 1;
            pl->spot = pl->place;
            pl->spot_pass = pl->pass;
        }

        pl->resume = DS_NONE;

        return true;
    }

    pl->resume = DS_NONE;

    /* what was chosen before is known, or what the permutation has there */

    marked = false;

    for (i = 0; i < pl->count && !marked; i++) {
        marked = pl->slots[i].pass >= pl->pass && i != found;
    }

    if (!marked) {
        pl->floor_pass = pl->pass;
        pl->floor = ds_playlist_rank(pl, found);
    }

    ds_playlist_goto(pl, found);

    if (pl->resume_over) {
        pl->jump = DS_NONE;
        pl->place = found;
        pl->spot = found;
        pl->spot_pass = pl->pass;
        pl->slots[found].pass = pl->pass;
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
    uint32_t    i;
    ds_slot_t  *s;

    pl->seed = progress->seed;
    pl->pass = progress->pass == 0 ? 1 : progress->pass;

    /* its turn is still to come, but not in a pass that was over for it */

    for (i = 0; i < pl->count; i++) {
        s = &pl->slots[i];

        if (s->begun) {
            s->begun = false;
            s->pass = s->pass > pl->pass ? s->pass - 1 : 0;
        }
    }

    pl->resume = progress->index;
    pl->resume_over = progress->position == DS_ITEM_OVER;
    pl->resume_key = progress->key;

    memcpy(pl->resume_id, progress->id, sizeof(pl->resume_id));
}


bool
ds_playlist_resumes(ds_playlist_t *pl)
{
    int64_t      expires;
    uint32_t     i;
    ds_entry_t  *e;

    for (i = 0; i < pl->count; i++) {
        e = &pl->slots[i].entry;

        if (e->code == DS_OK && e->url == NULL) {

            /* kept by an older build */

            return false;
        }
    }

    i = ds_playlist_by_key(pl, pl->resume_key);

    if (i == DS_NONE) {
        i = pl->resume;
    }

    if (i >= pl->count) {
        return false;
    }

    e = &pl->slots[i].entry;
    expires = e->url != NULL && e->plain ? ds_url_expires(e->url) : 0;

    return expires == 0 || expires > ds_now();
}


uint32_t
ds_playlist_pass(ds_playlist_t *pl)
{
    return pl->pass;
}


/*
 * The place of an item in the permutation.  One that came in the middle of a
 * pass has its place in what was left of it then.
 */

static uint64_t
ds_playlist_rank(ds_playlist_t *pl, uint32_t index)
{
    return ds_playlist_ranked(pl, index, ds_playlist_salt(pl));
}


static uint64_t
ds_playlist_salt(ds_playlist_t *pl)
{
    return ds_playlist_mix(pl->seed + pl->pass);
}


static uint64_t
ds_playlist_ranked(ds_playlist_t *pl, uint32_t index, uint64_t salt)
{
    uint64_t    z;
    ds_slot_t  *s;

    s = &pl->slots[index];

    z = ds_playlist_mix(s->key ^ salt);

    if (s->late_pass != pl->pass) {
        return z;
    }

    return s->late + (uint64_t) (((unsigned __int128) z
                                  * (UINT64_MAX - s->late)) >> 64);
}


/* how far a shuffled pass has come */

static uint64_t
ds_playlist_reached(ds_playlist_t *pl)
{
    uint32_t  i;
    uint64_t  rank, reached;

    reached = pl->pass == pl->floor_pass ? pl->floor : 0;

    for (i = 0; i < pl->count + pl->held; i++) {
        if (pl->slots[i].pass == pl->pass) {
            rank = ds_playlist_rank(pl, i);
            reached = rank > reached ? rank : reached;
        }
    }

    return reached;
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
    from = index == DS_NONE ? 0 : ds_playlist_rank(pl, index);

    for (i = 0; i < pl->count; i++) {
        key = ds_playlist_rank(pl, i);

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
    uint32_t  i;

    if (index >= pl->count) {
        return;
    }

    pl->jump = index;
    pl->again = false;
    pl->resume = DS_NONE;

    /* in order, what follows it has its turn again */

    for (i = index + 1; !pl->shuffle && i < pl->count; i++) {
        pl->slots[i].pass = 0;
    }
}


bool
ds_playlist_is_listed(ds_playlist_t *pl, uint32_t index)
{
    return index < pl->count && pl->slots[index].entry.code == DS_OK;
}


uint64_t
ds_playlist_key(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].key;
}


uint32_t
ds_playlist_of_key(ds_playlist_t *pl, uint64_t key)
{
    return ds_playlist_by_key(pl, key);
}


int64_t
ds_playlist_duration(ds_playlist_t *pl, uint32_t index)
{
    return pl->slots[index].entry.duration;
}


uint32_t
ds_playlist_place(ds_playlist_t *pl, uint32_t index)
{
    if (index < pl->count) {
        return index;
    }

    return pl->place == DS_NONE ? 0 : pl->place + 1;
}


/* the same for the same items in the same order */

uint64_t
ds_playlist_print(ds_playlist_t *pl)
{
    uint32_t  i;
    uint64_t  print;

    print = pl->count;

    for (i = 0; i < pl->count; i++) {
        print = ds_playlist_mix(print ^ pl->slots[i].key);
    }

    return print;
}


int
ds_playlist_merge(ds_playlist_t *pl, ds_playlist_t **pfresh,
    uint32_t *const *held, size_t nheld, uint32_t *const *named,
    size_t nnamed, ds_diff_t *diff)
{
    size_t          i;
    uint32_t        anchor, index;
    ds_merge_t      m;
    ds_playlist_t  *fresh;

    fresh = *pfresh;

    memset(diff, 0, sizeof(ds_diff_t));

    m.old = malloc((fresh->count + 1) * sizeof(uint32_t));
    m.tails = malloc((fresh->count + 1) * sizeof(uint32_t));
    m.to = malloc((pl->count + pl->held + 1) * sizeof(uint32_t));
    m.slots = malloc((fresh->count + nheld + 1) * sizeof(ds_slot_t));

    if (m.old == NULL || m.tails == NULL || m.to == NULL || m.slots == NULL
        || fresh->count > UINT32_MAX / 2)
    {
        free(m.old);
        free(m.tails);
        free(m.to);
        free(m.slots);
        return DS_ENOMEM;
    }

    ds_playlist_compare(pl, fresh, &m, diff);

    anchor = ds_playlist_anchor(pl, &m);

    /* what is in use stays, behind the list; what was held may be listed */

    fresh->held = 0;

    for (i = 0; i < nheld; i++) {
        index = *held[i];

        if (index < pl->count + pl->held && m.to[index] == DS_NONE) {
            m.to[index] = fresh->count + fresh->held++;
        }
    }

    pl->jump = pl->jump == DS_NONE ? DS_NONE : m.to[pl->jump];
    pl->last = pl->last == DS_NONE ? DS_NONE : m.to[pl->last];
    pl->place = anchor;
    pl->spot = anchor;

    if (pl->jump != DS_NONE && pl->jump >= fresh->count) {
        pl->jump = DS_NONE;
    }

    for (i = 0; i < nheld; i++) {
        if (*held[i] < pl->count + pl->held) {
            *held[i] = m.to[*held[i]];
        }
    }

    for (i = 0; i < nnamed; i++) {
        if (*named[i] < pl->count + pl->held) {
            *named[i] = m.to[*named[i]];
        }
    }

    ds_playlist_move(pl, fresh, &m, diff);

    free(m.old);
    free(m.tails);
    free(m.to);

    *pfresh = NULL;
    ds_playlist_free(&fresh);

    return DS_OK;
}


/* which of the one is which of the other */

static void
ds_playlist_compare(ds_playlist_t *pl, ds_playlist_t *fresh, ds_merge_t *m,
    ds_diff_t *diff)
{
    uint32_t  i, j, common;

    common = 0;

    memset(m->to, 0xff, (pl->count + pl->held) * sizeof(uint32_t));

    for (i = 0; i < fresh->count; i++) {
        j = ds_playlist_by_key(pl, fresh->slots[i].key);

        if (j != DS_NONE) {
            m->to[j] = i;
            common++;
        }

        m->old[i] = j;
    }

    diff->added = fresh->count - common;
    diff->removed = pl->count - common;
    diff->moved = common - ds_playlist_in_order(m, fresh->count);

    /* one that is held, and is back */

    for (j = pl->count; j < pl->count + pl->held; j++) {
        i = ds_playlist_by_key(fresh, pl->slots[j].key);

        if (i != DS_NONE && m->old[i] == DS_NONE) {
            m->old[i] = j;
            m->to[j] = i;
        }
    }
}


/* the longest run of items that are still in the order they were in */

static uint32_t
ds_playlist_in_order(ds_merge_t *m, uint32_t count)
{
    uint32_t  i, n, low, high, middle;

    n = 0;

    for (i = 0; i < count; i++) {
        if (m->old[i] == DS_NONE) {
            continue;
        }

        low = 0;
        high = n;

        while (low < high) {
            middle = (low + high) / 2;

            if (m->tails[middle] < m->old[i]) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }

        m->tails[low] = m->old[i];
        n += low == n;
    }

    return n;
}


/*
 * The new place: of what is on air, or the nearest before it that is left, for
 * what came in right behind it is next, whatever has been prepared already.
 */

static uint32_t
ds_playlist_anchor(ds_playlist_t *pl, ds_merge_t *m)
{
    uint32_t  place;

    place = pl->spot_pass == pl->pass ? pl->spot : DS_NONE;

    while (place != DS_NONE && m->to[place] == DS_NONE) {
        place = place == 0 || place >= pl->count ? DS_NONE : place - 1;
    }

    return place == DS_NONE ? DS_NONE : m->to[place];
}


/* the slots of the new list, with what is known of them */

static void
ds_playlist_move(ds_playlist_t *pl, ds_playlist_t *fresh, ds_merge_t *m,
    ds_diff_t *diff)
{
    bool        dirty;
    uint32_t    i, j, count;
    uint64_t    reached;
    ds_slot_t  *s, *old;

    old = pl->slots;
    count = pl->count + pl->held;
    reached = ds_playlist_reached(pl);

    for (i = 0; i < fresh->count; i++) {
        s = &m->slots[i];
        j = m->old[i];

        if (j == DS_NONE) {
            *s = fresh->slots[i];
            memset(&fresh->slots[i], 0, sizeof(ds_slot_t));
            s->late_pass = pl->pass;
            s->late = reached;
            s->dirty = true;
            continue;
        }

        dirty = old[j].dirty || i != j;

        *s = old[j];
        s->copies = fresh->slots[i].copies;
        s->dirty = dirty;
        s->stored = s->stored && i == j;

        ds_playlist_renew(s, &fresh->slots[i], diff);
    }

    for (j = 0; j < count; j++) {
        if (m->to[j] == DS_NONE) {
            ds_playlist_free_slot(&old[j]);

        } else if (m->to[j] >= fresh->count) {
            m->slots[m->to[j]] = old[j];
            m->slots[m->to[j]].dirty = false;
            m->slots[m->to[j]].owed = false;
        }
    }

    /* the new list's table is right for them */

    free(old);
    free(pl->table);

    pl->slots = m->slots;
    pl->count = fresh->count;
    pl->held = fresh->held;
    pl->size = pl->count + pl->held;
    pl->table = fresh->table;
    pl->mask = fresh->mask;
    pl->complete = true;

    fresh->table = NULL;
    fresh->held = 0;

    pl->playable = 0;
    pl->owed = 0;
    pl->first_dirty = DS_NONE;
    pl->last_dirty = DS_NONE;

    for (i = 0; i < pl->count; i++) {
        pl->playable += pl->slots[i].entry.code == DS_OK;
        pl->owed += pl->slots[i].owed;

        if (pl->slots[i].dirty) {
            pl->slots[i].dirty = false;
            ds_playlist_dirty(pl, i);
        }
    }
}


/* what the newer list says of an item; what it does not say stays */

static void
ds_playlist_renew(ds_slot_t *s, ds_slot_t *from, ds_diff_t *diff)
{
    bool         changed;
    ds_entry_t  *e, *f;

    e = &s->entry;
    f = &from->entry;

    changed = ds_playlist_take_text(&e->title, &f->title);

    if (f->duration >= 0 && f->duration != e->duration) {
        e->duration = f->duration;
        changed = true;
    }

    diff->changed += changed || e->code != f->code;

    if (f->url != NULL) {
        changed |= ds_playlist_take_text(&e->url, &f->url);
        changed |= e->plain != f->plain;

        if (f->audio_url == NULL && e->audio_url != NULL) {
            free(e->audio_url);
            e->audio_url = NULL;
            changed = true;
        }

        changed |= ds_playlist_take_text(&e->audio_url, &f->audio_url);
        e->plain = f->plain;
        e->page = f->page;

        /* of the headers the store knows nothing */

        free(e->headers);
        e->headers = f->headers;
        f->headers = NULL;
    }

    if (e->code != f->code) {
        changed = true;
        s->over = false;
        s->owed = false;

        if (s->state != DS_ITEM_PLAYING) {
            s->state = f->code == DS_OK ? DS_ITEM_PENDING : DS_ITEM_SKIPPED;
            s->code = f->code;

            free(s->reason);
            s->reason = from->reason;
            from->reason = NULL;
        }

        e->code = f->code;
        e->reason = f->reason;
    }

    if (changed) {
        s->dirty = true;
        s->stored = false;
    }
}


/* NULL tells nothing; true: it is another one */

static bool
ds_playlist_take_text(char **text, char **from)
{
    if (*from == NULL || (*text != NULL && strcmp(*text, *from) == 0)) {
        return false;
    }

    free(*text);
    *text = *from;
    *from = NULL;

    return true;
}


void
ds_playlist_again(ds_playlist_t *pl, uint32_t index)
{
    if (index < pl->count) {
        pl->jump = index;
        pl->again = true;
        pl->resume = DS_NONE;
    }
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
        pl->spot = index;
        pl->spot_pass = s->pass;

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
    s->stored = false;

    if (s->dirty || index >= pl->count) {
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
ds_playlist_take(ds_playlist_t *pl, ds_listed_t *items, size_t n)
{
    size_t      i;
    uint32_t    index;
    ds_slot_t  *s;

    for (i = 0; i < n && pl->first_dirty != DS_NONE; i++) {
        index = pl->first_dirty;
        s = &pl->slots[index];

        /* with headers that are not kept it cannot be played from there */

        if (ds_copy(&items[i].url, s->entry.headers == NULL ? s->entry.url
                                                            : NULL)
            != DS_OK)
        {
            break;
        }

        if (ds_copy(&items[i].audio_url, s->entry.audio_url) != DS_OK) {
            free(items[i].url);
            break;
        }

        pl->first_dirty = s->next_dirty;
        s->dirty = false;

        items[i].plain = s->entry.plain;
        items[i].pass = s->pass;
        items[i].stored = s->stored;
        s->stored = true;

        ds_playlist_item(pl, index, &items[i].item);
    }

    return i;
}


void
ds_playlist_retake(ds_playlist_t *pl, uint32_t from)
{
    uint32_t  i;

    for (i = from; i < pl->count; i++) {
        ds_playlist_dirty(pl, i);
    }
}


int
ds_playlist_restore(ds_playlist_t *pl, const ds_listed_t *from)
{
    int                rc;
    ds_entry_t         e;
    ds_slot_t         *s;
    const ds_item_t   *item;

    item = &from->item;

    memset(&e, 0, sizeof(ds_entry_t));

    e.duration = item->duration;
    e.plain = from->plain;

    /* what the list itself said of it */

    if (item->state == DS_ITEM_SKIPPED) {
        e.code = item->code;
        e.reason = ds_error_code(item->code);
    }

    rc = ds_copy(&e.url, from->url);
    rc |= ds_copy(&e.audio_url, from->audio_url);
    rc |= ds_copy(&e.id, item->id[0] == '\0' ? NULL : item->id);
    rc |= ds_copy(&e.title, item->title[0] == '\0' ? NULL : item->title);

    e.page = e.plain && e.url != NULL && ds_url_kind(e.url) == DS_REF_RESOLVER;

    if (rc != DS_OK || ds_playlist_add(pl, &e) != DS_OK) {
        ds_entry_free(&e);
        return DS_ENOMEM;
    }

    s = &pl->slots[pl->count - 1];

    if (item->state == DS_ITEM_PLAYED || item->state == DS_ITEM_SKIPPED
        || item->state == DS_ITEM_FAILED)
    {
        ds_playlist_set_state(pl, pl->count - 1, item->state, item->code,
                              item->reason);
        s->stored = true;
    }

    s->pass = from->pass;
    s->begun = !s->stored;

    return DS_OK;
}
