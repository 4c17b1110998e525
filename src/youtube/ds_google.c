
/*
 * ds_google.c: a client of YouTube's Data API v3: the access token and its
 * renewal, pages of lists, what an error means.
 */

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <cjson/cJSON.h>

#include "net/ds_call.h"
#include "youtube/ds_google.h"


#define DS_GOOGLE_API    "https://www.googleapis.com"
#define DS_GOOGLE_OAUTH  "https://oauth2.googleapis.com"

#define DS_GOOGLE_TIME   15000          /* ms, of one call */
#define DS_GOOGLE_MAX    (2 << 20)      /* bytes of an answer */
#define DS_GOOGLE_PAGES  20
#define DS_GOOGLE_LIST   1              /* units of a call that lists */
#define DS_GOOGLE_WRITE  50             /* and of any other one */
#define DS_GOOGLE_EARLY  60000          /* ms, a token is renewed before */
#define DS_GOOGLE_CHARS  100            /* of a title */
#define DS_GOOGLE_CODE   60             /* bytes of a reason */
#define DS_GOOGLE_DESCRIBED  4900       /* bytes of a description, of 5000 */

#define DS_GOOGLE_FORM   "application/x-www-form-urlencoded"


struct ds_google_s {
    char      *api;
    char      *oauth;
    char      *client_id;
    char      *client_secret;
    char      *refresh_token;
    char      *token;                   /* NULL: none */
    int64_t    until;                   /* monotonic ms, of the token */
    int64_t    used;
    bool       gone;
};


/* appends an item of a list; 0 or DS_ENOMEM */
typedef int (*ds_google_item_pt)(const cJSON *item, void **list, size_t *n);


static int ds_google_text(char **dst, const cJSON *json, const char *name);
static int ds_google_login(ds_google_t *g, ds_cancel_t *cancel,
    ds_error_t *err);
static int ds_google_take(ds_google_t *g, const char *text, long status,
    ds_error_t *err);
static int ds_google_list(ds_google_t *g, const char *what, char *query,
    ds_cancel_t *cancel, ds_google_item_pt take, void **list, size_t *n,
    ds_error_t *err);
static int ds_google_call(ds_google_t *g, const char *what,
    const char *query, const char *body, ds_cancel_t *cancel, cJSON **json,
    ds_error_t *err);
static int ds_google_once(ds_call_t *call, ds_cancel_t *cancel, long *status,
    char **answer, ds_error_t *err);
static int ds_google_refused(ds_google_t *g, long status, const char *answer,
    bool moves, ds_error_t *err);
static int ds_google_code(const char *why);
static int ds_google_stream(const cJSON *item, void **list, size_t *n);
static void ds_google_issues(ds_ingest_t *s, const cJSON *issues);
static int ds_google_broadcast(const cJSON *item, void **list, size_t *n);
static void *ds_google_room(void **list, size_t n, size_t size);
static cJSON *ds_google_new(const ds_memo_t *memo, const char *title,
    int64_t at, const cJSON *like);
static bool ds_google_title(cJSON *snippet, const char *title);
static void ds_google_tag(char *tag, size_t size, const char *text);
static const cJSON *ds_google_at(const cJSON *json, const char *a,
    const char *b);
static const char *ds_google_word(const cJSON *json, const char *a,
    const char *b);
static bool ds_google_true(const cJSON *json, const char *a, const char *b);
static int64_t ds_google_time(const char *text);


