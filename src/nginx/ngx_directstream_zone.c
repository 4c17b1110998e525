
/*
 * ngx_directstream_zone.c: the shared memory zone: streams by name, what is
 * wanted of them and what is known of them, tables of items, and the wakeup
 * of whoever has to look.  Lists are linked one way, so that a process killed
 * at any instruction leaves a list that can be read.  Of nginx's side it uses
 * the table of a definition's fields, and nothing else.
 */

#include "ngx_directstream.h"

#include <sys/eventfd.h>
#include <sys/random.h>


/* items leave one page in this many to the rest */
#define NGX_DIRECTSTREAM_RESERVE  8

#define NGX_DIRECTSTREAM_INFOS    8    /* copied at a time */

/* the first layout that has its state_path where this one has it */
#define NGX_DIRECTSTREAM_LAYOUT_PATH  7


static uint64_t ngx_directstream_layout(void);
static void ngx_directstream_totals_push(ngx_directstream_totals_t *totals,
    const ds_push_status_t *st, const ds_status_t *status);
static void ngx_directstream_zone_copy(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node, ngx_directstream_info_t *info);
static ngx_uint_t ngx_directstream_zone_outdated(ngx_directstream_sh_t *sh,
    ngx_directstream_info_t *info);
static ngx_shm_zone_t *ngx_directstream_zone_old(
    ngx_directstream_conf_t *dcf);
static ngx_directstream_sh_t *ngx_directstream_zone_sh(ngx_shm_zone_t *zone);
static ngx_uint_t ngx_directstream_zone_named(ngx_directstream_conf_t *dcf,
    ngx_shm_zone_t *zone);
static void ngx_directstream_zone_fix(ngx_directstream_conf_t *dcf,
    ds_def_t *def, ngx_log_t *log);
static ngx_directstream_item_t **ngx_directstream_items_slot(
    ngx_directstream_conf_t *dcf, ngx_directstream_items_t *items,
    ngx_uint_t index);
static ngx_uint_t ngx_directstream_items_room(ngx_directstream_conf_t *dcf);


/*
 * Opened once by the master and inherited by all workers of all generations.
 * Nobody reads it: each write is an edge for every relay worker's epoll.
 */

static int  ngx_directstream_wake_fd = -1;


ngx_int_t
ngx_directstream_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_directstream_conf_t *dcf = shm_zone->data;

    ngx_slab_pool_t        *shpool;
    ngx_directstream_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data != NULL) {
        sh = shpool->data;

    } else {
        sh = ngx_slab_calloc(shpool, sizeof(ngx_directstream_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->magic = NGX_DIRECTSTREAM_MAGIC;
        sh->layout = ngx_directstream_layout();

        if (getrandom(sh->salt, sizeof(sh->salt), 0) != sizeof(sh->salt)) {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, ngx_errno,
                          "getrandom() failed");
            return NGX_ERROR;
        }

        sh->logged = ngx_directstream_now();
        (void) ngx_cpystrn((u_char *) sh->state_path, dcf->state_path.data,
                           NGX_MAX_PATH);

        shpool->data = sh;
        shpool->log_nomem = 0;
    }

    dcf->shpool = shpool;
    dcf->sh = sh;

    return NGX_OK;
}


static uint64_t
ngx_directstream_layout(void)
{
    return ((uint64_t) NGX_DIRECTSTREAM_LAYOUT << 48)
           ^ ((uint64_t) sizeof(ngx_directstream_sh_t) << 24)
           ^ sizeof(ngx_directstream_node_t);
}


/*
 * The zone of the running configuration, whatever its name; or, of a build
 * that is quite another, what has the name.
 */

static ngx_shm_zone_t *
ngx_directstream_zone_old(ngx_directstream_conf_t *dcf)
{
    ngx_uint_t              i;
    ngx_shm_zone_t         *zone;
    ngx_list_part_t        *part;
    ngx_directstream_sh_t  *sh;

    if (dcf->cycle->old_cycle == NULL) {
        return NULL;
    }

    part = &dcf->cycle->old_cycle->shared_memory.part;

    for ( ;; ) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (zone[i].tag != &ngx_core_module || zone[i].shm.addr == NULL) {
                continue;
            }

            sh = ngx_directstream_zone_sh(&zone[i]);

            if ((sh != NULL && sh->magic == NGX_DIRECTSTREAM_MAGIC)
                || ngx_directstream_zone_named(dcf, &zone[i]))
            {
                return &zone[i];
            }
        }

        if (part->next == NULL) {
            return NULL;
        }

        part = part->next;
    }
}


