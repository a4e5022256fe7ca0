/* Questions to a name server, by c-ares: messages, matching answers, truncation and TCP, aliases,
 * search domains.
 *
 * Why c-ares and not libevent's evdns: its sockets can be ours, so the client runs on any TorcSystem
 * and its look-ups on the reactor's thread; and it asks again over TCP when an answer was cut. Its
 * clock cannot be replaced. Therefore it gets one server and one try, with a limit that it never
 * reaches, and when to ask whom again is decided by resolver_dns.c with delayed calls.
 *
 * What it does by itself: it allocates with malloc, since its allocator is one for the whole process
 * and others may use it there; draws the messages' numbers from /dev/urandom, so in a simulation
 * those differ from run to run; and reads /etc/resolv.conf, once, if no servers are given.
 *
 * Thread: the reactor's. Owner: a channel owns its sockets' records, which live from c-ares' socket()
 * to its close(). Invariant: c-ares' callbacks only write down what they are told; whoever has to
 * hear of it is called when c-ares has returned, so that nothing is ever freed under it. */
#include <math.h>
#include <netinet/in.h>
#include <pthread.h>

#define CARES_NO_DEPRECATED /* the newer names are missing in the c-ares of stable distributions */
#include <ares.h>

#include "resolver_dns_internal.h"

enum {
    FOR_EVER_MS =
        24 * 3600 * 1000, /* no look-up lasts as long; larger numbers may overflow in it */
    MOST_PIECES = 64      /* of sendv */
};

typedef struct ChannelSocket ChannelSocket;
struct ChannelSocket {
    ChannelSocket *next;
    TorcDNSChannel *channel;
    int fd;
    bool watched;
    TorcWatch watch;
};

struct TorcDNSChannel {
    TorcReactor *reactor;
    ares_channel ares;
    ChannelSocket *sockets;
    int error; /* of a socket: what is ASKED will not be answered */
    TorcFunction *function;
    void *arg;
};

static TorcSystem *system_of(const TorcDNSChannel *channel)
{
    return channel->reactor->system;
}

/* What a system call gave, as POSIX says it. c-ares does not always see the end of all its questions
 * in an error: when ICMP says that nobody is there, the next send is told and the question before
 * waits for its time-out. Hence the note. */
static int as_posix(TorcDNSChannel *channel, ssize_t r)
{
    if (r >= 0)
        return (int)r;
    if (r != -EAGAIN && r != -EINPROGRESS)
        channel->error = (int)r;
    errno = (int)-r;
    return -1;
}

/* ---- sockets ------------------------------------------------------------------------------- */

static ChannelSocket **find_socket(TorcDNSChannel *channel, int fd)
{
    ChannelSocket **link = &channel->sockets;
    while (*link && (*link)->fd != fd)
        link = &(*link)->next;
    return link;
}

static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
    TorcDNSChannel *channel = arg;
    ChannelSocket *opened = torc__zalloc(sizeof(*opened));
    (void)protocol; /* goes without saying */
    if (!opened)
        return as_posix(channel, -ENOMEM);
    int fd = system_of(channel)->ops->socket(system_of(channel), family, type);
    if (fd < 0) {
        torc__free(opened);
        return as_posix(channel, fd);
    }
    opened->channel = channel;
    opened->fd = fd;
    opened->next = channel->sockets;
    channel->sockets = opened;
    return fd;
}

static int close_socket(ares_socket_t fd, void *arg)
{
    TorcDNSChannel *channel = arg;
    TorcSystem *system = system_of(channel);
    ChannelSocket **link = find_socket(channel, fd);
    ChannelSocket *closed = *link;

    assert(closed);
    *link = closed->next;
    system->ops->unwatch(system, &closed->watch);
    torc__free(closed);
    (void)system->ops->close(system, fd); /* nothing left to tell */
    return 0;
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *address, ares_socklen_t length,
                          void *arg)
{
    TorcDNSChannel *channel = arg;
    TorcSystem *system = system_of(channel);
    return as_posix(channel, system->ops->connect(system, fd, address, length));
}

