/* Look-ups of the real system: getaddrinfo on threads of its own.
 *
 * The threads are not the job pool's, so that slow name servers and long jobs do not hold each other
 * up. Nobody can interrupt getaddrinfo, and nobody wants to wait for it at the end; therefore the
 * threads are detached, and what they share with the system is an object apart, the resolver, which
 * outlives the system as long as a thread needs it. The last of them frees it.
 *
 * Ownership: a look-up is the resolver's while it waits or has ended (then the reactor's thread may
 * free it), and the thread's while it is being resolved; cancelling it then leaves a mark only, and
 * the thread frees it. The lock guards all but what a thread fills in. Functions are called on the
 * reactor's thread, from inside wait. */
#include "system_real_internal.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "memory_internal.h"

enum {
    MOST_THREADS = 4,
    LONGEST_NAME = 253, /* without the final dot; RFC 1035 §2.3.4, in characters */
    /* Nobody tries more than these before giving up; a hostile name server may send thousands. */
    MOST_ADDRESSES = 256,
    LONGEST_PROBLEM = 128
};

typedef enum LookupState { WAITING, RESOLVING, ENDED } LookupState;

struct TorcLookup {
    TorcLookup *next; /* in its queue */
    TorcLookup *previous;
    TorcLookupFunction *function;
    void *arg;
    LookupState state;
    bool cancelled; /* while it was being resolved */
    uint16_t port;
    int code;
    size_t count;
    TorcAddress *addresses;
    char problem[LONGEST_PROBLEM];
    char host[LONGEST_NAME + 1];
};

typedef struct Queue {
    TorcLookup *first;
    TorcLookup *last;
    size_t count;
} Queue;

struct TorcRealResolver {
    pthread_mutex_t lock;
    pthread_cond_t work;    /* a look-up waits, the system has gone, or a thread has */
    TorcRealSystem *system; /* NULL once it has gone */
    unsigned references;    /* of the threads, and of the system */
    Queue waiting;
    Queue ended;
    unsigned threads;
    unsigned resolving; /* threads that are not free for the next look-up */
};

/* ---- queues -------------------------------------------------------------------------------- */

static void push(Queue *queue, TorcLookup *lookup)
{
    lookup->next = NULL;
    lookup->previous = queue->last;
    if (queue->last)
        queue->last->next = lookup;
    else
        queue->first = lookup;
    queue->last = lookup;
    queue->count++;
}

static void take_out(Queue *queue, TorcLookup *lookup)
{
    *(lookup->previous ? &lookup->previous->next : &queue->first) = lookup->next;
    *(lookup->next ? &lookup->next->previous : &queue->last) = lookup->previous;
    queue->count--;
}

static TorcLookup *pop(Queue *queue)
{
    TorcLookup *lookup = queue->first;
    if (lookup)
        take_out(queue, lookup);
    return lookup;
}

static void free_lookup(TorcLookup *lookup)
{
    torc__free(lookup->addresses);
    torc__free(lookup);
}

static void free_queue(Queue *queue)
{
    TorcLookup *lookup;
    while ((lookup = pop(queue)) != NULL)
        free_lookup(lookup);
}

/* ---- resolving (on a resolver thread, without the lock) ------------------------------------ */

static bool convert(const struct addrinfo *info, uint16_t port, TorcAddress *address)
{
    memset(address, 0, sizeof *address);
    address->port = port;
    if (info->ai_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)info->ai_addr;
        address->family = TORC_ADDRESS_IPV4;
        memcpy(address->ip, &in->sin_addr, sizeof in->sin_addr);
        return true;
    }
    if (info->ai_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)info->ai_addr;
        address->family = TORC_ADDRESS_IPV6;
        address->scopeId = in6->sin6_scope_id;
        memcpy(address->ip, &in6->sin6_addr, sizeof in6->sin6_addr);
        return true;
    }
    return false;
}

static bool contains(const TorcAddress *addresses, size_t count, const TorcAddress *address)
{
    for (size_t i = 0; i < count; i++)
        if (addresses[i].family == address->family && addresses[i].scopeId == address->scopeId &&
            memcmp(addresses[i].ip, address->ip, sizeof address->ip) == 0)
            return true;
    return false;
}

static void fail(TorcLookup *lookup, int code, const char *problem)
{
    lookup->code = code;
    snprintf(lookup->problem, sizeof lookup->problem, "%s", problem);
}

