/* Several deferreds at once: all of them, all unless one fails, or the first.
 *
 * Thread: the reactor's. Owner: one block of memory per combination, which belongs to the children
 * that have not finished and to the deferred or the value it fired with, and goes with the last of
 * them. Invariant:
 * `deferred` is the combination until it has fired or was cancelled, then NULL, and results that
 * come afterwards are freed. */
#include "deferred_list.h"

#include <stdio.h>
#include <string.h>

#include "deferred_internal.h"
#include "reactor_internal.h"

/* Besides the public flags: race. */
enum {
    PUBLIC_FLAGS = TORC_LIST_FIRE_ON_ONE_CALLBACK | TORC_LIST_FIRE_ON_ONE_ERRBACK,
    CANCEL_OTHERS = 1 << 2
};

typedef struct Combination Combination;

typedef struct Child {
    Combination *all;
    TorcDeferred *deferred; /* ours; NULL when it has finished */
} Child;

struct Combination {
    /* First, so that the value's address is the block's. */
    union {
        TorcResultList list;
        TorcIndexedResult first;
    } value;
    TorcDeferred *deferred;
    size_t count;
    size_t left;  /* children whose result is not there */
    size_t users; /* unfinished children, the deferred or then its value, functions on the stack */
    unsigned flags;
    TorcResult *results; /* behind the children */
    Child children[];
};

static void clear_results(Combination *all)
{
    for (size_t i = 0; i < all->count; i++)
        TorcResult_clear(&all->results[i]);
}

static void disown(Combination *all)
{
    if (--all->users > 0)
        return;
    clear_results(all);
    torc__free(all);
}

/* ---- the outcome --------------------------------------------------------------------------- */

static void free_list(void *value)
{
    clear_results(value);
    disown(value);
}

static void free_first(void *value)
{
    Combination *all = value;
    TorcResult_clear(&all->value.first.result);
    disown(all);
}

/* The block's share that was the deferred's is its value's from now on. */
static TorcDeferred *take_deferred(Combination *all)
{
    TorcDeferred *deferred = all->deferred;
    all->deferred = NULL;
    return deferred;
}

static void fire_list(Combination *all)
{
    all->value.list = (TorcResultList){all->count, all->results};
    (void)TorcDeferred_callback(take_deferred(all), all, free_list);
}

static void cancel_children(Combination *all)
{
    for (size_t i = 0; i < all->count; i++)
        TorcDeferred_cancel(all->children[i].deferred);
}

/* The others are told before anybody acts on the result. */
static void fire_first(Combination *all, size_t index)
{
    TorcDeferred *deferred = take_deferred(all);

    all->value.first = (TorcIndexedResult){index, all->results[index]};
    all->results[index] = (TorcResult){0};
    clear_results(all);
    if (all->flags & CANCEL_OTHERS)
        cancel_children(all);
    (void)TorcDeferred_callback(deferred, all, free_first);
}

static void fail(Combination *all, const TorcReason *reason)
{
    TorcDeferred *deferred = take_deferred(all);
    TorcReason *kept = TorcReason_ref(reason);

    clear_results(all);
    (void)TorcDeferred_errback(deferred, kept);
    TorcReason_unref(kept);
    disown(all);
}

/* "one; another; …". NULL when out of memory. */
static char *all_texts(const Combination *all)
{
    size_t size = 1;
    for (size_t i = 0; i < all->count; i++)
        size += strlen("; ") + strlen(TorcReason_text(all->results[i].reason));
    char *texts = torc__malloc(size);
    char *end = texts;
    for (size_t i = 0; texts && i < all->count; i++)
        end += snprintf(end, size - (size_t)(end - texts), "%s%s", i > 0 ? "; " : "",
                        TorcReason_text(all->results[i].reason));
    return texts;
}

static void fail_with_all(Combination *all, int code)
{
    char *texts = all_texts(all);
    TorcReason *reason = TorcReason_new(TORC_OPERATION_FAILED, code, texts ? "%s" : NULL, texts);

    torc__free(texts);
    fail(all, reason);
    TorcReason_unref(reason);
}

/* ---- children ------------------------------------------------------------------------------ */

