
/*
 * ds_push.h: a push that the engine itself does, of one stream: a thread with
 * an RTMP session of its own, which reads what the stream has sent, so that a
 * far end that is slow or dead is felt by nobody else.
 */

#ifndef DS_PUSH_H_INCLUDED_
#define DS_PUSH_H_INCLUDED_


#include "air/ds_sent.h"
#include "base/ds_fence.h"


typedef struct ds_push_s  ds_push_t;


/*
 * Starts to push what is put into "sent" from now on, of "stream", to "url",
 * rtmp[s]://host[:port]/app/key, under "term"; all are copied, but for "sent",
 * which outlives the push.
 * NULL: no memory, or no thread.
 */
ds_push_t *ds_push_create(ds_t *ds, const char *stream, const char *url,
    const ds_term_t *term, ds_sent_t *sent);

/* tells it to end, does not wait */
void ds_push_cancel(ds_push_t *push);

/* cancels, joins, which takes 300 ms at most, frees, sets *push to NULL */
void ds_push_free(ds_push_t **push);

/* there is something to read; does not block */
void ds_push_wake(ds_push_t *push);

/* any thread */
bool ds_push_connected(ds_push_t *push);
void ds_push_status(ds_push_t *push, ds_push_status_t *status);


#endif /* DS_PUSH_H_INCLUDED_ */
