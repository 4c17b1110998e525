
/*
 * watch: the viewer at the far end.  Reads one RTMP stream and prints each
 * packet as it arrives, with the time stamps that are on the wire:
 *
 *   # offset UNIX_MS_MINUS_MONOTONIC_MS
 *   V|A ARRIVAL_MS DTS PTS SIZE WIDTHxHEIGHT K|- H|-
 *
 * ARRIVAL_MS is CLOCK_MONOTONIC; K: a key frame; H: a codec header other
 * than the track's last one came with it.  The picture's size is what that
 * header says, 0x0 for audio.  Nothing is probed or repaired.
 */

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>


typedef struct {
    const char       *url;
    double            wait;         /* s until the first packet */
    double            seconds;      /* s after it, 0: no limit */
    double            idle;         /* s without a packet, 0: no limit */

    double            deadline;     /* ms, of the call that is made now */
    AVFormatContext  *fmt;
    uint8_t          *header[2];
    size_t            header_len[2];
    int               width;
    int               height;
} watch_t;


static double watch_now(clockid_t clock);
static int watch_options(watch_t *w, int argc, char **argv);
static int watch_interrupt(void *data);
static int watch_open(watch_t *w);
static bool watch_header(watch_t *w, int track, const uint8_t *p, size_t n);
static void watch_size(watch_t *w, AVPacket *pkt);
static void watch_print(watch_t *w, AVPacket *pkt);
static int watch_run(watch_t *w);


int
main(int argc, char **argv)
{
    int      rc;
    watch_t  w;

    memset(&w, 0, sizeof(w));

    if (watch_options(&w, argc, argv) != 0) {
        fprintf(stderr, "usage: watch [--wait S] [--seconds S] [--idle S]"
                " [--until-eof] URL\n");
        return 2;
    }

    av_log_set_level(AV_LOG_QUIET);
    avformat_network_init();

    printf("# offset %.3f\n",
           watch_now(CLOCK_REALTIME) - watch_now(CLOCK_MONOTONIC));
    fflush(stdout);

    rc = watch_run(&w);

    avformat_close_input(&w.fmt);
    free(w.header[0]);
    free(w.header[1]);

    return rc;
}


static double
watch_now(clockid_t clock)
{
    struct timespec  ts;

    clock_gettime(clock, &ts);

    return ts.tv_sec * 1000.0 + ts.tv_nsec / 1e6;
}


static int
watch_options(watch_t *w, int argc, char **argv)
{
    int  i;

    w->wait = 30;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--until-eof") == 0) {
            w->seconds = 0;

        } else if (strcmp(argv[i], "--wait") == 0 && i + 1 < argc) {
            w->wait = atof(argv[++i]);

        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            w->seconds = atof(argv[++i]);

        } else if (strcmp(argv[i], "--idle") == 0 && i + 1 < argc) {
            w->idle = atof(argv[++i]);

        } else if (argv[i][0] != '-' && w->url == NULL) {
            w->url = argv[i];

        } else {
            return -1;
        }
    }

    return (w->url == NULL) ? -1 : 0;
}


static int
watch_interrupt(void *data)
{
    watch_t  *w = data;

    return watch_now(CLOCK_MONOTONIC) > w->deadline;
}


static int
watch_open(watch_t *w)
{
    w->fmt = avformat_alloc_context();
    if (w->fmt == NULL) {
        return AVERROR(ENOMEM);
    }

    w->fmt->interrupt_callback.callback = watch_interrupt;
    w->fmt->interrupt_callback.opaque = w;
    w->fmt->flags |= AVFMT_FLAG_NOFILLIN|AVFMT_FLAG_NOPARSE
                     |AVFMT_FLAG_NOBUFFER;

    return avformat_open_input(&w->fmt, w->url, NULL, NULL);
}


