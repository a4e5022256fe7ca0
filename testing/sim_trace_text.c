/* Lines of the trace as text.
 *
 * Pure functions over a line. Numbers are printed as integers, errors by the names that Linux has
 * for them, bytes escaped; a text depends on the line alone. */
#include <errno.h>
#include <string.h>

#include "../reactor/reactor_internal.h"
#include "report_internal.h"
#include "sim_faults.h"
#include "sim_socket_internal.h"
#include "sim_trace_internal.h"

#define put torc__report_printf

/* ---- names --------------------------------------------------------------------------------- */

typedef enum Shape {
    SHAPE_PLAIN,
    SHAPE_NOTHING,
    SHAPE_NUMBER,
    SHAPE_FAMILY,
    SHAPE_ADDRESS,
    SHAPE_RESULT_ADDRESS,
    SHAPE_BYTES,
    SHAPE_BYTES_WITH,
    SHAPE_OPTION,
    SHAPE_INTEREST,
    SHAPE_NAME,
    SHAPE_PATH,
    SHAPE_PATH_MODE,
    SHAPE_NEWS,
    SHAPE_SIGNAL,
    SHAPE_TEXT,
    SHAPE_NOTE,
    SHAPE_FAULT,
    SHAPE_PEER,
    SHAPE_PEER_ADDRESSES,
    SHAPE_PEER_BYTES
} Shape;

static const struct {
    const char *name;
    Shape shape;
} kinds[] = {
#define KIND_ENTRY(kind, name, shape) [SIM_LINE_##kind] = {name, SHAPE_##shape},
    SIM_LINE_MAP(KIND_ENTRY)
#undef KIND_ENTRY
};

const char *torc__simCall_name(TorcSimCall call)
{
    static const char *const names[TORC_SIM_CALLS] = {
        [TORC_SIM_SOCKET] = "socket",
        [TORC_SIM_BIND] = "bind",
        [TORC_SIM_LISTEN] = "listen",
        [TORC_SIM_ACCEPT] = "accept",
        [TORC_SIM_CONNECT] = "connect",
        [TORC_SIM_RECV] = "recv",
        [TORC_SIM_SEND] = "send",
        [TORC_SIM_WAIT] = "wait",
        [TORC_SIM_SHUTDOWN] = "shutdown",
        [TORC_SIM_CLOSE] = "close",
        [TORC_SIM_SETSOCKOPT] = "setsockopt",
        [TORC_SIM_WATCH] = "watch",
        [TORC_SIM_LOOKUP] = "lookup",
        [TORC_SIM_SUBMIT] = "submit",
        [TORC_SIM_OPEN_SPARE] = "openSpare",
        [TORC_SIM_OPEN] = "open",
        [TORC_SIM_READ_FILE] = "read",
        [TORC_SIM_WRITE_FILE] = "write",
        [TORC_SIM_UNLINK] = "unlink",
        [TORC_SIM_CHMOD] = "chmod",
        [TORC_SIM_STAT] = "stat",
        [TORC_SIM_LOCK] = "lock",
        [TORC_SIM_DUPLICATE] = "duplicate",
        [TORC_SIM_SEND_DESCRIPTOR] = "sendDescriptor",
        [TORC_SIM_TAKE_DESCRIPTOR] = "takeDescriptor",
    };
    return names[call];
}

