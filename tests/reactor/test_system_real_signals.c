/* Signals through the real system: who gets them, when, and that everything is as before
 * afterwards. */
#include <pthread.h>
#include <signal.h>

#include "tests/support/real_system.h"

typedef struct Caught {
    int count;
    int signos[8];
    pthread_t thread;
    bool give_back; /* in the call */
} Caught;

static void release_both(TorcSystem *owner, bool send_again)
{
    owner->ops->releaseSignal(owner, SIGINT, send_again);
    owner->ops->releaseSignal(owner, SIGTERM, send_again);
}

static void give_back(void)
{
    release_both(sys, true);
}

static void note(void *arg, int signo)
{
    Caught *caught = arg;
    caught->signos[caught->count++] = signo;
    caught->thread = pthread_self();
    if (caught->give_back)
        release_both(sys, false);
}

static int own_calls;

static void own_handler(int signo)
{
    (void)signo;
    own_calls++;
}

static void set_handler(int signo, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    ck_assert_int_eq(sigaction(signo, &action, NULL), 0);
}

static void (*handler_of(int signo))(int)
{
    struct sigaction present;
    ck_assert_int_eq(sigaction(signo, NULL, &present), 0);
    return present.sa_handler;
}

/* As a reactor does when it runs. */
static int catch_for(TorcSystem *owner, TorcSignalFunction *function, void *arg)
{
    int r = owner->ops->catchSignal(owner, SIGINT, true, function, arg);
    return r < 0 ? r : owner->ops->catchSignal(owner, SIGTERM, false, function, arg);
}

static void catch_into(Caught *caught)
{
    ck_assert_int_eq(catch_for(sys, note, caught), 0);
}

static void begin(void)
{
    own_calls = 0;
    set_handler(SIGINT, SIG_DFL);
    set_handler(SIGTERM, SIG_DFL);
}

START_TEST(a_signal_is_delivered_from_inside_wait) /* RUN-14 */
{
    const int signos[] = {SIGINT, SIGTERM};
    open_variant(_i);
    Caught caught = {0};
    catch_into(&caught);
    for (int i = 0; i < 2; i++) {
        raise(signos[i]);
        ck_assert_int_eq(caught.count, i);
        ck_assert_int_eq(wait_until(INT64_MAX), 0);
        ck_assert_int_eq(caught.count, i + 1);
        ck_assert_int_eq(caught.signos[i], signos[i]);
    }
    close_system();
}
END_TEST

START_TEST(two_different_signals_are_both_delivered)
{
    open_system();
    Caught caught = {0};
    catch_into(&caught);
    raise(SIGTERM);
    raise(SIGINT);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(caught.count, 2);
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(caught.count, 2);
    close_system();
}
END_TEST

static void *terminate_later(void *arg)
{
    (void)arg;
    sleep_for(20 * MILLISECOND);
    pthread_kill(pthread_self(), SIGTERM); /* so the handler runs on this thread */
    return NULL;
}

START_TEST(a_signal_on_any_thread_wakes_the_loop_and_is_delivered_on_its_thread) /* RUN-15 */
{
    open_variant(_i);
    Caught caught = {0};
    catch_into(&caught);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, terminate_later, NULL), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(caught.count, 1);
    ck_assert(pthread_equal(caught.thread, pthread_self()));
    pthread_join(thread, NULL);
    close_system();
}
END_TEST

START_TEST(only_one_system_at_a_time_has_the_signals)
{
    open_system();
    Caught caught = {0};
    catch_into(&caught);
    catch_into(&caught); /* again is fine for the owner */
    TorcSystem *other;
    ck_assert_int_eq(torc__system_new_real(NULL, 1, &other), 0);
    ck_assert_int_eq(catch_for(other, note, &caught), -EBUSY);
    /* Giving back what it has not got leaves the owner alone. */
    release_both(other, true);
    raise(SIGTERM);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(caught.count, 1);
    give_back();
    ck_assert_int_eq(catch_for(other, note, &caught), 0);
    raise(SIGTERM);
    ck_assert_int_eq(other->ops->wait(other, INT64_MAX), 0);
    ck_assert_int_eq(caught.count, 2);
    other->ops->free(other);
    close_system();
}
END_TEST

