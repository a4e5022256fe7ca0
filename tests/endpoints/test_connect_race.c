/* Happy Eyeballs (RFC 8305) as tables of scripted attempts: what each address does, and then when
 * each attempt must begin, who wins and when, or what the reason says. */
#include "endpoint_fixture.h"

#include "endpoints/connect_race_internal.h"

#define V6A "2001:db8::a"
#define V6B "2001:db8::b"
#define V6C "2001:db8::c"
#define V4A "192.0.2.1"
#define V4B "192.0.2.2"
#define V4C "192.0.2.3"
#define HOST "torc.example"

/* ---- the order ----------------------------------------------------------------------------- */

static const struct {
    const char *given, *order;
} orders[] = {
    {"", ""},           {"a", "a"},           {"A", "A"},         {"abc", "abc"},
    {"ABC", "ABC"},     {"Aa", "Aa"},         {"aA", "aA"},       {"AaB", "AaB"},
    {"ABab", "AaBb"},   {"abAB", "aAbB"},     {"ABCDa", "AaBCD"}, {"aABCD", "aABCD"},
    {"abcdA", "aAbcd"}, {"ABaCbc", "AaBbCc"},
};

/* A letter is an address: small ones of IPv4, capitals of IPv6. */
START_TEST(families_alternate_and_keep_their_order)
{
    TorcAddress given[8] = {{0}};
    TorcAddress order[8] = {{0}};
    char text[9] = "";
    size_t count = strlen(orders[_i].given);
    for (size_t i = 0; i < count; i++) {
        char letter = orders[_i].given[i];
        given[i].family = letter >= 'a' ? TORC_ADDRESS_IPV4 : TORC_ADDRESS_IPV6;
        given[i].ip[0] = (uint8_t)letter;
    }
    torc__race_order(given, count, order);
    for (size_t i = 0; i < count; i++)
        text[i] = (char)order[i].ip[0];
    ck_assert_str_eq(text, orders[_i].order);
}
END_TEST

/* ---- scripts ------------------------------------------------------------------------------- */

typedef enum Act { NOBODY, ANSWERS, REFUSES, NEVER, UNREACHABLE } Act;

enum { ADDRESSES = 6 };

typedef struct Script {
    const char *name;
    const char *description; /* NULL: "tcp:torc.example:79" */
    struct {
        const char *address; /* in the order in which the resolver gives them */
        Act act;
        int after;   /* milliseconds from the beginning of its attempt */
        int attempt; /* which one it is, from 1; 0: none */
    } addresses[ADDRESSES];
    const char *starts; /* milliseconds and address of each attempt */
    int end;            /* milliseconds until the outcome */
    const char *winner; /* NULL: the reason */
    TorcReasonKind kind;
    const char *text;
} Script;

