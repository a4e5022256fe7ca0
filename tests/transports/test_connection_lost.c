/* connectionLost: what still holds in it, and what it leaves behind. */
#include "../support/stream_test.h"

/* ---- connectionLost ------------------------------------------------------------------------ */

static TorcConnectionId seen_id;
static char seen_addresses[2][TORC_ADDRESS_TEXT_SIZE];

static void look_around(Recording *recording)
{
    TorcAddress address;
    TorcTransport_getHost(recording->transport, &address);
    TorcAddress_format(&address, seen_addresses[0], TORC_ADDRESS_TEXT_SIZE);
    TorcTransport_getPeer(recording->transport, &address);
    TorcAddress_format(&address, seen_addresses[1], TORC_ADDRESS_TEXT_SIZE);
    seen_id = TorcTransport_getConnectionId(recording->transport);
}

START_TEST(both_addresses_are_known_in_connectionLost) /* CLOSE-18 */
{
    char before[2][TORC_ADDRESS_TEXT_SIZE];
    begin_connected(_i / 2);
    look_around(&rec);
    memcpy(before, seen_addresses, sizeof(before));
    ck_assert_str_eq(before[0], "127.0.0.1:8881");
    ck_assert_int_eq(strncmp(before[1], "127.0.0.1:", 10), 0);
    rec.on[RECORD_LOST] = look_around;
    if (_i % 2)
        TorcSimPeer_reset(peer);
    else
        TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_str_eq(seen_addresses[0], before[0]);
    ck_assert_str_eq(seen_addresses[1], before[1]);
    end();
}
END_TEST

static void expect_no_protocol(Recording *recording)
{
    look_around(recording);
    ck_assert_ptr_null(TorcConnectionId_protocol(seen_id));
}

START_TEST(a_connection_id_leads_to_the_protocol_until_connectionLost) /* BUG-5 */
{
    begin_connected(_i);
    TorcConnectionId id = TorcTransport_getConnectionId(rec.transport);
    ck_assert_ptr_eq(TorcConnectionId_protocol(id), rec.protocol);
    ck_assert_ptr_eq(id.reactor, reactor);
    rec.on[RECORD_LOST] = expect_no_protocol;
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 1);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));

    /* Its memory serves another connection now. */
    rec.on[RECORD_LOST] = NULL;
    peer = connect_peer();
    TorcConnectionId next = TorcTransport_getConnectionId(rec.transport);
    ck_assert_uint_eq(next.slot, id.slot);
    ck_assert_ptr_null(TorcConnectionId_protocol(id));
    ck_assert_ptr_eq(TorcConnectionId_protocol(next), rec.protocol);
    ck_assert_ptr_null(TorcConnectionId_protocol((TorcConnectionId){0}));
    end();
}
END_TEST

static void note_call(void *arg)
{
    Recording_note(arg, "call");
}

static void note_destroyed(void *arg)
{
    Recording_note(arg, "cancelled");
}

static int bind_call(Recording *recording)
{
    return TorcReactor_callLaterWith(
        reactor, 1,
        TORC_CALL(note_call, recording, .destroy = note_destroyed, .protocol = recording->protocol),
        NULL);
}

START_TEST(calls_bound_to_a_protocol_are_cancelled_before_its_connectionLost)
{
    begin_connected(_i);
    ck_assert_int_eq(bind_call(&rec), 0);
    ck_assert_int_eq(bind_call(&rec), 0);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made cancelled cancelled lost:DONE");
    end();
}
END_TEST

START_TEST(a_bound_call_of_a_living_protocol_is_made)
{
    begin_connected(_i);
    ck_assert_int_eq(bind_call(&rec), 0);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made call cancelled");
    end();
}
END_TEST

static void bind_again(void *arg)
{
    ck_assert_int_eq(bind_call(arg), -ENOTCONN);
}

static void bind_in_connectionLost(Recording *recording)
{
    ck_assert_int_eq(bind_call(recording), -ENOTCONN);
}

START_TEST(nothing_can_be_bound_any_more_once_the_calls_are_cancelled)
{
    begin_connected(_i);
    rec.on[RECORD_LOST] = bind_in_connectionLost;
    int r = TorcReactor_callLaterWith(
        reactor, 1, TORC_CALL(note_call, &rec, .destroy = bind_again, .protocol = rec.protocol),
        NULL);
    ck_assert_int_eq(r, 0);
    TorcSimPeer_shutdown(peer);
    TorcSim_advance(sim, 10);
    ck_assert_str_eq(rec.log, "made cancelled lost:DONE cancelled");
    end();
}
END_TEST

START_TEST(the_protocol_is_freed_once_at_the_end_of_the_turn) /* CLOSE-20 */
{
    begin_connected(_i);
    TorcSimPeer_shutdown(peer);
    settle();
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
    ck_assert_ptr_null(rec.protocol);
    TorcSim_advance(sim, 100);
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
    end();
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1);
}
END_TEST

START_TEST(a_thousand_connections_come_and_go_without_leaving_anything)
{
    begin(_i);
    rec.on[RECORD_DATA] = echo;
    serve(&rec, PORT);
    size_t descriptors = TorcSim_openDescriptors(sim);
    for (int i = 0; i < 1000; i++) {
        Recording_clear(&rec);
        peer = connect_peer();
        TorcSimPeer_send(peer, "hello");
        TorcSimPeer_shutdown(peer);
        settle();
        ck_assert_str_eq(TorcSimPeer_received(peer), "hello");
    }
    ck_assert_uint_eq(rec.counts[RECORD_DESTROY], 1000);
    ck_assert_uint_eq(TorcSim_openDescriptors(sim), descriptors);
    end();
}
END_TEST

RUN_LOOP_TESTS("connectionLost", {both_addresses_are_known_in_connectionLost, 2 * MODES},
               {a_connection_id_leads_to_the_protocol_until_connectionLost, MODES},
               {calls_bound_to_a_protocol_are_cancelled_before_its_connectionLost, MODES},
               {a_bound_call_of_a_living_protocol_is_made, MODES},
               {nothing_can_be_bound_any_more_once_the_calls_are_cancelled, MODES},
               {the_protocol_is_freed_once_at_the_end_of_the_turn, MODES},
               {a_thousand_connections_come_and_go_without_leaving_anything, WHOLE_MODES})
