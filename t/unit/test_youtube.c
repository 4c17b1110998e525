
/*
 * ds_broadcast: against a YouTube of its own, whose calls fail before and after
 * they were done, whose lists are behind, and whose client is killed between
 * any two steps: never two live but while one replaces the other, never one
 * too many made, and live again in time.
 *
 * YOUTUBE_RUNS: how many random runs, 1,000 by default.
 */

#include <stdlib.h>

#include "youtube/ds_broadcast.h"
#include "tap.h"


#define STREAM     "stream-1"
#define MOST       64
#define ROUND      45000
#define SOON       5000
#define HOUR       3600000LL
#define DAY        (24 * HOUR)
#define START      1800000000000LL


/* what YouTube has */

typedef struct {
    ds_broadcast_t  b[MOST];
    int64_t         turn[MOST];         /* when it goes on to the next state */
    int64_t         shown[MOST];        /* not listed before */
    int64_t         made[MOST];
    size_t          n;
    int64_t         now;
    int64_t         last;               /* of the last step of the clock */
    int64_t         dark;               /* ms, in a row */
    int64_t         longest;
    int64_t         quota;
    bool            pushing;
    bool            active;
    unsigned        faults;             /* per cent of calls */
    unsigned        kills;              /* per cent of steps */
    unsigned        lag;                /* ms */
    size_t          stuck;              /* of the first ones, for nothing */
    unsigned        twos;               /* steps with two live, too long */
    unsigned        acted_down;         /* effects while nothing was pushed */
    int64_t         two_since;
} site_t;


/* our side; "kept" is what the store has */

typedef struct {
    ds_memo_t       kept;
    ds_memo_t       memo;
    unsigned        dark;
    unsigned        up;
    unsigned        tags;
    int64_t         rollover;
    int64_t         overlap;            /* ms, that two may be live */
    bool            wish_rollover;
} ours_t;


static site_t    site;
static ours_t    ours;
static ds_step_t  step;


static unsigned
chance(unsigned n)
{
    return (unsigned) rand() % n;
}


static bool
on(const ds_broadcast_t *b)
{
    return b->life == DS_LIFE_LIVE || b->life == DS_LIFE_LIVE_STARTING;
}


static unsigned
live(void)
{
    size_t    i;
    unsigned  n;

    for (i = 0, n = 0; i < site.n; i++) {
        n += on(&site.b[i]);
    }

    return n;
}


static ds_broadcast_t *
site_add(ds_life_e life, const char *stream)
{
    ds_broadcast_t  *b;

    b = &site.b[site.n];
    memset(b, 0, sizeof(ds_broadcast_t));

    (void) snprintf(b->id, sizeof(b->id), "b-%zu", site.n);
    ds_text(b->stream, sizeof(b->stream), stream);
    ds_text(b->title, sizeof(b->title), "the title");
    ds_text(b->privacy, sizeof(b->privacy), "public");
    b->life = life;
    b->scheduled = site.now;
    b->started = life == DS_LIFE_LIVE ? site.now : 0;
    site.made[site.n] = site.now;
    site.shown[site.n] = site.now + (site.lag != 0 ? chance(site.lag) : 0);
    site.turn[site.n] = 0;
    site.n++;

    return b;
}


static void
site_clock(int64_t ms)
{
    size_t           i;
    ds_broadcast_t  *b;

    if (live() == 0 && site.pushing) {
        site.dark += ms;
        site.longest = site.dark > site.longest ? site.dark : site.longest;

    } else {
        site.dark = 0;
    }

    site.now += ms;

    for (i = 0; i < site.n; i++) {
        b = &site.b[i];

        if (site.turn[i] == 0 || site.now < site.turn[i]) {
            continue;
        }

        site.turn[i] = 0;

        if (b->life == DS_LIFE_TEST_STARTING) {
            b->life = DS_LIFE_TESTING;

        } else if (b->life == DS_LIFE_LIVE_STARTING) {
            b->life = DS_LIFE_LIVE;
            b->started = site.now;
        }
    }

    /* one replaces another in much less than that */

    if (live() < 2 || !site.pushing) {
        site.two_since = 0;

    } else if (site.two_since == 0) {
        site.two_since = site.now;
    }

    site.twos += live() > 2
                 || (live() == 2 && !ours.kept.replacing)
                 || (site.two_since != 0 && site.faults + site.kills == 0
                     && site.now - site.two_since > ours.overlap);
}


