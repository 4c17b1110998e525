
/*
 * ds_list_xml.c: the few elements of XSPF and ASX that name items, tag by tag:
 * what is written into ASX is seldom XML.  There are no entities but those of
 * characters, so nothing grows and nothing is fetched.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ds_utf.h"
#include "resolve/ds_list_entry.h"
#include "resolve/ds_list_header.h"
#include "resolve/ds_list_xml.h"


/* in the text */

typedef struct {
    const char  *p;
    size_t       len;
} ds_xml_str_t;


typedef struct {
    const char    *text;            /* what follows the tag */
    ds_xml_str_t   name;            /* without its prefix */
    bool           end;
    ds_xml_str_t   attrs;
} ds_xml_tag_t;


typedef struct {
    const char    *base;
    ds_entry_pt    entry;
    void          *data;
    bool           item;            /* within one */
    bool           any;
    bool           enough;
    ds_xml_str_t   url;
    ds_xml_str_t   title;
    char          *headers;         /* of an option of VLC's, or NULL */
    double         duration;        /* s */
} ds_xml_list_t;


static bool ds_xml_next(ds_xml_tag_t *t, const char **text);
static bool ds_xml_is(const ds_xml_tag_t *t, const char *name);
static ds_xml_str_t ds_xml_text(const ds_xml_tag_t *t);
static ds_xml_str_t ds_xml_attr(const ds_xml_tag_t *t, const char *name);
static double ds_xml_time(ds_xml_str_t s);
static int ds_xml_tag(ds_xml_list_t *l, const ds_xml_tag_t *t);
static int ds_xml_option(ds_xml_list_t *l, const ds_xml_tag_t *t);
static int ds_xml_item(ds_xml_list_t *l);
static char *ds_xml_decode(ds_xml_str_t s, size_t *len);
static size_t ds_xml_entity(const char *p, size_t len, char *dst,
    size_t *taken);


int
ds_list_parse_xml(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    int            rc;
    bool           list;
    ds_xml_tag_t   t;
    ds_xml_list_t  l;

    memset(&l, 0, sizeof(l));
    l.base = base;
    l.entry = entry;
    l.data = data;

    rc = DS_OK;
    list = false;

    while (rc == DS_OK && !l.enough && ds_xml_next(&t, &text)) {

        if (!list) {
            list = ds_xml_is(&t, "playlist") || ds_xml_is(&t, "asx");

            /* a page, a feed; "?xml" and "!doctype" come before */

            if (!list && strchr("?!", t.name.len == 0 ? '!' : *t.name.p)
                         == NULL)
            {
                break;
            }

            continue;
        }

        if (ds_xml_is(&t, "/track") || ds_xml_is(&t, "/entry")
            || ds_xml_is(&t, "entryref"))
        {
            rc = ds_xml_tag(&l, &t);
            rc = rc == DS_OK ? ds_xml_item(&l) : rc;
            continue;
        }

        rc = ds_xml_tag(&l, &t);
    }

    free(l.headers);

    if (rc != DS_OK) {
        return ds_fail(err, rc, "no memory for a list");
    }

    if (!list) {
        return ds_fail(err, DS_EPLAYLIST_FORMAT, "a page or a feed, not a "
                       "list of XSPF or ASX");
    }

    return l.any ? DS_OK
                 : ds_fail(err, DS_EPLAYLIST_EMPTY, "the list names no item");
}


/* the next tag; comments and CDATA are none */

