
/*
 * ds_list_line.c: the lines that the resolver prints, one for each entry of
 * a playlist, one for an item.  Must not trust them: they repeat what remote
 * servers say.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "resolve/ds_list.h"
#include "base/ds_url.h"


#define DS_LIST_HEADERS_LEN  8192       /* all headers of one URL */


static void ds_list_judge(const cJSON *json, ds_entry_t *e);
static int ds_list_media_url(const cJSON *json, ds_media_url_t *u,
    ds_error_t *err);
static bool ds_list_protocol_ok(const cJSON *json);
static void ds_list_media_extras(const cJSON *json, ds_media_url_t *u);
static int ds_list_headers(const cJSON *json, char **headers);


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
