
/*
 * ds_convert: each kind of media is copied or encoded, and said so; what
 * comes out decodes, fits the profile, begins and ends together, in order.
 */

#define _GNU_SOURCE

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ds_engine.h"
#include "convert.h"


#define VIDEO  "testsrc=size=160x90:rate=25:duration=3"
#define AUDIO  "sine=frequency=440:duration=3"
#define H264   "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 "
#define AAC    "-c:a aac -ac 2 "
#define VP9    "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 "

/* a picture and a tone that both begin at the 26th frame */
#define FLASH  "color=white:size=160x90:rate=25:duration=3,fade=in:25:1"
#define BEEP   "aevalsrc='gte(t\\,1.04)*sin(2*PI*440*t)':d=3:s=48000"

/* of what is encoded, or a copy that fits */

static void
check_output(const result_t *r, const char *name, int64_t length)
{
    const AVCodecParameters  *v, *a;

    is_int(r->rc, 0, "%s: to its end: %s", name, r->err.message);

    v = r->par[DS_VIDEO];
    a = r->par[DS_AUDIO];

    if (v == NULL || a == NULL) {
        ok(false, "%s: has both tracks", name);
        return;
    }

    ok(v->codec_id == AV_CODEC_ID_H264 && v->width == (int) profile.width
       && v->height == (int) profile.height && v->extradata_size > 8
       && (v->profile == FF_PROFILE_H264_HIGH
           || v->profile == FF_PROFILE_H264_MAIN),
       "%s: video parameters: %dx%d, profile %d", name, v->width, v->height,
       v->profile);
    ok(a->codec_id == AV_CODEC_ID_AAC
       && a->sample_rate == (int) profile.sample_rate
       && a->ch_layout.nb_channels == 2 && a->extradata_size >= 2,
       "%s: audio parameters: %d Hz", name, a->sample_rate);
    is_int(r->disorder, 0, "%s: in DTS order", name);
    is_int(r->errors, 0, "%s: decodes without an error", name);
    is_int(r->size, 0, "%s: all frames are of the profile", name);
    ok(llabs(r->end[0] - r->end[1]) <= 50 * MS,
       "%s: tracks end together, %lld us", name,
       (long long) (r->end[1] - r->end[0]));
    ok(llabs(r->first[0] - r->first[1]) <= 50 * MS,
       "%s: tracks begin together, %lld us", name,
       (long long) (r->first[1] - r->first[0]));
    ok(llabs(r->end[0] - r->first[0] - length) <= 100 * MS,
       "%s: video is %lld us long", name,
       (long long) (r->end[0] - r->first[0]));
}


static void
check_gop(const result_t *r, const char *name)
{
    is_int(r->gops, 0, "%s: key frames are two seconds apart", name);
    is_int(r->steps, 0, "%s: at a constant rate", name);
    is_int(r->frames[0], r->packets[0], "%s: no frame is lost", name);
}


typedef struct {
    const char  *file;
    const char  *arguments;
    const char  *reason;
} kind_t;


