
/*
 * The store: what is written is there, migrations up and down with data in
 * it, and what a disk and other processes can do to it.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/ds_core.h"
#include "tap.h"


#define ITEMS  10000


static char  dir[] = "/tmp/ds-store-XXXXXX";
static char  path[64];


static void
define(ds_stored_t *stored, const char *name)
{
    ds_def_t  *def;

    def = &stored->def;

    memset(stored, 0, sizeof(ds_stored_t));

    (void) snprintf(def->name, sizeof(def->name), "%s", name);
    (void) snprintf(def->playlist, sizeof(def->playlist),
                    "https://example.com/%s.m3u", name);
    (void) snprintf(def->publish, sizeof(def->publish),
                    "rtmp://127.0.0.1/live");
    (void) snprintf(def->outputs, sizeof(def->outputs),
                    "pr- push rtmp://127.0.0.2/x/it's "
                    "bes other rtmps://127.0.0.3/live2?backup=1/key ");
    def->profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    def->playlist_refresh = DS_REFRESH_DEFAULT;
    def->refresh_jitter = DS_JITTER_DEFAULT;
    def->loop = true;
    stored->running = true;
}


/* nothing of it is as it is by default */

static void
settings(ds_stored_t *stored)
{
    ds_def_t  *def;

    static const ds_profile_t  profile = {
        DS_VIDEO_ENCODE, 1920, 1080, 25, 50000000, 160000, 48000, 4000
    };

    def = &stored->def;

    def->mode = DS_MODE_HYBRID;
    def->profile = profile;
    def->max_item_duration = 30 * 24 * 3600 * 1000LL;
    def->playlist_refresh = 0;
    def->refresh_jitter = 100;
    (void) snprintf(def->slate, sizeof(def->slate), "/srv/it's.png");
}


static bool
same(const ds_stored_t *x, const ds_stored_t *y)
{
    const ds_def_t  *a, *b;

    a = &x->def;
    b = &y->def;

    return a->mode == b->mode
           && memcmp(&a->profile, &b->profile, sizeof(ds_profile_t)) == 0
           && strcmp(a->outputs, b->outputs) == 0
           && a->max_item_duration == b->max_item_duration
           && a->playlist_refresh == b->playlist_refresh
           && a->refresh_jitter == b->refresh_jitter
           && strcmp(a->slate, b->slate) == 0;
}


static int
exec_sql(const char *sql)
{
    int       rc;
    sqlite3  *db;

    rc = sqlite3_open(path, &db);

    if (rc == SQLITE_OK) {
        (void) sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
        rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    }

    (void) sqlite3_close(db);

    return rc;
}


static ds_stored_t  each_def;          /* whose settings are counted */


static void
count_def(void *data, const ds_stored_t *def, const ds_progress_t *progress)
{
    int  *n = data;

    n[0]++;
    n[1] += progress->valid;
    n[2] += def->running;
    n[3] += same(def, &each_def);
}


/* "p" is a progress; stream "lofi" is there, and has it */

static void
test_runs(ds_store_t *store, ds_progress_t p)
{
    int64_t        run;
    ds_error_t     err;
    ds_stored_t    got;
    ds_status_t    status;
    ds_progress_t  q;

    is_int(ds_store_begin_run(store, "lofi", &run, &err), 0, "begin a run");
    is_int(ds_store_begin_run(store, "lofi", &run, &err), 0, "and another");
    memset(&status, 0, sizeof(status));
    status.state = DS_FAILED;
    (void) ds_fail(&status.error, DS_ESOURCE_CUT, "cut");
    is_int(ds_store_end_run(store, run, &status, &err), 0, "end it");

    is_int(exec_sql("CREATE TEMP TABLE t (x CHECK (x = 1));"
                    "INSERT INTO t SELECT count(*) FROM run WHERE "
                    "state = 'crashed' AND ended_at = 1700000000000;"
                    "INSERT INTO t SELECT count(*) FROM run WHERE "
                    "state = 'failed' AND code = 'source_cut'"), 0,
           "the first run crashed, the second says why it ended");

    define(&got, "other");
    is_int(ds_store_create(store, &got, &err), 0, "another");
    is_int(ds_store_put_progress(store, "other", 0, &p, &err), 0,
           "in progress");
    (void) snprintf(got.def.playlist, sizeof(got.def.playlist),
                    "https://b/x.m3u");
    is_int(ds_store_put(store, &got, &err), 0, "gets another playlist");
    (void) ds_store_get_progress(store, "other", &q, &err);
    ok(!q.valid, "and loses its progress");

    is_int(ds_store_begin_run(store, "other", &run, &err), 0, "it runs");
    is_int(ds_store_put_progress(store, "other", run, &p, &err), 0,
           "the run writes");
    (void) ds_store_get_progress(store, "other", &q, &err);
    ok(q.valid, "its progress");
    (void) snprintf(got.def.playlist, sizeof(got.def.playlist),
                    "https://c/x.m3u");
    is_int(ds_store_put(store, &got, &err), 0, "another playlist once more");
    is_int(ds_store_put_progress(store, "other", run, &p, &err), 0,
           "the run of the old one writes again");
    (void) ds_store_get_progress(store, "other", &q, &err);
    ok(!q.valid, "to nowhere");

    p.state = DS_FINISHED;
    is_int(ds_store_put_progress(store, "other", 0, &p, &err), 0, "finished");
    is_int(ds_store_set_running(store, "other", false, &err), 0, "a stop");
    (void) ds_store_get_progress(store, "other", &q, &err);
    ok(q.valid && q.state == DS_FINISHED, "does not change that");
    is_int(ds_store_set_running(store, "other", true, &err), 0, "a start");
    (void) ds_store_get_progress(store, "other", &q, &err);
    ok(!q.valid, "forgets the end");
    p.state = DS_LIVE;
    is_int(ds_store_delete(store, "other", &err), 0, "gone");
}


