
/* ds_picture.h: the pictures of a slate.  Any thread. */

#ifndef DS_PICTURE_H_INCLUDED_
#define DS_PICTURE_H_INCLUDED_


#include "air/ds_loop.h"


/* draws "text", of the characters of a stream's name, into a yuv420p frame */
void ds_picture_text(AVFrame *frame, const char *text);

/*
 * Makes a loop of the image or clip at "path", fitted into "form": a clip
 * with its sound, cut where a loop is full, an image (or less than a second
 * of pictures) as a still.  NULL: DS_ESLATE_INVALID, DS_EENCODE_FAILED,
 * DS_ENOMEM, or DS_ECANCELED soon after "cancel" was set.
 */
ds_loop_t *ds_picture_file(const ds_conf_t *conf, const char *path,
    const ds_form_t *form, ds_cancel_t *cancel, ds_error_t *err);

/* a loop that shows "frame", of the form's size, with silence */
ds_loop_t *ds_picture_still(AVFrame *frame, const ds_form_t *form,
    ds_cancel_t *cancel, ds_error_t *err);

/* a loop that shows "name" */
ds_loop_t *ds_picture_name(const char *name, const ds_form_t *form,
    ds_cancel_t *cancel, ds_error_t *err);


#endif /* DS_PICTURE_H_INCLUDED_ */
