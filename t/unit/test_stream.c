
/* A whole stream: items one after another, control, ends and faults. */

#include <sys/stat.h>

#include "stream.h"


static void
test_once(void)
{
    size_t         i, n;
    int64_t        drift;
    ds_listed_t      items[8];
    ds_aired_t     aired;
    ds_status_t    st;
    ds_stream_t   *s;

    s = start("three.json", false);

    ok(await(s, in_state, DS_LIVE, &st), "three items: live");
    ok(await(s, in_state, DS_FINISHED, &st), "three items: finished");

    is_int(st.played, 3, "three items: all played");
    is_int(st.failed, 0, "three items: none failed");
    is_int(st.error.code, 0, "three items: no error");
    ok(st.bytes > 10000, "three items: bytes were sent");
    is_int(st.dead_air, 0, "three items: no dead air");
    is_int(st.copied, 3, "three items: copied");
    ok(st.lateness < 500, "three items: in time: %d ms", (int) st.lateness);

    n = ds_stream_items(s, items, 8);
    ds_listed_free(items, n);
    is_int(n, 3, "three items are told of");

    for (i = 0; i < n; i++) {
        is_int(items[i].item.state, DS_ITEM_PLAYED, "item %d is played",
               (int) i);
    }

    for (i = 0; ds_stream_aired(s, &aired, UINT64_MAX); i++) {
        is_int(aired.item.index, i, "item %d was on air", (int) i);
        is_int(aired.item.state, DS_ITEM_PLAYED, "to its end");
        ok(llabs(aired.aired - 2000) < 100, "for its time: %d ms",
           (int) aired.aired);
        ok(aired.bytes > 3000 && aired.gap == 0 && aired.slate == 0
           && aired.ended - aired.started > 1000
           && aired.decision == DS_DECISION_COPY, "and what it was");
    }

    is_int(i, 3, "three records");

    ok(ds_stream_done(s) || (usleep(500000), ds_stream_done(s)),
       "a finished stream is done");
    finish(&s);

    is_int(atomic_load(&server.backward), 0, "no backward time stamp");
    is_int(atomic_load(&server.max_step[0]), 40,
           "video steps by one frame, over all changes");
    ok(atomic_load(&server.max_step[1]) <= 25,
       "audio steps by one frame, over all changes: %d ms",
       (int) atomic_load(&server.max_step[1]));

    drift = llabs(atomic_load(&server.end[0]) - atomic_load(&server.end[1]));
    ok(drift <= 50, "audio and video end together: %d ms", (int) drift);

    ok(atomic_load(&server.headers) >= 2, "each size has its header");
    ok(atomic_load(&server.end[0]) >= 5900, "six seconds of video came: %d",
       (int) atomic_load(&server.end[0]));
}


static void
test_control(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("three.json", true);

    ok(await(s, on_item, 0, &st), "control: the first item is on air");
    ds_stream_skip(s);
    ok(await(s, on_item, 1, &st), "control: skip");
    is_int(st.skipped, 1, "control: it is counted");
    ds_stream_previous(s);
    ok(await(s, on_item, 0, &st), "control: previous");
    ds_stream_skip(s);
    ds_stream_skip(s);
    ok(await(s, on_item, 2, &st), "control: two skips");
    ok(await(s, next_is_ready, 0, &st), "control: the next is made ready");
    is_int(st.next.index, 0, "control: it is the first again");

    atomic_store(&server.drop, true);
    ok(await(s, has_reconnected, 1, &st), "control: publishes again");
    ok(await(s, has_played, 2, &st), "control: goes on after that");

    ds_stream_set_loop(s, false);
    ok(await(s, in_state, DS_FINISHED, &st), "control: loop off ends it");

    finish(&s);

    is_int(atomic_load(&server.backward), 0, "control: no backward stamp");
}


/* an item with one key frame, and the session lost in the middle of it */

