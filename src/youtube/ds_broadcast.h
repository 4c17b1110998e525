
/*
 * ds_broadcast.h: what is to be done about the broadcasts of one stream of a
 * YouTube account.  No input or output and no clock of its own: it is told
 * what was listed and when, and names one thing to be done next.  What it
 * remembers is the caller's, to be written before that thing is tried.
 */

#ifndef DS_BROADCAST_H_INCLUDED_
#define DS_BROADCAST_H_INCLUDED_


#include "base/ds_core.h"


#define DS_BROADCAST_TAG   "ds-"        /* how a tag begins */

/* ms between two creations */
#define DS_BROADCAST_APART  (10 * 60 * 1000)


/* where a broadcast is, in the order of its life */

typedef enum {
    DS_LIFE_CREATED = 0,                /* not complete, or of a new kind */
    DS_LIFE_READY,
    DS_LIFE_TEST_STARTING,
    DS_LIFE_TESTING,
    DS_LIFE_LIVE_STARTING,
    DS_LIFE_LIVE,
    DS_LIFE_OVER                        /* complete, or revoked */
} ds_life_e;


typedef struct {
    char         id[DS_YOUTUBE_ID];
    char         stream[DS_YOUTUBE_ID]; /* the one it is bound to, "": none */
    char         tag[DS_YOUTUBE_ID];    /* of its description, "": none */
    char         title[DS_YOUTUBE_TITLE];
    char         privacy[16];
    ds_life_e    life;
    bool         kids;
    bool         monitored;             /* it is tested before it is live */
    bool         stops;                 /* by itself, when nothing comes */
    int64_t      scheduled;             /* Unix ms, 0: not known */
    int64_t      started;               /* the same */
} ds_broadcast_t;


/* what is seen of a stream in one round */

typedef struct {
    int64_t                now;         /* Unix ms */
    const char            *stream;      /* its id */
    bool                   pushing;     /* our push is up, for two rounds */
    bool                   active;      /* and YouTube gets it */
    bool                   whole;       /* upcoming broadcasts are listed, too,
                                           and "active" is of this round */
    const ds_broadcast_t  *list;        /* of the account */
    size_t                 n;
    bool                   revive;      /* what may be done by itself */
    int64_t                rollover;    /* ms, 0: off */
    bool                   wish_revive; /* an operator asks for it, now */
    bool                   wish_rollover;
    const char            *tag;         /* for one that is made now */
} ds_view_t;


typedef enum {
    DS_EFFECT_NONE = 0,
    DS_EFFECT_LOOK,                     /* list all there is, and ask again */
    DS_EFFECT_INSERT,                   /* make one, with the memo's tag */
    DS_EFFECT_BIND,                     /* "id" to the stream */
    DS_EFFECT_TEST,                     /* take "id" to testing, */
    DS_EFFECT_LIVE,                     /* live, */
    DS_EFFECT_COMPLETE                  /* to its end */
} ds_effect_e;


typedef struct {
    ds_effect_e            effect;
    char                   id[DS_YOUTUBE_ID];
    ds_youtube_state_e     state;
    bool                   soon;        /* it is worth a look before long */
    bool                   twice;       /* more than one is live */
    const ds_broadcast_t  *live;        /* of the view's list, NULL: none */
    const char            *why;         /* nothing is done, NULL: no matter */
} ds_step_t;


/*
 * Of a look.  "dark": looks in a row that found nothing live, the caller's,
 * not kept.  For an effect other than LOOK "memo" is to be written before it
 * is tried, and if it has changed.
 */
void ds_broadcast_step(ds_memo_t *memo, unsigned *dark, const ds_view_t *view,
    ds_step_t *step);

/*
 * Of an effect that was tried: "id" is what was made; "gone": there is none of
 * that id, or nothing can be done with it any more.
 */
void ds_broadcast_done(ds_memo_t *memo, const ds_step_t *step,
    const char *id);
void ds_broadcast_failed(ds_memo_t *memo, const ds_step_t *step, bool gone);

/* what would be done by a wish, for people; "whole" need not be set */
void ds_broadcast_plan(const ds_memo_t *memo, const ds_view_t *view,
    char *text, size_t size);


#endif /* DS_BROADCAST_H_INCLUDED_ */
