
/*
 * ds_schedule.h: which slot's turn it is: pure decisions, by times that are
 * given.  No lock, no thread, no clock, and no disk once it is created.
 */

#ifndef DS_SCHEDULE_H_INCLUDED_
#define DS_SCHEDULE_H_INCLUDED_


#include "base/ds_zone.h"


#define DS_NEVER    INT64_MAX

/* ms: who looks so late has slept, or the clock was put forward */
#define DS_MISSED   2000

/* ms: a clock that is put back so far was wrong before */
#define DS_BACK     (2 * 3600 * 1000LL)


/* one airing of a slot; times are Unix ms */

typedef struct {
    int        slot;            /* -1: none */
    int64_t    start;           /* when it is due */
    int64_t    until;           /* no item of it begins then, DS_NEVER: any */
    int64_t    deadline;        /* it interrupts then, DS_NEVER: it does not */
    bool       missed;          /* its time was not seen to come */
} ds_airing_t;


typedef struct {
    ds_schedule_t   conf;
    ds_zone_t      *zone;
    int64_t         mark;               /* up to which it is decided, 0: not */
    int64_t         next[DS_SLOTS];     /* of each slot, after the mark */
    int64_t         soonest;            /* of them */
    ds_airing_t     due;                /* to come on air */
    ds_airing_t     ident;              /* the same of "every" */
    ds_airing_t     on;                 /* on air */
} ds_rundown_t;


/* NULL: "err" says why, a zone that is gone or no memory */
ds_rundown_t *ds_rundown_create(const char *text, ds_error_t *err);
void ds_rundown_free(ds_rundown_t **rd);

/*
 * What has become due up to "now".  The first time, after a sleep, and when the
 * clock was put forward, that is the slot which would be on; put back, nothing
 * is due a second time.
 */
void ds_rundown_step(ds_rundown_t *rd, int64_t now);

/* somebody has looked all the time up to "now", when nothing was due before */
void ds_rundown_watch(ds_rundown_t *rd, int64_t now);

/* "to", of the same schedule, is where "from" is */
void ds_rundown_copy(ds_rundown_t *to, const ds_rundown_t *from);

/* what was due, or the ident, is on air; an ident leaves what is on */
void ds_rundown_began(ds_rundown_t *rd);

/* what is on has no more to play: what it has interrupted, if that lasts */
void ds_rundown_over(ds_rundown_t *rd, int64_t now);

/* what that would be, slot -1: none */
ds_airing_t ds_rundown_beneath(const ds_rundown_t *rd, int64_t now);

/* what is due, or the ident, will not come */
void ds_rundown_drop(ds_rundown_t *rd, bool ident);

/*
 * The next time after "now" at which what is on air is to be cut, and in *slot
 * for which; DS_NEVER: none.
 */
int64_t ds_rundown_cut(const ds_rundown_t *rd, int64_t now, int *slot);

/* the next airing of a slot that is due within "ms", slot -1: none */
ds_airing_t ds_rundown_coming(const ds_rundown_t *rd, int64_t now, int64_t ms);

/* when a slot is due next, after "after"; DS_NEVER */
int64_t ds_rundown_next(const ds_rundown_t *rd, int slot, int64_t after);


#endif /* DS_SCHEDULE_H_INCLUDED_ */
