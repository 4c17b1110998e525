
/*
 * What is queued for a stream: now, next, at the end; from, until; what
 * fails; over a stop; skip and previous; as the store would have it.
 */

#include "stream.h"
#include "play/ds_agenda.h"


/* the store of this test */

static ds_queued_t  rows[16];
static size_t       nrows;
static unsigned     serial;


static ds_queued_t *
row(const char *id)
{
    size_t  i;

    for (i = 0; i < nrows && strcmp(rows[i].id, id) != 0; i++) { /* void */ }

    return i == nrows ? NULL : &rows[i];
}


static void
row_drop(const char *id)
{
    ds_queued_t  *q;

    q = row(id);

    if (q != NULL) {
        memmove(q, q + 1, (rows + --nrows - q) * sizeof(ds_queued_t));
    }
}


/* place 0: behind those that interrupt; else the last */

static void
row_add(const ds_queued_t *q, bool first)
{
    size_t  i;

    row_drop(q->id);

    for (i = 0; i < nrows && (rows[i].now || !first); i++) { /* void */ }

    memmove(&rows[i + 1], &rows[i], (nrows - i) * sizeof(ds_queued_t));
    rows[i] = *q;
    rows[i].place = 1;
    nrows++;
}


static void
sync_rows(ds_stream_t *s)
{
    uint64_t      stamp;
    ds_queued_t   q, *r;

    stamp = 0;

    while (ds_stream_queue_change(s, &q, &stamp)) {
        if (q.state == DS_QUEUED_OVER) {
            row_drop(q.id);

        } else if (q.place == 0) {
            row_add(&q, true);

        } else if ((r = row(q.id)) != NULL) {
            r->state = q.state;
            r->now = q.now;
            r->position = q.position;
        }
    }

    if (ds_stream_queue_set(s, rows, nrows, stamp) != DS_OK) {
        abort();
    }
}


static ds_queued_t
entry(ds_queued_e kind, const char *name, uint32_t index, bool now)
{
    ds_queued_t  q;

    memset(&q, 0, sizeof(q));
    (void) snprintf(q.id, sizeof(q.id), "q%u", ++serial);
    q.kind = kind;
    q.index = index;
    q.now = now;
    q.resume = true;
    (void) strcpy(q.by, "somebody");

    if (name != NULL) {
        (void) snprintf(q.url, sizeof(q.url), "file://%s/%s", dir, name);
    }

    return q;
}


static void
queue(ds_stream_t *s, ds_queued_t q, bool first)
{
    sync_rows(s);
    row_add(&q, first);
    sync_rows(s);
}


/* each item that came on air, and how, until "n" or the end */

static char     aired[1024];
static int64_t  slate;                  /* ms of it among them */

static void
follow(ds_stream_t *s, int n)
{
    int64_t      end;
    ds_aired_t   a;
    ds_status_t  st;

    aired[0] = '\0';
    slate = 0;
    end = ds_monotonic() + DEADLINE;

    do {
        while (n > 0 && ds_stream_aired(s, &a, UINT64_MAX)) {
            (void) snprintf(aired + strlen(aired),
                            sizeof(aired) - strlen(aired), "%s%s%s:%s",
                            aired[0] == '\0' ? "" : " ",
                            a.queue_id[0] == '\0' ? "" : "+", a.item.title,
                            a.item.state == DS_ITEM_PLAYED ? "played"
                            : a.item.state == DS_ITEM_FAILED ? "failed"
                            : "cut");
            slate += a.slate;
            n--;
        }

        ds_stream_status(s, &st);
        sync_rows(s);
        drain_log();

        if (n == 0) {
            return;
        }

        usleep(5000);

    } while (ds_monotonic() < end);
}


static bool
queue_on_air(const ds_status_t *st, int64_t arg)
{
    return st->has_item && (st->queue_id[0] != '\0') == (arg != 0)
           && st->position > 200;
}


/* meanwhile the store is told */

static bool
await_air(ds_stream_t *s, int64_t arg, ds_status_t *st)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    do {
        usleep(5000);
        sync_rows(s);
        ds_stream_status(s, st);
        drain_log();

        if (queue_on_air(st, arg)) {
            return true;
        }

    } while (ds_monotonic() < end);

    return false;
}


