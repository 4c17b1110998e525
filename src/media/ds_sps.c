
/*
 * ds_sps.c: reads an H.264 sequence parameter set as far as it must.  Knows
 * no libav: that has no function for it.
 */

#include "media/ds_sps.h"


typedef struct {
    const uint8_t  *p;
    const uint8_t  *last;
    unsigned        bit;                /* of *p, 0: the highest */
    unsigned        zeros;              /* bytes before it */
    bool            over;               /* read past the end */
} ds_sps_bits_t;


static bool ds_sps_high(unsigned profile);
static void ds_sps_chroma(ds_sps_bits_t *b);
static void ds_sps_scaling(ds_sps_bits_t *b, unsigned n);
static void ds_sps_order(ds_sps_bits_t *b);
static unsigned ds_sps_bit(ds_sps_bits_t *b);
static unsigned ds_sps_byte(ds_sps_bits_t *b);
static uint32_t ds_sps_ue(ds_sps_bits_t *b);
static int64_t ds_sps_se(ds_sps_bits_t *b);


bool
ds_sps_progressive(const uint8_t *avcc, size_t size)
{
    size_t         len;
    unsigned       profile, frames;
    ds_sps_bits_t  b = { 0 };

    /* version, profile…, number of sets, length, NAL header */

    if (size < 9 || avcc[0] != 1 || (avcc[5] & 0x1f) == 0) {
        return false;
    }

    len = avcc[6] << 8 | avcc[7];

    if (len > size - 8) {
        return false;
    }

    b.p = avcc + 9;
    b.last = avcc + 8 + len;

    profile = ds_sps_byte(&b);
    (void) ds_sps_byte(&b);             /* constraints */
    (void) ds_sps_byte(&b);             /* level */
    (void) ds_sps_ue(&b);               /* its number */

    if (ds_sps_high(profile)) {
        ds_sps_chroma(&b);
    }

    (void) ds_sps_ue(&b);               /* bits of a frame's number */
    ds_sps_order(&b);
    (void) ds_sps_ue(&b);               /* reference frames */
    (void) ds_sps_bit(&b);              /* gaps of numbers */
    (void) ds_sps_ue(&b);               /* width */
    (void) ds_sps_ue(&b);               /* height */

    frames = ds_sps_bit(&b);

    return !b.over && frames;
}


/* profiles that tell of chroma and depth; those that can be copied are 100 */

static bool
ds_sps_high(unsigned profile)
{
    return profile == 100 || profile == 110 || profile == 122
           || profile == 244 || profile == 44;
}


static void
ds_sps_chroma(ds_sps_bits_t *b)
{
    unsigned  i, n;
    uint32_t  format;

    format = ds_sps_ue(b);

    if (format == 3) {
        (void) ds_sps_bit(b);           /* planes apart */
    }

    (void) ds_sps_ue(b);                /* depth of luma */
    (void) ds_sps_ue(b);                /* and of chroma */
    (void) ds_sps_bit(b);               /* lossless */

    if (!ds_sps_bit(b)) {
        return;
    }

    n = format == 3 ? 12 : 8;

    for (i = 0; i < n; i++) {
        if (ds_sps_bit(b)) {
            ds_sps_scaling(b, i < 6 ? 16 : 64);
        }
    }
}


static void
ds_sps_scaling(ds_sps_bits_t *b, unsigned n)
{
    unsigned  i;
    int64_t   last, next;

    last = next = 8;

    for (i = 0; i < n && next != 0; i++) {
        next = (last + ds_sps_se(b)) & 0xff;
        last = next;
    }
}


/* of pictures, in one of three ways */

static void
ds_sps_order(ds_sps_bits_t *b)
{
    uint32_t  n, type;

    type = ds_sps_ue(b);

    if (type == 0) {
        (void) ds_sps_ue(b);

    } else if (type == 1) {
        (void) ds_sps_bit(b);
        (void) ds_sps_se(b);
        (void) ds_sps_se(b);

        for (n = ds_sps_ue(b); n > 0 && !b->over; n--) {
            (void) ds_sps_se(b);
        }
    }
}


static unsigned
ds_sps_bit(ds_sps_bits_t *b)
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


static unsigned
ds_sps_byte(ds_sps_bits_t *b)
{
    unsigned  i, byte;

    byte = 0;

    for (i = 0; i < 8; i++) {
        byte = byte << 1 | ds_sps_bit(b);
    }

    return byte;
}


/* Exp-Golomb codes, 9.1 */

static uint32_t
ds_sps_ue(ds_sps_bits_t *b)
{
    unsigned  i, n;
    uint64_t  v;

    for (n = 0; n < 32 && !b->over && !ds_sps_bit(b); n++) {
        /* void */
    }

    v = 1;

    for (i = 0; i < n; i++) {
        v = v << 1 | ds_sps_bit(b);
    }

    return (uint32_t) (v - 1);
}


static int64_t
ds_sps_se(ds_sps_bits_t *b)
{
    int64_t  v;

    v = ds_sps_ue(b);

    return v & 1 ? (v + 1) / 2 : -(v / 2);
}
