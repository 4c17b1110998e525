
/*
 * ngx_directstream.h: what the files of the nginx side share: the block's
 * configuration, the shared memory zone, and the functions between files.
 * The engine is reached through ds.h alone.
 *
 * Any process may read and change the zone, always under the lock of its
 * slab pool, from its main thread only.  The master releases the lock of a
 * worker that died: so pointers are set last, when what they point to is
 * complete, and strings are never without their last NUL.
 */

#ifndef NGX_DIRECTSTREAM_H_INCLUDED_
#define NGX_DIRECTSTREAM_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#if (NGX_THREADS)
#include <ngx_thread_pool.h>
#else
typedef struct ngx_thread_pool_s  ngx_thread_pool_t;
#endif

#include "ds.h"


#define NGX_DIRECTSTREAM_CONF          0x02000000
#define NGX_DIRECTSTREAM_STREAM_CONF   0x04000000

#define NGX_DIRECTSTREAM_MAGIC         0x6469727374726d31ULL
#define NGX_DIRECTSTREAM_LAYOUT        11

#define NGX_DIRECTSTREAM_PAGE          512     /* items in a table's page */
#define NGX_DIRECTSTREAM_PAGES         256
#define NGX_DIRECTSTREAM_LOOKUPS       8
#define NGX_DIRECTSTREAM_LOOKUP_MAX    1000    /* items of a lookup */
#define NGX_DIRECTSTREAM_BATCH         32      /* items moved at a time */
#define NGX_DIRECTSTREAM_JOURNAL           256     /* entries */
#define NGX_DIRECTSTREAM_TAG           34      /* bytes, with quotes */

#define NGX_DIRECTSTREAM_CRASHES       4       /* notes, one a generation */
#define NGX_DIRECTSTREAM_DEATHS        3       /* that are remembered */

#define NGX_DIRECTSTREAM_NODES         32      /* that are shown */

#define NGX_DIRECTSTREAM_NOBODY        0x7fffffff  /* no process's id */
#define NGX_DIRECTSTREAM_DEAD          3000    /* ms without a heartbeat */


#define NGX_DIRECTSTREAM_SET_PLAYLIST       0x0001
#define NGX_DIRECTSTREAM_SET_SHUFFLE        0x0002
#define NGX_DIRECTSTREAM_SET_LOOP           0x0004
#define NGX_DIRECTSTREAM_SET_PUBLISH        0x0008
#define NGX_DIRECTSTREAM_SET_OUTPUTS        0x0010
#define NGX_DIRECTSTREAM_SET_SLATE          0x0020
#define NGX_DIRECTSTREAM_SET_VIDEO          0x0040
#define NGX_DIRECTSTREAM_SET_SIZE           0x0080
#define NGX_DIRECTSTREAM_SET_RATE           0x0100
#define NGX_DIRECTSTREAM_SET_VIDEO_BITRATE  0x0200
#define NGX_DIRECTSTREAM_SET_AUDIO_BITRATE  0x0400
#define NGX_DIRECTSTREAM_SET_AUDIO_RATE     0x0800
#define NGX_DIRECTSTREAM_SET_KEYFRAME       0x1000
#define NGX_DIRECTSTREAM_SET_MAX_ITEM       0x2000
#define NGX_DIRECTSTREAM_SET_MODE           0x4000
#define NGX_DIRECTSTREAM_SET_REFRESH        0x8000  /* and its jitter */
#define NGX_DIRECTSTREAM_SET_PROXY          0x10000
#define NGX_DIRECTSTREAM_SET_BIND           0x20000
#define NGX_DIRECTSTREAM_SET_SCHEDULE       0x40000
#define NGX_DIRECTSTREAM_SET_YOUTUBE        0x80000
#define NGX_DIRECTSTREAM_SET_ROLLOVER       0x100000
#define NGX_DIRECTSTREAM_SET_TITLE          0x200000
#define NGX_DIRECTSTREAM_SET_ALL            0x3fffff


/* a field of a definition: nginx.conf and the API give it by the same name */

typedef enum {
    NGX_DIRECTSTREAM_NAME = 0,              /* text: an array of char */
    NGX_DIRECTSTREAM_PLAYLIST,
    NGX_DIRECTSTREAM_PUBLISH,
    NGX_DIRECTSTREAM_OUTPUTS,               /* lines, as ds_outlet_next() */
    NGX_DIRECTSTREAM_PROXY,
    NGX_DIRECTSTREAM_BIND,
    NGX_DIRECTSTREAM_TITLE,
    NGX_DIRECTSTREAM_SLATE,
    NGX_DIRECTSTREAM_SCHEDULE,              /* the last text */
    NGX_DIRECTSTREAM_FLAG,                  /* a word: a bool or an enum */
    NGX_DIRECTSTREAM_MODE,
    NGX_DIRECTSTREAM_VIDEO,
    NGX_DIRECTSTREAM_YOUTUBE,
    NGX_DIRECTSTREAM_SIZE,                  /* two uint32_t, pixels */
    NGX_DIRECTSTREAM_NUMBER,                /* uint32_t, as all below */
    NGX_DIRECTSTREAM_BITRATE,               /* bit/s */
    NGX_DIRECTSTREAM_EITHER,                /* the least or the most */
    NGX_DIRECTSTREAM_TIME                   /* ms; 0: off */
} ngx_directstream_kind_e;

typedef struct {
    const char              *name;
    ngx_uint_t               set;           /* NGX_DIRECTSTREAM_SET_… */
    ngx_directstream_kind_e  kind;
    size_t                   offset;        /* in ds_def_t */
    size_t                   size;
    int64_t                  min;
    int64_t                  max;
    const char              *accepted;      /* "it must be …" */
} ngx_directstream_field_t;


