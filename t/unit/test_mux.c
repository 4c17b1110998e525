
/*
 * ds_mux: what is written is read again as it was: each packet, its times to
 * the millisecond, headers that change; a full cache ends it with an error.
 */

#define _GNU_SOURCE

#include "media/ds_input.h"
#include "source/ds_mux.h"
#include "server.h"
#include "tap.h"


#define PACKETS  1000

#define SOURCE   "-f lavfi -i testsrc=size=320x180:rate=30000/1001:duration=4"\
                 " -f lavfi -i sine=frequency=440:sample_rate=44100:duration=4"\
                 " -c:a aac -ac 2 -pix_fmt yuv420p -c:v libx264 "


typedef struct {
    unsigned   n;
    AVPacket  *pkt[PACKETS];
} packets_t;


static char         path[64];
static char         store_path[64];
static ds_conf_t    conf;
static ds_cancel_t  cancel;
static ds_cache_t  *cache;


static void
make(const char *arguments, const char *file)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command),
                    "cd %s && ffmpeg -v error -y " SOURCE "%s %s </dev/null",
                    server_dir, arguments, file);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", file);
    }
}


static ds_input_t *
open_file(const char *file)
{
    char         url[512];
    ds_media_t   m;
    ds_error_t   err;
    ds_input_t  *in;

    (void) snprintf(url, sizeof(url), "file://%s", file);

    memset(&m, 0, sizeof(m));
    m.duration = -1;
    m.urls[0].url = url;
    m.nurls = 1;

    in = ds_input_open(&conf, &m, false, NULL, &cancel, &err);
    if (in == NULL) {
        ok(false, "%s is opened: %s", file, err.message);
        exit(1);
    }

    return in;
}


/* all from the first key frame on, as a source takes them */

static void
read_all(ds_input_t *in, packets_t *p)
{
    int         rc;
    bool        begun;
    AVPacket   *pkt;
    ds_error_t  err;

    p->n = 0;
    begun = false;
    pkt = av_packet_alloc();

    while ((rc = ds_input_read(in, pkt, &err)) == 1 && p->n < PACKETS) {
        begun |= pkt->stream_index == DS_VIDEO;

        if (begun) {
            p->pkt[p->n++] = av_packet_clone(pkt);
        }

        av_packet_unref(pkt);
    }

    is_int(rc, 0, "%u packets read", p->n);
    av_packet_free(&pkt);
}


static void
free_all(packets_t *p)
{
    while (p->n != 0) {
        av_packet_free(&p->pkt[--p->n]);
    }
}


static int
write_all(ds_keep_t *keep, ds_input_t *in, packets_t *p, ds_error_t *err)
{
    int         rc, last;
    unsigned    i;
    ds_mux_t   *m;

    m = ds_mux_open(keep, ds_input_codecpar(in, DS_VIDEO),
                    ds_input_codecpar(in, DS_AUDIO), -1, 0, err);
    if (m == NULL) {
        return err->code;
    }

    rc = 0;

    for (i = 0; i < p->n && rc == 0; i++) {
        rc = ds_mux_write(m, p->pkt[i], err);
    }

    last = ds_mux_close(&m, rc == 0, rc == 0 ? err : NULL);

    return rc == 0 ? last : rc;
}


static void
name(ds_kept_t *k, const char *id)
{
    memset(k, 0, sizeof(ds_kept_t));
    (void) snprintf(k->id, sizeof(k->id), "%s", id);
    (void) ds_cache_key(k->key, k->id, k->form);
    k->files = 1;
}


/* us, of the video; each packet of a track has its place in both */

static void
compare(const packets_t *a, const packets_t *b, const char *what, bool same)
{
    int        track, odd, wrong;
    int64_t    shift, d, worst;
    unsigned   i, j;

    shift = b->pkt[0]->dts - a->pkt[0]->dts;
    odd = wrong = 0;
    worst = 0;

    for (track = 0; track < 2; track++) {

        for (i = 0, j = 0; i < a->n; i++, j++) {
            while (i < a->n && a->pkt[i]->stream_index != track) {
                i++;
            }

            while (j < b->n && b->pkt[j]->stream_index != track) {
                j++;
            }

            if (i == a->n || j == b->n) {
                odd += (i == a->n) != (j == b->n);
                break;
            }

            wrong += (same && (a->pkt[i]->size != b->pkt[j]->size
                               || memcmp(a->pkt[i]->data, b->pkt[j]->data,
                                         a->pkt[i]->size) != 0))
                     || ((a->pkt[i]->flags ^ b->pkt[j]->flags)
                         & AV_PKT_FLAG_KEY);

            d = llabs(b->pkt[j]->dts - a->pkt[i]->dts - shift);
            worst = d > worst ? d : worst;
            d = llabs(b->pkt[j]->pts - a->pkt[i]->pts - shift);
            worst = d > worst ? d : worst;
        }
    }

    is_int(odd, 0, "%s: as many packets", what);
    is_int(wrong, 0, "%s: the same %s", what, same ? "bytes" : "kind");
    ok(worst <= 1000, "%s: times within 1 ms: %lld us", what,
       (long long) worst);
}


