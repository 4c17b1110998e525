
/*
 * The order of a playlist: in order, shuffled, items that cannot be played,
 * going back, and what is told of each item.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/ds_playlist.h"
#include "tap.h"


static void
add(ds_playlist_t *pl, int n, int code)
{
    char        buf[64];
    ds_entry_t  e;

    memset(&e, 0, sizeof(e));

    (void) snprintf(buf, sizeof(buf), "http://127.0.0.1/%d.mp4", n);
    e.url = strdup(buf);
    (void) snprintf(buf, sizeof(buf), "id%d", n);
    e.id = strdup(buf);
    e.duration = -1;
    e.code = code;

    if (code != 0) {
        e.reason = "private";
    }

    if (ds_playlist_add(pl, &e) != DS_OK) {
        abort();
    }
}


static size_t
take(ds_playlist_t *pl, ds_listed_t *items, size_t n)
{
    n = ds_playlist_take(pl, items, n);
    ds_listed_free(items, n);

    return n;
}


static void
test_order(void)
{
    uint32_t        i, index;
    ds_entry_t      e;
    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 1);

    is_int(ds_playlist_pick(pl, &index), DS_PICK_WAIT,
           "nothing is known yet: wait");

    add(pl, 0, DS_EITEM_PRIVATE);
    add(pl, 1, 0);

    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM, "an item");
    is_int(index, 1, "a private item is passed over");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_WAIT,
           "the list goes on: wait");

    add(pl, 2, 0);
    ds_playlist_complete(pl);

    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM, "the next item");
    is_int(index, 2, "in order");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS, "the pass is over");

    ok(!ds_playlist_rewind(pl), "nothing was on air in it");
    (void) ds_playlist_pick(pl, &index);
    ds_playlist_set_state(pl, index, DS_ITEM_PLAYING, 0, NULL);
    is_int(index, 1, "from the first that can be played again");

    for (i = 0; ds_playlist_pick(pl, &index) == DS_PICK_ITEM; i++) { /**/ }

    ok(ds_playlist_rewind(pl), "an item was on air in this pass");

    ds_playlist_goto(pl, 2);
    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM, "go to an item");
    is_int(index, 2, "it is the one");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS,
           "and the order goes on from it");

    is_int(ds_playlist_entry(pl, 1, &e), DS_OK, "an entry's copy");
    is_str(e.id, "id1", "its id");
    ds_entry_free(&e);

    ds_playlist_free(&pl);
    ok(pl == NULL, "freed");
}


static void
test_shuffle(void)
{
    int             n, pass, i, bad, twice, same;
    char            seen[16];
    uint32_t        index, last, order[16], first[16];
    ds_playlist_t  *pl;

    for (n = 1; n <= 16; n++) {
        pl = ds_playlist_create(true, 12345);

        for (i = 0; i < n; i++) {
            add(pl, i, 0);
        }

        ds_playlist_complete(pl);

        bad = twice = same = 0;
        last = UINT32_MAX;

        for (pass = 0; pass < 50; pass++) {
            memset(seen, 0, sizeof(seen));

            for (i = 0; i < n; i++) {
                if (ds_playlist_pick(pl, &index) != DS_PICK_ITEM
                    || seen[index])
                {
                    bad++;
                    break;
                }

                seen[index] = 1;
                order[i] = index;
                twice += index == last && n > 1;
                last = index;
                ds_playlist_set_state(pl, index, DS_ITEM_PLAYING, 0, NULL);
            }

            bad += ds_playlist_pick(pl, &index) != DS_PICK_PASS;
            (void) ds_playlist_rewind(pl);

            if (pass == 0) {
                memcpy(first, order, sizeof(order));
            }

            same += memcmp(first, order, n * sizeof(uint32_t)) == 0;
        }

        ok(bad == 0, "%d shuffled: each pass is a permutation", n);
        is_int(twice, 0, "%d shuffled: no item twice in a row", n);

        if (n >= 8) {
            is_int(same, 1, "%d shuffled: passes differ", n);
        }

        ds_playlist_free(&pl);
    }
}


/* the order a shuffled list goes on in, from "from" picks on */

