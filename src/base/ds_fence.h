
/*
 * ds_fence.h: the moment after which nothing may be sent.  Where several
 * nodes share their streams, whoever publishes one may do so only as long as
 * his node's lease lasts for certain; each thread that writes to a publishing
 * socket asks here right before it writes.
 *
 * A fence is in memory that several processes of one node may share.  Its
 * times are CLOCK_BOOTTIME, which counts a machine's sleep.  One thread of all
 * of them opens, extends and shuts it; any thread may ask.
 */

#ifndef DS_FENCE_H_INCLUDED_
#define DS_FENCE_H_INCLUDED_


#include "base/ds_core.h"


/* ms; a process that was not seen for so long has been paused */
#define DS_FENCE_PAUSE  1000

/* ms without an answer of etcd: it is away */
#define DS_FENCE_SILENCE  2000


/* what a session is published under: constant */

typedef struct {
    ds_fence_t  *fence;         /* NULL: there is none, all may be sent */
    int64_t      lease;
} ds_term_t;


int64_t ds_boottime(void);      /* ms, CLOCK_BOOTTIME */


/* the term of what begins now; "fence" may be NULL */
ds_term_t ds_fence_term(const ds_fence_t *fence);

/*
 * May something be sent now?  After a pause of the process it waits until the
 * lease was read again, which "cancel" ends: then it may not.
 */
bool ds_fence_pass(const ds_term_t *term, ds_cancel_t *cancel);

/* ms that are left, 0: none; INT64_MAX: for ever */
int64_t ds_fence_left(const ds_term_t *term);


/*
 * The following are of the thread that keeps the lease.  "asked" is when it
 * asked for what it was told.
 */

/* a new lease: what was published under another one may not be sent */
void ds_fence_open(ds_fence_t *fence, int64_t lease, int64_t deadline);

/* of the same lease; a deadline that is nearer than the last is not taken */
void ds_fence_extend(ds_fence_t *fence, int64_t deadline);

/* the lease was read, and it was there */
void ds_fence_confirm(ds_fence_t *fence, int64_t asked);

/*
 * It is there, and looks; true: the process was paused, or its threads are in
 * doubt of it, and wait for ds_fence_confirm().
 */
bool ds_fence_look(ds_fence_t *fence);

int64_t ds_fence_lease(const ds_fence_t *fence);
int64_t ds_fence_deadline(const ds_fence_t *fence);

/* etcd has answered what was asked for then; when it did last */
void ds_fence_answer(ds_fence_t *fence, int64_t asked);
int64_t ds_fence_answered(const ds_fence_t *fence);

/*
 * Another node asks whether etcd is away here as well: true: it is, and for as
 * long as that may extend its lease, "ttl" ms, nothing is claimed here.  Any
 * process.
 */
bool ds_fence_asked(ds_fence_t *fence, int64_t now, int64_t ttl);
bool ds_fence_promised(const ds_fence_t *fence, int64_t now);

/* at once */
void ds_fence_shut(ds_fence_t *fence);


#endif /* DS_FENCE_H_INCLUDED_ */
