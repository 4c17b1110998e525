
/*
 * ds_rtmp.h: a connection that publishes over RTMP (specification 1.0).  Used
 * by one thread, which it may block: for 10 s until it is published, for 5 s
 * in a later call, for 300 ms at the end; less when "cancel" is set.  Knows
 * nothing of libav.
 */

#ifndef DS_RTMP_H_INCLUDED_
#define DS_RTMP_H_INCLUDED_


#include "base/ds_fence.h"
#include "rtmp/ds_chunk.h"


typedef struct ds_rtmp_s  ds_rtmp_t;


typedef struct {
    const char  *url;           /* application: rtmp[s]://host[:port]/app */
    const char  *name;          /* the stream's, with its arguments */
    const char  *user;          /* "user:password", as a URL has it, for a
                                   server that asks; NULL: none */
    const char  *certificate;   /* for rtmps, as ds_sock_connect() takes it */
    bool         push;          /* errors are DS_EPUSH_…, not DS_EOUTPUT_… */
    bool         nowait;        /* once it is published; without TLS: see
                                   ds_rtmp_full() */
    ds_term_t    term;          /* until when it may send */
} ds_rtmp_conf_t;


/*
 * Connects and publishes; "conf" and its strings are copied, "cancel" must
 * outlive the result.  NULL: …_REFUSED when there is no connection (of a push
 * also DS_EPUSH_DNS), DS_EPUSH_TLS, …_REJECTED when there was one,
 * DS_ECANCELED, DS_ENOMEM.  No message holds the name.  A push goes where the
 * server says (redirect), but never from rtmps to rtmp; "user" is for the
 * scheme, host and port of "url" alone.
 */
ds_rtmp_t *ds_rtmp_publish(const ds_rtmp_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err);

/* the server has asked for another session, in the place of this one */
bool ds_rtmp_asked(const ds_rtmp_t *r);

/*
 * A message of DS_RTMP_AUDIO, _VIDEO or _DATA, "len" bytes, which
 * ds_rtmp_write() gives in one or more parts.  It is sent by ds_rtmp_flush(),
 * or before when much has come together.  "timestamp" is in ms, modulo 2^32.
 * After an error, …_LOST, …_REJECTED, DS_ECANCELED or DS_ENOMEM, only
 * ds_rtmp_close() may follow.
 */
int ds_rtmp_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp,
    uint32_t len, ds_error_t *err);
int ds_rtmp_write(ds_rtmp_t *r, const uint8_t *data, size_t n,
    ds_error_t *err);

/*
 * The server does not take what was written: more would be kept for it in
 * memory.  Never without "nowait".
 */
bool ds_rtmp_full(const ds_rtmp_t *r);

/*
 * Also hears what the server says, a goodbye above all.  A session that takes
 * nothing for 5 s is lost; with "nowait" neither this nor ds_rtmp_write()
 * blocks until then.
 */
int ds_rtmp_flush(ds_rtmp_t *r, ds_error_t *err);

/* ends the session, sets *r to NULL */
void ds_rtmp_close(ds_rtmp_t **r);


#endif /* DS_RTMP_H_INCLUDED_ */
