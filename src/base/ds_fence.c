
/*
 * ds_fence.c: a few numbers that are read and written as a whole.  Nobody
 * waits for anybody here but after a pause.
 */

#include <time.h>

#include "base/ds_fence.h"


/* ms between two looks at a lease that is being read */
#define DS_FENCE_WAIT  5


#define ds_fence_get(p)     __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define ds_fence_set(p, v)  __atomic_store_n(p, v, __ATOMIC_SEQ_CST)


static bool ds_fence_doubt(ds_fence_t *fence, int64_t now);


int64_t
ds_boottime(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_BOOTTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


ds_term_t
ds_fence_term(const ds_fence_t *fence)
{
    return (ds_term_t) { (ds_fence_t *) fence,
                         fence == NULL ? 0 : ds_fence_get(&fence->lease) };
}


int64_t
ds_fence_left(const ds_term_t *term)
{
    int64_t            left;
    const ds_fence_t  *f;

    f = term->fence;

    if (f == NULL) {
        return INT64_MAX;
    }

    /* the other way round it could be another lease's */

    left = ds_fence_get(&f->deadline) - ds_boottime();

    return ds_fence_get(&f->lease) != term->lease || left < 0 ? 0 : left;
}


bool
ds_fence_pass(const ds_term_t *term, ds_cancel_t *cancel)
{
    ds_fence_t  *f;

    f = term->fence;

    if (f == NULL) {
        return true;
    }

    while (ds_fence_doubt(f, ds_boottime())) {
        if (ds_fence_left(term) == 0
            || ds_cancel_wait(cancel, DS_FENCE_WAIT))
        {
            return false;
        }
    }

    return ds_fence_left(term) != 0;
}


/* who is seen later must see the doubt as well */

static bool
ds_fence_doubt(ds_fence_t *f, int64_t now)
{
    int64_t  seen;

    seen = ds_fence_get(&f->seen);

    if (now - seen > DS_FENCE_PAUSE) {
        ds_fence_set(&f->doubt, now);
    }

    if (now > seen) {
        ds_fence_set(&f->seen, now);
    }

    return ds_fence_get(&f->doubt) > ds_fence_get(&f->sure);
}


void
ds_fence_open(ds_fence_t *f, int64_t lease, int64_t deadline)
{
    ds_fence_set(&f->deadline, 0);
    ds_fence_set(&f->lease, lease);
    ds_fence_set(&f->deadline, deadline);
}


void
ds_fence_extend(ds_fence_t *f, int64_t deadline)
{
    if (deadline > ds_fence_get(&f->deadline)) {
        ds_fence_set(&f->deadline, deadline);
    }
}


void
ds_fence_confirm(ds_fence_t *f, int64_t asked)
{
    if (asked > ds_fence_get(&f->sure)) {
        ds_fence_set(&f->sure, asked);
    }
}


int64_t
ds_fence_lease(const ds_fence_t *f)
{
    return ds_fence_get(&f->lease);
}


int64_t
ds_fence_deadline(const ds_fence_t *f)
{
    return ds_fence_get(&f->deadline);
}


bool
ds_fence_look(ds_fence_t *f)
{
    return ds_fence_doubt(f, ds_boottime());
}


void
ds_fence_answer(ds_fence_t *f, int64_t asked)
{
    if (asked > ds_fence_get(&f->answered)) {
        ds_fence_set(&f->answered, asked);
    }
}


int64_t
ds_fence_answered(const ds_fence_t *f)
{
    return ds_fence_get(&f->answered);
}


bool
ds_fence_asked(ds_fence_t *f, int64_t now, int64_t ttl)
{
    if (now - ds_fence_get(&f->answered) < DS_FENCE_SILENCE) {
        return false;
    }

    ds_fence_set(&f->promised, now + ttl);

    return true;
}


bool
ds_fence_promised(const ds_fence_t *f, int64_t now)
{
    return now < ds_fence_get(&f->promised);
}


void
ds_fence_shut(ds_fence_t *f)
{
    ds_fence_set(&f->deadline, 0);
}
