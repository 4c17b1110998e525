
/*
 * ds_youtube.c: rounds of looks at an account, one for all of its streams, and
 * between two of them those of streams for which something is under way.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/ds_job.h"
#include "youtube/ds_google.h"
#include "youtube/ds_youtube.h"


/* ms between two looks when something is under way, and so many in a row */
#define DS_YOUTUBE_SOON     5000
#define DS_YOUTUBE_SOONS    24

/* rounds, of which one lists the account's streams and their health */
#define DS_YOUTUBE_EACH     4

#define DS_YOUTUBE_NO_STREAM  "no stream of the account has the key of the push"

/* rounds in which our own push was up, before anything is done */
#define DS_YOUTUBE_UP       2

/* ms without a look after an error, which doubles */
#define DS_YOUTUBE_RETRY_MIN  10000
#define DS_YOUTUBE_RETRY_MAX  300000
#define DS_YOUTUBE_QUOTA_MIN  600000
#define DS_YOUTUBE_QUOTA_MAX  3600000

/* ms, after which a wish that could not be granted is forgotten */
#define DS_YOUTUBE_WISH     600000

/* a day of the quota begins at midnight of the Pacific's standard time */
#define DS_YOUTUBE_DAY      (24 * 3600 * 1000LL)
#define DS_YOUTUBE_PACIFIC  (8 * 3600 * 1000LL)


struct ds_channel_s {
    /* constant */
    ds_t                 *ds;
    char                  name[DS_NAME_LEN + 1];
    char                  key[DS_URL_LEN];      /* of the push, a secret */
    ds_youtube_conf_t     conf;

    /* lock */
    ds_channel_t         *next;
    bool                  left;         /* by its stream */
    bool                  used;         /* by the thread */
    bool                  pushed;
    bool                  lost;         /* it was not, since the last round */
    char                  item[DS_TITLE_LEN];
    bool                  wishes[DS_YOUTUBE_ROLLOVER + 1];
    int64_t               wished;       /* monotonic ms, the last one */
    ds_youtube_status_t   status;

    /* the thread's */
    char                  id[DS_YOUTUBE_ID];    /* in the account, "": none */
    ds_ingest_t           ingest;
    bool                  sought;       /* there */
    bool                  loaded;       /* "memo" is */
    ds_memo_t             memo;
    ds_memo_t             kept;         /* as the store has it */
    unsigned              up;
    unsigned              dark;
    unsigned              soons;
    int64_t               told;         /* Unix ms */
};


typedef struct ds_youtube_s {
    ds_job_t              job;
    ds_t                 *ds;
    ds_google_t          *google;
    ds_bell_t             bell;

    pthread_mutex_t       lock;
    ds_channel_t         *channels;     /* lock */
    bool                  asked;        /* lock; somebody wants a look */

    /* the thread's */
    ds_store_t           *store;        /* NULL: not open */
    ds_channel_t        **seen;         /* of this round */
    size_t                nseen;
    ds_broadcast_t       *list;         /* of this round */
    size_t                nlist;
    bool                  whole;        /* it has upcoming ones, too */
    bool                  stale;        /* something was done since */
    char                  tag[DS_YOUTUBE_ID];   /* of one that is made now */
    unsigned              rounds;
    unsigned              fails;        /* of the account, in a row */
    bool                  soon;
    int64_t               round_at;     /* monotonic ms, of the next one */
    int64_t               look_at;      /* of the next look before it */
    int64_t               retry_at;     /* none before */
    int64_t               day;
    int64_t               used;
} ds_youtube_t;


static const char *const  ds_youtube_vars[] = {
    "$title", "$stream", "$date"
};

#define DS_YOUTUBE_VARS  (sizeof(ds_youtube_vars) / sizeof(ds_youtube_vars[0]))


static ds_channel_t *ds_youtube_channel(ds_t *ds, const char *stream,
    const char *push, const ds_youtube_conf_t *conf);
static void ds_youtube_channel_free(ds_channel_t *c);
static bool ds_youtube_remove(ds_youtube_t *y, ds_channel_t *c);
static size_t ds_youtube_var(const char *p);
static void ds_youtube_run(void *data);
static void ds_youtube_round(ds_youtube_t *y, bool round);
static int ds_youtube_collect(ds_youtube_t *y, bool round);
static void ds_youtube_release(ds_youtube_t *y);
static int ds_youtube_list(ds_youtube_t *y, bool round, ds_error_t *err);
static int ds_youtube_streams(ds_youtube_t *y, ds_error_t *err);
static int ds_youtube_known(ds_youtube_t *y, ds_ingest_t **list, size_t *n,
    ds_error_t *err);
static void ds_youtube_look(ds_youtube_t *y, size_t i);
static int ds_youtube_whole(ds_youtube_t *y, ds_error_t *err);
static int ds_youtube_load(ds_youtube_t *y, ds_channel_t *c, ds_error_t *err);
static int ds_youtube_keep(ds_youtube_t *y, ds_channel_t *c,
    ds_error_t *err);
