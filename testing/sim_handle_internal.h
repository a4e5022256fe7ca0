/* What descriptors stand for, and what travels over UNIX sockets. Not installed.
 *
 * A handle is what one socket, accept, pipe or open has made: POSIX's open file description, Linux's
 * struct file. It is counted, by its descriptors and by the messages it is passed with (SCM_RIGHTS),
 * and owns its object, which goes with the last of them. */
#ifndef TORC_TESTING_SIM_HANDLE_INTERNAL_H
#define TORC_TESTING_SIM_HANDLE_INTERNAL_H

#include "sim_socket_internal.h"

typedef struct SimDescriptor SimDescriptor;

/* ---- handles (sim_handle.c) ---------------------------------------------------------------- */

/* What can be done with every kind of object. */
typedef struct SimKind {
    const char *name;
    /* Whom to tell of news, NULL: nobody any more. NULL: it never has any. */
    void (*attach)(void *object, SimHandle *handle);
    void (*close)(void *object);         /* NULL: there is no object */
    unsigned (*readiness)(void *object); /* NULL: it cannot be watched */
    void (*stat)(const void *object, TorcFileStatus *ret_status);

    /* NULL for sockets, whose calls are their own. `unread` and `room` are the bytes that read would
     * give now, and write take. */
    size_t (*unread)(const void *object);
    size_t (*room)(const void *object);
    ssize_t (*read)(void *object, void *buffer, size_t size);
    ssize_t (*write)(void *object, const void *data, size_t length);
} SimKind;

extern const SimKind torc__sim_socketKind;
extern const SimKind torc__sim_pipeReader;
extern const SimKind torc__sim_pipeWriter;
extern const SimKind torc__sim_spare;
extern const SimKind torc__sim_fileKind; /* sim_file_calls.c */

struct SimHandle {
    const SimKind *kind;
    void *object;
    SimSocket *socket;          /* the object, if it is one; else NULL */
    SimDescriptor *descriptors; /* each has a watch of its own */
    unsigned references;        /* its descriptors, in_flight, and who holds it for a moment */
    unsigned in_flight;         /* messages it is passed with */
    bool reached;               /* by the collector (sim_passed.c) */
    SimHandle *next_found;      /* likewise */
    bool blocking;              /* what was asked for */
};

/* With one reference, the caller's. */
SimHandle *torc__simHandle_new(const SimKind *kind, void *object);
SimHandle *torc__simHandle_ref(SimHandle *handle);
void torc__simHandle_unref(SimHandle *handle);

/* The handle of a socket; NULL: it belongs to a peer of the test, to a queue, or to nobody. */
const SimHandle *torc__simHandle_of(const SimSocket *socket);

/* ---- handles on their way (sim_passed.c) --------------------------------------------------- */

/* A handle in the input of a UNIX socket, for which it counts as in flight. */
struct SimPassed {
    SimHandle *handle;
    SimSocket *to;
    SimPassed *next; /* of all in the world, newest first */
    SimPassed **link;
};

/* Takes a reference of its own. */
SimPassed *torc__simPassed_new(SimSocket *to, SimHandle *handle);

/* It has arrived: the reference is the caller's now. */
SimHandle *torc__simPassed_take(SimPassed *passed);

/* It never arrives; the reference is given up by the next bury. */
void torc__simPassed_doom(SimPassed *passed);

/* Gives up the references of all that is doomed, which closes what nobody else holds: the last thing
 * to do with a socket. */
void torc__simPassed_bury(SimKernel *kernel);

/* Dooms and buries what no descriptor leads to any more (unix_gc). */
void torc__simPassed_collect(SimKernel *kernel);

#endif
