/* Endpoints: where to listen or connect to, as objects and as text. (Twisted:
 * IStreamServerEndpoint, IStreamClientEndpoint, serverFromString, clientFromString.)
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
 *     every port takes besides what is said below
 *         maxConnections=N      1 or more at a time; those beyond wait until one has ended
 *         refuseExcess=yes|no   yes: they are closed at once (TorcPort_setMaxConnections); needs
 *                               maxConnections
 *     tcp:PORT[:interface=ADDRESS][:backlog=N][:reusePort=yes|no]
 *         port      0 … 65535, or a service's name ("http": TorcReactor_portOfService, asked
 *                   when the description is read); 0: the system chooses one, ask TorcPort_getHost
 *         interface an IPv4 or IPv6 literal; none: all of the host's addresses, IPv6 and IPv4
 *         backlog   1 or more connections that the kernel holds; as much as it allows by default
 *         reusePort several sockets may share the port (SO_REUSEPORT)
 *     tcp6:PORT…    the same arguments; interface is an IPv6 literal, "::" by default, and IPv4
 *                   is not taken as well
 *     unix:PATH[:mode=OCTAL][:backlog=N][:lockfile=yes|no]
 *         path      of the socket, or "@name" in the abstract name space (Linux)
 *         mode      permissions, 1 … 777, 666 by default
 *         lockfile  yes by default: a dead server's socket is removed; see listenUNIX
 *     fd:NUMBER     a listening stream socket that the process has inherited; good once, and taken
 *                   over: once the port has its duplicate, a descriptor above 2 is closed
 *     systemd:name=NAME, systemd:index=N
 *                   a socket passed by a service manager (sd_listen_fds(3)): the one of that name,
 *                   or the N-th, counted from 0; then as fd:. LISTEN_PID, LISTEN_FDS and
 *                   LISTEN_FDNAMES are read with the description and left as they are; when they
 *                   do not agree there is no endpoint. As text only: a program that has found
 *                   the descriptor itself uses TorcAdoptedStreamServerEndpoint
 *     stdio:        standard input and output, as one connection; it is no port
 *
 *   clients
 *     tcp:HOST:PORT[:timeout=SECONDS][:bindAddress=ADDRESS][:attemptDelay=SECONDS]
 *         host      a name or a literal; a name's addresses are raced: TorcHostnameEndpoint
 *         port      1 … 65535, or a service's name. Host and port may be given by keyword too
 *         timeout   for resolving and connecting together; 30 by default, fractions are fine
 *         bindAddress  a literal: the local address to connect from
 *         attemptDelay until the next address is tried beside those under way; 0.25 by default;
 *                   less than 0.01 is raised to 0.01
 *     tcp6:HOST:PORT…  the same, with IPv6 addresses only
 *     unix:PATH[:timeout=SECONDS]
 *     fd:NUMBER     a connected stream socket that the process has inherited; good once, and
 *                   taken over as a server's
 *     stdio:        standard input and output, as one connection; good once
 *
 *     tcp:0:interface=127.0.0.1       tcp:8881:interface=\:\:1:maxConnections=1000
 *     tcp:example.org:79:timeout=5    tcp:host=\:\:1:port=8881
 *
 * An endpoint can be used any number of times, if not said otherwise. It belongs to the reactor's
 * thread and must not outlive the reactor; what came of it (ports, connections, deferreds) does not
 * need it any more. Endpoints are counted: whoever made one drops it with unref. */
#ifndef TORC_ENDPOINTS_ENDPOINT_H
#define TORC_ENDPOINTS_ENDPOINT_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "../reactor/call.h"
#include "../reactor/deferred.h"
#include "../reactor/reason.h"
#include "../transports/port.h"
#include "../transports/tcp.h"
#include "../transports/unix.h"

TORC_BEGIN_DECLS

typedef struct TorcServerEndpoint TorcServerEndpoint;
typedef struct TorcClientEndpoint TorcClientEndpoint;

/* ---- use ----------------------------------------------------------------------------------- */

/* Listens, and gives each connection a protocol from the factory. ret_port may be NULL; for an
 * endpoint that is one connection ("stdio:") *ret_port is set to NULL. 0; -EINVAL; errors as of the
 * listen function behind it (listenTCP, …); -EALREADY from one that is good once and was used. */
TORC_API int TorcServerEndpoint_listen(TorcServerEndpoint *endpoint, TorcFactory *factory,
                                       TorcPort **ret_port);

/* Connects, and gives the connection a protocol from the factory, which need not be a
 * TorcClientFactory: the outcome is the deferred's. It fires with the protocol (a TorcProtocol *,
 * not the deferred's to free, good until its connectionLost) after connectionMade has returned, or
 * fails as clientConnectionFailed would; when the factory refuses, with
 * TORC_CONNECTION_NO_PROTOCOL. Cancelling it gives up the attempt, with TORC_CONNECTION_CANCELLED,
 * and nothing is called afterwards; from inside connectionMade it loses the connection; after
 * success it does nothing. The factory is started and stopped around attempt and connection; of a
 * TorcClientFactory the client slots are not called. Nothing but startFactory is called before
 * this has returned.
 * 0; -EINVAL; -ENOMEM; -TORC_ENOTRUNNING; -EALREADY from an endpoint that is good once and was
 * used; or an error of connectTCP and its kin that was found at once. ret_connected may be NULL: a
 * failure is then logged as unhandled. */
