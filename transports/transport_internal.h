/* The table behind TorcTransport: what each kind of transport implements. Not installed.
 *
 * The public functions of transport.h check their arguments and dispatch here, so implementations
 * need not check again. Stream sockets are one kind; test doubles and wrappers are others. */
#ifndef TORC_TRANSPORTS_TRANSPORT_INTERNAL_H
#define TORC_TRANSPORTS_TRANSPORT_INTERNAL_H

#include <sys/types.h>

#include "../protocols/protocol.h"
#include "../reactor/timers_internal.h"
#include "producer_internal.h"
#include "transport.h"

struct TorcCredentials; /* unix.h */

typedef enum TorcTransportSetting {
    TORC__HIGH_MARK,
    TORC__LOW_MARK,
    TORC__BUFFER_LIMIT,
    TORC__CLOSE_TIMEOUT, /* nanoseconds; TORC__NEVER: none */
    TORC__IDLE_TIMEOUT   /* nanoseconds; 0: none */
} TorcTransportSetting;

struct TorcTransportClass {
    const char *name;
    int (*write)(TorcTransport *self, const void *data, size_t length);
    int (*writeSequence)(TorcTransport *self, const TorcBytes *pieces, size_t count);
    int (*writeOwned)(TorcTransport *self, const void *data, size_t length, TorcFunction *release,
                      void *arg);
    size_t (*bufferedBytes)(const TorcTransport *self);
    void (*loseConnection)(TorcTransport *self);
    int (*loseWriteConnection)(TorcTransport *self);
    void (*abortConnection)(TorcTransport *self);
    void (*failConnection)(TorcTransport *self, const TorcReason *reason);
    void (*pauseProducing)(TorcTransport *self);
    void (*resumeProducing)(TorcTransport *self);
    bool (*disconnecting)(const TorcTransport *self);
    bool (*connected)(const TorcTransport *self);
    void (*getHost)(TorcTransport *self, TorcAddress *ret_address);
    void (*getPeer)(TorcTransport *self, TorcAddress *ret_address);
    TorcReactor *(*getReactor)(const TorcTransport *self);
    TorcConnectionId (*getConnectionId)(const TorcTransport *self);
    /* Behind TorcConnectionId_protocol. The slot of an id is the address of a transport, of this
     * class, that may serve another connection by now or none, but is never freed while ids of it
     * may be asked: NULL unless the connection of this generation is there. */
    TorcProtocol *(*findProtocol)(const TorcTransport *slot, uint64_t generation);
    int (*getHandle)(const TorcTransport *self);
    int (*set)(TorcTransport *self, TorcTransportSetting setting, int64_t value);
    int (*getOption)(TorcTransport *self, int level, int name, int *ret_value);
    int (*setOption)(TorcTransport *self, int level, int name, int value);
    /* NULL: not a UNIX connection. */
    int (*getPeerCredentials)(TorcTransport *self, struct TorcCredentials *ret_credentials);
    /* NULL: not a UNIX connection. */
    int (*sendFileDescriptor)(TorcTransport *self, int fd);
    /* Producers (producer_internal.h). registerProducer NULL: there are none here, nor the next two.
     * unregisterProducer answers false when there is none; its slots are not called. */
    int (*registerProducer)(TorcTransport *self, const TorcProducing *producing);
    bool (*unregisterProducer)(TorcTransport *self, TorcProducing *ret_left);
    void (*getFlow)(TorcTransport *self, TorcFlow *ret_flow);
    /* For a pull producer in its resumeProducing: sends part of a file without a copy in this process.
     * How many bytes left (0: the file ends there); -EAGAIN: none now, resumeProducing comes again;
     * -EPIPE: the connection is closing or gone; another error: it is to be read and written. NULL:
     * always so. */
    ssize_t (*sendFile)(TorcTransport *self, int fd, uint64_t offset, size_t length);
    /* Behind torc__transport_boundCalls (bound_internal.h), while it is connected; NULL: no memory. */
    TorcBoundCalls *(*boundCalls)(TorcTransport *self);
};

/* Every kind begins with this. */
struct TorcTransport {
    const TorcTransportClass *cls;
    TorcProtocol *protocol;
};

/* Why a connection ends whose buffer limit does not admit a write of that length. */
TorcReason *torc__transport_overflow(const TorcTransport *self, size_t limit, size_t length);

#endif
