
/*
 * test_plan.c: what a plan says is what airs: random schedules, lists and
 * queues are planned, and then played tick by tick with what decides in the
 * engine; what conflicts it names; and how long a week takes.
 */

#include <stdlib.h>
#include <string.h>

#include "play/ds_plan.h"
#include "tap.h"


#define TICK    250LL
#define MINUTE  60000LL
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)

/* 2026-03-02, a Monday */
#define MONDAY  1772409600000LL


typedef struct {
    int64_t      start;
    ds_why_e     why;
    int          slot;
    uint32_t     item;
} aired_t;


static aired_t  *aired;
static uint32_t  naired;


static void test_random(unsigned seed);
static void test_copy(uint32_t n);
static void test_conflicts(void);
static void test_queue(void);
static void test_week(void);
static void play(ds_plan_t *p);
static void play_tick(ds_plan_t *p, int64_t now);
static void play_begin(ds_plan_t *p, int64_t now);
static void play_add(int64_t now, ds_why_e why, int slot, uint32_t item);
static bool play_next(ds_plan_t *p, uint32_t *index);
static void make(ds_plan_t *p, const char *schedule, uint32_t items,
    bool shuffle);
static ds_playlist_t *list(const char *name, uint32_t n, bool shuffle);
static const ds_conflict_t *conflict(const ds_plan_t *p, ds_conflict_e kind);
static void random_schedule(char *text, size_t size);


int
main(void)
{
    int          n;
    unsigned     i;
    const char  *soak;

    soak = getenv("SOAK_PLANS");
    n = soak == NULL ? 10 : atoi(soak);

    for (i = 1; i <= (unsigned) n; i++) {
        test_random(i);
    }

    test_copy(1);
    test_copy(2);
    test_copy(500);
    test_conflicts();
    test_queue();
    test_week();

    free(aired);

    return done_testing();
}


/* lengths are of whole ticks, so that both see the same times */

static ds_playlist_t *
list(const char *name, uint32_t n, bool shuffle)
{
    char            text[64];
    uint32_t        i;
    ds_entry_t      e;
    ds_playlist_t  *pl;

    pl = ds_playlist_create(shuffle, 42);

    for (i = 0; i < n; i++) {
        memset(&e, 0, sizeof(ds_entry_t));
        (void) snprintf(text, sizeof(text), "%s-%u", name, i);
        e.id = strdup(text);
        e.title = strdup(text);
        e.url = strdup("http://127.0.0.1/x.mp4");
        e.duration = TICK * (4 + rand() % 1600);

        if (rand() % 20 == 0) {
            e.code = DS_EITEM_UNAVAILABLE;
            e.reason = "private";
        }

        (void) ds_playlist_add(pl, &e);
    }

    ds_playlist_complete(pl);

    return pl;
}


static void
make(ds_plan_t *p, const char *schedule, uint32_t items, bool shuffle)
{
    char        name[16];
    uint32_t    i;
    ds_error_t  err;

    memset(p, 0, sizeof(ds_plan_t));

    p->course = ds_course_create(schedule, "", &err);
    p->agenda = ds_agenda_create();
    p->base = list("base", items, shuffle);
    p->loop = true;
    p->next = DS_NO_ITEM;
    p->now = MONDAY;
    p->until = MONDAY + DAY;

    if (p->course == NULL) {
        printf("# %s\n%s", err.message, schedule);
        exit(1);
    }

    for (i = 0; i < p->course->rd->conf.n; i++) {
        (void) snprintf(name, sizeof(name), "s%u", i);
        p->course->lists[i].list = list(name, 1 + rand() % 30, false);
    }
}


#define PL  "playlist=PLxxxxxxxxxxxxxxxx"

static void
random_schedule(char *text, size_t size)
{
    int   i, n, t, end;
    char  until[32];

    static const char *const  starts[] = { "soft late=3m", "hard", "next",
                                           "soft late=0s" };
    static const char *const  days[] = { "", "", "mon ", "mon-fri ", "sat " };

    n = 3 + rand() % 17;
    (void) snprintf(text, size, "schedule timezone=%s prepare=%ds\n",
                    rand() % 2 ? "UTC" : "Europe/Berlin", 5 + rand() % 90);

    for (i = 0; i < n; i++) {
        t = rand() % 1440;
        end = (t + 1 + rand() % 200) % 1440;
        until[0] = '\0';

        if (rand() % 2) {
            (void) snprintf(until, sizeof(until), " until=%02d:%02d",
                            end / 60, end % 60);

        } else if (rand() % 2) {
            (void) snprintf(until, sizeof(until), " count=%d",
                            1 + rand() % 5);
        }

        (void) snprintf(text + strlen(text), size - strlen(text),
                        "slot %s%02d:%02d " PL " start=%s%s%s%s\n",
                        days[rand() % 5], t / 60, t % 60, starts[rand() % 4],
                        until, rand() % 3 ? "" : " cursor=restart",
                        rand() % 3 ? "" : " join=off");
    }

    if (rand() % 2) {
        (void) snprintf(text + strlen(text), size - strlen(text),
                        "every %dm " PL "\n", 7 + rand() % 60);
    }

    if (rand() % 2) {
        (void) snprintf(text + strlen(text), size - strlen(text),
                        "filler " PL "\n");
    }
}