static void
test_lost(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("lost.json", false);
    ok(await(s, in_state, DS_LIVE, &st), "lost: live");

    while (st.position < 1500) {
        usleep(20000);
        ds_stream_status(s, &st);
    }

    is_int(st.item.index, 0, "lost: in the middle of an item");
    atomic_store(&server.drop, true);

    ok(await(s, has_reconnected, 1, &st), "lost: publishes again");
    ok(await(s, in_state, DS_FINISHED, &st), "lost: and goes on to the end");
    is_int(st.played, 2, "lost: with both items");
    finish(&s);
}


static void
test_resume(void)
{
    ds_status_t    st;
    ds_stream_t   *s;
    ds_progress_t  p;

    s = start("three.json", true);
    ok(await(s, on_item, 1, &st), "resume: the second item is on air");

    while (st.position < 1200) {
        usleep(20000);
        ds_stream_status(s, &st);
    }

    finish(&s);

    p = st.progress;
    ok(p.valid && p.index == 1 && p.position >= 1200, "resume: a place");

    s = start_at("three.json", false, &p, 0);
    ok(await(s, in_state, DS_LIVE, &st), "resume: live");
    is_int(st.item.index, 1, "resume: the same item");
    ok(st.position >= 1000, "resume: at its place: %d ms",
       (int) st.position);
    ok(await(s, in_state, DS_FINISHED, &st), "resume: on to the end");
    is_int(st.played, 2, "resume: two items were left");
    ok(st.progress.state == DS_FINISHED, "resume: the end is known");
    finish(&s);

    is_int(atomic_load(&server.backward), 0, "resume: no backward stamp");
}


static void
test_faults(void)
{
    int64_t       t;
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("faults.json", false);

    ok(await(s, in_state, DS_FINISHED, &st), "faults: played to the end");
    is_int(st.played, 1, "faults: the good one is played");
    is_int(st.failed, 3, "faults: the others are not");
    finish(&s);

    s = start("bad.json", false);
    ok(await(s, in_state, DS_FAILED, &st), "only bad items: failed");
    is_str(ds_error_code(st.error.code), "source_not_found",
           "only bad items: why");
    finish(&s);

    s = start("bad.json", true);
    ok(await(s, has_error, DS_ESOURCE_NOT_FOUND, &st),
       "only bad items, looping: an error");
    ok(await(s, in_state, DS_STALLED, &st),
       "only bad items, looping: stalled");
    usleep(700000);
    ds_stream_status(s, &st);
    ok(st.failed <= 4, "only bad items, looping: does not spin: %d",
       (int) st.failed);
    finish(&s);

    s = start("missing.json", true);
    ok(await(s, in_state, DS_STALLED, &st), "no list, looping: stalled");
    is_str(ds_error_code(st.error.code), "source_not_found",
           "no list, looping: why");

    t = ds_monotonic();
    finish(&s);
    ok(ds_monotonic() - t < 500, "a stalled stream ends at once");

    s = start("three.json", true);
    ok(await(s, in_state, DS_LIVE, &st), "live");
    t = ds_monotonic();
    ds_stream_stop(s);

    while (!ds_stream_done(s) && ds_monotonic() - t < DEADLINE) {
        usleep(1000);
    }

    ok(ds_monotonic() - t < 1500, "a live stream stops at once: %d ms",
       (int) (ds_monotonic() - t));
    ds_stream_status(s, &st);
    is_int(st.state, DS_STOPPED, "and is stopped");
    finish(&s);

    s = start("three.json", true);
    usleep(200000);
    t = ds_monotonic();
    ds_destroy(&ds);
    ok(ds_monotonic() - t < 1200, "the engine ends with a stream in it");
    ok(ds == NULL, "and is gone");
}


/* each AAC frame gets the beginning of a header that it has not */

static void
spoil(const char *name)
{
    char      path[256];
    FILE     *f;
    uint8_t   head[13];

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    f = fopen(path, "r+");
    if (f == NULL || fread(head, 13, 1, f) != 1) {
        abort();
    }

    while (fread(head, 13, 1, f) == 1) {

        if (head[0] == 8 && head[12] == 1) {
            (void) fseek(f, 0, SEEK_CUR);
            (void) fwrite("\xff\xf1", 2, 1, f);
            (void) fseek(f, -2, SEEK_CUR);
        }

        (void) fseek(f, (head[1] << 16 | head[2] << 8 | head[3]) + 2,
                     SEEK_CUR);
    }

    (void) fclose(f);
}


