
/*
 * test_schedule.c: which slot is due when, for two years in three zones, with
 * sleeps and clocks that are put, against a model that looks at each minute of
 * the C library's local time; and what is refused.
 */

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/ds_zone.h"
#include "play/ds_schedule.h"
#include "tap.h"


#define DAYS    730
#define MOST    40000
#define MINUTE  60000LL
#define HOUR    (60 * MINUTE)


typedef struct {
    int64_t   start;
    int       slot;
    int       fired;
    bool      lost;             /* nobody looked, or it was before */
} boundary_t;


static boundary_t  expected[MOST];
static size_t      nexpected;


static void test_zone(const char *name);
static void test_year(const char *name);
static void model(int64_t from, const int *minutes, int n);
static int model_compare(const void *a, const void *b);
static void disturb(int64_t from, int64_t to);
static int64_t tick(int64_t now, size_t *at);
static ds_rundown_t *year(const char *name, int64_t from);
static void test_bad(void);
static void test_programme(void);
static void test_write(void);
static int bad(const char *const *lines, char *what);
static ds_rundown_t *make(const char *const *lines);
static int64_t when(int year, int month, int day, int hour, int minute);


int
main(void)
{
    test_zone("Europe/Berlin");
    test_zone("America/New_York");
    test_zone("Australia/Lord_Howe");
    test_zone("Africa/Casablanca");
    test_zone("UTC");

    test_year("Europe/Berlin");
    test_year("America/New_York");
    test_year("Australia/Lord_Howe");

    test_bad();
    test_write();
    test_programme();

    return done_testing();
}


/* offsets as the C library has them, up to 2060 */

static void
test_zone(const char *name)
{
    int         wrong;
    time_t      t;
    struct tm   tm;
    ds_zone_t  *z;
    ds_error_t  err;

    z = ds_zone_load(name, &err);

    if (!ok(z != NULL, "%s", name)) {
        return;
    }

    (void) setenv("TZ", name, 1);
    tzset();
    wrong = 0;

    for (t = 0; t < 2840140800; t += 3557) {
        (void) localtime_r(&t, &tm);
        wrong += ds_zone_offset(z, t) != tm.tm_gmtoff;
    }

    is_int(wrong, 0, "%s: offsets", name);
    ds_zone_free(&z);
}


/* the first minute that shows the time, or a later one of that day or after */

static void
model(int64_t from, const int *minutes, int n)
{
    int         i;
    long        day, m, base;
    size_t      j;
    time_t      t;
    struct tm   tm;

    static int64_t  first[DAYS][32];

    memset(first, 0, sizeof(first));
    base = -1;

    for (t = from / 1000; t < from / 1000 + (DAYS - 2) * 86400L; t += 60) {
        (void) localtime_r(&t, &tm);
        day = tm.tm_year * 366 + tm.tm_yday;

        if (base == -1) {
            base = t / 86400;
        }

        /* days since the first, by the date */

        day = ds_zone_days(tm.tm_year + 1900, (unsigned) tm.tm_mon + 1,
                           (unsigned) tm.tm_mday) - base;
        m = tm.tm_hour * 60 + tm.tm_min;

        if (day < 0 || day >= DAYS) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (m >= minutes[i] && first[day][i] == 0) {
                first[day][i] = (int64_t) t * 1000;
            }
        }
    }

    nexpected = 0;

    /* whole days only */

    for (day = 2; day < DAYS - 4; day++) {
        for (i = 0; i < n; i++) {
            for (j = i + 1; j < (size_t) n; j++) {
                if (first[day][j] == first[day][i]) {
                    break;
                }
            }

            if (j == (size_t) n) {
                expected[nexpected].start = first[day][i];
                expected[nexpected].slot = i;
                expected[nexpected].fired = 0;
                expected[nexpected++].lost = false;
            }
        }
    }

    qsort(expected, nexpected, sizeof(boundary_t), model_compare);
}


