/* Sockets made elsewhere: inherited, passed by a service manager, or from other code. (Twisted:
 * IReactorSocket.)
 *
 * The descriptor is duplicated; the caller keeps its own and closes it when it likes, at once if it
 * likes. It may be a TCP or a UNIX stream socket. Its options stay as they are (Nagle's algorithm
 * too), but for one that all its descriptors share: it becomes non-blocking. */
#ifndef TORC_TRANSPORTS_ADOPT_H
#define TORC_TRANSPORTS_ADOPT_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "port.h"
#include "transport.h"

TORC_BEGIN_DECLS

/* Listens with a socket that is bound and listening already. stopListening closes the duplicate and
 * removes nothing: other processes with the socket go on. startListening after that is -EOPNOTSUPP.
 * 0, or: -EINVAL (not listening, NULL); -EBADF; -ENOTSOCK; -EPROTOTYPE (not a stream socket);
 * -EAFNOSUPPORT; -EMFILE; -ENOMEM; -TORC_ENOTRUNNING. ret_port may be NULL. */
TORC_API int TorcReactor_adoptStreamPort(TorcReactor *reactor, int fd, TorcFactory *factory,
                                         TorcPort **ret_port);

/* Turns a connected socket into a connection with a protocol from the factory: buildProtocol and
 * connectionMade come in the next turn (while the reactor stops, the duplicate is closed instead).
 * The factory is not started or stopped by it. A buildProtocol that answers NULL closes the
 * duplicate; one that fails does too, and is logged ("adopt.connection-failed").
 * 0, or: -EINVAL (NULL); -EBADF; -ENOTSOCK; -EPROTOTYPE; -EAFNOSUPPORT; -ENOTCONN; -EMFILE;
 * -ENOMEM; -TORC_ENOTRUNNING. */
TORC_API int TorcReactor_adoptStreamConnection(TorcReactor *reactor, int fd, TorcFactory *factory);

TORC_END_DECLS

#endif
