/* Idle timeouts: the end of connections on which nothing moves.
 *
 * Reactor's thread. A connection that has one keeps the time of its last byte, in or out, and one
 * delayed call. A byte moves the time and leaves the call alone; when that comes, it looks how long
 * ago the last byte was, and comes again for the rest. So a busy connection costs a look at the
 * clock for each read and send, and a wake-up for each timeout; those without one pay nothing, for
 * the flag is tested together with others. Invariant: TORC__TIMED is set exactly while there is a
 * timeout; the call is active then, until the connection closes. */
#include "stream_internal.h"

static void idle_due(void *arg);

static int come_in(TorcStream *stream, int64_t delay)
{
    return torc__ownCallLater(stream->owner->streams->reactor, delay, "idle timeout", idle_due,
                              stream, &stream->extras->idle_call);
}

static void end_idle(TorcStream *stream)
{
    double seconds = (double)stream->extras->idle_timeout / TORC__SECOND;

    torc__stream_lose(stream, TorcReason_new(TORC_CONNECTION_TIMED_OUT, -ETIMEDOUT,
                                             "no byte came or went for %g s", seconds));
}

/* Without memory for the call the connection would be kept without bound. */
static void idle_due(void *arg)
{
    TorcStream *stream = arg;

    if (stream->flags & (TORC__DISCONNECTING | TORC__LOST))
        return;
    int64_t quiet = torc__now(stream->owner->streams->reactor) - stream->extras->moved_at;
    int64_t left = stream->extras->idle_timeout - quiet;
    int r = left > 0 ? come_in(stream, left) : 0;
    if (left <= 0)
        end_idle(stream);
    else if (r < 0)
        torc__stream_loseCode(stream, r);
}

/* The old call goes only when the new one is there. */
static int begin(TorcStream *stream, int64_t timeout)
{
    TorcDelayedCall former = stream->extras->idle_call;
    int r = come_in(stream, timeout);
    if (r < 0)
        return r;
    (void)TorcDelayedCall_cancel(former); /* there may be none */
    stream->extras->idle_timeout = timeout;
    stream->flags |= TORC__TIMED;
    torc__stream_moved(stream);
    return 0;
}

int torc__stream_setIdleTimeout(TorcStream *stream, int64_t timeout)
{
    TorcStreamExtras *extras = torc__stream_extras(stream);
    if (!extras)
        return -ENOMEM;
    if (stream->flags & (TORC__DISCONNECTING | TORC__LOST))
        return 0; /* it ends already */
    if (timeout > 0)
        return begin(stream, timeout);
    (void)TorcDelayedCall_cancel(extras->idle_call);
    stream->flags &= ~TORC__TIMED;
    return 0;
}

void torc__stream_beginTimed(TorcStream *stream)
{
    int64_t timeout = torc__nanoseconds(stream->owner->factory->idleTimeout);
    int r = torc__stream_setIdleTimeout(stream, timeout);
    if (r < 0)
        torc__stream_loseCode(stream, r);
}
