
/*
 * ds_etcd_call.c: etcd's v3 API over its JSON gateway.  Bytes are base64,
 * numbers of 64 bits are strings, what is 0, false or empty is left out.
 * Nobody else knows what a gateway says and means by it.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "store/ds_etcd_wire.h"


/* ms of one try, unless it is said */
#define DS_ETCD_TIMEOUT  1000

/* ms to connect: an address that is dead must not take all of it */
#define DS_ETCD_CONNECT  400

/* keys of one page, and bytes of one answer */
#define DS_ETCD_PAGE     64


typedef enum {
    DS_ETCD_READ = 0,
    DS_ETCD_AGAIN,                      /* a write that may be sent twice */
    DS_ETCD_ONCE
} ds_etcd_kind_e;

/* what has come of a try, beside an error */

typedef enum {
    DS_ETCD_DONE = 1,
    DS_ETCD_NEXT,                       /* not done; another endpoint may */
    DS_ETCD_MAYBE,                      /* nobody knows */
    DS_ETCD_LOGIN                       /* the token is no good */
} ds_etcd_try_e;

typedef struct {
    const char  *data;
    size_t       len;
    size_t       sent;
} ds_etcd_body_t;


static int ds_etcd_call(ds_etcd_t *e, const char *path, cJSON *body,
    ds_etcd_kind_e kind, cJSON **answer, ds_error_t *err);
static int ds_etcd_tries(ds_etcd_t *e, const char *path, const char *text,
    ds_etcd_kind_e kind, cJSON **answer, ds_error_t *err);
static int ds_etcd_try(ds_etcd_t *e, const char *path, const char *text,
    int64_t ms, cJSON **answer, ds_error_t *err);
static int ds_etcd_perform(ds_etcd_t *e, int64_t ms, ds_error_t *err);
static int ds_etcd_answered(ds_etcd_t *e, cJSON **answer, ds_error_t *err);
static bool ds_etcd_known(ds_etcd_t *e, const cJSON *answer);
static int ds_etcd_login(ds_etcd_t *e, int64_t ms, ds_error_t *err);
static size_t ds_etcd_read(char *buf, size_t size, size_t n, void *data);
static size_t ds_etcd_write(char *buf, size_t size, size_t n, void *data);
static int ds_etcd_page(ds_etcd_t *e, const ds_etcd_ask_t *ask,
    ds_etcd_found_t *found, bool *more, ds_error_t *err);
static int ds_etcd_take(const cJSON *kvs, ds_etcd_found_t *found);
static cJSON *ds_etcd_compare(const ds_etcd_compare_t *c);
static cJSON *ds_etcd_op(const ds_etcd_op_t *op);
static bool ds_etcd_ops(cJSON *body, const char *name,
    const ds_etcd_op_t *ops, size_t n);
static int ds_etcd_lease_ttl(ds_etcd_t *e, const char *path, int64_t lease,
    unsigned *ttl, ds_error_t *err);


ds_etcd_t *
ds_etcd_create(const ds_etcd_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char       *p, *save;
    size_t      i;
    ds_etcd_t  *e;

    ds_error_clear(err);

    e = calloc(1, sizeof(ds_etcd_t));
    if (e == NULL) {
        goto failed;
    }

    e->cancel = cancel;
    e->timeout = conf->timeout != 0 ? conf->timeout : DS_ETCD_TIMEOUT;
    e->most = conf->most != 0 ? conf->most : e->timeout;

    if (ds_copy(&e->ca, conf->ca) != DS_OK
        || ds_copy(&e->cert, conf->cert) != DS_OK
        || ds_copy(&e->key, conf->key) != DS_OK
        || ds_copy(&e->user, conf->user) != DS_OK
        || ds_copy(&e->password, conf->password) != DS_OK
        || ds_copy(&e->names, conf->endpoints) != DS_OK)
    {
        goto failed;
    }

    for (p = strtok_r(e->names, ", ", &save);
         p != NULL && e->n < DS_ETCD_ENDPOINTS;
         p = strtok_r(NULL, ", ", &save))
    {
        for (i = strlen(p); i > 0 && p[i - 1] == '/'; i--) {
            p[i - 1] = '\0';
        }

        e->endpoints[e->n++] = p;
    }

    if (e->n == 0) {
        ds_etcd_free(&e);
        (void) ds_fail(err, DS_ECLUSTER_REFUSED, "no endpoint of etcd");
        return NULL;
    }

    e->easy = curl_easy_init();
    e->multi = curl_multi_init();

    if (e->easy != NULL && e->multi != NULL
        && ds_etcd_setup(e, e->easy) == DS_OK)
    {
        return e;
    }

failed:

    ds_etcd_free(&e);
    (void) ds_fail(err, DS_ENOMEM, "no memory for a client of etcd");

    return NULL;
}


