
/*
 * ds_fetch_child.c: an item fetched by yt-dlp: it reads segments and formats
 * that have no URL of their own, and goes on with what it has left itself.
 * Video and audio that are apart stay apart, so nothing is needed to merge
 * them.
 *
 * It connects by itself: conf->source_rules are not asked.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/ds_fetch.h"
#include "resolve/ds_list.h"
#include "resolve/ds_resolve_child.h"
#include "resolve/ds_resolve_error.h"


#define DS_FETCH_LINE     4096
#define DS_FETCH_OUTPUT   (1024 * 1024 * 1024)

/* what the lines begin with that are ours */
#define DS_FETCH_ITEM     "directstream-item "
#define DS_FETCH_DONE     "directstream-bytes "

#define DS_FETCH_NAME     64


typedef struct {
    double     duration;                /* s, -1: not known */
    uint64_t   total;                   /* bytes, 0: not known */
    unsigned   files;
    char       name[2][2 * DS_FETCH_NAME];
    uint64_t   before;                  /* bytes of the files before this */
    uint64_t   bytes;                   /* of this one */
} ds_fetch_item_t;


static int ds_fetch_child_read(const ds_fetch_conf_t *fc, ds_proc_t *p,
    ds_fetch_item_t *item, ds_error_t *err);
static int ds_fetch_child_item(char *line, ds_fetch_item_t *item,
    ds_error_t *err);
static int ds_fetch_child_file(ds_fetch_item_t *item, const char *format,
    const char *ext, bool apart, ds_error_t *err);
static uint64_t ds_fetch_child_bytes(const char *line, ds_fetch_item_t *item,
    uint64_t *total);
static int ds_fetch_child_names(const ds_fetch_conf_t *fc,
    const ds_fetch_item_t *item, ds_error_t *err);
static char *ds_fetch_child_word(char **line);


/* "-f": what can be copied comes first, then what one file or two can hold */

static const char *const  ds_fetch_child_args[] = {
    "--no-playlist", "--no-simulate", "--progress",
    "--newline", "--continue", "--no-mtime", "--fixup", "never",
    "--ffmpeg-location", "/nonexistent", "--downloader", "native",
    "--retries", "3", "--fragment-retries", "3", "--file-access-retries", "0",
    "--abort-on-unavailable-fragments",
    "-f", "bv[vcodec^=avc1][height<=1080]+ba[acodec^=mp4a]"
          "/b[vcodec^=avc1][height<=1080]/bv[height<=1080]+ba/b/bv+ba",
    "--print", "before_dl:" DS_FETCH_ITEM "%(live_status)s %(duration)s "
               "%(filesize,filesize_approx)s %(format_id)s %(ext)s "
               "%(requested_formats.0.format_id)s "
               "%(requested_formats.0.ext)s "
               "%(requested_formats.1.format_id)s "
               "%(requested_formats.1.ext)s",
    "--progress-template", "download:" DS_FETCH_DONE
               "%(progress.downloaded_bytes)s %(progress.total_bytes)s "
               "%(progress.total_bytes_estimate)s",
    "-o", "media.%(ext)s", "-P", NULL, NULL
};

#define DS_FETCH_NARGS                                                        \
    (sizeof(ds_fetch_child_args) / sizeof(ds_fetch_child_args[0]))


int
ds_fetch_child(const ds_fetch_conf_t *fc, ds_error_t *err)
{
    int               rc, status;
    int64_t           timeout;
    ds_proc_t        *p;
    const char       *args[DS_FETCH_NARGS];
    ds_fetch_item_t   item;

    if (fc->entry->url == NULL || !ds_list_url_ok(fc->entry->url, false)) {
        return ds_fail(err, DS_ESOURCE_DENIED,
                       "not a valid http or https URL");
    }

    memcpy(args, ds_fetch_child_args, sizeof(args));
    args[DS_FETCH_NARGS - 2] = ds_keep_path(fc->keep);

    timeout = 3 * (int64_t) fc->conf->source_timeout;

    if (timeout < fc->conf->resolve_timeout) {
        timeout = fc->conf->resolve_timeout;
    }

    p = ds_resolve_start(fc->conf, args, fc->entry->url, timeout, fc->cancel,
                         err);
    if (p == NULL) {
        return err->code;
    }

    memset(&item, 0, sizeof(ds_fetch_item_t));
    rc = ds_fetch_child_read(fc, p, &item, err);

    if (rc == DS_OK) {
        status = ds_proc_end(p);

        if (ds_cancel_is_set(fc->cancel)) {
            rc = ds_fail(err, DS_ECANCELED, "canceled");

        } else if (status != 0) {
            rc = ds_resolve_error(status, ds_proc_stderr(p), err);
        }
    }

    if (rc == DS_OK) {
        rc = ds_fetch_child_names(fc, &item, err);
    }

    ds_proc_free(&p);

    return rc;
}


