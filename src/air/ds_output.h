
/*
 * ds_output.h: one RTMP session that publishes H.264 and AAC.  Used by one
 * thread at a time, which it may block: a connect for at most 15 s, a write of
 * a push for as long as the server takes something every 5 s, less when
 * "cancel" is set.
 */

#ifndef DS_OUTPUT_H_INCLUDED_
#define DS_OUTPUT_H_INCLUDED_


#include "air/ds_sent.h"
#include "base/ds_fence.h"


typedef struct ds_output_s  ds_output_t;


typedef struct {
    const char  *publish;       /* application URL; NULL: none */
    const char  *name;          /* stream's name, appended */
    const char  *token;
    const char  *push;          /* by nginx-rtmp; NULL: none; its host is
                                   looked up */
    ds_term_t    term;          /* until when all of it may send */
} ds_target_t;


/*
 * Connects and publishes.  NULL: DS_EOUTPUT_…, DS_ECANCELED, DS_ENOMEM.  No
 * message holds the token or the push URL's key.
 */
ds_output_t *ds_output_open(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err);

/*
 * DS_EPUSH_DNS: it was published without its push, since the target's name
 * was not found; else 0.
 */
int ds_output_unpushed(const ds_output_t *out, ds_error_t *err);

/* looks for that name: 0, DS_EPUSH_DNS, DS_ECANCELED, DS_ENOMEM */
int ds_output_lookup(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err);

/*
 * The same for a push of our own to "url", rtmp[s]://host[:port]/app/key;
 * "certificate" as ds_sock_connect() takes it.  NULL: DS_EPUSH_…,
 * DS_ECANCELED, DS_ENOMEM; the errors of the other calls are DS_EPUSH_… too
 * then.
 */
ds_output_t *ds_output_push(const char *url, const char *certificate,
    const ds_term_t *term, ds_cancel_t *cancel, ds_error_t *err);

/*
 * Sends all that is to be read from "cursor", and hears the server.  The
 * first one is a key frame, with the headers then in force; what comes before
 * it is passed.  On the wire times are modulo 2^32 ms, of a push from its
 * first packet on.  1: it stopped at a
 * key frame, which is to begin another session, for this one is worn: of a
 * push only.  What is not a push does not wait for a server that is slow.
 */
int ds_output_send(ds_output_t *out, ds_cursor_t *cursor, ds_error_t *err);

/* the server is slow: not all was sent that could be read; not of a push */
bool ds_output_full(const ds_output_t *out);

/*
 * The session has lasted so long that it is time for another, where that is
 * noticed least: at an item change, or a key frame.
 */
bool ds_output_worn(const ds_output_t *out);

/* ends the session, sets *out to NULL */
void ds_output_close(ds_output_t **out);


#endif /* DS_OUTPUT_H_INCLUDED_ */
