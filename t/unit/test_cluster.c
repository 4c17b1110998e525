
/*
 * Nodes that share their streams, in simulated time: the product's decisions
 * with an etcd, a network and processes that fail at random.  What is judged
 * is what the streams' far ends see.
 */

#define _GNU_SOURCE

#include <stdlib.h>

#include "base/ds_fence.h"
#include "store/ds_member.h"
#include "rtmp/ds_rtmp.h"
#include "rtmp_peer.h"
#include "tap.h"


#define NODES    3
#define STREAMS  1000
#define STEP     10                     /* ms */
#define TTL      6000


typedef enum { LINK_UP = 0, LINK_OUT, LINK_BACK, LINK_DOWN } link_e;


typedef struct {
    ds_member_t      *m;                /* NULL: the process is dead */
    char              name[16];
    int64_t           paused, dead;     /* until */
    link_e            link;             /* to etcd */
    int64_t           link_until;
    bool              alone;            /* nor do others hear it */
    ds_member_act_t   act;              /* under way */
    int64_t           asked, done;      /* done 0: none */
    bool              reached;
    int64_t           got;              /* what etcd has made of it */
    ds_whose_e        whose[STREAMS];
    int64_t           boundary[STREAMS];
    int64_t           term[STREAMS];    /* 0: not running */
    int64_t           epoch[STREAMS];
    bool              draining;
    int64_t           hinted;           /* its watch has told */
    int64_t           node_lease;       /* of its key in etcd */
    ds_member_node_t  rec;
    bool              keep;             /* respawned: the lease goes on */
    ds_fence_t        fence;
} node_t;


typedef struct {
    int64_t  lease, epoch;
    int      node;
} owner_key_t;


static node_t   nodes[NODES];
static owner_key_t    owner[STREAMS];
static int64_t  lease_end[65536];
static int64_t  leases, revision, now, etcd_down, changed, requests;
static int      streams = STREAMS;
static char     names[STREAMS][8];
static bool     deadline_on, failsafe;

/* the far ends */
static int64_t  last[STREAMS], seen_epoch[STREAMS], gap[STREAMS];
static int      overlaps;


static void
node_start(int i)
{
    node_t            *n = &nodes[i];
    ds_member_conf_t   conf = { 0 };

    conf.node = n->name;
    conf.ttl = TTL;
    conf.failsafe = failsafe;

    conf.fence = &n->fence;

    if (!n->keep) {
        memset(&n->fence, 0, sizeof(n->fence));
    }

    n->keep = false;
    n->m = ds_member_create(&conf);
    n->done = 0;
    n->draining = false;
    memset(n->term, 0, sizeof(n->term));
    memset(n->whose, 0, sizeof(n->whose));
}


static void
start(int count, bool on, bool safe)
{
    int  i;

    deadline_on = on;
    failsafe = safe;
    now = 1000000;
    leases = 0;
    etcd_down = 0;
    overlaps = 0;
    changed = 0;

    memset(owner, 0, sizeof(owner));
    memset(last, 0, sizeof(last));
    memset(seen_epoch, 0, sizeof(seen_epoch));

    for (i = 0; i < streams; i++) {
        (void) snprintf(names[i], sizeof(names[i]), "s%04d", i % 10000);
    }

    for (i = 0; i < NODES; i++) {
        ds_member_free(&nodes[i].m);
        memset(&nodes[i], 0, sizeof(node_t));
        (void) snprintf(nodes[i].name, sizeof(nodes[i].name), "n%d", i);

        if (i < count) {
            node_start(i);

        } else {
            nodes[i].dead = INT64_MAX;
        }
    }
}


static bool
lease_lives(int64_t lease)
{
    return lease != 0 && now < lease_end[lease];
}


/* what etcd does with a request that has reached it */

