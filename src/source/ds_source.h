
/*
 * ds_source.h: one item on its way to the air, in a thread of its own: it
 * resolves, opens, probes, and reads ahead into a queue.  The functions are
 * for the stream's thread; none blocks but ds_source_free().
 */

#ifndef DS_SOURCE_H_INCLUDED_
#define DS_SOURCE_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "media/ds_queue.h"
#include "resolve/ds_resolve.h"


typedef struct ds_source_s  ds_source_t;


/* the same for all items of a stream, but for "turn"; all is copied but for
   the engine, its settings, the playlist, the counters and the bell */

typedef struct {
    ds_t               *ds;
    const ds_conf_t    *settings;       /* see ds_link.h */
    const char         *stream;         /* name for log records */
    const char         *playlist;
    const ds_profile_t *profile;
    ds_counters_t      *counters;       /* outlives the source */
    ds_mode_e           mode;           /* of the items started from now on */
    ds_bell_t          *bell;           /* rings when one is ready or has
                                           failed; NULL: none */
    bool                check;          /* only open and decide, behind what is
                                           to go on air: it is never ready,
                                           and has ended when it is done */
    ds_turn_t           turn;           /* of the item that is started */
} ds_source_conf_t;


/*
 * Starts the thread.  "e" (taken over) is the item to resolve; or, with "e"
 * NULL, it is the first item of the playlist, resolved beside the list.
 * "start" is where in the item to begin, ms; an item that cannot be sought in
 * begins at 0.
 */
ds_source_t *ds_source_start(const ds_source_conf_t *sc, ds_entry_t *e,
    int64_t start, ds_error_t *err);

/*
 * True when it can go on air: enough is buffered, or all there is.  Then
 * the functions below marked with * may be called, and their results stay
 * valid until ds_source_free().
 */
bool ds_source_ready(ds_source_t *s);

/*
 * Reads ahead as much as "buffer" says; until then a second, so that what has
 * long to wait costs little.
 */
void ds_source_widen(ds_source_t *s);

/*
 * It is to take the place of what is on air: it does not wait until the
 * encoder of that is done.  For each step until it is ready.
 */
void ds_source_urge(ds_source_t *s);

/* true when its source has answered, and is media */
bool ds_source_opened(ds_source_t *s);

/* true when the thread gave up; "err" is why; the queue may hold packets */
bool ds_source_failed(ds_source_t *s, ds_error_t *err);

/* * all has been read, or it failed, and the queue is empty */
bool ds_source_drained(ds_source_t *s);

ds_queue_t *ds_source_queue(ds_source_t *s);                            /* * */
const AVCodecParameters *ds_source_codecpar(ds_source_t *s, int track); /* * */

/* * frames a second, 0: unknown */
double ds_source_rate(ds_source_t *s);

/* * us, of the first video key frame; every video packet is from there on */
void ds_source_origin(ds_source_t *s, int64_t *pts, int64_t *dts);

/* * us, presentation ends of the tracks; false until all has been read */
bool ds_source_ends(ds_source_t *s, int64_t *video, int64_t *audio);

/* * ms into the item where it begins */
int64_t ds_source_offset(ds_source_t *s);

/* * ms, -1 unknown */
int64_t ds_source_duration(ds_source_t *s);

/* * a broadcast, or what else has no end that is known */
bool ds_source_endless(ds_source_t *s);

/* * what resolving told, strings or NULL */
const ds_media_t *ds_source_media(ds_source_t *s);

/* * it is read from the cache */
bool ds_source_from_cache(ds_source_t *s);

/* * where it comes from, of DS_MESSAGE_LEN, without secrets */
void ds_source_origin_url(ds_source_t *s, char *url);

/* it is being kept while it is read */
bool ds_source_keeping(ds_source_t *s);

/* false: nothing is being fetched; the item's index is left alone */
bool ds_source_fetching(ds_source_t *s, ds_fetching_t *f);

/* * DS_E… that is being mended, 0: none */
int ds_source_trouble(ds_source_t *s);

/*
 * * copied or encoded; "reason", of DS_MESSAGE_LEN, says what and why, and
 * changes while it is read
 */
ds_decision_e ds_source_decision(ds_source_t *s, char *reason);

/* which it is; as long as the source */
const ds_turn_t *ds_source_turn(ds_source_t *s);

/* asks the thread to end, does not wait */
void ds_source_cancel(ds_source_t *s);

/* cancels; true when the thread is gone, which ds_source_free() waits for */
bool ds_source_ended(ds_source_t *s);
void ds_source_free(ds_source_t **s);


#endif /* DS_SOURCE_H_INCLUDED_ */