/* 0, or -1: it failed; what was to be done may have been */

static int
site_call(unsigned *outcome)
{
    *outcome = chance(100) < site.faults ? 1 + chance(2) : 0;

    return *outcome == 0 ? 0 : -1;
}


static int
site_do(const ds_step_t *s, char *id, bool *gone)
{
    int              rc;
    size_t           i;
    unsigned         outcome;
    ds_broadcast_t  *b;

    rc = site_call(&outcome);
    *gone = false;

    if (outcome == 1) {
        return -1;
    }

    site.quota += 50;
    site.acted_down += !site.pushing;

    if (s->effect == DS_EFFECT_INSERT) {
        b = site_add(DS_LIFE_CREATED, "");
        ds_text(b->tag, sizeof(b->tag), ours.kept.tag);
        b->monitored = chance(4) == 0;
        ds_text(id, DS_YOUTUBE_ID, b->id);
        return rc;
    }

    b = NULL;

    for (i = 0; i < site.n; i++) {
        if (strcmp(site.b[i].id, s->id) == 0) {
            b = &site.b[i];
            break;
        }
    }

    if (b == NULL || b->life == DS_LIFE_OVER || i < site.stuck) {
        *gone = true;
        return -1;
    }

    switch (s->effect) {

    case DS_EFFECT_BIND:
        if (b->life > DS_LIFE_READY) {
            return -1;
        }

        ds_text(b->stream, sizeof(b->stream), STREAM);
        b->life = DS_LIFE_READY;
        return rc;

    case DS_EFFECT_TEST:
        if (b->life != DS_LIFE_READY || !b->monitored || !site.active) {
            return -1;
        }

        b->life = DS_LIFE_TEST_STARTING;
        break;

    case DS_EFFECT_LIVE:
        if (on(b)) {
            return 0;               /* it was redundant */
        }

        if ((b->life == DS_LIFE_READY && b->monitored)
            || b->life < DS_LIFE_READY || !site.active)
        {
            return -1;
        }

        b->life = DS_LIFE_LIVE_STARTING;
        break;

    default:
        b->life = DS_LIFE_OVER;
        return rc;
    }

    site.turn[i] = site.now + 1 + chance(10000);

    return rc;
}


static void
restart(void)
{
    ours.memo = ours.kept;
    ours.dark = 0;
    ours.up = 0;
}


static void
look(ds_view_t *view, ds_broadcast_t *list)
{
    size_t  i;

    view->n = 0;
    view->now = site.now;
    view->active = site.active;
    site.quota += view->whole ? 3 : 1;

    for (i = 0; i < site.n; i++) {
        if (site.now >= site.shown[i]
            && (on(&site.b[i])
                || (view->whole && site.b[i].life < DS_LIFE_OVER)))
        {
            list[view->n++] = site.b[i];
        }
    }

    view->list = list;
}


/* one round, or a part of it; returns when the next one is due */

