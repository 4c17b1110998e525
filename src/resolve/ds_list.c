
/*
 * ds_list.c: M3U and JSON lists of URLs, and what both files of ds_list share.
 * Lists come from remote servers: whatever is read is checked, cut to a
 * bound, or refused.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "resolve/ds_list.h"
#include "base/ds_url.h"


#define DS_LIST_URL_LEN  8192           /* longest URL of an item or of media */
#define DS_LIST_CHUNK    (10 * 1024 * 1024)


static int ds_list_parse_m3u(const char *text, const char *base,
    ds_entry_pt entry, void *data, ds_error_t *err);
static bool ds_list_is_hls(const char *text);
static const char *ds_list_next_line(const char **text, size_t *len);
static void ds_list_extinf(ds_entry_t *e, const char *p, size_t len);
static int ds_list_parse_json(const char *text, const char *base,
    ds_entry_pt entry, void *data, ds_error_t *err);
static int ds_list_json_item(const cJSON *item, const char *base,
    ds_entry_t *e, int n, ds_error_t *err);
static int ds_list_fill(ds_entry_t *e, const char *base, const char *ref,
    size_t len);
static int ds_list_join(char **dst, const char *base, const char *ref,
    size_t len);
static bool ds_list_has_scheme(const char *ref, size_t len);


int
ds_list_parse(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }

    text += strspn(text, " \t\r\n");

    if (*text == '[' || *text == '{') {
        return ds_list_parse_json(text, base, entry, data, err);
    }

    return ds_list_parse_m3u(text, base, entry, data, err);
}


static int
ds_list_parse_m3u(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    int          n;
    bool         m3u;
    size_t       len;
    ds_entry_t   e;
    const char  *p;

    n = 0;
    m3u = (strncmp(text, "#EXTM3U", 7) == 0);

    memset(&e, 0, sizeof(ds_entry_t));
    e.duration = -1;

    if (m3u && ds_list_is_hls(text)) {
        if (ds_list_fill(&e, base, base, strlen(base)) != DS_OK) {
            goto no_memory;
        }

        (void) entry(data, &e);
        return DS_OK;
    }

    while ((p = ds_list_next_line(&text, &len)) != NULL) {

        if (strncasecmp(p, "#EXTINF:", 8) == 0) {
            ds_list_extinf(&e, p + 8, len - 8);
            continue;
        }

        if (len == 0 || *p == '#') {
            continue;
        }

        /* without its first line anything could be taken for a list */

        if (!m3u && !ds_list_has_scheme(p, len)) {
            ds_entry_free(&e);
            return ds_fail(err, DS_EPLAYLIST_FORMAT,
                           "neither an M3U nor a JSON list of URLs");
        }

        if (ds_list_fill(&e, base, p, len) != DS_OK) {
            goto no_memory;
        }

        n++;

        if (!entry(data, &e)) {
            return DS_OK;
        }

        memset(&e, 0, sizeof(ds_entry_t));
        e.duration = -1;
    }

    ds_entry_free(&e);

    if (n == 0) {
        return ds_fail(err, DS_EPLAYLIST_EMPTY, "the list names no item");
    }

    return DS_OK;

no_memory:

    ds_entry_free(&e);

    return ds_fail(err, DS_ENOMEM, "no memory for a list");
}


static bool
ds_list_is_hls(const char *text)
{
    return strstr(text, "\n#EXT-X-") != NULL;
}


/* the next line without the blanks around it, NULL at the end */

static const char *
ds_list_next_line(const char **text, size_t *len)
{
    size_t       n;
    const char  *p;

    p = *text;

    if (*p == '\0') {
        return NULL;
    }

    n = strcspn(p, "\n");
    *text = p + n + (p[n] == '\n');

    while (n > 0 && strchr(" \t\r", *p) != NULL) {
        p++;
        n--;
    }

    while (n > 0 && strchr(" \t\r", p[n - 1]) != NULL) {
        n--;
    }

    *len = n;

    return p;
}


/* "seconds[ name="value"…],title" */

