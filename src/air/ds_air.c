
/*
 * ds_air.c: puts one item after another on one timeline, each packet when it
 * is due, and the slate when there is none; the session that publishes and
 * the pushes read from there, and none waits for another.  Knows nothing of
 * playlists: which item is next, and what becomes of a failed one, is for its
 * caller.
 */

#include <stdlib.h>
#include <string.h>

#include "air/ds_air.h"
#include "air/ds_fan.h"
#include "air/ds_feed.h"
#include "air/ds_mend.h"
#include "air/ds_timeline.h"
#include "base/ds_crash.h"
#include "base/ds_item.h"
#include "base/ds_job.h"


/* us: later than this the clock is set anew, or the backlog would burst out */
#define DS_MAX_LATE      200000

/* us: no item waits so long for its next packet, its clock has jumped */
#define DS_MAX_GAP       3000000

/* packets after which a session is good, and bad ones before one is dropped */
#define DS_GOOD_PACKETS  100
#define DS_BAD_SESSIONS  3

/*
 * ms after which the slate takes the place of what is missing: from the
 * start; when there is no item; when the item's source gives nothing
 */
#define DS_DARK_START    900
#define DS_DARK_IDLE     160
#define DS_DARK_STARVED  400

/* us of sound that the slate begins with, to close the hole before it */
#define DS_SLATE_LEAD    300000

/*
 * ms between publishing and the first packet, when nginx-rtmp pushes: it
 * connects to the target meanwhile, and does not keep a key frame for it
 */
#define DS_PUSH_TIME     200

/* ms between two looks at a session that has nothing to send */
#define DS_IDLE_LOOK     1000

/* packets of a track in a row that cannot be written: the item is bad */
#define DS_BAD_PACKETS   16

/* ms between connects, and between two looks for the name of a push */
#define DS_RETRY_MIN     100
#define DS_RETRY_MAX     5000
#define DS_LOOK_MIN      5000
#define DS_LOOK_MAX      60000


struct ds_air_s {
    ds_t               *ds;
    const ds_target_t  *target;
    ds_slate_t         *slate;          /* borrowed; NULL: none */
    ds_sent_t          *sent;           /* borrowed */
    ds_bell_t          *bell;           /* borrowed */
    ds_fan_t            fan;            /* pushes of our own */

    ds_cancel_t         cancel;         /* of the session and what makes it */
    ds_job_t            connector;
    bool                connecting;     /* it was started, and not ended */
    bool                looking;        /* for the name of the push alone */
    ds_output_t        *opened;         /* the connector's, until it is done */
    ds_error_t          why;            /* the same */

    ds_output_t        *out;            /* NULL: not connected */
    ds_cursor_t         cursor;         /* what it has of "sent", meanwhile */
    uint64_t            bytes;          /* of the sessions before */
    ds_error_t          err;            /* not told yet; code 0: none */
    int                 code;           /* of the last one in the log */
    int64_t             push_err_at;    /* of the push's that was told */
    unsigned            tries;          /* sessions in a row, none good */
    unsigned            bad;            /* those that were lost early */
    unsigned            packets;        /* of this session */
    int64_t             retry_at;       /* monotonic ms */
    unsigned            looks;          /* for that name, in a row */
    int64_t             begin_at;       /* monotonic ms, not before */
    int64_t             dark_at;        /* monotonic ms, the first slate */
    int64_t             looked_at;      /* monotonic ms, when idle */
    uint32_t            sessions;

    ds_timeline_t       timeline;
    int64_t             clock;          /* monotonic us of output time 0 */

    ds_feed_t           feed;           /* the item */
    AVPacket           *pkt[2];         /* next of each track, mapped */
    ds_stamp_t          stamp[2];
    bool                fill[2];        /* it is not the item's */
    ds_mend_t           mend;           /* holes in one of the two */
    bool                fresh;          /* its headers are still to be put */
    unsigned            refused[2];     /* packets of a track, in a row */
    bool                wait_key;       /* new session: from a key frame */
    bool                cut;            /* ends with what has been sent */
    bool                paused;         /* nobody was there to send to */
    int64_t             until;          /* monotonic us, 0: no limit */

