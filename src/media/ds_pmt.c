
/*
 * ds_pmt.c: ISO 13818-1, 2.4.4: tables that fit in one packet, which all do
 * that matter here.  Knows no libav.
 */

#include <stddef.h>
#include <string.h>

#include "media/ds_pmt.h"


#define DS_PMT_SYNC   0x47


static bool ds_pmt_sync(ds_pmt_t *p, const uint8_t *data, size_t n);
static bool ds_pmt_packet(ds_pmt_t *p, const uint8_t *data);
static void ds_pmt_programs(ds_pmt_t *p, const uint8_t *s, size_t n);
static bool ds_pmt_streams(ds_pmt_t *p, const uint8_t *s, size_t n);


void
ds_pmt_reset(ds_pmt_t *p)
{
    memset(p, 0, sizeof(ds_pmt_t));
}


bool
ds_pmt_changes(ds_pmt_t *p, const uint8_t *data, size_t n, ptrdiff_t *at)
{
    size_t  i, more;

    if (p->off || n == 0 || (p->size == 0 && !ds_pmt_sync(p, data, n))) {
        return false;
    }

    i = 0;

    if (p->npart != 0) {
        more = p->size - p->npart;

        if (n < more) {
            memcpy(p->part + p->npart, data, n);
            p->npart += n;
            return false;
        }

        memcpy(p->part + p->npart, data, more);

        if (ds_pmt_packet(p, p->part)) {
            *at = -(ptrdiff_t) p->npart;
            return true;
        }

        p->npart = 0;
        i = more;
    }

    for ( /* void */ ; n - i >= p->size; i += p->size) {
        if (ds_pmt_packet(p, data + i)) {
            *at = i;
            return true;
        }
    }

    p->npart = n - i;
    memcpy(p->part, data + i, p->npart);

    return false;
}


/* a file begins with a packet, a Blu-ray's packet with a time of 4 bytes */

static bool
ds_pmt_sync(ds_pmt_t *p, const uint8_t *data, size_t n)
{
    if (n > 188 && data[0] == DS_PMT_SYNC && data[188] == DS_PMT_SYNC) {
        p->size = 188;

    } else if (n > 196 && data[4] == DS_PMT_SYNC && data[196] == DS_PMT_SYNC) {
        p->size = 192;

    } else {
        p->off = true;
    }

    return !p->off;
}


/* true: it is a table by which a stream has another type */

static bool
ds_pmt_packet(ds_pmt_t *p, const uint8_t *data)
{
    size_t          head, len;
    unsigned        i, pid;
    const uint8_t  *s;

    s = data + p->size - 188;

    if (s[0] != DS_PMT_SYNC) {
        p->off = true;
        return false;
    }

    pid = (s[1] & 0x1f) << 8 | s[2];

    /* only what begins in it, and has a payload */

    if (!(s[1] & 0x40) || !(s[3] & 0x10)) {
        return false;
    }

    for (i = 0; pid != 0 && i < p->ntables && p->tables[i] != pid; i++) {
        /* void */
    }

    if (pid != 0 && i == p->ntables) {
        return false;
    }

    head = 4 + (s[3] & 0x20 ? 1 + s[4] : 0);

    if (head >= 188 || head + 1 + s[head] + 3 > 188) {
        return false;
    }

    head += 1 + s[head];
    len = (s[head + 1] & 0x0f) << 8 | s[head + 2];

    /* with its checksum, which is left out */

    if (len < 4 || head + 3 + len > 188 || s[head] != (pid == 0 ? 0 : 2)) {
        return false;
    }

    if (pid == 0) {
        ds_pmt_programs(p, s + head, 3 + len - 4);
        return false;
    }

    return ds_pmt_streams(p, s + head, 3 + len - 4);
}


static void
ds_pmt_programs(ds_pmt_t *p, const uint8_t *s, size_t n)
{
    size_t  i;

    p->ntables = 0;

    for (i = 8; i + 4 <= n && p->ntables < DS_PMT_STREAMS; i += 4) {
        if ((s[i] << 8 | s[i + 1]) != 0) {
            p->tables[p->ntables++] = (s[i + 2] & 0x1f) << 8 | s[i + 3];
        }
    }
}


static bool
ds_pmt_streams(ds_pmt_t *p, const uint8_t *s, size_t n)
{
    size_t    i;
    unsigned  k, pid;

    if (n < 12) {
        return false;
    }

    i = 12 + ((s[10] & 0x0f) << 8 | s[11]);

    while (i + 5 <= n) {
        pid = (s[i + 1] & 0x1f) << 8 | s[i + 2];

        for (k = 0; k < p->npids && p->pids[k] != pid; k++) { /* void */ }

        if (k < p->npids && p->types[k] != s[i]) {
            return true;
        }

        if (k == p->npids && k < DS_PMT_STREAMS) {
            p->pids[k] = pid;
            p->types[k] = s[i];
            p->npids++;
        }

        i += 5 + ((s[i + 3] & 0x0f) << 8 | s[i + 4]);
    }

    return false;
}
