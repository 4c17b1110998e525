
/*
 * ds.h: the engine's whole interface, the wall between nginx and the engine.
 *
 * The engine turns playlists into RTMP streams with its own threads.  It
 * knows nothing of nginx; nginx's side knows nothing of libav, libcurl or
 * child processes.  Unless said otherwise a function is called from one
 * thread (the owner's, nginx's main thread of the relay worker), does not
 * block for more than a short lock, and neither takes nor gives ownership
 * of a pointer.  All strings are UTF-8, NUL-terminated; all durations are
 * milliseconds; all points in time are Unix milliseconds (UTC).
 */

#ifndef DS_H_INCLUDED_
#define DS_H_INCLUDED_


#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>


#define DS_VERSION        "0.2.0"

#define DS_NAME_LEN      64      /* longest stream name */
#define DS_URL_LEN       2048    /* longest publish or push URL */
#define DS_PLAYLIST_LEN  8192    /* longest playlist URL */
#define DS_ADDRESS_LEN   45      /* longest address, as text */
#define DS_ID_LEN        64      /* an item's id, cut to fit */
#define DS_TITLE_LEN     256     /* an item's title, cut at a character */
#define DS_MESSAGE_LEN   256     /* a message for people, never a secret */
#define DS_TOKEN_LEN     64      /* proof that a publisher is ours */
#define DS_QUEUE_ID_LEN  16      /* hexadecimal, of an entry of a queue */
#define DS_QUEUE_MAX     256     /* entries of one that may be asked for */
#define DS_BY_LEN        128     /* who asked for it, cut to fit */
#define DS_SCHEDULE_LEN  8191    /* a schedule as text */
#define DS_SLOTS         32      /* of a schedule, with its filler */
#define DS_SLOT_LEN      48      /* how a slot is called */
#define DS_CURSORS_LEN   2048
#define DS_OUTLETS       16      /* outputs of one stream */
#define DS_OUTLET_NAME_LEN  32   /* longest name of one */
#define DS_OUTLETS_LEN   8192    /* all of a stream, as text */
#define DS_SUM_LEN       32      /* of SHA-256 */


/*
 * Errors.  Functions return 0 or one of these, negative: DS_ENOMEM, ….  Each
 * has a stable code, which the status, the API and the log show: see
 * ds_error_code().
 */

#define DS_ERRORS(X)                                                          \
    X(NOMEM, "no_memory")                                                     \
    X(INTERNAL, "internal")                                                   \
    X(CANCELED, "canceled")             /* never seen by an operator */       \
                                                                              \
    X(PLAYLIST_INVALID, "playlist_invalid") /* not a reference */             \
    X(PLAYLIST_EMPTY, "playlist_empty")                                       \
    X(PLAYLIST_UNAVAILABLE, "playlist_unavailable") /* private, missing */    \
    X(PLAYLIST_UNPLAYABLE, "playlist_unplayable") /* no item can be played */ \
    X(PLAYLIST_FORMAT, "playlist_format") /* not understood */                \
    X(PLAYLIST_SHORT, "playlist_short") /* most of its items are missing */   \
                                                                              \
    X(RESOLVER_MISSING, "resolver_missing") /* program not found */           \
    X(RESOLVER_FAILED, "resolver_failed") /* exit code, signal */             \
    X(RESOLVER_OUTPUT, "resolver_output") /* not what was asked for */        \
    X(RESOLVER_OVERFLOW, "resolver_overflow") /* endless output */            \
    X(RESOLVER_TIMEOUT, "resolver_timeout") /* deadline passed, killed */     \
    X(RESOLVER_RATE_LIMITED, "resolver_rate_limited") /* 429, bot check */    \
    X(RESOLVER_NETWORK, "resolver_network") /* DNS, refused, timed out */     \
    X(RESOLVER_OUTDATED, "resolver_outdated") /* items exist, none given */   \
    X(RESOLVER_UNSUPPORTED, "resolver_unsupported") /* no extractor for it */ \
                                                                              \
    X(ITEM_PRIVATE, "item_private")                                           \
    X(ITEM_UNAVAILABLE, "item_unavailable") /* deleted, removed */            \
    X(ITEM_UPCOMING, "item_upcoming")                                         \
    X(ITEM_LIVE, "item_live")           /* a live entry without a stream */   \
    X(ITEM_RESTRICTED, "item_restricted") /* age, members, sign-in */         \
    X(ITEM_FORMAT, "item_format")       /* no format that can be relayed */   \
    X(ITEM_CRASHED, "item_crashed")     /* its thread killed the process */   \
                                                                              \
    X(SOURCE_DENIED, "source_denied")   /* scheme or address refused */       \
    X(SOURCE_DNS, "source_dns")                                               \
    X(SOURCE_REFUSED, "source_refused") /* connect() failed */                \
    X(SOURCE_TLS, "source_tls")                                               \
    X(SOURCE_TIMEOUT, "source_timeout") /* no answer in time */               \
    X(SOURCE_FORBIDDEN, "source_forbidden") /* 401, 403, no known cause */    \
    X(SOURCE_EXPIRED, "source_expired") /* the URL's time is over */          \
    X(SOURCE_TOO_EARLY, "source_too_early") /* 403 before available_at */     \
    X(SOURCE_GATED, "source_gated")     /* 403 after a first part, on         \
                                           fresh URLs too */                  \
    X(SOURCE_ADDRESS, "source_address") /* the URL is bound to another        \
                                           address than ours */               \
    X(SOURCE_NOT_FOUND, "source_not_found") /* 404, 410 */                    \
    X(SOURCE_RATE_LIMITED, "source_rate_limited") /* 429 */                   \
    X(SOURCE_HTTP, "source_http")       /* any other status */                \
    X(SOURCE_CUT, "source_cut")         /* ended before its length */         \
    X(SOURCE_STALLED, "source_stalled") /* no byte in time */                 \
    X(SOURCE_FAILED, "source_failed")   /* any other transfer error */        \
    X(SOURCE_INVALID, "source_invalid") /* not media */                       \
                                                                              \
    X(CODEC_VIDEO, "codec_video")       /* cannot be copied */                \
    X(CODEC_AUDIO, "codec_audio")       /* cannot be copied */                \
    X(NO_VIDEO, "no_video")                                                   \
    X(NO_AUDIO, "no_audio")                                                   \
    X(ENCODE_LIMIT, "encode_limit")     /* too many encodes at a time */      \
    X(ENCODE_FAILED, "encode_failed")   /* decoder, filter or encoder */      \
    X(SLATE_INVALID, "slate_invalid")   /* the file cannot be shown */        \
                                                                              \
    X(OUTPUT_REFUSED, "output_refused") /* RTMP connect failed */             \
    X(OUTPUT_REJECTED, "output_rejected") /* publish not allowed */           \
    X(OUTPUT_LOST, "output_lost")       /* connection went away */            \
    X(PUSH_DNS, "push_dns")             /* name of the push target */         \
    X(PUSH_REFUSED, "push_refused")     /* connect failed */                  \
    X(PUSH_TLS, "push_tls")             /* certificate, handshake */          \
    X(PUSH_REJECTED, "push_rejected")   /* publish not allowed */             \
    X(PUSH_LOST, "push_lost")           /* connection went away, or stuck */  \
    X(PUSH_HOOK, "push_hook_missing")   /* nginx-rtmp did not ask for it */   \
                                                                              \
    X(YOUTUBE_AUTH, "youtube_auth")     /* no access to the account */        \
    X(YOUTUBE_QUOTA, "youtube_quota")   /* nothing left for today */          \
    X(YOUTUBE_DARK, "youtube_dark")     /* pushed, and nothing is live */     \
    X(YOUTUBE_ISSUE, "youtube_issue")   /* YouTube finds fault, or fails */   \
                                                                              \
    X(STORE_FULL, "store_full")         /* no space left */                   \
    X(STORE_READONLY, "store_readonly") /* no access to it */                 \
    X(STORE_BUSY, "store_busy")         /* locked by somebody else */         \
    X(STORE_CORRUPT, "store_corrupt")                                         \
    X(STORE_VERSION, "store_version")   /* of a newer build */                \
    X(STORE_EXISTS, "store_exists")     /* one of that name */                \
    X(STORE_NOT_FOUND, "store_not_found")                                     \
    X(STORE_FAILED, "store_failed")     /* any other error */                 \
                                                                              \
    X(QUEUE_FULL, "queue_full")         /* as many wait as may */             \
    X(QUEUE_KEY, "key_reused")          /* for something else */              \
    X(QUEUE_ON_AIR, "queue_on_air")     /* it neither moves nor goes */       \
                                                                              \
    X(CLUSTER_LOST, "cluster_lost")     /* etcd does not answer */            \
    X(CLUSTER_UNKNOWN, "cluster_unknown") /* it may have done it, or not */   \
    X(CLUSTER_DENIED, "cluster_denied") /* user, password, permission */      \
    X(CLUSTER_REFUSED, "cluster_refused") /* a limit of it, a full disk */    \
    X(CLUSTER_CONFLICT, "cluster_conflict") /* another one was first */       \
    X(CLUSTER_COMPACTED, "cluster_compacted") /* too old a revision */        \
                                                                              \
    X(CACHE_FULL, "cache_full")         /* no room can be made */             \
    X(CACHE_BUSY, "cache_busy")         /* somebody else is writing it */     \
    X(CACHE_FAILED, "cache_failed")     /* the directory or its disk */       \
    X(CACHE_MISSING, "cache_missing")   /* not kept, or damaged */