    bool                on_slate;       /* and not the item */
    int64_t             position;       /* ms into the item, meanwhile */
    int64_t             unsent;         /* ms of the item before that */
    bool                over;           /* it was cut meanwhile */

    ds_meter_t          meter;
};


static ds_air_e ds_air_play(ds_air_t *air, ds_error_t *err);
static void ds_air_send(ds_air_t *air);
static int ds_air_put_due(ds_air_t *air, unsigned *n, ds_error_t *err);
static bool ds_air_heard(ds_air_t *air);
static ds_air_e ds_air_pause(ds_air_t *air);
static void ds_air_connect(ds_air_t *air);
static void ds_air_connect_run(void *data);
static void ds_air_connected(ds_air_t *air);
static void ds_air_looked(ds_air_t *air);
static void ds_air_close(ds_air_t *air);
static void ds_air_fault(ds_air_t *air, const ds_error_t *err);
static ds_air_e ds_air_idle(ds_air_t *air, ds_air_e rc);
static void ds_air_enter(ds_air_t *air);
static bool ds_air_lacks(ds_air_t *air);
static bool ds_air_show_slate(ds_air_t *air);
static void ds_air_relieve(ds_air_t *air);
static void ds_air_close_gap(ds_air_t *air, int64_t gap);
static void ds_air_drop(AVPacket *pkt[2]);
static void ds_air_fill(ds_air_t *air, int track);
static void ds_air_mend(ds_air_t *air);
static void ds_air_tell_holes(ds_air_t *air);
static int ds_air_next(ds_air_t *air);
static bool ds_air_put(ds_air_t *air, int track, int64_t late,
    ds_error_t *err);
static int ds_air_heads(ds_air_t *air, ds_error_t *err);
static void ds_air_lost(ds_air_t *air, const ds_error_t *err);
static void ds_air_retry(ds_air_t *air);


ds_air_t *
ds_air_create(ds_t *ds, const ds_target_t *target, ds_sent_t *sent,
    ds_slate_t *slate, ds_bell_t *bell)
{
    ds_air_t  *air;

    air = calloc(1, sizeof(ds_air_t));
    if (air == NULL) {
        return NULL;
    }

    if (ds_cancel_init(&air->cancel) != DS_OK) {
        free(air);
        return NULL;
    }

    air->ds = ds;
    air->target = target;
    air->slate = slate;
    air->bell = bell;
    air->dark_at = ds_monotonic() + DS_DARK_START;

    air->sent = sent;

    ds_timeline_init(&air->timeline);

    ds_fan_init(&air->fan, ds, target->name, &target->term, sent);

    return air;
}


void
ds_air_free(ds_air_t **pair)
{
    ds_air_t  *air;

    air = *pair;
    if (air == NULL) {
        return;
    }

    *pair = NULL;

    ds_air_stop(air);
    ds_job_end(&air->connector);

    ds_feed_item(&air->feed, NULL);
    ds_air_drop(air->pkt);
    ds_output_close(&air->opened);
    ds_fan_free(&air->fan);
    ds_cancel_free(&air->cancel);

    free(air);
}


void
ds_air_stop(ds_air_t *air)
{
    ds_cancel_set(&air->cancel);
    ds_fan_cancel(&air->fan);
    ds_air_close(air);
}


void
ds_air_outputs(ds_air_t *air, const char *outputs)
{
    ds_fan_set(&air->fan, outputs);
}


void
ds_air_restart(ds_air_t *air, const char *output)
{
    ds_fan_restart(&air->fan, output);
}


