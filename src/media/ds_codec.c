
/*
 * ds_codec.c: what the headers of codecs say: which can be copied to RTMP.
 * Reads an H.264 sequence parameter set and an AudioSpecificConfig as far as
 * it must: libav has no function for it.  Reads no packets, writes silence.
 */

#include <string.h>

#include "media/ds_codec.h"


typedef struct {
    const uint8_t  *p;
    const uint8_t  *last;
    unsigned        bit;                /* of *p, 0: the highest */
    unsigned        zeros;              /* bytes before it */
    bool            over;               /* read past the end */
} ds_codec_bits_t;


static int ds_codec_h264_profile(const AVCodecParameters *par);
static void ds_codec_chroma(ds_codec_bits_t *b);
static void ds_codec_order(ds_codec_bits_t *b);
static unsigned ds_codec_bit(ds_codec_bits_t *b);
static uint32_t ds_codec_ue(ds_codec_bits_t *b);
static uint32_t ds_codec_config(const AVCodecParameters *par);
static void ds_codec_bits(uint8_t *buf, size_t *pos, uint32_t value,
    unsigned n);


int
ds_codec_check_video(AVCodecParameters *par, ds_error_t *err)
{
    int          profile;
    const char  *name;

    if (par->codec_id != AV_CODEC_ID_H264) {
        return ds_fail(err, DS_ECODEC_VIDEO, "video is %s, not h264",
                       avcodec_get_name(par->codec_id));
    }

    if (par->extradata_size > DS_CODEC_HEADER) {
        return ds_fail(err, DS_ECODEC_VIDEO, "video is h264 with a header of "
                       "%d bytes", par->extradata_size);
    }

    profile = ds_codec_h264_profile(par);

    if (profile < 0 || par->width <= 0 || par->height <= 0) {
        return ds_fail(err, DS_ECODEC_VIDEO,
                       "video is h264 without its parameter sets");
    }

    if (par->profile == FF_PROFILE_UNKNOWN) {
        par->profile = profile;
    }

    if (profile != FF_PROFILE_H264_BASELINE
        && profile != FF_PROFILE_H264_MAIN
        && profile != FF_PROFILE_H264_HIGH)
    {
        name = avcodec_profile_name(AV_CODEC_ID_H264, profile);

        return ds_fail(err, DS_ECODEC_VIDEO,
                       "video is h264 of profile %s (%d), not 8 bit 4:2:0",
                       name == NULL ? "unknown" : name, profile);
    }

    return DS_OK;
}


/* profile_idc from an avcC box or from the SPS of an Annex B stream, or -1 */

static int
ds_codec_h264_profile(const AVCodecParameters *par)
{
    int             i;
    const uint8_t  *p;

    p = par->extradata;

    if (p == NULL) {
        return -1;
    }

    /* of "avc3" the sets are in the samples alone, and their number is 0 */

    if (par->extradata_size >= 7 && p[0] == 1) {
        return (p[5] & 0x1f) != 0 ? p[1] : -1;
    }

    for (i = 0; i + 4 < par->extradata_size; i++) {
        if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1
            && (p[i + 3] & 0x1f) == 7)
        {
            return p[i + 4];
        }
    }

    return -1;
}


int
ds_codec_check_audio(const AVCodecParameters *par, ds_error_t *err)
{
    int             type;
    const uint8_t  *p;

    if (par->codec_id != AV_CODEC_ID_AAC) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is %s, not aac",
                       avcodec_get_name(par->codec_id));
    }

    if (par->extradata_size < 2 || par->sample_rate <= 0) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is aac without a header");
    }

    if (par->extradata_size > DS_CODEC_HEADER) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is aac with a header of "
                       "%d bytes", par->extradata_size);
    }

    /* AudioSpecificConfig: its first 5 bits are the object type */

    p = par->extradata;
    type = p[0] >> 3;

    if (type == 31) {
        type = 32 + (((p[0] & 7) << 3) | (p[1] >> 5));
    }

    if (type != 2 && type != 5 && type != 29) {
        return ds_fail(err, DS_ECODEC_AUDIO,
                       "audio is aac of object type %d, not LC or HE", type);
    }

    return DS_OK;
}


