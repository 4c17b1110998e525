
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
    ds_item_t       items[8];
    ds_playlist_t  *pl;

    pl = ds_playlist_create(false, 1);

    add(pl, 0, 0);
    add(pl, 1, DS_EITEM_PRIVATE);
    add(pl, 2, 0);

    n = ds_playlist_take(pl, items, 2);
    is_int(n, 2, "items are taken as many as fit");
    is_int(items[1].state, DS_ITEM_SKIPPED, "private: skipped");
    is_int(items[1].code, DS_EITEM_PRIVATE, "with its code");
    is_str(items[1].reason, "private", "and reason");
    is_int(ds_playlist_take(pl, items, 8), 1, "then the rest");
    is_int(ds_playlist_take(pl, items, 8), 0, "then none");

    ds_playlist_set_state(pl, 2, DS_ITEM_FAILED, DS_ESOURCE_CUT, "cut");
    ds_playlist_set_state(pl, 2, DS_ITEM_PLAYING, 0, NULL);
    ds_playlist_set_info(pl, 2, "title", 1000);

    is_int(ds_playlist_take(pl, items, 8), 1, "a change is told once");
    is_int(items[0].state, DS_ITEM_PLAYING, "as it is now");
    is_str(items[0].reason, "", "no old reason");
    is_str(items[0].title, "title", "title as resolved");
    is_int(items[0].duration, 1000, "duration as resolved");

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
