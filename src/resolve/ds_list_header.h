
/*
 * ds_list_header.h: headers and cookies for an item's media, in the forms in
 * which lists and the resolver name them.  Pure, any thread.
 */

#ifndef DS_LIST_HEADER_H_INCLUDED_
#define DS_LIST_HEADER_H_INCLUDED_


#include <cjson/cJSON.h>

#include "base/ds_core.h"


/*
 * The functions below add to *headers, malloc()ed "Name: value\n" lines or
 * NULL; a line takes the place of one of that name.  What cannot be a header
 * is left out: a value with control characters, more than 8 KiB in all.  0,
 * or DS_ENOMEM, which leaves *headers as it was.
 */

int ds_list_header(char **headers, const char *name, size_t name_len,
    const char *value, size_t len);

/* "Name=value&Name=value", escaped as a query is; *found: there was a pair */
int ds_list_header_args(char **headers, const char *p, size_t len,
    bool *found);

/* the attributes name="value" of an #EXTINF, up to its title */
int ds_list_header_attrs(char **headers, const char *p, size_t len);

/* "name=value" as VLC has options, with or without ":" or "--" before it */
int ds_list_header_option(char **headers, const char *p, size_t len);

/* a line of an M3U: #EXTVLCOPT, #KODIPROP, #EXTHTTP; others are ignored */
int ds_list_header_line(char **headers, const char *p, size_t len);

/* an object of strings; NULL and anything else is none */
int ds_list_header_json(char **headers, const cJSON *json);

/*
 * yt-dlp's "name=value; Domain=…; Path=…; …" for "url" as lines of Netscape's
 * form, malloc()ed; NULL when there is none.  0 or DS_ENOMEM.
 */
int ds_list_cookies(char **cookies, const char *text, const char *url);


#endif /* DS_LIST_HEADER_H_INCLUDED_ */
