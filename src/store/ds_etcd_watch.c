
/*
 * ds_etcd_watch.c: a watch: an answer of etcd that does not end, a line for
 * each message.  It is closed to be canceled, and never told anything more.
 */

#include <stdlib.h>
#include <string.h>

#include "store/ds_etcd_wire.h"


/* ms between two attempts to connect */
#define DS_ETCD_WAIT  200


struct ds_etcd_watch_s {
    ds_etcd_t          *e;
    char               *key;
    bool                prefix;
    int64_t             next;           /* revision; 0: from now on */

    CURL               *easy;
    CURLM              *multi;
    struct curl_slist  *headers;
    char               *body;
    bool                running;
    bool                created;        /* it is answered */
    bool                renewed;        /* the token, for this connection */
    unsigned            failed;         /* connections in a row */
    int64_t             again;          /* monotonic ms, not before */
    curl_socket_t       fd;

    ds_etcd_buffer_t    lines;
    size_t              taken;          /* bytes of them */
    cJSON              *message;        /* which is told at present */
    const cJSON        *event;          /* of it, the next */
    int64_t             last;           /* revision that was told of it */
    ds_etcd_kv_t        kv;
};


static int ds_etcd_watch_begin(ds_etcd_watch_t *w, ds_error_t *err);
static void ds_etcd_watch_end(ds_etcd_watch_t *w);
static int ds_etcd_watch_line(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err);
static int ds_etcd_watch_message(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err);
static int ds_etcd_watch_canceled(ds_etcd_watch_t *w, const cJSON *result,
    ds_error_t *err);
static int ds_etcd_watch_event(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err);
static void ds_etcd_watch_broken(ds_etcd_watch_t *w, const char *why);
static int ds_etcd_watch_perform(ds_etcd_watch_t *w);
static size_t ds_etcd_watch_write(char *buf, size_t size, size_t n,
    void *data);
static int ds_etcd_watch_socket(void *data, curl_socket_t fd,
    curlsocktype type);


ds_etcd_watch_t *
ds_etcd_watch_open(ds_etcd_t *e, const char *key, bool prefix,
    int64_t revision, ds_error_t *err)
{
    ds_etcd_watch_t  *w;

    ds_error_clear(err);

    w = calloc(1, sizeof(ds_etcd_watch_t));

    if (w != NULL) {
        w->e = e;
        w->prefix = prefix;
        w->next = revision;
        w->fd = CURL_SOCKET_BAD;
        w->easy = curl_easy_init();
        w->multi = curl_multi_init();

        if (w->easy != NULL && w->multi != NULL
            && ds_copy(&w->key, key) == DS_OK
            && ds_etcd_setup(e, w->easy) == DS_OK)
        {
            return w;
        }
    }

    ds_etcd_watch_close(&w);
    (void) ds_fail(err, DS_ENOMEM, "no memory for a watch of etcd");

    return NULL;
}


void
ds_etcd_watch_close(ds_etcd_watch_t **pw)
{
    ds_etcd_watch_t  *w;

    w = *pw;
    if (w == NULL) {
        return;
    }

    *pw = NULL;

    ds_etcd_watch_end(w);

    if (w->easy != NULL) {
        curl_easy_cleanup(w->easy);
    }

    if (w->multi != NULL) {
        (void) curl_multi_cleanup(w->multi);
    }

    cJSON_Delete(w->message);
    ds_etcd_kv_free(&w->kv);
    free(w->lines.data);
    free(w->key);
    free(w);
}


int
ds_etcd_watch_fd(ds_etcd_watch_t *w)
{
    return w->running && w->fd != CURL_SOCKET_BAD ? (int) w->fd : -1;
}