ds_google_t *
ds_google_create(const char *credentials, const char *api, ds_error_t *err)
{
    cJSON        *json;
    ds_google_t  *g;

    ds_error_clear(err);

    json = cJSON_Parse(credentials);
    g = calloc(1, sizeof(ds_google_t));

    if (g == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");

    } else if (json == NULL
               || ds_google_text(&g->client_id, json, "client_id") != DS_OK
               || ds_google_text(&g->client_secret, json, "client_secret")
                  != DS_OK
               || ds_google_text(&g->refresh_token, json, "refresh_token")
                  != DS_OK)
    {
        (void) ds_fail(err, DS_EYOUTUBE_AUTH, "it is to be a JSON object with "
                       "\"client_id\", \"client_secret\" and "
                       "\"refresh_token\"");

    } else {
        g->api = strdup(api != NULL ? api : DS_GOOGLE_API);
        g->oauth = strdup(api != NULL ? api : DS_GOOGLE_OAUTH);

        if (g->api == NULL || g->oauth == NULL) {
            (void) ds_fail(err, DS_ENOMEM, "no memory");
        }
    }

    cJSON_Delete(json);

    if (err->code != DS_OK) {
        ds_google_free(&g);
    }

    return g;
}


int
ds_check_youtube(const char *credentials, ds_error_t *err)
{
    ds_google_t  *g;

    g = ds_google_create(credentials, NULL, err);

    if (g == NULL) {
        return err->code;
    }

    ds_google_free(&g);

    return DS_OK;
}


static int
ds_google_text(char **dst, const cJSON *json, const char *name)
{
    const char  *text;

    text = cJSON_GetStringValue(cJSON_GetObjectItem(json, name));

    if (text == NULL || *text == '\0') {
        return DS_EYOUTUBE_AUTH;
    }

    return ds_copy(dst, text);
}


void
ds_google_free(ds_google_t **pg)
{
    ds_google_t  *g;

    g = *pg;
    if (g == NULL) {
        return;
    }

    *pg = NULL;

    free(g->api);
    free(g->oauth);
    free(g->client_id);
    ds_wipe(&g->client_secret);
    ds_wipe(&g->refresh_token);
    ds_wipe(&g->token);
    free(g);
}


int64_t
ds_google_used(ds_google_t *g)
{
    int64_t  used;

    used = g->used;
    g->used = 0;

    return used;
}


bool
ds_google_gone(ds_google_t *g)
{
    return g->gone;
}


/* an access token, if there is none that is good for a while */

