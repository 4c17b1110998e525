
/*
 * ds_agenda.h: what is queued for a stream: entries in order, and what has
 * become of them that the store does not know yet.  No lock of its own: its
 * owner's lock covers every call.
 */

#ifndef DS_AGENDA_H_INCLUDED_
#define DS_AGENDA_H_INCLUDED_


#include "base/ds_item.h"


typedef struct ds_agenda_s  ds_agenda_t;


/*
 * Entries have keys, which are never the index of an item of a list: one can
 * stand where the other does.
 */
#define DS_AGENDA_KEY   0x80000000u

/* no entry, nor an item */
#define DS_AGENDA_NONE  UINT32_MAX

bool ds_agenda_is_key(uint32_t index);


ds_agenda_t *ds_agenda_create(void);
void ds_agenda_free(ds_agenda_t **a);

/* see ds_stream_queue_change(), ds_stream_queue_set() */
bool ds_agenda_change(ds_agenda_t *a, ds_queued_t *q, uint64_t *stamp);
int ds_agenda_set(ds_agenda_t *a, const ds_queued_t *q, size_t n,
    uint64_t stamp);

/* of the last change */
uint64_t ds_agenda_stamp(ds_agenda_t *a);

/* the next one that waits, DS_AGENDA_NONE: there is none */
uint32_t ds_agenda_head(ds_agenda_t *a);

/* how many wait */
uint32_t ds_agenda_waiting(ds_agenda_t *a);

/* borrowed until the next call that changes anything; NULL: it is gone */
const ds_queued_t *ds_agenda_get(ds_agenda_t *a, uint32_t key);

/* of an entry on air or next; "index" of it when a list has one */
void ds_agenda_item(ds_agenda_t *a, uint32_t key, ds_item_t *item);

/* what resolving it told; NULL changes nothing */
void ds_agenda_set_info(ds_agenda_t *a, uint32_t key, const char *id,
    const char *title, int64_t duration);

/* what became of it on air; see ds_playlist_set_state() */
void ds_agenda_set_state(ds_agenda_t *a, uint32_t key, ds_item_state_e state,
    int code, const char *reason);

/*
 * It is to go on air, and the store is told so: true when the store knows, or
 * has not answered for long; then nobody takes it back.  Who has removed it
 * before has it removed: it is gone then.  It is not to go on air after all.
 */
bool ds_agenda_hold(ds_agenda_t *a, uint32_t key);
void ds_agenda_release(ds_agenda_t *a, uint32_t key);

/*
 * It is on air, and those that would interrupt what was there are next; what
 * is left of it is not to be gone on with, which the store takes for its end;
 * it is over; it waits again, as it was interrupted there.
 */
void ds_agenda_begin(ds_agenda_t *a, uint32_t key);
void ds_agenda_spend(ds_agenda_t *a, uint32_t key);
void ds_agenda_end(ds_agenda_t *a, uint32_t key);
void ds_agenda_interrupt(ds_agenda_t *a, uint32_t key, int64_t position);

/*
 * The schedule's next item, of which the id is ours.  While it sleeps it is
 * only prepared; "first": it comes before all the others, else after them.
 * Key, or DS_AGENDA_NONE without memory.
 */
uint32_t ds_agenda_slot_add(ds_agenda_t *a, const ds_queued_t *q,
    bool sleeps);
void ds_agenda_slot_wake(ds_agenda_t *a, uint32_t key, bool now, bool first);

/* one that sleeps, DS_AGENDA_NONE: none does */
uint32_t ds_agenda_asleep(ds_agenda_t *a);

/*
 * An item of the list was interrupted: it will be back before those that
 * wait, but for those that interrupt.  Without memory it will not.
 */
void ds_agenda_return(ds_agenda_t *a, const ds_item_t *item,
    int64_t position);

/* an item of the list begins anew: it is not to be back from before */
void ds_agenda_forget(ds_agenda_t *a, const ds_item_t *item);

/*
 * Does what is on air, "cur", with "left" ms of it, or -1, go on afterwards
 * when "head" interrupts it at "position"?
 */
bool ds_agenda_returns(ds_agenda_t *a, uint32_t head, uint32_t cur,
    int64_t left, int64_t position);

/* enough is left of it to go on with some day */
bool ds_agenda_worth(int64_t left, int64_t position);

/* the same entries, without the schedule's that wait; NULL: no memory */
ds_agenda_t *ds_agenda_copy(ds_agenda_t *a);

/* the first one, of DS_AGENDA_NONE, or the next; DS_AGENDA_NONE: no more */
uint32_t ds_agenda_next(ds_agenda_t *a, uint32_t key);


#endif /* DS_AGENDA_H_INCLUDED_ */