static void
etcd_take(int i)
{
    int               k;
    size_t            m;
    node_t           *n = &nodes[i];
    ds_member_act_t  *a = &n->act;

    requests++;
    n->got = 0;

    switch (a->op) {

    case DS_MEMBER_GRANT:
        a->lease = ++leases % 65535 + 1;
        lease_end[a->lease] = now + TTL;
        break;

    case DS_MEMBER_JOIN:
        if (!lease_lives(a->lease)) {
            n->got = -1;

        } else if (!lease_lives(n->node_lease)
                   || n->node_lease == a->lease)
        {
            n->node_lease = a->lease;
            memset(&n->rec, 0, sizeof(n->rec));
            memcpy(n->rec.name, n->name, sizeof(n->name));
            n->rec.weight = 1;
            n->rec.lease = a->lease;
            n->got = 1;
            changed = now;
        }

        break;

    case DS_MEMBER_TELL:
        n->rec.draining = n->draining;
        changed = now;
        break;

    case DS_MEMBER_RENEW:
        n->got = lease_lives(a->lease);

        if (n->got) {
            lease_end[a->lease] = now + TTL;
        }

        break;

    case DS_MEMBER_CLAIM:
        n->got = lease_lives(a->lease) ? ++revision : 0;

        for (m = 0; m < a->n; m++) {
            if (lease_lives(owner[atoi(a->streams[m] + 1)].lease)) {
                n->got = 0;
            }
        }

        for (m = 0; n->got != 0 && m < a->n; m++) {
            k = atoi(a->streams[m] + 1);
            owner[k].lease = a->lease;
            owner[k].node = i;
            owner[k].epoch = n->got;
            changed = now;
        }

        break;

    case DS_MEMBER_RELEASE:
        n->got = 1;

        for (m = 0; m < a->n; m++) {
            k = atoi(a->streams[m] + 1);
            n->got &= lease_lives(owner[k].lease)
                      && owner[k].epoch == a->epochs[m];
        }

        for (m = 0; n->got != 0 && m < a->n; m++) {
            owner[atoi(a->streams[m] + 1)].lease = 0;
            changed = now;
        }

        break;

    case DS_MEMBER_LEAVE:
        lease_end[a->lease] = 0;
        changed = now;
        break;

    default:
        break;
    }
}


static bool
reaches(node_t *n)
{
    return now >= etcd_down && n->link != LINK_OUT && n->link != LINK_DOWN;
}


static void
node_read(node_t *n)
{
    int  i;

    ds_member_read(n->m);

    for (i = 0; i < NODES; i++) {
        if (lease_lives(nodes[i].node_lease)) {
            (void) ds_member_read_node(n->m, &nodes[i].rec);
        }
    }

    for (i = 0; i < streams; i++) {
        if (lease_lives(owner[i].lease)) {
            (void) ds_member_read_owner(n->m, names[i],
                                        nodes[owner[i].node].name,
                                        owner[i].lease, owner[i].epoch);
        }
    }
}


static bool
ask_all(node_t *n)
{
    int   i;
    bool  all;

    all = ds_member_read_at(n->m) != 0;

    for (i = 0; i < NODES; i++) {
        if (&nodes[i] == n) {
            continue;
        }

        if (nodes[i].m == NULL || nodes[i].paused > now || n->alone
            || nodes[i].alone || !ds_fence_asked(&nodes[i].fence, now, TTL))
        {
            all = false;
        }
    }

    return all;
}


/* the answer has come, or will not */

static void
node_done(node_t *n)
{
    ds_member_act_t  *a = &n->act;

    n->done = 0;

    if (a->op == DS_MEMBER_ASK) {
        ds_member_answered(n->m, n->asked, n->reached);
        return;
    }

    if (!n->reached || n->link == LINK_BACK || n->link == LINK_DOWN) {
        ds_member_failed(n->m, a, now);
        return;
    }

    switch (a->op) {

    case DS_MEMBER_GRANT:
        ds_member_granted(n->m, n->asked, a->lease, TTL);
        break;

    case DS_MEMBER_JOIN:
        if (n->got == -1) {
            ds_member_renewed(n->m, n->asked, false);

        } else {
            ds_member_joined(n->m, now, n->got != 0);
        }

        break;

    case DS_MEMBER_TELL:
        ds_member_told(n->m);
        break;

    case DS_MEMBER_RENEW:
        ds_member_renewed(n->m, n->asked, n->got != 0);
        break;

    case DS_MEMBER_READ:
        node_read(n);
        ds_member_read_end(n->m, n->asked, now);
        break;

    case DS_MEMBER_CLAIM:
        ds_member_claimed(n->m, a, n->got);
        break;

    case DS_MEMBER_RELEASE:
        ds_member_released(n->m, a, n->got != 0);
        break;

    case DS_MEMBER_LEAVE:
        ds_member_left(n->m);
        break;

    default:
        break;
    }
}


