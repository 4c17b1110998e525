
/*
 * ds_http_head.c: heads of requests and responses, and errors, of a resource
 * read over http.  Decides what an answer means for the reader; moves no
 * byte of a body.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/ds_http_head.h"
#include "net/ds_refusal.h"


#define DS_HTTP_HEAD       (256 * 1024)     /* response heads of a request */


static int ds_http_condition(ds_http_t *h);
static void ds_http_field(ds_http_t *h, const char *line);
static int ds_http_answer(ds_http_t *h);
static int ds_http_partial(ds_http_t *h);
static int ds_http_status(ds_http_t *h);
static int ds_http_refused(ds_http_t *h);
static void ds_http_tag(char *dst, const char *value);
static bool ds_http_same(ds_http_t *h);
static int ds_http_know(ds_http_t *h);
static int ds_http_changed(ds_http_t *h, const char *what);


int
ds_http_headers(ds_http_t *h, const char *headers)
{
    char    *line;
    size_t   i, len;

    static const char *const  ours[] = {
        "Range:", "Accept-Encoding:", "Connection:", "Content-Length:",
        "Transfer-Encoding:", "Expect:", "Host:", "If-Range:"
    };

    curl_slist_free_all(h->headers);
    curl_slist_free_all(h->conditional);

    h->headers = curl_slist_append(NULL, "Accept-Encoding: identity");
    h->conditional = curl_slist_append(NULL, "Accept-Encoding: identity");

    if (h->headers == NULL || h->conditional == NULL) {
        return DS_ENOMEM;
    }

    for ( /* void */ ; headers != NULL && *headers != '\0'; headers += len) {

        len = strcspn(headers, "\r\n");

        if (len == 0) {
            len = 1;
            continue;
        }

        for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
            if (strncasecmp(headers, ours[i], strlen(ours[i])) == 0) {
                break;
            }
        }

        if (i != sizeof(ours) / sizeof(ours[0])
            || memchr(headers, ':', len) == NULL)
        {
            continue;
        }

        line = strndup(headers, len);

        if (line == NULL || curl_slist_append(h->headers, line) == NULL
            || curl_slist_append(h->conditional, line) == NULL)
        {
            free(line);
            return DS_ENOMEM;
        }

        free(line);
    }

    return h->etag[0] == '\0' ? DS_OK : ds_http_condition(h);
}


/* with it a server that has another resource now sends all of that */

static int
ds_http_condition(ds_http_t *h)
{
    char  line[DS_HTTP_TAG + 16];

    (void) snprintf(line, sizeof(line), "If-Range: %s", h->etag);

    return curl_slist_append(h->conditional, line) == NULL ? DS_ENOMEM : DS_OK;
}


size_t
ds_http_on_header(char *p, size_t size, size_t n, void *data)
{
    char        line[256];
    size_t      len;
    ds_http_t  *h = data;

    n *= size;
    h->head_size += n;

    if (h->head_size > DS_HTTP_HEAD) {
        (void) ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "response head is too large, host: \"%s\"", h->host);
        return 0;
    }

    /* after the head: a trailer of a chunked body */

    if (h->answered) {
        return n;
    }

    len = (n < sizeof(line)) ? n : sizeof(line) - 1;
    memcpy(line, p, len);
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';

    if (line[0] != '\0') {
        ds_http_field(h, line);
        return n;
    }

    return (ds_http_answer(h) == DS_OK) ? n : 0;
}


