
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
 * Starts to push what is put into "sent" from now on, of "stream", to the URL
 * of "outlet", under "term"; these are copied, "sent" outlives the push.  NULL:
 * DS_ENOMEM, no memory, or no thread.
 */
ds_push_t *ds_push_create(ds_t *ds, const char *stream,
    const ds_outlet_t *outlet, const ds_term_t *term, ds_sent_t *sent,
    ds_error_t *err);

/* tells it to end, does not wait; it has: freeing it will not block */
void ds_push_cancel(ds_push_t *push);
bool ds_push_done(ds_push_t *push);

/* cancels, joins, which takes 300 ms at most, frees, sets *push to NULL */
void ds_push_free(ds_push_t **push);

/* there is something to read; does not block */
void ds_push_wake(ds_push_t *push);

/* any thread */
bool ds_push_connected(ds_push_t *push);
void ds_push_status(ds_push_t *push, ds_push_status_t *status);


#endif /* DS_PUSH_H_INCLUDED_ */
