/* Places of a reactor's life, for the tables of what may be called in them (interface_table.h).
 *
 * Real reactors, one a play, whose runs end at once: the loop that the user has. */
#ifndef TORC_TESTS_REACTOR_PLACES_H
#define TORC_TESTS_REACTOR_PLACES_H

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <torc/torc.h>

#include "interface_table.h"

static TorcReactor *reactor; /* NULL: the call has freed it */
static TorcFactory *factory;

/* ---- a play -------------------------------------------------------------------------------- */

static inline void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(reactor);
}

static inline void crash(void *arg)
{
    (void)arg;
    (void)TorcReactor_crash(reactor);
}

static inline void watched_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    if (TorcReason_kind(reason) == TORC_CONNECTION_DONE)
        interface_here();
}

static const TorcProtocolClass watched_class = {
    TORC_PROTOCOL_CLASS("watched", TorcProtocol),
    .connectionLost = watched_connectionLost,
};

/* What calls begin takes these; they do nothing. */
static inline void begin_play(void)
{
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.noSignalHandlers = true));
    factory = &TorcClientFactory_forProtocol(&torc_protocol_class)->base;
    ck_assert(reactor && factory);
}

/* Nothing of the play may keep the reactor from ending. */
static inline void run_play(void)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.001, stop, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
}

static inline void end_play(void)
{
    TorcReactor_free(reactor);
    TorcFactory_unref(factory);
    interface_came("");
}

/* ---- places -------------------------------------------------------------------------------- */

static inline void before_run(void)
{
    begin_play();
    interface_here();
    end_play();
}

static inline void after_run(void)
{
    begin_play();
    run_play();
    interface_here();
    end_play();
}

static inline void after_crash(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, crash, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    interface_here();
    end_play();
}

static inline void play_trigger(TorcSystemEvent event, TorcPhase phase)
{
    begin_play();
    ck_assert_int_eq(
        TorcReactor_addSystemEventTrigger(reactor, phase, event, interface_hereCalled, NULL, NULL),
        0);
    run_play();
    end_play();
}

static inline void before_startup(void)
{
    play_trigger(TORC_EVENT_STARTUP, TORC_PHASE_BEFORE);
}

static inline void during_startup(void)
{
    play_trigger(TORC_EVENT_STARTUP, TORC_PHASE_DURING);
}

static inline void after_startup(void)
{
    play_trigger(TORC_EVENT_STARTUP, TORC_PHASE_AFTER);
}

static inline void before_shutdown(void)
{
    play_trigger(TORC_EVENT_SHUTDOWN, TORC_PHASE_BEFORE);
}

static inline void during_shutdown(void)
{
    play_trigger(TORC_EVENT_SHUTDOWN, TORC_PHASE_DURING);
}

static inline void after_shutdown(void)
{
    play_trigger(TORC_EVENT_SHUTDOWN, TORC_PHASE_AFTER);
}

static inline void in_callWhenRunning(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, interface_hereCalled, NULL), 0);
    run_play();
    end_play();
}

static inline void in_a_delayed_call(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, interface_hereCalled, NULL, NULL), 0);
    run_play();
    end_play();
}

static inline void inside_iterate(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, interface_hereCalled, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    end_play();
}

static inline void in_a_posted_call(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, interface_hereCalled, NULL), 0);
    run_play();
    end_play();
}

static inline void in_a_signal_handler(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR2, interface_hereCalled, NULL), 0);
    ck_assert_int_eq(raise(SIGUSR2), 0);
    run_play();
    end_play();
}

/* A run with a connection, which the shutdown ends. */
static inline void play_connection(const TorcProtocolClass *cls)
{
    int ends[2];
    TorcFactory *of = TorcFactory_forProtocol(cls);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ck_assert_int_eq(TorcReactor_adoptStreamConnection(reactor, ends[0], of), 0);
    TorcFactory_unref(of);
    run_play();
    close(ends[0]);
    close(ends[1]);
}

static inline void while_connections_end(void)
{
    begin_play();
    play_connection(&watched_class);
    end_play();
}

/* ---- places that are alike ------------------------------------------------------------------- */

#define NOT_RUNNING                                                                                \
    {                                                                                              \
        before_run, after_run, after_crash                                                         \
    }
#define STARTING                                                                                   \
    {                                                                                              \
        before_startup                                                                             \
    }
#define RUNNING                                                                                    \
    {                                                                                              \
        during_startup, after_startup, in_callWhenRunning, in_a_delayed_call, in_a_posted_call,    \
            in_a_signal_handler                                                                    \
    }
#define STOPPING                                                                                   \
    {                                                                                              \
        while_connections_end, during_shutdown, after_shutdown                                     \
    }

#endif
