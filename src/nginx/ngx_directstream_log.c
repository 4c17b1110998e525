
/*
 * ngx_directstream_log.c: the as-run log: a line for each item that was on air,
 * as in nginx's access log: formats are compiled when the configuration is
 * read, lines written at once, and files opened, also anew, by nginx.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_LOG_VALUE   256    /* longest, before the escape */
#define NGX_DIRECTSTREAM_LOG_GROWTH  6      /* \u001F */
#define NGX_DIRECTSTREAM_LOG_PAUSE   59     /* s between two warnings */


typedef enum {
    NGX_DIRECTSTREAM_LOG_TEXT = 0,      /* in the record */
    NGX_DIRECTSTREAM_LOG_SECONDS,       /* of its milliseconds */
    NGX_DIRECTSTREAM_LOG_LATE,          /* the same, less than 0: none */
    NGX_DIRECTSTREAM_LOG_TIME,          /* of its Unix milliseconds */
    NGX_DIRECTSTREAM_LOG_LOCAL,
    NGX_DIRECTSTREAM_LOG_STREAM,
    NGX_DIRECTSTREAM_LOG_INDEX,
    NGX_DIRECTSTREAM_LOG_BYTES,
    NGX_DIRECTSTREAM_LOG_DECISION,
    NGX_DIRECTSTREAM_LOG_REASON,
    NGX_DIRECTSTREAM_LOG_OUTCOME,
    NGX_DIRECTSTREAM_LOG_CACHE,
    NGX_DIRECTSTREAM_LOG_FROM_CACHE,
    NGX_DIRECTSTREAM_LOG_CODE
} ngx_directstream_log_kind_e;


typedef struct {
    ngx_str_t                      name;
    ngx_directstream_log_kind_e    kind;
    size_t                         offset;  /* in the record */
} ngx_directstream_log_var_t;


typedef struct {
    ngx_str_t                      literal;
    const ngx_directstream_log_var_t *var;  /* NULL: the literal */
} ngx_directstream_log_op_t;


typedef struct {
    ngx_str_t                      name;
    ngx_uint_t                     escape;
    ngx_array_t                    ops;
    u_char                        *line;    /* room for any record */
    size_t                         size;
} ngx_directstream_log_format_t;


typedef struct {
    ngx_open_file_t               *file;
    ngx_directstream_log_format_t *format;
    time_t                         warned;
} ngx_directstream_log_t;


typedef enum {
    NGX_DIRECTSTREAM_ESCAPE_DEFAULT = 0,
    NGX_DIRECTSTREAM_ESCAPE_JSON,
    NGX_DIRECTSTREAM_ESCAPE_NONE
} ngx_directstream_log_escape_e;


static ngx_int_t ngx_directstream_log_init(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf);
static ngx_int_t ngx_directstream_log_add(ngx_conf_t *cf,
    ngx_directstream_conf_t *dcf, const ngx_str_t *name, ngx_uint_t escape,
    const ngx_str_t *text, ngx_uint_t n);
static ngx_directstream_log_format_t *ngx_directstream_log_find(
    ngx_directstream_conf_t *dcf, ngx_str_t *name);
static ngx_int_t ngx_directstream_log_compile(ngx_conf_t *cf,
    ngx_directstream_log_format_t *format, const ngx_str_t *text);
static ngx_int_t ngx_directstream_log_name(ngx_conf_t *cf,
    const ngx_str_t *text, size_t *pos, ngx_str_t *name);
static const ngx_directstream_log_var_t *ngx_directstream_log_var(
    ngx_conf_t *cf, ngx_str_t *name);
static u_char *ngx_directstream_log_value(u_char *p,
    ngx_directstream_log_format_t *format, ngx_str_t *value);
static u_char *ngx_directstream_log_default(u_char *p, ngx_str_t *value);
static void ngx_directstream_log_out(ngx_directstream_log_t *log, u_char *line,
    size_t len);