static void
test_random(unsigned seed)
{
    bool             shuffle;
    char             text[DS_SCHEDULE_LEN + 1];
    uint32_t         i, n, items;
    ds_plan_t        plan, air;
    ds_plan_entry_t *e;

    srand(seed);
    random_schedule(text, sizeof(text));
    shuffle = rand() % 2;
    items = 1 + rand() % 300;

    srand(seed);
    make(&plan, text, items, shuffle);
    srand(seed);
    make(&air, text, items, shuffle);

    is_int(ds_plan_run(&plan, NULL), DS_OK, "%u: a plan", seed);
    play(&air);

    n = plan.n < naired ? plan.n : naired;

    for (i = 0; i < n; i++) {
        e = &plan.entries[i];

        if (e->start != aired[i].start || e->why != aired[i].why
            || e->slot != aired[i].slot || e->item != aired[i].item
            || (i != 0 && e->start != plan.entries[i - 1].end))
        {
            break;
        }
    }

    if (!ok(i == n && plan.n == naired,
            "%u: all that airs is what was planned: %u", seed, naired))
    {
        printf("# %u of %u, %u: planned %lld %s slot %d item %u until %lld, "
               "aired %lld %s slot %d item %u\n%s", i, plan.n, naired,
               (long long) (plan.entries[i].start - MONDAY),
               ds_why_name(plan.entries[i].why), plan.entries[i].slot,
               plan.entries[i].item,
               (long long) (plan.entries[i].end - MONDAY),
               (long long) (aired[i].start - MONDAY),
               ds_why_name(aired[i].why), aired[i].slot, aired[i].item, text);
    }

    ds_plan_clear(&plan);
    ds_plan_clear(&air);
}


/* as the player's thread does it, with sources that are ready at once */

static void
play(ds_plan_t *p)
{
    int64_t  now;

    naired = 0;

    for (now = p->now; now < p->until; now += TICK) {
        play_tick(p, now);
    }
}


static void
play_tick(ds_plan_t *p, int64_t now)
{
    int                 i;
    uint32_t            head;
    ds_airing_t         missed;
    ds_course_view_t    v;
    const ds_queued_t  *q;

    memset(&v, 0, sizeof(v));
    v.now = now;
    v.mono = now;
    v.agenda = p->agenda;
    v.base = p->base;
    v.loop = true;
    v.next = DS_NO_ITEM;
    v.next_duration = -1;

    for ( ;; ) {
        v.busy = p->busy;
        v.left = p->busy ? p->end - now : 0;

        /* its ticks are shorter than these */

        for (i = 0; i < 4; i++) {
            (void) ds_course_due(p->course, now, &missed);
            ds_course_step(p->course, &v);
        }

        head = ds_agenda_head(p->agenda);
        q = ds_agenda_get(p->agenda, head);

        if (p->busy && now < p->end && !(q != NULL && q->now)) {
            return;
        }

        if (p->busy && ds_agenda_is_key(p->cur)) {
            ds_agenda_end(p->agenda, p->cur);
        }

        play_begin(p, now);

        if (!p->busy) {
            return;
        }
    }
}


