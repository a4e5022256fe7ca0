/* A service made of services.
 *
 * Thread: the reactor's. Owner: the parent holds a reference to each child, and a child points back
 * without one; the list is threaded through the children, so membership allocates nothing.
 * Invariant: slots of children may add and remove whatever they like, their own parent included, so
 * nobody walks the list by pointers of his own: a walk is known to the parent, which moves it on
 * when the child it stands at goes, and the base keeps the parent as long as one of its slots is on
 * the stack. */
#include <string.h>

#include "deferred_list.h"
#include "reactor_internal.h"
#include "service_internal.h"

typedef struct Walk {
    struct Walk *outer;
    TorcService *at; /* to be visited next; NULL: the end */
    bool backwards;
} Walk;

struct TorcMultiService {
    TorcService base;
    TorcService *first;
    TorcService *last;
    size_t count;
    Walk *walks;  /* on the stack, the innermost first */
    bool failing; /* a privileged start is being undone */
};

static TorcMultiService *multi_of(TorcService *self)
{
    return (TorcMultiService *)(void *)self;
}

/* ---- the list ------------------------------------------------------------------------------ */

static void append(TorcMultiService *parent, TorcService *child)
{
    TorcService_ref(child);
    child->parent = parent;
    child->previous = parent->last;
    *(parent->last ? &parent->last->next : &parent->first) = child;
    parent->last = child;
    parent->count++;
}

/* The parent's reference becomes the caller's. */
static void take_out(TorcMultiService *parent, TorcService *child)
{
    for (Walk *walk = parent->walks; walk; walk = walk->outer)
        if (walk->at == child)
            walk->at = walk->backwards ? child->previous : child->next;
    *(child->previous ? &child->previous->next : &parent->first) = child->next;
    *(child->next ? &child->next->previous : &parent->last) = child->previous;
    child->next = child->previous = NULL;
    child->parent = NULL;
    parent->count--;
}

static void begin_walk(TorcMultiService *parent, Walk *walk, bool backwards)
{
    *walk = (Walk){parent->walks, backwards ? parent->last : parent->first, backwards};
    parent->walks = walk;
}

static TorcService *step(Walk *walk)
{
    TorcService *child = walk->at;
    if (child)
        walk->at = walk->backwards ? child->previous : child->next;
    return child;
}

static void end_walk(TorcMultiService *parent, const Walk *walk)
{
    assert(parent->walks == walk);
    parent->walks = walk->outer;
}

/* ---- stopping ------------------------------------------------------------------------------ */

/* The ends that are waited for. */
typedef struct Ends {
    TorcDeferred **items;
    size_t count;
    size_t capacity;
    int error;
} Ends;

/* Takes the deferred over. */
static void add_end(Ends *ends, TorcDeferred *done)
{
    if (ends->count == ends->capacity) {
        size_t capacity = ends->capacity ? ends->capacity * 2 : 8;
        TorcDeferred **items = torc__realloc(ends->items, capacity * sizeof(*items));
        if (!items) {
            ends->error = -ENOMEM;
            TorcDeferred_detach(done); /* it goes on by itself */
            return;
        }
        ends->items = items;
        ends->capacity = capacity;
    }
    ends->items[ends->count++] = done;
}

static void stop_child(TorcService *child, Ends *ends)
{
    TorcDeferred *done;
    int r = torc__service_stop(child, &done);
    if (done)
        add_end(ends, done);
    if (r < 0)
        ends->error = r;
}

static void fail_for_memory(TorcResult *result, void *arg)
{
    (void)arg;
    TorcResult_fail(result, TORC_OPERATION_FAILED, -ENOMEM, NULL);
}

/* One deferred for all, which fails when an end could not be kept in mind. NULL when there is
 * nothing to wait for, or no memory even to say that there was none. */
static TorcDeferred *combine(const Ends *ends)
{
    bool failed = ends->error < 0;
    TorcDeferred *all = NULL;

    if (ends->count > 0) {
        all = torc_deferredList(ends->items, ends->count, 0);
        failed |= !all;
    }
    if (failed && !all)
        all = TorcDeferred_succeed(NULL, NULL);
    if (failed && all)
        (void)TorcDeferred_addBoth(all, fail_for_memory, NULL); /* there is room in a new one */
    return all;
}

/* All that are to be stopped, the last first, until the parent is started or stopped meanwhile. */
static TorcDeferred *stop_children(TorcMultiService *parent)
{
    bool privileged = parent->base.privileged;
    Ends ends = {0};
    Walk walk;
    TorcService *child;

    begin_walk(parent, &walk, true);
    while (parent->base.privileged == privileged && (child = step(&walk)) != NULL)
        stop_child(child, &ends);
    end_walk(parent, &walk);
    TorcDeferred *all = combine(&ends);
    torc__free(ends.items);
    return all;
}

