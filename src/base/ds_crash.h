
/*
 * ds_crash.h: who was at work when the process died: each job's thread notes
 * the stream and the item it works for, and when it, or a thread that a
 * library has started for it, takes the process down, the note goes to memory
 * of the owner's, see ds_crash_t.
 */

#ifndef DS_CRASH_H_INCLUDED_
#define DS_CRASH_H_INCLUDED_


#include <signal.h>

#include "ds.h"


/* bytes of a stack for the handler alone, should a thread have used up its */
#define DS_CRASH_STACK  (32 * 1024)


/*
 * From now on the signals of a crash are handled; once a process, before it
 * starts threads.  "to" stays valid until the process ends; NULL: no change.
 */
void ds_crash_watch(ds_crash_t *to);

/* takes the signals of a crash out of "set"; any thread */
void ds_crash_signals(sigset_t *set);

/*
 * The calling thread's note, of which it has one at most, from enter() to
 * leave().  "stack" has DS_CRASH_STACK bytes and is used until leave().  What
 * it notes is copied.  Without enter() the others do nothing.
 */
void ds_crash_enter(char *stack);
void ds_crash_stream(const char *stream);
void ds_crash_item(const ds_turn_t *turn);      /* NULL: none any more */
void ds_crash_leave(void);


#endif /* DS_CRASH_H_INCLUDED_ */
