
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


/* ms, the most by which stamps in the file are later than they were */
#define DS_MUX_SHIFT  500


typedef struct ds_mux_s  ds_mux_t;


/*
 * Where an earlier writer of "keep" has stopped: ms of its last whole key
 * frame, 0: there is nothing to go on with.  Reading begins at the key frame
 * before "left" - DS_MUX_SHIFT.
 */
int64_t ds_mux_left(ds_keep_t *keep);

/*
 * Begins file "0" of "keep", which is borrowed.  H.264 and AAC, both with
 * their headers.  "duration" in ms, -1: unknown.  "from", of ds_mux_left():
 * the key frame there is the first packet to be written, what comes before it
 * is dropped; 0: a new file.  NULL: DS_ECACHE_…, DS_ENOMEM; DS_ECACHE_MISSING,
 * the file has other headers.
 */
ds_mux_t *ds_mux_open(ds_keep_t *keep, const AVCodecParameters *video,
    const AVCodecParameters *audio, int64_t duration, int64_t from,
    ds_error_t *err);

/*
 * Writes one packet of ds_convert_read() or ds_reader_read(), which is left as
 * it is.  After an error nothing but ds_mux_close() may follow: DS_ECACHE_…,
 * DS_ENOMEM.  DS_ECACHE_FULL as soon as it can be told that all of it will not
 * fit; DS_ECACHE_MISSING, the key frame at "from" is another one.
 */
int ds_mux_write(ds_mux_t *m, const AVPacket *pkt, ds_error_t *err);

/* bytes, so far, and what all of it will have, 0: unknown */
uint64_t ds_mux_size(ds_mux_t *m);
uint64_t ds_mux_total(ds_mux_t *m);

/*
 * "whole": ends the file, DS_OK when all of it is written; else it stays as
 * one that another writer can go on with.  Frees in any case.
 */
int ds_mux_close(ds_mux_t **m, bool whole, ds_error_t *err);


#endif /* DS_MUX_H_INCLUDED_ */
