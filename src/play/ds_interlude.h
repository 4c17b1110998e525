
/*
 * ds_interlude.h: what is queued, on its way to the air: its source is
 * prepared beside the list's next one, which stays where it is.
 */

#ifndef DS_INTERLUDE_H_INCLUDED_
#define DS_INTERLUDE_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Prepares the head of the queue when it is time,
 * and sees whether it has failed.
 */
void ds_interlude_step(ds_stream_t *s);

/*
 * True when the head is prepared; when it can go on air now, as the store has
 * been told so: to be asked when it is about to.
 */
bool ds_interlude_prepared(ds_stream_t *s);
bool ds_interlude_ready(ds_stream_t *s);

/* true when it can, and does not wait for an item to end */
bool ds_interlude_interrupts(ds_stream_t *s);

/*
 * What is on air is being cut for it: "resume" tells whether that goes on
 * afterwards, unless it is gone.
 */
bool ds_interlude_resumes(ds_stream_t *s);

/*
 * The source that is ready, which is the caller's then; s->cur_index and
 * what belongs to it are set.  An item of the list is one of the list's from
 * then on.
 */
ds_source_t *ds_interlude_take(ds_stream_t *s);

/* the entry on air is over, or waits again to go on from "position" */
void ds_interlude_over(ds_stream_t *s);
void ds_interlude_return(ds_stream_t *s, int64_t position);

/* gives up the head, with a record of it */
void ds_interlude_drop(ds_stream_t *s, ds_item_state_e state,
    const ds_error_t *err);


#endif /* DS_INTERLUDE_H_INCLUDED_ */
