
/*
 * ds_output.h: one RTMP session that publishes H.264 and AAC.  Used by one
 * thread, which it may block: a connect for at most 10 s, a write for at most
 * 5 s, less when "cancel" is set.
 */

#ifndef DS_OUTPUT_H_INCLUDED_
#define DS_OUTPUT_H_INCLUDED_


#include "air/ds_sent.h"


typedef struct ds_output_s  ds_output_t;


typedef struct {
    const char  *publish;       /* application URL */
    const char  *name;          /* stream's name, appended */
    const char  *token;
    const char  *push;          /* by nginx-rtmp; NULL: none; its host is
                                   looked up */
    const char  *engine_push;   /* by ds_push.c; NULL: none */
} ds_target_t;


/*
 * Connects and publishes.  NULL: DS_EOUTPUT_…, DS_EPUSH_DNS, DS_ECANCELED,
 * DS_ENOMEM.  No message holds the token or the push URL's key.
 */
ds_output_t *ds_output_open(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err);

/*
 * The same for a push of our own to "url", rtmp[s]://host[:port]/app/key;
 * "certificate" as ds_sock_connect() takes it.  NULL: DS_EPUSH_…,
 * DS_ECANCELED, DS_ENOMEM; the errors of the other calls are DS_EPUSH_… too
 * then.
 */
ds_output_t *ds_output_push(const char *url, const char *certificate,
    ds_cancel_t *cancel, ds_error_t *err);

/*
 * Sends all that is to be read from "cursor", and hears the server.  The
 * first one is a key frame, with the headers then in force; what comes before
 * it is passed.  On the wire times are modulo 2^32 ms.  1: it stopped at a
 * key frame, which is to begin another session, for this one is worn: of a
 * push only.
 */
int ds_output_send(ds_output_t *out, ds_cursor_t *cursor, ds_error_t *err);

/*
 * The session has lasted so long that it is time for another, where that is
 * noticed least: at an item change, or a key frame.
 */
bool ds_output_worn(const ds_output_t *out);

/* ends the session, sets *out to NULL */
void ds_output_close(ds_output_t **out);


#endif /* DS_OUTPUT_H_INCLUDED_ */
