
/*
 * ds_params.c: what packets say of their codec.  Knows H.264's NAL units as
 * far as to find parameter sets; the rest is told by decoders.
 */

#define _GNU_SOURCE

#include <string.h>

#include <libavutil/intreadwrite.h>

#include "media/ds_codec.h"
#include "media/ds_compat.h"
#include "media/ds_params.h"


#define DS_PARAMS_SETS    32            /* in a header */
#define DS_PARAMS_PIXELS  (36 * 1024 * 1024)

#define DS_PARAMS_SLICES  5             /* types of NAL units: to here */
#define DS_PARAMS_SPS     7
#define DS_PARAMS_PPS     8


typedef struct {
    const uint8_t  *p;
    const uint8_t  *end;
    int             lengths;            /* bytes of one, 0: start codes */
} ds_params_nals_t;


typedef struct {
    const uint8_t  *data[DS_PARAMS_SETS];
    size_t          len[DS_PARAMS_SETS];
    unsigned        n;
    size_t          size;               /* of all */
    unsigned        count[2];           /* of SPS, of PPS */
} ds_params_list_t;


static int ds_params_lengths(const AVCodecParameters *par);
static void ds_params_collect(ds_params_list_t *l, const uint8_t *data,
    int size, int lengths);
static void ds_params_collect_avcc(ds_params_list_t *l,
    const AVCodecParameters *par);
static void ds_params_add(ds_params_list_t *l, const uint8_t *nal,
    size_t len);
static bool ds_params_has(const ds_params_list_t *l, const uint8_t *nal,
    size_t len);
static const uint8_t *ds_params_nal(ds_params_nals_t *n, size_t *len);
static const uint8_t *ds_params_code(const uint8_t *p, const uint8_t *end);
static uint8_t *ds_params_write(uint8_t *p, const ds_params_list_t *l,
    int type, bool avcc);
static void ds_params_free(void *data, uint8_t *par);


int
ds_params_sets(AVCodecParameters *par, const AVPacket *pkt)
{
    int                rc;
    bool               changed;
    uint8_t           *data, *p;
    unsigned           i;
    ds_params_list_t   now, old;

    memset(&now, 0, sizeof(now));
    memset(&old, 0, sizeof(old));

    ds_params_collect(&now, pkt->data, pkt->size, ds_params_lengths(par));

    if (now.count[0] == 0 || now.count[1] == 0) {
        return 0;
    }

    ds_params_collect_avcc(&old, par);

    changed = false;

    for (i = 0; i < now.n; i++) {
        changed |= !ds_params_has(&old, now.data[i], now.len[i]);
    }

    if (!changed || now.size > DS_CODEC_HEADER / 2) {
        return 0;
    }

    data = av_malloc(now.size + 4 * now.n + 16);
    if (data == NULL) {
        return DS_ENOMEM;
    }

    p = data;

    if (ds_params_lengths(par) == 0) {
        p = ds_params_write(p, &now, DS_PARAMS_SPS, false);
        p = ds_params_write(p, &now, DS_PARAMS_PPS, false);

    } else {
        *p++ = 1;
        memcpy(p, now.data[0] + 1, 3);      /* profile and level */
        p += 3;
        *p++ = 0xfc | (ds_params_lengths(par) - 1);
        *p++ = 0xe0 | now.count[0];
        p = ds_params_write(p, &now, DS_PARAMS_SPS, true);
        *p++ = now.count[1];
        p = ds_params_write(p, &now, DS_PARAMS_PPS, true);
    }

    rc = ds_params_set_header(par, data, p - data);
    av_free(data);

    return rc == DS_OK ? 1 : rc;
}


/* of the packets that go with this header */

static int
ds_params_lengths(const AVCodecParameters *par)
{
    return par->extradata_size >= 7 && par->extradata[0] == 1
           ? (par->extradata[4] & 3) + 1 : 0;
}


/* sets come before what they are for */

static void
ds_params_collect(ds_params_list_t *l, const uint8_t *data, int size,
    int lengths)
{
    size_t             len;
    const uint8_t     *nal;
    ds_params_nals_t   n = { data, data + size, lengths };

    while ((nal = ds_params_nal(&n, &len)) != NULL) {
        if (len == 0) {
            continue;
        }

        if ((nal[0] & 0x1f) >= 1 && (nal[0] & 0x1f) <= DS_PARAMS_SLICES) {
            return;
        }

        ds_params_add(l, nal, len);
    }
}


