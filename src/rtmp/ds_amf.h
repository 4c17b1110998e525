
/*
 * ds_amf.h: AMF0, as much of it as RTMP needs.  Pure functions over
 * bounded memory, any thread; what is read may come from anybody.
 */

#ifndef DS_AMF_H_INCLUDED_
#define DS_AMF_H_INCLUDED_


#include "base/ds_core.h"


typedef struct {
    uint8_t        *pos;
    uint8_t        *end;
    bool            full;       /* something did not fit and is missing */
} ds_amf_out_t;

void ds_amf_string(ds_amf_out_t *out, const char *s);
void ds_amf_number(ds_amf_out_t *out, double n);
void ds_amf_boolean(ds_amf_out_t *out, bool value);
void ds_amf_null(ds_amf_out_t *out);

/*
 * An object, or an array of "n" fields, up to ds_amf_end(): names with a
 * value behind each, which is a string in ds_amf_field().
 */
void ds_amf_object(ds_amf_out_t *out);
void ds_amf_array(ds_amf_out_t *out, uint32_t n);
void ds_amf_name(ds_amf_out_t *out, const char *name);
void ds_amf_field(ds_amf_out_t *out, const char *name, const char *value);
void ds_amf_end(ds_amf_out_t *out);


typedef struct {
    const uint8_t  *pos;
    const uint8_t  *end;
} ds_amf_in_t;

/*
 * Each reads the next value and goes past it; false: it is of another type,
 * or broken.  A string is cut to "size" - 1 bytes, and at a NUL.
 */
bool ds_amf_get_string(ds_amf_in_t *in, char *buf, size_t size);
bool ds_amf_get_number(ds_amf_in_t *in, double *n);
bool ds_amf_skip(ds_amf_in_t *in);

/*
 * What "name" is in the object that comes next, to be read from "value", and
 * when it is a string; "in" stays before the object
 */
bool ds_amf_find(const ds_amf_in_t *in, const char *name,
    ds_amf_in_t *value);
bool ds_amf_get_field(const ds_amf_in_t *in, const char *name, char *buf,
    size_t size);


#endif /* DS_AMF_H_INCLUDED_ */
