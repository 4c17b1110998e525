
/*
 * ds_air.c: sends one item after another over one RTMP session, each packet
 * when it is due.  Knows nothing of playlists: which item is next, and what
 * becomes of a failed one, is for its caller.
 */

#include <stdlib.h>
#include <string.h>

#include "ds_air.h"
#include "ds_input.h"
#include "ds_push.h"
#include "ds_timeline.h"


/* us: later than this the clock is set anew, or the backlog would burst out */
#define DS_MAX_LATE      200000

/* us of video that may be cut off an item to end with its audio */
#define DS_TRIM          1000000

/* us: no item waits so long for its next packet, its clock has jumped */
#define DS_MAX_GAP       3000000

/* packets after which a session is good, and bad ones before one is dropped */
#define DS_GOOD_PACKETS  100
#define DS_BAD_SESSIONS  3

/* ms: a longer silence is dead air */
#define DS_MAX_SILENCE   250

/*
 * ms between publishing and the first packet, when nginx-rtmp pushes: it
 * connects to the target meanwhile, and does not keep a key frame for it
 */
#define DS_PUSH_TIME     200

/* ms between two looks at a session that has nothing to send */
#define DS_IDLE_LOOK     1000

/* ms between connects */
#define DS_RETRY_MIN     100
#define DS_RETRY_MAX     5000


struct ds_air_s {
    ds_t               *ds;
    const ds_target_t  *target;
    ds_cancel_t        *cancel;
    ds_push_t          *push;           /* NULL: none of our own */

    ds_output_t        *out;            /* NULL: not connected */
    unsigned            tries;          /* sessions in a row, none good */
    unsigned            bad;            /* those that were lost early */
    unsigned            packets;        /* of this session */
    int64_t             retry_at;       /* monotonic ms */
    int64_t             begin_at;       /* monotonic ms, not before */
    bool                begun;          /* the session has its headers */
    int64_t             looked_at;      /* monotonic ms, when idle */
    uint32_t            sessions;

    ds_timeline_t       timeline;
    int64_t             clock;          /* monotonic us of output time 0 */

    ds_source_t        *src;            /* borrowed */
    AVPacket           *pkt[2];         /* next of each track, mapped */
    ds_stamp_t          stamp[2];
    bool                header[2];      /* the item's, still to be sent */
    bool                wait_key;       /* new session: from a key frame */
    bool                cut;

    uint64_t            bytes;
    int64_t             sent_at;        /* monotonic ms, 0: never */
    int64_t             dead;           /* ms */
};


static int ds_air_connect(ds_air_t *air, ds_error_t *err);
static ds_air_e ds_air_idle(ds_air_t *air, ds_air_e rc, ds_error_t *err);
static void ds_air_close_gap(ds_air_t *air, int64_t gap);
static void ds_air_fill(ds_air_t *air, int track);
static bool ds_air_video_beyond(ds_air_t *air, const AVPacket *pkt);
static bool ds_air_audio_beyond(ds_air_t *air, const AVPacket *pkt);
static int ds_air_next(ds_air_t *air);
static int ds_air_send(ds_air_t *air, int track, int64_t now,
    ds_error_t *err);
static void ds_air_lost(ds_air_t *air);
static void ds_air_retry(ds_air_t *air);


ds_air_t *
ds_air_create(ds_t *ds, const ds_target_t *target, ds_cancel_t *cancel)
{
    ds_air_t  *air;

    air = calloc(1, sizeof(ds_air_t));
    if (air == NULL) {
        return NULL;
    }

    air->ds = ds;
    air->target = target;
    air->cancel = cancel;

    ds_timeline_init(&air->timeline);

    if (target->engine_push != NULL) {
        air->push = ds_push_create(ds, target->name, target->engine_push);
        if (air->push == NULL) {
            ds_air_free(&air);
        }
    }

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

    ds_air_item(air, NULL);
    ds_output_close(&air->out);
    ds_push_free(&air->push);

    free(air);
}


void
ds_air_item(ds_air_t *air, ds_source_t *src)
{
    int64_t  pts, dts;

    av_packet_free(&air->pkt[DS_VIDEO]);
    av_packet_free(&air->pkt[DS_AUDIO]);

    air->src = src;
    air->cut = false;

    if (src == NULL) {
        return;
    }

    if (air->out != NULL && ds_output_worn(air->out)) {
        ds_output_close(&air->out);
    }

    air->header[DS_VIDEO] = true;
    air->header[DS_AUDIO] = true;

    ds_source_origin(src, &pts, &dts);
    ds_timeline_item(&air->timeline, pts, dts);
}