static void
ds_http_field(ds_http_t *h, const char *line)
{
    long long  first, last, total;

    if (strncmp(line, "HTTP/", 5) == 0) {
        h->first = -1;
        h->stop = -1;
        h->total = -1;
        h->length = -1;
        h->retry_after = 0;
        h->new_etag[0] = '\0';
        h->new_modified[0] = '\0';
        h->location = 0;
        h->chunked = 0;
        return;
    }

    if (strncasecmp(line, "ETag:", 5) == 0) {
        ds_http_tag(h->new_etag, line + 5);

        /* a weak one does not promise the same bytes */

        if (h->new_etag[0] != '"') {
            h->new_etag[0] = '\0';
        }

        return;
    }

    if (strncasecmp(line, "Last-Modified:", 14) == 0) {
        ds_http_tag(h->new_modified, line + 14);
        return;
    }

    if (strncasecmp(line, "Retry-After:", 12) == 0) {
        if (sscanf(line + 12, "%9lld", &total) == 1 && total > 0) {
            h->retry_after = total * 1000;
        }
        return;
    }

    if (strncasecmp(line, "Location:", 9) == 0) {
        h->location = 1;
        return;
    }

    if (strncasecmp(line, "Transfer-Encoding:", 18) == 0) {
        h->chunked = 1;
        return;
    }

    if (strncasecmp(line, "Content-Length:", 15) == 0) {
        if (sscanf(line + 15, "%18lld", &total) == 1 && total >= 0) {
            h->length = total;
        }
        return;
    }

    if (strncasecmp(line, "Content-Range:", 14) != 0) {
        return;
    }

    line += 14;

    if (sscanf(line, " bytes %18lld-%18lld/%18lld", &first, &last, &total)
        == 3 && last < total)
    {
        h->total = total;

    } else if (sscanf(line, " bytes */%18lld", &total) == 1 && total >= 0) {
        h->total = total;
        return;

    } else if (sscanf(line, " bytes %18lld-%18lld/*", &first, &last) != 2) {
        return;
    }

    if (first >= 0 && last >= first) {
        h->first = first;
        h->stop = last + 1;
    }
}


/* the end of a response head */

static int
ds_http_answer(ds_http_t *h)
{
    (void) curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &h->status);

    if (h->status < 200) {
        return DS_OK;
    }

    if (h->status < 400 && h->status >= 300 && h->location) {
        h->redirected = 1;
        return DS_OK;
    }

    if (h->status == 206) {
        return ds_http_partial(h);
    }

    if (h->status == 416 && h->total >= 0 && h->asked >= h->total) {

        if (h->size > h->total) {
            h->changed = 1;
            return ds_fail(&h->error, DS_ESOURCE_CUT,
                           "ends at offset %lld of %lld, host: \"%s\"",
                           (long long) h->total, (long long) h->size,
                           h->host);
        }

        h->size = h->total;
        h->stop = h->asked;
        h->answered = 1;

        return DS_OK;
    }

    if (h->status != 200) {
        return ds_http_status(h);
    }

    h->stop = h->chunked ? -1 : h->length;

    if (h->known && (!ds_http_same(h)
                     || (h->size >= 0 && h->stop >= 0 && h->stop != h->size)))
    {
        return ds_http_changed(h, "source changed while it was read");
    }

    if (h->asked > DS_HTTP_SKIP) {
        return ds_http_changed(h, "server ignores ranges");
    }

    h->have = 0;
    h->size = h->stop;
    h->seekable = 0;

    return ds_http_know(h);
}


static int
ds_http_partial(ds_http_t *h)
{
    if (h->first != h->asked) {
        return ds_fail(&h->error, DS_ESOURCE_FAILED,
                       "server sends another range than was asked for, "
                       "host: \"%s\"", h->host);
    }

    if (h->known && (!ds_http_same(h)
                     || (h->size >= 0 && h->total >= 0
                         && h->total != h->size)))
    {
        return ds_http_changed(h, "source changed while it was read");
    }

    if (h->total >= 0) {
        h->size = h->total;
    }

    h->seekable = 1;

    return ds_http_know(h);
}


/* the resource can be told from another one from now on */

static int
ds_http_know(ds_http_t *h)
{
    h->answered = 1;
    h->known = 1;

    if (h->modified[0] == '\0') {
        memcpy(h->modified, h->new_modified, sizeof(h->modified));
    }

    if (h->etag[0] == '\0' && h->new_etag[0] != '\0') {
        memcpy(h->etag, h->new_etag, sizeof(h->etag));

        if (ds_http_condition(h) != DS_OK) {
            return ds_fail(&h->error, DS_ENOMEM, "no memory");
        }
    }

    if (h->hooks != NULL && h->hooks->hold != NULL) {
        ds_hold_clear(h->hooks->hold, h->host);
    }

    return DS_OK;
}