/* of an output by the engine, by its name; "": there is none */

typedef struct {
    char                     name[DS_OUTLET_NAME_LEN + 1];
    uint64_t                 reconnects;
    uint64_t                 sent;          /* bytes */
    uint64_t                 dropped;       /* packets */
} ngx_directstream_pushed_t;


/* what grows only: a stream's runs, added up */

typedef struct {
    uint64_t                 played;        /* items */
    uint64_t                 skipped;
    uint64_t                 copied;
    uint64_t                 encoded;
    uint64_t                 received;      /* bytes */
    uint64_t                 sent;
    uint64_t                 reconnects;
    uint64_t                 dead_air;      /* ms */
    uint64_t                 resolves;
    uint64_t                 resolve_time;  /* ms */
    uint64_t                 cache_hits;
    uint64_t                 cache_misses;
    uint64_t                 queue_started;
    uint64_t                 queue_failed;
    uint64_t                 slots_started;
    uint64_t                 slots_missed;
    uint64_t                 added;         /* items, by later readings */
    uint64_t                 removed;
    uint64_t                 youtube_dark;  /* ms */
    uint64_t                 youtube_made;  /* broadcasts */
    uint64_t                 faults[DS_NERRORS];
    uint64_t                 failures[DS_NERRORS];
    ngx_directstream_pushed_t pushed[DS_OUTLETS];
} ngx_directstream_totals_t;


/* how often an output was to begin again */

typedef struct {
    char                     name[DS_OUTLET_NAME_LEN + 1];
    uint32_t                 count;
} ngx_directstream_again_t;


/*
 * What is wanted of a stream, and what is known of it.  An epoch names one
 * run that is wanted: a start, a restart and a changed definition each take
 * a new one, so whoever runs another epoch has to stop.
 */

typedef struct {
    ds_def_t                 def;

    /* wanted */
    unsigned                 fixed:1;       /* defined in nginx.conf */
    unsigned                 running:1;
    unsigned                 reserved:1;    /* being created: nobody sees it */
    unsigned                 prefetching:1; /* what was requested last */
    unsigned                 renew:1;       /* restarted when its turn comes */
    unsigned                 hooked:1;      /* on_publish asked for this run */
    ngx_pid_t                writer;        /* has a write under way; 0: none */
    uint64_t                 epoch;
    int64_t                  revision;      /* of what nodes share; 0: none */
    uint64_t                 skip;          /* requests so far */
    uint64_t                 previous;
    uint64_t                 prefetch;
    uint64_t                 refresh;
    uint64_t                 outputs;       /* changes of the outputs, and of
                                               these */
    ngx_directstream_again_t again[DS_OUTLETS];
    uint64_t                 youtube[DS_YOUTUBE_ROLLOVER + 1];

    /* of the queue, which the store has */
    uint32_t                 queued;        /* entries that wait */
    uint64_t                 queue_changes; /* so far */

    /* of a cluster: written by the newest relay worker */
    ds_owner_t               cluster;

    /* known; written by the relay worker that owns the stream */
    uint64_t                 done;          /* the epoch that ended by itself */
    ngx_msec_t               retry;         /* not to be started before */
    ngx_pid_t                owner;         /* 0: none */
    ngx_msec_t               seen;          /* when the owner wrote last */
    uint64_t                 settings;      /* that it runs with, a digest */
    ngx_uint_t               outdated;      /* of a copy: they have changed */
    char                     token[DS_TOKEN_LEN + 1];
    ds_status_t              status;
    ngx_directstream_totals_t before;       /* of the runs before this one */

    /* items that took the relay worker down, the latest last */
    uint64_t                 crashed_epoch;     /* the run they are of */
    size_t                   ncrashed;
    ds_turn_t                crashed[DS_CRASHED];
    ngx_uint_t               crashes;           /* of late, by the stream */
    ngx_msec_t               crashed_at;
} ngx_directstream_info_t;


/* an item in the zone; the strings follow each other, each with its NUL */

typedef struct {
    int64_t                  duration;
    int64_t                  checked;       /* Unix ms */
    int32_t                  code;
    int32_t                  verdict_code;
    uint16_t                 size;          /* bytes allocated for "text" */
    uint16_t                 title;         /* offset in "text" */
    uint16_t                 reason;
    uint8_t                  state;
    uint8_t                  verdict;
    char                     text[1];
} ngx_directstream_item_t;


typedef struct {
    uint32_t                 count;         /* highest index + 1 */
    uint32_t                 truncated;     /* items were left out */
    ngx_directstream_item_t **pages[NGX_DIRECTSTREAM_PAGES];
} ngx_directstream_items_t;


/* what the log knows of a stream already */

typedef struct {
    ds_state_e               state;
    unsigned                 connected:1;
    unsigned                 has_item:1;
    int64_t                  output_at;     /* the latest news of any */
    uint64_t                 aired;         /* items, with the one on air */
    uint64_t                 changes;       /* of the list */
    uint64_t                 slots;         /* that started, or were missed */
    int64_t                  error_at;
    ds_youtube_state_e       youtube;
    int                      youtube_code;
} ngx_directstream_noted_t;


typedef struct ngx_directstream_node_s  ngx_directstream_node_t;

struct ngx_directstream_node_s {
    ngx_directstream_node_t *next;          /* in the order of names */
    ngx_directstream_info_t  info;
    ngx_directstream_items_t items;
    ngx_directstream_noted_t noted;
};


