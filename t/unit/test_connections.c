
/*
 * ds_demux: a list's segments, and the list itself when it is read again,
 * come over the same connections; over TLS too, where a mount namespace can be
 * had in which the system trusts a certificate of ours.  And how many requests
 * there are before the first packet of a file.
 */

#define _GNU_SOURCE

#include <sched.h>
#include <sys/mount.h>
#include <zlib.h>

#include "media/ds_demux.h"
#include "server.h"
#include "tap.h"
#include "tls_front.h"


#define MAKE  "ffmpeg -v error -y -f lavfi -i testsrc=size=160x90:rate=25 "   \
              "-f lavfi -i sine=frequency=440 -t 5 -c:v libx264 "             \
              "-preset ultrafast -pix_fmt yuv420p -g 12 -sc_threshold 0 "     \
              "-c:a aac -ac 2 -f hls -hls_time 0.48 -hls_list_size 0 "


/* larger than what is read on rather than asked for */
#define NOISE "-vf noise=alls=60:allf=t -b:v 3M "


static ds_conf_t    conf;
static ds_cancel_t  cancel;

/* of the front */
static atomic_int   accepted;
static atomic_int   resumed;


static void
make(const char *options, const char *list)
{
    char  command[1024];

    (void) snprintf(command, sizeof(command), "cd %s && " MAKE "%s %s "
                    "</dev/null", server_dir, options, list);

    if (system(command) != 0) {
        ok(false, "ffmpeg makes %s", list);
    }
}


/* connections on which requests with "word" came */

static int
connections(const char *word, int *requests)
{
    int    i, n, pid, pids[64];
    char   line[1024];
    FILE  *f;

    n = 0;
    *requests = 0;
    (void) usleep(100000);

    f = fopen(server_log, "r");

    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {

        if (strstr(line, word) == NULL
            || sscanf(line, "%*s %*s %d", &pid) != 1)
        {
            continue;
        }

        (*requests)++;

        for (i = 0; i < n && pids[i] != pid; i++) { /* void */ }

        if (i == n && n < 64) {
            pids[n++] = pid;
        }
    }

    if (f != NULL) {
        (void) fclose(f);
    }

    return n;
}


/* not every ffmpeg writes a whole one */

static void
make_master(const char *name)
{
    char   path[PATH_MAX];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", server_dir, name);

    f = fopen(path, "w");

    if (f == NULL) {
        ok(false, "%s is written", name);
        return;
    }

    (void) fputs("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-MEDIA:TYPE=AUDIO,"
                 "GROUP-ID=\"a\",NAME=\"a\",DEFAULT=YES,URI=\"apart-0.m3u8\"\n"
                 "#EXT-X-STREAM-INF:BANDWIDTH=200000,RESOLUTION=160x90,"
                 "AUDIO=\"a\"\napart-1.m3u8\n", f);
    (void) fclose(f);
}


/* of all packets that were read last, in any order */
static uint32_t  sum;


/* reads all of a URL; packets */

static int
play(const char *url, const char *what)
{
    int               n, rc;
    AVPacket         *pkt;
    ds_demux_t        s;
    ds_error_t        err;
    ds_media_url_t    u;

    memset(&u, 0, sizeof(u));
    u.url = (char *) url;
    ds_error_clear(&err);

    pkt = av_packet_alloc();
    n = 0;
    sum = 0;
    rc = ds_demux_open(&s, &conf, &u, NULL, &cancel, &err);

    while (rc >= 0 && (rc = ds_demux_read(&s, pkt, &err)) == 1) {
        n++;
        sum += crc32(0, pkt->data, pkt->size);
        av_packet_unref(pkt);
    }

    ds_demux_close(&s);
    av_packet_free(&pkt);

    is_int(rc, 0, "%s: read to its end: %s", what, err.message);

    return n;
}


