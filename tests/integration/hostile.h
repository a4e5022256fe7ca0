/* What the parts of the program `hostile` share: see hostile.c. */
#ifndef TORC_TESTS_HOSTILE_H
#define TORC_TESTS_HOSTILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the attackers: hostile_attacks.c ------------------------------------------------------- */

typedef struct Attack Attack;

enum { STAGE_WAITING, STAGE_ATTACKING, STAGE_OVER };

/* In memory that both processes see. */
typedef struct Tally {
    atomic_int stage;   /* set by the observer */
    atomic_long opened; /* connections made so far */
    atomic_long open;   /* now */
    atomic_llong sent;  /* bytes */
} Tally;

/* NULL: there is no such attack. */
const Attack *attack_find(const char *name);
void attack_list(void);

/* Most memory that one connection of this attack may cost the server, in kB. */
long attack_memory(const Attack *attack);

/* Life of the attacking process: waits for its stage, attacks, leaves. Does not return. */
_Noreturn void attack_run(const Attack *attack, int port, int peers, Tally *tally);

/* ---- the healthy clients: hostile_clients.c ------------------------------------------------- */

typedef struct Clients Clients;

typedef struct Latencies {
    long answers;
    double middle; /* milliseconds, as the following */
    double p99;
    double most;
} Latencies;

/* For a finger server each request is a connection; otherwise most of them stay connected. NULL:
 * something is missing, and errno says what. */
Clients *clients_new(int port, bool finger);
void clients_free(Clients *clients);

/* Sends requests and takes answers for at most so many seconds. */
void clients_run(Clients *clients, double seconds);

/* What was measured since the last time. Whoever still waits for an answer counts as if it had come
 * now. */
Latencies clients_take(Clients *clients);

/* Since the last clients_take: connections that stayed and were lost, and requests of newcomers
 * that got no answer or were answered. */
long clients_lost(const Clients *clients);
long clients_refused(const Clients *clients);
long clients_welcomed(const Clients *clients);

/* ---- the verdict: hostile_verdict.c --------------------------------------------------------- */

typedef enum Verdict {
    QUICK_ENOUGH,
    TOO_SLOW,
    NOT_JUDGED /* the machine was too busy, or never is that fast */
} Verdict;

/* Of the milliseconds that 99 % of the healthy requests took: without the attack, beside it, and at
 * most. */
Verdict verdict_of(double control, double beside, double most);

/* ---- the server, seen from outside: hostile_server.c ---------------------------------------- */

typedef struct Figures {
    long memory;      /* kB, now */
    long memory_most; /* kB, ever */
    long descriptors;
    double processor; /* seconds, user and system, ever */
} Figures;

/* False when the process is gone. */
bool server_look(pid_t pid, Figures *ret_figures);

/* Seconds of the monotonic clock. */
double now(void);

#endif
