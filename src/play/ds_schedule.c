
/*
 * ds_schedule.c: a schedule as people write it, and what it means at a given
 * time.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_url.h"
#include "play/ds_schedule.h"


#define DS_DAY_S        86400
#define DS_DAY_MS       86400000

/* days before and after one in which its next time may be */
#define DS_DAYS_BACK    2
#define DS_DAYS_AHEAD   9

/* ms: a slot without an end that was missed by more is over */
#define DS_JOIN_MAX     (12 * 3600 * 1000LL)


typedef struct {
    const char  *name;
    uint8_t      kinds;         /* bits of ds_slot_e */
} ds_slot_param_t;


static const char *const  ds_days[] = {
    "mon", "tue", "wed", "thu", "fri", "sat", "sun"
};

static const char *const  ds_starts[] = { "soft", "hard", "next" };


static void ds_slot_every(ds_timeslot_t *slot);
static int ds_slot_days(ds_timeslot_t *slot, const char *word);
static int ds_slot_day(const char *word, size_t len);
static bool ds_slot_date(ds_timeslot_t *slot, const char *word);
static bool ds_slot_time(const char *word, uint32_t *ms, bool end);
static bool ds_slot_span(const char *word, int64_t *ms);
static int ds_slot_bad(const char *name, const char **field, ds_error_t *err,
    const char *what);
static uint8_t ds_slot_on(const ds_timeslot_t *slot);
static bool ds_slot_hidden(const ds_timeslot_t *a, const ds_timeslot_t *b);
static bool ds_slot_overlap(const ds_timeslot_t *a, const ds_timeslot_t *b);
static int64_t ds_slot_length(const ds_timeslot_t *slot);
static int64_t ds_rundown_every(const ds_rundown_t *rd,
    const ds_timeslot_t *slot, int64_t after);
static int64_t ds_rundown_at(const ds_rundown_t *rd, int64_t days,
    uint32_t time);
static ds_airing_t ds_rundown_airing(const ds_rundown_t *rd, int slot,
    int64_t start);
static int64_t ds_rundown_last(const ds_rundown_t *rd, int slot,
    int64_t now);
static void ds_rundown_soonest(ds_rundown_t *rd);
static void ds_rundown_join(ds_rundown_t *rd, int64_t now);


const char *
ds_start_name(ds_start_e start)
{
    return ds_starts[start];
}


void
ds_slot_clock(char *dst, uint32_t time)
{
    time /= 1000;

    (void) snprintf(dst, DS_SLOT_LEN, time % 60 == 0 ? "%02u:%02u"
                                                     : "%02u:%02u:%02u",
                    time / 3600 % 25, time / 60 % 60, time % 60);
}


void
ds_schedule_init(ds_schedule_t *s)
{
    memset(s, 0, sizeof(ds_schedule_t));
    memcpy(s->timezone, "local", sizeof("local"));
    s->prepare = DS_PREPARE_DEFAULT;
}


int
ds_schedule_set(ds_schedule_t *s, const char *name, const char *value,
    const char **field, ds_error_t *err)
{
    int64_t     ms;
    ds_zone_t  *zone;

    if (strcmp(name, "timezone") == 0) {
        *field = "timezone";
        zone = ds_zone_load(value, err);

        if (zone == NULL) {
            return err->code;
        }

        ds_zone_free(&zone);
        memcpy(s->timezone, value, strlen(value) + 1);

        return DS_OK;
    }

    if (strcmp(name, "prepare") == 0) {
        if (!ds_slot_span(value, &ms) || ms < 1000 || ms > 600000) {
            return ds_slot_bad("prepare", field, err,
                               "from 1 second to 10 minutes");
        }

        s->prepare = (uint32_t) ms;

        return DS_OK;
    }

    *field = "";

    return ds_fail(err, DS_EPLAYLIST_INVALID, "a schedule has \"timezone\" "
                   "and \"prepare\"");
}


