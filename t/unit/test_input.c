
/*
 * ds_input: packets of every container in order, each codec and fault its
 * own answer, damaged files an error and never a crash, no leaks.
 */

#define _GNU_SOURCE

#include <sys/stat.h>

#include "media/ds_codec.h"
#include "net/ds_http.h"
#include "media/ds_input.h"
#include "server.h"
#include "tap.h"


#define VIDEO  "testsrc=size=320x180:rate=25:duration=3"
#define AUDIO  "sine=frequency=440:duration=3"
#define H264   "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25 "
#define AAC    "-c:a aac -ac 2 "


static ds_conf_t    conf;
static ds_cancel_t  cancel;


typedef struct {
    int        rc;
    int        packets[2];
    int        disorder;        /* DTS backward, unset or odd times */
    int        headers;
    int64_t    first[2];
    int64_t    end[2];
    int64_t    most;            /* us from one packet to the next */
    int64_t    ms;              /* to the first packet */
    uint64_t   bytes;
} result_t;


static void
make(const char *arguments, const char *file)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -y -f lavfi -i " VIDEO
                    " -f lavfi -i " AUDIO " %s %s </dev/null", server_dir,
                    arguments, file);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", file);
    }
}


static void
make_media(void)
{
    make(H264 AAC "-movflags +faststart", "a.mp4");
    make(H264 AAC, "late.mp4");
    make(H264 AAC "-movflags frag_keyframe+empty_moov", "frag.mp4");
    make(H264 AAC, "a.flv");
    make(H264 AAC, "a.ts");
    make(H264 AAC, "a.mkv");
    make(H264 AAC "-f hls -hls_time 1 -hls_list_size 0", "a.m3u8");
    make(H264 AAC "-f hls -hls_time 1 -hls_list_size 0"
         " -hls_flags single_file", "one.m3u8");
    make(H264 AAC "-f hls -hls_time 1 -hls_list_size 0"
         " -hls_segment_type fmp4", "frag.m3u8");
    make(H264 "-an -movflags +faststart", "v.mp4");
    make("-vn " AAC "-movflags +faststart", "a.m4a");
    make("-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
         "vp9.webm");
    make(H264 "-c:a libopus", "opus.mkv");
    make("-c:v libx264 -preset veryfast -pix_fmt yuv422p " AAC, "422.mp4");
    make("-c:v libx264 -preset veryfast -pix_fmt yuv444p " AAC, "444.ts");
    make("-map 1:a -map 0:v -c:v png -frames:v 1 -disposition:v attached_pic "
         AAC, "cover.m4a");
    make(H264 "-an", "v.flv");
    make(H264 "-an", "v.ts");
}


static ds_input_t *
open_input(const char *video, const char *audio, ds_error_t *err)
{
    ds_media_t  m;

    memset(&m, 0, sizeof(m));
    m.duration = -1;
    m.urls[0].url = (char *) video;
    m.urls[0].chunk = 100000;
    m.urls[0].headers = (char *) "User-Agent: test\nX-Test: 1\n";
    m.urls[1].url = (char *) audio;
    m.nurls = (audio == NULL) ? 1 : 2;

    ds_error_clear(err);

    return ds_input_open(&conf, &m, false, NULL, &cancel, err);
}


