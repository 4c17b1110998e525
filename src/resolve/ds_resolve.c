
/*
 * ds_resolve.c: from a playlist reference to entries, from an entry to media
 * URLs, with yt-dlp as a child process where one is needed.  Owns the command
 * lines and the meaning of exit codes; ds_list reads what is printed,
 * ds_resolve_error.c what is complained of.
 *
 * The invocations work with yt-dlp from 2023.03.04 on.  The URL comes last,
 * after "--": nothing that a caller sends can become an option.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_proc.h"
#include "base/ds_url.h"
#include "net/ds_http.h"
#include "resolve/ds_list.h"
#include "resolve/ds_resolve.h"
#include "resolve/ds_resolve_error.h"


#define DS_RESOLVE_LINE   (1024 * 1024)
#define DS_RESOLVE_LIST   (64 * 1024 * 1024)
#define DS_RESOLVE_ITEM   (4 * 1024 * 1024)
#define DS_RESOLVE_TEXT   (8 * 1024 * 1024)     /* a list of URLs */
#define DS_RESOLVE_DEPTH  4                     /* lists within lists */
#define DS_RESOLVE_LISTS  100

#define DS_RESOLVE_EXTRACTORS                                                 \
    "youtube,youtube:tab,youtube:playlist,youtubeytbe"

/* saves a request, and most private and deleted entries */
#define DS_RESOLVE_COMPAT                                                     \
    "--compat-options", "no-youtube-unavailable-videos"

/* saves requests; an extractor's arguments replace all that were given it */
#define DS_RESOLVE_SKIP                                                       \
    "--extractor-args", "youtube:skip=dash,translated_subs"

/*
 * Without these yt-dlp takes VP9 and Opus, or formats that are no one URL.
 * What can be copied comes first, then lists of segments, then any codec.
 */
#define DS_RESOLVE_FORMAT                                                     \
    "-f", "bv[vcodec^=avc1][height<=1080][protocol^=http]"                    \
          "+ba[acodec^=mp4a][protocol^=http]"                                 \
          "/b[vcodec^=avc1][protocol^=http]/b[vcodec^=avc1]"                  \
          "/bv[vcodec^=avc1][height<=1080][protocol^=m3u8]"                   \
          "+ba[protocol^=m3u8]"                                               \
          "/b/bv[height<=1080][protocol!*=dash]+ba[protocol!*=dash]"          \
          "/bv[protocol!*=dash]+ba[protocol!*=dash]"

#define DS_RESOLVE_MEDIA                                                      \
    "-O", "%(.{id,title,duration,live_status,format_id,ext,protocol,url,"     \
          "vcodec,acodec,http_headers,cookies,available_at,"                  \
          "manifest_url,fragment_base_url,downloader_options,"                \
          "requested_formats})j"


/* a list that is read, and those that name it */

typedef struct ds_resolve_text_s  ds_resolve_text_t;

struct ds_resolve_text_s {
    const ds_conf_t     *conf;
    ds_cancel_t         *cancel;
    ds_entry_pt          entry;
    void                *data;
    const char          *url;
    char                *base;
    unsigned            *lists;         /* within the first one */
    unsigned             depth;
    ds_resolve_text_t   *up;
    bool                 hls;           /* media, not a list */
    bool                 enough;
};

typedef struct {
    const char    *before[10];          /* the operator may say otherwise */
    const char    *after[10];
} ds_resolve_args_t;


static int ds_resolve_list_url(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err);
static int ds_resolve_list_child(const ds_conf_t *conf, const char *url,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err);
static int ds_resolve_list_end(ds_proc_t *p, ds_cancel_t *cancel, uint64_t n,
    int64_t count, ds_error_t *err);
static int ds_resolve_list_text(const ds_conf_t *conf, const char *url,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err);
static int ds_resolve_text(ds_resolve_text_t *t, ds_error_t *err);
static bool ds_resolve_entry(void *data, ds_entry_t *e);
static bool ds_resolve_nested(const char *url);
static bool ds_resolve_circle(const ds_resolve_text_t *t, const char *url);
static int ds_resolve_plain(const ds_entry_t *e, ds_media_t *m,
    ds_error_t *err);
static int ds_resolve_plain_url(const ds_entry_t *e, const char *url,
    ds_media_url_t *u);
static int ds_resolve_media_child(const ds_conf_t *conf,
    const ds_resolve_args_t *args, const char *url, ds_cancel_t *cancel,
    ds_media_t *m, ds_error_t *err);
