/* A client as a service: it stays connected. (Twisted: ClientService.)
 *
 *     TorcClientService *feed = TorcClientService_new(endpoint, factory, NULL);
 *     TorcMultiService_addService(application, TorcClientService_service(feed));
 *
 *     TorcDeferred *connected = TorcClientService_whenConnected(feed, 3);
 *     TorcDeferred_addCallbacks(connected, subscribe, complain, feed);
 *     TorcDeferred_detach(connected);
 *
 * While it runs it has a connection, or is about to have one: when an attempt fails, or the
 * connection is lost for whatever reason, the next attempt follows by itself. Before that it waits,
 * the longer the more attempts have failed in a row, and not exactly as long as others do, so that
 * the many clients of a server that comes back do not come all at once. The first attempt begins in
 * the turn after the start. How it goes is logged, as information: "client-service.failed" with the
 * reason, "client-service.lost", and "client-service.waiting" with the milliseconds until the next
 * attempt.
 *
 * Stopping gives up the attempt, or loses the connection in order (TorcTransport_loseConnection);
 * its end has come when the protocol's connectionLost has returned. Cancelling what it leaves to
 * wait for aborts the connection. Started again meanwhile, it connects when that is over. When the
 * reactor stops it loses the connection as everybody does, and goes on trying when the reactor runs
 * again; to end with the reactor see TorcService_runWith.
 *
 * The factory is started and stopped around each attempt and connection. Thread: the reactor's. */
#ifndef TORC_ENDPOINTS_CLIENT_SERVICE_H
#define TORC_ENDPOINTS_CLIENT_SERVICE_H

#include "../reactor/api.h"
#include "../reactor/service.h"
#include "endpoint.h"

TORC_BEGIN_DECLS

typedef struct TorcClientService TorcClientService;

typedef struct TorcClientServiceOptions {
    size_t size; /* sizeof(TorcClientServiceOptions), set by TORC_CLIENT_SERVICE_OPTIONS */
    /* Seconds to wait after n failures in a row: initialDelay * factor^(n - 1), at most maxDelay,
     * and of that a random part is taken away, between nothing and `jitter` of it. A connection
     * that was there and is lost counts as the first failure. 0: the defaults of 1, 60, 1.5 and
     * 0.5; a negative jitter: none. Delays are not negative, factor is at least 1, jitter at most
     * 1. */
    double initialDelay;
    double maxDelay;
    double factor;
    double jitter;
    /* Called with each new connection, after connectionMade: to log in, say. It may leave a
     * deferred in the result, which begins as the value NULL. Until that has fired nobody is told
     * of the connection; if it fails the connection ends with that reason
     * (TorcTransport_failConnection), and it was a failed attempt. When the connection is lost
     * before, and when the service is stopped, the deferred is cancelled. A value is dropped. NULL:
     * there is nothing to prepare. */
    void (*prepareConnection)(TorcResult *result, TorcProtocol *protocol, void *arg);
    void *arg; /* for prepareConnection */
    void *reserved[4];
} TorcClientServiceOptions;

#define TORC_CLIENT_SERVICE_OPTIONS(...)                                                           \
    (&(TorcClientServiceOptions){.size = sizeof(TorcClientServiceOptions), __VA_ARGS__})

/* Fills in the size, for C++ and bindings. */
TORC_API void TorcClientServiceOptions_init(TorcClientServiceOptions *options);

/* Takes references to endpoint and factory; options may be NULL. The caller has one to the service,
 * which must not outlive the reactor. The start fails with -ENOMEM alone: what attempts fail with
 * is no reason not to try again. (Out of memory even for the timer of the next attempt, it logs
 * "client-service.gave-up", an error, and is idle until it is stopped and started.) NULL and errno:
 * EINVAL, ENOMEM. */
TORC_API TorcClientService *TorcClientService_new(TorcClientEndpoint *endpoint,
                                                  TorcFactory *factory,
                                                  const TorcClientServiceOptions *options);

/* It as a service: to be started, stopped, named, added. NULL for NULL. */
TORC_API TorcService *TorcClientService_service(TorcClientService *self);

/* As TorcService_unref of it: takes NULL and returns NULL. */
TORC_API TorcClientService *TorcClientService_unref(TorcClientService *self);

/* The protocol of the connection, borrowed, good until its connectionLost. NULL while there is none
 * that is prepared and not about to close. */
TORC_API TorcProtocol *TorcClientService_protocol(const TorcClientService *self);

/* Fires with the protocol of the connection, at once if there is one (as TorcClientService_protocol
 * says), else with the next; it is not the deferred's to free. With failAfterFailures it fails with
 * the reason of the so-manieth failed attempt from now, a lost connection not counted; 0: it waits
 * for ever. Fails with TORC_OPERATION_CANCELLED when the service is stopped, or was and has not
 * been started since; before the first start it waits. NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcDeferred *TorcClientService_whenConnected(TorcClientService *self,
                                                       unsigned failAfterFailures);

TORC_END_DECLS

#endif