typedef enum {
    DS_OK = 0,
    DS_EFIRST = -201,

#define DS_ERROR(name, code)  DS_E##name,
    DS_ERRORS(DS_ERROR)
#undef DS_ERROR

    DS_ELAST
} ds_error_e;

/* how many there are; an error's place among them is code - DS_ENOMEM */
#define DS_NERRORS       (DS_ELAST - DS_ENOMEM)


typedef struct {
    int        code;                    /* 0 or DS_E… */
    char       message[DS_MESSAGE_LEN];
    int64_t    at;                      /* Unix ms, 0: none */
} ds_error_t;


/* the stable code of an error: "source_forbidden"; any thread */
const char *ds_error_code(int code);

/* the error of a code, 0 when there is none of that code; any thread */
int ds_error_from_code(const char *code);


/*
 * The length of the character at "p", of which "n" bytes, at least one, can
 * be read; 0: it is not valid UTF-8 (RFC 3629).  Any thread.
 */
size_t ds_utf8_len(const uint8_t *p, size_t n);


/*
 * Logging.  Levels are those of syslog, as nginx's are (NGX_LOG_ALERT is 2,
 * NGX_LOG_DEBUG is 8).
 */

#define DS_LOG_ALERT     2
#define DS_LOG_ERR       4
#define DS_LOG_WARN      5
#define DS_LOG_NOTICE    6
#define DS_LOG_INFO      7
#define DS_LOG_DEBUG     8

#define DS_RECORD_LEN    1024


typedef struct {
    int        level;                   /* DS_LOG_… */
    char       stream[DS_NAME_LEN + 1]; /* "" when of no stream */
    char       text[DS_RECORD_LEN];
} ds_record_t;


/* an item's turn: its place in the list, in one pass of it */

typedef struct {
    uint32_t   index;
    uint32_t   pass;
    char       id[DS_ID_LEN];           /* "": it has none, or not yet */
} ds_turn_t;


/* what the thread worked for that took the process down */

typedef struct {
    int        signal;                  /* written last; 0: there was none */
    char       thread[16];              /* its name */
    char       stream[DS_NAME_LEN + 1]; /* "" when for none, or not known */
    bool       has_item;
    ds_turn_t  turn;                    /* the item's */
} ds_crash_t;


/*
 * Until when streams may be published, of a node that shares them with others:
 * written and read by base/ds_fence.c alone, zeroed before.
 */

typedef struct {
    int64_t    lease;
    int64_t    deadline;                /* CLOCK_BOOTTIME, ms, as the next */
    int64_t    seen;
    int64_t    doubt;
    int64_t    sure;
    int64_t    answered;                /* by etcd, last */
    int64_t    promised;                /* nothing is claimed before */
} ds_fence_t;


/*
 * Nodes that share their streams through etcd: which etcd, and who this is.
 * Strings that are NULL are not set; the first three always are.
 */

typedef struct {
    const char  *endpoints;             /* "https://a:2379,https://b:2379" */
    const char  *prefix;                /* of all keys, "/directstream/" */
    const char  *node;                  /* this one's name */
    const char  *url;                   /* where others reach its API, ends
                                           with a slash */
    const char  *ca;                    /* PEM files */
    const char  *cert;
    const char  *key;
    const char  *user;
    const char  *password;
    unsigned     ttl;                   /* s */
    uint32_t     max_streams;           /* 0: any */
    uint32_t     weight;                /* 0: 1 */
    bool         failsafe;              /* goes on without etcd, if all do */
} ds_cluster_conf_t;


/* one rule for the addresses that sources may be read from */

typedef struct {
    uint8_t    family;                  /* 4 or 6 */
    uint8_t    prefix;                  /* bits */
    bool       allow;
    uint8_t    addr[16];                /* network byte order */
} ds_source_rule_t;


typedef struct {
    const char *const      *resolve_command;   /* argv, NULL-terminated */
    const char *const      *resolve_fallback;  /* the same, asked when the first
                                                  is broken; NULL: none */
    const char *const      *resolve_env;       /* NAME=VALUE, NULL-terminated;
                                                  NULL: none */
    const char             *resolve_extractors;/* yt-dlp's --ies */
    unsigned                resolve_timeout;   /* ms, one call */
    unsigned                source_timeout;    /* ms without a byte */
    unsigned                buffer_time;       /* ms of media read ahead */
    size_t                  buffer_size;       /* bytes of media read ahead */
    const ds_source_rule_t *source_rules;     /* first match wins, else allow */
    size_t                  nsource_rules;
    const char             *source_proxy;      /* URL of what media and lists
                                                  are read through; NULL or "":
                                                  nothing */
    const char             *source_bind;       /* address they are read from;
                                                  the same */
    const char             *media_root;        /* NULL: no file: URLs */
    const char             *canary;            /* URL that is resolved and read
                                                  now and then; NULL: none */
    int64_t                 canary_every;      /* ms */
    unsigned                preflight;         /* items that are looked at
                                                  ahead of their turn */
    unsigned                preflight_budget;  /* looks an hour, of all
                                                  streams; 0: 60 */
    uint32_t                playlist_max_items; /* of one list, 0: any */
    size_t                  push_buffer;       /* bytes that wait for pushes, of
                                                  all streams; 0: 256 MiB,
                                                  less with less memory */
    unsigned                encodes;           /* items encoded at one time;
                                                  0: by CPUs and memory */
    const char             *cache_path;        /* NULL: nothing is kept */
    uint64_t                cache_max_size;    /* bytes, of all that is kept */
    uint64_t                cache_min_free;    /* bytes left on its disk */
    int64_t                 history;           /* ms that runs and changes are
                                                  kept for, 0: for ever */
    const char             *store_path;        /* migrated; with cache_path or
                                                  youtube_credentials */
    const char             *youtube_credentials;   /* their text, NULL: none */
    const char             *youtube_api;       /* URL, NULL: Google's */
    int64_t                 youtube_interval;  /* ms between two looks */
    const char             *push_certificate;  /* trusted for rtmps, a PEM
                                                  file; NULL: the system's */

    /*
     * Written, with plain stores, by a thread that a signal such as SIGSEGV
     * ends the process for; in memory that outlives it, NULL: by none.
     */
    ds_crash_t             *crash;

    /*
     * What is published obeys it, in memory that all processes of the node
     * share; NULL: there are no other nodes.
     */
    ds_fence_t             *fence;

    /*
     * Called from any engine thread when ds_poll() or a status has news;
     * may do nothing but write an eventfd.
     */
    void                  (*wakeup)(void *data);
    void                   *wakeup_data;
} ds_conf_t;


typedef struct ds_s         ds_t;
typedef struct ds_stream_s  ds_stream_t;
typedef struct ds_lookup_s  ds_lookup_t;


/*
 * Checks of what people write, used by nginx -t and the API.  Pure, any
 * thread.  Return 0, or a DS_E… and in "err" the sentence that says what is
 * accepted; "err" may be NULL.
 */

/*
 * A playlist reference: an http or https URL with a host, without user
 * information, fragment, blanks or control characters; a file: URL (only
 * with media_root); or a bare YouTube playlist id, PL…, UU…, FL…, OLAK5uy_….
 */
int ds_check_playlist(const char *ref, bool file_ok, ds_error_t *err);

/* "rtmp://host[:port]/app", without a stream name, query, fragment; "none" */
int ds_check_publish(const char *url, ds_error_t *err);

/*
 * "rtmp://[user:password@]host[:port]/app[?args]/key[?args]", or rtmps;
 * "plain": without what only the engine can do: user, rtmps, app?args
 */
int ds_check_push(const char *url, bool plain, ds_error_t *err);

/* an output's name: [A-Za-z0-9._-]{1,32}, not "." nor ".." */
int ds_check_outlet(const char *name, ds_error_t *err);

/*
 * What may be queued: the URL of one item, as ds_check_playlist() has it, but
 * no id and no list (an .m3u8 is media).  A host that is an address must be
 * one that "rules" allow; 0 or DS_EPLAYLIST_INVALID, DS_ESOURCE_DENIED.
 */
int ds_check_item(const char *url, bool file_ok,
    const ds_source_rule_t *rules, size_t nrules, ds_error_t *err);

/*
 * "scheme://[user:password@]host:port", of http, https, socks5 or socks5h,
 * which differ in who looks up names, this host or the proxy.  What is wrong
 * with it is not shown: it may be the password.
 */
int ds_check_proxy(const char *url, ds_error_t *err);

/* an address of IPv4 or IPv6, not the unspecified one */
int ds_check_bind(const char *address, ds_error_t *err);

/* the text of a file of credentials for YouTube: DS_EYOUTUBE_AUTH */
int ds_check_youtube(const char *credentials, ds_error_t *err);

/* the title of a broadcast: UTF-8, and no other variables than there are */
int ds_check_youtube_title(const char *title, ds_error_t *err);

/* a stream's name: [A-Za-z0-9._-]{1,64}, not "." nor ".." */
int ds_check_name(const char *name, ds_error_t *err);


/*
 * A schedule: what is played at which time of day.  As text it has one line
 * for itself and one a slot, as nginx.conf has them:
 *
 *     schedule timezone=Europe/Berlin prepare=60s
 *     slot mon-fri 20:00 playlist=PL… start=hard until=20:30
 */

typedef enum {
    DS_SLOT_AT = 0,                     /* at a time of day, or a date */
    DS_SLOT_EVERY,                      /* again and again, from midnight on */
    DS_SLOT_FILLER                      /* what fits before a hard start */
} ds_slot_e;


typedef enum {
    DS_START_SOFT = 0,                  /* at an item's end, or "late" after */
    DS_START_HARD,                      /* what is on air is cut */
    DS_START_NEXT                       /* at an item's end */
} ds_start_e;


