
/*
 * ds_fetch.c: fetches the URLs that an entry has itself: a file byte by byte,
 * going on where an earlier attempt stopped, a list of segments as packets.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/ds_codec.h"
#include "source/ds_fetch.h"
#include "net/ds_http.h"
#include "media/ds_input.h"
#include "resolve/ds_list.h"
#include "source/ds_mux.h"


#define DS_FETCH_BLOCK    (64 * 1024)

/* what begins a list of segments */
#define DS_FETCH_SEGMENTS "#EXTM3U"

/* ms between two measurements of the speed */
#define DS_FETCH_TICK     1000


typedef struct {
    const ds_fetch_conf_t  *fc;
    ds_fetch_rate_t         rate;
    uint64_t                before;     /* bytes of the files before this */
    int                     fd;
    uint64_t                size;       /* of this one, so far */
    bool                    segments;   /* it is a list of them */
    char                   *buf;        /* of two blocks */
} ds_fetch_t;


static int ds_fetch_url(ds_fetch_t *f, unsigned n, const char *url,
    ds_error_t *err);
static ds_http_t *ds_fetch_open(ds_fetch_t *f, const char *url,
    ds_error_t *err);
static ds_http_t *ds_fetch_request(ds_fetch_t *f, const char *url,
    int64_t offset, ds_error_t *err);
static int ds_fetch_overlap(ds_fetch_t *f, ds_http_t *h, ds_error_t *err);
static int ds_fetch_bytes(ds_fetch_t *f, ds_http_t *h, ds_error_t *err);
static int ds_fetch_write(ds_fetch_t *f, size_t n, ds_error_t *err);
static int ds_fetch_segments(ds_fetch_t *f, const char *url,
    ds_error_t *err);
static int ds_fetch_packets(ds_fetch_t *f, ds_input_t *in, ds_mux_t *m,
    ds_error_t *err);


