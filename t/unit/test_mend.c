
/*
 * Holes in one of two tracks: what is sent in their place, and when; and that
 * what is sent for sound is silence to a decoder, whatever its channels.
 */

#include <string.h>

#include "air/ds_mend.h"
#include "media/ds_codec.h"
#include "header.h"
#include "tap.h"


enum { VIDEO = 0, AUDIO = 1 };

#define FRAME    40000
#define SOUND    21333
#define REORDER  (2 * FRAME)
#define SECOND   1000000
#define NONE     (INT64_MAX / 4)


typedef struct {
    int64_t   from, to;             /* of the hole, us */
    int64_t   end;                  /* of the track */
} track_t;


static int64_t  step[2], last[2], filled[2];
static int      fills[2], dropped, backward;


/* the next packet of a track that has a hole; NONE: it is over */

static int64_t
next(const track_t *tr, int64_t at, int64_t frame)
{
    if (at >= tr->from && at < tr->to) {
        at += (tr->to - at + frame - 1) / frame * frame;
    }

    return at < tr->end ? at : NONE;
}


static void
send(ds_timeline_t *t, ds_mend_t *m, int track, const ds_stamp_t *st,
    bool fill)
{
    backward += last[track] != -1 && st->dts <= last[track];

    if (last[track] != -1 && st->dts - last[track] > step[track]) {
        step[track] = st->dts - last[track];
    }

    last[track] = st->dts;
    fills[track] += fill;

    ds_mend_sent(m, t, track, st, fill);
    ds_timeline_sent(t, track, st);
}


static void
play(const track_t tr[2], int64_t gop)
{
    int            i, hole;
    bool           have[2];
    int64_t        at[2];
    ds_mend_t      m;
    ds_stamp_t     st[2], fill;
    ds_timeline_t  t;

    memset(&m, 0, sizeof(m));
    memset(step, 0, sizeof(step));
    memset(fills, 0, sizeof(fills));
    last[VIDEO] = last[AUDIO] = -1;
    dropped = backward = 0;

    ds_timeline_init(&t);
    ds_timeline_item(&t, REORDER, 0);
    ds_mend_begin(&m, SOUND);
    at[VIDEO] = at[AUDIO] = 0;

    for ( ;; ) {
        for (i = 0; i < 2; i++) {
            at[i] = at[i] == NONE ? NONE
                    : next(&tr[i], at[i], i == VIDEO ? FRAME : SOUND);
            have[i] = at[i] != NONE;

            st[i] = (ds_stamp_t) { at[i] + REORDER, at[i] + REORDER, SOUND };

            if (i == VIDEO) {
                st[i].dts -= REORDER;
                st[i].duration = FRAME;
            }

            if (have[i] && ds_mend_covered(&m, &t, i, &st[i],
                                           at[i] % gop == 0))
            {
                dropped++;
                at[i] += i == VIDEO ? FRAME : SOUND;
                i--;
            }
        }

        hole = ds_mend_hole(&m, &t, have, st, &fill);

        i = !have[AUDIO] || (have[VIDEO] && st[VIDEO].dts <= st[AUDIO].dts)
            ? VIDEO : AUDIO;

        if (hole != -1 && (!have[1 - hole] || fill.dts < st[1 - hole].dts)) {
            send(&t, &m, hole, &fill, true);
            continue;
        }

        if (!have[i]) {
            break;
        }

        send(&t, &m, i, &st[i], false);
        at[i] += i == VIDEO ? FRAME : SOUND;
    }

    memcpy(filled, m.filled, sizeof(filled));
}


