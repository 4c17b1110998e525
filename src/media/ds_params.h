
/*
 * ds_params.h: what packets say of their codec: parameter sets that come with
 * them, and parameters that change in the midst of an item.  Any thread.
 */

#ifndef DS_PARAMS_H_INCLUDED_
#define DS_PARAMS_H_INCLUDED_


#include <libavcodec/avcodec.h>

#include "base/ds_core.h"


/*
 * The parameter sets of H.264 that come with "pkt" and are not in the header
 * of "par": makes them its header, in the form it has.  1; 0: there is nothing
 * new; DS_ENOMEM.
 */
int ds_params_sets(AVCodecParameters *par, const AVPacket *pkt);

/* the header of "par" has what a decoder needs, as far as this can be told */
bool ds_params_known(const AVCodecParameters *par);

/* another header; 0 or DS_ENOMEM */
int ds_params_set_header(AVCodecParameters *par, const uint8_t *data,
    size_t size);

/* the header that AAC-LC has, for what the container says; 0 or DS_ENOMEM */
int ds_params_guess(AVCodecParameters *par);

/*
 * Decodes "pkt" alone, and takes sizes, rates and the like over from there.
 * False: it could not be decoded, "par" is as it was.
 */
bool ds_params_probe(AVCodecParameters *par, const AVPacket *pkt);

/* the same as far as a copy of it or a decoder is concerned */
bool ds_params_same(const AVCodecParameters *a, const AVCodecParameters *b);

/* "par" (copied) holds from this packet on; 0 or DS_ENOMEM */
int ds_params_attach(AVPacket *pkt, const AVCodecParameters *par);

/* what was attached, borrowed; NULL: all is as before */
const AVCodecParameters *ds_params_of(const AVPacket *pkt);

void ds_params_detach(AVPacket *pkt);


#endif /* DS_PARAMS_H_INCLUDED_ */
