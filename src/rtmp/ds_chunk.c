
/*
 * ds_chunk.c: cuts messages into chunks and joins chunks to messages.  Trusts
 * nothing that comes in: lengths are bounded, before memory is taken.  Knows
 * nothing of sockets and of what messages say.
 */

#include <stdlib.h>
#include <string.h>

#include "rtmp/ds_chunk.h"


#define DS_CHUNK_DEFAULT   128
#define DS_CHUNK_EXTENDED  0xffffff


static uint32_t ds_chunk_id(const uint8_t *p);
static ds_chunk_stream_t *ds_chunk_find(ds_chunk_in_t *in, uint32_t id);
static size_t ds_chunk_head_need(ds_chunk_in_t *in);
static int ds_chunk_head(ds_chunk_in_t *in);
static int ds_chunk_start(ds_chunk_stream_t *cs);
static int ds_chunk_done(ds_chunk_in_t *in, ds_message_t *msg);


/* of a basic header and of a message header, by format */
static const uint8_t  ds_chunk_sizes[] = { 11, 7, 3, 0 };


void
ds_chunk_init(ds_chunk_in_t *in)
{
    memset(in, 0, sizeof(ds_chunk_in_t));
    in->size = DS_CHUNK_DEFAULT;
}


void
ds_chunk_free(ds_chunk_in_t *in)
{
    unsigned  i;

    for (i = 0; i < in->nstreams; i++) {
        free(in->streams[i].body);
    }

    ds_chunk_init(in);
}


uint32_t
ds_chunk_be(const uint8_t *p, size_t n)
{
    uint32_t  value;

    value = 0;

    while (n-- != 0) {
        value = value << 8 | *p++;
    }

    return value;
}


uint8_t *
ds_chunk_put(uint8_t *p, uint32_t value, size_t n)
{
    while (n-- != 0) {
        *p++ = value >> (8 * n);
    }

    return p;
}


int
ds_chunk_read(ds_chunk_in_t *in, const uint8_t **p, const uint8_t *end,
    ds_message_t *msg)
{
    int                 rc;
    size_t              n;
    ds_chunk_stream_t  *cs;

    for ( ;; ) {

        while (in->cur == NULL) {

            if (in->head_len == ds_chunk_head_need(in)) {
                rc = ds_chunk_head(in);
                if (rc != DS_OK) {
                    return rc;
                }

                break;
            }

            if (*p == end) {
                return 0;
            }

            in->head[in->head_len++] = *(*p)++;
        }

        cs = in->cur;
        n = end - *p;

        if (n > in->left) {
            n = in->left;
        }

        if (n != 0) {
            memcpy(cs->body + cs->got, *p, n);
            *p += n;
            cs->got += n;
            in->left -= n;
        }

        if (in->left != 0) {
            return 0;
        }

        in->cur = NULL;

        if (cs->got == cs->len) {
            msg->type = cs->type;
            msg->len = cs->len;
            msg->body = cs->body;
            cs->got = 0;

            rc = ds_chunk_done(in, msg);
            if (rc != DS_OK) {
                return rc;
            }
        }
    }
}


static uint32_t
ds_chunk_id(const uint8_t *p)
{
    switch (p[0] & 0x3f) {

    case 0:
        return 64 + p[1];

    case 1:
        return 64 + p[1] + 256 * p[2];

    default:
        return p[0] & 0x3f;
    }
}


static ds_chunk_stream_t *
ds_chunk_find(ds_chunk_in_t *in, uint32_t id)
{
    unsigned  i;

    for (i = 0; i < in->nstreams; i++) {
        if (in->streams[i].id == id) {
            return &in->streams[i];
        }
    }

    return NULL;
}


/* how long the header is, as far as it can be told by what has come of it */

static size_t
ds_chunk_head_need(ds_chunk_in_t *in)
{
    size_t              basic, size;
    const uint8_t      *p;
    ds_chunk_stream_t  *cs;

    p = in->head;

    if (in->head_len == 0) {
        return 1;
    }

    basic = (p[0] & 0x3f) == 0 ? 2 : (p[0] & 0x3f) == 1 ? 3 : 1;
    size = ds_chunk_sizes[p[0] >> 6];

    if (in->head_len < basic + size) {
        return basic + size;
    }

    if (size != 0) {
        return basic + size
               + (ds_chunk_be(p + basic, 3) == DS_CHUNK_EXTENDED ? 4 : 0);
    }

    cs = ds_chunk_find(in, ds_chunk_id(p));

    return basic + (cs != NULL && cs->extended ? 4 : 0);
}


