
/*
 * ngx_directstream_outputs.c: the outputs of a definition, which ds.h has as
 * text: what is filled in where nothing is said, what nginx-rtmp can do of
 * them, and what a reader may see.
 */

#include "ngx_directstream.h"


/* nginx-rtmp cuts the target of a redirect at 254 bytes */
#define NGX_DIRECTSTREAM_PUSH_PATH  200


static int ngx_directstream_outputs_error(ds_error_t *err, const char *fmt,
    ...);


void
ngx_directstream_outputs_name(const char *outputs, ds_outlet_t *o)
{
    size_t      pos;
    ngx_uint_t  n;
    ds_outlet_t before;

    n = 1;

    for (pos = 0; ds_outlet_next(outputs, &pos, &before); n++) {
        /* void */
    }

    if (n == 1) {
        (void) ngx_cpystrn((u_char *) o->name, (u_char *) "push",
                           sizeof(o->name));
        return;
    }

    (void) ngx_snprintf((u_char *) o->name, sizeof(o->name), "push%ui%Z", n);
}


int
ngx_directstream_outputs_finish(char *outputs, ngx_uint_t given,
    ds_error_t *err)
{
    int          rc;
    char         lines[DS_OUTLETS_LEN + 1], by[DS_OUTLET_NAME_LEN + 1];
    size_t       pos;
    ngx_uint_t   n, many;
    ds_outlet_t  o;

    pos = 0;
    many = ds_outlet_next(outputs, &pos, &o) && ds_outlet_next(outputs, &pos,
                                                               &o);
    ngx_memzero(lines, sizeof(lines));
    by[0] = '\0';

    for (pos = 0, n = 0; ds_outlet_next(outputs, &pos, &o); n++) {

        if (!(given & ((ngx_uint_t) 1 << n))) {
            o.engine = many
                       || ngx_directstream_outputs_rtmp_ok(&o, err) != DS_OK;
        }

        if (!o.engine) {

            if (by[0] != '\0') {
                return ngx_directstream_outputs_error(err,
                               "nginx-rtmp pushes to one target only, which "
                               "is \"%s\"; the engine can push to \"%s\"", by,
                               o.name);
            }

            rc = ngx_directstream_outputs_rtmp_ok(&o, err);
            if (rc != DS_OK) {
                return rc;
            }

            (void) ngx_cpystrn((u_char *) by, (u_char *) o.name, sizeof(by));
        }

        rc = ds_outlet_add(lines, &o, err);
        if (rc != DS_OK) {
            return rc;
        }
    }

    ngx_memcpy(outputs, lines, sizeof(lines));

    return DS_OK;
}


int
ngx_directstream_outputs_rtmp_ok(const ds_outlet_t *o, ds_error_t *err)
{
    int          rc;
    const char  *path;

    rc = ds_check_push(o->url, 1, err);
    if (rc != DS_OK) {
        return rc;
    }

    path = strchr(o->url + sizeof("rtmp://") - 1, '/');

    return (path == NULL || strlen(path) <= NGX_DIRECTSTREAM_PUSH_PATH)
           ? DS_OK
           : ngx_directstream_outputs_error(err, "application and key must "
                                            "have at most %d bytes, "
                                            "nginx-rtmp cuts them",
                                            NGX_DIRECTSTREAM_PUSH_PATH);
}


static int
ngx_directstream_outputs_error(ds_error_t *err, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    va_start(args, fmt);
    p = ngx_vslprintf((u_char *) err->message,
                      (u_char *) err->message + DS_MESSAGE_LEN - 1, fmt, args);
    va_end(args);

    *p = '\0';
    err->code = DS_EPLAYLIST_INVALID;

    return err->code;
}


ngx_uint_t
ngx_directstream_outputs_rtmp(const char *outputs, ds_outlet_t *o)
{
    size_t  pos;

    for (pos = 0; ds_outlet_next(outputs, &pos, o); /* void */) {
        if (!o->engine && !o->stopped) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_directstream_outputs_same_rtmp(const char *a, const char *b)
{
    ngx_uint_t   one, two;
    ds_outlet_t  o, p;

    one = ngx_directstream_outputs_rtmp(a, &o);
    two = ngx_directstream_outputs_rtmp(b, &p);

    return one == two
           && (!one || (ngx_strcmp(o.url, p.url) == 0
                        && ngx_strcmp(o.name, p.name) == 0));
}


ngx_uint_t
ngx_directstream_outputs_engine(const char *outputs)
{
    size_t       pos;
    ds_outlet_t  o;

    for (pos = 0; ds_outlet_next(outputs, &pos, &o); /* void */) {
        if (o.engine) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_directstream_outputs_first(const char *outputs, ds_outlet_t *o)
{
    size_t  pos;

    pos = 0;

    return ds_outlet_next(outputs, &pos, o);
}


const ds_push_status_t *
ngx_directstream_outputs_status(const ds_status_t *st, const char *name)
{
    ngx_uint_t  i;

    for (i = 0; i < DS_OUTLETS && st->outputs[i].name[0] != '\0'; i++) {
        if (ngx_strcmp(st->outputs[i].name, name) == 0) {
            return &st->outputs[i];
        }
    }

    return NULL;
}
