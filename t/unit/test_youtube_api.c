
/*
 * ds_google and the thread that uses it, against t/tools/youtube-api: lists and
 * their pages, what is made, tokens, and each kind of fault at each call; a
 * broadcast that has ended is replaced, and what is kept outlives the engine.
 */

#include <cjson/cJSON.h>

#include "net/ds_call.h"
#include "net/ds_http.h"
#include "server.h"
#include "tap.h"
#include "youtube/ds_google.h"
#include "youtube/ds_youtube.h"


#define CREDENTIALS                                                           \
    "{ \"client_id\": \"client\", \"client_secret\": \"client-SECRET\", "     \
    "\"refresh_token\": \"refresh-SECRET\" }"


static char         api[64];
static ds_cancel_t  cancel;
static pid_t        api_pid;


static bool
api_start(void)
{
    int    i, port;
    char   file[64];
    FILE  *f;

    port = 0;
    (void) snprintf(file, sizeof(file), "%s/.api", server_dir);
    (void) fflush(stdout);

    api_pid = fork();

    if (api_pid == 0) {
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (freopen("/dev/null", "w", stdout) == NULL) {
            _exit(127);
        }

        (void) execl("t/tools/youtube-api", "youtube-api", "--port-file", file,
                     (char *) NULL);
        _exit(127);
    }

    for (i = 0; i < 500 && port == 0; i++) {
        (void) usleep(20000);

        f = fopen(file, "r");
        if (f != NULL) {
            if (fscanf(f, "%d", &port) != 1) {
                port = 0;
            }
            (void) fclose(f);
        }
    }

    (void) snprintf(api, sizeof(api), "http://127.0.0.1:%d", port);

    return port != 0;
}


/* the state after "json", NULL: as it is; the caller frees */

static cJSON *
control(const char *json)
{
    char        url[128], *answer;
    long        status;
    cJSON      *state;
    ds_call_t   call;
    ds_error_t  err;

    (void) snprintf(url, sizeof(url), "%s/%s", api,
                    json != NULL ? "control" : "state");

    memset(&call, 0, sizeof(ds_call_t));
    call.url = url;
    call.type = json != NULL ? "application/json" : NULL;
    call.body = json;
    call.timeout = 5000;
    call.max = 4 << 20;

    if (ds_call(&call, &cancel, &status, &answer, &err) != DS_OK
        || status != 200)
    {
        ok(false, "the stand-in answers: %s", err.message);
        return NULL;
    }

    state = cJSON_Parse(answer);
    free(answer);

    return state;
}


static void
set(const char *json)
{
    cJSON_Delete(control(json));
}


static double
number(const char *a, const char *b)
{
    cJSON   *state, *json;
    double   n;

    state = control(NULL);
    json = cJSON_GetObjectItem(state, a);
    json = b != NULL ? cJSON_GetObjectItem(json, b) : json;
    n = cJSON_IsNumber(json) ? json->valuedouble
        : cJSON_IsArray(json) ? cJSON_GetArraySize(json) : 0;
    cJSON_Delete(state);

    return n;
}


/* a text of the i-th broadcast */

static const char *
broadcast(int i, const char *name)
{
    cJSON        *state;
    static char   text[1024];

    state = control(NULL);
    ds_text(text, sizeof(text), cJSON_GetStringValue(
            cJSON_GetObjectItem(cJSON_GetArrayItem(
            cJSON_GetObjectItem(state, "broadcasts"), i), name)));
    cJSON_Delete(state);

    return text;
}


