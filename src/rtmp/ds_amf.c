
/*
 * ds_amf.c: writes and reads values of AMF0 (Action Message Format, version
 * 0).  Knows nothing of what they mean.
 */

#include <string.h>

#include "rtmp/ds_amf.h"


#define DS_AMF_NUMBER       0
#define DS_AMF_BOOLEAN      1
#define DS_AMF_STRING       2
#define DS_AMF_OBJECT       3
#define DS_AMF_NULL         5
#define DS_AMF_UNDEFINED    6
#define DS_AMF_REFERENCE    7
#define DS_AMF_ECMA_ARRAY   8
#define DS_AMF_END          9
#define DS_AMF_ARRAY        10
#define DS_AMF_DATE         11
#define DS_AMF_LONG_STRING  12
#define DS_AMF_UNSUPPORTED  13
#define DS_AMF_XML          15
#define DS_AMF_TYPED        16

/* objects in objects; an answer has one or two */
#define DS_AMF_DEPTH        8


static void ds_amf_put(ds_amf_out_t *out, const void *data, size_t n);
static bool ds_amf_take(ds_amf_in_t *in, const uint8_t **p, size_t n);
static bool ds_amf_take_size(ds_amf_in_t *in, size_t bytes, size_t *size);
static bool ds_amf_take_text(ds_amf_in_t *in, size_t bytes,
    const uint8_t **p, size_t *len);
static void ds_amf_copy(char *buf, size_t size, const uint8_t *p, size_t len);
static bool ds_amf_skip_value(ds_amf_in_t *in, unsigned depth);
static bool ds_amf_skip_object(ds_amf_in_t *in, unsigned depth);
static bool ds_amf_skip_array(ds_amf_in_t *in, unsigned depth);


static void
ds_amf_put(ds_amf_out_t *out, const void *data, size_t n)
{
    if (out->full || (size_t) (out->end - out->pos) < n) {
        out->full = true;
        return;
    }

    memcpy(out->pos, data, n);
    out->pos += n;
}


void
ds_amf_name(ds_amf_out_t *out, const char *s)
{
    size_t   len;
    uint8_t  head[2];

    len = strlen(s);

    if (len > 0xffff) {
        out->full = true;
        return;
    }

    head[0] = len >> 8;
    head[1] = len;

    ds_amf_put(out, head, 2);
    ds_amf_put(out, s, len);
}


void
ds_amf_string(ds_amf_out_t *out, const char *s)
{
    ds_amf_put(out, &(uint8_t) { DS_AMF_STRING }, 1);
    ds_amf_name(out, s);
}


void
ds_amf_number(ds_amf_out_t *out, double n)
{
    int       i;
    uint8_t   p[9];
    uint64_t  bits;

    memcpy(&bits, &n, 8);

    p[0] = DS_AMF_NUMBER;

    for (i = 0; i < 8; i++) {
        p[1 + i] = bits >> (56 - 8 * i);
    }

    ds_amf_put(out, p, 9);
}


void
ds_amf_boolean(ds_amf_out_t *out, bool value)
{
    ds_amf_put(out, (uint8_t[]) { DS_AMF_BOOLEAN, value }, 2);
}


void
ds_amf_null(ds_amf_out_t *out)
{
    ds_amf_put(out, &(uint8_t) { DS_AMF_NULL }, 1);
}


void
ds_amf_object(ds_amf_out_t *out)
{
    ds_amf_put(out, &(uint8_t) { DS_AMF_OBJECT }, 1);
}


void
ds_amf_array(ds_amf_out_t *out, uint32_t n)
{
    ds_amf_put(out, (uint8_t[]) { DS_AMF_ECMA_ARRAY, n >> 24, n >> 16, n >> 8,
                                  n }, 5);
}


void
ds_amf_field(ds_amf_out_t *out, const char *name, const char *value)
{
    ds_amf_name(out, name);
    ds_amf_string(out, value);
}


void
ds_amf_end(ds_amf_out_t *out)
{
    static const uint8_t  end[] = { 0, 0, DS_AMF_END };

    ds_amf_put(out, end, 3);
}


static bool
ds_amf_take(ds_amf_in_t *in, const uint8_t **p, size_t n)
{
    if ((size_t) (in->end - in->pos) < n) {
        return false;
    }

    *p = in->pos;
    in->pos += n;

    return true;
}


/* a length of two or four bytes */

static bool
ds_amf_take_size(ds_amf_in_t *in, size_t bytes, size_t *size)
{
    size_t          i;
    const uint8_t  *p;

    if (!ds_amf_take(in, &p, bytes)) {
        return false;
    }

    *size = 0;

    for (i = 0; i < bytes; i++) {
        *size = *size << 8 | p[i];
    }

    return true;
}


static bool
ds_amf_take_text(ds_amf_in_t *in, size_t bytes, const uint8_t **p,
    size_t *len)
{
    return ds_amf_take_size(in, bytes, len) && ds_amf_take(in, p, *len);
}


