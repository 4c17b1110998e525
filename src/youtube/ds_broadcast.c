
/*
 * ds_broadcast.c: the way of a stream from one broadcast to the next: when
 * none is live while the stream is, one is made or taken, bound and taken
 * live; when one is near the end of what is archived, the next is live before
 * it is completed.  Each look begins with what is listed, so that what was
 * done, by whom ever, is seen and not done again.
 */

#include <stdio.h>
#include <string.h>

#include "youtube/ds_broadcast.h"


/* looks in a row that find nothing live, before that is believed */
#define DS_BROADCAST_LOOKS  2

/* fruitless ones, from which on not each of them lists all there is */
#define DS_BROADCAST_PATIENT  20
#define DS_BROADCAST_EACH     4

/* ms, for which each look does after something was tried */
#define DS_BROADCAST_HOT    (2 * 60 * 1000)

/* ms: one that is scheduled for later is another programme's */
#define DS_BROADCAST_NEAR   (3600 * 1000)

#define DS_BROADCAST_DAY    (24 * 3600 * 1000LL)

/* ms between two tries of what has failed */
#define DS_BROADCAST_RETRY_MIN  5000
#define DS_BROADCAST_RETRY_MAX  (15 * 60 * 1000)


static const ds_broadcast_t *ds_broadcast_live(const ds_memo_t *memo,
    const ds_view_t *view, unsigned *n);
static const ds_broadcast_t *ds_broadcast_find(const ds_view_t *view,
    const char *id);
static bool ds_broadcast_on(const ds_view_t *view, const ds_broadcast_t *b);
static void ds_broadcast_know(ds_memo_t *memo, const ds_broadcast_t *b);
static void ds_broadcast_kept(ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step, unsigned nlive);
static void ds_broadcast_dark(ds_memo_t *memo, unsigned *dark,
    const ds_view_t *view, ds_step_t *step);
static void ds_broadcast_bring(ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step);
static const ds_broadcast_t *ds_broadcast_choose(ds_memo_t *memo,
    const ds_view_t *view, ds_step_t *step);
static bool ds_broadcast_free(const ds_memo_t *memo, const ds_view_t *view,
    const ds_broadcast_t *b);
static bool ds_broadcast_usable(const ds_view_t *view,
    const ds_broadcast_t *b);
static void ds_broadcast_make(ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step);
static void ds_broadcast_try(ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step, ds_effect_e effect, const char *id);
static bool ds_broadcast_pause(const ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step);
static bool ds_broadcast_near(int64_t a, int64_t b, int64_t ms);


void
ds_broadcast_step(ds_memo_t *memo, unsigned *dark, const ds_view_t *view,
    ds_step_t *step)
{
    unsigned               n;
    const ds_broadcast_t  *b;

    memset(step, 0, sizeof(ds_step_t));

    step->live = ds_broadcast_live(memo, view, &n);

    if (step->live == NULL) {
        ds_broadcast_dark(memo, dark, view, step);
        return;
    }

    *dark = 0;
    step->state = step->live->life == DS_LIFE_LIVE ? DS_YOUTUBE_HEALTHY
                                                   : DS_YOUTUBE_REVIVING;

    b = memo->next[0] != '\0' ? ds_broadcast_find(view, memo->next) : NULL;

    if (b == NULL || !ds_broadcast_on(view, b)) {
        ds_broadcast_kept(memo, view, step, n);
        return;
    }

    /* the next one is on its way, or is live */

    if (!memo->replacing || n == 1) {

        if (b->life == DS_LIFE_LIVE) {
            ds_broadcast_know(memo, b);
        }

        step->soon = b->life != DS_LIFE_LIVE;
        step->twice = n > 1;
        return;
    }

    step->state = DS_YOUTUBE_ROLLING;
    step->soon = true;

    if (b->life == DS_LIFE_LIVE) {
        step->live = b;
        b = ds_broadcast_find(view, memo->current);

        if (b != NULL && ds_broadcast_on(view, b)) {

            if (!view->pushing) {
                step->why = "our own push is not up for two rounds";

            } else if (!ds_broadcast_pause(memo, view, step)) {
                ds_broadcast_try(memo, view, step, DS_EFFECT_COMPLETE, b->id);
            }

        } else {
            /* it ended by itself, and somebody else's is live beside ours */
            ds_broadcast_know(memo, step->live);
            step->state = DS_YOUTUBE_HEALTHY;
            step->twice = true;
        }
    }
}


