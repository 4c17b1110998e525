
/*
 * ds_gate.h: a bounded number of places, given in the order in which they
 * were asked for.  A key has one place at most.  Any thread.
 */

#ifndef DS_GATE_H_INCLUDED_
#define DS_GATE_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_gate_s  ds_gate_t;


ds_gate_t *ds_gate_create(unsigned places);     /* NULL without memory */
void ds_gate_free(ds_gate_t **g);               /* nobody waits, sets NULL */

/*
 * Waits for a place.  "key" (NULL: none) is borrowed until ds_gate_leave():
 * while it has a place, no other is given for it, however long that takes;
 * else it is waited for "timeout" ms (-1: for ever).  DS_OK:
 * ds_gate_leave() is due; DS_ECANCELED; DS_EENCODE_LIMIT, the time is over;
 * DS_EINTERNAL, out of descriptors; DS_ENOMEM.
 */
int ds_gate_enter(ds_gate_t *g, const char *key, int64_t timeout,
    ds_cancel_t *cancel);

/* "key" is the pointer that ds_gate_enter() was given */
void ds_gate_leave(ds_gate_t *g, const char *key);

/*
 * Who waits with "cancel", and a key that has a place, is let in beside it:
 * it is about to take its place, and they have one together.
 */
void ds_gate_urge(ds_gate_t *g, const ds_cancel_t *cancel);

/*
 * The same without a key, for what can wait: others come first, and half of
 * the places, one at least, is the most it has.
 */
int ds_gate_enter_behind(ds_gate_t *g, ds_cancel_t *cancel);
void ds_gate_leave_behind(ds_gate_t *g);

unsigned ds_gate_places(ds_gate_t *g);


#endif /* DS_GATE_H_INCLUDED_ */
