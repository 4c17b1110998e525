
/*
 * ngx_directstream_record.c: what the relay worker records in the store:
 * where each stream is, its items, its runs.  Writes of one pass are one
 * transaction.  The store may fail as it likes: what it does not take is
 * written again later, and a stream goes on without it.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_RECORD_RETRY  1000    /* ms */


static ngx_int_t ngx_directstream_record_open(ngx_directstream_record_t *rec);
static ngx_int_t ngx_directstream_record_ready(
    ngx_directstream_record_t *rec);
static ngx_int_t ngx_directstream_record_check(
    ngx_directstream_record_t *rec, const char *name, int rc);


void
ngx_directstream_record_init(ngx_directstream_record_t *rec,
    ngx_directstream_conf_t *dcf, ngx_log_t *log)
{
    ngx_memzero(rec, sizeof(ngx_directstream_record_t));

    rec->dcf = dcf;
    rec->log = log;
}


void
ngx_directstream_record_close(ngx_directstream_record_t *rec)
{
    ngx_directstream_record_commit(rec);
    ds_store_close(&rec->store);
}


/* NGX_OK when the store is open */

static ngx_int_t
ngx_directstream_record_open(ngx_directstream_record_t *rec)
{
    u_char  path[NGX_MAX_PATH];

    if (rec->waiting) {
        if ((ngx_msec_int_t) (ngx_current_msec - rec->retry) < 0) {
            return NGX_ERROR;
        }

        rec->waiting = 0;
    }

    if (rec->store != NULL) {
        return NGX_OK;
    }

    ngx_directstream_state_db(rec->dcf, path);

    rec->store = ds_store_open((char *) path, false, &rec->err);

    return (rec->store != NULL)
           ? NGX_OK : ngx_directstream_record_check(rec, NULL, rec->err.code);
}


/* NGX_OK when the store is open and a transaction begun */

