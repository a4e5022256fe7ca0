/* What is on its way between sockets: segments of a stream that arrive later than they were sent.
 *
 * It belongs to the socket it goes to, so it outlives the one that sent it. Segments arrive in the
 * order they were put, so one whose time is over may have to wait for those ahead; each arrival is
 * an event, and only that of the first is scheduled. It is not while it cannot arrive: because of a
 * partition, or because bytes find no room in the socket's input. Bytes that have not arrived
 * count as the sender's buffer, and its room comes back when they do: acknowledgements take no time.
 *
 * Connections whose links take no time never come here, unless something is still under way. */
#include <string.h>

#include "sim_network_internal.h"

/* On a link with a bandwidth bytes arrive in pieces: what an Ethernet frame carries (RFC 894, less
 * the headers of IP and TCP). */
enum { SEGMENT_SIZE = 1460 };

typedef struct Segment {
    int64_t time;
    size_t length; /* SIM_DATA: in bytes, the rest of the segments' is behind it */
    SimSegmentKind kind;
} Segment;

struct SimTransit {
    SimSocket *socket;
    SimBytes segments; /* of Segment, in the order of arrival */
    SimBytes bytes;    /* of the segments of data */
    SimEvent arrival;  /* of the first segment */
    bool telling;      /* the sender is being told of room: must not be freed, nor overtaken */
};

static Segment *first_segment(const SimTransit *transit)
{
    if (torc__simBytes_length(&transit->segments) == 0)
        return NULL;
    return (Segment *)(void *)(transit->segments.data + transit->segments.begin);
}

static Segment *last_segment(const SimTransit *transit)
{
    return first_segment(transit)
               ? (Segment *)(void *)(transit->segments.data + transit->segments.end) - 1
               : NULL;
}

/* ---- arriving ------------------------------------------------------------------------------ */

static bool is_held(const SimTransit *transit)
{
    const SimSocket *socket = transit->socket;
    bool full = torc__simBytes_length(&socket->input) >= socket->kernel->buffer_size;
    return (first_segment(transit)->kind == SIM_DATA && full) ||
           !torc__simLink_passes(socket->far, socket->host);
}

static void schedule(SimTransit *transit)
{
    SimKernel *kernel = transit->socket->kernel;
    const Segment *first = first_segment(transit);
    if (!first || transit->arrival.position > 0 || is_held(transit))
        return;
    int64_t delay = first->time > kernel->now ? first->time - kernel->now : 0;
    torc__simKernel_schedule(kernel, &transit->arrival, delay);
}

/* Neither end hears more of the other; the sender learns it when the RST arrives. */
static void refuse_data(SimSocket *socket)
{
    SimSocket *sender = socket->other;
    torc__simTransit_drop(socket);
    if (sender) {
        sender->other = NULL;
        torc__simTransit_put(sender, SIM_RST);
    }
    torc__simSocket_receiveReset(socket);
}

/* There is room in its buffer again. False when that has brought about the end of the socket. */
static bool tell_sender(SimTransit *transit, SimSocket *sender)
{
    transit->telling = true;
    sender->wants_space = false;
    torc__simSocket_tell(sender, TORC_WRITABLE);
    transit->telling = false;
    if (transit->socket)
        return true;
    torc__sim_release(transit);
    return false;
}

static void receive_data(SimTransit *transit, size_t length)
{
    SimSocket *socket = transit->socket;
    SimSocket *sender = socket->other;
    torc__simBytes_append(&socket->input, transit->bytes.data + transit->bytes.begin, length);
    torc__simBytes_drop(&transit->bytes, length);
    socket->kernel->activity++;
    schedule(transit);
    if (!sender || !sender->wants_space || tell_sender(transit, sender))
        torc__simSocket_tell(socket, TORC_READABLE);
}

static void data_arrives(SimTransit *transit)
{
    SimSocket *socket = transit->socket;
    Segment *first = first_segment(transit);
    size_t room = socket->kernel->buffer_size - torc__simBytes_length(&socket->input);
    size_t length = first->length < room ? first->length : room;
    if (torc__simSocket_isDeaf(socket)) {
        refuse_data(socket);
        return;
    }
    first->length -= length;
    if (first->length == 0)
        torc__simBytes_drop(&transit->segments, sizeof(*first));
    receive_data(transit, length);
}

/* The connection has reached its listener, if that is still there. */
static void enqueue(SimSocket *socket)
{
    SimSocket *listener = torc__simPorts_listenerOf(socket);
    if (listener)
        torc__simSocket_enqueue(listener, socket);
    else
        torc__simSocket_abort(socket);
}

static void control_arrives(SimTransit *transit, SimSegmentKind kind)
{
    SimSocket *socket = transit->socket;
    torc__simBytes_drop(&transit->segments, sizeof(Segment));
    schedule(transit);
    if (kind == SIM_ACK) {
        enqueue(socket);
    } else if (kind == SIM_FIN) {
        torc__simSocket_receiveFin(socket);
    } else {
        torc__simTransit_drop(socket);
        torc__simSocket_receiveReset(socket);
    }
}