static int64_t
turn(bool whole_round)
{
    char            id[DS_YOUTUBE_ID], tag[DS_YOUTUBE_ID];
    bool            gone;
    unsigned        outcome;
    ds_view_t       view;
    ds_broadcast_t  list[MOST];

    if (whole_round) {
        ours.up = site.pushing ? ours.up + 1 : 0;
    }

    memset(&view, 0, sizeof(ds_view_t));
    view.stream = STREAM;
    view.pushing = site.pushing && ours.up >= 2;
    view.revive = true;
    view.rollover = ours.rollover;
    view.wish_rollover = ours.wish_rollover;

    (void) snprintf(tag, sizeof(tag), "ds-%u", ++ours.tags);
    view.tag = tag;

    if (site_call(&outcome) != 0) {
        return ROUND;
    }

    look(&view, list);
    ds_broadcast_step(&ours.memo, &ours.dark, &view, &step);

    if (step.effect == DS_EFFECT_LOOK) {
        view.whole = true;

        if (site_call(&outcome) != 0) {
            return ROUND;
        }

        look(&view, list);
        ds_broadcast_step(&ours.memo, &ours.dark, &view, &step);
    }

    if (chance(100) < site.kills) {
        restart();
        return SOON;
    }

    ours.kept = ours.memo;

    if (ours.memo.replacing) {
        ours.wish_rollover = false;
    }

    if (step.effect != DS_EFFECT_NONE) {

        if (chance(100) < site.kills) {
            restart();
            return SOON;
        }

        id[0] = '\0';

        if (site_do(&step, id, &gone) == 0) {
            ds_broadcast_done(&ours.memo, &step, id);

        } else {
            ds_broadcast_failed(&ours.memo, &step, gone);
        }

        if (chance(100) < site.kills) {
            restart();
            return SOON;
        }

        ours.kept = ours.memo;
    }

    return step.soon ? SOON : ROUND;
}


static void
begin(unsigned faults, unsigned kills, unsigned lag)
{
    memset(&site, 0, sizeof(site_t));
    memset(&ours, 0, sizeof(ours_t));

    site.now = START;
    site.pushing = true;
    site.active = true;
    site.faults = faults;
    site.kills = kills;
    site.lag = lag;
    ours.overlap = faults + kills == 0 ? ROUND : HOUR / 2;
}


static void
run_for(int64_t ms)
{
    int64_t  end, wait, round;

    end = site.now + ms;
    round = 0;

    while (site.now < end) {
        wait = turn(site.now >= round);

        if (site.now >= round) {
            round = site.now + ROUND;
        }

        site_clock(wait);
    }
}


/* never two in 10 minutes, nor more than 6 in 24 hours */

static unsigned
too_many(size_t ours_from)
{
    size_t    i;
    unsigned  n;

    n = 0;

    for (i = ours_from + 1; i < site.n; i++) {
        n += site.made[i] - site.made[i - 1] < DS_BROADCAST_APART;
        n += i >= ours_from + DS_YOUTUBE_MADE
             && site.made[i] - site.made[i - DS_YOUTUBE_MADE] < DAY;
    }

    return n;
}


/* what has ended is seen, and one is made, bound, and taken live */

static void
test_revive(void)
{
    int64_t  ended;

    begin(0, 0, 0);
    (void) site_add(DS_LIFE_LIVE, STREAM);
    run_for(10 * ROUND);

    is_int(site.n, 1, "nothing is made while one is live");
    is_int(step.state, DS_YOUTUBE_HEALTHY, "healthy");
    is_str(ours.memo.current, "b-0", "it is known");

    site.b[0].life = DS_LIFE_OVER;
    ended = site.now;

    while (step.state != DS_YOUTUBE_DARK && site.now < ended + HOUR) {
        run_for(1);
    }

    ok(site.now - ended <= 60000, "dark is seen within 60 s");
    run_for(120000);

    is_int(live(), 1, "live again within 120 s");
    is_int(site.n, 2, "one was made");
    is_int(step.state, DS_YOUTUBE_HEALTHY, "healthy again");
    is_str(ours.memo.title, "the title", "its title");
    is_int(site.acted_down, 0, "nothing without a push");
}


static void
test_waiting(void)
{
    begin(0, 0, 0);
    site.pushing = false;
    run_for(HOUR);

    is_int(site.quota, (HOUR / ROUND), "one list a round, no push");
    is_int(step.state, DS_YOUTUBE_WAITING, "waiting");
    is_int(site.n, 0, "nothing is made while nothing is pushed");

    site.pushing = true;
    site.active = false;
    run_for(HOUR);
    is_int(site.n, 0, "nor while YouTube gets nothing");

    site.active = true;
    run_for(5 * 60000);
    is_int(live(), 1, "then one is live");
    is_int(site.n, 1, "made");
}


/* an upcoming one is taken if it is meant for now */

