/* The hygiene check: everything of a reactor and its kernel that is still there, by name.
 *
 * It looks and changes nothing, but for the turns it takes first. What a list holds is told in its
 * order, delayed calls by time, descriptors by number, so that the same run gives the same report. */
#include "sim_hygiene.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "../reactor/reactor_internal.h"
#include "../transports/ports_internal.h"
#include "report_internal.h"
#include "sim_internal.h"
#include "sim_network_internal.h"
#include "sim_view_internal.h"

/* Enough for the longest name of a host or a protocol's class that is worth telling whole. */
enum { LINE_SIZE = 400 };

/* The report and its number of lines. */
typedef struct Findings {
    SimReport report;
    const char *host; /* where things are found now */
    bool several;     /* there are other hosts than home: each line names its own */
    size_t count;
} Findings;

static void found(Findings *findings, const char *format, ...) TORC_PRINTF(2, 3);

static void found(Findings *findings, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    findings->count++;
    torc__report_printf(&findings->report, "%s%s%s\n", findings->several ? findings->host : "",
                        findings->several ? ": " : "", line);
}

/* ---- the transports' -------------------------------------------------------------------------*/

static void find_stream(const TorcStream *stream, void *arg)
{
    Findings *findings = arg;
    char peer[TORC_ADDRESS_TEXT_SIZE];
    TorcAddress address;
    TorcTransport *transport = (TorcTransport *)(uintptr_t)stream; /* asked, not changed */
    if (!stream->base.protocol || stream->flags & TORC__LINGERING) {
        found(findings, "closed connection that waits for the peer's end");
        return;
    }
    TorcTransport_getPeer(transport, &address);
    TorcAddress_format(&address, peer, sizeof(peer));
    TorcTransport_getHost(transport, &address);
    found(findings, "connection \"%s\" with %s, port %u", stream->base.protocol->cls->name, peer,
          address.port);
}

/* Most factories are of the same class: their protocols tell them apart. */
static void found_port(Findings *findings, const char *host, const TorcFactory *factory)
{
    if (factory->protocol)
        found(findings, "port %s of factory \"%s\", protocol \"%s\"", host, factory->cls->name,
              factory->protocol->name);
    else
        found(findings, "port %s of factory \"%s\"", host, factory->cls->name);
}

static void find_ports(const TorcStreams *streams, Findings *findings)
{
    char text[TORC_ADDRESS_TEXT_SIZE];
    for (const TorcPort *port = streams->ports; port; port = torc__port_next(port)) {
        TorcAddress address;
        TorcPort_getHost(port, &address);
        TorcAddress_format(&address, text, sizeof(text));
        found_port(findings, text, ((const TorcStreamOwner *)port)->factory);
    }
}

static void find_connectors(const TorcStreams *streams, Findings *findings)
{
    static const char *const states[] = {[TORC_CONNECTOR_DISCONNECTED] = "disconnected",
                                         [TORC_CONNECTOR_CONNECTING] = "connecting",
                                         [TORC_CONNECTOR_CONNECTED] = "connected"};
    for (const TorcConnector *connector = streams->connectors; connector;
         connector = torc__connector_next(connector)) {
        uint16_t port;
        const char *host = TorcConnector_getDestination(connector, &port);
        found(findings, "connector to %s:%u, %s", host, port,
              states[TorcConnector_state(connector)]);
    }
}

