/* What the parts of the simulation write into its trace. Not installed.
 *
 * A line is kept as numbers and bytes and becomes text only when it is asked for, so that writing
 * one costs a few stores and a hash. */
#ifndef TORC_TESTING_SIM_TRACE_INTERNAL_H
#define TORC_TESTING_SIM_TRACE_INTERNAL_H

#include "../reactor/system_internal.h"
#include "sim_kernel_internal.h"
#include "sim_trace.h"

/* Kinds of lines: name, and how the rest is to be read (sim_trace_text.c). The order is part of
 * what the hash covers. */
#define SIM_LINE_MAP(X)                                                                            \
    X(SOCKET, "socket", FAMILY)                                                                    \
    X(BIND, "bind", ADDRESS)                                                                       \
    X(LISTEN, "listen", NUMBER)                                                                    \
    X(ACCEPT, "accept", RESULT_ADDRESS)                                                            \
    X(CONNECT, "connect", ADDRESS)                                                                 \
    X(RECV, "recv", BYTES)                                                                         \
    X(SEND, "send", BYTES)                                                                         \
    X(SHUTDOWN, "shutdown", NUMBER)                                                                \
    X(CLOSE, "close", PLAIN)                                                                       \
    X(GETSOCKNAME, "getsockname", RESULT_ADDRESS)                                                  \
    X(GETPEERNAME, "getpeername", RESULT_ADDRESS)                                                  \
    X(GETSOCKOPT, "getsockopt", OPTION)                                                            \
    X(SETSOCKOPT, "setsockopt", OPTION)                                                            \
    X(WATCH, "watch", INTEREST)                                                                    \
    X(REWATCH, "rewatch", INTEREST)                                                                \
    X(UNWATCH, "unwatch", PLAIN)                                                                   \
    X(OPEN_SPARE, "openSpare", NOTHING)                                                            \
    X(SUBMIT, "submit", NOTHING)                                                                   \
    X(LOOKUP, "lookup", NAME)                                                                      \
    X(CANCEL_LOOKUP, "cancelLookup", NOTHING)                                                      \
    X(WAIT, "wait", NOTHING)                                                                       \
    X(READY, "ready", NEWS)                                                                        \
    X(SIGNAL, "signal", SIGNAL)                                                                    \
    X(EVENT, "event", TEXT)                                                                        \
    X(NOTE, "note", NOTE)                                                                          \
    X(FAULT, "fault", FAULT)                                                                       \
    X(PEER_CONNECTS, "connects", PEER_ADDRESSES)                                                   \
    X(PEER_ACCEPTS, "accepts", PEER_ADDRESSES)                                                     \
    X(PEER_SENDS, "sends", PEER_BYTES)                                                             \
    X(PEER_RECEIVES, "receives", PEER_BYTES)                                                       \
    X(PEER_STOPS, "stops reading", PEER)                                                           \
    X(PEER_STARTS, "starts reading", PEER)                                                         \
    X(PEER_SHUTS, "shuts down", PEER)                                                              \
    X(PEER_CLOSES, "closes", PEER)                                                                 \
    X(PEER_RESETS, "resets", PEER)                                                                 \
    X(PEER_END, "gets the end", PEER)                                                              \
    X(PEER_RESET, "gets a reset", PEER)                                                            \
    X(RECVFROM, "recvfrom", BYTES)                                                                 \
    X(SENDTO, "sendto", BYTES)                                                                     \
    X(PIPE, "pipe", NOTHING)                                                                       \
    X(READ, "read", BYTES)                                                                         \
    X(WRITE, "write", BYTES)                                                                       \
    X(OPEN, "open", PATH)                                                                          \
    X(UNLINK, "unlink", PATH)                                                                      \
    X(CHMOD, "chmod", PATH_MODE)                                                                   \
    X(STAT, "stat", PATH)                                                                          \
    X(STAT_DESCRIPTOR, "statDescriptor", PLAIN)                                                    \
    X(LOCK, "lock", PLAIN)                                                                         \
    X(DUPLICATE, "duplicate", PLAIN)                                                               \
    X(SET_BLOCKING, "setBlocking", NUMBER)                                                         \
    X(PREAD, "pread", BYTES)                                                                       \
    X(SENDFILE, "sendfile", NUMBER)                                                                \
    X(SEND_DESCRIPTOR, "sendDescriptor", BYTES_WITH)                                               \
    X(RECV_DESCRIPTORS, "recvDescriptors", BYTES)                                                  \
    X(TAKE_DESCRIPTOR, "takeDescriptor", PLAIN)                                                    \
    X(DROP_DESCRIPTOR, "dropDescriptor", PLAIN)

