
/*
 * ds_playlist.h: the items of a stream, what became of each, and which is
 * next.  No lock of its own: its owner's lock covers every call.
 */

#ifndef DS_PLAYLIST_H_INCLUDED_
#define DS_PLAYLIST_H_INCLUDED_


#include "resolve/ds_resolve.h"


#define DS_NO_ITEM  UINT32_MAX


typedef struct ds_playlist_s  ds_playlist_t;


typedef enum {
    DS_PICK_ITEM,               /* *index is set */
    DS_PICK_WAIT,               /* the next one is not known yet */
    DS_PICK_PASS,               /* the pass is over; see ds_playlist_rewind() */
} ds_pick_e;


ds_playlist_t *ds_playlist_create(bool shuffle, uint64_t seed);
void ds_playlist_free(ds_playlist_t **pl);

/* takes over the strings of "e"; DS_ENOMEM leaves them; no list is merged */
int ds_playlist_add(ds_playlist_t *pl, ds_entry_t *e);

/* the same for an item as the store has it, with what became of it */
int ds_playlist_restore(ds_playlist_t *pl, const ds_listed_t *item);

/* the list has been read to its end, or no more of it can be had */
void ds_playlist_complete(ds_playlist_t *pl);
bool ds_playlist_is_complete(ds_playlist_t *pl);

uint32_t ds_playlist_count(ds_playlist_t *pl);

/* how many of them can be played, as far as the list itself tells */
uint32_t ds_playlist_playable(ds_playlist_t *pl);

/*
 * Chooses the next item and makes it the place in the list.  In order: the
 * one after the last chosen.  Shuffled: each pass is a permutation drawn
 * from the seed, and does not begin with the item that ended the last one.
 */
ds_pick_e ds_playlist_pick(ds_playlist_t *pl, uint32_t *index);

/*
 * What the next pick will be, as far as it is known by now; with "loop" also
 * that of the next pass, unless it is shuffled.  False: it is not known.
 */
bool ds_playlist_peek(ds_playlist_t *pl, bool loop, uint32_t *index);

/*
 * Begins the next pass.  False: nothing was on air in this one, so the next
 * would not be better: the caller waits before it picks again.
 */
bool ds_playlist_rewind(ds_playlist_t *pl);

/* something was on air in this pass */
bool ds_playlist_aired(ds_playlist_t *pl);

/*
 * Where an item is that was at "index" and has this id, which may be "": there
 * or elsewhere; UINT32_MAX: nowhere, as far as the list is known.
 */
uint32_t ds_playlist_find(ds_playlist_t *pl, uint32_t index, const char *id);

/*
 * What is passed over is not chosen until it is cleared, or until a pass is
 * over in which nothing was on air.  "owed": in this pass it is chosen, out of
 * its turn, as soon as it is cleared; "at" is where the rest of it begins, ms.
 */
void ds_playlist_pass_over(ds_playlist_t *pl, uint32_t index, bool owed,
    int64_t at);

/* it could be opened; with one that is owed, all of its site that are */
void ds_playlist_clear(ds_playlist_t *pl, uint32_t index);
bool ds_playlist_passed_over(ds_playlist_t *pl, uint32_t index);

/* how many are owed, cleared or not; is this one */
bool ds_playlist_is_owed(ds_playlist_t *pl, uint32_t index);
uint32_t ds_playlist_owed(ds_playlist_t *pl);

/* they have failed, for what they have; returns how many */
uint32_t ds_playlist_drop_owed(ds_playlist_t *pl);

/* ms, see ds_playlist_pass_over(); 0 for others */
int64_t ds_playlist_at(ds_playlist_t *pl, uint32_t index);

/*
 * One that is waited for has its turn, wherever the place is by now: that of
 * the pass in which it was chosen, as this has told before.
 */
uint32_t ds_playlist_chosen(ds_playlist_t *pl, uint32_t index);
void ds_playlist_choose(ds_playlist_t *pl, uint32_t index, uint32_t pass);

/* what was chosen has not been on air: it is chosen again in its turn */
void ds_playlist_put_back(ds_playlist_t *pl, uint32_t index);

/*
 * What is to come, owed first, until "n" of it are not passed over: writes
 * up to "size" indexes, and returns how many.
 */
size_t ds_playlist_coming(ds_playlist_t *pl, bool loop, size_t n,
    uint32_t *indexes, size_t size);

/* a resolver is asked for its media */
bool ds_playlist_resolved(ds_playlist_t *pl, uint32_t index);

