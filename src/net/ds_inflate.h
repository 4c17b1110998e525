
/*
 * ds_inflate.h: gzip and deflate, piece by piece (RFC 1950 to 1952).  Used by
 * one thread, does not block.
 */

#ifndef DS_INFLATE_H_INCLUDED_
#define DS_INFLATE_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_inflate_s  ds_inflate_t;


/* begins as gzip, or with "zlib" as zlib's own form does */
bool ds_inflate_is(const uint8_t *p, size_t n, bool zlib);

/* "raw": of deflate without any head; NULL: no memory */
ds_inflate_t *ds_inflate_create(bool raw);
void ds_inflate_free(ds_inflate_t **z);

/*
 * Takes *n bytes of "in" and room for *size bytes at "out"; they become what
 * was taken and what was written.  0, DS_ESOURCE_INVALID: it is broken.
 */
int ds_inflate(ds_inflate_t *z, const uint8_t *in, size_t *n, void *out,
    size_t *size);

/* there is more to be had without another byte */
bool ds_inflate_more(const ds_inflate_t *z);

/* all of it was read */
bool ds_inflate_ended(const ds_inflate_t *z);


#endif /* DS_INFLATE_H_INCLUDED_ */
