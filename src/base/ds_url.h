
/* ds_url.h: URLs as text.  Pure functions, any thread, no network. */

#ifndef DS_URL_H_INCLUDED_
#define DS_URL_H_INCLUDED_


#include "base/ds_core.h"


typedef struct {
    char        scheme[16];     /* lower case */
    char        host[256];      /* without brackets */
    int         port;           /* -1: none written */
    bool        userinfo;
    const char *path;           /* in the URL: from '/', '?', '#' or its end */
    size_t      path_len;       /* without query and fragment */
    const char *query;          /* without '?', NULL: none */
    const char *fragment;       /* without '#', NULL: none */
} ds_url_t;

/* 0 or DS_EPLAYLIST_INVALID; "url" must outlive "u" */
int ds_url_parse(ds_url_t *u, const char *url, ds_error_t *err);

/*
 * "ref", which may be relative, of a text that is at "base" (RFC 3986, 5.2);
 * the user information of "base" stays within its origin.  0 or DS_ENOMEM.
 * *dst is malloc()ed, NULL when there is no such URL.
 */
int ds_url_join(char **dst, const char *base, const char *ref);

/* with its host as the DNS has it (IDN), malloc()ed; 0 or DS_ENOMEM */
int ds_url_ascii(char **dst, const char *url);

/* scheme, host and port are the same, or it has become the host's https */
bool ds_url_same_origin(const char *a, const char *b);

/* "domain" itself or a name below it */
bool ds_url_in_domain(const ds_url_t *u, const char *domain);
bool ds_url_is_youtube(const ds_url_t *u);

/* "name=" is among the arguments of a query, which may be NULL */
bool ds_url_has_arg(const char *query, const char *name);

/* of a watch page of YouTube's; "id" of DS_ID_LEN; false: it is none */
bool ds_url_video_id(char *id, const char *url);

/*
 * malloc()ed, without its fragment and those arguments of its query that are
 * a signature or its time; NULL: no memory.
 */
char *ds_url_unsigned(const char *url);

/* the value of "expire=" (Unix seconds) of a media URL in Unix ms, or 0 */
int64_t ds_url_expires(const char *url);

typedef enum {
    DS_REF_RESOLVER,            /* yt-dlp names its items */
    DS_REF_VIDEO,               /* one item that yt-dlp resolves */
    DS_REF_MEDIA,               /* one plain media file */
    DS_REF_LIST                 /* M3U or JSON over http(s) or file: */
} ds_ref_e;

/*
 * What a checked playlist reference or a list's entry is, by its form alone:
 * .m3u .m3u8 .json .pls .xspf .asx are lists (an .m3u8 may turn out to be HLS
 * media), .mp4 .mkv .ts .mp3 and others that docs/directives.md names are
 * media, a YouTube watch URL without list= is one video, the rest is the
 * resolver's.
 */
ds_ref_e ds_url_kind(const char *url);

/* ends as the name of a list or of media does */
bool ds_url_is_media_name(const char *name, size_t len);


#endif /* DS_URL_H_INCLUDED_ */