static void ds_youtube_view(ds_youtube_t *y, ds_channel_t *c,
    ds_view_t *view);
static int ds_youtube_act(ds_youtube_t *y, ds_channel_t *c,
    const ds_step_t *step, ds_error_t *err);
static int ds_youtube_do(ds_youtube_t *y, ds_channel_t *c,
    const ds_step_t *step, char *id, ds_error_t *err);
static void ds_youtube_did(ds_youtube_t *y, ds_channel_t *c,
    const ds_step_t *step);
static ds_youtube_totals_t *ds_youtube_totals(ds_youtube_t *y,
    ds_channel_t *c);
static void ds_youtube_title(const ds_channel_t *c, const char *item,
    char *title, size_t size);
static void ds_youtube_report(ds_youtube_t *y, ds_channel_t *c,
    const ds_view_t *view, const ds_step_t *step, const ds_error_t *err);
static void ds_youtube_judge(const ds_channel_t *c, const ds_step_t *step,
    ds_error_t *err);
static void ds_youtube_granted(ds_channel_t *c, const ds_step_t *step);
static void ds_youtube_failed(ds_youtube_t *y, ds_channel_t *c,
    const ds_error_t *err);
static bool ds_youtube_state(ds_channel_t *c, ds_youtube_state_e state);
static void ds_youtube_told(ds_channel_t *c, bool changed,
    const ds_error_t *err);
static void ds_youtube_hold(ds_youtube_t *y, int code);
static void ds_youtube_count(ds_youtube_t *y);
static bool ds_youtube_open(ds_youtube_t *y, ds_error_t *err);
static void ds_youtube_free(void *data);


