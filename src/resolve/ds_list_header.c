
/*
 * ds_list_header.c: headers as players write them into lists, each in a form
 * of its own, made one.  Which names may be sent is ds_http's to say; that a
 * value stays one value is said here.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_url.h"
#include "resolve/ds_list_header.h"


#define DS_LIST_HEADERS_LEN  8192       /* all headers of one item */
#define DS_LIST_NAME_LEN     64
#define DS_LIST_COOKIES_LEN  16384
#define DS_LIST_FIELD_LEN    4096       /* of a cookie */


typedef struct {
    char     name[DS_LIST_NAME_LEN * 2];
    char     value[DS_LIST_FIELD_LEN];
    char     domain[DS_LIST_FIELD_LEN];
    char     path[DS_LIST_FIELD_LEN];
    int64_t  expires;
    bool     secure;
} ds_list_cookie_t;


static bool ds_list_header_token(const char *p, size_t len);
static bool ds_list_header_clean(const char *p, size_t len);
static void ds_list_header_remove(char *headers, const char *name,
    size_t len);
static int ds_list_header_known(char **headers, const char *name, size_t n,
    const char *value, size_t len);
static void ds_list_header_trim(const char **p, size_t *len);
static char *ds_list_unescape(const char *p, size_t len, size_t *n);
static int ds_list_hex(char c);
static int ds_list_cookie_add(char **cookies, const ds_list_cookie_t *c,
    const char *host);
static bool ds_list_cookie_value(char *dst, const char *p, size_t len);
static bool ds_list_cookie_attr(ds_list_cookie_t *c, const char *p,
    size_t n, size_t len);


int
ds_list_header(char **headers, const char *name, size_t name_len,
    const char *value, size_t len)
{
    char    *p;
    size_t   total;

    ds_list_header_trim(&value, &len);

    if (!ds_list_header_token(name, name_len) || len == 0
        || !ds_list_header_clean(value, len))
    {
        return DS_OK;
    }

    total = *headers == NULL ? 0 : strlen(*headers);

    if (total + name_len + len + 3 > DS_LIST_HEADERS_LEN) {
        return DS_OK;
    }

    p = realloc(*headers, total + name_len + len + 4);
    if (p == NULL) {
        return DS_ENOMEM;
    }

    p[total] = '\0';
    *headers = p;

    ds_list_header_remove(p, name, name_len);

    (void) sprintf(p + strlen(p), "%.*s: %.*s\n", (int) name_len, name,
                   (int) len, value);

    return DS_OK;
}


static void
ds_list_header_remove(char *headers, const char *name, size_t len)
{
    char    *p;
    size_t   n;

    for (p = headers; *p != '\0'; p += n) {
        n = strcspn(p, "\n") + 1;

        if (strncasecmp(p, name, len) == 0 && p[len] == ':') {
            memmove(p, p + n, strlen(p + n) + 1);
            return;
        }
    }
}


/* RFC 9110, 5.6.2 */

static bool
ds_list_header_token(const char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!((p[i] >= '0' && p[i] <= '9')
              || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z')
              || (p[i] != '\0' && strchr("!#$%&'*+-.^_`|~", p[i]) != NULL)))
        {
            return false;
        }
    }

    return len != 0 && len <= DS_LIST_NAME_LEN;
}


static bool
ds_list_header_clean(const char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if ((unsigned char) p[i] < ' ' || p[i] == 0x7f) {
            return false;
        }
    }

    return true;
}


/* without the blanks around it, then without a pair of quotes */

static void
ds_list_header_trim(const char **p, size_t *len)
{
    while (*len > 0 && (**p == ' ' || **p == '\t')) {
        ++*p;
        --*len;
    }

    while (*len > 0 && ((*p)[*len - 1] == ' ' || (*p)[*len - 1] == '\t')) {
        --*len;
    }

    if (*len >= 2 && **p == '"' && (*p)[*len - 1] == '"') {
        ++*p;
        *len -= 2;
    }
}


int
ds_list_header_args(char **headers, const char *p, size_t len, bool *found)
{
    int          rc;
    char        *value;
    size_t       n, name, size;
    const char  *equal;

    *found = false;

    for ( /* void */ ; len > 0; p += n, len -= n) {

        n = 0;
        while (n < len && p[n] != '&') {
            n++;
        }

        equal = memchr(p, '=', n);
        name = equal == NULL ? 0 : (size_t) (equal - p);

        if (ds_list_header_token(p, name)) {
            *found = true;

            value = ds_list_unescape(equal + 1, n - name - 1, &size);
            if (value == NULL) {
                return DS_ENOMEM;
            }

            rc = ds_list_header(headers, p, name, value, size);
            free(value);

            if (rc != DS_OK) {
                return rc;
            }
        }

        n += (n < len);
    }

    return DS_OK;
}


