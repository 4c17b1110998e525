
/*
 * ds_refusal.c: signed URLs are refused for reasons that each have another
 * answer.  A server never says which: the URL's own words and the time do.
 */

#include <arpa/inet.h>
#include <string.h>

#include "net/ds_refusal.h"


/* a clock of ours or theirs may be off by so much, ms */
#define DS_REFUSAL_NEAR   60000

/* resolvers that tell no available_at: advertisements last a few seconds */
#define DS_REFUSAL_EARLY  10000


static bool ds_refusal_address(const ds_refusal_t *r);
static int ds_refusal_bound(const char *url, unsigned char addr[16]);
static int ds_refusal_parse(const char *text, unsigned char addr[16]);
static bool ds_refusal_private(int family, const unsigned char *a);


int
ds_refusal(const ds_refusal_t *r)
{
    if (r->expires_at != 0 && r->now > r->expires_at - DS_REFUSAL_NEAR) {
        return DS_ESOURCE_EXPIRED;
    }

    if (r->served) {
        return DS_ESOURCE_GATED;
    }

    if (ds_refusal_address(r)) {
        return DS_ESOURCE_ADDRESS;
    }

    if (r->available_at != 0) {
        return r->now < r->available_at + DS_REFUSAL_EARLY
               ? DS_ESOURCE_TOO_EARLY : DS_ESOURCE_FORBIDDEN;
    }

    if (r->resolved_at != 0 && r->now < r->resolved_at + DS_REFUSAL_EARLY) {
        return DS_ESOURCE_TOO_EARLY;
    }

    return DS_ESOURCE_FORBIDDEN;
}


bool
ds_refusal_is(int code)
{
    switch (code) {

    case DS_ESOURCE_EXPIRED:
    case DS_ESOURCE_TOO_EARLY:
    case DS_ESOURCE_ADDRESS:
    case DS_ESOURCE_GATED:
    case DS_ESOURCE_FORBIDDEN:
        return true;

    default:
        return false;
    }
}


int
ds_refusal_family(const char *url)
{
    unsigned char  addr[16];

    return ds_refusal_bound(url, addr);
}


/*
 * Behind a NAT our own address is not what the server sees, so another one
 * of the same family proves something only when ours is public.
 */

static bool
ds_refusal_address(const ds_refusal_t *r)
{
    int            bound, local;
    unsigned char  a[16], b[16];

    bound = ds_refusal_bound(r->url, a);
    local = ds_refusal_parse(r->local, b);

    if (bound == 0 || local == 0) {
        return false;
    }

    if (bound != local) {
        return true;
    }

    return memcmp(a, b, local == 4 ? 4 : 16) != 0
           && !ds_refusal_private(local, b);
}


/* "ip=" as an argument, or as a pair of path segments (HLS manifests) */

static int
ds_refusal_bound(const char *url, unsigned char addr[16])
{
    char         text[INET6_ADDRSTRLEN];
    size_t       i, n;
    const char  *p;

    static const char *const  forms[] = { "?ip=", "&ip=", "/ip/" };

    for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        p = strstr(url, forms[i]);

        if (p == NULL) {
            continue;
        }

        p += strlen(forms[i]);

        for (n = 0; n < sizeof(text) - 1 && *p != '\0'
                    && strchr("&/#", *p) == NULL; n++)
        {
            if (p[0] == '%' && p[1] == '3' && (p[2] | 0x20) == 'a') {
                text[n] = ':';
                p += 3;
                continue;
            }

            text[n] = *p++;
        }

        text[n] = '\0';

        return ds_refusal_parse(text, addr);
    }

    return 0;
}


static int
ds_refusal_parse(const char *text, unsigned char addr[16])
{
    if (inet_pton(AF_INET, text, addr) == 1) {
        return 4;
    }

    return inet_pton(AF_INET6, text, addr) == 1 ? 6 : 0;
}


static bool
ds_refusal_private(int family, const unsigned char *a)
{
    if (family == 6) {
        /* the global addresses are 2000::/3 */
        return (a[0] & 0xe0) != 0x20;
    }

    return a[0] == 0 || a[0] == 10 || a[0] == 127
           || (a[0] == 100 && (a[1] & 0xc0) == 64)
           || (a[0] == 169 && a[1] == 254)
           || (a[0] == 172 && (a[1] & 0xf0) == 16)
           || (a[0] == 192 && a[1] == 168);
}
