
/*
 * ds_list.c: M3U and JSON lists of URLs, and the lines that the resolver
 * prints, one for each entry of a playlist, one for an item.  All of it comes
 * from remote servers, or repeats what they say: whatever is read is checked,
 * cut to a bound, or refused.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "base/ds_url.h"
#include "resolve/ds_list.h"


#define DS_LIST_URL_LEN      8192       /* longest URL of an item or of media */
#define DS_LIST_CHUNK        (10 * 1024 * 1024)
#define DS_LIST_HEADERS_LEN  8192       /* all headers of one URL */


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
static void ds_list_judge(const cJSON *json, ds_entry_t *e);
static int ds_list_media_url(const cJSON *json, ds_media_url_t *u,
    ds_error_t *err);
static bool ds_list_protocol_ok(const cJSON *json);
static void ds_list_media_extras(const cJSON *json, ds_media_url_t *u);
static int ds_list_headers(const cJSON *json, char **headers);
static void ds_list_mark(ds_entry_t *e, int code, const char *reason);
static const char *ds_list_str(const cJSON *json, const char *name);
static double ds_list_num(const cJSON *json, const char *name);
static int64_t ds_list_duration(double seconds);


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

    /* of nothing, or a fragment alone, the list itself would be made */

    if (len == 0 || ref[0] == '#') {
        return DS_OK;
    }

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


int
ds_list_parse_line(const char *line, ds_entry_t *e, int64_t *playlist_count,
    ds_error_t *err)
{
    bool         found;
    cJSON       *json;
    double       count;
    const char  *url, *page;

    memset(e, 0, sizeof(ds_entry_t));
    e->duration = -1;

    found = (strncmp(line, DS_LIST_END, sizeof(DS_LIST_END) - 1) == 0);

    json = cJSON_ParseWithOpts(found ? line + sizeof(DS_LIST_END) - 1 : line,
                               NULL, true);

    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return ds_fail(err, DS_ERESOLVER_OUTPUT,
                       "the resolver's output is not a list");
    }

    count = ds_list_num(json, "playlist_count");

    if (count >= 0 && count < 1e9) {
        *playlist_count = (int64_t) count;
    }

    if (found) {
        cJSON_Delete(json);
        return DS_OK;
    }

    url = ds_list_str(json, "url");
    page = ds_list_str(json, "webpage_url");

    /*
     * An entry with a protocol is resolved already: its page is the list's,
     * so only its URL tells it from the others.  That of a single video
     * would grow old; its page does not.
     */

    if (ds_list_str(json, "protocol") != NULL) {
        e->plain = (url != NULL && count >= 0);
        url = e->plain ? url : page;
    }

    if (url == NULL) {
        url = page;
    }

    if (url == NULL) {
        cJSON_Delete(json);
        return ds_fail(err, DS_ERESOLVER_OUTPUT,
                       "the resolver gave an item without a URL");
    }

    e->duration = ds_list_duration(ds_list_num(json, "duration"));

    if (ds_list_copy(&e->id, ds_list_str(json, "id"), DS_ID_LEN) != DS_OK
        || ds_list_copy(&e->title, ds_list_str(json, "title"), DS_TITLE_LEN)
           != DS_OK)
    {
        goto no_memory;
    }

    if (!ds_list_url_ok(url, false)) {
        ds_list_mark(e, DS_ESOURCE_DENIED, "not a valid http or https URL");

    } else {
        if (ds_list_copy(&e->url, url, 0) != DS_OK) {
            goto no_memory;
        }

        ds_list_judge(json, e);
    }

    cJSON_Delete(json);

    return DS_OK;

no_memory:

    cJSON_Delete(json);
    ds_entry_free(e);

    return ds_fail(err, DS_ENOMEM, "no memory for an item");
}


/* what the list tells of an entry that will not play */

