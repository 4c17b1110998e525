
/*
 * ds_store_db.h: what the files of the store share.  Nobody else may
 * know of SQLite.
 */

#ifndef DS_STORE_DB_H_INCLUDED_
#define DS_STORE_DB_H_INCLUDED_


#include <sqlite3.h>

#include "base/ds_core.h"


/* ms: another process holds the write lock for one commit at a time */
#define DS_BUSY_DURABLE  3000
#define DS_BUSY_QUICK    200


/*
 * The tables that hold a stream's definition beside "stream", a row of its
 * name in each: the columns, and their parameters in an insert, of which ?1 is
 * the name.  Where they are in a ds_stored_t is said in ds_store.c; all of
 * them are shared.
 */

#define DS_STORE_PARTS(X)                                                     \
    X(setting, "slate, video, width, height, rate, video_bitrate, "           \
      "audio_bitrate, sample_rate, max_keyframe_interval, "                   \
      "max_item_duration, push_engine",                                       \
      "?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12")                        \
    X(refresh, "playlist_refresh, refresh_jitter", "?2, ?3")                  \
    X(way, "source_proxy, source_bind", "?2, ?3")                             \
    X(schedule, "schedule", "?2")                                             \
    X(output, "outputs", "?2")                                                \
    X(youtube, "youtube, youtube_rollover, youtube_title", "?2, ?3, ?4")


/*
 * SQLite's result code as ours, its words as the message; "db" may be NULL.
 * Returns the code.
 */
int ds_store_fail(sqlite3 *db, int rc, ds_error_t *err);


#endif /* DS_STORE_DB_H_INCLUDED_ */