/* transactions in one another */

static void
test_parts(ds_store_t *store, const ds_stored_t *def)
{
    char          id[DS_QUEUE_ID_LEN + 1];
    ds_error_t    err;
    ds_stored_t   got;

    is_int(ds_store_begin(store, &err), 0, "begin again");
    is_int(ds_store_put(store, def, &err), 0, "put in it");
    is_int(ds_store_set_running(store, "nope", true, &err),
           DS_ESTORE_NOT_FOUND, "a part of it fails");
    is_int(ds_store_begin(store, &err), 0, "begin in it");
    is_int(ds_store_delete(store, "lofi", &err), 0, "delete in that");
    ds_store_rollback(store);
    is_int(ds_store_key_put(store, "lofi", "key", "sum", 1, "id", &err), 0,
           "a key in it");
    is_int(ds_store_commit(store, &err), 0, "the rest happens");
    is_int(ds_store_get(store, "lofi", &got, &err), 0, "not the part");
    is_int(ds_store_key_find(store, "lofi", "key", "sum", 2, id, &err), 0,
           "but what followed it");
    is_str(id, "id", "as it was put");
    is_int(ds_store_key_find(store, "lofi", "key", "other", 2, id, &err),
           DS_EQUEUE_KEY, "another request under the key");
    is_int(ds_store_key_find(store, "lofi", "other", "sum", 2, id, &err),
           DS_ESTORE_NOT_FOUND, "another key");
    is_int(ds_store_commit(store, &err) != 0, 1, "nothing is open any more");
}


