/* Streams: connections on stream sockets, whatever the address family. Not installed.
 *
 * stream.c holds birth, death and the end of the turn; stream_read.c, stream_write.c and
 * stream_close.c the three things a connection does; stream_descriptors.c those that are passed over
 * UNIX sockets; stream_idle.c what becomes of one that does nothing, stream_park.c of one that wakes
 * the loop for nothing; stream_producer.c who writes no faster than the peer reads; stream_class.c
 * what can be asked of it, stream_observation.c and stream_ages.c what is told of it. Where
 * descriptors come from (ports, connectors) is their owners' business. */
#ifndef TORC_TRANSPORTS_STREAM_INTERNAL_H
#define TORC_TRANSPORTS_STREAM_INTERNAL_H

#include <assert.h>

#include "../factories/factory.h"
#include "../reactor/reactor_internal.h"
#include "stream_ages_internal.h"
#include "transport_internal.h"
#include "write_queue_internal.h"

typedef struct TorcStream TorcStream;
typedef struct TorcStreams TorcStreams;
typedef struct TorcStreamOwner TorcStreamOwner;

/* What a connection came from, a port or a connector; embedded as their first member. Counted:
 * each connection holds a reference. */
struct TorcStreamOwner {
    TorcStreams *streams;
    /* Through which its connections reach their descriptors: the reactor's, or a layer above it. */
    TorcSystem *system;
    TorcFactory *factory;
    unsigned references;
    uint64_t bytes_received;
    uint64_t bytes_sent;
    /* The connection begins; connectionMade follows. */
    void (*made)(TorcStreamOwner *owner, TorcStream *stream);
    /* connectionMade has returned; it may have asked for the end. NULL: nobody wants to know. */
    void (*connected)(TorcStreamOwner *owner, TorcStream *stream);
    /* The connection is over: its protocol's connectionLost has returned, its socket is closed. */
    void (*lost)(TorcStreamOwner *owner, const TorcReason *reason);
    void (*free)(TorcStreamOwner *owner);
};

/* With one reference, through the reactor's system. It may outlive the reactor. */
void torc__streamOwner_begin(TorcStreamOwner *owner, TorcStreams *streams, TorcFactory *factory);
void torc__streamOwner_unref(TorcStreamOwner *owner);

enum {
    /* Life. */
    TORC__IN_USE = 1 << 0,
    TORC__MADE = 1 << 1,          /* connectionMade was called */
    TORC__DISCONNECTING = 1 << 2, /* to be closed when the output has left; no more reading */
    TORC__LOST = 1 << 3,          /* over; connectionLost is due, `reason` instead of `output` */
    TORC__TOLD = 1 << 4,          /* connectionLost has returned */
    TORC__TELLING = 1 << 23,      /* connectionLost has been called */
    TORC__LINGERING = 1 << 5,     /* told, but the socket still discards input */
    TORC__RESET = 1 << 6,         /* close with RST */

    /* Writing. */
    TORC__BLOCKED = 1 << 7,          /* the kernel took less than all: wait until writable */
    TORC__WRITE_CLOSING = 1 << 8,    /* loseWriteConnection */
    TORC__WRITE_SHUT = 1 << 9,       /* FIN sent */
    TORC__WRITE_SHUT_NEWS = 1 << 10, /* writeConnectionLost is due */
    TORC__WRITE_BROKEN = 1 << 11, /* send failed: read what the peer said last, then it is over */
    TORC__ABOVE_MARK = 1 << 12,   /* the protocol's pauseProducing was called */

    /* Producers. */
    TORC__PRODUCED = 1 << 25,        /* there is one */
    TORC__PULL = 1 << 26,            /* it writes when asked */
    TORC__PULL_DUE = 1 << 27,        /* it is asked as soon as nothing waits */
    TORC__PRODUCER_PAUSED = 1 << 28, /* its pauseProducing was called */
    TORC__HELD_OPEN = 1 << 29,       /* closing waits for it */
    TORC__JOINED = 1 << 30,          /* it gets what is read, instead of the protocol */

