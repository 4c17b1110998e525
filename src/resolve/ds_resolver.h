
/*
 * ds_resolver.h: whose turn it is to ask a resolver, and whom to leave alone
 * for a while.
 */

#ifndef DS_RESOLVER_H_INCLUDED_
#define DS_RESOLVER_H_INCLUDED_


#include "base/ds_engine.h"
#include "base/ds_item.h"


/*
 * At most some resolvers run at a time, however many streams start at once:
 * each is a process of some 50 MiB; and none for a host that has been asked
 * too often, for a while.  "url" is what is to be resolved.  DS_OK:
 * ds_resolver_leave() is due, with what came of it; else DS_ECANCELED, or
 * there is no memory or descriptor to wait with.  Any thread.
 */
int ds_resolver_enter(ds_t *ds, const char *url, ds_cancel_t *cancel,
    ds_error_t *err);
void ds_resolver_leave(ds_t *ds, const char *url, int rc);

/* true when nobody has asked that its host be left alone; any thread */
bool ds_resolver_free(ds_t *ds, const ds_entry_t *e);


#endif /* DS_RESOLVER_H_INCLUDED_ */
