
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
#include "media/ds_order.h"


typedef struct {
    ds_demux_t         *source;
    AVStream           *stream;         /* NULL: there is no such track */
    AVCodecParameters  *par;            /* as it began; NULL: it has not */
    AVCodecParameters  *now;            /* as of the latest packet */
    AVCodecParameters  *said;           /* the latest that came with one */
    enum AVCodecID      codec;          /* of the stream */
    bool                settled;        /* "par" is what others go by */
    bool                known;          /* "now" has its header */
    bool                begun;          /* the first stream has been chosen */
    bool                unproved;       /* nothing of it has been decoded */
    bool                moved;          /* is another, a key frame is due */
    unsigned            waited;         /* packets for that */
    bool                unsaid;         /* a packet that said it was dropped */
    AVBSFContext       *bsf;            /* ADTS to raw AAC, or NULL */
    uint32_t            adts;           /* what must not change in it */
    ds_order_t         *order;          /* of pictures without PTS, or NULL */
    int64_t             frame;          /* us, when a packet has no duration */
    int64_t             shift;          /* us, mends jumps of the clock */
    int64_t             last;           /* DTS, us */
    int64_t             next;           /* where the next is expected, us */
    int64_t             until;          /* the same, as the source says */
    bool                started;
    ds_fifo_t           queue;
} ds_track_t;


/*
 * Stream "index" of "s" becomes the track's, also in the place of another
 * one.  0 or DS_ENOMEM.
 */
int ds_track_set(ds_track_t *t, ds_demux_t *s, int index, ds_error_t *err);

/*
 * "par" is given out: from now on what changes comes with a packet, of a
 * video with a key frame, see ds_params.h.
 */
void ds_track_settle(ds_track_t *t);

/*
 * Takes "pkt", makes its times microseconds and queues it; "other" is the
 * item's other track, which keeps the same clock.  1 or a DS_E….
 */
int ds_track_put(ds_track_t *t, const ds_track_t *other, AVPacket *pkt,
    ds_error_t *err);

/* the other track's packets have to wait no longer for one of this track */
bool ds_track_full(const ds_track_t *t);

/* it can wait for the other track's first packets, which come late */
bool ds_track_patient(const ds_track_t *t);

void ds_track_free(ds_track_t *t);


#endif /* DS_TRACK_H_INCLUDED_ */
