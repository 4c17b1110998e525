
/* ds_still.h: begins a picture of what is on air, see ds_still_t in ds.h. */

#ifndef DS_STILL_H_INCLUDED_
#define DS_STILL_H_INCLUDED_


#include "air/ds_sent.h"


/*
 * From the thread that owns the engine: of the last key frame that was put
 * into "sent", which is not needed any more then.  NULL: there was none
 * (DS_ENO_VIDEO), or no memory.
 */
ds_still_t *ds_still_create(ds_t *ds, ds_sent_t *sent, unsigned width,
    ds_error_t *err);


#endif /* DS_STILL_H_INCLUDED_ */
