
/*
 * ds_list.h: parses what names items: M3U and JSON lists, and the lines of
 * the resolver's list and item stages.  Pure, any thread; cJSON stays here.
 */

#ifndef DS_LIST_H_INCLUDED_
#define DS_LIST_H_INCLUDED_


#include "resolve/ds_list_entry.h"


/*
 * A list of M3U (#EXTM3U, #EXTINF:duration,title), JSON ([…] or {"items":
 * […]}, an item being a URL or {"url", "audio_url", "id", "title", "duration"
 * in seconds, "headers"}), PLS, XSPF or ASX, told apart by what it says.
 * Relative URLs and names are taken from "base".  DS_EPLAYLIST_FORMAT,
 * DS_EPLAYLIST_EMPTY; an HLS playlist is one plain item, "base" itself.
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


#endif /* DS_LIST_H_INCLUDED_ */
