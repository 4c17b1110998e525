
/*
 * ds_zone.h: a time zone of the system's tzdata.  Unlike the C library's it
 * belongs to no process: any number of them, read once and never changed, so
 * that any thread may use one.  Times are Unix seconds; local ones count as if
 * they were UTC.
 */

#ifndef DS_ZONE_H_INCLUDED_
#define DS_ZONE_H_INCLUDED_


#include "base/ds_core.h"


typedef struct ds_zone_s  ds_zone_t;


/*
 * "Europe/Berlin", "UTC", or "local", which is the system's own.  Blocks on the
 * disk; NULL: "err" says why.
 */
ds_zone_t *ds_zone_load(const char *name, ds_error_t *err);
void ds_zone_free(ds_zone_t **zone);

/* seconds east of UTC at "utc" */
int32_t ds_zone_offset(const ds_zone_t *zone, int64_t utc);

/*
 * When it is "local" there: the first time, if it is so twice; if it never is,
 * when the clock has been put forward over it.
 */
int64_t ds_zone_utc(const ds_zone_t *zone, int64_t local);

/* days since 1970-01-01 of a date of the Gregorian calendar, and back */
int64_t ds_zone_days(int64_t year, unsigned month, unsigned day);
void ds_zone_date(int64_t days, int64_t *year, unsigned *month,
    unsigned *day);


#endif /* DS_ZONE_H_INCLUDED_ */