static int
model_compare(const void *a, const void *b)
{
    int64_t  x, y;

    x = ((const boundary_t *) a)->start;
    y = ((const boundary_t *) b)->start;

    return x < y ? -1 : x > y;
}


static void
disturb(int64_t from, int64_t to)
{
    size_t  i;

    for (i = 0; i < nexpected; i++) {
        if (expected[i].start > from && expected[i].start <= to) {
            expected[i].lost = true;
        }
    }
}


/* 24 hard slots a day, some of them when clocks are changed */

static ds_rundown_t *
year(const char *name, int64_t from)
{
    int            i, minutes[24];
    char           text[DS_SCHEDULE_LEN + 1], clock[DS_SLOT_LEN];
    ds_error_t     err;
    ds_rundown_t  *rd;

    (void) setenv("TZ", name, 1);
    tzset();
    srand(7);

    (void) snprintf(text, sizeof(text), "schedule timezone=%s\n", name);

    for (i = 0; i < 24; i++) {
        minutes[i] = i == 4 ? 150 : i == 5 ? 180 : i == 6 ? 135 : i * 59;
        ds_slot_clock(clock, (uint32_t) minutes[i] * 60000);
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "slot %s playlist=PLxxxxxxxxxxxxxxxx start=hard\n",
                        clock);
    }

    model(from, minutes, 24);
    rd = ds_rundown_create(text, &err);

    if (!ok(rd != NULL, "%s: a schedule", name)) {
        printf("# %s\n", err.message);
    }

    return rd;
}


/* time goes on by a second or two, but for what happens to it */

static int64_t
tick(int64_t now, size_t *at)
{
    int64_t  step;

    switch (rand() % 400000) {

    case 0:         /* asleep */
        disturb(now, now + 20 * MINUTE);
        now += 20 * MINUTE;
        break;

    case 1:         /* put forward */
        disturb(now, now + HOUR);
        now += HOUR;
        break;

    case 2:         /* and back: what was is not due again */
        now -= HOUR;
        break;

    default:
        step = 1000 + rand() % 900;

        while (*at < nexpected && expected[*at].start <= now) {
            (*at)++;
        }

        if (*at < nexpected && now + step > expected[*at].start) {
            step = expected[*at].start - now + rand() % 11;
        }

        now += step;
        break;
    }

    if (*at != 0 && expected[*at - 1].start > now) {
        for (*at = 0;
             *at < nexpected && expected[*at].start <= now;
             (*at)++)
        { /* void */ }
    }

    return now;
}


static void
test_year(const char *name)
{
    int            late, twice, never, strange;
    size_t         at, k;
    int64_t        now, most;
    ds_rundown_t  *rd;

    rd = year(name, when(2026, 1, 1, 0, 0));

    if (rd == NULL) {
        return;
    }

    late = twice = never = strange = 0;
    most = 0;
    at = 0;
    now = expected[0].start - 60000;
    ds_rundown_step(rd, now);
    ds_rundown_drop(rd, false);

    while (at < nexpected) {

        now = tick(now, &at);
        ds_rundown_step(rd, now);

        if (rd->due.slot == -1) {
            continue;
        }

        for (k = 0; k < nexpected; k++) {
            if (expected[k].start == rd->due.start
                && expected[k].slot == rd->due.slot)
            {
                break;
            }
        }

        if (k == nexpected) {
            strange += at < nexpected;

        } else if (!rd->due.missed) {
            twice += expected[k].fired++ != 0;
            late += now - expected[k].start > 100;

            if (now - expected[k].start > most) {
                most = now - expected[k].start;
            }
        }

        ds_rundown_began(rd);
    }

    for (k = 0; k < nexpected; k++) {
        never += !expected[k].lost && expected[k].fired == 0;
    }

    ok(nexpected > 10000, "%s: %zu boundaries", name, nexpected);
    is_int(late, 0, "%s: none late, the most is %lld ms", name,
           (long long) most);
    is_int(twice, 0, "%s: none twice", name);
    is_int(never, 0, "%s: none left out", name);
    is_int(strange, 0, "%s: none that is not to be", name);

    ds_rundown_free(&rd);
}


