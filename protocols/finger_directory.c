/* Finger directories: the root class, and counting.
 *
 * Reactor's thread. A directory is freed with its last reference; factories hold one. */
#include "finger_directory.h"

#include <assert.h>

#include "../reactor/reactor_internal.h"
#include "class_internal.h"
#include "finger_internal.h"

typedef TorcFingerDirectoryClass Class;

/* Subclasses embed both: a change of size breaks every program built against this soname. */
static_assert(sizeof(TorcFingerDirectory) == 3 * sizeof(void *) + 8, "part of the ABI");
static_assert(sizeof(Class) == 14 * sizeof(void *), "part of the ABI");

/* What class.c takes for granted. */
static_assert(offsetof(Class, parent) == offsetof(TorcClassHeader, parent) &&
                  offsetof(Class, name) == offsetof(TorcClassHeader, name),
              "every table begins with TorcClassHeader");

/* The root knows nobody. */
static int directory_lookup(TorcFingerDirectory *self, const TorcFingerQuery *query,
                            TorcFingerAnswer *answer)
{
    (void)self;
    TorcFingerText text = {0};
    if (query->user[0] == '\0')
        torc__finger_writeNobody(&text);
    else
        torc__finger_writeUnknown(&text, query->user);
    return torc__fingerAnswer_complete(answer, &text);
}

const TorcFingerDirectoryClass torc_finger_directory_class = {
    .class_size = sizeof(Class),
    .instance_size = sizeof(TorcFingerDirectory),
    .name = "finger-directory",
    .lookup = directory_lookup,
};

static int resolve(const Class *cls, const Class **ret_cls)
{
    static const TorcClassKind kind = {
        .root = &torc_finger_directory_class,
        .destroy_offset = offsetof(Class, destroy),
    };
    const void *resolved;
    int r = torc__class_resolve(&kind, cls, &resolved);
    if (r == 0)
        *ret_cls = resolved;
    return r;
}

TorcFingerDirectory *TorcFingerDirectory_new(const TorcFingerDirectoryClass *cls)
{
    int r = resolve(cls, &cls);
    TorcFingerDirectory *directory = r < 0 ? NULL : torc__zalloc(cls->instance_size);
    if (!directory) {
        errno = torc__class_errno(r < 0 ? r : -ENOMEM);
        return NULL;
    }
    directory->cls = cls;
    directory->references = 1;
    return directory;
}

TorcFingerDirectory *TorcFingerDirectory_ref(TorcFingerDirectory *directory)
{
    if (directory)
        directory->references++;
    return directory;
}

TorcFingerDirectory *TorcFingerDirectory_unref(TorcFingerDirectory *directory)
{
    if (!directory || --directory->references > 0)
        return NULL;
    for (const Class *cls = directory->cls; cls; cls = cls->parent)
        if (cls->destroy)
            cls->destroy(directory);
    torc__free(directory);
    return NULL;
}
