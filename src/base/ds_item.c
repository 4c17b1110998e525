
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