static void
test_lists(void)
{
    int  i, n, requests;

    static const struct {
        const char  *name;
        const char  *options;
        int          most;
    } lists[] = {
        { "segments", "", 1 },
        { "fragments", "-hls_segment_type fmp4 "
          "-hls_fmp4_init_filename fragments-init.mp4", 1 },
        { "ranges", "-hls_flags single_file", 1 },
        { "pieces", "-hls_flags single_file -hls_segment_type fmp4 "
          "-hls_fmp4_init_filename pieces-init.mp4", 1 },
        { "apart", "-map 0 -map 1 -var_stream_map "
          "a:0,agroup:a,default:yes\\ v:0,agroup:a", 3 },
    };

    for (i = 0; i < (int) (sizeof(lists) / sizeof(lists[0])); i++) {
        const char  *name = lists[i].name;
        char         options[640], file[64];

        if (name == NULL) {
            abort();
        }

        (void) strcpy(options, lists[i].options);
        (void) snprintf(options + strlen(options), 128,
                        " -hls_segment_filename %s-%s%%d.ts", name,
                        strcmp(name, "apart") == 0 ? "%v-" : "");
        (void) snprintf(file, sizeof(file), "%s%s.m3u8", name,
                        strcmp(name, "apart") == 0 ? "-%v" : "");
        make(options, file);

        (void) snprintf(file, sizeof(file), "%s.m3u8", name);

        if (strcmp(name, "apart") == 0) {
            make_master(file);
        }

        n = play(server_url(file), name);
        ok(n > 300, "%s: %d packets", name, n);

        n = connections(name, &requests);
        ok(requests >= 11, "%s: %d requests", name, requests);
        ok(n >= 1 && n <= lists[i].most, "%s: on %d connections", name, n);
    }
}


/* one that the server has closed meanwhile is no fault */

static void
test_closed(void)
{
    int  requests;

    server_fault("segments-", "nolength=1");

    ok(play(server_url("segments.m3u8?closed=1"), "closed") > 300,
       "closed: all packets");
    ok(connections("segments-", &requests) >= 10,
       "closed: each segment on its own connection");

    server_fault(NULL, NULL);
}


/* requests for a file until its first packet is there */

static void
check_requests(const char *name, bool brief, int want, const char *what)
{
    int               rc, requests;
    char              file[64], word[16];
    AVPacket         *pkt;
    ds_demux_t        s;
    ds_error_t        err;
    ds_media_url_t    u;
    static unsigned   n;

    (void) snprintf(word, sizeof(word), "n=%u", ++n);
    (void) snprintf(file, sizeof(file), "%s?%s", name, word);

    memset(&u, 0, sizeof(u));
    u.url = (char *) server_url(file);
    u.brief = brief;
    ds_error_clear(&err);

    pkt = av_packet_alloc();
    rc = ds_demux_open(&s, &conf, &u, NULL, &cancel, &err);

    if (rc == DS_OK) {
        rc = ds_demux_read(&s, pkt, &err);
    }

    is_int(rc, 1, "%s: %s", what, err.message);

    ds_demux_close(&s);
    av_packet_free(&pkt);

    (void) server_requests(word, want, &requests);
    (void) connections(word, &requests);
    is_int(requests, want, "%s: requests before the first packet", what);
}


static void
test_requests(void)
{
    make(NOISE "-f mp4", "late.mp4");
    make(NOISE "-f mp4 -movflags +faststart", "front.mp4");
    make(NOISE "-f mp4 -movflags frag_keyframe+empty_moov", "frag.mp4");
    make(NOISE "-f mp4 -movflags +dash+global_sidx", "sidx.mp4");

    check_requests("front.mp4", false, 1, "moov in front");
    check_requests("late.mp4", false, 2, "moov at the end");
    check_requests("late.mp4", true, 2, "moov at the end, duration known");
    check_requests("frag.mp4", false, 1, "mfra at the end");
    check_requests("sidx.mp4", false, 2, "sidx and mfra");
    check_requests("sidx.mp4", true, 1, "sidx and mfra, duration known");
}


/* tracks that lie far apart: in fragments of many seconds, or in a whole file */

static void
test_apart(void)
{
    int       i, n, requests;
    char      command[512], file[64], word[16];
    uint32_t  whole;

    static const struct {
        const char  *name;
        const char  *file;
        const char  *fault;
        int          most;
    } apart[] = {
        { "coarse", "coarse.mp4", NULL, 8 },
        { "behind", "behind.mp4", NULL, 8 },
        { "behind, dropped", "behind.mp4", "drop=1000000", 40 },
    };

    make(NOISE "-s 640x360 -b:v 6M -t 30 -f mp4 -movflags +empty_moov+default_base_moof "
         "-frag_duration 30000000", "coarse.mp4");

    (void) snprintf(command, sizeof(command), "cd %s && ffmpeg -v error -y -i "
                    "coarse.mp4 -c copy -movflags +faststart near.mp4 "
                    "</dev/null && cat coarse.mp4 | ffmpeg -v error -y -f mp4 "
                    "-i pipe:0 -c copy -max_interleave_delta 1 behind.mp4",
                    server_dir);
    ok(system(command) == 0, "files are made");

    n = play(server_url("near.mp4"), "near");
    whole = sum;
    ok(n > 900, "near: %d packets", n);

    for (i = 0; i < (int) (sizeof(apart) / sizeof(apart[0])); i++) {
        (void) snprintf(word, sizeof(word), "a=%d", i);
        (void) snprintf(file, sizeof(file), "%s?%s", apart[i].file, word);
        server_fault(apart[i].file, apart[i].fault);

        is_int(play(server_url(file), apart[i].name), n, "%s: all packets",
               apart[i].name);
        ok(sum == whole, "%s: and their bytes", apart[i].name);

        (void) connections(word, &requests);
        ok(requests <= apart[i].most, "%s: %d requests", apart[i].name,
           requests);

        server_fault(NULL, NULL);
    }
}


