
/*
 * directstream-check: lists, resolves, opens and decides as a stream would,
 * with the engine's own code, and tells what would be on air.  What nginx.conf
 * says it has from nginx -T, to which the module adds what it has understood.
 */

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "ds.h"


/* what the module writes before it */
#define MARK     "# directstream-check: "

/* exit codes; those before it are a ds_outcome_e */
#define NOTHING  3

/* us between two looks at how far it is */
#define LOOK     20000


typedef struct {
    const char  *conf;                  /* NULL: nginx's own */
    const char  *prefix;                /* the same */
    const char  *nginx;
    const char  *what;                  /* a stream, or a playlist */
    unsigned     items;                 /* to open */
    bool         asked;                 /* nginx.conf counts */
    bool         json;
    bool         verbose;
} options_t;


/* all of it is of the cJSON tree, or constant, and is never freed */

typedef struct {
    ds_conf_t    conf;
    const char  *store;                 /* NULL: none */
    cJSON       *streams;               /* NULL: none */
    const char  *user;                  /* NULL: who we are */
    uid_t        uid;
    gid_t        gid;
} settings_t;


static bool options_parse(options_t *o, int argc, char **argv);
static int usage(void);
static int complain(const char *what, const char *why);
static void settings_init(settings_t *set);
static bool settings_read(settings_t *set, const options_t *o);
static FILE *nginx_start(const options_t *o, pid_t *pid);
static void settings_take(settings_t *set, const cJSON *json);
static const char *text_of(const cJSON *json, const char *name);
static double number_of(const cJSON *json, const char *name);
static const char *const *list_of(const cJSON *json, const char *name);
static void rules_take(settings_t *set, const cJSON *rules);
static bool user_become(const settings_t *set);
static void text_take(char *to, size_t size, const cJSON *json,
    const char *name);
static void def_take(ds_def_t *def, const cJSON *json);
static bool def_find(const settings_t *set, const options_t *o,
    ds_def_t *def);
static bool def_stored(const settings_t *set, const char *name,
    ds_def_t *def, ds_error_t *err);
static int check(ds_t *ds, const options_t *o, const ds_def_t *def);
static void log_take(ds_t *ds, const options_t *o);
static void tell_words(const options_t *o, const ds_lookup_status_t *st);
static void tell_item(const ds_item_t *item);
static bool tell_json(const ds_lookup_status_t *st, cJSON *items);
static bool item_add(cJSON *items, const ds_item_t *item);
static cJSON *error_make(const ds_error_t *err);
static void word_add(cJSON *json, const char *name, const char *word);


int
main(int argc, char **argv)
{
    int                rc;
    ds_t              *ds;
    options_t          o;
    ds_error_t         err;
    settings_t         set;
    static ds_def_t    def;

    if (!options_parse(&o, argc, argv)) {
        return usage();
    }

    settings_init(&set);

    if ((o.asked && !settings_read(&set, &o)) || !user_become(&set)
        || !def_find(&set, &o, &def))
    {
        return NOTHING;
    }

    ds = ds_create(&set.conf, &err);
    if (ds == NULL) {
        return complain("ds_create() failed", err.message);
    }

    rc = check(ds, &o, &def);

    ds_destroy(&ds);

    return rc;
}


static bool
options_parse(options_t *o, int argc, char **argv)
{
    int    c;
    char  *end;

    memset(o, 0, sizeof(options_t));

    o->nginx = "nginx";
    o->items = DS_CHECK_DEFAULT;

    while ((c = getopt(argc, argv, "c:i:jn:p:v")) != -1) {

        switch (c) {

        case 'c':
            o->conf = optarg;
            o->asked = true;
            break;

        case 'i':
            errno = 0;
            o->items = (unsigned) strtoul(optarg, &end, 10);

            if (errno != 0 || *optarg < '0' || *optarg > '9' || *end != '\0'
                || o->items < 1 || o->items > DS_CHECK_MAX)
            {
                return false;
            }

            break;

        case 'j':
            o->json = true;
            break;

        case 'n':
            o->nginx = optarg;
            break;

        case 'p':
            o->prefix = optarg;
            o->asked = true;
            break;

        case 'v':
            o->verbose = true;
            break;

        default:
            return false;
        }
    }

    if (optind != argc - 1) {
        return false;
    }

    o->what = argv[optind];

    /* a stream is one of some nginx.conf */

    if (ds_check_playlist(o->what, true, NULL) != DS_OK) {
        o->asked = true;
    }

    return true;
}


