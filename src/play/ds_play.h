
/*
 * ds_play.h: a stream's inside, shared by ds_stream.c (the owner's side) and
 * by what its own thread does, from the bottom to the top: ds_lister.c reads
 * the list, ds_ahead.c fetches what is not due yet, ds_pick.c looks after the
 * next item, ds_programme.c after the schedule, ds_interlude.c after the next
 * of the queue, ds_report.c tells, ds_player.c plays.  ds_planner.c plays
 * copies of it for who wants to know.
 */

#ifndef DS_PLAY_H_INCLUDED_
#define DS_PLAY_H_INCLUDED_


#include "air/ds_air.h"
#include "base/ds_job.h"
#include "play/ds_agenda.h"
#include "play/ds_playlist.h"
#include "youtube/ds_youtube.h"


/* how many items "previous" remembers */
#define DS_HISTORY  32

/* how many records of what was on air wait to be taken */
#define DS_RECORDS  32

/* items that are fetched before they are due */
#define DS_AHEADS   2

/* sources that were told to end and still do */
#define DS_ENDING   4

/* of DS_EITEM_CRASHED; %u: the item's index */
#define DS_CRASHED_TEXT                                                       \
    "item %u took the relay worker down, it is not tried again in this pass"

/* ms: without a packet of an item for so long a stream is not live */
#define DS_SILENCE_LIVE  1000


typedef struct ds_ahead_s  ds_ahead_t;
typedef struct ds_past_s   ds_past_t;
typedef struct ds_programme_s  ds_programme_t;


/* what was on air, not taken yet */

struct ds_past_s {
    ds_aired_t       aired;
    ds_past_t       *next;
    uint64_t         stamp;         /* of the status that knows, + 1; or 0 */
};


/* what a plan begins with */

typedef struct {
    bool             busy;              /* an item is on air: */
    uint32_t         entry;             /* of the agenda, or DS_AGENDA_NONE: */
    uint64_t         key;               /* of an item of the list */
    int64_t          at;                /* Unix ms, of the report */
    int64_t          began;             /* the same, when it went on air */
    int64_t          position;          /* ms into it */
    int64_t          left;              /* ms, -1: not known */
    int64_t          late;              /* ms, -1: not the first of a slot */
    char             slot[DS_SLOT_LEN]; /* of it, or "" */
    uint64_t         next;              /* prepared, its key in the list; 0:
                                           none is */
    int64_t          next_duration;     /* ms, -1: not known */
} ds_onair_t;


struct ds_stream_s {
    ds_job_t         job;               /* owner's; ds_player.c */

    /* constant */
    ds_t            *ds;
    char            *name;
    char            *playlist;
    char            *publish;
    char            *push;              /* by nginx-rtmp; NULL: none */
    char            *token;
    char            *slate;             /* NULL: made of the name */
    char            *proxy;             /* "": none */
    char            *bind;              /* the same */
    ds_conf_t        settings;          /* the engine's, with these two */
    ds_target_t      target;
    ds_sent_t       *sent;
    ds_profile_t     profile;
    ds_source_conf_t source;
    ds_counters_t    counters;
    int64_t          max_item;          /* ms, 0: none */
    bool             shuffle;
    uint64_t         seed;
    ds_bell_t        bell;              /* there is something for the player */
    ds_turn_t        crashed[DS_CRASHED];
    size_t           ncrashed;

    pthread_mutex_t  lock;
    /* under the lock */
    ds_status_t      status;
    ds_onair_t       onair;
    ds_playlist_t   *list;
    ds_agenda_t     *agenda;
    char             outputs[DS_OUTLETS_LEN + 1];   /* those that are wanted */
    bool             outputs_new;       /* they have changed */
    char             restarts[DS_OUTLETS][DS_OUTLET_NAME_LEN + 1];  /* wished */
    unsigned         nrestarts;
    unsigned         skips;             /* wished, not done yet */
    unsigned         previous;
    uint32_t         refresh;           /* ms between two readings, 0: off */
    uint32_t         refresh_jitter;    /* per cent of it */
    bool             refresh_wish;
    ds_channel_t    *channel;           /* the owner's, who changes it; NULL: it
                                           is none of YouTube's */
    char             shown[DS_OUTLET_NAME_LEN + 1];     /* its output's name */
    ds_youtube_conf_t  youtube;         /* the owner's */
    bool             loop;
    bool             prefetch;          /* wished */
    ds_past_t       *past;              /* the oldest first */
    unsigned         npast;
    char            *schedule;          /* wished, not seen yet; NULL: none */

