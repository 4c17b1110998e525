
/*
 * ds_store.c: the store in SQLite: what is read and written.  What is kept as
 * a row is bound to a statement and read from one by a table, in the order of
 * the columns there.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "store/ds_share.h"


struct ds_store_s {
    pthread_mutex_t   lock;             /* over each call; recursive */
    sqlite3          *db;
    unsigned          depth;            /* of ds_store_begin() */
    ds_share_t       *share;            /* NULL: it is this node's alone */
    int64_t           written;          /* revision of the last write */
};


typedef enum {
    DS_COLUMN_END = 0,
    DS_COLUMN_TEXT,
    DS_COLUMN_STRING,                   /* a pointer; "" is NULL */
    DS_COLUMN_NUMBER,                   /* a bool, 32 or 64 bits */
    DS_COLUMN_MODE,                     /* these by their names */
    DS_COLUMN_VIDEO,
    DS_COLUMN_STATE,
    DS_COLUMN_YOUTUBE,
    DS_COLUMN_CODE,
    DS_COLUMN_ZERO                      /* an older build's, of no field */
} ds_column_e;

typedef struct {
    ds_column_e  kind;
    size_t       offset;
    size_t       size;
} ds_column_t;


#define ds_column(kind, type, field)                                          \
    { DS_COLUMN_ ## kind, offsetof(type, field),                              \
      sizeof(((type *) NULL)->field) }

#define ds_column_zero  { DS_COLUMN_ZERO, 0, 0 }
#define ds_column_end   { DS_COLUMN_END, 0, 0 }


static const ds_column_t  ds_columns_def[] = {
    ds_column(TEXT, ds_stored_t, def.name),
    ds_column(TEXT, ds_stored_t, def.playlist),
    ds_column(MODE, ds_stored_t, def.mode),
    ds_column(TEXT, ds_stored_t, def.publish),
    ds_column(NUMBER, ds_stored_t, def.shuffle),
    ds_column(NUMBER, ds_stored_t, def.loop),
    ds_column(NUMBER, ds_stored_t, is_static),
    ds_column(NUMBER, ds_stored_t, running),
    ds_column_end
};

static const ds_column_t  ds_columns_setting[] = {
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
    ds_column_zero,                     /* push_engine */
    ds_column_end
};

static const ds_column_t  ds_columns_refresh[] = {
    ds_column(NUMBER, ds_stored_t, def.playlist_refresh),
    ds_column(NUMBER, ds_stored_t, def.refresh_jitter),
    ds_column_end
};

static const ds_column_t  ds_columns_way[] = {
    ds_column(TEXT, ds_stored_t, def.source_proxy),
    ds_column(TEXT, ds_stored_t, def.source_bind),
    ds_column_end
};

static const ds_column_t  ds_columns_schedule[] = {
    ds_column(TEXT, ds_stored_t, def.schedule),
    ds_column_end
};

static const ds_column_t  ds_columns_output[] = {
    ds_column(TEXT, ds_stored_t, def.outputs),
    ds_column_end
};

static const ds_column_t  ds_columns_youtube[] = {
    ds_column(YOUTUBE, ds_stored_t, def.youtube.mode),
    ds_column(NUMBER, ds_stored_t, def.youtube.rollover),
    ds_column(TEXT, ds_stored_t, def.youtube.title),
    ds_column_end
};