static void keep_addresses(TorcLookup *lookup, const struct addrinfo *list)
{
    size_t room = 0;
    for (const struct addrinfo *at = list; at && room < MOST_ADDRESSES; at = at->ai_next)
        room++;
    lookup->addresses = torc__malloc((room ? room : 1) * sizeof *lookup->addresses);
    if (!lookup->addresses) {
        fail(lookup, -ENOMEM, "out of memory");
        return;
    }
    for (const struct addrinfo *at = list; at && lookup->count < room; at = at->ai_next) {
        TorcAddress *address = &lookup->addresses[lookup->count];
        if (convert(at, lookup->port, address) &&
            !contains(lookup->addresses, lookup->count, address))
            lookup->count++;
    }
    if (lookup->count == 0)
        fail(lookup, -TORC_ELOOKUP, "the name has no IPv4 or IPv6 address");
}

static void resolve(TorcLookup *lookup)
{
    /* One type, or each address comes three times. No AI_ADDRCONFIG: it hides ::1 and 127.0.0.1 on
     * machines that have only the other, or only a loopback. */
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int r = torc__real_calls.getaddrinfo(lookup->host, NULL, &hints, &list);
    if (r == 0) {
        keep_addresses(lookup, list);
        freeaddrinfo(list);
    } else if (r == EAI_MEMORY) {
        fail(lookup, -ENOMEM, gai_strerror(r));
    } else {
        fail(lookup, -TORC_ELOOKUP, r == EAI_SYSTEM ? torc_strerror(errno) : gai_strerror(r));
    }
}

/* ---- a resolver thread --------------------------------------------------------------------- */

/* The next look-up, waited for; NULL: the system has gone. */
static TorcLookup *next_lookup(TorcRealResolver *resolver)
{
    while (resolver->system) {
        TorcLookup *lookup = pop(&resolver->waiting);
        if (lookup) {
            lookup->state = RESOLVING;
            resolver->resolving++;
            return lookup;
        }
        pthread_cond_wait(&resolver->work, &resolver->lock);
    }
    return NULL;
}

static void hand_over(TorcRealResolver *resolver, TorcLookup *lookup)
{
    resolver->resolving--;
    if (!resolver->system || lookup->cancelled) {
        free_lookup(lookup);
        return;
    }
    lookup->state = ENDED;
    push(&resolver->ended, lookup);
    torc__real_wake(&resolver->system->base);
}

static void free_resolver(TorcRealResolver *resolver)
{
    pthread_cond_destroy(&resolver->work);
    pthread_mutex_destroy(&resolver->lock);
    torc__free(resolver);
}

/* Gives up a reference, and unlocks. */
static void release(TorcRealResolver *resolver)
{
    bool last = --resolver->references == 0;
    pthread_mutex_unlock(&resolver->lock);
    if (last)
        free_resolver(resolver);
}

static void *work(void *arg)
{
    TorcRealResolver *resolver = arg;
    TorcLookup *lookup;
    torc__real_nameThread("torc-lookup");
    pthread_mutex_lock(&resolver->lock);
    while ((lookup = next_lookup(resolver)) != NULL) {
        pthread_mutex_unlock(&resolver->lock);
        resolve(lookup);
        pthread_mutex_lock(&resolver->lock);
        hand_over(resolver, lookup);
    }
    resolver->threads--;
    pthread_cond_broadcast(&resolver->work);
    release(resolver);
    return NULL;
}

/* ---- the reactor's side -------------------------------------------------------------------- */

static int new_resolver(TorcRealSystem *system)
{
    TorcRealResolver *resolver = torc__zalloc(sizeof *resolver);
    if (!resolver)
        return -ENOMEM;
    int r = pthread_mutex_init(&resolver->lock, NULL);
    if (r != 0) {
        torc__free(resolver);
        return -r;
    }
    r = pthread_cond_init(&resolver->work, NULL);
    if (r != 0) {
        pthread_mutex_destroy(&resolver->lock);
        torc__free(resolver);
        return -r;
    }
    resolver->references = 1;
    resolver->system = system;
    system->resolver = resolver;
    return 0;
}

/* Refuses what resolvers have been known to cut short or to misread, before it reaches one:
 * overlong names (part of them may be a fine name), and bytes that no host name has. */
static int check_name(const char *host)
{
    size_t length = 0;
    for (const unsigned char *at = (const unsigned char *)host; *at; at++)
        if (++length > LONGEST_NAME || *at <= ' ' || *at > '~')
            return -EINVAL;
    return length > 0 ? 0 : -EINVAL;
}

static void add_thread_if_needed(TorcRealResolver *resolver)
{
    unsigned available = resolver->threads - resolver->resolving;
    if (resolver->waiting.count < available || resolver->threads >= MOST_THREADS)
        return;
    pthread_t thread;
    if (torc__real_startThread(&thread, true, work, resolver) < 0)
        return; /* the threads there are, if any, will come to it */
    resolver->threads++;
    resolver->references++;
}

