
/* test_list.c: M3U and JSON lists, and the resolver's lines. */

#include <stdlib.h>

#include "resolve/ds_list.h"
#include "tap.h"


#define TEST_MAX  8


typedef struct {
    size_t      n;
    size_t      enough;             /* 0: never */
    ds_entry_t  e[TEST_MAX];
} test_list_t;


static void test_m3u(void);
static void test_m3u_join(void);
static void test_dialects(void);
static void test_json(void);
static void test_xml(void);
static void test_line(void);
static void test_line_codes(void);
static void test_media(void);
static void test_media_formats(void);
static void test_media_hostile(void);
static bool test_entry(void *data, ds_entry_t *e);
static int test_parse(test_list_t *l, const char *text, const char *base);
static void test_free(test_list_t *l);
static int test_code(const char *fields);
static int test_media_code(const char *line);


int
main(void)
{
    test_m3u();
    test_m3u_join();
    test_dialects();
    test_json();
    test_xml();
    test_line();
    test_line_codes();
    test_media();
    test_media_formats();
    test_media_hostile();

    return done_testing();
}


static bool
test_entry(void *data, ds_entry_t *e)
{
    test_list_t  *l = data;

    if (l->n < TEST_MAX) {
        l->e[l->n++] = *e;

    } else {
        ds_entry_free(e);
    }

    return l->enough == 0 || l->n < l->enough;
}


static int
test_parse(test_list_t *l, const char *text, const char *base)
{
    l->n = 0;

    return ds_list_parse(text, base, test_entry, l, NULL);
}


static void
test_free(test_list_t *l)
{
    while (l->n) {
        ds_entry_free(&l->e[--l->n]);
    }
}


static void
test_m3u(void)
{
    test_list_t  l;

    memset(&l, 0, sizeof(l));

    is_int(test_parse(&l, "\xef\xbb\xbf#EXTM3U\r\n"
                      "#EXTINF:12.5 logo=\"a,b\",One, two\r\n"
                      "http://h/1.mp4?x=1#t=3\r\n\r\n# nothing\n"
                      "#EXTINF:-1,\n  b.mp4  \n"
                      "#EXTINF:\nhttps://www.youtube.com/watch?v=abc\n"
                      "ftp://h/x.mp4", "http://base/d/l.m3u"),
           DS_OK, "an M3U list");
    is_int(l.n, 4, "four entries");
    is_str(l.e[0].url, "http://h/1.mp4?x=1", "a URL without its fragment");
    is_str(l.e[0].title, "One, two", "a title");
    is_int(l.e[0].duration, 12500, "a duration");
    ok(l.e[0].plain, "a media file");
    is_str(l.e[1].url, "http://base/d/b.mp4", "a relative URL");
    is_str(l.e[1].title, "b.mp4", "a title made of the name");
    is_int(l.e[1].duration, -1, "no duration");
    ok(!l.e[2].plain && l.e[2].code == DS_OK, "a page for the resolver");
    is_int(l.e[2].duration, -1, "an empty duration");
    is_int(l.e[3].code, DS_ESOURCE_DENIED, "another scheme is refused");
    ok(l.e[3].url == NULL && l.e[3].reason != NULL, "with a reason");
    test_free(&l);

    l.enough = 1;
    is_int(test_parse(&l, "http://h/1.mp4\nhttp://h/2.mp4\n", "http://b/"),
           DS_OK, "a list of URLs alone");
    is_int(l.n, 1, "ended by the callback");
    test_free(&l);
    l.enough = 0;

    is_int(test_parse(&l, "#EXTM3U\n#EXT-X-TARGETDURATION:4\n"
                      "#EXTINF:4,\ns.ts\n",
                      "http://h/live.m3u8?a=1"), DS_OK, "an HLS playlist");
    is_int(l.n, 1, "is one item");
    is_str(l.e[0].url, "http://h/live.m3u8?a=1", "itself");
    ok(l.e[0].plain, "and media");
    test_free(&l);

    is_int(test_parse(&l, "", "http://b/"), DS_EPLAYLIST_EMPTY, "empty");
    is_int(test_parse(&l, "#EXTM3U\n", "http://b/"), DS_EPLAYLIST_EMPTY,
           "no entry");
    is_int(test_parse(&l, "<html>not found</html>", "http://b/"),
           DS_EPLAYLIST_FORMAT, "a page");
    is_int(test_parse(&l, "some words\n", "http://b/"),
           DS_EPLAYLIST_FORMAT, "words");
    is_int(test_parse(&l, "#EXTM3U\nfile:///etc/passwd\n", "http://b/"),
           DS_OK, "a file: URL from a server");
    is_int(l.e[0].code, DS_ESOURCE_DENIED, "is refused");
    test_free(&l);
}


