
/*
 * What a resolver prints: the first byte says whether the rest is a line of
 * the list, an item's line, or the end of stderr.
 */

#include "resolve/ds_list.h"
#include "resolve/ds_resolve_error.h"
#include "fuzz.h"


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        *text;
    int64_t      count;
    ds_error_t   err;
    ds_entry_t   e;
    ds_media_t   m;

    if (size == 0) {
        return 0;
    }

    text = fuzz_string(data + 1, size - 1);
    count = -1;

    switch (data[0] % 3) {

    case 0:
        if (ds_list_parse_line(text, &e, &count, &err) == DS_OK) {

            /* what goes on must be safe to open */

            if (e.url != NULL && !ds_list_url_ok(e.url, true)) {
                abort();
            }

            ds_entry_free(&e);
        }

        break;

    case 1:
        if (ds_list_parse_media(text, &m, &err) == DS_OK) {

            if (m.nurls < 1 || m.nurls > 2 || m.urls[0].url == NULL
                || (m.urls[0].headers != NULL
                    && strchr(m.urls[0].headers, '\r') != NULL))
            {
                abort();
            }

            ds_media_free(&m);
        }

        break;

    default:
        if (ds_resolve_error(1, text, &err) >= DS_OK || err.code == DS_OK) {
            abort();
        }
    }

    free(text);

    return 0;
}
