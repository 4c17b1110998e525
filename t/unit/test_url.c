
/* test_url.c: what is accepted from people, what is shown of a URL. */

#include <stdlib.h>

#include "base/ds_url.h"
#include "tap.h"


static void test_parse(void);
static void test_unsigned(void);
static void test_playlist(void);
static void test_rtmp(void);
static void test_name(void);
static void test_redact(void);
static void test_expires(void);
static void test_kind(void);
static void redacted(const char *url, const char *want);


int
main(void)
{
    test_parse();
    test_playlist();
    test_rtmp();
    test_name();
    test_redact();
    test_expires();
    test_kind();

    return done_testing();
}


static void
test_unsigned(void)
{
    char    *s, id[DS_ID_LEN];
    size_t   i;

    static const char *const  t[][2] = {
        { "http://h/a.mp4?id=1&Expires=5&Signature=x#f",
          "http://h/a.mp4?id=1" },
        { "http://h/a.mp4?sig=1", "http://h/a.mp4" },
        { "http://h/a.mp4?X-Amz-Date=1&v=2&X-Amz-Signature=3&w=4",
          "http://h/a.mp4?v=2&w=4" },
        { "http://h/a.mp4?token=1", "http://h/a.mp4?token=1" },
        { "http://h/a.mp4?token=1&e=5", "http://h/a.mp4" },
        { "http://h/a.mp4", "http://h/a.mp4" }, { "", "" }
    };

    static const char *const  v[][2] = {
        { "https://www.youtube.com/watch?v=abc-_1&t=5", "abc-_1" },
        { "https://youtu.be/abc?t=5", "abc" },
        { "https://www.youtube.com/shorts/abc", "abc" },
        { "https://www.youtube.com/watch?list=PL1&v=abc", "abc" },
        { "https://www.youtube.com/playlist?list=PL1", NULL },
        { "https://example.com/watch?v=abc", NULL }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        s = ds_url_unsigned(t[i][0]);
        is_str(s, t[i][1], "without its signature: %zu", i);
        free(s);
    }

    for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
        is_str(ds_url_video_id(id, v[i][0]) ? id : NULL, v[i][1],
               "the id of a video: %zu", i);
    }
}


static void
test_parse(void)
{
    size_t    i;
    ds_url_t  u;

    static const char *const  bad[] = {
        "", "example.com", "://x", "http:/x", "http://", "http:///path",
        "http://ho st/", "http://h\tx/", "http://h\nx/", "http://h\x7f/",
        "http://h:0/", "http://h:65536/", "http://h:/", "http://h:8a/",
        "http://h:123456/", "http://[::1/", "http://[::1]x/", "http://[x]/",
        "http://[]/", "http://-h/", "http://.h/", "http://h\\x/",
        "http://h%41/", "http://h\xc3\xa9/", "ht tp://h/", "http://h/\"",
        "averyveryverylongscheme://h/", "http://a@/", "http://:80/"
    };

    is_int(ds_url_parse(&u, "HTTPS://u:p@Example.com:8443/a/b?x=1#f", NULL),
           DS_OK, "a full URL");
    is_str(u.scheme, "https", "the scheme in lower case");
    is_str(u.host, "Example.com", "the host");
    is_int(u.port, 8443, "the port");
    ok(u.userinfo, "the user information");
    is_int(u.path_len, 4, "the path's length");
    ok(strncmp(u.path, "/a/b", 4) == 0, "the path");
    is_str(u.query, "x=1#f", "the query");
    is_str(u.fragment, "f", "the fragment");

    is_int(ds_url_parse(&u, "http://[2001:db8::1]:80", NULL), DS_OK, "IPv6");
    is_str(u.host, "2001:db8::1", "without brackets");
    is_int(u.port, 80, "its port");
    is_int(u.path_len, 0, "no path");

    is_int(ds_url_parse(&u, "http://h?a=/b@c", NULL), DS_OK, "a query alone");
    ok(!u.userinfo && u.port == -1 && u.path_len == 0, "is no authority");

    is_int(ds_url_parse(&u, "http://a@b@h/", NULL), DS_OK, "two @");
    is_str(u.host, "h", "the last one counts");

    is_int(ds_url_parse(&u, "file:///m/x.mp4", NULL), DS_OK, "file:");
    is_str(u.host, "", "has no host");

    test_unsigned();

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(ds_url_parse(&u, bad[i], NULL), DS_EPLAYLIST_INVALID,
               "refused: %zu", i);
    }
}