static const Script scripts[] = {
    {.name = "one address that answers",
     .addresses = {{V4A, ANSWERS, 30, 1}},
     .starts = "0 " V4A,
     .end = 30,
     .winner = V4A ":79"},
    {.name = "EP-7: one address that refuses is reported at once",
     .addresses = {{V4A, REFUSES, 20, 1}},
     .starts = "0 " V4A,
     .end = 20,
     .kind = TORC_CONNECTION_REFUSED,
     .text = "cannot connect to torc.example port 79: 192.0.2.1: Connection refused"},
    {.name = "the second begins after the delay",
     .addresses = {{V6A, NEVER, 0, 1}, {V4A, ANSWERS, 10, 2}},
     .starts = "0 [" V6A "], 250 " V4A,
     .end = 260,
     .winner = V4A ":79"},
    {.name = "the second begins at once when the first fails",
     .addresses = {{V6A, REFUSES, 50, 1}, {V4A, ANSWERS, 10, 2}},
     .starts = "0 [" V6A "], 50 " V4A,
     .end = 60,
     .winner = V4A ":79"},
    {.name = "an answer within the delay: the second never begins",
     .addresses = {{V6A, ANSWERS, 249, 1}, {V4A, ANSWERS, 1, 0}},
     .starts = "0 [" V6A "]",
     .end = 249,
     .winner = "[" V6A "]:79"},
    {.name = "the first answers later, but still first",
     .addresses = {{V6A, ANSWERS, 300, 1}, {V4A, ANSWERS, 100, 2}},
     .starts = "0 [" V6A "], 250 " V4A,
     .end = 300,
     .winner = "[" V6A "]:79"},
    {.name = "the second overtakes the first",
     .addresses = {{V6A, ANSWERS, 400, 1}, {V4A, ANSWERS, 100, 2}},
     .starts = "0 [" V6A "], 250 " V4A,
     .end = 350,
     .winner = V4A ":79"},
    {.name = "EP-6: families alternate, beginning with that of the first",
     .addresses =
         {{V6A, NEVER, 0, 1}, {V6B, NEVER, 0, 3}, {V4A, NEVER, 0, 2}, {V4B, ANSWERS, 10, 4}},
     .starts = "0 [" V6A "], 250 " V4A ", 500 [" V6B "], 750 " V4B,
     .end = 760,
     .winner = V4B ":79"},
    {.name = "a failure begins the delay anew",
     .addresses = {{V4A, REFUSES, 100, 1}, {V4B, NEVER, 0, 2}, {V4C, ANSWERS, 10, 3}},
     .starts = "0 " V4A ", 100 " V4B ", 350 " V4C,
     .end = 360,
     .winner = V4C ":79"},
    {.name = "a late failure of an early attempt begins the next as well",
     .addresses = {{V4A, REFUSES, 300, 1}, {V4B, NEVER, 0, 2}, {V4C, ANSWERS, 10, 3}},
     .starts = "0 " V4A ", 250 " V4B ", 300 " V4C,
     .end = 310,
     .winner = V4C ":79"},
    {.name = "what cannot be reached takes no time",
     .addresses = {{V6A, UNREACHABLE, 0, 1}, {V6B, UNREACHABLE, 0, 3}, {V4A, ANSWERS, 5, 2}},
     .starts = "0 [" V6A "], 0 " V4A,
     .end = 5,
     .winner = V4A ":79"},
    {.name = "all refuse: the reason tells of each, in the order of the attempts",
     .addresses = {{V6A, REFUSES, 600, 1}, {V6B, REFUSES, 5, 3}, {V4A, REFUSES, 100, 2}},
     .starts = "0 [" V6A "], 250 " V4A ", 350 [" V6B "]",
     .end = 600,
     .kind = TORC_CONNECTION_REFUSED,
     .text = "cannot connect to torc.example port 79: 2001:db8::a: Connection refused; 192.0.2.1: "
             "Connection refused; 2001:db8::b: Connection refused"},
    {.name = "all fail, in different ways",
     .addresses = {{V6A, UNREACHABLE, 0, 1}, {V4A, REFUSES, 10, 2}},
     .starts = "0 [" V6A "], 0 " V4A,
     .end = 10,
     .kind = TORC_CONNECTION_FAILED,
     .text = "cannot connect to torc.example port 79: 2001:db8::a: Network is unreachable; "
             "192.0.2.1: Connection refused"},
    {.name = "the deadline is for all of it",
     .description = "tcp:torc.example:79:timeout=1",
     .addresses = {{V4A, REFUSES, 20, 1}, {V4B, NEVER, 0, 2}},
     .starts = "0 " V4A ", 20 " V4B,
     .end = 1000,
     .kind = TORC_CONNECTION_TIMED_OUT,
     .text = "cannot connect to torc.example port 79 within 1 s: 192.0.2.1: Connection refused; "
             "192.0.2.2: no answer"},
    {.name = "the deadline comes before the last address",
     .description = "tcp:torc.example:79:timeout=0.6",
     .addresses = {{V4A, NEVER, 0, 1}, {V4B, NEVER, 0, 3}, {V6A, NEVER, 0, 2}, {V6B, NEVER, 0, 0}},
     .starts = "0 " V4A ", 250 [" V6A "], 500 " V4B,
     .end = 600,
     .kind = TORC_CONNECTION_TIMED_OUT,
     .text = "cannot connect to torc.example port 79 within 0.6 s: 192.0.2.1: no answer; "
             "2001:db8::a: no answer; 192.0.2.2: no answer; 1 more not tried"},
    {.name = "a shorter delay",
     .description = "tcp:torc.example:79:attemptDelay=0.1",
     .addresses = {{V4A, NEVER, 0, 1}, {V4B, NEVER, 0, 2}, {V4C, ANSWERS, 1, 3}},
     .starts = "0 " V4A ", 100 " V4B ", 200 " V4C,
     .end = 201,
     .winner = V4C ":79"},
    {.name = "the shortest delay there is, RFC 8305 section 8",
     .description = "tcp:torc.example:79:attemptDelay=0.000001",
     .addresses = {{V4A, NEVER, 0, 1}, {V4B, ANSWERS, 1, 2}},
     .starts = "0 " V4A ", 10 " V4B,
     .end = 11,
     .winner = V4B ":79"},
    {.name = "tcp6: IPv6 alone",
     .description = "tcp6:torc.example:79",
     .addresses = {{V4A, ANSWERS, 1, 0}, {V6A, REFUSES, 10, 1}, {V6B, ANSWERS, 10, 2}},
     .starts = "0 [" V6A "], 10 [" V6B "]",
     .end = 20,
     .winner = "[" V6B "]:79"},
    {.name = "from an IPv4 address: IPv4 alone",
     .description = "tcp:torc.example:79:bindAddress=127.0.0.1",
     .addresses = {{V6A, ANSWERS, 1, 0}, {V4A, REFUSES, 10, 1}, {V6B, ANSWERS, 1, 0}},
     .starts = "0 " V4A,
     .end = 10,
     .kind = TORC_CONNECTION_REFUSED,
     .text = "cannot connect to torc.example port 79: 192.0.2.1: Connection refused"},
    {.name = "EP-8: no address of the family",
     .description = "tcp6:torc.example:79",
     .addresses = {{V4A, ANSWERS, 1, 0}},
     .starts = "",
     .end = 0,
     .kind = TORC_CONNECTION_DNS_LOOKUP,
     .text = "cannot resolve \"torc.example\": it has no IPv6 address"},
    {.name = "EP-8: a name without addresses",
     .addresses = {{NULL, NOBODY, 0, 0}},
     .starts = "",
     .end = 0,
     .kind = TORC_CONNECTION_DNS_LOOKUP,
     .text = NULL},
    {.name = "a literal is one address, and its reason is as of connectTCP",
     .description = "tcp:192.0.2.1:79",
     .addresses = {{V4A, REFUSES, 40, 1}},
     .starts = "0 " V4A,
     .end = 40,
     .kind = TORC_CONNECTION_REFUSED,
     .text = "cannot connect to 192.0.2.1:79: Connection refused"},
    {.name = "a literal that does not answer",
     .description = "tcp:2001\\:db8\\:\\:a:79:timeout=0.5",
     .addresses = {{V6A, NEVER, 0, 1}},
     .starts = "0 [" V6A "]",
     .end = 500,
     .kind = TORC_CONNECTION_TIMED_OUT,
     .text = "cannot connect to 2001:db8::a port 79 within 0.5 s"},
};

