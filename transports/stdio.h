/* Standard input and output as a transport. (Twisted: StandardIO.)
 *
 * What is read from the one descriptor is the protocol's dataReceived, what it writes goes to the
 * other. Pipes, terminals, devices, sockets and files all do; files are read and written on the
 * reactor's thread, a piece in each turn.
 *
 * The end of the input is a FIN: a protocol with a readConnectionLost slot may go on writing, else
 * the connection ends when its output has left. That nobody reads the output any more is found out
 * by the next write (EPIPE): the connection is lost then, without waiting for the rest of the
 * input, as any program in the middle of a pipeline ends. loseWriteConnection closes the output
 * alone. Input that was not read when the connection ends stays for whoever reads it next.
 *
 * There is no reset: to who reads the output, abortConnection looks like a close. getHost and
 * getPeer have no address to tell, getHandle answers the input's descriptor, and the options of
 * sockets are -EOPNOTSUPP. */
#ifndef TORC_TRANSPORTS_STDIO_H
#define TORC_TRANSPORTS_STDIO_H

#include "../factories/factory.h"
#include "../reactor/api.h"
#include "transport.h"

TORC_BEGIN_DECLS

/* Makes a connection of the two, usually 0 and 1, with a protocol from the factory; buildProtocol
 * and connectionMade come in the next turn (if the reactor stops before, nothing does). A
 * buildProtocol that answers NULL or fails ends it at once; a failure is logged
 * ("stdio.connection-failed"). The factory is started in here, and stopped after connectionLost.
 *
 * The descriptors are duplicated, and made non-blocking, which concerns all descriptors of the same
 * open file: a terminal's others and those of other processes. At the end they are put back to what
 * they were. The caller keeps its own, and while it has the output open, who reads that does not
 * see its end: a program that goes on after the connection closes its own.
 *
 * 0, or: -EINVAL (NULL); -EBADF (a descriptor is not open); -EMFILE; -ENOMEM; -TORC_ENOTRUNNING. On
 * failure nothing is changed, and the factory was not started. */
TORC_API int TorcReactor_standardIO(TorcReactor *reactor, int input, int output,
                                    TorcFactory *factory);

TORC_END_DECLS

#endif