static void
test_holes(void)
{
    int64_t  full = 10 * SECOND;

    const track_t  whole = { NONE, NONE, full };

    play((track_t []) { whole, whole }, SECOND);
    is_int(fills[VIDEO] + fills[AUDIO], 0, "whole: nothing is filled");

    play((track_t []) { whole, { NONE, NONE, 4 * SECOND } }, SECOND);
    ok(step[AUDIO] <= SOUND, "no sound: no step of it");
    ok(full + REORDER - last[AUDIO] < 2 * SOUND, "no sound: to the end");
    ok(filled[AUDIO] > 5900000 && filled[AUDIO] < 6100000,
       "no sound: is told: %d us", (int) filled[AUDIO]);

    play((track_t []) { { NONE, NONE, 4 * SECOND }, whole }, SECOND);
    ok(step[VIDEO] < 700000 && fills[VIDEO] > 8,
       "no picture: twice a second: %d", fills[VIDEO]);
    ok(full - last[VIDEO] < 700000, "no picture: to the end");

    play((track_t []) { whole, { 3 * SECOND, 6 * SECOND, full } }, SECOND);
    ok(step[AUDIO] < 2 * SOUND, "a hole in sound: %d us", (int) step[AUDIO]);
    is_int(dropped, 0, "a hole in sound: nothing is dropped");

    play((track_t []) { { 3 * SECOND, 6 * SECOND, full }, whole }, SECOND);
    ok(step[VIDEO] < 700000, "a hole in the picture: %d us",
       (int) step[VIDEO]);
    is_int(dropped, 0, "a hole in the picture: it goes on at a key frame");

    play((track_t []) { { 3 * SECOND, 5500000, full }, whole }, SECOND);
    is_int(dropped, 12, "a hole in the picture: it has to");

    play((track_t []) { { 3 * SECOND, 6 * SECOND, full },
                        { 3 * SECOND, 6 * SECOND, full } }, SECOND);
    is_int(fills[VIDEO] + fills[AUDIO], 0, "a jump of both: none of it");

    play((track_t []) { whole, { 3 * SECOND, 3200000, full } }, SECOND);
    is_int(fills[AUDIO], 0, "what is short: none of it");
    is_int(backward, 0, "no backward stamp");

    play((track_t []) { whole, { 0, 5 * SECOND, full } }, SECOND);
    ok(step[AUDIO] < 2 * SOUND && fills[AUDIO] > 230,
       "sound that begins late");
    is_int(backward, 0, "no backward stamp");
}


/* a decoder's opinion; false: it has another one */

static bool
is_silent(const uint8_t *config, const uint8_t *data, size_t n, int channels)
{
    int              i, j;
    bool             silent;
    AVFrame         *frame;
    AVPacket        *pkt;
    AVCodecContext  *ctx;

    ctx = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_AAC));
    frame = av_frame_alloc();
    pkt = av_packet_alloc();

    ctx->extradata = av_mallocz(2 + AV_INPUT_BUFFER_PADDING_SIZE);
    ctx->extradata_size = 2;
    memcpy(ctx->extradata, config, 2);

    (void) av_new_packet(pkt, n);
    memcpy(pkt->data, data, n);

    silent = avcodec_open2(ctx, NULL, NULL) == 0;

    for (i = 0; silent && i < 3; i++) {
        silent = avcodec_send_packet(ctx, pkt) == 0
                 && avcodec_receive_frame(ctx, frame) == 0
                 && frame->ch_layout.nb_channels == channels
                 && frame->nb_samples == 1024;

        for (j = 0; silent && j < channels * 1024; j++) {
            silent = ((float *) frame->extended_data[j / 1024])[j % 1024]
                     == 0.0f;
        }
    }

    av_frame_free(&frame);
    av_packet_free(&pkt);
    avcodec_free_context(&ctx);

    return silent;
}


static void
test_silence(void)
{
    int                 i;
    size_t              n;
    uint8_t             config[2], buf[DS_CODEC_SILENCE];
    AVCodecParameters  *par;

    static const int  channels[] = { 0, 1, 2, 3, 4, 5, 6, 8 };

    for (i = 1; i < 8; i++) {
        config[0] = 0x11;                       /* AAC-LC, 48000 Hz */
        config[1] = 0x80 | i << 3;
        par = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, config, 2);

        n = ds_codec_silence(par, buf);
        ok(n != 0 && n < DS_CODEC_SILENCE && is_silent(config, buf, n,
                                                       channels[i]),
           "silence of %d channels, in %d bytes", channels[i], (int) n);

        ds_codec_sound(par);
        ok(par->sample_rate == 48000
           && par->ch_layout.nb_channels == channels[i],
           "what the header says of it");

        avcodec_parameters_free(&par);
    }

    par = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, "\x11\x80", 2);
    is_int(ds_codec_silence(par, buf), 0, "channels that are told elsewhere");
    avcodec_parameters_free(&par);

    /* HE-AAC: 24000 Hz of a core, 48000 Hz that are heard */

    par = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC,
                      "\x2b\x11\x88\x00", 4);
    ds_codec_sound(par);
    is_int(par->sample_rate, 48000, "the rate that is heard");
    avcodec_parameters_free(&par);
}


int
main(void)
{
    av_log_set_level(AV_LOG_QUIET);

    test_holes();
    test_silence();

    return done_testing();
}
