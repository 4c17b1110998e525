
/*
 * ds_youtube.h: the thread that looks after the broadcasts of all streams that
 * are pushed to one YouTube account: it lists them once a round for all,
 * asks ds_broadcast.h what is to be done, writes that to the store, and does
 * it.  There is none without credentials.
 */

#ifndef DS_YOUTUBE_H_INCLUDED_
#define DS_YOUTUBE_H_INCLUDED_


#include "base/ds_engine.h"


/* a stream that takes part */
typedef struct ds_channel_s  ds_channel_t;


/*
 * context: owner's thread.  Starts it, if the configuration has credentials;
 * the engine ends it.  0, DS_ENOMEM, or DS_EYOUTUBE_AUTH: they are none.
 */
int ds_youtube_start(ds_t *ds, ds_error_t *err);

/*
 * context: owner's thread, as the next two.  "push" is where the engine pushes
 * the stream to, NULL: it does not.  In the place of *c, if that is not NULL,
 * whose totals are put into "totals"; these are what is gone on with.  *c is
 * NULL when the stream has nothing to do with YouTube; 0, or DS_ENOMEM: all is
 * as it was.  ds_youtube_leave() does not wait, and sets *c to NULL.
 */
int ds_youtube_join(ds_t *ds, const char *stream, const char *push,
    const ds_youtube_conf_t *conf, ds_youtube_totals_t *totals,
    ds_channel_t **c);
void ds_youtube_leave(ds_channel_t **c);

/* "c" may be NULL from here on */
void ds_youtube_wish(ds_channel_t *c, ds_youtube_wish_e wish);

/* any thread: how the push is, and the title of the item on air */
void ds_youtube_tell(ds_channel_t *c, bool pushed, const char *title);

/* any thread */
void ds_youtube_status(ds_channel_t *c, ds_youtube_status_t *status);


#endif /* DS_YOUTUBE_H_INCLUDED_ */
