/* The log: observer, rate limit, events as text. */
#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <torc/reactor/log.h>

#include "../support/fake_reactor.h"
#include "../support/run_tests.h"

static FakeReactor fake;

/* What the observer has seen. */
static int seen;
static TorcLogEvent last;
static char last_text[256];

static void remember(const TorcLogEvent *event, void *arg)
{
    ck_assert_ptr_eq(arg, &seen);
    seen++;
    last = *event;
    TorcLogEvent_format(event, last_text, sizeof(last_text));
}

static void set_up(void)
{
    FakeReactor_init(&fake);
    seen = 0;
    torc_setLogObserver(remember, &seen, TORC_LOG_DEBUG);
}

static void tear_down(void)
{
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    FakeReactor_done(&fake);
}

/* ---- observer ------------------------------------------------------------------------------ */

START_TEST(an_event_arrives_whole)
{
    TORC__LOG(&fake.reactor, TORC_LOG_WARNING, "port.accept-failed", TORC_LOG_NUMBER("errno", 24),
              TORC_LOG_BYTES("port", "80", 2));
    ck_assert_int_eq(seen, 1);
    ck_assert_int_eq(last.level, TORC_LOG_WARNING);
    ck_assert_str_eq(last.name, "port.accept-failed");
    ck_assert_ptr_eq(last.reactor, &fake.reactor);
    ck_assert_uint_eq(last.suppressed, 0);
    ck_assert_uint_eq(last.field_count, 2);
    ck_assert_str_eq(last_text, "port.accept-failed errno=24 port=\"80\"");
}
END_TEST

START_TEST(events_below_the_least_level_are_left_out)
{
    torc_setLogObserver(remember, &seen, TORC_LOG_WARNING);
    torc_log(NULL, TORC_LOG_DEBUG, "x", NULL, 0);
    torc_log(NULL, TORC_LOG_INFO, "x", NULL, 0);
    ck_assert_int_eq(seen, 0);
    torc_log(NULL, TORC_LOG_WARNING, "x", NULL, 0);
    torc_log(NULL, TORC_LOG_ERROR, "x", NULL, 0);
    ck_assert_int_eq(seen, 2);
}
END_TEST

START_TEST(without_observer_nothing_happens_not_even_a_look_at_the_clock)
{
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    TorcSystemOps nothing = {0}; /* now is NULL: reading the clock would crash */
    fake.system.ops = &nothing;
    torc_log(&fake.reactor, TORC_LOG_ERROR, "x", NULL, 0);
    ck_assert_int_eq(seen, 0);
}
END_TEST

static void log_again(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    seen++;
    torc_log(NULL, TORC_LOG_ERROR, event->name, NULL, 0);
}

START_TEST(what_the_observer_logs_itself_is_dropped)
{
    torc_setLogObserver(log_again, NULL, TORC_LOG_DEBUG);
    torc_log(NULL, TORC_LOG_ERROR, "x", NULL, 0);
    ck_assert_int_eq(seen, 1);
    torc_log(NULL, TORC_LOG_ERROR, "x", NULL, 0);
    ck_assert_int_eq(seen, 2);
}
END_TEST

static void silence_itself(const TorcLogEvent *event, void *arg)
{
    (void)event;
    (void)arg;
    seen++;
    torc_setLogObserver(NULL, NULL, TORC_LOG_ERROR);
}

START_TEST(an_observer_cannot_set_another)
{
    torc_setLogObserver(silence_itself, NULL, TORC_LOG_DEBUG);
    torc_log(NULL, TORC_LOG_DEBUG, "x", NULL, 0);
    torc_log(NULL, TORC_LOG_DEBUG, "x", NULL, 0);
    ck_assert_int_eq(seen, 2);
}
END_TEST

START_TEST(an_event_that_makes_no_sense_is_dropped)
{
    torc_log(NULL, TORC_LOG_ERROR, NULL, NULL, 0);
    torc_log(NULL, TORC_LOG_ERROR, "x", NULL, 1);
    ck_assert_int_eq(seen, 0);
}
END_TEST

/* An observer that can be held up. */
static sem_t entered, release;
static atomic_bool returned;

static void hold(const TorcLogEvent *event, void *arg)
{
    (void)event;
    (void)arg;
    sem_post(&entered);
    sem_wait(&release);
    atomic_store(&returned, true);
}

static void *log_once(void *arg)
{
    torc_log(NULL, TORC_LOG_ERROR, arg, NULL, 0);
    return NULL;
}

static void *silence(void *arg)
{
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
    *(bool *)arg = atomic_load(&returned);
    return NULL;
}

START_TEST(setting_an_observer_waits_for_the_previous_one_to_return) /* BUG-52 */
{
    sem_init(&entered, 0, 0);
    sem_init(&release, 0, 0);
    torc_setLogObserver(hold, NULL, TORC_LOG_DEBUG);
    pthread_t logging, silencing;
    bool had_returned = false;
    pthread_create(&logging, NULL, log_once, (void *)(uintptr_t) "x");
    sem_wait(&entered);
    pthread_create(&silencing, NULL, silence, &had_returned);
    usleep(20000); /* time enough for a setter that does not wait to get through */
    sem_post(&release);
    pthread_join(silencing, NULL);
    pthread_join(logging, NULL);
    ck_assert(had_returned);
}
END_TEST