static void
test_upcoming(void)
{
    ds_broadcast_t  *b;

    begin(0, 0, 0);
    b = site_add(DS_LIFE_READY, STREAM);
    b->scheduled = site.now + 5 * DAY;
    b = site_add(DS_LIFE_READY, "another");
    b = site_add(DS_LIFE_READY, STREAM);
    b->monitored = true;
    run_for(5 * 60000);

    is_int(site.n, 3, "none is made");
    is_int(site.b[2].life, DS_LIFE_LIVE, "it is taken, by way of a test");
    is_int(site.b[0].life, DS_LIFE_READY, "next week's is left alone");
    is_int(site.b[1].life, DS_LIFE_READY, "so is another stream's");

    begin(0, 0, 0);
    (void) site_add(DS_LIFE_LIVE, STREAM);
    run_for(3 * ROUND);
    site.b[0].life = DS_LIFE_OVER;
    (void) site_add(DS_LIFE_CREATED, "");
    run_for(5 * 60000);

    is_int(site.n, 2, "one of the same title");
    is_int(site.b[1].life, DS_LIFE_LIVE, "is bound and taken");

    /* nothing can be done with it, whatever it says */

    begin(0, 0, 0);
    (void) site_add(DS_LIFE_READY, STREAM);
    site.stuck = 1;
    run_for(5 * 60000);
    is_int(live(), 1, "one that is refused is left");
    is_int(site.b[1].life, DS_LIFE_LIVE, "for a new one");

    /* it is what it is, and does not get ready */

    begin(0, 0, 0);
    (void) site_add(DS_LIFE_CREATED, STREAM);
    run_for(5 * 60000);
    is_int(live(), 1, "one that is not complete is not waited for");
}


static void
test_limits(void)
{
    size_t   i;
    int64_t  end;

    begin(0, 0, 0);

    for (end = site.now + 2 * DAY; site.now < end; /* void */ ) {
        run_for(ROUND);

        for (i = 0; i < site.n; i++) {
            if (site.b[i].life == DS_LIFE_LIVE) {
                site.b[i].life = DS_LIFE_OVER;
            }
        }
    }

    is_int(site.n, 2 * DS_YOUTUBE_MADE, "6 are made in 24 hours");
    is_int(too_many(0), 0, "and none within 10 minutes");
    ok(site.quota <= 2 * 2 * 3000, "%lld units in two days of one stream",
       (long long) site.quota);
}


static void
test_rollover(void)
{
    unsigned  i;

    begin(0, 0, 0);
    ours.rollover = 11 * HOUR + 50 * 60000;
    (void) site_add(DS_LIFE_LIVE, STREAM);
    run_for(11 * HOUR + 45 * 60000);
    is_int(site.n, 1, "not before its time");

    run_for(10 * 60000);
    is_int(site.n, 2, "then the next one is made");
    is_int(live(), 1, "one is live");
    is_int(site.b[0].life, DS_LIFE_OVER, "the other one is completed");
    is_int(site.longest, 0, "never dark");

    run_for(10 * DAY);
    is_int(site.longest, 0, "never dark in 10 days");
    is_int(site.twos, 0, "two are live for less than a round");
    ok(site.n >= 21, "%zu broadcasts", site.n);
    is_int(too_many(0), 0, "none too many");
    ok(site.quota <= 11 * 3000, "%lld units in 11 days",
       (long long) site.quota);

    for (i = 0; i < site.n - 1; i++) {
        if (site.b[i + 1].started - site.b[i].started > 12 * HOUR) {
            ok(false, "%u lasts too long", i);
        }
    }

    /* by request, without the setting */

    ours.rollover = 0;
    ours.wish_rollover = true;
    i = site.n;
    run_for(5 * 60000);
    is_int(site.n, i + 1, "one by request");
    is_int(live(), 1, "and one is live");
}


/* what somebody else does is not undone */

