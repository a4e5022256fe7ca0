/* Signals: those that stop a reactor, and the application's own.
 *
 * Thread: the reactor's; what runs in the signal handler proper is below the seam. Owner: the
 * reactor owns its handlers. Invariant: a signal is caught exactly while it has a handler or, if it
 * is one that stops, while stop_signals is set; the handler comes first. */
#include "signals.h"

#include <signal.h>
#include <stdio.h>

#include "reactor_internal.h"

typedef struct TorcSignalHandler {
    struct TorcSignalHandler *next;
    TorcReactor *reactor;
    int signo;
    bool running;
    bool removed; /* while it ran: it is in no list */
    TorcKeptCall call;
} TorcSignalHandler;

/* SIGINT, which people send: an application or a shell that ignores it has had its reasons, so it is
 * left alone then. SIGTERM is how service managers stop us, and is always ours. (As Twisted does.) */
static const struct {
    int signo;
    bool only_default;
} stop_signals[] = {{SIGINT, true}, {SIGTERM, false}};
enum { STOP_SIGNALS = sizeof stop_signals / sizeof stop_signals[0] };

static TorcSignalHandler **find(TorcReactor *reactor, int signo)
{
    TorcSignalHandler **link = &reactor->signal_handlers;
    while (*link && (*link)->signo != signo)
        link = &(*link)->next;
    return link;
}

/* ---- signals that stop --------------------------------------------------------------------- */

/* A first signal stops in order, the second does not wait for anybody any more. */
static void stop_by_signal(void *arg, int signo)
{
    TorcReactor *reactor = arg;

    TORC__LOG(reactor, TORC_LOG_INFO, "reactor.signal", TORC_LOG_NUMBER("signal", signo));
    reactor->stop_signalled = true;
    if (reactor->stop_wanted)
        reactor->hurry = true;
    reactor->stop_wanted = true;
}

static int catch_stop(TorcReactor *reactor, size_t i)
{
    TorcSystem *system = reactor->system;
    if (*find(reactor, stop_signals[i].signo))
        return 0;
    return system->ops->catchSignal(system, stop_signals[i].signo, stop_signals[i].only_default,
                                    stop_by_signal, reactor);
}

/* After one was seen the process is ending anyway, and another would only cut that short. */
static void release_stop(TorcReactor *reactor, size_t i)
{
    TorcSystem *system = reactor->system;
    if (!*find(reactor, stop_signals[i].signo))
        system->ops->releaseSignal(system, stop_signals[i].signo, !reactor->stop_signalled);
}

int torc__signals_begin(TorcReactor *reactor)
{
    int r = 0;

    if (reactor->no_signals)
        return 0;
    reactor->stop_signals = true;
    reactor->stop_signalled = false;
    for (size_t i = 0; i < STOP_SIGNALS && r == 0; i++)
        r = catch_stop(reactor, i);
    if (r < 0)
        torc__signals_end(reactor);
    return r;
}

void torc__signals_end(TorcReactor *reactor)
{
    if (!reactor->stop_signals)
        return;
    reactor->stop_signals = false;
    for (size_t i = 0; i < STOP_SIGNALS; i++)
        release_stop(reactor, i);
}

/* True when the reactor itself has a use for the signal. */
static bool goes_back_to_stop(TorcReactor *reactor, int signo)
{
    for (size_t i = 0; i < STOP_SIGNALS && reactor->stop_signals; i++)
        if (stop_signals[i].signo == signo)
            return catch_stop(reactor, i) == 0;
    return false;
}

/* ---- the application's --------------------------------------------------------------------- */

/* A handler that returned from the fault of an instruction would meet it again, for ever. */
static bool may_have_handler(int signo)
{
    static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                                  SIGILL,  SIGTRAP, SIGSYS,  SIGABRT};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (signo == refused[i])
            return false;
    return signo > 0;
}

static void dispose(TorcSignalHandler *handler)
{
    TorcKeptCall call = handler->call;
    torc__free(handler);
    torc__call_destroy(&call);
}

static void call_handler(void *arg, int signo)
{
    TorcSignalHandler *handler = arg;
    (void)signo;
    handler->running = true;
    TORC__OBSERVE_CALL(handler->reactor, "signal handler", handler->call.function,
                       handler->call.function(handler->call.arg));
    handler->running = false;
    if (handler->removed)
        dispose(handler);
}