static const ds_column_t  ds_columns_shared[] = {
    ds_column(NUMBER, ds_stored_t, revision),
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
    ds_column(NUMBER, ds_progress_t, key),
    ds_column(TEXT, ds_progress_t, slots),
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

static const ds_column_t  ds_columns_listed[] = {
    ds_column(STRING, ds_listed_t, url),
    ds_column(STRING, ds_listed_t, audio_url),
    ds_column(NUMBER, ds_listed_t, plain),
    ds_column(NUMBER, ds_listed_t, pass),
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

static const ds_column_t  ds_columns_memo[] = {
    ds_column(TEXT, ds_memo_t, current),
    ds_column(TEXT, ds_memo_t, next),
    ds_column(TEXT, ds_memo_t, tag),
    ds_column(TEXT, ds_memo_t, refused),
    ds_column(NUMBER, ds_memo_t, replacing),
    ds_column(NUMBER, ds_memo_t, fails),
    ds_column(NUMBER, ds_memo_t, tried),
    ds_column(NUMBER, ds_memo_t, made[0]),
    ds_column(NUMBER, ds_memo_t, made[1]),
    ds_column(NUMBER, ds_memo_t, made[2]),
    ds_column(NUMBER, ds_memo_t, made[3]),
    ds_column(NUMBER, ds_memo_t, made[4]),
    ds_column(NUMBER, ds_memo_t, made[5]),
    ds_column(TEXT, ds_memo_t, title),
    ds_column(TEXT, ds_memo_t, privacy),
    ds_column(NUMBER, ds_memo_t, kids),
    ds_column_end
};

static const ds_column_t  ds_columns_queued[] = {
    ds_column(TEXT, ds_queued_t, id),
    ds_column(NUMBER, ds_queued_t, kind),
    ds_column(NUMBER, ds_queued_t, state),
    ds_column(NUMBER, ds_queued_t, place),
    ds_column(TEXT, ds_queued_t, url),
    ds_column(NUMBER, ds_queued_t, index),
    ds_column(TEXT, ds_queued_t, item),
    ds_column(TEXT, ds_queued_t, title),
    ds_column(NUMBER, ds_queued_t, from),
    ds_column(NUMBER, ds_queued_t, until),
    ds_column(NUMBER, ds_queued_t, now),
    ds_column(NUMBER, ds_queued_t, resume),
    ds_column(NUMBER, ds_queued_t, position),
    ds_column(TEXT, ds_queued_t, by),
    ds_column(NUMBER, ds_queued_t, at),
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


/* as the row is read; written is all from the third on */

static const ds_column_t  ds_columns_change[] = {
    ds_column(NUMBER, ds_change_t, id),
    ds_column(NUMBER, ds_change_t, at),
    ds_column(TEXT, ds_change_t, name),
    ds_column(TEXT, ds_change_t, what),
    ds_column(TEXT, ds_change_t, fields),
    ds_column(TEXT, ds_change_t, who),
    ds_column(TEXT, ds_change_t, address),
    ds_column_end
};

static const ds_column_t  ds_columns_past[] = {
    ds_column(NUMBER, ds_run_row_t, id),
    ds_column(TEXT, ds_run_row_t, name),
    ds_column(NUMBER, ds_run_row_t, started),
    ds_column(NUMBER, ds_run_row_t, ended),
    ds_column(TEXT, ds_run_row_t, state),
    ds_column(TEXT, ds_run_row_t, code),
    ds_column(TEXT, ds_run_row_t, message),
    ds_column(NUMBER, ds_run_row_t, played),
    ds_column(NUMBER, ds_run_row_t, failed),
    ds_column(NUMBER, ds_run_row_t, skipped),
    ds_column(NUMBER, ds_run_row_t, dead_air),
    ds_column_end
};


#define DS_DEF       "name, playlist, mode, publish, shuffle, loop, "         \
                     "is_static, running"
#define DS_SHARED    "revision"
#define DS_PROGRESS  "state, item, item_id, position, seed, pass, at, " \
                     "item_key, slots"
#define DS_ITEM      "idx, id, title, duration, state, code, reason"
#define DS_CHANGE    "name, what, fields, who, address"
#define DS_LISTED    "url, audio_url, plain, pass"
#define DS_KEPT      "key, form, id, title, origin, files, size, sum0, "      \
                     "sum1, duration, kept, used, uses"

#define DS_MEMO      "current, next, tag, refused, replacing, fails, tried, " \
                     "made0, made1, made2, made3, made4, made5, title, "      \
                     "privacy, kids"


typedef struct {
    const char         *insert;
    const ds_column_t  *columns;
} ds_part_t;


#define DS_PART(table, columns, params)                                       \
    { "INSERT OR REPLACE INTO " #table " (name, " columns ") "                \
      "VALUES (?1, " params ")", ds_columns_ ## table },

#define DS_PART_COLUMNS(table, columns, params)  ", " columns
#define DS_PART_JOIN(table, columns, params)                                  \
    "LEFT JOIN " #table " USING (name) "

static const ds_part_t  ds_parts[] = { DS_STORE_PARTS(DS_PART) };

#define DS_PARTS  (sizeof(ds_parts) / sizeof(ds_parts[0]))

/* as ds_store_read_def() reads it, and "more" */
#define DS_SELECT_DEF(more)                                                   \
    "SELECT " DS_DEF DS_STORE_PARTS(DS_PART_COLUMNS) ", " DS_SHARED more      \
    " FROM stream " DS_STORE_PARTS(DS_PART_JOIN)                              \
    "LEFT JOIN shared USING (name) "


/* ms, for which a key of a request is known */
#define DS_KEY_TIME  (24 * 3600 * 1000LL)

#define DS_QUEUED    "id, kind, state, place, url, idx, item, title, start, " \
                     "until, now, resume, position, queued_by, at"

/* of the rows of a queue that waits; before the rest */
#define DS_WAITING   "name = ?1 AND state = 0"
#define DS_FRONT     "coalesce((SELECT max(place) + 1 FROM queue WHERE "      \
                     DS_WAITING " AND now), (SELECT min(place) FROM queue "   \
                     "WHERE " DS_WAITING "), 1)"

/* it is still the run "n" of the stream ?1 that writes */
#define DS_CURRENT(n)                                                         \
                     "EXISTS (SELECT 1 FROM stream WHERE name = ?1) AND "     \
                     "(" n " = 0 OR EXISTS (SELECT 1 FROM run "               \
                     "WHERE id = " n " AND NOT stale)) "


static int ds_store_do(ds_store_t *store, ds_error_t *err, const char *sql,
    const char *fmt, ...);
static int ds_store_select(ds_store_t *store, sqlite3_stmt **st,
    ds_error_t *err, const char *sql, const char *fmt, ...);
static int ds_store_list(ds_store_t *store, sqlite3_stmt *st, int rc,
    const ds_column_t *c, void *rows, size_t size, size_t *n,
    ds_error_t *err);
static int ds_store_bound(ds_store_t *store, sqlite3_stmt **st,
    ds_error_t *err, const char *sql, const char *fmt, va_list args);
static sqlite3_stmt *ds_store_prepared(ds_store_t *store, const char *sql);
static int ds_store_step(ds_store_t *store, sqlite3_stmt *st,
    ds_error_t *err);
static int ds_store_none(int rc, ds_error_t *err);
static void ds_store_done(ds_store_t *store, sqlite3_stmt *st);
static int ds_store_define(ds_store_t *store, const char *sql,
    const ds_stored_t *def, ds_error_t *err);
static int ds_store_drop_ended(ds_store_t *store, const char *name,
    ds_error_t *err);
static int ds_store_end(ds_store_t *store, int rc, ds_error_t *err);
static int ds_store_enter(ds_store_t *store, const char *name,
    ds_error_t *err);
static int ds_store_touch(ds_store_t *store, const char *name,
    ds_error_t *err);
static int ds_store_leave(ds_store_t *store, int rc, ds_error_t *err);
static int ds_store_history(ds_store_t *store, const char *count,
    const char *select, const ds_history_t *past, uint32_t offset,
    const ds_column_t *c, void *rows, size_t size, size_t *n,
    uint32_t *total, ds_error_t *err);
static int ds_store_queue_known(ds_store_t *store, const char *name,
    ds_queued_t *q, const char *key, const char *sum, ds_error_t *err);
static int ds_store_queue_find(ds_store_t *store, const char *name,
    ds_queued_t *q, ds_error_t *err);
static int ds_store_queue_insert(ds_store_t *store, const char *name,
    ds_queued_t *q, ds_error_t *err);
static int ds_store_queue_change(ds_store_t *store, const char *name,
    int64_t run, const ds_queued_t *q, ds_error_t *err);
static int ds_store_queue_waits(ds_store_t *store, const char *name,
    const char *id, bool runs, ds_error_t *err);
static int ds_store_queue_room(ds_store_t *store, const char *name,
    int64_t place, ds_error_t *err);
static int ds_store_number_of(ds_store_t *store, int64_t *n, ds_error_t *err,
    const char *sql, const char *fmt, ...);
static int ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored);
static void ds_store_read_progress(sqlite3_stmt *st, int column,
    ds_progress_t *p);
static int ds_store_bind(sqlite3_stmt *st, int i, const ds_column_t *c,
    const void *row);
static int ds_store_read(sqlite3_stmt *st, int i, const ds_column_t *c,
    void *row);
static int64_t ds_store_number(const void *field, size_t size);
static const char *ds_store_word(ds_column_e kind, int64_t n);
static int64_t ds_store_from_word(ds_column_e kind, const char *word);


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
    ds_store_t    *store;
    sqlite3_stmt  *st;

    store = *pstore;
    if (store == NULL) {
        return;
    }

    *pstore = NULL;

    while ((st = sqlite3_next_stmt(store->db, NULL)) != NULL) {
        (void) sqlite3_finalize(st);
    }

    ds_share_free(&store->share);

    (void) sqlite3_close(store->db);
    (void) pthread_mutex_destroy(&store->lock);

    free(store);
}


int
ds_store_join(ds_store_t *store, const ds_cluster_conf_t *conf,
    ds_error_t *err)
{
    ds_error_clear(err);

    if (conf == NULL || conf->endpoints == NULL) {
        return DS_OK;
    }

    store->share = ds_share_create(conf, err);

    return store->share != NULL ? DS_OK : err != NULL ? err->code : DS_ENOMEM;
}


int
ds_store_unshared(ds_store_t *store, uint32_t *n, ds_error_t *err)
{
    int      rc;
    int64_t  count;

    rc = ds_store_number_of(store, &count, err, "SELECT count(*) FROM stream "
                            "WHERE NOT is_static AND name NOT IN "
                            "(SELECT name FROM shared)", "");
    *n = rc == DS_OK ? (uint32_t) count : 0;

    return rc;
}


int
ds_store_give(ds_store_t *store, const char *name, ds_error_t *err)
{
    int      rc;
    int64_t  n;

    (void) pthread_mutex_lock(&store->lock);

    rc = ds_store_number_of(store, &n, err, "SELECT EXISTS (SELECT 1 FROM "
                            "shared WHERE shared.name = stream.name) "
                            "FROM stream WHERE name = ?1", "t", name);

    if (rc != DS_OK || n != 0 || store->share == NULL) {
        goto done;
    }

    rc = ds_share_read(store->share, store->db, name, err);

    if (rc == DS_OK) {
        rc = ds_store_begin(store, err);

        if (rc == DS_OK) {
            rc = ds_store_end(store, ds_share_give(store->share, name, err),
                              err);
        }
    }

    ds_share_end(store->share, store->depth, false);

done:

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


int
ds_store_part(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = ds_store_refresh(store, NULL, err);

    if (rc == DS_OK) {
        ds_share_free(&store->share);
        rc = ds_store_do(store, err, "DELETE FROM shared", "");
    }

    return rc;
}


int
ds_store_refresh(ds_store_t *store, const char *name, ds_error_t *err)
{
    int  rc;

    ds_error_clear(err);

    if (store->share == NULL) {
        return DS_OK;
    }

    (void) pthread_mutex_lock(&store->lock);

    rc = ds_share_read(store->share, store->db, name, err);

    if (rc == DS_OK) {
        rc = ds_store_enter(store, NULL, err);

        if (rc == DS_OK) {
            rc = ds_store_leave(store, ds_share_load(store->share, store->db,
                                                     store->depth, err),
                                err);
        }

        if (rc == DS_OK) {
            store->written = ds_share_seen(store->share);
        }

    } else if (store->depth == 0) {
        ds_share_end(store->share, 0, false);
    }

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


void
ds_store_own(ds_store_t *store, const char *name, int64_t epoch)
{
    if (store->share != NULL) {
        ds_share_own(store->share, name, epoch);
    }
}


int64_t
ds_store_revision(ds_store_t *store)
{
    return store->written;
}


/*
 * A statement that gives no row.  "fmt" names its parameters, which follow: t
 * is a text, i an int64_t, and r a row: its columns, and where it is.
 */

static int
ds_store_do(ds_store_t *store, ds_error_t *err, const char *sql,
    const char *fmt, ...)
{
    int            rc;
    va_list        args;
    sqlite3_stmt  *st;

    va_start(args, fmt);
    rc = ds_store_bound(store, &st, err, sql, fmt, args);
    va_end(args);

    if (rc != DS_OK) {
        return rc;
    }

    rc = sqlite3_step(st);

    rc = rc == SQLITE_DONE || rc == SQLITE_ROW
         ? DS_OK : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);

    return rc;
}


/*
 * One that gives rows.  DS_OK: the first can be read, then ds_store_done() or
 * ds_store_step() is due; DS_ESTORE_NOT_FOUND: there is none.
 */

static int
ds_store_select(ds_store_t *store, sqlite3_stmt **st, ds_error_t *err,
    const char *sql, const char *fmt, ...)
{
    int      rc;
    va_list  args;

    va_start(args, fmt);
    rc = ds_store_bound(store, st, err, sql, fmt, args);
    va_end(args);

    return rc == DS_OK ? ds_store_step(store, *st, err) : rc;
}


/* all rows, of "size", from ds_store_select() that has returned "rc" */

static int
ds_store_list(ds_store_t *store, sqlite3_stmt *st, int rc,
    const ds_column_t *c, void *rows, size_t size, size_t *n,
    ds_error_t *err)
{
    size_t  i;

    for (i = 0; rc == DS_OK; i++) {
        (void) ds_store_read(st, 0, c, (char *) rows + i * size);
        rc = ds_store_step(store, st, err);
    }

    *n = i;

    return ds_store_none(rc, err);
}


/* DS_OK: the lock is held, which ds_store_done() lets go */

static int
ds_store_bound(ds_store_t *store, sqlite3_stmt **st, ds_error_t *err,
    const char *sql, const char *fmt, va_list args)
{
    int                 i, rc, moved;
    const void         *row;
    const ds_column_t  *c;

    *st = NULL;
    ds_error_clear(err);

    (void) pthread_mutex_lock(&store->lock);

    /* what is written to a file that has no name any more is lost */

    moved = 0;

    if (sqlite3_file_control(store->db, NULL, SQLITE_FCNTL_HAS_MOVED, &moved)
        == SQLITE_OK && moved)
    {
        rc = ds_fail(err, DS_ESTORE_FAILED, "the database was removed or "
                     "replaced");
        goto failed;
    }

    *st = ds_store_prepared(store, sql);

    if (*st == NULL) {
        rc = ds_store_fail(store->db, sqlite3_extended_errcode(store->db),
                           err);
        goto failed;
    }

    for (i = 1; *fmt != '\0'; fmt++) {

        switch (*fmt) {

        case 't':
            (void) sqlite3_bind_text(*st, i++, va_arg(args, const char *), -1,
                                     SQLITE_TRANSIENT);
            break;

        case 'i':
            (void) sqlite3_bind_int64(*st, i++, va_arg(args, int64_t));
            break;

        default: /* 'r' */
            c = va_arg(args, const ds_column_t *);
            row = va_arg(args, const void *);
            i = ds_store_bind(*st, i, c, row);
        }
    }

    return DS_OK;

failed:

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


/* a statement is prepared once, and found among all there are by its text */

static sqlite3_stmt *
ds_store_prepared(ds_store_t *store, const char *sql)
{
    sqlite3_stmt  *st;

    for (st = sqlite3_next_stmt(store->db, NULL);
         st != NULL;
         st = sqlite3_next_stmt(store->db, st))
    {
        if (strcmp(sqlite3_sql(st), sql) == 0) {
            return st;
        }
    }

    (void) sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                              &st, NULL);

    return st;
}


/* DS_OK: there is a row; else, DS_ESTORE_NOT_FOUND among it, all is done */

static int
ds_store_step(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err)
{
    int  rc;

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


/* where there need not be any, or any more, that is no error */

static int
ds_store_none(int rc, ds_error_t *err)
{
    if (rc == DS_ESTORE_NOT_FOUND) {
        ds_error_clear(err);
        return DS_OK;
    }

    return rc;
}


static void
ds_store_done(ds_store_t *store, sqlite3_stmt *st)
{
    (void) sqlite3_reset(st);
    (void) sqlite3_clear_bindings(st);

    (void) pthread_mutex_unlock(&store->lock);
}


static int
ds_store_define(ds_store_t *store, const char *sql, const ds_stored_t *def,
    ds_error_t *err)
{
    int     rc;
    size_t  i;

    rc = ds_store_enter(store, def->def.name, err);

    if (rc != DS_OK) {
        return rc;
    }

    if (store->share != NULL && def->revision != 0
        && ds_share_revision(store->share, def->def.name) != def->revision)
    {
        rc = ds_fail(err, DS_ECLUSTER_CONFLICT, "it was changed meanwhile");
    }

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, sql, "r", ds_columns_def, def);
    }

    for (i = 0; rc == DS_OK && i < DS_PARTS; i++) {
        rc = ds_store_do(store, err, ds_parts[i].insert, "tr", def->def.name,
                         ds_parts[i].columns, def);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_create(ds_store_t *store, const ds_stored_t *def, ds_error_t *err)
{
    return ds_store_define(store,
                           "INSERT INTO stream (" DS_DEF ", push) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '')",
                           def, err);
}


int
ds_store_put(ds_store_t *store, const ds_stored_t *def, ds_error_t *err)
{
    return ds_store_define(store,
                           "INSERT INTO stream (" DS_DEF ", push) "
                           "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '') "
                           "ON CONFLICT (name) DO UPDATE SET playlist = ?2, "
                           "mode = ?3, publish = ?4, shuffle = ?5, "
                           "loop = ?6, is_static = ?7, running = ?8",
                           def, err);
}


int
ds_store_delete(ds_store_t *store, const char *name, ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_do(store, err, "DELETE FROM stream WHERE name = ?1", "t",
                     name);

    return ds_store_leave(store, rc, err);
}


int
ds_store_get(ds_store_t *store, const char *name, ds_stored_t *def,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = ds_store_select(store, &st, err, DS_SELECT_DEF("")
                         "WHERE name = ?1", "t", name);
    if (rc == DS_OK) {
        (void) ds_store_read_def(st, def);
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

    rc = ds_store_do(store, err, "INSERT INTO run (name, started_at) "
                     "VALUES ('', 0)", "");

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "DELETE FROM run WHERE name = ''", "");
    }

    return ds_store_end(store, rc, err);
}


/* who starts what has ended wants it from the beginning, also after a crash */

int
ds_store_set_running(ds_store_t *store, const char *name, bool running,
    ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_do(store, err,
                     "UPDATE stream SET running = ?2 WHERE name = ?1",
                     "ti", name, (int64_t) running);

    if (rc == DS_OK && sqlite3_changes(store->db) == 0) {
        rc = ds_fail(err, DS_ESTORE_NOT_FOUND, "no such stream");
    }

    if (rc == DS_OK && running) {
        rc = ds_store_drop_ended(store, name, err);
    }

    return ds_store_leave(store, rc, err);
}


static int
ds_store_drop_ended(ds_store_t *store, const char *name, ds_error_t *err)
{
    return ds_store_do(store, err, "DELETE FROM progress WHERE name = ?1 "
                       "AND state IN ('finished', 'failed')", "t", name);
}


int
ds_store_each(ds_store_t *store, ds_store_pt each, void *data,
    ds_error_t *err)
{
    int             rc, column;
    ds_stored_t    *def;
    sqlite3_stmt   *st;
    ds_progress_t   progress;

    def = malloc(sizeof(ds_stored_t));
    if (def == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    rc = ds_store_select(store, &st, err,
                         DS_SELECT_DEF(", " DS_PROGRESS)
                         "LEFT JOIN progress USING (name) ORDER BY name", "");

    while (rc == DS_OK) {
        column = ds_store_read_def(st, def);
        ds_store_read_progress(st, column, &progress);
        each(data, def, &progress);

        rc = ds_store_step(store, st, err);
    }

    free(def);

    return ds_store_none(rc, err);
}


int
ds_store_begin(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = ds_store_do(store, err, store->depth == 0 ? "BEGIN IMMEDIATE"
                                                   : "SAVEPOINT part", "");

    store->depth += (rc == DS_OK);

    return rc;
}


/* what is shared is written there first: it is what others see */

int
ds_store_commit(ds_store_t *store, ds_error_t *err)
{
    int  rc;

    rc = DS_OK;

    if (store->share != NULL && store->depth == 1) {
        rc = ds_share_save(store->share, store->db, &store->written, err);
    }

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, store->depth > 1 ? "RELEASE part"
                                                      : "COMMIT", "");
    }

    if (rc != DS_OK) {
        ds_store_rollback(store);
        return rc;
    }

    store->depth--;

    if (store->share != NULL) {
        ds_share_end(store->share, store->depth, true);
    }

    return DS_OK;
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


/*
 * A transaction that other threads wait for; leave() is due when it is DS_OK.
 * "name", NULL: none, is what is changed.
 */

static int
ds_store_enter(ds_store_t *store, const char *name, ds_error_t *err)
{
    int  rc;

    (void) pthread_mutex_lock(&store->lock);

    rc = DS_OK;

    /* nobody has to wait for the lock while we wait for an answer */

    if (store->share != NULL && store->depth == 0 && name != NULL) {
        rc = ds_share_read(store->share, store->db, name, err);
    }

    if (rc == DS_OK) {
        rc = ds_store_begin(store, err);
    }

    if (rc == DS_OK && name != NULL) {
        rc = ds_store_touch(store, name, err);

        if (rc != DS_OK) {
            ds_store_rollback(store);
        }
    }

    if (rc == DS_OK) {
        return DS_OK;
    }

    if (store->share != NULL && store->depth == 0) {
        ds_share_end(store->share, 0, false);
    }

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


/* what others may have changed is as they have it, in an open transaction */

static int
ds_store_touch(ds_store_t *store, const char *name, ds_error_t *err)
{
    int  rc;

    if (store->share == NULL) {
        return DS_OK;
    }

    rc = ds_share_read(store->share, store->db, name, err);

    return rc == DS_OK
           ? ds_share_load(store->share, store->db, store->depth, err) : rc;
}


static int
ds_store_leave(ds_store_t *store, int rc, ds_error_t *err)
{
    rc = ds_store_end(store, rc, err);

    (void) pthread_mutex_unlock(&store->lock);

    return rc;
}


/* some errors have ended all of it already (SQLite, "lang_transaction") */

void
ds_store_rollback(ds_store_t *store)
{
    const char  *sql;

    if (sqlite3_get_autocommit(store->db)) {
        store->depth = 0;

    } else {
        sql = store->depth > 1 ? "ROLLBACK TO part; RELEASE part"
                               : "ROLLBACK";

        (void) sqlite3_exec(store->db, sql, NULL, NULL, NULL);

        store->depth -= store->depth > 0;
    }

    if (store->share != NULL) {
        ds_share_end(store->share, store->depth, false);
    }
}


int
ds_store_put_progress(ds_store_t *store, const char *name, int64_t run,
    const ds_progress_t *p, ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, NULL, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_do(store, err,
                     "INSERT INTO progress (name, " DS_PROGRESS ") "
                     "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 "
                     "WHERE " DS_CURRENT("?11")
                     "ON CONFLICT (name) DO UPDATE SET state = ?2, "
                     "item = ?3, item_id = ?4, position = ?5, seed = ?6, "
                     "pass = ?7, at = ?8, item_key = ?9, slots = ?10",
                     "tri", name, ds_columns_progress, p, run);

    if (rc == DS_OK && store->share != NULL) {
        rc = ds_share_progress(store->share, name, err);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_get_progress(ds_store_t *store, const char *name, ds_progress_t *p,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(p, 0, sizeof(ds_progress_t));

    rc = ds_store_select(store, &st, err, "SELECT " DS_PROGRESS
                         " FROM progress WHERE name = ?1", "t", name);
    if (rc == DS_OK) {
        ds_store_read_progress(st, 0, p);
        ds_store_done(store, st);
    }

    return ds_store_none(rc, err);
}


int
ds_store_put_items(ds_store_t *store, const char *name, int64_t run,
    const ds_listed_t *items, size_t n, ds_error_t *err)
{
    int     rc;
    size_t  i;

    rc = DS_OK;

    for (i = 0; i < n && rc == DS_OK; i++) {
        rc = ds_store_do(store, err,
                         "INSERT INTO item (name, " DS_ITEM ", " DS_LISTED
                         ") SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                         "?11, ?12 WHERE " DS_CURRENT("?13")
                         "ON CONFLICT (name, idx) DO UPDATE SET id = ?3, "
                         "title = ?4, duration = ?5, state = ?6, code = ?7, "
                         "reason = ?8, url = ?9, audio_url = ?10, "
                         "plain = ?11, pass = ?12",
                         "trri", name, ds_columns_item, &items[i].item,
                         ds_columns_listed, &items[i], run);
    }

    return rc;
}


int
ds_store_trim_items(ds_store_t *store, const char *name, uint32_t count,
    ds_error_t *err)
{
    return ds_store_do(store, err,
                       "DELETE FROM item WHERE name = ?1 AND idx >= ?2", "ti",
                       name, (int64_t) count);
}


int
ds_store_get_items(ds_store_t *store, const char *name, uint32_t offset,
    ds_item_t *items, size_t *n, uint32_t *total, ds_error_t *err)
{
    int            rc;
    int64_t        count;
    sqlite3_stmt  *st;

    if (total != NULL) {
        *total = 0;

        rc = ds_store_number_of(store, &count, err, "SELECT count(*) "
                                "FROM item WHERE name = ?1", "t", name);
        if (rc != DS_OK) {
            return rc;
        }

        *total = (uint32_t) count;
    }

    rc = ds_store_select(store, &st, err, "SELECT " DS_ITEM " FROM item "
                         "WHERE name = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3",
                         "tii", name, (int64_t) offset, (int64_t) *n);

    return ds_store_list(store, st, rc, ds_columns_item, items,
                         sizeof(ds_item_t), n, err);
}


int
ds_store_each_item(ds_store_t *store, const char *name,
    ds_store_item_pt each, void *data, ds_error_t *err)
{
    int            rc, column;
    ds_listed_t    item;
    sqlite3_stmt  *st;

    rc = ds_store_select(store, &st, err, "SELECT " DS_ITEM ", " DS_LISTED
                         " FROM item WHERE name = ?1 ORDER BY idx", "t", name);

    while (rc == DS_OK) {
        memset(&item, 0, sizeof(ds_listed_t));

        column = ds_store_read(st, 0, ds_columns_item, &item.item);
        (void) ds_store_read(st, column, ds_columns_listed, &item);

        if (!each(data, &item)) {
            ds_store_done(store, st);
            break;
        }

        rc = ds_store_step(store, st, err);
    }

    return ds_store_none(rc, err);
}


int
ds_store_queue_add(ds_store_t *store, const char *name, ds_queued_t *q,
    const char *key, const char *sum, ds_error_t *err)
{
    int      rc;
    int64_t  n;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_number_of(store, &n, err, "SELECT 1 FROM stream "
                            "WHERE name = ?1", "t", name);

    if (rc == DS_OK && key != NULL) {
        rc = ds_store_queue_known(store, name, q, key, sum, err);

        if (rc == DS_OK) {
            return ds_store_leave(store, rc, err);
        }

        rc = rc == DS_ESTORE_NOT_FOUND ? DS_OK : rc;
    }

    if (rc == DS_OK) {
        rc = ds_store_number_of(store, &n, err, "SELECT count(*) FROM queue "
                                "WHERE name = ?1", "t", name);
    }

    if (rc == DS_OK && n >= DS_QUEUE_MAX) {
        rc = ds_fail(err, DS_EQUEUE_FULL, "%d entries are queued already, "
                     "which is the most", DS_QUEUE_MAX);
    }

    if (rc == DS_OK && q->kind != DS_QUEUED_URL && !q->far) {
        rc = ds_store_queue_find(store, name, q, err);
    }

    if (rc == DS_OK) {
        rc = ds_store_queue_insert(store, name, q, err);
    }

    if (rc == DS_OK && key != NULL) {
        rc = ds_store_key_put(store, name, key, sum, q->at, q->id, err);
    }

    return ds_store_leave(store, rc, err);
}


/* DS_OK: it was added before, "q" is what became of it */

static int
ds_store_queue_known(ds_store_t *store, const char *name, ds_queued_t *q,
    const char *key, const char *sum, ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = ds_store_key_find(store, name, key, sum, q->at, q->id, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_select(store, &st, err, "SELECT " DS_QUEUED " FROM queue "
                         "WHERE name = ?1 AND id = ?2", "tt", name, q->id);
    if (rc == DS_OK) {
        (void) ds_store_read(st, 0, ds_columns_queued, q);
        ds_store_done(store, st);

    } else if (rc == DS_ESTORE_NOT_FOUND) {
        q->state = DS_QUEUED_OVER;
    }

    return ds_store_none(rc, err);
}


int
ds_store_key_find(ds_store_t *store, const char *name, const char *key,
    const char *sum, int64_t at, char id[DS_QUEUE_ID_LEN + 1],
    ds_error_t *err)
{
    int            rc;
    bool           same;
    sqlite3_stmt  *st;

    rc = ds_store_select(store, &st, err, "SELECT id, sum FROM queue_key "
                         "WHERE name = ?1 AND key = ?2 AND at >= ?3", "tti",
                         name, key, at - DS_KEY_TIME);
    if (rc != DS_OK) {
        return rc;
    }

    ds_text(id, DS_QUEUE_ID_LEN + 1,
            (const char *) sqlite3_column_text(st, 0));
    same = strcmp((const char *) sqlite3_column_text(st, 1), sum) == 0;
    ds_store_done(store, st);

    return same ? DS_OK : ds_fail(err, DS_EQUEUE_KEY, "the key was used for "
                                  "another request");
}


int
ds_store_key_put(ds_store_t *store, const char *name, const char *key,
    const char *sum, int64_t at, const char *id, ds_error_t *err)
{
    int  rc;

    rc = ds_store_do(store, err, "DELETE FROM queue_key WHERE at < ?1", "i",
                     at - DS_KEY_TIME);

    return rc == DS_OK
           ? ds_store_do(store, err, "INSERT INTO queue_key "
                         "(name, key, sum, id, at) "
                         "VALUES (?1, ?2, ?3, ?4, ?5)", "tttti", name, key,
                         sum, id, at)
           : rc;
}


/* the item of the list that is meant */

static int
ds_store_queue_find(ds_store_t *store, const char *name, ds_queued_t *q,
    ds_error_t *err)
{
    int            rc;
    int64_t        n;
    sqlite3_stmt  *st;

    rc = q->item[0] != '\0'
         ? ds_store_select(store, &st, err, "SELECT idx, id, title FROM item "
                           "WHERE name = ?1 AND id = ?2 ORDER BY idx LIMIT 1",
                           "tt", name, q->item)
         : ds_store_select(store, &st, err, "SELECT idx, id, title FROM item "
                           "WHERE name = ?1 AND idx = ?2", "ti", name,
                           (int64_t) q->index);

    if (rc == DS_OK) {
        q->index = (uint32_t) sqlite3_column_int64(st, 0);
        ds_text(q->item, sizeof(q->item),
                (const char *) sqlite3_column_text(st, 1));

        if (q->title[0] == '\0') {
            ds_text(q->title, sizeof(q->title),
                    (const char *) sqlite3_column_text(st, 2));
        }

        ds_store_done(store, st);
    }

    if (rc == DS_ESTORE_NOT_FOUND) {
        rc = ds_store_number_of(store, &n, err, "SELECT count(*) FROM item "
                                "WHERE name = ?1", "t", name);
        if (rc == DS_OK) {
            rc = ds_fail(err, DS_EITEM_UNAVAILABLE, "it is not among the "
                         "%lld items of the list", (long long) n);
        }
    }

    return rc;
}


static int
ds_store_queue_insert(ds_store_t *store, const char *name, ds_queued_t *q,
    ds_error_t *err)
{
    int  rc;

    if (q->place == INT64_MAX) {
        rc = ds_store_number_of(store, &q->place, err, "SELECT "
                                "coalesce(max(place) + 1, 1) FROM queue "
                                "WHERE name = ?1", "t", name);

    } else {
        rc = q->place == 0
             ? ds_store_number_of(store, &q->place, err, "SELECT " DS_FRONT,
                                  "t", name)
             : ds_store_number_of(store, &q->place, err, "SELECT "
                                  "coalesce(min(place), 1) FROM queue "
                                  "WHERE " DS_WAITING, "t", name);
        if (rc == DS_OK) {
            rc = ds_store_queue_room(store, name, q->place, err);
        }
    }

    if (rc != DS_OK) {
        return rc;
    }

    return ds_store_do(store, err, "INSERT INTO queue (name, " DS_QUEUED ") "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
                       "?11, ?12, ?13, ?14, ?15, ?16)", "tr", name,
                       ds_columns_queued, q);
}


/* those from there on make room */

static int
ds_store_queue_room(ds_store_t *store, const char *name, int64_t place,
    ds_error_t *err)
{
    return ds_store_do(store, err, "UPDATE queue SET place = place + 1 "
                       "WHERE name = ?1 AND place >= ?2", "ti", name, place);
}


/* the first column of the first row, of what ds_store_select() is told */

static int
ds_store_number_of(ds_store_t *store, int64_t *n, ds_error_t *err,
    const char *sql, const char *fmt, ...)
{
    int            rc;
    va_list        args;
    sqlite3_stmt  *st;

    va_start(args, fmt);
    rc = ds_store_bound(store, &st, err, sql, fmt, args);
    va_end(args);

    if (rc == DS_OK) {
        rc = ds_store_step(store, st, err);
    }

    if (rc == DS_OK) {
        *n = sqlite3_column_int64(st, 0);
        ds_store_done(store, st);
    }

    return rc;
}


int
ds_store_command_put(ds_store_t *store, const char *name,
    const ds_command_t *command, ds_error_t *err)
{
    int      rc;
    int64_t  there;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_number_of(store, &there, err, "SELECT EXISTS (SELECT 1 FROM "
                            "command WHERE name = ?1 AND id = '' "
                            "AND id = ?2 AND epoch = ?3 AND what = ?4) "
                            "FROM stream WHERE name = ?1", "ttit", name,
                            command->id, command->epoch, command->what);

    if (rc == DS_OK && !there) {
        rc = ds_store_do(store, err, "INSERT INTO command "
                         "(name, place, id, epoch, what, output) "
                         "SELECT ?1, coalesce(max(place), 0) + 1, ?2, ?3, ?4, "
                         "?5 FROM command WHERE name = ?1", "ttitt", name,
                         command->id, command->epoch, command->what,
                         command->output);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_command_find(ds_store_t *store, const char *name, const char *id,
    ds_error_t *err)
{
    int64_t  place;

    return ds_store_number_of(store, &place, err, "SELECT place FROM command "
                              "WHERE name = ?1 AND id = ?2", "tt", name, id);
}


int
ds_store_command_drop(ds_store_t *store, const char *name, const char *id,
    ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_command_find(store, name, id, err);

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "DELETE FROM command WHERE name = ?1 "
                         "AND id = ?2", "tt", name, id);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_command_take(ds_store_t *store, const char *name, int64_t epoch,
    ds_command_t *commands, size_t *n, ds_error_t *err)
{
    int            rc;
    size_t         size;
    int64_t        last;
    ds_command_t  *c;
    sqlite3_stmt  *st;

    size = *n;
    *n = 0;
    last = 0;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    ds_store_own(store, name, epoch);

    rc = ds_store_select(store, &st, err, "SELECT place, id, epoch, what, "
                         "output FROM command WHERE name = ?1 ORDER BY place",
                         "t", name);

    while (rc == DS_OK) {

        if (*n == size) {
            ds_store_done(store, st);
            break;
        }

        last = sqlite3_column_int64(st, 0);

        if (sqlite3_column_int64(st, 2) == epoch) {
            c = &commands[(*n)++];

            c->epoch = epoch;
            ds_text(c->id, sizeof(c->id),
                    (const char *) sqlite3_column_text(st, 1));
            ds_text(c->what, sizeof(c->what),
                    (const char *) sqlite3_column_text(st, 3));
            ds_text(c->output, sizeof(c->output),
                    (const char *) sqlite3_column_text(st, 4));
        }

        rc = ds_store_step(store, st, err);
    }

    rc = ds_store_none(rc, err);

    if (rc == DS_OK && last != 0) {
        rc = ds_store_do(store, err, "DELETE FROM command WHERE name = ?1 "
                         "AND place <= ?2", "ti", name, last);
    }

    return ds_store_leave(store, rc, err);
}


/* what is on air, or about to be, stays where it is */

static int
ds_store_queue_waits(ds_store_t *store, const char *name, const char *id,
    bool runs, ds_error_t *err)
{
    int      rc;
    int64_t  state;

    rc = ds_store_number_of(store, &state, err, "SELECT state FROM queue "
                            "WHERE name = ?1 AND id = ?2", "tt", name, id);

    return rc == DS_OK && runs && state == DS_QUEUED_ON_AIR
           ? ds_fail(err, DS_EQUEUE_ON_AIR, "the entry is on air, or about to "
                     "be; POST to \"skip\" of the stream ends it")
           : rc;
}


int
ds_store_queue_remove(ds_store_t *store, const char *name, const char *id,
    bool runs, ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_queue_waits(store, name, id, runs, err);

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "DELETE FROM queue "
                         "WHERE name = ?1 AND id = ?2", "tt", name, id);
    }

    return ds_store_leave(store, rc, err);
}


/* who moves an entry says when it is to come: it does not interrupt */

int
ds_store_queue_move(ds_store_t *store, const char *name, const char *id,
    bool runs, const char *before, ds_error_t *err)
{
    int      rc;
    int64_t  place;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_queue_waits(store, name, id, runs, err);

    if (rc == DS_OK && before == NULL) {
        rc = ds_store_number_of(store, &place, err, "SELECT max(place) + 1 "
                                "FROM queue WHERE name = ?1", "t", name);

    } else if (rc == DS_OK) {
        rc = ds_store_number_of(store, &place, err, "SELECT place FROM queue "
                                "WHERE name = ?1 AND id = ?2", "tt", name,
                                before);

        rc = rc == DS_OK ? ds_store_queue_room(store, name, place, err)
             : rc != DS_ESTORE_NOT_FOUND ? rc
             : ds_fail(err, DS_EITEM_UNAVAILABLE, "there is no such entry");
    }

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "UPDATE queue SET place = ?3, now = 0 "
                         "WHERE name = ?1 AND id = ?2", "tti", name, id,
                         place);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_queue_put(ds_store_t *store, const char *name, int64_t run,
    const ds_queued_t *q, ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    return rc == DS_OK
           ? ds_store_leave(store, ds_store_queue_change(store, name, run, q,
                                                         err), err)
           : rc;
}


static int
ds_store_queue_change(ds_store_t *store, const char *name, int64_t run,
    const ds_queued_t *q, ds_error_t *err)
{
    int          rc;
    int64_t      n;
    ds_queued_t  new;

    if (q->state == DS_QUEUED_OVER) {
        return ds_store_do(store, err, "DELETE FROM queue "
                           "WHERE name = ?1 AND id = ?2", "tt", name, q->id);
    }

    if (q->place != 0) {
        return ds_store_do(store, err, "UPDATE queue SET state = ?3, "
                           "now = ?4, position = ?5 "
                           "WHERE name = ?1 AND id = ?2", "ttiii", name,
                           q->id, (int64_t) q->state, (int64_t) q->now,
                           q->position);
    }

    rc = ds_store_number_of(store, &n, err, "SELECT 1 WHERE "
                            DS_CURRENT("?2"), "ti", name, run);

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "DELETE FROM queue "
                         "WHERE name = ?1 AND id = ?2", "tt", name, q->id);
    }

    if (rc == DS_OK) {
        new = *q;
        rc = ds_store_queue_insert(store, name, &new, err);
    }

    return ds_store_none(rc, err);
}


int
ds_store_queue_position(ds_store_t *store, const char *name, const char *id,
    int64_t position, ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_do(store, err, "UPDATE queue SET position = ?3 "
                     "WHERE name = ?1 AND id = ?2", "tti", name, id,
                     position);

    return ds_store_leave(store, rc, err);
}


int
ds_store_queue_list(ds_store_t *store, const char *name, ds_queued_t **rows,
    size_t *n, ds_error_t *err)
{
    int            rc;
    size_t         size;
    ds_queued_t   *q;
    sqlite3_stmt  *st;

    *rows = NULL;
    *n = 0;
    size = 0;

    rc = ds_store_select(store, &st, err, "SELECT " DS_QUEUED " FROM queue "
                         "WHERE name = ?1 ORDER BY state DESC, place, id",
                         "t", name);

    while (rc == DS_OK) {

        if (*n == size) {
            size = size == 0 ? 8 : size * 2;
            q = realloc(*rows, size * sizeof(ds_queued_t));

            if (q == NULL) {
                ds_store_done(store, st);
                rc = ds_fail(err, DS_ENOMEM, "realloc() failed");
                break;
            }

            *rows = q;
        }

        q = &(*rows)[(*n)++];

        memset(q, 0, sizeof(ds_queued_t));
        (void) ds_store_read(st, 0, ds_columns_queued, q);

        rc = ds_store_step(store, st, err);
    }

    rc = ds_store_none(rc, err);

    if (rc != DS_OK) {
        free(*rows);
        *rows = NULL;
        *n = 0;
    }

    return rc;
}


int
ds_store_queue_count(ds_store_t *store, const char *name, uint32_t *n,
    ds_error_t *err)
{
    int      rc;
    int64_t  count;

    rc = ds_store_number_of(store, &count, err, "SELECT count(*) FROM queue "
                            "WHERE name = ?1", "t", name);
    if (rc == DS_OK) {
        *n = (uint32_t) count;
    }

    return rc;
}


int
ds_store_begin_run(ds_store_t *store, const char *name, int64_t *run,
    ds_error_t *err)
{
    int  rc;

    rc = ds_store_enter(store, name, err);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_do(store, err, "UPDATE run SET ended_at = "
                     "coalesce((SELECT at FROM progress "
                     "WHERE progress.name = ?1), started_at), "
                     "state = 'crashed' WHERE name = ?1 AND ended_at IS NULL",
                     "t", name);

    if (rc == DS_OK) {
        rc = ds_store_drop_ended(store, name, err);
    }

    if (rc == DS_OK) {
        rc = ds_store_do(store, err, "INSERT INTO run (name, started_at) "
                         "VALUES (?1, ?2)", "ti", name, ds_now());

        /* the relay is this handle's only user between its begin and commit */
        *run = sqlite3_last_insert_rowid(store->db);
    }

    return ds_store_leave(store, rc, err);
}


int
ds_store_end_run(ds_store_t *store, int64_t run, const ds_status_t *status,
    ds_error_t *err)
{
    return ds_store_do(store, err, "UPDATE run SET ended_at = ?2, state = ?3, "
                       "code = ?4, message = ?5, played = ?6, failed = ?7, "
                       "skipped = ?8, dead_air = ?9 WHERE id = ?1",
                       "iir", run, ds_now(), ds_columns_run, status);
}


/* which rows: ds_history_t's members, in their order */

#define DS_PAST(at, what, who)                                                \
    " WHERE (?1 = '' OR name = ?1) AND (?2 = '' OR " what " = ?2) "           \
    "AND (?3 = '' OR " who " = ?3) AND " at " >= ?4 "                         \
    "AND (?5 = 0 OR " at " < ?5) AND (?6 = '' OR EXISTS "                     \
    "(SELECT 1 FROM json_each(?6) WHERE name GLOB value))"

#define DS_RUNS     " FROM run" DS_PAST("started_at", "coalesce(state, "      \
                    "'running')", "''")
#define DS_CHANGES  " FROM change" DS_PAST("at", "what", "who")


int
ds_store_list_runs(ds_store_t *store, const ds_history_t *past, uint32_t offset,
    ds_run_row_t *rows, size_t *n, uint32_t *total, ds_error_t *err)
{
    return ds_store_history(store, "SELECT count(*)" DS_RUNS,
                            "SELECT id, name, started_at, ended_at, state, "
                            "code, message, played, failed, skipped, dead_air"
                            DS_RUNS " ORDER BY id DESC LIMIT ?8 OFFSET ?7",
                            past, offset, ds_columns_past, rows,
                            sizeof(ds_run_row_t), n, total, err);
}


int
ds_store_list_changes(ds_store_t *store, const ds_history_t *past,
    uint32_t offset, ds_change_t *rows, size_t *n, uint32_t *total,
    ds_error_t *err)
{
    return ds_store_history(store, "SELECT count(*)" DS_CHANGES,
                            "SELECT id, at, " DS_CHANGE DS_CHANGES
                            " ORDER BY id DESC LIMIT ?8 OFFSET ?7",
                            past, offset, ds_columns_change, rows,
                            sizeof(ds_change_t), n, total, err);
}


/* a part of a list, and how long that is */

static int
ds_store_history(ds_store_t *store, const char *count, const char *select,
    const ds_history_t *past, uint32_t offset, const ds_column_t *c, void *rows,
    size_t size, size_t *n, uint32_t *total, ds_error_t *err)
{
    int            rc;
    int64_t        all;
    const char    *streams;
    sqlite3_stmt  *st;

    streams = past->streams != NULL ? past->streams : "";

    rc = ds_store_number_of(store, &all, err, count, "tttiit", past->name,
                            past->what, past->who, past->since, past->until,
                            streams);
    if (rc != DS_OK) {
        return rc;
    }

    *total = (uint32_t) all;

    memset(rows, 0, *n * size);

    rc = ds_store_select(store, &st, err, select, "tttiitii", past->name,
                         past->what, past->who, past->since, past->until,
                         streams, (int64_t) offset, (int64_t) *n);

    return ds_store_list(store, st, rc, c, rows, size, n, err);
}


int
ds_store_put_change(ds_store_t *store, const ds_change_t *change,
    ds_error_t *err)
{
    return ds_store_do(store, err, "INSERT INTO change (at, " DS_CHANGE ") "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6)", "ir", ds_now(),
                       ds_columns_change + 2, change);
}


int
ds_store_trim_history(ds_store_t *store, int64_t at, ds_error_t *err)
{
    int  rc;

    rc = ds_store_do(store, err, "DELETE FROM run WHERE started_at < ?1 "
                     "AND ended_at < ?1", "i", at);

    return rc == DS_OK ? ds_store_do(store, err, "DELETE FROM change WHERE "
                                     "at < ?1", "i", at)
                       : rc;
}


int
ds_store_put_kept(ds_store_t *store, const ds_kept_t *kept, ds_error_t *err)
{
    return ds_store_do(store, err, "INSERT OR REPLACE INTO kept "
                       "(" DS_KEPT ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                       "?9, ?10, ?11, ?12, ?13)", "r", ds_columns_kept, kept);
}


int
ds_store_get_kept(ds_store_t *store, const char *key, ds_kept_t *kept,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = ds_store_select(store, &st, err, "SELECT " DS_KEPT " FROM kept "
                         "WHERE key = ?1", "t", key);
    if (rc == DS_OK) {
        (void) ds_store_read(st, 0, ds_columns_kept, kept);
        ds_store_done(store, st);
    }

    return rc;
}


int
ds_store_use_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    return ds_store_do(store, err, "UPDATE kept SET used = ?2, "
                       "uses = uses + 1 WHERE key = ?1", "ti", key, ds_now());
}


int
ds_store_delete_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    return ds_store_do(store, err, "DELETE FROM kept WHERE key = ?1", "t",
                       key);
}


int
ds_store_list_kept(ds_store_t *store, uint32_t offset, ds_kept_t *kept,
    size_t *n, ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = ds_store_select(store, &st, err, "SELECT " DS_KEPT " FROM kept "
                         "ORDER BY used, key LIMIT ?2 OFFSET ?1", "ii",
                         (int64_t) offset, (int64_t) *n);

    return ds_store_list(store, st, rc, ds_columns_kept, kept,
                         sizeof(ds_kept_t), n, err);
}


int
ds_store_count_kept(ds_store_t *store, uint32_t *count, uint64_t *size,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    *count = 0;
    *size = 0;

    rc = ds_store_select(store, &st, err, "SELECT count(*), "
                         "coalesce(sum(size), 0) FROM kept", "");
    if (rc == DS_OK) {
        *count = (uint32_t) sqlite3_column_int64(st, 0);
        *size = (uint64_t) sqlite3_column_int64(st, 1);
        ds_store_done(store, st);
    }

    return rc;
}


int
ds_store_get_memo(ds_store_t *store, const char *id, ds_memo_t *memo,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    memset(memo, 0, sizeof(ds_memo_t));

    rc = ds_store_select(store, &st, err, "SELECT " DS_MEMO " FROM memo "
                         "WHERE id = ?1", "t", id);
    if (rc == DS_OK) {
        (void) ds_store_read(st, 0, ds_columns_memo, memo);
        ds_store_done(store, st);
    }

    return rc;
}


int
ds_store_put_memo(ds_store_t *store, const char *id, const ds_memo_t *memo,
    ds_error_t *err)
{
    return ds_store_do(store, err, "INSERT OR REPLACE INTO memo "
                       "(id, " DS_MEMO ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, "
                       "?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
                       "tr", id, ds_columns_memo, memo);
}


int
ds_store_get_quota(ds_store_t *store, int64_t day, int64_t *used,
    ds_error_t *err)
{
    *used = 0;

    return ds_store_number_of(store, used, err, "SELECT "
                              "coalesce(sum(used), 0) FROM quota "
                              "WHERE day = ?1", "i", day);
}


/* there is the one day */

int
ds_store_put_quota(ds_store_t *store, int64_t day, int64_t used,
    ds_error_t *err)
{
    return ds_store_do(store, err, "INSERT OR REPLACE INTO quota "
                       "(id, day, used) VALUES (1, ?1, ?2)", "ii", day, used);
}


/* settings may be none: a stream of an older build has the defaults */

static int
ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored)
{
    int     column;
    size_t  i;

    memset(stored, 0, sizeof(ds_stored_t));
    stored->def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    stored->def.playlist_refresh = DS_REFRESH_DEFAULT;
    stored->def.refresh_jitter = DS_JITTER_DEFAULT;

    column = ds_store_read(st, 0, ds_columns_def, stored);

    for (i = 0; i < DS_PARTS; i++) {
        column = ds_store_read(st, column, ds_parts[i].columns, stored);
    }

    return ds_store_read(st, column, ds_columns_shared, stored);
}


