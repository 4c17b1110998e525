
/*
 * ds_url.c: URLs as text: what is accepted from people, what may be shown of
 * a URL, what kind of thing a URL names.  Pure: no network, no state.
 *
 * The parser is stricter than RFC 3986 on purpose: what it accepts, libcurl,
 * libav and yt-dlp all read the same way.
 */

#define _GNU_SOURCE

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/ds_url.h"


/* PL…, UU…: an id is at least this long, so that a plain word is not one */
#define DS_URL_ID_MIN   10
#define DS_URL_ID_MAX   128

/* the year 2286: a later "expire=" is not a time */
#define DS_URL_TIME_MAX  10000000000LL


static int ds_url_authority(ds_url_t *u, const char *p, size_t len);
static bool ds_url_host_valid(const char *host, size_t len, bool ip6);
static bool ds_url_part(CURLU *u, CURLUPart part, const char *url,
    char **value);
static bool ds_url_is_id(const char *ref);
static bool ds_url_char_valid(unsigned char c);
static bool ds_url_alnum(char c);
static int ds_url_check_playlist(const char *ref, bool file_ok,
    ds_error_t *err);
static int ds_url_check_file(const ds_url_t *u, ds_error_t *err);
static int ds_url_check_rtmp(const char *url, bool tls_ok, ds_url_t *u,
    ds_error_t *err, const char *expected);
static size_t ds_url_segments(const ds_url_t *u);
static const char *ds_url_arg(const char *query, const char *name);
static bool ds_url_is_signature(const char *p, size_t len, bool times);
static bool ds_url_has_suffix(const char *path, size_t len,
    const char *const *suffixes);
static bool ds_url_is_video(const ds_url_t *u);


static const char *const  ds_url_packed[] = { ".gz", NULL };

static const char *const  ds_url_lists[] = {
    ".m3u", ".m3u8", ".json", ".pls", ".xspf", ".asx", NULL
};

static const char *const  ds_url_media[] = {
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".flv", ".ts", ".m4a", ".mp3",
    ".aac", ".3g2", ".3gp", ".ac3", ".asf", ".avi", ".eac3", ".flac", ".m2t",
    ".m2ts", ".m4b", ".mka", ".mp2", ".mpeg", ".mpg", ".mts", ".oga", ".ogg",
    ".ogv", ".opus", ".vob", ".wav", ".wma", ".wmv", NULL
};


int
ds_url_parse(ds_url_t *u, const char *url, ds_error_t *err)
{
    size_t       i, len;
    const char  *p, *rest;

    memset(u, 0, sizeof(ds_url_t));
    u->port = -1;

    for (p = url; *p != '\0'; p++) {
        if (!ds_url_char_valid((unsigned char) *p)) {
            return ds_fail(err, DS_EPLAYLIST_INVALID, "a URL must not have "
                           "blanks, quotes, \"<\", \">\", \"\\\" or control "
                           "characters");
        }
    }

    p = strstr(url, "://");
    len = (p == NULL) ? 0 : (size_t) (p - url);

    if (len == 0 || len >= sizeof(u->scheme)) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a URL begins with a scheme, as \"https://\"");
    }

    for (i = 0; i < len; i++) {
        if (!ds_url_alnum(url[i]) && strchr("+-.", url[i]) == NULL) {
            return ds_fail(err, DS_EPLAYLIST_INVALID,
                           "a URL begins with a scheme, as \"https://\"");
        }

        u->scheme[i] = (url[i] >= 'A' && url[i] <= 'Z') ? url[i] | 0x20
                                                        : url[i];
    }

    p += 3;
    len = strcspn(p, "/?#");

    if (ds_url_authority(u, p, len) != DS_OK) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a URL has a host name or an address, and a port from "
                       "1 to 65535 if any");
    }

    u->path = p + len;
    u->path_len = strcspn(u->path, "?#");

    rest = u->path + u->path_len;

    if (*rest == '?') {
        u->query = rest + 1;
    }

    rest = strchr(rest, '#');

    if (rest != NULL) {
        u->fragment = rest + 1;
    }

    return DS_OK;
}


