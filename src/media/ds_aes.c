
/*
 * ds_aes.c: libcrypto's AES as a filter on reading.  The last block is held
 * back until it is known to be the last; a padding that is none is data, as
 * players have it.
 */

#include <stdlib.h>
#include <string.h>

#include <libavutil/error.h>
#include <openssl/evp.h>

#include "media/ds_aes.h"


#define DS_AES_BLOCK   16
#define DS_AES_BUFFER  8192


struct ds_aes_s {
    EVP_CIPHER_CTX  *ctx;
    size_t           got;               /* bytes in "in" */
    size_t           head;
    size_t           tail;
    bool             held;              /* there is a last block */
    bool             ended;
    uint8_t          last[DS_AES_BLOCK];
    uint8_t          in[DS_AES_BUFFER];
    uint8_t          out[DS_AES_BLOCK + DS_AES_BUFFER];
};


static bool ds_aes_hex(uint8_t *dst, const char *hex);
static int ds_aes_decrypt(ds_aes_t *a);
static void ds_aes_end(ds_aes_t *a);


ds_aes_t *
ds_aes_create(const char *key, const char *iv)
{
    uint8_t    bytes[2][DS_AES_BLOCK];
    ds_aes_t  *a;

    if (!ds_aes_hex(bytes[0], key) || !ds_aes_hex(bytes[1], iv)) {
        return NULL;
    }

    a = calloc(1, sizeof(ds_aes_t));
    if (a == NULL) {
        return NULL;
    }

    a->ctx = EVP_CIPHER_CTX_new();

    if (a->ctx == NULL
        || EVP_DecryptInit_ex(a->ctx, EVP_aes_128_cbc(), NULL, bytes[0],
                              bytes[1]) != 1
        || EVP_CIPHER_CTX_set_padding(a->ctx, 0) != 1)
    {
        ds_aes_free(&a);
    }

    return a;
}


static bool
ds_aes_hex(uint8_t *dst, const char *hex)
{
    char    pair[3];
    size_t  i;

    if (hex == NULL || strlen(hex) != 2 * DS_AES_BLOCK
        || strspn(hex, "0123456789abcdefABCDEF") != 2 * DS_AES_BLOCK)
    {
        return false;
    }

    for (i = 0; i < DS_AES_BLOCK; i++) {
        memcpy(pair, hex + 2 * i, 2);
        pair[2] = '\0';
        dst[i] = (uint8_t) strtoul(pair, NULL, 16);
    }

    return true;
}


int
ds_aes_read(ds_aes_t *a, uint8_t *buf, int n, ds_aes_read_pt read, void *data)
{
    int     rc;
    size_t  left;

    while (a->head == a->tail) {

        if (a->ended) {
            return AVERROR_EOF;
        }

        rc = read(data, a->in + a->got, (int) (DS_AES_BUFFER - a->got));

        if (rc > 0) {
            a->got += (size_t) rc;

            if (ds_aes_decrypt(a) != DS_OK) {
                return AVERROR_EXTERNAL;
            }

        } else if (rc == AVERROR_EOF) {
            ds_aes_end(a);

        } else {
            return rc;
        }
    }

    left = a->tail - a->head;
    n = (left < (size_t) n) ? (int) left : n;

    memcpy(buf, a->out + a->head, (size_t) n);
    a->head += (size_t) n;

    return n;
}


/* whole blocks of "in", but for the last one */

static int
ds_aes_decrypt(ds_aes_t *a)
{
    int     n;
    size_t  len;

    len = a->got - a->got % DS_AES_BLOCK;

    if (len == 0) {
        return DS_OK;
    }

    a->head = 0;
    a->tail = 0;

    if (a->held) {
        memcpy(a->out, a->last, DS_AES_BLOCK);
        a->tail = DS_AES_BLOCK;
    }

    if (EVP_DecryptUpdate(a->ctx, a->out + a->tail, &n, a->in, (int) len)
        != 1)
    {
        return DS_EINTERNAL;
    }

    a->tail += (size_t) n - DS_AES_BLOCK;
    memcpy(a->last, a->out + a->tail, DS_AES_BLOCK);
    a->held = true;

    a->got -= len;
    memmove(a->in, a->in + len, a->got);

    return DS_OK;
}


static void
ds_aes_end(ds_aes_t *a)
{
    size_t   i;
    uint8_t  pad;

    a->ended = true;
    a->head = 0;
    a->tail = 0;

    if (!a->held) {
        return;
    }

    a->tail = DS_AES_BLOCK;
    pad = a->last[DS_AES_BLOCK - 1];

    if (pad > DS_AES_BLOCK) {
        pad = 0;
    }

    for (i = DS_AES_BLOCK - pad; i < DS_AES_BLOCK && a->last[i] == pad; i++) {
        /* void */
    }

    a->tail -= (i == DS_AES_BLOCK) ? pad : 0;

    memcpy(a->out, a->last, a->tail);
}


void
ds_aes_free(ds_aes_t **pa)
{
    ds_aes_t  *a;

    a = *pa;
    if (a == NULL) {
        return;
    }

    *pa = NULL;

    EVP_CIPHER_CTX_free(a->ctx);
    free(a);
}
