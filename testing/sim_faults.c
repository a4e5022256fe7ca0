/* What goes wrong in a simulated world: rules, chances, and sockets that are held back.
 *
 * One SimFaults belongs to the kernel and serves all its views; sim_judge.c asks it about each call. Decisions use integers and the kernel's generator alone, and
 * draw from it only where a chance was set, so that a run without faults is the same as if there
 * were none of this. Invariant: armed[call] says what there is for a call. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "sim_faults_internal.h"
#include "sim_internal.h"
#include "sim_network_internal.h"
#include "sim_trace_internal.h"

enum { ALL_PARTS = 10000 };

static const double default_longest_delay = 0.1;

struct SimRule {
    SimRule *next;
    unsigned number;
    TorcSimCall call;
    const TorcSimHost *host;
    uint16_t port;
    unsigned skip; /* calls that it still leaves alone */
    unsigned times;
    bool forever;
    SimVerdict verdict;
};

/* ---- what can happen to what --------------------------------------------------------------- */

/* bit[kind] of calls[call]: it can happen by chance. setsockopt is not among them: no option that is
 * set here takes memory on Linux, and without SO_LINGER a reset would look like an end in order. */
#define CAN(kind) (1u << TORC_SIM_##kind)

static const unsigned possible[TORC_SIM_CALLS] = {
    [TORC_SIM_SOCKET] = CAN(NO_DESCRIPTORS) | CAN(NO_BUFFERS),
    [TORC_SIM_ACCEPT] = CAN(AGAIN) | CAN(DELAY) | CAN(NO_DESCRIPTORS) | CAN(NO_BUFFERS),
    [TORC_SIM_CONNECT] = CAN(INTERRUPT) | CAN(DELAY) | CAN(UNREACHABLE),
    [TORC_SIM_RECV] = CAN(SHORT_IO) | CAN(AGAIN) | CAN(INTERRUPT) | CAN(DELAY) | CAN(RESET),
    [TORC_SIM_SEND] =
        CAN(SHORT_IO) | CAN(AGAIN) | CAN(INTERRUPT) | CAN(DELAY) | CAN(RESET) | CAN(NO_BUFFERS),
    [TORC_SIM_WATCH] = CAN(NO_MEMORY),
    [TORC_SIM_LOOKUP] = CAN(DELAY) | CAN(NO_NAME),
    [TORC_SIM_SUBMIT] = CAN(DELAY) | CAN(NO_THREAD),
    [TORC_SIM_OPEN_SPARE] = CAN(NO_DESCRIPTORS),
    [TORC_SIM_OPEN] = CAN(NO_DESCRIPTORS),
    [TORC_SIM_DUPLICATE] = CAN(NO_DESCRIPTORS),
    [TORC_SIM_TAKE_DESCRIPTOR] = CAN(NO_DESCRIPTORS),
};

static bool can(TorcSimCall call, TorcSimFaultKind kind)
{
    return possible[call] & (1u << kind);
}

static TorcSimFaultKind kind_of_error(int error)
{
    switch (error) {
    case EAGAIN: return TORC_SIM_AGAIN;
    case EINTR: return TORC_SIM_INTERRUPT;
    case EMFILE:
    case ENFILE: return TORC_SIM_NO_DESCRIPTORS;
    case ENOBUFS: return TORC_SIM_NO_BUFFERS;
    case ENOMEM: return TORC_SIM_NO_MEMORY;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case EADDRNOTAVAIL: return TORC_SIM_UNREACHABLE;
    case TORC_ELOOKUP: return TORC_SIM_NO_NAME;
    default: return TORC_SIM_OTHER_ERROR;
    }
}

/* ---- life ---------------------------------------------------------------------------------- */

SimFaults *torc__simFaults_new(void)
{
    return torc__sim_alloc(sizeof(SimFaults));
}

static void remove_rules(SimFaults *faults)
{
    while (faults->rules) {
        SimRule *rule = faults->rules;
        faults->rules = rule->next;
        torc__sim_release(rule);
    }
}

void torc__simFaults_free(SimFaults *faults)
{
    assert(!faults->holds);
    remove_rules(faults);
    torc__sim_release(faults);
}

static void arm(SimFaults *faults)
{
    memset(faults->armed, 0, sizeof(faults->armed));
    for (const SimRule *rule = faults->rules; rule; rule = rule->next)
        faults->armed[rule->call] |= SIM_BY_RULE;
    for (unsigned call = 0; call < TORC_SIM_CALLS; call++)
        for (unsigned kind = 1; kind < TORC_SIM_FAULT_KINDS; kind++)
            if (can((TorcSimCall)call, (TorcSimFaultKind)kind) && faults->chances[kind] > 0)
                faults->armed[call] |= SIM_BY_CHANCE;
}

