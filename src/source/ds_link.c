
/*
 * ds_link.c: what is done about URLs that are refused.  Each reason has its
 * own answer and each answer its bound: no item makes the resolver run in a
 * loop.  Knows no bytes.
 */

#include <string.h>

#include "base/ds_engine.h"
#include "media/ds_demux.h"
#include "net/ds_refusal.h"
#include "resolve/ds_resolve.h"
#include "resolve/ds_resolver.h"
#include "source/ds_link.h"


/* what resolvers call "available at" is whole seconds; one spare */
#define DS_LINK_SLACK    500

/* ms between two resolver calls that nobody but a clock asks for */
#define DS_LINK_RENEW    60000

/* ms between two looks at what resolves beside the reading */
#define DS_LINK_TICK     20

/* not an error: nothing new yet */
#define DS_LINK_LATER    1

/* refusals that waiting may mend: after 1, 2 and 4 s */
#define DS_LINK_EARLY    3
#define DS_LINK_WAIT     1000

/* bytes; a fresh URL that is refused before has the same gate */
#define DS_LINK_GATE     (4 * 1024 * 1024)

/* calls of a resolver that is asked too often, each is held back for long */
#define DS_LINK_CALLS    3


typedef struct {
    const ds_link_conf_t  *conf;
    const ds_entry_t      *entry;       /* NULL: the first of a playlist */
    ds_cancel_t           *cancel;
    ds_media_t            *media;
} ds_link_ask_t;


static int ds_link_resolve(const ds_link_t *l, ds_cancel_t *cancel,
    ds_media_t *m, ds_error_t *err);
static int ds_link_ask(const ds_conf_t *conf, void *data, ds_error_t *err);
static int64_t ds_link_early_for(const ds_media_t *m);
static int ds_link_available(ds_link_t *l, ds_error_t *err);
static int ds_link_again(ds_link_t *l, uint64_t bytes, ds_error_t *err);
static int ds_link_ahead(ds_link_t *l, uint64_t bytes, ds_error_t *err);
static void ds_link_run(void *data);
static int ds_link_take(ds_link_t *l, uint64_t bytes, ds_error_t *err);
static int ds_link_early(ds_link_t *l, uint64_t bytes, ds_error_t *err);
static int ds_link_gated(ds_link_t *l, uint64_t bytes, ds_error_t *err);
static int ds_link_address(ds_link_t *l, ds_error_t *err);
static int ds_link_page(ds_link_t *l, ds_error_t *err);
static bool ds_link_plain(const ds_link_t *l);
static void ds_link_log(ds_link_t *l, const ds_error_t *err,
    const char *remedy);


int
ds_link_open(ds_link_t *l, ds_error_t *err)
{
    int  rc;

    if (l->conf->kept != NULL) {
        /* files of the cache: there is nothing to resolve, now or later */
        return ds_media_copy(&l->media, l->conf->kept) == DS_OK
               ? DS_OK : ds_fail(err, DS_ENOMEM, "no memory for an item");
    }

    rc = ds_link_resolve(l, l->conf->cancel, &l->media, err);

    return rc == DS_OK ? ds_link_available(l, err) : rc;
}


static int
ds_link_resolve(const ds_link_t *l, ds_cancel_t *cancel, ds_media_t *m,
    ds_error_t *err)
{
    int                    rc;
    unsigned               calls;
    ds_entry_t             entry;
    const char            *url;
    ds_link_ask_t          ask;
    const ds_link_conf_t  *c;

    c = l->conf;

    if (ds_link_plain(l)) {
        return ds_resolve_item(&c->ds->conf, c->entry, cancel, m, err);
    }

    /* what is no media by its name is a page then */

    if (c->entry != NULL) {
        entry = *c->entry;
        entry.plain = false;
    }

    ask.conf = c;
    ask.entry = c->entry != NULL ? &entry : NULL;
    ask.cancel = cancel;
    ask.media = m;

    url = c->entry == NULL ? c->playlist
          : c->entry->url == NULL ? "" : c->entry->url;
    calls = 0;

    /* who can wait does not come back to a site that wants to be left alone */

    do {
        rc = ds_resolver_call(c->ds, url, c->behind, cancel, ds_link_ask,
                              &ask, NULL, err);
        calls++;

    } while (rc == DS_ERESOLVER_RATE_LIMITED && !c->behind
             && calls < DS_LINK_CALLS);

    return rc;
}


