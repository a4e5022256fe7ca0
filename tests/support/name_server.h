/* A small name server for tests, over UDP and TCP, in the loop of the reactor under test: it uses the
 * reactor's own system, so it is there on real sockets and in a simulation alike. What it answers is
 * decided by the first label of the name that it is asked for:
 *
 *     one         A 192.0.2.1, time to live 300
 *     both        A 192.0.2.2 and AAAA 2001:db8::2, times to live 300 and 20
 *     six         AAAA 2001:db8::6 alone
 *     alias       CNAME one.<the rest>, time to live 10, and its address
 *     big         nothing over UDP but "it was cut"; 300 addresses over TCP
 *     huge        the same, 1,500 addresses
 *     cut         the same, 3 addresses
 *     none        NXDOMAIN
 *     empty       no error, no answer
 *     servfail, refused
 *     silent      nothing
 *     halfdeaf    A as "one"; nothing for AAAA
 *     garbage     three datagrams that are no answers, and then silence
 *     forged      an answer with another id, one to another question, then the right one
 *     broken      an answer whose records end in the middle
 *     later       silence for the first two questions, then as "one" */
#ifndef TORC_TESTS_NAME_SERVER_H
#define TORC_TESTS_NAME_SERVER_H

#include <check.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#include "reactor/reactor_internal.h"
#include "transports/address_internal.h"

enum { NAME_SERVER_CONNECTIONS = 16, NAME_SERVER_MESSAGE = 65535 };

typedef struct NameServerConnection {
    struct NameServer *server;
    int fd; /* -1: free */
    TorcWatch watch;
    size_t length;
    unsigned char query[600];
} NameServerConnection;

typedef struct NameServer {
    TorcSystem *system;
    int udp;
    int tcp;
    TorcWatch udp_watch;
    TorcWatch tcp_watch;
    uint16_t port;
    int udp_questions;
    int tcp_questions;
    int a_questions;
    int aaaa_questions;
    char last_name[300];
    uint16_t last_port; /* the asker's */
    NameServerConnection connections[NAME_SERVER_CONNECTIONS];
} NameServer;

/* ---- messages (RFC 1035 §4) ---------------------------------------------------------------- */

typedef struct DNSMessage {
    unsigned char bytes[NAME_SERVER_MESSAGE];
    size_t length;
    size_t question_end;
    unsigned answers;
} DNSMessage;

static inline void dns_byte(DNSMessage *message, unsigned value)
{
    ck_assert_uint_lt(message->length, sizeof(message->bytes));
    message->bytes[message->length++] = (unsigned char)value;
}

static inline void dns_short(DNSMessage *message, unsigned value)
{
    dns_byte(message, value >> 8 & 0xff);
    dns_byte(message, value & 0xff);
}

/* The name, class and time to live of a record; the name is where the pointer points. */
static inline void dns_record(DNSMessage *message, unsigned pointer, unsigned type, unsigned ttl)
{
    dns_short(message, 0xc000 | pointer);
    dns_short(message, type);
    dns_short(message, 1);
    dns_short(message, ttl >> 16);
    dns_short(message, ttl & 0xffff);
    message->answers++;
}

static inline void dns_a(DNSMessage *message, unsigned pointer, uint32_t ip, unsigned ttl)
{
    dns_record(message, pointer, 1, ttl);
    dns_short(message, 4);
    dns_short(message, ip >> 16);
    dns_short(message, ip & 0xffff);
}

static inline void dns_aaaa(DNSMessage *message, unsigned last, unsigned ttl)
{
    static const unsigned char prefix[] = {0x20, 0x01, 0x0d, 0xb8};
    dns_record(message, 12, 28, ttl);
    dns_short(message, 16);
    for (unsigned i = 0; i < 16; i++)
        dns_byte(message, i < 4 ? prefix[i] : i < 15 ? 0 : last);
}