static ngx_directstream_sh_t *
ngx_directstream_zone_sh(ngx_shm_zone_t *zone)
{
    return ((ngx_slab_pool_t *) zone->shm.addr)->data;
}


static ngx_uint_t
ngx_directstream_zone_named(ngx_directstream_conf_t *dcf,
    ngx_shm_zone_t *zone)
{
    return zone->shm.name.len == dcf->zone_name.len
           && ngx_strncmp(zone->shm.name.data, dcf->zone_name.data,
                          dcf->zone_name.len)
              == 0;
}


ngx_uint_t
ngx_directstream_zone_changed(ngx_directstream_conf_t *dcf)
{
    ngx_shm_zone_t         *old;
    ngx_directstream_sh_t  *sh;

    old = ngx_directstream_zone_old(dcf);

    if (old == NULL) {
        return 0;
    }

    sh = ngx_directstream_zone_sh(old);

    if (old->shm.size == (size_t) dcf->zone_size
        && ngx_directstream_zone_named(dcf, old)
        && sh != NULL
        && sh->magic == NGX_DIRECTSTREAM_MAGIC
        && sh->layout == ngx_directstream_layout()
        && ngx_strcmp(sh->state_path, dcf->state_path.data) == 0)
    {
        return 0;
    }

    dcf->old_zone = old;

    return 1;
}


/*
 * nginx asks the new zone whether it may be the old one's memory, and at the
 * end, and at the next reload, the old zone, whether that is freed.
 */

void
ngx_directstream_zone_replace(ngx_directstream_conf_t *dcf)
{
    dcf->shm_zone->noreuse = 0;
    dcf->old_zone->noreuse = 1;
}


const char *
ngx_directstream_zone_path(ngx_directstream_conf_t *dcf)
{
    ngx_directstream_sh_t  *sh;

    sh = ngx_directstream_zone_sh(dcf->old_zone);

    if (sh == NULL
        || sh->magic != NGX_DIRECTSTREAM_MAGIC
        || (sh->layout >> 48) < NGX_DIRECTSTREAM_LAYOUT_PATH
        || ngx_strcmp(sh->state_path, dcf->state_path.data) == 0)
    {
        return NULL;
    }

    return sh->state_path;
}


void
ngx_directstream_zone_merge(ngx_directstream_conf_t *dcf, ngx_log_t *log)
{
    ngx_uint_t                        i;
    ngx_directstream_sh_t            *sh;
    ngx_directstream_node_t         **link;
    ngx_directstream_stream_conf_t  **sp;

    sh = dcf->sh;
    sp = dcf->streams.elts;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    sh->generation++;
    sh->settings = dcf->settings;
    dcf->generation = sh->generation;

    link = &sh->streams;

    while (*link != NULL) {

        for (i = 0; i < dcf->streams.nelts; i++) {
            if (ngx_strcmp(sp[i]->def.name, (*link)->info.def.name) == 0) {
                break;
            }
        }

        if (!(*link)->info.fixed) {

            /* the API cannot set it; it counts from the next start on */

            (void) ngx_directstream_field_copy(&(*link)->info.def,
                                               &dcf->base.def,
                                               NGX_DIRECTSTREAM_SET_SLATE);
        }

        if (!(*link)->info.fixed || i < dcf->streams.nelts) {
            link = &(*link)->next;
            continue;
        }

        ngx_directstream_zone_remove(dcf, link);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    for (i = 0; i < dcf->streams.nelts; i++) {
        ngx_directstream_zone_fix(dcf, &sp[i]->def, log);
    }
}


static void
ngx_directstream_zone_fix(ngx_directstream_conf_t *dcf,
    ds_def_t *def, ngx_log_t *log)
{
    ngx_uint_t                 taken;
    ngx_directstream_info_t    info;
    ngx_directstream_node_t   *node, **link;

    ngx_memzero(&info, sizeof(ngx_directstream_info_t));

    info.def = *def;
    info.fixed = 1;
    info.running = 1;
    info.status.since = ngx_directstream_now();

    taken = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_zone_place(dcf->sh, def->name);
    node = *link;

    if (node != NULL && ngx_strcmp(node->info.def.name, def->name) == 0) {
        taken = !node->info.fixed;

        if (node->info.reserved) {
            node->info.running = 1;
            node->info.reserved = 0;
        }

        node->info.fixed = 1;

        /* what was stopped by request stays so */

        ds_outlet_keep(info.def.outputs, node->info.def.outputs);
        ngx_directstream_zone_change(dcf, node, &info.def,
                                     NGX_DIRECTSTREAM_SET_ALL);

    } else {
        info.epoch = ++dcf->sh->serial;
        node = ngx_directstream_zone_insert(dcf, &info);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    if (node == NULL) {
        /* it is too late to refuse the configuration */

        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "no room for stream \"%s\" in zone \"%V\"",
                      def->name, &dcf->zone_name);
    }

    if (taken) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "directstream \"%s\": made by the API, is now what the "
                      "configuration file says", def->name);
    }
}


