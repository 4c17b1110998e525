
/*
 * ds_flv.c: writes FLV's tags as RTMP messages.  Knows the framing of H.264
 * and of AAC, nothing of time lines and sessions.
 */

#define _GNU_SOURCE

#include <string.h>

#include "rtmp/ds_amf.h"
#include "rtmp/ds_flv.h"


#define DS_FLV_H264    7            /* codecs */
#define DS_FLV_AAC     10

#define DS_FLV_KEY     0x10         /* kinds of frames */
#define DS_FLV_INTER   0x20

#define DS_FLV_SOUND   0xaf         /* AAC; what follows is for others */

#define DS_FLV_HEADER  0            /* what is in a tag */
#define DS_FLV_FRAME   1

/* a message's length has 24 bits, and is that of the tag's head as well */
#define DS_FLV_SIZE    (0xffffff - 5)

/* bytes of a header that is converted */
#define DS_FLV_AVCC    16384

#define DS_FLV_SPS     7            /* types of NAL units */
#define DS_FLV_PPS     8


static int ds_flv_avcc(AVCodecParameters *par, ds_error_t *err);
static uint8_t *ds_flv_sets(uint8_t *out, const AVCodecParameters *par,
    int type, unsigned most, unsigned *n);
static int ds_flv_lengths(AVPacket *pkt, ds_error_t *err);
static bool ds_flv_has_lengths(const AVPacket *pkt);
static int ds_flv_no_adts(AVPacket *pkt, ds_error_t *err);
static const uint8_t *ds_flv_nal(const uint8_t **p, const uint8_t *end,
    size_t *len);
static const uint8_t *ds_flv_code(const uint8_t *p, const uint8_t *end);
static void ds_flv_number(ds_amf_out_t *amf, const char *name, double n);
static int ds_flv_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp,
    const uint8_t *head, size_t head_len, const uint8_t *body, size_t len,
    ds_error_t *err);


int
ds_flv_prepare_header(AVCodecParameters *par, bool *annexb, ds_error_t *err)
{
    if (par->extradata_size < 2) {
        return ds_fail(err, DS_ESOURCE_INVALID, "%s without a header",
                       avcodec_get_name(par->codec_id));
    }

    if (par->codec_type != AVMEDIA_TYPE_VIDEO) {
        return DS_OK;
    }

    *annexb = par->extradata[0] != 1;

    return *annexb ? ds_flv_avcc(par, err) : DS_OK;
}


static int
ds_flv_avcc(AVCodecParameters *par, ds_error_t *err)
{
    uint8_t   *avcc, *p, *count;
    unsigned   n;

    if (par->extradata_size > DS_FLV_AVCC) {
        return ds_fail(err, DS_ESOURCE_INVALID, "h264 with a header of %d "
                       "bytes", par->extradata_size);
    }

    /* a length is shorter than a start code */

    avcc = av_mallocz(par->extradata_size + 16 + AV_INPUT_BUFFER_PADDING_SIZE);
    if (avcc == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_mallocz() failed");
    }

    p = ds_flv_sets(avcc + 6, par, DS_FLV_SPS, 31, &n);

    if (n == 0) {
        av_free(avcc);
        return ds_fail(err, DS_ESOURCE_INVALID,
                       "h264 without its parameter sets");
    }

    avcc[0] = 1;
    memcpy(avcc + 1, avcc + 9, 3);              /* profile and level */
    avcc[4] = 0xff;                             /* lengths of 4 bytes */
    avcc[5] = 0xe0 | n;

    count = p++;
    p = ds_flv_sets(p, par, DS_FLV_PPS, 255, &n);
    *count = n;

    if (avcc[1] != FF_PROFILE_H264_BASELINE && avcc[1] != FF_PROFILE_H264_MAIN
        && avcc[1] != FF_PROFILE_H264_EXTENDED)
    {
        /* 4:2:0, 8 bit: nothing else comes here */
        memcpy(p, "\xfd\xf8\xf8\0", 4);
        p += 4;
    }

    av_free(par->extradata);
    par->extradata = avcc;
    par->extradata_size = p - avcc;

    return DS_OK;
}


/* the NAL units of a type, each behind two bytes with its length */

