
/*
 * ds_fan.c: which pushes there are, by what is wanted: a seat for each.  A
 * push that is to end is joined when it has, so that what is on air never
 * waits for a server that is to be left.
 */

#include <string.h>

#include "air/ds_fan.h"


/* ms until a push that could not be made is tried again */
#define DS_FAN_RETRY  1000


static ds_fan_seat_t *ds_fan_seat(ds_fan_t *fan, const char *name);
static void ds_fan_end(ds_fan_seat_t *seat);
static void ds_fan_leave(ds_fan_t *fan, ds_fan_seat_t *seat);
static void ds_fan_take(ds_fan_t *fan, const ds_outlet_t *o);


void
ds_fan_init(ds_fan_t *fan, ds_t *ds, const char *stream,
    const ds_term_t *term, ds_sent_t *sent)
{
    fan->ds = ds;
    fan->stream = stream;
    fan->term = *term;
    fan->sent = sent;
}


void
ds_fan_set(ds_fan_t *fan, const char *outputs)
{
    size_t          i;
    ds_outlet_t     o;
    ds_fan_seat_t  *seat;

    ds_text(fan->wanted, sizeof(fan->wanted), outputs);

    for (i = 0; i < DS_OUTLETS; i++) {
        seat = &fan->seat[i];

        seat->wanted = seat->outlet.name[0] != '\0'
                       && ds_outlet_find(outputs, seat->outlet.name, &o)
                       && o.engine && !o.stopped;

        if (!seat->wanted || strcmp(seat->outlet.url, o.url) != 0) {
            ds_fan_end(seat);
        }
    }

    fan->retry_at = 0;
    ds_fan_step(fan);
}


void
ds_fan_restart(ds_fan_t *fan, const char *name)
{
    ds_fan_seat_t  *seat;

    seat = ds_fan_seat(fan, name);

    if (seat != NULL) {
        ds_fan_end(seat);
    }
}


void
ds_fan_step(ds_fan_t *fan)
{
    size_t       i, pos;
    ds_outlet_t  o;

    for (i = 0; i < fan->n; i++) {
        ds_fan_leave(fan, &fan->seat[i]);
    }

    while (fan->n != 0 && fan->seat[fan->n - 1].outlet.name[0] == '\0') {
        fan->n--;
    }

    if (fan->retry_at == INT64_MAX || ds_monotonic() < fan->retry_at) {
        return;
    }

    fan->retry_at = INT64_MAX;

    for (pos = 0; ds_outlet_next(fan->wanted, &pos, &o); /* void */) {
        if (o.engine && !o.stopped) {
            ds_fan_take(fan, &o);
        }
    }
}


/* a name has one seat, so that no target has two sessions of ours */

static void
ds_fan_take(ds_fan_t *fan, const ds_outlet_t *o)
{
    ds_error_t      err;
    ds_fan_seat_t  *seat;

    seat = ds_fan_seat(fan, o->name);

    if (seat == NULL) {
        seat = ds_fan_seat(fan, "");
    }

    /* of those that are there some have to leave first */

    if (seat == NULL || seat->push != NULL) {
        return;
    }

    if (seat == &fan->seat[fan->n]) {
        fan->n++;
    }

    seat->outlet = *o;
    seat->wanted = true;
    seat->push = ds_push_create(fan->ds, fan->stream, o, &fan->term,
                                fan->sent, &err);

    if (seat->push == NULL) {
        fan->retry_at = ds_monotonic() + DS_FAN_RETRY;
        seat->before.error = err;
    }
}


/* NULL: there is none; "" is the name of one that is free */

static ds_fan_seat_t *
ds_fan_seat(ds_fan_t *fan, const char *name)
{
    size_t  i;

    for (i = 0; i < DS_OUTLETS; i++) {
        if (strcmp(fan->seat[i].outlet.name, name) == 0) {
            return &fan->seat[i];
        }
    }

    return NULL;
}


static void
ds_fan_end(ds_fan_seat_t *seat)
{
    if (seat->push != NULL) {
        seat->ending = true;
        ds_push_cancel(seat->push);
    }
}


static void
ds_fan_leave(ds_fan_t *fan, ds_fan_seat_t *seat)
{
    ds_push_status_t  st;

    if (seat->ending && ds_push_done(seat->push)) {
        ds_push_status(seat->push, &st);

        seat->before.bytes += st.bytes;
        seat->before.dropped += st.dropped;
        seat->before.reconnects += st.reconnects + (st.since != 0);
        seat->before.error = st.error;

        ds_push_free(&seat->push);
        seat->ending = false;

        /* another may take its place; no memory is no memory still */

        if (fan->retry_at == INT64_MAX) {
            fan->retry_at = 0;
        }
    }

    if (seat->push == NULL && !seat->wanted && seat->outlet.name[0] != '\0') {
        memset(seat, 0, sizeof(ds_fan_seat_t));
    }
}


void
ds_fan_wake(ds_fan_t *fan)
{
    size_t  i;

    for (i = 0; i < fan->n; i++) {
        if (fan->seat[i].push != NULL) {
            ds_push_wake(fan->seat[i].push);
        }
    }
}


bool
ds_fan_any(const ds_fan_t *fan)
{
    size_t  i;

    for (i = 0; i < fan->n; i++) {
        if (fan->seat[i].push != NULL) {
            return true;
        }
    }

    return false;
}


bool
ds_fan_heard(const ds_fan_t *fan)
{
    size_t  i;

    for (i = 0; i < fan->n; i++) {
        if (fan->seat[i].push != NULL && ds_push_connected(fan->seat[i].push))
        {
            return true;
        }
    }

    return false;
}


void
ds_fan_status(const ds_fan_t *fan, ds_push_status_t *st)
{
    size_t                i, n;
    ds_push_status_t     *s;
    const ds_fan_seat_t  *seat;

    n = 0;

    for (i = 0; i < fan->n; i++) {
        seat = &fan->seat[i];

        if (!seat->wanted) {
            continue;
        }

        s = &st[n++];
        memset(s, 0, sizeof(ds_push_status_t));

        if (seat->push != NULL) {
            ds_push_status(seat->push, s);
        }

        memcpy(s->name, seat->outlet.name, sizeof(s->name));
        s->bytes += seat->before.bytes;
        s->dropped += seat->before.dropped;
        s->reconnects += seat->before.reconnects;

        if (s->error.code == DS_OK) {
            s->error = seat->before.error;
        }
    }

    for ( /* void */ ; n < DS_OUTLETS && st[n].name[0] != '\0'; n++) {
        memset(&st[n], 0, sizeof(ds_push_status_t));
    }
}


bool
ds_fan_error(const ds_fan_t *fan, int64_t *at, ds_error_t *err)
{
    bool              found;
    size_t            i;
    ds_push_status_t  st;

    found = false;

    for (i = 0; i < fan->n; i++) {

        if (fan->seat[i].push == NULL) {
            continue;
        }

        ds_push_status(fan->seat[i].push, &st);

        if (st.error.code != DS_OK && st.error.at > *at) {
            *at = st.error.at;
            *err = st.error;
            found = true;
        }
    }

    return found;
}


void
ds_fan_cancel(ds_fan_t *fan)
{
    size_t  i;

    for (i = 0; i < fan->n; i++) {
        ds_fan_end(&fan->seat[i]);
    }
}


void
ds_fan_free(ds_fan_t *fan)
{
    size_t  i;

    ds_fan_cancel(fan);

    for (i = 0; i < fan->n; i++) {
        ds_push_free(&fan->seat[i].push);
    }
}
