
/* M3U and JSON lists of URLs, as anybody may serve them. */

#include "resolve/ds_list.h"
#include "fuzz.h"


static bool
fuzz_list_entry(void *data, ds_entry_t *e)
{
    unsigned  *n = data;

    if (e->code == DS_OK
        && (e->url == NULL || !ds_list_url_ok(e->url, true)))
    {
        abort();
    }

    ds_entry_free(e);

    return ++*n < 1000;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char       *text;
    unsigned    n;
    ds_error_t  err;

    n = 0;
    text = fuzz_string(data, size);

    (void) ds_list_parse(text, "http://127.0.0.1/a/list.m3u?x=1",
                         fuzz_list_entry, &n, &err);

    free(text);

    return 0;
}
