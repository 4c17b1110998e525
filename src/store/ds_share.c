
/*
 * ds_share.c: rows of SQLite to keys of etcd and back.  All rows of one table
 * that belong to one stream are one key, TABLE/NAME; its value is an array of
 * objects, a member for each column, made and read by SQLite.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "store/ds_share.h"


/* ms of one try, and of all of a call */
#define DS_SHARE_TIMEOUT  1000
#define DS_SHARE_MOST     2500

/* times that a write is looked for whose outcome is not known */
#define DS_SHARE_LOOKS    3

/* progresses in one transaction */
#define DS_SHARE_BATCH    32


/*
 * The tables, those that others refer to first.  What is in none of them is
 * the node's own.
 */

#define DS_SHARE_NAME(table, columns, params)  #table,
#define DS_SHARE_ONE(table, columns, params)   + 1

static const char *const  ds_share_tables[] = {
    "stream", DS_STORE_PARTS(DS_SHARE_NAME) "command", "progress", "queue",
    "queue_key"
};

#define DS_SHARE_TABLES                                                       \
    (sizeof(ds_share_tables) / sizeof(ds_share_tables[0]))

/* how many are of the definition; and the one that is the stream */
#define DS_SHARE_DEFINITION  (1 DS_STORE_PARTS(DS_SHARE_ONE))
#define DS_SHARE_STREAM      0
#define DS_SHARE_COMMAND     DS_SHARE_DEFINITION
#define DS_SHARE_PROGRESS    (DS_SHARE_COMMAND + 1)

_Static_assert(DS_SHARE_NEWS == DS_SHARE_COMMAND + 1, "DS_SHARE_NEWS");


typedef struct {
    char       *text;                   /* as it was loaded; NULL: no row */
    int64_t     created;
    int64_t     modified;               /* 0: not there */
} ds_share_part_t;

typedef struct {
    char             name[DS_NAME_LEN + 1];
    int64_t          epoch;             /* 0: of no owner */
    bool             read;
    unsigned         loaded;            /* into the tables, in a part of the
                                           transaction of this depth */
    bool             progress;          /* it alone, not loaded */
    ds_share_part_t  parts[DS_SHARE_TABLES];
} ds_share_one_t;

struct ds_share_s {
    ds_etcd_t        *etcd;
    char             *prefix;
    char             *dumps[DS_SHARE_TABLES];
    char             *loads[DS_SHARE_TABLES];
    ds_share_one_t   *ones;             /* of this transaction */
    size_t            n;
    int64_t           seen;             /* revision of what was read last */
};


static void ds_share_forget(ds_share_t *share);
static ds_share_one_t *ds_share_one(ds_share_t *share, const char *name,
    ds_error_t *err);
static char *ds_share_key(ds_share_t *share, const char *table,
    const char *name);
static int ds_share_fetch(ds_share_t *share, ds_share_one_t *one,
    ds_error_t *err);
static int ds_share_fetch_all(ds_share_t *share, ds_error_t *err);
static int ds_share_known(ds_share_t *share, sqlite3 *db, ds_error_t *err);
static int ds_share_apply(ds_share_t *share, sqlite3 *db, ds_share_one_t *one,
    ds_error_t *err);
static bool ds_share_same(const char *a, const char *b);
static int ds_share_put(ds_share_t *share, sqlite3 *db, ds_share_one_t *one,
    int64_t *written, ds_error_t *err);
static int ds_share_put_progress(ds_share_t *share, sqlite3 *db,
    ds_share_one_t **ones, size_t n, int64_t *written, ds_error_t *err);
static int ds_share_write(ds_share_t *share, ds_share_one_t *one,
    const ds_etcd_txn_t *txn, int64_t *written, ds_error_t *err);
static int ds_share_look(ds_share_t *share, const ds_etcd_txn_t *txn,
    int64_t *written, ds_error_t *err);
static int ds_share_stale(ds_share_t *share, ds_share_one_t *one,
    ds_error_t *err);
static int ds_share_sql(ds_share_t *share, sqlite3 *db, size_t table,
    ds_error_t *err);
static int ds_share_columns(sqlite3_stmt *st, sqlite3_str **parts);
static int ds_share_dump(ds_share_t *share, sqlite3 *db, size_t table,
    const char *name, char **text, ds_error_t *err);
