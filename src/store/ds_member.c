
/*
 * ds_member.c: the rules of ds_member.h.  Knows no etcd, no clock, no thread.
 */

#include <stdlib.h>
#include <string.h>

#include "store/ds_member.h"


/* ms between two renewals; after one that failed; after what else failed */
#define DS_MEMBER_RENEWAL  1000
#define DS_MEMBER_AGAIN    200
#define DS_MEMBER_RETRY    1000

/* ms between two readings; at the least */
#define DS_MEMBER_READING  30000
#define DS_MEMBER_HURRY    200

/* ms after a join, for the others that join at the same time */
#define DS_MEMBER_SETTLE   2000

/* ms that whose turn it is has before the next one takes it */
#define DS_MEMBER_TURN     5000


typedef struct {
    ds_member_node_t   node;
    uint32_t           load;        /* with what it is to get */
    bool               seen;
} ds_peer_t;

typedef struct {
    char               name[DS_NAME_LEN + 1];
    char               node[DS_NAME_LEN + 1];   /* "": nobody's */
    int64_t            epoch;
    int64_t            free;        /* when it was first seen so */
    bool               seen;
    bool               ours;
    bool               wanted;
    bool               running;
    bool               others;      /* it was another node's */
} ds_held_t;


struct ds_member_s {
    ds_member_node_t   self;
    int64_t            ttl;
    bool               may_failsafe;
    ds_fence_t        *fence;

    int64_t            lease;       /* 0: none */
    int64_t            deadline;
    int64_t            renew_at;
    int64_t            ask_at;
    int64_t            retry_at;    /* of all else */
    int64_t            joined_at;   /* 0: not joined */
    int64_t            read_at;     /* asked; 0: never under this lease */
    bool               hint;
    bool               doubt;
    bool               untold;      /* the node's record has changed */
    bool               leave;
    bool               came;        /* a node, since the last reading */
    bool               balance;
    int64_t            balance_at;  /* not before */
    char               moving[DS_NAME_LEN + 1];
    uint64_t           takeovers;
    uint64_t           stops;
    size_t             batch;       /* streams at a time, less after one that
                                       did not succeed */

    ds_peer_t         *peers;       /* by name */
    size_t             npeers;
    ds_held_t         *held;        /* by name */
    size_t             nheld;
    size_t             size;
};


static void ds_member_lost(ds_member_t *m);
static void ds_member_extend(ds_member_t *m, int64_t asked);
static void ds_member_batched(ds_member_t *m, bool all);
static bool ds_member_release(ds_member_t *m, ds_member_act_t *act);
static bool ds_member_none(const ds_member_t *m);
static void ds_member_add(ds_member_act_t *act, const ds_held_t *h);
static bool ds_member_claim(ds_member_t *m, int64_t now,
    ds_member_act_t *act);
static void ds_member_loads(ds_member_t *m);
static bool ds_member_turn(ds_member_t *m, int64_t waits);
static bool ds_member_less(const ds_peer_t *a, const ds_peer_t *b);
static bool ds_member_takes(const ds_peer_t *p);
static void ds_member_move(ds_member_t *m, int64_t now);
static ds_peer_t *ds_member_peer(const ds_member_t *m, const char *name);
static ds_held_t *ds_member_held(const ds_member_t *m, const char *name);
static ds_held_t *ds_member_hold(ds_member_t *m, const char *name);
static size_t ds_member_place(const ds_member_t *m, const char *name);


ds_member_t *
ds_member_create(const ds_member_conf_t *conf)
{
    ds_member_t  *m;

    m = calloc(1, sizeof(ds_member_t));
    if (m == NULL) {
        return NULL;
    }

    ds_text(m->self.name, sizeof(m->self.name), conf->node);
    m->self.max_streams = conf->max_streams;
    m->self.weight = conf->weight == 0 ? 1 : conf->weight;
    m->ttl = conf->ttl;
    m->may_failsafe = conf->failsafe;
    m->fence = conf->fence;
    m->lease = ds_fence_lease(m->fence);
    m->deadline = ds_fence_deadline(m->fence);
    ds_text(m->self.url, sizeof(m->self.url), conf->url);
    m->batch = DS_MEMBER_BATCH;

    return m;
}


