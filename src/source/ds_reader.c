
/*
 * ds_reader.c: an item from its entry to its packets.  What ds_http cannot
 * mend at the byte is mended at the time: the item is opened again, as near to
 * where it was as its source allows, and what was given out before is dropped.
 * Knows nothing of codecs or of other items.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_engine.h"
#include "base/ds_fault.h"
#include "media/ds_codec.h"
#include "media/ds_params.h"
#include "net/ds_refusal.h"
#include "source/ds_link.h"
#include "source/ds_reader.h"


/* attempts to open an item, and ms after which there is none any more */
#define DS_READER_OPENS     3
#define DS_READER_OPENING   5000

/* ms between attempts, to open it or to go on, growing */
#define DS_READER_WAIT_MIN  200
#define DS_READER_WAIT_MAX  5000

/* ms between two records of faults that are being mended */
#define DS_READER_LOG       5000

/* ms, from one end of a broadcast's answer to the next */
#define DS_READER_ENDS      2000

/* us: a list has no more than so much of what it had before */
#define DS_READER_OVERLAP   120000000


/*
 * us: packets of a file may be so far from those of the same time; a track
 * that ended long before the other one is not looked for.
 */
#define DS_READER_BACK      3000000
#define DS_READER_APART     10000000


typedef struct {
    AVCodecParameters  *par;            /* NULL: there is no such track */
    int64_t             last;           /* DTS of the last packet given out */
    int64_t             next;           /* its end */
    int64_t             clock;          /* its DTS as the source says */
    bool                given;          /* there was one */
    bool                seen;           /* one came since it was opened again */
    bool                changed;        /* only a key frame may follow */
    bool                renewed;        /* its header is not the first one */
} ds_reader_track_t;


struct ds_reader_s {
    ds_link_conf_t   conf;
    ds_link_t          link;
    ds_media_t         media;           /* as it was at first */
    ds_http_hooks_t    hooks[2];
    ds_jar_t          *jar;
    ds_input_t        *in;
    int64_t            start;           /* ms; 0 when it cannot be sought in */

    uint64_t           bytes;           /* of inputs closed */
    uint64_t           counted;         /* of the input that is open */
    ds_reader_track_t  tracks[2];

    ds_error_t         failed;          /* the item has ended with this */
    int64_t            broken;          /* ms, when packets ended, 0: never */
    unsigned           attempts;        /* since then */
    int64_t            dropping;        /* ms, when it began, 0: it does not */
    int64_t            sought;          /* us, where it was opened again */
    bool               moved;           /* its codecs have changed */
    bool               noseek;          /* seeking has missed the place */
    bool               edge;            /* a broadcast's next packet is due */
    bool               overlap;         /* and others came before */
    bool               timed;           /* it says where it is */
    int64_t            ended;           /* ms, when it did, see
                                           ds_reader_goes_on() */
    int64_t            shift;           /* us, of a broadcast opened again */

    _Atomic int64_t    logged;          /* ms */
    atomic_int         trouble;         /* DS_E…, until the next packet */
};


static int ds_reader_begin(ds_reader_t *r, ds_error_t *err);
static ds_input_t *ds_reader_input_open(ds_reader_t *r, ds_error_t *err);
static void ds_reader_hooks(ds_reader_t *r);
static void ds_reader_fault(void *data, const ds_error_t *err,
    int64_t offset, int64_t wait);
static int ds_reader_renew_video(void *data, ds_http_req_t *req,
    ds_error_t *err);
static int ds_reader_renew_audio(void *data, ds_http_req_t *req,
    ds_error_t *err);
static void ds_reader_log(ds_reader_t *r, const ds_error_t *err,
    const char *where, int64_t wait);
static void ds_reader_count(ds_reader_t *r);
static int ds_reader_next(ds_reader_t *r, AVPacket *pkt, ds_error_t *err);
static bool ds_reader_new(ds_reader_t *r, const AVPacket *pkt);
static bool ds_reader_edge(ds_reader_t *r, AVPacket *pkt);
static int ds_reader_given(ds_reader_t *r, AVPacket *pkt, ds_error_t *err);
static int ds_reader_params(ds_reader_t *r, const AVPacket *pkt);
static int ds_reader_header(ds_reader_track_t *t, AVPacket *pkt);
static int ds_reader_reopen(ds_reader_t *r, ds_error_t *err);
static int ds_reader_adopt(ds_reader_t *r, ds_input_t *in, bool live,
    ds_error_t *err);
