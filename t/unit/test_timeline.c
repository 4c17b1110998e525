
/*
 * One output timeline out of many items: with and without B-frames, audio
 * that is longer or shorter than its video, priming, cuts.
 */

#include <stdlib.h>

#include "air/ds_timeline.h"
#include "tap.h"


enum { VIDEO = 0, AUDIO = 1 };

#define FRAME  40000
#define SOUND  21333


typedef struct {
    int64_t    start;           /* first video PTS */
    int64_t    length;          /* us of video */
    int64_t    audio_start;     /* relative to the video's */
    int64_t    audio_length;
    int        reorder;         /* frames */
} item_t;


static int64_t  last[2];
static int64_t  step[2];
static int      backward, late;


static void
send(ds_timeline_t *t, int track, int64_t pts, int64_t dts, int64_t duration)
{
    ds_stamp_t  st;

    st.pts = pts;
    st.dts = dts;
    st.duration = duration;

    if (!ds_timeline_map(t, track, &st)) {
        return;
    }

    if (st.dts <= last[track]) {
        backward++;
    }

    if (st.pts < st.dts) {
        late++;
    }

    if (last[track] >= 0 && st.dts - last[track] > step[track]) {
        step[track] = st.dts - last[track];
    }

    last[track] = st.dts;

    ds_timeline_sent(t, track, &st);
}


static void
play(ds_timeline_t *t, const item_t *item)
{
    int64_t  v, a, dts, end;

    ds_timeline_item(t, item->start, item->start - item->reorder * FRAME);

    a = item->start + item->audio_start;
    end = item->start + item->length;

    for (v = 0; v < item->length; v += FRAME) {
        dts = item->start + v - item->reorder * FRAME;

        /* presentation as in "I P b": the exact order does not matter */
        send(t, VIDEO, item->start + v, dts, FRAME);

        while (a <= dts && a < item->start + item->audio_start
                               + item->audio_length
               && a < end - SOUND / 2)
        {
            send(t, AUDIO, a, a, SOUND);
            a += SOUND;
        }
    }

    while (a < item->start + item->audio_start + item->audio_length
           && a < end - SOUND / 2)
    {
        send(t, AUDIO, a, a, SOUND);
        a += SOUND;
    }
}


static void
reset(ds_timeline_t *t)
{
    ds_timeline_init(t);

    last[VIDEO] = last[AUDIO] = -1;
    step[VIDEO] = step[AUDIO] = 0;
    backward = late = 0;
}


/* an item with B frames stops anywhere, the slate is cut anywhere */

static void
test_cut(void)
{
    int            i;
    ds_timeline_t  t;

    reset(&t);

    ds_timeline_item(&t, 80000, 0);
    send(&t, VIDEO, 80000, 0, FRAME);
    send(&t, VIDEO, 200000, 40000, FRAME);
    send(&t, AUDIO, 80000, 80000, SOUND);
    is_int(ds_timeline_hole(&t), 160000 - SOUND, "sound that is missing");

    for (i = 0; i < 10; i++) {
        ds_timeline_item(&t, 0, 0);
        send(&t, VIDEO, 0, 0, 200000);
        send(&t, AUDIO, 0, 0, SOUND);
        send(&t, AUDIO, SOUND, SOUND, SOUND);
        ds_timeline_cut(&t);
        ok(ds_timeline_hole(&t) < t.reorder,
           "a cut: the picture ends with the sound: %d us",
           (int) ds_timeline_hole(&t));
        send(&t, AUDIO, 2 * SOUND, 2 * SOUND, SOUND);
        ds_timeline_cut(&t);
        ds_timeline_item(&t, 80000, 0);
        send(&t, VIDEO, 80000, 0, FRAME);
        send(&t, AUDIO, 80000, 80000, SOUND);
    }

    is_int(backward, 0, "cuts: no backward stamp");
    ok(step[AUDIO] <= 160000, "cuts: audio steps at most the hole: %d",
       (int) step[AUDIO]);
}


/* an item whose DTS runs far ahead, and what comes after it */

