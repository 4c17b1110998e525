
/* header.h: codec parameters for tests: a codec and its header. */

#ifndef HEADER_H_INCLUDED_
#define HEADER_H_INCLUDED_


#include <string.h>

#include <libavcodec/avcodec.h>


/* the caller frees */

static inline AVCodecParameters *
make_header(enum AVMediaType type, enum AVCodecID codec, const void *data,
    size_t size)
{
    AVCodecParameters  *par;

    par = avcodec_parameters_alloc();
    par->codec_type = type;
    par->codec_id = codec;
    par->extradata = av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE);
    par->extradata_size = size;
    memcpy(par->extradata, data, size);

    return par;
}


#endif /* HEADER_H_INCLUDED_ */