static const kind_t  kinds[] = {
    { "copy.mp4", H264 AAC,
      "copy: H.264 160x90, AAC 44100 Hz, 2 channels" },
    { "vp9.webm", VP9 "-c:a libopus",
      "encode: video vp9 160x90 to H.264 160x90, audio opus 48000 Hz to AAC "
      "44100 Hz, 2 channels" },
    { "av1.mkv", "-c:v libaom-av1 -usage realtime -cpu-used 8 " AAC,
      "encode: video av1 160x90 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=-1 "
      "-pix_fmt yuv420p10le " AAC,
      "encode: video hevc 160x90 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "mpeg4.mkv", "-c:v mpeg4 -c:a libmp3lame",
      "encode: video mpeg4 160x90 to H.264 160x90, audio mp3 44100 Hz to AAC "
      "44100 Hz, 2 channels" },
    { "mono.mkv", H264 "-c:a libvorbis -ac 1 -ar 22050",
      "encode: H.264 160x90 copied, audio vorbis 22050 Hz to AAC 44100 Hz, 2 "
      "channels" },
    { "surround.mp4", H264 "-c:a aac -ac 6",
      "encode: H.264 160x90 copied, audio aac 44100 Hz (6 channels) to AAC "
      "44100 Hz, 2 channels" },
    { "48000.mp4", H264 AAC "-ar 48000",
      "encode: H.264 160x90 copied, audio aac 48000 Hz to AAC 44100 Hz, 2 "
      "channels" },
    { "odd.mkv", "-vf scale=171:93 -c:v ffv1 -pix_fmt yuv444p " AAC,
      "encode: video ffv1 171x93 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "422.mp4", "-c:v libx264 -pix_fmt yuv422p10le " AAC,
      "encode: video h264 160x90 (not 8 bit 4:2:0) to H.264 160x90, AAC 44100 "
      "Hz, 2 channels copied" },
    { "turned.mp4", H264 AAC "straight.mp4 && ffmpeg -v error -y "
      "$(ffmpeg -v error -h full | grep -q -e -display_rotation "
      "&& echo -display_rotation 90) -i straight.mp4 -c copy "
      "-metadata:s:v rotate=90",
      "encode: video h264 160x90 (turned) to H.264 160x90, AAC 44100 Hz, 2 "
      "channels copied" },
    { "oblong.mp4", "-vf setsar=4/3 " H264 AAC,
      "encode: video h264 160x90 (pixels not square) to H.264 160x90, AAC "
      "44100 Hz, 2 channels copied" },
    { "interlaced.ts", "-vf scale=160:96,setsar=1 -x264opts tff=1 " H264 AAC,
      "encode: video h264 160x96 (interlaced) to H.264 160x90, AAC 44100 Hz, "
      "2 channels copied" },
    { "fields.mp4", "-vf scale=160:96,setsar=1 -x264opts tff=1 " H264 AAC,
      "encode: video h264 160x96 (interlaced) to H.264 160x90, AAC 44100 Hz, "
      "2 channels copied" },
    { "uneven.mkv", "-vf select='lt(n\\,25)+not(mod(n\\,4))' -fps_mode vfr "
      "-c:v mpeg4 " AAC,
      "encode: video mpeg4 160x90 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "fast.mkv", "-r 60 -c:v mpeg4 " AAC,
      "encode: video mpeg4 160x90 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "silent.mp4", H264 "-an",
      "encode: H.264 160x90 copied, no audio: silence, AAC 44100 Hz" },
    { "dark.m4a", "-vn " AAC,
      "encode: no video: a picture, H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
    { "dark.mp3", "-vn -c:a libmp3lame",
      "encode: no video: a picture, H.264 160x90, audio mp3 44100 Hz to AAC "
      "44100 Hz, 2 channels" },
    { "cover.mkv", "-vf trim=end_frame=1 -fps_mode passthrough -c:v mjpeg "
      "-pix_fmt yuvj420p " AAC,
      "encode: video mjpeg 160x90 to H.264 160x90, AAC 44100 Hz, 2 channels "
      "copied" },
};


static void
test_kinds(void)
{
    size_t         i;
    result_t       r;
    const kind_t  *k;

    for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        k = &kinds[i];

        make(VIDEO, AUDIO, k->arguments, k->file);
        convert(k->file, NULL, &r);

        is_str(r.reason, k->reason, "%s: decision", k->file);
        is_int(r.decision, k->reason[0] == 'c' ? DS_DECISION_COPY
                                               : DS_DECISION_ENCODE,
               "%s: and in short", k->file);
        check_output(&r, k->file, 3000000);

        if (strstr(k->reason, "to H.264") || strstr(k->reason, "no video")) {
            check_gop(&r, k->file);
        }

        result_free(&r);
    }
}