static int
usage(void)
{
    (void) fprintf(stderr,
                   "usage: directstream-check [-jv] [-i ITEMS] [-c FILE] "
                   "[-p PREFIX] [-n NGINX]\n"
                   "                          STREAM | URL | ID\n"
                   "ITEMS, from 1 to %d, are opened (%d); FILE and PREFIX are "
                   "nginx's own -c and -p;\nNGINX is its program.  Exits with "
                   "0: plays, 1: plays with losses, 2: would be\ndark, "
                   "3: could not be checked\n", DS_CHECK_MAX,
                   DS_CHECK_DEFAULT);

    return NOTHING;
}


static int
complain(const char *what, const char *why)
{
    (void) fprintf(stderr, "directstream-check: %s: %s\n", what, why);

    return NOTHING;
}


/* the module's own defaults, for a playlist without a configuration */

static void
settings_init(settings_t *set)
{
    static const char *const  resolver[] = { "/usr/bin/yt-dlp", NULL };

    memset(set, 0, sizeof(settings_t));

    set->conf.resolve_command = resolver;
    set->conf.resolve_extractors =
                              "youtube,youtube:tab,youtube:playlist,"
                              "youtubeytbe";
    set->conf.resolve_timeout = 60000;
    set->conf.source_timeout = 15000;
    set->conf.buffer_time = 4000;
    set->conf.buffer_size = 4 * 1024 * 1024;
    set->conf.playlist_max_items = 50000;
}


static bool
settings_read(settings_t *set, const options_t *o)
{
    int      status;
    FILE    *in;
    char    *line;
    cJSON   *json;
    pid_t    pid;
    size_t   size;

    in = nginx_start(o, &pid);
    if (in == NULL) {
        (void) complain("nginx could not be started", strerror(errno));
        return false;
    }

    json = NULL;
    line = NULL;
    size = 0;

    while (getline(&line, &size, in) != -1) {
        if (json == NULL && strncmp(line, MARK, sizeof(MARK) - 1) == 0) {
            json = cJSON_Parse(line + sizeof(MARK) - 1);
        }
    }

    free(line);
    (void) fclose(in);

    if (waitpid(pid, &status, 0) == -1 || !WIFEXITED(status)
        || WEXITSTATUS(status) != 0)
    {
        (void) complain("nginx -T failed", "see what it says; it may need to "
                        "be run as root");
        return false;
    }

    if (json == NULL) {
        (void) complain("nginx -T shows no \"directstream\" block",
                        "is the module loaded, and of this version?");
        return false;
    }

    settings_take(set, json);

    return true;
}


static FILE *
nginx_start(const options_t *o, pid_t *pid)
{
    int          n, fd[2];
    const char  *argv[8];

    n = 0;
    argv[n++] = o->nginx;
    argv[n++] = "-Tq";

    if (o->conf != NULL) {
        argv[n++] = "-c";
        argv[n++] = o->conf;
    }

    if (o->prefix != NULL) {
        argv[n++] = "-p";
        argv[n++] = o->prefix;
    }

    argv[n] = NULL;

    if (pipe(fd) == -1) {
        return NULL;
    }

    *pid = fork();

    if (*pid == 0) {
        (void) dup2(fd[1], STDOUT_FILENO);
        (void) close(fd[0]);
        (void) close(fd[1]);
        (void) execvp(argv[0], (char *const *) argv);

        (void) fprintf(stderr, "directstream-check: \"%s\": %s\n", argv[0],
                       strerror(errno));
        _exit(127);
    }

    (void) close(fd[1]);

    if (*pid == -1) {
        (void) close(fd[0]);
        return NULL;
    }

    return fdopen(fd[0], "r");
}