static int enqueue(TorcRealResolver *resolver, TorcLookup *lookup)
{
    pthread_mutex_lock(&resolver->lock);
    add_thread_if_needed(resolver);
    bool taken = resolver->threads > 0;
    if (taken) {
        push(&resolver->waiting, lookup);
        pthread_cond_signal(&resolver->work);
    }
    pthread_mutex_unlock(&resolver->lock);
    return taken ? 0 : -EAGAIN;
}

int torc__real_lookup(TorcSystem *base, const char *host, uint16_t port,
                      TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    TorcRealSystem *system = torc__real(base);
    int r = check_name(host);
    if (r == 0 && !system->resolver)
        r = new_resolver(system);
    if (r < 0)
        return r;
    TorcLookup *lookup = torc__zalloc(sizeof *lookup);
    if (!lookup)
        return -ENOMEM;
    assert(system->resolver);
    lookup->function = function;
    lookup->arg = arg;
    lookup->port = port;
    memcpy(lookup->host, host, strlen(host) + 1); /* check_name has measured it */
    r = enqueue(system->resolver, lookup);
    if (r < 0) {
        free_lookup(lookup);
        return r;
    }
    *ret_lookup = lookup;
    return 0;
}

void torc__real_cancelLookup(TorcSystem *system, TorcLookup *lookup)
{
    TorcRealResolver *resolver = torc__real(system)->resolver;
    pthread_mutex_lock(&resolver->lock);
    if (lookup->state != RESOLVING)
        take_out(lookup->state == WAITING ? &resolver->waiting : &resolver->ended, lookup);
    if (lookup->state == RESOLVING && resolver->resolving > 0)
        lookup->cancelled = true;
    else
        free_lookup(lookup); /* nobody resolves it, if fork has left its thread behind */
    pthread_mutex_unlock(&resolver->lock);
}

static TorcLookup *take_ended(TorcRealResolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    TorcLookup *lookup = pop(&resolver->ended);
    pthread_mutex_unlock(&resolver->lock);
    return lookup;
}

static size_t count_ended(TorcRealResolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
    size_t count = resolver->ended.count;
    pthread_mutex_unlock(&resolver->lock);
    return count;
}

static void deliver(TorcLookup *lookup)
{
    const TorcLookupResult result = {
        .code = lookup->code,
        .problem = lookup->code ? lookup->problem : NULL,
        .count = lookup->code ? 0 : lookup->count,
        .addresses = lookup->addresses,
    };
    lookup->function(lookup->arg, &result);
    free_lookup(lookup);
}

void torc__real_deliverLookups(TorcRealSystem *system)
{
    if (!system->resolver)
        return;
    /* One by one, since a function may cancel the next; and no more than there are now, since each
     * later one brings its own wake. */
    for (size_t left = count_ended(system->resolver); left > 0; left--) {
        TorcLookup *lookup = take_ended(system->resolver);
        if (!lookup)
            return;
        deliver(lookup);
    }
}

void torc__real_endLookups(TorcRealSystem *system)
{
    TorcRealResolver *resolver = system->resolver;
    if (!resolver)
        return;
    pthread_mutex_lock(&resolver->lock);
    resolver->system = NULL;
    free_queue(&resolver->waiting);
    free_queue(&resolver->ended);
    pthread_cond_broadcast(&resolver->work);
    /* Threads with nothing to resolve leave at once, so that usually nothing is left behind. */
    while (resolver->threads > resolver->resolving)
        pthread_cond_wait(&resolver->work, &resolver->lock);
    release(resolver);
    system->resolver = NULL;
}

/* ---- fork ---------------------------------------------------------------------------------- */

void torc__real_lockLookups(TorcRealSystem *system)
{
    pthread_mutex_lock(&system->resolver->lock);
}

void torc__real_unlockLookups(TorcRealSystem *system)
{
    pthread_mutex_unlock(&system->resolver->lock);
}

/* As torc__real_forgetThreads. */
void torc__real_forgetLookups(TorcRealSystem *system)
{
    TorcRealResolver *resolver = system->resolver;
    (void)pthread_cond_init(&resolver->work, NULL);
    resolver->threads = resolver->resolving = 0;
    resolver->references = 1;
    pthread_mutex_unlock(&resolver->lock);
}

/* ---- services ------------------------------------------------------------------------------ */

/* getservbyname keeps its answer for all threads in one place. Without a host getaddrinfo reads the
 * list of services alone; the address it answers with is the loopback's. */
int torc__real_servicePort(TorcSystem *system, const char *service, int type)
{
    (void)system;
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = type};
    struct addrinfo *list = NULL;
    int r = torc__real_calls.getaddrinfo(NULL, service, &hints, &list);
    if (r != 0)
        return r == EAI_MEMORY ? -ENOMEM : -TORC_ESERVICE;
    struct sockaddr_in name;
    memcpy(&name, list->ai_addr, sizeof(name));
    freeaddrinfo(list);
    return ntohs(name.sin_port);
}