int
ds_etcd_watch_next(ds_etcd_watch_t *w, int64_t ms, ds_etcd_event_t *event,
    ds_error_t *err)
{
    int                 rc;
    int64_t             now, end, until;
    struct curl_waitfd  wait;

    ds_error_clear(err);
    end = ds_monotonic() + ms;

    wait.fd = w->e->cancel != NULL ? w->e->cancel->fd : -1;
    wait.events = CURL_WAIT_POLLIN;

    for ( ;; ) {
        if (w->e->cancel != NULL && ds_cancel_is_set(w->e->cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        rc = ds_etcd_watch_line(w, event, err);

        if (rc != 0) {
            return rc;
        }

        now = ds_monotonic();

        if (!w->running && now >= w->again) {
            rc = ds_etcd_watch_begin(w, err);

            if (rc != DS_OK) {
                return rc;
            }
        }

        if (w->running && ds_etcd_watch_perform(w) != 0) {
            continue;
        }

        if (now >= end) {
            break;
        }

        until = !w->running && w->again < end ? w->again : end;
        until = until - now < 100 ? until - now : 100;

        (void) curl_multi_poll(w->multi, &wait, w->e->cancel != NULL,
                               (int) until, NULL);
    }

    if (!w->created && w->failed >= w->e->n) {
        return ds_fail(err, DS_ECLUSTER_LOST, "etcd does not answer: %s",
                       w->e->said);
    }

    return 0;
}


/* the transfer goes on; 1: there may be a line, or it has ended */

static int
ds_etcd_watch_perform(ds_etcd_watch_t *w)
{
    int       n, left;
    size_t    had;
    CURLMsg  *msg;

    had = w->lines.len;

    if (curl_multi_perform(w->multi, &n) != CURLM_OK) {
        ds_etcd_watch_broken(w, "curl_multi_perform() failed");
        return 1;
    }

    if (w->lines.len != had) {
        return 1;
    }

    msg = curl_multi_info_read(w->multi, &left);

    if (msg == NULL) {
        return 0;
    }

    ds_etcd_watch_broken(w, msg->data.result == CURLE_OK
                            ? "the watch has ended"
                            : curl_easy_strerror(msg->data.result));

    return 1;
}


static int
ds_etcd_watch_begin(ds_etcd_watch_t *w, ds_error_t *err)
{
    int        rc;
    bool       added;
    char      *url;
    cJSON     *body, *in;
    CURLcode   code;

    rc = ds_etcd_token(w->e, err);

    if (rc == DS_ECLUSTER_LOST) {
        ds_error_clear(err);
        ds_etcd_watch_broken(w, "it gives no token");
        return DS_OK;
    }

    if (rc != DS_OK) {
        return rc;
    }

    body = cJSON_CreateObject();
    in = cJSON_AddObjectToObject(body, "create_request");

    added = in != NULL
            && ds_etcd_key(in, w->key, w->prefix, NULL)
            && ds_etcd_add(in, "start_revision", w->next)
            && cJSON_AddTrueToObject(in, "progress_notify") != NULL;

    w->body = added ? cJSON_PrintUnformatted(body) : NULL;
    cJSON_Delete(body);

    w->headers = ds_etcd_headers(w->e);
    url = ds_sprintf("%s/v3/watch", ds_etcd_endpoint(w->e));
    code = CURLE_OUT_OF_MEMORY;

    if (w->body != NULL && w->headers != NULL && url != NULL) {
        code = curl_easy_setopt(w->easy, CURLOPT_URL, url);
        code |= curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
        code |= curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, w->body);
        code |= curl_easy_setopt(w->easy, CURLOPT_FRESH_CONNECT, 1L);
        code |= curl_easy_setopt(w->easy, CURLOPT_FORBID_REUSE, 1L);
        code |= curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION,
                                 ds_etcd_watch_write);
        code |= curl_easy_setopt(w->easy, CURLOPT_WRITEDATA, &w->lines);
        code |= curl_easy_setopt(w->easy, CURLOPT_SOCKOPTFUNCTION,
                                 ds_etcd_watch_socket);
        code |= curl_easy_setopt(w->easy, CURLOPT_SOCKOPTDATA, w);
    }

    free(url);
    w->running = true;

    if (code != CURLE_OK
        || curl_multi_add_handle(w->multi, w->easy) != CURLM_OK)
    {
        ds_etcd_watch_end(w);
        return ds_fail(err, DS_ENOMEM, "no memory for a watch of etcd");
    }

    return DS_OK;
}


static void
ds_etcd_watch_end(ds_etcd_watch_t *w)
{
    if (w->running) {
        (void) curl_multi_remove_handle(w->multi, w->easy);
    }

    curl_slist_free_all(w->headers);
    cJSON_free(w->body);

    w->headers = NULL;
    w->body = NULL;
    w->running = false;
    w->created = false;
    w->fd = CURL_SOCKET_BAD;
    w->lines.len = 0;
    w->lines.full = false;
    w->taken = 0;
}


/* lines that are whole were taken before; half of one is lost with it */

static void
ds_etcd_watch_broken(ds_etcd_watch_t *w, const char *why)
{
    if (w->lines.full) {
        why = "its answer is too long";
    }

    ds_etcd_say(w->e, why);
    ds_etcd_next(w->e);

    w->again = ds_monotonic() + (w->failed + 1 < w->e->n ? 0 : DS_ETCD_WAIT);
    w->failed++;
    w->renewed = false;

    ds_etcd_watch_end(w);
}


/* 1: an event, 0: there is none yet */

static int
ds_etcd_watch_line(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err)
{
    int     rc;
    char   *p, *end;

    for ( ;; ) {
        if (w->message != NULL) {
            rc = ds_etcd_watch_event(w, event, err);

            if (rc != 0) {
                return rc;
            }
        }

        p = w->lines.data;
        end = w->taken < w->lines.len
              ? memchr(p + w->taken, '\n', w->lines.len - w->taken) : NULL;

        if (end == NULL) {

            if (w->taken != 0) {
                w->lines.len -= w->taken;
                memmove(p, p + w->taken, w->lines.len + 1);
                w->taken = 0;
            }

            return 0;
        }

        *end = '\0';
        p += w->taken;
        w->taken = (size_t) (end + 1 - w->lines.data);

        w->message = cJSON_Parse(p);
        w->event = NULL;
        rc = ds_etcd_watch_message(w, event, err);

        if (rc != 0) {
            return rc;
        }
    }
}


