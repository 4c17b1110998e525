
/*
 * ds_air.h: what is on air: one timeline, one clock, and the item they carry
 * now, the slate where there is none, or its source gives nothing; the RTMP
 * session and the push that get it.  Used by the stream's thread alone, which
 * it does not block.
 */

#ifndef DS_AIR_H_INCLUDED_
#define DS_AIR_H_INCLUDED_


#include "air/ds_meter.h"
#include "air/ds_output.h"
#include "air/ds_slate.h"
#include "source/ds_source.h"


/* us: packets are sent in batches: each wakeup costs more than a packet */
#define DS_AIR_TICK  80000


typedef struct ds_air_s  ds_air_t;


typedef enum {
    DS_AIR_IDLE = 0,            /* no item, or nobody to send to as yet */
    DS_AIR_SENT,                /* up to date */
    DS_AIR_SLATE,               /* up to date with the slate */
    DS_AIR_STARVED,             /* the item's source gives nothing */
    DS_AIR_DOWN,                /* nobody to send to: all of it waits */
    DS_AIR_OVER                 /* the item is over; "err" is why, if too many
                                   of its packets could not be written */
} ds_air_e;


/*
 * "target" and its strings are borrowed, as are "sent", into which all goes
 * that is on air, "bell", which rings when it is time for a tick, and
 * "slate", which may be NULL: then there is silence instead.
 */
ds_air_t *ds_air_create(ds_t *ds, const ds_target_t *target, ds_sent_t *sent,
    ds_slate_t *slate, ds_bell_t *bell);
void ds_air_free(ds_air_t **air);

/*
 * Will be freed soon: ends the session that publishes, tells all that connects
 * or pushes to end, waits not.
 */
void ds_air_stop(ds_air_t *air);

/* what is pushed besides: see ds_fan_set() and ds_fan_restart() */
void ds_air_outputs(ds_air_t *air, const char *outputs);
void ds_air_restart(ds_air_t *air, const char *output);

/*
 * Puts a ready source on air after what was; borrowed; NULL: none.  When it
 * gives nothing the slate takes its place, until it goes on at a key frame.
 */
void ds_air_item(ds_air_t *air, ds_source_t *src);

/* ends the item at what has been sent, audio and video together */
void ds_air_cut(ds_air_t *air);

/*
 * What of the item is due from "until" on, monotonic us, is kept back, as it
 * is about to be cut there; 0: nothing is.
 */
void ds_air_until(ds_air_t *air, int64_t until);

/*
 * Sends what is due, and has it connected.  While there is neither a session
 * nor a push that takes it, the item waits; with one of them it goes on, and
 * the other one goes on with it from a key frame on when it is back.
 */
ds_air_e ds_air_tick(ds_air_t *air, ds_error_t *err);

/* takes why there is no session (or push, where that is all), if it is new */
bool ds_air_error(ds_air_t *air, ds_error_t *err);

/*
 * Writes connected, bytes and reconnects, of all pushes where they are all,
 * "heard", and what is to be said of each push.
 */
void ds_air_status(ds_air_t *air, ds_status_t *status);

int64_t ds_air_position(ds_air_t *air);     /* ms into the item */

/* ms of the item that a slate took the place of, to the next key frame */
int64_t ds_air_unsent(ds_air_t *air);

bool ds_air_on_slate(ds_air_t *air);

/* what was counted, in ds_monotonic() time; borrowed */
ds_meter_t *ds_air_meter(ds_air_t *air);


#endif /* DS_AIR_H_INCLUDED_ */
