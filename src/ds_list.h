
/*
 * ds_list.h: parses what names items: M3U and JSON lists, and the lines of
 * the resolver's list and item stages.  Pure, any thread; cJSON stays here.
 */

#ifndef DS_LIST_H_INCLUDED_
#define DS_LIST_H_INCLUDED_


#include "ds_resolve.h"


/*
 * An M3U (#EXTM3U, #EXTINF:duration,title) or JSON list ([…] or
 * {"items": […]}, an item being a URL or {"url", "audio_url", "id", "title",
 * "duration" in seconds}), told apart by its first character.  Relative URLs
 * are taken from "base".  DS_EPLAYLIST_FORMAT, DS_EPLAYLIST_EMPTY; an HLS
 * playlist (#EXT-X-…) is one plain item, "base" itself.
 */
int ds_list_parse(const char *text, const char *base, ds_entry_pt entry,
    void *data, ds_error_t *err);

/*
 * One line of the list stage.  0 with "e" filled, or DS_ERESOLVER_OUTPUT.
 * *playlist_count is set when the line tells it.
 */
int ds_list_parse_line(const char *line, ds_entry_t *e,
    int64_t *playlist_count, ds_error_t *err);

/* the line of the item stage; 0, DS_ERESOLVER_OUTPUT, DS_EITEM_… */
int ds_list_parse_media(const char *line, ds_media_t *m, ds_error_t *err);


#endif /* DS_LIST_H_INCLUDED_ */
