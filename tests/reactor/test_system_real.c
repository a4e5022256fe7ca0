/* The real system's loop: watches on every backend, clocks, and how it comes about and goes. */
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>

#include <torc/reactor/log.h>

#include "reactor/memory_internal.h"
#include "tests/support/real_system.h"

typedef struct Seen {
    int calls;
    int fd;
    short ready;
    TorcWatch *stop;   /* stopped by the call */
    TorcWatch *change; /* its interest changed to `interest` by the call */
    unsigned interest;
} Seen;

static void note(int fd, short ready, void *arg)
{
    Seen *seen = arg;
    seen->calls++;
    seen->fd = fd;
    seen->ready = ready;
    if (seen->stop)
        sys->ops->unwatch(sys, seen->stop);
    if (seen->change)
        ck_assert_int_eq(sys->ops->rewatch(sys, seen->change, seen->interest), 0);
}

static void watch(TorcWatch *watch, int fd, unsigned interest, Seen *seen)
{
    ck_assert_int_eq(sys->ops->watch(sys, watch, fd, interest, note, seen), 0);
}

static void unwatch(TorcWatch *watch)
{
    sys->ops->unwatch(sys, watch);
}

static void look(void)
{
    ck_assert_int_eq(wait_until(0), 0);
}

/* ---- watches ------------------------------------------------------------------------------- */

