
/*
 * ds_access.c: what sources may be read: which network addresses, which
 * files.  Knows no protocol.
 */

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/ds_url.h"
#include "net/ds_access.h"


static bool ds_access_is_hls(const ds_url_t *u);
static bool ds_access_dots(const char *path);
static bool ds_access_below(const char *path, const char *root);


int
ds_check_item(const char *url, bool file_ok, const ds_source_rule_t *rules,
    size_t nrules, ds_error_t *err)
{
    int        rc;
    ds_url_t   u;
    ds_ref_e   kind;
    ds_conf_t  conf;

    if (strstr(url, "://") == NULL) {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "it must be the http or "
                       "https URL%s of one item", file_ok ? ", or a file: URL,"
                                                          : "");
    }

    rc = ds_check_playlist(url, file_ok, err);

    if (rc == DS_OK) {
        rc = ds_url_parse(&u, url, err);
    }

    if (rc != DS_OK) {
        return rc;
    }

    kind = ds_url_kind(url);

    if ((kind == DS_REF_LIST && !ds_access_is_hls(&u))
        || (kind == DS_REF_RESOLVER && ds_url_is_youtube(&u)
            && !ds_url_has_arg(u.query, "v")))
    {
        return ds_fail(err, DS_EPLAYLIST_INVALID, "it must be the URL of one "
                       "item, not of a list");
    }

    memset(&conf, 0, sizeof(ds_conf_t));

    conf.source_rules = rules;
    conf.nsource_rules = nrules;

    if (!ds_access_host(&conf, u.host)) {
        return ds_fail(err, DS_ESOURCE_DENIED, "the address %s is denied by "
                       "\"deny_source\"", u.host);
    }

    return DS_OK;
}


int
ds_check_bind(const char *address, ds_error_t *err)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    static const struct in6_addr  any = IN6ADDR_ANY_INIT;

    if ((inet_pton(AF_INET, address, &sin.sin_addr) == 1
         && sin.sin_addr.s_addr != INADDR_ANY)
        || (inet_pton(AF_INET6, address, &sin6.sin6_addr) == 1
            && memcmp(&sin6.sin6_addr, &any, sizeof(any)) != 0))
    {
        return DS_OK;
    }

    return ds_fail(err, DS_EPLAYLIST_INVALID, "it must be an address of this "
                   "host, of IPv4 or IPv6");
}


bool
ds_access_host(const ds_conf_t *conf, const char *host)
{
    struct sockaddr_in   sin;
    struct sockaddr_in6  sin6;

    memset(&sin, 0, sizeof(sin));
    memset(&sin6, 0, sizeof(sin6));

    sin.sin_family = AF_INET;
    sin6.sin6_family = AF_INET6;

    if (inet_pton(AF_INET, host, &sin.sin_addr) == 1) {
        return ds_access_address(conf, (struct sockaddr *) &sin);
    }

    if (inet_pton(AF_INET6, host, &sin6.sin6_addr) == 1) {
        return ds_access_address(conf, (struct sockaddr *) &sin6);
    }

    return true;
}


static bool
ds_access_is_hls(const ds_url_t *u)
{
    static const char  suffix[] = ".m3u8";

    return u->path_len >= sizeof(suffix) - 1
           && strncasecmp(u->path + u->path_len - (sizeof(suffix) - 1),
                          suffix, sizeof(suffix) - 1)
              == 0;
}


