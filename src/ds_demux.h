
/*
 * ds_demux.h: one media URL opened by libavformat, its bytes (and those of
 * what it refers to) read through ds_http.  Used by one thread at a time.
 * Blocks; ends soon after "cancel" is set.
 */

#ifndef DS_DEMUX_H_INCLUDED_
#define DS_DEMUX_H_INCLUDED_


#include <libavformat/avformat.h>

#include "ds_resolve.h"


typedef struct {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    char               *url;
    char               *headers;
    size_t              chunk;

    AVFormatContext    *ctx;
    AVIOContext        *pb;             /* the URL itself */

    uint64_t            bytes;          /* read so far */
    int64_t             active;         /* ms, when the caller came */
    int64_t             deadline;       /* ms, of opening; 0: none */
    int64_t             shift;          /* us, mends jumps of time stamps */
    int                 rc;             /* 1: goes on, 0: ended, DS_E… */
    ds_error_t          error;          /* what stopped the bytes */
} ds_demux_t;


/*
 * Opens and probes; "u" is copied, "s" need not be initialized.  0 or a
 * DS_ESOURCE_…, DS_ECANCELED, DS_ENOMEM.  ds_demux_close() is due in any
 * case.
 */
int ds_demux_open(ds_demux_t *s, const ds_conf_t *conf,
    const ds_media_url_t *u, ds_cancel_t *cancel, ds_error_t *err);

/* the next packet in the order of the file: 1; 0 at its end; a DS_E… */
int ds_demux_read(ds_demux_t *s, AVPacket *pkt, ds_error_t *err);

void ds_demux_close(ds_demux_t *s);


#endif /* DS_DEMUX_H_INCLUDED_ */
