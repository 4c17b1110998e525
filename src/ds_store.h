
/*
 * ds_store.h: what survives: definitions, wishes, items, progress, history.
 *
 * A store is opened by each process for itself and used by one thread at a
 * time; several processes may have the same file open.  Calls block on the
 * disk.  Each writing call is one transaction: it has happened as a whole
 * when it returned 0, and not at all otherwise.
 */

#ifndef DS_STORE_H_INCLUDED_
#define DS_STORE_H_INCLUDED_


#include "ds.h"


typedef struct ds_store_s  ds_store_t;


typedef struct {
    char         name[DS_NAME_LEN + 1];
    char         playlist[DS_URL_LEN];
    char         mode[16];
    char         publish[DS_URL_LEN];
    char         push[DS_URL_LEN];      /* "": none */
    bool         shuffle;
    bool         loop;
    bool         is_static;             /* defined by the configuration file */
    bool         running;               /* wished */
} ds_stored_t;


/*
 * Makes the database at "path" if there is none, or brings it to schema
 * "version" (-1: the newest), up or down, in one transaction.  A file that
 * is not a database is renamed to path.corrupt-UNIXTIME first, and "err"
 * says so while 0 is returned: err->code is DS_ESTORE_CORRUPT then, else 0.
 * A file of a newer schema than this build knows: DS_ESTORE_VERSION.
 */
int ds_store_migrate(const char *path, int version, ds_error_t *err);

/* the newest schema version this build knows */
int ds_store_version(void);

/*
 * Opens a migrated database.  "durable": a commit is on the disk when it
 * returns (synchronous=FULL), else it survives this process, but the last
 * seconds of it not a power loss.  NULL: DS_ESTORE_….
 */
ds_store_t *ds_store_open(const char *path, bool durable, ds_error_t *err);
void ds_store_close(ds_store_t **store);

/* creates; DS_ESTORE_EXISTS when there is one of that name */
int ds_store_create(ds_store_t *store, const ds_stored_t *def,
    ds_error_t *err);

/* creates or replaces, progress and items of the same playlist are kept */
int ds_store_put(ds_store_t *store, const ds_stored_t *def, ds_error_t *err);

/* with all that belongs to it; no error when there is none */
int ds_store_delete(ds_store_t *store, const char *name, ds_error_t *err);

/* DS_ESTORE_NOT_FOUND when there is no such stream */
int ds_store_get(ds_store_t *store, const char *name, ds_stored_t *def,
    ds_error_t *err);

int ds_store_set_running(ds_store_t *store, const char *name, bool running,
    ds_error_t *err);

/* "def" and "progress" are valid during the call */
typedef void (*ds_store_pt)(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);

int ds_store_each(ds_store_t *store, ds_store_pt each, void *data,
    ds_error_t *err);


/* one transaction around what a relay writes every few seconds */
int ds_store_begin(ds_store_t *store, ds_error_t *err);
int ds_store_commit(ds_store_t *store, ds_error_t *err);
void ds_store_rollback(ds_store_t *store);

int ds_store_put_progress(ds_store_t *store, const char *name,
    const ds_progress_t *progress, ds_error_t *err);
int ds_store_get_progress(ds_store_t *store, const char *name,
    ds_progress_t *progress, ds_error_t *err);

int ds_store_put_items(ds_store_t *store, const char *name,
    const ds_item_t *items, size_t n, ds_error_t *err);

/* removes items from "count" on: the list has become shorter */
int ds_store_trim_items(ds_store_t *store, const char *name, uint32_t count,
    ds_error_t *err);

/* *n: room in "items" before, items read after; *total: all there are */
int ds_store_get_items(ds_store_t *store, const char *name, uint32_t offset,
    ds_item_t *items, size_t *n, uint32_t *total, ds_error_t *err);


/*
 * History: a run is from start to stop, end or crash.  ds_store_begin_run()
 * closes the stream's open runs as crashed and opens one; *run is its id.
 */
int ds_store_begin_run(ds_store_t *store, const char *name, int64_t *run,
    ds_error_t *err);
int ds_store_end_run(ds_store_t *store, int64_t run, const ds_status_t *st,
    ds_error_t *err);


#endif /* DS_STORE_H_INCLUDED_ */
