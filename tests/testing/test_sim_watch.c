/* Readiness and waiting on the simulated system: by edge as epoll has it, by level as poll has it,
 * and a clock that moves only when there is nothing else to do. */
#include "sim_fixture.h"
#include "testing/sim_view_internal.h"

enum {
    EDGES = TORC_READABLE | TORC_CLOSED | TORC_EDGE,
    ALL_EDGES = EDGES | TORC_WRITABLE,
    LEVELS = TORC_READABLE | TORC_WRITABLE
};

/* A watch that notes what it was called with. */
typedef struct Noted {
    TorcWatch watch;
    int calls;
    short ready; /* of the last call, without TORC_EDGE */
    bool edge;   /* TORC_EDGE of the last call */
    int order;   /* the how-manieth call of all the last one was */
    void (*then)(struct Noted *noted);
    struct Noted *other;
} Noted;

static int calls_of_all;

static void note(int fd, short ready, void *arg)
{
    Noted *noted = arg;
    (void)fd;
    noted->calls++;
    noted->ready = ready & ~TORC_EDGE;
    noted->edge = ready & TORC_EDGE;
    noted->order = ++calls_of_all;
    if (noted->then)
        noted->then(noted);
}

static void watch(Noted *noted, int fd, unsigned interest)
{
    ck_assert_int_eq(ops->watch(sys, &noted->watch, fd, interest, note, noted), 0);
}

/* How often it is called by the next look, and with what. */
static int calls_now(Noted *noted)
{
    int before = noted->calls;
    noted->ready = 0;
    look_around();
    return noted->calls - before;
}

#define ck_assert_ready(noted, bits)                                                               \
    do {                                                                                           \
        ck_assert_int_eq(calls_now(noted), 1);                                                     \
        ck_assert_int_eq((noted)->ready, bits);                                                    \
    } while (0)
#define ck_assert_quiet(noted) ck_assert_int_eq(calls_now(noted), 0)

static void by_level(void)
{
    begin_again(TORC_SIM_OPTIONS(.levelTriggered = true));
}

/* ---- edges --------------------------------------------------------------------------------- */

START_TEST(arrival_is_reported_once)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    ck_assert_quiet(&noted);
    send_text(fds[0], "a");
    send_text(fds[0], "b");
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_quiet(&noted);
    send_text(fds[0], "c");
    ck_assert_ready(&noted, TORC_READABLE);
}
END_TEST

START_TEST(the_edge_bit_is_passed_on_as_libevent_does)
{
    Noted edge = {0};
    Noted level = {0};
    int fds[2];
    connect_pair(fds);
    watch(&edge, fds[0], ALL_EDGES);
    watch(&level, fds[1], TORC_WRITABLE);
    look_around();
    ck_assert(edge.edge);
    ck_assert_int_eq(level.calls, 1);
    ck_assert(!level.edge);
}
END_TEST

START_TEST(what_was_read_before_the_wait_is_not_reported)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "a");
    ck_assert_receives(fds[1], "a");
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(starting_and_changing_a_watch_report_what_is_ready_already)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    send_text(fds[0], "a");
    watch(&noted, fds[1], EDGES);
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_quiet(&noted);
    ck_assert_int_eq(ops->rewatch(sys, &noted.watch, ALL_EDGES), 0);
    ck_assert_ready(&noted, TORC_READABLE | TORC_WRITABLE);
    ck_assert_int_eq(ops->rewatch(sys, &noted.watch, TORC_EDGE), 0);
    send_text(fds[0], "b");
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(room_after_a_full_buffer_is_an_edge)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    fill(fds[0]);
    watch(&noted, fds[0], ALL_EDGES);
    ck_assert_quiet(&noted);
    recv_result(fds[1]);
    ck_assert_ready(&noted, TORC_WRITABLE);
    recv_result(fds[1]);
    ck_assert_quiet(&noted);
}
END_TEST

