
/*
 * ds_slate.c: has the slate made whenever its form changes, and plays it
 * round and round.  How it is made is ds_loop.c's.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "air/ds_slate.h"
#include "base/ds_crash.h"
#include "base/ds_job.h"


/* pixels: no larger slate is made, whatever an item says of itself */
#define DS_SLATE_PIXELS  (4096 * 2304)

/* an edge of it, the least that can be encoded */
#define DS_SLATE_EDGE    16

/* what is on air goes first */
#define DS_SLATE_NICE    5


struct ds_slate_s {
    ds_t                *ds;
    char                 name[DS_NAME_LEN + 1];
    char                *file;          /* NULL: none */

    ds_job_t             maker;
    ds_form_t            form;          /* made, or being made */
    ds_form_t            wanted;

    /* the maker's until it is done */
    bool                 begun;         /* a slate was made */
    bool                 bad;           /* the file cannot be shown */

    _Atomic(ds_loop_t *) made;          /* NULL, or not taken yet */

    ds_loop_t           *loop;          /* taken; NULL: none */
    int64_t              lead;          /* us */
    int64_t              count[2];      /* packets since it began */
    unsigned             audio;         /* the next packet of sound */
    int64_t              turns;         /* loops that sound has begun */
};


static void ds_slate_run(void *data);
static bool ds_slate_make(ds_slate_t *sl, const char *file);
static void ds_slate_made(ds_slate_t *sl, ds_loop_t *l);
static int64_t ds_slate_audio_at(ds_slate_t *sl, int64_t n);


ds_slate_t *
ds_slate_create(ds_t *ds, const char *name, const char *file)
{
    ds_slate_t  *sl;

    sl = calloc(1, sizeof(ds_slate_t));
    if (sl == NULL) {
        return NULL;
    }

    sl->ds = ds;
    ds_text(sl->name, sizeof(sl->name), name);

    if (ds_copy(&sl->file, file) != DS_OK) {
        free(sl);
        return NULL;
    }

    return sl;
}


void
ds_slate_free(ds_slate_t **psl)
{
    ds_loop_t   *l;
    ds_slate_t  *sl;

    sl = *psl;
    if (sl == NULL) {
        return;
    }

    *psl = NULL;

    ds_job_cancel(&sl->maker);
    ds_job_end(&sl->maker);

    l = atomic_exchange(&sl->made, NULL);
    ds_loop_free(&l);
    ds_loop_free(&sl->loop);

    free(sl->file);
    free(sl);
}


void
ds_slate_want(ds_slate_t *sl, const ds_form_t *form)
{
    ds_profile_t  *p;

    p = &sl->wanted.profile;

    if (form->profile.width < DS_SLATE_EDGE
        || form->profile.height < DS_SLATE_EDGE
        || (uint64_t) form->profile.width * form->profile.height
           > DS_SLATE_PIXELS)
    {
        return;
    }

    sl->wanted = *form;

    p->width &= ~1;
    p->height &= ~1;

    /* streams that differ in these can have the same */

    p->video = DS_VIDEO_ENCODE;
    p->max_keyframe_interval = 0;

    ds_slate_check(sl, false);
}


void
ds_slate_check(ds_slate_t *sl, bool needed)
{
    if (!ds_job_done(&sl->maker)) {
        return;
    }

    ds_job_end(&sl->maker);

    if (memcmp(&sl->wanted, &sl->form, sizeof(ds_form_t)) == 0) {
        return;
    }

    if (!ds_loops_turn(sl->ds->loops) && !needed) {
        return;
    }

    sl->form = sl->wanted;

    if (ds_job_start(&sl->maker, "ds-slate", ds_slate_run, sl) != DS_OK) {
        /* the next check tries again */
        memset(&sl->form, 0, sizeof(ds_form_t));
    }
}


/* context: maker's thread */

