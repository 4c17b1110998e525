
/*
 * ds_etcd_wire.h: what the files of the client of etcd share: how a request is
 * made, and how what is in an answer is written there.  Nobody else may know
 * of it.
 */

#ifndef DS_ETCD_WIRE_H_INCLUDED_
#define DS_ETCD_WIRE_H_INCLUDED_


#include <cjson/cJSON.h>
#include <curl/curl.h>

#include "store/ds_etcd.h"


#define DS_ETCD_ENDPOINTS  16
#define DS_ETCD_ANSWER     (64 * 1024 * 1024)


typedef struct {
    char    *data;                      /* with a NUL behind */
    size_t   len;
    size_t   size;
    bool     full;                      /* more came than is taken */
} ds_etcd_buffer_t;


struct ds_etcd_s {
    char             *names;            /* of the endpoints, cut up */
    char             *endpoints[DS_ETCD_ENDPOINTS];
    size_t            n;
    size_t            at;
    char             *ca;
    char             *cert;
    char             *key;
    char             *user;
    char             *password;
    char             *token;            /* NULL: none yet */
    int64_t           timeout;
    int64_t           most;
    ds_cancel_t      *cancel;
    CURL             *easy;
    CURLM            *multi;
    ds_etcd_buffer_t  answer;
    bool              once;             /* what is sent must not be twice */
    int64_t           term;             /* the highest that was seen */
    char              cluster[32];      /* id, "": not known */
    char              said[DS_MESSAGE_LEN]; /* by an endpoint, last */
};


int ds_etcd_setup(ds_etcd_t *e, CURL *easy);
struct curl_slist *ds_etcd_headers(ds_etcd_t *e);
void ds_etcd_next(ds_etcd_t *e);

/* gets one, where one is needed and there is none; blocks */
int ds_etcd_token(ds_etcd_t *e, ds_error_t *err);
void ds_etcd_say(ds_etcd_t *e, const char *what);
int ds_etcd_refusal(ds_etcd_t *e, const cJSON *json, ds_error_t *err);

/* false: too much, or no memory */
bool ds_etcd_buffer_add(ds_etcd_buffer_t *b, const char *data, size_t n);


/* false: no memory.  A number that is 0 is left out, but for the second */
bool ds_etcd_add(cJSON *json, const char *name, int64_t n);
bool ds_etcd_number_add(cJSON *json, const char *name, int64_t n);
bool ds_etcd_bytes(cJSON *json, const char *name, const char *p, size_t len);
bool ds_etcd_append(cJSON *list, cJSON *item);

/* "key", and "range_end" of a prefix; "from" NULL: what comes after it */
bool ds_etcd_key(cJSON *json, const char *key, bool prefix,
    const char *from);

/* 0: there is none */
int64_t ds_etcd_number(const cJSON *json, const char *name);

/* DS_OK, DS_ENOMEM; DS_ECLUSTER_REFUSED: it is not one */
int ds_etcd_kv(const cJSON *json, ds_etcd_kv_t *kv);
void ds_etcd_kv_free(ds_etcd_kv_t *kv);


#endif /* DS_ETCD_WIRE_H_INCLUDED_ */
