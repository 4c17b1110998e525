
/*
 * ngx_directstream_field.c: what a definition is made of: one table of fields
 * and their bounds for nginx.conf, where they are written, for the API, where
 * they are JSON, and for the zone, where they are compared and copied.
 */

#include "ngx_directstream.h"

#include <ngx_md5.h>


#define NGX_DIRECTSTREAM_DIGITS     9      /* no bound is longer */

#define ngx_directstream_in(field)                                           \
    offsetof(ds_def_t, field), sizeof(((ds_def_t *) NULL)->field)


static const char *ngx_directstream_field_word(
    const ngx_directstream_field_t *f, int64_t n);
static ngx_int_t ngx_directstream_field_size(ds_def_t *def, ngx_str_t *text);
static int64_t ngx_directstream_field_parse(
    const ngx_directstream_field_t *f, ngx_str_t *text);


const ngx_directstream_field_t  ngx_directstream_fields[] = {

    { "name", 0, NGX_DIRECTSTREAM_NAME, ngx_directstream_in(name),
      0, 0, NULL },

    { "playlist", NGX_DIRECTSTREAM_SET_PLAYLIST, NGX_DIRECTSTREAM_PLAYLIST,
      ngx_directstream_in(playlist), 0, 0, NULL },

    { "shuffle", NGX_DIRECTSTREAM_SET_SHUFFLE, NGX_DIRECTSTREAM_FLAG,
      ngx_directstream_in(shuffle), 0, 1, "\"on\" or \"off\"" },

    { "loop", NGX_DIRECTSTREAM_SET_LOOP, NGX_DIRECTSTREAM_FLAG,
      ngx_directstream_in(loop), 0, 1, "\"on\" or \"off\"" },

    { "publish", NGX_DIRECTSTREAM_SET_PUBLISH, NGX_DIRECTSTREAM_PUBLISH,
      ngx_directstream_in(publish), 0, 0, NULL },

    { "outputs", NGX_DIRECTSTREAM_SET_OUTPUTS, NGX_DIRECTSTREAM_OUTPUTS,
      ngx_directstream_in(outputs), 0, 0, NULL },

    { "slate", NGX_DIRECTSTREAM_SET_SLATE, NGX_DIRECTSTREAM_SLATE,
      ngx_directstream_in(slate), 0, 0, NULL },

    { "source_proxy", NGX_DIRECTSTREAM_SET_PROXY, NGX_DIRECTSTREAM_PROXY,
      ngx_directstream_in(source_proxy), 0, 0, NULL },

    { "source_bind", NGX_DIRECTSTREAM_SET_BIND, NGX_DIRECTSTREAM_BIND,
      ngx_directstream_in(source_bind), 0, 0, NULL },

    { "schedule", NGX_DIRECTSTREAM_SET_SCHEDULE, NGX_DIRECTSTREAM_SCHEDULE,
      ngx_directstream_in(schedule), 0, 0, NULL },

    { "mode", NGX_DIRECTSTREAM_SET_MODE, NGX_DIRECTSTREAM_MODE,
      ngx_directstream_in(mode), DS_MODE_DIRECT, DS_MODE_HYBRID,
      "\"direct\", \"download\" or \"hybrid\"" },

    { "video", NGX_DIRECTSTREAM_SET_VIDEO, NGX_DIRECTSTREAM_VIDEO,
      ngx_directstream_in(profile.video), DS_VIDEO_COPY, DS_VIDEO_ENCODE,
      "\"copy\", \"auto\" or \"encode\"" },

    /* the height follows the width */
    { "video_size", NGX_DIRECTSTREAM_SET_SIZE, NGX_DIRECTSTREAM_SIZE,
      offsetof(ds_def_t, profile.width), 2 * sizeof(uint32_t), 0, 0,
      "WIDTHxHEIGHT, both even, from 64x64 to 3840x2160" },

    { "video_rate", NGX_DIRECTSTREAM_SET_RATE, NGX_DIRECTSTREAM_NUMBER,
      ngx_directstream_in(profile.rate), 1, 60,
      "a whole number of frames a second, from 1 to 60" },

    { "video_bitrate", NGX_DIRECTSTREAM_SET_VIDEO_BITRATE,
      NGX_DIRECTSTREAM_BITRATE,
      ngx_directstream_in(profile.video_bitrate), 100000, 50000000,
      "a whole number of bit/s, from 100000 (100k) to 50000000 (50m)" },

    { "audio_bitrate", NGX_DIRECTSTREAM_SET_AUDIO_BITRATE,
      NGX_DIRECTSTREAM_BITRATE,
      ngx_directstream_in(profile.audio_bitrate), 32000, 512000,
      "a whole number of bit/s, from 32000 (32k) to 512000 (512k)" },

    { "audio_rate", NGX_DIRECTSTREAM_SET_AUDIO_RATE, NGX_DIRECTSTREAM_EITHER,
      ngx_directstream_in(profile.sample_rate), 44100, 48000,
      "44100 or 48000" },

    { "max_keyframe_interval", NGX_DIRECTSTREAM_SET_KEYFRAME,
      NGX_DIRECTSTREAM_TIME,
      ngx_directstream_in(profile.max_keyframe_interval), 1000, 3600 * 1000,
      "off (0), or from 1 second to 1 hour" },

    { "max_item_duration", NGX_DIRECTSTREAM_SET_MAX_ITEM,
      NGX_DIRECTSTREAM_TIME,
      ngx_directstream_in(max_item_duration), 1000, 30 * 24 * 3600 * 1000LL,
      "off (0), or from 1 second to 30 days" },

    { "playlist_refresh", NGX_DIRECTSTREAM_SET_REFRESH,
      NGX_DIRECTSTREAM_TIME,
      ngx_directstream_in(playlist_refresh), 1000, 30 * 24 * 3600 * 1000LL,
      "off (0), or from 1 second to 30 days" },

    { "playlist_refresh_jitter", NGX_DIRECTSTREAM_SET_REFRESH,
      NGX_DIRECTSTREAM_NUMBER,
      ngx_directstream_in(refresh_jitter), 0, 100,
      "a whole number of per cent, from 0 to 100" },

    { "youtube", NGX_DIRECTSTREAM_SET_YOUTUBE, NGX_DIRECTSTREAM_YOUTUBE,
      ngx_directstream_in(youtube.mode), DS_YOUTUBE_OFF, DS_YOUTUBE_REVIVE,
      "\"off\", \"watch\" or \"revive\"" },

    { "youtube_rollover", NGX_DIRECTSTREAM_SET_ROLLOVER,
      NGX_DIRECTSTREAM_TIME,
      ngx_directstream_in(youtube.rollover), 5 * 3600 * 1000,
      (11 * 60 + 55) * 60 * 1000,
      "off (0), or from 5 hours to 11 hours and 55 minutes" },

    { "youtube_title", NGX_DIRECTSTREAM_SET_TITLE, NGX_DIRECTSTREAM_TITLE,
      ngx_directstream_in(youtube.title), 0, 0, NULL },

    { NULL, 0, NGX_DIRECTSTREAM_NAME, 0, 0, 0, 0, NULL }
};