static ds_proc_t *ds_resolve_start(const ds_conf_t *conf,
    const ds_resolve_args_t *args, const char *url, ds_cancel_t *cancel,
    ds_error_t *err);
static size_t ds_resolve_program(const char *const *command);
static bool ds_resolve_has_args(const char *const *command);
static size_t ds_resolve_count(const char *const *args);
static char *ds_resolve_url(const char *playlist);


/*
 * What we would have, and what must be.  The operator's own arguments stand
 * between: of two options yt-dlp takes the later one.
 */

static const char *const  ds_resolve_common[] = {
    "--no-cache-dir", "--socket-timeout", "10", "--extractor-retries", "1",
    NULL
};

static const char *const  ds_resolve_guards[] = {
    "--ignore-config", "--no-update", "--no-colors", "--simulate", NULL
};

static const ds_resolve_args_t  ds_resolve_list_args = {
    { DS_RESOLVE_COMPAT, NULL },
    { "--yes-playlist", "--flat-playlist", "--lazy-playlist",
      "-O", "%(.{id,ie_key,url,webpage_url,title,duration,live_status,"
            "availability,channel,view_count,protocol,playlist_count})j",
      "-O", "playlist:" DS_LIST_END "%(.{playlist_count})j",
      NULL }
};

static const ds_resolve_args_t  ds_resolve_item_args = {
    { DS_RESOLVE_FORMAT, DS_RESOLVE_SKIP, NULL },
    { "--no-playlist", DS_RESOLVE_MEDIA, NULL }
};

static const ds_resolve_args_t  ds_resolve_first_args = {
    { DS_RESOLVE_COMPAT, DS_RESOLVE_FORMAT, DS_RESOLVE_SKIP, NULL },
    { "-I", "1", "--yes-playlist", "--lazy-playlist", DS_RESOLVE_MEDIA, NULL }
};


int
ds_resolve_list(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err)
{
    int    rc;
    char  *url;

    ds_error_clear(err);

    rc = ds_check_playlist(playlist, conf->media_root != NULL, err);
    if (rc != DS_OK) {
        return rc;
    }

    if (ds_url_ascii(&url, playlist) != DS_OK) {
        return ds_fail(err, DS_ENOMEM, "no memory for a URL");
    }

    rc = ds_resolve_list_url(conf, url, cancel, entry, data, err);
    free(url);

    return rc;
}


static int
ds_resolve_list_url(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err)
{
    int    rc;
    char  *url;

    switch (ds_url_kind(playlist)) {

    case DS_REF_VIDEO:
    case DS_REF_MEDIA:

        /* a URL is a list of one URL */

        return ds_list_parse(playlist, playlist, entry, data, err);

    case DS_REF_LIST:
        return ds_resolve_list_text(conf, playlist, cancel, entry, data, err);

    case DS_REF_RESOLVER:
        break;
    }

    url = ds_resolve_url(playlist);
    if (url == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory for a URL");
    }

    rc = ds_resolve_list_child(conf, url, cancel, entry, data, err);

    free(url);

    return rc;
}


static int
ds_resolve_list_child(const ds_conf_t *conf, const char *url,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err)
{
    int          rc;
    char        *line;
    int64_t      count;
    uint64_t     n;
    ds_proc_t   *p;
    ds_entry_t   e;

    p = ds_resolve_start(conf, &ds_resolve_list_args, url, cancel, err);
    if (p == NULL) {
        return err->code;
    }

    n = 0;
    count = -1;

    for ( ;; ) {
        line = ds_proc_line(p, DS_RESOLVE_LINE, DS_RESOLVE_LIST, err);

        if (line == NULL) {
            break;
        }

        rc = ds_list_parse_line(line, &e, &count, err);
        if (rc != DS_OK) {
            goto done;
        }

        /* the last line, which only counts */

        if (e.url == NULL && e.code == DS_OK) {
            continue;
        }

        n++;
        ds_proc_renew(p);

        if (!entry(data, &e)) {
            rc = DS_OK;
            goto done;
        }
    }

    rc = err->code;

    if (rc == DS_OK) {
        rc = ds_resolve_list_end(p, cancel, n, count, err);
    }

done:

    ds_proc_free(&p);

    return rc;
}


/*
 * Items that cannot be seen are counted, but not listed: only a list without
 * most of its items is taken for one that is not whole.
 */