/* ---- rules --------------------------------------------------------------------------------- */

static bool moves_bytes(TorcSimCall call)
{
    return call == TORC_SIM_RECV || call == TORC_SIM_SEND;
}

static bool moves_file_bytes(TorcSimCall call)
{
    return call == TORC_SIM_READ_FILE || call == TORC_SIM_WRITE_FILE;
}

static SimVerdict verdict_of(const TorcSimFault *fault)
{
    int given = (fault->error != 0) + (fault->limit > 0) + (fault->delay != 0) + fault->reset;
    torc__sim_require(given == 1,
                      "TorcSim_addFault: a fault has one of error, limit, delay and reset");
    torc__sim_require(fault->error >= 0, "TorcSim_addFault: the error is an errno value, positive");
    torc__sim_require(fault->limit == 0 || moves_bytes(fault->call) ||
                          moves_file_bytes(fault->call),
                      "TorcSim_addFault: a limit is for recv and send, and for files");
    torc__sim_require(!fault->reset || moves_bytes(fault->call),
                      "TorcSim_addFault: a reset is for recv and send");
    torc__sim_require(
        fault->delay == 0 || can(fault->call, TORC_SIM_DELAY),
        "TorcSim_addFault: a delay is for accept, connect, recv, send, look-ups and jobs");
    if (fault->error > 0)
        return (SimVerdict){.kind = kind_of_error(fault->error), .error = fault->error};
    if (fault->limit > 0)
        return (SimVerdict){.kind = TORC_SIM_SHORT_IO, .limit = fault->limit};
    if (fault->reset)
        return (SimVerdict){.kind = TORC_SIM_RESET};
    return (SimVerdict){.kind = TORC_SIM_DELAY, .delay = torc__sim_duration(fault->delay)};
}

static SimRule *new_rule(const TorcSimFault *fault)
{
    SimRule *rule = torc__sim_alloc(sizeof(*rule));
    *rule = (SimRule){.call = fault->call,
                      .host = fault->host,
                      .port = (uint16_t)fault->port,
                      .skip = fault->nth > 0 ? fault->nth - 1 : 0,
                      .times = fault->times,
                      .forever = fault->times == 0,
                      .verdict = verdict_of(fault)};
    return rule;
}

unsigned TorcSim_addFault(TorcSim *sim, const TorcSimFault *given)
{
    TorcSimFault fault;
    torc__sim_require(sim && given, "TorcSim_addFault: there is no simulation or no fault");
    torc__sim_require(torc__options_read(&fault, sizeof(fault), given) == 0,
                      "TorcSim_addFault: the fault must be written as TORC_SIM_FAULT(...)");
    torc__sim_require((unsigned)fault.call < TORC_SIM_CALLS,
                      "TorcSim_addFault: there is no such call");
    torc__sim_require(fault.port >= 0 && fault.port <= UINT16_MAX,
                      "TorcSim_addFault: no such port");

    SimFaults *faults = sim->kernel->faults;
    SimRule *rule = new_rule(&fault);
    rule->number = ++faults->last_number;
    SimRule **link = &faults->rules;
    while (*link)
        link = &(*link)->next;
    *link = rule;
    faults->armed[rule->call] |= SIM_BY_RULE;
    return rule->number;
}

static void remove_rule(SimFaults *faults, SimRule **link)
{
    SimRule *rule = *link;
    *link = rule->next;
    torc__sim_release(rule);
    arm(faults);
}

bool TorcSim_removeFault(TorcSim *sim, unsigned number)
{
    torc__sim_require(sim, "TorcSim_removeFault: there is no simulation");
    SimFaults *faults = sim->kernel->faults;
    SimRule **link = &faults->rules;
    while (*link && (*link)->number != number)
        link = &(*link)->next;
    if (!*link)
        return false;
    remove_rule(faults, link);
    return true;
}

void TorcSim_failCall(TorcSim *sim, TorcSimCall call, unsigned nth, int error, unsigned times)
{
    torc__sim_require(sim && (unsigned)call < TORC_SIM_CALLS,
                      "TorcSim_failCall: there is no simulation or no such call");
    torc__sim_require(error >= 0, "TorcSim_failCall: the error is an errno value, positive");
    unsigned *number = &sim->kernel->faults->fail_rules[call];
    (void)TorcSim_removeFault(sim, *number); /* it may have struck for the last time */
    *number = 0;
    if (error > 0)
        *number = TorcSim_addFault(
            sim, TORC_SIM_FAULT(.call = call, .nth = nth, .times = times, .error = error));
}