/*
 * Of those that are live on the stream the one that is known, else the one
 * that has begun last; *n: how many there are.
 */

static const ds_broadcast_t *
ds_broadcast_live(const ds_memo_t *memo, const ds_view_t *view, unsigned *n)
{
    size_t                 i;
    const ds_broadcast_t  *b, *best;

    *n = 0;
    best = NULL;

    for (i = 0; i < view->n; i++) {
        b = &view->list[i];

        if (!ds_broadcast_on(view, b)) {
            continue;
        }

        (*n)++;

        if (best == NULL || strcmp(b->id, memo->current) == 0
            || (strcmp(best->id, memo->current) != 0
                && b->started > best->started))
        {
            best = b;
        }
    }

    return best;
}


static const ds_broadcast_t *
ds_broadcast_find(const ds_view_t *view, const char *id)
{
    size_t  i;

    for (i = 0; i < view->n; i++) {
        if (strcmp(view->list[i].id, id) == 0) {
            return &view->list[i];
        }
    }

    return NULL;
}


static bool
ds_broadcast_on(const ds_view_t *view, const ds_broadcast_t *b)
{
    return (b->life == DS_LIFE_LIVE || b->life == DS_LIFE_LIVE_STARTING)
           && strcmp(b->stream, view->stream) == 0;
}


/* it is the one that is live, whatever was to be done before */

static void
ds_broadcast_know(ds_memo_t *memo, const ds_broadcast_t *b)
{
    ds_text(memo->current, sizeof(memo->current), b->id);
    ds_text(memo->title, sizeof(memo->title), b->title);
    ds_text(memo->privacy, sizeof(memo->privacy), b->privacy);
    memo->kids = b->kids;
    memo->next[0] = '\0';
    memo->replacing = false;
    memo->fails = 0;
}


/* one is live, and none that is to follow it */

static void
ds_broadcast_kept(ds_memo_t *memo, const ds_view_t *view, ds_step_t *step,
    unsigned nlive)
{
    bool                   due;
    const ds_broadcast_t  *b;

    b = step->live;

    if (strcmp(memo->current, b->id) != 0 || !memo->replacing) {
        ds_broadcast_know(memo, b);
    }

    step->twice = nlive > 1;
    step->soon = b->life != DS_LIFE_LIVE;

    due = memo->replacing || view->wish_rollover
          || (view->revive && view->rollover != 0 && b->started != 0
              && view->now - b->started >= view->rollover);

    if (!due || b->life != DS_LIFE_LIVE || step->twice) {
        return;
    }

    step->state = DS_YOUTUBE_ROLLING;

    if (!view->pushing) {
        step->why = "our own push is not up for two rounds";
        return;
    }

    memo->replacing = true;
    ds_broadcast_bring(memo, view, step);
}


/* none is live */

static void
ds_broadcast_dark(ds_memo_t *memo, unsigned *dark, const ds_view_t *view,
    ds_step_t *step)
{
    memo->replacing = false;

    if (!view->pushing) {
        *dark = 0;
        step->state = DS_YOUTUBE_WAITING;
        step->why = "our own push is not up for two rounds";
        return;
    }

    /* it is listed again before it is believed; then not always */

    if (!view->whole
        && (*dark < DS_BROADCAST_PATIENT || *dark % DS_BROADCAST_EACH == 0
            || view->wish_revive
            || ds_broadcast_near(view->now, memo->tried, DS_BROADCAST_HOT)))
    {
        step->effect = DS_EFFECT_LOOK;
        return;
    }

    step->state = view->active ? DS_YOUTUBE_DARK : DS_YOUTUBE_WAITING;

    (*dark)++;

    if (!view->active) {
        step->why = "YouTube gets nothing of the push";
        return;
    }

    if (*dark < DS_BROADCAST_LOOKS) {
        step->soon = true;
        return;
    }

    if (view->whole && (view->revive || view->wish_revive)) {
        ds_broadcast_bring(memo, view, step);
    }
}


