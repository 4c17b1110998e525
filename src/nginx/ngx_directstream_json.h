
/*
 * ngx_directstream_json.h: the JSON writer.  Commas are its own business;
 * memory is the pool's.  A lack of memory is remembered and shows when the
 * answer is sent.
 */

#ifndef NGX_DIRECTSTREAM_JSON_H_INCLUDED_
#define NGX_DIRECTSTREAM_JSON_H_INCLUDED_


#include "ngx_directstream.h"


typedef struct {
    ngx_pool_t              *pool;
    ngx_chain_t             *out;
    ngx_chain_t            **last;
    ngx_buf_t               *buf;
    off_t                    size;
    ngx_array_t             *fields;        /* of ngx_directstream_wanted_t;
                                               NULL: all */
    ngx_uint_t               within;        /* depth of the object whose
                                               members they are */
    ngx_uint_t               depth;         /* now */
    ngx_uint_t               muted;         /* depth of a member that is not
                                               wanted, 0: it is */
    const char              *outer;         /* the member at "within" */
    unsigned                 comma:1;
    unsigned                 failed:1;
} ngx_directstream_json_t;


/* a member that is asked for, "status" or "status.state" */

typedef struct {
    ngx_str_t                name;
    ngx_uint_t               seen;          /* there is one */
} ngx_directstream_wanted_t;


void ngx_directstream_json_init(ngx_directstream_json_t *w,
    ngx_pool_t *pool);

/* as it is; of print() at most 1024 bytes */
void ngx_directstream_json_raw(ngx_directstream_json_t *w, const char *data,
    size_t len);
void ngx_directstream_json_print(ngx_directstream_json_t *w, const char *fmt,
    ...);

void ngx_directstream_json_open(ngx_directstream_json_t *w, char c);
void ngx_directstream_json_close(ngx_directstream_json_t *w, char c);
void ngx_directstream_json_key(ngx_directstream_json_t *w, const char *key);
void ngx_directstream_json_string(ngx_directstream_json_t *w,
    const char *value, size_t max);
void ngx_directstream_json_integer(ngx_directstream_json_t *w, int64_t n);
void ngx_directstream_json_bool(ngx_directstream_json_t *w, ngx_uint_t b);
void ngx_directstream_json_null(ngx_directstream_json_t *w);

/* milliseconds as seconds; negative: null */
void ngx_directstream_json_seconds(ngx_directstream_json_t *w, int64_t ms);

/* a member whose value is a string */
void ngx_directstream_json_text(ngx_directstream_json_t *w, const char *key,
    const char *value, size_t max);


/* what a member of an object is made of */

typedef enum {
    NGX_DIRECTSTREAM_JSON_TEXT = 0,         /* an array of char */
    NGX_DIRECTSTREAM_JSON_WORD,             /* the same; "": null */
    NGX_DIRECTSTREAM_JSON_BOOL,
    NGX_DIRECTSTREAM_JSON_NUMBER,           /* 32 or 64 bits, never negative */
    NGX_DIRECTSTREAM_JSON_COUNT,            /* the same; 0: null */
    NGX_DIRECTSTREAM_JSON_INDEX,            /* uint32_t; none: null */
    NGX_DIRECTSTREAM_JSON_SECONDS,          /* int64_t, ms; negative: null */
    NGX_DIRECTSTREAM_JSON_TIME,             /* int64_t, Unix ms; 0: null */
    NGX_DIRECTSTREAM_JSON_STATE,            /* these by their names */
    NGX_DIRECTSTREAM_JSON_ITEM_STATE,
    NGX_DIRECTSTREAM_JSON_VERDICT,          /* none: null */
    NGX_DIRECTSTREAM_JSON_DECISION,
    NGX_DIRECTSTREAM_JSON_OUTCOME,
    NGX_DIRECTSTREAM_JSON_YOUTUBE,
    NGX_DIRECTSTREAM_JSON_CODE,             /* 0: null */
    NGX_DIRECTSTREAM_JSON_ERROR,            /* a ds_error_t; no code: null */
    NGX_DIRECTSTREAM_JSON_OBJECT,           /* "members", of the same base */
    NGX_DIRECTSTREAM_JSON_CALL              /* "call" writes the value */
} ngx_directstream_json_e;

typedef struct ngx_directstream_member_s  ngx_directstream_member_t;

struct ngx_directstream_member_s {
    const char                      *key;   /* NULL: the end */
    ngx_directstream_json_e          kind;
    size_t                           offset;
    size_t                           size;
    const ngx_directstream_member_t *members;
    void                           (*call)(ngx_directstream_json_t *w,
                                           const void *base);
};

#define ngx_directstream_member(key, kind, type, field)                      \
    { key, NGX_DIRECTSTREAM_JSON_ ## kind, offsetof(type, field),            \
      sizeof(((type *) NULL)->field), NULL, NULL }

#define ngx_directstream_member_object(key, members)                         \
    { key, NGX_DIRECTSTREAM_JSON_OBJECT, 0, 0, members, NULL }

#define ngx_directstream_member_call(key, call)                              \
    { key, NGX_DIRECTSTREAM_JSON_CALL, 0, 0, NULL, call }

#define ngx_directstream_member_end                                          \
    { NULL, NGX_DIRECTSTREAM_JSON_TEXT, 0, 0, NULL, NULL }


/* into an object that is open; as an object, null of NULL */
void ngx_directstream_json_members(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base);
void ngx_directstream_json_object(ngx_directstream_json_t *w,
    const ngx_directstream_member_t *m, const void *base);


#endif /* NGX_DIRECTSTREAM_JSON_H_INCLUDED_ */
