
/*
 * ds_zone.c: reads TZif files (RFC 8536): the table of transitions, and the
 * rule of the footer for the time after them.  Knows no clock.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_zone.h"


#define DS_ZONE_DIR     "/usr/share/zoneinfo/"
#define DS_ZONE_LOCAL   "/etc/localtime"
#define DS_ZONE_SIZE    (1024 * 1024)
#define DS_ZONE_HEADER  44
#define DS_ZONE_DAY     86400

/* east or west of UTC no clock is further off, s */
#define DS_ZONE_MOST    (26 * 3600)


/* a day of the year, of a rule, and the second of it */

typedef struct {
    char           form;        /* 'M': month, week, day; 'J': no leap day;
                                   'N': from 0 on */
    int            month;
    int            week;
    int            day;
    int64_t        time;
} ds_zone_when_t;


struct ds_zone_s {
    size_t         n;
    int64_t       *at;          /* of each transition */
    int32_t       *offset;      /* from then on */
    int32_t        before;      /* the first one */

    bool           rule;        /* there is one */
    bool           summer;      /* it has two offsets */
    int32_t        std;
    int32_t        dst;
    ds_zone_when_t begins;
    ds_zone_when_t ends;
};


static int ds_zone_read(const char *path, uint8_t **data, size_t *size);
static int ds_zone_parse(ds_zone_t *z, const uint8_t *p, size_t size);
static size_t ds_zone_block(const uint8_t *p, size_t wide);
static int ds_zone_table(ds_zone_t *z, const uint8_t *p, size_t wide);
static int ds_zone_footer(ds_zone_t *z, const uint8_t *p, size_t size);
static const char *ds_zone_name(const char *p);
static const char *ds_zone_time(const char *p, int64_t *seconds);
static const char *ds_zone_when(const char *p, ds_zone_when_t *w);
static const char *ds_zone_number(const char *p, int *n, int min, int max);
static int64_t ds_zone_start(const ds_zone_when_t *w, int64_t year);
static int32_t ds_zone_ruled(const ds_zone_t *z, int64_t utc);
static bool ds_zone_leap(int64_t year);
static int64_t ds_zone_get(const uint8_t *p, size_t wide);


ds_zone_t *
ds_zone_load(const char *name, ds_error_t *err)
{
    int         rc;
    char        path[PATH_MAX];
    size_t      size;
    uint8_t    *data;
    ds_zone_t  *z;

    z = NULL;
    data = NULL;
    size = 0;

    if (strcmp(name, "local") == 0) {
        (void) snprintf(path, sizeof(path), DS_ZONE_LOCAL);

    } else if (name[0] == '\0' || strlen(name) > 64
               || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                    "abcdefghijklmnopqrstuvwxyz"
                                    "0123456789_+-/")] != '\0'
               || name[0] == '/')
    {
        (void) ds_fail(err, DS_EPLAYLIST_INVALID, "it must be the name of a "
                       "time zone, such as Europe/Berlin, or \"local\"");
        return NULL;

    } else {
        (void) snprintf(path, sizeof(path), DS_ZONE_DIR "%s", name);
    }

    rc = ds_zone_read(path, &data, &size);

    if (rc == ENOENT && strcmp(name, "local") == 0) {
        /* as the C library has it */
        z = calloc(1, sizeof(ds_zone_t));
        rc = z == NULL ? ENOMEM : 0;

    } else if (rc == 0) {
        z = calloc(1, sizeof(ds_zone_t));
        rc = z == NULL ? ENOMEM : ds_zone_parse(z, data, size);
    }

    free(data);

    if (rc == 0) {
        return z;
    }

    ds_zone_free(&z);

    (void) ds_fail(err, rc == ENOMEM ? DS_ENOMEM : DS_EPLAYLIST_INVALID,
                   rc == ENOENT || rc == EISDIR
                   ? "there is no such time zone in the system's tzdata"
                   : rc == EINVAL ? "its file in the system's tzdata is not "
                                    "understood"
                                  : "its file cannot be read");

    return NULL;
}


