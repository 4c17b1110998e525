
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
#include "resolve/ds_list_header.h"
#include "resolve/ds_list_pls.h"
#include "resolve/ds_list_xml.h"


#define DS_LIST_CHUNK        (10 * 1024 * 1024)


static int ds_list_parse_m3u(const char *text, const char *base,
    ds_entry_pt entry, void *data, ds_error_t *err);
static const char *ds_list_line_end(const char *text);
static const char *ds_list_next_line(const char **text, const char *end,
    size_t *len);
static void ds_list_extinf(ds_entry_t *e, const char *p, size_t len);
static int ds_list_parse_json(const char *text, const char *base,
    ds_entry_pt entry, void *data, ds_error_t *err);
static int ds_list_json_item(const cJSON *item, const char *base,
    ds_entry_t *e, ds_error_t *err);
static bool ds_list_json_any(const cJSON *items);
static const char *ds_list_json_url(const cJSON *item);
static void ds_list_judge(const cJSON *json, ds_entry_t *e);
static int ds_list_media_url(const cJSON *json, ds_media_url_t *u,
    ds_error_t *err);
static int ds_list_media_headers(const cJSON *json, char **headers);
static bool ds_list_protocol_ok(const cJSON *json);
static void ds_list_media_extras(const cJSON *json, ds_media_url_t *u);
static const char *ds_list_str(const cJSON *json, const char *name);
static double ds_list_num(const cJSON *json, const char *name);


