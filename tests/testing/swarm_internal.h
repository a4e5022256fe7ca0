/* What the swarm's clients (swarm.c) and its watch on the servers (swarm_servers.c) share. */
#ifndef TORC_TESTS_SWARM_INTERNAL_H
#define TORC_TESTS_SWARM_INTERNAL_H

#include "swarm.h"

typedef enum Service { ECHO, LINE, FINGER, SERVICES } Service;

enum {
    SWARM_PORT = 8881, /* and the next two */
    SWARM_HIGH_MARK = 8 << 10,
    SWARM_LOW_MARK = 1 << 10,
    SWARM_BUFFER_LIMIT = 13 << 10, /* the high mark, one read, and the line it completes */
    SWARM_ANSWER_LIMIT = 64 << 10  /* finger writes its answer at once */
};

typedef enum Ending {
    HALF_CLOSES, /* and reads on until the server closes: the only one that must get everything */
    CLOSES,
    RESETS,
    FALLS_SILENT
} Ending;

/* A client, and what the server's side of its connection has seen. */
typedef struct Client {
    TorcSimPeer *peer; /* NULL: could not connect */
    Service service;
    Ending ending;
    const char *content;
    size_t goal; /* bytes of content it sends before it ends */
    size_t sent;
    bool ended;
    bool reads;
    unsigned made;
    unsigned lost;
    TorcReasonKind reason; /* of connectionLost */
} Client;

typedef struct Swarm {
    TorcSim *sim;
    SwarmPlan *plan;
    uint64_t choices;
    Client clients[SWARM_CLIENTS];
} Swarm;

/* Listens for the three services; the watch is on this run from now on. */
bool swarm_serve(Swarm *swarm);

/* The finger server's directory, and who may be asked for. */
TorcFingerDirectory *swarm_directory(void);

/* Client number i connects from an address of its own, by which the server's side knows it. */
enum { SWARM_ADDRESS_SIZE = 24 };
void swarm_formatAddress(unsigned i, char text[SWARM_ADDRESS_SIZE]);

#endif