    /* Reading. */
    TORC__PAUSED = 1 << 13,
    TORC__READ_EOF = 1 << 14,
    TORC__PEER_CLOSED = 1 << 15, /* FIN was reported: read on to the end in spite of short reads */
    TORC__MORE_INPUT = 1 << 16,  /* input may be left that no edge will report again */
    TORC__UNCONFIRMED = 1 << 17, /* the last read was short; see stream_read.c */

    /* Bookkeeping. */
    TORC__LISTED = 1 << 18, /* on the list of the end of the turn */
    TORC__WATCH_READ = 1 << 19,
    TORC__WATCH_WRITE = 1 << 20,
    TORC__TIMED = 1 << 21,    /* there is an idle timeout: what comes and goes is noted */
    TORC__SPURIOUS = 1 << 22, /* woken, and no byte has moved since: see stream_park.c */
    TORC__PEER_UNIX = 1 << 24 /* its names are asked of the socket */
};

/* One flag more than an enum has room for: descriptors wait to be sent. */
#define TORC__DESCRIPTORS UINT32_C(0x80000000)

/* Twisted's buffer size of a FileDescriptor, beyond which a producer is paused. */
enum { TORC__HIGH_MARK_DEFAULT = 64 * 1024 };

/* What only some connections need. */
typedef struct TorcStreamExtras {
    TorcBoundCalls bound;
    size_t high_mark;
    size_t low_mark;
    size_t buffer_limit; /* 0: none */
    int64_t close_timeout;
    TorcDelayedCall close_call;
    int64_t idle_timeout; /* while TORC__TIMED is set */
    int64_t moved_at;     /* when the last byte came or went */
    TorcDelayedCall idle_call;
    TorcDelayedCall retry_call; /* after ENOBUFS */
    TorcDelayedCall park_call;  /* active: it is not watched */
    int64_t park_pause;
    int64_t parked_at;
    int broken_code;         /* why sending broke */
    TorcProducing producing; /* while TORC__PRODUCED is set */
    uint32_t peer_scope;
    unsigned descriptor_first; /* of those to be sent: while TORC__DESCRIPTORS is set */
    unsigned descriptor_count;
    unsigned descriptor_room;
    int *descriptors;
    size_t linger_bytes; /* discarded so far */
    int64_t linger_deadline;
    TorcStream *linger_previous;
    TorcStream *linger_next;
} TorcStreamExtras;

struct TorcStream {
    TorcTransport base;
    TorcStreamOwner *owner;
    union {
        TorcWriteQueue *output; /* NULL: nothing to send */
        TorcReason *reason;     /* once TORC__LOST is set */
    };
    TorcStreamExtras *extras; /* NULL: all defaults */
    TorcStream *next;         /* end of turn list; free list */
    uint32_t flags;
    int fd;
    uint32_t generation;
    uint16_t peer_port;
    uint16_t peer_family : 2;     /* a TorcAddressFamily; NONE also for UNIX */
    uint16_t spurious : 10;       /* wake-ups, while TORC__SPURIOUS is set */
    uint16_t spurious_second : 4; /* when they were, the last digit */
    TorcWatch watch;
    uint8_t peer_ip[16];
};
/* 128 bytes of libevent's, 80 of ours: with a protocol of 24 bytes and libevent's map this stays
 * below 300 bytes for an idle connection. One cache line holds what a message touches. */
static_assert(sizeof(void *) != 8 || sizeof(TorcStream) == 208,
              "an idle connection must stay below 300 bytes");

