
/*
 * test_crash.c: who took the process down: by a job's thread, by one that a
 * library has started for it, by one that nobody knows.
 */

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/ds_crash.h"
#include "base/ds_job.h"
#include "tap.h"


static ds_crash_t      *crash;
static const ds_turn_t  turn = { 7, 3, "the-item" };


static void *
end_thread(void *data)
{
    (void) data;
    abort();
}


/* as a codec does: nothing of ours knows of it */

static void
codec_run(void *data)
{
    pthread_t  tid;

    ds_crash_stream("video");
    ds_crash_item(&turn);

    if (pthread_create(&tid, NULL, end_thread, data) == 0) {
        (void) pthread_join(tid, NULL);
    }
}


static void
own_run(void *data)
{
    ds_crash_stream("own");
    ds_crash_item(&turn);
    (void) end_thread(data);
}


static void
over_run(void *data)
{
    ds_crash_stream("over");
    ds_crash_item(&turn);
    ds_crash_item(NULL);
    (void) end_thread(data);
}


static void
sent_run(void *data)
{
    ds_crash_stream("sent");
    ds_crash_item(&turn);
    (void) data;

    (void) raise(SIGBUS);
    (void) sleep(1);
}


static void
quiet_run(void *data)
{
    (void) data;
    ds_crash_stream("quiet");
    ds_crash_item(&turn);
}


/* "before" is over when "run" begins; the signal the process died of */

static int
died(ds_job_pt before, ds_job_pt run)
{
    int       status;
    pid_t     pid;
    ds_job_t  job;

    memset(crash, 0, sizeof(ds_crash_t));

    pid = fork();

    if (pid == 0) {
        (void) close(STDERR_FILENO);
        ds_crash_watch(crash);

        memset(&job, 0, sizeof(job));

        if (before != NULL) {
            (void) ds_job_start(&job, "ds-before", before, NULL);
            ds_job_end(&job);
        }

        if (run == NULL) {
            abort();
        }

        (void) ds_job_start(&job, "ds-test", run, NULL);
        ds_job_end(&job);
        _exit(0);
    }

    (void) waitpid(pid, &status, 0);

    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}


int
main(void)
{
    crash = mmap(NULL, sizeof(ds_crash_t), PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    is_int(died(NULL, own_run), SIGABRT, "a thread of ours: dies of it");
    is_int(crash->signal, SIGABRT, "the signal");
    is_str(crash->stream, "own", "the stream");
    ok(crash->has_item, "an item");
    is_int(crash->turn.index, 7, "its index");
    is_int(crash->turn.pass, 3, "its pass");
    is_str(crash->turn.id, "the-item", "its id");

    is_int(died(NULL, codec_run), SIGABRT, "a library's thread");
    is_str(crash->stream, "video", "the stream is its maker's");
    ok(crash->has_item && crash->turn.index == 7, "the item, too");

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    /* then a sanitizer's handler has its turn, which does not pass it on */
    (void) died(NULL, sent_run);
#else
    is_int(died(NULL, sent_run), SIGBUS, "a signal that was sent");
#endif

    is_str(crash->stream, "sent", "the stream");

    is_int(died(quiet_run, over_run), SIGABRT, "the item is over");
    is_str(crash->stream, "over", "the stream");
    ok(!crash->has_item, "no item");

    is_int(died(quiet_run, NULL), SIGABRT, "the main thread");
    is_int(crash->signal, SIGABRT, "the signal");
    is_str(crash->stream, "", "no stream");
    ok(!crash->has_item, "no item");

    is_int(died(NULL, quiet_run), 0, "nobody");
    is_int(crash->signal, 0, "no signal");

    return done_testing();
}
