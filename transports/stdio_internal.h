/* Two descriptors, one to read and one to write, as a stream sees a single socket. Not installed. */
#ifndef TORC_TRANSPORTS_STDIO_INTERNAL_H
#define TORC_TRANSPORTS_STDIO_INTERNAL_H

#include "../reactor/reactor_internal.h"

typedef struct TorcStdioSystem TorcStdioSystem;

typedef struct TorcStdioSide {
    TorcStdioSystem *system;
    int fd;            /* -1: closed */
    unsigned interest; /* TORC_READABLE of the input, TORC_WRITABLE of the output */
    bool wanted;       /* the stream waits for it */
    bool pollable;     /* false: always ready, as files are */
    bool was_blocking;
    bool refused;         /* the last read or write said EAGAIN */
    TorcDelayedCall call; /* says that it is ready, when it is not pollable */
    TorcWatch watch;
} TorcStdioSide;

/* The layer: a system for one stream. Its table has what a stream asks of its system, no more. */
struct TorcStdioSystem {
    TorcSystem base; /* first: a TorcSystem * is cast to this */
    TorcReactor *reactor;
    TorcStdioSide input;
    TorcStdioSide output;
    int failure; /* a code that ends the connection; 0: none */
    TorcWatchFunction *function;
    void *arg;
};

/* Duplicates the descriptors and makes them non-blocking. The memory stays in place until close. 0
 * or a negative code, and then nothing has changed. The stream is opened with the input's. */
int torc__stdioSystem_open(TorcStdioSystem *system, TorcReactor *reactor, int input, int output);

/* Closes what is still open. May be called again. */
void torc__stdioSystem_close(TorcStdioSystem *system);

#endif
