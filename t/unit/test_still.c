
/*
 * Pictures of what is on air: of key frames that libx264 makes here, and of
 * ones that are damaged.
 */

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "base/ds_item.h"
#include "play/ds_play.h"
#include "header.h"
#include "tap.h"


#define DEADLINE  10000


typedef struct {
    AVPacket           *pkt;            /* a key frame */
    AVCodecParameters  *par;
} keyframe_t;


static ds_t         *ds;
static ds_stream_t   stream;
static atomic_bool   quit;

static AVCodecParameters  *sound;


/* "par" NULL: as before */

static int
put(const AVPacket *pkt, const AVCodecParameters *par)
{
    AVPacket    *copy;
    ds_error_t   err;

    if (par != NULL
        && ds_sent_heads(stream.sent, par, 25, sound, &err) != DS_OK)
    {
        abort();
    }

    copy = av_packet_clone(pkt);
    copy->stream_index = DS_VIDEO;

    return ds_sent_put(stream.sent, copy, &err);
}


/* plain luma and chroma, or noise with luma -1 */

static void
fill(AVFrame *frame, int y, int u, int v)
{
    int  i, k, n, values[3];

    values[0] = y;
    values[1] = u;
    values[2] = v;

    for (i = 0; i < 3; i++) {
        n = frame->linesize[i] * (i == 0 ? frame->height
                                         : frame->height / 2);

        for (k = 0; k < n; k++) {
            frame->data[i][k] = y == -1 ? rand() : values[i];
        }
    }
}


static bool
encode(keyframe_t *key, int width, int height, AVRational sar, int y, int u,
    int v)
{
    bool             ok;
    AVFrame         *frame;
    AVCodecContext  *ctx;
    const AVCodec   *codec;

    codec = avcodec_find_encoder_by_name("libx264");
    ctx = avcodec_alloc_context3(codec);
    frame = av_frame_alloc();
    key->pkt = av_packet_alloc();
    key->par = avcodec_parameters_alloc();

    ctx->width = width;
    ctx->height = height;
    ctx->sample_aspect_ratio = sar;
    ctx->pix_fmt = AV_PIX_FMT_YUV420P;
    ctx->time_base = (AVRational) { 1, 25 };
    ctx->thread_count = 1;
    ctx->max_b_frames = 0;
    ctx->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;

    frame->width = width;
    frame->height = height;
    frame->format = AV_PIX_FMT_YUV420P;

    ok = avcodec_open2(ctx, codec, NULL) == 0
         && av_frame_get_buffer(frame, 0) == 0;

    if (ok) {
        fill(frame, y, u, v);

        ok = avcodec_send_frame(ctx, frame) == 0
             && avcodec_send_frame(ctx, NULL) == 0
             && avcodec_receive_packet(ctx, key->pkt) == 0
             && avcodec_parameters_from_context(key->par, ctx) == 0;
    }

    av_frame_free(&frame);
    avcodec_free_context(&ctx);

    return ok;
}


static void
key_free(keyframe_t *key)
{
    av_packet_free(&key->pkt);
    avcodec_parameters_free(&key->par);
}


/* a JPEG, decoded, the caller frees; NULL: none came, "err" is why */

static AVFrame *
picture(size_t *size, ds_error_t *err)
{
    AVFrame         *frame;
    int64_t          end;
    AVPacket        *pkt;
    ds_still_t      *still;
    const uint8_t   *data;
    AVCodecContext  *ctx;

    still = ds_stream_still(&stream, 640, err);
    if (still == NULL) {
        return NULL;
    }

    end = ds_monotonic() + DEADLINE;

    while (!ds_still_done(still, &data, size, err)) {
        if (ds_monotonic() > end) {
            break;
        }

        (void) ds_cancel_wait(&stream.job.cancel, 2);
    }

    if (!ds_still_done(still, &data, size, err) || data == NULL) {
        ds_still_free(&still);
        return NULL;
    }

    frame = av_frame_alloc();
    pkt = av_packet_alloc();
    ctx = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_MJPEG));
    ctx->thread_count = 1;

    if (av_new_packet(pkt, (int) *size) < 0) {
        abort();
    }

    memcpy(pkt->data, data, *size);

    if (avcodec_open2(ctx, NULL, NULL) < 0
        || avcodec_send_packet(ctx, pkt) < 0
        || avcodec_receive_frame(ctx, frame) < 0)
    {
        av_frame_free(&frame);
    }

    av_packet_free(&pkt);
    avcodec_free_context(&ctx);
    ds_still_free(&still);

    return frame;
}


