
/*
 * ds_order.c: the order of pictures is in their headers, as a count since the
 * last IDR (ISO 14496-10, 8.2.1), by two a frame as a rule.  libavcodec's
 * parser reads it.
 */

#include <stdlib.h>
#include <string.h>

#include "media/ds_order.h"


struct ds_order_s {
    AVCodecParserContext  *parser;
    AVCodecContext        *ctx;
    int                    delay;       /* pictures that are held back */
    int                    step;        /* of the count, a picture */
    int64_t                base;        /* DTS of the last IDR */
};


ds_order_t *
ds_order_create(const AVCodecParameters *par)
{
    ds_order_t  *o;

    o = calloc(1, sizeof(ds_order_t));
    if (o == NULL) {
        return NULL;
    }

    o->delay = par->video_delay;
    o->step = 2;
    o->base = AV_NOPTS_VALUE;
    o->parser = av_parser_init(par->codec_id);
    o->ctx = avcodec_alloc_context3(NULL);

    if (o->parser == NULL || o->ctx == NULL
        || avcodec_parameters_to_context(o->ctx, par) < 0)
    {
        ds_order_free(&o);
        return NULL;
    }

    o->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;

    return o;
}


int64_t
ds_order_pts(ds_order_t *o, const AVPacket *pkt, int64_t frame)
{
    int       n, count;
    uint8_t  *p;

    (void) av_parser_parse2(o->parser, o->ctx, &p, &n, pkt->data, pkt->size,
                            AV_NOPTS_VALUE, pkt->dts, 0);

    count = o->parser->output_picture_number;

    if (count == 0 && o->parser->key_frame == 1) {
        o->base = pkt->dts;
    }

    if (o->base == AV_NOPTS_VALUE) {
        return AV_NOPTS_VALUE;
    }

    /* an encoder that counts frames, not fields */

    if (count & 1) {
        o->step = 1;
    }

    return o->base + (int64_t) o->delay * frame + count * frame / o->step;
}


void
ds_order_free(ds_order_t **po)
{
    ds_order_t  *o;

    o = *po;
    if (o == NULL) {
        return;
    }

    *po = NULL;

    av_parser_close(o->parser);
    avcodec_free_context(&o->ctx);
    free(o);
}
