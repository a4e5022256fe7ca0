/* The trace and the seeds: what is written, that it repeats, and how a failing run is told. */
#include "sim_fixture.h"

#include <torc/protocols/echo.h>
#include <torc/testing/sim_faults.h>
#include <torc/testing/sim_seeds.h>
#include <torc/testing/sim_trace.h>
#include <torc/transports/tcp.h>

static void serve_echo(TorcSim *one)
{
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(one), 8881, factory, NULL, NULL), 0);
    TorcFactory_unref(factory);
}

static void converse(TorcSim *one)
{
    serve_echo(one);
    TorcSim_setFaults(one, TORC_SIM_FAULTS(.shortIO = 2000, .again = 1000, .interrupt = 1000,
                                           .delay = 500, .reset = 20, .noDescriptors = 500));
    for (int i = 0; i < 20; i++) {
        TorcSimPeer *peer = TorcSim_connect(one, 8881);
        if (!peer)
            continue;
        TorcSimPeer_send(peer, "ping\r\n\1");
        TorcSim_advance(one, 0.05);
        TorcSimPeer_close(peer);
    }
}

static bool keep_hash(TorcSim *one, void *arg)
{
    converse(one);
    *(uint64_t *)arg = TorcSim_traceHash(one);
    return true;
}

static uint64_t hash_of_seed(uint64_t seed)
{
    uint64_t hash = 0;
    ck_assert(torc_sim_runSeeds(seed, 1, keep_hash, &hash));
    return hash;
}

/* ---- lines ----------------------------------------------------------------------------------- */

START_TEST(a_conversation_reads_as_it_went)
{
    serve_echo(sim);
    TorcSimPeer *peer = TorcSim_connect(sim, 8881);
    TorcSim_advance(sim, 1.5);
    TorcSimPeer_send(peer, "hi\r\n");
    TorcSim_advance(sim, 0);
    TorcSimPeer_close(peer);
    TorcSim_note(sim, "step %d", 2);
    static const char *const lines[] = {
        "0.000000000 socket(AF_INET6) = 1000003\n",
        "0.000000000 bind(1000003, [::]:8881) = 0\n",
        "0.000000000 watch(1000003, readable) = 0\n",
        "0.000000000 peer 1 connects 127.0.0.1:32768 to 127.0.0.1:8881\n",
        "0.000000000 ready(1000003) readable\n",
        "0.000000000 accept(1000003) = 1000005 127.0.0.1:32768\n",
        "1.500000000 peer 1 sends 4 \"hi\\r\\n\"\n",
        "1.500000000 ready(1000005) readable\n",
        "1.500000000 recv(1000005, 65536) = 4 \"hi\\r\\n\"\n",
        "1.500000000 send(1000005, 4) = 4 \"hi\\r\\n\"\n1.500000000 peer 1 receives 4 \"hi\\r\\n\"\n",
        "1.500000000 peer 1 closes\n",
        "1.500000000 note: \"step 2\"\n",
    };
    const char *rest = TorcSim_trace(sim);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        const char *found = strstr(rest, lines[i]);
        ck_assert_msg(found, "no line %s in:\n%s", lines[i], rest);
        rest = found + 1;
    }
}
END_TEST

START_TEST(faults_signals_and_events_have_lines)
{
    int fd = open_socket(AF_INET);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EINTR, 1);
    (void)recv_result(fd);
    ck_assert_int_eq(connect_to(fd, "127.0.0.1", 79), -EINPROGRESS);
    look_around();
    const char *trace = TorcSim_trace(sim);
    ck_assert_ptr_nonnull(strstr(trace, " fault: recv(1000003) EINTR"));
    ck_assert_ptr_nonnull(strstr(trace, " recv(1000003, 4095) = EINTR\n"));
    ck_assert_ptr_nonnull(strstr(trace, " connect(1000003, 127.0.0.1:79) = EINPROGRESS\n"));
    ck_assert_ptr_nonnull(strstr(trace, " event: connection attempt\n"));
}
END_TEST