static void
ds_params_collect_avcc(ds_params_list_t *l, const AVCodecParameters *par)
{
    int             i, n, type;
    size_t          len;
    const uint8_t  *p, *end;

    if (ds_params_lengths(par) == 0) {
        ds_params_collect(l, par->extradata, par->extradata_size, 0);
        return;
    }

    p = par->extradata + 5;
    end = par->extradata + par->extradata_size;

    for (type = 0; type < 2 && p < end; type++) {
        n = type == 0 ? *p++ & 0x1f : *p++;

        for (i = 0; i < n && end - p > 2; i++) {
            len = AV_RB16(p);
            p += 2;

            if (len == 0 || len > (size_t) (end - p)) {
                return;
            }

            ds_params_add(l, p, len);
            p += len;
        }
    }
}


/* a profile and a level are in each SPS, which come first in the list */

static void
ds_params_add(ds_params_list_t *l, const uint8_t *nal, size_t len)
{
    int       type;
    unsigned  at;

    type = nal[0] & 0x1f;

    if ((type != DS_PARAMS_SPS && type != DS_PARAMS_PPS)
        || (type == DS_PARAMS_SPS && len < 4)
        || len > 0xffff || l->n == DS_PARAMS_SETS - 1
        || ds_params_has(l, nal, len))
    {
        return;
    }

    at = type == DS_PARAMS_SPS ? l->count[0] : l->n;

    memmove(l->data + at + 1, l->data + at, (l->n - at) * sizeof(l->data[0]));
    memmove(l->len + at + 1, l->len + at, (l->n - at) * sizeof(l->len[0]));

    l->data[at] = nal;
    l->len[at] = len;
    l->n++;
    l->count[type == DS_PARAMS_PPS]++;
    l->size += len;
}


static bool
ds_params_has(const ds_params_list_t *l, const uint8_t *nal, size_t len)
{
    unsigned  i;

    for (i = 0; i < l->n; i++) {
        if (l->len[i] == len && memcmp(l->data[i], nal, len) == 0) {
            return true;
        }
    }

    return false;
}


/* NULL: no more */

static const uint8_t *
ds_params_nal(ds_params_nals_t *n, size_t *len)
{
    int             i;
    const uint8_t  *nal, *next;

    if (n->lengths != 0) {
        if (n->end - n->p <= n->lengths) {
            return NULL;
        }

        for (*len = 0, i = 0; i < n->lengths; i++) {
            *len = *len << 8 | *n->p++;
        }

        if (*len > (size_t) (n->end - n->p)) {
            return NULL;
        }

        nal = n->p;
        n->p += *len;

        return nal;
    }

    nal = ds_params_code(n->p, n->end);
    if (nal == n->end) {
        return NULL;
    }

    nal += 3;
    next = ds_params_code(nal, n->end);
    n->p = next;

    /* zeros behind it are not its own */

    while (next != nal && next[-1] == 0) {
        next--;
    }

    *len = next - nal;

    return nal;
}


static const uint8_t *
ds_params_code(const uint8_t *p, const uint8_t *end)
{
    p = p == NULL ? NULL : memmem(p, end - p, "\0\0\1", 3);

    return p != NULL ? p : end;
}


static uint8_t *
ds_params_write(uint8_t *p, const ds_params_list_t *l, int type, bool avcc)
{
    unsigned  i;

    for (i = 0; i < l->n; i++) {
        if ((l->data[i][0] & 0x1f) != type) {
            continue;
        }

        if (avcc) {
            AV_WB16(p, l->len[i]);
            p += 2;

        } else {
            AV_WB32(p, 1);
            p += 4;
        }

        memcpy(p, l->data[i], l->len[i]);
        p += l->len[i];
    }

    return p;
}


bool
ds_params_known(const AVCodecParameters *par)
{
    ds_params_list_t  l;

    if (par->codec_id == AV_CODEC_ID_H264) {
        memset(&l, 0, sizeof(l));
        ds_params_collect_avcc(&l, par);

        return l.count[0] != 0 && l.count[1] != 0 && par->width > 0;
    }

    if (par->codec_id == AV_CODEC_ID_AAC) {
        return par->extradata_size >= 2 && par->sample_rate > 0;
    }

    return par->codec_type == AVMEDIA_TYPE_VIDEO ? par->width > 0
                                                 : par->sample_rate > 0;
}


