
/*
 * ds_gate.c: a semaphore that is fair and can be canceled: each who waits has
 * an eventfd, and is woken when his turn has come, not before.
 */

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/ds_gate.h"


/* not an error, nor a place */
#define DS_GATE_WAITS  1


typedef struct ds_gate_node_s  ds_gate_node_t;

struct ds_gate_node_s {
    const char         *key;            /* NULL: none */
    int                 fd;             /* eventfd, its turn may have come */
    const ds_cancel_t  *cancel;         /* whose it is */
    bool                behind;
    bool                urgent;
    bool                inside;
    ds_gate_node_t     *next;
};


struct ds_gate_s {
    unsigned          places;           /* constant */

    pthread_mutex_t   lock;
    unsigned          taken;
    unsigned          behind;           /* of them, by what can wait */
    ds_gate_node_t   *admitted;         /* those with a key */
    ds_gate_node_t   *waiting;          /* the first to come is first */
};


static int ds_gate_queue(ds_gate_t *g, const char *key, int64_t timeout,
    bool behind, ds_cancel_t *cancel);
static int ds_gate_wait(ds_gate_t *g, ds_gate_node_t *node, int64_t timeout,
    ds_cancel_t *cancel);
static void ds_gate_admit(ds_gate_t *g);
static void ds_gate_admit_class(ds_gate_t *g, bool behind);
static bool ds_gate_has(ds_gate_t *g, const char *key);
static void ds_gate_remove(ds_gate_node_t **list, ds_gate_node_t *node);


ds_gate_t *
ds_gate_create(unsigned places)
{
    ds_gate_t  *g;

    g = calloc(1, sizeof(ds_gate_t));
    if (g == NULL) {
        return NULL;
    }

    g->places = places;
    (void) pthread_mutex_init(&g->lock, NULL);

    return g;
}


void
ds_gate_free(ds_gate_t **g)
{
    if (*g == NULL) {
        return;
    }

    (void) pthread_mutex_destroy(&(*g)->lock);
    free(*g);
    *g = NULL;
}


int
ds_gate_enter(ds_gate_t *g, const char *key, int64_t timeout,
    ds_cancel_t *cancel)
{
    return ds_gate_queue(g, key, timeout, false, cancel);
}


int
ds_gate_enter_behind(ds_gate_t *g, ds_cancel_t *cancel)
{
    return ds_gate_queue(g, NULL, -1, true, cancel);
}


static int
ds_gate_queue(ds_gate_t *g, const char *key, int64_t timeout, bool behind,
    ds_cancel_t *cancel)
{
    int               rc;
    ds_gate_node_t   *node, **p;

    node = calloc(1, sizeof(ds_gate_node_t));
    if (node == NULL) {
        return DS_ENOMEM;
    }

    node->key = key;
    node->cancel = cancel;
    node->behind = behind;
    node->fd = eventfd(0, EFD_CLOEXEC|EFD_NONBLOCK);

    if (node->fd == -1) {
        free(node);
        return DS_EINTERNAL;
    }

    (void) pthread_mutex_lock(&g->lock);

    for (p = &g->waiting; *p != NULL; p = &(*p)->next) { /* void */ }

    *p = node;
    ds_gate_admit(g);

    (void) pthread_mutex_unlock(&g->lock);

    rc = ds_gate_wait(g, node, timeout, cancel);

    (void) close(node->fd);

    if (rc != DS_OK || key == NULL) {
        free(node);
    }

    return rc;
}


/* a place that came in the last moment is a place */

