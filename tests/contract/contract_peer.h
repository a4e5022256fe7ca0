/* Peers, as the worlds see them. Not for tests. */
#ifndef TORC_TESTS_CONTRACT_PEER_H
#define TORC_TESTS_CONTRACT_PEER_H

#include "contract_world.h"

/* The other end of a connection: one of a simulation, or descriptors (the same twice: a socket),
 * which must not block and are taken over. */
Peer *peer_ofSim(TorcSimPeer *sim);
Peer *peer_of(int in, int out);

/* Moves what can be moved; true: something was. Only real peers have something to do. */
bool peers_pump(void);

#endif
