
/*
 * ds_convert.h: makes of an item's packets what may go on air: decides, track
 * by track, whether it is copied or encoded into the stream's profile, and
 * encodes.  Used by one thread, the source's.  Blocks as the reader does.
 */

#ifndef DS_CONVERT_H_INCLUDED_
#define DS_CONVERT_H_INCLUDED_


#include "ds_reader.h"


typedef struct ds_convert_s  ds_convert_t;


/*
 * Decides, and prepares what is to be encoded; "r" and "profile" are
 * borrowed.  NULL: DS_ECODEC_…, DS_ENO_… when only copies are allowed,
 * DS_EENCODE_…, what the reader said, DS_ECANCELED, DS_ENOMEM.
 */
ds_convert_t *ds_convert_create(const ds_reader_conf_t *conf,
    const ds_profile_t *profile, ds_reader_t *r, ds_error_t *err);

/* what was decided; "reason" of DS_MESSAGE_LEN gets why, and what it is */
ds_decision_e ds_convert_decision(ds_convert_t *c, char *reason);

/* of what ds_convert_read() gives: H.264 and AAC with their headers */
const AVCodecParameters *ds_convert_codecpar(ds_convert_t *c, int track);

/* as ds_input_read(): packets of both tracks in DTS order, in microseconds */
int ds_convert_read(ds_convert_t *c, AVPacket *pkt, ds_error_t *err);

void ds_convert_free(ds_convert_t **c);


#endif /* DS_CONVERT_H_INCLUDED_ */