static ares_ssize_t receive(ares_socket_t fd, void *buffer, size_t size, int flags,
                            struct sockaddr *ret_from, ares_socklen_t *length, void *arg)
{
    TorcDNSChannel *channel = arg;
    TorcSystem *system = system_of(channel);
    if (!ret_from) /* of a stream */
        return as_posix(channel, torc__recv(system, fd, buffer, size, flags));
    return as_posix(channel,
                    system->ops->recvfrom(system, fd, buffer, size, flags, ret_from, length));
}

static ares_ssize_t send_pieces(ares_socket_t fd, const struct iovec *pieces, int count, void *arg)
{
    TorcDNSChannel *channel = arg;
    TorcSystem *system = system_of(channel);
    size_t some = (size_t)(count < MOST_PIECES ? count : MOST_PIECES);
    ssize_t n;
    do
        n = system->ops->sendv(system, fd, pieces, some);
    while (n == -EINTR);
    return as_posix(channel, n);
}

static const struct ares_socket_functions socket_functions = {
    .asocket = open_socket,
    .aclose = close_socket,
    .aconnect = connect_socket,
    .arecvfrom = receive,
    .asendv = send_pieces,
};

static void socket_ready(int fd, short ready, void *arg)
{
    TorcDNSChannel *channel = ((ChannelSocket *)arg)->channel; /* may be freed by c-ares */
    ares_process_fd(channel->ares, ready & TORC_READABLE ? fd : ARES_SOCKET_BAD,
                    ready & TORC_WRITABLE ? fd : ARES_SOCKET_BAD);
    if (channel->error < 0)
        torc__dnsChannel_cancel(channel);
    channel->function(channel->arg);
}

/* c-ares says what it waits for; nothing before it closes. */
static void watch_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
    TorcDNSChannel *channel = arg;
    TorcSystem *system = system_of(channel);
    ChannelSocket *watched = *find_socket(channel, fd);
    unsigned interest = (readable ? TORC_READABLE : 0u) | (writable ? TORC_WRITABLE : 0u);
    int r = 0;

    assert(watched);
    if (interest == 0)
        system->ops->unwatch(system, &watched->watch);
    else if (watched->watched)
        r = system->ops->rewatch(system, &watched->watch, interest);
    else
        r = system->ops->watch(system, &watched->watch, fd, interest, socket_ready, watched);
    watched->watched = interest != 0 && r == 0;
    if (r < 0)
        channel->error = r; /* nobody would hear of an answer */
}

/* ---- answers ------------------------------------------------------------------------------- */

static TorcDNSState state_of(int status)
{
    switch (status) {
    case ARES_SUCCESS: return TORC__DNS_FOUND;
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME: return TORC__DNS_NOTHING;
    case ARES_ENOMEM: return TORC__DNS_NO_MEMORY;
    default: return TORC__DNS_FAILED;
    }
}

/* Why the server could not say. c-ares says "refused" of much. */
static const char *silence_of(int status, int error)
{
    if (error == -EMFILE || error == -ENFILE)
        return "no descriptor is left for a socket";
    if (error < 0)
        return "the name server cannot be reached";
    if (status == ARES_ECONNREFUSED)
        return "the name server failed or refused to answer";
    return "the name server did not answer";
}

static const char *problem_of(int status, const TorcDNSQuestion *question)
{
    switch (status) {
    case ARES_ENODATA:
        return question->family == TORC_ADDRESS_IPV6 ? "the name has no IPv6 address"
                                                     : "the name has no IPv4 address";
    case ARES_ENOTFOUND: return "there is no such name";
    case ARES_EBADNAME: return "it cannot be a host name";
    case ARES_ECANCELLED:
    case ARES_ETIMEOUT:
    case ARES_ECONNREFUSED: return silence_of(status, question->channel->error);
    default: return ares_strerror(status);
    }
}

/* Zero is a time as well: nobody is to keep it. */
static void shorten(double *lifetime, int ttl)
{
    if (ttl >= 0 && ttl < *lifetime)
        *lifetime = ttl;
}

static double lifetime_of(const struct ares_addrinfo *info)
{
    double lifetime = INFINITY;
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
        shorten(&lifetime, node->ai_ttl);
    for (const struct ares_addrinfo_cname *alias = info->cnames; alias; alias = alias->next)
        shorten(&lifetime, alias->ttl);
    return lifetime;
}

