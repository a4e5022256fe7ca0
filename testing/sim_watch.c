/* Watches and waiting, as epoll and poll have them below libevent.
 *
 * By edge: an event that a watch is interested in puts its descriptor on a list; the next wait
 * asks each listed descriptor for its whole state, as epoll_wait does, calls the watch with what
 * it is interested in, and takes it off the list. By level: each wait asks every descriptor
 * that is watched so.
 *
 * A wait takes a snapshot first and calls in the order of descriptors, or in one that the seed
 * decides, so that a run can be repeated. A watch that a call before it stops or changes is not called: its serial number is
 * another one then. Virtual time moves here and nowhere else: to the earlier of the deadline and
 * the next event of the kernel, when there is nothing to deliver. Where several reactors share the
 * world, the others are turned from here until they have nothing to do either. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "sim_network_internal.h"
#include "sim_trace_internal.h"
#include "sim_view_internal.h"

/* Waits in a row in which neither time nor a byte moved: more than any program needs for what it
 * does at one moment, and a few seconds for one that spins. */
static const uint64_t patience = 1000000;

/* What a TorcWatch holds. */
struct SimWatch {
    SimDescriptor *descriptor; /* NULL: stopped */
    TorcWatchFunction *function;
    void *arg;
    unsigned interest;
    uint64_t serial; /* a new one at each start and change */
};

static_assert(sizeof(struct SimWatch) <= TORC_WATCH_SIZE, "a watch is embedded in a TorcWatch");

static SimWatch *contents(TorcWatch *watch)
{
    return (SimWatch *)(void *)watch->opaque;
}

/* ---- edges --------------------------------------------------------------------------------- */

static void put_on_list(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    if (descriptor->triggered)
        return;
    if (view->triggered_count == view->triggered_capacity) {
        view->triggered_capacity = view->triggered_capacity ? view->triggered_capacity * 2 : 64;
        view->triggered =
            torc__sim_realloc(view->triggered, view->triggered_capacity * sizeof(*view->triggered));
    }
    view->triggered[view->triggered_count++] = descriptor;
    descriptor->triggered = true;
}

static void take_off_list(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    if (!descriptor->triggered)
        return;
    size_t i = 0;
    while (view->triggered[i] != descriptor)
        i++;
    view->triggered[i] = view->triggered[--view->triggered_count];
    descriptor->triggered = false;
}

/* ep_poll_callback: an event that nobody is interested in is lost. */
void torc__simWatch_trigger(SimDescriptor *descriptor, unsigned events)
{
    const SimWatch *watch = descriptor->watch;
    if (watch && watch->interest & TORC_EDGE && watch->interest & events)
        put_on_list(descriptor);
}

/* What a delay keeps from the watch: with the bytes, the end behind them. */
static unsigned hidden_by(unsigned held)
{
    return held & TORC_READABLE ? held | TORC_CLOSED : held;
}

/* What the watch would be called with now. */
static unsigned ready_now(const SimWatch *watch)
{
    unsigned ready = watch->interest & (TORC_READABLE | TORC_WRITABLE);
    if (watch->interest & TORC_EDGE)
        ready |= watch->interest & TORC_CLOSED;
    if (watch->descriptor->held)
        ready &= ~hidden_by(watch->descriptor->held);
    if (!ready)
        return 0;
    const SimHandle *handle = watch->descriptor->handle;
    unsigned state = handle->kind->readiness(handle->object);
    if (state & SIM_HANGUP && !(ready & state & TORC_CLOSED))
        state |= TORC_READABLE | TORC_WRITABLE;
    return ready & state;
}

/* ---- the three calls ----------------------------------------------------------------------- */

static void add_level(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    descriptor->level_next = view->levels;
    descriptor->level_link = &view->levels;
    if (view->levels)
        view->levels->level_link = &descriptor->level_next;
    view->levels = descriptor;
}

static void remove_level(SimDescriptor *descriptor)
{
    *descriptor->level_link = descriptor->level_next;
    if (descriptor->level_next)
        descriptor->level_next->level_link = descriptor->level_link;
}

static void forget_interest(SimWatch *watch)
{
    if (!(watch->interest & TORC_EDGE))
        remove_level(watch->descriptor);
    take_off_list(watch->descriptor);
}

