
/*
 * ds_etcd_wire.c: bytes as base64, numbers as strings, ranges as their ends.
 */

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/ds_etcd_wire.h"


static int ds_etcd_decode(const cJSON *json, char **p, size_t *len);


bool
ds_etcd_add(cJSON *json, const char *name, int64_t n)
{
    return n == 0 ? json != NULL : ds_etcd_number_add(json, name, n);
}


bool
ds_etcd_number_add(cJSON *json, const char *name, int64_t n)
{
    char  text[24];

    (void) snprintf(text, sizeof(text), "%" PRId64, n);

    return cJSON_AddStringToObject(json, name, text) != NULL;
}


bool
ds_etcd_bytes(cJSON *json, const char *name, const char *p, size_t len)
{
    bool            added;
    unsigned char  *text;

    text = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        return false;
    }

    text[0] = '\0';
    (void) EVP_EncodeBlock(text, (const unsigned char *) p, (int) len);

    added = cJSON_AddStringToObject(json, name, (char *) text) != NULL;
    free(text);

    return added;
}


bool
ds_etcd_append(cJSON *list, cJSON *item)
{
    if (item == NULL || !cJSON_AddItemToArray(list, item)) {
        cJSON_Delete(item);
        return false;
    }

    return true;
}


bool
ds_etcd_key(cJSON *json, const char *key, bool prefix, const char *from)
{
    bool    added;
    char   *end;
    size_t  len;

    /* the key after "from" is it with a NUL behind */

    added = from == NULL ? ds_etcd_bytes(json, "key", key, strlen(key))
                         : ds_etcd_bytes(json, "key", from, strlen(from) + 1);

    if (!added || !prefix) {
        return added;
    }

    end = strdup(key);
    if (end == NULL) {
        return false;
    }

    for (len = strlen(end); len > 0; len--) {
        if ((unsigned char) end[len - 1] != 0xff) {
            end[len - 1]++;
            break;
        }
    }

    /* of all keys, the end is a NUL */

    added = ds_etcd_bytes(json, "range_end", end, len != 0 ? len : 1);
    free(end);

    return added;
}


int64_t
ds_etcd_number(const cJSON *json, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItem(json, name);

    if (cJSON_IsString(item)) {
        return strtoll(item->valuestring, NULL, 10);
    }

    return cJSON_IsNumber(item) ? (int64_t) item->valuedouble : 0;
}


/* NULL is nothing */

static int
ds_etcd_decode(const cJSON *json, char **p, size_t *len)
{
    int     n;
    size_t  size;

    if (json != NULL && !cJSON_IsString(json)) {
        return DS_ECLUSTER_REFUSED;
    }

    size = json != NULL ? strlen(json->valuestring) : 0;

    if (size % 4 != 0) {
        return DS_ECLUSTER_REFUSED;
    }

    *p = malloc(size / 4 * 3 + 1);
    if (*p == NULL) {
        return DS_ENOMEM;
    }

    n = 0;

    if (size != 0) {
        n = EVP_DecodeBlock((unsigned char *) *p,
                            (unsigned char *) json->valuestring, (int) size);
        if (n < 0) {
            free(*p);
            *p = NULL;
            return DS_ECLUSTER_REFUSED;
        }

        n -= json->valuestring[size - 1] == '=';
        n -= json->valuestring[size - 2] == '=';
    }

    (*p)[n] = '\0';
    *len = (size_t) n;

    return DS_OK;
}


int
ds_etcd_kv(const cJSON *json, ds_etcd_kv_t *kv)
{
    int     rc;
    size_t  len;

    memset(kv, 0, sizeof(ds_etcd_kv_t));

    rc = cJSON_IsObject(json)
         ? ds_etcd_decode(cJSON_GetObjectItem(json, "key"), &kv->key, &len)
         : DS_ECLUSTER_REFUSED;

    if (rc == DS_OK) {
        rc = ds_etcd_decode(cJSON_GetObjectItem(json, "value"), &kv->value,
                            &kv->len);
    }

    if (rc != DS_OK) {
        ds_etcd_kv_free(kv);
        return rc;
    }

    kv->created = ds_etcd_number(json, "create_revision");
    kv->modified = ds_etcd_number(json, "mod_revision");
    kv->version = ds_etcd_number(json, "version");
    kv->lease = ds_etcd_number(json, "lease");

    return DS_OK;
}


void
ds_etcd_kv_free(ds_etcd_kv_t *kv)
{
    free(kv->key);
    free(kv->value);
    memset(kv, 0, sizeof(ds_etcd_kv_t));
}