void
ds_etcd_free(ds_etcd_t **pe)
{
    ds_etcd_t  *e;

    e = *pe;
    if (e == NULL) {
        return;
    }

    *pe = NULL;

    if (e->easy != NULL) {
        curl_easy_cleanup(e->easy);
    }

    if (e->multi != NULL) {
        (void) curl_multi_cleanup(e->multi);
    }

    free(e->names);
    free(e->ca);
    free(e->cert);
    free(e->key);
    free(e->user);
    ds_wipe(&e->password);
    ds_wipe(&e->token);
    free(e->answer.data);
    free(e);
}


const char *
ds_etcd_endpoint(ds_etcd_t *e)
{
    return e->endpoints[e->at];
}


void
ds_etcd_next(ds_etcd_t *e)
{
    e->at = (e->at + 1) % e->n;
}


/* what is the same for every request, also a watch's */

int
ds_etcd_setup(ds_etcd_t *e, CURL *easy)
{
    CURLcode  rc;

    rc = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    rc |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    rc |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           (long) CURL_HTTP_VERSION_1_1);
    rc |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                           (long) DS_ETCD_CONNECT);
    rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 5L);
    rc |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 2L);

    if (e->ca != NULL) {
        rc |= curl_easy_setopt(easy, CURLOPT_CAINFO, e->ca);
    }

    if (e->cert != NULL) {
        rc |= curl_easy_setopt(easy, CURLOPT_SSLCERT, e->cert);
        rc |= curl_easy_setopt(easy, CURLOPT_SSLKEY, e->key);
    }

    return rc == CURLE_OK ? DS_OK : DS_ENOMEM;
}


/* to be freed when the request is over; NULL: no memory */

struct curl_slist *
ds_etcd_headers(ds_etcd_t *e)
{
    char               *line;
    struct curl_slist  *list, *more;

    list = curl_slist_append(NULL, "Content-Type: application/json");

    if (list == NULL) {
        return NULL;
    }

    /* no asking for leave before a body is sent */

    more = curl_slist_append(list, "Expect:");

    if (more != NULL && e->token != NULL) {
        line = ds_sprintf("Authorization: %s", e->token);
        more = line != NULL ? curl_slist_append(list, line) : NULL;
        ds_wipe(&line);
    }

    if (more == NULL) {
        curl_slist_free_all(list);
        return NULL;
    }

    return list;
}


/* "body" is freed, NULL: no memory; *answer is to be, when it is DS_OK */

static int
ds_etcd_call(ds_etcd_t *e, const char *path, cJSON *body,
    ds_etcd_kind_e kind, cJSON **answer, ds_error_t *err)
{
    int    rc;
    char  *text;

    ds_error_clear(err);
    *answer = NULL;

    text = body != NULL ? cJSON_PrintUnformatted(body) : NULL;
    cJSON_Delete(body);

    if (text == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory for a request to etcd");
    }

    rc = ds_etcd_tries(e, path, text, kind, answer, err);

    cJSON_free(text);

    return rc;
}


/* one try at each endpoint, while there is time */

