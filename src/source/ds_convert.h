
/*
 * ds_convert.h: makes of an item's packets what may go on air: decides, track
 * by track, whether it is copied or encoded into the stream's profile, and
 * encodes.  Used by one thread, the source's.  Blocks as the reader does.
 */

#ifndef DS_CONVERT_H_INCLUDED_
#define DS_CONVERT_H_INCLUDED_


#include "source/ds_reader.h"


typedef struct ds_convert_s  ds_convert_t;


/* an encode that is slower, by a GOP, takes a faster preset; 1: real time */
#define DS_CONVERT_SPEED  1.15


/*
 * Decides, reading ahead as far as it must, and prepares what is to be
 * encoded; waits for a place when video is.  "conf", "r" and "profile" are
 * borrowed; "speed" is DS_CONVERT_SPEED but in tests.  An item that is
 * encoded makes the calling thread, for good, and those of its codecs
 * yield to others (nice).  NULL: DS_ECODEC_…, DS_ENO_… when only copies are
 * allowed, DS_EENCODE_…, what the reader said, DS_ECANCELED, DS_ENOMEM.
 */
ds_convert_t *ds_convert_create(const ds_link_conf_t *conf,
    const ds_profile_t *profile, ds_reader_t *r, double speed,
    ds_error_t *err);

/*
 * Decides as far as that is known before a packet is read; "reason" of
 * DS_MESSAGE_LEN gets why.  0, DS_ECODEC_…, DS_ENO_…, DS_ENOMEM: then the
 * decision is left alone.
 */
int ds_convert_judge(const ds_profile_t *profile, ds_reader_t *r,
    ds_decision_e *decision, char *reason, ds_error_t *err);

/*
 * What was decided; "reason" of DS_MESSAGE_LEN gets why, and what it is.  It
 * changes when encoding slows down, or key frames turn out to be far apart.
 * Any thread.
 */
ds_decision_e ds_convert_decision(ds_convert_t *c, char *reason);

/*
 * Of what ds_convert_read() gives: H.264 and AAC with their headers.
 * Constant until ds_convert_free(), any thread; packets with another header
 * carry it as AV_PKT_DATA_NEW_EXTRADATA.
 */
const AVCodecParameters *ds_convert_codecpar(ds_convert_t *c, int track);

/* frames a second of it, 0: unknown; the same */
double ds_convert_rate(const ds_convert_t *c);

/*
 * As ds_input_read(): packets of both tracks in DTS order, in microseconds;
 * and DS_EENCODE_FAILED.
 */
int ds_convert_read(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);

/* nothing more will be read: frees the codecs, gives the place back */
void ds_convert_end(ds_convert_t *c);

void ds_convert_free(ds_convert_t **c);


#endif /* DS_CONVERT_H_INCLUDED_ */