static void ngx_directstream_log_get(ngx_str_t *value, u_char *buf,
    ngx_directstream_log_format_t *format,
    const ngx_directstream_log_var_t *var, const char *stream,
    ds_aired_t *aired);
static u_char *ngx_directstream_time_local(u_char *p, int64_t ms);


#define ngx_directstream_in(field)  offsetof(ds_aired_t, field)

static const ngx_directstream_log_var_t  ngx_directstream_log_vars[] = {
    { ngx_string("time_iso8601"), NGX_DIRECTSTREAM_LOG_LOCAL, 0 },
    { ngx_string("msec"), NGX_DIRECTSTREAM_LOG_SECONDS,
      ngx_directstream_in(ended) },
    { ngx_string("stream"), NGX_DIRECTSTREAM_LOG_STREAM, 0 },
    { ngx_string("index"), NGX_DIRECTSTREAM_LOG_INDEX, 0 },
    { ngx_string("id"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(item.id) },
    { ngx_string("title"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(item.title) },
    { ngx_string("source"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(url) },
    { ngx_string("started"), NGX_DIRECTSTREAM_LOG_TIME,
      ngx_directstream_in(started) },
    { ngx_string("ended"), NGX_DIRECTSTREAM_LOG_TIME,
      ngx_directstream_in(ended) },
    { ngx_string("duration"), NGX_DIRECTSTREAM_LOG_SECONDS,
      ngx_directstream_in(aired) },
    { ngx_string("position"), NGX_DIRECTSTREAM_LOG_SECONDS,
      ngx_directstream_in(position) },
    { ngx_string("gap"), NGX_DIRECTSTREAM_LOG_SECONDS,
      ngx_directstream_in(gap) },
    { ngx_string("slate"), NGX_DIRECTSTREAM_LOG_SECONDS,
      ngx_directstream_in(slate) },
    { ngx_string("bytes"), NGX_DIRECTSTREAM_LOG_BYTES, 0 },
    { ngx_string("decision"), NGX_DIRECTSTREAM_LOG_DECISION, 0 },
    { ngx_string("reason"), NGX_DIRECTSTREAM_LOG_REASON, 0 },
    { ngx_string("cache"), NGX_DIRECTSTREAM_LOG_CACHE, 0 },
    { ngx_string("from_cache"), NGX_DIRECTSTREAM_LOG_FROM_CACHE, 0 },
    { ngx_string("outcome"), NGX_DIRECTSTREAM_LOG_OUTCOME, 0 },
    { ngx_string("code"), NGX_DIRECTSTREAM_LOG_CODE, 0 },
    { ngx_string("queue_id"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(queue_id) },
    { ngx_string("queued_by"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(queued_by) },
    { ngx_string("slot"), NGX_DIRECTSTREAM_LOG_TEXT,
      ngx_directstream_in(slot) },
    { ngx_string("late"), NGX_DIRECTSTREAM_LOG_LATE,
      ngx_directstream_in(late) },
    { ngx_null_string, 0, 0 }
};


static const struct {
    ngx_str_t   name;
    ngx_uint_t  escape;
    ngx_str_t   text;
} ngx_directstream_log_formats[] = {
    { ngx_string("combined"), NGX_DIRECTSTREAM_ESCAPE_DEFAULT,
      ngx_string("$stream [$time_iso8601] $outcome $index \"$id\" "
                 "\"$title\" $duration $position $gap $slate $bytes "
                 "$decision \"$source\" $code \"$reason\" $cache") },
    { ngx_string("json"), NGX_DIRECTSTREAM_ESCAPE_JSON,
      ngx_string("{\"time\":\"$time_iso8601\",\"stream\":\"$stream\","
                 "\"index\":$index,\"id\":\"$id\",\"title\":\"$title\","
                 "\"source\":\"$source\",\"started\":\"$started\","
                 "\"ended\":\"$ended\",\"duration\":$duration,"
                 "\"position\":$position,\"gap\":$gap,\"slate\":$slate,"
                 "\"bytes\":$bytes,\"decision\":\"$decision\","
                 "\"from_cache\":$from_cache,"
                 "\"outcome\":\"$outcome\",\"code\":\"$code\","
                 "\"reason\":\"$reason\",\"queue_id\":\"$queue_id\","
                 "\"queued_by\":\"$queued_by\",\"slot\":\"$slot\","
                 "\"late\":$late}") }
};


/* directstream_log path [format] | off; default off; context: directstream */

char *
ngx_directstream_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t               *value, name;
    ngx_directstream_log_t  *log;

    value = cf->args->elts;

    if (dcf->log_off) {
        return "is duplicate";
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (dcf->logs != NULL) {
            return "is duplicate";
        }

        dcf->log_off = 1;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0
        || ngx_strchr(value[1].data, '$') != NULL
        || ngx_strncmp(value[1].data, "syslog:", sizeof("syslog:") - 1) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" in \"%V\", it must be a "
                           "file, without variables, or \"off\"", &value[1],
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_directstream_log_init(cf, dcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (dcf->logs == NULL) {
        dcf->logs = ngx_array_create(cf->pool, 1,
                                     sizeof(ngx_directstream_log_t));
        if (dcf->logs == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    log = ngx_array_push(dcf->logs);
    if (log == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(log, sizeof(ngx_directstream_log_t));

    ngx_str_set(&name, "combined");

    if (cf->args->nelts == 3) {
        name = value[2];
    }

    log->format = ngx_directstream_log_find(dcf, &name);

    if (log->format == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown log format \"%V\" in \"%V\", it must be "
                           "\"combined\", \"json\", or the name of a "
                           "\"directstream_log_format\" above",
                           &name, &cmd->name);
        return NGX_CONF_ERROR;
    }

    log->file = ngx_conf_open_file(cf->cycle, &value[1]);
    if (log->file == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * directstream_log_format name [escape=default|json|none] string ...;
 * default combined, json; context: directstream
 */

char *
ngx_directstream_log_format(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    u_char      *word;
    ngx_str_t   *value;
    ngx_uint_t   i, escape;

    value = cf->args->elts;

    if (ngx_directstream_log_init(cf, dcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_directstream_log_find(dcf, &value[1]) != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate \"%V\" name \"%V\"", &cmd->name,
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    i = 2;
    escape = NGX_DIRECTSTREAM_ESCAPE_DEFAULT;

    if (ngx_strncmp(value[2].data, "escape=", 7) == 0) {
        word = value[2].data + 7;

        if (ngx_strcmp(word, "json") == 0) {
            escape = NGX_DIRECTSTREAM_ESCAPE_JSON;

        } else if (ngx_strcmp(word, "none") == 0) {
            escape = NGX_DIRECTSTREAM_ESCAPE_NONE;

        } else if (ngx_strcmp(word, "default") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "unknown log format escaping \"%s\", it must "
                               "be \"default\", \"json\" or \"none\"", word);
            return NGX_CONF_ERROR;
        }

        i++;
    }

    if (i == cf->args->nelts) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" \"%V\" has no text", &cmd->name,
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return (ngx_directstream_log_add(cf, dcf, &value[1], escape, &value[i],
                                     cf->args->nelts - i)
            == NGX_OK) ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* the formats there are without a word */

uint64_t
ngx_directstream_log_digest(ngx_directstream_conf_t *dcf, uint64_t digest)
{
    ngx_str_t                      *name;
    ngx_uint_t                      i, j;
    ngx_directstream_log_t         *log;
    ngx_directstream_log_op_t      *op;
    ngx_directstream_log_format_t  *format;

    if (dcf->logs == NULL) {
        return digest;
    }

    log = dcf->logs->elts;

    for (i = 0; i < dcf->logs->nelts; i++) {
        name = &log[i].file->name;
        format = log[i].format;

        digest = ngx_directstream_digest(digest, name->data, name->len + 1);
        digest = ngx_directstream_digest(digest, &format->escape,
                                         sizeof(ngx_uint_t));
        op = format->ops.elts;

        for (j = 0; j < format->ops.nelts; j++) {
            name = (op[j].var != NULL) ? (ngx_str_t *) &op[j].var->name
                                       : &op[j].literal;
            digest = ngx_directstream_digest(digest, name->data, name->len);
        }
    }

    return digest;
}


static ngx_int_t
ngx_directstream_log_init(ngx_conf_t *cf, ngx_directstream_conf_t *dcf)
{
    ngx_uint_t  i;

    if (dcf->log_formats != NULL) {
        return NGX_OK;
    }

    dcf->log_formats = ngx_array_create(cf->pool, 4, sizeof(void *));
    if (dcf->log_formats == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(ngx_directstream_log_formats)
                    / sizeof(ngx_directstream_log_formats[0]); i++)
    {
        if (ngx_directstream_log_add(cf, dcf,
                                     &ngx_directstream_log_formats[i].name,
                                     ngx_directstream_log_formats[i].escape,
                                     &ngx_directstream_log_formats[i].text, 1)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_directstream_log_add(ngx_conf_t *cf, ngx_directstream_conf_t *dcf,
    const ngx_str_t *name, ngx_uint_t escape, const ngx_str_t *text,
    ngx_uint_t n)
{
    ngx_uint_t                       i;
    ngx_directstream_log_format_t   *format, **fp;

    format = ngx_pcalloc(cf->pool, sizeof(ngx_directstream_log_format_t));
    fp = ngx_array_push(dcf->log_formats);

    if (format == NULL || fp == NULL
        || ngx_array_init(&format->ops, cf->pool, 16,
                          sizeof(ngx_directstream_log_op_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    format->name = *name;
    format->escape = escape;
    format->size = 1;
    *fp = format;

    for (i = 0; i < n; i++) {
        if (ngx_directstream_log_compile(cf, format, &text[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* records are written one at a time, so a format has one line */

    format->line = ngx_pnalloc(cf->pool, format->size);

    return (format->line != NULL) ? NGX_OK : NGX_ERROR;
}


static ngx_directstream_log_format_t *
ngx_directstream_log_find(ngx_directstream_conf_t *dcf, ngx_str_t *name)
{
    ngx_uint_t                       i;
    ngx_directstream_log_format_t  **fp;

    fp = dcf->log_formats->elts;

    for (i = 0; i < dcf->log_formats->nelts; i++) {
        if (fp[i]->name.len == name->len
            && ngx_strncmp(fp[i]->name.data, name->data, name->len) == 0)
        {
            return fp[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_directstream_log_compile(ngx_conf_t *cf,
    ngx_directstream_log_format_t *format, const ngx_str_t *text)
{
    size_t                      i, start;
    ngx_str_t                   name;
    ngx_directstream_log_op_t  *op;

    i = 0;

    while (i < text->len) {

        op = ngx_array_push(&format->ops);
        if (op == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(op, sizeof(ngx_directstream_log_op_t));

        if (text->data[i] != '$') {

            for (start = i; i < text->len && text->data[i] != '$'; i++) {
                /* void */
            }

            op->literal.data = &text->data[start];
            op->literal.len = i - start;
            format->size += op->literal.len;
            continue;
        }

        if (ngx_directstream_log_name(cf, text, &i, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        op->var = ngx_directstream_log_var(cf, &name);
        if (op->var == NULL) {
            return NGX_ERROR;
        }

        format->size += NGX_DIRECTSTREAM_LOG_VALUE
                        * NGX_DIRECTSTREAM_LOG_GROWTH;
    }

    return NGX_OK;
}


/* $name or ${name} at "pos", which moves behind it */

static ngx_int_t
ngx_directstream_log_name(ngx_conf_t *cf, const ngx_str_t *text, size_t *pos,
    ngx_str_t *name)
{
    u_char      ch;
    size_t      i;
    ngx_uint_t  bracket;

    i = *pos + 1;

    bracket = (i < text->len && text->data[i] == '{');
    i += bracket;

    name->data = &text->data[i];

    for (name->len = 0; i < text->len; i++, name->len++) {
        ch = text->data[i];

        if (!(ch >= 'A' && ch <= 'Z') && !(ch >= 'a' && ch <= 'z')
            && !(ch >= '0' && ch <= '9') && ch != '_')
        {
            break;
        }
    }

    if (name->len == 0
        || (bracket && (i == text->len || text->data[i] != '}')))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable in log format \"%V\", it must "
                           "be $name or ${name}", text);
        return NGX_ERROR;
    }

    *pos = i + bracket;

    return NGX_OK;
}


static const ngx_directstream_log_var_t *
ngx_directstream_log_var(ngx_conf_t *cf, ngx_str_t *name)
{
    u_char                            list[512], *p;
    const ngx_directstream_log_var_t  *v;

    p = list;

    for (v = ngx_directstream_log_vars; v->name.len != 0; v++) {

        if (v->name.len == name->len
            && ngx_strncmp(v->name.data, name->data, name->len) == 0)
        {
            return v;
        }

        p = ngx_slprintf(p, list + sizeof(list), " $%V", &v->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown variable \"$%V\" in a log format, there are"
                       "%*s", name, (size_t) (p - list), list);

    return NULL;
}


void
ngx_directstream_log_write(ngx_directstream_conf_t *dcf, const char *stream,
    ds_aired_t *aired)
{
    u_char                          buf[NGX_DIRECTSTREAM_LOG_VALUE], *p;
    ngx_str_t                       value;
    ngx_uint_t                      i, n;
    ngx_directstream_log_t         *log;
    ngx_directstream_log_op_t      *op;
    ngx_directstream_log_format_t  *format;

    if (dcf->logs == NULL) {
        return;
    }

    log = dcf->logs->elts;

    for (i = 0; i < dcf->logs->nelts; i++) {
        format = log[i].format;
        op = format->ops.elts;
        p = format->line;

        for (n = 0; n < format->ops.nelts; n++) {

            if (op[n].var == NULL) {
                p = ngx_cpymem(p, op[n].literal.data, op[n].literal.len);
                continue;
            }

            ngx_directstream_log_get(&value, buf, format, op[n].var, stream,
                                     aired);
            p = ngx_directstream_log_value(p, format, &value);
        }

        ngx_linefeed(p);

        ngx_directstream_log_out(&log[i], format->line, p - format->line);
    }
}


/* the engine's texts are UTF-8, and without controls */

static u_char *
ngx_directstream_log_value(u_char *p, ngx_directstream_log_format_t *format,
    ngx_str_t *value)
{
    /* what a record has is shorter */
    value->len = ngx_min(value->len, NGX_DIRECTSTREAM_LOG_VALUE);

    switch (format->escape) {

    case NGX_DIRECTSTREAM_ESCAPE_JSON:
        return (u_char *) ngx_escape_json(p, value->data, value->len);

    case NGX_DIRECTSTREAM_ESCAPE_NONE:
        return ngx_cpymem(p, value->data, value->len);

    default:
        return ngx_directstream_log_default(p, value);
    }
}


/* as nginx's access log has it: \xXX, and "-" for nothing */

static u_char *
ngx_directstream_log_default(u_char *p, ngx_str_t *value)
{
    u_char  c;
    size_t  i;

    if (value->len == 0) {
        *p++ = '-';
        return p;
    }

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            p = ngx_sprintf(p, "\\x%02Xd", (ngx_int_t) c);

        } else {
            *p++ = c;
        }
    }

    return p;
}


/* a log that cannot be written is no reason for anything else to stop */

static void
ngx_directstream_log_out(ngx_directstream_log_t *log, u_char *line, size_t len)
{
    time_t     now;
    ssize_t    n;
    ngx_err_t  err;

    n = ngx_write_fd(log->file->fd, line, len);

    if (n == (ssize_t) len) {
        return;
    }

    err = (n == -1) ? ngx_errno : 0;
    now = ngx_time();

    if (log->warned != 0 && now - log->warned <= NGX_DIRECTSTREAM_LOG_PAUSE) {
        return;
    }

    log->warned = now;

    if (n == -1) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, err,
                      ngx_write_fd_n " to \"%V\" failed", &log->file->name);
        return;
    }

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                  ngx_write_fd_n " to \"%V\" was incomplete: %z of %uz",
                  &log->file->name, n, len);
}


/* points into the record, or to "buf" */

static void
ngx_directstream_log_get(ngx_str_t *value, u_char *buf,
    ngx_directstream_log_format_t *format,
    const ngx_directstream_log_var_t *var, const char *stream,
    ds_aired_t *aired)
{
    u_char      *p, *field;
    int64_t      ms;
    const char  *text;

    p = buf;
    text = NULL;
    field = (u_char *) aired + var->offset;

    switch (var->kind) {

    case NGX_DIRECTSTREAM_LOG_TEXT:
        text = (char *) field;
        break;

    case NGX_DIRECTSTREAM_LOG_SECONDS:
        ms = ngx_max(*(int64_t *) field, 0);
        p = ngx_sprintf(p, "%L.%03L", ms / 1000, ms % 1000);
        break;

    case NGX_DIRECTSTREAM_LOG_LATE:
        ms = *(int64_t *) field;

        if (ms >= 0) {
            p = ngx_sprintf(p, "%L.%03L", ms / 1000, ms % 1000);

        } else {
            text = (format->escape == NGX_DIRECTSTREAM_ESCAPE_JSON) ? "null"
                                                                    : "";
        }

        break;

    case NGX_DIRECTSTREAM_LOG_TIME:
        p = ngx_directstream_time_utc(p, *(int64_t *) field);
        break;

    case NGX_DIRECTSTREAM_LOG_LOCAL:
        p = ngx_directstream_time_local(p, aired->ended);
        break;

    case NGX_DIRECTSTREAM_LOG_STREAM:
        text = stream;
        break;

    case NGX_DIRECTSTREAM_LOG_INDEX:
        if (aired->item.index != DS_NO_INDEX) {
            p = ngx_sprintf(p, "%uD", aired->item.index);

        } else {
            /* a number is looked for there, in JSON */
            text = (format->escape == NGX_DIRECTSTREAM_ESCAPE_JSON) ? "null"
                                                                    : "";
        }

        break;

    case NGX_DIRECTSTREAM_LOG_BYTES:
        p = ngx_sprintf(p, "%uL", aired->bytes);
        break;

    case NGX_DIRECTSTREAM_LOG_DECISION:
        text = ds_decision_name(aired->decision);
        break;

    case NGX_DIRECTSTREAM_LOG_REASON:
        /* why it was not played to its end, else why as it was */
        text = aired->item.reason[0] ? aired->item.reason
                                     : aired->decision_reason;
        break;

    case NGX_DIRECTSTREAM_LOG_CACHE:
        text = aired->from_cache ? "hit" : "";
        break;

    case NGX_DIRECTSTREAM_LOG_FROM_CACHE:
        text = aired->from_cache ? "true" : "false";
        break;

    case NGX_DIRECTSTREAM_LOG_OUTCOME:
        text = ds_item_state_name(aired->item.state);
        break;

    case NGX_DIRECTSTREAM_LOG_CODE:
        text = aired->item.code ? ds_error_code(aired->item.code) : "";
        break;
    }

    value->data = (text != NULL) ? (u_char *) text : buf;
    value->len = (text != NULL) ? ngx_strlen(text) : (size_t) (p - buf);
}


/* as $time_iso8601 of nginx's http has it */

static u_char *
ngx_directstream_time_local(u_char *p, int64_t ms)
{
    ngx_tm_t     tm;
    ngx_int_t    gmtoff;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    gmtoff = tp->gmtoff;

    ngx_gmtime((time_t) (ms / 1000 + gmtoff * 60), &tm);

    return ngx_sprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d%c%02i:%02i",
                       tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                       tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                       gmtoff < 0 ? '-' : '+',
                       ngx_abs(gmtoff / 60), ngx_abs(gmtoff % 60));
}