/* A send that fits exactly leaves no room, but is not cut short: the watch must still learn. */
START_TEST(room_is_an_edge_also_when_the_last_send_just_fitted)
{
    begin_again(TORC_SIM_OPTIONS(.bufferSize = 4));
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    ck_assert_int_eq(send_text(fds[0], "1234"), 4);
    watch(&noted, fds[0], ALL_EDGES);
    ck_assert_quiet(&noted);
    ck_assert_receives(fds[1], "1234");
    ck_assert_ready(&noted, TORC_WRITABLE);
}
END_TEST

START_TEST(the_peers_end_is_readable_and_closed)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "last");
    ck_assert_int_eq(ops->shutdown(sys, fds[0], SHUT_WR), 0);
    ck_assert_ready(&noted, TORC_READABLE | TORC_CLOSED);
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(a_reset_is_readable_and_writable_but_not_closed)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], ALL_EDGES);
    look_around();
    close_hard(fds[0]);
    ck_assert_ready(&noted, TORC_READABLE | TORC_WRITABLE);
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(a_new_connection_is_an_edge_of_its_listener)
{
    Noted noted = {0};
    int listener = listen_on("127.0.0.1", 8881, 5);
    watch(&noted, listener, EDGES);
    ck_assert_quiet(&noted);
    TorcSim_connect(sim, 8881);
    TorcSim_connect(sim, 8881);
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_int_gt(accept_from(listener), 2);
    ck_assert_quiet(&noted); /* the second is still in the queue, and no news */
}
END_TEST

START_TEST(a_finished_attempt_to_connect_is_writable)
{
    Noted noted = {0};
    listen_on("127.0.0.1", 8881, 5);
    int fd = open_socket(AF_INET);
    connect_to(fd, "127.0.0.1", 8881);
    watch(&noted, fd, TORC_WRITABLE | TORC_EDGE);
    ck_assert_ready(&noted, TORC_WRITABLE);
}
END_TEST

START_TEST(a_refused_attempt_to_connect_is_readable_and_writable)
{
    Noted noted = {0};
    int fd = open_socket(AF_INET);
    connect_to(fd, "127.0.0.1", 8881);
    watch(&noted, fd, ALL_EDGES);
    ck_assert_ready(&noted, TORC_READABLE | TORC_WRITABLE);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
}
END_TEST

START_TEST(only_what_is_of_interest_is_reported)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], TORC_READABLE | TORC_EDGE);
    ops->shutdown(sys, fds[0], SHUT_WR);
    ck_assert_ready(&noted, TORC_READABLE);
}
END_TEST

/* Code that takes a short result for "no more now" waits for the next edge. */
START_TEST(what_the_chunk_size_holds_back_is_an_edge_of_its_own)
{
    begin_again(TORC_SIM_OPTIONS(.chunkSize = 2));
    Noted reader = {0};
    Noted writer = {0};
    int fds[2];
    connect_pair(fds);
    watch(&reader, fds[1], EDGES);
    watch(&writer, fds[0], ALL_EDGES);
    look_around();
    ck_assert_int_eq(send_text(fds[0], "abc"), 2);
    ck_assert_ready(&writer, TORC_WRITABLE);
    ck_assert_int_eq(send_text(fds[0], "c"), 1);
    ck_assert_quiet(&writer);
    ck_assert_receives(fds[1], "ab");
    ck_assert_ready(&reader, TORC_READABLE);
    ck_assert_receives(fds[1], "c");
    ck_assert_quiet(&reader);
}
END_TEST

START_TEST(an_invented_EAGAIN_is_followed_by_an_edge)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "a");
    ck_assert_ready(&noted, TORC_READABLE);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EAGAIN, 1);
    ck_assert_int_eq(recv_result(fds[1]), -EAGAIN);
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_receives(fds[1], "a");
}
END_TEST

/* ---- levels -------------------------------------------------------------------------------- */

START_TEST(a_level_is_reported_for_as_long_as_it_lasts)
{
    by_level();
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], TORC_READABLE);
    ck_assert_quiet(&noted);
    send_text(fds[0], "a");
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_ready(&noted, TORC_READABLE);
    ck_assert_receives(fds[1], "a");
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(room_is_a_level)
{
    by_level();
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[0], LEVELS);
    ck_assert_ready(&noted, TORC_WRITABLE);
    ck_assert_ready(&noted, TORC_WRITABLE);
    fill(fds[0]);
    ck_assert_quiet(&noted);
}
END_TEST