void
ds_air_item(ds_air_t *air, ds_source_t *src)
{
    ds_air_tell_holes(air);
    ds_feed_item(&air->feed, src);
    air->over = false;
    air->unsent = 0;

    if (src == NULL) {
        ds_meter_item(&air->meter);

        if (!air->on_slate) {
            ds_air_drop(air->pkt);
        }

        return;
    }

    air->position = ds_source_offset(src);

    if (air->out != NULL && ds_output_worn(air->out)) {
        ds_air_close(air);
    }

    if (!air->on_slate || !ds_air_heard(air)) {
        ds_air_enter(air);
    }
}


/* the item begins, or goes on, after all that was sent */

static void
ds_air_enter(ds_air_t *air)
{
    int                       samples;
    int64_t                   pts, dts, at;
    const AVCodecParameters  *par;

    if (air->on_slate) {
        ds_timeline_cut(&air->timeline);
    }

    par = ds_source_codecpar(air->feed.src, DS_AUDIO);
    samples = par->frame_size > 0 ? par->frame_size : 1024;

    ds_air_drop(air->pkt);
    ds_feed_begin(&air->feed, &pts, &dts);

    at = ds_source_offset(air->feed.src) + air->feed.origin / 1000;

    if (at > air->position) {
        air->unsent += at - air->position;
    }

    air->on_slate = false;
    air->cut = false;
    air->fresh = true;
    air->refused[DS_VIDEO] = 0;
    air->refused[DS_AUDIO] = 0;

    ds_timeline_item(&air->timeline, pts, dts);
    ds_mend_begin(&air->mend, INT64_C(1000000) * samples / par->sample_rate);
}


void
ds_air_cut(ds_air_t *air)
{
    if (air->on_slate) {
        air->over = true;
        return;
    }

    av_packet_free(&air->pkt[DS_VIDEO]);

    air->cut = true;
}


void
ds_air_until(ds_air_t *air, int64_t until)
{
    air->until = until;
}


ds_air_e
ds_air_tick(ds_air_t *air, ds_error_t *err)
{
    ds_air_e  rc;

    ds_fan_step(&air->fan);

    if (air->target->publish != NULL) {
        ds_air_connect(air);
    }

    if (!ds_air_heard(air)) {
        return ds_air_pause(air);
    }

    if (air->on_slate) {
        ds_air_relieve(air);
    }

    rc = ds_air_play(air, err);

    if ((rc == DS_AIR_IDLE || rc == DS_AIR_STARVED) && ds_air_lacks(air)
        && ds_air_show_slate(air))
    {
        rc = ds_air_play(air, err);
    }

    return rc;
}


/* somebody takes what is sent */

static bool
ds_air_heard(ds_air_t *air)
{
    return (air->out != NULL && !ds_output_full(air->out))
           || ds_fan_heard(&air->fan);
}


/* all of it waits, so that nothing is lost that nobody would get */

static ds_air_e
ds_air_pause(ds_air_t *air)
{
    int64_t     at;
    ds_error_t  err;

    air->paused = true;
    at = 0;

    if (air->out != NULL) {
        ds_air_send(air);
    }

    if (air->target->publish != NULL) {
        return air->out == NULL && air->tries != 0 ? DS_AIR_DOWN
                                                   : DS_AIR_IDLE;
    }

    return ds_fan_error(&air->fan, &at, &err) ? DS_AIR_DOWN : DS_AIR_IDLE;
}


/* sends what is due of the item, or of the slate */

static ds_air_e
ds_air_play(ds_air_t *air, ds_error_t *err)
{
    int       track;
    unsigned  n;

    if (air->feed.src == NULL && !air->on_slate) {
        return ds_air_idle(air, DS_AIR_IDLE);
    }

    if (ds_monotonic() < air->begin_at) {
        return DS_AIR_IDLE;
    }

    track = ds_air_put_due(air, &n, err);

    if (n != 0) {
        ds_air_send(air);
    }

    if (track == -2) {
        return DS_AIR_OVER;
    }

    if (air->on_slate) {
        return air->feed.src != NULL
               && (air->over || ds_feed_drained(&air->feed))
               ? DS_AIR_OVER : DS_AIR_SLATE;
    }

    if (track != -1) {
        return DS_AIR_SENT;
    }

    if (air->cut || ds_feed_drained(&air->feed)) {
        return DS_AIR_OVER;
    }

    return n != 0 && !ds_meter_slow(&air->meter)
           ? DS_AIR_SENT : ds_air_idle(air, DS_AIR_STARVED);
}


