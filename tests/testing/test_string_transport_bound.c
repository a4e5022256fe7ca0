/* The string transport: what hangs on its connection and ends with it, calls on a reactor that are
 * bound to it and ids. */
#include "string_transport_fixture.h"

/* ---- the reactor --------------------------------------------------------------------------- */

static TorcSim *sim;

static void set_up_sim(void)
{
    set_up();
    sim = TorcSim_new(1);
    TorcStringTransport_setReactor(wire, TorcSim_reactor(sim));
    connect_recorder();
}

static void tear_down_sim(void)
{
    tear_down();
    TorcSim_free(sim);
}

static void note_call(void *arg)
{
    Recording_note(arg, "called");
}

static void note_destroy(void *arg)
{
    Recording_note(arg, "dropped");
}

static void bind_call(double delay)
{
    const TorcCall *call =
        TORC_CALL(note_call, &rec, .destroy = note_destroy, .protocol = rec.protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(TorcSim_reactor(sim), delay, call, NULL), 0);
}

START_TEST(timers_run_when_the_simulation_is_advanced)
{
    ck_assert_ptr_eq(TorcTransport_getReactor(rec.transport), TorcSim_reactor(sim));
    bind_call(30);
    TorcSim_advance(sim, 29);
    ck_assert_str_eq(rec.log, "made");
    TorcSim_advance(sim, 2);
    ck_assert_str_eq(rec.log, "made called dropped");
}
END_TEST

START_TEST(bound_calls_are_cancelled_before_connectionLost)
{
    bind_call(30);
    TorcTransport_loseConnection(rec.transport);
    ck_assert_str_eq(rec.log, "made");
    TorcStringTransport_turn(wire);
    ck_assert_str_eq(rec.log, "made dropped lost:DONE");
    TorcSim_advance(sim, 60);
    ck_assert_str_eq(rec.log, "made dropped lost:DONE");
}
END_TEST

static void bind_late(Recording *recording)
{
    TorcReactor *reactor = TorcTransport_getReactor(recording->transport);
    const TorcCall *call = TORC_CALL(note_call, recording, .protocol = recording->protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(reactor, 1, call, NULL), -ENOTCONN);
}

START_TEST(in_connectionLost_nothing_can_be_bound_any_more)
{
    rec.on[RECORD_LOST] = bind_late;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made lost:LOST");
}
END_TEST

START_TEST(a_reactor_freed_first_leaves_nothing_bound)
{
    bind_call(30);
    TorcSim_free(sim);
    sim = NULL;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_str_eq(rec.log, "made dropped lost:LOST");
}
END_TEST

START_TEST(binding_a_call_without_a_reactor_is_fatal)
{
    sim = TorcSim_new(1);
    connect_recorder();
    bind_call(1);
}
END_TEST

/* ---- connection ids ------------------------------------------------------------------------ */

static TorcConnectionId id;

static void look_for_itself(Recording *recording)
{
    (void)recording;
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}

START_TEST(an_id_finds_the_protocol_while_it_is_connected)
{
    id = TorcTransport_getConnectionId(rec.transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), rec.protocol);
    rec.on[RECORD_LOST] = look_for_itself;
    TorcStringTransport_lose(wire, TorcReason_static(TORC_CONNECTION_LOST));
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}
END_TEST

START_TEST(an_id_outlives_its_string_transport)
{
    id = TorcTransport_getConnectionId(rec.transport);
    TorcStringTransport_free(wire);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    wire = TorcStringTransport_new();
    connect_recorder();
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
}
END_TEST

START_TEST(ids_tell_string_transports_apart)
{
    TorcStringTransport *other = TorcStringTransport_forProtocol(&torc_echo_class);
    TorcTransport *transport = TorcStringTransport_transport(other);

    id = TorcTransport_getConnectionId(transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), TorcStringTransport_protocol(other));
    ck_assert_ptr_eq(TorcConnectionId_protocol(TorcTransport_getConnectionId(rec.transport)),
                     rec.protocol);
    TorcStringTransport_free(other);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    ck_assert_ptr_eq(TorcConnectionId_protocol(TorcTransport_getConnectionId(rec.transport)),
                     rec.protocol);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("string transport: bound");
    SRunner *runner = srunner_create(suite);

    ADD_CASE(suite, "on a reactor", set_up_sim, tear_down_sim,
             timers_run_when_the_simulation_is_advanced,
             bound_calls_are_cancelled_before_connectionLost,
             in_connectionLost_nothing_can_be_bound_any_more,
             a_reactor_freed_first_leaves_nothing_bound);
    ADD_CASE(suite, "ids", set_up_connected, tear_down,
             an_id_finds_the_protocol_while_it_is_connected, an_id_outlives_its_string_transport,
             ids_tell_string_transports_apart);
    ADD_FATAL(suite, runner, binding_a_call_without_a_reactor_is_fatal);
    return run_and_free(runner) ? 0 : 1;
}