static void
test_basics(void)
{
    char            moved[80];
    int             n[4];
    ds_error_t      err;
    ds_store_t     *store;
    ds_stored_t     def, got;
    ds_progress_t   p, q;

    is_int(ds_store_migrate(path, -1, &err), 0, "a new database");
    is_int(err.code, 0, "nothing to complain of");

    store = ds_store_open(path, true, &err);
    ok(store != NULL, "opened");

    define(&def, "lofi");
    is_int(ds_store_create(store, &def, &err), 0, "create");
    is_int(ds_store_create(store, &def, &err), DS_ESTORE_EXISTS,
           "create: there is one");
    is_int(ds_store_get(store, "lofi", &got, &err), 0, "get");
    is_str(got.def.playlist, def.def.playlist, "get: playlist");
    is_str(got.def.outputs, def.def.outputs, "get: outputs");
    is_str(got.def.publish, def.def.publish, "get: publish");
    ok(got.def.loop && got.running && !got.def.shuffle && !got.is_static,
       "get: flags");
    ok(same(&got, &def), "get: settings, as by default");
    is_int(ds_store_get(store, "nope", &got, &err), DS_ESTORE_NOT_FOUND,
           "get: there is none");

    def.def.shuffle = true;
    def.def.outputs[0] = '\0';
    settings(&def);
    is_int(ds_store_put(store, &def, &err), 0, "put");
    is_int(ds_store_get(store, "lofi", &got, &err), 0, "get");
    ok(got.def.shuffle && got.def.outputs[0] == '\0', "put: changed");
    ok(same(&got, &def), "put: settings");

    is_int(ds_store_begin(store, &err), 0, "begin");
    def.def.profile.rate = 24;
    is_int(ds_store_put(store, &def, &err), 0, "put in it");
    ds_store_rollback(store);
    (void) ds_store_get(store, "lofi", &got, &err);
    is_int(got.def.profile.rate, 25, "nothing of it after a roll-back");
    def.def.profile.rate = 25;

    test_parts(store, &def);

    is_int(ds_store_set_running(store, "lofi", false, &err), 0, "running");
    is_int(ds_store_set_running(store, "nope", false, &err),
           DS_ESTORE_NOT_FOUND, "running: there is none");

    memset(&p, 0, sizeof(p));
    p.valid = true;
    p.state = DS_LIVE;
    p.index = 17;
    p.position = 12345;
    p.seed = UINT64_MAX - 5;
    p.pass = 3;
    p.at = 1700000000000;
    (void) snprintf(p.id, sizeof(p.id), "abc");

    is_int(ds_store_put_progress(store, "lofi", 0, &p, &err), 0, "progress");
    is_int(ds_store_put_progress(store, "nope", 0, &p, &err), 0,
           "progress of a stream that is gone is dropped");
    is_int(ds_store_get_progress(store, "lofi", &q, &err), 0, "get it");
    ok(memcmp(&p, &q, sizeof(p)) == 0, "all of it");

    is_int(ds_store_put(store, &def, &err), 0, "put: the same playlist");
    (void) ds_store_get_progress(store, "lofi", &q, &err);
    ok(q.valid, "progress is kept");

    test_runs(store, p);

    memset(n, 0, sizeof(n));
    each_def = def;
    is_int(ds_store_each(store, count_def, n, &err), 0, "each");
    ok(n[0] == 1 && n[1] == 1 && n[2] == 1, "each: with its progress");
    is_int(n[3], 1, "each: with its settings");

    is_int(ds_store_delete(store, "lofi", &err), 0, "delete");
    is_int(ds_store_delete(store, "lofi", &err), 0, "delete again");
    (void) ds_store_get_progress(store, "lofi", &q, &err);
    ok(!q.valid, "progress went with it");

    (void) snprintf(moved, sizeof(moved), "%s.moved", path);
    (void) rename(path, moved);
    ok(ds_store_create(store, &def, &err) == DS_ESTORE_FAILED,
       "a database that was moved is not written");
    is_int(ds_store_delete_kept(store, "key", NULL), DS_ESTORE_FAILED,
           "nor when nobody asks why");
    is_int(ds_store_use_kept(store, "key", NULL), DS_ESTORE_FAILED,
           "nor is its use");
    (void) rename(moved, path);

    ds_store_close(&store);
    ok(store == NULL, "closed");
}


static void
fill(ds_store_t *store, const char *name)
{
    int          i;
    ds_item_t   *item;
    ds_error_t   err;
    ds_listed_t  listed;
    ds_stored_t  def;

    define(&def, name);
    memset(&listed, 0, sizeof(listed));
    item = &listed.item;

    if (ds_store_create(store, &def, &err) != 0
        || ds_store_begin(store, &err) != 0)
    {
        (void) printf("# %s\n", err.message);
        abort();
    }

    for (i = 0; i < ITEMS; i++) {
        item->index = i;
        item->state = i % 3 ? DS_ITEM_PLAYED : DS_ITEM_FAILED;
        item->code = i % 3 ? 0 : DS_ESOURCE_STALLED;
        item->duration = i;
        (void) snprintf(item->id, sizeof(item->id), "id%d", i);
        (void) snprintf(item->title, sizeof(item->title), "tïtle %d", i);

        if (ds_store_put_items(store, name, 0, &listed, 1, &err) != 0) {
            abort();
        }
    }

    if (ds_store_commit(store, &err) != 0) {
        abort();
    }
}


/* what a build of schema 3 does to streams with settings */