/* EPOLL_CTL_ADD and _MOD: pending readiness is forgotten, and what is ready already is an edge. */
static void set_interest(SimWatch *watch, unsigned interest)
{
    SimDescriptor *descriptor = watch->descriptor;
    forget_interest(watch);
    watch->interest = interest;
    if (!(interest & TORC_EDGE))
        add_level(descriptor);
    watch->serial = ++descriptor->view->watch_serial;
    if (interest & TORC_EDGE && ready_now(watch))
        put_on_list(descriptor);
}

/* Edges were asked of a system that says it has none. */
static bool wrong_interest(const SimView *view, unsigned interest)
{
    return interest & TORC_EDGE && !view->system.edge;
}

int torc__simWatch_start(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                         TorcWatchFunction *function, void *arg)
{
    SimView *view = torc__simView_of(system);
    SimDescriptor *descriptor = torc__simView_find(view, fd);
    if (!descriptor)
        return -EBADF;
    if (!descriptor->handle->kind->readiness)
        return -EPERM; /* as epoll says of what cannot be waited for */
    if (descriptor->watch)
        return -EEXIST;
    if (wrong_interest(view, interest))
        return -EINVAL;
    int r = torc__simView_call(view, TORC_SIM_WATCH, NULL);
    if (r < 0)
        return r;
    SimWatch *own = contents(watch);
    *own = (SimWatch){
        .descriptor = descriptor, .function = function, .arg = arg, .interest = TORC_EDGE};
    descriptor->watch = own;
    set_interest(own, interest);
    return 0;
}

int torc__simWatch_change(TorcSystem *system, TorcWatch *watch, unsigned interest)
{
    SimWatch *own = contents(watch);
    if (!own->descriptor)
        return -ENOENT;
    if (wrong_interest(torc__simView_of(system), interest))
        return -EINVAL;
    int r = torc__simView_call(torc__simView_of(system), TORC_SIM_WATCH, NULL);
    if (r < 0)
        return r;
    set_interest(own, interest);
    return 0;
}

void torc__simWatch_stop(TorcSystem *system, TorcWatch *watch)
{
    (void)system;
    SimWatch *own = contents(watch);
    if (!own->descriptor)
        return;
    forget_interest(own);
    own->descriptor->watch = NULL;
    own->descriptor = NULL;
}

int torc__simWatch_descriptor(TorcWatch *watch)
{
    const SimWatch *own = contents(watch);
    return own->descriptor ? own->descriptor->fd : -1;
}

/* ---- the snapshot -------------------------------------------------------------------------- */

static size_t add_ready(SimView *view, size_t count, const SimWatch *watch)
{
    unsigned ready = ready_now(watch);
    if (ready == 0)
        return count;
    if (count == view->batch_capacity) {
        view->batch_capacity = view->batch_capacity ? view->batch_capacity * 2 : 64;
        view->batch = torc__sim_realloc(view->batch, view->batch_capacity * sizeof(*view->batch));
    }
    /* libevent leaves EV_ET in what it calls a function with, and so do we. */
    ready |= watch->interest & TORC_EDGE;
    view->batch[count] =
        (SimReady){.fd = watch->descriptor->fd, .serial = watch->serial, .ready = (short)ready};
    return count + 1;
}

static size_t collect_edges(SimView *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->triggered_count; i++) {
        view->triggered[i]->triggered = false;
        count = add_ready(view, count, view->triggered[i]->watch);
    }
    view->triggered_count = 0;
    return count;
}

static size_t collect_levels(SimView *view, size_t count)
{
    for (const SimDescriptor *one = view->levels; one; one = one->level_next)
        count = add_ready(view, count, one->watch);
    return count;
}

static int by_descriptor(const void *a, const void *b)
{
    return ((const SimReady *)a)->fd - ((const SimReady *)b)->fd;
}

/* Fisher and Yates. */
static void shuffle(SimView *view, size_t count)
{
    for (size_t left = count; left > 1; left--) {
        size_t i = (size_t)(torc__simKernel_random(view->kernel) % left);
        SimReady ready = view->batch[i];
        view->batch[i] = view->batch[left - 1];
        view->batch[left - 1] = ready;
    }
}

/* Sorted even if it is shuffled then: what it starts from must not depend on how it was found. */
static size_t take_snapshot(SimView *view)
{
    size_t count = collect_levels(view, collect_edges(view));
    if (count > 1)
        qsort(view->batch, count, sizeof(*view->batch), by_descriptor);
    if (view->kernel->shuffled)
        shuffle(view, count);
    return count;
}

