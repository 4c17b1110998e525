
/*
 * ds_push.c: the thread of a push: connects, sends, and connects again, from
 * where it was in what the stream has sent.  Knows nothing of items.
 */

#include <stdlib.h>
#include <string.h>

#include "air/ds_output.h"
#include "air/ds_push.h"
#include "base/ds_crash.h"
#include "base/ds_job.h"


/*
 * ms between connects; a session that lasted so long was a good one.  A server
 * that cannot be reached is asked once a second, which costs both next to
 * nothing; one that says no, or hangs up at once, is left alone for longer.
 */
#define DS_PUSH_RETRY_MIN   500
#define DS_PUSH_RETRY_AWAY  1000
#define DS_PUSH_RETRY_MAX   30000
#define DS_PUSH_GOOD        3000

/* ms between two looks at a session that has nothing to send */
#define DS_PUSH_IDLE       1000


struct ds_push_s {
    /* constant */
    ds_t               *ds;
    char               *stream;
    char               *url;
    char                shown[DS_URL_LEN];      /* without the key */
    ds_term_t           term;
    ds_job_t            job;
    ds_bell_t           bell;           /* there is something */

    ds_cursor_t         cursor;         /* the thread's, but for its counts */

    pthread_mutex_t     lock;
    ds_push_status_t    status;         /* lock; without the counts */

    /* the thread's */
    ds_output_t        *out;            /* NULL: not connected */
    uint64_t            dropped;        /* those that were told of */
    bool                warned;         /* in this session */
    unsigned            fails;          /* sessions in a row, none good */
    int64_t             since;          /* monotonic ms, of the session */
    int                 code;           /* of the last error in the log */
    uint32_t            sessions;
};


static void ds_push_run(void *data);
static bool ds_push_connect(ds_push_t *push, ds_error_t *err);
static bool ds_push_send(ds_push_t *push, ds_error_t *err);
static void ds_push_warn(ds_push_t *push);
static void ds_push_failed(ds_push_t *push, const ds_error_t *err);
static void ds_push_destroy(ds_push_t *push);


