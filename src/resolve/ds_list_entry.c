
/*
 * ds_list_entry.c: an entry from what a list says of it.  People write names
 * of files into lists as often as URLs, and each program escapes what it
 * thinks of.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_url.h"
#include "base/ds_utf.h"
#include "resolve/ds_list_entry.h"
#include "resolve/ds_list_header.h"


#define DS_LIST_URL_LEN  8192           /* longest URL of an item or of media */


static int ds_list_named(ds_entry_t *e, const char *ref, size_t len);
static int ds_list_piped(char **headers, const char *base, const char *ref,
    size_t *len);
static int ds_list_join(char **dst, const char *base, const char *ref,
    size_t len);
static size_t ds_list_name(const char *ref, size_t len, bool file);
static bool ds_list_in_name(const char *ref, size_t i, size_t len);
static char *ds_list_escape(char *d, unsigned char c);
static bool ds_list_escaped(const char *p, size_t len);
static bool ds_list_all_escaped(const char *p, size_t len);


void
ds_list_clear(ds_entry_t *e)
{
    memset(e, 0, sizeof(ds_entry_t));
    e->duration = -1;
}


int
ds_list_fill(ds_entry_t *e, const char *base, const char *ref, size_t len)
{
    ds_url_t   u;
    ds_ref_e   kind;

    if (ds_list_piped(&e->headers, base, ref, &len) != DS_OK
        || ds_list_join(&e->url, base, ref, len) != DS_OK)
    {
        return DS_ENOMEM;
    }

    if (len == 0 || e->url == NULL
        || !ds_list_url_ok(e->url, strncasecmp(base, "file:", 5) == 0)
        || ds_url_parse(&u, e->url, NULL) != DS_OK)
    {
        ds_list_mark(e, DS_ESOURCE_DENIED,
                     "not a valid http or https URL");
        free(e->url);
        e->url = NULL;
        return DS_OK;
    }

    /* a list names files; what is none is found out when it is opened */

    kind = ds_url_kind(e->url);

    e->plain = !ds_url_is_youtube(&u);
    e->page = e->plain && kind == DS_REF_RESOLVER
              && strncasecmp(e->url, "file:", 5) != 0;

    return e->title != NULL || !e->plain ? DS_OK : ds_list_named(e, ref, len);
}


/* a title made of the name */

static int
ds_list_named(ds_entry_t *e, const char *ref, size_t len)
{
    int          rc;
    char        *name;
    size_t       n, i, out;
    const char  *p;

    n = ds_list_has_scheme(ref, len)
        ? strcspn(ref, "?#") : ds_list_name(ref, len, false);
    n = (n > len) ? len : n;

    for (p = ref + n; p > ref && strchr("/\\", p[-1]) == NULL; p--) {
        /* void */
    }

    n = (size_t) (ref + n - p);

    name = malloc(n + 1);
    if (name == NULL) {
        return DS_ENOMEM;
    }

    for (i = 0, out = 0; i < n; i++) {
        if (ds_list_escaped(p + i, n - i)) {
            char  hex[3] = { p[i + 1], p[i + 2], '\0' };

            name[out] = (char) strtol(hex, NULL, 16);
            i += 2;
            out += (name[out] != '\0');
            continue;
        }

        name[out++] = p[i];
    }

    rc = (out == 0) ? DS_OK : ds_list_title(&e->title, name, out);
    free(name);

    return rc;
}


/* "URL|Name=value&Name=value": *len becomes that of the URL */

