
/*
 * ds_resolve_error.h: what the resolver's exit and its complaints mean.
 * Pure, any thread.
 */

#ifndef DS_RESOLVE_ERROR_H_INCLUDED_
#define DS_RESOLVE_ERROR_H_INCLUDED_


#include "base/ds_core.h"


/*
 * Of an exit code that is not 0, or minus a signal, and the end of stderr:
 * fills "err" and returns its code, one of DS_ERESOLVER_…, DS_EITEM_…,
 * DS_EPLAYLIST_UNAVAILABLE.  The message has no query string in it.
 */
int ds_resolve_error(int status, const char *text, ds_error_t *err);

/* do they say that a page of a list could not be had? */
bool ds_resolve_error_cut(const char *text);


#endif /* DS_RESOLVE_ERROR_H_INCLUDED_ */
