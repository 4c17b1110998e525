
/*
 * ngx_directstream_token.c: who may do what: tokens with a role and streams.
 * What is read of a file is what a token hashes to, so that neither the
 * configuration nor a process's memory has one.
 */

#include "ngx_directstream_http.h"


#define NGX_DIRECTSTREAM_HASHES    (64 * 1024)     /* bytes of a file */
#define NGX_DIRECTSTREAM_GUESSES   1000            /* ms between two lines */


static char *ngx_directstream_token_args(ngx_conf_t *cf,
    ngx_directstream_token_t *token);
static char *ngx_directstream_token_streams(ngx_conf_t *cf,
    ngx_directstream_token_t *token, ngx_str_t *list);
static ngx_uint_t ngx_directstream_token_word(ngx_str_t *word,
    ngx_uint_t pattern);
static char *ngx_directstream_token_file(ngx_conf_t *cf, ngx_array_t *tokens,
    ngx_directstream_token_t *token, ngx_str_t *name);
static char *ngx_directstream_token_lines(ngx_conf_t *cf, ngx_array_t *tokens,
    ngx_directstream_token_t *token, ngx_str_t *name, ngx_str_t *text);
static ngx_int_t ngx_directstream_token_hex(u_char *hash, u_char *p,
    u_char *last);
static ngx_directstream_token_t *ngx_directstream_token_find(
    ngx_array_t *tokens, const u_char *hash);
static ngx_int_t ngx_directstream_token_bearer(ngx_http_request_t *r,
    ngx_str_t *value);
static void ngx_directstream_token_guessed(ngx_http_request_t *r);


static const char *const  ngx_directstream_roles[] = {
    "none", "viewer", "operator", "admin"
};


/*
 * directstream_token NAME FILE role=viewer|operator|admin [streams=LIST];
 * default none; context: http, server, location
 */