/* ---- playing them -------------------------------------------------------------------------- */

static char starts[1024];

/* What the race deals with itself is not left for the log. */
static void refuse_unhandled(const TorcLogEvent *event, void *arg)
{
    (void)arg;
    ck_assert_str_ne(event->name, "deferred.unhandled");
}

/* "0.250000000 connect(1000003, 192.0.2.1:79) = EINPROGRESS" is noted as "250 192.0.2.1". */
static void note_start(const char *line, void *arg)
{
    double seconds;
    char address[64];
    (void)arg;
    if (sscanf(line, "%lf connect(%*d, %63[^)]", &seconds, address) != 2)
        return;
    *strrchr(address, ':') = '\0';
    size_t length = strlen(starts);
    snprintf(starts + length, sizeof(starts) - length, "%s%.0f %s", length ? ", " : "",
             seconds * 1000, address);
}

static void set_act(const char *address, Act act, int after, int attempt)
{
    if (act == ANSWERS)
        ck_assert_int_eq(TorcSim_listen(sim, address, 79), 0);
    if (act == NEVER)
        TorcSim_blackHole(sim, address);
    if (attempt > 0 && act == UNREACHABLE)
        TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .nth = (unsigned)attempt,
                                             .times = 1, .error = ENETUNREACH));
    if (attempt > 0 && after > 0)
        TorcSim_addFault(sim, TORC_SIM_FAULT(.call = TORC_SIM_CONNECT, .nth = (unsigned)attempt,
                                             .times = 1, .delay = after / 1000.0));
}