static void
play(const char *video, const char *audio, result_t *r, ds_error_t *err)
{
    int          i;
    int64_t      last, start, own[2];
    AVPacket    *pkt;
    ds_input_t  *in;

    memset(r, 0, sizeof(result_t));
    start = ds_monotonic();

    in = open_input(video, audio, err);

    if (in == NULL) {
        r->rc = err->code;
        return;
    }

    pkt = av_packet_alloc();
    last = INT64_MIN;
    own[0] = own[1] = INT64_MIN;

    while ((r->rc = ds_input_read(in, pkt, err)) == 1) {
        i = pkt->stream_index;

        if (i != DS_VIDEO && i != DS_AUDIO) {
            r->disorder++;
            continue;
        }

        if (r->packets[i]++ == 0) {
            r->first[i] = pkt->pts;
            r->ms = ds_monotonic() - start;

            if (i == DS_VIDEO && !(pkt->flags & AV_PKT_FLAG_KEY)) {
                r->disorder++;
            }
        }

        if (pkt->dts == AV_NOPTS_VALUE || pkt->pts == AV_NOPTS_VALUE
            || pkt->pts < pkt->dts || pkt->duration <= 0 || pkt->dts < last
            || pkt->dts <= own[i] || pkt->size <= 0)
        {
            r->disorder++;
        }

        if (last != INT64_MIN && pkt->dts - last > r->most) {
            r->most = pkt->dts - last;
        }

        last = pkt->dts;
        own[i] = pkt->dts;

        if (pkt->pts + pkt->duration > r->end[i]) {
            r->end[i] = pkt->pts + pkt->duration;
        }

        r->headers += av_packet_get_side_data(pkt, AV_PKT_DATA_NEW_EXTRADATA,
                                              NULL) != NULL;
        av_packet_unref(pkt);
    }

    r->bytes = ds_input_bytes(in);

    av_packet_free(&pkt);
    ds_input_close(&in);
}


static void
check_par(const char *video, const char *audio, const char *name)
{
    ds_input_t               *in;
    ds_error_t                err;
    const AVCodecParameters  *v, *a;

    in = open_input(video, audio, &err);

    if (!ok(in != NULL, "%s opens: %s", name, err.message)) {
        return;
    }

    v = ds_input_codecpar(in, DS_VIDEO);
    a = ds_input_codecpar(in, DS_AUDIO);

    ok(v->codec_id == AV_CODEC_ID_H264 && v->width == 320
       && v->height == 180 && v->extradata_size > 8,
       "%s: video header of %d bytes", name, v->extradata_size);
    ok(a->codec_id == AV_CODEC_ID_AAC && a->sample_rate == 44100
       && a->ch_layout.nb_channels == 2 && a->extradata_size >= 2,
       "%s: audio header of %d bytes", name, a->extradata_size);

    if (strstr(name, "mp4") != NULL && strstr(name, "frag") == NULL) {
        ok(llabs(ds_input_duration(in) - 3000) < 100, "%s: duration %lld ms",
           name, (long long) ds_input_duration(in));
    }

    ds_input_close(&in);
    ok(in == NULL, "closed");
}


static void
test_containers(void)
{
    int         i;
    result_t    r;
    ds_error_t  err;

    static const char *const  names[] = {
        "a.mp4", "late.mp4", "frag.mp4", "a.flv", "a.ts", "a.mkv", "a.m3u8",
        "one.m3u8", "frag.m3u8", "v.mp4"
    };

    for (i = 0; i < (int) (sizeof(names) / sizeof(names[0])); i++) {
        const char  *audio;

        audio = (strcmp(names[i], "v.mp4") == 0) ? server_url("a.m4a") : NULL;

        check_par(server_url(names[i]), audio, names[i]);

        play(server_url(names[i]), audio, &r, &err);

        is_int(r.rc, 0, "%s is read to its end: %s", names[i], err.message);
        is_int(r.packets[0], 75, "%s: video frames", names[i]);
        ok(r.packets[1] >= 128 && r.packets[1] <= 132, "%s: %d audio frames",
           names[i], r.packets[1]);
        is_int(r.disorder, 0, "%s: in order", names[i]);
        ok(llabs(r.end[0] - r.first[0] - 3000000) < 100000
           && llabs(r.end[1] - r.first[1] - 3000000) < 100000,
           "%s: %lld and %lld us long", names[i],
           (long long) (r.end[0] - r.first[0]),
           (long long) (r.end[1] - r.first[1]));
        ok(llabs(r.first[0] - r.first[1]) < 100000,
           "%s: tracks begin together", names[i]);
        ok(r.bytes > 30000, "%s: bytes counted", names[i]);
    }

    conf.media_root = server_dir;
    {
        char  url[128];

        (void) snprintf(url, sizeof(url), "file://%s/a.mp4", server_dir);
        play(url, NULL, &r, &err);
        is_int(r.rc, 0, "a file: %s", err.message);
        is_int(r.packets[0], 75, "its frames");

        (void) snprintf(url, sizeof(url), "%s/bad.m3u8", server_dir);
        FILE *f = fopen(url, "w");
        (void) fprintf(f, "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n"
                       "file://%s/a.ts\n#EXT-X-ENDLIST\n", server_dir);
        (void) fclose(f);

        play(server_url("bad.m3u8"), NULL, &r, &err);
        is_int(r.rc, DS_ESOURCE_DENIED, "remote list, local file: %s",
               err.message);
    }
    conf.media_root = NULL;
}


