
/* ds_resolve_child.h: how a resolver is started, for those who do. */

#ifndef DS_RESOLVE_CHILD_H_INCLUDED_
#define DS_RESOLVE_CHILD_H_INCLUDED_


#include "base/ds_proc.h"


/*
 * Starts conf->resolve_command with the options that every call has, those
 * that keep it from what it must not do, then "args", NULL-terminated, "--"
 * and the URL.  As ds_proc_start() otherwise.
 */
ds_proc_t *ds_resolve_start(const ds_conf_t *conf, const char *const *args,
    const char *url, int64_t timeout, ds_cancel_t *cancel, ds_error_t *err);


#endif /* DS_RESOLVE_CHILD_H_INCLUDED_ */
