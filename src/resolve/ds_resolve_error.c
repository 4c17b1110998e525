
/*
 * ds_resolve_error.c: from yt-dlp's complaints to our error codes.  Its exit
 * code is 1 for nearly everything, so the text decides; a text that is not
 * known is not guessed at: resolver_failed.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "resolve/ds_resolve_error.h"


#define DS_RESOLVE_ERROR  "ERROR: "
#define DS_RESOLVE_WARN   "WARNING: "


typedef struct {
    const char    *text;
    int            code;
} ds_resolve_text_t;


static int ds_resolve_match(const char *text, const char *prefix,
    char *message, size_t size);
static int ds_resolve_code(const char *line);
static void ds_resolve_redact(char *dst, size_t size, char *line);
static void ds_resolve_redact_word(char *dst, size_t size, char *word);


/*
 * The first match counts.  So what is particular comes before what is
 * general: a private video's text also speaks of signing in, and a format
 * is "not available" as well as a video.
 */

static const ds_resolve_text_t  ds_resolve_texts[] = {
    { "not a bot", DS_ERESOLVER_RATE_LIMITED },
    { "HTTP Error 429", DS_ERESOLVER_RATE_LIMITED },
    { "Too Many Requests", DS_ERESOLVER_RATE_LIMITED },
    { "rate-limited", DS_ERESOLVER_RATE_LIMITED },

    { "playlist does not exist", DS_EPLAYLIST_UNAVAILABLE },
    { "playlist is private", DS_EPLAYLIST_UNAVAILABLE },
    { "playlist type is unviewable", DS_EPLAYLIST_UNAVAILABLE },
    { "channel does not exist", DS_EPLAYLIST_UNAVAILABLE },
    { "channel is not available", DS_EPLAYLIST_UNAVAILABLE },

    { "private video", DS_EITEM_PRIVATE },
    { "video is private", DS_EITEM_PRIVATE },

    { "live event will begin", DS_EITEM_UPCOMING },
    { "Premieres ", DS_EITEM_UPCOMING },
    { "Premiere will begin", DS_EITEM_UPCOMING },

    { "Requested format is not available", DS_EITEM_FORMAT },
    { "DRM protected", DS_EITEM_FORMAT },

    { "Unsupported URL", DS_ERESOLVER_UNSUPPORTED },
    { "No suitable extractor", DS_ERESOLVER_UNSUPPORTED },
    { "is not a valid URL", DS_ERESOLVER_UNSUPPORTED },

    { "confirm your age", DS_EITEM_RESTRICTED },
    { "age-restricted", DS_EITEM_RESTRICTED },
    { "inappropriate for some users", DS_EITEM_RESTRICTED },
    { "members-only", DS_EITEM_RESTRICTED },
    { "available to this channel", DS_EITEM_RESTRICTED },
    { "Join this channel", DS_EITEM_RESTRICTED },
    { "Music Premium members", DS_EITEM_RESTRICTED },
    { "requires payment", DS_EITEM_RESTRICTED },
    { "only available for registered users", DS_EITEM_RESTRICTED },
    { "Sign in", DS_EITEM_RESTRICTED },

    { "Video unavailable", DS_EITEM_UNAVAILABLE },
    { "video has been removed", DS_EITEM_UNAVAILABLE },
    { "no longer available", DS_EITEM_UNAVAILABLE },
    { "isn't available", DS_EITEM_UNAVAILABLE },
    { "t available anymore", DS_EITEM_UNAVAILABLE },
    { "video is not available", DS_EITEM_UNAVAILABLE },
    { "recording is not available", DS_EITEM_UNAVAILABLE },
    { "available in your country", DS_EITEM_UNAVAILABLE },
    { "Incomplete YouTube ID", DS_EITEM_UNAVAILABLE },
    { "HTTP Error 404", DS_EITEM_UNAVAILABLE },
    { "HTTP Error 410", DS_EITEM_UNAVAILABLE },
    { "HTTP Error 401", DS_EITEM_RESTRICTED },
    { "HTTP Error 403", DS_EITEM_RESTRICTED },

    { "Failed to resolve", DS_ERESOLVER_NETWORK },
    { "name resolution", DS_ERESOLVER_NETWORK },
    { "Name or service not known", DS_ERESOLVER_NETWORK },
    { "No address associated", DS_ERESOLVER_NETWORK },
    { "Connection refused", DS_ERESOLVER_NETWORK },
    { "Connection reset", DS_ERESOLVER_NETWORK },
    { "Connection aborted", DS_ERESOLVER_NETWORK },
    { "Remote end closed connection", DS_ERESOLVER_NETWORK },
    { "Network is unreachable", DS_ERESOLVER_NETWORK },
    { "No route to host", DS_ERESOLVER_NETWORK },
    { "timed out", DS_ERESOLVER_NETWORK },
    { "CERTIFICATE_VERIFY_FAILED", DS_ERESOLVER_NETWORK },
    { "urlopen error", DS_ERESOLVER_NETWORK },
    { "IncompleteRead", DS_ERESOLVER_NETWORK },

    { NULL, DS_OK }
};


