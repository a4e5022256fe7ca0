/* Re-entrancy, swept: from inside each callback every call of the transport, in every world, and
 * every ordered pair of calls on the simulated ones.
 *
 * Each time the same conversation is played, which comes through all callbacks if it is left alone:
 * the server writes more than the peer takes, the peer takes it, the peer ends, the server closes one
 * side and then the other. In the callback that it is about, the first time it comes, the calls are
 * made. Whatever they were:
 *
 * - each answers what its state allows (sweep_calls.c);
 * - connectionLost comes once, nothing after it, no callback inside another (the recorder checks);
 * - a producer is told to stop once or not at all, a file's deferred fires once, each release and
 *   destroy function runs once;
 * - what the peer has is the beginning of what was written, and all of it after an orderly end;
 * - nothing is left: no memory of the library's, no descriptor, nothing in the simulation. */
#include <stdio.h>

#include "../support/failing_memory.h"
#include "../support/run_tests.h"
#include "sweep_calls.h"

typedef enum Place {
    IN_MADE,
    IN_DATA,
    IN_CALL, /* a delayed one, bound to the protocol */
    IN_PAUSE,
    IN_RESUME,
    IN_EOF,
    IN_WRITE_SHUT,
    IN_LOST,
    IN_LOST_BY_FIN, /* of a class without readConnectionLost */
    IN_PRODUCER_PAUSE,
    IN_PRODUCER_RESUME,
    IN_PRODUCER_PULL,
    IN_PRODUCER_STOP, /* and after it the protocol is told of a reset */
    PLACES
} Place;

static const char *const place_names[PLACES] = {
    "connectionMade",        "dataReceived",      "a bound call",
    "pauseProducing",        "resumeProducing",   "readConnectionLost",
    "writeConnectionLost",   "connectionLost",    "connectionLost after FIN",
    "a push pauseProducing", "a push resumption", "a pull resumption",
    "stopProducing"};

static struct {
    Place place;
    int first;
    int second; /* -1: none */
    bool arrived;
} play;

/* The calls, the first time it comes here. */
static void arrive(Place place)
{
    if (place != play.place || play.arrived)
        return;
    play.arrived = true;
    if (play.first >= 0)
        sweep_make(play.first);
    if (play.second >= 0)
        sweep_make(play.second);
}

/* ---- the protocol's part ------------------------------------------------------------------- */

static void bound_call(void *arg)
{
    (void)arg;
    ck_assert(rec.transport && rec.counts[RECORD_LOST] == 0);
    arrive(IN_CALL);
}

static void made(Recording *recording)
{
    TorcCall *call = TORC_CALL(bound_call, NULL, .protocol = recording->protocol);
    ck_assert_int_eq(TorcReactor_callLaterWith(world.reactor, 0, call, NULL), 0);
    ck_assert_int_eq(TorcTransport_setWriteMarks(recording->transport, 1000, 0), 0);
    arrive(IN_MADE);
}

static void data(Recording *recording)
{
    if (recording->received_length != recording->chunk)
        return; /* not the first */
    if (play.place == IN_PRODUCER_PULL)
        sweep_register(false);
    else if (play.place >= IN_PRODUCER_PAUSE)
        sweep_register(true);
    (void)sweep_write(world.full);
    arrive(IN_DATA);
}

static void mark_passed(Recording *recording)
{
    (void)recording;
    arrive(IN_PAUSE);
}

static void mark_left(Recording *recording)
{
    (void)recording;
    arrive(IN_RESUME);
}

static void end_of_input(Recording *recording)
{
    if (!sweep.closing && TorcTransport_loseWriteConnection(recording->transport) == 0)
        sweep.closing = true;
    arrive(IN_EOF);
}

static void write_shut(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
    sweep.closing = true;
    arrive(IN_WRITE_SHUT);
}

static void lost(Recording *recording)
{
    (void)recording;
    ck_assert(!sweep.producing);
    sweep.ended = true;
    arrive(play.place == IN_LOST_BY_FIN ? IN_LOST_BY_FIN : IN_LOST);
}

/* ---- the producer's ------------------------------------------------------------------------ */

static void producer_called(SweepProducerCall call)
{
    static const Place places[] = {[SWEEP_PAUSE] = IN_PRODUCER_PAUSE,
                                   [SWEEP_RESUME] = IN_PRODUCER_RESUME,
                                   [SWEEP_PULL] = IN_PRODUCER_PULL,
                                   [SWEEP_STOP] = IN_PRODUCER_STOP};
    ck_assert_uint_eq(rec.counts[RECORD_LOST], 0);
    if (call == SWEEP_PULL && sweep.asked < 3)
        (void)sweep_write(500);
    else if (call != SWEEP_PAUSE && call != SWEEP_STOP)
        sweep_unregister();
    arrive(places[call]);
}

/* ---- the conversation ---------------------------------------------------------------------- */

/* As it goes if left alone; once something was called in between, as far as it goes. */
#define proceed(condition)                                                                         \
    do {                                                                                           \
        until((condition) || play.arrived);                                                        \
        settle();                                                                                  \
    } while (0)

