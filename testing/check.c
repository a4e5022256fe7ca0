/* What the assertions of check.h are made of: comparisons that say what is wrong. One thread; nothing
 * is owned here, and nothing of check is needed. */
#include "check.h"

#include "report_internal.h"
#include "sim_hygiene.h"

/* True, or the message says what was expected instead. */
static bool compare(const char *verb, const void *actual, size_t actual_length,
                    const void *expected, size_t expected_length, SimReport *message)
{
    size_t focus = torc__report_difference(actual, actual_length, expected, expected_length);
    if (focus == actual_length && focus == expected_length)
        return true;
    torc__report_printf(message, "has %s other bytes than expected, from byte %zu on\n  %s: ", verb,
                        focus, verb);
    torc__report_quote(message, actual, actual_length, focus);
    torc__report_printf(message, "\n  expected: ");
    torc__report_quote(message, expected, expected_length, focus);
    return false;
}

bool torc_check_received(TorcSimPeer *peer, const void *data, size_t length, char *message,
                         size_t size)
{
    SimReport report;

    torc__report_begin(&report, message, size);
    return compare("received", TorcSimPeer_received(peer), TorcSimPeer_receivedLength(peer), data,
                   length, &report);
}

bool torc_check_written(TorcStringTransport *wire, const void *data, size_t length, char *message,
                        size_t size)
{
    SimReport report;

    torc__report_begin(&report, message, size);
    return compare("written", TorcStringTransport_value(wire), TorcStringTransport_length(wire),
                   data, length, &report);
}

/* What helps to find out why a connection has not ended as it should. */
static bool complain(TorcSimPeer *peer, const char *complaint, SimReport *report)
{
    size_t length = TorcSimPeer_receivedLength(peer);

    torc__report_printf(report, "%s; received so far: ", complaint);
    torc__report_quote(report, TorcSimPeer_received(peer), length, length);
    return false;
}

bool torc_check_ended(TorcSimPeer *peer, char *message, size_t size)
{
    SimReport report;

    torc__report_begin(&report, message, size);
    if (TorcSimPeer_gotReset(peer))
        return complain(peer, "the connection was reset, not ended in order", &report);
    return TorcSimPeer_gotEnd(peer) || complain(peer, "the connection is still open", &report);
}

bool torc_check_reset(TorcSimPeer *peer, char *message, size_t size)
{
    SimReport report;

    torc__report_begin(&report, message, size);
    if (TorcSimPeer_gotReset(peer))
        return true;
    return complain(peer,
                    TorcSimPeer_gotEnd(peer) ? "the connection was ended in order, not reset"
                                             : "the connection is still open",
                    &report);
}

bool torc_check_clean(TorcSim *sim, char *message, size_t size)
{
    char left[TORC_CHECK_MESSAGE_SIZE];
    SimReport report;
    size_t count = TorcSim_checkClean(sim, left, sizeof(left));

    torc__report_begin(&report, message, size);
    if (count > 0)
        torc__report_printf(&report, "left behind:\n%s", left);
    return count == 0;
}
