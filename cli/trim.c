/* What a crowd of clients leaves behind: the C library keeps freed memory for the next one, hundreds of
 * megabytes after thousands of clients that did not read. It is given back to the system once nobody
 * is connected any more, and has not been for a while, so that no client waits for it.
 *
 * The loop's thread. The command has one reactor, hence the one call. */
#include <stdlib.h>

#include "cli.h"

#ifdef __GLIBC__
#include <malloc.h>
static void give_back(void)
{
    (void)malloc_trim(0); /* or there was nothing to give */
}
#else
static void give_back(void)
{
}
#endif

/* A server that is asked once a second neither trims nor allocates anew each time. */
enum { QUIET_SECONDS = 3 };

static TorcDelayedCall coming;

static uint64_t connections(const TorcReactor *reactor)
{
    TorcReactorCounters counters = {.size = sizeof(counters)};
    (void)TorcReactor_getCounters(reactor, &counters); /* cannot fail */
    return counters.connectionsOpen;
}

static void trim(void *arg)
{
    if (connections(arg) == 0)
        give_back();
}

void cli_connectionEnds(TorcReactor *reactor)
{
    if (connections(reactor) > 1) /* this one counts until its connectionLost has returned */
        return;
    if (TorcDelayedCall_reset(coming, QUIET_SECONDS) < 0)
        (void)TorcReactor_callLater(reactor, QUIET_SECONDS, trim, reactor, &coming);
}