static int
ds_etcd_tries(ds_etcd_t *e, const char *path, const char *text,
    ds_etcd_kind_e kind, cJSON **answer, ds_error_t *err)
{
    int       rc;
    bool      unknown, again;
    size_t    tries;
    int64_t   left, end;

    unknown = false;
    again = false;
    e->once = kind == DS_ETCD_ONCE;
    end = ds_monotonic() + e->most;

    for (tries = 0; tries < e->n; /* void */ ) {
        left = end - ds_monotonic();

        if (left <= 0 && tries > 0) {
            break;
        }

        left = left < e->timeout ? left : e->timeout;

        rc = e->user != NULL && e->token == NULL
             ? ds_etcd_login(e, left, err) : DS_ETCD_DONE;

        if (rc == DS_ETCD_DONE) {
            rc = ds_etcd_try(e, path, text, left, answer, err);

        } else if (rc == DS_ETCD_MAYBE) {
            rc = DS_ETCD_NEXT;
        }

        switch (rc) {

        case DS_ETCD_DONE:
            return DS_OK;

        case DS_ETCD_LOGIN:
            ds_wipe(&e->token);

            if (e->user == NULL || again) {
                return ds_fail(err, DS_ECLUSTER_DENIED, "%s", e->said);
            }

            again = true;
            continue;

        case DS_ETCD_MAYBE:
            unknown = unknown || kind != DS_ETCD_READ;
            break;

        case DS_ETCD_NEXT:
            break;

        default:
            return rc;
        }

        ds_etcd_next(e);
        tries++;

        if (unknown && kind == DS_ETCD_ONCE) {
            break;
        }
    }

    /* all of them may have been made anew, from a backup */

    e->term = 0;
    e->cluster[0] = '\0';

    return unknown
           ? ds_fail(err, DS_ECLUSTER_UNKNOWN, "it is not known whether etcd "
                     "has done it: %s", e->said)
           : ds_fail(err, DS_ECLUSTER_LOST, "etcd does not answer: %s",
                     e->said);
}


/* DS_ETCD_…, or an error that another endpoint would give as well */

static int
ds_etcd_try(ds_etcd_t *e, const char *path, const char *text, int64_t ms,
    cJSON **answer, ds_error_t *err)
{
    int                  rc;
    char                *url;
    CURLcode             code;
    ds_etcd_body_t       body;
    struct curl_slist   *headers;

    url = ds_sprintf("%s%s", ds_etcd_endpoint(e), path);
    headers = ds_etcd_headers(e);

    body.data = text;
    body.len = strlen(text);
    body.sent = 0;

    e->answer.len = 0;
    e->answer.full = false;

    /*
     * A body that is read by a function that cannot go back is never sent
     * twice: curl takes it to a new connection where one was closed under it.
     */

    if (url == NULL || headers == NULL) {
        rc = ds_fail(err, DS_ENOMEM, "no memory for a request to etcd");
        goto done;
    }

    code = curl_easy_setopt(e->easy, CURLOPT_URL, url);
    code |= curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, headers);
    code |= curl_easy_setopt(e->easy, CURLOPT_TIMEOUT_MS, (long) ms);
    code |= curl_easy_setopt(e->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                             (curl_off_t) body.len);
    code |= curl_easy_setopt(e->easy, CURLOPT_READFUNCTION, ds_etcd_read);
    code |= curl_easy_setopt(e->easy, CURLOPT_READDATA, &body);
    code |= curl_easy_setopt(e->easy, CURLOPT_WRITEFUNCTION, ds_etcd_write);
    code |= curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, &e->answer);

    rc = code == CURLE_OK
         ? ds_etcd_perform(e, ms, err)
         : ds_fail(err, DS_ENOMEM, "no memory for a request to etcd");

    if (rc == DS_ETCD_DONE) {
        rc = ds_etcd_answered(e, answer, err);

    } else if (rc == DS_ETCD_MAYBE && body.sent == 0) {
        /* without a body it is no request */
        rc = DS_ETCD_NEXT;
    }

    (void) curl_easy_setopt(e->easy, CURLOPT_HTTPHEADER, NULL);

done:

    curl_slist_free_all(headers);
    free(url);

    return rc;
}


