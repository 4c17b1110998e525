
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

/* true when there is one to go on air now, which is s->next from then on */
bool ds_pick_ready(ds_stream_t *s);

/* s->next, which is the caller's then */
ds_source_t *ds_pick_take(ds_stream_t *s);

/* gives it up; "reason" NULL: it will have its turn again */
void ds_pick_drop(ds_stream_t *s, const char *reason);

/* tells a source to end, which is waited for later, and sets *src to NULL */
void ds_pick_end(ds_stream_t *s, ds_source_t **src);

/* what became of an item; "err" may be NULL */
void ds_pick_set_item(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err);

/* an item cannot be played, or no further */
void ds_pick_failed(ds_stream_t *s, uint32_t index, const ds_error_t *err);

/* a new record of what was on air, zeroed; context: s->lock is held */
ds_aired_t *ds_pick_record(ds_stream_t *s);


#endif /* DS_PICK_H_INCLUDED_ */