static int64_t
when(int year, int month, int day, int hour, int minute)
{
    return ((ds_zone_days(year, (unsigned) month, (unsigned) day) * 24 + hour)
            * 60 + minute) * MINUTE;
}


/* lines: kind, when, parameters..., each NULL; then NULL */

static int
bad(const char *const *p, char *what)
{
    int             rc;
    char            name[64];
    uint32_t        which;
    ds_slot_e       kind;
    const char     *field, *value;
    ds_error_t      err;

    static ds_schedule_t  s;

    ds_schedule_init(&s);
    field = "";

    for ( /* void */ ; *p != NULL; p++) {
        kind = strcmp(*p, "slot") == 0 ? DS_SLOT_AT
               : strcmp(*p, "every") == 0 ? DS_SLOT_EVERY : DS_SLOT_FILLER;
        p++;

        rc = ds_slot_init(&s.slots[s.n], kind, *p++, &field, &err);

        for ( /* void */ ; rc == DS_OK && *p != NULL; p++) {
            value = strchr(*p, '=') + 1;
            (void) snprintf(name, sizeof(name), "%.*s",
                            (int) (value - *p - 1), *p);
            rc = ds_slot_set(&s.slots[s.n], name, value, false, &field, &err);
        }

        if (rc != DS_OK) {
            (void) snprintf(what, 64, "%s", field);
            return rc;
        }

        s.n++;
    }

    rc = ds_schedule_check(&s, &which, &field, &err);
    (void) snprintf(what, 64, "%s %d", field, (int) which);

    return rc;
}


#define PL  "playlist=PLxxxxxxxxxxxxxxxx"