static int ds_share_note(sqlite3 *db, const char *name, int64_t revision,
    ds_error_t *err);
static int ds_share_run(sqlite3 *db, const char *sql, const char *name,
    const char *text, ds_error_t *err);


ds_share_t *
ds_share_create(const ds_cluster_conf_t *conf, ds_error_t *err)
{
    ds_share_t      *share;
    ds_etcd_conf_t   etcd;

    share = calloc(1, sizeof(ds_share_t));

    if (share == NULL || ds_copy(&share->prefix, conf->prefix) != DS_OK) {
        free(share);
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    memset(&etcd, 0, sizeof(ds_etcd_conf_t));

    etcd.endpoints = conf->endpoints;
    etcd.ca = conf->ca;
    etcd.cert = conf->cert;
    etcd.key = conf->key;
    etcd.user = conf->user;
    etcd.password = conf->password;
    etcd.timeout = DS_SHARE_TIMEOUT;
    etcd.most = DS_SHARE_MOST;

    share->etcd = ds_etcd_create(&etcd, NULL, err);

    if (share->etcd == NULL) {
        ds_share_free(&share);
    }

    return share;
}


void
ds_share_free(ds_share_t **pshare)
{
    size_t       i;
    ds_share_t  *share;

    share = *pshare;
    if (share == NULL) {
        return;
    }

    *pshare = NULL;

    ds_share_forget(share);
    ds_etcd_free(&share->etcd);

    for (i = 0; i < DS_SHARE_TABLES; i++) {
        sqlite3_free(share->dumps[i]);
        sqlite3_free(share->loads[i]);
    }

    free(share->ones);
    free(share->prefix);
    free(share);
}


void
ds_share_end(ds_share_t *share, unsigned depth, bool done)
{
    size_t           i;
    ds_share_one_t  *one;

    if (depth == 0) {
        ds_share_forget(share);
        return;
    }

    /* what was undone is to be loaded again, from what was read */

    for (i = 0; i < share->n; i++) {
        one = &share->ones[i];

        if (one->loaded > depth) {
            one->loaded = done ? depth : 0;
        }
    }
}


static void
ds_share_forget(ds_share_t *share)
{
    size_t  i, j;

    for (i = 0; i < share->n; i++) {
        for (j = 0; j < DS_SHARE_TABLES; j++) {
            free(share->ones[i].parts[j].text);
        }
    }

    free(share->ones);
    share->ones = NULL;
    share->n = 0;
}


/* what is known of a stream in this transaction; NULL: no memory */

static ds_share_one_t *
ds_share_one(ds_share_t *share, const char *name, ds_error_t *err)
{
    size_t           i;
    ds_share_one_t  *p;

    for (i = 0; i < share->n; i++) {
        if (strcmp(share->ones[i].name, name) == 0) {
            return &share->ones[i];
        }
    }

    if ((share->n & (share->n - 1)) == 0) {
        p = realloc(share->ones, (share->n == 0 ? 1 : share->n * 2)
                                 * sizeof(ds_share_one_t));
        if (p == NULL) {
            (void) ds_fail(err, DS_ENOMEM, "realloc() failed");
            return NULL;
        }

        share->ones = p;
    }

    p = &share->ones[share->n++];
    memset(p, 0, sizeof(ds_share_one_t));
    ds_text(p->name, sizeof(p->name), name);

    return p;
}


static char *
ds_share_key(ds_share_t *share, const char *table, const char *name)
{
    return ds_sprintf("%s%s/%s", share->prefix, table, name);
}


const char *
ds_share_news(size_t i, bool *command)
{
    *command = i == DS_SHARE_COMMAND;

    return i <= DS_SHARE_COMMAND ? ds_share_tables[i] : NULL;
}


int
ds_share_read(ds_share_t *share, sqlite3 *db, const char *name,
    ds_error_t *err)
{
    int              rc;
    ds_share_one_t  *one;

    if (name != NULL) {
        one = ds_share_one(share, name, err);

        return one == NULL ? DS_ENOMEM
               : one->read ? DS_OK : ds_share_fetch(share, one, err);
    }

    ds_share_forget(share);

    rc = ds_share_known(share, db, err);

    return rc == DS_OK ? ds_share_fetch_all(share, err) : rc;
}


int
ds_share_load(ds_share_t *share, sqlite3 *db, unsigned depth,
    ds_error_t *err)
{
    int     rc;
    size_t  i;

    rc = DS_OK;

    for (i = 0; rc == DS_OK && i < share->n; i++) {
        if (share->ones[i].read && !share->ones[i].loaded) {
            rc = ds_share_apply(share, db, &share->ones[i], err);
            share->ones[i].loaded = rc == DS_OK ? depth : 0;
        }
    }

    return rc;
}


/* one transaction that writes nothing: all is of one revision */

static int
ds_share_fetch(ds_share_t *share, ds_share_one_t *one, ds_error_t *err)
{
    int               rc;
    size_t            i, n;
    ds_etcd_op_t      ops[DS_SHARE_TABLES];
    ds_etcd_txn_t     txn;
    ds_etcd_found_t   found;
    ds_share_part_t  *part;

    memset(ops, 0, sizeof(ops));
    memset(&txn, 0, sizeof(ds_etcd_txn_t));
    memset(&found, 0, sizeof(ds_etcd_found_t));

    rc = DS_OK;
    txn.then = ops;
    txn.nthen = DS_SHARE_TABLES;

    for (i = 0; i < DS_SHARE_TABLES; i++) {
        ops[i].kind = DS_ETCD_GET;
        ops[i].key = ds_share_key(share, ds_share_tables[i], one->name);

        if (ops[i].key == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "malloc() failed");
        }
    }

    if (rc == DS_OK) {
        rc = ds_etcd_txn(share->etcd, &txn, &found, err);
        share->seen = found.revision;
    }

    for (n = 0, i = 0; i < DS_SHARE_TABLES; i++) {
        part = &one->parts[i];

        if (n < found.n && strcmp(found.kvs[n].key, ops[i].key) == 0) {
            free(part->text);
            part->text = found.kvs[n].value;
            part->created = found.kvs[n].created;
            part->modified = found.kvs[n].modified;
            found.kvs[n++].value = NULL;
        }

        free((char *) ops[i].key);
    }

    ds_etcd_found_free(&found);
    one->read = rc == DS_OK;

    return rc;
}