static void *log_and_wait(void *arg)
{
    (void)arg;
    torc_log(NULL, TORC_LOG_ERROR, "x", NULL, 0);
    return NULL;
}

START_TEST(two_threads_are_observed_at_the_same_time)
{
    sem_init(&entered, 0, 0);
    sem_init(&release, 0, 0);
    torc_setLogObserver(hold, NULL, TORC_LOG_DEBUG);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, log_and_wait, NULL);
    sem_wait(&entered);
    sem_wait(&entered); /* both are inside: neither has been released */
    sem_post(&release);
    sem_post(&release);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}
END_TEST

/* ---- rate limit ---------------------------------------------------------------------------- */

static void log_times(int times, const char *name)
{
    for (int i = 0; i < times; i++)
        torc_log(&fake.reactor, TORC_LOG_INFO, name, NULL, 0);
}

START_TEST(ten_events_of_a_name_pass_per_second_and_the_next_one_says_how_many_did_not)
{
    log_times(25, "flood");
    ck_assert_int_eq(seen, TORC__LOG_PER_SECOND);
    ck_assert_uint_eq(last.suppressed, 0);

    fake.now += TORC__SECOND;
    log_times(1, "flood");
    ck_assert_int_eq(seen, TORC__LOG_PER_SECOND + 1);
    ck_assert_uint_eq(last.suppressed, 15);
    ck_assert_str_eq(last_text, "flood suppressed=15");

    log_times(1, "flood");
    ck_assert_uint_eq(last.suppressed, 0);
}
END_TEST

START_TEST(suppressed_events_are_counted_over_quiet_and_loud_seconds)
{
    log_times(12, "flood");
    fake.now += 5 * TORC__SECOND;
    log_times(1, "other");
    fake.now += TORC__SECOND;
    log_times(1, "flood");
    ck_assert_uint_eq(last.suppressed, 2);
}
END_TEST

START_TEST(names_are_limited_each_for_itself)
{
    char same_name[] = "flood"; /* another address, the same name */
    log_times(25, "flood");
    log_times(1, same_name);
    ck_assert_int_eq(seen, TORC__LOG_PER_SECOND);
    log_times(1, "rare");
    ck_assert_int_eq(seen, TORC__LOG_PER_SECOND + 1);
    ck_assert_str_eq(last.name, "rare");
}
END_TEST

START_TEST(without_a_reactor_nothing_is_limited)
{
    for (int i = 0; i < 100; i++)
        torc_log(NULL, TORC_LOG_INFO, "flood", NULL, 0);
    ck_assert_int_eq(seen, 100);
}
END_TEST

START_TEST(reactors_are_limited_each_for_itself)
{
    FakeReactor second;
    FakeReactor_init(&second);
    log_times(25, "flood");
    torc_log(&second.reactor, TORC_LOG_INFO, "flood", NULL, 0);
    ck_assert_int_eq(seen, TORC__LOG_PER_SECOND + 1);
}
END_TEST

START_TEST(more_names_than_the_limiter_remembers_lose_no_event)
{
    enum { MANY = 3 * TORC__LOG_NAMES };
    static char names[MANY][16];
    for (int i = 0; i < MANY; i++)
        snprintf(names[i], sizeof(names[i]), "name-%d", i);
    for (int second = 0; second < 3; second++) {
        for (int i = 0; i < MANY; i++)
            log_times(1, names[i]);
        fake.now += TORC__SECOND;
    }
    ck_assert_int_eq(seen, 3 * MANY);
}
END_TEST

START_TEST(a_name_with_suppressed_events_is_remembered_longer_than_others)
{
    log_times(12, "flood");
    fake.now += TORC__SECOND;
    enum { OTHERS = TORC__LOG_NAMES - 1 };
    static char names[3][OTHERS][16];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OTHERS; i++) {
            snprintf(names[round][i], sizeof(names[round][i]), "name-%d-%d", round, i);
            log_times(1, names[round][i]);
        }
        fake.now += TORC__SECOND;
    }
    log_times(1, "flood");
    ck_assert_uint_eq(last.suppressed, 2);
}
END_TEST

/* ---- text ---------------------------------------------------------------------------------- */

START_TEST(format_escapes_what_a_peer_sent) /* BUG-22 */
{
    TorcLogField fields[] = {TORC_LOG_BYTES("line", "a\"b\\\n\x1b\xff\0z", 9),
                             TORC_LOG_NUMBER("n", INT64_MIN)};
    TorcLogEvent event = {.name = "got", .field_count = 2, .fields = fields};
    char text[128];
    size_t length = TorcLogEvent_format(&event, text, sizeof(text));
    ck_assert_str_eq(text, "got line=\"a\\x22b\\x5c\\x0a\\x1b\\xff\\x00z\" n=-9223372036854775808");
    ck_assert_uint_eq(length, strlen(text));
}
END_TEST

