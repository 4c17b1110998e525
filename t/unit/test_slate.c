
/*
 * The slate: what is made is decoded again, for several rounds; images,
 * clips and files that are neither.
 */

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>

#include "media/ds_input.h"
#include "air/ds_slate.h"
#include "tap.h"


#define DEADLINE  20000
#define MANY      40


typedef struct {
    AVCodecContext  *dec;
    int64_t          last;              /* us, DTS */
    int64_t          max_step;
    int64_t          luma;              /* of the first picture, mean */
    unsigned         backward;
    unsigned         errors;
    unsigned         packets;
    unsigned         keys;
    unsigned         frames;
    unsigned         size;              /* frames of the form's size */
    float            loudest;
} track_t;


static const ds_form_t  form = {
    { DS_VIDEO_ENCODE, 640, 360, 25, 1000000, 96000, 44100, 0 }, 2
};

static char     dir[] = "/tmp/ds-slate-XXXXXX";
static ds_t    *ds;
static track_t  track[2];
static bool     warned;


static void
make(const char *fmt, ...)
{
    char     cmd[1024];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(cmd, sizeof(cmd), fmt, args);
    va_end(args);

    if (system(cmd) != 0) {
        (void) fprintf(stderr, "failed: %s\n", cmd);
        exit(1);
    }
}


static void
decoded(track_t *t, AVFrame *frame, const ds_form_t *f)
{
    int     i, x, y;
    float  *p;

    if (frame->width == 0) {
        for (i = 0; i < frame->nb_samples; i++) {
            p = (float *) frame->data[0];

            if (p[i] > t->loudest) {
                t->loudest = p[i];
            }
        }

    } else if (t->frames == 0) {
        for (y = 0; y < frame->height; y++) {
            for (x = 0; x < frame->width; x++) {
                t->luma += frame->data[0][y * frame->linesize[0] + x];
            }
        }

        t->luma /= frame->width * frame->height;
    }

    t->frames++;
    t->size += frame->width == (int) f->profile.width
               && frame->height == (int) f->profile.height;
}


static void
feed(track_t *t, AVPacket *pkt, const ds_form_t *f)
{
    AVFrame  *frame;

    frame = av_frame_alloc();

    if (avcodec_send_packet(t->dec, pkt) < 0) {
        t->errors++;
    }

    while (avcodec_receive_frame(t->dec, frame) >= 0) {
        t->errors += frame->decode_error_flags != 0;
        decoded(t, frame, f);
    }

    av_frame_free(&frame);
}


/* plays "seconds" of it */

static void
play(ds_slate_t *sl, const ds_form_t *f, int seconds)
{
    int                       i;
    track_t                  *t;
    AVPacket                 *pkt;
    const AVCodecParameters  *par;

    memset(track, 0, sizeof(track));

    for (i = 0; i < 2; i++) {
        t = &track[i];
        t->last = INT64_MIN / 2;

        par = ds_slate_codecpar(sl, i);
        t->dec = avcodec_alloc_context3(avcodec_find_decoder(par->codec_id));
        (void) avcodec_parameters_to_context(t->dec, par);
        t->dec->err_recognition = AV_EF_EXPLODE|AV_EF_CRCCHECK;
        t->dec->thread_count = 1;

        if (avcodec_open2(t->dec, NULL, NULL) < 0) {
            abort();
        }

        for ( ;; ) {
            pkt = ds_slate_next(sl, i);

            if (pkt->dts >= seconds * INT64_C(1000000)) {
                av_packet_free(&pkt);
                break;
            }

            if (t->packets != 0) {
                t->backward += pkt->dts <= t->last;

                if (pkt->dts - t->last > t->max_step) {
                    t->max_step = pkt->dts - t->last;
                }
            }

            t->last = pkt->dts;
            t->packets++;
            t->keys += i == DS_VIDEO && (pkt->flags & AV_PKT_FLAG_KEY) != 0;

            feed(t, pkt, f);
            av_packet_free(&pkt);
        }

        feed(t, NULL, f);
        avcodec_free_context(&t->dec);
    }
}


static void
drain_log(void)
{
    ds_record_t  r;

    while (ds_poll(ds, &r)) {
        (void) printf("# [%d] %s: %s\n", r.level, r.stream, r.text);

        if (strstr(r.text, "slate_invalid") != NULL
            && r.level == DS_LOG_WARN)
        {
            warned = true;
        }
    }
}


