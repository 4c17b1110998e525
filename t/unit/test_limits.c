
/*
 * ds_limits: what a control group allows, of version 1 and 2, by a directory
 * that stands for /sys/fs/cgroup.
 */

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ds_limits.h"
#include "tap.h"


static char  root[] = "/tmp/ds-limits-XXXXXX";


/* with the directories above it */

static void
put(const char *name, const char *text)
{
    char   path[512], *p;
    FILE  *file;

    (void) snprintf(path, sizeof(path), "%s/%s", root, name);

    for (p = path + strlen(root) + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        (void) mkdir(path, 0700);
        *p = '/';
    }

    file = fopen(path, "w");
    if (file == NULL) {
        printf("Bail out! %s\n", path);
        exit(1);
    }

    (void) fputs(text, file);
    (void) fclose(file);
}


/* on a machine of 64 processors */

static void
check(const char *groups, unsigned cpus, unsigned long long mib,
    const char *what)
{
    char         list[512];
    ds_limits_t  l;

    put("list", groups);
    (void) snprintf(list, sizeof(list), "%s/list", root);

    l.cpus = 64;
    l.memory = 0;
    ds_limits_groups(&l, list, root);

    is_int(l.cpus, cpus, "%s: processors", what);
    is_int(l.memory >> 20, mib, "%s: MiB", what);
}


static void
test_version2(void)
{
    put("two/cpu.max", "150000 100000\n");
    put("two/memory.max", "1073741824\n");
    put("two/below/cpu.max", "max 100000\n");
    put("two/below/memory.max", "max\n");
    put("two/below/memory.high", "536870912\n");
    put("two/least/cpu.max", "1000 100000\n");
    put("two/least/memory.max", "2147483648\n");
    put("two/wide/cpu.max", "9900000 100000\n");

    check("0::/two\n", 2, 1024, "a part of a processor counts as one");
    check("0::/two/below\n", 2, 512, "what is above counts too");
    check("0::/two/least\n", 1, 1024, "at least one");
    check("0::/other\n", 64, 0, "no limit");
    check("0::/\n", 64, 0, "no limit at the root");
    check("nonsense\n\n::\n", 64, 0, "nonsense");

    put("cpu.max", "400000 100000\n");
    put("memory.max", "4294967296\n");

    check("0::/\n", 4, 4096, "a group that is a root of its own");
    check("0::/system.slice/docker-1.scope\n", 4, 4096,
          "the host's group, within a container");
    check("0::/../../two\n", 4, 4096, "a group that cannot be seen");

    put("cpu.max", "max 100000\n");
    put("memory.max", "max\n");
}


static void
test_version1(void)
{
    put("cpu/one/cpu.cfs_quota_us", "300000\n");
    put("cpu/one/cpu.cfs_period_us", "100000\n");
    put("cpu/free/cpu.cfs_quota_us", "-1\n");
    put("cpu/free/cpu.cfs_period_us", "100000\n");
    put("memory/one/memory.limit_in_bytes", "268435456\n");
    put("memory/free/memory.limit_in_bytes", "9223372036854771712\n");

    check("4:memory:/one\n2:cpuacct,cpu:/one\n1:cpuset:/one\n", 3, 256,
          "version 1");
    check("4:memory:/free\n2:cpu:/free\n", 64, 0, "version 1, no limit");
    check("4:memory:/one\n0::/two\n", 2, 256, "both versions");
}


static void
test_own(void)
{
    ds_limits_t  l;

    ds_limits(&l);

    ok(l.cpus >= 1 && l.cpus <= (unsigned) sysconf(_SC_NPROCESSORS_CONF),
       "ours: %u processors, %llu MiB", l.cpus,
       (unsigned long long) l.memory >> 20);
}


int
main(void)
{
    char  command[64];

    if (mkdtemp(root) == NULL) {
        return 1;
    }

    test_version2();
    test_version1();
    test_own();

    (void) snprintf(command, sizeof(command), "rm -rf %s", root);
    (void) !system(command);

    return done_testing();
}
