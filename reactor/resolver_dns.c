/* A resolver that asks name servers itself: which of them, when, and for how long.
 *
 * Thread: the reactor's. A look-up waits in line, or has a channel and asks one server after the
 * other: both questions at once, A and AAAA, until there is an address or it is certain that there
 * is none. It belongs to its deferred's canceller until it fires. Invariant: whoever is told sees a
 * resolver in order, and may ask again, cancel others or let go of it: the last who waits holds a
 * reference, and here another is held around every deferred that fires. */
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>

#include "resolver_dns_internal.h"

enum {
    TIMEOUT_SECONDS = 2,
    LONGEST_SECONDS = 30, /* of one try, however often it doubled */
    TRIES = 3,
    MOST_TRIES = 100,
    NAME_SERVER_PORT = 53,
    /* A channel of c-ares is 75 kB. This many look-ups at a time ask no server too much, and at
     * 20 ms each are three thousand a second. */
    MOST_UNDER_WAY = 64,
    MOST_IDLE = 4 /* channels kept for the next look-ups */
};

typedef struct DNSLookup DNSLookup;
typedef struct DNSResolver DNSResolver;

struct DNSLookup {
    DNSLookup *next; /* of those that wait in line */
    DNSLookup **link;
    DNSResolver *resolver;
    TorcDeferred *deferred;
    TorcDNSChannel *channel; /* NULL: waits in line */
    TorcDelayedCall timer;
    unsigned attempt; /* from 0: which server, and how often it was asked before */
    uint16_t port;
    TorcDNSQuestion questions[2]; /* IPv6 first; UNASKED ones are not wanted */
    char host[];
};

struct DNSResolver {
    TorcResolver base;
    TorcReactor *reactor;
    TorcDNSSettings settings;
    double timeout;
    unsigned tries;
    DNSLookup *first; /* in line */
    DNSLookup **end;
    unsigned under_way;
    bool starting; /* start_waiting is on the stack */
    unsigned idle_count;
    TorcDNSChannel *idle[MOST_IDLE];
};

/* ---- channels ------------------------------------------------------------------------------ */

static TorcDNSChannel *take_channel(DNSResolver *dns)
{
    if (dns->idle_count > 0)
        return dns->idle[--dns->idle_count];
    return torc__dnsChannel_new(dns->reactor, &dns->settings);
}

static void give_back(DNSResolver *dns, TorcDNSChannel *channel)
{
    torc__dnsChannel_cancel(channel);
    if (dns->idle_count < MOST_IDLE)
        dns->idle[dns->idle_count++] = channel;
    else
        torc__dnsChannel_free(channel);
}

/* ---- the line ------------------------------------------------------------------------------ */

static void stand_in_line(DNSLookup *lookup)
{
    DNSResolver *dns = lookup->resolver;
    lookup->link = dns->end;
    *dns->end = lookup;
    dns->end = &lookup->next;
}

static void leave_line(DNSLookup *lookup)
{
    *lookup->link = lookup->next;
    if (lookup->next)
        lookup->next->link = lookup->link;
    else
        lookup->resolver->end = lookup->link;
    lookup->next = NULL;
}

/* Out of line, without channel and timer: only the memory is left. */
static void detach(DNSLookup *lookup)
{
    DNSResolver *dns = lookup->resolver;
    if (!lookup->channel) {
        leave_line(lookup);
        return;
    }
    (void)TorcDelayedCall_cancel(lookup->timer);
    give_back(dns, lookup->channel);
    lookup->channel = NULL;
    dns->under_way--;
}

static void free_lookup(DNSLookup *lookup)
{
    for (int i = 0; i < 2; i++)
        TorcAddressList_free(lookup->questions[i].addresses);
    torc__free(lookup);
}

/* ---- the order of addresses ---------------------------------------------------------------- */