START_TEST(socket_options_have_their_names)
{
    int fd = open_socket(AF_INET);
    TorcSim_setTraceSize(sim, 100);
    close_hard(fd);
    fd = open_socket(AF_INET);
    ck_assert_int_eq(set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1), 0);
    ck_assert_int_eq(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
    ck_assert_int_eq(set_int(fd, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
    ck_assert_int_eq(set_int(fd, IPPROTO_IP, 1, 1),
                     0); /* IP_TOS, which has the number of another */
    ck_assert_str_eq(TorcSim_trace(sim),
                     "0.000000000 setsockopt(1000003, SO_LINGER) = 0 value 1\n"
                     "0.000000000 close(1000003) = 0\n"
                     "0.000000000 socket(AF_INET) = 1000003\n"
                     "0.000000000 setsockopt(1000003, TCP_NODELAY) = 0 value 1\n"
                     "0.000000000 getsockopt(1000003, SO_ERROR) = 0 value 0\n"
                     "0.000000000 setsockopt(1000003, 1, 9999) = ENOPROTOOPT\n"
                     "0.000000000 setsockopt(1000003, IP_TOS) = 0 value 1\n");
}
END_TEST

START_TEST(a_fault_stands_below_the_call_that_meets_it)
{
    int fd = open_socket(AF_INET);
    TorcSim_setTraceSize(sim, 100);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EINTR, 1);
    (void)recv_result(fd);
    ck_assert_str_eq(TorcSim_trace(sim),
                     "0.000000000 recv(1000003, 4095) = EINTR\n"
                     "0.000000000 fault: recv(1000003) EINTR is made to fail\n");
}
END_TEST

START_TEST(long_texts_are_cut_and_bytes_escaped)
{
    char text[200];
    char wanted[120];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    TorcSim_note(sim, "%s", text);
    memset(wanted, 'x', 96);
    strcpy(wanted + 96, "\"...\n");
    ck_assert_ptr_nonnull(strstr(TorcSim_trace(sim), wanted));
    TorcSim_note(sim, "a\"b\\c\x01\x7f\xff\t");
    ck_assert_ptr_nonnull(strstr(TorcSim_trace(sim), "\"a\\\"b\\\\c\\x01\\x7f\\xff\\t\"\n"));
}
END_TEST

static size_t lines_told;
static char last_line[700];

static void count_line(const char *line, void *arg)
{
    ck_assert_ptr_eq(arg, &lines_told);
    ck_assert_ptr_null(strchr(line, '\n'));
    lines_told++;
    (void)snprintf(last_line, sizeof(last_line), "%s", line);
}

START_TEST(the_latest_lines_are_kept)
{
    TorcSim_setTraceSize(sim, 3);
    for (int i = 1; i <= 5; i++)
        TorcSim_note(sim, "%d", i);
    ck_assert_str_eq(TorcSim_trace(sim), "0.000000000 note: \"3\"\n0.000000000 note: \"4\"\n"
                                         "0.000000000 note: \"5\"\n");
    lines_told = 0;
    TorcSim_writeTrace(sim, count_line, &lines_told);
    ck_assert_uint_eq(lines_told, 3);
    ck_assert_str_eq(last_line, "0.000000000 note: \"5\"");
    TorcSim_setTraceSize(sim, 5);
    ck_assert_str_eq(TorcSim_trace(sim), "");
    TorcSim_note(sim, "6");
    ck_assert_str_eq(TorcSim_trace(sim), "0.000000000 note: \"6\"\n");
}
END_TEST

START_TEST(a_follower_gets_each_line_once)
{
    TorcSim_setTraceSize(sim, 1000000);
    lines_told = 0;
    TorcSim_followTrace(sim, count_line, &lines_told);
    converse(sim);
    size_t kept = 0;
    for (const char *next = TorcSim_trace(sim); *next; next++)
        kept += *next == '\n';
    ck_assert_uint_gt(kept, 100);
    ck_assert_uint_eq(lines_told, kept);
    TorcSim_followTrace(sim, NULL, NULL);
    TorcSim_note(sim, "unheard");
    ck_assert_uint_eq(lines_told, kept);
}
END_TEST

START_TEST(a_line_pushed_out_by_what_its_call_brought_about_stays_out)
{
    int fd = open_socket(AF_INET);
    TorcSim_failCall(sim, TORC_SIM_RECV, 1, EINTR, 1);
    TorcSim_setTraceSize(sim, 1);
    ck_assert_int_eq(recv_result(fd), -EINTR);
    ck_assert_ptr_nonnull(strstr(TorcSim_trace(sim), " EINTR is made to fail\n"));
}
END_TEST

START_TEST(a_trace_that_is_off_stands_still)
{
    TorcSim_setTraceSize(sim, 0);
    uint64_t before = TorcSim_traceHash(sim);
    converse(sim);
    ck_assert_uint_eq(TorcSim_traceHash(sim), before);
    ck_assert_str_eq(TorcSim_trace(sim), "");
}
END_TEST

/* ---- the hash -------------------------------------------------------------------------------- */

START_TEST(the_same_seed_gives_the_same_hash_and_another_seed_another)
{
    ck_assert_uint_eq(hash_of_seed(1), hash_of_seed(1));
    ck_assert_uint_ne(hash_of_seed(1), hash_of_seed(2));
}
END_TEST

static bool send_and_hash(TorcSim *one, void *arg)
{
    char text[300];
    memset(text, 'x', sizeof(text));
    int change = *(int *)arg;
    if (change >= 0)
        text[change] = 'y';
    serve_echo(one);
    TorcSimPeer_sendBytes(TorcSim_connect(one, 8881), text, sizeof(text));
    *(int *)arg = (int)(TorcSim_traceHash(one) & INT32_MAX);
    return true;
}

START_TEST(the_hash_covers_every_byte_also_those_not_shown)
{
    int plain = -1;
    ck_assert(torc_sim_runSeeds(1, 1, send_and_hash, &plain));
    for (int i = 0; i < 300; i += 13) {
        int changed = i;
        ck_assert(torc_sim_runSeeds(1, 1, send_and_hash, &changed));
        ck_assert_int_ne(changed, plain);
    }
}
END_TEST

/* ---- seeds ----------------------------------------------------------------------------------- */

typedef struct Runs {
    uint64_t seeds[20];
    int count;
    uint64_t bad; /* the seed that fails; 0: none */
    bool silent;
} Runs;

static bool note_seed(TorcSim *one, void *arg)
{
    Runs *runs = arg;
    runs->seeds[runs->count++] = TorcSim_seed(one);
    if (TorcSim_seed(one) != runs->bad)
        return true;
    TorcSim_note(one, "about to fail");
    if (runs->silent)
        return false;
    TORC_SIM_CHECK(one, runs->bad == 0);
    return true;
}

START_TEST(each_seed_is_run_once_in_order)
{
    Runs runs = {.bad = 0};
    ck_assert(torc_sim_runSeeds(5, 4, note_seed, &runs));
    ck_assert_int_eq(runs.count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(runs.seeds[i], 5 + (uint64_t)i);
}
END_TEST

static void mute(void)
{
    if (!freopen("/dev/null", "w", stderr))
        ck_abort_msg("no /dev/null");
}

START_TEST(the_first_failure_ends_it)
{
    Runs runs = {.bad = 7};
    mute();
    ck_assert(!torc_sim_runSeeds(5, 10, note_seed, &runs));
    ck_assert_int_eq(runs.count, 3);
    runs = (Runs){.bad = 7, .silent = true};
    ck_assert(!torc_sim_runSeeds(5, 10, note_seed, &runs));
    ck_assert_int_eq(runs.count, 3);
}
END_TEST

START_TEST(the_environment_chooses_the_one_seed_to_run)
{
    static const char *const texts[] = {"12345", "0x3039", "0X3039", "00012345"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        Runs runs = {.bad = 0};
        setenv("TORC_SIM_SEED", texts[i], 1);
        ck_assert(torc_sim_runSeeds(1, 10, note_seed, &runs));
        ck_assert_int_eq(runs.count, 1);
        ck_assert_uint_eq(runs.seeds[0], 12345);
    }
    begin_again(TORC_SIM_OPTIONS(.seed = 1));
    ck_assert_uint_eq(TorcSim_seed(sim), 12345);
    setenv("TORC_SIM_SEED", "18446744073709551615", 1);
    begin_again(TORC_SIM_OPTIONS(.seed = 1));
    ck_assert_uint_eq(TorcSim_seed(sim), UINT64_MAX);
    unsetenv("TORC_SIM_SEED");
}
END_TEST

static void begin_with_environment(const char *text)
{
    setenv("TORC_SIM_SEED", text, 1);
    TorcSim_new(1);
}

START_TEST(an_environment_with_a_word_is_fatal)
{
    begin_with_environment("12x");
}
END_TEST

START_TEST(an_environment_with_a_sign_is_fatal)
{
    begin_with_environment("-1");
}
END_TEST

START_TEST(an_environment_with_nothing_in_it_is_fatal)
{
    begin_with_environment("0x");
}
END_TEST

START_TEST(an_environment_beyond_64_bits_is_fatal)
{
    begin_with_environment("18446744073709551616");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_conversation_reads_as_it_went,
        faults_signals_and_events_have_lines,
        socket_options_have_their_names,
        a_fault_stands_below_the_call_that_meets_it,
        long_texts_are_cut_and_bytes_escaped,
        the_latest_lines_are_kept,
        a_follower_gets_each_line_once,
        a_line_pushed_out_by_what_its_call_brought_about_stays_out,
        a_trace_that_is_off_stands_still,
        the_same_seed_gives_the_same_hash_and_another_seed_another,
        the_hash_covers_every_byte_also_those_not_shown,
        each_seed_is_run_once_in_order,
        the_first_failure_ends_it,
        the_environment_chooses_the_one_seed_to_run,
        NULL,
    };
    const TTest *const fatal[] = {
        an_environment_with_a_word_is_fatal,
        an_environment_with_a_sign_is_fatal,
        an_environment_with_nothing_in_it_is_fatal,
        an_environment_beyond_64_bits_is_fatal,
        NULL,
    };
    return run_suite(&(TestSuite){"sim_trace", begin, end, tests, fatal});
}
