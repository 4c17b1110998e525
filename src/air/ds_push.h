
/*
 * ds_push.h: a push that the engine itself does, of one stream: a thread with
 * an RTMP session of its own, fed over a bounded queue, so that a far end
 * that is slow or dead is felt by nobody else.
 */

#ifndef DS_PUSH_H_INCLUDED_
#define DS_PUSH_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


typedef struct ds_push_s  ds_push_t;


/*
 * Starts to push "stream" to "url", rtmp[s]://host[:port]/app/key; both are
 * copied.  NULL: no memory, or no thread.
 */
ds_push_t *ds_push_create(ds_t *ds, const char *stream, const char *url);

/* cancels, joins, which takes 300 ms at most, frees, sets *push to NULL */
void ds_push_free(ds_push_t **push);

/*
 * One thread; blocks for no more than a short lock.  Takes a reference to
 * "pkt", as ds_output_write() wants it; "header" (NULL: as before) is copied.
 * What does not fit the queue is dropped, the oldest first, up to a key frame.
 */
void ds_push_put(ds_push_t *push, const AVPacket *pkt,
    const AVCodecParameters *header);

/* any thread */
void ds_push_status(ds_push_t *push, ds_push_status_t *status);


#endif /* DS_PUSH_H_INCLUDED_ */