static void
test_profiles(void)
{
    result_t  r;

    profile.video = DS_VIDEO_ENCODE;
    profile.rate = 30;
    convert("copy.mp4", NULL, &r);
    is_str(r.reason, "encode: video h264 160x90 to H.264 160x90, audio aac "
           "44100 Hz to AAC 44100 Hz, 2 channels", "always encoded");
    check_output(&r, "encode", 3000000);
    check_gop(&r, "encode");
    is_int(r.frames[DS_VIDEO], 90, "at the profile's rate");
    result_free(&r);

    profile.width = 320;
    profile.height = 240;
    convert("silent.mp4", "dark.m4a", &r);
    check_output(&r, "two files", 3000000);
    result_free(&r);

    profile.width = 160;
    profile.height = 90;
    profile.rate = 25;

    profile.video = DS_VIDEO_COPY;
    convert("copy.mp4", NULL, &r);
    is_int(r.decision, DS_DECISION_COPY, "only copied");
    is_int(r.packets[DS_VIDEO], 75, "as it is");
    result_free(&r);

    convert("vp9.webm", NULL, &r);
    is_int(r.rc, DS_ECODEC_VIDEO, "%s", r.err.message);
    convert("mono.mkv", NULL, &r);
    is_int(r.rc, DS_ECODEC_AUDIO, "%s", r.err.message);
    convert("silent.mp4", NULL, &r);
    is_int(r.rc, DS_ENO_AUDIO, "%s", r.err.message);
    convert("dark.m4a", NULL, &r);
    is_int(r.rc, DS_ENO_VIDEO, "%s", r.err.message);

    profile.video = DS_VIDEO_AUTO;
}


static void
test_intervals(void)
{
    int       i;
    char      reason[DS_MESSAGE_LEN];
    result_t  r;

    static const char *const  names[] = { "long.mp4", "long.mkv", "long.ts" };

    for (i = 0; i < 3; i++) {
        make("testsrc=size=160x90:rate=25:duration=11",
             "sine=frequency=440:duration=11",
             "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 125 "
             "-sc_threshold 0 " AAC, names[i]);

        profile.max_keyframe_interval = 4000;
        convert(names[i], NULL, &r);
        (void) snprintf(reason, sizeof(reason), "encode: video h264 160x90 "
                        "(key frames 5.0 s apart) to H.264 160x90, AAC 44100 "
                        "Hz, 2 channels copied");
        is_str(r.reason, reason, "%s: key frames too far apart", names[i]);
        check_output(&r, names[i], 11000000);
        check_gop(&r, names[i]);
        result_free(&r);

        profile.max_keyframe_interval = 5000;
        convert(names[i], NULL, &r);
        is_str(r.reason, "copy: H.264 160x90, AAC 44100 Hz, 2 channels",
               "%s: near enough", names[i]);
        is_int(r.packets[DS_VIDEO], 275, "%s: and all of it", names[i]);
        is_int(r.disorder, 0, "%s: in order", names[i]);
        result_free(&r);

        profile.max_keyframe_interval = 0;
        convert(names[i], NULL, &r);
        is_str(r.last, "copy: H.264 160x90, AAC 44100 Hz, 2 channels; key "
               "frames up to 5.0 s apart", "%s: said of a copy", names[i]);
        result_free(&r);
    }
}


static void
test_sync(void)
{
    int       i;
    result_t  r;

    static const struct {
        const char  *name;
        const char  *arguments;
    } files[] = {
        { "flash.webm", VP9 "-c:a libopus" },
        { "flash.mkv", "-c:v mpeg4 -c:a libmp3lame" },
        { "flash.mp4", "-c:v mpeg4 -bf 2 " AAC },
        { "copied.mp4", H264 "-c:a libopus" },
        { "early.mkv", "-filter:v setpts=PTS+0.6/TB -filter:a "
          "asetpts=PTS+0.6/TB -c:v mpeg4 -c:a libopus" },
        { "late.mkv", "-filter:a atrim=start=0.7 -c:v mpeg4 -c:a libopus" },
        { "behind.mkv", "-filter:v trim=start=0.7 -fps_mode passthrough "
          "-c:v mpeg4 -c:a libopus" },
    };

    for (i = 0; i < (int) (sizeof(files) / sizeof(files[0])); i++) {
        make(FLASH, BEEP, files[i].arguments, files[i].name);
        convert(files[i].name, NULL, &r);

        ok(r.rc == 0 && r.white != INT64_MIN
           && llabs(r.white - r.loud) <= 21 * MS,
           "%s: picture at %lld us, sound %lld us after it",
           files[i].name, (long long) r.white,
           (long long) (r.loud - r.white));
        ok(llabs(r.first[0] - r.first[1]) <= 41 * MS
           && llabs(r.end[0] - r.end[1]) <= 50 * MS && r.errors == 0,
           "%s: tracks are of one length", files[i].name);
        result_free(&r);
    }
}


