
/*
 * ds_output.c: publishes H.264 and AAC: names and addresses of a session,
 * its headers, its milliseconds.  Knows nothing of items: it gets one
 * timeline and writes it.
 */

#define _GNU_SOURCE

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "air/ds_output.h"
#include "base/ds_item.h"
#include "base/ds_url.h"
#include "net/ds_sock.h"
#include "rtmp/ds_flv.h"


/* ms */
#define DS_LOOKUP_TIME    5000

/*
 * ms: nginx-rtmp passes time stamps on through 2^32 for ever, and so may the
 * others that count modulo 2^32.  A reader of libavformat's counts on from
 * the first one it saw, for 2^32 ms (49.7 days), then they go back for it.
 * So a session ends 3 days before, or later when nobody asks; the time stamps
 * of the next one go on where they were.
 */
#define DS_SESSION_TIME   ((INT64_C(1) << 32) - (INT64_C(1) << 28))


struct ds_output_s {
    ds_rtmp_t        *rtmp;
    bool              push;
    ds_error_t        unpushed;         /* see ds_output_unpushed() */
    ds_heads_t       *heads[2];         /* what the session has of each track;
                                           NULL: nothing was sent */
    int64_t           base;             /* ms, DTS that is 0 on the wire */
    int64_t           first;            /* ms, DTS */
    int64_t           last[2];          /* ms, the last DTS of each track */
};


static ds_output_t *ds_output_create(const ds_rtmp_conf_t *conf,
    ds_cancel_t *cancel, ds_error_t *err);
static int ds_output_push_address(const char *push, char *buf, size_t size,
    ds_cancel_t *cancel, ds_error_t *err);
static char *ds_output_name(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *unpushed, ds_error_t *err);
static int ds_output_meta(ds_output_t *out, const ds_heads_t *heads,
    int64_t dts, ds_error_t *err);
static int ds_output_write(ds_output_t *out, const ds_unit_t *u,
    ds_error_t *err);
static int ds_output_begin(ds_output_t *out, ds_heads_t *heads, int64_t dts,
    ds_error_t *err);
static int ds_output_change(ds_output_t *out, int track, ds_heads_t *heads,
    int64_t dts, ds_error_t *err);


ds_output_t *
ds_output_open(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char            *name;
    ds_error_t       unpushed;
    ds_output_t     *out;
    ds_rtmp_conf_t   conf;

    ds_error_clear(err);

    name = ds_output_name(target, cancel, &unpushed, err);
    if (name == NULL) {
        return NULL;
    }

    conf = (ds_rtmp_conf_t) { .url = target->publish, .name = name,
                              .nowait = true, .term = target->term };
    out = ds_output_create(&conf, cancel, err);

    if (out != NULL) {
        out->unpushed = unpushed;
    }

    free(name);

    return out;
}


ds_output_t *
ds_output_push(const char *url, const char *certificate,
    const ds_term_t *term, ds_cancel_t *cancel, ds_error_t *err)
{
    char            *app, *user;
    ds_url_t         u;
    const char      *key, *host, *at;
    ds_output_t     *out;
    ds_rtmp_conf_t   conf;

    ds_error_clear(err);

    if (ds_url_parse(&u, url, err) != DS_OK) {
        return NULL;
    }

    key = ds_url_key(&u);
    host = strstr(url, "://") + 3;
    at = u.userinfo ? memrchr(host, '@', u.path - host) : NULL;
    user = at != NULL ? ds_sprintf("%.*s", (int) (at - host), host) : NULL;

    if (at != NULL) {
        host = at + 1;
    }

    app = ds_sprintf("%s://%.*s", u.scheme, (int) (key - 1 - host), host);
    if (app == NULL || (at != NULL && user == NULL)) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        free(user);
        free(app);
        return NULL;
    }

    conf = (ds_rtmp_conf_t) { .url = app, .name = key, .push = true,
                              .user = user,
                              .certificate = certificate,
                              .term = *term };
    out = ds_output_create(&conf, cancel, err);

    free(user);
    free(app);

    return out;
}


static ds_output_t *
ds_output_create(const ds_rtmp_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err)
{
    ds_output_t  *out;

    out = calloc(1, sizeof(ds_output_t));
    if (out == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "calloc() failed");
        return NULL;
    }

    out->push = conf->push;
    out->last[DS_VIDEO] = out->last[DS_AUDIO] = -1;
    out->rtmp = ds_rtmp_publish(conf, cancel, err);

    if (out->rtmp == NULL) {
        ds_output_close(&out);
    }

    return out;
}


/*
 * The stream's name with what on_publish wants to see, malloc()ed.  A push
 * that has no address now must not keep everybody else waiting.
 */

static char *
ds_output_name(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *unpushed, ds_error_t *err)
{
    int          rc;
    char        *name, address[INET6_ADDRSTRLEN + 16];
    const char  *sep;

    address[0] = '\0';
    sep = "";
    ds_error_clear(unpushed);

    if (target->push != NULL) {
        rc = ds_output_push_address(target->push, address, sizeof(address),
                                    cancel, err);
        if (rc == DS_OK) {
            sep = "&ds_push=";

        } else if (rc == DS_EPUSH_DNS) {
            *unpushed = *err;
            ds_error_clear(err);

        } else {
            return NULL;
        }
    }

    name = ds_sprintf("%s?ds_token=%s%s%s", target->name, target->token, sep,
                      address);
    if (name == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
    }

    return name;
}


int
ds_output_unpushed(const ds_output_t *out, ds_error_t *err)
{
    *err = out->unpushed;

    return err->code;
}