START_TEST(previous_handlers_are_restored) /* RUN-13 */
{
    open_system();
    set_handler(SIGTERM, own_handler);
    Caught caught = {0};
    for (int i = 0; i < 2; i++) {
        catch_into(&caught);
        ck_assert(handler_of(SIGTERM) != own_handler);
        ck_assert(handler_of(SIGINT) != SIG_DFL);
        give_back();
        ck_assert(handler_of(SIGTERM) == own_handler);
        ck_assert(handler_of(SIGINT) == SIG_DFL);
    }
    close_system();
}
END_TEST

START_TEST(freeing_the_system_restores_handlers)
{
    open_system();
    Caught caught = {0};
    catch_into(&caught);
    close_system();
    ck_assert(handler_of(SIGTERM) == SIG_DFL);
    ck_assert(handler_of(SIGINT) == SIG_DFL);
}
END_TEST

START_TEST(an_own_handler_for_SIGINT_is_left_alone) /* RUN-13 */
{
    open_system();
    set_handler(SIGINT, own_handler);
    Caught caught = {0};
    catch_into(&caught);
    ck_assert(handler_of(SIGINT) == own_handler);
    raise(SIGINT);
    ck_assert_int_eq(own_calls, 1);
    give_back();
    set_handler(SIGINT, SIG_IGN);
    catch_into(&caught);
    ck_assert(handler_of(SIGINT) == SIG_IGN);
    ck_assert(handler_of(SIGTERM) != SIG_DFL);
    close_system();
    ck_assert(handler_of(SIGINT) == SIG_IGN);
}
END_TEST

START_TEST(a_handler_that_was_put_over_ours_stays)
{
    open_system();
    Caught caught = {0};
    catch_into(&caught);
    set_handler(SIGTERM, own_handler);
    close_system();
    ck_assert(handler_of(SIGTERM) == own_handler);
}
END_TEST

START_TEST(the_signals_may_be_given_back_in_the_call)
{
    open_system();
    Caught caught = {.give_back = true};
    catch_into(&caught);
    raise(SIGINT);
    raise(SIGTERM);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(caught.count, 1);
    ck_assert(handler_of(SIGTERM) == SIG_DFL);
    close_system();
}
END_TEST

START_TEST(a_signal_that_was_not_delivered_is_sent_again)
{
    open_system();
    set_handler(SIGTERM, own_handler);
    Caught caught = {0};
    catch_into(&caught);
    raise(SIGTERM);
    ck_assert_int_eq(own_calls, 0);
    give_back();
    ck_assert_int_eq(own_calls, 1);
    ck_assert_int_eq(caught.count, 0);
    close_system();
}
END_TEST

START_TEST(a_signal_that_was_not_delivered_is_forgotten_if_that_is_wanted)
{
    open_system();
    set_handler(SIGTERM, own_handler);
    Caught caught = {0};
    catch_into(&caught);
    raise(SIGTERM);
    sys->ops->releaseSignal(sys, SIGTERM, false);
    ck_assert_int_eq(own_calls, 0);
    catch_into(&caught);
    ck_assert_int_eq(wait_until(0), 0);
    ck_assert_int_eq(caught.count, 0);
    close_system();
}
END_TEST

START_TEST(a_system_may_have_any_signal_and_each_once)
{
    open_variant(_i);
    Caught first = {0}, second = {0};
    TorcSystem *other;
    ck_assert_int_eq(torc__system_new_real(NULL, 1, &other), 0);
    ck_assert_int_eq(sys->ops->catchSignal(sys, SIGUSR1, false, note, &first), 0);
    ck_assert_int_eq(other->ops->catchSignal(other, SIGUSR2, false, note, &second), 0);
    ck_assert_int_eq(other->ops->catchSignal(other, SIGUSR1, false, note, &second), -EBUSY);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGUSR1); /* pends already */
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(other->ops->wait(other, INT64_MAX), 0);
    ck_assert_int_eq(first.count, 1);
    ck_assert_int_eq(first.signos[0], SIGUSR1);
    ck_assert_int_eq(second.count, 1);
    ck_assert_int_eq(second.signos[0], SIGUSR2);
    other->ops->free(other);
    close_system();
    ck_assert(handler_of(SIGUSR1) == SIG_DFL);
    ck_assert(handler_of(SIGUSR2) == SIG_DFL);
}
END_TEST

