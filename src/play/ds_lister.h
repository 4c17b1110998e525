
/*
 * ds_lister.h: reads the list of a stream.
 */

#ifndef DS_LISTER_H_INCLUDED_
#define DS_LISTER_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Starts listing; looks after it: true while
 * items may still come, false once the playlist has been given up (s->err).
 */
void ds_lister_start(ds_stream_t *s);
bool ds_lister_check(ds_stream_t *s);

/* context: player's thread; drops all items and lists again after "wait" */
void ds_lister_again(ds_stream_t *s, int64_t wait);


#endif /* DS_LISTER_H_INCLUDED_ */
