
/*
 * ngx_directstream_time.c: points in time as the as-run log writes them.
 */

#include "ngx_directstream.h"


u_char *
ngx_directstream_time_utc(u_char *p, int64_t ms)
{
    ngx_tm_t  tm;

    if (ms <= 0) {
        return p;
    }

    ngx_gmtime((time_t) (ms / 1000), &tm);

    return ngx_sprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       (int) (ms % 1000));
}


u_char *
ngx_directstream_time_local(u_char *p, int64_t ms)
{
    ngx_tm_t     tm;
    ngx_int_t    gmtoff;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    gmtoff = tp->gmtoff;

    ngx_gmtime((time_t) (ms / 1000 + gmtoff * 60), &tm);

    return ngx_sprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d%c%02i:%02i",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       gmtoff < 0 ? '-' : '+',
                       ngx_abs(gmtoff / 60), ngx_abs(gmtoff % 60));
}
