/* One connection of the load generator: sends a stream of bytes that is known in advance, gets the
 * same stream back, and compares each byte.
 *
 * The stream is cut into parcels of one size. A parcel is begun, sent as the kernel takes it, and
 * complete when its last byte is back; as many as were agreed upon are under way at a time. All
 * connections read from one pattern, each from a place of its own. */
#ifndef TORC_BENCH_FLOW_H
#define TORC_BENCH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOW_MAX_DEPTH = 16 };

typedef struct FlowKind {
    uint32_t parcel;   /* bytes */
    uint32_t depth;    /* parcels under way, at most FLOW_MAX_DEPTH */
    uint32_t read;     /* bytes that are read at a time; 0: as many as there are */
    int receiveBuffer; /* SO_RCVBUF; 0: the kernel's choice */
    bool lines;        /* the stream consists of lines of 32 bytes */
} FlowKind;

typedef struct Flow {
    const FlowKind *kind;
    int fd;
    bool blocked;      /* waits for EPOLLOUT */
    uint16_t underWay; /* parcels */
    uint16_t oldest;   /* of them, in begun */
    uint32_t toSend;   /* bytes of parcels that have begun */
    uint32_t toCome;   /* bytes of the oldest parcel */
    uint32_t sendAt;   /* in the pattern */
    uint32_t compareAt;
    int64_t begun[FLOW_MAX_DEPTH]; /* when */
} Flow;

/* Called for each complete parcel. */
typedef void FlowDone(Flow *flow, int64_t began, void *arg);

/* Once, before all else. */
void flow_start(int epoll_fd);

/* Where the server is: a port, or a path that begins with '/'. */
void flow_setServer(const char *where);

/* Begins to connect, from one of several addresses of this host; number tells connections apart. */
void flow_connect(Flow *flow, const FlowKind *kind, unsigned number);

void flow_close(Flow *flow);

/* Begins a parcel and sends what the kernel takes. */
void flow_begin(Flow *flow, int64_t now);

/* After an event. Ends the program when a byte is wrong or the server has hung up. */
void flow_receive(Flow *flow, FlowDone *done, void *arg);
void flow_send(Flow *flow);

#endif
