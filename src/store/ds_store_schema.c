
/*
 * ds_store_schema.c: the store's tables, the way from each version of them
 * to the next and back, and what is done about a file that is damaged.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/ds_store_db.h"


/*
 * The way from version N to N + 1, and back.  What a version added stays when
 * it is left: an older build has no use for it, and the way forth finds it.
 */

typedef struct {
    const char  *up;
    const char  *down;
} ds_step_t;


/* of the first one of "outputs", as ds_outlet.c writes it */
#define DS_FIRST         "substr(outputs, 5 + instr(substr(outputs, 5), ' '))"
#define DS_FIRST_URL     "substr(" DS_FIRST ", 1, instr(" DS_FIRST ", ' ') - 1)"
#define DS_FIRST_ENGINE  "(substr(outputs, 2, 1) = 'e')"


static const ds_step_t  ds_steps[] = {
    {
        "CREATE TABLE stream ("
        "    name TEXT PRIMARY KEY, playlist TEXT NOT NULL,"
        "    mode TEXT NOT NULL, publish TEXT NOT NULL, push TEXT NOT NULL,"
        "    shuffle INTEGER NOT NULL, loop INTEGER NOT NULL,"
        "    is_static INTEGER NOT NULL, running INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE progress ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    state TEXT NOT NULL, item INTEGER NOT NULL,"
        "    item_id TEXT NOT NULL, position INTEGER NOT NULL,"
        "    seed INTEGER NOT NULL, pass INTEGER NOT NULL,"
        "    at INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TRIGGER other_playlist AFTER UPDATE OF playlist ON stream "
        "WHEN old.playlist <> new.playlist BEGIN "
        "    DELETE FROM progress WHERE name = new.name; "
        "END;",
        "DROP TABLE progress; DROP TABLE stream;"
    },
    {
        "CREATE TABLE IF NOT EXISTS item ("
        "    name TEXT NOT NULL REFERENCES stream ON DELETE CASCADE,"
        "    idx INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL,"
        "    duration INTEGER NOT NULL, state INTEGER NOT NULL,"
        "    code TEXT NOT NULL, reason TEXT NOT NULL,"
        "    PRIMARY KEY (name, idx)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TRIGGER other_items AFTER UPDATE OF playlist ON stream "
        "WHEN old.playlist <> new.playlist BEGIN "
        "    DELETE FROM item WHERE name = new.name; "
        "END;",
        "DROP TRIGGER other_items;"
    },
    {
        /* history outlives its stream */
        "CREATE TABLE IF NOT EXISTS run ("
        "    id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
        "    started_at INTEGER NOT NULL, ended_at INTEGER, state TEXT,"
        "    code TEXT, message TEXT, played INTEGER, failed INTEGER,"
        "    skipped INTEGER, dead_air INTEGER,"
        "    stale INTEGER NOT NULL DEFAULT 0"
        ") STRICT;"
        "CREATE INDEX IF NOT EXISTS run_by_name ON run (name, started_at);"
        "CREATE INDEX IF NOT EXISTS run_open ON run (name) "
        "WHERE ended_at IS NULL;"

        /* what such a run still writes belongs to nobody */
        "CREATE TRIGGER stale_changed AFTER UPDATE OF playlist ON stream "
        "WHEN old.playlist <> new.playlist BEGIN "
        "    UPDATE run SET stale = 1 "
        "    WHERE name = new.name AND ended_at IS NULL; "
        "END;"
        "CREATE TRIGGER stale_deleted AFTER DELETE ON stream BEGIN "
        "    UPDATE run SET stale = 1 "
        "    WHERE name = old.name AND ended_at IS NULL; "
        "END;",
        "DROP TRIGGER stale_changed; DROP TRIGGER stale_deleted;"
    },
    {
        /* a stream without a row is of an older build, and has the defaults */
        "CREATE TABLE IF NOT EXISTS setting ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    push_engine INTEGER NOT NULL, slate TEXT NOT NULL,"
        "    video TEXT NOT NULL, width INTEGER NOT NULL,"
        "    height INTEGER NOT NULL, rate INTEGER NOT NULL,"
        "    video_bitrate INTEGER NOT NULL, audio_bitrate INTEGER NOT NULL,"
        "    sample_rate INTEGER NOT NULL,"
        "    max_keyframe_interval INTEGER NOT NULL,"
        "    max_item_duration INTEGER NOT NULL"
        ") STRICT;",
        ""
    },
    {
        /* what is on the disk stays there, and is found again */
        "CREATE TABLE IF NOT EXISTS kept ("
        "    key TEXT PRIMARY KEY, form TEXT NOT NULL, id TEXT NOT NULL,"
        "    title TEXT NOT NULL, origin TEXT NOT NULL,"
        "    files INTEGER NOT NULL, size INTEGER NOT NULL,"
        "    sum0 TEXT NOT NULL, sum1 TEXT NOT NULL,"
        "    duration INTEGER NOT NULL, kept INTEGER NOT NULL,"
        "    used INTEGER NOT NULL, uses INTEGER NOT NULL"
        ") STRICT;"
        "CREATE INDEX IF NOT EXISTS kept_by_use ON kept (used);",
        ""
    },
    {
        "CREATE TABLE IF NOT EXISTS queue ("
        "    name TEXT NOT NULL REFERENCES stream ON DELETE CASCADE,"
        "    id TEXT NOT NULL, kind INTEGER NOT NULL, state INTEGER NOT NULL,"
        "    place INTEGER NOT NULL, url TEXT NOT NULL,"
        "    idx INTEGER NOT NULL, item TEXT NOT NULL, title TEXT NOT NULL,"
        "    start INTEGER NOT NULL, until INTEGER NOT NULL,"
        "    now INTEGER NOT NULL, resume INTEGER NOT NULL,"
        "    position INTEGER NOT NULL, queued_by TEXT NOT NULL,"
        "    at INTEGER NOT NULL,"
        "    PRIMARY KEY (name, id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS queue_key ("
        "    name TEXT NOT NULL REFERENCES stream ON DELETE CASCADE,"
        "    key TEXT NOT NULL, sum TEXT NOT NULL, id TEXT NOT NULL,"
        "    at INTEGER NOT NULL,"
        "    PRIMARY KEY (name, key)"
        ") STRICT, WITHOUT ROWID;",

        /* an older build knows no place after an item */
        "UPDATE progress SET position = 0 WHERE position < 0;"
    },
    {
        /* an older build would leave another item's URL in its place */
        "ALTER TABLE item ADD COLUMN url TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE item ADD COLUMN audio_url TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE item ADD COLUMN plain INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE item ADD COLUMN pass INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE progress "
        "ADD COLUMN item_key INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE IF NOT EXISTS refresh ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    playlist_refresh INTEGER NOT NULL,"
        "    refresh_jitter INTEGER NOT NULL"
        ") STRICT;",
        "ALTER TABLE item DROP COLUMN url;"
        "ALTER TABLE item DROP COLUMN audio_url;"
        "ALTER TABLE item DROP COLUMN plain;"
        "ALTER TABLE item DROP COLUMN pass;"
        "ALTER TABLE progress DROP COLUMN item_key;"
    },
    {
        /* who changed what; no other table is known here */
        "CREATE TABLE IF NOT EXISTS change ("
        "    id INTEGER PRIMARY KEY, at INTEGER NOT NULL,"
        "    name TEXT NOT NULL, what TEXT NOT NULL, fields TEXT NOT NULL,"
        "    who TEXT NOT NULL, address TEXT NOT NULL"
        ") STRICT;"
        "CREATE INDEX IF NOT EXISTS change_by_name ON change (name, id);"
        "CREATE INDEX IF NOT EXISTS change_by_time ON change (at);"
        "CREATE INDEX IF NOT EXISTS run_by_time ON run (started_at);",
        ""
    },
    {
        "CREATE TABLE IF NOT EXISTS way ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    source_proxy TEXT NOT NULL, source_bind TEXT NOT NULL"
        ") STRICT;",
        ""
    },
    {
        "CREATE TABLE IF NOT EXISTS schedule ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    schedule TEXT NOT NULL"
        ") STRICT;"
        "ALTER TABLE progress ADD COLUMN slots TEXT NOT NULL DEFAULT '';",
        "ALTER TABLE progress DROP COLUMN slots;"
    },
    {
        /* an older build has but one; what it has changed since counts */
        "CREATE TABLE IF NOT EXISTS output ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    outputs TEXT NOT NULL"
        ") STRICT;"
        "DELETE FROM output WHERE name NOT IN ("
        "    SELECT name FROM stream JOIN output USING (name) "
        "    LEFT JOIN setting USING (name) WHERE push = " DS_FIRST_URL
        "    AND (push = '' "
        "        OR coalesce(push_engine, 0) = " DS_FIRST_ENGINE "));"
        "INSERT OR IGNORE INTO output "
        "SELECT name, CASE push WHEN '' THEN '' ELSE "
        "    CASE coalesce(push_engine, 0) WHEN 0 THEN 'pr- push ' "
        "    ELSE 'pe- push ' END || push || ' ' END "
        "FROM stream LEFT JOIN setting USING (name);",
        "UPDATE stream SET push = coalesce((SELECT " DS_FIRST_URL
        "    FROM output WHERE output.name = stream.name), '');"
        "UPDATE setting SET push_engine = coalesce((SELECT " DS_FIRST_ENGINE
        "    FROM output WHERE output.name = setting.name), 0);"
    },
    {
        "CREATE TABLE IF NOT EXISTS youtube ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    youtube TEXT NOT NULL, youtube_rollover INTEGER NOT NULL,"
        "    youtube_title TEXT NOT NULL"
        ") STRICT;"

        /* of the account's, which outlive the streams that are pushed to it */
        "CREATE TABLE IF NOT EXISTS memo ("
        "    id TEXT PRIMARY KEY, current TEXT NOT NULL,"
        "    next TEXT NOT NULL, tag TEXT NOT NULL,"
        "    refused TEXT NOT NULL,"
        "    replacing INTEGER NOT NULL, fails INTEGER NOT NULL,"
        "    tried INTEGER NOT NULL, made0 INTEGER NOT NULL,"
        "    made1 INTEGER NOT NULL, made2 INTEGER NOT NULL,"
        "    made3 INTEGER NOT NULL, made4 INTEGER NOT NULL,"
        "    made5 INTEGER NOT NULL, title TEXT NOT NULL,"
        "    privacy TEXT NOT NULL, kids INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE IF NOT EXISTS quota ("
        "    id INTEGER PRIMARY KEY, day INTEGER NOT NULL,"
        "    used INTEGER NOT NULL"
        ") STRICT;",
        ""
    },
    {
        /* of nodes that share their streams: as of which revision */
        "CREATE TABLE IF NOT EXISTS shared ("
        "    name TEXT PRIMARY KEY REFERENCES stream ON DELETE CASCADE,"
        "    revision INTEGER NOT NULL"
        ") STRICT;",
        ""
    },
    {
        /* what another node has asked the owner to do, until it has it */
        "CREATE TABLE IF NOT EXISTS command ("
        "    name TEXT NOT NULL REFERENCES stream ON DELETE CASCADE,"
        "    place INTEGER NOT NULL, id TEXT NOT NULL,"
        "    epoch INTEGER NOT NULL, what TEXT NOT NULL,"
        "    output TEXT NOT NULL,"
        "    PRIMARY KEY (name, place)"
        ") STRICT, WITHOUT ROWID;",
        ""
    }
};

