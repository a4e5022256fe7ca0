/* The interpreter of the differential test's scripts; differential.h describes the language.
 *
 * A World is one run of one script: a system, 26 descriptors, a log. Calls go through the system's
 * table only, so the same code drives both systems. A mistake in a script ends the test program. */
#include <arpa/inet.h>
#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reactor/errors.h"
#include "reactor/system_internal.h"
#include "testing/sim_internal.h"

#include "differential.h"

enum {
    SLOTS = 26,
    MOST_WORDS = 8,
    MOST_PORTS = 64,
    MOST_LOOKS = 50,     /* of a settling by edge, which is over when nothing is reported */
    BLOCK = 8192,        /* for fill and drain */
    SHOWN = 40,          /* bytes of what is received that the log shows */
    MOST_MANY = 1 << 20, /* for sendmany and its kin */
};

typedef struct World World;

typedef struct Slot {
    World *world;
    int fd; /* kept after close: what then is called on it is EBADF */
    bool open;
    bool is_pipe;
    bool watched;
    bool ignored;  /* what it is told in this step is not said */
    uint16_t port; /* the last it was seen to have */
    unsigned told;
    char *then; /* NULL: the watch does nothing */
    size_t sent;
    size_t received;
    TorcWatch watch;
} Slot;

struct World {
    TorcSystem *system;
    TorcSim *sim; /* NULL: the system is the real one */
    bool edge;
    bool quiet;
    bool fin_sent; /* in this step */
    int64_t settle_time;
    unsigned reports; /* of watches, in this look */
    FILE *log;
    uint16_t ports[MOST_PORTS];
    unsigned port_count;
    Slot slots[SLOTS];
};

typedef union Name {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage room;
} Name;

/* The words of a call, the first being its name. */
typedef struct Words {
    unsigned count;
    const char *at[MOST_WORDS];
} Words;

static char many[MOST_MANY]; /* what sendmany sends */
static char got[MOST_MANY];  /* what was received */

/* ---- the log ------------------------------------------------------------------------------- */

static TORC_PRINTF(2, 3) void say(World *world, const char *format, ...)
{
    va_list args;
    if (world->quiet)
        return;
    va_start(args, format);
    vfprintf(world->log, format, args);
    va_end(args);
}

static void say_result(World *world, ssize_t r)
{
    if (r < 0)
        say(world, " = %s", torc_strerror((int)r));
    else
        say(world, " = %zd", r);
}

/* As say_result, for calls of which a descriptor is all that is answered. */
static void say_done(World *world, int r)
{
    say_result(world, r > 0 ? 0 : r);
}

static void say_bytes(World *world, const char *bytes, ssize_t n)
{
    say_result(world, n);
    if (n > 0)
        say(world, " \"%.*s\"", (int)(n < SHOWN ? n : SHOWN), bytes);
}

static unsigned number_of_port(World *world, uint16_t port)
{
    unsigned i = 0;
    while (i < world->port_count && world->ports[i] != port)
        i++;
    if (i == world->port_count) {
        ck_assert_uint_lt(i, MOST_PORTS);
        world->ports[world->port_count++] = port;
    }
    return i + 1;
}

static uint16_t port_of(const Name *name)
{
    return ntohs(name->any.sa_family == AF_INET ? name->in.sin_port : name->in6.sin6_port);
}

static void say_name(World *world, const Name *name, socklen_t length)
{
    char text[INET6_ADDRSTRLEN] = "?";
    bool ipv4 = name->any.sa_family == AF_INET;
    inet_ntop(name->any.sa_family,
              ipv4 ? (const void *)&name->in.sin_addr : (const void *)&name->in6.sin6_addr, text,
              sizeof(text));
    uint16_t port = port_of(name);
    say(world, " %s length %u port", text, (unsigned)length);
    if (port == 0)
        say(world, " none");
    else
        say(world, " #%u", number_of_port(world, port));
}

static void say_told(World *world)
{
    for (int i = 0; i < SLOTS; i++) {
        Slot *slot = &world->slots[i];
        if (slot->told && !slot->ignored)
            say(world, "    %c is told:%s%s%s\n", 'a' + i,
                slot->told & TORC_READABLE ? " readable" : "",
                slot->told & TORC_WRITABLE ? " writable" : "",
                slot->told & TORC_CLOSED ? " closed" : "");
        slot->told = 0;
        slot->ignored = false;
    }
}

