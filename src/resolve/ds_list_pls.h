
/* ds_list_pls.h: lists of PLS, as radio stations have them.  Pure. */

#ifndef DS_LIST_PLS_H_INCLUDED_
#define DS_LIST_PLS_H_INCLUDED_


#include "base/ds_item.h"


/* it begins with a section of this format, or of one like it */
bool ds_list_is_pls(const char *text);

/* as ds_list_parse() */
int ds_list_parse_pls(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err);


#endif /* DS_LIST_PLS_H_INCLUDED_ */
