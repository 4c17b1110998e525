
/*
 * ds_ahead.h: fetches what is not due yet.
 */

#ifndef DS_AHEAD_H_INCLUDED_
#define DS_AHEAD_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Begins what is to be fetched; is any of it being
 * fetched; ends that.
 */
void ds_ahead_step(ds_stream_t *s);
bool ds_ahead_fetching(ds_stream_t *s, ds_fetching_t *f);
void ds_ahead_end(ds_stream_t *s);

/* where the indices of such items are, DS_AHEADS at most; how many there are */
size_t ds_ahead_indices(ds_stream_t *s, uint32_t **indices);


#endif /* DS_AHEAD_H_INCLUDED_ */
