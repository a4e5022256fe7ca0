/* The calls of the differential test's scripts, one function each. */
#include <netinet/tcp.h>
#include <unistd.h>

#include "differential_world.h"

static char got[MOST_MANY]; /* what was received */

/* What sendmany sends: the alphabet again and again. */
static const char *many(void)
{
    static char bytes[MOST_MANY];
    for (size_t i = 0; i < MOST_MANY && !bytes[MOST_MANY - 1]; i++)
        bytes[i] = (char)('a' + i % 26);
    return bytes;
}

/* ---- opening and closing ------------------------------------------------------------------- */

/* Nothing is opened over what is open already: a part of a script may have lost the close between. */
static bool is_open(World *world, const Words *words, unsigned i)
{
    return World_slot(world, words, i)->open;
}

static void op_open(World *world, const Words *words)
{
    const char *kind = Words_at(words, 2);
    if (is_open(world, words, 1))
        return;
    bool un = strcmp(kind, "unix") == 0;
    int family = un ? AF_UNIX : strchr(kind, '6') ? AF_INET6 : AF_INET;
    int type = strncmp(kind, "udp", 3) == 0 ? SOCK_DGRAM : SOCK_STREAM;
    int fd = ops_of(world)->socket(world->system, family, type);
    Slot_open(World_slot(world, words, 1), fd, false);
    World_sayDone(world, fd);
}

static void op_close(World *world, const Words *words)
{
    World_sayDone(world, Slot_close(World_slot(world, words, 1)));
}

static void op_pipe(World *world, const Words *words)
{
    int ends[2] = {-1, -1};
    if (is_open(world, words, 1) || is_open(world, words, 2))
        return;
    int r = ops_of(world)->pipe(world->system, ends);
    Slot_open(World_slot(world, words, 1), ends[0], true);
    Slot_open(World_slot(world, words, 2), ends[1], true);
    World_sayDone(world, r);
}

/* ---- names, listening, connecting ---------------------------------------------------------- */

static void op_bind(World *world, const Words *words)
{
    Name name;
    Slot *slot = World_slot(world, words, 1);
    socklen_t length = World_address(world, words, 2, &name);
    World_sayDone(world, ops_of(world)->bind(world->system, slot->fd, &name.any, length));
    Slot_notePort(slot);
}

static void op_listen(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    World_sayDone(world, ops_of(world)->listen(world->system, slot->fd, atoi(Words_at(words, 2))));
    Slot_notePort(slot);
}

static void op_accept(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = World_slot(world, words, 1);
    if (is_open(world, words, 2))
        return;
    int fd = ops_of(world)->accept(world->system, slot->fd, &name.any, &length);
    World_sayDone(world, fd);
    if (fd < 0)
        return;
    Slot_open(World_slot(world, words, 2), fd, false);
    World_sayName(world, &name, length);
}

static void op_connect(World *world, const Words *words)
{
    Name name;
    Slot *slot = World_slot(world, words, 1);
    socklen_t length = World_address(world, words, 2, &name);
    World_sayDone(world, ops_of(world)->connect(world->system, slot->fd, &name.any, length));
    Slot_notePort(slot);
}

static void op_name(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = World_slot(world, words, 1);
    int r = ops_of(world)->getsockname(world->system, slot->fd, &name.any, &length);
    World_sayDone(world, r);
    if (r == 0)
        World_sayName(world, &name, length);
}

static void op_peer(World *world, const Words *words)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    Slot *slot = World_slot(world, words, 1);
    int r = ops_of(world)->getpeername(world->system, slot->fd, &name.any, &length);
    World_sayDone(world, r);
    if (r == 0)
        World_sayName(world, &name, length);
}

static void op_shutdown(World *world, const Words *words)
{
    const char *how = Words_at(words, 2);
    int value = strcmp(how, "r") == 0 ? SHUT_RD : strcmp(how, "w") == 0 ? SHUT_WR : SHUT_RDWR;
    if (strcmp(how, "nonsense") == 0)
        value = 99;
    world->fin_sent |= value != SHUT_RD;
    World_sayDone(world,
                  ops_of(world)->shutdown(world->system, World_slot(world, words, 1)->fd, value));
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
        if (strcmp(options[k].text, Words_at(words, i)) == 0)
            return &options[k];
    ck_abort_msg("no option: %s", Words_at(words, i));
    return NULL;
}

