
/*
 * ngx_directstream_setting.c: what a definition says of its pictures, its
 * sound and its items: one table of values and their bounds for nginx.conf,
 * where they are written, for the API, where they are JSON, and for the
 * zone, where they are compared and copied.
 */

#include "ngx_directstream.h"


#define NGX_DIRECTSTREAM_DIGITS  9     /* no bound is longer */


#define ngx_directstream_profile(field)                                       \
    offsetof(ngx_directstream_def_t, profile.field)


static ngx_int_t ngx_directstream_setting_video(ngx_directstream_def_t *def,
    ngx_str_t *text);
static ngx_int_t ngx_directstream_setting_size(ngx_directstream_def_t *def,
    ngx_str_t *text);
static int64_t ngx_directstream_setting_parse(
    const ngx_directstream_setting_t *s, ngx_str_t *text);


const ngx_directstream_setting_t  ngx_directstream_settings[] = {

    { "mode", NGX_DIRECTSTREAM_SET_MODE, NGX_DIRECTSTREAM_MODE,
      offsetof(ngx_directstream_def_t, mode), sizeof(ds_mode_e), 0, 0,
      "\"direct\", \"download\" or \"hybrid\"" },

    { "video", NGX_DIRECTSTREAM_SET_VIDEO, NGX_DIRECTSTREAM_VIDEO,
      ngx_directstream_profile(video), sizeof(ds_video_e), 0, 0,
      "\"copy\", \"auto\" or \"encode\"" },

    /* the height follows the width */
    { "video_size", NGX_DIRECTSTREAM_SET_SIZE, NGX_DIRECTSTREAM_SIZE,
      ngx_directstream_profile(width), 2 * sizeof(uint32_t), 0, 0,
      "WIDTHxHEIGHT, both even, from 64x64 to 3840x2160" },

    { "video_rate", NGX_DIRECTSTREAM_SET_RATE, NGX_DIRECTSTREAM_NUMBER,
      ngx_directstream_profile(rate), sizeof(uint32_t), 1, 60,
      "a whole number of frames a second, from 1 to 60" },

    { "video_bitrate", NGX_DIRECTSTREAM_SET_VIDEO_BITRATE,
      NGX_DIRECTSTREAM_BITRATE,
      ngx_directstream_profile(video_bitrate), sizeof(uint32_t),
      100000, 50000000,
      "a whole number of bit/s, from 100000 (100k) to 50000000 (50m)" },

    { "audio_bitrate", NGX_DIRECTSTREAM_SET_AUDIO_BITRATE,
      NGX_DIRECTSTREAM_BITRATE,
      ngx_directstream_profile(audio_bitrate), sizeof(uint32_t),
      32000, 512000,
      "a whole number of bit/s, from 32000 (32k) to 512000 (512k)" },

    { "audio_rate", NGX_DIRECTSTREAM_SET_AUDIO_RATE, NGX_DIRECTSTREAM_EITHER,
      ngx_directstream_profile(sample_rate), sizeof(uint32_t), 44100, 48000,
      "44100 or 48000" },

    { "max_keyframe_interval", NGX_DIRECTSTREAM_SET_KEYFRAME,
      NGX_DIRECTSTREAM_TIME,
      ngx_directstream_profile(max_keyframe_interval), sizeof(uint32_t),
      1000, 3600 * 1000,
      "off (0), or from 1 second to 1 hour" },

    { "max_item_duration", NGX_DIRECTSTREAM_SET_MAX_ITEM,
      NGX_DIRECTSTREAM_TIME,
      offsetof(ngx_directstream_def_t, max_item_duration), sizeof(uint32_t),
      1000, 30 * 24 * 3600 * 1000LL,
      "off (0), or from 1 second to 30 days" },

    { NULL, 0, NGX_DIRECTSTREAM_MODE, 0, 0, 0, 0, NULL }
};


const ngx_directstream_setting_t *
ngx_directstream_setting_find(const char *name)
{
    const ngx_directstream_setting_t  *s;

    for (s = ngx_directstream_settings; s->name != NULL; s++) {
        if (ngx_strcmp(s->name, name) == 0) {
            return s;
        }
    }

    return NULL;
}


ngx_int_t
ngx_directstream_setting_text(const ngx_directstream_setting_t *s,
    ngx_directstream_def_t *def, ngx_str_t *text)
{
    switch (s->kind) {

    case NGX_DIRECTSTREAM_MODE:
        return (ngx_strlen(text->data) == text->len
                && ds_mode_from_name(&def->mode, (char *) text->data))
               ? NGX_OK : NGX_ERROR;

    case NGX_DIRECTSTREAM_VIDEO:
        return ngx_directstream_setting_video(def, text);

    case NGX_DIRECTSTREAM_SIZE:
        return ngx_directstream_setting_size(def, text);

    default:
        return ngx_directstream_setting_number(s, def,
                                     ngx_directstream_setting_parse(s, text));
    }
}


ngx_uint_t
ngx_directstream_setting_is_text(const ngx_directstream_setting_t *s)
{
    return s->kind <= NGX_DIRECTSTREAM_SIZE;
}