static void
check_together(const result_t *r, const char *name)
{
    is_int(r->rc, 0, "%s: %s", name, r->err.message);
    is_int(r->disorder + r->errors, 0, "%s: in order", name);
    ok(llabs(r->end[0] - r->end[1]) <= 50 * MS && r->end[0] > 12900 * MS,
       "%s: tracks end together, %lld us", name,
       (long long) (r->end[1] - r->end[0]));
    ok(r->frames[DS_VIDEO] >= 70 && r->frames[DS_AUDIO] >= 120,
       "%s: %d frames of video, %d of audio", name, r->frames[DS_VIDEO],
       r->frames[DS_AUDIO]);
}


static void
test_changes(void)
{
    char      command[512];
    result_t  r;

    make(VIDEO, AUDIO, "-c:v mpeg2video -c:a mp2", "one.ts");
    make("testsrc=size=240x160:rate=30:duration=3", AUDIO,
         "-c:v mpeg2video -c:a mp2 -ar 32000 -ac 1 -output_ts_offset 3",
         "two.ts");

    (void) snprintf(command, sizeof(command),
                    "cd %s && cat one.ts two.ts > both.ts", dir);
    ok(system(command) == 0, "two formats in one file");

    convert("both.ts", NULL, &r);
    check_output(&r, "both.ts", 6000000);
    check_gop(&r, "both.ts");
    result_free(&r);

    /* a jump of both tracks is not filled, whatever the clock says */

    make(VIDEO, AUDIO, "-c:v mpeg4 -c:a libmp3lame one.mkv && ffmpeg -v error "
         "-y -i one.mkv -c copy -bsf:v setts=ts='TS+gte(N\\,35)*100000' "
         "-bsf:a setts=ts='TS+gte(N\\,54)*100000'", "jump.mkv");
    convert("jump.mkv", NULL, &r);
    is_int(r.rc, 0, "a jump of time stamps: %s", r.err.message);
    ok(r.frames[DS_VIDEO] >= 70 && r.frames[DS_VIDEO] <= 80
       && r.frames[DS_AUDIO] >= 125 && r.frames[DS_AUDIO] <= 140,
       "%d frames of video, %d of audio", r.frames[DS_VIDEO],
       r.frames[DS_AUDIO]);
    is_int(r.disorder + r.errors, 0, "in order");
    ok(llabs(r.end[0] - r.end[1]) <= 50 * MS && r.end[0] < 3200 * MS,
       "tracks end together, %lld us", (long long) (r.end[1] - r.end[0]));
    result_free(&r);

    /* after a jump what is made for a track that is missing goes on, too */

    make(VIDEO, AUDIO, "-c:v mpeg4 -an one.mkv && ffmpeg -v error -y -i "
         "one.mkv -c copy -bsf:v setts=ts='TS+gte(N\\,35)*9980'",
         "silent.mkv");
    convert("silent.mkv", NULL, &r);
    check_together(&r, "a jump without sound");
    result_free(&r);

    make(VIDEO, AUDIO, "-vn -c:a flac one.mkv && ffmpeg -v error -y -i "
         "one.mkv -c copy -bsf:a setts=ts='TS+gte(N\\,14)*9980'", "dark.mkv");
    convert("dark.mkv", NULL, &r);
    check_together(&r, "a jump without a picture");
    result_free(&r);

    /* a hole in the middle of a track is filled */

    make("testsrc=size=160x90:rate=25:duration=9",
         "sine=frequency=440:duration=9",
         "-filter:a \"aselect='not(between(t,1,8))'\" -c:v mpeg4 "
         "-c:a libopus", "hole.mkv");
    convert("hole.mkv", NULL, &r);
    check_output(&r, "hole.mkv", 9000000);
    result_free(&r);
}


