
/*
 * ds_reader_again.c: an item that broke is opened again, as near to where it
 * was as its source allows.
 */

#include <string.h>

#include "base/ds_engine.h"
#include "net/ds_refusal.h"
#include "source/ds_reader_in.h"


/*
 * us: packets of a file may be so far from those of the same time; a track
 * that ended long before the other one is not looked for.
 */
#define DS_READER_BACK      3000000
#define DS_READER_APART     10000000

#define DS_READER_WAIT_MIN  200             /* ms */
#define DS_READER_WAIT_MAX  5000


static int ds_reader_reopen(ds_reader_t *r, ds_error_t *err);
static bool ds_reader_place(ds_reader_t *r, ds_input_t *in);


bool
ds_reader_again(ds_reader_t *r, ds_error_t *err)
{
    int64_t           wait, left;
    const ds_conf_t  *conf;

    conf = &r->conf.ds->conf;

    do {
        if (ds_refusal_is(err->code)) {
            if (ds_link_mend(&r->link, ds_reader_bytes(r), err) != DS_OK) {
                return false;
            }

            wait = 0;

        } else {
            if (!ds_reader_transient(err->code)) {
                return false;
            }

            wait = r->attempts == 0 ? 0
                   : DS_READER_WAIT_MIN << (r->attempts > 5 ? 5
                                            : r->attempts - 1);
            wait = wait > DS_READER_WAIT_MAX ? DS_READER_WAIT_MAX : wait;

            left = r->broken + r->link.excused
                   + 3 * (int64_t) conf->source_timeout - ds_monotonic();

            if (left <= wait) {
                return false;
            }

            ds_reader_mending(r, err, "with the item opened again", wait);
        }

        if (wait > 0 && ds_cancel_wait(r->conf.cancel, wait)) {
            (void) ds_fail(err, DS_ECANCELED, "canceled");
            return false;
        }

        r->attempts++;

    } while (ds_reader_reopen(r, err) != DS_OK);

    return true;
}


bool
ds_reader_transient(int code)
{
    switch (code) {

    case DS_ESOURCE_DNS:
    case DS_ESOURCE_REFUSED:
    case DS_ESOURCE_TLS:
    case DS_ESOURCE_TIMEOUT:
    case DS_ESOURCE_HTTP:
    case DS_ESOURCE_CUT:
    case DS_ESOURCE_STALLED:
    case DS_ESOURCE_FAILED:
    case DS_ESOURCE_RATE_LIMITED:
    case DS_ERESOLVER_NETWORK:
    case DS_ERESOLVER_TIMEOUT:
        return true;

    default:
        return false;
    }
}


static int
ds_reader_reopen(ds_reader_t *r, ds_error_t *err)
{
    int          i;
    bool         live;
    ds_input_t  *in;

    in = ds_input_open_hooked(&r->conf.ds->conf, &r->link.media, r->hooks,
                              r->conf.cancel, err);
    if (in == NULL) {
        return err->code;
    }

    live = r->link.media.live || ds_input_live(r->in);
    r->noseek |= ds_input_jumped(r->in);
    r->sought = 0;

    if (!live && !r->noseek && !ds_reader_place(r, in)) {
        ds_input_close(&in);
        r->noseek = true;
        r->sought = 0;

        in = ds_input_open_hooked(&r->conf.ds->conf, &r->link.media,
                                  r->hooks, r->conf.cancel, err);
        if (in == NULL) {
            return err->code;
        }
    }

    if (ds_reader_compare(r, in, err) != DS_OK) {
        ds_input_close(&in);
        return err->code;
    }

    r->bytes += ds_input_bytes(r->in);
    r->counted = 0;

    ds_input_close(&r->in);
    r->in = in;

    r->edge = live;
    r->overlap = false;
    r->dropping = ds_monotonic();

    for (i = 0; i < 2; i++) {
        r->tracks[i].seen = false;
    }

    return DS_OK;
}


int
ds_reader_compare(ds_reader_t *r, ds_input_t *in, ds_error_t *err)
{
    int                       i;
    ds_reader_track_t        *t;
    const AVCodecParameters  *par;

    for (i = 0; i < 2; i++) {
        t = &r->tracks[i];
        par = ds_input_codecpar(in, i);

        if (r->attempts != 0
            && ((par == NULL) != (t->par == NULL)
                || (par != NULL && par->codec_id != t->par->codec_id)))
        {
            return ds_fail(err, DS_ESOURCE_INVALID,
                           "source has other codecs than before");
        }
    }

    for (i = 0; i < 2; i++) {
        t = &r->tracks[i];
        par = ds_input_codecpar(in, i);

        if (par == NULL) {
            continue;
        }

        if (t->par == NULL) {
            t->par = avcodec_parameters_alloc();
            if (t->par == NULL) {
                return ds_fail(err, DS_ENOMEM, "no memory");
            }

        } else if (par->extradata_size != t->par->extradata_size
                   || (par->extradata_size > 0
                       && memcmp(par->extradata, t->par->extradata,
                                 par->extradata_size) != 0))
        {
            t->changed = true;
            t->renewed = true;
        }

        if (avcodec_parameters_copy(t->par, par) < 0) {
            return ds_fail(err, DS_ENOMEM, "no memory");
        }
    }

    return DS_OK;
}


/* seeks to where packets were read before; false: reading has moved */

static bool
ds_reader_place(ds_reader_t *r, ds_input_t *in)
{
    int64_t             us, least, most;
    ds_error_t          err;
    ds_reader_track_t  *v, *a;

    v = &r->tracks[DS_VIDEO];
    a = &r->tracks[DS_AUDIO];

    if (!v->given && !a->given) {
        return r->start == 0
               || ds_input_seek(in, r->start, &err) == DS_OK;
    }

    most = (!a->given || (v->given && v->last > a->last)) ? v->last : a->last;
    least = (!a->given || (v->given && v->last < a->last)) ? v->last : a->last;

    us = least - DS_READER_BACK;

    if (us < most - DS_READER_APART) {
        us = most - DS_READER_APART;
    }

    /* so near to the start there is nothing to be won */

    if (us <= 0) {
        return true;
    }

    r->sought = us;

    return ds_input_resume(in, us);
}
