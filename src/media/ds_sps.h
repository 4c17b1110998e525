
/* ds_sps.h: a word out of an H.264 header.  Pure, any thread. */

#ifndef DS_SPS_H_INCLUDED_
#define DS_SPS_H_INCLUDED_


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


/*
 * True when an avcC box says that there are no interlaced pictures (7.3.2.1.1
 * of H.264: frame_mbs_only_flag); false: there may be, or it is broken.
 */
bool ds_sps_progressive(const uint8_t *avcc, size_t size);


#endif /* DS_SPS_H_INCLUDED_ */