#define DS_SCHEMA  ((int) (sizeof(ds_steps) / sizeof(ds_steps[0])))


static int ds_store_open_any(const char *path, sqlite3 **db, int *version,
    ds_error_t *err);
static int ds_store_steps(sqlite3 *db, int from, int to, ds_error_t *err);
static int ds_store_set_aside(const char *path, ds_error_t *err);


/* SQLite's result code as ours, its words as the message */

int
ds_store_fail(sqlite3 *db, int rc, ds_error_t *err)
{
    int          code;
    const char  *text;

    text = db == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db);

    /* what SQLite calls an I/O error may be a disk that is full */

    if (db != NULL && (rc & 0xff) == SQLITE_IOERR) {

        switch (sqlite3_system_errno(db)) {

        case ENOSPC:
        case EDQUOT:
            rc = SQLITE_FULL;
            break;

        case EROFS:
        case EACCES:
            rc = SQLITE_READONLY;
            break;
        }
    }

    switch (rc & 0xff) {

    case SQLITE_FULL:
        code = DS_ESTORE_FULL;
        break;

    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        code = DS_ESTORE_READONLY;
        break;

    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        code = DS_ESTORE_BUSY;
        break;

    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        code = DS_ESTORE_CORRUPT;
        break;

    case SQLITE_NOMEM:
        code = DS_ENOMEM;
        break;

    case SQLITE_CONSTRAINT:
        code = rc == SQLITE_CONSTRAINT_PRIMARYKEY ? DS_ESTORE_EXISTS
                                                  : DS_ESTORE_FAILED;
        break;

    default:
        code = DS_ESTORE_FAILED;
        break;
    }

    return ds_fail(err, code, "sqlite: %s", text);
}