static void
test_credentials(void)
{
    ds_error_t  err;

    is_int(ds_check_youtube(CREDENTIALS, &err), 0, "credentials");
    is_int(ds_check_youtube("", &err), DS_EYOUTUBE_AUTH, "none");
    is_int(ds_check_youtube("{}", &err), DS_EYOUTUBE_AUTH, "empty");
    is_int(ds_check_youtube("{\"client_id\": \"x-SECRET\", \"client_secret\":"
                            " 1, \"refresh_token\": \"\"}", &err),
           DS_EYOUTUBE_AUTH, "half of them");
    ok(strstr(err.message, "SECRET") == NULL, "not shown: %s", err.message);

    is_int(ds_check_youtube_title("$stream: \xc3\xa9 $title, $date", &err), 0,
           "a title");
    ok(ds_check_youtube_title("$titles", &err) != 0, "%s", err.message);
    ok(ds_check_youtube_title("$", &err) != 0, "%s", err.message);
    ok(ds_check_youtube_title("a\nb", &err) != 0, "%s", err.message);
    ok(ds_check_youtube_title("\xff", &err) != 0, "%s", err.message);
}


static void
test_lists(void)
{
    int              i, rc;
    char             text[200];
    size_t           n;
    ds_error_t       err;
    ds_ingest_t     *s;
    ds_google_t     *g;
    ds_broadcast_t  *b;

    for (i = 0; i < 60; i++) {
        (void) snprintf(text, sizeof(text), "{\"streams\": [{\"id\": \"s%d\", "
                        "\"key\": \"key-%d\", \"active\": %d}]}", i, i, i % 2);
        set(text);
    }

    set("{\"broadcasts\": [{\"id\": \"b0\", \"stream\": \"s1\", \"life\": "
        "\"live\", \"title\": \"T\\u00eftle\", \"started\": 1800000000, "
        "\"monitor\": 1, \"auto_stop\": 1, \"description\": "
        "\"about\\n\\nds-12ab\"}, {\"id\": \"b1\", \"life\": \"ready\"}, "
        "{\"id\": \"b2\", \"life\": \"complete\"}]}");

    g = ds_google_create(CREDENTIALS, api, &err);
    s = NULL;
    n = 0;
    is_int(ds_google_streams(g, NULL, &cancel, &s, &n, &err), 0, "streams: %s",
           err.message);
    is_int(n, 60, "of two pages");
    is_str(s[59].id, "s59", "id");
    is_str(s[59].key, "key-59", "key");
    is_str(s[59].status, "active", "status");
    is_str(s[58].health, "noData", "health");
    is_int(ds_google_used(g), 2, "two units");
    free(s);

    set("{\"streams\": [{\"id\": \"s1\", \"issues\": [{\"type\": \"gopSize\", "
        "\"severity\": \"warning\", \"description\": \"long\"}, {\"type\": "
        "\"bitrateLow\", \"severity\": \"error\", \"description\": \"low\"}, "
        "{\"type\": \"x\", \"severity\": \"info\"}]}]}");

    s = NULL;
    n = 0;
    is_int(ds_google_streams(g, "s1,s3", &cancel, &s, &n, &err), 0, "by id");
    is_int(n, 2, "both");
    is_str(s[0].key, "", "without their keys");
    is_str(s[0].issue, "bitrateLow: low", "the gravest issue");
    is_int(s[0].issues, 2, "of two");
    ok(s[0].grave, "an error");
    free(s);

    b = NULL;
    n = 0;
    rc = ds_google_broadcasts(g, "active", &cancel, &b, &n, &err);
    is_int(rc, 0, "broadcasts");
    is_int(n, 1, "one is live");
    is_str(b[0].id, "b0", "id");
    is_str(b[0].stream, "s1", "bound to");
    is_str(b[0].title, "Tïtle", "title");
    is_str(b[0].tag, "ds-12ab", "tag");
    is_int(b[0].life, DS_LIFE_LIVE, "life");
    is_int(b[0].started, 1800000000000LL, "started");
    ok(b[0].monitored && b[0].stops && !b[0].kids, "its flags");
    rc = ds_google_broadcasts(g, "upcoming", &cancel, &b, &n, &err);
    is_int(rc, 0, "upcoming ones");
    is_int(n, 2, "are added");
    is_str(b[1].id, "b1", "one");
    is_int(b[1].life, DS_LIFE_READY, "ready");
    free(b);

    is_int(number("tokens", NULL), 1, "one token for all");
    ds_google_free(&g);
}