const ngx_directstream_field_t *
ngx_directstream_field_find(const char *name)
{
    const ngx_directstream_field_t  *f;

    for (f = ngx_directstream_fields; f->name != NULL; f++) {
        if (ngx_strcmp(f->name, name) == 0) {
            return f;
        }
    }

    return NULL;
}


int64_t
ngx_directstream_field_get(const ngx_directstream_field_t *f,
    const ds_def_t *def)
{
    const u_char  *p;

    p = (const u_char *) def + f->offset;

    return (f->size == sizeof(bool)) ? *(const bool *) p
                                     : *(const uint32_t *) p;
}


ngx_int_t
ngx_directstream_field_number(const ngx_directstream_field_t *f,
    ds_def_t *def, int64_t n)
{
    u_char  *p;

    if (!(n == 0 && f->kind == NGX_DIRECTSTREAM_TIME)
        && (n < f->min || n > f->max
            || (f->kind == NGX_DIRECTSTREAM_EITHER
                && n != f->min && n != f->max)))
    {
        return NGX_ERROR;
    }

    p = (u_char *) def + f->offset;

    if (f->size == sizeof(bool)) {
        *(bool *) p = (n != 0);

    } else {
        *(uint32_t *) p = (uint32_t) n;
    }

    return NGX_OK;
}


