
/*
 * ds_aes.h: AES-128 in CBC with padding, as segments of HLS are encrypted
 * (RFC 8216, 4.3.2.4), while it is read.  Used by one thread.
 */

#ifndef DS_AES_H_INCLUDED_
#define DS_AES_H_INCLUDED_


#include <stdint.h>

#include "base/ds_core.h"


typedef struct ds_aes_s  ds_aes_t;

/* as libav reads: bytes, AVERROR_EOF, or another negative code */
typedef int (*ds_aes_read_pt)(void *data, uint8_t *buf, int n);


/* both of 32 hex digits; NULL: they are not, or no memory */
ds_aes_t *ds_aes_create(const char *key, const char *iv);

/* the next bytes in the clear, of what "read" brings; returns as that does */
int ds_aes_read(ds_aes_t *a, uint8_t *buf, int n, ds_aes_read_pt read,
    void *data);

void ds_aes_free(ds_aes_t **a);


#endif /* DS_AES_H_INCLUDED_ */
