/* A resolver that remembers, and asks once where many wait.
 *
 * Thread: the reactor's. An entry is a name and family. It is being asked for (`asking` is set, and
 * somebody waits), or has an answer and is in the list of those, the longest unused first; the limit
 * is on that list. Entries belong to the cache, waiters to their deferred's canceller until they are
 * answered. Invariant: whoever is told sees a cache in order; its callbacks may ask again, cancel
 * others, or drop the cache. */
#include <math.h>

#include "reactor_internal.h"
#include "resolver_internal.h"

enum { LIFETIME_SECONDS = 60, FAILURE_SECONDS = 1, NAMES = 1000, FIRST_CHAINS = 64 };

typedef struct CacheEntry CacheEntry;
typedef struct CacheResolver CacheResolver;

typedef struct Waiter Waiter;
struct Waiter {
    Waiter *next;
    Waiter **link;     /* what points here */
    CacheEntry *entry; /* NULL: answers are being given out */
    TorcDeferred *deferred;
    uint16_t port;
};

struct CacheEntry {
    CacheEntry *chain;
    CacheEntry *older; /* of those with an answer */
    CacheEntry *newer;
    CacheResolver *cache;
    uint32_t hash;
    TorcAddressFamily family;
    TorcDeferred *asking; /* what `next` gave */
    Waiter *first_waiter;
    Waiter **waiters_end;
    /* The answer: a list, or the reason why there is none. */
    TorcAddressList *addresses;
    TorcReason *failure;
    int64_t expires;
    char key[];
};

struct CacheResolver {
    TorcResolver base;
    TorcResolver *next;
    int64_t lifetime;
    int64_t failure_lifetime; /* 0: failures are not kept */
    size_t limit;
    size_t kept; /* entries with an answer */
    CacheEntry *oldest;
    CacheEntry *newest;
    CacheEntry **chains;
    size_t chain_count; /* a power of two; 0 in the beginning */
    size_t count;       /* all entries */
};

/* ---- the table ----------------------------------------------------------------------------- */

static CacheEntry **chain_of(const CacheResolver *cache, uint32_t hash)
{
    return &cache->chains[hash & (cache->chain_count - 1)];
}

static CacheEntry *find_entry(const CacheResolver *cache, const char *key, uint32_t hash,
                              TorcAddressFamily family)
{
    CacheEntry *entry = cache->chain_count > 0 ? *chain_of(cache, hash) : NULL;
    while (entry &&
           (entry->hash != hash || entry->family != family || strcmp(entry->key, key) != 0))
        entry = entry->chain;
    return entry;
}

/* Twice as many chains when there are more entries than chains. With no memory for more they only
 * become longer. */
static int make_room(CacheResolver *cache)
{
    if (cache->count < cache->chain_count)
        return 0;
    CacheResolver larger = *cache;
    larger.chain_count = cache->chain_count > 0 ? 2 * cache->chain_count : FIRST_CHAINS;
    larger.chains = torc__zalloc(larger.chain_count * sizeof(CacheEntry *));
    if (!larger.chains)
        return cache->chain_count > 0 ? 0 : -ENOMEM;
    for (size_t i = 0; i < cache->chain_count; i++) {
        CacheEntry *next;
        for (CacheEntry *entry = cache->chains[i]; entry; entry = next) {
            CacheEntry **chain = chain_of(&larger, entry->hash);
            next = entry->chain;
            entry->chain = *chain;
            *chain = entry;
        }
    }
    torc__free(cache->chains);
    cache->chains = larger.chains;
    cache->chain_count = larger.chain_count;
    return 0;
}

static CacheEntry *add_entry(CacheResolver *cache, const char *key, uint32_t hash,
                             TorcAddressFamily family)
{
    size_t size = strlen(key) + 1;
    CacheEntry *entry = make_room(cache) < 0 ? NULL : torc__zalloc(sizeof(*entry) + size);
    if (!entry)
        return NULL;
    memcpy(entry->key, key, size);
    entry->cache = cache;
    entry->hash = hash;
    entry->family = family;
    entry->waiters_end = &entry->first_waiter;
    CacheEntry **chain = chain_of(cache, hash);
    entry->chain = *chain;
    *chain = entry;
    cache->count++;
    return entry;
}

