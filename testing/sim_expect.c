/* Waiting for what must come, in virtual time and no further than needed.
 *
 * TorcSim_runUntil asks after each thing that happens. What was awaited in vain is told by
 * TorcSim_fail, once. */
#include "sim_expect.h"

#include <string.h>

#include "report_internal.h"
#include "sim_internal.h"
#include "sim_seeds.h"

enum { REPORT_SIZE = 2048 };

/* ---- what came ----------------------------------------------------------------------------- */

typedef enum Verdict { WAITING, CAME, FAILED } Verdict;

typedef struct Awaited {
    TorcSimPeer *peer;
    const void *data;
    size_t length;
    Verdict (*look)(const struct Awaited *awaited);
} Awaited;

static const char *received(const Awaited *awaited)
{
    return TorcSimPeer_received(awaited->peer);
}

static bool ended(const Awaited *awaited)
{
    return TorcSimPeer_gotEnd(awaited->peer) || TorcSimPeer_gotReset(awaited->peer);
}

static Verdict look_for_bytes(const Awaited *awaited)
{
    size_t there = TorcSimPeer_receivedLength(awaited->peer);
    size_t count = there < awaited->length ? there : awaited->length;
    if (count > 0 && memcmp(received(awaited), awaited->data, count) != 0)
        return FAILED;
    if (count == awaited->length)
        return CAME;
    return ended(awaited) ? FAILED : WAITING;
}

/* Where the text ends among what was received, 0: it is not there. */
static size_t end_of_text(const Awaited *awaited)
{
    size_t there = TorcSimPeer_receivedLength(awaited->peer);
    const char *bytes = received(awaited);
    for (size_t end = awaited->length; end <= there; end++)
        if (memcmp(bytes + end - awaited->length, awaited->data, awaited->length) == 0)
            return end;
    return 0;
}

static Verdict look_for_text(const Awaited *awaited)
{
    if (end_of_text(awaited) > 0)
        return CAME;
    return ended(awaited) ? FAILED : WAITING;
}

static Verdict look_for_end(const Awaited *awaited)
{
    if (TorcSimPeer_receivedLength(awaited->peer) > 0 || TorcSimPeer_gotReset(awaited->peer))
        return FAILED;
    return TorcSimPeer_gotEnd(awaited->peer) ? CAME : WAITING;
}

static Verdict look_for_reset(const Awaited *awaited)
{
    if (TorcSimPeer_receivedLength(awaited->peer) > 0)
        return FAILED;
    return TorcSimPeer_gotReset(awaited->peer) ? CAME : WAITING;
}

static Verdict look_for_anything(const Awaited *awaited)
{
    return TorcSimPeer_receivedLength(awaited->peer) > 0 || ended(awaited) ? FAILED : WAITING;
}

static bool decided(void *arg)
{
    const Awaited *awaited = arg;
    return awaited->look(awaited) != WAITING;
}

static Verdict await(Awaited *awaited, double seconds)
{
    torc__sim_require(awaited->peer,
                      "TorcSimPeer_expect: there is no peer; did it fail to connect?");
    torc__sim_require(awaited->data || awaited->length == 0,
                      "TorcSimPeer_expect: there are no bytes");
    (void)TorcSim_runUntil(torc__simPeer_sim(awaited->peer), decided, awaited, seconds);
    return awaited->look(awaited);
}

/* ---- what is told -------------------------------------------------------------------------- */

/* "awaited …; received …; …" */
static bool tell(const Awaited *awaited, const char *what, double seconds)
{
    char buffer[REPORT_SIZE];
    SimReport report;
    size_t there = TorcSimPeer_receivedLength(awaited->peer);
    torc__report_begin(&report, buffer, sizeof(buffer));
    torc__report_printf(&report, "awaited %s", what);
    if (awaited->data) {
        torc__report_printf(&report, " ");
        torc__report_quote(&report, awaited->data, awaited->length, 0);
    }
    torc__report_printf(&report, " within %g s; received ", seconds);
    torc__report_quote(&report, received(awaited), there, 0);
    torc__report_printf(&report, " (%zu bytes)%s%s", there,
                        TorcSimPeer_gotEnd(awaited->peer) ? ", then the end" : "",
                        TorcSimPeer_gotReset(awaited->peer) ? ", then a reset" : "");
    return TorcSim_fail(torc__simPeer_sim(awaited->peer), "%s", buffer);
}

