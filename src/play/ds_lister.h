
/*
 * ds_lister.h: reads the list of a stream, and reads it again while it plays.
 */

#ifndef DS_LISTER_H_INCLUDED_
#define DS_LISTER_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Starts listing, with what the store knows when
 * the stream goes on; looks after it, each tick: true while items may still
 * come, false once the playlist has been given up (s->err).
 */
void ds_lister_start(ds_stream_t *s);
bool ds_lister_check(ds_stream_t *s);

/* context: player's thread; a pass is over, the list may have changed */
void ds_lister_pass(ds_stream_t *s);

/*
 * context: player's thread; all that is known has been played: true while the
 * rest of a list that was cut is waited for
 */
bool ds_lister_rest(ds_stream_t *s);

/* context: player's thread; nothing can be played: read it at "at" */
void ds_lister_again(ds_stream_t *s, int64_t at);


#endif /* DS_LISTER_H_INCLUDED_ */
