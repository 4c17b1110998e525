
/*
 * ds_convert.c: what may go on air as it is.  Reads no network.
 */

#include <stdio.h>
#include <stdlib.h>

#include "ds_codec.h"
#include "ds_convert.h"


struct ds_convert_s {
    ds_reader_t        *reader;
    AVCodecParameters  *par[2];
};


static int ds_convert_check(ds_convert_t *c, ds_error_t *err);


ds_convert_t *
ds_convert_create(const ds_reader_conf_t *conf, const ds_profile_t *profile,
    ds_reader_t *r, ds_error_t *err)
{
    int                       i;
    ds_convert_t             *c;
    const AVCodecParameters  *par;

    (void) conf;
    (void) profile;

    c = calloc(1, sizeof(ds_convert_t));
    if (c == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    c->reader = r;

    for (i = 0; i < 2; i++) {
        par = ds_input_codecpar(ds_reader_input(r), i);

        if (par == NULL) {
            continue;
        }

        c->par[i] = avcodec_parameters_alloc();

        if (c->par[i] == NULL || avcodec_parameters_copy(c->par[i], par) < 0) {
            (void) ds_fail(err, DS_ENOMEM,
                           "avcodec_parameters_copy() failed");
            ds_convert_free(&c);
            return NULL;
        }
    }

    if (ds_convert_check(c, err) != DS_OK) {
        ds_convert_free(&c);
    }

    return c;
}


static int
ds_convert_check(ds_convert_t *c, ds_error_t *err)
{
    int  rc;

    if (c->par[DS_VIDEO] == NULL) {
        return ds_fail(err, DS_ENO_VIDEO, "source has no video");
    }

    if (c->par[DS_AUDIO] == NULL) {
        return ds_fail(err, DS_ENO_AUDIO, "source has no audio");
    }

    rc = ds_codec_check_video(c->par[DS_VIDEO], err);

    return rc != DS_OK ? rc : ds_codec_check_audio(c->par[DS_AUDIO], err);
}


ds_decision_e
ds_convert_decision(ds_convert_t *c, char *reason)
{
    (void) snprintf(reason, DS_MESSAGE_LEN,
                    "copy: H.264 %dx%d, AAC %d Hz, %d channels",
                    c->par[DS_VIDEO]->width, c->par[DS_VIDEO]->height,
                    c->par[DS_AUDIO]->sample_rate,
                    c->par[DS_AUDIO]->ch_layout.nb_channels);

    return DS_DECISION_COPY;
}


const AVCodecParameters *
ds_convert_codecpar(ds_convert_t *c, int track)
{
    return c->par[track];
}


int
ds_convert_read(ds_convert_t *c, AVPacket *pkt, ds_error_t *err)
{
    return ds_reader_read(c->reader, pkt, err);
}


void
ds_convert_free(ds_convert_t **pc)
{
    ds_convert_t  *c;

    c = *pc;
    if (c == NULL) {
        return;
    }

    *pc = NULL;

    avcodec_parameters_free(&c->par[DS_VIDEO]);
    avcodec_parameters_free(&c->par[DS_AUDIO]);
    free(c);
}