/* its threads of streams: each sends as long as it may */

static void
node_send(node_t *n)
{
    int  i;

    for (i = 0; i < streams; i++) {
        if (n->term[i] == 0
            || (deadline_on && (ds_member_lease(n->m) != n->term[i]
                                || now >= ds_member_deadline(n->m))))
        {
            continue;
        }

        if (n->epoch[i] < seen_epoch[i]) {
            overlaps++;
        }

        if (last[i] != 0 && now - last[i] > gap[i]) {
            gap[i] = now - last[i];
        }

        seen_epoch[i] = n->epoch[i];
        last[i] = now;
    }
}


/* its relay worker */

static void
node_pass(node_t *n)
{
    int         i;
    ds_owner_t  o;
    ds_whose_e  whose;

    for (i = 0; i < streams; i++) {
        ds_member_owner(n->m, names[i], &o);
        whose = o.whose;

        if (whose == DS_WHOSE_MOVING && n->whose[i] != whose) {
            n->boundary[i] = now + rand() % 2000;
        }

        n->whose[i] = whose;

        if (whose == DS_WHOSE_OURS && n->term[i] == 0) {
            n->term[i] = ds_member_lease(n->m);
            n->epoch[i] = o.epoch;

        } else if (whose == DS_WHOSE_OTHERS || whose == DS_WHOSE_ENDING
                   || (whose == DS_WHOSE_MOVING && now >= n->boundary[i])
                   || n->term[i] != ds_member_lease(n->m))
        {
            n->term[i] = 0;
        }

        (void) ds_member_stream(n->m, names[i], true, n->term[i] != 0);
    }
}


static void
node_step(int i)
{
    node_t           *n = &nodes[i];
    ds_member_act_t   act;

    if (n->m == NULL) {
        if (now >= n->dead) {
            node_start(i);
        }

        return;
    }

    if (n->link != LINK_UP && now >= n->link_until) {
        n->link = LINK_UP;
        n->alone = false;
    }

    /* on its way, whatever becomes of the process */

    if (n->done != 0 && !n->reached && now == n->asked + STEP) {
        n->reached = n->act.op == DS_MEMBER_ASK ? ask_all(n) : reaches(n);

        if (n->reached && n->act.op != DS_MEMBER_ASK) {
            etcd_take(i);
        }

        if (!n->reached) {
            n->done = n->asked + 1000;
        }
    }

    if (now < n->paused) {
        return;
    }

    if (now % 100 == 0) {
        node_send(n);
    }

    if (n->done != 0 && now >= n->done) {
        node_done(n);
    }

    if (changed > n->hinted && now - changed >= 50 && reaches(n)
        && n->link == LINK_UP)
    {
        n->hinted = now;
        ds_member_hint(n->m);
    }

    if (n->done == 0) {
        ds_member_next(n->m, now, &act);

        if (act.op != DS_MEMBER_NOTHING) {
            n->act = act;
            n->asked = now;
            n->done = now + 2 * STEP;
            n->reached = false;
        }
    }

    if (now % 50 == 0) {
        node_pass(n);
    }
}


static void
run(int64_t ms)
{
    int      i;
    int64_t  end;

    for (end = now + ms; now < end; now += STEP) {
        for (i = 0; i < NODES; i++) {
            node_step(i);

            if (lease_end[nodes[i].node_lease] == now) {
                changed = now;
            }
        }
    }
}


static void
node_kill(int i, int64_t ms)
{
    nodes[i].keep = ms < 1000;
    nodes[i].dead = ms == INT64_MAX ? ms : now + ms;
    ds_member_free(&nodes[i].m);
}