static void
ds_list_extinf(ds_entry_t *e, const char *p, size_t len)
{
    bool         quoted;
    char        *title;
    const char  *end;

    end = p + len;
    e->duration = (len == 0) ? -1 : ds_list_duration(strtod(p, NULL));

    if (e->duration == 0) {
        e->duration = -1;
    }

    for (quoted = false; p < end && (quoted || *p != ','); p++) {
        quoted ^= (*p == '"');
    }

    if (p >= end - 1) {
        return;
    }

    p++;
    p += strspn(p, " \t");

    if (p >= end) {
        return;
    }

    title = strndup(p, (size_t) (end - p));

    if (title != NULL) {
        free(e->title);
        e->title = NULL;
        (void) ds_list_copy(&e->title, title, DS_TITLE_LEN);
        free(title);
    }
}


static int
ds_list_parse_json(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    int           n, rc;
    cJSON        *json;
    ds_entry_t    e;
    const cJSON  *items, *item;

    json = cJSON_Parse(text);
    items = cJSON_IsArray(json) ? json
            : cJSON_GetObjectItemCaseSensitive(json, "items");

    if (!cJSON_IsArray(items)) {
        cJSON_Delete(json);
        return ds_fail(err, DS_EPLAYLIST_FORMAT, "a JSON list is an array, "
                       "or an object with an array \"items\"");
    }

    n = 0;
    rc = DS_OK;

    cJSON_ArrayForEach(item, items) {
        memset(&e, 0, sizeof(ds_entry_t));
        e.duration = -1;

        rc = ds_list_json_item(item, base, &e, n, err);

        if (rc != DS_OK) {
            ds_entry_free(&e);
            break;
        }

        n++;

        if (!entry(data, &e)) {
            break;
        }
    }

    cJSON_Delete(json);

    if (rc == DS_OK && n == 0) {
        return ds_fail(err, DS_EPLAYLIST_EMPTY, "the list names no item");
    }

    return rc;
}


static int
ds_list_json_item(const cJSON *item, const char *base, ds_entry_t *e, int n,
    ds_error_t *err)
{
    ds_entry_t   audio;
    const char  *url, *audio_url;

    url = cJSON_IsString(item) ? item->valuestring : ds_list_str(item, "url");

    if (url == NULL) {
        return ds_fail(err, DS_EPLAYLIST_FORMAT,
                       "item %d is neither a URL nor an object with one", n);
    }

    e->duration = ds_list_duration(ds_list_num(item, "duration"));

    if (ds_list_copy(&e->id, ds_list_str(item, "id"), DS_ID_LEN) != DS_OK
        || ds_list_copy(&e->title, ds_list_str(item, "title"), DS_TITLE_LEN)
           != DS_OK
        || ds_list_fill(e, base, url, strlen(url)) != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for a list");
    }

    audio_url = ds_list_str(item, "audio_url");

    if (audio_url == NULL || e->code != DS_OK) {
        return DS_OK;
    }

    memset(&audio, 0, sizeof(ds_entry_t));

    if (ds_list_fill(&audio, base, audio_url, strlen(audio_url)) != DS_OK) {
        ds_entry_free(&audio);
        return ds_fail(err, DS_ENOMEM, "no memory for a list");
    }

    if (audio.code != DS_OK) {
        ds_list_mark(e, audio.code, audio.reason);
    }

    /* two URLs that belong together are media, whatever their names */

    e->plain = true;
    e->audio_url = audio.url;
    audio.url = NULL;

    ds_entry_free(&audio);

    return DS_OK;
}


/* sets the URL, what it is, and a title if there is none; 0 or DS_ENOMEM */

