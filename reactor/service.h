/* Services: parts of a program that are started and stopped together. (Twisted: IService, Service,
 * MultiService.)
 *
 *     TorcMultiService *application = TorcMultiService_new();
 *     TorcMultiService_addService(application, web);
 *     TorcMultiService_addService(application, clock);
 *     TorcService_runWith(TorcMultiService_service(application), reactor);
 *     int r = TorcReactor_run(reactor);
 *
 * A program's own embeds TorcService as its first member and fills in a class table:
 *
 *     typedef struct Spool {
 *         TorcService base;
 *         Disk *disk;
 *     } Spool;
 *
 *     static const TorcServiceClass spool_class = {
 *         TORC_SERVICE_CLASS("spool"),
 *         .startService = spool_startService,
 *         .stopService = spool_stopService,
 *         .destroy = spool_destroy,
 *     };
 *
 * A service is counted: whoever made it has one reference, and a parent holds one of each child. It
 * also stays as long as one of its slots is on the stack, and until the end that it left to wait
 * for has come. Any of the functions below may be called from inside a slot, for the service
 * itself, its parent and its sisters; what holds then is said there. Thread: the reactor's. */
#ifndef TORC_REACTOR_SERVICE_H
#define TORC_REACTOR_SERVICE_H

#include "api.h"
#include "deferred.h"
#include "reactor.h"

TORC_BEGIN_DECLS

typedef struct TorcService TorcService;
typedef struct TorcServiceClass TorcServiceClass;
typedef struct TorcMultiService TorcMultiService;

struct TorcServiceClass {
    /* Set by TORC_SERVICE_CLASS. */
    size_t size;
    const char *name; /* for logs, where the service has none of its own */

    /* What needs privileges (ports below 1024); comes before startService, perhaps long before.
     * NULL: nothing. 0; or a negative code: it has undone what it began, and the service is not
     * started. */
    int (*privilegedStartService)(TorcService *self);

    /* Begins. `running` is true already; when it was stopped from inside this slot, stopService has
     * been called and the result does not matter. NULL: nothing to do. 0; or a negative code: it
     * has undone what it began. The service is not running then, and if privilegedStartService had
     * succeeded stopService is called to end that. */
    int (*startService)(TorcService *self);

    /* Ends what was begun, perhaps by privilegedStartService alone. `running` is false already. The
     * deferred that it may leave in *ret_done (NULL otherwise) fires when the end has come; its
     * value is dropped. The service stays until then, and may be gone when the firing returns: fire
     * it last. Cancelling it means that nobody has the time to wait. startService, and after that
     * this slot, may be called again before it has fired; who stops the service then waits for the
     * former end too if nothing is left here. NULL: nothing to do. */
    void (*stopService)(TorcService *self, TorcDeferred **ret_done);

    /* The last reference is gone: frees the instance. It was stopped, has no parent, and its name
     * is gone too. NULL: it lives elsewhere. */
    void (*destroy)(TorcService *self);

    void (*reserved[4])(void);
};

/* First line of a class table. */
#define TORC_SERVICE_CLASS(name_) .size = sizeof(TorcServiceClass), .name = (name_)

/* To be read, not written. */
struct TorcService {
    const TorcServiceClass *cls;
    TorcMultiService *parent; /* NULL: none */
    char *name;               /* its own copy; NULL: none */
    TorcService *next;        /* among the children of its parent */
    TorcService *previous;
    struct TorcWaiters *waiters; /* for the end under way */
    unsigned references;
    unsigned ends;   /* under way: stopped, but the deferred of stopService has not fired */
    int error;       /* what the last start failed with: a negative code; else 0 */
    bool running;    /* from before startService until before stopService */
    bool privileged; /* the same, from before privilegedStartService on */
    void *reserved[2];
};

/* For a program's own: the class, one reference, and the rest zero. 0; -EINVAL; -TORC_ECLASS (a
 * table that does not fit this version of the library). */
TORC_API int TorcService_init(TorcService *service, const TorcServiceClass *cls);

/* ref returns its argument; unref takes NULL and returns NULL. A running service whose last
 * reference goes is stopped first. */
TORC_API TorcService *TorcService_ref(TorcService *service);
TORC_API TorcService *TorcService_unref(TorcService *service);

/* The name, unique among a parent's children; NULL takes it away. 0; -EINVAL; -EBUSY when it has a
 * parent; -ENOMEM. */
