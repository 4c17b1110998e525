
/*
 * ds_canary.c: resolves and reads an item past its first megabyte, where sites
 * that want to be rid of a client end it.  Knows no stream; it waits for what
 * is to go on air.
 */

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "base/ds_item.h"
#include "base/ds_job.h"
#include "play/ds_canary.h"
#include "source/ds_reader.h"


/* bytes of media, more than the first MiB */
#define DS_CANARY_BYTES  (1280 * 1024)

/* ms: the first try, and those after one that failed */
#define DS_CANARY_FIRST  1000
#define DS_CANARY_AGAIN  60000


typedef struct {
    ds_job_t       job;
    ds_t          *ds;
    ds_entry_t     entry;
} ds_canary_t;


static void ds_canary_run(void *data);
static int ds_canary_try(ds_canary_t *c, ds_error_t *err);
static void ds_canary_told(ds_canary_t *c, const ds_error_t *err);
static void ds_canary_free(void *data);


int
ds_canary_start(ds_t *ds)
{
    ds_canary_t  *c;

    if (ds->conf.canary == NULL) {
        return DS_OK;
    }

    c = calloc(1, sizeof(ds_canary_t));
    if (c == NULL) {
        return DS_ENOMEM;
    }

    c->ds = ds;
    c->entry.duration = -1;
    ds->resolver.canary = true;

    if (ds_copy(&c->entry.url, ds->conf.canary) != DS_OK
        || ds_job_start_owned(&c->job, ds, "ds-canary", ds_canary_run,
                              ds_canary_free, c)
           != DS_OK)
    {
        ds_canary_free(c);
        return DS_ENOMEM;
    }

    return DS_OK;
}


/* context: its own thread */

static void
ds_canary_run(void *data)
{
    int64_t      wait;
    ds_error_t   err;
    ds_canary_t *c = data;

    wait = DS_CANARY_FIRST;

    while (!ds_cancel_wait(&c->job.cancel, wait)) {
        ds_error_clear(&err);

        if (ds_canary_try(c, &err) == DS_ECANCELED) {
            break;
        }

        ds_canary_told(c, &err);

        wait = c->ds->conf.canary_every;

        if (err.code != DS_OK && wait > DS_CANARY_AGAIN) {
            wait = DS_CANARY_AGAIN;
        }
    }
}


/* context: its own thread */

static int
ds_canary_try(ds_canary_t *c, ds_error_t *err)
{
    int              rc;
    int64_t          bytes;
    AVPacket        *pkt;
    ds_reader_t     *r;
    ds_link_conf_t   conf;

    memset(&conf, 0, sizeof(ds_link_conf_t));

    conf.ds = c->ds;
    conf.stream = "";
    conf.entry = &c->entry;
    conf.behind = true;
    conf.cancel = &c->job.cancel;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    r = ds_reader_open(&conf, err);
    rc = (r == NULL) ? err->code : 1;

    for (bytes = 0; rc == 1 && bytes < DS_CANARY_BYTES; bytes += pkt->size) {
        av_packet_unref(pkt);
        rc = ds_reader_read(r, pkt, err);

        if (rc != 1) {
            break;
        }
    }

    /* a short item has been read to its end */

    if (rc >= 0) {
        ds_error_clear(err);
        rc = DS_OK;
    }

    av_packet_free(&pkt);

    if (r != NULL) {
        ds_reader_close(&r);
    }

    return rc;
}


/* context: its own thread */

static void
ds_canary_told(ds_canary_t *c, const ds_error_t *err)
{
    int                    was;
    ds_resolver_status_t  *st;

    st = &c->ds->resolver;

    (void) pthread_mutex_lock(&c->ds->lock);

    was = st->canary_error.code;
    st->canary_error = *err;
    st->canary_at = ds_now();

    (void) pthread_mutex_unlock(&c->ds->lock);

    ds_wakeup(c->ds);

    if (err->code != DS_OK) {
        ds_log(c->ds, DS_LOG_ERR, NULL, "resolver canary failed: %s: %s",
               ds_error_code(err->code), err->message);

    } else if (was != DS_OK) {
        ds_log(c->ds, DS_LOG_NOTICE, NULL, "resolver canary works again");
    }
}


static void
ds_canary_free(void *data)
{
    ds_canary_t *c = data;

    ds_job_end(&c->job);
    ds_entry_free(&c->entry);
    free(c);
}
