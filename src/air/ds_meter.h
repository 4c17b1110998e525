
/*
 * ds_meter.h: counts what was on air, and when nothing was.  Pure arithmetic
 * in monotonic milliseconds, used by one thread.
 */

#ifndef DS_METER_H_INCLUDED_
#define DS_METER_H_INCLUDED_


#include "base/ds_core.h"


/* s: lateness is that of so long */
#define DS_METER_TIME  10


typedef struct {
    int64_t    sent_at;                 /* last packet, 0: never */
    int64_t    item_at;                 /* last one of an item, 0: never */
    bool       slate;                   /* it was the slate's */
    int64_t    dead;                    /* ms of slate and of silence */

    int64_t    late[DS_METER_TIME];     /* ms, the most of each second */
    int64_t    second;                  /* the newest of them */

    int64_t    behind;                  /* ms, what the item was late in all */
    int64_t    behind_at;               /* when it grew */

    /* of this item, and since the end of the one before */
    int64_t    item_gap;                /* ms of silence right before it */
    int64_t    item_slate;              /* ms of slate */
    int64_t    item_time;               /* us of its media */
    uint64_t   item_bytes;
} ds_meter_t;


/* the item is over; what follows belongs to the next one */
void ds_meter_item(ds_meter_t *m);

/* a packet of "bytes" was sent "late" ms after it was due (or before it) */
void ds_meter_sent(ds_meter_t *m, int64_t now, bool slate, size_t bytes,
    int64_t late);

/* the item comes more slowly than it plays, and has for some time */
bool ds_meter_slow(const ds_meter_t *m);

/* since the last packet, and since the last one of an item; -1: none ever */
int64_t ds_meter_silence(const ds_meter_t *m, int64_t now);
int64_t ds_meter_missing(const ds_meter_t *m, int64_t now);

int64_t ds_meter_dead(const ds_meter_t *m, int64_t now);
int64_t ds_meter_late(ds_meter_t *m, int64_t now);

/* fills gap, slate, aired and bytes */
void ds_meter_aired(const ds_meter_t *m, ds_aired_t *a);


#endif /* DS_METER_H_INCLUDED_ */