/* ---- the reactor's --------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void find_delayed_calls(TorcReactor *reactor, Findings *findings)
{
    const TorcTimerHeap *heap = &reactor->timers.heap;
    int64_t now = torc__now(reactor);
    int64_t *times = torc__sim_alloc((heap->count + 1) * sizeof(*times));
    for (uint32_t i = 0; i < heap->count; i++)
        times[i] = heap->entries[i].deadline;
    qsort(times, heap->count, sizeof(*times), by_time);
    for (uint32_t i = 0; i < heap->count; i++) {
        if (times[i] == TORC__NEVER)
            found(findings, "delayed call that never comes");
        else
            found(findings, "delayed call in %" PRId64 ".%09" PRId64 " s",
                  (times[i] - now) / TORC__SECOND, (times[i] - now) % TORC__SECOND);
    }
    torc__sim_release(times);
}

static void find_jobs(const SimView *view, Findings *findings)
{
    for (unsigned i = 0; i < view->pool.busy; i++)
        found(findings, "job, running");
    for (size_t i = 0; i < view->pool.waiting; i++)
        found(findings, "job, waiting");
    for (const TorcLookup *lookup = view->lookups; lookup; lookup = torc__simLookup_next(lookup))
        found(findings, "look-up of %s", torc__simLookup_host(lookup));
}

static void find_triggers(const TorcTriggers *triggers, Findings *findings)
{
    static const char *const names[TORC__TRIGGER_LISTS] = {
        [TORC__STARTUP_BEFORE] = "system event trigger, before startup",
        [TORC__STARTUP_DURING] = "system event trigger, during startup",
        [TORC__STARTUP_AFTER] = "system event trigger, after startup",
        [TORC__WHEN_RUNNING] = "call when running",
        [TORC__SHUTDOWN_BEFORE] = "system event trigger, before shutdown",
        [TORC__SHUTDOWN_DURING] = "system event trigger, during shutdown",
        [TORC__SHUTDOWN_AFTER] = "system event trigger, after shutdown",
    };
    for (int list = 0; list < TORC__TRIGGER_LISTS; list++)
        if (triggers->lists[list].first)
            found(findings, "%s", names[list]);
}

/* What stops the reactor has the reactor itself for its argument. */
static void find_signal_handlers(const TorcSimHost *host, Findings *findings)
{
    for (int signo = 1; signo < SIM_SIGNALS; signo++) {
        const SimSignalHandler *handler = &host->view->handlers[signo];
        if (handler->function && handler->arg != host->reactor)
            found(findings, "signal handler, signal %d", signo);
    }
}

/* ---- the kernel's ---------------------------------------------------------------------------- */

static const char *kind_of(const SimHandle *handle)
{
    if (!handle->socket)
        return handle->kind->name;
    if (handle->socket->protocol->type == SOCK_DGRAM)
        return "datagram socket";
    switch (handle->socket->state) {
    case SIM_LISTENING: return "socket, listening";
    case SIM_CONNECTING: return "socket, connecting";
    case SIM_CONNECTED: return "socket, connected";
    case SIM_ENDED: return "socket, ended";
    default: return "socket, unused";
    }
}

static void find_descriptors(SimView *view, Findings *findings)
{
    for (int i = 0; i < view->descriptor_limit; i++) {
        const SimDescriptor *descriptor = view->descriptors[i];
        if (descriptor)
            found(findings, "descriptor %d: %s", descriptor->fd, kind_of(descriptor->handle));
    }
}

/* In the input of a socket of this host, perhaps of a peer's. */
static void find_passed(const SimView *view, Findings *findings)
{
    for (const SimPassed *passed = view->kernel->passed; passed; passed = passed->next)
        if (passed->to->host == view->host)
            found(findings, "descriptor under way: %s", kind_of(passed->handle));
}

static void find_all(const TorcSimHost *host, Findings *findings)
{
    TorcStreams *streams = host->reactor->streams;
    findings->host = host->name;
    if (streams) {
        torc__streams_visit(streams, find_stream, findings);
        find_ports(streams, findings);
        find_connectors(streams, findings);
    }
    find_delayed_calls(host->reactor, findings);
    find_jobs(host->view, findings);
    find_triggers(&host->reactor->triggers, findings);
    find_signal_handlers(host, findings);
    find_descriptors(host->view, findings);
    find_passed(host->view, findings);
}

size_t torc__sim_report(TorcSim *sim, char *report, size_t size)
{
    Findings findings = {.count = 0};
    torc__report_begin(&findings.report, report, size);
    findings.several = sim->hosts->next != NULL;
    for (const TorcSimHost *host = sim->hosts; host; host = host->next)
        if (host->reactor)
            find_all(host, &findings);
    return findings.count;
}

size_t TorcSim_checkClean(TorcSim *sim, char *report, size_t size)
{
    torc__sim_require(sim && (report || size == 0),
                      "TorcSim_checkClean: there is no simulation or no buffer");
    TorcSim_advance(sim, 0);
    return torc__sim_report(sim, report, size);
}
