
/*
 * ds_codec.c: which codecs, profiles and headers can be copied to RTMP.
 * Reads no packets.
 */

#include "media/ds_codec.h"


static int ds_codec_h264_profile(const AVCodecParameters *par);


int
ds_codec_check_video(AVCodecParameters *par, ds_error_t *err)
{
    int          profile;
    const char  *name;

    if (par->codec_id != AV_CODEC_ID_H264) {
        return ds_fail(err, DS_ECODEC_VIDEO, "video is %s, not h264",
                       avcodec_get_name(par->codec_id));
    }

    if (par->extradata_size > DS_CODEC_HEADER) {
        return ds_fail(err, DS_ECODEC_VIDEO, "video is h264 with a header of "
                       "%d bytes", par->extradata_size);
    }

    profile = ds_codec_h264_profile(par);

    if (profile < 0 || par->width <= 0 || par->height <= 0) {
        return ds_fail(err, DS_ECODEC_VIDEO,
                       "video is h264 without its parameter sets");
    }

    if (par->profile == FF_PROFILE_UNKNOWN) {
        par->profile = profile;
    }

    if (profile != FF_PROFILE_H264_BASELINE
        && profile != FF_PROFILE_H264_MAIN
        && profile != FF_PROFILE_H264_HIGH)
    {
        name = avcodec_profile_name(AV_CODEC_ID_H264, profile);

        return ds_fail(err, DS_ECODEC_VIDEO,
                       "video is h264 of profile %s (%d), not 8 bit 4:2:0",
                       name == NULL ? "unknown" : name, profile);
    }

    return DS_OK;
}


/* profile_idc from an avcC box or from the SPS of an Annex B stream, or -1 */

static int
ds_codec_h264_profile(const AVCodecParameters *par)
{
    int             i;
    const uint8_t  *p;

    p = par->extradata;

    if (p == NULL) {
        return -1;
    }

    if (par->extradata_size >= 7 && p[0] == 1) {
        return p[1];
    }

    for (i = 0; i + 4 < par->extradata_size; i++) {
        if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1
            && (p[i + 3] & 0x1f) == 7)
        {
            return p[i + 4];
        }
    }

    return -1;
}


int
ds_codec_check_audio(const AVCodecParameters *par, ds_error_t *err)
{
    int             type;
    const uint8_t  *p;

    if (par->codec_id != AV_CODEC_ID_AAC) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is %s, not aac",
                       avcodec_get_name(par->codec_id));
    }

    if (par->extradata_size < 2 || par->sample_rate <= 0) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is aac without a header");
    }

    if (par->extradata_size > DS_CODEC_HEADER) {
        return ds_fail(err, DS_ECODEC_AUDIO, "audio is aac with a header of "
                       "%d bytes", par->extradata_size);
    }

    /* AudioSpecificConfig: its first 5 bits are the object type */

    p = par->extradata;
    type = p[0] >> 3;

    if (type == 31) {
        type = 32 + (((p[0] & 7) << 3) | (p[1] >> 5));
    }

    if (type != 2 && type != 5 && type != 29) {
        return ds_fail(err, DS_ECODEC_AUDIO,
                       "audio is aac of object type %d, not LC or HE", type);
    }

    return DS_OK;
}
