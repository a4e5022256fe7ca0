/* Connections of descriptors made elsewhere, for somebody who wants to know when they are there. Not
 * installed. */
#ifndef TORC_TRANSPORTS_ADOPT_INTERNAL_H
#define TORC_TRANSPORTS_ADOPT_INTERNAL_H

#include "adopt.h"
#include "stdio.h"

/* connectionMade has returned. */
typedef void TorcAdoptedFunction(TorcFactory *factory, TorcProtocol *protocol);

/* As TorcReactor_adoptStreamConnection and TorcReactor_standardIO. With `connected`, which may be
 * NULL, the former starts and stops the factory as well. The reference to the factory is dropped when
 * the connection is over, or nothing came of it. */
int torc__adoptStreamConnection(TorcReactor *reactor, int fd, TorcFactory *factory,
                                TorcAdoptedFunction *connected);
int torc__standardIO(TorcReactor *reactor, int input, int output, TorcFactory *factory,
                     TorcAdoptedFunction *connected);

#endif