int
ds_store_version(void)
{
    return DS_SCHEMA;
}


int
ds_store_schema(const char *path, int *version, ds_error_t *err)
{
    int       rc;
    sqlite3  *db;

    ds_error_clear(err);

    rc = ds_store_open_any(path, &db, version, err);
    (void) sqlite3_close(db);

    return rc;
}


int
ds_store_migrate(const char *path, int version, ds_error_t *err)
{
    int         rc, have;
    sqlite3    *db;
    ds_error_t  aside;

    ds_error_clear(err);
    ds_error_clear(&aside);

    if (version == -1) {
        version = DS_SCHEMA;
    }

    rc = ds_store_open_any(path, &db, &have, err);

    if (rc == DS_ESTORE_CORRUPT) {
        (void) sqlite3_close(db);

        rc = ds_store_set_aside(path, &aside);
        if (rc != DS_ESTORE_CORRUPT) {
            *err = aside;
            return rc;
        }

        rc = ds_store_open_any(path, &db, &have, err);
    }

    if (rc == DS_OK && (have > DS_SCHEMA || version > DS_SCHEMA)) {
        rc = ds_fail(err, DS_ESTORE_VERSION, "schema version %d of \"%s\" is "
                     "newer than this build's %d",
                     have > version ? have : version, path, DS_SCHEMA);
    }

    if (rc == DS_OK) {
        rc = ds_store_steps(db, have, version, err);
    }

    (void) sqlite3_close(db);

    if (rc == DS_OK) {
        *err = aside;
    }

    return rc;
}