int
ds_youtube_start(ds_t *ds, ds_error_t *err)
{
    ds_youtube_t  *y;

    if (ds->conf.youtube_credentials == NULL) {
        return DS_OK;
    }

    y = calloc(1, sizeof(ds_youtube_t));
    if (y == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    y->ds = ds;
    y->bell.fd = -1;
    (void) pthread_mutex_init(&y->lock, NULL);

    y->google = ds_google_create(ds->conf.youtube_credentials,
                                 ds->conf.youtube_api, err);

    if (y->google != NULL
        && (ds_bell_init(&y->bell) != DS_OK
            || ds_job_start_owned(&y->job, ds, "ds-youtube", ds_youtube_run,
                                  ds_youtube_free, y)
               != DS_OK))
    {
        (void) ds_fail(err, DS_ENOMEM, "no thread for YouTube");
    }

    if (err->code != DS_OK) {
        ds_youtube_free(y);
        return err->code;
    }

    ds->youtube = y;

    return DS_OK;
}


/* streams have left by now: they were started later */

static void
ds_youtube_free(void *data)
{
    ds_channel_t *c;
    ds_youtube_t *y = data;

    ds_job_end(&y->job);

    y->ds->youtube = NULL;

    while ((c = y->channels) != NULL) {
        y->channels = c->next;
        ds_youtube_channel_free(c);
    }

    ds_google_free(&y->google);
    ds_store_close(&y->store);
    ds_bell_free(&y->bell);
    (void) pthread_mutex_destroy(&y->lock);

    free(y->seen);
    free(y->list);
    free(y);
}


int
ds_youtube_join(ds_t *ds, const char *stream, const char *push,
    const ds_youtube_conf_t *conf, ds_youtube_totals_t *totals,
    ds_channel_t **pc)
{
    bool           gone;
    ds_channel_t  *c, *old;
    ds_youtube_t  *y;

    y = ds->youtube;
    old = *pc;
    c = NULL;
    gone = false;

    if (y == NULL) {
        return DS_OK;
    }

    if (conf->mode != DS_YOUTUBE_OFF && push != NULL) {
        c = ds_youtube_channel(ds, stream, push, conf);

        if (c == NULL) {
            return DS_ENOMEM;
        }
    }

    (void) pthread_mutex_lock(&y->lock);

    if (old != NULL) {
        *totals = old->status.totals;
        gone = ds_youtube_remove(y, old);
    }

    if (c != NULL) {
        c->status.totals = *totals;
        c->next = y->channels;
        y->channels = c;
        y->asked = true;
    }

    (void) pthread_mutex_unlock(&y->lock);

    if (gone) {
        ds_youtube_channel_free(old);
    }

    ds_bell_ring(&y->bell);
    *pc = c;

    return DS_OK;
}


/* NULL: no memory */

static ds_channel_t *
ds_youtube_channel(ds_t *ds, const char *stream, const char *push,
    const ds_youtube_conf_t *conf)
{
    const char    *key;
    ds_channel_t  *c;

    c = calloc(1, sizeof(ds_channel_t));
    if (c == NULL) {
        return NULL;
    }

    c->ds = ds;
    c->conf = *conf;
    c->status.enabled = true;
    ds_text(c->name, sizeof(c->name), stream);

    /* its key is the last part of what the push goes to */

    key = strrchr(push, '/');
    key = key != NULL ? key + 1 : "";

    (void) snprintf(c->key, sizeof(c->key), "%.*s", (int) strcspn(key, "?"),
                    key);

    return c;
}


static void
ds_youtube_channel_free(ds_channel_t *c)
{
    explicit_bzero(c->key, sizeof(c->key));
    free(c);
}


void
ds_youtube_leave(ds_channel_t **pc)
{
    bool           gone;
    ds_channel_t  *c;
    ds_youtube_t  *y;

    c = *pc;
    if (c == NULL) {
        return;
    }

    *pc = NULL;
    y = c->ds->youtube;

    (void) pthread_mutex_lock(&y->lock);
    gone = ds_youtube_remove(y, c);
    (void) pthread_mutex_unlock(&y->lock);

    if (gone) {
        ds_youtube_channel_free(c);
    }
}


/*
 * True: the thread has nothing to do with it, else it frees it.
 *
 * context: lock is held
 */

static bool
ds_youtube_remove(ds_youtube_t *y, ds_channel_t *c)
{
    ds_channel_t  **p;

    for (p = &y->channels; *p != c; p = &(*p)->next) { /* void */ }

    *p = c->next;
    c->left = true;

    return !c->used;
}


void
ds_youtube_wish(ds_channel_t *c, ds_youtube_wish_e wish)
{
    ds_youtube_t  *y;

    if (c == NULL) {
        return;
    }

    y = c->ds->youtube;

    (void) pthread_mutex_lock(&y->lock);

    c->wishes[wish] = true;
    c->wished = ds_monotonic();
    y->asked = true;

    (void) pthread_mutex_unlock(&y->lock);

    ds_bell_ring(&y->bell);
}


void
ds_youtube_tell(ds_channel_t *c, bool pushed, const char *title)
{
    ds_youtube_t  *y;

    if (c == NULL) {
        return;
    }

    y = c->ds->youtube;

    (void) pthread_mutex_lock(&y->lock);

    c->pushed = pushed;
    c->lost |= !pushed;
    ds_text(c->item, sizeof(c->item), title);

    (void) pthread_mutex_unlock(&y->lock);
}


void
ds_youtube_status(ds_channel_t *c, ds_youtube_status_t *status)
{
    ds_youtube_t  *y;

    if (c == NULL) {
        return;
    }

    y = c->ds->youtube;

    (void) pthread_mutex_lock(&y->lock);
    *status = c->status;
    (void) pthread_mutex_unlock(&y->lock);
}


/* context: its own thread, as all below */

static void
ds_youtube_run(void *data)
{
    bool          asked, any, round;
    int64_t       now, at, soon;
    ds_youtube_t *y = data;

    y->look_at = INT64_MAX;

    while (!ds_cancel_is_set(&y->job.cancel)) {

        (void) pthread_mutex_lock(&y->lock);

        asked = y->asked;
        any = y->channels != NULL;
        y->asked = false;

        (void) pthread_mutex_unlock(&y->lock);

        now = ds_monotonic();

        if (!any) {
            ds_bell_wait(&y->bell, &y->job.cancel, DS_YOUTUBE_DAY);
            continue;
        }

        if (asked) {
            y->look_at = now;
        }

        at = y->round_at < y->look_at ? y->round_at : y->look_at;
        at = at > y->retry_at ? at : y->retry_at;

        if (now < at) {
            ds_bell_wait(&y->bell, &y->job.cancel, at - now);
            continue;
        }

        round = now >= y->round_at;

        if (round) {
            y->round_at = now + y->ds->conf.youtube_interval;
        }

        y->look_at = INT64_MAX;

        ds_youtube_round(y, round);

        now = ds_monotonic();
        soon = y->ds->conf.youtube_interval < DS_YOUTUBE_SOON
               ? y->ds->conf.youtube_interval : DS_YOUTUBE_SOON;

        /* who asks for more does not use up the quota */
        y->retry_at = y->retry_at > now + soon ? y->retry_at : now + soon;

        if (y->soon) {
            y->look_at = now + soon;
        }
    }
}


/* "round": it is time for one, else a look in between */

static void
ds_youtube_round(ds_youtube_t *y, bool round)
{
    size_t      i;
    ds_error_t  err;

    y->soon = false;
    y->whole = false;
    y->stale = false;
    ds_error_clear(&err);

    if (ds_youtube_collect(y, round) != DS_OK) {
        return;
    }

    if (!ds_youtube_open(y, &err)
        || ds_youtube_list(y, round, &err) != DS_OK)
    {
        ds_youtube_hold(y, err.code);

        for (i = 0; i < y->nseen; i++) {
            ds_youtube_failed(y, y->seen[i], &err);
        }

    } else {
        y->fails = 0;
        ds_youtube_count(y);

        for (i = 0; i < y->nseen; i++) {
            ds_youtube_look(y, i);
        }
    }

    ds_youtube_count(y);
    ds_youtube_release(y);
    ds_wakeup(y->ds);
}


/* those that take part now; none of them is freed before it is released */

static int
ds_youtube_collect(ds_youtube_t *y, bool round)
{
    size_t          n;
    ds_channel_t   *c, **seen;

    (void) pthread_mutex_lock(&y->lock);

    for (n = 0, c = y->channels; c != NULL; c = c->next) {
        n++;
    }

    seen = realloc(y->seen, (n + 1) * sizeof(ds_channel_t *));

    if (seen == NULL) {
        (void) pthread_mutex_unlock(&y->lock);
        return DS_ENOMEM;
    }

    y->seen = seen;
    y->nseen = 0;

    for (c = y->channels; c != NULL; c = c->next) {
        c->used = true;
        y->seen[y->nseen++] = c;

        if (!c->pushed || c->lost) {
            c->up = 0;
        }

        if (round) {
            c->up += c->pushed;
            c->lost = false;
        }
    }

    (void) pthread_mutex_unlock(&y->lock);

    return DS_OK;
}


static void
ds_youtube_release(ds_youtube_t *y)
{
    bool    left;
    size_t  i;

    for (i = 0; i < y->nseen; i++) {

        (void) pthread_mutex_lock(&y->lock);

        y->seen[i]->used = false;
        left = y->seen[i]->left;

        (void) pthread_mutex_unlock(&y->lock);

        if (left) {
            ds_youtube_channel_free(y->seen[i]);
        }
    }

    y->nseen = 0;
}


/* what is live, one call; and now and then how streams are */

static int
ds_youtube_list(ds_youtube_t *y, bool round, ds_error_t *err)
{
    int     rc;
    bool    streams;
    size_t  i;

    y->nlist = 0;
    streams = round && y->rounds++ % DS_YOUTUBE_EACH == 0;

    for (i = 0; i < y->nseen; i++) {
        streams |= !y->seen[i]->sought;
    }

    rc = ds_google_broadcasts(y->google, "active", &y->job.cancel, &y->list,
                              &y->nlist, err);

    return rc == DS_OK && streams ? ds_youtube_streams(y, err) : rc;
}


/* by their ids, which is all there is to do once these are known */

static int
ds_youtube_streams(ds_youtube_t *y, ds_error_t *err)
{
    int            rc;
    bool           known, keys;
    size_t         i, k, n;
    ds_ingest_t   *list;
    ds_channel_t  *c;

    n = 0;
    list = NULL;
    known = true;

    for (i = 0; i < y->nseen; i++) {
        known = known && y->seen[i]->id[0] != '\0';
    }

    rc = known ? ds_youtube_known(y, &list, &n, err)
               : ds_google_streams(y->google, NULL, &y->job.cancel, &list, &n,
                                   err);

    for (i = 0; rc == DS_OK && i < y->nseen; i++) {
        c = y->seen[i];
        c->sought = true;
        keys = c->id[0] == '\0';

        for (k = 0; k < n; k++) {
            if (keys ? strcmp(list[k].key, c->key) == 0
                     : strcmp(list[k].id, c->id) == 0)
            {
                break;
            }
        }

        if (k < n) {
            c->ingest = list[k];
            explicit_bzero(c->ingest.key, sizeof(c->ingest.key));
            memcpy(c->id, list[k].id, sizeof(c->id));

        } else {
            /* it is another stream that has the key now */
            c->id[0] = '\0';
        }

        c->loaded = c->loaded && !keys && k < n;
    }

    /* the keys of all that the account has are among it */

    if (list != NULL) {
        explicit_bzero(list, n * sizeof(ds_ingest_t));
    }

    free(list);

    return rc;
}


static int
ds_youtube_known(ds_youtube_t *y, ds_ingest_t **list, size_t *n,
    ds_error_t *err)
{
    int     rc;
    char    ids[DS_GOOGLE_IDS * DS_YOUTUBE_ID];
    size_t  i, k, len;

    rc = DS_OK;

    for (i = 0; rc == DS_OK && i < y->nseen; /* void */ ) {

        for (k = 0, len = 0; k < DS_GOOGLE_IDS && i < y->nseen; k++, i++) {
            len += (size_t) snprintf(ids + len, sizeof(ids) - len, "%s%s",
                                     k != 0 ? "," : "", y->seen[i]->id);
        }

        rc = ds_google_streams(y->google, ids, &y->job.cancel, list, n, err);
    }

    return rc;
}


/* what is to be done for the i-th stream is written, then tried */

static void
ds_youtube_look(ds_youtube_t *y, size_t i)
{
    size_t         k;
    ds_step_t      step;
    ds_view_t      view;
    ds_error_t     err;
    ds_channel_t  *c;

    c = y->seen[i];
    ds_error_clear(&err);

    if (c->id[0] == '\0') {
        (void) ds_fail(&err, DS_EYOUTUBE_ISSUE, DS_YOUTUBE_NO_STREAM);
    }

    for (k = 0; k < i; k++) {
        if (strcmp(y->seen[k]->key, c->key) == 0) {
            (void) ds_fail(&err, DS_EYOUTUBE_ISSUE, "stream \"%s\" is pushed "
                           "with the same key", y->seen[k]->name);
        }
    }

    if (err.code != DS_OK || ds_youtube_load(y, c, &err) != DS_OK) {
        ds_youtube_failed(y, c, &err);
        return;
    }

    ds_youtube_view(y, c, &view);
    ds_broadcast_step(&c->memo, &c->dark, &view, &step);

    if (step.effect == DS_EFFECT_LOOK) {

        if (ds_youtube_whole(y, &err) != DS_OK) {
            ds_youtube_hold(y, err.code);
            ds_youtube_failed(y, c, &err);
            return;
        }

        if (c->id[0] == '\0') {
            /* it is not there any more */
            (void) ds_fail(&err, DS_EYOUTUBE_ISSUE, DS_YOUTUBE_NO_STREAM);
            ds_youtube_failed(y, c, &err);
            return;
        }

        ds_youtube_view(y, c, &view);
        ds_broadcast_step(&c->memo, &c->dark, &view, &step);
    }

    if (ds_youtube_keep(y, c, &err) != DS_OK) {
        ds_youtube_failed(y, c, &err);
        return;
    }

    if (step.effect > DS_EFFECT_LOOK
        && ds_youtube_act(y, c, &step, &err) == DS_ECANCELED)
    {
        return;
    }

    ds_youtube_granted(c, &step);
    ds_youtube_report(y, c, &view, &step, &err);
}


/* all that a step may want, as it is after what was done for others */

static int
ds_youtube_whole(ds_youtube_t *y, ds_error_t *err)
{
    int  rc;

    rc = DS_OK;

    if (y->stale) {
        y->nlist = 0;
        rc = ds_google_broadcasts(y->google, "active", &y->job.cancel,
                                  &y->list, &y->nlist, err);
    }

    if (rc == DS_OK) {
        rc = ds_google_broadcasts(y->google, "upcoming", &y->job.cancel,
                                  &y->list, &y->nlist, err);
    }

    if (rc == DS_OK) {
        rc = ds_youtube_streams(y, err);
    }

    y->whole = rc == DS_OK;
    y->stale = false;

    return rc;
}


static int
ds_youtube_load(ds_youtube_t *y, ds_channel_t *c, ds_error_t *err)
{
    int  rc;

    if (c->loaded) {
        return DS_OK;
    }

    rc = ds_store_get_memo(y->store, c->id, &c->memo, err);

    if (rc != DS_OK && rc != DS_ESTORE_NOT_FOUND) {
        return rc;
    }

    ds_error_clear(err);
    c->kept = c->memo;
    c->loaded = true;

    return DS_OK;
}


/* what is not written is not remembered either */

static int
ds_youtube_keep(ds_youtube_t *y, ds_channel_t *c, ds_error_t *err)
{
    int  rc;

    if (memcmp(&c->memo, &c->kept, sizeof(ds_memo_t)) == 0) {
        return DS_OK;
    }

    rc = ds_store_put_memo(y->store, c->id, &c->memo, err);

    if (rc == DS_OK) {
        c->kept = c->memo;

    } else {
        c->memo = c->kept;
    }

    return rc;
}


static void
ds_youtube_view(ds_youtube_t *y, ds_channel_t *c, ds_view_t *view)
{
    uint64_t  random;

    memset(view, 0, sizeof(ds_view_t));

    if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        random = (uint64_t) ds_now();
    }

    (void) snprintf(y->tag, sizeof(y->tag), DS_BROADCAST_TAG "%012llx",
                    (unsigned long long) random & 0xffffffffffffULL);

    view->now = ds_now();
    view->stream = c->id;
    view->pushing = c->up >= DS_YOUTUBE_UP;
    view->active = strcmp(c->ingest.status, "active") == 0;
    view->whole = y->whole;
    view->list = y->list;
    view->n = y->nlist;
    view->revive = c->conf.mode == DS_YOUTUBE_REVIVE;
    view->rollover = c->conf.rollover;
    view->tag = y->tag;

    (void) pthread_mutex_lock(&y->lock);

    if (ds_monotonic() - c->wished > DS_YOUTUBE_WISH) {
        memset(c->wishes, 0, sizeof(c->wishes));
    }

    view->wish_revive = c->wishes[DS_YOUTUBE_REVIVAL];
    view->wish_rollover = c->wishes[DS_YOUTUBE_ROLLOVER];

    (void) pthread_mutex_unlock(&y->lock);
}