/* what was put, to the server; it pings, and may leave, also without that */

static void
ds_air_send(ds_air_t *air)
{
    ds_error_t  err;

    ds_fan_wake(&air->fan);

    if (air->out != NULL
        && ds_output_send(air->out, &air->cursor, &err) != DS_OK)
    {
        ds_air_lost(air, &err);
    }
}


/* the track that is not due yet, -1: nothing is left, -2: the item is bad */

static int
ds_air_put_due(ds_air_t *air, unsigned *n, ds_error_t *err)
{
    int      track;
    bool     anew;
    int64_t  now, due, late;

    now = ds_monotonic_us();
    *n = 0;

    for ( ;; ) {
        track = ds_air_next(air);

        if (track == -1) {
            if (air->on_slate && air->cut) {
                ds_air_enter(air);
                continue;
            }

            return -1;
        }

        due = air->clock + air->stamp[track].dts;
        late = now - due;

        if (air->until != 0 && due >= air->until && !air->on_slate) {
            return track;
        }

        anew = air->wait_key || air->paused || air->meter.sent_at == 0;

        if (late < -DS_MAX_GAP && !anew) {
            ds_air_close_gap(air, -late - 2 * DS_AIR_TICK);
            return track;
        }

        if (anew) {
            air->clock += late;
            late = 0;

        } else if (late > DS_MAX_LATE) {
            air->clock += late;

        } else if (due > now + DS_AIR_TICK && !air->cut) {
            return track;
        }

        if (ds_air_put(air, track, late, err)) {
            (*n)++;

        } else if (err->code != DS_OK) {
            return -2;

        } else if (air->on_slate) {
            return -1;
        }
    }
}


/* true when nothing has been on air for too long */

static bool
ds_air_lacks(ds_air_t *air)
{
    int64_t  now, since;

    now = ds_monotonic();

    if (air->slate == NULL || now < air->begin_at) {
        return false;
    }

    since = air->meter.sent_at;

    if (since == 0) {
        return now >= air->dark_at;
    }

    if (since < air->begin_at) {
        since = air->begin_at;
    }

    return ds_meter_slow(&air->meter)
           || now - since >= (air->feed.src == NULL ? DS_DARK_IDLE
                                                    : DS_DARK_STARVED);
}


/* from its first picture, after all that was sent; false: there is none */

static bool
ds_air_show_slate(ds_air_t *air)
{
    int64_t  lead;

    if (air->on_slate) {
        ds_timeline_cut(&air->timeline);
    }

    lead = ds_timeline_hole(&air->timeline);

    if (!ds_slate_begin(air->slate, lead < DS_SLATE_LEAD ? lead
                                                         : DS_SLATE_LEAD))
    {
        return false;
    }

    if (!air->on_slate && air->feed.src != NULL) {
        air->position = ds_air_position(air);
        ds_feed_aside(&air->feed, air->pkt);
    }

    ds_air_drop(air->pkt);

    air->on_slate = true;
    air->cut = false;
    air->fresh = true;

    ds_timeline_anew(&air->timeline);
    ds_timeline_item(&air->timeline, 0, 0);

    return true;
}


/* the slate ends as soon as there is something better */

static void
ds_air_relieve(ds_air_t *air)
{
    if (air->feed.src != NULL && !air->over && ds_feed_ready(&air->feed)) {

        /* the sound of its last picture is still to be sent */

        av_packet_free(&air->pkt[DS_VIDEO]);
        ds_timeline_cut(&air->timeline);
        air->cut = true;

    } else if (ds_slate_renewed(air->slate)) {
        (void) ds_air_show_slate(air);
    }
}