/* all tables at one revision */

static int
ds_share_fetch_all(ds_share_t *share, ds_error_t *err)
{
    int               rc;
    char             *key;
    size_t            i, j, len;
    ds_etcd_ask_t     ask;
    ds_etcd_found_t   found;
    ds_share_one_t   *one;
    ds_share_part_t  *part;

    rc = DS_OK;
    memset(&ask, 0, sizeof(ds_etcd_ask_t));
    ask.prefix = true;

    for (i = 0; rc == DS_OK && i < DS_SHARE_TABLES; i++) {
        key = ds_share_key(share, ds_share_tables[i], "");

        if (key == NULL) {
            return ds_fail(err, DS_ENOMEM, "malloc() failed");
        }

        ask.key = key;
        rc = ds_etcd_range(share->etcd, &ask, &found, err);
        len = strlen(key);

        if (rc == DS_OK) {
            ask.revision = found.revision;
            share->seen = found.revision;
        }

        for (j = 0; rc == DS_OK && j < found.n; j++) {

            /* not one of ours */

            if (ds_check_name(found.kvs[j].key + len, NULL) != DS_OK) {
                continue;
            }

            one = ds_share_one(share, found.kvs[j].key + len, err);

            if (one == NULL) {
                rc = DS_ENOMEM;
                break;
            }

            part = &one->parts[i];
            part->text = found.kvs[j].value;
            part->created = found.kvs[j].created;
            part->modified = found.kvs[j].modified;
            found.kvs[j].value = NULL;
        }

        if (rc == DS_OK || rc == DS_ENOMEM) {
            ds_etcd_found_free(&found);
        }

        free(key);
    }

    for (i = 0; i < share->n; i++) {
        share->ones[i].read = rc == DS_OK;
    }

    return rc;
}


/* the streams there are here */