bool
ds_codec_progressive(const AVCodecParameters *par)
{
    size_t           len;
    unsigned         profile, frames;
    const uint8_t   *avcc;
    ds_codec_bits_t  b = { 0 };

    /* version, profile…, number of sets, length, NAL header, profile… */

    avcc = par->extradata;

    if (par->extradata_size < 12 || avcc[0] != 1 || (avcc[5] & 0x1f) == 0) {
        return false;
    }

    len = avcc[6] << 8 | avcc[7];

    if (len < 4 || len > (size_t) par->extradata_size - 8) {
        return false;
    }

    profile = avcc[9];

    b.p = avcc + 12;
    b.last = avcc + 8 + len;

    (void) ds_codec_ue(&b);             /* its number */

    /* those that can be copied are 100 */

    if (profile == 100 || profile == 110 || profile == 122 || profile == 244
        || profile == 44)
    {
        ds_codec_chroma(&b);
    }

    (void) ds_codec_ue(&b);             /* bits of a frame's number */
    ds_codec_order(&b);
    (void) ds_codec_ue(&b);             /* reference frames */
    (void) ds_codec_bit(&b);            /* gaps of numbers */
    (void) ds_codec_ue(&b);             /* width */
    (void) ds_codec_ue(&b);             /* height */

    frames = ds_codec_bit(&b);

    return !b.over && frames;
}


/* of the profiles that have it: depth, and matrices of scaling */

static void
ds_codec_chroma(ds_codec_bits_t *b)
{
    int       next;
    unsigned  i, k, n;
    uint32_t  format, delta;

    format = ds_codec_ue(b);

    if (format == 3) {
        (void) ds_codec_bit(b);         /* planes apart */
    }

    (void) ds_codec_ue(b);              /* depth of luma */
    (void) ds_codec_ue(b);              /* and of chroma */
    (void) ds_codec_bit(b);             /* lossless */

    n = ds_codec_bit(b) ? format == 3 ? 12 : 8 : 0;

    for (i = 0; i < n; i++) {
        if (!ds_codec_bit(b)) {
            continue;
        }

        next = 8;

        for (k = 0; k < (i < 6 ? 16 : 64) && next != 0; k++) {
            delta = ds_codec_ue(b);
            next += delta & 1 ? (delta + 1) / 2 : -(delta / 2);
            next &= 0xff;
        }
    }
}


/* of pictures, in one of three ways */

static void
ds_codec_order(ds_codec_bits_t *b)
{
    uint32_t  n, type;

    type = ds_codec_ue(b);

    if (type == 0) {
        (void) ds_codec_ue(b);

    } else if (type == 1) {
        (void) ds_codec_bit(b);
        (void) ds_codec_ue(b);
        (void) ds_codec_ue(b);

        for (n = ds_codec_ue(b); n > 0 && !b->over; n--) {
            (void) ds_codec_ue(b);
        }
    }
}


static unsigned
ds_codec_bit(ds_codec_bits_t *b)
{
    unsigned  bit;

    /* the third byte of 00 00 03 is none of the set's */

    if (b->bit == 0 && b->zeros >= 2 && b->p < b->last && *b->p == 3) {
        b->p++;
        b->zeros = 0;
    }

    if (b->p >= b->last) {
        b->over = true;
        return 0;
    }

    bit = *b->p >> (7 - b->bit) & 1;

    if (++b->bit == 8) {
        b->zeros = *b->p == 0 ? b->zeros + 1 : 0;
        b->bit = 0;
        b->p++;
    }

    return bit;
}


/* Exp-Golomb codes, 9.1 */