static void *
front_pass(void *data)
{
    int                 fd;
    SSL                *ssl = data;
    struct sockaddr_in  sin = { .sin_family = AF_INET };

    fd = socket(AF_INET, SOCK_STREAM, 0);
    sin.sin_port = htons(server_port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (SSL_accept(ssl) == 1
        && connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == 0)
    {
        atomic_fetch_add(&accepted, 1);
        atomic_fetch_add(&resumed, SSL_session_reused(ssl));
        tls_pass(ssl, SSL_get_fd(ssl), fd);
    }

    (void) close(SSL_get_fd(ssl));
    (void) close(fd);
    SSL_free(ssl);

    return NULL;
}


static void *
front_run(void *data)
{
    int           tls;
    SSL          *ssl;
    pthread_t     tid;
    tls_front_t  *f = data;

    while ((tls = accept(f->listening, NULL, NULL)) != -1) {
        ssl = SSL_new(f->ctx);
        (void) SSL_set_fd(ssl, tls);
        (void) pthread_create(&tid, NULL, front_pass, ssl);
        (void) pthread_detach(tid);
    }

    return NULL;
}


/* /etc/ssl/certs is ours, for this process alone */

static bool
trust(void)
{
    char  command[256];

    (void) snprintf(command, sizeof(command), "mkdir -p %s/certs && cp "
                    "%s/own.pem.crt %s/certs/own.pem && openssl rehash "
                    "%s/certs >/dev/null", server_dir, server_dir, server_dir,
                    server_dir);

    if (!tls_certificate(server_dir, "own.pem", "IP:127.0.0.1")
        || system(command) != 0)
    {
        return false;
    }

    (void) snprintf(command, sizeof(command), "%s/certs", server_dir);

    return (unshare(CLONE_NEWNS) == 0
            || unshare(CLONE_NEWUSER|CLONE_NEWNS) == 0)
           && mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == 0
           && mount(command, "/etc/ssl/certs", NULL, MS_BIND, NULL) == 0;
}


static void
test_tls(void)
{
    int          n;
    char         url[128];
    tls_front_t  f;

    if (!trust()) {
        ok(true, "tls # SKIP no mount namespace");
        return;
    }

    tls_start(&f, server_port, "127.0.0.1", server_dir, "own.pem");

    /* what it takes itself is one connection */
    (void) snprintf(url, sizeof(url), "openssl s_client -connect "
                    "127.0.0.1:%d </dev/null >/dev/null 2>&1",
                    atoi(strrchr(f.url, ':') + 1));
    (void) !system(url);
    (void) pthread_join(f.thread, NULL);

    if (pthread_create(&f.thread, NULL, front_run, &f) != 0) {
        abort();
    }

    (void) snprintf(url, sizeof(url), "https://127.0.0.1:%d/segments.m3u8",
                    atoi(strrchr(f.url, ':') + 1));

    ok(play(url, "tls") > 300, "tls: all packets");
    n = atomic_load(&accepted);
    is_int(n, 1, "tls: on one connection");

    server_fault("segments-", "nolength=1");

    ok(play(url, "tls, closed") > 300, "tls, closed: all packets");
    n = atomic_load(&accepted) - n;
    ok(n >= 10, "tls, closed: on %d connections", n);
    ok(atomic_load(&resumed) >= n - 2, "tls, closed: %d with a session that "
       "was known", atomic_load(&resumed));

    server_fault(NULL, NULL);

    (void) shutdown(f.listening, SHUT_RDWR);
    tls_end(&f);
}


int
main(void)
{
    int  fds;

    conf.source_timeout = 5000;

    if (ds_http_init(NULL) != DS_OK || ds_cancel_init(&cancel) != DS_OK
        || !server_start())
    {
        return 1;
    }

    av_log_set_level(AV_LOG_QUIET);

    fds = count_entries("/proc/self/fd");

    test_lists();
    test_closed();
    test_requests();
    test_apart();
    test_tls();

    is_int(count_entries("/proc/self/fd"), fds, "no descriptor is left");

    ds_cancel_free(&cancel);
    server_end();

    return done_testing();
}
