
/*
 * ngx_directstream_crash.c: what is known of relay workers that died: the
 * stream and the item that took one down, as noted in the zone by the thread
 * that did, and whether they die so often that streams have to start one by
 * one.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_CRASH_OFTEN   60000   /* ms, three of them */
#define NGX_DIRECTSTREAM_CRASH_FORGET  600000  /* ms after a stream's last */
#define NGX_DIRECTSTREAM_CRASH_WAIT    60000   /* ms it waits, at most */


static ngx_directstream_node_t *ngx_directstream_crash_note(
    ngx_directstream_conf_t *dcf, ds_crash_t *crash);
static void ngx_directstream_crash_item(ngx_directstream_info_t *info,
    ds_turn_t *turn);


ds_crash_t *
ngx_directstream_crash_place(ngx_directstream_conf_t *dcf)
{
    return &dcf->sh->crash[dcf->generation % NGX_DIRECTSTREAM_CRASHES];
}


/* also of older relay workers, which nobody else comes after */

void
ngx_directstream_crash_take(ngx_directstream_conf_t *dcf, ngx_log_t *log)
{
    ds_crash_t   crash;
    ngx_uint_t   i, known;

    for (i = 0; i < NGX_DIRECTSTREAM_CRASHES; i++) {

        ngx_shmtx_lock(&dcf->shpool->mutex);

        crash = dcf->sh->crash[i];
        known = 0;

        if (crash.signal != 0) {
            dcf->sh->crash[i].signal = 0;
            known = (ngx_directstream_crash_note(dcf, &crash) != NULL);
        }

        ngx_shmtx_unlock(&dcf->shpool->mutex);

        if (crash.signal == 0) {
            continue;
        }

        if (known && crash.has_item) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "directstream \"%s\": item %uD took the relay "
                          "worker down, signal %d in thread \"%s\", it is "
                          "not tried again in this pass, id: \"%s\"",
                          crash.stream, crash.turn.index, crash.signal,
                          crash.thread, crash.turn.id);

        } else if (known) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "directstream \"%s\": took the relay worker down, "
                          "signal %d in thread \"%s\"",
                          crash.stream, crash.signal, crash.thread);

        } else {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "directstream: a relay worker died of signal %d "
                          "in thread \"%s\"", crash.signal, crash.thread);
        }
    }
}


/* with the lock held; NULL: there is no such stream */

static ngx_directstream_node_t *
ngx_directstream_crash_note(ngx_directstream_conf_t *dcf, ds_crash_t *crash)
{
    ds_error_t               *err;
    ngx_msec_t                wait;
    ngx_directstream_info_t  *info;
    ngx_directstream_node_t  *node;

    node = ngx_directstream_zone_find(dcf->sh, crash->stream);
    if (node == NULL) {
        return NULL;
    }

    info = &node->info;

    if (ngx_current_msec - info->crashed_at > NGX_DIRECTSTREAM_CRASH_FORGET) {
        info->crashes = 0;
    }

    info->crashed_at = ngx_current_msec;

    /* the first one costs it nothing, later ones others should not pay for */

    if (++info->crashes > 1) {
        wait = (ngx_msec_t) 1000 << ngx_min(info->crashes, 16);
        info->retry = ngx_current_msec
                      + ngx_min(wait, NGX_DIRECTSTREAM_CRASH_WAIT);
    }

    err = &info->status.error;

    if (crash->has_item) {
        ngx_directstream_crash_item(info, &crash->turn);

        err->code = DS_EITEM_CRASHED;
        (void) ngx_snprintf((u_char *) err->message, DS_MESSAGE_LEN,
                            "item %uD took the relay worker down, signal %d"
                            "%Z", crash->turn.index, crash->signal);

    } else {
        err->code = DS_EINTERNAL;
        (void) ngx_snprintf((u_char *) err->message, DS_MESSAGE_LEN,
                            "thread \"%s\" took the relay worker down, "
                            "signal %d%Z", crash->thread, crash->signal);
    }

    err->at = ngx_directstream_now();
    ngx_directstream_journal_note(dcf, node);

    return node;
}


/* a run that is wanted anew, by whomever, tries everything again */

static void
ngx_directstream_crash_item(ngx_directstream_info_t *info, ds_turn_t *turn)
{
    ngx_uint_t  i;

    if (info->crashed_epoch != info->epoch) {
        info->crashed_epoch = info->epoch;
        info->ncrashed = 0;
    }

    for (i = 0; i < info->ncrashed; i++) {
        if (info->crashed[i].index == turn->index
            && ngx_strcmp(info->crashed[i].id, turn->id) == 0)
        {
            break;
        }
    }

    if (i == DS_CRASHED) {
        i = 0;
    }

    /* the latest is the last */

    if (i < info->ncrashed) {
        info->ncrashed--;
        ngx_memmove(&info->crashed[i], &info->crashed[i + 1],
                    (info->ncrashed - i) * sizeof(ds_turn_t));
    }

    info->crashed[info->ncrashed++] = *turn;
}


size_t
ngx_directstream_crash_count(ngx_directstream_info_t *info)
{
    return (info->crashed_epoch == info->epoch) ? info->ncrashed : 0;
}


void
ngx_directstream_crash_died(ngx_directstream_sh_t *sh)
{
    sh->deaths[sh->relay_restarts % NGX_DIRECTSTREAM_DEATHS]
                                                         = ngx_current_msec;
    sh->relay_restarts++;
}


ngx_uint_t
ngx_directstream_crash_often(ngx_directstream_sh_t *sh)
{
    ngx_msec_t  oldest;

    oldest = sh->deaths[sh->relay_restarts % NGX_DIRECTSTREAM_DEATHS];

    return sh->relay_restarts >= NGX_DIRECTSTREAM_DEATHS
           && ngx_current_msec - oldest < NGX_DIRECTSTREAM_CRASH_OFTEN;
}