static void set_hooks(void)
{
    rec.half_closeable = play.place != IN_LOST_BY_FIN;
    rec.on[RECORD_MADE] = made;
    rec.on[RECORD_DATA] = data;
    rec.on[RECORD_PAUSE] = mark_passed;
    rec.on[RECORD_RESUME] = mark_left;
    rec.on[RECORD_EOF] = end_of_input;
    rec.on[RECORD_WRITE_SHUT] = write_shut;
    rec.on[RECORD_LOST] = lost;
    sweep_producerCalled = producer_called;
}

static void converse(void)
{
    peer = peer_connect();
    peer_stopReading(peer);
    peer_say(peer, "hello");
    proceed(sweep.written > 0 && (rec.counts[RECORD_PAUSE] || sweep.producing));
    proceed(!sweep.streaming || sweep.paused);
    if (play.place == IN_PRODUCER_STOP) {
        peer_reset(peer);
        proceed(rec.counts[RECORD_LOST]);
        return;
    }
    peer_startReading(peer);
    proceed(peer_receivedLength(peer) == sweep.written && !sweep.producing);
    peer_shutdown(peer);
    proceed(rec.counts[RECORD_LOST]);
}

/* What the calls have left undone: reading is paused, a producer stays, nobody closes. */
static void help_to_the_end(void)
{
    if (rec.transport) {
        TorcTransport_resumeProducing(rec.transport);
        sweep_unregister();
        TorcTransport_loseConnection(rec.transport);
    }
    until(rec.counts[RECORD_DESTROY]);
    settle();
}

static void check_bytes(void)
{
    size_t of_files;
    size_t length = sweep_checkText(peer_received(peer), peer_receivedLength(peer), &of_files);
    ck_assert_msg(length <= sweep.written, "too much arrived; log: %s", rec.log);
    ck_assert(memcmp(Recording_received(&rec), "hello", rec.received_length) == 0);
    if (rec.kind != TORC_CONNECTION_DONE)
        return;
    until(peer_gotEnd(peer));
    length = sweep_checkText(peer_received(peer), peer_receivedLength(peer), &of_files);
    ck_assert_msg(length == sweep.written, "%s: %zu bytes of %zu arrived; log: %s", world.name,
                  length, sweep.written, rec.log);
    ck_assert_msg(of_files == sweep.file_bytes, "%s: %zu bytes of files, told %zu; log: %s",
                  world.name, of_files, sweep.file_bytes, rec.log);
    ck_assert_msg(rec.counts[RECORD_EOF] == 0 || rec.received_length == 5, "input is missing: %s",
                  rec.log);
}

static void play_once(int index, Place place, int first, int second, const char *test)
{
    play.place = place;
    play.first = first;
    play.second = second;
    play.arrived = false;
    sweep_begin();
    set_hooks();
    if (!world_begin(index, 0, test))
        return;
    converse();
    help_to_the_end();
    ck_assert_msg(play.arrived, "%s: never in %s; log: %s", world.name, place_names[place],
                  rec.log);
    check_bytes();
    ck_assert_uint_le(sweep.stops, 1);
    ck_assert_uint_eq(sweep.files, 0);
    world_end();
    ck_assert_int_eq(sweep.armed, 0);
}

/* ---- the sweeps ---------------------------------------------------------------------------- */

/* Resolved class tables stay: what is there after a play without calls. */
static long begin_counting(int index, Place place)
{
    FailingMemory_start(-1);
    play_once(index, place, -1, -1, "");
    return FailingMemory_live();
}

static void play_counted(int index, Place place, int first, int second, long kept)
{
    play_once(index, place, first, second, "");
    ck_assert_msg(FailingMemory_live() == kept, "memory is left after %s and %s in %s",
                  sweep_nameOf(first), second < 0 ? "nothing" : sweep_nameOf(second),
                  place_names[place]);
}

/* _i: a world and a place. */
START_TEST(every_call_may_be_made_from_inside_every_callback) /* CLOSE-1, PROD-4, PROD-5, BUG-5 */
{
    Place place = (Place)(_i % PLACES);
    long kept = begin_counting(_i / PLACES, place);
    for (int call = 0; call < SWEEP_CALLS; call++)
        play_counted(_i / PLACES, place, call, -1, kept);
    FailingMemory_stop();
}
END_TEST

START_TEST(every_two_calls_may_be_made_from_inside_every_callback) /* CLOSE-1, CLOSE-16, BUG-5 */
{
    Place place = (Place)(_i % PLACES);
    const unsigned needs = SIMULATED | WHOLE;
    if ((world_traitsOf(_i / PLACES) & needs) != needs)
        return; /* virtual time is cheap, real time is not */
    long kept = begin_counting(_i / PLACES, place);
    for (int first = 0; first < SWEEP_CALLS; first++)
        for (int second = 0; second < SWEEP_CALLS; second++)
            play_counted(_i / PLACES, place, first, second, kept);
    FailingMemory_stop();
}
END_TEST

/* "pairs": every two calls; else every single one. */
int main(int argc, char **argv)
{
    bool pairs = argc > 1 && strcmp(argv[1], "pairs") == 0;
    TCase *tcase = tcase_create("sweeps");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase,
                        pairs ? every_two_calls_may_be_made_from_inside_every_callback
                              : every_call_may_be_made_from_inside_every_callback,
                        0, worlds_count() * PLACES);
    return run_case("contract: re-entrancy", tcase);
}