static int
on_air(int64_t within)
{
    int  i, n;

    for (i = 0, n = 0; i < streams; i++) {
        n += last[i] != 0 && now - last[i] <= within;
    }

    return n;
}


static int
owned(int i)
{
    int  k, n;

    for (k = 0, n = 0; k < streams; k++) {
        n += lease_lives(owner[k].lease) && owner[k].node == i;
    }

    return n;
}


static int64_t
until_all(int64_t most)
{
    int64_t  from;

    for (from = now; now - from < most && on_air(200) < streams; ) {
        run(100);
    }

    return now - from;
}


static int64_t
worst(void)
{
    int      i;
    int64_t  most;

    for (i = 0, most = 0; i < streams; i++) {
        most = gap[i] > most ? gap[i] : most;
    }

    memset(gap, 0, sizeof(gap));

    return most;
}


static void
fault(void)
{
    int      i;
    node_t  *n;

    i = rand() % NODES;
    n = &nodes[i];

    switch (rand() % 7) {

    case 0:
        if (n->m != NULL) {
            node_kill(i, rand() % 2 ? 1 + rand() % 999
                                    : 1000 + rand() % 19000);
        }

        break;

    case 1:
        n->paused = now + 1000 + rand() % 59000;
        break;

    case 2:
    case 3:
    case 4:
        n->link = LINK_OUT + rand() % 3;
        n->link_until = now + 1000 + rand() % 29000;
        n->alone = rand() % 2;
        break;

    case 5:
        /* it comes back with another leader, which renews all leases */
        etcd_down = now + 500 + rand() % 20000;

        for (i = 1; i < 65536; i++) {
            if (lease_lives(i)) {
                lease_end[i] = etcd_down + TTL;
            }
        }

        break;

    default:
        if (n->m != NULL) {
            ds_member_balance(n->m);
        }

        break;
    }
}


static void
faults(int n)
{
    while (n-- != 0) {
        fault();
        run(1000 + rand() % 15000);
    }
}


static void
test_faults(void)
{
    int          n;
    const char  *soak;

    soak = getenv("SOAK_FAULTS");
    n = soak != NULL ? atoi(soak) : 60;
    streams = 60;

    start(NODES, false, true);
    (void) until_all(30000);
    faults(n);
    ok(overlaps != 0, "without the deadline two publish at a time: %d",
       overlaps);

    start(NODES, true, true);
    (void) until_all(30000);
    faults(n);
    is_int(overlaps, 0, "%d faults, failsafe: never two publishers", n);

    start(NODES, true, false);
    (void) until_all(30000);
    faults(n);
    is_int(overlaps, 0, "%d faults, stop: never two publishers", n);

    run(90000);
    is_int(on_air(1500), streams, "all are on air when all is mended");
}


static void
test_takeover(void)
{
    int64_t  ms, before;

    start(NODES, true, true);
    ms = until_all(30000);
    ok(ms < 15000, "%d streams on air after %lld ms: %d, %d, %d", STREAMS,
       (long long) ms, owned(0), owned(1), owned(2));
    ok(owned(0) < 345 && owned(1) < 345 && owned(2) < 345, "evenly");

    run(10000);
    before = requests;
    run(60000);
    ok(requests - before < 60 * 2 * NODES, "%.2f requests a second and node",
       (requests - before) / 60.0 / NODES);

    node_kill(0, INT64_MAX);
    run(300);
    ms = 300 + until_all(30000);
    ok(ms < 15000, "a third of them taken over within %lld ms: %d, %d",
       (long long) ms, owned(1), owned(2));

    is_int(overlaps, 0, "never two publishers");
}


static void
test_moves(void)
{
    int64_t  ms;

    streams = 90;
    start(NODES, true, true);
    (void) until_all(30000);

    node_kill(0, INT64_MAX);
    run(15000);
    is_int(owned(1) + owned(2), streams, "two have all");
    nodes[0].dead = now;
    (void) worst();
    run(200000);
    is_int(owned(0), 30, "one that comes back gets its share, in time");
    ms = worst();
    ok(ms <= 1000, "gaps while they move: %lld ms", (long long) ms);

    streams = STREAMS;
    start(NODES, true, true);
    (void) until_all(30000);
    (void) worst();

    ds_member_drain(nodes[1].m, true, true);
    nodes[1].draining = true;
    run(30000);
    is_int(owned(1), 0, "one that leaves gives all up");
    is_int(on_air(200), STREAMS, "to others");
    ms = worst();
    ok(ms <= 1000, "gaps when a third moves at once: %lld ms",
       (long long) ms);
    is_int(overlaps, 0, "never two publishers");
}