int
ds_slot_init(ds_timeslot_t *slot, ds_slot_e kind, const char *when,
    const char **field, ds_error_t *err)
{
    char        word[2][DS_SLOT_LEN], clock[DS_SLOT_LEN];
    int         n, used;
    int64_t     ms;
    const char *time;

    memset(slot, 0, sizeof(ds_timeslot_t));

    slot->kind = kind;
    slot->join = true;
    slot->start = kind == DS_SLOT_EVERY ? DS_START_NEXT : DS_START_SOFT;
    slot->late = DS_LATE_DEFAULT;

    if (kind == DS_SLOT_FILLER) {
        memcpy(slot->label, "filler", sizeof("filler"));
        return DS_OK;
    }

    if (kind == DS_SLOT_EVERY) {
        if (!ds_slot_span(when, &ms) || ms < 10000 || ms > DS_DAY_MS) {
            return ds_slot_bad("every", field, err,
                               "from 10 seconds to 24 hours");
        }

        slot->every = (uint32_t) ms;
        slot->count = 1;
        ds_slot_every(slot);

        return DS_OK;
    }

    n = 0;
    used = 0;
    (void) sscanf(when, "%47s %47s%n", word[0], word[1], &used);
    n = (when[0] != '\0') + (used != 0);

    if (n == 0 || (n == 2 && when[used] != '\0')) {
        n = 0;
    }

    time = n == 2 ? word[1] : word[0];
    slot->days = 0x7f;

    if (n == 0 || !ds_slot_time(time, &slot->time, false)
        || (n == 2 && !ds_slot_date(slot, word[0])
            && ds_slot_days(slot, word[0]) != DS_OK))
    {
        return ds_slot_bad("at", field, err, "HH:MM, and before it the days, "
                           "as in \"mon-fri\" or \"sat,sun\", or a date, as "
                           "in \"2026-12-24\"");
    }

    ds_slot_clock(clock, slot->time);
    (void) snprintf(slot->label, DS_SLOT_LEN, n == 2 ? "%.34s %.10s"
                                                     : "%.0s%.10s",
                    word[0], clock);

    return DS_OK;
}


/* however it was written */

static void
ds_slot_every(ds_timeslot_t *slot)
{
    uint32_t     n;
    const char  *unit;

    n = slot->every;
    unit = "ms";

    if (n % 3600000 == 0) {
        n /= 3600000;
        unit = "h";

    } else if (n % 60000 == 0) {
        n /= 60000;
        unit = "m";

    } else if (n % 1000 == 0) {
        n /= 1000;
        unit = "s";
    }

    (void) snprintf(slot->label, DS_SLOT_LEN, "every %u%s", (unsigned) n,
                    unit);
}


/* "mon-fri", "sat,sun", "fri-mon,wed" */

static int
ds_slot_days(ds_timeslot_t *slot, const char *word)
{
    int     a, b;
    size_t  len;

    slot->days = 0;

    for ( ;; ) {
        len = strcspn(word, "-,");
        a = ds_slot_day(word, len);
        b = a;
        word += len;

        if (*word == '-') {
            len = strcspn(++word, "-,");
            b = ds_slot_day(word, len);
            word += len;
        }

        if (a == -1 || b == -1 || (*word != ',' && *word != '\0')) {
            return DS_EPLAYLIST_INVALID;
        }

        while (a != b) {
            slot->days |= 1u << a;
            a = (a + 1) % 7;
        }

        slot->days |= 1u << b;

        if (*word++ == '\0') {
            return DS_OK;
        }
    }
}


static int
ds_slot_day(const char *word, size_t len)
{
    int  i;

    for (i = 0; i < 7; i++) {
        if (len == 3 && strncmp(word, ds_days[i], 3) == 0) {
            return i;
        }
    }

    return -1;
}