static int
ds_fetch_child_read(const ds_fetch_conf_t *fc, ds_proc_t *p,
    ds_fetch_item_t *item, ds_error_t *err)
{
    int               rc;
    char             *line;
    uint64_t          bytes, last, total;
    ds_fetch_rate_t   rate;

    memset(&rate, 0, sizeof(ds_fetch_rate_t));
    last = 0;

    while ((line = ds_proc_line(p, DS_FETCH_LINE, DS_FETCH_OUTPUT, err))
           != NULL)
    {
        if (strncmp(line, DS_FETCH_ITEM, strlen(DS_FETCH_ITEM)) == 0) {
            rc = ds_fetch_child_item(line + strlen(DS_FETCH_ITEM), item, err);
            if (rc != DS_OK) {
                return rc;
            }

            ds_proc_renew(p);
            continue;
        }

        if (strncmp(line, DS_FETCH_DONE, strlen(DS_FETCH_DONE)) != 0) {
            continue;
        }

        bytes = ds_fetch_child_bytes(line + strlen(DS_FETCH_DONE), item,
                                     &total);
        rc = ds_keep_grown(fc->keep, bytes, err);
        if (rc != DS_OK) {
            return rc;
        }

        /* a line without news is no sign of life */

        if (bytes != last) {
            ds_proc_renew(p);
            last = bytes;
        }

        ds_fetch_progress(fc, &rate, bytes, total);
    }

    return err->code;
}


static int
ds_fetch_child_item(char *line, ds_fetch_item_t *item, ds_error_t *err)
{
    int          rc;
    char        *word[9];
    unsigned     i;

    for (i = 0; i < 9; i++) {
        word[i] = ds_fetch_child_word(&line);
    }

    if (strcmp(word[0], "is_live") == 0 || strcmp(word[0], "is_upcoming") == 0)
    {
        return ds_fail(err, DS_EITEM_LIVE, "a broadcast that goes on");
    }

    item->duration = strtod(word[1], NULL);
    item->total = (uint64_t) strtod(word[2], NULL);
    item->files = 0;

    if (strcmp(word[7], "NA") == 0 || word[7][0] == '\0') {
        return ds_fetch_child_file(item, word[3], word[4], false, err);
    }

    rc = ds_fetch_child_file(item, word[5], word[6], true, err);

    return rc != DS_OK ? rc
           : ds_fetch_child_file(item, word[7], word[8], true, err);
}


static char *
ds_fetch_child_word(char **line)
{
    char  *word, *p;

    word = *line;
    p = word + strcspn(word, " ");

    if (*p != '\0') {
        *p++ = '\0';
    }

    *line = p;

    return word;
}


/* the name that yt-dlp gives a file */

static int
ds_fetch_child_file(ds_fetch_item_t *item, const char *format,
    const char *ext, bool apart, ds_error_t *err)
{
    if (strlen(format) >= DS_FETCH_NAME || strlen(ext) >= DS_FETCH_NAME / 2
        || strchr(format, '/') != NULL || strchr(ext, '/') != NULL)
    {
        return ds_fail(err, DS_ERESOLVER_OUTPUT, "strange name of a format");
    }

    (void) snprintf(item->name[item->files], sizeof(item->name[0]),
                    "media%s%s.%s", apart ? ".f" : "", apart ? format : "",
                    ext);
    item->files++;

    return DS_OK;
}


/* of all files: what begins anew is the next one */

static uint64_t
ds_fetch_child_bytes(const char *line, ds_fetch_item_t *item,
    uint64_t *total)
{
    int       n;
    char      word[3][32];
    double    v[3];
    uint64_t  bytes;

    n = sscanf(line, "%31s %31s %31s", word[0], word[1], word[2]);

    for (v[0] = v[1] = v[2] = 0; n > 0; n--) {
        v[n - 1] = strtod(word[n - 1], NULL);

        if (!(v[n - 1] >= 0 && v[n - 1] < 1e15)) {
            v[n - 1] = 0;
        }
    }

    bytes = (uint64_t) v[0];

    /* a file that was whole before is told without a number */

    if (bytes == 0 && v[1] > 0) {
        bytes = (uint64_t) v[1];
    }

    if (bytes < item->bytes) {
        item->before += item->bytes;
    }

    item->bytes = bytes;

    *total = item->total != 0 ? item->total
             : item->files != 1 && item->before == 0 ? 0
             : item->before + (uint64_t) (v[1] > 0 ? v[1] : v[2]);

    return item->before + bytes;
}


static int
ds_fetch_child_names(const ds_fetch_conf_t *fc, const ds_fetch_item_t *item,
    ds_error_t *err)
{
    int        rc;
    char      *from, *to;
    unsigned   i;

    if (item->files == 0) {
        return ds_fail(err, DS_ERESOLVER_OUTPUT, "the resolver did not say "
                       "what it has fetched");
    }

    rc = DS_OK;

    for (i = 0; i < item->files && rc == DS_OK; i++) {
        from = ds_sprintf("%s/%s", ds_keep_path(fc->keep), item->name[i]);
        to = ds_sprintf("%s/%u", ds_keep_path(fc->keep), i);

        if (from == NULL || to == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "malloc() failed");

        } else if (rename(from, to) == -1) {
            rc = ds_fail(err, DS_ERESOLVER_OUTPUT, "the resolver has left no "
                         "\"%s\": %s", item->name[i], strerror(errno));
        }

        free(from);
        free(to);
    }

    ds_keep_set(fc->keep, item->files, item->duration > 0
                ? (int64_t) (item->duration * 1000) : -1);

    return rc;
}