static socklen_t to_sockaddr(const TorcAddress *address, struct sockaddr_storage *ret_name)
{
    struct sockaddr_in *in = (struct sockaddr_in *)ret_name;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_name;

    memset(ret_name, 0, sizeof(*ret_name));
    if (address->family == TORC_ADDRESS_IPV4) {
        in->sin_family = AF_INET;
        in->sin_port = htons(NAME_SERVER_PORT); /* any will do */
        memcpy(&in->sin_addr, address->ip, sizeof(in->sin_addr));
        return sizeof(*in);
    }
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(NAME_SERVER_PORT);
    memcpy(&in6->sin6_addr, address->ip, sizeof(in6->sin6_addr));
    return sizeof(*in6);
}

/* Whether packets to the address would leave this host at all: connecting a datagram socket sends
 * nothing, but has to find a route (RFC 6724 §5, rule 1). */
static bool can_reach(TorcSystem *system, const TorcAddress *address)
{
    struct sockaddr_storage name;
    socklen_t length = to_sockaddr(address, &name);
    int fd = system->ops->socket(system, name.ss_family, SOCK_DGRAM);
    if (fd < 0)
        return false;
    int r = system->ops->connect(system, fd, (const struct sockaddr *)&name, length);
    (void)system->ops->close(system, fd);
    return r == 0;
}

/* All of a name's addresses can be reached or none: one per family is asked about, since most hosts
 * lack a family as a whole, and each question costs three system calls. */
static bool ipv4_goes_first(const DNSResolver *dns, const TorcAddress *six, const TorcAddress *four)
{
    TorcSystem *system = dns->reactor->system;
    return !can_reach(system, six) && can_reach(system, four);
}

/* ---- localhost ----------------------------------------------------------------------------- */

/* Also each name below it (RFC 6761 §6.3). */
static bool is_localhost(const char *host)
{
    static const char name[] = "localhost";
    char key[TORC__HOST_LENGTH + 1];
    if (!torc__resolver_key(host, strlen(host), key))
        return false;
    size_t length = strlen(key);
    size_t above = length - strlen(name);
    return length >= strlen(name) && strcmp(key + above, name) == 0 &&
           (above == 0 || key[above - 1] == '.');
}

/* No server is asked: one that answered could have this host's secrets sent to another. */
static int answer_localhost(const DNSResolver *dns, uint16_t port, TorcAddressFamily family,
                            TorcDeferred **ret_addresses)
{
    const TorcAddress six = {.family = TORC_ADDRESS_IPV6, .port = port, .ip = {[15] = 1}};
    const TorcAddress four = {.family = TORC_ADDRESS_IPV4, .port = port, .ip = {127, 0, 0, 1}};
    bool swap = family == TORC_ADDRESS_NONE && ipv4_goes_first(dns, &six, &four);
    const TorcAddress both[] = {swap ? four : six, swap ? six : four};
    TorcAddressList *list = TorcAddressList_new(both, 2);
    TorcDeferred *deferred = list ? TorcDeferred_succeed(list, TorcAddressList_free) : NULL;
    if (!deferred)
        return -ENOMEM;
    *ret_addresses = deferred;
    return 0;
}

/* ---- the end of a look-up ------------------------------------------------------------------ */

static void append(TorcAddressList *list, const TorcAddressList *more, uint16_t port)
{
    if (!more)
        return;
    for (size_t i = 0; i < more->count; i++) {
        list->addresses[list->count] = more->addresses[i];
        list->addresses[list->count++].port = port;
    }
    list->lifetime = fmin(list->lifetime, more->lifetime);
}

static TorcAddressList *merge(const DNSLookup *lookup)
{
    const TorcAddressList *first = lookup->questions[0].addresses;
    const TorcAddressList *second = lookup->questions[1].addresses;
    size_t room = (first ? first->count : 0) + (second ? second->count : 0);
    TorcAddressList *list = torc__addressList_withRoom(room);
    if (!list)
        return NULL;
    bool swap = first && second &&
                ipv4_goes_first(lookup->resolver, &first->addresses[0], &second->addresses[0]);
    append(list, swap ? second : first, lookup->port);
    append(list, swap ? first : second, lookup->port);
    return list;
}

static bool any(const DNSLookup *lookup, TorcDNSState state)
{
    return lookup->questions[0].state == state || lookup->questions[1].state == state;
}

