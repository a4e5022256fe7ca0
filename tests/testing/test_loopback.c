/* Loopback: two protocols against each other, under each pump policy. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/recorder.h"
#include "test_suite.h"

static Recording server;
static Recording client;
static TorcLoopback *loop;

static void set_up(void)
{
    server = (Recording){.half_closeable = true};
    client = (Recording){.half_closeable = true};
}

static void begin(const TorcLoopbackOptions *options)
{
    TorcClientFactory *servers = Recording_factory(&server);
    TorcClientFactory *clients = Recording_factory(&client);

    loop = TorcLoopback_new(&servers->base, &clients->base, options);
    ck_assert_ptr_nonnull(loop);
    TorcFactory_unref(&servers->base);
    TorcFactory_unref(&clients->base);
}

static void begin_policy(TorcLoopbackPolicy policy)
{
    begin(TORC_LOOPBACK_OPTIONS(.policy = policy));
}

static void tear_down(void)
{
    TorcLoopback_free(loop);
    loop = NULL;
    Recording_done(&server);
    Recording_done(&client);
}

static void write_text(Recording *recording, const char *text)
{
    ck_assert_int_eq(TorcTransport_write(recording->transport, text, strlen(text)), 0);
}

static void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static void three_writes(Recording *recording)
{
    write_text(recording, "one");
    write_text(recording, "two");
    write_text(recording, "three");
    lose(recording);
}

static void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    ck_assert_int_eq(
        TorcTransport_write(recording->transport, recording->received + from, recording->chunk), 0);
}

/* ---- policies ------------------------------------------------------------------------------ */

static void assert_pieces(TorcLoopbackPolicy policy, unsigned pieces)
{
    client.on[RECORD_MADE] = three_writes;
    server.on[RECORD_EOF] = lose;
    begin_policy(policy);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(Recording_received(&server), "onetwothree");
    ck_assert_uint_eq(server.counts[RECORD_DATA], pieces);
    ck_assert_str_eq(server.log, "made data:11 eof lost:DONE");
    ck_assert_str_eq(client.log, "made lost:DONE");
}

START_TEST(identity_makes_one_dataReceived_of_a_write)
{
    assert_pieces(TORC_LOOPBACK_IDENTITY, 3);
}
END_TEST

START_TEST(coalescing_makes_one_dataReceived_of_a_turn)
{
    assert_pieces(TORC_LOOPBACK_COALESCING, 1);
}
END_TEST

START_TEST(bytewise_makes_one_dataReceived_of_a_byte)
{
    assert_pieces(TORC_LOOPBACK_BYTEWISE, 11);
}
END_TEST

static void answer_and_lose(Recording *recording)
{
    write_text(recording, "answer");
    lose(recording);
}

static void ask(Recording *recording)
{
    write_text(recording, "question");
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), 0);
}

START_TEST(a_half_closing_client_gets_its_answer)
{
    client.on[RECORD_MADE] = ask;
    client.on[RECORD_EOF] = lose;
    server.on[RECORD_EOF] = answer_and_lose;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(server.log, "made data:8 eof lost:DONE");
    ck_assert_str_eq(client.log, "made write-shut data:6 eof lost:DONE");
    ck_assert_str_eq(TorcStringTransport_value(TorcLoopback_server(loop)), "answer");
    ck_assert_str_eq(TorcStringTransport_value(TorcLoopback_client(loop)), "question");
}
END_TEST

START_TEST(a_class_without_the_slot_closes_at_fin)
{
    server.half_closeable = false;
    client.on[RECORD_MADE] = lose;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(server.log, "made lost:DONE");
}
END_TEST

/* ---- how it ends --------------------------------------------------------------------------- */

static void start_talking(Recording *recording)
{
    write_text(recording, "ping");
}

START_TEST(two_echoes_reach_the_limit)
{
    server.on[RECORD_DATA] = client.on[RECORD_DATA] = echo;
    client.on[RECORD_MADE] = start_talking;
    begin(TORC_LOOPBACK_OPTIONS(.turns = 50));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_LIMIT);
    ck_assert_uint_eq(server.received_length + client.received_length, 4 * 50);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_LIMIT);
}
END_TEST

static void answer_twice(Recording *recording)
{
    echo(recording);
    echo(recording);
}

static size_t written(TorcStringTransport *wire)
{
    return TorcStringTransport_length(wire);
}