static void
test_bad(void)
{
    char           what[64];
    size_t         i;
    uint32_t       which;
    ds_error_t     err;
    const char    *field;

    static ds_schedule_t  s;

    static const struct {
        const char *lines[16];
        const char *what;               /* NULL: it is good */
    } rows[] = {
        { { "slot", "06:00", PL, NULL }, NULL },
        { { "slot", "mon-fri 20:00", PL, "start=hard", "until=20:30", NULL },
          NULL },
        { { "slot", "sat,sun 22:00", PL, "until=02:00", NULL }, NULL },
        { { "slot", "2026-12-24 18:00", PL, "until=24:00", NULL }, NULL },
        { { "every", "15m", PL, NULL }, NULL },
        { { "filler", "", PL, "fit=trim", NULL }, NULL },
        { { "slot", "24:00", PL, NULL }, "at" },
        { { "slot", "6:00", PL, NULL }, "at" },
        { { "slot", "12:60", PL, NULL }, "at" },
        { { "slot", "", PL, NULL }, "at" },
        { { "slot", "mon- 06:00", PL, NULL }, "at" },
        { { "slot", "noon 06:00", PL, NULL }, "at" },
        { { "slot", "mon 06:00 tue", PL, NULL }, "at" },
        { { "slot", "2026-02-30 06:00", PL, NULL }, "at" },
        { { "slot", "2026-13-01 06:00", PL, NULL }, "at" },
        { { "every", "5s", PL, NULL }, "every" },
        { { "every", "25h", PL, NULL }, "every" },
        { { "slot", "06:00", NULL }, "playlist 0" },
        { { "slot", "06:00", "playlist=x y", NULL }, "playlist" },
        { { "slot", "06:00", PL, "start=now", NULL }, "start" },
        { { "slot", "06:00", PL, "late=-1s", NULL }, "late" },
        { { "slot", "06:00", PL, "until=06:00", NULL }, "until" },
        { { "slot", "06:00", PL, "until=25:00", NULL }, "until" },
        { { "slot", "06:00", PL, "count=0", NULL }, "count" },
        { { "slot", "06:00", PL, "cursor=on", NULL }, "cursor" },
        { { "slot", "06:00", PL, "join=yes", NULL }, "join" },
        { { "slot", "06:00", PL, "fit=trim", NULL }, "fit" },
        { { "slot", "06:00", PL, "speed=2", NULL }, "" },
        { { "filler", "", PL, "start=hard", NULL }, "start" },
        { { "filler", "", PL, NULL, "filler", "", PL, NULL }, "filler 1" },
        { { "slot", "mon 06:00", PL, NULL, "slot", "06:00", PL, NULL },
          "at 0" },
        { { "slot", "06:00", PL, NULL, "slot", "mon 06:00", PL, NULL },
          NULL },
        { { "slot", "06:00", PL, "start=hard", "until=08:00", NULL,
            "slot", "07:00", PL, "start=hard", NULL }, "at 1" },
        { { "slot", "mon 06:00", PL, "start=hard", "until=08:00", NULL,
            "slot", "tue 07:00", PL, "start=hard", NULL }, NULL },
        { { "slot", "sun 23:00", PL, "start=hard", "until=01:00", NULL,
            "slot", "mon 00:30", PL, "start=hard", NULL }, "at 1" },
        { { "slot", "mon 00:30", PL, "start=hard", NULL,
            "slot", "sun 23:00", PL, "start=hard", "until=01:00", NULL },
          "at 1" },
        { { "slot", "06:00", PL, "start=hard", "until=08:00", NULL,
            "slot", "07:00", PL, "start=soft", NULL }, NULL },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bad(rows[i].lines, what) == DS_OK) {
            ok(rows[i].what == NULL, "%s %s is good", rows[i].lines[0],
               rows[i].lines[1]);

        } else {
            is_str(what, rows[i].what == NULL ? "" : rows[i].what,
                   "%s %s is refused", rows[i].lines[0], rows[i].lines[1]);
        }
    }

    ds_schedule_init(&s);
    ok(ds_schedule_set(&s, "timezone", "Europe/Nowhere", &field, &err)
       != DS_OK, "an unknown zone");
    ok(ds_schedule_set(&s, "timezone", "../../etc/passwd", &field, &err)
       != DS_OK, "no zone at all");
    ok(ds_schedule_set(&s, "timezone", "Europe", &field, &err) != DS_OK,
       "a directory");
    ok(ds_schedule_set(&s, "timezone", "zone.tab", &field, &err) != DS_OK,
       "another file");
    ok(ds_schedule_set(&s, "prepare", "0", &field, &err) != DS_OK,
       "no time to prepare");
    is_int(ds_schedule_check(&s, &which, &field, &err), DS_OK, "no slot");

    s.n = 1;
    is_int(ds_slot_init(&s.slots[0], DS_SLOT_AT, "2026-12-24 18:00", &field,
                        &err), DS_OK, "a date");
    ok(!ds_schedule_past(&s, 0, when(2026, 12, 24, 17, 0)), "is to come");
    ok(ds_schedule_past(&s, 0, when(2026, 12, 26, 17, 0)), "and is past");
}


/* a schedule is what its text says */

static void
test_write(void)
{
    int          rc;
    char         again[DS_SCHEDULE_LEN + 1];
    ds_error_t   err;
    static ds_schedule_t  s;
    static const char  text[] =
        "schedule timezone=Europe/Berlin prepare=30000ms\n"
        "slot 06:00 " PL " start=soft late=300000ms\n"
        "slot mon-fri 20:00 " PL " start=hard until=20:30\n"
        "slot sat 22:00 " PL " start=next cursor=restart join=off\n"
        "slot 2026-12-24 18:00:30 " PL " start=hard until=24:00 count=3\n"
        "every 15m " PL " start=next count=1\n"
        "filler " PL "\n";

    rc = ds_schedule_read(text, &s, &err);

    if (!is_int(rc, DS_OK, "read")) {
        printf("# %s\n", err.message);
    }

    is_int(s.n, 6, "all slots");
    is_int(ds_schedule_write(&s, again, &err), DS_OK, "written");
    is_str(again, text, "as it was");
    ok(ds_schedule_read("slot", &s, &err) != DS_OK, "half a line");
    ok(ds_schedule_read("slot 06:00 x\n", &s, &err) != DS_OK, "no time");
}