static void
ds_amf_copy(char *buf, size_t size, const uint8_t *p, size_t len)
{
    if (len >= size) {
        len = size - 1;
    }

    memcpy(buf, p, len);
    buf[len] = '\0';
}


bool
ds_amf_get_string(ds_amf_in_t *in, char *buf, size_t size)
{
    size_t          len;
    const uint8_t  *p;

    buf[0] = '\0';

    if (!ds_amf_take(in, &p, 1)
        || (*p != DS_AMF_STRING && *p != DS_AMF_LONG_STRING)
        || !ds_amf_take_text(in, *p == DS_AMF_STRING ? 2 : 4, &p, &len))
    {
        return false;
    }

    ds_amf_copy(buf, size, p, len);

    return true;
}


bool
ds_amf_get_number(ds_amf_in_t *in, double *n)
{
    int             i;
    uint64_t        bits;
    const uint8_t  *p;

    if (!ds_amf_take(in, &p, 9) || p[0] != DS_AMF_NUMBER) {
        return false;
    }

    bits = 0;

    for (i = 1; i < 9; i++) {
        bits = bits << 8 | p[i];
    }

    memcpy(n, &bits, 8);

    return true;
}


bool
ds_amf_skip(ds_amf_in_t *in)
{
    return ds_amf_skip_value(in, 0);
}


static bool
ds_amf_skip_value(ds_amf_in_t *in, unsigned depth)
{
    size_t          len;
    const uint8_t  *p;

    if (depth > DS_AMF_DEPTH || !ds_amf_take(in, &p, 1)) {
        return false;
    }

    switch (*p) {

    case DS_AMF_NUMBER:
        return ds_amf_take(in, &p, 8);

    case DS_AMF_BOOLEAN:
        return ds_amf_take(in, &p, 1);

    case DS_AMF_STRING:
        return ds_amf_take_text(in, 2, &p, &len);

    case DS_AMF_LONG_STRING:
    case DS_AMF_XML:
        return ds_amf_take_text(in, 4, &p, &len);

    case DS_AMF_NULL:
    case DS_AMF_UNDEFINED:
    case DS_AMF_UNSUPPORTED:
        return true;

    case DS_AMF_REFERENCE:
        return ds_amf_take(in, &p, 2);

    case DS_AMF_DATE:
        return ds_amf_take(in, &p, 10);

    case DS_AMF_TYPED:
        return ds_amf_take_text(in, 2, &p, &len)
               && ds_amf_skip_object(in, depth);

    case DS_AMF_ECMA_ARRAY:
        return ds_amf_take(in, &p, 4) && ds_amf_skip_object(in, depth);

    case DS_AMF_OBJECT:
        return ds_amf_skip_object(in, depth);

    case DS_AMF_ARRAY:
        return ds_amf_skip_array(in, depth);

    default:
        return false;
    }
}


static bool
ds_amf_skip_object(ds_amf_in_t *in, unsigned depth)
{
    size_t          len;
    const uint8_t  *p;

    for ( ;; ) {
        if (!ds_amf_take_text(in, 2, &p, &len)) {
            return false;
        }

        if (len == 0 && in->pos != in->end && *in->pos == DS_AMF_END) {
            in->pos++;
            return true;
        }

        if (!ds_amf_skip_value(in, depth + 1)) {
            return false;
        }
    }
}


static bool
ds_amf_skip_array(ds_amf_in_t *in, unsigned depth)
{
    size_t  n;

    if (!ds_amf_take_size(in, 4, &n)) {
        return false;
    }

    /* a value takes a byte at least, so that a huge count ends soon */

    while (n-- != 0) {
        if (!ds_amf_skip_value(in, depth + 1)) {
            return false;
        }
    }

    return true;
}


bool
ds_amf_get_field(const ds_amf_in_t *in, const char *name, char *buf,
    size_t size)
{
    ds_amf_in_t  value;

    buf[0] = '\0';

    return ds_amf_find(in, name, &value)
           && ds_amf_get_string(&value, buf, size);
}


bool
ds_amf_find(const ds_amf_in_t *in, const char *name, ds_amf_in_t *value)
{
    size_t          len;
    const uint8_t  *p;

    *value = *in;

    if (!ds_amf_take(value, &p, 1)
        || (*p != DS_AMF_OBJECT && *p != DS_AMF_ECMA_ARRAY)
        || (*p == DS_AMF_ECMA_ARRAY && !ds_amf_take(value, &p, 4)))
    {
        return false;
    }

    while (ds_amf_take_text(value, 2, &p, &len) && len != 0) {

        if (len == strlen(name) && memcmp(p, name, len) == 0) {
            return true;
        }

        if (!ds_amf_skip(value)) {
            return false;
        }
    }

    return false;
}
