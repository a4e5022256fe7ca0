/* Look-ups of the real system: what getaddrinfo answers arrives whole, once and on the right
 * thread, or not at all. A resolver of our own stands in where the answer or the time matters. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <torc/reactor/errors.h>

#include "reactor/memory_internal.h"
#include "tests/support/real_system.h"

enum { MOST_ADDRESSES = 256 };

typedef struct Answer {
    int calls;
    int code;
    char problem[128];
    size_t count;
    TorcAddress addresses[MOST_ADDRESSES];
    pthread_t thread;
    TorcLookup *cancel; /* in the call */
} Answer;

static void note(void *arg, const TorcLookupResult *result)
{
    Answer *answer = arg;
    answer->calls++;
    answer->code = result->code;
    answer->count = result->count;
    answer->thread = pthread_self();
    if (result->problem)
        strncpy(answer->problem, result->problem, sizeof answer->problem - 1);
    ck_assert_uint_le(result->count, MOST_ADDRESSES);
    for (size_t i = 0; i < result->count; i++)
        answer->addresses[i] = result->addresses[i];
    if (answer->cancel)
        sys->ops->cancelLookup(sys, answer->cancel);
}

static TorcLookup *look_up(const char *host, Answer *answer)
{
    TorcLookup *lookup = NULL;
    ck_assert_int_eq(sys->ops->lookup(sys, host, 79, note, answer, &lookup), 0);
    ck_assert_ptr_nonnull(lookup);
    ck_assert_int_eq(answer->calls, 0);
    return lookup;
}

static void await_answer(const Answer *answer)
{
    while (answer->calls == 0)
        ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(answer->calls, 1);
    ck_assert(pthread_equal(answer->thread, pthread_self()));
}

/* ---- a resolver that does as it is told ---------------------------------------------------- */

static sem_t entered, gate;
static atomic_int resolving, most_resolving;
static char name_seen[16];
static int sigterm_blocked;

static void begin(void)
{
    sem_init(&entered, 0, 0);
    sem_init(&gate, 0, 0);
    resolving = most_resolving = 0;
    torc__real_calls.getaddrinfo = getaddrinfo;
    torc__real_calls.createThread = pthread_create;
    open_system();
}

static void end(void)
{
    close_system();
}

static int answer_after_gate(const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **ret_list)
{
    int count = ++resolving;
    int most = most_resolving;
    while (most < count && !atomic_compare_exchange_weak(&most_resolving, &most, count))
        ;
    sem_post(&entered);
    while (sem_wait(&gate) < 0)
        ;
    resolving--;
    (void)node;
    return getaddrinfo("127.0.0.1", service, hints, ret_list);
}

static int answer_with_error(const char *node, const char *service, const struct addrinfo *hints,
                             struct addrinfo **ret_list)
{
    (void)service;
    (void)hints;
    (void)ret_list;
    errno = EMFILE;
    return atoi(node);
}

static int look_around(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **ret_list)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    sigterm_blocked = sigismember(&mask, SIGTERM);
    pthread_getname_np(pthread_self(), name_seen, sizeof name_seen);
    ck_assert_int_eq(hints->ai_family, AF_UNSPEC);
    ck_assert_int_eq(hints->ai_socktype, SOCK_STREAM);
    ck_assert_int_eq(hints->ai_flags & AI_ADDRCONFIG, 0);
    return getaddrinfo(node, service, hints, ret_list);
}

/* As many addresses as the name says, each of them twice. */
static int answer_with_many(const char *node, const char *service, const struct addrinfo *hints,
                            struct addrinfo **ret_list)
{
    struct addrinfo *list = NULL;
    for (int i = 2 * atoi(node) - 1; i >= 0; i--) {
        struct addrinfo *one;
        int r = getaddrinfo("127.0.0.1", service, hints, &one);
        if (r != 0)
            return r;
        struct sockaddr_in *in = (void *)one->ai_addr;
        in->sin_addr.s_addr = htonl(0x0a000000u + (uint32_t)i / 2);
        one->ai_next = list;
        list = one;
    }
    *ret_list = list;
    return 0;
}

