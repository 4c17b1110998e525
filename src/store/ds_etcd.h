
/*
 * ds_etcd.h: a client of etcd's v3 API, over its JSON gateway (libcurl and
 * cJSON).  All oddities of that gateway are known to its files alone.
 *
 * A client, and a watch, is of one thread at a time: who renews a lease has
 * one of his own, so that he never waits for another's call.  Every call
 * blocks, until it is answered, its time is over or "cancel" is set.
 *
 * A call returns DS_OK or one of these, and "err" the words for it:
 *
 *   DS_ECLUSTER_LOST      no endpoint answers, or none has a leader; nothing
 *                         was written
 *   DS_ECLUSTER_UNKNOWN   a write was sent, and no answer came: it may have
 *                         happened, or happen still; read before you decide
 *   DS_ECLUSTER_DENIED    user, password, token or permission
 *   DS_ECLUSTER_REFUSED   etcd does not want it (a limit, a full disk), or
 *                         answers what is not understood; nothing was written,
 *                         or nothing was to be
 *   DS_ECLUSTER_CONFLICT  the compares of a transaction did not hold
 *   DS_ECLUSTER_COMPACTED a revision that is not there any more
 *   DS_ESTORE_NOT_FOUND   no such lease
 *   DS_ECANCELED, DS_ENOMEM
 *
 * An endpoint that does not answer makes room for the next one, also for the
 * calls that follow.  One that answers with a lower raft term than another
 * one has, or is of another cluster, counts as one that does not answer.
 */

#ifndef DS_ETCD_H_INCLUDED_
#define DS_ETCD_H_INCLUDED_


#include "base/ds_core.h"


/* operations of one transaction; bytes of a value; of both in a request */
#define DS_ETCD_OPS        128
#define DS_ETCD_VALUE_MAX  (1024 * 1024)


typedef struct ds_etcd_s        ds_etcd_t;
typedef struct ds_etcd_watch_s  ds_etcd_watch_t;


/* zeroed before it is filled in; strings that are NULL are not used */

typedef struct {
    const char    *endpoints;       /* "https://a:2379,https://b:2379" */
    const char    *ca;              /* PEM files */
    const char    *cert;
    const char    *key;
    const char    *user;
    const char    *password;
    unsigned       timeout;         /* ms of one try at one endpoint; 0: 1000 */
    unsigned       most;            /* ms of a call, with the endpoints that are
                                       tried in turn; 0: as "timeout" */
} ds_etcd_conf_t;


/*
 * Copies "conf"; connects with the first call.  "cancel" ends what blocks, and
 * must outlive the client; NULL: nothing does.  NULL: "err" says why,
 * DS_ENOMEM or DS_ECLUSTER_REFUSED (no endpoint, a file that is not there).
 */
ds_etcd_t *ds_etcd_create(const ds_etcd_conf_t *conf, ds_cancel_t *cancel,
    ds_error_t *err);
void ds_etcd_free(ds_etcd_t **e);

/* the endpoint that has answered last, or is asked next; borrowed */
const char *ds_etcd_endpoint(ds_etcd_t *e);


/*
 * Keys are texts.  A value is bytes, read ones with a NUL behind them.
 */

typedef struct {
    char          *key;
    char          *value;           /* NULL: not asked for, or deleted */
    size_t         len;
    int64_t        created;         /* revisions */
    int64_t        modified;
    int64_t        version;         /* 1: new */
    int64_t        lease;           /* 0: none */
} ds_etcd_kv_t;

typedef struct {
    ds_etcd_kv_t  *kvs;             /* in the order of their keys */
    size_t         n;
    int64_t        count;           /* all there are */
    int64_t        revision;        /* of the whole, at which this is so */
} ds_etcd_found_t;

/* zeroed by it; nothing to one that is zeroed */
void ds_etcd_found_free(ds_etcd_found_t *found);


typedef struct {
    const char    *key;
    bool           prefix;          /* all that begin so */
    bool           serializable;    /* what that member knows; else
                                       linearizable */
    bool           keys_only;
    size_t         limit;           /* 0: none */
    int64_t        revision;        /* 0: the newest */
    const char    *from;            /* of a prefix: those behind this key;
                                       NULL: all */
} ds_etcd_ask_t;

/*
 * Reads, in pages of one revision.  *found is to be freed when it is DS_OK,
 * also when nothing was found.
 */
int ds_etcd_range(ds_etcd_t *e, const ds_etcd_ask_t *ask,
    ds_etcd_found_t *found, ds_error_t *err);

/* *revision: of the write; NULL: not wanted.  "lease" 0: none */
int ds_etcd_put(ds_etcd_t *e, const char *key, const char *value, size_t len,
    int64_t lease, int64_t *revision, ds_error_t *err);

/* no error when there is none */
int ds_etcd_delete(ds_etcd_t *e, const char *key, bool prefix,
    ds_error_t *err);


