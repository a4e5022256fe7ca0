/* Endpoints: where to listen or connect to, written as text. (Twisted: serverFromString,
 * clientFromString, IStreamServerEndpoint, IStreamClientEndpoint.)
 *
 *     TorcServerEndpoint *endpoint;
 *     TorcReason *reason;
 *     int r = TorcServerEndpoint_fromString(reactor, "tcp:8881:interface=127.0.0.1", &endpoint,
 *                                           &reason);
 *     if (r == 0)
 *         r = TorcServerEndpoint_listen(endpoint, factory, NULL);
 *
 * A description is a row of fields separated by ':'. The first is the type; the others are its
 * arguments, by position or, with a '=', by keyword; keyword fields may stand anywhere. A backslash
 * quotes the next character, so a ':', '=' or '\' that belongs to a value is written "\:", "\=" or
 * "\\". A second '=' in a field needs no backslash. Types are recognised in any case, keywords only
 * as written here.
 *
 *   servers
 *     tcp:PORT[:interface=ADDRESS][:backlog=N][:reusePort=yes|no]
 *         port      0 … 65535; 0: the system chooses one, ask TorcPort_getHost
 *         interface an IPv4 or IPv6 literal; none: all of the host's addresses, IPv6 and IPv4
 *         backlog   1 or more connections that the kernel holds; as much as it allows by default
 *         reusePort several sockets may share the port (SO_REUSEPORT)
 *     tcp6:PORT…    the same arguments; interface is an IPv6 literal, "::" by default, and IPv4
 *                   is not taken as well
 *
 *   clients
 *     tcp:HOST:PORT[:timeout=SECONDS][:bindAddress=ADDRESS]
 *         host      a name or a literal; port 1 … 65535. Either may be given by keyword too
 *         timeout   for resolving and connecting together; 30 by default, fractions are fine
 *         bindAddress  a literal: the local address to connect from
 *
 *     tcp:0:interface=127.0.0.1       tcp:8881:interface=\:\:1:backlog=128
 *     tcp:example.org:79:timeout=5    tcp:host=\:\:1:port=8881
 *
 * An endpoint can be used any number of times. It belongs to the reactor's thread and must not
 * outlive the reactor; ports and connectors that it made do not need it any more. */
#ifndef TORC_ENDPOINTS_ENDPOINT_H
#define TORC_ENDPOINTS_ENDPOINT_H

#include "../factories/client_factory.h"
#include "../factories/factory.h"
#include "../reactor/api.h"
#include "../reactor/call.h"
#include "../reactor/reason.h"
#include "../transports/connector.h"
#include "../transports/port.h"

TORC_BEGIN_DECLS

typedef struct TorcServerEndpoint TorcServerEndpoint;
typedef struct TorcClientEndpoint TorcClientEndpoint;

/* ---- from text ----------------------------------------------------------------------------- */

/* Reads a description; the caller owns the endpoint. 0; -TORC_EENDPOINT when the description is not
 * valid; -EINVAL for NULL arguments; -ENOMEM. On failure *ret_reason, unless ret_reason is NULL, is
 * a reason of the kind TORC_CONNECTION_FAILED with that code, which the caller drops; its text says
 * what is wrong, in which column, and what is known instead. */
TORC_API int TorcServerEndpoint_fromString(TorcReactor *reactor, const char *description,
                                           TorcServerEndpoint **ret_endpoint,
                                           TorcReason **ret_reason);
TORC_API int TorcClientEndpoint_fromString(TorcReactor *reactor, const char *description,
                                           TorcClientEndpoint **ret_endpoint,
                                           TorcReason **ret_reason);

/* Writes an argument so that it is one value in a description, whatever it holds: a backslash comes
 * before each ':', '=' and '\'. Always NUL-terminated, cut to fit (never between a backslash and
 * what it quotes); returns the length that the whole would have had. Any thread. (Twisted's leaves
 * '=' alone, so that a positional argument with one turns into a keyword.) */
TORC_API size_t torc_quoteStringArgument(const char *argument, char *buffer, size_t size);

/* ---- use ----------------------------------------------------------------------------------- */

/* Listens, and gives each connection a protocol from the factory. ret_port may be NULL. As
 * TorcReactor_listenTCP. */
TORC_API int TorcServerEndpoint_listen(TorcServerEndpoint *endpoint, TorcFactory *factory,
                                       TorcPort **ret_port);

/* Begins to connect; the outcome comes through the factory, never before this has returned.
 * ret_connector may be NULL. As TorcReactor_connectTCP. */
TORC_API int TorcClientEndpoint_connect(TorcClientEndpoint *endpoint, TorcClientFactory *factory,
                                        TorcConnector **ret_connector);

/* NULL is fine. */
TORC_API void TorcServerEndpoint_free(TorcServerEndpoint *endpoint);
TORC_API void TorcClientEndpoint_free(TorcClientEndpoint *endpoint);

TORC_END_DECLS

#endif
