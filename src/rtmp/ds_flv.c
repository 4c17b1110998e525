
/*
 * ds_flv.c: an FLV tag's body is an RTMP message's, so all there is to do is
 * to find the tags.  Knows nothing of what is in them.
 */

#include <string.h>

#include "rtmp/ds_flv.h"


#define DS_FLV_TAG_HEADER  11


static int ds_flv_head(ds_flv_t *flv, ds_error_t *err);
static int ds_flv_tag(ds_flv_t *flv, ds_error_t *err);
static int ds_flv_invalid(ds_error_t *err);


/* of the header that is read in a state */
static const size_t  ds_flv_sizes[] = { 13, DS_FLV_TAG_HEADER, 0, 4 };


int
ds_flv_write(ds_flv_t *flv, const uint8_t *p, size_t n, ds_error_t *err)
{
    int     rc;
    size_t  part;

    while (n != 0) {

        part = flv->state == DS_FLV_BODY
               ? flv->left : ds_flv_sizes[flv->state] - flv->head_len;

        if (part > n) {
            part = n;
        }

        if (flv->state == DS_FLV_BODY) {
            rc = ds_rtmp_write(flv->rtmp, p, part, err);
            flv->left -= part;

            if (flv->left == 0) {
                flv->state = DS_FLV_END;
            }

        } else {
            memcpy(flv->head + flv->head_len, p, part);
            flv->head_len += part;

            rc = flv->head_len < ds_flv_sizes[flv->state]
                 ? DS_OK : ds_flv_head(flv, err);
        }

        if (rc != DS_OK) {
            return rc;
        }

        p += part;
        n -= part;
    }

    return DS_OK;
}


static int
ds_flv_head(ds_flv_t *flv, ds_error_t *err)
{
    const uint8_t  *p;

    p = flv->head;
    flv->head_len = 0;

    switch (flv->state) {

    case DS_FLV_FILE:
        flv->state = DS_FLV_TAG;
        return memcmp(p, "FLV", 3) == 0 ? DS_OK : ds_flv_invalid(err);

    case DS_FLV_TAG:
        return ds_flv_tag(flv, err);

    default:
        /* a wrong one means that a size could not be filled in afterwards */

        flv->state = DS_FLV_TAG;

        return ((uint32_t) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3])
               == flv->size + DS_FLV_TAG_HEADER
               ? DS_OK : ds_flv_invalid(err);
    }
}


static int
ds_flv_tag(ds_flv_t *flv, ds_error_t *err)
{
    int             rc;
    const uint8_t  *p;

    /* a server keeps the metadata that this command, in AMF0, precedes */

    static const uint8_t  set[] = "\x02\x00\x0d@setDataFrame";

    p = flv->head;

    if (p[0] != DS_RTMP_AUDIO && p[0] != DS_RTMP_VIDEO
        && p[0] != DS_RTMP_DATA)
    {
        return ds_flv_invalid(err);
    }

    flv->size = p[1] << 16 | p[2] << 8 | p[3];
    flv->left = flv->size;
    flv->state = flv->size == 0 ? DS_FLV_END : DS_FLV_BODY;

    if (flv->size == 0) {
        return DS_OK;
    }

    if (p[0] != DS_RTMP_DATA) {
        return ds_rtmp_message(flv->rtmp, p[0], flv->timestamp, flv->size,
                               err);
    }

    rc = ds_rtmp_message(flv->rtmp, p[0], flv->timestamp,
                         sizeof(set) - 1 + flv->size, err);

    return rc != DS_OK ? rc : ds_rtmp_write(flv->rtmp, set, sizeof(set) - 1,
                                            err);
}


static int
ds_flv_invalid(ds_error_t *err)
{
    return ds_fail(err, DS_EINTERNAL, "the FLV muxer wrote a broken tag");
}
