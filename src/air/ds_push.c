
/*
 * ds_push.c: the queue of a push, and the thread that empties it into a
 * session.  A session begins at a key frame, with the headers then in force.
 * Knows nothing of items.
 */

#define _GNU_SOURCE

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "air/ds_output.h"
#include "air/ds_push.h"
#include "base/ds_engine.h"
#include "base/ds_item.h"
#include "media/ds_codec.h"


/* what is kept for a far end that is slow, or comes back: bytes, and us */
#define DS_PUSH_SIZE       (16 << 20)
#define DS_PUSH_TIME       20000000

/* what a packet takes besides its data, bytes */
#define DS_PUSH_OVERHEAD   512

/* ms between connects; a session that lasted so long was a good one */
#define DS_PUSH_RETRY_MIN  500
#define DS_PUSH_RETRY_MAX  30000
#define DS_PUSH_GOOD       10000

/* ms between two looks at a session that has nothing to send */
#define DS_PUSH_IDLE       1000


typedef struct ds_push_entry_s  ds_push_entry_t;

struct ds_push_entry_s {
    AVPacket           *pkt;
    AVCodecParameters  *header;         /* in force from here on, or NULL */
    ds_push_entry_t    *next;
};


struct ds_push_s {
    /* constant */
    ds_t               *ds;
    char               *stream;
    char               *url;
    char                shown[DS_URL_LEN];      /* without the key */
    pthread_t           thread;
    ds_cancel_t         cancel;
    int                 wake;           /* eventfd: the queue has something */

    /* the putter's */
    AVCodecParameters  *last[2];        /* header of each track */

    pthread_mutex_t     lock;
    /* under the lock */
    ds_push_entry_t    *head;
    ds_push_entry_t   **tail;
    size_t              size;           /* bytes */
    AVCodecParameters  *pending[2];     /* headers in force before the head */
    bool                ready;          /* each track has had a header */
    bool                cut;            /* only a key frame may follow */
    bool                warned;         /* that packets are dropped */
    ds_push_status_t    status;

    /* the thread's */
    ds_output_t        *out;            /* NULL: not connected */
    AVCodecParameters  *header[2];      /* in force now */
    bool                fresh[2];       /* the session does not have it */
    bool                begun;          /* a key frame was sent */
    unsigned            fails;          /* sessions in a row, none good */
    int64_t             since;          /* monotonic ms, of the session */
    int                 code;           /* of the last error in the log */
    uint32_t            sessions;
};


static void *ds_push_thread(void *data);
static bool ds_push_connect(ds_push_t *push, ds_error_t *err);
static bool ds_push_send(ds_push_t *push, ds_error_t *err);
static bool ds_push_begin(ds_push_t *push, const AVPacket *pkt,
    ds_error_t *err);
static void ds_push_failed(ds_push_t *push, const ds_error_t *err);
static void ds_push_wait(ds_push_t *push);
static ds_push_entry_t *ds_push_take(ds_push_t *push);
static void ds_push_header(ds_push_t *push, int track,
    AVCodecParameters *header);

static ds_push_entry_t *ds_push_entry(ds_push_t *push, const AVPacket *pkt,
    const AVCodecParameters *header);
static AVCodecParameters *ds_push_copy(const AVCodecParameters *header,
    const AVPacket *pkt);
static ds_push_entry_t *ds_push_append(ds_push_t *push, ds_push_entry_t *e,
    uint64_t *dropped);
static ds_push_entry_t *ds_push_trim(ds_push_t *push, int64_t dts);
static void ds_push_drop(ds_push_t *push, ds_push_entry_t *e);
static size_t ds_push_size(const ds_push_entry_t *e);
static bool ds_push_key(const AVPacket *pkt);
static void ds_push_entries_free(ds_push_entry_t *e);
static void ds_push_destroy(ds_push_t *push);


ds_push_t *
ds_push_create(ds_t *ds, const char *stream, const char *url)
{
    ds_push_t  *push;

    push = calloc(1, sizeof(ds_push_t));
    if (push == NULL) {
        return NULL;
    }

    push->ds = ds;
    push->tail = &push->head;
    push->status.enabled = true;
    ds_redact_url(push->shown, sizeof(push->shown), url);

    (void) pthread_mutex_init(&push->lock, NULL);

    push->stream = strdup(stream);
    push->url = strdup(url);
    push->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (ds_cancel_init(&push->cancel) != DS_OK || push->wake == -1
        || push->stream == NULL || push->url == NULL
        || ds_thread_start(&push->thread, "ds-push", ds_push_thread, push)
           != DS_OK)
    {
        ds_push_destroy(push);
        return NULL;
    }

    return push;
}


