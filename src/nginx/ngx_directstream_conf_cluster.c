
/*
 * ngx_directstream_conf_cluster.c: parses "cluster" and "cluster_lost": which
 * etcd, and as whom.
 */

#include "ngx_directstream.h"

#include <sys/stat.h>


#define NGX_DIRECTSTREAM_PASSWORD  1024

#define ngx_directstream_of(field)  offsetof(ds_cluster_conf_t, field)


typedef enum {
    NGX_DIRECTSTREAM_CLUSTER_TEXT = 0,
    NGX_DIRECTSTREAM_CLUSTER_FILE,          /* its name */
    NGX_DIRECTSTREAM_CLUSTER_SECRET,        /* what is in it */
    NGX_DIRECTSTREAM_CLUSTER_TIME,          /* s */
    NGX_DIRECTSTREAM_CLUSTER_NUMBER
} ngx_directstream_cluster_kind_e;


typedef struct {
    ngx_str_t                        name;
    ngx_directstream_cluster_kind_e  kind;
    size_t                           offset;
    ngx_int_t                        min;
    ngx_int_t                        max;
} ngx_directstream_cluster_param_t;


static const ngx_directstream_cluster_param_t
    ngx_directstream_cluster_params[] =
{
    { ngx_string("etcd="), NGX_DIRECTSTREAM_CLUSTER_TEXT,
      ngx_directstream_of(endpoints), 0, 0 },
    { ngx_string("node="), NGX_DIRECTSTREAM_CLUSTER_TEXT,
      ngx_directstream_of(node), 0, 0 },
    { ngx_string("prefix="), NGX_DIRECTSTREAM_CLUSTER_TEXT,
      ngx_directstream_of(prefix), 0, 0 },
    { ngx_string("url="), NGX_DIRECTSTREAM_CLUSTER_TEXT,
      ngx_directstream_of(url), 0, 0 },
    { ngx_string("ca="), NGX_DIRECTSTREAM_CLUSTER_FILE,
      ngx_directstream_of(ca), 0, 0 },
    { ngx_string("cert="), NGX_DIRECTSTREAM_CLUSTER_FILE,
      ngx_directstream_of(cert), 0, 0 },
    { ngx_string("key="), NGX_DIRECTSTREAM_CLUSTER_FILE,
      ngx_directstream_of(key), 0, 0 },
    { ngx_string("user="), NGX_DIRECTSTREAM_CLUSTER_TEXT,
      ngx_directstream_of(user), 0, 0 },
    { ngx_string("password_file="), NGX_DIRECTSTREAM_CLUSTER_SECRET,
      ngx_directstream_of(password), 0, 0 },
    { ngx_string("ttl="), NGX_DIRECTSTREAM_CLUSTER_TIME,
      ngx_directstream_of(ttl), 4, 60 },
    { ngx_string("max_streams="), NGX_DIRECTSTREAM_CLUSTER_NUMBER,
      ngx_directstream_of(max_streams), 1, 100000 },
    { ngx_string("weight="), NGX_DIRECTSTREAM_CLUSTER_NUMBER,
      ngx_directstream_of(weight), 1, 1000 },
    { ngx_null_string, NGX_DIRECTSTREAM_CLUSTER_TEXT, 0, 0, 0 }
};


static char *ngx_directstream_cluster_set(ngx_conf_t *cf,
    const ngx_directstream_cluster_param_t *p, ngx_str_t *arg,
    ds_cluster_conf_t *cluster);
static char *ngx_directstream_cluster_number(ngx_conf_t *cf,
    const ngx_directstream_cluster_param_t *p, ngx_str_t *arg,
    ngx_str_t *value, unsigned *number);
static char *ngx_directstream_cluster_secret(ngx_conf_t *cf, ngx_str_t *file,
    const char **secret);
static char *ngx_directstream_cluster_end(ngx_conf_t *cf,
    ds_cluster_conf_t *cluster);
