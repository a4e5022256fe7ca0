/* Waiting for what must come: scripts of peers that cannot hang.
 *
 *     TorcSimPeer_send(peer, "NICK ann\r\n");
 *     ck_assert(TorcSimPeer_expect(peer, "WELCOME ann\r\n", 5.0));
 *     TorcSim_advance(sim, 60.0);
 *     ck_assert(TorcSimPeer_expectEnd(peer, 5.0));
 *
 * Each lets virtual time pass until what is awaited is there, no further, and `seconds` at most.
 * When that is not to be it says on stderr what was awaited, what came instead, the seed and the
 * end of the trace (TorcSim_fail), and returns false. Not from inside a callback. */
#ifndef TORC_TESTING_SIM_EXPECT_H
#define TORC_TESTING_SIM_EXPECT_H

#include "sim.h"

TORC_BEGIN_DECLS

/* The peer must receive exactly this next. It is taken off what TorcSimPeer_received returns; more
 * may follow it. Anything else fails at once. */
TORC_API bool TorcSimPeer_expect(TorcSimPeer *peer, const char *text, double seconds);
TORC_API bool TorcSimPeer_expectBytes(TorcSimPeer *peer, const void *data, size_t length,
                                      double seconds);

/* The peer must receive this somewhere in what comes; all up to its end is taken off. */
TORC_API bool TorcSimPeer_expectText(TorcSimPeer *peer, const char *text, double seconds);

/* The connection must end in order (FIN), or by RST, with nothing received that was not taken off
 * before. */
TORC_API bool TorcSimPeer_expectEnd(TorcSimPeer *peer, double seconds);
TORC_API bool TorcSimPeer_expectReset(TorcSimPeer *peer, double seconds);

/* Nothing must come, no end either, for the whole time. */
TORC_API bool TorcSimPeer_expectSilence(TorcSimPeer *peer, double seconds);

/* A connection must be made to the port on which the test listens (TorcSim_listen). NULL when none
 * is. */
TORC_API TorcSimPeer *TorcSim_expectConnection(TorcSim *sim, int port, double seconds);

/* The same for a UNIX address (TorcSim_listenUNIX). */
TORC_API TorcSimPeer *TorcSim_expectConnectionUNIX(TorcSim *sim, const char *address,
                                                   double seconds);

/* What the predicate asks for must come to be: TorcSim_runUntil that does not fail in silence. The
 * report says `what` was awaited, a phrase such as "two users in the room", and what is still there:
 * ports, connections, delayed calls and the rest (sim_hygiene.h). */
TORC_API bool TorcSim_expectThat(TorcSim *sim, TorcSimPredicate *predicate, void *arg,
                                 double seconds, const char *what);

/* All must become quiet, as TorcSim_runUntilIdle says; the report is the same. */
TORC_API bool TorcSim_expectIdle(TorcSim *sim, double seconds);

TORC_END_DECLS

#endif