/* context: the step is in the store */

static int
ds_youtube_act(ds_youtube_t *y, ds_channel_t *c, const ds_step_t *step,
    ds_error_t *err)
{
    int         rc;
    bool        stop;
    char        id[DS_YOUTUBE_ID];
    ds_error_t  kept;

    (void) pthread_mutex_lock(&y->lock);
    stop = c->left || !c->pushed;
    (void) pthread_mutex_unlock(&y->lock);

    if (stop) {
        return DS_OK;
    }

    ds_error_clear(&kept);
    id[0] = '\0';

    rc = ds_youtube_do(y, c, step, id, err);

    y->whole = false;
    y->stale = true;

    if (rc == DS_ECANCELED) {
        return rc;
    }

    if (rc == DS_OK) {
        ds_broadcast_done(&c->memo, step, id);
        ds_youtube_did(y, c, step);

    } else {
        ds_broadcast_failed(&c->memo, step, ds_google_gone(y->google));
        ds_youtube_hold(y, rc == DS_EYOUTUBE_ISSUE ? DS_OK : rc);
    }

    if (ds_youtube_keep(y, c, &kept) != DS_OK) {
        /* what is listed next says what has become of it */
        *err = kept;
    }

    return rc;
}


static int
ds_youtube_do(ds_youtube_t *y, ds_channel_t *c, const ds_step_t *step,
    char *id, ds_error_t *err)
{
    char          item[DS_TITLE_LEN], title[DS_YOUTUBE_TITLE * 2];
    ds_cancel_t  *cancel;

    cancel = &y->job.cancel;

    switch (step->effect) {

    case DS_EFFECT_INSERT:
        (void) pthread_mutex_lock(&y->lock);
        memcpy(item, c->item, sizeof(item));
        (void) pthread_mutex_unlock(&y->lock);

        ds_youtube_title(c, item, title, sizeof(title));

        /* one for the past is refused */
        return ds_google_insert(y->google, &c->memo, title,
                                ds_now() + 60000, cancel, id, err);

    case DS_EFFECT_BIND:
        return ds_google_bind(y->google, step->id, c->id, cancel, err);

    default:
        return ds_google_transition(y->google, step->id,
                                    step->effect == DS_EFFECT_TEST ? "testing"
                                    : step->effect == DS_EFFECT_LIVE ? "live"
                                    : "complete",
                                    cancel, err);
    }
}