/* [userinfo@]host[:port]; only a file: URL may have no host */

static int
ds_url_authority(ds_url_t *u, const char *p, size_t len)
{
    bool         ip6;
    size_t       i, n;
    const char  *at, *end;

    end = p + len;
    at = memrchr(p, '@', len);

    if (at != NULL) {
        u->userinfo = true;
        p = at + 1;
    }

    ip6 = (p < end && *p == '[');

    if (ip6) {
        p++;
        n = strcspn(p, "]/?#");

        if (p[n] != ']') {
            return DS_EPLAYLIST_INVALID;
        }

    } else {
        n = strcspn(p, ":/?#");
    }

    if (n >= sizeof(u->host)
        || (n == 0 && (ip6 || strcmp(u->scheme, "file") != 0))
        || !ds_url_host_valid(p, n, ip6))
    {
        return DS_EPLAYLIST_INVALID;
    }

    memcpy(u->host, p, n);
    u->host[n] = '\0';
    p += n + ip6;

    if (p == end) {
        return DS_OK;
    }

    /* ":" and one to five digits */

    n = (size_t) (end - p);

    if (*p != ':' || n < 2 || n > 6) {
        return DS_EPLAYLIST_INVALID;
    }

    u->port = 0;

    for (i = 1; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return DS_EPLAYLIST_INVALID;
        }

        u->port = u->port * 10 + (p[i] - '0');
    }

    return (u->port >= 1 && u->port <= 65535) ? DS_OK : DS_EPLAYLIST_INVALID;
}


static bool
ds_url_host_valid(const char *host, size_t len, bool ip6)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (ip6) {
            if (strchr("0123456789abcdefABCDEF:.", host[i]) == NULL) {
                return false;
            }

        } else if (!ds_url_alnum(host[i]) && strchr("-._", host[i]) == NULL) {
            return false;
        }
    }

    return len == 0 || (host[0] != '-' && host[0] != '.');
}


int
ds_url_join(char **dst, const char *base, const char *ref)
{
    char       *user, *password, *joined;
    CURLU      *u;
    CURLUcode   rc;

    *dst = NULL;

    user = NULL;
    password = NULL;
    joined = NULL;

    u = curl_url();
    rc = u == NULL ? CURLUE_OUT_OF_MEMORY
                   : curl_url_set(u, CURLUPART_URL, base, 0);

    if (rc == CURLUE_OK) {
        (void) curl_url_get(u, CURLUPART_USER, &user, 0);
        (void) curl_url_get(u, CURLUPART_PASSWORD, &password, 0);

        rc = curl_url_set(u, CURLUPART_URL, ref,
                          CURLU_URLENCODE|CURLU_ALLOW_SPACE
                          |CURLU_NON_SUPPORT_SCHEME);
    }

    if (rc == CURLUE_OK) {
        rc = curl_url_get(u, CURLUPART_URL, &joined, 0);
    }

    if (rc == CURLUE_OK && user != NULL && ds_url_same_origin(base, joined)) {
        (void) curl_url_set(u, CURLUPART_USER, user, 0);
        (void) curl_url_set(u, CURLUPART_PASSWORD, password, 0);

        curl_free(joined);
        joined = NULL;
        rc = curl_url_get(u, CURLUPART_URL, &joined, 0);
    }

    if (rc == CURLUE_OK) {
        *dst = strdup(joined);
        rc = *dst == NULL ? CURLUE_OUT_OF_MEMORY : CURLUE_OK;
    }

    curl_free(user);
    curl_free(password);
    curl_free(joined);
    curl_url_cleanup(u);

    return rc == CURLUE_OUT_OF_MEMORY ? DS_ENOMEM : DS_OK;
}