static void
test_latency(void)
{
    int         c, n;
    result_t    r;
    ds_error_t  err;

    play(server_url("a.mp4?latency=300&t=one"), NULL, &r, &err);
    is_int(r.rc, 0, "with latency");
    ok(r.ms < 600, "first packet after %lld ms", (long long) r.ms);

    play(server_url("v.mp4?latency=300&t=two"),
         server_url("a.m4a?latency=300&t=two"), &r, &err);
    is_int(r.rc, 0, "two URLs with latency");
    ok(r.ms < 600, "first packet after %lld ms", (long long) r.ms);

    n = server_requests("a.mp4?latency=300&t=one", 1, &c);
    ok(n >= 1 && c == 1, "%d requests on %d connections", n, c);

    play(server_url("a.flv?t=flv"), NULL, &r, &err);
    (void) server_requests("t=flv", 1, &c);
    is_int(c, 1, "flv: no look at the end of the file");
}


/* what there is, and whether it can be copied */

static void
test_codecs(void)
{
    int                       i, k, rc;
    ds_error_t                err;
    ds_input_t               *in;
    AVCodecParameters        *par;
    const AVCodecParameters  *have;

    static const struct {
        const char  *video;
        const char  *audio;
        int          want[2];       /* 1: no such track */
        const char  *word;
    } files[] = {
        { "vp9.webm", NULL, { DS_ECODEC_VIDEO, DS_ECODEC_AUDIO }, "opus" },
        { "opus.mkv", NULL, { DS_OK, DS_ECODEC_AUDIO }, "opus" },
        { "v.mp4", "vp9.webm", { DS_OK, DS_ECODEC_AUDIO }, "opus" },
        { "422.mp4", NULL, { DS_ECODEC_VIDEO, DS_OK }, "4:2:2" },
        { "444.ts", NULL, { DS_ECODEC_VIDEO, DS_OK }, "4:4:4" },
        { "v.mp4", NULL, { DS_OK, 1 }, "" },
        { "v.flv", NULL, { DS_OK, 1 }, "" },
        { "v.ts", NULL, { DS_OK, 1 }, "" },
        { "a.m4a", NULL, { 1, DS_OK }, "" },
        { "cover.m4a", NULL, { 1, DS_OK }, "" },
        { "v.mp4", "v.mp4", { DS_OK, 1 }, "" },
        { "a.m4a", "a.m4a", { 1, DS_OK }, "" },
    };

    par = avcodec_parameters_alloc();

    for (i = 0; i < (int) (sizeof(files) / sizeof(files[0])); i++) {
        in = open_input(server_url(files[i].video),
                        files[i].audio == NULL
                        ? NULL : server_url(files[i].audio), &err);

        if (in == NULL) {
            ok(false, "%s: %s", files[i].video, err.message);
            continue;
        }

        ds_error_clear(&err);

        for (k = 0; k < 2; k++) {
            have = ds_input_codecpar(in, k);
            rc = 1;

            if (have != NULL && avcodec_parameters_copy(par, have) == 0) {
                rc = k == DS_VIDEO ? ds_codec_check_video(par, &err)
                                   : ds_codec_check_audio(par, &err);
            }

            is_int(rc, files[i].want[k], "%s: track %d", files[i].video, k);
        }

        ok(strstr(err.message, files[i].word) != NULL, "says \"%s\"",
           files[i].word);

        ds_input_close(&in);
    }

    avcodec_parameters_free(&par);

    in = open_input(server_url("a.m4a"), server_url("v.mp4"), &err);
    ok(in == NULL && err.code == DS_ENO_VIDEO, "no track at all: %s",
       err.message);
}