/* What the servers say for certain. */
static const char *refusal_of(const TorcDNSQuestion *six, const TorcDNSQuestion *four)
{
    if (six->state == TORC__DNS_UNASKED)
        return four->problem;
    if (four->state == TORC__DNS_UNASKED || strcmp(six->problem, four->problem) == 0)
        return six->problem;
    return "the name has no IPv4 or IPv6 address";
}

static TorcReason *failure_of(const DNSLookup *lookup)
{
    const TorcDNSSettings *settings = &lookup->resolver->settings;
    const TorcDNSQuestion *six = &lookup->questions[0];
    const TorcDNSQuestion *four = &lookup->questions[1];
    char server[TORC_ADDRESS_TEXT_SIZE];
    char problem[2 * TORC_ADDRESS_TEXT_SIZE];

    if (any(lookup, TORC__DNS_NO_MEMORY))
        return torc__resolver_reason(lookup->host, -ENOMEM, NULL);
    if (!any(lookup, TORC__DNS_FAILED))
        return torc__resolver_reason(lookup->host, -TORC_ELOOKUP, refusal_of(six, four));
    TorcAddress_format(&settings->servers[lookup->attempt % settings->server_count], server,
                       sizeof(server));
    (void)snprintf(problem, sizeof(problem), "%s (asked %u times, last at %s)",
                   six->state == TORC__DNS_FAILED ? six->problem : four->problem,
                   lookup->attempt + 1, server);
    return torc__resolver_reason(lookup->host, -TORC_ELOOKUP, problem);
}

static void start_waiting(DNSResolver *dns);

/* Its questions are answered, or nobody is left to be asked. */
static void conclude(DNSLookup *lookup)
{
    DNSResolver *dns = lookup->resolver;
    TorcDeferred *deferred = lookup->deferred;
    bool found = any(lookup, TORC__DNS_FOUND);
    TorcAddressList *addresses = found ? merge(lookup) : NULL;
    TorcReason *failure = NULL;

    if (found && !addresses)
        lookup->questions[0].state = TORC__DNS_NO_MEMORY;
    if (!addresses)
        failure = failure_of(lookup);
    TorcResolver_ref(&dns->base);
    detach(lookup);
    free_lookup(lookup);
    if (addresses)
        (void)TorcDeferred_callback(deferred, addresses, TorcAddressList_free);
    else
        (void)TorcDeferred_errback(deferred, failure);
    TorcReason_unref(failure);
    start_waiting(dns);
    TorcResolver_unref(&dns->base);
}

/* ---- asking -------------------------------------------------------------------------------- */

static double patience(const DNSLookup *lookup)
{
    const DNSResolver *dns = lookup->resolver;
    unsigned round = lookup->attempt / (unsigned)dns->settings.server_count;
    double most = fmax(LONGEST_SECONDS, dns->timeout);
    return fmin(ldexp(dns->timeout, (int)round), most);
}

static void advance(DNSLookup *lookup);

static void expire(void *arg)
{
    DNSLookup *lookup = arg;
    torc__dnsChannel_cancel(lookup->channel);
    advance(lookup);
}

static void channel_told(void *arg)
{
    advance(arg);
}

static void lack_memory(DNSLookup *lookup)
{
    for (int i = 0; i < 2; i++)
        if (lookup->questions[i].state != TORC__DNS_UNASKED)
            lookup->questions[i].state = TORC__DNS_NO_MEMORY;
}

/* Asks what is not known yet of the server whose turn it is. */
static void ask(DNSLookup *lookup)
{
    DNSResolver *dns = lookup->resolver;
    const TorcAddress *server =
        &dns->settings.servers[lookup->attempt % dns->settings.server_count];
    (void)TorcDelayedCall_cancel(lookup->timer);
    int r = torc__dnsChannel_setServer(lookup->channel, server);
    if (r == 0)
        r = torc__ownCallLater(dns->reactor, torc__nanoseconds(patience(lookup)),
                               "time for a name server", expire, lookup, &lookup->timer);
    if (r < 0) {
        lack_memory(lookup);
        return;
    }
    for (int i = 0; i < 2; i++)
        if (lookup->questions[i].state == TORC__DNS_FAILED)
            torc__dnsChannel_ask(lookup->channel, lookup->host, &lookup->questions[i]);
}

