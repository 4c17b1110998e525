
/*
 * ds_pick.h: the next item of a stream.
 */

#ifndef DS_PICK_H_INCLUDED_
#define DS_PICK_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Looks after the next item: starts it when it is
 * time, and sees whether it has failed.
 */
void ds_pick_prepare(ds_stream_t *s);
void ds_pick_check(ds_stream_t *s);

/* true when it is time to prepare what follows the item on air */
bool ds_pick_wanted(ds_stream_t *s);

/* the list's next is not due for long: it will be prepared again */
void ds_pick_put_back(ds_stream_t *s);

/* ms of what is on air that are left, -1 unknown */
int64_t ds_pick_left(ds_stream_t *s);

/* what is on air or next, of the list or the queue; s->lock is held */
void ds_pick_item(ds_stream_t *s, uint32_t index, ds_item_t *item);

/* true when there is one to go on air now, which is s->next from then on */
bool ds_pick_ready(ds_stream_t *s);

/* s->next, which is the caller's then */
ds_source_t *ds_pick_take(ds_stream_t *s);

/*
 * Gives it up, or the one that is waited for; "reason" NULL: it will have its
 * turn again.
 */
void ds_pick_drop(ds_stream_t *s, const char *reason);

/* tells a source to end, which is waited for later, and sets *src to NULL */
void ds_pick_end(ds_stream_t *s, ds_source_t **src);

/* what became of an item; "err" may be NULL */
void ds_pick_set_item(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err);

/*
 * The one on air has failed, "at" ms into it: it is over, or the rest of it is
 * next, or comes when its site answers; see base/ds_fault.h.
 */
void ds_pick_broken(ds_stream_t *s, const ds_error_t *err, int64_t at);

/*
 * True when there is no use in waiting for the one on air, which is slow: the
 * next one is ready and has not the same trouble, or it is the second time.
 */
bool ds_pick_alternative(ds_stream_t *s);

/* an item that is not next could be opened */
void ds_pick_answered(ds_stream_t *s, uint32_t index);

/*
 * A new record of what was on air, zeroed; context: s->lock is held.  Without
 * memory, or when many wait, instead of the oldest one; NULL: there is none.
 */
ds_aired_t *ds_pick_record(ds_stream_t *s);


#endif /* DS_PICK_H_INCLUDED_ */
