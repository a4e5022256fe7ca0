/* SIGINT and SIGTERM for the one system of the process that asks for them.
 *
 * libevent can serve signals to one base per process only and keeps its handlers for good, so these
 * are our own. A handler runs on whatever thread the kernel picks: it sets a bit and writes to the
 * owner's wake descriptor, and touches nothing else; the reactor's thread calls the function from
 * inside wait. The previous handlers are restored when the owner gives the signals back.
 *
 * Invariant: while `owner` is NULL or the signals are being given back, no handler of ours is
 * running or will write: giving back first takes the descriptor away and then waits for handlers on
 * other threads to finish. */
#include "system_real_internal.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

typedef struct Caught {
    int signo;
    bool installed; /* our handler, over `previous` */
    struct sigaction previous;
} Caught;

static _Atomic(TorcRealSystem *) owner;
static atomic_int wake_descriptor = -1;
static atomic_int handlers_running;
static atomic_uint pending; /* bit n: signals[n] */

/* The owner's. SIGINT first: it is the one that people send. */
static Caught signals[] = {{.signo = SIGINT}, {.signo = SIGTERM}};
enum { SIGNAL_COUNT = sizeof signals / sizeof signals[0] };
static bool delivered; /* any, to the present owner */

static void handle(int signo)
{
    atomic_fetch_add(&handlers_running, 1);
    int fd = atomic_load(&wake_descriptor);
    if (fd >= 0) {
        atomic_fetch_or(&pending, signo == SIGINT ? 1u : 2u);
        torc__real_wakeDescriptor(fd);
    }
    atomic_fetch_sub(&handlers_running, 1);
}

/* An application that handles Ctrl-C itself, or a shell that started us in the background, has had
 * its reasons; SIGTERM is how service managers stop us, and is always ours. (As Twisted does.) */
static bool leave_alone(int signo, const struct sigaction *present)
{
    return signo == SIGINT && ((present->sa_flags & SA_SIGINFO) || present->sa_handler != SIG_DFL);
}

static int install(Caught *caught)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    caught->installed = false;
    if (sigaction(caught->signo, NULL, &caught->previous) < 0)
        return -errno;
    if (leave_alone(caught->signo, &caught->previous))
        return 0;
    if (sigaction(caught->signo, &action, NULL) < 0)
        return -errno;
    caught->installed = true;
    return 0;
}

/* If the application has put another handler over ours in the meantime, that one stays. */
static void restore(Caught *caught)
{
    struct sigaction present;
    if (!caught->installed || sigaction(caught->signo, NULL, &present) < 0)
        return;
    if (!(present.sa_flags & SA_SIGINFO) && present.sa_handler == handle)
        (void)sigaction(caught->signo, &caught->previous, NULL);
    caught->installed = false;
}

/* A signal must not get lost because the loop ended just then for another reason: with the previous
 * handlers back, it is sent again. If one was delivered before, the process is ending anyway. */
static void raise_undelivered(unsigned bits)
{
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if ((bits & (1u << i)) && !delivered)
            (void)raise(signals[i].signo);
}

static void give_back(TorcRealSystem *system)
{
    if (atomic_load(&owner) != system)
        return;
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        restore(&signals[i]);
    atomic_store(&wake_descriptor, -1);
    while (atomic_load(&handlers_running) > 0)
        sched_yield();
    unsigned undelivered = atomic_exchange(&pending, 0);
    system->signal_function = NULL;
    raise_undelivered(undelivered);
    atomic_store(&owner, NULL);
}

static int take(TorcRealSystem *system)
{
    TorcRealSystem *none = NULL;
    if (!atomic_compare_exchange_strong(&owner, &none, system))
        return none == system ? 0 : -EBUSY;
    delivered = false;
    atomic_store(&wake_descriptor, system->wake_fd);
    int r = 0;
    for (size_t i = 0; i < SIGNAL_COUNT && r == 0; i++)
        r = install(&signals[i]);
    if (r < 0)
        give_back(system);
    return r;
}

int torc__real_catchSignals(TorcSystem *base, TorcSignalFunction *function, void *arg)
{
    TorcRealSystem *system = torc__real(base);
    if (!function) {
        give_back(system);
        return 0;
    }
    int r = take(system);
    if (r < 0)
        return r;
    system->signal_function = function;
    system->signal_arg = arg;
    return 0;
}

void torc__real_deliverSignals(TorcRealSystem *system)
{
    if (!system->signal_function)
        return;
    unsigned bits = atomic_exchange(&pending, 0);
    for (size_t i = 0; i < SIGNAL_COUNT; i++)
        if ((bits & (1u << i)) && system->signal_function) {
            delivered = true;
            system->signal_function(system->signal_arg, signals[i].signo);
        }
}

void torc__real_ignoreSigpipe(void)
{
    struct sigaction present;
    if (sigaction(SIGPIPE, NULL, &present) == 0 && !(present.sa_flags & SA_SIGINFO) &&
        present.sa_handler == SIG_DFL) {
        present.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &present, NULL);
    }
}
