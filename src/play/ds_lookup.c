
/*
 * ds_lookup.c: lists a playlist for somebody who wants to see it, and plays
 * nothing.  For a check it opens some of the items, one after another and
 * behind what is to go on air, and judges them as a stream would.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_fault.h"
#include "base/ds_job.h"
#include "play/ds_playlist.h"
#include "resolve/ds_resolver.h"
#include "source/ds_convert.h"


/* items of a check that are told of though they were not opened */
#define DS_LOOKUP_TOLD  100


struct ds_lookup_s {
    ds_job_t             job;

    /* constant */
    ds_t                *ds;
    char                *ref;
    uint32_t             limit;
    uint32_t             depth;         /* items to open, 0: no check */
    ds_profile_t         profile;
    char                *proxy;
    char                *bind;
    ds_conf_t            settings;      /* the engine's, with these two */

    pthread_mutex_t      lock;
    /* under the lock */
    ds_playlist_t       *list;
    ds_lookup_status_t   status;        /* without "done" */
    uint32_t             told;          /* that were not opened */
};


static void ds_lookup_run(void *data);
static int ds_lookup_list(ds_lookup_t *l, ds_error_t *err);
static int ds_lookup_held(ds_lookup_t *l, const ds_entry_t *e,
    ds_error_t *err);
static bool ds_lookup_entry(void *data, ds_entry_t *e);
static void ds_lookup_check(ds_lookup_t *l);
static bool ds_lookup_next(ds_lookup_t *l, uint32_t *index, ds_entry_t *e);
static int ds_lookup_open(ds_lookup_t *l, const ds_entry_t *e,
    ds_decision_e *decision, char *reason, ds_error_t *err);
static void ds_lookup_judged(ds_lookup_t *l, uint32_t index,
    ds_decision_e decision, const char *reason, const ds_error_t *err);
static ds_outcome_e ds_lookup_outcome(const ds_lookup_status_t *st);
static void ds_lookup_destroy(void *data);


