
/*
 * ds_loop.c: makes loops as items are encoded: decoder, filter, encoder and
 * order are media's.  Knows which there are, and how many are made at a time.
 */

#include <stdlib.h>
#include <string.h>

#include "air/ds_loop.h"
#include "air/ds_picture.h"
#include "media/ds_audio.h"
#include "media/ds_compat.h"
#include "media/ds_encode.h"
#include "media/ds_input.h"
#include "media/ds_video.h"


/* limits of a loop */
#define DS_LOOP_TIME    60000000        /* us */
#define DS_LOOP_BYTES   (16 << 20)

/*
 * Made at a time: an encoder of 720p takes 16 MiB.  A name's picture, which
 * takes some ms, does not wait for a clip, which takes seconds.
 */
#define DS_LOOP_NAMES   2
#define DS_LOOP_FILES   1

/* ms from one loop that can wait to the next */
#define DS_LOOP_PAUSE   250

/* a still: frames a second (each costs), and how long a loop of it is, us */
#define DS_STILL_RATE   5
#define DS_STILL_TIME   2000000

/* us: a track so far behind the other is not late but has a hole */
#define DS_LOOP_LAG     5000000
#define DS_LOOP_STEP    1000000

/* us: audio that outlasts the video by less is cut */
#define DS_LOOP_TAIL    50000

/* packets of sound more than the pictures last: none is ever missing */
#define DS_LOOP_SPARE   3


struct ds_loops_s {
    ds_gate_t          *gate[2];        /* of names, of files */
    _Atomic int64_t     turn_at;        /* monotonic ms, not before */

    pthread_mutex_t     lock;
    ds_loop_t          *first;          /* lock: files', those in use */
};


typedef struct {
    ds_loop_t          *loop;
    ds_form_t           form;
    ds_input_t         *in;             /* NULL: "picture" stands still */
    AVFrame            *picture;        /* of "in" the last one */
    ds_cancel_t        *cancel;

    ds_video_t         *video;
    ds_audio_t         *audio;
    int64_t             at;             /* us, what has been read */
} ds_making_t;


static ds_loop_t *ds_loop_of_file(ds_making_t *m, ds_t *ds, const char *path,
    ds_error_t *err);
static int ds_loop_input(ds_making_t *m, const ds_conf_t *conf,
    const char *path, ds_error_t *err);
static ds_loop_t *ds_loop_still(ds_making_t *m, ds_error_t *err);
static ds_loop_t *ds_loop_make(ds_making_t *m, uint32_t rate,
    ds_error_t *err);
static int ds_loop_open(ds_making_t *m, ds_error_t *err);
static int ds_loop_read(ds_making_t *m, ds_error_t *err);
static int ds_loop_feed(ds_making_t *m, const AVPacket *pkt, ds_error_t *err);
static int ds_loop_reach(ds_making_t *m, int64_t us, ds_error_t *err);
static int ds_loop_finish(ds_making_t *m, ds_error_t *err);
static void ds_loop_share(ds_loops_t *loops, ds_loop_t *l, const char *path,
    const struct stat *st);


ds_loops_t *
ds_loops_create(void)
{
    ds_loops_t  *loops;

    loops = calloc(1, sizeof(ds_loops_t));
    if (loops == NULL) {
        return NULL;
    }

    (void) pthread_mutex_init(&loops->lock, NULL);

    loops->gate[0] = ds_gate_create(DS_LOOP_NAMES);
    loops->gate[1] = ds_gate_create(DS_LOOP_FILES);

    if (loops->gate[0] == NULL || loops->gate[1] == NULL) {
        ds_loops_free(&loops);
    }

    return loops;
}


void
ds_loops_free(ds_loops_t **loops)
{
    if (*loops == NULL) {
        return;
    }

    ds_gate_free(&(*loops)->gate[0]);
    ds_gate_free(&(*loops)->gate[1]);
    (void) pthread_mutex_destroy(&(*loops)->lock);
    free(*loops);
    *loops = NULL;
}


