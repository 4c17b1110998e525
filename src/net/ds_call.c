
/*
 * ds_call.c: one request to an API, with a short answer.
 */

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "net/ds_call.h"


#define DS_CALL_CONNECT  10000L         /* ms */
#define DS_CALL_POLL     1000           /* ms, between two looks */


typedef struct {
    char    *text;
    size_t   size;
    size_t   max;
    int      code;
} ds_answer_t;


static int ds_call_setup(CURL *easy, const ds_call_t *call,
    struct curl_slist **headers, ds_answer_t *answer);
static int ds_call_header(struct curl_slist **headers, const char *name,
    const char *value);
static int ds_call_run(CURLM *multi, ds_cancel_t *cancel, CURLcode *code);
static int ds_call_failed(CURLcode code, const char *text, ds_error_t *err);
static size_t ds_call_on_body(char *p, size_t size, size_t n, void *data);


int
ds_call(const ds_call_t *call, ds_cancel_t *cancel, long *status,
    char **answer, ds_error_t *err)
{
    int                 rc;
    char                text[CURL_ERROR_SIZE];
    CURL               *easy;
    CURLM              *multi;
    CURLcode            code;
    ds_answer_t         a;
    struct curl_slist  *headers;

    *answer = NULL;
    *status = 0;
    text[0] = '\0';
    headers = NULL;
    code = CURLE_OK;

    memset(&a, 0, sizeof(ds_answer_t));
    a.max = call->max;

    multi = curl_multi_init();
    easy = curl_easy_init();

    if (multi == NULL || easy == NULL
        || ds_call_setup(easy, call, &headers, &a) != DS_OK
        || curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, text) != CURLE_OK
        || curl_multi_add_handle(multi, easy) != CURLM_OK)
    {
        rc = ds_fail(err, DS_ENOMEM, "no memory");

    } else {
        rc = ds_call_run(multi, cancel, &code);

        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, status);
        (void) curl_multi_remove_handle(multi, easy);

        if (rc != DS_OK) {
            (void) ds_fail(err, rc, "no answer was waited for");

        } else if (a.code != DS_OK) {
            rc = ds_fail(err, a.code, a.code == DS_ENOMEM ? "no memory"
                         : "an answer of more than %zu bytes", a.max);

        } else if (code != CURLE_OK) {
            rc = ds_call_failed(code, text, err);
        }
    }

    curl_easy_cleanup(easy);
    (void) curl_multi_cleanup(multi);
    curl_slist_free_all(headers);

    if (rc == DS_OK && a.text == NULL) {
        a.text = strdup("");

        if (a.text == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "no memory");
        }
    }

    if (rc != DS_OK) {
        free(a.text);
        return rc;
    }

    *answer = a.text;

    return DS_OK;
}


static int
ds_call_setup(CURL *easy, const ds_call_t *call, struct curl_slist **headers,
    ds_answer_t *answer)
{
    int          rc;
    const char  *body;

    rc = curl_easy_setopt(easy, CURLOPT_URL, call->url);
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    rc |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, DS_CALL_CONNECT);
    rc |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) call->timeout);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ds_call_on_body);
    rc |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, answer);

    if (call->bearer != NULL) {
        rc |= ds_call_header(headers, "Authorization: Bearer ", call->bearer);
    }

    if (call->type != NULL) {
        body = call->body != NULL ? call->body : "";

        rc |= ds_call_header(headers, "Content-Type: ", call->type);

        /* borrowed until the end */
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        rc |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE,
                               (long) strlen(body));
    }

    rc |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);

    return rc == CURLE_OK ? DS_OK : DS_ENOMEM;
}


static int
ds_call_header(struct curl_slist **headers, const char *name,
    const char *value)
{
    char               *line;
    struct curl_slist  *list;

    line = ds_sprintf("%s%s", name, value);
    if (line == NULL) {
        return DS_ENOMEM;
    }

    list = curl_slist_append(*headers, line);
    free(line);

    if (list == NULL) {
        return DS_ENOMEM;
    }

    *headers = list;

    return DS_OK;
}


static int
ds_call_run(CURLM *multi, ds_cancel_t *cancel, CURLcode *code)
{
    int                 n;
    CURLMsg            *msg;
    struct curl_waitfd  wait;

    for ( ;; ) {
        if (ds_cancel_is_set(cancel)) {
            return DS_ECANCELED;
        }

        if (curl_multi_perform(multi, &n) != CURLM_OK) {
            return DS_ENOMEM;
        }

        msg = curl_multi_info_read(multi, &n);

        if (msg != NULL && msg->msg == CURLMSG_DONE) {
            *code = msg->data.result;
            return DS_OK;
        }

        wait.fd = cancel->fd;
        wait.events = CURL_WAIT_POLLIN;
        wait.revents = 0;

        (void) curl_multi_poll(multi, &wait, 1, DS_CALL_POLL, NULL);
    }
}


static int
ds_call_failed(CURLcode code, const char *text, ds_error_t *err)
{
    int  rc;

    switch (code) {

    case CURLE_OUT_OF_MEMORY:
        rc = DS_ENOMEM;
        break;

    case CURLE_COULDNT_RESOLVE_HOST:
        rc = DS_ESOURCE_DNS;
        break;

    case CURLE_COULDNT_CONNECT:
        rc = DS_ESOURCE_REFUSED;
        break;

    case CURLE_OPERATION_TIMEDOUT:
        rc = DS_ESOURCE_TIMEOUT;
        break;

    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
        rc = DS_ESOURCE_TLS;
        break;

    default:
        rc = DS_ESOURCE_FAILED;
        break;
    }

    return ds_fail(err, rc, "%s", text[0] != '\0' ? text
                                                  : curl_easy_strerror(code));
}


static size_t
ds_call_on_body(char *p, size_t size, size_t n, void *data)
{
    char         *text;
    ds_answer_t  *a = data;

    n *= size;

    if (n > a->max - a->size) {
        a->code = DS_ESOURCE_INVALID;
        return 0;
    }

    text = realloc(a->text, a->size + n + 1);

    if (text == NULL) {
        a->code = DS_ENOMEM;
        return 0;
    }

    memcpy(text + a->size, p, n);
    a->size += n;
    text[a->size] = '\0';
    a->text = text;

    return n;
}


int
ds_call_add(char **query, const char *name, const char *text)
{
    char  *escaped, *more;

    escaped = curl_easy_escape(NULL, text, 0);
    more = NULL;

    if (escaped != NULL && *query != NULL) {
        more = ds_sprintf("%s%s%s=%s", *query, **query != '\0' ? "&" : "",
                          name, escaped);
    }

    curl_free(escaped);
    free(*query);
    *query = more;

    return more != NULL ? DS_OK : DS_ENOMEM;
}
