
/*
 * ds_slate.h: what is on air when nothing else is: a loop of packets in
 * memory, in the form of the stream.  Used by the stream's thread alone; it
 * is made by a thread of its own, and no function but ds_slate_free() waits
 * for that.
 */

#ifndef DS_SLATE_H_INCLUDED_
#define DS_SLATE_H_INCLUDED_


#include "air/ds_loop.h"


typedef struct ds_slate_s  ds_slate_t;


/*
 * "name" is what the picture shows, "file" an image or clip to show instead,
 * or NULL; both are copied.  NULL without memory.
 */
ds_slate_t *ds_slate_create(ds_t *ds, const char *name, const char *file);

/* ends what is being made, within the time of a frame; sets *sl to NULL */
void ds_slate_free(ds_slate_t **sl);

/*
 * The form the slate is to have from now on.  Until it is made in that form
 * it has the one before; a form that cannot be encoded changes nothing.
 */
void ds_slate_want(ds_slate_t *sl, const ds_form_t *form);

/*
 * Looks after the making: to be called now and then.  Of all streams one slate
 * is begun at a time, with a pause between them, and at once what is "needed":
 * there may soon be nothing else.
 */
void ds_slate_check(ds_slate_t *sl, bool needed);

/* true when there is a newer slate than the one that ds_slate_begin() took */
bool ds_slate_renewed(ds_slate_t *sl);

/*
 * Begins at its first key frame, at time 0, and with sound from "lead" us
 * before that.  False: none is made yet.
 */
bool ds_slate_begin(ds_slate_t *sl, int64_t lead);

/* of the slate that has begun; valid until the next ds_slate_begin() */
const AVCodecParameters *ds_slate_codecpar(ds_slate_t *sl, int track);
double ds_slate_rate(ds_slate_t *sl);       /* frames a second */

/*
 * The next packet of a track, its times in us; video has no B-frames.  The
 * caller owns it; NULL without memory.
 */
AVPacket *ds_slate_next(ds_slate_t *sl, int track);


#endif /* DS_SLATE_H_INCLUDED_ */