static void
settings_take(settings_t *set, const cJSON *json)
{
    ds_conf_t  *c;

    c = &set->conf;

    set->store = text_of(json, "store");
    set->streams = cJSON_GetObjectItem(json, "streams");
    set->user = text_of(json, "user");
    set->uid = (uid_t) number_of(json, "uid");
    set->gid = (gid_t) number_of(json, "gid");

    c->resolve_command = list_of(json, "resolve_command");
    c->resolve_fallback = list_of(json, "resolve_fallback");
    c->resolve_env = list_of(json, "resolve_env");
    c->resolve_extractors = text_of(json, "resolve_extractors");
    c->media_root = text_of(json, "media_root");
    c->resolve_timeout = (unsigned) number_of(json, "resolve_timeout");
    c->source_timeout = (unsigned) number_of(json, "source_timeout");
    c->buffer_time = (unsigned) number_of(json, "buffer_time");
    c->buffer_size = (size_t) number_of(json, "buffer_size");
    c->playlist_max_items = (uint32_t) number_of(json, "max_items");

    rules_take(set, cJSON_GetObjectItem(json, "source_rules"));
}


static const char *
text_of(const cJSON *json, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItem(json, name));
}


/* 0 when there is none */

static double
number_of(const cJSON *json, const char *name)
{
    const cJSON  *v;

    v = cJSON_GetObjectItem(json, name);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}


static const char *const *
list_of(const cJSON *json, const char *name)
{
    size_t        n;
    const cJSON  *v, *one;
    const char  **list;

    v = cJSON_GetObjectItem(json, name);
    if (v == NULL) {
        return NULL;
    }

    list = calloc((size_t) cJSON_GetArraySize(v) + 1, sizeof(char *));

    if (list == NULL) {
        exit(complain("calloc() failed", strerror(errno)));
    }

    n = 0;

    cJSON_ArrayForEach(one, v) {
        list[n++] = cJSON_GetStringValue(one);
    }

    return list;
}


static void
rules_take(settings_t *set, const cJSON *rules)
{
    int                i;
    const char        *hex;
    unsigned           byte;
    const cJSON       *rule;
    ds_source_rule_t  *r;

    if (cJSON_GetArraySize(rules) == 0) {
        return;
    }

    r = calloc((size_t) cJSON_GetArraySize(rules), sizeof(ds_source_rule_t));

    if (r == NULL) {
        /* never without the rules that there are */
        exit(complain("calloc() failed", strerror(errno)));
    }

    set->conf.source_rules = r;

    cJSON_ArrayForEach(rule, rules) {
        r->allow = cJSON_GetArrayItem(rule, 0)->valueint != 0;
        r->family = (uint8_t) cJSON_GetArrayItem(rule, 1)->valueint;
        r->prefix = (uint8_t) cJSON_GetArrayItem(rule, 2)->valueint;
        hex = cJSON_GetArrayItem(rule, 3)->valuestring;

        for (i = 0; i < 16 && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++) {
            r->addr[i] = (uint8_t) byte;
        }

        r++;
        set->conf.nsource_rules++;
    }
}


/* what a worker may not read is not to be found well by root */

static bool
user_become(const settings_t *set)
{
    if (set->user == NULL) {
        return true;
    }

    if (initgroups(set->user, set->gid) == -1 || setgid(set->gid) == -1
        || setuid(set->uid) == -1)
    {
        (void) complain("the workers' user could not be taken on",
                        strerror(errno));
        return false;
    }

    return true;
}


static void
text_take(char *to, size_t size, const cJSON *json, const char *name)
{
    const char  *s;

    s = text_of(json, name);
    (void) snprintf(to, size, "%s", s == NULL ? "" : s);
}


static void
def_take(ds_def_t *def, const cJSON *json)
{
    ds_profile_t  *p;

    p = &def->profile;

    text_take(def->name, sizeof(def->name), json, "name");
    text_take(def->playlist, sizeof(def->playlist), json, "playlist");
    text_take(def->source_proxy, sizeof(def->source_proxy), json,
              "source_proxy");
    text_take(def->source_bind, sizeof(def->source_bind), json,
              "source_bind");

    p->video = (ds_video_e) number_of(json, "video");
    p->width = (uint32_t) number_of(json, "width");
    p->height = (uint32_t) number_of(json, "height");
    p->rate = (uint32_t) number_of(json, "rate");
    p->video_bitrate = (uint32_t) number_of(json, "video_bitrate");
    p->audio_bitrate = (uint32_t) number_of(json, "audio_bitrate");
    p->sample_rate = (uint32_t) number_of(json, "sample_rate");
    p->max_keyframe_interval =
                        (uint32_t) number_of(json, "max_keyframe_interval");
}