typedef struct {
    ds_slot_e        kind;
    ds_start_e       start;
    uint8_t          days;              /* bits, the least is Monday */
    bool             dated;             /* on one day alone: */
    bool             restart;           /* the list begins anew each time */
    bool             join;              /* begun late it is where it would be */
    int64_t          date;              /* days since 1970-01-01 */
    uint32_t         time;              /* ms of the day */
    uint32_t         until;             /* the same, 0: none; before "time":
                                           on the next day */
    uint32_t         every;             /* ms */
    uint32_t         late;              /* ms, of a soft start */
    uint32_t         count;             /* items, 0: any number */
    char             label[DS_SLOT_LEN];        /* "mon-fri 20:00" */
    char             playlist[DS_URL_LEN + 1];
} ds_timeslot_t;


typedef struct {
    char             timezone[65];      /* "local": the system's */
    uint32_t         prepare;           /* ms before a slot's time */
    uint32_t         n;
    ds_timeslot_t        slots[DS_SLOTS];
} ds_schedule_t;


#define DS_PREPARE_DEFAULT  60000
#define DS_LATE_DEFAULT     300000

/*
 * One line's words, the first of which says what it is; with "value" NULL a
 * parameter is name=value.  A schedule begins with ds_schedule_init().  Return
 * 0 or DS_EPLAYLIST_INVALID with a sentence, and in *field the parameter that
 * is wrong.
 */
void ds_schedule_init(ds_schedule_t *s);
int ds_schedule_set(ds_schedule_t *s, const char *name, const char *value,
    const char **field, ds_error_t *err);
int ds_slot_init(ds_timeslot_t *slot, ds_slot_e kind, const char *when,
    const char **field, ds_error_t *err);
int ds_slot_set(ds_timeslot_t *slot, const char *name, const char *value,
    bool file_ok, const char **field, ds_error_t *err);

/*
 * The whole of it: can each slot air, does the zone exist.  *which is the slot
 * that is wrong, or UINT32_MAX.  Reads the zone's file.
 */
int ds_schedule_check(const ds_schedule_t *s, uint32_t *which,
    const char **field, ds_error_t *err);

/* the slot is of a day before "now", and never airs any more; checked before */
bool ds_schedule_past(const ds_schedule_t *s, uint32_t which, int64_t now);

/* DS_SCHEDULE_LEN + 1 bytes; DS_EPLAYLIST_INVALID: it does not fit */
int ds_schedule_write(const ds_schedule_t *s, char *text, ds_error_t *err);

/* a text that was written so */
int ds_schedule_read(const char *text, ds_schedule_t *s, ds_error_t *err);

const char *ds_start_name(ds_start_e start);            /* "hard" */

/* "20:30", or of a date with it before; "dst" has room for DS_SLOT_LEN */
void ds_slot_clock(char *dst, uint32_t time);


/*
 * Writes to "dst" (of "size" bytes, always terminated) what may be shown of
 * a URL: no user information, query or fragment, and of an rtmp URL no
 * stream key.  Any thread.
 */
void ds_redact_url(char *dst, size_t size, const char *url);

/*
 * The same for a playlist reference: the query of a media file's or a list's
 * URL may be a signature, that of a page names what to play and is shown.
 */
void ds_redact_playlist(char *dst, size_t size, const char *ref);

/* SHA-256; any thread; DS_ENOMEM */
int ds_sum(const void *data, size_t len, uint8_t sum[DS_SUM_LEN]);


/*
 * The engine.  ds_create() copies "conf"; on failure it returns NULL and
 * says why in "err".  ds_destroy() cancels everything, waits at most one
 * second for the threads, kills the children, and sets the pointer to NULL.
 */
ds_t *ds_create(const ds_conf_t *conf, ds_error_t *err);
void ds_destroy(ds_t **ds);

/* takes the oldest log record; false when there is none */
bool ds_poll(ds_t *ds, ds_record_t *record);


/* how resolving goes, for all streams */

typedef struct {
    bool       fallback;                /* the second command is asked */
    int64_t    since;                   /* Unix ms, of the last change */
    ds_error_t error;                   /* what the first one had against it */

    bool       canary;                  /* there is one */
    int64_t    canary_at;               /* Unix ms of the last try, 0: none */
    ds_error_t canary_error;            /* of the last try, code 0: it worked */
} ds_resolver_status_t;

void ds_resolver_status(ds_t *ds, ds_resolver_status_t *status);


/* Streams. */

typedef enum {
    DS_STOPPED = 0,
    DS_RESOLVING,                       /* no item is known yet */
    DS_STARTING,                        /* first item being opened */
    DS_LIVE,                            /* media is being sent */
    DS_STALLED,                         /* nothing to send; still trying */
    DS_FINISHED,                        /* not looping, the end was reached */
    DS_FAILED,                          /* given up; error says why */
    DS_HELD                             /* by another owner, of whom nothing
                                           else is known; no run says so */
} ds_state_e;


#define DS_ITEM_OVER     (-1)

/* where a stream is: enough to go on from there */

typedef struct {
    bool             valid;
    ds_state_e       state;
    uint32_t         index;             /* of the item */
    char             id[DS_ID_LEN];
    uint64_t         key;               /* of it, 0: not known */
    int64_t          position;          /* ms into it; DS_ITEM_OVER: the one
                                           after it is next */
    uint64_t         seed;              /* of the shuffled order */
    uint32_t         pass;
    int64_t          at;                /* Unix ms */
    char             slots[DS_CURSORS_LEN]; /* where the schedule's lists are,
                                           the engine's own text */
} ds_progress_t;


/* what a stream's items are made to be, unless they are copied */

typedef enum {
    DS_VIDEO_COPY = 0,                  /* what cannot be copied is skipped */
    DS_VIDEO_AUTO,                      /* copy what fits, encode the rest */
    DS_VIDEO_ENCODE                     /* encode everything */
} ds_video_e;


typedef struct {
    ds_video_e       video;
    uint32_t         width;             /* pixels, even */
    uint32_t         height;
    uint32_t         rate;              /* frames a second */
    uint32_t         video_bitrate;     /* bit/s */
    uint32_t         audio_bitrate;     /* bit/s */
    uint32_t         sample_rate;       /* Hz; channels are always 2 */
    uint32_t         max_keyframe_interval; /* ms, longer is no copy; 0: off */
} ds_profile_t;


/* the profile of a stream for which nothing else is said */
#define DS_PROFILE_DEFAULT                                                    \
    { DS_VIDEO_COPY, 1280, 720, 30, 3000000, 128000, 44100, 0 }


/* ms between two readings of a list, and how far from it they may be */
#define DS_REFRESH_DEFAULT  (15 * 60 * 1000)
#define DS_JITTER_DEFAULT   10


/* how items come to the air; without a cache all of them come direct */

typedef enum {
    DS_MODE_DIRECT = 0,                 /* nothing is written to the disk */
    DS_MODE_DOWNLOAD,                   /* fetched whole before they play */
    DS_MODE_HYBRID                      /* at once, what was sent is kept */
} ds_mode_e;


/* an output besides "publish": where a stream is pushed to, and by whom */

typedef struct {
    char             name[DS_OUTLET_NAME_LEN + 1];
    char             url[DS_URL_LEN + 1];
    bool             backup;            /* of another one; a word for people */
    bool             engine;            /* by the engine, not on_publish */
    bool             stopped;           /* by request */
} ds_outlet_t;

/*
 * Outputs are kept as text, ds_def_t.outputs, in order and "" when there are
 * none.  Pure, any thread.  The next one from *pos on, which is 0 before the
 * first; false: no more.
 */
bool ds_outlet_next(const char *outputs, size_t *pos, ds_outlet_t *o);

/* one more; 0 or DS_EPLAYLIST_INVALID: too many, too long, its name twice */
int ds_outlet_add(char *outputs, const ds_outlet_t *o, ds_error_t *err);

/* false: there is none of that name */
bool ds_outlet_find(const char *outputs, const char *name, ds_outlet_t *o);
bool ds_outlet_stop(char *outputs, const char *name, bool stop);

/* those of the names that are in "before" are stopped, or not, as there */
void ds_outlet_keep(char *outputs, const char *before);


/* the broadcast of a stream that is pushed to YouTube */

#define DS_YOUTUBE_ID     64            /* of a broadcast, a stream there */
#define DS_YOUTUBE_TITLE  256           /* bytes; YouTube has 100 characters */
#define DS_YOUTUBE_MADE   6             /* broadcasts, at most, in 24 h */

typedef enum {
    DS_YOUTUBE_OFF = 0,
    DS_YOUTUBE_WATCH,                   /* looked after, left as it is */
    DS_YOUTUBE_REVIVE                   /* one that has ended is replaced */
} ds_youtube_e;

typedef struct {
    ds_youtube_e     mode;              /* needs a push by the engine */
    uint32_t         rollover;          /* ms that one lasts, 0: any */
    char             title[DS_YOUTUBE_TITLE];   /* of a new one, with $title,
                                           $stream and $date in it; "": as the
                                           one before it */
} ds_youtube_conf_t;


/*
 * A stream as it is defined: in nginx.conf, by the API, in the store.  All of
 * it is zeroed before it is filled in.
 */