static bool is_for(const SimRule *rule, const SimView *view, TorcSimCall call, uint16_t port)
{
    return rule->call == call && (!rule->host || rule->host->view == view) &&
           (rule->port == 0 || rule->port == port);
}

/* Lets each rule for the call count it; the verdict of the oldest that is due. */
static SimVerdict judge_by_rule(const SimView *view, TorcSimCall call, uint16_t port)
{
    SimFaults *faults = view->kernel->faults;
    SimRule **due = NULL;
    for (SimRule **link = &faults->rules; *link; link = &(*link)->next) {
        SimRule *rule = *link;
        if (!is_for(rule, view, call, port))
            continue;
        if (rule->skip > 0)
            rule->skip--;
        else if (!due)
            due = link;
    }
    if (!due)
        return (SimVerdict){0};
    SimVerdict verdict = (*due)->verdict;
    if (!(*due)->forever && --(*due)->times == 0)
        remove_rule(faults, due);
    return verdict;
}

/* ---- chances ------------------------------------------------------------------------------- */

static void check_chances(const unsigned *chances)
{
    for (unsigned call = 0; call < TORC_SIM_CALLS; call++) {
        uint64_t sum = 0;
        for (unsigned kind = 1; kind < TORC_SIM_FAULT_KINDS; kind++)
            sum += can((TorcSimCall)call, (TorcSimFaultKind)kind) ? chances[kind] : 0;
        torc__sim_require(sum <= ALL_PARTS,
                          "TorcSim_setFaults: the chances for one call add up to more than 10,000");
    }
}

void TorcSim_setFaults(TorcSim *sim, const TorcSimFaults *given)
{
    TorcSimFaults read;
    torc__sim_require(sim, "TorcSim_setFaults: there is no simulation");
    torc__sim_require(torc__options_read(&read, sizeof(read), given) == 0,
                      "TorcSim_setFaults: the faults must be written as TORC_SIM_FAULTS(...)");
    const unsigned chances[TORC_SIM_FAULT_KINDS] = {
        [TORC_SIM_SHORT_IO] = read.shortIO,
        [TORC_SIM_AGAIN] = read.again,
        [TORC_SIM_INTERRUPT] = read.interrupt,
        [TORC_SIM_DELAY] = read.delay,
        [TORC_SIM_RESET] = read.reset,
        [TORC_SIM_NO_DESCRIPTORS] = read.noDescriptors,
        [TORC_SIM_NO_BUFFERS] = read.noBuffers,
        [TORC_SIM_NO_MEMORY] = read.noMemory,
        [TORC_SIM_UNREACHABLE] = read.unreachable,
        [TORC_SIM_NO_NAME] = read.noName,
        [TORC_SIM_NO_THREAD] = read.noThread,
    };
    check_chances(chances);
    SimFaults *faults = sim->kernel->faults;
    double longest = read.longestDelay != 0 ? read.longestDelay : default_longest_delay;
    faults->longest_delay = torc__sim_duration(longest);
    memcpy(faults->chances, chances, sizeof(chances));
    arm(faults);
}

static int one_of(SimKernel *kernel, const int *errors, unsigned count)
{
    return errors[torc__simKernel_random(kernel) % count];
}

