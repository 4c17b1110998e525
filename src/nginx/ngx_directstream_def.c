
/*
 * ngx_directstream_def.c: reads the API's bodies: a stream's definition, a
 * change of one, a lookup, a flag, what is queued.  Bodies come from
 * anybody who may write to the location, so every field is checked for its
 * type and its value, and an unknown one is refused.
 */

#include "ngx_directstream_http.h"

#include <math.h>

#include <cjson/cJSON.h>


#define NGX_DIRECTSTREAM_FROM_MAX  604800000    /* ms */


typedef struct ngx_directstream_parse_s  ngx_directstream_parse_t;

struct ngx_directstream_parse_s {
    ngx_int_t                 (*field)(ngx_directstream_parse_t *p,
                                       const cJSON *v);
    ngx_directstream_conf_t    *dcf;
    ds_def_t                   *def;
    ngx_uint_t                  set;
    ngx_uint_t                  start;
    const char                 *flag;       /* the name of the only one */
    ngx_uint_t                  limit;
    ngx_uint_t                  patch;
    const cJSON                *shown;      /* what is patched, as GET shows
                                               it */
    ngx_uint_t                  named;
    ngx_uint_t                  outputs;    /* given */
    ngx_uint_t                  via;        /* who pushes: a bit for each of
                                               those where it was given */
    ngx_uint_t                  push;       /* the first of them, given */
    ngx_uint_t                  push_via;   /* the same */
    ds_outlet_t                 first;
    ds_queued_t                *queued;
    const char                 *which;      /* the field that names it */
    char                       *before;
    ngx_uint_t                  again;      /* more than one does */
    ngx_uint_t                  play;       /* go to, not queue */
    ds_schedule_t              *schedule;
    ngx_directstream_mistake_t *mistake;
};


static ngx_int_t ngx_directstream_parse(ngx_directstream_parse_t *p,
    ngx_str_t *body);
static ngx_int_t ngx_directstream_parse_bytes(ngx_str_t *body);
static ngx_int_t ngx_directstream_mistake(ngx_directstream_mistake_t *m,
    const char *code, const char *field, const char *fmt, ...);
