
/*
 * test_outputs.c: outputs as text, and a fan of pushes: which there are, by
 * what is wanted, each with a fate of its own.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "air/ds_fan.h"
#include "base/ds_engine.h"
#include "tap.h"


static int   listener = -1;
static char  url[64];


static ds_outlet_t
outlet(const char *name, const char *target)
{
    ds_outlet_t  o;

    memset(&o, 0, sizeof(ds_outlet_t));
    (void) snprintf(o.name, sizeof(o.name), "%s", name);
    (void) snprintf(o.url, sizeof(o.url), "%s", target);
    o.engine = true;

    return o;
}


static void
test_text(void)
{
    int          i, rc;
    char         lines[DS_OUTLETS_LEN + 1], name[16];
    size_t       pos;
    ds_error_t   err;
    ds_outlet_t  o;

    memset(lines, 0, sizeof(lines));
    pos = 0;
    ok(!ds_outlet_next(lines, &pos, &o), "none of nothing");

    o = outlet("a", "rtmp://h/app/k");
    o.engine = false;
    o.backup = true;
    is_int(ds_outlet_add(lines, &o, &err), 0, "one");
    o = outlet("ab", "rtmps://h/live2?backup=1/k");
    is_int(ds_outlet_add(lines, &o, &err), 0, "another");
    is_str(lines, "br- a rtmp://h/app/k pe- ab rtmps://h/live2?backup=1/k ",
           "as text");

    ok(ds_outlet_next(lines, &pos, &o) && !o.engine && o.backup && !o.stopped
       && strcmp(o.name, "a") == 0 && strcmp(o.url, "rtmp://h/app/k") == 0,
       "the first");
    ok(ds_outlet_next(lines, &pos, &o) && o.engine && !o.backup
       && strcmp(o.name, "ab") == 0, "the second");
    ok(!ds_outlet_next(lines, &pos, &o), "no more");

    o = outlet("a", "rtmp://h/app/other");
    is_int(ds_outlet_add(lines, &o, &err), DS_EPLAYLIST_INVALID,
           "a name but once");
    ok(strstr(err.message, "\"a\"") != NULL
       && strstr(err.message, "other") == NULL, "says which, no key");

    ok(ds_outlet_stop(lines, "ab", true) && !ds_outlet_stop(lines, "b", true),
       "one is stopped");
    ok(ds_outlet_find(lines, "ab", &o) && o.stopped
       && ds_outlet_find(lines, "a", &o) && !o.stopped
       && !ds_outlet_find(lines, "", &o), "by name");

    memset(name, 0, sizeof(name));
    rc = 0;

    for (i = 2; i < DS_OUTLETS && rc == 0; i++) {
        (void) snprintf(name, sizeof(name), "n%d", i);
        o = outlet(name, "rtmp://h/app/k");
        rc = ds_outlet_add(lines, &o, &err);
    }

    is_int(rc, 0, "as many as there may be");
    o = outlet("more", "rtmp://h/app/k");
    is_int(ds_outlet_add(lines, &o, &err), DS_EPLAYLIST_INVALID, "no more");
    is_int(ds_check_outlet("", NULL) == DS_OK, 0, "no name");
    is_int(ds_check_outlet("a.b_c-9", NULL), DS_OK, "a name");
    is_int(ds_check_outlet("a b", NULL) == DS_OK, 0, "with a blank");
    is_int(ds_check_outlet("123456789012345678901234567890123", NULL) == DS_OK,
           0, "too long a name");
}


static void
test_room(void)
{
    int          i;
    char         lines[DS_OUTLETS_LEN + 1], name[16], was[DS_OUTLETS_LEN + 1];
    ds_error_t   err;
    ds_outlet_t  o;

    memset(lines, 0, sizeof(lines));

    for (i = 0; i < 5; i++) {
        (void) snprintf(name, sizeof(name), "n%d", i);
        o = outlet(name, "");
        memset(o.url, 'x', DS_URL_LEN);
        o.url[DS_URL_LEN] = '\0';
        memcpy(was, lines, sizeof(was));

        if (ds_outlet_add(lines, &o, &err) != DS_OK) {
            break;
        }
    }

    is_int(i, 3, "the longest URLs that fit");
    ok(memcmp(was, lines, sizeof(was)) == 0, "what does not fit leaves none");

    memset(lines, 0, sizeof(lines));
    memset(was, 0, sizeof(was));
    o = outlet("a", "rtmp://h/a/1");
    (void) ds_outlet_add(lines, &o, &err);
    o.stopped = true;
    (void) ds_outlet_add(was, &o, &err);
    ds_outlet_keep(lines, was);
    ok(ds_outlet_find(lines, "a", &o) && o.stopped, "stopped before");
    (void) ds_outlet_stop(was, "a", false);
    ds_outlet_keep(lines, was);
    ok(ds_outlet_find(lines, "a", &o) && !o.stopped, "and no more");
}


/* takes connections, and says nothing: a server that hangs */

