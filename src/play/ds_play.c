
/*
 * ds_play.c: what several parts of a stream's thread do.
 */

#include "play/ds_play.h"


/* tells a source to end, and waits for it elsewhere */

void
ds_play_end_source(ds_stream_t *s, ds_source_t **src)
{
    unsigned  i;

    ds_source_cancel(*src);

    for (i = 0; i < DS_ENDING; i++) {
        if (s->ending[i] == NULL) {
            s->ending[i] = *src;
            *src = NULL;
            return;
        }
    }

    ds_source_free(src);
}


void
ds_play_set_item(ds_stream_t *s, uint32_t index, ds_item_state_e state,
    const ds_error_t *err)
{
    (void) pthread_mutex_lock(&s->lock);
    ds_playlist_set_state(s->list, index, state, err == NULL ? 0 : err->code,
                          err == NULL ? NULL : err->message);
    (void) pthread_mutex_unlock(&s->lock);
}
