
/*
 * ds_call.h: one request to an API, with a short answer (libcurl).  Nothing is
 * followed, kept or tried again, and what is sent is in no message.  Blocks:
 * until the answer is there, its time is over, or "cancel" is set.
 */

#ifndef DS_CALL_H_INCLUDED_
#define DS_CALL_H_INCLUDED_


#include "base/ds_core.h"


typedef struct {
    const char    *url;
    const char    *bearer;      /* a token, NULL: none */
    const char    *type;        /* of the body; NULL: it is a GET */
    const char    *body;        /* NULL: an empty one */
    int64_t        timeout;     /* ms, for all of it */
    size_t         max;         /* bytes of the answer */
} ds_call_t;


/*
 * 0: *status is that of the answer, *answer its text, malloc()ed and
 * NUL-terminated.  Else DS_ESOURCE_…, DS_ECANCELED or DS_ENOMEM.
 */
int ds_call(const ds_call_t *call, ds_cancel_t *cancel, long *status,
    char **answer, ds_error_t *err);

/* appends "text" as a part of a query; 0 or DS_ENOMEM, then *query is NULL */
int ds_call_add(char **query, const char *name, const char *text);


#endif /* DS_CALL_H_INCLUDED_ */
