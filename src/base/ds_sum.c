
/*
 * ds_sum.c: SHA-256, for nginx's side, which may have been built without
 * OpenSSL.
 */

#include <openssl/evp.h>

#include "ds.h"


int
ds_sum(const void *data, size_t len, uint8_t sum[DS_SUM_LEN])
{
    return EVP_Digest(data, len, sum, NULL, EVP_sha256(), NULL) == 1
           ? DS_OK : DS_ENOMEM;
}