static void child_result(Combination *all, size_t index, TorcResult *result)
{
    TorcReason *reason = result->reason;

    all->results[index] = *result;
    *result = (TorcResult){0};
    all->left--;
    if (!reason && all->flags & TORC_LIST_FIRE_ON_ONE_CALLBACK)
        fire_first(all, index);
    else if (reason && all->flags & TORC_LIST_FIRE_ON_ONE_ERRBACK)
        fail(all, reason);
    else if (all->left == 0 && all->flags & TORC_LIST_FIRE_ON_ONE_CALLBACK)
        fail_with_all(all, TorcReason_code(reason));
    else if (all->left == 0)
        fire_list(all);
}

/* Called exactly once for each child: as its last step, or because that step cannot be added; then
 * the release cancels it. */
static void child_finished(TorcResult *result, void *arg)
{
    Child *child = arg;
    Combination *all = child->all;

    child->deferred = TorcDeferred_release(child->deferred);
    if (all->deferred)
        child_result(all, (size_t)(child - all->children), result);
    else
        TorcResult_clear(result);
    disown(all);
}

/* ---- making one ---------------------------------------------------------------------------- */

static void forget_deferred(Combination *all)
{
    if (!all->deferred)
        return;
    all->deferred = NULL;
    disown(all);
}

/* Of what races only one result matters, and nobody waits for that any more. */
static void cancel_all(TorcDeferred *deferred, void *arg)
{
    Combination *all = arg;

    (void)deferred;
    all->users++;
    if (all->flags & TORC_LIST_FIRE_ON_ONE_CALLBACK)
        forget_deferred(all);
    cancel_children(all);
    forget_deferred(all);
    disown(all);
}

static Combination *new_combination(size_t count, unsigned flags)
{
    size_t each = sizeof(Child) + sizeof(TorcResult);
    bool fits = count <= (SIZE_MAX - sizeof(Combination)) / each;
    Combination *all = fits ? torc__zalloc(sizeof(*all) + count * each) : NULL;
    if (!all)
        return NULL;
    all->deferred = TorcDeferred_new(cancel_all, all);
    if (!all->deferred) {
        torc__free(all);
        return NULL;
    }
    all->count = all->left = count;
    all->users = count + 1;
    all->flags = flags;
    all->results = (TorcResult *)(void *)&all->children[count];
    return all;
}

static TorcDeferred *refuse(TorcDeferred *const *deferreds, size_t count, int error)
{
    for (size_t i = 0; deferreds && i < count; i++)
        TorcDeferred_release(deferreds[i]);
    errno = error;
    return NULL;
}

/* A child may have fired already, and that may be the end of the others: all are ours before the
 * first is looked at. The block is there as long as one is left to look at. */
static TorcDeferred *combine(TorcDeferred *const *deferreds, size_t count, unsigned flags)
{
    if (count > 0 && !deferreds)
        return refuse(NULL, 0, EINVAL);
    Combination *all = new_combination(count, flags);
    if (!all)
        return refuse(deferreds, count, ENOMEM);

    TorcDeferred *combined = all->deferred;
    for (size_t i = 0; i < count; i++)
        all->children[i] = (Child){all, deferreds[i]};
    for (size_t i = 0; i < count; i++) {
        Child *child = &all->children[i];
        if (child->deferred)
            (void)TorcDeferred_addBoth(child->deferred, child_finished, child);
        else
            torc__deferred_refuse(child_finished, child, -ENOMEM);
    }
    if (count == 0 && !(flags & TORC_LIST_FIRE_ON_ONE_CALLBACK))
        fire_list(all);
    return combined;
}

TorcDeferred *torc_deferredList(TorcDeferred *const *deferreds, size_t count, unsigned flags)
{
    if (flags & ~(unsigned)PUBLIC_FLAGS)
        return refuse(deferreds, count, EINVAL);
    return combine(deferreds, count, flags);
}

TorcDeferred *torc_gatherResults(TorcDeferred *const *deferreds, size_t count)
{
    return combine(deferreds, count, TORC_LIST_FIRE_ON_ONE_ERRBACK);
}

TorcDeferred *torc_race(TorcDeferred *const *deferreds, size_t count)
{
    return combine(deferreds, count, TORC_LIST_FIRE_ON_ONE_CALLBACK | CANCEL_OTHERS);
}