START_TEST(ends_and_resets_have_no_closed_bit_by_level)
{
    by_level();
    Noted ended = {0};
    Noted reset = {0};
    int fds[2];
    int others[2];
    connect_pair(fds);
    connect_pair(others);
    watch(&ended, fds[1], TORC_READABLE | TORC_CLOSED);
    watch(&reset, others[1], LEVELS);
    ops->shutdown(sys, fds[0], SHUT_WR);
    close_hard(others[0]);
    look_around();
    ck_assert_int_eq(ended.ready, TORC_READABLE);
    ck_assert_int_eq(reset.ready, LEVELS);
}
END_TEST

START_TEST(edges_are_refused_by_a_system_that_has_none)
{
    by_level();
    ck_assert(!sys->edge);
    Noted noted = {0};
    int fd = listen_on("127.0.0.1", 0, 1);
    ck_assert_int_eq(ops->watch(sys, &noted.watch, fd, EDGES, note, &noted), -EINVAL);
    watch(&noted, fd, TORC_READABLE);
    ck_assert_int_eq(ops->rewatch(sys, &noted.watch, EDGES), -EINVAL);
}
END_TEST

START_TEST(a_watch_without_edge_is_by_level_on_any_system)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[0], TORC_WRITABLE);
    ck_assert_ready(&noted, TORC_WRITABLE);
    ck_assert_ready(&noted, TORC_WRITABLE);
}
END_TEST

/* ---- watches that others stop -------------------------------------------------------------- */

static void stop_other(Noted *noted)
{
    ops->unwatch(sys, &noted->other->watch);
}

static void change_other(Noted *noted)
{
    ops->rewatch(sys, &noted->other->watch, EDGES);
}

static void close_other_and_open_anew(Noted *noted)
{
    (void)noted;
    ops->unwatch(sys, &noted->other->watch);
    ck_assert_int_eq(ops->close(sys, 1000004), 0);
    int fd = listen_on("127.0.0.1", 1, 1);
    ck_assert_int_eq(fd, 1000004);
    watch(noted->other, fd, EDGES);
}

/* Two connections with something to read; returns with both watched. */
static void two_ready(Noted *first, Noted *second, void (*then)(Noted *noted))
{
    int fds[2];
    int others[2];
    connect_pair(fds);
    connect_pair(others);
    send_text(fds[0], "a");
    send_text(others[0], "b");
    *first = (Noted){.then = then, .other = second};
    *second = (Noted){0};
    watch(second, others[1], EDGES); /* the higher descriptor first: order must not follow */
    watch(first, fds[1], EDGES);
}

START_TEST(watches_are_called_in_the_order_of_descriptors)
{
    Noted first;
    Noted second;
    two_ready(&first, &second, NULL);
    look_around();
    ck_assert_int_eq(second.order, first.order + 1);
}
END_TEST

START_TEST(the_seed_decides_the_order_if_it_is_to_be_random_and_each_is_called_once)
{
    int forwards = 0;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        Noted first;
        Noted second;
        begin_again(TORC_SIM_OPTIONS(.seed = seed));
        TorcSim_setWakeOrder(sim, TORC_SIM_ORDER_RANDOM);
        two_ready(&first, &second, NULL);
        look_around();
        ck_assert_int_eq(first.calls, 1);
        ck_assert_int_eq(second.calls, 1);
        forwards += first.order < second.order;
    }
    ck_assert_int_ge(forwards, 8);
    ck_assert_int_le(forwards, 32);
}
END_TEST

START_TEST(a_watch_stopped_by_a_call_before_it_is_not_called)
{
    Noted first;
    Noted second;
    two_ready(&first, &second, stop_other);
    look_around();
    look_around();
    ck_assert_int_eq(first.calls, 1);
    ck_assert_int_eq(second.calls, 0);
}
END_TEST