/* waits until a slate is made; with a file until that is */

static bool
begin(ds_slate_t *sl, unsigned n)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    while (ds_monotonic() < end) {
        ds_slate_check(sl, true);

        if (ds_slate_renewed(sl)) {
            if (!ds_slate_begin(sl, 0)) {
                return false;
            }

            if (--n == 0) {
                return true;
            }
        }

        usleep(1000);
    }

    return false;
}


static void
check(const char *what, const ds_form_t *f, int seconds)
{
    int64_t  drift, step;

    step = 1024 * INT64_C(1000000) / f->profile.sample_rate + 1;

    is_int(track[0].errors + track[1].errors, 0, "%s: decodes", what);
    is_int(track[0].backward + track[1].backward, 0, "%s: goes on", what);
    is_int(track[0].frames, track[0].packets, "%s: all pictures", what);
    is_int(track[0].size, track[0].frames, "%s: the form's size", what);
    ok(track[0].keys >= (unsigned) seconds / 2, "%s: a key frame each 2 s",
       what);
    ok(track[1].max_step <= step, "%s: sound without a hole: %d us", what,
       (int) track[1].max_step);

    drift = llabs(track[0].last + track[0].max_step - track[1].last
                  - track[1].max_step);
    ok(drift < 50000, "%s: sound ends with the picture: %d us", what,
       (int) drift);
}


/* of the profile that items have, with the colours of its size */

static void
check_header(const char *what, ds_slate_t *sl, enum AVColorSpace space)
{
    const AVCodecParameters  *par;

    par = ds_slate_codecpar(sl, DS_VIDEO);

    ok(par->extradata_size > 4 && par->extradata[5] == 100,
       "%s: profile High: %d", what, par->extradata[5]);
    is_int(par->color_space, space, "%s: its colours", what);
    is_int(ds_slate_rate(sl), 5, "%s: frames a second", what);
}