static int
ds_share_known(ds_share_t *share, sqlite3 *db, ds_error_t *err)
{
    int            rc;
    const char    *name;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(db, "SELECT name FROM stream", -1, &st, NULL);

    while (rc == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW) {
        name = (const char *) sqlite3_column_text(st, 0);

        if (name == NULL || ds_share_one(share, name, err) == NULL) {
            (void) sqlite3_finalize(st);
            return ds_fail(err, DS_ENOMEM, "no memory for what is shared");
        }
    }

    /* which says how the last step went */

    if (rc == SQLITE_OK) {
        rc = sqlite3_finalize(st);
    }

    return rc == SQLITE_OK ? DS_OK : ds_store_fail(db, rc, err);
}


/*
 * What is as it was is not touched.  A stream that is no more takes all of its
 * rows along; one that there is keeps what the node alone has of it.
 */

static int
ds_share_apply(ds_share_t *share, sqlite3 *db, ds_share_one_t *one,
    ds_error_t *err)
{
    int               rc;
    char             *text;
    size_t            i;
    ds_share_part_t  *part;

    rc = DS_OK;

    if (one->parts[DS_SHARE_STREAM].text == NULL) {
        /* with all that belongs to it */
        rc = ds_share_run(db, "DELETE FROM stream WHERE name = ?1", one->name,
                          NULL, err);

        /* what is left there of one that was */

        for (i = 0; i < DS_SHARE_TABLES; i++) {
            free(one->parts[i].text);
            one->parts[i].text = NULL;
        }

        return rc;
    }

    for (i = 0; rc == DS_OK && i < DS_SHARE_TABLES; i++) {
        part = &one->parts[i];
        rc = ds_share_dump(share, db, i, one->name, &text, err);

        if (rc == DS_OK && !ds_share_same(text, part->text)) {
            if (i != DS_SHARE_STREAM) {
                char  sql[64];

                (void) sqlite3_snprintf(sizeof(sql), sql, "DELETE FROM %s "
                                        "WHERE name = ?1", ds_share_tables[i]);
                rc = ds_share_run(db, sql, one->name, NULL, err);
            }

            if (rc == DS_OK && part->text != NULL) {
                rc = ds_share_run(db, share->loads[i], one->name, part->text,
                                  err);
            }

            /* what is compared with later on is as this build writes it */

            free(text);
            text = NULL;

            if (rc == DS_OK) {
                rc = ds_share_dump(share, db, i, one->name, &text, err);
            }
        }

        free(part->text);
        part->text = text;
    }

    if (rc == DS_OK) {
        rc = ds_share_note(db, one->name, ds_share_revision(share, one->name),
                           err);
    }

    return rc;
}


/* NULL is like nothing but NULL */

static bool
ds_share_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}


int
ds_share_give(ds_share_t *share, const char *name, ds_error_t *err)
{
    size_t           i;
    ds_share_one_t  *one;

    one = ds_share_one(share, name, err);

    if (one == NULL) {
        return DS_ENOMEM;
    }

    if (one->parts[DS_SHARE_STREAM].text != NULL) {
        return ds_fail(err, DS_ESTORE_EXISTS, "the cluster has a stream of "
                       "that name");
    }

    /* what is left there of one that was makes room */

    for (i = 0; i < DS_SHARE_TABLES; i++) {
        free(one->parts[i].text);
        one->parts[i].text = NULL;
    }

    one->loaded = 1;

    return DS_OK;
}


int64_t
ds_share_seen(ds_share_t *share)
{
    return share->seen;
}


int64_t
ds_share_revision(ds_share_t *share, const char *name)
{
    size_t           i;
    int64_t          revision;
    ds_share_one_t  *one;

    revision = 0;
    one = ds_share_one(share, name, NULL);

    for (i = 0; one != NULL && i < DS_SHARE_DEFINITION; i++) {
        if (one->parts[i].modified > revision) {
            revision = one->parts[i].modified;
        }
    }

    return revision;
}


/* the revision of a stream's definition, for who reads it here */

static int
ds_share_note(sqlite3 *db, const char *name, int64_t revision,
    ds_error_t *err)
{
    char  text[24];

    (void) sqlite3_snprintf(sizeof(text), text, "%lld", (long long) revision);

    return ds_share_run(db, "INSERT INTO shared (name, revision) "
                        "SELECT ?1, CAST(?2 AS INTEGER) "
                        "WHERE EXISTS (SELECT 1 FROM stream WHERE name = ?1) "
                        "ON CONFLICT (name) DO UPDATE "
                        "SET revision = excluded.revision "
                        "WHERE revision <> excluded.revision", name, text,
                        err);
}


