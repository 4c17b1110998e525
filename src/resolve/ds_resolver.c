
/*
 * ds_resolver.c: places for resolvers, and hosts that have been asked too
 * often.
 */

#include "base/ds_fault.h"
#include "base/ds_url.h"
#include "net/ds_hold.h"
#include "resolve/ds_resolve.h"
#include "resolve/ds_resolver.h"


/* ms: a first command that was broken is tried again by what can wait, ... */
#define DS_RESOLVER_AGAIN  600000

/* and, later, by what is to go on air */
#define DS_RESOLVER_LATER  3000000


typedef struct {
    const char    *playlist;
    ds_cancel_t   *cancel;
    ds_entry_pt    entry;
    void          *data;
    bool           given;
} ds_resolver_list_t;


static int ds_resolver_place(ds_t *ds, const char *url, bool behind,
    ds_cancel_t *cancel, ds_error_t *err);
static void ds_resolver_back(ds_t *ds, bool behind);
static void ds_resolver_done(ds_t *ds, const char *url, bool behind, int rc);
static int ds_resolver_ask(ds_t *ds, const char *url, bool behind,
    bool second, ds_cancel_t *cancel, ds_resolver_pt call, void *data,
    ds_error_t *err);
static bool ds_resolver_second(ds_t *ds, bool behind);
static bool ds_resolver_broken(int code);
static void ds_resolver_turn(ds_t *ds, bool second, const ds_error_t *err);
static int ds_resolver_list_ask(const ds_conf_t *conf, void *data,
    ds_error_t *err);
static bool ds_resolver_entry(void *data, ds_entry_t *e);
static void ds_resolver_host(char *host, size_t size, const char *url);


