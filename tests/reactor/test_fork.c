/* Reactors of a process that forks: what a child may do with its copy, and that the parent never
 * notices. Real processes, real sockets. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/loopback_client.h"
#include "../support/real_system.h"
#include "reactor/reactor_internal.h"
#include <torc/torc.h>

enum { BACKENDS = 3 };

/* The thread sanitizer allows no threads after a fork. */
#ifdef __SANITIZE_THREAD__
enum { POOL_BACKENDS = 0 };
#else
enum { POOL_BACKENDS = BACKENDS };
#endif

static TorcReactor *reactor;
static TorcPort *port;
static unsigned lost; /* connections, in this process */

/* ---- a server that echoes ------------------------------------------------------------------ */

static void echo_dataReceived(TorcProtocol *self, const void *data, size_t length)
{
    TorcTransport_write(self->transport, data, length);
}

static void echo_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)self;
    (void)reason;
    lost++;
}

static const TorcProtocolClass echo_class = {
    TORC_PROTOCOL_CLASS("echo", TorcProtocol),
    .dataReceived = echo_dataReceived,
    .connectionLost = echo_connectionLost,
};

static void begin(int backend)
{
    lost = 0;
    reactor = TorcReactor_new(TORC_REACTOR_OPTIONS(.backend = variant_backends[backend]));
    ck_assert_ptr_nonnull(reactor);
    TorcFactory *factory = TorcFactory_forProtocol(&echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, 0, factory,
                                           TORC_LISTEN_OPTIONS(.interface = "127.0.0.1"), &port),
                     0);
    TorcFactory_unref(factory);
}

static void end(void)
{
    TorcReactor_free(reactor);
}

static int dial(void)
{
    const struct timeval limit = {.tv_sec = 20};
    int fd = dial_port(port);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
}

static void assert_answers(int fd)
{
    char byte = 'x';
    ck_assert_int_eq(send(fd, &byte, 1, MSG_NOSIGNAL), 1);
    ck_assert_int_eq(recv(fd, &byte, 1, 0), 1);
}

/* The same while this process turns its reactor. */
static void assert_is_answered_here(int fd)
{
    char byte = 'x';
    ck_assert_int_eq(send(fd, &byte, 1, MSG_NOSIGNAL), 1);
    for (int i = 0; i < 2000 && recv(fd, &byte, 1, MSG_DONTWAIT) != 1; i++)
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0.01), 0);
}

/* ---- children ------------------------------------------------------------------------------ */

/* What a child finds wrong, its parent gets as the status: the number of the check. */
#define CHECK(number, condition)                                                                   \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return number;                                                                         \
    } while (0)

static pid_t start_child(int (*body)(void))
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(30);
        _exit(body());
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "the child was ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

static int run_child(int (*body)(void))
{
    return end_of(start_child(body));
}

static int ready[2]; /* a pipe: each server writes a byte when it runs */

static void tell_ready(void *arg)
{
    (void)arg;
    if (write(ready[1], "r", 1) != 1)
        _exit(EXIT_FAILURE);
}

static int serve_until_signalled(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == 0);
    CHECK(2, TorcReactor_callWhenRunning(reactor, tell_ready, NULL) == 0);
    CHECK(3, TorcReactor_run(reactor) == 0);
    TorcReactor_free(reactor);
    return 0;
}

/* A signal that comes before a child's reactor catches it meets the handler of libcheck, which ends
 * the whole group. */