static char *
ds_list_unescape(const char *p, size_t len, size_t *n)
{
    char    *s;
    size_t   i;

    s = malloc(len + 1);
    if (s == NULL) {
        return NULL;
    }

    *n = 0;

    for (i = 0; i < len; i++) {
        if (p[i] == '%' && len - i > 2 && ds_list_hex(p[i + 1]) >= 0
            && ds_list_hex(p[i + 2]) >= 0)
        {
            s[(*n)++] = (char) (ds_list_hex(p[i + 1]) * 16
                                + ds_list_hex(p[i + 2]));
            i += 2;
            continue;
        }

        s[(*n)++] = p[i] == '+' ? ' ' : p[i];
    }

    s[*n] = '\0';

    return s;
}


static int
ds_list_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* of an attribute or option: those that stand for a header */

static int
ds_list_header_known(char **headers, const char *name, size_t n,
    const char *value, size_t len)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *header;
    } known[] = {
        { "user-agent", "User-Agent" },
        { "referrer", "Referer" },
        { "referer", "Referer" },
        { "origin", "Origin" },
        { "cookie", "Cookie" },
        { "cookies", "Cookie" }
    };

    if (n > 5 && strncasecmp(name, "http-", 5) == 0) {
        name += 5;
        n -= 5;
    }

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (n == strlen(known[i].name)
            && strncasecmp(name, known[i].name, n) == 0)
        {
            return ds_list_header(headers, known[i].header,
                                  strlen(known[i].header), value, len);
        }
    }

    return DS_OK;
}


int
ds_list_header_attrs(char **headers, const char *p, size_t len)
{
    int          rc;
    size_t       n;
    const char  *end, *value;

    end = p + len;
    rc = DS_OK;

    while (p < end && *p != ',' && rc == DS_OK) {

        for (n = 0; p + n < end && strchr(" \t,=\"", p[n]) == NULL; n++) {
            /* void */
        }

        if (end - p < (ptrdiff_t) n + 2 || p[n] != '='
            || (p[n + 1] != '"' && p[n + 1] != '\''))
        {
            p += n == 0 ? 1 : n;
            continue;
        }

        value = p + n + 2;
        len = 0;

        while (value + len < end && value[len] != value[-1]) {
            len++;
        }

        rc = ds_list_header_known(headers, p, n, value, len);
        p = value + len + (value + len < end);
    }

    return rc;
}


int
ds_list_header_option(char **headers, const char *p, size_t len)
{
    size_t       n;
    const char  *equal;

    while (len > 0 && strchr(" \t:-", *p) != NULL && *p != '\0') {
        p++;
        len--;
    }

    equal = memchr(p, '=', len);
    if (equal == NULL) {
        return DS_OK;
    }

    n = (size_t) (equal - p);
    len -= n + 1;
    ds_list_header_trim(&p, &n);

    return ds_list_header_known(headers, p, n, equal + 1, len);
}


int
ds_list_header_line(char **headers, const char *p, size_t len)
{
    int          rc;
    bool         found;
    cJSON       *json;
    size_t       n;
    const char  *equal;

    if (len > 9 && strncasecmp(p, "#EXTHTTP:", 9) == 0) {
        json = cJSON_ParseWithLength(p + 9, len - 9);
        rc = ds_list_header_json(headers, json);
        cJSON_Delete(json);

        return rc;
    }

    if (len > 11 && strncasecmp(p, "#EXTVLCOPT:", 11) == 0) {
        return ds_list_header_option(headers, p + 11, len - 11);
    }

    equal = memchr(p, '=', len);
    if (equal == NULL) {
        return DS_OK;
    }

    n = (size_t) (equal - p);
    len -= n + 1;
    equal++;

    /* inputstream.adaptive.stream_headers, ….manifest_headers, … */

    if (n > 18 && strncasecmp(p, "#KODIPROP:", 10) == 0
        && strncasecmp(equal - 9, "_headers=", 9) == 0)
    {
        ds_list_header_trim(&equal, &len);

        return ds_list_header_args(headers, equal, len, &found);
    }

    return DS_OK;
}


int
ds_list_header_json(char **headers, const cJSON *json)
{
    int           rc;
    const cJSON  *h;

    cJSON_ArrayForEach(h, json) {

        if (!cJSON_IsString(h) || h->string == NULL) {
            continue;
        }

        rc = ds_list_header(headers, h->string, strlen(h->string),
                            h->valuestring, strlen(h->valuestring));
        if (rc != DS_OK) {
            return rc;
        }
    }

    return DS_OK;
}


