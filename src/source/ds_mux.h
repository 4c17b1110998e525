
/*
 * ds_mux.h: writes packets that are ready to be sent into a file of the cache,
 * from which ds_input reads them again.  The file is FLV: it says in it what
 * is said on the air, whole milliseconds and headers that change on the way,
 * needs no memory that grows with it, and nothing else to be read but itself.
 * Used by one thread.  Blocks on the disk.
 */

#ifndef DS_MUX_H_INCLUDED_
#define DS_MUX_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "source/ds_cache.h"


typedef struct ds_mux_s  ds_mux_t;


/*
 * Begins file "0" of "keep", which is borrowed.  H.264 and AAC, both with
 * their headers.  NULL: DS_ECACHE_…, DS_ENOMEM.
 */
ds_mux_t *ds_mux_open(ds_keep_t *keep, const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err);

/*
 * Writes one packet of ds_convert_read(), which is left as it is.  After an
 * error nothing but ds_mux_close() may follow: DS_ECACHE_…, DS_ENOMEM.
 */
int ds_mux_write(ds_mux_t *m, const AVPacket *pkt, ds_error_t *err);

/* ends the file: DS_OK when all of it is written; frees in any case */
int ds_mux_close(ds_mux_t **m, ds_error_t *err);


#endif /* DS_MUX_H_INCLUDED_ */
