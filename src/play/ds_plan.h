
/*
 * ds_plan.h: what would be on air, by a clock that goes as fast as it can: the
 * decisions are those of ds_course.c, ds_agenda.c and ds_playlist.c, whose
 * copies are played through here.  No thread, no lock, no clock, no disk.
 */

#ifndef DS_PLAN_H_INCLUDED_
#define DS_PLAN_H_INCLUDED_


#include "play/ds_course.h"


/* ms: how long an item lasts in whose list no length is known */
#define DS_PLAN_GUESS   240000

/* no index: of the entry that was on air before */
#define DS_PLAN_ONAIR   (DS_AGENDA_KEY - 1)


typedef struct {
    int64_t            start;           /* as in ds_planned_t */
    int64_t            end;
    int64_t            from;
    int64_t            late;
    ds_why_e           why;
    int                slot;            /* -1: none */
    uint32_t           item;            /* index in the slot's list or in the
                                           base, or a key of the agenda, or
                                           DS_NO_ITEM */
    bool               cut;
    bool               guessed;
} ds_plan_entry_t;


/* zeroed and then filled in by who asks, who owns it; "next" and so on as in
 * ds_course_view_t */

typedef struct {
    ds_course_t       *course;          /* NULL: there is no schedule */
    ds_agenda_t       *agenda;
    ds_playlist_t     *base;
    bool               loop;
    int64_t            max_item;        /* ms, 0: none */
    uint32_t           next;
    int64_t            next_duration;

    int64_t            now;             /* Unix ms */
    int64_t            until;

    bool               busy;            /* the first entry is on air: */
    uint32_t           cur;             /* index in the base, or a key, or
                                           DS_NO_ITEM: it is in no list */
    int64_t            began;           /* Unix ms, of what is on air */
    int64_t            from;            /* ms into it, where it began */
    int64_t            end;             /* Unix ms, when it is over */

    ds_plan_entry_t   *entries;
    uint32_t           n;
    uint32_t           size;
    ds_conflict_t     *conflicts;
    uint32_t           nconflicts;
    bool               truncated;

    /* ds_plan.c's own */
    int64_t            own_end;         /* when it were, if nothing cut it */
    bool               guessed;
    int64_t            mean[DS_SLOTS + 1];
} ds_plan_t;


/* an entry that is on air already: before ds_plan_run(); 0 or DS_ENOMEM */
int ds_plan_add(ds_plan_t *p, ds_why_e why, int slot, uint32_t item,
    int64_t late);

/* 0, DS_ENOMEM, DS_ECANCELED; "cancel" may be NULL */
int ds_plan_run(ds_plan_t *p, ds_cancel_t *cancel);

/* frees what it has, all of it */
void ds_plan_clear(ds_plan_t *p);


#endif /* DS_PLAN_H_INCLUDED_ */