static void
test_faults(void)
{
    int         i, opened;
    result_t    r;
    ds_error_t  err;

    static const struct {
        const char  *video;
        const char  *audio;
        int          want;
        bool         packets;       /* some come first */
    } faults[] = {
        { "a.mp4?status=403", NULL, DS_ESOURCE_FORBIDDEN, false },
        { "a.mp4?status=404", NULL, DS_ESOURCE_NOT_FOUND, false },
        { "a.mp4?status=429", NULL, DS_ESOURCE_RATE_LIMITED, false },
        { "a.mp4?status=500", NULL, DS_ESOURCE_HTTP, false },
        { "a.mp4?html=1", NULL, DS_ESOURCE_INVALID, false },
        { "a.mp4?hang=1", NULL, DS_ESOURCE_TIMEOUT, false },
        { "a.mp4?cut=50000", NULL, DS_ESOURCE_CUT, true },
        { "a.mp4?cut=1000", NULL, DS_ESOURCE_CUT, false },
        { "late.mp4?cut=50000", NULL, DS_ESOURCE_CUT, false },
        { "a.flv?cut=50000", NULL, DS_ESOURCE_CUT, true },
        { "a.ts?cut=60000", NULL, DS_ESOURCE_CUT, true },
        { "a.mkv?cut=50000", NULL, DS_ESOURCE_CUT, true },
        { "frag.mp4?cut=50000", NULL, DS_ESOURCE_CUT, true },
        { "a.mp4?stall=50000", NULL, DS_ESOURCE_STALLED, true },
        { "a.flv?stall=50000", NULL, DS_ESOURCE_STALLED, true },
        { "a.flv?stall=500", NULL, DS_ESOURCE_STALLED, false },
        { "a.mp4?gate=50000", NULL, DS_ESOURCE_GATED, true },
        { "a.mp4?length=100000", NULL, DS_ESOURCE_CUT, true },
        { "a.mp4?maxrange=100000", NULL, DS_OK, true },
        { "a.mp4?drop=20000", NULL, DS_OK, true },
        { "v.mp4", "a.m4a?cut=20000", DS_ESOURCE_CUT, true },
        { "v.mp4?stall=12000", "a.m4a", DS_ESOURCE_STALLED, true },
        { "v.mp4", "a.m4a?status=404", DS_ESOURCE_NOT_FOUND, false },
        { "v.mp4?status=403", "a.m4a", DS_ESOURCE_FORBIDDEN, false },
    };

    conf.source_timeout = 300;

    for (i = 0; i < (int) (sizeof(faults) / sizeof(faults[0])); i++) {
        play(server_url(faults[i].video),
             faults[i].audio == NULL ? NULL : server_url(faults[i].audio), &r,
             &err);

        opened = r.packets[0] > 0;

        is_int(r.rc, faults[i].want, "%s%s%s: %s", faults[i].video,
               faults[i].audio == NULL ? "" : " + ",
               faults[i].audio == NULL ? "" : faults[i].audio, err.message);
        is_int(opened, faults[i].packets, "%d and %d packets before",
               r.packets[0], r.packets[1]);
        is_int(r.disorder, 0, "in order");
    }

    conf.source_timeout = 1000;
}


static void
test_cancel(void)
{
    int          i;
    int64_t      ms;
    result_t     r;
    canceler_t   c;
    ds_error_t   err;

    static const char *const  names[] = {
        "a.mp4?hang=1", "a.mp4?stall=50000", "a.mp4?stall=100",
        "a.flv?drip=2000", "a.ts?stall=3000", "a.m3u8?latency=3000"
    };

    conf.source_timeout = 5000;

    for (i = 0; i < 6; i++) {
        canceler_start(&c, &cancel);
        play(server_url(names[i]), NULL, &r, &err);
        ms = canceler_end(&c);

        is_int(r.rc, DS_ECANCELED, "%s is canceled: %s", names[i],
               err.message);
        ok(ms < 300, "in %lld ms", (long long) ms);

        ds_cancel_free(&cancel);
        (void) ds_cancel_init(&cancel);
    }

    conf.source_timeout = 1000;
}


/* cut short or with bits turned: whatever comes, it ends and is in order */