static int
ds_resolver_place(ds_t *ds, const char *url, bool behind, ds_cancel_t *cancel,
    ds_error_t *err)
{
    int   rc;
    char  host[DS_URL_LEN];

    ds_resolver_host(host, sizeof(host), url);

    for ( ;; ) {
        if (ds_hold_wait(ds->resolver_hold, host, cancel)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        rc = behind ? ds_gate_enter_behind(ds->resolvers, cancel)
                    : ds_gate_enter(ds->resolvers, NULL, -1, cancel);
        if (rc != DS_OK) {
            return ds_fail(err, rc, "no place for a resolver: %s",
                           ds_error_code(rc));
        }

        if (ds_hold_left(ds->resolver_hold, host) == 0) {
            return DS_OK;
        }

        /* it is held since a place was waited for */

        ds_resolver_back(ds, behind);
    }
}


static void
ds_resolver_back(ds_t *ds, bool behind)
{
    if (behind) {
        ds_gate_leave_behind(ds->resolvers);
    } else {
        ds_gate_leave(ds->resolvers, NULL);
    }
}


static void
ds_resolver_done(ds_t *ds, const char *url, bool behind, int rc)
{
    char     host[DS_URL_LEN];
    int64_t  wait;

    ds_resolver_host(host, sizeof(host), url);
    wait = 0;

    if (rc == DS_OK || (rc <= DS_EITEM_FORMAT && rc >= DS_EITEM_PRIVATE)) {
        ds_hold_clear(ds->resolver_hold, host);

    } else if (rc == DS_ERESOLVER_RATE_LIMITED) {
        wait = ds_hold_add(ds->resolver_hold, host, 0);
    }

    /* whoever gets the place knows of the hold */

    ds_resolver_back(ds, behind);

    if (wait != 0) {
        ds_log(ds, DS_LOG_WARN, NULL,
               "resolver is asked nothing for %lld s: %s, host: \"%s\"",
               (long long) wait / 1000, ds_error_code(rc), host);
    }
}


int
ds_resolver_call(ds_t *ds, const char *url, bool behind, ds_cancel_t *cancel,
    ds_resolver_pt call, void *data, const bool *given, ds_error_t *err)
{
    int         rc;
    bool        second;
    ds_error_t  why;

    second = ds_resolver_second(ds, behind);
    rc = ds_resolver_ask(ds, url, behind, second, cancel, call, data, err);

    if (!ds_resolver_broken(rc)) {
        if (rc == DS_OK && !second) {
            ds_resolver_turn(ds, false, err);
        }

        return rc;
    }

    if (ds->conf.resolve_fallback == NULL || (given != NULL && *given)) {
        return rc;
    }

    why = *err;
    rc = ds_resolver_ask(ds, url, behind, !second, cancel, call, data, err);

    if (rc == DS_OK) {
        ds_resolver_turn(ds, !second, &why);
        return DS_OK;
    }

    if (ds_resolver_broken(rc)) {
        *err = why;
    }

    return err->code;
}


static int
ds_resolver_ask(ds_t *ds, const char *url, bool behind, bool second,
    ds_cancel_t *cancel, ds_resolver_pt call, void *data, ds_error_t *err)
{
    int        rc;
    ds_conf_t  conf;

    conf = ds->conf;

    if (second) {
        conf.resolve_command = conf.resolve_fallback;
    }

    rc = ds_resolver_place(ds, url, behind, cancel, err);

    if (rc == DS_OK) {
        rc = call(&conf, data, err);
        ds_resolver_done(ds, url, behind, rc);
    }

    return rc;
}


static bool
ds_resolver_second(ds_t *ds, bool behind)
{
    bool     second;
    int64_t  at;

    (void) pthread_mutex_lock(&ds->lock);

    at = ds->first_at + (behind ? 0 : DS_RESOLVER_LATER);
    second = ds->resolver.fallback && ds_monotonic() < at;

    (void) pthread_mutex_unlock(&ds->lock);

    return second;
}


/* "no formats" is what a site's change looks like */

static bool
ds_resolver_broken(int code)
{
    return ds_fault(code, false) == DS_FAULT_RESOLVER
           || code == DS_EITEM_FORMAT;
}


static void
ds_resolver_turn(ds_t *ds, bool second, const ds_error_t *err)
{
    bool                   changed;
    ds_resolver_status_t  *st;

    st = &ds->resolver;

    (void) pthread_mutex_lock(&ds->lock);

    changed = st->fallback != second;

    if (changed) {
        st->fallback = second;
        st->since = ds_now();
    }

    if (second) {
        st->error = *err;
        ds->first_at = ds_monotonic() + DS_RESOLVER_AGAIN;
    }

    (void) pthread_mutex_unlock(&ds->lock);

    if (!changed) {
        return;
    }

    if (second) {
        ds_log(ds, DS_LOG_ERR, NULL,
               "resolver is broken, the second one is used: %s: %s",
               ds_error_code(err->code), err->message);

    } else {
        ds_log(ds, DS_LOG_NOTICE, NULL, "the first resolver is used again");
    }
}


int
ds_resolver_list(ds_t *ds, const ds_conf_t *settings, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err)
{
    ds_resolver_list_t  list;

    list.playlist = playlist;
    list.cancel = cancel;
    list.entry = entry;
    list.data = data;
    list.given = false;

    if (!ds_resolve_has_first(playlist)) {
        return ds_resolver_list_ask(settings, &list, err);
    }

    return ds_resolver_call(ds, playlist, true, cancel, ds_resolver_list_ask,
                            &list, &list.given, err);
}


static int
ds_resolver_list_ask(const ds_conf_t *conf, void *data, ds_error_t *err)
{
    ds_resolver_list_t *list = data;

    return ds_resolve_list(conf, list->playlist, list->cancel,
                           ds_resolver_entry, list, err);
}


static bool
ds_resolver_entry(void *data, ds_entry_t *e)
{
    ds_resolver_list_t *list = data;

    list->given = true;

    return list->entry(list->data, e);
}


bool
ds_resolver_refused(ds_t *ds, const ds_error_t *err)
{
    bool  second;

    if (ds->conf.resolve_fallback == NULL) {
        return false;
    }

    (void) pthread_mutex_lock(&ds->lock);
    second = ds->resolver.fallback;
    (void) pthread_mutex_unlock(&ds->lock);

    ds_resolver_turn(ds, !second, err);

    return true;
}


void
ds_resolver_status(ds_t *ds, ds_resolver_status_t *status)
{
    (void) pthread_mutex_lock(&ds->lock);
    *status = ds->resolver;
    (void) pthread_mutex_unlock(&ds->lock);
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