static void
test_settings(void)
{
    ds_error_t    err;
    ds_store_t   *store;
    ds_stored_t   def, got, plain;

    define(&plain, "plain");

    store = ds_store_open(path, true, &err);
    define(&def, "kept");
    settings(&def);
    is_int(ds_store_create(store, &def, &err), 0, "a stream with settings");
    define(&def, "anew");
    settings(&def);
    is_int(ds_store_create(store, &def, &err), 0, "another");
    ds_store_close(&store);

    is_int(ds_store_migrate(path, 3, &err), 0, "to an older build");
    is_int(exec_sql("UPDATE stream SET loop = 0 WHERE name = 'kept';"
                    "DELETE FROM stream WHERE name = 'anew';"
                    "INSERT INTO stream VALUES ('anew', 'PLx', 'direct', "
                    "'rtmp://h/live', '', 0, 1, 0, 1)"), 0, "which writes");
    is_int(ds_store_migrate(path, -1, &err), 0, "and back");

    store = ds_store_open(path, true, &err);
    is_int(ds_store_get(store, "kept", &got, &err), 0, "what it changed");
    ok(same(&got, &def) && !got.def.loop, "has its settings, and the change");
    is_int(ds_store_get(store, "anew", &got, &err), 0, "what it made");
    plain.def.outputs[0] = '\0';
    ok(same(&got, &plain), "has the defaults, not those of another");
    is_int(ds_store_put(store, &def, &err), 0, "which can be changed");
    is_int(ds_store_get(store, "anew", &got, &err), 0, "and read");
    ok(same(&got, &def), "again");
    ds_store_close(&store);
}


typedef struct {
    int   n;
    char  text[512];
} seen_t;


static bool
see(void *data, const ds_listed_t *item)
{
    size_t   len;
    seen_t  *seen = data;

    len = strlen(seen->text);

    (void) snprintf(seen->text + len, sizeof(seen->text) - len,
                    "%u %s %s %s %d %u;", (unsigned) item->item.index,
                    item->item.id, item->url == NULL ? "-" : item->url,
                    item->audio_url == NULL ? "-" : item->audio_url,
                    item->plain, (unsigned) item->pass);

    return ++seen->n < 3;
}


/* what is kept so that items can be played from the store */

static void
test_listed(void)
{
    int            i;
    char           url[] = "https://h/a?expire=1", audio[] = "https://h/b";
    seen_t         seen;
    ds_error_t     err;
    ds_listed_t    items[4];
    ds_store_t    *store;
    ds_stored_t    def;
    ds_progress_t  p, got;

    store = ds_store_open(path, true, &err);
    define(&def, "listed");
    is_int(ds_store_create(store, &def, &err), 0, "listed: a stream");

    memset(items, 0, sizeof(items));

    for (i = 0; i < 4; i++) {
        items[i].item.index = i;
        (void) snprintf(items[i].item.id, DS_ID_LEN, "i%d", i);
        items[i].url = i == 1 ? NULL : url;
        items[i].audio_url = i == 2 ? audio : NULL;
        items[i].plain = i != 0;
        items[i].pass = i;
    }

    memset(&p, 0, sizeof(p));
    p.valid = true;
    p.key = 0xfedcba9876543210u;
    (void) snprintf(p.id, sizeof(p.id), "i2");

    is_int(ds_store_put_items(store, "listed", 0, items, 4, &err), 0,
           "listed: items");
    is_int(ds_store_put_progress(store, "listed", 0, &p, &err), 0,
           "listed: and where it is");

    memset(&seen, 0, sizeof(seen));
    is_int(ds_store_each_item(store, "listed", see, &seen, &err), 0,
           "listed: read, as far as they are wanted");
    is_str(seen.text, "0 i0 https://h/a?expire=1 - 0 0;1 i1 - - 1 1;"
           "2 i2 https://h/a?expire=1 https://h/b 1 2;", "listed: as put");
    is_int(ds_store_each_item(store, "nobody", see, &seen, &err), 0,
           "listed: of nobody");
    is_int(seen.n, 3, "listed: there are none");
    (void) ds_store_get_progress(store, "listed", &got, &err);
    ok(got.key == p.key, "listed: the key of its place");
    ds_store_close(&store);

    is_int(ds_store_migrate(path, 5, &err), 0, "listed: to an older build");
    is_int(ds_store_migrate(path, -1, &err), 0, "listed: and back");

    store = ds_store_open(path, true, &err);
    memset(&seen, 0, sizeof(seen));
    is_int(ds_store_each_item(store, "listed", see, &seen, &err), 0,
           "listed: read again");
    is_str(seen.text, "0 i0 - - 0 0;1 i1 - - 0 0;2 i2 - - 0 0;",
           "listed: without what that build could not keep");
    (void) ds_store_get_progress(store, "listed", &got, &err);
    ok(got.valid && got.key == 0 && strcmp(got.id, "i2") == 0,
       "listed: its place by the id");
    ds_store_close(&store);
}


