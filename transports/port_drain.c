/* Draining: a port that has stopped listening waits for its connections, up to a deadline.
 *
 * Reactor's thread. While it drains the reactor holds a reference to the port, which goes to the end
 * of the turn when the last connection has gone; there the waiters are told. Invariant: a port that
 * drains does not listen, and its connections only become fewer. */
#include <errno.h>
#include <math.h>

#include "ports_internal.h"

void torc__port_drained(TorcPort *port)
{
    port->draining = false;
    (void)TorcDelayedCall_cancel(port->drain_call);
    torc__port_letGoLater(port);
}

void torc__port_endConnections(TorcPort *port)
{
    TorcReason *reason =
        TorcReason_new(TORC_CONNECTION_SHUTDOWN, -ETIMEDOUT,
                       "the server ends, and the connection has not ended in the time it had");

    torc__streams_endOwned(port->owner.streams, &port->owner, reason);
    TorcReason_unref(reason);
}

static void deadline_passed(void *arg)
{
    TorcPort *port = arg;

    TORC__LOG(torc__port_reactor(port), TORC_LOG_WARNING, "port.drain-timed-out",
              torc__port_name(port), TORC_LOG_NUMBER("connections", port->connections));
    port->overdue = true;
    torc__port_endConnections(port);
}

/* What can fail comes first. No deadline, and one that has passed, need no timer. */
static int prepare(TorcPort *port, int64_t time, bool tell, TorcDelayedCall *ret_call,
                   TorcDeferred **ret_done)
{
    int r = 0;
    if (time > 0 && time != TORC__NEVER)
        r = torc__ownCallLater(torc__port_reactor(port), time, "end of draining", deadline_passed,
                               port, ret_call);
    if (r == 0 && tell) {
        *ret_done = torc__port_wait(port, true);
        r = *ret_done ? 0 : -ENOMEM;
    }
    if (r < 0)
        (void)TorcDelayedCall_cancel(*ret_call);
    return r;
}

static void begin(TorcPort *port, TorcDelayedCall deadline)
{
    if (!port->draining)
        port->owner.references++;
    port->draining = true;
    port->overdue = false;
    (void)TorcDelayedCall_cancel(port->drain_call);
    port->drain_call = deadline;
    if (port->listening)
        torc__port_stop(port);
}

static int drain(TorcPort *port, int64_t time, TorcDeferred **ret_done)
{
    TorcDelayedCall deadline = {0};
    int r = prepare(port, time, ret_done != NULL, &deadline, ret_done);
    if (r < 0)
        return r;
    begin(port, deadline);
    if (!port->draining) /* stopFactory has seen to it */
        return 0;
    if (port->connections == 0)
        torc__port_drained(port);
    else if (time == 0)
        deadline_passed(port);
    return 0;
}

int TorcPort_drain(TorcPort *port, double seconds, TorcDeferred **ret_done)
{
    TORC__REQUIRE(port && !isnan(seconds));
    TorcDeferred *done = NULL;
    int64_t time = seconds < 0 ? TORC__NEVER : torc__nanoseconds(seconds);
    int r = 0;

    if (port->connections > 0 || !torc__port_ended(port))
        r = drain(port, time, ret_done ? &done : NULL);
    else if (ret_done && !(done = TorcDeferred_succeed(NULL, NULL)))
        r = -ENOMEM;
    if (r == 0 && ret_done)
        *ret_done = done;
    return r;
}

bool TorcPort_draining(const TorcPort *port)
{
    return port && port->draining;
}