int
ds_url_ascii(char **dst, const char *url)
{
    int         rc;
    char       *ascii;
    CURLU      *u;
    size_t      n;
    locale_t    utf8, old;

    n = strcspn(url, ":");
    n += strspn(url + n, ":/");
    n += strcspn(url + n, "/?#");

    for (ascii = NULL; n > 0 && (unsigned char) url[n - 1] < 0x80; n--) {
        /* void */
    }

    if (n == 0) {
        return ds_copy(dst, url);
    }

    /* names are read as the locale says, which may be "C" */

    utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
    old = (utf8 == (locale_t) 0) ? utf8 : uselocale(utf8);

    u = curl_url();

    if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        (void) curl_url_get(u, CURLUPART_URL, &ascii, CURLU_PUNYCODE);
    }

    if (utf8 != (locale_t) 0) {
        (void) uselocale(old);
        freelocale(utf8);
    }

    rc = ds_copy(dst, ascii == NULL ? url : ascii);

    curl_free(ascii);
    curl_url_cleanup(u);

    return rc;
}


bool
ds_url_same_origin(const char *a, const char *b)
{
    bool    same, upgraded;
    char   *scheme[2], *host[2], *port[2];
    CURLU  *u;

    memset(scheme, 0, sizeof(scheme));
    memset(host, 0, sizeof(host));
    memset(port, 0, sizeof(port));

    u = curl_url();

    same = u != NULL
           && ds_url_part(u, CURLUPART_SCHEME, a, &scheme[0])
           && ds_url_part(u, CURLUPART_HOST, NULL, &host[0])
           && ds_url_part(u, CURLUPART_PORT, NULL, &port[0])
           && ds_url_part(u, CURLUPART_SCHEME, b, &scheme[1])
           && ds_url_part(u, CURLUPART_HOST, NULL, &host[1])
           && ds_url_part(u, CURLUPART_PORT, NULL, &port[1])
           && strcasecmp(host[0], host[1]) == 0;

    if (same) {
        upgraded = strcmp(scheme[0], "http") == 0 && strcmp(port[0], "80") == 0
                   && strcmp(scheme[1], "https") == 0
                   && strcmp(port[1], "443") == 0;

        same = upgraded || (strcmp(scheme[0], scheme[1]) == 0
                            && strcmp(port[0], port[1]) == 0);
    }

    curl_free(scheme[0]);
    curl_free(scheme[1]);
    curl_free(host[0]);
    curl_free(host[1]);
    curl_free(port[0]);
    curl_free(port[1]);
    curl_url_cleanup(u);

    return same;
}


/* of "url", NULL: of the one before */

static bool
ds_url_part(CURLU *u, CURLUPart part, const char *url, char **value)
{
    return (url == NULL
            || (curl_url_set(u, CURLUPART_URL, NULL, 0) == CURLUE_OK
                && curl_url_set(u, CURLUPART_URL, url,
                                CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK))
           && curl_url_get(u, part, value, CURLU_DEFAULT_PORT) == CURLUE_OK;
}


int
ds_check_playlist(const char *ref, bool file_ok, ds_error_t *err)
{
    int    rc;
    char  *ascii;

    if (ds_url_is_id(ref)) {
        return DS_OK;
    }

    if (ds_url_ascii(&ascii, ref) != DS_OK) {
        return ds_fail(err, DS_ENOMEM, "no memory for a URL");
    }

    rc = ds_url_check_playlist(ascii, file_ok, err);
    free(ascii);

    return rc;
}


static int
ds_url_check_playlist(const char *ref, bool file_ok, ds_error_t *err)
{
    int       rc;
    ds_url_t  u;

    if (strstr(ref, "://") == NULL) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a playlist is an http or https URL%s, or a YouTube "
                       "playlist id (PL…, UU…, FL…, OLAK5uy_…)",
                       file_ok ? ", a file: URL" : "");
    }

    if (strlen(ref) > DS_PLAYLIST_LEN) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a playlist URL has at most %d characters",
                       DS_PLAYLIST_LEN);
    }

    rc = ds_url_parse(&u, ref, err);
    if (rc != DS_OK) {
        return rc;
    }

    if (u.userinfo || u.fragment != NULL) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "a playlist URL must not "
                       "have user information or a fragment");
    }

    if (strcmp(u.scheme, "http") == 0 || strcmp(u.scheme, "https") == 0) {
        return DS_OK;
    }

    if (strcmp(u.scheme, "file") != 0) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a playlist URL is http or https%s",
                       file_ok ? " or file" : "");
    }

    if (!file_ok) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "file: URLs are accepted only below a media root, and "
                       "none is set");
    }

    return ds_url_check_file(&u, err);
}