/* what is demanded of the encoder no machine can do */

static void
test_pace(void)
{
    int          warnings;
    result_t     r;
    ds_record_t  record;

    make("testsrc=size=160x90:rate=25:duration=9",
         "sine=frequency=440:duration=9", "-c:v mpeg4 " AAC, "pace.mkv");

    while (ds_poll(ds, &record)) { /* void */ }

    convert_as("test", "pace.mkv", NULL, 1e9, &r);
    check_output(&r, "slow encoder", 9000000);
    check_gop(&r, "slow encoder");
    ok(r.headers >= 3, "key frames after the change carry their header: %d",
       r.headers);
    ok(strstr(r.last, "; cannot keep real time (") != NULL, "%s", r.last);

    warnings = 0;

    while (ds_poll(ds, &record)) {
        if (record.level == DS_LOG_WARN) {
            warnings++;
            ok(strcmp(record.stream, "test") == 0, "%s", record.text);
        }
    }

    is_int(warnings, 3, "two faster presets, then it cannot");
    result_free(&r);
}


static void *
wait_for_place(void *data)
{
    convert_as("same", "vp9.webm", NULL, 0, data);

    return NULL;
}


static void
test_limit(void)
{
    pthread_t  thread;
    result_t   r;

    is_int(ds_gate_enter(ds->encoders, "other", 0, &cancel), DS_OK, "a place");

    convert("vp9.webm", NULL, &r);
    is_int(r.rc, DS_EENCODE_LIMIT, "%s", r.err.message);

    convert("mono.mkv", NULL, &r);
    is_int(r.rc, 0, "audio alone needs no place");
    result_free(&r);

    ds_gate_leave(ds->encoders, "other");

    convert("vp9.webm", NULL, &r);
    is_int(r.rc, 0, "the place is free again");
    result_free(&r);

    is_int(ds_gate_enter(ds->encoders, "same", 0, &cancel), DS_OK,
           "and was given back");

    (void) pthread_create(&thread, NULL, wait_for_place, &r);
    (void) usleep(800 * MS);
    ds_gate_leave(ds->encoders, "same");
    (void) pthread_join(thread, NULL);

    is_int(r.rc, 0, "an item waits for its stream's other one: %s",
           r.err.message);
    ok(r.took >= 750, "as long as that takes, %lld ms", (long long) r.took);
    result_free(&r);
}


typedef struct {
    result_t   result;
    int        nice;
} runner_t;


static void *
run(void *data)
{
    runner_t  *r = data;

    convert("long.mp4", NULL, &r->result);
    r->nice = getpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid));

    return NULL;
}


static void
test_cancel(void)
{
    int64_t    start;
    runner_t   r;
    pthread_t  thread;

    profile.video = DS_VIDEO_ENCODE;
    profile.width = 1920;
    profile.height = 1080;
    profile.rate = 60;

    (void) pthread_create(&thread, NULL, run, &r);
    (void) usleep(400 * MS);

    start = ds_monotonic();
    ds_cancel_set(&cancel);
    (void) pthread_join(thread, NULL);
    start = ds_monotonic() - start;

    is_int(r.result.rc, DS_ECANCELED, "canceled while encoding");
    ok(start < 1000, "ends in %lld ms", (long long) start);
    is_int(r.nice, 5, "encoding yields to others");
    result_free(&r.result);

    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);

    profile.video = DS_VIDEO_AUTO;
    profile.width = 160;
    profile.height = 90;
    profile.rate = 25;
}


/* any answer will do but a crash, and what comes out is in order */

