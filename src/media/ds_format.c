
/*
 * ds_format.c: which containers are read.  What refers to other files, draws
 * on a device, or makes one picture of each file is none of them: what a
 * remote server sends must not decide what else is opened.
 * docs/media.md has them.
 */

#include <string.h>

#include <libavutil/avstring.h>

#include "base/ds_item.h"
#include "media/ds_format.h"


#define DS_FORMAT_PROBE  (1024 * 1024)  /* bytes; tags and garbage come first */
#define DS_FORMAT_URL    1024

#define DS_FORMAT_VIDEO                                                       \
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,flv,mpegts,mpeg,avi,asf,ogg,mxf,"  \
    "nut,dv,gxf,wtv,rm,ivf,hls"

#define DS_FORMAT_AUDIO                                                       \
    "mp3,aac,loas,ac3,eac3,dts,dtshd,truehd,mlp,flac,wav,w64,aiff,au,caf,"    \
    "amr,ape,wv,tta,mpc,mpc8,tak,dsf,voc"

#define DS_FORMAT_RAW                                                         \
    "h264,hevc,mpegvideo,m4v,h263,vc1,obu,mjpeg"


const char *
ds_format_names(void)
{
    return DS_FORMAT_VIDEO "," DS_FORMAT_AUDIO "," DS_FORMAT_RAW;
}


const AVInputFormat *
ds_format_probe(AVIOContext *pb, const char *url, unsigned max, bool any,
    int *rc, ds_error_t *err)
{
    char                  name[DS_FORMAT_URL];
    const AVInputFormat  *format;

    /* a name's end is looked at, which a query is not */

    av_strlcpy(name, url, sizeof(name));
    name[strcspn(name, "?#")] = '\0';

    format = NULL;
    *rc = av_probe_input_buffer2(pb, &format, name, NULL, 0,
                                 max == 0 ? DS_FORMAT_PROBE : max);

    if (*rc < 0) {
        return NULL;
    }

    *rc = 0;

    if (format == NULL) {
        (void) ds_fail(err, DS_ESOURCE_INVALID, "not media: no container");

    } else if (!any && !av_match_list(format->name, ds_format_names(), ',')) {
        (void) ds_fail(err, DS_ESOURCE_INVALID, "container %s (%s) is not one"
                       " that is played", format->name,
                       format->long_name == NULL ? "" : format->long_name);
        format = NULL;
    }

    return format;
}
