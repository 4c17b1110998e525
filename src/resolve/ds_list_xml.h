
/* ds_list_xml.h: lists of XSPF and ASX.  Pure. */

#ifndef DS_LIST_XML_H_INCLUDED_
#define DS_LIST_XML_H_INCLUDED_


#include "base/ds_item.h"


/* as ds_list_parse() */
int ds_list_parse_xml(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err);


#endif /* DS_LIST_XML_H_INCLUDED_ */
