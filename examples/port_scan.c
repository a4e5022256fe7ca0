/* Which TCP ports of this machine are open? Tries each, at most two hundred at a time.
 *
 *     build/torc serve echo --listen tcp:8881
 *     build/examples/port_scan 127.0.0.1 8000-9000
 *     build/examples/port_scan ::1
 *
 * Whoever knocks at the doors of other people's hosts is asked what he wants there, so it refuses
 * every address but loopback ones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <torc/torc.h>

enum { AT_ONCE = 200, PORTS = 65536 };
static const double patience = 1; /* seconds for one port */

typedef enum State { CLOSED, OPEN, SILENT, UNKNOWN, STATES } State;

typedef struct Scan {
    TorcReactor *reactor;
    TorcFactory *factory;
    TorcDeferredSemaphore *slots;
    const char *host;
    int first;
    int last;
    size_t counts[STATES];
    unsigned char states[PORTS]; /* State, by port; its address is what the steps of a port get */
} Scan;

static Scan scan;

static int port_of(const void *arg)
{
    return (int)((const unsigned char *)arg - scan.states);
}

/* ---- one port ------------------------------------------------------------------------------ */

static void note(void *arg, State state)
{
    *(unsigned char *)arg = (unsigned char)state;
    scan.counts[state]++;
}

/* The system may have chosen the very port that is tried to connect from: then the connection is
 * one with itself (RFC 9293, section 3.5), and nobody listens. */
static bool is_own(TorcTransport *transport)
{
    TorcAddress host, peer;
    TorcTransport_getHost(transport, &host);
    TorcTransport_getPeer(transport, &peer);
    return TorcAddress_equal(&host, &peer);
}

static void found_open(TorcResult *result, void *arg)
{
    TorcProtocol *protocol = result->value;
    note(arg, is_own(protocol->transport) ? CLOSED : OPEN);
    TorcTransport_abortConnection(protocol->transport);
    TorcResult_clear(result);
}

/* Everything else (no descriptors, a firewall) says nothing about the port. */
static void found_closed(TorcResult *result, void *arg)
{
    switch (TorcReason_kind(result->reason)) {
    case TORC_CONNECTION_REFUSED: note(arg, CLOSED); break;
    case TORC_CONNECTION_TIMED_OUT: note(arg, SILENT); break;
    default: note(arg, UNKNOWN); break;
    }
    TorcResult_clear(result);
}

static int knock(void *arg, TorcDeferred **ret_tried)
{
    const TorcConnectOptions *options = TORC_CONNECT_OPTIONS(.timeout = patience);
    TorcDeferred *tried = NULL;
    TorcClientEndpoint *endpoint =
        TorcTCPClientEndpoint_new(scan.reactor, scan.host, port_of(arg), options);
    int r = endpoint ? TorcClientEndpoint_connect(endpoint, scan.factory, &tried) : -errno;
    TorcClientEndpoint_unref(endpoint);
    if (r < 0)
        return r;
    r = TorcDeferred_addCallbacks(tried, found_open, found_closed, arg);
    if (r < 0)
        TorcDeferred_release(tried);
    else
        *ret_tried = tried;
    return r;
}

/* It is this port's turn; or, as a failure, it will not come. */
static void try_port(TorcResult *result, void *arg)
{
    TorcDeferred *tried;
    if (result->reason)
        return;
    int r = knock(arg, &tried);
    if (r < 0)
        TorcResult_fail(result, TORC_CONNECTION_FAILED, r, NULL);
    else
        TorcResult_wait(result, tried);
}

/* ---- all of them --------------------------------------------------------------------------- */

static void print_table(TorcResult *result, void *arg)
{
    (void)arg;
    for (int port = scan.first; port <= scan.last; port++)
        if (scan.states[port] == OPEN || scan.states[port] == SILENT)
            printf("%5d  %s\n", port, scan.states[port] == OPEN ? "open" : "silent");
    printf("%s: %zu open, %zu closed, %zu silent\n", scan.host, scan.counts[OPEN],
           scan.counts[CLOSED], scan.counts[SILENT]);
    if (scan.counts[UNKNOWN] > 0)
        printf("%zu could not be tried\n", scan.counts[UNKNOWN]);
    TorcResult_clear(result);
}

/* Interrupted, or out of memory, the first failure is that of all. */
static void try_all(TorcReactor *reactor, TorcResult *result, void *arg)
{
    size_t count = (size_t)(scan.last - scan.first) + 1;
    TorcDeferred **tried = calloc(count, sizeof(TorcDeferred *));
    TorcDeferred *all = NULL;
    (void)arg;
    scan.reactor = reactor;
    if (tried) {
        for (size_t i = 0; i < count; i++)
            tried[i] = TorcDeferredSemaphore_run(scan.slots, try_port,
                                                 &scan.states[(size_t)scan.first + i]);
        all = torc_gatherResults(tried, count);
    }
    free(tried);
    TorcDeferred_addCallback(all, print_table, NULL);
    TorcResult_wait(result, all);
}

/* ---- arguments ----------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    static const uint8_t one[16] = {[15] = 1};
    TorcAddress address;
    if (TorcAddress_parse(host, 0, &address) < 0)
        return false;
    if (address.family == TORC_ADDRESS_IPV4)
        return address.ip[0] == 127; /* 127.0.0.0/8 (RFC 1122, section 3.2.1.3) */
    return memcmp(address.ip, one, sizeof(one)) == 0;
}

/* "80", "1-1024". */
static bool read_range(const char *text)
{
    char *end;
    long first = strtol(text, &end, 10);
    long last = *end == '-' ? strtol(end + 1, &end, 10) : first;
    scan.first = (int)first;
    scan.last = (int)last;
    return *text && !*end && first >= 1 && first <= last && last < PORTS;
}

static int run(void)
{
    TorcReason *reason = NULL;
    int r = -ENOMEM;
    scan.factory = TorcFactory_forProtocol(&torc_protocol_class);
    scan.slots = TorcDeferredSemaphore_new(AT_ONCE);
    if (scan.factory && scan.slots)
        r = torc_react(try_all, NULL, NULL, &reason);
    if (r < 0)
        fprintf(stderr, "port_scan: %s\n", reason ? TorcReason_text(reason) : torc_strerror(r));
    TorcReason_unref(reason);
    TorcDeferredSemaphore_free(scan.slots);
    TorcFactory_unref(scan.factory);
    return r;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3 || !read_range(argc > 2 ? argv[2] : "1-65535")) {
        fputs("usage: port_scan ADDRESS [PORT | FIRST-LAST]\n", stderr);
        return EXIT_FAILURE;
    }
    scan.host = argv[1];
    if (!is_loopback(scan.host)) {
        fprintf(stderr,
                "port_scan: %s is no loopback address; 127.0.0.1 and ::1 are, and only this "
                "machine is scanned\n",
                scan.host);
        return EXIT_FAILURE;
    }
    return run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
