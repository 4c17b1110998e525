
/*
 * ds_refusal.h: what a 401, 403 or 410 means, told by what is known of the
 * URL.  Pure, any thread.
 */

#ifndef DS_REFUSAL_H_INCLUDED_
#define DS_REFUSAL_H_INCLUDED_


#include "base/ds_core.h"


typedef struct {
    const char   *url;
    int64_t       now;              /* Unix ms, as all times here */
    int64_t       resolved_at;      /* 0: not by a resolver */
    int64_t       available_at;     /* 0: unknown */
    int64_t       expires_at;       /* 0: unknown */
    bool          served;           /* bytes came from this URL before */
    const char   *local;            /* address connected from, "": unknown */
} ds_refusal_t;


/*
 * DS_ESOURCE_EXPIRED, …_TOO_EARLY, …_ADDRESS, …_GATED, or …_FORBIDDEN when
 * there is no known cause.
 */
int ds_refusal(const ds_refusal_t *r);

/* true for the codes above */
bool ds_refusal_is(int code);

/*
 * The IP version of the address that the URL is bound to (ip=), 4 or 6;
 * 0: it names none.
 */
int ds_refusal_family(const char *url);


#endif /* DS_REFUSAL_H_INCLUDED_ */