bool
ds_loops_turn(ds_loops_t *loops)
{
    int64_t  at, now;

    now = ds_monotonic();
    at = atomic_load(&loops->turn_at);

    return now >= at
           && atomic_compare_exchange_strong(&loops->turn_at, &at,
                                             now + DS_LOOP_PAUSE);
}


ds_loop_t *
ds_loop_create(ds_t *ds, const char *name, const char *path,
    const ds_form_t *form, ds_cancel_t *cancel, ds_error_t *err)
{
    int           rc;
    ds_gate_t    *g;
    ds_loop_t    *l;
    ds_making_t   m;

    g = ds->loops->gate[path != NULL];

    rc = ds_gate_enter(g, NULL, -1, cancel);
    if (rc != DS_OK) {
        (void) ds_fail(err, rc, "%s", ds_error_code(rc));
        return NULL;
    }

    memset(&m, 0, sizeof(ds_making_t));
    m.form = *form;
    m.cancel = cancel;

    if (path != NULL) {
        l = ds_loop_of_file(&m, ds, path, err);

    } else {
        m.picture = ds_picture_name(name, form->profile.width,
                                    form->profile.height);
        l = ds_loop_still(&m, err);
    }

    av_frame_free(&m.picture);
    ds_gate_leave(g, NULL);

    if (l == NULL && ds_cancel_is_set(cancel)) {
        (void) ds_fail(err, DS_ECANCELED, "canceled");
    }

    return l;
}


static ds_loop_t *
ds_loop_of_file(ds_making_t *m, ds_t *ds, const char *path, ds_error_t *err)
{
    ds_loop_t    *l;
    ds_error_t    why;
    struct stat   st;

    /* nothing that may block, or never ends */

    if (stat(path, &st) == -1 || !S_ISREG(st.st_mode)) {
        (void) ds_fail(err, DS_ESLATE_INVALID, "there is no such file");
        return NULL;
    }

    /* others may have waited for the same */

    l = ds_loop_find(ds, path, &m->form);
    if (l != NULL || ds_loop_input(m, &ds->conf, path, err) != DS_OK) {
        return l;
    }

    l = ds_loop_make(m, m->form.profile.rate, &why);
    ds_input_close(&m->in);

    if (l != NULL && l->pkts.fifo[DS_VIDEO].n < m->form.profile.rate) {
        ds_loop_free(&l);
        l = ds_loop_still(m, &why);
    }

    if (l != NULL) {
        ds_loop_share(ds->loops, l, path, &st);

    } else if (why.code == DS_EENCODE_FAILED) {
        (void) ds_fail(err, DS_ESLATE_INVALID, "it cannot be converted: %s",
                       why.message);

    } else {
        *err = why;
    }

    return l;
}


static int
ds_loop_input(ds_making_t *m, const ds_conf_t *conf, const char *path,
    ds_error_t *err)
{
    ds_media_t  media;
    ds_error_t  why;

    memset(&media, 0, sizeof(ds_media_t));
    media.duration = -1;
    media.nurls = 1;
    media.urls[0].local = true;
    media.urls[0].url = (char *) path;

    m->in = ds_input_open(conf, &media, false, NULL, m->cancel, &why);

    if (m->in == NULL) {
        return ds_fail(err, DS_ESLATE_INVALID, "it cannot be read: %s",
                       why.message);
    }

    if (ds_input_codecpar(m->in, DS_VIDEO) == NULL) {
        ds_input_close(&m->in);
        return ds_fail(err, DS_ESLATE_INVALID, "it has no picture");
    }

    return DS_OK;
}


static ds_loop_t *
ds_loop_still(ds_making_t *m, ds_error_t *err)
{
    if (m->picture == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "av_frame_alloc() failed");
        return NULL;
    }

    return ds_loop_make(m, DS_STILL_RATE, err);
}