static void
ds_youtube_did(ds_youtube_t *y, ds_channel_t *c, const ds_step_t *step)
{
    const char           *id;
    ds_youtube_totals_t  *totals;

    static const char *const  did[] = {
        "", "", "made", "bound", "taken to testing", "taken live", "completed"
    };

    id = step->effect == DS_EFFECT_INSERT ? c->memo.next : step->id;

    ds_log(y->ds, DS_LOG_NOTICE, c->name, "YouTube: broadcast \"%s\" is %s",
           id, did[step->effect]);

    (void) pthread_mutex_lock(&y->lock);

    totals = ds_youtube_totals(y, c);

    totals->made += step->effect == DS_EFFECT_INSERT;
    totals->revived += step->effect == DS_EFFECT_LIVE
                       && step->state == DS_YOUTUBE_REVIVING;
    totals->replaced += step->effect == DS_EFFECT_COMPLETE;

    (void) pthread_mutex_unlock(&y->lock);
}


/*
 * What was done for one that has left meanwhile is its successor's.
 *
 * context: lock is held
 */

static ds_youtube_totals_t *
ds_youtube_totals(ds_youtube_t *y, ds_channel_t *c)
{
    ds_channel_t  *next;

    for (next = y->channels; c->left && next != NULL; next = next->next) {
        if (strcmp(next->name, c->name) == 0) {
            return &next->status.totals;
        }
    }

    return &c->status.totals;
}