START_TEST(a_watch_changed_by_a_call_before_it_is_called_in_the_next_wait)
{
    Noted first;
    Noted second;
    two_ready(&first, &second, change_other);
    look_around();
    ck_assert_int_eq(second.calls, 0);
    look_around();
    ck_assert_int_eq(second.calls, 1);
}
END_TEST

START_TEST(readiness_of_a_closed_descriptor_does_not_pass_to_the_next_of_that_number) /* BUG-16 */
{
    Noted first = {.then = close_other_and_open_anew};
    Noted second = {0};
    int fds[2];
    connect_pair(fds); /* …3 is the listener and closed again; …4 connects, …5 was accepted */
    ck_assert_int_eq(fds[0], 1000004);
    int listener = listen_on("127.0.0.1", 8881, 1);
    ck_assert_int_eq(listener, 1000003);
    TorcSim_connect(sim, 8881);
    send_text(fds[1], "x");
    first.other = &second;
    watch(&first, listener, EDGES);
    watch(&second, fds[0], EDGES);
    look_around();
    ck_assert_int_eq(first.calls, 1);
    ck_assert_int_eq(second.calls, 0);
}
END_TEST

static void stop_self(Noted *noted)
{
    ops->unwatch(sys, &noted->watch);
    ops->unwatch(sys, &noted->watch);
}

START_TEST(a_watch_may_stop_itself_twice)
{
    Noted noted = {.then = stop_self};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "a");
    ck_assert_ready(&noted, TORC_READABLE);
    send_text(fds[0], "b");
    ck_assert_quiet(&noted);
    ck_assert_int_eq(ops->rewatch(sys, &noted.watch, EDGES), -ENOENT);
}
END_TEST

START_TEST(what_was_pending_for_a_stopped_watch_is_forgotten)
{
    Noted noted = {0};
    int fds[2];
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "a");
    ops->unwatch(sys, &noted.watch);
    ck_assert_int_eq(ops->close(sys, fds[1]), 0);
    ck_assert_quiet(&noted);
    ck_assert(!torc__simView_pending(sim->view));
}
END_TEST

START_TEST(a_zeroed_watch_can_be_stopped)
{
    TorcWatch zeroed = {{0}};
    ops->unwatch(sys, &zeroed);
}
END_TEST

START_TEST(what_cannot_be_watched_is_refused)
{
    Noted noted = {0};
    int fd = listen_on("127.0.0.1", 0, 1);
    watch(&noted, fd, EDGES);
    TorcWatch second = {{0}};
    ck_assert_int_eq(ops->watch(sys, &second, fd, EDGES, note, NULL), -EEXIST);
    ck_assert_int_eq(ops->watch(sys, &second, 99, EDGES, note, NULL), -EBADF);
    ck_assert_int_eq(ops->watch(sys, &second, ops->openSpare(sys), EDGES, note, NULL), -EPERM);
}
END_TEST

/* ---- time ---------------------------------------------------------------------------------- */

START_TEST(time_jumps_to_the_deadline_when_nothing_happens)
{
    ck_assert_int_eq(ops->now(sys), 0);
    ck_assert_int_eq(ops->wait(sys, 3 * TORC__SECOND), 0);
    ck_assert_int_eq(ops->now(sys), 3 * TORC__SECOND);
}
END_TEST

START_TEST(time_stands_still_when_the_deadline_is_past_or_something_is_ready)
{
    Noted noted = {0};
    int fds[2];
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND - 1), 0);
    ck_assert_int_eq(ops->wait(sys, INT64_MIN), 0);
    connect_pair(fds);
    watch(&noted, fds[1], EDGES);
    send_text(fds[0], "a");
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), 0);
    ck_assert_int_eq(noted.calls, 1);
    ck_assert_int_eq(ops->now(sys), TORC__SECOND);
}
END_TEST

START_TEST(waiting_for_nothing_for_ever_is_a_deadlock)
{
    ck_assert_int_eq(ops->wait(sys, INT64_MAX), -EDEADLK);
    ck_assert_int_eq(ops->now(sys), 0);
}
END_TEST