static int
ds_etcd_perform(ds_etcd_t *e, int64_t ms, ds_error_t *err)
{
    int                  n, left;
    int64_t              end;
    CURLMsg             *msg;
    CURLcode             code;
    struct curl_waitfd   wait;

    if (curl_multi_add_handle(e->multi, e->easy) != CURLM_OK) {
        return ds_fail(err, DS_ENOMEM, "curl_multi_add_handle() failed");
    }

    wait.fd = e->cancel != NULL ? e->cancel->fd : -1;
    wait.events = CURL_WAIT_POLLIN;
    code = CURLE_OPERATION_TIMEDOUT;
    end = ds_monotonic() + ms + 100;
    msg = NULL;

    while (msg == NULL && ds_monotonic() < end) {

        if (e->cancel != NULL && ds_cancel_is_set(e->cancel)) {
            (void) curl_multi_remove_handle(e->multi, e->easy);
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        if (curl_multi_perform(e->multi, &n) != CURLM_OK) {
            break;
        }

        msg = curl_multi_info_read(e->multi, &left);

        if (msg != NULL) {
            code = msg->data.result;

        } else {
            (void) curl_multi_poll(e->multi, &wait, e->cancel != NULL, 100,
                                   NULL);
        }
    }

    (void) curl_multi_remove_handle(e->multi, e->easy);

    if (code == CURLE_OK) {
        return DS_ETCD_DONE;
    }

    ds_etcd_say(e, e->answer.full ? "its answer is too long"
                                  : curl_easy_strerror(code));

    return code == CURLE_OUT_OF_MEMORY && !e->answer.full
           ? ds_fail(err, DS_ENOMEM, "no memory for an answer of etcd")
           : DS_ETCD_MAYBE;
}


/* for messages: which endpoint, and what is the matter with it */

void
ds_etcd_say(ds_etcd_t *e, const char *what)
{
    char  *text;

    text = ds_sprintf("%s: %s", ds_etcd_endpoint(e), what);
    ds_text(e->said, sizeof(e->said), text != NULL ? text : what);
    free(text);
}


/* what is there is a whole answer, of whatever kind */

static int
ds_etcd_answered(ds_etcd_t *e, cJSON **answer, ds_error_t *err)
{
    int     rc;
    long    status;
    cJSON  *json;

    status = 0;
    (void) curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);

    json = e->answer.len != 0 ? cJSON_Parse(e->answer.data) : NULL;

    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        ds_etcd_say(e, "what it answers is not understood");

        /* somebody else is there, or before it */

        return status >= 400 && status < 500 ? DS_ETCD_NEXT : DS_ETCD_MAYBE;
    }

    if (status == 200 && cJSON_GetObjectItem(json, "error") == NULL) {

        /* what must not be sent twice has happened, whoever says so */

        if (!e->once && !ds_etcd_known(e, json)) {
            cJSON_Delete(json);
            return DS_ETCD_NEXT;
        }

        *answer = json;
        return DS_ETCD_DONE;
    }

    rc = ds_etcd_refusal(e, json, err);
    cJSON_Delete(json);

    return rc;
}


/*
 * A gRPC code and its words as what we make of it; of an answer, or of a line
 * of a stream.
 */

int
ds_etcd_refusal(ds_etcd_t *e, const cJSON *json, ds_error_t *err)
{
    int          code;
    const char  *text;
    const cJSON *item, *error;

    error = cJSON_GetObjectItem(json, "error");
    json = cJSON_IsObject(error) ? error : json;

    item = cJSON_GetObjectItem(json, "message");
    item = item != NULL ? item : cJSON_GetObjectItem(json, "error");
    text = cJSON_IsString(item) ? item->valuestring : "no reason is given";

    item = cJSON_GetObjectItem(json, "code");
    item = item != NULL ? item : cJSON_GetObjectItem(json, "grpc_code");
    code = cJSON_IsNumber(item) ? item->valueint : -1;

    ds_etcd_say(e, text);

    switch (code) {

    case 16: /* unauthenticated */
        return DS_ETCD_LOGIN;

    case 7: /* permission denied */
        return ds_fail(err, DS_ECLUSTER_DENIED, "%s", e->said);

    case 5: /* not found */
        return ds_fail(err, DS_ESTORE_NOT_FOUND, "%s", e->said);

    case 11: /* out of range */
        return ds_fail(err, DS_ECLUSTER_COMPACTED, "%s", e->said);

    case 3: /* invalid argument */
        if (strstr(text, "user name is empty") != NULL
            || strstr(text, "invalid auth token") != NULL)
        {
            return DS_ETCD_LOGIN;
        }

        if (strstr(text, "authentication failed") != NULL
            || strstr(text, "CommonName") != NULL)
        {
            return ds_fail(err, DS_ECLUSTER_DENIED, "%s", e->said);
        }

        return ds_fail(err, DS_ECLUSTER_REFUSED, "%s", e->said);

    case 2: /* unknown */
        if (strstr(text, "not a primary lessor") != NULL) {
            return DS_ETCD_NEXT;
        }

        return DS_ETCD_MAYBE;

    case 8: /* resource exhausted: a full database, too many requests */
    case 9: /* failed precondition */
    case 12: /* unimplemented */
        return ds_fail(err, DS_ECLUSTER_REFUSED, "%s", e->said);

    default: /* 14, unavailable, which a time-out is as well; 1, 4, 13 */
        return DS_ETCD_MAYBE;
    }
}