typedef enum {
    DS_ETCD_CREATED = 0,            /* 0: there is no such key */
    DS_ETCD_MODIFIED,
    DS_ETCD_VERSION,
    DS_ETCD_LEASE,
    DS_ETCD_VALUE
} ds_etcd_target_e;

typedef enum {
    DS_ETCD_EQUAL = 0,
    DS_ETCD_GREATER,
    DS_ETCD_LESS,
    DS_ETCD_NOT_EQUAL
} ds_etcd_result_e;

typedef struct {
    const char        *key;
    ds_etcd_target_e   target;
    ds_etcd_result_e   result;
    int64_t            number;
    const char        *value;       /* of DS_ETCD_VALUE, a text */
} ds_etcd_compare_t;

typedef enum {
    DS_ETCD_PUT = 0,
    DS_ETCD_DELETE,
    DS_ETCD_GET
} ds_etcd_op_e;

typedef struct {
    ds_etcd_op_e       kind;
    const char        *key;
    bool               prefix;      /* not of DS_ETCD_PUT */
    const char        *value;
    size_t             len;
    int64_t            lease;
} ds_etcd_op_t;

/* all compares hold: "then" is done as one, else "otherwise" */

typedef struct {
    const ds_etcd_compare_t  *compares;
    size_t                    ncompares;
    const ds_etcd_op_t       *then;
    size_t                    nthen;
    const ds_etcd_op_t       *otherwise;
    size_t                    notherwise;
} ds_etcd_txn_t;

/*
 * DS_OK: "then" was done; DS_ECLUSTER_CONFLICT: "otherwise" was.  *found, NULL:
 * not wanted, is what the DS_ETCD_GET of it have found, one behind the other,
 * and the revision; it is to be freed after both.  A transaction is not sent
 * again where its outcome is not known.
 */
int ds_etcd_txn(ds_etcd_t *e, const ds_etcd_txn_t *txn,
    ds_etcd_found_t *found, ds_error_t *err);


/*
 * Leases.  "ttl" is in seconds, the one that is granted in *ttl.  What is asked
 * of a lease that is over is DS_ESTORE_NOT_FOUND.  A renewal is idempotent: it
 * goes to the next endpoint within the call.  etcd before 3.4.38 may answer a
 * renewal well for a lease that was revoked: read a key of it now and then.
 */
int ds_etcd_grant(ds_etcd_t *e, unsigned *ttl, int64_t *lease,
    ds_error_t *err);
int ds_etcd_keepalive(ds_etcd_t *e, int64_t lease, unsigned *ttl,
    ds_error_t *err);
int ds_etcd_timetolive(ds_etcd_t *e, int64_t lease, unsigned *ttl,
    ds_error_t *err);

/* its keys are deleted; no error when there is none */
int ds_etcd_revoke(ds_etcd_t *e, int64_t lease, ds_error_t *err);


/*
 * A watch: a connection of its own, of the thread that calls.  It is a hint:
 * read the range now and then, and drop what is not newer than you know.
 */

typedef struct {
    bool           deleted;
    bool           progress;        /* none: a sign of life */
    int64_t        revision;        /* go on from the one after it */
    ds_etcd_kv_t   kv;              /* borrowed until the next call */
} ds_etcd_event_t;

/*
 * From "revision" on (0: from now on).  Does not connect yet.  "e" gives the
 * configuration, endpoints and token; it must outlive the watch, may be used
 * between calls, by the same thread.  NULL: no memory.
 */
ds_etcd_watch_t *ds_etcd_watch_open(ds_etcd_t *e, const char *key,
    bool prefix, int64_t revision, ds_error_t *err);

/*
 * The next event: 1 and *event, or 0: none within "ms" (0: none is there
 * already).  A connection that breaks is made anew, at the next endpoint, and
 * goes on where it was: no event is left out, none told twice.  Where that
 * takes longer than "ms", and that is so with all endpoints, it is
 * DS_ECLUSTER_LOST, and you may call again.  DS_ECLUSTER_COMPACTED: read the
 * range, open another; DS_ECLUSTER_DENIED, DS_ECANCELED, DS_ENOMEM.
 */
int ds_etcd_watch_next(ds_etcd_watch_t *w, int64_t ms,
    ds_etcd_event_t *event, ds_error_t *err);

/* the connection; -1: none.  To be polled for reading; it changes */
int ds_etcd_watch_fd(ds_etcd_watch_t *w);

void ds_etcd_watch_close(ds_etcd_watch_t **w);


/*
 * The keys, below the cluster's prefix, beside those of what else is stored of
 * a stream, which ds_share.c knows.  What is written by the owner of a
 * stream is written in a transaction that compares the create revision of
 * owner/NAME, the epoch.
 */
#define DS_CLUSTER_OWNER     "owner/"      /* NAME: the node, under its lease */
#define DS_CLUSTER_NODE      "node/"        /* NODE, under its lease */


#endif /* DS_ETCD_H_INCLUDED_ */