int
ds_share_progress(ds_share_t *share, const char *name, ds_error_t *err)
{
    ds_share_one_t  *one;

    one = ds_share_one(share, name, err);

    if (one == NULL) {
        return DS_ENOMEM;
    }

    one->progress = true;

    return DS_OK;
}


void
ds_share_own(ds_share_t *share, const char *name, int64_t epoch)
{
    ds_share_one_t  *one;

    one = epoch != 0 ? ds_share_one(share, name, NULL) : NULL;

    if (one != NULL) {
        one->epoch = epoch;
    }
}


int
ds_share_save(ds_share_t *share, sqlite3 *db, int64_t *written,
    ds_error_t *err)
{
    int              rc;
    size_t           i, n;
    ds_share_one_t  *one, *light[DS_SHARE_BATCH];

    n = 0;
    rc = DS_OK;
    *written = 0;

    for (i = 0; rc == DS_OK && i < share->n; i++) {
        one = &share->ones[i];

        if (one->loaded) {
            rc = ds_share_put(share, db, one, written, err);

        } else if (one->progress) {
            light[n++] = one;

            if (n == DS_SHARE_BATCH) {
                rc = ds_share_put_progress(share, db, light, n, written, err);
                n = 0;
            }
        }
    }

    return rc == DS_OK && n != 0
           ? ds_share_put_progress(share, db, light, n, written, err) : rc;
}


static int
ds_share_put(ds_share_t *share, sqlite3 *db, ds_share_one_t *one,
    int64_t *written, ds_error_t *err)
{
    int                rc;
    bool               defines;
    char              *text, *keys[DS_SHARE_TABLES + 1];
    char              *texts[DS_SHARE_TABLES];
    size_t             i, n;
    ds_etcd_op_t       ops[DS_SHARE_TABLES];
    ds_etcd_txn_t      txn;
    ds_share_part_t   *part;
    ds_etcd_compare_t  compares[DS_SHARE_TABLES + 2];

    memset(keys, 0, sizeof(keys));
    memset(texts, 0, sizeof(texts));
    memset(ops, 0, sizeof(ops));
    memset(compares, 0, sizeof(compares));
    memset(&txn, 0, sizeof(ds_etcd_txn_t));

    rc = DS_OK;
    n = 0;
    defines = false;

    for (i = 0; rc == DS_OK && i < DS_SHARE_TABLES; i++) {
        part = &one->parts[i];
        rc = ds_share_dump(share, db, i, one->name, &text, err);
        texts[i] = text;
        keys[i] = ds_share_key(share, ds_share_tables[i], one->name);

        if (rc == DS_OK && keys[i] == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "malloc() failed");
        }

        if (rc != DS_OK
            || (text == NULL ? part->modified == 0
                             : ds_share_same(text, part->text)))
        {
            continue;
        }

        compares[n].key = keys[i];
        compares[n].target = DS_ETCD_MODIFIED;
        compares[n].number = part->modified;

        ops[n].kind = text != NULL ? DS_ETCD_PUT : DS_ETCD_DELETE;
        ops[n].key = keys[i];
        ops[n].value = text;
        ops[n].len = text != NULL ? strlen(text) : 0;
        defines = defines || i < DS_SHARE_DEFINITION;
        n++;
    }

    txn.then = ops;
    txn.nthen = n;
    txn.compares = compares;
    txn.ncompares = n;

    if (rc == DS_OK && n != 0) {
        /* it is still the same stream, of the same owner */

        compares[txn.ncompares].key = keys[DS_SHARE_STREAM];
        compares[txn.ncompares].target = DS_ETCD_CREATED;
        compares[txn.ncompares++].number =
                                         one->parts[DS_SHARE_STREAM].created;

        if (one->epoch != 0) {
            keys[i] = ds_share_key(share, "owner", one->name);
            compares[txn.ncompares].key = keys[i];
            compares[txn.ncompares].target = DS_ETCD_CREATED;
            compares[txn.ncompares++].number = one->epoch;
        }

        rc = one->epoch != 0 && keys[i] == NULL
             ? ds_fail(err, DS_ENOMEM, "malloc() failed")
             : ds_share_write(share, one, &txn, written, err);
    }

    if (rc == DS_OK && defines) {
        rc = ds_share_note(db, one->name, *written, err);
    }

    for (i = 0; i < DS_SHARE_TABLES; i++) {
        free(keys[i]);
        free(texts[i]);
    }

    free(keys[DS_SHARE_TABLES]);

    return rc;
}


