/* The load: a client of many connections for one server, by hand on epoll, and the measurement.
 *
 *     load LOAD PORT|PATH PID MILLISECONDS
 *
 * Loads the server of this process number in the way named, and prints what it measured, one figure a
 * line, with tabs between: name, unit, value. The server's processor time is read before and after,
 * when it sleeps and nothing is under way. Ends with status 1 when an answer is wrong or missing.
 *
 * One thread. A connection is a Flow; what comes next, when one of its parcels is back, is what makes
 * one load another. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "flow.h"
#include "latencies.h"
#include "usage.h"

enum { EVENTS = 512, PATIENCE_MS = 20000, CONNECTING_AT_ONCE = 64, WARM_UP_TURNS = 50 };

typedef struct Load Load;

struct Load {
    const char *name;
    unsigned connections;
    unsigned active;            /* of them; 0: all */
    unsigned messagesPerParcel; /* lines count one by one */
    FlowKind kind;
    void (*run)(const Load *load, int64_t milliseconds);
};

typedef struct State {
    const Load *load;
    const char *pid;
    Flow *flows;
    int epoll;
    bool going;       /* begins new parcels */
    unsigned waiting; /* parcels under way on all connections */
    uint64_t parcels; /* complete */
    uint64_t made;    /* connections */
    Latencies latencies;
} State;

static State state;

static int64_t now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- one turn -------------------------------------------------------------------------------- */

static void begin(Flow *flow, int64_t now)
{
    state.waiting++;
    flow_begin(flow, now);
}

static int64_t turn_time; /* when the events of this turn were taken up */

static void count_parcel(int64_t began)
{
    state.waiting--;
    state.parcels++;
    latencies_add(&state.latencies, turn_time - began);
}

/* Waits for events, so many milliseconds at most, and hands out what they bring. */
static int turn(int timeout, FlowDone *done)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(state.epoll, events, EVENTS, timeout);
    if (n < 0 && errno != EINTR)
        fail("load: epoll_wait: %s", strerror(errno));
    turn_time = now_ns();
    for (int i = 0; i < n; i++) {
        if (events[i].events & EPOLLOUT)
            flow_send(events[i].data.ptr);
        if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            flow_receive(events[i].data.ptr, done, NULL);
    }
    return n;
}

