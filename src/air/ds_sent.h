
/*
 * ds_sent.h: what a stream has sent, of late: each packet once, for all who
 * read it, each from a place of its own.  One thread puts, any may read; all
 * calls take a short lock.
 *
 * A packet that every reader has passed leaves, but for the last key frame.
 * What a reader leaves waiting is bounded: 20 s and 16 MiB of a stream, and
 * as soon as all streams together have conf.push_buffer, 1 s; then whole
 * groups of pictures are dropped, the oldest first, and a key frame is next.
 */

#ifndef DS_SENT_H_INCLUDED_
#define DS_SENT_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


typedef struct ds_sent_s  ds_sent_t;
typedef struct ds_unit_s  ds_unit_t;


/* the headers of both tracks, as ds_flv_prepare_header() makes them; counted */

typedef struct {
    atomic_uint         refs;
    AVCodecParameters  *par[2];
    double              rate;           /* frames a second, 0: unknown */
} ds_heads_t;

ds_heads_t *ds_heads_ref(ds_heads_t *heads);
void ds_heads_unref(ds_heads_t **heads);        /* may be NULL */


/* a packet; constant for its readers, counted */

struct ds_unit_s {
    atomic_uint         refs;
    AVPacket           *pkt;            /* as ds_flv_prepare() makes it, of
                                           track stream_index; us */
    ds_heads_t         *heads;          /* in force from here on */

    /* ds_sent.c's, under its lock */
    unsigned            unread;         /* readers that have not passed it */
    ds_unit_t          *next;
};

void ds_unit_unref(ds_unit_t **unit);           /* may be NULL */

/* a key frame: whoever begins, begins there */
bool ds_unit_key(const ds_unit_t *unit);


/* a reader's place; its owner's memory */

typedef struct ds_cursor_s  ds_cursor_t;

struct ds_cursor_s {
    ds_sent_t          *sent;           /* NULL: not open */

    /* ds_sent.c's, under its lock */
    ds_unit_t          *unit;           /* NULL: what will be put */
    bool                cut;            /* and only from a key frame on */
    uint64_t            dropped;        /* packets */
    uint64_t            bytes;          /* of those that were sent */
    uint64_t            waiting;        /* bytes of those it has before it */
    ds_cursor_t        *next;
};


/* NULL: no memory */
ds_sent_t *ds_sent_create(ds_t *ds);

/* when nobody puts or reads any more; sets *sent to NULL */
void ds_sent_free(ds_sent_t **sent);

/*
 * The putter's.  From the next packet on these headers are in force; copied.
 * "rate": frames a second, 0: unknown.
 * 0, or what ds_flv_prepare_header() returns: then no packet can be put.
 */
int ds_sent_heads(ds_sent_t *sent, const AVCodecParameters *video,
    double rate, const AVCodecParameters *audio, ds_error_t *err);

/*
 * The putter's.  Takes "pkt", moved even if it fails, of track stream_index,
 * dts and pts in microseconds on one timeline.  A header among its side data
 * is in force from it on.  0, or what ds_flv_prepare() returns.
 */
int ds_sent_put(ds_sent_t *sent, AVPacket *pkt, ds_error_t *err);

/*
 * The putter's: what can be put under the headers in force, times are its to
 * set.  A packet of silence; the last key frame once more.  NULL: there is
 * none, or no memory.
 */
AVPacket *ds_sent_silence(ds_sent_t *sent);
AVPacket *ds_sent_again(ds_sent_t *sent);

/* the last key frame, counted; NULL: there was none */
ds_unit_t *ds_sent_key(ds_sent_t *sent);

/* a reader that begins with what will be put; ends, when it is open */
void ds_cursor_open(ds_cursor_t *c, ds_sent_t *sent);
void ds_cursor_close(ds_cursor_t *c);

/* what is next, counted, and there it stays; NULL: nothing yet */
ds_unit_t *ds_cursor_get(ds_cursor_t *c);

/* past "unit", which came of ds_cursor_get(); drops it, sets it to NULL */
void ds_cursor_pass(ds_cursor_t *c, ds_unit_t **unit, bool sent);

/* writes bytes, dropped and waiting; any thread, while it is open */
void ds_cursor_counts(ds_cursor_t *c, ds_push_status_t *st);


#endif /* DS_SENT_H_INCLUDED_ */