static void
test_reorder(void)
{
    int            i;
    ds_stamp_t     st;
    ds_timeline_t  t;

    reset(&t);

    ds_timeline_item(&t, 2000000, 0);
    is_int(t.reorder, 500000, "a long delay is bounded");

    for (i = 0; i < 50; i++) {
        send(&t, VIDEO, 2000000 + i * FRAME, i * FRAME, FRAME);
    }

    is_int(step[VIDEO], FRAME, "a long delay: one frame after the other");
    is_int(t.end[VIDEO] - t.last[VIDEO], 500000 + FRAME,
           "a long delay: sent no earlier than so");

    ds_timeline_item(&t, 0, 0);
    is_int(t.reorder, 500000, "it stays for the next item");
    send(&t, VIDEO, 0, 0, FRAME);
    ok(step[VIDEO] <= FRAME, "which goes on without a step");

    ds_timeline_anew(&t);
    ds_timeline_item(&t, 0, 0);
    is_int(t.reorder, 0, "it is forgotten where that is not noticed");

    st = (ds_stamp_t) { 0, 0, FRAME };
    ok(ds_timeline_map(&t, VIDEO, &st) && st.pts == st.dts,
       "and nothing is sent ahead any more");

    is_int(backward, 0, "a long delay: no backward stamp");
    is_int(late, 0, "a long delay: no PTS before its DTS");
}


int
main(void)
{
    int            i;
    int64_t        drift;
    item_t         item;
    ds_timeline_t  t;

    reset(&t);

    item = (item_t) { 0, 12000000, 0, 12000000, 0 };

    for (i = 0; i < 20; i++) {
        play(&t, &item);
    }

    is_int(backward, 0, "equal items: no backward stamp");
    is_int(step[VIDEO], FRAME, "equal items: video steps one frame");
    ok(step[AUDIO] <= SOUND, "equal items: audio steps one frame");
    is_int(t.end[VIDEO], 240000000, "equal items: nothing added or lost");

    drift = llabs(t.end[AUDIO] - t.end[VIDEO]);
    ok(drift < SOUND, "equal items: audio and video end together: %d us",
       (int) drift);

    reset(&t);

    for (i = 0; i < 200; i++) {
        item.start = i % 3 * 7777777;
        item.length = 4000000 + i % 5 * FRAME;
        item.audio_start = -(i % 2) * SOUND;
        item.audio_length = item.length + SOUND + i % 4 * 300000;
        item.reorder = i % 4;
        play(&t, &item);
    }

    is_int(backward, 0, "mixed items: no backward stamp");
    is_int(late, 0, "mixed items: no PTS before its DTS");
    ok(step[VIDEO] <= FRAME, "mixed items: video steps at most one frame: %d",
       (int) step[VIDEO]);
    ok(step[AUDIO] <= SOUND + 1, "mixed items: audio steps one frame: %d",
       (int) step[AUDIO]);

    drift = llabs(t.end[AUDIO] - t.end[VIDEO]);
    ok(drift < 50000, "mixed items: audio and video end together: %d us",
       (int) drift);

    reset(&t);

    item = (item_t) { 0, 4000000, 0, 3000000, 2 };

    for (i = 0; i < 10; i++) {
        play(&t, &item);
    }

    is_int(backward, 0, "short audio: no backward stamp");
    is_int(t.end[VIDEO] - t.reorder, 40000000,
           "short audio: the video goes on without a hole");
    ok(t.end[VIDEO] - t.end[AUDIO] >= 1000000 - SOUND,
       "short audio: it is not moved away from its picture");

    reset(&t);

    ds_timeline_item(&t, 0, 0);
    send(&t, VIDEO, 0, 0, FRAME);

    for (i = 0; i < 400; i++) {
        send(&t, AUDIO, (int64_t) i * SOUND, (int64_t) i * SOUND, SOUND);
    }

    ds_timeline_item(&t, 500, 500);
    is_int(t.base, t.end[AUDIO], "long audio: the next item waits for it");
    send(&t, VIDEO, 500, 500, FRAME);
    send(&t, AUDIO, 500, 500, SOUND);
    is_int(backward, 0, "long audio: no backward stamp");

    reset(&t);

    ds_timeline_item(&t, 1000000, 1000000);
    i = 0;

    {
        ds_stamp_t  st = { 900000, 900000, SOUND };

        ok(!ds_timeline_map(&t, AUDIO, &st), "priming audio is dropped");

        st = (ds_stamp_t) { 960000, 920000, FRAME };
        ok(!ds_timeline_map(&t, VIDEO, &st),
           "frames shown before the first key frame are dropped");
    }

    test_cut();
    test_reorder();

    return done_testing();
}