static bool
ds_xml_next(ds_xml_tag_t *t, const char **text)
{
    char         quote;
    const char  *p, *end, *colon;

    for (p = strchr(*text, '<'); p != NULL; p = strchr(p, '<')) {

        if (strncmp(p, "<!--", 4) == 0) {
            p = strstr(p, "-->");

        } else if (strncmp(p, "<![CDATA[", 9) == 0) {
            p = strstr(p, "]]>");

        } else {
            break;
        }

        if (p == NULL) {
            return false;
        }
    }

    if (p == NULL) {
        return false;
    }

    p++;
    quote = '\0';

    for (end = p; *end != '\0' && (quote != '\0' || *end != '>'); end++) {
        if (quote != '\0') {
            quote = (*end == quote) ? '\0' : quote;

        } else if (*end == '"' || *end == '\'') {
            quote = *end;
        }
    }

    if (*end == '\0') {
        return false;
    }

    t->name.p = p;
    t->name.len = strcspn(p, " \t\r\n>");

    if (t->name.len > 1 && p[t->name.len - 1] == '/') {
        t->name.len--;
    }

    t->attrs.p = p + t->name.len;
    t->attrs.len = (size_t) (end - t->attrs.p);

    t->end = (*p == '/');

    if (t->end) {
        t->name.p++;
        t->name.len -= (t->name.len != 0);
        p++;
    }

    /* a prefix of a name space */

    colon = memchr(p, ':', t->name.len);

    if (colon != NULL) {
        t->name.len -= (size_t) (colon + 1 - p);
        t->name.p = colon + 1;
    }

    t->text = end + 1;
    *text = t->text;

    return true;
}


static bool
ds_xml_is(const ds_xml_tag_t *t, const char *name)
{
    if (t->end != (*name == '/')) {
        return false;
    }

    name += t->end;

    return t->name.len == strlen(name)
           && strncasecmp(t->name.p, name, t->name.len) == 0;
}


/* 0 or DS_ENOMEM */

static int
ds_xml_tag(ds_xml_list_t *l, const ds_xml_tag_t *t)
{
    ds_xml_str_t  value;

    if (ds_xml_is(t, "track") || ds_xml_is(t, "entry")) {
        memset(&l->url, 0, sizeof(l->url));
        memset(&l->title, 0, sizeof(l->title));
        free(l->headers);
        l->headers = NULL;
        l->duration = 0;
        l->item = true;

    } else if (ds_xml_is(t, "entryref")) {
        l->url = ds_xml_attr(t, "href");
        memset(&l->title, 0, sizeof(l->title));
        l->duration = 0;
        l->item = true;

    } else if (!l->item) {
        return DS_OK;

    } else if (ds_xml_is(t, "option")) {
        return ds_xml_option(l, t);

    } else if (ds_xml_is(t, "location") && l->url.len == 0) {
        l->url = ds_xml_text(t);

    } else if (ds_xml_is(t, "ref") && l->url.len == 0) {
        l->url = ds_xml_attr(t, "href");

    } else if (ds_xml_is(t, "title")) {
        l->title = ds_xml_text(t);

    } else if (ds_xml_is(t, "duration")) {
        value = ds_xml_attr(t, "value");

        /* of XSPF in ms, of ASX hh:mm:ss */

        l->duration = value.len != 0 ? ds_xml_time(value)
                                     : strtod(t->text, NULL) / 1000;
    }

    return DS_OK;
}


static int
ds_xml_option(ds_xml_list_t *l, const ds_xml_tag_t *t)
{
    int      rc;
    char    *text;
    size_t   len;

    text = ds_xml_decode(ds_xml_text(t), &len);
    if (text == NULL) {
        return DS_ENOMEM;
    }

    rc = ds_list_header_option(&l->headers, text, len);
    free(text);

    return rc;
}


/* takes the entry that is over */

static int
ds_xml_item(ds_xml_list_t *l)
{
    char        *url, *title;
    size_t       url_len, title_len;
    ds_entry_t   e;

    if (!l->item) {
        return DS_OK;
    }

    l->item = false;

    ds_list_clear(&e);
    e.headers = l->headers;
    l->headers = NULL;
    e.duration = l->duration > 0 ? ds_list_duration(l->duration) : -1;

    url = ds_xml_decode(l->url, &url_len);
    title = ds_xml_decode(l->title, &title_len);

    if (url == NULL || title == NULL
        || (title_len != 0
            && ds_list_title(&e.title, title, title_len) != DS_OK)
        || ds_list_fill(&e, l->base, url, url_len) != DS_OK)
    {
        free(url);
        free(title);
        ds_entry_free(&e);
        return DS_ENOMEM;
    }

    free(url);
    free(title);

    l->any = true;
    l->enough = !l->entry(l->data, &e);

    return DS_OK;
}


