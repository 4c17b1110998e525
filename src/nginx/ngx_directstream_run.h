
/*
 * ngx_directstream_run.h: private to the two files that look after the streams
 * of this process: ngx_directstream_start.c, ngx_directstream_run.c.
 */

#ifndef NGX_DIRECTSTREAM_RUN_H_INCLUDED_
#define NGX_DIRECTSTREAM_RUN_H_INCLUDED_


#include "ngx_directstream.h"


typedef struct {
    ngx_queue_t              queue;
    ds_stream_t             *stream;
    ds_still_t              *still;         /* a picture being made */
    char                     name[DS_NAME_LEN + 1];
    uint64_t                 epoch;
    uint64_t                 skip;          /* requests passed on */
    uint64_t                 previous;
    int64_t                  id;            /* in the store; 0: not there yet */
    ngx_uint_t               lost;          /* transactions, when written */
    uint32_t                 trimmed;       /* the list's length in the store */
    uint64_t                 prefetch;
    ds_mode_e                mode;
    unsigned                 loop:1;
    unsigned                 stopping:1;
    unsigned                 missed:1;      /* items the store has not got */
} ngx_directstream_run_t;


/* the stream's place, with the zone's lock held; NULL: it is gone */
ngx_directstream_node_t *ngx_directstream_run_node(
    ngx_directstream_runs_t *runs, const char *name);

/* brings the zone up to date; "status" gets what it says */
void ngx_directstream_run_report(ngx_directstream_runs_t *runs,
    ngx_directstream_run_t *run, ds_status_t *status);


#endif /* NGX_DIRECTSTREAM_RUN_H_INCLUDED_ */
