
/* ds_store_kept.c: the part of the store that is the cache's index. */

#include "store/ds_store_db.h"


static void ds_store_read_kept(sqlite3_stmt *st, ds_kept_t *kept);


int
ds_store_put_kept(ds_store_t *store, const ds_kept_t *k, ds_error_t *err)
{
    sqlite3_stmt  *st;

    st = ds_store_stmt(store, DS_SQL_PUT_KEPT, k->key, err);

    if (st != NULL) {
        (void) sqlite3_bind_text(st, 2, k->form, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 3, k->id, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 4, k->title, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 5, k->origin, -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(st, 6, k->files);
        (void) sqlite3_bind_int64(st, 7, (int64_t) k->size);
        (void) sqlite3_bind_text(st, 8, k->sum[0], -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_text(st, 9, k->sum[1], -1, SQLITE_TRANSIENT);
        (void) sqlite3_bind_int64(st, 10, k->duration);
        (void) sqlite3_bind_int64(st, 11, k->kept);
        (void) sqlite3_bind_int64(st, 12, k->used);
        (void) sqlite3_bind_int64(st, 13, (int64_t) k->uses);
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
        ds_store_read_kept(st, kept);
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
        ds_store_read_kept(st, &kept[i++]);
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


static void
ds_store_read_kept(sqlite3_stmt *st, ds_kept_t *k)
{
    ds_store_column(st, 0, k->key, sizeof(k->key));
    ds_store_column(st, 1, k->form, sizeof(k->form));
    ds_store_column(st, 2, k->id, sizeof(k->id));
    ds_store_column(st, 3, k->title, sizeof(k->title));
    ds_store_column(st, 4, k->origin, sizeof(k->origin));
    k->files = (uint32_t) sqlite3_column_int64(st, 5);
    k->size = (uint64_t) sqlite3_column_int64(st, 6);
    ds_store_column(st, 7, k->sum[0], sizeof(k->sum[0]));
    ds_store_column(st, 8, k->sum[1], sizeof(k->sum[1]));
    k->duration = sqlite3_column_int64(st, 9);
    k->kept = sqlite3_column_int64(st, 10);
    k->used = sqlite3_column_int64(st, 11);
    k->uses = (uint64_t) sqlite3_column_int64(st, 12);
}