static void start_servers(pid_t *children, int count)
{
    char byte;
    ck_assert_int_eq(pipe(ready), 0);
    for (int i = 0; i < count; i++)
        children[i] = start_child(serve_until_signalled);
    close(ready[1]); /* so that a child that failed is not waited for */
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

START_TEST(children_and_parent_serve_one_port) /* prefork */
{
    enum { CHILDREN = 3, CLIENTS = 30 };
    pid_t children[CHILDREN];
    int fds[CLIENTS];
    begin(_i);
    start_servers(children, CHILDREN);
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = dial();
        assert_answers(fds[i]);
    }
    for (int i = 0; i < CHILDREN; i++)
        ck_assert_int_eq(kill(children[i], SIGTERM), 0);
    for (int i = 0; i < CHILDREN; i++)
        ck_assert_int_eq(end_of(children[i]), 0);
    for (int i = 0; i < CLIENTS; i++) {
        char byte;
        ck_assert_int_eq(recv(fds[i], &byte, 1, 0), 0); /* in order */
        close(fds[i]);
    }
    int fd = dial(); /* nothing of the parent's has been taken away */
    assert_is_answered_here(fd);
    close(fd);
    end();
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

static void no_result(TorcResult *result, void *arg)
{
    (void)result;
    (void)arg;
}

static int use_everything(void)
{
    TorcFactory *factory = TorcFactory_forProtocol(&echo_class);
    CHECK(1, TorcReactor_run(reactor) == -TORC_EFORKED);
    CHECK(2, TorcReactor_iterate(reactor, 0) == -TORC_EFORKED);
    CHECK(3, TorcReactor_listenTCP(reactor, 0, factory, NULL, NULL) == -TORC_EFORKED);
    CHECK(4, TorcReactor_callInThread(reactor, nothing, NULL) == -TORC_EFORKED);
    CHECK(5, TorcReactor_addSignalHandler(reactor, SIGHUP, nothing, NULL) == -TORC_EFORKED);
    CHECK(6, TorcReactor_deferToThread(reactor, no_result, NULL, NULL) == -TORC_EFORKED);
    CHECK(7, TorcReactor_getEventBase(reactor) == NULL);
    CHECK(8, TorcReactor_callFromThread(reactor, nothing, NULL) == 0); /* for a later run */
    CHECK(9, TorcReactor_callLater(reactor, 1, nothing, NULL, NULL) == 0);
    TorcFactory_unref(factory);
    TorcReactor_free(reactor);
    return 0;
}

START_TEST(a_copy_refuses_until_it_is_made_the_childs_own) /* BUG-41 */
{
    begin(_i);
    ck_assert_int_eq(run_child(use_everything), 0);
    int fd = dial();
    assert_is_answered_here(fd);
    close(fd);
    end();
}
END_TEST

static int free_copy(void)
{
    TorcReactor_free(reactor);
    CHECK(1, lost == 1);
    TorcReactor *own = TorcReactor_new(NULL); /* a child may have reactors of its own */
    CHECK(2, own && TorcReactor_iterate(own, 0) == 0);
    TorcReactor_free(own);
    return 0;
}

/* The connection is as it was, and others can be made. */
static void end_still_serving(int fd)
{
    assert_is_answered_here(fd);
    int another = dial();
    assert_is_answered_here(another);
    close(another);
    close(fd);
    end();
}

START_TEST(a_child_that_frees_its_copy_leaves_the_parents_connections_alone) /* BUG-41 */
{
    begin(_i);
    int fd = dial();
    assert_is_answered_here(fd);
    ck_assert_int_eq(run_child(free_copy), 0);
    ck_assert_uint_eq(lost, 0);
    end_still_serving(fd);
}
END_TEST

static int lose_connection_of_copy(void)
{
    TorcPort_stopListening(port, NULL);
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == -EBUSY); /* there is a connection */
    return 0;
}

START_TEST(a_copy_with_connections_does_not_become_the_childs_own)
{
    begin(_i);
    int fd = dial();
    assert_is_answered_here(fd);
    ck_assert_int_eq(run_child(lose_connection_of_copy), 0);
    end_still_serving(fd);
}
END_TEST

/* ---- from inside a callback ---------------------------------------------------------------- */

static pid_t forked_pid;
static int nested_code, shutdowns;

static void count_shutdown(void *arg)
{
    (void)arg;
    shutdowns++;
}

static void fork_in_turn(void *arg)
{
    (void)arg;
    forked_pid = fork();
    if (forked_pid == 0)
        nested_code = TorcReactor_reinitAfterFork(reactor);
}

static void stop(void *arg)
{
    (void)arg;
    (void)TorcReactor_stop(reactor);
}

/* The rest of the program, in both processes. */
static int after_run(int r)
{
    CHECK(1, r == -TORC_EFORKED && nested_code == -EDEADLK && lost == 0 && shutdowns == 0);
    CHECK(2, TorcReactor_reinitAfterFork(reactor) == 0);
    CHECK(3, TorcReactor_callLater(reactor, 0.01, stop, NULL, NULL) == 0);
    CHECK(4, TorcReactor_run(reactor) == 0);
    TorcReactor_free(reactor);
    return 0;
}

START_TEST(a_child_of_a_callback_leaves_the_loop)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.01, fork_in_turn, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.3, stop, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_addSystemEventTrigger(reactor, TORC_PHASE_BEFORE,
                                                       TORC_EVENT_SHUTDOWN, count_shutdown, NULL,
                                                       NULL),
                     0);
    int r = TorcReactor_run(reactor);
    if (forked_pid == 0)
        _exit(after_run(r));
    ck_assert_int_eq(r, 0);
    ck_assert_int_eq(shutdowns, 1);
    ck_assert_int_eq(end_of(forked_pid), 0);
    end();
}
END_TEST

/* ---- what a child takes over --------------------------------------------------------------- */

static int calls;