/* An address is enough, even if the other family's question was not answered: some name servers
 * drop questions for AAAA (RFC 4074 §4.1). */
static bool is_certain(const DNSLookup *lookup)
{
    return any(lookup, TORC__DNS_FOUND) || any(lookup, TORC__DNS_NO_MEMORY) ||
           !any(lookup, TORC__DNS_FAILED);
}

static void advance(DNSLookup *lookup)
{
    const DNSResolver *dns = lookup->resolver;
    unsigned attempts = dns->tries * (unsigned)dns->settings.server_count;

    while (!any(lookup, TORC__DNS_ASKED)) {
        if (is_certain(lookup) || lookup->attempt + 1 >= attempts) {
            conclude(lookup);
            return;
        }
        lookup->attempt++;
        ask(lookup);
    }
}

static void begin(DNSLookup *lookup)
{
    DNSResolver *dns = lookup->resolver;

    leave_line(lookup);
    dns->under_way++;
    torc__dnsChannel_use(lookup->channel, channel_told, lookup);
    ask(lookup);
    advance(lookup);
}

/* For lack of a channel a look-up fails, where it stands in line. */
static void start_first(DNSResolver *dns)
{
    DNSLookup *lookup = dns->first;
    TorcDNSChannel *channel = take_channel(dns);
    if (!channel) {
        lack_memory(lookup);
        conclude(lookup);
        return;
    }
    lookup->channel = channel;
    begin(lookup);
}

/* A look-up may end at once, and whoever is told may begin another: those are left to the loop that
 * is on the stack already. The caller holds a reference. */
static void start_waiting(DNSResolver *dns)
{
    if (dns->starting)
        return;
    dns->starting = true;
    while (dns->first && dns->under_way < MOST_UNDER_WAY)
        start_first(dns);
    dns->starting = false;
}

/* ---- the resolver -------------------------------------------------------------------------- */

static void cancel_lookup(TorcDeferred *deferred, void *arg)
{
    DNSLookup *lookup = arg;
    DNSResolver *dns = lookup->resolver;

    (void)deferred;
    TorcResolver_ref(&dns->base);
    detach(lookup);
    free_lookup(lookup);
    start_waiting(dns);
    TorcResolver_unref(&dns->base);
}

static DNSLookup *new_lookup(DNSResolver *dns, const char *host, uint16_t port,
                             TorcAddressFamily family)
{
    static const TorcAddressFamily families[] = {TORC_ADDRESS_IPV6, TORC_ADDRESS_IPV4};
    size_t size = strlen(host) + 1;
    DNSLookup *lookup = torc__zalloc(sizeof(*lookup) + size);
    if (!lookup)
        return NULL;
    memcpy(lookup->host, host, size);
    lookup->resolver = dns;
    lookup->port = port;
    for (int i = 0; i < 2; i++) {
        bool wanted = family == TORC_ADDRESS_NONE || family == families[i];
        lookup->questions[i] =
            (TorcDNSQuestion){.family = families[i],
                              .state = wanted ? TORC__DNS_FAILED : TORC__DNS_UNASKED,
                              .problem = "the name server was not asked"};
    }
    return lookup;
}

static int dns_resolve(TorcResolver *self, TorcReactor *reactor, const char *host, uint16_t port,
                       TorcAddressFamily family, TorcDeferred **ret_addresses)
{
    DNSResolver *dns = (DNSResolver *)self;
    TORC__REQUIRE(reactor == dns->reactor);
    if (is_localhost(host))
        return answer_localhost(dns, port, family, ret_addresses);
    DNSLookup *lookup = new_lookup(dns, host, port, family);
    TorcDeferred *deferred = lookup ? TorcDeferred_new(cancel_lookup, lookup) : NULL;
    if (!deferred) {
        torc__free(lookup);
        return -ENOMEM;
    }
    lookup->deferred = deferred;
    stand_in_line(lookup);
    start_waiting(dns); /* it may have its answer, and be gone, when this returns */
    *ret_addresses = deferred;
    return 0;
}