int
ds_check_youtube_title(const char *title, ds_error_t *err)
{
    size_t       len;
    const char  *p;

    for (p = title; *p != '\0'; p += len) {
        len = ds_utf8_len((const uint8_t *) p, strlen(p));

        if (len == 0 || (unsigned char) *p < 0x20 || *p == 0x7f) {
            return ds_fail(err, DS_EPLAYLIST_INVALID,
                           "a title is UTF-8 without control characters");
        }

        if (*p == '$' && ds_youtube_var(p) == DS_YOUTUBE_VARS) {
            return ds_fail(err, DS_EPLAYLIST_INVALID, "the variables of a "
                           "title are $title, $stream and $date");
        }
    }

    if (p - title >= DS_YOUTUBE_TITLE) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "a title has at most %d "
                       "bytes", DS_YOUTUBE_TITLE - 1);
    }

    return DS_OK;
}


/* which variable is at "p", DS_YOUTUBE_VARS: none */

static size_t
ds_youtube_var(const char *p)
{
    size_t  i, len;

    for (i = 0; i < DS_YOUTUBE_VARS; i++) {
        len = strlen(ds_youtube_vars[i]);

        if (strncmp(p, ds_youtube_vars[i], len) == 0
            && !(p[len] >= 'a' && p[len] <= 'z') && p[len] != '_')
        {
            break;
        }
    }

    return i;
}