void
ds_zone_free(ds_zone_t **pz)
{
    if (*pz != NULL) {
        free((*pz)->at);
        free((*pz)->offset);
        free(*pz);
        *pz = NULL;
    }
}


/* 0 or an errno */

static int
ds_zone_read(const char *path, uint8_t **data, size_t *size)
{
    int    rc;
    FILE  *f;

    f = fopen(path, "re");
    if (f == NULL) {
        return errno == ENOTDIR ? ENOENT : errno;
    }

    *data = malloc(DS_ZONE_SIZE);
    rc = *data == NULL ? ENOMEM : 0;

    if (rc == 0) {
        errno = 0;
        *size = fread(*data, 1, DS_ZONE_SIZE, f);
        rc = ferror(f) ? (errno != 0 ? errno : EIO) : 0;
    }

    (void) fclose(f);

    return rc;
}


/* 0, EINVAL or ENOMEM */

static int
ds_zone_parse(ds_zone_t *z, const uint8_t *p, size_t size)
{
    int     rc;
    size_t  first, len;

    if (size < DS_ZONE_HEADER || memcmp(p, "TZif", 4) != 0) {
        return EINVAL;
    }

    len = ds_zone_block(p, 4);

    if (size < len) {
        return EINVAL;
    }

    if (p[4] == '\0') {
        return ds_zone_table(z, p, 4);
    }

    first = len;
    p += first;
    size -= first;

    if (size < DS_ZONE_HEADER || memcmp(p, "TZif", 4) != 0) {
        return EINVAL;
    }

    len = ds_zone_block(p, 8);

    if (size < len) {
        return EINVAL;
    }

    rc = ds_zone_table(z, p, 8);

    return rc != 0 ? rc : ds_zone_footer(z, p + len, size - len);
}


/* bytes of the header and what it announces; "wide" are those of a time */

static size_t
ds_zone_block(const uint8_t *p, size_t wide)
{
    size_t  utc, wall, leap, times, types, chars;

    utc = (size_t) ds_zone_get(p + 20, 4) & 0xffffff;
    wall = (size_t) ds_zone_get(p + 24, 4) & 0xffffff;
    leap = (size_t) ds_zone_get(p + 28, 4) & 0xffffff;
    times = (size_t) ds_zone_get(p + 32, 4) & 0xffffff;
    types = (size_t) ds_zone_get(p + 36, 4) & 0xffffff;
    chars = (size_t) ds_zone_get(p + 40, 4) & 0xffffff;

    return DS_ZONE_HEADER + times * (wide + 1) + types * 6 + chars
           + leap * (wide + 4) + wall + utc;
}


static int
ds_zone_table(ds_zone_t *z, const uint8_t *p, size_t wide)
{
    size_t          i, times, types;
    const uint8_t  *at, *kind, *info;

    times = (size_t) ds_zone_get(p + 32, 4) & 0xffffff;
    types = (size_t) ds_zone_get(p + 36, 4) & 0xffffff;

    if (types == 0) {
        return EINVAL;
    }

    at = p + DS_ZONE_HEADER;
    kind = at + times * wide;
    info = kind + times;

    z->at = malloc((times + 1) * sizeof(int64_t));
    z->offset = malloc((times + 1) * sizeof(int32_t));

    if (z->at == NULL || z->offset == NULL) {
        return ENOMEM;
    }

    z->before = (int32_t) ds_zone_get(info, 4);

    if (z->before < -DS_ZONE_MOST || z->before > DS_ZONE_MOST) {
        return EINVAL;
    }

    for (i = 0; i < times; i++) {

        if (kind[i] >= types) {
            return EINVAL;
        }

        z->at[i] = ds_zone_get(at + i * wide, wide);
        z->offset[i] = (int32_t) ds_zone_get(info + kind[i] * 6, 4);

        if (i != 0 && z->at[i] <= z->at[i - 1]) {
            return EINVAL;
        }

        if (z->offset[i] < -DS_ZONE_MOST || z->offset[i] > DS_ZONE_MOST) {
            return EINVAL;
        }
    }

    z->n = times;

    return 0;
}


