
/*
 * directstream-schema: says which version a state.db has, or migrates it, up
 * or down: before an older build is installed, for one.  Knows nothing but
 * the engine's store.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ds.h"


static int say(const char *path, const char *what, const ds_error_t *err);


static int
say(const char *path, const char *what, const ds_error_t *err)
{
    (void) fprintf(stderr, "directstream-schema: \"%s\" %s: %s: %s\n",
                   path, what, ds_error_code(err->code), err->message);
    return 1;
}


int
main(int argc, char **argv)
{
    int           have, version;
    char         *end;
    const char   *path;
    ds_error_t    err;
    struct stat   st;

    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        (void) fprintf(stderr, "usage: directstream-schema PATH [VERSION]\n"
                       "PATH is a state.db; VERSION is from 0 to %d, and "
                       "nginx must not run when it is given\n",
                       ds_store_version());
        return 2;
    }

    path = argv[1];

    /* a wrong path is no reason to make a database */

    if (stat(path, &st) == -1) {
        (void) fprintf(stderr, "directstream-schema: \"%s\": %s\n", path,
                       strerror(errno));
        return 1;
    }

    if (ds_store_schema(path, &have, &err) != DS_OK) {
        return say(path, "cannot be read", &err);
    }

    if (argc == 2) {
        (void) printf("%d\n", have);
        return 0;
    }

    errno = 0;
    version = (int) strtol(argv[2], &end, 10);

    if (errno != 0 || end == argv[2] || *end != '\0'
        || version < 0 || version > ds_store_version())
    {
        (void) fprintf(stderr, "directstream-schema: invalid version \"%s\", "
                       "it must be from 0 to %d\n", argv[2],
                       ds_store_version());
        return 2;
    }

    if (ds_store_migrate(path, version, &err) != DS_OK) {
        return say(path, "was not migrated", &err);
    }

    (void) printf("%d -> %d\n", have, version);

    return 0;
}
