
/*
 * ds_fetch.c: an item from its source into a file, packet by packet: what
 * mends a source that plays, mends one that is fetched.
 */

#include <stdlib.h>

#include "base/ds_engine.h"
#include "media/ds_input.h"
#include "media/ds_params.h"
#include "source/ds_fetch.h"
#include "source/ds_mux.h"
#include "source/ds_reader.h"


/* ms between two measurements of the speed */
#define DS_FETCH_TICK     1000


/* "bytes" were there at "at", monotonic ms, 0: not begun */

typedef struct {
    int64_t    at;
    uint64_t   bytes;
} ds_fetch_rate_t;


static int ds_fetch_check(ds_reader_t *r, ds_error_t *err);
static int ds_fetch_codecs(const AVCodecParameters *video,
    const AVCodecParameters *audio, ds_error_t *err);
static int ds_fetch_packets(ds_reader_t *r, ds_mux_t *m,
    ds_fetch_progress_t *p, ds_error_t *err);
static void ds_fetch_progress(ds_fetch_progress_t *p, ds_fetch_rate_t *r,
    uint64_t bytes, uint64_t total);


int
ds_fetch(const ds_link_conf_t *conf, ds_keep_t *keep,
    ds_fetch_progress_t *progress, ds_error_t *err)
{
    int              rc, last;
    int64_t          left;
    ds_mux_t        *m;
    ds_input_t      *in;
    ds_reader_t     *r;
    ds_link_conf_t   own;

    atomic_store(&progress->left, -1);

    own = *conf;
    own.kept = NULL;
    own.counters = NULL;

    left = ds_mux_left(keep);
    own.start = left == 0 ? 0 : left - DS_MUX_SHIFT;

    r = ds_reader_open(&own, err);
    if (r == NULL) {
        return err->code;
    }

    m = NULL;
    rc = ds_fetch_check(r, err);

    if (rc == DS_OK) {
        in = ds_reader_input(r);

        m = ds_mux_open(keep, ds_input_codecpar(in, DS_VIDEO),
                        ds_input_codecpar(in, DS_AUDIO),
                        ds_input_duration(in), left, err);

        if (m != NULL && left != 0) {
            ds_log(conf->ds, DS_LOG_INFO, conf->stream,
                   "fetch goes on at %lld ms", (long long) left);
        }

        rc = m == NULL ? err->code : ds_fetch_packets(r, m, progress, err);
    }

    if (m != NULL) {
        last = ds_mux_close(&m, rc == DS_OK, rc == DS_OK ? err : NULL);
        rc = rc == DS_OK ? last : rc;
    }

    ds_reader_close(&r);

    return rc;
}


bool
ds_fetch_resumable(int code)
{
    switch (code) {

    case DS_ECANCELED:
    case DS_ENOMEM:
    case DS_EINTERNAL:
    case DS_ERESOLVER_FAILED:
    case DS_ERESOLVER_TIMEOUT:
    case DS_ERESOLVER_RATE_LIMITED:
    case DS_ERESOLVER_NETWORK:
        return true;

    case DS_ESOURCE_DENIED:
    case DS_ESOURCE_INVALID:
    case DS_ESOURCE_NOT_FOUND:
        return false;

    default:
        return code > DS_ESOURCE_DENIED && code < DS_ESOURCE_INVALID;
    }
}


/* what is not to be copied from one container to another plays direct */

static int
ds_fetch_check(ds_reader_t *r, ds_error_t *err)
{
    ds_input_t  *in;

    in = ds_reader_input(r);

    if (ds_reader_media(r)->live || !ds_input_ends(in)) {
        return ds_fail(err, DS_EITEM_LIVE, "it has no end that is known");
    }

    return ds_fetch_codecs(ds_input_codecpar(in, DS_VIDEO),
                           ds_input_codecpar(in, DS_AUDIO), err);
}


static int
ds_fetch_codecs(const AVCodecParameters *video, const AVCodecParameters *audio,
    ds_error_t *err)
{
    if (video == NULL || video->codec_id != AV_CODEC_ID_H264) {
        return ds_fail(err, DS_ECODEC_VIDEO, "only H.264 can be fetched");
    }

    if (audio == NULL || audio->codec_id != AV_CODEC_ID_AAC) {
        return ds_fail(err, DS_ECODEC_AUDIO, "only AAC can be fetched");
    }

    return DS_OK;
}


static int
ds_fetch_packets(ds_reader_t *r, ds_mux_t *m, ds_fetch_progress_t *p,
    ds_error_t *err)
{
    int                       rc, wrote;
    AVPacket                 *pkt;
    ds_input_t               *in;
    ds_fetch_rate_t           rate;
    const AVCodecParameters  *par[2];

    rate.at = 0;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    while ((rc = ds_reader_read(r, pkt, err)) == 1) {
        in = ds_reader_input(r);
        par[DS_VIDEO] = ds_input_codecpar(in, DS_VIDEO);
        par[DS_AUDIO] = ds_input_codecpar(in, DS_AUDIO);
        wrote = DS_OK;

        if (ds_params_of(pkt) != NULL) {
            par[pkt->stream_index] = ds_params_of(pkt);
            wrote = ds_fetch_codecs(par[DS_VIDEO], par[DS_AUDIO], err);
        }

        if (wrote == DS_OK) {
            wrote = ds_mux_write(m, pkt, err);
        }

        av_packet_unref(pkt);

        if (wrote != DS_OK) {
            rc = wrote;
            break;
        }

        ds_fetch_progress(p, &rate, ds_mux_size(m), ds_mux_total(m));
    }

    if (rc == DS_OK) {
        ds_fetch_progress(p, &rate, ds_mux_size(m), ds_mux_size(m));
    }

    av_packet_free(&pkt);

    return rc;
}


static void
ds_fetch_progress(ds_fetch_progress_t *p, ds_fetch_rate_t *r, uint64_t bytes,
    uint64_t total)
{
    int64_t   now;
    uint64_t  speed, before;

    now = ds_monotonic();

    atomic_store(&p->bytes, bytes);
    atomic_store(&p->total, total < bytes && total != 0 ? bytes : total);

    if (r->at == 0 || bytes < r->bytes) {
        r->at = now;
        r->bytes = bytes;
        return;
    }

    if (now - r->at < DS_FETCH_TICK) {
        return;
    }

    speed = (bytes - r->bytes) * 1000 / (now - r->at);
    before = atomic_load(&p->speed);
    speed = before == 0 ? speed : (before * 3 + speed) / 4;

    r->at = now;
    r->bytes = bytes;

    atomic_store(&p->speed, speed);
    atomic_store(&p->left, speed == 0 || total < bytes
                 ? -1 : (int64_t) ((total - bytes) * 1000 / speed));
}