static ngx_int_t
ngx_directstream_record_ready(ngx_directstream_record_t *rec)
{
    if (ngx_directstream_record_open(rec) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!rec->begun
        && ngx_directstream_record_check(rec, NULL,
                                         ds_store_begin(rec->store,
                                                        &rec->err))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rec->begun = 1;

    return NGX_OK;
}


/* says an error once, and drops what it has spoiled */

static ngx_int_t
ngx_directstream_record_check(ngx_directstream_record_t *rec,
    const char *name, int rc)
{
    if (rc == DS_OK) {
        return NGX_OK;
    }

    if (rc != rec->code) {
        rec->code = rc;

        ngx_log_error(NGX_LOG_WARN, rec->log, 0,
                      "directstream%s%s%s: the state is not recorded: %s: %s",
                      name ? " \"" : "", name ? name : "", name ? "\"" : "",
                      ds_error_code(rc), rec->err.message);
    }

    if (rec->begun) {
        ds_store_rollback(rec->store);
        rec->begun = 0;
        rec->lost++;
    }

    if (rc != DS_ESTORE_BUSY && rc != DS_ESTORE_FULL) {
        ds_store_close(&rec->store);
    }

    rec->waiting = 1;
    rec->retry = ngx_current_msec + NGX_DIRECTSTREAM_RECORD_RETRY;

    return NGX_ERROR;
}


void
ngx_directstream_record_commit(ngx_directstream_record_t *rec)
{
    if (!rec->begun) {
        return;
    }

    rec->begun = 0;

    if (ngx_directstream_record_check(rec, NULL,
                                      ds_store_commit(rec->store, &rec->err))
        != NGX_OK)
    {
        rec->lost++;
        return;
    }

    if (rec->code != DS_OK) {
        rec->code = DS_OK;
        ngx_log_error(NGX_LOG_NOTICE, rec->log, 0,
                      "directstream: the state is recorded again");
    }
}


int64_t
ngx_directstream_record_begin(ngx_directstream_record_t *rec,
    const char *name, ds_progress_t *progress)
{
    int64_t  run;

    if (progress != NULL) {
        ngx_memzero(progress, sizeof(ds_progress_t));
        rec->waiting = 0;
    }

    if (ngx_directstream_record_open(rec) != NGX_OK) {
        return 0;
    }

    /* also with a lock that cannot be had: a stream must find its place */

    if (progress != NULL
        && ngx_directstream_record_check(rec, name,
                                         ds_store_get_progress(rec->store,
                                                  name, progress, &rec->err))
           != NGX_OK)
    {
        return 0;
    }

    if (ngx_directstream_record_ready(rec) != NGX_OK
        || ngx_directstream_record_check(rec, name,
                                         ds_store_begin_run(rec->store, name,
                                                            &run, &rec->err))
           != NGX_OK)
    {
        return 0;
    }

    ngx_directstream_record_commit(rec);

    return (rec->code == DS_OK) ? run : 0;
}


void
ngx_directstream_record_end(ngx_directstream_record_t *rec, const char *name,
    int64_t run, ds_status_t *status)
{
    if (run != 0 && ngx_directstream_record_ready(rec) == NGX_OK) {
        (void) ngx_directstream_record_check(rec, name,
                       ds_store_end_run(rec->store, run, status, &rec->err));
    }

    ngx_directstream_record_commit(rec);
}


ngx_int_t
ngx_directstream_record_progress(ngx_directstream_record_t *rec,
    const char *name, int64_t run, ds_progress_t *progress)
{
    return (ngx_directstream_record_ready(rec) == NGX_OK)
           ? ngx_directstream_record_check(rec, name,
                 ds_store_put_progress(rec->store, name, run, progress,
                                       &rec->err))
           : NGX_ERROR;
}


ngx_int_t
ngx_directstream_record_items(ngx_directstream_record_t *rec,
    const char *name, int64_t run, ds_listed_t *items, size_t n)
{
    return (ngx_directstream_record_ready(rec) == NGX_OK)
           ? ngx_directstream_record_check(rec, name,
                 ds_store_put_items(rec->store, name, run, items, n,
                                    &rec->err))
           : NGX_ERROR;
}


ngx_int_t
ngx_directstream_record_trim(ngx_directstream_record_t *rec,
    const char *name, uint32_t count)
{
    return (ngx_directstream_record_ready(rec) == NGX_OK)
           ? ngx_directstream_record_check(rec, name,
                 ds_store_trim_items(rec->store, name, count, &rec->err))
           : NGX_ERROR;
}


ngx_int_t
ngx_directstream_record_kept(ngx_directstream_record_t *rec, uint32_t *count,
    uint64_t *size)
{
    return (ngx_directstream_record_open(rec) == NGX_OK)
           ? ngx_directstream_record_check(rec, NULL,
                 ds_store_count_kept(rec->store, count, size, &rec->err))
           : NGX_ERROR;
}


void
ngx_directstream_record_settle(ngx_directstream_record_t *rec)
{
    int            rc;
    char           name[DS_NAME_LEN + 1];
    ngx_pid_t      writer;
    ds_stored_t    stored;
    ds_progress_t  progress;

    name[0] = '\0';

    ngx_directstream_record_commit(rec);

    while (ngx_directstream_change_dead(rec->dcf, name, &writer) == NGX_OK) {

        if (ngx_directstream_record_open(rec) != NGX_OK) {
            return;
        }

        rc = ds_store_fence(rec->store, &rec->err);

        if (rc == DS_OK) {
            rc = ds_store_get(rec->store, name, &stored, &rec->err);
        }

        if (rc == DS_OK) {
            rc = ds_store_get_progress(rec->store, name, &progress, &rec->err);
        }

        if (rc != DS_OK && rc != DS_ESTORE_NOT_FOUND) {
            (void) ngx_directstream_record_check(rec, name, rc);
            return;
        }

        ngx_log_error(NGX_LOG_NOTICE, rec->log, 0,
                      "directstream \"%s\": process %P died in a change, "
                      "the stream is now what the store has", name, writer);

        ngx_directstream_change_settle(rec->dcf, name, writer,
                                       rc == DS_OK ? &stored : NULL,
                                       rc == DS_OK && !progress.valid);
    }
}
