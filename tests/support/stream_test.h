/* What the tests of the loop and of stream transports share: a simulation in each mode of
 * readiness, a recording server on it, and one peer.
 *
 *     START_TEST(data_is_delivered)
 *     {
 *         begin_connected(_i);
 *         TorcSimPeer_send(peer, "hello");
 *         settle();
 *         ck_assert_str_eq(rec.log, "made data:5");
 *         end();
 *     }
 *     END_TEST
 *
 * The modes are the backends as they differ for this code: edges, levels, and edges or levels with
 * every recv and send cut to one byte. end() frees the reactor and checks that nothing is left. */
#ifndef TORC_TESTS_STREAM_TEST_H
#define TORC_TESTS_STREAM_TEST_H

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <torc/torc.h>

#include "recorder.h"
#include "run_tests.h"

enum { EDGE, LEVEL, EDGE_BYTEWISE, LEVEL_BYTEWISE, MODES };
enum { PORT = 8881, WHOLE_MODES = EDGE_BYTEWISE };

static TorcSim *sim;
static TorcReactor *reactor;
static Recording rec; /* of the server on PORT */
static TorcPort *port;
static TorcSimPeer *peer;

static inline void begin_with(int mode, TorcSimOptions *options)
{
    options->levelTriggered = mode == LEVEL || mode == LEVEL_BYTEWISE;
    options->chunkSize = mode >= EDGE_BYTEWISE ? 1 : options->chunkSize;
    sim = TorcSim_newWith(options);
    ck_assert_ptr_nonnull(sim);
    reactor = TorcSim_reactor(sim);
}

static inline void begin(int mode)
{
    begin_with(mode, TORC_SIM_OPTIONS(.seed = 1));
}

/* Does all that can be done now. */
static inline void settle(void)
{
    TorcSim_advance(sim, 0);
}

static inline void serve(Recording *recording, int number)
{
    TorcClientFactory *factory = Recording_factory(recording);
    ck_assert_int_eq(TorcReactor_listenTCP(reactor, number, &factory->base, NULL, &port), 0);
    TorcFactory_unref(&factory->base);
}

static inline TorcSimPeer *connect_peer(void)
{
    TorcSimPeer *made = TorcSim_connect(sim, PORT);
    ck_assert_ptr_nonnull(made);
    settle();
    return made;
}

/* A server on PORT, and a peer connected to it. */
static inline void begin_connected_with(int mode, TorcSimOptions *options)
{
    begin_with(mode, options);
    serve(&rec, PORT);
    peer = connect_peer();
}

static inline void begin_connected(int mode)
{
    begin_connected_with(mode, TORC_SIM_OPTIONS(.seed = 1));
}

static inline void end(void)
{
    TorcSim_free(sim);
    sim = NULL;
    Recording_done(&rec);
}

/* ---- writing ------------------------------------------------------------------------------- */

static inline int write_text(const char *text)
{
    return TorcTransport_write(rec.transport, text, strlen(text));
}

/* Bytes by which every place is known: no two of 251 neighbours are alike. */
static inline uint8_t pattern_at(size_t i)
{
    return (uint8_t)(i % 251);
}

static inline uint8_t *new_pattern(size_t length)
{
    uint8_t *bytes = malloc(length ? length : 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern_at(i);
    return bytes;
}

static inline int write_pattern(size_t length)
{
    uint8_t *bytes = new_pattern(length);
    int r = TorcTransport_write(rec.transport, bytes, length);
    free(bytes);
    return r;
}

static inline void assert_pattern(const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != pattern_at(i))
            ck_abort_msg("byte %zu of %zu is wrong", i, length);
}

static inline void assert_peer_has_pattern(TorcSimPeer *of, size_t length)
{
    ck_assert_uint_eq(TorcSimPeer_receivedLength(of), length);
    assert_pattern(TorcSimPeer_received(of), length);
}

/* ---- hooks --------------------------------------------------------------------------------- */

static inline void lose(Recording *recording)
{
    TorcTransport_loseConnection(recording->transport);
}

static inline void lose_write(Recording *recording)
{
    ck_assert_int_eq(TorcTransport_loseWriteConnection(recording->transport), 0);
}

static inline void abort_now(Recording *recording)
{
    TorcTransport_abortConnection(recording->transport);
}

static inline void pause_reading(Recording *recording)
{
    TorcTransport_pauseProducing(recording->transport);
}

static inline void echo(Recording *recording)
{
    size_t from = recording->received_length - recording->chunk;
    int r = TorcTransport_write(recording->transport, recording->received + from, recording->chunk);
    ck_assert_int_eq(r, 0);
}

static inline void stop_reactor(void *arg)
{
    (void)arg;
    ck_assert_int_eq(TorcReactor_stop(reactor), 0);
}

static inline void stop_after(double seconds)
{
    ck_assert_int_eq(TorcReactor_callLater(reactor, seconds, stop_reactor, NULL, NULL), 0);
}

#endif