static void
test_m3u_join(void)
{
    size_t       i;
    test_list_t  l;

    static const struct {
        const char  *base;
        const char  *line;
        const char  *want;
    } t[] = {
        { "http://h:1/a/b.m3u?q=/x", "c.mp4", "http://h:1/a/c.mp4" },
        { "http://h:1/a/b.m3u", "/c.mp4", "http://h:1/c.mp4" },
        { "https://h/a/b.m3u", "//o/c.mp4", "https://o/c.mp4" },
        { "http://h/a/b.m3u", "?x=1", "http://h/a/b.m3u?x=1" },
        { "http://h/a/b.m3u", "d e\xc3\xa9.mp4", "http://h/a/d%20e%C3%A9.mp4" },
        { "http://h/a/b.m3u", "../c.mp4", "http://h/c.mp4" },
        { "http://h/a/b/l.m3u", "./.././d/../c.mp4", "http://h/a/c.mp4" },
        { "http://h", "c.mp4", "http://h/c.mp4" },
        { "http://h/a/b.m3u", "One: two.mp4", "http://h/a/One:%20two.mp4" },
        { "http://h/a/b.m3u", "c.mp4#t=1", "http://h/a/c.mp4" },
        { "http://h/a/b.m3u", "http://O/../%7e?\"", "http://O/../%7e?%22" },
        { "file:///m/a/b.m3u", "../c.mp4", "file:///m/c.mp4" },
        { "http://h/a/b.m3u", "c.mp4?u=http://x/",
          "http://h/a/c.mp4?u=http://x/" },
        { "file:///m/b.m3u", "c d.mp4", "file:///m/c%20d.mp4" },
        { "file:///m/b.m3u", "file:///n/c.mp4", "file:///n/c.mp4" },
        { "http://h/b.m3u", "http://\x01/", NULL },
        { "http://h/b.m3u", "c\x01.mp4", NULL }
    };

    char  text[256];

    memset(&l, 0, sizeof(l));

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        (void) snprintf(text, sizeof(text), "#EXTM3U\n%s\n", t[i].line);
        (void) test_parse(&l, text, t[i].base);
        is_str(l.n == 1 ? l.e[0].url : "none", t[i].want, "joined: %zu", i);
        test_free(&l);
    }
}


/* what is said of the first item, in one dialect or another */

