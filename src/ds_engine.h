
/*
 * ds_engine.h: what the engine object runs.  A task is a stream or a lookup:
 * something with threads that ds_destroy() must end.
 */

#ifndef DS_ENGINE_H_INCLUDED_
#define DS_ENGINE_H_INCLUDED_


#include "ds_core.h"


typedef struct ds_task_s  ds_task_t;

struct ds_task_s {
    /* asks the threads to end, does not wait */
    void       (*cancel)(ds_task_t *task);

    /* true when no thread has anything left to do: free() will not wait */
    bool       (*done)(ds_task_t *task);

    /* joins and frees */
    void       (*free)(ds_task_t *task);

    ds_task_t   *next;          /* ds.c's */
};


/* both from the thread that owns the engine */

void ds_task_add(ds_t *ds, ds_task_t *task);
void ds_task_remove(ds_t *ds, ds_task_t *task);


#endif /* DS_ENGINE_H_INCLUDED_ */
