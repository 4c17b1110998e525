
/*
 * ds_gate: places are given in the order in which they were asked for, one at
 * most for a key, and who waits can be canceled.
 */

#include <unistd.h>

#include "base/ds_gate.h"
#include "tap.h"


#define WAITERS  8


typedef struct {
    pthread_t      thread;
    const char    *key;
    int64_t        timeout;
    int            rc;
    int            turn;
    ds_cancel_t    cancel;
    atomic_bool    ended;
} waiter_t;


static ds_gate_t   *gate;
static atomic_int   turns;


static void *
waiter_thread(void *data)
{
    waiter_t  *w = data;

    w->rc = ds_gate_enter(gate, w->key, w->timeout, &w->cancel);
    w->turn = atomic_fetch_add(&turns, 1);
    atomic_store(&w->ended, true);

    if (w->rc == DS_OK && w->key == NULL) {
        ds_gate_leave(gate, NULL);
    }

    return NULL;
}


static void
waiter_start(waiter_t *w, const char *key, int64_t timeout)
{
    w->key = key;
    w->timeout = timeout;
    atomic_store(&w->ended, false);
    (void) ds_cancel_init(&w->cancel);
    (void) pthread_create(&w->thread, NULL, waiter_thread, w);
}


static void
waiter_end(waiter_t *w)
{
    (void) pthread_join(w->thread, NULL);
    ds_cancel_free(&w->cancel);
}


static void
test_order(void)
{
    int       i, right;
    waiter_t  w[WAITERS];

    gate = ds_gate_create(2);
    is_int(ds_gate_places(gate), 2, "order: two places");

    waiter_start(&w[0], "a", -1);
    waiter_end(&w[0]);
    waiter_start(&w[1], "b", -1);
    waiter_end(&w[1]);
    is_int(w[0].rc + w[1].rc, 0, "order: both are given at once");

    /* one after the other gets in line */

    atomic_store(&turns, 0);

    for (i = 0; i < WAITERS; i++) {
        waiter_start(&w[i], NULL, -1);
        (void) usleep(30000);
    }

    for (i = 0, right = 0; i < WAITERS; i++) {
        right += !atomic_load(&w[i].ended);
    }

    is_int(right, WAITERS, "order: all wait");
    ds_gate_leave(gate, "a");

    for (i = 0, right = 0; i < WAITERS; i++) {
        waiter_end(&w[i]);
        right += w[i].rc == DS_OK && w[i].turn == i;
    }

    is_int(right, WAITERS, "order: each in his turn");

    ds_gate_leave(gate, "b");
    ds_gate_free(&gate);
    ok(gate == NULL, "order: freed");
}


static void
test_key(void)
{
    waiter_t  a, b, c;

    gate = ds_gate_create(2);
    waiter_start(&a, "stream", -1);
    waiter_end(&a);

    /* as long as its key has a place no time is over */

    waiter_start(&b, "stream", 100);
    (void) usleep(300000);
    ok(!atomic_load(&b.ended), "key: the same waits, however long");

    waiter_start(&c, "other", 0);
    waiter_end(&c);
    is_int(c.rc, DS_OK, "key: and keeps no other one off");

    ds_gate_leave(gate, "stream");
    waiter_end(&b);
    is_int(b.rc, DS_OK, "key: until its place is free");

    waiter_start(&a, "third", 50);
    waiter_end(&a);
    is_int(a.rc, DS_EENCODE_LIMIT, "time: over");

    waiter_start(&a, "third", -1);
    (void) usleep(50000);
    ds_cancel_set(&a.cancel);
    waiter_end(&a);
    is_int(a.rc, DS_ECANCELED, "canceled");

    /* neither has left anything in the line */

    ds_gate_leave(gate, "other");
    waiter_start(&a, "third", 0);
    waiter_end(&a);
    is_int(a.rc, DS_OK, "the next one is in");

    ds_gate_leave(gate, "third");
    ds_gate_leave(gate, "stream");
    ds_gate_free(&gate);
}


/* who is to take the place of another one of its key comes in beside it */

static void
test_urge(void)
{
    waiter_t     a, b, c;
    static char  one[] = "stream", two[] = "stream";

    gate = ds_gate_create(1);
    waiter_start(&a, one, -1);
    waiter_end(&a);

    waiter_start(&b, two, 100);
    waiter_start(&c, "other", -1);
    (void) usleep(50000);
    ds_gate_urge(gate, &c.cancel);
    ds_gate_urge(gate, &b.cancel);
    waiter_end(&b);
    is_int(b.rc, DS_OK, "urge: beside its own");
    (void) usleep(50000);
    ok(!atomic_load(&c.ended), "urge: not beside another one's");

    ds_gate_leave(gate, one);
    (void) usleep(50000);
    ok(!atomic_load(&c.ended), "urge: they have one place");
    ds_gate_leave(gate, two);
    waiter_end(&c);
    is_int(c.rc, DS_OK, "urge: which is free after both");
    ds_gate_leave(gate, "other");
    ds_gate_free(&gate);
}


int
main(void)
{
    test_order();
    test_key();
    test_urge();

    return done_testing();
}
