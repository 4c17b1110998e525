
/*
 * ds_http_head.h: private to ds_http*.c: a resource being read, what heads
 * and libcurl's errors say about it, and whether it is tried again.
 */

#ifndef DS_HTTP_HEAD_H_INCLUDED_
#define DS_HTTP_HEAD_H_INCLUDED_


#include <curl/curl.h>

#include "net/ds_http.h"


#define DS_HTTP_BUFFER     (64 * 1024)      /* holds one receive of libcurl */
#define DS_HTTP_SKIP       (256 * 1024)     /* read on rather than seek */
#define DS_HTTP_TAG        128              /* a longer ETag is none */


struct ds_http_s {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    char               *url;
    char               *host;               /* for messages, and holds */
    struct curl_slist  *headers;
    struct curl_slist  *conditional;        /* the same and If-Range */
    CURLM              *multi;
    CURL               *easy;
    size_t              chunk;
    int                 fd;                 /* a file's, else -1 */

    int64_t             want;               /* offset of the next read */
    int64_t             have;               /* offset of buf[head] */
    int64_t             asked;              /* where the request begins */
    int64_t             size;               /* -1: unknown */

    /* of the URL, see ds_http_req_t */
    int64_t             resolved_at;
    int64_t             available_at;
    int64_t             expires_at;
    int64_t             renew_at;
    const ds_http_hooks_t  *hooks;

    /* faults in a row */
    int64_t             broken;             /* ms, when bytes ended, 0: never */
    int64_t             resumed;            /* where the last fault was */
    unsigned            resumes;
    unsigned            holds;              /* 429 */

    /* what the resource is known by, "": nothing */
    char                etag[DS_HTTP_TAG];
    char                modified[DS_HTTP_TAG];

    /* the response being received */
    int64_t             first;              /* Content-Range, -1: none */
    int64_t             stop;               /* offset of its end, -1: unknown */
    int64_t             total;              /* -1: unknown */
    int64_t             length;             /* Content-Length, -1: none */
    int64_t             retry_after;        /* ms, 0: none */
    char                new_etag[DS_HTTP_TAG];
    char                new_modified[DS_HTTP_TAG];
    size_t              head_size;
    long                status;
    unsigned            denied;             /* addresses refused by a rule */
    unsigned            tried;              /* addresses connected to */

    size_t              head;
    size_t              tail;

    unsigned            ranges:1;           /* ask for ranges */
    unsigned            seekable:1;
    unsigned            patient:1;
    unsigned            known:1;            /* it was answered once */
    unsigned            served:1;           /* bytes came from this URL */
    unsigned            changed:1;          /* it is another resource now */
    unsigned            running:1;
    unsigned            paused:1;
    unsigned            answered:1;         /* the final head is here */
    unsigned            location:1;
    unsigned            redirected:1;
    unsigned            chunked:1;

    ds_error_t          error;              /* the transfer's, or the last */
    char                text[CURL_ERROR_SIZE];
    unsigned char       buf[DS_HTTP_BUFFER];
};


/* makes h->headers: the request's, without those that are ours to set */
int ds_http_headers(ds_http_t *h, const char *headers);

/* CURLOPT_HEADERFUNCTION: fills the response's fields, or h->error */
size_t ds_http_on_header(char *p, size_t size, size_t n, void *data);

/* sets h->error from libcurl's error, returns its code */
int ds_http_failed(ds_http_t *h, CURLcode code);

/*
 * After h->error: waits, or gets another URL, and clears the error, so that
 * a new request may be made.  False: the error stays.
 */
bool ds_http_again(ds_http_t *h);

/* before a request: renews a URL that is about to expire */
void ds_http_refresh(ds_http_t *h);

/* sets where the resource is read from: URL, headers, host; 0 or a DS_E… */
int ds_http_target(ds_http_t *h, const ds_http_req_t *req, bool *file,
    ds_error_t *err);


#endif /* DS_HTTP_HEAD_H_INCLUDED_ */
