/* TCP: listening and connecting. (Twisted: IReactorTCP.) */
#ifndef TORC_TRANSPORTS_TCP_H
#define TORC_TRANSPORTS_TCP_H

#include "../factories/client_factory.h"
#include "../factories/factory.h"
#include "../reactor/api.h"
#include "../reactor/call.h"
#include "connector.h"
#include "port.h"

TORC_BEGIN_DECLS

typedef struct TorcListenOptions {
    size_t size; /* sizeof(TorcListenOptions), set by TORC_LISTEN_OPTIONS */
    /* Connections the kernel holds before they are accepted; 0: SOMAXCONN. The system has a limit
     * of its own (Linux: net.core.somaxconn). Negative: -EINVAL. */
    int backlog;
    /* An IPv4 or IPv6 literal. NULL or "": all of the host's addresses, IPv6 and IPv4 (one
     * dual-stack socket; IPv4 peers are shown as IPv4). */
    const char *interface;
    /* With an IPv6 socket: do not take IPv4 as well. */
    bool v6Only;
    /* SO_REUSEPORT: several sockets, usually of several processes or reactors, share the port. */
    bool reusePort;
    /* true: leave Nagle's algorithm on (RFC 896). It is off by default: a turn's writes are
     * gathered already. */
    bool nagle;
    /* As TorcPort_setMaxConnections and TorcPort_setRefuseExcess. */
    bool refuseExcess;
    unsigned maxConnections;
    void *reserved[4];
} TorcListenOptions;

#define TORC_LISTEN_OPTIONS(...)                                                                   \
    (&(TorcListenOptions){.size = sizeof(TorcListenOptions), __VA_ARGS__})

TORC_API void TorcListenOptions_init(TorcListenOptions *options);

/* Listens on a TCP port, 0 … 65535 (0: the system chooses one; ask TorcPort_getHost), and gives
 * each connection a protocol from the factory. The port takes a reference to the factory. options
 * and ret_port may be NULL.
 *
 * 0, or: -EINVAL (NULL factory, port out of range, bad option), -TORC_ENOTADDRESS (interface),
 * -EADDRINUSE, -EADDRNOTAVAIL, -EACCES (ports below 1024 need root or CAP_NET_BIND_SERVICE),
 * -EMFILE, -ENOMEM, -TORC_ENOTRUNNING (the reactor shuts down). On failure nothing is left behind,
 * and the factory was not started. */
TORC_API int TorcReactor_listenTCP(TorcReactor *reactor, int port, TorcFactory *factory,
                                   const TorcListenOptions *options, TorcPort **ret_port);

/* The port of a service by its name (getservbyname): "http" or "finger" for "tcp" or "udp". Digits
 * stand for themselves, 0 … 65535, so that a name or a number may be asked for where a port is to
 * be given:
 *
 *     int port = TorcReactor_portOfService(reactor, "http", "tcp");
 *
 * The host's list of services is read (/etc/services, as a rule) and nobody is waited for; a
 * simulation has a list of its own. The port, or: -TORC_ESERVICE (an unknown name); -EINVAL (NULL,
 * an empty name, a number beyond 65535, another protocol); -ENOMEM. */
TORC_API int TorcReactor_portOfService(TorcReactor *reactor, const char *service,
                                       const char *protocol);

typedef struct TorcConnectOptions {
    size_t size; /* sizeof(TorcConnectOptions), set by TORC_CONNECT_OPTIONS */
    /* Seconds for resolving and connecting together. 0: the default of 30 s; negative: no limit
     * but the system's. */
    double timeout;
    /* Local address to connect from: a literal, and a port (0: any). NULL or "": the system chooses
     * both, and a bindPort is -EINVAL. */
    const char *bindAddress;
    uint16_t bindPort;
    /* true: leave Nagle's algorithm on; see TorcListenOptions. */
    bool nagle;
    void *reserved[4];
} TorcConnectOptions;

#define TORC_CONNECT_OPTIONS(...)                                                                  \
    (&(TorcConnectOptions){.size = sizeof(TorcConnectOptions), __VA_ARGS__})

TORC_API void TorcConnectOptions_init(TorcConnectOptions *options);

/* Connects to a host, given as a literal or a name, and TCP port 1 … 65535. A name is resolved off
 * the reactor's thread; its addresses are tried in the resolver's order until one answers, and one
 * that does not answer leaves the others their share of the timeout (without a timeout: 10 s). The
 * outcome comes through the factory, never before this has returned. The connector takes a
 * reference to the factory. options and ret_connector may be NULL.
 *
 * 0; -EINVAL (NULL factory or host, port, option, a host that is empty or beyond 253 bytes);
 * -TORC_ENOTADDRESS (bindAddress); -TORC_ENOTRUNNING while the reactor shuts down; -ENOMEM. A
 * service's name is turned into its port by TorcReactor_portOfService. */
TORC_API int TorcReactor_connectTCP(TorcReactor *reactor, const char *host, int port,
                                    TorcClientFactory *factory, const TorcConnectOptions *options,
                                    TorcConnector **ret_connector);

TORC_END_DECLS

#endif