void
ds_air_cut(ds_air_t *air)
{
    av_packet_free(&air->pkt[DS_VIDEO]);

    air->cut = true;
}


ds_air_e
ds_air_tick(ds_air_t *air, ds_error_t *err)
{
    int      track, n;
    int64_t  now, due, late;

    if (air->out == NULL && ds_air_connect(air, err) != DS_OK) {
        return DS_AIR_DOWN;
    }

    if (air->src == NULL) {
        return ds_air_idle(air, DS_AIR_IDLE, err);
    }

    if (!air->begun) {
        if (ds_monotonic() < air->begin_at) {
            return DS_AIR_IDLE;
        }

        if (ds_output_begin(air->out,
                            ds_source_codecpar(air->src, DS_VIDEO),
                            ds_source_codecpar(air->src, DS_AUDIO), err)
            != DS_OK)
        {
            ds_air_lost(air);
            return DS_AIR_DOWN;
        }

        air->begun = true;
    }

    now = ds_monotonic_us();

    for (n = 0; /* void */ ; n++) {
        track = ds_air_next(air);
        if (track == -1) {
            break;
        }

        due = air->clock + air->stamp[track].dts;
        late = now - due;

        if (late < -DS_MAX_GAP && !air->wait_key && air->sent_at != 0) {
            ds_air_close_gap(air, -late - 2 * DS_AIR_TICK);
            break;
        }

        if (air->wait_key || air->sent_at == 0 || late > DS_MAX_LATE) {
            air->clock += late;

        } else if (due > now + DS_AIR_TICK) {
            break;
        }

        if (ds_air_send(air, track, now, err) != DS_OK) {
            return DS_AIR_DOWN;
        }
    }

    if (n != 0 && ds_output_flush(air->out, err) != DS_OK) {
        ds_air_lost(air);
        return DS_AIR_DOWN;
    }

    if (track != -1) {
        return DS_AIR_SENT;
    }

    if (air->cut || ds_source_drained(air->src)) {
        return DS_AIR_OVER;
    }

    return n != 0 ? DS_AIR_SENT : ds_air_idle(air, DS_AIR_STARVED, err);
}


/* the server pings, and may leave, also while there is nothing to send */

static ds_air_e
ds_air_idle(ds_air_t *air, ds_air_e rc, ds_error_t *err)
{
    int64_t  now;

    now = ds_monotonic();

    if (now - air->looked_at < DS_IDLE_LOOK) {
        return rc;
    }

    air->looked_at = now;

    if (ds_output_flush(air->out, err) != DS_OK) {
        ds_air_lost(air);
        return DS_AIR_DOWN;
    }

    return rc;
}


static int
ds_air_connect(ds_air_t *air, ds_error_t *err)
{
    char     url[DS_URL_LEN];
    int64_t  now;

    ds_error_clear(err);

    now = ds_monotonic();

    if (now < air->retry_at) {
        return DS_EOUTPUT_LOST;
    }

    air->out = ds_output_open(air->target, air->cancel, err);
    if (air->out == NULL) {
        ds_air_retry(air);
        return err->code;
    }

    ds_redact_url(url, sizeof(url), air->target->publish);

    ds_log(air->ds, DS_LOG_NOTICE, air->target->name,
           "%s, url: \"%s\"",
           air->sessions == 0 ? "publishing" : "publishing again", url);

    air->packets = 0;
    air->sessions++;
    air->wait_key = true;
    air->begun = false;
    air->begin_at = ds_monotonic()
                    + (air->target->push == NULL ? 0 : DS_PUSH_TIME);

    return DS_OK;
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
    AVPacket    *pkt;
    ds_stamp_t  *st;

    if (air->cut && track == DS_VIDEO) {
        return;
    }

    st = &air->stamp[track];

    while (air->pkt[track] == NULL) {
        pkt = ds_queue_take(ds_source_queue(air->src), track);
        if (pkt == NULL) {
            return;
        }

        st->pts = pkt->pts;
        st->dts = pkt->dts;
        st->duration = pkt->duration;

        if (track == DS_VIDEO && ds_air_video_beyond(air, pkt)) {
            av_packet_free(&pkt);
            ds_air_cut(air);
            return;
        }

        if ((track == DS_AUDIO && ds_air_audio_beyond(air, pkt))
            || !ds_timeline_map(&air->timeline, track, st)
            || (air->wait_key && track == DS_VIDEO
                && !(pkt->flags & AV_PKT_FLAG_KEY)))
        {
            av_packet_free(&pkt);
            continue;
        }

        air->pkt[track] = pkt;
    }
}


