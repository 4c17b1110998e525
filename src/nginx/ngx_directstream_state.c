
/*
 * ngx_directstream_state.c: the zone, the state path and the store in it,
 * before the workers start: made and brought to this build's version as the
 * workers' user, and read when the zone is a new one.
 */

#include "ngx_directstream.h"

#include <dirent.h>
#include <sys/stat.h>


typedef struct {
    ngx_directstream_conf_t *dcf;
    ngx_uint_t               full;
    ds_store_t              *store;
    ds_error_t              *err;
    int                      rc;
} ngx_directstream_load_t;


/* what the master was before it became the workers' user */

typedef struct {
    ngx_uid_t                user;          /* unset: it is not root */
    gid_t                    egid;
    mode_t                   mask;
} ngx_directstream_guise_t;


static ngx_uint_t ngx_directstream_state_within(ngx_directstream_conf_t *dcf);
static ngx_int_t ngx_directstream_state_path(ngx_cycle_t *cycle,
    const char *name, u_char *path, ngx_uid_t user);
static ngx_int_t ngx_directstream_state_take(ngx_cycle_t *cycle,
    const char *name, u_char *dir, int fd, ngx_uid_t user);
static ngx_uint_t ngx_directstream_state_empty(int fd);
static ngx_int_t ngx_directstream_state_owner(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle, ngx_uid_t user);
static ngx_int_t ngx_directstream_state_enter(ngx_cycle_t *cycle,
    ngx_directstream_guise_t *g);
static void ngx_directstream_state_leave(ngx_cycle_t *cycle,
    ngx_directstream_guise_t *g);
static ngx_int_t ngx_directstream_state_open(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle, ngx_uint_t fresh);
static ngx_int_t ngx_directstream_state_load(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle, const char *path, ngx_uint_t fresh);
static int ngx_directstream_state_join(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle, ds_store_t *store, const char *path,
    ds_error_t *err);
static void ngx_directstream_state_stream(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);
static void ngx_directstream_state_missed(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);
static int ngx_directstream_state_items(ngx_directstream_conf_t *dcf,
    ds_store_t *store, const char *name, ds_error_t *err);
static int ngx_directstream_state_write(ngx_directstream_conf_t *dcf,
    ds_store_t *store, ds_error_t *err);
static void ngx_directstream_state_put(void *data,
    ngx_directstream_info_t *info);
static void ngx_directstream_state_gone(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);


void
ngx_directstream_state_db(ngx_directstream_conf_t *dcf, u_char *path)
{
    (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/state.db%Z",
                        &dcf->state_path);
}


/* an error here still refuses a reload */

