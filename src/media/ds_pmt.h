
/*
 * ds_pmt.h: watches the tables in the bytes of an MPEG-TS: libavformat takes
 * no notice of a stream that gets another codec.  One thread; pure.
 */

#ifndef DS_PMT_H_INCLUDED_
#define DS_PMT_H_INCLUDED_


#include "base/ds_core.h"


#define DS_PMT_PACKET    192            /* bytes at most */
#define DS_PMT_STREAMS   64


typedef struct {
    unsigned  size;                     /* of a packet, 0: not known yet */
    bool      off;                      /* it is none */
    uint8_t   part[DS_PMT_PACKET];      /* of a packet that began before */
    size_t    npart;
    uint16_t  tables[DS_PMT_STREAMS];   /* PIDs of programmes */
    unsigned  ntables;
    uint16_t  pids[DS_PMT_STREAMS];     /* of streams, and their types */
    uint8_t   types[DS_PMT_STREAMS];
    unsigned  npids;
} ds_pmt_t;


/* zeroed: at the beginning, or when reading goes on somewhere else */
void ds_pmt_reset(ds_pmt_t *p);

/*
 * The next bytes: true when a stream gets another type in them; *at is where
 * the packet that says so begins, which is negative when it began in the bytes
 * before: then its first -*at bytes are in "part".
 */
bool ds_pmt_changes(ds_pmt_t *p, const uint8_t *data, size_t n,
    ptrdiff_t *at);


#endif /* DS_PMT_H_INCLUDED_ */