typedef enum {
    NGX_DIRECTSTREAM_ENTRY_STATE = 0,
    NGX_DIRECTSTREAM_ENTRY_ITEM,
    NGX_DIRECTSTREAM_ENTRY_ERROR,
    NGX_DIRECTSTREAM_ENTRY_OUTPUT,
    NGX_DIRECTSTREAM_ENTRY_CHANGE,
    NGX_DIRECTSTREAM_ENTRY_QUEUE,
    NGX_DIRECTSTREAM_ENTRY_LIST,
    NGX_DIRECTSTREAM_ENTRY_SLOT,
    NGX_DIRECTSTREAM_ENTRY_YOUTUBE,
    NGX_DIRECTSTREAM_ENTRY_RESOLVER,        /* of no stream */
    NGX_DIRECTSTREAM_ENTRY_CLUSTER          /* of none, or whose it is */
} ngx_directstream_entry_e;


/* an entry of the log; texts are cut to fit */

typedef struct {
    uint64_t                 id;
    int64_t                  at;            /* Unix ms */
    ngx_directstream_entry_e type;
    ds_state_e               state;         /* of a state */
    int                      code;          /* of an error, of YouTube; of
                                               a resolver that fails, else
                                               0 */
    uint32_t                 added;         /* of a list, as the next three */
    uint32_t                 removed;
    uint32_t                 moved;
    uint32_t                 changed;
    uint32_t                 index;         /* of an item, as the next two */
    char                     item[DS_ID_LEN];
    char                     title[96];
    char                     stream[DS_NAME_LEN + 1];
    char                     message[128];
} ngx_directstream_entry_t;


typedef enum {
    NGX_DIRECTSTREAM_JOB_WANTED = 0,
    NGX_DIRECTSTREAM_JOB_RUNNING,
    NGX_DIRECTSTREAM_JOB_DONE
} ngx_directstream_job_e;


typedef enum {
    NGX_DIRECTSTREAM_JOB_LOOKUP = 0,        /* of a playlist; a check */
    NGX_DIRECTSTREAM_JOB_STILL,             /* a picture of a stream */
    NGX_DIRECTSTREAM_JOB_PLAN               /* what it would air */
} ngx_directstream_job_kind_e;


/* asked for by any worker, done by a relay worker */

typedef struct ngx_directstream_job_s  ngx_directstream_job_t;

struct ngx_directstream_job_s {
    ngx_directstream_job_t  *next;          /* an older one */
    ngx_directstream_job_kind_e kind;
    ngx_directstream_job_e   state;
    uint64_t                 id;
    ngx_msec_t               seen;          /* when a client asked last */
    ngx_msec_t               at;            /* when it was done */
    ngx_pid_t                owner;         /* relay worker of a running one */
    void                    *task;          /* in the owner alone */
    unsigned                 canceled:1;
    ds_def_t                *def;           /* of a lookup, of a plan */
    ds_plan_conf_t           plan;
    uint32_t                 limit;
    uint32_t                 depth;         /* items to open, of a check */
    ds_lookup_status_t       status;        /* of others: the error */
    ngx_directstream_items_t items;
    size_t                   size;
    u_char                  *data;          /* the picture, or the plan, NULL:
                                               none */
    char                     subject[1];    /* the stream of these */
};


/* a job's outcome, in the pool of who asked */

typedef struct {
    ds_lookup_status_t       status;
    ds_item_t               *items;
    ngx_uint_t               nitems;
    ngx_str_t                data;          /* a picture; a plan, its entries
                                               and conflicts behind each other;
                                               empty: the status says why */
} ngx_directstream_answer_t;


typedef struct {
    /* these three are where they are in every layout from 7 on */
    uint64_t                 magic;
    uint64_t                 layout;        /* version and sizes */
    char                     state_path[NGX_MAX_PATH];

    uint64_t                 generation;    /* configurations so far */
    uint64_t                 settings;      /* of the newest, a digest */
    uint64_t                 quit;          /* the generation that quits */
    uint64_t                 left;          /* newest whose workers left */
    ngx_int_t                workers;       /* without the relay's */
    uint64_t                 serial;        /* of epochs and lookups */
    u_char                   salt[16];      /* of entity tags */

    ngx_pid_t                relay;         /* newest relay worker */
    uint64_t                 relay_generation;
    uint64_t                 relay_restarts;    /* after a death */
    ngx_msec_t               deaths[NGX_DIRECTSTREAM_DEATHS];
    ngx_msec_t               heartbeat;
    ds_crash_t               crash[NGX_DIRECTSTREAM_CRASHES];

    ngx_directstream_node_t *streams;
    ngx_directstream_job_t  *jobs;          /* the newest first */

    uint64_t                 cache_size;    /* bytes kept, as last counted */
    uint32_t                 cache_count;

    ds_resolver_status_t     resolver;

    /* this node among others */
    ds_fence_t               fence;
    ds_cluster_status_t      cluster;
    ds_cluster_node_t        nodes[NGX_DIRECTSTREAM_NODES];
    ngx_uint_t               nnodes;
    ngx_uint_t               drain;         /* wished */
    uint64_t                 balance;       /* requests so far */

    uint64_t                 logged;        /* id of the last entry */
    ngx_directstream_entry_t log[NGX_DIRECTSTREAM_JOURNAL];
} ngx_directstream_sh_t;


typedef struct {
    ds_def_t                 def;
    ngx_uint_t               set;           /* NGX_DIRECTSTREAM_SET_… */
    ngx_uint_t               pushes;        /* outputs so far */
    ngx_uint_t               via;           /* a bit for each that has one */
    u_char                  *file;
    ngx_uint_t               line;
} ngx_directstream_stream_conf_t;