ngx_int_t
ngx_directstream_state_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_directstream_conf_t *dcf = shm_zone->data;

    ngx_int_t                 rc;
    ngx_uid_t                 user;
    ngx_uint_t                within;
    const char               *before;
    ngx_cycle_t              *cycle;
    ngx_core_conf_t          *ccf;
    ngx_directstream_guise_t  g;

    if (ngx_directstream_zone_init(shm_zone, data) != NGX_OK) {
        return NGX_ERROR;
    }

    cycle = dcf->cycle;
    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                           ngx_core_module);
    user = (geteuid() == 0) ? ccf->user : (ngx_uid_t) NGX_CONF_UNSET_UINT;
    within = ngx_directstream_state_within(dcf);

    /* who is not root cannot tell what root would find */

    if (ngx_test_config && geteuid() != 0) {
        return NGX_OK;
    }

    if (ngx_directstream_state_path(cycle, "state_path",
                                    dcf->state_path.data, user)
        != NGX_OK
        || (!within
            && ngx_directstream_state_path(cycle, "cache_path",
                                           dcf->cache_path.data, user)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    before = (dcf->old_zone != NULL) ? ngx_directstream_zone_path(dcf) : NULL;

    if (before != NULL
        && ngx_directstream_owner_before(before, cycle->log) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (ngx_directstream_state_owner(dcf, cycle, user) != NGX_OK
        || ngx_directstream_state_enter(cycle, &g) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (within) {
        rc = ngx_directstream_state_path(cycle, "cache_path",
                                         dcf->cache_path.data,
                                         (ngx_uid_t) NGX_CONF_UNSET_UINT);
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_state_open(dcf, cycle, data == NULL);
    }

    ngx_directstream_state_leave(cycle, &g);

    return rc;
}


/* where the workers' user may have put anything, root must not follow it */

static ngx_uint_t
ngx_directstream_state_within(ngx_directstream_conf_t *dcf)
{
    return ngx_strncmp(dcf->cache_path.data, dcf->state_path.data,
                       dcf->state_path.len)
           == 0
           && (dcf->cache_path.data[dcf->state_path.len] == '/'
               || dcf->state_path.data[dcf->state_path.len - 1] == '/');
}


/*
 * Made when it is missing.  What is there already is somebody's: it is taken
 * when it is the workers' user's, or empty, and no link to it is followed.
 */

static ngx_int_t
ngx_directstream_state_path(ngx_cycle_t *cycle, const char *name,
    u_char *path, ngx_uid_t user)
{
    int         fd;
    u_char      dir[NGX_MAX_PATH], *p;
    ngx_err_t   err;
    ngx_int_t   rc;

    /* a slash at the end would be followed */

    p = ngx_cpystrn(dir, path, NGX_MAX_PATH);

    while (p - dir > 1 && p[-1] == '/') {
        *--p = '\0';
    }

    if (!ngx_test_config
        && ngx_create_dir(dir, 0700) == NGX_FILE_ERROR
        && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      ngx_create_dir_n " \"%s\" failed", dir);
        return NGX_ERROR;
    }

    fd = open((char *) dir, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        err = ngx_errno;

        if (ngx_test_config && (err == NGX_ENOENT || err == NGX_EACCES)) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, cycle->log, err,
                      "\"%s\" \"%s\" cannot be opened, it must be a "
                      "directory, and no symbolic link", name, dir);
        return NGX_ERROR;
    }

    rc = ngx_directstream_state_take(cycle, name, dir, fd, user);

    (void) close(fd);

    return rc;
}


static ngx_int_t
ngx_directstream_state_take(ngx_cycle_t *cycle, const char *name, u_char *dir,
    int fd, ngx_uid_t user)
{
    uid_t        owner;
    struct stat  st;

    owner = (user != (ngx_uid_t) NGX_CONF_UNSET_UINT) ? user : geteuid();

    if (fstat(fd, &st) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "fstat(\"%s\") failed", dir);
        return NGX_ERROR;
    }

    if (st.st_mode & S_IWOTH) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%s\" \"%s\" must be a directory of its own, not "
                      "writable by others", name, dir);
        return NGX_ERROR;
    }

    if (st.st_uid != owner && !ngx_directstream_state_empty(fd)) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "\"%s\" \"%s\" is not empty and belongs to user %d, it "
                      "must be a directory of its own: name another, or make "
                      "it the workers' (user %d) by chown", name, dir,
                      (int) st.st_uid, (int) owner);
        return NGX_ERROR;
    }

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (st.st_uid != owner && fchown(fd, owner, -1) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "fchown(\"%s\") failed", dir);
        return NGX_ERROR;
    }

    if ((st.st_mode & S_IRWXU) != S_IRWXU
        && fchmod(fd, (st.st_mode & 07777) | S_IRWXU) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "fchmod(\"%s\") failed", dir);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* but for what a file system of its own has at its root */

static ngx_uint_t
ngx_directstream_state_empty(int fd)
{
    int             copy;
    DIR            *dir;
    ngx_uint_t      empty;
    struct dirent  *de;

    copy = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = (copy != -1) ? fdopendir(copy) : NULL;

    if (dir == NULL) {
        if (copy != -1) {
            (void) close(copy);
        }

        return 0;
    }

    empty = 1;

    while (empty && (de = readdir(dir)) != NULL) {
        empty = (ngx_strcmp(de->d_name, ".") == 0
                 || ngx_strcmp(de->d_name, "..") == 0
                 || ngx_strcmp(de->d_name, "lost+found") == 0);
    }

    (void) closedir(dir);

    return empty;
}


/*
 * Its files are the workers', also when root has made one by hand.  None is
 * opened but as a path: a close() would drop the process's locks on it.
 */