static uint32_t
ds_codec_ue(ds_codec_bits_t *b)
{
    unsigned  i, n;
    uint64_t  v;

    for (n = 0; n < 32 && !b->over && !ds_codec_bit(b); n++) {
        /* void */
    }

    v = 1;

    for (i = 0; i < n; i++) {
        v = v << 1 | ds_codec_bit(b);
    }

    return (uint32_t) (v - 1);
}


/* ISO/IEC 14496-3, 1.6.2.1; with SBR the rate that is heard is named next */

void
ds_codec_sound(AVCodecParameters *par)
{
    unsigned  rate, channels;
    uint32_t  bits;

    static const int  rates[] = { 96000, 88200, 64000, 48000, 44100, 32000,
                                  24000, 22050, 16000, 12000, 11025, 8000,
                                  7350 };

    bits = ds_codec_config(par);
    channels = bits >> 11 & 15;
    rate = bits >> 19 == 5 || bits >> 19 == 29 ? bits >> 7 & 15
                                               : bits >> 15 & 15;

    if (rate < sizeof(rates) / sizeof(rates[0]) && channels != 0
        && channels < 8)
    {
        par->sample_rate = rates[rate];

        av_channel_layout_uninit(&par->ch_layout);
        av_channel_layout_default(&par->ch_layout,
                                  channels == 7 ? 8 : channels);
    }
}


/* the first three bytes of an AudioSpecificConfig, zeros where it has less */

static uint32_t
ds_codec_config(const AVCodecParameters *par)
{
    int       i;
    uint32_t  bits;

    bits = 0;

    for (i = 0; i < 3; i++) {
        bits = bits << 8 | (i < par->extradata_size ? par->extradata[i] : 0);
    }

    return bits;
}


/*
 * ISO/IEC 14496-3, 4.4.2: the elements of a channel configuration, each with
 * no scale factor band at all, so that nothing is coded in it.
 */

size_t
ds_codec_silence(const AVCodecParameters *par, uint8_t *buf)
{
    size_t       pos;
    unsigned     tags[4], id;
    const char  *e;

    /* S: one channel, C: two, L: the low one; in the order of table 1.19 */
    static const char *const  elements[] = {
        "", "S", "C", "SC", "SCS", "SCC", "SCCL", "SCCCL"
    };

    id = ds_codec_config(par) >> 11 & 15;

    if (id == 0 || id >= sizeof(elements) / sizeof(elements[0])) {
        return 0;
    }

    memset(buf, 0, DS_CODEC_SILENCE);
    memset(tags, 0, sizeof(tags));
    pos = 0;

    for (e = elements[id]; *e != '\0'; e++) {
        id = *e == 'S' ? 0 : *e == 'C' ? 1 : 3;

        ds_codec_bits(buf, &pos, id, 3);
        ds_codec_bits(buf, &pos, tags[id]++, 4);

        if (*e == 'C') {
            ds_codec_bits(buf, &pos, 1, 1);         /* common_window */
            ds_codec_bits(buf, &pos, 0, 11);        /* ics_info() */
            ds_codec_bits(buf, &pos, 0, 2);         /* ms_mask_present */
            ds_codec_bits(buf, &pos, 0, 2 * 11);    /* gain, three flags */

        } else {
            ds_codec_bits(buf, &pos, 0, 8);         /* global_gain */
            ds_codec_bits(buf, &pos, 0, 11);        /* ics_info() */
            ds_codec_bits(buf, &pos, 0, 3);         /* three flags */
        }
    }

    ds_codec_bits(buf, &pos, 7, 3);                 /* ID_END */

    return (pos + 7) / 8;
}


static void
ds_codec_bits(uint8_t *buf, size_t *pos, uint32_t value, unsigned n)
{
    for ( /* void */ ; n-- != 0; (*pos)++) {
        buf[*pos / 8] |= (value >> n & 1) << (7 - *pos % 8);
    }
}
