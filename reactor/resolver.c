/* Resolving: literals, deadlines, families, and which resolver is asked.
 *
 * Thread: the reactor's. Each look-up has a record that belongs to the last step of its deferred;
 * the step runs in any case, and frees it. The reactor lists the records, so that look-ups end when
 * it stops. Invariant: a listed record's deferred has not run its last step, so it may be cancelled;
 * a record that is listed no longer does not touch the reactor. */
#include "resolver.h"

#include <assert.h>
#include <math.h>

#include "reactor_internal.h"
#include "resolver_internal.h"

enum { TIMEOUT_SECONDS = 60 }; /* what Twisted's and libc's add up to */

typedef struct TorcResolving Resolving;
struct TorcResolving {
    Resolving *next;
    Resolving **link; /* what points here; NULL: not listed */
    TorcDeferred *deferred;
    TorcResolver *resolver; /* a reference; NULL: the system's, or none was needed */
    TorcAddressFamily family;
    bool stopped; /* by the reactor */
    double timeout;
    char host[];
};

static_assert(sizeof(TorcAddressList) % _Alignof(TorcAddress) == 0, "addresses follow it");

/* ---- address lists ------------------------------------------------------------------------- */

TorcAddressList *torc__addressList_withRoom(size_t count)
{
    size_t most = (SIZE_MAX - sizeof(TorcAddressList)) / sizeof(TorcAddress);
    TorcAddressList *list = NULL;
    if (count <= most)
        list = torc__malloc(sizeof(*list) + count * sizeof(TorcAddress));
    if (!list) {
        errno = ENOMEM;
        return NULL;
    }
    *list = (TorcAddressList){.lifetime = INFINITY, .addresses = (TorcAddress *)(void *)(list + 1)};
    return list;
}

TorcAddressList *TorcAddressList_new(const TorcAddress *addresses, size_t count)
{
    if (!addresses && count > 0) {
        errno = EINVAL;
        return NULL;
    }
    TorcAddressList *list = torc__addressList_withRoom(count);
    if (!list)
        return NULL;
    list->count = count;
    if (count > 0)
        memcpy(list->addresses, addresses, count * sizeof(TorcAddress));
    return list;
}

void TorcAddressList_free(void *list)
{
    torc__free(list);
}

/* ---- what resolvers share ------------------------------------------------------------------ */

TorcReason *torc__resolver_reason(const char *host, int code, const char *problem)
{
    char escaped[4 * TORC__HOST_LENGTH + 1];
    torc_escape(host, strlen(host), escaped, sizeof(escaped));
    return TorcReason_new(TORC_CONNECTION_DNS_LOOKUP, code, "cannot resolve \"%s\": %s", escaped,
                          problem ? problem : torc_strerror(code));
}

void torc__resolver_fire(TorcDeferred *deferred, const char *host, TorcAddressList *addresses)
{
    if (addresses) {
        (void)TorcDeferred_callback(deferred, addresses, TorcAddressList_free);
        return;
    }
    TorcReason *reason = torc__resolver_reason(host, -ENOMEM, NULL);
    (void)TorcDeferred_errback(deferred, reason);
    TorcReason_unref(reason);
}

/* Printable ASCII but for the space. What else there is, resolvers have been known to cut short or
 * to misread. */
static bool is_name_byte(char byte)
{
    return byte > ' ' && byte <= '~';
}

bool torc__resolver_key(const char *name, size_t length, char ret_key[TORC__HOST_LENGTH + 1])
{
    if (length > 1 && name[length - 1] == '.')
        length--;
    if (length == 0 || length > TORC__HOST_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_name_byte(name[i]))
            return false;
        bool upper = name[i] >= 'A' && name[i] <= 'Z'; /* not the locale's */
        ret_key[i] = (char)(upper ? name[i] + ('a' - 'A') : name[i]);
    }
    ret_key[length] = '\0';
    return true;
}

