
/*
 * Encodings that come unasked: gzip, zlib's and deflate without a head, in
 * pieces, with little room for what is unpacked.
 */

#include "net/ds_inflate.h"
#include "fuzz.h"


/* of what is unpacked; a few bytes may become many */
#define FUZZ_OUT  (256 * 1024)


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool           raw;
    size_t         n, piece, room, out;
    uint8_t        buf[777];
    ds_inflate_t  *z;

    if (size < 2) {
        return 0;
    }

    piece = 1 + data[0];
    raw = data[1] & 1;
    data += 2;
    size -= 2;

    (void) ds_inflate_is(data, size, !raw);

    z = ds_inflate_create(raw);

    if (z == NULL) {
        return 0;
    }

    for (out = 0; out < FUZZ_OUT; out += room) {
        n = size < piece ? size : piece;
        room = 1 + (piece * 7 + out) % sizeof(buf);

        if (ds_inflate(z, data, &n, buf, &room) != 0) {
            break;
        }

        if (n > size || n > piece || room > sizeof(buf)) {
            abort();
        }

        data += n;
        size -= n;

        if (ds_inflate_ended(z) || (n == 0 && room == 0)
            || (size == 0 && !ds_inflate_more(z)))
        {
            break;
        }
    }

    ds_inflate_free(&z);

    if (z != NULL) {
        abort();
    }

    return 0;
}
