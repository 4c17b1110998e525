
/*
 * ngx_directstream_journal.c: what happened to streams of late: a ring of
 * entries in the zone, written by relay workers from what a status says that
 * it did not say before.  An entry's id is its place in time: ids go on where
 * they were as long as the zone lives, and beyond those of the zone before.
 */

#include "ngx_directstream.h"


static ngx_directstream_entry_t *ngx_directstream_journal_entry(
    ngx_directstream_sh_t *sh, const char *name,
    ngx_directstream_entry_e type, const char *message);
static void ngx_directstream_journal_turn(ngx_directstream_sh_t *sh,
    const ds_error_t *err, const char *message);
static void ngx_directstream_journal_text(char *dst, const char *src,
    size_t size);
static void ngx_directstream_journal_outputs(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node);
static void ngx_directstream_journal_list(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node);
static void ngx_directstream_journal_slot(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node);
static ngx_uint_t ngx_directstream_journal_item(ngx_directstream_node_t *node);


void
ngx_directstream_journal_note(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node)
{
    char                       message[DS_MESSAGE_LEN];
    const char                *name;
    ds_status_t               *st;
    ngx_directstream_sh_t     *sh;
    ngx_directstream_noted_t  *was;
    ngx_directstream_entry_t  *entry;

    sh = dcf->sh;
    name = node->info.def.name;
    st = &node->info.status;
    was = &node->noted;

    if (st->error.code != DS_OK && st->error.at != was->error_at) {
        entry = ngx_directstream_journal_entry(sh, name,
                                               NGX_DIRECTSTREAM_ENTRY_ERROR,
                                               st->error.message);
        entry->code = st->error.code;
        sh->logged++;
    }

    if (st->connected != was->connected) {
        (void) ngx_directstream_journal_entry(sh, name,
                                              NGX_DIRECTSTREAM_ENTRY_OUTPUT,
                                              st->connected ? "connected"
                                                            : "not connected");
        sh->logged++;
    }

    ngx_directstream_journal_outputs(sh, node);

    if (st->state != was->state) {
        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "state is \"%s\"%Z", ds_state_name(st->state));
        entry = ngx_directstream_journal_entry(sh, name,
                                               NGX_DIRECTSTREAM_ENTRY_STATE,
                                               message);
        entry->state = st->state;
        sh->logged++;
    }

    if (ngx_directstream_journal_item(node)) {
        entry = ngx_directstream_journal_entry(sh, name,
                                               NGX_DIRECTSTREAM_ENTRY_ITEM,
                                               st->decision_reason);
        entry->index = st->item.index;
        ngx_directstream_journal_text(entry->item, st->item.id,
                                      sizeof(entry->item));
        ngx_directstream_journal_text(entry->title, st->item.title,
                                      sizeof(entry->title));
        sh->logged++;
    }

    if (st->list.changes != was->changes && st->list.changes != 0) {
        ngx_directstream_journal_list(sh, node);
    }

    if (st->slots.started + st->slots.missed != was->slots
        && st->slots.last[0] != '\0')
    {
        ngx_directstream_journal_slot(sh, node);
    }

    if (st->youtube.enabled
        && (st->youtube.state != was->youtube
            || st->youtube.error.code != was->youtube_code))
    {
        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "YouTube is \"%s\"%s%s%Z",
                            ds_youtube_state_name(st->youtube.state),
                            st->youtube.error.code != DS_OK ? ": " : "",
                            st->youtube.error.code != DS_OK
                            ? st->youtube.error.message : "");
        entry = ngx_directstream_journal_entry(sh, name,
                                               NGX_DIRECTSTREAM_ENTRY_YOUTUBE,
                                               message);
        entry->code = st->youtube.error.code;
        sh->logged++;
    }

    was->slots = st->slots.started + st->slots.missed;
    was->youtube = st->youtube.enabled ? st->youtube.state
                                       : DS_YOUTUBE_UNKNOWN;
    was->youtube_code = st->youtube.enabled ? st->youtube.error.code : DS_OK;
    was->state = st->state;
    was->connected = st->connected;
    was->error_at = st->error.at;
    was->has_item = st->has_item;
    was->aired = st->copied + st->encoded;
    was->changes = st->list.changes;
}