/* what looking at it ahead of its turn has shown, in this pass */
void ds_playlist_set_verdict(ds_playlist_t *pl, uint32_t index,
    ds_verdict_e verdict, int code);
bool ds_playlist_is_checked(ds_playlist_t *pl, uint32_t index);

/* Unix ms, when that was the last time, 0: never */
int64_t ds_playlist_checked(ds_playlist_t *pl, uint32_t index);

/* the two are of one host */
bool ds_playlist_same_site(ds_playlist_t *pl, uint32_t a, uint32_t b);

/*
 * Goes on from where a stream was: in that pass, after what had been chosen
 * before.  The next pick is that item, wherever it is listed now, or the one
 * after it when it was over, or when it is gone what stands in its place; while
 * it may still come DS_PICK_WAIT.
 */
void ds_playlist_resume(ds_playlist_t *pl, const ds_progress_t *progress);

/* can it be resumed at once: it is listed, with a URL that is still good */
bool ds_playlist_resumes(ds_playlist_t *pl);

uint32_t ds_playlist_pass(ds_playlist_t *pl);

/* the next pick is "index", or follows it */
void ds_playlist_goto(ds_playlist_t *pl, uint32_t index);

/* the next pick is "index" once more, the order goes on where it is */
void ds_playlist_again(ds_playlist_t *pl, uint32_t index);

/*
 * A list that was read later takes the place of what was known: items that
 * both have keep what became of them, and are told of again where they have
 * moved or changed.  In order, the pass goes on behind the item on air with
 * what has not been chosen yet; shuffled, new ones come into what is left.
 *
 * Indices in "held" are of items in use: one that is gone gets an index behind
 * the list.  Those in "named" become DS_NO_ITEM then.  *fresh is complete, and
 * is freed and NULL afterwards; DS_ENOMEM changes nothing.
 */

typedef struct {
    uint32_t  added;
    uint32_t  removed;
    uint32_t  moved;            /* the fewest that explain the order */
    uint32_t  changed;          /* title, duration, whether it can be played */
} ds_diff_t;

int ds_playlist_merge(ds_playlist_t *pl, ds_playlist_t **fresh,
    uint32_t *const *held, size_t nheld, uint32_t *const *named,
    size_t nnamed, ds_diff_t *diff);

/* false: it is gone, or cannot be played any more as the list says */
bool ds_playlist_is_listed(ds_playlist_t *pl, uint32_t index);

/* what makes it the same one in every list; never 0 */
uint64_t ds_playlist_key(ds_playlist_t *pl, uint32_t index);

/* where that is, DS_NO_ITEM: nowhere */
uint32_t ds_playlist_of_key(ds_playlist_t *pl, uint64_t key);

/* ms, -1 unknown */
int64_t ds_playlist_duration(ds_playlist_t *pl, uint32_t index);

/*
 * Another one at the same place of the same order, which nothing is played
 * of: its items have ids and titles, but no URLs.  NULL: no memory.  None is
 * added, merged, put back or passed over in it.
 */
ds_playlist_t *ds_playlist_copy(const ds_playlist_t *pl);

/* "index", or of an item that is gone the one that follows in its place */
uint32_t ds_playlist_place(ds_playlist_t *pl, uint32_t index);

/* a number for the items and their order: two lists of one are the same */
uint64_t ds_playlist_print(ds_playlist_t *pl);

/* a copy of an entry, its strings malloc()ed; DS_ENOMEM */
int ds_playlist_entry(ds_playlist_t *pl, uint32_t index, ds_entry_t *e);

void ds_playlist_item(ds_playlist_t *pl, uint32_t index, ds_item_t *item);

/* "code" and "reason" may be 0 and NULL */
void ds_playlist_set_state(ds_playlist_t *pl, uint32_t index,
    ds_item_state_e state, int code, const char *reason);

/* an item's turn in this pass */
void ds_playlist_turn(ds_playlist_t *pl, uint32_t index, ds_turn_t *turn);

/* is the turn of an item that one of "crashed" forbids? */
bool ds_turn_crashed(const ds_turn_t *turn, const ds_turn_t *crashed,
    size_t n);

/* what resolving an item told; NULL and -1 change nothing */
void ds_playlist_set_info(ds_playlist_t *pl, uint32_t index, const char *title,
    int64_t duration);

/* see ds_stream_items() and ds_stream_items_again() */
size_t ds_playlist_take(ds_playlist_t *pl, ds_listed_t *items, size_t n);
void ds_playlist_retake(ds_playlist_t *pl, uint32_t from);


#endif /* DS_PLAYLIST_H_INCLUDED_ */