static void
ds_store_read_progress(sqlite3_stmt *st, int column, ds_progress_t *p)
{
    memset(p, 0, sizeof(ds_progress_t));

    p->valid = sqlite3_column_type(st, column) != SQLITE_NULL;

    (void) ds_store_read(st, column, ds_columns_progress, p);
}


/* from the i-th parameter on; returns the one after them */

static int
ds_store_bind(sqlite3_stmt *st, int i, const ds_column_t *c, const void *row)
{
    int64_t      n;
    const char  *field;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, i++) {
        field = (const char *) row + c->offset;

        if (c->kind == DS_COLUMN_ZERO) {
            (void) sqlite3_bind_int64(st, i, 0);
            continue;
        }

        if (c->kind == DS_COLUMN_TEXT) {
            (void) sqlite3_bind_text(st, i, field, -1, SQLITE_TRANSIENT);
            continue;
        }

        if (c->kind == DS_COLUMN_STRING) {
            field = *(char *const *) field;
            (void) sqlite3_bind_text(st, i, field != NULL ? field : "", -1,
                                     SQLITE_TRANSIENT);
            continue;
        }

        n = ds_store_number(field, c->size);

        if (c->kind == DS_COLUMN_NUMBER) {
            (void) sqlite3_bind_int64(st, i, n);

        } else {
            (void) sqlite3_bind_text(st, i, ds_store_word(c->kind, n), -1,
                                     SQLITE_STATIC);
        }
    }

    return i;
}


