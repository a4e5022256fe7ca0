/* Torture: a conversation is held again and again, and each time another call fails.
 *
 * A case is a function that uses the library as a program would, on whatever world it is given, and
 * goes as far as it can:
 *
 *     static void echo(void)
 *     {
 *         TRY(listen_as(&server, echo_back));
 *         TRY(connect_to(&server, &client, say_hello));
 *         TRY(until(client.received == 5));
 *         TorcTransport_loseConnection(client.transport);
 *         TRY(until(client.lost && server.lost));
 *     }
 *
 * TRY leaves the case when something did not work, which is fine if a fault has struck and an error
 * if none has. What must hold in any case is checked beside it: connectionMade and connectionLost
 * once each and in order, no crash, no hang, no sanitizer report, the same reactor then serves a
 * fresh echo, and in the end there are as many descriptors and blocks of memory as there were, and
 * the case goes through without a fault.
 *
 * A run is a process of its own. A failed check ends it with a message. */
#ifndef TORC_TESTS_TORTURE_H
#define TORC_TESTS_TORTURE_H

#include <stddef.h>
#include <torc/torc.h>

#include "faults.h"
#include "testing/sim.h"
#include "testing/sim_files.h"

/* ---- worlds -------------------------------------------------------------------------------- */

enum {
    ON_SIM = 1,  /* the simulated kernel */
    ON_REAL = 2, /* real sockets */
    ON_ALL = ON_SIM | ON_REAL,
    CALLS = 4 /* and with errors of single calls */
};

typedef struct World {
    const char *name;
    TorcReactor *reactor;
    TorcSim *sim;           /* NULL: real sockets */
    TorcSystem *system;     /* below the reactor, if it is not the reactor's own */
    bool broken;            /* a fault has struck in it */
    bool may_leave_files;   /* and that is no wonder */
    char directory[40];     /* for UNIX sockets and files */
    const char *address[2]; /* UNIX addresses in it */
} World;

extern World world;

int worlds_count(void);
const char *world_nameOf(int index);
unsigned world_kindOf(int index); /* ON_SIM or ON_REAL */

/* Whether errors of single calls can be tried in the worlds to come. */
void world_setCalls(bool with);

/* False: there is no reactor. world_end is called in any case. */
bool world_begin(int index);
void world_end(void);

/* A turn of the loop; in virtual time whatever happens in ten milliseconds. */
void turn(void);
void pass_time(double seconds);

/* ---- checks -------------------------------------------------------------------------------- */

/* Ends the run as failed. */
_Noreturn void torture_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            torture_fail(__FILE__, __LINE__, "%s", #condition);                                    \
    } while (0)

/* True: it worked. False: it did not, and a fault has struck. */
bool torture_worked(bool worked, const char *file, int line, const char *what);

#define WORKED(condition) torture_worked((condition), __FILE__, __LINE__, #condition)

/* Notes an error that somebody was told, and returns it. */
int told(int code);

/* True: a fault has struck, and what does not work need not. */
bool faults_excuse(void);

/* The same, and nothing more is to be expected of it: whoever was to be told of it was. */
bool faults_settled(void);

#define TRY(condition)                                                                             \
    do {                                                                                           \
        if (!WORKED(condition))                                                                    \
            return;                                                                                \
    } while (0)

/* Turns until the condition holds; false: that is not to be expected any more. What a fault may have
 * kept from happening is waited for a little while only. */
void wait_start(bool must_come);
bool wait_turn(void);

#define wait_for(condition, must_come)                                                             \
    __extension__({                                                                                \
        bool held_ = true;                                                                         \
        wait_start(must_come);                                                                     \
        while (!(condition) && (held_ = wait_turn()))                                              \
            ;                                                                                      \
        held_;                                                                                     \
    })

#define until(condition) wait_for(condition, false)

/* What must come, fault or not. */
#define MUST_COME(condition) CHECK(wait_for(condition, true))

/* ---- parties ------------------------------------------------------------------------------- */

/* One side of conversations: what its connections do, and what happened to them. */
typedef struct Party Party;
typedef void PartyFunction(Party *party);

struct Party {
    PartyFunction *on_made;
    PartyFunction *on_data;
    PartyFunction *on_lost;
    bool half_closeable; /* its class has readConnectionLost */

    unsigned built;
    unsigned made;
    unsigned lost;
    unsigned destroyed;
    unsigned failed; /* attempts to connect */
    unsigned ended;  /* readConnectionLost */
    unsigned paused; /* pauseProducing */
    unsigned resumed;
    size_t received;     /* bytes, of all connections */
    size_t chunk;        /* of the last dataReceived */
    const void *data;    /* the same; valid during on_data */
    int code;            /* of the last reason */
    TorcReasonKind kind; /* likewise */
    int descriptors;     /* that came; they are closed */

    struct Talker *connections;
    TorcProtocol *protocol; /* of the latest connection; NULL when it is gone */
    TorcTransport *transport;
    TorcPort *port;           /* that it listens on; a reference */
    TorcConnector *connector; /* while there is one */
    TorcClientFactory *factory;
};

/* Of a world; they are emptied at its end. */
extern Party server;
extern Party client;

/* Its factory, made at first use; NULL: no memory. The party's. */
TorcClientFactory *party_factory(Party *party);
TorcFactory *party_base(Party *party); /* the same as a TorcFactory */

bool party_over(const Party *party); /* what was made is lost */
void party_abort(Party *party);      /* all its connections */

/* What a server mostly does, and a client. */
void echo_back(Party *party);
void say_hello(Party *party);
enum { HELLO = 5 };

/* Listens on a TCP port of its own, and connects to it. */
bool listen_as(Party *party, PartyFunction *on_data);
bool connect_to(const Party *listening, Party *party, PartyFunction *on_made);
int port_of(const Party *listening);
/* Both, and both connectionMade. */
bool connect_both(PartyFunction *server_data, PartyFunction *client_made);
/* Loses the client's and waits for the end of both. */
bool lose_both(void);
bool write_text(Party *party, const char *text);

/* ---- deferreds ----------------------------------------------------------------------------- */

/* What came of one. It lasts as long as the world, for the case may be over before it has fired. */
typedef struct Outcome {
    unsigned fired;
    bool failed;
    int code;
    const void *value; /* for comparing; NULL in a failure */
} Outcome;

/* Takes the deferred over; NULL is one that failed with -ENOMEM. */
void outcomes_clear(void); /* for a new world */
const Outcome *outcome_of(TorcDeferred *deferred);
bool succeeded(const Outcome *outcome); /* waits for it */
bool ended(const Outcome *outcome);     /* the same; a failure will do */

/* ---- cases --------------------------------------------------------------------------------- */

typedef struct TortureCase {
    const char *name;
    void (*run)(void);
    unsigned worlds;
} TortureCase;

/* Each ends with one that has no name. */
extern const TortureCase transport_cases[];
extern const TortureCase unix_cases[];
extern const TortureCase loop_cases[];
extern const TortureCase deferred_cases[];
extern const TortureCase endpoint_cases[];
extern const TortureCase protocol_cases[];
extern const TortureCase planted_cases[]; /* with mistakes in them; only when named */

#endif
