
/*
 * ds_player.h: a stream's thread.
 */

#ifndef DS_PLAYER_H_INCLUDED_
#define DS_PLAYER_H_INCLUDED_


#include "play/ds_play.h"


/* "data" is the ds_stream_t */
void ds_player_run(void *data);


#endif /* DS_PLAYER_H_INCLUDED_ */
