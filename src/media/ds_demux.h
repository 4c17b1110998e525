
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


#define DS_DEMUX_BEGIN  8192
#define DS_DEMUX_LISTS  8


typedef struct {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    const ds_http_hooks_t  *hooks;      /* of who opened it, NULL: none */
    ds_http_hooks_t     own;            /* of the URL itself */
    ds_http_hooks_t     nested;         /* of what it refers to */
    ds_http_pool_t     *pool;           /* of all of them */
    char               *url;
    char               *headers;
    char               *cookies;
    ds_http_req_t       req;            /* for the URL itself */

    const AVInputFormat  *format;       /* NULL: not known yet */
    AVFormatContext    *ctx;
    unsigned            anew;           /* how often it was replaced */
    AVIOContext        *pb;             /* the URL itself */

    /* how bytes of no known size began: those of a file do so again */
    uint8_t             begin[DS_DEMUX_BEGIN];
    size_t              nbegin;

    uint64_t            bytes;          /* read so far */
    int64_t             active;         /* ms, when the caller came */
    int64_t             deadline;       /* ms, of opening; 0: none */
    bool                seekable;       /* bytes, whatever pb->seekable says */
    bool                local;          /* refers to nothing else */
    bool                brief;          /* see ds_media_url_t; no seek yet */
    bool                live;           /* a list that goes on */
    unsigned            rewound;        /* how often, for want of ranges */
    bool                torn;           /* the last packet was not whole */
    int                 rc;             /* 1: goes on, 0: ended, DS_E… */
    ds_error_t          error;          /* what stopped the bytes */
    ds_error_t          refused;        /* what the last one that is not
                                           encrypted was refused with */
    char                missed[DS_MESSAGE_LEN / 2];     /* its URL */
    bool                nokey;          /* it was a key */

    int64_t             sequence[DS_DEMUX_LISTS];   /* of its first segment,
                                           by list */
    uint32_t            lists[DS_DEMUX_LISTS];      /* what each is known by */
    bool                restarted;      /* one has begun anew */
} ds_demux_t;


/*
 * Opens and probes; "u" is copied, "hooks" (may be NULL) borrowed, "s" need
 * not be initialized.  0 or a DS_ESOURCE_…, DS_ECANCELED, DS_ENOMEM.
 * ds_demux_close() is due in any case.
 */
int ds_demux_open(ds_demux_t *s, const ds_conf_t *conf,
    const ds_media_url_t *u, const ds_http_hooks_t *hooks,
    ds_cancel_t *cancel, ds_error_t *err);

/*
 * Both of one URL, the later one opened again: it goes on elsewhere, as a
 * broadcast does.  False: it begins as before, or its size is known.
 */
bool ds_demux_moved(const ds_demux_t *s, const ds_demux_t *again);

/* it is a list of segments, and its duration is their sum */
bool ds_demux_listed(const ds_demux_t *s);

/* the size of the URL itself is known */
bool ds_demux_sized(const ds_demux_t *s);

#define DS_DEMUX_ANEW  2

/*
 * The next packet in the order of the file: 1; 0 at its end; a DS_E…;
 * DS_DEMUX_ANEW: no packet, but "ctx" is another one, with other streams,
 * which go on where those of the old one, gone now, ended.  They are gone as
 * well when "anew" has grown and that failed.
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