/* false: it is behind the others, or of others */

static bool
ds_etcd_known(ds_etcd_t *e, const cJSON *answer)
{
    int64_t       term;
    const char   *id;
    const cJSON  *header;

    header = cJSON_GetObjectItem(answer, "result");
    header = cJSON_GetObjectItem(header != NULL ? header : answer, "header");
    term = ds_etcd_number(header, "raft_term");
    id = cJSON_GetStringValue(cJSON_GetObjectItem(header, "cluster_id"));

    if (header == NULL || id == NULL) {
        return true;
    }

    if (e->cluster[0] != '\0' && strcmp(e->cluster, id) != 0) {
        ds_etcd_say(e, "it is of another cluster than the one before");
        return false;
    }

    if (term < e->term) {
        ds_etcd_say(e, "it is behind the other endpoints");
        return false;
    }

    e->term = term;
    ds_text(e->cluster, sizeof(e->cluster), id);

    return true;
}


int
ds_etcd_token(ds_etcd_t *e, ds_error_t *err)
{
    int  rc;

    if (e->user == NULL || e->token != NULL) {
        return DS_OK;
    }

    rc = ds_etcd_login(e, e->timeout, err);

    return rc == DS_ETCD_DONE ? DS_OK
           : rc < 0 ? rc
           : ds_fail(err, DS_ECLUSTER_LOST, "etcd does not answer: %s",
                     e->said);
}


static int
ds_etcd_login(ds_etcd_t *e, int64_t ms, ds_error_t *err)
{
    int     rc;
    char   *text;
    cJSON  *body, *answer, *token;

    body = cJSON_CreateObject();
    text = NULL;

    if (cJSON_AddStringToObject(body, "name", e->user) != NULL
        && cJSON_AddStringToObject(body, "password", e->password) != NULL)
    {
        text = cJSON_PrintUnformatted(body);
    }

    cJSON_Delete(body);

    if (text == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory for a request to etcd");
    }

    answer = NULL;
    rc = ds_etcd_try(e, "/v3/auth/authenticate", text, ms, &answer, err);

    ds_wipe(&text);

    if (rc == DS_ECLUSTER_REFUSED
        && strstr(e->said, "authentication is not enabled") != NULL)
    {
        /* nothing is needed */
        e->token = strdup("");

    } else if (rc == DS_ETCD_DONE) {
        token = cJSON_GetObjectItem(answer, "token");
        e->token = cJSON_IsString(token) ? strdup(token->valuestring) : NULL;
        cJSON_Delete(answer);

    } else {
        return rc;
    }

    return e->token != NULL
           ? DS_ETCD_DONE
           : ds_fail(err, DS_ECLUSTER_DENIED, "%s gives no token",
                     ds_etcd_endpoint(e));
}


static size_t
ds_etcd_read(char *buf, size_t size, size_t n, void *data)
{
    ds_etcd_body_t *body = data;

    size_t  len;

    len = body->len - body->sent;
    len = len < size * n ? len : size * n;

    memcpy(buf, body->data + body->sent, len);
    body->sent += len;

    return len;
}


static size_t
ds_etcd_write(char *buf, size_t size, size_t n, void *data)
{
    return ds_etcd_buffer_add(data, buf, size * n) ? size * n : 0;
}


bool
ds_etcd_buffer_add(ds_etcd_buffer_t *b, const char *data, size_t n)
{
    char    *p;
    size_t   size;

    if (n > DS_ETCD_ANSWER - b->len) {
        b->full = true;
        return false;
    }

    if (b->len + n + 1 > b->size) {
        size = b->size == 0 ? 4096 : b->size;

        while (size < b->len + n + 1) {
            size *= 2;
        }

        p = realloc(b->data, size);
        if (p == NULL) {
            return false;
        }

        b->data = p;
        b->size = size;
    }

    memcpy(b->data + b->len, data, n);
    b->len += n;
    b->data[b->len] = '\0';

    return true;
}


