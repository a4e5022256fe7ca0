/* The trace: what happened in a simulation, a line each, with the virtual time.
 *
 *     0.000000000 socket(AF_INET6) = 1000003
 *     0.000000000 peer 1 connects 127.0.0.1:32768 to 127.0.0.1:8881
 *     0.000000000 ready(1000003) readable
 *     0.000000000 accept(1000003) = 1000005 [::ffff:127.0.0.1]:32768
 *     0.000000000 peer 1 sends 10 "NICK ann\r\n"
 *     0.000000000 ready(1000005) readable
 *     0.000000000 recv(1000005, 65536) = EINTR
 *     0.000000000 fault: recv(1000005) EINTR is made to fail
 *     0.000000000 setsockopt(1000005, TCP_NODELAY) = 0 value 1
 *
 * There is a line for each system call of the code under test with its arguments and result, each
 * readiness and signal it is told of, each event of the kernel, each thing that a peer does or
 * gets, each fault, and what the test says by TorcSim_note. The clock, random numbers and waking
 * have none; a wait has one when it fails. A call has its place where it began: what it brings
 * about at once, such as a peer's getting the bytes, stands below it.
 *
 * Same seed, same trace, byte for byte, whatever the compiler and its options. */
#ifndef TORC_TESTING_SIM_TRACE_H
#define TORC_TESTING_SIM_TRACE_H

#include "sim.h"

TORC_BEGIN_DECLS

/* How many lines are kept, the latest; those there are now are forgotten. Default 1000. 0: the
 * trace is off, and its hash stands still, which makes a simulation about twice as fast. */
TORC_API void TorcSim_setTraceSize(TorcSim *sim, size_t lines);

/* The lines kept, each with a newline; NUL-terminated, valid until the next call for this sim. */
TORC_API const char *TorcSim_trace(TorcSim *sim);

/* Calls the function with each line kept, oldest first, without the newline; the text is valid
 * during the call. */
typedef void TorcSimLineFunction(const char *line, void *arg);
TORC_API void TorcSim_writeTrace(TorcSim *sim, TorcSimLineFunction *function, void *arg);

/* From now on the function is called with each line as soon as it is complete, which for a call is
 * when it returns. NULL: no more. Slow; for a trace that must be whole. */
TORC_API void TorcSim_followTrace(TorcSim *sim, TorcSimLineFunction *function, void *arg);

/* A number that depends on every line since the beginning, and on every byte moved, whether kept or
 * not: two runs with the same hash were the same. */
TORC_API uint64_t TorcSim_traceHash(const TorcSim *sim);

/* Adds a line of the test's own, of which the first 96 bytes are kept. */
TORC_API void TorcSim_note(TorcSim *sim, const char *format, ...) TORC_PRINTF(2, 3);

TORC_END_DECLS

#endif
