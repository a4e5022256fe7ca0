/* What one reactor sees of the simulated world: a TorcSystem with descriptors, watches, jobs,
 * look-ups, signals, and calls that fail on demand. Not installed.
 *
 * A view belongs to its host, and owns its descriptors. Thread: one, but for the view's wake. */
#ifndef TORC_TESTING_SIM_VIEW_INTERNAL_H
#define TORC_TESTING_SIM_VIEW_INTERNAL_H

#include <stdatomic.h>

#include "sim_handle_internal.h"
#include "sim_network.h"

/* ---- a reactor's view: descriptors (sim_descriptor.c) -------------------------------------- */

typedef struct SimView SimView;
typedef struct SimWatch SimWatch;
typedef struct SimHold SimHold;

struct SimDescriptor {
    SimView *view;
    SimHandle *handle;
    SimDescriptor *next; /* of those of the handle */
    SimWatch *watch;     /* NULL: not watched */
    int fd;
    bool triggered;  /* something happened since the watch was last called */
    unsigned held;   /* TORC_READABLE, TORC_WRITABLE: a delay is under way (sim_faults.c) */
    unsigned exempt; /* the same: the next call is the one that was delayed, and succeeds */
    SimHold *holds[2];
    SimDescriptor *level_next; /* of those watched without TORC_EDGE */
    SimDescriptor **level_link;
};

typedef struct SimPoolJob SimPoolJob;

/* What callInThread and its kin use: `most` workers, each of which takes `delay` for a job. */
typedef struct SimPool {
    SimPoolJob *running; /* oldest first */
    TorcJob *waiting_first;
    TorcJob *waiting_last;
    size_t waiting;
    unsigned busy;
    unsigned most;
    int64_t delay;
    int64_t delayed; /* how much longer the next job takes (a fault) */
    bool wake_when_done;
} SimPool;

typedef struct SimReady {
    int fd;
    uint64_t serial;
    short ready;
} SimReady;

/* One more than the highest number of a signal, which is Linux's. */
enum { SIM_SIGNALS = 65 };

/* Who catches a signal; NULL: nobody. */
typedef struct SimSignalHandler {
    TorcSignalFunction *function;
    void *arg;
} SimSignalHandler;

struct SimView {
    TorcSystem system; /* first: the two are converted into each other */
    SimKernel *kernel;
    SimHost *host;
    TorcSim *sim;        /* whose other reactors are turned while this one waits; NULL: none */
    int64_t horizon;     /* wait does not pass this time */
    uint64_t turns_left; /* of this run; UINT64_MAX: there is none, or it was given up */
    TorcSimHost *runs;   /* whose run that is; NULL: there is none */
    size_t chunk_size;   /* 0: no limit */

    SimDescriptor **descriptors; /* by number less descriptor_base */
    int descriptor_base;
    int descriptor_limit; /* entries there */
    int lowest_free;      /* no entry below it is free */
    size_t open;

    SimDescriptor **triggered; /* in no particular order */
    size_t triggered_count;
    size_t triggered_capacity;
    SimDescriptor *levels; /* watched without TORC_EDGE, in no particular order */
    SimReady *batch;
    size_t batch_capacity;
    SimBytes gathered; /* the pieces of a sendv */
    uint64_t watch_serial;

    _Atomic bool woken;
    bool happened;  /* a look-up or a signal was delivered in this wait */
    uint64_t spins; /* waits since time or bytes moved */
    int64_t seen_time;
    uint64_t seen_activity;

    SimSignalHandler handlers[SIM_SIGNALS];
    int signals[SIM_SIGNALS]; /* that wait for delivery, each at most once */
    unsigned signal_count;

    SimPool pool;
    TorcLookup *lookups;  /* under way, newest first */
    TorcLookup *answered; /* the answer is there, oldest first */
    int64_t lookup_delay;

    uint64_t counts[TORC_SIM_CALLS];
};

/* Gives an object a number, and owns it from now on. */
int torc__simDescriptor_open(SimView *view, const SimKind *kind, void *object);
/* One more number for a handle; takes a reference. */
int torc__simDescriptor_add(SimView *view, SimHandle *handle);
void torc__simDescriptor_close(SimDescriptor *descriptor);

static inline SimView *torc__simView_of(TorcSystem *system)
{
    return SIM_CONTAINER(system, SimView, system);
}

/* The open descriptor, or NULL. */
SimDescriptor *torc__simView_find(SimView *view, int fd);

/* ---- a reactor's view: calls (sim_calls.c) ------------------------------------------------- */

SimView *torc__simView_new(SimKernel *kernel, SimHost *host, bool edge, size_t chunk_size);

/* Counts a call that no descriptor has part in: 0, or the negative error it is to fail with. What it
 * is delayed by is returned if asked for (sim_judge.c). */
int torc__simView_call(SimView *view, TorcSimCall call, int64_t *ret_delay);

/* ---- watches and waiting (sim_watch.c) ----------------------------------------------------- */

int torc__simWatch_start(TorcSystem *system, TorcWatch *watch, int fd, unsigned interest,
                         TorcWatchFunction *function, void *arg);
int torc__simWatch_change(TorcSystem *system, TorcWatch *watch, unsigned interest);
void torc__simWatch_stop(TorcSystem *system, TorcWatch *watch);
int torc__simView_wait(TorcSystem *system, int64_t deadline);

/* The descriptor that is watched, -1 when the watch is stopped. */
int torc__simWatch_descriptor(TorcWatch *watch);

/* Something happened to the descriptor: an edge. */
void torc__simWatch_trigger(SimDescriptor *descriptor, unsigned events);

/* True when the next wait finds something to deliver without time passing. */
bool torc__simView_pending(SimView *view);

/* ---- jobs and look-ups (sim_jobs.c) -------------------------------------------------------- */

int torc__simJobs_submit(TorcSystem *system, TorcJob *job);
void torc__simJobs_setPoolSize(TorcSystem *system, unsigned most);
/* Calls those whose look-up has been answered. */
void torc__simLookups_deliver(SimView *view);

size_t torc__simJobs_count(TorcSystem *system, bool wake_when_done);
void torc__simJobs_state(TorcSystem *system, TorcPoolState *ret_state);
void torc__simJobs_end(TorcSystem *system);
int torc__simLookup_start(TorcSystem *system, const char *host, uint16_t port,
                          TorcLookupFunction *function, void *arg, TorcLookup **ret_lookup);
void torc__simLookup_cancel(TorcSystem *system, TorcLookup *lookup);
const char *torc__simLookup_host(const TorcLookup *lookup);
const TorcLookup *torc__simLookup_next(const TorcLookup *lookup);

#endif
