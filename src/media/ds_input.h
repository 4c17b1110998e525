
/*
 * ds_input.h: one item's media as a sequence of packets of one video and one
 * audio track, read from one or two URLs (libavformat over ds_http).  Used
 * by one thread.  Blocks; ends soon after "cancel" is set.
 */

#ifndef DS_INPUT_H_INCLUDED_
#define DS_INPUT_H_INCLUDED_


#include <libavformat/avformat.h>

#include "base/ds_item.h"
#include "net/ds_http.h"


typedef struct ds_input_s  ds_input_t;


/*
 * Opens and probes, and chooses a track of each kind, with "copies" one that
 * can be copied before any other, see ds_choose.h.
 * H.264 has its parameter sets and AAC its AudioSpecificConfig where these
 * come in some seconds; else the codecs are what they are.  "hooks" (borrowed
 * until ds_input_close()), NULL or two, one for each URL: while it opens both
 * may be called at the same time, by two threads, and "renew" is not called.
 * NULL: "err" is a DS_ESOURCE_…, DS_ENO_VIDEO (no track at all), DS_ECANCELED.
 */
ds_input_t *ds_input_open(const ds_conf_t *conf, const ds_media_t *media,
    bool copies, const ds_http_hooks_t *hooks, ds_cancel_t *cancel,
    ds_error_t *err);

/*
 * Before the first read: goes on from the last key frame at or before "ms"
 * from the start.  DS_ESOURCE_FAILED: this source cannot; reading starts
 * where it would have without.
 */
int ds_input_seek(ds_input_t *in, int64_t ms, ds_error_t *err);

/*
 * Before the first read: goes on somewhere at or before "us", not at a key
 * frame: the packets that follow are those that were read there before.
 * False: where reading goes on is not known.
 */
bool ds_input_resume(ds_input_t *in, int64_t us);

/* its clock has jumped: "us" above cannot be told from what was read */
bool ds_input_jumped(ds_input_t *in);

/* nothing says that it has an end: no list, no size, no duration */
bool ds_input_endless(ds_input_t *in);

/* see ds_demux_moved() */
bool ds_input_moved(ds_input_t *in, ds_input_t *again);

/* a list has begun anew: nothing in it is what was before */
bool ds_input_renumbered(ds_input_t *in);

/* a list without an end, yet */
bool ds_input_live(ds_input_t *in);

/* it has an end that is known: of its time, or of its bytes */
bool ds_input_ends(ds_input_t *in);

/*
 * The stream behind a track, borrowed until ds_input_close(), NULL: there is
 * no such track.  Its packets' times are not in its time base, see below.
 */
const AVStream *ds_input_stream(ds_input_t *in, int track);

/*
 * As it begins, borrowed, valid until ds_input_close(); NULL: there is no such
 * track.  What becomes of it later, and a track that begins later, come with
 * packets, see ds_params_of(); its streams may be others then.
 */
const AVCodecParameters *ds_input_codecpar(ds_input_t *in, int track);

int64_t ds_input_duration(ds_input_t *in);  /* ms, -1 unknown */

/* us, the duration as the container itself has it; -1: it says nothing */
int64_t ds_input_told(ds_input_t *in);

/* it is the sum of what a list of segments has, any of which may be missing */
bool ds_input_listed(ds_input_t *in);

/* that was written before the media, and the file itself ends where it does */
bool ds_input_guessed(ds_input_t *in);

/* us, of jumps of both tracks' clocks, which were closed so far */
int64_t ds_input_closed(ds_input_t *in);

/* us, what to add to times for what the item's own clock says */
int64_t ds_input_start(ds_input_t *in);

/*
 * The next packet in DTS order over both tracks: 1 and "pkt" filled (moved
 * to the caller), pkt->stream_index is DS_VIDEO or DS_AUDIO, times are in
 * microseconds from the item's start, dts and pts are both set, DTS of a
 * track increases, duration is set; 0 at the end of the item; a negative
 * DS_E… on an error.
 */
int ds_input_read(ds_input_t *in, AVPacket *pkt, ds_error_t *err);

/*
 * After an error that ends the item: ds_input_read() gives what is left of
 * the source that failed, which it held back so that the item could go on in
 * order; then the error again.
 */
void ds_input_drain(ds_input_t *in);

uint64_t ds_input_bytes(ds_input_t *in);    /* read from the source so far */

void ds_input_close(ds_input_t **in);


#endif /* DS_INPUT_H_INCLUDED_ */