/*
 * Of streams that nobody else writes it of.  Where one of them is another
 * node's by now, or no more, the others are written without it.
 */

static int
ds_share_put_progress(ds_share_t *share, sqlite3 *db, ds_share_one_t **ones,
    size_t n, int64_t *written, ds_error_t *err)
{
    int                rc;
    char              *keys[DS_SHARE_BATCH * 2], *texts[DS_SHARE_BATCH];
    size_t             i, m;
    ds_etcd_op_t       ops[DS_SHARE_BATCH];
    ds_etcd_txn_t      txn;
    ds_etcd_compare_t  compares[DS_SHARE_BATCH];

    memset(ops, 0, sizeof(ops));
    memset(compares, 0, sizeof(compares));
    memset(&txn, 0, sizeof(ds_etcd_txn_t));

    rc = DS_OK;

    for (i = 0, m = 0; i < n; i++) {
        texts[i] = NULL;
        keys[2 * i] = ds_share_key(share, ds_share_tables[DS_SHARE_PROGRESS],
                                   ones[i]->name);
        keys[2 * i + 1] = ds_share_key(share, ones[i]->epoch != 0
                                       ? "owner"
                                       : ds_share_tables[DS_SHARE_STREAM],
                                       ones[i]->name);

        if (rc == DS_OK) {
            rc = keys[2 * i] == NULL || keys[2 * i + 1] == NULL
                 ? ds_fail(err, DS_ENOMEM, "malloc() failed")
                 : ds_share_dump(share, db, DS_SHARE_PROGRESS, ones[i]->name,
                                 &texts[i], err);
        }

        if (rc != DS_OK || texts[i] == NULL) {
            continue;
        }

        compares[m].key = keys[2 * i + 1];
        compares[m].target = DS_ETCD_CREATED;
        compares[m].result = ones[i]->epoch != 0 ? DS_ETCD_EQUAL
                                                 : DS_ETCD_GREATER;
        compares[m].number = ones[i]->epoch;
        ops[m].key = keys[2 * i];
        ops[m].value = texts[i];
        ops[m].len = strlen(texts[i]);
        m++;
    }

    txn.compares = compares;
    txn.ncompares = m;
    txn.then = ops;
    txn.nthen = m;

    if (rc == DS_OK && m != 0) {
        rc = ds_share_write(share, NULL, &txn, written, err);
    }

    for (i = 0; i < n; i++) {
        free(keys[2 * i]);
        free(keys[2 * i + 1]);
        free(texts[i]);
    }

    if (rc != DS_ECLUSTER_CONFLICT) {
        return rc;
    }

    if (n == 1) {
        return DS_OK;
    }

    rc = ds_share_put_progress(share, db, ones, n / 2, written, err);

    return rc == DS_OK
           ? ds_share_put_progress(share, db, ones + n / 2, n - n / 2,
                                   written, err)
           : rc;
}


/*
 * A write whose outcome is not known is looked for: it is there, or it is sent
 * again, which its compares allow once; or nobody can say.  "one" NULL: it
 * does not matter what has changed.
 */

static int
ds_share_write(ds_share_t *share, ds_share_one_t *one,
    const ds_etcd_txn_t *txn, int64_t *written, ds_error_t *err)
{
    int              rc;
    bool             unknown;
    unsigned         looks;
    ds_error_t       first;
    ds_etcd_found_t  found;

    unknown = false;
    ds_error_clear(&first);

    for (looks = 0; looks <= DS_SHARE_LOOKS; looks++) {
        rc = ds_etcd_txn(share->etcd, txn, &found, err);

        if (rc == DS_OK) {
            *written = found.revision;
            return DS_OK;
        }

        if (rc == DS_ECLUSTER_CONFLICT && !unknown) {
            return one != NULL && one->epoch != 0
                   ? ds_share_stale(share, one, err) : rc;
        }

        if (rc == DS_ECLUSTER_UNKNOWN && !unknown) {
            unknown = true;
            first = *err;

        } else if (rc != DS_ECLUSTER_UNKNOWN && rc != DS_ECLUSTER_CONFLICT
                   && !unknown)
        {
            return rc;
        }

        if (ds_share_look(share, txn, written, err) == DS_OK) {
            return DS_OK;
        }

        /* what has changed meanwhile was not ours, or is gone again */

        if (rc == DS_ECLUSTER_CONFLICT) {
            break;
        }
    }

    if (err != NULL) {
        *err = first;
    }

    return DS_ECLUSTER_UNKNOWN;
}


