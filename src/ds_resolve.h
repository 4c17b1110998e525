
/*
 * ds_resolve.h: from a playlist reference to items, from an item to the
 * URLs of its media.  Blocking; called from a stream's own threads; each
 * call ends soon after "cancel" is set.
 */

#ifndef DS_RESOLVE_H_INCLUDED_
#define DS_RESOLVE_H_INCLUDED_


#include "ds_core.h"


/* one entry of a playlist; strings are malloc()ed, NULL: not known */

typedef struct {
    char       *url;
    char       *audio_url;      /* JSON lists: audio apart from video */
    char       *id;
    char       *title;
    int64_t     duration;       /* ms, -1 unknown */
    bool        plain;          /* a media file: no resolver call needed */
    int         code;           /* 0, or DS_E…: cannot be played, no URL
                                   if that was what is wrong with it */
    char        reason[DS_MESSAGE_LEN];
} ds_entry_t;

void ds_entry_free(ds_entry_t *e);          /* frees the strings, clears */


/* takes over the strings of "e"; false: enough, end the listing */
typedef bool (*ds_entry_pt)(void *data, ds_entry_t *e);


/*
 * Lists a playlist, each entry as it becomes known.  0 when the list is
 * complete or the callback had enough; else a DS_E…, entries given stay
 * valid.  A list without any entry is DS_EPLAYLIST_EMPTY (or …_OUTDATED).
 */
int ds_resolve_list(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_entry_pt entry, void *data, ds_error_t *err);


typedef struct {
    char       *url;
    char       *headers;        /* "Name: value\n" lines, NULL: none */
    bool        local;          /* "url" is the path of a file of the cache */
    size_t      chunk;          /* largest range of a request, 0: no limit */
    int         family;         /* IP version to read it over, 0: either */
    int64_t     resolved_at;    /* Unix ms, 0: it is the entry's own */
    int64_t     available_at;   /* Unix ms before which it answers 403, or 0 */
    int64_t     expires_at;     /* Unix ms, 0: unknown */
} ds_media_url_t;


typedef struct {
    char           *id;
    char           *title;
    int64_t         duration;   /* ms, -1 unknown */
    bool            live;       /* a broadcast that goes on */
    unsigned        nurls;      /* 1, or 2: video, audio */
    ds_media_url_t  urls[2];
} ds_media_t;

void ds_media_free(ds_media_t *m);          /* frees the strings, clears */


/* resolves one entry (a plain one without any call); fills "m" */
int ds_resolve_item(const ds_conf_t *conf, const ds_entry_t *e,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err);

/*
 * True when the first item of this playlist can be resolved beside the list:
 * then ds_resolve_first() does so in one resolver call.
 */
bool ds_resolve_has_first(const char *playlist);
int ds_resolve_first(const ds_conf_t *conf, const char *playlist,
    ds_cancel_t *cancel, ds_media_t *m, ds_error_t *err);


#endif /* DS_RESOLVE_H_INCLUDED_ */
