
/*
 * ds_audio.h: an audio track, encoded into the profile: decoded, resampled,
 * without holes, encoded.  Used by one thread.
 */

#ifndef DS_AUDIO_H_INCLUDED_
#define DS_AUDIO_H_INCLUDED_


#include "media/ds_merge.h"

#include <libavcodec/avcodec.h>


typedef struct ds_audio_s  ds_audio_t;


/*
 * "profile" is copied, "channels" is 1 or 2, "out" and "cancel" are borrowed;
 * "par" NULL: there is nothing to be heard.
 */
ds_audio_t *ds_audio_create(const ds_profile_t *profile, uint32_t channels,
    const AVCodecParameters *par, ds_merge_t *out, ds_cancel_t *cancel,
    ds_error_t *err);

/* the functions below are as those of ds_video.h */

AVCodecParameters *ds_audio_codecpar(const ds_audio_t *a);
void ds_audio_set_origin(ds_audio_t *a, int64_t us);
int ds_audio_packet(ds_audio_t *a, const AVPacket *pkt, ds_error_t *err);

int ds_audio_renew(ds_audio_t *a, const AVCodecParameters *par,
    ds_error_t *err);
void ds_audio_announce(ds_audio_t *a);
bool ds_audio_mute(const ds_audio_t *a);

/* silence until "us" */
int ds_audio_until(ds_audio_t *a, int64_t us, ds_error_t *err);

int64_t ds_audio_end(ds_audio_t *a);
int ds_audio_finish(ds_audio_t *a, ds_error_t *err);
void ds_audio_free(ds_audio_t **a);


#endif /* DS_AUDIO_H_INCLUDED_ */
