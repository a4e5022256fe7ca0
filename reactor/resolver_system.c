/* The resolver there is when no other was installed: getaddrinfo, through the reactor's system.
 *
 * Thread: the reactor's; the system has threads of its own for what blocks. Owner: a look-up's record
 * belongs to the system until it calls back, or to the deferred's canceller, which ends that. */
#include "reactor_internal.h"
#include "resolver_internal.h"

typedef struct SystemLookup {
    TorcReactor *reactor;
    TorcLookup *lookup;
    TorcDeferred *deferred;
    char host[];
} SystemLookup;

/* The steps of the deferred run in here. */
static void fire(const SystemLookup *asked, const TorcLookupResult *result)
{
    if (result->code < 0) {
        TorcReason *reason = torc__resolver_reason(asked->host, result->code, result->problem);
        (void)TorcDeferred_errback(asked->deferred, reason);
        TorcReason_unref(reason);
    } else {
        torc__resolver_fire(asked->deferred, asked->host,
                            TorcAddressList_new(result->addresses, result->count));
    }
}

static void looked_up(void *arg, const TorcLookupResult *result)
{
    SystemLookup *asked = arg;

    TORC__OBSERVE(asked->reactor, "resolver", "look-up", fire(asked, result));
    torc__free(asked);
}

static void cancel_lookup(TorcDeferred *deferred, void *arg)
{
    SystemLookup *asked = arg;
    (void)deferred;
    TorcSystem *system = asked->reactor->system;
    if (asked->lookup)
        system->ops->cancelLookup(system, asked->lookup);
    torc__free(asked);
}

/* The system did not take it: for a reason that is worth a text, or for lack of memory. */
static int refused(SystemLookup *asked, int code, TorcDeferred **ret_addresses)
{
    TorcDeferred *deferred = asked->deferred;

    if (code == -ENOMEM) {
        TorcDeferred_release(deferred);
        return code;
    }
    TorcReason *reason = torc__resolver_reason(asked->host, code, NULL);
    (void)TorcDeferred_errback(deferred, reason);
    TorcReason_unref(reason);
    torc__free(asked);
    *ret_addresses = deferred;
    return 0;
}

int torc__resolver_resolveBySystem(TorcReactor *reactor, const char *host, uint16_t port,
                                   TorcDeferred **ret_addresses)
{
    TorcSystem *system = reactor->system;
    size_t size = strlen(host) + 1;
    SystemLookup *asked = torc__zalloc(sizeof(*asked) + size);
    if (!asked)
        return -ENOMEM;
    asked->reactor = reactor;
    memcpy(asked->host, host, size);
    asked->deferred = TorcDeferred_new(cancel_lookup, asked);
    if (!asked->deferred) {
        torc__free(asked);
        return -ENOMEM;
    }
    int r = system->ops->lookup(system, host, port, looked_up, asked, &asked->lookup);
    if (r < 0)
        return refused(asked, r, ret_addresses);
    *ret_addresses = asked->deferred;
    return 0;
}