static void
ds_slate_run(void *data)
{
    bool         file, first;
    ds_loop_t   *l;
    ds_slate_t  *sl = data;

    ds_crash_stream(sl->name);
    (void) setpriority(PRIO_PROCESS, 0, DS_SLATE_NICE);

    first = !sl->begun;
    file = sl->file != NULL && !sl->bad;
    l = file ? ds_loop_find(sl->ds, sl->file, &sl->form) : NULL;

    if (l != NULL) {
        ds_slate_made(sl, l);

    } else {

        /* a clip takes its time, and something has to be there until then */

        if (first) {
            (void) ds_slate_make(sl, NULL);
        }

        if (file && !ds_cancel_is_set(&sl->maker.cancel)) {
            file = ds_slate_make(sl, sl->file);
            sl->bad = !file;
        }

        if (!first && !file) {
            (void) ds_slate_make(sl, NULL);
        }

        /* an encoder takes many times what the slate does, page by page */

        ds_trim(sl->ds);
    }
}


/* context: maker's thread; "file" NULL: a picture of the name */

static bool
ds_slate_make(ds_slate_t *sl, const char *file)
{
    ds_loop_t   *l;
    ds_error_t   err;

    l = ds_loop_create(sl->ds, sl->name, file, &sl->form, &sl->maker.cancel,
                       &err);

    if (l == NULL) {
        if (err.code != DS_ECANCELED) {
            ds_log(sl->ds, DS_LOG_WARN, sl->name,
                   "slate of %ux%u could not be made: %s: %s, file: \"%s\"",
                   sl->form.profile.width, sl->form.profile.height,
                   ds_error_code(err.code), err.message,
                   file == NULL ? "" : file);
        }

        return false;
    }

    ds_slate_made(sl, l);

    return true;
}


/* context: maker's thread */

static void
ds_slate_made(ds_slate_t *sl, ds_loop_t *l)
{
    sl->begun = true;

    l = atomic_exchange(&sl->made, l);
    ds_loop_free(&l);
}


bool
ds_slate_renewed(ds_slate_t *sl)
{
    return atomic_load(&sl->made) != NULL;
}


bool
ds_slate_begin(ds_slate_t *sl, int64_t lead)
{
    ds_loop_t  *l;

    l = atomic_exchange(&sl->made, NULL);

    if (l != NULL) {
        ds_loop_free(&sl->loop);
        sl->loop = l;
    }

    sl->lead = lead;
    sl->count[DS_VIDEO] = 0;
    sl->count[DS_AUDIO] = 0;
    sl->audio = 0;
    sl->turns = 1;

    return sl->loop != NULL;
}


const AVCodecParameters *
ds_slate_codecpar(ds_slate_t *sl, int track)
{
    return sl->loop->par[track];
}


double
ds_slate_rate(ds_slate_t *sl)
{
    return sl->loop->rate;
}


AVPacket *
ds_slate_next(ds_slate_t *sl, int track)
{
    int64_t           n, at, end, turn;
    unsigned          i;
    AVPacket         *pkt;
    ds_loop_t        *l;
    const ds_fifo_t  *pkts;

    l = sl->loop;
    n = sl->count[track];
    pkts = l->pkts.fifo;

    if (track == DS_VIDEO) {
        at = n * 1000000 / l->rate;
        end = (n + 1) * 1000000 / l->rate;
        i = n % pkts[DS_VIDEO].n;

    } else {
        at = ds_slate_audio_at(sl, n);
        end = ds_slate_audio_at(sl, n + 1);

        /* sound begins anew with the pictures, at the nearest packet */

        turn = sl->turns * (int64_t) pkts[DS_VIDEO].n * 1000000 / l->rate;

        if ((at + end) / 2 >= turn || sl->audio == pkts[DS_AUDIO].n) {
            sl->audio = 0;
            sl->turns++;
        }

        i = sl->audio;
    }

    pkt = av_packet_clone(ds_fifo_at(&pkts[track], i));
    if (pkt == NULL) {
        return NULL;
    }

    pkt->pts = at;
    pkt->dts = at;
    pkt->duration = end - at;

    sl->count[track]++;

    if (track == DS_AUDIO) {
        sl->audio++;
    }

    return pkt;
}


/* us, of the n-th packet of sound */

static int64_t
ds_slate_audio_at(ds_slate_t *sl, int64_t n)
{
    const ds_loop_t  *l;

    l = sl->loop;

    return n * l->par[DS_AUDIO]->frame_size * 1000000
           / l->form.profile.sample_rate - sl->lead;
}