static bool ds_reader_goes_on(ds_reader_t *r);
static bool ds_reader_place(ds_reader_t *r, ds_input_t *in);
static bool ds_reader_again(ds_reader_t *r, ds_error_t *err);
static bool ds_reader_mend(ds_reader_t *r, ds_error_t *err);
static int ds_reader_compare(ds_reader_t *r, ds_input_t *in, ds_error_t *err);
static uint64_t ds_reader_bytes(ds_reader_t *r);
static void ds_reader_mending(ds_reader_t *r, const ds_error_t *err,
    const char *where, int64_t wait);


ds_reader_t *
ds_reader_open(const ds_link_conf_t *conf, ds_error_t *err)
{
    ds_error_t    seek;
    ds_reader_t  *r;

    r = calloc(1, sizeof(ds_reader_t));
    if (r == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    r->conf = *conf;
    r->link.conf = &r->conf;

    r->jar = ds_jar_create();
    if (r->jar == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for an item");
        goto failed;
    }

    ds_reader_hooks(r);

    if (ds_link_open(&r->link, err) != DS_OK
        || ds_reader_begin(r, err) != DS_OK)
    {
        goto failed;
    }

    /* as it was at first, which others may look at while it changes */

    if (ds_media_copy(&r->media, &r->link.media) != DS_OK) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for an item");
        goto failed;
    }

    if (ds_reader_compare(r, r->in, err) != DS_OK) {
        goto failed;
    }

    r->start = conf->start;

    if (r->start != 0) {
        ds_error_clear(&seek);

        if (ds_input_live(r->in)
            || ds_input_seek(r->in, r->start, &seek) != DS_OK)
        {
            r->start = 0;
        }
    }

    return r;

failed:

    ds_count_fault(conf->counters, err->code);
    ds_reader_close(&r);

    return NULL;
}


/* opens the item; what is soon over must not cost it */

static int
ds_reader_begin(ds_reader_t *r, ds_error_t *err)
{
    r->broken = ds_monotonic();
    r->attempts = 1;

    while ((r->in = ds_reader_input_open(r, err)) == NULL) {
        if (!ds_reader_mend(r, err)) {
            return err->code;
        }
    }

    r->broken = 0;
    r->attempts = 0;
    atomic_store(&r->trouble, DS_OK);

    return DS_OK;
}


/*
 * After an error, before the item is opened once more: has other URLs, or
 * waits; false: "err" says why there is nothing to be won.
 */

static bool
ds_reader_mend(ds_reader_t *r, ds_error_t *err)
{
    bool     first;
    int64_t  wait, limit;

    first = (r->in == NULL);

    if (first || ds_refusal_is(err->code)) {
        if (ds_link_mend(&r->link, ds_reader_bytes(r), err) == DS_OK) {
            return true;
        }

        if (!first) {
            return false;
        }
    }

    if (!ds_fault_passes(err->code)
        || (first && r->attempts == DS_READER_OPENS))
    {
        return false;
    }

    limit = first ? DS_READER_OPENING
            : r->link.excused + 3 * (int64_t) r->conf.ds->conf.source_timeout;

    wait = r->attempts == 0
           ? 0 : ds_backoff(r->attempts, DS_READER_WAIT_MIN,
                            DS_READER_WAIT_MAX);

    if (r->broken + limit - ds_monotonic() <= wait) {
        return false;
    }

    ds_reader_mending(r, err, first ? "from the start"
                                    : "with the item opened again", wait);

    if (wait > 0 && ds_cancel_wait(r->conf.cancel, wait)) {
        (void) ds_fail(err, DS_ECANCELED, "canceled");
        return false;
    }

    r->attempts++;

    return true;
}


