/* The worlds: how each makes connections, turns and ends.
 *
 * The test's thread. One world at a time; its factory lives from begin to end, its port too. */
#include "contract_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../support/run_tests.h"
#include "contract_peer.h"

typedef enum Kind {
    TCP4,
    TCP6,
    UNIX,
    TCP4_CLIENT,
    ADOPTED,
    PIPES,
    SIM_TCP,
    SIM_CLIENT,
    SIM_UNIX
} Kind;

typedef struct WorldKind {
    const char *name;
    Kind kind;
    const char *backend; /* NULL: simulated */
    bool level;          /* simulated: readiness by level */
    size_t chunk;        /* simulated: bytes of a recv or send, 0: any number */
} WorldKind;

#define ON_EACH_BACKEND(name, kind)                                                                \
    {name "/epoll", kind, "epoll", false, 0}, {name "/poll", kind, "poll", true, 0},               \
    {                                                                                              \
        name "/select", kind, "select", true, 0                                                    \
    }

static const WorldKind kinds[] = {
    ON_EACH_BACKEND("tcp4", TCP4),
    ON_EACH_BACKEND("tcp6", TCP6),
    ON_EACH_BACKEND("tcp4-client", TCP4_CLIENT),
    ON_EACH_BACKEND("unix", UNIX),
    ON_EACH_BACKEND("adopted", ADOPTED),
    ON_EACH_BACKEND("stdio", PIPES),
    {"sim-tcp/edge", SIM_TCP, NULL, false, 0},
    {"sim-tcp/level", SIM_TCP, NULL, true, 0},
    {"sim-tcp/bytewise", SIM_TCP, NULL, false, 1},
    {"sim-tcp-client/edge", SIM_CLIENT, NULL, false, 0},
    {"sim-unix/edge", SIM_UNIX, NULL, false, 0},
    {"sim-unix/level", SIM_UNIX, NULL, true, 0},
};
enum { WORLDS = sizeof(kinds) / sizeof(kinds[0]) };

enum { SIM_PORT = 8881, OUTSIDE_PORT = 7777 };
enum { KERNEL_BUFFER = 64 * 1024, SIM_BUFFER = 4000, BYTEWISE_BUFFER = 1000 };
static const char *const sim_path = "/run/contract";
static const char *const outside_address = "192.0.2.9";

World world;
Recording rec;

static const WorldKind *kind;
static TorcClientFactory *factory;
static int listener = -1; /* where a client connects to */
static char directory[32];
static char path[64];
static int descriptors_before;

int worlds_count(void)
{
    return WORLDS;
}

const char *world_nameOf(int index)
{
    return kinds[index].name;
}

/* ---- what a world has ---------------------------------------------------------------------- */

static unsigned traits_of(const WorldKind *of)
{
    static const unsigned traits[] = {
        [TCP4] = SOCKET | RESETS | PORT | INTERNET,
        [TCP6] = SOCKET | RESETS | PORT | INTERNET,
        [TCP4_CLIENT] = SOCKET | RESETS | INTERNET,
        [UNIX] = SOCKET | PORT,
        [ADOPTED] = SOCKET,
        [PIPES] = 0,
        [SIM_TCP] = SOCKET | RESETS | PORT | INTERNET,
        [SIM_CLIENT] = SOCKET | RESETS | INTERNET,
        [SIM_UNIX] = SOCKET | PORT,
    };
    bool first = of->kind == TCP4 || (of->kind == SIM_TCP && !of->chunk);
    bool notices = !of->level && of->kind != PIPES;
    return traits[of->kind] | (of->backend ? REAL : SIMULATED) | (notices ? NOTICES : 0) |
           (of->chunk ? 0 : WHOLE) | (first ? LOOP : 0);
}

unsigned world_traitsOf(int index)
{
    return traits_of(&kinds[index]);
}

