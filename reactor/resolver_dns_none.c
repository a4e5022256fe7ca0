/* The DNS client of a library that was built without c-ares: there is none, and it says so. */
#include <errno.h>

#include "resolver.h"

void TorcDNSOptions_init(TorcDNSOptions *options)
{
    if (options)
        *options = (TorcDNSOptions){.size = sizeof(TorcDNSOptions)};
}

TorcResolver *TorcDNSResolver_new(TorcReactor *reactor, const TorcDNSOptions *options)
{
    (void)options;
    errno = reactor ? ENOTSUP : EINVAL;
    return NULL;
}