/* DS_OK: all is as it is when the transaction was done, at *written */

static int
ds_share_look(ds_share_t *share, const ds_etcd_txn_t *txn, int64_t *written,
    ds_error_t *err)
{
    int              rc;
    bool             same;
    size_t           i;
    int64_t          revision;
    ds_etcd_ask_t    ask;
    ds_etcd_found_t  found;

    revision = 0;

    for (i = 0; i < txn->nthen; i++) {
        memset(&ask, 0, sizeof(ds_etcd_ask_t));
        ask.key = txn->then[i].key;

        rc = ds_etcd_range(share->etcd, &ask, &found, err);

        if (rc != DS_OK) {
            return rc;
        }

        same = txn->then[i].kind == DS_ETCD_DELETE
               ? found.n == 0
               : found.n == 1 && found.kvs[0].len == txn->then[i].len
                 && memcmp(found.kvs[0].value, txn->then[i].value,
                           txn->then[i].len) == 0;

        /* what is gone does not say since when: the reading is not before */

        if (found.n != 0) {
            revision = found.kvs[0].modified;

        } else if (revision == 0) {
            revision = found.revision;
        }

        ds_etcd_found_free(&found);

        if (!same) {
            return DS_ECLUSTER_CONFLICT;
        }
    }

    *written = revision;

    return DS_OK;
}


/* DS_OK: it belongs to another one, to whom nothing is to be said */