int
ds_resolve_error(int status, const char *text, ds_error_t *err)
{
    int          code;
    bool         formats;
    const char  *sep;
    char         message[DS_MESSAGE_LEN];

    if (status < 0) {
        return ds_fail(err, DS_ERESOLVER_FAILED,
                       "the resolver was ended by signal %d", -status);
    }

    code = ds_resolve_match(text, DS_RESOLVE_ERROR, message, sizeof(message));

    if (code != DS_OK) {
        return ds_fail(err, code, "%s", message);
    }

    /* the cause may be in a warning before: "No video formats found!" */

    formats = (strcasestr(message, "No video formats found") != NULL);

    if (formats || strcasestr(message, "Unable to download") != NULL) {
        code = ds_resolve_match(text, DS_RESOLVE_WARN, message,
                                sizeof(message));

        if (code != DS_OK) {
            return ds_fail(err, code, "%s", message);
        }

        (void) ds_resolve_match(text, DS_RESOLVE_ERROR, message,
                                sizeof(message));
    }

    if (formats) {
        return ds_fail(err, DS_EITEM_FORMAT, "%s", message);
    }

    /* no "ERROR:" line: a wrong option, or Python itself has failed */

    if (message[0] == '\0') {
        (void) ds_resolve_match(text, "", message, sizeof(message));
    }

    sep = (message[0] == '\0') ? "" : ": ";

    return ds_fail(err, DS_ERESOLVER_FAILED,
                   "the resolver exited with code %d%s%s", status, sep,
                   message);
}


bool
ds_resolve_error_cut(const char *text)
{
    bool         cut;
    char        *copy, *line, *save;
    const char  *p;

    copy = strdup(text);
    if (copy == NULL) {
        return false;
    }

    cut = false;

    for (line = strtok_r(copy, "\n", &save);
         line != NULL && !cut;
         line = strtok_r(NULL, "\n", &save))
    {
        p = line + strlen(DS_RESOLVE_ERROR);

        if (strncmp(line, DS_RESOLVE_ERROR, strlen(DS_RESOLVE_ERROR)) == 0) {
            cut = strcasestr(p, "API page") != NULL
                  || strcasestr(p, "Unable to download") != NULL
                  || strcasestr(p, "Incomplete data") != NULL;

        } else if (strcasestr(line, "Giving up") != NULL) {

            /* what is asked again is no more than a warning until then */

            cut = strcasestr(line, "API page") != NULL
                  || strcasestr(line, "Incomplete data") != NULL;
        }
    }

    free(copy);

    return cut;
}


/*
 * Looks at the lines that begin with "prefix", from the last one on.  Writes
 * the line that has a known text, else the last one, else "".
 */

static int
ds_resolve_match(const char *text, const char *prefix, char *message,
    size_t size)
{
    int      code;
    char    *copy, *line, *end;
    size_t   len;

    message[0] = '\0';

    copy = strdup(text);
    if (copy == NULL) {
        return DS_OK;
    }

    len = strlen(prefix);
    end = copy + strlen(copy);

    for ( ;; ) {
        *end = '\0';

        line = memrchr(copy, '\n', (size_t) (end - copy));
        line = (line == NULL) ? copy : line + 1;

        if (*line != '\0' && strncmp(line, prefix, len) == 0) {

            /* a look at any line whatever tells nothing of a cause */

            code = (len == 0) ? DS_OK : ds_resolve_code(line + len);

            if (code != DS_OK || message[0] == '\0') {
                ds_resolve_redact(message, size, line + len);
            }

            if (code != DS_OK) {
                break;
            }
        }

        if (line == copy) {
            code = DS_OK;
            break;
        }

        end = line - 1;
    }

    free(copy);

    return code;
}


static int
ds_resolve_code(const char *line)
{
    const ds_resolve_text_t  *t;

    for (t = ds_resolve_texts; t->text != NULL; t++) {
        if (strcasestr(line, t->text) != NULL) {
            return t->code;
        }
    }

    return DS_OK;
}


/*
 * Copies a line word by word.  URLs lose what may be secret in them; so does
 * any other word that looks like a piece of a query.
 */

static void
ds_resolve_redact(char *dst, size_t size, char *line)
{
    char    *p, c;
    size_t   n, len;
    char     word[DS_MESSAGE_LEN], out[DS_MESSAGE_LEN * 2];

    p = strcasestr(line, "; please report");
    if (p != NULL) {
        *p = '\0';
    }

    len = 0;

    while (*line != '\0' && len < DS_MESSAGE_LEN) {
        n = strcspn(line, " \t\r'\"<>()");

        c = line[n];
        line[n] = '\0';
        ds_resolve_redact_word(word, sizeof(word), line);
        line[n] = c;

        line += n;

        n = strlen(word);
        memcpy(out + len, word, n);
        len += n;

        if (c != '\0') {
            out[len++] = c;
            line++;
        }
    }

    out[len] = '\0';

    ds_text(dst, size, out);
}


static void
ds_resolve_redact_word(char *dst, size_t size, char *word)
{
    char  *p;

    if (strstr(word, "://") != NULL) {
        ds_redact_url(dst, size, word);

    } else {
        p = strpbrk(word, "?&#");

        if (p != NULL && strchr(p, '=') != NULL) {
            *p = '\0';
        }

        ds_text(dst, size, word);
    }

    /* a URL inside a URL, escaped */

    p = strcasestr(dst, "%3f");

    if (p != NULL) {
        *p = '\0';
    }
}