/* Calls every watch that is ready; true when there was one. */
static bool deliver(SimView *view)
{
    size_t count = take_snapshot(view);
    for (size_t i = 0; i < count; i++) {
        SimReady ready = view->batch[i];
        const SimDescriptor *descriptor = torc__simView_find(view, ready.fd);
        const SimWatch *watch = descriptor ? descriptor->watch : NULL;
        if (!watch || watch->serial != ready.serial)
            continue;
        torc__simTrace_add(view->kernel->trace, SIM_LINE_READY, ready.fd, ready.ready & ~TORC_EDGE,
                           0, 0, NULL, 0);
        watch->function(ready.fd, ready.ready, watch->arg);
    }
    return count > 0;
}

static void deliver_signal(SimView *view, int signo)
{
    SimSignalHandler handler = view->handlers[signo];
    if (!handler.function)
        return; /* released by the one before */
    torc__simTrace_add(view->kernel->trace, SIM_LINE_SIGNAL, signo, 0, 0, 0, NULL, 0);
    handler.function(handler.arg, signo);
}

static void deliver_signals(SimView *view)
{
    unsigned count = view->signal_count;
    int signals[SIM_SIGNALS];
    memcpy(signals, view->signals, sizeof(signals));
    view->signal_count = 0;
    for (unsigned i = 0; i < count; i++)
        deliver_signal(view, signals[i]);
    view->happened |= count > 0;
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void count_spins(SimView *view)
{
    const SimKernel *kernel = view->kernel;
    if (view->seen_time != kernel->now || view->seen_activity != kernel->activity)
        view->spins = 0;
    view->seen_time = kernel->now;
    view->seen_activity = kernel->activity;
    if (++view->spins <= patience)
        return;
    torc__simTrace_sayEnd(kernel->trace, SIM_TOLD_LINES);
    torc__sim_fatal("the loop spins: it has turned a million times while no time passed and "
                    "no byte moved");
}

/* Each wait is a turn. */
static bool has_turns(SimView *view)
{
    if (view->turns_left == 0)
        return false;
    view->turns_left -= view->turns_left < UINT64_MAX;
    return true;
}

bool torc__simView_pending(SimView *view)
{
    bool pending = view->triggered_count > 0 || view->signal_count > 0 || view->answered ||
                   atomic_load(&view->woken);
    for (const SimDescriptor *one = view->levels; one && !pending; one = one->level_next)
        pending = ready_now(one->watch) != 0;
    return pending;
}

/* Does what is to be done at this moment; true when the wait is over. */
static bool look(SimView *view)
{
    bool woken = atomic_exchange(&view->woken, false);
    view->happened = false;
    torc__simKernel_runDue(view->kernel);
    torc__simLookups_deliver(view);
    deliver_signals(view);
    view->happened |= deliver(view);
    return view->happened || woken || atomic_exchange(&view->woken, false);
}

static bool turn_others(SimView *view)
{
    return view->sim && torc__simHosts_turnOthers(view->sim, view);
}

/* When something happens next, but not after the deadline. */
static int64_t next_time(const SimView *view, int64_t deadline)
{
    int64_t next = torc__simKernel_next(view->kernel);
    int64_t call = view->sim ? torc__simHosts_next(view->sim) : INT64_MAX;
    if (call < next)
        next = call;
    return next < deadline ? next : deadline;
}

static void pass_time(SimView *view, int64_t time)
{
    if (view->sim)
        torc__simHosts_pass(view->sim, time);
    else if (time > view->kernel->now)
        view->kernel->now = time;
}

int torc__simView_wait(TorcSystem *system, int64_t deadline)
{
    SimView *view = torc__simView_of(system);
    SimKernel *kernel = view->kernel;
    count_spins(view);
    if (!has_turns(view))
        return torc__simHost_giveUp(view->runs);
    int r = torc__simView_call(view, TORC_SIM_WAIT, NULL);
    if (r < 0)
        return r == -EINTR ? 0 : r; /* libevent takes a signal as the end of the wait */
    if (deadline > view->horizon)
        deadline = view->horizon;
    turn_others(view);
    while (!look(view) && kernel->now < deadline) {
        if (turn_others(view))
            continue;
        int64_t next = next_time(view, deadline);
        if (next == INT64_MAX)
            return view->runs ? torc__simHost_starve(view->runs) : -EDEADLK;
        pass_time(view, next);
        count_spins(view);
    }
    return 0;
}
