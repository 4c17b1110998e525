
/* ds_store_kept.c: the part of the store that is the cache's index. */

#include "store/ds_store_db.h"


int
ds_store_put_kept(ds_store_t *store, const ds_kept_t *k, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_PUT_KEPT, k->key, err);

    if (st != NULL) {
        ds_store_bind(st, 1, ds_columns_kept, k);
    }

    return ds_store_run(store, st, err);
}


int
ds_store_get_kept(ds_store_t *store, const char *key, ds_kept_t *kept,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_GET_KEPT, key, err);
    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        ds_store_read(st, 0, ds_columns_kept, kept);
        rc = DS_OK;

    } else if (rc == SQLITE_DONE) {
        rc = ds_fail(err, DS_ESTORE_NOT_FOUND, "nothing is kept under it");

    } else {
        rc = ds_store_fail(store->db, rc, err);
    }

    ds_store_done(store, st);

    return rc;
}


int
ds_store_use_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_USE_KEPT, key, err);

    if (st != NULL) {
        (void) sqlite3_bind_int64(st, 2, ds_now());
    }

    return ds_store_run(store, st, err);
}


int
ds_store_delete_kept(ds_store_t *store, const char *key, ds_error_t *err)
{
    return ds_store_run(store,
                        ds_store_stmt(store, DS_SQL_DELETE_KEPT, key, err),
                        err);
}


int
ds_store_list_kept(ds_store_t *store, uint32_t offset, ds_kept_t *kept,
    size_t *n, ds_error_t *err)
{
    int            rc;
    size_t         i;
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_LIST_KEPT, NULL, err);
    if (st == NULL) {
        *n = 0;
        return err->code;
    }

    (void) sqlite3_bind_int64(st, 1, offset);
    (void) sqlite3_bind_int64(st, 2, (int64_t) *n);

    i = 0;

    while ((rc = sqlite3_step(st)) == SQLITE_ROW && i < *n) {
        ds_store_read(st, 0, ds_columns_kept, &kept[i++]);
    }

    *n = i;

    rc = rc == SQLITE_DONE || rc == SQLITE_ROW
         ? DS_OK : ds_store_fail(store->db, rc, err);

    ds_store_done(store, st);

    return rc;
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
    if (st == NULL) {
        return err->code;
    }

    rc = sqlite3_step(st);

    if (rc == SQLITE_ROW) {
        *count = (uint32_t) sqlite3_column_int64(st, 0);
        *size = (uint64_t) sqlite3_column_int64(st, 1);
        rc = DS_OK;

    } else {
        rc = ds_store_fail(store->db, rc, err);
    }

    ds_store_done(store, st);

    return rc;
}