static uint8_t *
ds_flv_sets(uint8_t *out, const AVCodecParameters *par, int type,
    unsigned most, unsigned *n)
{
    size_t          len;
    const uint8_t  *p, *end, *nal;

    p = par->extradata;
    end = p + par->extradata_size;
    *n = 0;

    while ((nal = ds_flv_nal(&p, end, &len)) != NULL) {

        /* a profile and a level are in each SPS */

        if (len < (type == DS_FLV_SPS ? 4 : 1) || (nal[0] & 0x1f) != type
            || *n == most)
        {
            continue;
        }

        out = ds_chunk_put(out, len, 2);
        memcpy(out, nal, len);
        out += len;
        (*n)++;
    }

    return out;
}


int
ds_flv_prepare(AVPacket *pkt, bool video, bool annexb, ds_error_t *err)
{
    int  rc;

    if (pkt->size <= 0) {
        return ds_fail(err, DS_ESOURCE_INVALID, "a packet without data");
    }

    rc = !video ? ds_flv_no_adts(pkt, err)
         : annexb ? ds_flv_lengths(pkt, err) : DS_OK;

    if (rc == DS_OK && pkt->size > DS_FLV_SIZE) {
        return ds_fail(err, DS_ESOURCE_INVALID, "a packet of %d bytes",
                       pkt->size);
    }

    return rc;
}


static int
ds_flv_lengths(AVPacket *pkt, ds_error_t *err)
{
    size_t          len, size;
    uint8_t        *out;
    AVBufferRef    *buf;
    const uint8_t  *p, *end, *nal;

    end = pkt->data + pkt->size;

    /* whatever its header says */

    if (ds_flv_has_lengths(pkt)) {
        return DS_OK;
    }

    size = 0;

    for (p = pkt->data; (nal = ds_flv_nal(&p, end, &len)) != NULL; /**/) {
        size += len != 0 ? 4 + len : 0;
    }

    if (size == 0 || size > DS_FLV_SIZE) {
        return ds_fail(err, DS_ESOURCE_INVALID,
                       "an h264 packet of %zu bytes in NAL units", size);
    }

    buf = av_buffer_allocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    if (buf == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_buffer_allocz() failed");
    }

    out = buf->data;

    for (p = pkt->data; (nal = ds_flv_nal(&p, end, &len)) != NULL; /**/) {

        if (len != 0) {
            out = ds_chunk_put(out, len, 4);
            memcpy(out, nal, len);
            out += len;
        }
    }

    av_buffer_unref(&pkt->buf);

    pkt->buf = buf;
    pkt->data = buf->data;
    pkt->size = size;

    return DS_OK;
}


/* not with a start code, and lengths up to its end */

static bool
ds_flv_has_lengths(const AVPacket *pkt)
{
    size_t          len;
    const uint8_t  *p, *end;

    p = pkt->data;
    end = p + pkt->size;

    if (pkt->size < 4 || (p[0] == 0 && p[1] == 0
                          && (p[2] == 1 || (p[2] == 0 && p[3] <= 1))))
    {
        return false;
    }

    while (end - p > 4) {
        len = ds_chunk_be(p, 4);
        p += 4;

        if (len > (size_t) (end - p)) {
            return false;
        }

        p += len;
    }

    return p == end;
}


/* no frame of AAC alone begins with the end of one, which these bits are */

static int
ds_flv_no_adts(AVPacket *pkt, ds_error_t *err)
{
    int       head, size;
    uint8_t  *p;

    p = pkt->data;

    if (pkt->size < 2 || p[0] != 0xff || (p[1] & 0xf6) != 0xf0) {
        return DS_OK;
    }

    head = (p[1] & 1) ? 7 : 9;
    size = pkt->size > head ? (p[3] & 3) << 11 | p[4] << 3 | p[5] >> 5 : 0;

    if (size != pkt->size) {
        return ds_fail(err, DS_ESOURCE_INVALID,
                       "an aac packet with a broken header");
    }

    pkt->data += head;
    pkt->size -= head;

    return DS_OK;
}


/* the next NAL unit of Annex B; *p is behind it then; NULL: no more */

static const uint8_t *
ds_flv_nal(const uint8_t **p, const uint8_t *end, size_t *len)
{
    const uint8_t  *nal, *next;

    nal = ds_flv_code(*p, end);
    if (nal == end) {
        return NULL;
    }

    nal += 3;
    next = ds_flv_code(nal, end);
    *p = next;

    /* zeros behind it are not its own */

    while (next != nal && next[-1] == 0) {
        next--;
    }

    *len = next - nal;

    return nal;
}