static void
test_damage(void)
{
    int          i, k, bad, rounds;
    long         size;
    char         path[128], url[256], name[64];
    FILE        *f;
    result_t     r;
    unsigned     seed;
    ds_error_t   err;
    const char  *more;
    unsigned char  *data;

    static const char *const  files[] = {
        "a.mp4", "frag.mp4", "a.flv", "a.ts", "a.mkv", "a.m3u8", "frag.m3u8"
    };

    conf.media_root = server_dir;
    conf.source_timeout = 100;
    more = getenv("DS_FUZZ_ROUNDS");
    rounds = (more == NULL) ? 20 : atoi(more);
    seed = 42;

    for (i = 0; i < (int) (sizeof(files) / sizeof(files[0])); i++) {

        (void) snprintf(path, sizeof(path), "%s/%s", server_dir, files[i]);
        f = fopen(path, "r");
        (void) fseek(f, 0, SEEK_END);
        size = ftell(f);
        rewind(f);
        data = malloc(size);
        (void) !fread(data, 1, size, f);
        (void) fclose(f);

        bad = 0;

        for (k = 0; k < rounds; k++) {
            unsigned char  *copy;
            long            n, len, at;

            copy = malloc(size);
            memcpy(copy, data, size);
            len = size;

            if (k % 4 == 0) {
                len = rand_r(&seed) % size;
            }

            /* most of it where the headers are */

            for (n = 0; n < k; n++) {
                at = rand_r(&seed) % ((n % 2) ? size
                                              : (size < 4000 ? size : 4000));
                copy[at] ^= 1 << (rand_r(&seed) % 8);
            }

            (void) snprintf(name, sizeof(name), "damaged-%s", files[i]);
            (void) snprintf(path, sizeof(path), "%s/%s", server_dir, name);
            f = fopen(path, "w");
            (void) fwrite(copy, 1, len, f);
            (void) fclose(f);
            free(copy);

            (void) snprintf(url, sizeof(url), "file://%s", path);
            play(url, NULL, &r, &err);

            bad += r.rc > 0 || r.packets[0] > 2000;
        }

        is_int(bad, 0, "%s damaged %d times", files[i], rounds);
        free(data);
    }

    conf.media_root = NULL;
    conf.source_timeout = 1000;
}


/* appends bytes of a file, from an offset on */

static void
append(const char *to, const char *from, long offset)
{
    int    c;
    char   path[128];
    FILE  *in, *out;

    (void) snprintf(path, sizeof(path), "%s/%s", server_dir, from);
    in = fopen(path, "r");
    (void) snprintf(path, sizeof(path), "%s/%s", server_dir, to);
    out = fopen(path, "a");

    (void) fseek(in, offset, SEEK_SET);

    while ((c = getc(in)) != EOF) {
        (void) putc(c, out);
    }

    (void) fclose(in);
    (void) fclose(out);
}


/*
 * A clock that jumps: two parts play as one, of twice the length, with the
 * tracks in step.  FLV and MP4 know no such jumps, MPEG-TS does.
 */

