
/*
 * ds_item.c: what an item owns.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_item.h"


int
ds_entry_copy(ds_entry_t *e, const ds_entry_t *from)
{
    int  rc;

    *e = *from;

    rc = ds_copy(&e->url, from->url);
    rc |= ds_copy(&e->audio_url, from->audio_url);
    rc |= ds_copy(&e->id, from->id);
    rc |= ds_copy(&e->title, from->title);
    rc |= ds_copy(&e->headers, from->headers);

    if (rc != DS_OK) {
        ds_entry_free(e);
        return DS_ENOMEM;
    }

    return DS_OK;
}


void
ds_entry_free(ds_entry_t *e)
{
    free(e->url);
    free(e->audio_url);
    free(e->id);
    free(e->title);
    free(e->headers);

    memset(e, 0, sizeof(ds_entry_t));
    e->duration = -1;
}


int
ds_media_copy(ds_media_t *m, const ds_media_t *from)
{
    int     rc;
    size_t  i;

    *m = *from;

    rc = ds_copy(&m->id, from->id);
    rc |= ds_copy(&m->title, from->title);

    for (i = 0; i < 2; i++) {
        rc |= ds_copy(&m->urls[i].url, from->urls[i].url);
        m->urls[i].headers = NULL;
        m->urls[i].cookies = NULL;
    }

    if (rc != DS_OK) {
        ds_media_free(m);
        return DS_ENOMEM;
    }

    return DS_OK;
}


void
ds_media_free(ds_media_t *m)
{
    size_t  i;

    free(m->id);
    free(m->title);

    for (i = 0; i < 2; i++) {
        free(m->urls[i].url);
        free(m->urls[i].headers);
        free(m->urls[i].cookies);
    }

    memset(m, 0, sizeof(ds_media_t));
    m->duration = -1;
}


void
ds_listed_free(ds_listed_t *items, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        free(items[i].url);
        free(items[i].audio_url);
    }
}
