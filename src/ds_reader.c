
/*
 * ds_reader.c: an item from its entry to its packets: resolve, wait until it
 * is available, open, read.  Knows nothing of codecs or of other items.
 */

#include <stdlib.h>
#include <string.h>

#include "ds_reader.h"


/* what resolvers call "available at" is whole seconds; one spare */
#define DS_AVAILABLE_SLACK  500


struct ds_reader_s {
    ds_reader_conf_t   conf;
    ds_media_t         media;
    ds_input_t        *in;
    int64_t            start;           /* ms; 0 when it cannot be sought in */
};


static int ds_reader_resolve(ds_reader_t *r, ds_error_t *err);
static int ds_reader_available(ds_reader_t *r, ds_error_t *err);


ds_reader_t *
ds_reader_open(const ds_reader_conf_t *conf, ds_error_t *err)
{
    ds_error_t    seek;
    ds_reader_t  *r;

    r = calloc(1, sizeof(ds_reader_t));
    if (r == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    r->conf = *conf;

    if (ds_reader_resolve(r, err) != DS_OK
        || ds_reader_available(r, err) != DS_OK)
    {
        goto failed;
    }

    r->in = ds_input_open(ds_conf(conf->ds), &r->media, conf->cancel, err);
    if (r->in == NULL) {
        goto failed;
    }

    r->start = conf->start;

    if (r->start != 0) {
        ds_error_clear(&seek);

        if (ds_input_seek(r->in, r->start, &seek) != DS_OK) {
            r->start = 0;
        }
    }

    return r;

failed:

    ds_count_fault(conf->counters, err->code);
    ds_reader_close(&r);

    return NULL;
}


static int
ds_reader_resolve(ds_reader_t *r, ds_error_t *err)
{
    int                rc;
    int64_t            began;
    const ds_conf_t   *conf;
    ds_reader_conf_t  *c;

    c = &r->conf;
    conf = ds_conf(c->ds);

    rc = ds_resolver_enter(c->ds, c->cancel, err);
    if (rc != DS_OK) {
        return rc;
    }

    began = ds_monotonic();

    if (c->entry == NULL) {
        rc = ds_resolve_first(conf, c->playlist, c->cancel, &r->media, err);
    } else {
        rc = ds_resolve_item(conf, c->entry, c->cancel, &r->media, err);
    }

    ds_resolver_leave(c->ds);

    if (c->counters != NULL && (c->entry == NULL || !c->entry->plain)) {
        (void) atomic_fetch_add(&c->counters->resolves, 1);
        (void) atomic_fetch_add(&c->counters->resolve_time,
                                ds_monotonic() - began);
    }

    return rc;
}


static int
ds_reader_available(ds_reader_t *r, ds_error_t *err)
{
    int64_t      at, wait;
    unsigned     i;
    ds_media_t  *m;

    m = &r->media;
    at = 0;

    for (i = 0; i < m->nurls; i++) {
        if (m->urls[i].available_at > at) {
            at = m->urls[i].available_at;
        }
    }

    wait = at == 0 ? 0 : at + DS_AVAILABLE_SLACK - ds_now();

    if (wait <= 0) {
        return DS_OK;
    }

    ds_log(r->conf.ds, DS_LOG_INFO, r->conf.stream,
           "media will be available in %lld ms, id: \"%s\"",
           (long long) wait, m->id == NULL ? "" : m->id);

    if (wait > ds_conf(r->conf.ds)->resolve_timeout) {
        return ds_fail(err, DS_ESOURCE_TOO_EARLY,
                       "media is not available for another %lld s",
                       (long long) wait / 1000);
    }

    if (ds_cancel_wait(r->conf.cancel, wait)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    return DS_OK;
}


const ds_media_t *
ds_reader_media(ds_reader_t *r)
{
    return &r->media;
}


ds_input_t *
ds_reader_input(ds_reader_t *r)
{
    return r->in;
}


int64_t
ds_reader_start(ds_reader_t *r)
{
    return r->start;
}


int
ds_reader_read(ds_reader_t *r, AVPacket *pkt, ds_error_t *err)
{
    int       rc;
    uint64_t  before;

    before = ds_input_bytes(r->in);
    rc = ds_input_read(r->in, pkt, err);

    if (r->conf.counters != NULL) {
        (void) atomic_fetch_add(&r->conf.counters->bytes_in,
                                ds_input_bytes(r->in) - before);
    }

    if (rc < 0) {
        ds_count_fault(r->conf.counters, rc);
    }

    return rc;
}


void
ds_reader_close(ds_reader_t **pr)
{
    ds_reader_t  *r;

    r = *pr;
    if (r == NULL) {
        return;
    }

    *pr = NULL;

    ds_input_close(&r->in);
    ds_media_free(&r->media);
    free(r);
}