/* a stream of nginx.conf, one that the API made, or a playlist */

static bool
def_find(const settings_t *set, const options_t *o, ds_def_t *def)
{
    const char   *name;
    ds_error_t    err, why;
    const cJSON  *one;

    def->profile = (ds_profile_t) DS_PROFILE_DEFAULT;

    cJSON_ArrayForEach(one, set->streams) {
        name = text_of(one, "name");

        if (name != NULL && *name != '\0' && strcmp(name, o->what) == 0) {
            def_take(def, one);
            return true;
        }
    }

    memset(&why, 0, sizeof(ds_error_t));

    if (ds_check_name(o->what, NULL) == DS_OK
        && def_stored(set, o->what, def, &why))
    {
        return true;
    }

    if (ds_check_playlist(o->what, set->conf.media_root != NULL, &err)
        != DS_OK)
    {
        (void) fprintf(stderr, "directstream-check: no stream, and no "
                       "playlist: \"%s\": %s\n", o->what, err.message);

        if (why.code != DS_OK && why.code != DS_ESTORE_NOT_FOUND) {
            (void) complain(set->store, why.message);
        }

        return false;
    }

    if (set->streams != NULL) {
        def_take(def, cJSON_GetArrayItem(set->streams, 0));
    }

    (void) snprintf(def->playlist, sizeof(def->playlist), "%s", o->what);

    return true;
}


static bool
def_stored(const settings_t *set, const char *name, ds_def_t *def,
    ds_error_t *err)
{
    int                 rc;
    ds_store_t         *store;
    static ds_stored_t  stored;

    if (set->store == NULL || access(set->store, R_OK) == -1) {
        return false;
    }

    store = ds_store_open(set->store, false, err);
    if (store == NULL) {
        return false;
    }

    rc = ds_store_get(store, name, &stored, err);

    ds_store_close(&store);

    if (rc == DS_OK) {
        *def = stored.def;
    }

    return rc == DS_OK;
}


static int
check(ds_t *ds, const options_t *o, const ds_def_t *def)
{
    cJSON               *items;
    size_t               n;
    ds_item_t            item;
    ds_error_t           err;
    ds_lookup_t         *lookup;
    ds_lookup_status_t   st;

    items = cJSON_CreateArray();
    lookup = ds_lookup_start(ds, def, UINT32_MAX, o->items, &err);

    if (items == NULL || lookup == NULL) {
        return complain("ds_lookup_start() failed",
                        lookup == NULL ? err.message : "no memory");
    }

    do {
        (void) usleep(LOOK);
        ds_lookup_status(lookup, &st);
        log_take(ds, o);
    } while (!st.done);

    if (!o->json) {
        tell_words(o, &st);
    }

    do {
        n = ds_lookup_items(lookup, &item, 1);

        if (n == 1 && !o->json) {
            tell_item(&item);

        } else if (n == 1 && !item_add(items, &item)) {
            return complain("malloc() failed", "no memory");
        }

    } while (n == 1);

    ds_lookup_free(&lookup);

    if (o->json && !tell_json(&st, items)) {
        return complain("malloc() failed", "no memory");
    }

    if (fflush(stdout) != 0) {
        return complain("write() failed", strerror(errno));
    }

    return (int) st.outcome;
}


static void
log_take(ds_t *ds, const options_t *o)
{
    ds_record_t  record;

    while (ds_poll(ds, &record)) {
        if (o->verbose) {
            (void) fprintf(stderr, "%s\n", record.text);
        }
    }
}


