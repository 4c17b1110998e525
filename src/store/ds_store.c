
/*
 * ds_store.c: the store in SQLite: what is read and written, by statements
 * of ds_store_schema.c.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "store/ds_store_db.h"


static int ds_store_run_one(ds_store_t *store, sqlite3_stmt *st,
    ds_error_t *err);
static int ds_store_drop_ended(ds_store_t *store, const char *name,
    ds_error_t *err);
static int ds_store_define(ds_store_t *store, ds_sql_e sql,
    const ds_stored_t *def, ds_error_t *err);


ds_store_t *
ds_store_open(const char *path, bool durable, ds_error_t *err)
{
    int          rc;
    ds_store_t  *store;

    ds_error_clear(err);

    store = calloc(1, sizeof(ds_store_t));
    if (store == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    store->lock = (pthread_mutex_t) PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

    rc = sqlite3_open_v2(path, &store->db,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        (void) sqlite3_extended_result_codes(store->db, 1);
        (void) sqlite3_busy_timeout(store->db, durable ? DS_BUSY_DURABLE
                                                       : DS_BUSY_QUICK);

        rc = sqlite3_exec(store->db, durable
                          ? "PRAGMA foreign_keys = ON; "
                            "PRAGMA synchronous = FULL"
                          : "PRAGMA foreign_keys = ON; "
                            "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    }

    if (rc != SQLITE_OK) {
        (void) ds_store_fail(store->db, rc, err);
        ds_store_close(&store);
    }

    return store;
}


void
ds_store_close(ds_store_t **pstore)
{
    int          i;
    ds_store_t  *store;

    store = *pstore;
    if (store == NULL) {
        return;
    }

    *pstore = NULL;

    for (i = 0; i < DS_SQL_LAST; i++) {
        (void) sqlite3_finalize(store->stmt[i]);
    }

    (void) sqlite3_close(store->db);
    (void) pthread_mutex_destroy(&store->lock);

    free(store);
}


sqlite3_stmt *
ds_store_stmt(ds_store_t *store, ds_sql_e sql, const char *name,
    ds_error_t *err)
{
    int            rc, moved;
    sqlite3_stmt  *st;

    ds_error_clear(err);

    (void) pthread_mutex_lock(&store->lock);

    /* what is written to a file that has no name any more is lost */

    moved = 0;

    if (sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved)
        == SQLITE_OK && moved)
    {
        (void) ds_fail(err, DS_ESTORE_FAILED, "the database was removed or "
                       "replaced");
        (void) pthread_mutex_unlock(&store->lock);
        return NULL;
    }

    if (store->stmt[sql] == NULL) {
        rc = sqlite3_prepare_v3(store->db, ds_store_sql[sql], -1,
                                SQLITE_PREPARE_PERSISTENT, &store->stmt[sql],
                                NULL);
        if (rc != SQLITE_OK) {
            (void) ds_store_fail(store->db, rc, err);
            (void) pthread_mutex_unlock(&store->lock);
            return NULL;
        }
    }

    st = store->stmt[sql];

    if (name != NULL) {
        (void) sqlite3_bind_text(st, 1, name, -1, SQLITE_TRANSIENT);
    }

    return st;
}


void
ds_store_done(ds_store_t *store, sqlite3_stmt *st)
{
    (void) sqlite3_reset(st);
    (void) sqlite3_clear_bindings(st);

    (void) pthread_mutex_unlock(&store->lock);
}


int
ds_store_run(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err)
{
    int  rc;

    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_DONE || rc == SQLITE_ROW) {
        rc = DS_OK;
    } else {
        rc = ds_store_fail(store->db, rc, err);
    }

    ds_store_done(store, st);

    return rc;
}


/* the same for a statement that has to change a row */

