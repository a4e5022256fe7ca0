/* Faults: system calls and allocations that fail where an input wants it.
 *
 * Most go through the simulation, which knows what Linux may say to each call. Beside it, in one
 * execution of four, any call of some kinds fails now and then, also those for which the simulation
 * has no rules: the table of the simulated system is replaced by one that stands before it. end_faults
 * ends all of them. */
#include <errno.h>

#include <torc/testing/sim_faults.h>

#include "calls.h"
#include "testing/sim_internal.h"

/* ---- by rule ------------------------------------------------------------------------------- */

typedef struct Fault {
    TorcSimCall call;
    int error;
} Fault;

/* What Linux may say to each. */
static const Fault faults[] = {
    {TORC_SIM_SOCKET, EMFILE},
    {TORC_SIM_SOCKET, ENOBUFS},
    {TORC_SIM_BIND, EADDRINUSE},
    {TORC_SIM_LISTEN, EADDRINUSE},
    {TORC_SIM_ACCEPT, EAGAIN},
    {TORC_SIM_ACCEPT, ECONNABORTED},
    {TORC_SIM_ACCEPT, EMFILE},
    {TORC_SIM_ACCEPT, ENOBUFS},
    {TORC_SIM_CONNECT, EINTR},
    {TORC_SIM_CONNECT, ENETUNREACH},
    {TORC_SIM_CONNECT, EADDRNOTAVAIL},
    {TORC_SIM_RECV, EINTR},
    {TORC_SIM_RECV, EAGAIN},
    {TORC_SIM_RECV, ECONNRESET},
    {TORC_SIM_RECV, ETIMEDOUT},
    {TORC_SIM_SEND, EINTR},
    {TORC_SIM_SEND, EAGAIN},
    {TORC_SIM_SEND, EPIPE},
    {TORC_SIM_SEND, ENOBUFS},
    {TORC_SIM_SEND, ECONNRESET},
    {TORC_SIM_SHUTDOWN, ENOTCONN},
    {TORC_SIM_CLOSE, EIO},
    {TORC_SIM_SETSOCKOPT, ENOPROTOOPT},
    {TORC_SIM_WATCH, ENOMEM},
    {TORC_SIM_LOOKUP, TORC_ELOOKUP},
    {TORC_SIM_LOOKUP, ENOMEM},
    {TORC_SIM_SUBMIT, EAGAIN},
    {TORC_SIM_OPEN_SPARE, EMFILE},
    {TORC_SIM_OPEN, EMFILE},
    {TORC_SIM_READ_FILE, EIO},
    {TORC_SIM_DUPLICATE, EMFILE},
};

void act_fault(void)
{
    const Fault *fault = &faults[below(sizeof(faults) / sizeof(faults[0]))];
    unsigned nth = 1 + below(4);
    TorcSim_failCall(world.sim, fault->call, nth, fault->error, 1 + below(3));
}

/* Not through the seam: it repeats what was interrupted, and EINPROGRESS and EAGAIN are no errors of
 * calls that do not wait. */
static bool is_possible(TorcSimCall call, int error)
{
    switch (error) {
    case EINTR: return call == TORC_SIM_RECV || call == TORC_SIM_SEND || call == TORC_SIM_CONNECT;
    case EINPROGRESS: return call == TORC_SIM_CONNECT;
    case EAGAIN: return call != TORC_SIM_SOCKET && call != TORC_SIM_CONNECT;
    default: return true;
    }
}

/* Whether Linux would say so or not. */
void act_any_fault(void)
{
    static const int errors[] = {EAGAIN,       EINTR,    ECONNRESET,    EPIPE,      ENOBUFS, ENOMEM,
                                 ECONNABORTED, EMFILE,   EADDRINUSE,    ETIMEDOUT,  EIO,     EACCES,
                                 ECONNREFUSED, ENETDOWN, EADDRNOTAVAIL, EINPROGRESS};
    TorcSimCall call = (TorcSimCall)below(TORC_SIM_WAIT);
    int error = errors[below(sizeof(errors) / sizeof(errors[0]))];
    unsigned nth = 1 + below(4);
    TorcSim_failCall(world.sim, call, nth, is_possible(call, error) ? error : EIO, 1 + below(3));
}

