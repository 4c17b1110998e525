
/*
 * ds_lookup.c: lists a playlist for somebody who wants to see it, and plays
 * nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_job.h"
#include "play/ds_playlist.h"
#include "resolve/ds_resolver.h"


struct ds_lookup_s {
    ds_job_t             job;

    /* constant */
    ds_t                *ds;
    char                *ref;
    uint32_t             limit;

    pthread_mutex_t      lock;
    /* under the lock */
    ds_playlist_t       *list;
    ds_lookup_status_t   status;        /* without "done" */
};


static void ds_lookup_run(void *data);
static bool ds_lookup_entry(void *data, ds_entry_t *e);
static void ds_lookup_destroy(void *data);


ds_lookup_t *
ds_lookup_start(ds_t *ds, const char *playlist, uint32_t limit,
    ds_error_t *err)
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

    (void) pthread_mutex_init(&l->lock, NULL);

    l->ref = strdup(playlist);
    l->list = ds_playlist_create(false, 0);

    if (l->ref == NULL || l->list == NULL
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

    rc = ds_resolver_list(l->ds, l->ref, &l->job.cancel, ds_lookup_entry, l,
                          &err);

    /* what there is of it is an answer */

    if (rc == DS_EPLAYLIST_SHORT) {
        ds_error_clear(&err);
    }

    (void) pthread_mutex_lock(&l->lock);

    l->status.complete = rc == DS_OK && l->status.count < l->limit;
    l->status.error = err;

    (void) pthread_mutex_unlock(&l->lock);
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

    for (i = 0; i < n && ds_playlist_take(l->list, &item, 1) == 1; i++) {
        items[i] = item.item;
        ds_listed_free(&item, 1);
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
    free(l);
}