static void
test_dialects(void)
{
    size_t       i;
    test_list_t  l;

    static const struct {
        const char  *text;
        size_t       n;
        const char  *title;
        const char  *headers;
    } t[] = {
        { "#EXTM3U\n#EXTINF:-1 tvg-id='a,b' x=\"c\",One\na.mp4\n", 1, "One",
          NULL },
        { "#EXTM3U\n#EXTINF:-1 tvg-name=\"Bob 5\" TV\" g=\"x\",Bob's\n"
          "a.mp4\n", 1, "Bob's", NULL },
        { "#EXTM3U\n#EXTINF:-1 tvg-name=\"no end,One\na.mp4\n", 1, "One",
          NULL },
        { "#EXTM3U\n#EXTINF:-1 user-agent='U, A',One\na.mp4\n", 1, "One",
          "User-Agent: U, A\n" },
        { "#EXTM3U\n#EXTVLCOPT:--http-user-agent=UA\na.mp4\n", 1, "a.mp4",
          "User-Agent: UA\n" },
        { "#EXTM3U\nhttp://h/a.mp4%7CUser-Agent=UA%201\n", 1, "a.mp4",
          "User-Agent: UA 1\n" },
        { "#EXTM3U\r#EXTINF:2,One\ra.mp4\rb.mp4\n", 2, "One", NULL },
        { "#EXTM3U\r\n#EXTINF:2,One\r\na.mp4\r\n\x1a", 1, "One", NULL },
        { "; radio\n\n[playlist]\r\nFile1 = a.mp4 \r\nTitle1 = One\r\n", 1,
          "One", NULL },
        { "[Reference]\r\nRef1=http://h/a.mp4\r\nRef2=http://h/b.mp4\r\n", 2,
          "a.mp4", NULL },
        { "<x:playlist><x:trackList><x:track><x:location>\n http://h/a.mp4\n"
          "</x:location><x:title>One</x:title></x:track><x:track>"
          "<x:location>b.mp4</x:location></x:track></x:trackList>"
          "</x:playlist>", 2, "One", NULL },
        { "<playlist><trackList><track><location>a.mp4</location><extension>"
          "<vlc:id>0</vlc:id><vlc:option>http-user-agent=U &amp; A"
          "</vlc:option></extension></track><track><location>b.mp4"
          "</location></track></trackList></playlist>", 2, "a.mp4",
          "User-Agent: U & A\n" }
    };

    memset(&l, 0, sizeof(l));

    for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        is_int(test_parse(&l, t[i].text, "http://h/l"), DS_OK,
               "dialect %zu", i);
        is_int(l.n, t[i].n, "dialect %zu: its items", i);
        is_str(l.e[0].title, t[i].title, "dialect %zu: a title", i);
        is_str(l.e[0].headers, t[i].headers, "dialect %zu: headers", i);
        ok(l.n < 2 || l.e[1].headers == NULL, "dialect %zu: of one", i);
        test_free(&l);
    }
}


static void
test_json(void)
{
    size_t       i;
    test_list_t  l;

    static const char *const  bad[] = {
        "{", "[1]", "[{}]", "{}", "{\"items\":1}", "[\"a\"", "[[\"x\"]]",
        "[{\"url\":1}]", "[null]"
    };

    memset(&l, 0, sizeof(l));

    is_int(test_parse(&l, " {\"items\": [\"1.mp4\", {\"url\": \"http://h/v\","
                      "\"audio_url\": \"a.m4a\", \"id\": \"i\", \"title\":"
                      "\"T\\n\\u00e9\", \"duration\": 3.25}, {\"url\":"
                      "\"http://h/v\", \"audio_url\": \"ftp://x/\"}]}",
                      "http://base/l.json"), DS_OK, "a JSON list");
    is_int(l.n, 3, "three entries");
    is_str(l.e[0].url, "http://base/1.mp4", "a string");
    is_str(l.e[1].url, "http://h/v", "an object");
    is_str(l.e[1].audio_url, "http://base/a.m4a", "its audio");
    is_str(l.e[1].id, "i", "its id");
    is_str(l.e[1].title, "T?\xc3\xa9", "its title on one line");
    is_int(l.e[1].duration, 3250, "its duration");
    ok(l.e[1].plain, "no resolver for it");
    is_int(l.e[2].code, DS_ESOURCE_DENIED, "a bad audio URL");
    test_free(&l);

    is_int(test_parse(&l, "[]", "http://b/"), DS_EPLAYLIST_EMPTY, "empty");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(test_parse(&l, bad[i], "http://b/"), DS_EPLAYLIST_FORMAT,
               "no list: %s", bad[i]);
        test_free(&l);
    }
}


/* what is taken out of a text ends where it does: for the sanitizer */