static void
ds_air_drop(AVPacket *pkt[2])
{
    av_packet_free(&pkt[DS_VIDEO]);
    av_packet_free(&pkt[DS_AUDIO]);
}


static ds_air_e
ds_air_idle(ds_air_t *air, ds_air_e rc)
{
    int64_t  now;

    now = ds_monotonic();

    if (now - air->looked_at >= DS_IDLE_LOOK) {
        air->looked_at = now;
        ds_air_send(air);
    }

    return rc;
}


/* begins it, or takes what has come of it; does not wait */

static void
ds_air_connect(ds_air_t *air)
{
    ds_error_t  err;

    if (air->connecting) {

        if (!ds_job_done(&air->connector)) {
            return;
        }

        ds_job_end(&air->connector);
        air->connecting = false;

        if (air->looking) {
            ds_air_looked(air);

        } else {
            ds_air_connected(air);
        }
    }

    if (ds_monotonic() < air->retry_at
        || (air->out != NULL
            && ds_output_unpushed(air->out, &err) == DS_OK))
    {
        return;
    }

    air->looking = air->out != NULL;

    if (ds_job_start(&air->connector, "ds-connect", ds_air_connect_run, air)
        == DS_OK)
    {
        air->connecting = true;
        return;
    }

    (void) ds_fail(&err, DS_ENOMEM, "thread could not be started");
    ds_air_fault(air, &err);
    ds_air_retry(air);
}


/* context: connector's thread */

static void
ds_air_connect_run(void *data)
{
    ds_air_t *air = data;

    ds_crash_stream(air->target->name);

    if (air->looking) {
        (void) ds_output_lookup(air->target, &air->cancel, &air->why);

    } else {
        air->opened = ds_output_open(air->target, &air->cancel, &air->why);
    }

    ds_bell_ring(air->bell);
}


static void
ds_air_connected(ds_air_t *air)
{
    char        url[DS_URL_LEN];
    ds_error_t  err;

    air->out = air->opened;
    air->opened = NULL;

    if (air->out == NULL) {
        ds_air_fault(air, &air->why);
        ds_air_retry(air);
        return;
    }

    ds_redact_url(url, sizeof(url), air->target->publish);

    ds_log(air->ds, DS_LOG_NOTICE, air->target->name,
           "%s, url: \"%s\"",
           air->sessions == 0 ? "publishing" : "publishing again", url);

    air->packets = 0;
    air->sessions++;
    air->begin_at = 0;

    if (ds_output_unpushed(air->out, &err) != DS_OK) {
        ds_air_fault(air, &err);
        air->retry_at = ds_monotonic()
                        + ds_backoff(++air->looks, DS_LOOK_MIN, DS_LOOK_MAX);

    } else if (air->target->push != NULL) {
        air->looks = 0;
        air->begin_at = ds_monotonic() + DS_PUSH_TIME;
    }

    ds_cursor_open(&air->cursor, air->sent);

    if (ds_fan_any(&air->fan)) {
        /* it goes on there, and here from the next key frame on */
        return;
    }

    air->wait_key = true;
    ds_timeline_anew(&air->timeline);

    if (air->on_slate) {
        (void) ds_air_show_slate(air);
    }
}


/* a session that was published without its push makes room for one with it */

static void
ds_air_looked(ds_air_t *air)
{
    if (air->why.code == DS_OK) {
        ds_air_close(air);
        air->retry_at = 0;

    } else {
        air->retry_at = ds_monotonic()
                        + ds_backoff(++air->looks, DS_LOOK_MIN, DS_LOOK_MAX);
    }
}


/* what was put and not sent belongs to this session */

static void
ds_air_close(ds_air_t *air)
{
    ds_push_status_t  st;

    if (air->out == NULL) {
        return;
    }

    ds_cursor_counts(&air->cursor, &st);
    air->bytes += st.bytes;

    ds_output_close(&air->out);
    ds_cursor_close(&air->cursor);
}


