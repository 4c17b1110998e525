
/*
 * ds_sent.c: a list of packets, oldest first, and the places of its readers.
 * A reader's place and all behind it is in the list, so what lies before
 * every place is nobody's.  Knows nothing of sessions.
 */

#include <stdlib.h>
#include <string.h>

#include "air/ds_sent.h"
#include "base/ds_engine.h"
#include "base/ds_item.h"
#include "media/ds_codec.h"
#include "rtmp/ds_flv.h"


/* what may wait of a stream, bytes and us */
#define DS_SENT_SIZE      (16 << 20)
#define DS_SENT_TIME      20000000

/* us: what may wait all the same; no reader that keeps pace is so far behind */
#define DS_SENT_LEAST     1000000

/* what a packet takes besides its data, bytes */
#define DS_SENT_OVERHEAD  512


struct ds_sent_s {
    ds_t             *ds;

    /* the putter's */
    ds_heads_t       *heads;            /* NULL: none are known */
    bool              annexb;           /* so are the packets of video */
    bool              keyed;            /* "key" is under this header */

    pthread_mutex_t   lock;
    /* under the lock */
    ds_unit_t        *head;
    ds_unit_t       **tail;
    size_t            size;             /* bytes */
    ds_unit_t        *key;              /* the last one; NULL: none */
    ds_cursor_t      *cursors;
};


static ds_heads_t *ds_heads_create(const AVCodecParameters *video,
    double rate, const AVCodecParameters *audio);
static int ds_sent_side(ds_sent_t *sent, AVPacket *pkt, ds_error_t *err);
static ds_unit_t *ds_sent_append(ds_sent_t *sent, ds_unit_t *u,
    ds_unit_t **key);
static ds_unit_t *ds_sent_passed(ds_sent_t *sent, ds_unit_t *gone);
static ds_unit_t *ds_sent_trim(ds_sent_t *sent, int64_t dts);
static void ds_sent_jump(ds_cursor_t *c);
static bool ds_sent_much(ds_sent_t *sent, int64_t dts);
static ds_unit_t *ds_cursor_leave(ds_cursor_t *c);
static size_t ds_unit_size(const ds_unit_t *u);
static ds_unit_t *ds_unit_ref(ds_unit_t *u);
static void ds_unit_unref_list(ds_unit_t *u);


static ds_heads_t *
ds_heads_create(const AVCodecParameters *video, double rate,
    const AVCodecParameters *audio)
{
    ds_heads_t  *heads;

    heads = calloc(1, sizeof(ds_heads_t));
    if (heads == NULL) {
        return NULL;
    }

    atomic_init(&heads->refs, 1);
    heads->rate = rate;

    heads->par[DS_VIDEO] = avcodec_parameters_alloc();
    heads->par[DS_AUDIO] = avcodec_parameters_alloc();

    if (heads->par[DS_VIDEO] == NULL || heads->par[DS_AUDIO] == NULL
        || avcodec_parameters_copy(heads->par[DS_VIDEO], video) < 0
        || avcodec_parameters_copy(heads->par[DS_AUDIO], audio) < 0)
    {
        ds_heads_unref(&heads);
    }

    return heads;
}


ds_heads_t *
ds_heads_ref(ds_heads_t *heads)
{
    atomic_fetch_add(&heads->refs, 1);

    return heads;
}


void
ds_heads_unref(ds_heads_t **pheads)
{
    ds_heads_t  *heads;

    heads = *pheads;
    *pheads = NULL;

    if (heads == NULL || atomic_fetch_sub(&heads->refs, 1) != 1) {
        return;
    }

    avcodec_parameters_free(&heads->par[DS_VIDEO]);
    avcodec_parameters_free(&heads->par[DS_AUDIO]);
    free(heads);
}


static ds_unit_t *
ds_unit_ref(ds_unit_t *u)
{
    atomic_fetch_add(&u->refs, 1);

    return u;
}


