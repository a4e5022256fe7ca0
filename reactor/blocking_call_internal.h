/* Threads that wait for a call on the reactor's thread: blockingCallFromThread. */
#ifndef TORC_REACTOR_BLOCKING_CALL_INTERNAL_H
#define TORC_REACTOR_BLOCKING_CALL_INTERNAL_H

#include <pthread.h>

#include "api.h"
#include "call.h"

typedef struct TorcBlockedCall TorcBlockedCall;

/* The threads that wait for one reactor. */
typedef struct TorcBlockedCalls {
    pthread_mutex_t lock;
    TorcBlockedCall *first;
    bool closed;
} TorcBlockedCalls;

/* 0 or a negative code. */
int torc__blockedCalls_init(TorcBlockedCalls *blocked);
void torc__blockedCalls_done(TorcBlockedCalls *blocked);

/* Sends all threads home with -ECANCELED, and those that come from now on: for the reactor's thread
 * before it waits for threads itself, and before the reactor is freed. */
void torc__blockedCalls_close(TorcReactor *reactor);
void torc__blockedCalls_open(TorcReactor *reactor);

/* In a child that fork made: those threads are not here. The lock begins anew. */
void torc__blockedCalls_forget(TorcReactor *reactor);

#endif