static void
test_kept(void)
{
    int          i, good;
    size_t       n;
    uint32_t     count;
    uint64_t     size;
    ds_kept_t    k, rows[4];
    ds_error_t   err;
    ds_store_t  *store;

    store = ds_store_open(path, true, &err);
    is_int(ds_store_get_kept(store, "k0", &k, &err), DS_ESTORE_NOT_FOUND,
           "nothing is kept");

    memset(&k, 0, sizeof(ds_kept_t));
    (void) snprintf(k.id, sizeof(k.id), "it's");
    (void) snprintf(k.form, sizeof(k.form), "download");
    (void) snprintf(k.title, sizeof(k.title), "tïtle");
    (void) snprintf(k.sum[1], sizeof(k.sum[1]), "beef");
    k.files = 2;
    k.duration = -1;
    good = 1;

    for (i = 0; i < 6; i++) {
        (void) snprintf(k.key, sizeof(k.key), "k%d", i);
        k.size = 5000000000 + i;
        k.used = k.kept = 100 - i;
        good &= ds_store_put_kept(store, &k, &err) == 0;
    }

    ok(good, "rows of the cache's index");
    is_int(ds_store_use_kept(store, "k5", &err), 0, "one is used");
    is_int(ds_store_delete_kept(store, "k4", &err), 0, "one is removed");
    is_int(ds_store_delete_kept(store, "k4", &err), 0, "or was");
    ds_store_close(&store);

    is_int(ds_store_migrate(path, ds_store_version() - 1, &err), 0,
           "an older build");
    is_int(ds_store_migrate(path, -1, &err), 0, "and back");

    store = ds_store_open(path, true, &err);
    is_int(ds_store_count_kept(store, &count, &size, &err), 0, "counted");
    ok(count == 5 && size == 5 * 5000000000 + 11, "none is lost");
    n = 4;
    is_int(ds_store_list_kept(store, 1, rows, &n, &err), 0, "listed");
    is_int(n, 4, "all but the first");
    is_str(rows[0].key, "k2", "the longest unused first");
    ok(strcmp(rows[3].key, "k5") == 0 && rows[3].uses == 1
       && rows[3].kept == 95, "what was used is last");
    is_int(ds_store_get_kept(store, "k0", &k, &err), 0, "got");
    ok(strcmp(k.id, "it's") == 0 && strcmp(k.title, "tïtle") == 0
       && strcmp(k.sum[1], "beef") == 0 && k.sum[0][0] == '\0'
       && k.files == 2 && k.duration == -1 && k.size == 5000000000,
       "as it was put");
    ds_store_close(&store);
}


static ds_queued_t
queued(const char *id, int64_t place, bool now)
{
    ds_queued_t  q;

    memset(&q, 0, sizeof(q));
    (void) snprintf(q.id, sizeof(q.id), "%s", id);
    (void) snprintf(q.url, sizeof(q.url), "https://example.com/%s.mp4", id);
    q.place = place;
    q.now = now;
    q.at = ds_now();

    return q;
}


static const char *
order(ds_store_t *store)
{
    size_t        i, n;
    ds_error_t    err;
    ds_queued_t  *q;
    static char   text[256];

    text[0] = '\0';

    if (ds_store_queue_list(store, "queue", &q, &n, &err) != 0) {
        return "?";
    }

    for (i = 0; i < n; i++) {
        (void) strcat(text, q[i].id);
        (void) strcat(text, q[i].state == DS_QUEUED_ON_AIR ? "*"
                            : q[i].now ? "!" : "");
    }

    free(q);

    return text;
}