static bool
ds_slot_date(ds_timeslot_t *slot, const char *word)
{
    int       used;
    int64_t   year;
    unsigned  y, m, d, month, day;

    used = 0;

    if (strlen(word) != 10
        || sscanf(word, "%4u-%2u-%2u%n", &y, &m, &d, &used) != 3
        || used != 10 || y < 1970 || m < 1 || m > 12 || d < 1 || d > 31)
    {
        return false;
    }

    slot->date = ds_zone_days(y, m, d);
    slot->dated = true;

    /* a day that there is */

    ds_zone_date(slot->date, &year, &month, &day);

    return month == m && day == d;
}


/* HH:MM or HH:MM:SS; an end may be 24:00 */

static bool
ds_slot_time(const char *word, uint32_t *ms, bool end)
{
    int       n;
    unsigned  h, m, s;

    s = 0;
    n = 0;

    if (strspn(word, "0123456789:") != strlen(word)
        || !((strlen(word) == 5 && sscanf(word, "%2u:%2u%n", &h, &m, &n) == 2)
             || (strlen(word) == 8
                 && sscanf(word, "%2u:%2u:%2u%n", &h, &m, &s, &n) == 3))
        || (size_t) n != strlen(word) || m > 59 || s > 59
        || h > 24 || (h == 24 && (!end || m != 0 || s != 0)))
    {
        return false;
    }

    *ms = ((h * 60 + m) * 60 + s) * 1000;

    /* 0 is none */

    if (end && *ms == 0) {
        *ms = DS_DAY_MS;
    }

    return true;
}


/* "90s", "1h30m", "250ms", and without a unit seconds */

static bool
ds_slot_span(const char *word, int64_t *ms)
{
    size_t   n;
    int64_t  unit;

    *ms = 0;

    if (*word == '\0') {
        return false;
    }

    while (*word != '\0') {
        n = strspn(word, "0123456789");

        if (n == 0 || n > 9) {
            return false;
        }

        unit = strtol(word, NULL, 10);
        word += n;

        if (word[0] == 'm' && word[1] == 's') {
            word += 2;

        } else if (*word == 's' || *word == '\0') {
            unit *= 1000;
            word += *word == 's';

        } else if (*word == 'm' || *word == 'h' || *word == 'd') {
            unit *= *word == 'm' ? 60000 : *word == 'h' ? 3600000 : DS_DAY_MS;
            word++;

        } else {
            return false;
        }

        *ms += unit;
    }

    return true;
}


static int
ds_slot_bad(const char *name, const char **field, ds_error_t *err,
    const char *what)
{
    *field = name;

    return ds_fail(err, DS_EPLAYLIST_INVALID, "\"%s\" must be %s", name, what);
}