static int
ds_gate_wait(ds_gate_t *g, ds_gate_node_t *node, int64_t timeout,
    ds_cancel_t *cancel)
{
    int            rc;
    bool           own;
    int64_t        end, left;
    uint64_t       n;
    struct pollfd  pfd[2];

    pfd[0] = (struct pollfd) { .fd = node->fd, .events = POLLIN };
    pfd[1] = (struct pollfd) { .fd = cancel->fd, .events = POLLIN };
    end = ds_monotonic() + timeout;

    for ( ;; ) {
        (void) pthread_mutex_lock(&g->lock);

        own = ds_gate_has(g, node->key) && !node->inside;

        if (own) {
            end = ds_monotonic() + timeout;
        }

        left = timeout == -1 || own ? -1 : end - ds_monotonic();
        left = timeout != -1 && !own && left < 0 ? 0 : left;

        if (node->inside) {
            rc = DS_OK;

        } else if (ds_cancel_is_set(cancel)) {
            rc = DS_ECANCELED;

        } else {
            rc = left == 0 ? DS_EENCODE_LIMIT : DS_GATE_WAITS;
        }

        if (rc < 0) {
            ds_gate_remove(&g->waiting, node);
        }

        (void) pthread_mutex_unlock(&g->lock);

        if (rc != DS_GATE_WAITS) {
            return rc;
        }

        (void) poll(pfd, 2, left > INT32_MAX ? INT32_MAX : (int) left);
        (void) !read(node->fd, &n, sizeof(n));
    }
}


void
ds_gate_leave_behind(ds_gate_t *g)
{
    (void) pthread_mutex_lock(&g->lock);

    g->taken--;
    g->behind--;
    ds_gate_admit(g);

    (void) pthread_mutex_unlock(&g->lock);
}


void
ds_gate_urge(ds_gate_t *g, const ds_cancel_t *cancel)
{
    ds_gate_node_t  *node;

    (void) pthread_mutex_lock(&g->lock);

    for (node = g->waiting; node != NULL; node = node->next) {
        if (node->cancel == cancel && !node->urgent) {
            node->urgent = true;
            ds_gate_admit(g);
            break;
        }
    }

    (void) pthread_mutex_unlock(&g->lock);
}


void
ds_gate_leave(ds_gate_t *g, const char *key)
{
    uint64_t         one;
    ds_gate_node_t  *node;

    one = 1;
    node = NULL;

    (void) pthread_mutex_lock(&g->lock);

    if (key != NULL) {
        for (node = g->admitted; node->key != key; node = node->next) {
            /* void */
        }

        ds_gate_remove(&g->admitted, node);
    }

    g->taken -= !ds_gate_has(g, key);
    ds_gate_admit(g);

    if (node != NULL) {
        free(node);

        /* the time of who waits with this key begins now */
        for (node = g->waiting; node != NULL; node = node->next) {
            if (node->key != NULL && strcmp(node->key, key) == 0) {
                (void) !write(node->fd, &one, sizeof(one));
            }
        }
    }

    (void) pthread_mutex_unlock(&g->lock);
}


/* under the lock */

static void
ds_gate_admit(ds_gate_t *g)
{
    ds_gate_admit_class(g, false);
    ds_gate_admit_class(g, true);
}


static void
ds_gate_admit_class(ds_gate_t *g, bool behind)
{
    bool             beside;
    uint64_t         one;
    unsigned         most;
    ds_gate_node_t  *node, *next;

    one = 1;
    most = g->places < 2 ? 1 : g->places / 2;

    for (node = g->waiting; node != NULL; node = next) {
        next = node->next;
        beside = ds_gate_has(g, node->key);

        if (node->behind != behind || (behind && g->behind == most)
            || (beside ? !node->urgent : g->taken == g->places))
        {
            continue;
        }

        ds_gate_remove(&g->waiting, node);
        g->taken += !beside;
        g->behind += behind;
        node->inside = true;

        if (node->key != NULL) {
            node->next = g->admitted;
            g->admitted = node;
        }

        (void) !write(node->fd, &one, sizeof(one));
    }
}


static bool
ds_gate_has(ds_gate_t *g, const char *key)
{
    ds_gate_node_t  *node;

    if (key == NULL) {
        return false;
    }

    for (node = g->admitted; node != NULL; node = node->next) {
        if (strcmp(node->key, key) == 0) {
            return true;
        }
    }

    return false;
}


static void
ds_gate_remove(ds_gate_node_t **list, ds_gate_node_t *node)
{
    while (*list != node) {
        list = &(*list)->next;
    }

    *list = node->next;
}


unsigned
ds_gate_places(ds_gate_t *g)
{
    return g->places;
}
