/* Signals for the systems of the process that ask for them, each signal for one at a time.
 *
 * libevent can serve signals to one base per process only and keeps its handlers for good, so these
 * are our own. A handler runs on whatever thread the kernel picks: it sets a mark and writes to the
 * owner's wake descriptor, and touches nothing else; the reactor's thread calls the function from
 * inside wait. The previous action is restored when the owner gives the signal back.
 *
 * Invariant: when a signal has been given back, no handler of ours is running for it or will write:
 * giving back first takes the descriptor away and then waits for handlers on other threads to
 * finish. */
#include "system_real_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

#ifndef NSIG
#define NSIG 65 /* Linux's */
#endif

typedef struct TorcRealSignal {
    /* Seen by handlers and by other systems' threads. */
    _Atomic(TorcRealSystem *) owner;
    atomic_int wake_descriptor; /* -1: nobody is to be woken */
    atomic_int handlers_running;
    atomic_bool arrived;

    /* The owner's. */
    bool due;       /* to be delivered in this wait */
    bool installed; /* our handler, over `previous` */
    int signo;
    struct TorcRealSignal *next; /* of the same owner */
    TorcSignalFunction *function;
    void *arg;
    struct sigaction previous;
} TorcRealSignal;

static TorcRealSignal signals[NSIG]; /* by number */

static void handle(int signo)
{
    TorcRealSignal *caught = &signals[signo];
    atomic_fetch_add(&caught->handlers_running, 1);
    if (atomic_load(&caught->owner)) {
        atomic_store(&caught->arrived, true);
        int fd = atomic_load(&caught->wake_descriptor);
        if (fd >= 0)
            torc__real_wakeDescriptor(fd);
    }
    atomic_fetch_sub(&caught->handlers_running, 1);
}

static bool is_default(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

static bool is_ours(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == handle;
}

/* 1: it is left alone. */
static int install(TorcRealSignal *caught, bool only_default)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(caught->signo, NULL, &caught->previous) < 0)
        return -errno;
    if (only_default && !is_default(&caught->previous))
        return 1;
    if (sigaction(caught->signo, &action, NULL) < 0)
        return -errno;
    caught->installed = true;
    return 0;
}

/* If the application has put another handler over ours in the meantime, that one stays. */
static void restore(TorcRealSignal *caught)
{
    struct sigaction present;
    if (!caught->installed || sigaction(caught->signo, NULL, &present) < 0)
        return;
    if (is_ours(&present))
        (void)sigaction(caught->signo, &caught->previous, NULL);
    caught->installed = false;
}

/* In the order in which they were asked for, they are delivered. */
static void link_signal(TorcRealSystem *system, TorcRealSignal *caught)
{
    TorcRealSignal **link = &system->signals;
    while (*link)
        link = &(*link)->next;
    caught->next = NULL;
    *link = caught;
}

static void unlink_signal(TorcRealSystem *system, TorcRealSignal *caught)
{
    TorcRealSignal **link = &system->signals;
    while (*link != caught)
        link = &(*link)->next;
    *link = caught->next;
}

/* A signal must not get lost because the loop ended just then for another reason: if wanted, it is
 * sent again now that the previous action is back. */
static void give_back(TorcRealSystem *system, TorcRealSignal *caught, bool send_again)
{
    restore(caught);
    atomic_store(&caught->wake_descriptor, -1);
    while (atomic_load(&caught->handlers_running) > 0)
        sched_yield();
    bool undelivered = atomic_exchange(&caught->arrived, false) || caught->due;
    caught->due = false;
    unlink_signal(system, caught);
    atomic_store(&caught->owner, NULL);
    if (undelivered && send_again)
        (void)raise(caught->signo);
}

/* The system has it already; with only_default it may have to go back. */
static int keep(TorcRealSystem *system, TorcRealSignal *caught, bool only_default)
{
    if (!only_default || is_default(&caught->previous))
        return 0;
    give_back(system, caught, false);
    return 1;
}

/* 0: it is the system's; 1: it is left alone. */
static int take(TorcRealSystem *system, TorcRealSignal *caught, int signo, bool only_default)
{
    TorcRealSystem *none = NULL;
    if (!atomic_compare_exchange_strong(&caught->owner, &none, system))
        return none == system ? keep(system, caught, only_default) : -EBUSY;
    caught->signo = signo;
    link_signal(system, caught);
    atomic_store(&caught->wake_descriptor, system->wake_fd);
    int r = install(caught, only_default);
    if (r != 0)
        give_back(system, caught, false);
    return r;
}

int torc__real_catchSignal(TorcSystem *base, int signo, bool only_default,
                           TorcSignalFunction *function, void *arg)
{
    if (signo <= 0 || signo >= NSIG)
        return -EINVAL;
    TorcRealSignal *caught = &signals[signo];
    int r = take(torc__real(base), caught, signo, only_default);
    if (r != 0)
        return r < 0 ? r : 0;
    caught->function = function;
    caught->arg = arg;
    return 0;
}

void torc__real_releaseSignal(TorcSystem *base, int signo, bool send_again)
{
    TorcRealSystem *system = torc__real(base);
    if (signo > 0 && signo < NSIG && atomic_load(&signals[signo].owner) == system)
        give_back(system, &signals[signo], send_again);
}

void torc__real_releaseSignals(TorcRealSystem *system)
{
    while (system->signals)
        give_back(system, system->signals, false);
}

/* ---- delivery ------------------------------------------------------------------------------ */

static TorcRealSignal *first_due(TorcRealSystem *system)
{
    TorcRealSignal *caught = system->signals;
    while (caught && !caught->due)
        caught = caught->next;
    return caught;
}

/* What arrives meanwhile brings its own wake; a function may catch and release whatever it likes. */
void torc__real_deliverSignals(TorcRealSystem *system)
{
    for (TorcRealSignal *caught = system->signals; caught; caught = caught->next)
        if (atomic_exchange(&caught->arrived, false))
            caught->due = true;
    TorcRealSignal *caught;
    while ((caught = first_due(system)) != NULL) {
        caught->due = false;
        caught->function(caught->arg, caught->signo);
    }
}

/* ---- fork ---------------------------------------------------------------------------------- */

/* A handler that another of the parent's threads was in does not exist here. */
void torc__real_detachSignals(TorcRealSystem *system)
{
    for (TorcRealSignal *caught = system->signals; caught; caught = caught->next) {
        atomic_store(&caught->wake_descriptor, -1);
        atomic_store(&caught->handlers_running, 0);
        atomic_store(&caught->arrived, false); /* it was the parent's */
        caught->due = false;
    }
}

void torc__real_attachSignals(TorcRealSystem *system)
{
    for (TorcRealSignal *caught = system->signals; caught; caught = caught->next) {
        atomic_store(&caught->wake_descriptor, system->wake_fd);
        if (atomic_load(&caught->arrived))
            torc__real_wakeDescriptor(system->wake_fd);
    }
}

void torc__real_ignoreSigpipe(void)
{
    struct sigaction present;
    if (sigaction(SIGPIPE, NULL, &present) == 0 && is_default(&present)) {
        present.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &present, NULL);
    }
}