/* ---- real answers -------------------------------------------------------------------------- */

START_TEST(a_literal_comes_back_with_the_port)
{
    Answer four = {0}, six = {0};
    look_up("127.0.0.1", &four);
    await_answer(&four);
    ck_assert_int_eq(four.code, 0);
    ck_assert_uint_eq(four.count, 1);
    ck_assert_int_eq(four.addresses[0].family, TORC_ADDRESS_IPV4);
    ck_assert_uint_eq(four.addresses[0].port, 79);
    ck_assert_int_eq(memcmp(four.addresses[0].ip, "\x7f\0\0\1", 4), 0);

    look_up("::1", &six);
    await_answer(&six);
    ck_assert_uint_eq(six.count, 1);
    ck_assert_int_eq(six.addresses[0].family, TORC_ADDRESS_IPV6);
    ck_assert_uint_eq(six.addresses[0].port, 79);
    ck_assert_uint_eq(six.addresses[0].ip[15], 1);
}
END_TEST

START_TEST(localhost_has_addresses_and_none_twice)
{
    Answer answer = {0};
    look_up("localhost", &answer);
    await_answer(&answer);
    ck_assert_int_eq(answer.code, 0);
    ck_assert_uint_ge(answer.count, 1);
    for (size_t i = 0; i < answer.count; i++)
        for (size_t k = 0; k < i; k++)
            ck_assert(answer.addresses[i].family != answer.addresses[k].family ||
                      memcmp(answer.addresses[i].ip, answer.addresses[k].ip, 16) != 0);
}
END_TEST

START_TEST(repeated_addresses_are_given_once_and_in_order)
{
    torc__real_calls.getaddrinfo = answer_with_many;
    Answer answer = {0};
    look_up("100", &answer);
    await_answer(&answer);
    ck_assert_uint_eq(answer.count, 100);
    for (size_t i = 0; i < answer.count; i++)
        ck_assert_uint_eq(answer.addresses[i].ip[3], i);
}
END_TEST

START_TEST(a_flood_of_addresses_is_cut)
{
    torc__real_calls.getaddrinfo = answer_with_many;
    Answer answer = {0};
    look_up("1000", &answer);
    await_answer(&answer);
    ck_assert_int_eq(answer.code, 0);
    ck_assert_uint_eq(answer.count, MOST_ADDRESSES);
}
END_TEST

/* ---- errors -------------------------------------------------------------------------------- */

START_TEST(the_resolvers_errors_have_a_code_and_a_text)
{
    static const struct {
        int error;
        int code;
    } cases[] = {
        {EAI_NONAME, -TORC_ELOOKUP}, {EAI_AGAIN, -TORC_ELOOKUP},  {EAI_FAIL, -TORC_ELOOKUP},
        {EAI_MEMORY, -ENOMEM},       {EAI_SYSTEM, -TORC_ELOOKUP},
    };
    torc__real_calls.getaddrinfo = answer_with_error;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[16];
        Answer answer = {0};
        snprintf(name, sizeof name, "%d", cases[i].error);
        look_up(name, &answer);
        await_answer(&answer);
        ck_assert_int_eq(answer.code, cases[i].code);
        ck_assert_uint_eq(answer.count, 0);
        ck_assert_str_eq(answer.problem, cases[i].error == EAI_SYSTEM
                                             ? torc_strerror(EMFILE)
                                             : gai_strerror(cases[i].error));
    }
}
END_TEST

START_TEST(names_that_are_none_are_refused) /* BUG-21 */
{
    char name[300];
    memset(name, 'a', sizeof name);
    name[254] = 0;
    const char *const bad[] = {"",
                               " ",
                               "a b",
                               "127.0.0.1 x",
                               "a\n",
                               "\x7f",
                               "\x80",
                               "b\xc3\xbc"
                               "cher",
                               name};
    Answer answer = {0};
    TorcLookup *lookup = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_int_eq(sys->ops->lookup(sys, bad[i], 1, note, &answer, &lookup), -EINVAL);
    ck_assert_ptr_null(lookup);
    torc__real_calls.getaddrinfo = answer_with_error;
    name[253] = 0; /* the longest that there may be: gets through */
    lookup = look_up(name, &answer);
    sys->ops->cancelLookup(sys, lookup);
}
END_TEST