static void
test_calls(void)
{
    char         id[DS_YOUTUBE_ID], text[256];
    ds_memo_t    memo;
    ds_error_t   err;
    ds_google_t *g;

    g = ds_google_create(CREDENTIALS, api, &err);
    memset(&memo, 0, sizeof(ds_memo_t));
    ds_text(memo.tag, sizeof(memo.tag), "ds-77");
    ds_text(memo.current, sizeof(memo.current), "b0");

    is_int(ds_google_insert(g, &memo, "", 1900000000000LL, &cancel, id, &err),
           0, "made: %s", err.message);
    is_str(id, "made-3", "its id");
    is_str(broadcast(3, "title"), "Tïtle", "like the one before it: title");
    ok(strncmp(broadcast(3, "description"), "about", 5) == 0
       && strstr(broadcast(3, "description"), "ds-77") != NULL
       && strstr(broadcast(3, "description"), "12ab") == NULL,
       "description, with the new tag only: %s", broadcast(3, "description"));
    is_str(broadcast(3, "privacy"), "public", "privacy");
    is_int(ds_google_used(g), 51, "so many units");

    is_int(ds_google_transition(g, id, "live", &cancel, &err),
           DS_EYOUTUBE_ISSUE, "not bound: %s", err.message);
    is_int(ds_google_bind(g, id, "s1", &cancel, &err), 0, "bound");
    is_int(ds_google_transition(g, id, "live", &cancel, &err), 0, "live");
    is_int(ds_google_transition(g, id, "live", &cancel, &err), 0, "again");
    is_int(ds_google_transition(g, "b0", "complete", &cancel, &err), 0,
           "complete");
    is_int(ds_google_transition(g, "b0", "live", &cancel, &err),
           DS_EYOUTUBE_ISSUE, "what is over");
    ok(ds_google_gone(g), "is gone");
    is_int(ds_google_bind(g, "nothing", "s1", &cancel, &err),
           DS_EYOUTUBE_ISSUE, "what never was");
    ok(ds_google_gone(g), "is gone");

    /* titles of anybody's making */

    memset(text, 'x', sizeof(text));
    memcpy(text, "<b>\xc3\xa9", 5);
    text[sizeof(text) - 1] = '\0';
    memo.current[0] = '\0';
    is_int(ds_google_insert(g, &memo, text, 1900000000000LL, &cancel, id,
                            &err), 0, "a long title: %s", err.message);
    is_int(strlen(broadcast(4, "title")), 101, "is cut at 100 characters");
    is_str(broadcast(4, "privacy"), "private", "one like none is private");

    ds_google_free(&g);
}


static int
tried(ds_google_t *g, ds_error_t *err)
{
    int              rc;
    size_t           n;
    ds_broadcast_t  *b;

    b = NULL;
    n = 0;
    ds_error_clear(err);
    rc = ds_google_broadcasts(g, "active", &cancel, &b, &n, err);
    free(b);

    return rc;
}


