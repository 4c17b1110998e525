
/*
 * ngx_directstream_zone.c: the shared memory zone: streams by name, what is
 * wanted of them and what is known of them.  The list is linked one way, so
 * that a process killed at any instruction leaves a list that can be read.
 */

#include "ngx_directstream.h"

#include <sys/stat.h>


static ngx_int_t ngx_directstream_state_path(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle);
static ngx_int_t ngx_directstream_state_file(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle, ngx_uid_t user);
static uint64_t ngx_directstream_layout(void);
static ngx_directstream_node_t **ngx_directstream_zone_place(
    ngx_directstream_sh_t *sh, const char *name);
static ngx_directstream_node_t *ngx_directstream_zone_insert(
    ngx_directstream_conf_t *dcf, ngx_directstream_def_t *def);
static void ngx_directstream_zone_remove(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t **link);
static void ngx_directstream_zone_change(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ngx_directstream_def_t *def,
    ngx_uint_t set);
static void ngx_directstream_zone_fix(ngx_directstream_conf_t *dcf,
    ngx_directstream_def_t *def, ngx_log_t *log);


/* also checks the state path: an error here still refuses a reload */

ngx_int_t
ngx_directstream_zone_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_directstream_conf_t *dcf = shm_zone->data;

    ngx_cycle_t            *cycle;
    ngx_slab_pool_t        *shpool;
    ngx_directstream_sh_t  *sh;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;
    cycle = dcf->cycle;

    if (data != NULL) {
        sh = shpool->data;

        if (sh == NULL
            || sh->magic != NGX_DIRECTSTREAM_MAGIC
            || sh->layout != ngx_directstream_layout())
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "zone \"%V\" was made by another version of "
                          "ngx_directstream_module, restart nginx to use "
                          "this one", &shm_zone->shm.name);
            return NGX_ERROR;
        }

    } else {
        sh = ngx_slab_calloc(shpool, sizeof(ngx_directstream_sh_t));
        if (sh == NULL) {
            return NGX_ERROR;
        }

        sh->magic = NGX_DIRECTSTREAM_MAGIC;
        sh->layout = ngx_directstream_layout();

        shpool->data = sh;
        shpool->log_nomem = 0;
    }

    dcf->shpool = shpool;
    dcf->sh = sh;

    if (ngx_test_config) {
        return NGX_OK;
    }

    return ngx_directstream_state_path(dcf, cycle);
}


static uint64_t
ngx_directstream_layout(void)
{
    return ((uint64_t) NGX_DIRECTSTREAM_LAYOUT << 48)
           ^ ((uint64_t) sizeof(ngx_directstream_sh_t) << 24)
           ^ sizeof(ngx_directstream_node_t);
}


static ngx_int_t
ngx_directstream_state_path(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle)
{
    u_char           *path;
    ngx_uid_t         user;
    ngx_file_info_t   fi;
    ngx_core_conf_t  *ccf;

    path = dcf->state_path.data;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                           ngx_core_module);
    user = (geteuid() == 0) ? ccf->user : (ngx_uid_t) NGX_CONF_UNSET_UINT;

    if (ngx_create_dir(path, 0700) == NGX_FILE_ERROR
        && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      ngx_create_dir_n " \"%s\" failed", path);
        return NGX_ERROR;
    }

    if (ngx_file_info(path, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      ngx_file_info_n " \"%s\" failed", path);
        return NGX_ERROR;
    }

    if (!ngx_is_dir(&fi) || (fi.st_mode & S_IWOTH)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"state_path\" \"%s\" must be a directory of its own, "
                      "not writable by others", path);
        return NGX_ERROR;
    }

    if (user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && fi.st_uid != user
        && chown((const char *) path, user, -1) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "chown(\"%s\") failed", path);
        return NGX_ERROR;
    }

    if ((fi.st_mode & 0777) != 0700
        && chmod((const char *) path, 0700) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "chmod(\"%s\") failed", path);
        return NGX_ERROR;
    }

    return ngx_directstream_state_file(dcf, cycle, user);
}


