
/*
 * ds_canary.h: is the resolver still any good: one item is resolved and read,
 * now and then, which nobody sees.
 */

#ifndef DS_CANARY_H_INCLUDED_
#define DS_CANARY_H_INCLUDED_


#include "base/ds_engine.h"


/* context: owner's thread.  Starts it, if the configuration names one; the
   engine ends it.  0 or DS_E… */
int ds_canary_start(ds_t *ds);


#endif /* DS_CANARY_H_INCLUDED_ */