static int catch_for(TorcReactor *reactor, int signo, TorcSignalHandler *handler)
{
    TorcSystem *system = reactor->system;
    int r = system->ops->catchSignal(system, signo, false, call_handler, handler);
    if (r < 0)
        return r;
    handler->next = reactor->signal_handlers;
    reactor->signal_handlers = handler;
    return 0;
}

static int add_handler(TorcReactor *reactor, int signo, TorcKeptCall call)
{
    TORC__REQUIRE(may_have_handler(signo));
    if (*find(reactor, signo))
        return -EBUSY;
    TorcSignalHandler *handler = torc__malloc(sizeof(*handler));
    if (!handler)
        return -ENOMEM;
    *handler = (TorcSignalHandler){.reactor = reactor, .signo = signo, .call = call};
    int r = catch_for(reactor, signo, handler);
    if (r < 0)
        torc__free(handler);
    return r;
}

int TorcReactor_addSignalHandler(TorcReactor *reactor, int signo, TorcFunction *function, void *arg)
{
    TORC__REQUIRE(reactor && function);
    TORC__ON_THREAD_OF(reactor);
    return add_handler(reactor, signo, (TorcKeptCall){function, arg, NULL});
}

int TorcReactor_addSignalHandlerWith(TorcReactor *reactor, int signo, const TorcCall *call)
{
    TORC__ON_THREAD_OF(reactor);
    int r = reactor ? torc__call_check(call, false) : -EINVAL;
    if (r == 0)
        r = add_handler(reactor, signo, (TorcKeptCall){call->function, call->arg, call->destroy});
    return r < 0 ? torc__call_refuse(call, r) : r;
}

static void remove_handler(TorcReactor *reactor, TorcSignalHandler **link)
{
    TorcSignalHandler *handler = *link;
    TorcSystem *system = reactor->system;

    *link = handler->next;
    if (!goes_back_to_stop(reactor, handler->signo))
        system->ops->releaseSignal(system, handler->signo, false);
    handler->removed = true;
    if (!handler->running)
        dispose(handler);
}

int TorcReactor_removeSignalHandler(TorcReactor *reactor, int signo)
{
    TORC__REQUIRE(reactor);
    TORC__ON_THREAD_OF(reactor);
    TorcSignalHandler **link = find(reactor, signo);
    if (!*link)
        return -TORC_ESTALE;
    remove_handler(reactor, link);
    return 0;
}

/* ---- the dump ------------------------------------------------------------------------------ */

/* "signal " and any int. */
enum { SIGNAL_NAME_SIZE = 24 };

/* strsignal says "User defined signal 1", in the user's language, and sigabbrev_np is too new. */
static const char *name_of(int signo, char text[SIGNAL_NAME_SIZE])
{
    static const struct {
        int signo;
        const char *name;
    } names[] = {
#define NAMED(signo) {signo, #signo}
        NAMED(SIGHUP),  NAMED(SIGINT),  NAMED(SIGQUIT), NAMED(SIGPIPE),   NAMED(SIGALRM),
        NAMED(SIGTERM), NAMED(SIGUSR1), NAMED(SIGUSR2), NAMED(SIGCHLD),   NAMED(SIGCONT),
        NAMED(SIGTSTP), NAMED(SIGTTIN), NAMED(SIGTTOU), NAMED(SIGURG),    NAMED(SIGXCPU),
        NAMED(SIGXFSZ), NAMED(SIGPROF), NAMED(SIGIO),   NAMED(SIGVTALRM), NAMED(SIGWINCH),
#undef NAMED
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].signo == signo)
            return names[i].name;
    (void)snprintf(text, SIGNAL_NAME_SIZE, "signal %d", signo);
    return text;
}

void torc__signals_dump(const TorcDump *dump)
{
    char text[SIGNAL_NAME_SIZE], function[TORC__FUNCTION_TEXT_SIZE];

    if (dump->reactor->stop_signals)
        torc__dump_print(dump, "signals: SIGINT and SIGTERM stop the reactor");
    for (const TorcSignalHandler *handler = dump->reactor->signal_handlers; handler;
         handler = handler->next)
        torc__dump_print(dump, "signal handler: %s, function %s", name_of(handler->signo, text),
                         torc__function_text((uintptr_t)handler->call.function, function));
}

void torc__signals_done(TorcReactor *reactor)
{
    while (reactor->signal_handlers)
        remove_handler(reactor, &reactor->signal_handlers);
}
