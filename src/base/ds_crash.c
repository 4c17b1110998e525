
/*
 * ds_crash.c: notes of what each thread works for, and the handler that hands
 * on the one of the thread that crashes.  A signal is the process's, and its
 * handler can be given nothing: so these, and nothing else in the engine, are
 * variables of the process.
 *
 * A thread that a codec starts has no note and no way to be given one, but it
 * inherits its maker's timer slack, in nanoseconds: which says whose it is.
 */

#define _GNU_SOURCE

#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/ds_crash.h"


#define DS_CRASH_NOTES    4096      /* threads at a time */
#define DS_CRASH_SIGNALS  7


typedef struct {
    atomic_bool   used;
    char          stream[DS_NAME_LEN + 1];
    bool          has_item;
    ds_turn_t     turn;
} ds_note_t;


static void ds_crash_handler(int sig, siginfo_t *si, void *context);
static void ds_crash_write(ds_crash_t *crash, int sig);


static const int         ds_crash_sigs[DS_CRASH_SIGNALS] = {
    SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTRAP
};

static struct sigaction  ds_crash_old[DS_CRASH_SIGNALS];
static ds_note_t         ds_crash_notes[DS_CRASH_NOTES];
static long              ds_crash_slack;    /* ns, of a thread without one */

static _Atomic(ds_crash_t *)  ds_crash_to;

static _Thread_local ds_note_t  *ds_crash_own;
static _Thread_local stack_t     ds_crash_stack;    /* that was there before */


void
ds_crash_watch(ds_crash_t *to)
{
    unsigned          i;
    struct sigaction  sa;

    if (to == NULL || atomic_load(&ds_crash_to) != NULL) {
        return;
    }

    ds_crash_slack = prctl(PR_GET_TIMERSLACK);
    atomic_store(&ds_crash_to, to);

    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = ds_crash_handler;
    sa.sa_flags = SA_SIGINFO | SA_ONSTACK;
    (void) sigfillset(&sa.sa_mask);

    for (i = 0; i < DS_CRASH_SIGNALS; i++) {
        (void) sigaction(ds_crash_sigs[i], &sa, &ds_crash_old[i]);
    }
}


void
ds_crash_signals(sigset_t *set)
{
    unsigned  i;

    for (i = 0; i < DS_CRASH_SIGNALS; i++) {
        (void) sigdelset(set, ds_crash_sigs[i]);
    }
}


/*
 * Context: the thread that crashes, with all signals blocked.  What was there
 * before has its turn as if this had not been: the instruction is executed
 * again, and what was sent is sent again.
 */

static void
ds_crash_handler(int sig, siginfo_t *si, void *context)
{
    unsigned     i;
    ds_crash_t  *crash;

    (void) context;

    /* the first one only: others may crash for want of what it held */

    crash = atomic_exchange(&ds_crash_to, NULL);

    if (crash != NULL) {
        ds_crash_write(crash, sig);
    }

    for (i = 0; i < DS_CRASH_SIGNALS; i++) {
        if (ds_crash_sigs[i] == sig) {
            (void) sigaction(sig, &ds_crash_old[i], NULL);
        }
    }

    if (si->si_code <= 0) {
        (void) syscall(SYS_tgkill, getpid(), gettid(), sig);
    }
}


static void
ds_crash_write(ds_crash_t *crash, int sig)
{
    long        n;
    ds_note_t  *note;

    memset(crash->thread, 0, sizeof(crash->thread));
    (void) prctl(PR_GET_NAME, crash->thread);

    crash->stream[0] = '\0';
    crash->has_item = false;

    n = prctl(PR_GET_TIMERSLACK) - ds_crash_slack - 1;

    if (n >= 0 && n < DS_CRASH_NOTES) {
        note = &ds_crash_notes[n];
        memcpy(crash->stream, note->stream, sizeof(crash->stream));
        crash->has_item = note->has_item;
        crash->turn = note->turn;
    }

    __atomic_store_n(&crash->signal, sig, __ATOMIC_RELEASE);
}


void
ds_crash_enter(char *stack)
{
    stack_t   st;
    unsigned  i;

    if (atomic_load(&ds_crash_to) == NULL) {
        return;
    }

    for (i = 0; i < DS_CRASH_NOTES; i++) {
        if (!atomic_load(&ds_crash_notes[i].used)
            && !atomic_exchange(&ds_crash_notes[i].used, true))
        {
            break;
        }
    }

    if (i == DS_CRASH_NOTES) {
        /* it is not known by its stream, and not by its maker's either */
        (void) prctl(PR_SET_TIMERSLACK, ds_crash_slack);
        return;
    }

    ds_crash_own = &ds_crash_notes[i];
    ds_crash_own->stream[0] = '\0';
    ds_crash_own->has_item = false;

    (void) prctl(PR_SET_TIMERSLACK, ds_crash_slack + 1 + i);

    memset(&st, 0, sizeof(st));
    st.ss_sp = stack;
    st.ss_size = DS_CRASH_STACK;
    (void) sigaltstack(&st, &ds_crash_stack);
}


void
ds_crash_stream(const char *stream)
{
    size_t  len;

    if (ds_crash_own != NULL) {
        len = strnlen(stream, DS_NAME_LEN);
        memcpy(ds_crash_own->stream, stream, len);
        ds_crash_own->stream[len] = '\0';
    }
}


void
ds_crash_item(const ds_turn_t *turn)
{
    if (ds_crash_own == NULL) {
        return;
    }

    ds_crash_own->has_item = false;

    if (turn != NULL) {
        atomic_signal_fence(memory_order_seq_cst);
        ds_crash_own->turn = *turn;
        atomic_signal_fence(memory_order_seq_cst);
        ds_crash_own->has_item = true;
    }
}


void
ds_crash_leave(void)
{
    ds_note_t  *note;

    note = ds_crash_own;

    if (note == NULL) {
        return;
    }

    ds_crash_own = NULL;

    (void) sigaltstack(&ds_crash_stack, NULL);
    (void) prctl(PR_SET_TIMERSLACK, ds_crash_slack);
    atomic_store(&note->used, false);
}