static int
ds_store_open_any(const char *path, sqlite3 **db, int *version,
    ds_error_t *err)
{
    int            rc;
    sqlite3_stmt  *st;

    *db = NULL;

    rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                         NULL);
    if (rc != SQLITE_OK) {
        return ds_store_fail(*db, rc, err);
    }

    (void) sqlite3_extended_result_codes(*db, 1);
    (void) sqlite3_busy_timeout(*db, DS_BUSY_DURABLE);

    rc = sqlite3_exec(*db, "PRAGMA journal_mode = WAL; "
                      "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
                      NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        return ds_store_fail(*db, rc, err);
    }

    /* a damaged page may be anywhere, and is better found now */

    rc = sqlite3_prepare_v2(*db, "PRAGMA quick_check(1)", -1, &st, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(st) == SQLITE_ROW
             && strcmp((const char *) sqlite3_column_text(st, 0), "ok") == 0
             ? SQLITE_OK : SQLITE_CORRUPT;
        (void) sqlite3_finalize(st);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_prepare_v2(*db, "PRAGMA user_version", -1, &st, NULL);
    }

    if (rc != SQLITE_OK) {
        return ds_store_fail(NULL, rc, err);
    }

    *version = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0) : 0;
    (void) sqlite3_finalize(st);

    return DS_OK;
}


static int
ds_store_steps(sqlite3 *db, int from, int to, ds_error_t *err)
{
    int   rc, v;
    char  set[64];

    if (from == to) {
        return DS_OK;
    }

    (void) snprintf(set, sizeof(set), "PRAGMA user_version = %d", to);

    rc = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);

    for (v = from; rc == SQLITE_OK && v < to; v++) {
        rc = sqlite3_exec(db, ds_steps[v].up, NULL, NULL, NULL);
    }

    for (v = from; rc == SQLITE_OK && v > to; v--) {
        rc = sqlite3_exec(db, ds_steps[v - 1].down, NULL, NULL, NULL);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(db, set, NULL, NULL, NULL);
    }

    if (rc == SQLITE_OK) {
        rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }

    if (rc != SQLITE_OK) {
        rc = ds_store_fail(db, rc, err);
        (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
        return rc;
    }

    return DS_OK;
}


/* renames a damaged database and its WAL; DS_ESTORE_CORRUPT: it is done */

static int
ds_store_set_aside(const char *path, ds_error_t *err)
{
    int                       rc;
    char                     *from, *to;
    size_t                    i;
    long long                 now;
    static const char *const  parts[] = { "", "-wal", "-shm" };

    rc = DS_OK;
    now = ds_now() / 1000;

    for (i = 0; i < 3 && rc == DS_OK; i++) {
        from = ds_sprintf("%s%s", path, parts[i]);
        to = ds_sprintf("%s.corrupt-%lld%s", path, now, parts[i]);

        if (from == NULL || to == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "malloc() failed");

        } else if (rename(from, to) == -1 && i == 0) {
            rc = ds_fail(err, DS_ESTORE_FAILED, "rename(\"%s\") failed: %s",
                         from, strerror(errno));
        }

        free(from);
        free(to);
    }

    if (rc != DS_OK) {
        return rc;
    }

    return ds_fail(err, DS_ESTORE_CORRUPT, "\"%s\" was damaged, it is now "
                   "\"%s.corrupt-%lld\"", path, path, now);
}
