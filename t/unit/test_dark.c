
/*
 * A stream with nothing to play: sources that are late, that pause, that
 * fail: the slate is on air, in one session, on one timeline.
 */

#include "stream.h"


/* a source that does not answer for a while */

static void
test_late(void)
{
    int           sessions;
    int64_t       t;
    ds_aired_t    a;
    ds_status_t   st;
    ds_stream_t  *s;

    sessions = atomic_load(&server.sessions);
    s = start("late.json", false);
    t = ds_monotonic();

    ok(await(s, on_slate, 1, &st), "late: the slate");
    t = ds_monotonic() - t;
    ok(t >= 800 && t < 1200, "late: after a second: %d ms", (int) t);
    ok(st.state == DS_RESOLVING || st.state == DS_STARTING,
       "late: still starting");

    ok(await(s, on_item, 0, &st), "late: the item");
    ok(!st.slate, "late: no slate any more");
    ok(st.dead_air > 1000, "late: dead air: %d ms", (int) st.dead_air);
    ok(await(s, in_state, DS_FINISHED, &st), "late: to the end");
    is_int(st.played, 1, "late: played");

    ok(ds_stream_aired(s, &a, UINT64_MAX), "late: a record");
    ok(a.slate > 1000, "late: slate before it: %d ms", (int) a.slate);
    ok(strchr(a.url, '?') == NULL && strstr(a.url, "d.mp4") != NULL,
       "late: where it came from: %s", a.url);
    ok(!ds_stream_aired(s, &a, UINT64_MAX), "late: one record");
    finish(&s);

    is_int(atomic_load(&server.sessions), sessions + 1, "late: one session");
    is_int(atomic_load(&server.backward), 0, "late: no backward stamp");
    is_int(atomic_load(&server.not_key), 0, "late: headers at key frames");
    ok(atomic_load(&server.max_gap) < 1000, "late: no gap: %d ms",
       (int) atomic_load(&server.max_gap));
}


/* a source that pauses in the middle of the item */

static void
test_pause(void)
{
    int           sessions;
    int64_t       position;
    ds_aired_t    a;
    ds_status_t   st;
    ds_stream_t  *s;

    sessions = atomic_load(&server.sessions);
    s = start("pause.json", false);

    ok(await(s, on_item, 0, &st), "pause: on air");
    ok(!st.slate, "pause: at once");
    ok(await(s, on_slate, 1, &st), "pause: the slate");
    is_int(st.state, DS_LIVE, "pause: live for a second");
    ok(st.has_item, "pause: the item is kept");
    position = st.position;
    ok(await(s, in_state, DS_STALLED, &st), "pause: stalled");
    is_int(st.position, position, "pause: the item stands");
    ok(await(s, on_slate, 0, &st), "pause: the item again");
    ok(await(s, in_state, DS_LIVE, &st), "pause: live again");
    ok(st.has_item && st.position >= position
       && st.position < position + 2000, "pause: where it was: %d, %d ms",
       (int) position, (int) st.position);
    ok(await(s, in_state, DS_FINISHED, &st), "pause: to the end");
    is_int(st.played, 1, "pause: played");

    ok(ds_stream_aired(s, &a, UINT64_MAX) && a.slate > 500,
       "pause: slate within: %d ms",
       (int) a.slate);
    ok(a.aired > 3500 && a.aired <= 6100, "pause: aired: %d ms",
       (int) a.aired);
    finish(&s);

    is_int(atomic_load(&server.sessions), sessions + 1, "pause: one session");
    is_int(atomic_load(&server.backward), 0, "pause: no backward stamp");
    is_int(atomic_load(&server.not_key), 0, "pause: headers at key frames");
    ok(atomic_load(&server.max_gap) < 1000, "pause: no gap: %d ms",
       (int) atomic_load(&server.max_gap));
}


/* a source that never goes on is waited for, as long as nobody says no */

static void
test_stall(void)
{
    int           sessions;
    ds_status_t   st;
    ds_stream_t  *s;

    sessions = atomic_load(&server.sessions);
    s = start("stall.json", false);

    ok(await(s, on_item, 0, &st), "stall: on air");
    ok(await(s, on_slate, 1, &st), "stall: the slate");
    ok(await(s, has_error, DS_ESOURCE_STALLED, &st), "stall: why");
    is_int(st.state, DS_STALLED, "stall: the same item is waited for");
    is_int(st.failed, 0, "stall: it has not failed");
    ds_stream_skip(s);
    ok(await(s, in_state, DS_FINISHED, &st), "stall: until it is skipped");
    is_int(st.skipped, 1, "stall: the item was");
    finish(&s);

    is_int(atomic_load(&server.sessions), sessions + 1, "stall: one session");
    is_int(atomic_load(&server.backward), 0, "stall: no backward stamp");
}


/* nothing at all can be played */

static void
test_dark(void)
{
    int           sessions, packets;
    int64_t       t;
    ds_status_t   st;
    ds_stream_t  *s;

    sessions = atomic_load(&server.sessions);
    s = start("bad.json", true);

    ok(await(s, on_slate, 1, &st), "dark: the slate");
    is_int(st.state, DS_STALLED, "dark: stalled");

    t = st.dead_air;
    packets = atomic_load(&server.packets[0]);
    usleep(2000000);
    ds_stream_status(s, &st);
    ok(st.slate && st.connected && st.dead_air - t > 1500, "dark: it stays");

    atomic_store(&server.drop, true);

    for (t = ds_monotonic(); st.reconnects == 0
                             && ds_monotonic() - t < DEADLINE; )
    {
        usleep(10000);
        ds_stream_status(s, &st);
    }

    is_int(st.reconnects, 1, "dark: a lost session is made anew");
    packets = atomic_load(&server.packets[0]);
    usleep(500000);
    ok(atomic_load(&server.packets[0]) > packets, "dark: with the slate");
    finish(&s);

    is_int(atomic_load(&server.sessions), sessions + 2, "dark: two sessions");
    is_int(atomic_load(&server.backward), 0, "dark: no backward stamp");
}


static void
make_http_list(const char *name, const char *query)
{
    char  json[256];

    (void) snprintf(json, sizeof(json), "[\"%s?%s\"]", server_url("d.mp4"),
                    query);
    make_list(name, json);
}


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        abort();
    }

    if (!server_start()) {
        (void) printf("Bail out! no media-server\n");
        return 1;
    }

    make_clip("d.mp4", "320x180", 6, "-bf 2 -movflags +faststart");
    run("mv %s/d.mp4 %s/d.mp4", dir, server_dir);
    make_http_list("late.json", "latency=2500");
    make_http_list("pause.json", "pause=80000-3500");
    make_http_list("stall.json", "stall=80000");
    make_list("bad.json", "[\"gone1.mp4\", \"gone2.mp4\"]");

    ds = engine(1000);
    rtmp_start(&server);

    test_dark();
    test_late();
    test_pause();
    test_stall();

    ds_destroy(&ds);

    atomic_store(&server.quit, true);
    (void) pthread_join(server.thread, NULL);

    server_end();
    run("rm -rf %s", dir);

    return done_testing();
}
