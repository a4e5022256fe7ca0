/* A server as a service: it listens while it runs. (Twisted: StreamServerEndpointService.)
 *
 *     TorcServerService *web = TorcServerService_new(endpoint, factory);
 *     TorcMultiService_addService(application, TorcServerService_service(web));
 *
 * It listens from its privileged start on, so that a program may give up its privileges between the
 * two halves; a start fails with the code of TorcServerEndpoint_listen. Stopping it closes the port
 * and takes until the end of the turn. Connections are not its affair: they stay until somebody, or
 * the end of the reactor, loses them. Started again it listens again, by the endpoint, so that one
 * that is good once answers -EALREADY. Of an endpoint that is one connection ("stdio:") there is
 * nothing to stop. Thread: the reactor's. */
#ifndef TORC_ENDPOINTS_SERVER_SERVICE_H
#define TORC_ENDPOINTS_SERVER_SERVICE_H

#include "../reactor/api.h"
#include "../reactor/service.h"
#include "endpoint.h"

TORC_BEGIN_DECLS

typedef struct TorcServerService TorcServerService;

/* Takes references to both. The caller has one to the service, which must not outlive the reactor.
 * NULL and errno: EINVAL, ENOMEM. */
TORC_API TorcServerService *TorcServerService_new(TorcServerEndpoint *endpoint,
                                                  TorcFactory *factory);

/* It as a service: to be started, stopped, named, added. NULL for NULL. */
TORC_API TorcService *TorcServerService_service(TorcServerService *self);

/* As TorcService_unref of it: takes NULL and returns NULL. */
TORC_API TorcServerService *TorcServerService_unref(TorcServerService *self);

/* The port while it listens, borrowed; NULL when it does not, and of an endpoint that has none. */
TORC_API TorcPort *TorcServerService_port(const TorcServerService *self);

TORC_END_DECLS

#endif
