/* docs/interfaces/reactor.md: what a reactor answers before, in and after its run, on its own thread and
 * on others; and the order of a run. */
#include "reactor_places.h"

/* ---- calls: running ------------------------------------------------------------------------ */

static void nothing(void *arg)
{
    (void)arg;
}

/* It is stopped at once, should it run. */
static const char *call_run(void)
{
    TorcDelayedCall call;
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0, stop, NULL, &call), 0);
    int r = TorcReactor_run(reactor);
    (void)TorcDelayedCall_cancel(call);
    return interface_code(r);
}

static const char *call_iterate(void)
{
    return interface_code(TorcReactor_iterate(reactor, 0));
}

static const char *call_stop(void)
{
    return interface_code(TorcReactor_stop(reactor));
}

static const char *call_crash(void)
{
    return interface_code(TorcReactor_crash(reactor));
}

static const char *call_running(void)
{
    return interface_truth(TorcReactor_running(reactor));
}

static void set_freed(void *arg)
{
    *(bool *)arg = true;
}

static const char *call_free(void)
{
    static bool freed;
    TorcDelayedCall call;
    freed = false;
    TorcCall *told = TORC_CALL(nothing, &freed, .destroy = set_freed);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 60, told, &call), 0);
    TorcReactor_free(reactor);
    bool done = freed;
    if (done)
        reactor = NULL;
    else
        (void)TorcDelayedCall_cancel(call);
    return interface_whether(done);
}

/* Only in the child of a fork is there something to do. */
static const char *call_reinitAfterFork(void)
{
    return interface_code(TorcReactor_reinitAfterFork(reactor));
}

/* ---- calls: scheduling --------------------------------------------------------------------- */

static const char *call_callLater(void)
{
    return interface_code(TorcReactor_callLater(reactor, 0, nothing, NULL, NULL));
}

static const char *call_callWhenRunning(void)
{
    return interface_code(TorcReactor_callWhenRunning(reactor, nothing, NULL));
}

static const char *call_addTrigger(void)
{
    uint64_t id;
    int r = TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_AFTER, TORC_EVENT_SHUTDOWN,
                                              nothing, NULL, &id);
    ck_assert_int_eq(TorcReactor_removeSystemEventTrigger(reactor, id), r);
    return interface_code(r);
}

static const char *call_holdShutdown(void)
{
    TorcDeferred *done = TorcDeferred_succeed(NULL, NULL);
    return interface_code(TorcReactor_holdShutdown(reactor, done));
}

static const char *call_addSignalHandler(void)
{
    int r = TorcReactor_addSignalHandler(reactor, SIGHUP, nothing, NULL);
    ck_assert_int_eq(TorcReactor_removeSignalHandler(reactor, SIGHUP), r);
    return interface_code(r);
}

static const char *call_callFromThread(void)
{
    return interface_code(TorcReactor_callFromThread(reactor, nothing, NULL));
}

static const char *call_callInThread(void)
{
    int r = TorcReactor_callInThread(reactor, nothing, NULL);
    ck_assert_int_eq(TorcReactor_callMultipleInThread(reactor, TORC_CALL(nothing, NULL), 1), r);
    return interface_code(r);
}

static void no_work(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
}

static const char *call_deferToThread(void)
{
    return interface_code(TorcReactor_deferToThread(reactor, no_work, NULL, NULL));
}

static const char *call_blockingCall(void)
{
    return interface_code(TorcReactor_blockingCallFromThread(reactor, no_work, NULL, NULL));
}

static const char *call_suggestThreadPoolSize(void)
{
    return interface_code(TorcReactor_suggestThreadPoolSize(reactor, 3));
}

static const char *call_questions(void)
{
    ck_assert_double_gt(TorcReactor_seconds(reactor), 0);
    ck_assert_ptr_nonnull(TorcReactor_backend(reactor));
    return TorcReactor_getEventBase(reactor) ? "it" : "NULL";
}

static const char *call_isInIOThread(void)
{
    return interface_truth(TorcReactor_isInIOThread(reactor));
}

/* ---- calls: listening and connecting ------------------------------------------------------- */

static const char *call_listenTCP(void)
{
    TorcListenOptions *options = TORC_LISTEN_OPTIONS(.interface = "127.0.0.1");
    return interface_code(TorcReactor_listenTCP(reactor, 0, factory, options, NULL));
}

static const char *call_listenUNIX(void)
{
    char name[64];
    snprintf(name, sizeof(name), "@torc-interface-%ld", (long)getpid());
    return interface_code(TorcReactor_listenUNIX(reactor, name, factory, NULL, NULL));
}

static const char *call_connectTCP(void)
{
    TorcClientFactory *client = (TorcClientFactory *)factory;
    return interface_code(TorcReactor_connectTCP(reactor, "127.0.0.1", 1, client, NULL, NULL));
}

static const char *call_connectUNIX(void)
{
    TorcClientFactory *client = (TorcClientFactory *)factory;
    return interface_code(TorcReactor_connectUNIX(reactor, "@nobody", client, NULL, NULL));
}