/* it is looked at as a whole; its events are told one by one */

static int
ds_etcd_watch_message(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err)
{
    int           rc;
    int64_t       revision;
    const cJSON  *result, *events;

    result = cJSON_GetObjectItem(w->message, "result");

    if (!cJSON_IsObject(result)) {
        rc = cJSON_GetObjectItem(w->message, "error") != NULL
             ? ds_etcd_refusal(w->e, w->message, err) : 0;

        if (rc == 0) {
            ds_etcd_say(w->e, "what it answers is not understood");
        }

        cJSON_Delete(w->message);
        w->message = NULL;

        if (rc == DS_ECLUSTER_COMPACTED || rc == DS_ECLUSTER_DENIED) {
            ds_etcd_watch_end(w);
            return rc;
        }

        free(w->e->token);
        w->e->token = NULL;
        ds_error_clear(err);
        ds_etcd_watch_broken(w, "the watch was refused");
        return 0;
    }

    if (cJSON_IsTrue(cJSON_GetObjectItem(result, "canceled"))) {
        return ds_etcd_watch_canceled(w, result, err);
    }

    revision = ds_etcd_number(cJSON_GetObjectItem(result, "header"),
                              "revision");
    events = cJSON_GetObjectItem(result, "events");

    if (cJSON_IsTrue(cJSON_GetObjectItem(result, "created"))) {
        w->created = true;
        w->failed = 0;

        if (w->next == 0) {
            w->next = revision + 1;
        }

    } else if (events == NULL) {
        cJSON_Delete(w->message);
        w->message = NULL;

        memset(event, 0, sizeof(ds_etcd_event_t));
        event->progress = true;
        event->revision = revision;
        return 1;
    }

    w->event = events != NULL ? events->child : NULL;

    return 0;
}


static int
ds_etcd_watch_canceled(ds_etcd_watch_t *w, const cJSON *result,
    ds_error_t *err)
{
    int64_t       revision;
    const char   *why;

    revision = ds_etcd_number(result, "compact_revision");
    why = cJSON_GetStringValue(cJSON_GetObjectItem(result, "cancel_reason"));

    ds_etcd_say(w->e, why != NULL ? why : "the watch was canceled");

    cJSON_Delete(w->message);
    w->message = NULL;
    ds_etcd_watch_end(w);

    if (revision != 0) {
        return ds_fail(err, DS_ECLUSTER_COMPACTED, "revision %lld is gone, "
                       "the first one is %lld", (long long) w->next,
                       (long long) revision);
    }

    /* a token may be over */

    if (w->e->user != NULL && !w->renewed) {
        free(w->e->token);
        w->e->token = NULL;
        w->renewed = true;
        return 0;
    }

    return ds_fail(err, DS_ECLUSTER_DENIED, "%s", w->e->said);
}


/* 0: there is none any more in the message, which is freed */

static int
ds_etcd_watch_event(ds_etcd_watch_t *w, ds_etcd_event_t *event,
    ds_error_t *err)
{
    int           rc;
    const cJSON  *item, *type;

    while ((item = w->event) != NULL) {
        w->event = item->next;

        ds_etcd_kv_free(&w->kv);
        rc = ds_etcd_kv(cJSON_GetObjectItem(item, "kv"), &w->kv);

        if (rc == DS_ENOMEM) {
            w->event = item;
            return ds_fail(err, rc, "no memory for an event of etcd");
        }

        /* some versions go back, or say it twice */

        if (rc != DS_OK || w->kv.modified < w->next) {
            continue;
        }

        w->last = w->kv.modified;
        type = cJSON_GetObjectItem(item, "type");

        memset(event, 0, sizeof(ds_etcd_event_t));
        event->deleted = cJSON_IsString(type)
                         && strcmp(type->valuestring, "DELETE") == 0;
        event->revision = w->kv.modified;
        event->kv = w->kv;

        return 1;
    }

    if (w->last >= w->next) {
        w->next = w->last + 1;
    }

    cJSON_Delete(w->message);
    w->message = NULL;

    return 0;
}


static size_t
ds_etcd_watch_write(char *buf, size_t size, size_t n, void *data)
{
    return ds_etcd_buffer_add(data, buf, size * n) ? size * n : 0;
}


static int
ds_etcd_watch_socket(void *data, curl_socket_t fd, curlsocktype type)
{
    ds_etcd_watch_t *w = data;

    (void) type;
    w->fd = fd;

    return CURL_SOCKOPT_OK;
}