static int
ds_google_login(ds_google_t *g, ds_cancel_t *cancel, ds_error_t *err)
{
    int         rc;
    char       *url, *form, *answer;
    long        status;
    ds_call_t   call;

    if (g->token != NULL && ds_monotonic() < g->until) {
        return DS_OK;
    }

    ds_wipe(&g->token);

    form = strdup("grant_type=refresh_token");
    url = ds_sprintf("%s/token", g->oauth);

    if (url == NULL
        || ds_call_add(&form, "client_id", g->client_id) != DS_OK
        || ds_call_add(&form, "client_secret", g->client_secret) != DS_OK
        || ds_call_add(&form, "refresh_token", g->refresh_token) != DS_OK)
    {
        free(url);
        ds_wipe(&form);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    memset(&call, 0, sizeof(ds_call_t));
    call.url = url;
    call.type = DS_GOOGLE_FORM;
    call.body = form;

    rc = ds_google_once(&call, cancel, &status, &answer, err);

    free(url);
    ds_wipe(&form);

    if (rc == DS_OK) {
        rc = ds_google_take(g, answer, status, err);
        ds_wipe(&answer);
    }

    return rc;
}


/* the answer has a token, or says why there is none */

static int
ds_google_take(ds_google_t *g, const char *text, long status,
    ds_error_t *err)
{
    int           rc, len;
    cJSON        *json;
    double        seconds;
    const char   *why;
    const cJSON  *in;

    json = cJSON_Parse(text);

    if (status == 200
        && ds_google_text(&g->token, json, "access_token") == DS_OK)
    {
        in = cJSON_GetObjectItem(json, "expires_in");
        seconds = cJSON_IsNumber(in) ? in->valuedouble : 0;

        if (!(seconds > 0 && seconds < 1e6)) {
            seconds = 3600;
        }

        g->until = ds_monotonic() + (int64_t) (seconds * 1000)
                   - DS_GOOGLE_EARLY;

        rc = DS_OK;

    } else if (status >= 400 && status < 500 && status != 429) {
        why = cJSON_GetStringValue(cJSON_GetObjectItem(json, "error"));

        len = ds_google_code(why != NULL ? why : "");

        rc = ds_fail(err, DS_EYOUTUBE_AUTH, "no access token: %.*s, status "
                     "%ld", len != 0 ? len : DS_GOOGLE_CODE,
                     len != 0 ? why : "no reason given", status);

    } else {
        rc = ds_fail(err, DS_EYOUTUBE_ISSUE,
                     "no access token: the server answers with status %ld",
                     status);
    }

    cJSON_Delete(json);

    return rc;
}


int
ds_google_streams(ds_google_t *g, const char *ids, ds_cancel_t *cancel,
    ds_ingest_t **list, size_t *n, ds_error_t *err)
{
    int    rc;
    char  *query;
    void  *rows;

    query = strdup(ids != NULL ? "part=id,status"
                               : "part=id,status,cdn&mine=true");

    if (query == NULL
        || (ids != NULL && ds_call_add(&query, "id", ids) != DS_OK))
    {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rows = *list;
    rc = ds_google_list(g, "liveStreams", query, cancel, ds_google_stream,
                        &rows, n, err);
    *list = rows;

    return rc;
}


int
ds_google_broadcasts(ds_google_t *g, const char *status,
    ds_cancel_t *cancel, ds_broadcast_t **list, size_t *n, ds_error_t *err)
{
    int    rc;
    char  *query;
    void  *rows;

    query = ds_sprintf("part=id,snippet,status,contentDetails"
                       "&broadcastType=all&broadcastStatus=%s", status);
    if (query == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rows = *list;
    rc = ds_google_list(g, "liveBroadcasts", query, cancel,
                        ds_google_broadcast, &rows, n, err);
    *list = rows;

    return rc;
}


/* all pages; "query" is freed */

static int
ds_google_list(ds_google_t *g, const char *what, char *query,
    ds_cancel_t *cancel, ds_google_item_pt take, void **list, size_t *n,
    ds_error_t *err)
{
    int           rc;
    char         *q;
    cJSON        *json;
    unsigned      page;
    const char   *next;
    const cJSON  *item;

    q = ds_sprintf("%s&maxResults=%d", query, DS_GOOGLE_IDS);

    for (page = 0; page < DS_GOOGLE_PAGES; page++) {

        if (q == NULL) {
            rc = ds_fail(err, DS_ENOMEM, "no memory");
            break;
        }

        rc = ds_google_call(g, what, q, NULL, cancel, &json, err);
        if (rc != DS_OK) {
            break;
        }

        cJSON_ArrayForEach(item, cJSON_GetObjectItem(json, "items")) {
            if (rc == DS_OK && cJSON_IsObject(item)) {
                rc = take(item, list, n);
            }
        }

        next = cJSON_GetStringValue(cJSON_GetObjectItem(json,
                                                        "nextPageToken"));
        free(q);
        q = NULL;

        if (rc == DS_OK && next != NULL) {
            q = ds_sprintf("%s&maxResults=%d", query, DS_GOOGLE_IDS);
            (void) ds_call_add(&q, "pageToken", next);
        }

        page = next == NULL ? DS_GOOGLE_PAGES : page;
        cJSON_Delete(json);

        if (rc != DS_OK) {
            (void) ds_fail(err, rc, "no memory");
            break;
        }
    }

    free(q);
    free(query);

    return rc;
}


/* with "body" a POST; *json, NULL: not wanted, is the caller's */

static int
ds_google_call(ds_google_t *g, const char *what, const char *query,
    const char *body, ds_cancel_t *cancel, cJSON **json, ds_error_t *err)
{
    int         rc;
    char       *url, *answer;
    long        status;
    bool        again;
    ds_call_t   call;

    g->gone = false;

    url = ds_sprintf("%s/youtube/v3/%s?%s", g->api, what, query);
    if (url == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    memset(&call, 0, sizeof(ds_call_t));
    call.url = url;
    call.type = body != NULL ? "application/json" : NULL;
    call.body = body;

    for (again = false; ; again = true) {
        rc = ds_google_login(g, cancel, err);

        if (rc != DS_OK) {
            break;
        }

        g->used += body == NULL ? DS_GOOGLE_LIST : DS_GOOGLE_WRITE;
        call.bearer = g->token;
        rc = ds_google_once(&call, cancel, &status, &answer, err);

        if (rc != DS_OK) {
            break;
        }

        /* a token may end before its time */

        if (status == 401 && !again) {
            g->until = 0;
            free(answer);
            continue;
        }

        if (status < 200 || status > 299) {
            rc = ds_google_refused(g, status, answer, json == NULL, err);

        } else if (json != NULL) {
            *json = cJSON_Parse(answer);

            rc = cJSON_IsObject(*json) ? DS_OK
                 : ds_fail(err, DS_EYOUTUBE_ISSUE,
                           "%s: the answer is not understood", what);

            if (rc != DS_OK) {
                cJSON_Delete(*json);
            }
        }

        free(answer);
        break;
    }

    free(url);

    return rc;
}


static int
ds_google_once(ds_call_t *call, ds_cancel_t *cancel, long *status,
    char **answer, ds_error_t *err)
{
    int  rc;

    call->timeout = DS_GOOGLE_TIME;
    call->max = DS_GOOGLE_MAX;

    rc = ds_call(call, cancel, status, answer, err);

    if (rc != DS_OK && rc != DS_ECANCELED && rc != DS_ENOMEM) {
        rc = err->code = DS_EYOUTUBE_ISSUE;
    }

    return rc;
}


/*
 * {"error": {"message": …, "errors": [{"reason": …}]}}; "moves": no answer is
 * wanted, and what is there already is no error.
 */

static int
ds_google_refused(ds_google_t *g, long status, const char *answer, bool moves,
    ds_error_t *err)
{
    int           code, len;
    size_t        i;
    cJSON        *json;
    const char   *why, *text;
    const cJSON  *error;

    static const char *const  quota[] = {
        "quotaExceeded", "dailyLimitExceeded", "dailyLimitExceededUnreg"
    };

    static const char *const  auth[] = {
        "authError", "insufficientPermissions", "insufficientLivePermissions",
        "liveStreamingNotEnabled", "youtubeSignupRequired", "accountClosed",
        "accountSuspended", "accessNotConfigured"
    };

    json = cJSON_Parse(answer);
    error = cJSON_GetObjectItem(json, "error");
    why = ds_google_word(cJSON_GetArrayItem(cJSON_GetObjectItem(error,
                                                                "errors"), 0),
                         "reason", NULL);
    text = ds_google_word(error, "message", NULL);

    code = status == 401 ? DS_EYOUTUBE_AUTH : DS_EYOUTUBE_ISSUE;

    for (i = 0; i < sizeof(quota) / sizeof(quota[0]); i++) {
        code = strcmp(why, quota[i]) == 0 ? DS_EYOUTUBE_QUOTA : code;
    }

    for (i = 0; i < sizeof(auth) / sizeof(auth[0]); i++) {
        code = strcmp(why, auth[i]) == 0 ? DS_EYOUTUBE_AUTH : code;
    }

    if (moves && strcmp(why, "redundantTransition") == 0) {
        code = DS_OK;

    } else {
        g->gone = status == 404
                  || strcmp(why, "invalidTransition") == 0
                  || strcmp(why, "liveBroadcastBindingNotAllowed") == 0;

        len = ds_google_code(why);

        if (strstr(text, g->token) != NULL) {
            text = "its message repeats the token";
        }

        (void) ds_fail(err, code, "YouTube answers with status %ld, %.*s: %s",
                       status, len != 0 ? len : DS_GOOGLE_CODE,
                       len != 0 ? why : "no reason given",
                       *text != '\0' ? text : "no message");
    }

    cJSON_Delete(json);

    return code;
}


/*
 * How much of a reason is a word; what is behind it may be anything, what was
 * sent among it.
 */

static int
ds_google_code(const char *why)
{
    size_t  len;

    len = strspn(why, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");

    return len < DS_GOOGLE_CODE ? (int) len : DS_GOOGLE_CODE;
}


static int
ds_google_stream(const cJSON *item, void **list, size_t *n)
{
    ds_ingest_t  *s;
    const cJSON  *health;

    s = ds_google_room(list, *n, sizeof(ds_ingest_t));
    if (s == NULL) {
        return DS_ENOMEM;
    }

    (*n)++;
    health = ds_google_at(item, "status", "healthStatus");

    ds_text(s->id, sizeof(s->id), ds_google_word(item, "id", NULL));
    ds_text(s->key, sizeof(s->key),
            ds_google_word(ds_google_at(item, "cdn", "ingestionInfo"),
                           "streamName", NULL));
    ds_text(s->status, sizeof(s->status),
            ds_google_word(item, "status", "streamStatus"));
    ds_text(s->health, sizeof(s->health),
            ds_google_word(health, "status", NULL));

    ds_google_issues(s, cJSON_GetObjectItem(health, "configurationIssues"));

    return DS_OK;
}


/* "error" is graver than "warning", and that than "info", which is no issue */

static void
ds_google_issues(ds_ingest_t *s, const cJSON *issues)
{
    int           grade, gravest;
    char          text[DS_MESSAGE_LEN];
    const char   *severity;
    const cJSON  *issue;

    gravest = 0;

    cJSON_ArrayForEach(issue, issues) {
        severity = ds_google_word(issue, "severity", NULL);
        grade = strcmp(severity, "error") == 0 ? 2
                : strcmp(severity, "warning") == 0 ? 1 : 0;

        s->issues += grade != 0;

        if (grade > gravest) {
            gravest = grade;
            s->grave = grade == 2;

            (void) snprintf(text, sizeof(text), "%.60s: %.180s",
                            ds_google_word(issue, "type", NULL),
                            ds_google_word(issue, "description", NULL));
            ds_text(s->issue, sizeof(s->issue), text);
        }
    }
}


static int
ds_google_broadcast(const cJSON *item, void **list, size_t *n)
{
    int              i;
    ds_broadcast_t  *b;
    const char      *word;

    static const char *const  lives[] = {
        "created", "ready", "testStarting", "testing", "liveStarting", "live",
        "complete", "revoked"
    };

    b = ds_google_room(list, *n, sizeof(ds_broadcast_t));
    if (b == NULL) {
        return DS_ENOMEM;
    }

    (*n)++;
    word = ds_google_word(item, "status", "lifeCycleStatus");

    for (i = 0; i <= DS_LIFE_OVER + 1; i++) {
        if (strcmp(word, lives[i]) == 0) {
            b->life = i < DS_LIFE_OVER ? (ds_life_e) i : DS_LIFE_OVER;
        }
    }

    ds_text(b->id, sizeof(b->id), ds_google_word(item, "id", NULL));
    ds_text(b->stream, sizeof(b->stream),
            ds_google_word(item, "contentDetails", "boundStreamId"));
    ds_text(b->title, sizeof(b->title),
            ds_google_word(item, "snippet", "title"));
    ds_text(b->privacy, sizeof(b->privacy),
            ds_google_word(item, "status", "privacyStatus"));
    ds_google_tag(b->tag, sizeof(b->tag),
                  ds_google_word(item, "snippet", "description"));

    b->kids = ds_google_true(item, "status", "selfDeclaredMadeForKids");
    b->stops = ds_google_true(item, "contentDetails", "enableAutoStop");
    b->monitored = ds_google_true(ds_google_at(item, "contentDetails",
                                               "monitorStream"),
                                  "enableMonitorStream", NULL);
    b->scheduled = ds_google_time(ds_google_word(item, "snippet",
                                                 "scheduledStartTime"));
    b->started = ds_google_time(ds_google_word(item, "snippet",
                                               "actualStartTime"));
    return DS_OK;
}


/* zeroed; NULL: no memory, and the list is as it was */

static void *
ds_google_room(void **list, size_t n, size_t size)
{
    char  *rows;

    rows = realloc(*list, (n + 1) * size);
    if (rows == NULL) {
        return NULL;
    }

    *list = rows;

    return memset(rows + n * size, 0, size);
}


int
ds_google_insert(ds_google_t *g, const ds_memo_t *memo, const char *title,
    int64_t at, ds_cancel_t *cancel, char *id, ds_error_t *err)
{
    int     rc;
    char   *query, *body;
    cJSON  *like, *json, *made;

    like = NULL;

    if (memo->current[0] != '\0') {
        query = strdup("part=snippet,status,contentDetails");

        if (ds_call_add(&query, "id", memo->current) != DS_OK) {
            return ds_fail(err, DS_ENOMEM, "no memory");
        }

        rc = ds_google_call(g, "liveBroadcasts", query, NULL, cancel, &like,
                            err);
        free(query);

        if (rc != DS_OK) {
            return rc;
        }
    }

    json = ds_google_new(memo, title, at,
                         cJSON_GetArrayItem(cJSON_GetObjectItem(like,
                                                                "items"), 0));
    body = json != NULL ? cJSON_PrintUnformatted(json) : NULL;

    cJSON_Delete(json);
    cJSON_Delete(like);

    if (body == NULL) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rc = ds_google_call(g, "liveBroadcasts", "part=snippet,status,"
                        "contentDetails", body, cancel, &made, err);
    cJSON_free(body);

    if (rc == DS_OK) {
        ds_text(id, DS_YOUTUBE_ID, ds_google_word(made, "id", NULL));
        cJSON_Delete(made);

        if (*id == '\0') {
            rc = ds_fail(err, DS_EYOUTUBE_ISSUE,
                         "the answer has no id of what was made");
        }
    }

    return rc;
}


/*
 * "like" is the one before it, NULL: it is not known, then it is private: who
 * may see it is for the operator to say.
 */

static cJSON *
ds_google_new(const ds_memo_t *memo, const char *title, int64_t at,
    const cJSON *like)
{
    char         *text, tag[DS_YOUTUBE_ID];
    bool          ok;
    size_t        len;
    cJSON        *json, *snippet, *status, *details, *monitor;
    time_t        t;
    char          when[32];
    struct tm     tm;
    const char   *was, *privacy, *latency;

    was = ds_google_word(like, "snippet", "description");
    privacy = ds_google_word(like, "status", "privacyStatus");
    latency = ds_google_word(like, "contentDetails", "latencyPreference");

    privacy = *privacy != '\0' ? privacy
              : memo->privacy[0] != '\0' ? memo->privacy : "private";

    if (*title == '\0') {
        title = ds_google_word(like, "snippet", "title");
        title = *title != '\0' ? title
                : memo->title[0] != '\0' ? memo->title : "live";
    }

    t = at / 1000;
    (void) strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ",
                    gmtime_r(&t, &tm));

    /* the tag of the one before it goes */

    ds_google_tag(tag, sizeof(tag), was);
    len = strlen(was) - strlen(tag);

    if (len > DS_GOOGLE_DESCRIBED) {
        for (len = DS_GOOGLE_DESCRIBED; (was[len] & 0xc0) == 0x80; len--) {
            /* void */
        }
    }

    text = ds_sprintf("%.*s%s%s", (int) len, was,
                      len != 0 && was[len - 1] != '\n' ? "\n\n" : "",
                      memo->tag);

    json = cJSON_CreateObject();
    snippet = cJSON_AddObjectToObject(json, "snippet");
    status = cJSON_AddObjectToObject(json, "status");
    details = cJSON_AddObjectToObject(json, "contentDetails");
    monitor = cJSON_AddObjectToObject(details, "monitorStream");

    ok = text != NULL && monitor != NULL
         && ds_google_title(snippet, title)
         && cJSON_AddStringToObject(snippet, "description", text)
         && cJSON_AddStringToObject(snippet, "scheduledStartTime", when)
         && cJSON_AddStringToObject(status, "privacyStatus", privacy)
         && cJSON_AddBoolToObject(status, "selfDeclaredMadeForKids",
                                  memo->kids)
         && cJSON_AddBoolToObject(details, "enableAutoStart", false)
         && cJSON_AddBoolToObject(details, "enableAutoStop", false)
         && cJSON_AddBoolToObject(details, "enableDvr", like == NULL
                                  || ds_google_true(like, "contentDetails",
                                                    "enableDvr"))
         && cJSON_AddBoolToObject(monitor, "enableMonitorStream", false)
         && (*latency == '\0'
             || cJSON_AddStringToObject(details, "latencyPreference",
                                        latency));
    free(text);

    if (!ok) {
        cJSON_Delete(json);
        return NULL;
    }

    return json;
}


/* what YouTube takes: so many characters, none of < and > */

static bool
ds_google_title(cJSON *snippet, const char *title)
{
    size_t  n, chars, len;
    char    text[DS_YOUTUBE_TITLE * 2];

    for (n = 0, chars = 0;
         title[n] != '\0' && chars < DS_GOOGLE_CHARS;
         n += len, chars++)
    {
        len = ds_utf8_len((const uint8_t *) title + n, strlen(title + n));

        if (len == 0 || n + len >= sizeof(text)) {
            break;
        }

        memcpy(text + n, title + n, len);

        if (text[n] == '<' || text[n] == '>') {
            text[n] = ' ';
        }
    }

    text[n] = '\0';

    return cJSON_AddStringToObject(snippet, "title", text) != NULL;
}


/* the last line, if it is one */

static void
ds_google_tag(char *tag, size_t size, const char *text)
{
    const char  *p;

    p = strrchr(text, '\n');
    p = p != NULL ? p + 1 : text;

    if (strncmp(p, DS_BROADCAST_TAG, sizeof(DS_BROADCAST_TAG) - 1) != 0
        || strlen(p) >= size
        || p[strspn(p, "-0123456789abcdefs")] != '\0')
    {
        p = "";
    }

    ds_text(tag, size, p);
}


int
ds_google_bind(ds_google_t *g, const char *id, const char *stream,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int    rc;
    char  *query;

    query = strdup("part=id,contentDetails");

    if (ds_call_add(&query, "id", id) != DS_OK
        || ds_call_add(&query, "streamId", stream) != DS_OK)
    {
        free(query);
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rc = ds_google_call(g, "liveBroadcasts/bind", query, "", cancel, NULL,
                        err);
    free(query);

    return rc;
}


int
ds_google_transition(ds_google_t *g, const char *id, const char *to,
    ds_cancel_t *cancel, ds_error_t *err)
{
    int    rc;
    char  *query;

    query = ds_sprintf("part=id,status&broadcastStatus=%s", to);

    if (ds_call_add(&query, "id", id) != DS_OK) {
        return ds_fail(err, DS_ENOMEM, "no memory");
    }

    rc = ds_google_call(g, "liveBroadcasts/transition", query, "", cancel,
                        NULL, err);
    free(query);

    return rc;
}


/* "b" NULL: of "json" itself; NULL: there is none */

static const cJSON *
ds_google_at(const cJSON *json, const char *a, const char *b)
{
    json = cJSON_GetObjectItem(json, a);

    return b != NULL ? cJSON_GetObjectItem(json, b) : json;
}


static const char *
ds_google_word(const cJSON *json, const char *a, const char *b)
{
    const char  *text;

    text = cJSON_GetStringValue(ds_google_at(json, a, b));

    return text != NULL ? text : "";
}


static bool
ds_google_true(const cJSON *json, const char *a, const char *b)
{
    return cJSON_IsTrue(ds_google_at(json, a, b));
}


/* RFC 3339 in UTC, as Unix ms; 0: it is not one */

static int64_t
ds_google_time(const char *text)
{
    struct tm    tm;
    const char  *end;

    memset(&tm, 0, sizeof(struct tm));

    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (end == NULL || text[strlen(text) - 1] != 'Z') {
        return 0;
    }

    return (int64_t) timegm(&tm) * 1000;
}