static bool read_address(const struct sockaddr *name, TorcAddress *ret_address)
{
    TorcAddress address = {.family = TORC_ADDRESS_IPV4};
    if (name->sa_family == AF_INET) {
        memcpy(address.ip, &((const struct sockaddr_in *)(const void *)name)->sin_addr, 4);
    } else if (name->sa_family == AF_INET6) {
        address.family = TORC_ADDRESS_IPV6;
        memcpy(address.ip, &((const struct sockaddr_in6 *)(const void *)name)->sin6_addr, 16);
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}

static TorcAddressList *read_addresses(const struct ares_addrinfo *info)
{
    size_t room = 0;
    for (const struct ares_addrinfo_node *node = info->nodes; node; node = node->ai_next)
        room += room < TORC__HOST_ADDRESSES;
    TorcAddressList *list = torc__addressList_withRoom(room);
    if (!list)
        return NULL;
    for (const struct ares_addrinfo_node *node = info->nodes; node && list->count < room;
         node = node->ai_next)
        list->count += read_address(node->ai_addr, &list->addresses[list->count]);
    list->lifetime = lifetime_of(info);
    return list;
}

static void note_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    TorcDNSQuestion *question = arg;

    (void)timeouts;
    if (status == ARES_SUCCESS && (!info || !info->nodes))
        status = ARES_ENODATA;
    question->state = state_of(status);
    question->problem = problem_of(status, question);
    if (status == ARES_SUCCESS)
        question->addresses = read_addresses(info);
    if (status == ARES_SUCCESS && !question->addresses)
        question->state = TORC__DNS_NO_MEMORY;
    if (info)
        ares_freeaddrinfo(info);
}

/* ---- asking -------------------------------------------------------------------------------- */

void torc__dnsChannel_use(TorcDNSChannel *channel, TorcFunction *function, void *arg)
{
    channel->function = function;
    channel->arg = arg;
}

int torc__dnsChannel_setServer(TorcDNSChannel *channel, const TorcAddress *server)
{
    struct ares_addr_port_node node = {.udp_port = server->port, .tcp_port = server->port};
    if (server->family == TORC_ADDRESS_IPV4) {
        node.family = AF_INET;
        memcpy(&node.addr.addr4, server->ip, sizeof(node.addr.addr4));
    } else {
        node.family = AF_INET6;
        memcpy(&node.addr.addr6, server->ip, sizeof(node.addr.addr6));
    }
    return ares_set_servers_ports(channel->ares, &node) == ARES_SUCCESS ? 0 : -ENOMEM;
}

void torc__dnsChannel_ask(TorcDNSChannel *channel, const char *host, TorcDNSQuestion *question)
{
    /* Its own sorting would open sockets beside the seam. */
    const struct ares_addrinfo_hints hints = {
        .ai_flags = ARES_AI_NOSORT,
        .ai_family = question->family == TORC_ADDRESS_IPV6 ? AF_INET6 : AF_INET,
        .ai_socktype = SOCK_STREAM, /* or each address comes three times */
    };
    question->state = TORC__DNS_ASKED;
    question->channel = channel;
    ares_getaddrinfo(channel->ares, host, NULL, &hints, note_answer, question);
    if (channel->error < 0)
        torc__dnsChannel_cancel(channel);
}

/* Without questions c-ares closes its sockets. */
void torc__dnsChannel_cancel(TorcDNSChannel *channel)
{
    ares_cancel(channel->ares);
    channel->error = 0;
}

/* ---- birth and death ----------------------------------------------------------------------- */

static void init_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL); /* does nothing that can fail on POSIX */
}

/* Reads no file and no environment: everything that could be read is given. */
static int init_channel(TorcDNSChannel *channel, const TorcDNSSettings *settings)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct in_addr nobody = {.s_addr = htonl(INADDR_LOOPBACK)}; /* setServer says whom */
    char lookups[] = "b";                                       /* DNS alone, no hosts file */
    struct ares_options options = {
        .flags = settings->domain_count > 0 ? 0 : ARES_FLAG_NOSEARCH,
        .timeout = FOR_EVER_MS,
        .tries = 1,
        .ndots = settings->dots,
        .servers = &nobody,
        .nservers = 1,
        .domains = settings->domains,
        .ndomains = settings->domain_count,
        .lookups = lookups,
        .sock_state_cb = watch_socket,
        .sock_state_cb_data = channel,
    };
    int given = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST |
                ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    (void)pthread_once(&once, init_library);
    return ares_init_options(&channel->ares, &options, given);
}