static ds_input_t *
ds_reader_input_open(ds_reader_t *r, ds_error_t *err)
{
    unsigned     i;
    ds_media_t  *m;

    m = &r->link.media;

    for (i = 0; i < m->nurls; i++) {
        m->urls[i].brief = m->duration > 0 && r->conf.start == 0
                           && r->in == NULL;
    }

    return ds_input_open(r->conf.settings == NULL ? &r->conf.ds->conf
                                                  : r->conf.settings,
                         &r->link.media, r->conf.copies, r->hooks,
                         r->conf.cancel, err);
}


static void
ds_reader_hooks(ds_reader_t *r)
{
    int  i;

    for (i = 0; i < 2; i++) {
        r->hooks[i].data = r;
        r->hooks[i].hold = r->conf.ds->source_hold;
        r->hooks[i].jar = r->jar;
        r->hooks[i].fault = ds_reader_fault;
    }

    r->hooks[DS_VIDEO].renew = ds_reader_renew_video;
    r->hooks[DS_AUDIO].renew = ds_reader_renew_audio;
}


/* context: also that of the thread that opens the second URL */

static void
ds_reader_fault(void *data, const ds_error_t *err, int64_t offset,
    int64_t wait)
{
    char          where[64];
    ds_reader_t  *r = data;

    (void) snprintf(where, sizeof(where), "at byte %lld", (long long) offset);
    ds_reader_mending(r, err, where, wait);
}


static void
ds_reader_mending(ds_reader_t *r, const ds_error_t *err, const char *where,
    int64_t wait)
{
    ds_count_fault(r->conf.counters, err->code);
    atomic_store(&r->trouble, err->code);
    ds_reader_log(r, err, where, wait);
}


static int
ds_reader_renew_video(void *data, ds_http_req_t *req, ds_error_t *err)
{
    ds_reader_t  *r = data;

    return ds_link_renew(&r->link, 0, ds_reader_bytes(r), req, err);
}


static int
ds_reader_renew_audio(void *data, ds_http_req_t *req, ds_error_t *err)
{
    ds_reader_t  *r = data;

    return ds_link_renew(&r->link, 1, ds_reader_bytes(r), req, err);
}


/* of the item so far; nothing is open when the first bytes are read */

static uint64_t
ds_reader_bytes(ds_reader_t *r)
{
    return r->bytes + (r->in == NULL ? 0 : ds_input_bytes(r->in));
}


static void
ds_reader_log(ds_reader_t *r, const ds_error_t *err, const char *where,
    int64_t wait)
{
    int64_t  now, logged;

    now = ds_monotonic();
    logged = atomic_load(&r->logged);

    if ((logged != 0 && now - logged < DS_READER_LOG)
        || !atomic_compare_exchange_strong(&r->logged, &logged, now))
    {
        return;
    }

    ds_log(r->conf.ds, DS_LOG_WARN, r->conf.stream,
           "source broke: %s: %s, going on %s in %lld ms",
           ds_error_code(err->code), err->message, where, (long long) wait);
}


const ds_media_t *
ds_reader_media(ds_reader_t *r)
{
    return &r->media;
}


ds_input_t *
ds_reader_input(ds_reader_t *r)
{
    return r->in;
}


int64_t
ds_reader_start(ds_reader_t *r)
{
    return r->start;
}


int
ds_reader_trouble(ds_reader_t *r)
{
    return atomic_load(&r->trouble);
}


int
ds_reader_read(ds_reader_t *r, AVPacket *pkt, ds_error_t *err)
{
    int      rc;
    int64_t  began, timeout, spent;

    began = ds_monotonic();
    timeout = r->conf.ds->conf.source_timeout;

    for ( ;; ) {
        spent = ds_monotonic();
        rc = ds_reader_next(r, pkt, err);
        spent = ds_monotonic() - spent;

        ds_reader_count(r);

        if (rc == 0 && r->failed.code == DS_OK && ds_reader_goes_on(r)) {
            continue;
        }

        if (r->failed.code != DS_OK && rc <= 0) {
            *err = r->failed;
            return err->code;
        }

        if (rc >= 0) {
            r->broken = 0;
            r->attempts = 0;
            atomic_store(&r->trouble, DS_OK);
            return rc;
        }

        if (r->broken == 0) {
            r->broken = began;
            r->link.excused = 0;
        }

        /* after longer than one time-out the byte has been tried for long */

        if ((spent > timeout + timeout / 4 && !ds_refusal_is(err->code))
            || !ds_reader_again(r, err))
        {
            ds_count_fault(r->conf.counters, err->code);

            r->failed = *err;
            ds_input_drain(r->in);
        }
    }
}