void
ngx_directstream_field_show(const ngx_directstream_field_t *f,
    const ds_def_t *def, char *text)
{
    const char  *value;

    value = (const char *) def + f->offset;

    switch (f->kind) {

    case NGX_DIRECTSTREAM_PLAYLIST:
        ds_redact_playlist(text, DS_PLAYLIST_LEN + 1, value);
        return;

    case NGX_DIRECTSTREAM_PROXY:
        ds_redact_url(text, DS_PLAYLIST_LEN + 1, value);
        return;

    case NGX_DIRECTSTREAM_SIZE:
        (void) ngx_snprintf((u_char *) text, DS_PLAYLIST_LEN + 1, "%uDx%uD%Z",
                            def->profile.width, def->profile.height);
        return;

    case NGX_DIRECTSTREAM_MODE:
    case NGX_DIRECTSTREAM_VIDEO:
    case NGX_DIRECTSTREAM_YOUTUBE:
        value = ngx_directstream_field_word(f,
                                       ngx_directstream_field_get(f, def));
        break;

    default:
        break;
    }

    (void) ngx_cpystrn((u_char *) text, (u_char *) value, DS_PLAYLIST_LEN + 1);
}


static const char *
ngx_directstream_field_word(const ngx_directstream_field_t *f, int64_t n)
{
    switch (f->kind) {

    case NGX_DIRECTSTREAM_MODE:
        return ds_mode_name((ds_mode_e) n);

    case NGX_DIRECTSTREAM_VIDEO:
        return ds_video_name((ds_video_e) n);

    case NGX_DIRECTSTREAM_YOUTUBE:
        return ds_youtube_name((ds_youtube_e) n);

    default: /* NGX_DIRECTSTREAM_FLAG */
        return n ? "on" : "off";
    }
}


int
ngx_directstream_field_check(const ngx_directstream_field_t *f,
    const char *text, ngx_uint_t file_ok, ds_error_t *err)
{
    switch (f->kind) {

    case NGX_DIRECTSTREAM_NAME:
        return ds_check_name(text, err);

    case NGX_DIRECTSTREAM_PLAYLIST:
        return ds_check_playlist(text, file_ok, err);

    case NGX_DIRECTSTREAM_PUBLISH:
        return ds_check_publish(text, err);

    case NGX_DIRECTSTREAM_TITLE:
        return ds_check_youtube_title(text, err);

    case NGX_DIRECTSTREAM_PROXY:
        return ngx_strcmp(text, "off") == 0 ? DS_OK
                                            : ds_check_proxy(text, err);

    case NGX_DIRECTSTREAM_BIND:
        return ngx_strcmp(text, "off") == 0 ? DS_OK
                                            : ds_check_bind(text, err);

    default: /* NGX_DIRECTSTREAM_SLATE */
        return DS_OK;
    }
}


void
ngx_directstream_field_off(const ngx_directstream_field_t *f, ds_def_t *def)
{
    char  *text;

    text = (char *) def + f->offset;

    if ((f->kind == NGX_DIRECTSTREAM_PROXY || f->kind == NGX_DIRECTSTREAM_BIND)
        && ngx_strcmp(text, "off") == 0)
    {
        ngx_memzero(text, f->size);
    }
}


