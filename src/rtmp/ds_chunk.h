
/*
 * ds_chunk.h: RTMP's chunk streams (specification 1.0, section 5.3): messages
 * out of a server's bytes, and the headers of ours.  No network; used by one
 * thread at a time.
 */

#ifndef DS_CHUNK_H_INCLUDED_
#define DS_CHUNK_H_INCLUDED_


#include "base/ds_core.h"


#define DS_RTMP_CHUNK_SIZE   1      /* types of messages */
#define DS_RTMP_ABORT        2
#define DS_RTMP_ACK          3
#define DS_RTMP_USER         4
#define DS_RTMP_WINDOW       5
#define DS_RTMP_AUDIO        8
#define DS_RTMP_VIDEO        9
#define DS_RTMP_COMMAND3     17
#define DS_RTMP_DATA         18
#define DS_RTMP_COMMAND      20

#define DS_CHUNK_HEADER      16     /* bytes of the longest header of ours */

/* a server talks over a few chunk streams, in short messages */
#define DS_CHUNK_STREAMS     8
#define DS_CHUNK_MESSAGE     65536


typedef struct {
    uint8_t         type;
    uint32_t        len;
    const uint8_t  *body;           /* until the next ds_chunk_read() */
} ds_message_t;


typedef struct {
    uint32_t        id;
    uint8_t         type;
    uint32_t        len;
    uint32_t        got;            /* of a message that is not complete */
    bool            extended;       /* the last time stamp was */
    uint8_t        *body;           /* "len" bytes */
} ds_chunk_stream_t;


typedef struct {
    uint32_t            size;       /* what the server cuts messages into */
    ds_chunk_stream_t   streams[DS_CHUNK_STREAMS];
    unsigned            nstreams;

    uint8_t             head[18];   /* a header, as far as it came */
    size_t              head_len;

    ds_chunk_stream_t  *cur;        /* NULL: a header is next */
    uint32_t            left;       /* of the chunk */
} ds_chunk_in_t;


/* "n" bytes, the highest first; the second returns what is behind them */
uint32_t ds_chunk_be(const uint8_t *p, size_t n);
uint8_t *ds_chunk_put(uint8_t *p, uint32_t value, size_t n);

void ds_chunk_init(ds_chunk_in_t *in);
void ds_chunk_free(ds_chunk_in_t *in);

/*
 * Takes bytes from *p until a message is complete.  1: it is in "msg", call
 * again; 0: *p is "end", more is needed; DS_ENOMEM or DS_EOUTPUT_LOST: this
 * is no RTMP.  Follows Set Chunk Size and Abort itself.
 */
int ds_chunk_read(ds_chunk_in_t *in, const uint8_t **p, const uint8_t *end,
    ds_message_t *msg);


typedef struct {
    uint8_t         type;
    uint8_t         chunk_stream;   /* 2 to 63 */
    uint32_t        stream;
    uint32_t        timestamp;      /* ms */
    uint32_t        len;            /* less than 2^24 */
} ds_chunk_out_t;

/* writes a message's header, or that of its further chunks; its length */
size_t ds_chunk_first(uint8_t *p, const ds_chunk_out_t *out);
size_t ds_chunk_next(uint8_t *p, const ds_chunk_out_t *out);


#endif /* DS_CHUNK_H_INCLUDED_ */