static bool
watch_header(watch_t *w, int track, const uint8_t *p, size_t n)
{
    if (p == NULL || n == 0
        || (n == w->header_len[track]
            && memcmp(p, w->header[track], n) == 0))
    {
        return false;
    }

    free(w->header[track]);
    w->header_len[track] = 0;

    w->header[track] = malloc(n);
    if (w->header[track] == NULL) {
        return true;
    }

    memcpy(w->header[track], p, n);
    w->header_len[track] = n;

    return true;
}


/* the size of the picture, as the video's header has it */

static void
watch_size(watch_t *w, AVPacket *pkt)
{
    int                    n;
    uint8_t               *p;
    AVCodecContext        *ctx;
    AVCodecParserContext  *parser;

    parser = av_parser_init(AV_CODEC_ID_H264);
    ctx = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));

    if (parser != NULL && ctx != NULL) {
        ctx->extradata = av_mallocz(w->header_len[0]
                                    + AV_INPUT_BUFFER_PADDING_SIZE);
    }

    if (ctx != NULL && ctx->extradata != NULL) {
        memcpy(ctx->extradata, w->header[0], w->header_len[0]);
        ctx->extradata_size = w->header_len[0];
        parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;

        (void) av_parser_parse2(parser, ctx, &p, &n, pkt->data, pkt->size,
                                pkt->pts, pkt->dts, 0);
        w->width = parser->width;
        w->height = parser->height;
    }

    av_parser_close(parser);
    avcodec_free_context(&ctx);
}


static void
watch_print(watch_t *w, AVPacket *pkt)
{
    int                 track;
    bool                changed;
    size_t              n;
    uint8_t            *p;
    AVCodecParameters  *par;

    par = w->fmt->streams[pkt->stream_index]->codecpar;

    if (par->codec_type == AVMEDIA_TYPE_VIDEO) {
        track = 0;

    } else if (par->codec_type == AVMEDIA_TYPE_AUDIO) {
        track = 1;

    } else {
        return;
    }

    p = av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA, &n);

    if (p != NULL) {
        changed = watch_header(w, track, p, n);

    } else if (w->header_len[track] == 0) {
        changed = watch_header(w, track, par->extradata, par->extradata_size);

    } else {
        changed = false;
    }

    if (changed && track == 0) {
        watch_size(w, pkt);
    }

    printf("%c %.3f %" PRId64 " %" PRId64 " %d %dx%d %c %c\n", "VA"[track],
           watch_now(CLOCK_MONOTONIC), pkt->dts, pkt->pts, pkt->size,
           track == 0 ? w->width : 0, track == 0 ? w->height : 0,
           (pkt->flags & AV_PKT_FLAG_KEY) ? 'K' : '-', changed ? 'H' : '-');
    fflush(stdout);
}


static int
watch_run(watch_t *w)
{
    int              rc;
    double           end, now;
    AVPacket        *pkt;
    struct timespec  pause = { 0, 50000000 };

    end = watch_now(CLOCK_MONOTONIC) + w->wait * 1000;
    w->deadline = end;

    while (watch_open(w) < 0) {
        if (watch_now(CLOCK_MONOTONIC) > end) {
            fprintf(stderr, "watch: nothing to see in %.1f s\n", w->wait);
            return 1;
        }

        nanosleep(&pause, NULL);
    }

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return 1;
    }

    end = 0;

    for ( ;; ) {
        rc = av_read_frame(w->fmt, pkt);
        if (rc < 0) {
            break;
        }

        watch_print(w, pkt);
        av_packet_unref(pkt);

        now = watch_now(CLOCK_MONOTONIC);

        if (end == 0) {
            end = (w->seconds > 0) ? now + w->seconds * 1000 : 1e18;
        }

        if (now >= end) {
            break;
        }

        w->deadline = end;

        if (w->idle > 0 && now + w->idle * 1000 < end) {
            w->deadline = now + w->idle * 1000;
        }
    }

    av_packet_free(&pkt);

    return (end == 0) ? 1 : 0;
}