static const uint8_t *
ds_flv_code(const uint8_t *p, const uint8_t *end)
{
    p = memmem(p, end - p, "\0\0\1", 3);

    return p != NULL ? p : end;
}


int
ds_flv_write_meta(ds_rtmp_t *r, uint32_t timestamp,
    const AVCodecParameters *video, double rate,
    const AVCodecParameters *audio, ds_error_t *err)
{
    uint8_t       body[512];
    ds_amf_out_t  amf = { body, body + sizeof(body), false };

    /* a server keeps the metadata that this command precedes */

    ds_amf_string(&amf, "@setDataFrame");
    ds_amf_string(&amf, "onMetaData");

    ds_amf_array(&amf, rate > 0 ? 12 : 11);
    ds_flv_number(&amf, "width", video->width);
    ds_flv_number(&amf, "height", video->height);

    if (rate > 0) {
        ds_flv_number(&amf, "framerate", rate);
    }

    ds_flv_number(&amf, "videodatarate", video->bit_rate / 1024.0);
    ds_flv_number(&amf, "videocodecid", DS_FLV_H264);
    ds_flv_number(&amf, "audiodatarate", audio->bit_rate / 1024.0);
    ds_flv_number(&amf, "audiosamplerate", audio->sample_rate);
    ds_flv_number(&amf, "audiosamplesize", 16);
    ds_flv_number(&amf, "audiochannels", audio->ch_layout.nb_channels);
    ds_amf_name(&amf, "stereo");
    ds_amf_boolean(&amf, audio->ch_layout.nb_channels == 2);
    ds_flv_number(&amf, "audiocodecid", DS_FLV_AAC);
    ds_amf_field(&amf, "encoder", "directstream");
    ds_amf_end(&amf);

    return ds_flv_message(r, DS_RTMP_DATA, timestamp, body, amf.pos - body,
                          NULL, 0, err);
}


static void
ds_flv_number(ds_amf_out_t *amf, const char *name, double n)
{
    ds_amf_name(amf, name);
    ds_amf_number(amf, n);
}


int
ds_flv_write_header(ds_rtmp_t *r, uint32_t timestamp,
    const AVCodecParameters *par, ds_error_t *err)
{
    static const uint8_t  video[] = { DS_FLV_KEY | DS_FLV_H264,
                                      DS_FLV_HEADER, 0, 0, 0 };
    static const uint8_t  audio[] = { DS_FLV_SOUND, DS_FLV_HEADER };

    if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
        return ds_flv_message(r, DS_RTMP_VIDEO, timestamp, video,
                              sizeof(video), par->extradata,
                              par->extradata_size, err);
    }

    return ds_flv_message(r, DS_RTMP_AUDIO, timestamp, audio, sizeof(audio),
                          par->extradata, par->extradata_size, err);
}


int
ds_flv_write(ds_rtmp_t *r, uint32_t timestamp, uint32_t shown,
    const AVPacket *pkt, bool video, ds_error_t *err)
{
    uint8_t  head[5];

    if (!video) {
        head[0] = DS_FLV_SOUND;
        head[1] = DS_FLV_FRAME;

        return ds_flv_message(r, DS_RTMP_AUDIO, timestamp, head, 2, pkt->data,
                              pkt->size, err);
    }

    head[0] = DS_FLV_H264 | ((pkt->flags & AV_PKT_FLAG_KEY) ? DS_FLV_KEY
                                                            : DS_FLV_INTER);
    head[1] = DS_FLV_FRAME;
    (void) ds_chunk_put(head + 2, shown, 3);

    return ds_flv_message(r, DS_RTMP_VIDEO, timestamp, head, 5, pkt->data,
                          pkt->size, err);
}


/* "body" may be NULL */

static int
ds_flv_message(ds_rtmp_t *r, uint8_t type, uint32_t timestamp,
    const uint8_t *head, size_t head_len, const uint8_t *body, size_t len,
    ds_error_t *err)
{
    int  rc;

    rc = ds_rtmp_message(r, type, timestamp, head_len + len, err);

    if (rc == DS_OK) {
        rc = ds_rtmp_write(r, head, head_len, err);
    }

    if (rc == DS_OK && body != NULL) {
        rc = ds_rtmp_write(r, body, len, err);
    }

    return rc;
}