/* with its variables; "": as it was before */

static void
ds_youtube_title(const ds_channel_t *c, const char *item, char *title,
    size_t size)
{
    size_t       n, i, len;
    char         date[16], text[DS_YOUTUBE_TITLE * 4];
    time_t       now;
    struct tm    tm;
    const char  *p;

    const char *const  values[] = { item, c->name, date };

    now = ds_now() / 1000;
    (void) strftime(date, sizeof(date), "%Y-%m-%d", gmtime_r(&now, &tm));

    n = 0;
    p = c->conf.title;

    while (*p != '\0' && n < sizeof(text) - 1) {
        i = *p == '$' ? ds_youtube_var(p) : DS_YOUTUBE_VARS;

        if (i == DS_YOUTUBE_VARS) {
            text[n++] = *p++;
            continue;
        }

        p += strlen(ds_youtube_vars[i]);
        len = strlen(values[i]);
        len = len < sizeof(text) - 1 - n ? len : sizeof(text) - 1 - n;
        memcpy(text + n, values[i], len);
        n += len;
    }

    text[n] = '\0';
    ds_text(title, size, text);
}


/* a wish is granted, or there is nothing to be granted */

static void
ds_youtube_granted(ds_channel_t *c, const ds_step_t *step)
{
    ds_youtube_t  *y;

    y = c->ds->youtube;

    (void) pthread_mutex_lock(&y->lock);

    c->wishes[DS_YOUTUBE_CHECK] = false;

    if (step->state == DS_YOUTUBE_HEALTHY
        || step->state == DS_YOUTUBE_ROLLING)
    {
        c->wishes[DS_YOUTUBE_REVIVAL] = false;
    }

    if (c->memo.replacing || step->live == NULL) {
        c->wishes[DS_YOUTUBE_ROLLOVER] = false;
    }

    (void) pthread_mutex_unlock(&y->lock);
}


static void
ds_youtube_report(ds_youtube_t *y, ds_channel_t *c, const ds_view_t *view,
    const ds_step_t *step, const ds_error_t *failed)
{
    bool                  changed;
    ds_view_t             v;
    ds_error_t            err;
    ds_youtube_status_t  *st;

    err = *failed;

    if (err.code == DS_OK) {
        ds_youtube_judge(c, step, &err);
    }

    if (step->soon && c->soons < DS_YOUTUBE_SOONS) {
        c->soons++;
        y->soon = true;

    } else if (!step->soon) {
        c->soons = 0;
    }

    (void) pthread_mutex_lock(&y->lock);

    st = &c->status;
    v = *view;

    changed = ds_youtube_state(c, step->state);
    st->checked = view->now;

    if (step->live != NULL) {
        ds_text(st->broadcast, sizeof(st->broadcast), step->live->id);
        ds_text(st->title, sizeof(st->title), step->live->title);
        st->started = step->live->started;

    } else {
        st->broadcast[0] = '\0';
        st->title[0] = '\0';
        st->started = 0;
    }

    st->rollover = view->revive && view->rollover != 0 && st->started != 0
                   ? st->started + view->rollover : 0;

    memcpy(st->stream, c->ingest.status, sizeof(st->stream));
    memcpy(st->health, c->ingest.health, sizeof(st->health));
    memcpy(st->issue, c->ingest.issue, sizeof(st->issue));
    st->issues = c->ingest.issues;

    if (st->issue[0] == '\0' && step->live != NULL && step->live->stops) {
        ds_text(st->issue, sizeof(st->issue), "auto-stop is on: the broadcast "
                "ends when nothing is pushed for a while");
        st->issues = 1;
    }

    v.wish_revive = true;
    v.wish_rollover = false;
    ds_broadcast_plan(&c->memo, &v, st->revive, sizeof(st->revive));

    v.wish_revive = false;
    v.wish_rollover = true;
    ds_broadcast_plan(&c->memo, &v, st->replace, sizeof(st->replace));

    st->quota = y->used;

    (void) pthread_mutex_unlock(&y->lock);

    ds_youtube_told(c, changed, &err);
}


/* what is wrong although all was answered */