typedef struct {
    char             name[DS_NAME_LEN + 1];
    char             playlist[DS_PLAYLIST_LEN + 1];
    char             publish[DS_URL_LEN + 1];   /* application; the name is
                                                   appended; "none": none, it
                                                   needs an output by the
                                                   engine */
    char             outputs[DS_OUTLETS_LEN + 1];   /* ds_outlet_next() */
    char             slate[DS_URL_LEN + 1];     /* image or clip, "": a picture
                                                   made of the name */
    char             schedule[DS_SCHEDULE_LEN + 1]; /* "": none; see
                                                   ds_schedule_write() */
    char             source_proxy[DS_URL_LEN + 1];  /* "": none */
    char             source_bind[DS_ADDRESS_LEN + 1];   /* "": any address */
    ds_profile_t     profile;
    ds_mode_e        mode;
    uint32_t         max_item_duration; /* ms, 0: none */
    uint32_t         playlist_refresh;  /* ms between two readings, 0: off */
    uint32_t         refresh_jitter;    /* per cent of it, either way */
    ds_youtube_conf_t  youtube;
    bool             shuffle;
    bool             loop;
} ds_def_t;


typedef enum {
    DS_DECISION_NONE = 0,
    DS_DECISION_COPY,                   /* both tracks */
    DS_DECISION_ENCODE                  /* at least one of them */
} ds_decision_e;


typedef enum {
    DS_ITEM_PENDING = 0,
    DS_ITEM_NEXT,                       /* being prepared, or ready */
    DS_ITEM_PLAYING,
    DS_ITEM_PLAYED,
    DS_ITEM_SKIPPED,                    /* cannot be played, or was skipped */
    DS_ITEM_FAILED
} ds_item_state_e;


/* the index of an item that is in no list */
#define DS_NO_INDEX      UINT32_MAX


/* of an item that was looked at ahead of its turn */

typedef enum {
    DS_VERDICT_NONE = 0,                /* it was not */
    DS_VERDICT_OK,                      /* it can be opened and sent */
    DS_VERDICT_RISK,                    /* its site or resolver has failed */
    DS_VERDICT_BAD                      /* its own fault: it is passed over */
} ds_verdict_e;


typedef struct {
    uint32_t         index;             /* place in the playlist, from 0 */
    ds_item_state_e  state;
    int              code;              /* 0 or DS_E… */
    int64_t          duration;          /* ms, -1 unknown */
    ds_verdict_e     verdict;
    int              verdict_code;      /* 0 or DS_E… */
    int64_t          checked;           /* Unix ms, 0: never */
    char             id[DS_ID_LEN];
    char             title[DS_TITLE_LEN];
    char             reason[DS_MESSAGE_LEN];
} ds_item_t;


/* what the store keeps of it, so that it can be played from there */

typedef struct {
    ds_item_t        item;
    char            *url;               /* NULL: none, as the next */
    char            *audio_url;
    bool             plain;             /* media, no resolver is asked */
    bool             stored;            /* the store has it already */
    uint32_t         pass;              /* the last it was chosen in */
} ds_listed_t;


/* an output that the engine itself makes, and that is not stopped */

typedef struct {
    char             name[DS_OUTLET_NAME_LEN + 1];  /* "": there is none */
    bool             connected;
    int64_t          since;             /* Unix ms, connected or not; 0: it
                                           was never connected */
    uint64_t         bytes;
    uint32_t         reconnects;
    uint64_t         dropped;           /* packets, its queue was full */
    uint64_t         waiting;           /* bytes in its queue */
    ds_error_t       error;             /* the last one; code 0: none */
} ds_push_status_t;


/* an item that is being fetched whole, for its turn or ahead of it */

typedef struct {
    bool             active;
    uint32_t         index;             /* of the item */
    uint64_t         bytes;
    uint64_t         total;             /* 0: unknown */
    uint64_t         speed;             /* bytes a second */
    int64_t          left;              /* ms to its end, -1 unknown */
} ds_fetching_t;

/* items at a time: the next one and the one after it */
#define DS_FETCHES       2


/* what ds_stream_prefetch() asked for */

typedef struct {
    bool             active;
    uint32_t         done;              /* items looked at, kept or not */
    uint32_t         failed;            /* of them, for whatever reason */
    uint32_t         total;             /* items of the list */
} ds_prefetch_status_t;


/* when the list was read, and what that has changed */

typedef struct {
    int64_t          refreshed_at;      /* Unix ms, 0: not yet */
    bool             refreshing;        /* it is being read again */
    bool             truncated;         /* there are more items than may be */
    uint32_t         added;             /* by the last reading */
    uint32_t         removed;
    uint32_t         moved;
    uint32_t         changed;           /* title, duration, playable or not */
    uint64_t         added_total;       /* since the stream started */
    uint64_t         removed_total;
    uint64_t         changes;           /* readings that changed anything */
    ds_error_t       pending;           /* why the last answer is not taken,
                                           "at": since when; code 0: it is */
} ds_list_status_t;


/* of the schedule; labels are "" when there is none */

typedef struct {
    char             label[DS_SLOT_LEN];    /* of the item on air */
    int64_t          start;             /* Unix ms, when it was due */
    int64_t          until;             /* Unix ms, 0: none */
    int64_t          late;              /* ms after that it began */
    char             due[DS_SLOT_LEN];      /* is to come, but has not */
    int64_t          due_start;         /* Unix ms */
    bool             due_late;          /* it should be on air */
    char             next[DS_SLOT_LEN];
    int64_t          next_start;        /* Unix ms */
    uint64_t         started;           /* since the stream started */
    uint64_t         missed;            /* that never came on air */
    char             last[DS_SLOT_LEN]; /* that started, or was missed */
    int64_t          last_late;         /* ms, -1: it was missed */
} ds_slots_t;


/* all since the stream started */

typedef struct {
    uint64_t         bytes_in;          /* read from sources */
    uint64_t         cache_hits;        /* items played from the cache */
    uint64_t         cache_misses;      /* looked for there in vain */
    uint64_t         resolves;          /* resolver calls for items */
    uint64_t         resolve_time;      /* ms, of all of them */
    uint32_t         faults[DS_NERRORS];    /* seen, mended or not */
    uint32_t         failures[DS_NERRORS];  /* items failed for it */
} ds_counts_t;


/* what YouTube makes of a push */

typedef enum {
    DS_YOUTUBE_UNKNOWN = 0,             /* not looked at yet */
    DS_YOUTUBE_WAITING,                 /* nothing is pushed, or arrives */
    DS_YOUTUBE_HEALTHY,                 /* a broadcast is live */
    DS_YOUTUBE_DARK,                    /* none is, and the push arrives */
    DS_YOUTUBE_REVIVING,                /* one is on its way */
    DS_YOUTUBE_ROLLING,                 /* it is live, and is replaced */
    DS_YOUTUBE_ERROR                    /* YouTube does not say */
} ds_youtube_state_e;


/* since the stream started, whatever is set anew meanwhile */

typedef struct {
    uint64_t         dark;              /* ms */
    uint32_t         made;              /* broadcasts */
    uint32_t         revived;           /* taken live */
    uint32_t         replaced;
} ds_youtube_totals_t;


typedef struct {
    bool             enabled;
    ds_youtube_state_e  state;
    int64_t          since;             /* Unix ms, of the state */
    int64_t          checked;           /* Unix ms, of the last look, 0: none */
    char             broadcast[DS_YOUTUBE_ID];  /* that is live, "": none */
    char             title[DS_YOUTUBE_TITLE];
    int64_t          started;           /* Unix ms, 0: not known */
    int64_t          rollover;          /* Unix ms, when it is due, 0: never */
    char             stream[16];        /* YouTube's words: "active" */
    char             health[16];        /* "good", "" when not known */
    char             issue[DS_MESSAGE_LEN];     /* the gravest, "": none */
    uint32_t         issues;
    char             revive[DS_MESSAGE_LEN];    /* what it would do now */
    char             replace[DS_MESSAGE_LEN];   /* what a roll-over would do */
    ds_youtube_totals_t  totals;
    int64_t          quota;             /* units used today, by the account */
    ds_error_t       error;             /* of the last look, code 0: none */
} ds_youtube_status_t;


typedef struct {
    ds_state_e       state;
    int64_t          since;             /* Unix ms of the last state change */

    ds_item_t        item;              /* on air; valid when has_item */
    bool             has_item;
    int64_t          position;          /* ms into it */
    ds_decision_e    decision;
    char             decision_reason[DS_MESSAGE_LEN];   /* and what it is */

    ds_item_t        next;              /* valid when has_next */
    bool             has_next;
    bool             next_ready;
    ds_decision_e    next_decision;
    char             next_reason[DS_MESSAGE_LEN];

    ds_mode_e        mode;              /* of the items to come */
    bool             item_from_cache;
    bool             next_from_cache;
    bool             keeping;           /* the item on air, or what is read
                                           ahead of it, is being kept */
    ds_fetching_t    fetching[DS_FETCHES];
    ds_prefetch_status_t  prefetch;

    bool             slate;             /* the slate is on air */
    ds_list_status_t list;
    uint32_t         count;             /* items known */
    bool             complete;          /* the list has been read to its end */
    uint64_t         played;            /* since the stream started */
    uint64_t         failed;
    uint64_t         skipped;

    bool             connected;
    uint64_t         bytes;             /* media bytes sent */
    uint32_t         reconnects;

    int64_t          buffer;            /* ms of media ready to be sent */
    int64_t          dead_air;          /* ms of slate and of silence */
    int64_t          lateness;          /* ms, the most a packet was sent after
                                           it was due, of the last 10 s */
    uint64_t         copied;            /* items aired so */
    uint64_t         encoded;

    char             queue_id[DS_QUEUE_ID_LEN + 1];     /* of the item on air,
                                           "": it is the list's turn */
    char             queued_by[DS_BY_LEN];
    int64_t          queue_position;    /* ms into it, -1: not to be kept */
    uint32_t         queued;            /* entries that wait */
    uint64_t         queue_stamp;       /* the changes that are in this */
    uint64_t         queue_started;     /* entries that came on air */
    uint64_t         queue_failed;

    ds_slots_t       slots;
    bool             heard;             /* somebody takes what is sent */
    ds_push_status_t outputs[DS_OUTLETS];   /* in no order */
    ds_youtube_status_t  youtube;
    ds_counts_t      counts;
    ds_progress_t    progress;          /* valid once an item was on air */
    ds_error_t       error;             /* the last one; code 0: none */
} ds_status_t;