START_TEST(another_function_gets_what_has_arrived)
{
    open_system();
    Caught first = {0}, second = {0};
    ck_assert_int_eq(sys->ops->catchSignal(sys, SIGUSR1, false, note, &first), 0);
    raise(SIGUSR1);
    ck_assert_int_eq(sys->ops->catchSignal(sys, SIGUSR1, false, note, &second), 0);
    ck_assert_int_eq(wait_until(INT64_MAX), 0);
    ck_assert_int_eq(first.count, 0);
    ck_assert_int_eq(second.count, 1);
    close_system();
}
END_TEST

START_TEST(signals_that_cannot_be_caught_are_refused)
{
    static const int refused[] = {-1, 0, SIGKILL, SIGSTOP, 65, 1000};
    open_system();
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        Caught caught = {0};
        ck_assert_int_eq(sys->ops->catchSignal(sys, refused[i], false, note, &caught), -EINVAL);
        sys->ops->releaseSignal(sys, refused[i], false);
    }
    close_system();
}
END_TEST

START_TEST(what_would_be_left_alone_is_given_back_when_it_was_taken)
{
    open_system();
    set_handler(SIGINT, own_handler);
    Caught caught = {0};
    ck_assert_int_eq(sys->ops->catchSignal(sys, SIGINT, false, note, &caught), 0);
    ck_assert(handler_of(SIGINT) != own_handler);
    ck_assert_int_eq(sys->ops->catchSignal(sys, SIGINT, true, note, &caught), 0);
    ck_assert(handler_of(SIGINT) == own_handler);
    close_system();
}
END_TEST

static void *send_terms(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20000; i++)
        pthread_kill(pthread_self(), SIGTERM);
    return NULL;
}

static void count(void *arg, int signo)
{
    (void)signo;
    ++*(int *)arg;
}

START_TEST(signals_on_another_thread_never_reach_a_system_that_is_gone) /* BUG-39 */
{
    open_system();
    set_handler(SIGTERM, SIG_IGN);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, send_terms, NULL), 0);
    int calls = 0;
    for (int i = 0; i < 200; i++) {
        TorcSystem *one;
        ck_assert_int_eq(torc__system_new_real(NULL, 1, &one), 0);
        ck_assert_int_eq(catch_for(one, count, &calls), 0);
        ck_assert_int_eq(one->ops->wait(one, 0), 0);
        one->ops->free(one);
    }
    pthread_join(thread, NULL);
    close_system();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("real signals");
    TCase *t = tcase_create("signals");
    tcase_add_checked_fixture(t, begin, begin);
    tcase_add_loop_test(t, a_signal_is_delivered_from_inside_wait, 0, VARIANTS);
    tcase_add_test(t, two_different_signals_are_both_delivered);
    tcase_add_loop_test(t, a_signal_on_any_thread_wakes_the_loop_and_is_delivered_on_its_thread, 0,
                        VARIANTS);
    tcase_add_test(t, only_one_system_at_a_time_has_the_signals);
    tcase_add_test(t, previous_handlers_are_restored);
    tcase_add_test(t, freeing_the_system_restores_handlers);
    tcase_add_test(t, an_own_handler_for_SIGINT_is_left_alone);
    tcase_add_test(t, a_handler_that_was_put_over_ours_stays);
    tcase_add_test(t, the_signals_may_be_given_back_in_the_call);
    tcase_add_test(t, a_signal_that_was_not_delivered_is_sent_again);
    tcase_add_test(t, a_signal_that_was_not_delivered_is_forgotten_if_that_is_wanted);
    tcase_add_loop_test(t, a_system_may_have_any_signal_and_each_once, 0, VARIANTS);
    tcase_add_test(t, another_function_gets_what_has_arrived);
    tcase_add_test(t, signals_that_cannot_be_caught_are_refused);
    tcase_add_test(t, what_would_be_left_alone_is_given_back_when_it_was_taken);
    tcase_add_test(t, signals_on_another_thread_never_reach_a_system_that_is_gone);
    suite_add_tcase(s, t);
    return s;
}

RUN_SUITE(suite)