static void
test_faults(void)
{
    size_t       i;
    char         text[200];
    ds_error_t   err;
    ds_google_t *g;

    static const struct {
        const char  *call;
        const char  *fault;
        int          code;
    } faults[] = {
        { "liveBroadcasts.list", "\"status\": 403, \"reason\": "
          "\"quotaExceeded\"", DS_EYOUTUBE_QUOTA },
        { "liveBroadcasts.list", "\"status\": 403, \"reason\": "
          "\"rateLimitExceeded\"", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"status\": 403, \"reason\": "
          "\"insufficientPermissions\"", DS_EYOUTUBE_AUTH },
        { "liveBroadcasts.list", "\"status\": 401, \"reason\": "
          "\"authError\"", DS_EYOUTUBE_AUTH },
        { "liveBroadcasts.list", "\"status\": 403, \"reason\": "
          "\"redundantTransition\"", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"status\": 503", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"status\": 302", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"junk\": \"<html>\"", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"junk\": \"[]\"", DS_EYOUTUBE_ISSUE },
        { "liveBroadcasts.list", "\"hang\": 0.1", DS_EYOUTUBE_ISSUE },
        { "token", "\"status\": 400", DS_EYOUTUBE_AUTH },
        { "token", "\"status\": 500", DS_EYOUTUBE_ISSUE },
        { "token", "\"junk\": \"{}\"", DS_EYOUTUBE_ISSUE },
        { "*", "\"latency\": 300, \"times\": 2", DS_OK },
        { NULL, NULL, 0 }
    };

    for (i = 0; faults[i].call != NULL; i++) {
        g = ds_google_create(CREDENTIALS, api, &err);

        (void) snprintf(text, sizeof(text), "{\"faults\": [{\"call\": \"%s\", "
                        "%s}]}", faults[i].call, faults[i].fault);
        set(text);

        is_int(tried(g, &err), faults[i].code, "%s: %s: %s", faults[i].call,
               faults[i].fault, err.message);
        ok(strstr(err.message, "SECRET") == NULL, "no secret is told");

        set("{\"faults\": []}");
        is_int(tried(g, &err), 0, "then all is well");
        ds_google_free(&g);
    }

    g = ds_google_create(CREDENTIALS, api, &err);
    is_int(tried(g, &err), 0, "a token");
    set("{\"revoke\": 1}");
    is_int(tried(g, &err), 0, "one that ends before its time is renewed");

    set("{\"limit\": 1}");
    is_int(tried(g, &err), DS_EYOUTUBE_QUOTA, "the quota is used up");
    set("{\"limit\": 100000}");
    ds_google_free(&g);

    g = ds_google_create("{\"client_id\": \"client\", \"client_secret\": "
                         "\"client-SECRET\", \"refresh_token\": "
                         "\"old-SECRET\"}", api, &err);
    is_int(tried(g, &err), DS_EYOUTUBE_AUTH, "a consent that is over: %s",
           err.message);
    ok(strstr(err.message, "SECRET") == NULL, "no secret is told");

    ds_cancel_set(&cancel);
    is_int(tried(g, &err), DS_ECANCELED, "canceled");
    ds_cancel_free(&cancel);
    (void) ds_cancel_init(&cancel);
    ds_google_free(&g);

    g = ds_google_create(CREDENTIALS, "http://127.0.0.1:1", &err);
    is_int(tried(g, &err), DS_EYOUTUBE_ISSUE, "nobody there: %s",
           err.message);
    ds_google_free(&g);
}


/* the engine's thread, on streams that there are not */

static ds_t         *ds;
static char          db[80];


static void
engine_start(void)
{
    ds_conf_t   conf;
    ds_error_t  err;

    static const char *const  command[] = { "false", NULL };

    memset(&conf, 0, sizeof(ds_conf_t));
    conf.resolve_command = command;
    conf.resolve_extractors = "";
    conf.store_path = db;
    conf.youtube_credentials = CREDENTIALS;
    conf.youtube_api = api;
    conf.youtube_interval = 100;

    ds = ds_create(&conf, &err);
    ok(ds != NULL, "an engine %s", err.message);
}


/* in the place of *c; false: no memory */

static bool
rejoin(const char *name, const char *key, ds_youtube_e mode,
    ds_youtube_totals_t *totals, ds_channel_t **c)
{
    char               push[128];
    ds_youtube_conf_t  conf;

    memset(&conf, 0, sizeof(ds_youtube_conf_t));
    (void) snprintf(push, sizeof(push),
                    "rtmp://127.0.0.1/live2?backup=1/%s?x=1", key);
    ds_text(conf.title, sizeof(conf.title), "$stream: $title, $nothing $");
    conf.mode = mode;

    if (ds_youtube_join(ds, name, push, &conf, totals, c) != DS_OK) {
        return false;
    }

    ds_youtube_tell(*c, true, "an item");

    return true;
}