static ngx_int_t ngx_directstream_parse_def(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_uint_t ngx_directstream_parse_same(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v);
static ngx_int_t ngx_directstream_parse_missing(ngx_directstream_parse_t *p);
static ngx_int_t ngx_directstream_parse_outputs(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_output(ngx_directstream_parse_t *p,
    const cJSON *v, const char *before, ds_outlet_t *o, ngx_uint_t n);
static ngx_int_t ngx_directstream_parse_either(ngx_directstream_parse_t *p,
    const cJSON *v, const char *no, const char *yes, bool *dst);
static ngx_int_t ngx_directstream_parse_target(ngx_directstream_parse_t *p,
    const cJSON *v, const char *before, ds_outlet_t *o);
static ngx_int_t ngx_directstream_parse_first(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_push(ngx_directstream_parse_t *p);
static ngx_int_t ngx_directstream_parse_pushes(ngx_directstream_parse_t *p);
static ngx_int_t ngx_directstream_parse_publish(ngx_directstream_parse_t *p);
static ngx_int_t ngx_directstream_parse_flag(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_lookup(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_check(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_count(ngx_directstream_parse_t *p,
    const cJSON *v, ngx_uint_t max);
static ngx_int_t ngx_directstream_parse_queue(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_url(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_at(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_seconds(ngx_directstream_parse_t *p,
    const cJSON *v, int64_t *ms);
static ngx_int_t ngx_directstream_parse_slots_known(
    ngx_directstream_parse_t *p, const char *known);
static ngx_int_t ngx_directstream_parse_schedule(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_slot_text(const cJSON *v, char *text);
static ngx_int_t ngx_directstream_parse_slot(ngx_directstream_parse_t *p,
    const cJSON *slot);
static ngx_int_t ngx_directstream_parse_slot_bad(ngx_directstream_parse_t *p,
    uint32_t n, const char *field, const char *why);
static ngx_int_t ngx_directstream_parse_before(ngx_directstream_parse_t *p,
    const cJSON *v);
static ngx_int_t ngx_directstream_parse_field(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v);
static ngx_int_t ngx_directstream_parse_null(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v);
static ngx_int_t ngx_directstream_parse_text(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v);
static ngx_uint_t ngx_directstream_parse_masked(const char *text);
static ngx_int_t ngx_directstream_parse_string(ngx_directstream_parse_t *p,
    const cJSON *v, char *dst, size_t size);
static ngx_int_t ngx_directstream_parse_bool(ngx_directstream_parse_t *p,
    const cJSON *v, ngx_uint_t *dst);
static ngx_int_t ngx_directstream_parse_value(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v);


#define ngx_directstream_invalid(p, v, ...)                                  \
    ngx_directstream_mistake((p)->mistake, "invalid_field", (v)->string,     \
                             __VA_ARGS__)

#define ngx_directstream_unknown(p, v, known)                                \
    ngx_directstream_mistake((p)->mistake, "unknown_field", (v)->string,     \
                             "the field is not known; known " known)

#define ngx_directstream_required(p, field)                                  \
    ngx_directstream_mistake((p)->mistake, "missing_field", field,           \
                             "the field \"%s\" is required", field)


ngx_int_t
ngx_directstream_def_parse(ngx_directstream_conf_t *dcf, ngx_str_t *body,
    const ngx_str_t *shown, ds_def_t *def, ngx_uint_t *set,
    ngx_uint_t *start, ngx_directstream_mistake_t *m)
{
    cJSON                     *now;
    ngx_int_t                  rc;
    ds_error_t                 err;
    ngx_directstream_parse_t   p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    p.field = ngx_directstream_parse_def;
    p.dcf = dcf;
    p.def = def;
    p.start = 1;
    p.patch = (shown != NULL);
    p.mistake = m;

    now = NULL;

    if (p.patch) {
        now = cJSON_ParseWithLength((char *) shown->data, shown->len);
        if (now == NULL) {
            return ngx_directstream_mistake(m, "no_memory", "", "no memory");
        }

    } else {
        *def = dcf->base.def;
    }

    p.shown = now;
    rc = ngx_directstream_parse(&p, body);

    cJSON_Delete(now);

    if (rc == NGX_OK && !p.patch) {
        rc = ngx_directstream_parse_missing(&p);
    }

    if (rc == NGX_OK && (p.push || p.push_via)) {
        rc = ngx_directstream_parse_push(&p);
    }

    if (rc == NGX_OK && (p.set & NGX_DIRECTSTREAM_SET_OUTPUTS)) {
        rc = ngx_directstream_parse_pushes(&p);
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_parse_publish(&p);
    }

    if (rc == NGX_OK && (p.set & NGX_DIRECTSTREAM_SET_YOUTUBE)
        && ngx_directstream_check_youtube(dcf, def, &err) != DS_OK)
    {
        rc = ngx_directstream_mistake(m, "invalid_field", "youtube", "%s",
                                      err.message);
    }

    *set = p.set;
    *start = p.start;

    return rc;
}


static ngx_int_t
ngx_directstream_parse_def(ngx_directstream_parse_t *p, const cJSON *v)
{
    const ngx_directstream_field_t  *f;

    f = ngx_directstream_field_find(v->string);

    if (p->patch && ngx_directstream_parse_same(p, f, v)) {
        return NGX_OK;
    }

    if (f != NULL && f->kind != NGX_DIRECTSTREAM_SCHEDULE) {
        return ngx_directstream_parse_field(p, f, v);
    }

    if (p->patch && (ngx_strcmp(v->string, "running") == 0
                     || ngx_strcmp(v->string, "static") == 0
                     || ngx_strcmp(v->string, "status") == 0))
    {
        return ngx_directstream_invalid(p, v, "it is shown, and not set by a "
                               "PATCH; POST to \"start\" or \"stop\" of the "
                               "stream changes whether it runs");
    }

    if (ngx_strcmp(v->string, "push") == 0
        || ngx_strcmp(v->string, "push_via") == 0)
    {
        return ngx_directstream_parse_first(p, v);
    }

    if (ngx_strcmp(v->string, "start") != 0) {
        return ngx_directstream_mistake(p->mistake, "unknown_field",
                               v->string, "the field is not known; known are "
                               "those of NewStream in openapi.json");
    }

    if (p->patch) {
        return ngx_directstream_invalid(p, v, "it is for the creation; use "
                               "POST to \"start\" or \"stop\" of the stream");
    }

    return ngx_directstream_parse_bool(p, v, &p->start);
}


/*
 * What was read can be sent back with a change in it.  Of what is not set, or
 * said twice in an answer, that which is as it was shown is no wish; a status
 * is another one by the time it comes back.
 */

static ngx_uint_t
ngx_directstream_parse_same(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v)
{
    if (f != NULL && f->kind != NGX_DIRECTSTREAM_SLATE
        && f->kind != NGX_DIRECTSTREAM_OUTPUTS)
    {
        return 0;
    }

    return (ngx_strcmp(v->string, "status") == 0 && cJSON_IsObject(v))
           || cJSON_Compare(v, cJSON_GetObjectItemCaseSensitive(p->shown,
                                                                v->string),
                            1);
}


static ngx_int_t
ngx_directstream_parse_missing(ngx_directstream_parse_t *p)
{
    if (!p->named) {
        return ngx_directstream_required(p, "name");
    }

    if (!(p->set & NGX_DIRECTSTREAM_SET_PLAYLIST)) {
        return ngx_directstream_required(p, "playlist");
    }

    if (p->def->publish[0] == '\0') {
        return ngx_directstream_required(p, "publish");
    }

    return NGX_OK;
}


/* all of them, in the place of those there were */

static ngx_int_t
ngx_directstream_parse_outputs(ngx_directstream_parse_t *p, const cJSON *v)
{
    char         before[DS_OUTLETS_LEN + 1], *lines;
    ngx_uint_t   n;
    ds_error_t   err;
    ds_outlet_t  o;
    const cJSON *each;

    if (!cJSON_IsArray(v)) {
        return ngx_directstream_invalid(p, v, "it must be an array of objects "
                                        "or null");
    }

    lines = p->def->outputs;
    ngx_memcpy(before, lines, sizeof(before));
    ngx_memzero(lines, sizeof(before));

    p->outputs = 1;
    n = 0;

    cJSON_ArrayForEach(each, v) {

        if (n == DS_OUTLETS) {
            return ngx_directstream_invalid(p, v, "a stream has at most %d "
                                            "outputs", DS_OUTLETS);
        }

        ngx_memzero(&o, sizeof(ds_outlet_t));

        if (ngx_directstream_parse_output(p, each, before, &o, n) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ds_outlet_add(lines, &o, &err) != DS_OK) {
            return ngx_directstream_invalid(p, v, "%s", err.message);
        }

        n++;
    }

    return NGX_OK;
}


/* the n-th; what is kept of one of that name in "before" is said below */

static ngx_int_t
ngx_directstream_parse_output(ngx_directstream_parse_t *p, const cJSON *v,
    const char *before, ds_outlet_t *o, ngx_uint_t n)
{
    ngx_int_t     rc;
    ngx_uint_t    stopped;
    ds_error_t    err;
    ds_outlet_t   was;
    const cJSON  *url, *f;

    if (!cJSON_IsObject(v)) {
        return ngx_directstream_mistake(p->mistake, "invalid_field",
                                        "outputs", "each must be an object");
    }

    /* whether it is stopped stays as it is unless it is said */

    url = NULL;
    stopped = 2;
    rc = NGX_OK;

    cJSON_ArrayForEach(f, v) {

        if (ngx_strcmp(f->string, "url") == 0) {
            url = f;

        } else if (ngx_strcmp(f->string, "name") == 0) {
            rc = ngx_directstream_parse_string(p, f, o->name, sizeof(o->name));

            if (rc == NGX_OK && ds_check_outlet(o->name, &err) != DS_OK) {
                rc = ngx_directstream_invalid(p, f, "%s", err.message);
            }

        } else if (ngx_strcmp(f->string, "role") == 0) {
            rc = ngx_directstream_parse_either(p, f, "primary", "backup",
                                               &o->backup);

        } else if (ngx_strcmp(f->string, "via") == 0) {
            rc = ngx_directstream_parse_either(p, f, "rtmp", "engine",
                                               &o->engine);
            p->via |= (ngx_uint_t) 1 << n;

        } else if (ngx_strcmp(f->string, "stopped") == 0) {
            rc = ngx_directstream_parse_bool(p, f, &stopped);

        } else if (ngx_strcmp(f->string, "key_file") == 0) {
            rc = ngx_directstream_invalid(p, f, "it is for the \"push\" "
                                          "directive");

        } else {
            rc = ngx_directstream_unknown(p, f, "are name, url, role, via and "
                                          "stopped");
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (url == NULL) {
        return ngx_directstream_required(p, "url");
    }

    if (o->name[0] == '\0') {
        ngx_directstream_outputs_name(p->def->outputs, o);
    }

    o->stopped = (stopped == 1
                  || (stopped == 2 && ds_outlet_find(before, o->name, &was)
                      && was.stopped));

    return ngx_directstream_parse_target(p, url, before, o);
}


/* one of two words */

static ngx_int_t
ngx_directstream_parse_either(ngx_directstream_parse_t *p, const cJSON *v,
    const char *no, const char *yes, bool *dst)
{
    *dst = (cJSON_IsString(v) && ngx_strcmp(v->valuestring, yes) == 0);

    return (*dst || (cJSON_IsString(v)
                     && ngx_strcmp(v->valuestring, no) == 0))
           ? NGX_OK
           : ngx_directstream_invalid(p, v, "it must be \"%s\" or \"%s\"",
                                      no, yes);
}


/* a secret that was not shown may come back as it was shown, by its name */

static ngx_int_t
ngx_directstream_parse_target(ngx_directstream_parse_t *p, const cJSON *v,
    const char *before, ds_outlet_t *o)
{
    char         shown[DS_URL_LEN + 1];
    ds_error_t   err;
    ds_outlet_t  was;

    if (ngx_directstream_parse_string(p, v, o->url, sizeof(o->url)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_directstream_parse_masked(o->url)) {

        if (ds_outlet_find(before, o->name, &was)) {
            ds_redact_url(shown, sizeof(shown), was.url);

            if (ngx_strcmp(o->url, shown) == 0) {
                ngx_memcpy(o->url, was.url, sizeof(o->url));
                return NGX_OK;
            }
        }

        return ngx_directstream_invalid(p, v, "\"***\" stands for a secret "
                                        "that is not shown, give it whole");
    }

    return (ds_check_push(o->url, 0, &err) == DS_OK)
           ? NGX_OK : ngx_directstream_invalid(p, v, "%s", err.message);
}


/* "push" and "push_via": of the first output */

static ngx_int_t
ngx_directstream_parse_first(ngx_directstream_parse_t *p, const cJSON *v)
{
    ds_outlet_t  was;

    p->set |= NGX_DIRECTSTREAM_SET_OUTPUTS;

    if (ngx_strcmp(v->string, "push_via") == 0) {
        p->push_via = 1;

        if (cJSON_IsNull(v) && p->patch) {
            return NGX_OK;
        }

        p->via |= 1;

        return ngx_directstream_parse_either(p, v, "rtmp", "engine",
                                             &p->first.engine);
    }

    p->push = 1;

    if (cJSON_IsNull(v)) {
        return NGX_OK;
    }

    if (ngx_directstream_outputs_first(p->def->outputs, &was)) {
        ngx_memcpy(p->first.name, was.name, sizeof(was.name));

    } else {
        ngx_directstream_outputs_name("", &p->first);
    }

    return ngx_directstream_parse_target(p, v, p->def->outputs, &p->first);
}


/* puts it in its place, with the others behind it */

static ngx_int_t
ngx_directstream_parse_push(ngx_directstream_parse_t *p)
{
    char         before[DS_OUTLETS_LEN + 1], *lines;
    size_t       pos;
    ngx_uint_t   n, had;
    ds_error_t   err;
    ds_outlet_t  o, first;

    if (p->outputs) {
        return ngx_directstream_mistake(p->mistake, "invalid_field",
                                        p->push ? "push" : "push_via",
                                        "it is the first one of \"outputs\", "
                                        "give one of them");
    }

    lines = p->def->outputs;
    ngx_memcpy(before, lines, sizeof(before));
    ngx_memzero(lines, sizeof(before));

    pos = 0;
    had = ds_outlet_next(before, &pos, &first);

    if (p->push && p->first.url[0] == '\0') {
        had = 0;

    } else if (p->push) {

        if (!had) {
            ngx_memzero(&first, sizeof(ds_outlet_t));
            ngx_memcpy(first.name, p->first.name, sizeof(first.name));
        }

        /* that it was chosen, and need not have been, is remembered */

        if (had && first.engine && ds_check_push(first.url, 1, NULL) == DS_OK
            && !p->push_via)
        {
            p->via |= 1;
            p->first.engine = 1;
        }

        ngx_memcpy(first.url, p->first.url, sizeof(first.url));
        had = 1;
    }

    if (!had && (p->via & 1)) {
        return ngx_directstream_mistake(p->mistake, "invalid_field",
                                        "push_via", "there is no \"push\"");
    }

    first.engine = p->first.engine;
    n = 0;

    if (had && ds_outlet_add(lines, &first, &err) == DS_OK) {
        n++;
    }

    while (ds_outlet_next(before, &pos, &o)) {

        if (ds_outlet_add(lines, &o, &err) != DS_OK) {
            return ngx_directstream_mistake(p->mistake, "invalid_field",
                                            "push", "%s", err.message);
        }

        p->via |= (ngx_uint_t) 1 << n++;
    }

    return NGX_OK;
}


/* targets and who pushes to them are judged together */

static ngx_int_t
ngx_directstream_parse_pushes(ngx_directstream_parse_t *p)
{
    ds_error_t  err;

    if (ngx_directstream_outputs_finish(p->def->outputs, p->via, &err)
        == DS_OK)
    {
        return NGX_OK;
    }

    return ngx_directstream_mistake(p->mistake, "invalid_field",
                                    p->outputs ? "outputs"
                                    : p->push_via ? "push_via" : "push", "%s",
                                    err.message);
}


/* with "none" something else must be left, whichever was changed */

static ngx_int_t
ngx_directstream_parse_publish(ngx_directstream_parse_t *p)
{
    ds_error_t  err;

    if (ngx_directstream_check_publish(p->def, &err) == DS_OK) {
        return NGX_OK;
    }

    return ngx_directstream_mistake(p->mistake, "invalid_field",
                                    (p->set & NGX_DIRECTSTREAM_SET_PUBLISH)
                                    ? "publish"
                                    : p->outputs ? "outputs" : "push", "%s%s",
                                    (p->set & NGX_DIRECTSTREAM_SET_PUBLISH)
                                    ? "" : "\"publish\" is \"none\": ",
                                    err.message);
}


ngx_int_t
ngx_directstream_flag_parse(ngx_str_t *body, const char *name, ngx_uint_t *on,
    ngx_directstream_mistake_t *m)
{
    ngx_int_t                 rc;
    ngx_directstream_parse_t  p;

    if (body->len == 0) {
        return NGX_OK;
    }

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    p.field = ngx_directstream_parse_flag;
    p.flag = name;
    p.mistake = m;

    if (name == NULL) {
        return ngx_directstream_parse(&p, body);
    }

    p.start = *on;
    rc = ngx_directstream_parse(&p, body);
    *on = p.start;

    return rc;
}


static ngx_int_t
ngx_directstream_parse_flag(ngx_directstream_parse_t *p, const cJSON *v)
{
    if (p->flag == NULL) {
        return ngx_directstream_mistake(p->mistake, "unknown_field", v->string,
                                        "the request has no fields");
    }

    if (ngx_strcmp(v->string, p->flag) == 0) {
        return ngx_directstream_parse_bool(p, v, &p->start);
    }

    return ngx_directstream_mistake(p->mistake, "unknown_field", v->string,
                                    "the field is not known; known is %s",
                                    p->flag);
}


ngx_int_t
ngx_directstream_lookup_parse(ngx_directstream_conf_t *dcf, ngx_str_t *body,
    ds_def_t *def, ngx_uint_t *limit, ngx_directstream_mistake_t *m)
{
    ngx_int_t                 rc;
    ngx_directstream_parse_t  p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    p.field = ngx_directstream_parse_lookup;
    p.dcf = dcf;
    p.def = def;
    p.limit = *limit;
    p.mistake = m;

    rc = ngx_directstream_parse(&p, body);

    *limit = p.limit;

    if (rc == NGX_OK && !(p.set & NGX_DIRECTSTREAM_SET_PLAYLIST)) {
        return ngx_directstream_required(&p, "playlist");
    }

    return rc;
}


static ngx_int_t
ngx_directstream_parse_lookup(ngx_directstream_parse_t *p, const cJSON *v)
{
    if (ngx_strcmp(v->string, "playlist") == 0) {
        return ngx_directstream_parse_field(p,
                                      ngx_directstream_field_find(v->string),
                                      v);
    }

    if (ngx_strcmp(v->string, "limit") != 0) {
        return ngx_directstream_unknown(p, v, "are playlist and limit");
    }

    return ngx_directstream_parse_count(p, v, NGX_DIRECTSTREAM_LOOKUP_MAX);
}


ngx_int_t
ngx_directstream_check_parse(ngx_directstream_conf_t *dcf, ngx_str_t *body,
    ds_def_t *def, ngx_uint_t *depth, ngx_directstream_mistake_t *m)
{
    ngx_int_t                 rc;
    ngx_directstream_parse_t  p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    *def = dcf->base.def;

    p.field = ngx_directstream_parse_check;
    p.dcf = dcf;
    p.def = def;
    p.limit = *depth;
    p.mistake = m;

    rc = ngx_directstream_parse(&p, body);

    *depth = p.limit;

    if (rc != NGX_OK) {
        return rc;
    }

    if (!p.named == !(p.set & NGX_DIRECTSTREAM_SET_PLAYLIST)) {
        return ngx_directstream_mistake(m, "missing_field", "stream",
                                        "either \"stream\" or \"playlist\" "
                                        "is required, and not both");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_check(ngx_directstream_parse_t *p, const cJSON *v)
{
    ngx_int_t   rc;
    ds_error_t  err;

    if (ngx_strcmp(v->string, "playlist") == 0) {
        return ngx_directstream_parse_field(p,
                                      ngx_directstream_field_find(v->string),
                                      v);
    }

    if (ngx_strcmp(v->string, "items") == 0) {
        return ngx_directstream_parse_count(p, v, DS_CHECK_MAX);
    }

    if (ngx_strcmp(v->string, "stream") != 0) {
        return ngx_directstream_unknown(p, v,
                                        "are stream, playlist and items");
    }

    rc = ngx_directstream_parse_string(p, v, p->def->name,
                                       sizeof(p->def->name));

    if (rc == NGX_OK && ds_check_name(p->def->name, &err) != DS_OK) {
        return ngx_directstream_invalid(p, v, "%s", err.message);
    }

    p->named = 1;

    return rc;
}


static ngx_int_t
ngx_directstream_parse_count(ngx_directstream_parse_t *p, const cJSON *v,
    ngx_uint_t max)
{
    if (!cJSON_IsNumber(v)
        || !(v->valuedouble >= 1 && v->valuedouble <= max)
        || floor(v->valuedouble) != v->valuedouble)
    {
        return ngx_directstream_invalid(p, v,
                                        "it must be a whole number from 1 to "
                                        "%d", (int) max);
    }

    p->limit = (ngx_uint_t) v->valuedouble;

    return NGX_OK;
}


ngx_int_t
ngx_directstream_queue_parse(ngx_directstream_conf_t *dcf, ngx_str_t *body,
    ngx_uint_t play, ds_queued_t *q, ngx_directstream_mistake_t *m)
{
    ngx_int_t                 rc;
    ngx_directstream_parse_t  p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));
    ngx_memzero(q, sizeof(ds_queued_t));

    p.field = ngx_directstream_parse_queue;
    p.dcf = dcf;
    p.queued = q;
    p.play = play;
    p.mistake = m;

    q->kind = play ? DS_QUEUED_GO_TO : DS_QUEUED_ITEM;
    q->index = DS_NO_INDEX;
    q->place = play ? -1 : INT64_MAX;
    q->now = play;
    q->resume = !play;

    rc = ngx_directstream_parse(&p, body);

    if (rc != NGX_OK) {
        return rc;
    }

    if (p.which == NULL) {
        return play ? ngx_directstream_required(&p, "index")
                    : ngx_directstream_required(&p, "url");
    }

    if (p.again) {
        return ngx_directstream_mistake(m, "invalid_field", p.which,
                               play ? "give one of index and id"
                                    : "give one of url, index and id");
    }

    if (q->until != 0 && q->from >= q->until) {
        return ngx_directstream_mistake(m, "invalid_field", "until",
                                        "it must be more than \"from\"");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_queue(ngx_directstream_parse_t *p, const cJSON *v)
{
    ngx_uint_t    list;
    ds_queued_t  *q;

    q = p->queued;

    if (ngx_strcmp(v->string, "at") == 0) {
        return ngx_directstream_parse_at(p, v);
    }

    list = (ngx_strcmp(v->string, "index") == 0
            || ngx_strcmp(v->string, "id") == 0);

    if (list || (!p->play && ngx_strcmp(v->string, "url") == 0)) {
        p->again |= (p->which != NULL);
        p->which = list ? (v->string[1] == 'd' ? "id" : "index") : "url";
    }

    if (ngx_strcmp(v->string, "index") == 0) {

        if (!cJSON_IsNumber(v)
            || !(v->valuedouble >= 0 && v->valuedouble < 0x7fffffff)
            || floor(v->valuedouble) != v->valuedouble)
        {
            return ngx_directstream_invalid(p, v, "it must be a whole number, "
                                            "0 or more");
        }

        q->index = (uint32_t) v->valuedouble;
        return NGX_OK;
    }

    if (list) {
        return ngx_directstream_parse_string(p, v, q->item, sizeof(q->item));
    }

    if (p->play) {
        return ngx_directstream_unknown(p, v, "are index, id and at");
    }

    if (ngx_strcmp(v->string, "url") == 0) {
        return ngx_directstream_parse_url(p, v);
    }

    if (ngx_strcmp(v->string, "title") == 0) {
        return ngx_directstream_parse_string(p, v, q->title,
                                             sizeof(q->title));
    }

    if (ngx_strcmp(v->string, "from") == 0) {
        return ngx_directstream_parse_seconds(p, v, &q->from);
    }

    if (ngx_strcmp(v->string, "until") == 0) {
        return ngx_directstream_parse_seconds(p, v, &q->until);
    }

    if (ngx_strcmp(v->string, "then") != 0) {
        return ngx_directstream_unknown(p, v, "are url, index, id, at, from, "
                                        "until, then and title");
    }

    q->resume = (cJSON_IsString(v)
                 && ngx_strcmp(v->valuestring, "resume") == 0);

    if (!q->resume
        && !(cJSON_IsString(v)
             && ngx_strcmp(v->valuestring, "continue") == 0))
    {
        return ngx_directstream_invalid(p, v, "it must be \"resume\" or "
                                        "\"continue\"");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_url(ngx_directstream_parse_t *p, const cJSON *v)
{
    ds_error_t    err;
    ds_queued_t  *q;

    q = p->queued;
    q->kind = DS_QUEUED_URL;

    if (ngx_directstream_parse_string(p, v, q->url, sizeof(q->url))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ds_check_item(q->url, p->dcf->media_root.len != 0,
                      p->dcf->source_rules.elts, p->dcf->source_rules.nelts,
                      &err)
        != DS_OK)
    {
        return ngx_directstream_mistake(p->mistake,
                                        err.code == DS_ESOURCE_DENIED
                                        ? "source_denied" : "invalid_field",
                                        v->string, "%s", err.message);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_at(ngx_directstream_parse_t *p, const cJSON *v)
{
    const char   *at;
    ds_queued_t  *q;

    q = p->queued;
    at = cJSON_IsString(v) ? v->valuestring : "";

    q->now = (ngx_strcmp(at, "now") == 0);

    if (q->now) {
        q->place = -1;

    } else if (ngx_strcmp(at, "next") == 0) {
        q->place = 0;

    } else if (!p->play && ngx_strcmp(at, "end") == 0) {
        q->place = INT64_MAX;

    } else {
        return ngx_directstream_invalid(p, v, p->play
                               ? "it must be \"now\" or \"next\""
                               : "it must be \"now\", \"next\" or "
                                 "\"end\"");
    }

    return NGX_OK;
}


/* a millisecond is the least part; 0 of "until" would be no item at all */

static ngx_int_t
ngx_directstream_parse_seconds(ngx_directstream_parse_t *p, const cJSON *v,
    int64_t *ms)
{
    double      n;
    ngx_uint_t  until;

    n = cJSON_IsNumber(v) ? round(v->valuedouble * 1000) : -1;
    until = (ms == &p->queued->until);

    if (!(n >= (until ? 1 : 0) && n <= NGX_DIRECTSTREAM_FROM_MAX)) {
        return ngx_directstream_invalid(p, v, until
                               ? "it must be a number of seconds, more than "
                                 "0 and at most 604800"
                               : "it must be a number of seconds from 0 to "
                                 "604800");
    }

    *ms = (int64_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_directstream_before_parse(ngx_str_t *body, char *before,
    ngx_directstream_mistake_t *m)
{
    ngx_int_t                 rc;
    ngx_directstream_parse_t  p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    p.field = ngx_directstream_parse_before;
    p.before = before;
    p.mistake = m;

    rc = ngx_directstream_parse(&p, body);

    if (rc == NGX_OK && p.which == NULL) {
        return ngx_directstream_required(&p, "before");
    }

    return rc;
}


static ngx_int_t
ngx_directstream_parse_before(ngx_directstream_parse_t *p, const cJSON *v)
{
    if (ngx_strcmp(v->string, "before") != 0) {
        return ngx_directstream_unknown(p, v, "is before");
    }

    p->which = "before";
    p->before[0] = '\0';

    return cJSON_IsNull(v) ? NGX_OK
           : ngx_directstream_parse_string(p, v, p->before,
                                           DS_QUEUE_ID_LEN + 1);
}


ngx_int_t
ngx_directstream_schedule_parse(ngx_directstream_conf_t *dcf, ngx_str_t *body,
    char *text, ngx_directstream_mistake_t *m)
{
    uint32_t                  i;
    ngx_int_t                 rc;
    ds_error_t                err;
    const char               *field;
    ngx_directstream_parse_t  p;

    ngx_memzero(&p, sizeof(ngx_directstream_parse_t));

    p.field = ngx_directstream_parse_schedule;
    p.dcf = dcf;
    p.mistake = m;

    p.schedule = ngx_alloc(sizeof(ds_schedule_t), ngx_cycle->log);
    if (p.schedule == NULL) {
        return ngx_directstream_mistake(m, "no_memory", "", "no memory");
    }

    ds_schedule_init(p.schedule);

    rc = ngx_directstream_parse(&p, body);

    if (rc == NGX_OK
        && ds_schedule_check(p.schedule, &i, &field, &err) != DS_OK)
    {
        rc = ngx_directstream_parse_slot_bad(&p, i, field, err.message);
    }

    for (i = 0; rc == NGX_OK && i < p.schedule->n; i++) {
        if (ds_schedule_past(p.schedule, i, ngx_directstream_now())) {
            rc = ngx_directstream_parse_slot_bad(&p, i, "at",
                                                 "it is in the past");
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_directstream_parse_slots_known(&p, text);
    }

    ngx_memzero(text, DS_SCHEDULE_LEN + 1);

    if (rc == NGX_OK && p.schedule->n != 0
        && ds_schedule_write(p.schedule, text, &err) != DS_OK)
    {
        rc = ngx_directstream_mistake(m, "invalid_field", "slots", "%s",
                                      err.message);
    }

    ngx_free(p.schedule);

    return rc;
}


/* a playlist that is sent back as it was shown is the one there was */

static ngx_int_t
ngx_directstream_parse_slots_known(ngx_directstream_parse_t *p,
    const char *known)
{
    char            text[DS_URL_LEN + 1];
    uint32_t        i, n;
    ds_error_t      err;
    ds_schedule_t  *old;

    old = ngx_alloc(sizeof(ds_schedule_t), ngx_cycle->log);
    if (old == NULL) {
        return ngx_directstream_mistake(p->mistake, "no_memory", "",
                                        "no memory");
    }

    if (ds_schedule_read(known, old, &err) == DS_OK) {

        for (i = 0; i < old->n; i++) {
            ds_redact_playlist(text, sizeof(text), old->slots[i].playlist);

            for (n = 0; n < p->schedule->n; n++) {
                if (ngx_strcmp(p->schedule->slots[n].playlist, text) == 0) {
                    ngx_memcpy(p->schedule->slots[n].playlist,
                               old->slots[i].playlist, sizeof(text));
                }
            }
        }
    }

    ngx_free(old);

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_schedule(ngx_directstream_parse_t *p, const cJSON *v)
{
    char          text[DS_TITLE_LEN];
    ngx_int_t     rc;
    ds_error_t    err;
    const char   *field;
    const cJSON  *slot;

    if (ngx_strcmp(v->string, "slots") == 0) {

        if (!cJSON_IsArray(v)) {
            return ngx_directstream_invalid(p, v, "it must be an array");
        }

        p->schedule->n = 0;

        cJSON_ArrayForEach(slot, v) {
            rc = ngx_directstream_parse_slot(p, slot);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        return NGX_OK;
    }

    if (ngx_strcmp(v->string, "timezone") != 0
        && ngx_strcmp(v->string, "prepare") != 0)
    {
        return ngx_directstream_unknown(p, v, "are timezone, prepare and "
                                        "slots");
    }

    if (ngx_directstream_parse_slot_text(v, text) != NGX_OK
        || ds_schedule_set(p->schedule, v->string, text, &field, &err)
           != DS_OK)
    {
        return ngx_directstream_invalid(p, v, "%s",
                                        text[0] != '\0' ? err.message
                                        : "it must be a string, or a number "
                                          "of seconds");
    }

    return NGX_OK;
}


/* as nginx.conf would have it; "": it is no value of that kind */

static ngx_int_t
ngx_directstream_parse_slot_text(const cJSON *v, char *text)
{
    text[0] = '\0';

    if (cJSON_IsString(v) && strlen(v->valuestring) < DS_TITLE_LEN) {
        (void) ngx_cpystrn((u_char *) text, (u_char *) v->valuestring,
                           DS_TITLE_LEN);

    } else if (cJSON_IsBool(v)) {
        (void) ngx_sprintf((u_char *) text, "%s%Z",
                           cJSON_IsTrue(v) ? "on" : "off");

    } else if (cJSON_IsNumber(v) && v->valuedouble >= 0
               && v->valuedouble < 1e6)
    {
        if (ngx_strcmp(v->string, "count") != 0) {
            (void) ngx_sprintf((u_char *) text, "%Lms%Z",
                               (int64_t) (v->valuedouble * 1000 + 0.5));

        } else if (floor(v->valuedouble) == v->valuedouble) {
            (void) ngx_sprintf((u_char *) text, "%L%Z",
                               (int64_t) v->valuedouble);
        }
    }

    return (text[0] != '\0') ? NGX_OK : NGX_ERROR;
}


/* which of its keys says when is known first: the others depend on it */

static ngx_int_t
ngx_directstream_parse_slot(ngx_directstream_parse_t *p, const cJSON *slot)
{
    int            rc;
    char           text[DS_TITLE_LEN];
    uint32_t       n;
    ds_slot_e      kind;
    ds_error_t     err;
    const char    *field, *value;
    const cJSON   *v, *when;

    static const char *const  kinds[] = { "at", "every", "filler" };

    n = p->schedule->n;
    when = NULL;
    kind = DS_SLOT_AT;

    if (!cJSON_IsObject(slot) || n == DS_SLOTS) {
        return ngx_directstream_mistake(p->mistake, "invalid_field", "slots",
                               "it must have objects alone, and at most %d",
                               DS_SLOTS);
    }

    cJSON_ArrayForEach(v, slot) {
        for (rc = 0; rc < 3; rc++) {
            if (ngx_strcmp(v->string, kinds[rc]) == 0) {

                if (when != NULL) {
                    return ngx_directstream_parse_slot_bad(p, n, v->string,
                               "a slot has one of \"at\", \"every\" and "
                               "\"filler\"");
                }

                when = v;
                kind = (ds_slot_e) rc;
            }
        }
    }

    if (when == NULL) {
        return ngx_directstream_parse_slot_bad(p, n, "at", "a slot needs "
                               "\"at\", \"every\" or \"filler\"");
    }

    text[0] = '\0';

    if ((kind == DS_SLOT_AT && !cJSON_IsString(when))
        || (kind == DS_SLOT_FILLER && !cJSON_IsTrue(when))
        || ngx_directstream_parse_slot_text(when, text) != NGX_OK)
    {
        return ngx_directstream_parse_slot_bad(p, n, when->string,
                               "it is not of the right type");
    }

    if (ds_slot_init(&p->schedule->slots[n], kind, text, &field, &err)
        != DS_OK)
    {
        return ngx_directstream_parse_slot_bad(p, n, field, err.message);
    }

    p->schedule->n++;

    cJSON_ArrayForEach(v, slot) {

        if (v == when) {
            continue;
        }

        value = text;

        if (ngx_strcmp(v->string, "playlist") == 0 && cJSON_IsString(v)) {
            value = v->valuestring;

        } else if (ngx_directstream_parse_slot_text(v, text) != NGX_OK) {
            return ngx_directstream_parse_slot_bad(p, n, v->string,
                               "it is not of the right type");
        }

        if (ds_slot_set(&p->schedule->slots[n], v->string, value,
                        p->dcf->media_root.len != 0, &field, &err)
            != DS_OK)
        {
            return ngx_directstream_parse_slot_bad(p, n,
                               field[0] != '\0' ? field : v->string,
                               err.message);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_slot_bad(ngx_directstream_parse_t *p, uint32_t n,
    const char *field, const char *why)
{
    char  name[64];

    if (n < DS_SLOTS) {
        (void) ngx_snprintf((u_char *) name, sizeof(name), "slots[%uD].%s%Z",
                            n, field);
        name[sizeof(name) - 1] = '\0';
        field = name;
    }

    return ngx_directstream_mistake(p->mistake, "invalid_field", field, "%s",
                                    why);
}


/* the body as one object, whose fields go to "field" until one is wrong */

static ngx_int_t
ngx_directstream_parse(ngx_directstream_parse_t *p, ngx_str_t *body)
{
    cJSON       *root;
    ngx_int_t    rc;
    const char  *end, *last, *why;
    const cJSON *v;

    end = NULL;
    root = NULL;
    why = NULL;

    if (body->len == 0) {
        why = "the body is empty, it must be a JSON object";

    } else if (ngx_directstream_parse_bytes(body) != NGX_OK) {
        why = "the body must be UTF-8 without NUL characters";

    } else {
        root = cJSON_ParseWithLengthOpts((char *) body->data, body->len, &end,
                                         0);
        last = (char *) body->data + body->len;

        while (root != NULL && end < last
               && strchr(" \t\r\n", *end) != NULL)
        {
            end++;
        }

        if (root == NULL) {
            why = "the body is not JSON";

        } else if (end != last || !cJSON_IsObject(root)) {
            why = "the body must be one JSON object";
        }
    }

    if (why != NULL) {
        cJSON_Delete(root);
        return ngx_directstream_mistake(p->mistake, "bad_json", "", "%s", why);
    }

    rc = NGX_OK;

    cJSON_ArrayForEach(v, root) {
        rc = p->field(p, v);

        if (rc != NGX_OK) {
            break;
        }
    }

    cJSON_Delete(root);

    return rc;
}


/* cJSON ends a string at an escaped NUL and passes invalid UTF-8 on */

static ngx_int_t
ngx_directstream_parse_bytes(ngx_str_t *body)
{
    size_t   n;
    u_char  *p, *last;

    p = body->data;
    last = p + body->len;

    while (p < last) {

        if (*p == '\\' && last - p > 1) {
            if (last - p >= 6 && ngx_strncmp(p, "\\u0000", 6) == 0) {
                return NGX_ERROR;
            }

            /* the character after it, which may be another backslash */
            p++;
        }

        n = ds_utf8_len(p, last - p);

        if (n == 0 || *p == '\0') {
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_mistake(ngx_directstream_mistake_t *m, const char *code,
    const char *field, const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    m->code = code;

    (void) ngx_cpystrn((u_char *) m->field, (u_char *) field,
                       sizeof(m->field));

    va_start(args, fmt);
    p = ngx_vslprintf((u_char *) m->detail,
                      (u_char *) m->detail + sizeof(m->detail) - 1, fmt, args);
    va_end(args);

    *p = '\0';

    return NGX_ERROR;
}


static ngx_int_t
ngx_directstream_parse_string(ngx_directstream_parse_t *p, const cJSON *v,
    char *dst, size_t size)
{
    size_t         len;
    const u_char  *c;

    if (!cJSON_IsString(v)) {
        return ngx_directstream_invalid(p, v, "it must be a string");
    }

    len = strlen(v->valuestring);

    if (len == 0 || len >= size) {
        return ngx_directstream_invalid(p, v, "it must have from 1 to %uz "
                                        "bytes", size - 1);
    }

    for (c = (u_char *) v->valuestring; *c; c++) {
        if (*c < 0x20 || *c == 0x7f) {
            return ngx_directstream_invalid(p, v, "it must not have control "
                                            "characters");
        }
    }

    ngx_memzero(dst, size);
    ngx_memcpy(dst, v->valuestring, len);

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_bool(ngx_directstream_parse_t *p, const cJSON *v,
    ngx_uint_t *dst)
{
    if (!cJSON_IsBool(v)) {
        return ngx_directstream_invalid(p, v, "it must be true or false");
    }

    *dst = cJSON_IsTrue(v);

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_parse_field(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v)
{
    ngx_int_t   rc;
    ngx_uint_t  flag;

    flag = 0;

    if (cJSON_IsNull(v)
        && (p->patch || f->kind == NGX_DIRECTSTREAM_OUTPUTS))
    {
        rc = ngx_directstream_parse_null(p, f, v);
        p->set |= (rc == NGX_OK) ? f->set : 0;
        return rc;
    }

    switch (f->kind) {

    case NGX_DIRECTSTREAM_NAME:
    case NGX_DIRECTSTREAM_PLAYLIST:
    case NGX_DIRECTSTREAM_PUBLISH:
    case NGX_DIRECTSTREAM_PROXY:
    case NGX_DIRECTSTREAM_BIND:
    case NGX_DIRECTSTREAM_TITLE:
        rc = ngx_directstream_parse_text(p, f, v);
        break;

    case NGX_DIRECTSTREAM_OUTPUTS:
        rc = ngx_directstream_parse_outputs(p, v);
        break;

    case NGX_DIRECTSTREAM_SLATE:

        /* who may use the API may not read the machine's files by it */

        return ngx_directstream_invalid(p, v, "it is set by the \"slate\" "
                                        "directive");

    case NGX_DIRECTSTREAM_FLAG:
        rc = ngx_directstream_parse_bool(p, v, &flag);

        if (rc == NGX_OK) {
            (void) ngx_directstream_field_number(f, p->def, flag);
        }

        break;

    default:
        rc = ngx_directstream_parse_value(p, f, v);
    }

    if (rc == NGX_OK) {
        p->set |= f->set;
        p->named |= (f->kind == NGX_DIRECTSTREAM_NAME);
    }

    return rc;
}


/* the default (RFC 7396); without a target nothing is pushed */

static ngx_int_t
ngx_directstream_parse_null(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v)
{
    const ds_def_t  *base;

    base = &p->dcf->base.def;

    switch (f->kind) {

    case NGX_DIRECTSTREAM_NAME:
    case NGX_DIRECTSTREAM_PLAYLIST:
        return ngx_directstream_invalid(p, v, "it has no default");

    case NGX_DIRECTSTREAM_PUBLISH:

        if (base->publish[0] == '\0') {
            return ngx_directstream_invalid(p, v, "there is no default, as "
                                            "the \"directstream\" block has "
                                            "no \"publish\"");
        }

        break;

    case NGX_DIRECTSTREAM_SLATE:
        return ngx_directstream_invalid(p, v, "it is set by the \"slate\" "
                                        "directive");

    case NGX_DIRECTSTREAM_OUTPUTS:
        ngx_memzero((char *) p->def + f->offset, f->size);
        p->outputs = 1;
        return NGX_OK;

    default:
        break;
    }

    ngx_memcpy((char *) p->def + f->offset, (const char *) base + f->offset,
               f->size);

    return NGX_OK;
}


/* a secret that was not shown comes back as it was shown */

static ngx_uint_t
ngx_directstream_parse_masked(const char *text)
{
    size_t  len;

    len = strlen(text);

    return len > 4 && ngx_strcmp(text + len - 4, "/***") == 0;
}


static ngx_int_t
ngx_directstream_parse_text(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v)
{
    char        name[DS_NAME_LEN + 1], shown[DS_URL_LEN + 1], *dst;
    ds_error_t  err;

    dst = (char *) p->def + f->offset;

    if (p->patch && cJSON_IsString(v)
        && (f->kind == NGX_DIRECTSTREAM_PROXY
            || f->kind == NGX_DIRECTSTREAM_PLAYLIST))
    {
        ngx_directstream_field_show(f, p->def, shown);

        if (dst[0] != '\0' && ngx_strcmp(v->valuestring, shown) == 0) {
            return NGX_OK;
        }
    }

    if (f->kind == NGX_DIRECTSTREAM_NAME) {
        dst = name;
    }

    if (ngx_directstream_parse_string(p, v, dst, f->size) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_directstream_field_check(f, dst, p->dcf->media_root.len != 0, &err)
        != DS_OK)
    {
        return ngx_directstream_invalid(p, v, "%s", err.message);
    }

    if (f->kind != NGX_DIRECTSTREAM_NAME) {
        ngx_directstream_field_off(f, p->def);
        return NGX_OK;
    }

    /* a stream keeps its name; a PATCH may repeat it */

    if (p->patch && ngx_strcmp(name, p->def->name) != 0) {
        return ngx_directstream_invalid(p, v, "a stream cannot be renamed");
    }

    ngx_memcpy(p->def->name, name, sizeof(name));

    return NGX_OK;
}


/* a word or a size as a string, or a number */

static ngx_int_t
ngx_directstream_parse_value(ngx_directstream_parse_t *p,
    const ngx_directstream_field_t *f, const cJSON *v)
{
    double     n;
    ngx_int_t  rc;
    ngx_str_t  text;

    rc = NGX_ERROR;

    if (f->kind <= NGX_DIRECTSTREAM_SIZE) {

        if (cJSON_IsString(v)) {
            text.data = (u_char *) v->valuestring;
            text.len = strlen(v->valuestring);
            rc = ngx_directstream_field_text(f, p->def, &text);
        }

    } else if (cJSON_IsNumber(v)) {
        n = v->valuedouble;

        /* seconds, of which a millisecond is the least part */

        if (f->kind == NGX_DIRECTSTREAM_TIME) {
            n = round(n * 1000);
        }

        if (n >= 0 && n <= (double) f->max && floor(n) == n) {
            rc = ngx_directstream_field_number(f, p->def, (int64_t) n);
        }
    }

    return (rc == NGX_OK)
           ? NGX_OK
           : ngx_directstream_invalid(p, v, "it must be %s", f->accepted);
}