const char *ds_state_name(ds_state_e state);           /* "live" */
const char *ds_item_state_name(ds_item_state_e state); /* "playing" */
const char *ds_verdict_name(ds_verdict_e verdict);      /* "ok", "" */
const char *ds_decision_name(ds_decision_e decision);  /* "copy", "none" */
const char *ds_video_name(ds_video_e video);           /* "copy", "auto" */
const char *ds_mode_name(ds_mode_e mode);              /* "direct", "hybrid" */
const char *ds_youtube_name(ds_youtube_e youtube);     /* "off", "revive" */
const char *ds_youtube_state_name(ds_youtube_state_e state); /* "healthy" */


/*
 * Starts a stream; all is copied.  "token" is sent as ds_token on publish;
 * "resume" NULL, or not valid: from the start.  Of "crashed", which has
 * DS_CRASHED turns, "ncrashed" are of items that took a process down: they
 * fail with item_crashed until their pass is over.  NULL: "err" says why (a
 * lack of memory or threads; what is wrong with a source shows in the status).
 */
#define DS_CRASHED  8

ds_stream_t *ds_stream_start(ds_t *ds, const ds_def_t *def, const char *token,
    const ds_progress_t *resume, const ds_turn_t *crashed, size_t ncrashed,
    ds_error_t *err);

/* asks the stream to stop, at once if it must; does not wait */
void ds_stream_stop(ds_stream_t *s);

/*
 * True when no thread of the stream runs any more, after ds_stream_stop()
 * or because it is finished or failed: then ds_stream_free() will not block.
 */
bool ds_stream_done(ds_stream_t *s);

/* stops, joins, frees, sets *s to NULL */
void ds_stream_free(ds_stream_t **s);

void ds_stream_skip(ds_stream_t *s);
void ds_stream_previous(ds_stream_t *s);
void ds_stream_set_loop(ds_stream_t *s, bool loop);

/* as ds_schedule_write() has it, "": none; without memory the old one stays */
int ds_stream_set_schedule(ds_stream_t *s, const char *schedule);

/* reads the list now, in the background; how often it is read by itself */
void ds_stream_refresh(ds_stream_t *s);
void ds_stream_set_refresh(ds_stream_t *s, uint32_t refresh,
    uint32_t jitter);

/*
 * At any time: the outputs by the engine become these; one that is the same
 * goes on, unless it is to begin again.  Of one by nginx-rtmp nothing changes.
 */
void ds_stream_set_outputs(ds_stream_t *s, const char *outputs);
void ds_stream_restart_output(ds_stream_t *s, const char *name);

/* at any time; what is prepared from now on follows it */
void ds_stream_set_mode(ds_stream_t *s, ds_mode_e mode);

/*
 * With "on" all items are fetched into the cache in the background, one at a
 * time and in the order of the list, as far as its bound allows; without, that
 * ends.  Of no effect without a cache; of no use in mode direct.
 */
void ds_stream_prefetch(ds_stream_t *s, bool on);

/* what is asked for of a stream's broadcast */

typedef enum {
    DS_YOUTUBE_CHECK = 0,               /* a look, now */
    DS_YOUTUBE_REVIVAL,                 /* one that is live, if none is */
    DS_YOUTUBE_ROLLOVER                 /* another one in its place */
} ds_youtube_wish_e;

/* of a run that goes on */
void ds_stream_set_youtube(ds_stream_t *s, const ds_youtube_conf_t *youtube);

/* of no effect on one that has nothing to do with YouTube */
void ds_stream_youtube(ds_stream_t *s, ds_youtube_wish_e wish);

void ds_stream_status(ds_stream_t *s, ds_status_t *status);

/*
 * Takes up to "n" items that are new or have changed since they were last
 * taken; returns how many were written.  Fewer than "n": no more for now.
 * Their strings are the caller's, to be freed by ds_listed_free().
 */
size_t ds_stream_items(ds_stream_t *s, ds_listed_t *items, size_t n);
void ds_listed_free(ds_listed_t *items, size_t n);

/* those from "index" on are to be taken once more */
void ds_stream_items_again(ds_stream_t *s, uint32_t index);


/*
 * The queue: what is played between the items of the list.  The store has it;
 * the owner brings here what the store says, and there what has changed here.
 */

typedef enum {
    DS_QUEUED_URL = 0,                  /* something that is in no list */
    DS_QUEUED_ITEM,                     /* an item of the list, once more */
    DS_QUEUED_GO_TO,                    /* the list goes on from there */
    DS_QUEUED_RETURN,                   /* an item of it that was interrupted */
    DS_QUEUED_SLOT                      /* the schedule's; never in the store */
} ds_queued_e;


typedef enum {
    DS_QUEUED_WAITING = 0,
    DS_QUEUED_ON_AIR,
    DS_QUEUED_OVER                      /* played, failed, given up */
} ds_queued_state_e;


typedef struct {
    char               id[DS_QUEUE_ID_LEN + 1];
    ds_queued_e        kind;
    ds_queued_state_e  state;
    int64_t            place;           /* the least is next; 0: behind those
                                           that interrupt, before the rest */
    char               url[DS_URL_LEN + 1];
    uint32_t           index;           /* in the list; the id, if it has
                                           one, counts for more */
    char               item[DS_ID_LEN];
    char               title[DS_TITLE_LEN];
    int64_t            from;            /* ms */
    int64_t            until;           /* ms, 0: its end */
    bool               now;             /* interrupts what is on air */
    bool               resume;          /* which goes on afterwards */
    int64_t            position;        /* ms, where it is; 0: not begun */
    char               by[DS_BY_LEN];
    int64_t            at;              /* Unix ms, when it was queued */
    bool               far;             /* another node has the list, which
                                           says whether there is the item;
                                           for ds_store_queue_add() */
} ds_queued_t;


/*
 * What is written together with a status: changes up to its queue_stamp.  The
 * oldest change after *stamp, which becomes its stamp; false: there is no
 * other one.  What is changed: an entry's state, position and "now", or all
 * of it when its place is 0.
 */
bool ds_stream_queue_change(ds_stream_t *s, ds_queued_t *q, uint64_t *stamp);

/*
 * What the store has, in its order, with the changes up to "stamp" in it:
 * those are forgotten here.  0 or DS_ENOMEM, then nothing has changed.
 */
int ds_stream_queue_set(ds_stream_t *s, const ds_queued_t *entries, size_t n,
    uint64_t stamp);


/* what has been on air: one record an item, when it is over */

typedef struct {
    ds_item_t        item;              /* its state is the outcome */
    char             queue_id[DS_QUEUE_ID_LEN + 1];     /* "": not queued */
    char             queued_by[DS_BY_LEN];
    char             slot[DS_SLOT_LEN];     /* "": none of the schedule's */
    int64_t          late;              /* ms after the slot's time, -1: it is
                                           not the first of a slot */
    char             url[DS_MESSAGE_LEN];   /* of the source, redacted */
    int64_t          started;           /* Unix ms */
    int64_t          ended;
    int64_t          position;          /* ms into the item, where it began */
    int64_t          aired;             /* ms of its media that were sent */
    int64_t          gap;               /* ms without media right before it */
    int64_t          slate;             /* ms of slate before and within it */
    uint64_t         bytes;             /* of its media, sent */
    bool             from_cache;
    ds_decision_e    decision;
    char             decision_reason[DS_MESSAGE_LEN];
} ds_aired_t;


/*
 * Takes the oldest record; false when there is none; the latest 32 are kept.
 * One that was queued and failed before it was on air has a record, too.  Of
 * what the queue was with changes up to "stamp", a status' queue_stamp;
 * UINT64_MAX: of all.
 */
bool ds_stream_aired(ds_stream_t *s, ds_aired_t *aired, uint64_t stamp);


/*
 * A plan: what would be on air, by what is known now, as far as lengths are.
 * It is made by what decides for the air, with a clock of its own.
 */

/* the most entries and conflicts of a plan, and how far ahead it looks, ms */
#define DS_PLAN_MAX        20000
#define DS_PLAN_CONFLICTS  200
#define DS_PLAN_AHEAD      (8 * 86400000LL)


typedef enum {
    DS_WHY_LIST = 0,                    /* the stream's own list */
    DS_WHY_QUEUE,
    DS_WHY_SLOT,
    DS_WHY_EVERY,
    DS_WHY_FILLER,
    DS_WHY_SLATE                        /* nothing, so the slate is */
} ds_why_e;


typedef struct {
    int64_t            start;           /* Unix ms */
    int64_t            end;
    int64_t            from;            /* ms into the item, where it begins */
    int64_t            late;            /* ms after the slot's time, -1: it is
                                           not the first of a slot */
    ds_why_e           why;
    uint32_t           index;           /* in its list, or DS_NO_INDEX */
    int32_t            start_zone;      /* s east of UTC then, where the */
    int32_t            end_zone;        /* schedule is */
    bool               cut;             /* it ends before its own end */
    bool               guessed;         /* the length of one since the last
                                           hard start is not known */
    char               slot[DS_SLOT_LEN];   /* "": none of the schedule's */
    char               id[DS_ID_LEN];
    char               title[DS_TITLE_LEN];
} ds_planned_t;