static void
test_stamps(void)
{
    int          i;
    int64_t      apart;
    result_t     one, r;
    ds_error_t   err;

    static const struct {
        const char  *name;
        const char  *first;
        const char  *second;
        long         offset;        /* of the second one's first packet */
    } joined[] = {
        { "back.flv", "a.flv", "a.flv", 13 },
        { "ahead.flv", "a.flv", "later.flv", 13 },
        { "behind.flv", "later.flv", "a.flv", 13 },
        { "back.ts", "a.ts", "a.ts", 0 },
        { "ahead.ts", "a.ts", "later.ts", 0 },
        { "behind.ts", "later.ts", "a.ts", 0 },
    };

    make(H264 AAC "-output_ts_offset 36000", "later.flv");
    make(H264 AAC "-output_ts_offset 36000", "later.ts");
    make(H264 AAC "-output_ts_offset 95442", "wrap.ts");
    make(H264 "-bf 3 " AAC, "b.mkv");
    make(H264 "-bf 3 " AAC "-movflags +faststart+negative_cts_offsets",
         "negative.mp4");
    make("-ss 0.5 " H264 "-bf 2 " AAC "-avoid_negative_ts disabled "
         "-movflags +faststart", "edit.mp4");

    for (i = 0; i < (int) (sizeof(joined) / sizeof(joined[0])); i++) {
        append(joined[i].name, joined[i].first, 0);
        append(joined[i].name, joined[i].second, joined[i].offset);

        play(server_url(joined[i].first), NULL, &one, &err);
        play(server_url(joined[i].name), NULL, &r, &err);

        is_int(r.rc, 0, "%s: %s", joined[i].name, err.message);
        ok(r.packets[0] >= 148 && r.packets[1] >= 2 * one.packets[1] - 6,
           "%s: %d and %d packets", joined[i].name, r.packets[0],
           r.packets[1]);
        is_int(r.disorder, 0, "in order");

        apart = (r.end[0] - r.end[1]) - (one.end[0] - one.end[1]);
        ok(llabs(apart) < 30000, "the tracks are %lld us apart",
           (long long) apart);
        ok(llabs(r.end[0] - r.first[0] - 6000000) < 200000,
           "%lld us long", (long long) (r.end[0] - r.first[0]));
        ok(r.most < 200000, "no packet after more than %lld us",
           (long long) r.most);
    }

    {
        static const char *const  names[] = {
            "wrap.ts", "b.mkv", "negative.mp4", "edit.mp4"
        };

        for (i = 0; i < 4; i++) {
            play(server_url(names[i]), NULL, &r, &err);
            is_int(r.rc, 0, "%s: %s", names[i], err.message);
            is_int(r.disorder, 0, "in order");
            ok(r.packets[0] >= 60 && r.end[0] - r.first[0] > 2400000
               && r.end[0] - r.first[0] < 3300000,
               "%d frames, %lld us", r.packets[0],
               (long long) (r.end[0] - r.first[0]));
            ok(r.most < 200000, "no packet after more than %lld us",
               (long long) r.most);
        }
    }
}


/* the PTS of a file's pictures, from the first, ms; their number */

static int
shown(const char *name, int *pts, int most)
{
    int          n;
    int64_t      first;
    AVPacket    *pkt;
    ds_input_t  *in;
    ds_error_t   err;

    n = 0;
    first = 0;
    in = open_input(server_url(name), NULL, &err);
    pkt = av_packet_alloc();

    while (in != NULL && n < most && ds_input_read(in, pkt, &err) == 1) {
        if (pkt->stream_index == DS_VIDEO) {
            first = n == 0 ? pkt->pts : first;
            pts[n++] = (pkt->pts - first + 500) / 1000;
        }

        av_packet_unref(pkt);
    }

    av_packet_free(&pkt);
    ds_input_close(&in);

    return n;
}


/* pictures of B frames are in order, whatever a container says of it */

static void
test_order(void)
{
    int  i, k, n, wrong, want[100], got[100];

    static const char *const  names[] = { "b.avi", "b.h264" };

    make(H264 "-bf 3 -b_strategy 0 " AAC "b.mp4 && ffmpeg -v error -y -i "
         "b.mp4 -c copy b.avi && ffmpeg -v error -y -i b.mp4 -an -c copy",
         "b.h264");

    n = shown("b.mp4", want, 100);
    is_int(n, 75, "pictures");

    for (i = 0; i < 2; i++) {
        is_int(shown(names[i], got, 100), n, "%s: as many", names[i]);

        for (k = 0, wrong = 0; k < n; k++) {
            wrong += abs(got[k] - want[k]) > 2;
        }

        is_int(wrong, 0, "%s: each at its time", names[i]);
    }
}


/* variants of a list: the largest that is not too large, its own sound */

