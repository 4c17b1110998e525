
/* ds_reader_in.h: private to ds_reader.c and ds_reader_again.c. */

#ifndef DS_READER_IN_H_INCLUDED_
#define DS_READER_IN_H_INCLUDED_


#include "source/ds_link.h"


typedef struct {
    AVCodecParameters  *par;            /* NULL: there is no such track */
    int64_t             last;           /* DTS of the last packet given out */
    int64_t             next;           /* its end */
    int64_t             clock;          /* its DTS as the source says */
    bool                given;          /* there was one */
    bool                seen;           /* one came since it was opened again */
    bool                changed;        /* only a key frame may follow */
    bool                renewed;        /* its header is not the first one */
} ds_reader_track_t;


struct ds_reader_s {
    ds_reader_conf_t   conf;
    ds_link_t          link;
    ds_media_t         media;           /* as it was at first */
    ds_http_hooks_t    hooks[2];
    ds_input_t        *in;
    int64_t            start;           /* ms; 0 when it cannot be sought in */

    uint64_t           bytes;           /* of inputs closed */
    uint64_t           counted;         /* of the input that is open */
    ds_reader_track_t  tracks[2];

    ds_error_t         failed;          /* the item has ended with this */
    int64_t            broken;          /* ms, when packets ended, 0: never */
    unsigned           attempts;        /* since then */
    int64_t            dropping;        /* ms, when it began, 0: it does not */
    int64_t            sought;          /* us, where it was opened again */
    bool               noseek;          /* seeking has missed the place */
    bool               edge;            /* a broadcast's next packet is due */
    bool               overlap;         /* and others came before */
    int64_t            shift;           /* us, of a broadcast opened again */

    _Atomic int64_t    logged;          /* ms */
    atomic_int         trouble;         /* DS_E…, until the next packet */
};


/* after an error: opens the item again; false: the error stays */
bool ds_reader_again(ds_reader_t *r, ds_error_t *err);

/* true for an error that another attempt may mend */
bool ds_reader_transient(int code);

/*
 * Notes what "in" is, the input that is to be read from now on: it has the
 * codecs of the one before, perhaps with other headers, or DS_ESOURCE_INVALID.
 */
int ds_reader_compare(ds_reader_t *r, ds_input_t *in, ds_error_t *err);

/* read from all inputs so far */
uint64_t ds_reader_bytes(ds_reader_t *r);

/* counts a fault that is about to be mended, and says so */
void ds_reader_mending(ds_reader_t *r, const ds_error_t *err,
    const char *where, int64_t wait);


#endif /* DS_READER_IN_H_INCLUDED_ */
