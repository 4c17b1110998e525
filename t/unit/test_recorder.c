
/*
 * test_recorder.c: what a relay records: in order, by nobody's time but its
 * thread's, and all of it when a store that could not be written can be again.
 */

#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/ds_core.h"
#include "tap.h"


#define DEADLINE  10000
#define ITEMS     100


static char                dir[] = "/tmp/ds-recorder-XXXXXX";
static char                path[64];
static const char *const   command[] = { "/bin/true", NULL };


static void
wakeup(void *data)
{
    (void) data;
}


static ds_t *
engine(void)
{
    ds_conf_t   conf;
    ds_error_t  err;

    memset(&conf, 0, sizeof(conf));

    conf.resolve_command = command;
    conf.resolve_extractors = "youtube";
    conf.resolve_timeout = 1000;
    conf.source_timeout = 1000;
    conf.buffer_time = 1000;
    conf.buffer_size = 1024 * 1024;
    conf.encodes = 1;
    conf.store_path = path;
    conf.wakeup = wakeup;

    return ds_create(&conf, &err);
}


static sqlite3 *
database(const char *sql)
{
    sqlite3  *db;

    (void) sqlite3_open(path, &db);
    (void) sqlite3_busy_timeout(db, DEADLINE);

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        printf("# %s: %s\n", sql, sqlite3_errmsg(db));
    }

    return db;
}


/* the number that a query has for an answer */

static long long
number(const char *sql)
{
    sqlite3       *db;
    long long      n;
    sqlite3_stmt  *st;

    db = database("");
    n = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK
        && sqlite3_step(st) == SQLITE_ROW)
    {
        n = sqlite3_column_int64(st, 0);
    }

    (void) sqlite3_finalize(st);
    (void) sqlite3_close(db);

    return n;
}


static bool
begun(ds_run_t *run, ds_progress_t *progress, int *code)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    while (!ds_run_begun(run, progress, code)) {
        if (ds_monotonic() > end) {
            return false;
        }

        (void) usleep(5000);
    }

    return true;
}


static bool
ended(ds_run_t *run)
{
    int64_t  end;

    end = ds_monotonic() + DEADLINE;

    while (!ds_run_ended(run)) {
        if (ds_monotonic() > end) {
            return false;
        }

        (void) usleep(5000);
    }

    return true;
}


static bool
put_items(ds_run_t *run, unsigned from, unsigned n)
{
    bool         ok;
    unsigned     i;
    ds_listed_t  item;

    ok = true;

    for (i = from; i < from + n; i++) {
        memset(&item, 0, sizeof(item));
        item.item.index = i;
        item.item.state = DS_ITEM_PLAYED;
        item.item.duration = -1;
        (void) snprintf(item.item.id, sizeof(item.item.id), "item-%u", i);
        ok = ds_run_items(run, &item, 1) && ok;
    }

    return ok;
}


static ds_progress_t
at(uint32_t index)
{
    ds_progress_t  p;

    memset(&p, 0, sizeof(p));
    p.valid = true;
    p.state = DS_LIVE;
    p.index = index;
    p.pass = 1;
    p.position = 1000 * index;

    return p;
}


static void
test_run(ds_recorder_t *r)
{
    int            code;
    ds_run_t      *run;
    ds_status_t    st;
    ds_progress_t  p;

    run = ds_run_begin(r, "one", 0);
    ok(begun(run, &p, &code) && code == DS_OK && !p.valid, "begun: from none");

    ok(put_items(run, 0, ITEMS), "items");
    p = at(7);
    ds_run_progress(run, &p);

    memset(&st, 0, sizeof(st));
    st.state = DS_STOPPED;
    st.progress = at(9);
    ds_run_end(run, &st);
    ok(ended(run), "ended");
    ds_run_free(&run);

    is_int(number("SELECT count(*) FROM item"), ITEMS, "items: written");
    is_int(number("SELECT item FROM progress"), 9, "progress: the last one");
    is_int(number("SELECT count(*) FROM run WHERE state = 'stopped'"), 1,
           "run: stopped");

    run = ds_run_begin(r, "one", 0);
    ok(begun(run, &p, &code) && p.valid && p.index == 9, "begun: from there");
    st.progress.valid = false;
    ds_run_end(run, &st);
    ok(ended(run), "ended");
    ds_run_free(&run);
    is_int(number("SELECT item FROM progress"), 9, "progress: left alone");
}