bool torc__resolver_isUsable(const TorcResolver *resolver)
{
    return !resolver || (resolver->cls && resolver->cls->size == sizeof(TorcResolverClass) &&
                         resolver->cls->resolve);
}

int torc__resolver_resolve(TorcResolver *resolver, TorcReactor *reactor, const char *host,
                           uint16_t port, TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    if (!resolver)
        return torc__resolver_resolveBySystem(reactor, host, port, ret_addresses);
    return resolver->cls->resolve(resolver, reactor, host, port, family, ret_addresses);
}

/* ---- the list of look-ups under way -------------------------------------------------------- */

static TorcReactor *reactor_of(TorcReactorPart *part)
{
    return (TorcReactor *)(void *)((char *)part - offsetof(TorcReactor, names.part));
}

static void link_record(TorcReactor *reactor, Resolving *record)
{
    Resolving **first = &reactor->names.first;
    record->next = *first;
    record->link = first;
    if (record->next)
        record->next->link = &record->next;
    *first = record;
}

static void unlink_record(Resolving *record)
{
    if (!record->link)
        return;
    *record->link = record->next;
    if (record->next)
        record->next->link = record->link;
    record->link = NULL;
}

/* Those who are told cannot begin new look-ups, since the reactor is stopping: this ends. */
static void stop_all(TorcReactorPart *part)
{
    TorcReactor *reactor = reactor_of(part);
    Resolving *record;

    while ((record = reactor->names.first) != NULL) {
        unlink_record(record);
        record->stopped = true;
        TorcDeferred_cancel(record->deferred);
    }
}

static bool end_turn(TorcReactorPart *part)
{
    (void)part;
    return false;
}

static size_t count_alive(TorcReactorPart *part)
{
    (void)part; /* nothing has to be waited for */
    return 0;
}

static void drop_resolver(TorcReactorPart *part)
{
    TorcReactor *reactor = reactor_of(part);
    TorcResolver *resolver = reactor->names.resolver;

    stop_all(part);
    reactor->names.resolver = NULL;
    TorcResolver_unref(resolver);
}

static void add_part(TorcReactor *reactor)
{
    if (reactor->names.added)
        return;
    reactor->names.added = true;
    reactor->names.part = (TorcReactorPart){.endTurn = end_turn,
                                            .disconnect = stop_all,
                                            .alive = count_alive,
                                            .abort = stop_all,
                                            .free = drop_resolver};
    torc__reactor_addPart(reactor, &reactor->names.part);
}

/* ---- an answer that is there already waits for the next turn ------------------------------- */

typedef struct Postponed {
    TorcDeferred *known;
    TorcDeferred *promised;
    TorcDelayedCall call;
} Postponed;

static void give_answer(void *arg)
{
    Postponed postponed = *(Postponed *)arg;
    torc__free(arg);
    (void)TorcDeferred_chainDeferred(postponed.known, postponed.promised); /* fires it anyway */
    TorcDeferred_release(postponed.known);
}

static void forget(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_clear(result);
}

/* Nobody wants to know any more, not even the log. */
static TorcDeferred *discard(TorcDeferred *known)
{
    (void)TorcDeferred_addBoth(known, forget, NULL);
    return TorcDeferred_release(known);
}

static void cancel_answer(TorcDeferred *deferred, void *arg)
{
    Postponed *postponed = arg;
    (void)deferred;
    (void)TorcDelayedCall_cancel(postponed->call);
    if (postponed->known)
        discard(postponed->known);
    torc__free(postponed);
}

/* Takes over what is known, and gives what will say it in the next turn. NULL: no memory. */
static TorcDeferred *postpone(TorcReactor *reactor, TorcDeferred *known)
{
    Postponed *postponed = torc__zalloc(sizeof(*postponed));
    TorcDeferred *promised = postponed ? TorcDeferred_new(cancel_answer, postponed) : NULL;
    if (promised) {
        *postponed = (Postponed){.known = known, .promised = promised};
        if (torc__ownCallLater(reactor, 0, "answer of a look-up", give_answer, postponed,
                               &postponed->call) == 0)
            return promised;
        return TorcDeferred_release(promised); /* with the rest */
    }
    torc__free(postponed);
    return discard(known);
}

