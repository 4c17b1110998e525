
/*
 * The packet queue: order, bounds in bytes and time, waiting, waking, cancel,
 * with a reader and a writer thread.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/ds_queue.h"
#include "tap.h"


#define PACKETS  20000

/* what one counts for */
#define PACKET   356


typedef struct {
    ds_queue_t   *q;
    atomic_int    put;
    int           rc;
} writer_t;


static AVPacket *
packet(int track, int64_t dts, int size)
{
    AVPacket  *pkt;

    pkt = av_packet_alloc();

    if (pkt == NULL || av_new_packet(pkt, size) < 0) {
        abort();
    }

    memset(pkt->data, 0, size);

    pkt->stream_index = track;
    pkt->dts = dts;
    pkt->duration = 1000;

    return pkt;
}


static void *
write_packets(void *data)
{
    int        i;
    AVPacket  *pkt;
    writer_t  *w = data;

    for (i = 0; i < PACKETS && w->rc == DS_OK; i++) {
        pkt = packet(i & 1, (int64_t) (i / 2) * 1000, 100);
        w->rc = ds_queue_put(w->q, pkt);
        av_packet_free(&pkt);

        if (w->rc == DS_OK) {
            atomic_fetch_add(&w->put, 1);
        }
    }

    ds_queue_finish(w->q);

    return NULL;
}


static void
test_threads(void)
{
    int        n, bad, track;
    int64_t    next[2], most;
    writer_t   w;
    AVPacket  *pkt;
    pthread_t  tid;

    memset(&w, 0, sizeof(w));
    w.q = ds_queue_create(1 << 20, 500000);

    if (ds_thread_start(&tid, "writer", write_packets, &w) != DS_OK) {
        abort();
    }

    next[0] = next[1] = most = 0;

    for (n = bad = 0; n < PACKETS; /* void */ ) {
        if (ds_queue_time(w.q) > most) {
            most = ds_queue_time(w.q);
        }

        track = next[1] < next[0];
        pkt = ds_queue_take(w.q, track);

        if (pkt == NULL) {
            usleep(100);
            continue;
        }

        bad += pkt->dts != next[track];
        next[track] += 1000;
        n++;
        av_packet_free(&pkt);
    }

    (void) pthread_join(tid, NULL);

    is_int(bad, 0, "all packets came, in order");
    ok(most <= 501000, "never more than the bound and a packet: %d us",
       (int) most);
    ok(ds_queue_ended(w.q) && ds_queue_empty(w.q), "ended and empty");

    ds_queue_free(&w.q);
}


static void
test_bounds(void)
{
    int        i, taken;
    writer_t   w;
    AVPacket  *pkt;
    pthread_t  tid;

    memset(&w, 0, sizeof(w));
    w.q = ds_queue_create(100000, 1000000000);

    if (ds_thread_start(&tid, "writer", write_packets, &w) != DS_OK) {
        abort();
    }

    while (!ds_queue_full(w.q)) {
        usleep(1000);
    }

    usleep(10000);
    i = atomic_load(&w.put);
    ok(i * PACKET > 100000 && i * PACKET < 100000 + 400, "full at its bytes");

    pkt = ds_queue_take(w.q, 0);
    av_packet_free(&pkt);
    taken = 1;
    ok(ds_queue_full(w.q), "one packet taken does not wake the writer");
    ok(atomic_load(&w.put) <= i + 1, "it waits");

    while (ds_queue_full(w.q)) {
        pkt = ds_queue_take(w.q, 0);
        if (pkt == NULL) {
            pkt = ds_queue_take(w.q, 1);
        }

        av_packet_free(&pkt);
        taken++;
    }

    taken *= PACKET;
    ok(taken > 49000 && taken < 52000, "until it is half empty");

    while (!ds_queue_full(w.q)) {
        usleep(1000);
    }

    ok(1, "then it fills again");

    ds_queue_cancel(w.q);
    (void) pthread_join(tid, NULL);

    is_int(w.rc, DS_ECANCELED, "a waiting writer is canceled");

    ds_queue_free(&w.q);
    ok(w.q == NULL, "what is left is freed");
}


static void
test_widen(void)
{
    writer_t   w;
    pthread_t  tid;

    memset(&w, 0, sizeof(w));
    w.q = ds_queue_create(1 << 30, 100000);

    if (ds_thread_start(&tid, "writer", write_packets, &w) != DS_OK) {
        abort();
    }

    while (!ds_queue_full(w.q)) {
        usleep(1000);
    }

    ds_queue_widen(w.q, 50000);
    ok(ds_queue_full(w.q), "the bound is not lowered");
    ok(ds_queue_time(w.q) <= 101000, "so much is held");

    ds_queue_widen(w.q, 1000000);

    while (!ds_queue_full(w.q) || ds_queue_time(w.q) < 1000000) {
        usleep(1000);
    }

    ok(ds_queue_time(w.q) <= 1001000, "widened, the writer goes on");

    ds_queue_cancel(w.q);
    (void) pthread_join(tid, NULL);
    ds_queue_free(&w.q);
}


int
main(void)
{
    test_threads();
    test_bounds();
    test_widen();

    return done_testing();
}