int
ds_params_set_header(AVCodecParameters *par, const uint8_t *data, size_t size)
{
    uint8_t  *header;

    header = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (header == NULL) {
        return DS_ENOMEM;
    }

    memcpy(header, data, size);

    av_freep(&par->extradata);
    par->extradata = header;
    par->extradata_size = size;

    return DS_OK;
}


int
ds_params_guess(AVCodecParameters *par)
{
    unsigned  i;
    uint8_t   header[2];

    static const int  rates[] = { 96000, 88200, 64000, 48000, 44100, 32000,
                                  24000, 22050, 16000, 12000, 11025, 8000 };

    if (par->sample_rate <= 0) {
        par->sample_rate = 44100;
    }

    if (par->ch_layout.nb_channels < 1 || par->ch_layout.nb_channels > 6) {
        av_channel_layout_uninit(&par->ch_layout);
        av_channel_layout_default(&par->ch_layout, 2);
    }

    for (i = 0; i < 11 && par->sample_rate < rates[i]; i++) { /* void */ }

    /* object type LC, the rate's number, channels, frames of 1024 samples */

    AV_WB16(header, 2 << 11 | i << 7 | par->ch_layout.nb_channels << 3);

    return ds_params_set_header(par, header, sizeof(header));
}


bool
ds_params_probe(AVCodecParameters *par, const AVPacket *pkt)
{
    bool                done;
    AVFrame            *frame;
    const AVCodec      *codec;
    AVCodecContext     *ctx;
    AVCodecParameters  *now;

    codec = avcodec_find_decoder(par->codec_id);
    ctx = codec == NULL ? NULL : avcodec_alloc_context3(codec);
    frame = av_frame_alloc();
    now = avcodec_parameters_alloc();
    done = false;

    if (ctx == NULL || frame == NULL || now == NULL
        || avcodec_parameters_to_context(ctx, par) < 0)
    {
        goto failed;
    }

    ctx->thread_count = 1;
    ctx->max_pixels = DS_PARAMS_PIXELS;
    ctx->pkt_timebase = (AVRational) { 1, 1000000 };

    if (avcodec_open2(ctx, codec, NULL) < 0
        || avcodec_send_packet(ctx, pkt) < 0
        || avcodec_send_packet(ctx, NULL) < 0
        || avcodec_receive_frame(ctx, frame) < 0
        || avcodec_parameters_from_context(now, ctx) < 0)
    {
        goto failed;
    }

    if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
        now->field_order = ds_frame_is_interlaced(frame)
                           ? AV_FIELD_TT : AV_FIELD_PROGRESSIVE;
    }

    now->codec_tag = 0;
    done = avcodec_parameters_copy(par, now) >= 0;

failed:

    avcodec_parameters_free(&now);
    avcodec_free_context(&ctx);
    av_frame_free(&frame);

    return done;
}


bool
ds_params_same(const AVCodecParameters *a, const AVCodecParameters *b)
{
    return a->codec_id == b->codec_id && a->width == b->width
           && a->height == b->height && a->sample_rate == b->sample_rate
           && a->ch_layout.nb_channels == b->ch_layout.nb_channels
           && a->extradata_size == b->extradata_size
           && (a->extradata_size == 0
               || memcmp(a->extradata, b->extradata, a->extradata_size) == 0);
}


int
ds_params_attach(AVPacket *pkt, const AVCodecParameters *par)
{
    AVBufferRef        *ref;
    AVCodecParameters  *copy;

    copy = avcodec_parameters_alloc();
    ref = NULL;

    if (copy != NULL && avcodec_parameters_copy(copy, par) >= 0) {
        ref = av_buffer_create((uint8_t *) copy, sizeof(AVCodecParameters),
                               ds_params_free, NULL, 0);
    }

    if (ref == NULL) {
        avcodec_parameters_free(&copy);
        return DS_ENOMEM;
    }

    av_buffer_unref(&pkt->opaque_ref);
    pkt->opaque_ref = ref;

    return DS_OK;
}


static void
ds_params_free(void *data, uint8_t *par)
{
    AVCodecParameters  *p = (AVCodecParameters *) par;

    (void) data;

    avcodec_parameters_free(&p);
}


const AVCodecParameters *
ds_params_of(const AVPacket *pkt)
{
    return pkt->opaque_ref == NULL
           ? NULL : (const AVCodecParameters *) pkt->opaque_ref->data;
}


void
ds_params_detach(AVPacket *pkt)
{
    av_buffer_unref(&pkt->opaque_ref);
}