static int
ds_list_fill(ds_entry_t *e, const char *base, const char *ref, size_t len)
{
    char        *title;
    ds_url_t     u;
    const char  *p;

    if (ds_list_join(&e->url, base, ref, len) != DS_OK) {
        return DS_ENOMEM;
    }

    if (e->url == NULL
        || !ds_list_url_ok(e->url, strncasecmp(base, "file:", 5) == 0)
        || ds_url_parse(&u, e->url, NULL) != DS_OK)
    {
        ds_list_mark(e, DS_ESOURCE_DENIED,
                     "not a valid http or https URL");
        free(e->url);
        e->url = NULL;
        return DS_OK;
    }

    /* a list names files; of pages only YouTube's are known by their form */

    e->plain = !ds_url_is_youtube(&u);

    p = memrchr(u.path, '/', u.path_len);
    len = (p == NULL) ? 0 : (size_t) (u.path + u.path_len - p - 1);

    if (e->title != NULL || !e->plain || len == 0) {
        return DS_OK;
    }

    title = strndup(p + 1, len);
    if (title == NULL) {
        return DS_ENOMEM;
    }

    if (ds_list_copy(&e->title, title, DS_TITLE_LEN) != DS_OK) {
        free(title);
        return DS_ENOMEM;
    }

    free(title);

    return DS_OK;
}


/*
 * A list's URL made absolute, without its fragment; blanks and bytes that
 * are not ASCII, which people do write into lists, are escaped.  *dst is
 * NULL when there is no such URL.
 */

static int
ds_list_join(char **dst, const char *base, const char *ref, size_t len)
{
    int             rc;
    bool            absolute;
    char           *d, *text;
    size_t          i;
    unsigned char   c;

    static const char  hex[] = "0123456789ABCDEF";

    *dst = NULL;

    text = malloc(3 * len + sizeof("./"));
    if (text == NULL) {
        return DS_ENOMEM;
    }

    d = text;
    absolute = ds_list_has_scheme(ref, len);

    /* a file's name may have a ":", without being a URL of its own */

    if (!absolute && len != 0 && ref[0] != '/' && ref[0] != '?') {
        *d++ = '.';
        *d++ = '/';
    }

    for (i = 0; i < len && ref[i] != '#'; i++) {
        c = (unsigned char) ref[i];

        /* some versions of libcurl would escape them */

        if (c < ' ' || c == 0x7f) {
            free(text);
            return DS_OK;
        }

        if (c == ' ' || c >= 0x80 || strchr("\"<>\\", c) != NULL) {
            *d++ = '%';
            *d++ = hex[c >> 4];
            *d++ = hex[c & 15];
            continue;
        }

        *d++ = (char) c;
    }

    *d = '\0';

    if (absolute) {
        *dst = text;
        return DS_OK;
    }

    rc = ds_url_join(dst, base, text);
    free(text);

    return rc;
}


static bool
ds_list_has_scheme(const char *ref, size_t len)
{
    size_t  n;

    n = strspn(ref, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789+-.");

    return n > 0 && n + 3 <= len && strncmp(ref + n, "://", 3) == 0;
}


bool
ds_list_url_ok(const char *url, bool file_ok)
{
    ds_url_t  u;

    if (strlen(url) > DS_LIST_URL_LEN || ds_url_parse(&u, url, NULL) != DS_OK)
    {
        return false;
    }

    return strcmp(u.scheme, "http") == 0 || strcmp(u.scheme, "https") == 0
           || (file_ok && strcmp(u.scheme, "file") == 0);
}


void
ds_list_mark(ds_entry_t *e, int code, const char *reason)
{
    e->code = code;
    e->reason = reason;
}


size_t
ds_list_chunk(const char *url)
{
    ds_url_t  u;

    /* larger or open-ended requests are slowed down there */

    if (ds_url_parse(&u, url, NULL) == DS_OK
        && ds_url_in_domain(&u, "googlevideo.com"))
    {
        return DS_LIST_CHUNK;
    }

    return 0;
}


const char *
ds_list_str(const cJSON *json, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}


/* -1: no number */

double
ds_list_num(const cJSON *json, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);

    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}


int64_t
ds_list_duration(double seconds)
{
    return (seconds >= 0 && seconds < 1e9) ? llround(seconds * 1000) : -1;
}


/* "max": cut to so many bytes and made one line of valid UTF-8, 0: as is */

int
ds_list_copy(char **dst, const char *src, size_t max)
{
    char  buf[DS_TITLE_LEN > DS_ID_LEN ? DS_TITLE_LEN : DS_ID_LEN];

    if (src != NULL && max != 0) {
        ds_text(buf, max < sizeof(buf) ? max : sizeof(buf), src);
        src = buf;
    }

    return ds_copy(dst, src);
}
