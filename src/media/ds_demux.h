
/*
 * ds_demux.h: one media URL opened by libavformat, its bytes (and those of
 * what it refers to) read through ds_http.  Used by one thread at a time.
 * Blocks; ends soon after "cancel" is set.  What refuses or breaks while it
 * is being opened is an error; later ds_http mends what can be mended.
 */

#ifndef DS_DEMUX_H_INCLUDED_
#define DS_DEMUX_H_INCLUDED_


#include <libavformat/avformat.h>

#include "base/ds_item.h"
#include "net/ds_http.h"


typedef struct {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    const ds_http_hooks_t  *hooks;      /* of who opened it, NULL: none */
    ds_http_hooks_t     own;            /* of the URL itself */
    ds_http_hooks_t     nested;         /* of what it refers to */
    ds_http_pool_t     *pool;           /* of all of them */
    char               *url;
    char               *headers;
    ds_http_req_t       req;            /* for the URL itself */

    const AVInputFormat  *format;       /* NULL: not known yet */
    AVFormatContext    *ctx;
    AVIOContext        *pb;             /* the URL itself */

    uint64_t            bytes;          /* read so far */
    int64_t             active;         /* ms, when the caller came */
    int64_t             deadline;       /* ms, of opening; 0: none */
    bool                seekable;       /* bytes, whatever pb->seekable says */
    bool                local;          /* refers to nothing else */
    bool                brief;          /* see ds_media_url_t; no seek yet */
    bool                live;           /* a list that goes on */
    int                 rc;             /* 1: goes on, 0: ended, DS_E… */
    ds_error_t          error;          /* what stopped the bytes */
} ds_demux_t;


/*
 * Opens and probes; "u" is copied, "hooks" (may be NULL) borrowed, "s" need
 * not be initialized.  0 or a DS_ESOURCE_…, DS_ECANCELED, DS_ENOMEM.
 * ds_demux_close() is due in any case.
 */
int ds_demux_open(ds_demux_t *s, const ds_conf_t *conf,
    const ds_media_url_t *u, const ds_http_hooks_t *hooks,
    ds_cancel_t *cancel, ds_error_t *err);

#define DS_DEMUX_ANEW  2

/*
 * The next packet in the order of the file: 1; 0 at its end; a DS_E…;
 * DS_DEMUX_ANEW: no packet, but "ctx" is another one, with other streams,
 * which go on where those of the old one, gone now, ended.
 */
int ds_demux_read(ds_demux_t *s, AVPacket *pkt, ds_error_t *err);

/*
 * Goes on from a key frame of the stream at or before "us", or with "any"
 * from whatever packet is there.  False: it cannot; where reading goes on is
 * not known then.
 */
bool ds_demux_seek(ds_demux_t *s, int stream, int64_t us, bool any);

void ds_demux_close(ds_demux_t *s);

/* when to renew a URL with these times, Unix ms; 0: never; see ds_http.h */
int64_t ds_demux_renew_at(const ds_media_url_t *u);


#endif /* DS_DEMUX_H_INCLUDED_ */
