
/*
 * ds_store_row.c: what the store keeps as rows of it: bound to its statements
 * and read from them by tables, in the columns' order of ds_store_schema.c.
 */

#include <string.h>

#include "store/ds_store_db.h"


#define ds_column(kind, type, field)                                          \
    { DS_COLUMN_ ## kind, offsetof(type, field),                              \
      sizeof(((type *) NULL)->field) }

#define ds_column_end  { DS_COLUMN_END, 0, 0 }


const ds_column_t  ds_columns_def[] = {
    ds_column(TEXT, ds_stored_t, def.name),
    ds_column(TEXT, ds_stored_t, def.playlist),
    ds_column(MODE, ds_stored_t, def.mode),
    ds_column(TEXT, ds_stored_t, def.publish),
    ds_column(TEXT, ds_stored_t, def.push),
    ds_column(NUMBER, ds_stored_t, def.shuffle),
    ds_column(NUMBER, ds_stored_t, def.loop),
    ds_column(NUMBER, ds_stored_t, is_static),
    ds_column(NUMBER, ds_stored_t, running),
    ds_column_end
};

const ds_column_t  ds_columns_setting[] = {
    ds_column(NUMBER, ds_stored_t, def.push_engine),
    ds_column(TEXT, ds_stored_t, def.slate),
    ds_column(VIDEO, ds_stored_t, def.profile.video),
    ds_column(NUMBER, ds_stored_t, def.profile.width),
    ds_column(NUMBER, ds_stored_t, def.profile.height),
    ds_column(NUMBER, ds_stored_t, def.profile.rate),
    ds_column(NUMBER, ds_stored_t, def.profile.video_bitrate),
    ds_column(NUMBER, ds_stored_t, def.profile.audio_bitrate),
    ds_column(NUMBER, ds_stored_t, def.profile.sample_rate),
    ds_column(NUMBER, ds_stored_t, def.profile.max_keyframe_interval),
    ds_column(NUMBER, ds_stored_t, def.max_item_duration),
    ds_column_end
};

const ds_column_t  ds_columns_progress[] = {
    ds_column(STATE, ds_progress_t, state),
    ds_column(NUMBER, ds_progress_t, index),
    ds_column(TEXT, ds_progress_t, id),
    ds_column(NUMBER, ds_progress_t, position),
    ds_column(NUMBER, ds_progress_t, seed),
    ds_column(NUMBER, ds_progress_t, pass),
    ds_column(NUMBER, ds_progress_t, at),
    ds_column_end
};

const ds_column_t  ds_columns_item[] = {
    ds_column(NUMBER, ds_item_t, index),
    ds_column(TEXT, ds_item_t, id),
    ds_column(TEXT, ds_item_t, title),
    ds_column(NUMBER, ds_item_t, duration),
    ds_column(NUMBER, ds_item_t, state),
    ds_column(CODE, ds_item_t, code),
    ds_column(TEXT, ds_item_t, reason),
    ds_column_end
};

const ds_column_t  ds_columns_kept[] = {
    ds_column(TEXT, ds_kept_t, key),
    ds_column(TEXT, ds_kept_t, form),
    ds_column(TEXT, ds_kept_t, id),
    ds_column(TEXT, ds_kept_t, title),
    ds_column(TEXT, ds_kept_t, origin),
    ds_column(NUMBER, ds_kept_t, files),
    ds_column(NUMBER, ds_kept_t, size),
    ds_column(TEXT, ds_kept_t, sum[0]),
    ds_column(TEXT, ds_kept_t, sum[1]),
    ds_column(NUMBER, ds_kept_t, duration),
    ds_column(NUMBER, ds_kept_t, kept),
    ds_column(NUMBER, ds_kept_t, used),
    ds_column(NUMBER, ds_kept_t, uses),
    ds_column_end
};


static int64_t ds_store_number(const void *field, size_t size);
static const char *ds_store_word(ds_column_e kind, int64_t n);
static int64_t ds_store_from_word(ds_column_e kind, const char *word);


