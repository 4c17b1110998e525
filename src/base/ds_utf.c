
/*
 * ds_utf.c: UTF-16 to UTF-8; halves of characters become "?".
 */

#include <stdlib.h>
#include <string.h>

#include "base/ds_utf.h"


static int ds_utf16_order(const uint8_t *p, size_t len);


int
ds_utf16(char **text, size_t *len)
{
    int             order;
    char           *out, *d;
    size_t          i;
    uint32_t        c, low;
    const uint8_t  *p;

    p = (const uint8_t *) *text;
    order = ds_utf16_order(p, *len);

    if (order == -1) {
        return DS_OK;
    }

    /* three bytes for each two, at most */

    out = malloc(*len / 2 * 3 + 1);
    if (out == NULL) {
        return DS_ENOMEM;
    }

    d = out;

    for (i = 0; i + 1 < *len; i += 2) {
        c = (uint32_t) p[i + order] << 8 | p[i + 1 - order];

        if (c >= 0xd800 && c < 0xdc00 && i + 3 < *len) {
            low = (uint32_t) p[i + 2 + order] << 8 | p[i + 3 - order];

            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                i += 2;
            }
        }

        if (c != 0xfeff) {
            d = ds_utf8_put(d, c >= 0xd800 && c < 0xe000 ? '?' : c);
        }
    }

    free(*text);

    *text = out;
    *len = (size_t) (d - out);

    return DS_OK;
}


/* where the high byte is, 0 or 1; -1: it is not UTF-16 */

static int
ds_utf16_order(const uint8_t *p, size_t len)
{
    size_t  i, zeros[2];

    if (len < 2) {
        return -1;
    }

    if (p[0] == 0xff && p[1] == 0xfe) {
        return 1;
    }

    if (p[0] == 0xfe && p[1] == 0xff) {
        return 0;
    }

    /* letters of ASCII, each beside a zero */

    zeros[0] = 0;
    zeros[1] = 0;

    for (i = 0; i < len && i < 64; i++) {
        zeros[i % 2] += (p[i] == 0);
    }

    if (zeros[0] + zeros[1] < i / 3 || (zeros[0] != 0 && zeros[1] != 0)) {
        return -1;
    }

    return zeros[1] != 0 ? 1 : zeros[0] != 0 ? 0 : -1;
}


char *
ds_utf8_put(char *d, uint32_t c)
{
    if (c < 0x80) {
        *d++ = (char) c;

    } else if (c < 0x800) {
        *d++ = (char) (0xc0 | (c >> 6));
        *d++ = (char) (0x80 | (c & 0x3f));

    } else if (c < 0x10000) {
        *d++ = (char) (0xe0 | (c >> 12));
        *d++ = (char) (0x80 | ((c >> 6) & 0x3f));
        *d++ = (char) (0x80 | (c & 0x3f));

    } else {
        *d++ = (char) (0xf0 | (c >> 18));
        *d++ = (char) (0x80 | ((c >> 12) & 0x3f));
        *d++ = (char) (0x80 | ((c >> 6) & 0x3f));
        *d++ = (char) (0x80 | (c & 0x3f));
    }

    return d;
}