static void
past(ds_stream_t *s, ds_status_t *st, int64_t position)
{
    do {
        usleep(5000);
        ds_stream_status(s, st);
    } while (st->position < position);
}


static void
smooth(const char *what)
{
    is_int(atomic_load(&server.backward), 0, "%s: no backward stamp", what);
    ok(atomic_load(&server.max_step[0]) <= 200, "%s: no gap: %d ms", what,
       (int) atomic_load(&server.max_step[0]));
    atomic_store(&server.max_step[0], 0);
}


static void
begin(ds_stream_t **s, bool loop, ds_status_t *st)
{
    nrows = 0;
    atomic_store(&server.max_step[0], 0);
    *s = start("three.json", loop);
    ok(await(*s, in_state, DS_LIVE, st), "live");
}


static void
test_order(void)
{
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    queue(s, entry(DS_QUEUED_URL, "x.mp4", 0, false), false);
    queue(s, entry(DS_QUEUED_ITEM, NULL, 2, false), false);
    queue(s, entry(DS_QUEUED_URL, "gone.mp4", 0, false), false);
    ds_stream_status(s, &st);

    follow(s, 6);
    is_str(strstr(aired, "c:played +"), NULL, "order");
    ok(strstr(aired, "x.mp4:played") != NULL
       && strstr(aired, "gone.mp4:failed") != NULL, "order: %s", aired);
    ok(await(s, in_state, DS_FINISHED, &st), "order: finished");
    is_int(st.queue_started, 2, "order: two were on air");
    is_int(st.queue_failed, 1, "order: one failed");
    is_int(slate, 0, "order: no slate");
    is_int(nrows, 0, "order: nothing is left");
    finish(&s);
    smooth("order");
}


static void
test_now(void)
{
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    past(s, &st, 500);

    q = entry(DS_QUEUED_URL, "x.mp4", 0, true);
    (void) strcpy(q.title, "x");
    queue(s, q, true);
    ok(await_air(s, 1, &st), "now: on air");
    is_str(st.queued_by, "somebody", "now: who wanted it");
    is_int(st.item.index, DS_NO_INDEX, "now: in no list");
    is_int(st.progress.position, DS_ITEM_OVER, "now: the list waits");
    sync_rows(s);
    is_int(nrows, 2, "now: it, and what it interrupted");

    /* what interrupts is interrupted */

    q = entry(DS_QUEUED_URL, "y.mp4", 0, true);
    (void) strcpy(q.title, "y");
    queue(s, q, true);
    follow(s, 7);
    is_str(aired, "a:cut +x:cut +y:played +x:played a:played b:played "
           "c:played", "now: all go on");
    ok(await(s, in_state, DS_FINISHED, &st), "now: finished");
    is_int(slate, 0, "now: no slate");
    is_int(st.skipped, 0, "now: nothing was skipped");
    is_int(nrows, 0, "now: nothing is left");
    finish(&s);
    smooth("now");
}


static void
test_continue(void)
{
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    past(s, &st, 500);

    q = entry(DS_QUEUED_URL, "x.mp4", 0, true);
    (void) strcpy(q.title, "x");
    q.resume = false;
    q.from = 500;
    q.until = 1500;
    queue(s, q, true);
    follow(s, 4);
    is_str(aired, "a:cut +x:played b:played c:played", "continue");
    finish(&s);
    ok(atomic_load(&server.end[0]) < 7000, "continue: a part of it: %d ms",
       (int) atomic_load(&server.end[0]));
    smooth("continue");
}


static void
test_last(void)
{
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    ds_stream_skip(s);
    ds_stream_skip(s);
    ok(await(s, on_item, 2, &st), "last: the last item");
    past(s, &st, 1400);

    q = entry(DS_QUEUED_URL, "x.mp4", 0, true);
    (void) strcpy(q.title, "x");
    queue(s, q, true);

    follow(s, 4);
    ok(strstr(aired, "+x:played") != NULL, "last: %s", aired);
    ok(await(s, in_state, DS_FINISHED, &st), "last: finished after it");
    is_int(slate, 0, "last: no slate");
    finish(&s);
}