static void set_stage(const Script *script)
{
    const char *addresses[ADDRESSES];
    size_t count = 0;
    for (; count < ADDRESSES && script->addresses[count].address; count++) {
        addresses[count] = script->addresses[count].address;
        set_act(addresses[count], script->addresses[count].act, script->addresses[count].after,
                script->addresses[count].attempt);
    }
    TorcSim_setAddresses(sim, HOST, addresses, count);
    starts[0] = '\0';
    TorcSim_followTrace(sim, note_start, NULL);
}

static bool is_over(void *arg)
{
    (void)arg;
    return outcome.fired > 0;
}

START_TEST(script_is_played)
{
    const Script *script = &scripts[_i];
    set_stage(script);
    torc_setLogObserver(refuse_unhandled, NULL, TORC_LOG_DEBUG);
    connect_by(script->description ? script->description : "tcp:torc.example:79");
    ck_assert_msg(TorcSim_runUntil(sim, is_over, NULL, 100), "%s: no outcome", script->name);

    ck_assert_msg(strcmp(starts, script->starts) == 0, "%s: the attempts began at %s, not at %s",
                  script->name, starts, script->starts);
    int end = (int)(outcome.seconds * 1000 + 0.5);
    ck_assert_msg(end == script->end, "%s: over after %d ms", script->name, end);
    ck_assert_msg(outcome.kind == script->kind, "%s: %s", script->name, outcome.text);
    if (script->winner)
        ck_peer_is(script->winner);
    if (script->text)
        ck_assert_str_eq(outcome.text, script->text);
    ck_assert_int_eq(outcome.kind == 0 || outcome.code < 0, true);

    /* Whatever was given up is gone, and nothing more comes of it. */
    TorcSim_advance(sim, 100);
    ck_assert_str_eq(starts, script->starts);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), script->winner ? 1 : 0);
    ck_assert_str_eq(rec.log, script->winner ? "start made fired" : "start failed stop");
    torc_setLogObserver(NULL, NULL, TORC_LOG_DEBUG);
}
END_TEST

/* ---- what stands beside the tables --------------------------------------------------------- */

static void set_two_that_never_answer(void)
{
    const char *const addresses[] = {V4A, V4B};
    TorcSim_setAddresses(sim, HOST, addresses, 2);
    TorcSim_blackHole(sim, V4A);
    TorcSim_blackHole(sim, V4B);
    TorcSim_setLookupDelay(sim, 0.1);
}

/* EP-3; the stages: the look-up, the first attempt, both. */
static const double stages[] = {0, 0.05, 0.2, 0.3, 0.5};

START_TEST(cancelled_at_each_stage)
{
    set_two_that_never_answer();
    connect_by("tcp:torc.example:79");
    if (_i > 0)
        TorcSim_advance(sim, stages[_i]);
    TorcDeferred_cancel(connected);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_CANCELLED);
    TorcSim_advance(sim, 100);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_str_eq(rec.log, "start failed stop");
    ck_clean();
}
END_TEST

static void stop_reactor(void *arg)
{
    TorcReactor_stop(arg);
}

START_TEST(shut_down_at_each_stage)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    set_two_that_never_answer();
    connect_by("tcp:torc.example:79");
    ck_assert_int_eq(TorcReactor_callLater(reactor, stages[_i], stop_reactor, reactor, NULL), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_SHUTDOWN);
    ck_assert(TorcSim_seconds(sim) < stages[_i] + 0.01);
    ck_clean();
}
END_TEST

/* What failed before does not hide it. */
START_TEST(shut_down_after_a_failure)
{
    const char *const addresses[] = {V4A, V4B, V4C};
    TorcReactor *reactor = TorcSim_reactor(sim);
    TorcSim_setAddresses(sim, HOST, addresses, 3);
    TorcSim_blackHole(sim, V4B);
    connect_by("tcp:torc.example:79");
    ck_assert_int_eq(TorcReactor_callLater(reactor, 0.1, stop_reactor, reactor, NULL), 0);
    ck_assert_int_eq(TorcSim_run(sim), 0);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_SHUTDOWN);
}
END_TEST

