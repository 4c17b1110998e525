
/*
 * ds_google.h: a client of YouTube's Data API v3, of one account: what is
 * listed, and the calls that make, bind and move a broadcast.  Used by one
 * thread.  Each call blocks, 15 s at the most, and ends soon after "cancel"
 * is set.  No token and no key is in a message.
 *
 * Calls return 0 or: DS_EYOUTUBE_AUTH, DS_EYOUTUBE_QUOTA, DS_EYOUTUBE_ISSUE
 * (it failed, and may have been done), DS_ECANCELED, DS_ENOMEM.
 */

#ifndef DS_GOOGLE_H_INCLUDED_
#define DS_GOOGLE_H_INCLUDED_


#include "youtube/ds_broadcast.h"


#define DS_GOOGLE_IDS   50              /* that are listed by one call */


typedef struct ds_google_s  ds_google_t;


/* a stream of the account */

typedef struct {
    char        id[DS_YOUTUBE_ID];
    char        key[128];               /* "": not asked for */
    char        status[16];             /* "active" */
    char        health[16];
    char        issue[DS_MESSAGE_LEN];  /* the gravest, "": none */
    uint32_t    issues;
    bool        grave;                  /* "issue" is an error */
} ds_ingest_t;


/*
 * "credentials" is the text of the file, "api" a URL that answers instead of
 * Google's, NULL: Google's.  NULL: err is DS_EYOUTUBE_AUTH or DS_ENOMEM.
 */
ds_google_t *ds_google_create(const char *credentials, const char *api,
    ds_error_t *err);
void ds_google_free(ds_google_t **g);

/* units used since it was asked last */
int64_t ds_google_used(ds_google_t *g);

/* of the last call that failed: what it was about is not there any more */
bool ds_google_gone(ds_google_t *g);

/*
 * What is listed is appended to *list, of *n, which the caller frees, also
 * after an error.  "ids", separated by commas, are at most DS_GOOGLE_IDS;
 * NULL: all of the account, with their keys.
 */
int ds_google_streams(ds_google_t *g, const char *ids, ds_cancel_t *cancel,
    ds_ingest_t **list, size_t *n, ds_error_t *err);

/* "status": "active", "upcoming" */
int ds_google_broadcasts(ds_google_t *g, const char *status,
    ds_cancel_t *cancel, ds_broadcast_t **list, size_t *n, ds_error_t *err);

/*
 * One with the tag of "memo" is made as its "current" one is, as far as that
 * is still known; "title" "": its title as well.  "at": Unix ms, when it is
 * scheduled for.  "id", of DS_YOUTUBE_ID bytes, is what it got.
 */
int ds_google_insert(ds_google_t *g, const ds_memo_t *memo,
    const char *title, int64_t at, ds_cancel_t *cancel, char *id,
    ds_error_t *err);

int ds_google_bind(ds_google_t *g, const char *id, const char *stream,
    ds_cancel_t *cancel, ds_error_t *err);

/* "to": "testing", "live", "complete"; no error when it is there already */
int ds_google_transition(ds_google_t *g, const char *id, const char *to,
    ds_cancel_t *cancel, ds_error_t *err);


#endif /* DS_GOOGLE_H_INCLUDED_ */
