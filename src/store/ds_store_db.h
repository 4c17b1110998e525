
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


/*
 * SQLite's result code as ours, its words as the message; "db" may be NULL.
 * Returns the code.
 */
int ds_store_fail(sqlite3 *db, int rc, ds_error_t *err);


#endif /* DS_STORE_DB_H_INCLUDED_ */