#define ONE_OF(kernel, ...)                                                                        \
    one_of((kernel), (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static SimVerdict draw_verdict(SimKernel *kernel, TorcSimFaultKind kind)
{
    SimVerdict verdict = {.kind = kind};
    uint64_t longest = (uint64_t)kernel->faults->longest_delay;
    switch (kind) {
    case TORC_SIM_SHORT_IO: verdict.part = torc__simKernel_random(kernel); break;
    case TORC_SIM_DELAY:
        verdict.delay = (int64_t)(torc__simKernel_random(kernel) % (longest + 1));
        break;
    case TORC_SIM_AGAIN: verdict.error = EAGAIN; break;
    case TORC_SIM_INTERRUPT: verdict.error = EINTR; break;
    case TORC_SIM_NO_DESCRIPTORS: verdict.error = ONE_OF(kernel, EMFILE, ENFILE); break;
    case TORC_SIM_NO_BUFFERS: verdict.error = ONE_OF(kernel, ENOBUFS, ENOMEM); break;
    case TORC_SIM_NO_MEMORY: verdict.error = ENOMEM; break;
    case TORC_SIM_UNREACHABLE:
        verdict.error = ONE_OF(kernel, ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL);
        break;
    case TORC_SIM_NO_NAME: verdict.error = TORC_ELOOKUP; break;
    case TORC_SIM_NO_THREAD: verdict.error = EAGAIN; break;
    default: break;
    }
    return verdict;
}

static SimVerdict judge_by_chance(SimKernel *kernel, TorcSimCall call)
{
    const unsigned *chances = kernel->faults->chances;
    unsigned roll = (unsigned)(torc__simKernel_random(kernel) % ALL_PARTS);
    for (unsigned kind = 1; kind < TORC_SIM_FAULT_KINDS; kind++) {
        if (!can(call, (TorcSimFaultKind)kind))
            continue;
        if (roll < chances[kind])
            return draw_verdict(kernel, (TorcSimFaultKind)kind);
        roll -= chances[kind];
    }
    return (SimVerdict){0};
}

/* ---- judging ------------------------------------------------------------------------------- */

/* Who makes any other call repeats it until no signal comes between (system_internal.h). */
static bool lets_signals_through(TorcSimCall call)
{
    return call == TORC_SIM_RECV || call == TORC_SIM_SEND || call == TORC_SIM_CONNECT ||
           call == TORC_SIM_WAIT;
}

void torc__simFaults_count(SimFaults *faults, TorcSimFaultKind kind)
{
    faults->counts[kind]++;
    faults->counts[TORC_SIM_ANY_FAULT]++;
}

SimVerdict torc__simFaults_judge(const SimView *view, TorcSimCall call, uint16_t port)
{
    SimFaults *faults = view->kernel->faults;
    SimVerdict verdict = {0};
    unsigned armed = faults->armed[call];
    if (armed & SIM_BY_RULE)
        verdict = judge_by_rule(view, call, port);
    if (verdict.kind == TORC_SIM_ANY_FAULT && armed & SIM_BY_CHANCE)
        verdict = judge_by_chance(view->kernel, call);
    if (verdict.kind != TORC_SIM_INTERRUPT || lets_signals_through(call))
        return verdict;
    torc__simFaults_count(faults, TORC_SIM_INTERRUPT);
    return (SimVerdict){0};
}

uint64_t TorcSim_countFaults(TorcSim *sim, TorcSimFaultKind kind)
{
    torc__sim_require(sim && (unsigned)kind < TORC_SIM_FAULT_KINDS,
                      "TorcSim_countFaults: there is no simulation or no such kind of fault");
    return sim->kernel->faults->counts[kind];
}

/* ---- holds --------------------------------------------------------------------------------- */

static size_t place_of(unsigned direction)
{
    return direction == TORC_READABLE ? 0 : 1;
}

static void free_hold(SimHold *hold)
{
    SimDescriptor *descriptor = hold->descriptor;
    torc__simKernel_cancel(descriptor->view->kernel, &hold->over);
    *hold->link = hold->next;
    if (hold->next)
        hold->next->link = hold->link;
    descriptor->held &= ~hold->direction;
    descriptor->holds[place_of(hold->direction)] = NULL;
    torc__sim_release(hold);
}

static void hold_over(SimEvent *event)
{
    SimHold *hold = SIM_CONTAINER(event, SimHold, over);
    SimDescriptor *descriptor = hold->descriptor;
    unsigned direction = hold->direction;
    free_hold(hold);
    descriptor->exempt |= direction;
    torc__simWatch_trigger(descriptor, SIM_ANYTHING);
}

void torc__simHold_start(SimDescriptor *descriptor, unsigned direction, int64_t delay)
{
    SimKernel *kernel = descriptor->view->kernel;
    SimFaults *faults = kernel->faults;
    SimHold *hold = torc__sim_alloc(sizeof(*hold));
    *hold = (SimHold){.over = {.fire = hold_over, .name = "delay over"},
                      .descriptor = descriptor,
                      .direction = direction,
                      .next = faults->holds,
                      .link = &faults->holds};
    if (hold->next)
        hold->next->link = &hold->next;
    faults->holds = hold;
    descriptor->held |= direction;
    descriptor->holds[place_of(direction)] = hold;
    torc__simKernel_schedule(kernel, &hold->over, delay);
}

void torc__simHold_drop(SimDescriptor *descriptor)
{
    for (size_t i = 0; i < 2; i++)
        if (descriptor->holds[i])
            free_hold(descriptor->holds[i]);
}

void TorcSim_stopFaults(TorcSim *sim)
{
    torc__sim_require(sim, "TorcSim_stopFaults: there is no simulation");
    SimFaults *faults = sim->kernel->faults;
    remove_rules(faults);
    memset(faults->chances, 0, sizeof(faults->chances));
    memset(faults->fail_rules, 0, sizeof(faults->fail_rules));
    arm(faults);
    while (faults->holds)
        hold_over(&faults->holds->over);
}
