
/*
 * ds_list_entry.h: entries, made of what lists of all dialects say.  Pure,
 * any thread.
 */

#ifndef DS_LIST_ENTRY_H_INCLUDED_
#define DS_LIST_ENTRY_H_INCLUDED_


#include "base/ds_item.h"


/* an entry without anything */
void ds_list_clear(ds_entry_t *e);

/*
 * Sets the URL that "ref" is in a list at "base", what kind of thing it names,
 * the headers behind a "|", and a title if there is none.  One that cannot be
 * is marked.  "ref" is in NUL-terminated text.  0 or DS_ENOMEM.
 */
int ds_list_fill(ds_entry_t *e, const char *base, const char *ref,
    size_t len);

/* it cannot be played; "reason" is a constant */
void ds_list_mark(ds_entry_t *e, int code, const char *reason);

/* in place of the title; of UTF-8, or else of Latin-1; 0 or DS_ENOMEM */
int ds_list_title(char **title, const char *p, size_t len);

/* begins as a URL does, not as a name */
bool ds_list_has_scheme(const char *ref, size_t len);

/* seconds to ms, -1 when they cannot be a duration */
int64_t ds_list_duration(double seconds);

/*
 * malloc()s a copy ("src" NULL: none), cut to "max" bytes and made one line
 * of valid UTF-8, or with "max" 0 as it is.  0 or DS_ENOMEM.
 */
int ds_list_copy(char **dst, const char *src, size_t max);

/* http and https, and file if "file_ok"; of a sane length */
bool ds_list_url_ok(const char *url, bool file_ok);


#endif /* DS_LIST_ENTRY_H_INCLUDED_ */