static ds_channel_t *
join(const char *name, const char *key, ds_youtube_e mode)
{
    ds_channel_t         *c;
    ds_youtube_totals_t   totals;

    c = NULL;
    memset(&totals, 0, sizeof(totals));

    return rejoin(name, key, mode, &totals, &c) ? c : NULL;
}


static bool
state(ds_channel_t *c, ds_youtube_state_e want, ds_youtube_status_t *st)
{
    int  i;

    for (i = 0; i < 1000; i++) {
        ds_youtube_status(c, st);

        if (st->state == want) {
            return true;
        }

        (void) usleep(10000);
    }

    printf("# state is %s, %s\n", ds_youtube_state_name(st->state),
           st->error.message);

    return false;
}


/* none of what is told has a secret in it */

static void
engine_end(void)
{
    bool         shown;
    ds_record_t  r;

    for (shown = false; ds_poll(ds, &r); /* void */ ) {
        shown |= strstr(r.text, "SECRET") != NULL;
    }

    ok(!shown, "no secret in the log");
    ds_destroy(&ds);
}


/* of "a", which one in the place of another has: they go on */

static ds_channel_t *
test_totals(ds_channel_t *a, uint64_t dark)
{
    ds_channel_t         *was;
    ds_youtube_status_t   st;
    ds_youtube_totals_t   totals;

    was = a;
    memset(&totals, 0, sizeof(totals));

    ok(rejoin("a", "key-5", DS_YOUTUBE_WATCH, &totals, &a) && a != was,
       "other settings");
    ok(state(a, DS_YOUTUBE_HEALTHY, &st), "are followed");
    is_int(st.totals.replaced, 1, "what was replaced is counted");
    is_int(st.totals.dark, dark, "and so is the dark");

    totals.replaced = 0;
    ok(rejoin("a", "key-5", DS_YOUTUBE_OFF, &totals, &a) && a == NULL, "off");
    is_int(totals.replaced, 1, "its totals are told");

    ok(rejoin("a", "key-5", DS_YOUTUBE_REVIVE, &totals, &a), "on");
    ds_youtube_status(a, &st);
    is_int(st.totals.replaced, 1, "and goes on from there");
    ok(state(a, DS_YOUTUBE_HEALTHY, &st), "healthy");

    return a;
}