/* towards one more that is live */

static void
ds_broadcast_bring(ds_memo_t *memo, const ds_view_t *view, ds_step_t *step)
{
    const ds_broadcast_t  *b;

    if (ds_broadcast_pause(memo, view, step)) {
        return;
    }

    if (!view->whole) {
        step->effect = DS_EFFECT_LOOK;
        return;
    }

    if (!view->active) {
        step->why = "YouTube gets nothing of the push";
        return;
    }

    b = ds_broadcast_choose(memo, view, step);
    if (b == NULL) {
        return;
    }

    ds_text(memo->next, sizeof(memo->next), b->id);

    if (step->state == DS_YOUTUBE_DARK) {
        step->state = DS_YOUTUBE_REVIVING;
    }

    step->soon = true;

    if (strcmp(b->stream, view->stream) != 0) {
        ds_broadcast_try(memo, view, step, DS_EFFECT_BIND, b->id);
        return;
    }

    ds_broadcast_try(memo, view, step,
                     b->life == DS_LIFE_READY && b->monitored ? DS_EFFECT_TEST
                                                              : DS_EFFECT_LIVE,
                     b->id);
}


/* the one to be taken; NULL: one is made, or none may be, "step" has it */

static const ds_broadcast_t *
ds_broadcast_choose(ds_memo_t *memo, const ds_view_t *view, ds_step_t *step)
{
    size_t                 i;
    const ds_broadcast_t  *b, *best;

    if (memo->next[0] != '\0') {
        b = ds_broadcast_find(view, memo->next);

        if (b != NULL && ds_broadcast_usable(view, b)) {
            return b;
        }

        /* a list may be behind what was done */

        if ((b == NULL || b->life < DS_LIFE_LIVE_STARTING)
            && ds_broadcast_near(view->now, memo->tried, DS_BROADCAST_APART))
        {
            step->why = "the next broadcast is not ready yet";
            step->soon = true;
            return NULL;
        }

        memo->next[0] = '\0';
    }

    best = NULL;

    for (i = 0; i < view->n; i++) {
        b = &view->list[i];

        if (memo->tag[0] != '\0' && strcmp(b->tag, memo->tag) == 0) {
            memo->tag[0] = '\0';

            if (ds_broadcast_usable(view, b)) {
                return b;
            }

            continue;
        }

        if (ds_broadcast_free(memo, view, b)
            && (best == NULL || b->scheduled < best->scheduled))
        {
            best = b;
        }
    }

    if (best == NULL) {
        ds_broadcast_make(memo, view, step);
    }

    return best;
}


/*
 * Upcoming, and meant for now: bound to the stream, or to none and called as
 * the one before it.
 */

static bool
ds_broadcast_free(const ds_memo_t *memo, const ds_view_t *view,
    const ds_broadcast_t *b)
{
    if (!ds_broadcast_usable(view, b) || strcmp(b->id, memo->refused) == 0
        || b->scheduled > view->now + DS_BROADCAST_NEAR)
    {
        return false;
    }

    return strcmp(b->stream, view->stream) == 0
           || (b->stream[0] == '\0' && memo->title[0] != '\0'
               && strcmp(b->title, memo->title) == 0);
}


/* there is something that can be done with it now */

static bool
ds_broadcast_usable(const ds_view_t *view, const ds_broadcast_t *b)
{
    return b->life == DS_LIFE_READY || b->life == DS_LIFE_TESTING
           || (b->life == DS_LIFE_CREATED
               && strcmp(b->stream, view->stream) != 0);
}


/* a broadcast that a lost answer was about would be listed by its tag */