void
ds_member_free(ds_member_t **pm)
{
    if (*pm != NULL) {
        free((*pm)->peers);
        free((*pm)->held);
        free(*pm);
        *pm = NULL;
    }
}


void
ds_member_next(ds_member_t *m, int64_t now, ds_member_act_t *act)
{
    bool  due;

    if (m->lease != 0 && now >= m->deadline) {
        m->stops++;
        ds_member_lost(m);
    }

    act->op = DS_MEMBER_NOTHING;
    act->n = 0;
    act->at = now + DS_MEMBER_AGAIN / 2;
    act->lease = m->lease;

    due = now >= m->retry_at;

    if (m->lease == 0) {
        act->op = due && !m->leave ? DS_MEMBER_GRANT : DS_MEMBER_NOTHING;
        return;
    }

    if (now >= m->renew_at) {
        act->op = DS_MEMBER_RENEW;
        return;
    }

    if (m->may_failsafe && now >= m->ask_at
        && !ds_member_quorum(m, now))
    {
        act->op = DS_MEMBER_ASK;
        return;
    }

    if (!due) {
        return;
    }

    if (m->joined_at == 0 && !m->leave) {
        act->op = DS_MEMBER_JOIN;

    } else if (m->doubt || m->read_at == 0
               || now - m->read_at >= DS_MEMBER_READING
               || (m->hint && now - m->read_at >= DS_MEMBER_HURRY))
    {
        act->op = DS_MEMBER_READ;

    } else if (ds_member_release(m, act)) {
        act->op = DS_MEMBER_RELEASE;

    } else if (m->leave) {
        act->op = ds_member_none(m) ? DS_MEMBER_LEAVE : DS_MEMBER_NOTHING;

    } else if (m->untold) {
        act->op = DS_MEMBER_TELL;

    } else if (ds_member_claim(m, now, act)) {
        act->op = DS_MEMBER_CLAIM;

    } else {
        ds_member_move(m, now);
    }
}


static void
ds_member_lost(ds_member_t *m)
{
    size_t  i;

    ds_fence_shut(m->fence);

    m->lease = 0;
    m->deadline = 0;
    m->joined_at = 0;
    m->read_at = 0;
    m->doubt = false;
    m->retry_at = 0;
    m->moving[0] = '\0';

    for (i = 0; i < m->nheld; i++) {
        if (m->held[i].ours) {
            m->held[i].ours = false;
            m->held[i].epoch = 0;
            m->held[i].node[0] = '\0';
        }
    }
}


void
ds_member_granted(ds_member_t *m, int64_t asked, int64_t lease, int64_t ttl)
{
    m->lease = lease;
    m->ttl = ttl;
    m->deadline = asked + ttl - DS_MEMBER_MARGIN;

    ds_fence_answer(m->fence, asked);
    ds_fence_confirm(m->fence, asked);
    ds_fence_open(m->fence, lease, m->deadline);
    m->renew_at = asked + DS_MEMBER_RENEWAL;
}


void
ds_member_joined(ds_member_t *m, int64_t now, bool joined)
{
    if (joined) {
        m->joined_at = now;
        m->untold = m->self.draining || m->self.balance != 0;

    } else {
        m->retry_at = now + DS_MEMBER_RETRY;
    }
}


void
ds_member_told(ds_member_t *m)
{
    m->untold = false;
}


void
ds_member_renewed(ds_member_t *m, int64_t asked, bool alive)
{
    if (!alive) {
        ds_member_lost(m);
        return;
    }

    m->renew_at = asked + DS_MEMBER_RENEWAL;

    ds_fence_answer(m->fence, asked);
    ds_member_extend(m, asked);
}


