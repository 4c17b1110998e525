
/*
 * ds_share.h: what several nodes share of their stores: rows of the tables in
 * SQLite that are a copy of what is in etcd.  They are read from there before
 * they are changed, changed by the store as if there were no etcd, and written
 * there, if nobody was faster, before the change is committed.
 *
 * Of one thread at a time, with the handle of the store, in a transaction
 * where nothing else is said.  Blocks, for a few seconds at the most.
 */

#ifndef DS_SHARE_H_INCLUDED_
#define DS_SHARE_H_INCLUDED_


#include "store/ds_etcd.h"
#include "store/ds_store_db.h"


typedef struct ds_share_s  ds_share_t;


/* NULL: "err" says why */
ds_share_t *ds_share_create(const ds_cluster_conf_t *conf, ds_error_t *err);
void ds_share_free(ds_share_t **share);

/*
 * The tables, TABLE/NAME in etcd, of which a change is news to who runs the
 * stream; NULL: these were all.  *command: it is that of commands, which are
 * no part of the definition.
 */
#define DS_SHARE_NEWS  8
const char *ds_share_news(size_t i, bool *command);

/*
 * Reads what etcd has of a stream, once until ds_share_end(), better before
 * a transaction than in it; NULL: of all streams.
 */
int ds_share_read(ds_share_t *share, sqlite3 *db, const char *name,
    ds_error_t *err);

/*
 * What was read takes the place of what is here; what is no more, is dropped.
 * "depth": of the part of the transaction, 1: there are none.
 */
int ds_share_load(ds_share_t *share, sqlite3 *db, unsigned depth,
    ds_error_t *err);

/*
 * What is here of a stream is written as it is, where etcd has none of that
 * name; else DS_ESTORE_EXISTS.  It was read before.
 */
int ds_share_give(ds_share_t *share, const char *name, ds_error_t *err);

/* the revision of what was read last */
int64_t ds_share_seen(ds_share_t *share);

/* the revision of the definition that was loaded; 0: there is none */
int64_t ds_share_revision(ds_share_t *share, const char *name);

/* its progress alone is written, which nobody but its owner does */
int ds_share_progress(ds_share_t *share, const char *name, ds_error_t *err);

/*
 * What is written of a stream, from now on in this transaction, is written by
 * its owner: by none of another epoch.
 */
void ds_share_own(ds_share_t *share, const char *name, int64_t epoch);

/*
 * Writes what has changed since it was loaded; what belongs to the owner, and
 * is another one's by now, not at all.  DS_ECLUSTER_CONFLICT: somebody was
 * faster, begin again; *written: the revision, 0: there was nothing to write.
 */
int ds_share_save(ds_share_t *share, sqlite3 *db, int64_t *written,
    ds_error_t *err);

/*
 * A part of the transaction is over, well or undone, what is left has "depth"
 * parts; 0: all of it is.
 */
void ds_share_end(ds_share_t *share, unsigned depth, bool done);


#endif /* DS_SHARE_H_INCLUDED_ */