/* The transports' part of a reactor. */
struct TorcStreams {
    TorcReactorPart part;
    TorcReactor *reactor; /* NULL: it was freed, and this is left for owners that somebody holds */
    unsigned references;  /* the reactor's, and one of each owner */
    /* Streams with something to do at the end of the turn, in order of arrival. */
    TorcStream *turn_first;
    TorcStream *turn_last;
    TorcWritePool pool;
    uint8_t *receive; /* one buffer for all reads of the reactor, in receive_memory */
    size_t receive_size;
    size_t receive_share; /* most bytes of one read, receive_size at most */
    uint64_t full_turn;   /* when a read was last given all it asked for, and */
    uint64_t full_bytes;  /* what such reads took in that turn */
    void *receive_memory;
    /* Type-stable memory: blocks of streams, and those free. */
    struct TorcStreamBlock *blocks;
    TorcStream *free_streams;
    size_t connected;  /* streams whose connectionLost has not been called */
    uint32_t sequence; /* of the last stream: its generation */
    TorcAges ages;     /* of the streams, by generation */
    uint64_t bytes_received;
    uint64_t bytes_sent;
    /* Closed connections that still discard input, oldest first. */
    TorcStream *linger_first;
    TorcStream *linger_last;
    size_t linger_count;
    TorcDelayedCall linger_call;
    struct TorcPort *ports;           /* those that listen */
    struct TorcPort *stopped_ports;   /* to be let go of at the end of the turn */
    struct TorcConnector *connectors; /* those that connect or are connected */
    struct TorcConnector *due_first;  /* those with something to do at the end of the turn */
    struct TorcConnector *due_last;
};

/* ---- stream_class.c ------------------------------------------------------------------------ */

extern const TorcTransportClass torc__stream_class;

/* ---- stream.c ------------------------------------------------------------------------------ */

/* The reactor's streams, made at first use; NULL when out of memory. */
TorcStreams *torc__streams(TorcReactor *reactor);

/* Turns a connected socket into a connection of the owner's factory: buildProtocol, connectionMade.
 * The descriptor is taken over in any case. Not from inside an API call: it calls the application.
 * 0, or a negative code: the socket was closed, and no protocol ever saw connectionMade
 * (-TORC_EREFUSED: buildProtocol answered NULL). `peer` may be unspecific: family NONE. */
int torc__stream_open(TorcStreamOwner *owner, int fd, const TorcAddress *peer);

/* Puts it on the list of the end of the turn. */
static inline void torc__stream_list(TorcStream *stream)
{
    if (stream->flags & TORC__LISTED)
        return;
    TorcStreams *streams = stream->owner->streams;
    stream->flags |= TORC__LISTED;
    streams->reactor->work_left = true; /* also when listed before the wait of a turn */
    stream->next = NULL;
    if (streams->turn_last)
        streams->turn_last->next = stream;
    else
        streams->turn_first = stream;
    streams->turn_last = stream;
}

/* Calls visit with each stream that is in use, lingering ones too, which must all stay as they are.
 * For the testing kit. */
typedef void TorcStreamVisitor(const TorcStream *stream, void *arg);
void torc__streams_visit(const TorcStreams *streams, TorcStreamVisitor *visit, void *arg);

/* Ends the connections of one owner that have not ended, with a reset; of the reason references are
 * taken. Looks at all streams of the reactor. */
void torc__streams_endOwned(TorcStreams *streams, const TorcStreamOwner *owner,
                            const TorcReason *reason);

/* The extras, made at first use; NULL when out of memory. */
TorcStreamExtras *torc__stream_extras(TorcStream *stream);

/* Gives the stream's memory back; its protocol and socket are gone. */
void torc__stream_release(TorcStream *stream);

/* Brings the watch in line with the flags; failure loses the connection. */
void torc__stream_watch(TorcStream *stream);

/* It is over: connectionLost comes at the end of the turn. Takes the reference to the reason; does
 * nothing but drop it when it was over before. */
void torc__stream_lose(TorcStream *stream, TorcReason *reason);

/* The same with TORC_CONNECTION_LOST and a code. */
void torc__stream_loseCode(TorcStream *stream, int code);