static void
test_resume(void)
{
    int             i, n;
    uint32_t        index, order[24];
    ds_progress_t   p;
    ds_playlist_t  *pl;

    n = 12;
    pl = ds_playlist_create(true, 99);

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);

    for (i = 0; i < 2 * n; i++) {
        if (i == n) {
            (void) ds_playlist_pick(pl, &index);
            (void) ds_playlist_rewind(pl);
        }

        (void) ds_playlist_pick(pl, &order[i]);
    }

    memset(&p, 0, sizeof(p));
    p.valid = true;
    p.index = order[n + 4];
    p.pass = ds_playlist_pass(pl);
    p.seed = 99;
    (void) snprintf(p.id, sizeof(p.id), "id%u", (unsigned) p.index);

    ds_playlist_free(&pl);

    pl = ds_playlist_create(true, 1);
    ds_playlist_resume(pl, &p);
    is_int(ds_playlist_pick(pl, &index), DS_PICK_WAIT,
           "resume: the list has to come first");

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);

    for (i = n + 4; i < 2 * n; i++) {
        if (ds_playlist_pick(pl, &index) != DS_PICK_ITEM
            || index != order[i])
        {
            break;
        }
    }

    is_int(i, 2 * n, "resume: the same order goes on");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS,
           "resume: to the end of the pass");
    ds_playlist_free(&pl);

    pl = ds_playlist_create(false, 1);
    p.index = 7;
    (void) snprintf(p.id, sizeof(p.id), "id3");
    ds_playlist_resume(pl, &p);

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    is_int(ds_playlist_pick(pl, &index), DS_PICK_WAIT,
           "resume: another item is there, the list may bring ours");
    ds_playlist_complete(pl);
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 3, "resume: an item that has moved is found");
    ds_playlist_free(&pl);

    pl = ds_playlist_create(false, 1);
    (void) snprintf(p.id, sizeof(p.id), "gone");
    ds_playlist_resume(pl, &p);
    add(pl, 0, 0);
    ds_playlist_complete(pl);
    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM,
           "resume: an item that is gone is no obstacle");
    is_int(index, 0, "resume: from the start then");
    ds_playlist_free(&pl);
}


/* the item was over: the one after it is next */

static void
test_resume_over(void)
{
    int             i, n;
    uint32_t        index, order[12];
    ds_progress_t   p;
    ds_playlist_t  *pl;

    n = 12;
    pl = ds_playlist_create(true, 99);

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);

    for (i = 0; i < n; i++) {
        (void) ds_playlist_pick(pl, &order[i]);
    }

    memset(&p, 0, sizeof(p));
    p.valid = true;
    p.index = order[4];
    p.pass = ds_playlist_pass(pl);
    p.seed = 99;
    (void) snprintf(p.id, sizeof(p.id), "id%u", (unsigned) p.index);
    ds_playlist_free(&pl);

    p.position = DS_ITEM_OVER;
    pl = ds_playlist_create(true, 1);
    ds_playlist_resume(pl, &p);

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);

    for (i = 5; i < n; i++) {
        if (ds_playlist_pick(pl, &index) != DS_PICK_ITEM
            || index != order[i])
        {
            break;
        }
    }

    is_int(i, n, "resume: after one that was over");
    ds_playlist_free(&pl);

    pl = ds_playlist_create(false, 1);
    p.index = 7;
    ds_playlist_resume(pl, &p);

    for (i = 0; i < n; i++) {
        add(pl, i, 0);
    }

    p.index = order[4];
    ds_playlist_complete(pl);
    (void) ds_playlist_pick(pl, &index);
    is_int(index, (p.index + 1) % n, "resume: in order, too");
    ds_playlist_free(&pl);
}