typedef struct {
    ngx_flag_t               present;       /* the block is there */

    ngx_str_t                zone_name;
    ssize_t                  zone_size;
    ngx_str_t                state_path;
    ngx_str_t                cache_path;
    const char             **resolve_command;   /* NULL last */
    const char             **resolve_fallback;  /* the same, NULL: none */
    ngx_array_t              resolve_env;       /* of char *, NULL last */
    ngx_str_t                resolve_path;
    ngx_str_t                canary;            /* URL, empty: none */
    int64_t                  canary_every;      /* ms */
    ngx_flag_t               preflight_set;
    ngx_uint_t               preflight;         /* items, 0: off */
    ngx_uint_t               preflight_budget;  /* an hour */
    ngx_str_t                resolve_extractors;
    ngx_array_t              source_rules;      /* of ds_source_rule_t */
    ngx_str_t                media_root;
    ngx_str_t                push_certificate;
    ngx_str_t                youtube_credentials;   /* their text */
    ngx_str_t                youtube_api;
    int64_t                  youtube_interval;      /* ms */
    ds_cluster_conf_t        cluster;           /* endpoints NULL: none */
    ngx_flag_t               cluster_lost_set;

    /* of the table of ranges: "given" has a bit for each that was set */
    ngx_uint_t               given;
    int64_t                  resolve_timeout;   /* ms, as the next two */
    int64_t                  source_timeout;
    int64_t                  buffer_time;
    int64_t                  buffer_size;       /* bytes, as the next two */
    int64_t                  cache_max_size;
    int64_t                  cache_min_free;
    int64_t                  push_buffer;
    int64_t                  history;           /* ms; 0: for ever */
    int64_t                  encodes;           /* 0: auto */
    int64_t                  max_items;         /* of one list */

    ngx_array_t              streams;           /* of pointers to them */
    ngx_thread_pool_t       *pool;              /* for durable writes */
    ngx_array_t             *log_formats;       /* of pointers to them */
    ngx_array_t             *logs;              /* NULL: none */
    ngx_flag_t               log_off;

    ngx_directstream_stream_conf_t base;        /* what streams inherit */
    ngx_directstream_stream_conf_t *stream;     /* being parsed, or "base" */

    /* where an HTTP directive was seen first, "" when nowhere */
    ngx_str_t                http_directive;
    u_char                  *http_file;
    ngx_uint_t               http_line;
    ngx_uint_t               on_publish;    /* somewhere it is answered */

    ngx_cycle_t             *cycle;
    ngx_shm_zone_t          *shm_zone;
    ngx_slab_pool_t         *shpool;
    ngx_directstream_sh_t   *sh;

    uint64_t                 settings;      /* of the engine, a digest */
    ngx_shm_zone_t          *old_zone;      /* whose place this one takes */
    ngx_uint_t               refill;        /* the store has to be, of it */
    ngx_uint_t               reload;        /* other workers were there */
    ngx_int_t                worker;        /* index of the relay worker */
    uint64_t                 generation;
} ngx_directstream_conf_t;


extern ngx_module_t  ngx_directstream_module;


/* configuration */

