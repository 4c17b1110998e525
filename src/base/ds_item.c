
/*
 * ds_item.c: what an item owns.
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_item.h"


void
ds_entry_free(ds_entry_t *e)
{
    free(e->url);
    free(e->audio_url);
    free(e->id);
    free(e->title);

    memset(e, 0, sizeof(ds_entry_t));
    e->duration = -1;
}


int
ds_entry_copy(ds_entry_t *dst, const ds_entry_t *src)
{
    int  rc;

    *dst = *src;

    rc = ds_copy(&dst->url, src->url);
    rc |= ds_copy(&dst->audio_url, src->audio_url);
    rc |= ds_copy(&dst->id, src->id);
    rc |= ds_copy(&dst->title, src->title);

    if (rc != DS_OK) {
        ds_entry_free(dst);
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
    }

    memset(m, 0, sizeof(ds_media_t));
    m->duration = -1;
}


int
ds_media_copy(ds_media_t *dst, const ds_media_t *src)
{
    int     rc;
    size_t  i;

    *dst = *src;

    rc = ds_copy(&dst->id, src->id);
    rc |= ds_copy(&dst->title, src->title);

    for (i = 0; i < 2; i++) {
        rc |= ds_copy(&dst->urls[i].url, src->urls[i].url);
        rc |= ds_copy(&dst->urls[i].headers, src->urls[i].headers);
    }

    if (rc != DS_OK) {
        ds_media_free(dst);
        return DS_ENOMEM;
    }

    return DS_OK;
}