static bool
ds_http_same(ds_http_t *h)
{
    if (h->etag[0] != '\0' && h->new_etag[0] != '\0') {
        return strcmp(h->etag, h->new_etag) == 0;
    }

    if (h->modified[0] != '\0' && h->new_modified[0] != '\0') {
        return strcmp(h->modified, h->new_modified) == 0;
    }

    return true;
}


static int
ds_http_changed(ds_http_t *h, const char *what)
{
    h->changed = 1;

    return ds_fail(&h->error, DS_ESOURCE_CUT, "%s, host: \"%s\"", what,
                   h->host);
}


/* a value that does not fit is none */

static void
ds_http_tag(char *dst, const char *value)
{
    size_t  len;

    value += strspn(value, " \t");
    len = strlen(value);

    while (len > 0 && strchr(" \t", value[len - 1]) != NULL) {
        len--;
    }

    if (len >= DS_HTTP_TAG) {
        len = 0;
    }

    memcpy(dst, value, len);
    dst[len] = '\0';
}


static int
ds_http_status(ds_http_t *h)
{
    int  rc;

    switch (h->status) {

    case 401:
    case 403:
        rc = ds_http_refused(h);
        break;

    case 410:
        rc = (h->served || h->known) ? ds_http_refused(h)
                                     : DS_ESOURCE_NOT_FOUND;
        break;

    case 404:
        rc = DS_ESOURCE_NOT_FOUND;
        break;

    case 429:
        rc = DS_ESOURCE_RATE_LIMITED;
        break;

    default:
        rc = DS_ESOURCE_HTTP;
    }

    return ds_fail(&h->error, rc, "HTTP status %ld, host: \"%s\"", h->status,
                   h->host);
}


static int
ds_http_refused(ds_http_t *h)
{
    char          *local;
    ds_refusal_t   r;

    local = NULL;
    (void) curl_easy_getinfo(h->easy, CURLINFO_LOCAL_IP, &local);

    r.url = h->url;
    r.now = ds_now();
    r.resolved_at = h->resolved_at;
    r.available_at = h->available_at;
    r.expires_at = h->expires_at;
    r.served = h->served;
    r.local = (local == NULL) ? "" : local;

    return ds_refusal(&r);
}


/* turns libcurl's error into ours */

int
ds_http_failed(ds_http_t *h, CURLcode code)
{
    int          rc;
    const char  *text;

    text = (h->text[0] != '\0') ? h->text : curl_easy_strerror(code);

    switch (code) {

    case CURLE_COULDNT_RESOLVE_HOST:
        rc = DS_ESOURCE_DNS;
        break;

    case CURLE_COULDNT_CONNECT:
        if (h->denied > 0 && h->tried == 0) {
            return ds_fail(&h->error, DS_ESOURCE_DENIED,
                           "address of the source is not allowed, "
                           "host: \"%s\"", h->host);
        }

        rc = DS_ESOURCE_REFUSED;
        break;

    case CURLE_OPERATION_TIMEDOUT:
        rc = DS_ESOURCE_TIMEOUT;
        break;

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
        rc = DS_ESOURCE_TLS;
        break;

    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        rc = DS_ESOURCE_CUT;
        break;

    case CURLE_TOO_MANY_REDIRECTS:
        rc = DS_ESOURCE_HTTP;
        break;

    case CURLE_UNSUPPORTED_PROTOCOL:
        /* the same code tells a redirect to file: and an HTTP/0.9 answer */
        rc = h->redirected ? DS_ESOURCE_DENIED : DS_ESOURCE_FAILED;
        break;

    case CURLE_OUT_OF_MEMORY:
        return ds_fail(&h->error, DS_ENOMEM, "no memory");

    default:
        rc = DS_ESOURCE_FAILED;
        text = curl_easy_strerror(code);
    }

    return ds_fail(&h->error, rc, "%s, host: \"%s\"", text, h->host);
}
