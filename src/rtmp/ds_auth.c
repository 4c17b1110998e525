
/*
 * ds_auth.c: Adobe's authentication: a refused connect says that it is needed,
 * the next one has the user's name and is refused with a challenge, the third
 * has the response.  The password itself is never sent.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <libavutil/base64.h>
#include <libavutil/md5.h>

#include "rtmp/ds_auth.h"


#define DS_AUTH_PART  256       /* of what a server has said */
#define DS_AUTH_SUM   16
#define DS_AUTH_B64   AV_BASE64_SIZE(DS_AUTH_SUM)


static char *ds_auth_decoded(const char *p, size_t len);
static bool ds_auth_part(const char *said, const char *name, char *buf);
static void ds_auth_sum(const char *a, const char *b, const char *c,
    char sum[DS_AUTH_B64]);
static bool ds_auth_response(const char *said, const char *name,
    size_t name_len, const char *password, char *params);


bool
ds_auth_answer(const char *said, const char *user, char *params, int code,
    ds_error_t *err)
{
    int          n;
    bool         answered;
    size_t       len;
    char        *password;
    const char  *given, *reason;

    ds_error_clear(err);

    if (strstr(said, "authmod=adobe") == NULL) {
        return false;
    }

    if (user == NULL) {
        (void) ds_fail(err, code, "RTMP connect failed: the server wants a "
                       "user and a password");
        return false;
    }

    len = strcspn(user, ":");
    reason = strstr(said, "reason=");

    if (reason == NULL) {
        n = snprintf(params, DS_AUTH_LEN, "authmod=adobe&user=%.*s",
                     (int) len, user);
        return n > 0 && n < DS_AUTH_LEN;
    }

    if (strncmp(reason, "reason=needauth", 15) != 0) {
        (void) ds_fail(err, code, "RTMP connect failed: the server does not "
                       "take this user and password");
        return false;
    }

    given = user + len + (user[len] != '\0');
    password = ds_auth_decoded(given, strlen(given));

    if (password == NULL) {
        (void) ds_fail(err, DS_ENOMEM, "malloc() failed");
        return false;
    }

    answered = ds_auth_response(said, user, len, password, params);
    ds_wipe(&password);

    if (!answered) {
        (void) ds_fail(err, code, "RTMP connect failed: the server's "
                       "challenge cannot be read");
    }

    return answered;
}


static bool
ds_auth_response(const char *said, const char *user, size_t len,
    const char *password, char *params)
{
    int       n;
    char      salt[DS_AUTH_PART], challenge[DS_AUTH_PART];
    char      opaque[DS_AUTH_PART], ours[9], *name;
    char      sum[DS_AUTH_B64], response[DS_AUTH_B64];
    uint32_t  random;
    bool      has;

    has = ds_auth_part(said, "opaque", opaque);

    if (!ds_auth_part(said, "salt", salt)
        || (!ds_auth_part(said, "challenge", challenge) && !has))
    {
        return false;
    }

    name = ds_auth_decoded(user, len);
    if (name == NULL) {
        return false;
    }

    if (getrandom(&random, sizeof(random), 0) != sizeof(random)) {
        random = (uint32_t) ds_monotonic_us();
    }

    (void) snprintf(ours, sizeof(ours), "%08x", random);

    ds_auth_sum(name, salt, password, sum);
    ds_auth_sum(sum, has ? opaque : challenge, ours, response);
    free(name);

    n = snprintf(params, DS_AUTH_LEN, "authmod=adobe&user=%.*s&challenge=%s"
                 "&response=%s%s%s", (int) len, user, ours, response,
                 has ? "&opaque=" : "", has ? opaque : "");

    return n > 0 && n < DS_AUTH_LEN;
}


static void
ds_auth_sum(const char *a, const char *b, const char *c,
    char sum[DS_AUTH_B64])
{
    char     text[4 * DS_AUTH_PART + 2 * DS_URL_LEN];
    int      n;
    uint8_t  md5[DS_AUTH_SUM];

    n = snprintf(text, sizeof(text), "%s%s%s", a, b, c);

    av_md5_sum(md5, (uint8_t *) text,
               n < (int) sizeof(text) ? n : (int) sizeof(text) - 1);
    (void) av_base64_encode(sum, DS_AUTH_B64, md5, sizeof(md5));

    explicit_bzero(text, sizeof(text));
}


/* the argument "name" of what was said, which is not empty */

static bool
ds_auth_part(const char *said, const char *name, char *buf)
{
    size_t       len, n;
    const char  *p;

    len = strlen(name);
    buf[0] = '\0';

    for (p = said; (p = strstr(p, name)) != NULL; p += len) {

        if (p == said || (p[-1] != '&' && p[-1] != '?') || p[len] != '=') {
            continue;
        }

        n = strcspn(p + len + 1, "& ");

        if (n == 0 || n >= DS_AUTH_PART) {
            return false;
        }

        memcpy(buf, p + len + 1, n);
        buf[n] = '\0';

        return true;
    }

    return false;
}


/* malloc()ed, without %XX */

static char *
ds_auth_decoded(const char *p, size_t len)
{
    char    *s, *dst, hex[3];
    size_t   i;

    s = malloc(len + 1);
    if (s == NULL) {
        return NULL;
    }

    dst = s;
    hex[2] = '\0';

    for (i = 0; i < len; i++) {

        if (p[i] == '%' && len - i > 2
            && strspn(p + i + 1, "0123456789abcdefABCDEF") >= 2)
        {
            memcpy(hex, p + i + 1, 2);
            *dst++ = (char) strtol(hex, NULL, 16);
            i += 2;

        } else {
            *dst++ = p[i];
        }
    }

    *dst = '\0';

    return s;
}