static int
ds_chunk_head(ds_chunk_in_t *in)
{
    int                 rc;
    size_t              size;
    uint32_t            id;
    const uint8_t      *p;
    ds_chunk_stream_t  *cs;

    p = in->head;
    id = ds_chunk_id(p);
    size = ds_chunk_sizes[p[0] >> 6];
    cs = ds_chunk_find(in, id);

    if (cs == NULL) {

        /* the length would have to come from a message before this one */
        if (size < 7 || in->nstreams == DS_CHUNK_STREAMS) {
            return DS_EOUTPUT_LOST;
        }

        cs = &in->streams[in->nstreams++];
        cs->id = id;
    }

    p += (p[0] & 0x3f) == 0 ? 2 : (p[0] & 0x3f) == 1 ? 3 : 1;

    if (size != 0) {
        /* a new message, even where the last one is not complete */
        cs->got = 0;
        cs->extended = ds_chunk_be(p, 3) == DS_CHUNK_EXTENDED;
    }

    if (size >= 7) {
        cs->len = ds_chunk_be(p + 3, 3);
        cs->type = p[6];

        rc = ds_chunk_start(cs);
        if (rc != DS_OK) {
            return rc;
        }
    }

    in->head_len = 0;
    in->cur = cs;
    in->left = cs->len - cs->got;

    if (in->left > in->size) {
        in->left = in->size;
    }

    return DS_OK;
}


static int
ds_chunk_start(ds_chunk_stream_t *cs)
{
    uint8_t  *body;

    if (cs->len > DS_CHUNK_MESSAGE) {
        cs->len = 0;
        return DS_EOUTPUT_LOST;
    }

    body = realloc(cs->body, cs->len == 0 ? 1 : cs->len);
    if (body == NULL) {
        return DS_ENOMEM;
    }

    cs->body = body;

    return DS_OK;
}


/* a complete message: 1, or DS_OK when it was for this layer */

static int
ds_chunk_done(ds_chunk_in_t *in, ds_message_t *msg)
{
    uint32_t            value;
    ds_chunk_stream_t  *cs;

    if (msg->type != DS_RTMP_CHUNK_SIZE && msg->type != DS_RTMP_ABORT) {
        return 1;
    }

    if (msg->len < 4) {
        return DS_EOUTPUT_LOST;
    }

    value = ds_chunk_be(msg->body, 4);

    if (msg->type == DS_RTMP_ABORT) {
        cs = ds_chunk_find(in, value);

        if (cs != NULL) {
            cs->got = 0;
        }

        return DS_OK;
    }

    if (value == 0 || value > INT32_MAX) {
        return DS_EOUTPUT_LOST;
    }

    in->size = value;

    return DS_OK;
}


size_t
ds_chunk_first(uint8_t *p, const ds_chunk_out_t *out)
{
    bool      extended;
    uint8_t  *start;

    start = p;
    extended = out->timestamp >= DS_CHUNK_EXTENDED;

    *p++ = out->chunk_stream;
    p = ds_chunk_put(p, extended ? DS_CHUNK_EXTENDED : out->timestamp, 3);
    p = ds_chunk_put(p, out->len, 3);
    *p++ = out->type;

    /* little-endian, of all fields this one alone */
    *p++ = out->stream;
    *p++ = out->stream >> 8;
    *p++ = out->stream >> 16;
    *p++ = out->stream >> 24;

    if (extended) {
        p = ds_chunk_put(p, out->timestamp, 4);
    }

    return p - start;
}


size_t
ds_chunk_next(uint8_t *p, const ds_chunk_out_t *out)
{
    *p++ = 3 << 6 | out->chunk_stream;

    if (out->timestamp < DS_CHUNK_EXTENDED) {
        return 1;
    }

    (void) ds_chunk_put(p, out->timestamp, 4);

    return 5;
}
