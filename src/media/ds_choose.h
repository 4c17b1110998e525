
/*
 * ds_choose.h: which of a container's streams are the picture and the sound.
 * Pure.
 */

#ifndef DS_CHOOSE_H_INCLUDED_
#define DS_CHOOSE_H_INCLUDED_


#include <libavformat/avformat.h>

#include "base/ds_item.h"


/*
 * The stream for a track, of those from number "from" on; -1: none.  Sound
 * is of the programme that stream "video" is of, -1: of any.  With "copies"
 * one that can be copied is better than any other, else the one that people
 * are meant to see and hear.
 */
int ds_choose(AVFormatContext *ctx, int track, int video, int from,
    bool copies);

/* it can be a track at all: no cover, and of the right kind */
bool ds_choose_may(const AVStream *st, int track);


#endif /* DS_CHOOSE_H_INCLUDED_ */