/* ---- the last step ------------------------------------------------------------------------- */

static void explain(const Resolving *record, TorcResult *result)
{
    TorcReasonKind kind = TorcReason_kind(result->reason);
    char host[4 * TORC__HOST_LENGTH + 1];

    torc_escape(record->host, strlen(record->host), host, sizeof(host));
    if (record->stopped)
        TorcResult_fail(result, TORC_CONNECTION_SHUTDOWN, 0,
                        "cannot resolve \"%s\": the reactor was stopped", host);
    else if (kind == TORC_OPERATION_TIMED_OUT && record->timeout >= 0)
        TorcResult_fail(result, kind, -ETIMEDOUT, "cannot resolve \"%s\" within %g s", host,
                        record->timeout);
    else if (kind != TORC_CONNECTION_DNS_LOOKUP && kind != TORC_OPERATION_CANCELLED)
        TorcResult_fail(result, TORC_CONNECTION_DNS_LOOKUP, TorcReason_code(result->reason),
                        "cannot resolve \"%s\": %s", host, TorcReason_text(result->reason));
}

static void fail_lookup(const Resolving *record, TorcResult *result, const char *problem)
{
    TorcReason *reason = torc__resolver_reason(record->host, -TORC_ELOOKUP, problem);
    TorcResult_failWith(result, reason);
    TorcReason_unref(reason);
}

static void keep_family(const Resolving *record, TorcResult *result)
{
    TorcAddressList *list = result->value;
    size_t kept = 0;

    for (size_t i = 0; list && i < list->count; i++)
        if (record->family == TORC_ADDRESS_NONE || list->addresses[i].family == record->family)
            list->addresses[kept++] = list->addresses[i];
    if (list)
        list->count = kept;
    if (kept > 0)
        return;
    if (record->family == TORC_ADDRESS_NONE)
        fail_lookup(record, result, "the name has no address");
    else
        fail_lookup(record, result,
                    record->family == TORC_ADDRESS_IPV6 ? "it has no IPv6 address"
                                                        : "it has no IPv4 address");
}

static void finish(TorcResult *result, void *arg)
{
    Resolving *record = arg;

    unlink_record(record);
    if (result->reason)
        explain(record, result);
    else
        keep_family(record, result);
    TorcResolver_unref(record->resolver);
    torc__free(record);
}

/* ---- resolving ----------------------------------------------------------------------------- */

static TorcDeferred *known_addresses(const TorcAddress *addresses, size_t count)
{
    TorcAddressList *list = TorcAddressList_new(addresses, count);
    return list ? TorcDeferred_succeed(list, TorcAddressList_free) : NULL;
}

static TorcDeferred *known_failure(const char *host, int code)
{
    TorcReason *reason = torc__resolver_reason(host, code, NULL);
    TorcDeferred *failed = TorcDeferred_fail(reason);
    TorcReason_unref(reason);
    return failed;
}

/* Asks the resolver, or nobody. The system checks names itself. */
static int find(Resolving *record, TorcReactor *reactor, uint16_t port, TorcDeferred **ret_found)
{
    TorcResolver *resolver = reactor->names.resolver;
    TorcAddress literal;
    char key[TORC__HOST_LENGTH + 1];

    if (TorcAddress_parse(record->host, port, &literal) == 0) {
        *ret_found = known_addresses(&literal, 1);
    } else if (resolver && !torc__resolver_key(record->host, strlen(record->host), key)) {
        *ret_found = known_failure(record->host, -EINVAL);
    } else {
        record->resolver = TorcResolver_ref(resolver);
        return torc__resolver_resolve(resolver, reactor, record->host, port, record->family,
                                      ret_found);
    }
    return *ret_found ? 0 : -ENOMEM;
}