void
ds_push_free(ds_push_t **ppush)
{
    ds_push_t  *push;

    push = *ppush;
    if (push == NULL) {
        return;
    }

    *ppush = NULL;

    ds_cancel_set(&push->cancel);
    (void) pthread_join(push->thread, NULL);

    ds_push_destroy(push);
}


static void
ds_push_destroy(ds_push_t *push)
{
    int  i;

    ds_push_entries_free(push->head);

    for (i = 0; i < 2; i++) {
        avcodec_parameters_free(&push->last[i]);
        avcodec_parameters_free(&push->pending[i]);
        avcodec_parameters_free(&push->header[i]);
    }

    if (push->wake != -1) {
        (void) close(push->wake);
    }

    ds_cancel_free(&push->cancel);
    (void) pthread_mutex_destroy(&push->lock);
    free(push->stream);
    free(push->url);
    free(push);
}


void
ds_push_status(ds_push_t *push, ds_push_status_t *status)
{
    (void) pthread_mutex_lock(&push->lock);
    *status = push->status;
    (void) pthread_mutex_unlock(&push->lock);
}


/* context: push thread */

static void *
ds_push_thread(void *data)
{
    ds_push_t  *push = data;

    ds_error_t  err;

    while (!ds_cancel_is_set(&push->cancel)) {

        if ((push->out == NULL && !ds_push_connect(push, &err))
            || !ds_push_send(push, &err))
        {
            ds_push_failed(push, &err);
            continue;
        }

        ds_push_wait(push);
    }

    ds_output_close(&push->out);

    return NULL;
}


/* context: push thread */

static bool
ds_push_connect(ds_push_t *push, ds_error_t *err)
{
    push->out = ds_output_push(push->url,
                               push->ds->conf.push_certificate,
                               &push->cancel, err);
    if (push->out == NULL) {
        return false;
    }

    push->begun = false;
    push->since = ds_monotonic();
    push->sessions++;

    (void) pthread_mutex_lock(&push->lock);
    push->status.connected = true;
    push->status.reconnects = push->sessions - 1;
    push->warned = false;
    (void) pthread_mutex_unlock(&push->lock);

    ds_log(push->ds, DS_LOG_NOTICE, push->stream, "%s, url: \"%s\"",
           push->sessions == 1 ? "pushing" : "pushing again", push->shown);

    return true;
}


/* context: push thread; sends all there is */

static bool
ds_push_send(ds_push_t *push, ds_error_t *err)
{
    int               rc, track;
    AVPacket         *pkt;
    ds_push_entry_t  *e;

    while ((e = ds_push_take(push)) != NULL) {
        pkt = e->pkt;
        track = pkt->stream_index;

        if (push->begun && ds_push_key(pkt) && ds_output_worn(push->out)) {
            ds_output_close(&push->out);

            if (!ds_push_connect(push, err)) {
                ds_push_entries_free(e);
                return false;
            }
        }

        if (!push->begun) {
            if (!ds_push_key(pkt)) {
                ds_push_entries_free(e);
                continue;
            }

            if (!ds_push_begin(push, pkt, err)) {
                ds_push_entries_free(e);
                return false;
            }
        }

        rc = ds_output_write(push->out, pkt,
                             push->fresh[track] ? push->header[track] : NULL,
                             err);
        push->fresh[track] = false;

        if (rc == DS_OK) {
            (void) pthread_mutex_lock(&push->lock);
            push->status.bytes += pkt->size;
            (void) pthread_mutex_unlock(&push->lock);
        }

        ds_push_entries_free(e);

        if (rc != DS_OK) {
            return false;
        }
    }

    return ds_output_flush(push->out, err) == DS_OK;
}


/* context: push thread; a session's first packet, a key frame */

static bool
ds_push_begin(ds_push_t *push, const AVPacket *pkt, ds_error_t *err)
{
    if (ds_output_begin(push->out, push->header[DS_VIDEO],
                        push->header[DS_AUDIO], err)
        != DS_OK)
    {
        return false;
    }

    push->begun = true;
    push->fresh[DS_VIDEO] = false;
    push->fresh[DS_AUDIO] = false;

    ds_log(push->ds, DS_LOG_DEBUG, push->stream, "push begins at %lld ms",
           (long long) pkt->dts / 1000);

    return true;
}