/* 1, 2, 4, … bytes: the first side that has written more than 10,000 has written 16,384 times 4/3. */
START_TEST(answers_that_grow_reach_the_limit_of_bytes)
{
    server.on[RECORD_DATA] = client.on[RECORD_DATA] = answer_twice;
    begin(TORC_LOOPBACK_OPTIONS(.policy = TORC_LOOPBACK_COALESCING, .bytes = 10000));
    write_text(&client, "x");
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_OVERFLOW);
    size_t server_bytes = written(TorcLoopback_server(loop));
    size_t client_bytes = written(TorcLoopback_client(loop));
    ck_assert_uint_gt(server_bytes > client_bytes ? server_bytes : client_bytes, 10000);
    ck_assert_uint_lt(server_bytes + client_bytes, 40000);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_OVERFLOW);
    ck_assert_uint_eq(written(TorcLoopback_server(loop)), server_bytes);
}
END_TEST

static void answer_with_many(Recording *recording)
{
    static const char many[1000];
    ck_assert_int_eq(TorcTransport_write(recording->transport, many, sizeof(many)), 0);
}

START_TEST(one_turn_is_enough_to_reach_it)
{
    server.on[RECORD_DATA] = answer_with_many;
    begin(TORC_LOOPBACK_OPTIONS(.policy = TORC_LOOPBACK_BYTEWISE, .bytes = 10000));
    for (int i = 0; i < 10; i++)
        answer_with_many(&client);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_OVERFLOW);
    ck_assert_uint_eq(written(TorcLoopback_server(loop)), 11000);
}
END_TEST

START_TEST(nothing_to_say_is_idle_until_there_is)
{
    begin(NULL);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made");
    write_text(&client, "now");
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made data:3");
    lose(&client);
    lose(&server);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
}
END_TEST

static void write_and_abort(Recording *recording)
{
    write_text(recording, "never");
    TorcTransport_abortConnection(recording->transport);
}

START_TEST(an_abort_resets_the_other_side)
{
    client.on[RECORD_MADE] = start_talking;
    server.on[RECORD_DATA] = write_and_abort;
    begin_policy(TORC_LOOPBACK_BYTEWISE);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(server.log, "made data:1 lost:ABORTED");
    ck_assert_str_eq(client.log, "made lost:LOST");
    ck_assert_int_eq(client.code, -ECONNRESET);
}
END_TEST

static void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

START_TEST(an_abort_reaches_a_paused_side)
{
    server.on[RECORD_MADE] = pause_reading;
    client.on[RECORD_MADE] = start_talking;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    TorcTransport_abortConnection(client.transport);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(server.log, "made lost:LOST");
}
END_TEST

START_TEST(a_paused_side_gets_its_pieces_when_it_resumes)
{
    server.on[RECORD_DATA] = pause_reading;
    client.on[RECORD_MADE] = three_writes;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made data:3");
    TorcTransport_resumeProducing(server.transport);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(Recording_received(&server), "onetwo");
    server.on[RECORD_DATA] = NULL;
    TorcTransport_resumeProducing(server.transport);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made data:11 eof");
}
END_TEST

START_TEST(what_is_sent_to_a_side_that_has_closed_is_dropped)
{
    server.on[RECORD_MADE] = lose;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made lost:DONE");
    ck_assert_str_eq(client.log, "made eof");
    write_text(&client, "anybody there?");
    lose(&client);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_CLOSED);
    ck_assert_str_eq(server.log, "made lost:DONE");
    ck_assert_str_eq(client.log, "made eof lost:DONE");
}
END_TEST

START_TEST(held_output_is_brought_over_as_it_is_taken)
{
    client.on[RECORD_MADE] = three_writes;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    TorcStringTransport_holdOutput(TorcLoopback_client(loop));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made");
    ck_assert_uint_eq(TorcStringTransport_takeOutput(TorcLoopback_client(loop), 4), 4);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(Recording_received(&server), "onet");
    ck_assert_uint_eq(server.counts[RECORD_DATA], 2);
    TorcStringTransport_releaseOutput(TorcLoopback_client(loop));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made data:11 eof");
}
END_TEST

START_TEST(clearing_a_side_loses_nothing_on_its_way)
{
    client.on[RECORD_MADE] = start_talking;
    begin_policy(TORC_LOOPBACK_IDENTITY);
    TorcStringTransport_clear(TorcLoopback_client(loop));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(server.log, "made data:4");
}
END_TEST

/* ---- making it ----------------------------------------------------------------------------- */

static void say_hello(void *arg)
{
    Recording *recording = arg;
    write_text(recording, "hello");
}

