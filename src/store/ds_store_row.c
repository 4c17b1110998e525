
/*
 * ds_store_row.c: definitions and progress as rows of the store: bound to
 * its statements and read from them, in the columns' order of
 * ds_store_schema.c.
 */

#include <string.h>

#include "store/ds_store_db.h"


static void ds_store_read_setting(sqlite3_stmt *st, int column,
    ds_stored_t *def);


void
ds_store_bind_def(sqlite3_stmt *st, const ds_stored_t *def)
{
    (void) sqlite3_bind_text(st, 2, def->playlist, -1, SQLITE_TRANSIENT);
    (void) sqlite3_bind_text(st, 3, def->mode, -1, SQLITE_TRANSIENT);
    (void) sqlite3_bind_text(st, 4, def->publish, -1, SQLITE_TRANSIENT);
    (void) sqlite3_bind_text(st, 5, def->push, -1, SQLITE_TRANSIENT);
    (void) sqlite3_bind_int(st, 6, def->shuffle);
    (void) sqlite3_bind_int(st, 7, def->loop);
    (void) sqlite3_bind_int(st, 8, def->is_static);
    (void) sqlite3_bind_int(st, 9, def->running);
}


void
ds_store_bind_setting(sqlite3_stmt *st, const ds_stored_t *def)
{
    const ds_profile_t  *p;

    p = &def->profile;

    (void) sqlite3_bind_int(st, 2, def->push_engine);
    (void) sqlite3_bind_text(st, 3, def->slate, -1, SQLITE_TRANSIENT);
    (void) sqlite3_bind_text(st, 4, ds_video_name(p->video), -1,
                             SQLITE_STATIC);
    (void) sqlite3_bind_int64(st, 5, p->width);
    (void) sqlite3_bind_int64(st, 6, p->height);
    (void) sqlite3_bind_int64(st, 7, p->rate);
    (void) sqlite3_bind_int64(st, 8, p->video_bitrate);
    (void) sqlite3_bind_int64(st, 9, p->audio_bitrate);
    (void) sqlite3_bind_int64(st, 10, p->sample_rate);
    (void) sqlite3_bind_int64(st, 11, p->max_keyframe_interval);
    (void) sqlite3_bind_int64(st, 12, def->max_item_duration);
}


void
ds_store_read_def(sqlite3_stmt *st, ds_stored_t *def)
{
    ds_store_column(st, 0, def->name, sizeof(def->name));
    ds_store_column(st, 1, def->playlist, sizeof(def->playlist));
    ds_store_column(st, 2, def->mode, sizeof(def->mode));
    ds_store_column(st, 3, def->publish, sizeof(def->publish));
    ds_store_column(st, 4, def->push, sizeof(def->push));

    def->shuffle = sqlite3_column_int(st, 5);
    def->loop = sqlite3_column_int(st, 6);
    def->is_static = sqlite3_column_int(st, 7);
    def->running = sqlite3_column_int(st, 8);

    ds_store_read_setting(st, DS_COLUMN_SETTING, def);
}


static void
ds_store_read_setting(sqlite3_stmt *st, int column, ds_stored_t *def)
{
    char           name[32];
    ds_profile_t  *p;

    p = &def->profile;

    def->push_engine = sqlite3_column_int(st, column);
    ds_store_column(st, column + 1, def->slate, sizeof(def->slate));
    def->max_item_duration = sqlite3_column_int64(st, column + 10);

    *p = (ds_profile_t) DS_PROFILE_DEFAULT;

    if (sqlite3_column_type(st, column) == SQLITE_NULL) {
        return;
    }

    ds_store_column(st, column + 2, name, sizeof(name));

    while (p->video < DS_VIDEO_ENCODE
           && strcmp(name, ds_video_name(p->video)) != 0)
    {
        p->video++;
    }

    p->width = (uint32_t) sqlite3_column_int64(st, column + 3);
    p->height = (uint32_t) sqlite3_column_int64(st, column + 4);
    p->rate = (uint32_t) sqlite3_column_int64(st, column + 5);
    p->video_bitrate = (uint32_t) sqlite3_column_int64(st, column + 6);
    p->audio_bitrate = (uint32_t) sqlite3_column_int64(st, column + 7);
    p->sample_rate = (uint32_t) sqlite3_column_int64(st, column + 8);
    p->max_keyframe_interval = (uint32_t) sqlite3_column_int64(st,
                                                               column + 9);
}


void
ds_store_read_progress(sqlite3_stmt *st, int column, ds_progress_t *p)
{
    char        name[32];
    ds_state_e  state;

    memset(p, 0, sizeof(ds_progress_t));

    if (sqlite3_column_type(st, column) == SQLITE_NULL) {
        return;
    }

    ds_store_column(st, column, name, sizeof(name));

    for (state = DS_STOPPED; state < DS_FAILED; state++) {
        if (strcmp(name, ds_state_name(state)) == 0) {
            break;
        }
    }

    p->valid = true;
    p->state = state;
    p->index = (uint32_t) sqlite3_column_int64(st, column + 1);
    ds_store_column(st, column + 2, p->id, sizeof(p->id));
    p->position = sqlite3_column_int64(st, column + 3);
    p->seed = (uint64_t) sqlite3_column_int64(st, column + 4);
    p->pass = (uint32_t) sqlite3_column_int64(st, column + 5);
    p->at = sqlite3_column_int64(st, column + 6);
}


void
ds_store_column(sqlite3_stmt *st, int column, char *dst, size_t size)
{
    const unsigned char  *text;

    text = sqlite3_column_text(st, column);

    ds_text(dst, size, (const char *) text);
}
