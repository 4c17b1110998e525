
/*
 * ds_recorder.c: what a relay records in the store, written by a thread of its
 * own, in the order in which it was asked for: whoever asks never waits for a
 * disk.  What is there at a time is one transaction.  The store may fail as it
 * likes: what it does not take is tried again until it does.
 */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ds_job.h"


/* ms between two attempts; of the last ones, when all ends */
#define DS_RECORDER_RETRY  1000
#define DS_RECORDER_LAST   50
#define DS_RECORDER_END    600

/* attempts, after which what is wrong is not with the store as a whole */
#define DS_RECORDER_TRIES  5

/* ms between two looks for what is to be forgotten */
#define DS_RECORDER_OLD    3600000

/* items that may wait for a store that does not take them */
#define DS_RECORDER_ITEMS  8192


typedef enum {
    DS_OP_BEGIN,
    DS_OP_PROGRESS,
    DS_OP_ITEMS,
    DS_OP_TRIM,
    DS_OP_QUEUE,
    DS_OP_END,
    DS_OP_SETTLE
} ds_op_e;


typedef struct ds_op_s  ds_op_t;

struct ds_op_s {
    ds_op_t         *next;
    ds_op_e          kind;
    ds_run_t        *run;               /* NULL: of DS_OP_SETTLE */
    bool             dropped;           /* it cannot be done */
    uint32_t         count;
    ds_progress_t    progress;          /* lock, until it is taken */
    ds_queued_t     *queued;            /* changes of the queue */
    uint64_t         stamp;
    char             on_air[DS_QUEUE_ID_LEN + 1];
    int64_t          position;
    size_t           n;
    ds_listed_t      items[];           /* with their strings */
};


struct ds_run_s {
    ds_recorder_t   *rec;
    char             name[DS_NAME_LEN + 1];
    int64_t          epoch;
    int64_t          id;                /* the thread's */

    ds_op_t          begin;
    ds_op_t          end;
    ds_status_t      last;              /* of the end */

    /* recorder's lock */
    ds_op_t         *waiting;           /* a progress that is not taken yet */
    ds_progress_t    progress;          /* what there was at the begin */
    int              code;              /* of that */
    ds_queued_t     *rows;              /* the queue, as it was read last */
    size_t           nrows;
    uint64_t         stamp;             /* of what is in it */
    bool             read;              /* it was not taken yet */
    unsigned         queueing;          /* ops that are not done */
    bool             begun;
    bool             ended;
    bool             missed;            /* items are not in the store */
    bool             orphan;            /* freed by the thread */
};


struct ds_recorder_s {
    ds_job_t         job;
    ds_t            *ds;
    char            *path;
    const ds_cluster_conf_t *cluster;
    int              wake;              /* eventfd */

    pthread_mutex_t  lock;
    /* under the lock */
    ds_op_t         *first;
    ds_op_t        **last;
    size_t           nitems;            /* that wait, or are being written */
    bool             count;             /* is asked for */
    uint32_t         kept;
    uint64_t         size;
    ds_op_t          settle;
    ds_settled_t     settled;
    int64_t          owned;             /* its epoch there; 0: not ours */
    bool             settling;
    bool             answered;

    /* the thread's */
    ds_store_t      *store;
    int64_t          old_at;            /* when it looks for what is old */
    ds_error_t       err;               /* of the last call */
    int              code;              /* that was logged last */
};


static void ds_recorder_destroy(void *data);
static void ds_recorder_run(void *data);
static ds_op_t *ds_recorder_take(ds_recorder_t *r);
static bool ds_recorder_write(ds_recorder_t *r, ds_op_t *ops, int64_t end);
static int ds_recorder_try(ds_recorder_t *r, ds_op_t *ops, ds_op_t **at);
static int ds_recorder_open(ds_recorder_t *r);
static int ds_recorder_do(ds_recorder_t *r, ds_op_t *op);
static int ds_recorder_begin(ds_recorder_t *r, ds_run_t *run);
static int ds_recorder_end(ds_recorder_t *r, ds_run_t *run);
static int ds_recorder_queue(ds_recorder_t *r, ds_op_t *op);
static int ds_recorder_read(ds_recorder_t *r, ds_run_t *run,
    uint64_t stamp);