/* ---- reading words ------------------------------------------------------------------------- */

static const char *word(const Words *words, unsigned i)
{
    ck_assert_msg(i < words->count, "too few words for \"%s\"", words->at[0]);
    return words->at[i];
}

static Slot *slot_at(World *world, const Words *words, unsigned i)
{
    const char *letter = word(words, i);
    ck_assert_msg(islower((unsigned char)*letter) && !letter[1], "no descriptor: %s", letter);
    return &world->slots[*letter - 'a'];
}

static size_t size_at(const Words *words, unsigned i)
{
    size_t size = (size_t)atol(word(words, i));
    ck_assert_uint_le(size, MOST_MANY);
    return size;
}

/* An address at word i and its port behind it. */
static socklen_t address_at(World *world, const Words *words, unsigned i, Name *ret_name)
{
    const char *port = word(words, i + 1);
    uint16_t number =
        isdigit((unsigned char)*port) ? (uint16_t)atoi(port) : slot_at(world, words, i + 1)->port;
    *ret_name = (Name){0};
    if (inet_pton(AF_INET, word(words, i), &ret_name->in.sin_addr) == 1) {
        ret_name->in.sin_family = AF_INET;
        ret_name->in.sin_port = htons(number);
        return sizeof(ret_name->in);
    }
    ck_assert_int_eq(inet_pton(AF_INET6, word(words, i), &ret_name->in6.sin6_addr), 1);
    ret_name->in6.sin6_family = AF_INET6;
    ret_name->in6.sin6_port = htons(number);
    return sizeof(ret_name->in6);
}

static unsigned interest_at(const World *world, const Words *words, unsigned i)
{
    const char *letters = word(words, i);
    unsigned interest = strchr(letters, 'r') ? TORC_READABLE : 0;
    if (strchr(letters, 'w'))
        interest |= TORC_WRITABLE;
    if (world->edge)
        interest |= TORC_EDGE | (strchr(letters, 'c') ? (unsigned)TORC_CLOSED : 0);
    return interest;
}

/* ---- descriptors --------------------------------------------------------------------------- */

static const TorcSystemOps *ops_of(const World *world)
{
    return world->system->ops;
}

static void note_port(Slot *slot)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    if (ops_of(slot->world)->getsockname(slot->world->system, slot->fd, &name.any, &length) == 0)
        slot->port = port_of(&name);
}

static void fill_slot(Slot *slot, int fd, bool is_pipe)
{
    ck_assert_msg(!slot->open, "the descriptor is open already");
    slot->fd = fd;
    slot->open = fd >= 0;
    slot->is_pipe = is_pipe;
    slot->sent = slot->received = 0;
}

static void unwatch(Slot *slot)
{
    if (slot->watched)
        ops_of(slot->world)->unwatch(slot->world->system, &slot->watch);
    slot->watched = false;
}

static int close_slot(Slot *slot)
{
    unwatch(slot);
    slot->open = false;
    return ops_of(slot->world)->close(slot->world->system, slot->fd);
}

static void op_open(World *world, const Words *words)
{
    const char *kind = word(words, 2);
    int type = strncmp(kind, "tcp", 3) == 0 ? SOCK_STREAM : SOCK_DGRAM;
    int fd = ops_of(world)->socket(world->system, strchr(kind, '6') ? AF_INET6 : AF_INET, type);
    fill_slot(slot_at(world, words, 1), fd, false);
    say_done(world, fd);
}

static void op_close(World *world, const Words *words)
{
    say_done(world, close_slot(slot_at(world, words, 1)));
}

static void op_pipe(World *world, const Words *words)
{
    int ends[2] = {-1, -1};
    int r = ops_of(world)->pipe(world->system, ends);
    fill_slot(slot_at(world, words, 1), ends[0], true);
    fill_slot(slot_at(world, words, 2), ends[1], true);
    say_done(world, r);
}

/* ---- names, listening, connecting ---------------------------------------------------------- */

static void op_bind(World *world, const Words *words)
{
    Name name;
    Slot *slot = slot_at(world, words, 1);
    socklen_t length = address_at(world, words, 2, &name);
    say_done(world, ops_of(world)->bind(world->system, slot->fd, &name.any, length));
    note_port(slot);
}

