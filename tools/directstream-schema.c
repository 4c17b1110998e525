
/*
 * directstream-schema: says which version a state.db has, or migrates it, up
 * or down: before an older build is installed, for one; takes its streams to
 * a cluster, or those of a cluster back.  Knows nothing but the engine's store.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ds.h"


typedef struct {
    char    (*names)[DS_NAME_LEN + 1];
    size_t    n;
    bool      failed;
} names_t;


static int migrate(const char *path, const char *version);
static int cluster(const char *path, bool import, char **params);
static const char *parameters(ds_cluster_conf_t *conf, char **params);
static char *secret(const char *file);
static int import_all(const char *path, ds_store_t *store);
static int export_all(const char *path, ds_store_t *store);
static int names_of(const char *path, ds_store_t *store, names_t *names);
static void name_of(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);
static int say(const char *path, const char *what, const ds_error_t *err);
static int usage(void);


int
main(int argc, char **argv)
{
    int           have;
    bool          import;
    const char   *path;
    ds_error_t    err;
    struct stat   st;

    if (argc < 2 || argv[1][0] == '-') {
        return usage();
    }

    /* what is made has stream keys in it */
    (void) umask(0077);

    path = argv[1];
    import = argc > 2 && strcmp(argv[2], "import") == 0;

    /* a wrong path is no reason to make a database, but for an export */

    if (argc > 3 && strcmp(argv[2], "export") == 0) {
        return cluster(path, false, argv + 3);
    }

    if (stat(path, &st) == -1) {
        (void) fprintf(stderr, "directstream-schema: \"%s\": %s\n", path,
                       strerror(errno));
        return 1;
    }

    if (import && argc > 3) {
        return cluster(path, true, argv + 3);
    }

    if (argc > 3) {
        return usage();
    }

    if (argc == 3) {
        return migrate(path, argv[2]);
    }

    if (ds_store_schema(path, &have, &err) != DS_OK) {
        return say(path, "cannot be read", &err);
    }

    (void) printf("%d\n", have);

    return 0;
}


static int
migrate(const char *path, const char *arg)
{
    int          have, version;
    char        *end;
    ds_error_t   err;

    if (ds_store_schema(path, &have, &err) != DS_OK) {
        return say(path, "cannot be read", &err);
    }

    errno = 0;
    version = (int) strtol(arg, &end, 10);

    if (errno != 0 || end == arg || *end != '\0'
        || version < 0 || version > ds_store_version())
    {
        (void) fprintf(stderr, "directstream-schema: invalid version \"%s\", "
                       "it must be from 0 to %d\n", arg, ds_store_version());
        return 2;
    }

    if (ds_store_migrate(path, version, &err) != DS_OK) {
        return say(path, "was not migrated", &err);
    }

    (void) printf("%d -> %d\n", have, version);

    return 0;
}


/* nginx must not run on the file */

static int
cluster(const char *path, bool import, char **params)
{
    int                 rc;
    ds_error_t          err;
    ds_store_t         *store;
    const char         *wrong;
    ds_cluster_conf_t   conf;

    wrong = parameters(&conf, params);

    if (wrong != NULL) {
        (void) fprintf(stderr, "directstream-schema: invalid parameter "
                       "\"%s\"\n", wrong);
        return 2;
    }

    if (ds_store_migrate(path, -1, &err) != DS_OK) {
        return say(path, "was not migrated", &err);
    }

    store = ds_store_open(path, true, &err);

    if (store == NULL) {
        return say(path, "cannot be opened", &err);
    }

    rc = ds_store_join(store, &conf, &err) != DS_OK
         ? say(path, "cannot be joined with the cluster", &err)
         : import ? import_all(path, store) : export_all(path, store);

    ds_store_close(&store);

    return rc;
}


/* those of the directive "cluster"; NULL, or the one that is wrong */