static void dns_destroy(TorcResolver *self)
{
    DNSResolver *dns = (DNSResolver *)self;
    assert(!dns->first && dns->under_way == 0);
    while (dns->idle_count > 0)
        torc__dnsChannel_free(dns->idle[--dns->idle_count]);
    torc__dnsSettings_done(&dns->settings);
    torc__free(dns);
}

static const TorcResolverClass dns_class = {
    .size = sizeof(TorcResolverClass),
    .name = "dns",
    .resolve = dns_resolve,
    .destroy = dns_destroy,
};

/* ---- options ------------------------------------------------------------------------------- */

static bool read_port(const char *text, size_t length, uint16_t *ret_port)
{
    unsigned port = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || port > UINT16_MAX)
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    if (port < 1 || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* "192.0.2.1", "192.0.2.1:53", "[2001:db8::1]", "[2001:db8::1]:53", "2001:db8::1". */
static bool read_server(const char *text, size_t length, TorcAddress *ret_server)
{
    char host[INET6_ADDRSTRLEN];
    uint16_t port = NAME_SERVER_PORT;
    const char *end = text + length;
    const char *colon = memchr(text, ':', length);
    const char *bracket = length > 0 && *text == '[' ? memchr(text, ']', length) : NULL;
    const char *host_end = end;

    if (bracket) {
        text++;
        host_end = bracket;
        colon = bracket + 1 < end ? bracket + 1 : NULL;
        if (colon && *colon != ':')
            return false;
    } else if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1))) {
        host_end = colon;
    } else {
        colon = NULL;
    }
    if (colon && !read_port(colon + 1, (size_t)(end - colon - 1), &port))
        return false;
    size_t host_length = (size_t)(host_end - text);
    if (host_length >= sizeof(host))
        return false;
    memcpy(host, text, host_length);
    host[host_length] = '\0';
    return TorcAddress_parse(host, port, ret_server) == 0 && ret_server->scopeId == 0 &&
           (!bracket || ret_server->family == TORC_ADDRESS_IPV6);
}

static int read_servers(const char *text, TorcDNSSettings *settings)
{
    size_t count = 1;
    for (const char *at = text; *at; at++)
        count += *at == ',';
    settings->dots = 1;
    settings->servers = torc__malloc(count * sizeof(TorcAddress));
    if (!settings->servers)
        return -ENOMEM;
    for (const char *at = text; settings->server_count < count; at++) {
        size_t length = strcspn(at, ",");
        if (!read_server(at, length, &settings->servers[settings->server_count]))
            return -EINVAL;
        settings->server_count++;
        at += length;
    }
    return 0;
}

void TorcDNSOptions_init(TorcDNSOptions *options)
{
    if (options)
        *options = (TorcDNSOptions){.size = sizeof(TorcDNSOptions)};
}

static int apply_options(DNSResolver *dns, const TorcDNSOptions *given)
{
    TorcDNSOptions options;
    TORC__REQUIRE(torc__options_read(&options, sizeof(options), given) == 0);
    TORC__REQUIRE(options.timeout >= 0 && options.tries >= 0 && options.tries <= MOST_TRIES);
    dns->timeout = options.timeout > 0 ? options.timeout : TIMEOUT_SECONDS;
    dns->tries = options.tries > 0 ? (unsigned)options.tries : TRIES;
    if (options.servers)
        return read_servers(options.servers, &dns->settings);
    return torc__dnsSettings_readSystem(&dns->settings);
}

TorcResolver *TorcDNSResolver_new(TorcReactor *reactor, const TorcDNSOptions *options)
{
    if (!reactor) {
        errno = EINVAL;
        return NULL;
    }
    DNSResolver *dns = torc__zalloc(sizeof(*dns));
    if (!dns) {
        errno = ENOMEM;
        return NULL;
    }
    TorcResolver_init(&dns->base, &dns_class);
    dns->reactor = reactor;
    dns->end = &dns->first;
    int r = apply_options(dns, options);
    if (r < 0) {
        dns_destroy(&dns->base);
        errno = -r;
        return NULL;
    }
    return &dns->base;
}