static ngx_int_t
ngx_directstream_state_owner(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle,
    ngx_uid_t user)
{
    int                       fd, rc;
    u_char                    path[NGX_MAX_PATH];
    ngx_uint_t                i, foreign;
    struct stat               st;
    static const char *const  names[] = { "state.db", "state.db-wal",
                                          "state.db-shm", "owners.lock" };

    for (i = 0; i < 4; i++) {
        (void) ngx_snprintf(path, NGX_MAX_PATH, "%V/%s%Z", &dcf->state_path,
                            names[i]);

        fd = open((char *) path, O_PATH|O_NOFOLLOW|O_CLOEXEC);

        if (fd == -1) {
            continue;
        }

        ngx_memzero(&st, sizeof(struct stat));
        rc = fstat(fd, &st);

        foreign = (user != (ngx_uid_t) NGX_CONF_UNSET_UINT
                   && st.st_uid != user);

        if (rc == -1 || !S_ISREG(st.st_mode)
            || (foreign && st.st_nlink != 1))
        {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "\"%s\" is not a regular file of its own", path);
            rc = -1;

        } else if (foreign
                   && fchownat(fd, "", user, -1, AT_EMPTY_PATH) == -1)
        {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "fchownat(\"%s\") failed", path);
            rc = -1;
        }

        (void) close(fd);

        if (rc == -1) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * The workers' user owns the directory, so a master that is root must not
 * follow what it finds there; and what it makes has to be the workers'.
 */

static ngx_int_t
ngx_directstream_state_enter(ngx_cycle_t *cycle, ngx_directstream_guise_t *g)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                           ngx_core_module);

    g->egid = getegid();
    g->user = (ngx_uid_t) NGX_CONF_UNSET_UINT;

    if (geteuid() == 0
        && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && ccf->user != 0)
    {
        if (setegid(ccf->group) == -1 || seteuid(ccf->user) == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "seteuid(%d) failed", (int) ccf->user);

            if (setegid(g->egid) == -1) {
                ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                              "setegid(%d) failed", (int) g->egid);
            }

            return NGX_ERROR;
        }

        g->user = ccf->user;
    }

    g->mask = umask(0077);

    return NGX_OK;
}


static void
ngx_directstream_state_leave(ngx_cycle_t *cycle, ngx_directstream_guise_t *g)
{
    (void) umask(g->mask);

    if (g->user == (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        return;
    }

    if (seteuid(0) == -1 || setegid(g->egid) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "seteuid(0) failed");
    }
}


static ngx_int_t
ngx_directstream_state_open(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle,
    ngx_uint_t fresh)
{
    int         rc;
    u_char      path[NGX_MAX_PATH];
    ds_error_t  err;

    ngx_directstream_state_db(dcf, path);

    rc = ds_store_migrate((char *) path, -1, &err);

    if (rc != DS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "directstream: store \"%s\" cannot be used: %s: %s",
                      path, ds_error_code(rc), err.message);
        return NGX_ERROR;
    }

    if (err.code == DS_ESTORE_CORRUPT) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "directstream: store begins anew: %s", err.message);
        dcf->refill = !fresh;
    }

    /* a zone that goes on may lack what another nginx has made meanwhile */

    return ngx_directstream_state_load(dcf, cycle, (char *) path, fresh);
}


static ngx_int_t
ngx_directstream_state_load(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle,
    const char *path, ngx_uint_t fresh)
{
    int                       rc;
    ds_error_t                err;
    ds_store_t               *store;
    ngx_directstream_load_t   load;
    ngx_directstream_node_t  *node;

    store = ds_store_open(path, true, &err);

    if (store == NULL) {
        rc = err.code;
        goto failed;
    }

    rc = ngx_directstream_state_join(dcf, cycle, store, path, &err);

    if (rc != DS_OK) {
        ds_store_close(&store);

        if (rc == DS_ESTORE_EXISTS) {
            return NGX_ERROR;
        }

        goto failed;
    }

    load.dcf = dcf;
    load.full = 0;

    rc = ds_store_each(store, fresh ? ngx_directstream_state_stream
                                    : ngx_directstream_state_missed,
                       &load, &err);

    if (rc == DS_OK && load.full && fresh) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "zone \"%V\" is too small for the streams in \"%s\"",
                      &dcf->zone_name, path);
        ds_store_close(&store);
        return NGX_ERROR;
    }

    for (node = dcf->sh->streams;
         rc == DS_OK && fresh && node != NULL;
         node = node->next)
    {
        rc = ngx_directstream_state_items(dcf, store, node->info.def.name,
                                          &err);
    }

    ds_store_close(&store);

    if (rc == DS_OK) {
        return NGX_OK;
    }

failed:

    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                  "directstream: store \"%s\" cannot be read: %s: %s",
                  path, ds_error_code(rc), err.message);

    return NGX_ERROR;
}


/*
 * Where nodes share their streams, the copy here is made anew.  Without etcd
 * it is as it was, which is better than nothing.  DS_ESTORE_EXISTS: there are
 * streams here that the others have never heard of, and nothing is lost.
 */