static void
test_queue(void)
{
    ds_error_t    err;
    ds_store_t   *store;
    ds_queued_t   q;
    ds_stored_t   def;

    store = ds_store_open(path, true, &err);
    define(&def, "queue");

    q = queued("a", INT64_MAX, false);
    is_int(ds_store_queue_add(store, "queue", &q, NULL, NULL, &err),
           DS_ESTORE_NOT_FOUND, "queue: of no stream");
    is_int(ds_store_create(store, &def, &err), 0, "queue: a stream");

    is_int(ds_store_queue_add(store, "queue", &q, "key", "sum", &err), 0,
           "queue: the end");

    q = queued("b", 0, false);
    is_int(ds_store_queue_add(store, "queue", &q, NULL, NULL, &err), 0,
           "queue: the next");
    q = queued("c", -1, true);
    (void) ds_store_queue_add(store, "queue", &q, NULL, NULL, &err);
    q = queued("d", 0, false);
    (void) ds_store_queue_add(store, "queue", &q, NULL, NULL, &err);
    is_str(order(store), "c!dba", "queue: now, next, end");

    /* once */

    q = queued("e", INT64_MAX, false);
    is_int(ds_store_queue_add(store, "queue", &q, "key", "sum", &err), 0,
           "queue: the same key");
    is_str(q.id, "a", "queue: is the same entry");
    is_str(order(store), "c!dba", "queue: once");
    q = queued("e", INT64_MAX, false);
    is_int(ds_store_queue_add(store, "queue", &q, "key", "other", &err),
           DS_EQUEUE_KEY, "queue: not for another request");
    q = queued("e", INT64_MAX, false);
    q.at += 25 * 3600 * 1000;
    is_int(ds_store_queue_add(store, "queue", &q, "key", "other", &err), 0,
           "queue: but a day later");

    /* moved, removed, played */

    is_int(ds_store_queue_move(store, "queue", "a", true, "d", &err), 0,
           "queue: moved");
    is_str(order(store), "c!adbe", "queue: before another");
    is_int(ds_store_queue_move(store, "queue", "c", true, NULL, &err), 0,
           "queue: to the end");
    is_str(order(store), "adbec", "queue: where it does not interrupt");
    is_int(ds_store_queue_move(store, "queue", "x", true, NULL, &err),
           DS_ESTORE_NOT_FOUND, "queue: there is no such entry");
    is_int(ds_store_queue_move(store, "queue", "a", true, "x", &err),
           DS_EITEM_UNAVAILABLE, "queue: nor place");
    is_int(ds_store_queue_remove(store, "queue", "d", true, &err), 0,
           "queue: removed");
    is_int(ds_store_queue_remove(store, "queue", "d", true, &err),
           DS_ESTORE_NOT_FOUND, "queue: once");

    q = queued("b", 1, false);
    q.state = DS_QUEUED_ON_AIR;
    is_int(ds_store_queue_put(store, "queue", 0, &q, &err), 0,
           "queue: on air");
    is_int(ds_store_queue_position(store, "queue", "b", 700, &err), 0,
           "queue: where");
    is_int(ds_store_queue_remove(store, "queue", "b", true, &err),
           DS_EQUEUE_ON_AIR, "queue: what is on air is not removed");
    is_int(ds_store_queue_move(store, "queue", "b", true, NULL, &err),
           DS_EQUEUE_ON_AIR, "queue: nor moved");
    is_int(ds_store_queue_move(store, "queue", "b", false, "e", &err), 0,
           "queue: but of a stream that does not run");
    q = queued("r", 0, false);
    is_int(ds_store_queue_put(store, "queue", 0, &q, &err), 0,
           "queue: what it interrupted");
    is_str(order(store), "b*raec", "queue: goes on after it");
    is_int(ds_store_queue_put(store, "queue", 9999, &q, &err), 0,
           "queue: of a run that is not there");
    is_str(order(store), "b*raec", "queue: what waited does so");
    q.state = DS_QUEUED_OVER;
    q.id[0] = 'b';
    is_int(ds_store_queue_put(store, "queue", 0, &q, &err), 0, "queue: over");
    is_str(order(store), "raec", "queue: is gone");
    is_int(ds_store_queue_remove(store, "queue", "r", false, &err), 0,
           "queue: removed without a run");

    ds_store_close(&store);
}


/* items of the list, and as many as may be; the stream is there */