TORC_API int TorcService_setName(TorcService *service, const char *name);

/* privilegedStart does the first half, for programs that give up their privileges after it; start
 * does both, or the second half if the first was done. 0, also when it was done before, or when the
 * service was stopped from inside a slot; -EINVAL; or the code of a slot, which is also in `error`.
 */
TORC_API int TorcService_privilegedStart(TorcService *service);
TORC_API int TorcService_start(TorcService *service);

/* Stops it if it runs or was started with privileges. ret_done fires with NULL when the end has
 * come, or with the failure of that: at once when there is nothing to wait for, and together with
 * the end if that is under way. Cancelling it cancels what stopService left, unless the end was
 * under way before. Without ret_done a failure is logged as "service.stop-failed". 0; -EINVAL;
 * -ENOMEM: it was stopped all the same, and *ret_done is as it was. */
TORC_API int TorcService_stop(TorcService *service, TorcDeferred **ret_done);

/* Starts the service when the reactor runs, and stops it in the "before" phase of the shutdown,
 * which waits for its end; a second signal cancels that. Takes a reference until then. When it
 * cannot be started "service.start-failed" is logged and the reactor stopped; run() returns 0 as
 * after any stop, and `error` of the service says why. It holds for one run, from now to the next
 * shutdown, and when the reactor is freed before that the service is stopped too. 0; -EINVAL;
 * -TORC_ENOTRUNNING when the reactor is shutting down; -ENOMEM. */
TORC_API int TorcService_runWith(TorcService *service, TorcReactor *reactor);

/* ---- a service made of services ------------------------------------------------------------- */

/* NULL and ENOMEM. */
TORC_API TorcMultiService *TorcMultiService_new(void);

/* It as a service: to be started, stopped, named, added to another. NULL for NULL.
 *
 * Children start in the order in which they were added, and stop in the reverse. Starting: when one
 * fails those that run are stopped, and the start fails with its code. Stopping: none waits for
 * another, the end has come when it has for all; a child's failure is logged as
 * "service.stop-failed" and keeps nobody else from stopping. A child that is started or stopped by
 * itself is taken as it is. Starting and stopping look at each child when it is its turn: one
 * removed before has none, and when the parent is stopped while it starts, or started while it
 * stops, the later request wins. */
TORC_API TorcService *TorcMultiService_service(TorcMultiService *parent);

/* As TorcService_unref of it: takes NULL and returns NULL. */
TORC_API TorcMultiService *TorcMultiService_unref(TorcMultiService *parent);

/* Adds a child as the last, of which a reference is taken. To a running parent, also one that is
 * starting: the child is started; to one started with privileges alone: likewise.
 * 0; -EINVAL; -EBUSY (it has a parent); -ELOOP (it is the parent or above it); -EEXIST (a child of
 * that name; the search looks at each child); or the code of its start: then it was not added. */
TORC_API int TorcMultiService_addService(TorcMultiService *parent, TorcService *child);

/* Takes a child out, and stops it; ret_done and results as for TorcService_stop. The parent's
 * reference goes: to add the child to another, take one first. -ENOENT: it is no child. */
TORC_API int TorcMultiService_removeService(TorcMultiService *parent, TorcService *child,
                                            TorcDeferred **ret_done);

/* Borrowed; NULL when there is none. */
TORC_API TorcService *TorcMultiService_getServiceNamed(const TorcMultiService *parent,
                                                       const char *name);

/* The children: the first (`next` leads on), borrowed, and how many there are. */
TORC_API TorcService *TorcMultiService_first(const TorcMultiService *parent);
TORC_API size_t TorcMultiService_count(const TorcMultiService *parent);

/* ---- a looping call as a service ------------------------------------------------------------ */

/* Calls the function every `interval` seconds while it runs, for the first time in the turn after
 * the start (see TorcLoopingCall). A failure of the function ends the loop and is logged as
 * "timer-service.failed"; the service runs on, idle, until it is stopped. Stopping waits for what
 * the function waits for; started again meanwhile, it calls again when that is over. NULL and
 * errno: EINVAL, ENOMEM. (Twisted: TimerService.) */
TORC_API TorcService *TorcTimerService_new(TorcReactor *reactor, double interval,
                                           TorcDeferredFunction *function, void *arg);

TORC_END_DECLS

#endif