/*
 * The end of bytes of no known size, without an error: of a file that is its
 * end; a broadcast that is asked for again is at another place.
 */

static bool
ds_reader_goes_on(ds_reader_t *r)
{
    int64_t      wait;
    ds_input_t  *in;
    ds_error_t   err;

    if (r->conf.kept != NULL || r->link.media.live || ds_input_live(r->in)
        || !ds_input_endless(r->in))
    {
        return false;
    }

    wait = r->ended == 0 ? 0 : r->ended + DS_READER_ENDS - ds_monotonic();

    if (wait > 0 && ds_cancel_wait(r->conf.cancel, wait)) {
        return false;
    }

    r->ended = ds_monotonic();
    ds_error_clear(&err);

    in = ds_reader_input_open(r, &err);
    if (in == NULL) {
        return false;
    }

    if (!ds_input_moved(r->in, in)) {
        ds_input_close(&in);
        return false;
    }

    (void) ds_fail(&err, DS_ESOURCE_CUT, "a broadcast has ended its answer");
    ds_reader_mending(r, &err, "with the item opened again", 0);

    return ds_reader_adopt(r, in, true, &err) == DS_OK;
}


static void
ds_reader_count(ds_reader_t *r)
{
    uint64_t  bytes;

    bytes = ds_input_bytes(r->in);

    /* the cache is no source */

    if (r->conf.counters != NULL && r->conf.kept == NULL) {
        (void) atomic_fetch_add(&r->conf.counters->bytes_in,
                                bytes - r->counted);
    }

    r->counted = bytes;
}


/* the next packet that was not given out before */

static int
ds_reader_next(ds_reader_t *r, AVPacket *pkt, ds_error_t *err)
{
    int                 rc;
    int64_t             limit;
    ds_reader_track_t  *t;

    limit = 6 * (int64_t) r->conf.ds->conf.source_timeout;

    while ((rc = ds_input_read(r->in, pkt, err)) == 1) {

        t = &r->tracks[pkt->stream_index];

        /* the first packet of each track has to be one that was there */

        if (r->sought != 0 && !t->seen && t->given && pkt->dts > t->last
            && t->last >= r->sought)
        {
            r->noseek = true;
            av_packet_unref(pkt);
            return ds_fail(err, DS_ESOURCE_CUT,
                           "seeking has missed the place");
        }

        t->seen = true;

        if (ds_reader_edge(r, pkt) && ds_reader_new(r, pkt)) {
            return ds_reader_given(r, pkt, err);
        }

        av_packet_unref(pkt);

        if (r->dropping != 0 && ds_monotonic() - r->dropping > limit) {
            return ds_fail(err, DS_ESOURCE_TIMEOUT,
                           "the place where it broke is too far away");
        }
    }

    if (rc == 0 && r->sought != 0 && !r->tracks[DS_VIDEO].seen
        && !r->tracks[DS_AUDIO].seen)
    {
        r->noseek = true;
        return ds_fail(err, DS_ESOURCE_CUT, "seeking has found the end");
    }

    return rc;
}


static bool
ds_reader_new(ds_reader_t *r, const AVPacket *pkt)
{
    ds_reader_track_t  *t;

    t = &r->tracks[pkt->stream_index];

    if (t->given && pkt->dts <= t->last) {
        return false;
    }

    /* what a new header is for begins with a key frame */

    return !t->changed || pkt->stream_index != DS_VIDEO
           || (pkt->flags & AV_PKT_FLAG_KEY);
}


/*
 * A broadcast goes on with the next packet, if the list still has it, else
 * with a key frame, where the last packet has ended.
 */

