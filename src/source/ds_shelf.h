
/*
 * ds_shelf.h: one item and the cache: what is kept of it is found, it is
 * fetched, or what is sent of it is kept.  None of it is needed to play: what
 * fails here plays direct.  Used by one thread, unless said otherwise; blocks
 * on the disk.
 */

#ifndef DS_SHELF_H_INCLUDED_
#define DS_SHELF_H_INCLUDED_


#include "source/ds_fetch.h"
#include "source/ds_mux.h"
#include "source/ds_reader.h"
#include "source/ds_scribe.h"


typedef enum {
    DS_SHELF_SENT = 0,                  /* what went on air, by profile */
    DS_SHELF_WHOLE,                     /* what the source has */
    DS_SHELF_FORMS
} ds_shelf_form_e;


typedef struct {
    ds_link_conf_t        conf;         /* what it has is borrowed */
    ds_cache_t           *cache;        /* NULL: it is not for this item */
    ds_kept_t             kept[DS_SHELF_FORMS];

    bool                  found;        /* one of them is pinned */
    ds_shelf_form_e       form;         /* which */
    ds_media_t            media;        /* its files */

    ds_scribe_t          *scribe;       /* NULL: nothing is written */

    /* any thread may read these */
    ds_fetch_progress_t   progress;
    atomic_bool           fetching;
    atomic_bool           keeping;
} ds_shelf_t;


/*
 * "s" is zeroed; ds_shelf_free() is due.  An item whose first byte is on this
 * machine, or without an entry, has no place in the cache.
 */
void ds_shelf_init(ds_shelf_t *s, const ds_link_conf_t *conf,
    const ds_profile_t *profile);

/*
 * Finds what is kept in either form; s->media says where, for
 * ds_link_conf_t.  DS_OK, DS_ECACHE_MISSING, DS_ECANCELED or why not.
 */
int ds_shelf_find(ds_shelf_t *s, ds_error_t *err);

/* it is kept in one form or another; found is not set */
bool ds_shelf_has(ds_shelf_t *s);

/* what was found cannot be read: it goes, and is not found any more */
void ds_shelf_drop(ds_shelf_t *s);

/*
 * Fetches the item, and finds it; waits if others fetch it.  "modest": only
 * while there is room.  As ds_fetch().
 */
int ds_shelf_fetch(ds_shelf_t *s, bool modest, ds_error_t *err);

/* after this error of ds_shelf_fetch() the item may well play direct */
bool ds_shelf_optional(int code);

/*
 * Keeps what is sent: begin, each packet, and the end, where "whole" says that
 * none is missing.  What fails ends the keeping with a log record.  None waits
 * for the disk: the item is kept some time after its end.
 */
void ds_shelf_begin(ds_shelf_t *s, const AVCodecParameters *video,
    const AVCodecParameters *audio, int64_t duration);
void ds_shelf_write(ds_shelf_t *s, const AVPacket *pkt);
void ds_shelf_end(ds_shelf_t *s, bool whole);

/* any thread; false: nothing is being fetched; "f" without the index */
bool ds_shelf_fetching(ds_shelf_t *s, ds_fetching_t *f);

void ds_shelf_free(ds_shelf_t *s);


#endif /* DS_SHELF_H_INCLUDED_ */