/* from the i-th column on; what is NULL stays as it is; returns the next one */

static int
ds_store_read(sqlite3_stmt *st, int i, const ds_column_t *c, void *row)
{
    char        *field;
    int64_t      n;
    uint32_t     n32;
    const char  *text;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, i++) {
        field = (char *) row + c->offset;

        if (c->kind == DS_COLUMN_ZERO
            || sqlite3_column_type(st, i) == SQLITE_NULL)
        {
            continue;
        }

        if (c->kind == DS_COLUMN_NUMBER) {
            n = sqlite3_column_int64(st, i);

        } else {
            text = (const char *) sqlite3_column_text(st, i);

            if (c->kind == DS_COLUMN_TEXT) {
                ds_text(field, c->size, text);
                continue;
            }

            /* valid as long as the row is */

            if (c->kind == DS_COLUMN_STRING) {
                *(const char **) field = text != NULL && *text != '\0' ? text
                                                                       : NULL;
                continue;
            }

            /* NULL: no memory */
            n = ds_store_from_word(c->kind, text != NULL ? text : "");
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

    return i;
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

    case DS_COLUMN_YOUTUBE:
        return ds_youtube_name((ds_youtube_e) n);

    default: /* DS_COLUMN_CODE */
        return ds_error_code((int) n);
    }
}


/*
 * A word of a newer build is the mode "direct", or nothing that is done about
 * YouTube, and else the last there is.
 */

static int64_t
ds_store_from_word(ds_column_e kind, const char *word)
{
    int64_t  n, last;

    if (kind == DS_COLUMN_CODE) {
        return ds_error_from_code(word);
    }

    last = kind == DS_COLUMN_MODE ? DS_MODE_HYBRID
           : kind == DS_COLUMN_YOUTUBE ? DS_YOUTUBE_REVIVE
           : kind == DS_COLUMN_VIDEO ? DS_VIDEO_ENCODE : DS_FAILED;

    for (n = 0; n <= last; n++) {
        if (strcmp(word, ds_store_word(kind, n)) == 0) {
            return n;
        }
    }

    return kind == DS_COLUMN_MODE ? DS_MODE_DIRECT
           : kind == DS_COLUMN_YOUTUBE ? DS_YOUTUBE_OFF : last;
}