/* "CET-1CEST,M3.5.0,M10.5.0/3" between two line feeds; "": no rule */

static int
ds_zone_footer(ds_zone_t *z, const uint8_t *data, size_t size)
{
    char           text[128];
    size_t         len;
    int64_t        t;
    const char    *p;
    const uint8_t *end;

    end = size < 2 || data[0] != '\n' ? NULL
          : memchr(data + 1, '\n', size - 1);

    if (end == NULL || (len = end - data - 1) >= sizeof(text)) {
        return EINVAL;
    }

    memcpy(text, data + 1, len);
    text[len] = '\0';

    if (len == 0) {
        return 0;
    }

    p = ds_zone_name(text);
    p = p == NULL ? NULL : ds_zone_time(p, &t);

    if (p == NULL) {
        return EINVAL;
    }

    z->rule = true;
    z->std = (int32_t) -t;

    if (*p == '\0') {
        return 0;
    }

    z->summer = true;
    z->dst = z->std + 3600;

    p = ds_zone_name(p);

    if (p != NULL && *p != ',') {
        p = ds_zone_time(p, &t);
        z->dst = (int32_t) -t;
    }

    p = p == NULL || *p != ',' ? NULL : ds_zone_when(p + 1, &z->begins);
    p = p == NULL || *p != ',' ? NULL : ds_zone_when(p + 1, &z->ends);

    return p == NULL || *p != '\0' ? EINVAL : 0;
}


static const char *
ds_zone_name(const char *p)
{
    size_t  n;

    if (*p == '<') {
        p = strchr(p, '>');
        return p == NULL ? NULL : p + 1;
    }

    n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    return n < 3 ? NULL : p + n;
}


/* [+-]h[h[h]][:mm[:ss]] */

static const char *
ds_zone_time(const char *p, int64_t *seconds)
{
    int  n, sign;

    sign = *p == '-' ? -1 : 1;
    p += *p == '-' || *p == '+';

    p = ds_zone_number(p, &n, 0, 167);
    if (p == NULL) {
        return NULL;
    }

    *seconds = (int64_t) n * 3600;

    if (*p == ':') {
        p = ds_zone_number(p + 1, &n, 0, 59);
        if (p == NULL) {
            return NULL;
        }

        *seconds += n * 60;
    }

    if (*p == ':') {
        p = ds_zone_number(p + 1, &n, 0, 59);
        if (p == NULL) {
            return NULL;
        }

        *seconds += n;
    }

    *seconds *= sign;

    return p;
}


static const char *
ds_zone_when(const char *p, ds_zone_when_t *w)
{
    w->time = 7200;

    if (*p == 'M') {
        w->form = 'M';
        p = ds_zone_number(p + 1, &w->month, 1, 12);
        p = p == NULL || *p != '.' ? NULL
            : ds_zone_number(p + 1, &w->week, 1, 5);
        p = p == NULL || *p != '.' ? NULL
            : ds_zone_number(p + 1, &w->day, 0, 6);

    } else if (*p == 'J') {
        w->form = 'J';
        p = ds_zone_number(p + 1, &w->day, 1, 365);

    } else {
        w->form = 'N';
        p = ds_zone_number(p, &w->day, 0, 365);
    }

    return p != NULL && *p == '/' ? ds_zone_time(p + 1, &w->time) : p;
}


static const char *
ds_zone_number(const char *p, int *n, int min, int max)
{
    const char  *start;

    start = p;
    *n = 0;

    while (*p >= '0' && *p <= '9' && p - start < 3) {
        *n = *n * 10 + *p++ - '0';
    }

    return p == start || *n < min || *n > max ? NULL : p;
}


