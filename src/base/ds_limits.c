
/*
 * ds_limits.c: processors and memory as a container or a unit of systemd has
 * them: of a machine of 64 processors it may be two, and a hundred children
 * at a time would be its end.
 */

#define _GNU_SOURCE

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/ds_limits.h"


#define DS_LIMITS_PATH  4096


static void ds_limits_group(ds_limits_t *l, const char *root,
    const char *controllers, char *group);
static void ds_limits_dir(ds_limits_t *l, const char *dir, bool cpu,
    bool memory);
static void ds_limits_cpus(ds_limits_t *l, double quota, double period);
static void ds_limits_memory(ds_limits_t *l, const char *value);
static bool ds_limits_value(char *value, size_t size, const char *dir,
    const char *name);
static bool ds_limits_names(const char *controllers, const char *name);


void
ds_limits(ds_limits_t *l)
{
    int        n;
    long       online;
    cpu_set_t  set;

    online = sysconf(_SC_NPROCESSORS_ONLN);
    n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 0;

    l->cpus = n > 0 ? n : online > 0 ? online : 1;
    l->memory = 0;

    ds_limits_groups(l, "/proc/self/cgroup", "/sys/fs/cgroup");
}


/* lines of "hierarchy:controllers:group"; version 2 names no controllers */

void
ds_limits_groups(ds_limits_t *l, const char *list, const char *root)
{
    FILE  *file;
    char  *p, *group, line[DS_LIMITS_PATH];

    file = fopen(list, "re");
    if (file == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';

        p = strchr(line, ':');
        group = p == NULL ? NULL : strchr(p + 1, ':');

        if (group == NULL) {
            continue;
        }

        *group++ = '\0';
        ds_limits_group(l, root, p + 1, group);
    }

    (void) fclose(file);
}


/* the group and all above it; "group" is cut on the way */

static void
ds_limits_group(ds_limits_t *l, const char *root, const char *controllers,
    char *group)
{
    bool         cpu, memory;
    char        *p, dir[DS_LIMITS_PATH];
    const char  *below;

    cpu = ds_limits_names(controllers, "cpu");
    memory = ds_limits_names(controllers, "memory");

    if (controllers[0] == '\0') {
        cpu = memory = true;
        below = "";

    } else if (cpu) {
        below = "/cpu";

    } else if (memory) {
        below = "/memory";

    } else {
        return;
    }

    for ( ;; ) {
        p = strrchr(group, '/');

        if (p != NULL && p[1] == '\0') {
            *p = '\0';
            continue;
        }

        if (snprintf(dir, sizeof(dir), "%s%s%s", root, below, group)
            < (int) sizeof(dir))
        {
            ds_limits_dir(l, dir, cpu, memory);
        }

        if (p == NULL) {
            return;
        }

        *p = '\0';
    }
}


static void
ds_limits_dir(ds_limits_t *l, const char *dir, bool cpu, bool memory)
{
    char    value[64], period[64];
    double  n, of;
    size_t  i;

    static const char *const  names[] = {
        "memory.max", "memory.high", "memory.limit_in_bytes"
    };

    if (cpu && ds_limits_value(value, sizeof(value), dir, "cpu.max")
        && sscanf(value, "%lf %lf", &n, &of) == 2)
    {
        ds_limits_cpus(l, n, of);
    }

    if (cpu && ds_limits_value(value, sizeof(value), dir, "cpu.cfs_quota_us")
        && ds_limits_value(period, sizeof(period), dir, "cpu.cfs_period_us"))
    {
        ds_limits_cpus(l, atof(value), atof(period));
    }

    for (i = 0; memory && i < sizeof(names) / sizeof(names[0]); i++) {
        if (ds_limits_value(value, sizeof(value), dir, names[i])) {
            ds_limits_memory(l, value);
        }
    }
}


/* without a quota it is -1 */

static void
ds_limits_cpus(ds_limits_t *l, double quota, double period)
{
    double  n;

    if (quota <= 0 || period <= 0) {
        return;
    }

    n = quota / period;

    if (n < l->cpus) {
        l->cpus = (unsigned) n < n ? (unsigned) n + 1 : (unsigned) n;
    }
}


/* without a limit it is "max", or as much as there are pages in 2^63 bytes */

static void
ds_limits_memory(ds_limits_t *l, const char *value)
{
    uint64_t  n;

    n = strtoull(value, NULL, 10);

    if (n != 0 && n < INT64_MAX / 2 && (l->memory == 0 || n < l->memory)) {
        l->memory = n;
    }
}


static bool
ds_limits_value(char *value, size_t size, const char *dir, const char *name)
{
    bool   got;
    FILE  *file;
    char   path[DS_LIMITS_PATH + 32];

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }

    got = fgets(value, size, file) != NULL;

    (void) fclose(file);

    return got;
}


/* "name" is one of a list with commas */

static bool
ds_limits_names(const char *controllers, const char *name)
{
    size_t  len;

    len = strlen(name);

    for ( ;; ) {
        if (strncmp(controllers, name, len) == 0
            && (controllers[len] == ',' || controllers[len] == '\0'))
        {
            return true;
        }

        controllers = strchr(controllers, ',');

        if (controllers == NULL) {
            return false;
        }

        controllers++;
    }
}