static void
test_again(const char *file, const char *what, bool same)
{
    char        *kept;
    packets_t    a, b, c;
    ds_kept_t    k;
    ds_keep_t   *keep;
    ds_error_t   err;
    ds_input_t  *in, *again;

    in = open_file(file);
    read_all(in, &a);

    name(&k, what);
    keep = ds_cache_begin(cache, &k, &err);
    is_int(write_all(keep, in, &a, &err), 0, "%s: written", what);
    is_int(ds_keep_commit(&keep, &cancel, &err), 0, "%s: kept", what);

    kept = ds_cache_path(cache, k.key, 0);
    again = open_file(kept);
    free(kept);
    read_all(again, &b);
    compare(&a, &b, what, same);

    ok(llabs(ds_input_duration(again) - 4000) < 200,
       "%s: its duration: %lld ms", what,
       (long long) ds_input_duration(again));

    is_int(ds_input_codecpar(again, DS_VIDEO)->width, 320, "%s: width", what);
    ok(!same || ds_input_codecpar(again, DS_VIDEO)->extradata_size
       == ds_input_codecpar(in, DS_VIDEO)->extradata_size, "%s: header",
       what);
    is_int(ds_input_codecpar(again, DS_AUDIO)->extradata_size,
           ds_input_codecpar(in, DS_AUDIO)->extradata_size, "%s: and of audio",
           what);

    /* a pass of a pass loses nothing more */

    name(&k, "twice");
    keep = ds_cache_begin(cache, &k, &err);
    is_int(write_all(keep, again, &b, &err), 0, "%s: written again", what);
    ds_input_close(&again);
    kept = ds_sprintf("%s/0", ds_keep_path(keep));
    again = open_file(kept);
    read_all(again, &c);
    ds_input_close(&again);
    compare(&b, &c, "again", true);
    ds_keep_abort(&keep, false);

    free(kept);
    ds_input_close(&in);
    free_all(&a);
    free_all(&b);
    free_all(&c);
}


/* a header that comes in the middle is read in the middle */

static void
test_headers(void)
{
    char          *kept;
    size_t         size;
    uint8_t       *data;
    unsigned       i, at, seen;
    packets_t      a, b;
    ds_kept_t      k;
    ds_keep_t     *keep;
    ds_error_t     err;
    ds_input_t    *in, *other, *again;
    const AVCodecParameters  *par;

    kept = ds_sprintf("%s/b.mp4", server_dir);
    in = open_file(kept);
    free(kept);
    kept = ds_sprintf("%s/plain.mp4", server_dir);
    other = open_file(kept);
    free(kept);
    read_all(in, &a);
    par = ds_input_codecpar(other, DS_VIDEO);

    for (at = a.n / 2; a.pkt[at]->stream_index != DS_VIDEO
         || !(a.pkt[at]->flags & AV_PKT_FLAG_KEY); at++) { /* void */ }

    data = av_packet_new_side_data(a.pkt[at], AV_PKT_DATA_NEW_EXTRADATA,
                                   par->extradata_size);
    memcpy(data, par->extradata, par->extradata_size);

    name(&k, "headers");
    keep = ds_cache_begin(cache, &k, &err);
    is_int(write_all(keep, in, &a, &err), 0, "another header: written");
    kept = ds_sprintf("%s/0", ds_keep_path(keep));
    again = open_file(kept);
    free(kept);
    read_all(again, &b);

    seen = 0;

    for (i = 0; i < b.n; i++) {
        data = av_packet_get_side_data(b.pkt[i], AV_PKT_DATA_NEW_EXTRADATA,
                                       &size);
        if (data != NULL && b.pkt[i]->stream_index == DS_VIDEO) {
            seen++;
            ok(i == at && size == (size_t) par->extradata_size
               && memcmp(data, par->extradata, size) == 0,
               "it comes where it was");
        }
    }

    is_int(seen, 1, "once");

    ds_keep_abort(&keep, false);
    ds_input_close(&in);
    ds_input_close(&other);
    ds_input_close(&again);
    free_all(&a);
    free_all(&b);
}


static void
test_full(void)
{
    char        *file;
    packets_t    a;
    ds_kept_t    k;
    ds_keep_t   *keep;
    ds_error_t   err;
    ds_input_t  *in;

    file = ds_sprintf("%s/b.mp4", server_dir);
    in = open_file(file);
    free(file);
    read_all(in, &a);

    conf.cache_max_size = 30000;
    name(&k, "full");
    keep = ds_cache_begin(cache, &k, &err);
    is_int(write_all(keep, in, &a, &err), DS_ECACHE_FULL, "a full cache");
    ds_keep_abort(&keep, false);
    conf.cache_max_size = 100000000;

    ds_input_close(&in);
    free_all(&a);
}


int
main(void)
{
    char        *file;
    ds_error_t   err;

    if (mkdtemp(server_dir) == NULL || ds_cancel_init(&cancel) != 0) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "%s/cache", server_dir);
    (void) snprintf(store_path, sizeof(store_path), "%s/state.db",
                    server_dir);
    conf.cache_path = path;
    conf.store_path = store_path;
    conf.cache_max_size = 100000000;
    conf.media_root = server_dir;
    conf.source_timeout = 10000;

    av_log_set_level(AV_LOG_QUIET);
    (void) ds_store_migrate(store_path, -1, &err);
    cache = ds_cache_open(&conf, &err);

    make("-preset medium -bf 3 -g 30", "b.mp4");
    make("-preset ultrafast -bf 0 -g 15 -profile:v baseline", "plain.mp4");
    make("-preset medium -bf 2 -g 30", "b.ts");

    file = ds_sprintf("%s/b.mp4", server_dir);
    test_again(file, "B-frames", true);
    free(file);
    file = ds_sprintf("%s/plain.mp4", server_dir);
    test_again(file, "none", true);
    free(file);
    file = ds_sprintf("%s/b.ts", server_dir);
    /* its start codes become lengths */
    test_again(file, "MPEG-TS", false);
    free(file);

    test_headers();
    test_full();

    ds_cache_close(&cache);
    ds_cancel_free(&cancel);
    server_end();

    return done_testing();
}