int
ds_slot_set(ds_timeslot_t *slot, const char *name, const char *value,
    bool file_ok, const char **field, ds_error_t *err)
{
    int       i, rc;
    char     *end;
    int64_t   ms;
    unsigned  kinds;

    static const ds_slot_param_t  params[] = {
        { "playlist", 7 }, { "start", 3 }, { "late", 3 }, { "until", 1 },
        { "count", 3 }, { "cursor", 7 }, { "join", 1 }, { "fit", 4 },
        { NULL, 0 }
    };

    for (i = 0; params[i].name != NULL; i++) {
        if (strcmp(params[i].name, name) == 0) {
            break;
        }
    }

    kinds = params[i].kinds;
    *field = params[i].name == NULL ? "" : params[i].name;

    if (!(kinds & 1u << slot->kind)) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "\"%.32s\" is no parameter "
                       "of it", name);
    }

    switch (i) {

    case 0:
        if (strlen(value) > DS_URL_LEN) {
            return ds_slot_bad("playlist", field, err, "shorter");
        }

        rc = ds_check_playlist(value, file_ok, err);

        if (rc == DS_OK) {
            memcpy(slot->playlist, value, strlen(value) + 1);
        }

        return rc;

    case 1:
        for (i = 0; i < 3; i++) {
            if (strcmp(value, ds_starts[i]) == 0) {
                slot->start = (ds_start_e) i;
                return DS_OK;
            }
        }

        return ds_slot_bad("start", field, err,
                           "\"hard\", \"soft\" or \"next\"");

    case 2:
        if (!ds_slot_span(value, &ms) || ms < 0 || ms > DS_DAY_MS / 2) {
            return ds_slot_bad("late", field, err, "from 0 to 12 hours");
        }

        slot->late = (uint32_t) ms;
        return DS_OK;

    case 3:
        if (!ds_slot_time(value, &slot->until, true)
            || slot->until == slot->time)
        {
            return ds_slot_bad("until", field, err, "HH:MM, another time than "
                               "that of the start");
        }

        return DS_OK;

    case 4:
        ms = strtol(value, &end, 10);

        if (end == value || *end != '\0' || ms < 1 || ms > 1000) {
            return ds_slot_bad("count", field, err,
                               "a number of items, from 1 to 1000");
        }

        slot->count = (uint32_t) ms;
        return DS_OK;

    case 5:
        slot->restart = strcmp(value, "restart") == 0;

        return slot->restart || strcmp(value, "continue") == 0
               ? DS_OK : ds_slot_bad("cursor", field, err,
                                     "\"continue\" or \"restart\"");

    case 6:
        slot->join = strcmp(value, "on") == 0;

        return slot->join || strcmp(value, "off") == 0
               ? DS_OK : ds_slot_bad("join", field, err, "\"on\" or \"off\"");

    default:
        return strcmp(value, "trim") == 0
               ? DS_OK : ds_slot_bad("fit", field, err, "\"trim\"");
    }
}


int
ds_schedule_check(const ds_schedule_t *s, uint32_t *which, const char **field,
    ds_error_t *err)
{
    uint32_t          i, j;
    ds_zone_t        *zone;
    const ds_timeslot_t  *a, *b;

    *which = UINT32_MAX;
    *field = "timezone";

    zone = ds_zone_load(s->timezone, err);

    if (zone == NULL) {
        return err->code;
    }

    ds_zone_free(&zone);

    for (i = 0; i < s->n; i++) {
        a = &s->slots[i];
        *which = i;

        if (a->playlist[0] == '\0') {
            *field = "playlist";
            return ds_fail(err, DS_EPLAYLIST_INVALID,
                           "slot \"%s\" has no \"playlist\"", a->label);
        }

        for (j = i + 1; j < s->n; j++) {
            b = &s->slots[j];

            if (a->kind != b->kind) {
                continue;
            }

            *field = "at";

            if (a->kind == DS_SLOT_FILLER) {
                *which = j;
                *field = "filler";
                return ds_fail(err, DS_EPLAYLIST_INVALID,
                               "a schedule has one filler");
            }

            if (ds_slot_hidden(a, b)) {
                return ds_fail(err, DS_EPLAYLIST_INVALID,
                               "slot \"%s\" can never air, \"%s\" always comes "
                               "at its times", a->label, b->label);
            }

            if (ds_slot_overlap(a, b)) {
                *which = j;
                return ds_fail(err, DS_EPLAYLIST_INVALID,
                               "hard slots \"%s\" and \"%s\" overlap",
                               a->label, b->label);
            }
        }
    }

    return DS_OK;
}


/* days of the week on which it may begin */

static uint8_t
ds_slot_on(const ds_timeslot_t *slot)
{
    /* 1970-01-01 was a Thursday, which is 3 here */

    return slot->dated ? 1u << (slot->date + 3) % 7 : slot->days;
}


/* of two at one time the one that is defined later is aired */

static bool
ds_slot_hidden(const ds_timeslot_t *a, const ds_timeslot_t *b)
{
    if (a->kind == DS_SLOT_EVERY) {
        return a->every % b->every == 0;
    }

    return a->time == b->time
           && (b->dated ? a->dated && a->date == b->date
                        : (ds_slot_on(a) & ~b->days) == 0);
}