int
ds_list_parse(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
    }

    text += strspn(text, " \t\r\n");

    if (ds_list_is_pls(text)) {
        return ds_list_parse_pls(text, base, entry, data, err);
    }

    if (*text == '<') {
        return ds_list_parse_xml(text, base, entry, data, err);
    }

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
    const char  *p, *end;

    n = 0;
    m3u = (strncasecmp(text, "#EXTM3U", 7) == 0);

    ds_list_clear(&e);

    if (m3u && ds_list_is_hls(text)) {
        if (ds_list_fill(&e, base, base, strlen(base)) != DS_OK) {
            goto no_memory;
        }

        e.page = false;

        (void) entry(data, &e);
        return DS_OK;
    }

    end = ds_list_line_end(text);

    while ((p = ds_list_next_line(&text, end, &len)) != NULL) {

        if (len >= 8 && strncasecmp(p, "#EXTINF:", 8) == 0) {
            m3u = true;
            ds_list_extinf(&e, p + 8, len - 8);

            if (ds_list_header_attrs(&e.headers, p + 8, len - 8) != DS_OK) {
                goto no_memory;
            }

            continue;
        }

        if (len == 0 || *p == '#') {
            if (ds_list_header_line(&e.headers, p, len) != DS_OK) {
                goto no_memory;
            }

            continue;
        }

        /* without its first line anything could be taken for a list */

        if (!m3u && n == 0 && !ds_list_has_scheme(p, len)
            && !ds_url_is_media_name(p, len))
        {
            ds_entry_free(&e);
            return ds_fail(err, DS_EPLAYLIST_FORMAT,
                           "neither a list of URLs or names, nor M3U, PLS, "
                           "XSPF, ASX or JSON");
        }

        if (ds_list_fill(&e, base, p, len) != DS_OK) {
            goto no_memory;
        }

        n++;

        if (!entry(data, &e)) {
            return DS_OK;
        }

        ds_list_clear(&e);
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


bool
ds_list_is_hls(const char *text)
{
    size_t       i;
    const char  *p;

    /* what libav takes it for; others write #EXT-X-… of their own as well */

    static const char *const  tags[] = {
        "TARGETDURATION:", "STREAM-INF:", "MEDIA:", "MEDIA-SEQUENCE:"
    };

    for (p = text; (p = strstr(p, "#EXT-X-")) != NULL; p++) {

        if (p == text || (p[-1] != '\n' && p[-1] != '\r')) {
            continue;
        }

        for (i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
            if (strncmp(p + 7, tags[i], strlen(tags[i])) == 0) {
                return true;
            }
        }
    }

    return false;
}


/* a return that is alone among line feeds is no end */

static const char *
ds_list_line_end(const char *text)
{
    size_t  feeds, returns;

    feeds = 0;
    returns = 0;

    for ( /* void */ ; *text != '\0'; text++) {
        feeds += (*text == '\n');
        returns += (*text == '\r' && text[1] != '\n' && text[1] != '\r');
    }

    return returns > feeds ? "\r\n" : "\n";
}


/* the next line without the blanks around it, NULL at the end; DOS had a
   character for the end of a file */

static const char *
ds_list_next_line(const char **text, const char *end, size_t *len)
{
    size_t       n;
    const char  *p;

    p = *text;

    if (*p == '\0') {
        return NULL;
    }

    n = strcspn(p, end);
    *text = p + n + (p[n] != '\0');

    while (n > 0 && strchr(" \t\r\x1a", *p) != NULL) {
        p++;
        n--;
    }

    while (n > 0 && strchr(" \t\r\x1a", p[n - 1]) != NULL) {
        n--;
    }

    *len = n;

    return p;
}


/* "seconds[ name="value"…],title" */

static void
ds_list_extinf(ds_entry_t *e, const char *p, size_t len)
{
    char         quote;
    size_t       n;
    const char  *begin, *end, *name;

    end = p + len;
    e->duration = (len == 0) ? -1 : ds_list_duration(strtod(p, NULL));

    if (e->duration == 0) {
        e->duration = -1;
    }

    name = NULL;
    begin = p;
    quote = '\0';

    /* people write quotes into what is quoted */

    for ( /* void */ ; p < end && (quote != '\0' || *p != ','); p++) {

        if (quote == '\0') {
            quote = (*p == '"' || *p == '\'') && p > begin && p[-1] == '='
                    ? *p : '\0';

        } else if (*p == quote
                   && (p + 1 == end || strchr(" \t,", p[1]) != NULL))
        {
            quote = '\0';
        }

        if (end - p > 10 && strncasecmp(p, " tvg-name=\"", 11) == 0) {
            name = p + 11;
        }
    }

    if (quote != '\0' && memrchr(begin, ',', len) != NULL) {
        p = memrchr(begin, ',', len);
    }

    p += (p < end);

    while (p < end && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p < end) {
        n = (size_t) (end - p);

    } else if (name != NULL) {
        p = name;
        n = strcspn(p, "\"\r\n");

    } else {
        return;
    }

    if (n != 0) {
        (void) ds_list_title(&e->title, p, n);
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

    /* one that is none is an item that cannot be played, all are no list */

    if (cJSON_GetArraySize(items) != 0 && !ds_list_json_any(items)) {
        cJSON_Delete(json);
        return ds_fail(err, DS_EPLAYLIST_FORMAT, "no item of the JSON list is "
                       "a URL or an object with one");
    }

    cJSON_ArrayForEach(item, items) {
        ds_list_clear(&e);

        rc = ds_list_json_item(item, base, &e, err);

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


static bool
ds_list_json_any(const cJSON *items)
{
    const cJSON  *item;

    cJSON_ArrayForEach(item, items) {
        if (ds_list_json_url(item) != NULL) {
            return true;
        }
    }

    return false;
}


static const char *
ds_list_json_url(const cJSON *item)
{
    const char  *url;

    url = cJSON_IsString(item) ? item->valuestring : ds_list_str(item, "url");

    return url == NULL || *url == '\0' ? NULL : url;
}


static int
ds_list_json_item(const cJSON *item, const char *base, ds_entry_t *e,
    ds_error_t *err)
{
    char         id[32];
    double       number;
    ds_entry_t   audio;
    const char  *url, *audio_url, *name;

    url = ds_list_json_url(item);

    if (url == NULL) {
        ds_list_mark(e, DS_EPLAYLIST_FORMAT,
                     "neither a URL nor an object with one");
        return DS_OK;
    }

    e->duration = ds_list_duration(ds_list_num(item, "duration"));

    name = ds_list_str(item, "id");
    number = ds_list_num(item, "id");

    if (number >= 0) {
        (void) snprintf(id, sizeof(id), "%.15g", number);
        name = id;
    }

    if (ds_list_copy(&e->id, name, DS_ID_LEN) != DS_OK
        || ds_list_copy(&e->title, ds_list_str(item, "title"), DS_TITLE_LEN)
           != DS_OK
        || ds_list_header_json(&e->headers,
                               cJSON_GetObjectItemCaseSensitive(item,
                                                                "headers"))
           != DS_OK
        || ds_list_fill(e, base, url, strlen(url)) != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for a list");
    }

    audio_url = ds_list_str(item, "audio_url");

    if (audio_url == NULL || e->code != DS_OK) {
        return DS_OK;
    }

    ds_list_clear(&audio);

    if (ds_list_fill(&audio, base, audio_url, strlen(audio_url)) != DS_OK) {
        ds_entry_free(&audio);
        return ds_fail(err, DS_ENOMEM, "no memory for a list");
    }

    if (audio.code != DS_OK) {
        ds_list_mark(e, audio.code, audio.reason);
    }

    /* two URLs that belong together are media, whatever their names */

    e->plain = true;
    e->page = false;
    e->audio_url = audio.url;
    audio.url = NULL;

    ds_entry_free(&audio);

    return DS_OK;
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
        || ds_list_media_headers(json, &u->headers) != DS_OK
        || ds_list_cookies(&u->cookies, ds_list_str(json, "cookies"), url)
           != DS_OK)
    {
        return ds_fail(err, DS_ENOMEM, "no memory for an item");
    }

    ds_list_media_extras(json, u);

    return DS_OK;
}


/* those that yt-dlp gives for reasons of its site, not of its own client */

static int
ds_list_media_headers(const cJSON *json, char **headers)
{
    size_t        i;
    const cJSON  *h;

    static const char *const  names[] = {
        "Accept", "Accept-Language", "Authorization", "Cookie", "Origin",
        "Referer", "Sec-Fetch-Mode", "User-Agent", "X-Requested-With"
    };

    cJSON_ArrayForEach(h, cJSON_GetObjectItemCaseSensitive(json,
                                                           "http_headers"))
    {
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

            if (cJSON_IsString(h) && h->string != NULL
                && strcasecmp(h->string, names[i]) == 0
                && ds_list_header(headers, names[i], strlen(names[i]),
                                  h->valuestring, strlen(h->valuestring))
                   != DS_OK)
            {
                return DS_ENOMEM;
            }
        }
    }

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