START_TEST(watch_reports_what_is_ready_and_only_that)
{
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    TorcWatch reader = {0};
    Seen seen = {0};
    watch(&reader, ends[0], TORC_READABLE, &seen);
    look();
    ck_assert_int_eq(seen.calls, 0);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_int_eq(seen.fd, ends[0]);
    ck_assert_int_eq(seen.ready, TORC_READABLE);
    unwatch(&reader);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(watch_without_edge_reports_as_long_as_the_state_lasts)
{
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    TorcWatch writer = {0};
    Seen seen = {0};
    watch(&writer, ends[0], TORC_WRITABLE, &seen);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(wait_until(INT64_MAX), 0);
        ck_assert_int_eq(seen.calls, i);
        ck_assert_int_eq(seen.ready, TORC_WRITABLE);
    }
    unwatch(&writer);
    look();
    ck_assert_int_eq(seen.calls, 3);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(unwatch_of_a_zeroed_or_stopped_watch_does_nothing) /* LOOP-12 */
{
    open_variant(_i);
    TorcWatch zeroed = {0};
    unwatch(&zeroed);
    int ends[2];
    make_pair(ends);
    Seen seen = {0};
    watch(&zeroed, ends[0], TORC_WRITABLE, &seen);
    unwatch(&zeroed);
    unwatch(&zeroed);
    look();
    ck_assert_int_eq(seen.calls, 0);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(unwatch_forgets_readiness_that_was_not_delivered_yet) /* LOOP-8, BUG-16 */
{
    open_variant(_i);
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    TorcWatch first = {0}, second = {0};
    Seen of_first = {.stop = &second}, of_second = {.stop = &first};
    watch(&first, a[0], TORC_WRITABLE, &of_first);
    watch(&second, b[0], TORC_WRITABLE, &of_second);
    look();
    look();
    /* Whichever comes first silences the other for good. */
    ck_assert_int_eq(of_first.calls > 0, of_second.calls == 0);
    ck_assert_int_eq(of_first.calls + of_second.calls, 2);
    unwatch(&first);
    unwatch(&second);
    close_pair(a);
    close_pair(b);
    close_system();
}
END_TEST

START_TEST(a_watch_may_stop_itself_in_its_call)
{
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    TorcWatch self = {0};
    Seen seen = {.stop = &self};
    watch(&self, ends[0], TORC_WRITABLE, &seen);
    look();
    look();
    ck_assert_int_eq(seen.calls, 1);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(rewatch_changes_the_interest)
{
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    TorcWatch both = {0};
    Seen seen = {.change = &both, .interest = TORC_READABLE};
    watch(&both, ends[0], TORC_READABLE | TORC_WRITABLE, &seen);
    look();
    ck_assert_int_eq(seen.ready, TORC_READABLE | TORC_WRITABLE);
    look();
    ck_assert_int_eq(seen.calls, 2);
    ck_assert_int_eq(seen.ready, TORC_READABLE);
    unwatch(&both);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(rewatch_forgets_readiness_that_was_not_delivered_yet)
{
    open_variant(_i);
    int a[2], b[2];
    make_pair(a);
    make_pair(b);
    TorcWatch first = {0}, second = {0};
    /* Each takes the other's interest in writing away, and nothing can be read. */
    Seen of_first = {.change = &second, .interest = TORC_READABLE};
    Seen of_second = {.change = &first, .interest = TORC_READABLE};
    watch(&first, a[0], TORC_WRITABLE, &of_first);
    watch(&second, b[0], TORC_WRITABLE, &of_second);
    look();
    ck_assert_int_eq(of_first.calls + of_second.calls, 1);
    unwatch(&first);
    unwatch(&second);
    close_pair(a);
    close_pair(b);
    close_system();
}
END_TEST

START_TEST(an_error_shows_as_readable_and_writable) /* LOOP-6 */
{
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    /* Closing a UNIX socket with unread input resets the peer, whose buffer is full meanwhile. */
    char block[65536] = {0};
    while (send(ends[0], block, sizeof block, 0) > 0)
        ;
    close(ends[1]);
    TorcWatch both = {0};
    Seen seen = {0};
    watch(&both, ends[0], TORC_READABLE | TORC_WRITABLE, &seen);
    look();
    ck_assert_int_eq(seen.ready, TORC_READABLE | TORC_WRITABLE);
    unwatch(&both);
    close(ends[0]);
    close_system();
}
END_TEST

START_TEST(edges_are_offered_by_epoll_only)
{
    open_variant(_i);
    ck_assert_int_eq(sys->edge, strcmp(sys->backend, "epoll") == 0);
    close_system();
}
END_TEST

START_TEST(edge_is_reported_once_and_again_for_new_input)
{
    open_variant(EPOLL);
    ck_assert(sys->edge);
    int ends[2];
    make_pair(ends);
    TorcWatch reader = {0};
    Seen seen = {0};
    watch(&reader, ends[0], TORC_READABLE | TORC_CLOSED | TORC_EDGE, &seen);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    look();
    look();
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_int_eq(seen.ready & (TORC_READABLE | TORC_CLOSED), TORC_READABLE);
    ck_assert_int_eq(write(ends[1], "y", 1), 1);
    look();
    ck_assert_int_eq(seen.calls, 2);
    unwatch(&reader);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(rewatch_reports_an_edge_anew)
{
    open_variant(EPOLL);
    int ends[2];
    make_pair(ends);
    TorcWatch reader = {0};
    Seen seen = {0};
    watch(&reader, ends[0], TORC_READABLE | TORC_EDGE, &seen);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    look();
    ck_assert_int_eq(sys->ops->rewatch(sys, &reader, TORC_READABLE | TORC_EDGE), 0);
    look();
    ck_assert_int_eq(seen.calls, 2);
    unwatch(&reader);
    close_pair(ends);
    close_system();
}
END_TEST

START_TEST(fin_is_reported_as_closed)
{
    open_variant(EPOLL);
    int ends[2];
    make_pair(ends);
    TorcWatch reader = {0};
    Seen seen = {0};
    watch(&reader, ends[0], TORC_READABLE | TORC_CLOSED | TORC_EDGE, &seen);
    ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
    look();
    look();
    ck_assert_int_eq(seen.calls, 1);
    ck_assert_int_eq(seen.ready & (TORC_READABLE | TORC_CLOSED), TORC_READABLE | TORC_CLOSED);
    unwatch(&reader);
    close_pair(ends);
    close_system();
}
END_TEST

static void count_events(const TorcLogEvent *event, void *arg)
{
    (void)event;
    ++*(int *)arg;
}

START_TEST(a_watch_that_the_kernel_refuses_is_a_code_and_nothing_is_logged)
{
    open_variant(EPOLL);
    int warnings = 0;
    torc_setLogObserver(count_events, &warnings, TORC_LOG_DEBUG);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    TorcWatch reader = {0};
    Seen seen = {0};
    ck_assert_int_eq(sys->ops->watch(sys, &reader, file, TORC_READABLE, note, &seen), -EPERM);
    ck_assert_int_eq(warnings, 0);
    unwatch(&reader);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    close(file);
    close_system();
}
END_TEST

static void note_message(const TorcLogEvent *event, void *arg)
{
    ck_assert_str_eq(event->name, "libevent.message");
    ck_assert_int_eq(event->level, TORC_LOG_WARNING);
    ck_assert_ptr_null(event->reactor);
    ck_assert_uint_eq(event->field_count, 1);
    ck_assert_ptr_nonnull(strstr(event->fields[0].text, "poll"));
    ++*(int *)arg;
    errno = EILSEQ; /* an observer may do that; libevent's errno must survive it */
}

START_TEST(what_libevent_says_to_others_is_logged)
{
    open_variant(EPOLL);
    int messages = 0;
    torc_setLogObserver(note_message, &messages, TORC_LOG_DEBUG);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    struct event *event = event_new(sys->ops->eventBase(sys), file, EV_READ, NULL, NULL);
    ck_assert_int_lt(event_add(event, NULL), 0);
    ck_assert_int_eq(errno, EPERM);
    ck_assert_int_eq(messages, 1);
    event_free(event);
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    close(file);
    close_system();
}
END_TEST

START_TEST(select_refuses_descriptors_beyond_its_sets) /* BUG-44 */
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    open_variant(_i);
    int ends[2];
    make_pair(ends);
    int high = fcntl(ends[0], F_DUPFD_CLOEXEC, FD_SETSIZE);
    ck_assert_int_ge(high, FD_SETSIZE);
    TorcWatch writer = {0};
    Seen seen = {0};
    int r = sys->ops->watch(sys, &writer, high, TORC_WRITABLE, note, &seen);
    if (strcmp(sys->backend, "select") == 0) {
        ck_assert_int_eq(r, -EMFILE);
    } else {
        ck_assert_int_eq(r, 0);
        look();
        ck_assert_int_eq(seen.calls, 1);
    }
    unwatch(&writer);
    close(high);
    close_pair(ends);
    close_system();
}
END_TEST

/* ---- clock, randomness, base --------------------------------------------------------------- */

START_TEST(clocks_run)
{
    open_system();
    int64_t before = now();
    sleep_for(2 * MILLISECOND);
    ck_assert_int_ge(now(), before + 2 * MILLISECOND);
    ck_assert_int_le(sys->ops->wallTime(sys) / 1000000000 - time(NULL), 1);
    close_system();
}
END_TEST

START_TEST(random_fills_the_whole_buffer_and_nothing_beyond)
{
    open_system();
    unsigned char a[1001] = {0}, b[1001] = {0};
    sys->ops->random(sys, a, 1000);
    sys->ops->random(sys, b, 1000);
    ck_assert_int_ne(memcmp(a, b, 1000), 0);
    for (size_t i = 0; i < 1000; i += 20) { /* 20 zeros in a row would be a miracle */
        static const unsigned char zeros[20];
        ck_assert_int_ne(memcmp(a + i, zeros, 20), 0);
    }
    ck_assert_uint_eq(a[1000], 0);
    close_system();
}
END_TEST

static void set_flag(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    *(bool *)arg = true;
}

START_TEST(events_of_others_on_the_base_are_served)
{
    open_variant(_i);
    bool called = false;
    const struct timeval soon = {0, 5000};
    struct event_base *base = sys->ops->eventBase(sys);
    ck_assert_int_eq(event_base_once(base, -1, EV_TIMEOUT, set_flag, &called, &soon), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert(called);
    close_system();
}
END_TEST

/* ---- coming and going ---------------------------------------------------------------------- */

START_TEST(unknown_backends_are_refused)
{
    const char *const names[] = {"", "kqueue", "EPOLL", "epoll "};
    int before = count_descriptors();
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        ck_assert_int_eq(torc__system_new_real(names[i], 1, &sys), -EINVAL);
    ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(the_environment_does_not_choose_the_backend)
{
    torc__real_calls.backend = NULL;
    setenv("EVENT_NOEPOLL", "1", 1);
    open_system();
    ck_assert_str_eq(sys->backend, "epoll");
    close_system();
}
END_TEST

/* libevent by itself would end the process here. */
START_TEST(too_few_descriptors_are_an_error) /* BUG-51 */
{
    open_variant(_i); /* whatever is opened once */
    close_system();
    int before = count_descriptors();
    int lowest = dup(0);
    close(lowest);
    struct rlimit old, few;
    getrlimit(RLIMIT_NOFILE, &old);
    int r = -1;
    for (int room = 0; r < 0 && room < 16; room++) {
        few = old;
        few.rlim_cur = (rlim_t)(lowest + room);
        setrlimit(RLIMIT_NOFILE, &few);
        r = torc__real_new(variant_backends[_i % 3], 1, _i >= 3, &sys);
        setrlimit(RLIMIT_NOFILE, &old);
        ck_assert(r == 0 || r == -EMFILE);
        if (r < 0)
            ck_assert_int_eq(count_descriptors(), before);
        else
            ck_assert_int_ge(room, 4);
    }
    ck_assert_int_eq(r, 0);
    close_system();
}
END_TEST

static int allocations_left;
static int blocks;

static void *allocate_a_few(size_t size)
{
    if (allocations_left-- <= 0)
        return NULL;
    blocks++;
    return malloc(size);
}

static void *reallocate_a_few(void *old, size_t size)
{
    if (allocations_left-- <= 0)
        return NULL;
    blocks += old == NULL;
    return realloc(old, size);
}

static void release(void *memory)
{
    blocks -= memory != NULL;
    free(memory);
}

START_TEST(running_out_of_memory_is_an_error_at_every_step)
{
    const TorcMemory memory = {allocate_a_few, reallocate_a_few, release};
    int before = count_descriptors();
    int r = -1;
    torc__setMemory(&memory);
    int enough = 0;
    for (; r < 0 && enough < 100; enough++) {
        allocations_left = enough;
        r = torc__real_new(variant_backends[_i % 3], 1, _i >= 3, &sys);
        ck_assert(r == 0 || r == -ENOMEM);
        if (r < 0) {
            ck_assert_int_eq(blocks, 0);
            ck_assert_int_eq(count_descriptors(), before);
        }
    }
    ck_assert_int_eq(r, 0);
    ck_assert_str_eq(sys->backend, variant_backends[_i % 3]);
    ck_assert_int_gt(enough, 5);
    sys->ops->free(sys);
    ck_assert_int_eq(blocks, 0); /* libevent's memory is counted too */
    torc__setMemory(NULL);
}
END_TEST

/* Runs in a process of its own; the exit code names the first thing that went wrong. */
static int start_without_standard_streams(int variant)
{
    for (int fd = 0; fd <= 2; fd++)
        close(fd);
    if (torc__real_new(variant_backends[variant % 3], 1, variant >= 3, &sys) < 0)
        return 1;
    if (sys->ops->socket(sys, AF_INET, SOCK_STREAM) <= 2)
        return 2;
    if (sys->ops->openSpare(sys) <= 2)
        return 3;
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 4 + fd;
    return 0;
}

START_TEST(no_descriptor_takes_the_place_of_a_closed_standard_stream)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(start_without_standard_streams(_i));
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static void *make_and_free(void *arg)
{
    for (int i = 0; i < 20; i++) {
        TorcSystem *own;
        if (torc__system_new_real(NULL, 2, &own) < 0)
            return NULL;
        own->ops->wake(own);
        own->ops->wait(own, INT64_MAX);
        own->ops->free(own);
    }
    return arg;
}

START_TEST(systems_come_and_go_on_several_threads_at_a_time)
{
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_and_free, &descriptors_before), 0);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        ck_assert_ptr_nonnull(result);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("real system");

    TCase *watches = tcase_create("watches");
    tcase_add_loop_test(watches, watch_reports_what_is_ready_and_only_that, 0, VARIANTS);
    tcase_add_loop_test(watches, watch_without_edge_reports_as_long_as_the_state_lasts, 0,
                        VARIANTS);
    tcase_add_loop_test(watches, unwatch_of_a_zeroed_or_stopped_watch_does_nothing, 0, VARIANTS);
    tcase_add_loop_test(watches, unwatch_forgets_readiness_that_was_not_delivered_yet, 0, VARIANTS);
    tcase_add_loop_test(watches, a_watch_may_stop_itself_in_its_call, 0, VARIANTS);
    tcase_add_loop_test(watches, rewatch_changes_the_interest, 0, VARIANTS);
    tcase_add_loop_test(watches, rewatch_forgets_readiness_that_was_not_delivered_yet, 0, VARIANTS);
    tcase_add_loop_test(watches, an_error_shows_as_readable_and_writable, 0, VARIANTS);
    tcase_add_loop_test(watches, edges_are_offered_by_epoll_only, 0, VARIANTS);
    tcase_add_test(watches, edge_is_reported_once_and_again_for_new_input);
    tcase_add_test(watches, rewatch_reports_an_edge_anew);
    tcase_add_test(watches, fin_is_reported_as_closed);
    tcase_add_test(watches, a_watch_that_the_kernel_refuses_is_a_code_and_nothing_is_logged);
    tcase_add_test(watches, what_libevent_says_to_others_is_logged);
    tcase_add_loop_test(watches, select_refuses_descriptors_beyond_its_sets, 0, 3);
    suite_add_tcase(s, watches);

    TCase *life = tcase_create("life");
    tcase_add_test(life, clocks_run);
    tcase_add_test(life, random_fills_the_whole_buffer_and_nothing_beyond);
    tcase_add_loop_test(life, events_of_others_on_the_base_are_served, 0, VARIANTS);
    tcase_add_test(life, unknown_backends_are_refused);
    tcase_add_test(life, the_environment_does_not_choose_the_backend);
    tcase_add_loop_test(life, too_few_descriptors_are_an_error, 0, VARIANTS);
    tcase_add_loop_test(life, running_out_of_memory_is_an_error_at_every_step, 0, VARIANTS);
    tcase_add_loop_test(life, no_descriptor_takes_the_place_of_a_closed_standard_stream, 0,
                        VARIANTS);
    tcase_add_test(life, systems_come_and_go_on_several_threads_at_a_time);
    suite_add_tcase(s, life);
    return s;
}

RUN_SUITE(suite)
