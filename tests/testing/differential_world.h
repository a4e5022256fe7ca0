/* One run of a script of the differential test: a system, 26 descriptors and a log. Calls go through
 * the system's table only, so the same code drives both systems. A mistake in a script ends the test
 * program. */
#ifndef TORC_TESTS_DIFFERENTIAL_WORLD_H
#define TORC_TESTS_DIFFERENTIAL_WORLD_H

#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "testing/sim_internal.h"

enum {
    SLOTS = 26,
    MOST_WORDS = 8,
    MOST_PORTS = 64,
    MOST_LOOKS = 50,     /* of a settling by edge, which is over when nothing is reported */
    BLOCK = 8192,        /* for fill and drain */
    SHOWN = 40,          /* bytes of what is received that the log shows */
    MOST_MANY = 1 << 20, /* for sendmany and its kin */
};

typedef struct World World;

typedef struct Slot {
    World *world;
    int fd; /* -1 after close: what then is called on it is EBADF */
    bool open;
    bool by_read; /* read and write are for it, not recv and send: no socket */
    bool watched;
    bool ignored;  /* what it is told in this step is not said */
    uint16_t port; /* the last it was seen to have */
    unsigned told;
    char *then; /* NULL: the watch does nothing */
    size_t sent;
    size_t received;
    TorcWatch watch;
} Slot;

struct World {
    TorcSystem *system;
    TorcSim *sim; /* NULL: the system is the real one */
    bool edge;
    bool quiet;
    bool fin_sent; /* in this step */
    int64_t settle_time;
    unsigned reports; /* of watches, in this look */
    FILE *log;
    int former_directory; /* of a real system, which is in one of its own meanwhile */
    char directory[32];
    uint16_t ports[MOST_PORTS];
    unsigned port_count;
    Slot slots[SLOTS];
};

typedef union Name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_un un;
    struct sockaddr_storage room;
} Name;

/* The words of a call, the first being its name. */
typedef struct Words {
    unsigned count;
    const char *at[MOST_WORDS];
} Words;

static inline const TorcSystemOps *ops_of(const World *world)
{
    return world->system->ops;
}

/* ---- the log ------------------------------------------------------------------------------- */

void World_say(World *world, const char *format, ...) TORC_PRINTF(2, 3);
void World_sayResult(World *world, ssize_t r);
/* As World_sayResult, for calls that answer nothing but a descriptor. */
void World_sayDone(World *world, int r);
void World_sayBytes(World *world, const char *bytes, ssize_t n);
void World_sayName(World *world, const Name *name, socklen_t length);
/* What the watches were told in this step, which is over. */
void World_sayTold(World *world);

/* ---- words --------------------------------------------------------------------------------- */

const char *Words_at(const Words *words, unsigned i);
/* "" is written as '-'. */
const char *Words_text(const Words *words, unsigned i);
size_t Words_size(const Words *words, unsigned i);
Slot *World_slot(World *world, const Words *words, unsigned i);
/* An address at word i and its port behind it, or "unix" and a name. */
socklen_t World_address(World *world, const Words *words, unsigned i, Name *ret_name);
unsigned World_interest(const World *world, const Words *words, unsigned i);

/* ---- descriptors --------------------------------------------------------------------------- */

void Slot_open(Slot *slot, int fd, bool by_read);
int Slot_close(Slot *slot);
void Slot_unwatch(Slot *slot);
void Slot_notePort(Slot *slot);

/* ---- running ------------------------------------------------------------------------------- */

/* Waits for an acknowledgement that a real kernel may put off. */
void World_awaitAnswer(const World *world);
/* One look without waiting. */
void World_look(World *world);
/* As many as it takes, by edge, until nothing is reported. */
void World_settle(World *world);

/* The call that the first word names (differential_calls.c). */
void World_call(World *world, const Words *words);

/* Those on files and on descriptors of any kind (differential_files.c). */
void World_file(World *world, const Words *words);
void World_unlink(World *world, const Words *words);
void World_chmod(World *world, const Words *words);
void World_stat(World *world, const Words *words);
void World_statOpen(World *world, const Words *words);
void World_same(World *world, const Words *words);
/* Do two descriptors stand for the same thing? */
void World_alike(World *world, const Words *words);
/* A descriptor that came over a socket, of whatever kind. */
void World_openTaken(Slot *slot, int fd);
void World_lock(World *world, const Words *words);
void World_duplicate(World *world, const Words *words);
void World_blocking(World *world, const Words *words);

/* Calls separated by ';', and the same as a step. The text is taken apart. */
void World_runCalls(World *world, char *text);
void World_runLine(World *world, char *line);

#endif