static bool
ds_reader_edge(ds_reader_t *r, AVPacket *pkt)
{
    int64_t             clock, behind;
    ds_reader_track_t  *t, *v, *a;

    if (r->edge) {
        v = &r->tracks[DS_VIDEO];
        a = &r->tracks[DS_AUDIO];
        t = &r->tracks[pkt->stream_index];

        clock = pkt->dts + ds_input_start(r->in);
        behind = t->clock - clock;

        if (r->timed && t->given && behind >= 0
            && behind < DS_READER_OVERLAP)
        {
            r->overlap = true;
            return false;
        }

        if (r->overlap && t->given) {
            r->shift = t->last - t->clock + ds_input_start(r->in);

        } else if (v->par == NULL || (pkt->stream_index == DS_VIDEO
                                      && (pkt->flags & AV_PKT_FLAG_KEY)))
        {
            r->shift = (v->next > a->next ? v->next : a->next) - pkt->dts;

        } else {
            return false;
        }

        r->edge = false;
    }

    pkt->dts += r->shift;
    pkt->pts += r->shift;

    return true;
}


static int
ds_reader_given(ds_reader_t *r, AVPacket *pkt, ds_error_t *err)
{
    ds_reader_track_t  *t;

    t = &r->tracks[pkt->stream_index];

    if (ds_reader_params(r, pkt) != DS_OK
        || (t->par != NULL && ds_reader_header(t, pkt) != DS_OK))
    {
        av_packet_unref(pkt);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    t->changed = false;
    t->given = true;
    t->last = pkt->dts;
    t->next = pkt->dts + pkt->duration;
    t->clock = pkt->dts - r->shift + ds_input_start(r->in);

    r->dropping = 0;

    return 1;
}


/* the item has other codecs from here on, or another header of one */

static int
ds_reader_params(ds_reader_t *r, const AVPacket *pkt)
{
    ds_reader_track_t        *t;
    const AVCodecParameters  *par;

    par = ds_params_of(pkt);
    if (par == NULL) {
        return DS_OK;
    }

    t = &r->tracks[pkt->stream_index];

    if (t->par == NULL) {
        t->par = avcodec_parameters_alloc();
    }

    if (t->par == NULL || avcodec_parameters_copy(t->par, par) < 0) {
        return DS_ENOMEM;
    }

    t->renewed = true;
    r->moved = true;

    return DS_OK;
}


/*
 * Whoever begins in the midst of the item, after a break, knows the first
 * header only: another one comes with each packet to begin with.
 */

static int
ds_reader_header(ds_reader_track_t *t, AVPacket *pkt)
{
    size_t    size;
    uint8_t  *side, *data;

    side = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &size);

    if (side == NULL) {

        if (!t->renewed || !(pkt->flags & AV_PKT_FLAG_KEY)
            || t->par->extradata_size <= 0)
        {
            return DS_OK;
        }

        size = t->par->extradata_size;
        data = av_packet_new_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, size);

        if (data == NULL) {
            return DS_ENOMEM;
        }

        memcpy(data, t->par->extradata, size);

        return DS_OK;
    }

    if (size > DS_CODEC_HEADER
        || (size == (size_t) t->par->extradata_size
            && memcmp(side, t->par->extradata, size) == 0))
    {
        return DS_OK;
    }

    data = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (data == NULL) {
        return DS_ENOMEM;
    }

    memcpy(data, side, size);
    av_freep(&t->par->extradata);

    t->par->extradata = data;
    t->par->extradata_size = size;
    t->renewed = true;

    return DS_OK;
}


void
ds_reader_close(ds_reader_t **pr)
{
    ds_reader_t  *r;

    r = *pr;
    if (r == NULL) {
        return;
    }

    *pr = NULL;

    ds_input_close(&r->in);
    ds_link_close(&r->link);
    ds_media_free(&r->media);
    ds_jar_free(&r->jar);

    avcodec_parameters_free(&r->tracks[DS_VIDEO].par);
    avcodec_parameters_free(&r->tracks[DS_AUDIO].par);

    free(r);
}


static bool
ds_reader_again(ds_reader_t *r, ds_error_t *err)
{
    do {
        if (!ds_reader_mend(r, err)) {
            return false;
        }

    } while (ds_reader_reopen(r, err) != DS_OK);

    return true;
}