void
ds_member_claimed(ds_member_t *m, const ds_member_act_t *act, int64_t epoch)
{
    size_t      i;
    ds_held_t  *h;

    m->hint |= epoch == 0;
    ds_member_batched(m, epoch != 0);

    for (i = 0; epoch != 0 && i < act->n; i++) {
        h = ds_member_held(m, act->streams[i]);

        if (h != NULL) {
            m->takeovers += h->others;
            h->others = false;
            h->ours = true;
            h->epoch = epoch;
            memcpy(h->node, m->self.name, sizeof(h->node));
        }
    }
}


void
ds_member_released(ds_member_t *m, const ds_member_act_t *act, bool all)
{
    size_t      i;
    ds_held_t  *h;

    m->hint |= !all;
    ds_member_batched(m, all);

    for (i = 0; all && i < act->n; i++) {
        h = ds_member_held(m, act->streams[i]);

        if (h != NULL) {
            h->ours = false;
            h->epoch = 0;
            h->free = 0;
            h->node[0] = '\0';
        }

        if (strcmp(m->moving, act->streams[i]) == 0) {
            m->moving[0] = '\0';
        }
    }
}


static void
ds_member_batched(ds_member_t *m, bool all)
{
    m->batch = !all ? 1 : m->batch * 2 < DS_MEMBER_BATCH ? m->batch * 2
                        : DS_MEMBER_BATCH;
}


void
ds_member_answered(ds_member_t *m, int64_t asked, bool all)
{
    m->ask_at = asked + DS_MEMBER_RENEWAL;

    if (all && m->lease != 0) {
        ds_fence_confirm(m->fence, asked);
        ds_member_extend(m, asked);
    }
}


static void
ds_member_extend(ds_member_t *m, int64_t asked)
{
    if (asked + m->ttl - DS_MEMBER_MARGIN > m->deadline) {
        m->deadline = asked + m->ttl - DS_MEMBER_MARGIN;
        ds_fence_extend(m->fence, m->deadline);
    }
}


void
ds_member_left(ds_member_t *m)
{
    ds_member_lost(m);
}


void
ds_member_failed(ds_member_t *m, const ds_member_act_t *act, int64_t now)
{
    if (act->op == DS_MEMBER_RENEW) {
        m->renew_at = now + DS_MEMBER_AGAIN;
        return;
    }

    m->hint = true;
    m->retry_at = now + DS_MEMBER_AGAIN;
}


void
ds_member_read(ds_member_t *m)
{
    size_t  i;

    for (i = 0; i < m->npeers; i++) {
        m->peers[i].seen = false;
    }

    for (i = 0; i < m->nheld; i++) {
        m->held[i].seen = false;
    }
}


int
ds_member_read_node(ds_member_t *m, const ds_member_node_t *node)
{
    size_t      i;
    ds_peer_t  *p;

    p = ds_member_peer(m, node->name);

    if (p == NULL) {
        p = realloc(m->peers, (m->npeers + 1) * sizeof(ds_peer_t));
        if (p == NULL) {
            return DS_ENOMEM;
        }

        m->peers = p;

        for (i = m->npeers; i != 0
                            && strcmp(p[i - 1].node.name, node->name) > 0; i--)
        {
            p[i] = p[i - 1];
        }

        p = &p[i];
        memset(p, 0, sizeof(ds_peer_t));
        m->npeers++;

        /* one that has joined is to get its share */

        m->came |= m->read_at != 0
                   && strcmp(node->name, m->self.name) != 0;

    } else if (p->node.balance != node->balance) {
        /* who has the most is to do it, whoever was asked */
        m->balance = true;
    }

    p->node = *node;
    p->seen = true;

    return DS_OK;
}


