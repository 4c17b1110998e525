
/*
 * ds_engine.h: what all that runs in one engine shares: its configuration,
 * its log, its limits, and the list of what it runs.  ds.c makes it.
 */

#ifndef DS_ENGINE_H_INCLUDED_
#define DS_ENGINE_H_INCLUDED_


#include "base/ds_core.h"
#include "base/ds_gate.h"


typedef struct ds_node_s  ds_node_t;


/* constant after ds_create() but for the jobs and the log */

struct ds_s {
    ds_conf_t           conf;           /* strings are malloc()ed */

    ds_gate_t          *resolvers;      /* see resolve/ds_resolver.h */
    ds_gate_t          *encoders;       /* one item of a stream, by its name */
    struct ds_hold_s   *resolver_hold;  /* of hosts asked too often */
    struct ds_hold_s   *source_hold;    /* the same, of media */
    struct ds_cache_s  *cache;          /* NULL: nothing is kept */
    struct ds_loops_s  *loops;          /* slates that are in use */
    struct ds_scribe_s *scribes;        /* lock; source/ds_scribe.h */
    struct ds_youtube_s  *youtube;      /* NULL: there is no account */
    size_t              held_most;      /* of "held" */

    struct ds_job_s    *jobs;           /* owner's thread; base/ds_job.h */

    _Atomic size_t      held;           /* bytes, see air/ds_sent.h */
    _Atomic int64_t     look_at;        /* monotonic ms; play/ds_preflight.c */
    _Atomic int64_t     trim_at;        /* monotonic ms, not before */

    pthread_mutex_t     lock;
    ds_node_t          *first;          /* lock */
    ds_node_t         **last;           /* lock */
    unsigned            nrecords;       /* lock */
    unsigned            dropped;        /* lock */
    ds_resolver_status_t  resolver;     /* lock; resolve/ds_resolver.h */
    int64_t             first_at;       /* lock; monotonic ms, when the first
                                           command is tried again */
};


/*
 * Gives the kernel back what the heap has in holes, every 10 s at the most,
 * whoever calls, for it takes the longer the more there is; not at all when
 * the engine ends.  Any thread.
 */
void ds_trim(ds_t *ds);


/* the engine's log; "stream" may be NULL; any thread */
void ds_log(ds_t *ds, int level, const char *stream, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

void ds_log_free(ds_t *ds);

/* the owner has something to look at; any thread */
void ds_wakeup(ds_t *ds);


#endif /* DS_ENGINE_H_INCLUDED_ */