static int
ds_store_run_one(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err)
{
    int  rc;

    (void) pthread_mutex_lock(&store->lock);

    rc = ds_store_run(store, st, err);

    if (rc == DS_OK && sqlite3_changes(store->db) == 0) {
        rc = ds_fail(err, DS_ESTORE_NOT_FOUND, "no such stream");
    }

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


/* a transaction of its own, unless one is open */

static int
ds_store_define(ds_store_t *store, ds_sql_e sql, const ds_stored_t *def,
    ds_error_t *err)
{
    int            rc;
    bool           own;
    sqlite3_stmt  *st;

    (void) pthread_mutex_lock(&store->lock);

    own = sqlite3_get_autocommit(store->db);
    rc = own ? ds_store_begin(store, err) : DS_OK;

    if (rc != DS_OK) {
        goto done;
    }

    st = ds_store_stmt(store, sql, def->def.name, err);

    if (st != NULL) {
        ds_store_bind(st, 1, ds_columns_def, def);
    }

    rc = ds_store_run(store, st, err);

    if (rc == DS_OK) {
        st = ds_store_stmt(store, DS_SQL_PUT_SETTING, def->def.name, err);

        if (st != NULL) {
            ds_store_bind(st, 2, ds_columns_setting, def);
        }

        rc = ds_store_run(store, st, err);
    }

    if (!own) {
        goto done;
    }

    if (rc == DS_OK) {
        rc = ds_store_commit(store, err);

    } else {
        ds_store_rollback(store);
    }

done:

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


int
ds_store_create(ds_store_t *store, const ds_stored_t *def, ds_error_t *err)
{
    return ds_store_define(store, DS_SQL_CREATE, def, err);
}


int
ds_store_put(ds_store_t *store, const ds_stored_t *def, ds_error_t *err)
{
    return ds_store_define(store, DS_SQL_PUT, def, err);
}


int
ds_store_delete(ds_store_t *store, const char *name, ds_error_t *err)
{
    return ds_store_run(store, ds_store_stmt(store, DS_SQL_DELETE, name, err),
                        err);
}


int
ds_store_get(ds_store_t *store, const char *name, ds_stored_t *def,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_GET, name, err);
    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        ds_store_read_def(st, def);
        rc = DS_OK;

    } else if (rc == SQLITE_DONE) {
        rc = ds_fail(err, DS_ESTORE_NOT_FOUND, "no such stream");

    } else {
        rc = ds_store_fail(store->db, rc, err);
    }

    ds_store_done(store, st);

    return rc;
}


/*
 * The dead writer's pages are in the WAL, but not in its index: they would be
 * seen again after the next recovery.  A write of our own goes over them.
 */

int
ds_store_fence(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = ds_store_begin(store, err);
    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_run(store, ds_store_stmt(store, DS_SQL_FENCE, NULL, err),
                      err);

    if (rc == DS_OK) {
        rc = ds_store_run(store, ds_store_stmt(store, DS_SQL_UNFENCE, NULL,
                                               err), err);
    }

    if (rc == DS_OK) {
        return ds_store_commit(store, err);
    }

    ds_store_rollback(store);

    return rc;
}


/* who starts what has ended wants it from the beginning, also after a crash */

int
ds_store_set_running(ds_store_t *store, const char *name, bool running,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    (void) pthread_mutex_lock(&store->lock);

    rc = ds_store_begin(store, err);

    if (rc == DS_OK) {
        st = ds_store_stmt(store, DS_SQL_SET_RUNNING, name, err);

        if (st != NULL) {
            (void) sqlite3_bind_int(st, 2, running);
        }

        rc = ds_store_run_one(store, st, err);

        if (rc == DS_OK && running) {
            rc = ds_store_drop_ended(store, name, err);
        }

        if (rc == DS_OK) {
            rc = ds_store_commit(store, err);

        } else {
            ds_store_rollback(store);
        }
    }

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


static int
ds_store_drop_ended(ds_store_t *store, const char *name, ds_error_t *err)
{
    return ds_store_run(store, ds_store_stmt(store, DS_SQL_DROP_ENDED, name,
                                             err), err);
}


int
ds_store_each(ds_store_t *store, ds_store_pt each, void *data,
    ds_error_t *err)
{
    int             rc;
    ds_stored_t    *def;
    sqlite3_stmt   *st;
    ds_progress_t   progress;

    st = ds_store_stmt(store, DS_SQL_EACH, NULL, err);
    if (st == NULL) {
        return err->code;
    }

    def = malloc(sizeof(ds_stored_t));
    if (def == NULL) {
        ds_store_done(store, st);
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        ds_store_read_def(st, def);
        ds_store_read_progress(st, DS_COLUMN_PROGRESS, &progress);
        each(data, def, &progress);
    }

    rc = rc == SQLITE_DONE ? DS_OK : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);
    free(def);

    return rc;
}


int
ds_store_begin(ds_store_t *store, ds_error_t *err)
{
    return ds_store_run(store, ds_store_stmt(store, DS_SQL_BEGIN, NULL, err),
                        err);
}


int
ds_store_commit(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = ds_store_run(store, ds_store_stmt(store, DS_SQL_COMMIT, NULL, err),
                      err);
    if (rc != DS_OK) {
        ds_store_rollback(store);
    }

    return rc;
}


