
/*
 * ds_fault.h: whose fault an error is, which decides what is done about it.
 * The one place that says so.  Pure, any thread.
 */

#ifndef DS_FAULT_H_INCLUDED_
#define DS_FAULT_H_INCLUDED_


#include "base/ds_core.h"


typedef enum {
    DS_FAULT_NONE = 0,          /* no error, or canceled */
    DS_FAULT_ITEM,              /* its own: passed over at once */
    DS_FAULT_SITE,              /* the site's or the network's: waited for */
    DS_FAULT_RESOLVER,          /* the resolver's: waited for, or the second
                                   one is asked */
    DS_FAULT_SELF               /* ours: disk, memory, a limit: waited for */
} ds_fault_e;


/*
 * "code" is 0 or DS_E…; "resolved": of media that a resolver named, whose
 * URLs are refused because it knows the site no more.
 */
ds_fault_e ds_fault(int code, bool resolved);

/* true when the same may work a moment later */
bool ds_fault_passes(int code);

/* what it makes of an item that was looked at */
ds_verdict_e ds_verdict(int code, bool resolved);

const char *ds_fault_name(ds_fault_e fault);            /* "item", "" */


#endif /* DS_FAULT_H_INCLUDED_ */