/* a date is there to take the place of what is there each week */

static bool
ds_slot_overlap(const ds_timeslot_t *a, const ds_timeslot_t *b)
{
    int64_t  day, x, y, apart;

    if (a->kind != DS_SLOT_AT || a->start != DS_START_HARD
        || b->start != DS_START_HARD || a->dated != b->dated)
    {
        return false;
    }

    for (x = 0; x < 7; x++) {
        for (y = 0; y < 7; y++) {

            if (!(ds_slot_on(a) >> x & 1) || !(ds_slot_on(b) >> y & 1)) {
                continue;
            }

            day = a->dated ? b->date - a->date : (y - x + 7) % 7;
            apart = day * DS_DAY_MS + b->time - (int64_t) a->time;

            if ((apart >= 0 && apart < ds_slot_length(a))
                || (apart <= 0 && -apart < ds_slot_length(b))
                || (!a->dated && 7 * (int64_t) DS_DAY_MS - apart
                                 < ds_slot_length(b)))
            {
                return true;
            }
        }
    }

    return false;
}


/* ms; of one without an end, that it is there at all */

static int64_t
ds_slot_length(const ds_timeslot_t *slot)
{
    if (slot->until == 0) {
        return 1;
    }

    return slot->until > slot->time
           ? slot->until - slot->time
           : (int64_t) slot->until + DS_DAY_MS - slot->time;
}


bool
ds_schedule_past(const ds_schedule_t *s, uint32_t which, int64_t now)
{
    /* in no zone it is that day any more */

    return s->slots[which].dated
           && s->slots[which].date * DS_DAY_MS + s->slots[which].time
              + ds_slot_length(&s->slots[which]) + DS_DAY_MS / 2 < now;
}


int
ds_schedule_write(const ds_schedule_t *s, char *text, ds_error_t *err)
{
    char              clock[DS_SLOT_LEN];
    size_t            n;
    uint32_t          i;
    const ds_timeslot_t  *slot;

#define ds_more(...)                                                          \
    n += n > DS_SCHEDULE_LEN ? 0                                              \
         : (size_t) snprintf(text + n, DS_SCHEDULE_LEN + 1 - n, __VA_ARGS__)

    n = 0;
    ds_more("schedule timezone=%s prepare=%ums\n", s->timezone, s->prepare);

    for (i = 0; i < s->n; i++) {
        slot = &s->slots[i];

        ds_more("%s%s playlist=%s", slot->kind == DS_SLOT_AT ? "slot " : "",
                slot->label, slot->playlist);

        if (slot->kind != DS_SLOT_FILLER) {
            ds_more(" start=%s", ds_starts[slot->start]);

            if (slot->start == DS_START_SOFT) {
                ds_more(" late=%ums", slot->late);
            }
        }

        if (slot->until != 0) {
            ds_slot_clock(clock, slot->until);
            ds_more(" until=%s", clock);
        }

        if (slot->count != 0) {
            ds_more(" count=%u", slot->count);
        }

        ds_more("%s%s\n", slot->restart ? " cursor=restart" : "",
                slot->join ? "" : " join=off");
    }

#undef ds_more

    if (n > DS_SCHEDULE_LEN) {
        text[0] = '\0';
        return ds_fail(err, DS_EPLAYLIST_INVALID, "the schedule has more than "
                       "%d bytes", DS_SCHEDULE_LEN);
    }

    return DS_OK;
}


