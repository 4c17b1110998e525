
/*
 * ds_store.c: the store in SQLite: what is read and written, by statements
 * of ds_store_schema.c.  What is kept as a row is bound to them and read from
 * them by tables, in the order of the columns there.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "store/ds_store_db.h"


struct ds_store_s {
    pthread_mutex_t   lock;             /* over each call; recursive */
    sqlite3          *db;
    sqlite3_stmt     *stmt[DS_SQL_LAST];
};


typedef enum {
    DS_COLUMN_END = 0,
    DS_COLUMN_TEXT,
    DS_COLUMN_NUMBER,                   /* a bool, 32 or 64 bits */
    DS_COLUMN_MODE,                     /* these by their names */
    DS_COLUMN_VIDEO,
    DS_COLUMN_STATE,
    DS_COLUMN_CODE
} ds_column_e;

typedef struct {
    ds_column_e  kind;
    size_t       offset;
    size_t       size;
} ds_column_t;


/* where the parts begin among the columns of DS_SQL_GET and DS_SQL_EACH */
#define DS_COLUMN_SETTING   9
#define DS_COLUMN_PROGRESS  20

#define ds_column(kind, type, field)                                          \
    { DS_COLUMN_ ## kind, offsetof(type, field),                              \
      sizeof(((type *) NULL)->field) }

#define ds_column_end  { DS_COLUMN_END, 0, 0 }


static const ds_column_t  ds_columns_def[] = {
    ds_column(TEXT, ds_stored_t, def.name),
    ds_column(TEXT, ds_stored_t, def.playlist),
    ds_column(MODE, ds_stored_t, def.mode),
    ds_column(TEXT, ds_stored_t, def.publish),
    ds_column(TEXT, ds_stored_t, def.push),
    ds_column(NUMBER, ds_stored_t, def.shuffle),
    ds_column(NUMBER, ds_stored_t, def.loop),
    ds_column(NUMBER, ds_stored_t, is_static),
    ds_column(NUMBER, ds_stored_t, running),
    ds_column_end
};

static const ds_column_t  ds_columns_setting[] = {
    ds_column(NUMBER, ds_stored_t, def.push_engine),
    ds_column(TEXT, ds_stored_t, def.slate),
    ds_column(VIDEO, ds_stored_t, def.profile.video),
    ds_column(NUMBER, ds_stored_t, def.profile.width),
    ds_column(NUMBER, ds_stored_t, def.profile.height),
    ds_column(NUMBER, ds_stored_t, def.profile.rate),
    ds_column(NUMBER, ds_stored_t, def.profile.video_bitrate),
    ds_column(NUMBER, ds_stored_t, def.profile.audio_bitrate),
    ds_column(NUMBER, ds_stored_t, def.profile.sample_rate),
    ds_column(NUMBER, ds_stored_t, def.profile.max_keyframe_interval),
    ds_column(NUMBER, ds_stored_t, def.max_item_duration),
    ds_column_end
};

static const ds_column_t  ds_columns_progress[] = {
    ds_column(STATE, ds_progress_t, state),
    ds_column(NUMBER, ds_progress_t, index),
    ds_column(TEXT, ds_progress_t, id),
    ds_column(NUMBER, ds_progress_t, position),
    ds_column(NUMBER, ds_progress_t, seed),
    ds_column(NUMBER, ds_progress_t, pass),
    ds_column(NUMBER, ds_progress_t, at),
    ds_column_end
};

static const ds_column_t  ds_columns_item[] = {
    ds_column(NUMBER, ds_item_t, index),
    ds_column(TEXT, ds_item_t, id),
    ds_column(TEXT, ds_item_t, title),
    ds_column(NUMBER, ds_item_t, duration),
    ds_column(NUMBER, ds_item_t, state),
    ds_column(CODE, ds_item_t, code),
    ds_column(TEXT, ds_item_t, reason),
    ds_column_end
};