static int ds_recorder_settle(ds_recorder_t *r);
static void ds_recorder_failed(ds_recorder_t *r, int rc, ds_op_t *ops);
static bool ds_recorder_away(int rc);
static void ds_recorder_begun(ds_run_t *run, int rc,
    const ds_progress_t *progress);
static void ds_recorder_done(ds_recorder_t *r, ds_op_t *ops, bool written);
static void ds_recorder_count(ds_recorder_t *r);
static void ds_recorder_put(ds_recorder_t *r, ds_op_t *op);
static ds_op_t *ds_recorder_op(ds_run_t *run, ds_op_e kind, size_t n);


ds_recorder_t *
ds_recorder_create(ds_t *ds, const ds_cluster_conf_t *cluster,
    ds_error_t *err)
{
    ds_recorder_t  *r;

    ds_error_clear(err);

    r = calloc(1, sizeof(ds_recorder_t));
    if (r == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    r->ds = ds;
    r->cluster = cluster;
    r->last = &r->first;
    r->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    r->path = strdup(ds->conf.store_path);

    (void) pthread_mutex_init(&r->lock, NULL);

    if (r->wake == -1 || r->path == NULL
        || ds_job_start_owned(&r->job, ds, "ds-record", ds_recorder_run,
                              ds_recorder_destroy, r)
           != DS_OK)
    {
        (void) ds_fail(err, DS_ENOMEM, "recorder could not be started");
        ds_recorder_destroy(r);
        return NULL;
    }

    return r;
}


static void
ds_recorder_destroy(void *data)
{
    ds_op_t        *op;
    ds_recorder_t  *r = data;

    ds_job_end(&r->job);

    while ((op = r->first) != NULL) {
        r->first = op->next;
        op->next = NULL;
        ds_recorder_done(r, op, false);
    }

    if (r->wake != -1) {
        (void) close(r->wake);
    }

    (void) pthread_mutex_destroy(&r->lock);
    free(r->path);
    free(r);
}


/* context: recorder's thread */

static void
ds_recorder_run(void *data)
{
    int64_t        end;
    ds_op_t       *ops;
    ds_recorder_t *r = data;

    end = 0;

    for ( ;; ) {
        ops = ds_recorder_take(r);

        if (ds_cancel_is_set(&r->job.cancel)) {

            /* what was asked for before is still written */

            if (end == 0) {
                end = ds_monotonic() + DS_RECORDER_END;
            }

            if (ops == NULL) {
                break;
            }
        }

        if (ops != NULL) {
            ds_recorder_done(r, ops, ds_recorder_write(r, ops, end));
        }

        ds_recorder_count(r);
    }

    ds_store_close(&r->store);
}


/* waits for something to do; NULL: there may be none */

static ds_op_t *
ds_recorder_take(ds_recorder_t *r)
{
    uint64_t       n;
    ds_op_t       *ops, *op;
    struct pollfd  pfd[2];

    pfd[0].fd = r->wake;
    pfd[0].events = POLLIN;
    pfd[1].fd = r->job.cancel.fd;
    pfd[1].events = POLLIN;

    (void) poll(pfd, 2, -1);
    (void) !read(r->wake, &n, sizeof(n));

    (void) pthread_mutex_lock(&r->lock);

    ops = r->first;
    r->first = NULL;
    r->last = &r->first;

    for (op = ops; op != NULL; op = op->next) {
        if (op->kind == DS_OP_PROGRESS) {
            op->run->waiting = NULL;
        }
    }

    (void) pthread_mutex_unlock(&r->lock);

    return ops;
}


/* false: all ends, and the store has not taken it */

static bool
ds_recorder_write(ds_recorder_t *r, ds_op_t *ops, int64_t end)
{
    int       rc;
    ds_op_t  *at;
    unsigned  tries;

    for (tries = 1; /* void */ ; tries++) {
        at = NULL;
        rc = ds_recorder_try(r, ops, &at);

        if (rc == DS_OK) {
            break;
        }

        /* of what somebody else has changed meanwhile */

        if (rc == DS_ECLUSTER_CONFLICT && tries < DS_RECORDER_TRIES) {
            continue;
        }

        ds_recorder_failed(r, rc, ops);

        if (at != NULL && tries >= DS_RECORDER_TRIES
            && rc != DS_ESTORE_BUSY && rc != DS_ESTORE_FULL
            && rc != DS_ESTORE_READONLY && !ds_recorder_away(rc))
        {
            at->dropped = true;
            tries = 0;
        }

        if (!ds_cancel_is_set(&r->job.cancel)) {
            (void) ds_cancel_wait(&r->job.cancel, DS_RECORDER_RETRY);
            continue;
        }

        if (end == 0) {
            end = ds_monotonic() + DS_RECORDER_END;
        }

        if (ds_monotonic() > end) {
            return false;
        }

        (void) usleep(DS_RECORDER_LAST * 1000);
    }

    if (r->code != DS_OK) {
        r->code = DS_OK;
        ds_log(r->ds, DS_LOG_NOTICE, NULL, "the state is recorded again");
    }

    /* a transaction of its own, which who asked asks for again */

    for (at = ops; at != NULL; at = at->next) {
        if (at->kind == DS_OP_SETTLE) {
            rc = ds_recorder_settle(r);

            if (rc != DS_OK) {
                at->dropped = true;
                ds_recorder_failed(r, rc, NULL);
                break;
            }
        }
    }

    return true;
}


/* all of it, or nothing; *at is what cannot be done, where that is known */

static int
ds_recorder_try(ds_recorder_t *r, ds_op_t *ops, ds_op_t **at)
{
    int       rc;
    ds_op_t  *op;

    rc = ds_recorder_open(r);

    if (rc != DS_OK) {
        return rc;
    }

    rc = ds_store_begin(r->store, &r->err);

    if (rc == DS_OK && r->ds->conf.history != 0
        && ds_monotonic() >= r->old_at)
    {
        rc = ds_store_trim_history(r->store, ds_now() - r->ds->conf.history,
                                   &r->err);
        r->old_at = ds_monotonic() + DS_RECORDER_OLD;
    }

    for (op = ops; rc == DS_OK && op != NULL; op = op->next) {
        if (!op->dropped) {
            *at = op;
            rc = ds_recorder_do(r, op);
        }
    }

    if (rc == DS_OK) {
        *at = NULL;
        rc = ds_store_commit(r->store, &r->err);
    }

    if (rc != DS_OK) {
        ds_store_rollback(r->store);
    }

    return rc;
}


static int
ds_recorder_open(ds_recorder_t *r)
{
    int  rc;

    if (r->store != NULL) {
        return DS_OK;
    }

    r->store = ds_store_open(r->path, false, &r->err);

    rc = r->store != NULL ? ds_store_join(r->store, r->cluster, &r->err)
                          : r->err.code;

    if (rc != DS_OK) {
        ds_store_close(&r->store);
    }

    return rc;
}


static int
ds_recorder_do(ds_recorder_t *r, ds_op_t *op)
{
    ds_run_t  *run;

    run = op->run;

    if (run != NULL) {
        ds_store_own(r->store, run->name, run->epoch);
    }

    switch (op->kind) {

    case DS_OP_BEGIN:
        return ds_recorder_begin(r, run);

    case DS_OP_PROGRESS:
        return ds_store_put_progress(r->store, run->name, run->id,
                                     &op->progress, &r->err);

    case DS_OP_ITEMS:
        return ds_store_put_items(r->store, run->name, run->id, op->items,
                                  op->n, &r->err);

    case DS_OP_TRIM:
        return ds_store_trim_items(r->store, run->name, op->count, &r->err);

    case DS_OP_QUEUE:
        return ds_recorder_queue(r, op);

    case DS_OP_END:
        return ds_recorder_end(r, run);

    case DS_OP_SETTLE:
        break;
    }

    return DS_OK;
}


/* what it began from is read before it is forgotten */

static int
ds_recorder_begin(ds_recorder_t *r, ds_run_t *run)
{
    int            rc;
    ds_progress_t  progress;

    rc = ds_store_refresh(r->store, run->name, &r->err);

    if (rc == DS_OK) {
        rc = ds_store_get_progress(r->store, run->name, &progress, &r->err);
    }

    if (rc == DS_OK) {
        rc = ds_recorder_read(r, run, 0);
    }

    if (rc == DS_OK) {
        ds_recorder_begun(run, DS_OK, &progress);
        rc = ds_store_begin_run(r->store, run->name, &run->id, &r->err);
    }

    return rc;
}


static int
ds_recorder_end(ds_recorder_t *r, ds_run_t *run)
{
    int  rc;

    rc = DS_OK;

    if (run->last.progress.valid) {
        rc = ds_store_put_progress(r->store, run->name, run->id,
                                   &run->last.progress, &r->err);
    }

    if (rc == DS_OK && run->id != 0) {
        rc = ds_store_end_run(r->store, run->id, &run->last, &r->err);
    }

    return rc;
}


static int
ds_recorder_queue(ds_recorder_t *r, ds_op_t *op)
{
    int        rc;
    size_t     i;
    ds_run_t  *run;

    rc = DS_OK;
    run = op->run;

    for (i = 0; rc == DS_OK && i < op->n; i++) {
        rc = ds_store_queue_put(r->store, run->name, run->id, &op->queued[i],
                                &r->err);
    }

    if (rc == DS_OK && op->position >= 0) {
        rc = ds_store_queue_position(r->store, run->name, op->on_air,
                                     op->position, &r->err);
    }

    if (rc == DS_OK && op->progress.valid) {
        rc = ds_store_put_progress(r->store, run->name, run->id,
                                   &op->progress, &r->err);
    }

    return rc == DS_OK ? ds_recorder_read(r, run, op->stamp) : rc;
}


/* what is not committed then is read again with the next attempt */

static int
ds_recorder_read(ds_recorder_t *r, ds_run_t *run, uint64_t stamp)
{
    int           rc;
    size_t        n;
    ds_queued_t  *rows;

    rc = ds_store_queue_list(r->store, run->name, &rows, &n, &r->err);

    if (rc != DS_OK) {
        return rc;
    }

    (void) pthread_mutex_lock(&r->lock);

    free(run->rows);
    run->rows = rows;
    run->nrows = n;
    run->stamp = stamp;

    (void) pthread_mutex_unlock(&r->lock);

    return DS_OK;
}


static int
ds_recorder_settle(ds_recorder_t *r)
{
    int            rc;
    ds_progress_t  progress;
    ds_settled_t  *s;

    if (r->store == NULL) {
        return r->err.code;
    }

    s = &r->settled;
    memset(&progress, 0, sizeof(ds_progress_t));

    rc = ds_store_fence(r->store, &r->err);

    if (rc == DS_OK) {
        rc = ds_store_refresh(r->store, s->name, &r->err);
    }

    if (rc == DS_OK) {
        rc = ds_store_get(r->store, s->name, &s->stored, &r->err);
    }

    s->found = rc == DS_OK;
    s->ncommands = 0;

    if (rc == DS_OK) {
        rc = ds_store_get_progress(r->store, s->name, &progress, &r->err);
    }

    if (rc == DS_OK && r->owned != 0) {
        s->ncommands = DS_COMMANDS;
        rc = ds_store_command_take(r->store, s->name, r->owned, s->commands,
                                   &s->ncommands, &r->err);
    }

    s->progress = progress;
    s->anew = !progress.valid;

    return rc == DS_ESTORE_NOT_FOUND ? DS_OK : rc;
}


/* says an error once; who waits for a begin need not wait for its end */

static void
ds_recorder_failed(ds_recorder_t *r, int rc, ds_op_t *ops)
{
    ds_op_t  *op;

    if (rc != r->code) {
        r->code = rc;
        ds_log(r->ds, DS_LOG_WARN, NULL, "the state is not recorded: %s: %s",
               ds_error_code(rc), r->err.message);
    }

    for (op = ops; op != NULL; op = op->next) {
        if (op->kind == DS_OP_BEGIN) {
            ds_recorder_begun(op->run, rc, NULL);
        }
    }

    if (rc != DS_ESTORE_BUSY && rc != DS_ESTORE_FULL
        && !ds_recorder_away(rc))
    {
        ds_store_close(&r->store);
    }
}


/* what the nodes share cannot be had; nothing is wrong here */

static bool
ds_recorder_away(int rc)
{
    return rc == DS_ECLUSTER_LOST || rc == DS_ECLUSTER_UNKNOWN
           || rc == DS_ECLUSTER_DENIED || rc == DS_ECLUSTER_CONFLICT;
}


/* the first word counts */

static void
ds_recorder_begun(ds_run_t *run, int rc, const ds_progress_t *progress)
{
    ds_recorder_t  *r;

    r = run->rec;

    (void) pthread_mutex_lock(&r->lock);

    if (!run->begun) {
        run->begun = true;
        run->code = rc;

        if (progress != NULL) {
            run->progress = *progress;
            run->read = true;
        }
    }

    (void) pthread_mutex_unlock(&r->lock);

    ds_wakeup(r->ds);
}


static void
ds_recorder_done(ds_recorder_t *r, ds_op_t *ops, bool written)
{
    bool       orphan;
    ds_op_t   *op;
    ds_run_t  *run;

    while ((op = ops) != NULL) {
        ops = op->next;
        run = op->run;
        orphan = false;

        (void) pthread_mutex_lock(&r->lock);

        if (op->kind == DS_OP_QUEUE) {
            run->queueing--;
            run->read = run->read || (written && !op->dropped);

        } else if (op->kind == DS_OP_ITEMS) {
            r->nitems -= op->n;
            run->missed = run->missed || op->dropped || !written;

        } else if (op->kind == DS_OP_END) {
            run->ended = true;
            orphan = run->orphan;

        } else if (op->kind == DS_OP_SETTLE) {
            r->answered = written && !op->dropped;
            r->settling = r->answered;
        }

        (void) pthread_mutex_unlock(&r->lock);

        if (op->kind == DS_OP_END || op->kind == DS_OP_SETTLE
            || op->kind == DS_OP_QUEUE)
        {
            ds_wakeup(r->ds);
        }

        if (orphan) {
            free(run->rows);
            free(run);

        } else if (op->kind == DS_OP_PROGRESS || op->kind == DS_OP_ITEMS
                   || op->kind == DS_OP_TRIM || op->kind == DS_OP_QUEUE)
        {
            free(op->queued);
            ds_listed_free(op->items, op->kind == DS_OP_ITEMS ? op->n : 0);
            free(op);
        }
    }
}


/* for metrics, which must not wait for a disk */

static void
ds_recorder_count(ds_recorder_t *r)
{
    bool      asked;
    uint32_t  count;
    uint64_t  size;

    (void) pthread_mutex_lock(&r->lock);
    asked = r->count;
    r->count = false;
    (void) pthread_mutex_unlock(&r->lock);

    if (!asked) {
        return;
    }

    if (ds_recorder_open(r) != DS_OK
        || ds_store_count_kept(r->store, &count, &size, &r->err) != DS_OK)
    {
        return;
    }

    (void) pthread_mutex_lock(&r->lock);
    r->kept = count;
    r->size = size;
    (void) pthread_mutex_unlock(&r->lock);
}


/* the owner's side */

static void
ds_recorder_put(ds_recorder_t *r, ds_op_t *op)
{
    uint64_t  one;

    (void) pthread_mutex_lock(&r->lock);

    op->next = NULL;
    *r->last = op;
    r->last = &op->next;

    if (op->kind == DS_OP_PROGRESS) {
        op->run->waiting = op;
    }

    (void) pthread_mutex_unlock(&r->lock);

    one = 1;
    (void) !write(r->wake, &one, sizeof(one));
}


static ds_op_t *
ds_recorder_op(ds_run_t *run, ds_op_e kind, size_t n)
{
    ds_op_t  *op;

    op = calloc(1, sizeof(ds_op_t) + n * sizeof(ds_listed_t));

    if (op != NULL) {
        op->kind = kind;
        op->run = run;
        op->n = n;
    }

    return op;
}


ds_run_t *
ds_run_begin(ds_recorder_t *r, const char *name, int64_t epoch)
{
    ds_run_t  *run;

    run = calloc(1, sizeof(ds_run_t));
    if (run == NULL) {
        return NULL;
    }

    run->rec = r;
    run->epoch = epoch;
    ds_text(run->name, sizeof(run->name), name);

    run->begin.kind = DS_OP_BEGIN;
    run->begin.run = run;
    run->end.kind = DS_OP_END;
    run->end.run = run;

    ds_recorder_put(r, &run->begin);

    return run;
}


bool
ds_run_begun(ds_run_t *run, ds_progress_t *progress, int *code)
{
    bool  begun;

    (void) pthread_mutex_lock(&run->rec->lock);

    begun = run->begun;
    *progress = run->progress;
    *code = run->code;

    (void) pthread_mutex_unlock(&run->rec->lock);

    return begun;
}


void
ds_run_progress(ds_run_t *run, const ds_progress_t *progress)
{
    bool      waiting;
    ds_op_t  *op;

    (void) pthread_mutex_lock(&run->rec->lock);

    waiting = run->waiting != NULL;

    if (waiting) {
        run->waiting->progress = *progress;
    }

    (void) pthread_mutex_unlock(&run->rec->lock);

    if (waiting) {
        return;
    }

    op = ds_recorder_op(run, DS_OP_PROGRESS, 0);

    if (op != NULL) {
        op->progress = *progress;
        ds_recorder_put(run->rec, op);
    }
}


bool
ds_run_items(ds_run_t *run, ds_listed_t *items, size_t n)
{
    bool            room;
    size_t          i;
    ds_op_t        *op;
    ds_recorder_t  *r;

    r = run->rec;
    op = ds_recorder_op(run, DS_OP_ITEMS, n);

    (void) pthread_mutex_lock(&r->lock);

    room = op != NULL && r->nitems + n <= DS_RECORDER_ITEMS;

    if (room) {
        r->nitems += n;
    }

    (void) pthread_mutex_unlock(&r->lock);

    if (!room) {
        free(op);
        return false;
    }

    memcpy(op->items, items, n * sizeof(ds_listed_t));

    for (i = 0; i < n; i++) {
        items[i].url = NULL;
        items[i].audio_url = NULL;
    }

    ds_recorder_put(r, op);

    return true;
}


bool
ds_run_room(ds_run_t *run)
{
    bool            room;
    ds_recorder_t  *r;

    r = run->rec;

    (void) pthread_mutex_lock(&r->lock);
    room = r->nitems <= DS_RECORDER_ITEMS / 2;
    (void) pthread_mutex_unlock(&r->lock);

    return room;
}


bool
ds_run_missed(ds_run_t *run)
{
    bool  missed;

    (void) pthread_mutex_lock(&run->rec->lock);
    missed = run->missed;
    run->missed = false;
    (void) pthread_mutex_unlock(&run->rec->lock);

    return missed;
}


bool
ds_run_queue(ds_run_t *run, const ds_queued_t *changes, size_t n,
    uint64_t stamp, const ds_status_t *status)
{
    ds_op_t  *op;

    op = ds_recorder_op(run, DS_OP_QUEUE, 0);

    if (op != NULL && n != 0) {
        op->queued = malloc(n * sizeof(ds_queued_t));

        if (op->queued == NULL) {
            free(op);
            op = NULL;
        }
    }

    if (op == NULL) {
        return false;
    }

    if (n != 0) {
        memcpy(op->queued, changes, n * sizeof(ds_queued_t));
    }

    op->n = n;
    op->stamp = stamp;
    op->progress = status->progress;
    op->position = status->queue_id[0] == '\0' ? -1 : status->queue_position;
    memcpy(op->on_air, status->queue_id, sizeof(op->on_air));

    (void) pthread_mutex_lock(&run->rec->lock);
    run->queueing++;
    (void) pthread_mutex_unlock(&run->rec->lock);

    ds_recorder_put(run->rec, op);

    return true;
}


bool
ds_run_queueing(ds_run_t *run)
{
    bool  queueing;

    (void) pthread_mutex_lock(&run->rec->lock);
    queueing = run->queueing != 0;
    (void) pthread_mutex_unlock(&run->rec->lock);

    return queueing;
}


bool
ds_run_queued(ds_run_t *run, ds_queued_t **entries, size_t *n,
    uint64_t *stamp)
{
    bool  read;

    (void) pthread_mutex_lock(&run->rec->lock);

    read = run->read;

    if (read) {
        *entries = run->rows;
        *n = run->nrows;
        *stamp = run->stamp;

        run->rows = NULL;
        run->nrows = 0;
        run->read = false;
    }

    (void) pthread_mutex_unlock(&run->rec->lock);

    return read;
}


bool
ds_run_trim(ds_run_t *run, uint32_t count)
{
    ds_op_t  *op;

    op = ds_recorder_op(run, DS_OP_TRIM, 0);

    if (op != NULL) {
        op->count = count;
        ds_recorder_put(run->rec, op);
    }

    return op != NULL;
}


void
ds_run_end(ds_run_t *run, const ds_status_t *last)
{
    run->last = *last;
    ds_recorder_put(run->rec, &run->end);
}


bool
ds_run_ended(ds_run_t *run)
{
    bool  ended;

    (void) pthread_mutex_lock(&run->rec->lock);
    ended = run->ended;
    (void) pthread_mutex_unlock(&run->rec->lock);

    return ended;
}


void
ds_run_free(ds_run_t **prun)
{
    bool       ended;
    ds_run_t  *run;

    run = *prun;
    if (run == NULL) {
        return;
    }

    *prun = NULL;

    (void) pthread_mutex_lock(&run->rec->lock);
    ended = run->ended;
    run->orphan = true;
    (void) pthread_mutex_unlock(&run->rec->lock);

    if (ended) {
        free(run->rows);
        free(run);
    }
}


void
ds_recorder_kept(ds_recorder_t *r, uint32_t *count, uint64_t *size)
{
    uint64_t  one;

    (void) pthread_mutex_lock(&r->lock);

    *count = r->kept;
    *size = r->size;
    r->count = true;

    (void) pthread_mutex_unlock(&r->lock);

    one = 1;
    (void) !write(r->wake, &one, sizeof(one));
}


bool
ds_recorder_ask(ds_recorder_t *r, const char *name, int64_t epoch)
{
    bool  busy;

    (void) pthread_mutex_lock(&r->lock);

    busy = r->settling;

    if (!busy) {
        r->settling = true;
        r->answered = false;
        ds_text(r->settled.name, sizeof(r->settled.name), name);
        r->owned = epoch;
        r->settle.kind = DS_OP_SETTLE;
        r->settle.dropped = false;
    }

    (void) pthread_mutex_unlock(&r->lock);

    if (!busy) {
        ds_recorder_put(r, &r->settle);
    }

    return !busy;
}


bool
ds_recorder_answer(ds_recorder_t *r, ds_settled_t *settled)
{
    bool  answered;

    (void) pthread_mutex_lock(&r->lock);

    answered = r->answered;

    if (answered) {
        *settled = r->settled;
        r->answered = false;
        r->settling = false;
    }

    (void) pthread_mutex_unlock(&r->lock);

    return answered;
}