/* an item whose packets cannot be written is the one to blame */

static void
test_spoilt(void)
{
    size_t        n;
    ds_listed_t     items[8];
    ds_status_t   st;
    ds_stream_t  *s;

    s = start("spoilt.json", false);

    ok(await(s, in_state, DS_FINISHED, &st), "spoilt: played to the end");
    is_int(st.played, 1, "spoilt: the good one is played");
    is_int(st.failed, 1, "spoilt: the other is not");
    is_int(st.reconnects, 0, "spoilt: and no session is lost");

    n = ds_stream_items(s, items, 8);
    ds_listed_free(items, n);

    ok(n == 2 && items[0].item.state == DS_ITEM_FAILED
       && items[0].item.code == DS_ESOURCE_INVALID
       && strstr(items[0].item.reason, "cannot be written") != NULL,
       "spoilt: why: %s", items[0].item.reason);

    ds_stream_free(&s);
}


static void
test_max_item(void)
{
    size_t        i, n;
    ds_listed_t     items[8];
    ds_status_t   st;
    ds_stream_t  *s;

    s = start_at("three.json", false, NULL, 1000);

    ok(await(s, in_state, DS_FINISHED, &st), "max: finished");
    is_int(st.played, 3, "max: all played");

    n = ds_stream_items(s, items, 8);
    ds_listed_free(items, n);

    for (i = 0; i < n; i++) {
        ok(items[i].item.state == DS_ITEM_PLAYED
           && strstr(items[i].item.reason, "max_item_duration") != NULL,
           "max: item %d: %s", (int) i, items[i].item.reason);
    }

    ok(atomic_load(&server.end[0]) < 4500, "max: they were cut: %d ms",
       (int) atomic_load(&server.end[0]));
    finish(&s);

    is_int(atomic_load(&server.backward), 0, "max: no backward stamp");
}


static bool
was_refreshed(const ds_status_t *st, int64_t arg)
{
    return st->list.refreshed_at != arg && !st->list.refreshing;
}


/* what is on air does not feel what becomes of the list meanwhile */

static void
test_refresh(void)
{
    int           i, n;
    char          json[256];
    size_t        len, k, taken;
    int64_t       dead, at;
    ds_listed_t   items[8];
    ds_status_t   st;
    ds_stream_t  *s;

    static const char *const  clips[] = { "a.mp4", "b.mp4", "c.mp4" };

    srand(9);
    make_list("change.json", "[\"a.mp4\", \"b.mp4\"]");

    s = start_at("change.json", true, NULL, 1000);
    ok(await(s, has_played, 1, &st), "refresh: on air");
    dead = st.dead_air;

    for (i = 0; i < 40; i++) {
        len = (size_t) snprintf(json, sizeof(json), "[");
        n = 3 + rand() % 3;

        for (k = 0; k < (size_t) n; k++) {
            len += (size_t) snprintf(json + len, sizeof(json) - len,
                                     "%s{\"url\": \"%s\", \"id\": \"%d\"}",
                                     k == 0 ? "" : ", ", clips[rand() % 3],
                                     rand() % 8);
        }

        (void) snprintf(json + len, sizeof(json) - len, "]");
        make_list("change.json", json);

        at = st.list.refreshed_at;
        ds_stream_refresh(s);

        if (!await(s, was_refreshed, at, &st)) {
            break;
        }

        do {
            taken = ds_stream_items(s, items, 8);
            ds_listed_free(items, taken);
        } while (taken == 8);
    }

    is_int(i, 40, "refresh: 40 lists");
    ok(st.list.added_total > 10 && st.list.removed_total > 10
       && st.list.changes > 10, "refresh: which were not the same: %d, %d",
       (int) st.list.added_total, (int) st.list.removed_total);

    n = (int) st.played;
    ok(await(s, has_played, n + 3, &st), "refresh: it goes on");
    is_int(st.dead_air, dead, "refresh: without a gap");
    is_int(st.failed + st.skipped, 0, "refresh: nothing failed");

    ds_stream_set_refresh(s, 1000, 0);
    at = st.list.refreshed_at;
    ok(await(s, was_refreshed, at, &st), "refresh: each second now");

    finish(&s);

    is_int(atomic_load(&server.backward), 0, "refresh: no backward stamp");
}