char *
ngx_directstream_token(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_loc_conf_t *dlcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_directstream_token_t  *token, *other;

    value = cf->args->elts;

    if (!ngx_directstream_token_word(&value[1], 0)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" in \"%V\", it must be 1 to 64 "
                           "of A-Z, a-z, 0-9, \".\", \"_\" and \"-\"",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    if (dlcf->tokens == NGX_CONF_UNSET_PTR) {
        dlcf->tokens = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_directstream_token_t));
        if (dlcf->tokens == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    other = dlcf->tokens->elts;

    for (i = 0; i < dlcf->tokens->nelts; i++) {
        if (ngx_strcmp(other[i].name, value[1].data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate name \"%V\" in \"%V\"", &value[1],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    token = ngx_array_push(dlcf->tokens);
    if (token == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(token, sizeof(ngx_directstream_token_t));
    token->name = (char *) value[1].data;

    if (ngx_array_init(&token->hashes, cf->pool, 1, DS_SUM_LEN)
        != NGX_OK
        || ngx_directstream_token_args(cf, token) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_directstream_token_file(cf, dlcf->tokens, token, &value[2]);
}


static char *
ngx_directstream_token_args(ngx_conf_t *cf, ngx_directstream_token_t *token)
{
    ngx_str_t   *value, list;
    ngx_uint_t   i, role;

    value = cf->args->elts;

    for (i = 3; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "role=", 5) == 0) {

            for (role = NGX_DIRECTSTREAM_ADMIN; role > 0; role--) {
                if (ngx_strcmp(value[i].data + 5, ngx_directstream_roles[role])
                    == 0)
                {
                    break;
                }
            }

            if (role > 0 && token->role == 0) {
                token->role = role;
                continue;
            }

        } else if (ngx_strncmp(value[i].data, "streams=", 8) == 0
                   && token->streams == NULL)
        {
            list.data = value[i].data + 8;
            list.len = value[i].len - 8;

            if (ngx_directstream_token_streams(cf, token, &list)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"%V\", it must be "
                           "\"role=viewer\", \"role=operator\", "
                           "\"role=admin\" or \"streams=LIST\", each once",
                           &value[i], &value[0]);
        return NGX_CONF_ERROR;
    }

    if (token->role == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have \"role=viewer\", "
                           "\"role=operator\" or \"role=admin\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* names with commas between them, each may end with a "*" */

static char *
ngx_directstream_token_streams(ngx_conf_t *cf, ngx_directstream_token_t *token,
    ngx_str_t *list)
{
    u_char      *p, *last, *end, *text;
    ngx_str_t   *name, word;

    token->streams = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));

    /* a name takes its comma and two quotes more */
    text = ngx_pnalloc(cf->pool, 3 * list->len + 6);

    if (token->streams == NULL || text == NULL) {
        return NGX_CONF_ERROR;
    }

    token->patterns = (char *) text;
    *text++ = '[';

    last = list->data + list->len;

    for (p = list->data; p <= last; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        end = (end == NULL) ? last : end;

        word.data = p;
        word.len = end - p;

        if (!ngx_directstream_token_word(&word, 1)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid stream \"%V\" in \"streams=%V\", it "
                               "must be a name, which may end with \"*\"",
                               &word, list);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(token->streams);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = word;
        text = ngx_sprintf(text, "%s\"%V\"", p == list->data ? "" : ",",
                           &word);
    }

    (void) ngx_sprintf(text, "]%Z");

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_directstream_token_word(ngx_str_t *word, ngx_uint_t pattern)
{
    size_t  i, len;

    len = word->len;

    if (pattern && len > 0 && word->data[len - 1] == '*') {

        if (--len == 0) {
            return 1;
        }
    }

    for (i = 0; i < len; i++) {
        if (!((word->data[i] >= 'A' && word->data[i] <= 'Z')
              || (word->data[i] >= 'a' && word->data[i] <= 'z')
              || (word->data[i] >= '0' && word->data[i] <= '9')
              || ngx_strchr("._-", word->data[i]) != NULL))
        {
            return 0;
        }
    }

    return len > 0 && len <= DS_NAME_LEN;
}


static char *
ngx_directstream_token_file(ngx_conf_t *cf, ngx_array_t *tokens,
    ngx_directstream_token_t *token, ngx_str_t *name)
{
    u_char           *buf;
    ssize_t           n;
    ngx_str_t         text;
    const char       *call;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    buf = ngx_palloc(cf->temp_pool, NGX_DIRECTSTREAM_HASHES + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_directstream_conf_read(name, buf, NGX_DIRECTSTREAM_HASHES + 1, &fi,
                                   &call);

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno, "%s \"%V\" failed",
                           call, name);
        return NGX_CONF_ERROR;
    }

    if (n > NGX_DIRECTSTREAM_HASHES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has more than 64k", name);
        return NGX_CONF_ERROR;
    }

    text.data = buf;
    text.len = n;

    return ngx_directstream_token_lines(cf, tokens, token, name, &text);
}


/* what a line has after its hash, as of sha256sum, is not looked at */

static char *
ngx_directstream_token_lines(ngx_conf_t *cf, ngx_array_t *tokens,
    ngx_directstream_token_t *token, ngx_str_t *name, ngx_str_t *text)
{
    u_char                    *p, *end, *last, *hash;
    ngx_uint_t                 line;
    u_char                     sum[DS_SUM_LEN];
    ngx_directstream_token_t  *other;

    last = text->data + text->len;

    for (p = text->data, line = 1; p < last; p = end + 1, line++) {

        end = ngx_strlchr(p, last, '\n');
        end = (end == NULL) ? last : end;

        while (p < end && (*p == ' ' || *p == '\t' || *p == '\r')) {
            p++;
        }

        if (p == end || *p == '#') {
            continue;
        }

        if (ngx_directstream_token_hex(sum, p, end) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "line %ui of \"%V\" does not begin with the "
                               "SHA-256 of a token, in 64 hexadecimal digits",
                               line, name);
            return NGX_CONF_ERROR;
        }

        other = ngx_directstream_token_find(tokens, sum);

        if (other != NULL && other != token) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "line %ui of \"%V\" is a token of \"%s\" "
                               "already", line, name, other->name);
            return NGX_CONF_ERROR;
        }

        hash = ngx_array_push(&token->hashes);
        if (hash == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memcpy(hash, sum, DS_SUM_LEN);
    }

    if (token->hashes.nelts == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" has no token", name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_directstream_token_hex(u_char *hash, u_char *p, u_char *last)
{
    ngx_int_t   n;
    ngx_uint_t  i;

    if (last - p < 2 * DS_SUM_LEN) {
        return NGX_ERROR;
    }

    for (i = 0; i < DS_SUM_LEN; i++, p += 2) {

        n = ngx_hextoi(p, 2);
        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        hash[i] = (u_char) n;
    }

    return (p == last || *p == ' ' || *p == '\t' || *p == '\r')
           ? NGX_OK : NGX_ERROR;
}


/* all are compared, whichever is the one, each in the same time */

static ngx_directstream_token_t *
ngx_directstream_token_find(ngx_array_t *tokens, const u_char *hash)
{
    u_char                    *h;
    ngx_uint_t                 i, j;
    ngx_directstream_token_t  *token, *found;

    found = NULL;
    token = tokens->elts;

    for (i = 0; i < tokens->nelts; i++) {
        h = token[i].hashes.elts;

        for (j = 0; j < token[i].hashes.nelts; j++) {
            if (ngx_directstream_owner_same(h + j * DS_SUM_LEN, hash,
                                            DS_SUM_LEN))
            {
                found = &token[i];
            }
        }
    }

    return found;
}


ngx_int_t
ngx_directstream_token_check(ngx_http_request_t *r,
    ngx_directstream_ctx_t *ctx, const char **why)
{
    u_char                        hash[DS_SUM_LEN];
    ngx_int_t                     rc;
    ngx_str_t                     value;
    const char                   *ask;
    ngx_directstream_loc_conf_t  *dlcf;

    dlcf = ngx_http_get_module_loc_conf(r, ngx_http_directstream_module);

    if (dlcf->tokens == NULL) {
        return NGX_OK;
    }

    rc = ngx_directstream_token_bearer(r, &value);

    if (rc == NGX_OK) {

        if (ds_sum(value.data, value.len, hash) != DS_OK) {
            return NGX_ERROR;
        }

        ctx->token = ngx_directstream_token_find(dlcf->tokens, hash);

        if (ctx->token != NULL) {
            return NGX_OK;
        }

        ngx_directstream_token_guessed(r);

        *why = "the token is none of those that are known here";
        ask = "Bearer realm=\"directstream\", error=\"invalid_token\"";

    } else {
        *why = "a token is asked for: the header \"Authorization: Bearer "
               "TOKEN\"";
        ask = "Bearer realm=\"directstream\"";
    }

    return (ngx_directstream_header(r, "WWW-Authenticate", ask) != NULL)
           ? NGX_DECLINED : NGX_ERROR;
}


/* RFC 6750, 2.1: the only one of its ways that leaves no trace in logs */

static ngx_int_t
ngx_directstream_token_bearer(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char  *p, *last;

    if (r->headers_in.authorization == NULL) {
        return NGX_DECLINED;
    }

    *value = r->headers_in.authorization->value;

    p = value->data;
    last = p + value->len;

    if (value->len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(p, (u_char *) "Bearer ", sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    for (p += sizeof("Bearer ") - 1; p < last && *p == ' '; p++) {
        /* void */
    }

    value->data = p;
    value->len = last - p;

    return NGX_OK;
}


/* who guesses does not fill the log, and what was guessed is not in it */

static void
ngx_directstream_token_guessed(ngx_http_request_t *r)
{
    static ngx_uint_t  more, logged;
    static ngx_msec_t  next;

    if (logged && (ngx_msec_int_t) (ngx_current_msec - next) < 0) {
        more++;
        return;
    }

    ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                  "directstream: a token that is not known, %ui more since "
                  "the last such line", more);

    logged = 1;
    more = 0;
    next = ngx_current_msec + NGX_DIRECTSTREAM_GUESSES;
}


ngx_uint_t
ngx_directstream_token_sees(const ngx_directstream_token_t *token,
    const char *stream)
{
    size_t      len, n;
    ngx_str_t  *name;
    ngx_uint_t  i;

    if (token == NULL || token->streams == NULL) {
        return 1;
    }

    len = strlen(stream);
    name = token->streams->elts;

    for (i = 0; i < token->streams->nelts; i++) {
        n = name[i].len;

        if (name[i].data[n - 1] == '*') {

            if (len >= n - 1 && ngx_memcmp(name[i].data, stream, n - 1) == 0) {
                return 1;
            }

        } else if (len == n && ngx_memcmp(name[i].data, stream, n) == 0) {
            return 1;
        }
    }

    return 0;
}


const char *
ngx_directstream_role_name(ngx_uint_t role)
{
    return ngx_directstream_roles[role];
}