static void arrive(SimEvent *event)
{
    SimTransit *transit = SIM_CONTAINER(event, SimTransit, arrival);
    if (is_held(transit))
        return;
    if (transit->socket->state != SIM_CONNECTED) {
        torc__simTransit_drop(transit->socket);
        return;
    }
    SimSegmentKind kind = first_segment(transit)->kind;
    if (kind == SIM_DATA)
        data_arrives(transit);
    else
        control_arrives(transit, kind);
}

/* ---- sending ------------------------------------------------------------------------------- */

static SimTransit *transit_of(SimSocket *socket)
{
    if (!socket->transit) {
        socket->transit = torc__sim_alloc(sizeof(*socket->transit));
        socket->transit->socket = socket;
        socket->transit->arrival.fire = arrive;
        socket->transit->arrival.name = "arrival";
    }
    return socket->transit;
}

/* What must wait for the bytes ahead arrives with them. */
static void put(SimTransit *transit, SimSegmentKind kind, size_t length, int64_t time)
{
    Segment *last = last_segment(transit);
    Segment segment = {.time = time, .length = length, .kind = kind};
    if (last && last->time >= time && last->kind == SIM_DATA && kind == SIM_DATA)
        last->length += length;
    else
        torc__simBytes_append(&transit->segments, &segment, sizeof(segment));
    schedule(transit);
}

void torc__simTransit_put(SimSocket *to, SimSegmentKind kind)
{
    put(transit_of(to), kind, 0, torc__simLink_arrival(to->far, to->host, 0));
}

/* Nobody is there: the bytes travel, and an RST comes back, unless the machine is down. */
static void send_to_nobody(SimSocket *from, size_t length)
{
    if (from->far->down) {
        from->unanswered += length;
        return;
    }
    int64_t there = torc__simLink_arrival(from->host, from->far, length);
    int64_t way_back = torc__simLink_arrival(from->far, from->host, 0) - from->kernel->now;
    put(transit_of(from), SIM_RST, 0, torc__sim_later(there, way_back));
}

void torc__simTransit_send(SimSocket *from, const void *data, size_t length)
{
    from->kernel->activity++;
    if (!from->other) {
        send_to_nobody(from, length);
        return;
    }
    SimTransit *transit = transit_of(from->other);
    const SimLink *link = torc__simLink_find(from->host, from->far);
    bool whole = !link || link->bandwidth == 0;
    torc__simBytes_append(&transit->bytes, data, length);
    while (length > 0) {
        size_t piece = whole || length < SEGMENT_SIZE ? length : SEGMENT_SIZE;
        put(transit, SIM_DATA, piece, torc__simLink_arrival(from->host, from->far, piece));
        length -= piece;
    }
}

size_t torc__simTransit_length(const SimSocket *socket)
{
    return socket->transit ? torc__simBytes_length(&socket->transit->bytes) : 0;
}

size_t torc__simTransit_room(const SimSocket *from)
{
    size_t used = from->other ? torc__simTransit_length(from->other) : from->unanswered;
    size_t size = from->kernel->buffer_size;
    return used < size ? size - used : 0;
}

static bool is_busy(const SimSocket *socket)
{
    const SimTransit *transit = socket->transit;
    return transit && (transit->telling || first_segment(transit));
}

static bool is_slow(const SimHost *from, const SimHost *to)
{
    const SimLink *link = torc__simLink_find(from, to);
    return link && (link->latency > 0 || link->jitter > 0 || link->bandwidth > 0 || link->cut);
}

bool torc__simTransit_needed(const SimSocket *socket)
{
    const SimHost *far = socket->far;
    if (!far)
        return false;
    if (is_slow(socket->host, far))
        return true;
    if (socket->other)
        return is_busy(socket->other);
    return far->down || is_slow(far, socket->host) || is_busy(socket);
}

/* ---- what else happens to it --------------------------------------------------------------- */

void torc__simTransit_resume(SimSocket *socket)
{
    schedule(socket->transit);
}

/* The FIN of a socket that was closed goes first; the RST follows when the bytes arrive. */
void torc__simTransit_refuse(SimSocket *socket)
{
    if (torc__simTransit_length(socket) == 0)
        return;
    int64_t arrives = first_segment(socket->transit)->time;
    int64_t way_back = torc__simLink_arrival(socket->host, socket->far, 0) - socket->kernel->now;
    put(transit_of(socket->other), SIM_RST, 0, torc__sim_later(arrives, way_back));
}

void torc__simTransit_repeat(SimSocket *socket)
{
    SimTransit *transit = socket->transit;
    if (!transit)
        return;
    Segment *segments = first_segment(transit);
    size_t count = torc__simBytes_length(&transit->segments) / sizeof(*segments);
    for (size_t i = 0; i < count; i++)
        segments[i].time = torc__simLink_arrival(socket->far, socket->host, segments[i].length);
    torc__simKernel_cancel(socket->kernel, &transit->arrival);
    schedule(transit);
}

void torc__simTransit_drop(SimSocket *socket)
{
    SimTransit *transit = socket->transit;
    if (!transit)
        return;
    torc__simKernel_cancel(socket->kernel, &transit->arrival);
    torc__simBytes_done(&transit->segments);
    torc__simBytes_done(&transit->bytes);
    transit->socket = NULL;
    socket->transit = NULL;
    if (!transit->telling)
        torc__sim_release(transit);
}