/* context: push thread; there is no session, or no more: waits */

static void
ds_push_failed(ds_push_t *push, const ds_error_t *err)
{
    int64_t  wait;

    if (push->out != NULL && ds_monotonic() - push->since > DS_PUSH_GOOD) {
        push->fails = 0;
        push->code = DS_OK;
    }

    ds_output_close(&push->out);

    if (err->code == DS_ECANCELED) {
        return;
    }

    (void) pthread_mutex_lock(&push->lock);
    push->status.connected = false;
    push->status.error = *err;
    (void) pthread_mutex_unlock(&push->lock);

    if (push->code != err->code) {
        push->code = err->code;
        ds_log(push->ds, DS_LOG_WARN, push->stream,
               "push is down, trying again: %s: %s, url: \"%s\"",
               ds_error_code(err->code), err->message, push->shown);
    }

    wait = DS_PUSH_RETRY_MIN << (push->fails < 6 ? push->fails : 6);
    push->fails++;

    (void) ds_cancel_wait(&push->cancel, wait > DS_PUSH_RETRY_MAX
                                         ? DS_PUSH_RETRY_MAX : wait);
}


/* context: push thread; for packets, or until it is time to hear the server */

static void
ds_push_wait(ds_push_t *push)
{
    uint64_t       n;
    struct pollfd  pfd[2];

    pfd[0].fd = push->wake;
    pfd[0].events = POLLIN;
    pfd[1].fd = push->cancel.fd;
    pfd[1].events = POLLIN;

    (void) poll(pfd, 2, DS_PUSH_IDLE);
    (void) !read(push->wake, &n, sizeof(n));
}


/* context: push thread; the oldest entry, its header is in force then */

static ds_push_entry_t *
ds_push_take(ds_push_t *push)
{
    int                 i;
    ds_push_entry_t    *e;
    AVCodecParameters  *pending[2];

    (void) pthread_mutex_lock(&push->lock);

    e = push->ready ? push->head : NULL;

    if (e != NULL) {
        push->head = e->next;
        push->size -= ds_push_size(e);

        if (push->head == NULL) {
            push->tail = &push->head;
        }

        for (i = 0; i < 2; i++) {
            pending[i] = push->pending[i];
            push->pending[i] = NULL;
        }
    }

    (void) pthread_mutex_unlock(&push->lock);

    if (e != NULL) {
        e->next = NULL;

        ds_push_header(push, DS_VIDEO, pending[DS_VIDEO]);
        ds_push_header(push, DS_AUDIO, pending[DS_AUDIO]);
        ds_push_header(push, e->pkt->stream_index, e->header);

        e->header = NULL;
    }

    return e;
}


/* context: push thread; moved, may be NULL */

static void
ds_push_header(ds_push_t *push, int track, AVCodecParameters *header)
{
    if (header != NULL) {
        avcodec_parameters_free(&push->header[track]);
        push->header[track] = header;
        push->fresh[track] = true;
    }
}


/* context: the putter's thread, as all that follows */

void
ds_push_put(ds_push_t *push, const AVPacket *pkt,
    const AVCodecParameters *header)
{
    bool              warn;
    uint64_t          one, dropped;
    ds_push_entry_t  *e;

    e = ds_push_entry(push, pkt, header);
    dropped = 0;

    (void) pthread_mutex_lock(&push->lock);

    if (e != NULL) {
        e = ds_push_append(push, e, &dropped);

    } else {
        /* no memory: what refers to it must not follow */
        push->cut = true;
        dropped = 1;
    }

    push->status.dropped += dropped;
    warn = dropped != 0 && !push->warned;
    push->warned |= warn;

    (void) pthread_mutex_unlock(&push->lock);

    one = 1;
    (void) !write(push->wake, &one, sizeof(one));

    ds_push_entries_free(e);

    if (warn) {
        ds_log(push->ds, DS_LOG_WARN, push->stream,
               "push is too slow, packets are dropped, url: \"%s\"",
               push->shown);
    }
}


/* NULL: no memory */

