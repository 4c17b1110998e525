
/*
 * ds_output.h: one RTMP session that publishes H.264 and AAC (libavformat's
 * FLV muxer, our RTMP).  Used by one thread, which it may block: a connect
 * for at most 10 s, a write for at most 5 s, less when "cancel" is set.
 */

#ifndef DS_OUTPUT_H_INCLUDED_
#define DS_OUTPUT_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "air/ds_still.h"


typedef struct ds_output_s  ds_output_t;


typedef struct {
    const char  *publish;       /* application URL */
    const char  *name;          /* stream's name, appended */
    const char  *token;
    const char  *push;          /* by nginx-rtmp; NULL: none; its host is
                                   looked up */
    const char  *engine_push;   /* by ds_push.c; NULL: none */
    ds_keyframe_t *key;         /* of what is on air; NULL: nobody asks */
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
 * Once, before the first packet: makes the headers of "video" and "audio",
 * which are borrowed; they leave with the first packet.
 */
int ds_output_begin(ds_output_t *out, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err);

/*
 * Writes a packet of track pkt->stream_index, dts and pts in microseconds,
 * the dts of a track increasing, without an end: on the wire they are modulo
 * 2^32 ms.  "pkt" stays the caller's, its times as they were.  "extradata":
 * the codecpar whose header, and picture size, are in force from this packet
 * on, or NULL; the header becomes the packet's side data, unless it has one.
 * What is written leaves at the next ds_output_flush(), at the latest.
 */
int ds_output_write(ds_output_t *out, AVPacket *pkt,
    const AVCodecParameters *extradata, ds_error_t *err);

/*
 * The session has lasted so long that it is time for another, where that is
 * noticed least: at an item change, or a key frame.
 */
bool ds_output_worn(const ds_output_t *out);

int ds_output_flush(ds_output_t *out, ds_error_t *err);

/* ends the session, sets *out to NULL */
void ds_output_close(ds_output_t **out);


#endif /* DS_OUTPUT_H_INCLUDED_ */