/* the local second of "year" at which it is */

static int64_t
ds_zone_start(const ds_zone_when_t *w, int64_t year)
{
    int64_t  days, next;

    days = ds_zone_days(year, 1, 1);

    if (w->form == 'N') {
        days += w->day;

    } else if (w->form == 'J') {
        days += w->day - 1 + (w->day >= 60 && ds_zone_leap(year));

    } else {
        next = w->month == 12 ? ds_zone_days(year + 1, 1, 1)
                              : ds_zone_days(year, w->month + 1, 1);
        days = ds_zone_days(year, w->month, 1);

        /* 1970-01-01 was a Thursday, which is 4 here */

        days += (w->day - (days + 4) % 7 + 7) % 7 + (w->week - 1) * 7;

        if (days >= next) {
            days -= 7;
        }
    }

    return days * DS_ZONE_DAY + w->time;
}


static int32_t
ds_zone_ruled(const ds_zone_t *z, int64_t utc)
{
    int64_t   year, begins, ends, days;
    unsigned  month, day;

    if (!z->summer) {
        return z->std;
    }

    days = (utc + z->std) / DS_ZONE_DAY - ((utc + z->std) % DS_ZONE_DAY < 0);
    ds_zone_date(days, &year, &month, &day);

    begins = ds_zone_start(&z->begins, year) - z->std;
    ends = ds_zone_start(&z->ends, year) - z->dst;

    if (begins < ends) {
        return utc >= begins && utc < ends ? z->dst : z->std;
    }

    return utc >= begins || utc < ends ? z->dst : z->std;
}


int32_t
ds_zone_offset(const ds_zone_t *z, int64_t utc)
{
    size_t  low, high, mid;

    if (z->rule && (z->n == 0 || utc >= z->at[z->n - 1])) {
        return ds_zone_ruled(z, utc);
    }

    low = 0;
    high = z->n;

    while (low < high) {
        mid = (low + high) / 2;

        if (z->at[mid] <= utc) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low == 0 ? z->before : z->offset[low - 1];
}


int64_t
ds_zone_utc(const ds_zone_t *z, int64_t local)
{
    int32_t  before, after;
    int64_t  low, high, mid;

    before = ds_zone_offset(z, local - DS_ZONE_DAY - DS_ZONE_DAY / 8);
    after = ds_zone_offset(z, local + DS_ZONE_DAY + DS_ZONE_DAY / 8);

    /* the greater offset is the earlier time */

    if (before >= after) {
        if (ds_zone_offset(z, local - before) == before) {
            return local - before;
        }

        return local - after;
    }

    if (ds_zone_offset(z, local - before) == before) {
        return local - before;
    }

    if (ds_zone_offset(z, local - after) == after) {
        return local - after;
    }

    /* it is skipped: when the offset changes */

    low = local - after;
    high = local - before;

    while (low < high) {
        mid = low + (high - low) / 2;

        if (ds_zone_offset(z, mid) == before) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low;
}


int64_t
ds_zone_days(int64_t year, unsigned month, unsigned day)
{
    int64_t  era, yoe, doy;

    /* years begin in March, so that a leap day is the last one */

    year -= month <= 2;
    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}


void
ds_zone_date(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t   era, doe, yoe, doy;
    unsigned  m;

    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    m = (unsigned) ((5 * doy + 2) / 153);

    *day = (unsigned) (doy - (153 * m + 2) / 5 + 1);
    *month = m < 10 ? m + 3 : m - 9;
    *year = yoe + era * 400 + (*month <= 2);
}


static bool
ds_zone_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}


/* big-endian, signed */

static int64_t
ds_zone_get(const uint8_t *p, size_t wide)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < wide; i++) {
        n = n << 8 | p[i];
    }

    return wide == 4 ? (int32_t) (uint32_t) n : (int64_t) n;
}