/* "one" in front of all but the first label of the question's name. */
static inline void dns_alias(DNSMessage *message, unsigned ttl)
{
    unsigned first = message->bytes[12];
    dns_record(message, 12, 5, ttl);
    dns_short(message, 4 + 2);
    unsigned name = (unsigned)message->length;
    dns_byte(message, 3);
    dns_byte(message, 'o');
    dns_byte(message, 'n');
    dns_byte(message, 'e');
    dns_short(message, 0xc000 | (12 + 1 + first));
    dns_a(message, name, 0xc0000201, 300);
}

/* Reads the question's name and type; where it ends, 0 when it is none. */
static inline size_t dns_question(const unsigned char *query, size_t length, char name[300],
                                  unsigned *ret_type)
{
    size_t at = 12, used = 0;
    while (at < length && query[at] != 0) {
        size_t label = query[at++];
        if (at + label > length || used + label + 2 > 300)
            return 0;
        memcpy(name + used, query + at, label);
        used += label;
        name[used++] = '.';
        at += label;
    }
    name[used > 0 ? used - 1 : 0] = '\0';
    if (at + 5 > length)
        return 0;
    *ret_type = (unsigned)query[at + 1] << 8 | query[at + 2];
    return at + 5;
}

static inline void dns_begin(DNSMessage *message, const unsigned char *query, size_t end,
                             unsigned flags)
{
    memcpy(message->bytes, query, end);
    message->bytes[2] = (unsigned char)(flags >> 8);
    message->bytes[3] = (unsigned char)flags;
    memset(message->bytes + 6, 0, 6);
    message->length = message->question_end = end;
    message->answers = 0;
}

static inline void dns_end(DNSMessage *message)
{
    message->bytes[6] = (unsigned char)(message->answers >> 8);
    message->bytes[7] = (unsigned char)message->answers;
}

/* ---- answers ------------------------------------------------------------------------------- */

static inline bool label_is(const char *name, const char *label)
{
    size_t length = strlen(label);
    return strncasecmp(name, label, length) == 0 && (name[length] == '.' || name[length] == '\0');
}

static inline bool comes_over_TCP(const char *name)
{
    return label_is(name, "big") || label_is(name, "huge") || label_is(name, "cut");
}

static inline unsigned flags_for(const char *name, bool stream)
{
    unsigned flags = 0x8180; /* an answer, recursion wanted and available */
    if (label_is(name, "none"))
        return flags | 3;
    if (label_is(name, "servfail"))
        return flags | 2;
    if (label_is(name, "refused"))
        return flags | 5;
    if (!stream && comes_over_TCP(name))
        return flags | 0x0200; /* it was cut */
    return flags;
}

static inline void add_answers(DNSMessage *message, const char *name, unsigned type, bool stream)
{
    unsigned count = label_is(name, "huge") ? 1500 : label_is(name, "cut") ? 3 : 300;
    if (type == 1 && (label_is(name, "one") || label_is(name, "halfdeaf") ||
                      label_is(name, "forged") || label_is(name, "later")))
        dns_a(message, 12, 0xc0000201, 300);
    if (type == 1 && label_is(name, "both"))
        dns_a(message, 12, 0xc0000202, 300);
    if (type == 28 && label_is(name, "both"))
        dns_aaaa(message, 2, 20);
    if (type == 28 && label_is(name, "six"))
        dns_aaaa(message, 6, 300);
    if (type == 1 && label_is(name, "alias"))
        dns_alias(message, 10);
    if (type == 1 && stream && comes_over_TCP(name))
        for (unsigned i = 0; i < count; i++)
            dns_a(message, 12, 0x0a000000 + i, 60);
    if (type == 1 && label_is(name, "broken")) {
        dns_a(message, 12, 0xc0000201, 300);
        message->length -= 2;
    }
}

