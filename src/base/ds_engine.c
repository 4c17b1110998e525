
/*
 * ds_engine.c: the engine's log, by which alone its threads reach the world
 * above, with a wakeup; and its heap.
 */

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ds_engine.h"


#define DS_MAX_RECORDS    256

/* ms between two trims */
#define DS_TRIM_TIME      10000


struct ds_node_s {
    ds_record_t   record;
    ds_node_t    *next;
};


static void ds_log_plain(char *text);


void
ds_wakeup(ds_t *ds)
{
    if (ds->conf.wakeup != NULL) {
        ds->conf.wakeup(ds->conf.wakeup_data);
    }
}


void
ds_trim(ds_t *ds)
{
    int64_t  at, now;

    now = ds_monotonic();
    at = atomic_load(&ds->trim_at);

    if (now >= at
        && atomic_compare_exchange_strong(&ds->trim_at, &at,
                                          now + DS_TRIM_TIME))
    {
        (void) malloc_trim(0);
    }
}


void
ds_log(ds_t *ds, int level, const char *stream, const char *fmt, ...)
{
    va_list     args;
    ds_node_t  *node;
    char        text[DS_RECORD_LEN];

    node = malloc(sizeof(ds_node_t));
    if (node == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    node->next = NULL;
    node->record.level = level;
    ds_text(node->record.stream, sizeof(node->record.stream), stream);
    ds_text(node->record.text, sizeof(node->record.text), text);
    ds_log_plain(node->record.text);

    (void) pthread_mutex_lock(&ds->lock);

    if (ds->nrecords == DS_MAX_RECORDS) {
        ds->dropped++;
        (void) pthread_mutex_unlock(&ds->lock);
        free(node);
        return;
    }

    *ds->last = node;
    ds->last = &node->next;
    ds->nrecords++;

    (void) pthread_mutex_unlock(&ds->lock);

    ds_wakeup(ds);
}


/*
 * Titles are of anybody's making: what of UTF-8 a terminal obeys, C1 controls
 * and changes of the direction, becomes question marks.
 */

static void
ds_log_plain(char *text)
{
    unsigned char  *p;

    for (p = (unsigned char *) text; *p != '\0'; p++) {

        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f) {
            memset(p, '?', 2);

        } else if (p[0] == 0xe2
                   && ((p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae)
                       || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9)))
        {
            memset(p, '?', 3);
        }
    }
}


bool
ds_poll(ds_t *ds, ds_record_t *record)
{
    unsigned    dropped;
    ds_node_t  *node;

    (void) pthread_mutex_lock(&ds->lock);

    dropped = 0;
    node = ds->first;

    if (node != NULL) {
        ds->first = node->next;
        ds->nrecords--;

        if (ds->first == NULL) {
            ds->last = &ds->first;
        }

    } else {
        dropped = ds->dropped;
        ds->dropped = 0;
    }

    (void) pthread_mutex_unlock(&ds->lock);

    if (node != NULL) {
        *record = node->record;
        free(node);
        return true;
    }

    if (dropped != 0) {
        record->level = DS_LOG_WARN;
        record->stream[0] = '\0';
        (void) snprintf(record->text, sizeof(record->text),
                        "%u log records dropped", dropped);
        return true;
    }

    return false;
}


void
ds_log_free(ds_t *ds)
{
    ds_node_t  *node;

    while ((node = ds->first) != NULL) {
        ds->first = node->next;
        free(node);
    }
}