char *ngx_directstream_block(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_stream(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_cluster(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_cluster_lost(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_path(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_command(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* for nginx -T */
ngx_int_t ngx_directstream_dump(ngx_cycle_t *cycle,
    ngx_directstream_conf_t *dcf);
char *ngx_directstream_resolve_path(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_resolve_env(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_preflight(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_resolver_canary(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_youtube_credentials(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_directstream_youtube_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_extractors(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_range(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_source(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_stream_field(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_stream_push(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_directstream_stream_refresh(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_directstream_schedule(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

char *ngx_directstream_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_directstream_log_format(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* adds the logs and their formats to a digest */
uint64_t ngx_directstream_log_digest(ngx_directstream_conf_t *dcf,
    uint64_t digest);

/* a file's path in full; NGX_ERROR: it cannot be read, as has been logged */
ngx_int_t ngx_directstream_conf_file(ngx_conf_t *cf, ngx_str_t *path,
    ngx_uint_t conf_prefix);

/*
 * What a small file begins with, of at most "size" bytes, and what it is; -1:
 * "call" failed, with ngx_errno.
 */
ssize_t ngx_directstream_conf_read(ngx_str_t *path, void *buf, size_t size,
    ngx_file_info_t *fi, const char **call);

/* "none" needs an output by the engine; 0 or a DS_E… */
int ngx_directstream_check_publish(const ds_def_t *def, ds_error_t *err);

/* a stream that YouTube is asked about needs an account, and such a push */
int ngx_directstream_check_youtube(ngx_directstream_conf_t *dcf,
    const ds_def_t *def, ds_error_t *err);


/* outputs, as ds_outlet_next() reads them */

/* the name of one that is to be added, and has none */
void ngx_directstream_outputs_name(const char *outputs, ds_outlet_t *o);

/*
 * Who pushes, where nothing is said of it ("given" has a bit for each where it
 * is): nginx-rtmp the only one, if it can, else the engine.  0, or a DS_E…:
 * nginx-rtmp cannot do what is asked of it.
 */
int ngx_directstream_outputs_finish(char *outputs, ngx_uint_t given,
    ds_error_t *err);

/* what nginx-rtmp can push; 0, or a DS_E… that says why not */
int ngx_directstream_outputs_rtmp_ok(const ds_outlet_t *o, ds_error_t *err);

/* the one that nginx-rtmp pushes, and that is not stopped; 0: none */
ngx_uint_t ngx_directstream_outputs_rtmp(const char *outputs,
    ds_outlet_t *o);
ngx_uint_t ngx_directstream_outputs_same_rtmp(const char *a, const char *b);

/* is there one that the engine pushes? */
ngx_uint_t ngx_directstream_outputs_engine(const char *outputs);

/* 0: there is none */
ngx_uint_t ngx_directstream_outputs_first(const char *outputs,
    ds_outlet_t *o);

/* NULL: the engine says nothing of it */
const ds_push_status_t *ngx_directstream_outputs_status(
    const ds_status_t *st, const char *name);


/* fields, by the table, which ends with the name NULL */

extern const ngx_directstream_field_t  ngx_directstream_fields[];

/* NULL: there is none of that name */
const ngx_directstream_field_t *ngx_directstream_field_find(const char *name);

/* of a text what is accepted; "file_ok": file: URLs, too; 0 or a DS_E… */
int ngx_directstream_field_check(const ngx_directstream_field_t *f,
    const char *text, ngx_uint_t file_ok, ds_error_t *err);

/* a text "off" that stands for none becomes "" */
void ngx_directstream_field_off(const ngx_directstream_field_t *f,
    ds_def_t *def);

/* all but a text, as written in nginx.conf; NGX_ERROR: not what is accepted */
ngx_int_t ngx_directstream_field_text(const ngx_directstream_field_t *f,
    ds_def_t *def, ngx_str_t *text);

/* in the field's unit; for those that are words or numbers */
ngx_int_t ngx_directstream_field_number(const ngx_directstream_field_t *f,
    ds_def_t *def, int64_t n);
int64_t ngx_directstream_field_get(const ngx_directstream_field_t *f,
    const ds_def_t *def);

/*
 * What may be shown of a text, a word or a size: without secrets.  "text" has
 * room for DS_PLAYLIST_LEN + 1; "": there is none.
 */
void ngx_directstream_field_show(const ngx_directstream_field_t *f,
    const ds_def_t *def, char *text);

/*
 * The entity tag of a definition, with its quotes and a NUL: of all of it,
 * secrets too, with the zone's salt, so that they cannot be guessed from it.
 */
void ngx_directstream_field_tag(ngx_directstream_conf_t *dcf,
    const ds_def_t *def, int64_t revision,
    u_char tag[NGX_DIRECTSTREAM_TAG + 1]);

/* takes those of "set"; NGX_OK, or NGX_AGAIN: a new run is needed */
ngx_int_t ngx_directstream_field_copy(ds_def_t *dst, const ds_def_t *src,
    ngx_uint_t set);


/* the zone (each function takes and releases the lock) */

ngx_int_t ngx_directstream_zone_init(ngx_shm_zone_t *shm_zone, void *data);

/*
 * Can this configuration not go on with the zone of the one that runs?  Then
 * that is in dcf->old_zone.
 */
ngx_uint_t ngx_directstream_zone_changed(ngx_directstream_conf_t *dcf);

/* it is no more than memory from now on */
void ngx_directstream_zone_replace(ngx_directstream_conf_t *dcf);

/* its state_path, or NULL when that is the same, or not known */
const char *ngx_directstream_zone_path(ngx_directstream_conf_t *dcf);

/* definitions of the configuration, in the master */
void ngx_directstream_zone_merge(ngx_directstream_conf_t *dcf,
    ngx_log_t *log);

/* NGX_OK, or NGX_DECLINED: no such stream */
ngx_int_t ngx_directstream_zone_get(ngx_directstream_conf_t *dcf,
    const char *name, ngx_directstream_info_t *info);

/*
 * Calls "each" with a copy of each stream, the lock not held; NGX_ERROR: there
 * is no memory in the pool for the copies, nothing was called.
 */

typedef void (*ngx_directstream_each_pt)(void *data,
    ngx_directstream_info_t *info);

ngx_int_t ngx_directstream_zone_each(ngx_directstream_conf_t *dcf,
    ngx_pool_t *pool, ngx_directstream_each_pt each, void *data);


/* of the newest relay worker, and of the zone as a whole */

typedef struct {
    ngx_pid_t                pid;           /* 0: there was none */
    bool                     alive;
    uint64_t                 generation;
    uint64_t                 restarts;      /* after a death */
    uint64_t                 size;          /* bytes of the zone */
    uint64_t                 free;
    uint64_t                 kept;          /* bytes in the cache */
    uint64_t                 entries;
    uint64_t                 fallback;      /* 1: the second resolver is used */
    uint64_t                 canary_up;     /* -1: there is none, or no news */
    uint64_t                 canary_at;     /* Unix s */
    uint64_t                 youtube_quota; /* units, -1: not known */
    uint64_t                 quorum;        /* -1: no cluster, as the next */
    uint64_t                 failsafe;
    uint64_t                 left;          /* s, of the lease */
    uint64_t                 owned;         /* streams */
    uint64_t                 takeovers;
    uint64_t                 deadlines;     /* that were reached */
    uint64_t                 draining;
    ds_resolver_status_t     resolver;
} ngx_directstream_whole_t;

void ngx_directstream_zone_whole(ngx_directstream_conf_t *dcf,
    ngx_directstream_whole_t *whole);

/*
 * What is for the moment: the run that is there does it, and nobody keeps it.
 * NGX_OK or NGX_DECLINED: no such stream.
 */

typedef enum {
    NGX_DIRECTSTREAM_SKIP = 0,
    NGX_DIRECTSTREAM_PREVIOUS,
    NGX_DIRECTSTREAM_REFRESH,
    NGX_DIRECTSTREAM_PREFETCH,
    NGX_DIRECTSTREAM_PREFETCH_OFF,
    NGX_DIRECTSTREAM_YOUTUBE_CHECK,         /* in the order of the wishes */
    NGX_DIRECTSTREAM_YOUTUBE_REVIVE,
    NGX_DIRECTSTREAM_YOUTUBE_ROLLOVER
} ngx_directstream_step_e;

const char *ngx_directstream_zone_step_name(ngx_directstream_step_e step);
ngx_int_t ngx_directstream_zone_step(ngx_directstream_conf_t *dcf,
    const char *name, ngx_directstream_step_e step);

/*
 * An output is to begin again: one by nginx-rtmp with a new run.  NGX_OK,
 * NGX_DECLINED: no such stream, NGX_DIRECTSTREAM_NO_OUTPUT
 */
ngx_int_t ngx_directstream_zone_again(ngx_directstream_conf_t *dcf,
    const char *name, const char *output);

/* nginx-rtmp has asked for the run that is on air */
void ngx_directstream_zone_hooked(ngx_directstream_conf_t *dcf,
    const char *name);

/*
 * Streams that run with settings that have changed, or "all" that run, will be
 * restarted by the newest relay worker, one after another; returns how many.
 */
ngx_uint_t ngx_directstream_zone_renew(ngx_directstream_conf_t *dcf,
    ngx_uint_t all);

/* of the settings "conf" has a digest of, what a run of "def" depends on */
uint64_t ngx_directstream_zone_settings(uint64_t conf, const ds_def_t *def);


/*
 * Durable changes.  The writer first marks the stream (a new one is made,
 * but nobody sees it), then writes to the store, then applies the change or,
 * when the store refused it, takes the mark back.  A mark whose process is
 * dead is cleared by the relay worker, by what the store says.
 */

typedef enum {
    NGX_DIRECTSTREAM_CREATE = 0,
    NGX_DIRECTSTREAM_PATCH,
    NGX_DIRECTSTREAM_DELETE,
    NGX_DIRECTSTREAM_START,
    NGX_DIRECTSTREAM_STOP,
    NGX_DIRECTSTREAM_RESTART,
    NGX_DIRECTSTREAM_OUTPUT_START,
    NGX_DIRECTSTREAM_OUTPUT_STOP
} ngx_directstream_change_e;

typedef struct {
    ngx_directstream_change_e op;
    ds_stored_t              stored;        /* afterwards; the name always */
    ngx_uint_t               set;           /* of a PATCH */
    char                     output[DS_OUTLET_NAME_LEN + 1];
    ngx_uint_t               unknown;       /* a DELETE of what the zone has
                                               not; perhaps the store has */
    ngx_str_t               *match;         /* If-Match, or NULL; for mark() */
} ngx_directstream_change_t;

/*
 * NGX_OK: marked, "change" has become whole.  NGX_DECLINED: no such stream,
 * NGX_ABORT: static, NGX_DONE: exists, NGX_BUSY: a write is under way,
 * NGX_AGAIN: "match" does not, NGX_ERROR: the zone is full,
 * NGX_DIRECTSTREAM_NO_OUTPUT
 */
#define NGX_DIRECTSTREAM_NO_OUTPUT  -100

ngx_int_t ngx_directstream_change_mark(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change);
void ngx_directstream_change_apply(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change);
void ngx_directstream_change_undo(ngx_directstream_conf_t *dcf,
    ngx_directstream_change_t *change);

/* a dead writer's mark; NGX_DECLINED: there is none */
ngx_int_t ngx_directstream_change_dead(ngx_directstream_conf_t *dcf,
    char *name, ngx_pid_t *writer);

/* what the nodes share of a stream */

typedef struct {
    ngx_uint_t               there;         /* 0: it is no more */
    ds_stored_t              stored;        /* the name always */
    ds_progress_t            progress;
} ngx_directstream_found_t;

/*
 * Makes a stream what was found, at "revision", unless the zone has it as it
 * is later on, or a write of it is under way.
 */
void ngx_directstream_change_adopt(ngx_directstream_conf_t *dcf,
    ngx_directstream_found_t *found, int64_t revision);

/* what was asked for on another node is done, as if it were here */
void ngx_directstream_change_command(ngx_directstream_conf_t *dcf,
    const char *name, const ds_command_t *command);

/* of one that is new here: it may have come to its end before */
void ngx_directstream_change_ended(ngx_directstream_info_t *info);

/* makes a stream what the store has; "stored" NULL: nothing */
void ngx_directstream_change_settle(ngx_directstream_conf_t *dcf,
    const char *name, ngx_pid_t writer, ds_stored_t *stored,
    ngx_uint_t anew);


/* the state path and the store in it, in the master */

/* of the shared memory zone */
ngx_int_t ngx_directstream_state_init(ngx_shm_zone_t *shm_zone, void *data);

/* the definitions of the configuration go to the store */
void ngx_directstream_state_sync(ngx_directstream_conf_t *dcf,
    ngx_cycle_t *cycle);

/* "path" has room for NGX_MAX_PATH */
void ngx_directstream_state_db(ngx_directstream_conf_t *dcf, u_char *path);


/* these are called with the lock held */

/* find() does not see a stream that is being created */
ngx_directstream_node_t *ngx_directstream_zone_find(
    ngx_directstream_sh_t *sh, const char *name);
ngx_directstream_node_t **ngx_directstream_zone_place(
    ngx_directstream_sh_t *sh, const char *name);

/* "info" is copied; NULL: the zone is full */
ngx_directstream_node_t *ngx_directstream_zone_insert(
    ngx_directstream_conf_t *dcf, ngx_directstream_info_t *info);
void ngx_directstream_zone_remove(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t **link);

/* takes the fields of "set", and a new run where one is needed */
void ngx_directstream_zone_change(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node, ds_def_t *def,
    ngx_uint_t set);

/* is the newest relay worker alive? */
ngx_uint_t ngx_directstream_relay_alive(ngx_directstream_conf_t *dcf);
ngx_uint_t ngx_directstream_alive(ngx_pid_t pid, ngx_msec_t seen);

/* adds what a run's status counts */
void ngx_directstream_totals_add(ngx_directstream_totals_t *totals,
    ds_status_t *status);


/* FNV-1a; begins with NGX_DIRECTSTREAM_DIGEST */

#define NGX_DIRECTSTREAM_DIGEST  0xcbf29ce484222325ULL

uint64_t ngx_directstream_digest(uint64_t digest, const void *data,
    size_t len);

/* Unix ms, as of the last event */
int64_t ngx_directstream_now(void);

/* this build's name, hexadecimal; "": the linker gave it none */
const char *ngx_directstream_build(void);

/* RFC 3339 with milliseconds, nothing when there is none; the text's end */
u_char *ngx_directstream_time_utc(u_char *p, int64_t ms);


/* the descriptor that wakes all relay workers, opened by the master */
ngx_int_t ngx_directstream_wake_open(ngx_log_t *log);
void ngx_directstream_wake(void);
int ngx_directstream_wake_handle(void);

/* the same for another descriptor; context: any thread */
void ngx_directstream_signal(int fd);


/* tables of items, in the zone, called with the lock held */

void ngx_directstream_items_put(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items, ds_item_t *item);
void ngx_directstream_items_clear(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items);

/* those from "count" on are no more */
void ngx_directstream_items_trim(ngx_directstream_conf_t *dcf,
    ngx_directstream_items_t *items, ngx_uint_t count);

/* copies up to "n" items from "offset" on; returns how many */
ngx_uint_t ngx_directstream_items_get(ngx_directstream_items_t *items,
    ngx_uint_t offset, ds_item_t *dst, ngx_uint_t n);


/* the log */

/* what the status says that it did not say before; with the lock held */
void ngx_directstream_journal_note(ngx_directstream_conf_t *dcf,
    ngx_directstream_node_t *node);

/* the resolver is what it is now; what is news against what was known */
void ngx_directstream_journal_resolver(ngx_directstream_conf_t *dcf,
    const ds_resolver_status_t *resolver);

/* what becomes of this node and others; with the lock held */
void ngx_directstream_journal_cluster(ngx_directstream_conf_t *dcf,
    const char *name, const char *message);

/* the queue has been changed in the store, where so many wait now */
void ngx_directstream_journal_queue(ngx_directstream_conf_t *dcf,
    const char *name, uint32_t queued, const char *message);

/* that somebody has changed something; "name" may be "" */
void ngx_directstream_journal_change(ngx_directstream_conf_t *dcf,
    const char *name, const char *message);

/* the id of the last entry */
uint64_t ngx_directstream_journal_last(ngx_directstream_conf_t *dcf);

/*
 * Copies up to "n" entries that came after "since", the oldest first; returns
 * how many.  All that are kept come after an id that is none of theirs.
 */
ngx_uint_t ngx_directstream_journal_get(ngx_directstream_conf_t *dcf,
    uint64_t since, ngx_directstream_entry_t *entries, ngx_uint_t n);


/* relay workers that died */

/* where this one notes who has taken it down */
ds_crash_t *ngx_directstream_crash_place(ngx_directstream_conf_t *dcf);

/* logs what others have noted, and their streams remember it */
void ngx_directstream_crash_take(ngx_directstream_conf_t *dcf,
    ngx_log_t *log);

/* how many items of "crashed" are of the run that is wanted */
size_t ngx_directstream_crash_count(ngx_directstream_info_t *info);

/* with the lock held: one more; were there three within a minute? */
void ngx_directstream_crash_died(ngx_directstream_sh_t *sh);
ngx_uint_t ngx_directstream_crash_often(ngx_directstream_sh_t *sh);


/* the relay worker */

/* in the master, before the workers are forked */
ngx_int_t ngx_directstream_relay_prepare(ngx_log_t *log);

/* takes away the socket on which other workers would push to this one */
void ngx_directstream_relay_refuse(ngx_cycle_t *cycle);

void ngx_directstream_relay_init(ngx_cycle_t *cycle,
    ngx_directstream_conf_t *dcf);
void ngx_directstream_relay_exit(ngx_cycle_t *cycle);


/* a line in each as-run log; a failure is logged, once a minute */
void ngx_directstream_log_write(ngx_directstream_conf_t *dcf,
    const char *stream, ds_aired_t *aired);


/*
 * The kernel's lock on a stream is the process's: "type" is F_WRLCK or F_UNLCK.
 * NGX_OK; NGX_DECLINED: *holder has it, 0: not known, may be NULL; NGX_ERROR
 */
ngx_int_t ngx_directstream_owner_lock(ngx_directstream_conf_t *dcf,
    const char *name, short type, ngx_pid_t *holder);

/* the file of the locks; may be called until it is NGX_OK */
ngx_int_t ngx_directstream_owner_open(ngx_directstream_conf_t *dcf,
    ngx_log_t *log);

/*
 * In the master, when the zone takes the place of one with another state_path,
 * "path": as long as somebody has a stream's lock there, nobody gets it here.
 * NGX_DECLINED: there are none.
 */
ngx_int_t ngx_directstream_owner_before(const char *path, ngx_log_t *log);

/* a new token for a publisher of this process, of DS_TOKEN_LEN at most */
ngx_int_t ngx_directstream_owner_token(ngx_directstream_conf_t *dcf,
    const char *name, char *token, ngx_log_t *log);

/* who has the lock on a stream, 0: nobody, or this process */
ngx_pid_t ngx_directstream_owner_holder(ngx_directstream_conf_t *dcf,
    const char *name);

/*
 * Is it the token of a publisher of the process that has the lock, another
 * nginx with the same state_path?
 */
ngx_uint_t ngx_directstream_owner_check(ngx_directstream_conf_t *dcf,
    const char *name, ngx_str_t *token, ngx_log_t *log);

/* takes the same time wherever they differ */
ngx_uint_t ngx_directstream_owner_same(const u_char *a, const u_char *b,
    size_t len);


/* the streams this process runs */

typedef struct ngx_directstream_run_s  ngx_directstream_run_t;

typedef struct {
    ngx_msec_t               progress;      /* next time */
    ngx_uint_t               items;         /* more may be taken in a pass */
    uint64_t                 deadline;      /* of them, monotonic us */
    ngx_directstream_conf_t *dcf;
    ds_t                    *ds;
    ds_recorder_t           *recorder;      /* the engine's */
    ds_cluster_t            *cluster;       /* NULL: none, or another relay
                                               worker has it */
    ngx_msec_t               cluster_at;    /* not to be made before */
    uint64_t                 balanced;      /* requests passed on */
    ds_cluster_status_t      cluster_told;  /* in the log of events */
    ngx_uint_t               cluster_away;  /* etcd; the same */
    char                     changed[DS_NAME_LEN + 1];  /* by another node, to
                                               be read; "": none */
    int64_t                  revision;      /* when */
    ngx_pid_t                writer;        /* who died, of what is settled */
    ngx_directstream_run_t  *runs;
    ngx_log_t               *log;
    ngx_uint_t               single;        /* start streams one by one */
    ngx_msec_t               started;       /* the last one */
    char                     renewing[DS_NAME_LEN + 1]; /* "": none */
    ngx_msec_t               renewed;       /* since when */
} ngx_directstream_runs_t;

void ngx_directstream_runs_init(ngx_directstream_runs_t *runs,
    ngx_directstream_conf_t *dcf, ngx_log_t *log);

/* makes the runs what the zone wants; "stop": all of them end */
void ngx_directstream_runs_pass(ngx_directstream_runs_t *runs,
    ngx_uint_t stop);

/* records where all of them are, before they are destroyed */
void ngx_directstream_runs_leave(ngx_directstream_runs_t *runs);

/* the next of those that are to be restarted, when the last one runs */
void ngx_directstream_runs_renew(ngx_directstream_runs_t *runs);

/* streams whose writer died become what the store has */
void ngx_directstream_runs_settle(ngx_directstream_runs_t *runs);

/* starts what nobody runs */
void ngx_directstream_runs_start(ngx_directstream_runs_t *runs);

/*
 * A cluster.  A pass makes the zone what this node knows, and the node what the
 * zone wants; "newest": this relay worker is the node, "leave": for good.
 */
void ngx_directstream_cluster_pass(ngx_directstream_runs_t *runs,
    ngx_uint_t newest, ngx_uint_t leave);

/* has all been given up that others wait for? */
ngx_uint_t ngx_directstream_cluster_left(ngx_directstream_runs_t *runs);

/* a stream that another node has changed: which is to be read; what was */
ngx_int_t ngx_directstream_cluster_changed(ngx_directstream_runs_t *runs);
void ngx_directstream_cluster_adopt(ngx_directstream_runs_t *runs,
    ds_settled_t *settled);

/* since when this node has it; 0: it has not */
int64_t ngx_directstream_cluster_epoch(ngx_directstream_runs_t *runs,
    const char *name);

/* does it belong to this node, if only for a while? */
ngx_uint_t ngx_directstream_cluster_ours(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info);

/* may it be started here? it go on? with the lock held */
ngx_uint_t ngx_directstream_cluster_starts(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info);
ngx_uint_t ngx_directstream_cluster_keeps(ngx_directstream_conf_t *dcf,
    ngx_directstream_info_t *info);


/* NULL: this process does not run it */
ds_stream_t *ngx_directstream_runs_stream(ngx_directstream_runs_t *runs,
    const char *name);


/*
 * Jobs, the client's side.  NGX_OK and the job's id; NGX_BUSY: too many, or
 * no room; NGX_ABORT: nobody is there to do it; NGX_DECLINED: no such stream.
 * A picture that is being made, or a second old at most, is shared.  A lookup
 * with a "depth" is a check: so many items are opened.  A plan is by the
 * schedule of "def".
 */
ngx_int_t ngx_directstream_job_lookup(ngx_directstream_conf_t *dcf,
    const ds_def_t *def, ngx_uint_t limit, ngx_uint_t depth, uint64_t *id);
ngx_int_t ngx_directstream_job_still(ngx_directstream_conf_t *dcf,
    const char *stream, uint64_t *id);
ngx_int_t ngx_directstream_job_plan(ngx_directstream_conf_t *dcf,
    const ds_def_t *def, const ds_plan_conf_t *plan, uint64_t *id);

/*
 * NGX_OK: done, "answer" is in the pool; NGX_AGAIN: not done; NGX_ERROR: no
 * memory; NGX_ABORT, NGX_DECLINED: it will not be done, as above
 */
ngx_int_t ngx_directstream_job_poll(ngx_directstream_conf_t *dcf,
    uint64_t id, ngx_pool_t *pool, ngx_directstream_answer_t *answer);

/* of a lookup, a plan; pictures, and what is not polled, end by themselves */
void ngx_directstream_job_end(ngx_directstream_conf_t *dcf, uint64_t id);

/* the relay worker's: one pass over all; "serve": new lookups may be begun */
void ngx_directstream_jobs_pass(ngx_directstream_runs_t *runs,
    ngx_uint_t serve);

/* has this process any under way? */
ngx_uint_t ngx_directstream_jobs_running(ngx_directstream_conf_t *dcf);


#endif /* NGX_DIRECTSTREAM_H_INCLUDED_ */
