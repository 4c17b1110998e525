
/*
 * ds_choose.c: the picture and the sound of a container with several.  What
 * a person would take: no commentary, no description for the blind, what is
 * marked as the default, then what comes first.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "media/ds_choose.h"


#define DS_CHOOSE_HEIGHT  1080          /* larger pictures come last */

/* not for everybody */
#define DS_CHOOSE_ASIDE                                                       \
    (AV_DISPOSITION_COMMENT|AV_DISPOSITION_LYRICS|AV_DISPOSITION_KARAOKE      \
     |AV_DISPOSITION_HEARING_IMPAIRED|AV_DISPOSITION_VISUAL_IMPAIRED          \
     |AV_DISPOSITION_CLEAN_EFFECTS|AV_DISPOSITION_NON_DIEGETIC                \
     |AV_DISPOSITION_CAPTIONS|AV_DISPOSITION_DESCRIPTIONS                     \
     |AV_DISPOSITION_DEPENDENT)

#define DS_CHOOSE_NEVER                                                       \
    (AV_DISPOSITION_ATTACHED_PIC|AV_DISPOSITION_TIMED_THUMBNAILS)


static const AVProgram *ds_choose_program(AVFormatContext *ctx);
static bool ds_choose_has(const AVProgram *p, int stream);
static int ds_choose_rank(const AVStream *st, int track, bool copies);
static bool ds_choose_aside(const AVStream *st);
static int64_t ds_choose_bitrate(AVFormatContext *ctx, int stream);
static bool ds_choose_variant(const AVProgram *p);
static bool ds_choose_related(AVFormatContext *ctx, int a, int b);


int
ds_choose(AVFormatContext *ctx, int track, int video, int from, bool copies)
{
    int               i, best, rank, first;
    const AVProgram  *p;

    best = -1;
    first = -1;
    p = from == 0 && video < 0 ? ds_choose_program(ctx) : NULL;

    for (i = from; i < (int) ctx->nb_streams; i++) {

        if (!ds_choose_may(ctx->streams[i], track)
            || (p != NULL && !ds_choose_has(p, i))
            || (video >= 0 && !ds_choose_related(ctx, video, i)))
        {
            continue;
        }

        rank = ds_choose_rank(ctx->streams[i], track, copies);

        if (rank > first
            || (rank == first && ctx->nb_programs > 1
                && ds_choose_bitrate(ctx, i) > ds_choose_bitrate(ctx, best)))
        {
            best = i;
            first = rank;
        }
    }

    return best;
}


bool
ds_choose_may(const AVStream *st, int track)
{
    return st->codecpar->codec_type == (track == DS_VIDEO ? AVMEDIA_TYPE_VIDEO
                                                          : AVMEDIA_TYPE_AUDIO)
           && !(st->disposition & DS_CHOOSE_NEVER);
}


/* of a multiplex the first with both; NULL: it is none */

static const AVProgram *
ds_choose_program(AVFormatContext *ctx)
{
    int               track;
    unsigned          i, k;
    bool              has[2];
    const AVProgram  *p;

    for (i = 0; i < ctx->nb_programs; i++) {
        p = ctx->programs[i];

        if (ds_choose_variant(p)) {
            return NULL;
        }

        has[DS_VIDEO] = has[DS_AUDIO] = false;

        for (k = 0; k < p->nb_stream_indexes; k++) {
            for (track = 0; track < 2; track++) {
                has[track] |= ds_choose_may(
                                 ctx->streams[p->stream_index[k]], track);
            }
        }

        if (has[DS_VIDEO] && has[DS_AUDIO]) {
            return p;
        }
    }

    return NULL;
}


static bool
ds_choose_has(const AVProgram *p, int stream)
{
    unsigned  i;

    for (i = 0; i < p->nb_stream_indexes; i++) {
        if (p->stream_index[i] == (unsigned) stream) {
            return true;
        }
    }

    return false;
}


/* each is worth more than all that follow it */

static int
ds_choose_rank(const AVStream *st, int track, bool copies)
{
    bool                      fits, known, low;
    const AVCodecParameters  *par;

    par = st->codecpar;

    if (track == DS_VIDEO) {
        fits = par->codec_id == AV_CODEC_ID_H264;
        known = !(st->disposition & AV_DISPOSITION_STILL_IMAGE);
        low = par->height <= DS_CHOOSE_HEIGHT;

        return known << 3 | fits << 2 | low << 1
               | ((st->disposition & AV_DISPOSITION_DEFAULT) != 0);
    }

    fits = par->codec_id == AV_CODEC_ID_AAC;
    known = par->sample_rate > 0;

    return (copies && fits) << 5 | !ds_choose_aside(st) << 4 | known << 3
           | ((st->disposition & AV_DISPOSITION_DEFAULT) != 0) << 2
           | !(st->disposition & AV_DISPOSITION_DUB) << 1 | fits;
}


/* by its flags, or by what it is called */

static bool
ds_choose_aside(const AVStream *st)
{
    unsigned                  i;
    const AVDictionaryEntry  *title, *language;

    static const char *const  titles[] = {
        "comment", "descri", "karaoke", "impaired"
    };

    if (st->disposition & DS_CHOOSE_ASIDE) {
        return true;
    }

    title = av_dict_get(st->metadata, "title", NULL, 0);
    language = av_dict_get(st->metadata, "language", NULL, 0);

    for (i = 0; title != NULL && i < sizeof(titles) / sizeof(titles[0]); i++) {
        if (strcasestr(title->value, titles[i]) != NULL) {
            return true;
        }
    }

    /* what broadcasters call narration, and what has no speech */

    return language != NULL && (strcmp(language->value, "nar") == 0
                                || strcmp(language->value, "qad") == 0
                                || strcmp(language->value, "zxx") == 0);
}


/* of the variants that a stream belongs to */

static int64_t
ds_choose_bitrate(AVFormatContext *ctx, int stream)
{
    int64_t             rate, best;
    AVProgram          *p;
    AVDictionaryEntry  *e;

    best = 0;

    for (p = NULL; (p = av_find_program_from_stream(ctx, p, stream)) != NULL; )
    {
        e = av_dict_get(p->metadata, "variant_bitrate", NULL, 0);
        rate = (e == NULL) ? 0 : strtoll(e->value, NULL, 10);
        best = (rate > best) ? rate : best;
    }

    return best;
}


/* programmes of a list are variants of one */

static bool
ds_choose_variant(const AVProgram *p)
{
    return av_dict_get(p->metadata, "variant_bitrate", NULL, 0) != NULL;
}


/* both are of one program, or at least one of them is of none */

static bool
ds_choose_related(AVFormatContext *ctx, int a, int b)
{
    AVProgram  *p;

    if (av_find_program_from_stream(ctx, NULL, a) == NULL
        || av_find_program_from_stream(ctx, NULL, b) == NULL)
    {
        return true;
    }

    for (p = NULL; (p = av_find_program_from_stream(ctx, p, a)) != NULL; ) {
        if (ds_choose_has(p, b)) {
            return true;
        }
    }

    return false;
}