static void
ds_broadcast_make(ds_memo_t *memo, const ds_view_t *view, ds_step_t *step)
{
    if (memo->made[0] != 0
        && ds_broadcast_near(view->now, memo->made[0], DS_BROADCAST_APART))
    {
        step->why = "a broadcast was made less than 10 minutes ago";
        return;
    }

    if (memo->made[DS_YOUTUBE_MADE - 1] != 0
        && ds_broadcast_near(view->now, memo->made[DS_YOUTUBE_MADE - 1],
                             DS_BROADCAST_DAY))
    {
        step->why = "6 broadcasts were made in 24 hours";
        return;
    }

    if (step->state == DS_YOUTUBE_DARK) {
        step->state = DS_YOUTUBE_REVIVING;
    }

    memmove(&memo->made[1], &memo->made[0],
            (DS_YOUTUBE_MADE - 1) * sizeof(memo->made[0]));
    memo->made[0] = view->now;

    ds_text(memo->tag, sizeof(memo->tag), view->tag);
    ds_broadcast_try(memo, view, step, DS_EFFECT_INSERT, "");
    step->soon = true;
}


/* until it is known to have been done it has failed */

static void
ds_broadcast_try(ds_memo_t *memo, const ds_view_t *view, ds_step_t *step,
    ds_effect_e effect, const char *id)
{
    memo->tried = view->now;
    memo->fails++;

    step->effect = effect;
    ds_text(step->id, sizeof(step->id), id);
}


static bool
ds_broadcast_pause(const ds_memo_t *memo, const ds_view_t *view,
    ds_step_t *step)
{
    if (memo->fails == 0
        || !ds_broadcast_near(view->now, memo->tried,
                              ds_backoff(memo->fails, DS_BROADCAST_RETRY_MIN,
                                         DS_BROADCAST_RETRY_MAX)))
    {
        return false;
    }

    step->why = "what was tried has failed, and is tried again later";

    return true;
}


/* a clock that was set is not waited for */

static bool
ds_broadcast_near(int64_t a, int64_t b, int64_t ms)
{
    return a - b < ms && b - a < ms;
}


void
ds_broadcast_done(ds_memo_t *memo, const ds_step_t *step, const char *id)
{
    memo->fails = 0;

    if (step->effect == DS_EFFECT_INSERT) {
        ds_text(memo->next, sizeof(memo->next), id);
        memo->tag[0] = '\0';
    }
}


void
ds_broadcast_failed(ds_memo_t *memo, const ds_step_t *step, bool gone)
{
    if (gone && step->effect != DS_EFFECT_INSERT
        && step->effect != DS_EFFECT_COMPLETE)
    {
        ds_text(memo->refused, sizeof(memo->refused), step->id);
        memo->next[0] = '\0';
    }
}


void
ds_broadcast_plan(const ds_memo_t *memo, const ds_view_t *view, char *text,
    size_t size)
{
    unsigned     dark;
    ds_memo_t    m;
    ds_step_t    step;
    const char  *what;

    m = *memo;
    m.fails = 0;
    dark = DS_BROADCAST_LOOKS;

    ds_broadcast_step(&m, &dark, view, &step);

    what = step.state == DS_YOUTUBE_ROLLING
           ? ", then the one before it is completed" : "";

    switch (step.effect) {

    case DS_EFFECT_LOOK:
        (void) snprintf(text, size, "an upcoming broadcast of the stream, or "
                        "else a new one, is taken live%s", what);
        return;

    case DS_EFFECT_INSERT:
        (void) snprintf(text, size, "a new broadcast is made, bound and taken "
                        "live%s", what);
        return;

    case DS_EFFECT_BIND:
        (void) snprintf(text, size, "broadcast %s is bound and taken live%s",
                        step.id, what);
        return;

    case DS_EFFECT_TEST:
    case DS_EFFECT_LIVE:
        (void) snprintf(text, size, "broadcast %s is taken live%s", step.id,
                        what);
        return;

    case DS_EFFECT_COMPLETE:
        (void) snprintf(text, size, "broadcast %s is completed", step.id);
        return;

    default:
        (void) snprintf(text, size, "nothing: %s",
                        step.why != NULL ? step.why
                        : step.state == DS_YOUTUBE_HEALTHY ? "one is live"
                        : step.state == DS_YOUTUBE_DARK ? "none is live"
                        : "it is being done");
        return;
    }
}