void
ds_unit_unref(ds_unit_t **pu)
{
    ds_unit_t  *u;

    u = *pu;
    *pu = NULL;

    if (u == NULL || atomic_fetch_sub(&u->refs, 1) != 1) {
        return;
    }

    av_packet_free(&u->pkt);
    ds_heads_unref(&u->heads);
    free(u);
}


/* what has left the list */

static void
ds_unit_unref_list(ds_unit_t *u)
{
    ds_unit_t  *next;

    for ( /* void */ ; u != NULL; u = next) {
        next = u->next;
        ds_unit_unref(&u);
    }
}


bool
ds_unit_key(const ds_unit_t *u)
{
    return u->pkt->stream_index == DS_VIDEO
           && (u->pkt->flags & AV_PKT_FLAG_KEY);
}


static size_t
ds_unit_size(const ds_unit_t *u)
{
    return u->pkt->size + DS_SENT_OVERHEAD;
}


ds_sent_t *
ds_sent_create(ds_t *ds)
{
    ds_sent_t  *sent;

    sent = calloc(1, sizeof(ds_sent_t));
    if (sent == NULL) {
        return NULL;
    }

    sent->ds = ds;
    sent->tail = &sent->head;

    (void) pthread_mutex_init(&sent->lock, NULL);

    return sent;
}


void
ds_sent_free(ds_sent_t **psent)
{
    ds_sent_t  *sent;

    sent = *psent;
    if (sent == NULL) {
        return;
    }

    *psent = NULL;

    atomic_fetch_sub(&sent->ds->held, sent->size);
    ds_unit_unref_list(sent->head);
    ds_unit_unref(&sent->key);
    ds_heads_unref(&sent->heads);

    (void) pthread_mutex_destroy(&sent->lock);

    free(sent);
}


int
ds_sent_heads(ds_sent_t *sent, const AVCodecParameters *video,
    double rate, const AVCodecParameters *audio, ds_error_t *err)
{
    int          rc;
    ds_heads_t  *heads;

    ds_heads_unref(&sent->heads);
    sent->keyed = false;

    heads = ds_heads_create(video, rate, audio);
    if (heads == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_copy() failed");
    }

    rc = ds_flv_prepare_header(heads->par[DS_VIDEO], &sent->annexb, err);

    if (rc == DS_OK) {
        rc = ds_flv_prepare_header(heads->par[DS_AUDIO], NULL, err);
    }

    if (rc != DS_OK) {
        ds_heads_unref(&heads);
        return rc;
    }

    sent->heads = heads;

    return DS_OK;
}


/* a header that an item has in its midst, which nobody has checked */

static int
ds_sent_side(ds_sent_t *sent, AVPacket *pkt, ds_error_t *err)
{
    bool                annexb;
    size_t              size;
    uint8_t            *side, *data;
    ds_heads_t         *heads;
    AVCodecParameters  *par;

    side = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (side == NULL || size > DS_CODEC_HEADER) {
        return DS_OK;
    }

    heads = ds_heads_create(sent->heads->par[DS_VIDEO], sent->heads->rate,
                            sent->heads->par[DS_AUDIO]);
    data = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);

    if (heads == NULL || data == NULL) {
        av_free(data);
        ds_heads_unref(&heads);
        return ds_fail(err, DS_ENOMEM, "av_mallocz() failed");
    }

    memcpy(data, side, size);

    par = heads->par[pkt->stream_index];
    av_free(par->extradata);
    par->extradata = data;
    par->extradata_size = size;
    annexb = sent->annexb;

    if (ds_flv_prepare_header(par, &annexb, err) != DS_OK) {
        /* it is none: the one before is still the best there is */
        ds_heads_unref(&heads);
        return DS_OK;
    }

    if (pkt->stream_index == DS_AUDIO) {
        ds_codec_sound(par);

    } else {
        sent->keyed = false;
    }

    ds_heads_unref(&sent->heads);
    sent->heads = heads;
    sent->annexb = annexb;

    return DS_OK;
}