TorcDNSChannel *torc__dnsChannel_new(TorcReactor *reactor, const TorcDNSSettings *settings)
{
    TorcDNSChannel *channel = torc__zalloc(sizeof(*channel));
    if (!channel)
        return NULL;
    channel->reactor = reactor;
    if (init_channel(channel, settings) != ARES_SUCCESS) {
        torc__free(channel);
        return NULL;
    }
    ares_set_socket_functions(channel->ares, &socket_functions, channel);
    return channel;
}

void torc__dnsChannel_free(TorcDNSChannel *channel)
{
    if (!channel)
        return;
    ares_cancel(channel->ares);
    ares_destroy(channel->ares);
    assert(!channel->sockets);
    torc__free(channel);
}

/* ---- what the system says ------------------------------------------------------------------ */

void torc__dnsSettings_done(TorcDNSSettings *settings)
{
    for (int i = 0; i < settings->domain_count; i++)
        torc__free(settings->domains[i]);
    torc__free(settings->domains);
    torc__free(settings->servers);
    *settings = (TorcDNSSettings){0};
}

static int copy_domains(TorcDNSSettings *settings, const struct ares_options *options)
{
    settings->dots = options->ndots;
    if (options->ndomains <= 0)
        return 0;
    settings->domains = torc__zalloc((size_t)options->ndomains * sizeof(char *));
    for (int i = 0; settings->domains && i < options->ndomains; i++) {
        settings->domains[i] = torc__strdup(options->domains[i]);
        if (!settings->domains[i])
            return -ENOMEM;
        settings->domain_count++;
    }
    return settings->domains ? 0 : -ENOMEM;
}

static void read_server(const struct ares_addr_port_node *node, TorcAddress *ret_server)
{
    TorcAddress server = {.port = (uint16_t)(node->udp_port > 0 ? node->udp_port : 53)};
    if (node->family == AF_INET) {
        server.family = TORC_ADDRESS_IPV4;
        memcpy(server.ip, &node->addr.addr4, sizeof(node->addr.addr4));
    } else {
        server.family = TORC_ADDRESS_IPV6;
        memcpy(server.ip, &node->addr.addr6, sizeof(node->addr.addr6));
    }
    *ret_server = server;
}

static int copy_servers(TorcDNSSettings *settings, const struct ares_addr_port_node *servers)
{
    size_t count = 0;
    for (const struct ares_addr_port_node *node = servers; node; node = node->next)
        count++;
    settings->servers = torc__malloc(count * sizeof(TorcAddress));
    if (!settings->servers)
        return -ENOMEM;
    for (const struct ares_addr_port_node *node = servers; node; node = node->next)
        read_server(node, &settings->servers[settings->server_count++]);
    return 0;
}

static int copy_system(TorcDNSSettings *settings, ares_channel ares)
{
    struct ares_options options = {0};
    struct ares_addr_port_node *servers = NULL;
    int mask = 0;
    int r = ares_get_servers_ports(ares, &servers) == ARES_SUCCESS ? 0 : -ENOMEM;
    if (r == 0)
        r = copy_servers(settings, servers);
    if (servers)
        ares_free_data(servers);
    if (r == 0 && ares_save_options(ares, &options, &mask) != ARES_SUCCESS)
        r = -ENOMEM;
    else if (r == 0)
        r = copy_domains(settings, &options);
    ares_destroy_options(&options);
    return r;
}

int torc__dnsSettings_readSystem(TorcDNSSettings *settings)
{
    TorcDNSSettings read = {0};
    ares_channel ares;
    if (ares_init(&ares) != ARES_SUCCESS)
        return -ENOMEM;
    int r = copy_system(&read, ares);
    ares_destroy(ares);
    if (r < 0) {
        torc__dnsSettings_done(&read);
        return r;
    }
    *settings = read;
    return 0;
}