static void
test_playlist(void)
{
    char        url[DS_PLAYLIST_LEN + 2];
    size_t      i;
    ds_error_t  err;

    static const char *const  good[] = {
        "https://www.youtube.com/playlist?list=PLabc", "http://h/x.m3u",
        "http://127.0.0.1:8080/feed.xml", "http://[::1]/a", "PLxxxxxxxx",
        "UU_0123456789-ab", "FLabcdefghijk", "OLAK5uy_abcdefghi",
        "https://www.youtube.com/@name/videos"
    };

    static const char *const  bad[] = {
        "", "-", "--exec=touch /tmp/x", "--exec=after_filter:id", "-aFILE",
        "PL", "PLAY", "PLxxxxxx xx", "PLxxxxxxxx;", "xPLxxxxxxxx",
        "ytsearch1:cats", ":ytfav", "dQw4w9WgXcQ", "data:,x", "javascript:1",
        "ftp://h/x", "file:///etc/passwd", "rtmp://h/a", "http://u@h/",
        "http://u:p@h/", "http://h/#f", "http://h/x#__youtubedl_smuggle={}",
        "http://h/a b", "http://h/\n", " http://h/", "http://"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        is_int(ds_check_playlist(good[i], false, NULL), DS_OK, "%s", good[i]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ds_error_clear(&err);
        is_int(ds_check_playlist(bad[i], false, &err), DS_EPLAYLIST_INVALID,
               "refused: %zu", i);
        ok(err.message[0] != '\0', "and it is said why: %s", err.message);
    }

    memset(url, 'x', sizeof(url));
    memcpy(url, "http://h/", 9);
    url[DS_PLAYLIST_LEN] = '\0';
    is_int(ds_check_playlist(url, false, NULL), DS_OK, "the longest URL");
    url[DS_PLAYLIST_LEN] = 'x';
    url[DS_PLAYLIST_LEN + 1] = '\0';
    is_int(ds_check_playlist(url, false, NULL), DS_EPLAYLIST_INVALID,
           "a longer one");

    is_int(ds_check_playlist("file:///m/a.m3u", true, NULL), DS_OK,
           "file: below a media root");
    is_int(ds_check_playlist("FILE:///m/a.mp4", true, NULL), DS_OK,
           "in any case");
    is_int(ds_check_playlist("file:///etc/passwd", true, NULL),
           DS_EPLAYLIST_INVALID, "but neither a list nor media");
    is_int(ds_check_playlist("file://host/m/a.m3u", true, NULL),
           DS_EPLAYLIST_INVALID, "nor of another host");
    is_int(ds_check_playlist("file:///a.m3u?x", true, NULL),
           DS_EPLAYLIST_INVALID, "nor with a query");
}


static void
test_rtmp(void)
{
    size_t      i;
    ds_error_t  err;

    static const char *const  bad[] = {
        "", "rtmp://h", "rtmp://h/", "rtmp://h/live/", "rtmp://h/live/name",
        "rtmp://h//live", "rtmp://h/live?x=1", "rtmp://h/live#f",
        "rtmp://u@h/live", "rtmps://h/live", "http://h/live", "rtmp:///live",
        "rtmp://h/li ve"
    };

    static const char *const  bad_push[] = {
        "", "rtmp://h", "rtmp://h/app", "rtmp://h/app/", "rtmp://h/app//key",
        "rtmp://h/app/key#f", "rtmp://u@h/app/key", "rtmp://:p@h/app/key",
        "rtmp://u:@h/app/key", "rtmps://h/app", "rtmp://h/app?a=b",
        "rtmp://h/app?a=b/", "rtmp://h/app?a=b/?c", "rtmp://h?a=b/key",
        "rtmp://h/?a=b/key",
        "rtmpt://h/app/key", "https://h/app/key",
        "rtmp://h/app/k\ny", "h/app/key"
    };

    static const char *const  plain[] = {
        "rtmp://h/app/key?a=b", "rtmps://h/app/key", "rtmp://u:p@h/app/key",
        "rtmp://h/app?a/key"
    };

    is_int(ds_check_publish("rtmp://127.0.0.1:1935/live", NULL), DS_OK,
           "an application");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(ds_check_publish(bad[i], &err) != DS_OK
           && strstr(err.message, "rtmp://host[:port]/app") != NULL,
           "no application: \"%s\"", bad[i]);
    }

    is_int(ds_check_push("rtmp://a.rtmp.youtube.com/live2/abcd-efgh", false,
                         NULL),
           DS_OK, "a push target");
    is_int(ds_check_push("rtmp://h:1/app/key?a=b", false, NULL), DS_OK,
           "with arguments");
    is_int(ds_check_push("rtmps://h/app/key", false, NULL), DS_OK, "over TLS");
    is_int(ds_check_push("RTMPS://[::1]:443/app/key", false, NULL), DS_OK,
           "in any case, by IPv6");

    is_int(ds_check_push("rtmp://h/live2?backup=1/key", false, NULL), DS_OK,
           "arguments of the application");
    is_int(ds_check_push("rtmp://h/app?a=b/c/key?d=e/f", false, NULL), DS_OK,
           "and of both");
    is_int(ds_check_push("rtmps://user:p%40ss@h/app/key", false, NULL), DS_OK,
           "with user and password");

    for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        is_int(ds_check_push(plain[i], true, &err) == DS_OK, i == 0,
               "by nginx-rtmp: %zu", i);
        ok(i == 0 || strstr(err.message, "the engine can") != NULL,
           "says who can: %s", i == 0 ? "" : err.message);
    }

    for (i = 0; i < sizeof(bad_push) / sizeof(bad_push[0]); i++) {
        ok(ds_check_push(bad_push[i], false, &err) != DS_OK
           && strstr(err.message, "key[?args]") != NULL,
           "no push target: %zu", i);
    }
}


