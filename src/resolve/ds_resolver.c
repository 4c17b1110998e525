
/*
 * ds_resolver.c: places for resolvers, and hosts that have been asked too
 * often.
 */

#include "base/ds_url.h"
#include "net/ds_hold.h"
#include "resolve/ds_resolver.h"


static void ds_resolver_host(char *host, size_t size, const char *url);


int
ds_resolver_enter(ds_t *ds, const char *url, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int   rc;
    char  host[DS_URL_LEN];

    ds_resolver_host(host, sizeof(host), url);

    for ( ;; ) {
        if (ds_hold_wait(ds->resolver_hold, host, cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        rc = ds_gate_enter(ds->resolvers, NULL, -1, cancel);
        if (rc != DS_OK) {
            return ds_fail(err, rc, "no place for a resolver: %s",
                           ds_error_code(rc));
        }

        if (ds_hold_left(ds->resolver_hold, host) == 0) {
            return DS_OK;
        }

        /* it is held since a place was waited for */

        ds_gate_leave(ds->resolvers, NULL);
    }
}


void
ds_resolver_leave(ds_t *ds, const char *url, int rc)
{
    char     host[DS_URL_LEN];
    int64_t  wait;

    ds_resolver_host(host, sizeof(host), url);
    wait = 0;

    if (rc == DS_OK) {
        ds_hold_clear(ds->resolver_hold, host);

    } else if (rc == DS_ERESOLVER_RATE_LIMITED) {
        wait = ds_hold_add(ds->resolver_hold, host, 0);
    }

    /* whoever gets the place knows of the hold */

    ds_gate_leave(ds->resolvers, NULL);

    if (wait != 0) {
        ds_log(ds, DS_LOG_WARN, NULL,
               "resolver is asked nothing for %lld s: %s, host: \"%s\"",
               (long long) wait / 1000, ds_error_code(rc), host);
    }
}


bool
ds_resolver_free(ds_t *ds, const ds_entry_t *e)
{
    char      host[DS_URL_LEN];
    ds_url_t  u;

    if (e->url == NULL || ds_url_parse(&u, e->url, NULL) != DS_OK) {
        return true;
    }

    if (e->plain) {
        return ds_hold_left(ds->source_hold, u.host) == 0;
    }

    ds_resolver_host(host, sizeof(host), e->url);

    return ds_hold_left(ds->resolver_hold, host) == 0;
}


/* what shares a limit: a site has many names, a playlist's id none at all */

static void
ds_resolver_host(char *host, size_t size, const char *url)
{
    ds_url_t  u;

    if (ds_url_parse(&u, url, NULL) != DS_OK || ds_url_is_youtube(&u)) {
        ds_text(host, size, "youtube.com");
        return;
    }

    ds_text(host, size, u.host);
}