static int create_none(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                       void *arg)
{
    (void)thread;
    (void)attributes;
    (void)start;
    (void)arg;
    return EAGAIN;
}

START_TEST(without_any_thread_a_lookup_is_refused)
{
    torc__real_calls.createThread = create_none;
    TorcLookup *lookup = NULL;
    Answer answer = {0};
    ck_assert_int_eq(sys->ops->lookup(sys, "localhost", 1, note, &answer, &lookup), -EAGAIN);
    ck_assert_ptr_null(lookup);
    torc__real_calls.createThread = pthread_create;
    look_up("127.0.0.1", &answer);
    await_answer(&answer);
}
END_TEST

static int allocations_left;

static void *allocate_a_few(size_t size)
{
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

static void *reallocate_a_few(void *old, size_t size)
{
    return allocations_left-- > 0 ? realloc(old, size) : NULL;
}

START_TEST(running_out_of_memory_is_an_error_at_every_step)
{
    const TorcMemory memory = {allocate_a_few, reallocate_a_few, free};
    ck_assert_int_eq(wait_until(0), 0); /* select makes its sets in the first */
    torc__setMemory(&memory);
    int enough = 0;
    Answer answer;
    do {
        TorcLookup *lookup;
        memset(&answer, 0, sizeof answer);
        allocations_left = enough++;
        answer.code = sys->ops->lookup(sys, "127.0.0.1", 1, note, &answer, &lookup);
        if (answer.code == 0)
            await_answer(&answer);
        ck_assert(answer.code == 0 || answer.code == -ENOMEM);
    } while (answer.code < 0 && enough < 20);
    ck_assert_int_eq(answer.code, 0);
    ck_assert_int_gt(enough, 2);
    torc__setMemory(NULL);
}
END_TEST

/* ---- threads and time ---------------------------------------------------------------------- */

START_TEST(four_names_at_a_time_and_the_rest_in_turn)
{
    torc__real_calls.getaddrinfo = answer_after_gate;
    Answer answers[10] = {0};
    for (int i = 0; i < 10; i++)
        look_up("name", &answers[i]);
    await_posts(&entered, 4);
    post(&gate, 10);
    for (int i = 0; i < 10; i++)
        await_answer(&answers[i]);
    ck_assert_int_eq(most_resolving, 4);
}
END_TEST

static void wake_reactor(TorcJob *job)
{
    (void)job;
    sys->ops->wake(sys);
}

START_TEST(stuck_lookups_do_not_hold_up_jobs) /* THR-12, BUG-20 */
{
    torc__real_calls.getaddrinfo = answer_after_gate;
    Answer answers[8] = {0};
    for (int i = 0; i < 8; i++)
        look_up("name", &answers[i]);
    await_posts(&entered, 4);
    TorcJob job = {.run = wake_reactor};
    ck_assert_int_eq(sys->ops->submit(sys, &job), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    post(&gate, 8);
    for (int i = 0; i < 8; i++)
        await_answer(&answers[i]);
}
END_TEST

START_TEST(lookup_threads_have_a_name_and_leave_signals_to_others)
{
    torc__real_calls.getaddrinfo = look_around;
    Answer answer = {0};
    look_up("127.0.0.1", &answer);
    await_answer(&answer);
    ck_assert_str_eq(name_seen, "torc-lookup");
    ck_assert_int_eq(sigterm_blocked, 1);
}
END_TEST

START_TEST(a_lookup_that_is_cancelled_is_never_called)
{
    torc__real_calls.getaddrinfo = answer_after_gate;
    Answer kept = {0}, cancelled[6] = {0};
    TorcLookup *lookups[6];
    for (int i = 0; i < 6; i++)
        lookups[i] = look_up("name", &cancelled[i]);
    look_up("name", &kept);
    await_posts(&entered, 4);
    /* While it is being resolved, and while it waits: at the front and in the middle. */
    sys->ops->cancelLookup(sys, lookups[0]);
    sys->ops->cancelLookup(sys, lookups[4]);
    sys->ops->cancelLookup(sys, lookups[5]);
    post(&gate, 5);
    await_answer(&kept);
    for (int i = 1; i < 4; i++)
        await_answer(&cancelled[i]);
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(cancelled[0].calls + cancelled[4].calls + cancelled[5].calls, 0);
}
END_TEST

START_TEST(a_lookup_that_has_ended_can_be_cancelled_before_its_call)
{
    Answer answer = {0};
    TorcLookup *lookup = look_up("127.0.0.1", &answer);
    sleep_for(20 * MILLISECOND);
    sys->ops->cancelLookup(sys, lookup);
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(answer.calls, 0);
}
END_TEST

START_TEST(a_lookup_may_cancel_another_that_is_due_in_the_same_wait)
{
    Answer first = {0}, second = {0};
    TorcLookup *one = look_up("127.0.0.1", &first);
    TorcLookup *two = look_up("127.0.0.1", &second);
    first.cancel = two;
    second.cancel = one;
    sleep_for(20 * MILLISECOND);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(first.calls + second.calls, 1);
}
END_TEST

START_TEST(freeing_the_system_does_not_wait_for_a_stuck_lookup) /* BUG-20 */
{
    torc__real_calls.getaddrinfo = answer_after_gate;
    Answer answers[6] = {0};
    int before = descriptors_before;
    for (int i = 0; i < 6; i++)
        look_up("name", &answers[i]);
    await_posts(&entered, 4);
    sys->ops->free(sys);
    ck_assert_int_eq(count_descriptors(), before);
    /* The threads come back to a system that is gone, while another one lives. */
    open_system();
    post(&gate, 4);
    while (resolving > 0)
        sleep_for(MILLISECOND);
    sleep_for(10 * MILLISECOND);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(answers[i].calls, 0);
}
END_TEST

START_TEST(freeing_the_system_forgets_lookups_in_every_state)
{
    Answer answer = {0};
    for (int i = 0; i < 40; i++)
        look_up("127.0.0.1", &answer);
    if (_i % 2)
        sleep_for(_i * MILLISECOND / 10);
    sys->ops->free(sys);
    open_system();
    ck_assert_int_eq(answer.calls, 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("look-ups");
    TCase *t = tcase_create("look-ups");
    tcase_set_timeout(t, 20);
    tcase_add_checked_fixture(t, begin, end);
    tcase_add_test(t, a_literal_comes_back_with_the_port);
    tcase_add_test(t, localhost_has_addresses_and_none_twice);
    tcase_add_test(t, repeated_addresses_are_given_once_and_in_order);
    tcase_add_test(t, a_flood_of_addresses_is_cut);
    tcase_add_test(t, the_resolvers_errors_have_a_code_and_a_text);
    tcase_add_test(t, names_that_are_none_are_refused);
    tcase_add_test(t, without_any_thread_a_lookup_is_refused);
    tcase_add_test(t, running_out_of_memory_is_an_error_at_every_step);
    tcase_add_test(t, four_names_at_a_time_and_the_rest_in_turn);
    tcase_add_test(t, stuck_lookups_do_not_hold_up_jobs);
    tcase_add_test(t, lookup_threads_have_a_name_and_leave_signals_to_others);
    tcase_add_test(t, a_lookup_that_is_cancelled_is_never_called);
    tcase_add_test(t, a_lookup_that_has_ended_can_be_cancelled_before_its_call);
    tcase_add_test(t, a_lookup_may_cancel_another_that_is_due_in_the_same_wait);
    tcase_add_test(t, freeing_the_system_does_not_wait_for_a_stuck_lookup);
    tcase_add_loop_test(t, freeing_the_system_forgets_lookups_in_every_state, 0, 8);
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
