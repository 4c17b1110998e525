
/*
 * ngx_directstream_still.c: pictures of streams: an admin worker asks for one
 * in the zone, the relay worker that runs the stream has it made and puts it
 * there, and whoever asks within the next second gets the same.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_STILL_FRESH  1000          /* ms */
#define NGX_DIRECTSTREAM_STILL_KEPT   5000          /* ms */
#define NGX_DIRECTSTREAM_STILL_WIDTH  640
#define NGX_DIRECTSTREAM_STILL_MAX    (256 * 1024)  /* bytes */


static ngx_uint_t ngx_directstream_still_age(
    ngx_directstream_still_t *still);
static ngx_uint_t ngx_directstream_still_wanted(ngx_directstream_conf_t *dcf,
    const char *name);
static void ngx_directstream_still_put(ngx_directstream_conf_t *dcf,
    const char *name, const uint8_t *data, size_t size, ds_error_t *err);
static u_char *ngx_directstream_still_alloc(ngx_slab_pool_t *shpool,
    size_t size);
static ngx_directstream_still_t *ngx_directstream_still_find(
    ngx_directstream_conf_t *dcf, const char *name);


ngx_int_t
ngx_directstream_still_get(ngx_directstream_conf_t *dcf, const char *name,
    u_char *data, size_t *size, ds_error_t *err)
{
    ngx_int_t                  rc;
    ngx_uint_t                 wake;
    ngx_directstream_node_t   *node;
    ngx_directstream_still_t  *still;

    wake = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);
    still = (node != NULL) ? &node->still : NULL;

    if (node == NULL) {
        rc = NGX_DECLINED;

    } else if (node->info.owner == 0
               || !ngx_directstream_alive(node->info.owner, node->info.seen))
    {
        rc = NGX_ABORT;

    } else if (ngx_directstream_still_age(still)
               >= NGX_DIRECTSTREAM_STILL_FRESH)
    {
        wake = !still->wanted;
        still->wanted = 1;
        rc = NGX_AGAIN;

    } else if (still->data == NULL) {
        *err = still->error;
        rc = NGX_ERROR;

    } else if (*size < still->size) {
        *size = still->size;
        rc = NGX_BUSY;

    } else {
        *size = still->size;
        ngx_memcpy(data, still->data, still->size);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (wake) {
        ngx_directstream_wake();
    }

    return rc;
}


/* ms since the last one was made, or could not be */

static ngx_uint_t
ngx_directstream_still_age(ngx_directstream_still_t *still)
{
    ngx_msec_int_t  age;

    if (!still->made) {
        return NGX_DIRECTSTREAM_STILL_FRESH;
    }

    /* the clock of the process that made it may be ahead of ours */

    age = (ngx_msec_int_t) (ngx_current_msec - still->at);

    return (age > 0) ? age : 0;
}


void
ngx_directstream_still_step(ngx_directstream_conf_t *dcf, const char *name,
    ds_stream_t *stream, ds_still_t **still)
{
    size_t          size;
    ds_error_t      err;
    const uint8_t  *data;

    if (*still == NULL) {

        if (!ngx_directstream_still_wanted(dcf, name)) {
            return;
        }

        *still = ds_stream_still(stream, NGX_DIRECTSTREAM_STILL_WIDTH, &err);

        if (*still == NULL) {
            ngx_directstream_still_put(dcf, name, NULL, 0, &err);
        }

        return;
    }

    if (ds_still_done(*still, &data, &size, &err)) {
        ngx_directstream_still_put(dcf, name, data, size, &err);
        ds_still_free(still);
    }
}


static ngx_uint_t
ngx_directstream_still_wanted(ngx_directstream_conf_t *dcf, const char *name)
{
    ngx_uint_t                 wanted;
    ngx_directstream_still_t  *still;

    wanted = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    still = ngx_directstream_still_find(dcf, name);

    if (still != NULL) {
        wanted = still->wanted;
        still->wanted = 0;

        if (still->data != NULL
            && ngx_directstream_still_age(still)
               > NGX_DIRECTSTREAM_STILL_KEPT)
        {
            ngx_directstream_still_clear(dcf, still);
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return wanted;
}


/* "data" NULL: "err" is why */

static void
ngx_directstream_still_put(ngx_directstream_conf_t *dcf, const char *name,
    const uint8_t *data, size_t size, ds_error_t *err)
{
    u_char                    *copy;
    ngx_directstream_still_t  *still;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    still = ngx_directstream_still_find(dcf, name);

    if (still == NULL) {
        goto done;
    }

    ngx_directstream_still_clear(dcf, still);

    still->error = *err;

    if (data != NULL) {
        copy = ngx_directstream_still_alloc(dcf->shpool, size);

        if (copy != NULL) {
            ngx_memcpy(copy, data, size);
            still->size = size;
            ngx_memory_barrier();
            still->data = copy;

        } else {
            (void) ngx_snprintf((u_char *) still->error.message,
                                DS_MESSAGE_LEN, "no room for the picture in "
                                "zone \"%V\"%Z", &dcf->zone_name);
        }
    }

    still->at = ngx_current_msec;
    still->made = 1;
    still->wanted = 0;

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/* pictures leave an eighth of the zone to streams and their items */

static u_char *
ngx_directstream_still_alloc(ngx_slab_pool_t *shpool, size_t size)
{
    size_t  kept;

    kept = (shpool->end - shpool->start) / 8;

    if (size > NGX_DIRECTSTREAM_STILL_MAX
        || size + kept > shpool->pfree * ngx_pagesize)
    {
        return NULL;
    }

    return ngx_slab_alloc_locked(shpool, size);
}


/* that of a stream this process owns, with the lock held */

static ngx_directstream_still_t *
ngx_directstream_still_find(ngx_directstream_conf_t *dcf, const char *name)
{
    ngx_directstream_node_t  *node;

    node = ngx_directstream_zone_find(dcf->sh, name);

    return (node != NULL && node->info.owner == ngx_pid) ? &node->still
                                                         : NULL;
}


void
ngx_directstream_still_clear(ngx_directstream_conf_t *dcf,
    ngx_directstream_still_t *still)
{
    u_char  *data;

    data = still->data;

    still->made = 0;
    still->data = NULL;
    ngx_memory_barrier();

    if (data != NULL) {
        ngx_slab_free_locked(dcf->shpool, data);
    }
}