static const ds_column_t  ds_columns_kept[] = {
    ds_column(TEXT, ds_kept_t, key),
    ds_column(TEXT, ds_kept_t, form),
    ds_column(TEXT, ds_kept_t, id),
    ds_column(TEXT, ds_kept_t, title),
    ds_column(TEXT, ds_kept_t, origin),
    ds_column(NUMBER, ds_kept_t, files),
    ds_column(NUMBER, ds_kept_t, size),
    ds_column(TEXT, ds_kept_t, sum[0]),
    ds_column(TEXT, ds_kept_t, sum[1]),
    ds_column(NUMBER, ds_kept_t, duration),
    ds_column(NUMBER, ds_kept_t, kept),
    ds_column(NUMBER, ds_kept_t, used),
    ds_column(NUMBER, ds_kept_t, uses),
    ds_column_end
};

static const ds_column_t  ds_columns_run[] = {
    ds_column(STATE, ds_status_t, state),
    ds_column(CODE, ds_status_t, error.code),
    ds_column(TEXT, ds_status_t, error.message),
    ds_column(NUMBER, ds_status_t, played),
    ds_column(NUMBER, ds_status_t, failed),
    ds_column(NUMBER, ds_status_t, skipped),
    ds_column(NUMBER, ds_status_t, dead_air),
    ds_column_end
};


static sqlite3_stmt *ds_store_stmt(ds_store_t *store, ds_sql_e sql,
    const char *name, ds_error_t *err);
static int ds_store_code(const ds_error_t *err);
static void ds_store_done(ds_store_t *store, sqlite3_stmt *st);
static int ds_store_run(ds_store_t *store, sqlite3_stmt *st,
    ds_error_t *err);
static int ds_store_do(ds_store_t *store, ds_sql_e sql, const char *name,
    ds_error_t *err);
static int ds_store_do_number(ds_store_t *store, ds_sql_e sql,
    const char *name, int64_t n, ds_error_t *err);
static int ds_store_write(ds_store_t *store, ds_sql_e sql, const char *name,
    int first, const ds_column_t *c, const void *row, int64_t run,
    ds_error_t *err);
static int ds_store_row(ds_store_t *store, sqlite3_stmt *st,
    ds_error_t *err);
static int ds_store_list(ds_store_t *store, sqlite3_stmt *st,
    const ds_column_t *c, void *rows, size_t size, size_t *n,
    ds_error_t *err);
static int ds_store_define(ds_store_t *store, ds_sql_e sql,
    const ds_stored_t *def, ds_error_t *err);
static int ds_store_end(ds_store_t *store, int rc, ds_error_t *err);
static void ds_store_bind(sqlite3_stmt *st, int first, const ds_column_t *c,
    const void *row);
static void ds_store_read(sqlite3_stmt *st, int first, const ds_column_t *c,
    void *row);
static int64_t ds_store_number(const void *field, size_t size);
static const char *ds_store_word(ds_column_e kind, int64_t n);
static int64_t ds_store_from_word(ds_column_e kind, const char *word);
static void ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored);
static void ds_store_read_progress(sqlite3_stmt *st, int column,
    ds_progress_t *p);


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


/*
 * A statement ready to be bound, "name" (may be NULL) bound as ?1, with the
 * lock held, which ds_store_done() lets go; NULL: it is not held.
 */

static sqlite3_stmt *
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


/* of ds_store_stmt() that has given none; "err" may be NULL */

static int
ds_store_code(const ds_error_t *err)
{
    return err == NULL ? DS_ESTORE_FAILED : err->code;
}


static void
ds_store_done(ds_store_t *store, sqlite3_stmt *st)
{
    (void) sqlite3_reset(st);
    (void) sqlite3_clear_bindings(st);

    (void) pthread_mutex_unlock(&store->lock);
}


/* a statement that gives no row */

static int
ds_store_run(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err)
{
    int  rc;

    if (st == NULL) {
        return ds_store_code(err);
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


static int
ds_store_do(ds_store_t *store, ds_sql_e sql, const char *name,
    ds_error_t *err)
{
    return ds_store_run(store, ds_store_stmt(store, sql, name, err), err);
}


static int
ds_store_do_number(ds_store_t *store, ds_sql_e sql, const char *name,
    int64_t n, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, sql, name, err);

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 2, n);
    }

    return ds_store_run(store, st, err);
}


/* a row, as parameters from "first" on; "run" as ?9, unless it is negative */

