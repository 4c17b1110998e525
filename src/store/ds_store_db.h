
/*
 * ds_store_db.h: what the files of the store share.  Nobody else may
 * know of SQLite.
 */

#ifndef DS_STORE_DB_H_INCLUDED_
#define DS_STORE_DB_H_INCLUDED_


#include <sqlite3.h>

#include "base/ds_core.h"


/* ms: another process holds the write lock for one commit at a time */
#define DS_BUSY_DURABLE  3000
#define DS_BUSY_QUICK    200


typedef enum {
    DS_SQL_CREATE = 0,
    DS_SQL_PUT,
    DS_SQL_PUT_SETTING,
    DS_SQL_DELETE,
    DS_SQL_GET,
    DS_SQL_SET_RUNNING,
    DS_SQL_EACH,
    DS_SQL_BEGIN,
    DS_SQL_COMMIT,
    DS_SQL_PUT_PROGRESS,
    DS_SQL_GET_PROGRESS,
    DS_SQL_PUT_ITEM,
    DS_SQL_TRIM_ITEMS,
    DS_SQL_GET_ITEMS,
    DS_SQL_COUNT_ITEMS,
    DS_SQL_DROP_ENDED,
    DS_SQL_FENCE,
    DS_SQL_UNFENCE,
    DS_SQL_END_CRASHED,
    DS_SQL_BEGIN_RUN,
    DS_SQL_END_RUN,
    DS_SQL_PUT_KEPT,
    DS_SQL_GET_KEPT,
    DS_SQL_USE_KEPT,
    DS_SQL_DELETE_KEPT,
    DS_SQL_LIST_KEPT,
    DS_SQL_COUNT_KEPT,
    DS_SQL_LAST
} ds_sql_e;


struct ds_store_s {
    pthread_mutex_t   lock;             /* over each call; recursive */
    sqlite3          *db;
    sqlite3_stmt     *stmt[DS_SQL_LAST];
};


/*
 * A statement ready to be bound, "name" (may be NULL) bound as ?1, with the
 * lock held, which ds_store_done() lets go; NULL: it is not held.
 */
sqlite3_stmt *ds_store_stmt(ds_store_t *store, ds_sql_e sql,
    const char *name, ds_error_t *err);
void ds_store_done(ds_store_t *store, sqlite3_stmt *st);

/* runs a statement that gives no row, and makes it ready for the next time */
int ds_store_run(ds_store_t *store, sqlite3_stmt *st, ds_error_t *err);


/* the statements (ds_store_schema.c) */
extern const char *const  ds_store_sql[DS_SQL_LAST];


/* where the parts begin among the columns of DS_SQL_GET and DS_SQL_EACH */
#define DS_COLUMN_SETTING   9
#define DS_COLUMN_PROGRESS  20


/* what is kept as a row, in the columns' order (ds_store_row.c) */
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

extern const ds_column_t  ds_columns_def[];         /* of a ds_stored_t */
extern const ds_column_t  ds_columns_setting[];     /* the rest of it */
extern const ds_column_t  ds_columns_progress[];
extern const ds_column_t  ds_columns_item[];
extern const ds_column_t  ds_columns_kept[];

/* parameters, or columns, from "first" on */
void ds_store_bind(sqlite3_stmt *st, int first, const ds_column_t *c,
    const void *row);
void ds_store_read(sqlite3_stmt *st, int first, const ds_column_t *c,
    void *row);

/* a definition begins at column 0; without a setting it has the defaults */
void ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored);

/* not valid when the columns are NULL */
void ds_store_read_progress(sqlite3_stmt *st, int column, ds_progress_t *p);


/*
 * SQLite's result code as ours, its words as the message; "db" may be NULL.
 * Returns the code.
 */
int ds_store_fail(sqlite3 *db, int rc, ds_error_t *err);


#endif /* DS_STORE_DB_H_INCLUDED_ */