static inline TorcSystem *torc__stream_system(const TorcStream *stream)
{
    return stream->owner->system;
}

static inline TorcReactor *torc__stream_reactor(const TorcStream *stream)
{
    return stream->owner->streams->reactor;
}

static inline bool torc__stream_reads(const TorcStream *stream)
{
    return !(stream->flags & (TORC__PAUSED | TORC__READ_EOF | TORC__DISCONNECTING | TORC__LOST));
}

/* True when output waits for the socket to become writable; after ENOBUFS it waits for time. */
static inline bool torc__stream_waitsForRoom(const TorcStream *stream)
{
    return (stream->flags & TORC__BLOCKED) &&
           !(stream->extras && TorcDelayedCall_active(stream->extras->retry_call));
}

/* ---- stream_read.c ------------------------------------------------------------------------- */

/* A TorcWatchFunction. */
void torc__stream_ready(int fd, short ready, void *arg);

/* The receive buffer, made or made larger; nobody may be reading from it. 0 or -ENOMEM. */
int torc__streams_growReceive(TorcStreams *streams);

/* At the end of the turn: goes on with input that no edge will report. */
void torc__stream_readOn(TorcStream *stream);

void torc__stream_pauseProducing(TorcTransport *self);
void torc__stream_resumeProducing(TorcTransport *self);

/* ---- stream_write.c ------------------------------------------------------------------------ */

int torc__stream_write(TorcTransport *self, const void *data, size_t length);
int torc__stream_writeSequence(TorcTransport *self, const TorcBytes *pieces, size_t count);
int torc__stream_writeOwned(TorcTransport *self, const void *data, size_t length,
                            TorcFunction *release, void *arg);
size_t torc__stream_bufferedBytes(const TorcTransport *self);

/* Sends what waits, and does what was to follow it: closing one side or both. For all that are
 * listed. */
void torc__streams_flush(TorcStreams *streams);

/* Calls pauseProducing or resumeProducing of the protocol or of the producer: a mark was passed, or
 * a pull producer is to go on. */
void torc__stream_tellMarks(TorcStream *stream);
/* True when it would. */
bool torc__stream_marksDue(const TorcStream *stream);

/* Part of a file, for a pull producer: see TorcTransportClass. */
ssize_t torc__stream_sendFile(TorcTransport *self, int fd, uint64_t offset, size_t length);

/* write would answer -EPIPE. */
bool torc__stream_closedForWriting(const TorcStream *stream);
/* The kernel took that much of the output, or refused it with this code (true: try again at
 * once). */
void torc__stream_sent(TorcStream *stream, size_t length);
bool torc__stream_refused(TorcStream *stream, int code);
/* The peer is gone, but it may have said something before it went: that is read first. */
void torc__stream_breakOff(TorcStream *stream, int code);

/* ---- stream_descriptors.c: of UNIX streams ------------------------------------------------- */

int torc__stream_sendFileDescriptor(TorcTransport *self, int fd);

/* While TORC__DESCRIPTORS is set: sends those that wait, with their bytes. True when the rest of the
 * output may follow. */
bool torc__stream_sendDescriptors(TorcStream *stream);
/* Closes those that wait. */
void torc__stream_dropDescriptors(TorcStream *stream);

/* What came with the bytes of one recv; most that Linux passes in one message (SCM_MAX_FD). */
enum { TORC__PASSED_MAX = 253 };
typedef struct TorcPassed {
    size_t count;
    bool cut; /* others came, and are gone */
    int descriptors[TORC__PASSED_MAX];
} TorcPassed;

/* True when the stream reads by the next two. */
static inline bool torc__stream_maybePassed(const TorcStream *stream)
{
    return (stream->flags & TORC__PEER_UNIX) && torc__stream_system(stream)->ops->recvDescriptors;
}
/* As recv, into the receive buffer. */
ssize_t torc__stream_recvPassed(TorcStream *stream, TorcPassed *ret_passed);
/* Gives what came along to the protocol, or closes it. */
void torc__stream_deliverPassed(TorcStream *stream, const TorcPassed *passed);

