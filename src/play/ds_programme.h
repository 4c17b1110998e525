
/*
 * ds_programme.h: the schedule of a stream on its way to the air: the lists of
 * its slots, and which item of them is the agenda's.  All is called by the
 * player's thread without the stream's lock, unless said otherwise.
 */

#ifndef DS_PROGRAMME_H_INCLUDED_
#define DS_PROGRAMME_H_INCLUDED_


#include "play/ds_course.h"
#include "play/ds_play.h"


void ds_programme_step(ds_stream_t *s);

/* a copy of the entry of an agenda's key; DS_ECANCELED: it is gone */
int ds_programme_entry(ds_stream_t *s, uint32_t key, ds_entry_t *e);

/*
 * It is on air from now on, from "from" ms into it: s->slot and what belongs
 * to it are set.
 */
void ds_programme_began(ds_stream_t *s, uint32_t key, int64_t from);

/* context: s->lock is held; the slots and the cursors of a status */
void ds_programme_status(ds_stream_t *s, ds_status_t *st);

/*
 * context: any, s->lock is held.  Lists that are read for "c" as well are
 * copied, and where it is if it has the same schedule; 0 or DS_ENOMEM
 */
int ds_programme_copy(ds_stream_t *s, ds_course_t *c);

/* asks what is read to end; joins and frees all */
void ds_programme_cancel(ds_stream_t *s);
void ds_programme_end(ds_stream_t *s);


#endif /* DS_PROGRAMME_H_INCLUDED_ */
