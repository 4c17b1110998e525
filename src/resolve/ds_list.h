
/*
 * ds_list.h: parses what names items: M3U and JSON lists, and the lines of
 * the resolver's list and item stages.  Pure, any thread; cJSON stays here.
 */

#ifndef DS_LIST_H_INCLUDED_
#define DS_LIST_H_INCLUDED_


#include "base/ds_item.h"


/*
 * An M3U (#EXTM3U, #EXTINF:duration,title) or JSON list ([…] or
 * {"items": […]}, an item being a URL or {"url", "audio_url", "id", "title",
 * "duration" in seconds}), told apart by its first character.  Relative URLs
 * are taken from "base".  DS_EPLAYLIST_FORMAT, DS_EPLAYLIST_EMPTY; an HLS
 * playlist (#EXT-X-…) is one plain item, "base" itself.
 */
int ds_list_parse(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err);

/* media of its own, by the tags that only HLS has */
bool ds_list_is_hls(const char *text);

/* what the line begins with that ends the list stage, all others with "{" */
#define DS_LIST_END  "playlist "

/*
 * One line of the list stage.  0 with "e" filled, or DS_ERESOLVER_OUTPUT.
 * *playlist_count is set when the line tells it; the last line, which tells
 * nothing else, leaves "e" empty (no URL, no code).
 */
int ds_list_parse_line(const char *line, ds_entry_t *e,
    int64_t *playlist_count, ds_error_t *err);

/* the line of the item stage; 0, DS_ERESOLVER_OUTPUT, DS_EITEM_… */
int ds_list_parse_media(const char *line, ds_media_t *m, ds_error_t *err);

/* the largest range that the host of this media URL likes, 0: any */
size_t ds_list_chunk(const char *url);

/*
 * malloc()s a copy ("src" NULL: none), cut to "max" bytes and made one line
 * of valid UTF-8, or with "max" 0 as it is.  0 or DS_ENOMEM.
 */
int ds_list_copy(char **dst, const char *src, size_t max);

/* http and https, and file if "file_ok"; of a sane length */
bool ds_list_url_ok(const char *url, bool file_ok);


#endif /* DS_LIST_H_INCLUDED_ */
