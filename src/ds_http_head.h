
/*
 * ds_http_head.h: private to ds_http.c and ds_http_head.c: a resource being
 * read, and what heads and libcurl's errors say about it.
 */

#ifndef DS_HTTP_HEAD_H_INCLUDED_
#define DS_HTTP_HEAD_H_INCLUDED_


#include <curl/curl.h>

#include "ds_http.h"


#define DS_HTTP_BUFFER     (64 * 1024)      /* holds one receive of libcurl */
#define DS_HTTP_SKIP       (256 * 1024)     /* read on rather than seek */


struct ds_http_s {
    const ds_conf_t    *conf;
    ds_cancel_t        *cancel;
    char               *host;               /* for messages */
    struct curl_slist  *headers;
    CURLM              *multi;
    CURL               *easy;
    size_t              chunk;
    int                 fd;                 /* a file's, else -1 */

    int64_t             want;               /* offset of the next read */
    int64_t             have;               /* offset of buf[head] */
    int64_t             asked;              /* where the request begins */
    int64_t             size;               /* -1: unknown */
    int64_t             resumed;            /* where the last error was */
    unsigned            resumes;

    /* the response being received */
    int64_t             first;              /* Content-Range, -1: none */
    int64_t             stop;               /* offset of its end, -1: unknown */
    int64_t             total;              /* -1: unknown */
    int64_t             length;             /* Content-Length, -1: none */
    size_t              head_size;
    long                status;
    unsigned            denied;             /* addresses refused by a rule */
    unsigned            tried;              /* addresses connected to */

    size_t              head;
    size_t              tail;

    unsigned            ranges:1;           /* ask for ranges */
    unsigned            seekable:1;
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


#endif /* DS_HTTP_HEAD_H_INCLUDED_ */