static void
ds_list_judge(const cJSON *json, ds_entry_t *e)
{
    const char  *title, *live, *access, *key;

    title = ds_list_str(json, "title");
    live = ds_list_str(json, "live_status");
    access = ds_list_str(json, "availability");
    key = ds_list_str(json, "ie_key");

    title = (title == NULL) ? "" : title;
    live = (live == NULL) ? "" : live;
    access = (access == NULL) ? "" : access;
    key = (key == NULL) ? "" : key;

    if (strcmp(title, "[Private video]") == 0
        || strcmp(access, "private") == 0)
    {
        ds_list_mark(e, DS_EITEM_PRIVATE, "private video");

    } else if (strcmp(title, "[Deleted video]") == 0) {
        ds_list_mark(e, DS_EITEM_UNAVAILABLE, "deleted video");

    } else if (strcmp(access, "subscriber_only") == 0
               || strcmp(access, "premium_only") == 0
               || strcmp(access, "needs_auth") == 0)
    {
        ds_list_mark(e, DS_EITEM_RESTRICTED,
                     "only for members, subscribers or signed-in viewers");

    } else if (strcmp(live, "is_upcoming") == 0) {
        ds_list_mark(e, DS_EITEM_UPCOMING, "has not begun yet");

    } else if (strcmp(key, "YoutubeTab") == 0
               || strcmp(key, "YoutubePlaylist") == 0)
    {
        ds_list_mark(e, DS_ERESOLVER_UNSUPPORTED,
                     "a list itself: name that list as the playlist");

    } else if (strcmp(key, "Youtube") == 0
               && (*title == '\0' || *title == '[')
               && *live == '\0'
               && e->duration == -1
               && ds_list_str(json, "channel") == NULL
               && ds_list_num(json, "view_count") < 0)
    {
        /*
         * Private or deleted, under a title in another language.  The rest
         * alone proves nothing: entries of music.youtube.com lack it all.
         */

        ds_list_mark(e, DS_EITEM_UNAVAILABLE, "private or deleted video");
    }
}


int
ds_list_parse_media(const char *line, ds_media_t *m, ds_error_t *err)
{
    int           rc;
    cJSON        *json;
    const char   *live;
    const cJSON  *formats, *f;

    memset(m, 0, sizeof(ds_media_t));
    m->duration = -1;

    json = cJSON_ParseWithOpts(line, NULL, true);

    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return ds_fail(err, DS_ERESOLVER_OUTPUT,
                       "the resolver's output is not an item");
    }

    live = ds_list_str(json, "live_status");

    m->live = (live != NULL && strcmp(live, "is_live") == 0);

    if (live != NULL && strcmp(live, "is_upcoming") == 0) {
        cJSON_Delete(json);
        return ds_fail(err, DS_EITEM_UPCOMING, "has not begun yet");
    }

    m->duration = ds_list_duration(ds_list_num(json, "duration"));

    if (ds_list_copy(&m->id, ds_list_str(json, "id"), DS_ID_LEN) != DS_OK
        || ds_list_copy(&m->title, ds_list_str(json, "title"), DS_TITLE_LEN)
           != DS_OK)
    {
        rc = ds_fail(err, DS_ENOMEM, "no memory for an item");
        goto failed;
    }

    formats = cJSON_GetObjectItemCaseSensitive(json, "requested_formats");

    if (cJSON_GetArraySize(formats) == 0) {
        rc = ds_list_media_url(json, &m->urls[0], err);
        m->nurls = 1;

    } else if (cJSON_GetArraySize(formats) > 2) {
        rc = ds_fail(err, DS_EITEM_FORMAT, "the item has more than two parts");

    } else {
        rc = DS_OK;

        cJSON_ArrayForEach(f, formats) {
            rc = ds_list_media_url(f, &m->urls[m->nurls], err);

            if (rc != DS_OK) {
                break;
            }

            m->nurls++;
        }
    }

    if (rc == DS_EITEM_FORMAT && m->live) {
        rc = ds_fail(err, DS_EITEM_LIVE,
                     "a live broadcast without a format that can be read");
    }

    if (rc != DS_OK) {
        goto failed;
    }

    cJSON_Delete(json);

    return DS_OK;

failed:

    cJSON_Delete(json);
    ds_media_free(m);

    return rc;
}