static const char *lacking(unsigned missing)
{
    static const char *const names[] = {"real sockets",
                                        "virtual time",
                                        "sockets",
                                        "resets",
                                        "news while reading is paused",
                                        "ports",
                                        "internet addresses",
                                        "more than a byte at a time",
                                        "loop of its own"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (missing & (1U << i))
            return names[i];
    return "IPv6";
}

static bool host_has_ipv6(void)
{
    struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

/* ---- beginning ----------------------------------------------------------------------------- */

static int count_descriptors(void)
{
    DIR *open_ones = opendir("/proc/self/fd");
    ck_assert_ptr_nonnull(open_ones);
    int count = 0;
    while (readdir(open_ones))
        count++;
    closedir(open_ones);
    return count;
}

unsigned world_limitForDescriptors(unsigned room)
{
    unsigned limit = 0;
    for (unsigned free_ones = 0; free_ones < room; limit++)
        free_ones += fcntl((int)limit, F_GETFD) < 0;
    return limit;
}

/* Where the protocol under test is the client, and the port of it. */
static uint16_t listen_outside(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(name);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(listener, 0);
    int small = KERNEL_BUFFER; /* inherited */
    (void)setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&name, length), 0);
    ck_assert_int_eq(listen(listener, 64), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    return ntohs(name.sin_port);
}

static uint16_t outside_port;

static void begin_listening(void)
{
    TorcReactor *reactor = world.reactor;
    TorcFactory *base = &factory->base;
    int r = 0;

    switch (kind->kind) {
    case TCP4:
    case TCP6:
        r = TorcReactor_listenTCP(
            reactor, 0, base,
            TORC_LISTEN_OPTIONS(.interface = kind->kind == TCP4 ? "127.0.0.1" : "::1"),
            &world.port);
        break;
    case UNIX: r = TorcReactor_listenUNIX(reactor, path, base, NULL, &world.port); break;
    case SIM_TCP: r = TorcReactor_listenTCP(reactor, SIM_PORT, base, NULL, &world.port); break;
    case SIM_UNIX: r = TorcReactor_listenUNIX(reactor, sim_path, base, NULL, &world.port); break;
    case TCP4_CLIENT: outside_port = listen_outside(); break;
    case SIM_CLIENT: r = TorcSim_listen(world.sim, outside_address, OUTSIDE_PORT); break;
    case ADOPTED:
    case PIPES: break;
    }
    ck_assert_int_eq(r, 0);
    if (world.port)
        TorcPort_ref(world.port);
}

static void begin_reactor(void)
{
    const TorcReactorOptions *options = TORC_REACTOR_OPTIONS(.backend = kind->backend);
    if (kind->backend) {
        world.reactor = TorcReactor_new(options);
        ck_assert_ptr_nonnull(world.reactor);
        return;
    }
    world.sim = TorcSim_newWith(
        TORC_SIM_OPTIONS(.seed = 1, .levelTriggered = kind->level, .chunkSize = kind->chunk,
                         .bufferSize = kind->chunk ? BYTEWISE_BUFFER : SIM_BUFFER));
    ck_assert_ptr_nonnull(world.sim);
    world.reactor = TorcSim_reactor(world.sim);
}

/* A UNIX socket holds 208 KiB on Linux, a pipe 64; a TCP connection would get megabytes, if it were
 * not for KERNEL_BUFFER, which Linux doubles, at either end. */
static void size_up(void)
{
    size_t sim = kind->chunk ? BYTEWISE_BUFFER : SIM_BUFFER;
    world.full = !kind->backend ? 2 * sim : kind->kind == PIPES ? 96 << 10 : 320 << 10;
    world.bulk = kind->backend ? 512 << 10 : 20 * sim;
    world.many = kind->chunk ? world.bulk : 8 << 20;
}

bool world_begin(int index, unsigned needs, const char *test)
{
    unsigned traits = traits_of(&kinds[index]);
    unsigned missing = needs & ~traits;

    if (missing || (kinds[index].kind == TCP6 && !host_has_ipv6())) {
        printf("skipped on %s, which has no %s: %s\n", kinds[index].name, lacking(missing), test);
        fflush(stdout);
        rec = (Recording){0};
        return false;
    }
    kind = &kinds[index];
    world = (World){.name = kind->name, .traits = traits};
    descriptors_before = count_descriptors();
    size_up();
    if (kind->kind == UNIX) {
        strcpy(directory, "/tmp/torc-contract-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        snprintf(path, sizeof(path), "%s/socket", directory);
    }
    begin_reactor();
    factory = Recording_factory(&rec);
    begin_listening();
    return true;
}

/* ---- ending -------------------------------------------------------------------------------- */

static void assert_sim_clean(void)
{
    char report[2000];
    TorcSim_advance(world.sim, 2.1); /* as long as a closed socket may linger */
    size_t left = TorcSim_checkClean(world.sim, report, sizeof(report));
    ck_assert_msg(left == 0, "%s: left behind: %s", world.name, report);
}

void world_endWithoutTurning(void)
{
    world.port = TorcPort_unref(world.port);
    TorcFactory_unref(&factory->base);
    if (world.sim)
        TorcSim_free(world.sim);
    else
        TorcReactor_free(world.reactor);
    if (listener >= 0)
        close(listener);
    listener = -1;
    if (kind->kind == UNIX)
        ck_assert_int_eq(rmdir(directory), 0);
    ck_assert_int_eq(count_descriptors(), descriptors_before);
    Recording_done(&rec);
    rec = (Recording){0};
    world = (World){0};
}

void world_end(void)
{
    if (world.port)
        (void)TorcPort_stopListening(world.port, NULL);
    peers_end();
    if (rec.transport)
        TorcTransport_abortConnection(rec.transport);
    until(rec.live == 0);
    settle();
    if (world.sim)
        assert_sim_clean();
    world_endWithoutTurning();
}

/* ---- connections --------------------------------------------------------------------------- */

static Peer *dial(int family, const void *name, socklen_t length)
{
    int small = KERNEL_BUFFER;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_ge(fd, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    int r = connect(fd, name, length);
    ck_assert_msg(r == 0 || errno == EINPROGRESS, "%s: connect: %s", world.name, strerror(errno));
    return peer_of(fd, fd);
}

static Peer *dial_port(void)
{
    TorcAddress address;
    TorcPort_getHost(world.port, &address);
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(address.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(address.port),
                              .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return kind->kind == TCP4 ? dial(AF_INET, &v4, sizeof(v4)) : dial(AF_INET6, &v6, sizeof(v6));
}

static Peer *dial_path(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    return dial(AF_UNIX, &name, sizeof(name));
}

static Peer *be_dialled(void)
{
    int fd = -1;
    int r = TorcReactor_connectTCP(world.reactor, "127.0.0.1", outside_port, factory, NULL, NULL);
    ck_assert_int_eq(r, 0);
    until((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0);
    return peer_of(fd, fd);
}

static Peer *be_dialled_in_sim(void)
{
    TorcSimPeer *made = NULL;
    int r =
        TorcReactor_connectTCP(world.reactor, outside_address, OUTSIDE_PORT, factory, NULL, NULL);
    ck_assert_int_eq(r, 0);
    until((made = TorcSim_accept(world.sim, OUTSIDE_PORT)) != NULL);
    return peer_ofSim(made);
}

static Peer *adopt(void)
{
    int ends[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    int r = TorcReactor_adoptStreamConnection(world.reactor, ends[0], &factory->base);
    ck_assert_int_eq(r, 0);
    close(ends[0]);
    return peer_of(ends[1], ends[1]);
}

static Peer *open_pipes(void)
{
    int input[2];
    int output[2];
    ck_assert_int_eq(pipe2(input, O_CLOEXEC | O_NONBLOCK), 0);
    ck_assert_int_eq(pipe2(output, O_CLOEXEC | O_NONBLOCK), 0);
    int r = TorcReactor_standardIO(world.reactor, input[0], output[1], &factory->base);
    ck_assert_int_eq(r, 0);
    close(input[0]);
    close(output[1]);
    return peer_of(output[0], input[1]);
}

Peer *peer_open(void)
{
    switch (kind->kind) {
    case TCP4:
    case TCP6: return dial_port();
    case TCP4_CLIENT: return be_dialled();
    case UNIX: return dial_path();
    case ADOPTED: return adopt();
    case PIPES: return open_pipes();
    case SIM_TCP: return peer_ofSim(TorcSim_connect(world.sim, SIM_PORT));
    case SIM_CLIENT: return be_dialled_in_sim();
    case SIM_UNIX: return peer_ofSim(TorcSim_connectUNIX(world.sim, sim_path));
    }
    return NULL;
}

Peer *peer_connect(void)
{
    unsigned before = rec.counts[RECORD_MADE];
    Peer *made = peer_open();
    until(rec.counts[RECORD_MADE] > before);
    if (rec.transport && (world.traits & REAL))
        (void)TorcTransport_setSendBufferSize(rec.transport, KERNEL_BUFFER); /* see size_up */
    return made;
}

/* ---- time ---------------------------------------------------------------------------------- */

static double wait_limit;

static double clock_seconds(void)
{
    return TorcReactor_seconds(world.reactor);
}

/* Only when nothing has moved for some turns is there something to wait for. */
void world_turn(void)
{
    enum { QUIET = 4 };
    static int quiet;
    if (world.sim) {
        TorcSim_advance(world.sim, 0.01);
        return;
    }
    quiet = peers_pump() ? 0 : quiet + 1;
    ck_assert_int_eq(TorcReactor_iterate(world.reactor, quiet > QUIET ? 0.001 : 0), 0);
}

void settle(void)
{
    enum { QUIET = 6, MOST = 10000 };
    if (world.sim) {
        TorcSim_advance(world.sim, 0);
        return;
    }
    for (int quiet = 0, i = 0; quiet < QUIET && i < MOST; i++) {
        quiet = peers_pump() ? 0 : quiet + 1;
        ck_assert_int_eq(TorcReactor_iterate(world.reactor, 0), 0);
    }
}

void pass_time(double seconds)
{
    if (world.sim) {
        TorcSim_advance(world.sim, seconds);
        return;
    }
    double end = clock_seconds() + seconds;
    while (clock_seconds() < end)
        world_turn();
}

/* Longer than any timeout of the library's in virtual time; in real time longer than a busy machine
 * takes for anything here. */
void world_startWaiting(void)
{
    wait_limit = clock_seconds() + (world.sim ? 100 : 20);
}

bool world_wait(void)
{
    if (clock_seconds() > wait_limit)
        return false;
    world_turn();
    return true;
}

/* ---- words and bytes ----------------------------------------------------------------------- */

const char *world_log(void)
{
    static char log[RECORD_LOG_SIZE];
    char words[RECORD_LOG_SIZE];
    char *rest = words;
    log[0] = '\0';
    strcpy(words, rec.log);
    for (char *word; (word = strtok_r(rest, " ", &rest));) {
        if (strcmp(word, "started") == 0 || strncmp(word, "client-lost", 11) == 0)
            continue;
        if (*log)
            strcat(log, " ");
        strcat(log, word);
    }
    return log;
}

uint8_t *new_pattern(size_t length)
{
    uint8_t *bytes = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(i);
    return bytes;
}

int write_pattern(size_t length)
{
    uint8_t *bytes = new_pattern(length);
    int r = TorcTransport_write(rec.transport, bytes, length);
    free(bytes);
    return r;
}

int write_text(const char *text)
{
    return TorcTransport_write(rec.transport, text, strlen(text));
}

void assert_pattern(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pattern_at(i))
            ck_abort_msg("%s: byte %zu of %zu is wrong", world.name, i, length);
}

/* ---- hooks --------------------------------------------------------------------------------- */

void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

void lose_write(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), 0);
}

void abort_now(Recording *recording)
{
    TorcTransport_abortConnection(recording->transport);
}

void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    int r = TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
    ck_assert_int_eq(r, 0);
}

/* ---- the program --------------------------------------------------------------------------- */

/* True: only the world named in the environment is to be played, and this is another. */
static bool left_out(int index)
{
    const char *only = getenv("TORC_WORLD");
    return only && strcmp(only, kinds[index].name) != 0;
}

int run_contract(const char *name, const TTest *const *tests, size_t count)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 60);
    for (size_t i = 0; i < count; i++)
        for (int world_index = 0; world_index < WORLDS; world_index++)
            if (!left_out(world_index))
                tcase_add_loop_test(tcase, tests[i], world_index, world_index + 1);
    return run_case(name, tcase);
}