static void
test_others(void)
{
    begin(0, 0, 0);
    (void) site_add(DS_LIFE_LIVE, STREAM);
    run_for(3 * ROUND);
    (void) site_add(DS_LIFE_LIVE, STREAM);
    run_for(3 * ROUND);
    is_int(live(), 2, "a second one is left alone");
    ok(step.twice, "and told of");
    site.b[0].life = DS_LIFE_OVER;
    run_for(3 * ROUND);
    is_str(ours.memo.current, "b-1", "and known when the first has ended");
    is_int(site.n, 2, "none is made");
}


static void
test_plan(void)
{
    char            text[DS_MESSAGE_LEN];
    ds_view_t       view;
    ds_broadcast_t  list[MOST];

    begin(0, 0, 0);
    memset(&view, 0, sizeof(ds_view_t));
    view.stream = STREAM;
    view.tag = "ds-x";
    view.wish_revive = true;
    look(&view, list);

    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    ok(strstr(text, "nothing: our own push") == text, "no push: %s", text);

    view.pushing = true;
    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    ok(strstr(text, "an upcoming") == text, "not all is known: %s", text);

    view.whole = true;
    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    ok(strstr(text, "a new broadcast") == text, "all is known: %s", text);

    (void) site_add(DS_LIFE_READY, STREAM);
    look(&view, list);
    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    ok(strstr(text, "broadcast b-0 is taken live") == text, "%s", text);

    site.b[0].life = DS_LIFE_LIVE;
    look(&view, list);
    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    is_str(text, "nothing: one is live", "%s", text);

    view.wish_rollover = true;
    ds_broadcast_plan(&ours.memo, &view, text, sizeof(text));
    ok(strstr(text, "then the one before it is completed") != NULL, "%s",
       text);
    ok(!ours.memo.replacing && ours.memo.made[0] == 0, "nothing is done");
}


static void
test_random(unsigned runs)
{
    size_t    i, had;
    unsigned  run, twos, many, down, late;
    int64_t   quota;

    twos = many = down = late = 0;
    quota = 0;

    for (run = 0; run < runs; run++) {
        srand(run + 1);
        begin(chance(40), chance(30), chance(3) == 0 ? 60000 : 0);
        ours.rollover = chance(2) ? 5 * HOUR : 0;

        if (chance(2)) {
            (void) site_add(DS_LIFE_LIVE, STREAM);
        }

        had = site.n;

        while (site.now < START + 3 * HOUR) {
            run_for(1000 + chance(20 * 60000));

            switch (chance(6)) {

            case 0:
                for (i = 0; i < site.n; i++) {
                    if (site.b[i].life == DS_LIFE_LIVE) {
                        site.b[i].life = DS_LIFE_OVER;
                    }
                }
                break;

            case 1:
                site.pushing = !site.pushing;
                site.active = site.pushing;
                ours.up = 0;
                break;

            case 2:
                ours.wish_rollover = true;
                break;

            case 3:
                restart();
                break;
            }
        }

        /* all is well again: it is live, and there is one */

        site.pushing = site.active = true;
        site.faults = site.kills = 0;
        site.two_since = 0;
        ours.wish_rollover = false;
        run_for(26 * HOUR);

        if (live() != 1 && !ours.kept.replacing) {
            late++;
            printf("# run %u: %u live at its end\n", run, live());
        }

        if (site.twos != 0 || too_many(had) != 0) {
            printf("# run %u: two live %u, too many %u\n", run, site.twos,
                   too_many(had));
        }

        twos += site.twos != 0;
        many += too_many(had) != 0;
        down += site.acted_down;
        quota = site.quota > quota ? site.quota : quota;
    }

    is_int(twos, 0, "%u runs, never two live", runs);
    is_int(many, 0, "never one too many made");
    is_int(down, 0, "never anything while nothing is pushed");
    is_int(late, 0, "always one live in the end");
    ok(quota <= 2 * 6000, "%lld units at the most", (long long) quota);
}


int
main(void)
{
    const char  *runs;

    test_revive();
    test_waiting();
    test_upcoming();
    test_limits();
    test_rollover();
    test_others();
    test_plan();

    runs = getenv("YOUTUBE_RUNS");
    test_random(runs != NULL ? (unsigned) atoi(runs) : 1000);

    return done_testing();
}
