
/*
 * ngx_directstream_items.c: tables of playlist items in the zone.  An item
 * takes what its strings need; pages of pointers lead to it.  When room gets
 * scarce items are left out and the table says so: the rest of the zone is
 * kept for definitions.  All functions are called with the zone's lock held.
 */

#include "ngx_directstream.h"


/* items leave one page in this many to the rest */
#define NGX_DIRECTSTREAM_RESERVE  8


static ngx_directstream_item_t **ngx_directstream_items_slot(
    ngx_directstream_conf_t *dcf, ngx_directstream_items_t *items,
    ngx_uint_t index);
static ngx_uint_t ngx_directstream_items_room(ngx_directstream_conf_t *dcf);


void
ngx_directstream_items_put(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items, ds_item_t *item)
{
    u_char                    *p;
    size_t                     size, id, title, reason;
    ngx_directstream_item_t   *new, *old, **slot;

    slot = ngx_directstream_items_slot(dcf, items, item->index);

    if (slot == NULL) {
        items->truncated = 1;
        return;
    }

    id = strnlen(item->id, DS_ID_LEN - 1);
    title = strnlen(item->title, DS_TITLE_LEN - 1);
    reason = strnlen(item->reason, DS_MESSAGE_LEN - 1);

    size = id + title + reason + 3;

    old = *slot;
    new = old;

    if (old == NULL || old->size < size) {

        new = NULL;

        if (ngx_directstream_items_room(dcf)) {
            new = ngx_slab_alloc_locked(dcf->shpool,
                             offsetof(ngx_directstream_item_t, text) + size);
        }

        if (new == NULL) {
            items->truncated = 1;

            if (old != NULL) {
                /* without the longer words, but as it is now */
                old->duration = item->duration;
                old->code = item->code;
                old->state = item->state;
            }

            return;
        }

        new->size = size;
    }

    new->duration = item->duration;
    new->code = item->code;
    new->state = item->state;
    new->title = id + 1;
    new->reason = id + 1 + title + 1;

    p = ngx_cpymem(new->text, item->id, id);
    *p++ = '\0';
    p = ngx_cpymem(p, item->title, title);
    *p++ = '\0';
    p = ngx_cpymem(p, item->reason, reason);
    *p = '\0';

    if (new != old) {
        ngx_memory_barrier();
        *slot = new;

        if (old != NULL) {
            ngx_slab_free_locked(dcf->shpool, old);
        }
    }

    if (items->count <= item->index) {
        items->count = item->index + 1;
    }
}


static ngx_directstream_item_t **
ngx_directstream_items_slot(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items, ngx_uint_t index)
{
    ngx_uint_t                 n;
    ngx_directstream_item_t  **page;

    n = index / NGX_DIRECTSTREAM_PAGE;

    if (n >= NGX_DIRECTSTREAM_PAGES) {
        return NULL;
    }

    if (items->pages[n] == NULL) {

        if (!ngx_directstream_items_room(dcf)) {
            return NULL;
        }

        page = ngx_slab_calloc_locked(dcf->shpool,
                                      NGX_DIRECTSTREAM_PAGE
                                      * sizeof(ngx_directstream_item_t *));
        if (page == NULL) {
            return NULL;
        }

        ngx_memory_barrier();
        items->pages[n] = page;
    }

    return &items->pages[n][index % NGX_DIRECTSTREAM_PAGE];
}


static ngx_uint_t
ngx_directstream_items_room(ngx_directstream_conf_t *dcf)
{
    ngx_uint_t  pages;

    pages = (dcf->shpool->end - dcf->shpool->start) / ngx_pagesize;

    return dcf->shpool->pfree > pages / NGX_DIRECTSTREAM_RESERVE;
}


void
ngx_directstream_items_clear(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items)
{
    ngx_uint_t                 i, n;
    ngx_directstream_item_t  **page;

    for (n = 0; n < NGX_DIRECTSTREAM_PAGES; n++) {
        page = items->pages[n];

        if (page == NULL) {
            continue;
        }

        items->pages[n] = NULL;
        ngx_memory_barrier();

        for (i = 0; i < NGX_DIRECTSTREAM_PAGE; i++) {
            if (page[i] != NULL) {
                ngx_slab_free_locked(dcf->shpool, page[i]);
            }
        }

        ngx_slab_free_locked(dcf->shpool, page);
    }

    items->count = 0;
    items->truncated = 0;
}


ngx_uint_t
ngx_directstream_items_get(ngx_directstream_items_t *items, ngx_uint_t offset,
    ds_item_t *dst, ngx_uint_t n)
{
    ngx_uint_t                 i, index;
    ngx_directstream_item_t   *item, **page;

    i = 0;

    for (index = offset; i < n && index < items->count; index++) {
        page = items->pages[index / NGX_DIRECTSTREAM_PAGE];
        item = (page != NULL) ? page[index % NGX_DIRECTSTREAM_PAGE] : NULL;

        if (item == NULL) {
            continue;
        }

        dst[i].index = index;
        dst[i].state = item->state;
        dst[i].code = item->code;
        dst[i].duration = item->duration;

        (void) ngx_cpystrn((u_char *) dst[i].id, (u_char *) item->text,
                           DS_ID_LEN);
        (void) ngx_cpystrn((u_char *) dst[i].title,
                           (u_char *) item->text + item->title,
                           DS_TITLE_LEN);
        (void) ngx_cpystrn((u_char *) dst[i].reason,
                           (u_char *) item->text + item->reason,
                           DS_MESSAGE_LEN);
        i++;
    }

    return i;
}
