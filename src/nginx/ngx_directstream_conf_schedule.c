
/*
 * ngx_directstream_conf_schedule.c: parses the "schedule" block of a stream.
 * What its lines mean is the engine's; here they get file and line.
 */

#include "ngx_directstream.h"


typedef struct {
    ngx_directstream_conf_t *dcf;
    ds_schedule_t            schedule;
    ngx_uint_t               lines[DS_SLOTS];
} ngx_directstream_conf_schedule_t;


static char *ngx_directstream_slot(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static ngx_uint_t ngx_directstream_slot_param(ngx_str_t *value, char *name,
    char **text);
static char *ngx_directstream_schedule_end(ngx_conf_t *cf,
    ngx_directstream_conf_schedule_t *s);


/*
 * schedule [timezone=name] [prepare=time] { ... }; default none;
 * context: stream
 */

char *
ngx_directstream_schedule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    char                              *rv, *text, name[16];
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_conf_t                         save;
    ds_error_t                         err;
    const char                        *field;
    ngx_directstream_conf_schedule_t  *s;

    if (dcf->stream->set & NGX_DIRECTSTREAM_SET_SCHEDULE) {
        return "is duplicate";
    }

    dcf->stream->set |= NGX_DIRECTSTREAM_SET_SCHEDULE;

    s = ngx_pcalloc(cf->temp_pool, sizeof(ngx_directstream_conf_schedule_t));
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    s->dcf = dcf;
    ds_schedule_init(&s->schedule);

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_directstream_slot_param(&value[i], name, &text)
            || ds_schedule_set(&s->schedule, name, text, &field, &err)
               != DS_OK)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\"%s%s",
                               &value[i], &cmd->name,
                               text != NULL ? ": " : ", it must be "
                               "\"timezone=\" or \"prepare=\" and a value",
                               text != NULL ? err.message : "");
            return NGX_CONF_ERROR;
        }
    }

    save = *cf;
    cf->handler = ngx_directstream_slot;
    cf->handler_conf = (void *) s;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return (rv == NGX_CONF_OK) ? ngx_directstream_schedule_end(cf, s) : rv;
}


/* "name=text"; "name" has room for 16 bytes; *text NULL: it is not one */

static ngx_uint_t
ngx_directstream_slot_param(ngx_str_t *value, char *name, char **text)
{
    char  *p;

    p = strchr((char *) value->data, '=');
    *text = NULL;

    if (p == NULL || p - (char *) value->data >= 16) {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) name, value->data,
                       (u_char *) p - value->data + 1);
    *text = p + 1;

    return 1;
}


/*
 * slot [days | date] time parameter ...;
 * every time parameter ...;
 * filler parameter ...;
 * context: schedule
 */

static char *
ngx_directstream_slot(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    int                                rc;
    char                              *text, name[16], when[DS_SLOT_LEN];
    ngx_str_t                         *value;
    ngx_uint_t                         i, n, words;
    ds_slot_e                          kind;
    ds_error_t                         err;
    const char                        *field;
    ds_timeslot_t                     *slot;
    ngx_directstream_conf_schedule_t  *s;

    (void) dummy;
    (void) conf;

    s = cf->handler_conf;
    value = cf->args->elts;

    if (ngx_strcmp(value[0].data, "slot") == 0) {
        kind = DS_SLOT_AT;
        words = 2;

    } else if (ngx_strcmp(value[0].data, "every") == 0) {
        kind = DS_SLOT_EVERY;
        words = 1;

    } else if (ngx_strcmp(value[0].data, "filler") == 0) {
        kind = DS_SLOT_FILLER;
        words = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in \"schedule\", it must "
                           "be \"slot\", \"every\" or \"filler\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    n = s->schedule.n;

    if (n == DS_SLOTS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a schedule may have at most %d slots", DS_SLOTS);
        return NGX_CONF_ERROR;
    }

    when[0] = '\0';

    for (i = 1;
         i < cf->args->nelts && i <= words
         && strchr((char *) value[i].data, '=') == NULL;
         i++)
    {
        (void) ngx_snprintf((u_char *) when, sizeof(when), "%s%s%V%Z",
                            when, i == 1 ? "" : " ", &value[i]);
        when[sizeof(when) - 1] = '\0';
    }

    slot = &s->schedule.slots[n];
    rc = ds_slot_init(slot, kind, when, &field, &err);

    for ( /* void */ ; rc == DS_OK && i < cf->args->nelts; i++) {

        if (!ngx_directstream_slot_param(&value[i], name, &text)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of \"%V\", it must be "
                               "a name, \"=\" and a value", &value[i],
                               &value[0]);
            return NGX_CONF_ERROR;
        }

        /* whether files are allowed is known at the end of the block */

        rc = ds_slot_set(slot, name, text, 1, &field, &err);
    }

    if (rc != DS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"%V\": %s",
                           &value[0], err.message);
        return NGX_CONF_ERROR;
    }

    s->lines[n] = cf->conf_file->line;
    s->schedule.n++;

    return NGX_CONF_OK;
}


static char *
ngx_directstream_schedule_end(ngx_conf_t *cf,
    ngx_directstream_conf_schedule_t *s)
{
    uint32_t     i;
    ds_error_t   err;
    const char  *field;

    if (s->schedule.n == 0) {
        return "has no slot";
    }

    if (ds_schedule_check(&s->schedule, &i, &field, &err) != DS_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "invalid \"schedule\": %s "
                      "in %s:%ui", err.message, cf->conf_file->file.name.data,
                      i < DS_SLOTS ? s->lines[i] : cf->conf_file->line);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < s->schedule.n; i++) {

        /* an nginx that starts again after it must not fail for that */

        if (ds_schedule_past(&s->schedule, i, ngx_directstream_now())) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "slot \"%s\" is in the past in %s:%ui",
                          s->schedule.slots[i].label,
                          cf->conf_file->file.name.data, s->lines[i]);
        }
    }

    if (ds_schedule_write(&s->schedule, s->dcf->stream->def.schedule, &err)
        != DS_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid \"schedule\": %s",
                           err.message);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
