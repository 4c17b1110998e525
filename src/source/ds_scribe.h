
/*
 * ds_scribe.h: writes what is sent of an item into the cache, in a thread of
 * its own, so that a disk that is slow, or stuck, or full, is never waited for
 * by who sends it: what cannot be written in time is not kept.
 */

#ifndef DS_SCRIBE_H_INCLUDED_
#define DS_SCRIBE_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_engine.h"
#include "source/ds_cache.h"


typedef struct ds_scribe_s  ds_scribe_t;

/*
 * All is copied but for the engine.  "stream" is for log records; H.264 and
 * AAC, as for ds_mux_open().  NULL: it is not kept, which is logged where it
 * is a fault: no memory, no thread, or a disk that others still wait for.
 */
ds_scribe_t *ds_scribe_start(ds_t *ds, const char *stream,
    const ds_kept_t *kept, const AVCodecParameters *video,
    const AVCodecParameters *audio, int64_t duration);

/*
 * Takes a reference of "pkt", which is left as it is; does not wait for the
 * disk.  False: it has given up, nothing but the end may follow.
 */
bool ds_scribe_put(ds_scribe_t *s, const AVPacket *pkt);

/*
 * "whole": none is missing, it is kept once all is written, by itself; else
 * what was written is dropped.  Does not wait; sets *s to NULL.
 */
void ds_scribe_end(ds_scribe_t **s, bool whole);

/*
 * Ends all, for the engine's end: those that "end", monotonic ms, leaves no
 * time for stay, and the engine with them.  True: there are none any more.
 */
bool ds_scribes_end(ds_t *ds, int64_t end);


#endif /* DS_SCRIBE_H_INCLUDED_ */
