/* A gate: one thread waits before it until another opens it, once. */
#ifndef TORC_REACTOR_GATE_INTERNAL_H
#define TORC_REACTOR_GATE_INTERNAL_H

#include "api.h"

typedef struct TorcGate TorcGate;

/* NULL: out of memory. */
TorcGate *torc__gate_new(void);

/* When both threads have returned from it. NULL is fine. */
void torc__gate_free(TorcGate *gate);

void torc__gate_wait(TorcGate *gate);

/* What was written before this is seen by the thread that waited. */
void torc__gate_open(TorcGate *gate);

#endif
