
/*
 * ds_decide.h: which of an item's tracks can be copied into a stream's
 * profile, and why not.  Reads no packets.  Pure.
 */

#ifndef DS_DECIDE_H_INCLUDED_
#define DS_DECIDE_H_INCLUDED_


#include "media/ds_input.h"


/* us: what live servers want at most between key frames */
#define DS_KEYFRAME_INTERVAL  4000000


typedef struct {
    bool     encode[2];
    char     why[2][64];                /* "" where what it is says enough */
    int64_t  interval;                  /* us, between key frames, the longest
                                           of the index; -1: has none */
} ds_plan_t;


/*
 * "par" are the tracks' parameters, NULL where there is no track; an unknown
 * profile of an H.264 is set.  0; of a profile that allows only copies
 * DS_ECODEC_…, DS_ENO_…
 */
int ds_decide(const ds_profile_t *profile, ds_input_t *in,
    AVCodecParameters *const par[2], ds_plan_t *plan, ds_error_t *err);

/* the video has key frames that are further apart than allowed */
bool ds_decide_interval(const ds_profile_t *profile, ds_plan_t *plan,
    int64_t interval);

/* "copy: …" or "encode: …", of DS_MESSAGE_LEN */
void ds_decide_text(const ds_profile_t *profile,
    AVCodecParameters *const par[2], const ds_plan_t *plan, char *text);


#endif /* DS_DECIDE_H_INCLUDED_ */