typedef enum {
    DS_CONFLICT_LATE = 0,               /* it begins "ms" after its time */
    DS_CONFLICT_MISSED,                 /* it does not begin before its end, or
                                           before that of "by" */
    DS_CONFLICT_OVERLAP,                /* it is the time of "by" as well */
    DS_CONFLICT_CUT,                    /* "by" begins within it, "ms" before
                                           its end, 0: it has none */
    DS_CONFLICT_FILLER,                 /* "ms" before it are filled */
    DS_CONFLICT_EMPTY,                  /* its list has nothing to play */
    DS_CONFLICT_NEVER                   /* its date is past */
} ds_conflict_e;


typedef struct {
    ds_conflict_e      kind;
    int64_t            start;           /* Unix ms, of the slot; 0: any */
    int64_t            ms;
    char               slot[DS_SLOT_LEN];
    char               by[DS_SLOT_LEN]; /* "": none */
} ds_conflict_t;


typedef struct {
    int64_t            from;            /* Unix ms: what is on after that */
    int64_t            until;           /* and begins before that */
    uint32_t           offset;          /* of these so many are left out, */
    uint32_t           limit;           /* and so many told of */
} ds_plan_conf_t;


typedef struct {
    uint32_t           count;           /* of all, as "offset" counts them */
    uint32_t           n;               /* entries that are told of */
    ds_planned_t      *entries;
    uint32_t           nconflicts;
    ds_conflict_t     *conflicts;
    bool               truncated;       /* there would be more */
    int64_t            took;            /* us, to decide all that */
    ds_error_t         error;           /* code 0, or why there is none */
} ds_plan_answer_t;


typedef struct ds_planner_s  ds_planner_t;

const char *ds_why_name(ds_why_e why);                  /* "list" */
const char *ds_conflict_name(ds_conflict_e conflict);   /* "late" */

/*
 * In a thread of its own; "s" NULL: the stream does not run, and its lists are
 * read.  The schedule is that of "def".  NULL: "err" says why.
 */
ds_planner_t *ds_plan_start(ds_t *ds, ds_stream_t *s, const ds_def_t *def,
    const ds_plan_conf_t *conf, ds_error_t *err);

/* NULL: not done; borrowed until ds_plan_free() */
const ds_plan_answer_t *ds_plan_done(ds_planner_t *p);

void ds_plan_cancel(ds_planner_t *p);

/* cancels, joins, frees, sets *p to NULL; does not block when done */
void ds_plan_free(ds_planner_t **p);


/*
 * The picture on air: the last key frame, decoded in a thread of its own and
 * made a JPEG of at most "width" pixels across.  NULL: nothing is on air, or
 * no memory.
 */

typedef struct ds_still_s  ds_still_t;

ds_still_t *ds_stream_still(ds_stream_t *s, unsigned width, ds_error_t *err);

/*
 * False: not done.  True: *data is borrowed until ds_still_free(), or it is
 * NULL and "err" says why.
 */
bool ds_still_done(ds_still_t *still, const uint8_t **data, size_t *size,
    ds_error_t *err);

/* joins, frees, sets *still to NULL; does not block when done */
void ds_still_free(ds_still_t **still);


/*
 * Lookups: resolve a playlist, play nothing.  Ends by itself when the list
 * is complete, after "limit" items, or at an error.  With a "depth" it is a
 * check: so many items, from the first to the last of those that can be played
 * as the list says, are opened then and judged by the profile of "def".  Of a
 * check the items are those that were opened, with a verdict and why, and the
 * first of those that cannot be played.
 */

typedef enum {
    DS_OUTCOME_PLAYS = 0,
    DS_OUTCOME_LOSSES,                  /* plays, but not all of it */
    DS_OUTCOME_DARK                     /* nothing that was opened plays */
} ds_outcome_e;

const char *ds_outcome_name(ds_outcome_e outcome);      /* "plays" */

/* the most items that a check opens, and what it does unless told */
#define DS_CHECK_MAX      100
#define DS_CHECK_DEFAULT  5


typedef struct {
    bool             done;
    bool             complete;          /* false: cut at the limit, or failed */
    uint32_t         count;
    ds_error_t       error;

    /* of a check */
    ds_outcome_e     outcome;           /* once it is done */
    uint32_t         unplayable;        /* items, as the list says */
    uint32_t         sample;            /* items to open */
    uint32_t         opened;            /* so far, well or not */
    uint32_t         ok;                /* of these */
    uint32_t         risk;
    uint32_t         bad;
    uint32_t         encoded;           /* of those that are ok */
} ds_lookup_status_t;


/* of "def" the playlist and, for a check, what its items are made to be */
ds_lookup_t *ds_lookup_start(ds_t *ds, const ds_def_t *def, uint32_t limit,
    uint32_t depth, ds_error_t *err);
void ds_lookup_status(ds_lookup_t *l, ds_lookup_status_t *status);
size_t ds_lookup_items(ds_lookup_t *l, ds_item_t *items, size_t n);

/* asks a lookup to end; ds_lookup_status() says when it is done */
void ds_lookup_cancel(ds_lookup_t *l);

/* cancels, joins, frees, sets *l to NULL; does not block when done */
void ds_lookup_free(ds_lookup_t **l);


/*
 * The store: what survives: definitions, wishes, items, progress, history.
 *
 * A store is opened by each process for itself; several processes may have
 * the same file open.  Any thread may call, calls to one store take turns.
 * They block on the disk.  Each writing call is one transaction: it has
 * happened as a whole when it returned 0, and not at all otherwise.
 */

typedef struct ds_store_s  ds_store_t;


typedef struct {
    ds_def_t     def;
    bool         is_static;             /* defined by the configuration file */
    bool         running;               /* wished */
    int64_t      revision;              /* of the definition, where nodes share
                                           it; 0: any */
} ds_stored_t;


/*
 * Makes the database at "path" if there is none, or brings it to schema
 * "version" (-1: the newest), up or down, in one transaction.  A file that
 * is not a database is renamed to path.corrupt-UNIXTIME first, and "err"
 * says so while 0 is returned: err->code is DS_ESTORE_CORRUPT then, else 0.
 * A file of a newer schema than this build knows: DS_ESTORE_VERSION.
 */
int ds_store_migrate(const char *path, int version, ds_error_t *err);

/* the newest schema version this build knows */
int ds_store_version(void);

/* the schema version of the database at "path", which is left as it is */
int ds_store_schema(const char *path, int *version, ds_error_t *err);

/*
 * Opens a migrated database.  "durable": a commit is on the disk when it
 * returns (synchronous=FULL), and another process's lock is waited for, 3 s;
 * else it survives this process, but the last seconds of it not a power
 * loss, and a lock is waited for 200 ms.  NULL: DS_ESTORE_….
 */
ds_store_t *ds_store_open(const char *path, bool durable, ds_error_t *err);
void ds_store_close(ds_store_t **store);

/*
 * From now on what is defined, wished, queued, and where a stream is, is what
 * the nodes share, and what is here a copy of it; items, history and the cache
 * stay the node's own.  A change is made there, on top of what others have
 * changed, and here when that has happened; what is read is the copy, as of
 * the last change or ds_store_refresh().  "conf" NULL, or one without
 * endpoints: nothing of that.  DS_ECLUSTER_… are errors of all writing calls
 * then: DS_ECLUSTER_UNKNOWN: it may have happened, else nothing has.
 */
int ds_store_join(ds_store_t *store, const ds_cluster_conf_t *conf,
    ds_error_t *err);

/* how many streams of the API were never shared */
int ds_store_unshared(ds_store_t *store, uint32_t *n, ds_error_t *err);

/*
 * A stream of this node alone becomes one that is shared, with its queue and
 * where it is; no error when it is already.  DS_ESTORE_EXISTS: the nodes have
 * another one of that name; DS_ESTORE_NOT_FOUND: there is none here.
 */
int ds_store_give(ds_store_t *store, const char *name, ds_error_t *err);

/* what the nodes share becomes this store's alone; they keep theirs */
int ds_store_part(ds_store_t *store, ds_error_t *err);

/*
 * What is here of a stream, NULL: of all, becomes what the nodes have at this
 * moment.  Where nothing is shared it does nothing.
 */
int ds_store_refresh(ds_store_t *store, const char *name, ds_error_t *err);

/*
 * Within ds_store_begin(): what is written of a stream is its owner's, and not
 * written when it has another one than that of "epoch"; 0: it has none.
 */
void ds_store_own(ds_store_t *store, const char *name, int64_t epoch);

/*
 * The revision that the last change has made, or as of which ds_store_refresh()
 * has read; 0: nothing is shared.
 */
int64_t ds_store_revision(ds_store_t *store);

/* creates; DS_ESTORE_EXISTS when there is one of that name */
int ds_store_create(ds_store_t *store, const ds_stored_t *def,
    ds_error_t *err);

/*
 * Creates or replaces; another playlist loses progress and items of the old.
 * DS_ECLUSTER_CONFLICT: it is not the one of def->revision any more.
 */
int ds_store_put(ds_store_t *store, const ds_stored_t *def, ds_error_t *err);

/* with all that belongs to it; no error when there is none */
int ds_store_delete(ds_store_t *store, const char *name, ds_error_t *err);

/* DS_ESTORE_NOT_FOUND when there is no such stream */
int ds_store_get(ds_store_t *store, const char *name, ds_stored_t *def,
    ds_error_t *err);

/*
 * The wish alone.  With "running" what is known of an end is forgotten: a
 * progress that says finished or failed.
 */
int ds_store_set_running(ds_store_t *store, const char *name, bool running,
    ds_error_t *err);

