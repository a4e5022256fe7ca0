/* Calls of the simulated system that may go wrong: each is counted, put before sim_faults.c, and
 * what that says is brought about here or left to the call.
 *
 * A fault strikes, that is, it is traced and counted, only when it changes something. Whether a
 * short transfer, a reset or the delay of a connect does so shows when the call is made. */
#include <errno.h>
#include <string.h>

#include "sim_call_internal.h"
#include "sim_trace_internal.h"

static void trace_fault(const SimView *view, TorcSimCall what, int fd, const SimVerdict *verdict)
{
    static const char *const texts[TORC_SIM_FAULT_KINDS] = {
        [TORC_SIM_SHORT_IO] = "is cut short",
        [TORC_SIM_DELAY] = "is delayed, ns:",
        [TORC_SIM_RESET] = "finds a reset",
    };
    const char *text = texts[verdict->kind] ? texts[verdict->kind] : "is made to fail";
    torc__simTrace_add(view->kernel->trace, SIM_LINE_FAULT, fd, what, verdict->delay,
                       -verdict->error, text, strlen(text));
}

static void strike(const SimView *view, TorcSimCall what, int fd, const SimVerdict *verdict)
{
    torc__simFaults_count(view->kernel->faults, verdict->kind);
    trace_fault(view, what, fd, verdict);
}

static bool depends_on_the_call(TorcSimCall what, TorcSimFaultKind kind)
{
    return kind == TORC_SIM_SHORT_IO || kind == TORC_SIM_RESET ||
           (kind == TORC_SIM_DELAY && what == TORC_SIM_CONNECT);
}

/* Counts the call and says what is to go wrong with it. */
static SimVerdict judge(SimView *view, TorcSimCall what, int fd, uint16_t port)
{
    view->counts[what]++;
    if (!view->kernel->faults->armed[what])
        return (SimVerdict){0};
    SimVerdict verdict = torc__simFaults_judge(view, what, port);
    if (verdict.kind != TORC_SIM_ANY_FAULT && !depends_on_the_call(what, verdict.kind))
        strike(view, what, fd, &verdict);
    return verdict;
}

int torc__simView_call(SimView *view, TorcSimCall call, int64_t *ret_delay)
{
    SimVerdict verdict = judge(view, call, -1, 0);
    if (ret_delay)
        *ret_delay = verdict.delay;
    return -verdict.error;
}

/* ---- calls on descriptors ------------------------------------------------------------------ */

/* The descriptor of a socket: 0, -EBADF or -ENOTSOCK. */
static int find_socket(TorcSystem *system, int fd, SimDescriptor **ret_descriptor)
{
    SimDescriptor *descriptor = torc__simView_find(torc__simView_of(system), fd);
    if (!descriptor)
        return -EBADF;
    if (!descriptor->handle->socket)
        return -ENOTSOCK;
    *ret_descriptor = descriptor;
    return 0;
}

static SimCall call_on(SimDescriptor *descriptor, TorcSimCall what)
{
    return (SimCall){.descriptor = descriptor, .socket = descriptor->handle->socket, .what = what};
}

static SimVerdict judge_call(const SimCall *call)
{
    const SimDescriptor *descriptor = call->descriptor;
    uint16_t port = call->socket ? call->socket->local.port : 0;
    return judge(descriptor->view, call->what, descriptor->fd, port);
}

/* Who is told EAGAIN waits for the next edge, so there is one. */
static int invent_error(SimDescriptor *descriptor, int error)
{
    if (error == EAGAIN)
        torc__simWatch_trigger(descriptor, SIM_ANYTHING);
    return -error;
}

int torc__simCall_begin(TorcSystem *system, int fd, TorcSimCall what, SimCall *ret_call)
{
    SimDescriptor *descriptor;
    int r = find_socket(system, fd, &descriptor);
    if (r < 0)
        return r;
    *ret_call = call_on(descriptor, what);
    ret_call->verdict = judge_call(ret_call);
    return invent_error(descriptor, ret_call->verdict.error);
}

int torc__simCall_judgeAlso(const SimCall *call, TorcSimCall what)
{
    const SimCall also = call_on(call->descriptor, what);
    return invent_error(call->descriptor, judge_call(&also).error);
}

void torc__simCall_strike(const SimCall *call)
{
    const SimDescriptor *descriptor = call->descriptor;
    strike(descriptor->view, call->what, descriptor->fd, &call->verdict);
}

/* ---- calls that move bytes, or connections ------------------------------------------------- */

/* A delay is under way, or over: whoever looks is told that there is nothing (no room), and then the
 * one call that was delayed is let through. */
static int hold_back(SimDescriptor *descriptor, unsigned direction)
{
    descriptor->exempt &= ~direction;
    return descriptor->held & direction ? -EAGAIN : 0;
}

static void reset(const SimCall *call)
{
    SimSocket *socket = call->socket;
    if (!socket || !socket->protocol->sever || socket->state != SIM_CONNECTED)
        return;
    torc__simCall_strike(call);
    socket->protocol->sever(socket);
}

int torc__simCall_judgeTransfer(SimDescriptor *descriptor, TorcSimCall what, SimCall *ret_call)
{
    unsigned direction = what == TORC_SIM_SEND ? TORC_WRITABLE : TORC_READABLE;
    *ret_call = call_on(descriptor, what);
    if ((descriptor->held | descriptor->exempt) & direction) {
        descriptor->view->counts[what]++;
        return hold_back(descriptor, direction);
    }
    ret_call->verdict = judge_call(ret_call);
    if (ret_call->verdict.kind == TORC_SIM_RESET)
        reset(ret_call);
    if (ret_call->verdict.kind != TORC_SIM_DELAY)
        return invent_error(descriptor, ret_call->verdict.error);
    torc__simHold_start(descriptor, direction, ret_call->verdict.delay);
    return -EAGAIN;
}

int torc__simCall_beginTransfer(TorcSystem *system, int fd, TorcSimCall what, SimCall *ret_call)
{
    SimDescriptor *descriptor;
    int r = find_socket(system, fd, &descriptor);
    return r < 0 ? r : torc__simCall_judgeTransfer(descriptor, what, ret_call);
}

/* The size of chunks is for sockets and pipes. */
static size_t one_chunk(const SimDescriptor *descriptor, size_t size)
{
    size_t most = descriptor->view->chunk_size;
    bool cut = most > 0 && most < size && descriptor->handle->kind != &torc__sim_fileKind;
    return cut ? most : size;
}

size_t torc__simCall_limit(const SimCall *call, size_t size, size_t there)
{
    const SimVerdict *verdict = &call->verdict;
    size_t chunk = one_chunk(call->descriptor, size);
    size_t most = chunk < there ? chunk : there;
    if (verdict->kind != TORC_SIM_SHORT_IO || most <= 1)
        return chunk;
    size_t limit = verdict->limit ? verdict->limit : (size_t)(1 + verdict->part % (most - 1));
    if (limit >= most)
        return chunk;
    torc__simCall_strike(call);
    return limit;
}