/* ---- the public face ----------------------------------------------------------------------- */

bool TorcSimPeer_expectBytes(TorcSimPeer *peer, const void *data, size_t length, double seconds)
{
    Awaited awaited = {peer, data, length, look_for_bytes};
    if (await(&awaited, seconds) != CAME)
        return tell(&awaited, "next", seconds);
    torc__simPeer_take(peer, length);
    return true;
}

bool TorcSimPeer_expect(TorcSimPeer *peer, const char *text, double seconds)
{
    torc__sim_require(text, "TorcSimPeer_expect: there is no text");
    return TorcSimPeer_expectBytes(peer, text, strlen(text), seconds);
}

bool TorcSimPeer_expectText(TorcSimPeer *peer, const char *text, double seconds)
{
    torc__sim_require(text && *text, "TorcSimPeer_expectText: there is no text");
    Awaited awaited = {peer, text, strlen(text), look_for_text};
    if (await(&awaited, seconds) != CAME)
        return tell(&awaited, "somewhere", seconds);
    torc__simPeer_take(peer, end_of_text(&awaited));
    return true;
}

bool TorcSimPeer_expectEnd(TorcSimPeer *peer, double seconds)
{
    Awaited awaited = {peer, NULL, 0, look_for_end};
    return await(&awaited, seconds) == CAME || tell(&awaited, "the end", seconds);
}

bool TorcSimPeer_expectReset(TorcSimPeer *peer, double seconds)
{
    Awaited awaited = {peer, NULL, 0, look_for_reset};
    return await(&awaited, seconds) == CAME || tell(&awaited, "a reset", seconds);
}

bool TorcSimPeer_expectSilence(TorcSimPeer *peer, double seconds)
{
    Awaited awaited = {peer, NULL, 0, look_for_anything};
    return await(&awaited, seconds) == WAITING || tell(&awaited, "silence", seconds);
}

typedef struct AwaitedConnection {
    TorcSim *sim;
    TorcSimPeer *peer;
    int port;
    const char *address; /* UNIX; NULL: the port counts */
} AwaitedConnection;

static bool accepted(void *arg)
{
    AwaitedConnection *awaited = arg;
    awaited->peer = awaited->address ? TorcSim_acceptUNIX(awaited->sim, awaited->address)
                                     : TorcSim_accept(awaited->sim, awaited->port);
    return awaited->peer != NULL;
}

TorcSimPeer *TorcSim_expectConnection(TorcSim *sim, int port, double seconds)
{
    AwaitedConnection awaited = {.sim = sim, .port = port};
    if (!TorcSim_runUntil(sim, accepted, &awaited, seconds))
        (void)TorcSim_fail(sim, "awaited a connection to port %d within %g s; none was made", port,
                           seconds);
    return awaited.peer;
}

TorcSimPeer *TorcSim_expectConnectionUNIX(TorcSim *sim, const char *address, double seconds)
{
    torc__sim_require(address, "TorcSim_expectConnectionUNIX: there is no address");
    AwaitedConnection awaited = {.sim = sim, .address = address};
    if (!TorcSim_runUntil(sim, accepted, &awaited, seconds))
        (void)TorcSim_fail(sim, "awaited a connection to %s within %g s; none was made", address,
                           seconds);
    return awaited.peer;
}

/* "awaited …; still there: …" */
static bool tell_all(TorcSim *sim, const char *what, double seconds)
{
    char report[REPORT_SIZE];
    size_t left = torc__sim_report(sim, report, sizeof(report));
    return TorcSim_fail(sim, "awaited %s within %g s; still there:%s%s", what, seconds,
                        left > 0 ? "\n" : " nothing", report);
}

bool TorcSim_expectThat(TorcSim *sim, TorcSimPredicate *predicate, void *arg, double seconds,
                        const char *what)
{
    torc__sim_require(what, "TorcSim_expectThat: it is not said what is awaited");
    return TorcSim_runUntil(sim, predicate, arg, seconds) || tell_all(sim, what, seconds);
}

bool TorcSim_expectIdle(TorcSim *sim, double seconds)
{
    return TorcSim_runUntilIdle(sim, seconds) || tell_all(sim, "that all is quiet", seconds);
}