static void
listen_here(void)
{
    socklen_t           len;
    struct sockaddr_in  sa;

    memset(&sa, 0, sizeof(sa));
    sa.sin_family = AF_INET;
    sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(sa);

    listener = socket(AF_INET, SOCK_STREAM, 0);

    if (listener == -1 || bind(listener, (void *) &sa, len) != 0
        || listen(listener, 64) != 0
        || getsockname(listener, (void *) &sa, &len) != 0)
    {
        abort();
    }

    (void) snprintf(url, sizeof(url), "rtmp://127.0.0.1:%d/live/",
                    ntohs(sa.sin_port));
}


static unsigned
names(const ds_fan_t *fan, char *text)
{
    unsigned           i;
    ds_push_status_t   st[DS_OUTLETS];

    memset(st, 0, sizeof(st));
    ds_fan_status(fan, st);
    text[0] = '\0';

    for (i = 0; i < DS_OUTLETS && st[i].name[0] != '\0'; i++) {
        strcat(text, st[i].name);
        strcat(text, " ");
    }

    return i;
}


/* steps until "n" pushes have ended and as many are there as are wanted */

static int64_t
settle(ds_fan_t *fan)
{
    int      i;
    bool     busy;
    int64_t  t, slowest, end;

    slowest = 0;
    end = ds_monotonic() + 5000;

    do {
        t = ds_monotonic();
        ds_fan_step(fan);
        t = ds_monotonic() - t;
        slowest = t > slowest ? t : slowest;
        busy = false;

        for (i = 0; i < DS_OUTLETS; i++) {
            busy |= fan->seat[i].ending
                    || (fan->seat[i].wanted && fan->seat[i].push == NULL);
        }

        (void) usleep(2000);
    } while (busy && ds_monotonic() < end);

    ok(!busy, "settled");

    return slowest;
}


static void
test_fan(void)
{
    int          i;
    char         lines[DS_OUTLETS_LEN + 1], text[1024], target[128];
    ds_t        *ds;
    ds_fan_t    *fan;
    ds_conf_t    conf;
    ds_push_t   *first;
    ds_sent_t   *sent;
    ds_error_t   err;
    ds_outlet_t  o;

    static const char *const  argv[] = { "/bin/true", NULL };

    memset(&conf, 0, sizeof(conf));
    conf.resolve_command = argv;
    conf.resolve_timeout = conf.source_timeout = 1000;
    conf.buffer_time = 1000;
    conf.buffer_size = 1 << 20;

    ds = ds_create(&conf, &err);
    sent = ds_sent_create(ds);
    fan = calloc(1, sizeof(ds_fan_t));
    ds_fan_init(fan, ds, "lofi", &(ds_term_t) { NULL, 0 }, sent);

    listen_here();
    memset(lines, 0, sizeof(lines));

    for (i = 0; i < 3; i++) {
        (void) snprintf(target, sizeof(target), "%sk%d", url, i);
        o = outlet(i == 0 ? "a" : i == 1 ? "b" : "c", target);
        o.engine = i != 2;
        (void) ds_outlet_add(lines, &o, &err);
    }

    ok(!ds_fan_any(fan), "there is none");
    ds_fan_set(fan, lines);
    ok(ds_fan_any(fan) && !ds_fan_heard(fan), "there are some");
    is_int(names(fan, text), 2, "those by the engine");
    is_str(text, "a b ", "by name");

    first = fan->seat[0].push;
    (void) ds_outlet_stop(lines, "b", true);
    ds_fan_set(fan, lines);
    is_int(names(fan, text), 1, "one is stopped");
    ok(settle(fan) < 100, "nothing waits for it");
    ok(fan->seat[0].push == first, "the other goes on");

    (void) ds_outlet_stop(lines, "b", false);
    ds_fan_set(fan, lines);
    ok(settle(fan) < 100 && names(fan, text) == 2, "it is back");
    ok(fan->seat[0].push == first, "the other goes on");

    ds_fan_restart(fan, "a");
    ok(settle(fan) < 100 && names(fan, text) == 2, "one begins again");
    ok(fan->seat[0].push != NULL, "it has");
    ds_fan_restart(fan, "nobody");

    memset(lines, 0, sizeof(lines));
    first = fan->seat[1].push;

    for (i = 0; i < DS_OUTLETS; i++) {
        (void) snprintf(text, sizeof(text), i == 0 ? "b" : "n%d", i);
        (void) snprintf(target, sizeof(target), "%sk%d", url, i == 0 ? 1 : i);
        o = outlet(text, target);
        (void) ds_outlet_add(lines, &o, &err);
    }

    ds_fan_set(fan, lines);
    ok(settle(fan) < 100, "all are others but one");
    is_int(names(fan, text), DS_OUTLETS, "as many as there may be");
    ok(fan->seat[1].push == first, "which goes on");

    ds_fan_free(fan);
    free(fan);
    ds_sent_free(&sent);
    ds_destroy(&ds);
    (void) close(listener);
}


int
main(void)
{
    test_text();
    test_room();
    test_fan();

    return done_testing();
}
