
/* fuzz.h: shared by the fuzz targets: the input as a string of its own. */

#ifndef FUZZ_H_INCLUDED_
#define FUZZ_H_INCLUDED_


#include <stdint.h>
#include <stdlib.h>
#include <string.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* malloc()ed to its exact size, so that a read beyond it is seen */

static inline char *
fuzz_string(const uint8_t *data, size_t size)
{
    char  *s;

    s = malloc(size + 1);

    if (s == NULL) {
        abort();
    }

    if (size != 0) {
        memcpy(s, data, size);
    }

    s[size] = '\0';

    return s;
}


#endif /* FUZZ_H_INCLUDED_ */