static void multi_stopService(TorcService *self, TorcDeferred **ret_done)
{
    *ret_done = stop_children(multi_of(self));
}

/* ---- starting ------------------------------------------------------------------------------ */

/* Until one fails, or the parent is stopped, by which *wanted becomes false. */
static int start_children(TorcMultiService *parent, int (*start)(TorcService *child),
                          const bool *wanted)
{
    Walk walk;
    TorcService *child;
    int r = 0;

    begin_walk(parent, &walk, false);
    while (r == 0 && *wanted && (child = step(&walk)) != NULL)
        r = start(child);
    end_walk(parent, &walk);
    return r;
}

static int multi_privilegedStartService(TorcService *self)
{
    TorcMultiService *parent = multi_of(self);
    int r = start_children(parent, TorcService_privilegedStart, &self->privileged);
    if (r == 0 || !self->privileged)
        return r;
    parent->failing = true;
    torc__service_ending(self, stop_children(parent));
    parent->failing = false;
    return r;
}

/* When it fails the base calls stopService, because privilegedStartService had succeeded. */
static int multi_startService(TorcService *self)
{
    return start_children(multi_of(self), TorcService_start, &self->running);
}

/* ---- the class ----------------------------------------------------------------------------- */

static void multi_destroy(TorcService *self)
{
    TorcMultiService *parent = multi_of(self);
    while (parent->last) {
        TorcService *child = parent->last;
        take_out(parent, child);
        TorcService_unref(child);
    }
    torc__free(parent);
}

static const TorcServiceClass multi_class = {
    TORC_SERVICE_CLASS("multi"),        .privilegedStartService = multi_privilegedStartService,
    .startService = multi_startService, .stopService = multi_stopService,
    .destroy = multi_destroy,
};

TorcMultiService *TorcMultiService_new(void)
{
    TorcMultiService *parent = torc__zalloc(sizeof(*parent));
    if (!parent) {
        errno = ENOMEM;
        return NULL;
    }
    (void)TorcService_init(&parent->base, &multi_class);
    return parent;
}

TorcService *TorcMultiService_service(TorcMultiService *parent)
{
    return parent ? &parent->base : NULL;
}

TorcMultiService *TorcMultiService_unref(TorcMultiService *parent)
{
    TorcService_unref(TorcMultiService_service(parent));
    return NULL;
}

/* ---- children ------------------------------------------------------------------------------ */

static bool is_above(const TorcService *service, const TorcMultiService *parent)
{
    while (parent && &parent->base != service)
        parent = parent->base.parent;
    return parent != NULL;
}

static int check_new(const TorcMultiService *parent, const TorcService *child)
{
    if (child->parent)
        return -EBUSY;
    if (is_above(child, parent))
        return -ELOOP;
    return child->name && TorcMultiService_getServiceNamed(parent, child->name) ? -EEXIST : 0;
}

static int start_as_parent(const TorcMultiService *parent, TorcService *child)
{
    if (parent->failing)
        return 0;
    if (parent->base.running)
        return TorcService_start(child);
    return parent->base.privileged ? TorcService_privilegedStart(child) : 0;
}

int TorcMultiService_addService(TorcMultiService *parent, TorcService *child)
{
    TORC__REQUIRE(parent && child);
    int r = check_new(parent, child);
    if (r < 0)
        return r;
    TorcService_ref(&parent->base);
    append(parent, child);
    TorcService_ref(child);
    r = start_as_parent(parent, child);
    if (r < 0 && child->parent == parent) {
        take_out(parent, child);
        TorcService_unref(child);
    }
    TorcService_unref(child);
    TorcService_unref(&parent->base);
    return r;
}

int TorcMultiService_removeService(TorcMultiService *parent, TorcService *child,
                                   TorcDeferred **ret_done)
{
    TORC__REQUIRE(parent && child);
    if (child->parent != parent)
        return -ENOENT;
    take_out(parent, child);
    int r = TorcService_stop(child, ret_done);
    TorcService_unref(child);
    return r;
}

TorcService *TorcMultiService_getServiceNamed(const TorcMultiService *parent, const char *name)
{
    TorcService *child = parent && name ? parent->first : NULL;
    while (child && !(child->name && strcmp(child->name, name) == 0))
        child = child->next;
    return child;
}

TorcService *TorcMultiService_first(const TorcMultiService *parent)
{
    return parent ? parent->first : NULL;
}

size_t TorcMultiService_count(const TorcMultiService *parent)
{
    return parent ? parent->count : 0;
}
