
/*
 * test_resolve_error.c: what the resolver complains of, as codes, and what is
 * left of it in messages.
 */

#include "base/ds_fault.h"
#include "resolve/ds_resolve_error.h"
#include "tap.h"


int
main(void)
{
    int         code;
    ds_error_t  err;

    /* each has somebody who is to blame */

    for (code = DS_ENOMEM; code < DS_ELAST; code++) {
        if (code != DS_ECANCELED && ds_fault(code, false) == DS_FAULT_NONE) {
            ok(false, "%s is nobody's fault", ds_error_code(code));
        }
    }

    is_int(ds_fault(DS_OK, false), DS_FAULT_NONE, "no error");
    is_int(ds_fault(DS_EITEM_PRIVATE, true), DS_FAULT_ITEM, "an item's");
    is_int(ds_fault(DS_ESOURCE_REFUSED, true), DS_FAULT_SITE, "a site's");
    is_int(ds_fault(DS_ESOURCE_FORBIDDEN, false), DS_FAULT_ITEM,
           "a URL that is refused");
    is_int(ds_fault(DS_ESOURCE_FORBIDDEN, true), DS_FAULT_RESOLVER,
           "one that a resolver gave");
    is_int(ds_fault(DS_ECACHE_FAILED, false), DS_FAULT_SELF, "ours");

    is_int(ds_resolve_error(2, "\nUsage: x\n\nyt-dlp: error: no such option: "
                            "--x\n", &err), DS_ERESOLVER_FAILED, "usage");
    is_str(err.message, "the resolver exited with code 2: yt-dlp: error: no "
           "such option: --x", "says what");

    is_int(ds_resolve_error(1, "", &err), DS_ERESOLVER_FAILED, "silence");
    is_str(err.message, "the resolver exited with code 1", "says so");

    is_int(ds_resolve_error(-9, "ERROR: Private video", &err),
           DS_ERESOLVER_FAILED, "a signal");

    is_int(ds_resolve_error(1, "WARNING: [youtube] HTTP Error 429: Too Many "
                            "Requests\nERROR: [youtube] a: No video formats "
                            "found!; please report this\n", &err),
           DS_ERESOLVER_RATE_LIMITED, "a cause in a warning");

    is_int(ds_resolve_error(1, "WARNING: HTTP Error 429\nERROR: odd\n", &err),
           DS_ERESOLVER_FAILED, "a warning that is no cause");

    is_int(ds_resolve_error(1, "ERROR: Private video\nERROR: odd\n", &err),
           DS_EITEM_PRIVATE, "an earlier line");

    is_int(ds_resolve_error(1, "ERROR: odd https://u:p@h/v?sig=SECRET#x and "
                            "'http://h/a?token=SECRET', /v?sig=SECRET "
                            "x&sig=SECRET https%3A%2F%2Fh%2F%3Fsig%3DSECRET "
                            "why?\n", &err), DS_ERESOLVER_FAILED, "URLs");
    is_str(err.message, "the resolver exited with code 1: odd https://h/v and "
           "'http://h/a', /v x https%3A%2F%2Fh%2F why?", "lose their secrets");

    return done_testing();
}