static void
test_thread(void)
{
    int                   i;
    uint64_t              dark;
    ds_error_t            err;
    ds_channel_t         *a, *b, *c;
    ds_youtube_status_t   st;

    (void) snprintf(db, sizeof(db), "%s/state.db", server_dir);
    (void) ds_store_migrate(db, -1, &err);

    set("{\"broadcasts\": [{\"id\": \"old\", \"stream\": \"s5\", "
        "\"life\": \"live\", \"title\": \"mine\", \"privacy\": "
        "\"unlisted\", \"started\": 1800000000}], \"starting\": 0.2}");

    engine_start();
    a = join("a", "key-5", DS_YOUTUBE_REVIVE);
    b = join("b", "key-SECRET", DS_YOUTUBE_WATCH);
    c = join("c", "key-7", DS_YOUTUBE_WATCH);

    ok(state(a, DS_YOUTUBE_HEALTHY, &st), "one that is live");
    is_str(st.broadcast, "old", "is known");
    is_str(st.title, "mine", "its title");
    is_str(st.stream, "active", "its stream");
    is_str(st.health, "good", "its health");
    ok(st.quota > 0, "the quota is counted");
    ok(state(b, DS_YOUTUBE_ERROR, &st), "a key that there is not");
    is_int(st.error.code, DS_EYOUTUBE_ISSUE, "is an issue: %s",
           st.error.message);
    ok(state(c, DS_YOUTUBE_DARK, &st), "one that is watched is dark");
    is_int(st.error.code, DS_EYOUTUBE_DARK, "and says so");

    /* it ends; what is made is made, but the answer is lost */

    set("{\"faults\": [{\"call\": \"liveBroadcasts.insert\", \"status\": "
        "503, \"times\": 1, \"after\": 1}], \"broadcasts\": [{\"id\": "
        "\"old\", \"life\": \"complete\"}]}");

    ok(state(a, DS_YOUTUBE_REVIVING, &st), "the end is seen");
    is_int(st.error.code, DS_EYOUTUBE_ISSUE, "what failed is told: %s",
           st.error.message);

    /* an engine that is killed there does not make another one */

    ds_youtube_leave(&a);
    engine_end();
    engine_start();
    a = join("a", "key-5", DS_YOUTUBE_REVIVE);
    b = c = NULL;

    ok(state(a, DS_YOUTUBE_HEALTHY, &st), "live again");
    i = (int) number("broadcasts", NULL) - 1;
    is_str(st.broadcast, broadcast(i, "id"), "the one that was made");
    is_int(number("calls", "liveBroadcasts.insert"), 3, "once");
    is_str(broadcast(i, "title"), "a: an item, $nothing $", "its title");
    is_str(broadcast(i, "privacy"), "unlisted", "seen by whom it was before");
    is_int(number("most_live", "s5"), 1, "never two");
    is_int(st.error.code, 0, "nothing is wrong");
    ok(strncmp(st.replace, "nothing: ", 9) != 0, "a roll-over would be: %s",
       st.replace);

    /* another one in its place: not made within 10 minutes, but there is one */

    set("{\"broadcasts\": [{\"id\": \"other\", \"stream\": \"s5\", "
        "\"life\": \"ready\"}]}");
    dark = st.totals.dark;
    ds_youtube_wish(a, DS_YOUTUBE_ROLLOVER);

    for (i = 0; i < 1000; i++) {
        ds_youtube_status(a, &st);

        if (strcmp(st.broadcast, "other") == 0 && st.totals.replaced == 1
            && st.state == DS_YOUTUBE_HEALTHY)
        {
            break;
        }

        (void) usleep(10000);
    }

    is_str(st.broadcast, "other", "rolled over");
    is_int(number("most_live", "s5"), 2, "the next was live before");
    is_int(st.totals.dark, dark, "never dark");

    a = test_totals(a, dark);

    /* a stream that is deleted has no broadcast, and none is made of others */

    set("{\"forget\": \"s5\", \"broadcasts\": [{\"id\": \"other\", \"life\": "
        "\"complete\"}, {\"id\": \"free\", \"life\": \"ready\", \"title\": "
        "\"a: an item, $nothing $\"}]}");
    ok(state(a, DS_YOUTUBE_ERROR, &st), "a stream that is deleted");
    is_int(st.error.code, DS_EYOUTUBE_ISSUE, "%s", st.error.message);
    is_str(broadcast((int) number("broadcasts", NULL) - 1, "life"), "ready",
           "what is bound to none is left alone");
    set("{\"streams\": [{\"id\": \"s5\", \"key\": \"key-5\"}], "
        "\"broadcasts\": [{\"id\": \"other\", \"life\": \"live\"}]}");

    ds_youtube_leave(&a);
    engine_end();
}


/* those of the tests before */

static void
complete_all(void)
{
    char   *text, *json;
    cJSON  *state, *b;

    state = control(NULL);

    cJSON_ArrayForEach(b, cJSON_GetObjectItem(state, "broadcasts")) {
        (void) cJSON_ReplaceItemInObject(b, "life",
                                         cJSON_CreateString("complete"));
    }

    text = cJSON_PrintUnformatted(cJSON_GetObjectItem(state, "broadcasts"));
    json = ds_sprintf("{\"broadcasts\": %s}", text);
    set(json);

    free(json);
    free(text);
    cJSON_Delete(state);
}


/* what fifty streams of an account cost in a day, of rounds of 45 s */

