
/*
 * ds_hold.c: a small table of hosts that are left alone for a while.  Knows
 * neither what they are asked nor by whom.
 */

#include <stdlib.h>
#include <string.h>

#include "net/ds_hold.h"


/* hosts at a time; of more the one that is free the soonest is forgotten */
#define DS_HOLD_HOSTS  64
#define DS_HOLD_NAME   256


typedef struct {
    char               host[DS_HOLD_NAME];  /* "": not in use */
    int64_t            until;               /* ms, monotonic */
    unsigned           times;               /* in a row */
} ds_hold_host_t;


struct ds_hold_s {
    int64_t            min;
    int64_t            max;

    pthread_mutex_t    lock;
    ds_hold_host_t     hosts[DS_HOLD_HOSTS];    /* lock */
};


static ds_hold_host_t *ds_hold_find(ds_hold_t *hold, const char *host);


ds_hold_t *
ds_hold_create(int64_t min, int64_t max)
{
    ds_hold_t  *hold;

    hold = calloc(1, sizeof(ds_hold_t));
    if (hold == NULL) {
        return NULL;
    }

    hold->min = min;
    hold->max = max;

    (void) pthread_mutex_init(&hold->lock, NULL);

    return hold;
}


void
ds_hold_free(ds_hold_t **ph)
{
    ds_hold_t  *hold;

    hold = *ph;
    if (hold == NULL) {
        return;
    }

    *ph = NULL;

    (void) pthread_mutex_destroy(&hold->lock);
    free(hold);
}


int64_t
ds_hold_add(ds_hold_t *hold, const char *host, int64_t ms)
{
    int              i;
    int64_t          now;
    ds_hold_host_t  *h, *soonest;

    now = ds_monotonic();

    (void) pthread_mutex_lock(&hold->lock);

    h = ds_hold_find(hold, host);

    if (h == NULL) {
        soonest = &hold->hosts[0];

        for (i = 1; i < DS_HOLD_HOSTS; i++) {
            if (hold->hosts[i].until < soonest->until) {
                soonest = &hold->hosts[i];
            }
        }

        h = soonest;
        memset(h, 0, sizeof(ds_hold_host_t));
        ds_text(h->host, sizeof(h->host), host);
    }

    if (h->until > now) {
        (void) pthread_mutex_unlock(&hold->lock);
        return 0;
    }

    if (ms <= 0) {
        ms = ds_backoff(h->times + 1, hold->min, hold->max);
    }

    if (ms > hold->max) {
        ms = hold->max;
    }

    h->times++;
    h->until = now + ms;

    (void) pthread_mutex_unlock(&hold->lock);

    return ms;
}


void
ds_hold_clear(ds_hold_t *hold, const char *host)
{
    ds_hold_host_t  *h;

    (void) pthread_mutex_lock(&hold->lock);

    h = ds_hold_find(hold, host);

    /* an answer to what was asked before the hold says nothing */

    if (h != NULL && h->until <= ds_monotonic()) {
        memset(h, 0, sizeof(ds_hold_host_t));
    }

    (void) pthread_mutex_unlock(&hold->lock);
}


int64_t
ds_hold_left(ds_hold_t *hold, const char *host)
{
    int64_t          left;
    ds_hold_host_t  *h;

    (void) pthread_mutex_lock(&hold->lock);

    h = ds_hold_find(hold, host);
    left = (h == NULL) ? 0 : h->until - ds_monotonic();

    (void) pthread_mutex_unlock(&hold->lock);

    return left > 0 ? left : 0;
}


bool
ds_hold_wait(ds_hold_t *hold, const char *host, ds_cancel_t *cancel)
{
    int64_t  left;

    while ((left = ds_hold_left(hold, host)) > 0) {
        if (ds_cancel_wait(cancel, left)) {
            return true;
        }
    }

    return false;
}


static ds_hold_host_t *
ds_hold_find(ds_hold_t *hold, const char *host)
{
    int  i;

    for (i = 0; i < DS_HOLD_HOSTS; i++) {
        if (strncmp(hold->hosts[i].host, host, DS_HOLD_NAME - 1) == 0) {
            return &hold->hosts[i];
        }
    }

    return NULL;
}
