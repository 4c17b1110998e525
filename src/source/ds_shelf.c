
/*
 * ds_shelf.c: which place in the cache an item has, and what is done about it.
 * Knows neither the air nor other items.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_engine.h"
#include "base/ds_url.h"
#include "source/ds_shelf.h"


/* ms between two looks at what others write */
#define DS_SHELF_WAIT  200


static char *ds_shelf_identity(const ds_entry_t *e);
static void ds_shelf_form(char *form, const ds_profile_t *p);
static int ds_shelf_media(ds_shelf_t *s, ds_error_t *err);
static int ds_shelf_fetch_once(ds_shelf_t *s, bool modest, ds_error_t *err);


void
ds_shelf_init(ds_shelf_t *s, const ds_link_conf_t *conf,
    const ds_profile_t *profile)
{
    char              *id;
    unsigned           i;
    ds_kept_t         *k;
    const ds_entry_t  *e;

    s->conf = *conf;
    e = conf->entry;
    atomic_store(&s->progress.left, -1);

    if (s->conf.ds->cache == NULL || e == NULL || e->url == NULL
        || e->code != DS_OK || strncasecmp(e->url, "file:", 5) == 0)
    {
        return;
    }

    id = ds_shelf_identity(e);
    if (id == NULL) {
        return;
    }

    for (i = 0; i < DS_SHELF_FORMS; i++) {
        k = &s->kept[i];

        if (i == DS_SHELF_SENT) {
            ds_shelf_form(k->form, profile);
        } else {
            ds_text(k->form, sizeof(k->form), "download");
        }

        ds_text(k->id, sizeof(k->id), e->id);
        ds_text(k->title, sizeof(k->title), e->title);
        ds_redact_playlist(k->origin, sizeof(k->origin), e->url);
        k->duration = e->duration;
        k->files = 1;

        if (ds_cache_key(k->key, id, k->form) != DS_OK) {
            free(id);
            return;
        }
    }

    free(id);

    s->cache = s->conf.ds->cache;
}


/*
 * The same whatever list names it, and whatever that says of it: what is
 * played decides.  Of a media file's query only what is a signature is left
 * out, as it changes; all else may name what it is.
 */

static char *
ds_shelf_identity(const ds_entry_t *e)
{
    char  *id, *video, *audio, name[DS_ID_LEN];

    if (!e->plain) {

        /* what a resolver hides in a fragment is a part of the name */

        return ds_url_video_id(name, e->url) ? ds_sprintf("youtube %s", name)
                                             : ds_sprintf("page %s", e->url);
    }

    id = NULL;
    video = ds_url_unsigned(e->url);
    audio = ds_url_unsigned(e->audio_url == NULL ? "" : e->audio_url);

    if (video != NULL && audio != NULL) {
        id = ds_sprintf("url %s %s", video, audio);
    }

    free(video);
    free(audio);

    return id;
}


/* whatever changes a packet of what is sent is in it */

static void
ds_shelf_form(char *form, const ds_profile_t *p)
{
    if (p->video == DS_VIDEO_COPY) {
        (void) snprintf(form, DS_FORM_LEN, "copy");
        return;
    }

    (void) snprintf(form, DS_FORM_LEN, "%s %ux%u %u %u %u %u %u",
                    ds_video_name(p->video), (unsigned) p->width,
                    (unsigned) p->height, (unsigned) p->rate,
                    (unsigned) p->video_bitrate, (unsigned) p->audio_bitrate,
                    (unsigned) p->sample_rate,
                    (unsigned) p->max_keyframe_interval);
}


int
ds_shelf_find(ds_shelf_t *s, ds_error_t *err)
{
    int        rc;
    unsigned   i;
    ds_kept_t  kept;

    rc = ds_fail(err, DS_ECACHE_MISSING, "nothing is kept of it");

    for (i = 0; i < DS_SHELF_FORMS && s->cache != NULL; i++) {
        rc = ds_cache_get(s->cache, s->kept[i].key, s->conf.cancel, &kept, err);

        if (rc == DS_OK) {
            s->kept[i] = kept;
            s->form = i;
            s->found = true;

            return ds_shelf_media(s, err);
        }

        if (rc != DS_ECACHE_MISSING) {
            break;
        }
    }

    return rc;
}