static ds_loop_t *
ds_loop_make(ds_making_t *m, uint32_t rate, ds_error_t *err)
{
    int         rc;
    ds_loop_t  *l;

    l = calloc(1, sizeof(ds_loop_t));
    if (l == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    l->form = m->form;
    l->rate = rate;
    m->loop = l;

    rc = ds_loop_open(m, err);

    if (rc == DS_OK) {
        rc = m->in != NULL ? ds_loop_read(m, err)
                           : ds_video_until(m->video, DS_STILL_TIME, err);
    }

    if (rc == DS_OK) {
        rc = ds_loop_finish(m, err);
    }

    ds_video_free(&m->video);
    ds_audio_free(&m->audio);

    if (rc != DS_OK) {
        ds_loop_free(&l);
    }

    return l;
}


static int
ds_loop_open(ds_making_t *m, ds_error_t *err)
{
    ds_loop_t                *l;
    ds_profile_t              profile;
    ds_video_conf_t           conf;
    const AVCodecParameters  *sound;

    l = m->loop;
    sound = NULL;

    profile = l->form.profile;
    profile.rate = l->rate;

    memset(&conf, 0, sizeof(ds_video_conf_t));
    conf.profile = &profile;
    conf.picture = m->picture;
    conf.out = &l->pkts;
    conf.cancel = m->cancel;
    conf.preset = DS_ENCODE_LOOP;

    if (m->in != NULL) {
        sound = ds_input_codecpar(m->in, DS_AUDIO);
        conf.par = ds_input_codecpar(m->in, DS_VIDEO);
        conf.matrix = ds_stream_matrix(ds_input_stream(m->in, DS_VIDEO));
    }

    m->video = ds_video_create(&conf, err);
    if (m->video == NULL) {
        return err->code;
    }

    m->audio = ds_audio_create(&profile, l->form.channels, sound, &l->pkts,
                               m->cancel, err);
    if (m->audio == NULL) {
        return err->code;
    }

    l->par[DS_VIDEO] = ds_video_codecpar(m->video);
    l->par[DS_AUDIO] = ds_audio_codecpar(m->audio);

    if (l->par[DS_VIDEO] == NULL || l->par[DS_AUDIO] == NULL) {
        return ds_fail(err, DS_ENOMEM, "avcodec_parameters_alloc() failed");
    }

    return DS_OK;
}


static int
ds_loop_read(ds_making_t *m, ds_error_t *err)
{
    int          rc;
    AVPacket    *pkt;
    ds_fifo_t   *fifo;
    ds_error_t   end;

    pkt = av_packet_alloc();
    if (pkt == NULL) {
        return ds_fail(err, DS_ENOMEM, "av_packet_alloc() failed");
    }

    fifo = m->loop->pkts.fifo;
    rc = DS_OK;

    /* what is damaged is left out, and what it ends with is its end */

    while (rc == DS_OK && ds_input_read(m->in, pkt, &end) == 1
           && pkt->dts < DS_LOOP_TIME
           && fifo[DS_VIDEO].bytes + fifo[DS_AUDIO].bytes < DS_LOOP_BYTES)
    {
        rc = ds_loop_feed(m, pkt, err);
        av_packet_unref(pkt);
    }

    av_packet_free(&pkt);

    if (rc == DS_OK) {
        rc = ds_video_packet(m->video, NULL, err);
    }

    if (rc == DS_OK) {
        rc = ds_audio_packet(m->audio, NULL, err);
    }

    if (rc == DS_OK) {
        m->picture = ds_video_picture(m->video);
    }

    return rc;
}


static int
ds_loop_feed(ds_making_t *m, const AVPacket *pkt, ds_error_t *err)
{
    int  rc;

    rc = ds_loop_reach(m, pkt->dts, err);

    if (rc != DS_OK) {
        return rc;
    }

    return pkt->stream_index == DS_VIDEO
           ? ds_video_packet(m->video, pkt, err)
           : ds_audio_packet(m->audio, pkt, err);
}


/* by steps: what is very late is a new clock to both of them */

static int
ds_loop_reach(ds_making_t *m, int64_t us, ds_error_t *err)
{
    int  rc;

    for (rc = DS_OK; rc == DS_OK && m->at < us; m->at += DS_LOOP_STEP) {

        rc = ds_video_until(m->video, m->at - DS_LOOP_LAG, err);

        if (rc == DS_OK) {
            rc = ds_audio_until(m->audio, m->at - DS_LOOP_LAG, err);
        }
    }

    return rc;
}


/* the picture stands while there is sound; then sound is as long as it */

static int
ds_loop_finish(ds_making_t *m, ds_error_t *err)
{
    int         rc;
    int64_t     end;
    AVPacket   *pkt;
    ds_fifo_t  *video, *audio;
    ds_loop_t  *l;

    l = m->loop;
    video = &l->pkts.fifo[DS_VIDEO];
    audio = &l->pkts.fifo[DS_AUDIO];

    end = ds_audio_end(m->audio);

    if (end - ds_video_end(m->video) < DS_LOOP_TAIL) {
        end = ds_video_end(m->video);
    }

    rc = ds_loop_reach(m, end, err);

    if (rc == DS_OK) {
        rc = ds_video_until(m->video, end, err);
    }

    if (rc == DS_OK) {
        rc = ds_video_finish(m->video, err);
    }

    if (rc == DS_OK) {
        end = (int64_t) video->n * 1000000 / l->rate
              + (int64_t) DS_LOOP_SPARE * l->par[DS_AUDIO]->frame_size
                * 1000000 / l->form.profile.sample_rate;

        rc = ds_audio_until(m->audio, end, err);
    }

    if (rc == DS_OK) {
        rc = ds_audio_finish(m->audio, err);
    }

    /* what primes a decoder, and is not heard */

    while (audio->n != 0 && ds_fifo_at(audio, 0)->pts < 0) {
        pkt = ds_fifo_take(audio);
        av_packet_free(&pkt);
    }

    if (rc == DS_OK && (video->n == 0 || audio->n == 0)) {
        rc = ds_fail(err, DS_EENCODE_FAILED, "there is no picture");
    }

    return rc;
}


ds_loop_t *
ds_loop_find(ds_t *ds, const char *path, const ds_form_t *form)
{
    ds_loop_t    *l;
    struct stat   st;

    if (stat(path, &st) == -1) {
        return NULL;
    }

    (void) pthread_mutex_lock(&ds->loops->lock);

    for (l = ds->loops->first; l != NULL; l = l->next) {

        if (strcmp(l->path, path) == 0 && l->st.st_ino == st.st_ino
            && l->st.st_size == st.st_size
            && memcmp(&l->st.st_mtim, &st.st_mtim, sizeof(st.st_mtim)) == 0
            && memcmp(&l->form, form, sizeof(ds_form_t)) == 0)
        {
            l->refs++;
            break;
        }
    }

    (void) pthread_mutex_unlock(&ds->loops->lock);

    return l;
}


/* without memory it is not */

static void
ds_loop_share(ds_loops_t *loops, ds_loop_t *l, const char *path,
    const struct stat *st)
{
    l->path = strdup(path);
    if (l->path == NULL) {
        return;
    }

    l->st = *st;
    l->refs = 1;
    l->loops = loops;

    (void) pthread_mutex_lock(&loops->lock);
    l->next = loops->first;
    loops->first = l;
    (void) pthread_mutex_unlock(&loops->lock);
}


void
ds_loop_free(ds_loop_t **pl)
{
    bool         used;
    ds_loop_t   *l, **p;
    ds_loops_t  *loops;

    l = *pl;
    *pl = NULL;

    if (l == NULL) {
        return;
    }

    loops = l->loops;

    if (loops != NULL) {
        (void) pthread_mutex_lock(&loops->lock);

        used = --l->refs != 0;

        if (!used) {
            for (p = &loops->first; *p != l; p = &(*p)->next) { /* void */ }

            *p = l->next;
        }

        (void) pthread_mutex_unlock(&loops->lock);

        if (used) {
            return;
        }
    }

    ds_merge_clear(&l->pkts);
    avcodec_parameters_free(&l->par[DS_VIDEO]);
    avcodec_parameters_free(&l->par[DS_AUDIO]);
    free(l->path);
    free(l);
}
