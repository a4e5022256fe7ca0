/* LineReceiver while its slots do everything they may do, at random but from a seed. Whatever
 * happens, what a slot was given stays as it is until it returns, slots are not nested, chunks are
 * not written to, and (told by the sanitizers) nothing is used after its end and nothing leaks. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"

enum { PORT = 8881, SEEDS = 400, ROUNDS = 30, MOST_CALLS = 2000, CHUNK = 3000 };

static uint64_t state;
static TorcLineReceiver *receiver; /* the connection's; NULL when it is gone */
static int nested;                 /* slots on the stack */
static int calls;                  /* of slots */

static size_t below(size_t limit)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)(state >> 33) % limit;
}

static bool one_in(size_t n)
{
    return below(n) == 0;
}

/* Lines of all lengths, some too long, some cut short. */
static void fill(char *bytes, size_t length)
{
    memset(bytes, 'x', length);
    for (size_t at = below(300); at + 1 < length; at += 1 + below(300))
        memcpy(bytes + at, "\r\n", 2);
}

static void clear(TorcLineReceiver *self)
{
    const void *data;
    size_t length = TorcLineReceiver_clearLineBuffer(self, &data);

    if (one_in(2))
        (void)TorcLineReceiver_setLineMode(self, data, length);
    if (nested == 0 || length == 0)
        return; /* outside of a slot it was valid until that call */
    char *copy = malloc(length);
    memcpy(copy, data, length);
    TorcLineReceiver_setRawMode(self);
    ck_assert_mem_eq(copy, data, length);
    free(copy);
}

static void feed(TorcLineReceiver *self)
{
    char chunk[CHUNK];
    char copy[CHUNK];
    size_t length = 1 + below(CHUNK - 1);

    fill(chunk, length);
    memcpy(copy, chunk, length);
    self->base.cls->dataReceived(&self->base, chunk, length);
    ck_assert_mem_eq(chunk, copy, length);
}

/* Something that an application may do at any time, with the data of the slot it is in. */
static void act(TorcLineReceiver *self, const char *data, size_t length)
{
    size_t tail = below(length + 1);

    switch (below(12)) {
    case 0: TorcLineReceiver_setRawMode(self); break;
    case 1: /* the usual thing to do in raw mode, hence twice */
    case 2: (void)TorcLineReceiver_setLineMode(self, data + length - tail, tail); break;
    case 3: (void)TorcLineReceiver_setLineMode(self, "abc\r\nde", below(8)); break;
    case 4: clear(self); break;
    case 5: TorcLineReceiver_pauseProducing(self); break;
    case 6: TorcLineReceiver_resumeProducing(self); break;
    case 7: feed(self); break;
    case 8: (void)TorcLineReceiver_sendLine(self, data, length); break;
    case 9:
        if (one_in(40))
            TorcTransport_loseConnection(self->base.transport);
        break;
    default: break;
    }
}

static void slot(TorcLineReceiver *self, const void *data, size_t length)
{
    ck_assert_int_eq(nested, 0);
    if (calls++ > MOST_CALLS)
        return;
    char *copy = malloc(length + 1);
    memcpy(copy, data, length);
    nested++;
    for (size_t n = below(3); n > 0; n--)
        act(self, data, length);
    nested--;
    ck_assert(memcmp(copy, data, length) == 0);
    free(copy);
}

static void stress_lineReceived(TorcLineReceiver *self, const char *line, size_t length)
{
    slot(self, line, length);
    ck_assert_int_eq(line[length], '\0');
}

static void stress_connectionMade(TorcProtocol *self)
{
    receiver = (TorcLineReceiver *)self;
}

static void stress_connectionLost(TorcProtocol *self, const TorcReason *reason)
{
    (void)reason;
    if (one_in(2))
        (void)TorcLineReceiver_clearLineBuffer((TorcLineReceiver *)self, NULL);
    receiver = NULL;
}

static const TorcLineReceiverClass stress_class = {
    TORC_LINE_RECEIVER_CLASS("stress", TorcLineReceiver),
    .protocol.connectionMade = stress_connectionMade,
    .protocol.connectionLost = stress_connectionLost,
    .maxLength = 250,
    .lineReceived = stress_lineReceived,
    .rawDataReceived = slot,
    .lineLengthExceeded = slot,
};

/* Input arrives by the peer, or directly, and then perhaps without memory to keep it. */
static void input(TorcSimPeer *peer, bool may_send, bool short_of_memory)
{
    char chunk[CHUNK];
    size_t length = 1 + below(CHUNK - 1);

    if (may_send && !one_in(4)) {
        fill(chunk, length);
        TorcSimPeer_sendBytes(peer, chunk, length);
        return;
    }
    if (short_of_memory)
        FailingMemory_start((long)below(6));
    feed(receiver);
    FailingMemory_stop();
}

static void converse(TorcSim *sim, TorcSimPeer *peer)
{
    bool short_of_memory = one_in(2);
    bool open = true;

    for (int i = 0; i < ROUNDS && receiver; i++) {
        input(peer, open, short_of_memory);
        TorcSim_advance(sim, 0.01);
        if (receiver)
            act(receiver, "outside\r\nof a slot", 18);
        if (open && one_in(25)) {
            open = false;
            if (one_in(3))
                TorcSimPeer_reset(peer);
            else
                TorcSimPeer_shutdown(peer);
        }
        TorcSim_advance(sim, (double)below(2));
    }
}

START_TEST(whatever_slots_do_nothing_breaks)
{
    TorcFactory *factory = TorcFactory_forProtocol(&stress_class.protocol);

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        state = seed * 7919;
        calls = 0;
        TorcSim *sim =
            TorcSim_newWith(TORC_SIM_OPTIONS(.seed = seed, .chunkSize = one_in(3) ? 0 : below(50),
                                             .levelTriggered = one_in(2)));
        ck_assert_int_eq(TorcReactor_listenTCP(TorcSim_reactor(sim), PORT, factory, NULL, NULL), 0);
        TorcSimPeer *peer = TorcSim_connect(sim, PORT);
        TorcSim_advance(sim, 0);
        converse(sim, peer);
        TorcSim_free(sim);
        ck_assert_ptr_null(receiver);
    }
    TorcFactory_unref(factory);
}
END_TEST

int main(void)
{
    TCase *tests = tcase_create("stress");

    tcase_set_timeout(tests, 50);
    tcase_add_test(tests, whatever_slots_do_nothing_breaks);
    return run_case("line_receiver_stress", tests);
}