static void
ds_air_fault(ds_air_t *air, const ds_error_t *err)
{
    if (err->code == DS_ECANCELED) {
        return;
    }

    air->err = *err;

    if (air->code != err->code) {
        air->code = err->code;
        ds_log(air->ds, DS_LOG_WARN, air->target->name,
               "%s is down, trying again: %s: %s",
               err->code == DS_EPUSH_DNS ? "push" : "output",
               ds_error_code(err->code), err->message);
    }
}


bool
ds_air_error(ds_air_t *air, ds_error_t *err)
{
    if (air->target->publish == NULL) {
        (void) ds_fan_error(&air->fan, &air->push_err_at, &air->err);
    }

    if (air->err.code == DS_OK) {
        return false;
    }

    *err = air->err;
    ds_error_clear(&air->err);

    return true;
}


/* the source's clock has jumped: what comes next follows at once */

static void
ds_air_close_gap(ds_air_t *air, int64_t gap)
{
    int  i;

    air->timeline.base -= gap;

    for (i = 0; i < 2; i++) {
        air->stamp[i].pts -= gap;
        air->stamp[i].dts -= gap;
    }
}


/* takes the next packet of a track that has a place on the timeline */

static void
ds_air_fill(ds_air_t *air, int track)
{
    bool         beyond;
    AVPacket    *pkt;
    ds_stamp_t  *st;

    if (air->cut && track == DS_VIDEO) {
        return;
    }

    st = &air->stamp[track];

    while (air->pkt[track] == NULL) {
        pkt = air->on_slate ? ds_slate_next(air->slate, track)
                            : ds_feed_take(&air->feed, track);
        if (pkt == NULL) {
            return;
        }

        st->pts = pkt->pts;
        st->dts = pkt->dts;
        st->duration = pkt->duration;

        air->fill[track] = false;
        beyond = !air->on_slate && ds_feed_beyond(&air->feed, track, pkt);

        if (beyond && track == DS_VIDEO) {
            av_packet_free(&pkt);
            ds_air_cut(air);
            return;
        }

        if (beyond
            || !ds_timeline_map(&air->timeline, track, st)
            || (!air->on_slate
                && ds_mend_covered(&air->mend, &air->timeline, track, st,
                                   pkt->flags & AV_PKT_FLAG_KEY))
            || (air->wait_key && track == DS_VIDEO
                && !(pkt->flags & AV_PKT_FLAG_KEY)))
        {
            av_packet_free(&pkt);
            continue;
        }

        air->pkt[track] = pkt;
    }
}


/* what is missing of a track while the other one goes on */

static void
ds_air_mend(ds_air_t *air)
{
    int          track;
    bool         have[2];
    AVPacket    *pkt;
    ds_stamp_t   fill;
    ds_error_t   err;

    have[DS_VIDEO] = air->pkt[DS_VIDEO] != NULL;
    have[DS_AUDIO] = air->pkt[DS_AUDIO] != NULL;

    if (air->on_slate || (have[DS_VIDEO] && air->fill[DS_VIDEO])
        || (have[DS_AUDIO] && air->fill[DS_AUDIO]))
    {
        return;
    }

    track = ds_mend_hole(&air->mend, &air->timeline, have, air->stamp, &fill);

    if (track == -1 || ds_air_heads(air, &err) != DS_OK) {
        return;
    }

    pkt = track == DS_AUDIO ? ds_sent_silence(air->sent)
                            : ds_sent_again(air->sent);
    if (pkt == NULL) {
        return;
    }

    if (air->mend.filled[track] == 0) {
        ds_log(air->ds, DS_LOG_WARN, air->target->name,
               "%s of the item is missing at %.1f s, %s instead",
               track == DS_AUDIO ? "sound" : "picture",
               (ds_source_offset(air->feed.src) * 1000 + air->feed.origin
                + fill.pts - air->timeline.base) / 1000000.0,
               track == DS_AUDIO ? "silence is sent"
                                 : "the last key frame is shown");
    }

    if (have[track]) {
        ds_feed_return(&air->feed, track, air->pkt[track]);
    }

    air->pkt[track] = pkt;
    air->stamp[track] = fill;
    air->fill[track] = true;
}