static ngx_uint_t ngx_directstream_cluster_endpoints(const char *p,
    ngx_uint_t *tls);


/*
 * cluster etcd=URL[,URL...] node=name [prefix=path] [url=URL] [ttl=time]
 *         [ca=file] [cert=file key=file] [user=name password_file=file]
 *         [max_streams=number] [weight=number];
 * default none; context: directstream
 */

char *
ngx_directstream_cluster(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    char        *rv;
    ngx_str_t   *value;
    ngx_uint_t   i;

    const ngx_directstream_cluster_param_t  *p;

    (void) cmd;

    if (dcf->cluster.endpoints != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (p = ngx_directstream_cluster_params; p->name.len != 0; p++) {
            if (value[i].len > p->name.len
                && ngx_strncmp(value[i].data, p->name.data, p->name.len) == 0)
            {
                break;
            }
        }

        if (p->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"cluster\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        rv = ngx_directstream_cluster_set(cf, p, &value[i], &dcf->cluster);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_directstream_cluster_end(cf, &dcf->cluster);
}


static char *
ngx_directstream_cluster_set(ngx_conf_t *cf,
    const ngx_directstream_cluster_param_t *p, ngx_str_t *arg,
    ds_cluster_conf_t *cluster)
{
    void        *field;
    ngx_str_t    value;
    const char **text;

    field = (char *) cluster + p->offset;
    text = field;

    value.data = arg->data + p->name.len;
    value.len = arg->len - p->name.len;

    switch (p->kind) {

    case NGX_DIRECTSTREAM_CLUSTER_TIME:
    case NGX_DIRECTSTREAM_CLUSTER_NUMBER:
        return ngx_directstream_cluster_number(cf, p, arg, &value, field);

    case NGX_DIRECTSTREAM_CLUSTER_TEXT:
    case NGX_DIRECTSTREAM_CLUSTER_FILE:
    case NGX_DIRECTSTREAM_CLUSTER_SECRET:
        break;
    }

    if (*text != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is given twice in \"cluster\"", &p->name);
        return NGX_CONF_ERROR;
    }

    if (p->kind == NGX_DIRECTSTREAM_CLUSTER_SECRET) {
        return ngx_directstream_cluster_secret(cf, &value, text);
    }

    /* relative to nginx.conf, as all certificates are */

    if (p->kind == NGX_DIRECTSTREAM_CLUSTER_FILE
        && ngx_directstream_conf_file(cf, &value, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *text = (char *) value.data;

    return NGX_CONF_OK;
}


static char *
ngx_directstream_cluster_number(ngx_conf_t *cf,
    const ngx_directstream_cluster_param_t *p, ngx_str_t *arg,
    ngx_str_t *value, unsigned *number)
{
    ngx_int_t  n;

    n = (p->kind == NGX_DIRECTSTREAM_CLUSTER_TIME)
        ? ngx_parse_time(value, 1) : ngx_atoi(value->data, value->len);

    if (n < p->min || n > p->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"cluster\", it must "
                           "be from %i to %i%s", arg, p->min, p->max,
                           p->kind == NGX_DIRECTSTREAM_CLUSTER_TIME
                           ? " seconds" : "");
        return NGX_CONF_ERROR;
    }

    *number = (unsigned) n;

    return NGX_CONF_OK;
}


/* its first line; others must not be able to read it */

static char *
ngx_directstream_cluster_secret(ngx_conf_t *cf, ngx_str_t *file,
    const char **secret)
{
    char             *p;
    size_t            len;
    ssize_t           n;
    const char       *call;
    ngx_file_info_t   fi;

    if (ngx_directstream_conf_file(cf, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pcalloc(cf->pool, NGX_DIRECTSTREAM_PASSWORD + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_directstream_conf_read(file, p, NGX_DIRECTSTREAM_PASSWORD, &fi,
                                   &call);

    if (n > 0 && (fi.st_mode & S_IRWXO)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_file\" \"%V\" can be read or written "
                           "by everybody, take that away by \"chmod o=\"",
                           file);
        return NGX_CONF_ERROR;
    }

    len = (n > 0) ? strcspn(p, "\r\n") : 0;
    p[len] = '\0';

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"password_file\" \"%V\" has no password in its "
                           "first line", file);
        return NGX_CONF_ERROR;
    }

    *secret = p;

    return NGX_CONF_OK;
}


static char *
ngx_directstream_cluster_end(ngx_conf_t *cf, ds_cluster_conf_t *cluster)
{
    size_t       len;
    ngx_uint_t   tls;
    const char  *why;

    if (cluster->prefix == NULL) {
        cluster->prefix = "/directstream/";
    }

    if (cluster->ttl == 0) {
        cluster->ttl = 6;
    }

    if (cluster->weight == 0) {
        cluster->weight = 1;
    }

    why = NULL;
    len = strlen(cluster->prefix);

    if (cluster->endpoints == NULL || cluster->node == NULL) {
        why = "it needs \"etcd=\" and \"node=\"";

    } else if (!ngx_directstream_cluster_endpoints(cluster->endpoints, &tls)) {
        why = "\"etcd=\" must be one or more of \"http://host:port\" or "
              "\"https://host:port\", with commas between them";

    } else if (ds_check_name(cluster->node, NULL) != 0) {
        why = "\"node=\" must be 1 to 64 of A-Z a-z 0-9 . _ -";

    } else if (cluster->prefix[0] != '/' || cluster->prefix[len - 1] != '/'
               || len > 256)
    {
        why = "\"prefix=\" must begin and end with a slash, of 256 "
              "characters at the most";

    } else if ((cluster->cert == NULL) != (cluster->key == NULL)) {
        why = "\"cert=\" and \"key=\" go together";

    } else if ((cluster->user == NULL) != (cluster->password == NULL)) {
        why = "\"user=\" and \"password_file=\" go together";

    } else if (!tls && (cluster->ca != NULL || cluster->cert != NULL)) {
        why = "certificates need \"https://\" in \"etcd=\"";

    } else if (cluster->url != NULL
               && ngx_strncmp(cluster->url, "http://", 7) != 0
               && ngx_strncmp(cluster->url, "https://", 8) != 0)
    {
        why = "\"url=\" must be where other nodes reach this one's API, "
              "\"http://host:port/location/\"";
    }

    if (why != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameters of \"cluster\": %s", why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* *tls: all are https */

static ngx_uint_t
ngx_directstream_cluster_endpoints(const char *p, ngx_uint_t *tls)
{
    size_t  len, scheme;

    *tls = 1;

    for ( ;; ) {
        len = strcspn(p, ",");
        scheme = ngx_strncmp(p, "https://", 8) == 0 ? 8
                 : ngx_strncmp(p, "http://", 7) == 0 ? 7 : 0;

        if (scheme == 0 || len <= scheme
            || strcspn(p + scheme, "/?#@ ,") != len - scheme)
        {
            return 0;
        }

        if (scheme == 7) {
            *tls = 0;
        }

        if (p[len] == '\0') {
            return 1;
        }

        p += len + 1;
    }
}


/* cluster_lost failsafe | stop; default failsafe; context: directstream */

char *
ngx_directstream_cluster_lost(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_directstream_conf_t *dcf = conf;

    ngx_str_t  *value;

    (void) cmd;

    if (dcf->cluster_lost_set) {
        return "is duplicate";
    }

    value = cf->args->elts;
    dcf->cluster_lost_set = 1;

    if (ngx_strcmp(value[1].data, "stop") == 0) {
        dcf->cluster.failsafe = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "failsafe") == 0) {
        dcf->cluster.failsafe = 1;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"cluster_lost\", it must be "
                       "\"failsafe\" or \"stop\"", &value[1]);

    return NGX_CONF_ERROR;
}
