
/*
 * ds_course.h: which item of the schedule is next, and what waits for its
 * time: decisions alone, by times that are given, so that who plays and who
 * plans decide the same.  No thread, no clock, no media, and no lock of its
 * own: its owner's lock covers every call, and the agenda and the list that
 * are shown to it.
 */

#ifndef DS_COURSE_H_INCLUDED_
#define DS_COURSE_H_INCLUDED_


#include "play/ds_agenda.h"
#include "play/ds_playlist.h"
#include "play/ds_schedule.h"


typedef struct {
    ds_playlist_t  *list;           /* NULL: not read yet */
    uint32_t        hash;           /* of the slot's label */
    uint64_t        first;          /* key of the item it began with, at: */
    int64_t         start;
    uint64_t        next;           /* of the one that is next, 0: the first */
} ds_course_list_t;


/* an entry of the agenda */

typedef struct {
    uint32_t        key;            /* DS_AGENDA_NONE: there is none */
    int             slot;
    int64_t         start;          /* of the airing */
    bool            first;          /* item of it */
    uint32_t        index;          /* in the slot's list */
} ds_course_item_t;


typedef struct {
    ds_rundown_t     *rd;
    ds_course_list_t  lists[DS_SLOTS];
    ds_course_item_t  item;         /* due, or to follow */
    ds_course_item_t  ahead;        /* asleep */
    uint32_t          played;       /* items of what is on */
    unsigned          fails;        /* items in a row */
    int64_t           retry;        /* monotonic ms */
    ds_airing_t       seen;         /* what is due, as it was seen last */
} ds_course_t;


/* what else there is to know, borrowed for the call */

typedef struct {
    int64_t           now;          /* Unix ms */
    int64_t           mono;         /* monotonic ms */
    ds_agenda_t      *agenda;
    ds_playlist_t    *base;         /* the stream's own list */
    bool              loop;
    uint32_t          next;         /* of it, prepared; DS_NO_ITEM: none is */
    int64_t           next_duration;    /* ms, if the list does not know */
    bool              busy;         /* an item is on air */
    int64_t           left;         /* ms of it, -1: not known */
} ds_course_view_t;


/* what has begun */

typedef struct {
    int               slot;
    ds_airing_t       airing;
    bool              first;        /* of it */
    bool              again;        /* it had begun before a stop */
    int64_t           until;        /* ms into the item, 0: its end */
} ds_course_begun_t;


/* "cursors" as ds_course_cursors() has written them; NULL: "err" says why */
ds_course_t *ds_course_create(const char *schedule, const char *cursors,
    ds_error_t *err);

/* with the lists that are in it; its entries stay in the agenda */
void ds_course_free(ds_course_t **c);

/* DS_CURSORS_LEN bytes */
void ds_course_cursors(const ds_course_t *c, char *text);

/* "to", of the same schedule, is where "from" is; no entries, no lists */
void ds_course_copy(ds_course_t *to, const ds_course_t *from);

/*
 * What has become due.  True: something else was, and has not been on air,
 * *missed.
 */
bool ds_course_due(ds_course_t *c, int64_t now, ds_airing_t *missed);

/* makes, wakes and ends the entries of the agenda */
void ds_course_step(ds_course_t *c, const ds_course_view_t *v);

/* the entry's item, or NULL: there is none of that key */
const ds_course_item_t *ds_course_item(const ds_course_t *c, uint32_t key);

/* it is on air, from "from" ms into it; false: it is not what was next */
bool ds_course_began(ds_course_t *c, uint32_t key, int64_t now, int64_t from,
    ds_course_begun_t *begun);

/* another list of a slot, which is taken over */
void ds_course_list(ds_course_t *c, ds_agenda_t *agenda, int slot,
    ds_playlist_t *list);

/* the entries end */
void ds_course_clear(ds_course_t *c, ds_agenda_t *agenda);


#endif /* DS_COURSE_H_INCLUDED_ */