static void op_listen(World *world, const Words *words)
{
    Slot *slot = slot_at(world, words, 1);
    say_done(world, ops_of(world)->listen(world->system, slot->fd, atoi(word(words, 2))));
    note_port(slot);
}

static void op_accept(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = slot_at(world, words, 1);
    int fd = ops_of(world)->accept(world->system, slot->fd, &name.any, &length);
    say_done(world, fd);
    if (fd < 0)
        return;
    fill_slot(slot_at(world, words, 2), fd, false);
    say_name(world, &name, length);
}

static void op_connect(World *world, const Words *words)
{
    Name name;
    Slot *slot = slot_at(world, words, 1);
    socklen_t length = address_at(world, words, 2, &name);
    say_done(world, ops_of(world)->connect(world->system, slot->fd, &name.any, length));
    note_port(slot);
}

static void op_name(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = slot_at(world, words, 1);
    int r = ops_of(world)->getsockname(world->system, slot->fd, &name.any, &length);
    say_done(world, r);
    if (r == 0)
        say_name(world, &name, length);
}

static void op_peer(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = slot_at(world, words, 1);
    int r = ops_of(world)->getpeername(world->system, slot->fd, &name.any, &length);
    say_done(world, r);
    if (r == 0)
        say_name(world, &name, length);
}

static void op_shutdown(World *world, const Words *words)
{
    const char *how = word(words, 2);
    int value = strcmp(how, "r") == 0 ? SHUT_RD : strcmp(how, "w") == 0 ? SHUT_WR : SHUT_RDWR;
    if (strcmp(how, "nonsense") == 0)
        value = 99;
    world->fin_sent |= value != SHUT_RD;
    say_done(world, ops_of(world)->shutdown(world->system, slot_at(world, words, 1)->fd, value));
}

/* ---- options ------------------------------------------------------------------------------- */

typedef struct Option {
    const char *text;
    int level;
    int name;
} Option;

#define OPTION(level, name)                                                                        \
    {                                                                                              \
#name, level, name                                                                         \
    }

static const Option options[] = {
    OPTION(SOL_SOCKET, SO_REUSEADDR),
    OPTION(SOL_SOCKET, SO_REUSEPORT),
    OPTION(SOL_SOCKET, SO_KEEPALIVE),
    OPTION(SOL_SOCKET, SO_BROADCAST),
    OPTION(SOL_SOCKET, SO_SNDBUF),
    OPTION(SOL_SOCKET, SO_RCVBUF),
    OPTION(SOL_SOCKET, SO_TYPE),
    OPTION(SOL_SOCKET, SO_ERROR),
    OPTION(SOL_SOCKET, SO_ACCEPTCONN),
    OPTION(SOL_SOCKET, SO_DOMAIN),
    OPTION(SOL_SOCKET, SO_PROTOCOL),
    OPTION(IPPROTO_TCP, TCP_NODELAY),
    OPTION(IPPROTO_TCP, TCP_CORK),
    OPTION(IPPROTO_TCP, TCP_KEEPIDLE),
    OPTION(IPPROTO_TCP, TCP_KEEPINTVL),
    OPTION(IPPROTO_TCP, TCP_KEEPCNT),
    OPTION(IPPROTO_TCP, TCP_USER_TIMEOUT),
    OPTION(IPPROTO_IP, IP_TOS),
    OPTION(IPPROTO_IP, IP_TTL),
    OPTION(IPPROTO_IPV6, IPV6_V6ONLY),
    OPTION(IPPROTO_IPV6, IPV6_TCLASS),
    OPTION(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    {"NONSENSE", SOL_SOCKET, 9999},
};

static const Option *option_at(const Words *words, unsigned i)
{
    for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++)
        if (strcmp(options[k].text, word(words, i)) == 0)
            return &options[k];
    ck_abort_msg("no option: %s", word(words, i));
    return NULL;
}

static void op_get(World *world, const Words *words)
{
    int value = -1;
    socklen_t length = sizeof(value);
    const Option *option = option_at(words, 2);
    int r = ops_of(world)->getsockopt(world->system, slot_at(world, words, 1)->fd, option->level,
                                      option->name, &value, &length);
    say_done(world, r);
    if (r == 0)
        say(world, " value %d length %u", value, (unsigned)length);
}

static void op_set(World *world, const Words *words)
{
    int value = atoi(word(words, 3));
    const Option *option = option_at(words, 2);
    say_done(world, ops_of(world)->setsockopt(world->system, slot_at(world, words, 1)->fd,
                                              option->level, option->name, &value, sizeof(value)));
}