/*
 * An item's audio and video end together: the longer one is cut, unless it
 * is the video and would lose more than DS_TRIM.  After the first frame that
 * is left out no other can follow, as it might refer to that one.
 */

static bool
ds_air_video_beyond(ds_air_t *air, const AVPacket *pkt)
{
    int64_t  video, audio;

    if (!ds_source_ends(air->src, &video, &audio)) {
        return false;
    }

    return video - audio <= DS_TRIM && pkt->pts >= audio - pkt->duration / 2;
}


static bool
ds_air_audio_beyond(ds_air_t *air, const AVPacket *pkt)
{
    int64_t  video, audio;

    if (!ds_source_ends(air->src, &video, &audio)) {
        return false;
    }

    return pkt->pts >= video - pkt->duration / 2;
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
        if (air->pkt[DS_AUDIO] == NULL
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

    if (air->pkt[DS_VIDEO] == NULL) {
        return air->pkt[DS_AUDIO] == NULL ? -1 : DS_AUDIO;
    }

    if (air->pkt[DS_AUDIO] == NULL) {
        return DS_VIDEO;
    }

    return st[DS_AUDIO].dts < st[DS_VIDEO].dts ? DS_AUDIO : DS_VIDEO;
}


static int
ds_air_send(ds_air_t *air, int track, int64_t now, ds_error_t *err)
{
    int                       rc;
    int64_t                   gap;
    AVPacket                 *pkt;
    const AVCodecParameters  *par;

    pkt = air->pkt[track];

    pkt->pts = air->stamp[track].pts;
    pkt->dts = air->stamp[track].dts;

    par = air->header[track] ? ds_source_codecpar(air->src, track) : NULL;

    rc = ds_output_write(air->out, pkt, par, err);
    if (rc != DS_OK) {
        ds_air_lost(air);
        return rc;
    }

    if (air->push != NULL) {
        ds_push_put(air->push, pkt, par);
    }

    now /= 1000;
    gap = now - air->sent_at;

    if (air->sent_at != 0 && gap > DS_MAX_SILENCE) {
        air->dead += gap;
    }

    if (++air->packets == DS_GOOD_PACKETS) {
        air->tries = 0;
        air->bad = 0;
    }

    air->sent_at = now;
    air->bytes += pkt->size;
    air->header[track] = false;
    air->wait_key = false;

    ds_timeline_sent(&air->timeline, track, &air->stamp[track]);

    av_packet_free(&air->pkt[track]);

    return DS_OK;
}


static void
ds_air_lost(ds_air_t *air)
{
    ds_output_close(&air->out);
    ds_air_retry(air);

    /* a server that hangs up at this packet will do so again */

    if (air->packets < DS_GOOD_PACKETS) {
        air->bad++;
    }

    if (air->pkt[DS_VIDEO] != NULL
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
    int64_t  wait;

    wait = DS_RETRY_MIN << (air->tries < 6 ? air->tries : 6);

    air->tries++;
    air->retry_at = ds_monotonic() + (wait > DS_RETRY_MAX ? DS_RETRY_MAX
                                                          : wait);
}


bool
ds_air_connected(ds_air_t *air)
{
    return air->out != NULL;
}


uint64_t
ds_air_bytes(ds_air_t *air)
{
    return air->bytes;
}


void
ds_air_push_status(ds_air_t *air, ds_push_status_t *status)
{
    if (air->push != NULL) {
        ds_push_status(air->push, status);
    }
}


uint32_t
ds_air_reconnects(ds_air_t *air)
{
    return air->sessions > 1 ? air->sessions - 1 : 0;
}


int64_t
ds_air_position(ds_air_t *air)
{
    int64_t  us;

    if (air->src == NULL) {
        return 0;
    }

    us = air->timeline.end[DS_VIDEO] - air->timeline.base;

    return ds_source_offset(air->src) + (us > 0 ? us / 1000 : 0);
}


int64_t
ds_air_dead(ds_air_t *air)
{
    int64_t  silence;

    silence = ds_air_silence(air);

    return air->dead + (silence > DS_MAX_SILENCE ? silence : 0);
}


int64_t
ds_air_silence(ds_air_t *air)
{
    return air->sent_at == 0 ? -1 : ds_monotonic() - air->sent_at;
}