int
ds_member_read_owner(ds_member_t *m, const char *stream, const char *node,
    int64_t lease, int64_t epoch)
{
    ds_held_t  *h;

    h = ds_member_hold(m, stream);
    if (h == NULL) {
        return DS_ENOMEM;
    }

    h->seen = true;
    h->epoch = epoch;
    h->ours = lease == m->lease && strcmp(node, m->self.name) == 0;
    ds_text(h->node, sizeof(h->node), node);

    return DS_OK;
}


void
ds_member_read_end(ds_member_t *m, int64_t asked, int64_t now)
{
    size_t      i, n;
    ds_held_t  *h;
    ds_peer_t  *p;

    ds_fence_answer(m->fence, asked);

    m->read_at = asked;
    m->hint = false;
    m->doubt = false;

    if (m->came) {
        m->came = false;
        m->balance = true;
        m->balance_at = now + 2 * DS_MEMBER_SETTLE;
    }

    for (i = 0, n = 0; i < m->npeers; i++) {
        if (m->peers[i].seen) {
            m->peers[n++] = m->peers[i];
        }
    }

    m->npeers = n;

    for (i = 0, n = 0; i < m->nheld; i++) {
        h = &m->held[i];

        if (!h->seen) {
            h->others |= h->node[0] != '\0' && !h->ours;
            h->ours = false;
            h->epoch = 0;
            h->node[0] = '\0';
            h->free = h->free == 0 ? now : h->free;

        } else {
            h->free = 0;
        }

        if (h->seen || h->wanted || h->running) {
            m->held[n++] = *h;
        }
    }

    m->nheld = n;

    if (m->moving[0] != '\0'
        && ((h = ds_member_held(m, m->moving)) == NULL || !h->ours))
    {
        m->moving[0] = '\0';
    }

    /* the node's key is gone though the lease was renewed */

    p = ds_member_peer(m, m->self.name);

    if (p != NULL && p->node.lease == m->lease) {
        ds_fence_confirm(m->fence, asked);

    } else {
        m->joined_at = 0;
    }
}


void
ds_member_hint(ds_member_t *m)
{
    m->hint = true;
}


void
ds_member_doubt(ds_member_t *m)
{
    m->doubt = true;
}


void
ds_member_drain(ds_member_t *m, bool drain, bool leave)
{
    m->untold |= m->self.draining != drain;
    m->self.draining = drain;
    m->leave = leave;
}


void
ds_member_balance(ds_member_t *m)
{
    m->balance = true;
    m->self.balance++;
    m->untold = true;
}


int
ds_member_stream(ds_member_t *m, const char *stream, bool wanted,
    bool running)
{
    ds_held_t  *h;

    h = ds_member_held(m, stream);

    if (h == NULL) {
        if (!wanted && !running) {
            return DS_OK;
        }

        h = ds_member_hold(m, stream);
        if (h == NULL) {
            return DS_ENOMEM;
        }
    }

    h->wanted = wanted;
    h->running = running;

    return DS_OK;
}


/* what has stopped here, and is not to begin here again */

static bool
ds_member_release(ds_member_t *m, ds_member_act_t *act)
{
    size_t      i;
    ds_held_t  *h;

    for (i = 0; i < m->nheld && act->n < m->batch; i++) {
        h = &m->held[i];

        if (h->ours && !h->running
            && (!h->wanted || m->self.draining
                || strcmp(h->name, m->moving) == 0))
        {
            ds_member_add(act, h);
        }
    }

    return act->n != 0;
}


static bool
ds_member_none(const ds_member_t *m)
{
    size_t  i;

    for (i = 0; i < m->nheld; i++) {
        if (m->held[i].ours) {
            return false;
        }
    }

    return true;
}


static void
ds_member_add(ds_member_act_t *act, const ds_held_t *h)
{
    act->epochs[act->n] = h->epoch;
    memcpy(act->streams[act->n], h->name, sizeof(h->name));
    act->n++;
}


/*
 * What nobody has is dealt out, in the order of names, to who has the least
 * for his weight: all nodes come to the same, and the transaction decides
 * where they do not.
 */

