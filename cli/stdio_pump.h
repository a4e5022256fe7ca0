/* Standard input and output beside an event loop: a thread each, which may block as long as it
 * likes, so that the descriptors stay as they are (a terminal shared with the shell is not made
 * non-blocking) and files, pipes and terminals work alike. Memory is bounded both ways. */
#ifndef TORC_CLI_STDIO_PUMP_H
#define TORC_CLI_STDIO_PUMP_H

#include <torc/torc.h>

/* All functions belong to the reactor's thread and all callbacks come there. There is one of each
 * per process. */

/* ---- standard input ------------------------------------------------------------------------ */

typedef struct InputChunk InputChunk;

/* Called with each piece read. length > 0: bytes; give them back by input_release(chunk). 0: the
 * end; negative: -errno; then nothing follows and there is no chunk. */
typedef void InputFunction(void *arg, const void *data, ptrdiff_t length, InputChunk *chunk);

/* Starts reading. 0 or a negative code. */
int input_start(TorcReactor *reactor, InputFunction *received, void *arg);

/* Takes a chunk back, so that more can be read; a TorcFunction, for TorcTransport_writeOwned. */
void input_release(void *chunk);

/* After this the reactor may be freed. A read under way is left to itself. */
void input_stop(void);

/* ---- standard output ----------------------------------------------------------------------- */

typedef struct OutputFunctions {
    /* Little waits, after output_write has answered that much did. */
    void (*drained)(void *arg);
    /* Everything up to output_end was written (0), or it failed (-errno). Nothing follows. */
    void (*finished)(void *arg, int result);
    void *arg;
} OutputFunctions;

/* Starts the writer. 0 or a negative code. */
int output_start(TorcReactor *reactor, const OutputFunctions *functions);

/* Queues a copy. 0; 1 when much waits: write no more until `drained`; or -ENOMEM. After a failure
 * of the output the bytes are dropped. */
int output_write(const void *data, size_t length);

/* No more follows: `finished` comes when all is written. */
void output_end(void);

/* After this the reactor may be freed. A write under way is left to itself. */
void output_stop(void);

#endif
