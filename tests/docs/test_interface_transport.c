/* docs/interfaces/transport.md: what may be called on a connection, from where, and what it
 * answers. */
#include "transport_places.h"

/* ---- calls --------------------------------------------------------------------------------- */

static const char *call_write(void)
{
    return interface_code(TorcTransport_write(rec.transport, "x", 1));
}

static const char *call_writeSequence(void)
{
    const TorcBytes pieces[] = {{"x", 1}, {"y", 1}};
    return interface_code(TorcTransport_writeSequence(rec.transport, pieces, 2));
}

static void released(void *arg)
{
    (*(int *)arg)++;
}

static const char *call_writeOwned(void)
{
    static int releases;
    return interface_code(TorcTransport_writeOwned(rec.transport, "x", 1, released, &releases));
}

static TORC_PRINTF(1, 2) int print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int r = TorcTransport_vprintf(rec.transport, format, arguments);
    va_end(arguments);
    return r;
}

static const char *call_printf(void)
{
    int r = TorcTransport_printf(rec.transport, "%d", 1);
    ck_assert_int_eq(print("%d", 1), r);
    return interface_code(r);
}

static const char *call_setWriteMarks(void)
{
    return interface_code(TorcTransport_setWriteMarks(rec.transport, 10, 5));
}

static const char *call_setBufferLimit(void)
{
    return interface_code(TorcTransport_setBufferLimit(rec.transport, 1 << 20));
}

static const char *call_setIdleTimeout(void)
{
    return interface_code(TorcTransport_setIdleTimeout(rec.transport, 60));
}

static const char *call_setCloseTimeout(void)
{
    return interface_code(TorcTransport_setCloseTimeout(rec.transport, 60));
}

static const char *call_loseConnection(void)
{
    TorcTransport_loseConnection(rec.transport);
    return NULL;
}

static const char *call_loseWriteConnection(void)
{
    return interface_code(TorcTransport_loseWriteConnection(rec.transport));
}

static const char *call_abortConnection(void)
{
    TorcTransport_abortConnection(rec.transport);
    return NULL;
}

static const char *call_failConnection(void)
{
    TorcTransport_failConnection(rec.transport, NULL);
    return NULL;
}

static const char *call_pauseProducing(void)
{
    TorcTransport_pauseProducing(rec.transport);
    return NULL;
}

static const char *call_resumeProducing(void)
{
    TorcTransport_resumeProducing(rec.transport);
    return NULL;
}

static const char *end_reason(void)
{
    static char cell[64];
    snprintf(cell, sizeof(cell), "`%s`", TorcReason_kindName(rec.kind));
    return cell;
}

static const char *yes(void)
{
    return "yes";
}

static const char *call_disconnecting(void)
{
    return interface_truth(TorcTransport_disconnecting(rec.transport));
}

static const char *call_connected(void)
{
    return interface_truth(TorcTransport_connected(rec.transport));
}

/* Both addresses. */
static const char *call_addresses(void)
{
    TorcAddress host, of_peer;
    TorcTransport_getHost(rec.transport, &host);
    TorcTransport_getPeer(rec.transport, &of_peer);
    ck_assert_int_eq(host.family, of_peer.family);
    return host.family == TORC_ADDRESS_NONE ? "none" : "it";
}

static const char *call_getReactor(void)
{
    return TorcTransport_getReactor(rec.transport) ? "it" : "NULL";
}

static const char *call_getConnectionId(void)
{
    return TorcTransport_getConnectionId(rec.transport).reactor ? "it" : "`{0}`";
}

static const char *call_protocol(void)
{
    return TorcConnectionId_protocol(id) ? "it" : "NULL";
}

static const char *call_getHandle(void)
{
    int fd = TorcTransport_getHandle(rec.transport);
    return fd < 0 ? interface_code(fd) : "it";
}

static const char *call_setOptions(void)
{
    int r = TorcTransport_setTcpNoDelay(rec.transport, true);
    ck_assert_int_eq(TorcTransport_setTcpKeepAlive(rec.transport, true), r);
    ck_assert_int_eq(TorcTransport_setTcpKeepAliveTimes(rec.transport, 60, 10, 5), r);
    ck_assert_int_eq(TorcTransport_setTcpUserTimeout(rec.transport, 10), r);
    ck_assert_int_eq(TorcTransport_setSendBufferSize(rec.transport, 4096), r);
    ck_assert_int_eq(TorcTransport_setReceiveBufferSize(rec.transport, 4096), r);
    return interface_code(r);
}

static const char *call_getOptions(void)
{
    const int answers[] = {
        TorcTransport_getTcpNoDelay(rec.transport),
        TorcTransport_getTcpKeepAlive(rec.transport),
        TorcTransport_getSendBufferSize(rec.transport),
        TorcTransport_getReceiveBufferSize(rec.transport),
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        ck_assert_int_eq(answers[i] < 0 ? answers[i] : 0, answers[0] < 0 ? answers[0] : 0);
    return answers[0] < 0 ? interface_code(answers[0]) : "it";
}

static const InterfaceRow transport_rows[] = {
    {"write", call_write, NULL},
    {"writeSequence", call_writeSequence, NULL},
    {"writeOwned", call_writeOwned, NULL},
    {"printf, vprintf", call_printf, NULL},
    {"setWriteMarks", call_setWriteMarks, NULL},
    {"setBufferLimit", call_setBufferLimit, NULL},
    {"setIdleTimeout", call_setIdleTimeout, NULL},
    {"setCloseTimeout", call_setCloseTimeout, NULL},
    {"loseConnection", call_loseConnection, end_reason},
    {"loseWriteConnection", call_loseWriteConnection, NULL},
    {"abortConnection", call_abortConnection, end_reason},
    {"failConnection", call_failConnection, end_reason},
    {"pauseProducing", call_pauseProducing, yes},
    {"resumeProducing", call_resumeProducing, yes},
    {"disconnecting", call_disconnecting, NULL},
    {"connected", call_connected, NULL},
    {"getHost, getPeer", call_addresses, NULL},
    {"getReactor", call_getReactor, NULL},
    {"getConnectionId", call_getConnectionId, NULL},
    {"TorcConnectionId_protocol", call_protocol, NULL},
    {"getHandle", call_getHandle, NULL},
    {"setTcpNoDelay, setTcpKeepAlive, setTcpKeepAliveTimes, setTcpUserTimeout, setSendBufferSize, setReceiveBufferSize",
     call_setOptions, NULL},
    {"getTcpNoDelay, getTcpKeepAlive, getSendBufferSize, getReceiveBufferSize", call_getOptions,
     NULL},
};

static const InterfaceColumn transport_columns[] = {
    {"connected", CONNECTED},
    {"reading paused", {while_paused}},
    {"`readConnectionLost`", {in_readConnectionLost}},
    {"after `loseConnection`", CLOSING},
    {"after `loseWriteConnection`", WRITE_CLOSED},
    {"`connectionLost`", LOST},
    {"`destroy`", {in_the_destroy_slot}},
};

START_TEST(what_a_transport_answers_is_on_its_page)
{
    interface_check(
        INTERFACE_TABLE("transport.md", "transport", transport_rows, transport_columns));
}
END_TEST

INTERFACE_SUITE("interfaces: transports", what_a_transport_answers_is_on_its_page)