void
ds_store_rollback(ds_store_t *store)
{
    if (!sqlite3_get_autocommit(store->db)) {
        (void) sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
}


int
ds_store_put_progress(ds_store_t *store, const char *name, int64_t run,
    const ds_progress_t *p, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_PUT_PROGRESS, name, err);

    if (st != NULL) {
        (void) sqlite3_bind_text(st, 2, ds_state_name(p->state), -1,
                                 SQLITE_STATIC);
        (void) sqlite3_bind_int64(st, 3, p->index);
        (void) sqlite3_bind_text(st, 4, p->id, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(st, 5, p->position);
        (void) sqlite3_bind_int64(st, 6, (sqlite3_int64) p->seed);
        (void) sqlite3_bind_int64(st, 7, p->pass);
        (void) sqlite3_bind_int64(st, 8, p->at);
        (void) sqlite3_bind_int64(st, 9, run);
    }

    return ds_store_run(store, st, err);
}


int
ds_store_get_progress(ds_store_t *store, const char *name, ds_progress_t *p,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(p, 0, sizeof(ds_progress_t));

    st = ds_store_stmt(store, DS_SQL_GET_PROGRESS, name, err);
    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        ds_store_read_progress(st, 0, p);
        rc = DS_OK;

    } else {
        rc = rc == SQLITE_DONE ? DS_OK : ds_store_fail(store->db, rc, err);
    }

    ds_store_done(store, st);

    return rc;
}


int
ds_store_put_items(ds_store_t *store, const char *name, int64_t run,
    const ds_item_t *items, size_t n, ds_error_t *err)
{
    int            rc;
    size_t         i;
    sqlite3_stmt  *st;

    for (i = 0; i < n; i++) {
        st = ds_store_stmt(store, DS_SQL_PUT_ITEM, name, err);

        if (st != NULL) {
            ds_store_bind(st, 2, ds_columns_item, &items[i]);
            (void) sqlite3_bind_int64(st, 9, run);
        }

        rc = ds_store_run(store, st, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    return DS_OK;
}


int
ds_store_trim_items(ds_store_t *store, const char *name, uint32_t count,
    ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_TRIM_ITEMS, name, err);

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 2, count);
    }

    return ds_store_run(store, st, err);
}


int
ds_store_get_items(ds_store_t *store, const char *name, uint32_t offset,
    ds_item_t *items, size_t *n, uint32_t *total, ds_error_t *err)
{
    int            rc;
    size_t         i;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_COUNT_ITEMS, name, err);
    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);
    *total = rc == SQLITE_ROW ? (uint32_t) sqlite3_column_int64(st, 0) : 0;

    if (rc != SQLITE_ROW) {
        rc = ds_store_fail(store->db, rc, err);
        ds_store_done(store, st);
        return rc;
    }

    ds_store_done(store, st);

    st = ds_store_stmt(store, DS_SQL_GET_ITEMS, name, err);
    if (st == NULL) {
        return err->code;
    }

    (void) sqlite3_bind_int64(st, 2, offset);
    (void) sqlite3_bind_int64(st, 3, (sqlite3_int64) *n);

    for (i = 0; (rc = sqlite3_step(st)) == SQLITE_ROW && i < *n; i++) {
        ds_store_read(st, 0, ds_columns_item, &items[i]);
    }

    *n = i;

    rc = rc == SQLITE_DONE || rc == SQLITE_ROW
         ? DS_OK : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);

    return rc;
}


int
ds_store_begin_run(ds_store_t *store, const char *name, int64_t *run,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = ds_store_run(store, ds_store_stmt(store, DS_SQL_END_CRASHED, name,
                                           err), err);
    if (rc == DS_OK) {
        rc = ds_store_drop_ended(store, name, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    st = ds_store_stmt(store, DS_SQL_BEGIN_RUN, name, err);

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 2, ds_now());
    }

    rc = ds_store_run(store, st, err);

    /* the relay is this handle's only user between its begin and commit */
    *run = sqlite3_last_insert_rowid(store->db);

    return rc;
}


int
ds_store_end_run(ds_store_t *store, int64_t run, const ds_status_t *status,
    ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_END_RUN, NULL, err);

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 1, run);
        (void) sqlite3_bind_int64(st, 2, ds_now());
        (void) sqlite3_bind_text(st, 3, ds_state_name(status->state), -1,
                                 SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 4, ds_error_code(status->error.code), -1,
                                 SQLITE_STATIC);
        (void) sqlite3_bind_text(st, 5, status->error.message, -1,
                                 SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(st, 6, (sqlite3_int64) status->played);
        (void) sqlite3_bind_int64(st, 7, (sqlite3_int64) status->failed);
        (void) sqlite3_bind_int64(st, 8, (sqlite3_int64) status->skipped);
        (void) sqlite3_bind_int64(st, 9, status->dead_air);
    }

    return ds_store_run(store, st, err);
}
