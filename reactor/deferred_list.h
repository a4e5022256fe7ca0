/* Several deferreds at once. (Twisted: DeferredList, gatherResults, race.)
 *
 *     TorcDeferred *asked[3] = {…};
 *     TorcDeferred *all = torc_gatherResults(asked, 3);
 *     TorcDeferred_addBoth(all, show_all, NULL);
 *
 *     static void show_all(TorcResult *result, void *arg)
 *     {
 *         const TorcResultList *answers = result->reason ? NULL : result->value;
 *         …
 *     }
 *
 * All of these take the deferreds over, also when they fail themselves (NULL and errno: EINVAL for
 * no array or an unknown flag, ENOMEM; the deferreds are released). The array itself is only read.
 * A NULL in it stands for a deferred that failed with -ENOMEM, so that constructors' results may be
 * handed on unchecked. Each of these makes one allocation besides its deferred, and none later.
 * The same deferred must not be in it twice, for it is given away by being in it once.
 *
 * A combination fires inside the last step of one of its deferreds. So combinations of combinations
 * take stack, some 200 bytes a level, where chains of steps that wait take none: nest ten thousand of
 * them, not a hundred thousand.
 *
 * Cancelling the combination cancels all that are not finished: a list then fires with what there
 * is, the others fail with TORC_OPERATION_CANCELLED (as does a list if one of them does not end at
 * once). Thread: the reactor's. */
#ifndef TORC_REACTOR_DEFERRED_LIST_H
#define TORC_REACTOR_DEFERRED_LIST_H

#include "api.h"
#include "deferred.h"

TORC_BEGIN_DECLS

/* The results in the order of the deferreds. It belongs to the deferred whose value it is; a value
 * may be taken out of it with TorcResult_take. */
typedef struct TorcResultList {
    size_t count;
    TorcResult *results;
} TorcResultList;

/* One result of several. Belongs to the deferred whose value it is. */
typedef struct TorcIndexedResult {
    size_t index;
    TorcResult result;
} TorcIndexedResult;

enum {
    /* The list fires with the first value: always a TorcIndexedResult, never a list. When all have
     * failed it fails as torc_race does. (Twisted: then it fires with a list.) */
    TORC_LIST_FIRE_ON_ONE_CALLBACK = 1 << 0,
    /* The list fails with the reason of the first failure. */
    TORC_LIST_FIRE_ON_ONE_ERRBACK = 1 << 1
};

/* Fires with a TorcResultList when all have fired; failures are in it and need no errback elsewhere
 * (Twisted's consumeErrors). With a flag it fires earlier; what comes after that is freed, but
 * nothing is cancelled. count 0: it has fired already, with an empty list (unless
 * FIRE_ON_ONE_CALLBACK is set: then it waits until it is cancelled). */
TORC_API TorcDeferred *torc_deferredList(TorcDeferred *const *deferreds, size_t count,
                                         unsigned flags);

/* As torc_deferredList with TORC_LIST_FIRE_ON_ONE_ERRBACK: a TorcResultList of nothing but values,
 * or the first failure. */
TORC_API TorcDeferred *torc_gatherResults(TorcDeferred *const *deferreds, size_t count);

/* The first that succeeds: cancels the others, then fires with a TorcIndexedResult. When all have
 * failed it fails with TORC_OPERATION_FAILED, the code of the last one, and a text that has all
 * reasons in it. count 0: it waits until it is cancelled. */
TORC_API TorcDeferred *torc_race(TorcDeferred *const *deferreds, size_t count);

TORC_END_DECLS

#endif