static void
test_damage(void)
{
    int        i, j, n, bad, good, failed;
    FILE      *f;
    char       path[128];
    result_t   r;
    uint8_t   *p;
    unsigned   seed;

    static const char *const  names[] = {
        "vp9.webm", "av1.mkv", "hevc.mp4", "mpeg4.mkv", "mono.mkv",
        "interlaced.ts"
    };

    p = malloc(4 << 20);
    bad = good = failed = 0;
    seed = 7;

    for (i = 0; i < 30; i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, names[i % 6]);
        f = fopen(path, "r");
        n = (int) fread(p, 1, 4 << 20, f);
        (void) fclose(f);

        for (j = 0; j < n / 500; j++) {
            seed = seed * 1103515245 + 12345;
            p[n / 20 + (seed >> 8) % (n - n / 20)] ^= 1 << (j % 8);
        }

        (void) snprintf(path, sizeof(path), "%s/bad-%s", dir, names[i % 6]);
        f = fopen(path, "w");
        (void) fwrite(p, 1, n, f);
        (void) fclose(f);

        convert(path + strlen(dir) + 1, NULL, &r);

        good += r.rc == 0 && r.frames[DS_VIDEO] != 0;
        failed += r.rc < 0 && r.err.message[0] != '\0';
        bad += r.disorder != 0
               && strncmp(r.reason, "encode: video", 13) == 0;
        result_free(&r);
    }

    free(p);

    is_int(good + failed, 30, "damaged files: %d played, %d failed", good,
           failed);
    ok(good >= 10, "most are played");
    is_int(bad, 0, "always in order");

    /* some kilobytes that would be hours of sound */

    make(VIDEO, AUDIO, "-vn -af asetrate=1,asetnsamples=1024 -c:a pcm_s16le",
         "slow.mkv");
    convert("slow.mkv", NULL, &r);
    is_int(r.rc, DS_EENCODE_FAILED, "a sample a second: %s", r.err.message);
    result_free(&r);

    /* pixels a billion times as high as wide */

    make(VIDEO, AUDIO, "-c:v mpeg4 one.mkv && ffmpeg -v error -y -i one.mkv "
         "-c copy -aspect 1/2000000000", "thread.mov");
    convert("thread.mov", NULL, &r);
    is_int(r.rc, 0, "a picture like a thread: %s", r.err.message);
    result_free(&r);

    make(VIDEO, AUDIO, VP9 "-c:a libopus -bsf:v noise=amount=1", "noise.mkv");
    convert("noise.mkv", NULL, &r);
    is_int(r.rc, 0, "noise: the sound plays: %s", r.err.message);
    ok(strstr(r.last, "nothing of the video could be decoded") != NULL,
       "and it is said: %s", r.last);
    result_free(&r);
}


int
main(void)
{
    char                command[64];
    ds_conf_t           conf;
    ds_error_t          err;
    static const char  *argv[] = { "/bin/false", NULL };

    if (mkdtemp(dir) == NULL) {
        (void) printf("Bail out! no directory\n");
        return 1;
    }

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = argv;
    conf.resolve_extractors = "";
    conf.resolve_timeout = 1000;
    conf.source_timeout = 300;
    conf.buffer_time = 10000;
    conf.buffer_size = 16 << 20;
    conf.media_root = dir;
    conf.encodes = 1;

    ds = ds_create(&conf, &err);
    if (ds == NULL || ds_cancel_init(&cancel) != DS_OK) {
        (void) printf("Bail out! no engine\n");
        return 1;
    }

    profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    profile.video = DS_VIDEO_AUTO;
    profile.width = 160;
    profile.height = 90;
    profile.rate = 25;
    profile.video_bitrate = 300000;
    profile.audio_bitrate = 64000;

    test_kinds();
    test_profiles();
    test_intervals();
    test_sync();
    test_changes();
    test_pace();
    test_limit();
    test_cancel();
    test_damage();

    ds_cancel_free(&cancel);
    ds_destroy(&ds);

    (void) snprintf(command, sizeof(command), "rm -rf %s", dir);
    (void) system(command);

    return done_testing();
}
