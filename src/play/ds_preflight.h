
/*
 * ds_preflight.h: looks at items ahead of their turn.
 */

#ifndef DS_PREFLIGHT_H_INCLUDED_
#define DS_PREFLIGHT_H_INCLUDED_


#include "play/ds_play.h"


/*
 * context: player's thread.  Begins a look when one is due, and takes what it
 * has shown; ends it.
 */
void ds_preflight_step(ds_stream_t *s);
void ds_preflight_end(ds_stream_t *s);


#endif /* DS_PREFLIGHT_H_INCLUDED_ */