static const char *error_name(int64_t error)
{
#define ERROR_CASE(name)                                                                           \
    case name: return #name;
    switch (error) {
        ERROR_CASE(EACCES)
        ERROR_CASE(EADDRINUSE)
        ERROR_CASE(EADDRNOTAVAIL)
        ERROR_CASE(EAFNOSUPPORT)
        ERROR_CASE(EAGAIN)
        ERROR_CASE(EALREADY)
        ERROR_CASE(EBADF)
        ERROR_CASE(ECONNABORTED)
        ERROR_CASE(ECONNREFUSED)
        ERROR_CASE(ECONNRESET)
        ERROR_CASE(EDEADLK)
        ERROR_CASE(EEXIST)
        ERROR_CASE(EHOSTUNREACH)
        ERROR_CASE(EINPROGRESS)
        ERROR_CASE(EINTR)
        ERROR_CASE(EINVAL)
        ERROR_CASE(EIO)
        ERROR_CASE(EISCONN)
        ERROR_CASE(EISDIR)
        ERROR_CASE(EMFILE)
        ERROR_CASE(EMSGSIZE)
        ERROR_CASE(ENAMETOOLONG)
        ERROR_CASE(ENETUNREACH)
        ERROR_CASE(ENFILE)
        ERROR_CASE(ENOBUFS)
        ERROR_CASE(ENOENT)
        ERROR_CASE(ENOMEM)
        ERROR_CASE(ENOPROTOOPT)
        ERROR_CASE(ENOSPC)
        ERROR_CASE(ENOTCONN)
        ERROR_CASE(ENOTDIR)
        ERROR_CASE(ENOTSOCK)
        ERROR_CASE(ENXIO)
        ERROR_CASE(EOPNOTSUPP)
        ERROR_CASE(EPERM)
        ERROR_CASE(EPIPE)
        ERROR_CASE(EPROTO)
        ERROR_CASE(EPROTONOSUPPORT)
        ERROR_CASE(EROFS)
        ERROR_CASE(ETIMEDOUT)
        ERROR_CASE(ETOOMANYREFS)
#define TORC_ERROR_CASE(name, value, text) ERROR_CASE(name)
        TORC_ERROR_MAP(TORC_ERROR_CASE)
#undef TORC_ERROR_CASE
    default: return NULL;
    }
#undef ERROR_CASE
}

/* ---- pieces -------------------------------------------------------------------------------- */

static void put_result(SimReport *text, int64_t result)
{
    const char *name = result < 0 ? error_name(-result) : NULL;
    if (name)
        put(text, "%s", name);
    else
        put(text, "%lld", (long long)result);
}

static size_t kept_bytes(const SimLine *line)
{
    return line->length < SIM_LINE_BYTES ? line->length : SIM_LINE_BYTES;
}

/* In quotes, with an ellipsis when there were more. */
static void put_bytes(SimReport *text, const SimLine *line)
{
    torc__report_quote(text, line->bytes, kept_bytes(line), 0);
    put(text, "%s", line->length > SIM_LINE_BYTES ? "..." : "");
}

/* A text of the kit's own. */
static void put_text(SimReport *text, const SimLine *line)
{
    put(text, "%.*s", (int)kept_bytes(line), (const char *)line->bytes);
}

/* The address at this place among the line's bytes (torc__simTrace_putAddress, _putName). */
static void put_address(SimReport *text, const SimLine *line, size_t place)
{
    char host[TORC_ADDRESS_TEXT_SIZE];
    const unsigned char *bytes = line->bytes + place + 1;
    if (line->length > place && line->bytes[place] == SIM_LINE_UNIX) {
        put(text, "unix:");
        torc__report_quote(text, bytes, line->length - place - 1, 0);
        return;
    }
    if (line->length < place + SIM_LINE_ADDRESS) {
        put(text, "none");
        return;
    }
    TorcAddress address = {.family = TORC_ADDRESS_IPV6};
    memcpy(address.ip, bytes, sizeof(address.ip));
    for (int i = 0; i < 4; i++)
        address.scopeId |= (uint32_t)bytes[16 + i] << (8 * i);
    address.port = (uint16_t)(bytes[20] | bytes[21] << 8);
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(address.ip, mapped, sizeof(mapped)) == 0) {
        address.family = TORC_ADDRESS_IPV4;
        memmove(address.ip, address.ip + sizeof(mapped), 4);
        memset(address.ip + 4, 0, sizeof(address.ip) - 4);
    }
    put(text, "%s", TorcAddress_format(&address, host, sizeof(host)));
}

static void put_readiness(SimReport *text, int64_t bits)
{
    static const struct {
        int bit;
        const char *name;
    } names[] = {{TORC_READABLE, "readable"},
                 {TORC_WRITABLE, "writable"},
                 {TORC_CLOSED, "closed"},
                 {TORC_EDGE, "edge"}};
    const char *between = "";
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!(bits & names[i].bit))
            continue;
        put(text, "%s%s", between, names[i].name);
        between = "|";
    }
}

static void put_option(SimReport *text, const SimLine *line)
{
    const char *name = torc__simOptions_name((int)line->a, (int)line->b);
    if (name)
        put(text, "(%d, %s) = ", line->subject, name);
    else
        put(text, "(%d, %lld, %lld) = ", line->subject, (long long)line->a, (long long)line->b);
    put_result(text, line->result);
    if (line->length < 4)
        return;
    const unsigned char *bytes = line->bytes;
    uint32_t value =
        bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    put(text, " value %d", (int32_t)value);
}

