
/* ds_feed.c: an item's packets, with and without a break in between. */

#include "air/ds_feed.h"
#include "base/ds_item.h"


/* us that may be cut off a track to end with the other one */
#define DS_TRIM         1000000

/*
 * us: with so much an item that was put aside goes on, and with twice as much
 * each time, or a source that is a little too slow would come and go
 */
#define DS_BACK_TIME    500000
#define DS_BACK_DOUBLE  4


static void ds_feed_drop(ds_feed_t *f);
static void ds_feed_seek_key(ds_feed_t *f);
static void ds_feed_seek_audio(ds_feed_t *f, int64_t dts);


void
ds_feed_item(ds_feed_t *f, ds_source_t *src)
{
    ds_feed_drop(f);

    f->src = src;
    f->stalls = 0;
    f->origin = 0;
}


static void
ds_feed_drop(ds_feed_t *f)
{
    av_packet_free(&f->held[DS_VIDEO]);
    av_packet_free(&f->held[DS_AUDIO]);
}


void
ds_feed_return(ds_feed_t *f, int track, AVPacket *pkt)
{
    f->held[track] = pkt;
}


void
ds_feed_aside(ds_feed_t *f, AVPacket *pkt[2])
{
    int  i;

    for (i = 0; i < 2; i++) {

        /* where there is one, the other is not the item's */

        if (f->held[i] == NULL) {
            f->held[i] = pkt[i];
            pkt[i] = NULL;
        }
    }

    f->stalls++;
}


bool
ds_feed_ready(ds_feed_t *f)
{
    unsigned     n;
    ds_queue_t  *q;

    if (f->stalls == 0) {
        return true;
    }

    ds_feed_seek_key(f);

    if (f->held[DS_VIDEO] == NULL) {
        return false;
    }

    q = ds_source_queue(f->src);
    n = f->stalls - 1 < DS_BACK_DOUBLE ? f->stalls - 1 : DS_BACK_DOUBLE;

    return ds_queue_time(q) >= (int64_t) DS_BACK_TIME << n
           || ds_queue_full(q) || ds_queue_ended(q);
}


static void
ds_feed_seek_key(ds_feed_t *f)
{
    int64_t     dts;
    AVPacket  **key;

    key = &f->held[DS_VIDEO];
    dts = INT64_MIN;

    while (*key == NULL || !((*key)->flags & AV_PKT_FLAG_KEY)) {
        if (*key != NULL) {
            dts = (*key)->dts;
            av_packet_free(key);
        }

        *key = ds_queue_take(ds_source_queue(f->src), DS_VIDEO);
        if (*key == NULL) {
            break;
        }
    }

    ds_feed_seek_audio(f, *key == NULL ? dts : (*key)->dts);
}


/*
 * Sound must not fill the queue while the key frame is still to come, nor be
 * left when none comes any more.
 */

static void
ds_feed_seek_audio(ds_feed_t *f, int64_t dts)
{
    bool          keep;
    AVPacket    **pkt;
    ds_queue_t   *q;

    q = ds_source_queue(f->src);
    pkt = &f->held[DS_AUDIO];

    for ( ;; ) {
        if (*pkt == NULL) {
            *pkt = ds_queue_take(q, DS_AUDIO);
        }

        if (*pkt == NULL) {
            return;
        }

        keep = f->held[DS_VIDEO] != NULL
               || !(ds_queue_full(q) || ds_queue_ended(q));

        if (keep && (*pkt)->dts >= dts) {
            return;
        }

        av_packet_free(pkt);
    }
}


void
ds_feed_begin(ds_feed_t *f, int64_t *pts, int64_t *dts)
{
    ds_source_origin(f->src, pts, dts);

    if (f->held[DS_VIDEO] != NULL) {
        f->origin = f->held[DS_VIDEO]->pts - *pts;
        *pts = f->held[DS_VIDEO]->pts;
        *dts = f->held[DS_VIDEO]->dts;
    }
}


AVPacket *
ds_feed_take(ds_feed_t *f, int track)
{
    AVPacket  *pkt;

    pkt = f->held[track];

    if (pkt != NULL) {
        f->held[track] = NULL;
        return pkt;
    }

    return ds_queue_take(ds_source_queue(f->src), track);
}


bool
ds_feed_drained(ds_feed_t *f)
{
    return f->held[DS_VIDEO] == NULL && ds_source_drained(f->src);
}


bool
ds_feed_beyond(ds_feed_t *f, int track, const AVPacket *pkt)
{
    int64_t  video, audio;

    if (!ds_source_ends(f->src, &video, &audio)) {
        return false;
    }

    if (track == DS_AUDIO) {
        return audio - video <= DS_TRIM
               && pkt->pts >= video - pkt->duration / 2;
    }

    return video - audio <= DS_TRIM && pkt->pts >= audio - pkt->duration / 2;
}