/*
 * Settles what a process that was killed in a write has left: what is read
 * afterwards stays, and does not change with the next recovery.
 */
int ds_store_fence(ds_store_t *store, ds_error_t *err);

/* "def" and "progress" are valid during the call */
typedef void (*ds_store_pt)(void *data, const ds_stored_t *def,
    const ds_progress_t *progress);

int ds_store_each(ds_store_t *store, ds_store_pt each, void *data,
    ds_error_t *err);


/*
 * One transaction around several calls; the store is used by one thread alone
 * then.  Calls that are transactions themselves become a part of it, and one
 * that fails undoes its own part only.
 */
int ds_store_begin(ds_store_t *store, ds_error_t *err);
int ds_store_commit(ds_store_t *store, ds_error_t *err);
void ds_store_rollback(ds_store_t *store);

/*
 * "run" is who writes: of a run that began before the stream got another
 * playlist, or was deleted, nothing is written.  0: whoever it is.
 */
int ds_store_put_progress(ds_store_t *store, const char *name, int64_t run,
    const ds_progress_t *progress, ds_error_t *err);
int ds_store_get_progress(ds_store_t *store, const char *name,
    ds_progress_t *progress, ds_error_t *err);

int ds_store_put_items(ds_store_t *store, const char *name, int64_t run,
    const ds_listed_t *items, size_t n, ds_error_t *err);

/* removes items from "count" on: the list has become shorter */
int ds_store_trim_items(ds_store_t *store, const char *name, uint32_t count,
    ds_error_t *err);

/*
 * *n: room in "items" before, items read after; *total: all there are, NULL:
 * they are not counted, which takes the longer the more there are.
 */
int ds_store_get_items(ds_store_t *store, const char *name, uint32_t offset,
    ds_item_t *items, size_t *n, uint32_t *total, ds_error_t *err);

/*
 * All of them, in order, with their URLs; "item" and its strings are valid
 * during the call; false: enough.
 */
typedef bool (*ds_store_item_pt)(void *data, const ds_listed_t *item);

int ds_store_each_item(ds_store_t *store, const char *name,
    ds_store_item_pt each, void *data, ds_error_t *err);


/*
 * The queue: one row an entry.  ds_store_queue_add() finds room for "q", of
 * which the place is set: 0 as above, -1 the first one, INT64_MAX the last.
 * An item of the list is looked up by its id, or by its index when that is "",
 * and the entry gets both and the title.  DS_ESTORE_NOT_FOUND: there is no such
 * stream; DS_EITEM_UNAVAILABLE: no such item; DS_EQUEUE_FULL.
 *
 * "key", NULL: none, makes it that a request that is sent twice is done once:
 * under a key of the last 24 h that came with the same "sum" nothing is added,
 * "q" becomes what was, with the state DS_QUEUED_OVER if it is gone;
 * DS_EQUEUE_KEY: the sum is another one.
 */
int ds_store_queue_add(ds_store_t *store, const char *name, ds_queued_t *q,
    const char *key, const char *sum, ds_error_t *err);

/*
 * The same of any request that is to be done once, which begins or belongs to
 * the stream "name", and goes with it; "id" is what it has made, "" the
 * stream; "at" is now.  DS_ESTORE_NOT_FOUND: there is no such key.
 */
int ds_store_key_find(ds_store_t *store, const char *name, const char *key,
    const char *sum, int64_t at, char id[DS_QUEUE_ID_LEN + 1],
    ds_error_t *err);
int ds_store_key_put(ds_store_t *store, const char *name, const char *key,
    const char *sum, int64_t at, const char *id, ds_error_t *err);


/*
 * DS_ESTORE_NOT_FOUND when there is no entry "id", DS_EITEM_UNAVAILABLE when
 * there is none to put it before; "before" NULL: to the end.  DS_EQUEUE_ON_AIR:
 * it is on air, or is about to be; of a stream that does not run none is.
 */
int ds_store_queue_remove(ds_store_t *store, const char *name, const char *id,
    bool runs, ds_error_t *err);
int ds_store_queue_move(ds_store_t *store, const char *name, const char *id,
    bool runs, const char *before, ds_error_t *err);

/* a change of the engine; of a run that is stale nothing is added */
int ds_store_queue_put(ds_store_t *store, const char *name, int64_t run,
    const ds_queued_t *q, ds_error_t *err);

/* where an entry is that is on air */
int ds_store_queue_position(ds_store_t *store, const char *name,
    const char *id, int64_t position, ds_error_t *err);

/* in order, what is on air first; *q is malloc()ed, NULL when *n is 0 */
int ds_store_queue_list(ds_store_t *store, const char *name, ds_queued_t **q,
    size_t *n, ds_error_t *err);

/* how many there are */
int ds_store_queue_count(ds_store_t *store, const char *name, uint32_t *n,
    ds_error_t *err);


/*
 * What another node asks the owner of a stream to do, at once: it is there
 * until the owner has taken it.
 */

typedef struct {
    char         id[DS_QUEUE_ID_LEN + 1];   /* "": nobody waits for it */
    int64_t      epoch;                 /* the owner's */
    char         what[24];              /* as in ds_change_t */
    char         output[DS_OUTLET_NAME_LEN + 1];    /* which; "": of none */
} ds_command_t;

/* those that can be taken at once */
#define DS_COMMANDS  16

/* one that nobody waits for is there once; DS_ESTORE_NOT_FOUND: no stream */
int ds_store_command_put(ds_store_t *store, const char *name,
    const ds_command_t *command, ds_error_t *err);

/* DS_ESTORE_NOT_FOUND: it was taken; drop(): it will not be */
int ds_store_command_find(ds_store_t *store, const char *name,
    const char *id, ds_error_t *err);
int ds_store_command_drop(ds_store_t *store, const char *name,
    const char *id, ds_error_t *err);

/*
 * As the owner of "epoch", in the order they came; what was for another one
 * is lost.  *n: room before, taken after.
 */
int ds_store_command_take(ds_store_t *store, const char *name, int64_t epoch,
    ds_command_t *commands, size_t *n, ds_error_t *err);


/*
 * History: a run is from start to stop, end or crash.  ds_store_begin_run()
 * closes the stream's open runs as crashed, forgets a progress that says
 * finished or failed, and opens one; *run is its id.
 */
int ds_store_begin_run(ds_store_t *store, const char *name, int64_t *run,
    ds_error_t *err);
int ds_store_end_run(ds_store_t *store, int64_t run, const ds_status_t *st,
    ds_error_t *err);


/* a run as it is read back; what is not known of one that goes on is 0 */

typedef struct {
    int64_t      id;
    char         name[DS_NAME_LEN + 1];
    int64_t      started;               /* Unix ms */
    int64_t      ended;                 /* 0: it has not */
    char         state[16];             /* how it ended; "crashed" also */
    char         code[40];              /* or "" */
    char         message[DS_MESSAGE_LEN];
    uint32_t     played;                /* items, as the next two */
    uint32_t     failed;
    uint32_t     skipped;
    int64_t      dead_air;              /* ms */
} ds_run_row_t;


/* what somebody has changed, and who */

typedef struct {
    int64_t      id;
    int64_t      at;                    /* Unix ms */
    char         name[DS_NAME_LEN + 1]; /* of the stream, "": of none */
    char         what[24];              /* "create", "skip", … */
    char         fields[256];           /* of a definition, or "" */
    char         who[DS_NAME_LEN + 1];  /* the user, "": not known */
    char         address[46];           /* of the client, RFC 3493's room */
} ds_change_t;


/* which of them are asked for; "": whatever it is */

typedef struct {
    char         name[DS_NAME_LEN + 1]; /* the stream's */
    char         what[24];              /* was done; a run's state, of one
                                           that goes on "running" */
    char         who[DS_NAME_LEN + 1];  /* of changes alone */
    int64_t      since;                 /* Unix ms */
    int64_t      until;                 /* those before, 0: all */
    const char  *streams;               /* JSON, an array of names that may
                                           end with "*"; NULL: all */
} ds_history_t;


/*
 * The newest first.  *n: room in "rows" before, read after; *total: how many
 * there are.
 */
int ds_store_list_runs(ds_store_t *store, const ds_history_t *past,
    uint32_t offset, ds_run_row_t *rows, size_t *n, uint32_t *total,
    ds_error_t *err);
int ds_store_list_changes(ds_store_t *store, const ds_history_t *past,
    uint32_t offset, ds_change_t *rows, size_t *n, uint32_t *total,
    ds_error_t *err);

/* all of it but "id" and "at", which are the store's to say */
int ds_store_put_change(ds_store_t *store, const ds_change_t *change,
    ds_error_t *err);

/* forgets runs that ended, and changes that were made, before "at", Unix ms */
int ds_store_trim_history(ds_store_t *store, int64_t at, ds_error_t *err);


/*
 * The recorder: what a relay writes to the store, by a thread of its own that
 * writes in the order in which it was asked to, and tries again until it can.
 * Nothing here waits for a disk.  ds_destroy() ends it: what was asked for
 * before is written, as far as that takes less than a second.
 */

typedef struct ds_recorder_s  ds_recorder_t;
typedef struct ds_run_s       ds_run_t;


/*
 * For the engine's store_path, joined with "cluster", which outlives it; NULL:
 * "err" says why.
 */
ds_recorder_t *ds_recorder_create(ds_t *ds, const ds_cluster_conf_t *cluster,
    ds_error_t *err);

/* begins a run, as ds_store_own() has "epoch"; NULL: no memory */
ds_run_t *ds_run_begin(ds_recorder_t *r, const char *name, int64_t epoch);