static void hello_at_once_and_later(Recording *recording)
{
    TorcReactor *reactor = TorcTransport_getReactor(recording->transport);
    for (int i = 0; i < 2; i++) {
        const TorcCall *call = TORC_CALL(say_hello, recording, .protocol = recording->protocol);
        ck_assert_int_eq(TorcReactor_callLaterWith(reactor, i * 30.0, call, NULL), 0);
    }
}

START_TEST(timers_run_on_the_simulation)
{
    TorcSim *sim = TorcSim_new(1);

    server.on[RECORD_MADE] = hello_at_once_and_later;
    begin(TORC_LOOPBACK_OPTIONS(.sim = sim));
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(client.log, "made data:5");
    TorcSim_advance(sim, 30);
    ck_assert_int_eq(TorcLoopback_run(loop), TORC_LOOPBACK_IDLE);
    ck_assert_str_eq(client.log, "made data:10");
    TorcLoopback_free(loop);
    loop = NULL;
    TorcSim_free(sim);
}
END_TEST

START_TEST(each_is_the_other_s_peer)
{
    TorcAddress host;
    TorcAddress peer;

    begin(NULL);
    TorcTransport_getHost(server.transport, &host);
    TorcTransport_getPeer(client.transport, &peer);
    ck_assert(TorcAddress_equal(&host, &peer));
    TorcTransport_getPeer(server.transport, &peer);
    ck_assert(!TorcAddress_equal(&host, &peer));
}
END_TEST

static const TorcLoopback *new_with(TorcFactory *factory, const TorcLoopbackOptions *options)
{
    errno = 0;
    return TorcLoopback_new(factory, factory, options);
}

START_TEST(what_cannot_be_made_is_refused)
{
    TorcFactory *echoes = TorcFactory_forProtocol(&torc_echo_class);
    TorcClientFactory *refusing = Recording_factory(&client);

    begin(NULL); /* for the end of the test */
    ck_assert_ptr_null(new_with(NULL, NULL));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(new_with(echoes, TORC_LOOPBACK_OPTIONS(.policy = (TorcLoopbackPolicy)3)));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_ptr_null(new_with(echoes, &(TorcLoopbackOptions){.size = 1}));
    ck_assert_int_eq(errno, EINVAL);
    client.build_code = -EACCES;
    ck_assert_ptr_null(TorcLoopback_new(echoes, &refusing->base, NULL));
    ck_assert_int_eq(errno, EACCES);
    TorcFactory_unref(echoes);
    TorcFactory_unref(&refusing->base);
}
END_TEST

START_TEST(init_fills_in_defaults)
{
    TorcLoopbackOptions options;
    memset(&options, 0xff, sizeof(options));
    TorcLoopbackOptions_init(&options);
    TorcLoopbackOptions_init(NULL);
    ck_assert_uint_eq(options.size, sizeof(options));
    ck_assert_int_eq(options.policy, TORC_LOOPBACK_IDENTITY);
    begin(&options);
}
END_TEST

START_TEST(ends_have_names)
{
    begin(NULL);
    ck_assert_str_eq(TorcLoopbackEnd_name(TORC_LOOPBACK_CLOSED), "closed");
    ck_assert_str_eq(TorcLoopbackEnd_name(TORC_LOOPBACK_IDLE), "idle");
    ck_assert_str_eq(TorcLoopbackEnd_name(TORC_LOOPBACK_LIMIT), "limit");
    ck_assert_str_eq(TorcLoopbackEnd_name(TORC_LOOPBACK_OVERFLOW), "overflow");
    ck_assert_str_eq(TorcLoopbackEnd_name((TorcLoopbackEnd)7), "unknown");
}
END_TEST

RUN_TESTS("loopback", set_up, tear_down, identity_makes_one_dataReceived_of_a_write,
          coalescing_makes_one_dataReceived_of_a_turn, bytewise_makes_one_dataReceived_of_a_byte,
          a_half_closing_client_gets_its_answer, a_class_without_the_slot_closes_at_fin,
          two_echoes_reach_the_limit, answers_that_grow_reach_the_limit_of_bytes,
          one_turn_is_enough_to_reach_it, nothing_to_say_is_idle_until_there_is,
          an_abort_resets_the_other_side, an_abort_reaches_a_paused_side,
          a_paused_side_gets_its_pieces_when_it_resumes,
          what_is_sent_to_a_side_that_has_closed_is_dropped,
          held_output_is_brought_over_as_it_is_taken, clearing_a_side_loses_nothing_on_its_way,
          timers_run_on_the_simulation, each_is_the_other_s_peer, what_cannot_be_made_is_refused,
          init_fills_in_defaults, ends_have_names)