int
ds_etcd_range(ds_etcd_t *e, const ds_etcd_ask_t *ask, ds_etcd_found_t *found,
    ds_error_t *err)
{
    int            rc;
    bool           more;
    char          *from;
    int64_t        count;
    ds_etcd_ask_t  page;

    memset(found, 0, sizeof(ds_etcd_found_t));

    page = *ask;
    from = NULL;
    count = 0;

    do {
        more = false;
        rc = ds_etcd_page(e, &page, found, &more, err);

        if (rc != DS_OK || found->n == 0) {
            break;
        }

        /* the next page is of the same revision, from the next key on */

        if (from == NULL) {
            count = found->count;
        }

        found->count = count;
        page.revision = found->revision;

        free(from);
        from = strdup(found->kvs[found->n - 1].key);
        page.from = from;

        if (from == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "no memory for an answer of etcd");
        }

    } while (rc == DS_OK && more
             && (ask->limit == 0 || found->n < ask->limit));

    free(from);

    if (rc != DS_OK) {
        ds_etcd_found_free(found);
    }

    return rc;
}


static int
ds_etcd_page(ds_etcd_t *e, const ds_etcd_ask_t *ask, ds_etcd_found_t *found,
    bool *more, ds_error_t *err)
{
    int      rc;
    cJSON   *body, *answer, *item;
    size_t   limit;

    body = cJSON_CreateObject();
    limit = DS_ETCD_PAGE;

    if (ask->limit != 0 && ask->limit - found->n < limit) {
        limit = ask->limit - found->n;
    }

    if (!ds_etcd_key(body, ask->key, ask->prefix, ask->from)
        || !ds_etcd_add(body, "limit", (int64_t) limit)
        || !ds_etcd_add(body, "revision", ask->revision)
        || (ask->serializable
            && cJSON_AddTrueToObject(body, "serializable") == NULL)
        || (ask->keys_only
            && cJSON_AddTrueToObject(body, "keys_only") == NULL))
    {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, "/v3/kv/range", body, DS_ETCD_READ, &answer, err);

    if (rc != DS_OK) {
        return rc;
    }

    item = cJSON_GetObjectItem(answer, "kvs");

    found->revision = ask->revision != 0 ? ask->revision
                      : ds_etcd_number(cJSON_GetObjectItem(answer, "header"),
                                       "revision");

    found->count = ds_etcd_number(answer, "count");
    *more = cJSON_IsTrue(cJSON_GetObjectItem(answer, "more"));

    rc = item == NULL ? DS_OK : ds_etcd_take(item, found);

    if (rc == DS_ECLUSTER_REFUSED) {
        ds_etcd_say(e, "what it answers is not understood");
        (void) ds_fail(err, rc, "%s", e->said);

    } else if (rc != DS_OK) {
        (void) ds_fail(err, rc, "no memory for an answer of etcd");
    }

    cJSON_Delete(answer);

    return rc;
}


/* adds what is there */

static int
ds_etcd_take(const cJSON *kvs, ds_etcd_found_t *found)
{
    int            rc;
    size_t         n;
    const cJSON   *kv;
    ds_etcd_kv_t  *p;

    if (!cJSON_IsArray(kvs)) {
        return DS_ECLUSTER_REFUSED;
    }

    n = (size_t) cJSON_GetArraySize(kvs);

    p = realloc(found->kvs, (found->n + n + 1) * sizeof(ds_etcd_kv_t));
    if (p == NULL) {
        return DS_ENOMEM;
    }

    found->kvs = p;

    cJSON_ArrayForEach(kv, kvs) {
        rc = ds_etcd_kv(kv, &found->kvs[found->n]);

        if (rc != DS_OK) {
            return rc;
        }

        found->n++;
    }

    return DS_OK;
}


void
ds_etcd_found_free(ds_etcd_found_t *found)
{
    size_t  i;

    for (i = 0; i < found->n; i++) {
        ds_etcd_kv_free(&found->kvs[i]);
    }

    free(found->kvs);
    memset(found, 0, sizeof(ds_etcd_found_t));
}