static void
is_picture(int width, int height, int luma, const char *what)
{
    int          y;
    size_t       size;
    AVFrame     *frame;
    ds_error_t   err;

    frame = picture(&size, &err);

    if (!ok(frame != NULL, "%s: a picture", what)) {
        return;
    }

    is_int(frame->width, width, "%s: width", what);
    is_int(frame->height, height, "%s: height", what);

    y = frame->data[0][frame->linesize[0] * (height / 2) + width / 2];

    ok(abs(y - luma) <= 4, "%s: luma %d, not %d", what, luma, y);

    av_frame_free(&frame);
}


static void
test_pictures(void)
{
    size_t      size;
    keyframe_t  key, other;
    AVFrame    *frame;
    ds_error_t  err;

    ok(picture(&size, &err) == NULL, "nothing yet");
    is_int(err.code, DS_ENO_VIDEO, "its code");

    ok(encode(&key, 320, 180, (AVRational) { 1, 1 }, 126, 128, 128), "made");

    /* not a key frame, or one of which the header is not known */

    is_int(put(key.pkt, NULL), DS_ESOURCE_INVALID, "no header");
    key.pkt->flags = 0;
    is_int(put(key.pkt, key.par), DS_OK, "not a key frame");
    ok(picture(&size, &err) == NULL, "nothing yet");
    key.pkt->flags = AV_PKT_FLAG_KEY;

    /* video's range is 16 to 235, a picture's 0 to 255 */

    (void) put(key.pkt, key.par);
    is_picture(320, 180, 128, "small");

    ok(encode(&other, 720, 576, (AVRational) { 16, 15 }, 235, 128, 128),
       "made");
    (void) put(other.pkt, other.par);
    is_picture(640, 480, 255, "wide pixels");

    (void) put(other.pkt, NULL);
    is_picture(640, 480, 255, "the same header");
    key_free(&other);

    ok(encode(&other, 1920, 1080, (AVRational) { 0, 1 }, 16, 128, 128),
       "made");
    (void) put(other.pkt, other.par);
    is_picture(640, 360, 0, "large");
    key_free(&other);

    ok(encode(&other, 64, 2048, (AVRational) { 1, 200 }, 16, 128, 128),
       "made");
    (void) put(other.pkt, other.par);
    is_picture(40, 1280, 0, "high, of an odd aspect");
    key_free(&other);

    ok(encode(&other, 640, 1280, (AVRational) { 1, 1 }, -1, 0, 0), "made");
    (void) put(other.pkt, other.par);
    frame = picture(&size, &err);
    ok(frame != NULL && size <= 256 * 1024, "noise takes %zu bytes", size);
    av_frame_free(&frame);
    key_free(&other);

    stream.status.state = DS_STALLED;
    ok(picture(&size, &err) == NULL, "not on air");
    is_int(err.code, DS_ENO_VIDEO, "its code");

    stream.status.slate = true;
    frame = picture(&size, &err);
    ok(frame != NULL, "the slate is");
    av_frame_free(&frame);

    stream.status.slate = false;
    stream.status.state = DS_LIVE;
    stream.status.heard = false;
    ok(picture(&size, &err) == NULL, "not connected");
    stream.status.heard = true;

    key_free(&key);
}