static void
test_go_to(void)
{
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    ok(await(s, next_is_ready, 0, &st), "go to: another one is prepared");

    q = entry(DS_QUEUED_GO_TO, NULL, 2, true);
    queue(s, q, true);
    follow(s, 2);
    is_str(aired, "a:cut +c:played", "go to: on from there");
    ok(await(s, in_state, DS_FINISHED, &st), "go to: to the end");
    finish(&s);
    smooth("go to");
}


static void
test_steps(void)
{
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, true, &st);
    past(s, &st, 500);

    q = entry(DS_QUEUED_URL, "x.mp4", 0, true);
    (void) strcpy(q.title, "x");
    queue(s, q, true);
    ok(await_air(s, 1, &st), "steps: on air");
    sync_rows(s);
    ds_stream_previous(s);
    follow(s, 3);
    is_str(aired, "a:cut +x:cut a:played", "steps: previous, from its start");
    is_int(nrows, 0, "steps: and only once");

    q.id[0] = 'r';
    queue(s, q, true);

    do {
        usleep(5000);
        ds_stream_status(s, &st);
    } while (!queue_on_air(&st, 1));

    ds_stream_skip(s);
    follow(s, 3);
    is_str(aired, "b:cut +x:cut b:played", "steps: skip, back to the list");
    finish(&s);
    smooth("steps");
}


static void
test_stop(void)
{
    int           i;
    ds_queued_t   q;
    ds_status_t   st;
    ds_stream_t  *s;

    begin(&s, false, &st);
    past(s, &st, 500);

    q = entry(DS_QUEUED_URL, "x.mp4", 0, true);
    (void) strcpy(q.title, "x");
    queue(s, q, true);
    ok(await_air(s, 1, &st), "stop: on air");
    past(s, &st, 1200);
    sync_rows(s);
    finish(&s);

    for (i = 0; i < (int) nrows; i++) {
        if (rows[i].state == DS_QUEUED_ON_AIR) {
            rows[i].position = st.queue_position;
        }
    }

    s = start_at("three.json", false, &st.progress, 0);
    sync_rows(s);
    ok(await_air(s, 1, &st), "stop: goes on with it");
    ok(st.position > 900, "stop: from there: %d ms", (int) st.position);
    follow(s, 4);
    is_str(aired, "+x:played a:played b:played c:played",
           "stop: and what it interrupted, and the list");
    finish(&s);
    is_int(nrows, 0, "stop: nothing is left");
}


/* changes that cross on their way */