static bool
at_position(const ds_status_t *st, int64_t arg)
{
    return st->has_item && st->item.index == 0 && st->position >= arg;
}


/*
 * What has long to wait is read for a second, and as far as "buffer" says
 * when its turn is near: of two items of 7 s and a buffer of 2 s.
 */

static void
test_ahead(void)
{
    int64_t       rate;
    ds_status_t   st;
    ds_stream_t  *s;
    struct stat   file;
    char          path[64];

    (void) snprintf(path, sizeof(path), "%s/even.mp4", dir);

    if (stat(path, &file) != 0) {
        abort();
    }

    rate = file.st_size / 7;
    s = start("even.json", false);

    ok(await(s, next_is_ready, 0, &st), "ahead: the next is made ready");
    ok(await(s, at_position, 2000, &st), "ahead: its turn is not near");

    ok((int64_t) st.counts.bytes_in < rate * (st.position + 3800) / 1000,
       "ahead: a second of it is read: %d ms, at %d ms",
       (int) ((int64_t) st.counts.bytes_in * 1000 / rate), (int) st.position);

    ok(await(s, at_position, 6000, &st), "ahead: it is near");

    ok((int64_t) st.counts.bytes_in > rate * (7000 + 1600) / 1000,
       "ahead: all that is allowed is read: %d ms, at %d ms",
       (int) ((int64_t) st.counts.bytes_in * 1000 / rate), (int) st.position);

    ok(await(s, on_item, 1, &st), "ahead: it is on air");
    is_int(st.dead_air, 0, "ahead: without a hole");

    finish(&s);
}


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        abort();
    }

    make_clip("a.mp4", "320x180", 2, "-bf 0");
    make_clip("b.mp4", "640x360", 2, "-bf 2");
    make_clip("c.mp4", "320x180", 2, "-bf 3");
    run("head -c 3000 %s/a.mp4 > %s/short.mp4", dir, dir);
    run("head -c 100000 /dev/urandom > %s/noise.mp4", dir);

    make_clip("d.mp4", "320x180", 6, "-g 1000");

    make_list("lost.json", "[\"d.mp4\", \"a.mp4\"]");
    make_list("three.json", "[\"a.mp4\", \"b.mp4\", {\"url\": \"c.mp4\", "
              "\"title\": \"the third\", \"duration\": 2}]");
    make_list("faults.json", "[\"gone.mp4\", \"noise.mp4\", \"short.mp4\", "
              "\"a.mp4\"]");
    make_list("bad.json", "{\"items\": [\"gone1.mp4\", \"gone2.mp4\"]}");

    run("ffmpeg -v error -i %s/a.mp4 -c copy %s/spoilt.flv", dir, dir);
    spoil("spoilt.flv");
    make_list("spoilt.json", "[\"spoilt.flv\", \"a.mp4\"]");

    run("ffmpeg -v error -f lavfi -i testsrc=size=160x90:rate=25 -f lavfi "
        "-i sine -t 7 -c:v libx264 -preset ultrafast -g 25 -b:v 1000k "
        "-minrate 1000k -maxrate 1000k -bufsize 200k -x264-params "
        "nal-hrd=cbr -pix_fmt yuv420p -c:a aac -ac 2 -movflags +faststart "
        "%s/even.mp4", dir);
    make_list("even.json", "[\"even.mp4\", \"even.mp4\"]");

    ds = engine(4000);
    rtmp_start(&server);

    test_once();
    test_max_item();
    test_spoilt();
    test_control();
    test_resume();
    test_lost();
    test_refresh();
    test_faults();

    ds = engine(2000);
    test_ahead();
    ds_destroy(&ds);

    atomic_store(&server.quit, true);
    (void) pthread_join(server.thread, NULL);

    run("rm -rf %s", dir);

    return done_testing();
}