static const char *call_adoptStreamConnection(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    int r = TorcReactor_adoptStreamConnection(reactor, ends[0], factory);
    close(ends[0]);
    close(ends[1]);
    return interface_code(r);
}

static const char *call_standardIO(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    int r = TorcReactor_standardIO(reactor, ends[0], ends[1], factory);
    close(ends[0]);
    close(ends[1]);
    return interface_code(r);
}

/* ---- the reactor --------------------------------------------------------------------------- */

static const InterfaceRow reactor_rows[] = {
    {"run", call_run, NULL},
    {"iterate", call_iterate, NULL},
    {"stop", call_stop, NULL},
    {"crash", call_crash, NULL},
    {"free", call_free, NULL},
    {"running", call_running, NULL},
    {"seconds, backend, getEventBase", call_questions, NULL},
    {"reinitAfterFork", call_reinitAfterFork, NULL},
    {"callLater", call_callLater, NULL},
    {"callWhenRunning", call_callWhenRunning, NULL},
    {"addSystemEventTrigger, removeSystemEventTrigger", call_addTrigger, NULL},
    {"holdShutdown", call_holdShutdown, NULL},
    {"addSignalHandler, removeSignalHandler", call_addSignalHandler, NULL},
    {"callFromThread", call_callFromThread, NULL},
    {"callInThread, callMultipleInThread", call_callInThread, NULL},
    {"deferToThread", call_deferToThread, NULL},
    {"blockingCallFromThread", call_blockingCall, NULL},
    {"suggestThreadPoolSize", call_suggestThreadPoolSize, NULL},
    {"listenTCP", call_listenTCP, NULL},
    {"listenUNIX", call_listenUNIX, NULL},
    {"connectTCP", call_connectTCP, NULL},
    {"connectUNIX", call_connectUNIX, NULL},
    {"adoptStreamConnection", call_adoptStreamConnection, NULL},
    {"standardIO", call_standardIO, NULL},
};

static const InterfaceColumn reactor_columns[] = {
    {"not running", NOT_RUNNING},
    {"*before* startup", STARTING},
    {"running", RUNNING},
    {"inside `iterate`", {inside_iterate}},
    {"*before* shutdown", {before_shutdown}},
    {"later in the shutdown", STOPPING},
};

START_TEST(what_a_reactor_answers_is_on_its_page)
{
    interface_check(INTERFACE_TABLE("reactor.md", "reactor", reactor_rows, reactor_columns));
}
END_TEST

/* ---- the order of a run -------------------------------------------------------------------- */

static char order[500];

static void note(void *word)
{
    size_t length = strlen(order);
    const char *text = word;
    snprintf(order + length, sizeof(order) - length, "%s%s", length ? " " : "", text);
}

static void noted_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    static char word[] = "connectionLost";
    (void)self;
    (void)reason;
    note(word);
}

static const TorcProtocolClass noted_class = {
    TORC_PROTOCOL_CLASS("noted", TorcProtocol),
    .connectionLost = noted_connectionLost,
};

static void note_phase(TorcSystemEvent event, TorcPhase phase, char *word)
{
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, phase, event, note, word, NULL), 0);
}

START_TEST(the_order_of_a_run_is_on_the_page_of_reactors)
{
    static char phases[][20] = {"startup/before",  "startup/during",  "startup/after",
                                "shutdown/before", "shutdown/during", "shutdown/after"};
    static char when_running[] = "callWhenRunning";
    begin_play();
    for (int i = 0; i < 3; i++) {
        note_phase(TORC_EVENT_STARTUP, TORC_PHASE_BEFORE + i, phases[i]);
        note_phase(TORC_EVENT_SHUTDOWN, TORC_PHASE_BEFORE + i, phases[3 + i]);
    }
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, note, when_running), 0);
    play_connection(&noted_class);
    interface_checkOrder("reactor.md", "run", order);
    end_play();
}
END_TEST

/* ---- threads ------------------------------------------------------------------------------- */

/* The reactor runs and does nothing else meanwhile. */
static void stop_from_thread(void *arg)
{
    (void)arg;
    interface_here();
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, stop, NULL), 0);
}

static void on_a_thread_of_the_pool(void)
{
    begin_play();
    ck_assert_int_eq(TorcReactor_callInThread(reactor, stop_from_thread, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    end_play();
}

static const InterfaceRow thread_rows[] = {
    {"callFromThread", call_callFromThread, NULL},
    {"blockingCallFromThread", call_blockingCall, NULL},
    {"isInIOThread", call_isInIOThread, NULL},
};

static const InterfaceColumn thread_columns[] = {
    {"on the reactor's thread",
     {before_run, in_a_delayed_call, in_a_posted_call, in_a_signal_handler, before_shutdown,
      while_connections_end, after_run}},
    {"on another", {on_a_thread_of_the_pool}},
};

START_TEST(what_threads_may_call_is_on_the_page_of_reactors)
{
    interface_check(INTERFACE_TABLE("reactor.md", "threads", thread_rows, thread_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: the reactor", what_a_reactor_answers_is_on_its_page,
                the_order_of_a_run_is_on_the_page_of_reactors,
                what_threads_may_call_is_on_the_page_of_reactors)