static void
test_xml(void)
{
    test_list_t  l;

    memset(&l, 0, sizeof(l));

    is_int(test_parse(&l, "<playlist><trackList><track><location>"
                      "http://h/a&amp;b</location></track><track>"
                      "<location><![CDATA[http://h/c&d]]></location><title>"
                      "A &#233;</title></track></trackList></playlist>",
                      "http://base/l.xspf"), DS_OK, "an XSPF list");
    is_int(l.n, 2, "two entries");
    is_str(l.e[0].url, "http://h/a&b", "its references are resolved");
    is_str(l.e[0].title, "a&b", "a title of its name");
    is_str(l.e[1].url, "http://h/c&d", "as it is");
    is_str(l.e[1].title, "A \xc3\xa9", "its own title");
    test_free(&l);

    is_int(test_parse(&l, "<asx version=\"3.0\"><entry><ref href="
                      "\"http://h/e\"/></entry></asx>", "http://base/l.asx"),
           DS_OK, "an ASX list");
    is_str(l.e[0].url, "http://h/e", "its URL");
    is_str(l.e[0].title, "e", "and name");
    test_free(&l);
}


static void
test_line(void)
{
    size_t      i;
    int64_t     count;
    ds_entry_t  e;

    static const char *const  bad[] = {
        "", "null", "[]", "1", "{", "<html>", "{} {}", "{\"title\":\"x\"}",
        "{\"url\":1}", "playlist", "playlist x", "\xff"
    };

    count = -1;

    is_int(ds_list_parse_line("{\"id\":\"a\",\"url\":\"http://h/v#__youtubedl"
                              "_smuggle=%7B%7D\",\"title\":\"T\",\"duration\":"
                              "12,\"playlist_count\":7}", &e, &count, NULL),
           DS_OK, "a line");
    is_str(e.url, "http://h/v#__youtubedl_smuggle=%7B%7D",
           "the URL with yt-dlp's own fragment");
    is_str(e.id, "a", "the id");
    is_str(e.title, "T", "the title");
    is_int(e.duration, 12000, "the duration");
    is_int(count, 7, "the count");
    ok(!e.plain && e.code == DS_OK, "to be resolved");
    ds_entry_free(&e);

    is_int(ds_list_parse_line("{\"webpage_url\":\"http://h/p\"}", &e, &count,
                              NULL), DS_OK, "without url");
    is_str(e.url, "http://h/p", "the page stands for it");
    ds_entry_free(&e);

    is_int(ds_list_parse_line("{\"url\":\"http://h/m.mp4\",\"protocol\":"
                              "\"http\",\"webpage_url\":\"http://h/p\"}", &e,
                              &count, NULL), DS_OK, "a single video");
    ok(!e.plain, "is to be resolved");
    is_str(e.url, "http://h/p", "again from its page");
    ds_entry_free(&e);

    is_int(ds_list_parse_line("{\"url\":\"http://h/m.mp4\",\"protocol\":"
                              "\"http\",\"webpage_url\":\"http://h/p\","
                              "\"playlist_count\":2}", &e, &count, NULL),
           DS_OK, "an entry resolved already");
    ok(e.plain, "is media");
    is_str(e.url, "http://h/m.mp4", "by its own URL");
    ds_entry_free(&e);

    is_int(ds_list_parse_line("playlist {\"playlist_count\": 9}", &e, &count,
                              NULL), DS_OK, "the last line");
    ok(e.url == NULL && e.code == DS_OK, "is no entry");
    is_int(count, 9, "but has the count");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        is_int(ds_list_parse_line(bad[i], &e, &count, NULL),
               DS_ERESOLVER_OUTPUT, "no line: %zu", i);
        ds_entry_free(&e);
    }
}


static int
test_code(const char *fields)
{
    int         code;
    char        line[512];
    int64_t     count;
    ds_entry_t  e;

    (void) snprintf(line, sizeof(line), "{\"id\":\"a\",\"ie_key\":\"Youtube\","
                    "\"url\":\"https://www.youtube.com/watch?v=a\"%s}",
                    fields);

    if (ds_list_parse_line(line, &e, &count, NULL) != DS_OK) {
        return 1;
    }

    code = e.code;

    if ((code != DS_OK) != (e.reason != NULL)) {
        code = 2;
    }

    ds_entry_free(&e);

    return code;
}