static bool
ds_member_claim(ds_member_t *m, int64_t now, ds_member_act_t *act)
{
    size_t      i;
    ds_held_t  *h;

    if (ds_fence_promised(m->fence, now) || m->read_at == 0 || m->joined_at == 0
        || now - m->joined_at < DS_MEMBER_SETTLE || m->self.draining)
    {
        return false;
    }

    ds_member_loads(m);

    for (i = 0; i < m->nheld; i++) {
        h = &m->held[i];

        if (h->node[0] != '\0' || !h->wanted) {
            continue;
        }

        if (h->free == 0) {
            h->free = now;
        }

        if (ds_member_turn(m, now - h->free)) {
            ds_member_add(act, h);
        }

        if (act->n == m->batch) {
            break;
        }
    }

    return act->n != 0;
}


static void
ds_member_loads(ds_member_t *m)
{
    size_t      i;
    ds_peer_t  *p;

    for (i = 0; i < m->npeers; i++) {
        m->peers[i].load = 0;
    }

    for (i = 0; i < m->nheld; i++) {
        p = ds_member_peer(m, m->held[i].node);

        if (p != NULL) {
            p->load++;
        }
    }
}


/* deals one out that has waited for "waits" ms: is it for this node? */

static bool
ds_member_turn(ds_member_t *m, int64_t waits)
{
    size_t      i;
    int64_t     before;
    ds_peer_t  *p, *best, *self;

    best = NULL;
    before = 0;
    self = ds_member_peer(m, m->self.name);

    if (self == NULL || !ds_member_takes(self)) {
        return false;
    }

    for (i = 0; i < m->npeers; i++) {
        p = &m->peers[i];

        if (!ds_member_takes(p)) {
            continue;
        }

        if (p != self && ds_member_less(p, self)) {
            before++;
        }

        if (best == NULL || ds_member_less(p, best)) {
            best = p;
        }
    }

    best->load++;

    return best == self || waits >= before * DS_MEMBER_TURN;
}


/* has it less for its weight, with one more? */

static bool
ds_member_less(const ds_peer_t *a, const ds_peer_t *b)
{
    uint64_t  x, y;

    x = ((uint64_t) a->load + 1) * b->node.weight;
    y = ((uint64_t) b->load + 1) * a->node.weight;

    return x != y ? x < y : strcmp(a->node.name, b->node.name) < 0;
}


static bool
ds_member_takes(const ds_peer_t *p)
{
    return !p->node.draining
           && (p->node.max_streams == 0 || p->load < p->node.max_streams);
}


/*
 * One stream of this node, if it has the most, and would not have less than
 * another one then.
 */

static void
ds_member_move(ds_member_t *m, int64_t now)
{
    size_t      i;
    ds_peer_t  *p, *most, *least;

    if (!m->balance || now < m->balance_at || m->moving[0] != '\0') {
        return;
    }

    most = NULL;
    least = NULL;
    ds_member_loads(m);

    for (i = 0; i < m->npeers; i++) {
        p = &m->peers[i];

        if (most == NULL || ds_member_less(most, p)) {
            most = p;
        }

        if (ds_member_takes(p) && (least == NULL || ds_member_less(p, least)))
        {
            least = p;
        }
    }

    for (i = 0; i < m->nheld; i++) {
        if (m->held[i].wanted && m->held[i].node[0] == '\0') {
            return;                     /* one is on its way */
        }
    }

    if (most == NULL || least == NULL || most == least
        || (uint64_t) most->load * least->node.weight
           <= ((uint64_t) least->load + 1) * most->node.weight)
    {
        m->balance = false;
        return;
    }

    for (i = 0; i < m->nheld; i++) {
        if (m->held[i].ours && strcmp(most->node.name, m->self.name) == 0) {
            memcpy(m->moving, m->held[i].name, sizeof(m->moving));
            return;
        }
    }
}


