
/*
 * ds_resolve.h: from a playlist reference to items, from an item to the
 * URLs of its media.  Blocking; called from a stream's own threads; each
 * call ends soon after "cancel" is set.
 */

#ifndef DS_RESOLVE_H_INCLUDED_
#define DS_RESOLVE_H_INCLUDED_


#include "base/ds_item.h"


/*
 * Lists a playlist, each entry as it becomes known.  0 when the list is
 * complete or the callback had enough; else a DS_E…, entries given stay
 * valid.  A list without any entry is DS_EPLAYLIST_EMPTY (or …_OUTDATED).
 */
int ds_resolve_list(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err);


/* resolves one entry (a plain one without any call); fills "m" */
int ds_resolve_item(const ds_conf_t *conf, const ds_entry_t *e,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err);

/*
 * True when the first item of this playlist can be resolved beside the list:
 * then ds_resolve_first() does so in one resolver call.
 */
bool ds_resolve_has_first(const char *playlist);
int ds_resolve_first(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err);


#endif /* DS_RESOLVE_H_INCLUDED_ */