int
ds_sent_put(ds_sent_t *sent, AVPacket *pkt, ds_error_t *err)
{
    int         rc;
    ds_unit_t  *u, *key;

    rc = sent->heads != NULL
         ? ds_sent_side(sent, pkt, err)
         : ds_fail(err, DS_ESOURCE_INVALID, "a packet without a header");

    if (rc == DS_OK) {
        rc = ds_flv_prepare(pkt, pkt->stream_index == DS_VIDEO, sent->annexb,
                            err);
    }

    /* malloc() has what this thread has freed, calloc() does not look */
    u = rc == DS_OK ? malloc(sizeof(ds_unit_t)) : NULL;

    if (u == NULL) {
        av_packet_free(&pkt);
        return rc != DS_OK ? rc : ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    atomic_init(&u->refs, 1);
    u->pkt = pkt;
    u->heads = ds_heads_ref(sent->heads);
    u->unread = 0;
    u->next = NULL;
    sent->keyed |= ds_unit_key(u);
    key = NULL;

    (void) pthread_mutex_lock(&sent->lock);
    u = ds_sent_append(sent, u, &key);
    (void) pthread_mutex_unlock(&sent->lock);

    ds_unit_unref_list(u);
    ds_unit_unref(&key);

    return DS_OK;
}


AVPacket *
ds_sent_silence(ds_sent_t *sent)
{
    size_t     n;
    uint8_t    buf[DS_CODEC_SILENCE];
    AVPacket  *pkt;

    n = sent->heads != NULL
        ? ds_codec_silence(sent->heads->par[DS_AUDIO], buf) : 0;

    pkt = n != 0 ? av_packet_alloc() : NULL;

    if (pkt == NULL || av_new_packet(pkt, n) < 0) {
        av_packet_free(&pkt);
        return NULL;
    }

    memcpy(pkt->data, buf, n);
    pkt->stream_index = DS_AUDIO;
    pkt->flags = AV_PKT_FLAG_KEY;

    return pkt;
}


AVPacket *
ds_sent_again(ds_sent_t *sent)
{
    AVPacket   *pkt;
    ds_unit_t  *key;

    key = ds_sent_key(sent);

    pkt = key != NULL && sent->keyed ? av_packet_clone(key->pkt) : NULL;

    if (pkt != NULL) {
        av_packet_free_side_data(pkt);
    }

    ds_unit_unref(&key);

    return pkt;
}


/*
 * With the lock held; "u" is moved.  What has left, and *old, the key frame
 * before this one, are the caller's to drop.
 */

static ds_unit_t *
ds_sent_append(ds_sent_t *sent, ds_unit_t *u, ds_unit_t **old)
{
    bool          key;
    ds_cursor_t  *c;

    key = ds_unit_key(u);

    for (c = sent->cursors; c != NULL; c = c->next) {

        if (c->cut && !key) {
            c->dropped++;
            continue;
        }

        c->cut = false;
        c->waiting += ds_unit_size(u);
        u->unread++;

        if (c->unit == NULL) {
            c->unit = u;
        }
    }

    *sent->tail = u;
    sent->tail = &u->next;
    sent->size += ds_unit_size(u);
    atomic_fetch_add(&sent->ds->held, ds_unit_size(u));

    if (key) {
        *old = sent->key;
        sent->key = ds_unit_ref(u);
    }

    return ds_sent_trim(sent, u->pkt->dts);
}


/*
 * With the lock held, as the three that follow; what all have passed leaves,
 * and is put before "gone".
 */

static ds_unit_t *
ds_sent_passed(ds_sent_t *sent, ds_unit_t *gone)
{
    ds_unit_t  *u;

    while ((u = sent->head) != NULL && u->unread == 0) {

        sent->head = u->next;

        if (sent->head == NULL) {
            sent->tail = &sent->head;
        }

        sent->size -= ds_unit_size(u);
        atomic_fetch_sub(&sent->ds->held, ds_unit_size(u));

        u->next = gone;
        gone = u;
    }

    return gone;
}


/*
 * And whole groups of pictures, where too much waits: for those who are the
 * furthest behind, nobody else loses anything by them.
 */

static ds_unit_t *
ds_sent_trim(ds_sent_t *sent, int64_t dts)
{
    ds_unit_t    *gone, *head;
    ds_cursor_t  *c;

    gone = ds_sent_passed(sent, NULL);

    while (sent->head != NULL && ds_sent_much(sent, dts)) {
        head = sent->head;

        for (c = sent->cursors; c != NULL; c = c->next) {
            if (c->unit == head) {
                ds_sent_jump(c);
            }
        }

        gone = ds_sent_passed(sent, gone);
    }

    return gone;
}


/* to the next key frame, also if it has yet to come */

static void
ds_sent_jump(ds_cursor_t *c)
{
    do {
        c->unit->unread--;
        c->waiting -= ds_unit_size(c->unit);
        c->dropped++;
        c->unit = c->unit->next;
    } while (c->unit != NULL && !ds_unit_key(c->unit));

    c->cut = c->unit == NULL;
}


static bool
ds_sent_much(ds_sent_t *sent, int64_t dts)
{
    int64_t  most;

    most = atomic_load(&sent->ds->held) > sent->ds->held_most
           ? DS_SENT_LEAST : DS_SENT_TIME;

    return sent->size > DS_SENT_SIZE || dts - sent->head->pkt->dts > most;
}


ds_unit_t *
ds_sent_key(ds_sent_t *sent)
{
    ds_unit_t  *u;

    (void) pthread_mutex_lock(&sent->lock);
    u = sent->key != NULL ? ds_unit_ref(sent->key) : NULL;
    (void) pthread_mutex_unlock(&sent->lock);

    return u;
}


void
ds_cursor_open(ds_cursor_t *c, ds_sent_t *sent)
{
    *c = (ds_cursor_t) { .sent = sent };

    (void) pthread_mutex_lock(&sent->lock);
    c->next = sent->cursors;
    sent->cursors = c;
    (void) pthread_mutex_unlock(&sent->lock);
}


void
ds_cursor_close(ds_cursor_t *c)
{
    ds_unit_t     *gone;
    ds_cursor_t  **p;

    if (c->sent == NULL) {
        return;
    }

    (void) pthread_mutex_lock(&c->sent->lock);

    for (p = &c->sent->cursors; *p != c; p = &(*p)->next) {
        /* void */
    }

    *p = c->next;
    gone = ds_cursor_leave(c);

    (void) pthread_mutex_unlock(&c->sent->lock);

    ds_unit_unref_list(gone);
    c->sent = NULL;
}


ds_unit_t *
ds_cursor_get(ds_cursor_t *c)
{
    ds_unit_t  *u;

    (void) pthread_mutex_lock(&c->sent->lock);
    u = c->unit != NULL ? ds_unit_ref(c->unit) : NULL;
    (void) pthread_mutex_unlock(&c->sent->lock);

    return u;
}


void
ds_cursor_pass(ds_cursor_t *c, ds_unit_t **pu, bool was_sent)
{
    ds_unit_t  *u, *gone;

    u = *pu;
    gone = NULL;

    (void) pthread_mutex_lock(&c->sent->lock);

    c->bytes += was_sent ? u->pkt->size : 0;

    /* else it was dropped meanwhile, and those behind it too */

    if (c->unit == u) {
        c->unit = u->next;
        c->waiting -= ds_unit_size(u);
        u->unread--;
        gone = ds_sent_passed(c->sent, NULL);
    }

    (void) pthread_mutex_unlock(&c->sent->lock);

    ds_unit_unref_list(gone);
    ds_unit_unref(pu);
}


/* with the lock held; what leaves is the caller's to drop */

static ds_unit_t *
ds_cursor_leave(ds_cursor_t *c)
{
    for ( /* void */ ; c->unit != NULL; c->unit = c->unit->next) {
        c->unit->unread--;
    }

    c->waiting = 0;

    return ds_sent_passed(c->sent, NULL);
}


void
ds_cursor_counts(ds_cursor_t *c, ds_push_status_t *st)
{
    (void) pthread_mutex_lock(&c->sent->lock);
    st->bytes = c->bytes;
    st->dropped = c->dropped;
    st->waiting = c->waiting;
    (void) pthread_mutex_unlock(&c->sent->lock);
}