static void
ds_youtube_judge(const ds_channel_t *c, const ds_step_t *step,
    ds_error_t *err)
{
    if (step->state == DS_YOUTUBE_DARK || step->state == DS_YOUTUBE_REVIVING) {
        (void) ds_fail(err, DS_EYOUTUBE_DARK, "the push is up and no broadcast "
                       "is live%s%s", step->why != NULL ? ", " : "",
                       step->why != NULL ? step->why : "");

    } else if (step->state == DS_YOUTUBE_WAITING
               && c->up >= DS_YOUTUBE_UP)
    {
        (void) ds_fail(err, DS_EYOUTUBE_ISSUE,
                       "the push is up and YouTube gets nothing of it");

    } else if (step->twice) {
        (void) ds_fail(err, DS_EYOUTUBE_ISSUE,
                       "more than one broadcast is live on the stream");

    } else if (c->ingest.grave || strcmp(c->ingest.health, "bad") == 0) {
        (void) ds_fail(err, DS_EYOUTUBE_ISSUE, "health is \"%s\"%s%s",
                       c->ingest.health, c->ingest.issue[0] ? ", " : "",
                       c->ingest.issue);
    }
}


/* nothing is known anew; a call that fails once is no matter */

static void
ds_youtube_failed(ds_youtube_t *y, ds_channel_t *c, const ds_error_t *err)
{
    bool  changed;

    if (err->code == DS_ECANCELED) {
        return;
    }

    changed = false;

    (void) pthread_mutex_lock(&y->lock);

    if (err->code != DS_EYOUTUBE_ISSUE || y->fails != 1) {
        changed = ds_youtube_state(c, DS_YOUTUBE_ERROR);
    }

    c->status.quota = y->used;

    (void) pthread_mutex_unlock(&y->lock);

    ds_youtube_told(c, changed, err);
}


/*
 * True: it is another one.
 *
 * context: lock is held
 */

static bool
ds_youtube_state(ds_channel_t *c, ds_youtube_state_e state)
{
    int64_t               now;
    ds_youtube_status_t  *st;

    st = &c->status;
    now = ds_now();

    if ((st->state == DS_YOUTUBE_DARK || st->state == DS_YOUTUBE_REVIVING)
        && now > c->told)
    {
        ds_youtube_totals(c->ds->youtube, c)->dark
            += (uint64_t) (now - c->told);
    }

    c->told = now;

    if (st->state == state) {
        return false;
    }

    st->state = state;
    st->since = now;

    return true;
}


/* in the log when it is another one; "changed": the state is */

static void
ds_youtube_told(ds_channel_t *c, bool changed, const ds_error_t *err)
{
    bool           other;
    ds_error_t    *was;
    ds_youtube_t  *y;

    y = c->ds->youtube;
    was = &c->status.error;

    (void) pthread_mutex_lock(&y->lock);

    other = was->code != err->code
            || (err->code != DS_OK && strcmp(was->message, err->message) != 0);

    if (other) {
        *was = *err;
        was->at = err->code != DS_OK ? ds_now() : 0;
    }

    (void) pthread_mutex_unlock(&y->lock);

    if (changed) {
        ds_log(c->ds, DS_LOG_NOTICE, c->name, "YouTube: state is \"%s\"",
               ds_youtube_state_name(c->status.state));
    }

    if (other && err->code != DS_OK) {
        ds_log(c->ds, DS_LOG_ERR, c->name, "YouTube: %s: %s",
               ds_error_code(err->code), err->message);
    }
}


/* an error of the account; DS_OK: it is of one stream */

static void
ds_youtube_hold(ds_youtube_t *y, int code)
{
    int64_t  wait;

    if (code == DS_OK || code == DS_ECANCELED) {
        return;
    }

    y->fails++;

    wait = code == DS_EYOUTUBE_QUOTA
           ? ds_backoff(y->fails, DS_YOUTUBE_QUOTA_MIN, DS_YOUTUBE_QUOTA_MAX)
           : ds_backoff(y->fails,
                        y->ds->conf.youtube_interval < DS_YOUTUBE_RETRY_MIN
                        ? y->ds->conf.youtube_interval : DS_YOUTUBE_RETRY_MIN,
                        DS_YOUTUBE_RETRY_MAX);

    y->retry_at = ds_monotonic() + wait;
}


/* what was used, in the store, too: a restart does not give it back */

static void
ds_youtube_count(ds_youtube_t *y)
{
    int64_t     day, used;
    ds_error_t  err;

    day = (ds_now() - DS_YOUTUBE_PACIFIC) / DS_YOUTUBE_DAY;

    if (day != y->day) {
        y->day = day;
        y->used = 0;

        if (y->store != NULL) {
            (void) ds_store_get_quota(y->store, day, &y->used, &err);
        }
    }

    used = ds_google_used(y->google);
    y->used += used;

    if (used != 0 && y->store != NULL) {
        (void) ds_store_put_quota(y->store, day, y->used, &err);
    }
}


static bool
ds_youtube_open(ds_youtube_t *y, ds_error_t *err)
{
    if (y->store == NULL) {
        y->store = ds_store_open(y->ds->conf.store_path, true, err);
    }

    return y->store != NULL;
}