/* up to the next tag, without the blanks around it */

static ds_xml_str_t
ds_xml_text(const ds_xml_tag_t *t)
{
    const char    *end;
    ds_xml_str_t   s;

    s.p = t->text + strspn(t->text, " \t\r\n");

    if (strncmp(s.p, "<![CDATA[", 9) == 0) {
        end = strstr(s.p, "]]>");
        s.len = (end == NULL) ? 0 : (size_t) (end - s.p);
        return s;
    }

    s.len = strcspn(s.p, "<");

    while (s.len > 0 && strchr(" \t\r\n", s.p[s.len - 1]) != NULL) {
        s.len--;
    }

    return s;
}


static ds_xml_str_t
ds_xml_attr(const ds_xml_tag_t *t, const char *name)
{
    size_t         n;
    const char    *p, *end, *value;
    ds_xml_str_t   s;

    end = t->attrs.p + t->attrs.len;

    for (p = t->attrs.p; p < end; p = value) {

        p += strspn(p, " \t\r\n/");
        n = strcspn(p, "= \t\r\n/>");

        value = p + n;
        value += strspn(value, " \t\r\n");

        if (*value != '=') {
            value += (value == p);
            continue;
        }

        value++;
        value += strspn(value, " \t\r\n");

        if (*value == '"' || *value == '\'') {
            s.p = value + 1;
            s.len = strcspn(s.p, *value == '"' ? "\"" : "'");
            value = s.p + s.len + 1;

        } else {
            s.p = value;
            s.len = strcspn(s.p, " \t\r\n>");
            value = s.p + s.len;
        }

        if (value <= end + 1 && n == strlen(name)
            && strncasecmp(p, name, n) == 0)
        {
            return s;
        }
    }

    s.p = "";
    s.len = 0;

    return s;
}


/* "hh:mm:ss.fract" in seconds */

static double
ds_xml_time(ds_xml_str_t s)
{
    char         *end;
    double        time;
    const char   *p;

    time = 0;

    for (p = s.p; p < s.p + s.len; p = end + 1) {
        time = time * 60 + strtod(p, &end);

        if (end == p || *end != ':') {
            break;
        }
    }

    return time;
}


/* malloc()ed and NUL-terminated, its references to characters resolved */

static char *
ds_xml_decode(ds_xml_str_t s, size_t *len)
{
    char    *d;
    size_t   i, n, taken;

    if (s.len >= 9 && strncmp(s.p, "<![CDATA[", 9) == 0) {
        *len = s.len - 9;
        d = malloc(*len + 1);

        if (d != NULL) {
            memcpy(d, s.p + 9, *len);
            d[*len] = '\0';
        }

        return d;
    }

    d = malloc(s.len + 1);
    if (d == NULL) {
        return NULL;
    }

    for (i = 0, n = 0; i < s.len; i += taken) {
        taken = 1;

        if (s.p[i] == '&') {
            n += ds_xml_entity(s.p + i, s.len - i, d + n, &taken);

        } else {
            d[n++] = s.p[i];
        }
    }

    d[n] = '\0';
    *len = n;

    return d;
}


/* writes no more than is taken */

static size_t
ds_xml_entity(const char *p, size_t len, char *dst, size_t *taken)
{
    char           *end;
    size_t          i, n;
    unsigned long   c;

    static const struct {
        const char  *name;
        char         c;
    } named[] = {
        { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' }, { "&quot;", '"' },
        { "&apos;", '\'' }
    };

    for (i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
        n = strlen(named[i].name);

        if (n <= len && strncmp(p, named[i].name, n) == 0) {
            *taken = n;
            *dst = named[i].c;
            return 1;
        }
    }

    if (len > 3 && p[1] == '#') {
        c = (p[2] | 0x20) == 'x' ? strtoul(p + 3, &end, 16)
                                 : strtoul(p + 2, &end, 10);

        if (*end == ';' && end < p + len && c >= ' ' && c < 0x110000) {
            *taken = (size_t) (end + 1 - p);

            return (size_t) (ds_utf8_put(dst, (uint32_t) c) - dst);
        }
    }

    *dst = '&';

    return 1;
}