void
ds_store_bind(sqlite3_stmt *st, int first, const ds_column_t *c,
    const void *row)
{
    int64_t      n;
    const char  *field;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, first++) {
        field = (const char *) row + c->offset;

        if (c->kind == DS_COLUMN_TEXT) {
            (void) sqlite3_bind_text(st, first, field, -1, SQLITE_TRANSIENT);
            continue;
        }

        n = ds_store_number(field, c->size);

        if (c->kind == DS_COLUMN_NUMBER) {
            (void) sqlite3_bind_int64(st, first, n);

        } else {
            (void) sqlite3_bind_text(st, first, ds_store_word(c->kind, n), -1,
                                     SQLITE_STATIC);
        }
    }
}


void
ds_store_read(sqlite3_stmt *st, int first, const ds_column_t *c, void *row)
{
    char      *field, word[64];
    int64_t    n;
    uint32_t   n32;

    for ( /* void */ ; c->kind != DS_COLUMN_END; c++, first++) {
        field = (char *) row + c->offset;

        if (c->kind == DS_COLUMN_TEXT) {
            ds_text(field, c->size,
                    (const char *) sqlite3_column_text(st, first));
            continue;
        }

        if (c->kind == DS_COLUMN_NUMBER) {
            n = sqlite3_column_int64(st, first);

        } else {
            ds_text(word, sizeof(word),
                    (const char *) sqlite3_column_text(st, first));
            n = ds_store_from_word(c->kind, word);
        }

        if (c->size == sizeof(bool)) {
            *(bool *) field = n != 0;

        } else if (c->size == sizeof(n)) {
            memcpy(field, &n, sizeof(n));

        } else {
            n32 = (uint32_t) n;
            memcpy(field, &n32, sizeof(n32));
        }
    }
}


static int64_t
ds_store_number(const void *field, size_t size)
{
    int64_t   n;
    uint32_t  n32;

    if (size == sizeof(bool)) {
        return *(const bool *) field;
    }

    if (size == sizeof(n)) {
        memcpy(&n, field, sizeof(n));
        return n;
    }

    memcpy(&n32, field, sizeof(n32));

    return n32;
}


static const char *
ds_store_word(ds_column_e kind, int64_t n)
{
    switch (kind) {

    case DS_COLUMN_MODE:
        return ds_mode_name((ds_mode_e) n);

    case DS_COLUMN_VIDEO:
        return ds_video_name((ds_video_e) n);

    case DS_COLUMN_STATE:
        return ds_state_name((ds_state_e) n);

    default: /* DS_COLUMN_CODE */
        return ds_error_code((int) n);
    }
}


/* a word of a newer build is the mode "direct", and else the last there is */

static int64_t
ds_store_from_word(ds_column_e kind, const char *word)
{
    int64_t  n, last;

    if (kind == DS_COLUMN_CODE) {
        return ds_error_from_code(word);
    }

    last = kind == DS_COLUMN_MODE ? DS_MODE_HYBRID
           : kind == DS_COLUMN_VIDEO ? DS_VIDEO_ENCODE : DS_FAILED;

    for (n = 0; n <= last; n++) {
        if (strcmp(word, ds_store_word(kind, n)) == 0) {
            return n;
        }
    }

    return kind == DS_COLUMN_MODE ? DS_MODE_DIRECT : last;
}


void
ds_store_read_def(sqlite3_stmt *st, ds_stored_t *stored)
{
    memset(stored, 0, sizeof(ds_stored_t));

    ds_store_read(st, 0, ds_columns_def, stored);

    if (sqlite3_column_type(st, DS_COLUMN_SETTING) == SQLITE_NULL) {
        stored->def.profile = (ds_profile_t) DS_PROFILE_DEFAULT;

    } else {
        ds_store_read(st, DS_COLUMN_SETTING, ds_columns_setting, stored);
    }
}


void
ds_store_read_progress(sqlite3_stmt *st, int column, ds_progress_t *p)
{
    memset(p, 0, sizeof(ds_progress_t));

    if (sqlite3_column_type(st, column) != SQLITE_NULL) {
        ds_store_read(st, column, ds_columns_progress, p);
        p->valid = true;
    }
}