int
ds_schedule_read(const char *text, ds_schedule_t *s, ds_error_t *err)
{
    int          rc;
    char         line[DS_URL_LEN + 256], when[DS_SLOT_LEN], *word, *value,
                *save;
    size_t       len;
    ds_timeslot_t   *slot;
    const char  *field;

    ds_schedule_init(s);
    rc = DS_OK;

    for ( /* void */ ; *text != '\0' && rc == DS_OK; text += len + 1) {
        len = strcspn(text, "\n");

        if (len >= sizeof(line) || text[len] == '\0' || s->n == DS_SLOTS) {
            return ds_fail(err, DS_EPLAYLIST_INVALID, "not a schedule");
        }

        memcpy(line, text, len);
        line[len] = '\0';

        slot = &s->slots[s->n];
        save = NULL;
        word = strtok_r(line, " ", &save);
        word = word == NULL ? line : word;
        when[0] = '\0';

        if (strcmp(word, "schedule") != 0) {
            value = strtok_r(NULL, " ", &save);

            while (value != NULL && strchr(value, '=') == NULL) {
                (void) snprintf(when + strlen(when),
                                sizeof(when) - strlen(when), "%s%s",
                                when[0] == '\0' ? "" : " ", value);
                value = strtok_r(NULL, " ", &save);
            }

            rc = ds_slot_init(slot, strcmp(word, "slot") == 0 ? DS_SLOT_AT
                                    : strcmp(word, "every") == 0
                                      ? DS_SLOT_EVERY : DS_SLOT_FILLER,
                              when, &field, err);
            s->n++;

        } else {
            slot = NULL;
            value = strtok_r(NULL, " ", &save);
        }

        while (rc == DS_OK && value != NULL) {
            word = value;
            value = strchr(value, '=');

            if (value == NULL) {
                return ds_fail(err, DS_EPLAYLIST_INVALID, "not a schedule");
            }

            *value++ = '\0';

            rc = slot == NULL ? ds_schedule_set(s, word, value, &field, err)
                              : ds_slot_set(slot, word, value, true, &field,
                                            err);
            value = strtok_r(NULL, " ", &save);
        }
    }

    return rc;
}


ds_rundown_t *
ds_rundown_create(const char *text, ds_error_t *err)
{
    ds_rundown_t  *rd;

    rd = calloc(1, sizeof(ds_rundown_t));

    if (rd == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for a schedule");
        return NULL;
    }

    if (ds_schedule_read(text, &rd->conf, err) == DS_OK) {
        rd->zone = ds_zone_load(rd->conf.timezone, err);
    }

    if (rd->zone == NULL) {
        free(rd);
        return NULL;
    }

    rd->due.slot = -1;
    rd->ident.slot = -1;
    rd->on.slot = -1;

    return rd;
}


void
ds_rundown_free(ds_rundown_t **rd)
{
    if (*rd != NULL) {
        ds_zone_free(&(*rd)->zone);
        free(*rd);
        *rd = NULL;
    }
}


int64_t
ds_rundown_next(const ds_rundown_t *rd, int n, int64_t after)
{
    int64_t           day, last, t;
    const ds_timeslot_t  *slot;

    slot = &rd->conf.slots[n];

    if (slot->kind == DS_SLOT_FILLER) {
        return DS_NEVER;
    }

    if (slot->kind == DS_SLOT_EVERY) {
        return ds_rundown_every(rd, slot, after);
    }

    if (slot->dated) {
        t = ds_rundown_at(rd, slot->date, slot->time);
        return t > after ? t : DS_NEVER;
    }

    day = after / DS_DAY_MS - DS_DAYS_BACK;
    last = day + DS_DAYS_BACK + DS_DAYS_AHEAD;

    for ( /* void */ ; day <= last; day++) {

        if (!(slot->days >> (day + 3) % 7 & 1)) {
            continue;
        }

        t = ds_rundown_at(rd, day, slot->time);

        if (t > after) {
            return t;
        }
    }

    return DS_NEVER;
}


/* from a day's begin on, whatever the clocks do in it */