typedef enum SimLineKind {
#define SIM_LINE_ENUM(name, text, shape) SIM_LINE_##name,
    SIM_LINE_MAP(SIM_LINE_ENUM)
#undef SIM_LINE_ENUM
} SimLineKind;

/* Bytes that a line keeps, and a text that holds any line. */
enum { SIM_LINE_BYTES = 96, SIM_LINE_TEXT = 640 };

typedef struct SimLine {
    int64_t time;
    int64_t a; /* arguments, by kind */
    int64_t b;
    int64_t result;
    uint32_t length; /* of the bytes it tells of; those kept are the first of them */
    int32_t subject; /* a descriptor, or a peer's number */
    SimLineKind kind;
    unsigned char bytes[SIM_LINE_BYTES];
} SimLine;

struct SimTrace {
    SimKernel *kernel;
    bool on;
    uint64_t count; /* lines begun since the beginning */
    uint64_t first; /* the oldest that may be kept */
    uint64_t hash;
    SimLine *lines; /* a ring; made with the first line */
    size_t size;
    TorcSimLineFunction *follow;
    void *follow_arg;
    char *text; /* what TorcSim_trace returned */
};

SimTrace *torc__simTrace_new(SimKernel *kernel);
void torc__simTrace_free(SimTrace *trace);

/* Begins a line, to be completed by end when the result is known; the returned number names it.
 * Lines that others begin meanwhile stand below it. */
uint64_t torc__simTrace_begin(SimTrace *trace, SimLineKind kind, int subject, int64_t a, int64_t b);
void torc__simTrace_end(SimTrace *trace, uint64_t number, int64_t result, const void *bytes,
                        size_t length);

/* A whole line. */
void torc__simTrace_add(SimTrace *trace, SimLineKind kind, int subject, int64_t a, int64_t b,
                        int64_t result, const void *bytes, size_t length);
void torc__simTrace_text(SimTrace *trace, SimLineKind kind, int subject, const char *text);

/* An address among the bytes of a line: a byte that says which kind, and an IP address with its port,
 * or a UNIX name to the end of the bytes. */
enum { SIM_LINE_ADDRESS = 23 };
enum { SIM_LINE_IP = 0, SIM_LINE_UNIX = 1 };
void torc__simTrace_putAddress(unsigned char *ret_bytes, const SimAddress *address);
/* ret_bytes has SIM_LINE_BYTES; returns how many it takes. A name that is too long is cut. */
size_t torc__simTrace_putName(unsigned char *ret_bytes, const struct sockaddr *name,
                              socklen_t length);

/* ---- sim_trace_text.c ---------------------------------------------------------------------- */

/* The line as text without a newline; ret_text has SIM_LINE_TEXT bytes. */
void torc__simLine_format(const SimLine *line, char *ret_text);

/* The name of a call, "recv". */
const char *torc__simCall_name(TorcSimCall call);

/* Says the last lines of the trace on stderr; so many when something has failed. */
enum { SIM_TOLD_LINES = 40 };
void torc__simTrace_sayEnd(SimTrace *trace, size_t lines);

/* ---- sim_trace_calls.c --------------------------------------------------------------------- */

/* The simulated system's table, each call of it traced. */
extern const TorcSystemOps torc__sim_tracedOps;
/* The table itself (sim_calls.c). */
extern const TorcSystemOps torc__sim_ops;

#endif