static void
test_account(void)
{
    int                   i, n;
    char                  name[24], *json, *p;
    double                used, lists;
    int64_t               began;
    ds_channel_t         *c[50];
    ds_youtube_status_t   st;

    json = malloc(50 * 256);

    if (json == NULL) {
        abort();
    }

    complete_all();

    p = json + sprintf(json, "{\"refresh_token\": \"refresh-SECRET\", "
                       "\"used\": 0, \"streams\": [");

    for (i = 0; i < 50; i++) {
        p += sprintf(p, "%s{\"id\": \"f%d\", \"key\": \"fifty-%d\", "
                     "\"active\": true}", i == 0 ? "" : ",", i, i);
    }

    p += sprintf(p, "], \"broadcasts\": [");

    for (i = 0; i < 50; i++) {
        p += sprintf(p, "%s{\"id\": \"b%d\", \"stream\": \"f%d\", "
                     "\"life\": \"live\", \"title\": \"x\"}",
                     i == 0 ? "" : ",", i, i);
    }

    (void) sprintf(p, "]}");
    set(json);
    free(json);

    engine_start();

    for (i = 0; i < 50; i++) {
        (void) snprintf(name, sizeof(name), "fifty-%d", i);
        c[i] = join(name, name, DS_YOUTUBE_REVIVE);
    }

    for (n = 0; n < 50 && state(c[n], DS_YOUTUBE_HEALTHY, &st); n++) {
        /* void */
    }

    is_int(n, 50, "account: all are live");

    began = ds_monotonic();
    used = number("used", NULL);
    lists = number("calls", "liveBroadcasts.list");

    for (i = 0; i < 6000
         && number("calls", "liveBroadcasts.list") < lists + 40; i++)
    {
        (void) usleep(10000);
    }

    used = number("used", NULL) - used;
    lists = number("calls", "liveBroadcasts.list") - lists;

    ok(lists >= 40 && lists <= (double) (ds_monotonic() - began) / 100 + 2,
       "account: a list a round: %d in %d ms", (int) lists,
       (int) (ds_monotonic() - began));
    ok(used * 86400 / 45 <= 3000 * lists, "account: %d units a day",
       (int) (used * 86400 / 45 / lists));

    for (i = 0; i < 50; i++) {
        ds_youtube_leave(&c[i]);
    }

    engine_end();
}


/* quota, consent, nobody there */

static void
test_refusals(void)
{
    int                   i;
    ds_channel_t         *a;
    ds_youtube_status_t   st;

    engine_start();
    a = join("a", "key-5", DS_YOUTUBE_WATCH);
    ok(state(a, DS_YOUTUBE_HEALTHY, &st), "all is well");

    set("{\"limit\": 0}");
    ds_youtube_wish(a, DS_YOUTUBE_CHECK);
    ok(state(a, DS_YOUTUBE_ERROR, &st), "the quota is used up");
    is_int(st.error.code, DS_EYOUTUBE_QUOTA, "%s", st.error.message);
    i = (int) number("calls", "liveBroadcasts.list");
    (void) usleep(1500000);
    is_int(number("calls", "liveBroadcasts.list"), i,
           "and is left alone for a while");

    ds_youtube_leave(&a);
    engine_end();

    set("{\"limit\": 100000, \"refresh_token\": \"another\"}");
    engine_start();
    a = join("a", "key-5", DS_YOUTUBE_REVIVE);
    ok(state(a, DS_YOUTUBE_ERROR, &st), "a consent that is over");
    is_int(st.error.code, DS_EYOUTUBE_AUTH, "%s", st.error.message);
    ds_youtube_leave(&a);
    ok(join("x", "k", DS_YOUTUBE_OFF) == NULL, "one that has it off");
    engine_end();
}


int
main(void)
{
    ds_error_t  err;

    (void) ds_http_init(&err);

    if (ds_cancel_init(&cancel) != DS_OK || mkdtemp(server_dir) == NULL
        || !api_start())
    {
        return 1;
    }

    test_credentials();
    test_lists();
    test_calls();
    test_faults();
    test_thread();
    test_refusals();
    test_account();

    (void) kill(api_pid, SIGTERM);
    (void) waitpid(api_pid, NULL, 0);
    server_end();
    ds_cancel_free(&cancel);

    return done_testing();
}
