
/*
 * ds_hold.h: hosts that have asked for peace: until when each is left alone,
 * by all streams of the process.  Any thread; does not block but in
 * ds_hold_wait().
 */

#ifndef DS_HOLD_H_INCLUDED_
#define DS_HOLD_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_hold_s  ds_hold_t;


/* ms: the first hold, doubled with each until "max"; NULL: no memory */
ds_hold_t *ds_hold_create(int64_t min, int64_t max);
void ds_hold_free(ds_hold_t **hold);

/*
 * "host" has refused for being asked too often; "ms" is how long it wants to
 * be left alone, 0 when it did not say.  Returns the ms it is held for from
 * now on, 0 when it was held already: others have asked in the meantime.
 */
int64_t ds_hold_add(ds_hold_t *hold, const char *host, int64_t ms);

/* "host" has answered: its next hold is a short one again */
void ds_hold_clear(ds_hold_t *hold, const char *host);

/* ms until "host" may be asked, 0: now */
int64_t ds_hold_left(ds_hold_t *hold, const char *host);

/* waits until "host" may be asked; true when canceled */
bool ds_hold_wait(ds_hold_t *hold, const char *host, ds_cancel_t *cancel);


#endif /* DS_HOLD_H_INCLUDED_ */