/* ---- answers, by their last use ------------------------------------------------------------ */

static bool has_answer(const CacheEntry *entry)
{
    return entry->addresses || entry->failure;
}

static void link_newest(CacheEntry *entry)
{
    CacheResolver *cache = entry->cache;
    entry->older = cache->newest;
    entry->newer = NULL;
    if (cache->newest)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
    cache->kept++;
}

static void unlink_answer(CacheEntry *entry)
{
    CacheResolver *cache = entry->cache;
    if (entry->older)
        entry->older->newer = entry->newer;
    else
        cache->oldest = entry->newer;
    if (entry->newer)
        entry->newer->older = entry->older;
    else
        cache->newest = entry->older;
    cache->kept--;
}

static void forget_answer(CacheEntry *entry)
{
    if (has_answer(entry))
        unlink_answer(entry);
    TorcAddressList_free(entry->addresses);
    entry->addresses = NULL;
    entry->failure = TorcReason_unref(entry->failure);
}

static void remove_entry(CacheEntry *entry)
{
    CacheEntry **link = chain_of(entry->cache, entry->hash);
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    entry->cache->count--;
    forget_answer(entry);
    torc__free(entry);
}

/* Seconds as they may be kept, in nanoseconds; what is no number is not kept. */
static int64_t keep_for(double seconds, int64_t most)
{
    if (!(seconds > 0))
        return 0;
    int64_t nanoseconds = torc__nanoseconds(seconds);
    return nanoseconds < most ? nanoseconds : most;
}