ds_push_t *
ds_push_create(ds_t *ds, const char *stream, const ds_outlet_t *outlet,
    const ds_term_t *term, ds_sent_t *sent, ds_error_t *err)
{
    ds_push_t  *push;

    push = calloc(1, sizeof(ds_push_t));
    if (push == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    push->ds = ds;
    push->term = *term;
    ds_text(push->status.name, sizeof(push->status.name), outlet->name);
    ds_redact_url(push->shown, sizeof(push->shown), outlet->url);

    (void) pthread_mutex_init(&push->lock, NULL);
    ds_cursor_open(&push->cursor, sent);

    push->stream = strdup(stream);
    push->url = strdup(outlet->url);

    if (ds_bell_init(&push->bell) != DS_OK || push->stream == NULL
        || push->url == NULL
        || ds_job_start(&push->job, "ds-push", ds_push_run, push) != DS_OK)
    {
        (void) ds_fail(err, DS_ENOMEM, "push could not be started");
        ds_push_destroy(push);
        return NULL;
    }

    return push;
}


void
ds_push_cancel(ds_push_t *push)
{
    ds_job_cancel(&push->job);
}


bool
ds_push_done(ds_push_t *push)
{
    return ds_job_done(&push->job);
}


void
ds_push_free(ds_push_t **ppush)
{
    if (*ppush != NULL) {
        ds_push_cancel(*ppush);
        ds_push_destroy(*ppush);
        *ppush = NULL;
    }
}


static void
ds_push_destroy(ds_push_t *push)
{
    ds_job_end(&push->job);
    ds_cursor_close(&push->cursor);

    ds_bell_free(&push->bell);
    (void) pthread_mutex_destroy(&push->lock);
    free(push->stream);
    free(push->url);
    free(push);
}


bool
ds_push_connected(ds_push_t *push)
{
    bool  connected;

    (void) pthread_mutex_lock(&push->lock);
    connected = push->status.connected;
    (void) pthread_mutex_unlock(&push->lock);

    return connected;
}


void
ds_push_status(ds_push_t *push, ds_push_status_t *status)
{
    (void) pthread_mutex_lock(&push->lock);
    *status = push->status;
    (void) pthread_mutex_unlock(&push->lock);

    ds_cursor_counts(&push->cursor, status);
}


void
ds_push_wake(ds_push_t *push)
{
    ds_bell_ring(&push->bell);
}


/* context: push thread */

static void
ds_push_run(void *data)
{
    ds_push_t  *push = data;

    ds_error_t  err;

    ds_crash_stream(push->stream);

    while (!ds_cancel_is_set(&push->job.cancel)) {
        ds_push_warn(push);

        if ((push->out == NULL && !ds_push_connect(push, &err))
            || !ds_push_send(push, &err))
        {
            ds_push_failed(push, &err);
            continue;
        }

        /* for packets, or until it is time to hear the server */
        ds_bell_wait(&push->bell, &push->job.cancel, DS_PUSH_IDLE);
    }

    ds_output_close(&push->out);
}


/* context: push thread */

static bool
ds_push_connect(ds_push_t *push, ds_error_t *err)
{
    push->out = ds_output_push(push->url,
                               push->ds->conf.push_certificate,
                               &push->term, &push->job.cancel, err);
    if (push->out == NULL) {
        return false;
    }

    push->warned = false;
    push->since = ds_monotonic();
    push->sessions++;

    (void) pthread_mutex_lock(&push->lock);
    push->status.connected = true;
    push->status.since = ds_now();
    push->status.reconnects = push->sessions - 1;
    (void) pthread_mutex_unlock(&push->lock);

    ds_log(push->ds, DS_LOG_NOTICE, push->stream,
           "%s, url: \"%s\", output: \"%s\"",
           push->sessions == 1 ? "pushing" : "pushing again", push->shown,
           push->status.name);

    return true;
}


/* context: push thread; sends all there is */

static bool
ds_push_send(ds_push_t *push, ds_error_t *err)
{
    int  rc;

    while ((rc = ds_output_send(push->out, &push->cursor, err)) == 1) {
        ds_output_close(&push->out);

        if (!ds_push_connect(push, err)) {
            return false;
        }
    }

    return rc == DS_OK;
}


/* context: push thread */

static void
ds_push_warn(ds_push_t *push)
{
    ds_push_status_t  st;

    ds_cursor_counts(&push->cursor, &st);

    if (st.dropped != push->dropped && !push->warned) {
        push->warned = true;
        ds_log(push->ds, DS_LOG_WARN, push->stream,
               "push is too slow, packets are dropped, url: \"%s\", "
               "output: \"%s\"", push->shown, push->status.name);
    }

    push->dropped = st.dropped;
}


/* context: push thread; there is no session, or no more: waits */

static void
ds_push_failed(ds_push_t *push, const ds_error_t *err)
{
    if (push->out != NULL && ds_monotonic() - push->since > DS_PUSH_GOOD) {
        push->fails = 0;
        push->code = DS_OK;
    }

    ds_output_close(&push->out);

    if (err->code == DS_ECANCELED) {
        return;
    }

    (void) pthread_mutex_lock(&push->lock);

    if (push->status.connected) {
        push->status.connected = false;
        push->status.since = ds_now();
    }

    push->status.error = *err;
    (void) pthread_mutex_unlock(&push->lock);

    if (push->code != err->code) {
        push->code = err->code;
        ds_log(push->ds, DS_LOG_WARN, push->stream,
               "push is down, trying again: %s: %s, url: \"%s\", "
               "output: \"%s\"", ds_error_code(err->code), err->message,
               push->shown, push->status.name);
    }

    (void) ds_cancel_wait(&push->job.cancel,
                          ds_backoff(++push->fails, DS_PUSH_RETRY_MIN,
                                     err->code == DS_EPUSH_REFUSED
                                     ? DS_PUSH_RETRY_AWAY
                                     : DS_PUSH_RETRY_MAX));
}