    /* the player's thread alone */
    ds_job_t         lister;
    ds_error_t       list_err;          /* the lister's until it is done, */
    ds_error_t       list_no_memory;    /* as is this, and the next two */
    ds_playlist_t   *fresh;             /* where items go; NULL: to the list */
    bool             list_capped;       /* there are more than may be */
    bool             list_stored;       /* it is read from the store */
    bool             listing;           /* the lister is at work */
    bool             list_over;         /* given up */
    unsigned         list_tries;        /* that gave no item, in a row */
    unsigned         list_kept;         /* that were not taken, in a row */
    bool             list_cut;          /* an error ended it, some items came */
    bool             list_doubted;      /* the last answer, which was */
    uint64_t         list_seen;
    int64_t          list_at;           /* monotonic ms, 0: no reading is due */
    int64_t          list_started;      /* of the first one */
    int64_t          list_read;         /* the last that was believed */
    uint32_t         list_refresh;      /* what "list_at" was made for */
    uint32_t         list_pass;         /* at whose end it was read */

    ds_slate_t      *standby;           /* NULL: no memory */
    ds_air_t        *air;
    ds_source_t     *cur;               /* on air */
    uint32_t         cur_index;         /* or a key of the agenda */
    int64_t          cur_until;         /* ms into it, 0: its end */
    char             queue_id[DS_QUEUE_ID_LEN + 1];     /* on air, or "" */
    char             queued_by[DS_BY_LEN];
    int64_t          cur_started;       /* monotonic ms */
    int64_t          cur_at;            /* the same, Unix ms */
    int64_t          starved;           /* ms of waiting not forgiven */
    ds_decision_e    decision;
    char             reason[DS_MESSAGE_LEN];
    ds_source_t     *next;
    ds_ahead_t      *ahead;             /* the item after the next one */
    ds_ahead_t      *warmer;            /* any item, by request */
    ds_prefetch_status_t  warm;
    uint32_t         next_index;        /* DS_NO_ITEM: the first, beside list */
    int64_t          next_at;           /* monotonic ms, when it was begun */
    int64_t          next_start;        /* ms into it */
    ds_source_t     *spare;             /* beside a next in trouble, only */
    uint32_t         spare_index;
    int64_t          spare_at;
    ds_source_t     *queued;            /* the agenda's next */
    uint32_t         queued_key;
    uint32_t         queued_index;      /* of it in the list */
    int64_t          queued_at;         /* monotonic ms, when it was begun */
    bool             queue_first;       /* it comes before the list's next */
    ds_source_t     *slotted;           /* the schedule's, which sleeps */
    uint32_t         slotted_key;
    ds_programme_t  *programme;         /* ds_programme.c; changed under the
                                           lock */
    bool             scheduled;         /* there is a schedule */
    bool             slot_awaited;      /* nothing airs before its item */
    int64_t          slot_cuts;         /* monotonic us; 0: not soon */
    char             slot[DS_SLOT_LEN]; /* of the item on air, or "" */
    int64_t          slot_late;         /* ms, -1: not the first of it */
    int64_t          spare_retry;       /* monotonic ms, not before */
    int64_t          next_ready;        /* monotonic ms, since when, 0: not */
    int64_t          spare_ready;
    ds_source_t     *ending[DS_ENDING];

    ds_progress_t    resume;            /* valid until an item is chosen */
    bool             first_tried;
    bool             refused;           /* the next one, while this one was
                                           read; see ds_pick_refused() */
    bool             cutting;
    bool             expired;           /* on air for max_item */
    bool             going_back;
    bool             interrupted;       /* cut for what was queued */
    bool             returning;         /* and will go on */
    bool             returned;          /* it was interrupted before */
    bool             at_end;            /* nothing follows the current item */
    uint32_t         history[DS_HISTORY];
    unsigned         nhistory;

    bool             holding;           /* the next one is "held", again */
    uint32_t         held;
    ds_error_t       held_err;
    uint32_t         held_pass;         /* in which it was chosen */
    int64_t          held_at;           /* ms into it, where to begin */
    unsigned         tries;             /* of it, in vain */
    int64_t          witness;           /* monotonic ms, another one could be
                                           opened since, 0: none */
    bool             witness_same;      /* and is of the same site */
    bool             broken;            /* one on air was, the last one: */
    uint32_t         broken_index;
    int64_t          broken_at;         /* ms into it */
    int64_t          overtaken;         /* monotonic ms, the one prepared beside
                                           it went on air first */
    uint32_t         overtaken_by;
    int64_t          owed_since;        /* monotonic ms, nothing else is left */
    bool             away;              /* the site of "away_index" is, while
                                           others answer */
    uint32_t         away_index;

    ds_source_t     *check;             /* ds_preflight.c */
    uint32_t         check_index;       /* DS_NO_ITEM: of another list */
    int64_t          check_at;          /* monotonic ms, not before */
    unsigned         check_fails;       /* in a row, the site's */

    unsigned         fails;             /* items in a row */
    unsigned         bad_passes;        /* passes in a row without an item */
    int64_t          retry_at;          /* monotonic ms, of the next item */
    bool             aired;             /* an item was, ever */
    bool             down;              /* output */
    bool             finished;
    ds_error_t       err;               /* the last one, for the status */
    uint64_t         played;
    uint64_t         failed;
    uint64_t         skipped;
    uint64_t         copied;
    uint64_t         encoded;
    uint64_t         queue_started;
    uint64_t         queue_failed;
};


#endif /* DS_PLAY_H_INCLUDED_ */