static int
ds_link_ask(const ds_conf_t *conf, void *data, ds_error_t *err)
{
    int                    rc;
    int64_t                began;
    ds_link_ask_t         *ask = data;
    const ds_link_conf_t  *c;

    c = ask->conf;
    began = ds_monotonic();

    if (ask->entry == NULL) {
        rc = ds_resolve_first(conf, c->playlist, ask->cancel, ask->media, err);
    } else {
        rc = ds_resolve_item(conf, ask->entry, ask->cancel, ask->media, err);
    }

    if (c->counters != NULL) {
        (void) atomic_fetch_add(&c->counters->resolves, 1);
        (void) atomic_fetch_add(&c->counters->resolve_time,
                                ds_monotonic() - began);
    }

    return rc;
}


/* ms until all of it is available */

static int64_t
ds_link_early_for(const ds_media_t *m)
{
    int64_t   at;
    unsigned  i;

    at = 0;

    for (i = 0; i < m->nurls; i++) {
        if (m->urls[i].available_at > at) {
            at = m->urls[i].available_at;
        }
    }

    return at == 0 ? 0 : at + DS_LINK_SLACK - ds_now();
}


static int
ds_link_available(ds_link_t *l, ds_error_t *err)
{
    int64_t      wait;
    ds_media_t  *m;

    m = &l->media;
    wait = ds_link_early_for(m);

    if (wait <= 0) {
        return DS_OK;
    }

    ds_log(l->conf->ds, DS_LOG_INFO, l->conf->stream,
           "media will be available in %lld ms, id: \"%s\"",
           (long long) wait, m->id == NULL ? "" : m->id);

    if (wait > l->conf->ds->conf.resolve_timeout) {
        return ds_fail(err, DS_ESOURCE_TOO_EARLY,
                       "media is not available for another %lld s",
                       (long long) wait / 1000);
    }

    if (ds_cancel_wait(l->conf->cancel, wait)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    return DS_OK;
}


int
ds_link_mend(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    int         rc;
    int64_t     began;
    unsigned    i;
    ds_error_t  why;

    why = *err;

    if (bytes > l->bytes) {
        l->early = 0;

        if (why.code == DS_ESOURCE_FORBIDDEN
            || why.code == DS_ESOURCE_TOO_EARLY)
        {
            why.code = DS_ESOURCE_GATED;
        }
    }

    /* there is no way to the address that the URL is bound to */

    for (i = 0; i < l->media.nurls; i++) {
        if (l->media.urls[i].family != 0
            && (why.code == DS_ESOURCE_REFUSED || why.code == DS_ESOURCE_DNS))
        {
            why.code = DS_ESOURCE_ADDRESS;
        }
    }

    began = ds_monotonic();
    *err = why;

    switch (why.code) {

    case DS_ESOURCE_EXPIRED:
        rc = ds_link_again(l, bytes, err);
        break;

    case DS_ESOURCE_TOO_EARLY:
        rc = ds_link_early(l, bytes, err);
        break;

    case DS_ESOURCE_GATED:
        rc = ds_link_gated(l, bytes, err);
        break;

    case DS_ESOURCE_ADDRESS:
        rc = ds_link_address(l, err);
        break;

    case DS_ESOURCE_FORBIDDEN:
    case DS_ESOURCE_HTTP:
    case DS_ESOURCE_INVALID:
    case DS_ESOURCE_NOT_FOUND:
        rc = bytes == 0 ? ds_link_page(l, err) : err->code;
        break;

    default:
        return err->code;
    }

    if (rc != DS_OK && !l->other && !ds_link_plain(l)
        && (rc == DS_ESOURCE_FORBIDDEN || rc == DS_ESOURCE_GATED)
        && ds_resolver_refused(l->conf->ds, err))
    {
        l->other = true;
        l->renewed = 0;
        rc = ds_link_again(l, bytes, err);
    }

    l->excused += ds_monotonic() - began;

    if (rc == DS_OK) {
        ds_count_fault(l->conf->counters, why.code);
        ds_error_clear(err);
    }

    return rc;
}


/*
 * What a list names and its name does not tell: it was asked for as media,
 * which is what most of such URLs are; a page is the resolver's.
 */

static int
ds_link_page(ds_link_t *l, ds_error_t *err)
{
    int         rc;
    ds_media_t  m;
    ds_error_t  why;

    if (l->asked || l->conf->kept != NULL || l->conf->entry == NULL
        || !l->conf->entry->page)
    {
        return err->code;
    }

    why = *err;
    l->asked = true;

    rc = ds_link_resolve(l, l->conf->cancel, &m, err);

    if (rc == DS_ERESOLVER_UNSUPPORTED || rc == DS_ERESOLVER_MISSING) {
        *err = why;
    }

    if (rc != DS_OK) {
        return err->code;
    }

    ds_media_free(&l->media);
    l->media = m;

    return ds_link_available(l, err);
}


/* new URLs, at most once a minute; else the error stays */

static int
ds_link_again(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    int         rc;
    int64_t     now;

    now = ds_monotonic();

    if (ds_link_plain(l)) {
        return err->code;
    }

    if (l->job.started) {
        /* that is on its way, and by now waited for */
        ds_link_log(l, err, "resolving already");

        while (!ds_job_done(&l->job)) {
            if (ds_cancel_wait(l->conf->cancel, DS_LINK_TICK)) {
                return ds_fail(err, DS_ECANCELED, "canceled");
            }
        }

    } else {
        if (l->renewed != 0 && now - l->renewed < DS_LINK_RENEW) {
            return err->code;
        }

        ds_link_log(l, err, "resolving again");

        l->renewed = now;
        l->fresh_err.code = ds_link_resolve(l, l->conf->cancel,
                                            &l->fresh, &l->fresh_err);
    }

    rc = ds_link_take(l, bytes, err);

    return rc == DS_OK ? ds_link_available(l, err) : rc;
}


/*
 * New URLs in good time, beside the reading: the old ones serve until these
 * are there.  DS_LINK_LATER: there are none yet.
 */

static int
ds_link_ahead(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    int64_t  now;

    now = ds_monotonic();

    if (ds_link_plain(l)) {
        return ds_fail(err, DS_ESOURCE_EXPIRED, "URL is about to expire");
    }

    if (l->job.started) {
        if (!ds_job_done(&l->job)
            || (l->fresh_err.code == DS_OK
                && ds_link_early_for(&l->fresh) > 0))
        {
            return DS_LINK_LATER;
        }

        if (ds_link_take(l, bytes, err) == DS_OK) {
            return DS_OK;
        }

        ds_log(l->conf->ds, DS_LOG_WARN, l->conf->stream,
               "new URLs could not be had in good time: %s: %s, id: \"%s\"",
               ds_error_code(err->code), err->message,
               l->media.id == NULL ? "" : l->media.id);

        ds_error_clear(err);

        return DS_LINK_LATER;
    }

    if (l->renewed == 0 || now - l->renewed >= DS_LINK_RENEW) {
        l->renewed = now;
        ds_error_clear(&l->fresh_err);

        (void) ds_job_start(&l->job, "ds-renew", ds_link_run, l);
    }

    return DS_LINK_LATER;
}


/* context: its own thread */

static void
ds_link_run(void *data)
{
    ds_link_t  *l = data;

    l->fresh_err.code = ds_link_resolve(l, &l->job.cancel, &l->fresh,
                                        &l->fresh_err);
}


/* what was resolved, here or in its thread, is what is read from now on */

static int
ds_link_take(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    ds_job_end(&l->job);

    if (l->fresh_err.code != DS_OK) {
        *err = l->fresh_err;
        return err->code;
    }

    ds_media_free(&l->media);

    l->media = l->fresh;
    l->bytes = bytes;

    memset(&l->fresh, 0, sizeof(ds_media_t));

    return DS_OK;
}


/* the same URL a little later; then one more; then there is another cause */

static int
ds_link_early(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    int64_t  unit;

    unit = l->conf->ds->conf.source_timeout / 10;
    unit = (unit > DS_LINK_WAIT) ? DS_LINK_WAIT : unit;

    /* a gate, when it has been waited for what the resolver told */

    if (l->gated && l->media.urls[0].available_at != 0) {
        l->early = DS_LINK_EARLY;
    }

    if (l->early < DS_LINK_EARLY) {
        ds_link_log(l, err, "waiting");

        if (ds_cancel_wait(l->conf->cancel, unit << l->early)) {
            return ds_fail(err, DS_ECANCELED, "canceled");
        }

        l->early++;

        return DS_OK;
    }

    if (l->gated) {
        err->code = DS_ESOURCE_GATED;
        return err->code;
    }

    if (l->early == DS_LINK_EARLY) {
        l->early++;

        if (ds_link_again(l, bytes, err) == DS_OK) {
            return DS_OK;
        }
    }

    if (err->code == DS_ESOURCE_TOO_EARLY) {
        err->code = DS_ESOURCE_FORBIDDEN;
    }

    return err->code;
}


/* once; and again only if the fresh URL has brought much more */

static int
ds_link_gated(ds_link_t *l, uint64_t bytes, ds_error_t *err)
{
    if (l->gated && bytes - l->bytes < DS_LINK_GATE) {
        return err->code;
    }

    l->gated = true;

    return ds_link_again(l, bytes, err);
}


/* over the other version of IP, once */

static int
ds_link_address(ds_link_t *l, ds_error_t *err)
{
    bool             other;
    unsigned         i;
    ds_media_url_t  *u;

    other = false;

    for (i = 0; i < l->media.nurls; i++) {
        u = &l->media.urls[i];

        if (u->family == 0) {
            u->family = ds_refusal_family(u->url);
            other |= (u->family != 0);
        }
    }

    if (!other) {
        return err->code;
    }

    ds_link_log(l, err, "trying the address's family");

    return DS_OK;
}


int
ds_link_renew(ds_link_t *l, unsigned i, uint64_t bytes, ds_http_req_t *req,
    ds_error_t *err)
{
    int              rc;
    ds_media_url_t  *u;

    /* the other URL may have been refused before: one call serves both */

    if (i < l->media.nurls
        && l->media.urls[i].resolved_at == req->resolved_at)
    {
        if (err->code == DS_OK) {
            rc = ds_link_ahead(l, bytes, err);

            if (rc == DS_LINK_LATER) {
                req->url = NULL;
                return DS_OK;
            }

        } else {
            rc = ds_link_mend(l, bytes, err);
        }

        if (rc != DS_OK) {
            return rc;
        }
    }

    if (i >= l->media.nurls) {
        return ds_fail(err, DS_ESOURCE_CUT, "item has fewer parts now");
    }

    u = &l->media.urls[i];

    req->url = u->url;
    req->headers = u->headers;
    req->cookies = u->cookies;
    req->family = u->family;
    req->resolved_at = u->resolved_at;
    req->available_at = u->available_at;
    req->expires_at = u->expires_at;
    req->renew_at = ds_demux_renew_at(u);

    return DS_OK;
}


void
ds_link_close(ds_link_t *l)
{
    ds_job_cancel(&l->job);
    ds_job_end(&l->job);
    ds_media_free(&l->fresh);
    ds_media_free(&l->media);
}


/* an item of a list of files: its URL is what it is */

static bool
ds_link_plain(const ds_link_t *l)
{
    return l->conf->kept != NULL
           || (l->conf->entry != NULL && l->conf->entry->plain && !l->asked);
}


static void
ds_link_log(ds_link_t *l, const ds_error_t *err, const char *remedy)
{
    ds_log(l->conf->ds, DS_LOG_WARN, l->conf->stream,
           "source refused: %s: %s, %s, id: \"%s\"", ds_error_code(err->code),
           err->message, remedy,
           l->media.id == NULL ? "" : l->media.id);
}
