/* A flood of connections beside one that is there already. */
#include "../support/stream_test.h"

enum { FLOOD = 1000, MOST_A_TURN = 64 };

static uint64_t accepted(void)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    ck_assert_int_eq(TorcReactor_getCounters(reactor, &counters), 0);
    return counters.connectionsAccepted;
}

START_TEST(a_flood_of_connections_leaves_every_turn_to_those_that_are_there) /* BUG-2 */
{
    begin(_i);
    TorcFactory *factory = TorcFactory_forProtocol(&torc_echo_class);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, PORT, factory, NULL, &port), 0);
    TorcFactory_unref(factory);
    peer = connect_peer();
    for (int i = 0; i < FLOOD; i++)
        ck_assert_ptr_nonnull(TorcSim_connect(sim, PORT));

    for (size_t turn = 1; accepted() < 1 + FLOOD; turn++) {
        uint64_t before = accepted();
        TorcSimPeer_send(peer, "x");
        ck_assert_int_eq(TorcReactor_iterate(reactor, 0), 0);
        ck_assert_uint_le(accepted() - before, MOST_A_TURN);
        ck_assert_uint_eq(TorcSimPeer_receivedLength(peer), turn);
        ck_assert_uint_le(turn, 2 + FLOOD / MOST_A_TURN);
    }
    end();
}
END_TEST

RUN_LOOP_TESTS("a flood of connections",
               {a_flood_of_connections_leaves_every_turn_to_those_that_are_there, MODES})
