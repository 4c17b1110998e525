
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


/* the statements (ds_store_schema.c) */
extern const char *const  ds_store_sql[DS_SQL_LAST];


/*
 * SQLite's result code as ours, its words as the message; "db" may be NULL.
 * Returns the code.
 */
int ds_store_fail(sqlite3 *db, int rc, ds_error_t *err);


#endif /* DS_STORE_DB_H_INCLUDED_ */