static int64_t
ds_rundown_every(const ds_rundown_t *rd, const ds_timeslot_t *slot,
    int64_t after)
{
    int64_t  day, last, begin, end, t;

    day = after / DS_DAY_MS - DS_DAYS_BACK;
    last = day + 2 * DS_DAYS_BACK;

    for ( /* void */ ; day <= last; day++) {
        begin = ds_rundown_at(rd, day, 0);
        end = ds_rundown_at(rd, day + 1, 0);

        if (end <= after) {
            continue;
        }

        if (begin > after) {
            return begin;
        }

        t = begin + ((after - begin) / slot->every + 1) * slot->every;

        if (t < end) {
            return t;
        }
    }

    return DS_NEVER;
}


static int64_t
ds_rundown_at(const ds_rundown_t *rd, int64_t days, uint32_t time)
{
    return ds_zone_utc(rd->zone, days * DS_DAY_S + time / 1000) * 1000;
}


static ds_airing_t
ds_rundown_airing(const ds_rundown_t *rd, int n, int64_t start)
{
    int64_t           day;
    ds_airing_t       a;
    const ds_timeslot_t  *slot;

    slot = &rd->conf.slots[n];

    a.slot = n;
    a.start = start;
    a.until = DS_NEVER;
    a.missed = false;

    a.deadline = slot->start == DS_START_HARD ? start
                 : slot->start == DS_START_SOFT ? start + slot->late
                                                : DS_NEVER;

    if (slot->until != 0) {
        day = (start / 1000 + ds_zone_offset(rd->zone, start / 1000))
              / DS_DAY_S;
        a.until = ds_rundown_at(rd, day + (slot->until < slot->time),
                                slot->until);

        /* one whose hour is skipped or there twice */

        if (a.until <= start) {
            a.until = start + ds_slot_length(slot);
        }
    }

    return a;
}


/* the last start of a slot that is not after "now", or -1 */

static int64_t
ds_rundown_last(const ds_rundown_t *rd, int n, int64_t now)
{
    int64_t  t, last;

    last = -1;
    t = now - 9 * (int64_t) DS_DAY_MS;

    while ((t = ds_rundown_next(rd, n, t)) <= now) {
        last = t;
    }

    return last;
}


void
ds_rundown_step(ds_rundown_t *rd, int64_t now)
{
    int          i;
    int64_t      t;
    uint32_t     n;
    ds_airing_t  a;

    n = rd->conf.n;

    if (rd->mark == 0 || now < rd->mark - DS_BACK
        || now - rd->mark > DS_MISSED)
    {
        ds_rundown_join(rd, now);

    } else if (now > rd->mark) {

        for (i = 0; rd->soonest <= now && i < (int) n; i++) {
            t = rd->next[i];

            if (t > now) {
                continue;
            }

            rd->next[i] = ds_rundown_next(rd, i, now);

            a = ds_rundown_airing(rd, i, t);

            if (rd->conf.slots[i].kind == DS_SLOT_EVERY) {
                rd->ident = a;

            } else if (rd->due.slot == -1 || rd->due.start <= t) {
                rd->due = a;
            }
        }

        rd->mark = now;

        if (rd->soonest <= now) {
            ds_rundown_soonest(rd);
        }
    }

    /* what has not begun before its end does not begin */

    if (rd->due.slot != -1 && now >= rd->due.until) {
        ds_rundown_drop(rd, false);
    }

    if (rd->on.slot != -1 && now >= rd->on.until) {
        ds_rundown_over(rd, now);
    }
}


void
ds_rundown_watch(ds_rundown_t *rd, int64_t now)
{
    if (now - 1 > rd->mark && rd->mark != 0) {
        rd->mark = now - 1;
    }
}


void
ds_rundown_copy(ds_rundown_t *to, const ds_rundown_t *from)
{
    to->mark = from->mark;
    to->soonest = from->soonest;
    to->due = from->due;
    to->ident = from->ident;
    to->on = from->on;
    memcpy(to->next, from->next, sizeof(to->next));
}


static void
ds_rundown_soonest(ds_rundown_t *rd)
{
    uint32_t  i;

    rd->soonest = DS_NEVER;

    for (i = 0; i < rd->conf.n; i++) {
        if (rd->next[i] < rd->soonest) {
            rd->soonest = rd->next[i];
        }
    }
}