static void
test_items(void)
{
    size_t          n;
    ds_listed_t       items[8];
    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 1);

    add(pl, 0, 0);
    add(pl, 1, DS_EITEM_PRIVATE);
    add(pl, 2, 0);

    n = take(pl, items, 2);
    is_int(n, 2, "items are taken as many as fit");
    is_int(items[1].item.state, DS_ITEM_SKIPPED, "private: skipped");
    is_int(items[1].item.code, DS_EITEM_PRIVATE, "with its code");
    is_str(items[1].item.reason, "private", "and reason");
    is_int(take(pl, items, 8), 1, "then the rest");
    is_int(take(pl, items, 8), 0, "then none");

    ds_playlist_set_state(pl, 2, DS_ITEM_FAILED, DS_ESOURCE_CUT, "cut");
    ds_playlist_set_state(pl, 2, DS_ITEM_PLAYING, 0, NULL);
    ds_playlist_set_info(pl, 2, "title", 1000);

    is_int(take(pl, items, 8), 1, "a change is told once");
    is_int(items[0].item.state, DS_ITEM_PLAYING, "as it is now");
    is_str(items[0].item.reason, "", "no old reason");
    is_str(items[0].item.title, "title", "title as resolved");
    is_int(items[0].item.duration, 1000, "duration as resolved");

    is_int(ds_playlist_count(pl), 3, "count");
    is_int(ds_playlist_playable(pl), 2, "playable");

    ds_playlist_free(&pl);
}


/* what comes next, without taking it */

static void
test_peek(void)
{
    int             i, n, wrong;
    uint32_t        index, next;
    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 1);
    ok(!ds_playlist_peek(pl, true, &next), "peek: nothing is known yet");

    for (i = 0; i < 3; i++) {
        add(pl, i, i == 0 ? DS_EITEM_PRIVATE : 0);
    }

    ok(ds_playlist_peek(pl, false, &next) && next == 1,
       "peek: a private item is passed over");
    (void) ds_playlist_pick(pl, &index);
    ok(ds_playlist_peek(pl, false, &next) && next == 2, "peek: the second");
    (void) ds_playlist_pick(pl, &index);
    ok(!ds_playlist_peek(pl, true, &next), "peek: the list may go on");
    ds_playlist_complete(pl);
    ok(!ds_playlist_peek(pl, false, &next), "peek: the end");
    ok(ds_playlist_peek(pl, true, &next) && next == 1,
       "peek: the first of the next pass");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS, "peek: takes nothing");
    ds_playlist_goto(pl, 2);
    ok(ds_playlist_peek(pl, false, &next) && next == 2, "peek: by request");
    (void) ds_playlist_pick(pl, &index);
    ds_playlist_again(pl, 1);
    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM, "one once more");
    is_int(index, 1, "is the next one");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS,
           "and what was after it is not repeated");
    ds_playlist_free(&pl);

    pl = ds_playlist_create(true, 7);
    wrong = 0;

    for (i = 0; i < 50; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);

    for (n = 0; ds_playlist_peek(pl, true, &next); n++) {
        wrong += ds_playlist_pick(pl, &index) != DS_PICK_ITEM
                 || index != next;
    }

    ok(n == 50 && wrong == 0, "peek: a shuffled pass is foreseen");
    ds_playlist_free(&pl);
}


/* lists of one letter an item, which is its id; a capital one is private */

static ds_playlist_t *
letters(bool shuffle, const char *ids)
{
    char            id[2];
    ds_entry_t      e;
    ds_playlist_t  *pl;

    pl = ds_playlist_create(shuffle, 77);

    for ( /* void */ ; *ids != '\0'; ids++) {
        memset(&e, 0, sizeof(e));
        id[0] = *ids | 0x20;
        id[1] = '\0';
        e.url = strdup("http://127.0.0.1/x.mp4");
        e.id = strdup(id);
        e.duration = -1;

        if (*ids < 'a') {
            e.code = DS_EITEM_PRIVATE;
            e.reason = "private";
        }

        if (ds_playlist_add(pl, &e) != DS_OK) {
            abort();
        }
    }

    ds_playlist_complete(pl);

    return pl;
}


static ds_diff_t
merge(ds_playlist_t *pl, const char *ids, uint32_t *cur, uint32_t *next)
{
    ds_diff_t       diff;
    uint32_t       *held[2] = { cur, next };
    ds_playlist_t  *fresh;

    fresh = letters(false, ids);

    if (ds_playlist_merge(pl, &fresh, held, next != NULL ? 2 : 1, NULL, 0,
                          &diff)
        != DS_OK || fresh != NULL)
    {
        abort();
    }

    return diff;
}