static int
ds_resolve_list_end(ds_proc_t *p, ds_cancel_t *cancel, uint64_t n,
    int64_t count, ds_error_t *err)
{
    int   rc, status;
    bool  cut;

    status = ds_proc_end(p);
    cut = ds_resolve_error_cut(ds_proc_stderr(p));

    if (ds_cancel_is_set(cancel)) {
        return ds_fail(err, DS_ECANCELED, "canceled");
    }

    if (status == 0) {
        if (cut && n < (uint64_t) count) {
            return ds_fail(err, DS_ERESOLVER_NETWORK,
                           "the resolver gave up after %llu items of the "
                           "list", (unsigned long long) n);
        }

        if (n > 0 && count > 0 && n < ((uint64_t) count + 1) / 2) {
            return ds_fail(err, DS_EPLAYLIST_SHORT,
                           "the resolver gave %llu of %lld items",
                           (unsigned long long) n, (long long) count);
        }

        if (n > 0) {
            return DS_OK;
        }

        if (count > 0) {
            return ds_fail(err, DS_ERESOLVER_OUTDATED,
                           "the playlist has %lld items and the resolver "
                           "found none of them: it may be too old",
                           (long long) count);
        }

        return ds_fail(err, DS_EPLAYLIST_EMPTY, "the playlist has no items");
    }

    rc = ds_resolve_error(status, ds_proc_stderr(p), err);

    if (rc <= DS_EITEM_FORMAT && rc >= DS_EITEM_PRIVATE) {

        /*
         * An item that failed is missing from the list, which goes on; but a
         * page of it that failed is its end.
         */

        if (n > 0 && !cut) {
            ds_error_clear(err);
            return DS_OK;
        }

        rc = DS_EPLAYLIST_UNAVAILABLE;
        err->code = rc;
    }

    return rc;
}


static int
ds_resolve_list_text(const ds_conf_t *conf, const char *url,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err)
{
    unsigned            lists;
    ds_resolve_text_t   t;

    memset(&t, 0, sizeof(t));

    lists = 0;
    t.conf = conf;
    t.cancel = cancel;
    t.entry = entry;
    t.data = data;
    t.url = url;
    t.lists = &lists;

    return ds_resolve_text(&t, err);
}


static int
ds_resolve_text(ds_resolve_text_t *t, ds_error_t *err)
{
    int    rc;
    char  *text;

    rc = ds_http_get(t->conf, t->url, DS_RESOLVE_TEXT, t->cancel, &text,
                     &t->base, err);
    if (rc != DS_OK) {
        t->base = NULL;
        return rc;
    }

    if (!ds_list_is_hls(text)) {
        rc = ds_list_parse(text, t->base, ds_resolve_entry, t, err);

    } else if (t->up != NULL) {

        /* with what the list that names it says of it */

        t->hls = true;

    } else {

        /* what HLS leads to from there is the item's to find out */

        rc = ds_list_parse(text, t->url, t->entry, t->data, err);
    }

    free(text);
    free(t->base);
    t->base = NULL;

    return rc;
}


/* an entry of a list; it may be a list itself, whose items take its place */

static bool
ds_resolve_entry(void *data, ds_entry_t *e)
{
    int                 rc;
    ds_error_t          err;
    ds_resolve_text_t  *t = data;
    ds_resolve_text_t   nested;

    if (e->code != DS_OK || !e->plain || e->audio_url != NULL
        || !ds_resolve_nested(e->url))
    {
        t->enough = !t->entry(t->data, e);
        return !t->enough;
    }

    nested = *t;
    nested.up = t;
    nested.url = e->url;
    nested.base = NULL;
    nested.depth++;

    ds_error_clear(&err);

    if (ds_resolve_circle(t, e->url)) {
        e->code = DS_EPLAYLIST_FORMAT;
        e->reason = "a list that names itself";

    } else if (nested.depth > DS_RESOLVE_DEPTH
               || ++*t->lists > DS_RESOLVE_LISTS)
    {
        e->code = DS_EPLAYLIST_FORMAT;
        e->reason = "too many lists within a list";

    } else {
        rc = ds_resolve_text(&nested, &err);

        if (rc == DS_ECANCELED || (rc == DS_OK && !nested.hls)) {
            t->enough = nested.enough || rc != DS_OK;
            ds_entry_free(e);
            return !t->enough;
        }

        if (rc != DS_OK) {
            e->code = rc;
            e->reason = "the list that it names could not be read";
        }
    }

    t->enough = !t->entry(t->data, e);

    return !t->enough;
}


/* an .m3u8 is HLS until it is opened: there are lists of thousands of them */