/* yt-dlp must never see a file: URL, so its kind has to be known by its name */

static int
ds_url_check_file(const ds_url_t *u, ds_error_t *err)
{
    ds_ref_e  kind;

    if (u->host[0] != '\0' || u->port != -1 || u->query != NULL
        || u->path_len < 2)
    {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a file: URL is \"file:///path\", without a host or "
                       "a query");
    }

    /* a file: URL begins seven bytes before its path */

    kind = ds_url_kind(u->path - sizeof("file://") + 1);

    if (kind != DS_REF_LIST && kind != DS_REF_MEDIA) {
        return ds_fail(err, DS_EPLAYLIST_INVALID,
                       "a file: URL names a list (.m3u, .pls, .json, …) or a "
                       "media file (.mp4, .mkv, .mov, …)");
    }

    return DS_OK;
}


static bool
ds_url_is_id(const char *ref)
{
    size_t  len;

    len = strlen(ref);

    if (len < DS_URL_ID_MIN || len > DS_URL_ID_MAX) {
        return false;
    }

    if (strncmp(ref, "PL", 2) != 0 && strncmp(ref, "UU", 2) != 0
        && strncmp(ref, "FL", 2) != 0 && strncmp(ref, "OLAK5uy_", 8) != 0)
    {
        return false;
    }

    for ( /* void */ ; *ref != '\0'; ref++) {
        if (!ds_url_alnum(*ref) && *ref != '-' && *ref != '_') {
            return false;
        }
    }

    return true;
}


int
ds_check_publish(const char *url, ds_error_t *err)
{
    int       rc;
    ds_url_t  u;

    static const char  expected[] =
        "an application is \"rtmp://host[:port]/app\", without a stream's "
        "name, query or fragment, or \"none\"";

    if (strcmp(url, "none") == 0) {
        ds_error_clear(err);
        return DS_OK;
    }

    rc = ds_url_check_rtmp(url, false, &u, err, expected);
    if (rc != DS_OK) {
        return rc;
    }

    if (u.query != NULL || ds_url_segments(&u) != 1) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "%s", expected);
    }

    return DS_OK;
}


int
ds_check_proxy(const char *url, ds_error_t *err)
{
    bool   ok;
    char  *scheme, *host, *port, *path, *query;
    CURLU *u;

    static const char  expected[] =
        "a proxy is \"scheme://[user:password@]host:port\", of http, https, "
        "socks5 or socks5h";

    u = curl_url();
    if (u == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    scheme = host = port = path = query = NULL;

    ok = strlen(url) <= DS_URL_LEN
         && curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME)
            == CURLUE_OK
         && curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK
         && curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK
         && curl_url_get(u, CURLUPART_PORT, &port, 0) == CURLUE_OK
         && curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK
         && curl_url_get(u, CURLUPART_QUERY, &query, 0) != CURLUE_OK
         && (strcmp(path, "/") == 0 || *path == '\0')
         && strchr(url, '#') == NULL
         && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0
             || strcmp(scheme, "socks5") == 0
             || strcmp(scheme, "socks5h") == 0);

    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(u);

    return ok ? DS_OK : ds_fail(err, DS_EPLAYLIST_INVALID, "%s", expected);
}