static char
letter(ds_playlist_t *pl, uint32_t index)
{
    ds_item_t  item;

    ds_playlist_item(pl, index, &item);

    return item.id[0];
}


/* what is picked from now on to the end of the pass */

static const char *
rest(ds_playlist_t *pl)
{
    int          n;
    uint32_t     index;
    static char  text[128];

    for (n = 0; n < 100 && ds_playlist_pick(pl, &index) == DS_PICK_ITEM; n++) {
        text[n] = letter(pl, index);
        ds_playlist_set_state(pl, index, DS_ITEM_PLAYING, 0, NULL);
        ds_playlist_set_state(pl, index, DS_ITEM_PLAYED, 0, NULL);
    }

    text[n] = '\0';

    return text;
}


/* the first "n" items of "from" have been on air, the last of them is */

static ds_playlist_t *
on_air(const char *from, int n, uint32_t *cur)
{
    int             i;
    ds_playlist_t  *pl;

    pl = letters(false, from);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            ds_playlist_set_state(pl, *cur, DS_ITEM_PLAYED, 0, NULL);
        }

        (void) ds_playlist_pick(pl, cur);
        ds_playlist_set_state(pl, *cur, DS_ITEM_PLAYING, 0, NULL);
    }

    return pl;
}


static void
test_merge(void)
{
    size_t          i;
    uint32_t        cur, next;
    ds_diff_t       d;
    ds_item_t       item;
    ds_playlist_t  *pl;

    static const struct {
        const char  *from;
        int          n;
        const char  *to;
        const char  *rest;
        unsigned     added, removed, moved, changed;
        const char  *what;
    } cases[] = {
        { "abcd", 2, "abcd", "cd", 0, 0, 0, 0, "the same list" },
        { "abcd", 2, "abxcd", "xcd", 1, 0, 0, 0, "one right behind" },
        { "abcd", 2, "xabcd", "cd", 1, 0, 0, 0, "one before: the next pass" },
        { "abcd", 2, "abcdx", "cdx", 1, 0, 0, 0, "one at the end" },
        { "abcd", 2, "acd", "cd", 0, 1, 0, 0, "what is on air is gone" },
        { "abcd", 2, "axcd", "xcd", 1, 1, 0, 0, "and another in its place" },
        { "abcd", 1, "bcd", "bcd", 0, 1, 0, 0, "the first is on air, gone" },
        { "abcd", 2, "abd", "d", 0, 1, 0, 0, "the next is gone" },
        { "abcd", 2, "bcda", "cd", 0, 0, 1, 0, "played, and moved behind" },
        { "abcd", 2, "abdc", "dc", 0, 0, 1, 0, "the order to come" },
        { "abcd", 4, "abcd", "", 0, 0, 0, 0, "the last is on air" },
        { "abcd", 4, "abcdx", "x", 1, 0, 0, 0, "the last, one more" },
        { "abCd", 2, "abcd", "cd", 0, 0, 0, 1, "private no more" },
        { "abcd", 2, "abCd", "d", 0, 0, 0, 1, "private now" },
        { "abcd", 2, "xyz", "xyz", 3, 4, 0, 0, "another list" },
        { "abcd", 2, "", "", 0, 4, 0, 0, "none at all" },
        { "aaab", 2, "aaaab", "aab", 1, 0, 0, 0, "equal ones" },
        { "aabb", 1, "bbaa", "a", 0, 0, 2, 0, "equal ones, moved" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pl = on_air(cases[i].from, cases[i].n, &cur);
        d = merge(pl, cases[i].to, &cur, NULL);

        is_str(rest(pl), cases[i].rest, "merge: %s", cases[i].what);
        ok(d.added == cases[i].added && d.removed == cases[i].removed
           && d.moved == cases[i].moved && d.changed == cases[i].changed,
           "merge: added %u, removed %u, moved %u, changed %u",
           (unsigned) d.added, (unsigned) d.removed, (unsigned) d.moved,
           (unsigned) d.changed);

        ds_playlist_item(pl, cur, &item);
        ok(item.state == DS_ITEM_PLAYING || cur < ds_playlist_count(pl),
           "merge: what is on air is not touched");

        ds_playlist_free(&pl);
    }

    /* what has been prepared keeps its turn, and what came before has its */

    pl = on_air("abcd", 1, &cur);
    (void) ds_playlist_pick(pl, &next);
    d = merge(pl, "axbcd", &cur, &next);
    is_int(letter(pl, next), 'b', "merge: the prepared one is the same");
    ok(ds_playlist_is_listed(pl, next), "merge: and still listed");
    is_str(rest(pl), "xcd", "merge: then the new one, and what is left");
    ds_playlist_free(&pl);

    pl = on_air("abcd", 1, &cur);
    (void) ds_playlist_pick(pl, &next);
    (void) merge(pl, "acd", &cur, &next);
    ok(!ds_playlist_is_listed(pl, next) && letter(pl, next) == 'b',
       "merge: the prepared one is gone");
    (void) merge(pl, "acd", &cur, &next);
    is_int(letter(pl, next), 'b', "merge: it is held as long as it is used");
    (void) merge(pl, "acbd", &cur, &next);
    ok(ds_playlist_is_listed(pl, next) && next == 2, "merge: and is back");
    ds_playlist_free(&pl);

    /* over the end of a pass */

    pl = on_air("ab", 2, &cur);
    (void) ds_playlist_pick(pl, &next);
    (void) ds_playlist_rewind(pl);
    (void) ds_playlist_pick(pl, &next);
    (void) merge(pl, "xaby", &cur, &next);
    ds_playlist_set_state(pl, next, DS_ITEM_PLAYING, 0, NULL);
    is_str(rest(pl), "xby", "merge: the next pass has begun");
    ds_playlist_free(&pl);
}


/* one goes, one comes that nobody knows, or two change places */

static void
edit(char *now, const char *list, const char *held, char *chosen)
{
    int   n, at;
    char  c;

    n = strlen(list);
    at = n == 0 ? 0 : rand() % n;
    (void) strcpy(now, list);

    if (rand() % 3 == 0 && n > 1) {
        memmove(now + at, now + at + 1, n - at);

    } else if (n < 20 && rand() % 2) {
        do {
            c = 'a' + rand() % 26;
        } while (strchr(list, c) != NULL || strchr(held, c) != NULL);

        memmove(now + at + 1, now + at, n - at + 1);
        now[at] = c;
        chosen[(int) c] = 0;

    } else if (n > 1) {
        c = now[at];
        now[at] = now[0];
        now[0] = c;
    }
}


/* lists that change at random, against the rules written down once more */

static void
test_random(void)
{
    int             i, n, pass, at, p, wrong, bad, edits;
    char            list[27], now[27], chosen[128], held[64], c;
    bool            shuffle;
    uint32_t        cur, index;
    ds_playlist_t  *pl;

    srand(4);

    for (shuffle = false, i = 0; i < 2; shuffle = true, i++) {
        wrong = bad = edits = 0;

        (void) strcpy(list, "abcdefgh");
        pl = letters(shuffle, list);
        pass = 0;
        p = -1;
        held[0] = '\0';
        cur = DS_NO_ITEM;
        memset(chosen, 0, sizeof(chosen));

        while (edits < 5000) {

            if (rand() % 2) {

                edits++;
                edit(now, list, held, chosen);
                (void) merge(pl, now, &cur, NULL);

                if (held[0] != '\0') {
                    held[0] = held[strlen(held) - 1];
                    held[1] = '\0';
                }

                while (p >= 0 && strchr(now, list[p]) == NULL) {
                    p--;
                }

                p = p < 0 ? -1 : (int) (strchr(now, list[p]) - now);
                (void) strcpy(list, now);
                continue;
            }

            for (at = shuffle ? 0 : p + 1;
                 list[at] != '\0' && chosen[(int) list[at]];
                 at++)
            {
                /* void */
            }

            if (ds_playlist_pick(pl, &index) == DS_PICK_PASS) {
                wrong += list[at] != '\0';
                (void) ds_playlist_rewind(pl);
                memset(chosen, 0, sizeof(chosen));
                p = -1;
                pass++;
                continue;
            }

            c = letter(pl, index);
            wrong += shuffle ? chosen[(int) c] : c != list[at];
            bad += index >= strlen(list) || list[index] != c;
            chosen[(int) c] = 1;
            p = (int) index;

            ds_playlist_set_state(pl, index, DS_ITEM_PLAYING, 0, NULL);
            ds_playlist_set_state(pl, index, DS_ITEM_PLAYED, 0, NULL);
            cur = index;

            /* what was on air since the list was merged last is known */

            n = strlen(held);

            if (n < 60) {
                held[n] = c;
                held[n + 1] = '\0';
            }
        }

        ok(wrong == 0 && bad == 0 && pass > 50,
           "random: %s, none twice or left out in %d passes: %d, %d",
           shuffle ? "shuffled" : "in order", pass, wrong, bad);
        ds_playlist_free(&pl);
    }
}


/* one more at the top does not make another permutation */

static void
test_shuffle_keys(void)
{
    int             i;
    char            before[32], after[32], *p;
    uint32_t        cur;
    ds_playlist_t  *pl;

    pl = letters(true, "abcdefghijklmnop");
    (void) snprintf(before, sizeof(before), "%s", rest(pl));
    ds_playlist_free(&pl);

    pl = letters(true, "xabcdefghijklmnop");
    (void) snprintf(after, sizeof(after), "%s", rest(pl));
    ds_playlist_free(&pl);

    p = strchr(after, 'x');
    ok(p != NULL, "keys: the new one has its turn");
    memmove(p, p + 1, strlen(p));
    is_str(after, before, "keys: the others keep their order");

    /* what comes in the middle of a pass lies in the rest of it, anywhere */

    pl = letters(true, "abcdefgh");

    for (i = 0; i < 6; i++) {
        (void) ds_playlist_pick(pl, &cur);
        ds_playlist_set_state(pl, cur, DS_ITEM_PLAYING, 0, NULL);
    }

    (void) merge(pl, "abcdefghijklmnop", &cur, NULL);
    is_int(strlen(rest(pl)), 10, "keys: the rest has grown by what came");
    ds_playlist_free(&pl);
}


static void
test_large(void)
{
    int             i;
    uint32_t        cur;
    ds_diff_t       diff;
    ds_entry_t      e;
    ds_playlist_t  *pl, *fresh;

    pl = ds_playlist_create(false, 1);
    fresh = ds_playlist_create(false, 1);
    cur = DS_NO_ITEM;

    for (i = 0; i < 50000; i++) {
        add(pl, i, 0);

        if (i % 10 != 0) {
            add(fresh, 49999 - i, 0);
        }
    }

    is_int(ds_playlist_merge(pl, &fresh, NULL, 0, NULL, 0, &diff), DS_OK,
           "large: 50,000 items, turned round");
    is_int(diff.removed, 5000, "large: removed");
    is_int(diff.moved, 44999, "large: moved");
    is_int(ds_playlist_pick(pl, &cur), DS_PICK_ITEM, "large: an item");
    is_int(ds_playlist_count(pl), 45000, "large: all of them");
    ds_playlist_free(&pl);

    pl = ds_playlist_create(false, 1);

    for (i = 0; i < 50000; i++) {
        memset(&e, 0, sizeof(e));
        e.url = strdup("http://127.0.0.1/one.mp4");
        e.duration = -1;
        (void) ds_playlist_add(pl, &e);
    }

    is_int(ds_playlist_count(pl), 50000, "large: one URL, 50,000 times");
    ok(ds_playlist_key(pl, 0) != ds_playlist_key(pl, 49999),
       "large: each an item of its own");
    ds_playlist_free(&pl);
}


static void
test_crashed(void)
{
    ds_turn_t  turn;
    ds_turn_t  crashed[] = { { 1, 2, "" }, { 5, 3, "five" } };

    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 0);
    add(pl, 0, 0);
    add(pl, 1, 0);

    ds_playlist_turn(pl, 1, &turn);
    ok(turn.index == 1 && turn.pass == 1, "crashed: a turn");
    turn.id[0] = '\0';

    ok(ds_turn_crashed(&turn, crashed, 2), "crashed: by its place");
    ok(!ds_turn_crashed(&turn, crashed, 0), "crashed: none has");
    turn.pass = 2;
    ok(ds_turn_crashed(&turn, crashed, 2), "crashed: in the same pass");
    turn.pass = 3;
    ok(!ds_turn_crashed(&turn, crashed, 2), "crashed: not in the next one");

    (void) strcpy(turn.id, "five");
    ok(ds_turn_crashed(&turn, crashed, 2), "crashed: by its id, elsewhere");
    (void) strcpy(turn.id, "six");
    turn.index = 5;
    ok(!ds_turn_crashed(&turn, crashed, 2), "crashed: another in its place");

    ds_playlist_free(&pl);
}