static void count_call(void *arg)
{
    (void)arg;
    if (++calls == 3)
        (void)TorcReactor_stop(reactor);
}

static int run_the_calls(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == 0);
    CHECK(2, TorcReactor_reinitAfterFork(reactor) == 0); /* nothing to do */
    CHECK(3, TorcReactor_run(reactor) == 0);
    CHECK(4, calls == 3);
    TorcReactor_free(reactor);
    return 0;
}

START_TEST(delayed_and_posted_calls_are_made_in_both)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.02, count_call, NULL, NULL), 0);
    ck_assert_int_eq(TorcReactor_callFromThread(reactor, count_call, NULL), 0);
    ck_assert_int_eq(TorcReactor_callWhenRunning(reactor, count_call, NULL), 0);
    ck_assert_int_eq(run_child(run_the_calls), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    ck_assert_int_eq(calls, 3);
    end();
}
END_TEST

static int wait_for_the_signal(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK(2, TorcReactor_iterate(reactor, 10) == 0);
    CHECK(3, calls == 1);
    TorcReactor_free(reactor);
    struct sigaction present;
    CHECK(4, sigaction(SIGUSR1, NULL, &present) == 0 && present.sa_handler == SIG_DFL);
    return 0;
}

static int get_signals_and_calls(void)
{
    raise(SIGUSR1);
    CHECK(1, TorcReactor_callFromThread(reactor, count_call, NULL) == 0);
    return 0;
}

START_TEST(nothing_that_happens_to_a_copy_wakes_the_parent) /* BUG-41 */
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, count_call, NULL), 0);
    ck_assert_int_eq(run_child(get_signals_and_calls), 0);
    int64_t before = reactor->system->ops->now(reactor->system);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0.1), 0);
    ck_assert_int_ge(reactor->system->ops->now(reactor->system) - before, 100 * MILLISECOND);
    ck_assert_int_eq(calls, 0);
    end();
}
END_TEST

START_TEST(each_process_has_its_own_signals)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_addSignalHandler(reactor, SIGUSR1, count_call, NULL), 0);
    ck_assert_int_eq(run_child(wait_for_the_signal), 0);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
    ck_assert_int_eq(calls, 0);
    raise(SIGUSR1);
    ck_assert_int_eq(TorcReactor_iterate(reactor, 10), 0);
    ck_assert_int_eq(calls, 1);
    end();
}
END_TEST

static void stop_from_thread(void *arg)
{
    (void)TorcReactor_callFromThread(reactor, stop, arg);
}

static int use_the_pool(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == 0);
    CHECK(2, TorcReactor_callInThread(reactor, stop_from_thread, NULL) == 0);
    CHECK(3, TorcReactor_run(reactor) == 0);
    TorcReactor_free(reactor);
    return 0;
}

START_TEST(the_childs_pool_has_threads_of_its_own)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, nothing, NULL), 0);
    while (reactor->system->ops->jobs(reactor->system, false) > 0) /* its thread stays */
        sleep_for(MILLISECOND);
    ck_assert_int_eq(run_child(use_the_pool), 0);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, stop_from_thread, NULL), 0);
    ck_assert_int_eq(TorcReactor_run(reactor), 0);
    end();
}
END_TEST

static int gate[2];

static void wait_at_gate(void *arg)
{
    char byte;
    (void)arg;
    (void)!read(gate[0], &byte, 1);
}

static void count_drop(void *arg)
{
    ++*(int *)arg;
}

static int dropped;

static int give_up_the_job(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == -EBUSY);
    CHECK(2, dropped == 0);
    TorcReactor_free(reactor); /* does not wait for a thread that is not here */
    CHECK(3, dropped == 1);    /* the job that waited */
    return 0;
}

START_TEST(a_job_under_way_keeps_the_copy_from_becoming_the_childs_own)
{
    begin(_i);
    ck_assert_int_eq(pipe(gate), 0);
    ck_assert_int_eq(TorcReactor_suggestThreadPoolSize(reactor, 1), 0);
    ck_assert_int_eq(TorcReactor_callInThread(reactor, wait_at_gate, NULL), 0);
    sleep_for(50 * MILLISECOND); /* it has begun */
    const TorcCall *call = TORC_CALL(nothing, &dropped, .destroy = count_drop);
    ck_assert_int_eq(TorcReactor_callInThreadWith(reactor, call), 0);
    ck_assert_int_eq(run_child(give_up_the_job), 0);
    ck_assert_int_eq(dropped, 0);
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
    end();
    ck_assert_int_eq(dropped, 1);
    close(gate[0]);
    close(gate[1]);
}
END_TEST

/* ---- files --------------------------------------------------------------------------------- */

