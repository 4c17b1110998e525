
/* ds_picture.h: the picture of a stream's name.  Any thread. */

#ifndef DS_PICTURE_H_INCLUDED_
#define DS_PICTURE_H_INCLUDED_


#include <libavutil/frame.h>


/*
 * "name", of the characters of a stream's name, in yuv420p; both edges are
 * even.  The caller's; NULL without memory.
 */
AVFrame *ds_picture_name(const char *name, int width, int height);


#endif /* DS_PICTURE_H_INCLUDED_ */