static int64_t from_now(TorcReactor *reactor, int64_t nanoseconds)
{
    int64_t now = torc__now(reactor);
    return nanoseconds > TORC__NEVER - now ? TORC__NEVER : now + nanoseconds;
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void unlink_waiter(Waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    else if (waiter->entry)
        waiter->entry->waiters_end = waiter->link;
}

/* The last one who waits puts an end to the look-up; its last step removes the entry. */
static void stop_waiting(TorcDeferred *deferred, void *arg)
{
    Waiter *waiter = arg;
    CacheEntry *entry = waiter->entry;

    (void)deferred;
    unlink_waiter(waiter);
    torc__free(waiter);
    if (entry && !entry->first_waiter)
        TorcDeferred_release(entry->asking);
}

static TorcDeferred *wait_for(CacheEntry *entry, uint16_t port)
{
    Waiter *waiter = torc__zalloc(sizeof(*waiter));
    TorcDeferred *deferred = waiter ? TorcDeferred_new(stop_waiting, waiter) : NULL;
    if (!deferred) {
        torc__free(waiter);
        return NULL;
    }
    *waiter =
        (Waiter){.link = entry->waiters_end, .entry = entry, .deferred = deferred, .port = port};
    *entry->waiters_end = waiter;
    entry->waiters_end = &waiter->next;
    return deferred;
}

static TorcAddressList *copy_for(const TorcAddressList *addresses, uint16_t port)
{
    TorcAddressList *copy = TorcAddressList_new(addresses->addresses, addresses->count);
    for (size_t i = 0; copy && i < copy->count; i++)
        copy->addresses[i].port = port;
    return copy;
}

/* ---- the answer ---------------------------------------------------------------------------- */

/* What is said to everybody; not to be kept by those who are told. */
typedef struct Answer {
    const char *host;
    TorcAddressList *addresses;
    TorcReason *failure;
} Answer;

static void tell(Waiter *waiter, const Answer *answer)
{
    TorcDeferred *deferred = waiter->deferred;
    uint16_t port = waiter->port;

    unlink_waiter(waiter);
    torc__free(waiter);
    if (answer->addresses)
        torc__resolver_fire(deferred, answer->host, copy_for(answer->addresses, port));
    else
        (void)TorcDeferred_errback(deferred, answer->failure);
}

/* Those told may cancel those who are still on the list. */
static void tell_all(Waiter *first, const Answer *answer)
{
    for (Waiter *waiter = first; waiter; waiter = waiter->next)
        waiter->entry = NULL;
    if (first)
        first->link = &first;
    while (first)
        tell(first, answer);
}

/* How long it may be kept; 0: not at all. That the reactor stopped or somebody cancelled says
 * nothing about the name. */
static int64_t answer_lifetime(const CacheResolver *cache, const Answer *answer)
{
    if (answer->addresses)
        return keep_for(answer->addresses->lifetime, cache->lifetime);
    if (TorcReason_kind(answer->failure) != TORC_CONNECTION_DNS_LOOKUP ||
        TorcReason_code(answer->failure) == -ENOMEM)
        return 0;
    return cache->failure_lifetime;
}

static void keep_answer(CacheEntry *entry, const Answer *answer, TorcReactor *reactor)
{
    CacheResolver *cache = entry->cache;
    int64_t lifetime = answer_lifetime(cache, answer);
    TorcAddressList *copy = NULL;

    if (lifetime > 0 && answer->addresses) {
        copy = copy_for(answer->addresses, 0);
        lifetime = copy ? lifetime : 0; /* no memory to remember it in */
    }
    if (lifetime <= 0) {
        remove_entry(entry);
        return;
    }
    entry->addresses = copy;
    if (!copy)
        entry->failure = TorcReason_ref(answer->failure);
    entry->expires = from_now(reactor, lifetime);
    link_newest(entry);
    if (cache->kept > cache->limit)
        remove_entry(cache->oldest);
}

/* A look-up and what it is for; belongs to the last step of what `next` gave. */
typedef struct Asking {
    CacheEntry *entry;
    TorcReactor *reactor;
    char host[];
} Asking;

/* What is no list at all says what an empty one does. */
static Answer read_answer(TorcResult *result, const char *host)
{
    Answer answer = {.host = host};
    if (result->reason) {
        answer.failure = TorcReason_ref(result->reason);
    } else if (result->value) {
        answer.addresses = result->value;
        (void)TorcResult_take(result);
    } else {
        answer.failure = torc__resolver_reason(host, -TORC_ELOOKUP, "the name has no address");
    }
    return answer;
}

static void answered(TorcResult *result, void *arg)
{
    Asking *asking = arg;
    CacheEntry *entry = asking->entry;
    TorcResolver *cache = TorcResolver_ref(&entry->cache->base);
    Waiter *waiters = entry->first_waiter;
    TorcDeferred *deferred = entry->asking;
    Answer answer = read_answer(result, asking->host);

    entry->first_waiter = NULL;
    entry->waiters_end = &entry->first_waiter;
    entry->asking = NULL;
    keep_answer(entry, &answer, asking->reactor);
    tell_all(waiters, &answer);
    TorcAddressList_free(answer.addresses);
    TorcReason_unref(answer.failure);
    TorcResult_clear(result);
    torc__free(asking);
    TorcDeferred_release(deferred);
    TorcResolver_unref(cache);
}

/* ---- resolving ----------------------------------------------------------------------------- */

static Asking *new_asking(CacheEntry *entry, TorcReactor *reactor, const char *host)
{
    size_t size = strlen(host) + 1;
    Asking *asking = torc__malloc(sizeof(*asking) + size);
    if (!asking)
        return NULL;
    asking->entry = entry;
    asking->reactor = reactor;
    memcpy(asking->host, host, size);
    return asking;
}

/* The entry has no answer, and nobody waits for one. It is removed unless this succeeds. */
static int ask_next(CacheEntry *entry, TorcReactor *reactor, const char *host, uint16_t port,
                    TorcDeferred **ret_addresses)
{
    TorcResolver *next = entry->cache->next;
    Asking *asking = new_asking(entry, reactor, host);
    int r = asking
                ? torc__resolver_resolve(next, reactor, host, port, entry->family, &entry->asking)
                : -ENOMEM;
    TorcDeferred *deferred = r == 0 ? wait_for(entry, port) : NULL;
    if (!deferred) {
        TorcDeferred_release(entry->asking);
        torc__free(asking);
        remove_entry(entry);
        return r < 0 ? r : -ENOMEM;
    }
    *ret_addresses = deferred;
    (void)TorcDeferred_addBoth(entry->asking, answered, asking); /* called in any case */
    return 0;
}

static int give_known(CacheEntry *entry, uint16_t port, TorcDeferred **ret_addresses)
{
    TorcDeferred *deferred = NULL;

    unlink_answer(entry);
    link_newest(entry);
    if (entry->failure) {
        deferred = TorcDeferred_fail(entry->failure);
    } else {
        TorcAddressList *copy = copy_for(entry->addresses, port);
        deferred = copy ? TorcDeferred_succeed(copy, TorcAddressList_free) : NULL;
    }
    if (!deferred)
        return -ENOMEM;
    *ret_addresses = deferred;
    return 0;
}

static int join(CacheEntry *entry, uint16_t port, TorcDeferred **ret_addresses)
{
    TorcDeferred *deferred = wait_for(entry, port);
    if (!deferred)
        return -ENOMEM;
    *ret_addresses = deferred;
    return 0;
}

static int cache_resolve(TorcResolver *self, TorcReactor *reactor, const char *host, uint16_t port,
                         TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    CacheResolver *cache = (CacheResolver *)self;
    char key[TORC__HOST_LENGTH + 1];
    if (!torc__resolver_key(host, strlen(host), key))
        return -EINVAL;
    uint32_t hash = torc__resolver_hash(key);
    CacheEntry *entry = find_entry(cache, key, hash, family);

    if (entry && entry->asking)
        return join(entry, port, ret_addresses);
    if (entry && torc__now(reactor) < entry->expires)
        return give_known(entry, port, ret_addresses);
    if (entry)
        forget_answer(entry);
    else
        entry = add_entry(cache, key, hash, family);
    return entry ? ask_next(entry, reactor, host, port, ret_addresses) : -ENOMEM;
}

/* ---- birth and death ----------------------------------------------------------------------- */

/* Nobody waits any more, for who waits holds a reference. */
static void cache_destroy(TorcResolver *self)
{
    CacheResolver *cache = (CacheResolver *)self;
    while (cache->oldest)
        remove_entry(cache->oldest);
    assert(cache->count == 0);
    TorcResolver_unref(cache->next);
    torc__free(cache->chains);
    torc__free(cache);
}

static const TorcResolverClass cache_class = {
    .size = sizeof(TorcResolverClass),
    .name = "cache",
    .resolve = cache_resolve,
    .destroy = cache_destroy,
};

void TorcCacheOptions_init(TorcCacheOptions *options)
{
    if (options)
        *options = (TorcCacheOptions){.size = sizeof(TorcCacheOptions)};
}

static int read_options(const TorcCacheOptions *given, TorcCacheOptions *ret_options)
{
    TorcCacheOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(options.lifetime >= 0 && !isnan(options.failureLifetime));
    if (options.lifetime == 0)
        options.lifetime = LIFETIME_SECONDS;
    if (options.failureLifetime == 0)
        options.failureLifetime = FAILURE_SECONDS;
    if (options.names == 0)
        options.names = NAMES;
    *ret_options = options;
    return 0;
}

TorcResolver *TorcCachingResolver_new(TorcResolver *next, const TorcCacheOptions *given)
{
    TorcCacheOptions options;
    if (!torc__resolver_isUsable(next) || read_options(given, &options) < 0) {
        errno = EINVAL;
        return NULL;
    }
    CacheResolver *cache = torc__zalloc(sizeof(*cache));
    if (!cache) {
        errno = ENOMEM;
        return NULL;
    }
    TorcResolver_init(&cache->base, &cache_class);
    cache->next = TorcResolver_ref(next);
    cache->lifetime = torc__nanoseconds(options.lifetime);
    cache->failure_lifetime = keep_for(options.failureLifetime, TORC__NEVER);
    cache->limit = options.names;
    return &cache->base;
}