static int run_and_stop(void)
{
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == 0);
    CHECK(2, TorcReactor_callWhenRunning(reactor, stop, NULL) == 0);
    CHECK(3, TorcReactor_run(reactor) == 0);
    TorcReactor_free(reactor);
    return 0;
}

static void count_event(const TorcLogEvent *event, void *arg)
{
    (void)event;
    ++*(int *)arg;
}

static int only_free(void)
{
    int events = 0;
    torc_setLogObserver(count_event, &events, TORC_LOG_WARNING);
    TorcReactor_free(reactor);
    CHECK(1, events == 0); /* nothing was tried */
    return 0;
}

START_TEST(the_path_of_a_UNIX_port_stays_the_parents)
{
    char directory[] = "/tmp/torc-fork-XXXXXX", path[64], lock[80];
    struct stat status;
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/socket", directory);
    snprintf(lock, sizeof(lock), "%s.lock", path);
    begin(_i);
    TorcFactory *factory = TorcFactory_forProtocol(&echo_class);
    ck_assert_int_eq(TorcReactor_listenUNIX(reactor, path, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
    ck_assert_int_eq(run_child(run_and_stop), 0);
    ck_assert_int_eq(run_child(only_free), 0);
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(stat(lock, &status), 0);
    end();
    ck_assert_int_lt(stat(path, &status), 0);
    ck_assert_int_lt(stat(lock, &status), 0);
    rmdir(directory);
}
END_TEST

/* ---- refusals ------------------------------------------------------------------------------ */

START_TEST(in_the_parent_there_is_nothing_to_do)
{
    begin(_i);
    ck_assert_int_eq(TorcReactor_reinitAfterFork(NULL), -EINVAL);
    ck_assert_int_eq(TorcReactor_reinitAfterFork(reactor), 0);
    int fd = dial();
    assert_is_answered_here(fd);
    close(fd);
    end();
}
END_TEST

static int run_out_of_descriptors(void)
{
    int fds[1024], count = 0;
    while (count < 1024 && (fds[count] = dup(0)) >= 0)
        count++;
    CHECK(1, TorcReactor_reinitAfterFork(reactor) == -EMFILE);
    CHECK(2, TorcReactor_run(reactor) == -TORC_EFORKED);
    while (count > 0)
        close(fds[--count]);
    return run_and_stop();
}

START_TEST(without_descriptors_it_can_be_tried_again)
{
    struct rlimit limit;
    begin(_i);
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = 256;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_int_eq(run_child(run_out_of_descriptors), 0);
    end();
}
END_TEST

START_TEST(descriptors_do_not_pile_up)
{
    begin(_i);
    int before = count_descriptors();
    pid_t pid = fork();
    if (pid == 0) {
        int r = TorcReactor_reinitAfterFork(reactor);
        _exit(r == 0 && count_descriptors() == before ? 0 : 1);
    }
    ck_assert_int_eq(end_of(pid), 0);
    end();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("fork");
    TCase *t = tcase_create("fork");
    tcase_set_timeout(t, 40);
    tcase_add_loop_test(t, children_and_parent_serve_one_port, 0, BACKENDS);
    tcase_add_loop_test(t, a_copy_refuses_until_it_is_made_the_childs_own, 0, BACKENDS);
    tcase_add_loop_test(t, a_child_that_frees_its_copy_leaves_the_parents_connections_alone, 0,
                        BACKENDS);
    tcase_add_loop_test(t, a_copy_with_connections_does_not_become_the_childs_own, 0, BACKENDS);
    tcase_add_loop_test(t, a_child_of_a_callback_leaves_the_loop, 0, BACKENDS);
    tcase_add_loop_test(t, delayed_and_posted_calls_are_made_in_both, 0, BACKENDS);
    tcase_add_loop_test(t, nothing_that_happens_to_a_copy_wakes_the_parent, 0, BACKENDS);
    tcase_add_loop_test(t, each_process_has_its_own_signals, 0, BACKENDS);
    tcase_add_loop_test(t, the_childs_pool_has_threads_of_its_own, 0, POOL_BACKENDS);
    tcase_add_loop_test(t, a_job_under_way_keeps_the_copy_from_becoming_the_childs_own, 0,
                        BACKENDS);
    tcase_add_loop_test(t, the_path_of_a_UNIX_port_stays_the_parents, 0, BACKENDS);
    tcase_add_loop_test(t, in_the_parent_there_is_nothing_to_do, 0, BACKENDS);
    tcase_add_loop_test(t, without_descriptors_it_can_be_tried_again, 0, BACKENDS);
    tcase_add_loop_test(t, descriptors_do_not_pile_up, 0, BACKENDS);
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