static void
test_queue_items(void)
{
    int           i, rc;
    char          id[16];
    uint32_t      count;
    ds_listed_t   items[2];
    ds_error_t    err;
    ds_store_t   *store;
    ds_queued_t   q;

    store = ds_store_open(path, true, &err);

    memset(items, 0, sizeof(items));
    items[1].item.index = 1;
    (void) strcpy(items[1].item.id, "yt1");
    (void) strcpy(items[1].item.title, "the title");
    (void) ds_store_put_items(store, "queue", 0, items, 2, &err);

    q = queued("i", INT64_MAX, false);
    q.kind = DS_QUEUED_ITEM;
    (void) strcpy(q.item, "yt1");
    is_int(ds_store_queue_add(store, "queue", &q, NULL, NULL, &err), 0,
           "queue: an item by its id");
    ok(q.index == 1 && strcmp(q.title, "the title") == 0, "queue: is known");
    (void) strcpy(q.item, "yt2");
    is_int(ds_store_queue_add(store, "queue", &q, NULL, NULL, &err),
           DS_EITEM_UNAVAILABLE, "queue: an item that is not in the list");
    q.item[0] = '\0';
    q.index = 2;
    is_int(ds_store_queue_add(store, "queue", &q, NULL, NULL, &err),
           DS_EITEM_UNAVAILABLE, "queue: nor is there such an index");
    ok(strstr(err.message, "the 2 items") != NULL, "queue: %s", err.message);

    for (i = 0, rc = 0; rc == 0 && i < 300; i++) {
        (void) snprintf(id, sizeof(id), "n%d", i);
        q = queued(id, i % 2 ? 0 : INT64_MAX, false);
        rc = ds_store_queue_add(store, "queue", &q, NULL, NULL, &err);
    }

    is_int(rc, DS_EQUEUE_FULL, "queue: full");
    is_int(ds_store_queue_count(store, "queue", &count, &err), 0, "counted");
    is_int(count, DS_QUEUE_MAX, "queue: so many");

    is_int(ds_store_migrate(path, ds_store_version() - 1, &err), 0,
           "queue: an older build");
    is_int(ds_store_migrate(path, -1, &err), 0, "queue: and back");
    (void) ds_store_queue_count(store, "queue", &count, &err);
    is_int(count, DS_QUEUE_MAX, "queue: none is lost");

    is_int(ds_store_delete(store, "queue", &err), 0, "queue: of a stream");
    (void) ds_store_queue_count(store, "queue", &count, &err);
    is_int(count, 0, "queue: goes with it");

    ds_store_close(&store);
}


/* what the stream "name" has, whose outputs may be changed meanwhile */

static void
outputs_are(const char *name, const char *want, const char *what)
{
    ds_error_t    err;
    ds_store_t   *store;
    ds_stored_t   got;

    store = ds_store_open(path, true, &err);
    is_int(ds_store_get(store, name, &got, &err), 0, "outputs: %s", name);
    is_str(got.def.outputs, want, "outputs: %s: %s", name, what);
    ds_store_close(&store);
}


/* a build that knows but one push, and back */

static void
test_outputs(void)
{
    size_t        i;
    ds_error_t    err;
    ds_store_t   *store;
    ds_stored_t   def;

    static const char  first[] = "br- a rtmp://h/app/k'1 ";
    static const char  all[] = "br- a rtmp://h/app/k'1 "
                               "pes b rtmps://h/live2?backup=1/k2 ";
    static const char  old[] = "pr- push rtmp://old/a/k ";

    static const struct {
        const char  *name;
        const char  *outputs;
        const char  *sql;               /* what the older build does */
        const char  *want;
        const char  *what;
    } cases[] = {
        { "o0", all, "", all, "nothing is lost" },
        { "o1", "", "", "", "there are none" },
        { "o2", all, "UPDATE stream SET push = 'rtmp://old/a/k' "
                     "WHERE name = 'o2'", old, "changed" },
        { "o3", all, "UPDATE stream SET push = '' WHERE name = 'o3'", "",
          "removed" },
        { "o4", "", "UPDATE stream SET push = 'rtmp://old/a/k' "
                    "WHERE name = 'o4'", old, "added" },
        { "o5", first, "UPDATE setting SET push_engine = 1 WHERE name = 'o5'",
          "pe- push rtmp://h/app/k'1 ", "by another" },
        { "o6", "pe- c rtmps://h/a/k ", "DELETE FROM setting "
                "WHERE name = 'o6'", "pr- push rtmps://h/a/k ",
          "without settings" }
    };

    store = ds_store_open(path, true, &err);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        define(&def, cases[i].name);
        (void) snprintf(def.def.outputs, sizeof(def.def.outputs), "%s",
                        cases[i].outputs);
        is_int(ds_store_put(store, &def, &err), 0, "outputs: put");
    }

    ds_store_close(&store);

    is_int(ds_store_migrate(path, 7, &err), 0, "outputs: to an older build");
    is_int(exec_sql("CREATE TEMP TABLE t (x CHECK (x = 2));"
                    "INSERT INTO t SELECT count(*) FROM stream "
                    "JOIN setting USING (name) WHERE "
                    "(name = 'o0' AND push = 'rtmp://h/app/k''1' "
                    "AND push_engine = 0) OR (name = 'o6' "
                    "AND push = 'rtmps://h/a/k' AND push_engine = 1)"), 0,
           "outputs: it has the first one");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(exec_sql(cases[i].sql), 0, "outputs: it does something");
    }

    is_int(ds_store_migrate(path, -1, &err), 0, "outputs: and back");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        outputs_are(cases[i].name, cases[i].want, cases[i].what);
    }
}