ds_lookup_t *
ds_lookup_start(ds_t *ds, const ds_def_t *def, uint32_t limit,
    uint32_t depth, ds_error_t *err)
{
    ds_lookup_t  *l;

    ds_error_clear(err);

    l = calloc(1, sizeof(ds_lookup_t));
    if (l == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    l->ds = ds;
    l->limit = limit;
    l->depth = depth;
    l->profile = def->profile;

    (void) pthread_mutex_init(&l->lock, NULL);

    l->ref = strdup(def->playlist);
    l->proxy = strdup(def->source_proxy);
    l->bind = strdup(def->source_bind);
    l->settings = ds->conf;
    l->settings.source_proxy = l->proxy;
    l->settings.source_bind = l->bind;
    l->list = ds_playlist_create(false, 0);

    if (l->ref == NULL || l->proxy == NULL || l->bind == NULL
        || l->list == NULL
        || ds_job_start_owned(&l->job, ds, "ds-lookup", ds_lookup_run,
                              ds_lookup_destroy, l)
           != DS_OK)
    {
        (void) ds_fail(err, DS_ENOMEM, "lookup could not be started");
        ds_lookup_destroy(l);
        return NULL;
    }

    return l;
}


/* context: lookup's thread */

static void
ds_lookup_run(void *data)
{
    int          rc;
    ds_error_t   err;
    ds_lookup_t *l = data;

    ds_error_clear(&err);

    rc = ds_lookup_list(l, &err);

    /* what there is of it is an answer */

    if (rc == DS_EPLAYLIST_SHORT) {
        ds_error_clear(&err);
    }

    (void) pthread_mutex_lock(&l->lock);

    l->status.complete = rc == DS_OK && l->status.count < l->limit;
    l->status.error = err;

    (void) pthread_mutex_unlock(&l->lock);

    if (l->depth != 0) {
        ds_lookup_check(l);
    }
}


/* context: lookup's thread */

static void
ds_lookup_check(ds_lookup_t *l)
{
    char           reason[DS_MESSAGE_LEN];
    uint32_t       index, playable;
    ds_entry_t     e;
    ds_error_t     err;
    ds_decision_e  decision;

    (void) pthread_mutex_lock(&l->lock);

    playable = ds_playlist_playable(l->list);
    l->status.unplayable = l->status.count - playable;
    l->status.sample = playable < l->depth ? playable : l->depth;

    (void) pthread_mutex_unlock(&l->lock);

    while (!ds_cancel_is_set(&l->job.cancel)
           && ds_lookup_next(l, &index, &e))
    {
        ds_error_clear(&err);
        reason[0] = '\0';
        decision = DS_DECISION_NONE;

        (void) ds_lookup_open(l, &e, &decision, reason, &err);
        ds_entry_free(&e);

        if (err.code == DS_ECANCELED) {
            break;
        }

        ds_lookup_judged(l, index, decision, reason, &err);
    }

    (void) pthread_mutex_lock(&l->lock);
    l->status.outcome = ds_lookup_outcome(&l->status);
    (void) pthread_mutex_unlock(&l->lock);
}


/*
 * context: lookup's thread.  The first that can be played, the last, and what
 * lies evenly between them.  False: there is no other one, or no memory.
 */

static bool
ds_lookup_next(ds_lookup_t *l, uint32_t *index, ds_entry_t *e)
{
    bool       found;
    uint32_t   i, n, nth;
    uint64_t   playable;
    ds_item_t  item;

    (void) pthread_mutex_lock(&l->lock);

    found = false;
    playable = ds_playlist_playable(l->list);

    if (l->status.opened < l->status.sample) {
        nth = l->status.sample == 1 ? 0
              : (playable - 1) * l->status.opened / (l->status.sample - 1);

        for (i = 0, n = 0; i < l->status.count && !found; i++) {
            ds_playlist_item(l->list, i, &item);

            if (item.code == DS_OK && item.verdict == DS_VERDICT_NONE) {
                found = n >= nth;
                *index = i;
            }

            n += item.code == DS_OK || item.verdict != DS_VERDICT_NONE;
        }

        found = found && ds_playlist_entry(l->list, *index, e) == DS_OK;
    }

    (void) pthread_mutex_unlock(&l->lock);

    return found;
}


/* context: lookup's thread */

static int
ds_lookup_open(ds_lookup_t *l, const ds_entry_t *e, ds_decision_e *decision,
    char *reason, ds_error_t *err)
{
    int              rc;
    ds_reader_t     *r;
    ds_link_conf_t   conf;

    rc = ds_lookup_held(l, e, err);
    if (rc != DS_OK) {
        return rc;
    }

    memset(&conf, 0, sizeof(ds_link_conf_t));

    conf.ds = l->ds;
    conf.settings = &l->settings;
    conf.stream = "";
    conf.entry = e;
    conf.copies = l->profile.video == DS_VIDEO_COPY;
    conf.behind = true;
    conf.cancel = &l->job.cancel;

    r = ds_reader_open(&conf, err);
    if (r == NULL) {
        return err->code;
    }

    rc = ds_convert_judge(&l->profile, r, decision, reason, err);

    ds_reader_close(&r);

    return rc;
}


/* context: lookup's thread */

static void
ds_lookup_judged(ds_lookup_t *l, uint32_t index, ds_decision_e decision,
    const char *reason, const ds_error_t *err)
{
    ds_verdict_e         verdict;
    ds_lookup_status_t  *st;

    st = &l->status;

    (void) pthread_mutex_lock(&l->lock);

    verdict = ds_verdict(err->code, ds_playlist_resolved(l->list, index));

    ds_playlist_set_verdict(l->list, index, verdict, err->code);
    ds_playlist_set_state(l->list, index, DS_ITEM_PENDING, err->code,
                          err->code == DS_OK ? reason : err->message);

    st->opened++;
    st->ok += verdict == DS_VERDICT_OK;
    st->risk += verdict == DS_VERDICT_RISK;
    st->bad += verdict == DS_VERDICT_BAD;
    st->encoded += decision == DS_DECISION_ENCODE;

    (void) pthread_mutex_unlock(&l->lock);
}


static ds_outcome_e
ds_lookup_outcome(const ds_lookup_status_t *st)
{
    if (st->ok == 0) {
        return DS_OUTCOME_DARK;
    }

    return st->ok == st->sample && st->unplayable == 0 && st->complete
           ? DS_OUTCOME_PLAYS : DS_OUTCOME_LOSSES;
}


/* context: lookup's thread */

static int
ds_lookup_list(ds_lookup_t *l, ds_error_t *err)
{
    int         rc;
    ds_entry_t  e;

    memset(&e, 0, sizeof(ds_entry_t));

    e.url = l->ref;
    e.plain = !ds_resolve_has_first(l->ref);

    rc = ds_lookup_held(l, &e, err);

    return rc != DS_OK ? rc
           : ds_resolver_list(l->ds, &l->settings, l->ref, &l->job.cancel,
                              ds_lookup_entry, l, err);
}


/* context: lookup's thread; a check does not wait, it tells */

static int
ds_lookup_held(ds_lookup_t *l, const ds_entry_t *e, ds_error_t *err)
{
    if (l->depth == 0 || ds_resolver_free(l->ds, e)) {
        return DS_OK;
    }

    return ds_fail(err, e->plain ? DS_ESOURCE_RATE_LIMITED
                                 : DS_ERESOLVER_RATE_LIMITED,
                   "its host has asked to be left alone, and is");
}


/* context: lookup's thread */

static bool
ds_lookup_entry(void *data, ds_entry_t *e)
{
    int           rc;
    bool          more;
    ds_lookup_t  *l = data;

    (void) pthread_mutex_lock(&l->lock);

    rc = ds_playlist_add(l->list, e);
    if (rc == DS_OK) {
        l->status.count++;
    }

    more = rc == DS_OK && l->status.count < l->limit;

    (void) pthread_mutex_unlock(&l->lock);

    if (rc != DS_OK) {
        ds_entry_free(e);
    }

    return more;
}


void
ds_lookup_status(ds_lookup_t *l, ds_lookup_status_t *status)
{
    bool  done;

    done = ds_job_done(&l->job);

    (void) pthread_mutex_lock(&l->lock);
    *status = l->status;
    (void) pthread_mutex_unlock(&l->lock);

    status->done = done;
}


size_t
ds_lookup_items(ds_lookup_t *l, ds_item_t *items, size_t n)
{
    size_t       i;
    ds_listed_t  item;

    (void) pthread_mutex_lock(&l->lock);

    for (i = 0; i < n && ds_playlist_take(l->list, &item, 1) == 1; /* void */) {
        items[i] = item.item;
        ds_listed_free(&item, 1);

        /* of a check, what was opened and what cannot be */

        if (l->depth == 0 || items[i].verdict != DS_VERDICT_NONE
            || (items[i].code != DS_OK && l->told++ < DS_LOOKUP_TOLD))
        {
            i++;
        }
    }

    (void) pthread_mutex_unlock(&l->lock);

    return i;
}


void
ds_lookup_cancel(ds_lookup_t *l)
{
    ds_job_cancel(&l->job);
}


void
ds_lookup_free(ds_lookup_t **pl)
{
    ds_lookup_t  *l;

    l = *pl;
    if (l == NULL) {
        return;
    }

    *pl = NULL;

    ds_lookup_cancel(l);
    ds_lookup_destroy(l);
}


static void
ds_lookup_destroy(void *data)
{
    ds_lookup_t  *l = data;

    ds_job_end(&l->job);
    ds_playlist_free(&l->list);

    (void) pthread_mutex_destroy(&l->lock);

    free(l->ref);
    free(l->proxy);
    free(l->bind);
    free(l);
}
