
/*
 * ds_outlet.c: the outputs of a stream as one text, three words for each, with
 * a blank behind each: some letters, its name, its URL.  That is how a
 * definition has them, the zone and the store, whose steps read it too
 * (ds_store_schema.c).
 */

#include <stdio.h>
#include <string.h>

#include "base/ds_core.h"


/* the letters: role, who pushes, whether it is stopped */
#define DS_OUTLET_HEAD  4


bool
ds_outlet_next(const char *outputs, size_t *pos, ds_outlet_t *o)
{
    size_t       name, url;
    const char  *p;

    p = outputs + *pos;

    if (strnlen(p, DS_OUTLET_HEAD) < DS_OUTLET_HEAD) {
        return false;
    }

    name = strcspn(p + DS_OUTLET_HEAD, " ");
    url = p[DS_OUTLET_HEAD + name] == '\0'
          ? 0 : strcspn(p + DS_OUTLET_HEAD + name + 1, " ");

    if (name > DS_OUTLET_NAME_LEN || url == 0 || url > DS_URL_LEN) {
        return false;
    }

    o->backup = p[0] == 'b';
    o->engine = p[1] == 'e';
    o->stopped = p[2] == 's';
    p += DS_OUTLET_HEAD;

    (void) snprintf(o->name, sizeof(o->name), "%.*s", (int) name, p);
    (void) snprintf(o->url, sizeof(o->url), "%.*s", (int) url, p + name + 1);

    p += name + 1 + url;
    *pos = p - outputs + (*p == ' ');

    return true;
}


int
ds_outlet_add(char *outputs, const ds_outlet_t *o, ds_error_t *err)
{
    size_t       n, len, room, pos;
    ds_outlet_t  before;

    n = 0;

    for (pos = 0; ds_outlet_next(outputs, &pos, &before); n++) {
        /* void */
    }

    if (n >= DS_OUTLETS) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "a stream has at most %d "
                       "outputs", DS_OUTLETS);
    }

    if (ds_outlet_find(outputs, o->name, &before)) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "two outputs have the name "
                       "\"%s\"", o->name);
    }

    len = strlen(outputs);
    room = DS_OUTLETS_LEN + 1 - len;

    n = snprintf(outputs + len, room, "%c%c%c %s %s ", o->backup ? 'b' : 'p',
                 o->engine ? 'e' : 'r', o->stopped ? 's' : '-', o->name,
                 o->url);

    if (n >= room) {
        memset(outputs + len, 0, room);
        return ds_fail(err, DS_EPLAYLIST_INVALID, "the URLs of all outputs of "
                       "a stream may have %d bytes together, with their names",
                       DS_OUTLETS_LEN);
    }

    return DS_OK;
}


bool
ds_outlet_find(const char *outputs, const char *name, ds_outlet_t *o)
{
    size_t  pos;

    for (pos = 0; ds_outlet_next(outputs, &pos, o); /* void */) {
        if (strcmp(o->name, name) == 0) {
            return true;
        }
    }

    return false;
}


bool
ds_outlet_stop(char *outputs, const char *name, bool stop)
{
    size_t       pos, at;
    ds_outlet_t  o;

    at = 0;

    for (pos = 0; ds_outlet_next(outputs, &pos, &o); at = pos) {
        if (strcmp(o.name, name) == 0) {
            outputs[at + 2] = stop ? 's' : '-';
            return true;
        }
    }

    return false;
}


void
ds_outlet_keep(char *outputs, const char *before)
{
    size_t       pos;
    ds_outlet_t  o;

    for (pos = 0; ds_outlet_next(before, &pos, &o); /* void */) {
        (void) ds_outlet_stop(outputs, o.name, o.stopped);
    }
}


int
ds_check_outlet(const char *name, ds_error_t *err)
{
    if (strlen(name) <= DS_OUTLET_NAME_LEN
        && ds_check_name(name, NULL) == DS_OK)
    {
        return DS_OK;
    }

    return ds_fail(err, DS_EPLAYLIST_INVALID,
                   "an output's name is 1 to %d of the characters A-Z, a-z, "
                   "0-9, \".\", \"_\", \"-\", and neither \".\" nor \"..\"",
                   DS_OUTLET_NAME_LEN);
}