/*
 * True when it is known from where the stream goes on: *code is 0, or why that
 * could not be read, and the run begins in the store later.
 */
bool ds_run_begun(ds_run_t *run, ds_progress_t *progress, int *code);

/* where it is; what is not written yet makes room for the new one */
void ds_run_progress(ds_run_t *run, const ds_progress_t *progress);

/*
 * The items' strings are moved; false: no room for more, all is as it was, try
 * again when ds_run_room() says so.
 */
bool ds_run_items(ds_run_t *run, ds_listed_t *items, size_t n);
bool ds_run_room(ds_run_t *run);
bool ds_run_trim(ds_run_t *run, uint32_t count);

/* since it was asked last: the store did not take some of its items */
bool ds_run_missed(ds_run_t *run);

/*
 * What has become of the queue, "n" changes up to "stamp", is written together
 * with the progress and the place of the status, so that a crash finds all as
 * it was at one time; and the queue is read.  False: no memory.
 */
bool ds_run_queue(ds_run_t *run, const ds_queued_t *changes, size_t n,
    uint64_t stamp, const ds_status_t *status);

/* true: one of these is not done yet */
bool ds_run_queueing(ds_run_t *run);

/*
 * True when the queue was read since it was asked last, at the begin as well:
 * *entries is malloc()ed, NULL when there is none, and has what was written.
 */
bool ds_run_queued(ds_run_t *run, ds_queued_t **entries, size_t *n,
    uint64_t *stamp);

/*
 * Its end, with the progress of the status where that is valid.  Then nothing
 * but the next two; ds_run_free() sets *run to NULL, also before it has ended.
 */
void ds_run_end(ds_run_t *run, const ds_status_t *last);
bool ds_run_ended(ds_run_t *run);
void ds_run_free(ds_run_t **run);

/* what the cache's index has, as of the last call, which counts anew */
void ds_recorder_kept(ds_recorder_t *r, uint32_t *count, uint64_t *size);


/* what the store has of a stream, refreshed, after ds_store_fence() */

typedef struct {
    char         name[DS_NAME_LEN + 1];
    bool         found;
    bool         anew;                  /* no progress is known */
    ds_progress_t progress;
    ds_stored_t  stored;
    ds_command_t commands[DS_COMMANDS]; /* taken */
    size_t       ncommands;
} ds_settled_t;

/*
 * One at a time; false: the last answer was not taken yet.  "epoch", 0: of
 * none, takes what the owner is to do.
 */
bool ds_recorder_ask(ds_recorder_t *r, const char *name, int64_t epoch);
bool ds_recorder_answer(ds_recorder_t *r, ds_settled_t *settled);


/*
 * A cluster: nodes that share their streams through etcd.  Each has a lease,
 * a name, and the streams that nobody else may publish as long as it lasts.
 */

typedef struct ds_cluster_s  ds_cluster_t;


typedef enum {
    DS_WHOSE_OTHERS = 0,                /* another node's, or nobody's */
    DS_WHOSE_OURS,
    DS_WHOSE_MOVING,                    /* ours until the item is over */
    DS_WHOSE_ENDING                     /* ours until it has stopped, at once */
} ds_whose_e;

/* "epoch" 0: nobody's */

typedef struct {
    ds_whose_e   whose;
    int64_t      epoch;
    char         node[DS_NAME_LEN + 1]; /* "": nobody's */
} ds_owner_t;


typedef struct {
    bool         quorum;                /* etcd answers */
    bool         failsafe;              /* it does not, and streams go on */
    bool         joined;
    bool         draining;
    int64_t      left;                  /* ms of the lease, 0: none */
    uint32_t     owned;                 /* streams */
    uint64_t     takeovers;             /* streams that others had lost */
    uint64_t     stops;                 /* the deadline was reached */
    uint64_t     requests;              /* to etcd */
    ds_error_t   error;                 /* the last one; code 0: none */
} ds_cluster_status_t;

typedef struct {
    char         name[DS_NAME_LEN + 1];
    char         url[DS_URL_LEN + 1];   /* "": none */
    uint32_t     max_streams;
    uint32_t     weight;
    uint32_t     owned;
    bool         draining;
    bool         self;
} ds_cluster_node_t;


/*
 * For the engine, whose fence it opens and shuts; "conf" is copied.  A lease
 * that the fence has from a process before goes on.  NULL: "err" says why.
 */
ds_cluster_t *ds_cluster_create(ds_t *ds, const ds_cluster_conf_t *conf,
    ds_error_t *err);

/* leaves the lease as it is, for another process; blocks for 1 s at most */
void ds_cluster_free(ds_cluster_t **c);

/*
 * A stream as it is here: it is to run somewhere, it runs in a process of this
 * node; and whose it is.
 */
void ds_cluster_stream(ds_cluster_t *c, const char *name, bool wanted,
    bool running, ds_owner_t *owner);

/* gives all streams up, or no more; "leave": then the lease */
void ds_cluster_drain(ds_cluster_t *c, bool drain, bool leave);
bool ds_cluster_left(ds_cluster_t *c);

/* evens out what the nodes have */
void ds_cluster_balance(ds_cluster_t *c);

/*
 * What is stored of a stream was changed by another node; false: of none.
 * *command: there may be one for its owner.
 */
bool ds_cluster_changed(ds_cluster_t *c, char name[DS_NAME_LEN + 1],
    int64_t *revision, bool *command);

void ds_cluster_status(ds_cluster_t *c, ds_cluster_status_t *status);

/* the "i"-th, in the order of names; false: there are no more */
bool ds_cluster_node(ds_cluster_t *c, size_t i, ds_cluster_node_t *node);

/* "ttl" in ms; see base/ds_fence.h; any process */
bool ds_cluster_asked(ds_fence_t *fence, int64_t ttl);


/*
 * The cache's index: one row for each item whose media is kept, under a key,
 * in files of the cache's directory named KEY.0, and KEY.1 where the audio is
 * apart.
 */

#define DS_KEY_LEN       32
#define DS_FORM_LEN      64


typedef struct {
    char         key[DS_KEY_LEN + 1];   /* hexadecimal */
    char         form[DS_FORM_LEN];     /* what was made of it: "download" */
    char         id[DS_ID_LEN];
    char         title[DS_TITLE_LEN];
    char         origin[DS_MESSAGE_LEN];    /* URL, redacted */
    uint32_t     files;                 /* 1 or 2 */
    uint64_t     size;                  /* bytes, of all its files */
    char         sum[2][DS_KEY_LEN + 1];    /* checksum of each file */
    int64_t      duration;              /* ms, -1 unknown */
    int64_t      kept;                  /* Unix ms, since when */
    int64_t      used;                  /* Unix ms, when last */
    uint64_t     uses;
} ds_kept_t;


/* creates or replaces */
int ds_store_put_kept(ds_store_t *store, const ds_kept_t *kept,
    ds_error_t *err);

/* DS_ESTORE_NOT_FOUND when there is none */
int ds_store_get_kept(ds_store_t *store, const char *key, ds_kept_t *kept,
    ds_error_t *err);

/* it is used now */
int ds_store_use_kept(ds_store_t *store, const char *key, ds_error_t *err);

/* no error when there is none */
int ds_store_delete_kept(ds_store_t *store, const char *key,
    ds_error_t *err);

/*
 * The longest unused first, from the "offset"-th on; *n: room in "kept"
 * before, rows read after.
 */
int ds_store_list_kept(ds_store_t *store, uint32_t offset, ds_kept_t *kept,
    size_t *n, ds_error_t *err);

/* how many there are, and the bytes of all of them */
int ds_store_count_kept(ds_store_t *store, uint32_t *count, uint64_t *size,
    ds_error_t *err);

/*
 * What is known of a stream of a YouTube account, by the id it has there; it
 * is written before what is done next is tried, so that one who is killed
 * repeats nothing.
 */

typedef struct {
    char         current[DS_YOUTUBE_ID];    /* the broadcast that was live */
    char         next[DS_YOUTUBE_ID];   /* that is to be, "": none */
    char         tag[DS_YOUTUBE_ID];    /* that a new one is known by, "": there
                                           is none that is not known yet */
    char         refused[DS_YOUTUBE_ID];    /* one that YouTube does nothing
                                           with, "": none */
    bool         replacing;             /* "next" is to take its place */
    uint32_t     fails;                 /* of what was tried, in a row */
    int64_t      tried;                 /* Unix ms */
    int64_t      made[DS_YOUTUBE_MADE]; /* Unix ms, the last one first */
    char         title[DS_YOUTUBE_TITLE];   /* of "current", as the next two */
    char         privacy[16];
    bool         kids;
} ds_memo_t;


/* DS_ESTORE_NOT_FOUND when there is none: "memo" is zeroed then */
int ds_store_get_memo(ds_store_t *store, const char *id, ds_memo_t *memo,
    ds_error_t *err);

/* creates or replaces */
int ds_store_put_memo(ds_store_t *store, const char *id,
    const ds_memo_t *memo, ds_error_t *err);

/* units of the API's quota that were used on the day, which is a number */
int ds_store_get_quota(ds_store_t *store, int64_t day, int64_t *used,
    ds_error_t *err);
int ds_store_put_quota(ds_store_t *store, int64_t day, int64_t used,
    ds_error_t *err);


/*
 * Removes what is kept under a key from the index and from the directory
 * "path", for any process: who reads it now reads it to its end.  Any thread.
 * DS_ESTORE_NOT_FOUND when there is none.
 */
int ds_cache_delete(ds_store_t *store, const char *path, const char *key,
    ds_error_t *err);


#endif /* DS_H_INCLUDED_ */