bool
ds_access_address(const ds_conf_t *conf, const struct sockaddr *sa)
{
    size_t                   i;
    uint8_t                  addr[16], family, mask;
    unsigned                 bytes, bits;
    const ds_source_rule_t  *rule;

    static const uint8_t  mapped[12] = {
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff
    };
    static const uint8_t  any[16] = { 0 };

    if (sa->sa_family == AF_INET) {
        family = 4;
        memcpy(addr, &((const struct sockaddr_in *) sa)->sin_addr, 4);

    } else if (sa->sa_family == AF_INET6) {
        family = 6;
        memcpy(addr, &((const struct sockaddr_in6 *) sa)->sin6_addr, 16);

        if (memcmp(addr, mapped, 12) == 0) {
            family = 4;
            memmove(addr, addr + 12, 4);
        }

    } else {
        return false;
    }

    /* a connect() to the unspecified address reaches the local host */

    if (memcmp(addr, any, family == 4 ? 4 : 16) == 0) {
        if (family == 4) {
            addr[0] = 127;
            addr[3] = 1;
        } else {
            addr[15] = 1;
        }
    }

    for (i = 0; i < conf->nsource_rules; i++) {
        rule = &conf->source_rules[i];

        if (rule->family != family) {
            continue;
        }

        bytes = rule->prefix / 8;
        bits = rule->prefix % 8;
        mask = (uint8_t) (0xff00 >> bits);

        if (memcmp(addr, rule->addr, bytes) == 0
            && (bits == 0
                || (addr[bytes] & mask) == (rule->addr[bytes] & mask)))
        {
            return rule->allow;
        }
    }

    return true;
}


int
ds_access_file(const ds_conf_t *conf, const char *url, int64_t *size,
    ds_error_t *err)
{
    int          rc, fd, len;
    char        *path, root[PATH_MAX], real[PATH_MAX];
    struct stat  st;

    fd = -1;
    path = NULL;

    if (strncasecmp(url, "file://", 7) != 0 || conf->media_root == NULL
        || realpath(conf->media_root, root) == NULL)
    {
        goto denied;
    }

    url += 7;
    url += (strncasecmp(url, "localhost/", 10) == 0) ? 9 : 0;

    path = curl_easy_unescape(NULL, url, (int) strcspn(url, "?#"), &len);
    if (path == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "no memory");
        return -1;
    }

    /* a name outside is refused before it can be told to exist */

    if ((size_t) len != strlen(path) || ds_access_dots(path)
        || (!ds_access_below(path, root)
            && !ds_access_below(path, conf->media_root)))
    {
        goto denied;
    }

    if (realpath(path, real) == NULL
        && (errno != ENOENT || strchr(url, '%') == NULL
            || ds_access_dots(url) || realpath(url, real) == NULL))
    {
        /* nor is there one that has a "%" in its name */
        goto failed;
    }

    if (!ds_access_below(real, root)) {
        goto denied;
    }

    fd = open(real, O_RDONLY|O_CLOEXEC|O_NOFOLLOW|O_NONBLOCK);

    if (fd == -1 || fstat(fd, &st) == -1) {
        goto failed;
    }

    if (!S_ISREG(st.st_mode)) {
        goto denied;
    }

    curl_free(path);

    *size = st.st_size;

    return fd;

denied:

    (void) ds_fail(err, DS_ESOURCE_DENIED, "file is not below media_root");
    goto done;

failed:

    rc = (errno == EACCES) ? DS_ESOURCE_FORBIDDEN
         : (errno == ENOENT || errno == ENOTDIR) ? DS_ESOURCE_NOT_FOUND
         : DS_ESOURCE_FAILED;

    (void) ds_fail(err, rc, "open() failed: %s, file: \"%s\"",
                   strerror(errno), path);

done:

    curl_free(path);

    if (fd != -1) {
        (void) close(fd);
    }

    return -1;
}


/* ".." as a part of the path */

static bool
ds_access_dots(const char *path)
{
    const char  *p;

    for (p = path; (p = strstr(p, "/..")) != NULL; p += 3) {
        if (p[3] == '\0' || p[3] == '/') {
            return true;
        }
    }

    return false;
}


static bool
ds_access_below(const char *path, const char *root)
{
    size_t  len;

    len = strlen(root);

    while (len > 0 && root[len - 1] == '/') {
        len--;
    }

    return strncmp(path, root, len) == 0 && path[len] == '/';
}


int
ds_access_kept(const char *path, int64_t *size, ds_error_t *err)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) ds_fail(err, DS_ECACHE_MISSING, "open() failed: %s, file: "
                       "\"%s\"", strerror(errno), path);

        if (fd != -1) {
            (void) close(fd);
        }

        return -1;
    }

    *size = st.st_size;

    return fd;
}
