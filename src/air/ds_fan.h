
/*
 * ds_fan.h: the pushes of one stream: a thread each, all of what the stream
 * has sent, none of them waits for another.  Used by the stream's thread
 * alone, which none of these blocks but the last.
 */

#ifndef DS_FAN_H_INCLUDED_
#define DS_FAN_H_INCLUDED_


#include "air/ds_push.h"


typedef struct {
    ds_outlet_t         outlet;         /* name "": the seat is free */
    ds_push_t          *push;           /* NULL: none as yet, or any more */
    bool                wanted;
    bool                ending;         /* it was told to */
    ds_push_status_t    before;         /* what others have counted here */
} ds_fan_seat_t;

typedef struct {
    ds_t               *ds;
    const char         *stream;
    ds_term_t           term;
    ds_sent_t          *sent;
    char                wanted[DS_OUTLETS_LEN + 1];
    size_t              n;              /* seats that may be taken: there is
                                           nothing in those behind */
    ds_fan_seat_t       seat[DS_OUTLETS];
    int64_t             retry_at;       /* monotonic ms; what is wanted is
                                           looked for then; INT64_MAX: all
                                           are there, or wait for a seat */
} ds_fan_t;


/* "stream" and "sent" are borrowed; all of it sends under "term" */
void ds_fan_init(ds_fan_t *fan, ds_t *ds, const char *stream,
    const ds_term_t *term, ds_sent_t *sent);

/*
 * What is to be pushed: those of "outputs" by the engine that are not stopped.
 * One that is the same goes on, another of the same name takes its place.
 */
void ds_fan_set(ds_fan_t *fan, const char *outputs);

/* ends a session and begins another, also of one that waits to try again */
void ds_fan_restart(ds_fan_t *fan, const char *name);

/* each tick: those that have ended leave, those that are wanted begin */
void ds_fan_step(ds_fan_t *fan);

/* there is something to read */
void ds_fan_wake(ds_fan_t *fan);

bool ds_fan_any(const ds_fan_t *fan);       /* there is one, connected or not */
bool ds_fan_heard(const ds_fan_t *fan);     /* one that is connected */

/* into all of DS_OUTLETS, as the last call left them or zeroed; those that are
   there come first */
void ds_fan_status(const ds_fan_t *fan, ds_push_status_t *st);

/* the latest error that is later than *at, which becomes its time */
bool ds_fan_error(const ds_fan_t *fan, int64_t *at, ds_error_t *err);

/* tells all to end; joins them, which takes 300 ms at most */
void ds_fan_cancel(ds_fan_t *fan);
void ds_fan_free(ds_fan_t *fan);


#endif /* DS_FAN_H_INCLUDED_ */