static int
ngx_directstream_state_join(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle,
    ds_store_t *store, const char *path, ds_error_t *err)
{
    int       rc;
    uint32_t  n;

    if (dcf->cluster.endpoints == NULL) {
        return DS_OK;
    }

    rc = ds_store_join(store, &dcf->cluster, err);

    if (rc == DS_OK) {
        rc = ds_store_unshared(store, &n, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    if (n != 0) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "directstream: %ui streams in \"%s\" are this node's "
                      "alone, and \"cluster\" would drop them: "
                      "\"directstream-schema import\" takes them there",
                      (ngx_uint_t) n, path);
        return DS_ESTORE_EXISTS;
    }

    rc = ds_store_refresh(store, NULL, err);

    if (rc == DS_ECLUSTER_LOST || rc == DS_ECLUSTER_DENIED
        || rc == DS_ECLUSTER_REFUSED)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "directstream: the cluster cannot be read, its streams "
                      "are what was known last: %s: %s", ds_error_code(rc),
                      err->message);
        return DS_OK;
    }

    return rc;
}


static void
ngx_directstream_state_stream(void *data, const ds_stored_t *def,
    const ds_progress_t *progress)
{
    ngx_directstream_load_t *load = data;

    ngx_directstream_info_t   info;
    ngx_directstream_conf_t  *dcf;

    dcf = load->dcf;

    ngx_memzero(&info, sizeof(ngx_directstream_info_t));

    info.def = def->def;
    /* of a file that is another node's: it is here as one of the API is */
    info.fixed = (def->is_static && dcf->cluster.endpoints == NULL);
    info.revision = def->revision;
    info.running = def->running;
    info.status.state = DS_STOPPED;
    info.status.since = ngx_directstream_now();
    info.status.progress = *progress;

    ngx_shmtx_lock(&dcf->shpool->mutex);

    info.epoch = ++dcf->sh->serial;

    ngx_directstream_change_ended(&info);

    if (ngx_directstream_zone_insert(dcf, &info) == NULL) {
        load->full = 1;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


/*
 * The zone is in use: a row that it has not got may be about to be deleted,
 * and is what a dead writer has left, for the relay worker to settle.
 */

static void
ngx_directstream_state_missed(void *data, const ds_stored_t *def,
    const ds_progress_t *progress)
{
    ngx_directstream_load_t *load = data;

    ngx_directstream_info_t    info;
    ngx_directstream_conf_t   *dcf;
    ngx_directstream_node_t  **link;

    (void) progress;

    if (def->is_static) {
        return;
    }

    dcf = load->dcf;

    ngx_memzero(&info, sizeof(ngx_directstream_info_t));

    info.def = def->def;
    info.reserved = 1;
    info.writer = NGX_DIRECTSTREAM_NOBODY;
    info.status.state = DS_STOPPED;
    info.status.since = ngx_directstream_now();

    ngx_shmtx_lock(&dcf->shpool->mutex);

    link = ngx_directstream_zone_place(dcf->sh, def->def.name);

    if ((*link == NULL
         || ngx_strcmp((*link)->info.def.name, def->def.name) != 0)
        && ngx_directstream_zone_insert(dcf, &info) == NULL)
    {
        load->full = 1;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);
}


static int
ngx_directstream_state_items(ngx_directstream_conf_t *dcf, ds_store_t *store,
    const char *name, ds_error_t *err)
{
    int                       rc;
    size_t                    i, n;
    uint32_t                  offset, total;
    ds_item_t                 items[NGX_DIRECTSTREAM_BATCH];
    ngx_uint_t                full;
    ngx_directstream_node_t  *node;

    rc = ds_store_queue_count(store, name, &total, err);

    if (rc != DS_OK) {
        return rc;
    }

    ngx_shmtx_lock(&dcf->shpool->mutex);

    node = ngx_directstream_zone_find(dcf->sh, name);

    if (node != NULL) {
        node->info.queued = total;
    }

    ngx_shmtx_unlock(&dcf->shpool->mutex);

    offset = 0;

    do {
        n = NGX_DIRECTSTREAM_BATCH;

        rc = ds_store_get_items(store, name, offset, items, &n,
                                offset == 0 ? &total : NULL, err);

        if (rc != DS_OK || n == 0) {
            return rc;
        }

        ngx_shmtx_lock(&dcf->shpool->mutex);

        node = ngx_directstream_zone_find(dcf->sh, name);

        for (i = 0; node != NULL && i < n; i++) {

            if (items[i].state == DS_ITEM_PLAYING
                || items[i].state == DS_ITEM_NEXT)
            {
                items[i].state = DS_ITEM_PENDING;
            }

            ngx_directstream_items_put(dcf, &node->items, &items[i]);
            node->info.status.count = total;
        }

        /* what the zone has no room for is not read either */
        full = (node == NULL || node->items.truncated);

        ngx_shmtx_unlock(&dcf->shpool->mutex);

        offset = items[n - 1].index + 1;

    } while (!full && n == NGX_DIRECTSTREAM_BATCH);

    return DS_OK;
}


/*
 * After the zone has got what the configuration says, in the master.  It is
 * too late to refuse the configuration: the next reload tries again.
 */

void
ngx_directstream_state_sync(ngx_directstream_conf_t *dcf, ngx_cycle_t *cycle)
{
    int                       rc;
    u_char                    path[NGX_MAX_PATH];
    ds_error_t                err;
    ds_store_t               *store;
    ngx_directstream_guise_t  g;

    if (ngx_directstream_state_enter(cycle, &g) != NGX_OK) {
        return;
    }

    ngx_directstream_state_db(dcf, path);

    store = ds_store_open((char *) path, true, &err);
    rc = err.code;

    if (store != NULL) {
        rc = ds_store_join(store, &dcf->cluster, &err);

        if (rc == DS_OK) {
            rc = ngx_directstream_state_write(dcf, store, &err);
        }

        ds_store_close(&store);
    }

    ngx_directstream_state_leave(cycle, &g);

    if (rc != DS_OK) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "directstream: store \"%s\" was not told of the "
                      "configuration's streams: %s: %s", path,
                      ds_error_code(rc), err.message);
    }
}