static void
test_name(void)
{
    int64_t      t;
    AVPacket    *pkt;
    ds_form_t    f;
    ds_slate_t  *sl;
    struct timespec  ts;

    sl = ds_slate_create(ds, "A-stream.of_64", NULL);

    ok(!ds_slate_begin(sl, 0), "name: nothing before a form is known");
    ds_slate_want(sl, &form);
    ok(begin(sl, 1), "name: made");
    check_header("name", sl, AVCOL_SPC_SMPTE170M);
    play(sl, &form, 6);
    check("name", &form, 6);
    is_int(track[0].packets, 30, "name: five pictures a second");
    ok(track[0].luma > 25 && track[0].luma < 100, "name: dark, not empty: %d",
       (int) track[0].luma);
    ok(track[1].loudest < 0.001, "name: silent");

    ok(ds_slate_begin(sl, 100000), "name: from the start again");
    pkt = ds_slate_next(sl, DS_AUDIO);
    is_int(pkt->dts, -100000, "name: sound from before the picture");
    av_packet_free(&pkt);
    pkt = ds_slate_next(sl, DS_VIDEO);
    ok(pkt->dts == 0 && (pkt->flags & AV_PKT_FLAG_KEY), "name: a key frame");
    av_packet_free(&pkt);

    f = form;
    f.profile.width = 321;
    f.profile.height = 179;
    f.profile.sample_rate = 48000;
    f.channels = 1;

    ds_slate_want(sl, &f);
    ok(begin(sl, 1), "another form: made");
    f.profile.width = 320;
    f.profile.height = 178;
    play(sl, &f, 6);
    check("another form", &f, 6);

    f.profile.sample_rate = 1;
    ds_slate_want(sl, &f);
    f.profile.width = 1 << 20;
    ds_slate_want(sl, &f);
    ok(ds_slate_begin(sl, 0), "a form that cannot be made: the old one");
    ds_slate_free(&sl);

    f = form;
    f.profile.width = 1280;
    f.profile.height = 720;
    (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    sl = ds_slate_create(ds, "bench", NULL);
    ds_slate_want(sl, &f);
    ok(begin(sl, 1), "720p: made");
    check_header("720p", sl, AVCOL_SPC_BT709);
    ds_slate_free(&sl);

    f.profile.width = 4096;
    f.profile.height = 2304;
    sl = ds_slate_create(ds, "large", NULL);
    ds_slate_want(sl, &f);
    usleep(100000);
    t = ds_monotonic();
    ds_slate_free(&sl);
    t = ds_monotonic() - t;
    ok(t < 500, "a large one that is being made: ends at once: %d ms",
       (int) t);

    {
        struct timespec  end;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
        (void) printf("# 720p: %.1f ms of CPU\n",
                      (end.tv_sec - ts.tv_sec) * 1e3
                      + (end.tv_nsec - ts.tv_nsec) / 1e6);
    }
}


static void
test_images(void)
{
    char          path[256];
    unsigned      i;
    ds_slate_t   *sl;

    static const char *const  names[] = {
        "image.png", "image.jpg", "image.gif", "image.webp", "short.mp4"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        sl = ds_slate_create(ds, "image", path);
        ds_slate_want(sl, &form);
        ok(begin(sl, 2), "%s: made, after the name", names[i]);
        play(sl, &form, 6);
        check(names[i], &form, 6);
        is_int(track[0].packets, 30, "%s: five pictures a second", names[i]);
        ok(track[0].luma > 150, "%s: it is the image: %d", names[i],
           (int) track[0].luma);
        ok(track[1].loudest < 0.001, "%s: silent", names[i]);
        ds_slate_free(&sl);
    }
}


/* the second stream has at once what the first one has */

static void
test_shared(void)
{
    char         path[256];
    ds_form_t    f;
    ds_slate_t  *sl, *other;

    (void) snprintf(path, sizeof(path), "%s/clip.mp4", dir);

    sl = ds_slate_create(ds, "one", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 2), "shared: made");

    f = form;
    f.profile.video = DS_VIDEO_COPY;
    f.profile.max_keyframe_interval = 4000;

    other = ds_slate_create(ds, "other", path);
    ds_slate_want(other, &f);
    ok(begin(other, 1), "shared: the other's");
    ok(ds_slate_codecpar(sl, 0) == ds_slate_codecpar(other, 0),
       "shared: it is the same");
    ds_slate_free(&sl);
    play(other, &form, 12);
    check("shared", &form, 12);
    is_int(track[0].packets, 300, "shared: its pictures");

    f.channels = 1;
    ds_slate_want(other, &f);
    ok(begin(other, 1), "shared: in another form");
    is_int(ds_slate_codecpar(other, 1)->ch_layout.nb_channels, 1,
           "shared: which is its own");
    ds_slate_free(&other);

    make("cp %s/image.gif %s", dir, path);
    sl = ds_slate_create(ds, "new", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 2), "shared: another file of that name");
    play(sl, &form, 6);
    is_int(track[0].packets, 30, "shared: is another slate");
    ds_slate_free(&sl);
}


/* they are made one after another, or not at all */

static void
test_many(void)
{
    int          i, n;
    int64_t      t;
    ds_slate_t  *sl[MANY];

    for (i = 0; i < MANY; i++) {
        sl[i] = ds_slate_create(ds, "many", NULL);
        ds_slate_want(sl[i], &form);
    }

    for (i = n = 0; i < MANY; i++) {
        n += begin(sl[i], 1);
        ds_slate_free(&sl[i]);
    }

    is_int(n, MANY, "many: all are made");

    for (i = 0; i < MANY; i++) {
        sl[i] = ds_slate_create(ds, "many", NULL);
        ds_slate_want(sl[i], &form);
    }

    t = ds_monotonic();

    for (i = MANY - 1; i >= 0; i--) {
        ds_slate_free(&sl[i]);
    }

    t = ds_monotonic() - t;
    ok(t < 1000, "many: those that wait end at once: %d ms", (int) t);
}


static void
test_tracks(void)
{
    char         path[256];
    ds_slate_t  *sl;

    (void) snprintf(path, sizeof(path), "%s/apart.mkv", dir);
    sl = ds_slate_create(ds, "apart", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 2), "apart: made");
    play(sl, &form, 8);
    check("apart", &form, 8);
    is_int(track[0].packets, 200, "apart: the picture stands");
    ok(track[1].loudest > 0.05, "apart: while there is sound");
    ds_slate_free(&sl);

    (void) snprintf(path, sizeof(path), "%s/slides.mkv", dir);
    sl = ds_slate_create(ds, "slides", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 2), "slides: made");
    play(sl, &form, 40);
    check("slides", &form, 40);
    is_int(track[0].packets, 1000, "slides: each as long as it is");
    ds_slate_free(&sl);

    (void) snprintf(path, sizeof(path), "%s/sound.m4a", dir);
    sl = ds_slate_create(ds, "sound", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 1), "sound: the name");
    ds_slate_free(&sl);
}


