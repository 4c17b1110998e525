
/*
 * ds_lookup.c: lists a playlist for somebody who wants to see it, and plays
 * nothing.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_engine.h"
#include "play/ds_playlist.h"
#include "resolve/ds_resolver.h"


struct ds_lookup_s {
    ds_task_t            task;          /* first */

    /* constant */
    ds_t                *ds;
    char                *ref;
    uint32_t             limit;
    pthread_t            thread;
    ds_cancel_t          cancel;

    pthread_mutex_t      lock;
    /* under the lock */
    ds_playlist_t       *list;
    ds_lookup_status_t   status;
};


static void *ds_lookup_thread(void *data);
static bool ds_lookup_entry(void *data, ds_entry_t *e);
static void ds_lookup_task_cancel(ds_task_t *task);
static bool ds_lookup_task_done(ds_task_t *task);
static void ds_lookup_task_free(ds_task_t *task);
static void ds_lookup_destroy(ds_lookup_t *l);


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
    l->cancel.fd = -1;
    l->task.cancel = ds_lookup_task_cancel;
    l->task.done = ds_lookup_task_done;
    l->task.free = ds_lookup_task_free;

    (void) pthread_mutex_init(&l->lock, NULL);

    l->ref = strdup(playlist);
    l->list = ds_playlist_create(false, 0);

    if (l->ref == NULL || l->list == NULL
        || ds_cancel_init(&l->cancel) != DS_OK
        || ds_thread_start(&l->thread, "ds-lookup", ds_lookup_thread, l)
           != DS_OK)
    {
        (void) ds_fail(err, DS_ENOMEM, "lookup could not be started");
        ds_lookup_destroy(l);
        return NULL;
    }

    ds_task_add(ds, &l->task);

    return l;
}


/* context: lookup's thread */

static void *
ds_lookup_thread(void *data)
{
    int          rc;
    ds_error_t   err;
    ds_lookup_t *l = data;

    ds_error_clear(&err);

    rc = ds_resolver_enter(l->ds, l->ref, &l->cancel, &err);

    if (rc == DS_OK) {
        rc = ds_resolve_list(&l->ds->conf, l->ref, &l->cancel,
                             ds_lookup_entry, l, &err);
        ds_resolver_leave(l->ds, l->ref, rc);
    }

    (void) pthread_mutex_lock(&l->lock);

    l->status.complete = rc == DS_OK && l->status.count < l->limit;
    l->status.error = err;
    l->status.done = true;

    (void) pthread_mutex_unlock(&l->lock);

    ds_wakeup(l->ds);

    return NULL;
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
    (void) pthread_mutex_lock(&l->lock);
    *status = l->status;
    (void) pthread_mutex_unlock(&l->lock);
}


size_t
ds_lookup_items(ds_lookup_t *l, ds_item_t *items, size_t n)
{
    size_t  taken;

    (void) pthread_mutex_lock(&l->lock);
    taken = ds_playlist_take(l->list, items, n);
    (void) pthread_mutex_unlock(&l->lock);

    return taken;
}


void
ds_lookup_cancel(ds_lookup_t *l)
{
    ds_cancel_set(&l->cancel);
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

    ds_task_remove(l->ds, &l->task);
    ds_lookup_cancel(l);
    ds_lookup_task_free(&l->task);
}


static void
ds_lookup_task_cancel(ds_task_t *task)
{
    ds_lookup_cancel((ds_lookup_t *) task);
}


static bool
ds_lookup_task_done(ds_task_t *task)
{
    ds_lookup_status_t  status;

    ds_lookup_status((ds_lookup_t *) task, &status);

    return status.done;
}


static void
ds_lookup_task_free(ds_task_t *task)
{
    ds_lookup_t  *l;

    l = (ds_lookup_t *) task;

    (void) pthread_join(l->thread, NULL);

    ds_lookup_destroy(l);
}


static void
ds_lookup_destroy(ds_lookup_t *l)
{
    ds_playlist_free(&l->list);
    ds_cancel_free(&l->cancel);

    (void) pthread_mutex_destroy(&l->lock);

    free(l->ref);
    free(l);
}