static void
test_variants(void)
{
    FILE                     *f;
    char                      path[128];
    result_t                  r;
    ds_input_t               *in;
    ds_error_t                err;
    const AVCodecParameters  *v, *a;

    make("-map 0:v " H264 "-s 160x90 -an -f hls -hls_time 1"
         " -hls_list_size 0", "low.m3u8");
    make("-map 0:v " H264 "-an -f hls -hls_time 1 -hls_list_size 0",
         "high.m3u8");
    make("-map 1:a -c:a aac -ac 1 -ar 22050 -vn -f hls -hls_time 1"
         " -hls_list_size 0", "lowsound.m3u8");
    make("-map 1:a " AAC "-vn -f hls -hls_time 1 -hls_list_size 0",
         "highsound.m3u8");

    (void) snprintf(path, sizeof(path), "%s/master.m3u8", server_dir);
    f = fopen(path, "w");
    (void) fputs("#EXTM3U\n#EXT-X-VERSION:4\n"
                 "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"lo\",NAME=\"a\","
                 "DEFAULT=YES,URI=\"lowsound.m3u8\"\n"
                 "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"hi\",NAME=\"a\","
                 "DEFAULT=YES,URI=\"highsound.m3u8\"\n"
                 "#EXT-X-STREAM-INF:BANDWIDTH=100000,AUDIO=\"lo\","
                 "CODECS=\"avc1.42c00d,mp4a.40.2\"\nlow.m3u8\n"
                 "#EXT-X-STREAM-INF:BANDWIDTH=900000,AUDIO=\"hi\","
                 "CODECS=\"avc1.42c00d,mp4a.40.2\"\nhigh.m3u8\n", f);
    (void) fclose(f);

    in = open_input(server_url("master.m3u8"), NULL, &err);

    if (!ok(in != NULL, "a list of variants: %s", err.message)) {
        return;
    }

    v = ds_input_codecpar(in, DS_VIDEO);
    a = ds_input_codecpar(in, DS_AUDIO);
    ok(v != NULL && v->width == 320, "the larger picture");
    ok(a != NULL && a->sample_rate == 44100, "and its sound");
    ds_input_close(&in);

    play(server_url("master.m3u8"), NULL, &r, &err);
    is_int(r.rc, 0, "is read: %s", err.message);
    is_int(r.packets[0], 75, "its frames");
    ok(r.packets[1] >= 128 && r.disorder == 0, "and its sound, in order");

    play(server_url("high.m3u8"), server_url("highsound.m3u8"), &r, &err);
    is_int(r.rc, 0, "two lists: %s", err.message);
    is_int(r.packets[0], 75, "the frames of one");
    ok(r.packets[1] >= 128 && r.disorder == 0, "the sound of the other");
}


static void *
reader(void *data)
{
    int         i;
    result_t   *r;
    char        url[256];
    ds_error_t  err;

    r = data;

    for (i = 0; i < 3; i++) {
        (void) snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s",
                        server_port,
                        i == 0 ? "a.mp4" : i == 1 ? "a.ts" : "a.flv");
        play(url, NULL, r, &err);
    }

    return NULL;
}


static void
test_threads(void)
{
    pthread_t  thread[2];
    result_t   r[2];

    (void) pthread_create(&thread[0], NULL, reader, &r[0]);
    (void) pthread_create(&thread[1], NULL, reader, &r[1]);
    (void) pthread_join(thread[0], NULL);
    (void) pthread_join(thread[1], NULL);

    is_int(r[0].packets[0], 75, "a reader in one thread");
    is_int(r[1].packets[0], 75, "and one in another");
}


int
main(void)
{
    int         fds, threads;
    result_t    r;
    ds_error_t  err;

    conf.source_timeout = 1000;
    av_log_set_level(AV_LOG_QUIET);

    if (!server_start()) {
        (void) printf("Bail out! no media-server\n");
        return 1;
    }

    make_media();

    is_int(ds_http_init(&err), DS_OK, "init");
    is_int(ds_cancel_init(&cancel), DS_OK, "token");

    play(server_url("a.mp4"), NULL, &r, &err);
    fds = count_entries("/proc/self/fd");

    /* thread sanitizer's own thread comes with the first of others */
    test_threads();
    threads = count_entries("/proc/self/task");

    test_containers();
    test_latency();
    test_stamps();
    test_order();
    test_variants();
    test_codecs();
    test_faults();
    test_cancel();
    test_damage();

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");
    is_int(count_entries("/proc/self/task"), threads, "no thread is left");

    ds_cancel_free(&cancel);
    server_end();

    done_testing();
}