static void
test_damaged(void)
{
    int                 i, k, made, failed;
    size_t              size;
    keyframe_t          key;
    AVFrame            *frame;
    AVPacket           *pkt;
    ds_error_t          err;
    AVCodecParameters  *par;

    made = 0;
    failed = 0;

    ok(encode(&key, 320, 180, (AVRational) { 1, 1 }, -1, 0, 0), "made");

    for (i = 0; i < 100; i++) {
        pkt = av_packet_clone(key.pkt);
        par = avcodec_parameters_alloc();

        if (pkt == NULL || avcodec_parameters_copy(par, key.par) < 0
            || av_packet_make_writable(pkt) < 0)
        {
            abort();
        }

        for (k = 0; k < 1 + i % 20; k++) {
            pkt->data[rand() % pkt->size] = rand();
        }

        if (i % 3 == 0) {
            par->extradata[8 + rand() % (par->extradata_size - 8)] = rand();
        }

        if (i % 5 == 0) {
            pkt->size = rand() % pkt->size;
        }

        (void) put(pkt, par);

        frame = picture(&size, &err);

        if (frame != NULL) {
            made++;
            av_frame_free(&frame);

        } else if (err.code == DS_EENCODE_FAILED) {
            failed++;
        }

        av_packet_free(&pkt);
        avcodec_parameters_free(&par);
    }

    is_int(made + failed, 100, "damaged: a picture or an error (%d, %d)",
           made, failed);
    ok(failed != 0, "damaged: some cannot be decoded");

    key_free(&key);

    ok(encode(&key, 320, 180, (AVRational) { 1, 1 }, 126, 128, 128), "made");
    (void) put(key.pkt, key.par);
    is_picture(320, 180, 128, "and then");

    key_free(&key);
}


static void *
putter(void *data)
{
    keyframe_t  *key = data;

    while (!atomic_load(&quit)) {
        (void) put(key->pkt, NULL);
        (void) put(key->pkt, key->par);
        (void) ds_cancel_wait(&stream.job.cancel, 1);
    }

    return NULL;
}


static void
test_beside(void)
{
    int          i, made;
    size_t       size;
    keyframe_t   key;
    AVFrame     *frame;
    pthread_t    tid;
    ds_error_t   err;

    made = 0;

    ok(encode(&key, 320, 180, (AVRational) { 1, 1 }, 126, 128, 128), "made");

    is_int(ds_thread_start(&tid, "putter", putter, &key), DS_OK, "thread");

    for (i = 0; i < 20; i++) {
        frame = picture(&size, &err);
        made += frame != NULL;
        av_frame_free(&frame);
    }

    atomic_store(&quit, true);
    (void) pthread_join(tid, NULL);

    is_int(made, 20, "pictures while others are put");

    key_free(&key);
}


int
main(void)
{
    ds_conf_t   conf;
    ds_error_t  err;

    static const char *const  argv[] = { "/bin/true", NULL };

    memset(&conf, 0, sizeof(conf));

    conf.resolve_command = argv;
    conf.resolve_extractors = "youtube";

    ds = ds_create(&conf, &err);

    stream.ds = ds;
    stream.sent = ds_sent_create(ds);
    sound = make_header(AVMEDIA_TYPE_AUDIO, AV_CODEC_ID_AAC, "\x12\x10", 2);
    stream.status.heard = true;
    stream.status.state = DS_LIVE;

    (void) pthread_mutex_init(&stream.lock, NULL);

    if (ds == NULL || stream.sent == NULL
        || ds_cancel_init(&stream.job.cancel) != DS_OK)
    {
        return 1;
    }

    test_pictures();
    test_damaged();
    test_beside();

    /* one that is being made ends with the engine */

    ok(ds_stream_still(&stream, 640, &err) != NULL, "started");

    ds_sent_free(&stream.sent);
    ds_destroy(&ds);
    ok(ds == NULL, "and destroyed");

    avcodec_parameters_free(&sound);
    ds_cancel_free(&stream.job.cancel);
    (void) pthread_mutex_destroy(&stream.lock);

    return done_testing();
}