/* which of them has come or gone since; several may have at a time */

static void
ngx_directstream_journal_outputs(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node)
{
    char               message[DS_MESSAGE_LEN];
    int64_t            latest;
    ngx_uint_t         i;
    ds_push_status_t  *o;

    latest = node->noted.output_at;

    for (i = 0; i < DS_OUTLETS; i++) {
        o = &node->info.status.outputs[i];

        if (o->name[0] == '\0' || o->since <= node->noted.output_at) {
            continue;
        }

        latest = ngx_max(latest, o->since);

        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "output \"%s\" is %s%s%Z", o->name,
                            o->connected ? "connected" : "not connected: ",
                            o->connected ? "" : o->error.message);
        (void) ngx_directstream_journal_entry(sh, node->info.def.name,
                                              NGX_DIRECTSTREAM_ENTRY_OUTPUT,
                                              message);
        sh->logged++;
    }

    node->noted.output_at = latest;
}


void
ngx_directstream_journal_queue(ngx_directstream_conf_t *dcf, const char *name,
    uint32_t queued, const char *message)
{
    ngx_directstream_node_t  *node;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL) {
        node->info.queued = queued;
        node->info.queue_changes++;

        (void) ngx_directstream_journal_entry(dcf->sh, name,
                                              NGX_DIRECTSTREAM_ENTRY_QUEUE,
                                              message);
        dcf->sh->logged++;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/*
 * Only the newest relay worker's counts, one that leaves knows less and less.
 * What a worker does not know yet, as it has just begun, is no news.
 */

void
ngx_directstream_journal_resolver(ngx_directstream_conf_t *dcf,
    const ds_resolver_status_t *resolver)
{
    ds_resolver_status_t    was;
    ngx_directstream_sh_t  *sh;

    sh = dcf->sh;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    if (sh->relay == ngx_pid) {
        was = sh->resolver;
        sh->resolver = *resolver;

        if (resolver->fallback && !was.fallback) {
            ngx_directstream_journal_turn(sh, &resolver->error,
                                          "the first resolver is broken, the "
                                          "second one is used");

        } else if (was.fallback && !resolver->fallback
                   && resolver->since != 0)
        {
            ngx_directstream_journal_turn(sh, NULL,
                                          "the first resolver works again");
        }

        if (resolver->canary_error.code != DS_OK
            && was.canary_error.code == DS_OK)
        {
            ngx_directstream_journal_turn(sh, &resolver->canary_error,
                                          "the canary fails");

        } else if (was.canary_error.code != DS_OK
                   && resolver->canary_error.code == DS_OK
                   && resolver->canary_at != 0)
        {
            ngx_directstream_journal_turn(sh, NULL, "the canary works again");
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


void
ngx_directstream_journal_cluster(ngx_directstream_conf_t *dcf,
    const char *name, const char *message)
{
    (void) ngx_directstream_journal_entry(dcf->sh, name,
                                          NGX_DIRECTSTREAM_ENTRY_CLUSTER,
                                          message);
    dcf->sh->logged++;
}


static void
ngx_directstream_journal_turn(ngx_directstream_sh_t *sh,
    const ds_error_t *err, const char *message)
{
    char                       text[DS_MESSAGE_LEN];
    ngx_directstream_entry_t  *entry;

    (void) ngx_snprintf((u_char *) text, sizeof(text), "%s%s%s%Z", message,
                        err != NULL ? ": " : "",
                        err != NULL ? err->message : "");
    text[sizeof(text) - 1] = '\0';

    entry = ngx_directstream_journal_entry(sh, "",
                                           NGX_DIRECTSTREAM_ENTRY_RESOLVER,
                                           text);
    entry->code = (err != NULL) ? err->code : DS_OK;

    sh->logged++;
}


static void
ngx_directstream_journal_list(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node)
{
    char                       message[DS_MESSAGE_LEN];
    ds_list_status_t          *list;
    ngx_directstream_entry_t  *entry;

    list = &node->info.status.list;

    (void) ngx_snprintf((u_char *) message, sizeof(message),
                        "playlist has changed, added: %uD, removed: %uD, "
                        "moved: %uD, changed: %uD%Z", list->added,
                        list->removed, list->moved, list->changed);

    entry = ngx_directstream_journal_entry(sh, node->info.def.name,
                                           NGX_DIRECTSTREAM_ENTRY_LIST,
                                           message);
    entry->added = list->added;
    entry->removed = list->removed;
    entry->moved = list->moved;
    entry->changed = list->changed;

    sh->logged++;
}


void
ngx_directstream_journal_change(ngx_directstream_conf_t *dcf,
    const char *name, const char *message)
{
    ngx_shmtx_lock(&dcf->shpool->mutex);

    (void) ngx_directstream_journal_entry(dcf->sh, name,
                                          NGX_DIRECTSTREAM_ENTRY_CHANGE,
                                          message);
    dcf->sh->logged++;

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


static void
ngx_directstream_journal_slot(ngx_directstream_sh_t *sh,
    ngx_directstream_node_t *node)
{
    char         message[DS_MESSAGE_LEN];
    ds_slots_t  *slots;

    slots = &node->info.status.slots;

    if (slots->last_late < 0) {
        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "slot \"%s\" has not come on air%Z",
                            slots->last);

    } else {
        (void) ngx_snprintf((u_char *) message, sizeof(message),
                            "slot \"%s\" is on air, %L ms after its time%Z",
                            slots->last, slots->last_late);
    }

    (void) ngx_directstream_journal_entry(sh, node->info.def.name,
                                          NGX_DIRECTSTREAM_ENTRY_SLOT,
                                          message);
    sh->logged++;
}


/* the place of the next entry; it is one once sh->logged counts it */

static ngx_directstream_entry_t *
ngx_directstream_journal_entry(ngx_directstream_sh_t *sh, const char *name,
    ngx_directstream_entry_e type, const char *message)
{
    uint64_t                   id;
    ngx_directstream_entry_t  *entry;

    id = sh->logged + 1;
    entry = &sh->log[id % NGX_DIRECTSTREAM_JOURNAL];

    ngx_memzero(entry, sizeof(ngx_directstream_entry_t));

    entry->id = id;
    entry->at = ngx_directstream_now();
    entry->type = type;
    ngx_directstream_journal_text(entry->stream, name,
                                  sizeof(entry->stream));
    ngx_directstream_journal_text(entry->message, message,
                                  sizeof(entry->message));

    return entry;
}


/* cut at a character */

static void
ngx_directstream_journal_text(char *dst, const char *src, size_t size)
{
    size_t  len;

    len = strlen(src);

    if (len >= size) {
        len = size - 1;

        while (len != 0 && (src[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    ngx_memcpy(dst, src, len);
    dst[len] = '\0';
}


/* is another item on air, or the same one anew? */

static ngx_uint_t
ngx_directstream_journal_item(ngx_directstream_node_t *node)
{
    ds_status_t               *st;
    ngx_directstream_noted_t  *was;

    st = &node->info.status;
    was = &node->noted;

    if (!st->has_item) {
        return 0;
    }

    /* its place in the list may change, and the same one may follow itself */

    return !was->has_item || st->copied + st->encoded != was->aired;
}


uint64_t
ngx_directstream_journal_last(ngx_directstream_conf_t *dcf)
{
    uint64_t  id;

    ngx_shmtx_lock(&dcf->shpool->mutex);
    id = dcf->sh->logged;
    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return id;
}


ngx_uint_t
ngx_directstream_journal_get(ngx_directstream_conf_t *dcf, uint64_t since,
    ngx_directstream_entry_t *entries, ngx_uint_t n)
{
    uint64_t                   id;
    ngx_uint_t                 i;
    ngx_directstream_sh_t     *sh;
    ngx_directstream_entry_t  *entry;

    sh = dcf->sh;
    i = 0;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    /* the oldest place is being written to when its writer is killed */

    id = sh->logged - (NGX_DIRECTSTREAM_JOURNAL - 2);

    if (since >= id && since <= sh->logged) {
        id = since + 1;
    }

    for ( /* void */ ; id <= sh->logged && i < n; id++) {
        entry = &sh->log[id % NGX_DIRECTSTREAM_JOURNAL];

        if (entry->id == id) {
            entries[i++] = *entry;
        }
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    return i;
}
