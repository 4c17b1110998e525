
/*
 * ngx_directstream_change.c: durable changes, the zone's side.  A stream is
 * marked with the process that writes it to the store, so that nobody else
 * does, and changes in the zone when that has happened.
 */

#include "ngx_directstream.h"


static ngx_uint_t ngx_directstream_change_match(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info, ngx_str_t *match);
static ngx_int_t ngx_directstream_change_new(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change);
static void ngx_directstream_change_do(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ngx_directstream_change_t *change);
static void ngx_directstream_change_follow(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ds_stored_t *stored, ngx_uint_t anew);
static ngx_directstream_node_t **ngx_directstream_change_link(
    ngx_directstream_conf_t *dcf, const char *name, ngx_pid_t writer);


ngx_int_t
ngx_directstream_change_mark(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change)
{
    ngx_int_t                   rc;
    ds_def_t                    def;
    ngx_directstream_info_t    *info;
    ngx_directstream_node_t   **link;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_zone_place(dcf->sh, change->stored.def.name);

    if (*link == NULL
        || ngx_strcmp((*link)->info.def.name, change->stored.def.name) != 0)
    {
        change->unknown = (change->op == NGX_DIRECTSTREAM_DELETE
                           && change->match == NULL);

        rc = (change->unknown || change->op == NGX_DIRECTSTREAM_CREATE)
             ? ngx_directstream_change_new(dcf, change) : NGX_DECLINED;
        goto done;
    }

    info = &(*link)->info;

    if (info->writer != 0) {
        rc = NGX_BUSY;

    } else if (change->op == NGX_DIRECTSTREAM_CREATE) {
        rc = NGX_DONE;

    } else if (info->fixed && change->op <= NGX_DIRECTSTREAM_DELETE) {
        rc = NGX_ABORT;

    } else if (change->match != NULL
               && !ngx_directstream_change_match(dcf, info, change->match))
    {
        rc = NGX_AGAIN;

    } else {

        /* what another write has changed since it was read is kept */

        def = info->def;
        (void) ngx_directstream_field_copy(&def, &change->stored.def,
                                           change->set);

        if (change->output[0] != '\0'
            && !ds_outlet_stop(def.outputs, change->output,
                               change->op == NGX_DIRECTSTREAM_OUTPUT_STOP))
        {
            rc = NGX_DIRECTSTREAM_NO_OUTPUT;
            goto done;
        }

        change->stored.def = def;
        change->stored.is_static = info->fixed;

        if (change->op == NGX_DIRECTSTREAM_PATCH || change->output[0] != '\0')
        {
            change->stored.running = info->running;
            change->stored.revision = info->revision;
        }

        info->writer = ngx_pid;
        rc = NGX_OK;
    }

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


/* a list of tags, or "*": any (RFC 9110, 13.1.1) */

static ngx_uint_t
ngx_directstream_change_match(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info, ngx_str_t *match)
{
    u_char  *p, *last, *end, tag[NGX_DIRECTSTREAM_TAG + 1];

    ngx_directstream_field_tag(dcf, &info->def, info->revision, tag);

    p = match->data;
    last = p + match->len;

    if (match->len == 1 && *p == '*') {
        return 1;
    }

    while (p < last) {
        end = ngx_strlchr(p, last, ',');
        end = (end == NULL) ? last : end;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (end - p >= NGX_DIRECTSTREAM_TAG
            && ngx_strncmp(p, tag, NGX_DIRECTSTREAM_TAG) == 0)
        {
            return 1;
        }

        p = end + 1;
    }

    return 0;
}


/* takes the room before the store is written: it cannot lack afterwards */

static ngx_int_t
ngx_directstream_change_new(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change)
{
    ngx_directstream_info_t  info;

    ngx_memzero(&info, sizeof(ngx_directstream_info_t));

    info.def = change->stored.def;
    info.reserved = 1;
    info.writer = ngx_pid;
    info.status.state = DS_STOPPED;
    info.status.since = ngx_directstream_now();

    return (ngx_directstream_zone_insert(dcf, &info) != NULL) ? NGX_OK
                                                              : NGX_ERROR;
}


/* where the stream is linked that "writer" has marked, or NULL */

static ngx_directstream_node_t **
ngx_directstream_change_link(ngx_directstream_conf_t *dcf, const char *name,
    ngx_pid_t writer)
{
    ngx_directstream_node_t  **link;

    link = ngx_directstream_zone_place(dcf->sh, name);

    if (*link == NULL
        || ngx_strcmp((*link)->info.def.name, name) != 0
        || (*link)->info.writer != writer)
    {
        return NULL;
    }

    return link;
}


void
ngx_directstream_change_apply(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change)
{
    ngx_directstream_node_t   *node, **link;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_change_link(dcf, change->stored.def.name, ngx_pid);

    if (link != NULL) {
        node = *link;

        if (node->info.fixed && change->op <= NGX_DIRECTSTREAM_DELETE) {
            /* a reload has put it into the file meanwhile */
            node->info.writer = 0;

        } else if (change->op == NGX_DIRECTSTREAM_DELETE) {
            ngx_directstream_zone_remove(dcf, link);

        } else {
            ngx_directstream_change_do(dcf, node, change);
            ngx_memory_barrier();
            node->info.writer = 0;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


static void
ngx_directstream_change_do(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ngx_directstream_change_t *change)
{
    ngx_directstream_info_t  *info;

    info = &node->info;

    if (change->stored.revision > info->revision) {
        info->revision = change->stored.revision;
    }

    switch (change->op) {

    case NGX_DIRECTSTREAM_CREATE:
        info->running = change->stored.running;
        info->epoch = ++dcf->sh->serial;
        ngx_memory_barrier();
        info->reserved = 0;
        break;

    case NGX_DIRECTSTREAM_PATCH:
    case NGX_DIRECTSTREAM_OUTPUT_START:
    case NGX_DIRECTSTREAM_OUTPUT_STOP:
        ngx_directstream_zone_change(dcf, node, &change->stored.def,
                                     change->op == NGX_DIRECTSTREAM_PATCH
                                     ? change->set
                                     : NGX_DIRECTSTREAM_SET_OUTPUTS);
        break;

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

    case NGX_DIRECTSTREAM_DELETE:
        break;
    }
}


void
ngx_directstream_change_undo(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change)
{
    ngx_directstream_node_t  **link;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_change_link(dcf, change->stored.def.name, ngx_pid);

    if (link != NULL) {

        if ((*link)->info.reserved) {
            ngx_directstream_zone_remove(dcf, link);

        } else {
            (*link)->info.writer = 0;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


ngx_int_t
ngx_directstream_change_dead(ngx_directstream_conf_t *dcf, char *name,
    ngx_pid_t *writer)
{
    ngx_int_t                 rc;
    ngx_pid_t                 alive;
    ngx_directstream_node_t  *node;

    rc = NGX_DECLINED;
    alive = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    for (node = dcf->sh->streams; node != NULL; node = node->next) {

        if (node->info.writer == 0
            || node->info.writer == alive
            || ngx_strcmp(node->info.def.name, name) <= 0)
        {
            continue;
        }

        if (kill(node->info.writer, 0) == 0 || ngx_errno != NGX_ESRCH) {
            alive = node->info.writer;
            continue;
        }

        (void) ngx_cpystrn((u_char *) name, (u_char *) node->info.def.name,
                           DS_NAME_LEN + 1);
        *writer = node->info.writer;
        rc = NGX_OK;
        break;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return rc;
}


void
ngx_directstream_change_adopt(ngx_directstream_conf_t *dcf,
    ngx_directstream_found_t *found, int64_t revision)
{
    const char                *name;
    ngx_directstream_info_t    info;
    ngx_directstream_node_t   *node, **link;

    name = found->stored.def.name;
    ngx_memzero(&info, sizeof(ngx_directstream_info_t));

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_zone_place(dcf->sh, name);
    node = *link;

    if (node != NULL && ngx_strcmp(node->info.def.name, name) != 0) {
        node = NULL;
    }

    if (node == NULL) {

        if (!found->there) {
            goto done;
        }

        info.def = found->stored.def;
        info.running = found->stored.running;
        info.revision = found->stored.revision;
        info.epoch = ++dcf->sh->serial;
        info.status.state = DS_STOPPED;
        info.status.since = ngx_directstream_now();
        info.status.progress = found->progress;

        (void) ngx_directstream_field_copy(&info.def, &dcf->base.def,
                                           NGX_DIRECTSTREAM_SET_SLATE);

        ngx_directstream_change_ended(&info);

        if (ngx_directstream_zone_insert(dcf, &info) == NULL) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "directstream \"%s\": no room in zone \"%V\"", name,
                          &dcf->zone_name);
        }

        goto done;
    }

    if (node->info.writer != 0 || node->info.revision > revision) {
        goto done;
    }

    if (found->there) {
        ngx_directstream_change_follow(dcf, node, &found->stored,
                                       !found->progress.valid);

    } else if (!node->info.fixed) {
        ngx_directstream_zone_remove(dcf, link);
    }

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


void
ngx_directstream_change_command(ngx_directstream_conf_t *dcf,
    const char *name, const ds_command_t *command)
{
    const char                 *what;
    ngx_directstream_node_t    *node;
    ngx_directstream_step_e     step;
    ngx_directstream_change_t   change;

    what = command->what;

    if (ngx_strcmp(what, "output_restart") == 0) {
        (void) ngx_directstream_zone_again(dcf, name, command->output);
        return;
    }

    for (step = NGX_DIRECTSTREAM_SKIP;
         step <= NGX_DIRECTSTREAM_YOUTUBE_ROLLOVER;
         step++)
    {
        if (ngx_strcmp(what, ngx_directstream_zone_step_name(step)) == 0) {
            (void) ngx_directstream_zone_step(dcf, name, step);
            return;
        }
    }

    ngx_memzero(&change, sizeof(ngx_directstream_change_t));
    change.op = (ngx_strcmp(what, "restart") == 0) ? NGX_DIRECTSTREAM_RESTART
                                                   : NGX_DIRECTSTREAM_START;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL && ngx_strcmp(what, "queue") == 0) {
        node->info.queue_changes++;

    } else if (node != NULL
               && (change.op == NGX_DIRECTSTREAM_RESTART
                   || ngx_strcmp(what, "start") == 0))
    {
        ngx_directstream_change_do(dcf, node, &change);
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/* what came to its end is not started again */

void
ngx_directstream_change_ended(ngx_directstream_info_t *info)
{
    ds_progress_t  *progress;

    progress = &info->status.progress;

    if (info->running
        && progress->valid
        && (progress->state == DS_FINISHED || progress->state == DS_FAILED))
    {
        info->done = info->epoch;
        info->status.state = progress->state;
        info->status.since = progress->at;
    }
}


/* with the lock held */

static void
ngx_directstream_change_follow(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ds_stored_t *stored, ngx_uint_t anew)
{
    char                      outputs[DS_OUTLETS_LEN + 1];
    ngx_directstream_info_t  *info;

    info = &node->info;
    info->revision = stored->revision;

    if (!info->fixed) {
        ngx_directstream_zone_change(dcf, node, &stored->def,
                                     NGX_DIRECTSTREAM_SET_ALL
                                     & ~NGX_DIRECTSTREAM_SET_SLATE);

    } else {
        /* of those of the file the store knows which are stopped */
        ngx_memcpy(outputs, info->def.outputs, sizeof(outputs));
        ds_outlet_keep(outputs, stored->def.outputs);
        ngx_memcpy(stored->def.outputs, outputs, sizeof(outputs));
        ngx_directstream_zone_change(dcf, node, &stored->def,
                                     NGX_DIRECTSTREAM_SET_OUTPUTS);
    }

    if (stored->running
        && (!info->running || (anew && info->done == info->epoch)))
    {
        info->epoch = ++dcf->sh->serial;
        info->retry = 0;
    }

    info->running = stored->running;

    if (info->epoch == 0) {
        info->epoch = ++dcf->sh->serial;
    }
}


void
ngx_directstream_change_settle(ngx_directstream_conf_t *dcf, const char *name,
    ngx_pid_t writer, ds_stored_t *stored, ngx_uint_t anew)
{
    ngx_directstream_info_t   *info;
    ngx_directstream_node_t  **link;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_change_link(dcf, name, writer);

    if (link == NULL) {
        goto done;
    }

    info = &(*link)->info;

    if (stored == NULL && !info->fixed) {
        ngx_directstream_zone_remove(dcf, link);
        goto done;
    }

    if (stored != NULL) {

        ngx_directstream_change_follow(dcf, *link, stored, anew);
        ngx_memory_barrier();
        info->reserved = 0;
    }

    info->writer = 0;

done:

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}