int
ds_check_push(const char *url, ds_error_t *err)
{
    int       rc;
    ds_url_t  u;

    static const char  expected[] =
        "a push target is \"rtmp://host[:port]/app/key[?args]\", or the "
        "same with rtmps";

    rc = ds_url_check_rtmp(url, true, &u, err, expected);
    if (rc != DS_OK) {
        return rc;
    }

    if (ds_url_segments(&u) < 2) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "%s", expected);
    }

    return DS_OK;
}


static int
ds_url_check_rtmp(const char *url, bool tls_ok, ds_url_t *u, ds_error_t *err,
    const char *expected)
{
    if (strlen(url) > DS_URL_LEN
        || ds_url_parse(u, url, NULL) != DS_OK
        || (strcmp(u->scheme, "rtmp") != 0
            && !(tls_ok && strcmp(u->scheme, "rtmps") == 0))
        || u->userinfo
        || u->fragment != NULL)
    {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "%s", expected);
    }

    return DS_OK;
}


/* how many segments the path has; 0 when it has none or an empty one */

static size_t
ds_url_segments(const ds_url_t *u)
{
    size_t       n;
    const char  *p, *end;

    n = 0;
    end = u->path + u->path_len;

    for (p = u->path; p < end; p++) {
        if (*p != '/') {
            continue;
        }

        if (p + 1 == end || p[1] == '/') {
            return 0;
        }

        n++;
    }

    return n;
}


int
ds_check_name(const char *name, ds_error_t *err)
{
    size_t       len;
    const char  *p;

    len = strlen(name);

    if (len == 0 || len > DS_NAME_LEN || strcmp(name, ".") == 0
        || strcmp(name, "..") == 0)
    {
        goto failed;
    }

    for (p = name; *p != '\0'; p++) {
        if (!ds_url_alnum(*p) && strchr("._-", *p) == NULL) {
            goto failed;
        }
    }

    return DS_OK;

failed:

    return ds_fail(err, DS_EPLAYLIST_INVALID,
                   "a stream's name is 1 to %d of the characters A-Z, a-z, "
                   "0-9, \".\", \"_\", \"-\", and neither \".\" nor \"..\"",
                   DS_NAME_LEN);
}


/*
 * Works on text that need not be a valid URL: what cannot be parsed may hold
 * a secret all the same.
 */

void
ds_redact_playlist(char *dst, size_t size, const char *ref)
{
    ds_ref_e  kind;

    kind = ds_url_kind(ref);

    if (kind == DS_REF_MEDIA || kind == DS_REF_LIST) {
        ds_redact_url(dst, size, ref);

    } else {
        ds_text(dst, size, ref);
    }
}


void
ds_redact_url(char *dst, size_t size, const char *url)
{
    bool         rtmp;
    char        *s;
    size_t       head, len;
    const char  *p, *at, *app;

    if (size == 0) {
        return;
    }

    if (url == NULL) {
        url = "";
    }

    rtmp = (strncasecmp(url, "rtmp", 4) == 0);
    len = strcspn(url, "?#");

    p = strstr(url, "://");
    head = (p == NULL || p > url + len) ? 0 : (size_t) (p - url) + 3;

    p = url + head;
    len -= head;

    at = memrchr(p, '@', strcspn(p, "/?#"));

    if (at != NULL) {
        len -= (size_t) (at + 1 - p);
        p = at + 1;
    }

    if (rtmp) {
        app = memchr(p, '/', len);
        app = (app == NULL) ? NULL
                            : memchr(app + 1, '/', len - (app + 1 - p));

        if (app != NULL && app + 1 < p + len) {
            s = ds_sprintf("%.*s%.*s***", (int) head, url,
                           (int) (app + 1 - p), p);
            goto done;
        }
    }

    s = ds_sprintf("%.*s%.*s", (int) head, url, (int) len, p);

done:

    ds_text(dst, size, s);
    free(s);
}


