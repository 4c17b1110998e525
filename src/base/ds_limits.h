
/*
 * ds_limits.h: what of the machine this process may use.  Any thread.
 */

#ifndef DS_LIMITS_H_INCLUDED_
#define DS_LIMITS_H_INCLUDED_


#include "base/ds_core.h"


typedef struct {
    unsigned    cpus;           /* at least 1, a part of one counts as one */
    uint64_t    memory;         /* bytes, 0: no bound but the machine's */
} ds_limits_t;


/*
 * The processors of the calling thread's affinity, the quota and the memory
 * of its control groups, whichever is least.  What cannot be read is no
 * limit.  Reads a few small files.
 */
void ds_limits(ds_limits_t *l);

/*
 * Lowers "l" to what the groups in "list" (as /proc/self/cgroup) and those
 * above them allow below "root" (as /sys/fs/cgroup), of version 1 or 2.  Of a
 * group that is not there, as the host's within a container, those above
 * count.
 */
void ds_limits_groups(ds_limits_t *l, const char *list, const char *root);


#endif /* DS_LIMITS_H_INCLUDED_ */