/* where a stream of this name is linked, or has to be */

ngx_directstream_node_t **
ngx_directstream_zone_place(ngx_directstream_sh_t *sh, const char *name)
{
    ngx_directstream_node_t  **link;

    for (link = &sh->streams; *link != NULL; link = &(*link)->next) {
        if (ngx_strcmp((*link)->info.def.name, name) >= 0) {
            break;
        }
    }

    return link;
}


ngx_directstream_node_t *
ngx_directstream_zone_find(ngx_directstream_sh_t *sh, const char *name)
{
    ngx_directstream_node_t  *node;

    node = *ngx_directstream_zone_place(sh, name);

    if (node == NULL
        || node->info.reserved
        || ngx_strcmp(node->info.def.name, name) != 0)
    {
        return NULL;
    }

    return node;
}


ngx_directstream_node_t *
ngx_directstream_zone_insert(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info)
{
    ngx_directstream_node_t  *node, **link;

    node = ngx_slab_calloc_locked(dcf->shpool,
                                  sizeof(ngx_directstream_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->info = *info;

    link = ngx_directstream_zone_place(dcf->sh, info->def.name);

    node->next = *link;
    ngx_memory_barrier();
    *link = node;

    return node;
}


void
ngx_directstream_zone_remove(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t **link)
{
    ngx_directstream_node_t  *node;

    node = *link;
    *link = node->next;
    ngx_memory_barrier();

    ngx_directstream_items_clear(dcf, &node->items);
    ngx_slab_free_locked(dcf->shpool, node);
}


void
ngx_directstream_zone_change(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ds_def_t *def,
    ngx_uint_t set)
{
    if ((set & NGX_DIRECTSTREAM_SET_PLAYLIST)
        && ngx_strcmp(node->info.def.playlist, def->playlist) != 0)
    {
        /* as in the store: it is of another list */
        node->info.status.progress.valid = 0;
    }

    if ((set & NGX_DIRECTSTREAM_SET_OUTPUTS)
        && ngx_strcmp(node->info.def.outputs, def->outputs) != 0)
    {
        node->info.outputs++;
    }

    if (ngx_directstream_field_copy(&node->info.def, def, set) == NGX_AGAIN)
    {
        node->info.epoch = ++dcf->sh->serial;
        node->info.retry = 0;
    }
}


ngx_int_t
ngx_directstream_zone_get(ngx_directstream_conf_t *dcf, const char *name,
    ngx_directstream_info_t *info)
{
    ngx_int_t                 rc;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL) {
        ngx_directstream_zone_copy(dcf->sh, node, info);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


static void
ngx_directstream_zone_copy(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node, ngx_directstream_info_t *info)
{
    *info = node->info;
    info->outdated = ngx_directstream_zone_outdated(sh, info);
}


static ngx_uint_t
ngx_directstream_zone_outdated(ngx_directstream_sh_t *sh,
    ngx_directstream_info_t *info)
{
    return info->running
           && info->owner != 0
           && info->settings != 0
           && info->settings
              != ngx_directstream_zone_settings(sh->settings, &info->def);
}


/* a slate is the block's where the stream has none, and then not a new run's */

uint64_t
ngx_directstream_zone_settings(uint64_t conf, const ds_def_t *def)
{
    return ngx_directstream_digest(conf, def->slate, strlen(def->slate));
}


ngx_int_t
ngx_directstream_zone_again(ngx_directstream_conf_t *dcf, const char *name,
    const char *output)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ds_outlet_t                o, other;
    ngx_directstream_node_t   *node;
    ngx_directstream_again_t  *a, *again;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);
    rc = (node == NULL) ? NGX_DECLINED
         : ds_outlet_find(node->info.def.outputs, output, &o)
           ? NGX_OK : NGX_DIRECTSTREAM_NO_OUTPUT;

    if (rc == NGX_OK && !o.engine) {
        node->info.epoch = ++dcf->sh->serial;
        node->info.retry = 0;

    } else if (rc == NGX_OK) {
        again = NULL;

        for (i = 0; i < DS_OUTLETS; i++) {
            a = &node->info.again[i];

            if (ngx_strcmp(a->name, output) == 0) {
                again = a;
                break;
            }

            if (!ds_outlet_find(node->info.def.outputs, a->name, &other)) {
                again = a;
            }
        }

        if (ngx_strcmp(again->name, output) != 0) {
            ngx_memcpy(again->name, o.name, sizeof(again->name));
        }

        again->count++;
        node->info.outputs++;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


void
ngx_directstream_zone_hooked(ngx_directstream_conf_t *dcf, const char *name)
{
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL) {
        node->info.hooked = 1;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


ngx_uint_t
ngx_directstream_zone_renew(ngx_directstream_conf_t *dcf, ngx_uint_t all)
{
    ngx_uint_t                n;
    ngx_directstream_info_t  *info;
    ngx_directstream_node_t  *node;

    n = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (node = dcf->sh->streams; node != NULL; node = node->next) {
        info = &node->info;

        if (info->running && info->owner != 0
            && (all || ngx_directstream_zone_outdated(dcf->sh, info)))
        {
            info->renew = 1;
            n++;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return n;
}


uint64_t
ngx_directstream_digest(uint64_t digest, const void *data, size_t len)
{
    const u_char  *p;

    for (p = data; len != 0; len--) {
        digest ^= *p++;
        digest *= 0x100000001b3ULL;
    }

    return digest;
}


ngx_int_t
ngx_directstream_zone_each(ngx_directstream_conf_t *dcf, ngx_pool_t *pool,
    ngx_directstream_each_pt each, void *data)
{
    char                      name[DS_NAME_LEN + 1];
    ngx_uint_t                i, n;
    ngx_directstream_info_t  *info;
    ngx_directstream_node_t  *node;

    info = ngx_palloc(pool, NGX_DIRECTSTREAM_INFOS
                            * sizeof(ngx_directstream_info_t));
    if (info == NULL) {
        return NGX_ERROR;
    }

    name[0] = '\0';

    do {
        n = 0;

        ngx_shmtx_lock(&dcf->shpool->mutex);

        for (node = *ngx_directstream_zone_place(dcf->sh, name);
             node != NULL && n < NGX_DIRECTSTREAM_INFOS;
             node = node->next)
        {
            if (!node->info.reserved
                && ngx_strcmp(node->info.def.name, name) != 0)
            {
                ngx_directstream_zone_copy(dcf->sh, node, &info[n++]);
            }
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);

        for (i = 0; i < n; i++) {
            each(data, &info[i]);
        }

        if (n != 0) {
            ngx_memcpy(name, info[n - 1].def.name, sizeof(name));
        }

    } while (n == NGX_DIRECTSTREAM_INFOS);

    (void) ngx_pfree(pool, info);

    return NGX_OK;
}


void
ngx_directstream_zone_whole(ngx_directstream_conf_t *dcf,
    ngx_directstream_whole_t *whole)
{
    ngx_msec_t                seen;
    ds_youtube_status_t      *st;
    ds_cluster_status_t       cluster;
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    cluster = dcf->sh->cluster;
    whole->pid = dcf->sh->relay;
    seen = dcf->sh->heartbeat;
    whole->generation = dcf->sh->relay_generation;
    whole->restarts = dcf->sh->relay_restarts;
    whole->kept = dcf->sh->cache_size;
    whole->entries = dcf->sh->cache_count;
    whole->resolver = dcf->sh->resolver;
    whole->youtube_quota = (uint64_t) -1;

    for (node = dcf->sh->streams; node != NULL; node = node->next) {
        st = &node->info.status.youtube;

        if (st->enabled && (whole->youtube_quota == (uint64_t) -1
                            || whole->youtube_quota < (uint64_t) st->quota))
        {
            whole->youtube_quota = (uint64_t) st->quota;
        }
    }

    whole->size = dcf->shpool->end - dcf->shpool->start;
    whole->free = dcf->shpool->pfree * ngx_pagesize;

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    whole->alive = ngx_directstream_alive(whole->pid, seen);
    whole->fallback = whole->resolver.fallback;
    whole->canary_at = whole->resolver.canary_at / 1000;
    whole->canary_up = whole->resolver.canary_at == 0
                       ? (uint64_t) -1 : whole->resolver.canary_error.code == 0;

    if (dcf->cluster.endpoints == NULL) {
        whole->quorum = whole->failsafe = whole->left = whole->owned
            = whole->takeovers = whole->deadlines = whole->draining
            = (uint64_t) -1;
        return;
    }

    whole->quorum = cluster.quorum && whole->alive;
    whole->failsafe = cluster.failsafe;
    whole->left = cluster.left / 1000;
    whole->owned = cluster.owned;
    whole->takeovers = cluster.takeovers;
    whole->deadlines = cluster.stops;
    whole->draining = cluster.draining;
}


const char *
ngx_directstream_zone_step_name(ngx_directstream_step_e step)
{
    static const char *const  names[] = {
        "skip", "previous", "refresh", "prefetch", "prefetch_off",
        "youtube_check", "youtube_revive", "youtube_rollover"
    };

    return names[step];
}


ngx_int_t
ngx_directstream_zone_step(ngx_directstream_conf_t *dcf, const char *name,
    ngx_directstream_step_e step)
{
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL) {
        switch (step) {

        case NGX_DIRECTSTREAM_SKIP:
            node->info.skip++;
            break;

        case NGX_DIRECTSTREAM_PREVIOUS:
            node->info.previous++;
            break;

        case NGX_DIRECTSTREAM_REFRESH:
            node->info.refresh++;
            break;

        case NGX_DIRECTSTREAM_PREFETCH:
        case NGX_DIRECTSTREAM_PREFETCH_OFF:
            node->info.prefetching = (step == NGX_DIRECTSTREAM_PREFETCH);
            node->info.prefetch++;
            break;

        default: /* NGX_DIRECTSTREAM_YOUTUBE_… */
            node->info.youtube[step - NGX_DIRECTSTREAM_YOUTUBE_CHECK]++;
            break;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return (node != NULL) ? NGX_OK : NGX_DECLINED;
}


ngx_uint_t
ngx_directstream_alive(ngx_pid_t pid, ngx_msec_t seen)
{
    if (pid <= 0) {
        return 0;
    }

    if ((ngx_msec_int_t) (ngx_current_msec - seen) > NGX_DIRECTSTREAM_DEAD) {
        return 0;
    }

    return kill(pid, 0) == 0 || ngx_errno == NGX_EPERM;
}


ngx_uint_t
ngx_directstream_relay_alive(ngx_directstream_conf_t *dcf)
{
    ngx_pid_t   pid;
    ngx_msec_t  seen;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    pid = dcf->sh->relay;
    seen = dcf->sh->heartbeat;

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return ngx_directstream_alive(pid, seen);
}


int64_t
ngx_directstream_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


u_char *
ngx_directstream_time_utc(u_char *p, int64_t ms)
{
    ngx_tm_t  tm;

    if (ms <= 0) {
        return p;
    }

    ngx_gmtime((time_t) (ms / 1000), &tm);

    return ngx_sprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       (int) (ms % 1000));
}


void
ngx_directstream_totals_add(ngx_directstream_totals_t *totals,
    ds_status_t *status)
{
    ngx_uint_t  i;

    totals->played += status->played;
    totals->skipped += status->skipped;
    totals->copied += status->copied;
    totals->encoded += status->encoded;
    totals->received += status->counts.bytes_in;
    totals->sent += status->bytes;
    totals->reconnects += status->reconnects;
    totals->dead_air += status->dead_air;
    totals->resolves += status->counts.resolves;
    totals->resolve_time += status->counts.resolve_time;
    totals->cache_hits += status->counts.cache_hits;
    totals->cache_misses += status->counts.cache_misses;
    totals->queue_started += status->queue_started;
    totals->queue_failed += status->queue_failed;
    totals->slots_started += status->slots.started;
    totals->slots_missed += status->slots.missed;
    totals->added += status->list.added_total;
    totals->removed += status->list.removed_total;
    totals->youtube_dark += status->youtube.totals.dark;
    totals->youtube_made += status->youtube.totals.made;

    for (i = 0; i < DS_NERRORS; i++) {
        totals->faults[i] += status->counts.faults[i];
        totals->failures[i] += status->counts.failures[i];
    }

    for (i = 0; i < DS_OUTLETS && status->outputs[i].name[0] != '\0'; i++) {
        ngx_directstream_totals_push(totals, &status->outputs[i], status);
    }
}


/* one that there is no more makes room for another */

static void
ngx_directstream_totals_push(ngx_directstream_totals_t *totals,
    const ds_push_status_t *st, const ds_status_t *status)
{
    ngx_uint_t                  i;
    ngx_directstream_pushed_t  *p, *room;

    room = NULL;

    for (i = 0; i < DS_OUTLETS; i++) {
        p = &totals->pushed[i];

        if (ngx_strcmp(p->name, st->name) == 0) {
            break;
        }

        if (room == NULL
            && ngx_directstream_outputs_status(status, p->name) == NULL)
        {
            room = p;
        }
    }

    if (i == DS_OUTLETS) {

        if (room == NULL) {
            return;
        }

        p = room;
        ngx_memzero(p, sizeof(ngx_directstream_pushed_t));
        ngx_memcpy(p->name, st->name, sizeof(p->name));
    }

    p->reconnects += st->reconnects;
    p->sent += st->bytes;
    p->dropped += st->dropped;
}


ngx_int_t
ngx_directstream_wake_open(ngx_log_t *log)
{
    if (ngx_directstream_wake_fd != -1) {
        return NGX_OK;
    }

    ngx_directstream_wake_fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (ngx_directstream_wake_fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno, "eventfd() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


int
ngx_directstream_wake_handle(void)
{
    return ngx_directstream_wake_fd;
}


void
ngx_directstream_wake(void)
{
    ngx_directstream_signal(ngx_directstream_wake_fd);
}


void
ngx_directstream_signal(int fd)
{
    uint64_t  one;

    one = 1;

    /* a lost wakeup costs a tick of the timer, no more */

    if (fd != -1 && write(fd, &one, sizeof(one)) == -1) {
        return;
    }
}


/*
 * Tables of playlist items.  An item takes what its strings need; pages of
 * pointers lead to it.  When room gets scarce items are left out and the
 * table says so: the rest of the zone is kept for definitions.
 */

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
                old->checked = item->checked;
                old->verdict_code = item->verdict_code;
                old->verdict = item->verdict;
                old->code = item->code;
                old->state = item->state;
            }

            return;
        }

        new->size = size;
    }

    new->duration = item->duration;
    new->checked = item->checked;
    new->verdict_code = item->verdict_code;
    new->verdict = item->verdict;
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


void
ngx_directstream_items_trim(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items, ngx_uint_t count)
{
    ngx_uint_t                 index;
    ngx_directstream_item_t   *item, **page;

    while (items->count > count) {
        index = --items->count;

        page = items->pages[index / NGX_DIRECTSTREAM_PAGE];
        item = (page != NULL) ? page[index % NGX_DIRECTSTREAM_PAGE] : NULL;

        if (item != NULL) {
            page[index % NGX_DIRECTSTREAM_PAGE] = NULL;
            ngx_memory_barrier();
            ngx_slab_free_locked(dcf->shpool, item);
        }
    }
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
        dst[i].checked = item->checked;
        dst[i].verdict_code = item->verdict_code;
        dst[i].verdict = item->verdict;

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