int64_t
ds_url_expires(const char *url)
{
    char        *end;
    size_t       n;
    long long    t;
    const char  *p;

    /* as an argument, or as a pair of path segments (HLS manifests) */

    static const char *const  forms[] = { "?expire=", "&expire=", "/expire/" };

    for (n = 0; n < sizeof(forms) / sizeof(forms[0]); n++) {
        p = strstr(url, forms[n]);

        if (p == NULL) {
            continue;
        }

        p += strlen(forms[n]);

        if (*p < '0' || *p > '9') {
            continue;
        }

        t = strtoll(p, &end, 10);

        if (t > 0 && t < DS_URL_TIME_MAX && strchr("&/#", *end) != NULL) {
            return (int64_t) t * 1000;
        }
    }

    return 0;
}


ds_ref_e
ds_url_kind(const char *url)
{
    size_t    len;
    ds_url_t  u;

    if (ds_url_parse(&u, url, NULL) != DS_OK) {
        return DS_REF_RESOLVER;
    }

    if (ds_url_is_youtube(&u)) {
        return ds_url_is_video(&u) ? DS_REF_VIDEO : DS_REF_RESOLVER;
    }

    /* a fragment is yt-dlp's private note to itself */

    if (u.fragment != NULL) {
        return DS_REF_RESOLVER;
    }

    /* packed, and said so */

    len = u.path_len;
    len -= ds_url_has_suffix(u.path, len, ds_url_packed) ? 3 : 0;

    if (ds_url_has_suffix(u.path, len, ds_url_lists)) {
        return DS_REF_LIST;
    }

    return ds_url_has_suffix(u.path, u.path_len, ds_url_media)
           ? DS_REF_MEDIA : DS_REF_RESOLVER;
}


bool
ds_url_is_media_name(const char *name, size_t len)
{
    return ds_url_has_suffix(name, len, ds_url_media)
           || ds_url_has_suffix(name, len, ds_url_lists);
}


bool
ds_url_is_youtube(const ds_url_t *u)
{
    return ds_url_in_domain(u, "youtube.com")
           || ds_url_in_domain(u, "youtu.be")
           || ds_url_in_domain(u, "youtube-nocookie.com");
}


bool
ds_url_in_domain(const ds_url_t *u, const char *domain)
{
    size_t  n, len;

    n = strlen(u->host);
    len = strlen(domain);

    return n >= len
           && strcasecmp(u->host + n - len, domain) == 0
           && (n == len || u->host[n - len - 1] == '.');
}


/* /watch?v=ID, youtu.be/ID, /shorts/ID, /live/ID, /embed/ID, but no list= */

static bool
ds_url_is_video(const ds_url_t *u)
{
    size_t  i, len;

    static const char *const  paths[] = { "/shorts/", "/live/", "/embed/" };

    if (ds_url_has_arg(u->query, "list")) {
        return false;
    }

    if (ds_url_in_domain(u, "youtu.be")) {
        return u->path_len > 1;
    }

    if (u->path_len == 6 && strncmp(u->path, "/watch", 6) == 0) {
        return ds_url_has_arg(u->query, "v");
    }

    for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        len = strlen(paths[i]);

        if (u->path_len > len && strncmp(u->path, paths[i], len) == 0) {
            return true;
        }
    }

    return false;
}


bool
ds_url_video_id(char *id, const char *url)
{
    size_t       n;
    ds_url_t     u;
    const char  *p;

    if (ds_url_parse(&u, url, NULL) != DS_OK || !ds_url_is_youtube(&u)) {
        return false;
    }

    p = ds_url_arg(u.query, "v");

    if (p == NULL) {

        /* youtu.be/ID, /shorts/ID, … */

        if (!ds_url_in_domain(&u, "youtu.be") && !ds_url_is_video(&u)) {
            return false;
        }

        p = memrchr(u.path, '/', u.path_len);
        p = (p == NULL) ? "" : p + 1;
    }

    n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                  "0123456789-_");

    if (n == 0 || n >= DS_ID_LEN) {
        return false;
    }

    memcpy(id, p, n);
    id[n] = '\0';

    return true;
}