static ngx_int_t
ngx_directstream_setting_video(ngx_directstream_def_t *def, ngx_str_t *text)
{
    ds_video_e   video;
    const char  *name;

    for (video = DS_VIDEO_COPY; video <= DS_VIDEO_ENCODE; video++) {
        name = ds_video_name(video);

        if (text->len == strlen(name)
            && ngx_strncmp(text->data, name, text->len) == 0)
        {
            def->profile.video = video;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_directstream_setting_size(ngx_directstream_def_t *def, ngx_str_t *text)
{
    u_char     *x;
    ngx_int_t   width, height;

    x = ngx_strlchr(text->data, text->data + text->len, 'x');

    if (x == NULL || text->len > 2 * NGX_DIRECTSTREAM_DIGITS) {
        return NGX_ERROR;
    }

    width = ngx_atoi(text->data, x - text->data);
    height = ngx_atoi(x + 1, text->data + text->len - (x + 1));

    if (width < 64 || width > 3840 || width % 2 != 0
        || height < 64 || height > 2160 || height % 2 != 0)
    {
        return NGX_ERROR;
    }

    def->profile.width = (uint32_t) width;
    def->profile.height = (uint32_t) height;

    return NGX_OK;
}


/* NGX_ERROR, which no bound lets pass, or the number */

static int64_t
ngx_directstream_setting_parse(const ngx_directstream_setting_t *s,
    ngx_str_t *text)
{
    size_t     len;
    ngx_int_t  n, unit;

    if (s->kind == NGX_DIRECTSTREAM_TIME) {

        if (text->len == 3 && ngx_strncmp(text->data, "off", 3) == 0) {
            return 0;
        }

        return ngx_parse_time(text, 0);
    }

    len = text->len;
    unit = 1;

    /* rates are decimal everywhere */

    if (s->kind == NGX_DIRECTSTREAM_BITRATE && len > 1) {

        switch (text->data[len - 1]) {

        case 'k':
        case 'K':
            unit = 1000;
            len--;
            break;

        case 'm':
        case 'M':
            unit = 1000000;
            len--;
            break;
        }
    }

    n = (len <= NGX_DIRECTSTREAM_DIGITS) ? ngx_atoi(text->data, len)
                                         : NGX_ERROR;

    return (n == NGX_ERROR) ? NGX_ERROR : (int64_t) n * unit;
}


ngx_int_t
ngx_directstream_setting_number(const ngx_directstream_setting_t *s,
    ngx_directstream_def_t *def, int64_t n)
{
    uint32_t  *field;

    if (!(n == 0 && s->kind == NGX_DIRECTSTREAM_TIME)
        && (n < s->min || n > s->max
            || (s->kind == NGX_DIRECTSTREAM_EITHER
                && n != s->min && n != s->max)))
    {
        return NGX_ERROR;
    }

    field = (uint32_t *) ((u_char *) def + s->offset);
    *field = (uint32_t) n;

    return NGX_OK;
}


ngx_int_t
ngx_directstream_setting_copy(ngx_directstream_def_t *dst,
    const ngx_directstream_def_t *src, ngx_uint_t set)
{
    u_char                            *to;
    ngx_int_t                          rc;
    const u_char                      *from;
    const ngx_directstream_setting_t  *s;

    rc = NGX_OK;

    for (s = ngx_directstream_settings; s->name != NULL; s++) {
        to = (u_char *) dst + s->offset;
        from = (const u_char *) src + s->offset;

        if ((set & s->set) && ngx_memcmp(to, from, s->size) != 0) {
            ngx_memcpy(to, from, s->size);

            /* a run goes on when its mode changes */

            if (s->kind != NGX_DIRECTSTREAM_MODE) {
                rc = NGX_AGAIN;
            }
        }
    }

    return rc;
}


int
ngx_directstream_check_push(const char *url, ngx_uint_t engine,
    ds_error_t *err)
{
    int          rc;
    const char  *p;

    rc = ds_check_push(url, err);

    if (rc != DS_OK || engine) {
        return rc;
    }

    if (ngx_directstream_push_tls(url)) {
        (void) ngx_cpystrn((u_char *) err->message,
                           (u_char *) "nginx-rtmp cannot push by rtmps://, "
                           "the engine can", DS_MESSAGE_LEN);
        return DS_EPLAYLIST_INVALID;
    }

    p = url + sizeof("rtmp://") - 1;

    if (*p == '[') {
        (void) ngx_cpystrn((u_char *) err->message,
                           (u_char *) "the host must be a name or an IPv4 "
                           "address, nginx-rtmp knows no other",
                           DS_MESSAGE_LEN);
        return DS_EPLAYLIST_INVALID;
    }

    p = strchr(p, '/');

    if (p != NULL && strlen(p) > NGX_DIRECTSTREAM_PUSH_PATH) {
        (void) ngx_snprintf((u_char *) err->message, DS_MESSAGE_LEN,
                            "application and key must have at most %d bytes, "
                            "nginx-rtmp cuts them%Z",
                            NGX_DIRECTSTREAM_PUSH_PATH);
        return DS_EPLAYLIST_INVALID;
    }

    return DS_OK;
}


ngx_uint_t
ngx_directstream_push_tls(const char *url)
{
    return ngx_strncasecmp((u_char *) url, (u_char *) "rtmps:", 6) == 0;
}
