
/*
 * ds_picture.c: the picture that is made of a stream's name: light letters
 * on a dark ground.
 */

#include <string.h>

#include "air/ds_picture.h"
#include "media/ds_video.h"


#define DS_GLYPH_WIDTH   5
#define DS_GLYPH_HEIGHT  7

#define DS_GROUND        30
#define DS_INK           190


typedef struct {
    char      c;
    uint64_t  bits;             /* row by row, the first bit is the highest */
} ds_glyph_t;


/* in the order of their characters */

static const ds_glyph_t  ds_glyphs[] = {
    { '-', UINT64_C(0x0000f0000) },
    { '.', UINT64_C(0x00000018c) },
    { '0', UINT64_C(0x3a33ae62e) },
    { '1', UINT64_C(0x11842108e) },
    { '2', UINT64_C(0x3a211111f) },
    { '3', UINT64_C(0x78217043e) },
    { '4', UINT64_C(0x08ca97c42) },
    { '5', UINT64_C(0x7e1e0862e) },
    { '6', UINT64_C(0x3a10f462e) },
    { '7', UINT64_C(0x7c2222108) },
    { '8', UINT64_C(0x3a317462e) },
    { '9', UINT64_C(0x3a317842e) },
    { 'A', UINT64_C(0x11518fe31) },
    { 'B', UINT64_C(0x7a31f463e) },
    { 'C', UINT64_C(0x3e108420f) },
    { 'D', UINT64_C(0x7a318c63e) },
    { 'E', UINT64_C(0x7e10f421f) },
    { 'F', UINT64_C(0x7e10f4210) },
    { 'G', UINT64_C(0x3e109c62f) },
    { 'H', UINT64_C(0x4631fc631) },
    { 'I', UINT64_C(0x38842108e) },
    { 'J', UINT64_C(0x1c210862e) },
    { 'K', UINT64_C(0x4654c5251) },
    { 'L', UINT64_C(0x42108421f) },
    { 'M', UINT64_C(0x4775ac631) },
    { 'N', UINT64_C(0x4739ace71) },
    { 'O', UINT64_C(0x3a318c62e) },
    { 'P', UINT64_C(0x7a31f4210) },
    { 'Q', UINT64_C(0x3a318d64d) },
    { 'R', UINT64_C(0x7a31f5251) },
    { 'S', UINT64_C(0x3e107043e) },
    { 'T', UINT64_C(0x7c8421084) },
    { 'U', UINT64_C(0x46318c62e) },
    { 'V', UINT64_C(0x46318a944) },
    { 'W', UINT64_C(0x4631ad771) },
    { 'X', UINT64_C(0x462a22a31) },
    { 'Y', UINT64_C(0x462a21084) },
    { 'Z', UINT64_C(0x7c222221f) },
    { '_', UINT64_C(0x00000001f) },
    { 'a', UINT64_C(0x000e0be2f) },
    { 'b', UINT64_C(0x421e8c63e) },
    { 'c', UINT64_C(0x000f8420f) },
    { 'd', UINT64_C(0x042f8c62f) },
    { 'e', UINT64_C(0x000e8fe0f) },
    { 'f', UINT64_C(0x191e42108) },
    { 'g', UINT64_C(0x01f18bc2e) },
    { 'h', UINT64_C(0x421e8c631) },
    { 'i', UINT64_C(0x100c2108e) },
    { 'j', UINT64_C(0x080610a4c) },
    { 'k', UINT64_C(0x4212a6292) },
    { 'l', UINT64_C(0x30842108e) },
    { 'm', UINT64_C(0x001ead6b5) },
    { 'n', UINT64_C(0x001e8c631) },
    { 'o', UINT64_C(0x000e8c62e) },
    { 'p', UINT64_C(0x03d18fa10) },
    { 'q', UINT64_C(0x01f18bc21) },
    { 'r', UINT64_C(0x0016c4210) },
    { 's', UINT64_C(0x000f8383e) },
    { 't', UINT64_C(0x211e42106) },
    { 'u', UINT64_C(0x00118c62f) },
    { 'v', UINT64_C(0x00118c544) },
    { 'w', UINT64_C(0x0011ad6aa) },
    { 'x', UINT64_C(0x001151151) },
    { 'y', UINT64_C(0x02318bc2e) },
    { 'z', UINT64_C(0x001f1111f) },
};


static uint64_t ds_picture_glyph(char c);
static void ds_picture_draw(AVFrame *frame, uint64_t bits, int x, int y,
    int scale);


AVFrame *
ds_picture_name(const char *name, int width, int height)
{
    int       i, n, x, y, cell, scale;
    AVFrame  *frame;

    frame = ds_video_plain(width, height, DS_GROUND);

    cell = DS_GLYPH_WIDTH + 1;
    n = strlen(name);

    if (frame == NULL || n == 0) {
        return frame;
    }

    /* four fifths of the width, a sixth of the height at most */

    scale = width * 4 / 5 / (n * cell);

    if (scale > height / 6 / DS_GLYPH_HEIGHT) {
        scale = height / 6 / DS_GLYPH_HEIGHT;
    }

    if (scale < 1) {
        scale = 1;
    }

    if (n > width / (cell * scale)) {
        n = width / (cell * scale);
    }

    x = (width - n * cell * scale + scale) / 2;
    y = (height - DS_GLYPH_HEIGHT * scale) / 2;

    for (i = 0; i < n && y >= 0; i++) {
        ds_picture_draw(frame, ds_picture_glyph(name[i]),
                        x + i * cell * scale, y, scale);
    }

    return frame;
}


static uint64_t
ds_picture_glyph(char c)
{
    size_t  i;

    for (i = 0; i < sizeof(ds_glyphs) / sizeof(ds_glyphs[0]); i++) {
        if (ds_glyphs[i].c == c) {
            return ds_glyphs[i].bits;
        }
    }

    return 0;
}


static void
ds_picture_draw(AVFrame *frame, uint64_t bits, int x, int y, int scale)
{
    int       i, row, col;
    uint8_t  *p;

    for (row = 0; row < DS_GLYPH_HEIGHT * scale; row++) {
        p = frame->data[0] + (size_t) (y + row) * frame->linesize[0] + x;

        for (col = 0; col < DS_GLYPH_WIDTH; col++) {
            i = DS_GLYPH_WIDTH * (DS_GLYPH_HEIGHT - 1 - row / scale)
                + DS_GLYPH_WIDTH - 1 - col;

            if ((bits >> i) & 1) {
                memset(p + col * scale, DS_INK, scale);
            }
        }
    }
}