static void
test_agenda(void)
{
    uint32_t       head;
    uint64_t       stamp;
    ds_item_t      item;
    ds_agenda_t   *a;
    ds_queued_t    q, two[2];

    a = ds_agenda_create();
    memset(two, 0, sizeof(two));
    (void) strcpy(two[0].id, "one");
    (void) strcpy(two[1].id, "two");
    two[0].place = two[1].place = 1;

    is_int(ds_agenda_set(a, two, 2, 0), 0, "agenda: two");
    is_int(ds_agenda_waiting(a), 2, "agenda: they wait");
    head = ds_agenda_head(a);
    ok(ds_agenda_is_key(head) && !ds_agenda_is_key(DS_AGENDA_NONE)
       && !ds_agenda_is_key(7), "agenda: keys");
    ds_agenda_begin(a, head);

    is_int(ds_agenda_set(a, two, 2, 0), 0, "agenda: the store is behind");
    is_int(ds_agenda_waiting(a), 1, "agenda: it is on air nevertheless");
    is_int(ds_agenda_set(a, two + 1, 1, 0), 0, "agenda: removed, too late");
    ok(ds_agenda_get(a, head) != NULL, "agenda: it stays on air");

    stamp = 0;
    ok(ds_agenda_change(a, &q, &stamp) && strcmp(q.id, "one") == 0
       && q.state == DS_QUEUED_ON_AIR, "agenda: which is told");
    ok(!ds_agenda_change(a, &q, &stamp), "agenda: once");

    ds_agenda_end(a, head);
    is_int(ds_agenda_set(a, two, 2, stamp), 0, "agenda: told of the first");
    ok(ds_agenda_change(a, &q, &stamp) && q.state == DS_QUEUED_OVER,
       "agenda: the second is left");
    is_int(ds_agenda_set(a, two + 1, 1, stamp), 0, "agenda: and told");
    ok(ds_agenda_get(a, head) == NULL, "agenda: then it is gone");

    head = ds_agenda_head(a);
    ok(!ds_agenda_hold(a, head), "agenda: the store is to know first");
    ok(ds_agenda_change(a, &q, &stamp) && strcmp(q.id, "two") == 0
       && q.state == DS_QUEUED_ON_AIR, "agenda: it is told");
    ds_agenda_release(a, head);
    ok(ds_agenda_change(a, &q, &stamp) && q.state == DS_QUEUED_WAITING,
       "agenda: another one comes before it");
    (void) ds_agenda_hold(a, head);
    is_int(ds_agenda_set(a, NULL, 0, stamp), 0, "agenda: the store is behind");
    is_int(ds_agenda_head(a), head, "agenda: it is still there");
    ok(ds_agenda_change(a, &q, &stamp), "agenda: told again");
    is_int(ds_agenda_set(a, NULL, 0, stamp), 0, "agenda: removed before that");
    is_int(ds_agenda_head(a), DS_AGENDA_NONE, "agenda: it is not begun");

    two[1].state = DS_QUEUED_ON_AIR;
    is_int(ds_agenda_set(a, two + 1, 1, stamp), 0, "agenda: of a run before");
    head = ds_agenda_head(a);
    ok(ds_agenda_change(a, &q, &stamp) && q.state == DS_QUEUED_WAITING
       && q.place == 0, "agenda: it waits, in front");
    is_int(ds_agenda_set(a, &q, 1, stamp), 0, "agenda: which is told");
    ok(!ds_agenda_hold(a, head) && ds_agenda_change(a, &q, &stamp),
       "agenda: its turn");
    is_int(ds_agenda_set(a, &q, 1, stamp), 0, "agenda: the store knows");
    ok(ds_agenda_hold(a, head), "agenda: taken");
    is_int(ds_agenda_set(a, NULL, 0, stamp), 0, "agenda: removed, too late");
    is_int(ds_agenda_head(a), head, "agenda: nobody takes it back");
    ds_agenda_begin(a, head);
    memset(&item, 0, sizeof(item));
    ds_agenda_return(a, &item, 700);
    stamp = UINT64_MAX;
    is_int(ds_agenda_set(a, NULL, 0, 2), 0, "agenda: the store is behind");
    is_int(ds_agenda_waiting(a), 1, "agenda: what returns is kept");
    ds_agenda_forget(a, &item);
    is_int(ds_agenda_waiting(a), 0, "agenda: until it is not wanted");
    ds_agenda_free(&a);
    ok(a == NULL, "agenda: freed");
}


int
main(void)
{
    if (mkdtemp(dir) == NULL) {
        abort();
    }

    make_clip("a.mp4", "320x180", 2, "-bf 0");
    make_clip("b.mp4", "640x360", 2, "-bf 2");
    make_clip("x.mp4", "320x180", 3, "-bf 0");

    run("cp %s/x.mp4 %s/y.mp4; cp %s/a.mp4 %s/c.mp4", dir, dir, dir, dir);
    make_list("three.json", "[{\"url\": \"a.mp4\", \"title\": \"a\"}, "
              "{\"url\": \"b.mp4\", \"title\": \"b\"}, "
              "{\"url\": \"c.mp4\", \"title\": \"c\"}]");

    test_agenda();

    ds = engine(4000);
    rtmp_start(&server);

    test_order();
    test_now();
    test_continue();
    test_last();
    test_go_to();
    test_steps();
    test_stop();

    atomic_store(&server.quit, true);
    (void) pthread_join(server.thread, NULL);

    run("rm -rf %s", dir);

    return done_testing();
}