static int
ds_store_write(ds_store_t *store, ds_sql_e sql, const char *name, int first,
    const ds_column_t *c, const void *row, int64_t run, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, sql, name, err);

    if (st != NULL) {
        ds_store_bind(st, first, c, row);

        if (run >= 0) {
            (void) sqlite3_bind_int64(st, 9, run);
        }
    }

    return ds_store_run(store, st, err);
}


/* DS_OK: it can be read; else, DS_ESTORE_NOT_FOUND among it, all is done */

static int
ds_store_row(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err)
{
    int  rc;

    if (st == NULL) {
        return ds_store_code(err);
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        return DS_OK;
    }

    rc = rc == SQLITE_DONE
         ? ds_fail(err, DS_ESTORE_NOT_FOUND, "there is none of that name")
         : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);

    return rc;
}


/* "n" rows of "size" at most; *n: how many there were */

static int
ds_store_list(ds_store_t *store, sqlite3_stmt *st, const ds_column_t *c,
    void *rows, size_t size, size_t *n, ds_error_t *err)
{
    int     rc;
    size_t  i;

    for (i = 0; (rc = sqlite3_step(st)) == SQLITE_ROW && i < *n; i++) {
        ds_store_read(st, 0, c, (char *) rows + i * size);
    }

    *n = i;

    rc = rc == SQLITE_DONE || rc == SQLITE_ROW
         ? DS_OK : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);

    return rc;
}


/* a transaction of its own, unless one is open */

static int
ds_store_define(ds_store_t *store, ds_sql_e sql, const ds_stored_t *def,
    ds_error_t *err)
{
    int          rc;
    bool         own;
    const char  *name;

    name = def->def.name;

    (void) pthread_mutex_lock(&store->lock);

    own = sqlite3_get_autocommit(store->db);
    rc = own ? ds_store_begin(store, err) : DS_OK;

    if (rc != DS_OK) {
        goto done;
    }

    rc = ds_store_write(store, sql, name, 1, ds_columns_def, def, -1, err);

    if (rc == DS_OK) {
        rc = ds_store_write(store, DS_SQL_PUT_SETTING, name, 2,
                            ds_columns_setting, def, -1, err);
    }

    if (own) {
        rc = ds_store_end(store, rc, err);
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
    return ds_store_do(store, DS_SQL_DELETE, name, err);
}


int
ds_store_get(ds_store_t *store, const char *name, ds_stored_t *def,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_GET, name, err);
    rc = ds_store_row(store, st, err);

    if (rc == DS_OK) {
        ds_store_read_def(st, def);
        ds_store_done(store, st);
    }

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

    rc = ds_store_do(store, DS_SQL_FENCE, NULL, err);

    if (rc == DS_OK) {
        rc = ds_store_do(store, DS_SQL_UNFENCE, NULL, err);
    }

    return ds_store_end(store, rc, err);
}


/* who starts what has ended wants it from the beginning, also after a crash */

int
ds_store_set_running(ds_store_t *store, const char *name, bool running,
    ds_error_t *err)
{
    int  rc;

    (void) pthread_mutex_lock(&store->lock);

    rc = ds_store_begin(store, err);

    if (rc == DS_OK) {
        rc = ds_store_do_number(store, DS_SQL_SET_RUNNING, name, running, err);

        if (rc == DS_OK && sqlite3_changes(store->db) == 0) {
            rc = ds_fail(err, DS_ESTORE_NOT_FOUND, "no such stream");
        }

        if (rc == DS_OK && running) {
            rc = ds_store_do(store, DS_SQL_DROP_ENDED, name, err);
        }

        rc = ds_store_end(store, rc, err);
    }

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
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
        return ds_store_code(err);
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
    return ds_store_do(store, DS_SQL_BEGIN, NULL, err);
}


int
ds_store_commit(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = ds_store_do(store, DS_SQL_COMMIT, NULL, err);

    if (rc != DS_OK) {
        ds_store_rollback(store);
    }

    return rc;
}


/* what went well until now happens, the rest does not */

static int
ds_store_end(ds_store_t *store, int rc, ds_error_t *err)
{
    if (rc == DS_OK) {
        return ds_store_commit(store, err);
    }

    ds_store_rollback(store);

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
    return ds_store_write(store, DS_SQL_PUT_PROGRESS, name, 2,
                          ds_columns_progress, p, run, err);
}


