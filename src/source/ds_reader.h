
/*
 * ds_reader.h: one item's packets, whatever its source does: resolves the
 * item, opens it, and when the bytes stop goes on where they stopped, with
 * URLs resolved anew where it must.  Used by one thread, the source's.
 * Blocks; ends soon after "cancel" is set.
 */

#ifndef DS_READER_H_INCLUDED_
#define DS_READER_H_INCLUDED_


#include "media/ds_input.h"
#include "source/ds_link.h"


typedef struct ds_reader_s  ds_reader_t;


/* resolves, opens and probes; NULL: "err" says why */
ds_reader_t *ds_reader_open(const ds_link_conf_t *conf, ds_error_t *err);

/* what resolving told at first; borrowed, constant until ds_reader_close() */
const ds_media_t *ds_reader_media(ds_reader_t *r);

/*
 * Never NULL.  It is another one after a ds_reader_read() that has opened the
 * item again, and all that was borrowed of the old one is gone: copy what is
 * needed for longer.  Codecs that change come as with ds_input.h; a changed
 * header of one as AV_PKT_DATA_NEW_EXTRADATA with every key frame it is for.
 */
ds_input_t *ds_reader_input(ds_reader_t *r);

/* ms into the item, where reading began; 0 when it cannot be sought in */
int64_t ds_reader_start(ds_reader_t *r);

/*
 * As ds_input_read(), and no packet comes twice or is missing, whatever
 * happens to the source; of a broadcast what was missed is cut out.  An
 * error is one that no attempt has mended for three times the source_timeout,
 * or that none can mend.
 */
int ds_reader_read(ds_reader_t *r, AVPacket *pkt, ds_error_t *err);

/* any thread: the DS_E… that is being mended, 0: none */
int ds_reader_trouble(ds_reader_t *r);

void ds_reader_close(ds_reader_t **r);


#endif /* DS_READER_H_INCLUDED_ */