static void op_error(World *world, const Words *words)
{
    int error = -1;
    socklen_t length = sizeof(error);
    int r = ops_of(world)->getsockopt(world->system, slot_at(world, words, 1)->fd, SOL_SOCKET,
                                      SO_ERROR, &error, &length);
    say_result(world, r < 0 ? r : -error);
}

static int set_linger(World *world, const Slot *slot, int seconds)
{
    struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds};
    return ops_of(world)->setsockopt(world->system, slot->fd, SOL_SOCKET, SO_LINGER, &linger,
                                     sizeof(linger));
}

static void op_linger(World *world, const Words *words)
{
    say_done(world, set_linger(world, slot_at(world, words, 1), atoi(word(words, 2))));
}

static void op_abort(World *world, const Words *words)
{
    Slot *slot = slot_at(world, words, 1);
    (void)set_linger(world, slot, 0);
    say_done(world, close_slot(slot));
}

/* ---- bytes --------------------------------------------------------------------------------- */

static ssize_t put(Slot *slot, const void *data, size_t length)
{
    TorcSystem *system = slot->world->system;
    ssize_t n = slot->is_pipe ? system->ops->write(system, slot->fd, data, length)
                              : system->ops->send(system, slot->fd, data, length);
    slot->sent += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t get(Slot *slot, void *buffer, size_t size)
{
    TorcSystem *system = slot->world->system;
    ssize_t n = slot->is_pipe ? system->ops->read(system, slot->fd, buffer, size)
                              : torc__recv(system, slot->fd, buffer, size, 0);
    slot->received += n > 0 ? (size_t)n : 0;
    return n;
}

/* "" is written as '-'. */
static const char *text_at(const Words *words, unsigned i)
{
    const char *text = word(words, i);
    return strcmp(text, "-") == 0 ? "" : text;
}

static void op_send(World *world, const Words *words)
{
    const char *text = text_at(words, 2);
    say_result(world, put(slot_at(world, words, 1), text, strlen(text)));
}

static void op_sendmany(World *world, const Words *words)
{
    say_result(world, put(slot_at(world, words, 1), many, size_at(words, 2)));
}

static void op_sendv(World *world, const Words *words)
{
    struct iovec pieces[MOST_WORDS];
    Slot *slot = slot_at(world, words, 1);
    size_t count = words->count - 2;
    for (size_t i = 0; i < count; i++) {
        const char *text = text_at(words, (unsigned)i + 2);
        pieces[i] = (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    }
    ssize_t n = ops_of(world)->sendv(world->system, slot->fd, pieces, count);
    slot->sent += n > 0 ? (size_t)n : 0;
    say_result(world, n);
}

static void op_recv(World *world, const Words *words)
{
    ssize_t n = get(slot_at(world, words, 1), got, size_at(words, 2));
    say_bytes(world, got, n);
}

static void op_recvmany(World *world, const Words *words)
{
    say_result(world, get(slot_at(world, words, 1), got, size_at(words, 2)));
}

static void op_peek(World *world, const Words *words)
{
    ssize_t n =
        torc__recv(world->system, slot_at(world, words, 1)->fd, got, size_at(words, 2), MSG_PEEK);
    say_bytes(world, got, n);
}

/* How many it takes is the kernel's affair. */
static void op_fill(World *world, const Words *words)
{
    ssize_t n;
    Slot *slot = slot_at(world, words, 1);
    size_t before = slot->sent;
    while ((n = put(slot, many, BLOCK)) > 0)
        ;
    say(world, " = %s until", slot->sent > before ? "something" : "nothing");
    say_result(world, n);
}

static void look(World *world);

/* What the kernel had to keep back on the way follows when there is room: how often that is
 * reported is its own affair. */
static void op_drain(World *world, const Words *words)
{
    Slot *slot = slot_at(world, words, 1);
    slot->ignored = true;
    ssize_t n;
    for (int misses = 0; misses < 2; misses++) {
        while ((n = get(slot, got, BLOCK)) > 0)
            misses = 0;
        if (n < 0 && n != -EAGAIN)
            break;
        look(world);
    }
    bool all = slot->received == slot_at(world, words, 2)->sent;
    say(world, " = %s until", all ? "everything" : "a part");
    say_result(world, n);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

static void send_to(World *world, const Words *words, const void *data, size_t length)
{
    Name name;
    Slot *slot = slot_at(world, words, 1);
    socklen_t name_length = words->count > 3 ? address_at(world, words, 3, &name) : 0;
    say_result(world, ops_of(world)->sendto(world->system, slot->fd, data, length,
                                            name_length ? &name.any : NULL, name_length));
    note_port(slot);
}

static void op_sendto(World *world, const Words *words)
{
    const char *text = text_at(words, 2);
    send_to(world, words, text, strlen(text));
}

static void op_sendmanyto(World *world, const Words *words)
{
    send_to(world, words, many, size_at(words, 2));
}

static void receive_from(World *world, const Words *words, int flags)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    size_t size = size_at(words, 2);
    ssize_t n = ops_of(world)->recvfrom(world->system, slot_at(world, words, 1)->fd, got, size,
                                        flags, &name.any, &length);
    say_result(world, n);
    if (n < 0)
        return;
    size_t count = (size_t)n < size ? (size_t)n : size;
    say(world, " \"%.*s\"", (int)(count < SHOWN ? count : SHOWN), got);
    if (length > 0)
        say_name(world, &name, length);
}

static void op_recvfrom(World *world, const Words *words)
{
    receive_from(world, words, 0);
}

static void op_peekfrom(World *world, const Words *words)
{
    receive_from(world, words, MSG_PEEK);
}

static void op_lengthfrom(World *world, const Words *words)
{
    receive_from(world, words, MSG_TRUNC);
}

/* ---- watches ------------------------------------------------------------------------------- */

static void run_calls(World *world, char *calls);

static void told(int fd, short ready, void *arg)
{
    Slot *slot = arg;
    World *world = slot->world;
    ck_assert_int_eq(fd, slot->fd);
    world->reports++;
    slot->told |= (unsigned)ready & (TORC_READABLE | TORC_WRITABLE | TORC_CLOSED);
    char *then = slot->then;
    slot->then = NULL;
    if (then)
        run_calls(world, then);
    free(then);
}

/* A second start of a watch is no call that the table allows. */
static void op_watch(World *world, const Words *words)
{
    Slot *slot = slot_at(world, words, 1);
    if (slot->watched || !slot->open)
        return;
    int r = ops_of(world)->watch(world->system, &slot->watch, slot->fd,
                                 interest_at(world, words, 2), told, slot);
    slot->watched |= r == 0;
    say_done(world, r);
}

static void op_rewatch(World *world, const Words *words)
{
    Slot *slot = slot_at(world, words, 1);
    if (slot->watched)
        say_done(world,
                 ops_of(world)->rewatch(world->system, &slot->watch, interest_at(world, words, 2)));
}

static void op_unwatch(World *world, const Words *words)
{
    unwatch(slot_at(world, words, 1));
}

static void op_then(World *world, const Words *words)
{
    char line[200] = "";
    for (unsigned i = 2; i < words->count; i++) {
        strcat(line, words->at[i]);
        strcat(line, " ");
    }
    Slot *slot = slot_at(world, words, 1);
    free(slot->then);
    slot->then = strdup(line);
}

/* Lets a real kernel work. One that was sent FIN may put off its answer, which wakes the sender, by
 * 40 ms (TCP_DELACK_MIN). */
static void give_time(World *world)
{
    enum { PUT_OFF = 50000000 };
    int64_t time = world->settle_time;
    if (time > 0 && world->fin_sent)
        time = PUT_OFF;
    world->fin_sent = false;
    if (!world->sim && time > 0)
        nanosleep(&(struct timespec){.tv_nsec = (long)time}, NULL);
}

/* One look without waiting. */
static void look(World *world)
{
    give_time(world);
    world->reports = 0;
    ck_assert_int_eq(ops_of(world)->wait(world->system, INT64_MIN), 0);
}

static void settle(World *world)
{
    int looks = 0;
    do
        look(world);
    while (world->edge && world->reports > 0 && ++looks < MOST_LOOKS);
}

/* ---- running ------------------------------------------------------------------------------- */

static void run_line(World *world, char *line);

static void op_pair(World *world, const Words *words)
{
    char line[200];
    const char *a = word(words, 1);
    world->quiet = true;
    snprintf(line, sizeof(line),
             "open z tcp4; bind z 127.0.0.1 0; listen z 5; open %s tcp4; connect %s 127.0.0.1 z", a,
             a);
    run_line(world, line);
    const char *b = word(words, 2);
    snprintf(line, sizeof(line),
             "accept z %s; close z; error %s; set %s TCP_NODELAY 1; set %s TCP_NODELAY 1", b, a, a,
             b);
    run_line(world, line);
    world->quiet = false;
}

typedef struct Call {
    const char *name;
    void (*function)(World *world, const Words *words);
} Call;

static const Call calls[] = {
    {"abort", op_abort},
    {"accept", op_accept},
    {"bind", op_bind},
    {"close", op_close},
    {"connect", op_connect},
    {"drain", op_drain},
    {"error", op_error},
    {"fill", op_fill},
    {"get", op_get},
    {"lengthfrom", op_lengthfrom},
    {"linger", op_linger},
    {"listen", op_listen},
    {"name", op_name},
    {"open", op_open},
    {"pair", op_pair},
    {"peek", op_peek},
    {"peekfrom", op_peekfrom},
    {"peer", op_peer},
    {"pipe", op_pipe},
    {"read", op_recv},
    {"readmany", op_recvmany},
    {"recv", op_recv},
    {"recvfrom", op_recvfrom},
    {"recvmany", op_recvmany},
    {"rewatch", op_rewatch},
    {"send", op_send},
    {"sendmany", op_sendmany},
    {"sendmanyto", op_sendmanyto},
    {"sendto", op_sendto},
    {"sendv", op_sendv},
    {"set", op_set},
    {"shutdown", op_shutdown},
    {"then", op_then},
    {"unwatch", op_unwatch},
    {"watch", op_watch},
    {"write", op_send},
    {"writemany", op_sendmany},
};

static void run_call(World *world, char *text)
{
    Words words = {0};
    char *rest;
    say(world, "  %s", text);
    for (char *next = strtok_r(text, " ", &rest); next; next = strtok_r(NULL, " ", &rest)) {
        ck_assert_uint_lt(words.count, MOST_WORDS);
        words.at[words.count++] = next;
    }
    size_t i = 0;
    while (i < sizeof(calls) / sizeof(calls[0]) && strcmp(calls[i].name, words.at[0]) != 0)
        i++;
    ck_assert_msg(i < sizeof(calls) / sizeof(calls[0]), "no call: %s", words.at[0]);
    calls[i].function(world, &words);
    say(world, "\n");
}

static void run_calls(World *world, char *text)
{
    char *rest;
    for (char *call = strtok_r(text, ";", &rest); call; call = strtok_r(NULL, ";", &rest)) {
        call += strspn(call, " ");
        if (*call)
            run_call(world, call);
    }
}

static void run_line(World *world, char *line)
{
    run_calls(world, line);
    settle(world);
    if (!world->quiet)
        say_told(world);
}

static void begin(World *world, bool simulated)
{
    memset(many, '.', sizeof(many));
    for (int i = 0; i < SLOTS; i++) {
        world->slots[i].world = world;
        world->slots[i].fd = -1;
    }
    if (simulated) {
        world->sim = TorcSim_newWith(TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = !world->edge));
        ck_assert_ptr_nonnull(world->sim);
        world->system = torc__sim_system(world->sim);
    } else {
        const char *backend = world->edge ? "epoll" : "poll";
        ck_assert_int_eq(torc__system_new_real(backend, 1, &world->system), 0);
    }
}

static void end(World *world)
{
    for (int i = 0; i < SLOTS; i++) {
        if (world->slots[i].open)
            (void)close_slot(&world->slots[i]);
        free(world->slots[i].then);
    }
    if (world->sim)
        TorcSim_free(world->sim);
    else
        world->system->ops->free(world->system);
}

char *differential_run(const char *script, bool simulated, bool edge, int64_t settle_time)
{
    char *log = NULL;
    size_t length;
    char *copy = strdup(script);
    char *rest;
    World *world = calloc(1, sizeof(*world));
    ck_assert(copy && world);
    world->edge = edge;
    world->settle_time = settle_time;
    world->log = open_memstream(&log, &length);
    ck_assert_ptr_nonnull(world->log);
    begin(world, simulated);
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        run_line(world, line);
    end(world);
    fclose(world->log);
    free(world);
    free(copy);
    return log;
}