static void
ds_air_tell_holes(ds_air_t *air)
{
    int  i;

    for (i = 0; i < 2; i++) {

        if (air->mend.filled[i] != 0) {
            ds_log(air->ds, DS_LOG_WARN, air->target->name,
                   "%s of the item was missing for %.1f s in all",
                   i == DS_AUDIO ? "sound" : "picture",
                   air->mend.filled[i] / 1000000.0);
        }

        air->mend.filled[i] = 0;
    }
}


/* the track whose packet is to be sent next, -1: there is none now */

static int
ds_air_next(ds_air_t *air)
{
    ds_stamp_t  *st;

    ds_air_fill(air, DS_VIDEO);
    ds_air_fill(air, DS_AUDIO);

    st = air->stamp;

    if (air->cut) {
        if (air->wait_key || air->pkt[DS_AUDIO] == NULL
            || st[DS_AUDIO].pts + st[DS_AUDIO].duration / 2
               >= air->timeline.end[DS_VIDEO])
        {
            return -1;
        }

        return DS_AUDIO;
    }

    if (air->wait_key) {

        /*
         * Audio from before the key frame belongs to the lost session, and
         * would keep the queue full with the key frame still to come.
         */

        while (air->pkt[DS_AUDIO] != NULL && air->sessions > 1
               && (air->pkt[DS_VIDEO] == NULL
                   || st[DS_AUDIO].dts < st[DS_VIDEO].dts))
        {
            av_packet_free(&air->pkt[DS_AUDIO]);
            ds_air_fill(air, DS_AUDIO);
        }

        return air->pkt[DS_VIDEO] == NULL ? -1 : DS_VIDEO;
    }

    ds_air_mend(air);

    if (air->pkt[DS_VIDEO] == NULL) {
        return air->pkt[DS_AUDIO] == NULL ? -1 : DS_AUDIO;
    }

    if (air->pkt[DS_AUDIO] == NULL) {
        return DS_VIDEO;
    }

    return st[DS_AUDIO].dts < st[DS_VIDEO].dts ? DS_AUDIO : DS_VIDEO;
}


/* false: it is dropped; "err": the last one of too many */

static bool
ds_air_put(ds_air_t *air, int track, int64_t late, ds_error_t *err)
{
    int          rc;
    size_t       size;
    int64_t      end;
    AVPacket    *pkt;
    ds_error_t   why;

    pkt = air->pkt[track];
    air->pkt[track] = NULL;

    pkt->pts = air->stamp[track].pts;
    pkt->dts = air->stamp[track].dts;
    size = pkt->size;

    rc = ds_air_heads(air, &why);

    if (rc == DS_OK) {
        rc = ds_sent_put(air->sent, pkt, &why);

    } else {
        av_packet_free(&pkt);
    }

    if (rc != DS_OK) {
        if (++air->refused[track] >= DS_BAD_PACKETS && !air->on_slate) {
            (void) ds_fail(err, rc, "%u packets in a row cannot be written: "
                           "%s", air->refused[track], why.message);
        }

        return false;
    }

    if (++air->packets == DS_GOOD_PACKETS) {
        air->tries = 0;
        air->bad = 0;
        air->code = air->looks == 0 ? DS_OK : air->code;
    }

    if (!air->fill[track]) {
        air->refused[track] = 0;
    }

    air->wait_key = false;
    air->paused = false;

    if (!air->on_slate) {
        ds_mend_sent(&air->mend, &air->timeline, track, &air->stamp[track],
                     air->fill[track]);
    }

    end = air->timeline.end[DS_VIDEO];
    ds_timeline_sent(&air->timeline, track, &air->stamp[track]);

    if (!air->on_slate) {
        air->meter.item_time += air->timeline.end[DS_VIDEO] - end;
    }

    ds_meter_sent(&air->meter, ds_monotonic(), air->on_slate, size,
                  late / 1000);

    return true;
}


