
/*
 * ds_track.h: one track of an item: its stream, its packets in microseconds
 * on one clock, and a short queue of them.  Private to ds_input.c, one
 * thread.
 */

#ifndef DS_TRACK_H_INCLUDED_
#define DS_TRACK_H_INCLUDED_


#include <libavcodec/bsf.h>

#include "media/ds_demux.h"
#include "media/ds_fifo.h"


typedef struct {
    ds_demux_t         *source;
    AVStream           *stream;         /* NULL: there is no such track */
    AVCodecParameters  *par;
    AVBSFContext       *bsf;            /* ADTS to raw AAC, or NULL */
    int64_t             frame;          /* us, when a packet has no duration */
    int64_t             shift;          /* us, mends jumps of the clock */
    int64_t             last;           /* DTS, us */
    int64_t             next;           /* where the next is expected, us */
    int64_t             until;          /* the same, as the source says */
    bool                started;
    unsigned            bad;            /* packets in a row */
    ds_fifo_t           queue;
} ds_track_t;


/* stream "index" of "s" becomes the track's; 0 or DS_ENOMEM */
int ds_track_set(ds_track_t *t, ds_demux_t *s, int index, ds_error_t *err);

/* removes the headers of AAC that has one before each frame: ADTS */
int ds_track_filter(ds_track_t *t, ds_error_t *err);

/*
 * Takes "pkt", makes its times microseconds and queues it; "other" is the
 * item's other track, which keeps the same clock.  1 or a DS_E….
 */
int ds_track_put(ds_track_t *t, const ds_track_t *other, AVPacket *pkt,
    ds_error_t *err);

/* the other track's packets have to wait no longer for one of this track */
bool ds_track_full(const ds_track_t *t);

void ds_track_free(ds_track_t *t);


#endif /* DS_TRACK_H_INCLUDED_ */