static void put_fault(SimReport *text, const SimLine *line)
{
    put(text, ": %s", torc__simCall_name((TorcSimCall)line->a));
    if (line->subject >= 0)
        put(text, "(%d)", line->subject);
    if (line->result < 0) {
        put(text, " ");
        put_result(text, line->result);
    }
    put(text, " ");
    put_text(text, line);
    if (line->b > 0)
        put(text, " %lld", (long long)line->b);
}

/* ---- whole lines --------------------------------------------------------------------------- */

static void put_call(SimReport *text, const SimLine *line, Shape shape)
{
    if (shape == SHAPE_OPTION) {
        put_option(text, line);
        return;
    }
    put(text, "(");
    switch (shape) {
    case SHAPE_FAMILY:
        put(text, line->a == AF_INET6 ? "AF_INET6" : line->a == AF_UNIX ? "AF_UNIX" : "AF_INET");
        break;
    case SHAPE_PATH: put_bytes(text, line); break;
    case SHAPE_PATH_MODE:
        put_bytes(text, line);
        put(text, ", 0%03o", (unsigned)line->a);
        break;
    case SHAPE_NUMBER: put(text, "%d, %lld", line->subject, (long long)line->a); break;
    case SHAPE_BYTES:
        put(text, "%d, %lld%s", line->subject, (long long)line->a,
            line->b & MSG_PEEK ? ", MSG_PEEK" : "");
        break;
    case SHAPE_BYTES_WITH:
        put(text, "%d, %lld, %lld", line->subject, (long long)line->a, (long long)line->b);
        break;
    case SHAPE_INTEREST:
        put(text, "%d, ", line->subject);
        put_readiness(text, line->a);
        break;
    case SHAPE_ADDRESS:
        put(text, "%d, ", line->subject);
        put_address(text, line, 0);
        break;
    case SHAPE_NAME:
        put_bytes(text, line);
        put(text, ", %lld", (long long)line->a);
        break;
    case SHAPE_NOTHING: break;
    default: put(text, "%d", line->subject); break;
    }
    put(text, ") = ");
    put_result(text, line->result);
    if (line->result < 0)
        return;
    if (line->length == 0)
        return;
    if (shape == SHAPE_BYTES || shape == SHAPE_BYTES_WITH) {
        put(text, " ");
        put_bytes(text, line);
    } else if (shape == SHAPE_RESULT_ADDRESS) {
        put(text, " ");
        put_address(text, line, 0);
    }
}

static void put_peer(SimReport *text, const SimLine *line, const char *name, Shape shape)
{
    put(text, "peer %d %s", line->subject, name);
    if (shape == SHAPE_PEER_BYTES) {
        put(text, " %lld ", (long long)line->length);
        put_bytes(text, line);
    } else if (shape == SHAPE_PEER_ADDRESSES) {
        put(text, " ");
        if (line->length == 2 * SIM_LINE_ADDRESS) {
            put_address(text, line, 0);
            put(text, " to ");
        }
        put_address(text, line, line->length == 2 * SIM_LINE_ADDRESS ? SIM_LINE_ADDRESS : 0);
    }
}

void torc__simLine_format(const SimLine *line, char *ret_text)
{
    SimReport text;
    torc__report_begin(&text, ret_text, SIM_LINE_TEXT);
    const char *name = kinds[line->kind].name;
    Shape shape = kinds[line->kind].shape;
    put(&text, "%lld.%09lld ", (long long)(line->time / TORC__SECOND),
        (long long)(line->time % TORC__SECOND));
    if (shape >= SHAPE_PEER) {
        put_peer(&text, line, name, shape);
        return;
    }
    put(&text, "%s", name);
    switch (shape) {
    case SHAPE_NEWS:
        put(&text, "(%d) ", line->subject);
        put_readiness(&text, line->a);
        break;
    case SHAPE_SIGNAL: put(&text, " %d", line->subject); break;
    case SHAPE_NOTE:
        put(&text, ": ");
        put_bytes(&text, line);
        break;
    case SHAPE_TEXT:
        put(&text, ": ");
        put_text(&text, line);
        break;
    case SHAPE_FAULT: put_fault(&text, line); break;
    default: put_call(&text, line, shape); break;
    }
}