static int
ds_air_heads(ds_air_t *air, ds_error_t *err)
{
    int                       i, rc;
    double                    rate;
    const AVCodecParameters  *par[2];

    if (!air->fresh) {
        return DS_OK;
    }

    for (i = 0; i < 2; i++) {
        par[i] = air->on_slate ? ds_slate_codecpar(air->slate, i)
                               : ds_source_codecpar(air->feed.src, i);
    }

    rate = air->on_slate ? ds_slate_rate(air->slate)
                         : ds_source_rate(air->feed.src);

    rc = ds_sent_heads(air->sent, par[DS_VIDEO], rate, par[DS_AUDIO], err);
    air->fresh = rc != DS_OK;

    return rc;
}


static void
ds_air_lost(ds_air_t *air, const ds_error_t *err)
{
    ds_air_close(air);
    ds_air_fault(air, err);
    ds_air_retry(air);

    /* a server that hangs up at this packet will do so again */

    if (air->packets < DS_GOOD_PACKETS) {
        air->bad++;
    }

    if (air->pkt[DS_VIDEO] != NULL && !ds_fan_any(&air->fan)
        && (air->bad >= DS_BAD_SESSIONS
            || !(air->pkt[DS_VIDEO]->flags & AV_PKT_FLAG_KEY)))
    {
        air->bad = 0;
        av_packet_free(&air->pkt[DS_VIDEO]);
    }
}


static void
ds_air_retry(ds_air_t *air)
{
    air->retry_at = ds_monotonic()
                    + ds_backoff(++air->tries, DS_RETRY_MIN, DS_RETRY_MAX);
}


void
ds_air_status(ds_air_t *air, ds_status_t *st)
{
    size_t            i;
    ds_push_status_t  local;

    ds_fan_status(&air->fan, st->outputs);

    st->heard = air->out != NULL;
    st->connected = air->out != NULL;
    st->bytes = air->bytes;
    st->reconnects = air->sessions > 1 ? air->sessions - 1 : 0;

    if (st->connected) {
        ds_cursor_counts(&air->cursor, &local);
        st->bytes += local.bytes;
    }

    for (i = 0; i < DS_OUTLETS && st->outputs[i].name[0] != '\0'; i++) {
        st->heard |= st->outputs[i].connected;

        if (air->target->publish == NULL) {
            st->connected = st->heard;
            st->bytes += st->outputs[i].bytes;
            st->reconnects += st->outputs[i].reconnects;
        }
    }
}


int64_t
ds_air_unsent(ds_air_t *air)
{
    int64_t  pts, dts, video, audio, rest;

    if (air->feed.src == NULL || !air->on_slate
        || !ds_source_ends(air->feed.src, &video, &audio))
    {
        return air->unsent;
    }

    /* it was over before it went on */

    ds_source_origin(air->feed.src, &pts, &dts);
    rest = ds_source_offset(air->feed.src) + (video - pts) / 1000
           - air->position;

    return air->unsent + (rest > 0 ? rest : 0);
}


int64_t
ds_air_position(ds_air_t *air)
{
    int64_t  us;

    if (air->feed.src == NULL) {
        return 0;
    }

    if (air->on_slate) {
        return air->position;
    }

    us = air->timeline.end[DS_VIDEO] - air->timeline.base;

    return ds_source_offset(air->feed.src)
           + (air->feed.origin + (us > 0 ? us : 0)) / 1000;
}


bool
ds_air_on_slate(ds_air_t *air)
{
    return air->on_slate;
}


ds_meter_t *
ds_air_meter(ds_air_t *air)
{
    return &air->meter;
}
