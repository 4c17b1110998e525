
/*
 * ds_http_again.c: what is done when bytes stop: wait and ask again at the
 * same byte, or ask for another URL.  Knows nothing of where URLs come from.
 */

#include <stdlib.h>
#include <string.h>

#include "net/ds_http_head.h"
#include "net/ds_refusal.h"


#define DS_HTTP_WAIT_MIN  200               /* ms */
#define DS_HTTP_WAIT_MAX  5000
#define DS_HTTP_HOLDS     3                 /* 429 in a row */
#define DS_HTTP_PROGRESS  (16 * 1024)       /* bytes that make a new start */


static bool ds_http_transient(ds_http_t *h);
static bool ds_http_held(ds_http_t *h);
static int ds_http_renew(ds_http_t *h, ds_error_t *err);


bool
ds_http_again(ds_http_t *h)
{
    int64_t  now, wait;

    /* without ranges there is no going on at a byte */

    if (h->changed || (h->known && !h->seekable)) {
        return false;
    }

    if (ds_refusal_is(h->error.code)) {
        return ds_http_renew(h, &h->error) == DS_OK;
    }

    if (h->error.code == DS_ESOURCE_RATE_LIMITED) {
        return ds_http_held(h);
    }

    if (!ds_http_transient(h)) {
        return false;
    }

    if (llabs(h->have - h->resumed) > DS_HTTP_PROGRESS) {
        h->resumes = 0;
    }

    now = ds_monotonic();
    wait = 0;

    if (h->resumes > 0) {
        wait = DS_HTTP_WAIT_MIN << (h->resumes > 5 ? 5 : h->resumes - 1);
        wait = (wait > DS_HTTP_WAIT_MAX) ? DS_HTTP_WAIT_MAX : wait;
    }

    if (h->broken == 0) {
        h->broken = now;

        if (h->error.code == DS_ESOURCE_TIMEOUT
            || h->error.code == DS_ESOURCE_STALLED)
        {
            h->broken -= h->conf->source_timeout;
        }
    }

    if (now + wait - h->broken >= 3 * (int64_t) h->conf->source_timeout) {
        return false;
    }

    if (h->hooks != NULL && h->hooks->fault != NULL) {
        h->hooks->fault(h->hooks->data, &h->error, h->want, wait);
    }

    if (wait > 0 && ds_cancel_wait(h->cancel, wait)) {
        (void) ds_fail(&h->error, DS_ECANCELED, "canceled");
        return false;
    }

    h->resumes++;
    h->resumed = h->have;
    ds_error_clear(&h->error);

    return true;
}


/* errors that another attempt may not see */

static bool
ds_http_transient(ds_http_t *h)
{
    switch (h->error.code) {

    case DS_ESOURCE_CUT:
    case DS_ESOURCE_REFUSED:
    case DS_ESOURCE_DNS:
    case DS_ESOURCE_TLS:
    case DS_ESOURCE_TIMEOUT:
    case DS_ESOURCE_STALLED:
        return true;

    case DS_ESOURCE_HTTP:
        return h->status == 500 || h->status == 502 || h->status == 503
               || h->status == 504;

    default:
        return false;
    }
}


/* the host is left alone by all; the wait itself is before the request */

static bool
ds_http_held(ds_http_t *h)
{
    int64_t  wait;

    if (h->hooks == NULL || h->hooks->hold == NULL
        || h->holds == DS_HTTP_HOLDS)
    {
        return false;
    }

    h->holds++;
    h->broken = 0;

    wait = ds_hold_add(h->hooks->hold, h->host, h->retry_after);

    if (h->hooks->fault != NULL) {
        h->hooks->fault(h->hooks->data, &h->error, h->want, wait);
    }

    ds_error_clear(&h->error);

    return true;
}


void
ds_http_refresh(ds_http_t *h)
{
    ds_error_t  err;

    if (h->renew_at == 0 || !h->known || ds_now() < h->renew_at) {
        return;
    }

    ds_error_clear(&err);

    /* the old one may still serve; if not, its refusal is the next thing */

    h->renew_at = 0;
    (void) ds_http_renew(h, &err);
}


static int
ds_http_renew(ds_http_t *h, ds_error_t *err)
{
    int            rc;
    bool           file;
    ds_http_req_t  req;

    if (h->hooks == NULL || h->hooks->renew == NULL) {
        return err->code != DS_OK ? err->code : DS_ESOURCE_FAILED;
    }

    memset(&req, 0, sizeof(req));
    req.resolved_at = h->resolved_at;

    rc = h->hooks->renew(h->hooks->data, &req, err);

    if (rc == DS_OK) {
        rc = ds_http_target(h, &req, &file, err);

        if (rc == DS_OK && file) {
            rc = ds_fail(err, DS_ESOURCE_DENIED, "source became a file");
        }
    }

    if (rc == DS_OK) {
        h->broken = 0;
        ds_error_clear(err);
    }

    return rc;
}
