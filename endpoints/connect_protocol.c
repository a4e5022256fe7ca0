/* connectProtocol: a factory that has one protocol to give.
 *
 * Reactor's thread. The factory owns the protocol until buildProtocol has handed it out. */
#include <errno.h>

#include "../factories/factory.h"
#include "../reactor/reactor_internal.h"
#include "endpoint.h"

typedef struct OneProtocol {
    TorcFactory base;
    TorcProtocol *only; /* NULL: handed out */
} OneProtocol;

static int one_buildProtocol(TorcFactory *self, const TorcAddress *peer,
                             TorcProtocol **ret_protocol)
{
    OneProtocol *one = (OneProtocol *)self;
    (void)peer;
    if (!one->only)
        return -EALREADY;
    *ret_protocol = one->only;
    one->only = NULL;
    return 0;
}

static void one_destroy(TorcFactory *self)
{
    TorcProtocol_free(((OneProtocol *)self)->only);
}

static const TorcFactoryClass one_class = {
    TORC_FACTORY_CLASS("connect-protocol", OneProtocol),
    .buildProtocol = one_buildProtocol,
    .destroy = one_destroy,
};

int torc_connectProtocol(TorcClientEndpoint *endpoint, TorcProtocol *protocol,
                         TorcDeferred **ret_connected)
{
    TORC__REQUIRE(protocol && protocol->factory && !protocol->transport);
    OneProtocol *one = (OneProtocol *)TorcFactory_new(&one_class);
    if (!one) {
        TorcProtocol_free(protocol);
        return -ENOMEM;
    }
    one->only = protocol;
    TorcFactory_copyLimits(&one->base, protocol->factory);
    int r = TorcClientEndpoint_connect(endpoint, &one->base, ret_connected);
    TorcFactory_unref(&one->base);
    return r;
}