START_TEST(reactor_is_freed_at_each_stage)
{
    set_two_that_never_answer();
    connect_by("tcp:torc.example:79");
    if (_i > 0)
        TorcSim_advance(sim, stages[_i]);
    TorcSim *freed = sim;
    sim = NULL;
    TorcSim_free(freed);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_SHUTDOWN);
    sim = TorcSim_new(1);
}
END_TEST

START_TEST(look_up_that_takes_too_long_is_given_up)
{
    set_two_that_never_answer();
    TorcSim_setLookupDelay(sim, 5);
    connect_by("tcp:torc.example:79:timeout=2.5");
    TorcSim_advance(sim, 2.499);
    ck_assert_uint_eq(outcome.fired, 0);
    TorcSim_advance(sim, 0.002);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_TIMED_OUT);
    ck_assert_str_eq(outcome.text, "cannot connect to torc.example port 79 within 2.5 s: its name "
                                   "was not resolved in that time");
    ck_clean();
}
END_TEST

/* 200 addresses that refuse: each is tried, and the reason tells of each. */
START_TEST(name_with_200_addresses)
{
    enum { MANY = 200 };
    char texts[MANY][32];
    const char *addresses[MANY];
    for (int i = 0; i < MANY; i++) {
        snprintf(texts[i], sizeof(texts[i]), "198.51.100.%d", i);
        addresses[i] = texts[i];
    }
    TorcSim_setAddresses(sim, HOST, addresses, MANY);
    connect_by("tcp:torc.example:79");
    TorcSim_advance(sim, 0.1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_REFUSED);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_CONNECT), MANY);
    for (int i = 0; i < MANY; i++) {
        char part[80];
        snprintf(part, sizeof(part), "%s %.15s: Connection refused%s", i ? ";" : ":", texts[i],
                 i < MANY - 1 ? ";" : "");
        ck_assert_msg(strstr(outcome.text, part), "%s is not told of", part);
    }
    ck_clean();
}
END_TEST

/* The factory has said no; other addresses would not change its mind. */
START_TEST(factory_that_refuses_ends_the_race)
{
    const char *const addresses[] = {V4A, V4B};
    TorcSim_setAddresses(sim, HOST, addresses, 2);
    ck_assert_int_eq(TorcSim_listen(sim, V4A, 79), 0);
    ck_assert_int_eq(TorcSim_listen(sim, V4B, 79), 0);
    rec.refuse = true;
    connect_by("tcp:torc.example:79");
    TorcSim_advance(sim, 1);
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_NO_PROTOCOL);
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_CONNECT), 1);
    ck_assert_str_eq(rec.log, "start failed stop");
}
END_TEST

/* Both have connected when the reactor looks: one protocol, one connection. */
START_TEST(two_that_connect_at_once_make_one_connection)
{
    const char *const addresses[] = {V4A, V4B};
    TorcSim_setAddresses(sim, HOST, addresses, 2);
    ck_assert_int_eq(TorcSim_listen(sim, V4A, 79), 0);
    ck_assert_int_eq(TorcSim_listen(sim, V4B, 79), 0);
    set_act(V4A, REFUSES, 350, 1); /* the delay alone */
    set_act(V4B, REFUSES, 100, 2);
    connect_by("tcp:torc.example:79");
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(TorcSim_countCalls(sim, TORC_SIM_CONNECT), 2);
    ck_assert_uint_eq(rec.counts[RECORD_BUILD], 1);
    ck_assert_uint_eq(outcome.fired, 1);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), 1);
}
END_TEST

START_TEST(endpoint_can_race_several_times_at_once)
{
    TorcClientEndpoint *endpoint = client(TorcSim_reactor(sim), "tcp:torc.example:79");
    TorcDeferred *second;
    const char *const addresses[] = {V4A};
    TorcSim_setAddresses(sim, HOST, addresses, 1);
    ck_assert_int_eq(TorcSim_listen(sim, V4A, 79), 0);
    ck_assert_int_eq(TorcClientEndpoint_connect(endpoint, factory, &second), 0);
    ck_assert_int_eq(TorcDeferred_addBoth(second, note_outcome, NULL), 0);
    ck_assert_int_eq(try_connect(endpoint), 0);
    TorcSim_advance(sim, 1);
    ck_assert_uint_eq(outcome.fired, 2);
    ck_assert_uint_eq(rec.counts[RECORD_MADE], 2);
    ck_assert_str_eq(rec.factory_log, "start");
    TorcDeferred_release(second);
}
END_TEST

