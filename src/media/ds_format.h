
/*
 * ds_format.h: which containers are read, by libav's names.  Pure but for the
 * bytes that are read to tell one.
 */

#ifndef DS_FORMAT_H_INCLUDED_
#define DS_FORMAT_H_INCLUDED_


#include <libavformat/avformat.h>

#include "base/ds_core.h"


/* names with commas, for AVFormatContext.format_whitelist; constant */
const char *ds_format_names(void);

/*
 * Reads on from the beginning of "pb", "max" bytes (0: many), and tells the
 * container; "url" is a hint.  With "any" false it has to be one of the above.
 * NULL: "err" says DS_ESOURCE_INVALID, with the container's name when there is
 * one; or *rc is what libav failed with, a negative number, else 0.
 */
const AVInputFormat *ds_format_probe(AVIOContext *pb, const char *url,
    unsigned max, bool any, int *rc, ds_error_t *err);


#endif /* DS_FORMAT_H_INCLUDED_ */