TORC_API int TorcClientEndpoint_connect(TorcClientEndpoint *endpoint, TorcFactory *factory,
                                        TorcDeferred **ret_connected);

/* Connects with a protocol made already, by TorcProtocol_new: it is taken over in any case, and
 * freed when there is no connection. Its own factory is held, but neither started nor asked; its
 * limits hold (TorcFactory_copyLimits). The deferred fires with the protocol. As
 * TorcClientEndpoint_connect; -EINVAL also for a protocol that has a connection already, which
 * stays as it is. (Twisted: connectProtocol.) */
TORC_API int torc_connectProtocol(TorcClientEndpoint *endpoint, TorcProtocol *protocol,
                                  TorcDeferred **ret_connected);

/* ref returns its argument; unref takes NULL and returns NULL. */
TORC_API TorcServerEndpoint *TorcServerEndpoint_ref(TorcServerEndpoint *endpoint);
TORC_API TorcServerEndpoint *TorcServerEndpoint_unref(TorcServerEndpoint *endpoint);
TORC_API TorcClientEndpoint *TorcClientEndpoint_ref(TorcClientEndpoint *endpoint);
TORC_API TorcClientEndpoint *TorcClientEndpoint_unref(TorcClientEndpoint *endpoint);

/* ---- from text ----------------------------------------------------------------------------- */

/* Reads a description; the caller has a reference. 0; -TORC_EENDPOINT when the description is not
 * valid; -EINVAL for NULL arguments; -ENOMEM. On failure *ret_reason, unless ret_reason is NULL, is
 * a reason of the kind TORC_CONNECTION_FAILED with that code, which the caller drops; its text says
 * what is wrong, in which column, and what is known instead. On success *ret_reason is NULL. */
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

/* ---- as objects: NULL and errno (EINVAL, ENOMEM) on failure; texts and options are copied ---- */

/* As "tcp:", with the options of TorcReactor_listenTCP. EINVAL also for an interface that is no
 * address. */
TORC_API TorcServerEndpoint *TorcTCPServerEndpoint_new(TorcReactor *reactor, int port,
                                                       const TorcListenOptions *options);

/* As "unix:", with the options of TorcReactor_listenUNIX. EINVAL also for an empty address;
 * ENAMETOOLONG. */
TORC_API TorcServerEndpoint *TorcUNIXServerEndpoint_new(TorcReactor *reactor, const char *address,
                                                        const TorcListenUNIXOptions *options);

/* A listening socket made elsewhere; see TorcReactor_adoptStreamPort. Good once: after a listen
 * that has succeeded the next is -EALREADY. The caller keeps its descriptor, which must be open
 * until listen. */
TORC_API TorcServerEndpoint *TorcAdoptedStreamServerEndpoint_new(TorcReactor *reactor, int fd);

/* Standard input and output, as one connection. Good once. */
TORC_API TorcServerEndpoint *TorcStandardIOServerEndpoint_new(TorcReactor *reactor);

/* One host's port over TCP by TorcReactor_connectTCP: one address after the other. EINVAL also for
 * a bindAddress that is no address. */
TORC_API TorcClientEndpoint *TorcTCPClientEndpoint_new(TorcReactor *reactor, const char *host,
                                                       int port, const TorcConnectOptions *options);

typedef struct TorcHostnameOptions {
    size_t size;              /* sizeof(TorcHostnameOptions), set by TORC_HOSTNAME_OPTIONS */
    double timeout;           /* seconds for everything; 0: the default of 30 s; negative: none */
    double attemptDelay;      /* seconds until the next attempt; 0: the default of 0.25 s; less
                                 than 0.01 is raised to 0.01 */
    TorcAddressFamily family; /* only addresses of this family; NONE: IPv6 and IPv4 */
    const char *bindAddress;  /* a literal; addresses of the other family are then left out */
    bool nagle;               /* as in TorcConnectOptions */
    void *reserved[4];
} TorcHostnameOptions;

#define TORC_HOSTNAME_OPTIONS(...)                                                                 \
    (&(TorcHostnameOptions){.size = sizeof(TorcHostnameOptions), __VA_ARGS__})

TORC_API void TorcHostnameOptions_init(TorcHostnameOptions *options);

/* A host by name: Happy Eyeballs (RFC 8305). The name's addresses are tried family by family in
 * turn, in the resolver's order within each, beginning with the family of the first (§4). The next
 * attempt begins when the attempt delay (§5) has passed, or at once when one fails; the first
 * connection wins and the others are given up, also when the factory then refuses it. When all have
 * failed, or the time is over, the reason says of each address what came of it; its kind is that of
 * all, or TORC_CONNECTION_FAILED if they differ, and its code the first one's. An IPv4 or IPv6
 * literal is one address. (Twisted's waits for the delay also after a failure, and goes by the
 * resolver's order alone.) */