static ds_push_entry_t *
ds_push_entry(ds_push_t *push, const AVPacket *pkt,
    const AVCodecParameters *header)
{
    int                 track;
    bool                changed;
    ds_push_entry_t    *e;
    AVCodecParameters  *last;

    track = pkt->stream_index;
    changed = header != NULL
              || av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, NULL)
                 != NULL;

    if (header == NULL) {
        header = push->last[track];
    }

    if (header == NULL) {
        return NULL;
    }

    e = calloc(1, sizeof(ds_push_entry_t));
    if (e == NULL) {
        return NULL;
    }

    e->pkt = av_packet_clone(pkt);

    if (e->pkt == NULL) {
        ds_push_entries_free(e);
        return NULL;
    }

    if (changed) {
        e->header = ds_push_copy(header, pkt);
        last = ds_push_copy(header, pkt);

        if (e->header == NULL || last == NULL) {
            avcodec_parameters_free(&last);
            ds_push_entries_free(e);
            return NULL;
        }

        avcodec_parameters_free(&push->last[track]);
        push->last[track] = last;
    }

    return e;
}


/* with the packet's own extradata, if it has such; NULL: no memory */

static AVCodecParameters *
ds_push_copy(const AVCodecParameters *header, const AVPacket *pkt)
{
    size_t              size;
    uint8_t            *side, *data;
    AVCodecParameters  *copy;

    copy = avcodec_parameters_alloc();

    if (copy == NULL || avcodec_parameters_copy(copy, header) < 0) {
        avcodec_parameters_free(&copy);
        return NULL;
    }

    side = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (side == NULL || size > DS_CODEC_HEADER) {
        return copy;
    }

    data = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);

    if (data == NULL) {
        avcodec_parameters_free(&copy);
        return NULL;
    }

    memcpy(data, side, size);
    av_freep(&copy->extradata);
    copy->extradata = data;
    copy->extradata_size = size;

    return copy;
}


/* with the lock held; moves "e", returns what was dropped */

static ds_push_entry_t *
ds_push_append(ds_push_t *push, ds_push_entry_t *e, uint64_t *dropped)
{
    int               track;
    ds_push_entry_t  *old, *p;

    track = e->pkt->stream_index;

    /* a track's first header is known at once: a session needs both */

    if (!push->ready && push->pending[track] == NULL) {
        push->pending[track] = e->header;
        e->header = NULL;
        push->ready = push->pending[!track] != NULL;
    }

    old = ds_push_trim(push, e->pkt->dts);

    for (p = old; p != NULL; p = p->next) {
        (*dropped)++;
    }

    if (push->cut && !ds_push_key(e->pkt)) {
        ds_push_drop(push, e);
        e->next = old;
        (*dropped)++;
        return e;
    }

    push->cut = false;
    push->size += ds_push_size(e);
    *push->tail = e;
    push->tail = &e->next;

    return old;
}


/* with the lock held; makes room: whole groups of pictures leave */

static ds_push_entry_t *
ds_push_trim(ds_push_t *push, int64_t dts)
{
    ds_push_entry_t  *e, *dropped, **last;

    dropped = NULL;
    last = &dropped;

    while (push->head != NULL
           && (push->size > DS_PUSH_SIZE
               || dts - push->head->pkt->dts > DS_PUSH_TIME))
    {
        do {
            e = push->head;
            push->head = e->next;
            push->size -= ds_push_size(e);
            ds_push_drop(push, e);

            e->next = NULL;
            *last = e;
            last = &e->next;

        } while (push->head != NULL && !ds_push_key(push->head->pkt));

        if (push->head == NULL) {
            push->tail = &push->head;
            push->cut = true;
        }
    }

    return dropped;
}


/* with the lock held; its header is in force for what follows */

static void
ds_push_drop(ds_push_t *push, ds_push_entry_t *e)
{
    int                 track;
    AVCodecParameters  *old;

    if (e->header != NULL) {
        track = e->pkt->stream_index;
        old = push->pending[track];
        push->pending[track] = e->header;
        e->header = old;
    }
}


static size_t
ds_push_size(const ds_push_entry_t *e)
{
    return e->pkt->size + DS_PUSH_OVERHEAD;
}


static bool
ds_push_key(const AVPacket *pkt)
{
    return pkt->stream_index == DS_VIDEO && (pkt->flags & AV_PKT_FLAG_KEY);
}


static void
ds_push_entries_free(ds_push_entry_t *e)
{
    ds_push_entry_t  *next;

    for ( /* void */ ; e != NULL; e = next) {
        next = e->next;
        av_packet_free(&e->pkt);
        avcodec_parameters_free(&e->header);
        free(e);
    }
}