static void
test_migrations(void)
{
    int            v, good;
    char           sql[64];
    size_t         n;
    uint32_t       total;
    ds_item_t      items[3];
    ds_error_t     err;
    ds_store_t    *store;
    ds_stored_t    got;

    store = ds_store_open(path, false, &err);
    fill(store, "big");
    ds_store_close(&store);

    for (v = ds_store_version(); v >= 1; v--) {
        is_int(ds_store_migrate(path, v, &err), 0, "to version %d", v);
        is_int(ds_store_migrate(path, -1, &err), 0, "and back");
    }

    store = ds_store_open(path, true, &err);
    n = 3;
    is_int(ds_store_get_items(store, "big", 9998, items, &n, &total, &err), 0,
           "items");
    is_int(total, ITEMS, "none of 10,000 items is lost");
    is_int(n, 2, "a page of them");
    is_str(items[1].title, "tïtle 9999", "title");
    is_int(items[1].code, DS_ESOURCE_STALLED, "code");
    is_int(items[0].state, DS_ITEM_PLAYED, "state");
    is_int(ds_store_trim_items(store, "big", 10, &err), 0, "trim");
    (void) ds_store_get_items(store, "big", 0, items, &n, &total, &err);
    is_int(total, 10, "the list has become shorter");
    ds_store_close(&store);

    is_int(exec_sql("CREATE TEMP TABLE t (x CHECK (x <> 0));"
                    "INSERT INTO t SELECT count(*) FROM run"), 0,
           "nor is the history");

    good = 1;

    for (v = 1; v < ds_store_version(); v++) {
        good &= ds_store_migrate(path, v, &err) == 0;
        good &= ds_store_migrate(path, -1, &err) == 0;
    }

    ok(good, "from every older version");

    store = ds_store_open(path, true, &err);
    is_int(ds_store_get(store, "big", &got, &err), 0,
           "definitions outlive each of them");
    ds_store_close(&store);

    is_int(exec_sql("PRAGMA user_version = 99"), 0, "a newer schema");
    is_int(ds_store_migrate(path, -1, &err), DS_ESTORE_VERSION,
           "is not touched");
    (void) snprintf(sql, sizeof(sql), "PRAGMA user_version = %d",
                    ds_store_version());
    is_int(exec_sql(sql), 0, "back");
}


static void
test_faults(void)
{
    int           fd, rc;
    char          cmd[256];
    sqlite3      *db;
    ds_error_t    err;
    ds_store_t   *store;
    ds_stored_t   def;

    define(&def, "fault");

    store = ds_store_open(path, true, &err);

    (void) sqlite3_open(path, &db);
    (void) sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    is_int(ds_store_create(store, &def, &err), DS_ESTORE_BUSY,
           "somebody holds the lock");
    (void) sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    (void) sqlite3_close(db);
    is_int(ds_store_create(store, &def, &err), 0, "and lets it go");
    ds_store_close(&store);

    store = ds_store_open("/nonexistent/state.db", true, &err);
    ok(store == NULL && err.code == DS_ESTORE_READONLY, "no such directory");

    fd = open(path, O_WRONLY);
    rc = (int) pwrite(fd, "this is not a database, is it?", 30, 0);
    (void) close(fd);
    is_int(rc, 30, "damaged");

    is_int(ds_store_migrate(path, -1, &err), 0, "a damaged file: started anew");
    is_int(err.code, DS_ESTORE_CORRUPT, "and said so");
    (void) printf("# %s\n", err.message);

    (void) snprintf(cmd, sizeof(cmd), "ls %s.corrupt-* >/dev/null", path);
    is_int(system(cmd), 0, "the damaged one is kept");

    store = ds_store_open(path, true, &err);
    is_int(ds_store_create(store, &def, &err), 0, "the new one works");
    ds_store_close(&store);
}


int
main(void)
{
    char  cmd[64];

    if (mkdtemp(dir) == NULL) {
        abort();
    }

    (void) snprintf(path, sizeof(path), "%s/state.db", dir);

    test_basics();
    test_settings();
    test_listed();
    test_kept();
    test_queue();
    test_queue_items();
    test_outputs();
    test_migrations();
    test_faults();

    (void) snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);

    if (system(cmd) != 0) {
        abort();
    }

    done_testing();
}