/* the slot that would be on, of those that began while nobody looked */

static void
ds_rundown_join(ds_rundown_t *rd, int64_t now)
{
    int          i, n;
    int64_t      t, from;
    ds_airing_t  a, best;

    n = (int) rd->conf.n;
    memset(&best, 0, sizeof(ds_airing_t));
    best.slot = -1;
    from = rd->mark == 0 || now < rd->mark ? 0 : rd->mark;

    for (i = 0; i < n; i++) {
        rd->next[i] = ds_rundown_next(rd, i, now);

        if (rd->conf.slots[i].kind != DS_SLOT_AT) {
            continue;
        }

        t = ds_rundown_last(rd, i, now);

        if (t == -1 || t <= from) {
            continue;
        }

        a = ds_rundown_airing(rd, i, t);

        if (t < best.start || now >= a.until
            || (a.until == DS_NEVER && now - t > DS_JOIN_MAX))
        {
            continue;
        }

        best = a;
    }

    rd->mark = now;
    ds_rundown_soonest(rd);

    /* what was begun before is the earlier one */

    if (best.slot != -1) {
        best.missed = now - best.start > DS_MISSED;
        rd->due = best;
    }
}


void
ds_rundown_began(ds_rundown_t *rd)
{
    if (rd->due.slot != -1) {
        rd->on = rd->due;
        ds_rundown_drop(rd, false);
    }
}


void
ds_rundown_drop(ds_rundown_t *rd, bool ident)
{
    if (ident) {
        rd->ident.slot = -1;

    } else {
        rd->due.slot = -1;
    }
}


void
ds_rundown_over(ds_rundown_t *rd, int64_t now)
{
    rd->on = ds_rundown_beneath(rd, now);
}


ds_airing_t
ds_rundown_beneath(const ds_rundown_t *rd, int64_t now)
{
    int          i;
    int64_t      t;
    ds_airing_t  a, was, on;

    was = rd->on;
    on = rd->on;
    on.slot = -1;

    /* the latest of those that it came into, and that have an end */

    for (i = 0; i < (int) rd->conf.n; i++) {

        if (rd->conf.slots[i].kind != DS_SLOT_AT || i == was.slot
            || rd->conf.slots[i].until == 0)
        {
            continue;
        }

        t = ds_rundown_last(rd, i, was.start);

        if (t == -1 || t > was.start) {
            continue;
        }

        a = ds_rundown_airing(rd, i, t);

        if (now < a.until && (on.slot == -1 || t >= on.start)) {
            on = a;
        }
    }

    return on;
}


int64_t
ds_rundown_cut(const ds_rundown_t *rd, int64_t now, int *slot)
{
    int      i;
    int64_t  t, at;

    t = DS_NEVER;
    *slot = -1;

    if (rd->due.slot != -1 && rd->due.deadline < t) {
        t = rd->due.deadline;
        *slot = rd->due.slot;
    }

    for (i = 0; i < (int) rd->conf.n; i++) {
        if (rd->conf.slots[i].start != DS_START_HARD) {
            continue;
        }

        at = rd->next[i];

        if (at > now && at < t) {
            t = at;
            *slot = i;
        }
    }

    return t;
}


ds_airing_t
ds_rundown_coming(const ds_rundown_t *rd, int64_t now, int64_t ms)
{
    int          i;
    ds_airing_t  a;

    memset(&a, 0, sizeof(ds_airing_t));
    a.slot = -1;
    a.start = DS_NEVER;

    for (i = 0; i < (int) rd->conf.n; i++) {
        if (rd->conf.slots[i].kind == DS_SLOT_AT
            && rd->next[i] - now <= ms && rd->next[i] <= a.start)
        {
            a = ds_rundown_airing(rd, i, rd->next[i]);
        }
    }

    return a;
}
