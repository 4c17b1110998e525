
/*
 * ds_item.h: an item as a list names it, and as a resolver has found it: the
 * URLs of its media.
 */

#ifndef DS_ITEM_H_INCLUDED_
#define DS_ITEM_H_INCLUDED_


#include "base/ds_core.h"


/* an item's tracks, and the stream_index of their packets */
enum { DS_VIDEO = 0, DS_AUDIO = 1 };


/* one entry of a playlist; strings are malloc()ed, NULL: not known */

typedef struct {
    char       *url;
    char       *audio_url;      /* JSON lists: audio apart from video */
    char       *id;
    char       *title;
    char       *headers;        /* "Name: value\n" lines for its media, NULL:
                                   none; see ds_http.h */
    int64_t     duration;       /* ms, -1 unknown */
    bool        plain;          /* a media file: no resolver call needed */
    bool        page;           /* or none: the resolver's if it is no media */
    int         code;           /* 0, or DS_E…: cannot be played, no URL
                                   if that was what is wrong with it */
    const char *reason;         /* why, a constant */
} ds_entry_t;

/* with strings of its own; 0 or DS_ENOMEM, then "e" is cleared */
int ds_entry_copy(ds_entry_t *e, const ds_entry_t *from);

void ds_entry_free(ds_entry_t *e);          /* frees the strings, clears */

/* takes over the strings of "e"; false: enough, end the listing */
typedef bool (*ds_entry_pt)(void *data, ds_entry_t *e);


typedef struct {
    char       *url;
    char       *headers;        /* "Name: value\n" lines, NULL: none */
    char       *cookies;        /* lines of Netscape's form, NULL: none */
    bool        local;          /* "url" is the path of a file of the cache */
    size_t      chunk;          /* largest range of a request, 0: no limit */
    int         family;         /* IP version to read it over, 0: either */
    int64_t     resolved_at;    /* Unix ms, 0: it is the entry's own */
    int64_t     available_at;   /* Unix ms before which it answers 403, or 0 */
    int64_t     expires_at;     /* Unix ms, 0: unknown */
    bool        brief;          /* read from its start, and how long it is is
                                   known: no look at its end */
} ds_media_url_t;


typedef struct {
    char           *id;
    char           *title;
    int64_t         duration;   /* ms, -1 unknown */
    bool            live;       /* a broadcast that goes on */
    unsigned        nurls;      /* 1, or 2: video, audio */
    ds_media_url_t  urls[2];
} ds_media_t;

/* as ds_entry_copy(); headers and cookies of the URLs are left out */
int ds_media_copy(ds_media_t *m, const ds_media_t *from);

void ds_media_free(ds_media_t *m);          /* frees the strings, clears */


#endif /* DS_ITEM_H_INCLUDED_ */