static int
ngx_directstream_state_write(ngx_directstream_conf_t *dcf, ds_store_t *store,
    ds_error_t *err)
{
    int                       rc;
    char                     *gone;
    ngx_uint_t                i;
    ngx_array_t               names;
    ngx_directstream_info_t   info;
    ngx_directstream_load_t   load;

    if (ngx_array_init(&names, dcf->cycle->pool, 4, DS_NAME_LEN + 1)
        != NGX_OK)
    {
        ngx_memzero(err, sizeof(ds_error_t));
        return DS_ENOMEM;
    }

    rc = ds_store_begin(store, err);
    if (rc != DS_OK) {
        return rc;
    }

    /* nothing else is static any more, unless in another node's file */

    if (dcf->cluster.endpoints == NULL) {
        rc = ds_store_each(store, ngx_directstream_state_gone, &names, err);
    }

    for (i = 0; rc == DS_OK && i < names.nelts; i++) {
        gone = (char *) names.elts + i * (DS_NAME_LEN + 1);

        if (ngx_directstream_zone_get(dcf, gone, &info) != NGX_OK) {
            rc = ds_store_delete(store, gone, err);
        }
    }

    load.dcf = dcf;
    load.store = store;
    load.err = err;
    load.rc = rc;

    if (ngx_directstream_zone_each(dcf, dcf->cycle->pool,
                                   ngx_directstream_state_put, &load)
        != NGX_OK)
    {
        load.rc = DS_ENOMEM;
    }

    rc = load.rc;

    if (rc == DS_OK) {
        return ds_store_commit(store, err);
    }

    ds_store_rollback(store);

    return rc;
}


static void
ngx_directstream_state_put(void *data, ngx_directstream_info_t *info)
{
    ngx_directstream_load_t *load = data;

    ds_stored_t  stored, shared;

    if (load->rc != DS_OK
        || (!info->fixed && !(load->dcf->refill && info->writer == 0)))
    {
        return;
    }

    stored.def = info->def;
    stored.is_static = info->fixed;
    stored.running = info->running;

    stored.revision = 0;

    /* what is wished of it, others may have changed */

    if (load->dcf->cluster.endpoints != NULL) {
        load->rc = ds_store_refresh(load->store, info->def.name, load->err);

        if (load->rc != DS_OK) {
            return;
        }

        if (ds_store_get(load->store, info->def.name, &shared, load->err)
            == DS_OK)
        {
            stored.running = shared.running;
        }
    }

    load->rc = ds_store_put(load->store, &stored, load->err);
}


static void
ngx_directstream_state_gone(void *data, const ds_stored_t *def,
    const ds_progress_t *progress)
{
    ngx_array_t *names = data;

    char  *name;

    (void) progress;

    if (!def->is_static) {
        return;
    }

    name = ngx_array_push(names);

    if (name != NULL) {
        ngx_memcpy(name, def->def.name, DS_NAME_LEN + 1);
    }
}
