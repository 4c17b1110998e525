
/*
 * ngx_directstream_build.c: which build this is: the name that the linker has
 * given it, which the package of its debugging symbols has as well.
 */

#include "ngx_directstream.h"

#include <link.h>


/* bytes of it that are shown, as two digits each */
#define NGX_DIRECTSTREAM_BUILD_ID  10


static int ngx_directstream_build_object(struct dl_phdr_info *info,
    size_t size, void *data);
static ngx_uint_t ngx_directstream_build_note(const u_char *p, size_t len,
    size_t align, u_char *text);


const char *
ngx_directstream_build(void)
{
    static u_char      text[2 * NGX_DIRECTSTREAM_BUILD_ID + 1];
    static ngx_uint_t  known;

    if (!known) {
        (void) dl_iterate_phdr(ngx_directstream_build_object, text);
        known = 1;
    }

    return (const char *) text;
}


/* the object that this function is in; 1: it is this one */

static int
ngx_directstream_build_object(struct dl_phdr_info *info, size_t size,
    void *data)
{
    int                i, own;
    uintptr_t          here, start;
    const ElfW(Phdr)  *ph;

    (void) size;

    own = 0;
    here = (uintptr_t) &ngx_directstream_build_object;

    for (i = 0; i < info->dlpi_phnum; i++) {
        ph = &info->dlpi_phdr[i];
        start = info->dlpi_addr + ph->p_vaddr;

        own |= (ph->p_type == PT_LOAD && here >= start
                && here - start < ph->p_memsz);
    }

    for (i = 0; own && i < info->dlpi_phnum; i++) {
        ph = &info->dlpi_phdr[i];

        if (ph->p_type == PT_NOTE
            && ngx_directstream_build_note((const u_char *) info->dlpi_addr
                                           + ph->p_vaddr, ph->p_memsz,
                                           ph->p_align == 8 ? 8 : 4, data))
        {
            break;
        }
    }

    return own;
}


/* a segment of notes */

static ngx_uint_t
ngx_directstream_build_note(const u_char *p, size_t len, size_t align,
    u_char *text)
{
    size_t             name, desc;
    const ElfW(Nhdr)  *note;

    while (len >= sizeof(*note)) {

        note = (const ElfW(Nhdr) *) p;
        name = ngx_align(sizeof(*note) + note->n_namesz, align);
        desc = ngx_align(name + note->n_descsz, align);

        if (desc > len) {
            break;
        }

        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4
            && ngx_memcmp(p + sizeof(*note), "GNU", 4) == 0)
        {
            (void) ngx_hex_dump(text, (u_char *) p + name,
                                ngx_min(note->n_descsz,
                                        NGX_DIRECTSTREAM_BUILD_ID));
            return 1;
        }

        p += desc;
        len -= desc;
    }

    return 0;
}