int
ds_store_get_progress(ds_store_t *store, const char *name, ds_progress_t *p,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(p, 0, sizeof(ds_progress_t));

    st = ds_store_stmt(store, DS_SQL_GET_PROGRESS, name, err);
    rc = ds_store_row(store, st, err);

    if (rc == DS_OK) {
        ds_store_read_progress(st, 0, p);
        ds_store_done(store, st);

    } else if (rc == DS_ESTORE_NOT_FOUND) {
        ds_error_clear(err);
        rc = DS_OK;
    }

    return rc;
}


int
ds_store_put_items(ds_store_t *store, const char *name, int64_t run,
    const ds_item_t *items, size_t n, ds_error_t *err)
{
    int     rc;
    size_t  i;

    for (i = 0; i < n; i++) {
        rc = ds_store_write(store, DS_SQL_PUT_ITEM, name, 2, ds_columns_item,
                            &items[i], run, err);
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
    return ds_store_do_number(store, DS_SQL_TRIM_ITEMS, name, count, err);
}


int
ds_store_get_items(ds_store_t *store, const char *name, uint32_t offset,
    ds_item_t *items, size_t *n, uint32_t *total, ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    if (total != NULL) {
        *total = 0;

        st = ds_store_stmt(store, DS_SQL_COUNT_ITEMS, name, err);
        rc = ds_store_row(store, st, err);

        if (rc != DS_OK) {
            return rc;
        }

        *total = (uint32_t) sqlite3_column_int64(st, 0);
        ds_store_done(store, st);
    }

    st = ds_store_stmt(store, DS_SQL_GET_ITEMS, name, err);
    if (st == NULL) {
        return ds_store_code(err);
    }

    (void) sqlite3_bind_int64(st, 2, offset);
    (void) sqlite3_bind_int64(st, 3, (sqlite3_int64) *n);

    return ds_store_list(store, st, ds_columns_item, items, sizeof(ds_item_t),
                         n, err);
}


int
ds_store_begin_run(ds_store_t *store, const char *name, int64_t *run,
    ds_error_t *err)
{
    int  rc;

    rc = ds_store_do(store, DS_SQL_END_CRASHED, name, err);

    if (rc == DS_OK) {
        rc = ds_store_do(store, DS_SQL_DROP_ENDED, name, err);
    }

    if (rc == DS_OK) {
        rc = ds_store_do_number(store, DS_SQL_BEGIN_RUN, name, ds_now(), err);

        /* the relay is this handle's only user between its begin and commit */
        *run = sqlite3_last_insert_rowid(store->db);
    }

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
        ds_store_bind(st, 3, ds_columns_run, status);
    }

    return ds_store_run(store, st, err);
}


int
ds_store_put_kept(ds_store_t *store, const ds_kept_t *kept, ds_error_t *err)
{
    return ds_store_write(store, DS_SQL_PUT_KEPT, kept->key, 1,
                          ds_columns_kept, kept, -1, err);
}


int
ds_store_get_kept(ds_store_t *store, const char *key, ds_kept_t *kept,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_GET_KEPT, key, err);
    rc = ds_store_row(store, st, err);

    if (rc == DS_OK) {
        ds_store_read(st, 0, ds_columns_kept, kept);
        ds_store_done(store, st);
    }

    return rc;
}


int
ds_store_use_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    return ds_store_do_number(store, DS_SQL_USE_KEPT, key, ds_now(), err);
}


int
ds_store_delete_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    return ds_store_do(store, DS_SQL_DELETE_KEPT, key, err);
}


int
ds_store_list_kept(ds_store_t *store, uint32_t offset, ds_kept_t *kept,
    size_t *n, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_LIST_KEPT, NULL, err);
    if (st == NULL) {
        *n = 0;
        return ds_store_code(err);
    }

    (void) sqlite3_bind_int64(st, 1, offset);
    (void) sqlite3_bind_int64(st, 2, (int64_t) *n);

    return ds_store_list(store, st, ds_columns_kept, kept, sizeof(ds_kept_t),
                         n, err);
}