static void
play_begin(ds_plan_t *p, int64_t now)
{
    int64_t                  from;
    uint32_t                 head, item;
    ds_why_e                 why;
    ds_slot_e                kind;
    ds_course_begun_t        b;
    const ds_queued_t       *q;

    head = ds_agenda_head(p->agenda);
    p->busy = true;

    if (head == DS_AGENDA_NONE) {
        p->busy = play_next(p, &item);
        p->cur = item;

        if (p->busy) {
            p->end = now + ds_playlist_duration(p->base, item);
            play_add(now, DS_WHY_LIST, -1, item);

        } else if (naired == 0 || aired[naired - 1].why != DS_WHY_SLATE) {
            play_add(now, DS_WHY_SLATE, -1, DS_NO_ITEM);
        }

        return;
    }

    q = ds_agenda_get(p->agenda, head);
    from = q->from;
    item = ds_course_item(p->course, head)->index;
    ds_agenda_begin(p->agenda, head);
    (void) ds_course_began(p->course, head, now, from, &b);
    p->cur = head;
    p->end = now - from
             + ds_playlist_duration(p->course->lists[b.slot].list, item);

    if (b.until != 0 && p->end > now + b.until - from) {
        p->end = now + b.until - from;
    }

    kind = p->course->rd->conf.slots[b.slot].kind;
    why = kind == DS_SLOT_AT ? DS_WHY_SLOT
          : kind == DS_SLOT_EVERY ? DS_WHY_EVERY : DS_WHY_FILLER;
    play_add(now, why, b.slot, item);
}


static bool
play_next(ds_plan_t *p, uint32_t *index)
{
    ds_pick_e  rc;

    rc = ds_playlist_pick(p->base, index);

    if (rc == DS_PICK_PASS && ds_playlist_rewind(p->base)) {
        rc = ds_playlist_pick(p->base, index);
    }

    if (rc == DS_PICK_ITEM) {
        ds_playlist_set_state(p->base, *index, DS_ITEM_PLAYING, DS_OK, NULL);
    }

    return rc == DS_PICK_ITEM;
}


static void
play_add(int64_t now, ds_why_e why, int slot, uint32_t item)
{
    aired_t  *a;

    if (naired % 1024 == 0) {
        aired = realloc(aired, (naired + 1024) * sizeof(aired_t));
    }

    a = &aired[naired++];
    a->start = now;
    a->why = why;
    a->slot = slot;
    a->item = item;
}


/* a copy, begun within a pass, goes on in the same order */

static void
test_copy(uint32_t n)
{
    uint32_t        i, a, b, wrong;
    ds_pick_e       x, y;
    ds_playlist_t  *pl, *copy;

    srand(n);
    pl = list("x", n, true);

    for (i = 0; i < n / 3; i++) {
        if (ds_playlist_pick(pl, &a) == DS_PICK_ITEM) {
            ds_playlist_set_state(pl, a, DS_ITEM_PLAYING, DS_OK, NULL);
        }
    }

    copy = ds_playlist_copy(pl);
    wrong = 0;

    for (i = 0; i < 3 * n; i++) {
        a = b = DS_NO_ITEM;
        x = ds_playlist_pick(pl, &a);
        y = ds_playlist_pick(copy, &b);
        wrong += x != y || a != b;

        if (x == DS_PICK_ITEM && y == DS_PICK_ITEM) {
            ds_playlist_set_state(pl, a, DS_ITEM_PLAYING, DS_OK, NULL);
            ds_playlist_set_state(copy, b, DS_ITEM_PLAYING, DS_OK, NULL);

        } else {
            (void) ds_playlist_rewind(pl);
            (void) ds_playlist_rewind(copy);
        }
    }

    is_int(wrong, 0, "a copy of %u is played in the same order", n);

    ds_playlist_free(&pl);
    ds_playlist_free(&copy);
}


static const ds_conflict_t *
conflict(const ds_plan_t *p, ds_conflict_e kind)
{
    uint32_t  i;

    for (i = 0; i < p->nconflicts && p->conflicts[i].kind != kind; i++) {
        /* void */
    }

    return i == p->nconflicts ? NULL : &p->conflicts[i];
}