int64_t
ds_member_lease(const ds_member_t *m)
{
    return m->lease;
}


int64_t
ds_member_deadline(const ds_member_t *m)
{
    return m->deadline;
}


int64_t
ds_member_joined_at(const ds_member_t *m)
{
    return m->joined_at;
}


void
ds_member_counts(const ds_member_t *m, uint64_t *takeovers, uint64_t *stops)
{
    *takeovers = m->takeovers;
    *stops = m->stops;
}


int64_t
ds_member_read_at(const ds_member_t *m)
{
    return m->read_at;
}


void
ds_member_owner(ds_member_t *m, const char *stream, ds_owner_t *owner)
{
    ds_held_t  *h;

    memset(owner, 0, sizeof(ds_owner_t));

    h = ds_member_held(m, stream);
    if (h == NULL) {
        return;
    }

    owner->epoch = h->epoch;
    memcpy(owner->node, h->node, sizeof(owner->node));

    owner->whose = !h->ours ? DS_WHOSE_OTHERS
                   : m->self.draining || !h->wanted ? DS_WHOSE_ENDING
                   : strcmp(h->name, m->moving) == 0 ? DS_WHOSE_MOVING
                   : DS_WHOSE_OURS;
}


const ds_member_node_t *
ds_member_node(const ds_member_t *m, size_t i, uint32_t *owned)
{
    size_t  n;

    if (i >= m->npeers) {
        return NULL;
    }

    *owned = 0;

    for (n = 0; n < m->nheld; n++) {
        *owned += strcmp(m->held[n].node, m->peers[i].node.name) == 0;
    }

    return &m->peers[i].node;
}


bool
ds_member_quorum(const ds_member_t *m, int64_t now)
{
    return now - ds_fence_answered(m->fence) < DS_FENCE_SILENCE;
}


bool
ds_member_failsafe(const ds_member_t *m, int64_t now)
{
    return m->lease != 0
           && now - ds_fence_answered(m->fence) >= m->ttl - DS_MEMBER_MARGIN;
}


const ds_member_node_t *
ds_member_self(const ds_member_t *m)
{
    return &m->self;
}


static ds_peer_t *
ds_member_peer(const ds_member_t *m, const char *name)
{
    size_t  i;

    for (i = 0; i < m->npeers; i++) {
        if (strcmp(m->peers[i].node.name, name) == 0) {
            return &m->peers[i];
        }
    }

    return NULL;
}


/* where it is, or is to be */

static size_t
ds_member_place(const ds_member_t *m, const char *name)
{
    size_t  from, to, i;

    from = 0;
    to = m->nheld;

    while (from < to) {
        i = from + (to - from) / 2;

        if (strcmp(m->held[i].name, name) < 0) {
            from = i + 1;

        } else {
            to = i;
        }
    }

    return from;
}


static ds_held_t *
ds_member_held(const ds_member_t *m, const char *name)
{
    size_t  i;

    i = ds_member_place(m, name);

    return i < m->nheld && strcmp(m->held[i].name, name) == 0
           ? &m->held[i] : NULL;
}


static ds_held_t *
ds_member_hold(ds_member_t *m, const char *name)
{
    size_t      i, size;
    ds_held_t  *h;

    h = ds_member_held(m, name);
    if (h != NULL) {
        return h;
    }

    if (m->nheld == m->size) {
        size = m->size == 0 ? 16 : m->size * 2;

        h = realloc(m->held, size * sizeof(ds_held_t));
        if (h == NULL) {
            return NULL;
        }

        m->held = h;
        m->size = size;
    }

    i = ds_member_place(m, name);
    h = &m->held[i];

    memmove(h + 1, h, (m->nheld - i) * sizeof(ds_held_t));
    memset(h, 0, sizeof(ds_held_t));
    ds_text(h->name, sizeof(h->name), name);
    m->nheld++;

    return h;
}
