/* What can be seen of the transports: how many connections there are, and the lines of ports,
 * connectors and connections in a dump.
 *
 * Reactor's thread. It looks and changes nothing. What is counted of transports is counted where it
 * happens, for the port or connector that the connection came from and for the reactor: two
 * additions, and what is gone stays counted. */
#include <inttypes.h>
#include <stdio.h>

#include "ports_internal.h"

void torc__streams_count(const TorcReactorPart *part, TorcReactorCounters *counters)
{
    const TorcStreams *streams = (const TorcStreams *)part;

    counters->connectionsOpen += streams->connected;
    counters->bytesReceived += streams->bytes_received;
    counters->bytesSent += streams->bytes_sent;
}

/* ---- the dump ------------------------------------------------------------------------------ */

/* Four characters for each byte of the longest path. */
enum { ESCAPED_ADDRESS_SIZE = 4 * TORC_ADDRESS_TEXT_SIZE };

static const char *address_text(const TorcAddress *address, char text[ESCAPED_ADDRESS_SIZE])
{
    char plain[TORC_ADDRESS_TEXT_SIZE];

    (void)TorcAddress_format(address, plain, sizeof(plain));
    (void)torc_escape(plain, strlen(plain), text, ESCAPED_ADDRESS_SIZE);
    return text;
}

static const char *port_state(const TorcPort *port)
{
    if (port->paused)
        return ", paused";
    if (TorcDelayedCall_active(port->back_off_call))
        return ", looking away";
    return TorcPort_accepting(port) ? "" : ", full";
}

static void dump_port(const TorcDump *dump, const TorcPort *port)
{
    char text[ESCAPED_ADDRESS_SIZE];
    char most[32] = "";

    if (port->most > 0)
        (void)snprintf(most, sizeof(most), " of at most %u", port->most);
    torc__dump_print(dump, "port: %s, factory \"%s\", %u connections%s%s",
                     address_text(&port->address, text), port->owner.factory->cls->name,
                     port->connections, most, port_state(port));
}

static void dump_connector(const TorcDump *dump, const TorcConnector *connector)
{
    static const char *const states[] = {[TORC_CONNECTOR_DISCONNECTED] = "disconnected",
                                         [TORC_CONNECTOR_CONNECTING] = "connecting",
                                         [TORC_CONNECTOR_CONNECTED] = "connected"};
    char text[TORC__DESTINATION_SIZE];

    connector->kind->describe(connector, text, sizeof(text));
    torc__dump_print(dump, "connector: %s, factory \"%s\", %s", text,
                     connector->owner.factory->cls->name, states[connector->state]);
}

static const char *flag_text(const TorcStream *stream, uint32_t flag, const char *text)
{
    return stream->flags & flag ? text : "";
}

static const char *closing_text(const TorcStream *stream)
{
    if (stream->flags & TORC__LOST)
        return ", lost";
    return flag_text(stream, TORC__DISCONNECTING, ", closing");
}

static void dump_stream(const TorcStream *stream, void *arg)
{
    const TorcDump *dump = arg;
    const TorcStreams *streams = stream->owner->streams;
    TorcTransport *transport = (TorcTransport *)(uintptr_t)stream; /* asked, not changed */
    int64_t age = torc__ages_of(&streams->ages, stream->generation, dump->now);
    char seconds[TORC__SECONDS_TEXT_SIZE], peer[ESCAPED_ADDRESS_SIZE], host[ESCAPED_ADDRESS_SIZE];
    TorcAddress address;

    if (!stream->base.protocol || (stream->flags & TORC__LINGERING)) {
        torc__dump_print(dump, "connection %" PRIu32 ": over, waits for the peer's end",
                         stream->generation);
        return;
    }
    TorcTransport_getPeer(transport, &address);
    (void)address_text(&address, peer);
    TorcTransport_getHost(transport, &address);
    torc__dump_print(
        dump,
        "connection %" PRIu32 ": protocol \"%s\", peer %s, host %s, descriptor %d, "
        "%s s old, %zu bytes wait%s%s%s%s%s",
        stream->generation, stream->base.protocol->cls->name, peer, address_text(&address, host),
        stream->fd, torc__dump_seconds(age, seconds), torc__stream_bufferedBytes(&stream->base),
        flag_text(stream, TORC__BLOCKED, ", blocked"), flag_text(stream, TORC__PAUSED, ", paused"),
        flag_text(stream, TORC__READ_EOF, ", the peer has ended"),
        torc__stream_parked(stream) ? ", parked" : "", closing_text(stream));
    if (stream->extras)
        torc__dump_boundCalls(dump, &stream->extras->bound);
}

void torc__streams_dump(const TorcReactorPart *part, const TorcDump *dump)
{
    const TorcStreams *streams = (const TorcStreams *)part;

    for (const TorcPort *port = streams->ports; port; port = port->next)
        dump_port(dump, port);
    for (const TorcConnector *connector = streams->connectors; connector;
         connector = connector->next)
        dump_connector(dump, connector);
    torc__streams_visit(streams, dump_stream, (void *)(uintptr_t)dump);
}