static inline bool stays_silent(const NameServer *server, const char *name, unsigned type)
{
    return label_is(name, "silent") || label_is(name, "garbage") ||
           (label_is(name, "halfdeaf") && type == 28) ||
           (label_is(name, "later") && server->udp_questions <= 2);
}

/* False: no answer. */
static inline bool NameServer_answer(NameServer *server, const unsigned char *query, size_t length,
                                     bool stream, DNSMessage *ret_message)
{
    char name[300];
    unsigned type;
    size_t end = length >= 12 ? dns_question(query, length, name, &type) : 0;
    ck_assert_uint_gt(end, 0);
    memcpy(server->last_name, name, sizeof(name));
    server->udp_questions += !stream;
    server->tcp_questions += stream;
    server->a_questions += type == 1;
    server->aaaa_questions += type == 28;
    if (stays_silent(server, name, type))
        return false;
    dns_begin(ret_message, query, end, flags_for(name, stream));
    add_answers(ret_message, name, type, stream);
    dns_end(ret_message);
    return true;
}

/* ---- UDP ----------------------------------------------------------------------------------- */

static inline void NameServer_datagram(int fd, short ready, void *arg)
{
    NameServer *server = arg;
    const TorcSystemOps *ops = server->system->ops;
    static DNSMessage message;
    unsigned char query[600];
    struct sockaddr_storage from;
    socklen_t from_length = sizeof(from);
    (void)ready;
    ssize_t n = ops->recvfrom(server->system, fd, query, sizeof(query), 0, (struct sockaddr *)&from,
                              &from_length);
    if (n < 0)
        return;
    const struct sockaddr *to = (const struct sockaddr *)&from;
    TorcAddress asker;
    torc__address_fromSockaddr(to, from_length, &asker);
    server->last_port = asker.port;
    bool answered = NameServer_answer(server, query, (size_t)n, false, &message);
    if (label_is(server->last_name, "garbage")) {
        (void)ops->sendto(server->system, fd, "", 0, to, from_length);
        (void)ops->sendto(server->system, fd, "\xff", 1, to, from_length);
        (void)ops->sendto(server->system, fd, "this is no DNS message at all", 29, to, from_length);
    }
    if (label_is(server->last_name, "forged")) {
        DNSMessage forged = message;
        forged.bytes[0] ^= 1;
        forged.bytes[forged.length - 1] = 66;
        (void)ops->sendto(server->system, fd, forged.bytes, forged.length, to, from_length);
        forged.bytes[0] ^= 1;
        forged.bytes[13] ^= 1;
        (void)ops->sendto(server->system, fd, forged.bytes, forged.length, to, from_length);
    }
    if (answered)
        (void)ops->sendto(server->system, fd, message.bytes, message.length, to, from_length);
}

/* ---- TCP ----------------------------------------------------------------------------------- */

static inline void NameServer_hangUp(NameServerConnection *connection)
{
    TorcSystem *system = connection->server->system;
    if (connection->fd < 0)
        return;
    system->ops->unwatch(system, &connection->watch);
    (void)system->ops->close(system, connection->fd);
    connection->fd = -1;
}

/* In two pieces, of which the first ends in the middle of the length. */
static inline void NameServer_reply(NameServerConnection *connection, const DNSMessage *message)
{
    TorcSystem *system = connection->server->system;
    unsigned char prefix[] = {(unsigned char)(message->length >> 8),
                              (unsigned char)message->length};
    (void)system->ops->send(system, connection->fd, prefix, 1);
    struct iovec rest[] = {{prefix + 1, 1}, {(void *)(uintptr_t)message->bytes, message->length}};
    (void)system->ops->sendv(system, connection->fd, rest, 2);
}

