
/*
 * Opens and reads a tiny media file to its end, as an item of a stream that
 * copies; one input in sixteen of one that encodes what it cannot copy, since
 * an encoder takes longer to begin than all the rest.
 */

#include <libavutil/log.h>

#include <stdio.h>
#include <unistd.h>

#include "source/ds_convert.h"
#include "fuzz.h"


/* packets; a file of a few bytes may claim to last for hours */
#define FUZZ_PACKETS  200


static ds_t        *engine;
static ds_cancel_t  cancel;
static char         path[64];
static char         url[80];


static void
fuzz_media_wakeup(void *data)
{
    (void) data;
}


static void
fuzz_media_remove(void)
{
    (void) unlink(path);
}


static void
fuzz_media_init(void)
{
    ds_conf_t   conf;
    ds_error_t  err;

    static const char *const  command[] = { "/bin/false", NULL };

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = command;
    conf.resolve_extractors = "youtube";
    conf.resolve_timeout = 1000;
    conf.source_timeout = 1000;
    conf.buffer_time = 1000;
    conf.buffer_size = 1024 * 1024;
    conf.media_root = "/dev/shm";
    conf.encodes = 1;
    conf.wakeup = fuzz_media_wakeup;

    engine = ds_create(&conf, &err);

    if (engine == NULL || ds_cancel_init(&cancel) != DS_OK) {
        abort();
    }

    (void) snprintf(path, sizeof(path), "/dev/shm/ds-fuzz-%d",
                    (int) getpid());
    (void) snprintf(url, sizeof(url), "file://%s", path);
    (void) atexit(fuzz_media_remove);

    av_log_set_level(AV_LOG_QUIET);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                n;
    FILE              *f;
    AVPacket          *pkt;
    ds_error_t         err;
    ds_entry_t         e;
    ds_record_t        record;
    ds_reader_t       *r;
    ds_profile_t       profile = DS_PROFILE_DEFAULT;
    ds_convert_t      *c;
    ds_link_conf_t     conf;

    if (engine == NULL) {
        fuzz_media_init();
    }

    f = fopen(path, "w");

    if (f == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0) {
        abort();
    }

    memset(&e, 0, sizeof(e));
    e.url = url;
    e.plain = true;
    e.duration = -1;

    memset(&conf, 0, sizeof(conf));
    conf.ds = engine;
    conf.stream = "fuzz";
    conf.entry = &e;
    conf.cancel = &cancel;

    profile.video = size % 16 == 0 ? DS_VIDEO_AUTO : DS_VIDEO_COPY;
    profile.width = 64;
    profile.height = 64;

    pkt = av_packet_alloc();
    r = ds_reader_open(&conf, &err);

    if (r != NULL) {
        c = ds_convert_create(&conf, &profile, r, DS_CONVERT_SPEED, &err);

        for (n = 0; c != NULL && n < FUZZ_PACKETS; n++) {
            if (ds_convert_read(c, pkt, &err) != 1) {
                break;
            }

            if (pkt->dts == AV_NOPTS_VALUE || pkt->pts < pkt->dts) {
                abort();
            }

            av_packet_unref(pkt);
        }

        ds_convert_free(&c);
        ds_reader_close(&r);
    }

    av_packet_free(&pkt);

    while (ds_poll(engine, &record)) { /* void */ }

    return 0;
}