static bool
ds_resolve_nested(const char *url)
{
    ds_url_t  u;

    return ds_url_kind(url) == DS_REF_LIST
           && ds_url_parse(&u, url, NULL) == DS_OK
           && (u.path_len < 5
               || strncasecmp(u.path + u.path_len - 5, ".m3u8", 5) != 0);
}


static bool
ds_resolve_circle(const ds_resolve_text_t *t, const char *url)
{
    for ( /* void */ ; t != NULL; t = t->up) {
        if (strcmp(t->url, url) == 0
            || (t->base != NULL && strcmp(t->base, url) == 0))
        {
            return true;
        }
    }

    return false;
}


int
ds_resolve_item(const ds_conf_t *conf, const ds_entry_t *e,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err)
{
    int         rc;
    ds_error_t  local;

    memset(m, 0, sizeof(ds_media_t));
    m->duration = -1;

    if (err == NULL) {
        err = &local;
    }

    ds_error_clear(err);

    if (e->code != DS_OK) {
        return ds_fail(err, e->code, "%s", e->reason);
    }

    if (e->plain) {
        return ds_resolve_plain(e, m, err);
    }

    if (e->url == NULL || !ds_list_url_ok(e->url, false)) {
        return ds_fail(err, DS_ESOURCE_DENIED,
                       "not a valid http or https URL");
    }

    rc = ds_resolve_media_child(conf, &ds_resolve_item_args, e->url, cancel, m,
                                err);
    if (rc != DS_OK) {
        return rc;
    }

    /* a feed's title and id are better than those made of a file's name */

    if (e->title != NULL) {
        free(m->title);
        m->title = NULL;
        rc = ds_list_copy(&m->title, e->title, DS_TITLE_LEN);
    }

    if (rc == DS_OK && e->id != NULL) {
        free(m->id);
        m->id = NULL;
        rc = ds_list_copy(&m->id, e->id, DS_ID_LEN);
    }

    if (rc != DS_OK) {
        ds_media_free(m);
        return ds_fail(err, DS_ENOMEM, "no memory for an item");
    }

    if (m->duration == -1) {
        m->duration = e->duration;
    }

    return DS_OK;
}


static int
ds_resolve_plain(const ds_entry_t *e, ds_media_t *m, ds_error_t *err)
{
    m->duration = e->duration;
    m->nurls = (e->audio_url == NULL) ? 1 : 2;

    if (ds_list_copy(&m->id, e->id, DS_ID_LEN) != DS_OK
        || ds_list_copy(&m->title, e->title, DS_TITLE_LEN) != DS_OK
        || ds_resolve_plain_url(e, e->url, &m->urls[0]) != DS_OK
        || ds_resolve_plain_url(e, e->audio_url, &m->urls[1]) != DS_OK)
    {
        ds_media_free(m);
        return ds_fail(err, DS_ENOMEM, "no memory for an item");
    }

    return DS_OK;
}


static int
ds_resolve_plain_url(const ds_entry_t *e, const char *url, ds_media_url_t *u)
{
    if (url == NULL) {
        return DS_OK;
    }

    u->chunk = ds_list_chunk(url);
    u->expires_at = ds_url_expires(url);

    return ds_copy(&u->url, url) == DS_OK ? ds_copy(&u->headers, e->headers)
                                          : DS_ENOMEM;
}


bool
ds_resolve_has_first(const char *playlist)
{
    return ds_url_kind(playlist) == DS_REF_RESOLVER;
}


int
ds_resolve_first(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err)
{
    int    rc;
    char  *url;

    memset(m, 0, sizeof(ds_media_t));
    m->duration = -1;

    ds_error_clear(err);

    rc = ds_check_playlist(playlist, false, err);
    if (rc != DS_OK) {
        return rc;
    }

    url = ds_resolve_url(playlist);
    if (url == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory for a URL");
    }

    rc = ds_resolve_media_child(conf, &ds_resolve_first_args, url, cancel, m,
                                err);

    free(url);

    return rc;
}


/* runs a child that prints one item, and does not wait for its exit */