static void
test_name(void)
{
    char        name[DS_NAME_LEN + 2];
    size_t      i;
    ds_error_t  err;

    static const char *const  bad[] = {
        "", ".", "..", "a/b", "a b", "a\n", "\xc3\xa9", "a?b", "a%20"
    };

    is_int(ds_check_name("lofi", NULL), DS_OK, "a name");
    is_int(ds_check_name("A.b_c-9", NULL), DS_OK, "all characters");
    is_int(ds_check_name("...", NULL), DS_OK, "three dots");

    memset(name, 'a', sizeof(name));
    name[DS_NAME_LEN] = '\0';
    is_int(ds_check_name(name, NULL), DS_OK, "the longest name");
    name[DS_NAME_LEN] = 'a';
    name[DS_NAME_LEN + 1] = '\0';
    ok(ds_check_name(name, NULL) != DS_OK, "a longer one");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ok(ds_check_name(bad[i], &err) != DS_OK && err.message[0] != '\0',
           "no name: %zu", i);
    }
}


static void
test_redact(void)
{
    char  buf[8];

    redacted("http://h/a?sig=1#f", "http://h/a");
    redacted("https://u:p@h:1/a", "https://h:1/a");
    redacted("https://www.youtube.com/@name?x",
             "https://www.youtube.com/@name");
    redacted("rtmp://h/app/key?x", "rtmp://h/app/***");
    redacted("rtmp://h/app/a/b", "rtmp://h/app/***");
    redacted("rtmp://h/app/k@y", "rtmp://h/app/***");
    redacted("RTMPS://u:p@h/app/key", "RTMPS://h/app/***");
    redacted("rtmps://h:443/app/key?backup=1", "rtmps://h:443/app/***");
    redacted("rtmp://h/live2?backup=1/key", "rtmp://h/live2/***");
    redacted("rtmp://h/app?a/key?b=1/2", "rtmp://h/app/***");
    redacted("rtmp://u:p@h/app?a/key", "rtmp://h/app/***");
    redacted("rtmp://h/app?a=b", "rtmp://h/app");
    redacted("rtmp://h/app", "rtmp://h/app");
    redacted("rtmp://h/app/", "rtmp://h/app/");
    redacted("PLxxxxxxxx", "PLxxxxxxxx");
    redacted("no url?secret", "no url");
    redacted("http://h/a\nb", "http://h/a?b");
    redacted("http://h/x#__youtubedl_smuggle=%7B%7D", "http://h/x");
    redacted("x?u=http://a:b@h/", "x");
    redacted("", "");

    ds_redact_url(buf, sizeof(buf), "http://host/");
    is_str(buf, "http://", "cut to the buffer");

    ds_redact_url(buf, sizeof(buf), NULL);
    is_str(buf, "", "nothing of nothing");
}