/* ---- stream_producer.c --------------------------------------------------------------------- */

int torc__stream_registerProducer(TorcTransport *self, const TorcProducing *producing);
bool torc__stream_unregisterProducer(TorcTransport *self, TorcProducing *ret_left);
void torc__stream_getFlow(TorcTransport *self, TorcFlow *ret_flow);

/* True when there is a producer and something to tell it; tells it. */
bool torc__stream_producerDue(const TorcStream *stream);
void torc__stream_tellProducer(TorcStream *stream);

/* The kernel took bytes, and there is a pull producer or an idle timeout, or the connection is
 * closing. */
void torc__stream_progress(TorcStream *stream);

/* The connection is gone: takes out the producer, if there is one, and tells it. */
TorcProducing torc__stream_endProducing(TorcStream *stream);

/* ---- stream_idle.c ------------------------------------------------------------------------- */

/* Nanoseconds from now on; 0: none. 0 or -ENOMEM. */
int torc__stream_setIdleTimeout(TorcStream *stream, int64_t timeout);

/* The connection begins, and its factory has an idle timeout; failure loses the connection. */
void torc__stream_beginTimed(TorcStream *stream);

/* While TORC__TIMED is set: bytes came, or the kernel took some. */
static inline void torc__stream_moved(TorcStream *stream)
{
    stream->extras->moved_at = torc__now(stream->owner->streams->reactor);
}

/* ---- stream_observation.c: of a TorcReactorPart -------------------------------------------- */

void torc__streams_count(const TorcReactorPart *part, TorcReactorCounters *counters);
void torc__streams_dump(const TorcReactorPart *part, const TorcDump *dump);

/* ---- stream_park.c ------------------------------------------------------------------------- */

/* What the bits of a stream can hold. */
enum { TORC__SPURIOUS_MOST = 1023, TORC__SPURIOUS_SECONDS = 16 };

/* A wake-up, of whatever is watched, led to nothing: true when it is time to look away. Both are 0
 * at first; bytes, or connections, set the count to 0. */
bool torc__spurious_count(unsigned *count, unsigned *second, int64_t now);
/* The descriptor is not watched for a while. */
void torc__spurious_report(TorcReactor *reactor, int fd, const char *class_name, const char *events,
                           int64_t pause);

/* The same for a stream, which is parked then. The events are for the report. */
void torc__stream_spurious(TorcStream *stream, const char *events);

static inline bool torc__stream_parked(const TorcStream *stream)
{
    return stream->extras && TorcDelayedCall_active(stream->extras->park_call);
}

/* ---- stream_close.c ------------------------------------------------------------------------ */

void torc__stream_loseConnection(TorcTransport *self);
int torc__stream_loseWriteConnection(TorcTransport *self);
void torc__stream_abortConnection(TorcTransport *self);
void torc__stream_failConnection(TorcTransport *self, const TorcReason *reason);

/* The output has left: what loseConnection or loseWriteConnection asked for. */
void torc__stream_drained(TorcStream *stream);
/* True when it would do something. */
bool torc__stream_drainDue(const TorcStream *stream);

/* While output waits after loseConnection: starts the close timeout, unless it runs. */
void torc__stream_closeTimer(TorcStream *stream);

/* The close timeout has changed: one that runs begins anew. */
void torc__stream_closeTimerAnew(TorcStream *stream);

/* connectionLost, then the socket is closed or begins to linger, then the owner is told. */
void torc__stream_tellLost(TorcStream *stream);

/* Readiness of a lingering socket. */
void torc__stream_lingerOn(TorcStream *stream);

/* Ends lingering now. */
void torc__stream_lingerEnd(TorcStream *stream);

/* The reactor stops: of the lingering sockets only those with unread input may go on. */
void torc__streams_hurryLingering(TorcStreams *streams);

#endif
