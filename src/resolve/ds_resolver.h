
/*
 * ds_resolver.h: whose turn it is to ask a resolver, and whom to leave alone
 * for a while.
 */

#ifndef DS_RESOLVER_H_INCLUDED_
#define DS_RESOLVER_H_INCLUDED_


#include "base/ds_engine.h"
#include "base/ds_item.h"


/* what a resolver is asked, with the command of "conf"; blocks */
typedef int (*ds_resolver_pt)(const ds_conf_t *conf, void *data,
    ds_error_t *err);

/*
 * At most some resolvers run at a time, however many streams start at once:
 * each is a process of some 50 MiB; and none for a host that has been asked
 * too often, for a while.  "url" is what is to be resolved; "behind": it can
 * wait for what is to go on air.  What "call" returns, or DS_ECANCELED, or
 * there is no memory or descriptor to wait with.  Any thread.
 *
 * What is the resolver's own fault is asked of the other command, if there is
 * one, unless "*given" (NULL: never) says that a part of the answer was used.
 * The one that knows better is asked first from then on; the first command is
 * tried again after a while.
 */
int ds_resolver_call(ds_t *ds, const char *url, bool behind,
    ds_cancel_t *cancel, ds_resolver_pt call, void *data, const bool *given,
    ds_error_t *err);

/*
 * ds_resolve_list() so, without a place where no child is started; a list that
 * is read from here is read as "settings" say
 */
int ds_resolver_list(ds_t *ds, const ds_conf_t *settings,
    const char *playlist, ds_cancel_t *cancel, ds_entry_pt entry, void *data,
    ds_error_t *err);

/*
 * What the resolver named is refused, on new URLs too: true when there is
 * another command, which is asked from now on.
 */
bool ds_resolver_refused(ds_t *ds, const ds_error_t *err);

/* true when nobody has asked that its host be left alone; any thread */
bool ds_resolver_free(ds_t *ds, const ds_entry_t *e);


#endif /* DS_RESOLVER_H_INCLUDED_ */