/* ---- by chance ----------------------------------------------------------------------------- */

void act_chances(void)
{
    unsigned scale = below(4);
    TorcSim_setFaults(world.sim, TORC_SIM_FAULTS(.shortIO = 1000 * scale, .again = 200 * scale,
                                                 .interrupt = 200 * scale, .delay = 100 * scale,
                                                 .reset = 20 * scale, .noDescriptors = 200 * scale,
                                                 .noBuffers = 100 * scale, .noMemory = 100 * scale,
                                                 .unreachable = 300 * scale, .noName = 300 * scale,
                                                 .noThread = 500 * scale));
}

static const TorcSystemOps *sim_ops;
static TorcSystemOps ops;

/* SplitMix64: any seed is good, and the input is not used up by what the library does. */
static bool strikes(void)
{
    if (world.fault_rate == 0)
        return false;
    uint64_t z = world.chance += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    bool strikes = (z >> 16) % world.fault_rate == 0;
    calls_counts.faults += strikes;
    return strikes;
}

static int faulty_watch(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                        TorcWatchFunction *function, void *arg)
{
    return strikes() ? -ENOMEM : sim_ops->watch(system, watch, fd, interest, function, arg);
}

static int faulty_rewatch(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    return strikes() ? -ENOMEM : sim_ops->rewatch(system, watch, interest);
}

static int faulty_shutdown(TorcSystem *system, int fd, int how)
{
    return strikes() ? -ENOBUFS : sim_ops->shutdown(system, fd, how);
}

static int faulty_setsockopt(TorcSystem *system, int fd, int level, int name, const void *value,
                             socklen_t length)
{
    return strikes() ? -ENOPROTOOPT : sim_ops->setsockopt(system, fd, level, name, value, length);
}

static int faulty_getsockname(TorcSystem *system, int fd, struct sockaddr *ret_name,
                              socklen_t *length)
{
    return strikes() ? -ENOBUFS : sim_ops->getsockname(system, fd, ret_name, length);
}

static int faulty_openSpare(TorcSystem *system)
{
    return strikes() ? -EMFILE : sim_ops->openSpare(system);
}

static int faulty_submit(TorcSystem *system, TorcJob *job)
{
    return strikes() ? -EAGAIN : sim_ops->submit(system, job);
}

static int faulty_lookup(TorcSystem *system, const char *host, uint16_t port,
                         TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup)
{
    return strikes() ? -ENOMEM : sim_ops->lookup(system, host, port, function, arg, ret_lookup);
}

void begin_faults(void)
{
    TorcSystem *system = torc__sim_system(world.sim);
    unsigned rate = below(256);
    world.chance = rate;
    world.fault_rate = rate % 4 == 0 ? 3 + rate / 4 % 30 : 0;
    sim_ops = system->ops;
    ops = *system->ops;
    ops.watch = faulty_watch;
    ops.rewatch = faulty_rewatch;
    ops.shutdown = faulty_shutdown;
    ops.setsockopt = faulty_setsockopt;
    ops.getsockname = faulty_getsockname;
    ops.openSpare = faulty_openSpare;
    ops.submit = faulty_submit;
    ops.lookup = faulty_lookup;
    system->ops = &ops;
}

/* ---- memory -------------------------------------------------------------------------------- */

static void fail_allocations(unsigned number, bool for_ever)
{
    if (for_ever)
        fuzz_failAllocationsFrom((long)number);
    else
        fuzz_failAllocation((long)number);
}

/* In one execution of eight, often while its world is still being made. */
void begin_memory(void)
{
    unsigned choice = below(256);
    if (choice % 8 == 7)
        fail_allocations(below(80), choice & 8);
}

void act_fail_allocation(void)
{
    unsigned choice = below(256);
    fail_allocations(choice % 24, choice >= 240);
}

/* ---- the end ------------------------------------------------------------------------------- */

void end_faults(void)
{
    world.fault_rate = 0;
    fuzz_failAllocation(-1);
    calls_counts.faults += TorcSim_countFaults(world.sim, TORC_SIM_ANY_FAULT);
    TorcSim_stopFaults(world.sim);
}