char *
ds_url_unsigned(const char *url)
{
    bool         times;
    char        *s, *d;
    size_t       n;
    const char  *p, *query;

    s = strndup(url, strcspn(url, "#"));
    if (s == NULL) {
        return NULL;
    }

    d = strchr(s, '?');
    if (d == NULL) {
        return s;
    }

    query = url + (d - s) + 1;
    times = ds_url_arg(query, "expires") != NULL
            || ds_url_arg(query, "expire") != NULL
            || ds_url_arg(query, "exp") != NULL
            || ds_url_arg(query, "e") != NULL;

    for (p = query; *p != '\0' && *p != '#'; p += n) {
        n = strcspn(p, "&#");

        if (n != 0 && !ds_url_is_signature(p, n, times)) {
            *d = (d == s + (query - 1 - url)) ? '?' : '&';
            memcpy(d + 1, p, n);
            d += n + 1;
        }

        n += (p[n] == '&');
    }

    *d = '\0';

    return s;
}


/* "times": beside an argument that is a time */

static bool
ds_url_is_signature(const char *p, size_t len, bool times)
{
    size_t  i, n;

    static const char *const  always[] = {
        "awsaccesskeyid", "expire", "expires", "googleaccessid", "hdnea",
        "hdntl", "hdnts", "key-pair-id", "lsig", "lsparams", "policy", "sig",
        "signature", "sparams", "wmsauthsign"
    };
    static const char *const  beside[] = {
        "e", "exp", "hash", "hmac", "md5", "st", "token"
    };

    if (strncasecmp(p, "x-amz-", 6) == 0 || strncasecmp(p, "x-goog-", 7) == 0)
    {
        return true;
    }

    n = 0;

    while (n < len && p[n] != '=') {
        n++;
    }

    for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        if (strlen(always[i]) == n && strncasecmp(p, always[i], n) == 0) {
            return true;
        }
    }

    for (i = 0; i < sizeof(beside) / sizeof(beside[0]) && times; i++) {
        if (strlen(beside[i]) == n && strncasecmp(p, beside[i], n) == 0) {
            return true;
        }
    }

    return false;
}


/* the argument is there and has a value */

bool
ds_url_has_arg(const char *query, const char *name)
{
    return ds_url_arg(query, name) != NULL;
}


/* the value of the argument, to "&", "#" or the end; NULL: none, or empty */

static const char *
ds_url_arg(const char *query, const char *name)
{
    size_t       len;
    const char  *p;

    len = strlen(name);

    for (p = query; p != NULL && *p != '\0' && *p != '#'; /* void */ ) {

        if (strncmp(p, name, len) == 0 && p[len] == '='
            && p[len + 1] != '\0' && strchr("&#", p[len + 1]) == NULL)
        {
            return p + len + 1;
        }

        p += strcspn(p, "&#");
        p += (*p == '&');
    }

    return NULL;
}


static bool
ds_url_has_suffix(const char *path, size_t len, const char *const *suffixes)
{
    size_t  n;

    for ( /* void */ ; *suffixes != NULL; suffixes++) {
        n = strlen(*suffixes);

        /* more than "/" and the suffix */

        if (len > n && path[len - n - 1] != '/'
            && strncasecmp(path + len - n, *suffixes, n) == 0)
        {
            return true;
        }
    }

    return false;
}


static bool
ds_url_char_valid(unsigned char c)
{
    return c > 0x20 && c != 0x7f && strchr("\"<>\\", c) == NULL;
}


static bool
ds_url_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}