static int
ds_list_piped(char **headers, const char *base, const char *ref, size_t *len)
{
    int          rc;
    bool         found;
    size_t       n, bar;
    const char  *p;

    p = memchr(ref, '|', *len);
    bar = 1;

    /* some escape it */

    if (p == NULL && ds_list_has_scheme(ref, *len)) {
        p = memmem(ref, *len, "%7C", 3);
        bar = 3;
    }

    /* a file's name may have one */

    if (p == NULL || (strncasecmp(base, "file:", 5) == 0
                      && !ds_list_has_scheme(ref, *len)))
    {
        return DS_OK;
    }

    n = (size_t) (p - ref);

    rc = ds_list_header_args(headers, p + bar, *len - n - bar, &found);

    if (found) {
        while (n > 0 && (ref[n - 1] == ' ' || ref[n - 1] == '\t')) {
            n--;
        }

        *len = n;
    }

    return rc;
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
    bool            absolute, file, whole;
    char           *d, *text;
    size_t          i, end, host;
    unsigned char   c;

    *dst = NULL;

    text = malloc(3 * len + sizeof("./"));
    if (text == NULL) {
        return DS_ENOMEM;
    }

    d = text;
    absolute = ds_list_has_scheme(ref, len);
    file = !absolute && strncasecmp(base, "file:", 5) == 0;
    end = absolute ? 0 : ds_list_name(ref, len, file);
    whole = !file || ds_list_all_escaped(ref, len);

    /* a file's name may have a ":", without being a URL of its own */

    if (!absolute && len != 0 && ref[0] != '/' && ref[0] != '?') {
        *d++ = '.';
        *d++ = '/';
    }

    /* a host may have a name of any letters */

    host = 0;

    if (absolute) {
        host = strcspn(ref, ":") + 3;
        host += strcspn(ref + host, "/?#");
    }

    for (i = 0; i < len; i++) {
        c = (unsigned char) ref[i];

        /* some versions of libcurl would escape them */

        if (c < ' ' || c == 0x7f) {
            free(text);
            return DS_OK;
        }

        if (i < end) {
            if (c == '\\') {
                *d++ = '/';

            } else if (strchr("?#", c) != NULL
                       || (c == '%' && !(whole && ds_list_escaped(ref + i,
                                                                  len - i))))
            {
                d = ds_list_escape(d, c);

            } else if (c == ' ' || c >= 0x80 || strchr("\"<>", c) != NULL) {
                d = ds_list_escape(d, c);

            } else {
                *d++ = (char) c;
            }

            continue;
        }

        if (c == '#') {
            break;
        }

        if (c == ' ' || (c >= 0x80 && i >= host)
            || strchr("\"<>\\", c) != NULL)
        {
            d = ds_list_escape(d, c);
            continue;
        }

        *d++ = (char) c;
    }

    *d = '\0';

    rc = absolute ? ds_url_ascii(dst, text) : ds_url_join(dst, base, text);
    free(text);

    return rc;
}


/* how much of a relative reference is a name, the rest is a query */

static size_t
ds_list_name(const char *ref, size_t len, bool file)
{
    size_t  i;

    if (file) {
        return len;
    }

    for (i = 0; i < len; i++) {
        if ((ref[i] == '?' || ref[i] == '#') && !ds_list_in_name(ref, i, len))
        {
            break;
        }
    }

    return i;
}


/* "Who?.mp4", "Show #3.mp4", but not "a.mp4?x", "play?file=a.mp4" */

static bool
ds_list_in_name(const char *ref, size_t i, size_t len)
{
    return memchr(ref + i, '=', len - i) == NULL
           && ds_url_is_media_name(ref, len) && !ds_url_is_media_name(ref, i);
}


static char *
ds_list_escape(char *d, unsigned char c)
{
    static const char  hex[] = "0123456789ABCDEF";

    *d++ = '%';
    *d++ = hex[c >> 4];
    *d++ = hex[c & 15];

    return d;
}


static bool
ds_list_escaped(const char *p, size_t len)
{
    static const char  hex[] = "0123456789abcdefABCDEF";

    return len > 2 && p[0] == '%' && p[1] != '\0' && strchr(hex, p[1]) != NULL
           && p[2] != '\0' && strchr(hex, p[2]) != NULL;
}


/* a list that escapes names escapes each "%" */

static bool
ds_list_all_escaped(const char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] == '%' && !ds_list_escaped(p + i, len - i)) {
            return false;
        }
    }

    return true;
}


bool
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


int64_t
ds_list_duration(double seconds)
{
    return (seconds >= 0 && seconds < 1e9) ? llround(seconds * 1000) : -1;
}


int
ds_list_title(char **title, const char *p, size_t len)
{
    int             rc;
    bool            utf8;
    char           *text, *d;
    size_t          i, n;

    text = malloc(2 * len + 1);
    if (text == NULL) {
        return DS_ENOMEM;
    }

    for (i = 0, utf8 = true; i < len && utf8; i += n) {
        n = ds_utf8_len((const uint8_t *) p + i, len - i);
        utf8 = (n != 0);
    }

    for (i = 0, d = text; i < len; i++) {
        if (utf8 || (unsigned char) p[i] < 0x80) {
            *d++ = p[i];

        } else {
            /* of Latin-1 */
            d = ds_utf8_put(d, (unsigned char) p[i]);
        }
    }

    *d = '\0';

    free(*title);
    *title = NULL;

    rc = ds_list_copy(title, text, DS_TITLE_LEN);
    free(text);

    return rc;
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
