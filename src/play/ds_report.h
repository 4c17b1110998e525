
/*
 * ds_report.h: what a stream's status says.
 */

#ifndef DS_REPORT_H_INCLUDED_
#define DS_REPORT_H_INCLUDED_


#include "play/ds_play.h"


/* context: player's thread; brings the status up to date */
void ds_report(ds_stream_t *s);


#endif /* DS_REPORT_H_INCLUDED_ */