int
ds_etcd_put(ds_etcd_t *e, const char *key, const char *value, size_t len,
    int64_t lease, int64_t *revision, ds_error_t *err)
{
    int              rc;
    ds_etcd_op_t     op;
    ds_etcd_txn_t    txn;
    ds_etcd_found_t  found;

    memset(&op, 0, sizeof(ds_etcd_op_t));
    memset(&txn, 0, sizeof(ds_etcd_txn_t));

    op.kind = DS_ETCD_PUT;
    op.key = key;
    op.value = value;
    op.len = len;
    op.lease = lease;
    txn.then = &op;
    txn.nthen = 1;

    rc = ds_etcd_txn(e, &txn, &found, err);

    if (rc == DS_OK && revision != NULL) {
        *revision = found.revision;
    }

    ds_etcd_found_free(&found);

    return rc;
}


int
ds_etcd_delete(ds_etcd_t *e, const char *key, bool prefix, ds_error_t *err)
{
    int     rc;
    cJSON  *body, *answer;

    body = cJSON_CreateObject();

    if (!ds_etcd_key(body, key, prefix, NULL)) {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, "/v3/kv/deleterange", body, DS_ETCD_AGAIN, &answer,
                      err);
    cJSON_Delete(answer);

    return rc;
}


int
ds_etcd_txn(ds_etcd_t *e, const ds_etcd_txn_t *txn, ds_etcd_found_t *found,
    ds_error_t *err)
{
    int              rc;
    bool             held;
    cJSON           *body, *answer, *list, *item;
    size_t           i;
    const ds_etcd_op_t  *op;
    ds_etcd_kind_e   kind;
    ds_etcd_found_t  unwanted;

    memset(&unwanted, 0, sizeof(ds_etcd_found_t));
    found = found != NULL ? found : &unwanted;
    *found = unwanted;

    /* what writes nothing may be asked for again */

    kind = DS_ETCD_READ;

    for (i = 0; i < txn->nthen + txn->notherwise; i++) {
        op = i < txn->nthen ? &txn->then[i] : &txn->otherwise[i - txn->nthen];
        kind = op->kind != DS_ETCD_GET ? DS_ETCD_ONCE : kind;
    }

    body = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(body, "compare");
    held = list != NULL;

    for (i = 0; held && i < txn->ncompares; i++) {
        held = ds_etcd_append(list, ds_etcd_compare(&txn->compares[i]));
    }

    if (!held || !ds_etcd_ops(body, "success", txn->then, txn->nthen)
        || !ds_etcd_ops(body, "failure", txn->otherwise, txn->notherwise))
    {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, "/v3/kv/txn", body, kind, &answer, err);

    if (rc != DS_OK) {
        return rc;
    }

    held = cJSON_IsTrue(cJSON_GetObjectItem(answer, "succeeded"));
    found->revision = ds_etcd_number(cJSON_GetObjectItem(answer, "header"),
                                     "revision");

    /* what it says it has done, it has; a part that is missing is missing */

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(answer, "responses")) {
        list = cJSON_GetObjectItem(item, "response_range");
        list = cJSON_GetObjectItem(list, "kvs");

        if (list != NULL && found != &unwanted && rc == DS_OK) {
            rc = ds_etcd_take(list, found);
        }
    }

    cJSON_Delete(answer);
    found->count = (int64_t) found->n;

    if (rc != DS_OK) {
        ds_etcd_found_free(found);
        return ds_fail(err, held ? DS_ECLUSTER_UNKNOWN : rc, "the answer to "
                       "a transaction cannot be read");
    }

    return held ? DS_OK
                : ds_fail(err, DS_ECLUSTER_CONFLICT, "somebody else has "
                          "changed it");
}


static cJSON *
ds_etcd_compare(const ds_etcd_compare_t *c)
{
    bool    done;
    cJSON  *json;

    static const char *const  targets[] = {
        "CREATE", "MOD", "VERSION", "LEASE", "VALUE"
    };
    static const char *const  fields[] = {
        "create_revision", "mod_revision", "version", "lease", "value"
    };
    static const char *const  results[] = {
        "EQUAL", "GREATER", "LESS", "NOT_EQUAL"
    };

    json = cJSON_CreateObject();

    done = ds_etcd_bytes(json, "key", c->key, strlen(c->key))
           && cJSON_AddStringToObject(json, "target", targets[c->target])
              != NULL
           && cJSON_AddStringToObject(json, "result", results[c->result])
              != NULL;

    if (done && c->target == DS_ETCD_VALUE) {
        done = ds_etcd_bytes(json, "value", c->value, strlen(c->value));

    } else if (done) {
        /* also 0: a compare without its field is not understood */
        done = ds_etcd_number_add(json, fields[c->target], c->number);
    }

    if (!done) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}


