/* Descriptors: numbers for handles.
 *
 * A view owns its descriptors, each of which holds a reference to its handle. Numbers are given out
 * as POSIX does, the lowest free one first, but from 1,000,003 on, and on the next host from
 * 2,000,003: no system call and no other reactor can mistake one for its own. */
#include <string.h>

#include "sim_faults_internal.h"

SimDescriptor *torc__simView_find(SimView *view, int fd)
{
    if (fd < view->descriptor_base || fd - view->descriptor_base >= view->descriptor_limit)
        return NULL;
    return view->descriptors[fd - view->descriptor_base];
}

static void grow_descriptors(SimView *view)
{
    int limit = view->descriptor_limit ? view->descriptor_limit * 2 : 64;
    size_t size = sizeof(view->descriptors[0]);
    view->descriptors = torc__sim_realloc(view->descriptors, (size_t)limit * size);
    memset(view->descriptors + view->descriptor_limit, 0,
           (size_t)(limit - view->descriptor_limit) * size);
    view->descriptor_limit = limit;
}

/* The index of the lowest free number. */
static int lowest_free(SimView *view)
{
    int index = view->lowest_free;
    while (index < view->descriptor_limit && view->descriptors[index])
        index++;
    if (index >= view->descriptor_limit)
        grow_descriptors(view);
    view->lowest_free = index + 1;
    return index;
}

int torc__simDescriptor_add(SimView *view, SimHandle *handle)
{
    SimDescriptor *descriptor = torc__sim_alloc(sizeof(*descriptor));
    int index = lowest_free(view);
    *descriptor = (SimDescriptor){.view = view,
                                  .handle = torc__simHandle_ref(handle),
                                  .next = handle->descriptors,
                                  .fd = view->descriptor_base + index};
    handle->descriptors = descriptor;
    view->descriptors[index] = descriptor;
    view->open++;
    return descriptor->fd;
}

int torc__simDescriptor_open(SimView *view, const SimKind *kind, void *object)
{
    SimHandle *handle = torc__simHandle_new(kind, object);
    int fd = torc__simDescriptor_add(view, handle);
    torc__simHandle_unref(handle);
    return fd;
}

static void leave_handle(SimDescriptor *descriptor)
{
    SimDescriptor **link = &descriptor->handle->descriptors;
    while (*link != descriptor)
        link = &(*link)->next;
    *link = descriptor->next;
}

void torc__simDescriptor_close(SimDescriptor *descriptor)
{
    SimView *view = descriptor->view;
    SimHandle *handle = descriptor->handle;
    int index = descriptor->fd - view->descriptor_base;
    torc__simHold_drop(descriptor);
    leave_handle(descriptor);
    view->descriptors[index] = NULL;
    view->open--;
    if (index < view->lowest_free)
        view->lowest_free = index;
    torc__sim_release(descriptor);
    torc__simHandle_unref(handle);
}