/* Adds the deadline and the last step, which takes over the record. */
static int add_steps(Resolving *record, TorcReactor *reactor)
{
    TorcDeferred *deferred = record->deferred;
    int r = 0;

    if (record->timeout >= 0)
        r = TorcDeferred_addTimeout(deferred, reactor, record->timeout);
    link_record(reactor, record);
    int added = TorcDeferred_addBoth(deferred, finish, record);
    return r < 0 ? r : added;
}

static int start(Resolving *record, TorcReactor *reactor, uint16_t port,
                 TorcDeferred **ret_addresses)
{
    TorcDeferred *found = NULL;
    int r = find(record, reactor, port, &found);
    if (r == 0 && TorcDeferred_result(found)) {
        found = postpone(reactor, found);
        record->timeout = -1; /* it is there */
        r = found ? 0 : -ENOMEM;
    }
    if (r < 0) {
        TorcResolver_unref(record->resolver);
        torc__free(record);
        return r;
    }
    record->deferred = found;
    r = add_steps(record, reactor);
    if (r < 0) {
        TorcDeferred_release(found);
        return r;
    }
    *ret_addresses = found;
    return 0;
}

void TorcResolveOptions_init(TorcResolveOptions *options)
{
    if (options)
        *options = (TorcResolveOptions){.size = sizeof(TorcResolveOptions)};
}

static int read_options(const TorcResolveOptions *given, TorcResolveOptions *ret_options)
{
    TorcResolveOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(!isnan(options.timeout));
    TORC__REQUIRE(options.family == TORC_ADDRESS_NONE || options.family == TORC_ADDRESS_IPV4 ||
                  options.family == TORC_ADDRESS_IPV6);
    if (options.timeout == 0)
        options.timeout = TIMEOUT_SECONDS;
    *ret_options = options;
    return 0;
}

int TorcReactor_resolve(TorcReactor *reactor, const char *host, int port,
                        const TorcResolveOptions *given, TorcDeferred **ret_addresses)
{
    TorcResolveOptions options;

    TORC__REQUIRE(reactor && ret_addresses && host && *host);
    TORC__REQUIRE(port >= 0 && port <= UINT16_MAX);
    size_t length = strlen(host);
    TORC__REQUIRE(length <= TORC__HOST_LENGTH && read_options(given, &options) == 0);
    if (torc__reactor_stopping(reactor))
        return -TORC_ENOTRUNNING;
    add_part(reactor);
    Resolving *record = torc__zalloc(sizeof(*record) + length + 1);
    if (!record)
        return -ENOMEM;
    record->family = options.family;
    record->timeout = options.timeout;
    memcpy(record->host, host, length + 1);
    return start(record, reactor, (uint16_t)port, ret_addresses);
}

/* ---- resolvers ----------------------------------------------------------------------------- */

void TorcResolver_init(TorcResolver *resolver, const TorcResolverClass *cls)
{
    if (resolver)
        *resolver = (TorcResolver){.cls = cls, .references = 1};
}

TorcResolver *TorcResolver_ref(TorcResolver *resolver)
{
    if (resolver)
        resolver->references++;
    return resolver;
}

TorcResolver *TorcResolver_unref(TorcResolver *resolver)
{
    if (resolver && --resolver->references == 0 && resolver->cls->destroy)
        resolver->cls->destroy(resolver);
    return NULL;
}

int TorcReactor_installResolver(TorcReactor *reactor, TorcResolver *resolver,
                                TorcResolver **ret_previous)
{
    TORC__REQUIRE(reactor && torc__resolver_isUsable(resolver));
    TorcResolver *previous = reactor->names.resolver;

    add_part(reactor);
    reactor->names.resolver = TorcResolver_ref(resolver);
    if (ret_previous)
        *ret_previous = previous;
    else
        TorcResolver_unref(previous);
    return 0;
}