static void op_get(World *world, const Words *words)
{
    int value = -1;
    socklen_t length = sizeof(value);
    const Option *option = option_at(words, 2);
    int r = ops_of(world)->getsockopt(world->system, World_slot(world, words, 1)->fd, option->level,
                                      option->name, &value, &length);
    World_sayDone(world, r);
    if (r == 0)
        World_say(world, " value %d length %u", value, (unsigned)length);
}

static void op_set(World *world, const Words *words)
{
    int value = atoi(Words_at(words, 3));
    const Option *option = option_at(words, 2);
    World_sayDone(world,
                  ops_of(world)->setsockopt(world->system, World_slot(world, words, 1)->fd,
                                            option->level, option->name, &value, sizeof(value)));
}

static void op_error(World *world, const Words *words)
{
    int error = -1;
    socklen_t length = sizeof(error);
    int r = ops_of(world)->getsockopt(world->system, World_slot(world, words, 1)->fd, SOL_SOCKET,
                                      SO_ERROR, &error, &length);
    World_sayResult(world, r < 0 ? r : -error);
}

static int set_linger(World *world, const Slot *slot, int seconds)
{
    struct linger linger = {.l_onoff = seconds >= 0, .l_linger = seconds};
    return ops_of(world)->setsockopt(world->system, slot->fd, SOL_SOCKET, SO_LINGER, &linger,
                                     sizeof(linger));
}

/* Who that is differs from one run to the other. */
static void op_credentials(World *world, const Words *words)
{
    struct {
        pid_t pid;
        uid_t uid;
        gid_t gid;
    } who = {0};
    socklen_t length = sizeof(who);
    int r = ops_of(world)->getsockopt(world->system, World_slot(world, words, 1)->fd, SOL_SOCKET,
                                      SO_PEERCRED, &who, &length);
    World_sayDone(world, r);
    if (r < 0)
        return;
    bool own = who.pid == getpid() && who.uid == geteuid() && who.gid == getegid();
    bool none = who.pid == 0 && who.uid == (uid_t)-1 && who.gid == (gid_t)-1;
    World_say(world, " %s length %u",
              own    ? "this process"
              : none ? "none"
                     : "another",
              (unsigned)length);
}

static void op_linger(World *world, const Words *words)
{
    World_sayDone(world, set_linger(world, World_slot(world, words, 1), atoi(Words_at(words, 2))));
}

static void op_abort(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    (void)set_linger(world, slot, 0);
    World_sayDone(world, Slot_close(slot));
}

/* ---- bytes --------------------------------------------------------------------------------- */

static ssize_t put(Slot *slot, const void *data, size_t length)
{
    TorcSystem *system = slot->world->system;
    ssize_t n = slot->by_read ? system->ops->write(system, slot->fd, data, length)
                              : system->ops->send(system, slot->fd, data, length);
    slot->sent += n > 0 ? (size_t)n : 0;
    return n;
}

static ssize_t get(Slot *slot, void *buffer, size_t size)
{
    TorcSystem *system = slot->world->system;
    ssize_t n = slot->by_read ? system->ops->read(system, slot->fd, buffer, size)
                              : torc__recv(system, slot->fd, buffer, size, 0);
    slot->received += n > 0 ? (size_t)n : 0;
    return n;
}

static void op_send(World *world, const Words *words)
{
    const char *text = Words_text(words, 2);
    World_sayResult(world, put(World_slot(world, words, 1), text, strlen(text)));
}

static void op_sendmany(World *world, const Words *words)
{
    World_sayResult(world, put(World_slot(world, words, 1), many(), Words_size(words, 2)));
}