static cJSON *
ds_etcd_op(const ds_etcd_op_t *op)
{
    bool    done;
    cJSON  *json, *in;

    static const char *const  names[] = {
        "request_put", "request_delete_range", "request_range"
    };

    json = cJSON_CreateObject();
    in = cJSON_AddObjectToObject(json, names[op->kind]);

    done = in != NULL
           && ds_etcd_key(in, op->key, op->kind != DS_ETCD_PUT && op->prefix,
                          NULL);

    if (done && op->kind == DS_ETCD_PUT) {
        done = ds_etcd_bytes(in, "value", op->value, op->len)
               && ds_etcd_add(in, "lease", op->lease);
    }

    if (!done) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}


static bool
ds_etcd_ops(cJSON *body, const char *name, const ds_etcd_op_t *ops, size_t n)
{
    bool    done;
    cJSON  *list;
    size_t  i;

    list = cJSON_AddArrayToObject(body, name);
    done = list != NULL;

    for (i = 0; done && i < n; i++) {
        done = ds_etcd_append(list, ds_etcd_op(&ops[i]));
    }

    return done;
}


/* with an id of our own it may be asked for twice */

int
ds_etcd_grant(ds_etcd_t *e, unsigned *ttl, int64_t *lease, ds_error_t *err)
{
    int     rc;
    cJSON  *body, *answer;

    *lease = 0;

    if (getrandom(lease, sizeof(int64_t), 0) != sizeof(int64_t)) {
        return ds_fail(err, DS_EINTERNAL, "getrandom() failed");
    }

    *lease &= INT64_MAX;
    body = cJSON_CreateObject();

    if (!ds_etcd_add(body, "TTL", *ttl) || !ds_etcd_add(body, "ID", *lease)) {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, "/v3/lease/grant", body, DS_ETCD_AGAIN, &answer,
                      err);

    if (rc == DS_ECLUSTER_REFUSED
        && strstr(e->said, "lease already exists") != NULL)
    {
        return ds_etcd_keepalive(e, *lease, ttl, err);
    }

    if (rc == DS_OK) {
        *ttl = (unsigned) ds_etcd_number(answer, "TTL");
        cJSON_Delete(answer);
    }

    return rc;
}


int
ds_etcd_keepalive(ds_etcd_t *e, int64_t lease, unsigned *ttl, ds_error_t *err)
{
    return ds_etcd_lease_ttl(e, "/v3/lease/keepalive", lease, ttl, err);
}


int
ds_etcd_timetolive(ds_etcd_t *e, int64_t lease, unsigned *ttl,
    ds_error_t *err)
{
    return ds_etcd_lease_ttl(e, "/v3/lease/timetolive", lease, ttl, err);
}


/* a lease that is over has no TTL, or -1 */

static int
ds_etcd_lease_ttl(ds_etcd_t *e, const char *path, int64_t lease,
    unsigned *ttl, ds_error_t *err)
{
    int      rc;
    cJSON   *body, *answer, *result;
    int64_t  left;

    body = cJSON_CreateObject();

    if (!ds_etcd_add(body, "ID", lease)) {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, path, body, DS_ETCD_AGAIN, &answer, err);

    if (rc != DS_OK) {
        return rc;
    }

    result = cJSON_GetObjectItem(answer, "result");
    left = ds_etcd_number(result != NULL ? result : answer, "TTL");
    cJSON_Delete(answer);

    if (left <= 0) {
        return ds_fail(err, DS_ESTORE_NOT_FOUND, "the lease is over");
    }

    *ttl = (unsigned) left;

    return DS_OK;
}


int
ds_etcd_revoke(ds_etcd_t *e, int64_t lease, ds_error_t *err)
{
    int     rc;
    cJSON  *body, *answer;

    body = cJSON_CreateObject();

    if (!ds_etcd_add(body, "ID", lease)) {
        cJSON_Delete(body);
        body = NULL;
    }

    rc = ds_etcd_call(e, "/v3/lease/revoke", body, DS_ETCD_AGAIN, &answer,
                      err);
    cJSON_Delete(answer);

    if (rc == DS_ESTORE_NOT_FOUND) {
        ds_error_clear(err);
        return DS_OK;
    }

    return rc;
}
