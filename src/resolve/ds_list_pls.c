
/*
 * ds_list_pls.c: "FileN=", "TitleN=" and "LengthN=", in any order of lines;
 * the numbers are the order of the items.  "RefN=" is what old servers of ASF
 * write.
 */

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "resolve/ds_list_entry.h"
#include "resolve/ds_list_pls.h"


/* a larger number is no item's */
#define DS_LIST_PLS_ITEMS  100000


typedef struct {
    const char  *file;                  /* in the text, NULL: none */
    const char  *title;
    size_t       file_len;
    size_t       title_len;
    double       length;                /* s */
} ds_list_pls_t;


static int ds_list_pls_line(ds_list_pls_t **items, size_t *n, const char *p,
    size_t len);
static int ds_list_pls_item(const ds_list_pls_t *item, const char *base,
    ds_entry_t *e);


bool
ds_list_is_pls(const char *text)
{
    text += strspn(text, " \t\r\n");

    while (*text == ';') {
        text += strcspn(text, "\r\n");
        text += strspn(text, " \t\r\n");
    }

    return strncasecmp(text, "[playlist]", 10) == 0
           || strncasecmp(text, "[reference]", 11) == 0;
}


int
ds_list_parse_pls(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err)
{
    int             rc;
    bool            any;
    size_t          i, n, len;
    ds_entry_t      e;
    ds_list_pls_t  *items;

    items = NULL;
    n = 0;
    any = false;
    rc = DS_OK;

    for ( /* void */ ; *text != '\0' && rc == DS_OK; text += len) {
        text += strspn(text, " \t\r\n");
        len = strcspn(text, "\r\n");
        rc = ds_list_pls_line(&items, &n, text, len);
    }

    for (i = 0; i < n && rc == DS_OK; i++) {

        if (items[i].file == NULL) {
            continue;
        }

        rc = ds_list_pls_item(&items[i], base, &e);

        if (rc == DS_OK) {
            any = true;

            if (!entry(data, &e)) {
                break;
            }
        }
    }

    free(items);

    if (rc != DS_OK) {
        return ds_fail(err, rc, "no memory for a list");
    }

    return any ? DS_OK
               : ds_fail(err, DS_EPLAYLIST_EMPTY, "the list names no item");
}


static int
ds_list_pls_line(ds_list_pls_t **items, size_t *n, const char *p, size_t len)
{
    char            *end;
    size_t           key, size;
    unsigned long    number;
    const char      *value;
    ds_list_pls_t   *grown, *item;

    key = strncasecmp(p, "File", 4) == 0 ? 4
          : strncasecmp(p, "Ref", 3) == 0 ? 3
          : strncasecmp(p, "Title", 5) == 0 ? 5
          : strncasecmp(p, "Length", 6) == 0 ? 6 : 0;

    if (key == 0 || key >= len || p[key] < '0' || p[key] > '9') {
        return DS_OK;
    }

    number = strtoul(p + key, &end, 10);
    end += strspn(end, " \t");

    if (*end != '=' || number >= DS_LIST_PLS_ITEMS) {
        return DS_OK;
    }

    value = end + 1;
    value += strspn(value, " \t");
    len = (value > p + len) ? 0 : (size_t) (p + len - value);

    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t')) {
        len--;
    }

    if (number >= *n) {
        size = (number < 32) ? 64 : number * 2;

        grown = realloc(*items, size * sizeof(ds_list_pls_t));
        if (grown == NULL) {
            return DS_ENOMEM;
        }

        memset(grown + *n, 0, (size - *n) * sizeof(ds_list_pls_t));

        *items = grown;
        *n = size;
    }

    item = &(*items)[number];

    if (key < 5) {
        item->file = value;
        item->file_len = len;

    } else if (key == 5) {
        item->title = value;
        item->title_len = len;

    } else {
        item->length = strtod(value, NULL);
    }

    return DS_OK;
}


static int
ds_list_pls_item(const ds_list_pls_t *item, const char *base, ds_entry_t *e)
{
    ds_list_clear(e);

    if (item->length > 0) {
        e->duration = ds_list_duration(item->length);
    }

    if ((item->title_len != 0
         && ds_list_title(&e->title, item->title, item->title_len) != DS_OK)
        || ds_list_fill(e, base, item->file, item->file_len) != DS_OK)
    {
        ds_entry_free(e);
        return DS_ENOMEM;
    }

    return DS_OK;
}