/* ---- as an object -------------------------------------------------------------------------- */

START_TEST(bad_options_are_refused)
{
    TorcReactor *reactor = TorcSim_reactor(sim);
    const TorcHostnameOptions *const bad[] = {
        TORC_HOSTNAME_OPTIONS(.timeout = strtod("nan", NULL)),
        TORC_HOSTNAME_OPTIONS(.attemptDelay = strtod("nan", NULL)),
        TORC_HOSTNAME_OPTIONS(.attemptDelay = -1),
        TORC_HOSTNAME_OPTIONS(.family = TORC_ADDRESS_UNIX),
        TORC_HOSTNAME_OPTIONS(.bindAddress = "localhost"),
        TORC_HOSTNAME_OPTIONS(.bindAddress = "127.0.0.1", .family = TORC_ADDRESS_IPV6),
        &(TorcHostnameOptions){.size = 3},
    };
    for (int i = 0; i < COUNT(bad); i++) {
        errno = 0;
        ck_assert_ptr_null(TorcHostnameEndpoint_new(reactor, HOST, 79, bad[i]));
        ck_assert_int_eq(errno, EINVAL);
    }
    ck_assert_ptr_null(TorcHostnameEndpoint_new(NULL, HOST, 79, NULL));
    ck_assert_ptr_null(TorcHostnameEndpoint_new(reactor, NULL, 79, NULL));
    ck_assert_ptr_null(TorcHostnameEndpoint_new(reactor, "", 79, NULL));
    ck_assert_ptr_null(TorcHostnameEndpoint_new(reactor, HOST, 0, NULL));
    ck_assert_ptr_null(TorcHostnameEndpoint_new(reactor, HOST, 65536, NULL));
}
END_TEST

START_TEST(init_fills_in_defaults)
{
    TorcHostnameOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcHostnameOptions_init(&options);
    TorcHostnameOptions_init(NULL);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_ptr_null(options.bindAddress);
    TorcClientEndpoint *endpoint =
        TorcHostnameEndpoint_new(TorcSim_reactor(sim), HOST, 79, &options);
    ck_assert_ptr_nonnull(endpoint);
    TorcClientEndpoint_unref(endpoint);
}
END_TEST

START_TEST(without_a_timeout_it_waits)
{
    set_two_that_never_answer();
    ck_assert_int_eq(try_connect(TorcHostnameEndpoint_new(TorcSim_reactor(sim), HOST, 79,
                                                          TORC_HOSTNAME_OPTIONS(.timeout = -1))),
                     0);
    TorcSim_advance(sim, 100);
    ck_assert_uint_eq(outcome.fired, 0);
    TorcSim_advance(sim, 100); /* the system's patience is at its end */
    ck_assert_int_eq(outcome.kind, TORC_CONNECTION_TIMED_OUT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("connect_race");
    TCase *tc = tcase_create("connect_race");
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, families_alternate_and_keep_their_order, 0, COUNT(orders));
    tcase_add_loop_test(tc, script_is_played, 0, COUNT(scripts));
    tcase_add_loop_test(tc, cancelled_at_each_stage, 0, COUNT(stages));
    tcase_add_loop_test(tc, shut_down_at_each_stage, 0, COUNT(stages));
    tcase_add_test(tc, shut_down_after_a_failure);
    tcase_add_loop_test(tc, reactor_is_freed_at_each_stage, 0, COUNT(stages));
    tcase_add_test(tc, look_up_that_takes_too_long_is_given_up);
    tcase_add_test(tc, name_with_200_addresses);
    tcase_add_test(tc, factory_that_refuses_ends_the_race);
    tcase_add_test(tc, two_that_connect_at_once_make_one_connection);
    tcase_add_test(tc, endpoint_can_race_several_times_at_once);
    tcase_add_test(tc, bad_options_are_refused);
    tcase_add_test(tc, init_fills_in_defaults);
    tcase_add_test(tc, without_a_timeout_it_waits);
    RUN_ENDPOINT_TESTS(suite);
}
