
/* ds_utf.h: texts in UTF-16, as some programs write lists.  Pure. */

#ifndef DS_UTF_H_INCLUDED_
#define DS_UTF_H_INCLUDED_


#include "base/ds_core.h"


/*
 * Makes *text, malloc()ed and of *len bytes, UTF-8 when it is UTF-16 (by its
 * byte order mark, or by its zeros), and else leaves it.  There is room for a
 * NUL behind it.  0 or DS_ENOMEM.
 */
int ds_utf16(char **text, size_t *len);

/* writes a character, of at most four bytes; returns where it ends */
char *ds_utf8_put(char *d, uint32_t c);


#endif /* DS_UTF_H_INCLUDED_ */