static ngx_int_t
ngx_directstream_state_file(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle,
    ngx_uid_t user)
{
    int     fd;
    u_char  path[NGX_MAX_PATH];

    (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/owners.lock%Z",
                        &dcf->state_path);

    fd = open((char *) path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "open(\"%s\") failed", path);
        return NGX_ERROR;
    }

    if (user != (ngx_uid_t) NGX_CONF_UNSET_UINT && fchown(fd, user, -1) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "fchown(\"%s\") failed", path);
        (void) close(fd);
        return NGX_ERROR;
    }

    (void) close(fd);

    return NGX_OK;
}


/* the zone of the running configuration, whatever its name */

ngx_shm_zone_t *
ngx_directstream_zone_old(ngx_cycle_t *cycle)
{
    ngx_uint_t              i;
    ngx_shm_zone_t         *zone;
    ngx_list_part_t        *part;
    ngx_slab_pool_t        *shpool;
    ngx_directstream_sh_t  *sh;

    if (cycle->old_cycle == NULL) {
        return NULL;
    }

    part = &cycle->old_cycle->shared_memory.part;

    for ( ;; ) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].tag != &ngx_core_module) {
                continue;
            }

            shpool = (ngx_slab_pool_t *) zone[i].shm.addr;
            sh = (shpool != NULL) ? shpool->data : NULL;

            if (sh != NULL && sh->magic == NGX_DIRECTSTREAM_MAGIC) {
                return &zone[i];
            }
        }

        if (part->next == NULL) {
            return NULL;
        }

        part = part->next;
    }
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
    dcf->generation = sh->generation;

    link = &sh->streams;

    while (*link != NULL) {

        for (i = 0; i < dcf->streams.nelts; i++) {
            if (ngx_strcmp(sp[i]->def.name, (*link)->info.def.name) == 0) {
                break;
            }
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
    ngx_directstream_def_t *def, ngx_log_t *log)
{
    ngx_int_t                 rc;
    ngx_directstream_node_t  *node;

    rc = ngx_directstream_zone_create(dcf, def, 1, 1);

    if (rc == NGX_ERROR) {
        /* it is too late to refuse the configuration */

        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "no room for stream \"%s\" in zone \"%V\"",
                      def->name, &dcf->zone_name);
        return;
    }

    if (rc == NGX_OK) {
        return;
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, def->name);

    if (node != NULL) {
        node->info.fixed = 1;
        ngx_directstream_zone_change(dcf, node, def,
                                     NGX_DIRECTSTREAM_SET_ALL);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/* where a stream of this name is linked, or has to be */

static ngx_directstream_node_t **
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

    if (node == NULL || ngx_strcmp(node->info.def.name, name) != 0) {
        return NULL;
    }

    return node;
}


static ngx_directstream_node_t *
ngx_directstream_zone_insert(ngx_directstream_conf_t *dcf,
    ngx_directstream_def_t *def)
{
    ngx_directstream_node_t  *node, **link;

    node = ngx_slab_calloc_locked(dcf->shpool,
                                  sizeof(ngx_directstream_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->info.def = *def;

    link = ngx_directstream_zone_place(dcf->sh, def->name);

    node->next = *link;
    ngx_memory_barrier();
    *link = node;

    return node;
}


static void
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


/* a change of anything but the loop needs a new run */

static void
ngx_directstream_zone_change(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ngx_directstream_def_t *def,
    ngx_uint_t set)
{
    ngx_uint_t               changed;
    ngx_directstream_def_t  *old;

    old = &node->info.def;
    changed = 0;

    if ((set & NGX_DIRECTSTREAM_SET_PLAYLIST)
        && ngx_strcmp(old->playlist, def->playlist) != 0)
    {
        ngx_memcpy(old->playlist, def->playlist, sizeof(old->playlist));
        changed = 1;
    }

    if ((set & NGX_DIRECTSTREAM_SET_PUBLISH)
        && ngx_strcmp(old->publish, def->publish) != 0)
    {
        ngx_memcpy(old->publish, def->publish, sizeof(old->publish));
        changed = 1;
    }

    if ((set & NGX_DIRECTSTREAM_SET_PUSH)
        && ngx_strcmp(old->push, def->push) != 0)
    {
        ngx_memcpy(old->push, def->push, sizeof(old->push));
        changed = 1;
    }

    if ((set & NGX_DIRECTSTREAM_SET_SHUFFLE) && old->shuffle != def->shuffle) {
        old->shuffle = def->shuffle;
        changed = 1;
    }

    if (set & NGX_DIRECTSTREAM_SET_LOOP) {
        old->loop = def->loop;
    }

    if (changed) {
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
        *info = node->info;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_directstream_zone_next(ngx_directstream_conf_t *dcf, const char *name,
    ngx_directstream_info_t *info)
{
    ngx_int_t                 rc;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = *ngx_directstream_zone_place(dcf->sh, name);

    if (node != NULL && ngx_strcmp(node->info.def.name, name) == 0) {
        node = node->next;
    }

    if (node != NULL) {
        *info = node->info;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_directstream_zone_create(ngx_directstream_conf_t *dcf,
    ngx_directstream_def_t *def, ngx_uint_t fixed, ngx_uint_t start)
{
    ngx_int_t                 rc;
    ngx_directstream_node_t  *node;

    rc = NGX_OK;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    if (ngx_directstream_zone_find(dcf->sh, def->name) != NULL) {
        rc = NGX_BUSY;
        goto done;
    }

    node = ngx_directstream_zone_insert(dcf, def);

    if (node == NULL) {
        rc = NGX_ERROR;
        goto done;
    }

    node->info.fixed = fixed;
    node->info.running = start;
    node->info.epoch = ++dcf->sh->serial;
    node->info.status.state = DS_STOPPED;
    node->info.status.since = ngx_directstream_now();

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_directstream_zone_patch(ngx_directstream_conf_t *dcf,
    ngx_directstream_def_t *def, ngx_uint_t set)
{
    ngx_int_t                 rc;
    ngx_directstream_node_t  *node;

    rc = NGX_OK;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, def->name);

    if (node == NULL) {
        rc = NGX_DECLINED;

    } else if (node->info.fixed) {
        rc = NGX_ABORT;

    } else {
        ngx_directstream_zone_change(dcf, node, def, set);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_directstream_zone_delete(ngx_directstream_conf_t *dcf, const char *name)
{
    ngx_int_t                  rc;
    ngx_directstream_node_t  **link;

    rc = NGX_OK;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_zone_place(dcf->sh, name);

    if (*link == NULL || ngx_strcmp((*link)->info.def.name, name) != 0) {
        rc = NGX_DECLINED;

    } else if ((*link)->info.fixed) {
        rc = NGX_ABORT;

    } else {
        ngx_directstream_zone_remove(dcf, link);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


ngx_int_t
ngx_directstream_zone_control(ngx_directstream_conf_t *dcf, const char *name,
    ngx_directstream_action_e action)
{
    ngx_int_t                 rc;
    ngx_directstream_info_t  *info;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node == NULL) {
        goto done;
    }

    rc = NGX_OK;
    info = &node->info;

    switch (action) {

    case NGX_DIRECTSTREAM_START:
        /* one that has said it ended may not have let go yet */

        if (info->running && info->done != info->epoch
            && info->status.state != DS_FINISHED
            && info->status.state != DS_FAILED)
        {
            break;
        }

        /* fall through */

    case NGX_DIRECTSTREAM_RESTART:
        info->epoch = ++dcf->sh->serial;
        info->retry = 0;
        info->running = 1;
        break;

    case NGX_DIRECTSTREAM_STOP:
        info->running = 0;

        /* what has ended by itself has no owner to say so */

        if (info->owner == 0) {
            info->status.state = DS_STOPPED;
        }

        break;

    case NGX_DIRECTSTREAM_SKIP:
        info->skip++;
        break;

    case NGX_DIRECTSTREAM_PREVIOUS:
        info->previous++;
        break;
    }

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
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