static int
ds_share_stale(ds_share_t *share, ds_share_one_t *one, ds_error_t *err)
{
    int              rc;
    bool             ours;
    char            *key;
    ds_etcd_ask_t    ask;
    ds_etcd_found_t  found;

    key = ds_share_key(share, "owner", one->name);

    if (key == NULL) {
        return ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    memset(&ask, 0, sizeof(ds_etcd_ask_t));
    ask.key = key;

    rc = ds_etcd_range(share->etcd, &ask, &found, err);
    free(key);

    if (rc != DS_OK) {
        return rc;
    }

    ours = found.n == 1 && found.kvs[0].created == one->epoch;
    ds_etcd_found_free(&found);

    return ours ? ds_fail(err, DS_ECLUSTER_CONFLICT, "somebody else has "
                          "changed it")
                : DS_OK;
}


/*
 * The columns are those this build has.  What another build has not written is
 * what the table says it is, or nothing; what it has more is left alone.
 */

static int
ds_share_sql(ds_share_t *share, sqlite3 *db, size_t table, ds_error_t *err)
{
    int            rc;
    char          *dump, *names, *values, *set;
    sqlite3_str   *parts[4];
    const char    *text;
    sqlite3_stmt  *st;

    text = ds_share_tables[table];
    parts[0] = sqlite3_str_new(db);
    parts[1] = sqlite3_str_new(db);
    parts[2] = sqlite3_str_new(db);
    parts[3] = sqlite3_str_new(db);

    rc = sqlite3_prepare_v2(db, "SELECT name, type, dflt_value "
                            "FROM pragma_table_info(?1) WHERE name <> 'name'",
                            -1, &st, NULL);

    if (rc == SQLITE_OK) {
        (void) sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
        rc = ds_share_columns(st, parts);
    }

    /* NULL: no memory, as there are columns */

    dump = sqlite3_str_finish(parts[0]);
    names = sqlite3_str_finish(parts[1]);
    values = sqlite3_str_finish(parts[2]);
    set = sqlite3_str_finish(parts[3]);

    if (rc == SQLITE_OK && dump != NULL && names != NULL && values != NULL
        && set != NULL)
    {
        share->dumps[table] = sqlite3_mprintf("SELECT json_group_array("
                                  "json_object(%s)) FROM (SELECT * FROM %s "
                                  "WHERE name = ?1 ORDER BY 2)", dump, text);
        share->loads[table] = sqlite3_mprintf("INSERT INTO %s (name, %s) "
                                  "SELECT ?1, %s FROM json_each(?2) "
                                  "WHERE true%s%s", text, names, values,
                                  table == DS_SHARE_STREAM
                                  ? " ON CONFLICT (name) DO UPDATE SET " : "",
                                  table == DS_SHARE_STREAM ? set : "");
    }

    sqlite3_free(dump);
    sqlite3_free(names);
    sqlite3_free(values);
    sqlite3_free(set);

    if (share->dumps[table] != NULL && share->loads[table] != NULL) {
        return DS_OK;
    }

    /* both of them, or none: a half would be taken for a row */

    sqlite3_free(share->dumps[table]);
    sqlite3_free(share->loads[table]);
    share->dumps[table] = NULL;
    share->loads[table] = NULL;

    return ds_store_fail(db, rc != SQLITE_OK ? rc : SQLITE_NOMEM, err);
}


/* "st" is done with; SQLite's result code */

static int
ds_share_columns(sqlite3_stmt *st, sqlite3_str **parts)
{
    int          rc;
    const char  *column, *type, *initial, *comma;

    comma = "";

    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        column = (const char *) sqlite3_column_text(st, 0);
        type = (const char *) sqlite3_column_text(st, 1);
        initial = (const char *) sqlite3_column_text(st, 2);

        if (column == NULL || type == NULL) {
            (void) sqlite3_finalize(st);
            return SQLITE_NOMEM;
        }

        if (initial == NULL) {
            initial = strcmp(type, "TEXT") == 0 ? "''" : "0";
        }

        sqlite3_str_appendf(parts[0], "%s'%s', \"%s\"", comma, column, column);
        sqlite3_str_appendf(parts[1], "%s\"%s\"", comma, column);
        sqlite3_str_appendf(parts[2], "%scoalesce(json_extract(value, '$.%s'), "
                            "%s)", comma, column, initial);
        sqlite3_str_appendf(parts[3], "%s\"%s\" = excluded.\"%s\"", comma,
                            column, column);
        comma = ", ";
    }

    (void) sqlite3_finalize(st);

    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}


/* malloc()ed; NULL: there is no row */

static int
ds_share_dump(ds_share_t *share, sqlite3 *db, size_t table, const char *name,
    char **text, ds_error_t *err)
{
    int            rc;
    const char    *p;
    sqlite3_stmt  *st;

    *text = NULL;

    if (share->dumps[table] == NULL) {
        rc = ds_share_sql(share, db, table, err);

        if (rc != DS_OK) {
            return rc;
        }
    }

    rc = sqlite3_prepare_v2(db, share->dumps[table], -1, &st, NULL);

    if (rc == SQLITE_OK) {
        (void) sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
        rc = sqlite3_step(st);
    }

    if (rc != SQLITE_ROW) {
        rc = ds_store_fail(db, rc, err);
        (void) sqlite3_finalize(st);
        return rc;
    }

    p = (const char *) sqlite3_column_text(st, 0);
    rc = DS_OK;

    if (p == NULL) {
        rc = ds_fail(err, DS_ENOMEM, "no memory for what is shared");

    } else if (strcmp(p, "[]") != 0) {
        *text = strdup(p);
        rc = *text != NULL ? DS_OK : ds_fail(err, DS_ENOMEM,
                                             "strdup() failed");
    }

    (void) sqlite3_finalize(st);

    return rc;
}


/* "text" NULL: there is no second parameter */

static int
ds_share_run(sqlite3 *db, const char *sql, const char *name,
    const char *text, ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

    if (rc == SQLITE_OK) {
        (void) sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);

        if (text != NULL) {
            (void) sqlite3_bind_text(st, 2, text, -1, SQLITE_STATIC);
        }

        rc = sqlite3_step(st);
    }

    rc = rc == SQLITE_DONE ? DS_OK : ds_store_fail(db, rc, err);
    (void) sqlite3_finalize(st);

    return rc;
}