/* somebody else has the store: nobody waits, nothing is lost */

static void
test_locked(ds_recorder_t *r)
{
    int            code;
    ds_run_t      *run, *gone;
    sqlite3       *db;
    unsigned       i;
    ds_status_t    st;
    ds_progress_t  p;
    ds_settled_t   settled;

    db = database("BEGIN EXCLUSIVE");

    run = ds_run_begin(r, "one", 0);
    ok(begun(run, &p, &code) && code == DS_ESTORE_BUSY, "locked: said so");
    ok(ds_recorder_ask(r, "two", 0), "locked: asked");
    ok(!ds_recorder_ask(r, "one", 0), "locked: one at a time");

    for (i = 1; i <= 500; i++) {
        p = at(i);
        ds_run_progress(run, &p);
    }

    ok(put_items(run, 0, 2 * ITEMS), "locked: items");
    ok(ds_run_trim(run, 2 * ITEMS), "locked: trim");

    for (i = 0; put_items(run, i, 1); i++) { /* void */ }

    ok(i > 1000, "locked: no room after %u more", i);

    memset(&st, 0, sizeof(st));
    st.state = DS_FINISHED;
    ds_run_end(run, &st);

    gone = ds_run_begin(r, "two", 0);
    ds_run_end(gone, &st);
    ds_run_free(&gone);

    (void) usleep(300000);
    ok(!ds_run_ended(run), "locked: not ended");
    is_int(number("SELECT item FROM progress"), 9, "locked: not written");
    ok(!ds_recorder_answer(r, &settled), "locked: no answer");

    (void) sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    (void) sqlite3_close(db);

    ok(ended(run), "ended, once it could be");
    ok(!ds_run_missed(run), "nothing was missed");
    ds_run_free(&run);

    is_int(number("SELECT item FROM progress"), 500, "progress: the last");
    is_int(number("SELECT count(*) FROM item WHERE idx < 200"), 200,
           "items: all of them");
    is_int(number("SELECT count(*) FROM run WHERE state = 'finished'"), 2,
           "runs: both of them");

    for (i = 0; i < 100 && !ds_recorder_answer(r, &settled); i++) {
        (void) usleep(50000);
    }

    ok(i < 100 && settled.found && settled.anew
       && strcmp(settled.stored.def.name, "two") == 0, "the answer");
    ok(ds_recorder_ask(r, "none", 0), "asked for one that is not there");

    for (i = 0; i < 100 && !ds_recorder_answer(r, &settled); i++) {
        (void) usleep(50000);
    }

    ok(i < 100 && !settled.found, "it is not");
}


/* what is asked for last is written before it ends */

static void
test_end(ds_t **ds, ds_recorder_t *r)
{
    ds_run_t      *run;
    ds_status_t    st;

    memset(&st, 0, sizeof(st));
    st.state = DS_STOPPED;
    st.progress = at(42);

    run = ds_run_begin(r, "one", 0);
    ds_run_end(run, &st);
    ds_run_free(&run);
    ds_destroy(ds);

    is_int(number("SELECT item FROM progress WHERE name = 'one'"), 42,
           "the end: written");
}


int
main(void)
{
    ds_t           *ds;
    ds_error_t      err;
    ds_store_t     *store;
    ds_stored_t     stored;
    ds_recorder_t  *r;

    if (mkdtemp(dir) == NULL) {
        return 1;
    }

    (void) snprintf(path, sizeof(path), "%s/state.db", dir);
    ok(ds_store_migrate(path, -1, &err) == DS_OK, "migrated");

    store = ds_store_open(path, true, &err);
    memset(&stored, 0, sizeof(stored));
    (void) strcpy(stored.def.playlist, "PLx");
    stored.def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;
    (void) strcpy(stored.def.name, "one");
    ok(ds_store_create(store, &stored, &err) == DS_OK, "one");
    (void) strcpy(stored.def.name, "two");
    ok(ds_store_create(store, &stored, &err) == DS_OK, "two");
    ds_store_close(&store);

    ds = engine();
    r = ds_recorder_create(ds, NULL, &err);
    ok(r != NULL, "a recorder");

    test_run(r);
    test_locked(r);
    test_end(&ds, r);

    (void) unlink(path);
    (void) rmdir(dir);

    return done_testing();
}