static void
test_files(void)
{
    char         path[256];
    int64_t      t;
    ds_slate_t  *sl;

    (void) snprintf(path, sizeof(path), "%s/clip.mp4", dir);
    sl = ds_slate_create(ds, "clip", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 2), "clip: made");
    play(sl, &form, 12);
    check("clip", &form, 12);
    is_int(track[0].packets, 300, "clip: its pictures");
    ok(track[1].loudest > 0.05, "clip: its sound");
    ds_slate_free(&sl);
    ok(!warned, "no warning");

    (void) snprintf(path, sizeof(path), "%s/noise.mp4", dir);
    sl = ds_slate_create(ds, "noise", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 1), "noise: the name is shown");

    for (t = ds_monotonic(); !warned && ds_monotonic() - t < DEADLINE; ) {
        usleep(1000);
        drain_log();
    }

    ok(warned, "noise: a warning");
    ok(!ds_slate_renewed(sl), "noise: the name stays");
    ds_slate_free(&sl);

    sl = ds_slate_create(ds, "device", "/dev/zero");
    ds_slate_want(sl, &form);
    ok(begin(sl, 1), "what is no file: the name is shown");
    ds_slate_free(&sl);

    (void) snprintf(path, sizeof(path), "%s/long.mp4", dir);
    sl = ds_slate_create(ds, "long", path);
    ds_slate_want(sl, &form);
    ok(begin(sl, 1), "a long clip: the name meanwhile");
    t = ds_monotonic();
    ds_slate_free(&sl);
    ok(ds_monotonic() - t < 500, "a long clip: ends at once: %d ms",
       (int) (ds_monotonic() - t));
}


int
main(void)
{
    unsigned           i;
    ds_conf_t          conf;
    ds_error_t         err;
    static const char *argv[] = { "/bin/false", NULL };
    static const char *kinds[] = { "png", "jpg", "gif", "webp" };

    if (mkdtemp(dir) == NULL) {
        abort();
    }

    for (i = 0; i < 4; i++) {
        make("ffmpeg -v error -f lavfi -i color=white:size=301x201 "
             "-frames:v 1 %s/image.%s </dev/null", dir, kinds[i]);
    }

    make("ffmpeg -v error -f lavfi -i color=white:size=300x200 -t 0.5 "
         "-c:v libx264 -bf 2 %s/short.mp4 </dev/null", dir);
    make("ffmpeg -v error -f lavfi "
         "-i testsrc=size=320x240:rate=30:duration=2 -f lavfi "
         "-i sine=frequency=300:duration=8 -c:v mpeg4 -c:a aac "
         "%s/apart.mkv </dev/null", dir);
    make("ffmpeg -v error -f lavfi -i testsrc=size=320x240:rate=1/12 -t 40 "
         "-c:v mpeg4 %s/slides.mkv </dev/null", dir);
    make("ffmpeg -v error -f lavfi -i sine=frequency=300:duration=2 -c:a aac "
         "%s/sound.m4a </dev/null", dir);
    make("ffmpeg -v error -f lavfi -i testsrc=size=320x240:rate=30 -f lavfi "
         "-i sine=frequency=300 -t 4 -c:v mpeg4 -c:a aac %s/clip.mp4 "
         "</dev/null", dir);
    make("ffmpeg -v error -f lavfi -i testsrc=size=640x360:rate=25 -t 30 "
         "-c:v libx264 -preset ultrafast %s/long.mp4 </dev/null", dir);
    make("head -c 100000 /dev/urandom > %s/noise.mp4", dir);

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = argv;
    conf.resolve_extractors = "youtube";
    conf.source_timeout = 5000;

    ds = ds_create(&conf, &err);
    if (ds == NULL) {
        (void) printf("Bail out! %s\n", err.message);
        return 1;
    }

    test_name();
    drain_log();
    test_images();
    test_files();
    test_tracks();
    test_shared();
    test_many();
    drain_log();

    ds_destroy(&ds);
    make("rm -rf %s", dir);

    return done_testing();
}