static ds_rundown_t *
make(const char *const *lines)
{
    char           text[2048];
    ds_error_t     err;
    ds_rundown_t  *rd;

    (void) snprintf(text, sizeof(text), "schedule timezone=UTC\n");

    for ( /* void */ ; *lines != NULL; lines++) {
        (void) snprintf(text + strlen(text), sizeof(text) - strlen(text),
                        "%s\n", *lines);
    }

    rd = ds_rundown_create(text, &err);

    if (rd == NULL) {
        printf("# %s\n", err.message);
        exit(1);
    }

    return rd;
}


static void
test_programme(void)
{
    int            slot;
    int64_t        t;
    ds_rundown_t  *rd;

    static const char *const  day[] = {
        "slot 18:00 " PL " start=soft late=5m until=22:00",
        "slot 20:00 " PL " start=hard until=20:15",
        "slot 23:00 " PL " start=next",
        "every 15m " PL " count=1",
        NULL
    };

    rd = make(day);
    t = when(2026, 3, 2, 0, 0);

    ds_rundown_step(rd, t + 17 * HOUR);
    is_int(rd->due.slot, -1, "nothing at five");
    is_int(ds_rundown_cut(rd, t + 17 * HOUR, &slot), t + 20 * HOUR,
           "a hard start at eight");
    is_int(slot, 1, "of the news");
    is_int(ds_rundown_coming(rd, t + 17 * HOUR, 30 * MINUTE).slot, -1,
           "no hurry");
    is_int(ds_rundown_coming(rd, t + 17 * HOUR, 61 * MINUTE).slot, 0,
           "to prepare");

    rd->mark = t + 18 * HOUR - 1;
    ds_rundown_step(rd, t + 18 * HOUR);
    is_int(rd->due.slot, 0, "at six");
    ok(!rd->due.missed, "in time");
    is_int(rd->due.deadline, t + 18 * HOUR + 5 * MINUTE, "late at most");
    is_int(rd->ident.slot, 3, "and an ident");
    ds_rundown_drop(rd, true);
    ds_rundown_began(rd);
    is_int(rd->on.slot, 0, "on");

    rd->mark = t + 20 * HOUR - 1;
    ds_rundown_step(rd, t + 20 * HOUR);
    is_int(rd->due.slot, 1, "at eight");
    is_int(rd->due.deadline, t + 20 * HOUR, "now");
    ds_rundown_began(rd);
    is_int(rd->on.until, t + 20 * HOUR + 15 * MINUTE, "a quarter");

    rd->mark = t + 20 * HOUR + 15 * MINUTE - 1;
    ds_rundown_step(rd, t + 20 * HOUR + 15 * MINUTE);
    is_int(rd->on.slot, 0, "then what it came into");
    rd->mark = t + 22 * HOUR - 1;
    ds_rundown_step(rd, t + 22 * HOUR);
    is_int(rd->on.slot, -1, "until its end");

    /* asleep over the news, in the evening */

    rd->mark = t + 19 * HOUR;
    rd->due.slot = -1;
    ds_rundown_step(rd, t + 20 * HOUR + 20 * MINUTE);
    is_int(rd->due.slot, -1, "slept over it: no news");
    rd->mark = t + 19 * HOUR;
    ds_rundown_step(rd, t + 20 * HOUR + 10 * MINUTE);
    is_int(rd->due.slot, 1, "into it: joined");
    ok(rd->due.missed, "and late");

    ds_rundown_free(&rd);

    rd = make(day);
    ds_rundown_step(rd, t + 20 * HOUR + 20 * MINUTE);
    is_int(rd->due.slot, 0, "begun in the evening: the evening's");
    ds_rundown_drop(rd, false);
    ds_rundown_step(rd, t - 300 * 24 * HOUR + 19 * HOUR);
    is_int(rd->due.slot, 0, "a clock that was wrong by months");
    ds_rundown_free(&rd);
}