int
ds_store_count_kept(ds_store_t *store, uint32_t *count, uint64_t *size,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    *count = 0;
    *size = 0;

    st = ds_store_stmt(store, DS_SQL_COUNT_KEPT, NULL, err);
    rc = ds_store_row(store, st, err);

    if (rc == DS_OK) {
        *count = (uint32_t) sqlite3_column_int64(st, 0);
        *size = (uint64_t) sqlite3_column_int64(st, 1);
        ds_store_done(store, st);
    }

    return rc;
}


static void
ds_store_bind(sqlite3_stmt *st, int first, const ds_column_t *c,
    const void *row)
{
    int64_t      n;
    const char  *field;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, first++) {
        field = (const char *) row + c->offset;

        if (c->kind == DS_COLUMN_TEXT) {
            (void) sqlite3_bind_text(st, first, field, -1, SQLITE_TRANSIENT);
            continue;
        }

        n = ds_store_number(field, c->size);

        if (c->kind == DS_COLUMN_NUMBER) {
            (void) sqlite3_bind_int64(st, first, n);

        } else {
            (void) sqlite3_bind_text(st, first, ds_store_word(c->kind, n), -1,
                                     SQLITE_STATIC);
        }
    }
}


static void
ds_store_read(sqlite3_stmt *st, int first, const ds_column_t *c, void *row)
{
    char      *field, word[64];
    int64_t    n;
    uint32_t   n32;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, first++) {
        field = (char *) row + c->offset;

        if (c->kind == DS_COLUMN_TEXT) {
            ds_text(field, c->size,
                    (const char *) sqlite3_column_text(st, first));
            continue;
        }

        if (c->kind == DS_COLUMN_NUMBER) {
            n = sqlite3_column_int64(st, first);

        } else {
            ds_text(word, sizeof(word),
                    (const char *) sqlite3_column_text(st, first));
            n = ds_store_from_word(c->kind, word);
        }

        if (c->size == sizeof(bool)) {
            *(bool *) field = n != 0;

        } else if (c->size == sizeof(n)) {
            memcpy(field, &n, sizeof(n));

        } else {
            n32 = (uint32_t) n;
            memcpy(field, &n32, sizeof(n32));
        }
    }
}


static int64_t
ds_store_number(const void *field, size_t size)
{
    int64_t   n;
    uint32_t  n32;

    if (size == sizeof(bool)) {
        return *(const bool *) field;
    }

    if (size == sizeof(n)) {
        memcpy(&n, field, sizeof(n));
        return n;
    }

    memcpy(&n32, field, sizeof(n32));

    return n32;
}


static const char *
ds_store_word(ds_column_e kind, int64_t n)
{
    switch (kind) {

    case DS_COLUMN_MODE:
        return ds_mode_name((ds_mode_e) n);

    case DS_COLUMN_VIDEO:
        return ds_video_name((ds_video_e) n);

    case DS_COLUMN_STATE:
        return ds_state_name((ds_state_e) n);

    default: /* DS_COLUMN_CODE */
        return ds_error_code((int) n);
    }
}


/* a word of a newer build is the mode "direct", and else the last there is */

static int64_t
ds_store_from_word(ds_column_e kind, const char *word)
{
    int64_t  n, last;

    if (kind == DS_COLUMN_CODE) {
        return ds_error_from_code(word);
    }

    last = kind == DS_COLUMN_MODE ? DS_MODE_HYBRID
           : kind == DS_COLUMN_VIDEO ? DS_VIDEO_ENCODE : DS_FAILED;

    for (n = 0; n <= last; n++) {
        if (strcmp(word, ds_store_word(kind, n)) == 0) {
            return n;
        }
    }

    return kind == DS_COLUMN_MODE ? DS_MODE_DIRECT : last;
}


static void
ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored)
{
    memset(stored, 0, sizeof(ds_stored_t));

    ds_store_read(st, 0, ds_columns_def, stored);

    if (sqlite3_column_type(st, DS_COLUMN_SETTING) == SQLITE_NULL) {
        stored->def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;

    } else {
        ds_store_read(st, DS_COLUMN_SETTING, ds_columns_setting, stored);
    }
}


static void
ds_store_read_progress(sqlite3_stmt *st, int column, ds_progress_t *p)
{
    memset(p, 0, sizeof(ds_progress_t));

    if (sqlite3_column_type(st, column) != SQLITE_NULL) {
        ds_store_read(st, column, ds_columns_progress, p);
        p->valid = true;
    }
}
