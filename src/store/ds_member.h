
/*
 * ds_member.h: what a node that shares its streams with others does next: the
 * lease it keeps, what it claims, gives up and moves.  Decides only: who calls
 * does what it says, one thing at a time, and tells what came of it.  Of one
 * thread at a time.  All times are ms of CLOCK_BOOTTIME; "asked" is when what
 * is told was asked for.
 *
 * The rules.  A stream belongs to the node whose name is in its owner key,
 * under that node's lease; the key's create revision is the epoch.  What a
 * lease allows ends 0.6 s before etcd may end it.  A stream nobody has goes to
 * the node that has the least for its weight; that node alone claims it, the
 * others after a while only, should it not.  Streams that are on air are moved
 * when a node has joined, or on request: one at a time, when an item is over.
 */

#ifndef DS_MEMBER_H_INCLUDED_
#define DS_MEMBER_H_INCLUDED_


#include "base/ds_core.h"
#include "base/ds_fence.h"


/* ms before the lease's end at which all is shut */
#define DS_MEMBER_MARGIN  600


typedef struct ds_member_s  ds_member_t;


typedef struct {
    const char      *node;          /* its name, copied */
    int64_t          ttl;           /* ms */
    uint32_t         max_streams;   /* 0: any */
    uint32_t         weight;        /* from 1 */
    bool             failsafe;
    ds_fence_t      *fence;         /* the node's: opened, extended and shut
                                       from here; a lease that it has goes on */
    const char      *url;           /* of the node, copied */
} ds_member_conf_t;


typedef enum {
    DS_MEMBER_NOTHING = 0,          /* until "at", or there is news */
    DS_MEMBER_GRANT,                /* get a lease */
    DS_MEMBER_JOIN,                 /* make the node's key, if there is none */
    DS_MEMBER_TELL,                 /* write it anew, it has changed */
    DS_MEMBER_RENEW,
    DS_MEMBER_READ,                 /* nodes and owners, at one revision */
    DS_MEMBER_CLAIM,                /* make owner keys, if there are none */
    DS_MEMBER_RELEASE,              /* delete them, if of these epochs */
    DS_MEMBER_ASK,                  /* all nodes: have you no etcd, either? */
    DS_MEMBER_LEAVE                 /* end the lease */
} ds_member_op_e;

/* streams in one transaction: all of them, or none */
#define DS_MEMBER_BATCH   64

typedef struct {
    ds_member_op_e   op;
    int64_t          at;
    int64_t          lease;
    size_t           n;             /* streams, of the two that have them */
    int64_t          epochs[DS_MEMBER_BATCH];
    char             streams[DS_MEMBER_BATCH][DS_NAME_LEN + 1];
} ds_member_act_t;


/* NULL: no memory */
ds_member_t *ds_member_create(const ds_member_conf_t *conf);
void ds_member_free(ds_member_t **m);

/* what is to be done now */
void ds_member_next(ds_member_t *m, int64_t now, ds_member_act_t *act);


/* what came of it */

void ds_member_granted(ds_member_t *m, int64_t asked, int64_t lease,
    int64_t ttl);

/* false: another lease has a node of that name */
void ds_member_joined(ds_member_t *m, int64_t now, bool joined);
void ds_member_told(ds_member_t *m);

/* false: the lease is over */
void ds_member_renewed(ds_member_t *m, int64_t asked, bool alive);

/* epoch 0: another one has one of them; false: the same */
void ds_member_claimed(ds_member_t *m, const ds_member_act_t *act,
    int64_t epoch);
void ds_member_released(ds_member_t *m, const ds_member_act_t *act,
    bool all);

/* all of them answered, and that they have none */
void ds_member_answered(ds_member_t *m, int64_t asked, bool all);
void ds_member_left(ds_member_t *m);

/* no answer, or an error; what was to be written may have been */
void ds_member_failed(ds_member_t *m, const ds_member_act_t *act,
    int64_t now);


/*
 * What was read: begin, all nodes, all owners, end.  0 or DS_ENOMEM, then it
 * is as if it had not been read.
 */

typedef struct {
    char             name[DS_NAME_LEN + 1];
    char             url[DS_URL_LEN + 1];   /* where it answers others */
    uint32_t         max_streams;
    uint32_t         weight;
    bool             draining;
    uint32_t         balance;       /* times that it was asked to even out */
    int64_t          lease;
} ds_member_node_t;

void ds_member_read(ds_member_t *m);
int ds_member_read_node(ds_member_t *m, const ds_member_node_t *node);
int ds_member_read_owner(ds_member_t *m, const char *stream,
    const char *node, int64_t lease, int64_t epoch);
void ds_member_read_end(ds_member_t *m, int64_t asked, int64_t now);


/* news */

/* something has changed: it is to be read */
void ds_member_hint(ds_member_t *m);

/* the process was paused: the lease is to be read */
void ds_member_doubt(ds_member_t *m);

/* gives all up, or no more; "leave": and the lease */
void ds_member_drain(ds_member_t *m, bool drain, bool leave);

/* evens out what the nodes have */
void ds_member_balance(ds_member_t *m);

/*
 * A stream as it is here: it is to run somewhere; it runs here.  0 or
 * DS_ENOMEM.
 */
int ds_member_stream(ds_member_t *m, const char *stream, bool wanted,
    bool running);


/* what it has come to */

/* 0: no lease */
int64_t ds_member_lease(const ds_member_t *m);
int64_t ds_member_deadline(const ds_member_t *m);

int64_t ds_member_joined_at(const ds_member_t *m);   /* 0: not */

/* streams that were another node's; deadlines that were reached */
void ds_member_counts(const ds_member_t *m, uint64_t *takeovers,
    uint64_t *stops);

/* when what was read last was asked for */
int64_t ds_member_read_at(const ds_member_t *m);

/* whose it is */
void ds_member_owner(ds_member_t *m, const char *stream, ds_owner_t *owner);

/* the "i"-th node that is known, with how many streams it has; NULL: none */
const ds_member_node_t *ds_member_node(const ds_member_t *m, size_t i,
    uint32_t *owned);

/* etcd answered a while ago last, and still it goes on */
bool ds_member_failsafe(const ds_member_t *m, int64_t now);
bool ds_member_quorum(const ds_member_t *m, int64_t now);

/* its own record */
const ds_member_node_t *ds_member_self(const ds_member_t *m);


#endif /* DS_MEMBER_H_INCLUDED_ */