static int
ds_shelf_media(ds_shelf_t *s, ds_error_t *err)
{
    unsigned     i;
    ds_kept_t   *k;
    ds_media_t  *m;

    k = &s->kept[s->form];
    m = &s->media;

    m->duration = k->duration;
    m->nurls = k->files;
    m->id = strdup(k->id);
    m->title = strdup(k->title);

    for (i = 0; i < k->files; i++) {
        m->urls[i].local = true;
        m->urls[i].url = ds_cache_path(s->cache, k->key, i);

        if (m->urls[i].url == NULL) {
            return ds_fail(err, DS_ENOMEM, "malloc() failed");
        }
    }

    return m->id != NULL && m->title != NULL
           ? DS_OK : ds_fail(err, DS_ENOMEM, "strdup() failed");
}


bool
ds_shelf_has(ds_shelf_t *s)
{
    unsigned  i;

    for (i = 0; i < DS_SHELF_FORMS && s->cache != NULL; i++) {
        if (ds_cache_has(s->cache, s->kept[i].key)) {
            return true;
        }
    }

    return false;
}


void
ds_shelf_drop(ds_shelf_t *s)
{
    const char  *key;

    key = s->kept[s->form].key;

    ds_cache_release(s->cache, key);
    ds_cache_forget(s->cache, key);
    ds_media_free(&s->media);

    s->found = false;
}


int
ds_shelf_fetch(ds_shelf_t *s, bool modest, ds_error_t *err)
{
    int  rc;

    if (s->cache == NULL) {
        return ds_fail(err, DS_ECACHE_MISSING, "it has no place in the cache");
    }

    for ( ;; ) {
        atomic_store(&s->fetching, true);
        rc = ds_shelf_fetch_once(s, modest, err);
        atomic_store(&s->fetching, false);

        if (rc == DS_ECACHE_BUSY) {

            /* another stream's, or just done by it */

            if (ds_cancel_wait(s->conf.cancel, DS_SHELF_WAIT)) {
                return ds_fail(err, DS_ECANCELED, "canceled");
            }

        } else if (rc != DS_OK && rc != DS_ECACHE_MISSING) {
            return rc;
        }

        rc = ds_shelf_find(s, err);

        if (rc != DS_ECACHE_MISSING) {
            return rc;
        }
    }
}


static int
ds_shelf_fetch_once(ds_shelf_t *s, bool modest, ds_error_t *err)
{
    int         rc;
    ds_keep_t  *keep;

    keep = ds_cache_begin(s->cache, &s->kept[DS_SHELF_WHOLE], err);
    if (keep == NULL) {
        return err->code;
    }

    if (modest) {
        ds_keep_modest(keep);
    }

    rc = ds_fetch(&s->conf, keep, &s->progress, err);

    if (rc == DS_OK) {
        return ds_keep_commit(&keep, s->conf.cancel, err);
    }

    ds_keep_abort(&keep, ds_fetch_resumable(rc));

    return rc;
}


bool
ds_shelf_optional(int code)
{
    switch (code) {

    case DS_EITEM_LIVE:
    case DS_EITEM_FORMAT:
    case DS_ECODEC_VIDEO:
    case DS_ECODEC_AUDIO:
        return true;

    default:
        return code >= DS_ESTORE_FULL && code <= DS_ECACHE_MISSING;
    }
}


void
ds_shelf_begin(ds_shelf_t *s, const AVCodecParameters *video,
    const AVCodecParameters *audio, int64_t duration)
{
    if (s->cache == NULL) {
        return;
    }

    s->scribe = ds_scribe_start(s->conf.ds, s->conf.stream,
                                &s->kept[DS_SHELF_SENT], video, audio,
                                duration);

    atomic_store(&s->keeping, s->scribe != NULL);
}


void
ds_shelf_write(ds_shelf_t *s, const AVPacket *pkt)
{
    if (s->scribe != NULL && !ds_scribe_put(s->scribe, pkt)) {
        ds_shelf_end(s, false);
    }
}


void
ds_shelf_end(ds_shelf_t *s, bool whole)
{
    ds_scribe_end(&s->scribe, whole);
    atomic_store(&s->keeping, false);
}


bool
ds_shelf_fetching(ds_shelf_t *s, ds_fetching_t *f)
{
    f->active = atomic_load(&s->fetching);
    f->bytes = atomic_load(&s->progress.bytes);
    f->total = atomic_load(&s->progress.total);
    f->speed = atomic_load(&s->progress.speed);
    f->left = atomic_load(&s->progress.left);

    return f->active;
}


void
ds_shelf_free(ds_shelf_t *s)
{
    ds_shelf_end(s, false);

    if (s->found) {
        ds_cache_release(s->cache, s->kept[s->form].key);
        s->found = false;
    }

    ds_media_free(&s->media);
}