static void
tell_words(const options_t *o, const ds_lookup_status_t *st)
{
    char  what[DS_PLAYLIST_LEN + 1];

    static const char *const  outcomes[] = {
        "plays", "plays with losses", "would be dark"
    };

    ds_redact_playlist(what, sizeof(what), o->what);

    (void) printf("%s: %s\n", what, outcomes[st->outcome]);
    (void) printf("listed: %u items%s, %u cannot be played\n", st->count,
                  st->complete ? "" : ", not all", st->unplayable);

    if (st->error.code != DS_OK) {
        (void) printf("list: %s: %s\n", ds_error_code(st->error.code),
                      st->error.message);
    }

    (void) printf("opened: %u items, %u ok (%u encoded), %u risk, %u bad\n",
                  st->opened, st->ok, st->encoded, st->risk, st->bad);
}


static void
tell_item(const ds_item_t *item)
{
    const char  *verdict;

    verdict = item->verdict == DS_VERDICT_NONE
              ? "-" : ds_verdict_name(item->verdict);

    (void) printf("%6u  %-5s %s%s%s, id: \"%s\", title: \"%s\"\n",
                  item->index, verdict,
                  item->code == DS_OK ? "" : ds_error_code(item->code),
                  item->code == DS_OK ? "" : ": ", item->reason, item->id,
                  item->title);
}


static bool
tell_json(const ds_lookup_status_t *st, cJSON *items)
{
    char   *text;
    cJSON  *json;

    json = cJSON_CreateObject();
    if (json == NULL) {
        return false;
    }

    word_add(json, "outcome", ds_outcome_name(st->outcome));
    (void) cJSON_AddNumberToObject(json, "count", st->count);
    (void) cJSON_AddBoolToObject(json, "complete", st->complete);
    (void) cJSON_AddNumberToObject(json, "unplayable", st->unplayable);
    (void) cJSON_AddNumberToObject(json, "opened", st->opened);
    (void) cJSON_AddNumberToObject(json, "ok", st->ok);
    (void) cJSON_AddNumberToObject(json, "risk", st->risk);
    (void) cJSON_AddNumberToObject(json, "bad", st->bad);
    (void) cJSON_AddNumberToObject(json, "encoded", st->encoded);
    (void) cJSON_AddItemToObject(json, "error", error_make(&st->error));
    (void) cJSON_AddItemToObject(json, "items", items);

    text = cJSON_Print(json);
    if (text == NULL) {
        return false;
    }

    (void) puts(text);

    free(text);
    cJSON_Delete(json);

    return true;
}


static bool
item_add(cJSON *items, const ds_item_t *item)
{
    cJSON  *json;

    json = cJSON_CreateObject();

    if (json == NULL || !cJSON_AddItemToArray(items, json)) {
        return false;
    }

    (void) cJSON_AddNumberToObject(json, "index", item->index);
    (void) cJSON_AddStringToObject(json, "id", item->id);
    (void) cJSON_AddStringToObject(json, "title", item->title);

    if (item->duration < 0) {
        (void) cJSON_AddNullToObject(json, "duration");
    } else {
        (void) cJSON_AddNumberToObject(json, "duration",
                                       (double) item->duration / 1000);
    }

    word_add(json, "verdict", ds_verdict_name(item->verdict));
    word_add(json, "code", item->code == DS_OK ? "" :
             ds_error_code(item->code));
    word_add(json, "reason", item->reason);

    return true;
}


static cJSON *
error_make(const ds_error_t *err)
{
    char        at[32], ms[8];
    cJSON      *json;
    time_t      t;
    struct tm   tm;

    if (err->code == DS_OK) {
        return cJSON_CreateNull();
    }

    t = (time_t) (err->at / 1000);
    (void) gmtime_r(&t, &tm);
    (void) strftime(at, sizeof(at) - sizeof(ms), "%Y-%m-%dT%H:%M:%S", &tm);
    (void) snprintf(ms, sizeof(ms), ".%03dZ", (int) (err->at % 1000) % 1000);
    (void) strcat(at, ms);

    json = cJSON_CreateObject();

    word_add(json, "code", ds_error_code(err->code));
    word_add(json, "message", err->message);
    word_add(json, "at", at);

    return json;
}


/* "": null */

static void
word_add(cJSON *json, const char *name, const char *word)
{
    if (*word == '\0') {
        (void) cJSON_AddNullToObject(json, name);
    } else {
        (void) cJSON_AddStringToObject(json, name, word);
    }
}