static inline void NameServer_bytes(int fd, short ready, void *arg)
{
    NameServerConnection *connection = arg;
    NameServer *server = connection->server;
    static DNSMessage message;
    (void)ready;
    ssize_t n = torc__recv(server->system, fd, connection->query + connection->length,
                           sizeof(connection->query) - connection->length, 0);
    if (n <= 0) {
        if (n != -EAGAIN)
            NameServer_hangUp(connection);
        return;
    }
    connection->length += (size_t)n;
    for (;;) {
        size_t length =
            connection->length < 2 ? 0 : (size_t)connection->query[0] << 8 | connection->query[1];
        if (connection->length < 2 || connection->length < length + 2)
            return;
        if (NameServer_answer(server, connection->query + 2, length, true, &message))
            NameServer_reply(connection, &message);
        connection->length -= length + 2;
        memmove(connection->query, connection->query + length + 2, connection->length);
    }
}

static inline void NameServer_connection(int fd, short ready, void *arg)
{
    NameServer *server = arg;
    (void)ready;
    int accepted = server->system->ops->accept(server->system, fd, NULL, NULL);
    if (accepted < 0)
        return;
    NameServerConnection *connection = server->connections;
    while (connection->fd >= 0)
        connection++;
    connection->fd = accepted;
    connection->length = 0;
    ck_assert_int_eq(server->system->ops->watch(server->system, &connection->watch, accepted,
                                                TORC_READABLE, NameServer_bytes, connection),
                     0);
}

/* ---- life ---------------------------------------------------------------------------------- */

static inline int NameServer_bind(NameServer *server, int type, uint16_t port)
{
    TorcSystem *system = server->system;
    TorcAddress address;
    struct sockaddr_storage name;
    ck_assert_int_eq(TorcAddress_parse("127.0.0.1", port, &address), 0);
    socklen_t length = torc__address_toSockaddr(&address, &name);
    int fd = system->ops->socket(system, AF_INET, type);
    ck_assert_int_ge(fd, 0);
    int r = system->ops->bind(system, fd, (struct sockaddr *)&name, length);
    if (r == 0)
        return fd;
    (void)system->ops->close(system, fd);
    return r;
}

static inline uint16_t NameServer_portOf(NameServer *server, int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof(name);
    TorcAddress address;
    ck_assert_int_eq(
        server->system->ops->getsockname(server->system, fd, (struct sockaddr *)&name, &length), 0);
    torc__address_fromSockaddr((struct sockaddr *)&name, length, &address);
    return address.port;
}

/* One port for both, at 127.0.0.1. */
static inline void NameServer_start(NameServer *server, TorcReactor *owner)
{
    const TorcSystemOps *ops = owner->system->ops;
    memset(server, 0, sizeof(*server));
    server->system = owner->system;
    for (int i = 0; i < NAME_SERVER_CONNECTIONS; i++)
        server->connections[i] = (NameServerConnection){.server = server, .fd = -1};
    do {
        server->udp = NameServer_bind(server, SOCK_DGRAM, 0);
        ck_assert_int_ge(server->udp, 0);
        server->port = NameServer_portOf(server, server->udp);
        server->tcp = NameServer_bind(server, SOCK_STREAM, server->port);
        if (server->tcp < 0)
            (void)ops->close(server->system, server->udp);
    } while (server->tcp < 0);
    ck_assert_int_eq(ops->listen(server->system, server->tcp, 16), 0);
    ck_assert_int_eq(ops->watch(server->system, &server->udp_watch, server->udp, TORC_READABLE,
                                NameServer_datagram, server),
                     0);
    ck_assert_int_eq(ops->watch(server->system, &server->tcp_watch, server->tcp, TORC_READABLE,
                                NameServer_connection, server),
                     0);
}

static inline void NameServer_stop(NameServer *server)
{
    const TorcSystemOps *ops = server->system->ops;
    for (int i = 0; i < NAME_SERVER_CONNECTIONS; i++)
        NameServer_hangUp(&server->connections[i]);
    ops->unwatch(server->system, &server->udp_watch);
    ops->unwatch(server->system, &server->tcp_watch);
    (void)ops->close(server->system, server->udp);
    (void)ops->close(server->system, server->tcp);
}

#endif