static int
ds_list_media_url(const cJSON *json, ds_media_url_t *u, ds_error_t *err)
{
    const char  *url, *protocol;

    url = ds_list_str(json, "url");

    if (url == NULL) {
        return ds_fail(err, DS_EITEM_FORMAT, "no format with a URL");
    }

    if (!ds_list_protocol_ok(json)) {
        protocol = ds_list_str(json, "protocol");
        return ds_fail(err, DS_EITEM_FORMAT,
                       "protocol \"%.40s\" cannot be read", protocol);
    }

    if (!ds_list_url_ok(url, false)) {
        return ds_fail(err, DS_ESOURCE_DENIED,
                       "the resolver gave media without a valid http or "
                       "https URL");
    }

    if (ds_list_copy(&u->url, url, 0) != DS_OK
        || ds_list_headers(cJSON_GetObjectItemCaseSensitive(json,
                                                            "http_headers"),
                           &u->headers)
           != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for an item");
    }

    ds_list_media_extras(json, u);

    return DS_OK;
}


/*
 * The URL of a DASH format is that of the manifest, unless yt-dlp has made
 * up the fragments itself, as ranges of one file.
 */

static bool
ds_list_protocol_ok(const cJSON *json)
{
    const char  *protocol;

    protocol = ds_list_str(json, "protocol");

    if (protocol == NULL
        || strcmp(protocol, "http") == 0
        || strcmp(protocol, "https") == 0
        || strcmp(protocol, "m3u8") == 0
        || strcmp(protocol, "m3u8_native") == 0)
    {
        return true;
    }

    return strcmp(protocol, "http_dash_segments") == 0
           && ds_list_str(json, "manifest_url") == NULL
           && ds_list_str(json, "fragment_base_url") == NULL;
}


static void
ds_list_media_extras(const cJSON *json, ds_media_url_t *u)
{
    double        n;
    const cJSON  *options;

    options = cJSON_GetObjectItemCaseSensitive(json, "downloader_options");
    n = ds_list_num(options, "http_chunk_size");

    if (n >= 1 && n < 1e12) {
        u->chunk = (size_t) n;

    } else {
        u->chunk = ds_list_chunk(u->url);
    }

    n = ds_list_num(json, "available_at");

    if (n > 0 && n < 1e10) {
        u->available_at = (int64_t) (n * 1000);
    }

    u->expires_at = ds_url_expires(u->url);
}


static int
ds_list_headers(const cJSON *json, char **headers)
{
    char         *s, *p;
    size_t        i, len, total;
    const cJSON  *h;

    /* not those that our own requests carry: Host, Range, Connection, … */

    static const char *const  names[] = {
        "Accept", "Accept-Language", "Authorization", "Cookie", "Origin",
        "Referer", "Sec-Fetch-Mode", "User-Agent", "X-Requested-With"
    };

    s = NULL;
    total = 0;

    cJSON_ArrayForEach(h, json) {

        if (!cJSON_IsString(h) || h->string == NULL) {
            continue;
        }

        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strcasecmp(h->string, names[i]) == 0) {
                break;
            }
        }

        for (p = h->valuestring; (unsigned char) *p >= 0x20 && *p != 0x7f; p++)
        {
            /* void */
        }

        len = strlen(h->string) + strlen(h->valuestring) + 3;

        if (i == sizeof(names) / sizeof(names[0]) || *p != '\0'
            || total + len > DS_LIST_HEADERS_LEN)
        {
            continue;
        }

        p = realloc(s, total + len + 1);
        if (p == NULL) {
            free(s);
            return DS_ENOMEM;
        }

        s = p;
        total += (size_t) sprintf(s + total, "%s: %s\n", names[i],
                                  h->valuestring);
    }

    *headers = s;

    return DS_OK;
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


/* it cannot be played; "reason" is a constant */

static void
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


/* NULL: no such string */

static const char *
ds_list_str(const cJSON *json, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}


/* -1: no number */

static double
ds_list_num(const cJSON *json, const char *name)
{
    const cJSON  *item;

    item = cJSON_GetObjectItemCaseSensitive(json, name);

    return cJSON_IsNumber(item) ? item->valuedouble : -1;
}


/* seconds to ms, -1 when they cannot be a duration */

static int64_t
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