static void
test_line_codes(void)
{
    int64_t     count;
    ds_entry_t  e;

    is_int(test_code(",\"duration\":3,\"channel\":\"c\""), DS_OK, "normal");
    is_int(test_code(",\"duration\":3"), DS_OK, "no channel");
    is_int(test_code(",\"view_count\":3"), DS_OK, "no duration");
    is_int(test_code(",\"title\":\"[Private video]\""), DS_EITEM_PRIVATE,
           "private by its title");
    is_int(test_code(",\"availability\":\"private\",\"duration\":3"),
           DS_EITEM_PRIVATE, "private");
    is_int(test_code(",\"title\":\"[Deleted video]\""), DS_EITEM_UNAVAILABLE,
           "deleted");
    is_int(test_code(",\"title\":\"[Vid\\u00e9o priv\\u00e9e]\""),
           DS_EITEM_UNAVAILABLE, "in another language");
    is_int(test_code(",\"title\":\"A song\""), DS_OK, "nothing but a title");
    is_int(test_code(",\"availability\":\"subscriber_only\""),
           DS_EITEM_RESTRICTED, "members");
    is_int(test_code(",\"availability\":\"premium_only\""),
           DS_EITEM_RESTRICTED, "premium");
    is_int(test_code(",\"availability\":\"needs_auth\""),
           DS_EITEM_RESTRICTED, "sign-in");
    is_int(test_code(",\"availability\":\"public\",\"duration\":1"), DS_OK,
           "public");
    is_int(test_code(",\"live_status\":\"is_live\""), DS_OK, "live");
    is_int(test_code(",\"live_status\":\"is_upcoming\""), DS_EITEM_UPCOMING,
           "upcoming");
    is_int(test_code(",\"live_status\":\"was_live\",\"duration\":3"), DS_OK,
           "was live");

    is_int(ds_list_parse_line("{\"url\":\"https://www.youtube.com/@c/videos\""
                              ",\"ie_key\":\"YoutubeTab\"}", &e, &count, NULL),
           DS_OK, "a list in a list");
    is_int(e.code, DS_ERESOLVER_UNSUPPORTED, "is not played");
    ds_entry_free(&e);

    is_int(ds_list_parse_line("{\"url\":\"file:///etc/passwd\"}", &e, &count,
                              NULL), DS_OK, "a bad URL");
    is_int(e.code, DS_ESOURCE_DENIED, "is refused");
    ds_entry_free(&e);
}


static void
test_media(void)
{
    ds_media_t  m;

    is_int(ds_list_parse_media("{\"id\":\"i\",\"title\":\"T\",\"duration\":4.5"
                               ",\"url\":\"http://h/v?expire=1700000000\","
                               "\"protocol\":\"https\",\"available_at\":"
                               "1700000001,\"downloader_options\":{\"http_"
                               "chunk_size\":1000},\"http_headers\":{"
                               "\"user-agent\":\"UA\",\"Host\":\"evil\","
                               "\"Range\":\"bytes=0-\",\"Referer\":\"http:"
                               "//r/\",\"Cookie\":\"a\\r\\nX: y\","
                               "\"X-Bad\":\"1\",\"Accept\":1}}", &m, NULL),
           DS_OK, "one URL");
    is_int(m.nurls, 1, "is one");
    is_str(m.id, "i", "id");
    is_str(m.title, "T", "title");
    is_int(m.duration, 4500, "duration");
    is_str(m.urls[0].url, "http://h/v?expire=1700000000", "url");
    is_str(m.urls[0].headers, "User-Agent: UA\nReferer: http://r/\n",
           "headers, those of the list alone");
    is_int(m.urls[0].chunk, 1000, "chunk");
    is_int(m.urls[0].available_at, 1700000001000LL, "available_at");
    is_int(m.urls[0].expires_at, 1700000000000LL, "expires_at");
    ds_media_free(&m);

    is_int(ds_list_parse_media("{\"protocol\":\"http+http\",\"requested_"
                               "formats\":[{\"url\":\"https://r1.googlevideo"
                               ".com/v\",\"protocol\":\"http_dash_segments\","
                               "\"fragments\":[]},{\"url\":\"https://h/a\","
                               "\"protocol\":\"http\",\"manifest_url\":"
                               "\"http://h/m.mpd\"}]}", &m, NULL), DS_OK,
           "two URLs");
    is_int(m.nurls, 2, "are two");
    is_int(m.urls[0].chunk, 10485760, "the chunk of that host");
    is_int(m.urls[1].chunk, 0, "none of another");
    is_str(m.urls[1].url, "https://h/a", "audio");
    is_str(m.urls[1].headers, NULL, "no headers");
    is_int(m.duration, -1, "no duration");
    ds_media_free(&m);
}