/* what is passed over, and has its turn out of turn */

static void
test_over(void)
{
    int             i;
    uint32_t        index, coming[8];
    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 1);

    for (i = 0; i < 5; i++) {
        add(pl, i, 0);
    }

    ds_playlist_complete(pl);
    ds_playlist_pass_over(pl, 1, false, 0);

    (void) ds_playlist_pick(pl, &index);
    ds_playlist_set_state(pl, index, DS_ITEM_PLAYING, DS_OK, NULL);
    is_int(index, 0, "over: the first");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_ITEM, "over: the next");
    is_int(index, 2, "over: is not the one that is passed over");

    ds_playlist_set_state(pl, 2, DS_ITEM_NEXT, DS_OK, NULL);
    ds_playlist_put_back(pl, 2);
    is_int(ds_playlist_coming(pl, true, 5, coming, 8), 5, "over: to come");
    ok(coming[0] == 2 && coming[4] == 1, "over: it is among them");
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 2, "over: what was put back is chosen again");

    /* it was waited for, behind one that had been put back */

    ds_playlist_set_state(pl, 2, DS_ITEM_PENDING, DS_OK, NULL);
    ds_playlist_choose(pl, 2, 1);
    ds_playlist_set_state(pl, 0, DS_ITEM_NEXT, DS_OK, NULL);
    ds_playlist_put_back(pl, 0);
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 0, "over: the one that was put back");
    ds_playlist_set_state(pl, 0, DS_ITEM_PLAYING, DS_OK, NULL);
    is_int(ds_playlist_chosen(pl, 2), 1, "over: the other one had its turn");
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 3, "over: once");
    ds_playlist_set_state(pl, 3, DS_ITEM_NEXT, DS_OK, NULL);
    ds_playlist_put_back(pl, 3);

    ds_playlist_pass_over(pl, 2, true, 1500);
    is_int(ds_playlist_owed(pl), 1, "over: one is owed");
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 3, "over: others go on");
    ds_playlist_clear(pl, 2);
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 2, "over: it has its turn when its site answers");
    is_int(ds_playlist_at(pl, 2), 1500, "over: where it broke off");
    ds_playlist_set_state(pl, 2, DS_ITEM_PLAYING, DS_OK, NULL);
    is_int(ds_playlist_owed(pl), 0, "over: once");
    (void) ds_playlist_pick(pl, &index);
    is_int(index, 4, "over: and the order goes on");
    is_int(ds_playlist_pick(pl, &index), DS_PICK_PASS, "over: to the end");

    ok(ds_playlist_rewind(pl), "over: a pass with something in it");
    ok(ds_playlist_passed_over(pl, 1), "over: stays so");
    ok(!ds_playlist_rewind(pl), "over: a pass without");
    ok(!ds_playlist_passed_over(pl, 1), "over: then all is tried");
    ok(ds_playlist_same_site(pl, 0, 1), "over: of one site");

    ds_playlist_free(&pl);
}


int
main(void)
{
    test_merge();
    test_random();
    test_shuffle_keys();
    test_large();
    test_order();
    test_peek();
    test_shuffle();
    test_resume();
    test_resume_over();
    test_items();
    test_over();
    test_crashed();

    return done_testing();
}