START_TEST(format_is_cut_to_every_size_and_tells_the_whole_length) /* BUG-22 */
{
    TorcLogField fields[] = {TORC_LOG_BYTES("text", "x\ny", 3), TORC_LOG_NUMBER("number", 1234)};
    TorcLogEvent event = {.name = "cut", .suppressed = 7, .field_count = 2, .fields = fields};
    const char *whole = "cut text=\"x\\x0ay\" number=1234 suppressed=7";
    char text[64];
    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        ck_assert_uint_eq(TorcLogEvent_format(&event, text, size), strlen(whole));
        size_t length = strlen(text);
        ck_assert_uint_lt(length, size);
        ck_assert_int_eq(strncmp(text, whole, length), 0);
        ck_assert_int_eq(text[size], '#');
        /* Neither half an escape nor half a number. */
        ck_assert(!strchr(text, '\\') || strstr(text, "\\x0a"));
        ck_assert(!strstr(text, "number=1") || strstr(text, "number=1234"));
    }
    ck_assert_uint_eq(TorcLogEvent_format(&event, NULL, 0), strlen(whole));
}
END_TEST

START_TEST(escape_keeps_printable_ascii_and_nothing_else)
{
    unsigned char all[256];
    char text[4 * 256 + 1];
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;
    size_t length = torc_escape(all, sizeof(all), text, sizeof(text));
    /* 95 printable characters, of which quote and backslash are escaped. */
    ck_assert_uint_eq(length, 93 + 4 * (256 - 93));
    ck_assert_uint_eq(strlen(text), length);
    ck_assert_ptr_nonnull(strstr(text, "\\x1f !\\x22#"));
    ck_assert_ptr_nonnull(strstr(text, "[\\x5c]"));
    ck_assert_ptr_nonnull(strstr(text, "}~\\x7f\\x80"));
}
END_TEST

START_TEST(escape_never_writes_half_an_escape_nor_goes_on_after_a_gap)
{
    /* The whole is a\x00b: 6 characters. */
    static const char *const cut[] = {"", "a", "a", "a", "a", "a\\x00", "a\\x00b"};
    for (size_t room = 0; room <= 6; room++) {
        char text[8] = "#######";
        ck_assert_uint_eq(torc_escape("a\0b", 3, text, room + 1), 6);
        ck_assert_str_eq(text, cut[room]);
    }
}
END_TEST

START_TEST(escape_of_nothing_is_empty)
{
    char text[2] = "#";
    ck_assert_uint_eq(torc_escape(NULL, 0, text, sizeof(text)), 0);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(torc_escape("a\n", 2, NULL, 0), 5);
}
END_TEST

START_TEST(levels_have_names)
{
    ck_assert_str_eq(TorcLogLevel_name(TORC_LOG_DEBUG), "debug");
    ck_assert_str_eq(TorcLogLevel_name(TORC_LOG_INFO), "info");
    ck_assert_str_eq(TorcLogLevel_name(TORC_LOG_WARNING), "warning");
    ck_assert_str_eq(TorcLogLevel_name(TORC_LOG_ERROR), "error");
    ck_assert_str_eq(TorcLogLevel_name((TorcLogLevel)77), "unknown");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("log");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, an_event_arrives_whole);
    tcase_add_test(tcase, events_below_the_least_level_are_left_out);
    tcase_add_test(tcase, without_observer_nothing_happens_not_even_a_look_at_the_clock);
    tcase_add_test(tcase, what_the_observer_logs_itself_is_dropped);
    tcase_add_test(tcase, an_observer_cannot_set_another);
    tcase_add_test(tcase, an_event_that_makes_no_sense_is_dropped);
    tcase_add_test(tcase, setting_an_observer_waits_for_the_previous_one_to_return);
    tcase_add_test(tcase, two_threads_are_observed_at_the_same_time);
    tcase_add_test(tcase,
                   ten_events_of_a_name_pass_per_second_and_the_next_one_says_how_many_did_not);
    tcase_add_test(tcase, suppressed_events_are_counted_over_quiet_and_loud_seconds);
    tcase_add_test(tcase, names_are_limited_each_for_itself);
    tcase_add_test(tcase, without_a_reactor_nothing_is_limited);
    tcase_add_test(tcase, reactors_are_limited_each_for_itself);
    tcase_add_test(tcase, more_names_than_the_limiter_remembers_lose_no_event);
    tcase_add_test(tcase, a_name_with_suppressed_events_is_remembered_longer_than_others);
    tcase_add_test(tcase, format_escapes_what_a_peer_sent);
    tcase_add_test(tcase, format_is_cut_to_every_size_and_tells_the_whole_length);
    tcase_add_test(tcase, escape_keeps_printable_ascii_and_nothing_else);
    tcase_add_test(tcase, escape_never_writes_half_an_escape_nor_goes_on_after_a_gap);
    tcase_add_test(tcase, escape_of_nothing_is_empty);
    tcase_add_test(tcase, levels_have_names);
    return run_case("log", tcase);
}
