
/*
 * ds_loop.h: a short piece of media in memory, as H.264 and AAC packets that
 * can be sent over and over: video without B-frames, a key frame first.  It
 * is constant once it is made; one of a file is shared by all that ask for it
 * in the same form.  Any thread.
 */

#ifndef DS_LOOP_H_INCLUDED_
#define DS_LOOP_H_INCLUDED_


#include <sys/stat.h>

#include <libavcodec/avcodec.h>

#include "base/ds_engine.h"
#include "base/ds_item.h"
#include "media/ds_merge.h"


typedef struct ds_loop_s   ds_loop_t;
typedef struct ds_loops_s  ds_loops_t;      /* those of an engine */


typedef struct {
    ds_profile_t        profile;        /* what it says of copies is not used */
    uint32_t            channels;       /* 1 or 2 */
} ds_form_t;


struct ds_loop_s {
    ds_form_t           form;           /* that was asked for */
    uint32_t            rate;           /* frames a second, that it has */
    AVCodecParameters  *par[2];         /* DS_VIDEO, DS_AUDIO */
    ds_merge_t          pkts;           /* times are not those of the air */

    /* ds_loop.c's */
    ds_loops_t         *loops;          /* NULL: not shared */
    ds_loop_t          *next;
    unsigned            refs;
    char               *path;
    struct stat         st;             /* of what was there at that time */
};


ds_loops_t *ds_loops_create(void);      /* NULL without memory */
void ds_loops_free(ds_loops_t **loops); /* none is in use; sets NULL */

/* true for one of those who ask within 250 ms: it may make what can wait */
bool ds_loops_turn(ds_loops_t *loops);


/*
 * A loop of the image or clip at "path", fitted into "form": a clip with its
 * sound, cut where a loop is full, an image (or what lasts less than a second)
 * as a still; "path" NULL: of a picture of "name".  Made at once, or when it
 * is its turn: so few are made at a time that neither memory nor the air
 * suffers.  NULL: DS_ESLATE_INVALID, DS_EENCODE_FAILED, DS_ENOMEM, or
 * DS_ECANCELED soon after "cancel" was set.
 */
ds_loop_t *ds_loop_create(ds_t *ds, const char *name, const char *path,
    const ds_form_t *form, ds_cancel_t *cancel, ds_error_t *err);

/* one of a file that somebody has already, or NULL; does not wait */
ds_loop_t *ds_loop_find(ds_t *ds, const char *path, const ds_form_t *form);

/* gives it back; sets *l to NULL */
void ds_loop_free(ds_loop_t **l);


#endif /* DS_LOOP_H_INCLUDED_ */