static void
test_conflicts(void)
{
    uint32_t              i;
    ds_plan_t             p;
    const ds_conflict_t  *c;

    static const char  text[] =
        "schedule timezone=UTC\n"
        "slot 06:00 " PL " start=soft late=0s until=08:00\n"
        "slot 07:00 " PL " start=hard until=07:30\n"
        "slot 2020-01-01 10:00 " PL "\n"
        "slot mon 12:00 " PL "\n"
        "slot mon,tue 12:00 " PL " start=hard count=1\n"
        "slot 14:00 " PL " start=next count=1\n"
        "slot 16:00 " PL "\n"
        "filler " PL "\n";

    srand(5);
    make(&p, text, 100, false);
    ds_playlist_free(&p.course->lists[6].list);

    is_int(ds_plan_run(&p, NULL), DS_OK, "a plan with conflicts");

    c = conflict(&p, DS_CONFLICT_CUT);
    ok(c != NULL && strcmp(c->slot, "06:00") == 0
       && strcmp(c->by, "07:00") == 0 && c->ms == HOUR, "cut short by");
    c = conflict(&p, DS_CONFLICT_NEVER);
    ok(c != NULL && strcmp(c->slot, "2020-01-01 10:00") == 0, "never");
    c = conflict(&p, DS_CONFLICT_OVERLAP);
    ok(c != NULL && strcmp(c->slot, "mon 12:00") == 0
       && strcmp(c->by, "mon,tue 12:00") == 0
       && c->start == MONDAY + 12 * HOUR, "two at one time");
    c = conflict(&p, DS_CONFLICT_LATE);
    ok(c != NULL && c->ms > 0 && strcmp(c->slot, "14:00") == 0, "late");
    c = conflict(&p, DS_CONFLICT_EMPTY);
    ok(c != NULL && strcmp(c->slot, "16:00") == 0, "nothing to play");
    c = conflict(&p, DS_CONFLICT_FILLER);
    ok(c != NULL && strcmp(c->slot, "07:00") == 0 && c->ms > 0
       && strcmp(c->by, "filler") == 0, "filled");

    for (i = 0; i < p.n && p.entries[i].late == -1; i++) { /* void */ }

    is_int(p.entries[i].start, MONDAY + 6 * HOUR, "at six");
    is_int(p.entries[i].late, 0, "in time");
    ok(p.entries[i - 1].cut, "what was on is cut");

    ds_plan_clear(&p);
}


/* what is queued comes first, and goes on when it was interrupted */

static void
test_queue(void)
{
    uint32_t           i;
    ds_plan_t          p;
    ds_queued_t        q[2];

    static const char  text[] =
        "schedule timezone=UTC\n"
        "slot 00:01 " PL " start=hard count=1\n";

    srand(6);
    make(&p, text, 10, false);
    memset(q, 0, sizeof(q));
    memcpy(q[0].id, "0000000000000001", 17);
    q[0].kind = DS_QUEUED_ITEM;
    memcpy(q[0].item, "base-3", 7);
    q[0].index = 3;
    q[0].place = 1;
    memcpy(q[1].id, "0000000000000002", 17);
    q[1].kind = DS_QUEUED_URL;
    q[1].place = 2;
    (void) snprintf(q[1].url, sizeof(q[1].url), "http://127.0.0.1/q.mp4");
    (void) ds_agenda_set(p.agenda, q, 2, 0);
    p.until = MONDAY + HOUR;

    is_int(ds_plan_run(&p, NULL), DS_OK, "a plan with a queue");
    is_int(p.entries[0].why, DS_WHY_QUEUE, "what is queued is first");

    for (i = 0; i < p.n && p.entries[i].why != DS_WHY_SLOT; i++) {
        /* void */
    }

    is_int(p.entries[i].start, MONDAY + MINUTE, "a hard slot");
    ok(p.entries[i + 1].why == DS_WHY_QUEUE
       && p.entries[i + 1].item == p.entries[i - 1].item
       && p.entries[i + 1].from == p.entries[i - 1].end
                                   - p.entries[i - 1].start
       && p.entries[i - 1].cut, "it goes on where it was");

    for (i = 0; i < p.n && !p.entries[i].guessed; i++) { /* void */ }

    ok(i < p.n && p.entries[i].why == DS_WHY_QUEUE,
       "a length that is not known is guessed");

    ds_plan_clear(&p);
}


static void
test_week(void)
{
    int             i, shuffle;
    char            text[DS_SCHEDULE_LEN + 1];
    int64_t         began;
    ds_plan_t       p;
    ds_playlist_t  *pl;

    for (shuffle = 0; shuffle < 2; shuffle++) {
        (void) snprintf(text, sizeof(text), "schedule timezone=UTC\n");

        for (i = 0; i < 20; i++) {
            (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                            "slot %02d:%02d " PL " start=hard count=2\n",
                            i + 2, i * 3);
        }

        srand(7);
        make(&p, text, 5000, shuffle);
        p.until = MONDAY + 7 * DAY;

        /* as who asks has it */

        began = ds_monotonic_us();
        pl = p.base;
        p.base = ds_playlist_copy(pl);
        ds_playlist_free(&pl);
        is_int(ds_plan_run(&p, NULL), DS_OK, "a week");
        printf("# 7 days, 20 slots, 5,000 items%s: %.1f ms, %u entries\n",
               shuffle ? ", shuffled" : "",
               (double) (ds_monotonic_us() - began) / 1000, p.n);

        is_int(p.entries[p.n - 1].end >= p.until, 1, "to its end");
        ds_plan_clear(&p);
    }
}