ngx_int_t
ngx_directstream_field_text(const ngx_directstream_field_t *f, ds_def_t *def,
    ngx_str_t *text)
{
    int64_t      n;
    const char  *word;

    if (f->kind == NGX_DIRECTSTREAM_SIZE) {
        return ngx_directstream_field_size(def, text);
    }

    if (f->kind > NGX_DIRECTSTREAM_SIZE) {
        return ngx_directstream_field_number(f, def,
                                       ngx_directstream_field_parse(f, text));
    }

    for (n = f->min; n <= f->max; n++) {
        word = ngx_directstream_field_word(f, n);

        if (text->len == strlen(word)
            && (f->kind == NGX_DIRECTSTREAM_FLAG
                ? ngx_strncasecmp(text->data, (u_char *) word, text->len)
                : ngx_strncmp(text->data, word, text->len))
               == 0)
        {
            return ngx_directstream_field_number(f, def, n);
        }
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_directstream_field_size(ds_def_t *def, ngx_str_t *text)
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
ngx_directstream_field_parse(const ngx_directstream_field_t *f,
    ngx_str_t *text)
{
    size_t     len;
    ngx_int_t  n, unit;

    if (f->kind == NGX_DIRECTSTREAM_TIME) {

        if (text->len == 3 && ngx_strncmp(text->data, "off", 3) == 0) {
            return 0;
        }

        return ngx_parse_time(text, 0);
    }

    len = text->len;
    unit = 1;

    /* rates are decimal everywhere */

    if (f->kind == NGX_DIRECTSTREAM_BITRATE && len > 1) {

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


void
ngx_directstream_field_tag(ngx_directstream_conf_t *dcf, const ds_def_t *def,
    int64_t revision, u_char tag[NGX_DIRECTSTREAM_TAG + 1])
{
    size_t                           len;
    u_char                           sum[16], *p;
    ngx_md5_t                        md5;
    const ngx_directstream_field_t  *f;

    /* all nodes that share it say the same */

    if (dcf->cluster.endpoints != NULL) {
        (void) ngx_sprintf(tag, "\"%032xL\"%Z", revision);
        return;
    }

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, dcf->sh->salt, sizeof(dcf->sh->salt));

    for (f = ngx_directstream_fields; f->name != NULL; f++) {
        p = (u_char *) def + f->offset;

        /* what follows a text's NUL is anything */

        len = (f->kind <= NGX_DIRECTSTREAM_SCHEDULE) ? ngx_strlen(p) + 1
                                                  : f->size;

        ngx_md5_update(&md5, p, len);
    }

    ngx_md5_final(sum, &md5);

    tag[0] = '"';
    p = ngx_hex_dump(tag + 1, sum, sizeof(sum));
    *p++ = '"';
    *p = '\0';
}


ngx_int_t
ngx_directstream_field_copy(ds_def_t *dst, const ds_def_t *src,
    ngx_uint_t set)
{
    u_char                          *to;
    ngx_int_t                        rc;
    const u_char                    *from;
    const ngx_directstream_field_t  *f;

    rc = NGX_OK;

    for (f = ngx_directstream_fields; f->name != NULL; f++) {
        to = (u_char *) dst + f->offset;
        from = (const u_char *) src + f->offset;

        if (!(set & f->set) || ngx_memcmp(to, from, f->size) == 0) {
            continue;
        }

        /* a run goes on when these change */

        if (f->kind == NGX_DIRECTSTREAM_OUTPUTS
            ? !ngx_directstream_outputs_same_rtmp((char *) to, (char *) from)
            : !(f->set & (NGX_DIRECTSTREAM_SET_LOOP|NGX_DIRECTSTREAM_SET_MODE
                          |NGX_DIRECTSTREAM_SET_REFRESH
                          |NGX_DIRECTSTREAM_SET_SCHEDULE
                          |NGX_DIRECTSTREAM_SET_YOUTUBE
                          |NGX_DIRECTSTREAM_SET_ROLLOVER
                          |NGX_DIRECTSTREAM_SET_TITLE)))
        {
            rc = NGX_AGAIN;
        }

        ngx_memcpy(to, from, f->size);
    }

    return rc;
}


int
ngx_directstream_check_publish(const ds_def_t *def, ds_error_t *err)
{
    if (ngx_strcmp(def->publish, "none") != 0
        || ngx_directstream_outputs_engine(def->outputs))
    {
        return DS_OK;
    }

    (void) ngx_cpystrn((u_char *) err->message,
                       (u_char *) "\"none\" leaves nothing but outputs by "
                       "the engine, which needs a \"push\" to rtmps:// or "
                       "by \"engine\"", DS_MESSAGE_LEN);

    return DS_EPLAYLIST_INVALID;
}


int
ngx_directstream_check_youtube(ngx_directstream_conf_t *dcf,
    const ds_def_t *def, ds_error_t *err)
{
    const char  *why;

    if (def->youtube.mode == DS_YOUTUBE_OFF) {
        return DS_OK;
    }

    if (dcf->youtube_credentials.len == 0) {
        why = "it needs \"youtube_credentials\" in the \"directstream\" block";

    } else if (!ngx_directstream_outputs_engine(def->outputs)) {
        why = "it needs a \"push\" to rtmps:// or by \"engine\", the state of "
              "any other one is not known";

    } else {
        return DS_OK;
    }

    (void) ngx_cpystrn((u_char *) err->message, (u_char *) why,
                       DS_MESSAGE_LEN);

    return DS_EPLAYLIST_INVALID;
}