static int
ds_resolve_media_child(const ds_conf_t *conf, const ds_resolve_args_t *args,
    const char *url, ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err)
{
    int         rc, status;
    char       *line;
    ds_proc_t  *p;

    p = ds_resolve_start(conf, args, url, cancel, err);
    if (p == NULL) {
        return err->code;
    }

    line = ds_proc_line(p, DS_RESOLVE_ITEM, DS_RESOLVE_ITEM, err);

    if (line != NULL) {
        rc = ds_list_parse_media(line, m, err);

        m->urls[0].resolved_at = ds_now();
        m->urls[1].resolved_at = m->urls[0].resolved_at;

        goto done;
    }

    rc = err->code;

    if (rc != DS_OK) {
        goto done;
    }

    status = ds_proc_end(p);

    if (ds_cancel_is_set(cancel)) {
        rc = ds_fail(err, DS_ECANCELED, "canceled");

    } else if (status != 0) {
        rc = ds_resolve_error(status, ds_proc_stderr(p), err);

    } else if (args == &ds_resolve_first_args) {
        rc = ds_fail(err, DS_EPLAYLIST_EMPTY, "the playlist has no items");

    } else {
        rc = ds_fail(err, DS_ERESOLVER_OUTPUT, "the resolver printed nothing");
    }

done:

    ds_proc_free(&p);

    return rc;
}


/* resolve_command with ours around its arguments, "--" and the URL */

static ds_proc_t *
ds_resolve_start(const ds_conf_t *conf, const ds_resolve_args_t *args,
    const char *url, ds_cancel_t *cancel, ds_error_t *err)
{
    size_t              n, i, program;
    ds_proc_t          *p;
    const char         *extractors;
    const char        **argv;
    const char *const  *command;

    command = conf->resolve_command;

    n = ds_resolve_count(command) + ds_resolve_count(ds_resolve_common)
        + ds_resolve_count(ds_resolve_guards)
        + ds_resolve_count(args->before) + ds_resolve_count(args->after);

    /* --ies, its value, "--", the URL, NULL */

    argv = calloc(n + 5, sizeof(char *));
    if (argv == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory for a command line");
        return NULL;
    }

    program = ds_resolve_program(command);

    for (n = 0; n < program; n++) {
        argv[n] = command[n];
    }

    for (i = 0; ds_resolve_common[i] != NULL; i++) {
        argv[n++] = ds_resolve_common[i];
    }

    for (i = 0; args->before[i] != NULL; i++) {
        if (strcmp(args->before[i], "--extractor-args") == 0
            && ds_resolve_has_args(command))
        {
            i++;
            continue;
        }

        argv[n++] = args->before[i];
    }

    for (i = program; command[i] != NULL; i++) {
        argv[n++] = command[i];
    }

    for (i = 0; ds_resolve_guards[i] != NULL; i++) {
        argv[n++] = ds_resolve_guards[i];
    }

    for (i = 0; args->after[i] != NULL; i++) {
        argv[n++] = args->after[i];
    }

    extractors = conf->resolve_extractors;

    if (extractors == NULL || *extractors == '\0') {
        extractors = DS_RESOLVE_EXTRACTORS;
    }

    argv[n++] = "--ies";
    argv[n++] = extractors;
    argv[n++] = "--";
    argv[n] = url;

    p = ds_proc_start(argv, conf->resolve_env, conf->resolve_timeout, cancel,
                      err);

    free(argv);

    return p;
}


/*
 * How many words name the program: an interpreter or a wrapper may stand
 * before it, "python3 -I /usr/bin/yt-dlp", "env A=B yt-dlp"; all of them when
 * it has another name, as who knows what they mean.
 */

static size_t
ds_resolve_program(const char *const *command)
{
    size_t       i, k;
    const char  *name;

    static const char *const  names[] = { "yt-dlp", "yt_dlp", "youtube-dl" };

    for (i = 0; command[i] != NULL; i++) {
        name = strrchr(command[i], '/');
        name = (name == NULL) ? command[i] : name + 1;

        for (k = 0; k < sizeof(names) / sizeof(names[0]); k++) {
            if (strncmp(name, names[k], strlen(names[k])) == 0) {
                return i + 1;
            }
        }
    }

    return i;
}


/* the operator has arguments for YouTube's extractor */

static bool
ds_resolve_has_args(const char *const *command)
{
    size_t       i;
    const char  *p;

    for (i = 0; command[i] != NULL; i++) {
        p = strstr(command[i], "youtube:");

        /* "youtube:…" or "--extractor-args=youtube:…" */

        if (p != NULL && (p == command[i] || p[-1] == '=')) {
            return true;
        }
    }

    return false;
}


static size_t
ds_resolve_count(const char *const *args)
{
    size_t  n;

    for (n = 0; args[n] != NULL; n++) { /* void */ }

    return n;
}


/* a bare id as the URL it stands for: nothing is left to yt-dlp to guess */

static char *
ds_resolve_url(const char *playlist)
{
    if (strstr(playlist, "://") == NULL) {
        return ds_sprintf("https://www.youtube.com/playlist?list=%s",
                          playlist);
    }

    return strdup(playlist);
}