static void op_sendv(World *world, const Words *words)
{
    struct iovec pieces[MOST_WORDS];
    Slot *slot = World_slot(world, words, 1);
    size_t count = words->count - 2;
    for (size_t i = 0; i < count; i++) {
        const char *text = Words_text(words, (unsigned)i + 2);
        pieces[i] = (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
    }
    ssize_t n = ops_of(world)->sendv(world->system, slot->fd, pieces, count);
    slot->sent += n > 0 ? (size_t)n : 0;
    World_sayResult(world, n);
}

static void op_recv(World *world, const Words *words)
{
    ssize_t n = get(World_slot(world, words, 1), got, Words_size(words, 2));
    World_sayBytes(world, got, n);
}

static void op_recvmany(World *world, const Words *words)
{
    World_sayResult(world, get(World_slot(world, words, 1), got, Words_size(words, 2)));
}

static void op_peek(World *world, const Words *words)
{
    ssize_t n = torc__recv(world->system, World_slot(world, words, 1)->fd, got,
                           Words_size(words, 2), MSG_PEEK);
    World_sayBytes(world, got, n);
}

static ssize_t put_all_it_takes(Slot *slot)
{
    ssize_t n;
    while ((n = put(slot, many(), BLOCK)) > 0)
        ;
    return n;
}

/* How many it takes is the kernel's affair. A real one makes room again when the last of them are
 * acknowledged. */
static void op_fill(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    size_t before = slot->sent;
    (void)put_all_it_takes(slot);
    World_awaitAnswer(world);
    ssize_t n = put_all_it_takes(slot);
    World_say(world, " = %s until", slot->sent > before ? "something" : "nothing");
    World_sayResult(world, n);
}

/* What the kernel had to keep back on the way follows when there is room: how often that is
 * reported is its own affair. */
static void op_drain(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    slot->ignored = true;
    ssize_t n;
    for (int misses = 0; misses < 2; misses++) {
        while ((n = get(slot, got, BLOCK)) > 0)
            misses = 0;
        if (n < 0 && n != -EAGAIN)
            break;
        World_look(world);
    }
    bool all = slot->received == World_slot(world, words, 2)->sent;
    World_say(world, " = %s until", all ? "everything" : "a part");
    World_sayResult(world, n);
}

/* ---- datagrams ----------------------------------------------------------------------------- */

static void send_to(World *world, const Words *words, const void *data, size_t length)
{
    Name name;
    Slot *slot = World_slot(world, words, 1);
    socklen_t name_length = words->count > 3 ? World_address(world, words, 3, &name) : 0;
    World_sayResult(world, ops_of(world)->sendto(world->system, slot->fd, data, length,
                                                 name_length ? &name.any : NULL, name_length));
    Slot_notePort(slot);
}

static void op_sendto(World *world, const Words *words)
{
    const char *text = Words_text(words, 2);
    send_to(world, words, text, strlen(text));
}

static void op_sendmanyto(World *world, const Words *words)
{
    send_to(world, words, many(), Words_size(words, 2));
}

static void receive_from(World *world, const Words *words, int flags)
{
    Name name = {0};
    socklen_t length = sizeof(name);
    size_t size = Words_size(words, 2);
    ssize_t n = ops_of(world)->recvfrom(world->system, World_slot(world, words, 1)->fd, got, size,
                                        flags, &name.any, &length);
    World_sayResult(world, n);
    if (n < 0)
        return;
    size_t count = (size_t)n < size ? (size_t)n : size;
    World_say(world, " \"%.*s\"", (int)(count < SHOWN ? count : SHOWN), got);
    if (length > 0)
        World_sayName(world, &name, length);
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

/* ---- descriptors along with bytes ---------------------------------------------------------- */

static void op_pass(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    const char *text = Words_text(words, 3);
    ssize_t n = ops_of(world)->sendDescriptor(world->system, slot->fd, text, strlen(text),
                                              World_slot(world, words, 2)->fd);
    slot->sent += n > 0 ? (size_t)n : 0;
    World_sayResult(world, n);
}

/* There is room for one, unless it is not said for whom, or he has one. */
static void op_take(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    Slot *to = words->count > 3 ? World_slot(world, words, 3) : NULL;
    int taken;
    size_t count = to && !to->open;
    bool cut = false;
    ssize_t n = ops_of(world)->recvDescriptors(world->system, slot->fd, got, Words_size(words, 2),
                                               &taken, &count, &cut);
    slot->received += n > 0 ? (size_t)n : 0;
    World_sayBytes(world, got, n);
    if (n < 0)
        return;
    World_say(world, "%s%s", count > 0 ? " with a descriptor" : "", cut ? " cut" : "");
    if (to && count > 0)
        World_openTaken(to, taken);
}

/* ---- watches ------------------------------------------------------------------------------- */

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
        World_runCalls(world, then);
    free(then);
}

/* A second start of a watch is no call that the table allows. */
static void op_watch(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    if (slot->watched || !slot->open)
        return;
    int r = ops_of(world)->watch(world->system, &slot->watch, slot->fd,
                                 World_interest(world, words, 2), told, slot);
    slot->watched |= r == 0;
    World_sayDone(world, r);
}

static void op_rewatch(World *world, const Words *words)
{
    Slot *slot = World_slot(world, words, 1);
    if (slot->watched)
        World_sayDone(world, ops_of(world)->rewatch(world->system, &slot->watch,
                                                    World_interest(world, words, 2)));
}

static void op_unwatch(World *world, const Words *words)
{
    Slot_unwatch(World_slot(world, words, 1));
}

static void op_then(World *world, const Words *words)
{
    char line[200] = "";
    for (unsigned i = 2; i < words->count; i++) {
        strcat(line, words->at[i]);
        strcat(line, " ");
    }
    Slot *slot = World_slot(world, words, 1);
    free(slot->then);
    slot->then = strdup(line);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void op_pair(World *world, const Words *words)
{
    char line[200];
    const char *a = Words_at(words, 1);
    world->quiet = true;
    snprintf(line, sizeof(line),
             "open z tcp4; bind z 127.0.0.1 0; listen z 5; open %s tcp4; connect %s 127.0.0.1 z", a,
             a);
    World_runLine(world, line);
    const char *b = Words_at(words, 2);
    snprintf(line, sizeof(line),
             "accept z %s; close z; error %s; set %s TCP_NODELAY 1; set %s TCP_NODELAY 1", b, a, a,
             b);
    World_runLine(world, line);
    world->quiet = false;
}

static void op_unixpair(World *world, const Words *words)
{
    char line[200];
    const char *a = Words_at(words, 1);
    world->quiet = true;
    snprintf(line, sizeof(line),
             "open z unix; bind z unix @pair; listen z 5; open %s unix; connect %s unix @pair; "
             "accept z %s; close z",
             a, a, Words_at(words, 2));
    World_runLine(world, line);
    world->quiet = false;
}

typedef struct Call {
    const char *name;
    void (*function)(World *world, const Words *words);
} Call;

static const Call calls[] = {
    {"abort", op_abort},
    {"accept", op_accept},
    {"alike", World_alike},
    {"bind", op_bind},
    {"blocking", World_blocking},
    {"chmod", World_chmod},
    {"close", op_close},
    {"connect", op_connect},
    {"credentials", op_credentials},
    {"drain", op_drain},
    {"duplicate", World_duplicate},
    {"error", op_error},
    {"file", World_file},
    {"fill", op_fill},
    {"get", op_get},
    {"lengthfrom", op_lengthfrom},
    {"linger", op_linger},
    {"listen", op_listen},
    {"lock", World_lock},
    {"name", op_name},
    {"open", op_open},
    {"pair", op_pair},
    {"pass", op_pass},
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
    {"same", World_same},
    {"send", op_send},
    {"sendmany", op_sendmany},
    {"sendmanyto", op_sendmanyto},
    {"sendto", op_sendto},
    {"sendv", op_sendv},
    {"set", op_set},
    {"shutdown", op_shutdown},
    {"stat", World_stat},
    {"statopen", World_statOpen},
    {"take", op_take},
    {"then", op_then},
    {"unixpair", op_unixpair},
    {"unlink", World_unlink},
    {"unwatch", op_unwatch},
    {"watch", op_watch},
    {"write", op_send},
    {"writemany", op_sendmany},
};

void World_call(World *world, const Words *words)
{
    size_t i = 0;
    while (i < sizeof(calls) / sizeof(calls[0]) && strcmp(calls[i].name, words->at[0]) != 0)
        i++;
    ck_assert_msg(i < sizeof(calls) / sizeof(calls[0]), "no call: %s", words->at[0]);
    calls[i].function(world, words);
}