TORC_API TorcClientEndpoint *TorcHostnameEndpoint_new(TorcReactor *reactor, const char *host,
                                                      int port, const TorcHostnameOptions *options);

/* As "unix:", with the options of TorcReactor_connectUNIX. EINVAL also for an empty address;
 * ENAMETOOLONG. */
TORC_API TorcClientEndpoint *TorcUNIXClientEndpoint_new(TorcReactor *reactor, const char *address,
                                                        const TorcConnectUNIXOptions *options);

/* A connected socket made elsewhere; see TorcReactor_adoptStreamConnection. Good once, as a
 * server's. The caller keeps its descriptor, which must be open until connect, and should be closed
 * after it: while it is open the peer may not see the connection end. */
TORC_API TorcClientEndpoint *TorcAdoptedStreamClientEndpoint_new(TorcReactor *reactor, int fd);

/* Standard input and output, as one connection. Good once. */
TORC_API TorcClientEndpoint *TorcStandardIOClientEndpoint_new(TorcReactor *reactor);

/* True of these, also when made from text: for a program that needs its standard streams itself.
 * False for NULL. */
TORC_API bool TorcStandardIOClientEndpoint_isInstance(const TorcClientEndpoint *endpoint);

/* ---- a program's own: a first member, and a class table ------------------------------------- */

typedef struct TorcServerEndpointClass {
    size_t size; /* sizeof(TorcServerEndpointClass) */
    const char *name;

    /* Begins to listen. The factory is referenced and started (TorcFactory_doStart) as long as the
     * port or a connection uses it, and then stopped; the listen functions of the reactor do this,
     * and a slot that passes the factory to one of them does nothing more. Only startFactory may be
     * called from inside. ret_port is never NULL; *ret_port is NULL, and stays so when there is no
     * port that could be stopped. A TorcServerService ends by stopping this port. 0, or a negative
     * code: nothing listens then, and the factory was not started or is stopped again. */
    int (*listen)(TorcServerEndpoint *self, TorcFactory *factory, TorcPort **ret_port);

    /* The last reference is gone: frees the endpoint. Ports and connections may outlive it. */
    void (*destroy)(TorcServerEndpoint *self);

    void (*reserved[4])(void);
} TorcServerEndpointClass;

struct TorcServerEndpoint {
    const TorcServerEndpointClass *cls;
    TorcReactor *reactor;
    unsigned references;
    void *reserved[2];
};

typedef struct TorcClientEndpointClass {
    size_t size; /* sizeof(TorcClientEndpointClass) */
    const char *name;

    /* Begins one attempt. ret_connected is never NULL. A slot that passes the factory on to another
     * endpoint and hands out that one's deferred, perhaps with steps of its own, keeps all of this:
     *
     *   factory   referenced and started (TorcFactory_doStart) before the deferred is handed out;
     *             stopped when the attempt has failed, or after the connection's connectionLost has
     *             returned. A TorcClientService learns from the stop that a connection is over:
     *             without it, it never connects again. Only startFactory may be called from inside
     *             the slot: no protocol is built, and the deferred does not fire, before it has
     *             returned.
     *   success   the deferred fires with the TorcProtocol *, never NULL, after its connectionMade
     *             has returned and while it has its transport; without a function that frees it.
     *   failure   any reason; the factory was stopped, or is stopped without waiting for anything.
     *   cancel    of the deferred, or its release: gives up the attempt, fails the deferred with
     *             TORC_CONNECTION_CANCELLED, and stops the factory; no protocol is built any more.
     *             A connection that is there already, but not told, is lost.
     *
     * The endpoint is kept by the caller during the call only: an attempt that needs it takes a
     * reference. 0 with the deferred, which is the caller's; or a negative code: there is no
     * deferred, and the factory was not started or is stopped again. */
    int (*connect)(TorcClientEndpoint *self, TorcFactory *factory, TorcDeferred **ret_connected);

    /* The last reference is gone: frees the endpoint. Connections may outlive it. */
    void (*destroy)(TorcClientEndpoint *self);

    void (*reserved[4])(void);
} TorcClientEndpointClass;

struct TorcClientEndpoint {
    const TorcClientEndpointClass *cls;
    TorcReactor *reactor;
    unsigned references;
    void *reserved[2];
};

/* Sets class, reactor and one reference. */
TORC_API void TorcServerEndpoint_init(TorcServerEndpoint *endpoint,
                                      const TorcServerEndpointClass *cls, TorcReactor *reactor);
TORC_API void TorcClientEndpoint_init(TorcClientEndpoint *endpoint,
                                      const TorcClientEndpointClass *cls, TorcReactor *reactor);

TORC_END_DECLS

#endif
