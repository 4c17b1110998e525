
/*
 * ds_inflate.c: zlib for a reader that pulls: no more is unpacked than there
 * is room for.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "net/ds_inflate.h"


struct ds_inflate_s {
    z_stream    z;
    bool        more;
    bool        ended;              /* what follows is another member */
};


bool
ds_inflate_is(const uint8_t *p, size_t n, bool zlib)
{
    if (n >= 4 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8
        && (p[3] & 0xe0) == 0)
    {
        return true;
    }

    return zlib && n >= 2 && (p[0] & 0x0f) == 8
           && (p[0] * 256 + p[1]) % 31 == 0;
}


ds_inflate_t *
ds_inflate_create(bool raw)
{
    ds_inflate_t  *z;

    z = calloc(1, sizeof(ds_inflate_t));
    if (z == NULL) {
        return NULL;
    }

    /* 32: gzip or zlib, by its head */

    if (inflateInit2(&z->z, raw ? -MAX_WBITS : MAX_WBITS + 32) != Z_OK) {
        free(z);
        return NULL;
    }

    return z;
}


void
ds_inflate_free(ds_inflate_t **pz)
{
    if (*pz != NULL) {
        (void) inflateEnd(&(*pz)->z);
        free(*pz);
        *pz = NULL;
    }
}


int
ds_inflate(ds_inflate_t *z, const uint8_t *in, size_t *n, void *out,
    size_t *size)
{
    int   rc;
    uInt  len, room;

    len = (*n > INT_MAX) ? INT_MAX : (uInt) *n;
    room = (*size > INT_MAX) ? INT_MAX : (uInt) *size;

    if (z->ended && len > 0) {

        /* padding behind the last member is none */

        if (!ds_inflate_is(in, len, false)) {
            *size = 0;
            return DS_OK;
        }

        (void) inflateReset(&z->z);
        z->ended = false;
    }

    z->z.next_in = (Bytef *) in;
    z->z.avail_in = len;
    z->z.next_out = out;
    z->z.avail_out = room;

    rc = inflate(&z->z, Z_NO_FLUSH);

    *n = len - z->z.avail_in;
    *size = room - z->z.avail_out;

    z->ended = (rc == Z_STREAM_END);
    z->more = !z->ended && z->z.avail_out == 0;

    return rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR
           ? DS_OK : DS_ESOURCE_INVALID;
}


bool
ds_inflate_more(const ds_inflate_t *z)
{
    return z->more;
}


bool
ds_inflate_ended(const ds_inflate_t *z)
{
    return z->ended;
}