static void turn_in_time(FlowDone *done)
{
    if (turn(PATIENCE_MS, done) == 0)
        fail("load: no answer for %d seconds", PATIENCE_MS / 1000);
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void count_only(Flow *flow, int64_t began, void *arg)
{
    (void)flow;
    (void)arg;
    count_parcel(began);
}

/* Each connection has got a first answer when this returns, so all are accepted. Only so many are
 * made at once: the backlog of a server must not count here. */
static void connect_all(unsigned count)
{
    state.flows = calloc(count, sizeof(*state.flows));
    if (!state.flows)
        fail("load: out of memory");
    for (unsigned i = 0; i < count; i++) {
        flow_connect(&state.flows[i], &state.load->kind, i);
        begin(&state.flows[i], now_ns());
        while (state.waiting >= CONNECTING_AT_ONCE)
            turn_in_time(count_only);
    }
    while (state.waiting > 0)
        turn_in_time(count_only);
}

/* ---- measuring ------------------------------------------------------------------------------- */

static void print_figure(const char *name, const char *unit, double value)
{
    printf("%s\t%s\t%.9g\n", name, unit, value);
}

static void print_latencies(void)
{
    print_figure("p50", "us", latencies_percentile(&state.latencies, 50) / 1e3);
    print_figure("p99", "us", latencies_percentile(&state.latencies, 99) / 1e3);
    print_figure("p99.9", "us", latencies_percentile(&state.latencies, 99.9) / 1e3);
}

/* What is to happen from now until nothing is under way any more, for so long. */
static void phase(int64_t milliseconds, void (*start)(void), FlowDone *done)
{
    int64_t end = now_ns() + milliseconds * 1000000;
    state.going = true;
    start();
    while (state.waiting > 0) {
        turn_in_time(done);
        state.going = state.going && turn_time < end;
    }
}

/* A tenth of the time to warm up, then everything counts. */
static void measure(int64_t milliseconds, void (*start)(void), FlowDone *done)
{
    phase(milliseconds / 10, start, done);
    state.parcels = 0;
    latencies_clear(&state.latencies);
    uint64_t used = usage_settledTime(state.pid);
    int64_t began = now_ns();
    phase(milliseconds, start, done);
    double seconds = (double)(now_ns() - began) / 1e9;
    used = usage_settledTime(state.pid) - used;
    double messages = (double)state.parcels * state.load->messagesPerParcel;
    print_figure("cpu", "us/message", (double)used / 1e3 / messages);
    print_figure("rate", "messages/s", messages / seconds);
    print_latencies();
}

/* ---- the same again on each connection ------------------------------------------------------- */

/* Spread over all of them. */
static void start_active(void)
{
    const Load *load = state.load;
    unsigned step = load->active ? load->connections / load->active : 1;
    for (unsigned i = 0; i < load->connections; i += step)
        while (state.flows[i].underWay < load->kind.depth)
            begin(&state.flows[i], now_ns());
}

static void again(Flow *flow, int64_t began, void *arg)
{
    (void)arg;
    count_parcel(began);
    if (state.going)
        begin(flow, turn_time);
}

static void run_again(const Load *load, int64_t milliseconds)
{
    connect_all(load->connections);
    measure(milliseconds, start_active, again);
}

/* ---- connect, one message, close ------------------------------------------------------------- */

static void start_connecting(void)
{
    for (unsigned i = 0; i < state.load->connections; i++) {
        flow_connect(&state.flows[i], &state.load->kind, (unsigned)state.made++);
        begin(&state.flows[i], now_ns());
    }
}

static void another(Flow *flow, int64_t began, void *arg)
{
    (void)arg;
    count_parcel(began);
    flow_close(flow);
    if (!state.going)
        return;
    int64_t now = now_ns(); /* the time to connect counts */
    flow_connect(flow, &state.load->kind, (unsigned)state.made++);
    begin(flow, now);
}

static void run_connect(const Load *load, int64_t milliseconds)
{
    state.flows = calloc(load->connections, sizeof(*state.flows));
    if (!state.flows)
        fail("load: out of memory");
    measure(milliseconds, start_connecting, another);
}

/* ---- one busy connection beside quiet ones --------------------------------------------------- */

/* A quiet connection asks every 100 µs, each in its turn; 64 bytes and back, one at a time. */
enum { QUIET_INTERVAL_NS = 100000 };

static const FlowKind busy_kind = {.parcel = 65536, .depth = 16, .read = 65536};
static Flow busy;
static uint64_t busy_parcels;

static void fair_done(Flow *flow, int64_t began, void *arg)
{
    (void)arg;
    if (flow != &busy) {
        state.waiting--;
        state.parcels++;
        latencies_add(&state.latencies, now_ns() - began);
        return;
    }
    state.waiting--;
    busy_parcels++;
    if (state.going)
        begin(flow, turn_time);
}

static void start_busy(void)
{
    while (busy.underWay < busy_kind.depth)
        begin(&busy, now_ns());
}

/* Quiet connections begin by the clock, while the busy one keeps both sides at work. */
static void fair_phase(int64_t milliseconds)
{
    int64_t next = now_ns();
    int64_t end = next + milliseconds * 1000000;
    unsigned quiet = 0;
    state.going = true;
    start_busy();
    while (state.waiting > 0) {
        turn_in_time(fair_done);
        state.going = state.going && turn_time < end;
        if (state.going && turn_time >= next) {
            Flow *flow = &state.flows[quiet++ % state.load->connections];
            if (flow->underWay == 0)
                begin(flow, now_ns());
            next = turn_time + QUIET_INTERVAL_NS;
        }
    }
}

static void run_fair(const Load *load, int64_t milliseconds)
{
    connect_all(load->connections);
    flow_connect(&busy, &busy_kind, load->connections);
    fair_phase(milliseconds / 10);
    latencies_clear(&state.latencies);
    busy_parcels = 0;
    uint64_t used = usage_settledTime(state.pid);
    int64_t began = now_ns();
    fair_phase(milliseconds);
    double seconds = (double)(now_ns() - began) / 1e9;
    used = usage_settledTime(state.pid) - used;
    if (state.latencies.count == 0)
        fail("load: no quiet connection was answered");
    print_figure("cpu", "us/message", (double)used / 1e3 / (double)busy_parcels);
    print_figure("rate", "messages/s", (double)busy_parcels / seconds);
    print_latencies();
}

/* ---- idle connections ------------------------------------------------------------------------ */

/* The first ones, all at work at the same time, make the server allocate what it needs once. */
static void warm_up(unsigned connections)
{
    connect_all(connections);
    for (int i = 0; i < WARM_UP_TURNS; i++) {
        for (unsigned flow = 0; flow < connections; flow++)
            begin(&state.flows[flow], now_ns());
        while (state.waiting > 0)
            turn_in_time(count_only);
    }
}

static void run_idle(const Load *load, int64_t milliseconds)
{
    (void)milliseconds;
    warm_up(load->connections / 100);
    usage_settledTime(state.pid);
    uint64_t before = usage_privateBytes(state.pid);
    connect_all(load->connections);
    usage_settledTime(state.pid);
    uint64_t after = usage_privateBytes(state.pid);
    double bytes = after > before ? (double)(after - before) : 0;
    print_figure("memory", "bytes/connection", bytes / load->connections);
}

/* ---- the loads ------------------------------------------------------------------------------- */

#define PINGPONG .messagesPerParcel = 1, .kind = {.parcel = 64, .depth = 1}

static const Load loads[] = {
    {"echo", .connections = 50, PINGPONG, .run = run_again},
    {"line", .connections = 50, .messagesPerParcel = 32,
     .kind = {.parcel = 1024, .depth = 1, .lines = true}, .run = run_again},
    {"bulk", .connections = 4, .messagesPerParcel = 1, .kind = {.parcel = 65536, .depth = 16},
     .run = run_again},
    {"connect", .connections = 32, PINGPONG, .run = run_connect},
    {"many5k", .connections = 5000, .active = 50, PINGPONG, .run = run_again},
    {"many15k", .connections = 15000, .active = 150, PINGPONG, .run = run_again},
    {"slow", .connections = 50, .messagesPerParcel = 1,
     .kind = {.parcel = 65536, .depth = 4, .read = 4096, .receiveBuffer = 16384}, .run = run_again},
    {"fair", .connections = 100, PINGPONG, .run = run_fair},
    {"idle", .connections = 10000, PINGPONG, .run = run_idle},
};

static const Load *find_load(const char *name)
{
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
        if (strcmp(loads[i].name, name) == 0)
            return &loads[i];
    fail("load: there is no load %s", name);
}

static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("usage: load LOAD PORT|PATH PID MILLISECONDS");
    raise_limit();
    state.load = find_load(argv[1]);
    state.pid = argv[3];
    state.epoll = epoll_create1(EPOLL_CLOEXEC);
    flow_start(state.epoll);
    flow_setServer(argv[2]);
    state.load->run(state.load, (int64_t)read_count(argv[4]));
    return EXIT_SUCCESS;
}