static int
ds_reader_reopen(ds_reader_t *r, ds_error_t *err)
{
    bool         live;
    ds_input_t  *in;

    in = ds_reader_input_open(r, err);
    if (in == NULL) {
        return err->code;
    }

    live = r->link.media.live || ds_input_live(r->in)
           || ds_input_moved(r->in, in);
    r->noseek |= ds_input_jumped(r->in);
    r->sought = 0;

    if (!live && !r->noseek && !ds_reader_place(r, in)) {
        ds_input_close(&in);
        r->noseek = true;
        r->sought = 0;

        in = ds_reader_input_open(r, err);
        if (in == NULL) {
            return err->code;
        }
    }

    return ds_reader_adopt(r, in, live, err);
}


/* takes over "in": the item goes on with it */

static int
ds_reader_adopt(ds_reader_t *r, ds_input_t *in, bool live, ds_error_t *err)
{
    int  i;

    if (ds_reader_compare(r, in, err) != DS_OK) {
        ds_input_close(&in);
        return err->code;
    }

    /* a broadcast whose clock begins anew has no place to be found in it */

    r->timed = live && !ds_input_renumbered(r->in)
               && (ds_input_live(r->in)
                   || ds_input_start(in) != ds_input_start(r->in));

    r->bytes += ds_input_bytes(r->in);
    r->counted = 0;

    ds_input_close(&r->in);
    r->in = in;

    r->edge = live;
    r->overlap = false;
    r->dropping = ds_monotonic();

    for (i = 0; i < 2; i++) {
        r->tracks[i].seen = false;
    }

    return DS_OK;
}


static int
ds_reader_compare(ds_reader_t *r, ds_input_t *in, ds_error_t *err)
{
    int                       i;
    bool                      known;
    ds_reader_track_t        *t;
    const AVCodecParameters  *par;

    known = (r->tracks[DS_VIDEO].par != NULL || r->tracks[DS_AUDIO].par != NULL)
            && !r->moved;

    for (i = 0; i < 2; i++) {
        t = &r->tracks[i];
        par = ds_input_codecpar(in, i);

        if (known
            && ((par == NULL) != (t->par == NULL)
                || (par != NULL && par->codec_id != t->par->codec_id)))
        {
            return ds_fail(err, DS_ESOURCE_INVALID,
                           "source has other codecs than before");
        }
    }

    for (i = 0; i < 2; i++) {
        t = &r->tracks[i];
        par = ds_input_codecpar(in, i);

        if (par == NULL) {
            continue;
        }

        if (t->par == NULL) {
            t->par = avcodec_parameters_alloc();
            if (t->par == NULL) {
                return ds_fail(err, DS_ENOMEM, "no memory");
            }

        } else if (par->extradata_size != t->par->extradata_size
                   || (par->extradata_size > 0
                       && memcmp(par->extradata, t->par->extradata,
                                 par->extradata_size) != 0))
        {
            t->changed = true;
            t->renewed = true;
        }

        if (avcodec_parameters_copy(t->par, par) < 0) {
            return ds_fail(err, DS_ENOMEM, "no memory");
        }
    }

    return DS_OK;
}


/* seeks to where packets were read before; false: reading has moved */

static bool
ds_reader_place(ds_reader_t *r, ds_input_t *in)
{
    int64_t             us, least, most;
    ds_error_t          err;
    ds_reader_track_t  *v, *a;

    v = &r->tracks[DS_VIDEO];
    a = &r->tracks[DS_AUDIO];

    if (!v->given && !a->given) {
        return r->start == 0
               || ds_input_seek(in, r->start, &err) == DS_OK;
    }

    most = (!a->given || (v->given && v->last > a->last)) ? v->last : a->last;
    least = (!a->given || (v->given && v->last < a->last)) ? v->last : a->last;

    us = least - DS_READER_BACK;

    if (us < most - DS_READER_APART) {
        us = most - DS_READER_APART;
    }

    /* so near to the start there is nothing to be won */

    if (us <= 0) {
        return true;
    }

    r->sought = us;

    return ds_input_resume(in, us);
}