static int
test_media_code(const char *line)
{
    int         rc;
    ds_media_t  m;
    ds_error_t  err;

    ds_error_clear(&err);
    rc = ds_list_parse_media(line, &m, &err);

    if (rc != err.code
        || (rc != DS_OK && (m.nurls != 0 || m.urls[0].url != NULL)))
    {
        rc = 1;
    }

    ds_media_free(&m);

    return rc;
}


static void
test_media_formats(void)
{
    is_int(test_media_code("{\"url\":\"http://h/a.m3u8\",\"protocol\":"
                           "\"m3u8_native\"}"), DS_OK, "HLS");
    is_int(test_media_code("{\"url\":\"http://h/a.mpd\",\"protocol\":"
                           "\"http_dash_segments\",\"fragment_base_url\":"
                           "\"http://h/\"}"), DS_EITEM_FORMAT,
           "DASH with segments");
    is_int(test_media_code("{\"url\":\"http://h/a.mpd\",\"protocol\":"
                           "\"http_dash_segments\",\"manifest_url\":"
                           "\"http://h/\"}"), DS_EITEM_FORMAT,
           "DASH with a manifest");
    is_int(test_media_code("{\"url\":\"http://h/a\",\"protocol\":"
                           "\"websocket_frag\"}"), DS_EITEM_FORMAT, "other");
    is_int(test_media_code("{\"id\":\"a\"}"), DS_EITEM_FORMAT, "no URL");
    is_int(test_media_code("{\"requested_formats\":[{},{},{}]}"),
           DS_EITEM_FORMAT, "three formats");
    is_int(test_media_code("{\"requested_formats\":[{\"url\":\"http://h/a\"},"
                           "{}]}"), DS_EITEM_FORMAT, "half a pair");
    is_int(test_media_code("{\"url\":\"http://h/a\",\"live_status\":"
                           "\"is_live\"}"), DS_OK, "live");
    is_int(test_media_code("{\"live_status\":\"is_live\"}"), DS_EITEM_LIVE,
           "live without a stream");
    is_int(test_media_code("{\"live_status\":\"is_upcoming\"}"),
           DS_EITEM_UPCOMING, "upcoming");
}


static void
test_media_hostile(void)
{
    char   *big;
    size_t  i;

    static const char *const  garbage[] = {
        "", "null", "[]", "NA", "{", "{}x", "\"a\""
    };

    static const char *const  denied[] = {
        "{\"url\":\"file:///etc/passwd\"}", "{\"url\":\"\"}",
        "{\"url\":\"http:///x\"}", "{\"url\":\"http://h/a\\nb\"}",
        "{\"url\":\"-x\"}", "{\"url\":\"concat:a|b\"}",
        "{\"requested_formats\":[{\"url\":\"http://h/a\"},"
            "{\"url\":\"rtmp://h/a\"}]}"
    };

    for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        is_int(test_media_code(garbage[i]), DS_ERESOLVER_OUTPUT,
               "garbage: %s", garbage[i]);
    }

    for (i = 0; i < sizeof(denied) / sizeof(denied[0]); i++) {
        is_int(test_media_code(denied[i]), DS_ESOURCE_DENIED, "denied: %s",
               denied[i]);
    }

    big = malloc(20000);

    if (big != NULL) {
        memset(big, 'x', 20000);
        memcpy(big, "{\"url\":\"http://h/", 17);
        memcpy(big + 19997, "\"}", 3);
        is_int(test_media_code(big), DS_ESOURCE_DENIED, "a URL too long");
        free(big);
    }

    is_int(test_media_code("{\"url\":\"http://h/a\",\"http_headers\":[1,"
                           "\"x\"],\"downloader_options\":7,\"duration\":"
                           "\"x\",\"available_at\":1e300,\"id\":{},\"requested"
                           "_formats\":\"NA\"}"), DS_OK, "odd types");
}