int
ds_fetch(const ds_fetch_conf_t *fc, ds_error_t *err)
{
    int                rc;
    ds_fetch_t         f;
    const ds_entry_t  *e;

    e = fc->entry;

    atomic_store(&fc->progress->left, -1);

    if (e->code != DS_OK) {
        return ds_fail(err, e->code, "%s", e->reason);
    }

    if (!e->plain) {
        return ds_fetch_child(fc, err);
    }

    memset(&f, 0, sizeof(ds_fetch_t));
    f.fc = fc;
    f.fd = -1;

    f.buf = malloc(2 * DS_FETCH_BLOCK);
    if (f.buf == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    rc = ds_fetch_url(&f, 0, e->url, err);

    if (rc == DS_OK && f.segments) {
        rc = e->audio_url == NULL
             ? ds_fetch_segments(&f, e->url, err)
             : ds_fail(err, DS_EITEM_FORMAT,
                       "two lists of segments cannot be fetched");

    } else if (rc == DS_OK && e->audio_url != NULL) {
        f.before = f.size;
        rc = ds_fetch_url(&f, 1, e->audio_url, err);

        if (rc == DS_OK && f.segments) {
            rc = ds_fail(err, DS_EITEM_FORMAT,
                         "audio is a list of segments");
        }
    }

    if (rc == DS_OK) {
        ds_keep_set(fc->keep, e->audio_url == NULL ? 1 : 2, -1);
    }

    free(f.buf);

    return rc;
}


bool
ds_fetch_resumable(int code)
{
    switch (code) {

    case DS_ECANCELED:
    case DS_ENOMEM:
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


static int
ds_fetch_url(ds_fetch_t *f, unsigned n, const char *url, ds_error_t *err)
{
    int          rc;
    char        *path;
    ds_http_t   *h;
    struct stat  st;

    path = ds_sprintf("%s/%u", ds_keep_path(f->fc->keep), n);
    if (path == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    f->fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);
    free(path);

    if (f->fd == -1 || fstat(f->fd, &st) == -1) {
        rc = ds_fail(err, DS_ECACHE_FAILED, "open() failed: %s",
                     strerror(errno));
        goto done;
    }

    f->size = st.st_size;

    h = ds_fetch_open(f, url, err);

    if (h == NULL) {
        rc = err->code;
        goto done;
    }

    rc = ds_fetch_bytes(f, h, err);
    ds_http_close(&h);

done:

    if (f->fd != -1) {
        (void) close(f->fd);
        f->fd = -1;
    }

    return rc;
}


/*
 * From where the file ends, if what is before is what the source has there:
 * no other sign of the same resource is given by all servers.
 */

static ds_http_t *
ds_fetch_open(ds_fetch_t *f, const char *url, ds_error_t *err)
{
    int         rc;
    uint64_t    from;
    ds_http_t  *h;

    from = f->size > DS_FETCH_BLOCK ? f->size - DS_FETCH_BLOCK : 0;

    if (f->size != 0) {
        h = ds_fetch_request(f, url, from, err);
        rc = h == NULL ? err->code : ds_fetch_overlap(f, h, err);

        if (rc == DS_OK) {
            return h;
        }

        ds_http_close(&h);

        if (rc == DS_ECANCELED) {
            return NULL;
        }

        if (ftruncate(f->fd, 0) == -1) {
            (void) ds_fail(err, DS_ECACHE_FAILED, "ftruncate() failed: %s",
                           strerror(errno));
            return NULL;
        }

        f->size = 0;
    }

    return ds_fetch_request(f, url, 0, err);
}


static ds_http_t *
ds_fetch_request(ds_fetch_t *f, const char *url, int64_t offset,
    ds_error_t *err)
{
    ds_http_req_t  req;

    memset(&req, 0, sizeof(ds_http_req_t));

    req.url = url;
    req.chunk = ds_list_chunk(url);
    req.offset = offset;

    return ds_http_open(f->fc->conf, &req, f->fc->cancel, err);
}


/* DS_OK: the next byte read is the next one to be written */

static int
ds_fetch_overlap(ds_fetch_t *f, ds_http_t *h, ds_error_t *err)
{
    size_t   want, n;
    ssize_t  rc;

    want = f->size > DS_FETCH_BLOCK ? DS_FETCH_BLOCK : f->size;

    if (pread(f->fd, f->buf, want, f->size - want) != (ssize_t) want) {
        return ds_fail(err, DS_ECACHE_FAILED, "pread() failed");
    }

    for (n = 0; n < want; n += rc) {
        rc = ds_http_read(h, f->buf + DS_FETCH_BLOCK + n, want - n, err);

        if (rc < 0) {
            return rc;
        }

        if (rc == 0) {
            break;
        }
    }

    return n == want && memcmp(f->buf, f->buf + DS_FETCH_BLOCK, n) == 0
           ? DS_OK : ds_fail(err, DS_ESOURCE_CUT, "it is another file now");
}


static int
ds_fetch_bytes(ds_fetch_t *f, ds_http_t *h, ds_error_t *err)
{
    int       rc;
    size_t    fill;
    ssize_t   n;
    int64_t   all;

    fill = 0;

    /* whole blocks: a write for what each packet brings would be many */

    do {
        n = ds_http_read(h, f->buf + fill, DS_FETCH_BLOCK - fill, err);

        fill += n > 0 ? n : 0;

        if (fill == DS_FETCH_BLOCK || n <= 0) {

            if (f->size == 0 && fill > sizeof(DS_FETCH_SEGMENTS)
                && memcmp(f->buf, DS_FETCH_SEGMENTS,
                          sizeof(DS_FETCH_SEGMENTS) - 1) == 0)
            {
                f->segments = true;
                return DS_OK;
            }

            rc = ds_fetch_write(f, fill, err);
            if (rc != DS_OK) {
                return rc;
            }

            fill = 0;
            all = ds_http_size(h);
            ds_fetch_progress(f->fc, &f->rate, f->before + f->size,
                              all == -1 ? 0 : f->before + all);
        }

    } while (n > 0);

    if (n < 0) {
        return n;
    }

    return f->size != 0 ? DS_OK
                        : ds_fail(err, DS_ESOURCE_INVALID, "nothing in it");
}


static int
ds_fetch_write(ds_fetch_t *f, size_t n, ds_error_t *err)
{
    int      rc;
    size_t   done;
    ssize_t  written;

    if (n == 0) {
        return DS_OK;
    }

    rc = ds_keep_grown(f->fc->keep, f->before + f->size + n, err);
    if (rc != DS_OK) {
        return rc;
    }

    for (done = 0; done < n; done += written) {
        written = pwrite(f->fd, f->buf + done, n - done, f->size + done);

        if (written <= 0) {
            return ds_fail(err, errno == ENOSPC || errno == EDQUOT
                           ? DS_ECACHE_FULL : DS_ECACHE_FAILED,
                           "pwrite() failed: %s", strerror(errno));
        }
    }

    f->size += n;

    return DS_OK;
}


/* what is not to be copied from one container to another plays direct */

static int
ds_fetch_segments(ds_fetch_t *f, const char *url, ds_error_t *err)
{
    int                       rc, last;
    ds_mux_t                 *m;
    ds_media_t                media;
    ds_input_t               *in;
    const AVCodecParameters  *video, *audio;

    memset(&media, 0, sizeof(ds_media_t));
    media.duration = -1;
    media.nurls = 1;
    media.urls[0].url = (char *) url;

    in = ds_input_open(f->fc->conf, &media, f->fc->cancel, err);
    if (in == NULL) {
        return err->code;
    }

    m = NULL;
    video = ds_input_codecpar(in, DS_VIDEO);
    audio = ds_input_codecpar(in, DS_AUDIO);

    if (ds_input_duration(in) == -1) {
        rc = ds_fail(err, DS_EITEM_LIVE, "a list without an end");

    } else if (video == NULL || video->codec_id != AV_CODEC_ID_H264) {
        rc = ds_fail(err, DS_ECODEC_VIDEO, "only H.264 can be fetched so");

    } else if (audio == NULL || audio->codec_id != AV_CODEC_ID_AAC) {
        rc = ds_fail(err, DS_ECODEC_AUDIO, "only AAC can be fetched so");

    } else {
        m = ds_mux_open(f->fc->keep, video, audio, err);
        rc = m == NULL ? err->code : ds_fetch_packets(f, in, m, err);
    }

    if (m != NULL) {
        last = ds_mux_close(&m, rc == DS_OK ? err : NULL);
        rc = rc == DS_OK ? last : rc;
    }

    ds_input_close(&in);

    return rc;
}


static int
ds_fetch_packets(ds_fetch_t *f, ds_input_t *in, ds_mux_t *m, ds_error_t *err)
{
    int        rc, wrote;
    int64_t    end;
    uint64_t   bytes;
    AVPacket  *pkt;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    while ((rc = ds_input_read(in, pkt, err)) == 1) {
        end = pkt->pts / 1000;
        wrote = ds_mux_write(m, pkt, err);
        av_packet_unref(pkt);

        if (wrote != DS_OK) {
            rc = wrote;
            break;
        }

        bytes = ds_input_bytes(in);
        ds_fetch_progress(f->fc, &f->rate, bytes, end <= 0 ? 0
                          : (uint64_t) ((double) bytes / end
                                        * ds_input_duration(in)));
    }

    av_packet_free(&pkt);

    return rc;
}


void
ds_fetch_progress(const ds_fetch_conf_t *fc, ds_fetch_rate_t *r,
    uint64_t bytes, uint64_t total)
{
    int64_t               now;
    uint64_t              speed, before;
    ds_fetch_progress_t  *p;

    p = fc->progress;
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