static void
redacted(const char *url, const char *want)
{
    char  buf[256];

    ds_redact_url(buf, sizeof(buf), url);
    is_str(buf, want, "redacted to \"%s\"", want);
}


static void
test_expires(void)
{
    is_int(ds_url_expires("http://h/v?expire=1700000000&x=1"),
           1700000000000LL, "the first argument");
    is_int(ds_url_expires("http://h/v?a=1&expire=1700000000"),
           1700000000000LL, "another argument");
    is_int(ds_url_expires("http://h/api/expire/1700000000/ei/x/index.m3u8"),
           1700000000000LL, "a part of the path");
    is_int(ds_url_expires("http://h/v?xexpire=1700000000"), 0, "another name");
    is_int(ds_url_expires("http://h/v?expire=17x"), 0, "no number");
    is_int(ds_url_expires("http://h/v?expire=-5"), 0, "a negative number");
    is_int(ds_url_expires("http://h/v?expire=99999999999999999999999"), 0,
           "too large a number");
    is_int(ds_url_expires("http://h/v"), 0, "none");
}


static void
test_kind(void)
{
    size_t  i;

    static const struct {
        const char  *url;
        ds_ref_e     kind;
    } t[] = {
        { "PLxxxxxxxx", DS_REF_RESOLVER },
        { "https://www.youtube.com/playlist?list=PL1", DS_REF_RESOLVER },
        { "https://www.youtube.com/watch?v=a&list=PL1", DS_REF_RESOLVER },
        { "https://www.youtube.com/watch?v=a", DS_REF_VIDEO },
        { "https://www.youtube.com/watch?list=&v=a", DS_REF_VIDEO },
        { "https://www.youtube.com/watch?xv=a", DS_REF_RESOLVER },
        { "https://m.YouTube.com/watch?a=1&v=a", DS_REF_VIDEO },
        { "https://youtu.be/abc", DS_REF_VIDEO },
        { "https://youtu.be/abc?list=PL1", DS_REF_RESOLVER },
        { "https://youtu.be/", DS_REF_RESOLVER },
        { "https://www.youtube.com/shorts/abc", DS_REF_VIDEO },
        { "https://www.youtube.com/@name", DS_REF_RESOLVER },
        { "https://notyoutube.com/watch?v=a", DS_REF_RESOLVER },
        { "https://youtube.com.evil/watch?v=a", DS_REF_RESOLVER },
        { "http://h/a.m3u", DS_REF_LIST },
        { "http://h/a.M3U8?x=1", DS_REF_LIST },
        { "http://h/a.json", DS_REF_LIST },
        { "http://h/.json", DS_REF_RESOLVER },
        { "http://h/?a.mp4", DS_REF_RESOLVER },
        { "http://h/a.mp4", DS_REF_MEDIA },
        { "http://h/a.MKV?x", DS_REF_MEDIA },
        { "http://h/a.mp4#__youtubedl_smuggle=x", DS_REF_RESOLVER },
        { "http://h/feed.xml", DS_REF_RESOLVER },
        { "http://h/mp4", DS_REF_RESOLVER }
    };

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        is_int(ds_url_kind(t[i].url), t[i].kind, "%s", t[i].url);
    }
}