int
ds_output_lookup(const ds_target_t *target, ds_cancel_t *cancel,
    ds_error_t *err)
{
    char  address[INET6_ADDRSTRLEN + 16];

    ds_error_clear(err);

    return ds_output_push_address(target->push, address, sizeof(address),
                                  cancel, err);
}


/*
 * nginx-rtmp wants an address where a redirect says "push", and a name looked
 * up once may be stale by now: so look it up at each connect.
 */

static int
ds_output_push_address(const char *push, char *buf, size_t size,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int       rc;
    bool      ip6;
    char      addr[INET6_ADDRSTRLEN];
    ds_url_t  u;

    rc = ds_url_parse(&u, push, err);

    if (rc == DS_OK) {
        rc = ds_sock_lookup(&u, addr, DS_LOOKUP_TIME, cancel, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    ip6 = strchr(addr, ':') != NULL;

    (void) snprintf(buf, size, "%s%s%s:%d", ip6 ? "[" : "", addr,
                    ip6 ? "]" : "", u.port == -1 ? 1935 : u.port);

    return DS_OK;
}


int
ds_output_send(ds_output_t *out, ds_cursor_t *cursor, ds_error_t *err)
{
    int         rc;
    bool        begun;
    ds_unit_t  *u;

    rc = DS_OK;

    while (rc == DS_OK && !ds_rtmp_full(out->rtmp)
           && (u = ds_cursor_get(cursor)) != NULL)
    {
        if (out->push && ds_unit_key(u) && ds_output_worn(out)) {
            ds_unit_unref(&u);
            return 1;
        }

        begun = out->heads[DS_VIDEO] != NULL || ds_unit_key(u);

        if (begun) {
            rc = ds_output_write(out, u, err);
        }

        ds_cursor_pass(cursor, &u, begun && rc == DS_OK);
    }

    return rc != DS_OK ? rc : ds_rtmp_flush(out->rtmp, err);
}


bool
ds_output_full(const ds_output_t *out)
{
    return ds_rtmp_full(out->rtmp);
}


static int
ds_output_write(ds_output_t *out, const ds_unit_t *u, ds_error_t *err)
{
    int      rc, track;
    int64_t  dts, pts;

    track = u->pkt->stream_index;

    dts = u->pkt->dts / 1000;
    pts = u->pkt->pts / 1000;

    /*
     * A push begins at 0, as servers know it.  Who views the local session
     * may stay through several of them, on one time line.
     */

    if (out->push && out->heads[DS_VIDEO] == NULL) {
        out->base = dts;
    }

    dts -= out->base;
    pts -= out->base;

    if (dts <= out->last[track]) {
        dts = out->last[track] + 1;
    }

    if (pts < dts) {
        pts = dts;
    }

    out->last[track] = dts;

    rc = out->heads[track] == NULL
         ? ds_output_begin(out, u->heads, dts, err)
         : ds_output_change(out, track, u->heads, dts, err);

    return rc != DS_OK ? rc
           : ds_flv_write(out->rtmp, dts, pts - dts, u->pkt,
                          track == DS_VIDEO, err);
}


static int
ds_output_begin(ds_output_t *out, ds_heads_t *heads, int64_t dts,
    ds_error_t *err)
{
    int  rc;

    out->first = dts;
    out->heads[DS_VIDEO] = ds_heads_ref(heads);
    out->heads[DS_AUDIO] = ds_heads_ref(heads);

    rc = ds_output_meta(out, heads, dts, err);

    if (rc == DS_OK) {
        rc = ds_flv_write_header(out->rtmp, dts, heads->par[DS_VIDEO], err);
    }

    return rc != DS_OK ? rc
           : ds_flv_write_header(out->rtmp, dts, heads->par[DS_AUDIO], err);
}


static int
ds_output_meta(ds_output_t *out, const ds_heads_t *heads, int64_t dts,
    ds_error_t *err)
{
    return ds_flv_write_meta(out->rtmp, dts, heads->par[DS_VIDEO],
                             heads->rate, heads->par[DS_AUDIO], err);
}


/*
 * Players, and nginx-rtmp, know the picture's size from the metadata; the
 * header comes right before the track's first packet that needs it.
 */

static int
ds_output_change(ds_output_t *out, int track, ds_heads_t *heads, int64_t dts,
    ds_error_t *err)
{
    int                       rc;
    bool                      meta, header;
    const AVCodecParameters  *old, *par;

    if (out->heads[track] == heads) {
        return DS_OK;
    }

    old = out->heads[track]->par[track];
    par = heads->par[track];

    meta = old->width != par->width || old->height != par->height
           || (track == DS_VIDEO && out->heads[track]->rate != heads->rate)
           || old->sample_rate != par->sample_rate
           || old->ch_layout.nb_channels != par->ch_layout.nb_channels;

    header = old->extradata_size != par->extradata_size
             || memcmp(old->extradata, par->extradata, par->extradata_size)
                != 0;

    ds_heads_unref(&out->heads[track]);
    out->heads[track] = ds_heads_ref(heads);

    rc = meta ? ds_output_meta(out, heads, dts, err) : DS_OK;

    return rc != DS_OK || !header ? rc
           : ds_flv_write_header(out->rtmp, dts, par, err);
}


bool
ds_output_worn(const ds_output_t *out)
{
    return out->heads[DS_VIDEO] != NULL
           && (out->last[DS_VIDEO] - out->first > DS_SESSION_TIME
               || ds_rtmp_asked(out->rtmp));
}


void
ds_output_close(ds_output_t **pout)
{
    ds_output_t  *out;

    out = *pout;
    if (out == NULL) {
        return;
    }

    *pout = NULL;

    ds_rtmp_close(&out->rtmp);
    ds_heads_unref(&out->heads[DS_VIDEO]);
    ds_heads_unref(&out->heads[DS_AUDIO]);
    free(out);
}