int
ds_list_cookies(char **cookies, const char *text, const char *url)
{
    int                rc;
    size_t             len, n;
    ds_url_t           u;
    const char        *equal;
    ds_list_cookie_t  *c;

    *cookies = NULL;

    if (text == NULL || ds_url_parse(&u, url, NULL) != DS_OK) {
        return DS_OK;
    }

    c = calloc(1, sizeof(ds_list_cookie_t));
    if (c == NULL) {
        return DS_ENOMEM;
    }

    rc = DS_OK;

    for ( /* void */ ; *text != '\0' && rc == DS_OK; text += len) {

        text += strspn(text, "; ");
        len = strcspn(text, ";");

        equal = memchr(text, '=', len);
        n = equal == NULL ? len : (size_t) (equal - text);

        if (c->name[0] != '\0' && ds_list_cookie_attr(c, text, n, len)) {
            continue;
        }

        rc = ds_list_cookie_add(cookies, c, u.host);

        memset(c, 0, sizeof(ds_list_cookie_t));

        if (equal != NULL && ds_list_header_token(text, n)
            && ds_list_cookie_value(c->value, equal + 1, len - n - 1))
        {
            memcpy(c->name, text, n);
        }
    }

    if (rc == DS_OK) {
        rc = ds_list_cookie_add(cookies, c, u.host);
    }

    free(c);

    if (rc != DS_OK) {
        free(*cookies);
        *cookies = NULL;
    }

    return rc;
}


/* "p", of "n" bytes and with "=value" of "len", is about the cookie before */

static bool
ds_list_cookie_attr(ds_list_cookie_t *c, const char *p, size_t n, size_t len)
{
    const char  *value;

    value = p + n + (n < len);
    len -= n + (n < len);

    if (n == 6 && strncmp(p, "Domain", 6) == 0) {
        (void) ds_list_cookie_value(c->domain, value, len);

    } else if (n == 4 && strncmp(p, "Path", 4) == 0) {
        (void) ds_list_cookie_value(c->path, value, len);

    } else if (n == 7 && strncmp(p, "Expires", 7) == 0) {
        c->expires = strtoll(value, NULL, 10);

    } else if (n == 6 && strncmp(p, "Secure", 6) == 0) {
        c->secure = true;

    } else if (n != 7 || strncmp(p, "Version", 7) != 0) {
        return false;
    }

    return true;
}


/* "text", or "te\"\073xt" in quotes; false: nothing that a cookie can hold */

static bool
ds_list_cookie_value(char *dst, const char *p, size_t len)
{
    bool    quoted;
    size_t  i, n;

    quoted = (len >= 2 && p[0] == '"' && p[len - 1] == '"');

    if (quoted) {
        p++;
        len -= 2;
    }

    if (len >= DS_LIST_FIELD_LEN) {
        return false;
    }

    for (i = 0, n = 0; i < len; i++) {
        dst[n] = p[i];

        if (quoted && p[i] == '\\' && i + 1 < len) {
            dst[n] = p[++i];

            if (len - i > 2 && p[i] >= '0' && p[i] <= '3') {
                dst[n] = (char) ((p[i] - '0') * 64 + (p[i + 1] & 7) * 8
                                 + (p[i + 2] & 7));
                i += 2;
            }
        }

        n++;
    }

    dst[n] = '\0';

    return strlen(dst) == n && ds_list_header_clean(dst, n);
}


static int
ds_list_cookie_add(char **cookies, const ds_list_cookie_t *c,
    const char *host)
{
    char        *s;
    const char  *domain;

    if (c->name[0] == '\0') {
        return DS_OK;
    }

    domain = c->domain[0] == '\0' ? host : c->domain;

    if (strspn(domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789.-_:") != strlen(domain)
        || (*cookies != NULL && strlen(*cookies) > DS_LIST_COOKIES_LEN))
    {
        return DS_OK;
    }

    s = ds_sprintf("%s%s\t%s\t%s\t%s\t%lld\t%s\t%s\n",
                   *cookies == NULL ? "" : *cookies, domain,
                   domain[0] == '.' ? "TRUE" : "FALSE",
                   c->path[0] == '/' ? c->path : "/",
                   c->secure ? "TRUE" : "FALSE",
                   (long long) (c->expires > 0 ? c->expires : 0), c->name,
                   c->value);
    if (s == NULL) {
        return DS_ENOMEM;
    }

    free(*cookies);
    *cookies = s;

    return DS_OK;
}