START_TEST(a_wake_ends_one_wait_without_time_passing)
{
    ops->wake(sys);
    ops->wake(sys);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(ops->now(sys), 0);
    ck_assert_int_eq(ops->wait(sys, TORC__SECOND), 0);
    ck_assert_int_eq(ops->now(sys), TORC__SECOND);
}
END_TEST

START_TEST(a_wait_can_be_made_to_fail)
{
    TorcSim_failCall(sim, TORC_SIM_WAIT, 2, ENOMEM, 1);
    ck_assert_int_eq(ops->wait(sys, 1), 0);
    ck_assert_int_eq(ops->wait(sys, 2), -ENOMEM);
    ck_assert_int_eq(ops->now(sys), 1);
    ck_assert_int_eq(ops->wait(sys, 2), 0);
}
END_TEST

START_TEST(the_wall_clock_goes_with_the_monotonic_one)
{
    int64_t before = ops->wallTime(sys);
    ck_assert_int_eq(before, INT64_C(1704067200) * TORC__SECOND);
    ck_assert_int_eq(ops->wait(sys, 60 * TORC__SECOND), 0);
    ck_assert_int_eq(ops->wallTime(sys) - before, 60 * TORC__SECOND);
}
END_TEST

START_TEST(random_bytes_depend_on_the_seed_alone)
{
    unsigned char first[21];
    unsigned char second[21];
    unsigned char third[21];
    begin_again(TORC_SIM_OPTIONS(.seed = 7));
    ops->random(sys, first, sizeof(first));
    begin_again(TORC_SIM_OPTIONS(.seed = 7));
    ops->random(sys, second, sizeof(second));
    begin_again(TORC_SIM_OPTIONS(.seed = 8));
    ops->random(sys, third, sizeof(third));
    ck_assert_mem_eq(first, second, sizeof(first));
    ck_assert_mem_ne(first, third, sizeof(first));
}
END_TEST

START_TEST(the_system_says_what_it_is)
{
    ck_assert_str_eq(sys->backend, "simulation");
    ck_assert(sys->edge);
    ck_assert_ptr_null(ops->eventBase(sys));
}
END_TEST

RUN_SUITE("sim_watch", arrival_is_reported_once, the_edge_bit_is_passed_on_as_libevent_does,
          what_was_read_before_the_wait_is_not_reported,
          starting_and_changing_a_watch_report_what_is_ready_already,
          room_after_a_full_buffer_is_an_edge, room_is_an_edge_also_when_the_last_send_just_fitted,
          the_peers_end_is_readable_and_closed, a_reset_is_readable_and_writable_but_not_closed,
          a_new_connection_is_an_edge_of_its_listener, a_finished_attempt_to_connect_is_writable,
          a_refused_attempt_to_connect_is_readable_and_writable,
          only_what_is_of_interest_is_reported,
          what_the_chunk_size_holds_back_is_an_edge_of_its_own,
          an_invented_EAGAIN_is_followed_by_an_edge, a_level_is_reported_for_as_long_as_it_lasts,
          room_is_a_level, ends_and_resets_have_no_closed_bit_by_level,
          edges_are_refused_by_a_system_that_has_none,
          a_watch_without_edge_is_by_level_on_any_system,
          watches_are_called_in_the_order_of_descriptors,
          the_seed_decides_the_order_if_it_is_to_be_random_and_each_is_called_once,
          a_watch_stopped_by_a_call_before_it_is_not_called,
          a_watch_changed_by_a_call_before_it_is_called_in_the_next_wait,
          readiness_of_a_closed_descriptor_does_not_pass_to_the_next_of_that_number,
          a_watch_may_stop_itself_twice, what_was_pending_for_a_stopped_watch_is_forgotten,
          a_zeroed_watch_can_be_stopped, what_cannot_be_watched_is_refused,
          time_jumps_to_the_deadline_when_nothing_happens,
          time_stands_still_when_the_deadline_is_past_or_something_is_ready,
          waiting_for_nothing_for_ever_is_a_deadlock, a_wake_ends_one_wait_without_time_passing,
          a_wait_can_be_made_to_fail, the_wall_clock_goes_with_the_monotonic_one,
          random_bytes_depend_on_the_seed_alone, the_system_says_what_it_is)