static void
test_lost(void)
{
    start(NODES, true, true);
    (void) until_all(30000);
    (void) worst();
    etcd_down = now + 300000;
    memset(lease_end, 0x3f, sizeof(lease_end));
    run(300000);
    is_int(on_air(200), STREAMS, "etcd away, failsafe: all go on");
    is_int(worst(), 100, "without a gap");

    memset(lease_end, 0, sizeof(lease_end));
    run(30000);
    is_int(on_air(200), STREAMS, "and when all leases are lost, begin anew");

    nodes[0].link = LINK_DOWN;
    nodes[0].link_until = INT64_MAX;
    nodes[0].alone = true;
    run(5500);
    is_int(ds_member_lease(nodes[0].m), 0, "a node that is cut off stops");
    run(15000);
    is_int(on_air(200), STREAMS, "and others go on");
    is_int(overlaps, 0, "never two publishers");

    start(NODES, true, false);
    (void) until_all(30000);
    etcd_down = now + 60000;
    run(6000);
    is_int(on_air(200), 0, "etcd away, stop: all end at their deadline");
}


/* with a real connection: the thread that writes */

static void
test_fence(void)
{
    int              rc, i;
    peer_t           p;
    int64_t          at = 0;
    ds_rtmp_t       *r;
    ds_fence_t       fence = { 0 };
    ds_error_t       err;
    ds_cancel_t      cancel;
    ds_rtmp_conf_t   conf = { .name = "name", .nowait = true };

    static uint8_t   data[20000];

    (void) ds_cancel_init(&cancel);
    peer_start(&p, TAKE);
    conf.url = p.url;

    ds_fence_open(&fence, 7, ds_boottime() + 700);
    (void) ds_fence_look(&fence);
    ds_fence_confirm(&fence, ds_boottime() + 1);

    conf.term = ds_fence_term(&fence);
    r = ds_rtmp_publish(&conf, &cancel, &err);
    ok(r != NULL, "published under a lease");

    for (rc = DS_OK, i = 0; rc == DS_OK && r != NULL && i < 2000; i++) {
        (void) ds_rtmp_message(r, DS_RTMP_VIDEO, i, sizeof(data), &err);
        rc = ds_rtmp_write(r, data, sizeof(data), &err);
        at = ds_boottime();
        rc = rc != DS_OK ? rc : ds_rtmp_flush(r, &err);
        (void) ds_cancel_wait(&cancel, 1);
    }

    is_int(rc, DS_EOUTPUT_LOST, "lost: %s", err.message);
    ok(at >= fence.deadline && at < fence.deadline + 500, "at its end");
    ds_rtmp_close(&r);

    ds_fence_open(&fence, 8, ds_boottime() + 60000);
    ok(!ds_fence_pass(&conf.term, &cancel), "another lease is another's");

    conf.term = ds_fence_term(&fence);
    ok(ds_fence_pass(&conf.term, &cancel), "but for what began under it");

    fence.seen -= 2000;
    ok(ds_fence_look(&fence), "a pause is seen");
    ds_cancel_set(&cancel);
    ok(!ds_fence_pass(&conf.term, &cancel), "nothing is sent after it");
    ds_fence_confirm(&fence, ds_boottime() + 1);
    ok(ds_fence_pass(&conf.term, &cancel), "until the lease was read");

    ds_fence_shut(&fence);
    ok(!ds_fence_pass(&conf.term, &cancel), "shut");

    peer_end(&p);
    ds_cancel_free(&cancel);
}


int
main(void)
{
    srand(7);

    test_fence();
    test_takeover();
    test_moves();
    test_lost();
    test_faults();

    return done_testing();
}