static const char *
parameters(ds_cluster_conf_t *conf, char **params)
{
    size_t        i, len;
    const char  **field;

    static const struct {
        const char  *name;
        size_t       offset;
    } known[] = {
        { "etcd=", offsetof(ds_cluster_conf_t, endpoints) },
        { "prefix=", offsetof(ds_cluster_conf_t, prefix) },
        { "ca=", offsetof(ds_cluster_conf_t, ca) },
        { "cert=", offsetof(ds_cluster_conf_t, cert) },
        { "key=", offsetof(ds_cluster_conf_t, key) },
        { "user=", offsetof(ds_cluster_conf_t, user) },
        { "password_file=", offsetof(ds_cluster_conf_t, password) },
    };

    memset(conf, 0, sizeof(ds_cluster_conf_t));
    conf->prefix = "/directstream/";
    conf->node = "directstream-schema";

    for ( /* void */ ; *params != NULL; params++) {

        for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
            len = strlen(known[i].name);

            if (strncmp(*params, known[i].name, len) == 0) {
                break;
            }
        }

        if (i == sizeof(known) / sizeof(known[0]) || (*params)[len] == '\0') {
            return *params;
        }

        field = (const char **) ((char *) conf + known[i].offset);
        *field = *params + len;
    }

    /* below another prefix there would be no streams, which export makes so */

    if (conf->prefix[0] != '/'
        || conf->prefix[strlen(conf->prefix) - 1] != '/')
    {
        return "prefix=";
    }

    if ((conf->cert == NULL) != (conf->key == NULL)) {
        return conf->cert == NULL ? "cert=" : "key=";
    }

    if ((conf->user == NULL) != (conf->password == NULL)) {
        return conf->user == NULL ? "user=" : "password_file=";
    }

    if (conf->password != NULL) {
        conf->password = secret(conf->password);

        if (conf->password == NULL) {
            return "password_file=";
        }
    }

    return conf->endpoints == NULL ? "etcd=" : NULL;
}


/* the first line */

static char *
secret(const char *file)
{
    FILE         *f;
    bool          read;
    static char   line[1024];

    f = fopen(file, "r");
    if (f == NULL) {
        return NULL;
    }

    read = fgets(line, sizeof(line), f) != NULL;
    (void) fclose(f);

    line[strcspn(line, "\r\n")] = '\0';

    return read && line[0] != '\0' ? line : NULL;
}


/* one by one: what one of them meets is no reason to leave the others */

static int
import_all(const char *path, ds_store_t *store)
{
    int         rc;
    size_t      i;
    names_t     names;
    ds_error_t  err;

    if (names_of(path, store, &names) != 0) {
        return 1;
    }

    rc = 0;

    for (i = 0; i < names.n; i++) {

        if (ds_store_give(store, names.names[i], &err) == DS_OK) {
            (void) printf("%s\n", names.names[i]);
            continue;
        }

        rc = say(names.names[i], "was not imported", &err);
    }

    free(names.names);

    return rc;
}


static int
export_all(const char *path, ds_store_t *store)
{
    size_t      i;
    names_t     names;
    uint32_t    n;
    ds_error_t  err;

    if (ds_store_unshared(store, &n, &err) != DS_OK) {
        return say(path, "cannot be read", &err);
    }

    if (n != 0) {
        (void) fprintf(stderr, "directstream-schema: \"%s\" has %u streams of "
                       "its own, which an export would drop\n", path, n);
        return 1;
    }

    if (ds_store_part(store, &err) != DS_OK) {
        return say(path, "was not exported to", &err);
    }

    if (names_of(path, store, &names) != 0) {
        return 1;
    }

    for (i = 0; i < names.n; i++) {
        (void) printf("%s\n", names.names[i]);
    }

    free(names.names);

    return 0;
}


/* all of them, to be freed where it is 0 */

static int
names_of(const char *path, ds_store_t *store, names_t *names)
{
    int         rc;
    ds_error_t  err;

    memset(names, 0, sizeof(names_t));

    rc = ds_store_each(store, name_of, names, &err) == DS_OK
         ? 0 : say(path, "cannot be read", &err);

    if (rc == 0 && names->failed) {
        (void) fprintf(stderr, "directstream-schema: \"%s\": no memory\n",
                       path);
        rc = 1;
    }

    if (rc != 0) {
        free(names->names);
    }

    return rc;
}


static void
name_of(void *data, const ds_stored_t *def, const ds_progress_t *progress)
{
    names_t *names = data;

    void  *p;

    (void) progress;

    p = realloc(names->names, (names->n + 1) * sizeof(names->names[0]));

    if (p == NULL) {
        names->failed = true;
        return;
    }

    names->names = p;
    memcpy(names->names[names->n++], def->def.name, DS_NAME_LEN + 1);
}


static int
say(const char *path, const char *what, const ds_error_t *err)
{
    (void) fprintf(stderr, "directstream-schema: \"%s\" %s: %s: %s\n",
                   path, what, ds_error_code(err->code), err->message);
    return 1;
}


static int
usage(void)
{
    (void) fprintf(stderr, "usage: directstream-schema PATH [VERSION]\n"
                   "       directstream-schema PATH import|export etcd=URL[,"
                   "URL...] [prefix=PATH]\n"
                   "           [ca=FILE] [cert=FILE key=FILE] [user=NAME "
                   "password_file=FILE]\n"
                   "PATH is a state.db; VERSION is from 0 to %d; nginx must "
                   "not run, but where PATH is all that is given\n",
                   ds_store_version());
    return 2;
}
